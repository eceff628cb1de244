//! The .npz file: one `.npy` member for each array, named by its path in the object, and a member with the rest.

use std::collections::HashMap;
use std::io::{Seek, Write};
use std::sync::OnceLock;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::Order;
use crate::memory::Region;
use crate::npy;
use crate::zip::{self, Archive, ArchiveWriter, Settings};

use super::block::Block;
use super::external::ExternalBlock;
use super::{ArrayHead, Placed, Sink, Source};

/// The array that holds what is not array data, as bytes. No other array gets this name.
const REST: &str = "__serde_shm__";

/// A name beyond this many characters is cut: zip's own limit is near 65,535 bytes for all fields of a member.
const MAX_NAME: usize = 2048;

/// Writes an .npz file. The object's arrays come first and in their order, then the rest.
pub(crate) struct NpzSink<W: Write + Seek> {
    archive: ArchiveWriter<W>,
    block: ExternalBlock,
    names: Names,
    open: Option<Open>,
}

/// The array that was begun.
struct Open {
    name: String,
    dtype: DType,
    shape: Vec<usize>,
    order: Order,
    bytes: usize,
    written: usize,
}

impl<W: Write + Seek> NpzSink<W> {
    /// `out` is empty and stands at its start.
    pub(crate) fn new(out: W) -> Self {
        NpzSink {
            archive: ArchiveWriter::new(out, Settings::default()),
            block: ExternalBlock::new(),
            names: Names(HashMap::from([(REST.to_owned(), 0)])),
            open: None,
        }
    }

    /// Starts a member with the header of an array.
    fn member(
        &mut self,
        name: &str,
        dtype: DType,
        shape: &[usize],
        order: Order,
        bytes: usize,
    ) -> Result<()> {
        let header = npy::header(dtype, shape, order);
        self.archive.begin(&file_name(name), header.len() as u64 + bytes as u64)?;
        self.archive.write(&header)
    }
}

impl<W: Write + Seek> Sink for NpzSink<W> {
    /// What was written to, and where the archive ends in it: bytes of an abandoned array may follow.
    type Output = (W, u64);

    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        let name = self.names.take(head.path);
        self.member(&name, head.dtype, head.shape, head.order, head.bytes)?;
        self.open = Some(Open {
            name,
            dtype: head.dtype,
            shape: head.shape.to_vec(),
            order: head.order,
            bytes: head.bytes,
            written: 0,
        });
        Ok(())
    }

    fn write(&mut self, bytes: &[u8]) -> Result<()> {
        if let Some(open) = &mut self.open {
            open.written += bytes.len();
        }
        self.archive.write(bytes)
    }

    fn end(&mut self) -> Result<u64> {
        let Some(Open { name, dtype, shape, order, bytes, written }) = self.open.take() else {
            return Err(Error::new(ErrorKind::Message, "an array was ended that was not begun"));
        };
        if written != bytes {
            return Err(Error::new(
                ErrorKind::Message,
                format!("array `{name}` gave {written} bytes where {bytes} were announced"),
            ));
        }
        self.archive.end()?;
        self.block.push(&ArrayHead { path: &name, dtype, shape: &shape, order, bytes })
    }

    fn abandon(&mut self) -> Result<()> {
        if let Some(open) = self.open.take() {
            self.names.give_back(&open.name);
        }
        self.archive.abandon()
    }

    fn finish(mut self, inline: Vec<u8>, tables: &[u8]) -> Result<(W, u64)> {
        let block = std::mem::replace(&mut self.block, ExternalBlock::new());
        let rest = block.finish(&inline, tables)?;
        self.member(REST, DType::U8, &[rest.len()], Order::C, rest.len())?;
        self.archive.write(&rest)?;
        self.archive.end()?;
        self.archive.finish()
    }
}

fn file_name(array: &str) -> String {
    format!("{array}.npy")
}

/// The names in use, each with the last number that was appended to it to make another.
struct Names(HashMap<String, u64>);

impl Names {
    /// The array's path if it is free and fit for a member, else the nearest name that is.
    fn take(&mut self, path: &str) -> String {
        let path = fit(path);
        let mut name = path.clone();
        while let Some(last) = self.0.get(&name) {
            // The count is kept with the plain path: a thousand equal ones are not tried one after the other.
            let next = self.0.get(&path).unwrap_or(last) + 1;
            self.0.insert(path.clone(), next);
            name = format!("{path}~{next}");
        }
        self.0.insert(name.clone(), 0);
        name
    }

