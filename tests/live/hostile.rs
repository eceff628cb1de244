//! Live memory that is not what it should be, and bytes in it that nobody should have written.

#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::Relaxed;

use ndarray::{Ix1, array};
use rustix::fs::{MemfdFlags, SealFlags};
use serde_shm::{AtomicArray, ErrorKind, LockedArray, Segment};

type Object = (AtomicArray<bool, Ix1>, LockedArray<bool, Ix1>, LockedArray<u32, Ix1>);

fn made() -> Segment {
    let object: Object =
        (vec![true, false, true].into(), vec![true, false].into(), vec![1_u32; 50].into());
    serde_shm::to_shared(&object).unwrap()
}

fn with_live(made: &Segment, live: OwnedFd) -> Segment {
    // SAFETY: what this test writes there, no guard is held meanwhile.
    unsafe { Segment::from_fds(made.as_fd().try_clone_to_owned().unwrap(), live) }.unwrap()
}

/// The live memory through a description that this test writes to as a hostile process would.
fn live_file(made: &Segment) -> File {
    // SAFETY: it is written to where no guard borrows the elements, and to the words of locks.
    unsafe { made.live_fd() }.unwrap().try_clone_to_owned().unwrap().into()
}

fn memfd(bytes: &[u8], len: u64, seals: SealFlags) -> OwnedFd {
    let fd = rustix::fs::memfd_create("live-test", MemfdFlags::ALLOW_SEALING).unwrap();
    let file = File::from(fd);
    file.write_all_at(bytes, 0).unwrap();
    file.set_len(len).unwrap();
    if !seals.is_empty() {
        rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    }
    file.into()
}

#[test]
fn live_memory_that_is_not_the_segments_own_is_refused() {
    let made = made();
    let file = live_file(&made);
    let len = file.metadata().unwrap().len();
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let cut = SealFlags::SHRINK | SealFlags::GROW;
    let edited = |at: usize, byte: u8| {
        let mut bytes = bytes.clone();
        bytes[at] = byte;
        memfd(&bytes, len, cut)
    };
    let cases: Vec<(&str, OwnedFd)> = vec![
        ("unsealed", memfd(&bytes, len, SealFlags::empty())),
        ("can shrink", memfd(&bytes, len, SealFlags::GROW)),
        ("can grow", memfd(&bytes, len, SealFlags::SHRINK)),
        ("cannot be written", memfd(&bytes, len, cut | SealFlags::WRITE)),
        ("short", memfd(&bytes[..4096], 4096, cut)),
        ("long", memfd(&bytes, len + 1, cut)),
        ("empty", memfd(&[], 0, cut)),
        ("another magic", edited(0, 7)),
        ("another version", edited(8, 3)),
        ("another digest", edited(40, bytes[40] ^ 1)),
        ("a place that is zero", edited(12, 1)),
        ("another nonce", edited(20, bytes[20] ^ 1)),
        ("another segment's", live_file(&self::made()).into()),
        ("the sealed part", made.as_fd().try_clone_to_owned().unwrap()),
        ("a file", File::open("/proc/self/exe").unwrap().into()),
        ("a pipe", std::io::pipe().unwrap().0.into()),
        ("a socket", std::os::unix::net::UnixStream::pair().unwrap().0.into()),
    ];
    for (what, live) in cases {
        let segment = with_live(&made, live);
        assert_eq!(segment.arrays().unwrap().len(), 3, "{what}");
        let error = segment.get::<Object>().map(drop).unwrap_err();
        let kinds = [ErrorKind::Corrupt, ErrorKind::Version, ErrorKind::Io];
        assert!(kinds.contains(&error.kind()), "{what}: {error:?}");
    }
    // One sealed against new writers from now on can still be read, not mapped for writing.
    let segment = with_live(&made, memfd(&bytes, len, cut | SealFlags::FUTURE_WRITE));
    assert!(segment.get::<Object>().is_err());
    // An honest copy of the bytes is one more live memory, with elements of its own.
    let segment = with_live(&made, memfd(&bytes, len, cut));
    let (atomic, ..): Object = segment.get().unwrap();
    atomic.store(0, false, Relaxed).unwrap();
    let (own, ..): Object = made.get().unwrap();
    assert!(own.load(0, Relaxed).unwrap());
}

