//! Full and small file systems, other users, other namespaces: each in a process of its own, most of them with a mount or
//! user namespace. Where a machine does not allow that, these tests say so.

use std::os::unix::ffi::OsStrExt;
use std::os::unix::fs::{PermissionsExt, chown, symlink};
use std::os::unix::process::CommandExt;
use std::path::PathBuf;
use std::process::{Command, Stdio};

use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
use serde_shm::{
    Error, ErrorKind, Segment, SegmentOptions, ShmArray1, from_shared, segments, to_shared,
};

use crate::child::{self, Child, say};
use crate::model::Model;

const NOBODY: u32 = 65_534;

pub(crate) fn run(what: &str, argument: &str) {
    match what {
        "after" => crate::ends::look(),
        "orphan" => crate::ends::orphan(),
        "small" => small_file_system(argument.parse().unwrap()),
        "few-files" => few_files(),
        "stranger" => stranger(argument),
        "victim" => victim(),
        "elsewhere" => another_pid_namespace(argument),
        "outer-proc" => under_a_foreign_proc(),
        "look" => look_through_a_foreign_proc(),
        "sandbox" => crate::sandbox::run(argument),
        "file-size" => file_size_limit(),
        "umask" => under_a_umask_of_all(),
        "no-text" => in_a_folder_that_is_no_text(),
        "base" => bases_that_cannot_be_used(),
        other => panic!("no such role: {other}"),
    }
}

fn is_root() -> bool {
    rustix::process::geteuid().is_root()
}

/// A role in namespaces of its own, by `unshare`; `None`, and a word about it, where that is not allowed.
pub(crate) fn unshared(options: &[&str], what: &str, argument: &str) -> Option<String> {
    // Root needs no user namespace, and others cannot do without.
    let user: &[&str] = if is_root() { &[] } else { &["--map-root-user"] };
    let unshare = || {
        let mut command = Command::new("unshare");
        command.args(user).args(options);
        command
    };
    let works = unshare().arg("true").stderr(Stdio::null()).status();
    if !works.is_ok_and(|status| status.success()) {
        eprintln!(
            "SKIPPED: `unshare {}` is not allowed here, nothing was tested",
            options.join(" ")
        );
        assert!(std::env::var_os("CI").is_none() || !is_root(), "root in CI should be allowed to");
        return None;
    }
    Some(Child::run(child::command_by(unshare(), "place", &[what, argument])))
}

/// Mounts a small tmpfs, in this mount namespace only, and keeps the names there.
#[allow(unsafe_code)]
fn mount(options: &str) -> PathBuf {
    let at = tempfile::tempdir().unwrap().keep();
    let private =
        rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).unwrap();
    let options = std::ffi::CString::new(options).unwrap();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("none", &at, "tmpfs", flags, &*options).unwrap();
    // SAFETY: the other thread of this process waits for the test to end.
    unsafe { std::env::set_var("SERDE_SHM_DIR", &at) };
    at
}

fn count(dir: &std::path::Path) -> usize {
    std::fs::read_dir(dir).unwrap().count()
}

fn full(error: &Error, needed: &str) {
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    let text = error.to_string();
    assert!(text.contains(needed) && text.contains("bytes left"), "{text}");
    assert!(text.contains("choose another directory"), "{text}");
}

/// The crash: a process writes through a mapping of a file that was only promised its size, the file system is full, and
/// the process dies of SIGBUS. Here a full file system is an error, before anything has the name.
#[test]
fn a_tmpfs_of_one_mib() {
    for kib in [512, 1100, 4096] {
        unshared(&["--mount"], "small", &kib.to_string());
    }
}

