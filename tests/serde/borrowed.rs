//! Views alias the container wherever they are asked for.

macro_rules! table {
    ($derives:ident, $mark:meta) => {
        use std::borrow::Cow;
        use std::collections::BTreeMap;

        use ndarray::{ArrayView1, ArrayView2, Array2};

        use crate::serde::support::is_in;
        use $derives::{Deserialize, Serialize};

        #[derive(Serialize)]
        struct Owner {
            name: String,
            #[$mark]
            bias: Vec<f32>,
            #[$mark]
            weights: Array2<f64>,
            #[$mark]
            maybe: Option<Vec<u8>>,
            #[$mark]
            rows: Vec<[i16; 3]>,
            #[$mark]
            by_name: BTreeMap<String, Vec<u64>>,
            nested: Vec<OwnerPart>,
            choice: OwnerChoice,
            flat: OwnerFlat,
        }

        #[derive(Serialize)]
        struct OwnerPart {
            #[$mark]
            data: Vec<u32>,
        }

        #[derive(Serialize)]
        enum OwnerChoice {
            Tuple(u8, #[$mark] Vec<f32>),
        }

        #[derive(Serialize)]
        struct OwnerFlat {
            #[serde(flatten)]
            part: OwnerPart,
            #[serde(flatten)]
            tagged: OwnerTagged,
        }

        #[derive(Serialize)]
        #[serde(tag = "type")]
        enum OwnerTagged {
            A {
                #[$mark]
                values: Vec<i8>,
            },
        }

        #[derive(Deserialize)]
        struct View<'a> {
            name: &'a str,
            #[serde(borrow)]
            #[$mark]
            bias: &'a [f32],
            #[serde(borrow)]
            #[$mark]
            weights: ArrayView2<'a, f64>,
            #[serde(borrow)]
            #[$mark]
            maybe: Option<ArrayView1<'a, u8>>,
            #[serde(borrow)]
            #[$mark]
            rows: &'a [[i16; 3]],
            #[serde(borrow)]
            #[$mark]
            by_name: BTreeMap<&'a str, Cow<'a, [u64]>>,
            // Serde asks for the word wherever another type borrows.
            #[serde(borrow)]
            nested: Vec<Part<'a>>,
            #[serde(borrow)]
            choice: Choice<'a>,
            #[serde(borrow)]
            flat: Flat<'a>,
        }

        #[derive(Deserialize)]
        struct Part<'a> {
            #[serde(borrow)]
            #[$mark]
            data: &'a [u32],
        }

        #[derive(Deserialize)]
        enum Choice<'a> {
            Tuple(
                u8,
                #[serde(borrow)]
                #[$mark]
                &'a [f32],
            ),
        }

        #[derive(Deserialize)]
        struct Flat<'a> {
            #[serde(flatten, borrow)]
            part: Part<'a>,
            #[serde(flatten, borrow)]
            tagged: Tagged<'a>,
        }

        #[derive(Deserialize)]
        #[serde(tag = "type")]
        enum Tagged<'a> {
            A {
                #[serde(borrow)]
                #[$mark]
                values: &'a [i8],
            },
        }

        #[test]
        fn a_view_of_everything() {
            let owner = Owner {
                name: "n".into(),
                bias: vec![1.0, 2.0],
                weights: ndarray::array![[1.0, 2.0], [3.0, 4.0]],
                maybe: Some(vec![5; 500]),
                rows: vec![[1, 2, 3], [4, 5, 6]],
                by_name: BTreeMap::from([("k".to_owned(), vec![6])]),
                nested: vec![OwnerPart { data: vec![7] }, OwnerPart { data: vec![8] }],
                choice: OwnerChoice::Tuple(1, vec![9.0]),
                flat: OwnerFlat { part: OwnerPart { data: vec![10] }, tagged: OwnerTagged::A { values: vec![11] } },
            };
            let block = serde_shm::to_bytes(&owner).unwrap();
            let view: View<'_> = serde_shm::from_bytes(&block).unwrap();
            assert_eq!((view.name, view.bias, view.weights), ("n", &[1.0, 2.0][..], owner.weights.view()));
            assert!(is_in(&block, view.name.as_bytes()) && is_in(&block, view.bias));
            assert!(is_in(&block, view.weights.as_slice().unwrap()));
            let maybe = view.maybe.unwrap();
            assert!(maybe == ArrayView1::from(&[5_u8; 500]) && is_in(&block, maybe.as_slice().unwrap()));
            assert_eq!(&view.rows[..], owner.rows);
            assert!(is_in(&block, view.rows));
            assert!(matches!(view.by_name["k"], Cow::Borrowed(items) if items == [6] && is_in(&block, items)));
            assert!(view.nested[1].data == [8] && is_in(&block, view.nested[1].data));
            let Choice::Tuple(1, floats) = view.choice else { panic!("another number") };
            assert!(floats == [9.0] && is_in(&block, floats));
            assert!(view.flat.part.data == [10] && is_in(&block, view.flat.part.data));
            let Tagged::A { values } = view.flat.tagged;
            assert!(values == [11] && is_in(&block, values));

            let segment = serde_shm::to_shared(&owner).unwrap();
            let seen: View<'_> = segment.get().unwrap();
            assert_eq!((seen.bias, seen.flat.part.data), (&[1.0, 2.0][..], &[10][..]));
        }
    };
}

mod plain {
    table!(serde, serde(with = "serde_shm::array"));
}

mod ours {
    table!(serde_shm, shm_array);
}

#[test]
fn text_in_lists_and_either_owned_or_borrowed() {
    use std::borrow::Cow;

    #[derive(serde::Serialize, serde::Deserialize, PartialEq, Debug)]
    struct View<'a> {
        name: &'a str,
        #[serde(borrow)]
        tags: Vec<&'a str>,
        #[serde(borrow)]
        either: Cow<'a, str>,
    }
    let view = View { name: "name", tags: vec!["a", "b"], either: Cow::Borrowed("e") };
    let bytes = serde_shm::to_bytes(&view).unwrap();
    let back: View<'_> = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!(back, view);
    for text in [back.name, back.tags[1], &back.either] {
        assert!(crate::serde::support::is_in(&bytes, text.as_bytes()));
    }
    assert!(matches!(back.either, Cow::Borrowed(_)));
}
