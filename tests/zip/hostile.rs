//! Archives that lie: refused with the member's name, and never more memory than what was declared and checked.

use super::*;
use crate::error::ErrorKind;
use crate::zip::records::{u16_at, u32_at};

/// The error of reading all that is in these bytes.
fn refusal(bytes: &[u8]) -> String {
    let error = read_all(&bytes).err().map(|error| {
        assert!(matches!(error.kind(), ErrorKind::Corrupt | ErrorKind::Unsupported), "{error:?}");
        error.to_string()
    });
    both_ways(bytes, |input| {
        assert_eq!(read_all(input).err().map(|error| error.to_string()), error);
    });
    error.expect("it was read")
}

#[track_caller]
fn refused(bytes: &[u8], said: &str) {
    let error = refusal(bytes);
    assert!(error.contains(said), "expected `{said}`, found: {error}");
}

/// An archive that is altered at places of its records.
struct Forge {
    bytes: Vec<u8>,
    /// The directory's entries and the own headers of their members; the end record.
    entries: Vec<usize>,
    headers: Vec<usize>,
    end: usize,
}

impl Forge {
    fn new(bytes: Vec<u8>) -> Self {
        let end = bytes.len() - 22;
        let mut at = u32_at(&bytes, end + 16) as usize;
        let (mut entries, mut headers) = (Vec::new(), Vec::new());
        for _ in 0..u16_at(&bytes, end + 10) {
            entries.push(at);
            headers.push(u32_at(&bytes, at + 42) as usize);
            at += 46
                + [28, 30, 32]
                    .map(|field| usize::from(u16_at(&bytes, at + field)))
                    .iter()
                    .sum::<usize>();
        }
        Forge { bytes, entries, headers, end }
    }

    fn with(&self, changes: &[(usize, &[u8])]) -> Vec<u8> {
        let mut bytes = self.bytes.clone();
        for (at, new) in changes {
            bytes[*at..at + new.len()].copy_from_slice(new);
        }
        bytes
    }

    /// A field altered in a member's own header, in the directory, and in both.
    fn each(&self, member: usize, local: usize, entry: usize, new: &[u8]) -> [Vec<u8>; 3] {
        let (local, entry) = (self.headers[member] + local, self.entries[member] + entry);
        [
            self.with(&[(local, new)]),
            self.with(&[(entry, new)]),
            self.with(&[(local, new), (entry, new)]),
        ]
    }

    fn entry(&self, member: usize, field: usize, new: &[u8]) -> Vec<u8> {
        self.with(&[(self.entries[member] + field, new)])
    }

    fn end(&self, field: usize, new: &[u8]) -> Vec<u8> {
        self.with(&[(self.end + field, new)])
    }
}

fn sample() -> Forge {
    Forge::new(archive(&[("aa", b"0123456789"), ("bb", b"x"), ("cc", b"yy")], STORED))
}

#[test]
fn what_is_no_archive() {
    let bytes = sample().bytes;
    refused(b"", "wrong magic");
    refused(b"P", "wrong magic");
    refused(b"\x93NUMPY", "expected PK\\x03\\x04 of a zip archive, found \\x93NUM");
    refused(b"PK\x03\x04", "no end record");
    refused(&bytes[..bytes.len() - 1], "no end record: it was cut");
    refused(&[&bytes[..], b"junk"].concat(), "after the archive");
    refused(&[&b"PKjunk"[..], &bytes].concat(), "before the archive");
    refused(&[&bytes[..], &bytes].concat(), "before the archive");
    refused(&vec![0; 100_000], "wrong magic");
    refused(&b"PK\x05\x06".repeat(30_000), "");
}

/// Somebody whose download broke off wants to know how far it came.
#[test]
fn a_cut_archive_says_where() {
    let Forge { bytes, entries, headers, .. } = sample();
    let cut = |len: usize, said: &str| {
        refused(&bytes[..len], &format!("it was cut after {len} bytes{said}"));
    };
    cut(10, "");
    cut(headers[1] - 1, &format!(", in member `aa`, which ends at {}", headers[1]));
    cut(headers[1], ", behind member `aa`");
    cut(headers[1] + 20, ", behind member `aa`");
    cut(entries[0], ", behind member `cc`");
    cut(bytes.len() - 1, ", in its directory");
    // Its length stands behind it, or is none.
    let descriptor = sample().with(&[(headers[0] + 6, &[1 << 3, 0][..])]);
    refused(&descriptor[..headers[1] - 1], ", in member `aa` or behind it");
    let large = sample().with(&[(headers[0] + 18, &[0xff; 4][..])]);
    refused(&large[..headers[1] - 1], ", in member `aa` or behind it");
}

