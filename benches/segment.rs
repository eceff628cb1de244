//! Segments against what they are made of: publishing against `write(2)` into a memfd, attaching against `open`, `fstat`,
//! `mmap` and `munmap`, moving to the newest against `stat`, `open_or_create` of what is there against `open`; and what
//! listing 10,000 names takes.
//!
//! What is compared runs in turns, in one process, and the ratios are taken pair by pair: a machine that is slow for a
//! while is slow for both. `SERDE_SHM_BENCH_MIB` sets the size of the large object, 1024 MiB unless it is given.

#[cfg(target_os = "linux")]
mod linux {
    use std::collections::BTreeMap;
    use std::fs::File;
    use std::hint::black_box;
    use std::io::{Read, Write};
    use std::os::fd::{AsFd, AsRawFd};
    use std::os::unix::fs::FileExt;
    use std::process::{Command, Stdio};
    use std::time::Instant;

    use memmap2::{Mmap, MmapOptions};
    use ndarray::{Array2, ArrayView1};
    use rustix::fs::{MemfdFlags, SealFlags};
    use serde_shm::{
        Deserialize, Segment, SegmentOptions, Serialize, ShmArray1, from_shared, segments,
        to_bytes, to_shared,
    };
    use serde_shm_benches::median;

    const MIB: usize = 1 << 20;
    /// What publishing may take, in times of `write(2)`.
    const TARGET: f64 = 1.25;

    /// How much is measured, and how often.
    struct Plan {
        large: usize,
        pairs: usize,
        attaches: usize,
        names: u32,
    }

    impl Plan {
        fn new() -> Self {
            // Cargo says `--bench` when it is to measure, and nothing when it only wants to see the benchmark run.
            let measures = std::env::args().any(|arg| arg == "--bench");
            let (mib, pairs, attaches, names) =
                if measures { (1024, 12, 2000, 10_000) } else { (16, 2, 10, 10) };
            let mib = std::env::var("SERDE_SHM_BENCH_MIB")
                .map_or(mib, |text| text.parse().expect("SERDE_SHM_BENCH_MIB is a number of MiB"));
            Plan { large: mib * MIB, pairs, attaches, names }
        }
    }

    pub(super) fn main() {
        let args: Vec<String> = std::env::args().skip(1).collect();
        if let [role, first, count] = &args[..]
            && role == "hold"
        {
            return hold(first.parse().unwrap(), count.parse().unwrap());
        }
        let plan = Plan::new();
        publish(&plan);
        republish(&plan);
        repeated(&plan);
        attach(&plan);
        attach_small(&plan);
        refresh(&plan);
        open_or_create(&plan);
        list(&plan);
    }

    /// Four arrays of the same size, of two dtypes and four owners.
    #[derive(Serialize, Deserialize, PartialEq)]
    struct Object {
        name: String,
        weights: Array2<f32>,
        bias: ShmArray1<f32>,
        #[shm_array]
        offsets: Vec<u64>,
        #[shm_array]
        counts: Box<[u64]>,
    }

