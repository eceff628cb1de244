//! The object of an archive that this crate wrote, without its arrays. `Npz::value` would read every array; this reads none, as
//! arrays of zeros stand in their places.

use std::collections::HashMap;

use serde_shm::value::Value;
use serde_shm::{ArrayInfo, Error, ErrorKind, Npz, UntypedArray};

use crate::fault::Result;
use crate::tree::{self, Fold, Head, Node};

/// The tree of the object. Its arrays are to be read by their paths.
pub(crate) fn of_npz(file: &Npz, arrays: &[ArrayInfo], fold: Fold) -> Result<Node> {
    let value = value(file, arrays, |_| false)?;
    let known: HashMap<&str, &ArrayInfo> = arrays.iter().map(|info| (info.path(), info)).collect();
    let mut tree = tree::of_value(&value, "", fold);
    tree.each_array(&mut |head| match known.get(head.path.as_str()) {
        Some(info) => {
            *head = Head::of_info(info);
            Ok(())
        }
        // Its zeros must not be taken for elements.
        None => Err(Error::new(
            ErrorKind::Corrupt,
            format!("array `{}` is not among those that the archive lists", head.path),
        )),
    })?;
    Ok(tree)
}

/// The object with those arrays whose paths `is_read` takes. Zeros stand for the others.
pub(crate) fn value(
    file: &Npz,
    arrays: &[ArrayInfo],
    is_read: impl Fn(&str) -> bool,
) -> Result<Value> {
    let known: HashMap<&str, &ArrayInfo> = arrays.iter().map(|info| (info.path(), info)).collect();
    Ok(file.value_with(|path| match known.get(path) {
        Some(info) if !is_read(path) => zeros(info).map(Some),
        _ => Ok(None),
    })?)
}

/// An array of the same dtype and shape, whose elements are all one.
fn zeros(info: &ArrayInfo) -> Result<UntypedArray, Error> {
    let (dtype, strides) = (info.dtype().clone(), vec![0; info.shape().len()]);
    let zero = vec![0; dtype.item_size()];
    UntypedArray::from_owner_with_strides(dtype, info.shape(), &strides, 0, zero)
}
