//! Holders that are killed: nobody hangs, a write that was cut off is told, and nothing torn is taken for whole.

use std::time::{Duration, Instant};

use ndarray::{Array1, Ix1};
use serde_shm::{ErrorKind, LockedArray, LockedWriteGuard};

use crate::child::{self, Child};
use crate::invariant::{LEN, rounds};

type Array = LockedArray<u64, Ix1>;

/// How long anything may take on a machine that is busy with other things. That it is far less is for the benchmark.
const LONG: Duration = Duration::from_secs(20);

fn are_equal(items: &ndarray::ArrayRef<u64, Ix1>) -> bool {
    items.iter().all(|item| *item == items[0])
}

/// Makes all elements equal again, whatever they are.
fn mend(mut guard: LockedWriteGuard<'_, u64, Ix1>) {
    let most = guard.iter().copied().max().unwrap();
    guard.fill(most);
}

/// Holds the lock most of the time, by turns for reading and for writing, until it is killed.
pub(crate) fn victim(id: &str, seed: u64) {
    let array: Array = serde_shm::from_shared(id).unwrap();
    child::say("ready");
    let mut state = seed;
    loop {
        state =
            state.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        let held = if (state >> 33).is_multiple_of(2) { write(&array) } else { read(&array) };
        match held {
            Ok(()) => {}
            Err(error) if error.kind() == ErrorKind::Poisoned => mend(array.mend().unwrap()),
            Err(error) => panic!("{error}"),
        }
    }
}

fn write(array: &Array) -> serde_shm::Result<()> {
    let mut guard = array.write()?;
    if !are_equal(&guard) {
        child::say("torn");
    }
    let next = guard[0] + 1;
    let (first, second) = guard.as_slice_mut().unwrap().split_at_mut(LEN / 2);
    first.fill(next);
    // Most of the time is spent here, in the midst of a change.
    std::thread::sleep(Duration::from_micros(500));
    second.fill(next);
    Ok(())
}

fn read(array: &Array) -> serde_shm::Result<()> {
    let guard = array.read()?;
    if !are_equal(&guard) {
        child::say("torn");
    }
    std::thread::sleep(Duration::from_micros(200));
    Ok(())
}

/// Kills one in four at a time, whatever it does.
#[test]
fn a_random_holder_is_killed_every_ten_milliseconds() {
    let kills = rounds(300, 60);
    let segment = serde_shm::to_shared(&LockedArray::from(Array1::<u64>::zeros(LEN))).unwrap();
    let array: Array = segment.get().unwrap();
    let start = |seed: usize| {
        let mut child = Child::start("victim", &[segment.id(), &seed.to_string()]);
        assert_eq!(child.line(), "ready");
        child
    };
    let mut victims: Vec<Child> = (0..4).map(start).collect();
    let (mut longest, mut poisoned) = (Duration::ZERO, 0);
    for round in 0..kills {
        std::thread::sleep(Duration::from_millis(10));
        let mut victim = victims.swap_remove(round * 7 % victims.len());
        victim.kill_only();
        // Before anything else has a chance to set it right.
        let begun = Instant::now();
        match array.write_timeout(LONG) {
            Ok(guard) => assert!(are_equal(&guard.expect("a dead holder was waited for"))),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::Poisoned);
                poisoned += 1;
                mend(array.mend().unwrap());
            }
        }
        longest = longest.max(begun.elapsed());
        assert_eq!(victim.next_line(), None, "what the victim said last");
        victim.kill();
        victims.push(start(1000 + round));
    }
    assert!(are_equal(&array.mend().unwrap()));
    println!("{kills} kills, {poisoned} found poisoned here, the longest wait {longest:?}");
    for mut victim in victims {
        victim.kill_only();
        assert_eq!(victim.next_line(), None);
        victim.kill();
    }
}
