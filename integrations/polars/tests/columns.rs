//! Columns become arrays and arrays columns, of every type and container, without a copy where the table of the crate says so.
#![allow(missing_docs)]
#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use ndarray::Ix1;
use polars_core::prelude::*;
use serde_shm::{
    Block, Deserialize, ErrorKind, Npz, Order, Serialize, ShmArray1, ShmArray2, UntypedArray,
    to_bytes, to_npz,
};
use serde_shm_polars::{Columns, series};

fn every_column(rows: usize) -> Vec<Series> {
    macro_rules! of {
        ($name:literal, $number:ty) => {
            Series::new($name.into(), (0..rows).map(|n| n as $number).collect::<Vec<_>>())
        };
    }
    let times = of!("t", i64);
    let named = |name: &str, series: Series| series.with_name(name.into());
    vec![
        of!("|i1", i8),
        of!("<i2", i16),
        of!("<i4", i32),
        of!("<i8", i64),
        of!("|u1", u8),
        of!("<u2", u16),
        of!("<u4", u32),
        of!("<u8", u64),
        of!("<f4", f32),
        of!("<f8", f64),
        named("<M8[ms]", times.clone().into_datetime(TimeUnit::Milliseconds, None)),
        named("<M8[us]", times.clone().into_datetime(TimeUnit::Microseconds, None)),
        named("<m8[ns]", times.into_duration(TimeUnit::Nanoseconds)),
        Series::new("|b1".into(), (0..rows).map(|n| n % 3 == 0).collect::<Vec<_>>()),
    ]
}

fn array(column: &Series) -> UntypedArray {
    serde_shm_polars::array(column).unwrap()
}

fn start(array: &UntypedArray) -> *const u8 {
    array.as_bytes().unwrap().as_ptr()
}

