//! The worker's side: what a worker process does from the start of `main` to its end.

use std::any::Any;
use std::cell::RefCell;
use std::collections::HashMap;
use std::collections::hash_map::Entry;
use std::panic::{self, AssertUnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, Ordering};
use std::time::Duration;

use crate::os::{self, Line};
use crate::verbs::Handed;
use crate::{Error, ErrorKind, Result, Segment};

use super::frame::{Came, FrameKind, Header, Inbox, MAGIC, NO_JOB, Outbox, PROTOCOL};
use super::message::{self, Message};
use super::task::{Begun, Feed, Outcome, Work};

/// The environment variable that tells a process that it was started as a worker. Its value is `SOCKET:PID`: the identity of
/// the socket that is the worker's standard input, and the id of the pool's process. A program that the worker starts inherits
/// the variable, but has another standard input, by which it knows that it is no worker.
pub(super) const VARIABLE: &str = "SERDE_SHM_WORKER";

/// Serves the pool that started this process, and then does not return. If no pool started this process, returns at once.
///
/// Call it at the top of `main`: before the program reads arguments, starts threads or does anything else that a worker should
/// not do. A [`Pool`](super::Pool) starts the running program again, without arguments, for each of its processes. Such a
/// process does its work in this call, and never comes to the rest of `main`.
///
/// ```
/// use serde_shm::workers::{self, Outcome, Pool, Task};
///
/// const LENGTH: Task<Vec<String>, usize, usize> = Task::new("length", length);
/// fn length(texts: &Vec<String>, number: usize) -> Outcome<usize> {
///     Ok(texts.get(number).ok_or("there is no such text")?.len())
/// }
///
/// fn main() -> Result<(), serde_shm::Error> {
///     workers::serve(&[&LENGTH]);
///
///     # if !cfg!(target_os = "linux") { return Ok(()) }
///     let segment = serde_shm::to_shared(&["a", "bcd"])?;
///     let mut pool = Pool::new(&segment)?.processes(2);
///     assert_eq!(pool.map_reduce(&LENGTH, 0..2, 0, |sum, length| sum + length)?, 4);
///     Ok(())
/// }
/// ```
///
/// A test has no `main` of its own. There, call `serve` at the top of the test, and tell the pool to start that test: see
/// [`test_command`](super::test_command).
///
/// # What a worker process has
///
/// Standard input is empty, because `serve` has taken the connection to the pool that was there. Standard output and standard
/// error are the caller's. If a task panics, the process's panic hook runs as usual, and the caller gets an error.
///
/// The thread that called this function does the jobs, one after the other. A second thread waits for the caller's end. When
/// the caller ends, in whatever way, or drops the pool, the worker process ends: by `SIGKILL` if it is doing a job, otherwise by
/// [`std::process::exit`].
///
/// If the pool uses a version of this crate whose messages this one does not understand, the process ends. It prints the reason
/// to standard error, and the caller gets an error too.
pub fn serve(tasks: &[&dyn Work]) {
    let Some(parent) = started_by() else { return };
    // If a second thread calls this meanwhile, there is nothing left to serve.
    static TAKEN: AtomicBool = AtomicBool::new(false);
    if TAKEN.swap(true, Ordering::SeqCst) {
        return;
    }
    let code = match Server::start(parent).and_then(|server| server.run(tasks)) {
        Ok(()) => 0,
        Err(error) => {
            eprintln!("serde_shm: worker process {}: {error:#}", std::process::id());
            1
        }
    };
    std::process::exit(code);
}

/// A command that runs one test of this test binary, for [`Pool::command`](super::Pool::command).
///
/// A test has no `main` of its own in which it could call [`serve`]. Instead, the test calls `serve` at its top, and its pool
/// starts the test binary again with that test alone:
///
/// ```no_run
/// use serde_shm::workers::{self, Pool, Task};
///
/// const DOUBLE: Task<u32, u32, u32> = Task::new("double", |factor, job| Ok(factor * job));
///
/// // with #[test], in a module `tests`
/// fn doubles() {
///     workers::serve(&[&DOUBLE]);
///     let segment = serde_shm::to_shared(&2_u32).unwrap();
///     let command = workers::test_command("tests::doubles").unwrap(); // as `cargo test -- --list` names it
///     let mut pool = Pool::new(&segment).unwrap().processes(2).command(command);
///     let all: Vec<u32> = pool.map(&DOUBLE, 0..3).map(Result::unwrap).collect();
///     assert_eq!(all, [0, 2, 4]);
/// }
/// ```
///
/// The command passes `--exact NAME --nocapture` and a few more arguments to the standard library's test harness. It discards
/// standard output, so that the harness's own lines are not shown; [`Command::stdout`](std::process::Command::stdout) changes
/// that. For a whole test binary, one test that serves all tasks is enough.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// let command = serde_shm::workers::test_command("tests::doubles")?;
/// assert!(command.get_args().any(|argument| argument == "tests::doubles"));
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Errors
///
/// [`Io`](ErrorKind::Io) if the system does not say what program this is. [`Unsupported`](ErrorKind::Unsupported) on every
/// system but Linux.
pub fn test_command(test: &str) -> Result<std::process::Command> {
    let mut command =
        os::this_program().map_err(|e| Error::io("cannot tell what program this is", e))?;
    command.args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]);
    command.stdout(std::process::Stdio::null());
    Ok(command)
}

