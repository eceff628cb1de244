//! The caller's side: a pool's settings, and its methods that take jobs.

use std::fmt;
use std::iter::FusedIterator;
use std::marker::PhantomData;
use std::process::Command;
use std::time::Duration;

use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use crate::{Error, ErrorKind, Result, Segment};

use super::call::{Call, at_job};
use super::crew::Crew;
use super::message::Message;
use super::process::Death;
use super::serve;
use super::task::{Fold, Task};

/// Worker processes that share one object and do jobs for this process.
///
/// The [module](super) says what worker processes run, and [`serve`](super::serve) what the program must call.
///
/// The pool starts a process when there is a job for it, and keeps the process for further calls. A pool can be sent to another
/// thread. When the pool is dropped, its processes end. Those without a job end by themselves; the pool waits for them for at
/// most two seconds, and then kills them. It kills the others with `SIGKILL`.
///
/// After a `fork`, the processes still belong to the parent. In the child, a call of its copy of the pool gives an error, and
/// to drop the copy does nothing.
///
/// ```
/// use serde_shm::workers::{self, Pool, Task};
///
/// const SQUARE: Task<(), u64, u64> = Task::new("square", |(), job| Ok(job * job));
/// fn main() -> Result<(), serde_shm::Error> {
///     workers::serve(&[&SQUARE]);
///     # if !cfg!(target_os = "linux") { return Ok(()) }
///     let segment = serde_shm::to_shared(&())?; // nothing is shared here but the program
///     let mut pool = Pool::new(&segment)?.processes(2);
///     assert_eq!(pool.map_reduce(&SQUARE, 1..=3, 0, |sum, square| sum + square)?, 14);
///     Ok(())
/// }
/// ```
pub struct Pool {
    crew: Crew,
}

impl Pool {
    /// A pool for the object in this segment, with at most one process for each core.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const AT: Task<Vec<u8>, usize, u8> = Task::new("at", |bytes, place| Ok(bytes[place]));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&AT]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&[7_u8, 8])?;
    ///     let mut pool = Pool::new(&segment)?.processes(2).look_ahead(8);
    ///     assert_eq!(pool.map_reduce(&AT, 0..2, 0, |sum, byte| sum + byte)?, 15);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// This starts no process yet. The pool has file descriptors of its own for the segment's memory, and hands them to its
    /// processes. So `segment` may be dropped before the pool, and the processes need no `/proc` to open the memory. A persistent
    /// segment is copied to memory once. If `segment` was opened for reading, the processes can only read its live arrays, too.
    ///
    /// # Errors
    ///
    /// [`Io`](ErrorKind::Io) if the system has no descriptors or memory left. [`InvalidInput`](ErrorKind::InvalidInput) if a pool
    /// started this process and this process has not called [`serve`](super::serve). Without this error, it would start processes
    /// that start processes.
    pub fn new(segment: &Segment) -> Result<Self> {
        if let Some(parent) = serve::started_by() {
            return Err(Error::new(
                ErrorKind::InvalidInput,
                format!(
                    "process {parent} started this one as a worker, and it makes a pool of its own: call \
                     `serde_shm::workers::serve` at the top of `main`"
                ),
            ));
        }
        Ok(Pool { crew: Crew::of(segment)? })
    }

    /// Sets how many processes the pool has at most. The default is one for each core.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const ID: Task<(), (), u32> = Task::new("id", |(), ()| Ok(std::process::id()));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&ID]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1);
    ///     let ids = pool.map(&ID, [(); 8]).collect::<Result<Vec<u32>, _>>()?;
    ///     assert_eq!(ids, [pool.process_ids()[0]; 8]); // one process did all jobs
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn processes(mut self, most: usize) -> Self {
        self.crew.most = most;
        self
    }

