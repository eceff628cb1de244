//! Processes that are killed, and system calls that fail, at every point of what they do.
//!
//! This test program starts itself again, see `child`, and `strace` kills the copy at, or fails, one system
//! call after the other. Where `strace` is missing these tests say so; with `CI` set they fail.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

#[path = "../support/child.rs"]
mod child;
mod deed;
mod faults;
mod instants;
mod kills;
mod scene;
mod strace;
mod stress;
mod turns;

/// What a child process runs.
fn play(role: &str, args: &[&str]) {
    match (role, args) {
        ("once", []) => deed::once(),
        ("loop", []) => instants::repeat(),
        ("publish", []) => stress::publish(),
        ("attach", []) => stress::attach(),
        ("reap", []) => stress::reap(),
        ("turns", []) => turns::take(),
        other => panic!("no such role: {other:?}"),
    }
}
