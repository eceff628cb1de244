//! Tells whether the process is still alive that a file names as its maker.

use std::collections::HashMap;
use std::fs::File;
use std::io;

use crate::os;

use super::entry::Entry;
use super::id::Nonce;

/// Where a segment's header has its nonce (docs/FORMAT.md).
const NONCE_AT: u64 = 16;

/// A process, and the descriptor that it keeps open for as long as it is the maker.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) struct Maker {
    pub(super) process: u32,
    pub(super) descriptor: u32,
    /// The PID namespace in which these numbers are valid, and the start time of that process. Both are as `os` gives
    /// them, and zero if they are not known.
    pub(super) namespace: u64,
    pub(super) started: u64,
}

impl Maker {
    /// This process, with this descriptor.
    pub(super) fn here(descriptor: u32) -> Self {
        let process = std::process::id();
        let namespace = os::process_namespace().unwrap_or(0);
        let started = os::started(process).unwrap_or(0);
        Maker { process, descriptor, namespace, started }
    }
}

/// Answers whether makers live, for one look at a folder. It remembers what it found out about processes.
#[derive(Default)]
pub(super) struct Witness {
    namespace: Option<u64>,
    /// Whether `/proc` shows the processes of that namespace.
    can_look: Option<bool>,
    started: HashMap<u32, Started>,
    /// Whether it also checks the descriptor of a process that is still there.
    looks_closer: bool,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum Started {
    At(u64),
    /// There is no such process.
    Never,
    /// This process cannot find out.
    Unknown,
}

impl Witness {
    /// A witness that notices a process that is just ending. The kernel frees the lock only after it has freed the
    /// memory, which takes a tenth of a second for a gigabyte. Costs a look at the descriptor of each maker.
    pub(super) fn of_one() -> Self {
        Witness { looks_closer: true, ..Witness::default() }
    }

    /// Whether the name is in use. The caller has locked the folder, so that the lock which this function takes for a
    /// moment is in no other process's way.
    ///
    /// If this process can take the entry's lock, the name is free, whatever the process numbers say. If it cannot, the
    /// holder may be a child that the maker forked: both then have the lock, and the kernel frees it with the last of
    /// them. So the maker itself must be there, too. It counts as gone only on evidence: in this PID namespace there is
    /// no process of that number, or the process's descriptor is not the segment.
    pub(super) fn is_alive(&mut self, file: &File, entry: &Entry) -> io::Result<bool> {
        Ok(!os::try_lock(file)?
            && !self.is_gone(&entry.maker(), |file| has_nonce(file, entry.id.nonce)))
    }

    /// Whether there is evidence that a process is gone, or that its descriptor no longer stands for its file. `is_it`
    /// recognises the file.
    pub(super) fn is_gone(&mut self, maker: &Maker, is_it: impl Fn(&File) -> bool) -> bool {
        let here = *self.namespace.get_or_insert_with(|| os::process_namespace().unwrap_or(0));
        if here == 0 || maker.namespace != here {
            return false;
        }
        let process = maker.process;
        match *self.started.entry(process).or_insert_with(|| started(process)) {
            Started::At(time) if time == maker.started && !self.looks_closer => false,
            Started::Never => true,
            // The process is ending, another process has its number by now, or the time was counted in another time
            // namespace.
            Started::At(_) | Started::Unknown => {
                *self.can_look.get_or_insert_with(os::proc_is_own) && !may_hold(maker, is_it)
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

/// False only if the process can be looked at and its descriptor stands for something else, or if there is no such
/// process. The process may end between two questions, so the answer to the first does not hold for the second.
fn may_hold(maker: &Maker, is_it: impl Fn(&File) -> bool) -> bool {
    match os::open_descriptor(maker.process, maker.descriptor) {
        Ok(file) => is_it(&file),
        Err(error) => {
            let is_closed =
                error.kind() == io::ErrorKind::NotFound && os::process_is_shown(maker.process);
            !is_closed && os::process_exists(maker.process)
        }
    }
}

fn has_nonce(file: &File, nonce: Nonce) -> bool {
    let mut found = Nonce::default();
    os::read_at(file, &mut found, NONCE_AT).is_ok() && found == nonce
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;

    /// A process that waited for its turn saw that the maker was ending, and made the object. Then the maker was gone
    /// between two questions. That must not be taken for a process that `/proc` hides, or the name counts as in use and a
    /// second process makes the object.
    #[test]
    fn a_process_that_ends_between_two_questions_is_gone() {
        let mut child = std::process::Command::new("true").spawn().unwrap();
        let (process, started) = (child.id(), Started::At(7));
        child.wait().unwrap();
        let maker = Maker { process, descriptor: 3, started: 7, ..Maker::here(3) };
        let mut witness = Witness::of_one();
        witness.started.insert(process, started);
        assert!(witness.is_gone(&maker, |_| true));
    }
}
