//! Goes over the elements of an array of any strides.

use serde_shm::UntypedArray;

/// Calls `see` with each element's index and bytes, row by row.
pub(crate) fn each_element<E>(
    array: &UntypedArray,
    mut see: impl FnMut(&[usize], &[u8]) -> Result<(), E>,
) -> Result<(), E> {
    if array.is_empty() {
        return Ok(());
    }
    let shape = array.shape();
    let mut index = vec![0; shape.len()];
    loop {
        if let Some(bytes) = array.element_bytes(&index) {
            see(&index, bytes)?;
        }
        // The last axis that has a next place goes on; those behind it begin again.
        let Some(axis) = (0..shape.len()).rev().find(|axis| index[*axis] + 1 < shape[*axis]) else {
            return Ok(());
        };
        index[axis] += 1;
        index[axis + 1..].fill(0);
    }
}
