//! Arrays as parts of a value.

use std::ops::Deref;

use crate::array::UntypedArray;

/// An array of a [`Value`](super::Value): a handle on its elements. It also knows how the array was written, on which readers
/// behind serde's buffers (`flatten`, `untagged`) depend.
///
/// ```
/// use serde_shm::{UntypedArray, ShmArray1, value::Value};
///
/// let array = UntypedArray::from(ShmArray1::from(vec![1_u16, 2]));
/// let value = Value::from(array);
/// assert_eq!(value.as_array().unwrap().dtype().to_string(), "<u2");
/// ```
#[derive(Clone, Debug, PartialEq)]
pub struct PlacedArray {
    /// In a box to keep a value small, as most values are not arrays.
    array: Box<UntypedArray>,
    pub(super) is_ndarray_form: bool,
}

impl PlacedArray {
    pub(crate) fn new(array: UntypedArray, is_ndarray_form: bool) -> Self {
        PlacedArray { array: Box::new(array), is_ndarray_form }
    }

    /// Whether the array was written in ndarray's own serde form, as serde's own derive does, and not by an array type or a
    /// marked field.
    /// ```
    /// use serde_shm::{Block, ShmArray1};
    ///
    /// let array = ndarray::array![1, 2];
    /// let block = Block::new(serde_shm::to_bytes(&(&array, ShmArray1::from(array.clone())))?)?;
    /// let value = block.value()?;
    /// assert!(value[0].as_array().unwrap().is_ndarray_form());
    /// assert!(!value[1].as_array().unwrap().is_ndarray_form());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_ndarray_form(&self) -> bool {
        self.is_ndarray_form
    }

    /// The handle on the elements. Costs nothing.
    ///
    /// ```
    /// use serde_shm::{Block, UntypedArray, Value};
    ///
    /// let value = Block::new(serde_shm::to_bytes(&ndarray::array![1_u8, 2])?)?.value()?;
    /// let Value::Array(placed) = value else { panic!() };
    /// let array: UntypedArray = placed.into_array();
    /// assert_eq!(array.as_bytes(), Some(&[1, 2][..]));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn into_array(self) -> UntypedArray {
        *self.array
    }
}

impl Deref for PlacedArray {
    type Target = UntypedArray;

    fn deref(&self) -> &UntypedArray {
        &self.array
    }
}

/// The array is written as array types are.
impl From<UntypedArray> for PlacedArray {
    fn from(array: UntypedArray) -> Self {
        PlacedArray::new(array, false)
    }
}
