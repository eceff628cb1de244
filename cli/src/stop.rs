//! Ctrl-C: a long command ends with what it has, or with nothing half-made.

use std::path::{Path, PathBuf};
use std::sync::atomic::{AtomicBool, Ordering};
use std::sync::{Mutex, MutexGuard, PoisonError};
use std::time::{Duration, Instant};

use crate::fault::{Fault, Result};

static STOPPED: AtomicBool = AtomicBool::new(false);
static LISTENS: AtomicBool = AtomicBool::new(false);

/// How soon a command that sleeps sees Ctrl-C.
const TICK: Duration = Duration::from_millis(20);

/// How long a second Ctrl-C waits for what the first one began.
const GRACE: Duration = Duration::from_millis(300);

/// From now on Ctrl-C (and SIGTERM) does not end the process but is seen by [`is_asked`].
pub(crate) fn listen() -> Result<()> {
    if LISTENS.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    ctrlc::set_handler(|| {
        if STOPPED.swap(true, Ordering::Relaxed) {
            // Asked twice. A command that saw the first one takes its draft away meanwhile.
            std::thread::sleep(GRACE);
            if let Some(draft) = &*draft() {
                let _ = std::fs::remove_file(draft);
            }
            std::process::exit(130);
        }
    })
    .map_err(|error| Fault::new(format_args!("cannot handle Ctrl-C: {error}")))
}

/// A file to be removed if a second Ctrl-C ends the tool.
static DRAFT: Mutex<Option<PathBuf>> = Mutex::new(None);

fn draft() -> MutexGuard<'static, Option<PathBuf>> {
    DRAFT.lock().unwrap_or_else(PoisonError::into_inner)
}

pub(crate) fn remove_at_exit(file: Option<&Path>) {
    *draft() = file.map(Path::to_owned);
}

pub(crate) fn is_asked() -> bool {
    STOPPED.load(Ordering::Relaxed)
}

/// Sleeps for this long, or until Ctrl-C. Returns whether to go on.
pub(crate) fn sleep(duration: Duration) -> bool {
    let end = Instant::now() + duration;
    while !is_asked() {
        let left = end.saturating_duration_since(Instant::now());
        if left.is_zero() {
            return true;
        }
        std::thread::sleep(left.min(TICK));
    }
    false
}
