//! Elements and the words of their locks, over a mapping or the heap.

use std::fmt;
use std::fs::File;
use std::sync::Arc;
use std::sync::atomic::{AtomicU64, Ordering};

use crate::error::{Error, Result};
use crate::os;

use super::control::{Control, LiveMemory};
use super::holders::Holders;
use super::layout::{ControlLayout, Kind};
use super::lock::LockWords;

/// The memory of live arrays. Cheap to clone.
#[derive(Clone)]
pub(crate) struct LiveRegion(Arc<Inner>);

struct Inner {
    elements: LiveMemory,
    control: Control,
    writable: bool,
    /// A number that no other region of this process has or had.
    number: u64,
    /// The holders of its locks; `None` if only this process uses it.
    holders: Option<Holders>,
}

fn new_number() -> u64 {
    static NEXT: AtomicU64 = AtomicU64::new(0);
    NEXT.fetch_add(1, Ordering::Relaxed)
}

impl LiveRegion {
    /// Memory for one array of this process, zeroed.
    pub(super) fn private(bytes: usize) -> Self {
        let layout = ControlLayout::private();
        let control = LiveMemory::zeroed(layout.len() as usize);
        LiveRegion(Arc::new(Inner {
            elements: LiveMemory::zeroed(bytes),
            control: Control::new(control, layout),
            writable: true,
            number: new_number(),
            holders: None,
        }))
    }

    /// Maps a file for its arrays of one kind. The file's length is that of the layout, and cannot be reduced. If the mapping
    /// is not to be `writable`, the elements are mapped for reading only. The words of the locks are always mapped for
    /// writing, because a reader must be counted.
    ///
    /// A forked child can use atomic arrays as they lie. Guards of locks that its parent had, and references that were
    /// borrowed from them, must not work in the child.
    ///
    /// # Errors
    ///
    /// `Io` if this process has no room for the mapping.
    pub(crate) fn map(
        file: &Arc<File>,
        layout: ControlLayout,
        kind: Kind,
        writable: bool,
    ) -> Result<Self> {
        let failed = |e| Error::io("cannot map the live arrays", e);
        let too_large = || failed(std::io::ErrorKind::OutOfMemory.into());
        let elements = usize::try_from(layout.start()).map_err(|_| too_large())?;
        let control = usize::try_from(layout.len()).map_err(|_| too_large())?;
        let map = if kind == Kind::Locked { os::LiveMap::new_own } else { os::LiveMap::new };
        let elements = map(file, 0, elements, writable).map_err(failed)?;
        let control = os::LiveMap::new(file, layout.start(), control, true).map_err(failed)?;
        Ok(LiveRegion(Arc::new(Inner {
            elements: LiveMemory::Map(elements),
            control: Control::new(LiveMemory::Map(control), layout),
            writable,
            number: new_number(),
            holders: Some(Holders::new(file.clone(), writable)),
        })))
    }

    pub(crate) fn is_writable(&self) -> bool {
        self.0.writable
    }

    #[inline]
    pub(super) fn number(&self) -> u64 {
        self.0.number
    }

    /// Whether other processes have this memory, too.
    pub(super) fn is_shared(&self) -> bool {
        self.0.holders.is_some()
    }

    pub(super) fn holders(&self) -> Option<&Holders> {
        self.0.holders.as_ref()
    }

    /// Where `count` items lie; `None` if they do not lie within the region's elements, or are not aligned.
    pub(super) fn items<T>(&self, start: usize, count: usize) -> Option<*mut T> {
        Self::items_in(&self.0.elements, start, count)
    }

    /// Where `count` items lie in another mapping of the elements; `None` as for [`items`](Self::items).
    pub(super) fn items_in<T>(elements: &LiveMemory, start: usize, count: usize) -> Option<*mut T> {
        let end = count.checked_mul(size_of::<T>())?.checked_add(start)?;
        let place = elements.start().wrapping_add(start).cast::<T>();
        (end <= elements.len() && place.is_aligned()).then_some(place)
    }

    pub(super) fn control(&self) -> &Control {
        &self.0.control
    }

    pub(super) fn line(&self, array: usize) -> &LockWords {
        self.0.control.line(array)
    }
}

impl fmt::Debug for LiveRegion {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "LiveRegion({} bytes)", self.0.elements.len())
    }
}
