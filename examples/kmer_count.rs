//! Counts of k-mers, by four processes into one array.
//!
//! `cargo run --release --example kmer_count [FASTA [COVERAGE]]` makes reads of both strands of a genome, an index of the
//! genome's 31-mers, and counts how often each of them stands in the reads: in one process, and in four that share
//! the index, the reads and an `AtomicArray` of counts. That the counts differ in any place is an error. Without arguments
//! the genome is `examples/data/lambda.fa`, and each of its bases is in 400 reads on average.

use std::error::Error;
use std::io::{self, BufReader, Write};
use std::ops::Range;
use std::process::ExitCode;
use std::sync::atomic::Ordering::Relaxed;
use std::time::{Duration, Instant};
use std::{env, fs};

use ndarray::{Array2, Ix1};
use serde_shm::workers::{self, Outcome, Pool, Task};
use serde_shm::{AtomicArray, Deserialize, Serialize, ShmArray1, ShmArray2};
use serde_shm_examples::{GENOME, read_fasta};

const COVERAGE: usize = 400;
const PROCESSES: usize = 4;

/// Odd, so that no k-mer is its own reverse complement; 31 bases of 2 bits fit in a `u64`.
const K: usize = 31;
const MASK: u64 = (1 << (2 * K)) - 1;

/// The first bases of a k-mer choose its bucket.
const PREFIX: usize = 8;
const BUCKETS: usize = 1 << (2 * PREFIX);

/// Bases of a read, and how many in a thousand are drawn anew.
const LENGTH: usize = 150;
const DRAWN_PER_MILLE: usize = 10;

/// A job is so many reads.
const READS_PER_JOB: usize = 2000;

/// What all processes have. Each of its arrays is there once.
#[derive(Serialize, Deserialize)]
struct Index {
    /// The genome's k-mers, sorted, each once: the smaller one of a k-mer and its reverse complement.
    kmers: ShmArray1<u64>,
    /// Where each bucket of them begins, and where the last one ends.
    starts: ShmArray1<u32>,
    /// How often each of them was seen.
    counts: AtomicArray<u32, Ix1>,
    /// A read a row.
    reads: ShmArray2<u8>,
}

/// How many k-mers of the reads are in the index, and how many are not: reads have errors.
#[derive(Serialize, Deserialize, Clone, Copy, Default, PartialEq, Eq, Debug)]
struct Tally {
    known: u64,
    unknown: u64,
}

impl Tally {
    fn all(self) -> u64 {
        self.known + self.unknown
    }

    fn plus(self, other: Tally) -> Self {
        Tally { known: self.known + other.known, unknown: self.unknown + other.unknown }
    }
}

/// A job of a process: the reads of these rows.
const COUNT: Task<Index, Range<usize>, Tally> = Task::new("count", count_shared);

fn count_shared(index: &Index, rows: Range<usize>) -> Outcome<Tally> {
    let counts = index.counts.flat();
    index.count(rows, |at| counts.fetch_add(at, 1, Relaxed).map(drop))
}

