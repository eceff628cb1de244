//! Segments: sealed memory, a persistent one's file, and the memory of live arrays.
#![allow(unsafe_code)]

use std::fs::{self, File};
use std::os::fd::AsRawFd;
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::Relaxed;

use ndarray::Ix1;
use rustix::fs::{MemfdFlags, SealFlags};
use serde_shm::{
    AtomicArray, Deserialize, DynArray, LockedArray, Result, Segment, SegmentOptions, Serialize,
    to_bytes, to_shared,
};

use super::{Opened, Small, Tally, block_words, changes, look, small};
use crate::corrupt::forge::{HEADER, Parts, TRAILER, seal};
use crate::corrupt::model::{bounded, say};

impl Opened for Segment {
    fn get<'a, T: Deserialize<'a>>(&'a self) -> Result<T> {
        self.get()
    }

    fn arrays(&self) -> Result<Vec<serde_shm::ArrayInfo>> {
        self.arrays()
    }

    fn array_dyn(&self, path: &str) -> Result<DynArray> {
        self.array_dyn(path)
    }
}

fn memfd(bytes: &[u8], len: usize, more: SealFlags) -> File {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = File::from(rustix::fs::memfd_create("changed", flags).unwrap());
    file.write_all_at(bytes, 0).unwrap();
    file.set_len(len as u64).unwrap();
    let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::SEAL | more;
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    file
}

fn sealed(bytes: &[u8]) -> File {
    memfd(bytes, bytes.len(), SealFlags::WRITE)
}

/// The id that a maker of this memory would give.
fn id(block: &[u8], file: &File) -> String {
    let nonce: String =
        block[16..32].iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"));
    format!("{}:{}:{nonce}", std::process::id(), file.as_raw_fd())
}

fn read(bytes: &[u8]) -> Result<Small> {
    let mut padded = bytes.to_vec();
    padded.resize(bytes.len().max(HEADER), 0);
    let file = sealed(bytes);
    let segment = bounded(bytes.len(), || Segment::open(&id(&padded, &file)));
    say(&segment);
    look(bytes.len(), &segment?)
}

fn is_sound(change: super::Change, parts: &Parts, value: &Small, found: &Result<Small>) {
    if let Ok(found) = found
        && !change.is_within(&parts.arrays)
    {
        assert_eq!(found, value, "{change:?}");
    }
}

#[test]
fn a_changed_segment_is_the_same_value_or_an_error() {
    let (value, honest) = (small(3), to_bytes(&small(3)).unwrap());
    let parts = Parts::of(&honest);
    let (mut left, mut mended) = (Tally::default(), Tally::default());
    for change in changes(honest.len(), &[block_words(&parts, 0)]) {
        let Some(mut bytes) = change.apply(&honest) else { continue };
        let found = read(&bytes);
        is_sound(change, &parts, &value, &found);
        left.count(&value, &found);
        if bytes.len() >= HEADER + TRAILER {
            seal(&mut bytes);
            mended.count(&value, &read(&bytes));
        }
    }
    assert!(left.refused as usize >= 8 * (honest.len() - parts.inline.start), "{left:?}");
    assert!(mended.other > 100 && mended.refused > 1000, "{mended:?}");
}

#[test]
fn a_changed_persistent_segment_is_the_same_value_or_an_error() {
    let folder = tempfile::tempdir().unwrap();
    let value = small(3);
    let options = SegmentOptions::new().name("a").persist(true).dir(folder.path());
    let made = options.create(&value).unwrap();
    let honest = fs::read(made.id()).unwrap();
    let parts = Parts::of(&honest);
    let file = File::options().write(true).open(made.id()).unwrap();
    let read = |bytes: &[u8]| {
        file.write_all_at(bytes, 0).unwrap();
        file.set_len(bytes.len() as u64).unwrap();
        let segment = bounded(bytes.len(), || Segment::open(made.id()));
        say(&segment);
        look(bytes.len(), &segment?)
    };
    assert_eq!(read(&honest).unwrap(), value);
    let (mut left, mut mended) = (Tally::default(), Tally::default());
    for change in changes(honest.len(), &[block_words(&parts, 0)]) {
        let Some(mut bytes) = change.apply(&honest) else { continue };
        let found = read(&bytes);
        is_sound(change, &parts, &value, &found);
        left.count(&value, &found);
        if bytes.len() >= HEADER + TRAILER {
            seal(&mut bytes);
            mended.count(&value, &read(&bytes));
        }
    }
    assert!(left.refused as usize >= 8 * (honest.len() - parts.inline.start), "{left:?}");
    assert!(mended.other > 100 && mended.refused > 1000, "{mended:?}");
}

