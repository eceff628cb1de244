//! Named segments: who has a name, who may take it, and who takes it away.

use serde_shm::{ErrorKind, Segment, SegmentOptions, from_shared, to_shared};

use crate::child::{Child, say, wait};
use crate::model::unique;

fn create(name: &str, value: u32) -> serde_shm::Result<Segment> {
    SegmentOptions::new().name(name).create(&value)
}

fn replace(name: &str, value: u32) -> serde_shm::Result<Segment> {
    SegmentOptions::new().name(name).replace(true).create(&value)
}

pub(crate) fn hold(name: &str, replacing: bool) {
    let held = SegmentOptions::new().name(name).replace(replacing).create(&std::process::id());
    let held = held.unwrap();
    say(held.id());
    wait();
}

#[test]
fn a_name_lives_as_long_as_its_makers_handle() {
    let name = unique("life");
    assert_eq!(Segment::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    let made = create(&name, 1).unwrap();
    assert_eq!(made.name(), Some(&*name));
    let opened = Segment::open(&name).unwrap();
    assert_eq!((opened.name(), opened.get::<u32>().unwrap()), (Some(&*name), 1));
    assert_eq!(from_shared::<u32>(made.id()).unwrap(), 1);
    drop(made);
    let error = Segment::open(&name).unwrap_err();
    assert_eq!((error.kind(), error.container()), (ErrorKind::NotFound, Some(&*name)));
    assert_eq!(opened.get::<u32>().unwrap(), 1);
}

#[test]
fn a_name_in_use_is_an_error_or_replaced() {
    let name = unique("replace");
    let first = replace(&name, 1).unwrap();
    let reader = Segment::open(&name).unwrap();
    let error = create(&name, 2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert!(
        error.to_string().contains(&format!("in use by process {}", std::process::id())),
        "{error}"
    );
    assert!(error.to_string().contains("replace(true)"), "{error}");
    let second = replace(&name, 3).unwrap();
    assert_eq!(from_shared::<u32>(&name).unwrap(), 3);
    drop(first);
    assert_eq!(from_shared::<u32>(&name).unwrap(), 3);
    assert_eq!(reader.get::<u32>().unwrap(), 1);
    drop(second);
    assert!(Segment::open(&name).is_err());
    drop(create(&name, 4).unwrap());
}

#[test]
fn another_process_holds_a_name_until_it_ends() {
    let name = unique("held");
    let mut child = Child::start("hold", &[&name, "false"]);
    let id = child.line();
    assert_eq!(from_shared::<u32>(&name).unwrap(), child.pid());
    assert_eq!(from_shared::<u32>(&id).unwrap(), child.pid());
    assert_eq!(create(&name, 1).unwrap_err().kind(), ErrorKind::AlreadyExists);
    child.finish();
    assert_eq!(Segment::open(&name).unwrap_err().kind(), ErrorKind::NotFound);
    drop(create(&name, 1).unwrap());
}

/// The crash: the maker of a named segment is killed. Its memory goes with it, unless somebody is attached; its entry
/// stays behind, unlocked. The name must be free at once, for exactly one of those who want it.
#[test]
fn the_name_of_a_killed_maker_is_free_for_one() {
    let name = unique("killed");
    let mut child = Child::start("hold", &[&name, "false"]);
    child.line();
    let (pid, attached) = (child.pid(), Segment::open(&name).unwrap());
    child.kill();
    let error = Segment::open(&name).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains(&format!("process {pid}, has gone")), "{error}");
    assert_eq!(attached.get::<u32>().unwrap(), pid);
    let made: Vec<Segment> = std::thread::scope(|scope| {
        let creators: Vec<_> = (0..8)
            .map(|n| {
                scope.spawn({
                    let name = &name;
                    move || create(name, n)
                })
            })
            .collect();
        creators.into_iter().filter_map(|creator| creator.join().unwrap().ok()).collect()
    });
    assert_eq!(made.len(), 1);
    assert_eq!(from_shared::<u32>(&name).unwrap(), made[0].get::<u32>().unwrap());
}

/// The crash: until a killed maker was waited for, those who are not root were told that it might not be looked at, and its name was
/// in use until the kernel had freed its memory.
#[test]
fn a_killed_maker_has_gone_before_anybody_waits_for_it() {
    use std::os::unix::process::CommandExt;
    let name = unique("zombie");
    for user in [None, Some(65_534)] {
        if user.is_some() && !rustix::process::geteuid().is_root() {
            // This process is not root's: the first round was what is meant.
            continue;
        }
        let base = tempfile::tempdir_in("/dev/shm").unwrap();
        let start = |role: &str, name: &str| {
            Child::start_with(role, &[name, "false"], |command| {
                command.env("SERDE_SHM_DIR", base.path());
                if let Some(user) = user {
                    command.uid(user).gid(user);
                }
            })
        };
        if let Some(user) = user {
            std::os::unix::fs::chown(base.path(), Some(user), Some(user)).unwrap();
        }
        let mut maker = start("hold", &name);
        maker.line();
        let mut watcher = start("watch-end", &name);
        assert_eq!(watcher.line(), "opened");
        maker.kill_only();
        assert_eq!(watcher.line(), "gone and made anew");
        maker.kill();
        watcher.finish();
    }
}

/// In a child: opens the name until its maker has gone, and then makes it.
pub(crate) fn watch_end(name: &str) {
    let seen = Segment::open(name).unwrap();
    say("opened");
    let error = loop {
        match Segment::open(name) {
            Ok(_) => std::thread::yield_now(),
            Err(error) => break error,
        }
    };
    assert_eq!(error.kind(), ErrorKind::NotFound, "{error:#}");
    let made = create(name, 9).unwrap();
    assert_eq!(from_shared::<u32>(name).unwrap(), 9);
    drop((seen, made));
    say("gone and made anew");
}

#[test]
fn a_maker_that_was_replaced_by_another_process_takes_nothing_away() {
    let name = unique("foreign");
    let old = create(&name, 1).unwrap();
    let mut child = Child::start("hold", &[&name, "true"]);
    child.line();
    assert_eq!(from_shared::<u32>(&name).unwrap(), child.pid());
    drop(old);
    assert_eq!(from_shared::<u32>(&name).unwrap(), child.pid());
    let newer = replace(&name, 2).unwrap();
    child.finish();
    assert_eq!(from_shared::<u32>(&name).unwrap(), 2);
    drop(newer);
}

#[test]
fn a_forked_childs_drop_leaves_the_name() {
    let mut child = Child::start("fork", &[&unique("fork")]);
    assert_eq!(child.line(), "still there");
    child.finish();
}

#[allow(unsafe_code)]
pub(crate) fn fork_and_drop(name: &str) {
    unsafe extern "C" {
        fn fork() -> i32;
        fn _exit(code: i32) -> !;
        fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    }
    let segment = create(name, 1).unwrap();
    // SAFETY: the child closes two descriptors, unmaps and asks for its process number; the other thread of this
    // process waits for the test to end and holds no lock that this needs.
    let pid = unsafe { fork() };
    if pid == 0 {
        drop(segment);
        // SAFETY: ends the process, and nothing else of it runs.
        unsafe { _exit(0) };
    }
    let mut status = 1;
    // SAFETY: `status` is a valid place for an int.
    assert_eq!(unsafe { waitpid(pid, &raw mut status, 0) }, pid);
    assert_eq!(status, 0);
    assert_eq!(from_shared::<u32>(name).unwrap(), 1);
    assert_eq!(create(name, 2).unwrap_err().kind(), ErrorKind::AlreadyExists);
    drop(segment);
    assert!(Segment::open(name).is_err());
    say("still there");
}

#[test]
fn a_bad_name_is_refused_before_anything_is_written() {
    struct Untouchable;
    impl serde::Serialize for Untouchable {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("written although the name is bad");
        }
    }
    for bad in ["", ".", "..", ".hidden", "a/b", "a b", "a:b", "a\0b", &"x".repeat(201)] {
        let error = SegmentOptions::new().name(bad).create(&Untouchable).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
        assert!(error.to_string().contains("expected 1 to 200 characters"), "{error}");
        let error = Segment::open(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{bad:?}");
    }
    let name = unique("untouched");
    let held = create(&name, 1).unwrap();
    let error = SegmentOptions::new().name(&name).create(&Untouchable).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    drop(held);
}

#[test]
fn an_object_that_cannot_be_serialized_leaves_the_name_as_it_was() {
    struct Failing;
    impl serde::Serialize for Failing {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            Err(serde::ser::Error::custom("no"))
        }
    }
    let name = unique("failing");
    let error = SegmentOptions::new().name(&name).create(&Failing).unwrap_err();
    assert_eq!((error.kind(), error.container()), (ErrorKind::Message, Some(&*name)));
    assert!(Segment::open(&name).is_err());
    let held = create(&name, 5).unwrap();
    assert!(SegmentOptions::new().name(&name).replace(true).create(&Failing).is_err());
    assert_eq!(from_shared::<u32>(&name).unwrap(), 5);
    drop(held);
    assert!(to_shared(&Failing).is_err());
}
