//! The crash: one of 32 processes that want one object is killed at any of its system calls, as the maker or as one that waits. The others
//! must get a whole object, of one of them alone or of the one that died, and nothing may be left.

use std::cell::Cell;
use std::os::unix::process::ExitStatusExt;
use std::time::{Duration, Instant};

use serde_shm::{Segment, segments};

use crate::child::{Child, say};
use crate::deed::{Deed, NAME, Object};
use crate::scene::{Scene, with_folder};
use crate::strace::{self, Who, child};

/// With the one that is killed, 32.
const OTHERS: usize = 31;

/// The object that the others make; the one that is killed makes number 2.
const NUMBER: u32 = 3;

/// In a child: asks for the object whenever a line comes, and says what it has got; lets go of it with the next line.
pub(crate) fn take() {
    let mut held: Option<Segment> = None;
    for line in std::io::stdin().lines() {
        if line.unwrap() == "leave" {
            held = None;
            say("left");
            continue;
        }
        let calls = Cell::new(0);
        let make = || {
            calls.set(calls.get() + 1);
            Ok(Object::new(NUMBER, 0))
        };
        let segment = match Segment::open_or_create(NAME, make) {
            Ok(segment) => segment,
            Err(error) => {
                say(format_args!("{error:#}"));
                continue;
            }
        };
        let number = held.insert(segment).get::<Object>().unwrap().whole();
        say(format_args!("{number} {}", calls.get()));
    }
}

/// Kills one at each of its system calls. The others ask as soon as it has the lock, or from the start.
fn sweep(the_others_wait: bool) {
    if !strace::is_there() {
        return;
    }
    let deed = Deed::OpenOrCreate;
    let scene = Scene::new(deed);
    with_folder(scene.base(), || {
        let variables = scene.variables(&crate::scene::Before::Nothing);
        let set: Vec<(&str, &str)> =
            variables.iter().map(|(key, value)| (*key, &**value)).collect();
        let points = strace::points(Who::Thread, &set);
        let mut others: Vec<Child> = (0..OTHERS).map(|_| child("turns", &set)).collect();
        let lock = scene
            .base()
            .join(format!("serde_shm-{}/.{NAME}.making", rustix::process::geteuid().as_raw()));
        let (mut kills, mut of_the_dead, mut remade) = (0, 0, 0);
        for point in &points {
            let context = format!("killed at {} {}: {}", point.name, point.number, point.text);
            let output = strace::inject_beside(Who::Thread, point, "signal=SIGKILL", &set, || {
                let started = Instant::now();
                while the_others_wait
                    && !lock.exists()
                    && started.elapsed() < Duration::from_millis(20)
                {
                    std::thread::sleep(Duration::from_micros(50));
                }
                for other in &mut others {
                    other.send("ask");
                }
            });
            let killed = output.status.signal() == Some(9);
            kills += usize::from(killed);
            let said: Vec<String> = others.iter_mut().map(Child::line).collect();
            let count = |what: &str| said.iter().filter(|said| *said == what).count();
            // One of those that live has made it, or none, if all have got it of the one that died.
            let (made, opened, from_dead) = (count("3 1"), count("3 0"), count("2 0"));
            assert_eq!(made + opened + from_dead, OTHERS, "{said:?}: {context}");
            assert!(made == 1 || made == 0 && opened == 0, "{said:?}: {context}");
            of_the_dead += usize::from(from_dead > 0);
            remade += made;
            for other in &mut others {
                other.send("leave");
            }
            for other in &mut others {
                assert_eq!(other.line(), "left");
            }
            segments::reap().unwrap();
            assert!(segments::list().unwrap().is_empty(), "{context}");
            assert!(!lock.exists(), "{context}");
        }
        for other in others {
            other.finish();
        }
        println!(
            "killed at {kills} of {} system calls: {remade} times another made it, {of_the_dead} times somebody had it of the dead",
            points.len()
        );
        assert!(kills > 10 && remade > 10, "{kills} {remade}");
        scene.check_after_housekeeping("in the end");
    });
}

#[test]
fn the_maker_is_killed_while_31_processes_wait() {
    sweep(true);
}

#[test]
fn one_of_32_processes_is_killed_while_all_begin() {
    sweep(false);
}
