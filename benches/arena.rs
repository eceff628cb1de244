//! Building an object in place against building it on the heap and publishing a copy, and against the least that either could
//! be: the bytes written into a mapping of a memfd, which is then sealed.
//!
//! What is compared runs in turns, in one process. `SERDE_SHM_BENCH_MIB` sets the size of the object, 1024 MiB unless it is
//! given.

#[cfg(target_os = "linux")]
mod linux {
    use std::fs::File;
    use std::hint::black_box;
    use std::time::Instant;

    use memmap2::MmapOptions;
    use ndarray::Array1;
    use rustix::fs::{MemfdFlags, SealFlags};
    use serde_shm::{Arena, SegmentOptions, to_shared};
    use serde_shm_benches::median;

    const MIB: usize = 1 << 20;
    const ARRAYS: usize = 16;

    /// Fills arrays of so many numbers and publishes them.
    type Way = fn(usize) -> (f64, f64);

    /// Milliseconds until the arrays are filled, and those that publishing them takes.
    type Times = (Vec<f64>, Vec<f64>);

    pub(super) fn main() {
        // Cargo says `--bench` when it is to measure, and nothing when it only wants to see the benchmark run.
        let measures = std::env::args().any(|arg| arg == "--bench");
        let (mib, rounds) = if measures { (1024, 9) } else { (32, 2) };
        let mib = std::env::var("SERDE_SHM_BENCH_MIB")
            .map_or(mib, |text| text.parse().expect("SERDE_SHM_BENCH_MIB is a number of MiB"));
        let len = mib * MIB / 8 / ARRAYS;
        let mut ways: Vec<(&str, Way, Times)> = vec![
            ("a mapping of a memfd, unmapped, sealed", raw, Times::default()),
            ("Arena, publish", in_place, Times::default()),
            ("Arena with huge pages, publish", in_huge_pages, Times::default()),
            ("on the heap, to_shared", on_the_heap, Times::default()),
        ];
        if Arena::new(SegmentOptions::new().huge_pages(true)).is_err() {
            ways.remove(2);
            println!("(no huge pages of shared memory here)");
        }
        for _ in 0..rounds {
            for (_, way, (fill, publish)) in &mut ways {
                let (filled, published) = way(len);
                fill.push(filled);
                publish.push(published);
            }
        }
        println!("{mib} MiB in {ARRAYS} arrays, medians of {rounds}, in ms");
        println!("  {:40} {:>9} {:>9} {:>9}  times the first", "", "fill", "publish", "together");
        let both = |(fill, publish): &Times| -> Vec<f64> {
            fill.iter().zip(publish).map(|(fill, publish)| fill + publish).collect()
        };
        let least = both(&ways[0].2);
        for (what, _, times) in &ways {
            let together = both(times);
            let ratios: Vec<f64> = together.iter().zip(&least).map(|(a, b)| a / b).collect();
            let (fill, publish) = times;
            println!(
                "  {what:40} {:9.1} {:9.2} {:9.1}  {:.2}",
                median(fill),
                median(publish),
                median(&together),
                median(&ratios)
            );
        }
    }

    /// What is done to each array.
    fn fill(items: &mut [f64]) {
        for (number, item) in items.iter_mut().enumerate() {
            *item = number as f64;
        }
    }

    fn ms(started: Instant) -> f64 {
        started.elapsed().as_secs_f64() * 1e3
    }

    fn in_arena(arena: Arena, len: usize) -> (f64, f64) {
        let started = Instant::now();
        let made = |_| {
            let mut array = arena.zeros::<f64, _>(len).unwrap();
            fill(array.as_slice_mut().unwrap());
            array
        };
        let arrays: Vec<_> = (0..ARRAYS).map(made).collect();
        let filled = ms(started);
        let started = Instant::now();
        let segment = arena.publish(&arrays).unwrap();
        let published = ms(started);
        assert!(segment.len() < len * 8 * ARRAYS + 3 * MIB);
        (filled, published)
    }

    fn in_place(len: usize) -> (f64, f64) {
        in_arena(Arena::new(SegmentOptions::new()).unwrap(), len)
    }

    fn in_huge_pages(len: usize) -> (f64, f64) {
        in_arena(Arena::new(SegmentOptions::new().huge_pages(true)).unwrap(), len)
    }

    fn on_the_heap(len: usize) -> (f64, f64) {
        let started = Instant::now();
        let made = |_| {
            let mut array = Array1::<f64>::zeros(len);
            fill(array.as_slice_mut().unwrap());
            serde_shm::ShmArray1::from(array)
        };
        let arrays: Vec<_> = (0..ARRAYS).map(made).collect();
        let filled = ms(started);
        let started = Instant::now();
        let segment = to_shared(&arrays).unwrap();
        let published = ms(started);
        drop(black_box(segment));
        (filled, published)
    }

    fn raw(len: usize) -> (f64, f64) {
        let started = Instant::now();
        let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
        let file = File::from(rustix::fs::memfd_create("bench", flags).unwrap());
        file.set_len((len * 8 * ARRAYS) as u64).unwrap();
        // SAFETY: nobody else has the memory.
        #[allow(unsafe_code)]
        let mut map = unsafe { MmapOptions::new().map_mut(&file) }.unwrap();
        for part in map.chunks_exact_mut(len * 8) {
            fill(bytemuck::cast_slice_mut(part));
        }
        let filled = ms(started);
        let started = Instant::now();
        drop(map);
        rustix::fs::fcntl_add_seals(&file, SealFlags::WRITE | SealFlags::SHRINK).unwrap();
        (filled, ms(started))
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
    #[cfg(not(target_os = "linux"))]
    println!("segments exist on Linux alone");
}
