//! The directory of an archive that anybody may have made.

use std::io;
use std::ops::Range;

use crate::error::{Error, ErrorKind, Result};

use super::records::{
    DEFLATED, DESCRIPTOR, ENCRYPTED, END, END_LEN, END64, END64_LEN, ENTRY, ENTRY_LEN, FULL,
    FULL16, LOCAL, LOCAL_LEN, LOCATOR64, LOCATOR64_LEN, PATCH, STORED, UNICODE_NAME, UTF8, Zip64,
    extra_field, from_cp437, u16_at, u32_at, u64_at,
};
use super::source::{ReadAt, fetch};

/// How much of the archive's end a reader reads first. This holds the whole directory of an archive of some fifty members.
pub(crate) const TAIL: u64 = 4 << 10;

/// How much of a long directory a reader reads at a time. So a claimed size costs no memory before the bytes are there.
const STEP: u64 = 1 << 20;

/// The directory of an archive, checked in itself. Members' own headers are checked when the member is used.
#[derive(Debug)]
pub(crate) struct Archive {
    /// In the directory's order.
    pub(super) entries: Vec<ListedMember>,
    /// The names, one after the other.
    names: String,
    /// The entries in the order of their names. Of several entries with one name, only the last is here.
    sorted: Vec<u32>,
    /// All other entries, in the directory's order.
    shadowed: Vec<u32>,
    /// The checksum of all entries but the last, and how many they are.
    sum: (u32, u64),
}

/// A member as the directory has it.
#[derive(Debug)]
pub(super) struct ListedMember {
    /// Where the name lies in the names.
    name: Range<usize>,
    /// The name's bytes in the archive, if they differ from the name.
    pub(super) raw_name: Option<Box<[u8]>>,
    pub(super) flags: u16,
    pub(super) method: u16,
    pub(super) crc: u32,
    pub(super) size: u64,
    pub(super) stored_size: u64,
    /// Where its own header lies.
    pub(super) header: u64,
    /// Where the next header or the directory starts.
    pub(super) limit: u64,
}

/// What the directory says of a member.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) struct Member<'a> {
    pub(crate) name: &'a str,
    /// The length of its content.
    pub(crate) size: u64,
    /// The bytes that it takes in the archive.
    pub(crate) stored_size: u64,
    pub(crate) crc: u32,
    pub(crate) deflated: bool,
}

impl Archive {
    /// Reads the end and the directory, nothing else. `input` is the whole archive, from first to last.
    ///
    /// # Errors
    ///
    /// `Corrupt` if this is no zip archive, a cut one, or one that two readers could understand differently: members
    /// that overlap, bytes before or after. `Unsupported` if the archive is split. A member that is encrypted or compressed
    /// by another method than deflate is an error only when the caller asks for its content. A name may be any text,
    /// because this crate writes no file of that name.
    pub(crate) fn open(input: &dyn ReadAt) -> Result<Self> {
        let len = input.size().map_err(read_error)?;
        let (mut room, mut more_room) = (Vec::new(), Vec::new());
        let mut tail_start = len.saturating_sub(TAIL);
        let mut tail = fetch(input, tail_start..len, &mut room).map_err(read_error)?;
        // Without a comment the end record is the last.
        let bare = tail.len().checked_sub(END_LEN).map(|at| &tail[at..]);
        if !bare.is_some_and(|end| end.starts_with(&END) && u16_at(end, 20) == 0) {
            tail_start = len.saturating_sub(END_LEN as u64 + u64::from(FULL16) + TAIL);
            tail = fetch(input, tail_start..len, &mut more_room).map_err(read_error)?;
        }
        let at = find_end(tail).ok_or_else(|| no_end(input, tail))?;
        let end = End::read(input, tail, tail_start, at)?;
        let held = match end.start.checked_sub(tail_start) {
            Some(skip) => tail[skip as usize..][..end.size as usize].to_vec(),
            None => Vec::new(),
        };
        let rest = end.start + held.len() as u64..end.start + end.size;
        let mut archive = Archive {
            entries: Vec::new(),
            names: String::new(),
            sorted: Vec::new(),
            shadowed: Vec::new(),
            sum: (0, end.count.saturating_sub(1)),
        };
        archive.names.reserve((end.size - end.count * ENTRY_LEN as u64).min(STEP) as usize);
        archive.read_entries(EntryFeed { input, held, at: 0, rest }, end.count)?;
        archive.check_places(end.start)?;
        // Folders have no content. NumPy and other readers skip them, too.
        let names = &archive.names;
        archive.entries.retain(|entry| entry.size > 0 || !names[entry.name.clone()].ends_with('/'));
        archive.sort_names();
        Ok(archive)
    }