/// An id whose fourth part names something else.
#[test]
fn an_id_with_a_foreign_descriptor_gives_all_but_the_live_arrays() {
    let made = made();
    let (front, _) = made.id().rsplit_once(':').unwrap();
    let other = self::made();
    let theirs = other.id().rsplit_once(':').unwrap().1.to_owned();
    for last in [&format!(":{theirs}")[..], "", ":0", ":99999"] {
        let id = format!("{front}{last}");
        let segment = Segment::open(&id).unwrap();
        assert_eq!(segment.arrays().unwrap().len(), 3);
        let error = segment.get::<Object>().map(drop).unwrap_err();
        assert!(error.to_string().contains("live arrays cannot be had"), "{id}: {error}");
    }
}

#[test]
fn a_byte_that_is_no_bool_is_true_or_an_error() {
    let made = made();
    let (atomic, locked, _): Object = made.get().unwrap();
    let file = live_file(&made);
    // Elements start behind the header, each array at a multiple of 64.
    file.write_all_at(&[2, 0, 255], 64).unwrap();
    assert_eq!(atomic.snapshot(), array![true, false, true]);
    assert!(atomic.load(2, Relaxed).unwrap());
    assert_eq!(atomic.compare_exchange(0, true, false, Relaxed, Relaxed).unwrap(), Ok(true));
    assert!(!atomic.load(0, Relaxed).unwrap());
    assert!(atomic.fetch_min(2, true, Relaxed).unwrap());
    assert!(atomic.fetch_xor(2, true, Relaxed).unwrap());
    assert!(!atomic.load(2, Relaxed).unwrap());
    file.write_all_at(&[1, 2], 128).unwrap();
    for error in [locked.read().map(drop).unwrap_err(), locked.write().map(drop).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("element 1"), "{error}");
    }
    // Who was to mend them and could not come to them has mended nothing.
    let before = locked.version();
    file.write_all_at(&[1, 0], 128).unwrap();
    let panics = || {
        let _guard = locked.write().unwrap();
        panic!("in the midst of a change");
    };
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
    assert_eq!(locked.version(), before + 1);
    file.write_all_at(&[1, 2], 128).unwrap();
    assert_eq!(locked.mend().map(drop).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(locked.is_poisoned());
    assert_eq!(locked.version(), before + 1);
    locked.clear_poison().unwrap();
    file.write_all_at(&[1, 0], 128).unwrap();
    // The locks were given back on the way to the errors.
    assert_eq!(*locked.write().unwrap(), array![true, false]);
}

/// Words of locks and headers with anything in them lead to no panic, no hang and no access elsewhere.
#[test]
fn scribbled_words_of_locks_neither_hang_nor_crash() {
    let patterns: [&[u8]; 6] = [
        &[0xff; 8],
        &[0x01; 8],
        &[0, 0, 0, 0x80, 0, 0, 0, 0],
        &[5, 0, 0, 0x40, 1, 0, 0, 0],
        &[0xfe, 0xff, 0, 0, 0, 0, 0, 0],
        &[3, 4, 0, 0, 9, 0, 0, 0],
    ];
    for pattern in patterns {
        let made = made();
        let (atomic, _, locked): Object = made.get().unwrap();
        drop(locked.read().unwrap());
        let file = live_file(&made);
        let control = 65536;
        // The number of slots, the words of three locks, the first slots' rows.
        for at in (control..control + 64 * 4 + 3 * 128).step_by(8) {
            file.write_all_at(pattern, at).unwrap();
        }
        let short = std::time::Duration::from_millis(40);
        let _ = locked.try_read().map(drop);
        let _ = locked.read_timeout(short).map(drop);
        let _ = locked.try_write().map(drop);
        let _ = locked.write_timeout(short).map(drop);
        let _ = locked.clear_poison();
        let _ = locked.wait_for_update(locked.version(), short);
        atomic.notify().unwrap();
        assert!(atomic.wait_for_update(atomic.version(), short).unwrap().is_none());
        let second: Object = Segment::open(made.id()).unwrap().get().unwrap();
        let _ = second.2.write_timeout(short).map(drop);
        let _ = second.2.try_read().map(drop);
    }
}

