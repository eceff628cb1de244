//! Structs of the shapes that public benchmarks use (log lines, a mesh, a saved game) against other binary formats: time
//! to write and to read owned values, and size. Medians of several runs, all taken in turn.

use std::hint::black_box;
use std::time::Instant;

use serde::de::DeserializeOwned;
use serde::{Deserialize, Serialize};

#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Line {
    address: [u8; 4],
    identity: String,
    user: String,
    date: String,
    request: String,
    code: u16,
    size: u64,
}

#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Point {
    x: f32,
    y: f32,
    z: f32,
}

#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Triangle {
    corners: [Point; 3],
    normal: Point,
}

#[derive(Serialize, Deserialize, PartialEq, Clone)]
enum Mode {
    Survival,
    Creative,
    Spectator(u8),
}

#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Item {
    count: i8,
    slot: u8,
    id: String,
}

#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Player {
    mode: Mode,
    score: i64,
    dimension: String,
    inventory: Vec<Item>,
    spawn: Option<(i64, i64, i64)>,
    motion: (f64, f64, f64),
    health: f32,
    flying: bool,
    uuid: [u32; 4],
    vehicle: Option<Box<Player>>,
}

/// The same numbers on every run.
struct Numbers(u64);

impl Numbers {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn float(&mut self) -> f32 {
        self.next(1 << 20) as f32 / 1024.0
    }

    fn point(&mut self) -> Point {
        Point { x: self.float(), y: self.float(), z: self.float() }
    }

    fn line(&mut self) -> Line {
        Line {
            address: [(); 4].map(|()| self.next(256) as u8),
            identity: "-".into(),
            user: format!("user{}", self.next(1000)),
            date: format!(
                "{:02}/Oct/2024:13:{:02}:{:02}",
                self.next(28),
                self.next(60),
                self.next(60)
            ),
            request: format!(
                "GET /path/{}/page{}.html HTTP/1.1",
                self.next(100),
                self.next(10_000)
            ),
            code: [200, 301, 404][self.next(3) as usize],
            size: self.next(100_000_000),
        }
    }

    fn player(&mut self, depth: u8) -> Player {
        let item = |numbers: &mut Self| Item {
            count: numbers.next(64) as i8,
            slot: numbers.next(36) as u8,
            id: format!("item:{}", numbers.next(500)),
        };
        Player {
            mode: [Mode::Survival, Mode::Creative, Mode::Spectator(3)][self.next(3) as usize]
                .clone(),
            score: self.next(1 << 30).cast_signed(),
            dimension: "overworld".into(),
            inventory: (0..self.next(30)).map(|_| item(self)).collect(),
            spawn: (self.next(2) == 0)
                .then(|| (self.next(1000).cast_signed(), 64, -(self.next(1000).cast_signed()))),
            motion: (self.float().into(), 0.0, self.float().into()),
            health: self.float(),
            flying: self.next(2) == 0,
            uuid: [(); 4].map(|()| self.next(1 << 31) as u32),
            vehicle: (depth > 0 && self.next(4) == 0).then(|| Box::new(self.player(depth - 1))),
        }
    }
}

const ROUNDS: usize = 15;

fn seconds<R>(run: impl FnOnce() -> R) -> f64 {
    let start = Instant::now();
    let result = black_box(run());
    let seconds = start.elapsed().as_secs_f64();
    drop(result);
    seconds
}

fn median(times: &mut [f64]) -> f64 {
    times.sort_by(f64::total_cmp);
    times[times.len() / 2]
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
    for _ in 0..ROUNDS {
        write[0].push(seconds(|| serde_shm::to_bytes(black_box(value)).unwrap()));
        write[1].push(seconds(|| bincode::serde::encode_to_vec(black_box(value), config).unwrap()));
        write[2].push(seconds(|| postcard::to_stdvec(black_box(value)).unwrap()));
        write[3].push(seconds(|| rmp_serde::to_vec(black_box(value)).unwrap()));
        read[0].push(seconds(|| serde_shm::from_bytes::<T>(black_box(&ours)).unwrap()));
        read[1].push(seconds(|| {
            bincode::serde::decode_from_slice::<T, _>(black_box(&bincode), config).unwrap()
        }));
        read[2].push(seconds(|| postcard::from_bytes::<T>(black_box(&postcard)).unwrap()));
        read[3].push(seconds(|| rmp_serde::from_slice::<T>(black_box(&message_pack)).unwrap()));
    }
    let sizes = [ours.len(), bincode.len(), postcard.len(), message_pack.len()];
    for (at, name) in ["serde_shm", "bincode 2", "postcard", "rmp-serde"].into_iter().enumerate() {
        println!(
            "{what:<6} {name:<10} write {:7.3} ms   read {:7.3} ms   {:9} bytes",
            1e3 * median(&mut write[at]),
            1e3 * median(&mut read[at]),
            sizes[at]
        );
    }
}

fn main() {
    let mut numbers = Numbers(7);
    measure("log", &(0..10_000).map(|_| numbers.line()).collect::<Vec<_>>());
    let triangle = |numbers: &mut Numbers| Triangle {
        corners: [(); 3].map(|()| numbers.point()),
        normal: numbers.point(),
    };
    measure("mesh", &(0..125_000).map(|_| triangle(&mut numbers)).collect::<Vec<_>>());
    measure("saves", &(0..2_000).map(|_| numbers.player(3)).collect::<Vec<_>>());
}
