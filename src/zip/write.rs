//! Writes an archive, front to back.

use std::io::{self, Seek, Write};

use crate::error::{Error, ErrorKind, Result};
use crate::progress::Meter;

use super::pack::{
    BATCH, Fit, PIECE, Packed, Piece, fit, fit_all, is_worth, looks_worth, pack_telling, pieces,
};
use super::records::{
    ALIGNMENT, DEFLATED, END, END64, END64_LEN, ENTRY, FULL, FULL16, LOCAL, LOCAL_LEN, LOCATOR64,
    STORED, UTF8, ZIP64, name_fault,
};
use super::window::{BLOCK, Window};

/// A member of up to this size is compressed together with others, from a copy.
const GATHERED: u64 = 4 << 20;

/// A member from nearly this size on has sizes of 64 bits. Compressed data may be a little longer than its content before
/// the writer sees it and stores the content.
const WIDE_FROM: u64 = FULL as u64 - (16 << 20);

/// How an archive is written.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Settings {
    /// The data of stored members starts at multiples of this number: a power of two, at most 32,768.
    pub(crate) align: u16,
    /// The level at which members are compressed if that makes them smaller. `None` stores all members.
    pub(crate) deflate: Option<u8>,
}

impl Default for Settings {
    fn default() -> Self {
        Settings { align: crate::layout::ARRAY_ALIGN as u16, deflate: None }
    }
}

/// Writes an archive. The same calls give the same bytes, because the archive contains no time of day.
pub(crate) struct ArchiveWriter<'m, W: Write + Seek> {
    out: Window<W>,
    settings: Settings,
    /// The directory's entries so far, and how many they are.
    directory: Vec<u8>,
    count: u64,
    open: Option<Open>,
    /// The last header, kept so that its memory is used again.
    header: Vec<u8>,
    /// From this size on a member has 64-bit sizes.
    wide_from: u64,
    /// Members that have ended and wait to be compressed, and their bytes.
    waiting: Vec<Waiting>,
    waiting_bytes: usize,
    /// Asked while much is compressed. It counts nothing here.
    meter: Option<&'m Meter<'m>>,
}

/// The member that was begun.
struct Open {
    name: String,
    size: u64,
    written: u64,
    way: Way,
}

/// How the open member is written.
enum Way {
    Stored(Started),
    /// Compressed later, with others.
    Gathered(Vec<u8>),
    /// Compressed as it comes.
    Deflated(Deflating),
}

/// A member that is compressed as it comes.
struct Deflating {
    started: Started,
    /// How many compressed bytes were written.
    packed: u64,
    /// The compressed lengths of the pieces that were written.
    pieces: Vec<u32>,
    /// How it is compressed, once a piece was. Before that, only the level is known.
    fit: Fit,
    /// The bytes that came and were not compressed yet.
    held: Vec<u8>,
}

/// A member whose header was written.
struct Started {
    header: u64,
    sum: crc32fast::Hasher,
}

struct Waiting {
    name: String,
    data: Vec<u8>,
}

impl<'m, W: Write + Seek> ArchiveWriter<'m, W> {
    /// `out` must be empty, with its position at the start.
    pub(crate) fn new(out: W, settings: Settings) -> Self {
        debug_assert!(settings.align.is_power_of_two());
        ArchiveWriter {
            out: Window::new(out),
            settings,
            directory: Vec::new(),
            count: 0,
            open: None,
            header: Vec::new(),
            wide_from: WIDE_FROM,
            waiting: Vec::new(),
            waiting_bytes: 0,
            meter: None,
        }
    }

    /// Has this meter asked while much is compressed or stored.
    pub(crate) fn with_meter(self, meter: Option<&'m Meter<'m>>) -> Self {
        ArchiveWriter { meter, ..self }
    }

    /// Gives members 64-bit sizes from this size on.
    #[cfg(test)]
    pub(super) fn with_wide_from(mut self, size: u64) -> Self {
        self.wide_from = size;
        self
    }