    /// Sets how many jobs the pool takes from the iterator ahead of time for each process, beside the job that the process is
    /// doing. The default is 3.
    ///
    /// At most `processes × (1 + look_ahead)` jobs are out at any time. A job is out from when the pool takes it from the iterator
    /// until it gives out the job's result.
    ///
    /// With 0, a process waits after each job until the caller sends the next one. That takes some microseconds, and longer if the
    /// caller is busy. With more, jobs may wait behind a long one while other processes have nothing left to do. But where results
    /// are given out in order, other processes can go on for longer beside a long job.
    ///
    /// ```
    /// use std::cell::Cell;
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const SAME: Task<(), u32, u32> = Task::new("same", |(), job| Ok(job));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&SAME]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1).look_ahead(0);
    ///     let taken = Cell::new(0);
    ///     let mut results = pool.map(&SAME, (0..100).inspect(|_| taken.set(taken.get() + 1)));
    ///     assert_eq!(results.next().transpose()?, Some(0));
    ///     assert!(taken.get() <= 2); // the job that is done, and the next one
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn look_ahead(mut self, jobs: usize) -> Self {
        self.crew.look_ahead = jobs;
        self
    }

    /// Sets to how many processes a job is given before the call fails, if each of them dies while it does the job. The default
    /// is 1.
    ///
    /// With 1, the first death fails the call. With more, the pool gives the job to another process, and also the jobs that waited
    /// behind it. Results that come back are then the same as if no process had died. A live array is not: what the job had already
    /// done to the array stays, and the other process does it once more. With more than 1, a call keeps the bytes of each job until
    /// the job's result has come; for a [`Fold`], until the fold's result has come.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const EXIT: Task<(), i32, ()> = Task::new("exit", |(), code| std::process::exit(code));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&EXIT]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1).attempts(3);
    ///     assert!(pool.for_each(&EXIT, [5]).is_err());
    ///     assert_eq!(pool.deaths().len(), 3);
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn attempts(mut self, attempts: u32) -> Self {
        self.crew.attempts = attempts;
        self
    }

    /// Sets whether results are given out in the order of their jobs. The default is `true`.
    ///
    /// In order, a reduction of floats has the same sum in each run, and with one process the same as with ten. With `false`,
    /// results are given out as they come. The results of a [`Fold`] are always given out as they come.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const SQUARE: Task<(), u64, u64> = Task::new("square", |(), job| Ok(job * job));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&SQUARE]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(2).in_order(false);
    ///     let sum = pool.map_reduce(&SQUARE, 0..10, 0, |sum, square| sum + square)?; // in whatever order
    ///     assert_eq!(sum, 285);
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn in_order(mut self, in_order: bool) -> Self {
        self.crew.in_order = in_order;
        self
    }

    /// Sets how long a process may take from its start to its call of [`serve`](super::serve). The default is a minute.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::workers::Pool;
    /// use std::process::Command;
    /// use std::time::Duration;
    ///
    /// let mut command = Command::new("sleep"); // a program that does not call `serve`
    /// command.arg("600");
    /// let segment = serde_shm::to_shared(&())?;
    /// let pool = Pool::new(&segment)?.command(command).start_limit(Duration::from_millis(50));
    /// assert!(pool.processes(1).start().is_err());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    #[must_use]
    pub fn start_limit(mut self, limit: Duration) -> Self {
        self.crew.start_limit = limit;
        self
    }

    /// Sets how long a job may take, or the end of a fold after its last job. By default there is no limit.
    ///
    /// The pool kills a process that takes longer. What follows is the same as if the process had died by itself.
    ///
    /// ```
    /// use std::time::Duration;
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const HANG: Task<(), u64, ()> = Task::new("hang", |(), time| Ok(std::thread::sleep(Duration::from_secs(time))));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&HANG]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1).time_limit(Duration::from_millis(50));
    ///     assert!(pool.for_each(&HANG, [600]).is_err());
    ///     assert!(pool.deaths()[0].is_timeout());
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn time_limit(mut self, limit: Duration) -> Self {
        self.crew.time_limit = Some(limit);
        self
    }

    /// Sets the command that starts a worker process. The default is this program without arguments.
    ///
    /// The command may start another program that calls [`serve`](super::serve), or this one with arguments
    /// ([`test_command`](super::test_command)). It may also start either of them by a program that first sets something, such as
    /// `nice`, `taskset` or `numactl`.
    ///
    /// The pool sets the command's standard input, which is the connection. Everything else is as the command has it. The process
    /// that the command starts must serve itself, or must live as long as a child of it that serves.
    ///
    /// ```
    /// use std::process::Command;
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const DOUBLE: Task<(), u32, u32> = Task::new("double", |(), job| Ok(2 * job));
    /// fn main() -> Result<(), Box<dyn std::error::Error>> {
    ///     workers::serve(&[&DOUBLE]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut command = Command::new("nice");
    ///     command.arg(std::env::current_exe()?); // this program, at a lower priority
    ///     let mut pool = Pool::new(&segment)?.processes(1).command(command);
    ///     assert_eq!(pool.map_reduce(&DOUBLE, [3], 0, |sum, double| sum + double)?, 6);
    ///     Ok(())
    /// }
    /// ```
    #[must_use]
    pub fn command(mut self, command: Command) -> Self {
        self.crew.start_by(command);
        self
    }

    /// Starts all processes now and waits until they serve, so that the first call need not wait for them.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const SQUARE: Task<(), u64, u64> = Task::new("square", |(), job| Ok(job * job));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&SQUARE]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(2);
    ///     pool.start()?;
    ///     assert_eq!(pool.process_ids().len(), 2);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those errors of [`map`](Self::map) that do not come from a job.
    pub fn start(&mut self) -> Result<()> {
        let mut call = Call::new(&mut self.crew, "", false)?;
        call.start_all()
    }

    /// The processes that died during the last call, or between the call before it and the last one. A process is listed even if
    /// another one took over its jobs.
    ///
    /// Processes that the pool kills because a call is given up are not listed.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const EXIT: Task<(), i32, ()> = Task::new("exit", |(), code| std::process::exit(code));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&EXIT]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(1);
    ///     let error = pool.for_each(&EXIT, [3]).unwrap_err();
    ///     assert_eq!(error.kind(), serde_shm::ErrorKind::WorkerDied);
    ///     assert_eq!(pool.deaths()[0].job(), Some(0));
    ///     Ok(())
    /// }
    /// ```
    pub fn deaths(&self) -> &[Death] {
        &self.crew.deaths
    }

    /// The process ids of the pool's processes at the moment.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&1_u8)?;
    /// let pool = serde_shm::workers::Pool::new(&segment)?;
    /// assert!(pool.process_ids().is_empty()); // the first job or `start` starts them
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn process_ids(&self) -> Vec<u32> {
        self.crew.process_ids()
    }

    /// Gives jobs to the processes, and gives out their results as an iterator.
    ///
    /// The pool takes jobs from `jobs` in this thread, and only while the returned iterator's `next` runs. `next` takes one job
    /// each time that there is room for one, and then handles what the processes have sent. If `jobs` blocks, results wait too.
    ///
    /// If the returned iterator is dropped before its end, or has given an error, the pool kills the processes that still work. The
    /// next call starts others in their place.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const SQUARE: Task<(), u64, u64> = Task::new("square", |(), job| Ok(job * job));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&SQUARE]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(2);
    ///     for (number, square) in (0..100).zip(pool.map(&SQUARE, 0..100)) {
    ///         assert_eq!(square?, number * number);
    ///     }
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// The first error is the iterator's last item.
    ///
    /// - [`JobFailed`](ErrorKind::JobFailed) if the task returned an error or panicked. The error has its text, and
    ///   [`path`](Error::path) names the job, as in `jobs[17]`.
    /// - [`WorkerDied`](ErrorKind::WorkerDied) if a process ended. The error names the exit code or the signal.
    /// - [`Io`](ErrorKind::Io) if the pool cannot start a process.
    /// - [`Version`](ErrorKind::Version) or [`Corrupt`](ErrorKind::Corrupt) if the program that was started uses another version of
    ///   this crate, or something else writes to the connection.
    /// - [`InvalidInput`](ErrorKind::InvalidInput) if [`processes`](Self::processes) or [`attempts`](Self::attempts) is 0, or if
    ///   the pool is a forked child's copy.
    /// - The errors of [`to_bytes`](crate::to_bytes) for a job and of [`from_bytes`](crate::from_bytes) for a result, with the
    ///   job's number.
    pub fn map<'p, T, J, R, I>(
        &'p mut self,
        task: &Task<T, J, R>,
        jobs: I,
    ) -> Results<'p, J, R, I::IntoIter>
    where
        J: Serialize,
        R: DeserializeOwned,
        I: IntoIterator<Item = J>,
    {
        Results::new(self, task.name, false, jobs.into_iter())
    }

    /// Gives jobs to the processes, and reduces their results to one.
    ///
    /// The reducer runs in this process. It gets the results in the order of the jobs, unless [`in_order`](Self::in_order) says
    /// otherwise.
    ///
    /// ```
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const SQUARE: Task<(), u64, u64> = Task::new("square", |(), job| Ok(job * job));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&SQUARE]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&())?;
    ///     let mut pool = Pool::new(&segment)?.processes(2);
    ///     let largest = pool.map_reduce(&SQUARE, [3, 5, 4], 0, |largest, square| largest.max(square))?;
    ///     assert_eq!(largest, 25);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map). On an error, what the reducer has gathered so far is dropped.
    pub fn map_reduce<T, J, R, I, A>(
        &mut self,
        task: &Task<T, J, R>,
        jobs: I,
        init: A,
        mut reducer: impl FnMut(A, R) -> A,
    ) -> Result<A>
    where
        J: Serialize,
        R: DeserializeOwned,
        I: IntoIterator<Item = J>,
    {
        self.map(task, jobs).try_fold(init, |sum, result| Ok(reducer(sum, result?)))
    }

    /// Gives jobs to the processes, where the jobs write their results to shared memory: to an
    /// [`AtomicArray`](crate::AtomicArray) or a [`LockedArray`](crate::LockedArray) of the object.
    ///
    /// When the call returns, this process sees what the jobs did. If the call fails, some of the jobs may have been done.
    ///
    /// ```
    /// # #[cfg(feature = "ndarray")]
    /// # mod example {
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use ndarray::Ix1;
    /// use serde_shm::AtomicArray;
    /// use serde_shm::workers::{self, Pool, Task};
    ///
    /// const COUNT: Task<AtomicArray<u64, Ix1>, usize, ()> = Task::new("count", |counts, job| {
    ///     counts.fetch_add(job % 2, 1, Relaxed)?;
    ///     Ok(())
    /// });
    /// # pub
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&COUNT]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&AtomicArray::from(vec![0_u64; 2]))?;
    ///     Pool::new(&segment)?.processes(2).for_each(&COUNT, 0..10)?;
    ///     let counts: AtomicArray<u64, Ix1> = segment.get()?;
    ///     assert_eq!((counts.load(0, Relaxed)?, counts.load(1, Relaxed)?), (5, 5));
    ///     Ok(())
    /// }
    /// # }
    /// # #[cfg(feature = "ndarray")]
    /// # fn main() -> Result<(), serde_shm::Error> { example::main() }
    /// # #[cfg(not(feature = "ndarray"))]
    /// # fn main() {}
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    pub fn for_each<T, J, I>(&mut self, task: &Task<T, J, ()>, jobs: I) -> Result<()>
    where
        J: Serialize,
        I: IntoIterator<Item = J>,
    {
        self.map(task, jobs).collect()
    }

    /// Gives jobs to the processes, each of which makes one result from all jobs that it gets, and reduces these results to one.
    ///
    /// The reducer runs in this process, and gets the results as they come. There are as many results as there were processes that
    /// had a job. There may be more if a process died and others did its jobs.
    ///
    /// ```
    /// use serde_shm::workers::{self, Fold, Pool};
    ///
    /// const SUM: Fold<Vec<u64>, usize, u64> = Fold::new("sum", |values, jobs| Ok(jobs.map(|at| values[at]).sum()));
    /// fn main() -> Result<(), serde_shm::Error> {
    ///     workers::serve(&[&SUM]);
    ///     # if !cfg!(target_os = "linux") { return Ok(()) }
    ///     let segment = serde_shm::to_shared(&[1_u64, 2, 3])?;
    ///     let mut pool = Pool::new(&segment)?.processes(2);
    ///     let total = pool.fold_reduce(&SUM, 0..3, 0, |total, of_one_process| total + of_one_process)?;
    ///     assert_eq!(total, 6);
    ///     Ok(())
    /// }
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`map`](Self::map).
    pub fn fold_reduce<T, J, R, I, A>(
        &mut self,
        fold: &Fold<T, J, R>,
        jobs: I,
        init: A,
        mut reducer: impl FnMut(A, R) -> A,
    ) -> Result<A>
    where
        J: Serialize,
        R: DeserializeOwned,
        I: IntoIterator<Item = J>,
    {
        let results = Results::new(self, fold.name, true, jobs.into_iter());
        let mut results: Results<'_, J, R, I::IntoIter> = results;
        results.try_fold(init, |sum, result| Ok(reducer(sum, result?)))
    }
}