fn small_file_system(kib: usize) {
    let at = mount("size=1m");
    let array = ShmArray1::from(vec![1_u8; kib << 10]);
    let persist = SegmentOptions::new().name("file").persist(true);
    let fits = kib < 1024;
    for options in [persist.clone(), persist.clone().dir(&at), persist.clone().replace(true)] {
        match options.create(&array) {
            Ok(made) => {
                assert!(fits);
                assert_eq!(made.get::<ShmArray1<u8>>().unwrap().len(), kib << 10);
                assert!(made.unlink().unwrap());
            }
            Err(error) => {
                assert!(!fits, "{error}");
                full(&error, "takes at least");
            }
        }
        assert_eq!(count(&at), 0, "something was left");
    }
    // Memory is not counted against it, and its name takes a page.
    let named = SegmentOptions::new().name("memory").create(&array).unwrap();
    assert_eq!(from_shared::<ShmArray1<u8>>("memory").unwrap().len(), kib << 10);
    // What is stored stays whole when somebody fills the rest.
    let small = ShmArray1::from(vec![7_u8; 100_000]);
    let stored = persist.create(&small).unwrap();
    let filler = std::fs::write(at.join("filler"), vec![0; 4 << 20]).unwrap_err();
    assert_eq!(filler.kind(), std::io::ErrorKind::StorageFull);
    assert!(from_shared::<ShmArray1<u8>>("file").unwrap().iter().all(|byte| *byte == 7));
    // An old object stays where there is no room for a new one.
    full(&persist.clone().replace(true).create(&array).unwrap_err(), "takes at least");
    assert_eq!(from_shared::<ShmArray1<u8>>("file").unwrap().len(), 100_000);
    let error = SegmentOptions::new().name("memory-2").create(&1).unwrap_err();
    full(&error, "cannot publish the name `memory-2`");
    std::fs::remove_file(at.join("filler")).unwrap();
    assert_eq!(segments::list().unwrap().len(), 2);
    assert!(stored.unlink().unwrap());
    drop(named);
    assert_eq!(count(&at), 0);
}

#[test]
fn a_file_system_without_room_for_another_file() {
    unshared(&["--mount"], "few-files", "");
}

fn few_files() {
    let at = mount("size=10m,nr_inodes=4");
    // The root, the folder and two names.
    let first = SegmentOptions::new().name("a").create(&1).unwrap();
    let second = SegmentOptions::new().name("b").persist(true).create(&2).unwrap();
    for options in [SegmentOptions::new(), SegmentOptions::new().persist(true)] {
        let error = options.name("c").create(&3).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("no room for another file (inodes)"), "{error}");
    }
    assert_eq!(segments::list().unwrap().len(), 2);
    assert!(second.unlink().unwrap());
    drop((first, second));
    assert_eq!(count(&at), 0);
}

#[test]
fn a_file_beyond_the_limit_is_an_error_and_no_signal() {
    Child::run_alone("place", &["file-size", ""]);
}

fn file_size_limit() {
    let before = getrlimit(Resource::Fsize);
    setrlimit(Resource::Fsize, Rlimit { current: Some(1 << 20), ..before }).unwrap();
    let array = ShmArray1::from(vec![1_u8; 8 << 20]);
    let persist = SegmentOptions::new().name("large").persist(true);
    for result in [persist.create(&array), to_shared(&array)] {
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        let text = error.to_string();
        assert!(text.contains("RLIMIT_FSIZE") && text.contains("is 1048576; raise it"), "{text}");
    }
    assert!(segments::list().unwrap().is_empty());
}

/// Another PID namespace: the maker's number means nothing there, or somebody else.
#[test]
fn in_another_pid_namespace_the_error_says_what_to_do() {
    let made = to_shared(&Model::new(1)).unwrap();
    unshared(&["--pid", "--fork", "--mount-proc"], "elsewhere", made.id());
}

fn another_pid_namespace(id: &str) {
    let error = Segment::open(id).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    assert!(text.contains("PID namespace") && text.contains("Segment::from_fd"), "{text}");
}

/// The lock is seen across PID namespaces, and process numbers are not taken for what they are not.
#[test]
fn names_of_another_pid_namespace_are_neither_dead_nor_reaped() {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    let mut child = Child::start_in("hold", &["far", "false"], base.path());
    child.line();
    // The same folder, from a namespace in which that number is nobody's.
    let options = ["--pid", "--fork", "--mount-proc"];
    let works = Command::new("unshare").args(options).arg("true").stderr(Stdio::null()).status();
    if is_root() && works.is_ok_and(|status| status.success()) {
        let mut unshare = Command::new("unshare");
        unshare.args(options).env("SERDE_SHM_DIR", base.path());
        Child::run(child::command_by(unshare, "reap-far", &[]));
    } else {
        eprintln!("SKIPPED: PID namespaces need root here, nothing was tested");
    }
    child.finish();
}

