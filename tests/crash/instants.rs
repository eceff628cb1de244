//! The crash: a process is killed at no particular time, in the middle of a write of many pages as well as between two.
//! `SERDE_SHM_CRASH_KILLS` sets how often, for each deed.

use std::time::Duration;

use serde_shm::segments;

use crate::child::say;
use crate::deed::{Deed, NAME, Object, WRITES, from_environment};
use crate::scene::in_scene;
use crate::strace::child;

fn kills() -> usize {
    std::env::var("SERDE_SHM_CRASH_KILLS")
        .map_or(20, |text| text.parse().expect("SERDE_SHM_CRASH_KILLS is a number"))
}

/// In the child: does the deed over and over, with an object of a few MiB.
pub(crate) fn repeat() {
    let (deed, place) = from_environment();
    let object = Object::new(2, 1 << 20);
    let mut held = None;
    say("go");
    loop {
        if matches!(deed, Deed::Persist | Deed::FromReader) {
            segments::remove(NAME).unwrap();
        }
        if matches!(deed, Deed::Create | Deed::OpenOrCreate | Deed::Offer) {
            held = None;
        }
        drop(std::mem::replace(&mut held, deed.run(&place, &object).unwrap()));
    }
}

#[test]
fn killed_at_any_instant() {
    kill(WRITES.into_iter().filter(|deed| !deed.is_of_files()));
}

#[test]
fn killed_at_any_instant_of_to_npz() {
    kill([Deed::ToNpz]);
}

fn kill(deeds: impl IntoIterator<Item = Deed>) {
    // A linear congruential generator: the same instants each time, were it not for the machine.
    let mut state = 12345_u64;
    for deed in deeds {
        for round in 0..kills() {
            in_scene(deed, |set, scene| {
                let mut child = child("loop", set);
                assert_eq!(child.line(), "go");
                state = state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1);
                std::thread::sleep(Duration::from_micros((state >> 33) % 12_000));
                child.kill();
                let context = format!("killed in round {round}");
                scene.check(&context);
                scene.check_after_housekeeping(&context);
            });
        }
    }
}
