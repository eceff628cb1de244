//! Progress of long work: a function of the user's is told how far it is, and cancels it by its answer.
//!
//! [`Progress`] is the function as options keep it. A [`Meter`] counts for one call. Only the thread that made the call asks the
//! function; threads that help it count, and stop when they find the work cancelled.

use std::fmt;
use std::ops::ControlFlow;
use std::panic::{RefUnwindSafe, UnwindSafe};
use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering::Relaxed};
use std::thread::{self, ThreadId};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};

mod sealed {
    pub trait Sealed {}
    impl Sealed for () {}
    impl Sealed for std::ops::ControlFlow<()> {}
}

/// What a progress function may return: nothing, or whether the work goes on.
///
/// A function that returns `()` only watches. One that returns [`ControlFlow`] cancels the work by [`ControlFlow::Break`]: the call
/// then returns an error of the kind [`Cancelled`](ErrorKind::Cancelled), and nothing half-made stays.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use std::ops::ControlFlow;
/// use serde_shm::{ErrorKind, SegmentOptions};
///
/// let watching = SegmentOptions::new().progress(|done, all| eprintln!("{done} of {all} bytes"));
/// let segment = watching.create(&vec![0.5; 100]).unwrap();
///
/// let cancelling = SegmentOptions::new().progress(|_, _| ControlFlow::Break(()));
/// let error = cancelling.create(&vec![0.5; 100]).unwrap_err();
/// assert_eq!(error.kind(), ErrorKind::Cancelled);
/// # }
/// ```
///
/// There is no implementation for `bool`, which would not say whether `true` goes on or stops. The trait is sealed.
pub trait ProgressAnswer: sealed::Sealed {
    #[doc(hidden)]
    fn into_flow(self) -> ControlFlow<()>;
}

impl ProgressAnswer for () {
    fn into_flow(self) -> ControlFlow<()> {
        ControlFlow::Continue(())
    }
}

impl ProgressAnswer for ControlFlow<()> {
    fn into_flow(self) -> ControlFlow<()> {
        self
    }
}

type Report<'p> = dyn Fn(u64, u64) -> ControlFlow<()> + Send + Sync + 'p;

/// The user's function.
#[derive(Clone)]
pub(crate) struct Progress<'p>(Arc<Report<'p>>);

/// The options that hold the function never change, whatever it does.
impl UnwindSafe for Progress<'_> {}
impl RefUnwindSafe for Progress<'_> {}

/// Two are equal if they are one function.
impl PartialEq for Progress<'_> {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0)
    }
}

impl Eq for Progress<'_> {}

impl fmt::Debug for Progress<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Progress")
    }
}

impl<'p> Progress<'p> {
    pub(crate) fn new<A: ProgressAnswer>(
        report: impl Fn(u64, u64) -> A + Send + Sync + 'p,
    ) -> Self {
        Progress(Arc::new(move |done, all| report(done, all).into_flow()))
    }
}

/// What is cancelled, for the error.
#[derive(Clone, Copy)]
pub(crate) struct Work {
    /// What was going on: "saving the file".
    pub(crate) doing: &'static str,
    /// What is left after it was cancelled.
    pub(crate) left: &'static str,
}

impl Work {
    #[cfg(feature = "npz")]
    pub(crate) const SAVE: Work = Work {
        doing: "saving the file",
        left: "nothing of it is left, and a file that had the name is as it was",
    };
    pub(crate) const MAKE: Work = Work {
        doing: "making the segment",
        left: "nothing of it is left, and its name is what it was",
    };
    pub(crate) const WRITE: Work =
        Work { doing: "writing the block", left: "what the writer got before is no whole block" };
    pub(crate) const GATHER: Work =
        Work { doing: "making the block", left: "nothing of it is left" };
    pub(crate) const READ: Work =
        Work { doing: "reading the arrays", left: "no array that was read in part is kept" };
    pub(crate) const OPEN: Work =
        Work { doing: "reading the container", left: "nothing of it is kept" };
    #[cfg(feature = "npz")]
    pub(crate) const VERIFY: Work = Work {
        doing: "verifying the file",
        left: "the part that was read has no fault, and nothing was changed",
    };
}

