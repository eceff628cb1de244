//! Columns become arrays and arrays columns, of every type, shape and container, without a copy where the table of the crate says so.
#![allow(missing_docs)]
#![allow(clippy::cast_possible_wrap, clippy::cast_sign_loss)]

use std::sync::Arc;

use arrow_array::builder::{FixedSizeListBuilder, Float32Builder};
use arrow_array::cast::AsArray;
use arrow_array::types::{Date32Type, Float64Type, Int32Type, TimestampSecondType, UInt8Type};
use arrow_array::{
    Array, ArrayRef, BooleanArray, Date32Array, Decimal128Array, DictionaryArray,
    DurationMicrosecondArray, FixedSizeBinaryArray, FixedSizeListArray, Float16Array, Float32Array,
    Float64Array, Int8Array, Int16Array, Int32Array, Int64Array, NullArray, RecordBatch,
    StringArray, TimestampMillisecondArray, TimestampNanosecondArray, TimestampSecondArray,
    UInt8Array, UInt16Array, UInt32Array, UInt64Array,
};
use half::f16;
use ndarray::{Array2, Array3, Ix1, Ix2, Ix3, ShapeBuilder, array, s};
use serde_shm::{
    Block, DType, ErrorKind, Npz, Order, Serialize, ShmArray1, ShmArray2, ShmArray3, UntypedArray,
    to_bytes, to_npz,
};
use serde_shm_arrow::{Columns, column, primitive, with_validity};

/// A column of each type, of so many rows.
fn every_column(rows: usize) -> Vec<(&'static str, ArrayRef)> {
    macro_rules! of {
        ($ty:ty, $number:ty) => {
            Arc::new(
                (0..rows)
                    .map(|n| n as $number)
                    .collect::<Vec<_>>()
                    .into_iter()
                    .map(Some)
                    .collect::<$ty>(),
            ) as ArrayRef
        };
    }
    let voids = vec![*b"abc"; rows];
    let voids = FixedSizeBinaryArray::try_new_with_len(3, voids.concat().into(), None, rows);
    vec![
        ("|i1", of!(Int8Array, i8)),
        ("<i2", of!(Int16Array, i16)),
        ("<i4", of!(Int32Array, i32)),
        ("<i8", of!(Int64Array, i64)),
        ("|u1", of!(UInt8Array, u8)),
        ("<u2", of!(UInt16Array, u16)),
        ("<u4", of!(UInt32Array, u32)),
        ("<u8", of!(UInt64Array, u64)),
        ("<f2", Arc::new(Float16Array::from(vec![f16::from_f32(0.5); rows]))),
        ("<f4", of!(Float32Array, f32)),
        ("<f8", of!(Float64Array, f64)),
        ("<M8[s]", of!(TimestampSecondArray, i64)),
        ("<M8[ms]", of!(TimestampMillisecondArray, i64)),
        ("<M8[ns]", of!(TimestampNanosecondArray, i64)),
        ("<m8[us]", of!(DurationMicrosecondArray, i64)),
        ("|V3", Arc::new(voids.unwrap())),
        ("|b1", Arc::new((0..rows).map(|n| Some(n % 3 == 0)).collect::<BooleanArray>())),
    ]
}

/// Where the values of a column lie.
fn address(column: &dyn Array) -> usize {
    column.to_data().buffers()[0].as_ptr().addr()
}

fn array(column: &dyn Array) -> UntypedArray {
    serde_shm_arrow::array(column).unwrap()
}

