//! Child processes under `strace`.

use std::collections::BTreeMap;
use std::io::{BufRead, BufReader, Read};
use std::path::Path;
use std::process::{Command, Output, Stdio};
use std::sync::OnceLock;

use crate::child::{Child, say};
use crate::deed::KEEPS;

/// Paths that do not exist: the child looks at them before and after what it is tested for.
pub(crate) const BEGIN: &str = "/serde_shm-window-begin";
pub(crate) const END: &str = "/serde_shm-window-end";

/// Who is looked at.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Who {
    /// The thread that does the deed.
    Thread,
    /// Every thread of the child, and every process that it starts.
    All,
}

/// A system call of the child: its name, and the how-manieth of that name its thread makes.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Point {
    pub(crate) name: String,
    pub(crate) number: usize,
    /// The call as `strace` shows it.
    pub(crate) text: String,
}

/// Whether `strace` works here; says so loudly if it does not.
pub(crate) fn is_there() -> bool {
    static WORKS: OnceLock<bool> = OnceLock::new();
    let works = *WORKS.get_or_init(|| {
        let run = Command::new("strace").args(["-qq", "-o", "/dev/null", "true"]).status();
        run.is_ok_and(|status| status.success())
    });
    if !works {
        assert!(
            std::env::var_os("CI").is_none() || lacks("strace"),
            "strace is missing or may not trace; CI should have it (see .ci/run)"
        );
        eprintln!("SKIPPED: strace is missing or may not trace, nothing was tested");
    }
    works
}

/// Whether CI has said that this machine cannot have a tool.
fn lacks(tool: &str) -> bool {
    std::env::var("SERDE_SHM_CI_LACKS").is_ok_and(|lacks| lacks.split(' ').any(|it| it == tool))
}

/// This test program in a role, with the variables of a deed.
pub(crate) fn child(role: &str, set: &[(&str, &str)]) -> Child {
    Child::start_with(role, &[], |command| {
        command.envs(set.iter().copied()).env_remove("RUST_BACKTRACE");
    })
}

/// A child in its role, traced from when it is ready: what its start calls does not count.
fn traced(who: Who, options: &[&str], set: &[(&str, &str)]) -> Output {
    traced_beside(who, options, set, || {})
}

/// The same, with something that is done as soon as the child does its deed.
fn traced_beside(
    who: Who,
    options: &[&str],
    set: &[(&str, &str)],
    beside: impl FnOnce(),
) -> Output {
    let mut child = child("once", set);
    let line = child.line();
    let thread = line.strip_prefix("thread ").unwrap();
    let mut strace = Command::new("strace")
        .args(["-s", "200", "-p", thread])
        .args((who == Who::All).then_some("-f"))
        .args(options)
        .stdin(Stdio::null())
        .stderr(Stdio::piped())
        .spawn()
        .unwrap();
    let mut attached = BufReader::new(strace.stderr.take().unwrap());
    let mut line = String::new();
    attached.read_line(&mut line).unwrap();
    assert!(line.contains("attached"), "{line}");
    child.let_go();
    beside();
    let output = child.end();
    attached.read_to_string(&mut line).unwrap();
    strace.wait().unwrap();
    output
}

/// In the child: says that it is ready and waits.
pub(crate) fn ready() {
    let thread = std::fs::read_link("/proc/thread-self").unwrap();
    // Another thread reads, so that the calls of this one are the same each time.
    let wait = std::thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    say(format_args!("thread {}", thread.file_name().unwrap().to_str().unwrap()));
    wait.join().unwrap().unwrap();
}

/// The system calls of a child that is left alone: those of the thread that does the deed between the two marks, and
/// all of whom comes in that time, if they are looked at.
pub(crate) fn points(who: Who, set: &[(&str, &str)]) -> Vec<Point> {
    let log = tempfile::NamedTempFile::new().unwrap();
    let output = traced(who, &["-o", log.path().to_str().unwrap()], set);
    assert!(output.status.success(), "{}", String::from_utf8_lossy(&output.stderr));
    parse(who, log.path())
}

fn parse(who: Who, log: &Path) -> Vec<Point> {
    let text = std::fs::read_to_string(log).unwrap();
    // By thread and name, how many there were.
    let mut counts: BTreeMap<(&str, &str), usize> = BTreeMap::new();
    let mut points: Vec<Point> = Vec::new();
    // What is counted before the window cannot be told from what comes in it, in another thread.
    // Of the thread that waits for the start, the call that it waits in may or may not be seen.
    let mut before: BTreeMap<&str, usize> = BTreeMap::new();
    if who == Who::All {
        before.insert("read", 2);
    }
    let mut doer = None;
    for line in text.lines() {
        let (thread, call) = match who {
            Who::Thread => ("", line),
            Who::All => line.split_once(' ').unwrap(),
        };
        let call = call.trim();
        // `name(args) = result`; signals and what was interrupted look otherwise.
        let Some((name, _)) = call.split_once('(') else { continue };
        if !name.bytes().all(|byte| byte.is_ascii_alphanumeric() || byte == b'_') {
            continue;
        }
        let number = counts.entry((thread, name)).or_default();
        *number += 1;
        if call.contains(END) {
            assert_eq!(doer, Some(thread), "the window ends before it begins");
            return points;
        }
        let is_new = |point: &Point| point.name != name || point.number != *number;
        let counted = before.entry(name).or_default();
        if doer.is_none() {
            *counted = (*counted).max(*number);
        } else if *number > *counted && points.iter().all(is_new) {
            let (name, text) = (name.to_owned(), call.to_owned());
            points.push(Point { name, number: *number, text });
        }
        if call.contains(BEGIN) {
            doer = Some(thread);
        }
    }
    panic!("no window in the child's system calls:\n{text}");
}

/// What became of a child to which something was done at one system call.
pub(crate) fn inject(who: Who, point: &Point, what: &str, set: &[(&str, &str)]) -> Output {
    inject_beside(who, point, what, set, || {})
}

/// The same, with something that is done as soon as the child does its deed.
pub(crate) fn inject_beside(
    who: Who,
    point: &Point,
    what: &str,
    set: &[(&str, &str)],
    beside: impl FnOnce(),
) -> Output {
    let Point { name, number, .. } = point;
    let trace = format!("trace={name}");
    let inject = format!("inject={name}:{what}:when={number}");
    let mut set = set.to_vec();
    // `strace` does not make a call that is to fail, where the kernel would give the descriptor back all the same.
    if matches!(&**name, "close" | "wait4" | "waitid") {
        set.push((KEEPS, "1"));
    }
    traced_beside(who, &["-o", "/dev/null", "-e", &trace, "-e", &inject], &set, beside)
}
