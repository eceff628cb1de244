//! Peers in turns: each round has all of them, in an order that rotates, and the ratio of a peer is to the yardstick of the same
//! round. What counts is the processor time of this process; the wall time stands beside it.

use std::hint::black_box;
use std::time::{Duration, Instant};

use rustix::time::{ClockId, clock_gettime};
use serde_shm_benches::median;

use crate::workload::Content;

/// Who looks at what a peer has read.
pub(crate) type Look<'a> = &'a mut dyn FnMut(&dyn Content);

/// One way to write an object and to read it.
pub(crate) trait Peer {
    fn name(&self) -> &'static str;

    /// Writes the object to a new file or segment.
    fn write(&mut self);

    /// Removes it.
    fn clear(&mut self);

    /// The length of what was written.
    fn bytes(&self) -> u64;

    /// Reads to where all of it can be looked at: to views, if the peer has them, and otherwise to owned values.
    fn attach(&self, look: Look<'_>);

    /// Reads to owned values, if that is another way than [`attach`](Peer::attach).
    fn owned(&self, _look: Look<'_>) -> bool {
        false
    }

    /// Whether what it attaches to are views.
    fn has_views(&self) -> bool {
        true
    }

    /// What is not measured of this peer.
    fn skips(&self, _step: Step) -> bool {
        false
    }
}

#[derive(Clone, Copy, PartialEq)]
pub(crate) enum Step {
    Write,
    Attach,
    Sum,
    Owned,
}

impl Step {
    pub(crate) const ALL: [Step; 4] = [Step::Write, Step::Attach, Step::Sum, Step::Owned];

    pub(crate) fn title(self) -> &'static str {
        match self {
            Step::Write => "write",
            Step::Attach => "attach",
            Step::Sum => "attach and sum",
            Step::Owned => "read as owned",
        }
    }
}

/// Milliseconds of the processor and of the wall.
#[derive(Clone, Copy)]
struct Times {
    cpu: f64,
    wall: f64,
}

struct Clock {
    cpu: Duration,
    wall: Instant,
}

impl Clock {
    fn start() -> Self {
        Clock { cpu: Clock::cpu(), wall: Instant::now() }
    }

    fn cpu() -> Duration {
        let time = clock_gettime(ClockId::ProcessCPUTime);
        Duration::new(time.tv_sec.cast_unsigned(), time.tv_nsec.cast_unsigned() as u32)
    }

    fn stop(&self) -> Times {
        let (cpu, wall) = (Clock::cpu().saturating_sub(self.cpu), self.wall.elapsed());
        Times { cpu: cpu.as_secs_f64() * 1e3, wall: wall.as_secs_f64() * 1e3 }
    }
}

/// Of one step of one peer.
#[derive(Clone, Copy)]
pub(crate) struct Figures {
    /// Medians and minima.
    pub(crate) cpu: (f64, f64),
    pub(crate) wall: (f64, f64),
    /// To the yardstick: the median of the rounds' ratios of processor time.
    pub(crate) ratio: f64,
}

pub(crate) struct Row {
    pub(crate) name: &'static str,
    /// One for each of [`Step::ALL`].
    pub(crate) figures: [Option<Figures>; 4],
    pub(crate) bytes: u64,
}

pub(crate) struct Table {
    pub(crate) id: &'static str,
    pub(crate) title: String,
    pub(crate) rounds: usize,
    pub(crate) rows: Vec<Row>,
    /// The bytes of what is written, without any format.
    pub(crate) content: u64,
}

fn least(values: &[f64]) -> f64 {
    values.iter().copied().fold(f64::INFINITY, f64::min)
}

/// Touches as much memory and lets it go, so that no peer pays the host for pages that another one finds.
fn touch(bytes: u64) {
    let mut memory = vec![0_u8; usize::try_from(bytes).unwrap()];
    for page in memory.chunks_mut(4096) {
        page[0] = 1;
    }
    black_box(memory);
}

/// How often something short is repeated within a round.
const REPEATS: usize = 7;
/// What counts as short, in milliseconds.
const SHORT: f64 = 5.0;

