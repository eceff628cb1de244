//! One process republishes a name as fast as it can, 32 others open it: each time they get a whole object.
//! `SERDE_SHM_ATTACHES` sets how often each of them does.

use serde_shm::{Deserialize, Segment, SegmentOptions, Serialize};

use crate::child::{Child, say, wait};
use crate::model::unique;

const READERS: usize = 32;

fn attaches() -> u64 {
    std::env::var("SERDE_SHM_ATTACHES")
        .map_or(500, |text| text.parse().expect("SERDE_SHM_ATTACHES is a number"))
}

#[derive(Serialize)]
struct Edition {
    number: u64,
    #[shm_array]
    filled: Vec<u64>,
}

#[derive(Deserialize)]
struct EditionView<'a> {
    number: u64,
    #[shm_array]
    filled: &'a [u64],
}

impl Edition {
    fn new(number: u64) -> Self {
        // Editions differ in length as well, so that parts of two of them would not fit together.
        Edition { number, filled: vec![number; 1000 + (number % 7) as usize * 100] }
    }

    fn publish(name: &str, number: u64) -> Segment {
        SegmentOptions::new().name(name).replace(true).create(&Edition::new(number)).unwrap()
    }
}

#[test]
fn readers_never_fail_while_a_name_is_republished() {
    let name = unique("republish");
    let mut writer = Child::start("write", &[&name]);
    assert_eq!(writer.line(), "published");
    let readers: Vec<Child> = (0..READERS).map(|_| Child::start("read", &[&name])).collect();
    let mut opened = 0;
    for mut reader in readers {
        opened += reader.line().parse::<u64>().unwrap();
        reader.finish();
    }
    writer.finish();
    println!("{opened} times opened by {READERS} readers");
    assert_eq!(opened, READERS as u64 * attaches());
    assert!(Segment::open(&name).is_err());
}

pub(crate) fn write(name: &str) {
    let mut held = Edition::publish(name, 0);
    say("published");
    let stop = std::thread::spawn(wait);
    let mut number = 1;
    while !stop.is_finished() {
        held = Edition::publish(name, number);
        number += 1;
    }
    stop.join().unwrap();
    println!("{number} editions");
    drop(held);
}

pub(crate) fn read(name: &str) {
    let (mut opened, mut newest) = (0_u64, 0);
    // However few there are to be, until the name was replaced at least once.
    while opened < attaches() || newest == 0 {
        let segment = Segment::open(name).unwrap();
        let view: EditionView<'_> = segment.get().unwrap();
        assert_eq!(view.filled.len() as u64, 1000 + view.number % 7 * 100);
        assert!(view.filled.iter().all(|value| *value == view.number));
        assert!(view.number >= newest, "an older edition came back");
        newest = view.number;
        opened += 1;
    }
    say(opened.min(attaches()));
}
