//! Plain lists of numbers and a map, in memory, against other binary formats: time to write and to read owned values, and size.
//! Medians of several runs, all taken in turn. Structs, enums and trees are in `benches/rivals`.

use std::collections::HashMap;
use std::hint::black_box;
use std::time::Instant;

use serde::Serialize;
use serde::de::DeserializeOwned;
use serde_shm_benches::{Random, median};

const ROUNDS: usize = 15;

fn seconds<R>(run: impl FnOnce() -> R) -> f64 {
    let start = Instant::now();
    let result = black_box(run());
    let seconds = start.elapsed().as_secs_f64();
    drop(result);
    seconds
}

fn measure<T: Serialize + DeserializeOwned + PartialEq>(what: &str, value: &T) {
    let config = bincode::config::standard();
    let ours = serde_shm::to_bytes(value).unwrap();
    let postcard = postcard::to_stdvec(value).unwrap();
    let bincode = bincode::serde::encode_to_vec(value, config).unwrap();
    let message_pack = rmp_serde::to_vec(value).unwrap();
    assert!(serde_shm::from_bytes::<T>(&ours).unwrap() == *value);
    let mut write = [(); 4].map(|()| Vec::new());
    let mut read = [(); 4].map(|()| Vec::new());
    for round in 0..ROUNDS {
        // Each is the first in its turn, and each is run once before it is timed: none pays for the cache that another finds.
        for turn in 0..4 {
            let at = (round + turn) % 4;
            for timed in [false, true] {
                let (to, from) = match at {
                    0 => (
                        seconds(|| serde_shm::to_bytes(black_box(value)).unwrap()),
                        seconds(|| serde_shm::from_bytes::<T>(black_box(&ours)).unwrap()),
                    ),
                    1 => (
                        seconds(|| {
                            bincode::serde::encode_to_vec(black_box(value), config).unwrap()
                        }),
                        seconds(|| {
                            bincode::serde::decode_from_slice::<T, _>(black_box(&bincode), config)
                                .unwrap()
                        }),
                    ),
                    2 => (
                        seconds(|| postcard::to_stdvec(black_box(value)).unwrap()),
                        seconds(|| postcard::from_bytes::<T>(black_box(&postcard)).unwrap()),
                    ),
                    _ => (
                        seconds(|| rmp_serde::to_vec(black_box(value)).unwrap()),
                        seconds(|| rmp_serde::from_slice::<T>(black_box(&message_pack)).unwrap()),
                    ),
                };
                if timed {
                    write[at].push(to);
                    read[at].push(from);
                }
            }
        }
    }
    let sizes = [ours.len(), bincode.len(), postcard.len(), message_pack.len()];
    for (at, name) in ["serde_shm", "bincode 2", "postcard", "rmp-serde"].into_iter().enumerate() {
        println!(
            "{what:<4} {name:<10} write {:7.3} ms   read {:7.3} ms   {:9} bytes",
            1e3 * median(&write[at]),
            1e3 * median(&read[at]),
            sizes[at]
        );
    }
}

fn main() {
    let mut random = Random(7);
    measure("f32", &(0..500_000).map(|_| random.float()).collect::<Vec<_>>());
    measure("u32", &(0..500_000).map(|_| random.next(1 << 20) as u32).collect::<Vec<_>>());
    let word = |random: &mut Random| format!("word{}", random.next(1_000_000));
    let entries = (0..50_000).map(|_| (word(&mut random), random.next(1000)));
    measure("map", &entries.collect::<HashMap<_, _>>());
}
