//! A child that is forked after its parent has used all cores: `fork` copies a pool's memory, and none of its threads.
#![allow(unsafe_code)]

use std::path::Path;

use ndarray::{Array1, Ix1};
use serde_shm::{Compression, Npz, NpzOptions, from_npz};

use crate::child::{Child, command};
use crate::npz::support::{file, folder};

/// Runs `child` in a child that is killed if it takes a minute; gives how it ended.
fn fork(child: impl FnOnce()) -> i32 {
    // SAFETY: it is called where the harness's thread waits, and no other thread is left.
    match unsafe { libc::fork() } {
        0 => {
            // SAFETY: they change nothing but this child: its clock, and its end without destructors, which are the parent's.
            unsafe { libc::alarm(60) };
            child();
            // SAFETY: as above.
            unsafe { libc::_exit(0) }
        }
        pid => {
            assert!(pid > 0);
            let mut status = 0;
            // SAFETY: `status` is an integer of its own, for the call to fill.
            assert_eq!(unsafe { libc::waitpid(pid, &raw mut status, 0) }, pid);
            status
        }
    }
}

/// In a role: what a child does is what its parent did, with the same handle and with its own.
pub(crate) fn use_all_after_fork(path: &Path) {
    // Compressed, large enough for all threads in every way: members beside each other, a member in parts, and what is stored
    // and read in parts.
    let mut rows: Vec<Array1<u32>> =
        (1..=6).map(|row| Array1::from_iter((0..150_000).map(|item| item / row))).collect();
    rows.push(Array1::from_iter(0..2_000_000));
    let save = |name: &str, compression| {
        let path = path.with_file_name(name);
        NpzOptions::new().compression(compression).fsync(false).save(&path, &rows).unwrap();
        path
    };
    let (packed, stored) =
        (save("packed.npz", Compression::Deflate(1)), save("stored.npz", Compression::None));
    let one = path.with_file_name("one.npz");
    let large = Array1::from_iter(0..5_000_000_u32);
    NpzOptions::new().fsync(false).save(&one, &large).unwrap();
    let kept = Npz::open(&packed).unwrap();
    let all = |name: &str| {
        for path in [&packed, &stored] {
            assert_eq!(from_npz::<Vec<Array1<u32>>>(path).unwrap(), rows);
            Npz::open(path).unwrap().verify().unwrap();
        }
        assert_eq!(Npz::open(&one).unwrap().array_as::<u32, Ix1>("arr_0").unwrap(), large);
        kept.verify().unwrap();
        let again = save(name, Compression::Deflate(1));
        assert_eq!(std::fs::read(again).unwrap(), std::fs::read(&packed).unwrap());
    };
    all("parent.npz");
    for _ in 0..2 {
        // Also a child of the child.
        let status = fork(|| {
            all("child.npz");
            assert_eq!(fork(|| all("grandchild.npz")), 0);
            assert_eq!(kept.get::<Vec<Array1<u32>>>().unwrap(), rows);
        });
        assert_eq!(status, 0, "the child hung or failed");
    }
    all("parent.npz");
}

/// A forked child hung for ever in compressed `from_npz`, `save` and `verify` once its parent had used a pool of threads.
#[test]
fn a_forked_child_reads_saves_and_verifies_as_its_parent_did() {
    let folder = folder();
    Child::run(command("fork", &[&file(&folder)]));
}

/// Where a process may have no more threads, the one that calls does the work.
#[test]
fn where_there_are_no_threads_the_caller_does_the_work() {
    let folder = folder();
    Child::run(command("no-threads", &[&file(&folder)]));
}

/// In a role: `clone` is answered with EAGAIN, as under a limit on processes.
pub(crate) fn use_all_without_threads(path: &Path) {
    let rows: Vec<Array1<u32>> = (0..4).map(|row| Array1::from_elem(300_000, row)).collect();
    let refused = std::thread::Builder::new();
    forbid(&[libc::SYS_clone, libc::SYS_clone3], libc::EAGAIN);
    assert!(refused.spawn(|| ()).is_err());
    NpzOptions::new().compression(Compression::Deflate(6)).save(path, &rows).unwrap();
    assert_eq!(from_npz::<Vec<Array1<u32>>>(path).unwrap(), rows);
    Npz::open(path).unwrap().verify().unwrap();
}

/// Has these system calls fail in this thread from here on, as a sandbox does.
pub(crate) fn forbid(calls: &[libc::c_long], errno: i32) {
    const LOAD: u16 = (libc::BPF_LD | libc::BPF_W | libc::BPF_ABS) as u16;
    const EQUAL: u16 = (libc::BPF_JMP | libc::BPF_JEQ | libc::BPF_K) as u16;
    const RETURN: u16 = (libc::BPF_RET | libc::BPF_K) as u16;
    let step = |code, jt, k| libc::sock_filter { code, jt, jf: 0, k };
    let count = u8::try_from(calls.len()).unwrap();
    // The number of the call stands first in what the filter sees.
    let mut filter = vec![step(LOAD, 0, 0)];
    for (place, call) in (0..).zip(calls) {
        filter.push(step(EQUAL, count - place, u32::try_from(*call).unwrap()));
    }
    filter.push(step(RETURN, 0, libc::SECCOMP_RET_ALLOW));
    filter.push(step(RETURN, 0, libc::SECCOMP_RET_ERRNO | errno.unsigned_abs()));
    let program = libc::sock_fprog { len: filter.len() as u16, filter: filter.as_mut_ptr() };
    // SAFETY: it changes this thread alone.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    let (call, mode) = (libc::PR_SET_SECCOMP, libc::SECCOMP_MODE_FILTER);
    // SAFETY: it changes this thread alone, and reads `program`, which outlives it.
    let set = unsafe { libc::prctl(call, mode, &raw const program) };
    assert_eq!(set, 0, "{}", std::io::Error::last_os_error());
}
