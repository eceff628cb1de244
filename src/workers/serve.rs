//! The side of a process that works: from the start of `main` to its end.

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

/// Tells a process that it was started as a worker: `SOCKET:PID`, the identity of the socket that is its standard input
/// and the process of the pool. It is inherited by what the worker starts, which has another standard input.
pub(super) const VARIABLE: &str = "SERDE_SHM_WORKER";

/// Works for the pool that started this process, if one did, and does not return then. Otherwise it returns at once.
///
/// It belongs at the top of `main`, before arguments are read, threads are started or anything is done that a worker should not
/// do. A [`Pool`](super::Pool) starts the program that it is called in once more for each of its processes, without
/// arguments; here these processes turn off.
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
/// In a test, which is not called from a `main` of one's own, it stands at the top of the test, and the pool is told to start that
/// test: see [`test_command`](super::test_command).
///
/// # What a worker process has
///
/// Standard input is empty: before, it was the connection to the pool. Standard output and error are the caller's. A panic
/// of a task is reported by the usual hook and to the caller. When the caller ends, however it does, or drops the pool,
/// the process ends: in the midst of a job by `SIGKILL`, else by [`std::process::exit`], with what that does. Jobs are
/// done by the thread that called this function, one after the other; a thread of its own waits for the caller's end.
///
/// Ending is also all that this function does where the pool is that of another version of this crate which it does not
/// understand; what was wrong is said on standard error, and the caller gets an error as well.
pub fn serve(tasks: &[&dyn Work]) {
    let Some(parent) = started_by() else { return };
    // A second thread that comes here meanwhile has nothing to serve.
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

/// This test binary, to be started at one of its tests, for [`Pool::command`](super::Pool::command).
///
/// A test has no `main` of its own to call [`serve`] in. It calls it at its top, and has its pool start the binary anew with that
/// test alone:
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
/// It is `--exact NAME --nocapture` and the like to the standard library's harness. The harness's own lines are not shown:
/// standard output is set to nothing, which [`Command::stdout`](std::process::Command::stdout) changes. One test that serves all
/// tasks will do for a whole binary.
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
/// [`Io`](ErrorKind::Io) if the system does not say what program this is; [`Unsupported`](ErrorKind::Unsupported) anywhere but
/// on Linux.
pub fn test_command(test: &str) -> Result<std::process::Command> {
    let mut command =
        os::this_program().map_err(|e| Error::io("cannot tell what program this is", e))?;
    command.args([test, "--exact", "--include-ignored", "--nocapture", "--test-threads=1"]);
    command.stdout(std::process::Stdio::null());
    Ok(command)
}

/// The number of the process whose pool started this one as a worker, if that was so and it does not serve yet.
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
    /// A job that was received and not done.
    job: Option<Message>,
    number: u64,
    is_fold: bool,
    /// Whether the fold under way has its last job.
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
            // The pool has gone already.
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
                            caught(|| match begun.get_mut(&task) {
                                Some(task) => task.run(&mut connection),
                                None => Err("the task was not begun".into()),
                            })
                        }
                    }
                }
                FrameKind::Job if !connection.is_fold => {
                    let Some(task) = current.and_then(|task| begun.get_mut(&task)) else {
                        continue;
                    };
                    connection.number = header.number;
                    connection.job = Some(payload);
                    caught(|| task.run(&mut connection))
                }
                // What was on its way to a fold that has failed.
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
    /// The next frame; none when the pool has gone.
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
        // What is sent is done: when the caller drops the pool upon it, this process is to end by itself.
        self.busy.store(self.inbox.has_some(), Ordering::SeqCst);
        let mut outbox = Outbox::default();
        outbox.put(Header::new(kind, self.call, self.number), Arc::new(payload));
        // That the other end has gone, the next receive tells.
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
            // Nobody is there to take a result: what the fold would do with half of its jobs is not to happen.
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

/// The task of this name.
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

/// What the function gives; of an error or a panic the text.
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

/// Has panics leave where they happened, beside what is done with them otherwise.
fn note_panics() {
    let usual = panic::take_hook();
    panic::set_hook(Box::new(move |info| {
        let place = info.location().map(ToString::to_string);
        let _ = PLACE.try_with(|noted| noted.replace(place));
        usual(info);
    }));
}

/// Ends this process when the pool has gone: at once if there is a job under way, else when it has had its time to end
/// by itself.
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
