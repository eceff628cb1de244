//! Visitors and `Serialize`s that ask out of turn: an error, never a panic, nor what follows taken for something else.
//!
//! A visitor that asked for a value before a key subtracted from nothing.

use std::collections::BTreeMap;
use std::fmt;
use std::marker::PhantomData;

use serde::de::{
    Deserialize, DeserializeOwned, Deserializer, EnumAccess, Error as _, IgnoredAny, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde::ser::{
    Serialize, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple, Serializer,
};
use serde_shm::{Result, from_bytes, to_bytes};

/// What a visitor of a map does.
#[derive(Clone, Copy, Debug, PartialEq)]
enum Turn {
    Value,
    Key,
    /// A key and its value.
    Entry,
    /// All that is left, and many times more.
    Rest,
}

use Turn::{Entry, Key, Rest, Value};

const WRONG: &[&[Turn]] = &[
    &[Value],
    &[Value, Value],
    &[Value, Key],
    &[Key],
    &[Key, Key],
    &[Key, Rest],
    &[Entry, Value],
    &[Entry, Key],
    &[Entry, Value, Rest],
    &[Rest, Value],
    &[Rest, Value, Value],
];

thread_local! {
    static TURNS: std::cell::Cell<&'static [Turn]> = const { std::cell::Cell::new(&[]) };
}

/// How it is asked for.
trait How {
    fn ask<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<Asked<Self>, D::Error>
    where
        Self: Sized;
}

macro_rules! hows {
    ($($name:ident |$d:ident| $ask:expr;)*) => {$(
        struct $name;
        impl How for $name {
            fn ask<'de, D: Deserializer<'de>>($d: D) -> std::result::Result<Asked<Self>, D::Error> {
                $ask
            }
        }
    )*};
}

hows! {
    AsMap |d| d.deserialize_map(Asked(PhantomData));
    AsAny |d| d.deserialize_any(Asked(PhantomData));
    AsStruct |d| d.deserialize_struct("S", &["a", "b"], Asked(PhantomData));
    AsArray |d| d.deserialize_struct("Array", &["v", "dim", "data"], Asked(PhantomData));
    AsEnum |d| d.deserialize_enum("E", &["A", "B"], Asked(PhantomData));
}

struct Asked<H>(PhantomData<H>);

impl<'de, H: How> Deserialize<'de> for Asked<H> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        H::ask(d)
    }
}

impl<'de, H> Visitor<'de> for Asked<H> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("anything out of turn")
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Self, M::Error> {
        for turn in TURNS.get() {
            match turn {
                Value => drop(map.next_value::<IgnoredAny>()?),
                Key => drop(map.next_key::<IgnoredAny>()?),
                Entry => drop(map.next_entry::<IgnoredAny, IgnoredAny>()?),
                Rest => {
                    while map.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
                    for _ in 0..1000 {
                        assert!(map.next_key::<IgnoredAny>()?.is_none());
                        let _ = map.size_hint();
                    }
                }
            }
        }
        Ok(self)
    }

    fn visit_seq<S: SeqAccess<'de>>(self, mut seq: S) -> std::result::Result<Self, S::Error> {
        while seq.next_element::<IgnoredAny>()?.is_some() {}
        for _ in 0..1000 {
            assert!(seq.next_element::<IgnoredAny>()?.is_none());
            let _ = seq.size_hint();
        }
        Ok(self)
    }

    /// Leaves the content where it is.
    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> std::result::Result<Self, A::Error> {
        data.variant::<IgnoredAny>().map(|_| self)
    }

    fn visit_str<E>(self, _: &str) -> std::result::Result<Self, E> {
        Ok(self)
    }
}

#[derive(serde::Serialize)]
struct S {
    a: u8,
    b: &'static str,
}

#[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
enum E {
    A,
    B(u32),
    C { x: u8 },
    D(u8, u8),
}

/// Reads the value, and one behind it, as `T`; with these turns.
fn with_turns<T: DeserializeOwned>(value: impl Serialize, turns: &'static [Turn]) -> Result<u32> {
    TURNS.set(turns);
    let block = to_bytes(&(value, 7_u32)).unwrap();
    from_bytes::<(T, u32)>(&block).map(|(_, after)| after)
}

fn all_turns<T: DeserializeOwned>(value: impl Serialize + Copy) {
    for turns in WRONG {
        let result = with_turns::<T>(value, turns);
        assert!(result.is_err(), "{}: {turns:?}: {result:?}", std::any::type_name::<T>());
    }
    assert_eq!(with_turns::<T>(value, &[Rest]).unwrap(), 7);
    assert_eq!(with_turns::<T>(value, &[Entry, Rest]).unwrap(), 7);
}

