//! The zip container of an .npz file: a writer whose stored members lie aligned in the file, and a reader that
//! believes nothing which it can check. Bytes in, bytes out; the crate `zip` does not show through.

mod read;
mod write;

pub(crate) use read::{Archive, name_fault};
pub(crate) use write::ArchiveWriter;

/// An archive in memory, of these members.
#[cfg(test)]
fn archive(members: &[(&str, &[u8])]) -> Vec<u8> {
    let mut writer = ArchiveWriter::new(std::io::Cursor::new(Vec::new()));
    for (name, data) in members {
        writer.begin(name, data.len() as u64).unwrap();
        writer.write(data).unwrap();
    }
    let (out, len) = writer.finish().unwrap();
    assert_eq!(out.get_ref().len() as u64, len);
    out.into_inner()
}
