//! Checkpoints against what they are made of and against who else writes them: `write(2)`, `mmap`, `ndarray-npy`, NumPy.
//!
//! What is compared runs in turns, in one run, and the ratios are taken pair by pair. NumPy runs as a child that times
//! itself, by the Python that `SERDE_SHM_PYTHON` names; without it those lines are left out. `SERDE_SHM_BENCH_MIB` sets
//! the size of the large object, 1024 MiB unless it is given; `SERDE_SHM_BENCH_DIR` the folder, else the system's.
#![allow(unsafe_code, clippy::multiple_unsafe_ops_per_block)]

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::{self, File};
    use std::hint::black_box;
    use std::io::{BufRead, BufReader, Write};
    use std::path::{Path, PathBuf};
    use std::process::{Child, ChildStdin, ChildStdout, Command, Stdio};
    use std::time::Instant;

    use ndarray::{Array1, ArrayView1};
    use ndarray_npy::{NpzReader, NpzWriter};
    use serde_shm::{Compression, Deserialize, Npz, NpzOptions, Serialize, ShmArray1, from_npz};
    use serde_shm_benches::median;

    const MIB: usize = 1 << 20;

    struct Plan {
        large: usize,
        packed: usize,
        rounds: usize,
        opens: usize,
        small: usize,
        folder: PathBuf,
    }

    impl Plan {
        fn new() -> Self {
            // Cargo says `--bench` when it is to measure, and nothing when it only wants to see the benchmark run.
            let measures = std::env::args().any(|arg| arg == "--bench");
            let (mib, rounds, opens, small) =
                if measures { (1024, 7, 300, 10_000) } else { (16, 1, 3, 100) };
            let mib = std::env::var("SERDE_SHM_BENCH_MIB")
                .map_or(mib, |text| text.parse().expect("SERDE_SHM_BENCH_MIB is a number of MiB"));
            let folder =
                std::env::var_os("SERDE_SHM_BENCH_DIR").map_or_else(std::env::temp_dir, Into::into);
            Plan { large: mib * MIB, packed: (mib / 16).max(1) * MIB, rounds, opens, small, folder }
        }
    }

    macro_rules! sixteen {
        ($($field:ident)*) => {
            #[derive(Serialize)]
            struct Object {
                $(#[shm_array] $field: Vec<f32>,)*
            }

            #[derive(Deserialize)]
            struct Owned {
                $($field: Array1<f32>,)*
            }

            #[derive(Deserialize)]
            struct Handles {
                $($field: ShmArray1<f32>,)*
            }

            #[derive(Deserialize)]
            struct Views<'a> {
                $($field: ArrayView1<'a, f32>,)*
            }

            impl Object {
                fn new(bytes: usize) -> Self {
                    let len = bytes / 4 / 16;
                    Object { $($field: (0..len).map(|item| (item % 977) as f32).collect(),)* }
                }

                fn slices(&self) -> Vec<(&'static str, &[f32])> {
                    vec![$((stringify!($field), &*self.$field),)*]
                }
            }

            impl Owned {
                fn sum(&self) -> f64 {
                    0.0 $(+ sum(self.$field.as_slice().unwrap()))*
                }
            }

            impl Handles {
                fn sum(&self) -> f64 {
                    0.0 $(+ sum(self.$field.as_slice().unwrap()))*
                }
            }

            impl Views<'_> {
                fn sum(&self) -> f64 {
                    0.0 $(+ sum(self.$field.as_slice().unwrap()))*
                }

                fn len(&self) -> usize {
                    0 $(+ self.$field.len())*
                }
            }
        };
    }

    sixteen!(a b c d e f g h i j k l m n o p);

    fn sum(items: &[f32]) -> f64 {
        // In lanes, as a compiler may not regroup floats by itself.
        let mut lanes = [0.0_f32; 16];
        for chunk in items.as_chunks::<16>().0 {
            for (lane, item) in lanes.iter_mut().zip(chunk) {
                *lane += item;
            }
        }
        lanes.iter().copied().map(f64::from).sum()
    }

    pub(super) fn main() {
        let plan = Plan::new();
        let folder = tempfile::tempdir_in(&plan.folder).unwrap();
        let at = |name: &str| folder.path().join(name);
        let mut numpy = NumPy::start(folder.path());
        println!("in {}", folder.path().display());
        large(&plan, &at, numpy.as_mut());
        small(&plan, &at, numpy.as_mut());
        packed(&plan, &at, numpy.as_mut());
    }

    fn large(plan: &Plan, at: &dyn Fn(&str) -> PathBuf, mut numpy: Option<&mut NumPy>) {
        let object = Object::new(plan.large);
        println!("{} MiB in 16 arrays of f32, stored", plan.large / MIB);
        if let Some(numpy) = numpy.as_deref_mut() {
            numpy.run(&format!("large({})", plan.large));
        }
        memory(&object, &at("memory.npz"), plan.large);
        for fsync in [false, true] {
            let mut times: [Vec<f64>; 4] = Default::default();
            for round in 0..plan.rounds {
                for turn in 0..2 {
                    // Who goes first finds pages that the other has just freed.
                    if (turn + round) % 2 == 0 {
                        let _ = fs::remove_file(at("ours.npz"));
                        times[0].push(timed(|| {
                            NpzOptions::new().fsync(fsync).save(at("ours.npz"), &object).unwrap();
                        }));
                    } else {
                        let _ = fs::remove_file(at("raw"));
                        times[1].push(timed(|| write_raw(&at("raw"), &object, fsync)));
                    }
                }
                if !fsync {
                    let _ = fs::remove_file(at("ndarray.npz"));
                    times[2].push(timed(|| write_ndarray_npy(&at("ndarray.npz"), &object)));
                    if let Some(numpy) = numpy.as_deref_mut() {
                        let _ = fs::remove_file(at("numpy.npz"));
                        times[3].push(numpy.run("save('numpy.npz', arrays)"));
                    }
                }
            }
            let what = if fsync { "save, fsync" } else { "save" };
            let names = ["serde_shm", "write(2)", "ndarray-npy", "numpy.savez"];
            let targets = if fsync { [None; 4] } else { [None, Some(1.1), Some(1.0), Some(1.0)] };
            report(what, &times, &names, &targets);
        }
        let path = at("ours.npz");
        let mut times: [Vec<f64>; 2] = Default::default();
        for round in 0..plan.opens {
            for turn in 0..2 {
                if (turn + round) % 2 == 0 {
                    times[0].push(timed(|| {
                        // SAFETY: nobody writes into the benchmark's own file.
                        let file = unsafe { Npz::map(&path).unwrap() };
                        black_box(file.get::<Views<'_>>().unwrap().len());
                    }));
                } else {
                    times[1].push(timed(|| {
                        let file = File::open(&path).unwrap();
                        // SAFETY: as above.
                        let map = unsafe { memmap2::Mmap::map(&file).unwrap() };
                        black_box(&map);
                    }));
                }
            }
        }
        report(
            "map, get of 16 views, drop",
            &times,
            &["serde_shm", "open, fstat, mmap, munmap"],
            &[None, Some(2.0)],
        );
        let expected: f64 = object.slices().iter().map(|(_, items)| sum(items)).sum();
        drop(object);
        let mut times: [Vec<f64>; 5] = Default::default();
        for _ in 0..plan.rounds {
            times[0].push(timed(|| {
                let file = Npz::open(&path).unwrap();
                assert_eq!(file.get::<Views<'_>>().unwrap().sum(), expected);
            }));
            times[1].push(timed(|| {
                let mut reader = NpzReader::new(File::open(at("ndarray.npz")).unwrap()).unwrap();
                let mut total = 0.0;
                for name in reader.names().unwrap() {
                    let array: Array1<f32> = reader.by_name(&name).unwrap();
                    total += sum(array.as_slice().unwrap());
                }
                assert_eq!(total, expected);
            }));
            if let Some(numpy) = numpy.as_deref_mut() {
                times[2].push(numpy.run("load_sum('numpy.npz')"));
            }
            times[3].push(timed(|| {
                assert_eq!(from_npz::<Handles>(&path).unwrap().sum(), expected);
            }));
            times[4].push(timed(|| {
                assert_eq!(from_npz::<Owned>(&path).unwrap().sum(), expected);
            }));
        }
        report(
            "load and sum",
            &times,
            &[
                "Npz::open, views",
                "ndarray-npy",
                "numpy.load",
                "from_npz, ShmArray",
                "from_npz, Array",
            ],
            &[None, Some(0.7), None, None, None],
        );
    }

    /// What saving takes beyond the object.
    fn memory(object: &Object, path: &Path, bytes: usize) {
        // Makes the peak what is resident now; without the right to it, the peak is that of all before.
        let reset = fs::write("/proc/self/clear_refs", "5").is_ok();
        let before = resident_peak();
        NpzOptions::new().fsync(false).save(path, object).unwrap();
        let growth = resident_peak() - before;
        fs::remove_file(path).unwrap();
        println!(
            "  saving {} MiB, peak RSS grows by {} KiB{} (target 16384)",
            bytes / MIB,
            growth / 1024,
            if reset { "" } else { " (not reset)" }
        );
    }

    fn resident_peak() -> u64 {
        let status = fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    fn write_raw(path: &Path, object: &Object, fsync: bool) {
        let mut file = File::create(path).unwrap();
        for (_, items) in object.slices() {
            file.write_all(bytemuck::cast_slice(items)).unwrap();
        }
        if fsync {
            file.sync_all().unwrap();
        }
    }

    fn write_ndarray_npy(path: &Path, object: &Object) {
        let mut writer = NpzWriter::new(File::create(path).unwrap());
        for (name, items) in object.slices() {
            writer.add_array(name, &ArrayView1::from(items)).unwrap();
        }
        writer.finish().unwrap();
    }

    fn small(plan: &Plan, at: &dyn Fn(&str) -> PathBuf, mut numpy: Option<&mut NumPy>) {
        let arrays: Vec<ShmArray1<f64>> =
            (0..plan.small).map(|number| ShmArray1::from(vec![number as f64; 16])).collect();
        println!("{} arrays of 16 f64", plan.small);
        if let Some(numpy) = numpy.as_deref_mut() {
            numpy.run(&format!("small({})", plan.small));
        }
        let (mut saves, mut loads): ([Vec<f64>; 2], [Vec<f64>; 2]) = Default::default();
        for _ in 0..plan.rounds {
            let path = at("small.npz");
            saves[0].push(timed(|| {
                NpzOptions::new().fsync(false).save(&path, &arrays).unwrap();
            }));
            loads[0].push(timed(|| {
                assert_eq!(from_npz::<Vec<ShmArray1<f64>>>(&path).unwrap().len(), plan.small);
            }));
            if let Some(numpy) = numpy.as_deref_mut() {
                saves[1].push(numpy.run("save('numpy_small.npz', arrays)"));
                loads[1].push(numpy.run("load_all('numpy_small.npz')"));
            }
        }
        report("save", &saves, &["serde_shm", "numpy.savez"], &[None, Some(1.0 / 8.0)]);
        report("load", &loads, &["serde_shm", "numpy.load"], &[None, Some(1.0 / 10.0)]);
    }

    /// Numbers that look like random ones and are the same in each run.
    struct Random(u64);

    impl Random {
        fn next(&mut self) -> u64 {
            self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
            let mut mixed = self.0;
            mixed = (mixed ^ (mixed >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
            mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
            mixed ^ (mixed >> 31)
        }

        fn unit(&mut self) -> f64 {
            (self.next() >> 11) as f64 / (1_u64 << 53) as f64
        }
    }

    #[derive(Serialize, Deserialize, PartialEq)]
    struct Packed<A: serde_shm::Element> {
        values: ShmArray1<A>,
    }

    fn packed(plan: &Plan, at: &dyn Fn(&str) -> PathBuf, mut numpy: Option<&mut NumPy>) {
        let len = plan.packed / 4;
        let mut random = Random(1);
        // The sum of twelve is near enough to normal.
        let normal: Vec<f32> =
            (0..len).map(|_| ((0..12).map(|_| random.unit()).sum::<f64>() - 6.0) as f32).collect();
        let mut ids: Vec<u32> = (0..len).map(|_| random.next() as u32).collect();
        ids.sort_unstable();
        let counts: Vec<i32> = (0..len).map(|_| (-random.unit().ln() * 3.0) as i32).collect();
        pack("normal f32", normal, plan, at, numpy.as_deref_mut());
        pack("sorted u32", ids, plan, at, numpy.as_deref_mut());
        pack("small counts i32", counts, plan, at, numpy);
    }

    fn pack<A>(
        what: &str,
        values: Vec<A>,
        plan: &Plan,
        at: &dyn Fn(&str) -> PathBuf,
        mut numpy: Option<&mut NumPy>,
    ) where
        A: serde_shm::Element + Serialize + serde::de::DeserializeOwned + PartialEq,
    {
        println!("{} MiB of {what}, deflate 6", plan.packed / MIB);
        let object = Packed { values: values.into() };
        let (ours, theirs) = (at("packed.npz"), at("numpy_packed.npz"));
        NpzOptions::new().fsync(false).save(&ours, &object).unwrap();
        if let Some(numpy) = numpy.as_deref_mut() {
            numpy.run("take('packed.npz')");
        }
        let (mut saves, mut loads): ([Vec<f64>; 2], [Vec<f64>; 2]) = Default::default();
        for _ in 0..plan.rounds.min(3) {
            saves[0].push(timed(|| {
                let options = NpzOptions::new().compression(Compression::Deflate(6)).fsync(false);
                options.save(&ours, &object).unwrap();
            }));
            loads[0].push(timed(|| {
                black_box(from_npz::<Packed<A>>(&ours).unwrap());
            }));
            if let Some(numpy) = numpy.as_deref_mut() {
                saves[1].push(numpy.run("save_compressed('numpy_packed.npz', arrays)"));
                loads[1].push(numpy.run("load_all('numpy_packed.npz')"));
            }
        }
        assert!(from_npz::<Packed<A>>(&ours).unwrap() == object);
        report("save", &saves, &["serde_shm", "numpy.savez_compressed"], &[None, Some(0.25)]);
        report("load", &loads, &["serde_shm", "numpy.load"], &[None, Some(0.4)]);
        let size = |path: &Path| fs::metadata(path).map_or(f64::NAN, |file| file.len() as f64);
        println!(
            "  size: {:.4} of the raw bytes, NumPy {:.4}",
            size(&ours) / plan.packed as f64,
            size(&theirs) / plan.packed as f64
        );
    }

    fn timed(what: impl FnOnce()) -> f64 {
        let started = Instant::now();
        what();
        started.elapsed().as_secs_f64()
    }

    /// The first against each of the others, pair by pair.
    fn report<const N: usize>(
        what: &str,
        times: &[Vec<f64>; N],
        names: &[&str; N],
        targets: &[Option<f64>; N],
    ) {
        println!("  {what}");
        for ((times_of, name), target) in times.iter().zip(names).zip(targets) {
            if times_of.is_empty() {
                continue;
            }
            let ratios: Vec<f64> =
                times[0].iter().zip(times_of).map(|(ours, theirs)| ours / theirs).collect();
            let ratio = median(&ratios);
            let verdict = target.map_or(String::new(), |target| {
                let met = if ratio <= target { "met" } else { "missed" };
                format!(" (target {target:.3}: {met})")
            });
            println!(
                "    {name:28} {:12.3} ms; ours takes {ratio:.3} of it{verdict}",
                median(times_of) * 1e3
            );
        }
    }

    /// A Python that evaluates a line and says how long it took.
    struct NumPy {
        process: Child,
        stdin: Option<ChildStdin>,
        stdout: Option<BufReader<ChildStdout>>,
    }

    impl NumPy {
        fn start(folder: &Path) -> Option<Self> {
            let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else {
                println!("without NumPy: SERDE_SHM_PYTHON is not set");
                return None;
            };
            let script = Path::new(env!("CARGO_MANIFEST_DIR")).join("npz.py");
            let mut process = Command::new(python)
                .arg(script)
                .current_dir(folder)
                .stdin(Stdio::piped())
                .stdout(Stdio::piped())
                .spawn()
                .unwrap();
            let stdin = process.stdin.take();
            let stdout = process.stdout.take().map(BufReader::new);
            Some(NumPy { process, stdin, stdout })
        }

        fn run(&mut self, line: &str) -> f64 {
            writeln!(self.stdin.as_mut().expect("it is a pipe"), "{line}").unwrap();
            let mut answer = String::new();
            let stdout = self.stdout.as_mut().expect("it is a pipe");
            stdout.read_line(&mut answer).unwrap();
            answer.trim().parse().expect("Python says how long it took")
        }
    }

    impl Drop for NumPy {
        fn drop(&mut self) {
            let _ = self.process.kill();
            let _ = self.process.wait();
        }
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
    #[cfg(not(target_os = "linux"))]
    println!("measured on Linux alone");
}
