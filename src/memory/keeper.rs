//! A share of somebody's memory, kept so that it stays where it is, and what it is.

use std::rc::Rc;
use std::sync::Arc;

use super::Region;

/// A share of memory that is counted, and that nobody changes while there are several.
pub(crate) trait Keep {
    /// Whether all others are gone.
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

/// One that is the last becomes an owned array, which is let go at once.
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

    /// Whether all other shares are gone: what was kept is nobody else's any more.
    pub(crate) fn is_last(&mut self) -> bool {
        self.0.is_last()
    }
}

impl std::fmt::Debug for Keeper {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.write_str("Keeper")
    }
}
