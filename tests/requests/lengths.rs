//! A field's length decides nothing: what is read at one length is read at every other, by the same types.

use std::borrow::Cow;
use std::collections::{BTreeSet, LinkedList, VecDeque};

use ndarray::{Array1, Array2, Array3, ArrayD, ArrayView1, array};
use serde::de::{self, Deserialize, Deserializer, MapAccess, Visitor};
use serde::ser::{Serialize, SerializeStruct, Serializer};
use serde_shm::{DynArray, ShmArray1, ShmArray2, from_bytes, to_bytes};

use crate::{becomes, check};

/// Bytes up to 255 are encoded in place, longer ones are placed as an array.
const LENGTHS: [usize; 6] = [0, 1, 255, 256, 257, 70_000];

#[derive(serde::Serialize)]
struct OfBytes<'a> {
    #[serde(with = "serde_bytes")]
    v: &'a [u8],
}

#[derive(serde::Deserialize)]
struct Holds<T> {
    v: T,
}

#[derive(serde_shm::Deserialize)]
struct Marked {
    #[shm_array]
    v: Vec<u8>,
}

#[derive(serde_shm::Deserialize)]
struct MarkedSlice<'a> {
    #[shm_array]
    v: &'a [u8],
    #[serde(skip)]
    _none: (),
}

fn held<'a, T: Deserialize<'a>>(bytes: &'a [u8]) -> T {
    from_bytes::<Holds<T>>(bytes).unwrap().v
}