impl fmt::Debug for Pool {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Pool")
            .field("program", &self.crew.program)
            .field("most", &self.crew.most)
            .field("processes", &self.process_ids())
            .finish_non_exhaustive()
    }
}

/// The iterator over the results of [`Pool::map`], in the order of the jobs or as they come.
///
/// ```
/// use serde_shm::workers::{self, Pool, Task};
///
/// const SQUARE: Task<(), u64, u64> = Task::new("square", |(), job| Ok(job * job));
/// fn main() -> Result<(), serde_shm::Error> {
///     workers::serve(&[&SQUARE]);
///     # if !cfg!(target_os = "linux") { return Ok(()) }
///     let segment = serde_shm::to_shared(&())?;
///     let mut pool = Pool::new(&segment)?.processes(2);
///     let mut results = pool.map(&SQUARE, 1..);            // jobs without an end
///     let large = results.find(|square| square.as_ref().map_or(true, |square| *square > 20));
///     assert_eq!(large.unwrap()?, 25);
///     drop(results);                                       // the jobs that are still out are given up
///     Ok(())
/// }
/// ```
pub struct Results<'p, J, R, I> {
    /// `None` when the call is over.
    call: Option<Call<'p>>,
    failed: Option<Error>,
    is_fold: bool,
    jobs: I,
    types: PhantomData<fn(J) -> R>,
}

