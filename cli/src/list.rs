//! `ls`, `rm`, `gc` and `free`: the segments that this user has published.

use std::io::Write;
use std::time::SystemTime;

use anstyle::Style;
use comfy_table::presets::NOTHING;
use comfy_table::{Cell, CellAlignment, ContentArrangement, Table};
use jiff::{SignedDuration, SpanRound, Unit};
use procfs::{Current, Meminfo};
use serde::Serialize;
use serde_shm::segments::{self, SegmentInfo};
use serde_shm::{ErrorKind, Segment};

use crate::args::{Free, Gc, Ls, Rm};
use crate::fault::{Fault, Result};
use crate::stop;
use crate::target;
use crate::term::{self, ALARM, FAINT, GOOD, NAME, Screen};

/// Persistent segments of more bytes are not read to be listed.
const READ_WHOLE: u64 = 16 << 20;

/// What is told of a segment.
#[derive(Serialize)]
struct Row {
    name: String,
    bytes: u64,
    age_seconds: u64,
    /// `None` for a persistent segment.
    pid: Option<u32>,
    alive: bool,
    persistent: bool,
    /// `None` where the segment cannot be opened, or would have to be read whole.
    arrays: Option<usize>,
    live_arrays: u64,
}

impl Row {
    fn new(info: &SegmentInfo) -> Self {
        let age = SystemTime::now().duration_since(info.created()).unwrap_or_default();
        // A persistent segment is read whole when it is opened.
        let is_cheap = info.is_alive() && (!info.is_persistent() || info.byte_len() <= READ_WHOLE);
        let open = || Segment::open_read_only(info.name())?.arrays();
        Row {
            name: info.name().to_owned(),
            bytes: info.byte_len(),
            age_seconds: age.as_secs(),
            pid: info.pid(),
            alive: info.is_alive(),
            persistent: info.is_persistent(),
            arrays: is_cheap.then(open).and_then(|arrays| Some(arrays.ok()?.len())),
            live_arrays: info.live_arrays(),
        }
    }

    /// Who made it, and the word on that in its style.
    fn maker(&self) -> (String, &'static str, Style) {
        match self.pid {
            None => ("persistent".to_owned(), "persistent", FAINT),
            Some(pid) if self.alive => (format!("{pid} lives"), "lives", GOOD),
            Some(pid) => (format!("{pid} died"), "died", ALARM),
        }
    }

    fn state(&self) -> String {
        match self.live_arrays {
            0 => "frozen".to_owned(),
            count => format!("{count} live"),
        }
    }
}

pub(crate) fn ls(args: &Ls, screen: &mut Screen) -> Result<()> {
    if !args.watch {
        return list_once(args, screen);
    }
    stop::listen()?;
    loop {
        screen.clear()?;
        list_once(args, screen)?;
        screen.flush()?;
        if !stop::sleep(args.interval.duration()) {
            return Ok(());
        }
    }
}

fn list_once(args: &Ls, screen: &mut Screen) -> Result<()> {
    let rows: Vec<Row> = segments::list()?.iter().map(Row::new).collect();
    if args.json {
        serde_json::to_writer(&mut *screen, &rows)?;
        return Ok(writeln!(screen)?);
    }
    let mut table = Table::new();
    table.load_style(NOTHING);
    table.set_content_arrangement(ContentArrangement::Disabled);
    table.set_header(["NAME", "SIZE", "AGE", "MAKER", "ARRAYS", "STATE"]);
    let room = screen.width.saturating_sub(60).max(16);
    let names: Vec<String> =
        rows.iter().map(|row| term::cut(&term::name(&row.name), room)).collect();
    for (row, name) in rows.iter().zip(&names) {
        table.add_row([
            Cell::new(name),
            Cell::new(term::bytes(row.bytes)).set_alignment(CellAlignment::Right),
            Cell::new(age(row.age_seconds)).set_alignment(CellAlignment::Right),
            Cell::new(row.maker().0),
            Cell::new(row.arrays.map_or_else(|| "?".to_owned(), |count| count.to_string()))
                .set_alignment(CellAlignment::Right),
            Cell::new(row.state()),
        ]);
    }
    // The table takes what makes colours for letters, so its words get their styles when it is set.
    let table = table.trim_fmt();
    let mut lines = table.lines();
    if let Some(header) = lines.next() {
        writeln!(screen, "{header}")?;
    }
    for (line, (row, name)) in lines.zip(rows.iter().zip(&names)) {
        let (_, word, style) = row.maker();
        let (before, rest) = line.split_once(name.as_str()).unwrap_or(("", line));
        let rest = rest.replacen(word, &screen.paint(style, word), 1);
        writeln!(screen, "{before}{}{rest}", screen.paint(NAME, name))?;
    }
    Ok(())
}

