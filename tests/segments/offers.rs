//! Names that are offered by whoever has the segment: each in a process and a folder of its own, with others that come and go.

use ndarray::Ix1;
use serde_shm::{
    ErrorKind, LockedArray, Segment, SegmentOptions, from_shared, segments, to_shared,
};

use crate::child::{Child, say, wait};

macro_rules! alone {
    ($($name:ident)*) => {
        $(#[test]
        fn $name() {
            Child::run_alone("offer", &[stringify!($name)]);
        })*

        pub(crate) fn run(what: &str) {
            match what {
                $(stringify!($name) => role::$name(),)*
                "hold" => hold(),
                other => panic!("no such role: {other}"),
            }
        }
    };
}

alone! {
    a_name_goes_from_its_maker_to_a_holder_and_on
    one_of_many_that_offer_at_once_gets_the_name
    a_name_in_use_is_an_error_or_replaced
    a_handle_offers_one_name
    what_cannot_be_offered_says_why
    live_arrays_are_offered_with_their_locks
    a_forked_child_offers_for_itself
    holders_offer_while_others_leave
}

const NAME: &str = "offered";

/// In a child: opens what it is told to, offers it, and says how it went, line by line.
fn hold() {
    let mut held: Option<Segment> = None;
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        match words[..] {
            ["open", place] => say(match Segment::open(place) {
                Ok(segment) => held.insert(segment).get::<u32>().unwrap().to_string(),
                Err(error) => format!("{:?}", error.kind()),
            }),
            ["create", name, number] => {
                let number: u32 = number.parse().unwrap();
                held = Some(SegmentOptions::new().name(name).create(&number).unwrap());
                say("created");
            }
            ["offer", name] => say(match held.as_mut().unwrap().offer(name) {
                Ok(()) => "offered".to_owned(),
                Err(error) => format!("{:?}", error.kind()),
            }),
            ["id"] => say(held.as_ref().unwrap().id()),
            ["drop"] => {
                held = None;
                say("dropped");
            }
            _ => panic!("{line}"),
        }
    }
}

fn holder() -> Child {
    Child::start("offer", &["hold"])
}

/// Says a line to the child and gives its answer.
fn ask(child: &mut Child, line: &str) -> String {
    child.send(line);
    child.line()
}

mod role {
    use super::*;

    /// The chain: a maker that is killed, a holder that offers and leaves, a holder that offers and is killed, and one more. What
    /// is in the memory is the same all along, and a reader goes by the descriptor of the one who offers.
    pub(super) fn a_name_goes_from_its_maker_to_a_holder_and_on() {
        let mut maker = holder();
        assert_eq!(ask(&mut maker, &format!("create {NAME} 7")), "created");
        let mut chain: Vec<Child> = (0..3).map(|_| holder()).collect();
        for child in &mut chain {
            assert_eq!(ask(child, &format!("open {NAME}")), "7");
            assert_eq!(ask(child, &format!("offer {NAME}")), "AlreadyExists", "the maker lives");
        }
        let mut reader = Segment::open(NAME).unwrap();
        let nonce = ask(&mut maker, "id").rsplit(':').next().unwrap().to_owned();
        maker.kill();
        for (number, mut child) in chain.into_iter().enumerate() {
            assert_eq!(Segment::open(NAME).unwrap_err().kind(), ErrorKind::NotFound);
            assert_eq!(ask(&mut child, &format!("offer {NAME}")), "offered");
            let id = ask(&mut child, "id");
            assert!(id.starts_with(&format!("{}:", child.pid())) && id.ends_with(&nonce), "{id}");
            let listed = segments::list().unwrap();
            assert_eq!((listed.len(), listed[0].pid()), (1, Some(child.pid())));
            assert!(listed[0].is_alive() && listed[0].byte_len() == reader.len() as u64);
            assert_eq!(from_shared::<u32>(NAME).unwrap(), 7);
            assert!(!reader.refresh().unwrap(), "it is the same segment");
            assert_eq!(segments::reap().unwrap(), 0);
            match number {
                // Its handle takes the name away.
                0 => {
                    assert_eq!(ask(&mut child, "drop"), "dropped");
                    assert!(segments::list().unwrap().is_empty());
                    child.finish();
                }
                // Its entry stays, for the next one to take the place of.
                1 => {
                    child.kill();
                    assert!(!segments::list().unwrap()[0].is_alive());
                }
                // It is reaped.
                _ => {
                    child.kill();
                    assert_eq!(segments::reap().unwrap(), 1);
                }
            }
            assert_eq!(reader.get::<u32>().unwrap(), 7);
        }
        reader.offer("other").unwrap();
        assert_eq!((reader.name(), from_shared::<u32>("other").unwrap()), (Some("other"), 7));
    }

