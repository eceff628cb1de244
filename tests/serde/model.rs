//! Every type of serde's data model, at its extremes.

use std::collections::{BTreeMap, HashMap};

use serde::{Deserialize, Serialize};

use crate::serde::support::{check, check_by};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Numbers {
    a: (i8, i16, i32, i64, i128),
    b: (u8, u16, u32, u64, u128),
    c: (isize, usize),
    d: (bool, char),
}

#[test]
fn numbers_at_their_extremes() {
    check(
        &vec![
            Numbers {
                a: (i8::MIN, i16::MIN, i32::MIN, i64::MIN, i128::MIN),
                b: (u8::MIN, u16::MIN, u32::MIN, u64::MIN, u128::MIN),
                c: (isize::MIN, usize::MIN),
                d: (false, char::MIN),
            },
            Numbers {
                a: (i8::MAX, i16::MAX, i32::MAX, i64::MAX, i128::MAX),
                b: (u8::MAX, u16::MAX, u32::MAX, u64::MAX, u128::MAX),
                c: (isize::MAX, usize::MAX),
                d: (true, char::MAX),
            },
        ],
        &[],
    );
    check(&['\0', 'é', '\u{10ffff}'], &[]);
    for shift in 0..128 {
        check(&(1_u128 << shift, (1_u128 << shift).wrapping_sub(1), i128::MIN >> shift), &[]);
    }
}

#[test]
fn floats_bit_for_bit() {
    let doubles = [
        0,
        1,
        1 << 63,
        0x7ff0_0000_0000_0000,
        0x7ff0_0000_0000_0001,
        0x7ff8_dead_beef_0001,
        0xfff8_dead_beef_0001,
        f64::MAX.to_bits(),
        f64::NEG_INFINITY.to_bits(),
        u64::MAX,
    ];
    check_by(&doubles.map(f64::from_bits), &[], |back| assert_eq!(back.map(f64::to_bits), doubles));
    let singles =
        [0, 1, 1 << 31, 0x7f80_0000, 0x7f80_0001, 0xffc0_beef, f32::MIN.to_bits(), u32::MAX];
    check_by(&singles.map(f32::from_bits), &[], |back| assert_eq!(back.map(f32::to_bits), singles));
    let handle = serde_shm::ShmArray1::from(singles.map(f32::from_bits).to_vec());
    check_by(&handle, &["arr_0"], |back| {
        assert_eq!(back.iter().map(|float| float.to_bits()).collect::<Vec<_>>(), singles);
    });
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Clone)]
enum Key {
    Unit,
    Newtype(u8),
    Tuple(i8, String),
    Named { a: Option<()> },
}

#[derive(Serialize, Deserialize, PartialEq, Eq, Hash, PartialOrd, Ord, Debug, Clone)]
struct StructKey {
    id: u32,
    inner: Key,
}

#[test]
fn units_newtypes_tuples_and_options() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Unit;
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Newtype<T>(T);
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Tuple(Unit, Newtype<Unit>, ());
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Empty {}
    check(&(), &[]);
    check(&Unit, &[]);
    check(&Newtype(Newtype(Newtype(()))), &[]);
    check(&Tuple(Unit, Newtype(Unit), ()), &[]);
    check(&(Empty {}, Empty {}), &[]);
    check(&vec![None, Some(None), Some(Some(()))], &[]);
    check(&vec![None, Some(None), Some(Some(None)), Some(Some(Some(Unit)))], &[]);
    check(&vec![Some(Newtype(None)), None, Some(Newtype(Some(Newtype(1))))], &[]);
    check(&vec![Some(vec![Some(vec![None::<u8>])])], &[]);
    check(&(Some(None::<u8>), None::<Option<u8>>, Some(Some(3_u8))), &[]);
    check(&vec![Some(1.5_f32), None, Some(-1.0)], &[]);
    check(
        &vec![
            Key::Unit,
            Key::Newtype(1),
            Key::Tuple(-1, "x".into()),
            Key::Named { a: Some(()) },
            Key::Unit,
        ],
        &[],
    );
}

