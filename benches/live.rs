//! What live arrays cost: a lock that is free, one operation of an element, bulk work; and the figures of promises that
//! are of time: how long a killed holder is waited for, how long an update takes to be seen.
//!
//! `cargo bench -p serde_shm_benches --bench live`. Each figure is a median of several runs; those that are compared are taken by turns.
#![allow(missing_docs)]

use std::hint::black_box;
use std::io::{BufRead, BufReader, Read, Write};
use std::process::{Command, Stdio};
use std::sync::atomic::{AtomicU64, Ordering::Relaxed};
use std::time::{Duration, Instant};

use ndarray::{Array1, Ix1};
use serde_shm::{AtomicArray, ErrorKind, LockedArray};

const RUNS: usize = 15;

/// Medians in nanoseconds for one turn of each.
fn medians<const N: usize>(turns: u32, mut all: [&mut dyn FnMut(u32); N]) -> [f64; N] {
    let mut times = [const { Vec::new() }; N];
    for _ in 0..RUNS {
        for (run, times) in all.iter_mut().zip(&mut times) {
            let start = Instant::now();
            run(turns);
            times.push(start.elapsed().as_secs_f64() * 1e9 / f64::from(turns));
        }
    }
    times.map(|mut times| {
        times.sort_by(f64::total_cmp);
        times[RUNS / 2]
    })
}

fn locks() {
    let segment = serde_shm::to_shared(&LockedArray::from(vec![0.0_f64; 1024])).unwrap();
    let shared: LockedArray<f64, Ix1> = segment.get().unwrap();
    let private = LockedArray::from(vec![0.0_f64; 1024]);
    let std = std::sync::RwLock::new(vec![0.0_f64; 1024]);
    let write = |array: &LockedArray<f64, Ix1>, turns| {
        for _ in 0..turns {
            array.write().unwrap()[0] += 1.0;
        }
    };
    let read = |array: &LockedArray<f64, Ix1>, turns| {
        for _ in 0..turns {
            black_box(array.read().unwrap()[0]);
        }
    };
    let [write_shared, write_private, write_std, read_shared, read_std] = medians(
        100_000,
        [
            &mut |turns| write(&shared, turns),
            &mut |turns| write(&private, turns),
            &mut |turns| (0..turns).for_each(|_| std.write().unwrap()[0] += 1.0),
            &mut |turns| read(&shared, turns),
            &mut |turns| {
                for _ in 0..turns {
                    black_box(std.read().unwrap()[0]);
                }
            },
        ],
    );
    println!(
        "write() + drop, free: segment {write_shared:.0} ns, this process {write_private:.0} ns, std::sync::RwLock {write_std:.0} ns"
    );
    println!(
        "read() + drop, free:  segment {read_shared:.0} ns, std::sync::RwLock {read_std:.0} ns"
    );
}

fn cells() {
    let segment = serde_shm::to_shared(&AtomicArray::from(vec![0_u64; 1024])).unwrap();
    let array: AtomicArray<u64, Ix1> = segment.get().unwrap();
    let bare: Vec<AtomicU64> = (0..1024).map(|_| AtomicU64::new(0)).collect();
    let floats = AtomicArray::from(vec![0.0_f64; 1024]);
    let [ours, flat, std, floating] = medians(
        1_000_000,
        [
            &mut |turns| {
                for turn in 0..turns as usize {
                    array.fetch_add(turn & 1023, 1, Relaxed).unwrap();
                }
            },
            &mut |turns| {
                let flat = array.flat();
                for turn in 0..turns as usize {
                    flat.fetch_add(turn & 1023, 1, Relaxed).unwrap();
                }
            },
            &mut |turns| {
                let bare = black_box(&bare[..]);
                for turn in 0..turns as usize {
                    bare[turn & 1023].fetch_add(1, Relaxed);
                }
            },
            &mut |turns| {
                for turn in 0..turns as usize {
                    floats.fetch_add(turn & 1023, 1.0, Relaxed).unwrap();
                }
            },
        ],
    );
    println!(
        "fetch_add: by index {ours:.2} ns, flat {flat:.2} ns, bare AtomicU64 {std:.2} ns: {:.2} and {:.2} times; f64 {floating:.2} ns",
        ours / std,
        flat / std
    );
    let big = AtomicArray::from(vec![1.0_f64; 1 << 20]);
    let part = Array1::from_elem(1 << 20, 0.5);
    let zeros = Array1::<f64>::zeros(1 << 20);
    let [snapshot, copy, add, skip] = medians(
        1,
        [
            &mut |_| drop(black_box(big.snapshot())),
            &mut |_| drop(black_box(part.clone())),
            &mut |_| big.add_from(&part).unwrap(),
            &mut |_| big.add_from(&zeros).unwrap(),
        ],
    );
    let rate = |time: f64| 8.0 * f64::from(1 << 20) / time;
    println!(
        "8 MiB of f64, GB/s: snapshot {:.1}, clone of an array {:.1}, add_from {:.2}, add_from of zeros {:.1}",
        rate(snapshot),
        rate(copy),
        rate(add),
        rate(skip)
    );
}

