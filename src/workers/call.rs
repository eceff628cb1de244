//! One call of a pool: jobs go out, results come back, processes die and are replaced. Of a job, this module knows only the
//! number and the bytes.

use std::collections::{BTreeMap, VecDeque};
use std::sync::Arc;
use std::time::{Duration, Instant};

use crate::os::{self, Waiting};
use crate::{Error, ErrorKind, Result};

use super::crew::Crew;
use super::frame::{FrameKind, Header, NO_JOB};
use super::message::Message;
use super::process::{Cause, Death, Folding, GRACE, Process, Sent};

/// How often a call checks whether a process lives, where the kernel does not report its end.
const ASK: Duration = Duration::from_millis(50);

pub(super) struct Call<'c> {
    crew: &'c mut Crew,
    name: &'static str,
    is_fold: bool,
    id: u32,
    /// Jobs that wait to be sent: a new one, or those of a process that died.
    again: VecDeque<Sent>,
    /// Results that can be given out.
    ready: VecDeque<(u64, Message)>,
    /// Results that wait until the results of earlier jobs have come.
    early: BTreeMap<u64, Message>,
    /// The job whose result is given out next, where the call keeps the order.
    next: u64,
    /// How many jobs were taken from the iterator.
    taken: u64,
    /// Whether the iterator has no more jobs.
    no_more: bool,
}

impl<'c> Call<'c> {
    pub(super) fn new(crew: &'c mut Crew, name: &'static str, is_fold: bool) -> Result<Self> {
        let id = crew.next_call()?;
        let mut call = Call {
            crew,
            name,
            is_fold,
            id,
            again: VecDeque::new(),
            ready: VecDeque::new(),
            early: BTreeMap::new(),
            next: 0,
            taken: 0,
            no_more: false,
        };
        // Processes may have died since the last call.
        call.advance(false)?;
        Ok(call)
    }

    /// Whether the next job may be taken from the iterator.
    pub(super) fn wants_job(&self) -> bool {
        let out: usize = self.crew.processes.iter().map(|process| process.queue.len()).sum();
        let all = out + self.again.len() + self.early.len() + self.ready.len();
        !self.no_more
            && all < self.crew.most_jobs()
            && self.again.is_empty()
            && self.place().is_some()
    }

    /// Takes the next job's bytes, and sends them to a process.
    pub(super) fn give(&mut self, payload: Message) -> Result<()> {
        let number = self.taken;
        self.taken += 1;
        self.again.push_back(Sent { number, payload: Some(Arc::new(payload)), deaths: 0 });
        self.send_again()
    }

    /// The number that the next job gets.
    pub(super) fn next_number(&self) -> u64 {
        self.taken
    }

    pub(super) fn no_more_jobs(&mut self) {
        self.no_more = true;
    }

    /// The next result that has come, with the number of its job. The result of a fold comes with the number of its process.
    pub(super) fn take(&mut self) -> Option<(u64, Message)> {
        self.ready.pop_front()
    }

    pub(super) fn is_finished(&self) -> bool {
        let idle = |process: &Process| process.queue.is_empty() && process.folding == Folding::No;
        self.no_more
            && self.again.is_empty()
            && self.early.is_empty()
            && self.ready.is_empty()
            && self.crew.processes.iter().all(idle)
    }

    /// Starts all processes and waits until they serve.
    pub(super) fn start_all(&mut self) -> Result<()> {
        while self.crew.processes.len() < self.crew.most {
            self.crew.start_one()?;
        }
        while !self.crew.processes.iter().all(|process| process.is_ready) {
            self.advance(true)?;
        }
        Ok(())
    }

