//! Objects whose Rust type is not known: as a tree of values, or part by part.
//!
//! A [`Value`] is read from a segment, a block or an archive by [`Segment::value`](crate::Segment::value) and the like, or as a
//! field of a type that is otherwise known. Written again, it is the same object to every reader. Its arrays are handles, so a
//! value costs what is inline in the object, however large the arrays are.
//!
//! A [`Walk`] takes an object part by part, without a tree: for programs that make their own values of it.
//!
//! In the other direction, a program whose values have no Rust type implements `Serialize` as usual. [`Names::serialize`] writes
//! structs and variants whose names are known at run time only. [`Name::value`] writes a value under the name of its type.
//! [`Numbers`] writes a list of numbers in one piece, and [`UntypedArray`](crate::UntypedArray) an array of any dtype.
//!
//! ```
//! # #[cfg(feature = "ndarray")] {
//! use serde_shm::{Block, value::Value};
//!
//! #[derive(serde::Serialize)]
//! struct Layer { name: String, weight: serde_shm::ShmArray1<f32> }
//!
//! let layers = [Layer { name: "in".into(), weight: vec![0.5, 1.5].into() }];
//! let block = Block::new(serde_shm::to_bytes(&layers)?)?;
//! let value = block.value()?;
//! assert_eq!(value.get("0.name").and_then(Value::as_str), Some("in"));
//! assert_eq!(value.get("0.weight").and_then(Value::as_array).unwrap().shape(), [2]);
//! assert_eq!(value.to_string(), r#"(Layer { name: "in", weight: <f4 [2] })"#);
//! # }
//! # Ok::<(), serde_shm::Error>(())
//! ```

#[cfg(feature = "ndarray")]
mod access;
#[cfg(feature = "ndarray")]
mod blob;
#[cfg(feature = "ndarray")]
mod build;
#[cfg(feature = "ndarray")]
mod deep;
mod name;
mod names;
mod number;
#[cfg(feature = "ndarray")]
mod parts;
#[cfg(feature = "ndarray")]
mod placed;
#[cfg(feature = "ndarray")]
mod read;
#[cfg(feature = "ndarray")]
mod seq;
#[cfg(feature = "ndarray")]
mod show;
#[cfg(feature = "ndarray")]
mod walk;
#[cfg(feature = "ndarray")]
mod write;

#[cfg(feature = "ndarray")]
pub use blob::Blob;
#[cfg(feature = "ndarray")]
pub(crate) use build::Builder;
#[cfg(all(feature = "ndarray", feature = "npz"))]
pub(crate) use build::StandIn;
pub use name::Name;
pub use names::{Names, RecordKind};
pub use number::{Number, Numbers};
#[cfg(feature = "ndarray")]
pub use parts::{Map, Record};
#[cfg(feature = "ndarray")]
pub use placed::PlacedArray;
#[cfg(feature = "ndarray")]
pub(crate) use read::VALUE;
#[cfg(feature = "ndarray")]
pub(crate) use seq::EncodedList;
#[cfg(feature = "ndarray")]
pub use seq::Seq;
#[cfg(feature = "ndarray")]
pub use walk::Walk;

#[cfg(feature = "ndarray")]
use crate::array::UntypedLive;

/// An object, or a part of one, whose Rust type is not known: all that a container says of it.
///
/// It is read by [`Segment::value`](crate::Segment::value), [`Block::value`](crate::Block::value) and
/// [`Npz::value`](crate::Npz::value), or by `Deserialize` as a field of another type.
///
/// A value that was read from a container of this crate and is written again is the same object to every typed reader, names,
/// widths and options included. From another format that describes itself, a value has what that format says. To another format,
/// a value is written as a type with these values would be, with one difference, because the names are known at run time only: a
/// struct is written as a map, and a variant as its name or as a map of one entry.
///
/// Arrays and long byte strings are handles on the container's memory and keep it: their bytes are neither copied nor read. A
/// value owns everything else: each inline part takes 32 bytes, and each text, list, map or record an allocation as well.
///
/// ```
/// use serde_shm::value::{Record, Names, Value};
///
/// #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
/// struct Point { x: f32, label: Option<String> }
///
/// let point = Point { x: 1.5, label: Some("a".into()) };
/// let value: Value = serde_shm::from_bytes(&serde_shm::to_bytes(&point)?)?;
/// let Value::Record(record) = &value else { panic!() };
/// assert_eq!(record.names().name(), "Point");
/// assert_eq!(value["x"], Value::F32(1.5));
///
/// // Made by hand, it is a `Point` to who asks for one.
/// let made = Value::from(Record::new(
///     Names::of_struct("Point", ["x", "label"]),
///     [Value::from(0.25_f32), Value::Optional(None)],
/// )?);
/// let point: Point = serde_shm::from_bytes(&serde_shm::to_bytes(&made)?)?;
/// assert_eq!(point, Point { x: 0.25, label: None });
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[cfg(feature = "ndarray")]
#[non_exhaustive]
pub enum Value {
    /// A unit, or a unit struct, whose name is not kept.
    Unit,
    /// A bool.
    Bool(bool),
    /// A signed number of 8 bits.
    I8(i8),
    /// A signed number of 16 bits.
    I16(i16),
    /// A signed number of 32 bits.
    I32(i32),
    /// A signed number of 64 bits.
    I64(i64),
    /// A signed number of 128 bits.
    I128(i128),
    /// An unsigned number of 8 bits.
    U8(u8),
    /// An unsigned number of 16 bits.
    U16(u16),
    /// An unsigned number of 32 bits.
    U32(u32),
    /// An unsigned number of 64 bits.
    U64(u64),
    /// An unsigned number of 128 bits.
    U128(u128),
    /// A float of 32 bits.
    F32(f32),
    /// A float of 64 bits.
    F64(f64),
    /// A char.
    Char(char),
    /// A text.
    Text(Box<str>),
    /// A byte string.
    Bytes(Blob),
    /// An option. Nested options are nested values, so that `Some(None)` and `None` are told apart.
    Optional(Option<Box<Value>>),
    /// A list, or a tuple of more than 16 elements.
    Seq(Seq),
    /// A tuple of at most 16 elements, or a tuple struct, whose name is not kept.
    Tuple(Box<[Value]>),
    /// A map.
    Map(Map),
    /// A struct with names for its fields, or an enum's variant.
    Record(Record),
    /// A value of a type with two forms, such as an address, in its form for human readers.
    Readable(Box<Value>),
    /// A value under a name: that of its type in the language that wrote it.
    Named(Name, Box<Value>),
    /// An array.
    Array(PlacedArray),
    /// An array that is changed in place.
    Live(Box<UntypedLive>),
}
