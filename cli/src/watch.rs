//! `watch`: each new version of a named segment.

use std::io::Write;

use serde::Serialize;
use serde_shm::{ErrorKind, Segment};

use crate::args::Watch;
use crate::fault::{Fault, Result};
use crate::target;
use crate::term::{self, FAINT, Line, NAME, PLAIN, Screen};
use crate::tree::{self, Fold};
use crate::{inspect, stop};

/// What is said of a version.
#[derive(Serialize)]
struct Version<'a> {
    name: &'a str,
    number: u64,
    seen: String,
    bytes: u64,
    arrays: usize,
}

pub(crate) fn run(args: &Watch, screen: &mut Screen) -> Result<()> {
    let name = target::segment_name(&args.name)?;
    let mut segment = Segment::open_read_only(name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::new(target::no_segment(name)),
        _ => error.into(),
    })?;
    if segment.name().is_none() {
        return Err(Fault::new(format_args!(
            "{name}: expected a name, found an id, which always means the same segment"
        )));
    }
    stop::listen()?;
    let mut version = 0;
    loop {
        version += 1;
        say(args, name, &segment, version, screen)?;
        if args.count.is_some_and(|count| version >= count) {
            return Ok(());
        }
        // A segment that is gone may come again under the same name.
        while !segment.refresh()? {
            if !stop::sleep(args.interval.duration()) {
                return Ok(());
            }
        }
    }
}

fn say(
    args: &Watch,
    name: &str,
    segment: &Segment,
    version: u64,
    screen: &mut Screen,
) -> Result<()> {
    let now = jiff::Timestamp::now();
    let arrays = segment.arrays()?.len();
    if args.json {
        let version = Version {
            name,
            number: version,
            seen: now.to_string(),
            bytes: segment.len() as u64,
            arrays,
        };
        serde_json::to_writer(&mut *screen, &version)?;
        writeln!(screen)?;
    } else {
        let root = tree::of_value(&segment.value()?, "", Fold { parts: 1, bytes: 60, depth: 1 });
        let size = term::bytes(segment.len() as u64);
        let arrays = term::count(arrays as u64, "array");
        let line = Line::of(NAME, format_args!("#{version}"))
            .and(FAINT, format_args!(" {now:.0}"))
            .and(PLAIN, format_args!("  {size}  {arrays}  "));
        let line = inspect::describe(&root, line, screen.width);
        writeln!(screen, "{}", line.paint(screen.width, screen))?;
    }
    Ok(screen.flush()?)
}
