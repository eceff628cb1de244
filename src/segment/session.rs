//! The names that this process has published, for [`remove_session`](super::census::remove_session).

use std::path::{Path, PathBuf};
use std::sync::{Mutex, MutexGuard, TryLockError};
use std::time::{Duration, Instant};

use crate::os::Stamp;

/// How long a thread waits for the list. Another thread holds it only for a few instructions; but the process may be
/// forked at that moment, and its child would wait for ever.
const PATIENCE: Duration = Duration::from_secs(1);

/// A name that this process published.
#[derive(Clone, Debug)]
pub(super) struct Made {
    /// The directory that has the name.
    pub(super) dir: PathBuf,
    pub(super) name: String,
    pub(super) stamp: Stamp,
    /// The process that published the name. A forked child has a copy of the list, but is not the maker.
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

/// Adds a name, in the place of an earlier publication of this process under it.
pub(super) fn remember(dir: &Path, name: &str, stamp: Stamp) {
    if let Some(mut list) = list() {
        let maker = std::process::id();
        list.retain(|made| made.maker != maker || made.name != name || made.dir != dir);
        list.push(Made { dir: dir.to_owned(), name: name.to_owned(), stamp, maker });
    }
}

/// Takes a name off the list, if the list still has this publication.
pub(super) fn forget(dir: &Path, name: &str, stamp: Stamp) {
    if let Some(mut list) = list() {
        list.retain(|made| made.stamp != stamp || made.name != name || made.dir != dir);
    }
}

/// The publications on the list that this process made, without those of its parent.
pub(super) fn made_here() -> Vec<Made> {
    let maker = std::process::id();
    list().map_or_else(Vec::new, |list| {
        list.iter().filter(|made| made.maker == maker).cloned().collect()
    })
}