/// So many bytes are dealt with between two calls of the function: so few that an array of gigabytes moves a bar, and that work
/// of at least 160 MB/s is cancelled within 50 ms.
pub(crate) const STEP: u64 = 8 << 20;

/// After this time the function is asked again, however little was done.
const PATIENCE: Duration = Duration::from_millis(25);

/// Smaller parts do not pay for a look at the clock.
const TIMED: u64 = 64 << 10;

/// Counts the bytes of arrays that one call has dealt with.
pub(crate) struct Meter<'m> {
    report: Arc<Report<'m>>,
    work: Work,
    /// The bytes of all arrays, or of those that were begun so far if nobody knows them beforehand.
    all: AtomicU64,
    grows: bool,
    done: AtomicU64,
    /// What the function was told last; `u64::MAX` if it was not called.
    told: AtomicU64,
    /// When it was called last, in nanoseconds since `started`.
    asked: AtomicU64,
    started: Instant,
    /// How many bytes came of the array that was begun.
    of_array: AtomicU64,
    /// How many bytes were counted of arrays that were then given up. So many bytes of the next arrays do not count.
    ahead: AtomicU64,
    /// Whether this thread holds a lock that the function could need.
    is_quiet: AtomicBool,
    is_cancelled: AtomicBool,
    thread: ThreadId,
}

impl<'m> Meter<'m> {
    fn new(progress: &Progress<'m>, work: Work, all: Option<u64>) -> Self {
        Meter {
            report: Arc::clone(&progress.0),
            work,
            all: AtomicU64::new(all.unwrap_or(0)),
            grows: all.is_none(),
            done: AtomicU64::new(0),
            told: AtomicU64::new(u64::MAX),
            asked: AtomicU64::new(0),
            started: Instant::now(),
            of_array: AtomicU64::new(0),
            ahead: AtomicU64::new(0),
            is_quiet: AtomicBool::new(false),
            is_cancelled: AtomicBool::new(false),
            thread: thread::current().id(),
        }
    }

    /// Notes that an array of so many bytes comes. While the bytes of a locked array are read, this thread has its lock, which the
    /// function could ask for: it is not called before the next array, or the end.
    pub(crate) fn begin(&self, bytes: u64, is_locked: bool) {
        self.of_array.store(0, Relaxed);
        self.is_quiet.store(is_locked, Relaxed);
        if self.grows {
            self.all.fetch_add(bytes, Relaxed);
        }
    }

    /// Notes that the array that was begun is given up. It had announced so many bytes.
    pub(crate) fn abandon(&self, bytes: u64) {
        self.is_quiet.store(false, Relaxed);
        self.ahead.fetch_add(self.of_array.swap(0, Relaxed), Relaxed);
        if self.grows {
            self.all.fetch_sub(bytes, Relaxed);
        }
    }

