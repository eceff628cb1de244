//! A block whose arrays are not in it but beside it in its file, each under its name.

use crate::error::Result;

use super::block::{BlockSink, FLAG_EXTERNAL};
use super::directory::DirectoryBuilder;
use super::{ArrayHead, Nonce, Sink};

/// Everything of an object but its arrays, whose order, names, dtypes and shapes it says.
#[derive(Default)]
pub(crate) struct ExternalBlock {
    directory: DirectoryBuilder,
}

impl ExternalBlock {
    /// Adds an array and gives its number. The path is the name that the array has in the file.
    pub(crate) fn push(&mut self, head: &ArrayHead<'_>) -> Result<u64> {
        self.directory.push(head, 0)
    }

    /// The whole block. `beside` stands where other blocks have their arrays.
    pub(crate) fn finish(
        self,
        beside: &[u8],
        inline: &[u8],
        tables: &[u8],
        nonce: Nonce,
    ) -> Result<Vec<u8>> {
        let mut sink = BlockSink::with_flags(Vec::new(), nonce, FLAG_EXTERNAL);
        sink.directory = self.directory;
        if !beside.is_empty() {
            sink.write(beside)?;
        }
        sink.complete(inline, tables)
    }
}
