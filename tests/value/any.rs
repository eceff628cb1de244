//! Values of every kind, made at random: each is read as it was written, out of every container and by a walk that is written by
//! hand.

use std::collections::BTreeMap;

use ndarray::{ArrayD, IxDyn, ShapeBuilder};
use proptest::collection::vec;
use proptest::prelude::*;
use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_shm::value::{Map, Name, Names, Record, RecordKind, Value};
use serde_shm::{
    ArrayInfo, Block, Compression, DType, Npz, NpzOptions, Order, Segment, UntypedArray,
    from_bytes, to_bytes, to_shared,
};

use crate::roundtrip::cases::cases;
use crate::value::rebuilt::{Rebuilt, same};

/// Names that paths and files have to write in another way, some of which are the same where case is not looked at.
fn name() -> impl Strategy<Value = String> {
    let known = [
        "a",
        "b",
        "A",
        "",
        "0",
        "1",
        "a.b",
        ".",
        "..",
        "%",
        "%25",
        "%2E",
        "#0",
        "#1",
        "/",
        "\\",
        "größe",
        "arr_0",
        "Array",
        "v",
        "dim",
        "data",
        "__serde_shm__",
        "a\0b",
        "\u{202e}",
        "日本",
    ];
    prop_oneof![
        6 => prop::sample::select(known.to_vec()).prop_map(str::to_owned),
        1 => "\\PC{0,8}",
        1 => Just("n".repeat(300)),
    ]
}

const DTYPES: [&str; 17] = [
    "|b1",
    "|i1",
    "<i2",
    ">i4",
    "<i8",
    "|u1",
    "<u2",
    "<u4",
    ">u8",
    "<f2",
    "<f4",
    ">f8",
    "<c8",
    "<M8[ns]",
    "|S3",
    "|V2",
    "[('x', '<f4'), ('y', '|u1', (3,))]",
];

/// Any dtype, shape and order; every second element of what is twice as long, backwards, for one.
fn array() -> BoxedStrategy<Value> {
    let shape = prop_oneof![
        6 => vec(0_usize..4, 0..4),
        1 => Just(vec![]),
        1 => Just(vec![0, 3]),
        1 => Just(vec![1, 1, 1]),
        1 => (60_usize..300).prop_map(|len| vec![len]),
    ];
    let untyped =
        (prop::sample::select(DTYPES.to_vec()), shape.clone(), any::<[bool; 2]>(), any::<u8>())
            .prop_map(|(dtype, shape, [fortran, backwards], first)| {
                let dtype: DType = dtype.parse().unwrap();
                let size = dtype.item_size();
                let len = size * shape.iter().product::<usize>();
                let is_bool = dtype.to_string() == "|b1";
                let bytes = |len: usize| -> Vec<u8> {
                    let byte = |at: usize| first.wrapping_add(at as u8).wrapping_mul(37);
                    (0..len).map(|at| if is_bool { byte(at) % 2 } else { byte(at) }).collect()
                };
                let order = if fortran { Order::F } else { Order::C };
                let array = match shape[..] {
                    [axis] if backwards && axis > 0 => {
                        let (stride, offset) = (-2 * size.cast_signed(), 2 * size * (axis - 1));
                        let memory = bytes(2 * len);
                        UntypedArray::from_owner_with_strides(
                            dtype,
                            &shape,
                            &[stride],
                            offset,
                            memory,
                        )
                    }
                    _ => UntypedArray::from_owner(dtype, &shape, order, bytes(len)),
                };
                Value::from(array.unwrap())
            });
    // In ndarray's own form there is none but out of a container.
    let of_serde = (shape, any::<bool>(), any::<i16>()).prop_map(|(shape, fortran, first)| {
        let mut next = first;
        let array = ArrayD::from_shape_simple_fn(IxDyn(&shape).set_f(fortran), || {
            next = next.wrapping_add(1);
            next
        });
        from_bytes(&to_bytes(&array).unwrap()).unwrap()
    });
    prop_oneof![4 => untyped, 1 => of_serde].boxed()
}

