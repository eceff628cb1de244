//! Pools of real processes: this test binary starts itself again at `tasks::serve`.
#![cfg(all(target_os = "linux", feature = "workers", feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]
// One job that is a range is what is meant.
#![allow(clippy::single_range_in_vec_init)]

mod bounds;
mod deaths;
mod failures;
mod folds;
mod left;
mod maps;
mod starts;
mod support;
mod tasks;
