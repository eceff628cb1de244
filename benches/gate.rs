//! The short list: what must not become slower. Each line is a ratio to a yardstick that runs in turns with it, in one process, so
//! that a slow machine is slow for both. `gate.toml` has the ratios that hold; a higher one, beyond its tolerance, ends the program
//! with status 1.
//!
//! `cargo bench -p serde_shm_benches --bench gate` takes some ten seconds once it is compiled; with `-- --update` it writes what it finds
//! into `gate.toml`.

use std::collections::BTreeMap;
use std::hint::black_box;
use std::process::ExitCode;
use std::time::Instant;

use serde::{Deserialize, Serialize};

/// What holds: a ratio for each line, and by which factor it may be exceeded.
#[derive(Serialize, Deserialize)]
struct Gate {
    tolerance: f64,
    ratios: BTreeMap<String, f64>,
}

const PATH: &str = concat!(env!("CARGO_MANIFEST_DIR"), "/gate.toml");

/// Something to be measured: its name, what it does and its yardstick.
struct Line {
    name: &'static str,
    rounds: usize,
    ours: Box<dyn FnMut()>,
    yardstick: Box<dyn FnMut()>,
}

impl Line {
    fn new(
        name: &'static str,
        rounds: usize,
        ours: impl FnMut() + 'static,
        yardstick: impl FnMut() + 'static,
    ) -> Self {
        Line { name, rounds, ours: Box::new(ours), yardstick: Box::new(yardstick) }
    }

    /// The median of the ratios of all rounds, of which the first are not counted.
    fn ratio(&mut self, rounds: usize) -> f64 {
        const WARM: usize = 2;
        let mut ratios = Vec::new();
        for round in 0..WARM + rounds {
            // Who goes first finds memory that the other has just freed.
            let (ours, yardstick) = if round % 2 == 0 {
                let ours = seconds(&mut self.ours);
                (ours, seconds(&mut self.yardstick))
            } else {
                let yardstick = seconds(&mut self.yardstick);
                (seconds(&mut self.ours), yardstick)
            };
            if round >= WARM {
                ratios.push(ours / yardstick);
            }
        }
        ratios.sort_by(f64::total_cmp);
        ratios[ratios.len() / 2]
    }
}

fn seconds(what: &mut Box<dyn FnMut()>) -> f64 {
    let started = Instant::now();
    what();
    started.elapsed().as_secs_f64()
}

#[derive(Serialize, Deserialize, Clone)]
struct Plain {
    arrays: Vec<Vec<f64>>,
    texts: Vec<String>,
}

#[derive(serde_shm::Serialize, serde_shm::Deserialize)]
struct Arrays {
    #[shm_array]
    arrays: Vec<Vec<f64>>,
    texts: Vec<String>,
}

#[derive(Serialize, Deserialize, Clone)]
struct Entry {
    number: u64,
    label: String,
    score: f32,
}

