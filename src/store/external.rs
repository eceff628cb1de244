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

    /// The nonce is that of the archive's directory: [`fingerprint`].
    pub(crate) fn finish(self, inline: &[u8], tables: &[u8], nonce: Nonce) -> Result<Vec<u8>> {
        let mut sink = BlockSink::with_flags(Vec::new(), nonce, FLAG_EXTERNAL);
        sink.directory = self.directory;
        sink.complete(inline, tables)
    }
}

/// What the block of an archive has for a nonce: the checksum of the directory's entries before its own, and how many they
/// are. While the directory still has it, the members are as they were written.
pub(crate) fn fingerprint(sum: u32, count: u64) -> Nonce {
    let mut nonce = Nonce::default();
    nonce[..4].copy_from_slice(&sum.to_le_bytes());
    nonce[4..12].copy_from_slice(&count.to_le_bytes());
    nonce
}
