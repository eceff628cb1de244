//! The holders of a live memory's locks, and whether they are alive.
//!
//! Each handle of a memory takes a slot when it first uses a lock. A slot is a number. Its holder keeps one byte of the file
//! locked by an open file description of its own, so that the kernel frees the byte when the process ends, in whatever way. A
//! waiter checks whether the holder's byte is still locked, and takes the lock back if it is not.
//!
//! Taking a slot and taking a lock back both require the byte behind those of the slots. So nobody can get the slot of a dead
//! holder while another process is still taking that holder's locks away.

use std::fs::File;
use std::sync::atomic::Ordering;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};
use std::time::{Duration, Instant};

use crate::error::{Error, ErrorKind, Result};
use crate::os;

use super::control::{Control, LiveMemory};
use super::layout::MAX_HOLDERS;
use super::lock::{self, LockWords, OWNER, Table};

/// The byte that a process locks to change which slot belongs to whom.
const CHANGES: u64 = MAX_HOLDERS as u64;

/// How long a process waits for that byte. Others hold it for microseconds.
const PATIENCE: Duration = Duration::from_secs(1);

pub(super) struct Holders {
    file: Arc<File>,
    /// Whether elements may be changed.
    writable: bool,
    first: Seat,
}

/// The slot of one process, and behind it those of its forked children. A child finds its parent's slot first, and takes one
/// of its own behind it. It cannot use the parent's, because the kernel does not free that one when the child dies.
struct Seat {
    process: u64,
    taking: Mutex<()>,
    member: OnceLock<OwnSlot>,
    next: OnceLock<Box<Seat>>,
}

/// A slot of this process.
struct OwnSlot {
    slot: u32,
    process: u64,
    /// The open file description that holds the byte's lock. Only forked children can also have it.
    file: File,
    /// The threads share the description, so the file's locks do not exclude one another among them.
    changing: Mutex<()>,
    /// The elements, if this process is a forked child, which cannot access its parent's mapping.
    elements: Option<LiveMemory>,
}

impl Holders {
    pub(super) fn new(file: Arc<File>, writable: bool) -> Self {
        Holders { file, writable, first: Seat::new(os::process_stamp()) }
    }

    fn seat(&self) -> &Seat {
        let process = os::process_stamp();
        let mut seat = &self.first;
        while seat.process != process {
            seat = seat.next.get_or_init(|| Box::new(Seat::new(process)));
        }
        seat
    }

    fn member(&self, control: &Control) -> Result<&OwnSlot> {
        let seat = self.seat();
        match seat.member.get() {
            Some(member) => Ok(member),
            None => self.take(seat, control),
        }
    }

    #[cold]
    fn take<'a>(&self, seat: &'a Seat, control: &Control) -> Result<&'a OwnSlot> {
        let _taking = seat.taking.lock().unwrap_or_else(PoisonError::into_inner);
        if let Some(member) = seat.member.get() {
            return Ok(member);
        }
        let elements = if std::ptr::eq(seat, &raw const self.first) {
            None
        } else {
            let len = usize::try_from(control.layout().start()).unwrap_or(usize::MAX);
            let map = os::LiveMap::new_own(&self.file, 0, len, self.writable);
            let failed = |e| Error::io("cannot map the live arrays in a forked child", e);
            Some(LiveMemory::Map(map.map_err(failed)?))
        };
        let member = join(&self.file, control, elements)?;
        Ok(seat.member.get_or_init(|| member))
    }
}

impl Seat {
    fn new(process: u64) -> Self {
        Seat { process, taking: Mutex::new(()), member: OnceLock::new(), next: OnceLock::new() }
    }
}

/// Takes the first free slot.
fn join(file: &File, control: &Control, elements: Option<LiveMemory>) -> Result<OwnSlot> {
    let file = os::reopen_live(file).map_err(|error| {
        Error::io(
            "cannot open the memory of the live arrays anew, which a lock needs \
             (through /proc/self/fd, for reading and writing)",
            error,
        )
    })?;
    let failed = |error| Error::io("cannot lock a byte of the live arrays' memory", error);
    let until = Instant::now() + PATIENCE;
    while !os::try_lock_byte(&file, CHANGES).map_err(failed)? {
        if Instant::now() > until {
            return Err(Error::io(
                "another process has been changing who uses the locks for over a second",
                std::io::Error::from(std::io::ErrorKind::TimedOut),
            ));
        }
        std::thread::sleep(Duration::from_micros(50));
    }
    // If anything below fails, the file is closed, and that frees its bytes.
    let mut slot = 0;
    while slot < MAX_HOLDERS && !os::try_lock_byte(&file, slot.into()).map_err(failed)? {
        slot += 1;
    }
    if slot == MAX_HOLDERS {
        return Err(Error::new(
            ErrorKind::Limit,
            format!("{MAX_HOLDERS} handles use the locks of these arrays, and no more can"),
        ));
    }
    let layout = control.layout();
    let row = layout.start() + layout.row(slot) as u64;
    os::reserve(&file, row, layout.stride())
        .map_err(|error| Error::io("cannot get memory for the readers' counts", error))?;
    // The previous holder of the slot may have ended while it held locks.
    for array in 0..layout.arrays() {
        let line = control.line(array);
        if line.state.load(Ordering::Acquire) & OWNER == slot + 1 {
            lock::take_back(line);
        }
        control.count(slot, array).store(0, Ordering::SeqCst);
    }
    let process = std::process::id();
    let who = [
        process.into(),
        os::started(process).unwrap_or(0),
        os::process_namespace().unwrap_or(0),
        os::time_namespace().unwrap_or(0),
    ];
    for (word, value) in control.record(slot).iter().zip(who) {
        word.store(value, Ordering::Relaxed);
    }
    control.used().fetch_max(slot + 1, Ordering::SeqCst);
    os::unlock_byte(&file, CHANGES);
    let process = os::process_stamp();
    Ok(OwnSlot { slot, process, file, changing: Mutex::new(()), elements })
}

