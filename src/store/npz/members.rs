//! The members of an archive, each brought to memory at its first use and kept.

use std::collections::BTreeMap;
use std::fmt::Display;
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::atomic::{AtomicU32, AtomicU64, AtomicUsize, Ordering::Relaxed};
use std::sync::{Arc, OnceLock};

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::{AlignedBytes, Region};
use crate::npy::{self, Header};
use crate::progress::Meter;
use crate::signature::{self, FoundFile};
use crate::threads;
use crate::zip::{Archive, Pieces, ReadAt, Stream};

use super::super::{ArrayStream, ByteStream, Info, Placed, PlacedHead, STREAMED, Seat, read_whole};
use super::array_names::is_odd;
use super::mapped::MappedFile;
use super::window::Window;

/// Where the archive's bytes are.
pub(crate) enum Input {
    /// In a file: each member is read into memory of its own.
    File(File),
    /// In memory. A member that is stored and aligned is used where it lies. Its checksum is verified at its first use.
    Memory(Region),
    /// In a file that is mapped. Members are used where they lie, but no checksum is verified, and only pages that a reader asks for
    /// are touched. Everything but the arrays is read from the file.
    Map(MappedFile),
}

impl Input {
    fn bytes(&self) -> &dyn ReadAt {
        match self {
            Input::File(file) => file,
            Input::Map(map) => map,
            Input::Memory(region) => region,
        }
    }

    /// The memory in which members are used where they lie.
    pub(crate) fn region(&self) -> Option<&Region> {
        match self {
            Input::File(_) => None,
            Input::Memory(region) => Some(region),
            Input::Map(map) => Some(map.region()),
        }
    }
}

pub(super) fn read_error(error: io::Error) -> Error {
    Error::io("cannot read the file", error)
}

/// The arrays of a file, with those that were loaded so far.
pub(crate) struct Members {
    pub(super) input: Input,
    /// `None` if the file is one array and not an archive.
    pub(super) archive: Option<Archive>,
    /// Whether a name does not end in `.npy`, or does so twice: only then an array's name may be the whole name of another.
    pub(super) has_odd_names: bool,
    /// The size of the whole file.
    pub(super) size: u64,
    pub(super) contents: Box<[OnceLock<LoadedMember>]>,
    /// How many bytes may be copied or decompressed, and how many were.
    pub(super) limit: u64,
    taken: AtomicU64,
    /// For each member, how many loads hold its bytes, which count once. Empty if there is no limit.
    holders: Box<[AtomicU32]>,
    ahead: Ahead,
    pub(super) window: Window,
    /// For large compressed members, where they can be split.
    pieces: BTreeMap<usize, Pieces>,
}

impl ByteStream for Stream<'_> {
    fn next(&mut self, most: usize) -> Result<&[u8]> {
        Stream::next(self, most)
    }
}

/// A member's array.
pub(super) struct LoadedMember {
    pub(super) head: Arc<PlacedHead>,
    /// Where the elements lie in `region`, or in the input's region if that is `None`.
    pub(super) data: Range<usize>,
    pub(super) region: Option<Region>,
}

/// A member that is not an array, or an array that cannot be read.
pub(crate) struct Other {
    pub(crate) name: String,
    pub(crate) bytes: u64,
    /// Why the member is not an array, or cannot be read.
    pub(crate) error: Error,
}

/// Members that were decompressed beside the one that was asked for.
#[derive(Default)]
struct Ahead {
    /// The first member behind those of the last batch.
    end: AtomicUsize,
    /// How many members were loaded in this way, and how many of those were asked for since.
    loaded: AtomicUsize,
    used: AtomicUsize,
}

/// How many bytes the members may have that are decompressed at once, together, beside the member that was asked for.
const AHEAD_BYTES: u64 = 64 << 20;

/// A member of a mapped file of at most so many bytes is read, if it is not an array of the object.
const KEPT: u64 = 16 << 10;

/// The name that NumPy gives to an array without one.
const UNNAMED: &str = "arr_0.npy";

