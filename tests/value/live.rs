//! Arrays that change, as parts of values.

use std::collections::BTreeMap;
use std::sync::atomic::Ordering::Relaxed;

use ndarray::{Ix1, array};
use serde::{Deserialize, Serialize};
use serde_shm::{
    AtomicArray, Block, ErrorKind, LiveKind, LockedArray, Npz, Segment, ShmArray1, UntypedAtomic,
    Value, to_bytes,
};

#[derive(Serialize, Deserialize)]
struct Server {
    name: String,
    weights: LockedArray<f32, Ix1>,
    counts: Vec<AtomicArray<u64, Ix1>>,
    fixed: ShmArray1<u8>,
}

fn server() -> Server {
    Server {
        name: "s".into(),
        weights: vec![0.5, 1.5].into(),
        counts: vec![vec![1, 2].into(), vec![3].into()],
        fixed: vec![7, 8].into(),
    }
}

#[test]
fn a_value_has_the_arrays_themselves() {
    let made = serde_shm::to_shared(&server()).unwrap();
    let typed: Server = made.get().unwrap();
    let value = Segment::open(made.id()).unwrap().value().unwrap();
    assert_eq!(value.get("name").and_then(Value::as_str), Some("s"));
    let weights = value.get("weights").and_then(Value::as_live).unwrap();
    assert_eq!((weights.kind(), weights.shape()), (LiveKind::Locked, &[2][..]));
    let counts = value.get("counts.1").and_then(Value::as_live).unwrap();
    assert_eq!((counts.kind(), counts.dtype().to_string().as_str()), (LiveKind::Atomic, "<u8"));
    assert!(value.get("weights").unwrap().as_array().is_none());

    weights.write().unwrap().set(&[1], &9.0_f32.to_le_bytes()).unwrap();
    assert_eq!(typed.weights.read().unwrap()[1], 9.0);
    let UntypedAtomic::U64(cells) = counts.atomic().unwrap() else { panic!() };
    cells.fetch_add(0, 10, Relaxed).unwrap();
    assert_eq!(typed.counts[1].load(0, Relaxed).unwrap(), 13);
    typed.counts[0].store(1, 5, Relaxed).unwrap();

    // The same arrays, whoever asks; others where they were made again.
    let handle = Segment::open(made.id()).unwrap();
    assert_eq!(handle.value().unwrap(), handle.value().unwrap());
    assert_eq!(value.clone(), value);

    // Written to a segment they change there, with what they had.
    let copy = serde_shm::to_shared(&value).unwrap();
    let again: Server = copy.get().unwrap();
    assert_eq!(*again.weights.read().unwrap(), array![0.5, 9.0]);
    assert_eq!(again.counts[0].load(1, Relaxed).unwrap(), 5);
    assert_ne!(copy.value().unwrap(), value);
    again.counts[0].store(0, 77, Relaxed).unwrap();
    assert_eq!(typed.counts[0].load(0, Relaxed).unwrap(), 1);

    // And elsewhere they are arrays.
    let block = Block::new(to_bytes(&value).unwrap()).unwrap().value().unwrap();
    assert_eq!(block.get("weights").and_then(Value::as_array).unwrap().shape(), [2]);
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    serde_shm::to_npz(&path, &value).unwrap();
    let file = Npz::open(&path).unwrap();
    assert_eq!(file.array::<f32, Ix1>("weights").unwrap(), array![0.5, 9.0]);
    assert_eq!(file.value().unwrap(), block);
}

#[test]
fn the_whole_object_may_be_one_and_buffers_keep_them() {
    let made = serde_shm::to_shared(&LockedArray::from(vec![1_u8, 2])).unwrap();
    let value = made.value().unwrap();
    value.as_live().unwrap().write().unwrap().bytes_mut().unwrap().fill(3);
    assert_eq!(*made.get::<LockedArray<u8, Ix1>>().unwrap().read().unwrap(), array![3, 3]);
    assert_eq!(made.get::<Value>().unwrap(), made.get::<Value>().unwrap());

    #[derive(Deserialize)]
    struct Flat {
        name: String,
        #[serde(flatten)]
        rest: BTreeMap<String, Value>,
    }
    let made = serde_shm::to_shared(&server()).unwrap();
    let flat: Flat = made.get().unwrap();
    assert_eq!((flat.name.as_str(), flat.rest.len()), ("s", 3));
    flat.rest["weights"]
        .as_live()
        .unwrap()
        .write()
        .unwrap()
        .set(&[0], &4_f32.to_le_bytes())
        .unwrap();
    assert_eq!(made.get::<Server>().unwrap().weights.read().unwrap()[0], 4.0);
    let counts = flat.rest["counts"].as_slice().unwrap();
    assert!(counts.iter().all(|count| count.as_live().is_some()));
    assert_eq!(flat.rest["fixed"].as_array().unwrap().as_bytes(), Some(&[7, 8][..]));
}

#[test]
fn where_their_memory_is_not_there_the_error_says_so() {
    let made = serde_shm::to_shared(&server()).unwrap();
    let sealed = std::os::fd::AsFd::as_fd(&made).try_clone_to_owned().unwrap();
    let seen = Segment::from_fd(sealed).unwrap();
    let error = seen.value().unwrap_err();
    assert_eq!(error.path().as_deref(), Some("weights"), "{error}");
    assert_ne!(error.kind(), ErrorKind::Corrupt, "{error}");
    assert_eq!(&*seen.array::<u8, Ix1>("fixed").unwrap().to_vec(), [7, 8]);
}