impl<'p, J, R, I> Results<'p, J, R, I> {
    fn new(pool: &'p mut Pool, name: &'static str, is_fold: bool, jobs: I) -> Self {
        let (call, failed) = match Call::new(&mut pool.crew, name, is_fold) {
            Ok(call) => (Some(call), None),
            Err(error) => (None, Some(error)),
        };
        Results { call, failed, is_fold, jobs, types: PhantomData }
    }
}

impl<J, R, I> fmt::Debug for Results<'_, J, R, I> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Results").field("is_over", &self.call.is_none()).finish_non_exhaustive()
    }
}

impl<J, R, I> Results<'_, J, R, I>
where
    J: Serialize,
    R: DeserializeOwned,
    I: Iterator<Item = J>,
{
    fn try_next(&mut self) -> Result<Option<R>> {
        let Some(call) = &mut self.call else { return Ok(None) };
        loop {
            if let Some((number, message)) = call.take() {
                let at = |error: Error| {
                    if self.is_fold { error.at_field("result") } else { at_job(error, number) }
                };
                return message.read().map(Some).map_err(at);
            }
            if call.wants_job() {
                let Some(job) = self.jobs.next() else {
                    call.no_more_jobs();
                    continue;
                };
                let at = |error| at_job(error, call.next_number());
                let message = Message::of(&job).map_err(at)?;
                drop(job);
                call.give(message)?;
                call.advance(false)?;
            } else if call.is_finished() {
                return Ok(None);
            } else {
                call.advance(true)?;
            }
        }
    }
}

impl<J, R, I> Iterator for Results<'_, J, R, I>
where
    J: Serialize,
    R: DeserializeOwned,
    I: Iterator<Item = J>,
{
    type Item = Result<R>;

    fn next(&mut self) -> Option<Result<R>> {
        if let Some(error) = self.failed.take() {
            return Some(Err(error));
        }
        let next = self.try_next().transpose();
        if !matches!(next, Some(Ok(_))) {
            self.call = None;
        }
        next
    }
}

impl<J, R, I> FusedIterator for Results<'_, J, R, I>
where
    J: Serialize,
    R: DeserializeOwned,
    I: Iterator<Item = J>,
{
}
