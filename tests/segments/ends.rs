//! How a process ends, and what becomes of what it published: as docs/LIFECYCLE.md has it.

use serde_shm::{ErrorKind, Segment, SegmentOptions, from_shared, segments};

use crate::child::{Child, say, wait};

/// In a child: publishes a name and a file, and ends in some way.
pub(crate) fn end(how: &str, name: &str) {
    let file = format!("{name}-file");
    let made = SegmentOptions::new().name(name).create(&1_u32).unwrap();
    drop(SegmentOptions::new().name(file).persist(true).create(&2_u32).unwrap());
    match how {
        "return" => {}
        "exit" => std::process::exit(0),
        "panic" => panic!("on purpose"),
        "abort" => std::process::abort(),
        "forget" => std::mem::forget(made),
        other => panic!("no such end: {other}"),
    }
}

fn in_own_folder(set: impl FnOnce(&std::path::Path)) {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    set(base.path());
}

/// The crash: a process ends without running destructors. The kernel frees the memory and the lock; the entry stays
/// until somebody reaps it or takes the name, and in the meantime nobody is misled by it.
#[test]
fn memory_goes_at_every_end_and_files_stay() {
    for (how, entry_left) in
        [("return", false), ("exit", true), ("panic", false), ("abort", true), ("forget", true)]
    {
        in_own_folder(|base| {
            let child = Child::start_in("end", &[how, "name"], base);
            child.end();
            let mut look = Child::start_in("place", &["after", ""], base);
            let expected = if entry_left {
                "name dead, name-file alive, reaped 1"
            } else {
                "name-file alive, reaped 0"
            };
            assert_eq!(look.line(), expected, "{how}");
            look.finish();
        });
    }
}

/// In a child: says what is there, and reaps.
pub(crate) fn look() {
    let mut found: Vec<String> = segments::list()
        .unwrap()
        .iter()
        .map(|info| format!("{} {}", info.name(), if info.is_alive() { "alive" } else { "dead" }))
        .collect();
    if found[0].starts_with("name ") {
        assert_eq!(Segment::open("name").unwrap_err().kind(), ErrorKind::NotFound);
    }
    found.push(format!("reaped {}", segments::reap().unwrap()));
    assert_eq!(from_shared::<u32>("name-file").unwrap(), 2);
    assert_eq!(segments::free_memory().unwrap(), 1);
    say(found.join(", "));
}

#[allow(unsafe_code)]
mod c {
    unsafe extern "C" {
        pub(super) fn fork() -> i32;
        pub(super) fn _exit(code: i32) -> !;
        pub(super) fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
    }
}

/// Runs `what` in a forked child, and gives its exit code.
#[allow(unsafe_code)]
fn forked(what: impl FnOnce() -> i32) -> i32 {
    // SAFETY: the child runs `what` and nothing else of this process; the other thread waits for the test to end, and
    // holds no lock but those of the harness.
    let pid = unsafe { c::fork() };
    if pid == 0 {
        let code = what();
        // SAFETY: ends the child.
        unsafe { c::_exit(code) };
    }
    let mut status = -1;
    // SAFETY: `status` is a place for an int.
    assert_eq!(unsafe { c::waitpid(pid, &raw mut status, 0) }, pid);
    status >> 8
}

/// In a child: publishes, forks, and is killed; its own child lives on with copies of its descriptors.
pub(crate) fn parent(name: &str) {
    let made = SegmentOptions::new().name(name).create(&1_u32).unwrap();
    drop(SegmentOptions::new().name("stored").persist(true).create(&1_u32).unwrap());
    // A child removes nothing that its parent published, by whatever way it goes.
    let code = forked(|| {
        let removed = segments::remove_session().unwrap();
        let own = SegmentOptions::new().name("childs-own").create(&2_u32).unwrap();
        let of_its_own = segments::remove_session().unwrap();
        drop(own);
        i32::from(removed != 0 || of_its_own != 1)
    });
    assert_eq!(code, 0);
    assert_eq!(from_shared::<u32>(name).unwrap(), 1);
    assert!(segments::remove("stored").unwrap());
    #[allow(unsafe_code)]
    // SAFETY: the child only sleeps.
    let pid = unsafe { c::fork() };
    if pid == 0 {
        std::thread::sleep(std::time::Duration::from_secs(60));
        #[allow(unsafe_code)]
        // SAFETY: ends the child.
        unsafe {
            c::_exit(0)
        };
    }
    say(pid);
    wait();
    drop(made);
}

/// The crash: a maker is killed, but a child that it forked lives and has copies of all its descriptors, the lock among
/// them. The id names the maker, so nobody can open the name; it must not stay in use for as long as the child lives.
#[test]
fn a_forked_child_does_not_keep_a_dead_makers_name() {
    Child::run_alone("place", &["orphan", ""]);
}

pub(crate) fn orphan() {
    let mut maker = Child::start("parent", &["orphan"]);
    let orphan: i32 = maker.line().parse().unwrap();
    assert!(segments::list().unwrap()[0].is_alive());
    let error = SegmentOptions::new().name("orphan").create(&2).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    maker.kill();
    let sleeper = rustix::process::Pid::from_raw(orphan).unwrap();
    rustix::process::test_kill_process(sleeper).unwrap();
    assert!(!segments::list().unwrap()[0].is_alive());
    drop(SegmentOptions::new().name("orphan").create(&3).unwrap());
    let mut maker = Child::start("parent", &["orphan"]);
    let second: i32 = maker.line().parse().unwrap();
    maker.kill();
    assert_eq!(segments::reap().unwrap(), 1);
    for pid in [orphan, second] {
        let pid = rustix::process::Pid::from_raw(pid).unwrap();
        rustix::process::kill_process(pid, rustix::process::Signal::KILL).unwrap();
    }
}
