//! Live arrays as fields: nested, in maps, under either derive; as ordinary arrays in other containers and formats.

use std::collections::{BTreeMap, HashMap};
use std::sync::atomic::Ordering::Relaxed;

use ndarray::{Array1, Array2, Ix1, Ix2, array};
use serde_shm::{AtomicArray, ErrorKind, LockedArray, ShmArray1};

#[derive(serde_shm::Serialize, serde_shm::Deserialize)]
struct Server {
    name: String,
    weights: ShmArray1<f32>,
    gradients: Vec<LockedArray<f32, Ix2>>,
    #[shm_array]
    steps: AtomicArray<u64, Ix1>,
    more: HashMap<String, Option<AtomicArray<i16, Ix2>>>,
    extra: Array1<u8>,
    done: (AtomicArray<bool, Ix1>, Box<LockedArray<u8, Ix1>>),
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Foreign {
    step: u32,
    counts: AtomicArray<u32, Ix1>,
    #[serde(with = "serde_shm::array")]
    state: LockedArray<f64, Ix2>,
    #[serde(flatten)]
    rest: Rest,
    choice: Choice,
    tagged: Tagged,
}

#[derive(serde::Serialize, serde::Deserialize)]
struct Rest {
    flags: AtomicArray<bool, Ix1>,
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(untagged)]
enum Choice {
    Number(u8),
    Live { total: AtomicArray<u64, Ix1> },
}

#[derive(serde::Serialize, serde::Deserialize)]
#[serde(tag = "kind")]
enum Tagged {
    Buffer { frames: LockedArray<u8, Ix2> },
}

fn server() -> Server {
    Server {
        name: "s".into(),
        weights: vec![0.5; 1000].into(),
        gradients: vec![array![[1.0, 2.0]].into(), Array2::zeros((3, 3)).into()],
        steps: vec![1, 2, 3].into(),
        more: HashMap::from([("x".into(), Some(array![[-1_i16, 2]].into())), ("y".into(), None)]),
        extra: array![9, 8],
        done: (vec![false, true].into(), Box::new(vec![4_u8].into())),
    }
}

fn check(server: &Server) {
    assert_eq!((server.name.as_str(), server.weights[999]), ("s", 0.5));
    assert_eq!(*server.gradients[0].read().unwrap(), array![[1.0, 2.0]]);
    assert_eq!(server.gradients[1].shape(), [3, 3]);
    assert_eq!(server.steps.snapshot(), array![1, 2, 3]);
    assert_eq!(server.more["x"].as_ref().unwrap().snapshot(), array![[-1, 2]]);
    assert!(server.more["y"].is_none());
    assert_eq!(server.extra, array![9, 8]);
    assert_eq!(server.done.0.snapshot(), array![false, true]);
    assert_eq!(server.done.1.read().unwrap()[0], 4);
}

fn change(server: &Server) {
    server.gradients[1].write().unwrap()[[2, 2]] = 7.0;
    server.steps.fetch_add(0, 10, Relaxed).unwrap();
    server.more["x"].as_ref().unwrap().store((0, 0), 5, Relaxed).unwrap();
    server.done.0.store(0, true, Relaxed).unwrap();
    server.done.1.write().unwrap()[0] = 6;
}

fn check_changed(server: &Server) {
    assert_eq!(server.gradients[1].read().unwrap()[[2, 2]], 7.0);
    assert_eq!(server.steps.load(0, Relaxed).unwrap(), 11);
    assert_eq!(server.more["x"].as_ref().unwrap().load((0, 0), Relaxed).unwrap(), 5);
    assert!(server.done.0.load(0, Relaxed).unwrap());
    assert_eq!(server.done.1.read().unwrap()[0], 6);
}

#[test]
fn every_place_in_an_object_is_shared() {
    let made = server();
    let segment = serde_shm::to_shared(&made).unwrap();
    let one: Server = segment.get().unwrap();
    let two: Server = serde_shm::from_shared(segment.id()).unwrap();
    check(&one);
    change(&one);
    check_changed(&two);
    // The arrays outlive the segment's handles; the source stays as it was.
    drop((segment, one));
    check_changed(&two);
    check(&made);
    // What is attached can be published again, and is a copy then.
    let next = serde_shm::to_shared(&two).unwrap();
    let three: Server = next.get().unwrap();
    check_changed(&three);
    three.steps.store(2, 99, Relaxed).unwrap();
    assert_eq!(two.steps.load(2, Relaxed).unwrap(), 3);
}

#[test]
fn bytes_npz_and_text_have_ordinary_arrays() {
    let made = server();
    let bytes = serde_shm::to_bytes(&made).unwrap();
    let back: Server = serde_shm::from_bytes(&bytes).unwrap();
    check(&back);
    change(&back);
    check_changed(&back);
    check(&made);
    let text = serde_json::to_string(&made).unwrap();
    assert!(text.contains(r#""steps":[1,2,3]"#), "{text}");
    check(&serde_json::from_str(&text).unwrap());
    let compact = postcard::to_stdvec(&made).unwrap();
    check(&postcard::from_bytes(&compact).unwrap());
    // Ordinary to who asks for ordinary ones, and the other way round.
    #[derive(serde_shm::Deserialize)]
    struct Plain {
        #[shm_array]
        steps: Vec<u64>,
        gradients: Vec<Array2<f32>>,
        extra: AtomicArray<u8, Ix1>,
    }
    let plain: Plain = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!((plain.steps, plain.gradients[0][[0, 1]]), (vec![1, 2, 3], 2.0));
    assert_eq!(plain.extra.snapshot(), array![9, 8]);
}

#[cfg(feature = "npz")]
#[test]
fn an_npz_is_saved_from_what_is_attached_and_read_back() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("server.npz");
    let segment = serde_shm::to_shared(&server()).unwrap();
    let seen: Server = segment.get().unwrap();
    change(&seen);
    serde_shm::to_npz(&path, &seen).unwrap();
    let back: Server = serde_shm::from_npz(&path).unwrap();
    check_changed(&back);
    let file = serde_shm::Npz::open(&path).unwrap();
    assert_eq!(file.array::<u64, Ix1>("steps").unwrap(), array![11, 2, 3]);
    assert!(file.arrays().unwrap().iter().all(|info| !info.is_live()));
}

#[test]
fn plain_serde_and_its_buffers_keep_them_shared() {
    let made = Foreign {
        step: 1,
        counts: vec![1_u32, 2].into(),
        state: array![[0.5, 1.5]].into(),
        rest: Rest { flags: vec![true].into() },
        choice: Choice::Live { total: vec![7_u64].into() },
        tagged: Tagged::Buffer { frames: array![[1, 2]].into() },
    };
    let segment = serde_shm::to_shared(&made).unwrap();
    let one: Foreign = segment.get().unwrap();
    let two: Foreign = serde_shm::from_shared(segment.id()).unwrap();
    one.counts.fetch_add(1, 1, Relaxed).unwrap();
    one.state.write().unwrap()[[0, 0]] = 9.0;
    one.rest.flags.store(0, false, Relaxed).unwrap();
    let (Choice::Live { total: a }, Choice::Live { total: b }) = (&one.choice, &two.choice) else {
        panic!()
    };
    a.fetch_add(0, 1, Relaxed).unwrap();
    let Tagged::Buffer { frames } = &one.tagged;
    frames.write().unwrap()[[0, 1]] = 8;
    assert_eq!(two.counts.snapshot(), array![1, 3]);
    assert_eq!(two.state.read().unwrap()[[0, 0]], 9.0);
    assert!(!two.rest.flags.load(0, Relaxed).unwrap());
    assert_eq!(b.load(0, Relaxed).unwrap(), 8);
    let Tagged::Buffer { frames } = &two.tagged;
    assert_eq!(*frames.read().unwrap(), array![[1, 8]]);
    for back in [
        serde_shm::from_bytes::<Foreign>(&serde_shm::to_bytes(&two).unwrap()).unwrap(),
        serde_json::from_str(&serde_json::to_string(&two).unwrap()).unwrap(),
    ] {
        assert_eq!(back.counts.snapshot(), array![1, 3]);
        assert!(matches!(back.choice, Choice::Live { .. }));
    }
}

#[test]
fn many_live_arrays_of_all_sizes_lie_beside_each_other() {
    let mut object = BTreeMap::new();
    for number in 0_usize..300 {
        let items: Vec<u16> = (0..number * number % 5000).map(|i| (i ^ number) as u16).collect();
        let pair = (LockedArray::from(items.clone()), AtomicArray::from(items.clone()));
        object.insert(number, (pair, ShmArray1::from(items)));
    }
    type Entry = ((LockedArray<u16, Ix1>, AtomicArray<u16, Ix1>), ShmArray1<u16>);
    let segment = serde_shm::to_shared(&object).unwrap();
    let seen: BTreeMap<usize, Entry> = segment.get().unwrap();
    for ((locked, atomic), plain) in seen.values() {
        locked.write().unwrap().iter_mut().for_each(|item| *item = !*item);
        atomic.add_from(plain).unwrap();
    }
    let again: BTreeMap<usize, Entry> = serde_shm::from_shared(segment.id()).unwrap();
    for ((locked, atomic), plain) in again.values() {
        assert_eq!(*locked.read().unwrap(), plain.mapv(|item| !item));
        assert_eq!(atomic.snapshot(), plain.mapv(|item| item.wrapping_mul(2)));
    }
}

/// A snapshot of what is half changed is none.
#[test]
fn a_poisoned_array_is_not_saved_and_the_error_says_which() {
    let made = server();
    let panics = || {
        let _guard = made.gradients[1].write().unwrap();
        panic!("in the midst of a change");
    };
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
    let error = serde_shm::to_bytes(&made).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
    assert_eq!(error.path().as_deref(), Some("gradients[1]"), "{error}");
    let error = serde_shm::to_shared(&made).map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Poisoned, "{error}");
    assert_eq!(error.path().as_deref(), Some("gradients[1]"), "{error}");
    drop(made.gradients[1].mend().unwrap());
    check(&serde_shm::from_bytes(&serde_shm::to_bytes(&made).unwrap()).unwrap());
}
