//! Blocks made by hand, each with one lie in it. Every error says where, what was expected and what was found.

use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView1};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde_shm::{AlignedBytes, Deserialize, ErrorKind, from_bytes, to_bytes};

use crate::corrupt::forge::{
    NEWTYPE_VARIANT, Parts, Record, Shape, TUPLE, block, inline, of_version, seal, tables, tag,
    varint,
};
use crate::corrupt::model::{Anything, Rich, bounded, rich};
use ErrorKind::{Corrupt, Mismatch, Version};

/// The error of reading a block as `T`, within bounds; it has this kind and these words.
#[track_caller]
fn refused<T: DeserializeOwned>(block: &[u8], kind: ErrorKind, words: &[&str]) {
    let Err(error) = bounded(block.len(), || from_bytes::<T>(block).map(drop)) else {
        panic!("a bad block was read, expected {words:?}");
    };
    let text = error.to_string();
    assert_eq!(error.kind(), kind, "{text}");
    for word in words {
        assert!(text.contains(word), "{word:?} is not in {text:?}");
    }
}

/// The rich block with eight bytes of its trailer changed.
fn with_trailer(at: usize, number: u64) -> AlignedBytes {
    let mut block = to_bytes(&rich()).unwrap().to_vec();
    let trailer = Parts::of(&block).trailer;
    block[trailer + at..trailer + at + 8].copy_from_slice(&number.to_le_bytes());
    seal(&mut block);
    AlignedBytes::copy_from(&block)
}

fn with_header(at: usize, byte: u8) -> AlignedBytes {
    let mut block = to_bytes(&rich()).unwrap().to_vec();
    block[at] = byte;
    seal(&mut block);
    AlignedBytes::copy_from(&block)
}

#[test]
fn headers() {
    refused::<Rich>(b"", Corrupt, &["wrong magic: expected \\x89SHM", "found"]);
    refused::<Rich>(
        b"PK\x03\x04",
        Corrupt,
        &["wrong magic", "found a zip archive (if it is an .npz file, read it with"],
    );
    refused::<Rich>(&[b'x'; 5000], Corrupt, &["wrong magic", "found text: `xxxxxxxx"]);
    refused::<Rich>(&with_header(0, b'S'), Corrupt, &["wrong magic"]);
    refused::<Rich>(&with_header(8, 4), Version, &["version 4", "expected 1 to 3"]);
    refused::<Rich>(&with_header(8, 0), Version, &["version 0", "expected 1 to 3"]);
    refused::<Rich>(&with_header(9, 1), Version, &["version 259"]);
    refused::<Rich>(&with_header(10, 2), Corrupt, &["unknown flags 0x0002"]);
    refused::<Rich>(&with_header(11, 0x80), Corrupt, &["unknown flags 0x8000"]);
    // The flag of a member of an .npz file, in a block.
    refused::<Rich>(&with_header(10, 1), Corrupt, &["__serde_shm__", "beside it"]);
}

