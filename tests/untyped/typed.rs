//! Untyped arrays as typed ones, and back.

use ndarray::{Array2, Array3, ArrayD, Ix1, Ix2, Ix3, IxDyn, array, s};
use serde_shm::{
    AlignedBytes, DType, DynArray, ErrorKind, Order, RawArray, ShmArray, ShmArray1, UntypedArray,
    UntypedView,
};

use crate::untyped::{SHAPE, dtype};

/// The numbers from 0 on in aligned memory.
fn numbers(count: u32) -> AlignedBytes {
    let bytes: Vec<u8> = (0..count).flat_map(u32::to_ne_bytes).collect();
    AlignedBytes::copy_from(&bytes)
}

#[test]
fn every_layout_of_whole_elements_is_a_view_where_it_lies() {
    let memory = numbers(48);
    let base = Array3::from_shape_fn(SHAPE, |(i, j, k)| (8 * i + 2 * j + k) as u32);
    for (strides, offset, expected) in [
        ([32, 8, 4], 0, base.clone()),
        ([-32, 8, -4], 68, base.slice(s![..;-1, .., ..;-1]).to_owned()),
        ([64, 16, 8], 0, &base * 2),
        ([4, 12, 48], 0, Array3::from_shape_fn(SHAPE, |(i, j, k)| (i + 3 * j + 12 * k) as u32)),
        ([8, 0, 4], 4, Array3::from_shape_fn(SHAPE, |(i, _, k)| (1 + 2 * i + k) as u32)),
        // Windows that overlap.
        ([4, 4, 4], 8, Array3::from_shape_fn(SHAPE, |(i, j, k)| (2 + i + j + k) as u32)),
    ] {
        let view =
            UntypedView::with_strides(DType::U32, &SHAPE, &strides, offset, &memory).unwrap();
        let typed = view.view::<u32, Ix3>().unwrap();
        assert_eq!(typed, expected, "{strides:?}");
        assert_eq!(typed.as_ptr().cast(), memory[offset..].as_ptr(), "{strides:?}");
        assert_eq!(view.view::<u32, IxDyn>().unwrap(), expected.clone().into_dyn());
        assert_eq!(view.to_dyn().unwrap(), DynArray::U32(expected.clone().into_dyn()));

        let owned = UntypedArray::from_owner_with_strides(
            DType::U32,
            &SHAPE,
            &strides,
            offset,
            memory.clone(),
        )
        .unwrap();
        let shared = owned.to_shm::<u32, Ix3>().unwrap();
        assert_eq!(shared, expected, "{strides:?}");
        assert_eq!(shared.as_ptr().cast(), owned.element_bytes(&[0; 3]).unwrap().as_ptr());
        let again = UntypedArray::from(shared.clone());
        assert_eq!(again, owned, "{strides:?}");
        let first = |array: &UntypedArray| array.element_bytes(&[0; 3]).unwrap().as_ptr();
        assert_eq!(first(&again), first(&owned), "{strides:?}");
        let first = first(&owned);
        drop(owned);
        drop(again);
        assert_eq!((shared.as_ptr().cast(), shared[[0, 0, 0]]), (first, expected[[0, 0, 0]]));
        // Written typed or not it is the same array.
        let (one, two) =
            (serde_shm::to_bytes(&shared).unwrap(), serde_shm::to_bytes(&view).unwrap());
        let read = |bytes| serde_shm::from_bytes::<Array3<u32>>(bytes).unwrap();
        assert_eq!(read(&one), read(&two));
    }
}

#[test]
fn what_does_not_fit_says_so_and_what_to_do() {
    let memory = numbers(6);
    let check = |view: &UntypedView<'_>, parts: &[&str]| {
        let error = view.view::<u32, Ix1>().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
        for part in parts {
            assert!(error.to_string().contains(part), "{error}");
        }
    };
    let of = |text: &str, strides: &[isize], offset| {
        let shape = vec![2; strides.len()];
        UntypedView::with_strides(dtype(text), &shape, strides, offset, &memory).unwrap()
    };
    assert!(of("<u4", &[4], 4).view::<u32, Ix1>().is_ok());
    check(&of("<f4", &[4], 0), &["expected u32, found f32 (shape [2])"]);
    check(&of("<i8", &[8], 0), &["expected u32"]);
    check(&of(">u4", &[4], 0), &["other byte order", "`to_dyn`"]);
    check(&of("<u4", &[4, 4], 0), &["shape"]);
    check(&of("<u4", &[4], 1), &["multiple of 4", "`to_dyn`", "AlignedBytes"]);
    check(&of("<u4", &[6], 0), &["strides [6]", "`to_dyn`"]);
    check(&of("<u4", &[6, 2], 0), &["strides [6, 2]"]);
    assert_eq!(of(">u4", &[4], 1).to_dyn().unwrap().shape(), [2]);
    let owned = UntypedArray::from_owner_with_strides(DType::U32, &[2], &[6], 0, memory.clone());
    assert_eq!(owned.unwrap().to_shm::<u32, Ix1>().unwrap_err().kind(), ErrorKind::Mismatch);
    let times = of("<M8[s]", &[8], 0);
    assert_eq!(times.view::<i64, Ix1>().unwrap().len(), 2);
}

