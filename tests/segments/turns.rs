//! `open_or_create` among real processes: one makes the object, and the others wait, are told, and open it.

use std::cell::Cell;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::time::{Duration, Instant};

use ndarray::Ix1;
use serde_shm::{
    Error, ErrorKind, LockedArray, Segment, SegmentOptions, Serialize, from_shared, segments,
};

use crate::child::{Child, say};
use crate::model::unique;

const PROCESSES: usize = 32;

type Made<T> = Result<T, Box<dyn std::error::Error + Send + Sync>>;

/// A whole one has its maker's number in every place.
#[derive(Serialize, serde_shm::Deserialize)]
struct Object {
    maker: u32,
    #[shm_array]
    numbers: Vec<u32>,
}

impl Object {
    fn of_this_process() -> Self {
        let maker = std::process::id();
        Object { maker, numbers: vec![maker; 5000] }
    }

    fn maker(segment: &Segment) -> u32 {
        let object: Object = segment.get().unwrap();
        assert!(object.numbers.len() == 5000, "torn");
        assert!(object.numbers.iter().all(|n| *n == object.maker), "torn");
        object.maker
    }
}

/// In a child: takes turns as it is told, line by line, and says whether it was the maker and what it has.
pub(crate) fn take() {
    let mut held = Vec::new();
    for line in std::io::stdin().lines() {
        let line = line.unwrap();
        let words: Vec<&str> = line.split(' ').collect();
        let [name, how, kind, delay] = words[..] else { panic!("{line}") };
        let was_called = Cell::new(false);
        let make = || -> Made<Object> {
            was_called.set(true);
            if how == "slow" {
                say("making");
            }
            std::thread::sleep(Duration::from_millis(delay.parse().unwrap()));
            match how {
                "make" | "slow" => Ok(Object::of_this_process()),
                "fail" => Err(format!("no luck in {}", std::process::id()).into()),
                "panic" => panic!("bad luck"),
                "die" => std::process::abort(),
                "ours" => Err(Box::new(from_shared::<u8>("no-such").unwrap_err())),
                other => panic!("{other}"),
            }
        };
        let options = SegmentOptions::new().name(name).persist(kind == "persistent");
        let options = options.fsync_if(kind);
        let result = catch_unwind(AssertUnwindSafe(|| options.open_or_create(make)));
        let text = match result {
            Ok(Ok(segment)) => {
                let maker = Object::maker(&segment);
                held.push(segment);
                format!("object {maker}")
            }
            Ok(Err(error)) => {
                // An error that has one keeps it.
                let is_ours = how == "ours" && was_called.get();
                assert_eq!(error.container(), Some(if is_ours { "no-such" } else { name }));
                format!("{:?} {error:#}", error.kind())
            }
            Err(_) => "panicked".to_owned(),
        };
        say(format!("{} {text}", if was_called.get() { "made" } else { "opened" }));
    }
}

trait FsyncIf {
    fn fsync_if(self, kind: &str) -> Self;
}

impl FsyncIf for SegmentOptions {
    fn fsync_if(self, kind: &str) -> Self {
        if kind == "persistent" { self.fsync(false) } else { self }
    }
}

/// So many processes in a folder of names of their own.
struct Crowd {
    base: tempfile::TempDir,
    children: Vec<Child>,
}

impl Crowd {
    fn new(count: usize) -> Self {
        let base = tempfile::tempdir_in("/dev/shm").unwrap();
        let mut crowd = Crowd { base, children: Vec::new() };
        crowd.children = (0..count).map(|_| crowd.start()).collect();
        crowd
    }

    fn start(&self) -> Child {
        Child::start_in("turns", &[], self.base.path())
    }

    /// All at once.
    fn ask(&mut self, line: &str) -> Vec<String> {
        for child in &mut self.children {
            child.send(line);
        }
        self.children.iter_mut().map(Child::line).collect()
    }

    /// The names of what is in the folder, while its processes live.
    fn files(&self) -> Vec<String> {
        let folder =
            self.base.path().join(format!("serde_shm-{}", rustix::process::geteuid().as_raw()));
        let Ok(listed) = std::fs::read_dir(folder) else { return Vec::new() };
        listed.map(|entry| entry.unwrap().file_name().into_string().unwrap()).collect()
    }

