//! The block of an archive, whose arrays are its members.

use crate::error::Result;

use super::block::{BlockSink, FLAG_EXTERNAL};
use super::directory::DirectoryBuilder;
use super::{ArrayHead, Nonce};

/// The block of an archive: everything but the arrays, whose order, dtypes and shapes it names.
pub(crate) struct ExternalBlock {
    directory: DirectoryBuilder,
}

impl ExternalBlock {
    pub(crate) fn new() -> Self {
        ExternalBlock { directory: DirectoryBuilder::default() }
    }

    pub(crate) fn push(&mut self, head: &ArrayHead<'_>) -> Result<u64> {
        self.directory.push(head, 0)
    }

    pub(crate) fn finish(self, inline: &[u8], tables: &[u8]) -> Result<Vec<u8>> {
        let mut sink = BlockSink::with_flags(Vec::new(), Nonce::default(), FLAG_EXTERNAL);
        sink.directory = self.directory;
        sink.complete(inline, tables)
    }
}
