//! Writes an archive, front to back.

use std::io::{self, Seek, Write};

use crate::error::{Error, ErrorKind, Result};

use super::records::{
    ALIGNMENT, DEFLATED, END, END64, END64_LEN, ENTRY, FULL, FULL16, LOCAL, LOCAL_LEN, LOCATOR64,
    STORED, UTF8, ZIP64, name_fault,
};
use super::window::{BLOCK, Window};

/// How an archive is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// Stored members' data starts at multiples of this: a power of two of at most 32768.
    pub(crate) align: u16,
    /// The level at which members are compressed that get smaller by it; `None` stores all.
    pub(crate) deflate: Option<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { align: crate::layout::ARRAY_ALIGN as u16, deflate: None }
    }
}

/// Writes an archive. The same members give the same bytes: no time of day gets in.
pub(crate) struct ArchiveWriter<W: Write + Seek> {
    out: Window<W>,
    settings: Settings,
    /// The directory's entries so far, and how many.
    directory: Vec<u8>,
    count: u64,
    open: Option<Open>,
}

/// The member that was begun.
struct Open {
    name: String,
    size: u64,
    written: u64,
    /// Where its header stands.
    header: u64,
    sum: crc32fast::Hasher,
}

/// What a member's headers say in the end.
struct Record<'a> {
    name: &'a str,
    method: u16,
    crc: u32,
    size: u64,
    stored_size: u64,
    header: u64,
}

impl<W: Write + Seek> ArchiveWriter<W> {
    /// `out` is empty and stands at its start.
    pub(crate) fn new(out: W, settings: Settings) -> Self {
        debug_assert!(settings.align.is_power_of_two());
        ArchiveWriter {
            out: Window::new(out),
            settings,
            directory: Vec::new(),
            count: 0,
            open: None,
        }
    }

    /// Starts a member of exactly `size` bytes. The name was not used before.
    ///
    /// # Errors
    ///
    /// `Limit` if the name is longer than 65,535 bytes or one that readers would refuse.
    pub(crate) fn begin(&mut self, name: &str, size: u64) -> Result<()> {
        if let Some(open) = &self.open {
            return Err(misuse(format!("member `{}` was not ended before the next", open.name)));
        }
        if let Some(fault) = name_fault(name) {
            return Err(limit(format!("member `{}`: {fault}", name.escape_debug())));
        }
        if u16::try_from(name.len()).is_err() {
            return Err(limit("a member's name is longer than 65535 bytes"));
        }
        let header = self.out.position();
        let bytes = local_header(name, STORED, size, header, self.settings.align);
        self.out.append(&bytes).map_err(write_error)?;
        let sum = crc32fast::Hasher::new();
        self.open = Some(Open { name: name.to_owned(), size, written: 0, header, sum });
        Ok(())
    }

    /// The member's next bytes.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(open) = &mut self.open else {
            return Err(misuse("bytes were written outside of a member"));
        };
        open.written += bytes.len() as u64;
        if open.written > open.size {
            return Err(open.wrong_size());
        }
        // The first block ends where a page of the file does, so that no page is written in two goes.
        let first = BLOCK - (self.out.position() % 4096) as usize;
        let (first, rest) = bytes.split_at(first.min(bytes.len()));
        for block in std::iter::once(first).chain(rest.chunks(BLOCK)) {
            open.sum.update(block);
            self.out.append(block).map_err(write_error)?;
        }
        Ok(())
    }

    /// Ends the member.
    ///
    /// # Errors
    ///
    /// `Message` if it was given fewer bytes than announced.
    pub(crate) fn end(&mut self) -> Result<()> {
        let Some(open) = self.open.take() else {
            return Err(misuse("a member was ended that was not begun"));
        };
        if open.written != open.size {
            return Err(open.wrong_size());
        }
        let record = Record {
            name: &open.name,
            method: STORED,
            crc: open.sum.finalize(),
            size: open.size,
            stored_size: open.size,
            header: open.header,
        };
        self.out.patch(record.header + 14, &record.crc.to_le_bytes()).map_err(write_error)?;
        record.push_entry(&mut self.directory);
        self.count += 1;
        Ok(())
    }

    /// Takes the member that was begun back: the next one starts where it did.
    pub(crate) fn abandon(&mut self) -> Result<()> {
        match self.open.take() {
            Some(open) => self.out.truncate(open.header).map_err(write_error),
            None => Ok(()),
        }
    }

    /// Writes the directory; gives the output and the archive's length. Bytes of an abandoned member may stand behind
    /// it, where `out` is a file that only its owner can cut.
    pub(crate) fn finish(mut self) -> Result<(W, u64)> {
        if let Some(open) = &self.open {
            return Err(misuse(format!("member `{}` was not ended", open.name)));
        }
        let start = self.out.position();
        push_end(&mut self.directory, start, self.count);
        self.out.append(&self.directory).map_err(write_error)?;
        self.out.finish().map_err(write_error)
    }
}

impl Open {
    #[cold]
    fn wrong_size(&self) -> Error {
        misuse(format!(
            "member `{}` gave {} bytes where {} were announced",
            self.name, self.written, self.size
        ))
    }
}

/// Writers of today make this; the lower byte is the version of the format that a reader must know.
fn version(zip64: bool) -> u16 {
    if zip64 { 45 } else { 20 }
}

/// Unix, whose permissions the entries have.
const SYSTEM: u16 = 3 << 8;