#[test]
fn comments_end_the_archive() {
    let bytes = sample().bytes;
    let commented = |comment: &[u8]| {
        let mut bytes = bytes.clone();
        let at = bytes.len() - 2;
        bytes[at..].copy_from_slice(&(comment.len() as u16).to_le_bytes());
        [&bytes[..], comment].concat()
    };
    let expected: [(&str, &[u8]); 3] = [("aa", b"0123456789"), ("bb", b"x"), ("cc", b"yy")];
    for comment in [&b"x"[..], &vec![7; 65_535], b"PK\x05\x06", &b"PK\x05\x06".repeat(6)] {
        both_ways(&commented(comment), |input| expect(input, &expected));
    }
    // A comment that is an archive itself: which of the two is meant cannot be told.
    refused(&commented(&bytes), "before the archive");
    refused(&[&commented(b"abc")[..], b"d"].concat(), "after the archive");
}

#[test]
fn the_end_record_is_exact() {
    let forge = sample();
    let size = u32_at(&forge.bytes, forge.end + 12);
    let start = u32_at(&forge.bytes, forge.end + 16);
    let number = |number: u32| number.to_le_bytes();
    for field in [4, 6] {
        refused(&forge.end(field, &[1, 0]), "split");
        refused(&forge.end(field, &[0xff, 0xff]), "split");
    }
    refused(&forge.end(8, &[2, 0]), "split");
    refused(&forge.end(8, &[2, 0, 2, 0]), "longer than its entries");
    refused(&forge.end(8, &[4, 0, 4, 0]), "cannot have 4 entries");
    refused(&forge.end(8, &[0, 0, 0, 0]), "longer than its entries");
    refused(&forge.end(8, &[0xff, 0xff, 0xff, 0xff]), "cannot have 65535 entries");
    refused(&forge.end(12, &number(size + 1)), "outside the file");
    refused(&forge.end(12, &number(size - 1)), "before the archive, or after");
    refused(&forge.end(16, &number(start + 1)), "outside the file");
    refused(&forge.end(16, &number(start - 1)), "before the archive, or after");
    refused(&forge.end(12, &[0xff; 8]), "outside the file");
    // One byte of the directory belongs to the members, or the other way round.
    let shifted =
        forge.with(&[(forge.end + 12, &number(size + 1)), (forge.end + 16, &number(start - 1))]);
    refused(&shifted, "as many entries");
    let empty = archive(&[], STORED);
    assert_eq!(read_all(&&empty[..]).unwrap(), []);
    refused(&Forge::new(empty).end(16, &[1]), "outside the file");
}

#[test]
fn a_cut_directory() {
    let forge = sample();
    for cut in 1..(forge.end - forge.entries[0]) {
        let mut bytes = forge.bytes.clone();
        bytes.drain(forge.end - cut..forge.end);
        refused(&bytes, "not a whole zip archive");
        // The end record knows of the cut.
        let size = (forge.end - forge.entries[0] - cut) as u32;
        let at = bytes.len() - 10;
        bytes[at..at + 4].copy_from_slice(&size.to_le_bytes());
        refused(&bytes, "not a whole zip archive");
    }
}

