//! What the processes of a pool do: functions that both sides know by their names.

use std::fmt;
use std::marker::PhantomData;

use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use crate::verbs::Handed;
use crate::{Error, ErrorKind, Result, Segment};

use super::message::Message;

/// What the function of a job returns: a result, or any error. The error's text comes back to the caller.
///
/// ```
/// use serde_shm::workers::Outcome;
///
/// fn parse(_: &(), text: String) -> Outcome<u32> {
///     Ok(text.parse()?) // any error will do
/// }
/// assert_eq!(parse(&(), "x".into()).unwrap_err().to_string(), "invalid digit found in string");
/// ```
pub type Outcome<R> = std::result::Result<R, Box<dyn std::error::Error + Send + Sync>>;

/// A function that makes a result from the shared object and a job. Both sides know it by its name.
///
/// `T` is the type as which a process reads the object ([`Object`]), `J` is the type of a job, and `R` is the type of its
/// result. Declare a task as a constant, and give it to [`serve`](super::serve) and to
/// [`Pool::map_reduce`](super::Pool::map_reduce) or another method of the pool:
///
/// ```
/// use serde_shm::workers::{Outcome, Task};
/// use std::ops::Range;
///
/// fn sum(numbers: &Vec<u64>, part: Range<usize>) -> Outcome<u64> {
///     let part = numbers.get(part).ok_or("out of range")?;
///     Ok(part.iter().sum())
/// }
/// const SUM: Task<Vec<u64>, Range<usize>, u64> = Task::new("sum", sum);
///
/// assert_eq!(sum(&vec![1, 2, 3], 1..3).unwrap(), 5); // as a process of a pool calls it
/// ```
///
/// The function is a plain one, or a closure that captures nothing, because another process has only the program in common
/// with this one. All data that the function needs must be in the object or in the job.
pub struct Task<T, J, R> {
    pub(super) name: &'static str,
    run: Option<fn(&T, J) -> Outcome<R>>,
}

impl<T, J, R> Task<T, J, R> {
    /// A task with this name and this function.
    ///
    /// ```
    /// use serde_shm::workers::Task;
    /// const DOUBLE: Task<(), u32, u32> = Task::new("double", |(), job| Ok(2 * job));
    /// assert_eq!(DOUBLE.name(), "double");
    /// ```
    pub const fn new(name: &'static str, run: fn(&T, J) -> Outcome<R>) -> Self {
        Task { name, run: Some(run) }
    }

    /// A task whose function is in another program, which [`Pool::command`](super::Pool::command) starts.
    ///
    /// This program does not use `T`, so any type will do. `J` may be a type that borrows.
    ///
    /// ```
    /// use serde_shm::workers::Task;
    /// const LENGTH: Task<(), &str, usize> = Task::elsewhere("length");
    /// assert_eq!(LENGTH.name(), "length");
    /// ```
    pub const fn elsewhere(name: &'static str) -> Self {
        Task { name, run: None }
    }

    /// The name by which both sides know the function.
    ///
    /// ```
    /// use serde_shm::workers::Task;
    /// const LENGTH: Task<(), &str, usize> = Task::elsewhere("length");
    /// assert_eq!(LENGTH.name(), "length");
    /// ```
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

/// A function that makes one result from the shared object and *all* jobs of one process.
///
/// The function loops over its jobs as they come, and gathers results in variables of its own. So an array of counts goes to
/// the caller once for each process, and not once for each job:
///
/// ```
/// use serde_shm::workers::{Fold, Jobs, Outcome, Pool};
///
/// fn histogram(values: &Vec<u8>, jobs: &mut Jobs<'_, std::ops::Range<usize>>) -> Outcome<Vec<u64>> {
///     let mut counts = vec![0; 256];
///     for part in jobs {
///         for value in values.get(part).ok_or("out of range")? {
///             counts[usize::from(*value)] += 1;
///         }
///     }
///     Ok(counts)
/// }
/// const HISTOGRAM: Fold<Vec<u8>, std::ops::Range<usize>, Vec<u64>> = Fold::new("histogram", histogram);
/// # fn main() -> Result<(), serde_shm::Error> {
/// # serde_shm::workers::serve(&[&HISTOGRAM]);
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// let segment = serde_shm::to_shared(&[3_u8, 5, 3])?;
/// let mut pool = Pool::new(&segment)?.processes(1);
/// let counts = pool.fold_reduce(&HISTOGRAM, [0..2, 2..3], vec![], |_, counts| counts)?;
/// assert_eq!((counts[3], counts[5]), (2, 1));
/// # Ok(()) }
/// ```
///
/// See [`Pool::fold_reduce`](super::Pool::fold_reduce). The crate does not promise which process gets which jobs. The function
/// must take all its jobs, until the iterator gives `None`. If it returns a result before that and its process gets another
/// job, the call fails. It may return an error at any time.
pub struct Fold<T, J, R> {
    pub(super) name: &'static str,
    run: Option<FoldFunction<T, J, R>>,
}

type FoldFunction<T, J, R> = fn(&T, &mut Jobs<'_, J>) -> Outcome<R>;

impl<T, J, R> Fold<T, J, R> {
    /// A fold with this name and this function.
    ///
    /// ```
    /// use serde_shm::workers::Fold;
    /// const COUNT: Fold<(), u32, usize> = Fold::new("count", |(), jobs| Ok(jobs.count()));
    /// assert_eq!(COUNT.name(), "count");
    /// ```
    pub const fn new(name: &'static str, run: fn(&T, &mut Jobs<'_, J>) -> Outcome<R>) -> Self {
        Fold { name, run: Some(run) }
    }

    /// A fold whose function is in another program; see [`Task::elsewhere`].
    ///
    /// ```
    /// use serde_shm::workers::Fold;
    /// const COUNT: Fold<(), &str, usize> = Fold::elsewhere("count");
    /// assert_eq!(COUNT.name(), "count");
    /// ```
    pub const fn elsewhere(name: &'static str) -> Self {
        Fold { name, run: None }
    }

    /// The name by which both sides know the function.
    ///
    /// ```
    /// use serde_shm::workers::Fold;
    /// const COUNT: Fold<(), &str, usize> = Fold::elsewhere("count");
    /// assert_eq!(COUNT.name(), "count");
    /// ```
    pub const fn name(&self) -> &'static str {
        self.name
    }
}

