//! Tables as text, in a file whose sections are replaced one by one.

use std::fmt::Write as _;
use std::path::Path;
use std::process::Command;

use crate::harness::{Figures, Table};

const HEAD: &str = "\
# What was measured

Written by `cargo run --profile bench -p serde_shm_rivals`; [COMPARE.md](../COMPARE.md) says what each rival is for.

- All peers of a table ran in turns, in one process, in an order that rotates. The first row is the yardstick, and it ran in every
  round: one `pwrite` for each array into a new file, a mapping of that file, and, for owned values, one read of the file. Many
  small arrays, and the fields of structs, lie in columns for it: it is a floor, and no format. Where an object is no columns (a
  log, a mesh, saved games, updates of a game, events, trees) it is the bytes that postcard makes of it, and reading is reading
  these bytes.
- safetensors and the crates for `.npz` files have arrays alone: texts are two arrays there, and structs are columns. bitcode has no
  trees: its derive takes no type that contains itself.
- Times are milliseconds of this process's processor time: the median of the rounds, and the least one in parentheses. What takes less
  than 5 ms was repeated 7 times in each round, and the median of these counts. The ratio is to the yardstick of the same round, and
  the median of the rounds.
- \"Attach\" ends where all of the object can be looked at: views if the peer has them, and otherwise owned values. \"Attach and sum\" adds a
  pass over all numbers and all texts. \"As owned\" is what a peer without views attaches to. Letting go is not counted.
- Files were on tmpfs, in pages of 4 KiB, new ones for each write; the table of the disk says so.
- Compare rows within a table only. Other programs ran on the machine meanwhile, so differences of some per cent are noise.
";

/// Puts a section into the file in place of the one with the same name, or at the end.
pub(crate) fn put(file: &Path, id: &str, section: &str) {
    let old = std::fs::read_to_string(file).unwrap_or_default();
    let (begin, end) = (format!("<!-- {id} -->\n"), format!("<!-- end of {id} -->\n"));
    let section = format!("{begin}{}\n{end}", section.trim_end());
    let body = old.find("\n<!-- ").map_or("", |at| &old[at + 1..]);
    let body = match (body.find(&begin), body.find(&end)) {
        (Some(from), Some(to)) => {
            format!("{}{section}{}", &body[..from], &body[to + end.len()..])
        }
        _ if body.is_empty() => section,
        _ => format!("{body}\n{section}"),
    };
    std::fs::write(file, format!("{HEAD}\n{body}")).unwrap();
}

/// A plot, for the page's own colours.
pub(crate) fn picture(id: &str, what: &str) -> String {
    format!(
        "<picture>\n  <source media=\"(prefers-color-scheme: dark)\" srcset=\"{id}-dark.svg\">\n  \
         <img alt=\"{what}\" src=\"{id}-light.svg\">\n</picture>\n"
    )
}

/// Three digits that count.
pub(crate) fn digits(value: f64) -> String {
    match value {
        value if value >= 100.0 => format!("{value:.0}"),
        value if value >= 10.0 => format!("{value:.1}"),
        value if value >= 1.0 => format!("{value:.2}"),
        value if value >= 0.001 => format!("{value:.3}"),
        _ => "0.000".to_owned(),
    }
}

pub(crate) fn of_table(table: &Table) -> String {
    let (title, plot) = (&table.title, picture(table.id, &table.title));
    let mut text =
        format!("## {title}\n\n{} rounds, on {}, {}.\n\n{plot}\n", table.rounds, today(), load());
    text += "| | write | ratio | attach | ratio | attach and sum | ratio | as owned | ratio | bytes |\n";
    text += "|---|---|---|---|---|---|---|---|---|---|\n";
    for row in &table.rows {
        write!(text, "| {} |", row.name).unwrap();
        for figures in &row.figures {
            match figures {
                Some(Figures { cpu: (median, least), ratio, .. }) => {
                    let ratio = if ratio.is_nan() { String::new() } else { digits(*ratio) };
                    write!(text, " {} ({}) | {ratio} |", digits(*median), digits(*least)).unwrap();
                }
                None => text += " | |",
            }
        }
        writeln!(text, " {} |", digits(row.bytes as f64 / table.content as f64)).unwrap();
    }
    text +=
        "\nBytes are against those of the content alone. The same in milliseconds of the wall:\n\n";
    text += "| | write | attach | attach and sum | as owned |\n|---|---|---|---|---|\n";
    for row in &table.rows {
        write!(text, "| {} |", row.name).unwrap();
        for figures in &row.figures {
            let cell = figures
                .map(|figures| format!("{} ({})", digits(figures.wall.0), digits(figures.wall.1)));
            write!(text, " {} |", cell.unwrap_or_default()).unwrap();
        }
        text.push('\n');
    }
    text
}

