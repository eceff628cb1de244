//! The members of an archive that anybody may have made.

use std::collections::HashMap;
use std::io::{self, Cursor, Read};
use std::ops::Range;
use std::sync::OnceLock;

use ::zip::read::{ArchiveOffset, Config, OwnedZipFileEntry};
use ::zip::result::ZipError;
use ::zip::{CompressionMethod, ZipArchive, ZipReadOptions};

use crate::error::{Error, ErrorKind, Result};
use crate::layout::ARRAY_ALIGN;
use crate::memory::AlignedBytes;

/// The members of an archive that was checked as far as it can be without looking at their content.
#[derive(Debug)]
pub(crate) struct Archive {
    members: HashMap<String, Member>,
}

#[derive(Debug)]
struct Member {
    data: Range<usize>,
    size: u64,
    crc: u32,
    /// What the decoder needs, where the member is compressed.
    deflated: Option<OwnedZipFileEntry>,
    content: OnceLock<Content>,
}

/// A member whose checksum was right.
#[derive(Debug)]
enum Content {
    InPlace,
    /// Decompressed, or moved to aligned memory.
    Copied(AlignedBytes),
}

impl Archive {
    /// Reads the directory and every member's own header. `bytes` is the whole file, from first to last.
    ///
    /// # Errors
    ///
    /// `Corrupt` if this is no zip archive, a cut one, or one that two readers could understand differently: members
    /// that overlap or have one name, headers that contradict the directory, bytes before or after. `Unsupported` if
    /// a member is encrypted or compressed by another method than deflate.
    pub(crate) fn open(bytes: &[u8]) -> Result<Self> {
        if !bytes.starts_with(b"PK") {
            let found = &bytes[..bytes.len().min(4)];
            return Err(Error::corrupt(format!(
                "wrong magic: expected PK\\x03\\x04 of a zip archive, found {}",
                found.escape_ascii()
            )));
        }
        let config = Config { archive_offset: ArchiveOffset::Known(0) };
        let mut zip = ZipArchive::with_config(config, Cursor::new(bytes)).map_err(read_error)?;
        zip.validate_header_consistency().map_err(read_error)?;
        check_end(bytes, zip.comment().len())?;
        let mut members = HashMap::new();
        let mut first = zip.central_directory_start();
        for index in 0..zip.len() {
            let file = zip.by_index_raw(index).map_err(read_error)?;
            let name = file.name().map_err(read_error)?.into_owned();
            let bad = |what: &str| Error::corrupt(format!("member {name:?}: {what}"));
            let unsupported = |what: String| {
                Error::new(ErrorKind::Unsupported, format!("member {name:?}: {what}"))
            };
            first = first.min(file.header_start());
            if let Some(fault) = name_fault(&name) {
                return Err(bad(fault));
            }
            if file.encrypted() {
                return Err(unsupported("it is encrypted: save it without a password".to_owned()));
            }
            let start = file.data_start().ok_or_else(|| bad("it has no data"))?;
            let data = start
                .checked_add(file.compressed_size())
                .and_then(|end| Some(usize::try_from(start).ok()?..usize::try_from(end).ok()?))
                .filter(|data| data.end <= bytes.len())
                .ok_or_else(|| bad("its data lies outside the file"))?;
            let deflated = match file.compression() {
                CompressionMethod::Stored if file.size() == data.len() as u64 => None,
                CompressionMethod::Stored => {
                    return Err(bad(&format!(
                        "stored in {} bytes, but its size is {}",
                        data.len(),
                        file.size()
                    )));
                }
                CompressionMethod::Deflated => Some(OwnedZipFileEntry::from(file.entry())),
                other => {
                    return Err(unsupported(format!(
                        "compressed by {other}: expected stored or deflate, as NumPy writes it"
                    )));
                }
            };
            let (size, crc) = (file.size(), file.crc32());
            let content = OnceLock::new();
            let member = Member { data, size, crc, deflated, content };
            if members.insert(name.clone(), member).is_some() {
                return Err(bad("there are two of that name"));
            }
        }
        if first != 0 {
            return Err(Error::corrupt(format!("{first} bytes stand before the archive")));
        }
        Ok(Archive { members })
    }

    /// What all members say to hold.
    pub(crate) fn total_size(&self) -> u64 {
        self.members.values().fold(0, |total, member| total.saturating_add(member.size))
    }

