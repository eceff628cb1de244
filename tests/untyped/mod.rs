//! Arrays whose type a program does not know: views and handles of their bytes, through every container and back.
#![cfg(all(feature = "ndarray", feature = "derive", feature = "npz", target_os = "linux"))]
#![allow(missing_docs)]

mod containers;
mod foreign;
mod live;
mod typed;
mod views;

use serde_shm::{DType, DTypeKind, UntypedArray, UntypedView};

/// One of each kind, in both byte orders where it has one.
pub(crate) const DTYPES: [&str; 27] = [
    "|b1",
    "|i1",
    "<i2",
    ">i2",
    "<i4",
    "<i8",
    ">i8",
    "|u1",
    ">u2",
    "<u4",
    ">u4",
    "<u8",
    "<f2",
    ">f2",
    "<f4",
    ">f4",
    "<f8",
    ">f8",
    "<c8",
    ">c16",
    "<M8[ns]",
    ">m8[D]",
    "|S3",
    "<U2",
    ">U2",
    "|V5",
    "[('x', '<f4'), ('y', '>i2', (3,)), ('ok', '|b1')]",
];

pub(crate) const LAYOUTS: [&str; 8] =
    ["C", "F", "back", "gaps", "turned", "repeated", "moved", "apart"];

pub(crate) const SHAPE: [usize; 3] = [3, 4, 2];

pub(crate) fn dtype(text: &str) -> DType {
    text.parse().unwrap()
}

/// The bytes of the element of this number.
fn element(dtype: &DType, number: usize) -> Vec<u8> {
    let size = dtype.item_size();
    let mut bytes: Vec<u8> = (0..size).map(|at| (number * 29 + at * 53 + 7) as u8).collect();
    match dtype.kind() {
        DTypeKind::Bool => bytes[0] = (number % 2) as u8,
        DTypeKind::Struct => bytes[size - 1] = (number % 2) as u8,
        DTypeKind::Text => {
            let big = dtype.to_string().starts_with('>');
            for (at, unit) in bytes.chunks_exact_mut(4).enumerate() {
                let char = 0x1f600 + (number + at) as u32;
                unit.copy_from_slice(&char.to_le_bytes());
                if big {
                    unit.reverse();
                }
            }
        }
        _ => {}
    }
    bytes
}

/// An array with its elements in some memory: strides, the place of the first one, and the memory.
pub(crate) struct Laid {
    pub(crate) dtype: DType,
    pub(crate) strides: Vec<isize>,
    pub(crate) offset: usize,
    pub(crate) memory: Vec<u8>,
    /// The elements in row-major order.
    pub(crate) rows: Vec<u8>,
}

pub(crate) fn indices() -> impl Iterator<Item = [usize; 3]> {
    let [a, b, c] = SHAPE;
    (0..a * b * c).map(move |n| [n / (b * c), n / c % b, n % c])
}

impl Laid {
    pub(crate) fn new(text: &str, layout: &str) -> Self {
        let dtype = dtype(text);
        let item = dtype.item_size().cast_signed();
        let [a, b, c] = SHAPE.map(usize::cast_signed);
        let (strides, offset) = match layout {
            "C" => ([b * c * item, c * item, item], 0),
            "F" => ([item, a * item, a * b * item], 0),
            "back" => ([-b * c * item, c * item, -item], ((a - 1) * b * c + 1) * item),
            "gaps" => ([2 * b * c * item, 2 * c * item, 2 * item], 0),
            "turned" => ([item, a * c * item, a * item], 0),
            "repeated" => ([c * item, 0, item], 0),
            "moved" => ([b * c * item, c * item, item], 1),
            "apart" => ([b * c * (item + 1), c * (item + 1), item + 1], 3),
            _ => panic!("{layout}"),
        };
        // Bytes between elements are none that any dtype would take.
        let offset = offset.cast_unsigned();
        let mut memory = vec![0xff; offset + 2 * 24 * (dtype.item_size() + 1)];
        let mut rows = Vec::new();
        for index in indices() {
            let place: isize = index.iter().zip(strides).map(|(at, s)| at.cast_signed() * s).sum();
            let place = offset.wrapping_add_signed(place);
            let bytes = element(&dtype, place / dtype.item_size());
            memory[place..place + bytes.len()].copy_from_slice(&bytes);
            rows.extend(bytes);
        }
        Laid { dtype, strides: strides.to_vec(), offset, memory, rows }
    }

    pub(crate) fn view(&self) -> UntypedView<'_> {
        let Laid { dtype, strides, offset, memory, .. } = self;
        UntypedView::with_strides(dtype.clone(), &SHAPE, strides, *offset, memory).unwrap()
    }

    pub(crate) fn array(&self) -> UntypedArray {
        let Laid { dtype, strides, offset, memory, .. } = self;
        let (dtype, memory) = (dtype.clone(), memory.clone());
        UntypedArray::from_owner_with_strides(dtype, &SHAPE, strides, *offset, memory).unwrap()
    }
}

/// Every dtype in every layout, with a name that NumPy takes.
pub(crate) fn zoo() -> Vec<(String, Laid)> {
    let named = |number: usize, text| {
        LAYOUTS.iter().map(move |layout| (format!("{number}{layout}"), Laid::new(text, layout)))
    };
    DTYPES.iter().enumerate().flat_map(|(number, text)| named(number, *text)).collect()
}