    pub(super) fn one_of_many_that_offer_at_once_gets_the_name() {
        for left in ["nothing", "a dead entry"] {
            let mut maker = holder();
            assert_eq!(ask(&mut maker, &format!("create {NAME} 7")), "created");
            let mut held: Vec<Segment> = (0..16).map(|_| Segment::open(NAME).unwrap()).collect();
            if left == "nothing" {
                assert_eq!(ask(&mut maker, "drop"), "dropped");
            }
            maker.kill();
            let offered = std::thread::scope(|scope| {
                let offers = held.iter_mut().map(|segment| scope.spawn(|| segment.offer(NAME)));
                let offers: Vec<_> = offers.collect::<Vec<_>>();
                let results = offers.into_iter().map(|offer| offer.join().unwrap());
                results.collect::<Vec<_>>()
            });
            assert_eq!(offered.iter().filter(|offer| offer.is_ok()).count(), 1, "{left}");
            for error in offered.into_iter().filter_map(Result::err) {
                assert_eq!(
                    (error.kind(), error.container()),
                    (ErrorKind::AlreadyExists, Some(NAME))
                );
                assert!(
                    error.to_string().contains("`replace(true)` would take it over"),
                    "{error}"
                );
            }
            // The others let go of what they have, which is not the name.
            held.retain(|segment| segment.id().starts_with(&format!("{}:", std::process::id())));
            let (mut kept, mut dropped) = (None, 0);
            for segment in held {
                if segments::list().unwrap().len() == 1
                    && kept.is_none()
                    && Segment::open(NAME).is_ok()
                {
                    kept = Some(segment);
                } else {
                    drop(segment);
                    dropped += 1;
                }
            }
            assert_eq!(dropped, 15);
            drop(kept);
            segments::reap().unwrap();
        }
    }

    pub(super) fn a_name_in_use_is_an_error_or_replaced() {
        let made = SegmentOptions::new().name(NAME).create(&1_u32).unwrap();
        let mut other = to_shared(&2_u32).unwrap();
        let error = other.offer(NAME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert_eq!((other.name(), from_shared::<u32>(NAME).unwrap()), (None, 1));
        let replacing = SegmentOptions::new().name(NAME).replace(true);
        replacing.offer(&mut other).unwrap();
        assert_eq!((other.name(), from_shared::<u32>(NAME).unwrap()), (Some(NAME), 2));
        // The name is another's by now.
        drop(made);
        assert_eq!(from_shared::<u32>(NAME).unwrap(), 2);
        drop(other);
        assert!(Segment::open(NAME).is_err());
        // A persistent segment holds its name, whoever has gone.
        drop(SegmentOptions::new().name(NAME).persist(true).create(&3_u32).unwrap());
        let mut other = to_shared(&4_u32).unwrap();
        let error = other.offer(NAME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::AlreadyExists);
        assert!(error.to_string().contains("persistent segment"), "{error}");
        replacing.offer(&mut other).unwrap();
        assert_eq!(from_shared::<u32>(NAME).unwrap(), 4);
        assert_eq!(segments::remove_session().unwrap(), 1);
        assert!(segments::list().unwrap().is_empty());
    }

    pub(super) fn a_handle_offers_one_name() {
        let mut made = SegmentOptions::new().name(NAME).create(&1_u32).unwrap();
        for name in [NAME, "second"] {
            let error = made.offer(name).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains("holds the name `offered`"), "{error}");
            assert!(error.to_string().contains("`Segment::open(segment.id())`"), "{error}");
        }
        // What it names.
        let mut second = Segment::open(made.id()).unwrap();
        second.offer("second").unwrap();
        // A name that was taken away, or another's, is held no longer.
        assert!(segments::remove(NAME).unwrap());
        made.offer(NAME).unwrap();
        let newer = SegmentOptions::new().name(NAME).replace(true).create(&2_u32).unwrap();
        assert_eq!(made.offer(NAME).unwrap_err().kind(), ErrorKind::AlreadyExists);
        made.offer("third").unwrap();
        drop(newer);
        let names: Vec<_> =
            segments::list().unwrap().iter().map(|info| info.name().to_owned()).collect();
        assert_eq!(names, ["second", "third"]);
        assert_eq!(from_shared::<u32>("second").unwrap(), 1);
        assert!(second.unlink().unwrap() && made.unlink().unwrap());
        second.offer("second").unwrap();
    }

    pub(super) fn what_cannot_be_offered_says_why() {
        let mut stored = SegmentOptions::new().name("stored").persist(true).create(&1_u32).unwrap();
        let error = stored.offer(NAME).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("`SegmentOptions::create_from_bytes`"), "{error}");
        // What it names.
        let bytes = stored.block().unwrap();
        let copy = SegmentOptions::new().name(NAME).create_from_bytes(bytes.as_ref()).unwrap();
        assert_eq!(from_shared::<u32>(NAME).unwrap(), 1);
        drop(copy);
        stored.unlink().unwrap();

