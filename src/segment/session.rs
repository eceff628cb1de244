//! What this process has published, for [`remove_session`](super::census::remove_session).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::os::Stamp;

/// Nobody holds the list for longer than a few instructions; but a process can be forked just then, and its child
/// would wait for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// A name that this process gave.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// The directory in which the name is.
    pub(super) dir: PathBuf,
    pub(super) name: String,
    pub(super) stamp: Stamp,
    /// A forked child has a copy of the list, and is not the maker.
    maker: u32,
}

static MADE: Mutex<Vec<Made>> = Mutex::new(Vec::new());

fn list() -> Option<MutexGuard<'static, Vec<Made>>> {
    let started = Instant::now();
    loop {
        match MADE.try_lock() {
            Ok(list) => return Some(list),
            Err(TryLockError::Poisoned(list)) => return Some(list.into_inner()),
            Err(TryLockError::WouldBlock) if started.elapsed() < PATIENCE => {
                std::thread::yield_now();
            }
            Err(TryLockError::WouldBlock) => return None,
        }
    }
}

/// Adds a name, in the place of what this process published under it before.
pub(super) fn remember(dir: &Path, name: &str, stamp: Stamp) {
    if let Some(mut list) = list() {
        let maker = std::process::id();
        list.retain(|made| made.maker != maker || made.name != name || made.dir != dir);
        list.push(Made { dir: dir.to_owned(), name: name.to_owned(), stamp, maker });
    }
}

/// Takes a name off the list, if it is still this one.
pub(super) fn forget(dir: &Path, name: &str, stamp: Stamp) {
    if let Some(mut list) = list() {
        list.retain(|made| made.stamp != stamp || made.name != name || made.dir != dir);
    }
}

/// All that is on the list and was made by this process, and none of its parent.
pub(super) fn made_here() -> Vec<Made> {
    let maker = std::process::id();
    list().map_or_else(Vec::new, |list| {
        list.iter().filter(|made| made.maker == maker).cloned().collect()
    })
}
