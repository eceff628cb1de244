#![cfg_attr(docsrs, feature(doc_cfg))]
//! A serde data format whose arrays are placed, not encoded.
//!
//! An object, that is any value of a `Serialize` type, is written to shared memory, an `.npz` file or a block of bytes.
//! Its arrays lie there as raw aligned buffers; everything else is encoded inline. A reader, in this or another process,
//! gets the arrays as views, without a copy.
//!
//! # The two types to know
//!
//! - `Segment` is an object in shared memory. [`to_shared`] makes one. Another process finds it by its id or name with
//!   [`Segment::open`], and reads the object or borrows from it with [`Segment::get`].
//! - `ShmArray` is a type for array fields that needs no lifetime: one that was read from a segment keeps the memory
//!   mapped and copies nothing.
//!
#![cfg_attr(
    all(feature = "derive", feature = "ndarray"),
    doc = r#"```
use serde_shm::{Deserialize, Segment, Serialize, ShmArray2};

#[derive(Serialize, Deserialize)]
struct Model {
    name: String,               // inline
    weights: ShmArray2<f32>,    // placed: a reader shares it
    #[shm_array]
    bias: Vec<f32>,             // marked, so placed: a reader copies it once
}

# #[cfg(target_os = "linux")]
fn main() -> Result<(), serde_shm::Error> {
    let weights = ndarray::array![[1.0, 2.0], [3.0, 4.0]].into();
    let model = Model { name: "m".into(), weights, bias: vec![0.5; 2] };
    let segment: Segment = serde_shm::to_shared(&model)?; // freed with its last user
    let id = segment.id(); // a text for another process, which does this:

    let seen: Model = serde_shm::from_shared(id)?;
    assert_eq!((seen.name.as_str(), seen.weights[[1, 0]], seen.bias[1]), ("m", 3.0, 0.5));
    Ok(())
}
# #[cfg(not(target_os = "linux"))]
# fn main() {}
```"#
)]
//!
//! # Contents
//!
//! | to | use |
//! |---|---|
//! | share an object between processes | [`to_shared`], [`from_shared`], [`Segment`], [`SegmentOptions`], [`OpenOptions`], [`MemoryWriter`], [`segments`](mod@segments) |
//! | build arrays in shared memory from the beginning (feature `ndarray`) | `Arena`, `ArenaArray` |
//! | keep an object in memory or send it | [`to_bytes`], [`from_bytes`], [`to_writer`], [`from_reader`], [`Block`], [`AlignedBytes`] |
//! | keep an object in a file that NumPy opens (feature `npz`) | `to_npz`, `from_npz`, `Npz`, `NpzOptions` |
//! | exchange it with programs that read safetensors files (feature `safetensors`) | `to_safetensors`, `from_safetensors`, `Safetensors`, `SafetensorsOptions` |
//! | say what is an array | the derives `Serialize` and `Deserialize` (feature `derive`); [`mod@array`] for structs under serde's own derives |
//! | say what an array holds | [`Element`] and its derive, the types of [`element`], [`DType`] |
//! | change arrays in place (feature `ndarray`) | `LockedArray`, `AtomicArray` |
//! | read objects and arrays of unknown type (feature `ndarray`) | [`value`], `Value`, `DynArray`, `UntypedArray` |
//! | share work among processes (feature `workers`) | `workers` |
//! | show how far long work is, and stop it | `progress` of the options and handles, [`ProgressAnswer`], [`BlockOptions`] |
//! | transcode or wrap | [`ser`], [`de`] |
//!
//! With the feature `tracing`, `create`, `open`, `get`, `save`, `load` and each `job` of a worker are spans of the level DEBUG and the target
//! `serde_shm`, with the name of the container, the type or the task as a field. A worker's spans are in its own process, whose
//! subscriber is to be set before `workers::serve`.
//!
//! Every function that can fail returns the same error type, [`Error`].
//!
//! The [guide](crate::_docs::guide) shows each task with a program, its cost and its errors. The
//! [comparison](crate::_docs::compare) says when to take another crate. [`_docs`] has the documents on how this one works.

#[macro_use]
mod trace;

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
mod progress;
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

#[cfg(any(doc, doctest))]
pub mod _docs;

pub use array::ArrayInfo;
#[cfg(feature = "serde_with")]
pub use array::AsArray;
#[cfg(feature = "ndarray")]
pub use array::{
    ArenaArray, AtomicArray, DynArray, FlatAtomic, LiveKind, LockedArray, LockedReadGuard,
    LockedWriteGuard, RawArray, ShmArray, ShmArray0, ShmArray1, ShmArray2, ShmArray3, ShmArray4,
    ShmArray5, ShmArray6, ShmArrayD, UntypedArray, UntypedAtomic, UntypedLive, UntypedReadGuard,
    UntypedView, UntypedWriteGuard,
};
pub use dtype::{DType, DTypeKind, Field as DTypeField, TimeBase, TimeUnit};
pub use element::Element;
pub use error::{Error, ErrorKind, Result};
pub use layout::Order;
pub use memory::AlignedBytes;
#[cfg(feature = "ndarray")]
pub use memory::live::{AtomicBits, AtomicElement, AtomicNumber};
pub use progress::ProgressAnswer;
pub use serde::{de::Deserialize, ser::Serialize};
/// ```
/// use serde_shm::Deserialize;
///
/// #[derive(serde_shm::Serialize)]
/// struct Text { name: String, #[shm_array] bytes: Vec<u8> }
///
/// #[derive(Deserialize)]
/// struct TextView<'a> { name: &'a str, #[shm_array] bytes: &'a [u8] } // the same object, borrowed
///
/// let block = serde_shm::to_bytes(&Text { name: "a".into(), bytes: vec![7; 3] })?;
/// let view: TextView = serde_shm::from_bytes(&block)?;
/// assert_eq!((view.name, view.bytes), ("a", &[7; 3][..]));
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[cfg(feature = "derive")]
pub use serde_shm_derive::Deserialize;
/// ```
/// use serde_shm::Element;
///
/// #[derive(Clone, Copy, Debug, PartialEq, Element)]
/// #[repr(C)]
/// struct Point { x: f32, y: f32, #[element(rename = "class")] kind: u8 }
///
/// let points = [Point { x: 0.0, y: 1.0, kind: 3 }; 100];
/// let block = serde_shm::Block::new(serde_shm::to_bytes(&Cloud { points: points.to_vec() })?)?;
/// assert_eq!(block.arrays()?[0].shape(), [100]); // one array, which NumPy sees as a structured one
///
/// #[derive(serde_shm::Serialize)]
/// struct Cloud { #[shm_array] points: Vec<Point> }
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[cfg(feature = "derive")]
pub use serde_shm_derive::Element;
/// ```
/// use serde_shm::Serialize;
///
/// #[derive(Serialize)]
/// struct Series {
///     name: String,            // inline
///     #[shm_array]
///     values: Vec<f64>,        // placed
///     #[serde(skip)]
///     cache: Vec<f64>,         // serde's attributes work as they do under its own derive
/// }
///
/// let series = Series { name: "t".into(), values: vec![0.5; 1000], cache: vec![] };
/// let block = serde_shm::Block::new(serde_shm::to_bytes(&series)?)?;
/// assert_eq!(block.arrays()?[0].path(), "values");
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[cfg(feature = "derive")]
pub use serde_shm_derive::Serialize;
#[cfg(feature = "ndarray")]
pub use value::Value;
#[cfg(feature = "ndarray")]
pub use verbs::Arena;
pub use verbs::{
    Block, BlockOptions, MemoryWriter, OpenOptions, Segment, SegmentOptions, from_bytes,
    from_reader, from_reader_limited, from_shared, segments, to_bytes, to_shared, to_writer,
};
#[cfg(feature = "npz")]
pub use verbs::{Compression, Npz, NpzOptions, OtherMember, from_npz, to_npz};
#[cfg(feature = "safetensors")]
pub use verbs::{Safetensors, SafetensorsOptions, from_safetensors, to_safetensors};

/// What the code that the derives generate refers to. Not part of the public interface.
#[doc(hidden)]
pub mod __private {
    pub use crate::__element as element;
    #[cfg(feature = "derive")]
    pub use crate::array::autoref;
    pub use crate::array::item::{
        BorrowItem, DeserializeArray, DeserializeItem, Lent, PlainArray, Seal, SerializeArray,
        SerializeItem, deserialize_element, deserialize_elements, deserialize_owned,
        deserialize_slice, plain_elements, serialize_element, serialize_elements,
        serialize_owned_elements,
    };
    pub use crate::array::owner::{Family, Pointer, Share};
    pub use crate::array::{deserialize as deserialize_array, serialize as serialize_array};
    pub use crate::element::{ElementField, field, structure};
    pub use crate::layout::ShapeBuf;
    pub use core;
    pub use core::mem::offset_of;
    pub use core::option::Option;
    pub use core::primitive::usize;
    pub use core::result::Result;
    pub use serde;
    pub use std::borrow::Cow;
    pub use std::vec::Vec;
}