#[test]
fn every_type_goes_through_every_container() {
    for rows in [0, 1, 10_000] {
        let all = every_column(rows);
        for column in &all {
            let there = array(column);
            let name = column.name().as_str();
            assert_eq!((there.dtype().to_string().as_str(), there.shape()), (name, &[rows][..]));
            let back = series(name, &there).unwrap();
            assert_eq!(back.dtype(), column.dtype());
            assert!(back.equals(column), "{name}");
            if rows > 0 && name != "|b1" {
                assert_eq!(start(&array(&back)), start(&there), "{name}: nothing was copied");
            }
        }
        let frame =
            DataFrame::new_infer_height(all.into_iter().map(Column::from).collect()).unwrap();
        let columns = Columns::of(&frame).unwrap();
        let same = |found: Columns| assert!(found.frame().unwrap().equals(&frame));
        let block = Block::new(to_bytes(&columns).unwrap()).unwrap();
        same(block.get().unwrap());
        let seen = block.get::<Columns>().unwrap().frame().unwrap();
        let floats = seen.column("<f8").unwrap().f64().unwrap().cont_slice().unwrap();
        assert!(rows == 0 || block.as_ref().as_ptr_range().contains(&floats.as_ptr().cast()));
        drop(block);
        assert!(seen.equals(&frame), "the columns keep the block");
        if cfg!(target_os = "linux") {
            let segment = serde_shm::to_shared(&columns).unwrap();
            let shared: Columns = serde_shm::from_shared(segment.id()).unwrap();
            drop(segment);
            // What polars changes, it changes in a copy: the memory of a segment cannot be written.
            let grown = shared.frame().unwrap().vstack(&frame).unwrap();
            assert_eq!(grown.height(), 2 * rows);
            let doubled = shared.frame().unwrap().column("<f8").unwrap().f64().unwrap() * 2.0;
            assert_eq!(doubled.len(), rows);
            same(shared);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("frame.npz");
        to_npz(&path, &columns).unwrap();
        same(Npz::open(&path).unwrap().get().unwrap());
        assert_eq!(Npz::open(&path).unwrap().array::<f64, Ix1>("<f8").unwrap().len(), rows);
    }
}

#[test]
fn slices_and_chunks() {
    let numbers = Series::new("n".into(), (0..100).collect::<Vec<i32>>());
    let part = numbers.slice(90, 7);
    let there = array(&part);
    assert_eq!(there.to_shm::<i32, Ix1>().unwrap(), ndarray::array![90, 91, 92, 93, 94, 95, 96]);
    assert_eq!(start(&there), start(&array(&numbers)).wrapping_add(360));
    let mut chunks = numbers.clone();
    chunks.append(&part).unwrap();
    assert_eq!(chunks.n_chunks(), 2);
    assert_eq!(array(&chunks).to_shm::<i32, Ix1>().unwrap()[106], 96);
    let mut bools = Series::new("b".into(), [true, false]);
    bools.append(&Series::new("b".into(), [true])).unwrap();
    assert_eq!(array(&bools).as_bytes().unwrap(), [1, 0, 1]);
}

#[test]
fn other_strides_addresses_and_byte_orders_are_copied() {
    let bytes: Vec<u8> = [1_i64, 2, 3].iter().flat_map(|number| number.to_le_bytes()).collect();
    for by in 0..9 {
        let shifted = [&vec![0; by][..], &bytes].concat();
        let of = |strides| {
            let dtype = "<i8".parse().unwrap();
            UntypedArray::from_owner_with_strides(dtype, &[2], &[strides], by, shifted.clone())
                .unwrap()
        };
        assert_eq!(series("n", &of(16)).unwrap().i64().unwrap().to_vec(), [Some(1), Some(3)]);
        assert_eq!(series("n", &of(8)).unwrap().i64().unwrap().to_vec(), [Some(1), Some(2)]);
    }
    let big =
        UntypedArray::from_owner(">u2".parse().unwrap(), &[2], Order::C, [0, 1, 2, 0]).unwrap();
    assert_eq!(series("n", &big).unwrap().u16().unwrap().to_vec(), [Some(1), Some(512)]);
}

#[test]
fn what_is_no_array_is_refused_with_what_to_do() {
    let zoned =
        Series::new("t".into(), [1_i64]).into_datetime(TimeUnit::Milliseconds, Some(TimeZone::UTC));
    for (column, kind, mend) in [
        (Series::new("n".into(), [Some(1), None]), ErrorKind::InvalidInput, "1 nulls in 2 rows"),
        (Series::new("s".into(), ["a"]), ErrorKind::Unsupported, "Vec<String>"),
        (zoned, ErrorKind::Unsupported, "time zone"),
        (Series::new_null("z".into(), 0), ErrorKind::Unsupported, "cast it"),
    ] {
        let error = serde_shm_polars::array(&column).unwrap_err();
        assert_eq!(error.kind(), kind);
        assert!(
            error.to_string().contains(mend) && error.to_string().starts_with("expected"),
            "{error}"
        );
        let frame = DataFrame::new_infer_height(vec![column.clone().into()]).unwrap();
        let error = Columns::of(&frame).unwrap_err();
        assert_eq!(error.path().as_deref(), Some(column.name().as_str()), "{error}");
    }
    for (dtype, mend) in [
        ("<c8", "imaginary"),
        ("<f2", "array_as::<f32"),
        ("<M8[s]", "[ms], [us] or [ns]"),
        ("<m8[25ms]", "[ms], [us] or [ns]"),
        ("<U3", "to_dyn"),
        ("|V3", "to_dyn"),
        ("[('x', '<f4')]", "DynArray::field"),
    ] {
        let dtype: serde_shm::DType = dtype.parse().unwrap();
        let bytes = vec![0; 2 * dtype.item_size()];
        let array = UntypedArray::from_owner(dtype.clone(), &[2], Order::C, bytes).unwrap();
        let error = series("n", &array).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(
            error.to_string().contains(mend) && error.to_string().contains(&dtype.to_string()),
            "{error}"
        );
    }
    let matrix = ShmArray2::from(ndarray::array![[1, 2], [3, 4]]);
    let error = series("m", &matrix.into()).unwrap_err();
    assert!(error.to_string().contains("found one of shape [2, 2]"), "{error}");
    let uneven: Columns =
        [("a", ShmArray1::from(vec![1, 2]).into()), ("b", ShmArray1::from(vec![1]).into())]
            .into_iter()
            .collect();
    assert_eq!(uneven.frame().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(Columns::default().frame().unwrap().height(), 0);
}

#[test]
fn structs_of_arrays_are_frames() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Samples {
        at: ShmArray1<u64>,
        #[shm_array]
        value: Vec<f32>,
    }
    let samples = Samples { at: vec![1, 2].into(), value: vec![0.5, 1.5] };
    let block = Block::new(to_bytes(&samples).unwrap()).unwrap();
    let frame = block.get::<Columns>().unwrap().frame().unwrap();
    assert_eq!(frame.get_column_names(), ["at", "value"]);
    let bytes = to_bytes(&Columns::of(&frame).unwrap()).unwrap();
    assert_eq!(serde_shm::from_bytes::<Samples>(&bytes).unwrap(), samples);
}