/// The id of the process whose pool started this one as a worker. `None` if no pool did, or if this process serves already.
pub(super) fn started_by() -> Option<u32> {
    let text = std::env::var(VARIABLE).ok()?;
    let (socket, parent) = text.split_once(':')?;
    let (socket, parent) = (socket.parse().ok()?, parent.parse().ok()?);
    Line::is_stdin(socket).then_some(parent)
}

struct Server {
    connection: Connection,
    segment: Result<Segment>,
}

struct Connection {
    line: Line,
    inbox: Inbox,
    call: u32,
    /// A job that was received, and that the task has not taken yet.
    job: Option<Message>,
    number: u64,
    is_fold: bool,
    /// Whether the pool has said that the fold under way gets no more jobs.
    ended: bool,
    busy: Arc<AtomicBool>,
}

impl Server {
    fn start(parent: u32) -> Result<Self> {
        let broken = |e| Error::io("cannot talk to the pool", e);
        let line = Line::take_stdin().map_err(broken)?;
        if !os::die_with(parent) {
            os::end_now();
        }
        note_panics();
        let busy = Arc::new(AtomicBool::new(true));
        watch(line.again().map_err(broken)?, Arc::clone(&busy)).map_err(broken)?;

        let mut hello = Outbox::default();
        hello.put(Header::new(FrameKind::Hello, PROTOCOL, MAGIC), Arc::default());
        hello.send(&line).map_err(broken)?;
        let mut connection = Connection {
            line,
            inbox: Inbox::new(),
            call: 0,
            job: None,
            number: NO_JOB,
            is_fold: false,
            ended: false,
            busy,
        };
        let Some((header, message)) = connection.receive()? else {
            // The pool has ended already.
            std::process::exit(0);
        };
        if header.kind != FrameKind::Open || header.call != PROTOCOL {
            return Err(Error::new(
                ErrorKind::Version,
                format!(
                    "the pool speaks protocol {}, expected {PROTOCOL}: both programs must be built with the same \
                     version of serde_shm",
                    header.call
                ),
            ));
        }
        let mut files = message.files.into_iter();
        let segment = files.next().ok_or_else(message::missing).and_then(|sealed| {
            let handed = Handed { sealed, live: files.next(), writable: header.number == 1 };
            handed.open(super::OBJECT)
        });
        Ok(Server { connection, segment })
    }

    fn run(self, tasks: &[&dyn Work]) -> Result<()> {
        let Server { mut connection, segment } = self;
        let mut begun: HashMap<usize, Box<dyn Begun + '_>> = HashMap::new();
        let mut current = None;
        while let Some((header, payload)) = connection.receive()? {
            connection.number = NO_JOB;
            let outcome = match header.kind {
                FrameKind::Begin => {
                    connection.call = header.call;
                    connection.is_fold = header.number == 1;
                    connection.ended = false;
                    current = None;
                    let opened = find(tasks, &payload.bytes, connection.is_fold).and_then(|task| {
                        let segment = segment.as_ref().map_err(|e| format!("the object: {e:#}"))?;
                        if let Entry::Vacant(place) = begun.entry(task) {
                            let made = tasks[task].begin(segment);
                            place.insert(made.map_err(|e| format!("the object: {e:#}"))?);
                        }
                        Ok(task)
                    });
                    match opened {
                        Err(error) => Err(error),
                        Ok(task) => {
                            current = Some(task);
                            if !connection.is_fold {
                                continue;
                            }
                            span!("job", task = tasks[task].name());
                            caught(|| match begun.get_mut(&task) {
                                Some(task) => task.run(&mut connection),
                                None => Err("the task was not begun".into()),
                            })
                        }
                    }
                }
                FrameKind::Job if !connection.is_fold => {
                    let Some(number) = current else { continue };
                    let Some(task) = begun.get_mut(&number) else { continue };
                    span!("job", task = tasks[number].name(), number = header.number);
                    connection.number = header.number;
                    connection.job = Some(payload);
                    caught(|| task.run(&mut connection))
                }
                // The frame was on its way to a fold that has failed meanwhile.
                FrameKind::Job | FrameKind::End => continue,
                other => {
                    return Err(Error::new(
                        ErrorKind::Corrupt,
                        format!("the pool sent a frame {other:?}"),
                    ));
                }
            };
            match outcome {
                Ok(result) => {
                    let kind = if connection.is_fold { FrameKind::Result } else { FrameKind::Done };
                    connection.send(kind, result)?;
                }
                Err(text) => connection.report(&text)?,
            }
        }
        Ok(())
    }
}

