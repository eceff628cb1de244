//! One process of a pool, as the caller sees it.

use std::collections::VecDeque;
use std::fmt;
use std::io;
use std::process::{Child, ExitStatus};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::os::{Line, Waiting, Watch};
use crate::{Error, ErrorKind, Result};

use super::frame::{Came, FrameKind, Header, Inbox, MAGIC, Outbox, PROTOCOL};
use super::keeper::Keeper;
use super::message::Message;

/// How long a process may live on after it has closed its connection.
pub(super) const GRACE: Duration = Duration::from_secs(1);

/// A job that was taken from the caller's iterator.
pub(super) struct Sent {
    pub(super) number: u64,
    /// `None` once it was sent, unless it may have to be sent again.
    pub(super) payload: Option<Arc<Message>>,
    /// How many processes have died with it.
    pub(super) deaths: u32,
}

/// How far a process is in a fold.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(super) enum Folding {
    No,
    /// The process gets jobs.
    Open,
    /// The process was told that there are no more jobs, and has not sent its result yet.
    Ended,
}

pub(super) struct Process {
    child: Child,
    /// `None` when the connection has ended.
    line: Option<Line>,
    watch: Option<Watch>,
    inbox: Inbox,
    pub(super) outbox: Outbox,
    /// Whether it has said that it serves.
    pub(super) is_ready: bool,
    /// When it began what it does now: its start, or the first job in its queue.
    pub(super) since: Instant,
    /// When the connection ended.
    pub(super) closed: Option<Instant>,
    /// The last call that it was told of.
    pub(super) call: Option<u32>,
    /// The jobs that it was given and has not finished, in the order in which it does them.
    pub(super) queue: VecDeque<Sent>,
    pub(super) folding: Folding,
    /// Jobs that it has folded in, while the fold's result has not come.
    pub(super) folded: Vec<Sent>,
}

impl Process {
    pub(super) fn start(keeper: &Keeper, object: &Arc<Message>, writable: bool) -> Result<Self> {
        let cannot = |e: io::Error| Error::io("cannot start a worker process", e);
        let (near, far) = Line::pair().map_err(cannot)?;
        let identity = far.identity().map_err(cannot)?;
        let variable = format!("{identity}:{}", std::process::id());
        let child = keeper.spawn(far, variable).map_err(cannot)?;

        let mut outbox = Outbox::default();
        outbox.put(Header::new(FrameKind::Open, PROTOCOL, writable.into()), Arc::clone(object));
        let mut process = Process {
            watch: Watch::of(&child),
            child,
            line: Some(near),
            inbox: Inbox::new(),
            outbox,
            is_ready: false,
            since: Instant::now(),
            closed: None,
            call: None,
            queue: VecDeque::new(),
            folding: Folding::No,
            folded: Vec::new(),
        };
        if let Err(error) = process.send() {
            // The process runs already, and no other code would end it.
            process.end();
            return Err(error);
        }
        Ok(process)
    }

    pub(super) fn number(&self) -> u32 {
        self.child.id()
    }

    /// Whether it can be given a job.
    pub(super) fn takes_jobs(&self) -> bool {
        self.line.is_some() && self.folding != Folding::Ended
    }

    /// Whether it is doing something, or is about to.
    pub(super) fn is_busy(&self) -> bool {
        !self.queue.is_empty() || self.folding != Folding::No || !self.outbox.is_empty()
    }

    pub(super) fn waiting(&self) -> Waiting<'_> {
        Waiting {
            line: self.line.as_ref().map(|line| (line, !self.outbox.is_empty())),
            watch: self.watch.as_ref(),
            readable: false,
            writable: false,
            ended: false,
        }
    }

    /// Whether the caller must ask whether it has ended, because the kernel gave no descriptor that reports it.
    pub(super) fn must_be_asked(&self) -> bool {
        self.watch.is_none()
    }

    /// Whether it has ended.
    pub(super) fn has_ended(&mut self) -> bool {
        matches!(self.child.try_wait(), Ok(Some(_)))
    }

    /// Sends as many bytes of the outbox as the connection takes without waiting.
    pub(super) fn send(&mut self) -> Result<()> {
        let Some(line) = &self.line else { return Ok(()) };
        // Whether the process has gone is not looked at here: the end of its connection or its status tells that.
        let cannot = |e| Error::io("cannot send to a worker process", e);
        self.outbox.send(line).map(drop).map_err(cannot)
    }

    /// The next frame that the process sent, if one has come. With `ask`, the connection is read even if the last read emptied
    /// it, so that no frame is missed. Notes the end of the connection.
    pub(super) fn receive(&mut self, ask: bool) -> Result<Option<(Header, Message)>> {
        let Some(line) = &self.line else { return Ok(None) };
        match self.inbox.next(line, ask).map_err(|error| self.disorder(&error))? {
            Came::Frame(header, payload) => Ok(Some((header, payload))),
            Came::Nothing => Ok(None),
            Came::End => {
                self.line = None;
                self.closed = Some(Instant::now());
                Ok(None)
            }
        }
    }

    /// Checks the first frame that the process sent: its greeting.
    pub(super) fn greeted(&mut self, header: Header) -> Result<()> {
        if header.kind != FrameKind::Hello || header.number != MAGIC {
            let error = Error::new(
                ErrorKind::Corrupt,
                format!("expected a greeting, found {:?}", header.kind),
            );
            return Err(self.disorder(&error));
        }
        if header.call != PROTOCOL {
            return Err(Error::new(
                ErrorKind::Version,
                format!(
                    "worker process {} speaks protocol {}, expected {PROTOCOL}: build both programs with the same version of \
                     serde_shm",
                    self.number(),
                    header.call
                ),
            ));
        }
        self.is_ready = true;
        self.since = Instant::now();
        Ok(())
    }

    /// The error for a process that sent something which makes no sense.
    pub(super) fn disorder(&self, error: &Error) -> Error {
        Error::new(
            error.kind(),
            format!(
                "worker process {} does not keep to the protocol: {error:#}. The descriptor that was its standard input \
                 belongs to `workers::serve` alone",
                self.number()
            ),
        )
    }

    /// Closes the connection. The process then ends by itself unless it is stuck.
    pub(super) fn hang_up(&mut self) {
        self.line = None;
        self.closed.get_or_insert_with(Instant::now);
    }

    /// Kills it if it still runs, and waits for its end.
    pub(super) fn end(&mut self) -> Option<ExitStatus> {
        self.line = None;
        // If the process has ended already, `kill` does nothing.
        let _ = self.child.kill();
        self.child.wait().ok()
    }
}

