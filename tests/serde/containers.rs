//! Attributes of structs and enums.

macro_rules! table {
    ($derives:ident, $mark:meta) => {
        use crate::serde::support::check;
        use $derives::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize, PartialEq, Debug, Clone, Default)]
        struct Named {
            id: u32,
            #[$mark]
            a: Vec<f32>,
        }

        fn named() -> Named {
            Named { id: 7, a: vec![0.5, -1.5] }
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Newtype(#[$mark] Vec<u16>);

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Tuple(String, #[$mark] [i32; 3], #[$mark] Option<Vec<bool>>);

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        enum Every {
            Unit,
            Newtype(#[$mark] Vec<f32>),
            Tuple(u8, #[$mark] Vec<u8>),
            Named {
                #[$mark]
                a: Vec<bool>,
                rest: String,
            },
        }

        #[test]
        fn shapes() {
            check(&named(), &["a"]);
            check(&Newtype(vec![1, 2]), &["arr_0"]);
            check(&Tuple("t".into(), [1, -2, 3], Some(vec![true])), &["1", "2"]);
            check(&Tuple("t".into(), [1, -2, 3], None), &["1"]);
            check(
                &vec![
                    Every::Unit,
                    Every::Newtype(vec![1.0]),
                    Every::Tuple(1, vec![2]),
                    Every::Named { a: vec![true], rest: "r".into() },
                ],
                &["1.Newtype", "2.Tuple.1", "3.Named.a"],
            );
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(rename = "Another", rename_all = "SCREAMING-KEBAB-CASE")]
        struct Renamed {
            first_field: u8,
            #[$mark]
            second_field: Vec<u8>,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(rename_all(serialize = "camelCase", deserialize = "camelCase"))]
        #[serde(rename_all_fields = "PascalCase")]
        enum RenamedFields {
            FirstVariant {
                #[$mark]
                some_array: Vec<i64>,
            },
            SecondVariant(u8),
        }

        #[test]
        fn rename_and_rename_all() {
            check(&Renamed { first_field: 1, second_field: vec![2] }, &["SECOND-FIELD"]);
            check(
                &RenamedFields::FirstVariant { some_array: vec![i64::MIN] },
                &["firstVariant.SomeArray"],
            );
            check(&RenamedFields::SecondVariant(1), &[]);
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(deny_unknown_fields, expecting = "a strict struct")]
        struct Strict {
            #[$mark]
            a: Vec<f64>,
            b: u8,
        }

        #[test]
        fn deny_unknown_fields_and_expecting() {
            check(&Strict { a: vec![1.0], b: 2 }, &["a"]);
            #[derive(Serialize)]
            struct More {
                #[$mark]
                a: Vec<f64>,
                b: u8,
                c: u8,
            }
            let more = serde_shm::to_bytes(&More { a: vec![], b: 1, c: 2 }).unwrap();
            let error = serde_shm::from_bytes::<Strict>(&more).unwrap_err();
            assert_eq!(error.to_string(), "unknown field `c`, expected one of `a`, `b`");
            let error =
                serde_shm::from_bytes::<Strict>(&serde_shm::to_bytes(&1_u8).unwrap()).unwrap_err();
            assert_eq!(error.to_string(), "expected a strict struct, found integer `1`");
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(tag = "kind")]
        struct TaggedStruct {
            #[$mark]
            a: Vec<u8>,
            b: u8,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(tag = "kind")]
        enum Internal {
            Unit,
            Newtype(Named),
            Named {
                #[$mark]
                a: Vec<f64>,
                n: Option<u8>,
            },
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(tag = "t", content = "c")]
        enum Adjacent {
            Unit,
            Newtype(#[$mark] Vec<f64>),
            Tuple(u8, #[$mark] Vec<f64>),
            Named {
                #[$mark]
                a: Vec<f64>,
            },
            Inner(Named),
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(untagged)]
        enum Untagged {
            Named {
                #[$mark]
                doubles: Vec<f64>,
            },
            Other {
                #[$mark]
                bytes: Vec<u8>,
            },
            Text(String),
            Newtype(#[$mark] Vec<u8>),
            Floats(#[$mark] Vec<f32>),
            Matrix(#[$mark] Vec<[i16; 2]>),
            Tuple(u8, #[$mark] Vec<i32>),
            Unit,
        }

        #[test]
        fn tags() {
            check(&TaggedStruct { a: vec![1], b: 2 }, &["a"]);
            check(
                &vec![
                    Internal::Unit,
                    Internal::Newtype(named()),
                    Internal::Named { a: vec![1.0], n: None },
                ],
                &["1.a", "2.a"],
            );
            check(
                &vec![
                    Adjacent::Unit,
                    Adjacent::Newtype(vec![1.0]),
                    Adjacent::Tuple(1, vec![1.0]),
                    Adjacent::Named { a: vec![1.0] },
                    Adjacent::Inner(named()),
                ],
                &["1.c", "2.c.1", "3.c.a", "4.c.a"],
            );
            check(
                &vec![
                    Untagged::Named { doubles: vec![1.0] },
                    Untagged::Other { bytes: vec![1] },
                    Untagged::Text("t".into()),
                    Untagged::Newtype(vec![1, 2]),
                    Untagged::Floats(vec![1.0, 2.0]),
                    Untagged::Matrix(vec![[1, 2], [3, 4]]),
                    Untagged::Tuple(1, vec![2]),
                    Untagged::Unit,
                ],
                &["0.doubles", "1.bytes", "3", "4", "5", "6.1"],
            );
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(default)]
        struct Defaulted {
            id: u32,
            #[$mark]
            a: Vec<f32>,
            #[$mark]
            maybe: Option<Vec<u8>>,
        }

        impl Default for Defaulted {
            fn default() -> Self {
                Defaulted { id: 9, a: vec![9.0], maybe: Some(vec![9]) }
            }
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(default = "elsewhere")]
        struct DefaultedBy {
            id: u32,
            #[$mark]
            a: Vec<f32>,
        }

        fn elsewhere() -> DefaultedBy {
            DefaultedBy { id: 8, a: vec![8.0] }
        }

        #[test]
        fn default() {
            check(&Defaulted { id: 1, a: vec![], maybe: None }, &["a"]);
            check(&DefaultedBy { id: 1, a: vec![2.0] }, &["a"]);
            let empty =
                serde_shm::to_bytes(&std::collections::BTreeMap::<String, u8>::new()).unwrap();
            assert_eq!(serde_shm::from_bytes::<Defaulted>(&empty).unwrap(), Defaulted::default());
            assert_eq!(serde_shm::from_bytes::<DefaultedBy>(&empty).unwrap(), elsewhere());
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(transparent)]
        struct Transparent {
            #[$mark]
            a: Vec<[f32; 3]>,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Holds {
            through: Transparent,
        }

        #[test]
        fn transparent() {
            check(&Holds { through: Transparent { a: vec![[1.0, 2.0, 3.0]] } }, &["through"]);
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
        #[serde(from = "Named", into = "Named")]
        struct Converted(Vec<f32>);

        impl From<Named> for Converted {
            fn from(named: Named) -> Self {
                Converted(named.a)
            }
        }

        impl From<Converted> for Named {
            fn from(converted: Converted) -> Self {
                Named { id: 0, a: converted.0 }
            }
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
        #[serde(try_from = "Named", into = "Named")]
        struct Tried(Vec<f32>);

        impl TryFrom<Named> for Tried {
            type Error = String;

            fn try_from(named: Named) -> Result<Self, String> {
                if named.a.is_empty() { Err("it is empty".into()) } else { Ok(Tried(named.a)) }
            }
        }

        impl From<Tried> for Named {
            fn from(tried: Tried) -> Self {
                Named { id: 0, a: tried.0 }
            }
        }

        #[test]
        fn from_into_and_try_from() {
            check(&vec![Converted(vec![1.0])], &["0.a"]);
            check(&vec![Tried(vec![1.0])], &["0.a"]);
            let empty = serde_shm::to_bytes(&vec![Named::default()]).unwrap();
            let error = serde_shm::from_bytes::<Vec<Tried>>(&empty).unwrap_err();
            assert_eq!(error.to_string(), "[0]: it is empty");
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(bound(
            serialize = "T: serde::Serialize + Clone",
            deserialize = "T: serde::Deserialize<'de> + Clone"
        ))]
        struct Bound<T> {
            rest: T,
            #[$mark]
            a: Vec<u32>,
        }

        #[test]
        fn bound() {
            check(&Bound { rest: Some(named()), a: vec![1] }, &["rest.a", "a"]);
        }

        mod theirs {
            #[derive(PartialEq, Debug, Clone)]
            pub(super) struct Foreign {
                pub(super) samples: Vec<f32>,
                pub(super) rate: u32,
            }
        }

        #[derive(Serialize, Deserialize)]
        #[serde(remote = "theirs::Foreign")]
        struct ForeignDef {
            #[$mark]
            samples: Vec<f32>,
            rate: u32,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Remote {
            #[serde(with = "ForeignDef")]
            foreign: theirs::Foreign,
        }

        #[test]
        fn remote() {
            let foreign = theirs::Foreign { samples: vec![1.0], rate: 48_000 };
            check(&Remote { foreign }, &["foreign.samples"]);
        }

        #[derive(Deserialize, PartialEq, Debug)]
        #[serde(variant_identifier)]
        enum Identifier {
            First,
            Second,
        }

        #[test]
        fn variant_identifier() {
            let first = serde_shm::to_bytes("First").unwrap();
            assert_eq!(serde_shm::from_bytes::<Identifier>(&first).unwrap(), Identifier::First);
            let second = serde_shm::to_bytes(&1_u32).unwrap();
            assert_eq!(serde_shm::from_bytes::<Identifier>(&second).unwrap(), Identifier::Second);
        }
    };
}

mod plain {
    table!(serde, serde(with = "serde_shm::array"));
}

mod ours {
    table!(serde_shm, shm_array);
}
