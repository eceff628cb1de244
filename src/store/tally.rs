//! A sink that writes nothing. It counts the bytes that the arrays of an object have.

use crate::error::Result;

use super::{ArrayHead, Finish, Sink};

#[derive(Default)]
pub(crate) struct Tally {
    bytes: u64,
    arrays: u64,
    open: u64,
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
}

impl Finish for Tally {
    type Output = u64;

    fn finish(self, _: Vec<u8>, _: &[u8]) -> Result<u64> {
        Ok(self.bytes)
    }
}