/// A report that a process of a pool ended, with what it was doing.
///
/// ```
/// use serde_shm::workers::{self, Death, Pool, Task};
///
/// const EXIT: Task<(), i32, ()> = Task::new("exit", |(), code| std::process::exit(code));
/// fn main() -> Result<(), serde_shm::Error> {
///     workers::serve(&[&EXIT]);
///     # if !cfg!(target_os = "linux") { return Ok(()) }
///     let segment = serde_shm::to_shared(&())?;
///     let mut pool = Pool::new(&segment)?.processes(1);
///     let error = pool.for_each(&EXIT, [3]).unwrap_err();
///     assert_eq!(error.kind(), serde_shm::ErrorKind::WorkerDied);
///     let death: &Death = &pool.deaths()[0];
///     assert_eq!((death.job(), death.status().and_then(|status| status.code())), (Some(0), Some(3)));
///     assert!(!death.is_timeout());
///     println!("{death}"); // worker process 4711 ended while it had job 0: exit status: 3
///     Ok(())
/// }
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct Death {
    pub(super) process: u32,
    pub(super) job: Option<u64>,
    pub(super) status: Option<ExitStatus>,
    pub(super) cause: Cause,
}

/// Why a process ended: by itself, or because the pool ended it.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Cause {
    Itself,
    HungUp,
    Late(Duration),
}

impl Death {
    /// The process id.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    /// const EXIT: Task<(), i32, ()> = Task::new("exit", |(), code| std::process::exit(code));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&EXIT]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1);
    ///     assert!(pool.for_each(&EXIT, [3]).is_err());
    ///     assert_ne!(pool.deaths()[0].process(), std::process::id());
    ///     Ok(())
    /// }
    /// ```
    pub fn process(&self) -> u32 {
        self.process
    }

    /// The number of the job that the process was doing, counted from 0. `None` if it had no job, or had done all jobs of a fold.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    /// const EXIT: Task<(), i32, ()> = Task::new("exit", |(), code| std::process::exit(code));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&EXIT]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1);
    ///     assert!(pool.for_each(&EXIT, [3]).is_err());
    ///     assert_eq!(pool.deaths()[0].job(), Some(0)); // the first and only one
    ///     Ok(())
    /// }
    /// ```
    pub fn job(&self) -> Option<u64> {
        self.job
    }

    /// The exit code of the process, or the signal that killed it. `None` if other code of this program has already waited for
    /// the process.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    /// const EXIT: Task<(), i32, ()> = Task::new("exit", |(), code| std::process::exit(code));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&EXIT]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1);
    ///     assert!(pool.for_each(&EXIT, [3]).is_err());
    ///     let status = pool.deaths()[0].status();
    ///     assert_eq!(status.and_then(|status| status.code()), Some(3));
    ///     Ok(())
    /// }
    /// ```
    pub fn status(&self) -> Option<ExitStatus> {
        self.status
    }

    /// Whether the pool killed the process because a job took longer than [`Pool::time_limit`](super::Pool::time_limit), or its
    /// start longer than [`Pool::start_limit`](super::Pool::start_limit).
    ///
    /// ```
    /// use std::time::Duration;
    /// use serde_shm::workers::{self, Pool, Task};
    /// const HANG: Task<(), Duration, ()> = Task::new("hang", |(), time| Ok(std::thread::sleep(time)));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&HANG]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1).time_limit(Duration::from_millis(50));
    ///     assert!(pool.for_each(&HANG, [Duration::from_secs(600)]).is_err());
    ///     assert!(pool.deaths()[0].is_timeout());
    ///     Ok(())
    /// }
    /// ```
    pub fn is_timeout(&self) -> bool {
        matches!(self.cause, Cause::Late(_))
    }
}

impl fmt::Display for Death {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "worker process {} ", self.process)?;
        match self.cause {
            Cause::Itself => f.write_str("ended")?,
            Cause::HungUp => f.write_str("closed its connection and was ended")?,
            Cause::Late(limit) => write!(f, "was ended after {limit:?}, the time limit,")?,
        }
        if let Some(job) = self.job {
            write!(f, " while it had job {job}")?;
        }
        match self.status {
            Some(status) => write!(f, ": {status}"),
            None => f.write_str(", with a status that somebody else has taken"),
        }
    }
}
