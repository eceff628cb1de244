//! Arrays as parts of a value.

use std::ops::Deref;

use crate::array::UntypedArray;

/// An array of a [`Value`](super::Value): a handle on its elements, and how it was written, which readers behind serde's buffers
/// (`flatten`, `untagged`) go by.
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
    /// In a box: most values are no arrays, and are to be small.
    array: Box<UntypedArray>,
    pub(super) is_ndarray_form: bool,
}

impl PlacedArray {
    pub(crate) fn new(array: UntypedArray, is_ndarray_form: bool) -> Self {
        PlacedArray { array: Box::new(array), is_ndarray_form }
    }

    /// Whether it was written in ndarray's own serde form, as by a derive of serde's; else by an array type or a marked field.
    pub fn is_ndarray_form(&self) -> bool {
        self.is_ndarray_form
    }

    /// The handle.
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

/// As an array type is written.
impl From<UntypedArray> for PlacedArray {
    fn from(array: UntypedArray) -> Self {
        PlacedArray::new(array, false)
    }
}
