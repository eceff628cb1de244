//! A block in memory. An object without arrays is not copied into it: the serializer's own buffer becomes the block.

use crate::error::Result;
use crate::layout::ARRAY_ALIGN;
use crate::memory::AlignedBytes;
use crate::progress::Meter;

use super::block::{BlockSink, HEADER};
use super::{ArrayHead, Finish, Nonce, Sink};

/// Where allocators put large blocks, modulo 64: a page and their own two words.
const LIKELY_START: usize = ARRAY_ALIGN - 16;

/// Room for the inline values that most objects have beside one large array, so that writing them does not move the array.
const REST: usize = 4096;

pub(crate) struct BytesSink<'m>(BlockSink<'m, AlignedBytes>);

impl<'m> BytesSink<'m> {
    pub(crate) fn new(meter: Option<&'m Meter<'m>>) -> Self {
        BytesSink(BlockSink::new(AlignedBytes::new(), Nonce::default()).with_meter(meter))
    }
}

impl Sink for BytesSink<'_> {
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        self.0.begin(head)
    }

    fn expect(&mut self, bytes: usize) {
        // If there is no memory now, a later write fails and reports it.
        let _ = self.0.out_mut().try_reserve(bytes.saturating_add(REST));
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if self.0.meter.is_some() {
            // They come in pieces, for which the block would grow again and again.
            self.expect(bytes.len());
        }
        self.0.write(bytes)
    }

    fn end(&mut self) -> Result<u64> {
        self.0.end()
    }

    fn next(&mut self, shape: &[usize], bytes: &[u8]) -> Result<Option<u64>> {
        self.0.next(shape, bytes)
    }

    fn abandon(&mut self) -> Result<()> {
        self.0.abandon()
    }

    fn last_place(&self) -> Option<u64> {
        self.0.last_place()
    }

    fn repeat(&mut self, head: &ArrayHead<'_>, place: u64) -> Result<Option<u64>> {
        self.0.repeat(head, place)
    }
}

impl Finish for BytesSink<'_> {
    type Output = AlignedBytes;

    const HEADROOM: usize = LIKELY_START + HEADER;

    fn finish(self, mut buffer: Vec<u8>, tables: &[u8]) -> Result<AlignedBytes> {
        let inline = &buffer[Self::HEADROOM..];
        if !self.0.is_empty() {
            return self.0.complete(inline, tables);
        }
        let trailer = self.0.trailer(HEADER as u64, inline, tables, [&[]; 3], 0);
        buffer.reserve(tables.len() + trailer.len());
        buffer.extend_from_slice(tables);
        buffer.extend_from_slice(&trailer);
        Ok(AlignedBytes::adopt(buffer, Self::HEADROOM - HEADER, self.0.header()))
    }
}
