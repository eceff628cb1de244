//! Child processes: the test binary, started with the name of a role. A role talks in lines over stdin and stdout.

use std::io::{BufRead, BufReader, Read, Write};
use std::process::{ChildStdin, ChildStdout, Command, ExitStatus, Stdio};

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
        Child::start_in(role, args, std::path::Path::new(""))
    }

    /// The same with the names of this user in that directory.
    pub(crate) fn start_in(role: &str, args: &[&str], names: &std::path::Path) -> Self {
        let mut command = Command::new(std::env::current_exe().unwrap());
        if !names.as_os_str().is_empty() {
            command.env("SERDE_SHM_DIR", names);
        }
        let mut process = command
            .args(["--exact", "child::role", "--nocapture", "--test-threads=1"])
            .env(ROLE, role)
            .env(ARGS, args.join("\n"))
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap();
        let stdout = BufReader::new(process.stdout.take().unwrap());
        let stdin = process.stdin.take();
        Child { process, stdin, stdout }
    }

    /// The next line that the role said; `None` if it has ended.
    pub(crate) fn next_line(&mut self) -> Option<String> {
        let mut line = String::new();
        loop {
            line.clear();
            if self.stdout.read_line(&mut line).unwrap() == 0 {
                return None;
            }
            if let Some(said) = line.strip_prefix(MARK) {
                return Some(said.trim_end().to_owned());
            }
        }
    }

    pub(crate) fn line(&mut self) -> String {
        self.next_line().expect("the child ended too early")
    }

    /// Lets the role go on.
    pub(crate) fn let_go(mut self) -> Self {
        drop(self.stdin.take());
        self
    }

    /// Sends the role a line.
    pub(crate) fn tell(&mut self) {
        self.stdin.as_mut().unwrap().write_all(b"\n").unwrap();
    }

    /// Lets the role go on, to its end.
    pub(crate) fn finish(mut self) {
        drop(self.stdin.take());
        let mut rest = String::new();
        self.stdout.read_to_string(&mut rest).unwrap();
        let status = self.process.wait().unwrap();
        assert!(status.success(), "{status}: {rest}");
    }

    /// Kills it, and waits for its end.
    pub(crate) fn kill(mut self) -> ExitStatus {
        self.process.kill().unwrap();
        self.process.wait().unwrap()
    }

    /// Kills it and leaves it a zombie.
    pub(crate) fn kill_only(&mut self) {
        self.process.kill().unwrap();
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

/// How often something is done: less in a debug build, as often as `SERDE_SHM_LIVE_ROUNDS` says if it is set.
pub(crate) fn rounds(release: usize, debug: usize) -> usize {
    let default = if cfg!(debug_assertions) { debug } else { release };
    match std::env::var("SERDE_SHM_LIVE_ROUNDS") {
        Ok(text) => text.parse().unwrap(),
        Err(_) => default,
    }
}

/// What a child process runs. On its own it is the test that roles are told apart.
#[test]
fn role() {
    let Ok(role) = std::env::var(ROLE) else {
        let mut child = Child::start("juggle", &["a", "b"]);
        assert_eq!(child.line(), r#"no such role: ("juggle", ["a", "b"])"#);
        child.finish();
        return;
    };
    let args = std::env::var(ARGS).unwrap_or_default();
    let args: Vec<&str> = args.split('\n').collect();
    match (role.as_str(), &args[..]) {
        ("count", [id, rounds]) => crate::atomics::count(id, rounds.parse().unwrap()),
        ("writer", [id, rounds]) => crate::invariant::writer(id, rounds.parse().unwrap()),
        ("reader", [id]) => crate::invariant::reader(id),
        ("victim", [id, seed]) => crate::kills::victim(id, seed.parse().unwrap()),
        ("hold", [id, how]) => crate::locks::hold(id, how),
        ("forked", [id, how]) => crate::forks::forked(id, how),
        ("inherited", [id, how]) => crate::forks::inherited(id, how),
        ("counts", [id]) => crate::forks::counts(id),
        ("nobodys", [how]) => crate::owners::make(how),
        ("by-name", [id]) => crate::owners::by_name(id),
        ("undumpable", [""]) => crate::owners::undumpable(),
        ("look", [id, what]) => crate::owners::look(id, what),
        ("namespace", [how]) => crate::namespaces::run(how),
        ("make", [""]) => crate::attach::make(),
        ("second", [id]) => crate::attach::second(id),
        ("leak", [""]) => crate::attach::leak(),
        ("notify", [id]) => crate::updates::notify(id),
        other => say(format_args!("no such role: {other:?}")),
    }
}