pub(crate) fn reap_far() {
    let list = segments::list().unwrap();
    assert_eq!((list.len(), list[0].name(), list[0].is_alive()), (1, "far", true));
    assert_eq!(segments::reap().unwrap(), 0);
    let error = SegmentOptions::new().name("far").create(&1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
    assert_eq!(Segment::open("far").unwrap_err().kind(), ErrorKind::NotFound);
}

/// `/proc` may show another PID namespace's processes (`unshare --pid` without a mount): the process that has the maker's
/// number there is not the maker, and was taken for it, so that a living maker's name was free for anybody.
#[test]
fn where_proc_shows_other_processes_a_living_maker_is_not_taken_for_dead() {
    unshared(&["--pid", "--fork", "--mount"], "outer-proc", "");
}

/// As number 1, which is another process in the `/proc` that is there.
#[allow(unsafe_code)]
fn under_a_foreign_proc() {
    assert_eq!(std::process::id(), 1);
    let made = to_shared(&Model::new(1)).unwrap();
    let error = Segment::open(made.id()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("another PID namespace's"), "{error}");

    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    // SAFETY: the other thread of this process waits for the test to end.
    unsafe { std::env::set_var("SERDE_SHM_DIR", base.path()) };
    let looker = Child::start("place", &["look", ""]);
    // From here on this thread has a `/proc` of its own, and its child has not.
    // SAFETY: it concerns the mounts that this thread sees, and no memory.
    assert_eq!(unsafe { libc::unshare(libc::CLONE_NEWNS) }, 0);
    let private =
        rustix::mount::MountPropagationFlags::PRIVATE | rustix::mount::MountPropagationFlags::REC;
    rustix::mount::mount_change("/", private).unwrap();
    let flags = rustix::mount::MountFlags::empty();
    rustix::mount::mount("proc", "/proc", "proc", flags, None).unwrap();
    assert_eq!(std::fs::read_link("/proc/self").unwrap().to_str(), Some("1"));
    let named = SegmentOptions::new().name("near").create(&1_u8).unwrap();
    looker.finish();
    drop(named);
}

fn look_through_a_foreign_proc() {
    child::wait();
    let list = segments::list().unwrap();
    assert_eq!((list.len(), list[0].name(), list[0].is_alive()), (1, "near", true));
    assert_eq!(segments::reap().unwrap(), 0);
    let error = SegmentOptions::new().name("near").create(&1).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::AlreadyExists);
}

/// Runs a role as a user without privileges, with the names in this directory.
fn as_nobody(what: &str, argument: &str, base: &std::path::Path) -> String {
    let copy = child::copy();
    let mut command = child::command_of(&copy, "place", &[what, argument]);
    command.env("SERDE_SHM_DIR", base).current_dir("/");
    if is_root() {
        command.uid(NOBODY).gid(NOBODY);
    }
    Child::run(command)
}

