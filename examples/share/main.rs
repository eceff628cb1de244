//! An index of a genome, and reads to look up in it, made by one process and used by four others, without a copy.
//!
//! `cargo run --release --example share` reads `examples/data/lambda.fa`, publishes the index and the reads in one
//! segment of shared memory and starts itself four times as a worker. Each worker attaches by the segment's id, finds
//! where its share of the reads comes from, and answers on its stdout. Any answer that differs from what one process
//! finds alone is an error.

mod index;
mod reads;

use std::error::Error;
use std::io::{self, BufReader, Write};
use std::path::PathBuf;
use std::process::{Command, ExitCode, Stdio};
use std::time::{Duration, Instant};
use std::{env, fs, thread};

use serde_shm::{Deserialize, ErrorKind, Segment, Serialize};
use serde_shm_examples::{GENOME, read_fasta};

use index::{Index, IndexView, Place};
use reads::{Reads, ReadsView};

const WORKERS: usize = 4;

/// What the parent publishes.
#[derive(Serialize)]
struct Job<'a> {
    index: Index<'a>,
    reads: Reads,
}

/// What a worker borrows from the segment: the same names, views for types.
#[derive(Deserialize)]
struct JobView<'a> {
    #[serde(borrow)]
    index: IndexView<'a>,
    #[serde(borrow)]
    reads: ReadsView<'a>,
}

/// What a worker answers: an object as well, through a pipe.
#[derive(Serialize, Deserialize)]
struct Answer {
    worker: usize,
    attach_micros: u64,
    tally: Tally,
}

#[derive(Serialize, Deserialize, Default, PartialEq, Debug)]
struct Tally {
    reads: u64,
    mapped: u64,
    hits: u64,
    /// A sum over (read, place, strand), so that it does not matter who looked up which read.
    checksum: u64,
}

