//! A sealed memfd with a damaged block in it, with and without live memory.

use std::fs::File;
use std::os::fd::{AsRawFd, FromRawFd};
use std::os::unix::fs::FileExt;
use std::sync::atomic::Ordering::Relaxed;
use std::time::Duration;

use crate::anything::say;
use crate::block::Block;
use crate::live;
use crate::unknown;
use ndarray::Ix1;
use serde_shm::{AtomicArray, Deserialize, LockedArray, Segment};

/// A memory that nobody can change any more, or that all may write.
fn memfd(len: u64, parts: &[(u64, &[u8])], sealed: bool) -> File {
    let flags = libc::MFD_CLOEXEC | libc::MFD_ALLOW_SEALING;
    // SAFETY: the name is a C string; the call touches nothing else.
    let fd = unsafe { libc::memfd_create(c"fuzz".as_ptr(), flags) };
    assert!(fd >= 0, "no memory: {}", std::io::Error::last_os_error());
    // SAFETY: the descriptor was just made, and nobody else has it.
    let file = unsafe { File::from_raw_fd(fd) };
    file.set_len(len).expect("a memory of that length");
    for (at, bytes) in parts {
        file.write_all_at(bytes, *at).expect("room in memory");
    }
    let mut seals = libc::F_SEAL_SHRINK | libc::F_SEAL_GROW | libc::F_SEAL_SEAL;
    if sealed {
        seals |= libc::F_SEAL_WRITE;
    }
    // SAFETY: the call changes the file of a descriptor that is open.
    assert_eq!(unsafe { libc::fcntl(fd, libc::F_ADD_SEALS, seals) }, 0);
    file
}

#[derive(Deserialize)]
struct Live {
    locked: LockedArray<u32, Ix1>,
    atomic: AtomicArray<bool, Ix1>,
}

/// Whatever can be done with live arrays without waiting.
fn use_live(segment: &Segment) {
    let object: Live = match segment.get() {
        Ok(object) => object,
        Err(error) => return say::<()>(Err(error)),
    };
    let Live { locked, atomic } = &object;
    say(locked.try_read().map(drop));
    if let Ok(Some(mut guard)) = locked.try_write()
        && let Some(first) = guard.first_mut()
    {
        *first = first.wrapping_add(1);
    }
    let short = Duration::from_micros(50);
    say(locked.read_timeout(short).map(drop));
    say(locked.write_timeout(short).map(drop));
    let _ = (locked.is_poisoned(), locked.version());
    say(locked.wait_for_update(locked.version().wrapping_add(1), Duration::ZERO));
    say(locked.clear_poison());
    let _ = atomic.snapshot();
    for index in [0, 1, 1 << 40] {
        say(atomic.load(index, Relaxed));
        say(atomic.store(index, true, Relaxed));
        say(atomic.compare_exchange(index, true, false, Relaxed, Relaxed));
    }
    say(atomic.notify());
    say(atomic.wait_for_update(atomic.version().wrapping_add(1), Duration::ZERO));
}

/// A sealed memfd with a changed block in it, beside a live memory of the length that it asks for, with changed bytes.
pub fn run(data: &[u8]) {
    let Some((block, patches)) = live::split(data) else { return };
    let file = memfd(block.len() as u64, &[(0, block)], true);
    let mut nonce = [0; 16];
    if let Some(found) = block.get(16..32) {
        nonce.copy_from_slice(found);
    }
    let nonce_text: String = nonce.iter().map(|byte| format!("{byte:02x}")).collect();
    open(Segment::open(&format!("{}:{}:{nonce_text}", std::process::id(), file.as_raw_fd())));
    let memory = Block::parse(block).and_then(|parsed| live::Memory::of(&parsed));
    let Some(memory) = memory else { return };
    let other = memfd(memory.total, &[(0, &memory.header(&nonce))], false);
    for patch in patches.chunks_exact(4) {
        let at = memory.place(patch[0], u16::from_le_bytes([patch[1], patch[2]]));
        if at < memory.total {
            other.write_all_at(&patch[3..], at).expect("a byte of the memory");
        }
    }
    // SAFETY: nobody writes to that memory any more but this crate.
    open(unsafe { Segment::from_fds(file.into(), other.into()) });
}

fn open(opened: serde_shm::Result<Segment>) {
    let segment = match opened {
        Ok(segment) => segment,
        Err(error) => return say::<()>(Err(error)),
    };
    macro_rules! read {
        ($ty:ty) => {
            say(segment.get::<$ty>().map(drop));
        };
    }
    crate::each_type!(read few);
    match segment.arrays() {
        Ok(infos) => {
            for info in infos.iter().take(8) {
                say(segment.array_dyn(info.path()));
                say(segment.array::<f32, Ix1>(info.path()));
                say(segment.array_as::<f64, Ix1>(info.path()));
            }
        }
        Err(error) => say::<()>(Err(error)),
    }
    unknown::read(&segment, true);
    use_live(&segment);
    say(Segment::open(segment.id()).map(drop));
}
