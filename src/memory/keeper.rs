//! A share of somebody's memory. While it is kept, the memory stays where it is and does not change.

use std::rc::Rc;
use std::sync::Arc;

use super::Region;

/// A share of memory with a count of shares. Nobody changes the memory while there are several.
pub(crate) trait Keep {
    /// Whether all other shares are gone.
    fn is_last(&mut self) -> bool;
}

impl<T: ?Sized> Keep for Arc<T> {
    fn is_last(&mut self) -> bool {
        Arc::strong_count(self) == 1
    }
}

impl<T: ?Sized> Keep for Rc<T> {
    fn is_last(&mut self) -> bool {
        Rc::strong_count(self) == 1
    }
}

/// The last share becomes an owned array, which is dropped at once.
#[cfg(feature = "ndarray")]
impl<A: Clone, D: ndarray::Dimension> Keep for Option<ndarray::ArcArray<A, D>> {
    fn is_last(&mut self) -> bool {
        *self = self.take().and_then(|share| share.try_into_owned_nocopy().err());
        self.is_none()
    }
}

impl Keep for Region {
    fn is_last(&mut self) -> bool {
        self.is_last_share()
    }
}

/// A share of any kind.
pub(crate) struct Keeper(Box<dyn Keep>);

impl Keeper {
    pub(crate) fn new(share: impl Keep + 'static) -> Self {
        Keeper(Box::new(share))
    }

    /// Whether all other shares are gone, so that nobody else has the memory any more.
    pub(crate) fn is_last(&mut self) -> bool {
        self.0.is_last()
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper")
    }
}
