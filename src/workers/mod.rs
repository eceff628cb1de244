//! Processes that work on one shared object: jobs go out, results come back, and are reduced.
//!
//! A [`Pool`] starts some processes, each of which has the object of a [`Segment`](crate::Segment), and gives them jobs from
//! an iterator. What a process does with a job is a function that both sides know by name: a [`Task`], which makes a
//! result of each job, or a [`Fold`], which makes one of all jobs of a process. A closure of the caller cannot be sent to
//! another process; so the same program is started once more, and turns off at [`serve`].
//!
//! ```
//! use std::ops::Range;
//! use serde_shm::workers::{self, Outcome, Pool, Task};
//! # #[cfg(all(target_os = "linux", feature = "ndarray"))]
//! use serde_shm::ShmArray1;
//!
//! # #[cfg(all(target_os = "linux", feature = "ndarray"))]
//! const SUM: Task<ShmArray1<f64>, Range<usize>, f64> = Task::new("sum", sum);
//! # #[cfg(all(target_os = "linux", feature = "ndarray"))]
//! fn sum(values: &ShmArray1<f64>, part: Range<usize>) -> Outcome<f64> {
//!     let values = values.as_slice().ok_or("not contiguous")?;
//!     Ok(values.get(part).ok_or("out of range")?.iter().sum())
//! }
//!
//! # #[cfg(all(target_os = "linux", feature = "ndarray"))]
//! fn main() -> Result<(), serde_shm::Error> {
//!     workers::serve(&[&SUM]); // in the processes of the pool this does not return
//!
//!     let segment = serde_shm::to_shared(&ShmArray1::from(vec![0.5; 100_000]))?;
//!     let mut pool = Pool::new(&segment)?.processes(2);
//!     let parts = (0..100).map(|part| part * 1000..(part + 1) * 1000);
//!     let total = pool.map_reduce(&SUM, parts, 0.0, |total, part| total + part)?;
//!     assert_eq!(total, 50_000.0);
//!     Ok(())
//! }
//! # #[cfg(not(all(target_os = "linux", feature = "ndarray")))]
//! # fn main() {}
//! ```
//!
//! # Three ways to a sum
//!
//! - **Results that come back**: [`Pool::map_reduce`], or [`Pool::map`] for an iterator of them. The reducer runs in the
//!   caller, in the order of the jobs, so that sums of floats are the same in each run.
//! - **In place**: [`Pool::for_each`], with an [`AtomicArray`](crate::AtomicArray) of the object that all processes add to.
//!   Nothing comes back but that the job is done. `examples/kmer_count.rs` does it.
//! - **An array of each process, added at the end**: [`Pool::fold_reduce`]. Best where jobs add to the same few elements,
//!   or add floats. Its function can also end with [`AtomicArray::add_from`](crate::AtomicArray::add_from).
//!
//! Only the first and, where results come back, the third are as if nothing had happened when a process dies and its job
//! is done by another ([`Pool::attempts`]): what was added in place stays.
//!
//! # When threads are better
//!
//! Mostly. Where the work is Rust code that can run on threads, `rayon` and [`std::thread::scope`] share the object by a plain
//! reference, a job needs no message and no encoding, and closures capture what they like. Processes are for work that
//! threads do not stand: a C library that has global state, is not thread-safe or leaks; code that may crash, run out of
//! memory or hang, and must not take the caller with it ([`Pool::attempts`], [`Pool::time_limit`]); an interpreter with
//! one lock; an allocator or a NUMA node for each; or programs that are there already, and find the object in shared
//! memory.
//!
//! # Cost
//!
//! On a busy machine of two cores, `cargo bench -p serde_shm_benches --bench workers` gave 23 us for a job that does nothing and comes back before the
//! next one is sent, and 14 us with a look-ahead of 15: a job should take a millisecond. A pool of one process was made,
//! started and dropped in 2.5 ms, one of four in 8 ms. A process attaches the object without a copy. Jobs and
//! results of more than 256 KiB are placed in memory that both sides map, at one copy, if their arrays are such as this
//! crate places in bulk: [`ShmArray`](crate::ShmArray)s and what the derives mark. A plain ndarray that is a job by itself goes element
//! by element.
//!
//! Only on Linux. `docs/WORKERS.md` has what goes over the connection, and how a process learns that its caller has gone.

mod call;
mod crew;
mod frame;
mod keeper;
mod message;
mod pool;
mod process;
mod serve;
mod task;

pub use pool::{Pool, Results};
pub use process::Death;
pub use serve::{serve, test_command};
pub use task::{Fold, Jobs, Object, Outcome, Task, Work};

/// What errors call the object that a process was given.
const OBJECT: &str = "the pool's segment";