#[test]
fn lengths_that_lie() {
    let whole = to_bytes(&rich()).unwrap();
    let parts = Parts::of(&whole);
    let (len, start) = (whole.len() as u64, parts.inline.start as u64);
    for total in [0, 1, len - 1, len + 1, u64::MAX] {
        refused::<Rich>(
            &with_trailer(0, total),
            Corrupt,
            &["wrong length", &total.to_string(), &len.to_string()],
        );
    }
    for lie in [0, 1, start - 1, start + 1, len, len - 64, 1 << 63, u64::MAX, u64::MAX - 63] {
        for at in [8, 16, 24, 32] {
            let altered = with_trailer(at, lie);
            if *altered != *whole {
                refused::<Rich>(&altered, Corrupt, &["lengths", "contradict"]);
            }
        }
    }
    for count in [parts.directory.len() as u64 / 32 + 1, 1 << 59, 1 << 63, u64::MAX] {
        let words = ["directory of", "is not one of", &count.to_string()];
        refused::<Rich>(&with_trailer(40, count), Corrupt, &words);
    }
    // Fewer arrays than there are.
    for count in [0, 2] {
        let words = ["directory of", &format!("is not one of {count} arrays")];
        refused::<Rich>(&with_trailer(40, count), Corrupt, &words);
    }
    // Two lies that add up.
    let mut altered = whole.to_vec();
    for (at, by) in [(16, 1_u64), (24, 1_u64.wrapping_neg())] {
        let at = parts.trailer + at;
        let number = crate::corrupt::forge::number(&altered, at).wrapping_add(by);
        altered[at..at + 8].copy_from_slice(&number.to_le_bytes());
    }
    seal(&mut altered);
    refused::<Rich>(&altered, Corrupt, &[]);
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct Holder {
    weight: Array2<f32>,
}

/// `Holder`, whose array has this record. There are 64 bytes of array data.
fn held(record: Record) -> AlignedBytes {
    let shape = Shape::record("Holder", &[("weight", tag::ARRAY)]);
    block(&[0; 64], &[tag::RECORD, 0, 0], &tables(&[shape]), &[record])
}

const F32: u8 = 10;

fn good() -> Record {
    Record::new("weight", F32, &[2, 3], 24)
}

#[test]
fn directories() {
    let holder: Holder = from_bytes(&held(good())).unwrap();
    assert_eq!(holder.weight, Array2::<f32>::zeros((2, 3)));
    let bad = |change: &dyn Fn(&mut Record), words: &[&str]| {
        let mut record = good();
        change(&mut record);
        let block = held(record);
        let words = [&["weight: ", "array `weight`: "], words].concat();
        refused::<Holder>(&block, Corrupt, &words);
        refused::<Anything>(&block, Corrupt, &words);
        // Whoever does not ask for the array does not hear of it.
        from_bytes::<IgnoredAny>(&block).unwrap();
    };
    for offset in [0, 63, 64 + 48, 128, 1 << 40, 1 << 63, u64::MAX, u64::MAX - 23] {
        let words: &[&str] = if offset == 63 { &[] } else { &["outside"] };
        bad(&|record| record.offset = offset, words);
    }
    for offset in [65, 66, 67, 70] {
        bad(&|record| record.offset = offset, &["offset", "not a multiple of its alignment"]);
    }
    let wrap = (1 << 63) + 1;
    bad(&|record| record.shape = vec![wrap, 2], &["shape", "overflows"]);
    bad(&|record| (record.shape, record.bytes) = (vec![wrap, 2], 8), &["overflows"]);
    bad(&|record| (record.shape, record.bytes) = (vec![0, u64::MAX, u64::MAX], 0), &["overflows"]);
    bad(&|record| record.shape = vec![1 << 32, 1 << 32], &["overflows"]);
    bad(&|record| (record.shape, record.bytes) = (vec![1 << 62], 0), &["overflows"]);
    bad(&|record| record.shape = vec![2, 2], &["shape [2, 2] of <f4 takes 16 bytes", "says 24"]);
    bad(&|record| record.bytes = u64::MAX, &["takes 24 bytes", &u64::MAX.to_string()]);
    bad(&|record| record.dtype = 0, &["unknown dtype code 0"]);
    bad(&|record| record.dtype = 16, &["unknown dtype code 16"]);
    bad(&|record| record.dtype = 200, &["unknown dtype code 200"]);
    bad(&|record| record.flags = 4, &["unknown flags 0x04"]);
    bad(&|record| record.flags = 0xff, &["unknown flags 0xff"]);
    bad(&|record| (record.shape, record.bytes) = (vec![1; 65], 4), &["65 axes, more than 64"]);
    bad(&|record| (record.shape, record.bytes) = (vec![1 << 40, 1 << 18], 1 << 60), &["outside"]);
    // Version 1 has eleven dtypes.
    let half = Record { dtype: 12, ..good() };
    refused::<Holder>(&of_version(&held(half), 1), Corrupt, &["unknown dtype code 12"]);
}

#[test]
fn dtypes_and_dimensions_that_are_not_asked_for() {
    let other = |change: fn(&mut Record), words: &[&str]| {
        let mut record = good();
        change(&mut record);
        refused::<Holder>(&held(record), Mismatch, &[&["weight: expected "], words].concat());
    };
    other(
        |record| (record.dtype, record.bytes) = (11, 48),
        &["expected f32, found f64 (shape [2, 3])"],
    );
    other(|record| (record.dtype, record.bytes) = (1, 6), &["expected f32, found bool"]);
    other(|record| record.shape = vec![6], &["shape [_, _]", "found shape [6]"]);
    other(|record| record.shape = vec![2, 3, 1], &["shape [_, _]", "found shape [2, 3, 1]"]);
    other(|record| (record.shape, record.bytes) = (vec![], 4), &["shape [_, _]", "found shape []"]);
    // A number that belongs to no array, and a reference where the table has none.
    let shape = || tables(&[Shape::record("Holder", &[("weight", tag::ARRAY)])]);
    let none = block(&[0; 64], &[tag::RECORD, 0, 1], &shape(), &[good()]);
    refused::<Holder>(&none, Corrupt, &["weight: array number 1 of 1"]);
    let far = [&[tag::RECORD, 0][..], &varint(u64::MAX)].concat();
    refused::<Holder>(
        &block(&[0; 64], &far, &shape(), &[good()]),
        Corrupt,
        &["weight: array number 18446744073709551615 of 1"],
    );
    refused::<Holder>(
        &block(&[], &[tag::RECORD, 0, 0], &shape(), &[]),
        Corrupt,
        &["weight: array number 0 of 0"],
    );
}

#[test]
fn a_path_that_is_no_text_or_not_there() {
    let mut whole = held(good()).to_vec();
    let parts = Parts::of(&whole);
    let last = parts.directory.end - 1;
    whole[last] = 0xff;
    seal(&mut whole);
    refused::<Holder>(
        &AlignedBytes::copy_from(&whole),
        Corrupt,
        &["weight: array number 0: its path is not UTF-8"],
    );
    for at in [16, 20] {
        let mut whole = held(good()).to_vec();
        whole[parts.directory.start + at + 3] = 0xff;
        seal(&mut whole);
        let words = ["weight: array number 0: its dimensions or path lie outside the directory"];
        refused::<Holder>(&AlignedBytes::copy_from(&whole), Corrupt, &words);
    }
}

#[test]
fn bools_in_arrays() {
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Flags<'a> {
        #[shm_array]
        flags: &'a [bool],
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Plain {
        flags: Vec<bool>,
    }
    #[derive(Deserialize)]
    #[allow(dead_code)]
    struct Nd {
        flags: Array1<bool>,
    }
    #[derive(serde::Deserialize)]
    #[allow(dead_code)]
    struct Theirs {
        flags: Array1<bool>,
    }
    let shape = Shape::record("Flags", &[("flags", tag::ARRAY)]);
    let record = Record::new("flags", 1, &[5], 5);
    let block = block(&[1, 0, 1, 2, 0], &[tag::RECORD, 0, 0], &tables(&[shape]), &[record]);
    let found = |result: serde_shm::Result<()>, words: &[&str]| {
        let text = result.unwrap_err().to_string();
        for word in words {
            assert!(text.contains(word), "{word:?} is not in {text:?}");
        }
    };
    let words = ["flags: ", "expected a", "bool", "0 or 1", "found 2", "element 3"];
    found(from_bytes::<Flags<'_>>(&block).map(drop), &words);
    found(from_bytes::<Nd>(&block).map(drop), &words);
    found(from_bytes::<Plain>(&block).map(drop), &["flags", "bool", "0 or 1", "found 2"]);
    found(from_bytes::<Theirs>(&block).map(drop), &["flags", "bool", "0 or 1", "found 2"]);
}

/// A struct of one field of this name whose tag stands in its layout.
fn field(name: &'static str, tag: u8, value: &[u8]) -> AlignedBytes {
    let shape = Shape::record("Holder", &[(name, tag)]);
    block(&[], &[&[tag::RECORD, 0], value].concat(), &tables(&[shape]), &[])
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct Of<T> {
    inner: T,
}

#[test]
fn scalars_that_are_none() {
    for byte in [2, 3, 0x80, 0xff] {
        let words = ["inner: invalid bool: expected a byte 0 or 1", &format!("found {byte}")];
        refused::<Of<bool>>(&field("inner", tag::BOOL, &[byte]), Corrupt, &words);
        refused::<Of<Anything>>(&field("inner", tag::BOOL, &[byte]), Corrupt, &words);
        // The third of three in a list.
        let list = field("inner", tag::SEQ, &[3 << 1, tag::BOOL, 1, 0, byte]);
        let words = ["inner[2]: invalid bool: expected a byte 0 or 1", words[1]];
        refused::<Of<Vec<bool>>>(&list, Corrupt, &words);
        refused::<Of<[bool; 3]>>(&list, Corrupt, &words);
        refused::<Of<Vec<Option<bool>>>>(&list, Corrupt, &words);
        refused::<Of<Vec<Anything>>>(&list, Corrupt, &words);
    }
    for char in [0xd800, 0xdfff, 0x11_0000, u64::from(u32::MAX), u64::MAX] {
        let words =
            ["inner: invalid char: expected a Unicode scalar value", &format!("found {char:#x}")];
        refused::<Of<char>>(&field("inner", tag::CHAR, &varint(char)), Corrupt, &words);
    }
    refused::<Of<u32>>(
        &field("inner", tag::U32, &varint(1 << 32)),
        Corrupt,
        &["inner: invalid u32: 4294967296"],
    );
    refused::<Of<u64>>(
        &field("inner", 0x0b, &[0xff; 10]),
        Corrupt,
        &["inner: ", "more than 64 bits"],
    );
    refused::<Of<u64>>(
        &field("inner", 0x0b, &[0x80; 4]),
        Corrupt,
        &["inner: ", "ends at byte 6", "expected 1 more"],
    );
    refused::<Of<u128>>(
        &field("inner", 0x0c, &[0; 15]),
        Corrupt,
        &["inner: ", "expected 16 more bytes at byte 2"],
    );
    refused::<Of<u8>>(&field("inner", tag::U8, &[1, 2]), Corrupt, &["1 bytes follow the object"]);
}

#[test]
fn text_that_is_none() {
    for bad in [&b"\xff"[..], b"ab\xc3", b"\xed\xa0\x80", b"\xf8\x88\x80\x80\x80"] {
        let text = [&varint(bad.len() as u64)[..], bad].concat();
        let words = ["inner: invalid UTF-8: expected text, found byte"];
        refused::<Of<String>>(&field("inner", tag::STR, &text), Corrupt, &words);
        refused::<Of<Anything>>(&field("inner", tag::STR, &text), Corrupt, &words);
        refused::<IgnoredAny>(&field("inner", tag::STR, &text), Corrupt, &["invalid UTF-8"]);
        // In a sequence and in a map, as key and as value.
        let seq = [&[2, tag::STR], &text[..]].concat();
        refused::<Of<Vec<String>>>(
            &field("inner", tag::SEQ, &seq),
            Corrupt,
            &["inner[0]: invalid UTF-8"],
        );
        let key = [&[2, tag::STR, tag::U8], &text[..], &[0]].concat();
        refused::<Of<BTreeMap<String, u8>>>(
            &field("inner", tag::MAP, &key),
            Corrupt,
            &["inner[entry 0]: invalid UTF-8"],
        );
        let value = [&[2, tag::STR, tag::STR, 1, b'k'], &text[..]].concat();
        refused::<Of<BTreeMap<String, String>>>(
            &field("inner", tag::MAP, &value),
            Corrupt,
            &["inner[\"k\"]: invalid UTF-8"],
        );
    }
    for len in [2, 1 << 32, u64::MAX] {
        let words = ["inner: the length of a string is", &len.to_string(), "1 bytes are left"];
        refused::<Of<String>>(
            &field("inner", tag::STR, &[&varint(len)[..], b"x"].concat()),
            Corrupt,
            &words,
        );
    }
    let words =
        ["inner: the length of a byte string is 18446744073709551615, but 0 bytes are left"];
    refused::<Of<Vec<u8>>>(&field("inner", 0x13, &varint(u64::MAX)), Corrupt, &words);
}

#[test]
fn tags_that_are_none() {
    // The forged blocks are of version 2, which has no names.
    for bad in [0, 0x1e, 0x1f, 0x80, 0xff] {
        refused::<u8>(&inline(&[bad, 0]), Corrupt, &["unknown tag", &format!("{bad:#04x}")]);
        refused::<IgnoredAny>(&inline(&[bad, 0]), Corrupt, &["unknown tag"]);
        refused::<Vec<u8>>(
            &inline(&[tag::SEQ, 2, bad, 0]),
            Corrupt,
            &["a run has the tag", &format!("{bad:#04x}")],
        );
        refused::<IgnoredAny>(&inline(&[tag::SEQ, 2, bad, 0]), Corrupt, &["a run has the tag"]);
        refused::<Of<u8>>(
            &field("inner", bad, &[0]),
            Corrupt,
            &["field tags of `Holder` have tag", &bad.to_string()],
        );
    }
    for bad in [tag::UNIT, tag::ABSENT] {
        refused::<Vec<u8>>(&inline(&[tag::SEQ, 2, bad]), Corrupt, &["a run has the tag"]);
        refused::<Of<()>>(&field("inner", bad, &[]), Corrupt, &["field tags of `Holder` have tag"]);
    }
    refused::<u8>(&inline(&[tag::ABSENT]), Corrupt, &["absent field stands where a value should"]);
    refused::<u8>(&inline(&[tag::ANY, 0]), Corrupt, &["unknown tag 0x1c"]);
    refused::<u8>(&inline(&[]), Corrupt, &["ends at byte 0"]);
    refused::<Option<Option<u8>>>(&inline(&[tag::OPTION]), Corrupt, &["ends at byte 1"]);
    refused::<Of<u8>>(
        &field("inner", tag::ANY, &[tag::ABSENT]),
        Corrupt,
        &["inner: absent field stands"],
    );
}

#[test]
fn tables_that_lie() {
    let bad = |tables: &[u8], words: &[&str]| {
        refused::<u8>(&block(&[], &[tag::U8, 1], tables, &[]), Corrupt, words);
        refused::<IgnoredAny>(&block(&[], &[tag::U8, 1], tables, &[]), Corrupt, words);
    };
    bad(&[], &["ends at byte 0"]);
    bad(&[0], &["ends at byte 1"]);
    bad(&[0, 0, 0], &["1 bytes follow the tables"]);
    bad(&varint(u64::MAX), &["length of a table of schemas is 18446744073709551615"]);
    bad(
        &[&[0][..], &varint(1 << 40)].concat(),
        &["length of a table of field tags is 1099511627776"],
    );
    bad(&[1, 6, 0, 0, 0], &["kind 6, expected 0 to 5"]);
    bad(&[1, 1, 200, 1, 0], &["length of a schema is 200"]);
    bad(&[1, 2, 0, 0, 1, b'V', 1, 0], &["variant `V` has 1 fields"]);
    bad(&[1, 3, 0, 0, 1, b'V', 0, 0], &["variant `V` has 0 fields"]);
    bad(&[&[1, 2, 0][..], &varint(1 << 32), &[0, 0, 0]].concat(), &["variant number 4294967296"]);
    bad(&[1, 0, 1, 0xff, 0, 0], &["invalid UTF-8"]);
    bad(&[0, 1, 0, 0], &["field tags have schema 0, but there are 0"]);
    bad(&[1, 1, 0, 1, 0, 2], &["field tags have flags 2, expected 0 or 1"]);
    bad(&[1, 1, 2, 1, 0, 0, 8], &["ends at byte"]);
    let layouts = |number: &[u8]| {
        block(&[], &[&[tag::RECORD], number].concat(), &tables(&[Shape::record("S", &[])]), &[])
    };
    from_bytes::<IgnoredAny>(&layouts(&[0])).unwrap();
    refused::<IgnoredAny>(&layouts(&[1]), Corrupt, &["a record has field tags 1, but there are 1"]);
    refused::<Anything>(
        &layouts(&varint(u64::MAX)),
        Corrupt,
        &["a record has field tags 18446744073709551615, but"],
    );
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
enum Choice {
    First(u8),
    Second,
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct Two {
    first: u8,
    second: Choice,
}

#[test]
fn fields_and_variants_that_are_not_there() {
    let variant = Shape {
        kind: NEWTYPE_VARIANT,
        name: "Choice",
        variant: "Third",
        fields: vec![],
        tags: vec![tag::U8],
    };
    let two = Shape::record("Two", &[("first", tag::U8), ("second", tag::RECORD)]);
    let bytes = block(&[], &[tag::RECORD, 1, 7, 0, 1], &tables(&[variant, two]), &[]);
    let words = ["second: unknown variant `Third`, expected one of `First`, `Second`"];
    refused::<Two>(&bytes, Mismatch, &words);
    refused::<Choice>(&inline(&[tag::STR, 1, b'x']), Mismatch, &["unknown variant `x`", "`First`"]);
    refused::<Two>(&field("first", tag::U8, &[1]), Mismatch, &["missing field `second`"]);
    refused::<Vec<Two>>(
        &block(
            &[],
            &[tag::SEQ, 2, tag::RECORD, 0, 1],
            &tables(&[Shape::record("Two", &[("first", tag::U8)])]),
            &[],
        ),
        Mismatch,
        &["[0]: missing field `second`"],
    );
    let twice = Shape::record("Two", &[("first", tag::U8), ("first", tag::U8)]);
    let bytes = block(&[], &[tag::RECORD, 0, 1, 2], &tables(&[twice]), &[]);
    refused::<Two>(&bytes, Mismatch, &["duplicate field `first`"]);
    let tuple = Shape { kind: TUPLE, name: "", variant: "", fields: vec![], tags: vec![tag::U8] };
    let bytes = block(&[], &[tag::RECORD, 0, 1], &tables(&[tuple]), &[]);
    refused::<(u8, u8)>(&bytes, Mismatch, &["expected a tuple of size 2, found 1 elements"]);
    refused::<Choice>(&bytes, Mismatch, &["expected enum Choice, found tuple"]);
}

#[test]
fn a_struct_that_does_not_fit_the_object_names_the_field() {
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct Other {
        name: String,
        leaves: Vec<OtherLeaf>,
    }
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct OtherLeaf {
        id: String,
    }
    let whole = to_bytes(&rich()).unwrap();
    refused::<Other>(&whole, Mismatch, &["leaves[0].id: expected a string, found integer `0`"]);
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct OtherArray {
        weight: Array2<f64>,
    }
    refused::<OtherArray>(&whole, Mismatch, &["weight: expected f64, found f32 (shape [2, 3])"]);
    let error = from_bytes::<ViewOnly<'_>>(&whole).unwrap_err();
    assert!(error.to_string().starts_with("flags: expected u8, found bool (shape [5])"), "{error}");
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct ViewOnly<'a> {
        flags: ArrayView1<'a, u8>,
    }
    // On Linux a segment says so too, with its id.
    #[cfg(target_os = "linux")]
    {
        let segment = serde_shm::to_shared(&rich()).unwrap();
        let error = segment.get::<Other>().unwrap_err();
        assert_eq!((error.kind(), error.path().as_deref()), (Mismatch, Some("leaves[0].id")));
        assert_eq!(error.container(), Some(segment.id()));
    }
}

#[test]
fn lengths_of_what_takes_no_room() {
    let endless = varint(u64::MAX - 1);
    let of = |kind: u8, slots: &[u8], items: &[u8]| {
        inline(&[&[kind], &endless[..], slots, items].concat())
    };
    refused::<Vec<()>>(&of(tag::SEQ, &[tag::UNIT], &[]), Corrupt, &["a run has the tag 0x01"]);
    refused::<Vec<()>>(
        &of(tag::SEQ, &[tag::ANY], &[tag::UNIT; 50]),
        Corrupt,
        &["[50]: the inline block ends"],
    );
    refused::<IgnoredAny>(
        &of(tag::SEQ, &[tag::ANY], &[tag::UNIT; 50]),
        Corrupt,
        &["the inline block ends"],
    );
    refused::<Vec<String>>(
        &of(tag::SEQ, &[tag::STR], &[0; 50]),
        Corrupt,
        &["[50]: the inline block ends"],
    );
    refused::<Vec<Option<u8>>>(
        &of(tag::SEQ, &[tag::OPTION], &[0; 50]),
        Corrupt,
        &["[50]: the inline block ends"],
    );
    refused::<Anything>(
        &of(tag::SEQ, &[tag::SEQ], &[0; 50]),
        Corrupt,
        &["[50]: the inline block ends"],
    );
    refused::<BTreeMap<u8, ()>>(
        &of(tag::MAP, &[tag::U8, tag::ANY], &[]),
        Corrupt,
        &["[entry 0]: the inline block ends"],
    );
    // Runs of nothing that promise another.
    refused::<Vec<()>>(
        &inline(&[&[tag::SEQ][..], &[1; 100]].concat()),
        Corrupt,
        &["the inline block ends"],
    );
    refused::<IgnoredAny>(
        &inline(&[&[tag::MAP][..], &[1; 100]].concat()),
        Corrupt,
        &["the inline block ends"],
    );
    // Tuples of nothing take a byte each.
    let unit =
        || tables(&[Shape { kind: TUPLE, name: "", variant: "", fields: vec![], tags: vec![] }]);
    let many = [&[tag::SEQ], &endless[..], &[tag::RECORD], &[0; 50]].concat();
    refused::<Anything>(
        &block(&[], &many, &unit(), &[]),
        Corrupt,
        &["[50]: the inline block ends"],
    );
}