    fn give_back(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// The serializer's paths are fit as they are; this is the last guard, so that no file is written that `from_npz`
/// would refuse.
fn fit(path: &str) -> String {
    let mut name: String = path.chars().take(MAX_NAME).collect();
    if zip::name_fault(&name).is_some() {
        name = name.replace(['\0', '\\'], "_").replace("..", "__");
        if name.is_empty() || name.starts_with('/') {
            name.insert(0, '_');
        }
    }
    name
}

/// An archive in memory, with the members that had to be copied.
pub(crate) struct Opened {
    archive: Archive,
    /// What was verified: nothing where it is used in place.
    contents: Vec<OnceLock<Option<Region>>>,
}

impl Opened {
    pub(crate) fn open(bytes: &[u8]) -> Result<Self> {
        let archive = Archive::open(&bytes)?;
        for index in 0..archive.len() {
            archive.locate(&bytes, index)?;
        }
        let contents = (0..archive.len()).map(|_| OnceLock::new()).collect();
        Ok(Opened { archive, contents })
    }

    /// A member's verified content, aligned; `None` if there is none of that name.
    fn member<'a>(&'a self, bytes: &'a [u8], name: &str, most: u64) -> Result<Option<&'a [u8]>> {
        let Some(index) = self.archive.find(name) else {
            return Ok(None);
        };
        let data = self.archive.locate(&bytes, index)?;
        let data = bytes.get(data.start as usize..data.end as usize).unwrap_or_default();
        let in_place =
            !self.archive.member(index).deflated && data.as_ptr().addr().is_multiple_of(64);
        if self.contents[index].get().is_none() {
            let content = if in_place && data.len() as u64 <= most {
                self.archive.verify(&bytes, index)?;
                None
            } else {
                Some(self.archive.load(&bytes, index, most)?)
            };
            self.contents[index].get_or_init(|| content);
        }
        Ok(match self.contents[index].get() {
            Some(Some(copy)) => Some(copy.bytes()),
            _ => Some(data),
        })
    }
}

/// An .npz file that is read: an object written by this crate, whose arrays are members of the archive.
pub(crate) struct NpzSource<'de> {
    bytes: &'de [u8],
    archive: &'de Opened,
    block: Block<'de>,
}

impl<'de> NpzSource<'de> {
    /// `bytes` is the whole file, and `archive` was opened on it; it keeps the members that must be decompressed.
    ///
    /// # Errors
    ///
    /// `Unsupported` if another program wrote the archive, `Corrupt` or `Version` if its block cannot be read.
    pub(crate) fn new(bytes: &'de [u8], archive: &'de Opened) -> Result<Self> {
        let name = file_name(REST);
        let member = archive.member(bytes, &name, u64::MAX)?.ok_or_else(|| {
            Error::new(
                ErrorKind::Unsupported,
                format!(
                    "not written by serde_shm: there is no member `{name}`. Archives that NumPy wrote by itself \
                     cannot be read yet"
                ),
            )
        })?;
        let (header, block) = npy::split(&format_args!("member `{name}`"), member)?;
        if header.dtype != DType::U8 || header.shape.len() != 1 {
            return Err(Error::corrupt(format!(
                "member `{name}`: expected |u1 with one axis, found {} with shape {:?}",
                header.dtype, header.shape
            )));
        }
        Ok(NpzSource { bytes, archive, block: Block::parse_external(block)? })
    }
}

impl<'de> Source<'de> for NpzSource<'de> {
    fn inline(&self) -> &'de [u8] {
        self.block.inline()
    }

    fn tables(&self) -> &'de [u8] {
        self.block.tables()
    }

    fn array_bytes(&self) -> u64 {
        self.archive.archive.total_size()
    }

    fn array(&self, number: u64) -> Result<Placed<'de>> {
        let entry = self.block.directory().entry(number)?;
        let name = file_name(entry.path);
        let most = entry.bytes as u64 + npy::MAX_PREFIX;
        let member = self.archive.member(self.bytes, &name, most)?.ok_or_else(|| {
            Error::corrupt(format!(
                "member `{name}` is missing: expected {} {:?}",
                entry.dtype, entry.shape
            ))
        })?;
        let (header, bytes) = npy::split(&format_args!("member `{name}`"), member)?;
        let same_order = header.order == entry.order || !npy::has_order(&entry.shape);
        if header.dtype != entry.dtype || header.shape != entry.shape || !same_order {
            return Err(Error::corrupt(format!(
                "member `{name}`: expected {} {:?} in order {:?}, as the object was saved, found {} {:?} in order {:?}",
                entry.dtype, entry.shape, entry.order, header.dtype, header.shape, header.order
            )));
        }
        Ok(Placed {
            dtype: entry.dtype,
            shape: entry.shape,
            order: entry.order,
            bytes,
            region: None,
        })
    }
}