impl<T, J, R> fmt::Debug for Task<T, J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Task").field(&self.name).finish()
    }
}

impl<T, J, R> fmt::Debug for Fold<T, J, R> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_tuple("Fold").field(&self.name).finish()
    }
}

/// The iterator over the jobs that one process gets for a [`Fold`], as they come.
///
/// `next` first tells the caller that the previous job is done, and then waits for the next one. The caller takes that from its
/// own iterator when there is room. If a job cannot be read as a `J`, the call fails and the process ends.
///
/// ```
/// use serde_shm::workers::{Fold, Jobs, Outcome, Pool};
///
/// fn longest(_: &(), jobs: &mut Jobs<'_, String>) -> Outcome<usize> {
///     Ok(jobs.map(|text| text.len()).max().unwrap_or(0))
/// }
/// const LONGEST: Fold<(), String, usize> = Fold::new("longest", longest);
/// # fn main() -> Result<(), serde_shm::Error> {
/// # serde_shm::workers::serve(&[&LONGEST]);
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// let mut pool = Pool::new(&serde_shm::to_shared(&())?)?.processes(2);
/// assert_eq!(pool.fold_reduce(&LONGEST, ["to", "three"].map(String::from), 0, usize::max)?, 5);
/// # Ok(()) }
/// ```
pub struct Jobs<'a, J> {
    feed: &'a mut dyn Feed,
    job: PhantomData<fn() -> J>,
}

impl<J> fmt::Debug for Jobs<'_, J> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Jobs").finish_non_exhaustive()
    }
}

impl<J: DeserializeOwned> Iterator for Jobs<'_, J> {
    type Item = J;

    fn next(&mut self) -> Option<J> {
        let payload = self.feed.next()?;
        Some(payload.read().unwrap_or_else(|error| self.feed.fail(&format!("{error:#}"))))
    }
}

/// The types as which a process can read the shared object: any type that borrows nothing, or the [`Segment`] itself.
///
/// Each process that works on a task reads the object once. [`ShmArray`](crate::ShmArray)s,
/// [`AtomicArray`](crate::AtomicArray)s and [`LockedArray`](crate::LockedArray)s then refer to the arrays in the segment. Arrays
/// of other types are copied into each process.
///
/// A task on the `Segment` itself reads types that borrow from it, by `segment.get::<View>()?`. They can borrow text, too. This
/// costs some microseconds for each job.
///
/// This trait is sealed: other crates cannot implement it.
///
/// ```
/// use serde_shm::Segment;
/// use serde_shm::workers::{Outcome, Task};
///
/// // The segment itself is the object: each job borrows from it.
/// fn length(names: &Segment, number: usize) -> Outcome<usize> {
///     let names: Vec<&str> = names.get()?;
///     Ok(names.get(number).ok_or("there is no such name")?.len())
/// }
/// const LENGTH: Task<Segment, usize, usize> = Task::new("length", length);
///
/// # #[cfg(target_os = "linux")]
/// assert_eq!(length(&serde_shm::to_shared(&vec!["to", "three"])?, 1).unwrap(), 5);
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub trait Object: Attach {}

