//! Attributes of fields.

macro_rules! table {
    ($derives:ident, $mark:meta) => {
        use std::collections::BTreeMap;

        use crate::serde::support::check;
        use $derives::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
        struct Fields {
            #[serde(rename = "new name")]
            #[$mark]
            renamed: Vec<u8>,
            #[serde(rename(serialize = "both", deserialize = "both"))]
            two: u8,
            #[serde(alias = "older", alias = "oldest")]
            #[$mark]
            aliased: Vec<f32>,
            #[serde(default)]
            #[$mark]
            defaulted: Vec<i8>,
            #[serde(default = "seven")]
            by_function: u32,
            #[serde(skip)]
            skipped: Vec<u64>,
            #[serde(skip_serializing, default)]
            not_written: u8,
            #[serde(skip_deserializing)]
            not_read: u8,
            #[serde(skip_serializing_if = "Vec::is_empty", default)]
            #[$mark]
            sometimes: Vec<f64>,
            #[serde(skip_serializing_if = "Option::is_none")]
            maybe: Option<Option<u8>>,
            #[serde(serialize_with = "write_hex", deserialize_with = "read_hex")]
            hex: u32,
            #[serde(with = "as_text")]
            text: Vec<u32>,
        }

        fn seven() -> u32 {
            7
        }

        fn write_hex<S: serde::Serializer>(number: &u32, serializer: S) -> Result<S::Ok, S::Error> {
            serializer.collect_str(&format_args!("{number:x}"))
        }

        fn read_hex<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<u32, D::Error> {
            let text = <&str as serde::Deserialize>::deserialize(deserializer)?;
            u32::from_str_radix(text, 16).map_err(serde::de::Error::custom)
        }

        mod as_text {
            pub(super) fn serialize<S: serde::Serializer>(
                items: &[u32],
                s: S,
            ) -> Result<S::Ok, S::Error> {
                let words: Vec<String> = items.iter().map(u32::to_string).collect();
                s.serialize_str(&words.join(" "))
            }

            pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
                d: D,
            ) -> Result<Vec<u32>, D::Error> {
                let text = <String as serde::Deserialize>::deserialize(d)?;
                text.split(' ').map(|word| word.parse().map_err(serde::de::Error::custom)).collect()
            }
        }

        fn fields() -> Fields {
            Fields {
                renamed: vec![1],
                two: 2,
                aliased: vec![3.0],
                defaulted: vec![-4],
                by_function: 5,
                sometimes: vec![6.0],
                maybe: Some(Some(7)),
                hex: 0xbeef,
                text: vec![8, 9],
                ..Fields::default()
            }
        }

        #[test]
        fn every_attribute_at_once() {
            let all = ["new name", "aliased", "defaulted", "sometimes"];
            check(&fields(), &all);
            let sparse = Fields { sometimes: vec![], maybe: None, ..fields() };
            check(&sparse, &all[..3]);
            let mut both = vec![sparse, fields()];
            check(
                &both,
                &[
                    "0.new name",
                    "0.aliased",
                    "0.defaulted",
                    "1.new name",
                    "1.aliased",
                    "1.defaulted",
                    "1.sometimes",
                ],
            );
            both.reverse();
            check(
                &both,
                &[
                    "0.new name",
                    "0.aliased",
                    "0.defaulted",
                    "0.sometimes",
                    "1.new name",
                    "1.aliased",
                    "1.defaulted",
                ],
            );
            let lost = Fields { skipped: vec![1], not_written: 1, not_read: 1, ..fields() };
            let bytes = serde_shm::to_bytes(&lost).unwrap();
            assert_eq!(serde_shm::from_bytes::<Fields>(&bytes).unwrap(), fields());
        }

        #[test]
        fn aliases_and_defaults_stand_in() {
            #[derive(Serialize)]
            struct Older {
                #[serde(rename = "new name")]
                #[$mark]
                renamed: Vec<u8>,
                both: u8,
                #[$mark]
                oldest: Vec<f32>,
                not_read: u8,
                hex: &'static str,
                text: &'static str,
            }
            let older = Older {
                renamed: vec![1],
                both: 2,
                oldest: vec![3.0],
                not_read: 1,
                hex: "beef",
                text: "8 9",
            };
            let bytes = serde_shm::to_bytes(&older).unwrap();
            let read: Fields = serde_shm::from_bytes(&bytes).unwrap();
            let expected = Fields {
                defaulted: vec![],
                by_function: 7,
                sometimes: vec![],
                maybe: None,
                ..fields()
            };
            assert_eq!(read, expected);
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug, Default)]
        struct Inner {
            #[$mark]
            weights: Vec<f32>,
            depth: u8,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Flat {
            id: u32,
            #[serde(flatten)]
            inner: Inner,
            #[serde(flatten)]
            maybe: Option<Other>,
            #[serde(flatten)]
            rest: BTreeMap<String, Rest>,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        struct Other {
            #[$mark]
            other: Vec<u8>,
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(untagged)]
        enum Rest {
            Number(i64),
            Text(String),
            Floats(#[$mark] Vec<f32>),
            Doubles(#[$mark] Vec<f64>),
        }

        #[test]
        fn flatten() {
            let inner = || Inner { weights: vec![1.0, 2.0], depth: 3 };
            let rest = BTreeMap::from([
                ("big".to_owned(), Rest::Doubles(vec![0.5; 100])),
                ("n".to_owned(), Rest::Number(-1)),
                ("small".to_owned(), Rest::Floats(vec![0.5])),
                ("t".to_owned(), Rest::Text("x".into())),
            ]);
            let flat = Flat { id: 1, inner: inner(), maybe: Some(Other { other: vec![9] }), rest };
            check(&flat, &["weights", "other", "big", "small"]);
            check(
                &Flat { id: 1, inner: inner(), maybe: None, rest: BTreeMap::new() },
                &["weights"],
            );
        }

        #[derive(Deserialize, PartialEq, Debug)]
        struct Getter {
            #[$mark]
            a: Vec<u8>,
        }

        mod private {
            #[derive(PartialEq, Debug)]
            pub(super) struct Closed(Vec<u8>);

            impl Closed {
                pub(super) fn new(a: Vec<u8>) -> Self {
                    Closed(a)
                }

                pub(super) fn a(&self) -> Vec<u8> {
                    self.0.clone()
                }
            }
        }

        #[derive(Serialize)]
        #[serde(remote = "private::Closed")]
        struct ClosedDef {
            #[serde(getter = "private::Closed::a")]
            a: Vec<u8>,
        }

        #[test]
        fn getter() {
            #[derive(Serialize)]
            struct Holds {
                #[serde(with = "ClosedDef")]
                closed: private::Closed,
            }
            let bytes =
                serde_shm::to_bytes(&Holds { closed: private::Closed::new(vec![1, 2]) }).unwrap();
            let read: BTreeMap<String, Getter> = serde_shm::from_bytes(&bytes).unwrap();
            assert_eq!(read["closed"], Getter { a: vec![1, 2] });
        }
    };
}

mod plain {
    table!(serde, serde(with = "serde_shm::array"));
}

mod ours {
    table!(serde_shm, shm_array);
}
