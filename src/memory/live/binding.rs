//! Binds live memory to its block, by a digest of what the block says of the live arrays.
//!
//! If two blocks described the same memory differently (another kind, another element type), the same bytes would be used in two
//! ways at once. The digest is SHA-256, because the maker of a block could make a checksum fit.

use super::arrays::LiveEntry;

pub(crate) const DIGEST: usize = 32;

/// The digest of all that the entries say: `docs/FORMAT.md`.
pub(crate) fn digest(entries: &[LiveEntry]) -> [u8; DIGEST] {
    let mut text = Vec::new();
    for entry in entries {
        let descriptor = entry.dtype.to_string();
        let numbers = [
            entry.number,
            entry.kind as u64,
            entry.start,
            descriptor.len() as u64,
            entry.shape.len() as u64,
        ];
        let axes = entry.shape.iter().map(|axis| *axis as u64);
        for number in numbers.into_iter().chain(axes) {
            text.extend_from_slice(&number.to_le_bytes());
        }
        text.extend_from_slice(descriptor.as_bytes());
    }
    sha256(&text)
}

/// The first 32 bits of the fractional parts of the cube roots of the first 64 primes.
const ROUNDS: [u32; 64] = [
    0x428a_2f98,
    0x7137_4491,
    0xb5c0_fbcf,
    0xe9b5_dba5,
    0x3956_c25b,
    0x59f1_11f1,
    0x923f_82a4,
    0xab1c_5ed5,
    0xd807_aa98,
    0x1283_5b01,
    0x2431_85be,
    0x550c_7dc3,
    0x72be_5d74,
    0x80de_b1fe,
    0x9bdc_06a7,
    0xc19b_f174,
    0xe49b_69c1,
    0xefbe_4786,
    0x0fc1_9dc6,
    0x240c_a1cc,
    0x2de9_2c6f,
    0x4a74_84aa,
    0x5cb0_a9dc,
    0x76f9_88da,
    0x983e_5152,
    0xa831_c66d,
    0xb003_27c8,
    0xbf59_7fc7,
    0xc6e0_0bf3,
    0xd5a7_9147,
    0x06ca_6351,
    0x1429_2967,
    0x27b7_0a85,
    0x2e1b_2138,
    0x4d2c_6dfc,
    0x5338_0d13,
    0x650a_7354,
    0x766a_0abb,
    0x81c2_c92e,
    0x9272_2c85,
    0xa2bf_e8a1,
    0xa81a_664b,
    0xc24b_8b70,
    0xc76c_51a3,
    0xd192_e819,
    0xd699_0624,
    0xf40e_3585,
    0x106a_a070,
    0x19a4_c116,
    0x1e37_6c08,
    0x2748_774c,
    0x34b0_bcb5,
    0x391c_0cb3,
    0x4ed8_aa4a,
    0x5b9c_ca4f,
    0x682e_6ff3,
    0x748f_82ee,
    0x78a5_636f,
    0x84c8_7814,
    0x8cc7_0208,
    0x90be_fffa,
    0xa450_6ceb,
    0xbef9_a3f7,
    0xc671_78f2,
];

/// The first 32 bits of the fractional parts of the square roots of the first eight primes.
const START: [u32; 8] = [
    0x6a09_e667,
    0xbb67_ae85,
    0x3c6e_f372,
    0xa54f_f53a,
    0x510e_527f,
    0x9b05_688c,
    0x1f83_d9ab,
    0x5be0_cd19,
];

/// SHA-256, as FIPS 180-4 defines it.
fn sha256(text: &[u8]) -> [u8; DIGEST] {
    let mut padded = text.to_vec();
    padded.push(0x80);
    padded.resize((padded.len() + 8).next_multiple_of(64) - 8, 0);
    let bits = (text.len() as u64) << 3;
    padded.extend(bits.to_le_bytes().iter().rev());
    let mut state = START;
    for block in padded.as_chunks::<64>().0 {
        mix(&mut state, block);
    }
    let mut digest = [0; DIGEST];
    for (bytes, word) in digest.as_chunks_mut::<4>().0.iter_mut().zip(state) {
        *bytes = word.swap_bytes().to_le_bytes();
    }
    digest
}