impl Drop for OwnSlot {
    fn drop(&mut self) {
        // A forked child may have a copy of the descriptor, which would keep the lock after this one is closed.
        if self.process == os::process_stamp() {
            os::unlock_byte(&self.file, self.slot.into());
        }
    }
}

/// The slots, as seen for the lock of one array.
pub(super) struct Slots<'a> {
    control: &'a Control,
    array: usize,
    /// `None` for memory of this process alone, which has one slot.
    member: Option<&'a OwnSlot>,
}

impl<'a> Slots<'a> {
    /// # Errors
    ///
    /// `Io` or `Limit` if this process has no slot yet and cannot get one.
    #[inline]
    pub(super) fn new(
        control: &'a Control,
        holders: Option<&'a Holders>,
        array: usize,
    ) -> Result<Self> {
        let member = match holders {
            Some(holders) => Some(holders.member(control)?),
            None => None,
        };
        Ok(Slots { control, array, member })
    }

    /// This process's own mapping of the elements, if it is not that of the region.
    #[inline]
    pub(super) fn elements(&self) -> Option<&'a LiveMemory> {
        self.member?.elements.as_ref()
    }

    /// Whether the holder of a slot has ended.
    fn has_ended(&self, member: &OwnSlot, slot: u32) -> bool {
        if slot == member.slot {
            return false;
        }
        if slot >= MAX_HOLDERS {
            // No holder has written this record.
            return true;
        }
        if os::is_byte_locked(&member.file, slot.into()).is_ok_and(|locked| !locked) {
            return true;
        }
        // A forked child keeps its parent's file lock beyond the parent's end.
        let [process, started, namespace, time] =
            self.control.record(slot).each_ref().map(|word| word.load(Ordering::Relaxed));
        let Ok(process) = u32::try_from(process) else { return false };
        // In another time namespace, the same process has another starting time.
        let is_comparable = started != 0 && os::time_namespace().is_ok_and(|own| own == time);
        process != 0
            && os::process_namespace().is_ok_and(|own| own == namespace)
            && os::has_ended(process, is_comparable.then_some(started))
    }
}

impl Table for Slots<'_> {
    #[inline]
    fn own(&self) -> u32 {
        self.member.map_or(0, |member| member.slot)
    }

    #[inline]
    fn used(&self) -> u32 {
        match self.member {
            // Other processes can write this word, too, so it is bounded.
            Some(_) => self.control.used().load(Ordering::SeqCst).min(MAX_HOLDERS),
            None => 1,
        }
    }

    #[inline]
    fn count(&self, slot: u32) -> &std::sync::atomic::AtomicU32 {
        self.control.count(slot, self.array)
    }

    #[cold]
    fn rescue(&self, line: &LockWords) {
        let Some(member) = self.member else { return };
        let owner = || (line.state.load(Ordering::Acquire) & OWNER).checked_sub(1);
        let reads = |slot: &u32| self.count(*slot).load(Ordering::Acquire) != 0;
        let ended = |slot: u32| self.has_ended(member, slot);
        if !owner().is_some_and(ended) && !(0..self.used()).filter(reads).any(ended) {
            return;
        }
        let Ok(_changing) = member.changing.try_lock() else { return };
        if !os::try_lock_byte(&member.file, CHANGES).unwrap_or(false) {
            // Another process has the byte, and may be doing the same. The caller tries again.
            return;
        }
        // Checked again, as from now on nobody else can get a slot.
        if owner().is_some_and(ended) {
            lock::take_back(line);
        }
        for slot in (0..self.used()).filter(reads) {
            if ended(slot) {
                self.count(slot).store(0, Ordering::SeqCst);
            }
        }
        os::unlock_byte(&member.file, CHANGES);
    }
}
