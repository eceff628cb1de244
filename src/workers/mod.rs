//! Worker processes that share one object: the caller sends them jobs, and they send results back.
//!
//! A [`Pool`] starts the worker processes. Each of them has the object of a [`Segment`](crate::Segment). The pool takes jobs
//! from an iterator and gives them to the processes. A process does a job by calling a function that both sides know by its
//! name. The function is a [`Task`], which makes one result from each job, or a [`Fold`], which makes one result from all
//! jobs of a process. A closure of the caller cannot be sent to another process. Instead, the pool starts the same program
//! again, and the new process begins its work in the program's call of [`serve`].
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
//!   A process only reports that a job is done. `examples/kmer_count.rs` is an example.
//! - **An array of each process, added at the end**: [`Pool::fold_reduce`]. This is best where jobs add to the same few
//!   elements, or add floats. The fold's function can also end with
//!   [`AtomicArray::add_from`](crate::AtomicArray::add_from).
//!
//! A process may die and another one may do its job ([`Pool::attempts`]). The sum is then right in the first way, and in the
//! third where the arrays come back as results. It may be wrong where a process adds in place, because what the dead process
//! has already added stays.
//!
//! # When threads are better
//!
//! Mostly. If the work is Rust code that can run on threads, use `rayon` or [`std::thread::scope`]: threads share the object
//! by a plain reference, a job needs no message and no encoding, and closures can capture variables. Processes are for work
//! that threads cannot do well:
//!
//! - a C library that has global state, is not thread-safe or leaks;
//! - code that may crash, run out of memory or hang, and must not take the caller with it ([`Pool::attempts`],
//!   [`Pool::time_limit`]);
//! - an interpreter with one global lock;
//! - workers that each need an allocator or a NUMA node of their own;
//! - programs that exist already, and find the object in shared memory.
//!
//! # Cost
//!
//! `cargo bench -p serde_shm_benches --bench workers` measured these times on a busy machine of two cores. A job that does
//! nothing took 23 us where the caller sends the next job after the result has come, and 14 us with a look-ahead of 15. A
//! job should therefore take at least a millisecond. To make, start and drop a pool took 2.5 ms with one process, and 8 ms
//! with four.
//!
//! A process attaches the object without a copy. A job or a result of more than 256 KiB is written to memory that both sides
//! map. Its arrays are then copied once, if they are arrays that this crate places in bulk: [`ShmArray`](crate::ShmArray)s
//! and fields that are marked for the derives. A plain ndarray that is a job by itself is encoded element by element.
//!
//! Pools work on Linux only. `docs/WORKERS.md` describes what goes over the connection, and how a process learns that its
//! caller has ended.

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

/// The name that error texts use for the object that a process was given.
const OBJECT: &str = "the pool's segment";