    /// Counts so many bytes as done. On the thread that made the call this asks the function from time to time.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub(crate) fn add(&self, bytes: u64) -> Result<()> {
        let ahead = self.ahead.load(Relaxed).min(bytes);
        if ahead > 0 {
            self.ahead.fetch_sub(ahead, Relaxed);
        }
        self.of_array.fetch_add(bytes, Relaxed);
        self.done.fetch_add(bytes - ahead, Relaxed);
        self.look(bytes >= TIMED)
    }

    /// Counts bytes that came, of which nobody may have known before.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    pub(crate) fn come(&self, bytes: u64) -> Result<()> {
        self.begin(bytes, false);
        self.add(bytes)
    }

    /// Asks the function if that is due. For a thread that waits for others, or works on what was counted before.
    ///
    /// # Errors
    ///
    /// `Cancelled`.
    #[cfg(feature = "npz")]
    pub(crate) fn ask(&self) -> Result<()> {
        self.look(true)
    }

    fn look(&self, is_timed: bool) -> Result<()> {
        self.check()?;
        if self.is_quiet.load(Relaxed) {
            return Ok(());
        }
        let told = self.told.load(Relaxed);
        let before = if told == u64::MAX { 0 } else { told };
        let (done, all) = self.state();
        let is_due =
            done >= before.saturating_add(STEP) || is_timed && self.since_asked() >= PATIENCE;
        // When all is done, the last call comes from `finish`.
        if !is_due || done == all && !self.grows || thread::current().id() != self.thread {
            return Ok(());
        }
        self.call(done, all)
    }

    fn since_asked(&self) -> Duration {
        let asked = Duration::from_nanos(self.asked.load(Relaxed));
        self.started.elapsed().saturating_sub(asked)
    }

    /// What is done, and all. An object that is not the same the second time it is asked does not exceed what was counted.
    fn state(&self) -> (u64, u64) {
        let all = self.all.load(Relaxed);
        let told = self.told.load(Relaxed);
        let done = self.done.load(Relaxed).min(all);
        (if told == u64::MAX { done } else { done.max(told) }, all.max(done))
    }

    fn call(&self, done: u64, all: u64) -> Result<()> {
        /// A panic of the function also stops the threads that help.
        struct OnPanic<'a>(&'a AtomicBool);
        impl Drop for OnPanic<'_> {
            fn drop(&mut self) {
                self.0.store(true, Relaxed);
            }
        }
        self.told.store(done, Relaxed);
        let on_panic = OnPanic(&self.is_cancelled);
        let answer = (self.report)(done, all);
        std::mem::forget(on_panic);
        self.asked.store(self.started.elapsed().as_nanos() as u64, Relaxed);
        if answer.is_break() {
            self.is_cancelled.store(true, Relaxed);
        }
        self.check()
    }

    /// # Errors
    ///
    /// `Cancelled` if the work was cancelled.
    pub(crate) fn check(&self) -> Result<()> {
        if self.is_cancelled.load(Relaxed) { Err(self.error()) } else { Ok(()) }
    }

    #[cold]
    fn error(&self) -> Error {
        let Work { doing, left } = self.work;
        let (done, all) = self.state();
        let told = match self.told.load(Relaxed) {
            u64::MAX => done,
            told => told,
        };
        let of_all = if self.grows { String::new() } else { format!(" of {all}") };
        let text = format!(
            "{doing} was cancelled by its progress function after {told}{of_all} bytes; {left}"
        );
        Error::new(ErrorKind::Cancelled, text)
    }

    /// Does something with each of the pieces of these bytes, which are counted.
    pub(crate) fn pieces(
        &self,
        bytes: &[u8],
        mut each: impl FnMut(&[u8]) -> Result<()>,
    ) -> Result<()> {
        for piece in bytes.chunks(STEP as usize) {
            each(piece)?;
            self.add(piece.len() as u64)?;
        }
        Ok(())
    }

    /// The last call of the function, if the work was not cancelled before: all is done. Whatever the work made of an error on
    /// its way, the result of work that was cancelled is that it was.
    fn finish<T>(&self, result: Result<T>) -> Result<T> {
        self.check()?;
        let value = result?;
        let all = self.all.load(Relaxed).max(self.state().0);
        if self.told.load(Relaxed) != all {
            self.all.store(all, Relaxed);
            self.call(all, all)?;
        }
        Ok(value)
    }
}

