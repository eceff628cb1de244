//! Blocks whose structs, times and strings were damaged are errors or other values, never more.

use serde_shm::element::{Datetime64, FixedStr, Seconds};
use serde_shm::{
    AlignedBytes, Deserialize, DynArray, Element, ErrorKind, Serialize, from_bytes, to_bytes,
};

use crate::structs::{Point, point};

#[derive(Serialize, Deserialize, Debug)]
struct Owned {
    #[shm_array]
    points: Vec<Point>,
    #[shm_array]
    times: Vec<Datetime64<Seconds>>,
    #[shm_array]
    names: Vec<FixedStr<3>>,
}

#[derive(Deserialize, Debug)]
struct Any {
    points: DynArray,
    times: DynArray,
    names: DynArray,
}

#[derive(Deserialize, Debug)]
#[allow(dead_code)]
struct Plain {
    points: Vec<serde::de::IgnoredAny>,
    times: Vec<i64>,
    names: Vec<String>,
}

fn block() -> AlignedBytes {
    let names = ["a", "bcd"].map(|text| FixedStr::try_from(text).unwrap());
    let owned = Owned {
        points: (0..4).map(point).collect(),
        times: vec![Datetime64::NAT],
        names: names.into(),
    };
    to_bytes(&owned).unwrap()
}

/// The block with its checksum put right (docs/FORMAT.md, "The trailer").
fn forge(block: &mut [u8]) {
    let trailer = block.len() - 64;
    let start = u64::from_le_bytes(block[trailer + 8..trailer + 16].try_into().unwrap()) as usize;
    let mut hasher = crc32fast::Hasher::new();
    hasher.update(&block[..64]);
    hasher.update(&block[start..trailer + 48]);
    let crc = hasher.finalize();
    block[trailer + 48..trailer + 52].copy_from_slice(&crc.to_le_bytes());
}

#[test]
fn every_byte_of_array_and_directory_may_be_another() {
    let good = block();
    let trailer = good.len() - 64;
    let mut refused = 0;
    for at in 64..trailer {
        for byte in [0, 1, 2, b'\'', b'(', b'9', b'>', 0x7f, 0xff] {
            let mut bad = AlignedBytes::copy_from(&good).to_vec();
            bad[at] = byte;
            forge(&mut bad);
            let bad = AlignedBytes::copy_from(&bad);
            refused += usize::from(from_bytes::<Owned>(&bad).is_err());
            let _ = from_bytes::<Plain>(&bad);
            if let Ok(any) = from_bytes::<Any>(&bad) {
                let again = to_bytes(&(&any.points, &any.times, &any.names)).unwrap();
                from_bytes::<(DynArray, DynArray, DynArray)>(&again).unwrap();
            }
        }
    }
    assert!(refused > 1000, "{refused}");
}

#[test]
fn a_bool_in_a_struct_is_checked_and_named() {
    let mut bad = block().to_vec();
    // The second point's `ok`, behind 4 bytes of f32, 4 of padding and 8 of f64.
    bad[64 + 24 + 16] = 2;
    let bad = AlignedBytes::copy_from(&bad);
    let error = from_bytes::<Owned>(&bad).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    let said = "points: expected a bool, a byte of 0 or 1, found 2 at element 1, field `ok`";
    assert_eq!(error.to_string(), said);
    assert_eq!(Point::DTYPE.item_size(), 24);
}

#[test]
fn a_type_that_does_not_fit_is_named_with_the_one_that_is_there() {
    #[derive(Clone, Copy, Element, Debug)]
    #[repr(C)]
    struct Other {
        x: f32,
        z: f64,
    }
    #[derive(Deserialize, Debug)]
    #[allow(dead_code)]
    struct Wrong {
        #[shm_array]
        points: Vec<Other>,
    }
    let error = from_bytes::<Wrong>(&block()).unwrap_err().to_string();
    assert!(
        error.contains("points: expected [('x', '<f4'), ('', '|V4'), ('z', '<f8')], found"),
        "{error}"
    );
    assert!(error.ends_with("the array has no `z`, the struct has no `y`, `ok`"), "{error}");
}
