//! Writes a safetensors file by its survey: each tensor to its place, then the header before them.

use std::io::{Seek, SeekFrom, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Order};
use crate::memory::live::Kind;
use crate::npy::has_order;
use crate::progress::Meter;

use super::super::{ArrayHead, Finish, Sink};
use super::survey::{Gathered, Outgoing, Survey, not_begun};

/// Writes the object of which the survey was made.
pub(crate) struct TensorSink<'p, W> {
    out: W,
    /// Where the next byte goes.
    at: u64,
    survey: &'p Survey,
    gathered: Gathered,
    /// How many tensors were written.
    done: usize,
    open: Option<Open>,
    /// Counts the bytes of tensors.
    meter: Option<&'p Meter<'p>>,
}

/// The tensor that was begun.
struct Open {
    tensor: Outgoing,
    written: usize,
    way: Way,
}

/// What becomes of the bytes of a tensor.
enum Way {
    /// They are written as they come.
    Straight,
    /// They are kept until all are there, and then written in another order.
    Turned { bytes: Vec<u8>, order: Order, unit: usize },
    /// They are dropped: the survey has another tensor here. That is an error unless the array is given up, as it was before.
    Astray,
}

/// So many bytes are put in order at a time.
const BLOCK: usize = 128 << 10;

impl<'p, W: Write + Seek> TensorSink<'p, W> {
    /// `out` is empty and stands at its start.
    pub(crate) fn new(out: W, survey: &'p Survey) -> Self {
        TensorSink {
            out,
            at: 0,
            survey,
            gathered: Gathered::new(),
            done: 0,
            open: None,
            meter: None,
        }
    }

    /// Has this meter count the bytes of tensors.
    pub(crate) fn with_meter(self, meter: Option<&'p Meter<'p>>) -> Self {
        TensorSink { meter, ..self }
    }

    fn seek(&mut self, place: u64) -> Result<()> {
        if self.at != place {
            self.at = self.out.seek(SeekFrom::Start(place)).map_err(write_error)?;
        }
        Ok(())
    }

    fn put(&mut self, bytes: &[u8]) -> Result<()> {
        self.out.write_all(bytes).map_err(write_error)?;
        self.at += bytes.len() as u64;
        Ok(())
    }

    /// Writes the elements of an array row by row and little-endian.
    fn put_turned(
        &mut self,
        tensor: &Outgoing,
        bytes: &[u8],
        order: Order,
        unit: usize,
    ) -> Result<()> {
        let (shape, item) = (tensor.shape(), tensor.item_size());
        let strides = layout::strides(shape, order);
        let mut room = Vec::with_capacity(BLOCK + item);
        for place in layout::row_major(shape, &strides) {
            let start = room.len();
            room.extend_from_slice(&bytes[place * item..(place + 1) * item]);
            if unit > 1 {
                room[start..].chunks_exact_mut(unit).for_each(<[u8]>::reverse);
            }
            if room.len() >= BLOCK {
                self.put_counted(&room)?;
                room.clear();
            }
        }
        self.put_counted(&room)
    }

    /// Writes bytes of a tensor.
    fn put_counted(&mut self, bytes: &[u8]) -> Result<()> {
        match self.meter {
            Some(meter) => meter.pieces(bytes, |piece| self.put(piece)),
            None => self.put(bytes),
        }
    }
}

impl<W: Write + Seek> Sink for TensorSink<'_, W> {
    /// The length of the file.
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        let tensor = self.gathered.begin(head)?;
        let unit = if head.dtype.is_big_endian() { head.dtype.unit_size() } else { 1 };
        let way = match self.survey.tensors.get(self.done) {
            Some((expected, place)) if *expected == tensor => {
                let is_turned = head.order == Order::F && has_order(head.shape);
                if is_turned || unit > 1 {
                    let mut bytes = Vec::new();
                    bytes.try_reserve_exact(head.bytes).map_err(|error| {
                        let error = std::io::Error::new(std::io::ErrorKind::OutOfMemory, error);
                        Error::io("cannot put an array in row-major order", error)
                    })?;
                    Way::Turned { bytes, order: head.order, unit }
                } else {
                    self.seek(*place)?;
                    Way::Straight
                }
            }
            _ => Way::Astray,
        };
        self.open = Some(Open { tensor, written: 0, way });
        if let Some(meter) = self.meter {
            meter.begin(head.bytes as u64, head.kind == Kind::Locked);
        }
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let open = self.open.as_mut().ok_or_else(not_begun)?;
        // What is too much would be written over the next tensor. It is an error at the end, unless the array is given up.
        let room = open.tensor.bytes.saturating_sub(open.written);
        open.written = open.written.saturating_add(bytes.len());
        let bytes = &bytes[..room.min(bytes.len())];
        match &mut open.way {
            Way::Straight => self.put_counted(bytes),
            Way::Turned { bytes: kept, .. } => {
                kept.extend_from_slice(bytes);
                Ok(())
            }
            Way::Astray => Ok(()),
        }
    }

    fn end(&mut self) -> Result<u64> {
        let Open { tensor, written, way } = self.open.take().ok_or_else(not_begun)?;
        if written != tensor.bytes {
            return Err(wrong_length(&tensor, written));
        }
        match way {
            Way::Straight => {}
            Way::Turned { bytes, order, unit } => {
                let (_, place) = self.survey.tensors[self.done];
                self.seek(place)?;
                self.put_turned(&tensor, &bytes, order, unit)?;
            }
            Way::Astray => return Err(changed()),
        }
        self.done += 1;
        self.gathered.end(&tensor)
    }

    fn abandon(&mut self) -> Result<()> {
        if let Some(Open { tensor, .. }) = self.open.take() {
            self.gathered.abandon(&tensor);
            if let Some(meter) = self.meter {
                meter.abandon(tensor.bytes as u64);
            }
        }
        Ok(())
    }
}

impl<W: Write + Seek> Finish for TensorSink<'_, W> {
    type Output = u64;

    fn finish(mut self, inline: Vec<u8>, tables: &[u8]) -> Result<u64> {
        let gathered = std::mem::replace(&mut self.gathered, Gathered::new());
        let block = gathered.finish(&inline, tables)?;
        if self.done != self.survey.tensors.len() || block != self.survey.block {
            return Err(changed());
        }
        self.seek(0)?;
        self.put(&self.survey.head)?;
        Ok(self.survey.len)
    }
}

fn write_error(error: std::io::Error) -> Error {
    Error::io("cannot write the file", error)
}

fn wrong_length(tensor: &Outgoing, written: usize) -> Error {
    Error::new(
        ErrorKind::Message,
        format!(
            "array `{}` gave {written} bytes where {} were announced",
            tensor.name, tensor.bytes
        ),
    )
}

/// The header stands before what it describes, so the value was serialized twice.
fn changed() -> Error {
    Error::new(
        ErrorKind::Message,
        "the value was not the same when it was serialized a second time, which a safetensors file needs; save it by `to_npz`",
    )
}
