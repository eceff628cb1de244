//! Byte strings: short ones are owned, long ones stay where they lie.

use std::fmt;
use std::ops::Deref;

use crate::array::UntypedArray;
use crate::dtype::DType;
use crate::error::Result;
use crate::layout::Order;
use crate::store::Placed;
use crate::wire::BLOB_MIN;

/// A byte string of a [`Value`](super::Value). One of 256 bytes or more lies among the arrays of its container. It is then a
/// handle that keeps the container, and costs no copy.
///
/// ```
/// use serde_shm::value::Blob;
///
/// let blob = Blob::from(vec![1_u8, 2, 3]);
/// assert_eq!(blob[1..], [2, 3]);
/// ```
#[derive(Clone)]
pub struct Blob(Kept);

#[derive(Clone)]
enum Kept {
    Owned(Box<[u8]>),
    Placed(Box<UntypedArray>),
}

impl Blob {
    /// Bytes of the container that is being read: a handle on them if they are many, else a copy.
    pub(super) fn of_read(bytes: &[u8]) -> Result<Self> {
        if bytes.len() < BLOB_MIN {
            return Ok(Blob(Kept::Owned(bytes.into())));
        }
        let placed = Placed::free(DType::U8, vec![bytes.len()], Order::C, bytes);
        Ok(Blob(Kept::Placed(Box::new(UntypedArray::of_read(placed)?))))
    }
}

impl Deref for Blob {
    type Target = [u8];

    fn deref(&self) -> &[u8] {
        match &self.0 {
            Kept::Owned(bytes) => bytes,
            // It has one axis, along which its bytes follow one another.
            Kept::Placed(array) => array.as_bytes().unwrap_or_default(),
        }
    }
}

impl AsRef<[u8]> for Blob {
    fn as_ref(&self) -> &[u8] {
        self
    }
}

impl From<Vec<u8>> for Blob {
    fn from(bytes: Vec<u8>) -> Self {
        Blob(Kept::Owned(bytes.into()))
    }
}

impl From<&[u8]> for Blob {
    fn from(bytes: &[u8]) -> Self {
        Blob(Kept::Owned(bytes.into()))
    }
}

impl PartialEq for Blob {
    fn eq(&self, other: &Self) -> bool {
        **self == **other
    }
}

impl Eq for Blob {}

impl fmt::Debug for Blob {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        super::show::bytes(self, f)
    }
}
