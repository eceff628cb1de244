//! Arrays inside the types that `serde_with` describes.

use serde::{Deserializer, Serializer};
use serde_with::{DeserializeAs, SerializeAs};

use super::{DeserializeArray, SerializeArray};

/// Places the arrays of a field that `serde_with` handles: an array by itself, or arrays inside the containers that `serde_with`
/// takes apart.
///
/// ```
/// use serde::{Deserialize, Serialize};
///
/// #[serde_with::serde_as]
/// #[derive(Serialize, Deserialize)]
/// struct Signals {
///     #[serde_as(as = "Vec<serde_shm::AsArray>")]
///     channels: Vec<Vec<f32>>,
///     #[serde_as(as = "Option<serde_shm::AsArray>")]
///     window: Option<[f64; 4]>,
/// }
/// let signals = Signals { channels: vec![vec![0.5; 100]; 2], window: None };
/// let segment = serde_shm::to_shared(&signals).unwrap();
/// assert_eq!(segment.arrays().unwrap()[1].path(), "channels.1");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct AsArray;

impl<T: SerializeArray + ?Sized> SerializeAs<T> for AsArray {
    fn serialize_as<S: Serializer>(value: &T, serializer: S) -> Result<S::Ok, S::Error> {
        value.serialize_array(serializer)
    }
}

impl<'de, T: DeserializeArray<'de>> DeserializeAs<'de, T> for AsArray {
    fn deserialize_as<D: Deserializer<'de>>(deserializer: D) -> Result<T, D::Error> {
        T::deserialize_array(deserializer)
    }
}
