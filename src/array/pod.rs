//! A vector of a [`bytemuck::Pod`] type as an array field: for `#[serde(with = "serde_shm::array::pod")]`, under this crate's derives
//! and serde's own.
//!
//! ```
//! use serde_shm::{Deserialize, Serialize};
//!
//! // In another crate.
//! #[derive(Clone, Copy, PartialEq, Debug, bytemuck::Pod, bytemuck::Zeroable)]
//! #[repr(C)]
//! struct Vec3([f32; 3]);
//!
//! #[derive(Serialize, Deserialize)]
//! struct Mesh {
//!     #[serde(with = "serde_shm::array::pod")]
//!     points: Vec<Vec3>, // placed, as voids of 12 bytes
//! }
//! let mesh = Mesh { points: vec![Vec3([1.0, 2.0, 3.0]); 100] };
//! let block = serde_shm::Block::new(serde_shm::to_bytes(&mesh)?)?;
//! assert_eq!(block.arrays()?[0].dtype().to_string(), "|V12");
//! assert_eq!(block.get::<Mesh>()?.points, mesh.points);
//! # Ok::<(), serde_shm::Error>(())
//! ```
//!
//! Written from where it lies, and read with one copy. For a dtype with names, for views and for ndarrays, use
//! [`AsElement`] as the element.

use bytemuck::{Pod, TransparentWrapper, TransparentWrapperAlloc};
use serde::{Deserializer, Serializer};

use crate::element::AsElement;

use super::{DeserializeArray, SerializeArray};

/// Serializes a `Vec<T>`, a `Box<[T]>` or a `&[T]`. See the [module](self).
///
/// ```
/// #[derive(serde::Serialize)]
/// struct Pixels<'a> {
///     #[serde(serialize_with = "serde_shm::array::pod::serialize")]
///     rgb: &'a [[u8; 3]],
/// }
/// let block = serde_shm::Block::new(serde_shm::to_bytes(&Pixels { rgb: &[[1, 2, 3]; 10] })?)?;
/// assert_eq!(block.arrays()?[0].shape(), [10]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Errors
///
/// Those of the serializer.
pub fn serialize<T: Pod + Send + Sync, S: Serializer>(
    items: &[T],
    serializer: S,
) -> Result<S::Ok, S::Error> {
    <AsElement<T>>::wrap_slice(items).serialize_array(serializer)
}

/// Deserializes a `Vec<T>`. See the [module](self).
///
/// ```
/// #[derive(serde::Serialize, serde::Deserialize)]
/// struct Pixels {
///     #[serde(with = "serde_shm::array::pod")]
///     rgb: Vec<[u8; 3]>,
/// }
/// let bytes = serde_shm::to_bytes(&Pixels { rgb: vec![[1, 2, 3]; 10] })?;
/// let pixels: Pixels = serde_shm::from_bytes(&bytes)?;
/// assert_eq!(pixels.rgb[9], [1, 2, 3]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Errors
///
/// If the field is no array of one axis, or not one of voids of the type's size. The error names both dtypes.
pub fn deserialize<'de, T: Pod + Send + Sync, D: Deserializer<'de>>(
    deserializer: D,
) -> Result<Vec<T>, D::Error> {
    Vec::<AsElement<T>>::deserialize_array(deserializer).map(AsElement::peel_vec)
}
