//! What a deserializer that reads once cannot do, and says so; what it can.

use std::marker::PhantomData;

use serde::{Deserialize, Serialize};
use serde_json::{Value, json};
use serde_shm::{ErrorKind, ShmArray1};

use super::Made;

#[derive(Serialize)]
struct Written {
    name: &'static str,
    values: ShmArray1<f32>,
}

fn written() -> Made {
    Made::of(&Written { name: "a", values: vec![1.0, 2.0].into() })
}

/// By another type, behind serde's buffer.
#[derive(Deserialize, Debug, PartialEq)]
struct Flat {
    name: String,
    #[serde(flatten)]
    rest: Rest,
}

#[derive(Deserialize, Debug, PartialEq)]
struct Rest {
    values: Vec<f32>,
}

#[derive(Deserialize, Debug, PartialEq)]
#[serde(untagged)]
#[allow(dead_code)]
enum Either {
    Numbers { values: Vec<f32> },
    Name { name: String },
}

#[test]
fn an_array_in_serdes_buffer_may_need_the_second_read() {
    let made = written();
    for deserializer in made.deserializers() {
        let error = Flat::deserialize(deserializer).unwrap_err();
        assert!(error.to_string().contains("use `get` or `get_seed`"), "{error}");
        // Another variant fits what is there, and is not what `get` gives.
        let error = Either::deserialize(deserializer).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert!(error.to_string().contains("use `get` or `get_seed`"), "{error}");
    }
    let numbers = Either::Numbers { values: vec![1.0, 2.0] };
    assert_eq!(made.block.get_seed(PhantomData::<Either>).unwrap(), numbers);
    assert_eq!(made.segment.get_seed(PhantomData::<Either>).unwrap(), numbers);
    assert_eq!(made.npz.get_seed(PhantomData::<Either>).unwrap(), numbers);
    assert_eq!(made.segment.get::<Flat>().unwrap().rest.values, [1.0, 2.0]);
}

/// Where the buffer is read out after the one read, nobody knows the array any more.
#[test]
fn arrays_in_an_enum_that_is_the_whole_object_need_the_handle() {
    #[derive(Deserialize, Debug)]
    #[serde(untagged)]
    enum Either {
        Array { values: ShmArray1<f32> },
        Name { name: String },
    }
    let made = written();
    for deserializer in made.deserializers() {
        for error in [
            Either::deserialize(deserializer).unwrap_err(),
            serde_path_to_error::deserialize::<_, Either>(deserializer).unwrap_err().into_inner(),
        ] {
            assert!(error.to_string().contains("use `get` or `get_seed`"), "{error}");
        }
        // Inside an object it is read out meanwhile.
        let inside: Vec<Either> = Made::of(&[Written { name: "a", values: vec![2.0].into() }])
            .deserializers()
            .map(|d| Vec::deserialize(d).unwrap().remove(0))
            .into();
        for either in inside {
            assert!(matches!(either, Either::Array { values } if values.sum() == 2.0));
        }
    }
    let read = made.block.get_seed(PhantomData::<Either>).unwrap();
    assert!(matches!(read, Either::Array { values } if values.sum() == 3.0));
    let named = Made::of(&std::collections::BTreeMap::from([("name", "b")]));
    for deserializer in named.deserializers() {
        let read = Either::deserialize(deserializer).unwrap();
        assert!(matches!(read, Either::Name { name } if name == "b"));
    }
}

#[test]
fn an_array_in_serdes_buffer_that_is_read_as_one_needs_none() {
    #[derive(Deserialize, Debug)]
    struct Flat {
        #[serde(flatten)]
        rest: Rest,
    }
    #[derive(Deserialize, Debug)]
    struct Rest {
        values: ShmArray1<f32>,
    }
    for deserializer in written().deserializers() {
        assert_eq!(Flat::deserialize(deserializer).unwrap().rest.values.sum(), 3.0);
    }
}

/// What a visitor refuses is known the second time. Each thread learns for itself.
#[test]
fn what_a_visitor_refused_is_known_the_second_time() {
    fn check(made: &Made, expected: &Value) {
        std::thread::scope(|scope| {
            for number in 0..made.deserializers().len() {
                scope.spawn(move || {
                    let deserializer = made.deserializers()[number];
                    let error = Value::deserialize(deserializer).unwrap_err();
                    assert!(error.to_string().contains("ask this once more"), "{error}");
                    assert_eq!(Value::deserialize(deserializer).unwrap(), *expected);
                });
            }
            scope.spawn(|| {
                assert_eq!(made.npz.get_seed(PhantomData::<Value>).unwrap(), *expected);
            });
        });
    }
    check(&Made::of(serde_bytes::Bytes::new(&[1, 2])), &json!([1, 2]));
}

