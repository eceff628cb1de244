#![cfg_attr(
    all(feature = "derive", feature = "ndarray", feature = "npz", feature = "workers"),
    doc = include_str!("../README.md")
)]
#![cfg_attr(
    not(all(feature = "derive", feature = "ndarray", feature = "npz", feature = "workers")),
    doc = "A serde data format whose arrays are placed, not encoded."
)]
#![cfg_attr(docsrs, feature(doc_cfg))]
//!
//! # Where to start
//!
//! [`to_shared`] and [`Segment`] share an object between processes, [`to_npz`] and [`from_npz`] keep it in a file,
//! [`to_bytes`] and [`from_bytes`] in memory. [`ShmArray`] is the array type that costs no copy when it is owned;
//! `workers` has processes that share an object and do jobs. [`mod@array`] is for structs that other derives were used on;
//! [`ser`] and [`de`] have serde's serializer and deserializer, for wrappers and transcoders. Everything fails with [`Error`].

pub mod array;
mod context;
pub mod de;
mod dtype;
pub mod element;
mod error;
mod files;
mod layout;
mod memory;
#[cfg(feature = "npz")]
mod npy;
mod os;
mod segment;
pub mod ser;
mod signature;
mod stack;
mod store;
#[cfg(feature = "npz")]
mod threads;
pub mod value;
mod verbs;
mod wire;
#[cfg(feature = "workers")]
pub mod workers;
#[cfg(feature = "npz")]
mod zip;

pub use array::ArrayInfo;
#[cfg(feature = "serde_with")]
pub use array::AsArray;
#[cfg(feature = "ndarray")]
pub use array::{
    AtomicArray, DynArray, FlatAtomic, LiveKind, LockedArray, LockedReadGuard, LockedWriteGuard,
    RawArray, ShmArray, ShmArray0, ShmArray1, ShmArray2, ShmArray3, ShmArray4, ShmArray5,
    ShmArray6, ShmArrayD, UntypedArray, UntypedAtomic, UntypedLive, UntypedReadGuard, UntypedView,
    UntypedWriteGuard,
};
pub use dtype::{DType, DTypeKind, Field as DTypeField, TimeBase, TimeUnit};
pub use element::Element;
pub use error::{Error, ErrorKind, Result};
pub use layout::Order;
pub use memory::AlignedBytes;
#[cfg(feature = "ndarray")]
pub use memory::live::{AtomicBits, AtomicElement, AtomicNumber};
pub use serde::{de::Deserialize, ser::Serialize};
#[cfg(feature = "derive")]
pub use serde_shm_derive::{Deserialize, Element, Serialize};
#[cfg(feature = "ndarray")]
pub use value::Value;
pub use verbs::{
    Block, OpenOptions, Segment, SegmentOptions, from_bytes, from_reader, from_reader_limited,
    from_shared, segments, to_bytes, to_shared, to_writer,
};
#[cfg(feature = "npz")]
pub use verbs::{Compression, Npz, NpzOptions, OtherMember, from_npz, to_npz};

/// What the derives' code names. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::__element as element;
    #[cfg(feature = "derive")]
    pub use crate::array::autoref;
    pub use crate::array::item::{
        BorrowItem, DeserializeArray, DeserializeItem, Lent, Seal, SerializeArray, SerializeItem,
        deserialize_element, deserialize_elements, deserialize_owned, deserialize_slice,
        serialize_element, serialize_elements, serialize_owned_elements,
    };
    pub use crate::array::owner::{Family, Pointer, Share};
    pub use crate::array::{deserialize as deserialize_array, serialize as serialize_array};
    pub use crate::element::{ElementField, field, structure};
    pub use core;
    pub use core::mem::offset_of;
    pub use core::primitive::usize;
    pub use core::result::Result;
    pub use serde;
    pub use std::borrow::Cow;
    pub use std::vec::Vec;
}
