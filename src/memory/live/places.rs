//! Finds the elements of a live array from what the sealed block says of the array.

use crate::element::Element;
use crate::error::{Error, Result};
use crate::layout;

use super::arrays::{LiveArrays, LiveEntry, Mapping, other_kind};
use super::cells::{AtomicElement, Cells};
use super::held::Lockable;
use super::layout::Kind;
use super::region::LiveRegion;

impl LiveArrays {
    /// The mapping for arrays of this kind.
    fn region(&self, kind: Kind) -> Result<&LiveRegion> {
        let known = match kind {
            Kind::Locked => &self.mapping.locked,
            _ => &self.mapping.atomic,
        };
        if let Some(region) = known.get() {
            return Ok(region);
        }
        let file = self.file.as_ref().map_err(|(kind, why)| {
            Error::new(*kind, format!("the memory of the live arrays cannot be had: {why}"))
        })?;
        let Mapping { layout, writable, .. } = self.mapping;
        let region = LiveRegion::map(file, layout, kind, writable)?;
        Ok(known.get_or_init(|| region))
    }

    /// The live array of this number, with its shape, if it is of this kind and type.
    fn place<A: Element>(&self, number: u64, kind: Kind) -> Result<(&LiveEntry, ArrayPlace)> {
        let (entry, place) = self.find(number, kind)?;
        if entry.dtype != A::DTYPE {
            return Err(Error::mismatch(format!(
                "expected a live array of {}, found one of {} (shape {:?}); a live array is not converted",
                A::DTYPE.rust_name(),
                entry.dtype.rust_name(),
                entry.shape
            )));
        }
        Ok((entry, place))
    }

    /// The live array of this number, of any type.
    fn find(&self, number: u64, kind: Kind) -> Result<(&LiveEntry, ArrayPlace)> {
        let array = self
            .entries
            .binary_search_by_key(&number, |entry| entry.number)
            .map_err(|_| Error::corrupt(format!("array number {number} is no live array")))?;
        let entry = &self.entries[array];
        if entry.kind != kind {
            return Err(other_kind(kind, entry.kind));
        }
        let too_large = || Error::corrupt("a live array reaches beyond its memory");
        let start = usize::try_from(entry.start).map_err(|_| too_large())?;
        let count = layout::count(&entry.shape).ok_or_else(too_large)?;
        Ok((entry, ArrayPlace { start, count, array }))
    }

    /// # Errors
    ///
    /// `Mismatch` if the array is of another kind or type; the errors of opening and mapping the memory.
    pub(crate) fn locked<A: Element>(&self, number: u64) -> Result<(&[usize], Lockable<A>)> {
        let (entry, place) = self.place::<A>(number, Kind::Locked)?;
        let region = self.region(Kind::Locked)?.clone();
        let items = Lockable::placed(region, place.start, place.count, place.array)?;
        Ok((&entry.shape, items))
    }

    /// The bytes of a locked array of any type.
    ///
    /// # Errors
    ///
    /// Those of [`locked`](Self::locked), except a mismatch of the type.
    pub(crate) fn locked_bytes(&self, number: u64) -> Result<Lockable<u8>> {
        let (entry, place) = self.find(number, Kind::Locked)?;
        let region = self.region(Kind::Locked)?.clone();
        let bytes = layout::byte_len(&entry.shape, entry.dtype.item_size())
            .ok_or_else(|| Error::corrupt("a live array reaches beyond its memory"))?;
        Lockable::placed(region, place.start, bytes, place.array)
    }

    /// As [`locked`](Self::locked), for an atomic array.
    pub(crate) fn atomic<A: AtomicElement>(&self, number: u64) -> Result<(&[usize], Cells<A>)> {
        let (entry, place) = self.place::<A>(number, Kind::Atomic)?;
        let region = self.region(Kind::Atomic)?.clone();
        let items = Cells::placed(region, place.start, place.count, place.array)?;
        Ok((&entry.shape, items))
    }
}

struct ArrayPlace {
    start: usize,
    count: usize,
    array: usize,
}