#[cfg(test)]
mod tests {
    use std::io::Cursor;

    use super::*;
    use crate::layout;
    use crate::memory::AlignedBytes;

    type Sample<'a> = (&'a str, DType, &'a [usize], Order);

    fn fill(sink: &mut impl Sink, (path, dtype, shape, order): Sample<'_>) -> u64 {
        let bytes = layout::byte_len(shape, dtype.item_size()).unwrap();
        sink.begin(&ArrayHead { path, dtype, shape, order, bytes }).unwrap();
        sink.write(&vec![bytes as u8; bytes / 2]).unwrap();
        sink.write(&vec![bytes as u8; bytes - bytes / 2]).unwrap();
        sink.end().unwrap()
    }

    fn save(samples: &[Sample<'_>]) -> AlignedBytes {
        let mut sink = NpzSink::new(Cursor::new(Vec::new()));
        for (number, sample) in samples.iter().enumerate() {
            assert_eq!(fill(&mut sink, *sample), number as u64);
        }
        let (out, len) = sink.finish(b"inline".to_vec(), b"tables").unwrap();
        AlignedBytes::copy_from(&out.get_ref()[..usize::try_from(len).unwrap()])
    }

    #[test]
    fn arrays_come_back_in_place() {
        let samples = [
            ("weights", DType::F32, &[3, 4][..], Order::F),
            ("layers.0.bias", DType::F64, &[1000], Order::C),
            ("empty", DType::I16, &[0, 2], Order::C),
            ("scalar", DType::BOOL, &[], Order::F),
        ];
        let file = save(&samples);
        let archive = Opened::open(&file).unwrap();
        let source = NpzSource::new(&file, &archive).unwrap();
        assert_eq!((source.inline(), source.tables()), (&b"inline"[..], &b"tables"[..]));
        for (number, (_, dtype, shape, order)) in samples.into_iter().enumerate() {
            let placed = source.array(number as u64).unwrap();
            assert_eq!((placed.dtype, &placed.shape[..], placed.order), (dtype, shape, order));
            let at = placed.bytes.as_ptr().addr() - file.as_ptr().addr();
            assert!(at < file.len() && at.is_multiple_of(64));
            assert!(placed.bytes.iter().all(|&byte| byte == placed.bytes.len() as u8));
        }
        assert!(source.array(4).is_err());
    }

    #[test]
    fn names_that_are_taken_or_unfit_are_changed_and_found_again() {
        let one = |path| (path, DType::U8, &[1][..], Order::C);
        let long = "é".repeat(3000);
        let paths = ["a", "a", "a~1", "a", REST, "../x", "", "/y", &long, "a"];
        let file = save(&paths.map(one));
        let archive = Opened::open(&file).unwrap();
        let source = NpzSource::new(&file, &archive).unwrap();
        let name = |number| source.block.directory().entry(number).unwrap().path.to_owned();
        let names: Vec<String> = (0..10).map(name).collect();
        let cut = "é".repeat(2048);
        assert_eq!(
            names,
            ["a", "a~1", "a~1~1", "a~2", "__serde_shm__~1", "__/x", "_", "_/y", &cut, "a~3"]
        );
        for number in 0..10 {
            assert_eq!(source.array(number).unwrap().bytes, [1]);
        }
    }

    #[test]
    fn an_abandoned_array_is_not_there() {
        let mut sink = NpzSink::new(Cursor::new(Vec::new()));
        let head =
            ArrayHead { path: "a", dtype: DType::U8, shape: &[9], order: Order::C, bytes: 9 };
        sink.begin(&head).unwrap();
        sink.write(b"abc").unwrap();
        sink.abandon().unwrap();
        let sample = ("a", DType::U16, &[2][..], Order::C);
        assert_eq!(fill(&mut sink, sample), 0);
        let (out, _) = sink.finish(b"inline".to_vec(), b"tables").unwrap();
        assert_eq!(out.get_ref()[..], save(&[sample])[..]);
    }

    #[test]
    fn an_array_that_is_short_is_an_error() {
        let mut sink = NpzSink::new(Cursor::new(Vec::new()));
        let head =
            ArrayHead { path: "a", dtype: DType::U8, shape: &[9], order: Order::C, bytes: 9 };
        sink.begin(&head).unwrap();
        sink.write(b"abc").unwrap();
        let error = sink.end().unwrap_err();
        assert_eq!(error.to_string(), "array `a` gave 3 bytes where 9 were announced");
    }

    /// An archive whose members are given, not made from arrays.
    fn forge(members: &[(&str, Vec<u8>)]) -> AlignedBytes {
        let mut writer = ArchiveWriter::new(Cursor::new(Vec::new()), Settings::default());
        for (name, bytes) in members {
            writer.begin(name, bytes.len() as u64).unwrap();
            writer.write(bytes).unwrap();
            writer.end().unwrap();
        }
        AlignedBytes::copy_from(writer.finish().unwrap().0.get_ref())
    }

    fn array(dtype: DType, shape: &[usize], order: Order, data: &[u8]) -> Vec<u8> {
        [&npy::header(dtype, shape, order)[..], data].concat()
    }

    #[test]
    fn members_must_agree_with_the_directory() {
        let file = save(&[("a", DType::U16, &[2, 3], Order::C)]);
        let archive = Opened::open(&file).unwrap();
        let rest = archive.member(&file, "__serde_shm__.npy", u64::MAX).unwrap().unwrap().to_vec();
        let read = |member: Option<Vec<u8>>| {
            let mut members = vec![("__serde_shm__.npy", rest.clone()), ("other", vec![1])];
            members.extend(member.map(|bytes| ("a.npy", bytes)));
            let file = forge(&members);
            let archive = Opened::open(&file).unwrap();
            let source = NpzSource::new(&file, &archive).unwrap();
            source.array(0).map(|placed| placed.bytes.to_vec()).map_err(|error| error.to_string())
        };
        assert_eq!(
            read(Some(array(DType::U16, &[2, 3], Order::C, b"0123456789ab"))).unwrap(),
            b"0123456789ab"
        );
        for (member, said) in [
            (None, "member `a.npy` is missing: expected <u2 [2, 3]"),
            (
                Some(array(DType::I16, &[2, 3], Order::C, &[0; 12])),
                "expected <u2 [2, 3] in order C, as",
            ),
            (Some(array(DType::U16, &[3, 2], Order::C, &[0; 12])), "found <u2 [3, 2] in order C"),
            (Some(array(DType::U16, &[2, 3], Order::F, &[0; 12])), "found <u2 [2, 3] in order F"),
            (
                Some(array(DType::U16, &[2, 3], Order::C, &[0; 11])),
                "member `a.npy`: expected 12 bytes",
            ),
            (Some(b"text".to_vec()), "member `a.npy`: wrong magic"),
        ] {
            let error = read(member).unwrap_err();
            assert!(error.contains(said), "{error}");
        }
    }

    #[test]
    fn an_archive_without_the_rest_is_not_ours() {
        let refused = |file: &AlignedBytes| {
            let archive = Opened::open(file).unwrap();
            let error = NpzSource::new(file, &archive).err().unwrap();
            (error.kind(), error.to_string())
        };
        let (kind, text) = refused(&forge(&[("a.npy", array(DType::U8, &[], Order::C, &[1]))]));
        assert_eq!(kind, ErrorKind::Unsupported);
        assert!(text.contains("not written by serde_shm"), "{text}");
        let name = "__serde_shm__.npy";
        for (bytes, said) in [
            (array(DType::I8, &[1], Order::C, &[1]), "expected |u1 with one axis, found |i1"),
            (array(DType::U8, &[1, 1], Order::C, &[1]), "found |u1 with shape [1, 1]"),
            (array(DType::U8, &[1], Order::C, &[1]), "wrong magic"),
            (array(DType::U8, &[0], Order::C, &[]), "wrong magic"),
        ] {
            let (kind, text) = refused(&forge(&[(name, bytes)]));
            assert_eq!(kind, ErrorKind::Corrupt);
            assert!(text.contains(said), "{text}");
        }
    }
}
