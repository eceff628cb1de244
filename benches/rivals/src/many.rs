//! Many at once: readers that follow a name while it is published again and again, many names, threads that publish, and a program
//! that attaches for a minute.

use std::io::{BufRead, BufReader};
use std::process::{Child, Command, Stdio};
use std::sync::Barrier;
use std::thread;
use std::time::{Duration, Instant};

use serde_shm::{Segment, SegmentOptions, ShmArray1};
use serde_shm_benches::median;

use crate::growth::table;
use crate::plot::{self, Series};
use crate::{Plan, report};

const MIB: usize = 1 << 20;

type Object = Vec<ShmArray1<f32>>;

/// So many bytes in 16 arrays.
fn object(bytes: usize) -> Object {
    (0..16_u8).map(|at| ShmArray1::from(vec![f32::from(at); bytes / 64])).collect()
}

fn sum(object: &Object) -> f32 {
    object.iter().map(|array| array.iter().sum::<f32>()).sum()
}

fn name(what: &str) -> String {
    format!("bench-{what}-{}", std::process::id())
}

fn publish(name: &str, object: &Object) -> Segment {
    SegmentOptions::new().name(name).replace(true).create(object).unwrap()
}

/// Times of one deed, in milliseconds.
#[derive(Default)]
struct Times(Vec<f64>);

impl Times {
    fn measure<T>(&mut self, deed: impl FnOnce() -> T) -> T {
        let started = Instant::now();
        let made = deed();
        self.0.push(started.elapsed().as_secs_f64() * 1e3);
        made
    }

    fn worst(&self) -> f64 {
        self.0.iter().copied().fold(0.0, f64::max)
    }

    /// The time that so many thousandths of the deeds stay below.
    fn below(&self, thousandths: usize) -> f64 {
        let mut sorted = self.0.clone();
        sorted.sort_by(f64::total_cmp);
        sorted[(sorted.len() - 1) * thousandths / 1000]
    }
}

pub(crate) fn run(plan: &Plan) {
    let mut text = format!("## Many at once\n\nOn {}, {}.\n", report::today(), report::load());
    for (id, title, axis, unit, all) in
        [readers(plan), readers_wait(plan), names(plan), publishers(plan)].concat()
    {
        if let Some(out) = &plan.out {
            plot::growth(out, id, title, (axis, unit), &all);
        }
        text += &table((id, title), axis, unit, &all);
    }
    text += &attaches(plan);
    plan.put("many", &text);
}

/// A plot: its id, title, axis, unit and lines.
type Plot = (&'static str, &'static str, &'static str, &'static str, Vec<Series>);

