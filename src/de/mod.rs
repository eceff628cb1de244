//! The way back: values out of the inline block, arrays out of the source.
//!
//! - `object` reads the whole, `by_name` an archive that says nothing of its object; `bounds` counts what no bytes stand for.
//! - `decoder` is the cursor. `value` answers every request by the tag that is there, `key` those for keys; `items` hands over
//!   the items of sequences and maps, `varints` those of lists of whole numbers, `record` the fields of structs and tuples,
//!   `variant` what an enum holds; `skip` passes over what nobody asked for.
//! - `array` answers every request that an array fits, `part` those that a row or an element of it does; `elements` hands these
//!   over, `stream` the bytes of an array that is read as it is copied. `ndarray_form` is what ndarray asks for; `transparent`
//!   takes off options and newtypes that were not written; `buffer` puts arrays into serde's buffer.

mod array;
mod bounds;
mod buffer;
#[cfg(feature = "npz")]
mod by_name;
mod decoder;
mod elements;
mod items;
mod key;
mod ndarray_form;
mod object;
mod part;
mod record;
mod skip;
mod stream;
mod transparent;
mod value;
mod variant;
mod varints;

#[cfg(feature = "npz")]
pub(crate) use by_name::from_tree;
pub(crate) use object::from_source;