#[test]
fn headers_that_disagree() {
    let forge = sample();
    let agreed = |[local, entry, both]: [Vec<u8>; 3], one: &str, two: &str| {
        refused(&local, one);
        refused(&entry, if two.is_empty() { one } else { two });
        both
    };
    let member = "member `aa`: ";
    let crc = agreed(forge.each(0, 14, 16, b"abcd"), "own header has another checksum", "");
    refused(&crc, "member `aa`: wrong checksum: expected 0x64636261");
    let name = agreed(forge.each(0, 30, 46, b"zz"), "own header has another name", "");
    assert_eq!(read_all(&&name[..]).unwrap()[0].0, "zz");
    // Of two with one name the last is found by it.
    let twice = agreed(forge.each(0, 30, 46, b"bb"), "another name", "");
    assert_eq!(read_all(&&twice[..]).unwrap()[0].0, "bb");
    let archive = Archive::open(&&twice[..]).unwrap();
    assert_eq!(archive.find("bb"), Some(1));
    let error = archive.check_names().unwrap_err().to_string();
    assert!(error.contains("member `bb`: there are two"), "{error}");
    refused(&agreed(forge.each(0, 8, 10, &[8]), "another method", ""), "broken");
    refused(
        &agreed(forge.each(0, 8, 10, &[12]), "another method", "compressed by method 12"),
        "method 12",
    );
    for flag in [1, 64] {
        refused(
            &agreed(forge.each(0, 6, 8, &[flag]), "encryption", "it is encrypted"),
            "it is encrypted",
        );
    }
    refused(
        &agreed(forge.each(0, 7, 9, &[32]), "encryption", "it is encrypted"),
        "it is encrypted",
    );
    refused(&forge.entry(0, 8, &[32]), "member `aa`: it is a patch");
    // Another spelling of the same name is nothing to mind, if both say so.
    let utf8 = agreed(forge.each(0, 7, 9, &[8]), "kind of name", "");
    assert!(read_all(&&utf8[..]).is_ok());
    refused(
        &agreed(
            forge.each(0, 18, 20, &[9]),
            "another size",
            "stored in 9 bytes, but its size is 10",
        ),
        "stored in 9",
    );
    refused(
        &agreed(
            forge.each(0, 22, 24, &[11]),
            "another size",
            "stored in 10 bytes, but its size is 11",
        ),
        "stored in 10",
    );
    refused(&forge.with(&[(26, &[1])]), "own header has another name");
    refused(&forge.entry(0, 28, &[1]), "as many entries");
    refused(&forge.entry(0, 34, &[1]), "split archive");
    refused(&forge.with(&[(0, b"QK")]), "member `aa`: its own header is none");
    refused(
        &forge.with(&[(28, &[0xff, 0xff])]),
        "member `aa`: its own header overlaps what comes after it",
    );
    refused(&forge.with(&[(28, &[u16_at(&forge.bytes, 28) as u8 + 60])]), member);
}

#[test]
fn members_that_overlap() {
    let forge = sample();
    let offset = |member: usize| (forge.headers[member] as u32).to_le_bytes();
    refused(&forge.entry(1, 42, &offset(0)), "overlaps another member");
    refused(&forge.entry(0, 42, &[1]), "1 bytes stand before the archive");
    refused(&forge.entry(0, 42, &offset(1)), "bytes stand before the archive");
    refused(
        &forge.entry(2, 42, &(forge.entries[0] as u32 - 10).to_le_bytes()),
        "member `cc`: its data overlaps the directory",
    );
    refused(
        &forge.entry(2, 42, &(forge.entries[0] as u32).to_le_bytes()),
        "member `cc`: its data overlaps the directory",
    );
    refused(
        &forge.entry(2, 42, &[0xfe, 0xff, 0xff, 0xff]),
        "member `cc`: its data overlaps the directory",
    );
    let huge = [0, 0, 0, 0x7f];
    let sizes = [18, 22].map(|at| (forge.headers[1] + at, &huge[..]));
    let claims = [20, 24].map(|at| (forge.entries[1] + at, &huge[..]));
    refused(
        &forge.with(&[sizes, claims].concat()),
        "member `bb`: its data overlaps another member",
    );
    // One more byte than there is before the next header: the own header's length tells.
    let more = (forge.headers[1] as u32 - 64 + 1).to_le_bytes();
    let sizes = [18, 22].map(|at| (forge.headers[0] + at, &more[..]));
    let claims = [20, 24].map(|at| (forge.entries[0] + at, &more[..]));
    refused(
        &forge.with(&[sizes, claims].concat()),
        "member `aa`: its data overlaps what comes after it",
    );
    // In any order they are fine.
    let swapped = forge.with(&[
        (forge.entries[1], &forge.bytes[forge.entries[2]..forge.end]),
        (forge.entries[2], &forge.bytes[forge.entries[1]..forge.entries[2]]),
    ]);
    both_ways(&swapped, |input| {
        expect(input, &[("aa", b"0123456789"), ("cc", b"yy"), ("bb", b"x")]);
    });
}