    fn end(self, left: usize) {
        for child in self.children {
            child.finish();
        }
        assert_eq!(std::fs::read_dir(self.base.path()).unwrap().count(), left);
    }
}

#[test]
fn of_many_processes_that_want_an_object_one_makes_it() {
    let mut crowd = Crowd::new(PROCESSES);
    for (round, delay) in [0, 0, 0, 1, 5, 100].into_iter().enumerate() {
        for kind in ["memory", "persistent"] {
            let name = format!("{kind}-{round}");
            let said = crowd.ask(&format!("{name} make {kind} {delay}"));
            let makers: Vec<usize> =
                (0..PROCESSES).filter(|at| said[*at].starts_with("made")).collect();
            assert_eq!(makers.len(), 1, "{name}: {said:?}");
            let maker = crowd.children[makers[0]].pid();
            for said in &said {
                assert!(said.ends_with(&format!(" object {maker}")), "{name}: {said}");
            }
            assert!(!crowd.files().contains(&format!(".{name}.making")));
        }
    }
    assert_eq!(crowd.files().len(), 12);
    // Of those, the files stay.
    crowd.end(1);
}

#[test]
fn those_who_wait_are_told_of_the_error_and_the_next_who_asks_makes_it() {
    let mut crowd = Crowd::new(PROCESSES);
    for (how, of_maker, of_others) in [
        (
            "fail",
            "Message fail-0: cannot make the object: no luck in PID",
            "cannot make the object: no luck in PID",
        ),
        ("panic", "panicked", "the function that makes it panicked"),
        ("ours", "NotFound no-such: there is no segment", "no-such: there is no segment"),
    ] {
        let name = format!("{how}-0");
        let said = crowd.ask(&format!("{name} {how} memory 800"));
        let makers: Vec<usize> =
            (0..PROCESSES).filter(|at| said[*at].starts_with("made")).collect();
        // Who came before the others had asked failed alone.
        assert!(!makers.is_empty() && makers.len() <= 4, "{makers:?}");
        let mut waited = 0;
        for (at, said) in said.iter().enumerate() {
            let (did, text) = said.split_once(' ').unwrap();
            if did == "made" {
                let of_maker = of_maker.replace("PID", &crowd.children[at].pid().to_string());
                let of_maker = of_maker.trim_start_matches("NotFound ");
                assert!(text.contains(of_maker), "{text}");
                continue;
            }
            waited += 1;
            assert!(text.starts_with(&format!("MakerFailed {name}: process ")), "{text}");
            let maker = text.split(' ').nth(3).unwrap().trim_end_matches(',');
            assert!(
                makers.iter().any(|at| crowd.children[*at].pid().to_string() == maker),
                "{text}"
            );
            assert!(text.contains("which was making the object, failed: "), "{text}");
            assert!(text.contains(&of_others.replace("PID", maker)), "{text}");
        }
        assert!(waited > PROCESSES / 2, "{waited}");
        assert!(!crowd.files().contains(&format!(".{name}.making")));
        assert!(!crowd.files().contains(&name));
        let said = crowd.ask(&format!("{name} make memory 0"));
        assert_eq!(said.iter().filter(|said| said.starts_with("made object")).count(), 1);
    }
    crowd.end(0);
}

/// Makers that die in the middle: the kernel takes the lock back, and another one makes it.
#[test]
fn when_the_maker_dies_another_one_makes_it() {
    let mut crowd = Crowd::new(8);
    for round in 0..20 {
        let name = format!("dead-{round}");
        let mut maker = crowd.start();
        maker.send(&format!("{name} make memory 100000"));
        let lock = format!(".{name}.making");
        while !crowd.files().contains(&lock) {
            std::thread::sleep(Duration::from_micros(100));
        }
        for child in &mut crowd.children {
            child.send(&format!("{name} make memory 1"));
        }
        std::thread::sleep(Duration::from_millis(round));
        let killed = Instant::now();
        maker.kill();
        let said: Vec<String> = crowd.children.iter_mut().map(Child::line).collect();
        assert!(killed.elapsed() < Duration::from_secs(20), "{:?}", killed.elapsed());
        let makers: Vec<usize> = (0..8).filter(|at| said[*at].starts_with("made")).collect();
        assert_eq!(makers.len(), 1, "{said:?}");
        let object = format!(" object {}", crowd.children[makers[0]].pid());
        assert!(said.iter().all(|said| said.ends_with(&object)), "{said:?}");
        assert!(!crowd.files().contains(&lock));
    }
    crowd.end(0);
}

