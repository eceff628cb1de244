//! The bytes of one object.

use serde_shm::{AlignedBytes, to_bytes};

use super::{Block, Small, Tally, block_words, changes, look, small};
use crate::corrupt::forge::{HEADER, Parts, TRAILER, seal};

fn read(bytes: &[u8]) -> serde_shm::Result<Small> {
    let bytes = AlignedBytes::copy_from(bytes);
    look(bytes.len(), &Block(&bytes))
}

#[test]
fn a_changed_block_is_the_same_value_or_an_error() {
    let (value, honest) = (small(3), to_bytes(&small(3)).unwrap());
    let parts = Parts::of(&honest);
    let mut tally = Tally::default();
    for change in changes(honest.len(), &[block_words(&parts, 0)]) {
        let Some(bytes) = change.apply(&honest) else { continue };
        let found = read(&bytes);
        // Array data has no checksum, so that to attach touches none of it.
        if let Ok(found) = &found
            && change.is_within(&parts.arrays)
        {
            let lengths =
                |value: &Small| (value.flags.len(), value.scores.dim(), value.points.dim());
            assert_eq!(lengths(found), lengths(&value), "{change:?}");
        } else if let Ok(found) = &found {
            assert_eq!(*found, value, "{change:?}");
        }
        tally.count(&value, &found);
    }
    let arrays: usize = parts.arrays.iter().map(ExactSizeIterator::len).sum();
    assert!(tally.other as usize <= 8 * arrays, "{tally:?}");
    assert!(tally.refused as usize >= 8 * (honest.len() - parts.inline.start), "{tally:?}");
}

#[test]
fn a_changed_block_under_a_right_checksum_is_survived() {
    let (value, honest) = (small(3), to_bytes(&small(3)).unwrap());
    let parts = Parts::of(&honest);
    let mut tally = Tally::default();
    for change in changes(honest.len(), &[block_words(&parts, 0)]) {
        let Some(mut bytes) = change.apply(&honest) else { continue };
        if bytes.len() < HEADER + TRAILER {
            continue;
        }
        seal(&mut bytes);
        tally.count(&value, &read(&bytes));
    }
    assert!(tally.other > 100 && tally.refused > 1000, "{tally:?}");
}

/// Each part of a block cut to each length, with lengths and checksum that fit.
#[test]
fn a_block_with_a_shorter_part_is_survived() {
    let (value, honest) = (small(3), to_bytes(&small(3)).unwrap());
    let parts = Parts::of(&honest);
    let mut tally = Tally::default();
    let places = [&parts.inline, &parts.tables, &parts.directory];
    for (number, place) in places.into_iter().enumerate() {
        for end in place.clone() {
            let mut bytes = [&honest[..end], &honest[place.end..]].concat();
            let trailer = bytes.len() - TRAILER;
            let mut put = |at: usize, number: usize| {
                bytes[trailer + at..trailer + at + 8]
                    .copy_from_slice(&(number as u64).to_le_bytes());
            };
            put(0, trailer + TRAILER);
            put(16 + 8 * number, end - place.start);
            seal(&mut bytes);
            tally.count(&value, &read(&bytes));
        }
    }
    // Nothing of the three parts can be left out.
    assert_eq!((tally.same, tally.other), (0, 0), "{tally:?}");
}