    /// A member's content with its checksum verified, at an address that suits every element; `None` if there is no
    /// such member. `bytes` is what `open` saw. A member that lies compressed or unaligned is copied at its first
    /// use, and the copy is kept. One that says to be larger than `most` is an error before that.
    pub(crate) fn member<'a>(
        &'a self,
        bytes: &'a [u8],
        name: &str,
        most: u64,
    ) -> Result<Option<&'a [u8]>> {
        let Some(member) = self.members.get(name) else {
            return Ok(None);
        };
        if member.size > most {
            return Err(Error::corrupt(format!(
                "member `{name}`: expected at most {most} bytes, found {}",
                member.size
            )));
        }
        let data = bytes.get(member.data.clone()).ok_or_else(|| {
            Error::corrupt(format!("member `{name}`: its data lies outside the file"))
        })?;
        let content = if let Some(content) = member.content.get() {
            content
        } else {
            let content = member.load(bytes, data, name)?;
            member.content.get_or_init(|| content)
        };
        Ok(Some(match content {
            Content::InPlace => data,
            Content::Copied(copy) => copy,
        }))
    }
}

impl Member {
    fn load(&self, bytes: &[u8], data: &[u8], name: &str) -> Result<Content> {
        if let Some(entry) = &self.deflated {
            // The decoder stops at the declared size and compares the checksum at the end; memory grows with what it
            // really gives.
            let mut reader = Cursor::new(bytes);
            let content = entry
                .as_ref()
                .with_reader(&mut reader, ZipReadOptions::default())
                .map_err(io::Error::from)
                .and_then(|file| {
                    AlignedBytes::read_to_end(file.take(self.size.saturating_add(1)), 0)
                })
                .map_err(|error| Error::corrupt(format!("member `{name}`: {error}")))?;
            if content.len() as u64 != self.size {
                return Err(Error::corrupt(format!(
                    "member `{name}`: expected {} bytes, found {}",
                    self.size,
                    content.len()
                )));
            }
            return Ok(Content::Copied(content));
        }
        let found = crc32fast::hash(data);
        if found != self.crc {
            return Err(Error::corrupt(format!(
                "member `{name}`: wrong checksum: expected {:#010x}, found {found:#010x}; the file was altered",
                self.crc
            )));
        }
        if data.as_ptr().addr().is_multiple_of(ARRAY_ALIGN) {
            Ok(Content::InPlace)
        } else {
            Ok(Content::Copied(AlignedBytes::copy_from(data)))
        }
    }
}

/// What makes a name unfit for a member: programs that unpack an archive would write elsewhere, or not at all.
pub(crate) fn name_fault(name: &str) -> Option<&'static str> {
    if name.is_empty() {
        Some("its name is empty")
    } else if name.contains(['\0', '\\']) {
        Some("its name has a NUL or a backslash in it")
    } else if name.starts_with('/') {
        Some("its name is an absolute path")
    } else if name.split('/').any(|part| part == "..") {
        Some("its name leads out of its folder by `..`")
    } else {
        None
    }
}

/// The end record stands at the very end: with bytes after it, two readers may find two archives.
fn check_end(bytes: &[u8], comment: usize) -> Result<()> {
    const END: usize = 22;
    let record = bytes.len().checked_sub(END + comment).map(|at| &bytes[at..]);
    if record.is_some_and(|record| {
        record.starts_with(b"PK\x05\x06") && record[END - 2..END] == (comment as u16).to_le_bytes()
    }) {
        return Ok(());
    }
    Err(Error::corrupt("bytes stand after the archive"))
}

fn read_error(error: ZipError) -> Error {
    match error {
        ZipError::UnsupportedArchive(what) => Error::new(ErrorKind::Unsupported, what),
        ZipError::Io(error) if error.kind() == io::ErrorKind::UnexpectedEof => {
            Error::corrupt("not a whole zip archive: a header ends beyond the file's end")
        }
        other => Error::corrupt(format!("not a whole zip archive: {other}")),
    }
}

#[cfg(test)]
mod tests {
    use std::io::Write;

    use ::zip::ZipWriter;
    use ::zip::write::SimpleFileOptions;

    use super::super::archive;
    use super::*;

    fn refused(bytes: &[u8], said: &str) {
        let error = Archive::open(bytes).map(|_| ()).unwrap_err();
        assert!(error.to_string().contains(said), "{error}");
    }