        let mut segment = to_shared(&1_u32).unwrap();
        for bad in ["", ".hidden", "a/b", &"x".repeat(201)] {
            assert_eq!(segment.offer(bad).unwrap_err().kind(), ErrorKind::InvalidInput, "{bad}");
        }
        let named = SegmentOptions::new().name(NAME);
        for (options, said) in [
            (SegmentOptions::new(), "no name"),
            (named.clone().persist(true), "memory, not a file"),
            (named.clone().mode(0o600), "`mode` is for persistent segments"),
        ] {
            let error = options.offer(&mut segment).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
            assert!(error.to_string().contains(said), "{error}");
        }
        assert!(segments::list().unwrap().is_empty());
    }

    pub(super) fn live_arrays_are_offered_with_their_locks() {
        let made = SegmentOptions::new().name(NAME).create(&LockedArray::from(vec![1_u32, 2]));
        let made = made.unwrap();
        let mut held = Segment::open(NAME).unwrap();
        use std::os::fd::AsFd;
        let sealed = made.as_fd().try_clone_to_owned().unwrap();
        drop(made);
        held.offer(NAME).unwrap();
        assert_eq!(segments::list().unwrap()[0].live_arrays(), 1);
        let here: LockedArray<u32, Ix1> = held.get().unwrap();
        let mut child = Child::start("offer-live", &[NAME]);
        assert_eq!(child.line(), "changed");
        assert_eq!(here.read().unwrap()[0], 10);
        child.finish();
        // The sealed memory alone is half of it.
        let mut half = Segment::from_fd(sealed).unwrap();
        let error = half.offer("half").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Unsupported);
        assert!(error.to_string().contains("`Segment::from_fds`"), "{error}");
    }

    #[allow(unsafe_code)]
    pub(super) fn a_forked_child_offers_for_itself() {
        unsafe extern "C" {
            fn fork() -> i32;
            fn _exit(code: i32) -> !;
            fn waitpid(pid: i32, status: *mut i32, options: i32) -> i32;
        }
        let mut segment = SegmentOptions::new().name(NAME).create(&7_u32).unwrap();
        // SAFETY: the other thread of this process waits for the test to end and holds no lock that the child needs.
        let pid = unsafe { fork() };
        if pid == 0 {
            let is_held = segment.offer(NAME).is_err_and(|e| e.kind() == ErrorKind::AlreadyExists);
            let done = segment.offer("childs").is_ok() && from_shared::<u32>("childs").is_ok();
            let alive = segments::list().unwrap().iter().all(segments::SegmentInfo::is_alive);
            drop(segment);
            let left = segments::list().unwrap().len();
            // SAFETY: ends the process, and nothing else of it runs.
            unsafe { _exit(i32::from(!(is_held && done && alive && left == 1))) };
        }
        let mut status = 1;
        // SAFETY: `status` is a valid place for an int.
        assert_eq!(unsafe { waitpid(pid, &raw mut status, 0) }, pid);
        assert_eq!(status, 0);
        assert_eq!(from_shared::<u32>(NAME).unwrap(), 7);
        assert_eq!(segment.offer("more").unwrap_err().kind(), ErrorKind::InvalidInput);
    }

    /// Eight processes hold one object. Each in turn has the name and leaves, by its handle or killed, and is there again; a reader sees
    /// the object, whole and the same, or for a moment none; and somebody always can offer it.
    pub(super) fn holders_offer_while_others_leave() {
        let first = SegmentOptions::new().name(NAME).create(&7_u32).unwrap();
        let keeper = Segment::open(NAME).unwrap();
        let mut holders: Vec<Child> = (0..8)
            .map(|_| {
                let mut child = holder();
                assert_eq!(ask(&mut child, &format!("open {NAME}")), "7");
                child
            })
            .collect();
        drop(first);
        let stop = std::sync::atomic::AtomicBool::new(false);
        let seen = std::thread::scope(|scope| {
            let reader = scope.spawn(|| {
                let (mut whole, mut none) = (0, 0);
                while !stop.load(std::sync::atomic::Ordering::Relaxed) {
                    match from_shared::<u32>(NAME) {
                        Ok(number) => {
                            assert_eq!(number, 7);
                            whole += 1;
                        }
                        Err(error) => {
                            assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
                            none += 1;
                        }
                    }
                }
                (whole, none)
            });
            for round in 0..40 {
                // All want it at once.
                for child in &mut holders {
                    child.send(&format!("offer {NAME}"));
                }
                let said: Vec<String> = holders.iter_mut().map(Child::line).collect();
                let winners: Vec<usize> =
                    (0..said.len()).filter(|at| said[*at] == "offered").collect();
                assert_eq!(winners.len(), 1, "{said:?}");
                let winner = &mut holders[winners[0]];
                if round % 2 == 0 {
                    assert_eq!(ask(winner, "drop"), "dropped");
                } else {
                    std::mem::replace(winner, holder()).kill();
                }
                assert_eq!(ask(winner, &format!("open {}", keeper.id())), "7");
            }
            stop.store(true, std::sync::atomic::Ordering::Relaxed);
            reader.join().unwrap()
        });
        assert!(seen.0 > 0, "{seen:?}");
        for child in holders {
            child.finish();
        }
        drop(keeper);
        segments::reap().unwrap();
    }
}

/// In a child: changes the live array under its lock.
pub(crate) fn change_live(name: &str) {
    let array: LockedArray<u32, Ix1> = from_shared(name).unwrap();
    array.write().unwrap()[0] = 10;
    say("changed");
    wait();
}
