//! The members' content: where it lies, and its bytes, with the checksum verified.

use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicUsize, Ordering::Relaxed};

use crate::error::{Error, Result};
use crate::memory::{Fresh, Region};
use crate::os;
use crate::progress::Meter;
use crate::threads;

use super::deflate::{Inflater, Misfit, More, inflate, inflate_cut};
use super::directory::{Archive, ListedMember, fault};
use super::parts::{
    BLOCK, PART, Pieces, SHARE, check, count, inflate_pieces, looking, read_summed,
};
use super::records::{
    DEFLATE_RATIO, DEFLATED, DESCRIPTOR, ENCRYPTED, FULL, LOCAL, LOCAL_LEN, UTF8, Zip64, u16_at,
    u32_at,
};
use super::source::{ReadAt, fetch};

/// From this size on a compressed member that can be parted gets all threads for itself.
const PARTED: u64 = 4 << 20;

/// A compressed member of more than this is decompressed part by part where a meter counts, unless it can be parted: a whole
/// buffer cannot be left in the middle. Smaller ones take a few hundredths of a second.
const UNCUT: usize = 16 << 20;

/// The length of such a part.
const CUT: usize = 1 << 20;

/// How many bytes are read at a time of a member that is not kept in memory.
const STREAM: u64 = 256 << 10;

/// How many bytes behind a member's own header are read from a file in the same call. They mostly hold the extra field.
const SLACK: u64 = 128;

/// A member of up to this size is read together with its header, in one call.
const SMALL: u64 = 32 << 10;

impl Archive {
    /// Where the member's bytes lie. Its own header is checked against the directory.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the bytes are no header, if the header contradicts the directory, or if by the header the data
    /// overlaps what comes after it.
    pub(crate) fn locate(&self, input: &dyn ReadAt, index: usize) -> Result<Range<u64>> {
        Ok(self.read_header(input, index, 0, &mut Vec::new())?.0)
    }

    /// Where a stored member's bytes lie by the directory alone: right before the next header. That is true if nothing
    /// stands between the members, which is how this crate writes them.
    pub(crate) fn adjoining(&self, index: usize) -> Option<Range<u64>> {
        let entry = &self.entries[index];
        let stored = entry.is_plain() && entry.flags & DESCRIPTOR == 0;
        // The directory was accepted only if there is room for a header before the data.
        stored.then(|| entry.limit - entry.size..entry.limit)
    }

    /// The member with its own header: what lies between it and the next.
    pub(crate) fn whole(&self, index: usize) -> Range<u64> {
        let entry = &self.entries[index];
        entry.header..entry.limit
    }

    /// Where the content of a stored member lies in bytes that begin with its own header. The header is checked and the checksum is
    /// verified.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the header contradicts the directory, or if the checksum is wrong.
    pub(crate) fn stored_in(&self, index: usize, whole: &[u8]) -> Result<Range<usize>> {
        let (entry, name) = (&self.entries[index], self.name(index));
        entry.check_method(name)?;
        let data = entry.data_in(name, whole)?;
        entry.check_sum(name, crc32fast::hash(&whole[data.clone()]))?;
        Ok(data)
    }

    /// [`Archive::locate`] and [`Archive::head`] in one. For a stored member in a file this is one read.
    pub(crate) fn peek(
        &self,
        input: &dyn ReadAt,
        index: usize,
        len: usize,
    ) -> Result<(Range<u64>, Vec<u8>)> {
        let (entry, name) = (&self.entries[index], self.name(index));
        entry.check_size(name)?;
        let len = entry.size.min(len as u64);
        let mut room = Vec::new();
        if entry.method == DEFLATED {
            let (data, _) = self.read_header(input, index, 0, &mut room)?;
            let mut head = Vec::new();
            let wanted = len as usize;
            entry.inflate(
                input,
                data.clone(),
                name,
                wanted.clamp(1, STREAM as usize),
                |bytes| {
                    head.extend_from_slice(&bytes[..bytes.len().min(wanted - head.len())]);
                    head.len() < wanted
                },
            )?;
            return Ok((data, head));
        }
        let (data, bytes) = self.read_header(input, index, len, &mut room)?;
        let start = (data.start - entry.header) as usize;
        if let Some(head) = bytes.get(start..start + len as usize) {
            let head = head.to_vec();
            return Ok((data, head));
        }
        let head = fetch(input, data.start..data.start + len, &mut room)
            .map_err(|error| read_fault(name, error))?;
        Ok((data, head.to_vec()))
    }

