//! What a view says of its bytes, and what it refuses.

use serde_shm::{DType, ErrorKind, Order, UntypedArray, UntypedView};

use crate::untyped::{LAYOUTS, Laid, SHAPE, dtype, indices, zoo};

#[test]
fn every_dtype_and_layout_is_seen_as_it_lies() {
    for (name, laid) in zoo() {
        let (view, array) = (laid.view(), laid.array());
        let item = laid.dtype.item_size();
        assert_eq!((view.dtype(), view.shape(), view.len()), (&laid.dtype, &SHAPE[..], 24));
        assert_eq!((view.ndim(), view.is_empty(), view.strides()), (3, false, &laid.strides[..]));
        for (number, index) in indices().enumerate() {
            let expected = &laid.rows[number * item..(number + 1) * item];
            assert_eq!(view.element_bytes(&index), Some(expected), "{name}");
            assert_eq!(array.element_bytes(&index), Some(expected), "{name}");
        }
        assert_eq!(view.element_bytes(&[0, 4, 0]), None);
        assert_eq!(view.element_bytes(&[0, 0]), None);
        assert_eq!(*view.to_bytes().unwrap(), laid.rows, "{name}");
        let order = match &name[name.find(char::is_alphabetic).unwrap()..] {
            "C" | "moved" => Some(Order::C),
            "F" => Some(Order::F),
            _ => None,
        };
        assert_eq!((view.order(), view.as_bytes().is_some()), (order, order.is_some()), "{name}");
        assert_eq!(array.order(), order);

        let rows = UntypedView::new(laid.dtype.clone(), &SHAPE, Order::C, &laid.rows).unwrap();
        assert!([&view, &array.view()].into_iter().all(|view| *view == rows), "{name}");
        assert_eq!(array, rows, "{name}");
        assert_eq!(rows, array, "{name}");
        let copy = view.to_array().unwrap();
        assert!(copy == array && copy.order().is_some(), "{name}");
        assert_eq!(view.to_dyn().unwrap().shape(), SHAPE, "{name}");
        assert_eq!(array.to_dyn().unwrap().shape(), SHAPE, "{name}");
    }
}

#[test]
fn one_element_makes_a_difference() {
    for layout in LAYOUTS {
        let laid = Laid::new("<i4", layout);
        let mut other = Laid::new("<i4", layout);
        let last: isize = laid.strides.iter().zip([2, 3, 1]).map(|(s, at)| s * at).sum();
        other.memory[other.offset.wrapping_add_signed(last)] ^= 1;
        assert_ne!(laid.view(), other.view(), "{layout}");
        assert_ne!(other.view(), Laid::new("<i4", "C").view(), "{layout}");
    }
    let bytes = [0; 8];
    let of = |dtype, shape: &[usize]| UntypedView::new(dtype, shape, Order::C, &bytes).unwrap();
    assert_ne!(of(DType::U32, &[2]), of(DType::I32, &[2]));
    assert_ne!(of(DType::U32, &[2]), of(DType::U32, &[2, 1]));
    assert_ne!(of(dtype("<u4"), &[2]), of(dtype(">u4"), &[2]));
}

#[test]
fn large_arrays_are_packed_in_blocks() {
    // Runs of a byte, of some, of more than a block, and rows of more than a block.
    for (shape, strides) in [
        ([3, 200_000], [1, 4]),
        ([700, 1000], [1001, 1]),
        ([3, 400_000], [400_001, 1]),
        ([2, 300_000], [600_000, 2]),
    ] {
        let bytes: Vec<u8> = (0..1_300_000_u32).map(|n| (n % 251) as u8).collect();
        let array =
            UntypedArray::from_owner_with_strides(DType::U8, &shape, &strides, 0, bytes).unwrap();
        let back: UntypedArray =
            serde_shm::from_bytes(&serde_shm::to_bytes(&array).unwrap()).unwrap();
        assert!(back == array, "{shape:?} {strides:?}");
        assert!(back.as_bytes().unwrap() == &*array.to_bytes().unwrap(), "{shape:?} {strides:?}");
    }
}