/// The first name under a umask of 0777 left a folder of mode 0, in which its user could do nothing from then on.
#[test]
fn a_umask_that_takes_all_takes_nothing_from_the_folder_of_names() {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    std::fs::set_permissions(base.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    as_nobody("umask", "", base.path());
    assert_eq!(count(base.path()), 0);
}

/// A folder whose path is no text has names of memory. A file in it would have an id that opens nothing.
#[test]
fn a_folder_that_is_no_text_has_no_persistent_segments() {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    let inner = base.path().join(std::ffi::OsStr::from_bytes(b"\xff"));
    std::fs::create_dir(&inner).unwrap();
    for dir in [base.path(), &inner] {
        std::fs::set_permissions(dir, std::fs::Permissions::from_mode(0o1777)).unwrap();
    }
    as_nobody("no-text", "", &inner);
}

fn in_a_folder_that_is_no_text() {
    let options = SegmentOptions::new().name("n");
    let made = options.create(&7_u8).unwrap();
    assert_eq!(from_shared::<u8>(made.id()).unwrap(), 7);
    assert_eq!(from_shared::<u8>("n").unwrap(), 7);
    let error = options.persist(true).replace(true).create(&7_u8).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
    assert!(error.to_string().contains("must be UTF-8"), "{error}");
}

fn under_a_umask_of_all() {
    let base = PathBuf::from(std::env::var_os("SERDE_SHM_DIR").unwrap());
    let folder = base.join(format!("serde_shm-{}", rustix::process::geteuid().as_raw()));
    let mode = || std::fs::metadata(&folder).unwrap().permissions().mode() & 0o7777;
    rustix::process::umask(rustix::fs::Mode::from_raw_mode(0o777));
    for persist in [false, true] {
        let options = SegmentOptions::new().name("n").persist(persist);
        let first = options.create(&7_u8).unwrap();
        assert_eq!(mode(), 0o700);
        assert_eq!(from_shared::<u8>("n").unwrap(), 7);
        // Another process that has not seen the file yet.
        assert_eq!(segments::list().unwrap().len(), 1);
        let again = options.clone().replace(true).create(&8_u8).unwrap();
        assert_eq!(from_shared::<u8>("n").unwrap(), 8);
        drop(first);
        assert!(again.unlink().is_ok() || !persist);
        drop(again);
    }
    // One that an earlier release left so.
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o0)).unwrap();
    assert_eq!(segments::list().unwrap().len(), 0);
    assert_eq!(from_shared::<u8>("n").unwrap_err().kind(), ErrorKind::NotFound);
    drop(SegmentOptions::new().name("n").create(&9_u8).unwrap());
    assert!(!folder.exists());
}

/// `SERDE_SHM_DIR=/proc` was said not to exist.
#[test]
fn a_directory_that_cannot_hold_names_is_told_as_it_is() {
    for base in ["/proc", "/sys", "/dev/null", "/root", "no-such-relative-directory"] {
        as_nobody("base", "", base.as_ref());
    }
}

fn bases_that_cannot_be_used() {
    let base = std::env::var("SERDE_SHM_DIR").unwrap();
    if base == "/root" && std::fs::read_dir("/root").is_ok() {
        return;
    }
    for persist in [false, true] {
        let options = SegmentOptions::new().name("n").persist(persist);
        let text = options.create(&1_u8).unwrap_err().to_string();
        let said = match &*base {
            "/proc" | "/sys" => {
                "/proc is there, but is on a file system in which no directory can be made"
            }
            "/dev/null" => "/dev/null is no directory",
            "/root" => "/root or what is in it does not let this user do that",
            _ => "/no-such-relative-directory does not exist",
        };
        let said = said.replace("/proc", &base);
        // Some containers mount `/sys` to be read, or not to be written by this user.
        let sys = base == "/sys"
            && (text.contains("can only be read") || text.contains("does not let this user"));
        assert!(text.contains(&said) || sys, "{text}");
        assert!(text.contains("set $SERDE_SHM_DIR to a directory"), "{text}");
    }
    assert!(from_shared::<u8>("n").is_err());
}