#[test]
fn names_that_lead_elsewhere_lead_nowhere() {
    let forge = Forge::new(archive(&[("abcde", b"1"), ("x", b"2")], STORED));
    for (name, found) in [
        (b"/bcde", "/bcde"),
        (b"../de", "../de"),
        (b"ab/..", "ab/.."),
        (b"a\\cde", "a\\cde"),
        // It ends before the NUL, as Python has it.
        (b"a\0cde", "a"),
        (b"\0bcde", ""),
        // It has content, and is no folder.
        (b"abcd/", "abcd/"),
    ] {
        let [_, _, both] = forge.each(0, 30, 46, name);
        both_ways(&both, |input| expect(input, &[(found, b"1"), ("x", b"2")]));
    }
    // A name that is not what it says to be.
    let [_, _, both] = forge.each(0, 30, 46, b"ab\xffde");
    let [_, _, flagged] = Forge::new(both.clone()).each(0, 7, 9, &[8]);
    refused(&flagged, "says to be in UTF-8, but is not");
    assert_eq!(read_all(&&both[..]).unwrap()[0].0, "ab\u{a0}de");
}

/// Appends an extra field to an entry of the directory.
fn with_extra(forge: &Forge, member: usize, id: u16, content: &[u8]) -> Vec<u8> {
    let mut bytes = forge.bytes.clone();
    let entry = forge.entries[member];
    let at = entry + 46 + usize::from(u16_at(&bytes, entry + 28));
    let field = [&id.to_le_bytes()[..], &(content.len() as u16).to_le_bytes(), content].concat();
    bytes[entry + 30..entry + 32].copy_from_slice(&(field.len() as u16).to_le_bytes());
    bytes.splice(at..at, field.iter().copied());
    let end = forge.end + field.len();
    let size = u32_at(&bytes, end + 12) + field.len() as u32;
    bytes[end + 12..end + 16].copy_from_slice(&size.to_le_bytes());
    bytes
}

#[test]
fn names_in_unicode_beside_the_name() {
    let forge = Forge::new(archive(&[("abc", b"1")], STORED));
    let [_, _, bytes] = forge.each(0, 30, 46, b"gr\x81");
    let forge = Forge::new(bytes);
    let field = |crc: u32, name: &[u8]| [&[1][..], &crc.to_le_bytes(), name].concat();
    let right = crc32fast::hash(b"gr\x81");
    for (content, expected) in [
        (field(right, "grün".as_bytes()), "grün"),
        (field(right + 1, "grün".as_bytes()), "grü"),
        (field(right, b""), "grü"),
        (field(right, b"../x"), "../x"),
    ] {
        let bytes = with_extra(&forge, 0, 0x7075, &content);
        assert_eq!(read_all(&&bytes[..]).unwrap()[0].0, expected);
    }
    refused(&with_extra(&forge, 0, 0x7075, &field(right, b"\xff")), "not in UTF-8");
}

#[test]
fn wide_numbers_that_lie() {
    let forge = sample();
    let wide = |numbers: &[u64]| -> Vec<u8> {
        numbers.iter().flat_map(|number| number.to_le_bytes()).collect()
    };
    // A mark without a number; a number that agrees; others.
    refused(&forge.entry(0, 24, &[0xff; 4]), "miss a 64-bit size");
    refused(&forge.entry(0, 42, &[0xff; 4]), "miss a 64-bit size");
    refused(&forge.entry(0, 34, &[0xff; 2]), "miss a 64-bit size");
    let marked = Forge::new(forge.entry(0, 24, &[0xff; 4]));
    assert!(read_all(&&with_extra(&marked, 0, 1, &wide(&[10]))[..]).is_ok());
    refused(&with_extra(&marked, 0, 1, &wide(&[11])), "stored in 10 bytes, but its size is 11");
    refused(&with_extra(&marked, 0, 1, &[0; 7]), "miss a 64-bit size");
    refused(&with_extra(&marked, 0, 2, &wide(&[10])), "miss a 64-bit size");
    let both = Forge::new(marked.entry(0, 20, &[0xff; 4]));
    refused(
        &with_extra(&both, 0, 1, &wide(&[u64::MAX, u64::MAX])),
        "member `aa`: its data overlaps",
    );
    refused(
        &with_extra(&both, 0, 1, &wide(&[u64::MAX - 32, u64::MAX - 32])),
        "member `aa`: its data overlaps",
    );
    let place = Forge::new(forge.entry(2, 42, &[0xff; 4]));
    refused(&with_extra(&place, 2, 1, &wide(&[u64::MAX])), "member `cc`: its data overlaps");
    assert!(read_all(&&with_extra(&place, 2, 1, &wide(&[forge.headers[2] as u64]))[..]).is_ok());
    // Fields that run over the end.
    let mut broken = with_extra(&marked, 0, 1, &wide(&[10]));
    broken[forge.entries[0] + 50] = 200;
    refused(&broken, "extra fields are broken");
}

