//! What is borrowed lies in the container, and large arrays at multiples of 64.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::ops::Range;

use ndarray::{Array2, ArrayD, ArrayView2, ArrayViewD, CowArray, Ix2};
use proptest::prelude::*;
use serde_shm::{Deserialize, Serialize, ShmArray1, from_bytes, to_bytes};

use crate::roundtrip::cases::cases;
use crate::roundtrip::model::{Parts, parts};

#[derive(Serialize, Debug)]
struct Owned {
    name: String,
    matrix: Array2<f64>,
    any: ArrayD<i8>,
    #[shm_array]
    list: Vec<u32>,
    #[shm_array]
    pairs: Vec<[i64; 2]>,
    #[shm_array]
    flags: Option<Vec<bool>>,
    cow: Array2<u16>,
    by_name: BTreeMap<String, ShmArray1<f32>>,
    blob: Vec<u8>,
}

#[derive(Deserialize, Debug)]
struct View<'a> {
    name: &'a str,
    matrix: ArrayView2<'a, f64>,
    any: ArrayViewD<'a, i8>,
    #[shm_array]
    list: &'a [u32],
    #[shm_array]
    pairs: &'a [[i64; 2]],
    #[shm_array]
    flags: Option<&'a [bool]>,
    cow: CowArray<'a, u16, Ix2>,
    #[serde(borrow)]
    by_name: BTreeMap<Cow<'a, str>, ShmArray1<f32>>,
}

fn owned(parts: &Parts) -> Owned {
    Owned {
        name: format!("name {}", parts.number),
        matrix: parts.matrix(2).mapv(f64::from),
        any: parts.array(0),
        list: parts.list.clone(),
        pairs: parts.list.iter().map(|n| [i64::from(*n), -1]).collect(),
        flags: parts.number.is_multiple_of(2).then(|| vec![true, false]),
        cow: parts.matrix(1).mapv(|n| n as u16),
        by_name: parts
            .words
            .iter()
            .map(|(word, n)| (word.clone(), vec![*n as f32; 70].into()))
            .collect(),
        blob: vec![1, 2, 3],
    }
}

/// What starts in the container, at a multiple of 64; nothing may start anywhere.
#[track_caller]
fn lies_aligned<T>(container: &Range<*const u8>, part: *const T, len: usize) {
    if len > 0 {
        let (start, end) = (part.cast::<u8>(), part.wrapping_add(len).cast::<u8>());
        assert!(container.start <= start && end <= container.end, "outside the container");
        assert_eq!(start.addr() % 64, 0, "not aligned");
    }
}

#[track_caller]
fn check(owned: &Owned, view: &View<'_>, container: &Range<*const u8>, handles: bool) {
    // Of a segment the little that is not array data may be read to memory of the handle's own.
    assert!(handles || container.contains(&view.name.as_ptr()));
    assert_eq!(
        (view.name, &view.matrix, &view.any),
        (&*owned.name, &owned.matrix.view(), &owned.any.view())
    );
    assert_eq!(
        (view.list, view.pairs, view.flags),
        (&*owned.list, &*owned.pairs, owned.flags.as_deref())
    );
    assert_eq!(view.cow, owned.cow);
    assert!(view.cow.is_view());
    lies_aligned(container, view.matrix.as_ptr(), view.matrix.len());
    lies_aligned(container, view.any.as_ptr(), view.any.len());
    lies_aligned(container, view.list.as_ptr(), view.list.len());
    lies_aligned(container, view.pairs.as_ptr(), view.pairs.len());
    lies_aligned(container, view.cow.as_ptr(), view.cow.len());
    if let Some(flags) = view.flags {
        lies_aligned(container, flags.as_ptr(), flags.len());
    }
    assert_eq!(view.by_name.len(), owned.by_name.len());
    for (word, handle) in &view.by_name {
        assert_eq!(handle, &owned.by_name[&**word]);
        if handles {
            lies_aligned(container, handle.as_ptr(), handle.len());
        }
    }
}

proptest! {
    #![proptest_config(cases(48))]

    #[test]
    fn views_lie_in_the_block(parts in parts()) {
        let owned = owned(&parts);
        let bytes = to_bytes(&owned).unwrap();
        check(&owned, &from_bytes(&bytes).unwrap(), &bytes.as_ptr_range(), false);
    }
}

#[cfg(target_os = "linux")]
proptest! {
    #![proptest_config(cases(24))]

    #[test]
    fn views_and_handles_lie_in_the_segment(parts in parts()) {
        let owned = owned(&parts);
        let segment = serde_shm::to_shared(&owned).unwrap();
        let view: View<'_> = segment.get().unwrap();
        // The segment does not tell where it lies; an array of it does, and the file's length bounds the rest.
        let first = segment.array::<f64, Ix2>("matrix").unwrap().as_ptr();
        let start = first.cast::<u8>().wrapping_sub(first.addr() % 4096);
        let len = segment.len();
        let container = start..start.wrapping_add(len);
        if !owned.matrix.is_empty() {
            check(&owned, &view, &container, true);
        }
        let handles: Vec<_> = view.by_name.into_values().collect();
        drop(segment);
        prop_assert_eq!(handles, owned.by_name.into_values().collect::<Vec<_>>());
    }
}