    /// The first `len` bytes of the content, or all if there are fewer. Nothing more is read or decompressed, so the
    /// checksum is not verified.
    pub(crate) fn head(&self, input: &dyn ReadAt, index: usize, len: usize) -> Result<Vec<u8>> {
        Ok(self.peek(input, index, len)?.1)
    }

    /// Reads and checks a member's own header, together with some `more` bytes. Returns where the data lies, and the bytes
    /// that were read, from the header's start.
    fn read_header<'a>(
        &self,
        input: &'a dyn ReadAt,
        index: usize,
        more: u64,
        room: &'a mut Vec<u8>,
    ) -> Result<(Range<u64>, &'a [u8])> {
        let (entry, name) = (&self.entries[index], self.name(index));
        entry.check_method(name)?;
        let least = (LOCAL_LEN + entry.raw_name(name).len()) as u64;
        let end = |slack: u64| entry.limit.min(entry.header + least + slack + more);
        let mut place = entry.header..end(SLACK);
        let mut start = None;
        if input.slice(place.clone()).is_none() {
            let bytes =
                fetch(input, place.clone(), room).map_err(|error| read_fault(name, error))?;
            start = entry.check_header(bytes, name)?;
            if start.is_none() {
                place.end = end(u16::MAX.into());
                fetch(input, place.clone(), room).map_err(|error| read_fault(name, error))?;
            }
        } else {
            place.end = end(u16::MAX.into());
        }
        let bytes = input.slice(place).unwrap_or(room);
        let overlap = || fault(name, "its own header overlaps what comes after it");
        let start = match start {
            Some(start) => start,
            None => entry.check_header(bytes, name)?.ok_or_else(overlap)?,
        };
        Ok((entry.data(name, start)?, bytes))
    }

    /// The content of a stored member, to be read block by block.
    ///
    /// # Errors
    ///
    /// Those of [`Archive::locate`].
    pub(crate) fn stream<'a>(&'a self, input: &'a dyn ReadAt, index: usize) -> Result<Stream<'a>> {
        let (entry, name) = (&self.entries[index], self.name(index));
        debug_assert_ne!(entry.method, DEFLATED);
        let left = self.locate(input, index)?;
        let (room, sum) = (Vec::new(), crc32fast::Hasher::new());
        Ok(Stream { input, entry, name, left, room, sum })
    }

    /// The content in memory of its own, at a multiple of 64, with its checksum verified. A stored member is copied
    /// too: one that may be used in place is found by [`Archive::locate`] and verified by [`Archive::verify`].
    ///
    /// # Errors
    ///
    /// `Corrupt`, before anything is allocated, if the directory claims more than `most` bytes of content, or more than
    /// deflate can make of the bytes that are there. `Corrupt` if the content has another length than the directory says,
    /// or if its checksum is wrong.
    pub(crate) fn load(
        &self,
        input: &dyn ReadAt,
        index: usize,
        most: u64,
        pieces: Option<&Pieces>,
        meter: Option<&Meter<'_>>,
    ) -> Result<Region> {
        let (entry, name) = (&self.entries[index], self.name(index));
        if entry.size > most {
            return Err(fault(
                name,
                &format!("expected at most {most} bytes, found {}", entry.size),
            ));
        }
        entry.check_size(name)?;
        let memory = || {
            let len = usize::try_from(entry.size)
                .map_err(|error| io::Error::new(io::ErrorKind::OutOfMemory, error))?;
            Fresh::new(len)
        };
        let out_of_memory = |error| {
            Error::io(
                format_args!("member `{name}`: no memory for its {} bytes", entry.size),
                error,
            )
        };
        // A small member comes with its header.
        let mut room = Vec::new();
        let whole = entry.header..entry.limit;
        if entry.stored_size <= SMALL && whole.end - whole.start <= 2 * SMALL {
            let bytes = fetch(input, whole, &mut room).map_err(|error| read_fault(name, error))?;
            let data = &bytes[entry.data_in(name, bytes)?];
            let mut fresh = memory().map_err(out_of_memory)?;
            entry.unpack(name, data, fresh.bytes_mut(), meter)?;
            return Ok(fresh.into_region());
        }
        let data = self.locate(input, index)?;
        let mut fresh = memory().map_err(out_of_memory)?;
        let into = fresh.bytes_mut();
        if entry.method == DEFLATED {
            let whole = pieces.is_some_and(|pieces| {
                inflate_pieces(input, &data, pieces, into, meter)
                    .is_some_and(|sum| sum == entry.crc)
            });
            check(meter)?;
            if whole {
                return Ok(fresh.into_region());
            }
            // Content of a size never takes more compressed bytes than this, so they are not held in memory. Nor are those of a
            // member that somebody may cancel: to read them at once cannot be left in the middle either.
            let is_too_long = entry.stored_size
                > entry.size.saturating_add(entry.size / 8).saturating_add(STREAM);
            if is_too_long || meter.is_some() && into.len() > UNCUT {
                let (mut at, mut sum) = (0, crc32fast::Hasher::new());
                entry.inflate(input, data, name, STREAM as usize, |bytes| {
                    into[at..at + bytes.len()].copy_from_slice(bytes);
                    sum.update(bytes);
                    at += bytes.len();
                    count(meter, bytes.len()).is_ok()
                })?;
                check(meter)?;
                entry.check_sum(name, sum.finalize())?;
            } else {
                let packed =
                    fetch(input, data, &mut room).map_err(|error| read_fault(name, error))?;
                entry.unpack(name, packed, into, meter)?;
            }
        } else if let Some(stored) = input.slice(data.clone()) {
            entry.unpack(name, stored, into, meter)?;
        } else {
            let sum = read_summed(input, data.start, into, meter)
                .map_err(|error| read_fault(name, error))?;
            entry.check_sum(name, sum.finalize())?;
        }
        Ok(fresh.into_region())
    }

    /// Loads several members. Threads load the large ones at the same time.
    pub(crate) fn load_many<'p>(
        &self,
        input: &dyn ReadAt,
        indices: &[usize],
        most: u64,
        pieces: impl Fn(usize) -> Option<&'p Pieces>,
        meter: Option<&Meter<'_>>,
    ) -> Vec<Result<Region>> {
        let parted = |index: usize| pieces(index).filter(|_| self.entries[index].size >= PARTED);
        let (alone, others): (Vec<usize>, Vec<usize>) =
            indices.iter().copied().partition(|&index| parted(index).is_some());
        let work: u64 = others
            .iter()
            .map(|&index| &self.entries[index])
            .filter(|entry| entry.method == DEFLATED)
            .fold(0, |work, entry| work.saturating_add(entry.size));
        // A member that is loaded at the same time as others is not parted, because threads do not start threads.
        let load = |(): &mut (), index| self.load(input, index, most, None, meter);
        let threads = threads::worth(work, SHARE);
        let loaded =
            looking(meter, |look| threads::map_looking(threads, others, || (), load, look));
        let mut loaded = loaded.into_iter();
        let mut alone =
            alone.into_iter().map(|index| self.load(input, index, most, parted(index), meter));
        let next = |&index: &usize| match parted(index) {
            Some(_) => alone.next(),
            None => loaded.next(),
        };
        indices.iter().filter_map(next).collect()
    }

    /// Verifies all members, several at a time.
    ///
    /// # Errors
    ///
    /// The error of the first member that has one.
    pub(crate) fn verify_all(&self, input: &dyn ReadAt, meter: Option<&Meter<'_>>) -> Result<()> {
        let first = AtomicUsize::new(usize::MAX);
        let verify = |(): &mut (), index| {
            // Members behind one that is known to be faulty are not verified.
            if index > first.load(Relaxed) {
                return Ok(());
            }
            self.verify(input, index, meter).inspect_err(|_| {
                first.fetch_min(index, Relaxed);
            })
        };
        let work = self.entries.iter().fold(0, |work: u64, entry| work.saturating_add(entry.size));
        let threads = threads::worth(work, STREAM);
        let all = (0..self.len()).collect();
        looking(meter, |look| threads::map_looking(threads, all, || (), verify, look))
            .into_iter()
            .collect()
    }

    /// Verifies a member's checksum without keeping its content. This takes memory for a part of the content at most.
    pub(crate) fn verify(
        &self,
        input: &dyn ReadAt,
        index: usize,
        meter: Option<&Meter<'_>>,
    ) -> Result<()> {
        let (entry, name) = (&self.entries[index], self.name(index));
        entry.check_size(name)?;
        let data = self.locate(input, index)?;
        let mut sum = crc32fast::Hasher::new();
        if entry.method == DEFLATED {
            entry.inflate(input, data, name, STREAM as usize, |bytes| {
                sum.update(bytes);
                count(meter, bytes.len()).is_ok()
            })?;
            check(meter)?;
        } else if let Some(stored) = input.slice(data.clone()) {
            let step = if meter.is_some() { CUT } else { stored.len().max(1) };
            for block in stored.chunks(step) {
                sum.update(block);
                count(meter, block.len())?;
            }
        } else {
            let mut room = Vec::new();
            for start in data.clone().step_by(STREAM as usize) {
                let block = start..data.end.min(start + STREAM);
                let block =
                    fetch(input, block, &mut room).map_err(|error| read_fault(name, error))?;
                sum.update(block);
                count(meter, block.len())?;
            }
        }
        entry.check_sum(name, sum.finalize())
    }
}