    fn read_entries(&mut self, mut feed: EntryFeed<'_>, count: u64) -> Result<()> {
        // A count that the directory has no room for was refused above. The vectors grow beyond what is reserved here.
        self.entries.reserve(count.min(STEP / ENTRY_LEN as u64) as usize);
        let mut sum = crc32fast::Hasher::new();
        for number in 0..count {
            let fixed = feed.peek(ENTRY_LEN)?;
            if !fixed.starts_with(&ENTRY) {
                return Err(broken(
                    "the directory does not have as many entries as the end record says",
                ));
            }
            let len = ENTRY_LEN
                + [28, 30, 32].into_iter().map(|at| usize::from(u16_at(fixed, at))).sum::<usize>();
            let bytes = &feed.peek(len)?[..len];
            if number + 1 < count {
                sum.update(bytes);
            }
            let entry = self.read_entry(bytes)?;
            self.entries.push(entry);
            feed.at += len;
        }
        self.sum.0 = sum.finalize();
        if feed.at < feed.held.len() || !feed.rest.is_empty() {
            return Err(broken("the directory is longer than its entries"));
        }
        Ok(())
    }

    /// Reads one entry, which is whole in `bytes`.
    fn read_entry(&mut self, bytes: &[u8]) -> Result<ListedMember> {
        let (raw, rest) = bytes[ENTRY_LEN..].split_at(usize::from(u16_at(bytes, 28)));
        let extra = &rest[..usize::from(u16_at(bytes, 30))];
        let flags = u16_at(bytes, 8);
        let start = self.names.len();
        let mut raw_name = self.push_name(raw, extra, flags)?;
        // As Python has it: a name ends before a NUL.
        if let Some(end) = self.names[start..].find('\0') {
            self.names.truncate(start + end);
            raw_name.get_or_insert_with(|| raw.into());
        }
        let name = &self.names[start..];
        let corrupt = |what: &str| fault(name, what);
        let method = u16_at(bytes, 10);
        let numbers = || {
            let mut zip64 = Zip64::of(extra)?;
            let size = zip64.resolve(u32_at(bytes, 24))?;
            let stored_size = zip64.resolve(u32_at(bytes, 20))?;
            let header = zip64.resolve(u32_at(bytes, 42))?;
            let disk = zip64.resolve_disk(u16_at(bytes, 34))?;
            Ok((size, stored_size, header, disk))
        };
        let (size, stored_size, header, disk) =
            numbers().map_err(|()| corrupt("its extra fields are broken or miss a 64-bit size"))?;
        if disk != 0 {
            return Err(unsupported(name, "it lies in another part of a split archive"));
        }
        if method == STORED && flags & ENCRYPTED == 0 && size != stored_size {
            return Err(corrupt(&format!("stored in {stored_size} bytes, but its size is {size}")));
        }
        Ok(ListedMember {
            name: start..self.names.len(),
            raw_name,
            flags,
            method,
            crc: u32_at(bytes, 16),
            size,
            stored_size,
            header,
            limit: 0,
        })
    }

    /// Appends a member's name. Returns the name's bytes in the archive if they differ from the name.
    fn push_name(&mut self, raw: &[u8], extra: &[u8], flags: u16) -> Result<Option<Box<[u8]>>> {
        if raw.is_ascii() || flags & UTF8 != 0 {
            let name = str::from_utf8(raw)
                .map_err(|_| fault(&from_cp437(raw), "its name says to be in UTF-8, but is not"))?;
            self.names.push_str(name);
            return Ok(None);
        }
        match extra_field(extra, UNICODE_NAME) {
            // The field has a version, the checksum of the name that it stands for, and the name.
            Ok(Some(field))
                if field.len() > 5 && field[0] == 1 && u32_at(field, 1) == crc32fast::hash(raw) =>
            {
                let name = str::from_utf8(&field[5..])
                    .map_err(|_| fault(&from_cp437(raw), "its name in Unicode is not in UTF-8"))?;
                self.names.push_str(name);
            }
            _ => self.names.push_str(&from_cp437(raw)),
        }
        Ok(Some(raw.into()))
    }