/// How a process reads the object from a segment.
pub trait Attach: Sized {
    fn attach(segment: &Segment) -> Result<Self>;
}

impl<T: DeserializeOwned> Object for T {}
impl<T: DeserializeOwned> Attach for T {
    fn attach(segment: &Segment) -> Result<Self> {
        segment.get()
    }
}

impl Object for Segment {}
impl Attach for Segment {
    fn attach(segment: &Segment) -> Result<Self> {
        Handed::of(segment)?.open(super::OBJECT)
    }
}

/// A [`Task`] or a [`Fold`] that a process can serve.
///
/// This trait is sealed: other crates cannot implement it.
///
/// ```
/// use serde_shm::workers::{Fold, Pool, Task, Work};
/// const ONE: Task<(), u32, u32> = Task::new("one", |(), job| Ok(job));
/// const ALL: Fold<(), u32, u32> = Fold::new("all", |(), jobs| Ok(jobs.sum()));
/// const WORK: &[&dyn Work] = &[&ONE, &ALL]; // for `workers::serve`
/// # fn main() -> Result<(), serde_shm::Error> {
/// # serde_shm::workers::serve(WORK);
/// # if !cfg!(target_os = "linux") { return Ok(()) }
/// let mut pool = Pool::new(&serde_shm::to_shared(&())?)?.processes(1);
/// assert_eq!(pool.map(&ONE, [3, 4]).collect::<Result<Vec<u32>, _>>()?, [3, 4]);
/// assert_eq!(pool.fold_reduce(&ALL, [3, 4], 0, |sum, part| sum + part)?, 7);
/// # Ok(()) }
/// ```
pub trait Work: Serve {}

/// What the worker's loop knows of a task.
pub trait Serve {
    fn name(&self) -> &'static str;

    fn is_fold(&self) -> bool;

    /// Reads the object.
    fn begin(&self, segment: &Segment) -> Result<Box<dyn Begun + '_>>;
}

/// A task, with the object that was read for it.
pub trait Begun {
    /// Does the feed's job, or all of the feed's jobs if the task is a fold.
    fn run(&mut self, feed: &mut dyn Feed) -> Outcome<Message>;
}

/// Where jobs come from.
pub trait Feed {
    fn next(&mut self) -> Option<Message>;

    /// Reports that the job at hand cannot be done, and ends the process.
    fn fail(&mut self, text: &str) -> !;
}

/// A function and its object.
struct With<T, F> {
    object: T,
    run: F,
}

impl<T: Object, J: DeserializeOwned, R: Serialize> Work for Task<T, J, R> {}
impl<T: Object, J: DeserializeOwned, R: Serialize> Serve for Task<T, J, R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_fold(&self) -> bool {
        false
    }

    fn begin(&self, segment: &Segment) -> Result<Box<dyn Begun + '_>> {
        let run = self.run.ok_or_else(|| elsewhere(self.name))?;
        Ok(Box::new(With { object: T::attach(segment)?, run }))
    }
}

impl<T, J: DeserializeOwned, R: Serialize> Begun for With<T, fn(&T, J) -> Outcome<R>> {
    fn run(&mut self, feed: &mut dyn Feed) -> Outcome<Message> {
        let payload = feed.next().ok_or("there is no job")?;
        let job = payload.read().map_err(|error| format!("the job: {error:#}"))?;
        encoded(&(self.run)(&self.object, job)?)
    }
}

impl<T: Object, J: DeserializeOwned, R: Serialize> Work for Fold<T, J, R> {}
impl<T: Object, J: DeserializeOwned, R: Serialize> Serve for Fold<T, J, R> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn is_fold(&self) -> bool {
        true
    }

    fn begin(&self, segment: &Segment) -> Result<Box<dyn Begun + '_>> {
        let run = self.run.ok_or_else(|| elsewhere(self.name))?;
        Ok(Box::new(With { object: T::attach(segment)?, run }))
    }
}

impl<T, J: DeserializeOwned, R: Serialize> Begun for With<T, FoldFunction<T, J, R>> {
    fn run(&mut self, feed: &mut dyn Feed) -> Outcome<Message> {
        let mut jobs = Jobs { feed, job: PhantomData };
        let result = (self.run)(&self.object, &mut jobs)?;
        if jobs.feed.next().is_some() {
            return Err(
                "the fold returned before its jobs ended: it must loop over all of them".into()
            );
        }
        encoded(&result)
    }
}

fn encoded<R: Serialize>(result: &R) -> Outcome<Message> {
    Ok(Message::of(result).map_err(|error| format!("the result: {error:#}"))?)
}

fn elsewhere(name: &str) -> Error {
    Error::new(
        ErrorKind::InvalidInput,
        format!("`{name}` has no function in this program: it was declared as `elsewhere`"),
    )
}
