//! The crash: a process is killed between any two system calls of publishing or saving. No destructor runs, no file is
//! closed by it, nothing is taken back by it. Whoever looks must see the old object, the new one or none; and one
//! reaping, or the next who publishes there, must leave nothing of it.

use std::os::unix::process::ExitStatusExt;

use crate::deed::{Deed, WRITES};
use crate::scene::in_scene;
use crate::strace::{self, Who};

fn sweep(deed: Deed) {
    if !strace::is_there() {
        return;
    }
    let points = in_scene(deed, |set, _| strace::points(Who::Thread, set));
    let mut kills = 0;
    for point in &points {
        in_scene(deed, |set, scene| {
            let context = format!("killed at {} {}: {}", point.name, point.number, point.text);
            let output = strace::inject(Who::Thread, point, "signal=SIGKILL", set);
            // A process that reuses memory calls less often for more.
            let killed = output.status.signal() == Some(9);
            kills += usize::from(killed);
            scene.check(&context);
            scene.check_after_housekeeping(&context);
        });
    }
    println!("{deed:?}: killed at {kills} of {} system calls", points.len());
    assert!(kills > 10 && kills * 10 >= points.len() * 9, "{kills} of {}", points.len());
}

#[test]
fn killed_in_to_shared() {
    sweep(Deed::ToShared);
}

#[test]
fn killed_while_a_segment_is_built_in_place() {
    sweep(Deed::Build);
}

#[test]
fn killed_while_memory_is_written_and_sealed() {
    sweep(Deed::Seal);
}

#[test]
fn killed_while_a_name_is_given() {
    sweep(Deed::Create);
}

#[test]
fn killed_while_a_name_is_replaced() {
    sweep(Deed::Replace);
}

#[test]
fn killed_while_a_segment_is_stored() {
    sweep(Deed::Persist);
}

#[test]
fn killed_while_a_stored_segment_is_replaced() {
    sweep(Deed::PersistReplace);
}

#[test]
fn killed_while_a_stored_segment_is_replaced_in_a_directory_of_its_own() {
    sweep(Deed::PersistElsewhere);
}

#[test]
fn killed_in_to_npz() {
    sweep(Deed::ToNpz);
}

#[test]
fn killed_while_a_file_is_compressed() {
    sweep(Deed::ToNpzDeflated);
    assert_eq!(WRITES.len(), 13, "each deed that writes has its test");
}

#[test]
fn killed_in_open_or_create() {
    sweep(Deed::OpenOrCreate);
}

#[test]
fn killed_while_a_name_is_offered() {
    sweep(Deed::Offer);
}

#[test]
fn killed_while_a_segment_is_stored_from_a_reader() {
    sweep(Deed::FromReader);
}
