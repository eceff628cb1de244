//! Child processes: the test binary, started with the name of a role, to be killed or to run within limits.

use std::path::Path;
use std::process::{Child, Command, Stdio};

const ROLE: &str = "SERDE_SHM_TEST_ROLE";
const PATH: &str = "SERDE_SHM_TEST_PATH";

pub(crate) fn command(role: &str, path: &Path) -> Command {
    through(Command::new(std::env::current_exe().unwrap()), role, path)
}

/// The same, started by another program whose last arguments are those of the child: `sh -c 'ulimit ..; exec "$@"' sh`.
pub(crate) fn command_by(mut program: Command, role: &str, path: &Path) -> Command {
    program.arg(std::env::current_exe().unwrap());
    through(program, role, path)
}

fn through(mut command: Command, role: &str, path: &Path) -> Command {
    command
        .args(["--exact", "npz::child::role", "--nocapture", "--test-threads=1"])
        .env(ROLE, role)
        .env(PATH, path)
        .stdin(Stdio::null())
        .stdout(Stdio::null());
    command
}

pub(crate) fn start(role: &str, path: &Path) -> Child {
    command(role, path).spawn().unwrap()
}

/// What a child process runs. On its own it is the test that a role nobody knows fails.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else {
        let status = command("juggle", Path::new(".")).stderr(Stdio::null()).status().unwrap();
        assert!(!status.success());
        return;
    };
    let path = std::env::var_os(PATH).unwrap();
    let path = Path::new(&path);
    match role.as_str() {
        "save" => crate::npz::killed::save_for_ever(path),
        "too-large" => crate::npz::killed::save_too_much(path),
        "little-memory" => crate::npz::lack::save_and_load_in_little(path),
        "size-limit" => crate::npz::killed::save_within_limits(path),
        "no-fsync" => crate::npz::killed::save_without_fsync(path),
        "fork" => crate::npz::forks::use_all_after_fork(path),
        "no-threads" => crate::npz::forks::use_all_without_threads(path),
        "umask" => crate::npz::killed::save_with_umask(path),
        other => panic!("no such role: {other}"),
    }
}
