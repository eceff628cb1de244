//! Writes an .npz file: one `.npy` member for each array, named by its path in the object, and a member with the rest.

use std::io::{Seek, Write};

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Order;
use crate::memory::live::Kind;
use crate::npy;
use crate::progress::Meter;
use crate::zip::{ArchiveWriter, PIECE, Pieces, Settings};

use super::super::external::ExternalBlock;
use super::super::names::ArrayNames;
use super::super::{ArrayHead, Finish, Sink};
use super::names::{REST, file_name};
use super::pieces::{encode_pieces, fingerprint};

/// Writes an .npz file. The object's arrays come first and in their order, then the rest.
pub(crate) struct NpzSink<'r, W: Write + Seek> {
    archive: ArchiveWriter<'r, W>,
    settings: Settings,
    block: ExternalBlock,
    /// The pieces of members that were compressed in several, by the numbers of the arrays.
    pieces: Vec<(u64, Pieces)>,
    names: ArrayNames,
    /// The header of the array that was begun last. The next array often has the same.
    header: Header,
    open: Option<Open>,
    /// Counts the bytes of arrays that were dealt with.
    meter: Option<&'r Meter<'r>>,
}

/// The array that was begun. It has the last header.
struct Open {
    name: String,
    bytes: usize,
    written: usize,
}

/// The header of a member, with what it was made of.
struct Header {
    dtype: DType,
    shape: Vec<usize>,
    order: Order,
    text: Vec<u8>,
}

impl Header {
    fn new(dtype: &DType, shape: &[usize], order: Order, align: u16) -> Self {
        let text = npy::header(dtype, shape, order, align.into());
        Header { dtype: dtype.clone(), shape: shape.to_vec(), order, text }
    }

    fn is_of(&self, dtype: &DType, shape: &[usize], order: Order) -> bool {
        self.dtype == *dtype && self.shape == shape && self.order == order
    }
}

impl<'r, W: Write + Seek> NpzSink<'r, W> {
    /// `out` is empty and stands at its start.
    pub(crate) fn new(out: W, settings: Settings, meter: Option<&'r Meter<'r>>) -> Self {
        NpzSink {
            settings,
            archive: ArchiveWriter::new(out, settings).with_meter(meter),
            block: ExternalBlock::default(),
            pieces: Vec::new(),
            names: ArrayNames::new(REST),
            header: Header::new(&DType::U8, &[], Order::C, settings.align),
            open: None,
            meter,
        }
    }

    /// Starts a member with the header of an array.
    fn member(
        &mut self,
        name: &str,
        dtype: &DType,
        shape: &[usize],
        order: Order,
        bytes: usize,
    ) -> Result<()> {
        if !self.header.is_of(dtype, shape, order) {
            self.header = Header::new(dtype, shape, order, self.settings.align);
        }
        let header = &self.header.text;
        self.archive.begin(&file_name(name), header.len() as u64 + bytes as u64)?;
        self.archive.write(header)
    }
}

impl<W: Write + Seek> Sink for NpzSink<'_, W> {
    /// The file that was written to, and where the archive ends in it. Bytes of an abandoned array may follow.
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        let name = self.names.take(head.path);
        self.member(&name, head.dtype, head.shape, head.order, head.bytes)?;
        self.open = Some(Open { name, bytes: head.bytes, written: 0 });
        if let Some(meter) = self.meter {
            meter.begin(head.bytes as u64, head.kind == Kind::Locked);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(open) = &mut self.open {
            open.written += bytes.len();
        }
        let Some(meter) = self.meter else { return self.archive.write(bytes) };
        let mut told = 0;
        let mut tell = |done: usize| {
            let new = done.min(bytes.len()).saturating_sub(told);
            told += new;
            // The writer sees that it is cancelled.
            let _ = meter.add(new as u64);
        };
        self.archive.write_telling(bytes, &mut tell)?;
        tell(bytes.len());
        meter.check()
    }

    fn end(&mut self) -> Result<u64> {
        let Some(Open { name, bytes, written }) = self.open.take() else {
            return Err(Error::new(ErrorKind::Message, "an array was ended that was not begun"));
        };
        if written != bytes {
            return Err(Error::new(
                ErrorKind::Message,
                format!("array `{name}` gave {written} bytes where {bytes} were announced"),
            ));
        }
        let pieces = Pieces { piece: PIECE, packed: self.archive.end()? };
        let &Header { ref dtype, ref shape, order, .. } = &self.header;
        let head = ArrayHead {
            path: &name,
            follows: false,
            dtype,
            shape,
            order,
            kind: Kind::Plain,
            bytes,
        };
        let number = self.block.push(&head)?;
        if pieces.packed.len() > 1 {
            self.pieces.push((number, pieces));
        }
        Ok(number)
    }

    fn abandon(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.names.give_back(&open.name);
            if let Some(meter) = self.meter {
                meter.abandon(open.bytes as u64);
            }
        }
        self.archive.abandon()
    }
}

impl<W: Write + Seek> Finish for NpzSink<'_, W> {
    type Output = (W, u64);

    fn finish(mut self, inline: Vec<u8>, tables: &[u8]) -> Result<(W, u64)> {
        let block = std::mem::take(&mut self.block);
        let (sum, count) = self.archive.directory_sum()?;
        let pieces = encode_pieces(&self.pieces);
        let rest = block.finish(&pieces, &inline, tables, fingerprint(sum, count))?;
        self.member(REST, &DType::U8, &[rest.len()], Order::C, rest.len())?;
        self.archive.write(&rest)?;
        self.archive.end()?;
        self.archive.finish()
    }
}
