//! Arrays that are made of bytes, of any dtype and shape.

use ndarray::array;
use serde_shm::{DType, DynArray, ErrorKind, RawArray, ShmArrayD, from_bytes, to_bytes};

fn raw(dtype: &str, shape: &[usize], bytes: &[u8]) -> Result<RawArray, serde_shm::Error> {
    RawArray::new(dtype.parse().unwrap(), shape, bytes)
}

/// Bytes that are elements of every dtype: none is a bool but 0 and 1, and each four of them are a character.
fn bytes(count: usize) -> Vec<u8> {
    (0..count).map(|n| u8::from(n % 4 == 0)).collect()
}

const DTYPES: [&str; 24] = [
    "|b1", "|i1", "|u1", "<i2", ">i2", "<u2", "<i4", ">i4", "<u4", "<i8", ">i8", "<u8", "<f2",
    ">f2", "<f4", ">f4", "<f8", ">f8", "<c8", ">c16", "<M8[ns]", ">m8[D]", "|S5", "|V3",
];

#[test]
fn every_dtype_is_written_as_it_is_and_comes_back() {
    let structs = [
        "[('x', '<f4'), ('y', '>i2', (2, 3))]",
        "[('inner', [('flag', '|b1'), ('text', '<U2')]), ('rest', '|V1')]",
    ];
    for name in DTYPES.into_iter().chain(["<U4", ">U4"]).chain(structs) {
        let dtype: DType = name.parse().unwrap();
        for shape in [&[][..], &[1], &[3, 2], &[0], &[2, 0, 3], &[1, 1, 1, 1, 5]] {
            let count: usize = shape.iter().product();
            let bytes = if name.starts_with('>') {
                bytes(count * dtype.item_size()).into_iter().rev().collect()
            } else {
                bytes(count * dtype.item_size())
            };
            let raw = raw(name, shape, &bytes).unwrap();
            assert_eq!((raw.dtype(), raw.shape(), raw.as_bytes()), (&dtype, shape, &bytes[..]));
            let block = to_bytes(&(DynArray::Raw(raw.clone()), 1)).unwrap();
            let (back, one): (DynArray, u8) = from_bytes(&block).unwrap();
            assert_eq!(back, DynArray::try_from(raw.clone()).unwrap(), "{name} {shape:?}");
            assert_eq!((back.shape(), one), (shape, 1));
            if let DynArray::Raw(back) = back {
                assert_eq!(back, raw);
            }
            #[cfg(feature = "npz")]
            {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("a.npz");
                serde_shm::to_npz(&path, &DynArray::Raw(raw.clone())).unwrap();
                let file = serde_shm::Npz::open(&path).unwrap();
                let info = &file.arrays().unwrap()[0];
                assert_eq!((info.dtype(), info.shape()), (&dtype, shape));
                let any = file.array_dyn(info.path()).unwrap();
                assert_eq!(any, DynArray::try_from(raw).unwrap(), "{name} {shape:?}");
            }
        }
    }
}

#[test]
fn numbers_are_read_as_their_type() {
    let raw = raw(">u2", &[2, 1], &[1, 0, 0, 2]).unwrap();
    let DynArray::U16(numbers) = DynArray::try_from(raw.clone()).unwrap() else { panic!() };
    assert_eq!(numbers, array![[256_u16], [2]].into_dyn());
    let block = to_bytes(&DynArray::Raw(raw)).unwrap();
    assert_eq!(from_bytes::<ShmArrayD<u16>>(&block).unwrap(), numbers);
}

#[test]
fn what_is_no_array_is_refused() {
    let no = |dtype, shape, bytes: &[u8]| raw(dtype, shape, bytes).unwrap_err();
    let error = no("<f4", &[2, 3], &[0; 23]);
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(
        error.to_string().contains("expected 24 bytes") && error.to_string().contains("found 23")
    );
    assert_eq!(no("<f4", &[], &[0; 8]).kind(), ErrorKind::InvalidInput);
    assert_eq!(no("<f4", &[usize::MAX, 2], &[]).kind(), ErrorKind::InvalidInput);
    assert_eq!(no("<f4", &[usize::MAX, usize::MAX, 0, 3], &[0; 4]).kind(), ErrorKind::InvalidInput);
    assert_eq!(no("|b1", &[3], &[0, 1, 2]).kind(), ErrorKind::InvalidInput);
    let error = no("[('a', '<i2'), ('b', '|b1')]", &[2], &[9, 9, 1, 9, 9, 7]);
    assert!(error.to_string().contains("`b`"), "{error}");
    assert_eq!(no("<f4", &[1; 65], &[0; 4]).kind(), ErrorKind::Limit);
    assert!(raw("<f4", &[1; 64], &[0; 4]).is_ok());
    assert!(raw("|S0", &[1 << 16], &[]).is_ok());
    assert_eq!(no("|S0", &[1 << 17], &[]).kind(), ErrorKind::Limit);
    assert_eq!(no("|S0", &[usize::MAX, usize::MAX], &[]).kind(), ErrorKind::Limit);
    let text = raw("<U1", &[1], &0x11_0000_u32.to_le_bytes()).unwrap();
    assert_eq!(DynArray::try_from(text).unwrap_err().kind(), ErrorKind::Corrupt);
}
