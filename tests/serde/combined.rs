//! Attributes that bite one another.

macro_rules! table {
    ($derives:ident, $mark:meta) => {
        use std::collections::{BTreeMap, HashMap};
        use std::net::IpAddr;

        use ndarray::{Array2, array};
        use serde_shm::ShmArray1;

        use crate::serde::support::check;
        use $derives::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
        struct Layer {
            #[$mark]
            weight: Array2<f32>,
            #[$mark]
            bias: Option<Vec<f32>>,
        }

        fn layer() -> Layer {
            Layer { weight: array![[1.0, 2.0], [3.0, 4.0]], bias: Some(vec![0.5]) }
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(tag = "kind", rename_all = "snake_case", rename_all_fields = "camelCase")]
        enum Module {
            Dense {
                #[serde(flatten)]
                inner_layer: Layer,
                #[$mark]
                last_mask: Vec<bool>,
                #[serde(flatten)]
                extra: BTreeMap<String, ShmArray1<u8>>,
            },
            Wrapped(Layer),
            Sequence {
                modules: Vec<Module>,
            },
            Sparse {
                #[serde(default, skip_serializing_if = "Vec::is_empty")]
                #[$mark]
                indices: Vec<u64>,
            },
        }

        #[test]
        fn flatten_inside_a_tagged_enum() {
            let dense = || Module::Dense {
                inner_layer: layer(),
                last_mask: vec![true, false],
                extra: BTreeMap::from([
                    ("e".to_owned(), vec![1].into()),
                    ("x.y".to_owned(), vec![2].into()),
                ]),
            };
            check(&dense(), &["weight", "bias", "lastMask", "e", "x%2Ey"]);
            let modules = vec![
                Module::Wrapped(layer()),
                dense(),
                Module::Sparse { indices: vec![] },
                Module::Sparse { indices: vec![7] },
            ];
            check(
                &Module::Sequence { modules },
                &[
                    "modules.0.weight",
                    "modules.0.bias",
                    "modules.1.weight",
                    "modules.1.bias",
                    "modules.1.lastMask",
                    "modules.1.e",
                    "modules.1.x%2Ey",
                    "modules.3.indices",
                ],
            );
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        enum External {
            Unit,
            Newtype(#[$mark] Vec<f32>),
            Tuple(u8, #[$mark] Vec<f32>),
            Named {
                #[$mark]
                a: Vec<f32>,
            },
            Deep(Layer),
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Flattens {
            id: u8,
            #[serde(flatten)]
            choice: External,
        }

        /// Serde keeps the fields of a tuple or struct variant in a buffer when it writes them under `flatten`.
        #[test]
        fn an_enum_flattened() {
            check(&Flattens { id: 1, choice: External::Newtype(vec![1.0]) }, &["Newtype"]);
            check(&Flattens { id: 1, choice: External::Tuple(2, vec![1.0]) }, &["Tuple.1"]);
            check(&Flattens { id: 1, choice: External::Named { a: vec![1.0; 300] } }, &["Named.a"]);
            check(
                &Flattens { id: 1, choice: External::Deep(layer()) },
                &["Deep.weight", "Deep.bias"],
            );
            check(&Flattens { id: 1, choice: External::Unit }, &[]);
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(tag = "type")]
        enum Outer {
            Inner(Inside),
            External(External),
            Map(BTreeMap<String, ShmArray1<f32>>),
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(tag = "t", content = "c")]
        enum Inside {
            A(#[$mark] Vec<u8>, u8),
            B {
                #[$mark]
                b: Vec<u16>,
            },
        }

        #[test]
        fn tags_in_tags() {
            check(&Outer::Inner(Inside::A(vec![1], 2)), &["c.0"]);
            check(&Outer::Inner(Inside::B { b: vec![1] }), &["c.b"]);
            check(&Outer::External(External::Tuple(2, vec![1.0])), &["Tuple.1"]);
            check(&Outer::External(External::Named { a: vec![1.0] }), &["Named.a"]);
            check(&Outer::External(External::Newtype(vec![1.0])), &["Newtype"]);
            check(&Outer::Map([("k".to_owned(), vec![1.0].into())].into()), &["k"]);
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(untagged)]
        enum Any {
            Floats {
                #[$mark]
                x: Vec<f32>,
            },
            Doubles {
                #[$mark]
                x: Vec<f64>,
            },
            Table(HashMap<String, Any>),
            List(Vec<Any>),
            Inner(Box<Inside>),
            Address(IpAddr),
            Number(f64),
        }

        /// What has two forms, binary and for human readers, comes back through serde's buffer.
        #[test]
        fn untagged_in_untagged() {
            let floats = || Any::Floats { x: vec![1.0] };
            check(
                &Any::List(vec![floats(), Any::Doubles { x: vec![2.0] }, Any::Number(1.5)]),
                &["0.x", "1.x"],
            );
            check(&Any::Table([("k".to_owned(), Any::List(vec![floats()]))].into()), &["k.0.x"]);
            check(&Any::Inner(Box::new(Inside::B { b: vec![1] })), &["c.b"]);
            check(
                &Any::List(vec![
                    Any::Address([127, 0, 0, 1].into()),
                    Any::Address([1_u16; 8].into()),
                ]),
                &[],
            );
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(default, deny_unknown_fields)]
        struct Everything {
            #[serde(
                rename = "arr",
                alias = "array",
                default = "ones",
                skip_serializing_if = "Vec::is_empty"
            )]
            #[$mark]
            array: Vec<f32>,
            #[serde(skip_serializing_if = "Option::is_none")]
            #[$mark]
            maybe: Option<Vec<u8>>,
            #[$mark]
            map: BTreeMap<u16, Vec<i32>>,
            #[$mark]
            pair: (Vec<f32>, String),
        }

        fn ones() -> Vec<f32> {
            vec![1.0]
        }

        impl Default for Everything {
            fn default() -> Self {
                Everything {
                    array: ones(),
                    maybe: Some(vec![3]),
                    map: BTreeMap::new(),
                    pair: (vec![], String::new()),
                }
            }
        }

        #[test]
        fn renamed_aliased_defaulted_skipped_and_denied() {
            let full = Everything {
                array: vec![2.0],
                maybe: Some(vec![]),
                map: BTreeMap::from([(3, vec![1]), (300, vec![])]),
                pair: (vec![0.5], "p".into()),
            };
            check(&full, &["arr", "maybe", "map.3", "map.300", "pair.0"]);
            check(
                &Everything { array: ones(), ..Everything::default() },
                &["arr", "maybe", "pair.0"],
            );
            let empty = Everything { array: vec![], maybe: None, ..full };
            let bytes = serde_shm::to_bytes(&empty).unwrap();
            let read: Everything = serde_shm::from_bytes(&bytes).unwrap();
            assert_eq!((read.array, read.maybe), (ones(), Some(vec![3])));
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Generic<T, const N: usize> {
            #[$mark]
            fixed: [f32; N],
            rest: T,
        }

        #[test]
        fn generics_of_generics() {
            check(
                &Generic {
                    fixed: [1.0, 2.0],
                    rest: vec![Generic { fixed: [3.0], rest: Some(layer()) }],
                },
                &["fixed", "rest.0.fixed", "rest.0.rest.weight", "rest.0.rest.bias"],
            );
        }
    };
}

mod plain {
    table!(serde, serde(with = "serde_shm::array"));
}

mod ours {
    table!(serde_shm, shm_array);
}
