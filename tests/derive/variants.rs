//! Serde's attributes on the variants of an enum.

use crate::derive::support::{refused, round_trip, routed};
use serde_shm::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Renamed {
    #[serde(rename = "first", alias = "erste")]
    First(#[shm_array] Vec<u8>),
    #[serde(rename_all = "UPPERCASE")]
    Second {
        #[shm_array]
        mask: Vec<bool>,
    },
    #[serde(other)]
    Unknown,
}

#[test]
fn rename_alias_other() {
    round_trip(&Renamed::First(vec![1]), r#"{"first":[1]}"#);
    assert_eq!(
        serde_json::from_str::<Renamed>(r#"{"erste":[1]}"#).unwrap(),
        Renamed::First(vec![1])
    );
    round_trip(&Renamed::Second { mask: vec![true] }, r#"{"Second":{"MASK":[true]}}"#);
    assert_eq!(serde_json::from_str::<Renamed>(r#""nothing known""#).unwrap(), Renamed::Unknown);
}

struct Opaque;

#[derive(Serialize, Deserialize)]
enum Skipping {
    #[serde(skip)]
    Gone(Opaque),
    #[serde(skip_serializing)]
    ReadOnly(#[allow(dead_code)] Vec<u8>),
    #[serde(skip_deserializing)]
    WriteOnly(Vec<u8>),
    Kept(#[shm_array] Vec<u8>),
}

#[test]
fn skip() {
    assert!(serde_json::to_string(&Skipping::Gone(Opaque)).is_err());
    assert!(serde_json::to_string(&Skipping::ReadOnly(vec![])).is_err());
    assert!(matches!(serde_json::from_str(r#"{"ReadOnly":[1]}"#).unwrap(), Skipping::ReadOnly(_)));
    assert_eq!(
        serde_json::to_string(&Skipping::WriteOnly(vec![1])).unwrap(),
        r#"{"WriteOnly":[1]}"#
    );
    assert!(serde_json::from_str::<Skipping>(r#"{"WriteOnly":[1]}"#).is_err());
    assert_eq!(routed(&Skipping::Kept(vec![])), 1);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum WithFunctions<T> {
    #[serde(with = "as_text")]
    Both(u32),
    #[serde(serialize_with = "as_text::serialize", deserialize_with = "as_text::deserialize")]
    Each(u32),
    #[serde(bound(serialize = "T: Serialize", deserialize = "T: Deserialize<'de>"))]
    Generic(T),
}

mod as_text {
    use serde::{Deserialize, Deserializer, Serializer, de::Error};

    #[allow(clippy::trivially_copy_pass_by_ref)] // Serde hands over a reference.
    pub(crate) fn serialize<S: Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&number.to_string())
    }

    pub(crate) fn deserialize<'de, D: Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
        String::deserialize(deserializer)?.parse().map_err(D::Error::custom)
    }
}

#[test]
fn with() {
    round_trip(&WithFunctions::<u8>::Both(1), r#"{"Both":"1"}"#);
    round_trip(&WithFunctions::<u8>::Each(2), r#"{"Each":"2"}"#);
    round_trip(&WithFunctions::Generic(3u8), r#"{"Generic":3}"#);
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
#[serde(tag = "kind")]
enum PartlyTagged {
    Tagged {
        #[shm_array]
        a: Vec<u8>,
    },
    #[serde(untagged)]
    Bare(#[shm_array] Vec<u8>),
}

#[test]
fn untagged_variant() {
    round_trip(&PartlyTagged::Tagged { a: vec![1] }, r#"{"kind":"Tagged","a":[1]}"#);
    round_trip(&PartlyTagged::Bare(vec![1]), "[1]");
    assert!(refused::<PartlyTagged>(r#"{"kind":"None"}"#).contains("did not match"));
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Borrowing<'a> {
    #[serde(borrow)]
    Text(std::borrow::Cow<'a, str>),
    #[serde(borrow)]
    Array(#[shm_array] std::borrow::Cow<'a, [f32]>),
}

#[test]
fn borrow() {
    let text = serde_json::from_str::<Borrowing<'_>>(r#"{"Text":"x"}"#).unwrap();
    assert!(matches!(text, Borrowing::Text(std::borrow::Cow::Borrowed("x"))));
    let array = Borrowing::Array(vec![1.0, 2.0].into());
    assert_eq!(routed(&array), 1);
    assert_eq!(serde_json::from_str::<Borrowing<'_>>(r#"{"Array":[1.0,2.0]}"#).unwrap(), array);
}
