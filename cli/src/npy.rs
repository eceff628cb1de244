//! Writes an `.npy` file.

use std::io::{self, Write};

use serde_shm::{Order, UntypedArray};

use crate::show::index::each_element;

/// NumPy starts the elements at a multiple of this.
const ALIGN: usize = 64;

/// Writes the header and the elements. Elements that lie together are written where they lie.
pub(crate) fn write(array: &UntypedArray, mut out: impl Write) -> io::Result<()> {
    let order = array.order().unwrap_or(Order::C);
    out.write_all(&header(array, order))?;
    match array.as_bytes() {
        Some(bytes) => out.write_all(bytes),
        None => each_element(array, |_, bytes| out.write_all(bytes)),
    }
}

fn header(array: &UntypedArray, order: Order) -> Vec<u8> {
    let mut dtype = array.dtype().to_string();
    if !dtype.starts_with(['[', '{', '(']) {
        dtype = format!("'{dtype}'");
    }
    let lens: Vec<String> = array.shape().iter().map(usize::to_string).collect();
    // Python writes a tuple of one with a comma.
    let comma = if lens.len() == 1 { "," } else { "" };
    let is_fortran = if order == Order::F { "True" } else { "False" };
    let shape = lens.join(", ");
    let mut text =
        format!("{{'descr': {dtype}, 'fortran_order': {is_fortran}, 'shape': ({shape}{comma}), }}");
    // The third version is the second in UTF-8; the first has no room for longer texts.
    let version = match text.len() {
        _ if !text.is_ascii() => 3,
        ..65_000 => 1,
        _ => 2,
    };
    let before = if version == 1 { 10 } else { 12 };
    let padded = (before + text.len() + 1).next_multiple_of(ALIGN) - before;
    text += &" ".repeat(padded - 1 - text.len());
    text.push('\n');
    let mut bytes = b"\x93NUMPY".to_vec();
    bytes.extend([version, 0]);
    // A header has no more than some kilobytes.
    if version == 1 {
        bytes.extend((padded as u16).to_le_bytes());
    } else {
        bytes.extend((padded as u32).to_le_bytes());
    }
    bytes.extend(text.into_bytes());
    bytes
}