// The names are those of the standard.
#[allow(clippy::many_single_char_names)]
fn mix(state: &mut [u32; 8], block: &[u8; 64]) {
    let mut words = [0_u32; 64];
    for (word, bytes) in words.iter_mut().zip(block.as_chunks::<4>().0) {
        *word = u32::from_le_bytes(*bytes).swap_bytes();
    }
    for at in 16..64 {
        let (early, late) = (words[at - 15], words[at - 2]);
        let early = early.rotate_right(7) ^ early.rotate_right(18) ^ early >> 3;
        let late = late.rotate_right(17) ^ late.rotate_right(19) ^ late >> 10;
        words[at] =
            words[at - 16].wrapping_add(early).wrapping_add(words[at - 7]).wrapping_add(late);
    }
    let [mut a, mut b, mut c, mut d, mut e, mut f, mut g, mut h] = *state;
    for (round, word) in ROUNDS.iter().zip(words) {
        let turned = e.rotate_right(6) ^ e.rotate_right(11) ^ e.rotate_right(25);
        let chosen = e & f ^ !e & g;
        let first =
            h.wrapping_add(turned).wrapping_add(chosen).wrapping_add(*round).wrapping_add(word);
        let turned = a.rotate_right(2) ^ a.rotate_right(13) ^ a.rotate_right(22);
        let second = turned.wrapping_add(a & b ^ a & c ^ b & c);
        (h, g, f, e) = (g, f, e, d.wrapping_add(first));
        (d, c, b, a) = (c, b, a, first.wrapping_add(second));
    }
    for (word, more) in state.iter_mut().zip([a, b, c, d, e, f, g, h]) {
        *word = word.wrapping_add(more);
    }
}

#[cfg(test)]
mod tests {
    use super::super::layout::Kind;
    use super::*;
    use crate::dtype::DType;

    fn hex(digest: [u8; DIGEST]) -> String {
        digest.iter().fold(String::new(), |text, byte| text + &format!("{byte:02x}"))
    }

    /// The examples of the standard, one of them so long that its padding takes a second block.
    #[test]
    fn it_is_sha_256() {
        let cases = [
            ("", "e3b0c44298fc1c149afbf4c8996fb92427ae41e4649b934ca495991b7852b855"),
            ("abc", "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"),
            (
                "abcdbcdecdefdefgefghfghighijhijkijkljklmklmnlmnomnopnopq",
                "248d6a61d20638b8e5c026930c3e6039a33ce45964ff2167f6ecedd419db06c1",
            ),
        ];
        for (text, digest) in cases {
            assert_eq!(hex(sha256(text.as_bytes())), digest, "{text:?}");
        }
        let million = "a".repeat(1_000_000);
        assert_eq!(
            hex(sha256(million.as_bytes())),
            "cdc76e5c9914fb9281a1c7e284d73e67f1809a48a497200e046d39ccc7112cd0"
        );
    }

    #[test]
    fn all_that_an_entry_says_is_bound() {
        let entry = || LiveEntry {
            number: 3,
            kind: Kind::Locked,
            dtype: DType::F32,
            shape: vec![2, 3],
            start: 64,
        };
        let others = [
            LiveEntry { number: 4, ..entry() },
            LiveEntry { kind: Kind::Atomic, ..entry() },
            LiveEntry { dtype: DType::U32, ..entry() },
            LiveEntry { shape: vec![3, 2], ..entry() },
            LiveEntry { shape: vec![6], ..entry() },
            LiveEntry { start: 128, ..entry() },
        ];
        for other in others {
            assert_ne!(digest(&[entry()]), digest(&[other]));
        }
        assert_ne!(digest(&[entry()]), digest(&[entry(), entry()]));
        assert_eq!(digest(&[entry()]), digest(&[entry()]));
    }
}