impl Members {
    /// Reads the archive's directory. At most `limit` bytes will be copied or decompressed out of the archive. A `.npy` file counts
    /// as an archive of one array without a name.
    ///
    /// # Errors
    ///
    /// Those of [`Archive::open`].
    pub(crate) fn open(input: Input, limit: u64) -> Result<Self> {
        let size = input.bytes().size().map_err(read_error)?;
        // An archive is recognised by its end, and starts with a member's header or is empty. So no file is both an archive and an array.
        let archive = match Archive::open(input.bytes()) {
            Ok(archive) => Some(archive),
            Err(error) => {
                let mut head = [0; signature::HEAD];
                let head = &mut head[..size.min(signature::HEAD as u64) as usize];
                let read = input.bytes().read_exact_at(0, head);
                // A file that starts like an archive was cut off, or was never a whole one.
                if read.is_err() || head.starts_with(b"PK") {
                    return Err(error);
                }
                if !head.starts_with(&npy::MAGIC) {
                    return Err(Error::corrupt(format!(
                        "wrong magic: expected PK\\x03\\x04 of a zip archive, as .npz files are, or {} of a .npy file, \
                         found {}",
                        npy::MAGIC.escape_ascii(),
                        FoundFile(head)
                    )));
                }
                None
            }
        };
        let count = archive.as_ref().map_or(1, Archive::len);
        let contents = std::iter::repeat_with(OnceLock::new).take(count).collect();
        let limited = if limit == u64::MAX { 0 } else { count };
        let holders = std::iter::repeat_with(AtomicU32::default).take(limited).collect();
        let (taken, ahead) = (AtomicU64::new(0), Ahead::default());
        let pieces = BTreeMap::new();
        let mut names =
            archive.iter().flat_map(|archive| (0..count).map(|index| archive.member(index).name));
        let has_odd_names = names.any(is_odd);
        Ok(Members {
            input,
            archive,
            has_odd_names,
            size,
            contents,
            limit,
            taken,
            holders,
            ahead,
            window: Window::default(),
            pieces,
        })
    }

    /// Sets where members can be split, by their index.
    pub(super) fn set_pieces(&mut self, pieces: BTreeMap<usize, Pieces>) {
        self.pieces = pieces;
    }

    /// The memory in which members are used where they lie.
    pub(crate) fn region(&self) -> Option<&Region> {
        self.input.region()
    }

    pub(crate) fn len(&self) -> usize {
        self.contents.len()
    }

    /// # Errors
    ///
    /// `Corrupt` if the archive has members, but no member is named as an array or is one. The error says what the file seems to be.
    pub(crate) fn check_arrays(&self) -> Result<()> {
        if self.len() == 0 || self.array_names().next().is_some() {
            return Ok(());
        }
        let names = (0..self.len()).map(|index| self.name(index));
        let found = signature::archive(names);
        Err(Error::corrupt(format!("there is no array in this archive: found {found}")))
    }

    /// The name of a member in the archive, `weights.npy`.
    pub(crate) fn name(&self, index: usize) -> &str {
        self.archive.as_ref().map_or(UNNAMED, |archive| archive.member(index).name)
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        match &self.archive {
            Some(archive) => archive.find(name),
            None => (name == UNNAMED).then_some(0),
        }
    }

    /// How many bytes all members have together, as the directory says.
    pub(crate) fn total_size(&self) -> u64 {
        self.archive.as_ref().map_or(self.size, Archive::total_size)
    }

    fn size(&self, index: usize) -> u64 {
        self.archive.as_ref().map_or(self.size, |archive| archive.member(index).size)
    }

    pub(super) fn is_deflated(&self, index: usize) -> bool {
        self.archive.as_ref().is_some_and(|archive| archive.member(index).deflated)
    }

    /// Where a stored member lies.
    fn locate(&self, index: usize) -> Result<Range<u64>> {
        match &self.archive {
            Some(archive) => archive.locate(self.input.bytes(), index),
            None => Ok(0..self.size),
        }
    }

