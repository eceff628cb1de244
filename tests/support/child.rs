//! This test program, started once more in a role: a process to talk to in lines, to kill, or to run within limits. Which roles there
//! are says the function `play` at the root of each program that has this module.
#![allow(dead_code)]

use std::ffi::OsStr;
use std::fmt::Display;
use std::fs::File;
use std::io::{Read, Write};
use std::os::unix::fs::FileExt;
use std::path::PathBuf;
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Output, Stdio};
use std::time::{Duration, Instant};

use rustix::event::{PollFd, PollFlags, Timespec, poll};

const ROLE: &str = "SERDE_SHM_TEST_ROLE";
const ARGS: &str = "SERDE_SHM_TEST_ARGS";

/// Marks the lines of a role among those of the test harness.
const MARK: &str = "> ";

/// How long a child may be silent, or take to end: what takes longer hangs, also under valgrind and on a busy machine.
const LIMIT: Duration = Duration::from_secs(600);

fn own() -> PathBuf {
    std::env::current_exe().unwrap()
}

/// This program at one of its tests.
pub(crate) fn at_test(test: &str) -> Command {
    at_test_of(Command::new(own()), test)
}

fn at_test_of(mut program: Command, test: &str) -> Command {
    program.args(["--exact", test, "--nocapture", "--test-threads=1"]);
    program
}

/// This program in a role.
pub(crate) fn command(role: &str, args: &[&str]) -> Command {
    command_of(own(), role, args)
}

/// The same, started by another program whose last arguments are those of the child: `sh -c 'ulimit ..; exec "$@"' sh`.
pub(crate) fn command_by(mut program: Command, role: &str, args: &[&str]) -> Command {
    program.arg(own());
    in_role(program, role, args)
}

/// The same of a copy.
pub(crate) fn command_of(program: impl AsRef<OsStr>, role: &str, args: &[&str]) -> Command {
    in_role(Command::new(program), role, args)
}

fn in_role(program: Command, role: &str, args: &[&str]) -> Command {
    let here = module_path!().split_once("::").unwrap().1;
    let mut command = at_test_of(program, &format!("{here}::role"));
    let args: String = args.iter().flat_map(|arg| [arg, "\n"]).collect();
    command.env(ROLE, role).env(ARGS, args).stdin(Stdio::null());
    command
}

/// A copy of this program that every user may start, whoever may look into the folder of this one.
pub(crate) fn copy() -> tempfile::TempPath {
    let path = tempfile::NamedTempFile::new().unwrap().into_temp_path();
    // With the permissions; and by another process, since what this one has open to write, a child that another test starts
    // meanwhile has for a moment, too, and no such file can be started.
    assert!(Command::new("cp").arg("-p").arg(own()).arg(&path).status().unwrap().success());
    path
}

/// Where a test fails that has a child, it says what the child wrote to stderr; and the child ends with it.
pub(crate) struct Child {
    process: std::process::Child,
    /// Its command, for the words of a failure.
    what: String,
    stdin: Option<ChildStdin>,
    stdout: ChildStdout,
    /// What it wrote to stdout and nobody has taken yet.
    heard: Vec<u8>,
    /// A file and no pipe, which somebody would have to empty.
    stderr: File,
}

impl Child {
    pub(crate) fn start(role: &str, args: &[&str]) -> Self {
        Child::start_with(role, args, |_| {})
    }

    pub(crate) fn start_with(role: &str, args: &[&str], set: impl FnOnce(&mut Command)) -> Self {
        let mut command = command(role, args);
        command.stdin(Stdio::piped());
        set(&mut command);
        Child::spawn(command)
    }

    /// The same with the names of segments in that directory.
    pub(crate) fn start_in(role: &str, args: &[&str], names: impl AsRef<OsStr>) -> Self {
        Child::start_with(role, args, |command| {
            command.env("SERDE_SHM_DIR", names);
        })
    }

