//! How cost grows: attaching with the bytes and with the number of arrays, publishing with the bytes, and readers of one segment.

use std::fmt::Write as _;
use std::io::{BufRead, BufReader, Read, Write};
use std::path::Path;
use std::process::{Child, Command, Stdio};
use std::time::Instant;

use serde_shm::Segment;
use serde_shm_benches::median;

use crate::harness::{self, Table};
use crate::plot::{self, Series};
use crate::report::{self, digits};
use crate::workload::{Content, Layers, Number};
use crate::{Plan, peers};

const MIB: usize = 1 << 20;

pub(crate) fn run(plan: &Plan) {
    let sizes: &[usize] = if plan.is_quick { &[1, 2] } else { &[1, 4, 16, 64, 256] };
    let counts: &[usize] = if plan.is_quick { &[1, 10] } else { &[1, 10, 100, 1000, 10_000] };
    let rounds = plan.rounds.unwrap_or(if plan.is_quick { 1 } else { 5 });
    let measure = |bytes: usize, arrays: usize| {
        let source: &'static Layers = Box::leak(Box::new(Layers::new(bytes, arrays)));
        let folder = tempfile::tempdir_in("/dev/shm").unwrap();
        let title = format!("{} KiB in {arrays} arrays", bytes / 1024);
        let all = peers::that_view(source, folder.path());
        harness::run("growth", title, bytes as u64, rounds, all)
    };
    let by_bytes: Vec<_> = sizes.iter().map(|mib| (*mib as f64, measure(mib * MIB, 16))).collect();
    let by_count: Vec<_> =
        counts.iter().map(|count| (*count as f64, measure(count * 1024, *count))).collect();
    let readers = readers(plan);
    let mut text = format!(
        "## How cost grows\n\n{rounds} rounds, on {}, {}.\n",
        report::today(),
        report::load()
    );
    let steps = [
        ("attach-by-bytes", "Attaching, 16 arrays", "MiB", &by_bytes, 1),
        ("attach-by-arrays", "Attaching, arrays of 1 KiB", "arrays", &by_count, 1),
        ("write-by-bytes", "Publishing, 16 arrays", "MiB", &by_bytes, 0),
    ];
    for (id, title, axis, tables, step) in steps {
        let all = series(tables, step);
        if let Some(out) = &plan.out {
            plot::growth(out, id, title, (axis, "ms of processor time"), &all);
        }
        text += &table((id, title), axis, "ms", &all);
    }
    for (id, title, unit, all) in [
        (
            "readers-time",
            "Readers of 64 MiB at once: until the last one has its sum",
            "ms",
            &readers.0,
        ),
        (
            "readers-memory",
            "Readers of 64 MiB at once: memory that all take for themselves",
            "MiB",
            &readers.1,
        ),
    ] {
        if let Some(out) = &plan.out {
            plot::growth(out, id, title, ("processes", unit), all);
        }
        text += &table((id, title), "processes", unit, all);
    }
    plan.put("growth", &text);
}

fn series(tables: &[(f64, Table)], step: usize) -> Vec<Series> {
    let names = tables[0].1.rows.iter().enumerate();
    let names = names.filter(|(_, row)| row.figures[step].is_some());
    names
        .map(|(at, row)| {
            let point =
                |(x, table): &(f64, Table)| (*x, table.rows[at].figures[step].unwrap().cpu.0);
            (row.name.to_owned(), tables.iter().map(point).collect())
        })
        .collect()
}

pub(crate) fn table((id, title): (&str, &str), axis: &str, unit: &str, all: &[Series]) -> String {
    let plot = report::picture(id, title);
    let mut text = format!("\n{title}, in {unit}:\n\n{plot}\n| {axis} |");
    for (x, _) in &all[0].1 {
        write!(text, " {x} |").unwrap();
    }
    writeln!(text, "\n|{}", "---|".repeat(all[0].1.len() + 1)).unwrap();
    for (name, points) in all {
        write!(text, "| {name} |").unwrap();
        for (_, y) in points {
            write!(text, " {} |", digits(*y)).unwrap();
        }
        text.push('\n');
    }
    text
}

