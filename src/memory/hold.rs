//! A view that keeps the region it borrows from: the one place where a lifetime is extended.
#![allow(unsafe_code)]

use crate::element::{self, Element, Misfit};
use crate::error::{Error, Result};

use super::Region;

/// A family of views, one for each lifetime. `shorten` can be written only if the view is covariant.
pub(crate) trait View<A: 'static> {
    type Of<'a>;
    fn shorten<'a, 'long: 'a>(view: &'a Self::Of<'long>) -> &'a Self::Of<'a>;
}

/// A view together with the region that it borrows from.
pub(crate) struct Hold<A: Element, V: View<A>> {
    /// Declared before `region`, hence dropped before it.
    view: V::Of<'static>,
    region: Region,
}

impl<A: Element, V: View<A>> Hold<A, V> {
    /// Builds a view, by `make`, of the elements in `len` bytes at `offset` of the region.
    ///
    /// # Errors
    ///
    /// The outer error if the range does not lie in the region, the inner one if the bytes there are no elements.
    pub(crate) fn new(
        region: Region,
        offset: usize,
        len: usize,
        make: impl for<'a> FnOnce(&'a [A]) -> Result<V::Of<'a>>,
    ) -> Result<Result<Self, Misfit>> {
        let bytes = offset
            .checked_add(len)
            .and_then(|end| region.bytes().get(offset..end))
            .ok_or_else(|| Error::corrupt("an array reaches beyond its container"))?;
        let items: &[A] = match element::view(bytes) {
            Ok(items) => items,
            Err(misfit) => return Ok(Err(misfit)),
        };
        // SAFETY: the slice was checked by `element::view` above and lies in memory that `region` owns; `Owner` promises
        // that it neither moves nor changes while a clone of the region lives, and the region is kept in the same
        // value as the view and dropped after it. The lifetime does not get out: `make` must work for every `'a`,
        // and `Hold::view` shortens it to the borrow of `self`.
        let items: &'static [A] = unsafe { &*std::ptr::from_ref(items) };
        Ok(Ok(Hold { view: make(items)?, region }))
    }

    pub(crate) fn region(&self) -> &Region {
        &self.region
    }

    pub(crate) fn view(&self) -> &V::Of<'_> {
        V::shorten(&self.view)
    }
}

impl<A: Element, V: View<A>> Clone for Hold<A, V>
where
    V::Of<'static>: Clone,
{
    fn clone(&self) -> Self {
        Hold { view: self.view.clone(), region: self.region.clone() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    struct Slice;
    impl View<u16> for Slice {
        type Of<'a> = &'a [u16];
        fn shorten<'a, 'long: 'a>(view: &'a &'long [u16]) -> &'a &'a [u16] {
            view
        }
    }

    #[test]
    fn a_hold_outlives_every_other_handle_of_its_region() {
        let region = Region::from_vec(vec![1_u16, 2, 3]);
        let part = &region.bytes()[2..6];
        assert_eq!(region.offset_of(part), Some(2));
        assert_eq!(region.offset_of(&[0; 4]), None);
        let hold =
            Hold::<u16, Slice>::new(region.clone(), 2, 4, |items| Ok(items)).unwrap().unwrap();
        drop(region);
        let second = hold.clone();
        drop(hold);
        assert_eq!(second.view(), &[2, 3]);
    }

    #[test]
    fn a_hold_checks_range_and_alignment() {
        let region = Region::from_vec(vec![1_u16, 2, 3]);
        assert!(Hold::<u16, Slice>::new(region.clone(), 4, 4, |items| Ok(items)).is_err());
        assert!(Hold::<u16, Slice>::new(region.clone(), usize::MAX, 4, |items| Ok(items)).is_err());
        let odd = Hold::<u16, Slice>::new(region, 1, 2, |items| Ok(items)).unwrap();
        assert_eq!(odd.err(), Some(Misfit::Align { needed: 2 }));
    }
}