/// A stored member's bytes, read block by block and summed on the way.
pub(crate) struct Stream<'a> {
    input: &'a dyn ReadAt,
    entry: &'a ListedMember,
    name: &'a str,
    left: Range<u64>,
    room: Vec<u8>,
    sum: crc32fast::Hasher,
}

impl Stream<'_> {
    /// The next `most` bytes, or all that are left if those are fewer.
    ///
    /// # Errors
    ///
    /// `Io` if they cannot be read; `Corrupt`, with the last of them, if the checksum is wrong.
    pub(crate) fn next(&mut self, most: usize) -> Result<&[u8]> {
        let end = self.left.end.min(self.left.start.saturating_add(most as u64));
        let place = self.left.start..end;
        let len = (place.end - place.start) as usize;
        // One element may be as large as its dtype says.
        self.room.try_reserve_exact(len.saturating_sub(self.room.len())).map_err(|error| {
            read_fault(self.name, io::Error::new(io::ErrorKind::OutOfMemory, error))
        })?;
        self.room.resize(len, 0);
        self.input
            .read_exact_at(place.start, &mut self.room)
            .map_err(|error| read_fault(self.name, error))?;
        self.sum.update(&self.room);
        self.left.start = place.end;
        if self.left.is_empty() {
            self.entry.check_sum(self.name, self.sum.clone().finalize())?;
        }
        Ok(&self.room)
    }
}