#[test]
fn what_does_not_fit_its_bytes_is_refused() {
    use ErrorKind::{InvalidInput, Limit};
    let bytes = [0_u8; 24];
    let contiguous = |text: &str, shape: &[usize]| {
        let of = |order| UntypedView::new(dtype(text), shape, order, &bytes);
        let (c, f) = (of(Order::C), of(Order::F));
        assert_eq!(c.is_ok(), f.is_ok());
        let owned = UntypedArray::from_owner(dtype(text), shape, Order::C, bytes);
        assert_eq!(c.is_ok(), owned.is_ok());
        c.map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(contiguous("<f4", &[2, 3]), Ok(()));
    assert_eq!(contiguous("<f4", &[2, 4]), Err(InvalidInput));
    assert_eq!(contiguous("<f4", &[5]), Err(InvalidInput));
    assert_eq!(contiguous("<f4", &[]), Err(InvalidInput));
    assert_eq!(contiguous("<f4", &[0]), Err(InvalidInput));
    assert_eq!(contiguous("<f4", &[usize::MAX, 2]), Err(InvalidInput));
    assert_eq!(contiguous("|S0", &[1 << 40]), Err(Limit));
    assert_eq!(contiguous("|u1", &[1; 65]), Err(Limit));

    let strided = |shape: &[usize], strides: &[isize], offset| {
        let view = UntypedView::with_strides(dtype(">i4"), shape, strides, offset, &bytes);
        let array =
            UntypedArray::from_owner_with_strides(dtype(">i4"), shape, strides, offset, bytes);
        assert_eq!(view.is_ok(), array.is_ok());
        view.map(|_| ()).map_err(|error| error.kind())
    };
    assert_eq!(strided(&[6], &[4], 0), Ok(()));
    assert_eq!(strided(&[6], &[-4], 20), Ok(()));
    assert_eq!(strided(&[1 << 40], &[0], 20), Ok(()));
    assert_eq!(strided(&[3, 0], &[4, isize::MIN], usize::MAX), Ok(()));
    assert_eq!(strided(&[6], &[4], 1), Err(InvalidInput));
    assert_eq!(strided(&[6], &[-4], 19), Err(InvalidInput));
    assert_eq!(strided(&[7], &[4], 0), Err(InvalidInput));
    assert_eq!(strided(&[2, 2], &[4], 0), Err(InvalidInput));
    assert_eq!(strided(&[2, 2], &[isize::MAX, isize::MIN], 12), Err(InvalidInput));
    assert_eq!(strided(&[3], &[isize::MIN], 0), Err(InvalidInput));
    assert_eq!(strided(&[1 << 62], &[0], 0), Err(InvalidInput));
    assert_eq!(strided(&[1; 65], &[0; 65], 0), Err(Limit));
    let error = UntypedView::with_strides(DType::U8, &[3], &[9], 7, &bytes).unwrap_err();
    for part in ["|u1", "shape [3]", "strides [9]", "byte 7", "24 bytes"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

#[test]
fn bools_are_looked_at_where_they_lie() {
    let bytes = [1, 9, 0, 9, 2, 9];
    assert!(UntypedView::with_strides(DType::BOOL, &[2], &[2], 0, &bytes).is_ok());
    let error = UntypedView::with_strides(DType::BOOL, &[3], &[2], 0, &bytes).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput);
    assert!(error.to_string().contains("at element 2"), "{error}");
    let pair = dtype("[('ok', '|b1'), ('n', '|u1')]");
    assert!(UntypedView::new(pair.clone(), &[2], Order::C, &bytes[..4]).is_ok());
    let error = UntypedView::new(pair, &[3], Order::C, &bytes).unwrap_err();
    assert!(error.to_string().contains("element 2, field `ok`"), "{error}");
    // Seen without number, looked at once.
    assert!(UntypedView::with_strides(DType::BOOL, &[1 << 50], &[0], 0, &bytes).is_ok());
    assert!(UntypedView::with_strides(DType::BOOL, &[1 << 50], &[0], 1, &bytes).is_err());
}

#[test]
fn a_copy_that_no_memory_holds_is_an_error() {
    let view = UntypedView::with_strides(DType::U8, &[1 << 60], &[0], 0, &[1]).unwrap();
    assert_eq!(view.to_bytes().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(view.to_dyn().unwrap_err().kind(), ErrorKind::Io);
    assert_eq!(view.to_array().unwrap_err().kind(), ErrorKind::Io);
    assert!(serde_json::to_string(&view).is_err());
}

#[test]
fn arrays_without_elements_or_axes() {
    let empty = UntypedView::new(DType::F64, &[3, 0, 2], Order::F, &[]).unwrap();
    assert!(
        empty.is_empty()
            && empty.as_bytes() == Some(&[])
            && empty.element_bytes(&[0, 0, 0]).is_none()
    );
    let strided = UntypedView::with_strides(DType::F64, &[3, 0, 2], &[5, 7, -1], 0, &[]).unwrap();
    assert_eq!(empty, strided);
    assert_eq!(strided.to_dyn().unwrap().shape(), [3, 0, 2]);
    let wide = UntypedView::with_strides(DType::F64, &[0, 1 << 61], &[1, 8], 0, &[]).unwrap();
    assert_eq!((wide.to_bytes().unwrap().len(), wide.clone() == wide), (0, true));
    assert_eq!(wide.view::<f64, ndarray::Ix2>().unwrap().shape(), [0, 1 << 61]);
    let scalar = UntypedView::with_strides(DType::U8, &[], &[], 2, b"abc").unwrap();
    assert_eq!((scalar.len(), scalar.as_bytes()), (1, Some(&b"c"[..])));
    assert_eq!(scalar.element_bytes(&[]), Some(&b"c"[..]));
    let hollow = UntypedView::new(dtype("|S0"), &[5], Order::C, &[]).unwrap();
    assert_eq!((hollow.len(), hollow.element_bytes(&[4])), (5, Some(&[][..])));
    for view in [empty, scalar, hollow] {
        let back: UntypedArray =
            serde_shm::from_bytes(&serde_shm::to_bytes(&view).unwrap()).unwrap();
        assert_eq!(back, view);
    }
}

/// What an owner gives later is not what counts.
#[test]
fn an_owner_that_gives_other_bytes_later_changes_nothing() {
    use std::sync::atomic::{AtomicUsize, Ordering};
    struct Fickle(AtomicUsize, [u8; 8]);
    impl AsRef<[u8]> for Fickle {
        fn as_ref(&self) -> &[u8] {
            if self.0.fetch_add(1, Ordering::Relaxed) < 3 { &self.1 } else { &self.1[..1] }
        }
    }
    let made = UntypedArray::from_owner(DType::U8, &[8], Order::C, Fickle(0.into(), *b"abcdefgh"));
    if let Ok(array) = made {
        assert_eq!(array.as_bytes(), Some(&b"abcdefgh"[..]));
        assert!(array.to_shm::<u8, ndarray::Ix1>().is_err());
        assert_eq!(array.view().view::<u8, ndarray::Ix1>().unwrap()[7], b'h');
    }
}