    /// Starts a member of exactly `size` bytes. No member may have this name already.
    ///
    /// # Errors
    ///
    /// `Limit` if the name is longer than 65,535 bytes, or if readers would refuse it.
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
        let way = match self.settings.deflate {
            None => Way::Stored(self.start(name, STORED, size)?),
            Some(_) if size <= GATHERED => Way::Gathered(Vec::new()),
            Some(level) => {
                self.flush_waiting()?;
                let started = self.start(name, DEFLATED, size)?;
                let (pieces, held) = (Vec::new(), Vec::new());
                let fit = Fit::new(level);
                Way::Deflated(Deflating { started, packed: 0, pieces, fit, held })
            }
        };
        self.open = Some(Open { name: name.to_owned(), size, written: 0, way });
        Ok(())
    }

    /// Writes a header whose checksum and compressed size are not known yet.
    fn start(&mut self, name: &str, method: u16, size: u64) -> Result<Started> {
        let header = self.out.position();
        let wide = size >= self.wide_from;
        let record = MemberHeaders { name, method, crc: 0, size, stored_size: size, header, wide };
        record.local_header(self.settings.align, &mut self.header);
        self.out.append(&self.header).map_err(write_error)?;
        Ok(Started { header, sum: crc32fast::Hasher::new() })
    }

    /// Writes the member's next bytes. For a compressed member few calls are best: if all that is left of it comes in one
    /// call, the bytes are not copied.
    pub(crate) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        self.write_telling(bytes, &mut |_| ())
    }

    /// The same. A call that takes long reports to `tell` how many of these bytes are done; the number may be too large.
    pub(crate) fn write_telling(
        &mut self,
        bytes: &[u8],
        tell: &mut dyn FnMut(usize),
    ) -> Result<()> {
        let Some(open) = &mut self.open else {
            return Err(misuse("bytes were written outside of a member"));
        };
        open.written += bytes.len() as u64;
        if open.written > open.size {
            return Err(open.wrong_size());
        }
        // After a failed write the member cannot be continued.
        let Some(mut open) = self.open.take() else { return Ok(()) };
        let last = open.written == open.size;
        open.way = match open.way {
            Way::Stored(mut started) => {
                self.store(&mut started, bytes, tell)?;
                Way::Stored(started)
            }
            Way::Gathered(mut data) => {
                if data.is_empty() {
                    let room = data.try_reserve_exact(open.size as usize);
                    room.map_err(|error| pack_error(error.into()))?;
                }
                data.extend_from_slice(bytes);
                Way::Gathered(data)
            }
            Way::Deflated(member) if last && member.packed == 0 && member.held.len() < PIECE => {
                self.deflate_whole(&open.name, open.size, member, bytes, tell)?
            }
            Way::Deflated(member) => {
                self.deflate_part(&open.name, open.size, member, bytes, last, tell)?
            }
        };
        self.open = Some(open);
        Ok(())
    }

    fn store(
        &mut self,
        started: &mut Started,
        bytes: &[u8],
        tell: &mut dyn FnMut(usize),
    ) -> Result<()> {
        // The first block ends at the end of a page of the file, so that no page is written twice.
        let first = BLOCK - (self.out.position() % 4096) as usize;
        let (first, rest) = bytes.split_at(first.min(bytes.len()));
        let mut done = 0;
        for block in std::iter::once(first).chain(rest.chunks(BLOCK)) {
            started.sum.update(block);
            self.out.append(block).map_err(write_error)?;
            done += block.len();
            if self.meter.is_some() {
                tell(done);
                self.check()?;
            }
        }
        Ok(())
    }

    /// # Errors
    ///
    /// `Cancelled` if the work was cancelled.
    fn check(&self) -> Result<()> {
        self.meter.map_or(Ok(()), Meter::check)
    }

    /// Writes the started member anew, stored.
    fn restart(&mut self, name: &str, size: u64, started: &Started) -> Result<Started> {
        self.out.truncate(started.header).map_err(write_error)?;
        self.start(name, STORED, size)
    }

    fn put(&mut self, member: &mut Deflating, packed: &[Packed]) -> Result<()> {
        for piece in packed {
            member.started.sum.combine(&piece.sum);
            self.out.append(&piece.bytes).map_err(write_error)?;
            member.packed += piece.bytes.len() as u64;
            member.pieces.push(piece.bytes.len() as u32);
        }
        Ok(())
    }

    /// Writes a member whose bytes are all in memory: `rest`, and less than a piece before it. The member can still be
    /// stored if compressing it does not pay.
    fn deflate_whole(
        &mut self,
        name: &str,
        size: u64,
        mut member: Deflating,
        rest: &[u8],
        tell: &mut dyn FnMut(usize),
    ) -> Result<Way> {
        let held = std::mem::take(&mut member.held);
        let before = held.len();
        let fit = fit(member.fit.level, rest).map_err(pack_error)?;
        if rest.len() < BATCH || looks_worth(fit.level, rest).map_err(pack_error)? {
            let (first, others) = rest.split_at(rest.len().min(PIECE - before));
            let mut start = held.clone();
            start.extend_from_slice(first);
            let first = pieces(&start, fit, others.is_empty());
            let all: Vec<Piece<'_>> = first.chain(pieces(others, fit, true)).collect();
            for (number, batch) in all.chunks(BATCH / PIECE).enumerate() {
                // How many of the bytes of `rest` are done.
                let mut tell = |done: usize| tell((number * BATCH + done).saturating_sub(before));
                let packed = pack_telling(batch, self.meter, &mut tell).map_err(pack_error)?;
                self.put(&mut member, &packed)?;
                tell(BATCH);
                self.check()?;
            }
            if is_worth(member.packed, size) {
                return Ok(Way::Deflated(member));
            }
        }
        let mut started = self.restart(name, size, &member.started)?;
        self.store(&mut started, &held, &mut |_| ())?;
        self.store(&mut started, rest, tell)?;
        Ok(Way::Stored(started))
    }

    /// Writes what has come of a member that comes in several calls. Its first bytes decide whether it is compressed.
    fn deflate_part(
        &mut self,
        name: &str,
        size: u64,
        mut member: Deflating,
        mut bytes: &[u8],
        last: bool,
        tell: &mut dyn FnMut(usize),
    ) -> Result<Way> {
        let len = bytes.len();
        loop {
            let (now, later) = bytes.split_at(bytes.len().min(BATCH - member.held.len()));
            member.held.try_reserve(now.len()).map_err(|error| pack_error(error.into()))?;
            member.held.extend_from_slice(now);
            bytes = later;
            let ends = last && bytes.is_empty();
            if member.held.len() < BATCH && !ends {
                return Ok(Way::Deflated(member));
            }
            if member.packed == 0 {
                member.fit = fit(member.fit.level, &member.held).map_err(pack_error)?;
            }
            let batch = pieces(&member.held, member.fit, ends).collect::<Vec<_>>();
            // Of these bytes of the call, the last may be `now`.
            let before = (len - bytes.len()).saturating_sub(member.held.len());
            let mut tell_part = |done: usize| tell(before + done);
            let batch = pack_telling(&batch, self.meter, &mut tell_part).map_err(pack_error)?;
            let packed: usize = batch.iter().map(|piece| piece.bytes.len()).sum();
            if member.packed == 0 && !is_worth(packed as u64, member.held.len() as u64) {
                let mut started = self.restart(name, size, &member.started)?;
                self.store(&mut started, &member.held, &mut |_| ())?;
                let before = len - bytes.len();
                self.store(&mut started, bytes, &mut |done| tell(before + done))?;
                return Ok(Way::Stored(started));
            }
            self.put(&mut member, &batch)?;
            member.held.clear();
            if ends {
                return Ok(Way::Deflated(member));
            }
        }
    }

    /// Ends the member. Returns the compressed lengths of its pieces, each of [`PIECE`] bytes but the last. There are no
    /// lengths if the member is stored, or is compressed together with others.
    ///
    /// # Errors
    ///
    /// `Message` if the caller wrote fewer bytes than it announced.
    pub(crate) fn end(&mut self) -> Result<Vec<u32>> {
        if let Some(open) = &self.open
            && open.written != open.size
        {
            return Err(open.wrong_size());
        }
        let Some(open) = self.open.take() else {
            return Err(misuse("a member was ended that was not begun"));
        };
        let (method, stored_size, started, pieces) = match open.way {
            Way::Stored(started) => (STORED, open.size, started, Vec::new()),
            Way::Deflated(Deflating { started, packed, pieces, .. }) => {
                (DEFLATED, packed, started, pieces)
            }
            Way::Gathered(data) => {
                self.waiting_bytes += data.len();
                self.waiting.push(Waiting { name: open.name, data });
                // Empty members cost memory too.
                if self.waiting_bytes + self.waiting.len() * 64 >= BATCH {
                    self.flush_waiting()?;
                }
                return Ok(Vec::new());
            }
        };
        let Started { header, sum } = started;
        let crc = sum.finalize();
        let (name, size) = (&open.name, open.size);
        let wide = size >= self.wide_from;
        let record = MemberHeaders { name, method, crc, size, stored_size, header, wide };
        let (at, bytes) = record.late_fields();
        self.out.patch(header + at, &bytes).map_err(write_error)?;
        if let Some((at, bytes)) = record.late_zip64() {
            self.out.patch(header + at, &bytes).map_err(write_error)?;
        }
        self.enter(&record);
        Ok(pieces)
    }

    fn enter(&mut self, record: &MemberHeaders<'_>) {
        record.push_entry(&mut self.directory);
        self.count += 1;
    }

    /// Compresses and writes the members that wait.
    fn flush_waiting(&mut self) -> Result<()> {
        let waiting = std::mem::take(&mut self.waiting);
        self.waiting_bytes = 0;
        let Some(level) = self.settings.deflate.filter(|_| !waiting.is_empty()) else {
            return Ok(());
        };
        let fits = fit_all(level, waiting.iter().map(|member| &member.data[..]));
        let fits = fits.map_err(pack_error)?;
        let members = waiting.iter().zip(fits);
        let all: Vec<Piece<'_>> =
            members.flat_map(|(member, fit)| pieces(&member.data, fit, true)).collect();
        // The bytes counted as done when they were gathered.
        let mut ask = |_| {
            if let Some(meter) = self.meter {
                // The pieces that are left see that it is cancelled.
                let _ = meter.ask();
            }
        };
        let packed = pack_telling(&all, self.meter, &mut ask).map_err(pack_error)?;
        let mut packed = packed.into_iter();
        for Waiting { name, data } in &waiting {
            let count = data.len().div_ceil(PIECE);
            let packed: Vec<Packed> = packed.by_ref().take(count).collect();
            let mut sum = crc32fast::Hasher::new();
            for piece in &packed {
                sum.combine(&piece.sum);
            }
            let len: usize = packed.iter().map(|piece| piece.bytes.len()).sum();
            let (size, len) = (data.len() as u64, len as u64);
            let (method, stored_size) =
                if len < size && is_worth(len, size) { (DEFLATED, len) } else { (STORED, size) };
            let (crc, header) = (sum.finalize(), self.out.position());
            let wide = size >= self.wide_from;
            let record = MemberHeaders { name, method, crc, size, stored_size, header, wide };
            record.local_header(self.settings.align, &mut self.header);
            self.out.append(&self.header).map_err(write_error)?;
            if method == STORED {
                self.out.append(data).map_err(write_error)?;
            }
            for piece in packed.iter().filter(|_| method == DEFLATED) {
                self.out.append(&piece.bytes).map_err(write_error)?;
            }
            self.enter(&record);
        }
        Ok(())
    }

    /// The checksum of the directory's entries of all members so far, and the number of these entries. Members that wait
    /// to be compressed are written now.
    pub(crate) fn directory_sum(&mut self) -> Result<(u32, u64)> {
        self.flush_waiting()?;
        Ok((crc32fast::hash(&self.directory), self.count))
    }

    /// Takes back the member that was begun. The next one starts at the same place.
    pub(crate) fn abandon(&mut self) -> Result<()> {
        match self.open.take().map(|open| open.way) {
            Some(Way::Stored(started) | Way::Deflated(Deflating { started, .. })) => {
                self.out.truncate(started.header).map_err(write_error)
            }
            Some(Way::Gathered(_)) | None => Ok(()),
        }
    }

    /// Writes the directory. Returns the output and the archive's length. Bytes of an abandoned member may stand behind the
    /// archive; the owner of the file that `out` writes to must cut them off.
    pub(crate) fn finish(mut self) -> Result<(W, u64)> {
        if let Some(open) = &self.open {
            return Err(misuse(format!("member `{}` was not ended", open.name)));
        }
        self.flush_waiting()?;
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

/// What current writers put here. The lower byte is the version of the format that a reader must know.
fn version(zip64: bool) -> u16 {
    if zip64 { 45 } else { 20 }
}

/// Unix, whose permissions the entries have.
const SYSTEM: u16 = 3 << 8;

/// The first day that the format can express, at midnight.
const DATE: u16 = 1 << 5 | 1;

/// A regular file that its owner may write and all may read.
const MODE: u32 = 0o100_644 << 16;

fn flags(name: &str) -> u16 {
    if name.is_ascii() { 0 } else { UTF8 }
}

fn low(number: u64) -> u32 {
    u32::try_from(number).unwrap_or(FULL)
}

/// What a member's headers say.
struct MemberHeaders<'a> {
    name: &'a str,
    method: u16,
    crc: u32,
    size: u64,
    stored_size: u64,
    header: u64,
    /// Whether its own header has 64-bit sizes.
    wide: bool,
}