fn leaf() -> BoxedStrategy<Value> {
    let blob = prop_oneof![
        vec(any::<u8>(), 0..20),
        prop::sample::select(vec![254, 255, 256, 257, 600]).prop_map(|len| vec![7; len]),
    ];
    let floats = [0x7fc0_0001_u32, 0xff80_0001, 0x8000_0000, 0x7f80_0000];
    let wide = [0x7ff8_dead_beef_0001_u64, 0x7ff0_0000_0000_0001, 1 << 63];
    prop_oneof![
        2 => Just(Value::Unit),
        1 => any::<bool>().prop_map(Value::from),
        1 => any::<i8>().prop_map(Value::from),
        1 => any::<i16>().prop_map(Value::from),
        1 => any::<i32>().prop_map(Value::from),
        2 => prop_oneof![any::<i64>(), any::<i8>().prop_map(i64::from)].prop_map(Value::from),
        1 => any::<i128>().prop_map(Value::from),
        1 => any::<u8>().prop_map(Value::from),
        1 => any::<u16>().prop_map(Value::from),
        1 => any::<u32>().prop_map(Value::from),
        2 => prop_oneof![any::<u64>(), any::<u8>().prop_map(u64::from)].prop_map(Value::from),
        1 => any::<u128>().prop_map(Value::from),
        1 => prop_oneof![any::<u32>(), prop::sample::select(floats.to_vec())]
            .prop_map(|bits| Value::F32(f32::from_bits(bits))),
        1 => prop_oneof![any::<u64>(), prop::sample::select(wide.to_vec())]
            .prop_map(|bits| Value::F64(f64::from_bits(bits))),
        1 => any::<char>().prop_map(Value::from),
        2 => name().prop_map(Value::from),
        2 => blob.prop_map(|bytes| Value::Bytes(bytes.into())),
        1 => Just(Value::Optional(None)),
        3 => array(),
        1 => (name(), 0_u32..3, name()).prop_map(|(name, index, variant)| {
            record(Names::unit_variant(&name, index, &variant), Vec::new())
        }),
    ]
    .boxed()
}

fn under(name: &str, value: Value) -> Value {
    Value::Named(Name::new(name).unwrap(), Box::new(value))
}

fn record(names: Names, values: Vec<Option<Value>>) -> Value {
    Record::with_absent(names, values).unwrap().into()
}

/// Of unknown length: there is none but out of a container.
enum Unannounced {
    List(Vec<Value>),
    Map(Vec<(Value, Value)>),
}

impl Serialize for Unannounced {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Unannounced::List(items) => {
                let mut seq = serializer.serialize_seq(None)?;
                items.iter().try_for_each(|item| seq.serialize_element(item))?;
                seq.end()
            }
            Unannounced::Map(entries) => {
                let mut map = serializer.serialize_map(None)?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
        }
    }
}

/// What becomes of one in a container.
fn read(written: &impl Serialize) -> Value {
    from_bytes(&to_bytes(written).unwrap()).unwrap()
}

fn nested(inner: &BoxedStrategy<Value>) -> BoxedStrategy<Value> {
    let inner = || inner.clone();
    // The same item several times, with perhaps another between them: runs of one type, and runs that change.
    let lens = vec![0, 1, 2, 3, 8, 62, 63, 64, 65, 126, 127, 130];
    let run = (inner(), inner(), prop::sample::select(lens), 0_usize..140)
        .prop_map(|(item, other, len, at)| {
            let mut run = vec![item; len];
            if at < len {
                run[at] = other;
            }
            run
        })
        .boxed();
    let fields = (vec(name(), 0..6), vec(prop::option::weighted(0.8, inner()), 6)).boxed();
    let variant = (name(), 0_u32..300, name()).boxed();
    // Two records of one name after one another, of which the second has other fields or the same ones as something else.
    let records = (name(), fields.clone(), fields.clone(), any::<bool>()).prop_map(
        |(name, (fields, values), (others, other_values), is_same)| {
            let record = |fields: &[String], values: &[Option<Value>]| {
                let values = values[..fields.len()].to_vec();
                record(Names::of_struct(&name, fields), values)
            };
            let others = if is_same { &fields } else { &others };
            let (one, other) = (record(&fields, &values), record(others, &other_values));
            Value::from(vec![one.clone(), other, one])
        },
    );
    prop_oneof![
        3 => inner().prop_map(|value| Value::from(Some(value))),
        1 => inner().prop_map(|value| Value::Readable(Box::new(value))),
        1 => ("[a-zé.$ ]{1,9}", inner()).prop_map(|(name, value)| under(&name, value)),
        2 => vec(inner(), 0..5).prop_map(Value::from),
        2 => run.clone().prop_map(Value::from),
        1 => run.clone().prop_map(|items| read(&Unannounced::List(items))),
        2 => vec(inner(), 0..20).prop_map(|items| Value::Tuple(items.into())),
        2 => vec((inner(), inner()), 0..4).prop_map(|entries| Value::from(Map::from(entries))),
        2 => vec((name(), inner()), 0..4).prop_map(|entries| {
            let entry = |(key, value): (String, Value)| (Value::from(key), value);
            Value::from(entries.into_iter().map(entry).collect::<Map>())
        }),
        1 => (run.clone(), run.clone()).prop_map(|(keys, values)| {
            Value::from(keys.into_iter().zip(values).collect::<Map>())
        }),
        1 => (run.clone(), run).prop_map(|(keys, values)| {
            read(&Unannounced::Map(keys.into_iter().zip(values).collect()))
        }),
        3 => (name(), fields.clone()).prop_map(|(name, (fields, mut values))| {
            values.truncate(fields.len());
            record(Names::of_struct(&name, &fields), values)
        }),
        1 => records,
        1 => (variant.clone(), inner()).prop_map(|((name, index, variant), value)| {
            record(Names::newtype_variant(&name, index, &variant), vec![Some(value)])
        }),
        1 => (variant.clone(), vec(inner(), 0..4)).prop_map(|((name, index, variant), values)| {
            let names = Names::tuple_variant(&name, index, &variant, values.len());
            record(names, values.into_iter().map(Some).collect())
        }),
        1 => (variant, fields).prop_map(|((name, index, variant), (fields, mut values))| {
            values.truncate(fields.len());
            record(Names::struct_variant(&name, index, &variant, &fields), values)
        }),
    ]
    .boxed()
}

