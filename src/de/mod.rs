//! The [`Deserializer`], for code that takes any [`serde::Deserializer`].
//!
//! [`from_bytes`](crate::from_bytes), [`Segment::get`](crate::Segment::get) and the others read an object as a type. Some code
//! has no such type and takes a deserializer instead: code that transcodes to another format, reads by a
//! [`DeserializeSeed`](serde::de::DeserializeSeed), wraps the deserializer so that errors say more, or reports fields that the
//! type ignored. This module is for such code.
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
//! [`ser`](crate::ser) is the counterpart for writing.

// Reading: values come from the inline block, and arrays from the source.
//
// - `object` reads a whole object. `by_name` reads an archive that has no inline block. `bounds` limits rows and names that
//   take no bytes.
// - `deserializer` is the public face of these.
// - `decoder` is the cursor. `value` answers every request by the tag that it finds, and `key` answers requests for keys.
//   `items` hands over the items of sequences and maps, `varints` those of lists of whole numbers, `record` the fields of
//   structs and tuples, `variant` the content of an enum. `number` reads one number of any width. `skip` passes over values
//   that the type ignores. `walk` goes over an object without a type, and `leaf` tells of its values without parts. `kept`
//   leaves long lists as they are encoded.
// - `array` answers every request that an array fits, and `part` those that a row or an element of it fits. `elements` hands
//   rows and elements over. `ndarray_form` gives arrays in the form that ndarray asks for. `transparent` accepts options and
//   newtypes that were not written. `buffer` puts arrays into serde's buffer.

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
#[cfg(feature = "ndarray")]
mod leaf;
mod ndarray_form;
mod number;
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
#[cfg(all(feature = "ndarray", feature = "npz"))]
pub(crate) use deserializer::value_with;
pub(crate) use deserializer::{Handle, Opened};
#[cfg(feature = "ndarray")]
pub(crate) use deserializer::{value, walk};
pub(crate) use object::from_source;