/// Does work with a meter, if there is a function to be told of it. `all` gives the bytes of all arrays, or `None` if they become
/// known only as the arrays come. What the work has made is dropped if the function cancels it at the last call.
pub(crate) fn metered<T>(
    progress: Option<&Progress<'_>>,
    work: Work,
    all: impl FnOnce() -> Result<Option<u64>>,
    run: impl FnOnce(Option<&Meter<'_>>) -> Result<T>,
) -> Result<T> {
    sharing_meter(progress, work, all, |meter| run(meter.as_deref()))
}

/// The same for work that hands its meter on to what lives as long as the object that is read.
pub(crate) fn sharing_meter<'p, T>(
    progress: Option<&Progress<'p>>,
    work: Work,
    all: impl FnOnce() -> Result<Option<u64>>,
    run: impl FnOnce(Option<Arc<Meter<'p>>>) -> Result<T>,
) -> Result<T> {
    let Some(progress) = progress else { return run(None) };
    let meter = Arc::new(Meter::new(progress, work, all()?));
    let result = run(Some(Arc::clone(&meter)));
    meter.finish(result)
}

#[cfg(test)]
mod tests {
    use std::sync::Mutex;

    use super::*;

    fn calls(all: Option<u64>, run: impl FnOnce(&Meter<'_>) -> Result<()>) -> Vec<(u64, u64)> {
        let calls = Mutex::new(Vec::new());
        let progress = Progress::new(|done, all| calls.lock().unwrap().push((done, all)));
        metered(Some(&progress), Work::MAKE, || Ok(all), |meter| run(meter.unwrap())).unwrap();
        drop(progress);
        calls.into_inner().unwrap()
    }

    #[test]
    fn steps_are_told_and_the_end_once() {
        assert_eq!(calls(Some(0), |_| Ok(())), [(0, 0)]);
        assert_eq!(calls(None, |_| Ok(())), [(0, 0)]);
        // Too little for a call before the end, and no clock is looked at.
        assert_eq!(
            calls(Some(1000), |meter| (0..10).try_for_each(|_| meter.add(100))),
            [(1000, 1000)]
        );
        let steps = calls(Some(3 * STEP), |meter| (0..3).try_for_each(|_| meter.add(STEP)));
        assert_eq!(steps, [1, 2, 3].map(|done| (done * STEP, 3 * STEP)));
        // More than was announced.
        let more = calls(Some(STEP), |meter| meter.add(5 * STEP));
        assert_eq!(more, [(STEP, STEP)]);
        // Nobody knew how much comes.
        let grown = calls(None, |meter| {
            meter.begin(2 * STEP, false);
            meter.add(STEP)?;
            meter.add(STEP)?;
            meter.begin(10, false);
            meter.add(10)
        });
        assert_eq!(grown, [(STEP, 2 * STEP), (2 * STEP, 2 * STEP), (2 * STEP + 10, 2 * STEP + 10)]);
    }

    #[test]
    fn what_is_given_up_counts_once_and_locks_keep_it_quiet() {
        let given_up = calls(Some(2 * STEP), |meter| {
            meter.begin(STEP, false);
            meter.add(STEP)?;
            meter.abandon(STEP);
            meter.begin(2 * STEP, false);
            meter.add(STEP)?;
            meter.add(STEP)
        });
        assert_eq!(given_up, [(STEP, 2 * STEP), (2 * STEP, 2 * STEP)]);
        let quiet = calls(Some(4 * STEP), |meter| {
            meter.begin(3 * STEP, true);
            (0..3).try_for_each(|_| meter.add(STEP))?;
            meter.begin(STEP, false);
            meter.add(STEP / 2)?;
            meter.add(STEP / 2)
        });
        assert_eq!(quiet[0].0, 3 * STEP + STEP / 2);
    }

    #[test]
    fn an_answer_cancels_whatever_becomes_of_the_error() {
        let progress = Progress::new(|_, _| ControlFlow::Break(()));
        let run = |meter: Option<&Meter<'_>>| {
            let _ = meter.unwrap().add(STEP);
            assert!(meter.unwrap().add(1).is_err(), "it is not asked again");
            Ok(())
        };
        let error = metered(Some(&progress), Work::MAKE, || Ok(Some(2 * STEP)), run).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(
            error.to_string(),
            "making the segment was cancelled by its progress function after 8388608 of 16777216 bytes; nothing of \
             it is left, and its name is what it was"
        );
        let error = metered(Some(&progress), Work::MAKE, || Ok(Some(0)), |_| Ok(7)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Cancelled);
        assert_eq!(metered(None, Work::MAKE, || unreachable!(), |_| Ok(7)).unwrap(), 7);
    }
}
