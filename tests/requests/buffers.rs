//! Several arrays in serde's buffers, each of which is asked for in its own way.

use std::collections::BTreeMap;
use std::fmt::Debug;

use ndarray::{Array1, Array2, array};
use serde::de::{self, DeserializeOwned, IgnoredAny, Visitor};
use serde::{Deserialize, Deserializer, Serialize};
use serde_bytes::ByteBuf;
use serde_shm::{DynArray, ShmArray1, ShmArray2, from_bytes, to_bytes};

use crate::becomes;
use crate::matrix::Marked;

/// It goes through serde's buffer.
#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
#[serde(untagged)]
enum Only<T> {
    Only(T),
}

/// Bytes for a reader that takes no list of them.
#[derive(PartialEq, Debug, Clone)]
struct Strict(Vec<u8>);

impl<'de> Deserialize<'de> for Strict {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct OfBytes;

        impl Visitor<'_> for OfBytes {
            type Value = Strict;

            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }

            fn visit_bytes<E: de::Error>(self, bytes: &[u8]) -> Result<Strict, E> {
                Ok(Strict(bytes.to_vec()))
            }
        }
        deserializer.deserialize_bytes(OfBytes)
    }
}

/// Each kind of request for bytes beside each other, in one buffer, in which they have no names of their own.
#[track_caller]
fn in_any_order<A, B, C>(written: &ByteBuf, a: &A, b: &B, c: &C)
where
    A: DeserializeOwned + PartialEq + Debug + Clone,
    B: DeserializeOwned + PartialEq + Debug + Clone,
    C: DeserializeOwned + PartialEq + Debug + Clone,
{
    let two = Only::Only((written, written));
    becomes(&two, &Only::Only((a.clone(), b.clone())));
    becomes(&two, &Only::Only((b.clone(), a.clone())));
    let three = Only::Only((written, written, written));
    becomes(&three, &Only::Only((a.clone(), b.clone(), c.clone())));
    becomes(&three, &Only::Only((a.clone(), c.clone(), b.clone())));
    becomes(&three, &Only::Only((b.clone(), a.clone(), c.clone())));
    becomes(&three, &Only::Only((b.clone(), c.clone(), a.clone())));
    becomes(&three, &Only::Only((c.clone(), a.clone(), b.clone())));
    becomes(&three, &Only::Only((c.clone(), b.clone(), a.clone())));
    becomes(&three, &Only::Only((c.clone(), Only::Only((b.clone(),)).only().0, a.clone())));
}

impl<T> Only<T> {
    fn only(self) -> T {
        let Only::Only(value) = self;
        value
    }
}

/// All short byte strings of an object were one kind, and so were all arrays of a tuple: where one was asked for as a list and
/// another as bytes, neither form was right for both.
#[test]
fn one_is_a_list_and_another_is_not() {
    for len in [0_u32, 1, 255, 256, 257, 5_000] {
        let bytes: Vec<u8> = (0..len).map(|i| (i % 251) as u8).collect();
        let written = ByteBuf::from(bytes.clone());
        let (list, strict) = (bytes.clone(), Strict(bytes.clone()));
        let array = ShmArray1::from(bytes.clone());
        in_any_order(&written, &list, &strict, &array);
        in_any_order(&written, &list, &Array1::from(bytes.clone()), &strict);
        in_any_order(&written, &written.clone(), &strict, &list);
        in_any_order(
            &written,
            &DynArray::from(Array1::from(bytes.clone()).into_dyn()),
            &list,
            &strict,
        );
    }
}

#[test]
fn one_is_a_list_and_another_an_array() {
    for array in [array![1.5_f32, 2.0], Array1::zeros(300), Array1::zeros(0)] {
        let (marked, list) = (Marked(array.clone()), array.to_vec());
        let shared = ShmArray1::from(list.clone());
        becomes(&Only::Only((&marked, &marked)), &Only::Only((list.clone(), shared.clone())));
        becomes(&Only::Only((&marked, &marked)), &Only::Only((shared.clone(), list.clone())));
        becomes(
            &Only::Only((&marked, &marked, &marked)),
            &Only::Only((list.clone(), shared.clone(), array.clone())),
        );
        becomes(
            &Only::Only(vec![(&marked, &marked); 3]),
            &Only::Only(vec![(shared.clone(), list.clone()); 3]),
        );
    }
}

/// Short byte strings had no names, by which arrays of one field are told from those of another.
#[test]
fn many_records_with_bytes_of_both_kinds() {
    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Both<A, B> {
        a: A,
        b: B,
        nested: Option<Box<Both<A, B>>>,
    }
    for len in [3, 255, 300] {
        let bytes = vec![7; len];
        let both = |id: usize| Both {
            a: ByteBuf::from([&[id as u8], &bytes[..]].concat()),
            b: ByteBuf::from(bytes.clone()),
            nested: None,
        };
        let written: Vec<_> =
            (0..300).map(|id| Both { nested: Some(Box::new(both(id))), ..both(id + 1) }).collect();
        let read = |both: &Both<ByteBuf, ByteBuf>| Both {
            a: both.a.to_vec(),
            b: Strict(both.b.to_vec()),
            nested: both.nested.as_ref().map(|both| {
                Box::new(Both { a: both.a.to_vec(), b: Strict(both.b.to_vec()), nested: None })
            }),
        };
        let expected: Vec<_> = written.iter().map(read).collect();
        becomes(&Only::Only(&written), &Only::Only(expected.clone()));
        let by_key = |name: &str, id: usize| (format!("{name}{id}"), written[id].b.clone());
        let map: BTreeMap<_, _> = (0..9).map(|id| by_key("k", id)).collect();
        let list: BTreeMap<_, _> =
            map.iter().map(|(key, value)| (key.clone(), value.to_vec())).collect();
        let strict = Strict(bytes.clone());
        becomes(&Only::Only((&map, &written[0].b)), &Only::Only((list, strict)));
    }
}

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Several<A, B, C> {
    a: Only<A>,
    b: Only<B>,
    c: Only<C>,
}

