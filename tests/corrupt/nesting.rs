//! Values nested a million deep, read on small stacks: an error, whoever reads.

use std::collections::BTreeMap;

use serde::de::{DeserializeOwned, IgnoredAny};
use serde_shm::{Deserialize, ErrorKind, Serialize, from_bytes, to_bytes};

use crate::corrupt::forge::{NEWTYPE_VARIANT, Shape, TUPLE, block, of_version, tables, tag};
use crate::corrupt::model::{Anything, bounded};

const DEEP: usize = 1_000_000;

/// As deep as may be written and read.
const LIMIT: usize = if cfg!(feature = "deep") { 2048 } else { 256 };

/// What a thread with little room has; code that is not optimised takes more.
const STACK: usize = if cfg!(debug_assertions) { 2 << 20 } else { 256 << 10 };

#[track_caller]
fn on_a_small_stack<R: Send>(run: impl FnOnce() -> R + Send) -> R {
    on_a_stack(STACK, run)
}

pub(crate) fn on_a_stack<R: Send>(stack: usize, run: impl FnOnce() -> R + Send) -> R {
    std::thread::scope(|scope| {
        std::thread::Builder::new()
            .stack_size(stack)
            .spawn_scoped(scope, run)
            .unwrap()
            .join()
            .unwrap()
    })
}

#[track_caller]
fn too_deep<T: DeserializeOwned>(inline: &[u8]) {
    too_deep_on::<T>(STACK, inline);
}

fn too_deep_on<T: DeserializeOwned>(stack: usize, inline: &[u8]) {
    let one = |kind, variant, name: &'static str, tags| Shape {
        kind,
        name: "T",
        variant,
        fields: vec![name],
        tags,
    };
    let shapes = [
        one(TUPLE, "", "", vec![tag::ANY]),
        one(0, "", "field", vec![tag::RECORD]),
        one(NEWTYPE_VARIANT, "Nest", "", vec![tag::RECORD]),
    ];
    let block = of_version(&block(&[], inline, &tables(&shapes), &[]), 3);
    let (kind, text) = on_a_stack(stack, || {
        bounded(block.len(), || match from_bytes::<T>(&block) {
            Ok(_) => panic!("it was read"),
            Err(error) => (error.kind(), error.to_string()),
        })
    });
    assert_eq!(kind, ErrorKind::Limit, "{text}");
    assert!(text.contains(&format!("deeper than {LIMIT} levels")), "{text}");
}

