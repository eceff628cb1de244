//! `#[serde(remote)]` of the user's own, under our derives.

use crate::derive::support::{round_trip, routed};
use serde_shm::{Deserialize, Serialize};

mod foreign {
    #[derive(PartialEq, Debug)]
    pub(crate) struct Signal {
        pub(crate) rate: u32,
        pub(crate) samples: Vec<f32>,
    }

    #[derive(PartialEq, Debug)]
    pub(crate) struct Private(Vec<f32>);

    impl Private {
        pub(crate) fn new(samples: Vec<f32>) -> Self {
            Private(samples)
        }

        pub(crate) fn samples(&self) -> &Vec<f32> {
            &self.0
        }
    }

    #[derive(PartialEq, Debug)]
    pub(crate) struct Generic<T> {
        pub(crate) items: Vec<T>,
    }

    #[derive(PartialEq, Debug)]
    pub(crate) enum Choice {
        Unit,
        Array(Vec<u8>),
        Named { text: String },
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "foreign::Signal")]
struct SignalDef {
    rate: u32,
    #[shm_array]
    samples: Vec<f32>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "foreign::Private")]
struct PrivateDef {
    #[serde(getter = "foreign::Private::samples")]
    samples: Vec<f32>,
}

impl From<PrivateDef> for foreign::Private {
    fn from(def: PrivateDef) -> Self {
        foreign::Private::new(def.samples)
    }
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "foreign::Generic")]
struct GenericDef<T> {
    #[shm_array]
    items: Vec<T>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "foreign::Generic<u8>")]
struct GenericOfBytes {
    #[shm_array]
    items: Vec<u8>,
}

#[derive(Serialize, Deserialize)]
#[serde(remote = "foreign::Choice", rename_all = "lowercase")]
pub(crate) enum ChoiceDef {
    Unit,
    Array(#[shm_array] Vec<u8>),
    Named { text: String },
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Uses {
    #[serde(with = "SignalDef")]
    signal: foreign::Signal,
    #[serde(with = "PrivateDef")]
    private: foreign::Private,
    #[serde(with = "GenericDef")]
    generic: foreign::Generic<u16>,
    #[serde(with = "GenericOfBytes")]
    bytes: foreign::Generic<u8>,
    #[serde(with = "ChoiceDef")]
    choice: foreign::Choice,
    #[serde(with = "ChoiceDef")]
    unit: foreign::Choice,
    #[serde(with = "ChoiceDef")]
    named: foreign::Choice,
}

#[test]
fn remote_types() {
    let value = Uses {
        signal: foreign::Signal { rate: 1, samples: vec![2.0] },
        private: foreign::Private::new(vec![3.0]),
        generic: foreign::Generic { items: vec![4] },
        bytes: foreign::Generic { items: vec![5] },
        choice: foreign::Choice::Array(vec![6]),
        unit: foreign::Choice::Unit,
        named: foreign::Choice::Named { text: "t".into() },
    };
    assert_eq!(routed(&value), 4);
    round_trip(
        &value,
        concat!(
            r#"{"signal":{"rate":1,"samples":[2.0]},"private":{"samples":[3.0]},"generic":{"items":[4]},"#,
            r#""bytes":{"items":[5]},"choice":{"array":[6]},"unit":"unit","named":{"named":{"text":"t"}}}"#,
        ),
    );
}
