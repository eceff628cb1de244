//! The zip container of an .npz file: a writer whose stored members lie aligned in the file, and a reader that
//! believes nothing which it can check. Bytes in, bytes out.

mod content;
mod deflate;
mod directory;
mod pack;
mod records;
mod source;
#[cfg(feature = "libdeflate")]
mod splice;
mod window;
mod write;

pub(crate) use directory::{Archive, Member};
pub(crate) use records::name_fault;
pub(crate) use source::ReadAt;
pub(crate) use write::{ArchiveWriter, Settings};

/// An archive in memory, of these members.
#[cfg(test)]
fn archive(members: &[(&str, &[u8])], settings: Settings) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(std::io::Cursor::new(Vec::new()), settings);
    for (name, data) in members {
        writer.begin(name, data.len() as u64).unwrap();
        writer.write(data).unwrap();
        writer.end().unwrap();
    }
    let (out, len) = writer.finish().unwrap();
    assert_eq!(out.get_ref().len() as u64, len);
    out.into_inner()
}