fn main() -> ExitCode {
    let arguments: Vec<String> =
        env::args_os().skip(1).map(|text| text.to_string_lossy().into_owned()).collect();
    let arguments: Vec<&str> = arguments.iter().map(String::as_str).collect();
    let outcome = match arguments[..] {
        [] => parent(),
        ["worker", id, worker, workers] => work(id, worker, workers),
        _ => Err("expected no arguments".into()),
    };
    match outcome {
        Ok(()) => ExitCode::SUCCESS,
        Err(error) => {
            eprintln!("share: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn parent() -> Result<(), Box<dyn Error>> {
    let mut out = io::stdout().lock();
    let genome = fs::File::open(GENOME).map_err(|error| format!("{GENOME}: {error}"))?;
    let records =
        read_fasta(BufReader::new(genome)).map_err(|error| format!("{GENOME}: {error}"))?;

    let (index, building) = timed(|| Index::build(&records));
    let job = Job { index: index?, reads: Reads::sample(&records)? };
    let own = JobView { index: job.index.view(), reads: job.reads.view() };
    let about = &own.index.about;
    for record in &about.records {
        writeln!(out, "genome    {}: {} bases", record.name, record.length)?;
    }
    writeln!(out, "          {:?}, by the {}", about.counts, about.created_by)?;
    let kmers = own.index.kmers.len();
    writeln!(out, "index     {kmers} {}-mers, built in {building:.1?}", index::K)?;
    let (read_count, length) = own.reads.bases.dim();
    writeln!(out, "reads     {read_count} of {length} bases")?;

    let (segment, publishing) = timed(|| serde_shm::to_shared(&job));
    let segment = segment?;
    let arrays = segment.arrays()?;
    let array_bytes: usize = arrays.iter().map(serde_shm::ArrayInfo::byte_len).sum();
    for array in &arrays {
        writeln!(out, "array     {:<16} {} {:?}", array.path(), array.dtype(), array.shape())?;
    }
    writeln!(out, "object    {array_bytes} bytes in {} arrays, and metadata", arrays.len())?;
    writeln!(out, "segment   {} bytes, published in {publishing:.1?}", segment.len())?;

    let (answers, together) = timed(|| ask_all(segment.id()));
    let answers = answers?;
    let mut attach: Vec<u64> = answers.iter().map(|answer| answer.attach_micros).collect();
    attach.sort_unstable();
    writeln!(out, "attached  in {} us (median of {attach:?})", attach[WORKERS / 2])?;

    let mut right = 0;
    let mut foreign = 0;
    let (alone, apart) = timed(|| {
        Tally::of(&own, 0..read_count, |read, place| match job.reads.origin(read) {
            None => foreign += usize::from(place.is_some()),
            origin => right += usize::from(place == origin),
        })
    });
    let speed = |time: Duration| (read_count as f64 / time.as_secs_f64()).round();
    writeln!(out, "alone     {apart:.1?}, {} reads a second", speed(apart))?;
    writeln!(
        out,
        "workers   {together:.1?}, {} reads a second, their start included",
        speed(together)
    )?;

    let mut sum = Tally::default();
    for answer in &answers {
        sum.add(&answer.tally);
    }
    if sum != alone {
        return Err(format!("{WORKERS} workers found {sum:?}, one process alone {alone:?}").into());
    }
    let Tally { mapped, hits, checksum, .. } = sum;
    writeln!(out, "answers   {mapped} reads mapped by {hits} hits, checksum {checksum:016x}")?;
    writeln!(out, "compared  {WORKERS} workers and one process alone: no difference")?;
    let sampled = job.reads.sampled();
    if right * 100 < sampled * 95 || foreign > 0 {
        return Err(format!("{right} of {sampled} mapped right, and {foreign} foreign ones").into());
    }
    writeln!(
        out,
        "truth     {right} of {sampled} sampled reads mapped where they come from, no foreign one"
    )?;

    let id = segment.id().to_owned();
    drop(segment);
    check_gone(&id)?;
    writeln!(out, "left      nothing")?;
    Ok(())
}

/// Starts the workers and waits for all of them, also when one fails, so that none is left running.
fn ask_all(id: &str) -> Result<Vec<Answer>, String> {
    thread::scope(|scope| {
        let asked: Vec<_> = (0..WORKERS)
            .map(|worker| scope.spawn(move || ask(id, worker).map_err(|error| error.to_string())))
            .collect();
        let answers: Vec<_> = asked
            .into_iter()
            .map(|thread| thread.join().unwrap_or_else(|_| Err("its thread panicked".into())))
            .collect();
        let named = |(worker, answer): (usize, Result<_, _>)| {
            answer.map_err(|error: String| format!("worker {worker}: {error}"))
        };
        answers.into_iter().enumerate().map(named).collect()
    })
}

fn ask(id: &str, worker: usize) -> Result<Answer, Box<dyn Error>> {
    let output = Command::new(env::current_exe()?)
        .args(["worker", id, &worker.to_string(), &WORKERS.to_string()])
        .stdin(Stdio::null())
        .stderr(Stdio::inherit())
        .output()?;
    if !output.status.success() {
        return Err(format!("it ended with {}", output.status).into());
    }
    let answer: Answer = serde_shm::from_reader(&output.stdout[..])?;
    if answer.worker != worker {
        return Err(format!("it answered as worker {}", answer.worker).into());
    }
    Ok(answer)
}

/// A worker waits for nobody. If its parent dies it finds no segment or no reader, and ends with an error.
fn work(id: &str, worker: &str, workers: &str) -> Result<(), Box<dyn Error>> {
    let (worker, workers): (usize, usize) = (worker.parse()?, workers.parse()?);
    if worker >= workers {
        return Err(format!("there is no worker {worker} of {workers}").into());
    }
    let started = Instant::now();
    let segment = Segment::open(id)?;
    let job: JobView<'_> = segment.get()?;
    let attach_micros = started.elapsed().as_micros() as u64;
    job.index.check()?;
    let share = (worker..job.reads.bases.nrows()).step_by(workers);
    let answer = Answer { worker, attach_micros, tally: Tally::of(&job, share, |_, _| {}) };
    let mut out = io::stdout().lock();
    serde_shm::to_writer(&mut out, &answer)?;
    Ok(out.flush()?)
}

impl Tally {
    fn of(
        job: &JobView<'_>,
        share: impl Iterator<Item = usize>,
        mut found: impl FnMut(usize, Option<Place>),
    ) -> Self {
        let mut tally = Tally::default();
        for read in share {
            let (place, hits) = job.index.find(&job.reads.bases.row(read));
            tally.reads += 1;
            tally.hits += hits as u64;
            if let Some(Place { record, position, forward }) = place {
                tally.mapped += 1;
                let place = u64::from(record) << 33 | u64::from(position) << 1 | u64::from(forward);
                let triple = reads::mix(read as u64 ^ reads::mix(place));
                tally.checksum = tally.checksum.wrapping_add(triple);
            }
            found(read, place);
        }
        tally
    }

    fn add(&mut self, other: &Tally) {
        self.reads += other.reads;
        self.mapped += other.mapped;
        self.hits += other.hits;
        self.checksum = self.checksum.wrapping_add(other.checksum);
    }
}

/// That the segment went with its last handle: no id that opens, no mapping, no file that mentions it.
fn check_gone(id: &str) -> Result<(), Box<dyn Error>> {
    match Segment::open(id) {
        Err(error) if error.kind() == ErrorKind::NotFound => {}
        other => return Err(format!("the segment should be gone: {other:?}").into()),
    }
    if fs::read_to_string("/proc/self/maps")?.contains("memfd:serde_shm") {
        return Err("the segment is still mapped".into());
    }
    // Other programs may publish at the same time; an entry of ours would have the id in it.
    let base = env::var_os("SERDE_SHM_DIR").map_or_else(|| "/dev/shm".into(), PathBuf::from);
    for folder in fs::read_dir(base).into_iter().flatten().flatten() {
        if !folder.file_name().to_string_lossy().starts_with("serde_shm-") {
            continue;
        }
        // Those of other users cannot be read.
        for entry in fs::read_dir(folder.path()).into_iter().flatten().flatten() {
            if fs::read_to_string(entry.path()).is_ok_and(|text| text.contains(id)) {
                return Err(format!("{} was left behind", entry.path().display()).into());
            }
        }
    }
    Ok(())
}

fn timed<T>(work: impl FnOnce() -> T) -> (T, Duration) {
    let started = Instant::now();
    let result = work();
    (result, started.elapsed())
}
