//! The crash: publishers of one name are killed every few milliseconds while others attach to it and several processes
//! reap. Nobody may ever see half an object, lose the memory that he has, or reap what is alive.
//! `SERDE_SHM_CRASH_KILLS` sets how often, as for the other tests.

use std::io::Read;
use std::time::Duration;

use serde_shm::{ErrorKind, Segment, SegmentOptions, segments};

use crate::child::{Child, say};
use crate::deed::Object;
use crate::scene::with_folder;
use crate::strace::child;

const NAME: &str = "contended";

/// In a child: publishes for ever.
pub(crate) fn publish() {
    let options = SegmentOptions::new().name(NAME).replace(true);
    let mut held: Option<Segment> = None;
    for number in 1.. {
        let made = options.create(&Object::new(number % 100, 2000)).unwrap();
        drop(held.replace(made));
    }
}

/// In a child: attaches until its parent goes, and says how often.
pub(crate) fn attach() {
    let stop = std::thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let (mut whole, mut none) = (0_u64, 0_u64);
    let mut kept = Vec::new();
    while !stop.is_finished() {
        match Segment::open(NAME) {
            Ok(segment) => {
                segment.get::<Object>().unwrap().whole();
                whole += 1;
                if kept.len() == 8 {
                    kept.clear();
                }
                kept.push(segment);
                // What one has stays whole, whoever died and was reaped.
                kept[0].get::<Object>().unwrap().whole();
            }
            // Between a death and the next publication.
            Err(error) if error.kind() == ErrorKind::NotFound => none += 1,
            Err(error) => panic!("{error}"),
        }
    }
    say(format_args!("{whole} {none}"));
}

/// In a child: reaps until its parent goes.
pub(crate) fn reap() {
    let stop = std::thread::spawn(|| std::io::stdin().read_to_end(&mut Vec::new()));
    let mut reaped = 0;
    while !stop.is_finished() {
        reaped += segments::reap().unwrap();
        std::thread::sleep(Duration::from_millis(1));
    }
    say(format_args!("{reaped} 0"));
}

#[test]
fn publishers_die_while_others_attach_and_reap() {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    let set = [("SERDE_SHM_DIR", base.path().to_str().unwrap())];
    let start = |role| child(role, &set);
    with_folder(base.path(), || {
        let mut publishers = [start("publish"), start("publish")];
        let watchers: Vec<Child> =
            ["attach", "attach", "attach", "attach", "reap", "reap"].map(start).into();
        let kills = std::env::var("SERDE_SHM_CRASH_KILLS").map_or(60, |text| text.parse().unwrap());
        for kill in 0..kills {
            std::thread::sleep(Duration::from_millis(15));
            let publisher = &mut publishers[kill % 2];
            publisher.kill_only();
            publisher.wait();
            *publisher = start("publish");
        }
        let mut said = Vec::new();
        for mut watcher in watchers {
            watcher.let_go();
            said.push(
                watcher.line().split(' ').map(|n| n.parse::<u64>().unwrap()).collect::<Vec<_>>(),
            );
            watcher.finish();
        }
        println!("{kills} kills; whole and no object, by attacher, then reaped: {said:?}");
        assert!(said[..4].iter().all(|counts| counts[0] > 0), "nobody saw an object");
        publishers.into_iter().for_each(Child::kill);
        segments::reap().unwrap();
    });
    assert_eq!(std::fs::read_dir(base.path()).unwrap().count(), 0);
}
