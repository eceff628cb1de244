//! The memory that is being read from, for handles that keep it alive.

use std::cell::RefCell;
use std::collections::BTreeMap;

use crate::memory::Region;

/// The regions of one read, by the address at which each starts. A segment is one; an archive has one for each
/// member that was loaded.
type Regions = BTreeMap<usize, Region>;

thread_local! {
    static CURRENT: RefCell<Regions> = const { RefCell::new(Regions::new()) };
}

/// Runs `read` with this region current, or none; what was current before is so again afterwards, also after an
/// error or a panic, so that one read may happen inside another.
pub(crate) fn with_region<R>(region: Option<&Region>, read: impl FnOnce() -> R) -> R {
    struct Restore(Regions);
    impl Drop for Restore {
        fn drop(&mut self) {
            let before = std::mem::take(&mut self.0);
            // What was current in between may free memory as it goes, and is let go outside of the borrow.
            drop(CURRENT.with(|current| current.replace(before)));
        }
    }
    let _restore = Restore(CURRENT.with(RefCell::take));
    if let Some(region) = region {
        add_region(region);
    }
    read()
}

/// Makes another region current, until the read ends that is under way.
pub(crate) fn add_region(region: &Region) {
    let start = region.bytes().as_ptr().addr();
    CURRENT.with_borrow_mut(|current| {
        current.entry(start).or_insert_with(|| region.clone());
    });
}

/// The current region in which these items lie and their offset in bytes, if there is one.
#[cfg(feature = "ndarray")]
pub(super) fn locate<A>(items: &[A]) -> Option<(Region, usize)> {
    CURRENT.with(|current| {
        let current = current.borrow();
        let (_, region) = current.range(..=items.as_ptr().addr()).next_back()?;
        Some((region.clone(), region.offset_of(items)?))
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
            add_region(&inner);
            assert_eq!(locate(inner.bytes()).map(|(_, offset)| offset), Some(0));
            assert_eq!(locate(&outer.bytes()[2..]).map(|(_, offset)| offset), Some(2));
        });
        assert!(locate(outer.bytes()).is_none());
        assert!(locate(inner.bytes()).is_none());
    }
}
