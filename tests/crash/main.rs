//! Processes that are killed, and system calls that fail, at every point of what they do.
//!
//! This test binary starts itself again, as in `tests/segments`, and `strace` kills the copy at, or fails, one system
//! call after the other. Where `strace` is missing these tests say so; with `CI` set they fail.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

mod deed;
mod faults;
mod instants;
mod kills;
mod scene;
mod strace;
mod stress;
mod turns;

/// What a child process runs: nothing, unless it was started as one.
#[test]
fn role() {
    if let Ok(role) = std::env::var(strace::ROLE) {
        match role.as_str() {
            "once" => deed::once(),
            "loop" => instants::repeat(),
            "publish" => stress::publish(),
            "attach" => stress::attach(),
            "reap" => stress::reap(),
            "turns" => turns::take(),
            other => panic!("no such role: {other}"),
        }
    }
}
