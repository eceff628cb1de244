//! The [`Deserializer`] that everything in serde's ways can read from.
//!
//! [`from_bytes`](crate::from_bytes), [`Segment::get`](crate::Segment::get) and the others give a value of a type. Where there is no
//! type, but code that wants a deserializer, this module has it: to transcode to another format, to read by a
//! [`DeserializeSeed`](serde::de::DeserializeSeed), to wrap the deserializer so that an error says more, or to be told of
//! fields that nobody took.
//!
//! ```
//! use serde::{Deserialize, Serialize};
//! use serde_shm::Block;
//!
//! #[derive(Serialize)]
//! struct Written { name: &'static str, size: u32 }
//! #[derive(Deserialize)]
//! struct Read { name: String }
//!
//! let block = Block::new(serde_shm::to_bytes(&Written { name: "a", size: 1 })?)?;
//! let mut ignored = Vec::new();
//! let read: Read =
//!     serde_ignored::deserialize(block.deserializer(), |path| ignored.push(path.to_string()))?;
//! assert_eq!((read.name.as_str(), &ignored[..]), ("a", &["size".to_owned()][..]));
//! # Ok::<(), serde_shm::Error>(())
//! ```
//!
//! The other way is in [`ser`](crate::ser).

// The way back: values out of the inline block, arrays out of the source.
//
// - `object` reads the whole, `by_name` an archive that says nothing of its object; `bounds` counts what no bytes stand for.
// - `deserializer` is the public face of that.
// - `decoder` is the cursor. `value` answers every request by the tag that is there, `key` those for keys; `items` hands over
//   the items of sequences and maps, `varints` those of lists of whole numbers, `record` the fields of structs and tuples,
//   `variant` what an enum holds; `skip` passes over what nobody asked for; `walk` goes over all of it without a type,
//   `kept` leaves long lists as they are encoded.
// - `array` answers every request that an array fits, `part` those that a row or an element of it does; `elements` hands these
//   over. `ndarray_form` is what ndarray asks for; `transparent` takes off options and newtypes that were not written; `buffer`
//   puts arrays into serde's buffer.

mod array;
mod bounds;
mod buffer;
#[cfg(feature = "npz")]
mod by_name;
mod decoder;
mod deserializer;
mod elements;
mod items;
#[cfg(feature = "ndarray")]
mod kept;
mod key;
mod ndarray_form;
mod object;
mod part;
mod record;
mod skip;
mod transparent;
mod value;
mod variant;
mod varints;
#[cfg(feature = "ndarray")]
mod walk;

pub use deserializer::Deserializer;
pub(crate) use deserializer::{Handle, Opened};
#[cfg(feature = "ndarray")]
pub(crate) use deserializer::{value, walk};
pub(crate) use object::from_source;