    /// The array of this member. It is an error if the member claims more than `most` bytes, with its header.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the member is not what the directory says, or is not an array; `Limit` if too much would be loaded.
    pub(crate) fn array(
        &self,
        index: usize,
        most: u64,
        meter: Option<&Meter<'_>>,
    ) -> Result<Placed<'_>> {
        if let Some(content) = self.contents[index].get() {
            return Ok(self.placed(content));
        }
        let content = self.load(index, most, meter)?;
        self.keep(index, content);
        // The member is now loaded, by this thread or meanwhile by another one.
        self.array(index, most, meter)
    }

    /// The same for a caller that needs no alignment: a stored member of a mapped file is used where it lies.
    ///
    /// # Errors
    ///
    /// Those of [`array`](Self::array).
    #[cfg(feature = "ndarray")]
    pub(crate) fn array_as_it_lies(
        &self,
        index: usize,
        most: u64,
        meter: Option<&Meter<'_>>,
    ) -> Result<Placed<'_>> {
        let (Input::Map(map), false) = (&self.input, self.is_deflated(index)) else {
            return self.array(index, most, meter);
        };
        self.check_size(index, most)?;
        let range = self.locate(index)?;
        let bytes = &map.region().bytes()[range.start as usize..range.end as usize];
        let (Header { dtype, shape, order }, place) = npy::split(&self.named(index), bytes)?;
        Ok(Placed::free(dtype, shape, order, &bytes[place]))
    }

    /// The array of this member as a stream from a file, for a caller that copies it anyway. `None` unless the array is large, is stored
    /// and was not loaded before: then it is better loaded.
    ///
    /// # Errors
    ///
    /// Those of [`array`](Self::array).
    pub(crate) fn array_to_copy<'a>(
        &'a self,
        index: usize,
        most: u64,
        meter: Option<Arc<Meter<'a>>>,
    ) -> Result<Option<ArrayStream<'a>>> {
        let (Some(archive), Input::File(_)) = (&self.archive, &self.input) else {
            return Ok(None);
        };
        let loaded = self.contents[index].get().is_some();
        // An array that is streamed again and again would never reach the limit.
        if loaded
            || self.is_deflated(index)
            || self.limit != u64::MAX
            || self.size(index) < STREAMED
        {
            return Ok(None);
        }
        self.check_size(index, most)?;
        let (Header { dtype, shape, order }, place, _) = self.head(index)?;
        // The checksum is known at the end, which the elements must be.
        if place.end != self.size(index) {
            return Ok(None);
        }
        if let Some(meter) = &meter {
            meter.begin(place.end - place.start, false);
        }
        let len = (place.end - place.start) as usize;
        let mut stream = archive.stream(self.input.bytes(), index)?;
        stream.next(place.start as usize)?;
        let placed = Placed::free(dtype, shape, order, &[]);
        Ok(Some(ArrayStream::new(placed, len, stream, meter)))
    }

    /// The same, but a small member is read from the file even if the file is mapped, because that costs less than to touch a page.
    pub(crate) fn small_array(&self, index: usize) -> Result<Placed<'_>> {
        let apart = matches!(self.input, Input::Map(..)) && self.size(index) <= KEPT;
        if apart && self.contents[index].get().is_none() {
            let content = self.load_apart(index, KEPT, None)?;
            self.keep(index, content);
        }
        self.array(index, u64::MAX, None)
    }

    /// The last `len` bytes of a member of a mapped file where they lie, if they can be used there, by the directory
    /// alone: to be called where [`directory_sum`](Self::directory_sum) says that nothing stands between the members.
    /// No page is touched.
    pub(crate) fn mapped(&self, index: usize, dtype: &DType, len: usize) -> Option<&[u8]> {
        let (Input::Map(map), Some(archive)) = (&self.input, &self.archive) else {
            return None;
        };
        let range = archive.adjoining(index)?;
        let (start, end) = (usize::try_from(range.start).ok()?, usize::try_from(range.end).ok()?);
        let bytes =
            map.region().bytes().get(end.checked_sub(len).filter(|at| *at > start)?..end)?;
        dtype.is_aligned(bytes).then_some(bytes)
    }

    /// Where a stored member of a file lies by the directory alone: to be asked where [`mapped`](Self::mapped) is.
    pub(super) fn adjoining(&self, index: usize) -> Option<Range<u64>> {
        match (&self.input, &self.archive) {
            (Input::Map(_) | Input::File(_), Some(archive)) => archive.adjoining(index),
            _ => None,
        }
    }

    /// The checksum of the archive's directory but for its last entry, and the number of those entries; `None` if this
    /// is no archive or that member is not its last.
    pub(crate) fn directory_sum(&self, last: usize) -> Option<(u32, u64)> {
        let sum = self.archive.as_ref()?.directory_sum();
        (sum.1 == last as u64).then_some(sum)
    }

    /// The same for one of many members that will be asked for in their order. If the member is compressed, those behind it are
    /// decompressed with it, on all cores.
    pub(crate) fn array_in_order(
        &self,
        index: usize,
        most: u64,
        meter: Option<&Meter<'_>>,
    ) -> Result<Placed<'_>> {
        if self.contents[index].get().is_none() {
            self.check_size(index, most)?;
            self.load_ahead(index, meter);
        }
        if index < self.ahead.end.load(Relaxed) {
            self.ahead.used.fetch_add(1, Relaxed);
        }
        self.array(index, most, meter)
    }

    pub(super) fn placed<'a>(&'a self, content: &'a LoadedMember) -> Placed<'a> {
        let region = content.region.as_ref().or(self.input.region());
        let whole = region.map_or(&[][..], Region::bytes);
        Placed {
            head: Arc::clone(&content.head),
            bytes: &whole[content.data.clone()],
            region: content.region.clone(),
        }
    }

    fn load(&self, index: usize, most: u64, meter: Option<&Meter<'_>>) -> Result<LoadedMember> {
        self.check_size(index, most)?;
        if let Some(meter) = meter {
            meter.begin(self.size(index), false);
        }
        if let (Some(region), false) = (self.input.region(), self.is_deflated(index)) {
            let range = self.locate(index)?;
            if let (Input::Memory(_), Some(archive)) = (&self.input, &self.archive) {
                archive.verify(self.input.bytes(), index, meter)?;
            }
            return self.in_place(region, range, index);
        }
        self.load_apart(index, most, meter)
    }

    /// Reads the member into memory of its own, and finds its array.
    fn load_apart(
        &self,
        index: usize,
        most: u64,
        meter: Option<&Meter<'_>>,
    ) -> Result<LoadedMember> {
        self.take(index)?;
        self.fetch(index, most, meter)
            .and_then(|region| self.content(index, region))
            .inspect_err(|_| self.give_back(index))
    }

    /// Reads or decompresses the member into memory of its own.
    fn fetch(&self, index: usize, most: u64, meter: Option<&Meter<'_>>) -> Result<Region> {
        if let Some(archive) = &self.archive {
            let pieces = self.pieces.get(&index);
            return archive.load(self.input.bytes(), index, most, pieces, meter);
        }
        read_whole(self.input.bytes(), 0..self.size, meter)
    }

    /// The array of a stored member, where it lies or copied if its elements are not aligned there.
    fn in_place(&self, region: &Region, range: Range<u64>, index: usize) -> Result<LoadedMember> {
        let (start, end) = (range.start as usize, range.end as usize);
        let bytes = &region.bytes()[start..end];
        let (head, place) = self.split(index, bytes)?;
        let data = &bytes[place.clone()];
        if head.dtype.is_aligned(data) {
            return Ok(LoadedMember {
                head,
                data: start + place.start..start + place.end,
                region: None,
            });
        }
        self.take(index)?;
        Ok(LoadedMember {
            head,
            data: 0..data.len(),
            region: Some(Region::from_block(AlignedBytes::copy_from(data))),
        })
    }

    /// The array of a member that was read into memory of its own.
    fn content(&self, index: usize, region: Region) -> Result<LoadedMember> {
        let (head, place) = self.split(index, region.bytes())?;
        let data = &region.bytes()[place.clone()];
        if head.dtype.is_aligned(data) {
            return Ok(LoadedMember { head, data: place, region: Some(region) });
        }
        // NumPy pads its header so that this is never needed. Other programs may not.
        let region = Region::from_block(AlignedBytes::copy_from(data));
        Ok(LoadedMember { head, data: 0..place.len(), region: Some(region) })
    }

    /// What the header of a member says, and where its elements lie.
    fn split(&self, index: usize, bytes: &[u8]) -> Result<(Arc<PlacedHead>, Range<usize>)> {
        let (Header { dtype, shape, order }, place) = npy::split(&self.named(index), bytes)?;
        Ok((PlacedHead::free(dtype, shape, order), place))
    }

    fn load_ahead(&self, index: usize, meter: Option<&Meter<'_>>) {
        let Some(archive) = self.archive.as_ref().filter(|_| self.is_deflated(index)) else {
            return;
        };
        let (loaded, used) = (self.ahead.loaded.load(Relaxed), self.ahead.used.load(Relaxed));
        // A caller that asks for a few members of many would pay for all, or would find that others have used up the limit.
        if used < loaded / 2 || self.total_size() > self.limit {
            return;
        }
        // To start the threads takes as long as to decompress a few small members: the more were asked for, the more at
        // a time.
        let most = used.max(4 * threads::available());
        let mut batch = Vec::new();
        let mut bytes = 0_u64;
        for next in index..self.len() {
            bytes = bytes.saturating_add(if next == index { 0 } else { self.size(next) });
            if batch.len() >= most || bytes > AHEAD_BYTES {
                break;
            }
            if self.is_deflated(next)
                && self.contents[next].get().is_none()
                && self.take(next).is_ok()
            {
                batch.push(next);
            }
        }
        let pieces = |index| self.pieces.get(&index);
        let regions = archive.load_many(self.input.bytes(), &batch, u64::MAX, pieces, meter);
        for (&member, region) in batch.iter().zip(regions) {
            match region.and_then(|region| self.content(member, region)) {
                Ok(content) => self.keep(member, content),
                // The error of a member is reported when a caller asks for that member.
                Err(_) => self.give_back(member),
            }
        }
        self.ahead.loaded.fetch_add(batch.len(), Relaxed);
        self.ahead.end.store(batch.last().map_or(0, |last| last + 1), Relaxed);
    }

    /// Counts a member's bytes against the limit, once, however many threads load it at a time.
    fn take(&self, index: usize) -> Result<()> {
        match self.holders.get(index) {
            Some(holders) if holders.fetch_add(1, Relaxed) == 0 => {}
            _ => return Ok(()),
        }
        self.count(index).inspect_err(|_| {
            self.holders[index].fetch_sub(1, Relaxed);
        })
    }

    fn count(&self, index: usize) -> Result<()> {
        let size = self.size(index);
        let add = |taken: u64| taken.checked_add(size).filter(|taken| *taken <= self.limit);
        match self.taken.fetch_update(Relaxed, Relaxed, add) {
            Ok(_) => Ok(()),
            Err(taken) => Err(Error::new(
                ErrorKind::Limit,
                format!(
                    "{}: its {size} bytes and the {taken} that were loaded before exceed the limit of {}; raise it \
                     with `NpzOptions::limit`",
                    self.named(index),
                    self.limit
                ),
            )),
        }
    }

    /// Keeps a loaded member. If another thread was first, its copy is kept, and counts once.
    pub(super) fn keep(&self, index: usize, content: LoadedMember) {
        let counted = content.region.is_some();
        if self.contents[index].set(content).is_err() && counted {
            self.give_back(index);
        }
    }

    fn give_back(&self, index: usize) {
        if self.holders.get(index).is_some_and(|holders| holders.fetch_sub(1, Relaxed) == 1) {
            self.taken.fetch_sub(self.size(index), Relaxed);
        }
    }

    fn check_size(&self, index: usize, most: u64) -> Result<()> {
        let size = self.size(index);
        if size <= most {
            return Ok(());
        }
        Err(Error::corrupt(format!(
            "{}: expected at most {most} bytes, found {size}",
            self.named(index)
        )))
    }

    /// The member as an error names it.
    fn named(&self, index: usize) -> impl Display {
        format!("member `{}`", self.name(index))
    }

    /// What the header of a member says, where its elements lie in the content, and where that lies in the file; of a
    /// compressed one no more than the header is decompressed, of others no more read.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the member is no array.
    fn head(&self, index: usize) -> Result<(Header, Range<u64>, Range<u64>)> {
        // A header of NumPy's takes 128 bytes; those of structured dtypes may be longer.
        let size = self.size(index);
        let mut len = 128;
        loop {
            let (data, head) = if let Some(archive) = &self.archive {
                archive.peek(self.input.bytes(), index, len)?
            } else {
                let mut head = vec![0; size.min(len as u64) as usize];
                self.input.bytes().read_exact_at(0, &mut head).map_err(read_error)?;
                (0..size, head)
            };
            match npy::head(&self.named(index), &head, size)? {
                npy::Head::Whole(header, place) => return Ok((header, place, data)),
                npy::Head::Needs(more) => len = more,
            }
        }
    }

    /// Whether the member starts as a `.npy` file does.
    pub(super) fn is_npy(&self, index: usize) -> bool {
        let Some(archive) = &self.archive else { return true };
        archive
            .head(self.input.bytes(), index, npy::MAGIC.len())
            .is_ok_and(|head| head == npy::MAGIC)
    }

    pub(super) fn is_shadowed(&self, index: usize) -> bool {
        self.archive.as_ref().is_some_and(|archive| archive.is_shadowed(index))
    }

    /// # Errors
    ///
    /// `Corrupt` if two members have one name.
    pub(super) fn check_member_names(&self) -> Result<()> {
        self.archive.as_ref().map_or(Ok(()), Archive::check_names)
    }

    /// What the headers of these members say, and whether the arrays can be seen where they lie; and of those that are no
    /// arrays, or none that can be read, why.
    ///
    /// # Errors
    ///
    /// `Io` if the file cannot be read; what is wrong with an array that is the whole file.
    pub(crate) fn look(
        &self,
        indices: impl Iterator<Item = usize>,
    ) -> Result<(Vec<Info>, Vec<Other>)> {
        let (mut infos, mut others) = (Vec::new(), Vec::new());
        for index in indices {
            match self.info(index) {
                Ok(info) => infos.push(info),
                Err(error) if error.kind() == ErrorKind::Io || self.archive.is_none() => {
                    return Err(error);
                }
                Err(error) => {
                    let (name, bytes) = (self.name(index).to_owned(), self.size(index));
                    others.push(Other { name, bytes, error });
                }
            }
        }
        Ok((infos, others))
    }

    fn info(&self, index: usize) -> Result<Info> {
        if self.is_shadowed(index) {
            return Err(Error::corrupt(format!(
                "{}: another of that name comes later, and is the one that is read",
                self.named(index)
            )));
        }
        let (Header { dtype, shape, order }, place, data) = self.head(index)?;
        let behind = self.size(index) - place.end;
        let len = (place.end - place.start) as usize;
        let seat = self.seat(index, &dtype, len, behind, Some(data))?;
        let path = self.array_name(index).unwrap_or(self.name(index)).to_owned();
        Ok(Info { path, dtype, shape, order, seat })
    }

    /// Where the member's elements lie, the last `len` bytes but for those `behind` them. `data` is where the member does, where
    /// that is known; else memory is looked at, and a file is not.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the member's own header contradicts the directory.
    pub(super) fn seat(
        &self,
        index: usize,
        dtype: &DType,
        len: usize,
        behind: u64,
        data: Option<Range<u64>>,
    ) -> Result<Seat> {
        if self.is_deflated(index) {
            return Ok(Seat { range: None, in_place: false });
        }
        let region = self.input.region();
        let data = match data {
            None if region.is_some() => Some(self.locate(index)?),
            data => data,
        };
        let range = data.and_then(|data| {
            let end = data.end.checked_sub(behind)?;
            Some(end.checked_sub(len as u64).filter(|start| *start >= data.start)?..end)
        });
        let in_place = match (region, self.contents[index].get(), &range) {
            (None, ..) => true,
            (_, Some(content), _) => content.region.is_none(),
            (Some(region), None, Some(range)) => {
                dtype.is_aligned(&region.bytes()[range.start as usize..range.end as usize])
            }
            (Some(_), None, None) => false,
        };
        Ok(Seat { range, in_place })
    }

    /// Sums every member, whether it was used before or not, on all cores.
    ///
    /// # Errors
    ///
    /// `Corrupt`, naming the first member whose content has another checksum than the archive says.
    pub(crate) fn verify(&self, meter: Option<&Meter<'_>>) -> Result<()> {
        // A file that is one array has no checksum: what can be checked of it is that it is whole.
        let Some(archive) = &self.archive else { return self.head(0).map(drop) };
        archive.verify_all(self.input.bytes(), meter)
    }
}
