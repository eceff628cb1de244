//! How a file is read by a call whose progress is counted, or by one that nobody watches.

use std::sync::Arc;

#[cfg(feature = "ndarray")]
use super::super::lookup;
use super::archive::Npz;
use crate::de::Opened;
use crate::error::Result;
use crate::progress::{Meter, Progress, Work, sharing_meter};
use crate::store::{NpzSource, Tree, WatchedMembers};
#[cfg(feature = "ndarray")]
use crate::{
    array,
    store::{ArrayStream, Members, Placed, Source as _},
};

impl Npz {
    /// The file's members, of which this meter counts those that are loaded.
    pub(super) fn watched<'a>(&'a self, meter: Option<Arc<Meter<'a>>>) -> WatchedMembers<'a> {
        WatchedMembers { members: &self.members, meter }
    }

    /// Calls `read` with the file's content, and tells this function how much of it was loaded.
    pub(super) fn open_counted<'a, 'p: 'a, R>(
        &'a self,
        progress: Option<&Progress<'p>>,
        read: impl FnOnce(Opened<'_, 'a>) -> Result<R>,
    ) -> Result<R> {
        let all = || match &self.rest {
            Some(rest) => NpzSource::new(self.watched(None), rest)?.bytes_of_arrays().map(Some),
            None => Ok(Some(self.members.total_size())),
        };
        sharing_meter(progress, Work::READ, all, |meter| {
            let (region, watched) = (self.members.region(), self.watched(meter));
            if let Some(rest) = &self.rest {
                return read(Opened::Source(&NpzSource::new(watched, rest)?, region));
            }
            self.members.check_arrays()?;
            read(Opened::Tree(&Tree::new(watched, self.members.places()), region))
        })
    }

    /// The array of this path, which `way` loads.
    #[cfg(feature = "ndarray")]
    pub(super) fn placed_by<'a>(
        &'a self,
        path: &str,
        way: impl Fn(&'a Members, usize, u64, Option<&Meter<'_>>) -> Result<Placed<'a>>,
        meter: Option<&Arc<Meter<'a>>>,
    ) -> Result<Placed<'a>> {
        let open = |rest| NpzSource::new(self.watched(meter.cloned()), rest);
        let source = self.rest.as_ref().map(open).transpose()?;
        if let Some(source) = &source
            && let Some(placed) = source.find(path, &way)?
        {
            return Ok(placed);
        }
        // This also finds arrays that another program put into the archive beside the object.
        if let Some(member) = self.members.find_array(path) {
            return way(&self.members, member, u64::MAX, meter.map(|meter| &**meter));
        }
        if let Some(source) = &source {
            let directory = source.directory();
            return Err(lookup::no_array(path, directory.len(), directory.paths()));
        }
        self.members.check_arrays()?;
        let names = || self.members.array_names().map(|(_, name)| name);
        Err(lookup::no_array(path, names().count() as u64, names()))
    }

    /// The array of this path as a view.
    #[cfg(feature = "ndarray")]
    pub(in crate::verbs) fn view_counted<'a, A: crate::Element, D: ndarray::Dimension>(
        &'a self,
        path: &str,
        meter: Option<&Arc<Meter<'a>>>,
    ) -> Result<ndarray::ArrayView<'a, A, D>> {
        self.placed_by(path, Members::array, meter)
            .and_then(|placed| array::view(path, &placed))
            .map_err(|error| self.named(error))
    }

    /// The array of this path as a stream, for a caller that copies it: `None` if it is better loaded.
    #[cfg(feature = "ndarray")]
    pub(in crate::verbs) fn stream<'a>(
        &'a self,
        path: &str,
        meter: Option<&Arc<Meter<'a>>>,
    ) -> Result<Option<ArrayStream<'a>>> {
        let stream = || {
            if let Some(rest) = &self.rest {
                let source = NpzSource::new(self.watched(meter.cloned()), rest)?;
                if let Some(number) = source.number_of(path) {
                    return source.array_to_copy(number);
                }
            }
            match self.members.find_array(path) {
                Some(member) => self.members.array_to_copy(member, u64::MAX, meter.cloned()),
                None => Ok(None),
            }
        };
        stream().map_err(|error| self.named(error))
    }

    /// The function that is told of what this handle reads.
    #[cfg(feature = "ndarray")]
    pub(in crate::verbs) fn watcher(&self) -> Option<&Progress<'static>> {
        self.progress.as_ref()
    }
}
