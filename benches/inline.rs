//! A million small structs, `{id: u64, label: String, score: f32}`, against postcard: time and size, in one run.

use std::hint::black_box;

use criterion::{BatchSize, Criterion, Throughput, criterion_group, criterion_main};
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PartialEq, Debug, Clone)]
struct Row {
    id: u64,
    label: String,
    score: f32,
}

const ROWS: u64 = 1_000_000;

fn rows() -> Vec<Row> {
    (0..ROWS).map(|id| Row { id, label: format!("item {id}"), score: (id as f32).sin() }).collect()
}

fn inline(c: &mut Criterion) {
    let rows = rows();
    let ours = serde_shm::to_bytes(&rows).unwrap();
    let theirs = postcard::to_stdvec(&rows).unwrap();
    assert_eq!(serde_shm::from_bytes::<Vec<Row>>(&ours).unwrap(), rows);
    println!(
        "size of {ROWS} rows: serde_shm {} bytes, postcard {} bytes, ratio {:.3}",
        ours.len(),
        theirs.len(),
        ours.len() as f64 / theirs.len() as f64
    );

    let mut group = c.benchmark_group("encode");
    group.throughput(Throughput::Elements(ROWS)).sample_size(20);
    group.bench_function("serde_shm", |b| {
        b.iter_batched(
            || (),
            |()| serde_shm::to_bytes(black_box(&rows)).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("postcard", |b| {
        b.iter_batched(
            || (),
            |()| postcard::to_stdvec(black_box(&rows)).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.finish();

    let mut group = c.benchmark_group("decode");
    group.throughput(Throughput::Elements(ROWS)).sample_size(20);
    group.bench_function("serde_shm", |b| {
        b.iter_batched(
            || (),
            |()| serde_shm::from_bytes::<Vec<Row>>(black_box(&ours)).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.bench_function("postcard", |b| {
        b.iter_batched(
            || (),
            |()| postcard::from_bytes::<Vec<Row>>(black_box(&theirs)).unwrap(),
            BatchSize::PerIteration,
        );
    });
    group.finish();
}

criterion_group!(benches, inline);
criterion_main!(benches);
