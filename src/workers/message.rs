//! A value on its way between two processes: bytes if it is small, sealed memory if it is large.

use std::fs::File;
use std::io::{self, Write};

use serde::de::DeserializeOwned;
use serde::ser::Serialize;

use crate::{AlignedBytes, Block, Error, ErrorKind, MemoryWriter, Result, Segment, to_writer};

/// A value of more bytes goes as sealed memory. The sender writes that memory once and the receiver maps it. A socket would
/// carry the value in pieces, with a copy in and a copy out. `benches/workers.rs` measures both.
const LARGE: usize = 256 << 10;

/// What a frame carries: bytes, or open files.
#[derive(Default)]
pub struct Message {
    pub(super) bytes: AlignedBytes,
    pub(super) files: Vec<File>,
}

impl Message {
    pub(super) fn text(text: &str) -> Self {
        Message { bytes: AlignedBytes::copy_from(text.as_bytes()), files: Vec::new() }
    }

    /// Writes a value. Each array is copied once.
    pub(super) fn of<T: Serialize + ?Sized>(value: &T) -> Result<Self> {
        let mut spill = Spill { bytes: AlignedBytes::new(), memory: None };
        to_writer(&mut spill, value)?;
        let Spill { bytes, memory } = spill;
        let files = memory.map(MemoryWriter::seal).transpose()?.into_iter().collect();
        Ok(Message { bytes, files })
    }

    /// Reads a value. Arrays whose types can share the message's memory stay in it.
    pub(super) fn read<T: DeserializeOwned>(self) -> Result<T> {
        match self.files.into_iter().next() {
            None => Block::new(self.bytes)?.get(),
            // If an array of the value lies in the mapping, the mapping stays. The descriptor is closed.
            Some(memory) => segment(memory)?.get(),
        }
    }
}

#[cfg(unix)]
fn segment(memory: File) -> Result<Segment> {
    Segment::from_fd(memory.into())
}

/// No other process can send one on this platform.
#[cfg(not(unix))]
fn segment(_: File) -> Result<Segment> {
    Err(missing())
}

/// A writer that keeps bytes in this process's memory up to [`LARGE`], and beyond that moves them to memory to be sealed.
struct Spill {
    bytes: AlignedBytes,
    memory: Option<MemoryWriter>,
}

impl Write for Spill {
    fn write(&mut self, more: &[u8]) -> io::Result<usize> {
        if self.memory.is_none() && self.bytes.len() + more.len() > LARGE {
            let mut memory = MemoryWriter::new().map_err(io::Error::other)?;
            memory.write_all(&self.bytes)?;
            self.bytes = AlignedBytes::new();
            self.memory = Some(memory);
        }
        match &mut self.memory {
            Some(memory) => memory.write(more),
            None => self.bytes.write(more),
        }
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// The error for a message that came without files that its header or its kind promises.
pub(super) fn missing() -> Error {
    Error::new(ErrorKind::Corrupt, "a message came without what belongs to it")
}
