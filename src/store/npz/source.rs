//! An archive that this crate wrote: its object, and where the object's arrays are.

use std::collections::BTreeMap;
use std::sync::Arc;

use crate::dtype::Scalar;
use crate::error::{Error, Result};
use crate::npy;
use crate::progress::Meter;

use super::super::block::{BlockParts, BlockSource};
#[cfg(feature = "ndarray")]
use super::super::directory::Directory;
use super::super::{
    ArrayPath, ArrayStream, Info, LentStream, ListedArray, Placed, PlacedHead, STREAMED, Source,
};
use super::members::{Members, Other};
use super::names::{REST, file_name};
use super::pieces::{decode_pieces, fingerprint};
use super::watched::WatchedMembers;

/// The member that holds everything but the arrays, checked.
#[derive(Debug)]
pub(crate) struct Rest {
    member: usize,
    parts: BlockParts,
    /// Whether the archive's directory is as this crate wrote it.
    intact: bool,
}

impl Rest {
    /// Finds this member. `None` if the archive has no such member, because another program wrote it.
    ///
    /// # Errors
    ///
    /// `Corrupt` or `Version` if the archive has such a member that cannot be read.
    pub(crate) fn find(members: &mut Members) -> Result<Option<Self>> {
        let name = file_name(REST);
        let Some(member) = members.find(&name) else { return Ok(None) };
        // This crate never writes a name twice. In its files, only an attacker could have done so.
        members.check_names()?;
        let placed = members.small_array(member)?;
        if placed.dtype != crate::dtype::DType::U8 || placed.shape.len() != 1 {
            return Err(Error::corrupt(format!(
                "member `{name}`: expected |u1 with one axis, found {} with shape {:?}",
                placed.dtype, placed.shape
            )));
        }
        let parts = BlockParts::check(placed.bytes)?;
        if !parts.is_external() {
            return Err(Error::corrupt(format!(
                "member `{name}` is a block with arrays of its own"
            )));
        }
        let directory = BlockSource::with_parts(placed.bytes, &parts)?.directory();
        let mut pieces = BTreeMap::new();
        for (number, of_member) in decode_pieces(parts.array_part(placed.bytes))? {
            let path = directory.path(number)?;
            if let Some(member) = members.find(&file_name(path)) {
                pieces.insert(member, of_member);
            }
        }
        let intact = members
            .directory_sum(member)
            .is_some_and(|(sum, count)| fingerprint(sum, count) == parts.nonce());
        members.set_pieces(pieces);
        Ok(Some(Rest { member, parts, intact }))
    }
}

/// An object whose arrays are members of an archive.
pub(crate) struct NpzSource<'a> {
    members: &'a Members,
    block: BlockSource<'a>,
    /// The index of the member that holds the object.
    rest: usize,
    intact: bool,
    /// Counts the bytes of arrays that are loaded.
    meter: Option<Arc<Meter<'a>>>,
}

impl<'a> NpzSource<'a> {
    pub(crate) fn new(watched: WatchedMembers<'a>, rest: &'a Rest) -> Result<Self> {
        let WatchedMembers { members, meter } = watched;
        let bytes = members.array(rest.member, u64::MAX, None)?.bytes;
        let block = BlockSource::with_parts(bytes, &rest.parts)?;
        Ok(NpzSource { members, block, rest: rest.member, intact: rest.intact, meter })
    }

    /// The bytes of all arrays of the object.
    pub(crate) fn bytes_of_arrays(&self) -> Result<u64> {
        let directory = self.block.directory();
        (0..directory.len()).map(|number| Ok(directory.entry(number)?.bytes as u64)).sum()
    }