pub(crate) fn value() -> BoxedStrategy<Value> {
    leaf().prop_recursive(5, 40, 5, |inner| nested(&inner)).boxed()
}

/// What a container says of a value: long tuples are lists there.
fn plain(value: &Value) -> Value {
    let all = |items: &[Value]| items.iter().map(plain).collect::<Vec<_>>();
    match value {
        Value::Optional(Some(value)) => Value::from(Some(plain(value))),
        Value::Readable(value) => Value::Readable(Box::new(plain(value))),
        Value::Named(name, value) => Value::Named(name.clone(), Box::new(plain(value))),
        Value::Seq(seq) => Value::from(all(seq)),
        Value::Tuple(items) if items.len() > 16 => Value::from(all(items)),
        Value::Tuple(items) => Value::Tuple(all(items).into()),
        Value::Map(map) => {
            let entry = |(key, value): &(Value, Value)| (plain(key), plain(value));
            Value::from(map.iter().map(entry).collect::<Map>())
        }
        Value::Record(found) => {
            let (names, values) = found.clone().into_parts();
            record(names, values.iter().map(|value| value.as_ref().map(plain)).collect())
        }
        value => value.clone(),
    }
}

#[track_caller]
fn assert_same(found: &Value, expected: &Value) {
    assert!(same(found, expected), "expected {expected:#}, found {found:#}");
}

/// Places whose names tell nothing of them: in the keys of maps, in lists and records in which two have one name.
fn has_doubles(value: &Value) -> bool {
    let parts: Vec<(String, &Value)> = match value {
        Value::Optional(Some(value)) | Value::Readable(value) | Value::Named(_, value) => {
            return has_doubles(value);
        }
        Value::Seq(items) => return items.iter().any(has_doubles),
        Value::Tuple(items) => return items.iter().any(has_doubles),
        Value::Map(map) => {
            if map.iter().any(|(key, _)| has_arrays(key)) {
                return true;
            }
            map.iter().map(|(key, value)| (as_step(key), value)).collect()
        }
        Value::Record(record) => {
            let names: Vec<&str> = record.names().fields().collect();
            let is_double = |name| names.iter().filter(|other| *other == name).count() > 1;
            return names.iter().any(is_double)
                || record.fields().any(|(_, value)| has_doubles(value));
        }
        _ => return false,
    };
    let count = parts.len();
    parts.iter().any(|(_, value)| has_doubles(value))
        || parts.into_iter().collect::<BTreeMap<_, _>>().len() < count
}

fn as_step(key: &Value) -> String {
    match key {
        Value::Text(text) => text.to_string(),
        Value::Char(char) => char.to_string(),
        Value::Optional(_) | Value::Readable(_) => format!("#{key:?}"),
        Value::Named(_, key) => as_step(key),
        key => key.to_string(),
    }
}

