//! Threads of rayon on one shared array: `cargo run -p serde_shm_programs --example rayon`.
//!
//! A genome lies in a segment. A `ShmArray` is `Sync`, so rayon's threads read it where it lies, by slices and by rows, and
//! count into one `AtomicArray` that other processes see as well.

use std::error::Error;
use std::path::Path;
use std::sync::atomic::Ordering::Relaxed;

use ndarray::{Axis, Ix1};
use rayon::prelude::*;
use serde_shm::{AtomicArray, Deserialize, Segment, Serialize, ShmArray1};

/// The words that are counted have this many bases, each two bits.
const K: usize = 6;

#[derive(Serialize, Deserialize)]
struct Genome {
    bases: ShmArray1<u8>,
    counts: AtomicArray<u32, Ix1>,
}

fn main() -> Result<(), Box<dyn Error>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/lambda.fa");
    let text = std::fs::read_to_string(path)?;
    let bases: Vec<u8> = text.lines().skip(1).flat_map(str::bytes).collect();
    let made = Genome { bases: bases.into(), counts: vec![0; 1 << (2 * K)].into() };
    let segment = serde_shm::to_shared(&made)?;
    let genome: Genome = Segment::open(segment.id())?.get()?;

    // A slice, in parts of any length, as rayon divides them.
    let bases = genome.bases.as_slice().ok_or("not contiguous")?;
    let gc = bases.par_iter().filter(|base| b"GCgc".contains(base)).count();

    // Rows: a view of the same memory, cut into pieces of a thousand bases.
    let rows = bases.len() / 1000;
    let view = genome.bases.view();
    let rows = view.slice_axis(Axis(0), (..rows * 1000).into());
    let rows = rows.into_shape_with_order((bases.len() / 1000, 1000))?;
    let richest = (0..rows.nrows())
        .into_par_iter()
        .max_by_key(|row| rows.row(*row).iter().filter(|base| b"GCgc".contains(base)).count())
        .ok_or("no rows")?;

    // Counts of words, in place: any thread of any process adds to them.
    bases.par_windows(K).try_for_each(|word| match code(word) {
        Some(code) => genome.counts.fetch_add(code, 1, Relaxed).map(drop),
        None => Ok(()),
    })?;
    let seen: Genome = segment.get()?;
    let alone =
        bases.windows(K).filter_map(code).fold(vec![0_u32; 1 << (2 * K)], |mut all, code| {
            all[code] += 1;
            all
        });
    for (code, count) in alone.iter().enumerate() {
        if seen.counts.load(code, Relaxed)? != *count {
            return Err(format!("word {code} was counted otherwise").into());
        }
    }
    println!("{} bases, {gc} of them G or C, most of them in piece {richest}", bases.len());
    println!("{} words of {K} bases, counted by all threads as by one", alone.iter().sum::<u32>());
    Ok(())
}

/// The number of a word; `None` if it has a letter that is no base.
fn code(word: &[u8]) -> Option<usize> {
    word.iter().try_fold(0, |code, base| {
        let two = b"ACGT".iter().position(|known| known.eq_ignore_ascii_case(base))?;
        Some(code << 2 | two)
    })
}
