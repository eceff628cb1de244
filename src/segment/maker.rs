//! Whether the maker of an entry lives.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use crate::os;

use super::entry::Entry;
use super::id::{Nonce, SegmentId};

/// Where a segment's header has its nonce (docs/FORMAT.md).
const NONCE_AT: u64 = 16;

/// Answers for one look at a folder, and remembers what it has asked of processes.
#[derive(Default)]
pub(super) struct Witness {
    namespace: Option<u64>,
    /// Whether `/proc` shows the processes of that namespace.
    can_look: Option<bool>,
    started: HashMap<u32, Started>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Started {
    At(u64),
    /// There is no such process.
    Never,
    /// It cannot be told.
    Unknown,
}

impl Witness {
    /// Whether the name is in use. The folder is locked, so that this question is nobody else's obstacle.
    ///
    /// Where the entry's lock can be had it is not, whatever process numbers say. Where it is held, a child that the
    /// maker forked may hold it: the kernel gives the lock to both, and takes it back from the last. So the maker
    /// itself must be there, too. It is taken for gone only on evidence: in this PID namespace there is no process of
    /// that number, or one whose descriptor is not the segment.
    pub(super) fn is_alive(&mut self, file: &File, entry: &Entry) -> io::Result<bool> {
        Ok(!os::try_lock(file)? && !self.maker_is_gone(entry))
    }

    fn maker_is_gone(&mut self, entry: &Entry) -> bool {
        let here = *self.namespace.get_or_insert_with(|| os::process_namespace().unwrap_or(0));
        if here == 0 || entry.namespace != here {
            return false;
        }
        let process = entry.id.process;
        match *self.started.entry(process).or_insert_with(|| started(process)) {
            Started::At(time) if time == entry.started => false,
            Started::Never => true,
            // Another process has the number by now, or another time namespace counts otherwise.
            Started::At(_) | Started::Unknown => {
                *self.can_look.get_or_insert_with(os::proc_is_own) && !may_hold(&entry.id)
            }
        }
    }
}

fn started(process: u32) -> Started {
    match os::started(process) {
        Ok(time) => Started::At(time),
        Err(error) if error.kind() == io::ErrorKind::NotFound && !os::process_exists(process) => {
            Started::Never
        }
        Err(_) => Started::Unknown,
    }
}

/// False only if the process can be looked at and its descriptor is not the segment.
fn may_hold(id: &SegmentId) -> bool {
    match os::open_descriptor(id.process, id.descriptor) {
        Ok(file) => {
            let mut nonce = Nonce::default();
            os::read_at(&file, &mut nonce, NONCE_AT).is_ok() && nonce == id.nonce
        }
        Err(error) if error.kind() == io::ErrorKind::NotFound => !os::process_is_shown(id.process),
        Err(_) => true,
    }
}
