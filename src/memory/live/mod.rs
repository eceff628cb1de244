//! Memory that others write to while it is used. It is never a plain slice: it consists of cells that are accessed atomically,
//! or of a slice under the guard of a lock that all its users respect.
//!
//! `lock` is the algorithm, over words that may lie in shared memory. `control` has those words. `region` has the words and the
//! elements, over a mapping or the heap. `holders` determines which holders are alive. `held` and `cells` are the two ways to the
//! elements.

mod arrays;
mod binding;
#[cfg(feature = "ndarray")]
mod cells;
#[cfg(feature = "ndarray")]
mod control;
#[cfg(feature = "ndarray")]
mod held;
#[cfg(feature = "ndarray")]
mod holders;
mod layout;
#[cfg(feature = "ndarray")]
mod lock;
#[cfg(feature = "ndarray")]
mod patience;
#[cfg(feature = "ndarray")]
mod places;
#[cfg(feature = "ndarray")]
mod region;
#[cfg(feature = "ndarray")]
mod sync;

pub(crate) use arrays::{LiveArrays, LiveEntry, check_entries, other_kind};
pub(crate) use binding::{DIGEST, digest};
#[cfg(feature = "ndarray")]
pub(crate) use cells::Cells;
#[cfg(feature = "ndarray")]
pub use cells::{AtomicBits, AtomicElement, AtomicNumber};
#[cfg(feature = "ndarray")]
pub(crate) use held::{GuardView, Held, HeldMut, Lockable, OwnedHeld, OwnedHeldMut, read_only};
pub(crate) use layout::{ControlLayout, DATA_START, Kind};
#[cfg(feature = "ndarray")]
pub(crate) use lock::{LockWords, clear_poison, is_poisoned, notify, version, wait_for_update};
#[cfg(feature = "ndarray")]
pub(crate) use patience::Patience;
