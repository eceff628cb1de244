//! `Deserialize` written by hand, as it is found in published crates.

use std::fmt;

use serde::de::{self, Deserialize, Deserializer, MapAccess, SeqAccess, Visitor};
use serde::{Serialize, ser::SerializeStruct};
use serde_shm::ShmArray1;

use crate::serde::support::check;

const FIELDS: &[&str] = &["seconds", "samples"];

/// Its visitor takes a map and nothing else.
#[derive(PartialEq, Debug)]
struct ByMap {
    seconds: u64,
    samples: ShmArray1<f32>,
}

impl Serialize for ByMap {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct("ByMap", 2)?;
        fields.serialize_field("seconds", &self.seconds)?;
        fields.serialize_field("samples", &self.samples)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for ByMap {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct ByMapVisitor;
        impl<'de> Visitor<'de> for ByMapVisitor {
            type Value = ByMap;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<ByMap, A::Error> {
                let (mut seconds, mut samples) = (None, None);
                while let Some(key) = map.next_key::<String>()? {
                    match key.as_str() {
                        "seconds" => seconds = Some(map.next_value()?),
                        "samples" => samples = Some(map.next_value()?),
                        other => return Err(de::Error::unknown_field(other, FIELDS)),
                    }
                }
                let missing = |field| move || de::Error::missing_field(field);
                Ok(ByMap {
                    seconds: seconds.ok_or_else(missing("seconds"))?,
                    samples: samples.ok_or_else(missing("samples"))?,
                })
            }
        }
        deserializer.deserialize_struct("ByMap", FIELDS, ByMapVisitor)
    }
}

/// The same fields, asked for by a derive and by hand in turn.
#[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
#[serde(rename = "ByMap")]
struct Derived {
    seconds: u64,
    samples: ShmArray1<f32>,
}

#[test]
fn a_visitor_of_maps_only() {
    let by_map = |seconds| ByMap { seconds, samples: vec![1.0, 2.0].into() };
    let derived = |seconds| Derived { seconds, samples: vec![1.0, 2.0].into() };
    check(&vec![by_map(1), by_map(2)], &["0.samples", "1.samples"]);
    let mixed = vec![(by_map(1), derived(2)), (by_map(3), derived(4))];
    check(&mixed, &["0.0.samples", "0.1.samples", "1.0.samples", "1.1.samples"]);
}

/// Stops in the middle, and asks for nothing of the rest.
#[derive(PartialEq, Debug)]
struct FirstOnly(u64);

impl<'de> Deserialize<'de> for FirstOnly {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct FirstVisitor;
        impl<'de> Visitor<'de> for FirstVisitor {
            type Value = FirstOnly;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("a struct")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<FirstOnly, A::Error> {
                let entry: Option<(String, u64)> = map.next_entry()?;
                Ok(FirstOnly(entry.map_or(0, |entry| entry.1)))
            }

            fn visit_seq<A: SeqAccess<'de>>(self, _: A) -> Result<FirstOnly, A::Error> {
                Err(de::Error::custom("never by position"))
            }
        }
        deserializer.deserialize_struct("ByMap", FIELDS, FirstVisitor)
    }
}

#[test]
fn a_visitor_that_stops_early() {
    let value = (ByMap { seconds: 5, samples: vec![1.0].into() }, 6_u8);
    let bytes = serde_shm::to_bytes(&value).unwrap();
    assert_eq!(serde_shm::from_bytes::<(FirstOnly, u8)>(&bytes).unwrap(), (FirstOnly(5), 6));
}

/// A visitor that takes fewer elements than it asked for loses the rest: that is an error, however it is called.
#[test]
fn a_visitor_that_takes_less_than_it_asked_for() {
    #[derive(PartialEq, Debug)]
    struct Two<const TUPLE: bool>(u8, u16);

    impl<'de, const TUPLE: bool> Deserialize<'de> for Two<TUPLE> {
        fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
            // As serde's derive calls its own.
            #[allow(non_camel_case_types)]
            struct __Visitor<const TUPLE: bool>;
            impl<'de, const TUPLE: bool> Visitor<'de> for __Visitor<TUPLE> {
                type Value = Two<TUPLE>;

                fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                    f.write_str("two of three")
                }

                fn visit_seq<A: SeqAccess<'de>>(self, mut seq: A) -> Result<Two<TUPLE>, A::Error> {
                    let missing = || de::Error::custom("too few");
                    let first = seq.next_element()?.ok_or_else(missing)?;
                    Ok(Two(first, seq.next_element()?.ok_or_else(missing)?))
                }
            }
            if TUPLE {
                deserializer.deserialize_tuple(3, __Visitor)
            } else {
                deserializer.deserialize_struct("Two", &["a", "b", "c"], __Visitor)
            }
        }
    }

    #[derive(serde::Serialize, Clone)]
    struct Three {
        a: u8,
        b: u16,
        c: u16,
    }
    // The first is read by a way that looks, the others are not.
    for count in 1..4 {
        let structs = vec![Three { a: 1, b: 2, c: 3 }; count];
        let error =
            serde_shm::from_bytes::<Vec<Two<false>>>(&serde_shm::to_bytes(&structs).unwrap());
        let error = error.unwrap_err();
        assert_eq!(error.kind(), serde_shm::ErrorKind::Mismatch, "{error}");
        let error = serde_shm::from_bytes::<(Two<false>, u8)>(
            &serde_shm::to_bytes(&(structs[0].clone(), 5_u8)).unwrap(),
        );
        assert!(error.unwrap_err().to_string().contains("expected 2 elements, found 3"));
        let tuples = vec![(1_u8, 2_u16, 3_u16); count];
        let error = serde_shm::from_bytes::<Vec<Two<true>>>(&serde_shm::to_bytes(&tuples).unwrap());
        let text = error.unwrap_err().to_string();
        assert!(text.contains("expected 2 elements, found 3"), "{text}");
    }
}