/// A struct's visitor that takes names alone needs no second read here.
#[test]
fn fields_are_handed_over_by_name() {
    struct Names(Vec<String>);
    impl<'de> Deserialize<'de> for Names {
        fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            struct Visitor;
            impl<'de> serde::de::Visitor<'de> for Visitor {
                type Value = Names;
                fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                    f.write_str("fields by name")
                }
                fn visit_map<A: serde::de::MapAccess<'de>>(
                    self,
                    mut map: A,
                ) -> Result<Names, A::Error> {
                    let mut names = Vec::new();
                    while let Some((name, _)) = map.next_entry::<_, serde::de::IgnoredAny>()? {
                        names.push(name);
                    }
                    Ok(Names(names))
                }
            }
            d.deserialize_struct("Written", &["name", "values"], Visitor)
        }
    }
    for deserializer in written().deserializers() {
        assert_eq!(Names::deserialize(deserializer).unwrap().0, ["name", "values"]);
    }
}

#[test]
fn addresses_are_compact_where_they_are_the_whole_object() {
    use serde::Deserializer as _;
    use std::net::IpAddr;
    let address: IpAddr = [1, 2, 3, 4].into();
    let made = Made::of(&address);
    for deserializer in made.deserializers() {
        assert!(!deserializer.is_human_readable());
        assert_eq!(IpAddr::deserialize(deserializer).unwrap(), address);
    }
    // Inside an object they are what `to_bytes` writes, and so is what that writes to be read here.
    let bytes = serde_shm::to_bytes(&address).unwrap();
    let deserializer = serde_shm::de::Deserializer::from_bytes(&bytes);
    assert!(deserializer.is_human_readable());
    assert_eq!(IpAddr::deserialize(deserializer).unwrap(), address);
    assert_eq!(Made::of(&[address]).bytes, serde_shm::to_bytes(&[address]).unwrap());
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Newtype(IpAddr);
    let made = Made::of(&Newtype(address));
    for deserializer in made.deserializers() {
        assert_eq!(Newtype::deserialize(deserializer).unwrap(), Newtype(address));
    }
    assert_eq!(made.segment.get::<Option<IpAddr>>().unwrap(), Some(address));
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Node {
    next: Option<Box<Node>>,
}

#[cfg(feature = "deep")]
#[test]
fn what_nests_deep_is_read_once() {
    let mut node = Node { next: None };
    for _ in 0..1000 {
        node = Node { next: Some(Box::new(node)) };
    }
    let made = Made::of(&node);
    for deserializer in made.deserializers() {
        assert_eq!(Node::deserialize(deserializer).unwrap(), node);
        assert_eq!(serde_path_to_error::deserialize::<_, Node>(deserializer).unwrap(), node);
        let mut erased = <dyn erased_serde::Deserializer<'_>>::erase(deserializer);
        assert_eq!(erased_serde::deserialize::<Node>(&mut erased).unwrap(), node);
        // What is written meanwhile is so on the stack that this is read on, and not the one that it was begun on.
        let again = Made::by(|serializer| serde_transcode::transcode(deserializer, serializer));
        assert_eq!(again.unwrap().segment.get::<Node>().unwrap(), node);
    }
    for _ in 0..2000 {
        node = Node { next: Some(Box::new(node)) };
    }
    let error = serde_shm::ser::to_bytes_with(|s| node.serialize(s)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Limit);
}

#[test]
fn errors_of_the_container_come_with_the_first_request() {
    let d = serde_shm::de::Deserializer::from_bytes(b"no block");
    assert_eq!(u8::deserialize(d).unwrap_err().kind(), ErrorKind::Corrupt);
    let mut bytes = serde_shm::to_bytes(&(1, 2)).unwrap().to_vec();
    let end = bytes.len() - 1;
    bytes[end] ^= 1;
    let d = serde_shm::de::Deserializer::from_bytes(&bytes);
    assert_eq!(<(u8, u8)>::deserialize(d).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(!serde::Deserializer::is_human_readable(&d));
    let made = Made::of(&1_u8);
    let error = String::deserialize(made.npz.deserializer()).unwrap_err();
    assert!(error.container().unwrap().ends_with("object.npz"), "{error}");
}
