//! A whole block, damaged.

use serde_shm::{AlignedBytes, ErrorKind, from_bytes, to_bytes};

use crate::corrupt::forge::{Parts, seal};
use crate::corrupt::model::{Rich, read_all, rich, say};

fn block() -> AlignedBytes {
    let block = to_bytes(&rich()).unwrap();
    let (back, others) = read_all(&block);
    assert_eq!(back.unwrap(), rich());
    // `serde_json::Value` knows no newtypes, and an array says that it is one to who does not ask for an array.
    others.into_iter().take(4).for_each(|other| other.unwrap());
    block
}

/// What a byte is altered to: far and near values, and each of its bits flipped.
fn others(byte: u8) -> impl Iterator<Item = u8> {
    let bits = (0..8).map(move |bit| byte ^ 1 << bit);
    [0, 1, 2, 0x7f, 0x80, 0xfe, 0xff].into_iter().chain(bits).filter(move |other| *other != byte)
}

#[test]
fn the_checksum_is_what_the_format_says() {
    let block = block();
    let mut sealed = block.clone().to_vec();
    seal(&mut sealed);
    assert_eq!(sealed, *block);
}

#[test]
fn every_truncation_is_an_error() {
    let block = block();
    for len in 0..block.len() {
        let (result, others) = read_all(&block[..len]);
        let error = result.unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}: {error}");
        assert!(others.iter().all(Result::is_err), "{len} bytes were read");
        let expected =
            if len < 8 { "wrong magic: expected " } else { "truncated: the block ends at byte " };
        assert!(error.to_string().starts_with(expected), "{len}: {error}");
    }
    for more in [1, 7, 64, 1000] {
        let mut longer = block.to_vec();
        longer.resize(block.len() + more, 0);
        assert_eq!(from_bytes::<Rich>(&longer).unwrap_err().kind(), ErrorKind::Corrupt);
        // A trailer at the end of something longer.
        longer.truncate(block.len());
        longer.splice(64..64, vec![0; more]);
        let error = from_bytes::<Rich>(&longer).unwrap_err();
        assert!(error.to_string().contains("wrong length"), "{error}");
    }
}

#[test]
fn every_altered_byte_is_an_error_or_array_data() {
    let block = block();
    let parts = Parts::of(&block);
    let mut altered = block.clone().to_vec();
    let aligned = |bytes: &[u8]| AlignedBytes::copy_from(bytes);
    let (mut arrays, mut refused) = (0, 0);
    for at in 0..block.len() {
        for byte in others(block[at]) {
            altered[at] = byte;
            let found = aligned(&altered);
            let (result, others) = read_all(&found);
            if parts.is_array(at) {
                let sound = result.is_ok();
                match result {
                    // Written again it is the altered block: the value differs there and nowhere else.
                    Ok(value) => {
                        assert_eq!(*to_bytes(&value).unwrap(), *found, "byte {at} to {byte}");
                    }
                    Err(error) => {
                        // Only a bool can be wrong.
                        let text = error.to_string();
                        assert!(
                            text.starts_with("flags: ") && byte > 1,
                            "byte {at} to {byte}: {text}"
                        );
                        let flags = &parts.arrays.iter().find(|array| array.contains(&at)).unwrap();
                        let index = at - flags.start;
                        assert!(text.contains("expected a") && text.contains("0 or 1"), "{text}");
                        assert!(text.contains(&format!("{byte}")), "{text}");
                        assert!(text.contains(&format!("element {index}")), "{text}");
                        assert!(others[0].is_err() && others[1].is_err());
                        refused += 1;
                    }
                }
                // By what it says of itself a bool is looked at, too.
                assert!(others[2].is_ok());
                assert_eq!(others[3].is_ok(), sound);
                arrays += 1;
            } else if parts.is_padding(at) {
                assert_eq!(result.unwrap(), rich(), "byte {at} of the padding");
                others.into_iter().take(4).for_each(|other| other.unwrap());
            } else {
                let error = result.expect_err("only array data and padding may change");
                assert!(others.iter().all(Result::is_err), "byte {at} to {byte}");
                // A version of another number may be one to come; all else is no block.
                let older = [[1, 0], [2, 0]].iter().any(|older| altered[8..10] == *older);
                let version = !older && (8..10).contains(&at);
                let kind = if version { ErrorKind::Version } else { ErrorKind::Corrupt };
                assert_eq!(error.kind(), kind, "byte {at} to {byte}: {error}");
            }
        }
        altered[at] = block[at];
    }
    assert!(
        arrays > 500 && refused > 50,
        "{arrays} changes of array data, {refused} of them no bools"
    );
}

