//! Objects of unknown type against their typed readers: a value, a walk into nothing, and lists of numbers in one call.
//!
//! `cargo bench -p serde_shm_benches --bench value`. Each line has milliseconds, medians of several, and ratios to what is beside it.
#![allow(missing_docs)]

use std::hint::black_box;
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_shm::Block;
use serde_shm::value::{Numbers, Walk};

#[derive(Serialize, Deserialize)]
struct Point {
    x: f32,
    y: f32,
    z: f32,
}

#[derive(Serialize, Deserialize)]
struct Plain {
    id: u32,
    a: i32,
    b: u16,
    c: f64,
    d: Option<u8>,
}

#[derive(Serialize, Deserialize)]
struct Named {
    id: u64,
    name: String,
    size: u32,
    score: f64,
}

struct Nothing;

impl Walk<'_> for Nothing {}

/// The median of some runs, in milliseconds. What a run makes is dropped after the clock is read.
fn median<R>(mut run: impl FnMut() -> R) -> f64 {
    let mut times = Vec::new();
    for _ in 0..9 {
        let start = Instant::now();
        let made = run();
        times.push(start.elapsed().as_secs_f64() * 1e3);
        drop(black_box(made));
    }
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
}

fn structs<T: Serialize + DeserializeOwned>(name: &str, items: &[T]) {
    let block = Block::new(serde_shm::to_bytes(items).unwrap()).unwrap();
    let typed = median(|| block.get::<Vec<T>>().unwrap());
    let value = median(|| block.value().unwrap());
    let walk = median(|| block.walk(&mut Nothing).unwrap());
    let (to_value, to_walk) = (value / typed, walk / typed);
    println!(
        "{name:8} typed {typed:6.1}  value {value:6.1} ({to_value:.2})  walk {walk:6.1} ({to_walk:.2})"
    );
}

fn numbers(name: &str, list: &[i64]) {
    let bytes = serde_shm::to_bytes(&Numbers::from(list)).unwrap();
    let block = Block::new(bytes.clone()).unwrap();
    let copy = median(|| bytes.to_vec());
    let words = median(|| list.to_vec());
    let write = median(|| serde_shm::to_bytes(&Numbers::from(list)).unwrap());
    let walk = median(|| block.walk(&mut Nothing).unwrap());
    println!(
        "{name:8} copy of bytes {copy:.3}  of words {words:.3}  write {write:.3}  walk {walk:.3}"
    );
}

fn main() {
    let count = 1_000_000_u32;
    structs(
        "points",
        &(0..count).map(|n| Point { x: n as f32, y: 1.0, z: 2.0 }).collect::<Vec<_>>(),
    );
    let plain = |id| Plain { id, a: -5, b: 7, c: 2.0, d: (id % 2 == 0).then_some(1) };
    structs("plain", &(0..count).map(plain).collect::<Vec<_>>());
    let named = |id: u32| Named { id: id.into(), name: format!("name{id}"), size: id, score: 0.5 };
    structs("named", &(0..count).map(named).collect::<Vec<_>>());
    let all = || 0..i64::from(count);
    numbers("small", &all().map(|n| n % 50).collect::<Vec<_>>());
    numbers("medium", &all().map(|n| n * 7919 % 100_000).collect::<Vec<_>>());
    numbers("wide", &all().map(|n| i64::MAX - n).collect::<Vec<_>>());
}