    /// The arrays of an [`Object`], in place.
    #[derive(Deserialize)]
    struct ObjectView<'a> {
        bias: ArrayView1<'a, f32>,
        #[shm_array]
        counts: &'a [u64],
    }

    impl Object {
        fn new(bytes: usize) -> Self {
            let (floats, words) = (bytes / 4 / 4, bytes / 4 / 8);
            Object {
                name: "object".to_owned(),
                weights: Array2::from_shape_fn((floats / 1024, 1024), |(i, j)| (i ^ j) as f32),
                bias: ShmArray1::from(rising(floats)),
                offsets: (0..words as u64).collect(),
                counts: (0..words as u64).rev().collect(),
            }
        }

        fn slices(&self) -> [&[u8]; 4] {
            [
                bytemuck::cast_slice(self.weights.as_slice().unwrap()),
                bytemuck::cast_slice(self.bias.as_slice().unwrap()),
                bytemuck::cast_slice(&self.offsets),
                bytemuck::cast_slice(&self.counts),
            ]
        }
    }

    fn publish(plan: &Plan) {
        let object = Object::new(plan.large);
        let bytes: usize = object.slices().iter().map(|slice| slice.len()).sum();
        println!("publish {} MiB in 4 arrays", bytes / MIB);
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for pair in 0..plan.pairs {
            let to_shared = || timed(|| to_shared(&object).unwrap()).made;
            let write = || timed(|| write_memfd(&object.slices())).made;
            // Who goes first finds memory that the other has just freed.
            let (first, second) = if pair % 2 == 0 {
                let first = to_shared();
                (first, write())
            } else {
                let second = write();
                (to_shared(), second)
            };
            ours.push(first);
            raw.push(second);
        }
        let ratios = ratios(&ours, &raw);
        let ratio = median(&ratios);
        println!("  to_shared              {:9.1} ms", median(&ours) * 1e3);
        println!("  memfd, write(2), seal  {:9.1} ms", median(&raw) * 1e3);
        println!(
            "  ratio, median of {} pairs {ratio:6.3} (lowest {:.3}, highest {:.3}; target {TARGET}: {})",
            ratios.len(),
            ratios.iter().copied().fold(f64::INFINITY, f64::min),
            ratios.iter().copied().fold(0.0, f64::max),
            if ratio <= TARGET { "met" } else { "missed" }
        );
        memory(&object, bytes);
    }

    /// One name that is published again and again, and what becomes of the last segment. Each segment takes fresh pages. Writing over
    /// pages that are there is what memory would cost that is used again, if the kernel took seals back.
    fn republish(plan: &Plan) {
        let object = Object::new(plan.large / 16);
        let slices = object.slices();
        let name = format!("bench-republish-{}", std::process::id());
        let small = SegmentOptions::new().name(&name).replace(true);
        let huge = small.clone().huge_pages(true);
        let has_huge = huge.create(&1_u8).is_ok();
        let over = rustix::fs::memfd_create("bench", MemfdFlags::CLOEXEC).map(File::from).unwrap();
        let mut segment = small.create(&object).unwrap();
        let mut times: [Vec<f64>; 4] = Default::default();
        for _ in 0..plan.pairs * 2 {
            times[0].push(timed(|| write_memfd(&slices)).whole);
            let write = || {
                let mut at = 0;
                for slice in slices {
                    over.write_all_at(slice, at).unwrap();
                    at += slice.len() as u64;
                }
            };
            times[1].push(timed(write).whole);
            times[2].push(timed(|| segment = small.create(&object).unwrap()).whole);
            if has_huge {
                times[3].push(timed(|| segment = huge.create(&object).unwrap()).whole);
            }
        }
        println!("publish {} MiB again and again", plan.large / 16 / MIB);
        let titles = [
            "fresh memfd, write(2), seal, close",
            "write(2) over pages that are there",
            "under one name",
            "under one name, huge pages",
        ];
        for (title, all) in titles.iter().zip(&times).filter(|(_, all)| !all.is_empty()) {
            let ratio = median(&ratios(all, &times[0]));
            println!("  {title:36} {:9.2} ms, ratio {ratio:6.3}", median(all) * 1e3);
        }
    }

    /// What publishing takes beyond the object: pages of the segment, and of this process while it lasts.
    fn memory(object: &Object, bytes: usize) {
        // Makes the peak what is resident now; without the right to it, the peak is that of all before.
        let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
        let before = resident_peak();
        let segment = to_shared(object).unwrap();
        let growth = resident_peak() - before;
        let blocks = rustix::fs::fstat(segment.as_fd()).unwrap().st_blocks;
        let pages = u64::try_from(blocks).unwrap() * 512;
        let whole = if reset { "" } else { " (not reset)" };
        println!(
            "  memory: object {} KiB, segment {} KiB long, {} KiB of pages; peak RSS grew by {} KiB{whole}",
            bytes / 1024,
            segment.len() / 1024,
            pages / 1024,
            growth / 1024
        );
        println!(
            "  beyond the object, in segments: {:.4}",
            (pages + growth) as f64 / segment.len() as f64
        );
        let view: ObjectView<'_> = segment.get().unwrap();
        assert!(view.bias == object.bias.view() && *view.counts == *object.counts);
    }

    /// An object in which one buffer of a quarter of the size stands eight times, beside one in which it stands once; and what it costs
    /// small arrays that they could be shared.
    fn repeated(plan: &Plan) {
        let bytes = plan.large / 4;
        let frame = ShmArray1::from(rising(bytes / 4));
        let (once, often) = (vec![frame.clone(); 1], vec![frame; 8]);
        let mut times = [const { Vec::new() }; 6];
        for _ in 0..plan.pairs {
            for (at, object) in [&once, &often].into_iter().enumerate() {
                times[at].push(timed(|| to_shared(object).unwrap()).made);
            }
        }
        let reset = std::fs::write("/proc/self/clear_refs", "5").is_ok();
        let before = resident_peak();
        let segments = [to_shared(&once).unwrap(), to_shared(&often).unwrap()];
        let growth = resident_peak() - before;
        for _ in 0..plan.attaches {
            for (at, segment) in segments.iter().enumerate() {
                let attach = || from_shared::<Vec<ShmArray1<f32>>>(segment.id()).unwrap();
                times[2 + at].push(timed(attach).whole);
            }
        }
        let handles: Vec<ShmArray1<f32>> = segments[1].get().unwrap();
        assert!(handles.iter().all(|handle| handle.as_ptr() == handles[0].as_ptr()));
        let ratio = |times: &[Vec<f64>], at: usize| median(&ratios(&times[at + 1], &times[at]));
        println!("one buffer of {} MiB, once and 8 times in an object", bytes / MIB);
        println!(
            "  to_shared {:.1} ms, {:.1} ms, ratio {:.3}; segments of {} and {} KiB; peak RSS grew by {} KiB{}",
            median(&times[0]) * 1e3,
            median(&times[1]) * 1e3,
            ratio(&times, 0),
            segments[0].len() / 1024,
            segments[1].len() / 1024,
            growth / 1024,
            if reset { "" } else { " (not reset)" }
        );
        println!(
            "  attach to handles {:.1} us, {:.1} us, ratio {:.3}",
            median(&times[2]) * 1e6,
            median(&times[3]) * 1e6,
            ratio(&times, 2)
        );
        let arrays = |number: usize| ndarray::Array1::from_elem(16, number as f64);
        let owned = Owned { arrays: (0..10_000).map(arrays).collect() };
        let shared = Shared { arrays: (0..10_000).map(|at| arrays(at).into_shared()).collect() };
        for _ in 0..plan.pairs * 5 {
            times[4].push(timed(|| to_bytes(&owned).unwrap()).made);
            times[5].push(timed(|| to_bytes(&shared).unwrap()).made);
        }
        println!(
            "  10,000 arrays of 16 f64 to bytes: owned {:.2} ms, `ArcArray` {:.2} ms, ratio {:.3}",
            median(&times[4]) * 1e3,
            median(&times[5]) * 1e3,
            ratio(&times, 4)
        );
    }

    #[derive(Serialize)]
    struct Owned {
        #[shm_array]
        arrays: Vec<ndarray::Array1<f64>>,
    }

    #[derive(Serialize)]
    struct Shared {
        #[shm_array]
        arrays: Vec<ndarray::ArcArray1<f64>>,
    }

    /// The least that publishing the same bytes could be: one call for each array.
    fn write_memfd(slices: &[&[u8]]) -> File {
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let mut file = File::from(rustix::fs::memfd_create("bench", flags).unwrap());
        for slice in slices {
            file.write_all(slice).unwrap();
        }
        let seals = SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL;
        rustix::fs::fcntl_add_seals(&file, seals).unwrap();
        file
    }

    /// The peak of resident memory, in bytes.
    fn resident_peak() -> u64 {
        let status = std::fs::read_to_string("/proc/self/status").unwrap();
        let line = status.lines().find_map(|line| line.strip_prefix("VmHWM:")).unwrap();
        line.trim().trim_end_matches(" kB").parse::<u64>().unwrap() * 1024
    }

    macro_rules! sixteen {
        ($($field:ident)*) => {
            /// Sixteen handles, which keep the mapping.
            #[derive(Serialize, Deserialize)]
            struct Handles {
                $($field: ShmArray1<f32>,)*
            }

            /// Sixteen views, which borrow the segment.
            #[derive(Deserialize)]
            struct Views<'a> {
                $($field: ArrayView1<'a, f32>,)*
            }

            impl Handles {
                fn new(bytes: usize) -> Self {
                    Handles { $($field: ShmArray1::from(rising(bytes / 4 / 16)),)* }
                }

                fn len(&self) -> usize {
                    0 $(+ self.$field.len())*
                }
            }

            impl Views<'_> {
                fn len(&self) -> usize {
                    0 $(+ self.$field.len())*
                }
            }
        };
    }

    sixteen!(a b c d e f g h i j k l m n o p);

    /// A segment, the number of its floats, and what attaching to it took, in each way.
    struct Attached {
        segment: Segment,
        name: String,
        path: String,
        floats: usize,
        from_shared: Vec<Times>,
        by_id: Vec<Times>,
        by_name: Vec<Times>,
        raw: Vec<Times>,
    }

    impl Attached {
        fn new(bytes: usize) -> Self {
            let name = format!("bench-{}-{bytes}", std::process::id());
            let segment = SegmentOptions::new().name(&name).create(&Handles::new(bytes)).unwrap();
            let descriptor = segment.as_fd().as_raw_fd();
            let path = format!("/proc/{}/fd/{descriptor}", std::process::id());
            let floats = bytes / 4 / 16 * 16;
            let (from_shared, by_id, by_name, raw) = Default::default();
            Attached { segment, name, path, floats, from_shared, by_id, by_name, raw }
        }

        /// Attaches in each way once.
        fn round(&mut self) {
            let id = self.segment.id();
            self.from_shared.push(timed(|| {
                let handles: Handles = from_shared(id).unwrap();
                assert_eq!(black_box(&handles).len(), self.floats);
                handles
            }));
            let open_get = |by: &str| {
                timed(|| {
                    let segment = Segment::open(by).unwrap();
                    let views: Views<'_> = segment.get().unwrap();
                    assert_eq!(black_box(&views).len(), self.floats);
                    segment
                })
            };
            self.by_id.push(open_get(id));
            self.by_name.push(open_get(&self.name));
            self.raw.push(timed(|| map_again(&self.path)));
        }
    }

    /// The least that attaching could be.
    fn map_again(path: &str) -> (File, Mmap) {
        let file = File::open(path).unwrap();
        let len = usize::try_from(rustix::fs::fstat(&file).unwrap().st_size).unwrap();
        // SAFETY: the memory is sealed.
        #[allow(unsafe_code)]
        let map = unsafe { MmapOptions::new().len(len).map(&file) }.unwrap();
        assert_eq!(len, black_box(&map).len());
        (file, map)
    }

    fn attach(plan: &Plan) {
        let (mut small, mut large) = (Attached::new(MIB), Attached::new(plan.large));
        for round in 0..plan.attaches {
            if round % 2 == 0 {
                small.round();
                large.round();
            } else {
                large.round();
                small.round();
            }
        }
        let size = format!("{} MiB", plan.large / MIB);
        for (title, of) in [
            ("attach, 16 arrays", (|times| times.made) as fn(&Times) -> f64),
            ("attach and detach (munmap goes with the size)", |times| times.whole),
        ] {
            println!("{title:45} {:>9} {size:>9} large/small large/raw", "1 MiB");
            let raw: Vec<f64> = large.raw.iter().map(of).collect();
            for (what, small, large) in [
                ("from_shared, 16 ShmArray1<f32>", &small.from_shared, &large.from_shared),
                ("Segment::open by id, get of 16 views", &small.by_id, &large.by_id),
                ("Segment::open by name, get of 16 views", &small.by_name, &large.by_name),
                ("open, fstat, mmap; munmap, close", &small.raw, &large.raw),
            ] {
                let small: Vec<f64> = small.iter().map(of).collect();
                let large: Vec<f64> = large.iter().map(of).collect();
                println!(
                    "  {what:43} {:6.2} us {:6.2} us {:11.3} {:9.2}",
                    median(&small) * 1e6,
                    median(&large) * 1e6,
                    median(&ratios(&large, &small)),
                    median(&ratios(&large, &raw))
                );
            }
        }
    }

    /// 32 arrays of 8 KiB and a map of 32 entries, which are read as handles.
    fn attach_small(plan: &Plan) {
        #[derive(Serialize, Deserialize)]
        struct Small {
            arrays: Vec<ShmArray1<f32>>,
            map: BTreeMap<String, f64>,
        }
        let object = Small {
            arrays: vec![rising(2048); 32].into_iter().map(ShmArray1::from).collect(),
            map: (0..32).map(|number| (format!("parameter {number}"), 0.5)).collect(),
        };
        let segment = to_shared(&object).unwrap();
        let path = format!("/proc/self/fd/{}", segment.as_fd().as_raw_fd());
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..plan.attaches {
            ours.push(timed(|| {
                let small: Small = from_shared(segment.id()).unwrap();
                assert_eq!((black_box(&small).arrays.len(), small.map.len()), (32, 32));
                small
            }));
            raw.push(timed(|| map_again(&path)));
        }
        println!("attach {} KiB, 32 arrays and a map of 32 entries", segment.len() / 1024);
        for (what, of) in [
            ("attach", (|times| times.made) as fn(&Times) -> f64),
            ("attach and detach", |times| times.whole),
        ] {
            let [ours, raw] = [&ours, &raw].map(|times| times.iter().map(of).collect::<Vec<_>>());
            println!(
                "  {what:18} {:.2} us, open, fstat, mmap (munmap, close) {:.2} us, ratio {:.2}",
                median(&ours) * 1e6,
                median(&raw) * 1e6,
                median(&ratios(&ours, &raw))
            );
        }
    }

    /// A look whether there is something newer, where there is not.
    fn refresh(plan: &Plan) {
        let name = format!("bench-refresh-{}", std::process::id());
        let made = SegmentOptions::new().name(&name).create(&1_u8).unwrap();
        let mut seen = Segment::open(&name).unwrap();
        let base = std::env::var("SERDE_SHM_DIR").unwrap_or_else(|_| "/dev/shm".to_owned());
        let user = rustix::process::geteuid().as_raw();
        let path = format!("{base}/serde_shm-{user}/{name}");
        let (mut ours, mut raw) = (Vec::new(), Vec::new());
        for _ in 0..plan.attaches {
            ours.push(timed(|| assert!(!seen.refresh().unwrap())).whole);
            raw.push(timed(|| rustix::fs::lstat(&path).unwrap()).whole);
        }
        println!(
            "refresh {:.2} us, stat {:.2} us, ratio {:.2}",
            median(&ours) * 1e6,
            median(&raw) * 1e6,
            median(&ratios(&ours, &raw))
        );
        drop(made);
    }

    /// `open_or_create` of what is there against `open`.
    fn open_or_create(plan: &Plan) {
        let name = format!("bench-turn-{}", std::process::id());
        let made = SegmentOptions::new().name(&name).create(&Handles::new(MIB)).unwrap();
        let never = || -> Result<u8, Box<dyn std::error::Error + Send + Sync>> { unreachable!() };
        let (mut ours, mut open) = (Vec::new(), Vec::new());
        let turn = || timed(|| Segment::open_or_create(&name, never).unwrap()).whole;
        let look = || timed(|| Segment::open(&name).unwrap()).whole;
        for round in 0..plan.attaches {
            if round % 2 == 0 {
                ours.push(turn());
                open.push(look());
            } else {
                open.push(look());
                ours.push(turn());
            }
        }
        let ratio = median(&ratios(&ours, &open));
        println!(
            "open_or_create of what is there {:.2} us, open {:.2} us, ratio {ratio:.3} (target 1.2: {})",
            median(&ours) * 1e6,
            median(&open) * 1e6,
            if ratio <= 1.2 { "met" } else { "missed" }
        );
        drop(made);
    }

    /// Live names of four processes, of which each takes two descriptors a name.
    fn list(plan: &Plan) {
        let base = tempfile::tempdir_in("/dev/shm").unwrap();
        // SAFETY: there is one thread.
        #[allow(unsafe_code)]
        unsafe {
            std::env::set_var("SERDE_SHM_DIR", base.path());
        }
        let each = plan.names / 4;
        let mut holders: Vec<_> = (0..4)
            .map(|holder| {
                let mut child = Command::new(std::env::current_exe().unwrap())
                    .args(["hold", &format!("{}", holder * each), &format!("{each}")])
                    .stdin(Stdio::piped())
                    .stdout(Stdio::piped())
                    .spawn()
                    .unwrap();
                child.stdout.as_mut().unwrap().read_exact(&mut [0]).unwrap();
                child
            })
            .collect();
        let times: Vec<f64> = (0..9)
            .map(|_| {
                timed(|| {
                    let all = segments::list().unwrap();
                    assert_eq!(all.len(), 4 * each as usize);
                    assert!(all.iter().all(segments::SegmentInfo::is_alive));
                })
                .whole
            })
            .collect();
        println!("list of {} live names {:.1} ms", 4 * each, median(&times) * 1e3);
        for holder in &mut holders {
            drop(holder.stdin.take());
            assert!(holder.wait().unwrap().success());
        }
    }

    /// In a child: holds names until its parent lets it go.
    fn hold(first: u32, count: u32) {
        let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
        let raised = rustix::process::Rlimit { current: limit.maximum, ..limit };
        rustix::process::setrlimit(rustix::process::Resource::Nofile, raised).unwrap();
        let make = |n: u32| SegmentOptions::new().name(format!("n{n}")).create(&n).unwrap();
        let held: Vec<Segment> = (first..first + count).map(make).collect();
        std::io::stdout().write_all(b".").unwrap();
        std::io::stdout().flush().unwrap();
        std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
        drop(held);
    }

    fn rising(len: usize) -> Vec<f32> {
        (0..len).map(|i| i as f32).collect()
    }

    /// Seconds until something is there, and until it is gone again.
    struct Times {
        made: f64,
        whole: f64,
    }

    fn timed<T>(what: impl FnOnce() -> T) -> Times {
        let started = Instant::now();
        let result = black_box(what());
        let made = started.elapsed().as_secs_f64();
        drop(result);
        Times { made, whole: started.elapsed().as_secs_f64() }
    }

    fn ratios(ours: &[f64], theirs: &[f64]) -> Vec<f64> {
        ours.iter().zip(theirs).map(|(ours, theirs)| ours / theirs).collect()
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
    #[cfg(not(target_os = "linux"))]
    println!("segments exist on Linux alone");
}