/// The first refusal ended the read: what came behind it was not known, and not read in another form later.
#[test]
fn a_buffer_behind_another() {
    let array = array![1.5_f32, 2.0, 3.0];
    let list = array.to_vec();
    let marked = || Only::Only(Marked(array.clone()));
    let written = Several { a: marked(), b: marked(), c: marked() };
    let owned = || Only::Only(list.clone());
    let shared = || Only::Only(ShmArray1::from(list.clone()));
    becomes(&written, &Several { a: owned(), b: owned(), c: owned() });
    becomes(&written, &Several { a: owned(), b: shared(), c: owned() });
    becomes(&written, &Several { a: shared(), b: owned(), c: shared() });
    becomes(&written, &Several { a: owned(), b: marked(), c: shared() });
    let of_bytes = |bytes: &[u8]| Only::Only(ByteBuf::from(bytes));
    let written = Several { a: of_bytes(&[1]), b: of_bytes(&[2; 300]), c: of_bytes(&[3; 3]) };
    let of_list = |bytes: &[u8]| Only::Only(bytes.to_vec());
    let strict = |bytes: &[u8]| Only::Only(Strict(bytes.to_vec()));
    becomes(&written, &Several { a: of_list(&[1]), b: of_list(&[2; 300]), c: of_list(&[3; 3]) });
    becomes(&written, &Several { a: strict(&[1]), b: of_list(&[2; 300]), c: strict(&[3; 3]) });
    becomes(&written, &Several { a: of_list(&[1]), b: strict(&[2; 300]), c: of_list(&[3; 3]) });
}

/// Where there are more arrays of one name than are each tried in a form of their own, one form for all of them is found still;
/// where it would take two, that is an error.
#[test]
fn more_arrays_of_one_name_than_have_a_form_each() {
    let array = array![1.5_f32, 2.0, 3.0];
    for count in [63, 64, 65, 300] {
        let marked = vec![Marked(array.clone()); count];
        becomes(&Only::Only(&marked), &Only::Only(vec![array.to_vec(); count]));
        becomes(&Only::Only(&marked), &Only::Only(vec![ShmArray1::from(array.to_vec()); count]));
        becomes(&Only::Only(&marked), &Only::Only(marked.clone()));
    }
    let pairs = vec![(Marked(array.clone()), Marked(array.clone())); 100];
    let bytes = to_bytes(&Only::Only(&pairs)).unwrap();
    let error = from_bytes::<Only<Vec<(Vec<f32>, ShmArray1<f32>)>>>(&bytes).unwrap_err();
    assert!(error.to_string().contains("did not match any variant"), "{error}");
}

#[derive(Deserialize, Debug)]
#[serde(untagged)]
enum FirstThatFits {
    Right(Vec<f32>, ShmArray1<f32>),
    Anything(#[allow(dead_code)] IgnoredAny),
}

/// The first variant that can be read is read, though its arrays are asked for in two ways.
#[test]
fn a_variant_before_one_that_takes_anything() {
    let marked = Marked(array![1.5_f32, 2.0]);
    let bytes = to_bytes(&(&marked, &marked)).unwrap();
    let found: FirstThatFits = from_bytes(&bytes).unwrap();
    assert!(
        matches!(&found, FirstThatFits::Right(list, array) if *list == [1.5, 2.0] && array.len() == 2),
        "{found:?}"
    );
}

/// MessagePack without names has a struct as a list, and serde's buffer had ndarray's form in it as three items, of which the
/// first was taken for an element.
#[test]
fn the_form_of_an_empty_array_in_a_format_without_names() {
    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    enum Case<T> {
        Pair(T, u8),
    }
    #[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
    struct Flat<T> {
        #[serde(flatten)]
        case: Case<T>,
    }
    #[track_caller]
    fn comes_back<T: Serialize + DeserializeOwned + PartialEq + Debug>(value: T) {
        let flat = Flat { case: Case::Pair(value, 7) };
        for bytes in [rmp_serde::to_vec(&flat).unwrap(), rmp_serde::to_vec_named(&flat).unwrap()] {
            assert_eq!(rmp_serde::from_slice::<Flat<T>>(&bytes).unwrap(), flat);
        }
    }
    for shape in [[0, 0], [0, 3], [3, 0], [2, 1]] {
        comes_back(ShmArray2::<f32>::from(Array2::ones(shape)));
        comes_back(ShmArray2::from(Array2::from_elem(shape, true)));
        comes_back(ShmArray2::<u8>::from(Array2::ones(shape)));
        comes_back(Marked(Array2::<i64>::ones(shape)));
        comes_back(Array2::<i64>::ones(shape));
    }
    for list in [vec![1_u8, 2, 3], vec![1, 1, 1], vec![1], vec![2, 1, 1]] {
        comes_back(ShmArray1::from(list.clone()));
        comes_back(ShmArray1::from(list.iter().map(|n| f32::from(*n)).collect::<Vec<_>>()));
    }
}
