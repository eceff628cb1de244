//! What is left: no process, no descriptor, no zombie, whoever ends and how.

use std::time::Duration;

use crate::child::{Child, say};
use crate::support::{descriptors, eventually, is_gone, pool, signal};
use crate::tasks::{DO, Deed, FOLD_DO, SUM, index};

/// In a child: a caller that is killed, with its processes in the state that `how` says.
pub(crate) fn call(how: &str) {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(3);
    let processes: Vec<u64> =
        pool.map(&DO, vec![Deed::Sleep(200); 3]).map(Result::unwrap).collect();
    assert_eq!(processes.len(), 3);
    say(format_args!("{:?}", pool.process_ids()));
    match how {
        "idle" => std::thread::sleep(Duration::from_secs(60)),
        "busy" => drop(pool.map(&DO, vec![Deed::Sleep(60_000); 9]).collect::<Vec<_>>()),
        "folding" => drop(pool.fold_reduce(&FOLD_DO, vec![Deed::Meet(99); 9], 0, |_, _| 0)),
        "stopped" => drop(pool.map(&DO, vec![Deed::Stop; 9]).collect::<Vec<_>>()),
        "panic" => {
            let jobs =
                (0..9).map(|job| if job < 6 { Deed::Sleep(60_000) } else { panic!("no job") });
            drop(pool.map(&DO, jobs).collect::<Vec<_>>());
        }
        "exit" => {
            let mut results = pool.map(&DO, (0..9).map(|_| Deed::Sleep(100)));
            results.next();
            std::process::exit(3);
        }
        "forget" => {
            let mut results = pool.map(&DO, (0..9).map(|_| Deed::Sleep(100)));
            results.next();
            std::mem::forget(results);
            std::mem::forget(pool);
        }
        other => panic!("{other}"),
    }
}

#[test]
fn no_process_outlives_its_caller() {
    for how in ["idle", "busy", "folding", "stopped", "panic", "exit", "forget"] {
        let mut child = Child::start("caller", &[how]);
        let line = child.line();
        let processes: Vec<u32> =
            line.trim_matches(['[', ']']).split(", ").map(|id| id.parse().unwrap()).collect();
        assert_eq!(processes.len(), 3, "{how}");
        if matches!(how, "idle" | "busy" | "folding" | "stopped") {
            if how == "stopped" {
                eventually("they stop", || {
                    processes.iter().all(|process| crate::support::state(*process) == Some('T'))
                });
            } else {
                std::thread::sleep(Duration::from_millis(100));
            }
            signal(child.pid(), 9);
        }
        child.wait();
        eventually(&format!("the processes of {how} end"), || {
            processes.iter().all(|process| is_gone(*process))
        });
    }
}

/// In a child, since other tests have children and descriptors, too.
pub(crate) fn count() {
    let children = || {
        let own = std::process::id();
        let tasks = std::fs::read_dir(format!("/proc/{own}/task")).unwrap();
        tasks
            .filter_map(|task| std::fs::read_to_string(task.unwrap().path().join("children")).ok())
            .map(|children| children.split_whitespace().count())
            .sum::<usize>()
    };
    let threads = || std::fs::read_dir("/proc/self/task").unwrap().count();
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    drop(pool(&segment).processes(1).map(&SUM, [0..3]).next());
    let before = (descriptors(std::process::id()).len(), threads(), children());
    assert_eq!(before.2, 0);
    for round in 0..20 {
        let mut pool = pool(&segment).processes(3);
        match round % 5 {
            0 => drop(pool.map(&DO, vec![Deed::Sleep(10); 6]).collect::<Vec<_>>()),
            1 => drop(pool.map(&DO, vec![Deed::Exit(1); 6]).collect::<Vec<_>>()),
            2 => drop(pool.map(&DO, vec![Deed::Sleep(60_000); 6]).take(0)),
            3 => {
                let mut results = pool.map(&DO, (0..).map(|job| Deed::Sleep(job * 1000)));
                assert_eq!(results.next().unwrap().unwrap(), 0);
            }
            _ => drop(pool.map(&DO, vec![Deed::Fail("no".into()); 6]).collect::<Vec<_>>()),
        }
        drop(pool);
        let now = (descriptors(std::process::id()).len(), threads(), children());
        assert_eq!(now, before, "round {round}");
    }
    say("even");
}

#[test]
fn nothing_is_left_when_pools_are_dropped() {
    let mut child = Child::start("count", &[]);
    assert_eq!(child.line(), "even");
    child.finish();
}

#[test]
fn a_process_has_its_connection_and_the_object_and_nothing_else() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(2);
    pool.start().unwrap();
    drop(pool.map(&SUM, vec![0..2; 4]).collect::<Vec<_>>());
    let own: Vec<String> = descriptors(std::process::id())
        .into_iter()
        .filter(|link| link.starts_with("socket:"))
        .collect();
    for process in pool.process_ids() {
        let all = descriptors(process);
        let sockets: Vec<_> = all.iter().filter(|link| link.starts_with("socket:")).collect();
        // The connection, once more for who waits for its end; none of the caller's.
        let ours = sockets.iter().filter(|link| !own.contains(link)).count();
        assert_eq!(ours, 2, "{all:?}");
        assert!(all.iter().filter(|link| link.contains("memfd")).count() <= 4, "{all:?}");
    }
}

/// In a child, which is forked.
#[allow(unsafe_code)]
pub(crate) fn fork() {
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(2);
    pool.start().unwrap();
    let before = pool.process_ids();
    // SAFETY: the child does what a child with threads that are gone may do here: the allocator has handlers for it.
    match unsafe { libc::fork() } {
        0 => {
            let error = pool.map(&DO, [Deed::Return(1)]).next().unwrap().unwrap_err();
            let is_told = error.to_string().contains("forked");
            drop(pool);
            // SAFETY: it ends this process, without what the harness does at its end.
            unsafe { libc::_exit(i32::from(!is_told)) };
        }
        child => {
            let mut status = -1;
            // SAFETY: `status` is a place for an `int`.
            unsafe { libc::waitpid(child, &raw mut status, 0) };
            assert_eq!(status, 0);
        }
    }
    let all: Vec<u64> = pool.map(&DO, vec![Deed::Return(1); 4]).map(Result::unwrap).collect();
    assert_eq!(all, [1; 4]);
    assert_eq!(pool.process_ids(), before);
    say("even");
}

#[test]
fn a_forked_copy_of_a_pool_ends_nothing() {
    let mut child = Child::start("fork", &[]);
    assert_eq!(child.line(), "even");
    child.finish();
}

#[test]
fn an_idle_process_ends_by_itself_and_not_by_a_signal() {
    let folder = tempfile::tempdir().unwrap();
    let mark = folder.path().join("left").display().to_string();
    let segment = serde_shm::to_shared(&index(10)).unwrap();
    let mut pool = pool(&segment).processes(1);
    pool.map(&DO, [Deed::AtExit(mark.clone())]).for_each(|result| assert!(result.is_ok()));
    let processes = pool.process_ids();
    assert!(!std::path::Path::new(&mark).exists());
    drop(pool);
    assert!(processes.into_iter().all(is_gone));
    assert!(std::path::Path::new(&mark).exists());
}