/// 2^32 read guards that were leaked brought the readers' count back to where it was, and a writer came in beside a reader. The
/// count is written here, as leaking so many takes minutes.
#[test]
fn a_count_of_readers_does_not_come_round() {
    let made = serde_shm::to_shared(&LockedArray::from(vec![1_u32; 4])).unwrap();
    let array: LockedArray<u32, Ix1> = made.get().unwrap();
    let file = live_file(&made);
    let guard = array.read().unwrap();
    // Behind the elements, the number of slots and the line of one array: the first slot's row.
    let count = 65536 + 64 + 64 + 64;
    let counted = || {
        let mut bytes = [0; 4];
        file.read_exact_at(&mut bytes, count).unwrap();
        bytemuck::cast::<_, u32>(bytes)
    };
    assert_eq!(counted(), 1);
    // What other threads leaked: this one's own shares are counted another way.
    let elsewhere = |ask: &(dyn Fn() + Sync)| {
        std::thread::scope(|scope| scope.spawn(ask).join().unwrap());
    };
    for forged in [(1 << 31) - 1, u32::MAX - 1, u32::MAX] {
        file.write_all_at(&bytemuck::cast::<_, [u8; 4]>(forged), count).unwrap();
        let last = u32::from(forged < 1 << 31);
        if last == 1 {
            elsewhere(&|| std::mem::forget(array.read().unwrap()));
        }
        let refused = |error: serde_shm::Error| {
            assert_eq!(error.kind(), ErrorKind::Limit);
            assert!(error.to_string().contains("leaked"), "{error}");
        };
        // A second share of this thread, and a first one of another.
        refused(array.read().map(drop).unwrap_err());
        elsewhere(&|| {
            refused(array.read().map(drop).unwrap_err());
            refused(array.try_read().map(drop).unwrap_err());
            assert!(array.try_write().unwrap().is_none(), "a writer beside a reader");
        });
        assert_eq!((counted(), guard[0]), (forged + last, 1));
    }
    file.write_all_at(&[1, 0, 0, 0], count).unwrap();
    drop(guard);
    assert!(array.try_write().unwrap().is_some());
}

/// A sealed block that says something else of the same live memory: one record's bytes changed, the checksum right.
fn edited_block(made: &Segment, edit: impl FnOnce(&mut [u8], usize)) -> File {
    let sealed = File::from(made.as_fd().try_clone_to_owned().unwrap());
    let mut block = vec![0; sealed.metadata().unwrap().len() as usize];
    sealed.read_exact_at(&mut block, 0).unwrap();
    let trailer = block.len() - 64;
    let number = |at: usize| {
        let bytes = block[trailer + at..].first_chunk().unwrap();
        u64::from_le_bytes(*bytes) as usize
    };
    let start = number(8);
    let directory = start + number(16) + number(24);
    // Of the only series, behind the number of them.
    edit(&mut block, directory + 8);
    let mut sum = crc32fast::Hasher::new();
    sum.update(&block[..64]);
    sum.update(&block[start..trailer + 48]);
    block[trailer + 48..trailer + 52].copy_from_slice(&sum.finalize().to_le_bytes());
    let len = block.len() as u64;
    memfd(&block, len, SealFlags::WRITE | SealFlags::SHRINK).into()
}