/// In a child: asks for an array that changes, until a line says to stop, and changes it.
pub(crate) fn take_live(name: &str) {
    let make = || Ok(LockedArray::from(vec![0_u32; 100]));
    let stop = std::thread::spawn(|| std::io::stdin().read_line(&mut String::new()));
    let mut times = 0_u64;
    loop {
        let segment = Segment::open_or_create(name, make).unwrap();
        let array: LockedArray<u32, Ix1> = segment.get().unwrap();
        let mut guard = match array.write() {
            // Somebody was killed while it changed it.
            Err(error) if error.kind() == ErrorKind::Poisoned => {
                array.clear_poison().unwrap();
                continue;
            }
            guard => guard.unwrap(),
        };
        let next = guard[0] + 1;
        guard.fill(next);
        drop(guard);
        if times == 0 {
            say("going");
        }
        times += 1;
        if stop.is_finished() {
            break;
        }
    }
    say(times);
}

/// Whoever holds the array is killed, again and again, between sealed memory and live: none of the others ever has the one
/// without the other.
#[test]
fn arrays_that_change_come_whole_or_are_made_anew() {
    let base = tempfile::tempdir_in("/dev/shm").unwrap();
    let start = || Child::start_in("turns-live", &["live"], base.path());
    let mut steady: Vec<Child> = (0..4).map(|_| start()).collect();
    for child in &mut steady {
        assert_eq!(child.line(), "going");
    }
    for round in 0..60 {
        let mut child = start();
        assert_eq!(child.line(), "going");
        std::thread::sleep(Duration::from_micros(round * 50));
        child.kill();
    }
    for mut child in steady {
        child.send("stop");
        assert!(child.line().parse::<u64>().unwrap() > 10);
        child.finish();
    }
}

/// In a child: a maker that forks and dies, so that its child has the lock.
#[allow(unsafe_code)]
pub(crate) fn orphan(name: &str) {
    unsafe extern "C" {
        fn fork() -> i32;
        fn pause() -> i32;
        fn _exit(code: i32) -> !;
    }
    let _ = Segment::open_or_create(name, || -> Made<u8> {
        // SAFETY: the child waits to be killed and does nothing else.
        let child = unsafe { fork() };
        if child == 0 {
            loop {
                // SAFETY: it waits for a signal.
                unsafe { pause() };
            }
        }
        say(child);
        // SAFETY: ends the process, and nothing else of it runs.
        unsafe { _exit(0) };
    });
}

#[test]
fn a_child_that_has_the_lock_of_a_dead_maker_holds_nobody_up() {
    let name = unique("orphan");
    let mut maker = Child::start("orphan", &[&name]);
    let orphan: i32 = maker.line().parse().unwrap();
    let waiting = std::thread::spawn({
        let name = name.clone();
        move || Segment::open_or_create(&name, || Ok(7_u8))
    });
    maker.wait();
    let made = waiting.join().unwrap().unwrap();
    assert_eq!(made.get::<u8>().unwrap(), 7);
    let orphan = rustix::process::Pid::from_raw(orphan).unwrap();
    rustix::process::kill_process(orphan, rustix::process::Signal::KILL).unwrap();
}