#[test]
fn no_typed_view_shows_a_byte_that_is_no_bool() {
    let bytes = vec![1, 9, 0, 9];
    let gaps = UntypedArray::from_owner_with_strides(DType::BOOL, &[2], &[2], 0, bytes).unwrap();
    let error = gaps.view().view::<bool, Ix1>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("between its elements"), "{error}");
    assert_eq!(gaps.to_shm::<bool, Ix1>().unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(gaps.to_dyn().unwrap(), DynArray::Bool(array![true, false].into_dyn()));
    // A container's bytes are looked at when they are to be bools.
    let block = serde_shm::to_bytes(&ShmArray1::from(vec![true; 100])).unwrap();
    let mut block = block.to_vec();
    let at = block.windows(100).position(|bytes| bytes == [1; 100]).unwrap();
    block[at + 40] = 7;
    let block = AlignedBytes::copy_from(&block);
    let view: UntypedView<'_> = serde_shm::from_bytes(&block).unwrap();
    assert_eq!(view.element_bytes(&[40]), Some(&[7][..]));
    assert_eq!(view.view::<bool, Ix1>().unwrap_err().kind(), ErrorKind::Corrupt);
    assert_eq!(view.to_dyn().unwrap_err().kind(), ErrorKind::Corrupt);
    let array: UntypedArray = serde_shm::from_bytes(&block).unwrap();
    assert_eq!(array.to_shm::<bool, Ix1>().unwrap_err().kind(), ErrorKind::Corrupt);
}

#[test]
fn typed_arrays_become_untyped_ones() {
    let base = Array2::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as f64);
    let handle = ShmArray::from(base.clone().reversed_axes());
    let any = UntypedArray::from(handle.clone());
    assert_eq!(any.as_bytes().unwrap().as_ptr(), handle.as_ptr().cast());
    assert_eq!((any.order(), any.strides()), (Some(Order::F), &[8, 48][..]));
    assert_eq!(any.to_shm::<f64, Ix2>().unwrap(), handle);
    assert_eq!(UntypedArray::from(ShmArray::from(Array2::<u8>::zeros((0, 3)))).shape(), [0, 3]);

    for (array, text) in [
        (DynArray::from(array![[1_u16, 2], [3, 4]].into_dyn()), "<u2"),
        (DynArray::Datetime(array![1, -1].into_dyn(), dtype("<M8[ms]").unit().unwrap()), "<M8[ms]"),
        (DynArray::Timedelta(array![5].into_dyn(), dtype("<m8[D]").unit().unwrap()), "<m8[D]"),
        (DynArray::from(array!["ä".to_owned(), "three".to_owned()].into_dyn()), "<U5"),
        (DynArray::from(array![b"a".to_vec(), Vec::new()].into_dyn()), "|S1"),
        (DynArray::from(ArrayD::from_elem(IxDyn(&[]), true)), "|b1"),
        (DynArray::Raw(RawArray::new(dtype("|V3"), [2], *b"abcdef").unwrap()), "|V3"),
    ] {
        let any = UntypedArray::try_from(array.clone()).unwrap();
        assert_eq!(any.dtype(), &dtype(text));
        assert_eq!(any.to_dyn().unwrap(), array);
    }
    // More axes than a container takes.
    let deep = IxDyn(&[1; 70]);
    let any = UntypedArray::from(ShmArray::from(ArrayD::from_elem(deep.clone(), 5_u8)));
    assert_eq!((any.ndim(), any.as_bytes()), (70, Some(&[5][..])));
    assert_eq!(any.to_shm::<u8, IxDyn>().unwrap()[IxDyn(&[0; 70])], 5);
    assert_eq!(any.to_dyn().unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(any.view().to_array().unwrap_err().kind(), ErrorKind::Limit);
    assert!(serde_shm::to_bytes(&any).is_err());
    let words = DynArray::from(ArrayD::from_elem(deep, "x".to_owned()));
    assert_eq!(UntypedArray::try_from(words).unwrap_err().kind(), ErrorKind::Limit);
    // Padding for the most part, and more than memory holds.
    let mut words = vec![String::new(); 1 << 20];
    words[0] = "x".repeat(1 << 16);
    let words = DynArray::from(ndarray::Array1::from(words).into_dyn());
    assert_eq!(UntypedArray::try_from(words).unwrap_err().kind(), ErrorKind::Limit);
}

/// Where an array without elements lies means nothing: an owner of another crate may give any address.
#[test]
fn an_empty_array_of_any_owner_has_a_type() {
    struct Nowhere(AlignedBytes);
    impl AsRef<[u8]> for Nowhere {
        fn as_ref(&self) -> &[u8] {
            &self.0[self.0.len()..]
        }
    }
    let owner = Nowhere(AlignedBytes::from(vec![0; 100]));
    let array = UntypedArray::from_owner(DType::F64, &[0, 3], Order::C, owner).unwrap();
    assert_eq!(array.to_shm::<f64, Ix2>().unwrap().shape(), [0, 3]);
}