#[test]
fn maps_structs_arrays_and_variants_asked_out_of_turn() {
    let map = BTreeMap::from([("a", 1_u8), ("b", 2)]);
    all_turns::<Asked<AsMap>>(&map);
    all_turns::<Asked<AsAny>>(&map);
    all_turns::<Asked<AsStruct>>(&map);
    let nested = BTreeMap::from([(vec!["key"], map.clone()), (vec![], map)]);
    all_turns::<Asked<AsMap>>(&nested);
    let array = ndarray::arr2(&[[1_u8, 2], [3, 4]]);
    let shared = serde_shm::ShmArray2::from(array.clone());
    // An array and a struct may be left early: what is not taken is passed over, as unknown fields are.
    for turns in WRONG {
        for result in [
            with_turns::<Asked<AsArray>>(&shared, turns),
            with_turns::<Asked<AsMap>>(&array, turns),
        ] {
            assert!(
                matches!((&result, turns), (Err(_), _) | (Ok(7), [Key] | [Entry, Key])),
                "{turns:?}: {result:?}"
            );
        }
        let result = with_turns::<Asked<AsMap>>(S { a: 1, b: "two" }, turns);
        assert!(result.is_err() || matches!(turns, [Key] | [Entry, Key]), "{turns:?}: {result:?}");
        let result = with_turns::<Asked<AsAny>>(E::C { x: 1 }, turns);
        assert!(result.is_err() || matches!(turns, [Entry, Key]), "{turns:?}: {result:?}");
    }
}

#[test]
fn a_variant_taken_without_its_content() {
    for value in [E::B(3), E::C { x: 1 }, E::D(1, 2)] {
        let error = with_turns::<Asked<AsEnum>>(value, &[]).unwrap_err();
        assert!(error.to_string().contains("without its content"), "{error}");
    }
    assert_eq!(with_turns::<Asked<AsEnum>>(E::A, &[]).unwrap(), 7);
    let map = BTreeMap::from([("B", 3)]);
    let error = with_turns::<Asked<AsEnum>>(map, &[]).unwrap_err();
    assert!(error.to_string().contains("without its content"), "{error}");
    assert_eq!(with_turns::<Asked<AsEnum>>("A", &[]).unwrap(), 7);
}

/// Asks for what the variant is not.
struct Wrongly(u8);

impl<'de> Deserialize<'de> for Wrongly {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        struct Visit;
        impl<'de> Visitor<'de> for Visit {
            type Value = Wrongly;
            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a variant")
            }
            fn visit_enum<A: EnumAccess<'de>>(
                self,
                data: A,
            ) -> std::result::Result<Wrongly, A::Error> {
                let (_, content) = data.variant::<IgnoredAny>()?;
                match HOW.get() {
                    0 => content.unit_variant()?,
                    1 => drop(content.newtype_variant::<IgnoredAny>()?),
                    2 => _ = content.tuple_variant(9, Asked::<AsAny>(PhantomData))?,
                    3 => _ = content.struct_variant(&["y"], Asked::<AsAny>(PhantomData))?,
                    _ => return Err(A::Error::custom("its own")),
                }
                Ok(Wrongly(HOW.get()))
            }
        }
        d.deserialize_enum("E", &["A"], Visit)
    }
}

thread_local! {
    static HOW: std::cell::Cell<u8> = const { std::cell::Cell::new(0) };
}

#[test]
fn a_variant_asked_for_as_another_is_read_whole_or_refused() {
    for how in 0..5 {
        HOW.set(how);
        for value in [E::A, E::B(3), E::C { x: 1 }, E::D(1, 2)] {
            match with_turns::<Wrongly>(&value, &[Rest]) {
                Ok(after) => assert_eq!(after, 7, "{how}: {value:?}"),
                Err(error) => assert!(!error.to_string().is_empty()),
            }
        }
        assert_eq!(Wrongly(how).0, how);
    }
}

