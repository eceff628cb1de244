//! The way back: values out of the inline block, arrays out of the source.
//!
//! `object` reads the whole. `decoder` is the cursor; `value` answers every request by the tag that is there; `items` hands
//! over the items of sequences and maps, `record` the fields of structs and tuples, `variant` what an enum holds; `key` answers
//! for keys; `list` reads lists as ndarrays; `skip` passes over what nobody asked for. `array` answers every request that an
//! array fits, `part` those that fit a row or an element of it, `elements` hands these over, `stream` the bytes of an array that
//! is read as it is copied; `transparent` takes off options and newtypes that were not written; `buffer` puts arrays into
//! serde's buffer. `by_name` reads archives that say nothing of their object. `bounds` counts what no bytes stand for.

mod array;
mod bounds;
mod buffer;
#[cfg(feature = "npz")]
mod by_name;
mod decoder;
mod elements;
mod items;
mod key;
mod list;
mod object;
mod part;
mod record;
mod skip;
mod stream;
mod transparent;
mod value;
mod variant;

#[cfg(feature = "npz")]
pub(crate) use by_name::from_tree;
pub(crate) use object::from_source;