#[test]
fn every_type_goes_through_every_container() {
    for rows in [0, 1, 10_000] {
        let all = every_column(rows);
        for (dtype, column) in &all {
            let there = array(column);
            assert_eq!((there.dtype().to_string().as_str(), there.shape()), (*dtype, &[rows][..]));
            let back = serde_shm_arrow::column(&there).unwrap();
            assert_eq!(&back, column);
            if rows > 0 && *dtype != "|b1" {
                assert_eq!(there.as_bytes().unwrap().as_ptr().addr(), address(column), "{dtype}");
                assert_eq!(address(&back), address(column), "{dtype}");
            }
        }
        let named = all.iter().map(|(dtype, column)| (dtype.to_string(), column.clone()));
        let batch = RecordBatch::try_from_iter(named).unwrap();
        let columns = Columns::of(&batch).unwrap();
        let same = |found: Columns| {
            assert_eq!(found.iter().count(), 17);
            assert_eq!(found.batch().unwrap(), batch);
        };
        let block = Block::new(to_bytes(&columns).unwrap()).unwrap();
        same(block.get().unwrap());
        let table = block.get::<Columns>().unwrap().batch().unwrap();
        let floats = table.column_by_name("<f8").unwrap().as_primitive::<Float64Type>();
        let within = block.as_ref().as_ptr_range();
        assert!(rows == 0 || within.contains(&floats.values().as_ptr().cast()));
        drop(block);
        assert_eq!(table, batch, "the columns keep the block");
        if cfg!(target_os = "linux") {
            let segment = serde_shm::to_shared(&columns).unwrap();
            let shared: Columns = serde_shm::from_shared(segment.id()).unwrap();
            drop(segment);
            same(shared);
        }
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("table.npz");
        to_npz(&path, &columns).unwrap();
        same(Npz::open(&path).unwrap().get().unwrap());
        assert_eq!(Npz::open(&path).unwrap().array::<f64, Ix1>("<f8").unwrap().len(), rows);
    }
}

#[test]
fn axes_are_lists_of_one_length() {
    for (rows, inner) in [(0, 3), (1, 3), (1000, 3), (5, 0)] {
        let cube = Array3::from_shape_fn((rows, inner, 2), |(i, j, k)| (6 * i + 2 * j + k) as f32);
        let cube = ShmArray3::from(cube);
        let lists = column(&cube.clone().into()).unwrap();
        assert_eq!(lists.len(), rows);
        let outer = lists.as_fixed_size_list();
        assert_eq!(outer.value_length(), inner as i32);
        assert_eq!(outer.values().as_fixed_size_list().value_length(), 2);
        let back = array(&lists);
        assert_eq!(back.to_shm::<f32, Ix3>().unwrap(), cube);
        if rows * inner > 0 {
            assert_eq!(back.as_bytes().unwrap().as_ptr(), cube.as_ptr().cast());
        }
    }
    // A part of the rows lies in the whole.
    let matrix = ShmArray2::from(Array2::from_shape_fn((10, 4), |(i, j)| 4 * i as i32 + j as i32));
    let part = column(&matrix.clone().into()).unwrap().slice(3, 5);
    assert_eq!(array(&part).to_shm::<i32, Ix2>().unwrap(), matrix.slice(s![3..8, ..]));
    let numbers = Int32Array::from((0..100).collect::<Vec<_>>()).slice(90, 7);
    assert_eq!(array(&numbers).to_shm::<i32, Ix1>().unwrap(), array![90, 91, 92, 93, 94, 95, 96]);
}

/// What does not lie row by row is copied once, and is the same.
#[test]
fn other_orders_strides_and_addresses_are_copied() {
    let rows = Array2::from_shape_fn((4, 6), |(i, j)| (10 * i + j) as u16);
    let mut columns = Array2::zeros((4, 6).f());
    columns.assign(&rows);
    let expected = column(&ShmArray2::from(rows.clone()).into()).unwrap();
    assert_eq!(&column(&ShmArray2::from(columns).into()).unwrap(), &expected);

    let bytes = rows.iter().flat_map(|n| n.to_ne_bytes()).collect::<Vec<_>>();
    for by in 0..3 {
        let shifted = [&vec![0; by][..], &bytes].concat();
        let strides = [12, 2];
        let array =
            UntypedArray::from_owner_with_strides(DType::U16, &[4, 6], &strides, by, shifted);
        assert_eq!(&column(&array.unwrap()).unwrap(), &expected, "{by}");
    }
    let backwards = UntypedArray::from_owner_with_strides(DType::U8, &[3], &[-2], 4, b"abcde");
    let found = column(&backwards.unwrap()).unwrap();
    assert_eq!(found.as_primitive::<UInt8Type>().values(), b"eca");
    let bools = UntypedArray::from_owner(DType::BOOL, &[2, 2], Order::F, vec![1, 0, 1, 1]);
    let found = column(&bools.unwrap()).unwrap();
    let bits = found.as_fixed_size_list().values().as_boolean().iter().collect::<Vec<_>>();
    assert_eq!(bits, [Some(true), Some(true), Some(false), Some(true)]);
}

