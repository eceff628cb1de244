//! Live memory that another user made: real processes of two users, which takes root.
#![allow(unsafe_code)]

use std::fs::File;
use std::os::unix::process::CommandExt;

use ndarray::Ix1;
use serde_shm::{
    AtomicArray, ErrorKind, LockedArray, OpenOptions, Segment, SegmentOptions, ShmArray1, segments,
};

use crate::child::{self, Child};
use crate::locks::LONG;

const NOBODY: u32 = 65_534;

type Object = (LockedArray<u32, Ix1>, ShmArray1<u8>);

fn object() -> Object {
    (vec![1_u32; 8].into(), vec![7_u8; 5000].into())
}

/// In a role: from now on this process is another user's, and not dumpable.
fn become_nobody() {
    // SAFETY: it changes the group of this process, and no memory.
    assert_eq!(unsafe { libc::setgid(NOBODY) }, 0);
    // SAFETY: the same of the user.
    assert_eq!(unsafe { libc::setuid(NOBODY) }, 0);
}

pub(crate) fn make(how: &str) {
    let before = serde_shm::to_shared(&object()).unwrap();
    become_nobody();
    if how == "before" {
        // Memory that was made as root: this process's own, whoever it is by now.
        let (locked, plain): Object = before.get().unwrap();
        locked.write().unwrap()[0] += 1;
        assert_eq!((locked.read().unwrap()[0], plain[4999]), (2, 7));
        child::say(before.id());
        return child::wait();
    }
    let after = serde_shm::to_shared(&object()).unwrap();
    let atomic = serde_shm::to_shared(&AtomicArray::from(vec![1_u32; 8])).unwrap();
    child::say(after.id());
    child::say(atomic.id());
    child::wait();
}

/// As `nobody`: the maker has become one by `setuid`, and its descriptors are not to be seen.
pub(crate) fn look(id: &str, what: &str) {
    if what == "dumpable" {
        let segment = Segment::open(id).unwrap();
        let (locked, plain): Object = segment.get().unwrap();
        assert_eq!((locked.read().unwrap()[0], plain[4999]), (1, 7));
        return child::say("opened");
    }
    let error = Segment::open(id).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    for part in ["not dumpable", "PR_SET_DUMPABLE", "from_fd"] {
        assert!(error.to_string().contains(part), "{error}");
    }
    child::say("told");
}

pub(crate) fn undumpable() {
    become_nobody();
    let made = serde_shm::to_shared(&object()).unwrap();
    child::say(made.id());
    child::say("ready");
    let mut line = String::new();
    std::io::stdin().read_line(&mut line).unwrap();
    // SAFETY: it says who may look at this process, and changes no memory.
    assert_eq!(unsafe { libc::prctl(libc::PR_SET_DUMPABLE, 1, 0, 0, 0) }, 0);
    child::say("dumpable");
    child::wait();
}

fn is_root() -> bool {
    if rustix::process::geteuid().is_root() {
        return true;
    }
    eprintln!("SKIPPED: only root can be another user, nothing was tested");
    false
}

fn refused(segment: &Segment) {
    // What is sealed can be read, whoever made it.
    assert_eq!(segment.array::<u8, Ix1>("1").unwrap()[4999], 7);
    let error = segment.get::<Object>().map(drop).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    for part in ["user 65534", "user 0", "trust_owner"] {
        assert!(error.to_string().contains(part), "{error}");
    }
}

/// Root opened another user's segment by its id, and had slices over memory that this user could write.
#[test]
fn live_memory_of_another_user_is_for_those_who_say_that_they_trust_it() {
    if !is_root() {
        return;
    }
    let mut maker = Child::start("nobodys", &["after"]);
    let (id, atomic) = (maker.line(), maker.line());
    refused(&Segment::open(&id).unwrap());
    refused(&Segment::open_read_only(&id).unwrap());
    refused(&OpenOptions::new().open(&id).unwrap());
    let error = Segment::open(&atomic).unwrap().get::<AtomicArray<u32, Ix1>>().map(drop);
    assert!(error.unwrap_err().to_string().contains("trust_owner"));
    // SAFETY: it loads an id, and writes nothing.
    refused(&unsafe { Segment::map(&id) }.unwrap());

    // Under a name of root's own, which leads there.
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut named = Child::start_in("by-name", &[&id], base.path());
    assert_eq!(named.line(), "refused");
    named.finish();

    // By descriptors.
    let numbers: Vec<&str> = id.split(':').collect();
    let descriptor = |number: &str, writes: bool| {
        let path = format!("/proc/{}/fd/{number}", numbers[0]);
        File::options().read(true).write(writes).open(path).unwrap()
    };
    let pair = || (descriptor(numbers[1], false).into(), descriptor(numbers[3], true).into());
    let (sealed, live) = pair();
    // SAFETY: nobody writes to it, here and in the role.
    refused(&unsafe { Segment::from_fds(sealed, live) }.unwrap());

    // SAFETY: as above.
    let trusting = unsafe { OpenOptions::new().trust_owner() };
    let (sealed, live) = pair();
    // SAFETY: as above.
    let handed = unsafe { trusting.from_fds(sealed, live) }.unwrap();
    let opened = trusting.open(&id).unwrap();
    for segment in [&handed, &opened] {
        let (locked, _): Object = segment.get().unwrap();
        locked.write().unwrap()[0] += 1;
    }
    let seen = trusting.read_only(true).open(&id).unwrap();
    let (locked, _): Object = seen.get().unwrap();
    assert_eq!(locked.read().unwrap()[0], 3);
    assert_eq!(locked.write().map(drop).unwrap_err().kind(), ErrorKind::ReadOnly);
    maker.finish();
}

/// In a role: a name of this user's own, whose entry is another user's segment.
pub(crate) fn by_name(id: &str) {
    let own = SegmentOptions::new().name("theirs").create(&1_u8).unwrap();
    let path = format!("{}/serde_shm-0/theirs", std::env::var("SERDE_SHM_DIR").unwrap());
    let entry = std::fs::read_to_string(&path).unwrap().replace(own.id(), id);
    std::fs::remove_file(&path).unwrap();
    std::fs::write(&path, entry).unwrap();
    refused(&Segment::open("theirs").unwrap());
    assert!(segments::remove("theirs").unwrap());
    child::say("refused");
}

#[test]
fn what_a_process_made_before_it_became_another_user_is_its_own() {
    if !is_root() {
        return;
    }
    let mut maker = Child::start("nobodys", &["before"]);
    let id = maker.line();
    // To root, it is root's.
    let (locked, _): Object = Segment::open(&id).unwrap().get().unwrap();
    assert_eq!(locked.write_timeout(LONG).unwrap().unwrap()[0], 2);
    maker.finish();
}

/// A maker that has dropped its privileges cannot be looked at by processes of its own user: the error says what to do.
#[test]
fn a_maker_that_is_not_dumpable_is_told_what_to_call() {
    if !is_root() {
        return;
    }
    let copy = child::copy();
    let look = |id: &str, what: &str| {
        let mut command = child::command_of(&copy, "look", &[id, what]);
        command.current_dir("/").uid(NOBODY).gid(NOBODY);
        Child::run(command);
    };
    let mut maker = Child::start("undumpable", &[]);
    let id = maker.line();
    assert_eq!(maker.line(), "ready");
    look(&id, "undumpable");
    maker.send("");
    assert_eq!(maker.line(), "dumpable");
    look(&id, "dumpable");
    maker.finish();
}