/// The first day that the format knows, at midnight.
const DATE: u16 = 1 << 5 | 1;

/// A regular file that its owner may write and all may read.
const MODE: u32 = 0o100_644 << 16;

fn flags(name: &str) -> u16 {
    if name.is_ascii() { 0 } else { UTF8 }
}

/// Compressed data may be a little longer than what it was made of, before that is seen.
fn is_large(size: u64) -> bool {
    size >= u64::from(FULL) - (16 << 20)
}

fn low(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(FULL)
}

/// A member's own header with all that stands before its data. Its checksum comes later.
fn local_header(name: &str, method: u16, size: u64, header: u64, align: u16) -> Vec<u8> {
    let zip64 = is_large(size);
    let mut extra = Vec::new();
    if zip64 {
        extra.extend_from_slice(&ZIP64.to_le_bytes());
        extra.extend_from_slice(&16_u16.to_le_bytes());
        extra.extend_from_slice(&size.to_le_bytes());
        extra.extend_from_slice(&size.to_le_bytes());
    }
    let data = header + (LOCAL_LEN + name.len() + extra.len()) as u64;
    let mut pad = usize::from(align) - (data % u64::from(align)) as usize;
    if method == STORED && pad < usize::from(align) {
        // The field needs six bytes for itself.
        while pad < 6 {
            pad += usize::from(align);
        }
        extra.extend_from_slice(&ALIGNMENT.to_le_bytes());
        extra.extend_from_slice(&(pad as u16 - 4).to_le_bytes());
        extra.extend_from_slice(&align.to_le_bytes());
        extra.resize(extra.len() + pad - 6, 0);
    }
    let size = if zip64 { FULL } else { low(size) };
    let mut bytes = Vec::with_capacity(LOCAL_LEN + name.len() + extra.len());
    bytes.extend_from_slice(&LOCAL);
    for number in [version(zip64), flags(name), method, 0, DATE] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    for number in [0, size, size] {
        bytes.extend_from_slice(&number.to_le_bytes());
    }
    bytes.extend_from_slice(&(name.len() as u16).to_le_bytes());
    bytes.extend_from_slice(&(extra.len() as u16).to_le_bytes());
    bytes.extend_from_slice(name.as_bytes());
    bytes.extend_from_slice(&extra);
    bytes
}

impl Record<'_> {
    /// Appends the entry of the directory.
    fn push_entry(&self, directory: &mut Vec<u8>) {
        let numbers = [self.size, self.stored_size, self.header];
        let large: Vec<u64> = numbers.into_iter().filter(|&number| low(number) == FULL).collect();
        let extra = if large.is_empty() { 0 } else { 4 + 8 * large.len() as u16 };
        let version = version(extra > 0 || is_large(self.size));
        directory.extend_from_slice(&ENTRY);
        for number in [SYSTEM | version, version, flags(self.name), self.method, 0, DATE] {
            directory.extend_from_slice(&number.to_le_bytes());
        }
        for number in [self.crc, low(self.stored_size), low(self.size)] {
            directory.extend_from_slice(&number.to_le_bytes());
        }
        // Lengths of the name, the extra field and the comment; disk; kind of content.
        for number in [self.name.len() as u16, extra, 0, 0, 0] {
            directory.extend_from_slice(&number.to_le_bytes());
        }
        for number in [MODE, low(self.header)] {
            directory.extend_from_slice(&number.to_le_bytes());
        }
        directory.extend_from_slice(self.name.as_bytes());
        if extra > 0 {
            directory.extend_from_slice(&ZIP64.to_le_bytes());
            directory.extend_from_slice(&(extra - 4).to_le_bytes());
            for number in large {
                directory.extend_from_slice(&number.to_le_bytes());
            }
        }
    }
}

/// Appends the end to a directory that will start there.
fn push_end(directory: &mut Vec<u8>, start: u64, count: u64) {
    let size = directory.len() as u64;
    let short_count = u16::try_from(count).unwrap_or(FULL16);
    if short_count == FULL16 || low(size) == FULL || low(start) == FULL {
        let version = version(true);
        directory.extend_from_slice(&END64);
        directory.extend_from_slice(&(END64_LEN as u64 - 12).to_le_bytes());
        directory.extend_from_slice(&(SYSTEM | version).to_le_bytes());
        directory.extend_from_slice(&version.to_le_bytes());
        directory.extend_from_slice(&[0; 8]);
        for number in [count, count, size, start] {
            directory.extend_from_slice(&number.to_le_bytes());
        }
        directory.extend_from_slice(&LOCATOR64);
        directory.extend_from_slice(&[0; 4]);
        directory.extend_from_slice(&(start + size).to_le_bytes());
        directory.extend_from_slice(&1_u32.to_le_bytes());
    }
    directory.extend_from_slice(&END);
    directory.extend_from_slice(&[0; 4]);
    for number in [short_count, short_count] {
        directory.extend_from_slice(&number.to_le_bytes());
    }
    for number in [low(size), low(start)] {
        directory.extend_from_slice(&number.to_le_bytes());
    }
    directory.extend_from_slice(&[0; 2]);
}

#[cold]
fn write_error(error: io::Error) -> Error {
    Error::io("cannot write the archive", error)
}

#[cold]
fn misuse(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Message, what)
}

#[cold]
fn limit(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Limit, what)
}
