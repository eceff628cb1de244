//! The way back: values out of the inline block, arrays out of the source.
//!
//! `object` reads the whole; `decoder` is the cursor; `value` answers every request by the tag that is there; `items` hands
//! over the items of sequences and maps, `record` the fields of structs and tuples, `variant` what an enum holds; `key` answers
//! for keys; `array` answers every request that an array fits, `element` those that one of its elements does; `list` reads
//! lists as ndarrays; `buffer` puts arrays into serde's buffer; `skip` passes over what nobody asked for; `bounds` counts what
//! no bytes stand for; `wrapped` takes options and newtypes off an element.

mod array;
mod bounds;
mod buffer;
mod decoder;
mod element;
mod flow;
#[cfg(feature = "npz")]
mod foreign;
mod items;
mod key;
mod list;
mod object;
mod record;
mod skip;
mod value;
mod variant;
#[cfg(feature = "npz")]
mod whole;
mod wrapped;

#[cfg(feature = "npz")]
pub(crate) use foreign::from_tree;
pub(crate) use object::from_source;
