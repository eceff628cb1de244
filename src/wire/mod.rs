//! The inline encoding, byte by byte: tags, numbers and the tables of struct schemas. `docs/FORMAT.md` describes it.
//!
//! Bytes in, bytes out: this floor knows nothing of serde. `ser` writes with it, `de` reads with it.

mod number;
mod tables;
mod tag;
mod text;

pub(crate) use number::{
    Reader, medium_varint, put_padded, put_varint, put_varint_at, put_varints, short_varint,
    unzigzag, varint_len, zigzag,
};
pub(crate) use tables::{
    FieldTags, ReadTables, Schema, SchemaKind, put_field_tags, put_schema, read_schema,
};
pub(crate) use tag::Tag;
pub(crate) use text::{behind_names, scalar_text};

/// A tuple of at most this many elements is a record with a tag each; a longer one is a sequence.
pub(crate) const MAX_TUPLE: usize = 16;

/// A sequence whose length is not known beforehand is written in runs of this many elements.
pub(crate) const RUN: u64 = 63;

/// Byte strings from this length on are placed as arrays of `u8`.
pub(crate) const BLOB_MIN: usize = 256;