#[derive(Serialize, Deserialize, Debug)]
struct Options(#[allow(dead_code)] Option<Box<Options>>);

#[derive(Serialize, Deserialize, Debug)]
struct List(Vec<List>);

#[derive(Serialize, Deserialize, Debug)]
struct Dictionary(BTreeMap<u8, Dictionary>);

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
enum Choice {
    Nest(Box<Choice>),
    End,
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct Record {
    field: Option<Box<Record>>,
}

#[test]
fn a_million_levels() {
    let options = vec![tag::OPTION; DEEP];
    too_deep::<IgnoredAny>(&options);
    too_deep::<Anything>(&options);
    too_deep::<Options>(&options);
    let seqs = [&[tag::SEQ][..], &[2, tag::SEQ].repeat(DEEP)].concat();
    too_deep::<IgnoredAny>(&seqs);
    too_deep::<Anything>(&seqs);
    too_deep::<List>(&seqs);
    too_deep::<serde_json::Value>(&seqs);
    let maps = [&[tag::MAP][..], &[2, tag::U8, tag::MAP, 7].repeat(DEEP)].concat();
    too_deep::<IgnoredAny>(&maps);
    too_deep::<Anything>(&maps);
    too_deep::<Dictionary>(&maps);
    let keys = [&[tag::MAP][..], &[2, tag::MAP, tag::U8].repeat(DEEP)].concat();
    too_deep::<IgnoredAny>(&keys);
    too_deep::<Anything>(&keys);
    let tuples = [tag::RECORD, 0].repeat(DEEP);
    too_deep::<IgnoredAny>(&tuples);
    too_deep::<Anything>(&tuples);
    let structs = [&[tag::RECORD][..], &vec![1; DEEP]].concat();
    too_deep::<IgnoredAny>(&structs);
    too_deep::<Anything>(&structs);
    too_deep::<Record>(&structs);
    let variants = [&[tag::RECORD][..], &vec![2; DEEP]].concat();
    too_deep::<IgnoredAny>(&variants);
    too_deep::<Anything>(&variants);
    too_deep::<Choice>(&variants);
    let names = [tag::NAMED, 1, b'N'].repeat(DEEP);
    too_deep::<IgnoredAny>(&names);
    too_deep::<Anything>(&names);
    too_deep::<Options>(&names);
    too_deep::<u8>(&names);
    let named_options = [tag::NAMED, 1, b'N', tag::OPTION].repeat(DEEP);
    too_deep::<IgnoredAny>(&named_options);
    too_deep::<Options>(&named_options);
    too_deep::<u8>(&named_options);
    let named_lists = [tag::NAMED, 1, b'N', tag::SEQ, 2, tag::ANY].repeat(DEEP);
    too_deep::<IgnoredAny>(&named_lists);
    too_deep::<List>(&named_lists);
}

/// What is read through serde's own buffer, which no look at the stack interrupts.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
#[allow(dead_code)]
enum Buffered {
    Number(u8),
    Items(Vec<Buffered>),
    Map(BTreeMap<String, Buffered>),
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct Flattened {
    #[serde(flatten)]
    rest: BTreeMap<String, Flattened>,
}

#[test]
fn a_million_levels_for_other_formats_values_and_serdes_buffer() {
    let seqs = [&[tag::SEQ][..], &[2, tag::SEQ].repeat(DEEP)].concat();
    too_deep::<Buffered>(&seqs);
    let structs = [&[tag::RECORD][..], &vec![1; DEEP]].concat();
    too_deep::<serde_json::Value>(&structs);
    too_deep::<Buffered>(&structs);
    too_deep::<Flattened>(&structs);
    let options = vec![tag::OPTION; DEEP];
    too_deep::<Buffered>(&options);
    too_deep::<serde_json::Value>(&options);
    for names in [
        [tag::NAMED, 1, b'N'].repeat(DEEP),
        [tag::NAMED, 1, b'N', tag::OPTION].repeat(DEEP),
        [tag::READABLE, tag::NAMED, 1, b'N'].repeat(DEEP),
    ] {
        too_deep::<Buffered>(&names);
        too_deep::<serde_json::Value>(&names);
    }
}

#[test]
fn the_limit_itself_can_be_written_and_read_on_a_small_stack() {
    on_a_small_stack(|| {
        let deep = |levels: usize| (1..levels).fold(List(vec![]), |list, _| List(vec![list]));
        let block = to_bytes(&deep(LIMIT)).unwrap();
        let list: List = from_bytes(&block).unwrap();
        from_bytes::<IgnoredAny>(&block).unwrap();
        from_bytes::<Anything>(&block).unwrap();
        assert_eq!(to_bytes(&list).unwrap().len(), block.len());
        let error = to_bytes(&deep(LIMIT + 1)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        let deep = |levels: usize| {
            (1..levels).fold(Options(None), |inner, _| Options(Some(Box::new(inner))))
        };
        let block = to_bytes(&deep(LIMIT)).unwrap();
        from_bytes::<Options>(&block).unwrap();
        let error = to_bytes(&deep(LIMIT + 2)).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
    });
}

/// On the stack that a thread has unless it asks for another. Everything is also dropped there.
#[test]
#[cfg(feature = "deep")]
fn the_limit_itself_is_read_by_whoever_reads() {
    fn read<T: DeserializeOwned>(inline: &[u8], shapes: &[Shape]) {
        let block = block(&[], inline, &tables(shapes), &[]);
        on_a_stack(2 << 20, || drop(from_bytes::<T>(&block).unwrap()));
    }
    let seqs = [&[2, tag::SEQ].repeat(LIMIT - 1)[..], &[0]].concat();
    let seqs = [&[tag::SEQ][..], &seqs].concat();
    read::<List>(&seqs, &[]);
    read::<serde_json::Value>(&seqs, &[]);
    read::<Buffered>(&seqs, &[]);
    let maps = [2, tag::STR, tag::MAP, 1, b'a'].repeat(LIMIT - 1);
    let maps = [&[tag::MAP][..], &maps, &[0]].concat();
    read::<serde_json::Value>(&maps, &[]);
    read::<Flattened>(&maps, &[]);
    read::<Buffered>(&maps, &[]);
    let maps = [2, tag::U8, tag::MAP, 7].repeat(LIMIT - 1);
    let maps = [&[tag::MAP][..], &maps, &[0]].concat();
    read::<Dictionary>(&maps, &[]);
    // Each struct in an option: twice as many levels in all.
    let field = |tags| Shape { kind: 0, name: "T", variant: "", fields: vec!["field"], tags };
    let records = [&[tag::RECORD][..], &[0, tag::RECORD].repeat(LIMIT - 1), &[0, 0]].concat();
    read::<Record>(&records, &[field(vec![tag::OPTION])]);
}

#[derive(Serialize, Deserialize, Debug)]
struct Wide {
    numbers: [u64; 32],
    more: Vec<Wide>,
}

/// Frames that are larger than what the limit was made for are found out by the stack that is left.
#[test]
fn large_frames_are_no_overflow() {
    on_a_stack(2 << 20, || {
        let deep = |levels: usize| {
            (1..levels).fold(Wide { numbers: [7; 32], more: vec![] }, |inner, _| Wide {
                numbers: [7; 32],
                more: vec![inner],
            })
        };
        for levels in [20, 100, 500, 1000] {
            if let Ok(block) = to_bytes(&deep(levels)) {
                let back: Wide = from_bytes(&block).unwrap();
                assert_eq!(back.numbers, [7; 32]);
            } else {
                assert!(levels > 100);
            }
        }
    });
}
