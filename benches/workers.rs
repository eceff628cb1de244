//! What a pool of processes costs: its start, a job, large jobs and results; beside threads of one process.
//!
//! `cargo bench -p serde_shm_benches --bench workers`. Each figure is a median of several runs.
#![allow(missing_docs)]

use std::hint::black_box;
use std::process::{Command, Stdio};
use std::time::{Duration, Instant};

use serde_shm::ShmArray1;
use serde_shm::workers::{self, Pool, Task};

const NOTHING: Task<ShmArray1<u64>, u64, u64> = Task::new("nothing", |_, job| Ok(job));
const WORK: Task<ShmArray1<u64>, u64, u64> = Task::new("work", |_, micros| Ok(work(micros)));
const LARGE: Task<ShmArray1<u64>, usize, ShmArray1<u64>> =
    Task::new("large", |_, bytes| Ok(vec![1_u64; bytes / 8].into()));
const TAKE: Task<ShmArray1<u64>, ShmArray1<u64>, usize> = Task::new("take", |_, job| Ok(job.len()));

/// Keeps a core busy.
fn work(micros: u64) -> u64 {
    let until = Instant::now() + Duration::from_micros(micros);
    let mut turns = 0;
    while Instant::now() < until {
        turns = black_box(turns + 1);
    }
    turns
}

fn median(mut times: Vec<Duration>) -> Duration {
    times.sort();
    times[times.len() / 2]
}

fn timed(runs: usize, mut run: impl FnMut()) -> Duration {
    let time = |_| {
        let started = Instant::now();
        run();
        started.elapsed()
    };
    median((0..runs).map(time).collect())
}

fn starts(object: &serde_shm::Segment) {
    let pool = |processes| {
        let mut pool = Pool::new(object).unwrap().processes(processes);
        pool.start().unwrap();
        pool
    };
    let one = timed(31, || std::mem::forget(black_box(pool(1).process_ids())));
    let four = timed(31, || std::mem::forget(black_box(pool(4).process_ids())));
    println!("pool made, started and dropped: 1 process {one:.2?}, 4 processes {four:.2?}");
    let spawn = |forks: bool| {
        let mut command = Command::new("/bin/true");
        command.stdin(Stdio::null());
        if forks {
            // The standard library then forks, as it does where there is code to run between fork and exec.
            use std::os::unix::process::CommandExt;
            command.uid(rustix::process::getuid().as_raw());
        }
        let started = Instant::now();
        let mut child = command.spawn().unwrap();
        let time = started.elapsed();
        child.wait().unwrap();
        time
    };
    for gib in [0, 2] {
        let held = vec![1_u8; gib << 30];
        let spawned = median((0..15).map(|_| spawn(false)).collect());
        let forked = median((0..15).map(|_| spawn(true)).collect());
        println!(
            "a process is started, the caller holding {} GiB: spawned {spawned:.2?}, forked {forked:.2?}",
            black_box(&held).len() >> 30
        );
    }
}

fn jobs(object: &serde_shm::Segment) {
    const JOBS: u64 = 20_000;
    for (processes, look_ahead) in [
        (1, 0),
        (1, 1),
        (1, 3),
        (1, 15),
        (2, 0),
        (2, 1),
        (2, 3),
        (2, 15),
        (4, 0),
        (4, 1),
        (4, 3),
        (4, 15),
    ] {
        let mut pool = Pool::new(object).unwrap().processes(processes).look_ahead(look_ahead);
        pool.start().unwrap();
        let time = timed(5, || {
            let sum = pool.map_reduce(&NOTHING, 0..JOBS, 0, |sum, part| sum + part).unwrap();
            assert_eq!(sum, JOBS * (JOBS - 1) / 2);
        });
        println!(
            "a job without work: {processes} processes, look-ahead {look_ahead}: {:.1} us",
            time.as_secs_f64() * 1e6 / JOBS as f64
        );
    }
    for micros in [20, 100, 1000] {
        let mut pool = Pool::new(object).unwrap().processes(2);
        pool.start().unwrap();
        let count = 400_000 / micros;
        let jobs = || (0..count).map(|_| micros);
        let together = timed(5, || {
            pool.map_reduce(&WORK, jobs(), 0, |sum, part| sum + part).unwrap();
        });
        println!(
            "jobs of {micros} us on 2 processes: {:.2} of the time that they take one after the other",
            together.as_secs_f64() * 1e6 / (count * micros) as f64
        );
    }
}

fn large(object: &serde_shm::Segment) {
    const BYTES: usize = 64 << 20;
    let mut pool = Pool::new(object).unwrap().processes(1);
    pool.start().unwrap();
    let rate = |time: Duration| BYTES as f64 / time.as_secs_f64() / 1e9;
    let result = timed(9, || {
        let all = pool.map(&LARGE, [BYTES]).map(|result| result.unwrap().len()).sum::<usize>();
        assert_eq!(all, BYTES / 8);
    });
    let job = ShmArray1::from(vec![1_u64; BYTES / 8]);
    let taken = timed(9, || {
        assert_eq!(pool.map_reduce(&TAKE, [job.clone()], 0, |_, len| len).unwrap(), BYTES / 8);
    });
    let copied = timed(9, || drop(black_box(job.view().to_owned())));
    println!(
        "64 MiB, GB/s: as a result {:.2}, as a job {:.2}; a copy in memory {:.2}",
        rate(result),
        rate(taken),
        rate(copied)
    );
}

fn main() {
    workers::serve(&[&NOTHING, &WORK, &LARGE, &TAKE]);
    let object = serde_shm::to_shared(&ShmArray1::from(vec![1_u64; 1000])).unwrap();
    starts(&object);
    jobs(&object);
    large(&object);
}