fn has_arrays(value: &Value) -> bool {
    match value {
        Value::Array(_) | Value::Live(_) => true,
        Value::Optional(Some(value)) | Value::Readable(value) | Value::Named(_, value) => {
            has_arrays(value)
        }
        Value::Seq(items) => items.iter().any(has_arrays),
        Value::Tuple(items) => items.iter().any(has_arrays),
        Value::Map(map) => map.iter().any(|(key, value)| has_arrays(key) || has_arrays(value)),
        Value::Record(record) => record.fields().any(|(_, value)| has_arrays(value)),
        Value::Bytes(bytes) => bytes.len() >= 256,
        _ => false,
    }
}

/// The path of each array leads to one of its dtype and shape.
#[track_caller]
pub(crate) fn paths_lead_to_arrays(value: &Value, infos: &[ArrayInfo]) {
    for info in infos {
        let path = info.path();
        let found = value.get(path);
        let Some(found) = found else { panic!("{path} leads nowhere in {value:#}") };
        if let Some(array) = found.as_array() {
            assert_eq!((array.dtype(), array.shape()), (info.dtype(), info.shape()), "{path}");
        } else if let Some(bytes) = found.as_bytes() {
            assert_eq!((info.dtype(), info.shape()), (&DType::U8, &[bytes.len()][..]), "{path}");
        } else {
            panic!("{path} leads to {found:#} in {value:#}");
        }
    }
}

/// Where a value is, down to the part itself, that has other bytes when it was read; lists as lengths of runs.
fn which_differs(value: &Value) -> String {
    let parts: Vec<&Value> = match value {
        Value::Optional(Some(value)) | Value::Readable(value) | Value::Named(_, value) => {
            vec![value]
        }
        Value::Seq(items) => items.iter().collect(),
        Value::Tuple(items) => items.iter().collect(),
        Value::Map(map) => map.iter().flat_map(|(key, value)| [key, value]).collect(),
        Value::Record(record) => record.fields().map(|(_, value)| value).collect(),
        _ => Vec::new(),
    };
    let differs = |part: &Value| {
        let bytes = to_bytes(part).unwrap();
        to_bytes(&from_bytes::<Value>(&bytes).unwrap()).unwrap() != bytes
    };
    if let Some(part) = parts.iter().find(|part| differs(part)) {
        return which_differs(part);
    }
    let mut runs: Vec<(usize, String)> = Vec::new();
    for part in parts {
        let text = format!("{part}");
        match runs.last_mut() {
            Some((count, last)) if *last == text => *count += 1,
            _ => runs.push((1, text)),
        }
    }
    format!("{value} with {runs:?}")
}

fn in_a_block(value: &Value) {
    let expected = plain(value);
    let bytes = to_bytes(value).unwrap();
    let back: Value = from_bytes(&bytes).unwrap();
    assert_same(&back, &expected);
    assert_same(&back.clone(), &expected);
    assert!(to_bytes(&back).unwrap() == bytes, "other bytes of {}", which_differs(value));
    if !has_long(value) {
        assert!(to_bytes(&expected).unwrap() == bytes, "other bytes of {expected:#}");
    }
    let block = Block::new(bytes).unwrap();
    assert_same(&block.value().unwrap(), &expected);
    let rebuilt = Rebuilt::of(|walk| block.walk(walk));
    assert_same(&rebuilt, &expected);
    if !has_doubles(&expected) {
        paths_lead_to_arrays(&expected, &block.arrays().unwrap());
    }
}

/// Whether there is a list that may have been written without its length: a copy by public means has it.
fn has_long(value: &Value) -> bool {
    match value {
        Value::Seq(items) => items.len() > 63 || items.iter().any(has_long),
        Value::Tuple(items) => items.iter().any(has_long),
        Value::Map(map) => {
            map.len() > 63 || map.iter().any(|(key, value)| has_long(key) || has_long(value))
        }
        Value::Optional(Some(value)) | Value::Readable(value) | Value::Named(_, value) => {
            has_long(value)
        }
        Value::Record(record) => record.fields().any(|(_, value)| has_long(value)),
        _ => false,
    }
}

fn in_a_segment(value: &Value) {
    let expected = plain(value);
    let bytes = to_bytes(value).unwrap();
    let segment = to_shared(value).unwrap();
    let opened = Segment::open(segment.id()).unwrap();
    drop(segment);
    assert_same(&Rebuilt::of(|walk| opened.walk(walk)), &expected);
    let back = opened.value().unwrap();
    drop(opened);
    assert_same(&back, &expected);
    assert!(to_bytes(&back).unwrap() == bytes, "other bytes of {}", which_differs(value));
}

