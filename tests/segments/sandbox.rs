//! System calls that a sandbox forbids: what can be done without them is done, and else the error says what to do.
#![allow(unsafe_code)]

use serde_shm::{Error, ErrorKind, LockedArray, SegmentOptions, ShmArray1, from_shared, to_shared};

use crate::child::Child;
use crate::places::unshared;

/// This thread's calls of that number are answered by that error from now on.
fn forbid(call: i64, error: i32) {
    let step = |code: u16, jt, jf, k| libc::sock_filter { code, jt, jf, k };
    let mut steps = [
        // The call's number; is it this one; the error; as usual.
        step(0x20, 0, 0, 0),
        step(0x15, 0, 1, u32::try_from(call).unwrap()),
        step(0x06, 0, 0, 0x0005_0000 | error.cast_unsigned()),
        step(0x06, 0, 0, 0x7fff_0000),
    ];
    let program = libc::sock_fprog { len: steps.len() as u16, filter: steps.as_mut_ptr() };
    // SAFETY: it takes numbers.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) }, 0);
    let mode = libc::SECCOMP_MODE_FILTER;
    // SAFETY: `program` says where the steps lie and how many they are; the kernel copies them.
    let done = unsafe { libc::prctl(libc::PR_SET_SECCOMP, mode, &raw const program, 0, 0) };
    assert_eq!(done, 0);
}

fn hinted(error: &Error, parts: &[&str]) {
    // A call that is not implemented is one that this platform cannot do.
    assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::Unsupported), "{error:?}");
    for part in parts {
        assert!(error.to_string().contains(part), "{part}: {error}");
    }
}

pub(crate) fn run(what: &str) {
    let folder = tempfile::tempdir().unwrap();
    let array = ShmArray1::from(vec![7_u32; 5000]);
    let persist = SegmentOptions::new().name("kept").persist(true).dir(folder.path());
    match what {
        "getrandom" => {
            forbid(libc::SYS_getrandom, libc::EPERM);
            let one = to_shared(&array).unwrap();
            let two = to_shared(&array).unwrap();
            assert_ne!(one.id().split(':').nth(2), two.id().split(':').nth(2));
            assert_eq!(from_shared::<ShmArray1<u32>>(two.id()).unwrap()[4999], 7);
        }
        // Neither the call nor the device.
        "no-random" => {
            let flags = rustix::mount::MountFlags::empty();
            rustix::mount::mount("none", "/dev", "tmpfs", flags, None).unwrap();
            forbid(libc::SYS_getrandom, libc::ENOSYS);
            let parts = ["seccomp", "getrandom", "/dev/urandom", "allow one of them"];
            hinted(&to_shared(&array).unwrap_err(), &parts);
            hinted(&persist.create(&array).unwrap_err(), &parts);
            assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
            return;
        }
        error => {
            forbid(libc::SYS_memfd_create, error.parse().unwrap());
            let parts = ["seccomp", "memfd_create", "SegmentOptions::persist"];
            hinted(&to_shared(&array).unwrap_err(), &parts);
            hinted(&to_shared(&LockedArray::from(vec![1_u8])).unwrap_err(), &parts);
            hinted(&SegmentOptions::new().name("named").create(&array).unwrap_err(), &parts);
        }
    }
    // What the hint says works.
    let mut kept = persist.create(&array).unwrap();
    let seen: ShmArray1<u32> = from_shared(kept.id()).unwrap();
    assert_eq!(seen[4999], 7);
    let next = persist.replace(true).create(&ShmArray1::from(vec![8_u32; 5000])).unwrap();
    assert!(kept.refresh().unwrap());
    assert_eq!(kept.get::<ShmArray1<u32>>().unwrap()[0], 8);
    assert!(next.unlink().unwrap());
}

/// The errors said "Operation not permitted" and nothing of a sandbox, or of what can be had in it.
#[test]
fn where_memfds_are_forbidden_the_error_names_persistent_segments() {
    for error in [libc::EPERM, libc::EACCES, libc::ENOSYS] {
        Child::run_alone("sandbox", &[&error.to_string()]);
    }
}

#[test]
fn where_getrandom_is_forbidden_there_are_random_bytes_all_the_same() {
    Child::run_alone("sandbox", &["getrandom"]);
}

/// An error, and not the panic of the standard library, which has no random bytes either.
#[test]
fn where_there_are_no_random_bytes_the_error_says_what_to_allow() {
    unshared(&["--mount"], "sandbox", "no-random");
}
