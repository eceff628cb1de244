//! The memory that is being read from, for handles that keep it alive.

use std::cell::RefCell;

use crate::memory::Region;

thread_local! {
    static CURRENT: RefCell<Option<Region>> = const { RefCell::new(None) };
}

/// Runs `read` with this region current, or none; whatever was current before is so again afterwards, also after an
/// error or a panic, so that one read may happen inside another.
pub(crate) fn with_region<R>(region: Option<&Region>, read: impl FnOnce() -> R) -> R {
    struct Restore(Option<Region>);
    impl Drop for Restore {
        fn drop(&mut self) {
            let before = self.0.take();
            CURRENT.with(|current| *current.borrow_mut() = before);
        }
    }
    let _restore = Restore(CURRENT.with(|current| current.replace(region.cloned())));
    read()
}

/// The current region and the offset of these bytes in it, if they lie in it.
#[cfg(feature = "ndarray")]
pub(super) fn locate(bytes: &[u8]) -> Option<(Region, usize)> {
    CURRENT.with(|current| {
        let current = current.borrow();
        let region = current.as_ref()?;
        Some((region.clone(), region.offset_of(bytes)?))
    })
}

#[cfg(all(test, feature = "ndarray"))]
mod tests {
    use super::*;

    #[test]
    fn nested_reads_and_panics_restore_what_was_current() {
        let outer = Region::from_vec(vec![1_u8, 2, 3]);
        let inner = Region::from_vec(vec![4_u8]);
        with_region(Some(&outer), || {
            with_region(Some(&inner), || assert!(locate(outer.bytes()).is_none()));
            with_region(None, || assert!(locate(inner.bytes()).is_none()));
            let _ = std::panic::catch_unwind(|| with_region(None, || panic!("inside a read")));
            assert_eq!(locate(&outer.bytes()[1..]).map(|(_, offset)| offset), Some(1));
        });
        assert!(locate(outer.bytes()).is_none());
    }
}
