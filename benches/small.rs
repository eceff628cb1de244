//! Many small arrays: 10,000 of 16 `f64` and 10,000 texts, against postcard, which encodes them; and one array by its path among
//! 100,000.
//!
//! What is compared runs in turns, in one process; medians, and ratios taken round by round.

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::hint::black_box;
    use std::io::Write;
    use std::time::Instant;

    use ndarray::{Array1, ArrayView1, Ix1};
    use serde_shm::{Deserialize, Segment, Serialize, from_bytes, to_bytes, to_shared};
    use serde_shm_benches::median;

    #[derive(Serialize)]
    struct Object {
        #[shm_array]
        arrays: Vec<Vec<f64>>,
        texts: Vec<String>,
    }

    /// As postcard takes it.
    #[derive(serde::Serialize, serde::Deserialize)]
    struct Plain {
        arrays: Vec<Vec<f64>>,
        texts: Vec<String>,
    }

    #[derive(Deserialize)]
    struct View<'a> {
        #[serde(borrow)]
        arrays: Vec<ArrayView1<'a, f64>>,
        #[serde(borrow)]
        texts: Vec<&'a str>,
    }

    impl View<'_> {
        fn check(&self, count: usize) {
            assert_eq!((black_box(&self.arrays).len(), self.texts.len()), (count, count));
        }
    }

    /// Seconds, and what came of it, which is let go later.
    fn timed<T>(work: impl FnOnce() -> T) -> (f64, T) {
        let start = Instant::now();
        let made = work();
        (start.elapsed().as_secs_f64(), made)
    }

    /// Both in turns: medians in milliseconds, and that of the ratios.
    fn compare(title: &str, rounds: usize, ours: impl Fn() -> f64, theirs: impl Fn() -> f64) {
        let pairs: Vec<[f64; 2]> = (0..rounds).map(|_| [ours(), theirs()]).collect();
        let column = |of: fn(&[f64; 2]) -> f64| median(&pairs.iter().map(of).collect::<Vec<_>>());
        println!(
            "  {title:48} {:8.3} ms, postcard {:8.3} ms, ratio {:6.3}",
            column(|pair| pair[0]) * 1e3,
            column(|pair| pair[1]) * 1e3,
            column(|pair| pair[0] / pair[1])
        );
    }

    pub(super) fn main() {
        // Cargo says `--bench` when it is to measure, and nothing when it only wants to see the benchmark run.
        let measures = std::env::args().any(|arg| arg == "--bench");
        let (count, rounds) = if measures { (10_000, 101) } else { (100, 2) };
        small(count, rounds);
        by_path(10 * count, rounds);
    }

    fn small(count: usize, rounds: usize) {
        let arrays: Vec<_> = (0..count).map(|at| vec![at as f64; 16]).collect();
        let texts: Vec<_> = (0..count).map(|at| format!("text {at}")).collect();
        let plain = Plain { arrays: arrays.clone(), texts: texts.clone() };
        let object = Object { arrays, texts };
        let raw = count * 128 + object.texts.iter().map(String::len).sum::<usize>();
        let (block, encoded) = (to_bytes(&object).unwrap(), postcard::to_stdvec(&plain).unwrap());
        println!("{count} arrays of 16 f64 and {count} texts");
        println!(
            "  bytes to raw ones {:.3}, postcard {:.3}",
            block.len() as f64 / raw as f64,
            encoded.len() as f64 / raw as f64
        );
        let folder = tempfile::TempDir::new_in("/dev/shm").unwrap();
        let file = folder.path().join("plain");
        let encode = || timed(|| postcard::to_stdvec(&plain).unwrap()).0;
        let publish = || {
            let write = || {
                let bytes = postcard::to_stdvec(&plain).unwrap();
                File::create(&file).unwrap().write_all(&bytes).unwrap();
            };
            timed(write).0
        };
        let decode = || timed(|| postcard::from_bytes::<Plain>(&encoded).unwrap()).0;
        compare("to_bytes", rounds, || timed(|| to_bytes(&object).unwrap()).0, encode);
        compare("to_shared", rounds, || timed(|| to_shared(&object).unwrap()).0, publish);
        let views = || {
            let (time, view) = timed(|| from_bytes::<View<'_>>(&block).unwrap());
            view.check(count);
            time
        };
        compare("from_bytes, to views", rounds, views, decode);
        let segment = to_shared(&object).unwrap();
        let attach = || {
            let (time, ()) = timed(|| {
                let segment = Segment::open(segment.id()).unwrap();
                segment.get::<View<'_>>().unwrap().check(count);
            });
            time
        };
        // What is made is let go within both times.
        let decode_and_free = || timed(|| drop(postcard::from_bytes::<Plain>(&encoded).unwrap())).0;
        compare("Segment::open and get, to views, and detach", rounds, attach, decode_and_free);
        archive(&object, rounds / 4 + 1, folder.path());
    }

    fn archive(object: &Object, rounds: usize, folder: &std::path::Path) {
        let path = folder.join("small.npz");
        let save = || timed(|| serde_shm::to_npz(&path, object).unwrap()).0;
        let saves: Vec<f64> = (0..rounds).map(|_| save()).collect();
        let open = || {
            let (time, ()) = timed(|| {
                let file = serde_shm::Npz::open(&path).unwrap();
                file.get::<View<'_>>().unwrap().check(object.texts.len());
            });
            time
        };
        let opens: Vec<f64> = (0..rounds).map(|_| open()).collect();
        println!(
            "  to_npz to tmpfs {:.2} ms; Npz::open and get, to views {:.2} ms",
            median(&saves) * 1e3,
            median(&opens) * 1e3
        );
    }

    #[derive(Serialize)]
    struct Map {
        map: BTreeMap<String, Array1<f64>>,
    }

    fn by_path(count: usize, rounds: usize) {
        let map = (0..count).map(|at| (format!("key {at}"), Array1::from_elem(2, at as f64)));
        let made = to_shared(&Map { map: map.collect() }).unwrap();
        let look = |segment: &Segment, at: usize| {
            let path = format!("map.key {at}");
            timed(|| assert_eq!(segment.array::<f64, Ix1>(&path).unwrap()[0], at as f64)).0
        };
        let (mut first, mut each) = (Vec::new(), Vec::new());
        for round in 0..rounds {
            let segment = Segment::open(made.id()).unwrap();
            // The table of a segment is remembered as long as the segment is; that of a copy is made anew.
            let copy = segment.block().unwrap().as_ref().to_vec();
            let fresh = serde_shm::Block::new(copy).unwrap();
            let path = format!("map.key {}", count / 2);
            first.push(timed(|| fresh.array_untyped(&path).unwrap()).0);
            each.extend((0..50).map(|at| look(&segment, (round * 7919 + at * 97) % count)));
        }
        println!("one array by its path among {count}");
        println!(
            "  the first {:.2} ms, others {:.2} us",
            median(&first) * 1e3,
            median(&each) * 1e6
        );
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
    #[cfg(not(target_os = "linux"))]
    println!("segments exist on Linux alone");
}
