//! The processes of a pool: what they are given, how they are started, and how they end. Of a call, this module knows only
//! the number.

use std::process::Command;
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::os;
use crate::verbs::Handed;
use crate::{Error, ErrorKind, Result, Segment};

use super::keeper::Keeper;
use super::message::Message;
use super::process::{Cause, Death, GRACE, Process};

/// When the pool is dropped, how long it waits for processes that have nothing to do, before it kills them.
const LAST_GRACE: Duration = Duration::from_secs(2);

pub(super) struct Crew {
    /// The files of the object, as they are sent to each process, and whether processes may change its live arrays.
    object: Arc<Message>,
    writable: bool,
    command: Option<Command>,
    /// The program that is started, as errors name it.
    pub(super) program: String,
    keeper: Option<Keeper>,
    owner: u32,
    pub(super) most: usize,
    pub(super) look_ahead: usize,
    pub(super) attempts: u32,
    pub(super) in_order: bool,
    pub(super) start_limit: Duration,
    pub(super) time_limit: Option<Duration>,
    pub(super) processes: Vec<Process>,
    pub(super) deaths: Vec<Death>,
    calls: u32,
}

impl Crew {
    /// A crew without processes yet, with the default settings.
    pub(super) fn of(segment: &Segment) -> Result<Self> {
        let Handed { sealed, live, writable } = Handed::of(segment)?;
        let files = std::iter::once(sealed).chain(live).collect();
        let most = std::thread::available_parallelism().map_or(1, usize::from);
        Ok(Crew {
            object: Arc::new(Message { files, ..Message::default() }),
            writable,
            command: None,
            program: "this program".to_owned(),
            keeper: None,
            owner: std::process::id(),
            most,
            look_ahead: 3,
            attempts: 1,
            in_order: true,
            start_limit: Duration::from_secs(60),
            time_limit: None,
            processes: Vec::new(),
            deaths: Vec::new(),
            calls: 0,
        })
    }

    /// Sets the command that starts processes, in place of the running program.
    pub(super) fn start_by(&mut self, command: Command) {
        self.program = format!("{command:?}");
        self.command = Some(command);
        self.keeper = None;
    }

    pub(super) fn process_ids(&self) -> Vec<u32> {
        self.processes.iter().map(Process::number).collect()
    }

    /// Begins a call and gives its number.
    ///
    /// # Errors
    ///
    /// `InvalidInput` if the pool's settings allow no call, or if this process is a forked child of the pool's owner.
    pub(super) fn next_call(&mut self) -> Result<u32> {
        self.check()?;
        self.deaths.clear();
        self.calls = self.calls.wrapping_add(1);
        Ok(self.calls)
    }

    /// How many jobs may be out at a time: taken from the iterator, with results that were not given out yet.
    pub(super) fn most_jobs(&self) -> usize {
        self.most.saturating_mul(self.look_ahead.saturating_add(1))
    }

    fn check(&self) -> Result<()> {
        let refused = |text| Err(Error::new(ErrorKind::InvalidInput, text));
        if self.owner != std::process::id() {
            return refused("the pool belongs to the process that this one was forked from");
        }
        if self.most == 0 {
            return refused("the pool has no processes: `.processes(1)` is the least");
        }
        if self.attempts == 0 {
            return refused("no job can be given to no process: `.attempts(1)` is the least");
        }
        Ok(())
    }

    pub(super) fn start_one(&mut self) -> Result<()> {
        let cannot = |e| Error::io("cannot start worker processes", e);
        let keeper = if let Some(keeper) = self.keeper.take() {
            keeper
        } else {
            let command = match self.command.take() {
                Some(command) => command,
                None => os::this_program().map_err(cannot)?,
            };
            Keeper::new(command).map_err(cannot)?
        };
        let keeper = self.keeper.insert(keeper);
        self.processes.push(Process::start(keeper, &self.object, self.writable)?);
        Ok(())
    }

    /// The error for a process that ended, or was ended, before it served.
    pub(super) fn not_started(&self, death: &str, cause: Cause) -> Error {
        let hint = match cause {
            Cause::Late(_) => "it did not call `serde_shm::workers::serve` in that time",
            _ => "before it served: `serde_shm::workers::serve` belongs at the top of its `main`",
        };
        let text = format!("{death}; {hint}. It was started as {}", self.program);
        Error::new(ErrorKind::WorkerDied, text)
    }
}

impl Drop for Crew {
    fn drop(&mut self) {
        if self.owner != std::process::id() {
            // The processes are the parent's, and the keeper's thread does not exist in this forked child.
            std::mem::forget((std::mem::take(&mut self.processes), self.keeper.take()));
            return;
        }
        let until = Instant::now() + LAST_GRACE;
        self.processes.iter_mut().for_each(Process::hang_up);
        while !self.processes.is_empty() && Instant::now() < until {
            self.processes.retain_mut(|process| !process.has_ended());
            let mut waiting: Vec<_> = self.processes.iter().map(Process::waiting).collect();
            let must_ask = self.processes.iter().any(Process::must_be_asked);
            let most = if must_ask { Duration::from_millis(5) } else { GRACE };
            if !waiting.is_empty() && os::wait_any(&mut waiting, Some(most)).is_err() {
                break;
            }
        }
        for process in &mut self.processes {
            process.end();
        }
    }
}
