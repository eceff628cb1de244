//! The memory that is being read from, for handles that keep it alive.

use std::cell::RefCell;
use std::collections::BTreeMap;
use std::sync::Arc;

use crate::error::{Error, ErrorKind};
use crate::memory::Region;
use crate::memory::live::LiveArrays;

/// The memory of one read.
#[derive(Default)]
struct Scope {
    /// By the address at which each starts. A segment is one; an archive has one for each member that was loaded.
    regions: BTreeMap<usize, Region>,
    #[cfg_attr(not(feature = "ndarray"), expect(dead_code))]
    live: Option<Arc<LiveArrays>>,
    /// The kind and text of an error that passes through a format's type, which has no kinds.
    failed: Option<(ErrorKind, String)>,
}

thread_local! {
    static CURRENT: RefCell<Scope> =
        const { RefCell::new(Scope { regions: BTreeMap::new(), live: None, failed: None }) };
}

/// Runs `read` with this region and these live arrays current, or none; what was current before is so again afterwards,
/// also after an error or a panic, so that one read may happen inside another.
pub(crate) fn with_memory<R>(
    region: Option<&Region>,
    live: Option<&Arc<LiveArrays>>,
    read: impl FnOnce() -> R,
) -> R {
    struct Restore(Scope);
    impl Drop for Restore {
        fn drop(&mut self) {
            let before = std::mem::take(&mut self.0);
            // What was current in between may free memory as it goes, and is let go outside of the borrow.
            drop(CURRENT.with(|current| current.replace(before)));
        }
    }
    let scope = Scope { live: live.cloned(), ..Scope::default() };
    let _restore = Restore(CURRENT.replace(scope));
    if let Some(region) = region {
        add_region(region);
    }
    read()
}

/// Makes another region current, until the read ends that is under way.
pub(crate) fn add_region(region: &Region) {
    let start = region.bytes().as_ptr().addr();
    CURRENT.with_borrow_mut(|current| {
        current.regions.entry(start).or_insert_with(|| region.clone());
    });
}

/// The current region in which these items lie and their offset in bytes, if there is one.
#[cfg(feature = "ndarray")]
pub(super) fn locate<A>(items: &[A]) -> Option<(Region, usize)> {
    CURRENT.with(|current| {
        let current = current.borrow();
        let (_, region) = current.regions.range(..=items.as_ptr().addr()).next_back()?;
        Some((region.clone(), region.offset_of(items)?))
    })
}

/// Keeps the kind of an error until [`with_noted_kind`].
#[cfg(feature = "ndarray")]
pub(super) fn note_kind(kind: ErrorKind, text: &str) {
    CURRENT.with_borrow_mut(|current| current.failed = Some((kind, text.to_owned())));
}

/// The error with the kind that was noted, if it is the one that it was noted of.
#[cold]
pub(crate) fn with_noted_kind(error: Error) -> Error {
    let noted = CURRENT.with_borrow_mut(|current| current.failed.take());
    match noted {
        Some((kind, text)) if error.to_string().ends_with(&text) => error.with_kind(kind),
        _ => error,
    }
}

/// The live arrays of what is being read.
#[cfg(feature = "ndarray")]
pub(super) fn live() -> Option<Arc<LiveArrays>> {
    CURRENT.with_borrow(|current| current.live.clone())
}

#[cfg(all(test, feature = "ndarray"))]
mod tests {
    use super::*;

    fn with_region<R>(region: Option<&Region>, read: impl FnOnce() -> R) -> R {
        with_memory(region, None, read)
    }

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