const WAYS: [(&str, &str); 3] = [
    ("view", "serde_shm, views of the segment"),
    ("map", "a file of the bytes alone, mapped"),
    ("own", "serde_shm, owned"),
];

/// Milliseconds until all have their sum, and MiB that all take for themselves.
fn readers(plan: &Plan) -> (Vec<Series>, Vec<Series>) {
    let counts: &[usize] = if plan.is_quick { &[1, 2] } else { &[1, 2, 4, 8, 16, 32, 64] };
    let bytes = if plan.is_quick { MIB } else { 64 * MIB };
    let rounds = plan.rounds.unwrap_or(3);
    let source = Layers::new(bytes, 16);
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let file = folder.path().join("raw");
    let all: Vec<u8> =
        source.layers.iter().flat_map(|layer| bytemuck::cast_slice(&layer.data)).copied().collect();
    std::fs::write(&file, all).unwrap();
    let segment = serde_shm::to_shared(&peers::Ours::written(&source)).unwrap();
    let (mut times, mut memory) = (Vec::new(), Vec::new());
    for (way, name) in WAYS {
        let (mut time, mut own) = (Vec::new(), Vec::new());
        for count in counts {
            let from = if way == "map" { file.to_str().unwrap() } else { segment.id() };
            let runs: Vec<_> = (0..rounds).map(|_| at_once(*count, way, from)).collect();
            let column =
                |of: fn(&(f64, f64)) -> f64| median(&runs.iter().map(of).collect::<Vec<_>>());
            time.push((*count as f64, column(|run| run.0)));
            own.push((*count as f64, column(|run| run.1)));
        }
        times.push((name.to_owned(), time));
        memory.push((name.to_owned(), own));
    }
    (times, memory)
}

/// So many processes, which begin when all are there.
fn at_once(count: usize, way: &str, from: &str) -> (f64, f64) {
    let start = |_| {
        Command::new(std::env::current_exe().unwrap())
            .args(["reader", way, from])
            .stdin(Stdio::piped())
            .stdout(Stdio::piped())
            .spawn()
            .unwrap()
    };
    let mut children: Vec<Child> = (0..count).map(start).collect();
    let mut outs: Vec<_> =
        children.iter_mut().map(|child| BufReader::new(child.stdout.take().unwrap())).collect();
    let mut answer = |at: usize| {
        let mut line = String::new();
        outs[at].read_line(&mut line).unwrap();
        line.trim().parse::<f64>().unwrap()
    };
    for at in 0..count {
        answer(at);
    }
    let started = Instant::now();
    for child in &mut children {
        child.stdin.as_mut().unwrap().write_all(b"go\n").unwrap();
    }
    let memory = (0..count).map(&mut answer).sum();
    let time = started.elapsed().as_secs_f64() * 1e3;
    for child in &mut children {
        drop(child.stdin.take());
        assert!(child.wait().unwrap().success());
    }
    (time, memory)
}

/// In a child: reads when it is told to, and says what memory of its own that took, in MiB.
pub(crate) fn reader(way: &str, from: &str) {
    let before = own_memory();
    println!("0");
    std::io::stdin().lock().read_line(&mut String::new()).unwrap();
    let answer = || println!("{:.3}", (own_memory() - before).max(0.004));
    match way {
        "view" => {
            let segment = Segment::open(from).unwrap();
            let view: <Layers as peers::Ours>::View<'_> = segment.get().unwrap();
            std::hint::black_box(view.sum());
            answer();
        }
        "own" => {
            let owned: <Layers as peers::Ours>::Owned = serde_shm::from_shared(from).unwrap();
            std::hint::black_box(owned.sum());
            answer();
        }
        _ => {
            let map = peers::map(Path::new(from));
            std::hint::black_box(<f32 as Number>::sum(bytemuck::cast_slice(&map)));
            answer();
        }
    }
    std::io::stdin().read_to_end(&mut Vec::new()).unwrap();
}

/// Memory of this process that is in no file, in MiB.
fn own_memory() -> f64 {
    let status = std::fs::read_to_string("/proc/self/status").unwrap();
    let line = status.lines().find_map(|line| line.strip_prefix("RssAnon:")).unwrap();
    line.trim().trim_end_matches(" kB").parse::<f64>().unwrap() / 1024.0
}
