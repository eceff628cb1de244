//! Structs of the shapes that public benchmarks use (log lines, a mesh, saved games, a game's messages) and plain lists, maps,
//! enums and trees against other binary formats: time to write and to read owned values, and size. Medians of several runs, all taken in turn.

use std::collections::HashMap;
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

#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Contact {
    id: u32,
    kind: Option<u8>,
    guidance: (u16, u16),
    reloads: Vec<bool>,
    position: (f32, f32),
    turrets: Vec<u16>,
}

#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Update {
    time: u32,
    contacts: Vec<Contact>,
    terrain: Vec<(u64, Vec<u8>)>,
}

#[derive(Serialize, Deserialize, PartialEq, Clone)]
enum Event {
    Key { code: u32, down: bool },
    Move(f32, f32),
    Text(String),
    Quit,
}

#[derive(Serialize, Deserialize, PartialEq, Clone)]
struct Node {
    value: i32,
    children: Vec<Node>,
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

    fn list<T>(&mut self, most: u64, item: impl Fn(&mut Self) -> T) -> Vec<T> {
        (0..self.next(most)).map(|_| item(self)).collect()
    }

    fn contact(&mut self) -> Contact {
        Contact {
            id: self.next(1 << 30) as u32,
            kind: (self.next(5) > 0).then(|| self.next(4) as u8),
            guidance: (self.next(1 << 16) as u16, self.next(1 << 16) as u16),
            reloads: self.list(16, |numbers| numbers.next(2) == 0),
            position: (self.float(), self.float()),
            turrets: self.list(8, |numbers| numbers.next(1 << 16) as u16),
        }
    }

    fn update(&mut self) -> Update {
        let bytes = |numbers: &mut Self| numbers.list(128, |numbers| numbers.next(256) as u8);
        Update {
            time: self.next(1 << 30) as u32,
            contacts: self.list(40, Numbers::contact),
            terrain: self.list(8, |numbers| (numbers.next(1 << 30), bytes(numbers))),
        }
    }

    fn event(&mut self) -> Event {
        match self.next(4) {
            0 => Event::Key { code: self.next(100) as u32, down: self.next(2) == 0 },
            1 => Event::Move(self.float(), self.float()),
            2 => Event::Text(format!("text {}", self.next(1000))),
            _ => Event::Quit,
        }
    }

    fn node(&mut self, depth: u8) -> Node {
        let children = if depth == 0 { 0 } else { 1 + self.next(5) };
        Node {
            value: self.next(1 << 31) as i32,
            children: (0..children).map(|_| self.node(depth - 1)).collect(),
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
    measure("game", &(0..200).map(|_| numbers.update()).collect::<Vec<_>>());
    measure("events", &(0..50_000).map(|_| numbers.event()).collect::<Vec<_>>());
    measure("trees", &(0..20).map(|_| numbers.node(7)).collect::<Vec<_>>());
    measure("f32", &(0..500_000).map(|_| numbers.float()).collect::<Vec<_>>());
    measure("u32", &(0..500_000).map(|_| numbers.next(1 << 20) as u32).collect::<Vec<_>>());
    let word = |numbers: &mut Numbers| format!("word{}", numbers.next(1_000_000));
    let entries = (0..50_000).map(|_| (word(&mut numbers), numbers.next(1000)));
    measure("map", &entries.collect::<HashMap<_, _>>());
}
