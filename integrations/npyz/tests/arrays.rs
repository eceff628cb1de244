//! Arrays of every dtype, shape and order through the types of npyz, and as npyz itself reads and writes them.
#![allow(missing_docs)]
#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use ndarray::{Array2, Ix1, Ix2, ShapeBuilder, array};
use npyz::{NpyFile, NpyHeader, WriterBuilder};
use serde_shm::{DType, ErrorKind, Npz, Order, ShmArray1, ShmArray2, UntypedArray};
use serde_shm_npyz::{dtype, npyz_dtype, read, write};

const DTYPES: [&str; 27] = [
    "|b1",
    "|i1",
    "|u1",
    "<i2",
    ">i2",
    "<u2",
    "<i4",
    ">i4",
    "<u4",
    "<i8",
    ">i8",
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
    "|S5",
    "|V3",
    "<U4",
    "[('x', '<f4'), ('y', '>i2', (2, 3))]",
    "[('inner', [('flag', '|b1'), ('', '|V3'), ('n', '<f4')]), ('text', '<U2')]",
];

fn made(dtype: &str, shape: &[usize], order: Order) -> UntypedArray {
    let dtype: DType = dtype.parse().unwrap();
    let len = dtype.item_size() * shape.iter().product::<usize>();
    // Bytes that are elements of every dtype.
    let bytes: Vec<u8> = (0..len).map(|n| u8::from(n % 4 == 0)).collect();
    UntypedArray::from_owner(dtype, shape, order, bytes).unwrap()
}

#[test]
fn every_dtype_shape_and_order_comes_back() {
    for name in DTYPES {
        for order in [Order::C, Order::F] {
            for shape in [&[][..], &[0], &[1], &[5000], &[3, 4], &[2, 0, 3], &[2, 3, 4]] {
                let array = made(name, shape, order);
                let bytes = write(&array, Vec::new()).unwrap();
                let file = NpyFile::new(&bytes[..]).unwrap();
                assert_eq!(
                    file.shape().iter().map(|axis| *axis as usize).collect::<Vec<_>>(),
                    shape
                );
                let found = read(file).unwrap();
                assert_eq!(found, array, "{name} {shape:?}");
                assert_eq!(found.dtype(), array.dtype());
                assert_eq!(found.order(), array.order());
                // The same file, as the crate reads it.
                let npz = Npz::from_bytes(bytes).unwrap();
                assert_eq!(npz.array_untyped(npz.arrays().unwrap()[0].path()).unwrap(), array);
            }
        }
        let there: DType = name.parse().unwrap();
        assert_eq!(dtype(&npyz_dtype(&there).unwrap()).unwrap(), there);
    }
    let bf16: DType = "<V2".parse().unwrap();
    assert_eq!(dtype(&npyz_dtype(&bf16).unwrap()).unwrap().to_string(), "|V2");
}

#[test]
fn npyz_reads_the_same_numbers_and_writes_them() {
    let matrix = Array2::from_shape_fn((3, 4).f(), |(i, j)| (10 * i + j) as f64);
    let bytes = write(&ShmArray2::from(matrix.clone()).into(), Vec::new()).unwrap();
    let file = NpyFile::new(&bytes[..]).unwrap();
    assert_eq!(file.order(), npyz::Order::Fortran);
    let numbers: Vec<f64> = file.into_vec().unwrap();
    assert_eq!(numbers, matrix.t().iter().copied().collect::<Vec<_>>());

    let mut bytes = Vec::new();
    let options = npyz::WriteOptions::new().default_dtype().shape(&[3, 4]).writer(&mut bytes);
    let mut writer = options.order(npyz::Order::Fortran).begin_nd().unwrap();
    writer.extend(numbers).unwrap();
    writer.finish().unwrap();
    let found = read(NpyFile::new(&bytes[..]).unwrap()).unwrap();
    assert_eq!(found.to_shm::<f64, Ix2>().unwrap(), matrix);
    assert_eq!(found.as_bytes().unwrap().as_ptr().addr() % 64, 0);
}

#[test]
fn arrays_with_gaps_are_packed() {
    let array = UntypedArray::from_owner_with_strides(DType::U8, &[3], &[-2], 4, b"abcde").unwrap();
    let bytes = write(&array, Vec::new()).unwrap();
    assert!(bytes.ends_with(b"eca"));
    assert_eq!(read(NpyFile::new(&bytes[..]).unwrap()).unwrap(), array);
}

/// What follows the array in its file stays in the reader.
#[test]
fn two_arrays_in_one_stream() {
    let bytes = write(&ShmArray1::from(vec![1_i32, 2]).into(), Vec::new()).unwrap();
    let bytes = write(&ShmArray1::from(vec![0.5_f32; 3]).into(), bytes).unwrap();
    let mut stream = &bytes[..];
    let first = read(NpyFile::new(&mut stream).unwrap()).unwrap();
    let second = read(NpyFile::new(&mut stream).unwrap()).unwrap();
    assert_eq!(first.to_shm::<i32, Ix1>().unwrap(), array![1, 2]);
    assert_eq!(second.to_shm::<f32, Ix1>().unwrap(), array![0.5, 0.5, 0.5]);
    assert!(stream.is_empty());
}

#[test]
fn what_is_cut_or_no_array_is_said() {
    let bytes = write(&ShmArray1::from(vec![1_u64; 100]).into(), Vec::new()).unwrap();
    for len in [bytes.len() - 1, bytes.len() - 800] {
        let error = read(NpyFile::new(&bytes[..len]).unwrap()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("expected 800 bytes"), "{error}");
    }
    // A header may state any shape: memory is taken for what is there.
    let header = |dtype: &str, shape: &[u64]| {
        let dtype = npyz::DType::new_scalar(dtype.parse().unwrap());
        let options = npyz::WriteOptions::new_header_only().dtype(dtype).shape(shape);
        let bytes = options.writer(Vec::new()).write_header_only().unwrap();
        let header = NpyHeader::from_reader(&bytes[..]).unwrap();
        NpyFile::with_header(header, &[1_u8, 2, 0, 0][..])
    };
    for shape in [&[1 << 40][..], &[1 << 61]] {
        assert_eq!(read(header("<f4", shape)).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    assert_eq!(read(header("|b1", &[2])).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(read(header("|O", &[1])).unwrap_err().kind(), ErrorKind::Unsupported);

    let fixed = npyz::DType::Array(3, Box::new(npyz::DType::new_scalar("<f4".parse().unwrap())));
    let error = dtype(&fixed).unwrap_err();
    assert!(error.to_string().contains("axes of the array"), "{error}");
    let fields = (0..5000).map(|n| format!("('field_{n}', '<f4')")).collect::<Vec<_>>().join(", ");
    let error = write(&made(&format!("[{fields}]"), &[1], Order::C), Vec::new()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
}
