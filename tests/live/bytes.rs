//! Live memory byte by byte, as `docs/FORMAT.md` has it.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::fd::AsFd;
use std::os::unix::fs::FileExt;

use ndarray::Ix1;
use serde_shm::{AtomicArray, LockedArray, ShmArray1};

const CONTROL: u64 = 65_536;
const LINES: u64 = CONTROL + 64;
const ROWS: u64 = LINES + 2 * 64;
/// 64 bytes, and 4 for each of two arrays, up to a multiple of 64.
const ROW: u64 = 128;

fn bytes<const N: usize>(file: &File, at: u64) -> [u8; N] {
    let mut bytes = [0; N];
    file.read_exact_at(&mut bytes, at).unwrap();
    bytes
}

fn word(file: &File, at: u64) -> u32 {
    bytemuck::cast(bytes::<4>(file, at))
}

fn long(file: &File, at: u64) -> u64 {
    bytemuck::cast(bytes::<8>(file, at))
}

/// By the system's own program.
fn sha256sum(text: &[u8]) -> [u8; 32] {
    let mut file = tempfile::NamedTempFile::new().unwrap();
    std::io::Write::write_all(&mut file, text).unwrap();
    let output = std::process::Command::new("sha256sum").arg(file.path()).output().unwrap();
    let hex = String::from_utf8(output.stdout).unwrap();
    std::array::from_fn(|at| u8::from_str_radix(&hex[2 * at..2 * at + 2], 16).unwrap())
}

#[test]
fn live_memory_is_what_the_format_says() {
    type Object = (AtomicArray<u8, Ix1>, ShmArray1<u32>, LockedArray<u32, Ix1>);
    let object: Object = (vec![7, 8].into(), vec![1; 100].into(), vec![1, 2, 3].into());
    let segment = serde_shm::to_shared(&object).unwrap();
    let [process, _, nonce, descriptor] =
        segment.id().split(':').collect::<Vec<_>>().try_into().unwrap();
    assert_eq!(process, std::process::id().to_string());
    let target = std::fs::read_link(format!("/proc/self/fd/{descriptor}")).unwrap();
    assert!(target.to_str().unwrap().contains("serde_shm-live"), "{target:?}");

    // SAFETY: the copy is read from.
    let copy = unsafe { segment.live_fd() }.unwrap().try_clone_to_owned().unwrap();
    let file = File::from(copy);
    assert_eq!(file.metadata().unwrap().len(), ROWS + 1024 * ROW);
    assert_eq!(&bytes::<16>(&file, 0), b"\x89SHL\r\n\x1a\n\x02\0\0\0\0\0\0\0");
    for (number, byte) in bytes::<16>(&file, 16).into_iter().enumerate() {
        assert_eq!(u8::from_str_radix(&nonce[2 * number..2 * number + 2], 16), Ok(byte));
    }
    // Of two rows: number, kind, start, length of the descriptor, number of axes, axes, descriptor.
    let rows: [&[u64]; 2] = [&[0, 2, 64, 3, 1, 2], &[2, 1, 128, 3, 1, 3]];
    let mut text = Vec::new();
    for (row, descriptor) in rows.iter().zip(["|u1", "<u4"]) {
        text.extend(row.iter().flat_map(|number| number.to_le_bytes()));
        text.extend_from_slice(descriptor.as_bytes());
    }
    assert_eq!(bytes::<32>(&file, 32), sha256sum(&text));
    assert_eq!(bytes(&file, 64), [7, 8, 0, 0]);
    assert_eq!([128, 132, 136].map(|at| word(&file, at)), [1, 2, 3]);
    let mut control = vec![0; 1024];
    file.read_exact_at(&mut control, CONTROL).unwrap();
    assert!(control.iter().all(|byte| *byte == 0));

    // The trailer of the sealed block counts them.
    let sealed = File::from(segment.as_fd().try_clone_to_owned().unwrap());
    let end = sealed.metadata().unwrap().len();
    assert_eq!(u32::from_le_bytes(bytes(&sealed, end - 12)), 2);

    let (atomic, _, locked): Object = segment.get().unwrap();
    let line = LINES + 64;
    let guard = locked.read().unwrap();
    assert_eq!((word(&file, CONTROL), word(&file, line)), (1, 0));
    assert_eq!(long(&file, ROWS), u64::from(std::process::id()));
    let inode = |name: &str| {
        let status = rustix::fs::stat(format!("/proc/self/ns/{name}"));
        status.map_or(0, |status| status.st_ino)
    };
    assert!(long(&file, ROWS + 8) != 0);
    assert_eq!([16, 24].map(|at| long(&file, ROWS + at)), ["pid", "time"].map(inode));
    assert_eq!([64, 68].map(|at| word(&file, ROWS + at)), [0, 1]);
    drop(guard);
    assert_eq!(word(&file, ROWS + 68), 0);
    let mut guard = locked.write().unwrap();
    guard[1] = 20;
    // Slot 0 is the writer, and elements are in the midst of a change.
    assert_eq!([0, 8, 12].map(|at| word(&file, line + at)), [1, 1, 0]);
    drop(guard);
    assert_eq!([0, 8, 12].map(|at| word(&file, line + at)), [0, 0, 0]);
    assert_eq!((long(&file, line + 16), word(&file, 132)), (1, 20));
    atomic.notify().unwrap();
    assert_eq!(long(&file, LINES + 16), 1);
    let panics = || {
        let _guard = locked.write().unwrap();
        panic!("in the midst of a change");
    };
    let _ = std::panic::catch_unwind(std::panic::AssertUnwindSafe(panics));
    assert_eq!([0, 8, 12].map(|at| word(&file, line + at)), [0, 0, 1]);
}