/// The machine, the kernel, the compiler and the versions of the peers.
pub(crate) fn machine() -> String {
    let kernel = rustix::system::uname();
    let model = std::fs::read_to_string("/proc/cpuinfo").unwrap_or_default();
    let model = model.lines().find_map(|line| line.strip_prefix("model name")).unwrap_or("");
    let cores = std::thread::available_parallelism().map_or(0, usize::from);
    let memory = std::fs::read_to_string("/proc/meminfo").unwrap_or_default();
    let memory = memory.lines().find_map(|line| line.strip_prefix("MemTotal:")).unwrap_or("0");
    let memory = memory.trim().trim_end_matches(" kB").parse::<f64>().unwrap_or(0.0) / 1_048_576.0;
    let compiler = Command::new("rustc").arg("--version").output().ok();
    let compiler = compiler.map(|out| String::from_utf8_lossy(&out.stdout).trim().to_owned());
    format!(
        "## The machine\n\n{}; {cores} cores, shared with other programs; {memory:.0} GiB; \
         Linux {}; {}; {}.\n\n{}.\n",
        model.trim_matches([' ', '\t', ':']),
        kernel.release().to_string_lossy(),
        compiler.as_deref().unwrap_or("rustc is not on the path"),
        today(),
        versions()
    )
}

/// Of the peers, as the lock file has them.
fn versions() -> String {
    const LOCK: &str = include_str!("../../../Cargo.lock");
    const PEERS: &[&str] = &[
        "serde_shm",
        "rkyv",
        "epserde",
        "safetensors",
        "mmap-sync",
        "ndarray-npy",
        "npyz",
        "postcard",
        "bincode",
        "bitcode",
        "wincode",
        "rmp-serde",
    ];
    let version = |name: &&str| {
        let found = LOCK.split("[[package]]").filter_map(|package| {
            let mut values = package.lines().filter_map(|line| line.split_once(" = "));
            let is_it = values.next()?.1.trim_matches('"') == *name;
            is_it.then(|| values.next().unwrap().1.trim_matches('"'))
        });
        format!("{name} {}", found.collect::<Vec<_>>().join(" and "))
    };
    PEERS.iter().map(version).collect::<Vec<_>>().join(", ")
}

/// How much ran, this program included.
pub(crate) fn load() -> String {
    let load = std::fs::read_to_string("/proc/loadavg").unwrap_or_default();
    format!("load {}", load.split(' ').next().unwrap_or_default())
}

/// The date in UTC.
pub(crate) fn today() -> String {
    let seconds = std::time::SystemTime::now().duration_since(std::time::UNIX_EPOCH).unwrap();
    let (mut day, mut year) = (seconds.as_secs() / 86_400, 1970);
    let is_leap =
        |year: u64| year.is_multiple_of(4) && !year.is_multiple_of(100) || year.is_multiple_of(400);
    while day >= 365 + u64::from(is_leap(year)) {
        day -= 365 + u64::from(is_leap(year));
        year += 1;
    }
    let months = [31, 28 + u64::from(is_leap(year)), 31, 30, 31, 30, 31, 31, 30, 31, 30, 31];
    let mut month = 0;
    while day >= months[month] {
        day -= months[month];
        month += 1;
    }
    format!("{year}-{:02}-{:02}", month + 1, day + 1)
}
