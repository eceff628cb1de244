//! Programs that do not come so far as to serve.

use std::os::unix::process::CommandExt;
use std::process::{Command, Stdio};
use std::time::Duration;

use serde_shm::ErrorKind;
use serde_shm::workers::{self, Pool};

use crate::child::{self, Child};
use crate::support::pool;
use crate::tasks::{DO, Deed, Index, LOCKED, SUM, index};

fn start(command: Command, limit: Duration) -> serde_shm::Error {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = Pool::new(&segment).unwrap().processes(2).command(command).start_limit(limit);
    pool.map_reduce(&SUM, [0..2, 2..4], 0, |sum, part| sum + part).unwrap_err()
}

fn shell(script: &str) -> Command {
    let mut command = Command::new("sh");
    command.args(["-c", script]).stdout(Stdio::null()).stderr(Stdio::null());
    command
}

#[test]
fn programs_that_never_serve() {
    for (script, kind, says) in [
        ("exit 7", ErrorKind::WorkerDied, "exit status: 7"),
        ("true", ErrorKind::WorkerDied, "exit status: 0"),
        ("kill -9 $$", ErrorKind::WorkerDied, "signal: 9"),
        ("exec sleep 100", ErrorKind::WorkerDied, "was ended after 400ms"),
        ("kill -STOP $$", ErrorKind::WorkerDied, "was ended after 400ms"),
        ("exec <&-; exec sleep 100", ErrorKind::WorkerDied, "closed its connection and was ended"),
        ("cat", ErrorKind::WorkerDied, "was ended after 400ms"),
        ("yes noise | head -c 1000000; exit 2", ErrorKind::WorkerDied, "exit status: 2"),
        (
            "exec 3>&0; yes noise | head -c 100000 >&3; exec sleep 100",
            ErrorKind::Corrupt,
            "does not keep",
        ),
    ] {
        // Those that end by themselves have time to.
        let limit = if says.contains("400ms") { 400 } else { 60_000 };
        let error = start(shell(script), Duration::from_millis(limit));
        assert_eq!(error.kind(), kind, "{script}: {error}");
        assert!(error.to_string().contains(says), "{script}: {error}");
        if kind == ErrorKind::WorkerDied {
            assert!(error.to_string().contains("serde_shm::workers::serve"), "{error}");
            assert!(error.to_string().contains("\"sh\" \"-c\""), "{error}");
        }
    }
    let error = start(Command::new("/no/such/program"), Duration::MAX);
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().starts_with("cannot start a worker process"), "{error}");
}

#[test]
fn a_program_behind_another_one_serves() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let test = workers::test_command("tasks::serve").unwrap();
    for script in ["exec \"$0\" \"$@\"", "\"$0\" \"$@\"; exit 0"] {
        let mut command = shell(script);
        command.arg(std::env::current_exe().unwrap()).args(test.get_args());
        let mut pool = Pool::new(&segment).unwrap().processes(2).command(command);
        let all: Vec<u64> = pool.map(&DO, vec![Deed::Process; 6]).map(Result::unwrap).collect();
        assert_eq!(all.len(), 6);
        let worker = all[0] as u32;
        drop(pool);
        crate::support::eventually("the worker behind a shell ends", || {
            crate::support::is_gone(worker)
        });
    }
    // A shell ends with the program that it waited for, and says how that ended.
    let mut command = shell("\"$0\" \"$@\"; exit $?");
    command.arg(std::env::current_exe().unwrap()).args(test.get_args());
    let mut pool = Pool::new(&segment).unwrap().processes(1).command(command);
    let error = pool.map(&DO, [Deed::Kill(9)]).next().unwrap().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::WorkerDied);
    assert!(error.to_string().ends_with("exit status: 137"), "{error}");
}

/// Had it no guard, a program that forgets to serve would start itself, and that one itself, without an end.
#[test]
fn a_program_that_forgets_to_serve_is_told() {
    let text = String::from_utf8(Child::start("forget", &[]).end().stderr).unwrap();
    assert!(text.contains("the first: worker process"), "{text}");
    assert!(text.contains("the next: process"), "{text}");
    assert!(text.contains("call `serde_shm::workers::serve` at the top"), "{text}");
}

/// In a child: a pool of this role.
pub(crate) fn forget() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let pool = Pool::new(&segment).unwrap_or_else(|error| {
        eprintln!("the next: {error}");
        std::process::exit(5);
    });
    let mut pool = pool.processes(1).command(workers::test_command("child::role").unwrap());
    let error = pool.map(&SUM, [0..2]).next().unwrap().unwrap_err();
    eprintln!("the first: {error}");
}

#[test]
fn a_variable_alone_makes_no_worker() {
    let mut command = child::at_test("tasks::serve");
    command.env("SERDE_SHM_WORKER", "1234:1").stdin(Stdio::null());
    Child::run(command);
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    drop(pool(&segment));
}

/// Live memory that another user made is refused; but a worker is handed it by who started it, and may be of another user.
#[test]
fn a_worker_of_another_user_has_the_live_arrays() {
    const NOBODY: u32 = 65_534;
    if !rustix::process::geteuid().is_root() {
        eprintln!("SKIPPED: only root can be another user, nothing was tested");
        return;
    }
    let copy = child::copy();
    let mut command = Command::new(&copy);
    let own = workers::test_command("tasks::serve").unwrap();
    command.args(own.get_args()).stdout(Stdio::null()).current_dir("/").uid(NOBODY).gid(NOBODY);
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = Pool::new(&segment).unwrap().processes(2).command(command);
    pool.for_each(&LOCKED, [3, 4]).unwrap();
    let seen: Index = segment.get().unwrap();
    assert_eq!(seen.locked.read().unwrap()[0], 7.0);
}