#[allow(clippy::too_many_lines)] // A list.
fn lines() -> Vec<Line> {
    let mut lines = Vec::new();
    let plain = Plain {
        arrays: (0..10_000).map(|at| vec![f64::from(at); 16]).collect(),
        texts: (0..10_000).map(|at| format!("text {at}")).collect(),
    };
    let arrays = Arrays { arrays: plain.arrays.clone(), texts: plain.texts.clone() };
    let (block, encoded) =
        (serde_shm::to_bytes(&arrays).unwrap(), postcard::to_stdvec(&plain).unwrap());
    lines.push(Line::new(
        "small arrays to bytes, postcard",
        41,
        move || drop(black_box(serde_shm::to_bytes(&arrays).unwrap())),
        move || drop(black_box(postcard::to_stdvec(&plain).unwrap())),
    ));
    lines.push(Line::new(
        "small arrays from bytes, postcard",
        41,
        move || drop(black_box(serde_shm::from_bytes::<Arrays>(&block).unwrap())),
        move || drop(black_box(postcard::from_bytes::<Plain>(&encoded).unwrap())),
    ));
    let entry = |at: u32| Entry { number: at.into(), label: format!("entry {at}"), score: 0.5 };
    let entries: Vec<Entry> = (0..100_000).map(entry).collect();
    let (again, block) = (entries.clone(), serde_shm::to_bytes(&entries).unwrap());
    let encoded = postcard::to_stdvec(&entries).unwrap();
    lines.push(Line::new(
        "structs to bytes, postcard",
        41,
        move || drop(black_box(serde_shm::to_bytes(&entries).unwrap())),
        move || drop(black_box(postcard::to_stdvec(&again).unwrap())),
    ));
    lines.push(Line::new(
        "structs from bytes, postcard",
        41,
        move || drop(black_box(serde_shm::from_bytes::<Vec<Entry>>(&block).unwrap())),
        move || drop(black_box(postcard::from_bytes::<Vec<Entry>>(&encoded).unwrap())),
    ));
    let large = ndarray::Array1::from_elem(8 << 20, 0.5_f64);
    let folder =
        tempfile::tempdir_in(if cfg!(target_os = "linux") { "/dev/shm" } else { "." }).unwrap();
    let (saved, written) = (folder.path().join("large.npz"), folder.path().join("large.raw"));
    let items = large.to_vec();
    let value = BTreeMap::from([("large", serde_shm::ShmArray1::from(large.clone()))]);
    let npz = serde_shm::NpzOptions::new().fsync(false);
    let kept = folder;
    lines.push(Line::new(
        "64 MiB to an archive in memory, write",
        15,
        move || {
            let _folder = &kept;
            npz.save(&saved, &value).unwrap();
        },
        move || std::fs::write(&written, bytemuck::cast_slice::<f64, u8>(&items)).unwrap(),
    ));
    #[cfg(target_os = "linux")]
    linux::add(&mut lines, large);
    lines
}

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::hint::black_box;
    use std::io::Write;
    use std::os::fd::{AsFd, AsRawFd};

    use memmap2::MmapOptions;
    use rustix::fs::{MemfdFlags, SealFlags};
    use serde_shm::{Arena, Segment, SegmentOptions, ShmArray1, from_shared, to_shared};

    use super::Line;

    pub(super) fn add(lines: &mut Vec<Line>, large: ndarray::Array1<f64>) {
        let value = ShmArray1::from(large);
        let (again, copied) = (value.clone(), value.clone());
        lines.push(Line::new(
            "64 MiB to a segment, write",
            15,
            move || drop(black_box(to_shared(&value).unwrap())),
            move || drop(black_box(write(bytemuck::cast_slice(again.as_slice().unwrap())))),
        ));
        let built = copied.clone();
        lines.push(Line::new(
            "64 MiB built in place, copied",
            15,
            move || {
                let arena = Arena::new(SegmentOptions::new()).unwrap();
                let mut array = arena.zeros::<f64, _>(built.len()).unwrap();
                array.fill(0.5);
                drop(black_box(arena.publish(&array).unwrap()));
            },
            move || {
                let mut array = ndarray::Array1::<f64>::zeros(copied.len());
                array.fill(0.5);
                drop(black_box(to_shared(&ShmArray1::from(array)).unwrap()));
            },
        ));
        let sixteen: Vec<_> = (0..16).map(|_| ShmArray1::from(vec![0.5_f32; 1 << 16])).collect();
        let segment = to_shared(&sixteen).unwrap();
        let id = segment.id().to_owned();
        let path = format!("/proc/self/fd/{}", segment.as_fd().as_raw_fd());
        lines.push(Line::new(
            "attach to 16 arrays, open and mmap",
            4001,
            move || {
                let _keeps: &Segment = &segment;
                drop(black_box(from_shared::<Vec<ShmArray1<f32>>>(&id).unwrap()));
            },
            move || {
                let file = File::open(&path).unwrap();
                let len = usize::try_from(rustix::fs::fstat(&file).unwrap().st_size).unwrap();
                // SAFETY: the memory is sealed.
                #[allow(unsafe_code)]
                drop(black_box(unsafe { MmapOptions::new().len(len).map(&file) }.unwrap()));
            },
        ));
    }

    fn write(bytes: &[u8]) -> File {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(rustix::fs::memfd_create("gate", flags).unwrap());
        file.write_all(bytes).unwrap();
        rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK).unwrap();
        file
    }
}

fn main() -> ExitCode {
    let args: Vec<String> = std::env::args().collect();
    let has = |name: &str| args.iter().any(|arg| arg == name);
    // Cargo says `--bench` when it is to measure, and nothing when it only wants to see the benchmark run.
    let (measures, updates) = (has("--bench"), has("--update"));
    let text = std::fs::read_to_string(PATH).expect("benches/gate.toml");
    let mut gate: Gate = toml::from_str(&text).expect("benches/gate.toml");
    let mut is_slower = false;
    println!("{:44} {:>8} {:>8}", "what, yardstick", "ratio", "holds");
    for mut line in lines() {
        let ratio = line.ratio(if measures { line.rounds } else { 1 });
        let holds = gate.ratios.get(line.name).copied();
        let above = holds.is_none_or(|holds| ratio > holds * gate.tolerance);
        is_slower |= above;
        let note = if above && measures { "  <- slower than it was" } else { "" };
        println!("{:44} {ratio:8.3} {:>8}{note}", line.name, holds.unwrap_or(f64::NAN));
        gate.ratios.insert(line.name.to_owned(), (ratio * 1000.0).round() / 1000.0);
    }
    if updates {
        let text = toml::to_string(&gate).expect("numbers and names");
        std::fs::write(PATH, text).expect("benches/gate.toml");
        return ExitCode::SUCCESS;
    }
    if measures && is_slower { ExitCode::FAILURE } else { ExitCode::SUCCESS }
}