#[derive(Serialize, Deserialize)]
struct Live {
    name: String,
    locked: LockedArray<u32, Ix1>,
    atomic: AtomicArray<bool, Ix1>,
}

type Elements = (String, Vec<u32>, Vec<bool>);

/// What the two files of a segment with live arrays give. No lock is waited for.
fn live_elements(block: &[u8], live: &File) -> Result<Elements> {
    let (file, live) = (sealed(block).into(), live.try_clone().unwrap().into());
    // Handles of locks are kept for each array, whatever the length of the block.
    let len = block.len() + (1 << 16);
    bounded(len, || {
        // SAFETY: nobody writes to that memory but this crate while it is looked at.
        let segment = unsafe { Segment::from_fds(file, live)? };
        say(&segment.arrays());
        let object: Live = segment.get()?;
        let locked = match object.locked.try_read()? {
            Some(guard) => guard.to_vec(),
            None => Vec::new(),
        };
        for index in 0..4 {
            say(&object.atomic.load(index, Relaxed));
        }
        Ok((object.name.clone(), locked, object.atomic.snapshot().to_vec()))
    })
}

/// The block and the live memory of a segment.
fn live() -> (Vec<u8>, Vec<u8>, Elements) {
    let object =
        Live { name: "n".into(), locked: vec![7, 8, 9].into(), atomic: vec![true, false].into() };
    let segment = to_shared(&object).unwrap();
    let file = |fd: &str| fs::read(format!("/proc/self/fd/{fd}")).unwrap();
    let id: Vec<&str> = segment.id().split(':').collect();
    let elements = ("n".to_owned(), vec![7, 8, 9], vec![true, false]);
    (file(id[1]), file(id[3]), elements)
}

#[test]
fn a_changed_header_of_live_memory_is_the_same_value_or_an_error() {
    let (block, honest, value) = live();
    let len = honest.len();
    let file = |bytes: &[u8], len: usize| memfd(bytes, len, SealFlags::empty());
    assert_eq!(live_elements(&block, &file(&honest, len)).unwrap(), value);
    let mut tally = Tally::default();
    let header = 0..64_usize;
    for change in changes(header.len(), &[vec![header.clone()]]) {
        let Some(head) = change.apply(&honest[header.clone()]) else { continue };
        // A cut of the header is one of the file.
        let whole =
            if head.len() < 64 { head.clone() } else { [&head[..], &honest[64..]].concat() };
        let found = live_elements(&block, &file(&whole, whole.len()));
        say(&found);
        if let Ok(found) = &found {
            assert_eq!(*found, value, "{change:?}");
        }
        tally.count(&value, &found);
    }
    // Magic, version and nonce.
    assert!(tally.refused >= 8 * 26, "{tally:?}");
    for end in [65, 4096, 65536, len - 64, len - 1, len + 1, len + 4096] {
        let bytes = &honest[..end.min(len)];
        assert!(live_elements(&block, &file(bytes, end)).is_err(), "{end} of {len} bytes");
    }
}

/// Where its live arrays lie is said by the block, which is checked against itself and against the memory.
#[test]
fn a_changed_block_beside_live_memory_is_survived() {
    let (block, honest, value) = live();
    let parts = Parts::of(&block);
    let live = memfd(&honest, honest.len(), SealFlags::empty());
    assert_eq!(live_elements(&block, &live).unwrap(), value);
    let (mut left, mut mended) = (Tally::default(), Tally::default());
    for change in changes(block.len(), &[block_words(&parts, 0)]) {
        let Some(mut bytes) = change.apply(&block) else { continue };
        if bytes.len() < HEADER + TRAILER {
            continue;
        }
        let found = live_elements(&bytes, &live);
        say(&found);
        if let Ok(found) = &found {
            assert_eq!(*found, value, "{change:?}");
        }
        left.count(&value, &found);
        seal(&mut bytes);
        let found = live_elements(&bytes, &live);
        say(&found);
        mended.count(&value, &found);
    }
    assert!(left.refused > 1000, "{left:?}");
    assert!(mended.refused > 1000 && mended.other > 0, "{mended:?}");
}

/// The words of locks, which every process that has the segment may write.
#[test]
fn changed_words_of_locks_are_survived() {
    let (block, honest, _) = live();
    let control = 1 << 16;
    // How many slots were used, the words of two arrays, the first slot's row.
    for at in control..control + 64 * 3 + 128 {
        for bit in 0..8 {
            let mut bytes = honest.clone();
            bytes[at] ^= 1 << bit;
            let file = memfd(&bytes, bytes.len(), SealFlags::empty());
            say(&live_elements(&block, &file));
        }
    }
}
