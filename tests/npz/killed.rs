//! Processes that are killed while they save, and disks that are full.

use std::fs;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::Path;
use std::process::Command;
use std::time::{Duration, Instant};

use serde_shm::{Compression, ErrorKind, NpzOptions, ShmArray1, from_npz, to_npz};

use crate::child::{Child, command, command_by};
use crate::npz::support::{file, folder, names, pair};

const LEN: usize = 50_000;

/// All elements of all arrays are the number of the save.
type Saved = (u64, Vec<ShmArray1<u64>>);

fn value(number: u64) -> Saved {
    (number, vec![ShmArray1::from(vec![number; LEN]); 3])
}

/// Saves until it is killed.
pub(crate) fn save_for_ever(path: &Path) {
    for number in 1.. {
        NpzOptions::new().fsync(number % 4 == 0).save(path, &value(number)).unwrap();
    }
}

#[track_caller]
fn is_whole(path: &Path) -> u64 {
    let (number, arrays): Saved = from_npz(path).unwrap();
    for array in arrays {
        assert!(array.len() == LEN && array.iter().all(|&item| item == number));
    }
    number
}

/// The names of drafts in a folder.
fn drafts(folder: &Path) -> Vec<String> {
    let mut names = names(folder);
    names.retain(|name| name.ends_with(".serde_shm.tmp"));
    names
}

#[test]
fn a_killed_save_leaves_a_whole_file_and_the_next_save_sweeps() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    to_npz(&path, &value(0)).unwrap();
    let (mut left, mut last) = (0, 0);
    let started = Instant::now();
    // Kills are spread over the time that a few saves take, until both cases were seen often.
    for round in 0.. {
        if (left >= 8 && last >= 2) || started.elapsed() > Duration::from_secs(60) {
            break;
        }
        let before = fs::metadata(&path).unwrap().modified().unwrap();
        let child = Child::start("save", &[&file(&folder)]);
        let begun = || {
            fs::metadata(&path).unwrap().modified().unwrap() != before
                || !drafts(folder.path()).is_empty()
        };
        while !begun() {
            std::thread::sleep(Duration::from_micros(200));
        }
        std::thread::sleep(Duration::from_micros(round * 1700 % 40_000));
        child.kill();
        last = last.max(is_whole(&path));
        let drafts = drafts(folder.path());
        assert!(drafts.len() <= 1, "the save before swept: {drafts:?}");
        left += drafts.len();
        // Another file's save in the same folder sweeps too.
        to_npz(folder.path().join("b.npz"), &pair()).unwrap();
        assert_eq!(names(folder.path()), ["a.npz", "b.npz"]);
        fs::remove_file(folder.path().join("b.npz")).unwrap();
    }
    to_npz(&path, &value(5)).unwrap();
    assert_eq!(is_whole(&path), 5);
    assert_eq!(names(folder.path()), ["a.npz"]);
    // Otherwise this test has not seen what it is about.
    assert!(left > 0 && last > 0, "{left} drafts were left, {last} saves done");
}

#[test]
fn sweeping_takes_nothing_but_what_was_left_behind() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    let mut kept = vec!["a.npz".to_owned()];
    // What looks like a draft.
    for name in [
        "a.npz.abc123.serde_shm.tmp",
        ".a.npz.abc12.serde_shm.tmp",
        ".a.npz.abc1234.serde_shm.tmp",
        ".a.npz.abc_12.serde_shm.tmp",
        ".a.npz.abc123.serde_shm.tmp~",
        ".a.npz.abc123.serde_shm",
        ".a.npz.abc123.tmp",
        "..abc123.serde_shm.tmp",
        ".abc123.serde_shm.tmp",
    ] {
        fs::write(at(name), b"mine").unwrap();
        kept.push(name.to_owned());
    }
    // What has a draft's name, but is none.
    fs::create_dir(at(".a.npz.folder.serde_shm.tmp")).unwrap();
    fs::write(at("pointed-at"), b"mine").unwrap();
    symlink("pointed-at", at(".a.npz.linkto.serde_shm.tmp")).unwrap();
    symlink("nowhere", at(".a.npz.dangle.serde_shm.tmp")).unwrap();
    let pipe = at(".a.npz.apipe1.serde_shm.tmp");
    assert!(Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    let socket = at(".a.npz.socket.serde_shm.tmp");
    let _listener = std::os::unix::net::UnixListener::bind(&socket).unwrap();
    kept.extend(
        ["folder", "linkto", "dangle", "apipe1", "socket"]
            .map(|part| format!(".a.npz.{part}.serde_shm.tmp")),
    );
    kept.push("pointed-at".to_owned());
    // What was left behind, by whomever.
    for name in [".a.npz.abc123.serde_shm.tmp", ".other.ABCdef.serde_shm.tmp"] {
        fs::write(at(name), b"half of a file").unwrap();
    }
    let started = Instant::now();
    to_npz(at("a.npz"), &pair()).unwrap();
    assert!(started.elapsed() < Duration::from_secs(20), "something was waited for");
    kept.sort();
    assert_eq!(names(folder.path()), kept);
    assert_eq!(fs::read(at("pointed-at")).unwrap(), b"mine");
}

