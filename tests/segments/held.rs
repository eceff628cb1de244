//! A segment's block: its mapping alone, held without a descriptor.

use ndarray::{Ix1, Ix2};
use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_shm::{
    Block, ErrorKind, LockedArray, Segment, SegmentOptions, ShmArray1, from_bytes, to_bytes,
    to_shared,
};

use crate::child::{Child, say, wait};
use crate::model::{Model, ModelView, mapping_of, unique};

/// More than the holder may have descriptors.
const MANY: u32 = 1000;
const FEW: u64 = 256;

fn limit_descriptors(limit: Option<u64>) {
    let found = getrlimit(Resource::Nofile);
    let current = limit.or(found.maximum);
    setrlimit(Resource::Nofile, Rlimit { current, ..found }).unwrap();
}

/// The descriptors of this process.
fn descriptors() -> usize {
    // The listing has one of its own.
    std::fs::read_dir("/proc/self/fd").unwrap().count() - 1
}

/// In a child: names of many segments, held until the parent lets go.
pub(crate) fn make_many(name: &str) {
    limit_descriptors(None);
    let make =
        |n| SegmentOptions::new().name(format!("{name}-{n}")).create(&Model::new(n)).unwrap();
    let held: Vec<Segment> = (0..MANY).map(make).collect();
    say(held.len());
    wait();
}

/// In a child that may have few descriptors: holds many objects of another process, and reads them when that has gone.
pub(crate) fn hold_many(name: &str) {
    limit_descriptors(Some(FEW));
    let before = descriptors();
    let open = |n| Segment::open(&format!("{name}-{n}")).and_then(|segment| segment.block());
    let held: Vec<Block> = (0..MANY).map(|n| open(n).unwrap()).collect();
    assert_eq!(descriptors(), before, "{MANY} objects are held");
    let own: Vec<Block> =
        (0..MANY).map(|n| to_shared(&Model::new(n)).unwrap().block().unwrap()).collect();
    assert_eq!(descriptors(), before, "{MANY} more, made here");
    say("held");
    std::io::stdin().read_line(&mut String::new()).unwrap();
    for blocks in [&held, &own] {
        for (n, block) in (0..MANY).zip(blocks) {
            let model = Model::new(n);
            let view: ModelView<'_> = block.get().unwrap();
            assert_eq!((view.name, view.weights), (&*model.name, model.weights.view()));
            assert_eq!(view.bias, model.bias);
            let weights = block.array::<f32, Ix2>("weights").unwrap();
            assert!(mapping_of(weights.as_ptr().addr()).contains("/memfd:serde_shm"));
        }
    }
    say("read");
    // Arrays that change are held with descriptors: each handle that has used its lock has two.
    let live: Vec<LockedArray<u32, Ix1>> = (0..20_u32)
        .map(|n| to_shared(&LockedArray::from(vec![n; 10])).unwrap().get().unwrap())
        .collect();
    assert_eq!(descriptors(), before + 20);
    for array in &live {
        array.write().unwrap()[0] += 1;
    }
    assert_eq!(descriptors(), before + 40);
    let mut more = Vec::new();
    let error = loop {
        match to_shared(&LockedArray::from(vec![1_u32; 10])) {
            Ok(segment) => more.push(segment),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains("RLIMIT_NOFILE"), "{error}");
    assert!(more.len() > 50 && more.len() < FEW as usize, "{}", more.len());
    drop(more);
    assert_eq!(live[7].read().unwrap()[0], 8);
    say("live");
}

#[test]
fn a_thousand_objects_are_held_where_256_descriptors_are_allowed() {
    let name = unique("many");
    let mut maker = Child::start("make-many", &[&name]);
    assert_eq!(maker.line(), MANY.to_string());
    let mut holder = Child::start("hold-many", &[&name]);
    assert_eq!(holder.line(), "held");
    maker.finish();
    holder.send("go");
    assert_eq!(holder.line(), "read");
    assert_eq!(holder.line(), "live");
    holder.finish();
}

#[test]
fn a_block_is_the_mapping_and_outlives_the_segment() {
    let model = Model::new(4);
    let made = to_shared(&model).unwrap();
    let block = made.block().unwrap();
    let arrays = (made.arrays().unwrap(), block.arrays().unwrap());
    assert_eq!(arrays.0, arrays.1);
    let address = made.array::<f64, Ix1>("bias").unwrap().as_ptr().addr();
    assert_eq!(block.array::<f64, Ix1>("bias").unwrap().as_ptr().addr(), address, "one mapping");
    assert_eq!((made.len(), block.as_ref().len()), (made.len(), made.len()));
    assert_eq!(from_bytes::<Model>(block.as_ref()).unwrap(), model);
    drop(made);
    assert_eq!(block.get::<Model>().unwrap(), model);
    let kept: ShmArray1<f64> = ShmArray1::from(block.array::<f64, Ix1>("bias").unwrap().to_owned());
    let handle = block.array_untyped("bias").unwrap();
    drop(block);
    assert_eq!(handle.as_bytes().unwrap().as_ptr().addr(), address, "an array keeps the memory");
    assert_eq!(kept.len(), 1000);
    drop(handle);
    assert!(!mapping_of(address).contains("serde_shm"));
}

#[test]
fn a_makers_name_goes_with_its_segment_and_not_with_its_block() {
    let name = unique("blocked");
    let made = SegmentOptions::new().name(&name).create(&1_u8).unwrap();
    let block = made.block().unwrap();
    assert!(Segment::open(&name).is_ok());
    drop(made);
    assert_eq!(Segment::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    assert_eq!(block.get::<u8>().unwrap(), 1);
}

#[test]
fn a_block_of_a_persistent_segment_is_what_was_read_or_mapped() {
    let folder = tempfile::tempdir().unwrap();
    let options = SegmentOptions::new().name("kept").persist(true).dir(folder.path());
    let made = options.create(&Model::new(5)).unwrap();
    let read = made.block().unwrap();
    // SAFETY: nobody writes to the file.
    #[allow(unsafe_code)]
    let mapped = unsafe { Segment::map(made.id()) }.unwrap().block().unwrap();
    made.unlink().unwrap();
    drop(made);
    assert_eq!(read.get::<Model>().unwrap(), Model::new(5));
    assert_eq!(mapped.get::<Model>().unwrap(), Model::new(5));
    assert_eq!(read.as_ref(), mapped.as_ref());
}

#[test]
fn a_block_of_live_arrays_is_refused_with_the_mend() {
    let made = to_shared(&("a", LockedArray::from(vec![1_u32, 2]))).unwrap();
    let error = made.block().unwrap_err();
    assert_eq!((error.kind(), error.container()), (ErrorKind::Unsupported, Some(made.id())));
    for word in ["live arrays", "keep the `Segment`", "`to_bytes`"] {
        assert!(error.to_string().contains(word), "{error}");
    }
    // What it names: arrays without their locks.
    let (name, array): (String, LockedArray<u32, Ix1>) = made.get().unwrap();
    let bytes = to_bytes(&(name, array)).unwrap();
    assert_eq!(from_bytes::<(&str, Vec<u32>)>(&bytes).unwrap().1, [1, 2]);
}
