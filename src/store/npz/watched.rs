//! An archive of which one call reads: with the meter that counts for the call.

use std::sync::Arc;

use crate::error::Result;
use crate::progress::Meter;

use super::super::{NamedArrays, Placed};
use super::members::Members;

/// The arrays of an archive, and what counts the bytes of those that are loaded.
#[derive(Clone)]
pub(crate) struct WatchedMembers<'a> {
    pub(crate) members: &'a Members,
    pub(crate) meter: Option<Arc<Meter<'a>>>,
}

impl<'a> NamedArrays<'a> for WatchedMembers<'a> {
    fn array_at(&self, index: usize) -> Result<Placed<'a>> {
        self.members.array_in_order(index, u64::MAX, self.meter.as_deref())
    }
}