fn main() -> ExitCode {
    workers::serve(&[&COUNT]);

    let mut arguments = env::args().skip(1);
    let genome = arguments.next().unwrap_or_else(|| GENOME.to_owned());
    let coverage = arguments.next().map_or(Ok(COVERAGE), |text| text.parse());
    let outcome = match (coverage, arguments.next()) {
        (Ok(coverage), None) => run(&genome, coverage),
        _ => Err("expected a FASTA file and a coverage, or less".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("kmer_count: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn run(path: &str, coverage: usize) -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let file = fs::File::open(path).map_err(|error| format!("{path}: {error}"))?;
    let records = read_fasta(BufReader::new(file)).map_err(|error| format!("{path}: {error}"))?;
    for record in &records {
        writeln!(out, "genome    {}: {} bases", record.name, record.bases.len())?;
    }
    let genome: Vec<Vec<u8>> = records.into_iter().map(|record| record.bases).collect();
    let index = Index::build(&genome, coverage)?;
    let reads = index.reads.nrows();
    writeln!(out, "index     {} distinct {K}-mers of both strands", index.kmers.len())?;
    writeln!(out, "reads     {reads} of {LENGTH} bases, from both strands")?;

    let mut alone = vec![0_u32; index.kmers.len()];
    let (tally, apart) = timed(|| {
        index.count(0..reads, |at| -> Result<(), String> {
            alone[at] += 1;
            Ok(())
        })
    });
    let tally = tally.map_err(|error| error.to_string())?;
    let speed = |time: Duration| tally.all() as f64 / time.as_secs_f64() / 1e6;
    writeln!(out, "k-mers    {} in the index, {} not", tally.known, tally.unknown)?;
    writeln!(out, "alone     {:.1} million k-mers a second", speed(apart))?;

    let segment = serde_shm::to_shared(&index)?;
    let shared: Index = segment.get()?;
    drop(index);
    let mut pool = Pool::new(&segment)?.processes(PROCESSES);
    let (started, starting) = timed(|| pool.start());
    started?;
    let jobs = (0..reads).step_by(READS_PER_JOB).map(|row| row..(row + READS_PER_JOB).min(reads));
    let (sum, together) = timed(|| pool.map_reduce(&COUNT, jobs, Tally::default(), Tally::plus));
    let sum = sum?;
    writeln!(out, "processes {PROCESSES}, started in {starting:.1?}")?;
    writeln!(out, "together  {:.1} million k-mers a second", speed(together))?;

    if sum != tally {
        return Err(format!("{PROCESSES} processes found {sum:?}, one alone {tally:?}").into());
    }
    let counts = shared.counts.snapshot();
    if let Some(at) = counts.iter().zip(&alone).position(|(there, here)| there != here) {
        let (there, here) = (counts[at], alone[at]);
        return Err(format!("k-mer {at}: {PROCESSES} processes counted {there}, one {here}").into());
    }
    let seen = counts.iter().filter(|count| **count > 0).count();
    writeln!(
        out,
        "counts    {seen} k-mers were seen, the most common {} times",
        counts.iter().max().unwrap_or(&0)
    )?;
    writeln!(out, "compared  {PROCESSES} processes and one alone: no difference")?;
    Ok(())
}

impl Index {
    fn build(genome: &[Vec<u8>], coverage: usize) -> Result<Self, Box<dyn Error>> {
        let mut all: Vec<u64> =
            genome.iter().flat_map(|bases| kmers(bases.iter().copied())).collect();
        all.sort_unstable();
        all.dedup();
        u32::try_from(all.len()).map_err(|_| "more k-mers than 32 bits count")?;
        let mut starts = vec![0_u32; BUCKETS + 1];
        for kmer in &all {
            starts[bucket(*kmer) + 1] += 1;
        }
        for bucket in 0..BUCKETS {
            starts[bucket + 1] += starts[bucket];
        }
        Ok(Index {
            counts: vec![0_u32; all.len()].into(),
            kmers: all.into(),
            starts: starts.into(),
            reads: reads(genome, coverage)?.into(),
        })
    }

    /// Calls `seen` with the place of each k-mer of these reads.
    fn count<E: Into<Box<dyn Error + Send + Sync>>>(
        &self,
        rows: Range<usize>,
        mut seen: impl FnMut(usize) -> Result<(), E>,
    ) -> Outcome<Tally> {
        let apart = "the arrays of the index are not contiguous";
        let list = self.kmers.as_slice().ok_or(apart)?;
        let starts = self.starts.as_slice().ok_or(apart)?;
        let mut tally = Tally::default();
        for row in rows {
            for kmer in kmers(self.reads.row(row).iter().copied()) {
                let bucket = bucket(kmer);
                let start = starts[bucket] as usize;
                match list[start..starts[bucket + 1] as usize].binary_search(&kmer) {
                    Ok(at) => {
                        seen(start + at).map_err(Into::into)?;
                        tally.known += 1;
                    }
                    Err(_) => tally.unknown += 1,
                }
            }
        }
        Ok(tally)
    }
}

fn bucket(kmer: u64) -> usize {
    (kmer >> (2 * (K - PREFIX))) as usize
}

/// The smaller one of each k-mer and its reverse complement.
fn kmers(bases: impl Iterator<Item = u8>) -> impl Iterator<Item = u64> {
    let (mut forward, mut reverse, mut known) = (0, 0, 0);
    bases.filter_map(move |base| {
        let code = match base {
            b'A' => 0,
            b'C' => 1,
            b'G' => 2,
            b'T' => 3,
            // A base that is not known: no k-mer goes across it.
            _ => {
                known = 0;
                return None;
            }
        };
        forward = ((forward << 2) | code) & MASK;
        reverse = (reverse >> 2) | ((3 - code) << (2 * (K - 1)));
        known += 1;
        (known >= K).then(|| forward.min(reverse))
    })
}

/// Pieces of both strands, with errors; the same in every run.
fn reads(genome: &[Vec<u8>], coverage: usize) -> Result<Array2<u8>, Box<dyn Error>> {
    let sources: Vec<&Vec<u8>> = genome.iter().filter(|bases| bases.len() >= LENGTH).collect();
    let bases: usize = sources.iter().map(|bases| bases.len()).sum();
    if sources.is_empty() {
        return Err(format!("no record is as long as a read, which has {LENGTH} bases").into());
    }
    let count = bases.checked_mul(coverage).ok_or("that is too much")?.div_ceil(LENGTH);
    let mut random = Random(0);
    let mut reads = Array2::zeros((count, LENGTH));
    for mut read in reads.rows_mut() {
        let source = sources[random.below(sources.len())];
        let start = random.below(source.len() - LENGTH + 1);
        let piece = source[start..start + LENGTH].iter();
        if random.below(2) == 0 {
            read.iter_mut().zip(piece).for_each(|(to, from)| *to = *from);
        } else {
            read.iter_mut().zip(piece.rev()).for_each(|(to, from)| *to = complement(*from));
        }
        for base in read {
            if random.below(1000) < DRAWN_PER_MILLE {
                *base = b"ACGT"[random.below(4)];
            }
        }
    }
    Ok(reads)
}

fn complement(base: u8) -> u8 {
    match base {
        b'A' => b'T',
        b'C' => b'G',
        b'G' => b'C',
        b'T' => b'A',
        _ => b'N',
    }
}

/// SplitMix64: small, and the same reads in every run.
struct Random(u64);

impl Random {
    fn below(&mut self, end: usize) -> usize {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        let mixed = (self.0 ^ (self.0 >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
        let mixed = (mixed ^ (mixed >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
        ((mixed ^ (mixed >> 31)) % end as u64) as usize
    }
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}