impl MemberHeaders<'_> {
    /// The member's own header with all that stands before its data, in the place of `bytes`.
    fn local_header(&self, align: u16, bytes: &mut Vec<u8>) {
        bytes.clear();
        bytes.extend_from_slice(&LOCAL);
        for number in [version(self.wide), flags(self.name), self.method, 0, DATE] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(&self.late_fields().1);
        bytes.extend_from_slice(&(self.name.len() as u16).to_le_bytes());
        bytes.extend_from_slice(&[0; 2]);
        bytes.extend_from_slice(self.name.as_bytes());
        let extra = bytes.len();
        if let Some((_, sizes)) = self.late_zip64() {
            bytes.extend_from_slice(&ZIP64.to_le_bytes());
            bytes.extend_from_slice(&(sizes.len() as u16).to_le_bytes());
            bytes.extend_from_slice(&sizes);
        }
        let data = self.header + bytes.len() as u64;
        let mut pad = (data.wrapping_neg() % u64::from(align)) as usize;
        if self.method == STORED && pad > 0 {
            // The field needs six bytes for itself.
            while pad < 6 {
                pad += usize::from(align);
            }
            bytes.extend_from_slice(&ALIGNMENT.to_le_bytes());
            bytes.extend_from_slice(&(pad as u16 - 4).to_le_bytes());
            bytes.extend_from_slice(&align.to_le_bytes());
            bytes.resize(bytes.len() + pad - 6, 0);
        }
        let extra = (bytes.len() - extra) as u16;
        bytes[LOCAL_LEN - 2..LOCAL_LEN].copy_from_slice(&extra.to_le_bytes());
    }

    /// The checksum and the sizes for the member's own header, which are known only at the end, and their place in it.
    fn late_fields(&self) -> (u64, [u8; 12]) {
        let full = self.wide.then_some(FULL);
        let mut fields = [0; 12];
        fields[..4].copy_from_slice(&self.crc.to_le_bytes());
        fields[4..8].copy_from_slice(&full.unwrap_or(low(self.stored_size)).to_le_bytes());
        fields[8..].copy_from_slice(&full.unwrap_or(low(self.size)).to_le_bytes());
        (14, fields)
    }

    /// The sizes of 64 bits and their place, if the member has them.
    fn late_zip64(&self) -> Option<(u64, [u8; 16])> {
        let mut sizes = [0; 16];
        sizes[..8].copy_from_slice(&self.size.to_le_bytes());
        sizes[8..].copy_from_slice(&self.stored_size.to_le_bytes());
        self.wide.then_some(((LOCAL_LEN + self.name.len() + 4) as u64, sizes))
    }

    /// Appends the entry of the directory.
    fn push_entry(&self, directory: &mut Vec<u8>) {
        let numbers = [self.size, self.stored_size, self.header];
        let large: Vec<u64> = numbers.into_iter().filter(|&number| low(number) == FULL).collect();
        let extra = if large.is_empty() { 0 } else { 4 + 8 * large.len() as u16 };
        let version = version(extra > 0 || self.wide);
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
fn pack_error(error: io::Error) -> Error {
    Error::io("cannot compress an array", error)
}

#[cold]
fn misuse(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Message, what)
}

#[cold]
fn limit(what: impl Into<std::borrow::Cow<'static, str>>) -> Error {
    Error::new(ErrorKind::Limit, what)
}
