//! The kind of an array is fixed when its segment is made: asked for as another, it is an error that names both.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use ndarray::{Array1, ArrayView1, Ix1, Ix2};
use serde::Deserialize;
use serde_shm::{AtomicArray, DynArray, ErrorKind, LockedArray, Segment, ShmArray1};

fn refused<'a, T: Deserialize<'a>>(segment: &'a Segment, found: &str, expected: &str) {
    let Err(error) = segment.get::<BTreeMap<String, T>>() else {
        panic!("{} was read from {found}", std::any::type_name::<T>())
    };
    let text = error.to_string();
    assert!(text.contains(found) && text.contains(expected), "{text}");
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{text}");
    assert!(error.path().is_some(), "{text}");
}

#[test]
fn a_live_array_is_read_as_nothing_but_itself() {
    let locked = BTreeMap::from([("a", LockedArray::from(vec![1_u8, 2]))]);
    let atomic = BTreeMap::from([("a", AtomicArray::from(vec![1_u8, 2]))]);
    let plain = BTreeMap::from([("a", ShmArray1::from(vec![1_u8, 2]))]);
    let locked = serde_shm::to_shared(&locked).unwrap();
    let atomic = serde_shm::to_shared(&atomic).unwrap();
    let plain = serde_shm::to_shared(&plain).unwrap();
    for (segment, found) in [(&locked, "`LockedArray`"), (&atomic, "`AtomicArray`")] {
        refused::<ShmArray1<u8>>(segment, found, "`ShmArray`");
        refused::<Vec<u8>>(segment, found, "`ShmArray`");
        refused::<Array1<u8>>(segment, found, "`ShmArray`");
        refused::<Wrapped>(segment, found, "`ShmArray`");
        refused::<View<'_>>(segment, found, "`ShmArray`");
        refused::<DynArray>(segment, found, "`ShmArray`");
        refused::<Bytes>(segment, found, "`ShmArray`");
        for error in [
            segment.array::<u8, Ix1>("a").unwrap_err(),
            segment.array_dyn("a").map(drop).unwrap_err(),
        ] {
            let text = error.to_string();
            assert!(text.contains(found) && text.contains("a: "), "{text}");
        }
        let infos = segment.arrays().unwrap();
        assert_eq!((infos.len(), infos[0].is_live()), (1, true));
        assert_eq!((infos[0].shape(), infos[0].is_zero_copy()), (&[2][..], false));
    }
    refused::<AtomicArray<u8, Ix1>>(&locked, "`LockedArray`", "`AtomicArray`");
    refused::<LockedArray<u8, Ix1>>(&atomic, "`AtomicArray`", "`LockedArray`");
    refused::<LockedArray<u8, Ix1>>(&plain, "`ShmArray`", "`LockedArray`");
    refused::<AtomicArray<u8, Ix1>>(&plain, "`ShmArray`", "`AtomicArray`");
    assert!(!plain.arrays().unwrap()[0].is_live());
    // Another type, another number of axes.
    refused::<LockedArray<u16, Ix1>>(&locked, "u8", "u16");
    refused::<AtomicArray<i8, Ix1>>(&atomic, "u8", "i8");
    refused::<LockedArray<u8, Ix2>>(&locked, "[2]", "2 axes");
    // What was skipped costs nothing.
    let skipped: BTreeMap<String, serde::de::IgnoredAny> = locked.get().unwrap();
    assert_eq!(skipped.len(), 1);
}

#[derive(Deserialize)]
struct Bytes(
    #[allow(dead_code)]
    #[serde(with = "serde_bytes_like")]
    Vec<u8>,
);

/// Asks for bytes, as `serde_bytes` does.
mod serde_bytes_like {
    pub(super) fn deserialize<'de, D: serde::Deserializer<'de>>(d: D) -> Result<Vec<u8>, D::Error> {
        struct Visitor;
        impl serde::de::Visitor<'_> for Visitor {
            type Value = Vec<u8>;
            fn expecting(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
                f.write_str("bytes")
            }
            fn visit_bytes<E>(self, bytes: &[u8]) -> Result<Vec<u8>, E> {
                Ok(bytes.to_vec())
            }
        }
        d.deserialize_byte_buf(Visitor)
    }
}

/// Behind `with`.
struct Wrapped;

impl<'de> Deserialize<'de> for Wrapped {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        #[derive(serde::Deserialize)]
        #[serde(transparent)]
        struct Of(
            #[allow(dead_code)]
            #[serde(with = "serde_shm::array")]
            ShmArray1<u8>,
        );
        Of::deserialize(d).map(|_| Wrapped)
    }
}

struct View<'a>(#[allow(dead_code)] ArrayView1<'a, u8>);

impl<'de: 'a, 'a> Deserialize<'de> for View<'a> {
    fn deserialize<D: serde::Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        serde_shm::array::deserialize(d).map(View)
    }
}