#[cfg(feature = "npz")]
#[test]
fn elements_and_archives_asked_out_of_turn() {
    use serde_shm::Npz;
    let text =
        "{'descr': [('a', '|u1'), ('b', '<f4', (2,))], 'fortran_order': False, 'shape': (2,), }\n";
    let len = u16::try_from(text.len()).unwrap().to_le_bytes();
    let file = [b"\x93NUMPY\x01\x00", &len[..], text.as_bytes(), &[0; 18]].concat();
    let npz = Npz::from_bytes(file).unwrap();
    for turns in WRONG {
        TURNS.set(turns);
        let result = npz.get::<Vec<Asked<AsMap>>>().map(|all| all.len());
        assert!(result.is_err() || matches!(turns, [Key] | [Entry, Key]), "{turns:?}: {result:?}");
        let result = npz.get::<Vec<Asked<AsAny>>>().map(|all| all.len());
        assert!(result.is_err() || matches!(turns, [Key] | [Entry, Key]), "{turns:?}: {result:?}");
        let _ = npz.get::<BTreeMap<String, Asked<AsMap>>>();
        let _ = npz.get::<Asked<AsMap>>();
    }
    TURNS.set(&[Rest]);
    assert_eq!(npz.get::<Vec<Asked<AsMap>>>().unwrap().len(), 2);
}

/// A `Serialize` that announces another number than it gives, or gives keys and values out of turn.
#[derive(Clone, Copy, Debug)]
struct Liar {
    what: What,
    announced: Option<usize>,
    given: usize,
}

#[derive(Clone, Copy, Debug)]
enum What {
    Seq,
    Tuple,
    Struct,
    Map,
    Values,
    Keys,
    OpenKey,
    ValueFirst,
}

impl Serialize for Liar {
    fn serialize<Z: Serializer>(&self, z: Z) -> std::result::Result<Z::Ok, Z::Error> {
        const NAMES: [&str; 5] = ["a", "b", "c", "d", "e"];
        let Liar { what, announced, given } = *self;
        let items = 0..given as u32;
        let len = announced.unwrap_or(1);
        match what {
            What::Seq => {
                let mut seq = z.serialize_seq(announced)?;
                for item in items {
                    seq.serialize_element(&item)?;
                }
                seq.end()
            }
            What::Tuple => {
                let mut tuple = z.serialize_tuple(len)?;
                for item in items {
                    tuple.serialize_element(&item)?;
                }
                tuple.end()
            }
            What::Struct => {
                let mut fields = z.serialize_struct("Liar", len)?;
                for item in items {
                    fields.serialize_field(NAMES[item as usize % 5], &item)?;
                }
                fields.end()
            }
            What::Map => {
                let mut map = z.serialize_map(announced)?;
                for item in items {
                    map.serialize_entry(&item, "text")?;
                }
                map.end()
            }
            What::Values | What::ValueFirst => {
                let mut map = z.serialize_map(announced)?;
                if given > 0 && matches!(what, What::Values) {
                    map.serialize_key("key")?;
                }
                for item in items {
                    map.serialize_value(&item)?;
                }
                map.end()
            }
            What::Keys | What::OpenKey => {
                let mut map = z.serialize_map(announced)?;
                if matches!(what, What::OpenKey) {
                    map.serialize_entry("key", &1)?;
                }
                for item in items {
                    map.serialize_key(&item)?;
                }
                map.end()
            }
        }
    }
}

#[test]
fn what_announces_another_number_than_it_gives() {
    use What::{Keys, Map, OpenKey, Seq, Struct, Tuple, ValueFirst, Values};
    for what in [Seq, Tuple, Struct, Map, Values, Keys, OpenKey, ValueFirst] {
        for announced in [None, Some(0), Some(1), Some(3), Some(5), Some(1 << 20), Some(usize::MAX)]
        {
            for given in [0, 1, 2, 3, 4, 5] {
                let liar = Liar { what, announced, given };
                let valid = match what {
                    Seq | Tuple | Struct | Map => true,
                    Values => given <= 1,
                    Keys | OpenKey | ValueFirst => given == 0,
                };
                let all = vec![liar; 5];
                let blocks =
                    [to_bytes(&liar), to_bytes(&all), to_bytes(&BTreeMap::from([(1, all)]))];
                for block in blocks {
                    match block {
                        Ok(block) => {
                            assert!(valid, "{liar:?} was written");
                            from_bytes::<IgnoredAny>(&block).unwrap();
                            from_bytes::<crate::corrupt::model::Anything>(&block).unwrap();
                        }
                        Err(error) => assert!(!valid, "{liar:?}: {error}"),
                    }
                }
            }
        }
    }
    let pairs: Vec<Vec<u32>> =
        from_bytes(&to_bytes(&vec![Liar { what: Seq, announced: Some(9), given: 2 }; 3]).unwrap())
            .unwrap();
    assert_eq!(pairs, vec![vec![0, 1]; 3]);
}
