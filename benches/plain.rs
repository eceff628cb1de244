//! ndarrays in a struct that was derived with plain serde: element by element, as a ratio to a copy of the same bytes.
//!
//! `memcpy` copies to memory that was touched before, and `to_writer` writes there; `clone` copies to memory from the
//! allocator, as `to_bytes` and `from_bytes` do. Of this size it may be some that was freed, or be fresh and bring page
//! faults. Medians of several runs, all taken in turn.

use std::hint::black_box;
use std::time::Instant;

use ndarray::{Array1, Array2};
use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};
use serde_shm_benches::median;

#[derive(Serialize, Deserialize)]
struct Holder<T> {
    name: String,
    array: T,
}

const BYTES: usize = 16 << 20;
const ROUNDS: usize = 11;

fn seconds<R>(run: impl FnOnce() -> R) -> f64 {
    let start = Instant::now();
    drop(black_box(run()));
    start.elapsed().as_secs_f64()
}

/// Prints the rates of writing and reading, and their ratio to copying.
fn measure<T: Serialize + DeserializeOwned + PartialEq>(what: &str, array: T) {
    let holder = Holder { name: what.to_owned(), array };
    let block = serde_shm::to_bytes(&holder).unwrap();
    assert!(serde_shm::from_bytes::<Holder<T>>(&block).unwrap().array == holder.array);
    let source = vec![1_u8; BYTES];
    let mut room = vec![2_u8; BYTES + (1 << 20)];
    let mut times = [(); 5].map(|()| Vec::new());
    for _ in 0..ROUNDS {
        times[0].push(seconds(|| room[..BYTES].copy_from_slice(black_box(&source))));
        times[1].push(seconds(|| serde_shm::to_writer(&mut room[..], black_box(&holder)).unwrap()));
        times[2].push(seconds(|| black_box(&source).clone()));
        times[3].push(seconds(|| serde_shm::to_bytes(black_box(&holder)).unwrap()));
        times[4].push(seconds(|| serde_shm::from_bytes::<Holder<T>>(black_box(&block)).unwrap()));
    }
    let [memcpy, writer, clone, write, read] = times.map(|times| median(&times));
    let rate = |seconds: f64| BYTES as f64 / seconds / 1e9;
    println!(
        "{what:<20} memcpy {:5.2} GB/s, to_writer {:5.2} ({:.2} of it); clone {:5.2}, to_bytes {:5.2} ({:.2}), \
         from_bytes {:5.2} ({:.2}; of memcpy {:.2})",
        rate(memcpy),
        rate(writer),
        memcpy / writer,
        rate(clone),
        rate(write),
        clone / write,
        rate(read),
        clone / read,
        memcpy / read
    );
}

fn main() {
    measure("f32", Array1::from_shape_fn(BYTES / 4, |n| n as f32));
    measure(
        "f32, two axes",
        Array2::from_shape_fn((BYTES / 4 / 1024, 1024), |(i, j)| (i * j) as f32),
    );
    measure(
        "f32, Fortran order",
        Array2::from_shape_fn((1024, BYTES / 4 / 1024), |(i, j)| (i * j) as f32).reversed_axes(),
    );
    measure("f64", Array1::from_shape_fn(BYTES / 8, |n| n as f64));
    measure("u8", Array1::from_shape_fn(BYTES, |n| n as u8));
    measure("bool", Array1::from_shape_fn(BYTES, |n| n % 3 == 0));
    measure("i64", Array1::from_shape_fn(BYTES / 8, |n| n.cast_signed() as i64));
}
