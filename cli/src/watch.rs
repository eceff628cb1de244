//! `watch`: each new version of a named segment.

use std::io::Write;

use serde::Serialize;
use serde_shm::{ErrorKind, Segment};

use crate::args::Watch;
use crate::fault::{Fault, Result};
use crate::target;
use crate::term::{self, FAINT, NAME, Screen};
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
    let mut segment = Segment::open_read_only(&args.name).map_err(|error| match error.kind() {
        ErrorKind::NotFound => Fault::new(target::no_segment(&args.name)),
        _ => error.into(),
    })?;
    if segment.name().is_none() {
        return Err(Fault::new(format_args!(
            "{}: expected a name, found an id, which always means the same segment",
            args.name
        )));
    }
    stop::listen()?;
    let mut version = 0;
    loop {
        version += 1;
        say(args, &segment, version, screen)?;
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

fn say(args: &Watch, segment: &Segment, version: u64, screen: &mut Screen) -> Result<()> {
    let now = jiff::Timestamp::now();
    let arrays = segment.arrays()?.len();
    if args.json {
        let version = Version {
            name: &args.name,
            number: version,
            seen: now.to_string(),
            bytes: segment.len() as u64,
            arrays,
        };
        serde_json::to_writer(&mut *screen, &version)?;
        writeln!(screen)?;
    } else {
        let root = tree::of_value(&segment.value()?, "", Fold { parts: 1, bytes: 60, depth: 1 });
        let root = inspect::describe(&root, screen);
        let (number, time) = (
            screen.paint(NAME, format_args!("#{version}")),
            screen.paint(FAINT, format_args!("{now:.0}")),
        );
        let size = term::bytes(segment.len() as u64);
        writeln!(screen, "{number} {time}  {size}  {arrays} arrays  {root}")?;
    }
    Ok(screen.flush()?)
}
