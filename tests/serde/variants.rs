//! Attributes of variants.

macro_rules! table {
    ($derives:ident, $mark:meta) => {
        use crate::serde::support::check;
        use $derives::{Deserialize, Serialize};

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        enum Variants {
            #[serde(rename = "first one")]
            First(#[$mark] Vec<u8>),
            #[serde(alias = "Once")]
            Second {
                #[$mark]
                a: Vec<f32>,
            },
            #[serde(rename_all = "UPPERCASE")]
            Third {
                #[$mark]
                field: Vec<u16>,
            },
            #[serde(serialize_with = "write_pair", deserialize_with = "read_pair")]
            Fourth(u8, u8),
            #[serde(with = "halves")]
            Fifth(u32),
            #[serde(other)]
            Unknown,
        }

        fn write_pair<S: serde::Serializer>(a: &u8, b: &u8, s: S) -> Result<S::Ok, S::Error> {
            s.serialize_str(&format!("{a}/{b}"))
        }

        fn read_pair<'de, D: serde::Deserializer<'de>>(d: D) -> Result<(u8, u8), D::Error> {
            let text = <String as serde::Deserialize>::deserialize(d)?;
            let (a, b) = text.split_once('/').ok_or_else(|| serde::de::Error::custom("no pair"))?;
            let parse = |text: &str| text.parse().map_err(serde::de::Error::custom);
            Ok((parse(a)?, parse(b)?))
        }

        mod halves {
            pub(super) fn serialize<S: serde::Serializer>(
                n: &u32,
                s: S,
            ) -> Result<S::Ok, S::Error> {
                serde::Serialize::serialize(&(n >> 16, n & 0xffff), s)
            }

            pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(
                d: D,
            ) -> Result<u32, D::Error> {
                let (high, low): (u32, u32) = serde::Deserialize::deserialize(d)?;
                Ok(high << 16 | low)
            }
        }

        #[test]
        fn every_attribute() {
            check(
                &vec![
                    Variants::First(vec![1]),
                    Variants::Second { a: vec![2.0] },
                    Variants::Third { field: vec![3] },
                    Variants::Fourth(4, 5),
                    Variants::Fifth(0xdead_beef),
                    Variants::Unknown,
                ],
                &["0.first one", "1.Second.a", "2.Third.FIELD"],
            );
        }

        #[test]
        fn other_and_alias() {
            #[derive(Serialize)]
            enum Newer {
                Once {
                    #[$mark]
                    a: Vec<f32>,
                },
                Added(#[$mark] Vec<f64>),
                More {
                    x: u8,
                },
                Unit,
            }
            let newer = vec![
                Newer::Once { a: vec![1.0] },
                Newer::Added(vec![2.0]),
                Newer::More { x: 1 },
                Newer::Unit,
            ];
            let bytes = serde_shm::to_bytes(&newer).unwrap();
            let read: Vec<Variants> = serde_shm::from_bytes(&bytes).unwrap();
            let unknown = || Variants::Unknown;
            assert_eq!(read, [Variants::Second { a: vec![1.0] }, unknown(), unknown(), unknown()]);
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        #[serde(tag = "type")]
        enum Message {
            Data {
                #[$mark]
                samples: Vec<i16>,
            },
            #[serde(skip)]
            #[allow(dead_code)]
            Never(std::cell::Cell<u8>),
            #[serde(other)]
            Unknown,
        }

        #[test]
        fn other_of_an_internal_tag_and_skip() {
            check(&vec![Message::Data { samples: vec![1, -1] }, Message::Unknown], &["0.samples"]);
            let error = serde_shm::to_bytes(&Message::Never(1.into())).unwrap_err();
            assert!(error.to_string().contains("Message::Never cannot be serialized"), "{error}");
        }

        #[derive(Serialize, Deserialize, PartialEq, Debug)]
        enum Partly {
            Named {
                #[$mark]
                a: Vec<u8>,
            },
            #[serde(untagged)]
            Plain(#[$mark] Vec<f64>),
            #[serde(untagged)]
            Text(String),
        }

        #[test]
        fn one_untagged_variant() {
            check(
                &vec![
                    Partly::Named { a: vec![1] },
                    Partly::Plain(vec![0.5]),
                    Partly::Text("t".into()),
                ],
                &["0.Named.a", "1"],
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