/// An age in its two largest units: `3d 2h`.
fn age(seconds: u64) -> String {
    let seconds = i64::try_from(seconds).unwrap_or(i64::MAX);
    let smallest = match seconds {
        ..3600 => Unit::Second,
        3600..86400 => Unit::Minute,
        _ => Unit::Hour,
    };
    let round = SpanRound::new().largest(Unit::Day).smallest(smallest).days_are_24_hours();
    let span = jiff::Span::try_from(SignedDuration::from_secs(seconds));
    match span.and_then(|span| span.round(round)) {
        Ok(span) => format!("{span:#}"),
        Err(_) => format!("{seconds}s"),
    }
}

pub(crate) fn rm(args: &Rm, screen: &mut Screen) -> Result<()> {
    let mut faults = Vec::new();
    for name in &args.names {
        let Ok(name) =
            target::segment_name(name).inspect_err(|fault| faults.push(fault.to_string()))
        else {
            continue;
        };
        match segments::remove(name) {
            Ok(true) => writeln!(screen, "removed {name}")?,
            Ok(false) => faults.push(target::no_segment(name)),
            Err(error) if error.kind() == ErrorKind::InvalidInput && name.contains(':') => {
                faults.push(format!("{name}: expected a name, found an id, which nobody can remove: the segment is freed with its last user"));
            }
            Err(error) => faults.push(format!("{error:#}")),
        }
    }
    if faults.is_empty() { Ok(()) } else { Err(Fault::new(faults.join("; "))) }
}

pub(crate) fn gc(args: &Gc, screen: &mut Screen) -> Result<()> {
    let dead: Vec<_> = segments::list()?.into_iter().filter(|info| !info.is_alive()).collect();
    if args.dry_run {
        for info in &dead {
            let pid = info.pid().map_or_else(String::new, |pid| format!(" (maker {pid} died)"));
            writeln!(screen, "would remove {}{pid}", info.name())?;
        }
        return Ok(writeln!(screen, "{} to be removed", term::count(dead.len() as u64, "name"))?);
    }
    let count = segments::reap()?;
    Ok(writeln!(screen, "{} removed", term::count(count as u64, "name"))?)
}

/// What shared memory is used and left.
#[derive(Serialize)]
struct Memory {
    segments: usize,
    persistent_segments: usize,
    segment_bytes: u64,
    persistent_bytes: u64,
    machine_shared_bytes: Option<u64>,
    available_bytes: Option<u64>,
    swap_free_bytes: u64,
    dev_shm_bytes: Option<u64>,
    dev_shm_free_bytes: Option<u64>,
}

pub(crate) fn free(args: &Free, screen: &mut Screen) -> Result<()> {
    let all = segments::list()?;
    let some = |persistent| {
        all.iter().filter(move |info| info.is_alive() && info.is_persistent() == persistent)
    };
    let memory_of = |persistent| some(persistent).map(SegmentInfo::byte_len).sum();
    let count_of = |persistent| some(persistent).count();
    let system = Meminfo::current()
        .map_err(|error| Fault::new(format_args!("/proc/meminfo: cannot be read: {error}")))?;
    let device = rustix::fs::statvfs("/dev/shm").ok();
    let memory = Memory {
        segments: count_of(false),
        persistent_segments: count_of(true),
        segment_bytes: memory_of(false),
        persistent_bytes: memory_of(true),
        machine_shared_bytes: system.shmem,
        available_bytes: system.mem_available,
        swap_free_bytes: system.swap_free,
        dev_shm_bytes: device
            .as_ref()
            .map(|device| device.f_blocks.saturating_mul(device.f_frsize)),
        dev_shm_free_bytes: device
            .as_ref()
            .map(|device| device.f_bavail.saturating_mul(device.f_frsize)),
    };
    if args.json {
        serde_json::to_writer(&mut *screen, &memory)?;
        return Ok(writeln!(screen)?);
    }
    let known = |bytes: Option<u64>| bytes.map_or_else(|| "unknown".to_owned(), term::bytes);
    let lines = [
        ("named segments", format!("{} in {}", term::bytes(memory.segment_bytes), memory.segments)),
        (
            "persistent segments",
            format!("{} in {}", term::bytes(memory.persistent_bytes), memory.persistent_segments),
        ),
        ("shared memory of all programs", known(memory.machine_shared_bytes)),
        ("memory left", known(memory.available_bytes)),
        ("swap left", term::bytes(memory.swap_free_bytes)),
        (
            "/dev/shm left",
            format!("{} of {}", known(memory.dev_shm_free_bytes), known(memory.dev_shm_bytes)),
        ),
    ];
    for (what, text) in lines {
        writeln!(screen, "{what:<30} {text}")?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::age;

    #[test]
    fn an_age_has_at_most_two_units() {
        assert_eq!(age(0), "0s");
        assert_eq!(age(59), "59s");
        assert_eq!(age(3599), "59m 59s");
        assert_eq!(age(2 * 3600 + 59), "2h 1m");
        assert_eq!(age(3 * 86400 + 7200), "3d 2h");
    }
}
