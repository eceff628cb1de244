//! Ctrl-C: a long command ends with what it has, or with nothing half-made.

use std::sync::atomic::{AtomicBool, Ordering};
use std::time::{Duration, Instant};

use crate::fault::{Fault, Result};

static STOPPED: AtomicBool = AtomicBool::new(false);
static LISTENS: AtomicBool = AtomicBool::new(false);

/// How soon a command that sleeps sees Ctrl-C.
const TICK: Duration = Duration::from_millis(20);

/// From now on Ctrl-C (and SIGTERM) does not end the process but is seen by [`is_asked`].
pub(crate) fn listen() -> Result<()> {
    if LISTENS.swap(true, Ordering::Relaxed) {
        return Ok(());
    }
    ctrlc::set_handler(|| {
        if STOPPED.swap(true, Ordering::Relaxed) {
            // Asked twice: the command does not look.
            std::process::exit(130);
        }
    })
    .map_err(|error| Fault::new(format_args!("cannot handle Ctrl-C: {error}")))
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