/// In a child: holds the lock for writing, or answers updates.
fn role(role: &str, id: &str) {
    let array: LockedArray<u64, Ix1> = serde_shm::from_shared(id).unwrap();
    if role == "hold" {
        let _guard = array.write().unwrap();
        println!("held");
        std::io::stdout().flush().unwrap();
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        return;
    }
    let mut seen = 0;
    loop {
        match array.wait_for_update(seen, Duration::from_secs(2)).unwrap() {
            Some(version) => seen = version,
            None => return,
        }
        if seen % 2 == 1 {
            drop(array.write().unwrap());
            seen += 1;
        }
    }
}

fn child(role: &str, id: &str) -> std::process::Child {
    Command::new(std::env::current_exe().unwrap())
        .env("SERDE_SHM_BENCH_ROLE", role)
        .env("SERDE_SHM_BENCH_ID", id)
        .stdin(Stdio::piped())
        .stdout(Stdio::piped())
        .spawn()
        .unwrap()
}

fn kills() {
    let segment = serde_shm::to_shared(&LockedArray::from(vec![0_u64; 16])).unwrap();
    let array: LockedArray<u64, Ix1> = segment.get().unwrap();
    let mut times: Vec<Duration> = (0..50)
        .map(|_| {
            let mut holder = child("hold", segment.id());
            let mut line = String::new();
            BufReader::new(holder.stdout.take().unwrap()).read_line(&mut line).unwrap();
            std::thread::scope(|scope| {
                let waiter = scope.spawn(|| {
                    let error = array.write().map(drop).unwrap_err();
                    assert_eq!(error.kind(), ErrorKind::Poisoned);
                    Instant::now()
                });
                std::thread::sleep(Duration::from_millis(20));
                let killed = Instant::now();
                holder.kill().unwrap();
                let told = waiter.join().unwrap();
                holder.wait().unwrap();
                array.clear_poison().unwrap();
                told - killed
            })
        })
        .collect();
    times.sort();
    println!(
        "a holder is killed, the next one is told: median {:?}, longest {:?} of 50",
        times[25], times[49]
    );
}

fn updates() {
    let segment = serde_shm::to_shared(&LockedArray::from(vec![0_u64; 16])).unwrap();
    let array: LockedArray<u64, Ix1> = segment.get().unwrap();
    let mut other = child("answer", segment.id());
    std::thread::sleep(Duration::from_millis(200));
    let mut times: Vec<Duration> = (0..1000)
        .map(|_| {
            let start = Instant::now();
            drop(array.write().unwrap());
            let version = array.version() | 1;
            array.wait_for_update(version, Duration::from_secs(5)).unwrap().unwrap();
            start.elapsed()
        })
        .collect();
    times.sort();
    println!("an update and its answer, between processes: median {:?}", times[500]);
    other.wait().unwrap();
}

fn main() {
    if let (Ok(what), Ok(id)) =
        (std::env::var("SERDE_SHM_BENCH_ROLE"), std::env::var("SERDE_SHM_BENCH_ID"))
    {
        return role(&what, &id);
    }
    locks();
    cells();
    updates();
    kills();
}