    /// Sends what can be sent, handles what has come, and ends processes that are past their time. With `wait`, it first waits
    /// until something happens.
    pub(super) fn advance(&mut self, wait: bool) -> Result<()> {
        self.send_again()?;
        if self.is_fold && self.no_more && self.again.is_empty() {
            self.end_folds()?;
        }
        let most = if wait { self.next_deadline() } else { Some(Duration::ZERO) };
        let mut waiting: Vec<Waiting<'_>> =
            self.crew.processes.iter().map(Process::waiting).collect();
        os::wait_any(&mut waiting, most)
            .map_err(|e| Error::io("cannot wait for worker processes", e))?;
        let found: Vec<_> =
            waiting.iter().map(|one| (one.readable, one.writable, one.ended)).collect();
        // From the last to the first, because dead processes are removed from the list.
        for (at, (readable, writable, mut ended)) in found.into_iter().enumerate().rev() {
            if writable {
                self.crew.processes[at].send()?;
            }
            if self.crew.processes[at].must_be_asked() {
                ended = self.crew.processes[at].has_ended();
            }
            if readable || ended {
                while let Some((header, payload)) = self.crew.processes[at].receive(ended)? {
                    self.came(at, header, payload)?;
                }
            }
            if ended {
                self.died(at, Cause::Itself)?;
            } else {
                self.check_time(at)?;
            }
        }
        Ok(())
    }

    /// Ends the process if it is past its time.
    fn check_time(&mut self, at: usize) -> Result<()> {
        let Some(due) = self.due(&self.crew.processes[at]) else { return Ok(()) };
        if Instant::now() < due {
            return Ok(());
        }
        let process = &self.crew.processes[at];
        let cause = match self.crew.time_limit {
            _ if process.closed.is_some() => Cause::HungUp,
            Some(limit) if process.is_ready => Cause::Late(limit),
            _ => Cause::Late(self.crew.start_limit),
        };
        self.died(at, cause)
    }

    /// When a process must have finished what it does now.
    fn due(&self, process: &Process) -> Option<Instant> {
        if let Some(closed) = process.closed {
            return Some(closed + GRACE);
        }
        if !process.is_ready {
            return process.since.checked_add(self.crew.start_limit);
        }
        let works = !process.queue.is_empty() || process.folding == Folding::Ended;
        process.since.checked_add(self.crew.time_limit?).filter(|_| works)
    }

    fn next_deadline(&self) -> Option<Duration> {
        let now = Instant::now();
        let due = self.crew.processes.iter().filter_map(|process| self.due(process)).min();
        let due = due.map(|due| due.saturating_duration_since(now));
        if self.crew.processes.iter().any(Process::must_be_asked) {
            return Some(due.unwrap_or(ASK).min(ASK));
        }
        due
    }

    /// The index of the process that the next job goes to. An index past the last one stands for a process to be started.
    fn place(&self) -> Option<usize> {
        let processes = &self.crew.processes;
        let usable = || processes.iter().enumerate().filter(|(_, process)| process.takes_jobs());
        let (at, shortest) = usable()
            .map(|(at, process)| (at, process.queue.len()))
            .min_by_key(|(_, length)| *length)
            .unwrap_or((0, usize::MAX));
        if shortest == 0 {
            Some(at)
        } else if processes.len() < self.crew.most {
            Some(processes.len())
        } else {
            (shortest <= self.crew.look_ahead).then_some(at)
        }
    }

    /// Sends the jobs that wait in `again`, as far as there are processes for them.
    fn send_again(&mut self) -> Result<()> {
        while !self.again.is_empty()
            && let Some(at) = self.place()
        {
            if at == self.crew.processes.len() {
                self.crew.start_one()?;
            }
            let Some(mut job) = self.again.pop_front() else { break };
            let process = &mut self.crew.processes[at];
            if process.call != Some(self.id) || (self.is_fold && process.folding == Folding::No) {
                process.call = Some(self.id);
                let name = Arc::new(Message::text(self.name));
                process
                    .outbox
                    .put(Header::new(FrameKind::Begin, self.id, self.is_fold.into()), name);
                if self.is_fold {
                    process.folding = Folding::Open;
                }
            }
            if process.queue.is_empty() && process.is_ready {
                process.since = Instant::now();
            }
            let again = self.crew.attempts > 1;
            let payload = if again { job.payload.clone() } else { job.payload.take() };
            let payload = payload.unwrap_or_default();
            process.outbox.put(Header::new(FrameKind::Job, self.id, job.number), payload);
            process.queue.push_back(job);
            process.send()?;
        }
        Ok(())
    }

    /// Tells all processes that are folding that there are no more jobs.
    fn end_folds(&mut self) -> Result<()> {
        for process in &mut self.crew.processes {
            if process.folding == Folding::Open {
                process.folding = Folding::Ended;
                process.outbox.put(Header::new(FrameKind::End, self.id, NO_JOB), Arc::default());
                process.send()?;
            }
        }
        Ok(())
    }