#[test]
fn tuples_of_any_length() {
    check(&(1_u8,), &[]);
    check(
        &(
            1_u8,
            'b',
            3_i16,
            "d".to_owned(),
            5.0_f32,
            6_u64,
            7_i8,
            (),
            9_u8,
            10_u8,
            11_u8,
            Some(12_u8),
        ),
        &[],
    );
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[rustfmt::skip]
    struct Alphabet(
        u8, i16, char, String, f32, Option<u8>, (), bool, u64, i64, u128, Key, Vec<u8>,
        u8, i16, char, String, f32, Option<u8>, (), bool, u64, i64, u128, Key, Vec<u8>,
    );
    let a = |n: u8| {
        (
            n,
            -300_i16,
            'c',
            "d".to_owned(),
            5.5_f32,
            Some(6_u8),
            (),
            true,
            9_u64,
            -10_i64,
            11_u128,
            Key::Newtype(12),
            vec![13_u8],
        )
    };
    let (one, two) = (a(1), a(2));
    #[rustfmt::skip]
    #[allow(clippy::unit_arg)]
    let letters = Alphabet(
        one.0, one.1, one.2, one.3, one.4, one.5, one.6, one.7, one.8, one.9, one.10, one.11, one.12,
        two.0, two.1, two.2, two.3, two.4, two.5, two.6, two.7, two.8, two.9, two.10, two.11, two.12,
    );
    check(&vec![letters], &[]);
    check(&[Some(1_u8), None, Some(3)], &[]);
    check(&[[0_u16; 32]; 2], &[]);
}

#[test]
fn maps_with_keys_of_any_type() {
    check(
        &BTreeMap::from([
            (StructKey { id: 1, inner: Key::Unit }, 1),
            (StructKey { id: 2, inner: Key::Newtype(2) }, 2),
        ]),
        &[],
    );
    check(
        &HashMap::from([
            (Key::Tuple(1, "x".into()), "a".to_owned()),
            (Key::Named { a: None }, String::new()),
        ]),
        &[],
    );
    check(&BTreeMap::from([(Some(1_u8), 1), (None, 2)]), &[]);
    check(&BTreeMap::from([(vec![(1_i8, 'x')], BTreeMap::from([((), true)]))]), &[]);
    check(&BTreeMap::from([(i128::MIN, u128::MAX), (0, 0)]), &[]);
    check(&BTreeMap::from([(true, 'a'), (false, 'b')]), &[]);
    check(&BTreeMap::from([(String::new(), ()), ("ü.%/".to_owned(), ())]), &[]);
    let arrays = |n: u8| serde_shm::ShmArray1::from(vec![n; 4]);
    check(&BTreeMap::from([(-5_i64, arrays(1)), (7, arrays(2))]), &["-5", "7"]);
    check(&BTreeMap::from([(StructKey { id: 1, inner: Key::Unit }, arrays(1))]), &["#0"]);
    check(&BTreeMap::from([(std::net::Ipv4Addr::LOCALHOST, arrays(1))]), &["127%2E0%2E0%2E1"]);
}

#[test]
fn bytes() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Bytes {
        #[serde(with = "serde_bytes")]
        short: Vec<u8>,
        #[serde(with = "serde_bytes")]
        long: Vec<u8>,
        fixed: serde_bytes::ByteArray<300>,
        maybe: Option<serde_bytes::ByteBuf>,
    }
    let long = |len| (0..=255_u8).cycle().take(len).collect::<Vec<_>>();
    check(
        &Bytes {
            short: vec![1],
            long: long(300),
            fixed: serde_bytes::ByteArray::new([7; 300]),
            maybe: Some(long(10).into()),
        },
        &["long", "fixed"],
    );
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    #[serde(untagged)]
    enum Buffered {
        Bytes(serde_bytes::ByteBuf),
        Number(u32),
    }
    check(
        &vec![
            Buffered::Bytes(long(1000).into()),
            Buffered::Bytes(long(3).into()),
            Buffered::Number(1),
        ],
        &["0"],
    );
}