/// A second block made the elements under a guard those of an atomic array, and safe code changed them there.
#[test]
fn live_memory_belongs_to_one_block() {
    use std::os::fd::AsRawFd;

    let made = serde_shm::to_shared(&LockedArray::from(vec![0_u32; 64])).unwrap();
    let (front, nonce_and_live) = made.id().split_once(':').unwrap();
    let (_, nonce_and_live) = nonce_and_live.split_once(':').unwrap();
    type Edit = (&'static str, fn(&mut [u8], usize));
    let edits: [Edit; 5] = [
        ("the kind", |block, record| block[record + 43] = 2),
        ("the dtype", |block, record| block[record + 40] = 10),
        ("another dtype, and twice as many", |block, record| {
            block[record + 40] = 7;
            block[record + 48] = 128;
        }),
        ("the start", |block, record| block[record] = 128),
        ("the shape", |block, record| block[record + 48] = 63),
    ];
    for (what, edit) in edits {
        let other = edited_block(&made, edit);
        let id = format!("{front}:{}:{nonce_and_live}", other.as_raw_fd());
        let by_id = Segment::open(&id).unwrap();
        // SAFETY: it is not written to.
        let live = unsafe { made.live_fd() }.unwrap().try_clone_to_owned().unwrap();
        // SAFETY: it is what `live_fd` gave.
        let by_fds = unsafe { Segment::from_fds(other.try_clone().unwrap().into(), live) }.unwrap();
        for segment in [by_id, by_fds] {
            let errors = [
                segment.get::<AtomicArray<u32, Ix1>>().map(drop).unwrap_err(),
                segment.get::<LockedArray<u32, Ix1>>().map(drop).unwrap_err(),
                segment.get::<LockedArray<u16, Ix1>>().map(drop).unwrap_err(),
                segment.get::<LockedArray<f32, Ix1>>().map(drop).unwrap_err(),
            ];
            // For the type that the block says it is, the memory is refused; for the others, the type.
            let refused = |error: &serde_shm::Error| {
                error.kind() == ErrorKind::Corrupt && error.to_string().contains("another block")
            };
            assert_eq!(errors.iter().filter(|error| refused(error)).count(), 1, "{what}");
        }
    }
    // The block as it is, in another memfd, is the same block.
    let same = edited_block(&made, |_, _| {});
    let id = format!("{front}:{}:{nonce_and_live}", same.as_raw_fd());
    let array: LockedArray<u32, Ix1> = Segment::open(&id).unwrap().get().unwrap();
    let own: LockedArray<u32, Ix1> = made.get().unwrap();
    let guard = array.read().unwrap();
    assert!(own.try_write().unwrap().is_none() && guard[0] == 0);
}

/// A copy of the live memory that safe code made, and could go on writing to, is not opened by an id of its process.
#[test]
fn an_id_of_the_own_process_names_no_memory_but_its_handles() {
    use std::os::fd::AsRawFd;

    let made = made();
    let file = live_file(&made);
    let len = file.metadata().unwrap().len();
    let mut bytes = vec![0; len as usize];
    file.read_exact_at(&mut bytes, 0).unwrap();
    let copy = memfd(&bytes, len, SealFlags::SHRINK | SealFlags::GROW);
    let (front, own) = made.id().rsplit_once(':').unwrap();
    // Also a second descriptor of the right memory: who has one can write to it.
    for descriptor in [copy.as_raw_fd(), file.as_raw_fd()] {
        let segment = Segment::open(&format!("{front}:{descriptor}")).unwrap();
        let error = segment.get::<Object>().map(drop).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains("one of this process"), "{error}");
    }
    let second = Segment::open(&format!("{front}:{own}")).unwrap();
    let (atomic, ..): Object = second.get().unwrap();
    drop(made);
    assert!(atomic.load(0, Relaxed).unwrap());
    let third: Object = Segment::open(second.id()).unwrap().get().unwrap();
    assert!(third.0.load(0, Relaxed).unwrap());
}