    /// Handles a frame that a process sent.
    fn came(&mut self, at: usize, header: Header, payload: Message) -> Result<()> {
        let process = &mut self.crew.processes[at];
        if !process.is_ready {
            return process.greeted(header);
        }
        let is_first = process.queue.front().is_some_and(|job| job.number == header.number);
        let unexpected = |process: &Process| {
            let found = format!("an unexpected frame {:?}, number {}", header.kind, header.number);
            Err(process.disorder(&Error::new(ErrorKind::Corrupt, found)))
        };
        if header.call != self.id || process.call != Some(self.id) {
            return unexpected(process);
        }
        process.since = Instant::now();
        match header.kind {
            FrameKind::Done if is_first && !self.is_fold => {
                process.queue.pop_front();
                self.keep(header.number, payload);
            }
            FrameKind::Folded if is_first && self.is_fold => {
                let job = process.queue.pop_front();
                if self.crew.attempts > 1 {
                    process.folded.extend(job);
                }
            }
            FrameKind::Result if process.folding == Folding::Ended && process.queue.is_empty() => {
                process.folding = Folding::No;
                process.folded.clear();
                self.ready.push_back((u64::from(process.number()), payload));
            }
            FrameKind::Failed => {
                let text = String::from_utf8_lossy(&payload.bytes);
                let (what, number) = (self.name, process.number());
                let text = format!("task `{what}` failed in worker process {number}: {text}");
                return Err(at_job(Error::new(ErrorKind::JobFailed, text), header.number));
            }
            _ => return unexpected(process),
        }
        Ok(())
    }

    /// Keeps a result until it is its turn to be given out.
    fn keep(&mut self, number: u64, payload: Message) {
        if !self.crew.in_order {
            self.ready.push_back((number, payload));
            return;
        }
        self.early.insert(number, payload);
        while let Some(payload) = self.early.remove(&self.next) {
            self.ready.push_back((self.next, payload));
            self.next += 1;
        }
    }

    /// Handles a process that has ended, or kills one for the given cause. Its jobs wait for other processes, unless the job that
    /// it was doing has used up its attempts.
    fn died(&mut self, at: usize, cause: Cause) -> Result<()> {
        let mut process = self.crew.processes.remove(at);
        let status = process.end();
        let owes = process.folding != Folding::No;
        let job = process.queue.front().map(|job| job.number);
        let death = Death { process: process.number(), job, status, cause };
        let text = death.to_string();
        self.crew.deaths.push(death);
        if !process.is_ready {
            return Err(self.crew.not_started(&text, cause));
        }
        if owes {
            // All jobs that the process had folded in are lost with it.
            for job in process.folded.iter_mut().chain(&mut process.queue) {
                job.deaths += 1;
            }
        } else if let Some(first) = process.queue.front_mut() {
            first.deaths += 1;
        }
        let most = self.crew.attempts;
        let jobs = || process.queue.iter().chain(&process.folded);
        let given_up = jobs().find(|job| job.deaths >= most).map(|job| (job.number, job.deaths));
        // There may be no job to blame. The jobs that it had folded in still cannot be given out again: they were not kept.
        if let Some((number, deaths)) = given_up.or((owes && most == 1).then_some((NO_JOB, 1))) {
            let often = if deaths > 1 {
                format!("; it was given to {deaths} processes, and each ended")
            } else {
                String::new()
            };
            let error = Error::new(ErrorKind::WorkerDied, format!("{text}{often}"));
            return Err(at_job(error, number));
        }
        for job in process.queue.drain(..).rev().chain(process.folded.drain(..).rev()) {
            self.again.push_front(job);
        }
        Ok(())
    }
}

/// The error, with the number of the job in its path if it is the error of a job.
pub(super) fn at_job(error: Error, number: u64) -> Error {
    if number == NO_JOB {
        return error;
    }
    error.at_index(usize::try_from(number).unwrap_or(usize::MAX)).at_field("jobs")
}

impl Drop for Call<'_> {
    /// Ends the processes that still work on the call. There are some only if the call is given up: by an error, by a panic, or
    /// because its caller drops the results.
    fn drop(&mut self) {
        self.crew.processes.retain_mut(|process| {
            if process.is_busy() {
                process.end();
                return false;
            }
            true
        });
    }
}