#[test]
fn a_persistent_segment_takes_no_live_array() {
    let folder = tempfile::tempdir().unwrap();
    let options = serde_shm::SegmentOptions::new().name("x").persist(true).dir(folder.path());
    let object = BTreeMap::from([("a", AtomicArray::from(vec![1_u8]))]);
    let error = options.create(&object).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("persistent"), "{error}");
    assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
}

/// Behind serde's buffer, which keeps what it does not know until somebody asks.
#[test]
fn a_live_array_in_serdes_buffer_is_no_other_kind_either() {
    #[derive(Debug, serde::Serialize, serde::Deserialize)]
    #[serde(tag = "kind")]
    enum Tagged<T> {
        One { items: T },
    }
    let made = Tagged::One { items: AtomicArray::from(vec![1.5_f32]) };
    let segment = serde_shm::to_shared(&made).unwrap();
    let Tagged::One { items } = segment.get::<Tagged<AtomicArray<f32, Ix1>>>().unwrap();
    assert_eq!(items.snapshot()[0], 1.5);
    for error in [
        segment.get::<Tagged<ShmArray1<f32>>>().unwrap_err(),
        segment.get::<Tagged<LockedArray<f32, Ix1>>>().unwrap_err(),
        segment.get::<Tagged<DynArray>>().map(drop).unwrap_err(),
    ] {
        assert!(error.to_string().contains("`AtomicArray`"), "{error}");
    }
    let error = segment.get::<Tagged<AtomicArray<f64, Ix1>>>().unwrap_err();
    assert!(error.to_string().contains("f64") && error.to_string().contains("f32"), "{error}");
    // Text that looks like what stands for a live array names none.
    for text in [r#"["<f4", [1], "2 0"]"#, r#"["<f4", [1], "1 0"]"#, r#"["<f4", [1], "x"]"#] {
        assert!(serde_json::from_str::<AtomicArray<f32, Ix1>>(text).is_err());
        assert!(serde_json::from_str::<LockedArray<f32, Ix1>>(text).is_err());
        assert!(serde_json::from_str::<ShmArray1<f32>>(text).is_err());
    }
}

/// Live arrays that are alike share an entry of the directory, as others do, and take turns with arrays that do not change.
#[test]
fn many_live_arrays_that_are_alike_are_each_its_own() {
    #[derive(serde_shm::Serialize, serde_shm::Deserialize)]
    struct Row {
        locked: LockedArray<f32, Ix1>,
        plain: ShmArray1<f32>,
        atomic: AtomicArray<u64, Ix1>,
    }
    #[derive(serde_shm::Serialize, serde_shm::Deserialize)]
    struct Rows {
        rows: Vec<Row>,
        list: Vec<LockedArray<u16, Ix1>>,
    }
    let row = |at: usize| Row {
        locked: LockedArray::from(vec![at as f32; 3]),
        plain: vec![at as f32; 2].into(),
        atomic: AtomicArray::from(vec![at as u64; 1 + at % 3]),
    };
    for count in [0, 1, 2, 17, 60] {
        let list = (0..count).map(|at| LockedArray::from(vec![at as u16; at % 4])).collect();
        let made = serde_shm::to_shared(&Rows { rows: (0..count).map(row).collect(), list });
        let made = made.unwrap();
        let infos = made.arrays().unwrap();
        assert_eq!(infos.len(), 4 * count);
        assert_eq!(infos.iter().filter(|info| info.is_live()).count(), 3 * count);
        let opened = Segment::open(made.id()).unwrap();
        let Rows { rows, list } = opened.get().unwrap();
        for (at, row) in rows.iter().enumerate() {
            assert!(row.locked.read().unwrap().iter().all(|item| *item == at as f32));
            assert_eq!((row.plain[1], row.atomic.shape()[0]), (at as f32, 1 + at % 3));
            // What is written here is seen through the maker's handle, there and nowhere else.
            row.locked.write().unwrap()[2] = -1.0 - at as f32;
            row.atomic.store(0, 1000 + at as u64, Relaxed).unwrap();
            list[at].write().unwrap().fill(2000 + at as u16);
        }
        let Rows { rows, list } = made.get().unwrap();
        for (at, row) in rows.iter().enumerate() {
            let value = at as f32;
            assert_eq!(row.locked.read().unwrap().to_vec(), [value, value, -1.0 - value]);
            assert_eq!(row.atomic.load(0, Relaxed).unwrap(), 1000 + at as u64);
            assert_eq!(list[at].read().unwrap().to_vec(), vec![2000 + at as u16; at % 4]);
            let path = format!("rows.{at}.locked");
            let any = opened.live_untyped(&path).unwrap();
            assert_eq!(any.read().unwrap().view().view::<f32, Ix1>().unwrap()[2], -1.0 - value);
        }
    }
}