/// Once 256 bytes were read as `Vec<u8>`, and 255 were not.
#[test]
fn bytes_as_every_type_that_takes_a_list_of_them() {
    for len in LENGTHS {
        let v: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let bytes = to_bytes(&OfBytes { v: &v }).unwrap();
        assert_eq!(held::<Vec<u8>>(&bytes), v);
        assert_eq!(held::<Box<[u8]>>(&bytes)[..], v);
        assert_eq!(held::<VecDeque<u8>>(&bytes), v);
        assert_eq!(held::<LinkedList<u8>>(&bytes).into_iter().collect::<Vec<_>>(), v);
        assert_eq!(held::<BTreeSet<u8>>(&bytes), v.iter().copied().collect());
        assert_eq!(held::<&serde_bytes::Bytes>(&bytes)[..], v);
        assert_eq!(held::<serde_bytes::ByteBuf>(&bytes)[..], v);
        assert_eq!(held::<Cow<'_, serde_bytes::Bytes>>(&bytes)[..], v);
        assert_eq!(held::<ShmArray1<u8>>(&bytes).to_vec(), v);
        assert_eq!(held::<Array1<u8>>(&bytes).to_vec(), v);
        assert_eq!(held::<DynArray>(&bytes).view::<u8>().unwrap().len(), len);
        assert_eq!(held::<Option<Vec<u8>>>(&bytes).unwrap(), v);
        assert_eq!(from_bytes::<Marked>(&bytes).unwrap().v, v);
        assert_eq!(from_bytes::<MarkedSlice<'_>>(&bytes).unwrap().v, v);
    }
    let bytes = to_bytes(&OfBytes { v: &[1, 2, 3] }).unwrap();
    assert_eq!(held::<[u8; 3]>(&bytes), [1, 2, 3]);
    assert_eq!(held::<(u8, u16, Option<u8>)>(&bytes), (1, 2, Some(3)));
}

/// Once the elements that a tuple did not ask for were lost, if the list was an array.
#[test]
fn an_array_that_is_longer_than_its_tuple() {
    for array in [vec![1_u8, 2, 3], vec![0; 300]] {
        for bytes in [to_bytes(&ShmArray1::from(array.clone())).unwrap(), to_bytes(&array).unwrap()]
        {
            let error = from_bytes::<(u8, u8)>(&bytes).unwrap_err();
            let text = error.to_string();
            assert!(text.contains("expected 2 elements, found "), "{text}");
        }
    }
    let rows = to_bytes(&ShmArray2::from(array![[1_u8, 2], [3, 4]])).unwrap();
    assert!(from_bytes::<(Vec<u8>,)>(&rows).is_err());
    assert!(from_bytes::<Vec<(u8,)>>(&rows).is_err());
    assert_eq!(from_bytes::<((u8, u8), [u8; 2])>(&rows).unwrap(), ((1, 2), [3, 4]));
}

/// A list of any length as what ndarray reads for itself, which asks for a struct.
#[test]
fn lists_as_plain_ndarrays() {
    for len in LENGTHS {
        let list: Vec<f32> = (0..len).map(|i| i as f32).collect();
        becomes(&list, &Array1::from(list.clone()));
        becomes(&list, &ArrayD::from_shape_vec(vec![len], list.clone()).unwrap());
    }
    becomes(&vec![vec![1_i64, 2, 3], vec![4, 5, 6]], &array![[1_i64, 2, 3], [4, 5, 6]]);
    becomes(&vec![vec![vec![1_u8]; 2]; 3], &Array3::<u8>::ones((3, 2, 1)));
    becomes(&vec![Vec::<u8>::new(); 2], &Array2::<u8>::zeros((2, 0)));
    becomes(&Vec::<Vec<u8>>::new(), &Array2::<u8>::zeros((0, 0)));
    becomes(&vec!["a", "b"], &array!["a".to_owned(), "b".to_owned()]);
    becomes(&vec![Some(1_u8), None], &array![Some(1_u8), None]);
    let text = |found: Result<Array2<u8>, serde_shm::Error>| found.unwrap_err().to_string();
    let ragged = to_bytes(&vec![vec![1_u8], vec![2, 3]]).unwrap();
    let found = text(from_bytes(&ragged));
    assert!(found.contains("rows of one length, found 2 elements after 1"), "{found}");
    let mixed = to_bytes(&vec![vec![1_i32], vec![-2]]).unwrap();
    let found = text(from_bytes(&mixed));
    assert!(found.contains("[1][0]: ") && found.contains("expected u8"), "{found}");
    assert!(from_bytes::<Array1<u8>>(&ragged).is_err());
}

/// As `serde_json::value::RawValue`: written as a struct, and asked for as a newtype.
#[derive(PartialEq, Debug, Clone)]
struct Raw(String);

const RAW: &str = "$private::RawValue";

impl Serialize for Raw {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut fields = serializer.serialize_struct(RAW, 1)?;
        fields.serialize_field(RAW, &self.0)?;
        fields.end()
    }
}

impl<'de> Deserialize<'de> for Raw {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct RawVisitor;
        impl<'de> Visitor<'de> for RawVisitor {
            type Value = Raw;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("any valid value")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Raw, A::Error> {
                match map.next_entry::<String, String>()? {
                    Some((key, value)) if key == RAW => Ok(Raw(value)),
                    _ => Err(de::Error::custom("no raw value")),
                }
            }
        }
        deserializer.deserialize_newtype_struct(RAW, RawVisitor)
    }
}

/// Once such a value was written without a complaint and could not be read.
#[test]
fn a_struct_of_a_private_name_that_is_asked_for_as_a_newtype() {
    let raw = Raw("{\"a\": [1, 2]}".into());
    check(&raw);
    check(&vec![Some(raw.clone()), None]);
    check(&(raw.clone(), std::collections::BTreeMap::from([(1, raw)])));
}

/// Nested sequences do not say how long rows are of which there are none.
#[test]
fn an_empty_array_of_several_axes_through_json() {
    for shape in [vec![0, 3], vec![2, 0], vec![2, 0, 4], vec![0], vec![0, 0]] {
        let empty = ArrayD::<f32>::zeros(shape.clone());
        let text = serde_json::to_string(&serde_shm::ShmArrayD::from(empty.clone())).unwrap();
        let back: serde_shm::ShmArrayD<f32> = serde_json::from_str(&text).unwrap();
        assert_eq!(back.shape(), shape, "{text}");
        let any: DynArray = serde_json::from_str(&text).unwrap();
        assert_eq!(any.shape(), shape, "{text}");
        if shape.len() > 1 {
            assert_eq!(serde_json::from_str::<ArrayD<f32>>(&text).unwrap(), empty);
        }
        let value = serde_json::to_value(serde_shm::ShmArrayD::from(empty)).unwrap();
        let back: serde_shm::ShmArrayD<f32> = serde_json::from_value(value).unwrap();
        assert_eq!(back.shape(), shape);
    }
    #[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug)]
    struct Rows {
        #[shm_array]
        rows: Vec<[f32; 3]>,
    }
    let text = serde_json::to_string(&Rows { rows: vec![] }).unwrap();
    assert_eq!(serde_json::from_str::<Rows>(&text).unwrap(), Rows { rows: vec![] });
    assert_eq!(serde_json::from_str::<Rows>("{\"rows\": []}").unwrap(), Rows { rows: vec![] });
    let view: ArrayView1<'_, f32> = ArrayView1::from(&[]);
    assert!(view.is_empty());
}

