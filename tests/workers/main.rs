//! Pools of real processes: this test program starts itself again at `tasks::serve`.
#![cfg(all(target_os = "linux", feature = "workers", feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]
// One job that is a range is what is meant.
#![allow(clippy::single_range_in_vec_init)]

mod bounds;
#[path = "../support/child.rs"]
mod child;
mod deaths;
mod failures;
mod folds;
mod left;
mod maps;
mod starts;
mod support;
mod tasks;

/// What a child process runs that is no worker.
fn play(role: &str, args: &[&str]) {
    match (role, args) {
        ("caller", [how]) => left::call(how),
        ("count", []) => left::count(),
        ("fork", []) => left::fork(),
        ("forget", []) => starts::forget(),
        other => panic!("no such role: {other:?}"),
    }
}