fn counts(plan: &Plan, all: &'static [usize]) -> &'static [usize] {
    if plan.is_quick { &all[..2] } else { all }
}

fn seconds(plan: &Plan, full: f64) -> Duration {
    Duration::from_secs_f64(if plan.is_quick { 0.05 } else { full })
}

/// What readers did while an object of 1 MiB was published again and again under one name.
struct Followed {
    sums: f64,
    publications: f64,
    worst_refresh: f64,
    median_refresh: f64,
}

fn follow(plan: &Plan, count: usize) -> Followed {
    let (name, object) = (name("follow"), object(MIB));
    let mut last = publish(&name, &object);
    let run = seconds(plan, 2.0);
    let start = |_| {
        Command::new(std::env::current_exe().unwrap())
            .args(["follower", &name, &run.as_secs_f64().to_string()])
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut children: Vec<Child> = (0..count).map(start).collect();
    let mut outs: Vec<_> =
        children.iter_mut().map(|child| BufReader::new(child.stdout.take().unwrap())).collect();
    let mut lines = || -> Vec<String> {
        let line = |out: &mut BufReader<_>| {
            let mut line = String::new();
            out.read_line(&mut line).unwrap();
            line
        };
        outs.iter_mut().map(line).collect()
    };
    lines();
    let (started, mut published) = (Instant::now(), 0_u32);
    while started.elapsed() < run {
        last = publish(&name, &object);
        published += 1;
        thread::sleep(Duration::from_millis(1));
    }
    let said = lines();
    let figures: Vec<Vec<f64>> = said
        .iter()
        .map(|line| line.split_whitespace().map(|word| word.parse().unwrap()).collect())
        .collect();
    for mut child in children {
        assert!(child.wait().unwrap().success());
    }
    drop(last);
    let column = |at: usize| figures.iter().map(|line| line[at]).collect::<Vec<f64>>();
    Followed {
        sums: column(0).iter().sum::<f64>() / run.as_secs_f64(),
        publications: f64::from(published) / run.as_secs_f64(),
        worst_refresh: column(1).iter().copied().fold(0.0, f64::max),
        median_refresh: median(&column(2)),
    }
}

/// In a child: follows the name, and says how often it had a sum, and how long `refresh` took at the worst and mostly.
pub(crate) fn follower(name: &str, seconds: &str) {
    let run = Duration::from_secs_f64(seconds.parse().unwrap());
    let mut segment = Segment::open(name).unwrap();
    println!("ready");
    let (started, mut times) = (Instant::now(), Times::default());
    while started.elapsed() < run || times.0.is_empty() {
        times.measure(|| segment.refresh().unwrap());
        std::hint::black_box(sum(&segment.get().unwrap()));
    }
    println!("{} {:.4} {:.4}", times.0.len(), times.worst(), times.below(500));
}

const READERS: &[usize] = &[1, 2, 4, 8, 16, 32, 64];

fn followed(plan: &Plan) -> &'static [(f64, Followed)] {
    static ONCE: std::sync::OnceLock<Vec<(f64, Followed)>> = std::sync::OnceLock::new();
    ONCE.get_or_init(|| {
        counts(plan, READERS).iter().map(|count| (*count as f64, follow(plan, *count))).collect()
    })
}

fn line(plan: &Plan, name: &str, of: fn(&Followed) -> f64) -> Series {
    (name.to_owned(), followed(plan).iter().map(|(count, one)| (*count, of(one))).collect())
}

fn readers(plan: &Plan) -> Vec<Plot> {
    let lines = vec![
        line(plan, "sums of 1 MiB by all", |one| one.sums),
        line(plan, "publications", |one| one.publications),
    ];
    vec![(
        "many-readers",
        "Processes that refresh and sum while 1 MiB is published again and again",
        "readers",
        "a second",
        lines,
    )]
}

fn readers_wait(plan: &Plan) -> Vec<Plot> {
    let lines = vec![
        line(plan, "`refresh`, at the worst", |one| one.worst_refresh),
        line(plan, "`refresh`, median", |one| one.median_refresh),
    ];
    vec![("many-waits", "How long these processes wait for `refresh`", "readers", "ms", lines)]
}

/// Publishing under names, opening them and listing them, by how many names there are.
fn names(plan: &Plan) -> Vec<Plot> {
    let (mut made, mut opened, mut listed) = (Vec::new(), Vec::new(), Vec::new());
    for &count in counts(plan, &[1, 10, 100, 1000]) {
        let names: Vec<String> = (0..count).map(|at| name(&format!("name-{at}"))).collect();
        let object = object(1024);
        let (mut making, mut opening, mut listing) =
            (Times::default(), Times::default(), Times::default());
        let segments: Vec<_> =
            names.iter().map(|name| making.measure(|| publish(name, &object))).collect();
        for name in &names {
            opening.measure(|| drop(Segment::open(name).unwrap()));
        }
        for _ in 0..5 {
            listing.measure(|| serde_shm::segments::list().unwrap().len());
        }
        drop(segments);
        let x = count as f64;
        made.push((x, making.below(500)));
        opened.push((x, opening.below(500)));
        listed.push((x, listing.below(500)));
    }
    let lines = vec![
        ("publish 1 KiB under a name".to_owned(), made),
        ("open it".to_owned(), opened),
        ("list all names".to_owned(), listed),
    ];
    vec![("many-names", "Names", "names", "ms", lines)]
}

/// Threads that publish 1 MiB each, without a name, each under its own, and all under one.
fn publishers(plan: &Plan) -> Vec<Plot> {
    let run = seconds(plan, 1.0);
    let (mut rates, mut waits) = (Vec::new(), Vec::new());
    for (way, title) in ["without a name", "each its own name", "all one name"].iter().enumerate() {
        let (mut rate, mut wait) = (Vec::new(), Vec::new());
        for &count in counts(plan, &[1, 2, 4, 8]) {
            let barrier = Barrier::new(count);
            let one = |at: usize| {
                let object = object(MIB);
                let name = name(&if way == 1 { format!("own-{at}") } else { "one".to_owned() });
                barrier.wait();
                let (started, mut times) = (Instant::now(), Times::default());
                while started.elapsed() < run {
                    times.measure(|| {
                        if way == 0 {
                            drop(serde_shm::to_shared(&object).unwrap());
                        } else {
                            drop(publish(&name, &object));
                        }
                    });
                }
                times
            };
            let times: Vec<Times> = thread::scope(|scope| {
                let one = &one;
                let threads: Vec<_> = (0..count).map(|at| scope.spawn(move || one(at))).collect();
                threads.into_iter().map(|thread| thread.join().unwrap()).collect()
            });
            let deeds: usize = times.iter().map(|times| times.0.len()).sum();
            rate.push((count as f64, deeds as f64 / run.as_secs_f64()));
            wait.push((count as f64, times.iter().map(Times::worst).fold(0.0, f64::max)));
        }
        rates.push(((*title).to_owned(), rate));
        waits.push(((*title).to_owned(), wait));
    }
    vec![
        ("many-publishers", "Threads that publish 1 MiB", "threads", "a second", rates),
        ("many-publishers-waits", "The longest that one of them took", "threads", "ms", waits),
    ]
}

/// Attaches, looks and lets go, for a minute.
fn attaches(plan: &Plan) -> String {
    let segment = serde_shm::to_shared(&object(MIB)).unwrap();
    let run = seconds(plan, 60.0);
    let (started, mut times) = (Instant::now(), Times::default());
    while started.elapsed() < run {
        times.measure(|| {
            let seen = Segment::open(segment.id()).unwrap();
            std::hint::black_box(seen.get::<Object>().unwrap().len());
        });
    }
    let whole = started.elapsed().as_secs_f64();
    format!(
        "\nOne thread that attaches to 16 arrays and detaches, for {whole:.1} s: {:.0} times a second; {:.1} µs mostly, {:.1} µs \
         for the slowest in a thousand, {:.0} µs at the worst.\n",
        times.0.len() as f64 / whole,
        times.below(500) * 1e3,
        times.below(999) * 1e3,
        times.worst() * 1e3
    )
}