    /// Checks that no two members share a byte, and that no member reaches into the directory. The length of a member's
    /// own header is known only when the member is used; here it counts with the least that it can be.
    fn check_places(&mut self, directory: u64) -> Result<()> {
        let Archive { entries, names, .. } = self;
        let mut order: Vec<u32> = (0..entries.len() as u32).collect();
        if !entries.is_sorted_by_key(|entry| entry.header) {
            order.sort_unstable_by_key(|&index| entries[index as usize].header);
        }
        let first = order.first().map_or(directory, |&index| entries[index as usize].header);
        if first != 0 {
            return Err(broken(format!("{first} bytes stand before the archive")));
        }
        for (place, &index) in order.iter().enumerate() {
            let limit =
                order.get(place + 1).map_or(directory, |&next| entries[next as usize].header);
            let entry = &mut entries[index as usize];
            let name = &names[entry.name.clone()];
            entry.limit = limit;
            let least = (LOCAL_LEN + entry.raw_name(name).len()) as u64;
            let end =
                entry.header.checked_add(least).and_then(|at| at.checked_add(entry.stored_size));
            if end.is_none_or(|end| end > limit) {
                let what = if limit == directory { "the directory" } else { "another member" };
                return Err(fault(name, &format!("its data overlaps {what}")));
            }
        }
        Ok(())
    }

    /// Sorts the entries by name. Of members with one name, a search finds the last, as in Python.
    fn sort_names(&mut self) {
        let Archive { entries, names, sorted, shadowed, .. } = self;
        // The bytes of UTF-8 have the order of the characters.
        let mut order: Vec<(&[u8], u32)> = entries
            .iter()
            .zip(0..)
            .map(|(entry, index)| (&names.as_bytes()[entry.name.clone()], index))
            .collect();
        order.sort_unstable();
        sorted.reserve_exact(order.len());
        for (place, &(name, index)) in order.iter().enumerate() {
            let last = order.get(place + 1).is_none_or(|(next, _)| *next != name);
            if last { sorted.push(index) } else { shadowed.push(index) }
        }
        shadowed.sort_unstable();
    }

    /// Whether another member of the same name comes later.
    pub(crate) fn is_shadowed(&self, index: usize) -> bool {
        !self.shadowed.is_empty()
            && self.shadowed.binary_search_by(|other| (*other as usize).cmp(&index)).is_ok()
    }

    /// # Errors
    ///
    /// `Corrupt` if two members have one name.
    pub(crate) fn check_names(&self) -> Result<()> {
        match self.shadowed.first() {
            Some(&index) => {
                Err(fault(self.name(index as usize), "there are two of that name: a duplicate"))
            }
            None => Ok(()),
        }
    }

    /// How many members there are; folders do not count.
    pub(crate) fn len(&self) -> usize {
        self.entries.len()
    }

    /// The member of this name.
    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        let name_of = |&index: &u32| self.name(index as usize);
        let place = self.sorted.binary_search_by(|index| name_of(index).cmp(name)).ok()?;
        Some(self.sorted[place] as usize)
    }

    pub(crate) fn member(&self, index: usize) -> Member<'_> {
        let entry = &self.entries[index];
        Member {
            name: self.name(index),
            size: entry.size,
            stored_size: entry.stored_size,
            crc: entry.crc,
            deflated: entry.method == DEFLATED,
        }
    }

    pub(super) fn name(&self, index: usize) -> &str {
        &self.names[self.entries[index].name.clone()]
    }

    /// The checksum of all entries of the directory but the last, and how many they are: what
    /// [`directory_sum`](super::ArchiveWriter::directory_sum) gave before the last member.
    pub(crate) fn directory_sum(&self) -> (u32, u64) {
        self.sum
    }

    /// The sum of the lengths that all members claim for their content.
    pub(crate) fn total_size(&self) -> u64 {
        self.entries.iter().fold(0, |total, entry| total.saturating_add(entry.size))
    }
}

impl ListedMember {
    /// # Errors
    ///
    /// `Unsupported` if the content is there, but this crate cannot read it.
    pub(super) fn check_method(&self, name: &str) -> Result<()> {
        if self.flags & (ENCRYPTED | PATCH) == 0 && matches!(self.method, STORED | DEFLATED) {
            return Ok(());
        }
        let what = if self.flags & ENCRYPTED != 0 {
            "it is encrypted: save it without a password".to_owned()
        } else if self.flags & PATCH != 0 {
            "it is a patch of another file".to_owned()
        } else {
            format!(
                "compressed by method {}: expected stored or deflate, as NumPy writes it",
                self.method
            )
        };
        Err(unsupported(name, &what))
    }