#[cold]
fn read_fault(name: &str, error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return fault(name, "the file ends within it: it was cut meanwhile");
    }
    Error::io(format_args!("cannot read member `{}`", name.escape_debug()), error)
}

impl ListedMember {
    /// Checks that the content can be read, and that the claimed size can come of the bytes that are there.
    fn check_size(&self, name: &str) -> Result<()> {
        self.check_method(name)?;
        if self.method == DEFLATED && self.size > self.stored_size.saturating_mul(DEFLATE_RATIO) {
            return Err(fault(
                name,
                &format!("{} bytes cannot come of {} compressed ones", self.size, self.stored_size),
            ));
        }
        Ok(())
    }

    /// Compares a member's own header with the directory. Returns how far behind the header's start the data lies, or
    /// `None` if the header does not end within `header`.
    fn check_header(&self, header: &[u8], name: &str) -> Result<Option<u64>> {
        let differ = |what: &str| {
            fault(name, &format!("its own header has another {what} than the directory"))
        };
        if !header.starts_with(&LOCAL) {
            return Err(fault(name, "its own header is none"));
        }
        if header.len() < LOCAL_LEN {
            return Ok(None);
        }
        let flags = u16_at(header, 6);
        let extra = LOCAL_LEN + usize::from(u16_at(header, 26));
        let start = extra + usize::from(u16_at(header, 28));
        if (flags ^ self.flags) & (ENCRYPTED | UTF8) != 0 {
            return Err(differ("kind of name or encryption"));
        }
        if u16_at(header, 8) != self.method {
            return Err(differ("method"));
        }
        let raw = self.raw_name(name);
        if extra - LOCAL_LEN != raw.len() {
            return Err(differ("name"));
        }
        let (Some(found), Some(extra)) = (header.get(LOCAL_LEN..extra), header.get(extra..start))
        else {
            return Ok(None);
        };
        if found != raw {
            return Err(differ("name"));
        }
        // A writer that cannot go back leaves zeros here, and puts the numbers behind the data.
        let later = flags & DESCRIPTOR != 0;
        let crc = u32_at(header, 14);
        if crc != self.crc && !(later && crc == 0) {
            return Err(differ("checksum"));
        }
        let fields = [u32_at(header, 22), u32_at(header, 18)];
        let mut zip64 =
            Zip64::of(extra).map_err(|()| fault(name, "its own extra fields are broken"))?;
        for (field, expected) in fields.into_iter().zip([self.size, self.stored_size]) {
            let found = match zip64.resolve(field) {
                Ok(found) => found,
                Err(()) if later && field == FULL => 0,
                Err(()) => return Err(differ("size")),
            };
            if found != expected && !(later && found == 0) {
                return Err(differ("size"));
            }
        }
        Ok(Some(start as u64))
    }