#[test]
fn every_altered_byte_under_a_right_checksum_is_survived() {
    let block = block();
    let parts = Parts::of(&block);
    let mut refused = 0;
    let mut altered = block.clone().to_vec();
    // Code that is not optimised takes every second alteration, another one at each byte.
    let step = if cfg!(debug_assertions) { 2 } else { 1 };
    for at in (0..block.len()).filter(|at| !parts.is_array(*at) && !parts.is_padding(*at)) {
        for byte in others(block[at]).skip(at % step).step_by(step) {
            altered[at] = byte;
            seal(&mut altered);
            let (result, others) = read_all(&AlignedBytes::copy_from(&altered));
            say(&result);
            others.iter().for_each(say);
            refused += usize::from(result.is_err());
            altered.copy_from_slice(&block);
        }
    }
    assert!(refused > 1000, "{refused} alterations were refused");
}

/// xorshift: the same numbers in each run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 ^= self.0 << 13;
        self.0 ^= self.0 >> 7;
        self.0 ^= self.0 << 17;
        self.0
    }

    fn below(&mut self, limit: usize) -> usize {
        (self.next() % limit as u64) as usize
    }
}

#[test]
fn random_damage_under_a_right_checksum_is_survived() {
    let rounds: u32 =
        std::env::var("PROPTEST_CASES").ok().and_then(|n| n.parse().ok()).unwrap_or(5_000);
    let block = block();
    let parts = Parts::of(&block);
    let mut random = Random(0x9e37_79b9_7f4a_7c15);
    for round in 0..rounds {
        let mut altered = block.clone().to_vec();
        for _ in 0..=random.below(4) {
            let place = match random.below(4) {
                0 => parts.inline.clone(),
                1 => parts.tables.clone(),
                2 => parts.directory.clone(),
                _ => parts.inline.start..parts.trailer,
            };
            let at = place.start + random.below(place.len());
            let len = (1 + random.below(9)).min(place.end - at);
            match random.below(4) {
                0 => altered[at..at + len].iter_mut().for_each(|byte| *byte = random.next() as u8),
                1 => altered[at..at + len].fill([0, 1, 0x7f, 0x80, 0xff][random.below(5)]),
                2 => altered[at] = random.below(0x1e) as u8,
                _ => {
                    let from = place.start + random.below(place.len() - len + 1);
                    altered.copy_within(from..from + len, at);
                }
            }
        }
        if round % 8 == 0 {
            // Bytes that move from one part to its neighbour.
            let at = parts.trailer + 16 + 8 * random.below(3);
            altered[at] = altered[at].wrapping_add(1);
            let at = parts.trailer + 16 + 8 * random.below(3);
            altered[at] = altered[at].wrapping_sub(1);
        }
        seal(&mut altered);
        let (result, others) = read_all(&AlignedBytes::copy_from(&altered));
        say(&result);
        others.iter().for_each(say);
    }
}

#[test]
fn random_bytes_as_inline_block_are_survived() {
    let mut random = Random(0x0123_4567_89ab_cdef);
    for _ in 0..3000 {
        let inline: Vec<u8> =
            (0..random.below(200)).map(|_| (random.next() % 0x20) as u8).collect();
        let block = crate::corrupt::forge::inline(&inline);
        let (result, others) = read_all(&block);
        say(&result);
        others.iter().for_each(say);
    }
}
