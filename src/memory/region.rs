//! Bytes with a shared owner.

use std::fmt;
use std::sync::Arc;

#[cfg(feature = "ndarray")]
use crate::element::{self, Element};

use super::AlignedBytes;

/// Bytes with a shared owner: a mapping that nobody changes, a heap block, somebody's vector. Cheap to clone.
///
/// The bytes stay where they are and do not change as long as a clone lives. `Hold` relies on this, so only owners that keep this
/// promise have a constructor here.
#[derive(Clone)]
pub(crate) struct Region {
    owner: Arc<dyn Owner>,
}

/// Nobody changes the bytes, so a panic leaves nothing half changed.
impl std::panic::UnwindSafe for Region {}
impl std::panic::RefUnwindSafe for Region {}

/// Implementors give the same address, length and content at each call, even if they themselves are moved.
trait Owner: Send + Sync {
    fn bytes(&self) -> &[u8];
}

impl Owner for AlignedBytes {
    fn bytes(&self) -> &[u8] {
        self
    }
}

impl Owner for crate::os::ReadOnlyMap {
    fn bytes(&self) -> &[u8] {
        self
    }
}

#[cfg(feature = "npz")]
impl Owner for crate::os::Pages {
    fn bytes(&self) -> &[u8] {
        self
    }
}

#[cfg(feature = "npz")]
impl Owner for Vec<u8> {
    fn bytes(&self) -> &[u8] {
        self
    }
}

/// An owner from the user. A method of the owner says where its bytes are.
struct Given<T> {
    owner: T,
    /// Where the bytes were at the first call.
    start: usize,
    len: usize,
}

/// A slice that is borrowed from `owner` stays where it is, unchanged, while `owner` is borrowed. `owner` stays borrowed,
/// since it is neither moved nor changed before it is dropped with the last clone of its region.
impl<T: AsRef<[u8]> + Send + Sync> Owner for Given<T> {
    fn bytes(&self) -> &[u8] {
        let bytes = self.owner.as_ref();
        // An owner that gives other bytes later is treated as having none.
        let same = bytes.as_ptr().addr() == self.start && bytes.len() == self.len;
        if same { bytes } else { &[] }
    }
}

#[cfg(feature = "ndarray")]
impl Owner for super::arena::FrozenPlace {
    fn bytes(&self) -> &[u8] {
        self.bytes()
    }
}

#[cfg(feature = "ndarray")]
struct OwnedElements<A>(Vec<A>);

#[cfg(feature = "ndarray")]
impl<A: Element> Owner for OwnedElements<A> {
    fn bytes(&self) -> &[u8] {
        // Items with padding are never kept as they are.
        element::bytes(&self.0).unwrap_or_default()
    }
}

impl Region {
    pub(crate) fn from_block(block: AlignedBytes) -> Self {
        Region { owner: Arc::new(block) }
    }

    /// The bytes of any owner.
    pub(crate) fn from_owner<T: AsRef<[u8]> + Send + Sync + 'static>(owner: T) -> Self {
        let mut given = Arc::new(Given { owner, start: 0, len: 0 });
        // The owner is asked for its bytes after it has been put at its final place.
        let (start, len) = {
            let bytes = given.owner.as_ref();
            (bytes.as_ptr().addr(), bytes.len())
        };
        if let Some(given) = Arc::get_mut(&mut given) {
            (given.start, given.len) = (start, len);
        }
        Region { owner: given }
    }

    pub(crate) fn from_map(map: crate::os::ReadOnlyMap) -> Self {
        Region { owner: Arc::new(map) }
    }

    #[cfg(feature = "ndarray")]
    pub(super) fn from_arena(place: super::arena::FrozenPlace) -> Self {
        Region { owner: Arc::new(place) }
    }

    #[cfg(feature = "npz")]
    pub(crate) fn from_pages(pages: crate::os::Pages) -> Self {
        Region { owner: Arc::new(pages) }
    }

    #[cfg(feature = "npz")]
    pub(crate) fn from_bytes(bytes: Vec<u8>) -> Self {
        Region { owner: Arc::new(bytes) }
    }

    /// Elements with padding between their fields are copied, with zeros in the padding.
    #[cfg(feature = "ndarray")]
    pub(crate) fn from_vec<A: Element>(items: Vec<A>) -> Self {
        if element::bytes(&items).is_none() {
            return Region::from_block(AlignedBytes::copy_from(&element::packed(&items)));
        }
        Region { owner: Arc::new(OwnedElements(items)) }
    }

    pub(crate) fn bytes(&self) -> &[u8] {
        self.owner.bytes()
    }

    /// Whether there is no other clone.
    pub(super) fn is_last_share(&self) -> bool {
        Arc::strong_count(&self.owner) == 1
    }

    #[cfg(feature = "ndarray")]
    /// Where `part` lies in this region, or `None` if it does not. It is found by address, so a copy of the bytes does not count.
    pub(crate) fn offset_of<A>(&self, part: &[A]) -> Option<usize> {
        let whole = self.bytes();
        let offset = part.as_ptr().addr().checked_sub(whole.as_ptr().addr())?;
        (offset.checked_add(size_of_val(part))? <= whole.len()).then_some(offset)
    }
}

impl fmt::Debug for Region {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Region({} bytes)", self.bytes().len())
    }
}