fn in_an_archive(value: &Value) {
    let expected = plain(value);
    let bytes = to_bytes(value).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for compression in [Compression::None, Compression::Deflate(1)] {
        let path = folder.path().join("a.npz");
        let options = NpzOptions::new().compression(compression).fsync(false);
        if let Err(error) = options.save(&path, value) {
            assert!(has_doubles(&expected), "{error}: {value:#}");
            return;
        }
        let content = std::fs::read(&path).unwrap();
        for file in [Npz::open(&path).unwrap(), Npz::from_bytes(content).unwrap()] {
            assert_same(&Rebuilt::of(|walk| file.walk(walk)), &expected);
            let back = file.value().unwrap();
            drop(file);
            assert_same(&back, &expected);
            // An archive has each array, also where several share their bytes.
            assert!(shares_bytes(&bytes) || to_bytes(&back).unwrap() == bytes);
        }
    }
}

/// Whether several arrays of a block lie at one place.
fn shares_bytes(bytes: &serde_shm::AlignedBytes) -> bool {
    let infos = serde_shm::Block::new(bytes.clone()).unwrap().arrays().unwrap();
    let ranges: Vec<_> = infos
        .iter()
        .filter_map(serde_shm::ArrayInfo::range)
        .filter(|range| !range.is_empty())
        .collect();
    (1..ranges.len()).any(|at| ranges[..at].contains(&ranges[at]))
}

/// As what typed and untyped types have inside.
fn in_other_types(value: &Value) {
    let expected = plain(value);
    let bytes = to_bytes(&(7_u8, value, Some(value), "end")).unwrap();
    let (first, one, two, end): (u8, Value, Option<Value>, String) = from_bytes(&bytes).unwrap();
    assert_eq!((first, &*end), (7, "end"));
    assert_same(&one, &expected);
    assert_same(two.as_ref().unwrap(), &expected);
    assert!(to_bytes(&(7_u8, one, two, "end")).unwrap() == bytes);
    let names = Names::of_struct("Outer", ["a"]);
    let bytes = to_bytes(&names.record(&[value])).unwrap();
    let outer: Value = from_bytes(&bytes).unwrap();
    let record = outer.as_record().unwrap();
    assert_eq!((record.names(), record.names().kind()), (&names, RecordKind::Struct));
    assert_same(record.value(0).unwrap(), &expected);
}

/// A list of 64 items and more, whose type changed at the 64th, was taken for one whose length had not been known, and had other
/// bytes when it was written again.
#[test]
fn lists_that_change_at_every_place() {
    let lens = [1, 62, 63, 64, 65, 100, 126, 127, 128, 190];
    for (len, at) in lens.into_iter().flat_map(|len| (0..len).map(move |at| (len, at))) {
        for other in [Value::from("x"), Value::Unit, Value::from(300_u16)] {
            let mut items = vec![Value::from(1_u8); len];
            items[at] = other;
            let entry = |at: usize, item: Value| (Value::from(at as u32), item);
            let entries = items.iter().cloned().enumerate().map(|(at, item)| entry(at, item));
            let map: Vec<(Value, Value)> = entries.collect();
            let keys = map.iter().cloned().map(|(key, value)| (value, key)).collect::<Vec<_>>();
            let bytes = |written: &dyn Fn() -> serde_shm::Result<serde_shm::AlignedBytes>| {
                let bytes = written().unwrap();
                let value: Value = from_bytes(&bytes).unwrap();
                assert!(to_bytes(&value).unwrap() == bytes, "{len} items, another at {at}");
            };
            bytes(&|| to_bytes(&Value::from(items.clone())));
            bytes(&|| to_bytes(&Value::from(Map::from(map.clone()))));
            bytes(&|| to_bytes(&Value::from(Map::from(keys.clone()))));
            bytes(&|| to_bytes(&Unannounced::List(items.clone())));
            bytes(&|| to_bytes(&Unannounced::Map(map.clone())));
            bytes(&|| to_bytes(&Unannounced::Map(keys.clone())));
        }
    }
}

proptest! {
    #![proptest_config(cases(384))]

    #[test]
    fn any_value_comes_back(value in value()) {
        in_a_block(&value);
        in_other_types(&value);
    }
}

proptest! {
    #![proptest_config(cases(64))]

    #[test]
    fn any_value_comes_back_out_of_a_segment(value in value()) {
        in_a_segment(&value);
    }

    #[test]
    fn any_value_comes_back_out_of_an_archive(value in value()) {
        in_an_archive(&value);
    }
}