fn refused(column: &dyn Array) -> String {
    let error = serde_shm_arrow::array(column).unwrap_err();
    let kinds = [ErrorKind::Unsupported, ErrorKind::InvalidInput];
    assert!(kinds.contains(&error.kind()) && error.to_string().starts_with("expected"), "{error}");
    error.to_string()
}

#[test]
fn nulls_are_refused_or_taken_apart() {
    let nulls = Float32Array::from(vec![Some(0.5), None, Some(1.5)]);
    let said = refused(&nulls);
    assert!(
        said.contains("1 nulls in 3 rows of Float32") && said.contains("with_validity"),
        "{said}"
    );
    let (values, valid) = with_validity(&nulls).unwrap();
    assert_eq!(valid, array![true, false, true]);
    assert_eq!(values.to_shm::<f32, Ix1>().unwrap()[2], 1.5);
    let (_, valid) = with_validity(&nulls.slice(2, 1)).unwrap();
    assert_eq!(valid, array![true]);
    assert!(serde_shm_arrow::array(&nulls.slice(2, 1)).is_ok(), "this part has no null");
    let (_, valid) = with_validity(&Int8Array::from(vec![1, 2])).unwrap();
    assert_eq!(valid, array![true, true]);

    // Of the lists themselves, and within them.
    let mut lists = FixedSizeListBuilder::new(Float32Builder::new(), 2);
    lists.values().append_slice(&[1.0, 2.0, 3.0, 4.0]);
    lists.append(true);
    lists.append(false);
    let lists = lists.finish();
    assert!(refused(&lists).contains("nulls in 2 rows of FixedSizeList"));
    let (values, valid) = with_validity(&lists).unwrap();
    assert_eq!((values.shape(), valid), (&[2, 2][..], vec![true, false].into()));
    let field = lists.value_field().clone();
    let within = FixedSizeListArray::new(field, 3, Arc::new(nulls), None);
    assert!(refused(&within).contains("1 nulls in 3 rows of Float32"));
    assert!(with_validity(&within).is_err());
    refused(&NullArray::new(3));
}