    #[test]
    fn members_come_back_aligned_and_in_place() {
        let large = vec![3; 300_000];
        let bytes =
            archive(&[("a", b""), ("b/c.npy", &large), ("é", b"12345"), ("d", &large[..70_000])]);
        let block = AlignedBytes::copy_from(&bytes);
        let archive = Archive::open(&block).unwrap();
        for (name, expected) in [("a", &b""[..]), ("b/c.npy", &large), ("é", b"12345")] {
            let found = archive.member(&block, name, u64::MAX).unwrap().unwrap();
            assert_eq!(found, expected);
            assert_eq!((found.as_ptr().addr() - block.as_ptr().addr()) % 64, 0);
        }
        assert!(archive.member(&block, "e", u64::MAX).unwrap().is_none());
        // At an address that suits no view, members are moved.
        let shifted = AlignedBytes::copy_from(&[&[0][..], &bytes].concat());
        let archive = Archive::open(&shifted[1..]).unwrap();
        let found = archive.member(&shifted[1..], "b/c.npy", u64::MAX).unwrap().unwrap();
        assert_eq!((found, found.as_ptr().addr() % 64), (&large[..], 0));
    }

    #[test]
    fn a_compressed_member_is_read_and_bounded() {
        let data = vec![5; 100_000];
        let deflate = |name: &str| {
            let mut writer = ZipWriter::new(Cursor::new(Vec::new()));
            let options =
                SimpleFileOptions::default().compression_method(CompressionMethod::Deflated);
            writer.start_file(name, options).unwrap();
            writer.write_all(&data).unwrap();
            writer.finish().unwrap().into_inner()
        };
        let bytes = deflate("a");
        let archive = Archive::open(&bytes).unwrap();
        let found = archive.member(&bytes, "a", u64::MAX).unwrap().unwrap();
        assert_eq!((found, found.as_ptr().addr() % 64), (&data[..], 0));
        let again = archive.member(&bytes, "a", u64::MAX).unwrap().unwrap();
        assert_eq!(again.as_ptr(), found.as_ptr());
        // Both headers say another size: what comes must not go beyond it, nor end before.
        for size in [99_999_u32, 100_001, 0] {
            let mut bad = bytes.clone();
            let central = bad.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
            for at in [22, central + 24] {
                bad[at..at + 4].copy_from_slice(&size.to_le_bytes());
            }
            let archive = Archive::open(&bad).unwrap();
            assert_eq!(archive.member(&bad, "a", u64::MAX).unwrap_err().kind(), ErrorKind::Corrupt);
        }
        for name in ["", "/a", "..", "a/../b", "a\\b", "a\0b"] {
            refused(&deflate(name), "its name");
        }
    }

    #[test]
    fn archives_that_lie_are_refused() {
        let bytes = archive(&[("aa", b"0123456789"), ("bb", b"x")]);
        let central = bytes.windows(4).position(|four| four == b"PK\x01\x02").unwrap();
        let alter = |at: usize, new: &[u8]| {
            let mut bad = bytes.clone();
            bad[at..at + new.len()].copy_from_slice(new);
            bad
        };
        refused(b"", "wrong magic");
        refused(b"\x93NUMPY", "expected PK\\x03\\x04 of a zip archive, found \\x93NUM");
        refused(&[&bytes[..], b"junk"].concat(), "after the archive");
        refused(&[&b"PKjunk"[..], &bytes].concat(), "not a whole zip archive");
        // Name, method, encryption, stored size: in the directory, in the member's own header, in both.
        refused(&alter(30, b"ab"), "not a whole zip archive");
        refused(&alter(central + 46, b"bb"), "not a whole zip archive");
        refused(&alter(central + 10, &[12]), "not a whole zip archive");
        let both = |local: usize, directory: usize, new: &[u8]| {
            let mut bad = alter(local, new);
            bad[central + directory..central + directory + new.len()].copy_from_slice(new);
            bad
        };
        refused(&both(8, 10, &[12]), "expected stored or deflate");
        refused(&both(6, 8, &[1]), "encrypted");
        refused(&both(22, 24, &[11]), "stored in 10 bytes, but its size is 11");
        refused(&both(18, 20, &[0, 1]), "not a whole zip archive");
        let mut doubled = both(30, 46, b"bb");
        refused(&doubled, "duplicate");
        doubled.truncate(bytes.len() - 22);
        refused(&doubled, "not a whole zip archive");
        let wrong = alter(64, b"9");
        let opened = Archive::open(&wrong).unwrap();
        let error = opened.member(&wrong, "aa", u64::MAX).unwrap_err().to_string();
        assert!(error.starts_with("member `aa`: wrong checksum"), "{error}");
        assert_eq!(opened.member(&wrong, "bb", u64::MAX).unwrap(), Some(&b"x"[..]));
    }
}