/// An unprivileged user squats, links, opens and locks: needs root, which alone can be somebody else.
#[test]
fn another_user_gets_nothing_and_gives_nothing() {
    if !is_root() {
        eprintln!("SKIPPED: only root can be another user, nothing was tested");
        return;
    }
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    std::fs::set_permissions(base.path(), std::fs::Permissions::from_mode(0o1777)).unwrap();
    let mut victim = Child::start_in("place", &["victim", ""], base.path());
    let id = victim.line();
    as_nobody("stranger", &id, base.path());
    victim.finish();

    // Somebody else's directory, or a link, where this user's folder should be.
    let squat = tempfile::tempdir_in("/dev/shm").unwrap();
    let folder = squat.path().join("serde_shm-0");
    let refused = |found: &str| {
        let mut child = Child::start_in("squatted", &[found], squat.path());
        assert_eq!(child.line(), "refused");
        child.finish();
    };
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    chown(&folder, Some(NOBODY), Some(NOBODY)).unwrap();
    refused("found one of user 65534");
    std::fs::remove_dir(&folder).unwrap();
    symlink(base.path(), &folder).unwrap();
    refused("no directory");
    std::fs::remove_file(&folder).unwrap();
    std::fs::create_dir(&folder).unwrap();
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o777)).unwrap();
    refused("mode 0777");
    // A folder in order, and another user's file in it under the name.
    std::fs::set_permissions(&folder, std::fs::Permissions::from_mode(0o700)).unwrap();
    let text = "serde_shm-entry 1 7:8:00112233445566778899aabbccddeeff\n";
    std::fs::write(folder.join("name"), text).unwrap();
    chown(folder.join("name"), Some(NOBODY), Some(NOBODY)).unwrap();
    let mut child = Child::start_in("squatted", &["entry"], squat.path());
    assert_eq!(child.line(), "refused");
    child.finish();
    assert!(folder.join("name").exists());
}

/// In a child: meets a folder, or an entry, that is not this user's.
pub(crate) fn squatted(found: &str) {
    let named = SegmentOptions::new().name("name");
    if found == "entry" {
        let error = Segment::open("name").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("found one of user 65534"), "{error}");
        assert_eq!(named.create(&1).unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(segments::list().unwrap().is_empty());
        assert_eq!(segments::free_memory().unwrap(), 0);
        assert_eq!(segments::remove("name").unwrap_err().kind(), ErrorKind::Corrupt);
        return say("refused");
    }
    for error in [
        Segment::open("name").unwrap_err(),
        named.create(&1).unwrap_err(),
        named.clone().replace(true).create(&1).unwrap_err(),
        named.clone().persist(true).create(&1).unwrap_err(),
        segments::list().unwrap_err(),
        segments::reap().unwrap_err(),
        segments::free_memory().unwrap_err(),
        segments::remove("name").unwrap_err(),
    ] {
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(error.to_string().contains(found), "{error}");
        assert!(error.to_string().contains("is refused"), "{error}");
    }
    say("refused");
}

/// In a child, as root: publishes in a directory that everybody can write, with no umask.
fn victim() {
    rustix::process::umask(rustix::fs::Mode::empty());
    let options = SegmentOptions::new();
    let made = options.clone().name("secret").create(&Model::new(1)).unwrap();
    let stored = options.name("stored").persist(true).create(&Model::new(2)).unwrap();
    say(made.id());
    child::wait();
    assert_eq!(from_shared::<Model>("secret").unwrap(), Model::new(1));
    assert_eq!(from_shared::<Model>("stored").unwrap(), Model::new(2));
    assert!(stored.unlink().unwrap());
}

/// In a child, as nobody: tries what can be tried.
fn stranger(id: &str) {
    let base = PathBuf::from(std::env::var_os("SERDE_SHM_DIR").unwrap());
    let theirs = base.join("serde_shm-0");
    let denied = |result: std::io::Result<()>| {
        let error = result.unwrap_err();
        let kind = error.kind();
        assert!(
            matches!(kind, std::io::ErrorKind::PermissionDenied) || error.raw_os_error() == Some(1),
            "{error}"
        );
    };
    denied(std::fs::read_dir(&theirs).map(drop));
    denied(std::fs::read(theirs.join("secret")).map(drop));
    denied(std::fs::write(theirs.join("mine"), ""));
    denied(std::fs::remove_file(theirs.join("secret")));
    denied(std::fs::rename(&theirs, base.join("moved")));
    denied(std::fs::hard_link(theirs.join("secret"), base.join("link")));
    denied(std::fs::File::open(&theirs).map(drop)); // hence no lock on it either
    // By id: no other user's descriptors can be looked at.
    let error = Segment::open(id).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io, "{error}");
    assert!(error.to_string().contains("another user"), "{error}");
    assert_eq!(Segment::open("secret").unwrap_err().kind(), ErrorKind::NotFound);
    assert!(segments::list().unwrap().is_empty());
    assert_eq!(segments::free_memory().unwrap(), 0);
}
