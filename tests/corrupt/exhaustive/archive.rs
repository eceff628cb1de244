//! The `.npz` of one object, its members stored and deflated.

use std::fs;
use std::ops::Range;

use serde_shm::{AlignedBytes, Compression, DynArray, Npz, NpzOptions, Result};

use super::zip::{self, Member, content, members, npy_len};
use super::{Opened, Small, Tally, block_words, changes, look, small};
use crate::corrupt::forge::Parts;
use crate::corrupt::model::{bounded, say};

impl Opened for Npz {
    fn get<'a, T: serde_shm::Deserialize<'a>>(&'a self) -> Result<T> {
        self.get()
    }

    fn arrays(&self) -> Result<Vec<serde_shm::ArrayInfo>> {
        self.arrays()
    }

    fn array_dyn(&self, path: &str) -> Result<DynArray> {
        self.array_dyn(path)
    }
}

fn saved(value: &Small, compression: Compression) -> Vec<u8> {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    NpzOptions::new().compression(compression).fsync(false).save(&path, value).unwrap();
    fs::read(&path).unwrap()
}

/// Reads an archive in every way, and says whether all its checksums are right.
fn read(bytes: &[u8]) -> Result<Small> {
    let len = bytes.len();
    let bytes = AlignedBytes::copy_from(bytes);
    let file = bounded(len, || Npz::from_bytes(&bytes[..]));
    say(&file);
    let file = file?;
    let verified = bounded(len, || file.verify());
    say(&verified);
    let value = look(len, &file)?;
    if verified.is_err() {
        // Elements that are borrowed are not compared with their checksum; those that are copied are.
        let copied = bounded(len, || Npz::from_bytes(bytes.to_vec())?.get::<Small>());
        say(&copied);
    }
    Ok(value)
}

/// The words that say what is where: those of the zip's headers and directory, and those of the object's own block.
fn sets(archive: &[u8], members: &[Member]) -> Vec<Vec<Range<usize>>> {
    let directory = members[0].central.start;
    let mut zip: Vec<_> = std::iter::once(directory..archive.len()).collect();
    zip.extend(members.iter().map(|member| member.local.clone()));
    let own = members.last().unwrap();
    let mut npy: Vec<_> = std::iter::once(own.data.start..own.data.start + 80).collect();
    if own.method == 0 {
        let start = npy_len(&archive[own.data.clone()]);
        let parts = Parts::of(&archive[own.data.start + start..own.data.end]);
        npy.extend(block_words(&parts, own.data.start + start));
    }
    vec![zip, npy]
}

/// Every change of an archive, with its checksums left or made right; how many members of it are deflated.
fn changed(value: &Small, compression: Compression) -> (Tally, Tally, usize) {
    let honest = saved(value, compression);
    let members = members(&honest);
    assert_eq!(read(&honest).unwrap(), *value);
    let (mut left, mut mended) = (Tally::default(), Tally::default());
    for change in changes(honest.len(), &sets(&honest, &members)) {
        let Some(mut bytes) = change.apply(&honest) else { continue };
        let found = read(&bytes);
        if let Ok(found) = &found {
            assert_eq!(found, value, "{change:?}");
        }
        left.count(value, &found);
        let before = bytes.clone();
        zip::mend(&mut bytes, &members);
        if bytes != before && bytes != honest {
            mended.count(value, &read(&bytes));
        }
    }
    (left, mended, members.iter().filter(|member| member.method != 0).count())
}

#[test]
fn a_changed_archive_is_the_same_value_or_an_error() {
    let (left, mended, deflated) = changed(&small(3), Compression::None);
    assert!(left.refused > 5000 && left.same > 1000, "{left:?}");
    assert!(mended.refused > 2000 && mended.other > 100, "{mended:?}");
    assert_eq!(deflated, 0);
}

#[test]
fn a_changed_archive_of_deflated_members_is_the_same_value_or_an_error() {
    let (left, mended, deflated) = changed(&small(40), Compression::Deflate(6));
    assert!(left.refused > 5000 && left.same > 500, "{left:?}");
    assert!(mended.refused > 500 && mended.other > 20, "{mended:?}");
    assert!(deflated > 0);
}

/// Each member cut to each length, in an archive whose lengths and checksums are right.
#[test]
fn an_archive_with_a_shorter_member_is_an_error() {
    let value = small(3);
    let honest = saved(&value, Compression::None);
    let members = members(&honest);
    let all: Vec<Vec<u8>> =
        members.iter().map(|member| content(&honest, member).unwrap()).collect();
    let build = |changed: usize, len: usize| {
        let part = |(number, member): (usize, &Member)| {
            let whole = &all[number][..];
            (member.name.clone(), if number == changed { &whole[..len] } else { whole })
        };
        let parts: Vec<(String, &[u8])> = members.iter().enumerate().map(part).collect();
        let parts: Vec<(&str, &[u8])> = parts.iter().map(|part| (&*part.0, part.1)).collect();
        zip::archive(&parts)
    };
    assert_eq!(read(&build(0, all[0].len())).unwrap(), value);
    let mut tally = Tally::default();
    for (number, whole) in all.iter().enumerate() {
        for len in 0..whole.len() {
            let found = read(&build(number, len));
            if let Ok(found) = &found {
                assert_eq!(*found, value, "member {number} cut to {len}");
            }
            tally.count(&value, &found);
        }
    }
    assert_eq!(tally.same, 0, "{tally:?}");
}