    /// Whether its bytes are its content.
    pub(super) fn is_plain(&self) -> bool {
        self.method == STORED && self.flags & (ENCRYPTED | PATCH) == 0
    }

    /// The bytes that the archive has for the name of this entry.
    pub(super) fn raw_name<'a>(&'a self, name: &'a str) -> &'a [u8] {
        self.raw_name.as_deref().unwrap_or(name.as_bytes())
    }
}

/// A directory that is being read: the bytes that were read and not used yet, and what is left in the input.
struct EntryFeed<'a> {
    input: &'a dyn ReadAt,
    held: Vec<u8>,
    at: usize,
    rest: Range<u64>,
}

impl EntryFeed<'_> {
    /// Returns the next `len` bytes or more.
    fn peek(&mut self, len: usize) -> Result<&[u8]> {
        if self.held.len() - self.at < len {
            self.held.drain(..self.at);
            self.at = 0;
            let start = self.held.len();
            let more = STEP.min(self.rest.end - self.rest.start);
            self.held.resize(start + more as usize, 0);
            self.input
                .read_exact_at(self.rest.start, &mut self.held[start..])
                .map_err(read_error)?;
            self.rest.start += more;
            if self.held.len() < len {
                return Err(broken("the directory ends within an entry"));
            }
        }
        Ok(&self.held[self.at..])
    }
}

/// What the end record says, with the zip64 one's numbers in place of those that do not fit.
struct End {
    start: u64,
    size: u64,
    count: u64,
}

impl End {
    /// Reads the record at `at` of the input's tail.
    fn read(input: &dyn ReadAt, tail: &[u8], tail_start: u64, at: usize) -> Result<End> {
        let record = &tail[at..];
        let here = tail_start + at as u64;
        let disks = [u16_at(record, 4), u16_at(record, 6)];
        let counts = [u16_at(record, 8), u16_at(record, 10)];
        let (size, start) = (u32_at(record, 12), u32_at(record, 16));
        let locator = at.checked_sub(LOCATOR64_LEN).map(|at| &tail[at..]);
        let locator = locator.filter(|locator| locator.starts_with(&LOCATOR64));
        let (end, place) = if let Some(locator) = locator {
            let place = here - LOCATOR64_LEN as u64;
            let (wide, from) = End::read64(input, locator, place)?;
            // Some readers look at the end record, others at the zip64 one. They must not see different archives.
            let agree = |narrow: u64, full: u64, wide: u64| narrow == full || narrow == wide;
            if !(counts.iter().all(|&count| agree(count.into(), FULL16.into(), wide.count))
                && agree(size.into(), FULL.into(), wide.size)
                && agree(start.into(), FULL.into(), wide.start)
                && disks.iter().all(|&disk| disk == 0 || disk == FULL16))
            {
                return Err(broken("the zip64 end record contradicts the other one"));
            }
            (wide, from)
        } else {
            if disks != [0, 0] || counts[0] != counts[1] {
                return Err(split());
            }
            let end = End { start: start.into(), size: size.into(), count: counts[0].into() };
            (end, here)
        };
        let ends = end.start.checked_add(end.size);
        match ends.map(|ends| ends.cmp(&place)) {
            Some(std::cmp::Ordering::Equal) => {}
            Some(std::cmp::Ordering::Less) => {
                return Err(broken("bytes stand before the archive, or after its directory"));
            }
            _ => return Err(broken("the directory lies outside the file: it was cut")),
        }
        if end.count > end.size / ENTRY_LEN as u64 {
            return Err(broken(format!(
                "a directory of {} bytes cannot have {} entries",
                end.size, end.count
            )));
        }
        if end.count >= u64::from(u32::MAX) {
            return Err(Error::new(ErrorKind::Limit, "the archive has 2^32 members or more"));
        }
        Ok(end)
    }

    /// Reads the zip64 record that the locator at `place` names. Also returns the record's place.
    fn read64(input: &dyn ReadAt, locator: &[u8], place: u64) -> Result<(End, u64)> {
        let from = u64_at(locator, 8);
        let mut record = [0; END64_LEN];
        // The record stands just before its locator.
        if from.checked_add(END64_LEN as u64) != Some(place) {
            return Err(broken("the zip64 end record is not where it belongs"));
        }
        input.read_exact_at(from, &mut record).map_err(read_error)?;
        if !record.starts_with(&END64) || u64_at(&record, 4) != END64_LEN as u64 - 12 {
            return Err(broken("the zip64 end record is broken"));
        }
        let counts = [u64_at(&record, 24), u64_at(&record, 32)];
        let one_disk = u32_at(locator, 4) == 0
            && u32_at(locator, 16) <= 1
            && u32_at(&record, 16) == 0
            && u32_at(&record, 20) == 0;
        if !one_disk || counts[0] != counts[1] {
            return Err(split());
        }
        let end = End { start: u64_at(&record, 48), size: u64_at(&record, 40), count: counts[0] };
        Ok((end, from))
    }
}