#[test]
fn wide_end_records_that_lie() {
    let members: Vec<String> = (0..3).map(|number| number.to_string()).collect();
    let bytes =
        archive(&members.iter().map(|name| (&name[..], &b"z"[..])).collect::<Vec<_>>(), STORED);
    let forge = Forge::new(bytes);
    let (start, size) = (forge.entries[0] as u64, (forge.end - forge.entries[0]) as u64);
    let wide = |count: [u64; 2], size: u64, start: u64, record: u64, narrow: &[u8]| {
        let mut bytes = forge.bytes[..forge.end].to_vec();
        bytes.extend_from_slice(b"PK\x06\x06");
        bytes.extend_from_slice(&44_u64.to_le_bytes());
        bytes.extend_from_slice(&[45, 3, 45, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
        for number in [count[0], count[1], size, start] {
            bytes.extend_from_slice(&number.to_le_bytes());
        }
        bytes.extend_from_slice(b"PK\x06\x07\0\0\0\0");
        bytes.extend_from_slice(&record.to_le_bytes());
        bytes.extend_from_slice(&1_u32.to_le_bytes());
        bytes.extend_from_slice(b"PK\x05\x06\0\0\0\0");
        bytes.extend_from_slice(narrow);
        bytes.extend_from_slice(&[0, 0]);
        bytes
    };
    let (full, at) = ([0xff; 12], forge.end as u64);
    let good = wide([3, 3], size, start, at, &full);
    assert_eq!(read_all(&&good[..]).unwrap().len(), 3);
    assert_eq!(
        read_all(&&wide([3, 3], size, start, at, &forge.bytes[forge.end + 8..forge.end + 20])[..])
            .unwrap()
            .len(),
        3
    );
    for (bytes, said) in [
        (wide([3, 4], size, start, at, &full), "split"),
        (wide([4, 4], size, start, at, &full), "cannot have 4 entries"),
        (wide([2, 2], size, start, at, &full), "longer than its entries"),
        (wide([u64::MAX, u64::MAX], size, start, at, &full), "cannot have"),
        (wide([3, 3], size - 1, start, at, &full), "after its directory"),
        (wide([3, 3], u64::MAX, start, at, &full), "outside the file"),
        (wide([3, 3], u64::MAX - 7, 8, at, &full), "outside the file"),
        (wide([3, 3], size, u64::MAX, at, &full), "outside the file"),
        (wide([3, 3], size, start, at + 1, &full), "not where it belongs"),
        (wide([3, 3], size, start, u64::MAX, &full), "not where it belongs"),
        (wide([3, 3], size, start, 0, &full), "not where it belongs"),
        (wide([3, 3], size, start, at, &[0; 12]), "contradicts"),
    ] {
        refused(&bytes, said);
    }
    let alter = |at: usize, new: u8| {
        let mut bytes = good.clone();
        bytes[at] = new;
        bytes
    };
    refused(&alter(forge.end, b'Q'), "zip64 end record is broken");
    refused(&alter(forge.end + 4, 45), "zip64 end record is broken");
    refused(&alter(forge.end + 16, 1), "split");
    refused(&alter(forge.end + 20, 1), "split");
    refused(&alter(forge.end + 56 + 4, 1), "split");
    refused(&alter(forge.end + 56 + 16, 2), "split");
    refused(&alter(forge.end + 56, b'Q'), "");
}

#[test]
fn sizes_that_are_forged() {
    let data = compressible(100_000);
    let forge = Forge::new(archive(&[("aa", &data), ("bb", b"x")], DEFLATED));
    let at = |size: u32| {
        let [_, _, both] = forge.each(0, 22, 24, &size.to_le_bytes());
        both
    };
    refused(&at(99_999), "member `aa`: expected 99999 bytes, found more");
    refused(&at(0), "member `aa`: expected 0 bytes, found more");
    refused(&at(100_001), "member `aa`: expected 100001 bytes, found 100000");
    refused(&at(900_000_000), "member `aa`: 900000000 bytes cannot come of");
    refused(&at(0xffff_fffe), "member `aa`: expected at most 1073741824 bytes, found 4294967294");
    // The compressed bytes end early or are others.
    let packed = u32_at(&forge.bytes, forge.entries[0] + 20);
    let [_, _, cut] = forge.each(0, 18, 20, &(packed - 1).to_le_bytes());
    refused(&cut, "member `aa`: ");
    let mut altered = forge.bytes.clone();
    for byte in &mut altered[5_000..5_100] {
        *byte ^= 0x55;
    }
    refused(&altered, "member `aa`: ");
}

#[test]
fn a_bomb_is_bounded_by_what_the_caller_takes() {
    let zeros = vec![0; 64 << 20];
    let bytes = archive(&[("bomb", &zeros)], DEFLATED);
    assert!(bytes.len() < 80_000);
    both_ways(&bytes, |input| {
        let archive = Archive::open(input).unwrap();
        let error = archive.load(input, 0, 1 << 20, None, None).unwrap_err().to_string();
        assert_eq!(error, "member `bomb`: expected at most 1048576 bytes, found 67108864");
        assert_eq!(archive.head(input, 0, 10).unwrap(), [0; 10]);
        archive.verify(input, 0, None).unwrap();
    });
}

#[test]
fn compressed_bytes_that_give_nothing_are_not_held() {
    // Empty blocks, more of them than content of this size ever takes; then what it says.
    let data = b"content";
    let mut forge = archive(&[], STORED);
    let mut packed = [0, 0, 0, 0xff, 0xff].repeat(200_000);
    packed.extend_from_slice(&[1, 7, 0, !7, 0xff]);
    packed.extend_from_slice(data);
    let crc = crc32fast::hash(data).to_le_bytes();
    let mut header = b"\x14\0\0\0\x08\0\0\0\0\0".to_vec();
    header.extend_from_slice(&crc);
    header.extend_from_slice(&(packed.len() as u32).to_le_bytes());
    header.extend_from_slice(&7_u32.to_le_bytes());
    header.extend_from_slice(&[1, 0, 0, 0]);
    let local = [&b"PK\x03\x04"[..], &header, b"a", &packed].concat();
    let entry = [&b"PK\x01\x02\x14\x03"[..], &header, &[0; 14], b"a"].concat();
    let end = forge.len() - 22;
    forge[end + 8..end + 12].copy_from_slice(&[1, 0, 1, 0]);
    forge[end + 12..end + 16].copy_from_slice(&(entry.len() as u32).to_le_bytes());
    forge[end + 16..end + 20].copy_from_slice(&(local.len() as u32).to_le_bytes());
    let bytes = [&local[..], &entry, &forge].concat();
    both_ways(&bytes, |input| expect(input, &[("a", data)]));
}

/// Every archive that is read after a change gives as many bytes as it declares, and says so with the right checksum:
/// `read_all` asserts it. Nothing panics.
#[test]
fn any_byte_may_be_altered_and_the_file_cut_anywhere() {
    let samples = [
        archive(&[("aa", b"0123456789"), ("é", &compressible(400))], DEFLATED),
        archive(&[("aa", b"0123456789"), ("b/", b""), ("cc", b"")], STORED),
        with_extra(&sample(), 1, 1, &[0; 28]),
        streamed(),
    ];
    for bytes in samples {
        let good = read_all(&&bytes[..]).unwrap();
        for at in 0..bytes.len() {
            for mask in [1, 2, 4, 8, 16, 32, 64, 128, 255] {
                let mut altered = bytes.clone();
                altered[at] ^= mask;
                if let Ok(members) = read_all(&&altered[..]) {
                    // Names may change where both places agree, which one byte cannot do.
                    assert!(members == good, "byte {at} with {mask:#04x}");
                }
            }
        }
        for len in 0..bytes.len() {
            assert!(read_all(&&bytes[..len]).is_err(), "{len}");
        }
    }
}

/// An archive with sizes that follow the data.
fn streamed() -> Vec<u8> {
    use std::io::Write;
    let mut writer = ::zip::ZipWriter::new_stream(Vec::new());
    for (name, large) in [("a", false), ("b", true)] {
        let options = ::zip::write::SimpleFileOptions::default().large_file(large);
        writer.start_file(name, options).unwrap();
        writer.write_all(&compressible(300)).unwrap();
    }
    writer.finish().unwrap().into_inner()
}