    /// What the object says of its arrays.
    #[cfg(feature = "ndarray")]
    pub(crate) fn directory(&self) -> Directory<'a> {
        self.block.directory()
    }

    /// The number of the array of this path.
    #[cfg(feature = "ndarray")]
    pub(crate) fn number_of(&self, path: &str) -> Option<u64> {
        self.block.find(path)
    }

    /// Loads only the array of this path, in this way. `None` if the object has no array of that path.
    #[cfg(feature = "ndarray")]
    pub(crate) fn find(
        &self,
        path: &str,
        way: impl FnOnce(&'a Members, usize, u64, Option<&Meter<'_>>) -> Result<Placed<'a>>,
    ) -> Result<Option<Placed<'a>>> {
        match self.number_of(path) {
            Some(number) => {
                let (entry, member) = self.entry(number)?;
                self.load(number, entry, member, way).map(Some)
            }
            None => Ok(None),
        }
    }

    /// What the object says of each array, and whether it can be seen where it lies; then what else another program put
    /// into the archive.
    pub(crate) fn look(&self) -> Result<(Vec<Info>, Vec<Other>)> {
        let mut beside = vec![true; self.members.len()];
        beside[self.rest] = false;
        let info = |number| {
            let (entry, member) = self.entry(number)?;
            beside[member] = false;
            let data = if self.intact { self.members.adjoining(member) } else { None };
            let seat = self.members.seat(member, &entry.dtype, entry.bytes, 0, data)?;
            Ok(Info {
                path: self.block.path(number)?.to_string(),
                dtype: entry.dtype,
                shape: entry.shape,
                order: entry.order,
                seat,
            })
        };
        let mut infos = (0..self.block.directory().len()).map(info).collect::<Result<Vec<_>>>()?;
        let beside = (0..beside.len()).filter(|index| beside[*index]);
        let (more, others) = self.members.look(beside)?;
        infos.extend(more);
        Ok((infos, others))
    }

    /// What the object says of an array, and the member that has it.
    fn entry(&self, number: u64) -> Result<(ListedArray, usize)> {
        let (entry, path) = (self.block.directory().entry(number)?, self.block.path(number)?);
        // The members are in the order of the numbers, unless another program has changed it.
        if let Some(member) =
            usize::try_from(number).ok().filter(|member| *member < self.members.len())
            && self.members.name(member).strip_suffix(".npy").is_some_and(|name| path == *name)
        {
            return Ok((entry, member));
        }
        let name = file_name(path);
        let member = self.members.find(&name).ok_or_else(|| {
            Error::corrupt(format!(
                "member `{name}` is missing: expected {} {:?}",
                entry.dtype, entry.shape
            ))
        })?;
        Ok((entry, member))
    }

    /// Checks that a member is the array that the object has, and gives it.
    fn check(&self, number: u64, entry: ListedArray, found: Placed<'a>) -> Result<Placed<'a>> {
        let PlacedHead { dtype, shape, order, .. } = &*found.head;
        let same_order = *order == entry.order || !npy::has_order(&entry.shape);
        if entry.dtype.agrees_with(dtype) && *shape == entry.shape && same_order {
            if entry.dtype == *dtype && *order == entry.order {
                return Ok(found);
            }
            // NumPy has one name for some dtypes that the directory distinguishes.
            let head = PlacedHead::free(entry.dtype, entry.shape, entry.order);
            return Ok(Placed { head, ..found });
        }
        Err(Error::corrupt(format!(
            "member `{}`: expected {} {:?} in order {:?}, as the object was saved, found {dtype} {shape:?} in order {order:?}",
            file_name(self.block.path(number)?),
            entry.dtype,
            entry.shape,
            entry.order,
        )))
    }

    /// The array of this number, which is this one in that member, loaded in this way.
    fn load(
        &self,
        number: u64,
        entry: ListedArray,
        member: usize,
        way: impl FnOnce(&'a Members, usize, u64, Option<&Meter<'_>>) -> Result<Placed<'a>>,
    ) -> Result<Placed<'a>> {
        if self.intact
            && let Some(bytes) = self.members.mapped(member, &entry.dtype, entry.bytes)
        {
            let ListedArray { dtype, shape, order, .. } = entry;
            return Ok(Placed::free(dtype, shape, order, bytes));
        }
        let most = entry.bytes as u64 + npy::MAX_PREFIX;
        self.check(number, entry, way(self.members, member, most, self.meter.as_deref())?)
    }
}

impl<'a> Source<'a> for NpzSource<'a> {
    fn version(&self) -> u16 {
        self.block.version()
    }

    fn inline(&self) -> &'a [u8] {
        self.block.inline()
    }

    fn tables(&self) -> &'a [u8] {
        self.block.tables()
    }

    fn array_bytes(&self) -> u64 {
        self.members.total_size()
    }

    fn path(&self, number: u64) -> Result<ArrayPath<'a>> {
        self.block.path(number)
    }

    fn array(&self, number: u64) -> Result<Placed<'a>> {
        let (entry, member) = self.entry(number)?;
        if self.intact && self.meter.is_none() {
            let ListedArray { dtype, shape, order, bytes, .. } = &entry;
            let head = || PlacedHead::free(dtype.clone(), shape.clone(), *order);
            if let Some(placed) = self.members.known_array(member, dtype, *bytes, head)? {
                return Ok(placed);
            }
        }
        self.load(number, entry, member, Members::array_in_order)
    }

    fn array_to_copy(&self, number: u64) -> Result<Option<ArrayStream<'a>>> {
        let (entry, member) = self.entry(number)?;
        // A byte that is not a bool is an error with its place. The loaded array reports that place.
        if entry.dtype.scalar() == Some(Scalar::Bool) {
            return Ok(None);
        }
        // A mapped array is copied piece by piece only where somebody counts.
        if let Some(meter) = self.meter.as_ref().filter(|_| self.intact)
            && let Some(bytes) = self.members.mapped(member, &entry.dtype, entry.bytes)
            && bytes.len() as u64 >= STREAMED
        {
            let ListedArray { dtype, shape, order, .. } = entry;
            meter.begin(bytes.len() as u64, false);
            let (placed, meter) = (Placed::free(dtype, shape, order, &[]), Some(Arc::clone(meter)));
            return Ok(Some(ArrayStream::new(placed, bytes.len(), LentStream(bytes), meter)));
        }
        let Some(stream) = self.members.array_to_copy(
            member,
            entry.bytes as u64 + npy::MAX_PREFIX,
            self.meter.clone(),
        )?
        else {
            return Ok(None);
        };
        let placed = self.check(number, entry, stream.placed)?;
        Ok(Some(ArrayStream { placed, ..stream }))
    }
}