#[test]
fn threads_take_turns_as_processes_do() {
    let name = unique("threads");
    let makers = std::sync::atomic::AtomicUsize::new(0);
    let make = || -> Made<Object> {
        makers.fetch_add(1, std::sync::atomic::Ordering::Relaxed);
        Ok(Object::of_this_process())
    };
    let held: Vec<Segment> = std::thread::scope(|scope| {
        let open = || Segment::open_or_create(&name, make).unwrap();
        let threads: Vec<_> = (0..16).map(|_| scope.spawn(open)).collect();
        threads.into_iter().map(|thread| thread.join().unwrap()).collect()
    });
    assert_eq!(makers.into_inner(), 1);
    assert_eq!(held.iter().filter(|segment| segment.unlink().unwrap()).count(), 1);
}

#[test]
fn a_function_that_asks_for_its_own_name_is_told() {
    let name = unique("itself");
    let error = Segment::open_or_create(&name, || {
        let inner = Segment::open_or_create(&name, || Ok(1_u8))?;
        Ok(inner.len())
    });
    let error = error.unwrap_err();
    assert_eq!((error.kind(), error.container()), (ErrorKind::Deadlock, Some(&*name)));
    // Another name is its own matter.
    let other = format!("{name}-other");
    let made = Segment::open_or_create(&name, || {
        Ok(Segment::open_or_create(&other, || Ok(1_u8))?.get::<u8>()? + 1)
    });
    assert_eq!(made.unwrap().get::<u8>().unwrap(), 2);
}

#[test]
fn the_wait_has_a_limit_where_one_is_set() {
    let name = unique("limit");
    let mut maker = Child::start("turns", &[]);
    maker.send(&format!("{name} slow memory 1500"));
    assert_eq!(maker.line(), "making");
    let options = SegmentOptions::new().name(&name).wait_limit(Duration::from_millis(30));
    let never = || -> Made<u8> { unreachable!("somebody else makes it") };
    let error = options.open_or_create(never).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Io);
    assert!(error.to_string().contains(&format!("process {}", maker.pid())), "{error}");
    assert!(error.to_string().contains("`wait_limit`"), "{error}");
    assert_eq!(maker.line(), format!("made object {}", maker.pid()));
    assert_eq!(Object::maker(&options.open_or_create(never).unwrap()), maker.pid());
    maker.finish();
}

/// Others need not take turns: `create` and `offer` go between, and the one that had the turn opens what they have made.
#[test]
fn who_takes_no_turn_may_be_faster() {
    let name = unique("faster");
    let mut held = None;
    let made = Segment::open_or_create(&name, || {
        held = Some(SegmentOptions::new().name(&name).create(&1_u8)?);
        Ok(2_u8)
    });
    assert_eq!(made.unwrap().get::<u8>().unwrap(), 1);
    drop(held);
    // Where it has gone by then, what was made is not lost.
    let mut calls = 0;
    let made = Segment::open_or_create(&name, || {
        calls += 1;
        Ok(3_u8)
    });
    assert_eq!((made.unwrap().get::<u8>().unwrap(), calls), (3, 1));
}

#[test]
fn what_is_there_is_opened_and_nothing_is_called() {
    let never = || -> Made<u8> { unreachable!("it is there") };
    let name = unique("there");
    let made = SegmentOptions::new().name(&name).create(&5_u8).unwrap();
    assert_eq!(Segment::open_or_create(&name, never).unwrap().get::<u8>().unwrap(), 5);
    drop(made);
    let made = SegmentOptions::new().name(&name).persist(true).fsync(false).create(&6_u8).unwrap();
    assert_eq!(Segment::open_or_create(&name, never).unwrap().get::<u8>().unwrap(), 6);
    made.unlink().unwrap();

    let named = SegmentOptions::new().name(&name);
    let refused = |options: &SegmentOptions, said: &str| {
        let error: Error = options.open_or_create(never).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput, "{error}");
        assert!(error.to_string().contains(said), "{error}");
    };
    refused(&SegmentOptions::new(), "there is no name");
    refused(&SegmentOptions::new().name(".hidden"), "not a segment name");
    refused(&named.clone().replace(true), "replaces nothing");
    refused(&named.clone().persist(true).dir("/tmp"), "without `.dir(…)`");
    refused(&named.clone().mode(0o600), "`mode` is for persistent segments");
    assert!(segments::list().unwrap().iter().all(|info| info.name() != name));
}
