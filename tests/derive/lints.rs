//! Users who allow no warning, and forbid what they can, see none of ours.

#![forbid(unsafe_code, missing_docs, unused_must_use)]
#![deny(
    warnings,
    nonstandard_style,
    rust_2018_idioms,
    unused,
    unreachable_pub,
    trivial_casts,
    trivial_numeric_casts,
    unused_lifetimes,
    unused_qualifications,
    unused_import_braces,
    single_use_lifetimes,
    missing_debug_implementations,
    private_bounds,
    private_interfaces,
    deprecated,
    dead_code,
    elided_lifetimes_in_paths,
    let_underscore_drop,
    variant_size_differences,
    clippy::all,
    clippy::pedantic,
    clippy::nursery
)]
// Contradicts `unreachable_pub`.
#![allow(clippy::redundant_pub_crate)]

use crate::derive::support::{round_trip, routed};
use serde_shm::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Private(u8);

#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct Public<T> {
    private: Private,
    #[shm_array]
    array: Vec<T>,
    #[shm_array]
    known: Vec<u8>,
    weights: ndarray::Array1<f32>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct Lifetimes<'a> {
    name: &'a str,
    #[shm_array]
    array: std::borrow::Cow<'a, [f32]>,
}

#[allow(non_snake_case, clippy::struct_excessive_bools)]
#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct Allowed {
    X: bool,
    Y: bool,
    Z: bool,
    W: bool,
    #[shm_array]
    ARRAY: Vec<u8>,
}

#[expect(non_snake_case, reason = "names of mathematics")]
#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct Expected {
    X: u8,
    #[shm_array]
    Y: Vec<u8>,
}

#[deprecated]
#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct Old {
    #[shm_array]
    array: Vec<u8>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct OldField {
    #[deprecated]
    #[shm_array]
    array: Vec<u8>,
    #[deprecated]
    name: String,
}

#[allow(deprecated)]
#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) enum UsesOld {
    Old(Old),
    #[deprecated]
    None,
}

mod other {
    #[derive(PartialEq, Debug)]
    pub(crate) struct Remote {
        pub(crate) array: Vec<u8>,
    }

    #[derive(PartialEq, Debug)]
    pub(crate) enum Choice {
        Some { array: Vec<u8> },
        None(u8),
    }
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(remote = "other::Remote")]
struct RemoteDef {
    #[shm_array]
    array: Vec<u8>,
}

#[derive(Serialize, Deserialize, Debug)]
#[serde(remote = "other::Choice")]
enum ChoiceDef {
    Some {
        #[shm_array]
        array: Vec<u8>,
    },
    None(u8),
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct UsesRemote {
    #[serde(with = "RemoteDef")]
    remote: other::Remote,
    #[serde(with = "ChoiceDef")]
    some: other::Choice,
    #[serde(with = "ChoiceDef")]
    none: other::Choice,
}

#[test]
fn everything_is_used() {
    let value = Public {
        private: Private(1),
        array: vec![2],
        known: vec![3],
        weights: ndarray::arr1(&[4.0]),
    };
    assert_eq!(routed(&value), 3);
    round_trip(&value, &serde_json::to_string(&value).unwrap());
    let value = Lifetimes { name: "n", array: vec![1.0].into() };
    assert_eq!(
        serde_json::from_str::<Lifetimes<'_>>(&serde_json::to_string(&value).unwrap()).unwrap(),
        value
    );
    let value = Allowed { X: true, Y: true, Z: true, W: true, ARRAY: vec![1] };
    round_trip(&value, r#"{"X":true,"Y":true,"Z":true,"W":true,"ARRAY":[1]}"#);
    round_trip(&Expected { X: 1, Y: vec![2] }, r#"{"X":1,"Y":[2]}"#);
    let value = UsesRemote {
        remote: other::Remote { array: vec![1] },
        some: other::Choice::Some { array: vec![2] },
        none: other::Choice::None(3),
    };
    round_trip(
        &value,
        r#"{"remote":{"array":[1]},"some":{"Some":{"array":[2]}},"none":{"None":3}}"#,
    );
}

#[allow(deprecated)]
#[test]
fn deprecated_things_work() {
    round_trip(&UsesOld::Old(Old { array: vec![1] }), r#"{"Old":{"array":[1]}}"#);
    round_trip(&UsesOld::None, r#""None""#);
    round_trip(&OldField { array: vec![1], name: "n".into() }, r#"{"array":[1],"name":"n"}"#);
}
