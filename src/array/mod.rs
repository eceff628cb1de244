//! Arrays as serde sees them: the token under which they pass, the types that a marked field may have, and the handle that keeps
//! its container.
//!
//! With serde's own derives, this module marks a field as an array:
//!
//! ```
//! #[derive(serde::Serialize, serde::Deserialize)]
//! struct Series {
//!     name: String,
//!     #[serde(with = "serde_shm::array")]
//!     values: Vec<f64>, // placed
//! }
//! let series = Series { name: "t".into(), values: vec![0.5; 1000] };
//! let block = serde_shm::Block::new(serde_shm::to_bytes(&series)?)?;
//! assert_eq!(block.arrays()?[0].path(), "values");
//! assert_eq!(block.get::<Series>()?.values, series.values);
//! # Ok::<(), serde_shm::Error>(())
//! ```

#[cfg(feature = "ndarray")]
mod arena;
#[cfg(feature = "derive")]
#[doc(hidden)]
pub mod autoref;
#[cfg(feature = "ndarray")]
mod dynamic;
mod element;
#[cfg(feature = "ndarray")]
mod handle;
mod info;
pub(crate) mod item;
#[cfg(feature = "ndarray")]
mod live;
#[cfg(feature = "ndarray")]
mod lossless;
#[cfg(feature = "nalgebra")]
mod nalgebra;
#[cfg(feature = "ndarray")]
mod nd;
mod nested;
pub(crate) mod owner;
mod payload;
#[cfg(feature = "bytemuck")]
pub mod pod;
mod read;
#[cfg(feature = "serde_with")]
mod serde_with;
mod token;
#[cfg(feature = "ndarray")]
mod untyped;

use serde::{Deserializer, Serializer};

#[cfg(feature = "serde_with")]
pub use self::serde_with::AsArray;
#[cfg(feature = "ndarray")]
pub use arena::ArenaArray;
#[cfg(feature = "ndarray")]
pub use dynamic::{DynArray, RawArray};
pub(crate) use element::{text, unpadded};
#[cfg(feature = "ndarray")]
pub use handle::{
    ShmArray, ShmArray0, ShmArray1, ShmArray2, ShmArray3, ShmArray4, ShmArray5, ShmArray6,
    ShmArrayD,
};
pub use info::ArrayInfo;
pub use item::{BorrowItem, DeserializeArray, DeserializeItem, SerializeArray, SerializeItem};
#[cfg(feature = "ndarray")]
pub(crate) use live::BufferedArray;
#[cfg(feature = "ndarray")]
pub use live::{
    AtomicArray, FlatAtomic, LiveKind, LockedArray, LockedReadGuard, LockedWriteGuard,
    UntypedAtomic, UntypedLive, UntypedReadGuard, UntypedWriteGuard,
};
#[cfg(feature = "ndarray")]
pub(crate) use lossless::read_lossless;
#[cfg(feature = "ndarray")]
pub(crate) use nd::view;
pub(crate) use owner::Shared;
pub(crate) use token::{
    ARRAYS, Bytes, Descriptor, NAMED, NEWTYPES, NUMBERS, READABLE, RECORD, SPARSE, TOKEN,
    is_bound_for_ours, is_private, is_token,
};
#[cfg(feature = "ndarray")]
pub use untyped::{UntypedArray, UntypedView};

/// Serializes an array field: for `#[serde(with = "serde_shm::array")]` under serde's own derive.
///
/// A field may have any type that implements [`SerializeArray`], as with `#[shm_array]` under this crate's derive. Other formats
/// get nested numbers or `(dtype, shape, bytes)`.
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Signal {
///     rate: u32,
///     #[serde(with = "serde_shm::array")]
///     samples: Vec<f32>,
/// }
/// let bytes = serde_shm::to_bytes(&Signal { rate: 48_000, samples: vec![0.5; 1000] }).unwrap();
/// let back: Signal = serde_shm::from_bytes(&bytes).unwrap();
/// assert_eq!(back.samples.len(), 1000);
/// ```
///
/// # Errors
///
/// Those of the serializer, for example if the disk or the memory that it writes to is full.
pub fn serialize<T: SerializeArray + ?Sized, S: Serializer>(
    value: &T,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    value.serialize_array(serializer)
}

/// Deserializes an array field: for `#[serde(with = "serde_shm::array")]` under serde's own derive. See [`serialize`].
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Signal {
///     #[serde(with = "serde_shm::array")]
///     samples: Vec<u8>,
/// }
/// #[derive(serde::Deserialize)]
/// struct SignalView<'a> {
///     #[serde(borrow, deserialize_with = "serde_shm::array::deserialize")]
///     samples: &'a [u8],
/// }
/// let bytes = serde_shm::to_bytes(&Signal { samples: vec![5; 1000] })?;
/// let view: SignalView = serde_shm::from_bytes(&bytes)?;
/// assert_eq!(view.samples, [5; 1000]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Errors
///
/// If the field is not an array, or has another element type or number of axes than the type; for a borrowed type, also if the
/// bytes cannot be borrowed.
pub fn deserialize<'de, T: DeserializeArray<'de>, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<T, D::Error> {
    T::deserialize_array(deserializer)
}
