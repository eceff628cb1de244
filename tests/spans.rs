//! Spans of `tracing`: what makes, opens, reads and saves a container says so, and a worker says which job it does.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

use std::fmt::{Debug, Write};
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, Mutex, MutexGuard, PoisonError};

use serde_shm::workers::{self, Outcome, Pool, Task};
use serde_shm::{Npz, Segment, SegmentOptions, to_npz};
use tracing::field::{Field, Visit};
use tracing::span::{Attributes, Id, Record};
use tracing::{Event, Level, Metadata, Subscriber};

/// Writes a line for each span that is entered: how deep it lies, its name and its fields.
#[derive(Clone, Default)]
struct Lines(Arc<Inner>);

#[derive(Default)]
struct Inner {
    next: AtomicU64,
    spans: Mutex<Vec<String>>,
    depth: AtomicU64,
    lines: Mutex<Vec<String>>,
    /// Where lines go besides: a worker's to its standard error.
    is_worker: bool,
}

impl Lines {
    fn take(&self) -> Vec<String> {
        std::mem::take(&mut self.0.lines.lock().unwrap())
    }
}

struct Text(String);

impl Visit for Text {
    fn record_debug(&mut self, field: &Field, value: &dyn Debug) {
        write!(self.0, " {field}={value:?}").unwrap();
    }
}

impl Subscriber for Lines {
    fn enabled(&self, metadata: &Metadata<'_>) -> bool {
        assert_eq!(*metadata.level(), Level::DEBUG);
        metadata.target() == "serde_shm" && metadata.is_span()
    }

    fn new_span(&self, span: &Attributes<'_>) -> Id {
        let mut text = Text(span.metadata().name().to_owned());
        span.record(&mut text);
        self.0.spans.lock().unwrap().push(text.0);
        Id::from_u64(self.0.next.fetch_add(1, Ordering::Relaxed) + 1)
    }

    fn enter(&self, span: &Id) {
        let depth = self.0.depth.fetch_add(1, Ordering::Relaxed) as usize;
        let text = &self.0.spans.lock().unwrap()[span.into_u64() as usize - 1];
        let line = format!("{}{text}", "> ".repeat(depth));
        if self.0.is_worker {
            eprintln!("{line}");
        }
        self.0.lines.lock().unwrap().push(line);
    }

    fn exit(&self, _: &Id) {
        self.0.depth.fetch_sub(1, Ordering::Relaxed);
    }

    fn record(&self, _: &Id, _: &Record<'_>) {}
    fn record_follows_from(&self, _: &Id, _: &Id) {}
    fn event(&self, _: &Event<'_>) {}
}

/// Held by each test. `tracing` remembers for the whole process whether anybody wants a span, and asks the thread that meets the span
/// first: a test without a subscriber would answer for the one beside it.
static ALONE: Mutex<()> = Mutex::new(());

fn alone() -> MutexGuard<'static, ()> {
    ALONE.lock().unwrap_or_else(PoisonError::into_inner)
}

#[test]
fn containers_say_what_is_done_with_them() {
    let _alone = alone();
    let (lines, folder) = (Lines::default(), tempfile::tempdir().unwrap());
    let path = folder.path().join("a.npz");
    let shown = path.display();
    tracing::subscriber::with_default(lines.clone(), || {
        let segment = serde_shm::to_shared(&7_u8).unwrap();
        let id = segment.id().to_owned();
        assert_eq!(lines.take(), ["create"]);
        Segment::open(&id).unwrap().get::<u8>().unwrap();
        assert_eq!(lines.take(), [format!("open name={id:?}"), "get value=\"u8\"".into()]);
        let named = SegmentOptions::new().name("spans-a").create(&7_u8).unwrap();
        assert_eq!(lines.take(), ["create name=spans-a"]);
        assert!(Segment::open("spans-b").is_err());
        assert_eq!(lines.take(), ["open name=\"spans-b\""]);
        drop(named);

        to_npz(&path, &[1, 2]).unwrap();
        assert_eq!(lines.take(), [format!("save path={shown}")]);
        serde_shm::from_npz::<[u8; 2]>(&path).unwrap();
        let open = format!("> open path={shown}");
        assert_eq!(
            lines.take(),
            [format!("load path={shown}"), open, "> get value=\"[u8; 2]\"".into()]
        );
        Npz::open(&path).unwrap();
        assert_eq!(lines.take(), [format!("open path={shown}")]);
    });
    serde_shm::to_shared(&7_u8).unwrap();
    assert!(lines.take().is_empty(), "nobody listens");
}

const HALF: Task<u8, u32, u32> = Task::new("half", half);

#[allow(clippy::trivially_copy_pass_by_ref, clippy::unnecessary_wraps)] // As tasks are.
fn half(_: &u8, number: u32) -> Outcome<u32> {
    Ok(number / 2)
}

#[test]
fn workers_say_which_job_they_do() {
    if std::env::var_os("SPANS_WORKER").is_some() {
        let lines = Lines(Arc::new(Inner { is_worker: true, ..Inner::default() }));
        tracing::subscriber::set_global_default(lines).unwrap();
    }
    workers::serve(&[&HALF]);
    let _alone = alone();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("said");
    let mut command = workers::test_command("workers_say_which_job_they_do").unwrap();
    command.env("SPANS_WORKER", "1").stderr(std::fs::File::create(&path).unwrap());
    let segment = serde_shm::to_shared(&7_u8).unwrap();
    let mut pool = Pool::new(&segment).unwrap().processes(1).command(command);
    let all: Vec<u32> = pool.map(&HALF, 0..3).map(Result::unwrap).collect();
    assert_eq!(all, [0, 0, 1]);
    drop(pool);
    let said = std::fs::read_to_string(path).unwrap();
    for number in 0..3 {
        assert!(said.contains(&format!("job task=\"half\" number={number}\n")), "{said}");
    }
}
