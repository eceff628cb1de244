//! Sealed memory that is one hole: it says to have more than any memory, and whoever copied it was aborted.

use std::collections::{BTreeSet, VecDeque};
use std::fmt;
use std::fs::File;
use std::os::fd::{AsFd, AsRawFd};
use std::os::unix::fs::FileExt;
use std::rc::Rc;
use std::sync::Arc;

use ndarray::{Array1, ArrayD};
use rustix::fs::{MemfdFlags, SealFlags};
use rustix::process::{Resource, Rlimit};
use serde::de::{DeserializeOwned, Deserializer, IgnoredAny, SeqAccess, Visitor};
use serde_shm::{
    Deserialize, DynArray, Result, Segment, SegmentOptions, Serialize, ShmArray1, to_shared,
};

use crate::corrupt::forge::{HEADER, Parts, RECORD, TRAILER, crc32};

const SIZE: u64 = 8 << 40;

/// A segment whose only array has so many bytes, none of which is there.
fn hole(segment: &Segment) -> File {
    let file = File::from(segment.as_fd().try_clone_to_owned().unwrap());
    let mut block = vec![0; file.metadata().unwrap().len() as usize];
    file.read_exact_at(&mut block, 0).unwrap();
    let Parts { inline, directory, arrays, trailer, .. } = Parts::of(&block);
    // Its one axis gets eight bytes, to hold that many.
    let (record, heap) = (directory.start + 8, directory.start + 8 + RECORD);
    let width = 1 << (block[record + 47] & 3);
    let axis = (0..width).map(|at| usize::from(block[heap + at]) << (8 * at)).sum::<usize>();
    let item = (arrays[0].len() / axis) as u64;
    block[record + 47] = 3;
    block.splice(heap..heap + width, (SIZE / item).to_le_bytes());
    let trailer = trailer + 8 - width;
    let put = |block: &mut [u8], at: usize, number: u64| {
        block[at..at + 8].copy_from_slice(&number.to_le_bytes());
    };
    put(&mut block, trailer + 32, (trailer - directory.start) as u64);
    let start = HEADER as u64 + SIZE;
    let total = start + (block.len() - inline.start) as u64;
    put(&mut block, trailer, total);
    put(&mut block, trailer + 8, start);
    let crc = crc32(&[&block[..HEADER], &block[inline.start..trailer + 48]]);
    block[trailer + 48..trailer + 52].copy_from_slice(&crc.to_le_bytes());
    assert_eq!(block.len() - trailer, TRAILER);
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let sparse = File::from(rustix::fs::memfd_create("hole", flags).unwrap());
    sparse.set_len(total).unwrap();
    sparse.write_all_at(&block[..HEADER], 0).unwrap();
    sparse.write_all_at(&block[inline.start..], start).unwrap();
    rustix::fs::fcntl_add_seals(&sparse, SealFlags::WRITE | SealFlags::SHRINK | SealFlags::GROW)
        .unwrap();
    sparse
}

/// Also where the system gives more memory than it has: this process may map one such segment, and no copy of it.
fn limit_memory() {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
    let kib: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
    let most = (kib << 10) + SIZE + (1 << 40);
    let old = rustix::process::getrlimit(Resource::As);
    let limit = Rlimit { current: Some(most), maximum: old.maximum };
    rustix::process::setrlimit(Resource::As, limit).unwrap();
}

#[track_caller]
fn no_memory<T: DeserializeOwned>(segment: &Segment) {
    let what = std::any::type_name::<T>();
    let result: Result<T> = segment.get();
    let error = result.err().unwrap_or_else(|| panic!("{what} was read"));
    assert!(error.to_string().contains("no memory for"), "{what}: {error}");
}

#[derive(Serialize, Deserialize)]
struct Routed<T>(
    #[serde(
        with = "serde_shm::array",
        bound(
            serialize = "T: serde_shm::array::SerializeArray",
            deserialize = "T: serde_shm::array::DeserializeArray<'de>"
        )
    )]
    T,
);

/// A list of a user's own. Its name was not one of those that were known to collect what they are given.
struct Kept(#[allow(dead_code)] Vec<u8>);

impl<'de> Deserialize<'de> for Kept {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> std::result::Result<Self, D::Error> {
        struct Keep;

        impl<'de> Visitor<'de> for Keep {
            type Value = Kept;

            fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                f.write_str("numbers or bytes")
            }

            fn visit_bytes<E>(self, bytes: &[u8]) -> std::result::Result<Kept, E> {
                Ok(Kept(bytes.to_vec()))
            }

            fn visit_seq<S: SeqAccess<'de>>(
                self,
                mut seq: S,
            ) -> std::result::Result<Kept, S::Error> {
                let mut kept = Vec::with_capacity(seq.size_hint().unwrap_or(0));
                while let Some(number) = seq.next_element()? {
                    kept.push(number);
                }
                Ok(Kept(kept))
            }
        }

        deserializer.deserialize_any(Keep)
    }
}

#[test]
fn a_hole_of_8_tib_is_an_error_to_whoever_copies_it() {
    limit_memory();
    let made = to_shared(&ShmArray1::from(vec![0_u8; 64])).unwrap();
    let sparse = hole(&made);
    let mut header = [0; HEADER];
    sparse.read_exact_at(&mut header, 0).unwrap();
    let nonce: String =
        header[16..32].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    let id = format!("{}:{}:{nonce}", std::process::id(), sparse.as_raw_fd());
    let segment = Segment::open(&id).unwrap();
    assert_eq!(segment.get::<ShmArray1<u8>>().unwrap().len() as u64, SIZE);
    segment.get::<IgnoredAny>().unwrap();
    no_memory::<DynArray>(&segment);
    no_memory::<Array1<u8>>(&segment);
    no_memory::<ArrayD<u8>>(&segment);
    no_memory::<Vec<u8>>(&segment);
    no_memory::<Vec<u64>>(&segment);
    no_memory::<Option<Vec<u8>>>(&segment);
    no_memory::<VecDeque<u8>>(&segment);
    no_memory::<BTreeSet<u8>>(&segment);
    no_memory::<Kept>(&segment);
    no_memory::<Routed<Vec<u8>>>(&segment);
    no_memory::<Routed<Box<[u8]>>>(&segment);
    no_memory::<Routed<Arc<[u8]>>>(&segment);
    no_memory::<Routed<Rc<[u8]>>>(&segment);
    no_memory::<serde_bytes::ByteBuf>(&segment);
    let path = segment.arrays().unwrap()[0].path().to_owned();
    let error = segment.array_dyn(&path).unwrap_err();
    assert!(error.to_string().contains("no memory for"), "{error}");
    drop(segment);
    drop(sparse);
    // A blob, which another serializer gives to its readers as bytes.
    let made = SegmentOptions::new().create(&serde_bytes::ByteBuf::from(vec![0; 100_000])).unwrap();
    let sparse = hole(&made);
    let segment = Segment::from_fd(sparse.into()).unwrap();
    segment.get::<IgnoredAny>().unwrap();
    no_memory::<serde_bytes::ByteBuf>(&segment);
    no_memory::<Vec<u8>>(&segment);
    no_memory::<Kept>(&segment);
    no_memory::<DynArray>(&segment);
    assert_eq!(segment.get::<&serde_bytes::Bytes>().unwrap().len() as u64, SIZE);
}