#[test]
fn what_is_no_array_is_refused_with_what_to_do() {
    let numbers = Int32Array::from(vec![1, 2]);
    let zoned = TimestampSecondArray::from(vec![1]).with_timezone_utc();
    let keyed = DictionaryArray::<Int32Type>::from_iter(["a", "b"]);
    for (column, mend) in [
        (&StringArray::from(vec!["a"]) as &dyn Array, "Vec<String>"),
        (&zoned, "time zone"),
        (&Date32Array::from(vec![1]), "reinterpret_cast::<Int32Type>"),
        (&keyed, "its keys and its values"),
        (&Decimal128Array::from(vec![1]), "cast it"),
        (&NullArray::new(0), "cast it"),
    ] {
        let said = refused(column);
        assert!(said.contains(mend) && said.contains(&column.data_type().to_string()), "{said}");
    }
    assert_eq!(array(&Date32Array::from(vec![7]).reinterpret_cast::<Int32Type>()).len(), 1);

    let batch = RecordBatch::try_from_iter([
        ("n", Arc::new(numbers) as ArrayRef),
        ("text", Arc::new(StringArray::from(vec!["a", "b"]))),
    ]);
    let error = Columns::of(&batch.unwrap()).unwrap_err();
    assert_eq!(error.path().as_deref(), Some("text"), "{error}");

    let of = |dtype: &str, shape: &[usize]| {
        let dtype: DType = dtype.parse().unwrap();
        let len = dtype.item_size() * shape.iter().product::<usize>();
        column(&UntypedArray::from_owner(dtype, shape, Order::C, vec![0; len]).unwrap())
    };
    for (dtype, mend) in [
        ("<c8", "real and imaginary"),
        ("[('x', '<f4')]", "DynArray::field"),
        ("<U3", "StringArray"),
        ("<V2", "f32"),
        (">i4", "array_as"),
        ("<M8[D]", "[s], [ms], [us] or [ns]"),
        ("<m8[25s]", "[s], [ms], [us] or [ns]"),
        ("<M8", "[s], [ms], [us] or [ns]"),
    ] {
        let error = of(dtype, &[2]).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains(mend) && error.to_string().contains(dtype), "{error}");
    }
    assert_eq!(of("<f4", &[]).unwrap_err().kind(), ErrorKind::InvalidInput);
    assert_eq!(of("|u1", &[0, 1 << 31]).unwrap_err().kind(), ErrorKind::Limit);
    assert_eq!(of("|S5", &[2]).unwrap().as_fixed_size_binary().value_length(), 5);

    let lengths: Columns = [
        ("a", ShmArray1::from(vec![1, 2]).into()),
        ("b", ShmArray1::from(vec![1.0, 2.0, 3.0]).into()),
    ]
    .into_iter()
    .collect();
    let error = lengths.batch().unwrap_err();
    assert!(error.to_string().contains("2 rows as in `a`, found 3"), "{error}");
    assert_eq!(error.path().as_deref(), Some("b"));
    assert_eq!(Columns::default().batch().unwrap().num_rows(), 0);
}

#[test]
fn numbers_are_read_as_what_has_no_dtype() {
    for len in [0, 1, 1000] {
        let days = ShmArray1::from((0..len).collect::<Vec<i32>>());
        let dates = primitive::<Date32Type>(&days);
        assert_eq!(dates.values().to_vec(), days.to_vec());
        assert!(len == 0 || dates.values().as_ptr() == days.as_ptr());
    }
    let every_other = UntypedArray::from_owner_with_strides(
        DType::I64,
        &[2],
        &[16],
        0,
        [1_i64, 2, 3].map(i64::to_ne_bytes).concat(),
    );
    // As aligned as the vector happens to be: what is not is an error of the crate itself.
    if let Ok(gaps) = every_other.unwrap().to_shm::<i64, Ix1>() {
        assert_eq!(primitive::<TimestampSecondType>(&gaps).values().to_vec(), [1, 3]);
    }
}

/// A struct of a program that knows no Arrow is a table, and a table such a struct.
#[test]
fn structs_of_arrays_are_tables() {
    #[derive(Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct Samples {
        at: ShmArray1<u64>,
        #[shm_array]
        value: Vec<f32>,
        matrix: Array2<i16>,
    }
    let samples = Samples {
        at: vec![1, 2].into(),
        value: vec![0.5, 1.5],
        matrix: Array2::from_shape_fn((2, 3), |(i, j)| (3 * i + j) as i16),
    };
    let block = Block::new(to_bytes(&samples).unwrap()).unwrap();
    let columns: Columns = block.get().unwrap();
    let batch = columns.batch().unwrap();
    let names = batch.schema().fields().iter().map(|f| f.name().clone()).collect::<Vec<_>>();
    assert_eq!(names, ["at", "value", "matrix"]);
    let bytes = to_bytes(&Columns::of(&batch).unwrap()).unwrap();
    assert_eq!(serde_shm::from_bytes::<Samples>(&bytes).unwrap(), samples);
    assert!(block.get::<Vec<Columns>>().is_err());
}
