//! Child processes: the test binary, started with the name of a role. A role talks in lines over stdin and stdout.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, Stdio};

const ROLE: &str = "SERDE_SHM_TEST_ROLE";
const ARGS: &str = "SERDE_SHM_TEST_ARGS";

/// Marks the lines of a role among those of the test harness.
const MARK: &str = "> ";

pub(crate) struct Child {
    process: std::process::Child,
    stdin: Option<ChildStdin>,
    stdout: BufReader<ChildStdout>,
}

impl Child {
    pub(crate) fn start(role: &str, args: &[&str]) -> Self {
        Child::start_with(role, args, |_| {})
    }

    pub(crate) fn start_with(role: &str, args: &[&str], set: impl FnOnce(&mut Command)) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        command
            .args(["--exact", "child::role", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(ARGS, args.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped());
        set(&mut command);
        let mut process = command.spawn().unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let stdin = process.stdin.take();
        Child { process, stdin, stdout }
    }

    pub(crate) fn pid(&self) -> u32 {
        self.process.id()
    }

    /// The next line that the role said.
    pub(crate) fn line(&mut self) -> String {
        let mut line = String::new();
        loop {
            line.clear();
            assert_ne!(self.stdout.read_line(&mut line).unwrap(), 0, "the child ended too early");
            if let Some(said) = line.strip_prefix(MARK) {
                return said.trim_end().to_owned();
            }
        }
    }

    /// A line to the role.
    pub(crate) fn send(&mut self, line: &str) {
        let stdin = self.stdin.as_mut().unwrap();
        writeln!(stdin, "{line}").unwrap();
    }

    /// Lets the role go on, to its end.
    pub(crate) fn finish(mut self) {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {rest}");
    }

    /// Waits for a role that must fail, started with a piped stderr, and returns what it wrote there.
    fn failure(self) -> String {
        let output = self.process.wait_with_output().unwrap();
        assert!(!output.status.success(), "the child succeeded");
        String::from_utf8(output.stderr).unwrap()
    }

    /// Waits for the process alone: others may have its pipes.
    pub(crate) fn reap(mut self) {
        self.process.wait().unwrap();
    }

    /// Waits for a role that ends in its own way.
    pub(crate) fn ended(mut self) {
        drop(self.stdin.take());
        self.stdout.read_to_string(&mut String::new()).unwrap();
        self.process.wait().unwrap();
    }

    /// A role in a folder of names of its own, run to its end; nothing may be left there.
    pub(crate) fn run_alone(role: &str, args: &[&str]) {
        let base = tempfile::tempdir_in("/dev/shm").unwrap();
        let child = Child::start_with(role, args, |command| {
            command.env("SERDE_SHM_DIR", base.path());
        });
        child.finish();
        assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
    }

    /// Kills it and does not wait for it.
    pub(crate) fn send_kill(&mut self) {
        self.process.kill().unwrap();
    }

    pub(crate) fn kill(mut self) {
        self.process.kill().unwrap();
        self.process.wait().unwrap();
    }
}

/// In a role: a line to the parent.
pub(crate) fn say(text: impl std::fmt::Display) {
    // The harness leaves its own line open.
    println!("\n{MARK}{text}");
    std::io::stdout().flush().unwrap();
}

/// In a role: waits until the parent lets it go on.
pub(crate) fn wait() {
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// What a child process runs. On its own it is the test that a child with a role nobody knows fails, so that a
/// misspelt role cannot pass for one that had nothing to say.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else {
        let child = Child::start_with("juggle", &["a", "b"], |command| {
            command.stderr(Stdio::piped());
        });
        let said = child.failure();
        assert!(said.contains(r#"no such role: ("juggle", ["a", "b"])"#), "{said}");
        return;
    };
    let args = std::env::var(ARGS).unwrap_or_default();
    let args: Vec<&str> = args.split('\n').collect();
    match (role.as_str(), &args[..]) {
        ("sandbox", [what]) => crate::sandbox::run(what),
        ("housekeeping", [what]) => crate::housekeeping::run(what),
        ("persistent", [what]) => crate::persistent::run(what),
        ("place", [what, argument]) => crate::places::run(what, argument),
        ("squatted", [found]) => crate::places::squatted(found),
        ("reap-far", [""]) => crate::places::reap_far(),
        ("end", [how, name]) => crate::ends::end(how, name),
        ("parent", [name]) => crate::ends::parent(name),
        ("inherited", [""]) => crate::descriptors::inherited(),
        ("copies", ["cost"]) => crate::copies::cost(),
        ("make-many", [name]) => crate::held::make_many(name),
        ("hold-many", [name]) => crate::held::hold_many(name),
        ("offer", [what]) => crate::offers::run(what),
        ("offer-live", [name]) => crate::offers::change_live(name),
        ("turns", [""]) => crate::turns::take(),
        ("turns-live", [name]) => crate::turns::take_live(name),
        ("orphan", [name]) => crate::turns::orphan(name),
        ("cycles", [""]) => crate::limits::cycles(),
        ("attach", [id]) => crate::anonymous::attach(id),
        ("cost", [id]) => crate::anonymous::cost(id),
        ("hold", [name, replace]) => crate::named::hold(name, *replace == "true"),
        ("fork", [name]) => crate::named::fork_and_drop(name),
        ("watch-end", [name, _]) => crate::named::watch_end(name),
        ("leak", [""]) => crate::limits::leak(),
        ("limits", [""]) => crate::limits::limits(),
        ("write", [name]) => crate::republish::write(name),
        ("read", [name]) => crate::republish::read(name),
        other => panic!("no such role: {other:?}"),
    }
}