/// An ndarray without elements is no array of the container, since nothing says what it has none of; nor is one of texts. As
/// a list they once were not read, where every other ndarray was.
#[test]
fn ndarrays_in_place_as_lists() {
    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Only<T> {
        Only(T),
    }
    #[track_caller]
    fn everywhere<A, T>(array: A, list: T)
    where
        A: Serialize + Clone,
        T: de::DeserializeOwned + Serialize + PartialEq + std::fmt::Debug + Clone,
    {
        becomes(&array, &list);
        becomes(&(array.clone(), 7_u8), &(list.clone(), 7_u8));
        becomes(&vec![array.clone(); 3], &vec![list.clone(); 3]);
        becomes(&Some(array.clone()), &Some(Some(list.clone())));
        becomes(&Only::Only(array.clone()), &Only::Only(list.clone()));
        becomes(
            &Only::Only((array.clone(), list.clone())),
            &Only::Only((list.clone(), list.clone())),
        );
        // As a key.
        let bytes = to_bytes(&Pairs(vec![(array, 1_u8)])).unwrap();
        assert_eq!(from_bytes::<Pairs<T, u8>>(&bytes).unwrap().0, [(list, 1)]);
    }
    everywhere(Array1::<bool>::default(0), Vec::<bool>::new());
    everywhere(Array1::<f32>::default(0), VecDeque::<f32>::new());
    everywhere(Array2::<u8>::default((0, 3)), Vec::<Vec<u8>>::new());
    everywhere(Array2::<u8>::default((3, 0)), vec![Vec::<u8>::new(); 3]);
    everywhere(Array2::<u8>::default((2, 0)), [Some(Vec::<u8>::new()), Some(Vec::new())]);
    everywhere(Array3::<u8>::default((2, 1, 0)), vec![vec![Vec::<u8>::new()]; 2]);
    everywhere(array!["a", "b"], vec!["a".to_owned(), "b".to_owned()]);
    everywhere(
        array![["a", "b"], ["c", "d"]],
        [["a", "b"], ["c", "d"]].map(|row| row.map(str::to_owned)),
    );
    everywhere(array![[Some(1_u8)], [None]], (vec![Some(1_u8)], vec![None::<u8>]));
    let bytes = to_bytes(&array!["a", "b"]).unwrap();
    assert!(from_bytes::<(String,)>(&bytes).is_err());
    assert!(from_bytes::<Vec<Vec<String>>>(&bytes).is_err());
    // No byte stands behind the rows.
    let rows = to_bytes(&Array2::<u8>::default((1 << 40, 0))).unwrap();
    let error = from_bytes::<Vec<Vec<u8>>>(&rows).unwrap_err();
    assert_eq!(error.kind(), serde_shm::ErrorKind::Limit, "{error}");
}

/// A map whose keys need not be in any order.
struct Pairs<K, V>(Vec<(K, V)>);

impl<K: Serialize, V: Serialize> Serialize for Pairs<K, V> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.collect_map(self.0.iter().map(|(key, value)| (key, value)))
    }
}

impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Deserialize<'de> for Pairs<K, V> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfPairs<K, V>(std::marker::PhantomData<(K, V)>);

        impl<'de, K: Deserialize<'de>, V: Deserialize<'de>> Visitor<'de> for OfPairs<K, V> {
            type Value = Pairs<K, V>;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("a map")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut pairs = Vec::new();
                while let Some(pair) = map.next_entry()? {
                    pairs.push(pair);
                }
                Ok(Pairs(pairs))
            }
        }
        deserializer.deserialize_map(OfPairs(std::marker::PhantomData))
    }
}