    /// With nothing to read, unless the command says otherwise.
    pub(crate) fn spawn(mut command: Command) -> Self {
        let stderr = tempfile::tempfile().unwrap();
        command.stdout(Stdio::piped()).stderr(stderr.try_clone().unwrap());
        let mut process =
            command.spawn().unwrap_or_else(|error| panic!("cannot start {command:?}: {error}"));
        let (stdin, stdout) = (process.stdin.take(), process.stdout.take().unwrap());
        let what = format!("{command:?}");
        Child { process, what, stdin, stdout, heard: Vec::new(), stderr }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line that the role said; `None` if it has ended.
    #[track_caller]
    pub(crate) fn next_line(&mut self) -> Option<String> {
        loop {
            while let Some(end) = self.heard.iter().position(|byte| *byte == b'\n') {
                let line: Vec<u8> = self.heard.drain(..=end).collect();
                let line = String::from_utf8_lossy(&line);
                if let Some(said) = line.strip_prefix(MARK) {
                    return Some(said.trim_end().to_owned());
                }
            }
            if !self.hear() {
                return None;
            }
        }
    }

    #[track_caller]
    pub(crate) fn line(&mut self) -> String {
        self.next_line().unwrap_or_else(|| {
            let status = self.wait();
            panic!("the child ended too early: {status}\n{}", self.report())
        })
    }

    /// Waits for more of its stdout; false at the end of that.
    #[track_caller]
    fn hear(&mut self) -> bool {
        let limit = Timespec::try_from(LIMIT).unwrap();
        let mut pipe = [PollFd::new(&self.stdout, PollFlags::IN)];
        let ready = rustix::io::retry_on_intr(|| poll(&mut pipe, Some(&limit))).unwrap();
        assert!(ready > 0, "the child was silent for {LIMIT:?}\n{}", self.report());
        let mut bytes = [0; 4096];
        let len = self.stdout.read(&mut bytes).unwrap();
        self.heard.extend_from_slice(&bytes[..len]);
        len > 0
    }

    /// A line to the role.
    pub(crate) fn send(&mut self, line: &str) {
        writeln!(self.stdin.as_mut().unwrap(), "{line}").unwrap();
    }

    /// Lets a role go on that waits.
    pub(crate) fn let_go(&mut self) {
        drop(self.stdin.take());
    }

    pub(crate) fn has_ended(&mut self) -> bool {
        self.process.try_wait().unwrap().is_some()
    }

    /// Waits for the process alone: others may have its pipes.
    #[track_caller]
    pub(crate) fn wait(&mut self) -> ExitStatus {
        let started = Instant::now();
        loop {
            if let Some(status) = self.process.try_wait().unwrap() {
                return status;
            }
            assert!(started.elapsed() < LIMIT, "the child does not end\n{}", self.report());
            std::thread::sleep(Duration::from_millis(1));
        }
    }

    /// Lets the role go on, to its end, however that is; gives what it wrote.
    #[track_caller]
    pub(crate) fn end(mut self) -> Output {
        self.let_go();
        while self.hear() {}
        let status = self.wait();
        let stdout = std::mem::take(&mut self.heard);
        Output { status, stdout, stderr: self.errors() }
    }

    /// Lets the role go on, to a good end; gives what it wrote to stdout.
    #[track_caller]
    pub(crate) fn finish(mut self) -> String {
        self.let_go();
        while self.hear() {}
        let status = self.wait();
        assert!(status.success(), "{status}\n{}", self.report());
        String::from_utf8_lossy(&self.heard).into_owned()
    }

    /// A command that is to come to a good end.
    #[track_caller]
    pub(crate) fn run(command: Command) -> String {
        Child::spawn(command).finish()
    }

    /// A role in a folder of names of its own, run to its end; nothing may be left there.
    #[track_caller]
    pub(crate) fn run_alone(role: &str, args: &[&str]) {
        let base = tempfile::tempdir_in("/dev/shm").unwrap();
        Child::start_in(role, args, base.path()).finish();
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }

    /// Kills it and leaves it a zombie.
    pub(crate) fn kill_only(&mut self) {
        self.process.kill().unwrap();
    }

    /// Kills it, and waits for its end.
    pub(crate) fn kill(mut self) {
        self.kill_only();
        self.process.wait().unwrap();
    }

    fn errors(&self) -> Vec<u8> {
        let mut bytes = vec![0; self.stderr.metadata().unwrap().len() as usize];
        let len = self.stderr.read_at(&mut bytes, 0).unwrap();
        bytes.truncate(len);
        bytes
    }

    fn report(&self) -> String {
        let (said, errors) = (String::from_utf8_lossy(&self.heard), self.errors());
        format!("{}\n{said}{}", self.what, String::from_utf8_lossy(&errors))
    }
}

impl Drop for Child {
    fn drop(&mut self) {
        if std::thread::panicking() {
            eprintln!("a child of the test that fails: {}", self.report());
        }
        // Both are without effect where it was waited for.
        let _ = self.process.kill();
        let _ = self.process.wait();
    }
}

/// In a role: a line to the parent.
pub(crate) fn say(text: impl Display) {
    // The harness leaves its own line open.
    println!("\n{MARK}{text}");
    std::io::stdout().flush().unwrap();
}

/// In a role: waits until the parent lets it go on.
pub(crate) fn wait() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// What a child process runs. On its own it is the test that a role nobody knows fails, so that a misspelt role cannot pass
/// for one that had nothing to say, and that the parent says with what words it failed.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else {
        let failed = std::panic::catch_unwind(|| Child::start("juggle", &["a", ""]).finish());
        let failed = failed.unwrap_err();
        let said = failed.downcast_ref::<String>().unwrap();
        assert!(said.contains(r#"no such role: ("juggle", ["a", ""])"#), "{said}");
        return;
    };
    let args = std::env::var(ARGS).unwrap();
    let args: Vec<&str> = args.split_terminator('\n').collect();
    crate::play(&role, &args);
}