    /// The data, `start` bytes after the header, if it ends before what comes next.
    fn data(&self, name: &str, start: u64) -> Result<Range<u64>> {
        let start = self.header + start;
        match start.checked_add(self.stored_size) {
            Some(end) if end <= self.limit => Ok(start..end),
            _ => Err(fault(name, "its data overlaps what comes after it")),
        }
    }

    /// Where the data lies in all bytes of the member, with its own header. The header is checked.
    fn data_in(&self, name: &str, whole: &[u8]) -> Result<Range<usize>> {
        let start = self.check_header(whole, name)?;
        let start =
            start.ok_or_else(|| fault(name, "its own header overlaps what comes after it"))?;
        let data = self.data(name, start)?;
        Ok((data.start - self.header) as usize..(data.end - self.header) as usize)
    }

    fn check_sum(&self, name: &str, found: u32) -> Result<()> {
        if found == self.crc {
            return Ok(());
        }
        Err(fault(
            name,
            &format!(
                "wrong checksum: expected {:#010x}, found {found:#010x}; the file was altered",
                self.crc
            ),
        ))
    }

    /// Copies or decompresses the member's bytes, all of them, and verifies the checksum.
    fn unpack(
        &self,
        name: &str,
        data: &[u8],
        into: &mut [u8],
        meter: Option<&Meter<'_>>,
    ) -> Result<()> {
        let mut sum = crc32fast::Hasher::new();
        if self.method != DEFLATED {
            for (from, to) in data.chunks(PART).zip(into.chunks_mut(PART)) {
                os::populate(to);
                for (from, to) in from.chunks(BLOCK).zip(to.chunks_mut(BLOCK)) {
                    to.copy_from_slice(from);
                    sum.update(to);
                    count(meter, to.len())?;
                }
            }
        } else if let Some(meter) = meter.filter(|_| into.len() > UNCUT) {
            let made = |len| meter.add(len as u64).is_ok();
            let done = inflate_cut(data, into, CUT, made);
            meter.check()?;
            done.map_err(|what| self.deflate_fault(name, what))?;
            sum.update(into);
        } else {
            inflate(data, into).map_err(|what| self.deflate_fault(name, what))?;
            sum.update(into);
            count(meter, into.len())?;
        }
        self.check_sum(name, sum.finalize())
    }

    /// Decompresses the member in parts of up to `part` bytes, until `take` has enough. All parts together are as long as
    /// the directory says, and never longer.
    fn inflate(
        &self,
        input: &dyn ReadAt,
        data: Range<u64>,
        name: &str,
        part: usize,
        mut take: impl FnMut(&[u8]) -> bool,
    ) -> Result<()> {
        let mut inflater = Inflater::new().map_err(|_| self.deflate_fault(name, Misfit::Memory))?;
        let mut room = Vec::new();
        let mut out = Vec::new();
        out.try_reserve_exact(part).map_err(|_| self.deflate_fault(name, Misfit::Memory))?;
        out.resize(part, 0);
        let mut given = 0;
        // A header needs little of the compressed bytes.
        let step = STREAM.min(part as u64 * 2);
        for start in data.clone().step_by(step as usize) {
            let packed = start..data.end.min(start + step);
            let mut packed =
                fetch(input, packed, &mut room).map_err(|error| read_fault(name, error))?;
            loop {
                let (used, made, more) = inflater
                    .step(packed, &mut out)
                    .map_err(|()| self.deflate_fault(name, Misfit::Broken))?;
                packed = &packed[used..];
                given += made as u64;
                if given > self.size {
                    return Err(self.deflate_fault(name, Misfit::Long));
                }
                if made > 0 && !take(&out[..made]) {
                    return Ok(());
                }
                match more {
                    More::End if given == self.size => return Ok(()),
                    More::End => return Err(self.deflate_fault(name, Misfit::Short(given))),
                    More::Input => break,
                    More::Output => {}
                }
            }
        }
        Err(self.deflate_fault(name, Misfit::Broken))
    }

    fn deflate_fault(&self, name: &str, misfit: Misfit) -> Error {
        match misfit {
            Misfit::Broken => fault(name, "its compressed data is broken or cut"),
            Misfit::Short(found) => {
                fault(name, &format!("expected {} bytes, found {found}", self.size))
            }
            Misfit::Long => fault(name, &format!("expected {} bytes, found more", self.size)),
            Misfit::Memory => Error::io(
                format_args!("member `{name}`: no memory to decompress it"),
                io::Error::from(io::ErrorKind::OutOfMemory),
            ),
        }
    }
}
