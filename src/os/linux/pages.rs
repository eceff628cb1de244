//! Fresh memory of this process, in huge pages unless plain ones are the quicker.
//!
//! A huge page takes one fault where plain pages take 512, and about 0.1 ms. But on a virtual machine whose host takes free memory back
//! a huge page may take twenty times as long, since the host has to find its memory again, and plain pages come from what the host did
//! not take. No call says in advance which it will be. So memory is filled piece by piece, the pages of each piece are asked for first,
//! and what they took decides which pages the next piece gets.
#![allow(unsafe_code)]

use std::mem::MaybeUninit;
#[cfg(feature = "npz")]
use std::ops::{Deref, DerefMut};
use std::sync::Mutex;

/// How many bytes a caller of [`populate`] fills at a time: enough that the system calls do not count.
pub(crate) const PIECE: usize = 4 << 20;

/// From this length on, memory is asked for in huge pages.
const LARGE: usize = 4 << 20;

/// The length of a huge page, for which times are compared.
const HUGE: usize = 2 << 20;

/// Fresh, zeroed memory of this process only, with huge pages if the system has any free.
#[cfg(feature = "npz")]
pub(crate) struct Pages(memmap2::MmapMut);

#[cfg(feature = "npz")]
impl Pages {
    /// `None` on a system that does not give pages this way.
    pub(crate) fn new(len: usize) -> std::io::Result<Option<Self>> {
        let map = memmap2::MmapMut::map_anon(len)?;
        // A request that kernels without huge pages refuse, which does no harm.
        let _ = map.advise(memmap2::Advice::HugePage);
        Ok(Some(Pages(map)))
    }
}

#[cfg(feature = "npz")]
impl Deref for Pages {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        &self.0
    }
}

#[cfg(feature = "npz")]
impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        &mut self.0
    }
}

/// Asks for huge pages for memory that is about to be filled, if it is large. Without them most of the time goes into
/// page faults. The kernel may refuse.
pub(crate) fn wish_huge_pages<T>(room: &mut [MaybeUninit<T>]) {
    if size_of_val(room) >= LARGE {
        advise(room, libc::MADV_HUGEPAGE);
    }
}

/// Gives pages to memory for which huge pages were asked, and of which each byte is about to be written: huge pages, or plain ones where
/// these have been the quicker. Memory that has its pages keeps them. Nothing happens if the piece is shorter than a huge page.
pub(crate) fn populate<T>(piece: &mut [T]) {
    let len = size_of_val(piece);
    if len < HUGE {
        return;
    }
    let size = PACE.try_lock().map_or(PageSize::Huge, |mut pace| pace.next());
    if size == PageSize::Plain {
        advise(piece, libc::MADV_NOHUGEPAGE);
    }
    let begun = cpu_time();
    // Kernels before 5.14 do not know the request, and make the pages when they are touched.
    let is_done = advise(piece, libc::MADV_POPULATE_WRITE);
    let ended = cpu_time();
    if size == PageSize::Plain {
        // The pages are there and stay plain. Whoever has the memory next, if it is the allocator's, finds it as it was.
        advise(piece, libc::MADV_HUGEPAGE);
    }
    if is_done
        && let (Some(begun), Some(ended)) = (begun, ended)
        && let Ok(mut pace) = PACE.try_lock()
    {
        let took = u128::from(ended.abs_diff(begun)) * HUGE as u128 / len as u128;
        pace.took(size, u32::try_from(took).unwrap_or(u32::MAX));
    }
}

/// Whether the kernel took the advice. None that is given here changes a byte.
fn advise<T>(room: &mut [T], advice: libc::c_int) -> bool {
    let page = super::page_size();
    let (start, len) = (room.as_mut_ptr().cast::<u8>(), size_of_val(room));
    let skip = start.addr().next_multiple_of(page) - start.addr();
    let whole = len.saturating_sub(skip) / page * page;
    // SAFETY: `whole` is not zero only if `skip` is less than `len`, and then the range ends within `room`, which is borrowed alone.
    // The callers give advice about the pages' size and presence, which leaves their bytes as they are.
    whole > 0 && unsafe { libc::madvise(start.wrapping_add(skip).cast(), whole, advice) } == 0
}

