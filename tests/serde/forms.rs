//! Types that have a compact form and one for human readers come back from either, and through serde's buffer.

use std::cell::Cell;
use std::collections::BTreeMap;
use std::net::{IpAddr, Ipv4Addr, Ipv6Addr, SocketAddr};

use serde::{Deserialize, Deserializer, Serialize, Serializer};

use crate::serde::support::check;

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Copy)]
struct Id(Ipv4Addr);

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(tag = "type")]
enum Event {
    Connected { from: SocketAddr, id: Id },
    Seen { all: Vec<IpAddr>, maybe: Option<Ipv6Addr>, pair: (Id, u8) },
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Flat {
    #[serde(flatten)]
    event: Event,
    last: IpAddr,
}

fn events() -> Vec<Event> {
    let id = Id(Ipv4Addr::new(10, 0, 0, 1));
    vec![
        Event::Connected { from: "[::1]:80".parse().unwrap(), id },
        Event::Seen {
            all: vec![id.0.into(), Ipv6Addr::LOCALHOST.into()],
            maybe: Some(Ipv6Addr::UNSPECIFIED),
            pair: (id, 1),
        },
        Event::Seen { all: vec![], maybe: None, pair: (id, 2) },
    ]
}

#[test]
fn addresses_anywhere() {
    check(&events(), &[]);
    let last = IpAddr::V4(Ipv4Addr::BROADCAST);
    check(&events().into_iter().map(|event| Flat { event, last }).collect::<Vec<_>>(), &[]);
    let id = Id(Ipv4Addr::LOCALHOST);
    check(&vec![Some(id), None], &[]);
    check(&BTreeMap::from([(Ipv4Addr::LOCALHOST, vec![id])]), &[]);
    check(&vec![Ok::<Id, IpAddr>(id), Err(Ipv6Addr::LOCALHOST.into())], &[]);
    // A type of one form in the place of one of two, and the other way round.
    let bytes = serde_shm::to_bytes(&[Some(id)]).unwrap();
    assert_eq!(serde_shm::from_bytes::<Vec<Id>>(&bytes).unwrap(), [id]);
    assert_eq!(serde_shm::from_bytes::<Vec<String>>(&bytes).unwrap(), ["127.0.0.1"]);
    let bytes = serde_shm::to_bytes(&[id]).unwrap();
    assert_eq!(serde_shm::from_bytes::<[Option<Id>; 1]>(&bytes).unwrap(), [Some(id)]);
    let compact = serde_shm::to_bytes(&[[127_u8, 0, 0, 1]]).unwrap();
    assert_eq!(serde_shm::from_bytes::<Vec<Id>>(&compact).unwrap(), [id]);
}

/// Compact as bytes, readable as hexadecimal digits, or as nothing.
#[derive(PartialEq, Debug, Clone, Default)]
struct Hash(Vec<u8>);

impl Serialize for Hash {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        if !serializer.is_human_readable() {
            return serializer.serialize_bytes(&self.0);
        }
        if self.0.is_empty() {
            return serializer.serialize_none();
        }
        let digits: Vec<String> = self.0.iter().map(|byte| format!("{byte:02x}")).collect();
        serializer.serialize_some(&digits.concat())
    }
}

impl<'de> Deserialize<'de> for Hash {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        if deserializer.is_human_readable() {
            let text = Option::<String>::deserialize(deserializer)?.unwrap_or_default();
            let byte =
                |at| u8::from_str_radix(&text[at..at + 2], 16).map_err(serde::de::Error::custom);
            return (0..text.len()).step_by(2).map(byte).collect::<Result<_, _>>().map(Hash);
        }
        struct Bytes;
        impl serde::de::Visitor<'_> for Bytes {
            type Value = Hash;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Hash, E> {
                Ok(Hash(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(Bytes)
    }
}

#[test]
fn options_in_one_of_the_forms_and_long_values() {
    let hash = |len| Hash((0..len).collect());
    check(&vec![hash(0), hash(4), hash(60), hash(0)], &[]);
    check(&vec![Some(hash(0)), None, Some(hash(3))], &[]);
    // Longer ones stay compact, and are placed where bytes are.
    check(&vec![hash(70), hash(4), hash(200)], &[]);
    check(&vec![Hash(vec![7; 1000]), hash(4)], &["0"]);
    let text = serde_shm::to_bytes(&vec![hash(60)]).unwrap().len();
    let digits = 2 * 60 - 60;
    assert!(text > digits && text < 400, "{text}");
}

/// Asks at every level.
#[derive(PartialEq, Debug)]
struct Chain(Option<Box<Chain>>);

thread_local! {
    static CALLS: Cell<u32> = const { Cell::new(0) };
}

impl Serialize for Chain {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        CALLS.set(CALLS.get() + 1);
        let readable = serializer.is_human_readable();
        (readable, &self.0).serialize(serializer)
    }
}

impl<'de> Deserialize<'de> for Chain {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        let readable = deserializer.is_human_readable();
        let (was, next) = <(bool, Option<Box<Chain>>)>::deserialize(deserializer)?;
        assert_eq!(was, readable, "it is read as it was written");
        Ok(Chain(next))
    }
}

#[test]
fn asking_at_every_level_is_not_exponential() {
    let chain = (0..200).fold(Chain(None), |chain, _| Chain(Some(Box::new(chain))));
    CALLS.set(0);
    let bytes = serde_shm::to_bytes(&chain).unwrap();
    assert!(CALLS.get() < 201 * 201, "{} calls", CALLS.get());
    assert_eq!(serde_shm::from_bytes::<Chain>(&bytes).unwrap(), chain);
}