#[test]
fn the_draft_of_a_living_process_is_left_alone() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let children: Vec<_> = (0..3).map(|_| Child::start("save", &[&file(&folder)])).collect();
    let started = Instant::now();
    let mut seen = 0;
    // Each save of ours sweeps while theirs are under way: theirs would fail if their draft were gone.
    while started.elapsed() < Duration::from_millis(1500) {
        seen = seen.max(drafts(folder.path()).len());
        to_npz(folder.path().join("b.npz"), &pair()).unwrap();
    }
    for mut child in children {
        assert!(!child.has_ended(), "a save of another process failed");
        child.kill();
    }
    assert!(seen > 0, "no save was seen under way");
    is_whole(&path);
    to_npz(folder.path().join("b.npz"), &pair()).unwrap();
    assert_eq!(names(folder.path()), ["a.npz", "b.npz"]);
}

/// In a child that may write 1 MiB to a file, or whose disk has few: a save that fails, and one that fits.
pub(crate) fn save_too_much(path: &Path) {
    let folder = path.parent().unwrap();
    to_npz(path, &pair()).unwrap();
    let before = fs::read(path).unwrap();
    for round in 0..3 {
        let options = NpzOptions::new().fsync(round % 2 == 0);
        let error = options.save(path, &value(1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io, "{error}");
        assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        assert_eq!(fs::read(path).unwrap(), before);
        assert_eq!(names(folder), ["a.npz"], "litter");
    }
    // There is room again.
    to_npz(path, &ShmArray1::from(vec![1_u8; 500_000])).unwrap();
    assert_eq!(names(folder), ["a.npz"]);
}

/// The kernel answers a write beyond the limit with SIGXFSZ, which killed the process and left its draft.
#[test]
fn a_file_that_may_not_grow_leaves_the_old_one() {
    // Blocks of 1 KiB; with the signal as it is, and ignored.
    for before in ["", "trap '' XFSZ; "] {
        let folder = folder();
        let mut shell = Command::new("bash");
        shell.args(["-c", &format!(r#"{before}ulimit -f 1024; exec "$@""#), "bash"]);
        Child::run(command_by(shell, "too-large", &[&file(&folder)]));
    }
}

/// In a child: limits that end before the file, in its first header, within a member, at its last byte, and right behind it.
pub(crate) fn save_within_limits(path: &Path) {
    use rustix::process::{Resource, Rlimit, getrlimit, setrlimit};
    let folder = path.parent().unwrap();
    let rows: Vec<ShmArray1<u32>> = (0..3)
        .map(|row| (0..200_000).map(|item| item / 3 + row).collect::<Vec<_>>().into())
        .collect();
    let before = getrlimit(Resource::Fsize);
    for compression in [Compression::None, Compression::Deflate(1)] {
        let options = NpzOptions::new().compression(compression).fsync(false);
        options.save(path, &rows).unwrap();
        let whole = fs::read(path).unwrap();
        let len = whole.len() as u64;
        let mut limits: Vec<u64> = vec![0, 1, 30, 4096, len / 3, len / 2, len - 22, len - 1];
        limits.extend((1..20).map(|part| len / 20 * part));
        for replaced in [true, false] {
            for limit in &limits {
                setrlimit(Resource::Fsize, Rlimit { current: Some(*limit), ..before }).unwrap();
                let saved = options.save(path, &rows);
                setrlimit(Resource::Fsize, before).unwrap();
                let error = saved.unwrap_err();
                assert_eq!(error.kind(), ErrorKind::Io, "{limit}: {error}");
                let text = error.to_string();
                assert!(
                    text.contains("RLIMIT_FSIZE")
                        && text.contains(&format!(", is {limit}; raise it")),
                    "{text}"
                );
                if replaced {
                    assert_eq!(fs::read(path).unwrap(), whole);
                    assert_eq!(names(folder), ["a.npz"], "litter");
                } else {
                    assert_eq!(names(folder), [""; 0], "litter");
                }
            }
            if replaced {
                fs::remove_file(path).unwrap();
            }
        }
        setrlimit(Resource::Fsize, Rlimit { current: Some(len), ..before }).unwrap();
        options.save(path, &rows).unwrap();
        setrlimit(Resource::Fsize, before).unwrap();
        assert_eq!(fs::read(path).unwrap(), whole);
        fs::remove_file(path).unwrap();
    }
}

#[test]
fn a_limit_on_the_size_of_files_is_an_error_wherever_it_falls() {
    let folder = folder();
    Child::run(command("size-limit", &[&file(&folder)]));
}

/// In a child whose sandbox has no `fsync`.
pub(crate) fn save_without_fsync(path: &Path) {
    let folder = path.parent().unwrap();
    let persist = serde_shm::SegmentOptions::new().name("kept").persist(true).dir(folder);
    crate::npz::forks::forbid(&[libc::SYS_fsync], libc::EPERM);
    for error in [to_npz(path, &pair()).unwrap_err(), persist.create(&pair()).unwrap_err()] {
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("`.fsync(false)` does without it"), "{error}");
    }
    assert_eq!(names(folder), [""; 0], "litter");
    NpzOptions::new().fsync(false).save(path, &pair()).unwrap();
    persist.fsync(false).create(&pair()).unwrap();
    assert_eq!(names(folder), ["a.npz", "kept"]);
}

/// The error was "Operation not permitted", without a word of what to do.
#[test]
fn where_fsync_is_forbidden_the_error_names_the_option() {
    let folder = folder();
    Child::run(command("no-fsync", &[&file(&folder)]));
}

#[test]
fn a_full_disk_leaves_the_old_file() {
    let folder = folder();
    // A file system of one MiB, in a name space of its own: nobody else sees it.
    let script = r#"mount -t tmpfs -o size=1m none "$0" && exec "$@""#;
    let shell = |script: &str| {
        let mut shell = Command::new("unshare");
        shell.args(["-rm", "sh", "-c", script]).arg(folder.path());
        shell
    };
    let able = shell(r#"mount -t tmpfs -o size=1m none "$0""#).output();
    if !able.as_ref().is_ok_and(|output| output.status.success()) {
        eprintln!("SKIPPED: no file system may be mounted here: {able:?}");
        return;
    }
    Child::run(command_by(shell(script), "too-large", &[&file(&folder)]));
    assert_eq!(names(folder.path()), [""; 0]);
}

/// In a child whose umask is 027.
pub(crate) fn save_with_umask(path: &Path) {
    let mode = || fs::metadata(path).unwrap().permissions().mode() & 0o7777;
    to_npz(path, &pair()).unwrap();
    assert_eq!(mode(), 0o640);
    for kept in [0o666, 0o604, 0o400] {
        fs::set_permissions(path, fs::Permissions::from_mode(kept)).unwrap();
        to_npz(path, &pair()).unwrap();
        assert_eq!(mode(), kept);
    }
    // What lets others act as the owner is not handed on.
    fs::set_permissions(path, fs::Permissions::from_mode(0o6755)).unwrap();
    to_npz(path, &pair()).unwrap();
    assert_eq!(mode(), 0o755);
}

#[test]
fn a_new_file_follows_the_umask_and_a_replaced_one_keeps_its_mode() {
    let folder = folder();
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"umask 027; exec "$@""#, "sh"]);
    Child::run(command_by(shell, "umask", &[&file(&folder)]));
}

#[test]
fn a_folder_that_may_not_be_written_is_an_error_and_keeps_its_file() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    to_npz(&path, &pair()).unwrap();
    let before = fs::read(&path).unwrap();
    let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o555);
    // Root may write anywhere.
    if fs::write(folder.path().join("probe"), b"").is_err() {
        let error = to_npz(&path, &pair()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(error.to_string().contains("cannot create a file in this folder"), "{error}");
        assert_eq!(from_npz::<crate::npz::support::Pair>(&path).unwrap(), pair());
        assert_eq!(fs::read(&path).unwrap(), before);
        set(0o755);
        assert_eq!(names(folder.path()), ["a.npz"]);
    }
    set(0o755);
    // Where root runs the tests: a file system that is mounted to be read.
    let error = to_npz("/proc/serde_shm.npz", &pair()).unwrap_err();
    assert!(matches!(error.kind(), ErrorKind::Io | ErrorKind::NotFound), "{error}");
}

#[test]
fn a_folder_that_may_be_written_and_not_listed_takes_a_file() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let set = |mode| fs::set_permissions(folder.path(), fs::Permissions::from_mode(mode)).unwrap();
    set(0o333);
    NpzOptions::new().fsync(false).save(&path, &pair()).unwrap();
    let flushed = to_npz(&path, &pair());
    set(0o755);
    // Root may list any. Who may not cannot flush it.
    if let Err(error) = flushed {
        assert!(error.to_string().contains("the new file is in place, but its folder"), "{error}");
        assert!(error.to_string().contains("cannot be flushed"), "{error}");
    }
    assert_eq!(from_npz::<crate::npz::support::Pair>(&path).unwrap(), pair());
    assert_eq!(names(folder.path()), ["a.npz"]);
}
