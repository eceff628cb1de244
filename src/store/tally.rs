//! A sink that writes nothing. It counts the bytes of arrays that another sink will be given.

use crate::error::Result;

use super::{ArrayHead, Finish, Sink};

#[derive(Default)]
pub(crate) struct Tally {
    /// Whether the other sink takes an array that has a shared owner once.
    shares: bool,
    bytes: u64,
    arrays: u64,
    open: u64,
}

impl Tally {
    pub(crate) fn sharing() -> Self {
        Tally { shares: true, ..Tally::default() }
    }
}

impl Sink for Tally {
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        self.open = head.bytes as u64;
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) -> Result<u64> {
        self.bytes += std::mem::take(&mut self.open);
        self.arrays += 1;
        Ok(self.arrays - 1)
    }

    fn abandon(&mut self) -> Result<()> {
        self.open = 0;
        Ok(())
    }

    fn last_place(&self) -> Option<u64> {
        self.shares.then_some(self.arrays)
    }

    fn repeat(&mut self, _: &ArrayHead<'_>, _: u64) -> Result<Option<u64>> {
        if !self.shares {
            return Ok(None);
        }
        self.arrays += 1;
        Ok(Some(self.arrays - 1))
    }
}

impl Finish for Tally {
    type Output = u64;

    fn finish(self, _: Vec<u8>, _: &[u8]) -> Result<u64> {
        Ok(self.bytes)
    }
}
