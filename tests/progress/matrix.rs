//! Each deed, on each object, cancelled at each call and with a panic at each.

use std::ops::ControlFlow;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::sync::atomic::{AtomicBool, Ordering::Relaxed};
use std::sync::{Arc, Mutex};

use serde_shm::ErrorKind;

use crate::deeds::{DEEDS, Deed};
use crate::scene::{Object, Report, Scene, turn};

/// At which call the function cancels or panics.
#[derive(Clone, Copy, Debug)]
enum At {
    First,
    Middle,
    Last,
}

impl At {
    fn is(self, done: u64, all: u64) -> bool {
        match self {
            At::First => true,
            At::Middle => done >= all / 2 && done < all,
            At::Last => done == all,
        }
    }
}

/// The calls of a deed that nobody cancels.
fn calls(scene: &Scene, deed: &Deed) -> Vec<(u64, u64)> {
    let calls = Arc::new(Mutex::new(Vec::new()));
    let told = Arc::clone(&calls);
    let thread = std::thread::current().id();
    let report: Report = Arc::new(move |done, all| {
        assert_eq!(std::thread::current().id(), thread);
        told.lock().unwrap().push((done, all));
        ControlFlow::Continue(())
    });
    (deed.run)(scene, report).unwrap_or_else(|error| panic!("{}: {error}", deed.name));
    let mut calls = calls.lock().unwrap();
    std::mem::take(&mut *calls)
}

fn check_calls(scene: &Scene, deed: &Deed, calls: &[(u64, u64)]) {
    let name = deed.name;
    if name.contains("into an arena") {
        // That is several calls of the crate's, one for each array.
        assert!(calls.iter().all(|(done, all)| done <= all), "{name}: {calls:?}");
        return;
    }
    assert!(calls.is_sorted(), "{name}: {calls:?}");
    assert!(calls.iter().all(|(done, all)| done <= all), "{name}: {calls:?}");
    let (done, all) = *calls.last().unwrap_or_else(|| panic!("{name}: no call"));
    assert_eq!(done, all, "{name}");
    if deed.is_exact {
        assert!(calls.iter().all(|call| call.1 == scene.object.bytes()), "{name}: {calls:?}");
        assert_eq!(calls.iter().filter(|call| call.0 == all).count(), 1, "{name}: {calls:?}");
    } else {
        assert!(all >= scene.object.bytes(), "{name}: {calls:?}");
    }
    // One for some 8 MiB; more where the machine is slow. Threads that verify may be done before the caller's thread looks.
    let steps = (all >> 23) as usize;
    // An array that lies in the arena is done at once.
    let may_jump = name.contains("verifying") || name == "an arena";
    assert!(may_jump || calls.len() >= steps / 2, "{name}: {calls:?}");
    assert!(calls.len() <= 20 + 20 * steps, "{name}: {} calls", calls.len());
}

/// Runs a deed whose function cancels or panics. Whether it came to that.
fn disturb(scene: &Scene, deed: &Deed, at: At, panics: bool) -> bool {
    let (name, before) = (deed.name, scene.state());
    let is_met = Arc::new(AtomicBool::new(false));
    let met = Arc::clone(&is_met);
    let report: Report = Arc::new(move |done, all| {
        assert!(!met.load(Relaxed), "it was called again");
        if !at.is(done, all) {
            return ControlFlow::Continue(());
        }
        met.store(true, Relaxed);
        if panics {
            std::panic::resume_unwind(Box::new("a bug of the function's"));
        }
        ControlFlow::Break(())
    });
    let result = catch_unwind(AssertUnwindSafe(|| (deed.run)(scene, report)));
    if !is_met.load(Relaxed) {
        result.unwrap().unwrap();
        return false;
    }
    match result {
        Err(panic) => {
            assert!(panics, "{name}: it panicked");
            assert_eq!(panic.downcast_ref(), Some(&"a bug of the function's"), "{name}");
        }
        Ok(Ok(())) => panic!("{name}, {at:?}: it was done all the same"),
        Ok(Err(error)) => {
            assert!(!panics, "{name}: {error}");
            assert_eq!(error.kind(), ErrorKind::Cancelled, "{name}: {error}");
            let text = error.to_string();
            assert!(text.contains(" was cancelled by its progress function after "), "{text}");
            assert!(text.contains(" bytes; "), "{text}");
            assert_eq!(error.path(), None, "{text}");
        }
    }
    assert_eq!(before, scene.state(), "{name}, {at:?}: something is left");
    (deed.check_old)(scene);
    true
}

fn all(object: &Object, is_meant: impl Fn(&str) -> bool) {
    let _turn = turn();
    for deed in DEEDS.iter().filter(|deed| is_meant(deed.name)) {
        let scene = Scene::new(object.clone());
        let first = (deed.prepare)(&scene);
        // What is made once for a process is there before descriptors are counted.
        let told = calls(&scene, deed);
        drop(first);
        let mut kept = (deed.prepare)(&scene);
        check_calls(&scene, deed, &told);
        let has_middle = told.iter().any(|(done, all)| At::Middle.is(*done, *all));
        for panics in [false, true] {
            for at in [At::First, At::Middle, At::Last] {
                let was_met = disturb(&scene, deed, at, panics);
                let is_sure = match at {
                    // Where threads help, what the caller's thread sees is not the same each time.
                    At::Middle => has_middle && !deed.name.contains("archive"),
                    At::First | At::Last => !told.is_empty(),
                };
                assert!(was_met || !is_sure, "{}, {at:?}", deed.name);
                if !was_met {
                    // It was done, and what was there before has gone.
                    drop(kept);
                    kept = (deed.prepare)(&scene);
                }
            }
        }
        check_calls(&scene, deed, &calls(&scene, deed));
        drop(kept);
    }
}

fn is_compressed(name: &str) -> bool {
    name.contains("compressed") || name.contains("in memory") || name.contains("archive by a")
}

#[test]
fn an_object_without_arrays() {
    all(&Object::new("no arrays", &[]), |_| true);
}

#[test]
fn empty_and_small_arrays() {
    all(&Object::new("small", &[0, 4, 1000, 0]), |_| true);
}

#[test]
fn several_arrays_of_some_mib() {
    all(&Object::new("several", &[9 << 20, 100, 5 << 20, 12 << 20]), |_| true);
}

#[test]
fn one_large_array() {
    all(&Object::new("large", &[64 << 20]), |name| !is_compressed(name));
}

#[test]
fn one_large_array_that_is_compressed() {
    all(&Object::new("large", &[24 << 20]), is_compressed);
}
