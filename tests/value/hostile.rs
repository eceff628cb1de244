//! Bytes of others, read by no type: errors that say where, no panic, and no memory for what is only claimed.

use serde::de::{Deserialize, Deserializer, IgnoredAny, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, Serializer};
use serde_shm::value::{Map, Name, Names, Number, Numbers, PlacedArray, Record, Value, Walk};
use serde_shm::{AlignedBytes, Block, Error, ErrorKind, ShmArray1, from_bytes, to_bytes};

use crate::corrupt::forge::{
    self, Parts, STRUCT, Shape, block, inline, of_version, seal, tables, tag, varint,
};
use crate::support::memory::peak;
use crate::value::rebuilt::Rebuilt;

fn under(name: &str, value: Value) -> Value {
    Value::Named(Name::new(name).unwrap(), Box::new(value))
}

/// Every kind of value that a container has.
fn all_kinds() -> Value {
    let named = Names::struct_variant("E", 3, "S", ["x", "y"]);
    let kinds = [
        Value::Unit,
        true.into(),
        Value::from(-1_i8),
        (-300_i16).into(),
        (-70_000_i32).into(),
        (-5_i64).into(),
        i64::MIN.into(),
        i128::MIN.into(),
        1_u8.into(),
        300_u16.into(),
        70_000_u32.into(),
        5_u64.into(),
        u64::MAX.into(),
        u128::MAX.into(),
        0.5_f32.into(),
        0.25_f64.into(),
        'é'.into(),
        "text".into(),
        Value::Bytes(vec![1, 2, 3].into()),
        Value::Bytes(vec![7; 256].into()),
        Value::Optional(None),
        Value::from(Some(Value::from(Some(2_u8)))),
        Value::from(vec![Value::from(1_u16), 2_u16.into(), 300_u16.into(), "x".into()]),
        Value::from(vec![Value::from(true), false.into()]),
        Value::Tuple([Value::from(1_u8), "t".into()].into()),
        Value::from(Map::from(vec![("k".into(), 1_u8.into()), ("l".into(), Value::Unit)])),
        Record::with_absent(
            Names::of_struct("S", ["a", "b", "c"]),
            [Some(1_u8.into()), None, Some(Value::Unit)],
        )
        .unwrap()
        .into(),
        Record::new(Names::unit_variant("E", 0, "U"), []).unwrap().into(),
        Record::new(Names::newtype_variant("E", 1, "N"), [2_u8.into()]).unwrap().into(),
        Record::new(Names::tuple_variant("E", 2, "T", 2), [2_u8.into(), 'c'.into()])
            .unwrap()
            .into(),
        Record::new(named, [Value::Unit, 3_u8.into()]).unwrap().into(),
        Value::Readable(Box::new("here".into())),
        under("N", under("M", Value::from(Some(under("O", Value::Unit))))),
        Value::from(vec![under("N", 7_u8.into()), under("N", 8_u8.into())]),
        from_bytes(&to_bytes(&ShmArray1::from(vec![1_u16, 2])).unwrap()).unwrap(),
        from_bytes(&to_bytes(&ndarray::arr1(&[0.5_f32])).unwrap()).unwrap(),
    ];
    Value::from(Vec::from(kinds))
}

/// Takes everything, to its end.
struct Anything;

macro_rules! leaves {
    ($($visit:ident $ty:ty;)*) => {$(
        fn $visit<E>(self, _: $ty) -> Result<Self, E> {
            Ok(self)
        }
    )*};
}

impl<'de> Visitor<'de> for Anything {
    type Value = Self;

    fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("anything")
    }

    leaves! {
        visit_bool bool; visit_i64 i64; visit_i128 i128; visit_u64 u64; visit_u128 u128; visit_f64 f64;
        visit_char char; visit_str &str; visit_bytes &[u8];
    }

    fn visit_unit<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_none<E>(self) -> Result<Self, E> {
        Ok(self)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self, D::Error> {
        d.deserialize_any(self)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<Self, D::Error> {
        d.deserialize_any(self)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> Result<Self, S::Error> {
        while seq.next_element::<Anything>()?.is_some() {}
        Ok(self)
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> Result<Self, M::Error> {
        while map.next_entry::<Anything, Anything>()?.is_some() {}
        Ok(self)
    }

    fn visit_enum<A: serde::de::EnumAccess<'de>>(self, access: A) -> Result<Self, A::Error> {
        let (Anything, content) = access.variant()?;
        serde::de::VariantAccess::newtype_variant(content)
    }
}

impl<'de> Deserialize<'de> for Anything {
    fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_any(Anything)
    }
}

/// Takes no notice.
struct Nothing;

impl Walk<'_> for Nothing {}

/// Reads as a value, by a walk and as anything: they agree on what is corrupt, and on what is no more than too deep.
fn agree(bytes: &[u8], what: &str) -> bool {
    let Ok(block) = Block::new(AlignedBytes::copy_from(bytes)) else { return false };
    let ((value, walked), most) = peak(|| (block.value(), block.walk(&mut Nothing)));
    assert!(most < 256 << 10, "{what}: {most} bytes");
    let anything = from_bytes::<Anything>(&AlignedBytes::copy_from(bytes));
    match (&value, &walked, &anything) {
        (Ok(value), Ok(()), anything) => {
            // Bools in arrays are looked at by who asks for them.
            if let Err(error) = anything {
                let is_bool = error.to_string().contains("0 or 1");
                assert!(error.kind() != ErrorKind::Corrupt || is_bool, "{what}: {error}, {value}");
            }
            let _ = from_bytes::<IgnoredAny>(bytes);
            let _ = (value.to_string(), format!("{value:#}"));
            let again = to_bytes(value).unwrap();
            let same: Value = from_bytes(&again).unwrap();
            assert!(to_bytes(&same).unwrap() == again, "{what}: {value}");
            Rebuilt::of(|walk| block.walk(walk));
        }
        (Err(one), Err(other), Err(third)) => {
            assert_eq!((one.kind(), one.to_string()), (other.kind(), other.to_string()), "{what}");
            assert!(one.kind() == third.kind(), "{what}: {one}; {third}");
        }
        (value, walked, anything) => panic!(
            "{what}: {:?}, {walked:?}, {:?}",
            value.as_ref().map(|_| ()),
            anything.as_ref().map(|_| ())
        ),
    }
    value.is_ok()
}

#[test]
fn every_altered_byte_under_a_right_checksum_is_survived() {
    let whole = to_bytes(&all_kinds()).unwrap();
    assert!(agree(&whole, "whole"));
    let parts = Parts::of(&whole);
    let (mut sound, mut refused) = (0, 0);
    for at in (parts.inline.start..parts.directory.end).chain(whole.len() - 64..whole.len()) {
        for byte in (0..=255).step_by(if cfg!(debug_assertions) { 5 } else { 1 }) {
            let byte = whole[at] ^ byte as u8;
            let mut altered = whole.to_vec();
            altered[at] = byte;
            seal(&mut altered);
            if agree(&altered, &format!("byte {at} to {byte}")) { sound += 1 } else { refused += 1 }
        }
    }
    assert!(sound > 1000 && refused > 1000, "{sound} are values, {refused} are not");
}

/// Fails at the call of a number, and must not be called after.
#[derive(Default)]
struct Failing {
    fails: usize,
    calls: usize,
    what: &'static str,
}

impl Failing {
    fn call(&mut self, what: &'static str) -> serde_shm::Result<()> {
        assert!(self.calls < self.fails, "called after an error");
        self.calls += 1;
        if self.calls < self.fails {
            return Ok(());
        }
        self.what = what;
        Err(serde::de::Error::custom("enough"))
    }
}

macro_rules! calls {
    ($($method:ident($($arg:ty),*);)*) => {$(
        fn $method(&mut self, $(_: $arg),*) -> serde_shm::Result<()> {
            self.call(stringify!($method))
        }
    )*};
}

impl<'a> Walk<'a> for Failing {
    calls! {
        unit(); bool(bool); number(Number); numbers(Numbers<'_>); char(char); text(&'a str); bytes(&'a [u8]); none(); some();
        readable(); seq(Option<usize>); tuple(usize); map(Option<usize>); record(&Names); absent(); unannounced(); end();
        array(PlacedArray);
    }
}

/// What was called and the place that the error has, for each call of a walk.
fn failures(object: &impl Serialize) -> Vec<(&'static str, String)> {
    let block = Block::new(to_bytes(object).unwrap()).unwrap();
    let mut failures = Vec::new();
    loop {
        let mut failing = Failing { fails: failures.len() + 1, ..Failing::default() };
        match block.walk(&mut failing) {
            Ok(()) => return failures,
            Err(error) => {
                assert!(error.to_string().ends_with("enough"), "{error}");
                failures.push((failing.what, error.path().unwrap_or_default()));
            }
        }
    }
}

#[test]
fn a_walk_that_fails_says_where_and_is_called_no_more() {
    assert!(failures(&all_kinds()).len() > 60);
    #[derive(Serialize)]
    struct Outer {
        id: u8,
        inner: Inner,
        list: Vec<Inner>,
    }
    #[derive(Serialize)]
    enum Inner {
        A { x: Option<u8>, y: (u8, char) },
        B(Vec<u16>),
    }
    let object = Outer {
        id: 1,
        inner: Inner::A { x: Some(1), y: (2, 'c') },
        list: vec![Inner::B(vec![1, 2, 3]), Inner::A { x: None, y: (1, 'd') }],
    };
    let expected = [
        ("record", ""),
        ("number", "id"),
        ("record", "inner"),
        ("some", "inner.A.x"),
        ("number", "inner.A.x"),
        ("tuple", "inner.A.y"),
        ("number", "inner.A.y[0]"),
        ("char", "inner.A.y[1]"),
        ("end", "inner.A.y"),
        ("end", "inner"),
        ("seq", "list"),
        ("record", "list[0]"),
        ("seq", "list[0].B"),
        ("numbers", "list[0].B"),
        ("end", "list[0].B"),
        ("end", "list[0]"),
        ("record", "list[1]"),
        ("none", "list[1].A.x"),
        ("tuple", "list[1].A.y"),
        ("number", "list[1].A.y[0]"),
        ("char", "list[1].A.y[1]"),
        ("end", "list[1].A.y"),
        ("end", "list[1]"),
        ("end", "list"),
        ("end", ""),
    ];
    let found = failures(&object);
    let found: Vec<(&str, &str)> = found.iter().map(|(what, path)| (*what, &**path)).collect();
    assert_eq!(found, expected);
    let map = std::collections::BTreeMap::from([("a", vec!["x"]), ("b", vec![])]);
    let found = failures(&map);
    let places: Vec<&str> = found.iter().map(|(_, path)| &**path).collect();
    assert_eq!(places[0], "");
    assert_eq!(places[2..6], ["[\"a\"]", "[\"a\"][0]", "[\"a\"]", "[entry 1]"], "{found:?}");
    assert_eq!(places[places.len() - 1], "");
}

#[track_caller]
fn is_refused(bytes: &AlignedBytes, kinds: &[ErrorKind]) -> Error {
    let block = Block::new(bytes.clone()).unwrap();
    let (value, most) = peak(|| block.value());
    let error = value.unwrap_err();
    assert!(kinds.contains(&error.kind()), "{error}");
    assert!(most < 4 * bytes.len() + (512 << 10), "{most} bytes for {}: {error}", bytes.len());
    let (walked, most) = peak(|| block.walk(&mut Nothing));
    assert!(most < 4 * bytes.len() + (512 << 10), "{most} bytes");
    if let Err(error) = walked {
        assert!(kinds.contains(&error.kind()), "{error}");
    }
    error
}

#[test]
fn lists_that_claim_more_than_there_is() {
    for count in [2_u64, 1 << 20, 1 << 40, u64::MAX >> 1] {
        for slot in [tag::U8, tag::UNIT, tag::BOOL, tag::U32, tag::STR, tag::SEQ, tag::ANY] {
            let run = [&[tag::SEQ][..], &varint(count << 1), &[slot]].concat();
            is_refused(&inline(&run), &[ErrorKind::Corrupt]);
            let run = [&[tag::MAP][..], &varint(count << 1), &[tag::U8, slot, 1]].concat();
            is_refused(&inline(&run), &[ErrorKind::Corrupt]);
        }
    }
    // Runs without items, one after the other.
    let mut runs = vec![tag::SEQ];
    runs.extend(vec![1; 100_000]);
    runs.push(0);
    let block = Block::new(inline(&runs)).unwrap();
    assert_eq!(block.value().map_or("[]".into(), |value| value.to_string()), "[]");
    // Text and bytes.
    for tag in [tag::STR, 0x13] {
        let claim = [&[tag][..], &varint(u64::MAX), b"abc"].concat();
        is_refused(&inline(&claim), &[ErrorKind::Corrupt]);
    }
}

#[test]
fn lists_within_lists_that_claim_much() {
    // A million lists of one level, each of which claims as many items as there are bytes behind it.
    let mut inline_block = vec![tag::SEQ];
    let count = 200_000_u64;
    inline_block.extend(varint(count << 1));
    inline_block.push(tag::SEQ);
    for left in (0..count).rev() {
        inline_block.extend(varint(left.min(5000) << 1));
        if left > 0 {
            inline_block.push(tag::UNIT);
        }
    }
    is_refused(&inline(&inline_block), &[ErrorKind::Corrupt]);
    // Nested ones, each of which claims all that is left.
    let depth = 2000_u64;
    let mut nested = Vec::new();
    for level in 0..depth {
        if level == 0 {
            nested.push(tag::SEQ);
        }
        nested.extend(varint((depth - level) << 1));
        nested.push(tag::SEQ);
    }
    let bytes = inline(&nested);
    let block = Block::new(bytes).unwrap();
    let (value, most) = peak(|| block.value());
    value.unwrap_err();
    assert!(most < 16 << 20, "{most} bytes");
}

#[test]
fn records_of_many_fields_and_long_names() {
    // The fields are there in the tables, but not in the object.
    let fields: Vec<(&'static str, u8)> = (0..65_535).map(|_| ("n", tag::U8)).collect();
    let tables = tables(&[Shape::record("Wide", &fields)]);
    let bytes = block(&[], &[tag::RECORD, 0, 1, 2, 3], &tables, &[]);
    let block_of_few = Block::new(bytes.clone()).unwrap();
    let (value, most) = peak(|| block_of_few.value());
    assert_eq!(value.unwrap_err().kind(), ErrorKind::Corrupt);
    // A name of one char in three bytes is a slice in the decoder, and a text of its own in `Names`.
    assert!(most < 32 * bytes.len(), "{most} bytes for {}", bytes.len());
    // Records of nothing but absent fields cost a byte each in the container.
    let name: &'static str = "n".repeat(1 << 20).leak();
    let shape = Shape { kind: STRUCT, name, variant: "", fields: vec![name], tags: vec![tag::U8] };
    let long = forge::tables(&[shape]);
    let items = 10_000_u64;
    let mut records = [&[tag::SEQ][..], &varint(items << 1), &[tag::RECORD]].concat();
    (0..items).for_each(|_| records.extend([0, 7]));
    let bytes = block(&[], &records, &long, &[]);
    let block = Block::new(bytes.clone()).unwrap();
    let (value, most) = peak(|| block.value().unwrap());
    // The names are there once, not once for each record.
    assert!(most < 5 * bytes.len() + items as usize * 200, "{most} bytes for {}", bytes.len());
    assert_eq!(value[9_999].as_record().unwrap().names().name().len(), 1 << 20);
    let (written, most) = peak(|| to_bytes(&value).unwrap());
    assert!(most < 6 * bytes.len(), "{most} bytes");
    assert_eq!(from_bytes::<Value>(&written).unwrap(), value);
    assert!(value.to_string().len() < 20 << 20);
}

/// Each level made room for all its fields, of which it had one: gigabytes for a container of some thousand bytes.
#[test]
fn wide_records_and_lists_within_one_another() {
    let mut fields = vec![("n", tag::U8); 10_000];
    fields[0].1 = tag::RECORD;
    for kind in [STRUCT, forge::TUPLE] {
        let mut shape = Shape::record("Wide", &fields);
        shape.kind = kind;
        let bytes = block(&[], &[&[tag::RECORD][..], &[0; 2000]].concat(), &tables(&[shape]), &[]);
        let block = Block::new(bytes).unwrap();
        let (value, most) = peak(|| block.value());
        assert_eq!(value.unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(most < 24 << 20, "{most} bytes");
    }
    for kind in [&[tag::SEQ][..], &[tag::MAP, tag::U8]] {
        let level = [&varint(4096 << 1)[..], &kind[1..], &kind[..1], &vec![7; kind.len() - 1]];
        let nested = [&kind[..1], &level.concat().repeat(2000), &[0; 10_000]].concat();
        let block = Block::new(inline(&nested)).unwrap();
        let (value, most) = peak(|| block.value());
        assert_eq!(value.unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(most < 24 << 20, "{most} bytes");
    }
}

#[test]
fn what_nests_too_deep_is_a_limit() {
    for (open, close) in [
        (&[tag::SEQ, 2, tag::ANY][..], &[tag::UNIT][..]),
        (&[tag::OPTION], &[tag::UNIT]),
        (&[0x1d], &[tag::UNIT]),
        (&[tag::NAMED, 1, b'N'], &[tag::UNIT]),
        (&[tag::NAMED, 1, b'N', tag::OPTION, 0x1d], &[tag::UNIT]),
        (&[tag::MAP, 2, tag::U8, tag::ANY, 1], &[tag::UNIT]),
    ] {
        for levels in [2040, 5000, 200_000] {
            let bytes = of_version(&inline(&[&open.repeat(levels)[..], close].concat()), 3);
            let block = Block::new(bytes.clone()).unwrap();
            let ((value, walked), most) = peak(|| (block.value(), block.walk(&mut Nothing)));
            assert!(most < 16 << 20, "{most} bytes");
            match &value {
                Ok(value) => {
                    let again = to_bytes(value).unwrap();
                    assert!(from_bytes::<Value>(&again).unwrap() == *value);
                }
                Err(error) => assert_eq!(error.kind(), ErrorKind::Limit, "{error}"),
            }
            assert!(value.is_err() || levels < 5000, "{open:?} {levels}");
            if let Err(error) = walked {
                assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
            }
        }
    }
}

/// A long list is looked over once and read when somebody looks: what was right then must not turn out to be none. Options were not
/// counted where it was looked over.
#[test]
fn long_lists_of_what_nests_deep_are_read_or_refused() {
    for (wraps, end) in [
        (&[tag::OPTION][..], &[0][..]),
        (&[0x1d], &[tag::UNIT]),
        (&[tag::OPTION], &[tag::U8, 7]),
        (&[tag::NAMED, 1, b'N'], &[tag::U8, 7]),
    ] {
        for levels in [1, 2000, 2040, 2050, 4090, 4100, 5000, 100_000] {
            for around in [0, 3, 2000] {
                let mut bytes = vec![tag::OPTION; around];
                bytes.push(tag::SEQ);
                bytes.extend(varint(40 << 1));
                bytes.push(tag::ANY);
                bytes.extend([tag::UNIT; 39]);
                bytes.extend(wraps.repeat(levels));
                bytes.extend(end);
                let block = Block::new(of_version(&inline(&bytes), 3)).unwrap();
                let value = match block.value() {
                    Ok(value) => value,
                    Err(error) => {
                        assert_eq!(error.kind(), ErrorKind::Limit, "{error}");
                        assert!(levels + around > 2040, "{levels} {around}");
                        continue;
                    }
                };
                let list = (0..around).fold(&value, |value, _| match value {
                    Value::Optional(Some(value)) => value,
                    other => panic!("{other}"),
                });
                assert_eq!(list.as_slice().unwrap().len(), 40);
                let Value::Seq(list) = list else { panic!() };
                assert_eq!(list.each().count(), 40);
                assert!(value.clone() == value && value.to_string().len() < 10_000);
                assert!(from_bytes::<Value>(&to_bytes(&value).unwrap()).unwrap() == value);
            }
        }
    }
}

/// What is made by hand may nest deeper than what is read: to write it is an error.
#[test]
fn values_that_are_made_too_deep_are_not_written() {
    let wraps: [fn(Value) -> Value; 4] = [
        |value| Value::from(vec![value]),
        |value| Value::from(Some(value)),
        |value| Value::Readable(Box::new(value)),
        |value| under("N", value),
    ];
    for wrap in wraps {
        let value = (0..5000).fold(Value::Unit, |value, _| wrap(value));
        match to_bytes(&value) {
            Err(error) => assert_eq!(error.kind(), ErrorKind::Limit, "{error}"),
            Ok(bytes) => assert!(from_bytes::<Value>(&bytes).is_ok()),
        }
    }
}

/// A list whose items are not what its `Numbers` says.
#[test]
fn a_serializer_of_records_and_numbers_is_held_to_its_names() {
    let names = Names::of_struct("P", ["x", "y"]);
    for values in [&[][..], &[1_u8], &[1, 2, 3]] {
        let error = to_bytes(&names.record(values)).unwrap_err();
        assert!(error.to_string().contains("field"), "{error}");
        assert!(serde_json::to_string(&names.record(values)).is_err());
    }
    struct Given<'a>(&'a Names, usize);
    impl Serialize for Given<'_> {
        fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(serializer, 0..self.1)
        }
    }
    assert!(to_bytes(&Given(&names, 2)).is_ok());
    assert!(to_bytes(&Given(&names, 3)).is_err());
    assert!(to_bytes(&[Given(&names, 2), Given(&names, 1)]).is_err());
    let unit = Names::unit_variant("E", 0, "U");
    assert!(to_bytes(&Given(&unit, 0)).is_ok());
    assert!(to_bytes(&Given(&unit, 1)).is_err());
}