/// Where the end record stands: the last place from which a record and its comment, of the length that the record states,
/// end the file.
fn find_end(tail: &[u8]) -> Option<usize> {
    let last = tail.len().checked_sub(END_LEN)?;
    let first = last.saturating_sub(usize::from(FULL16));
    (first..=last)
        .rev()
        .find(|&at| tail[at..].starts_with(&END) && usize::from(u16_at(tail, at + 20)) == last - at)
}

/// The error for bytes without an end record. Its text depends on the first bytes and on what stands at the end.
#[cold]
fn no_end(input: &dyn ReadAt, tail: &[u8]) -> Error {
    let mut magic = [0; 4];
    let start = input.size().unwrap_or(0).min(4) as usize;
    if let Err(error) = input.read_exact_at(0, &mut magic[..start]) {
        return read_error(error);
    }
    if !magic.starts_with(b"PK") {
        return Error::corrupt(format!(
            "wrong magic: expected PK\\x03\\x04 of a zip archive, found {}",
            magic[..start].escape_ascii()
        ));
    }
    if tail.windows(END_LEN).any(|record| record.starts_with(&END)) {
        return broken("bytes stand after the archive, or its comment was cut");
    }
    let size = input.size().unwrap_or(0);
    broken(format!("there is no end record: it was cut after {size} bytes{}", cut_in(input, size)))
}

/// In which member an archive ends that has no directory: the local headers are gone through from the start.
fn cut_in(input: &dyn ReadAt, size: u64) -> String {
    /// To look for the place must not take long.
    const MOST: usize = 1 << 16;
    let mut place = 0;
    let mut last = None;
    for _ in 0..MOST {
        let mut head = [0; LOCAL_LEN];
        if input.read_exact_at(place, &mut head).is_err() {
            break;
        }
        if head.starts_with(&ENTRY) {
            return ", in its directory".to_owned();
        }
        let lens = [u16_at(&head, 26), u16_at(&head, 28)].map(usize::from);
        let mut rest = vec![0; lens[0] + lens[1]];
        if !head.starts_with(&LOCAL)
            || input.read_exact_at(place + LOCAL_LEN as u64, &mut rest).is_err()
        {
            break;
        }
        let (name, extra) = rest.split_at(lens[0]);
        let name = String::from_utf8_lossy(name).into_owned();
        let len = || {
            let mut zip64 = Zip64::of(extra).ok()?;
            zip64.resolve(u32_at(&head, 22)).ok()?;
            zip64.resolve(u32_at(&head, 18)).ok()
        };
        let is_stated = u16_at(&head, 6) & DESCRIPTOR == 0;
        let start = place + (LOCAL_LEN + rest.len()) as u64;
        let end = len().filter(|_| is_stated).and_then(|len| start.checked_add(len));
        match end {
            Some(end) if end <= size => place = end,
            Some(end) => return format!(", in member `{name}`, which ends at {end}"),
            // Its length stands behind it.
            None => return format!(", in member `{name}` or behind it"),
        }
        last = Some(name);
    }
    last.map_or_else(String::new, |last| format!(", behind member `{last}`"))
}

#[cold]
fn split() -> Error {
    Error::new(ErrorKind::Unsupported, "the archive is split into several files: join them first")
}

/// What is wrong with the archive as a whole.
#[cold]
pub(super) fn broken(what: impl std::fmt::Display) -> Error {
    Error::corrupt(format!("not a whole zip archive: {what}"))
}

#[cold]
fn unsupported(name: &str, what: &str) -> Error {
    Error::new(ErrorKind::Unsupported, format!("member `{}`: {what}", name.escape_debug()))
}

/// What is wrong with a member.
#[cold]
pub(super) fn fault(name: &str, what: &str) -> Error {
    Error::corrupt(format!("member `{}`: {what}", name.escape_debug()))
}

#[cold]
pub(super) fn read_error(error: io::Error) -> Error {
    if error.kind() == io::ErrorKind::UnexpectedEof {
        return broken("the file ends before it should: it was cut meanwhile");
    }
    Error::io("cannot read the archive", error)
}