/// What this thread has taken of a processor, in nanoseconds. While others have the processor, no page is slow. `None` where a sandbox
/// does not let the call through.
fn cpu_time() -> Option<u64> {
    let mut now = libc::timespec { tv_sec: 0, tv_nsec: 0 };
    // SAFETY: the call writes a time to `now`, which has the right type, and nothing else.
    let failed = unsafe { libc::clock_gettime(libc::CLOCK_THREAD_CPUTIME_ID, &raw mut now) } != 0;
    let (seconds, rest) = (u64::try_from(now.tv_sec).ok()?, u64::try_from(now.tv_nsec).ok()?);
    (!failed).then(|| seconds.saturating_mul(1_000_000_000).saturating_add(rest))
}

/// What pages take on this machine, now. Nobody waits for it: who finds it locked asks for huge pages, and measures nothing.
static PACE: Mutex<Pace> = Mutex::new(Pace { huge: None, plain: None, left: PAUSE });

/// A huge page that takes less, in nanoseconds, is not slow, whatever plain pages take.
const QUICK: u32 = 500_000;

/// The pages of 2 MiB that take less were there before.
const PRESENT: u32 = 20_000;

/// So many pieces get plain pages before huge ones are tried again: memory that was touched in huge pages is quick the next time, and who
/// loads much loads often.
const PAUSE: u32 = 2;

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
enum PageSize {
    Huge,
    Plain,
}

/// The latest times of 2 MiB of either size, in nanoseconds.
struct Pace {
    huge: Option<u32>,
    plain: Option<u32>,
    /// How many pieces get plain pages before one gets huge pages again.
    left: u32,
}

impl Pace {
    fn next(&mut self) -> PageSize {
        match (self.huge, self.plain) {
            (None | Some(..=QUICK), _) => PageSize::Huge,
            (Some(huge), Some(plain)) if huge <= plain => PageSize::Huge,
            _ if self.left > 0 => {
                self.left -= 1;
                PageSize::Plain
            }
            _ => {
                self.left = PAUSE;
                PageSize::Huge
            }
        }
    }

    fn took(&mut self, size: PageSize, time: u32) {
        if time < PRESENT {
            return;
        }
        let known = match size {
            PageSize::Huge => &mut self.huge,
            PageSize::Plain => &mut self.plain,
        };
        // What is quicker than before is believed at once. One slow page does not decide.
        *known = Some(known.map_or(time, |before| time.min(before / 2 + time / 2)));
        if self.huge <= self.plain {
            self.left = PAUSE;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    /// How many of the pieces get huge pages if each takes what `times` says of its number: huge, and plain.
    fn huge_of(pieces: u32, times: impl Fn(u32) -> (u32, u32)) -> u32 {
        let mut pace = Pace { huge: None, plain: None, left: PAUSE };
        let mut huge = 0;
        for piece in 0..pieces {
            let size = pace.next();
            let (as_huge, as_plain) = times(piece);
            huge += u32::from(size == PageSize::Huge);
            pace.took(size, if size == PageSize::Huge { as_huge } else { as_plain });
        }
        huge
    }

    #[test]
    fn pages_are_huge_unless_plain_ones_are_quicker() {
        assert_eq!(huge_of(256, |_| (100_000, 1_300_000)), 256);
        // Slower than they should be, and still the quicker ones: one piece tells.
        assert_eq!(huge_of(256, |_| (900_000, 1_300_000)), 255);
        // A host that takes memory back.
        assert_eq!(huge_of(256, |_| (8_000_000, 1_300_000)), 86);
        // A few huge pages were at hand, and the next were not.
        let some = huge_of(256, |piece| (if piece < 8 { 100_000 } else { 8_000_000 }, 1_300_000));
        assert!((80..=100).contains(&some), "{some}");
        // The host has given its memory back.
        let again =
            huge_of(1024, |piece| (if piece < 64 { 8_000_000 } else { 100_000 }, 1_300_000));
        assert!(again > 960, "{again}");
        // Pages that are there tell nothing, and huge ones are tried again.
        let there = huge_of(256, |piece| (if piece == 0 { 8_000_000 } else { 1_000 }, 1_000));
        assert!((4..128).contains(&there), "{there}");
    }

    #[test]
    fn populated_memory_keeps_its_bytes() {
        let mut bytes = vec![7_u8; 3 * HUGE + 12_345];
        for size in [0, 1, HUGE - 1, HUGE, bytes.len() - 1] {
            populate(&mut bytes[1..=size]);
        }
        assert!(bytes.iter().all(|&byte| byte == 7));
        let mut room = Vec::<u64>::with_capacity(HUGE);
        wish_huge_pages(room.spare_capacity_mut());
        populate(room.spare_capacity_mut());
        assert!(room.is_empty());
    }
}