/// Times a step; what is short is repeated, and the median counts.
fn repeated(mut once: impl FnMut() -> Times) -> Times {
    let mut all = vec![once()];
    while all[0].wall < SHORT && all.len() < REPEATS {
        all.push(once());
    }
    let middle = |of: fn(&Times) -> f64| median(&all.iter().map(of).collect::<Vec<_>>());
    Times { cpu: middle(|times| times.cpu), wall: middle(|times| times.wall) }
}

/// All steps of one peer in one round.
fn turn(peer: &mut dyn Peer, content: u64) -> [Option<Times>; 4] {
    let write = repeated(|| {
        peer.clear();
        touch(content);
        let clock = Clock::start();
        peer.write();
        clock.stop()
    });
    let attach = || {
        let (mut times, clock) = (None, Clock::start());
        peer.attach(&mut |content| {
            black_box(content);
            times = Some(clock.stop());
        });
        times.unwrap()
    };
    let sum = || {
        let (mut times, clock) = (None, Clock::start());
        peer.attach(&mut |content| {
            black_box(content.sum());
            times = Some(clock.stop());
        });
        times.unwrap()
    };
    let mut has_owned = true;
    let owned = || {
        touch(content);
        let (mut times, clock) = (None, Clock::start());
        has_owned &= peer.owned(&mut |content| {
            black_box(content);
            times = Some(clock.stop());
        });
        times.unwrap_or(Times { cpu: f64::NAN, wall: f64::INFINITY })
    };
    let unless = |step, times: &mut dyn FnMut() -> Times| (!peer.skips(step)).then(times);
    let mut steps = [
        unless(Step::Write, &mut || write),
        unless(Step::Attach, &mut || repeated(attach)),
        unless(Step::Sum, &mut || repeated(sum)),
        None,
    ];
    steps[3] = Some(repeated(owned)).filter(|_| has_owned && !peer.skips(Step::Owned));
    steps
}

/// Runs all peers in turns. The first one is the yardstick.
pub(crate) fn run(
    id: &'static str,
    title: impl Into<String>,
    content: u64,
    rounds: usize,
    mut peers: Vec<Box<dyn Peer>>,
) -> Table {
    let title = title.into();
    println!("{title}: {} peers, {rounds} rounds", peers.len());
    let count = peers.len();
    let mut all: Vec<Vec<[Option<Times>; 4]>> = (0..count).map(|_| Vec::new()).collect();
    let mut bytes = vec![0; count];
    // Once beforehand: what comes back is what went in, and no peer pays for what the first one finds cold.
    let mut expected = None;
    for peer in &mut peers {
        peer.clear();
        peer.write();
        peer.attach(&mut |content| {
            let digest = content.digest();
            assert_eq!(digest, *expected.get_or_insert(digest), "{}", peer.name());
        });
        peer.clear();
    }
    for round in 0..rounds {
        for at in 0..count {
            let at = (at + round) % count;
            let peer = &mut *peers[at];
            all[at].push(turn(peer, content));
            bytes[at] = peer.bytes();
            peer.clear();
        }
    }
    let rows = peers.iter().enumerate().map(|(at, peer)| {
        let figures = [0, 1, 2, 3].map(|step| {
            let of = |peer: usize, which: fn(&Times) -> f64| -> Vec<f64> {
                // What has no views attaches to owned values.
                let step = if step == 3 && !peers[peer].has_views() { 1 } else { step };
                all[peer].iter().filter_map(|round| round[step].as_ref().map(which)).collect()
            };
            let cpu = of(at, |times| times.cpu);
            if cpu.is_empty() {
                return None;
            }
            let wall = of(at, |times| times.wall);
            let yardstick = of(0, |times| times.cpu);
            let ratios: Vec<f64> = cpu.iter().zip(&yardstick).map(|(a, b)| a / b).collect();
            Some(Figures {
                cpu: (median(&cpu), least(&cpu)),
                wall: (median(&wall), least(&wall)),
                ratio: if ratios.is_empty() { f64::NAN } else { median(&ratios) },
            })
        });
        Row { name: peer.name(), figures, bytes: bytes[at] }
    });
    let rows = rows.collect();
    Table { id, title, rounds, rows, content }
}