impl Connection {
    /// The next frame. `None` when the pool has closed the connection.
    fn receive(&mut self) -> Result<Option<(Header, Message)>> {
        self.busy.store(self.inbox.has_some(), Ordering::SeqCst);
        match self.inbox.next(&self.line, true)? {
            Came::Frame(header, payload) => {
                self.busy.store(true, Ordering::SeqCst);
                Ok(Some((header, payload)))
            }
            Came::End => Ok(None),
            Came::Nothing => Err(Error::new(ErrorKind::Corrupt, "the connection does not wait")),
        }
    }

    fn send(&mut self, kind: FrameKind, payload: Message) -> Result<()> {
        // The job is done once its result is sent. If the caller then drops the pool, this process must end by itself.
        self.busy.store(self.inbox.has_some(), Ordering::SeqCst);
        let mut outbox = Outbox::default();
        outbox.put(Header::new(kind, self.call, self.number), Arc::new(payload));
        // If the other end has gone, the next `receive` tells that.
        outbox.send(&self.line).map(drop).map_err(|e| Error::io("cannot send to the pool", e))
    }

    fn report(&mut self, text: &str) -> Result<()> {
        let end = (0..=text.len().min(64 << 10)).rev().find(|at| text.is_char_boundary(*at));
        let text = &text[..end.unwrap_or(0)];
        self.send(FrameKind::Failed, Message::text(text))
    }
}

impl Feed for Connection {
    fn next(&mut self) -> Option<Message> {
        if !self.is_fold {
            return self.job.take();
        }
        if self.ended {
            return None;
        }
        if self.number != NO_JOB && self.send(FrameKind::Folded, Message::default()).is_err() {
            std::process::exit(1);
        }
        match self.receive() {
            Ok(Some((header, payload))) if header.kind == FrameKind::Job => {
                self.number = header.number;
                Some(payload)
            }
            Ok(Some((header, _))) if header.kind == FrameKind::End => {
                self.ended = true;
                self.number = NO_JOB;
                None
            }
            // The pool has gone, so no process would take a result. The fold must not go on with half of its jobs.
            Ok(None) => std::process::exit(0),
            Ok(Some((header, _))) => self.fail(&format!("the pool sent a frame {:?}", header.kind)),
            Err(error) => self.fail(&format!("{error:#}")),
        }
    }

    fn fail(&mut self, text: &str) -> ! {
        let sent = self.report(&format!("the job: {text}"));
        std::process::exit(i32::from(sent.is_err()));
    }
}

/// The index of the task of this name.
fn find(tasks: &[&dyn Work], name: &[u8], is_fold: bool) -> std::result::Result<usize, String> {
    let is_meant = |task: &&dyn Work| task.name().as_bytes() == name;
    let name = String::from_utf8_lossy(name);
    let Some(at) = tasks.iter().position(is_meant) else {
        let names: Vec<String> = tasks.iter().map(|task| format!("`{}`", task.name())).collect();
        let serves = if names.is_empty() { "nothing".to_owned() } else { names.join(", ") };
        return Err(format!("there is no task `{name}`: this program serves {serves}"));
    };
    match (tasks[at].is_fold(), is_fold) {
        (true, false) => Err(format!("`{name}` is a fold and not a task there")),
        (false, true) => Err(format!("`{name}` is a task and not a fold there")),
        _ => Ok(at),
    }
}

/// The function's result. Of an error or a panic, the text.
fn caught(run: impl FnOnce() -> Outcome<Message>) -> std::result::Result<Message, String> {
    match panic::catch_unwind(AssertUnwindSafe(run)) {
        Ok(Ok(result)) => Ok(result),
        Ok(Err(error)) => {
            let mut text = error.to_string();
            let mut source = error.source();
            while let Some(cause) = source {
                let cause_text = cause.to_string();
                if !text.contains(&cause_text) {
                    text = format!("{text}: {cause_text}");
                }
                source = cause.source();
            }
            Err(text)
        }
        Err(payload) => {
            let place = PLACE.take().map_or_else(String::new, |place| format!(" at {place}"));
            Err(format!("panicked{place}: {}", message(&*payload)))
        }
    }
}

fn message(payload: &(dyn Any + Send)) -> &str {
    match (payload.downcast_ref::<&str>(), payload.downcast_ref::<String>()) {
        (Some(text), _) => text,
        (_, Some(text)) => text,
        _ => "(its payload is no text)",
    }
}

thread_local! {
    /// Where this thread panicked last.
    static PLACE: RefCell<Option<String>> = const { RefCell::new(None) };
}

/// Sets a panic hook that notes where a panic happened, and then calls the usual hook.
fn note_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string);
        let _ = PLACE.try_with(|noted| noted.replace(place));
        usual(info);
    }));
}

/// Starts a thread that ends this process when the pool has gone: at once if a job is under way. If not, the process first has
/// two seconds to end by itself.
fn watch(line: Line, busy: Arc<AtomicBool>) -> std::io::Result<()> {
    let wait = move || {
        if line.wait_for_end().is_err() {
            return;
        }
        for _ in 0..200 {
            if busy.load(Ordering::SeqCst) {
                break;
            }
            std::thread::sleep(Duration::from_millis(10));
        }
        os::end_now();
    };
    std::thread::Builder::new().name("serde_shm-watch".to_owned()).spawn(wait).map(drop)
}
