//! Owned arrays around the lengths of a huge page (2 MiB) and of the pieces in which fresh memory is filled (4 MiB), from every
//! container: what is copied piece by piece is what was written.

use serde_shm::array::{DeserializeItem, SerializeItem};
use serde_shm::{
    Compression, DType, Deserialize, Element, Npz, NpzOptions, Order, Segment, Serialize,
    UntypedView, from_bytes, from_npz, to_bytes, to_npz, to_shared,
};

const HUGE: usize = 2 << 20;
const PIECE: usize = 4 << 20;

/// An item that no power of two is a multiple of.
#[derive(Clone, Copy, Debug, PartialEq, Element)]
#[repr(C)]
struct Point {
    x: f32,
    y: f32,
    z: u32,
}

#[derive(Serialize, Deserialize)]
struct Holder<A: Element> {
    before: u8,
    #[shm_array]
    items: Vec<A>,
    after: String,
}

/// The same, written as the view of an array in the other byte order.
#[derive(Serialize)]
struct Swapped<'a> {
    before: u8,
    items: UntypedView<'a>,
    after: &'a str,
}

fn made<A: Element>(count: usize, item: impl Fn(u32) -> A) -> Holder<A> {
    // A number that differs from piece to piece at the same place.
    let item = |at| item((at as u32).wrapping_mul(2_654_435_761) >> 7);
    Holder { before: 7, items: (0..count).map(item).collect(), after: "end".to_owned() }
}

#[track_caller]
fn same<A: Element + PartialEq>(found: &Holder<A>, expected: &Holder<A>, way: &str) {
    // Millions of items are no message.
    if found.items != expected.items {
        let pairs = || found.items.iter().zip(&expected.items);
        let differs = pairs().position(|(found, expected)| found != expected);
        panic!("{way}, {} items of {}: {differs:?} differs", expected.items.len(), A::DTYPE);
    }
    assert_eq!((found.before, found.after.as_str()), (7, "end"), "{way}");
}

fn check<A>(item: impl Fn(u32) -> A + Copy)
where
    A: Element + PartialEq + SerializeItem + for<'de> DeserializeItem<'de>,
{
    let folder = tempfile::tempdir().unwrap();
    let (plain, packed) = (folder.path().join("plain.npz"), folder.path().join("packed.npz"));
    let of = |bytes: usize| bytes / size_of::<A>();
    let piece = of(PIECE);
    for count in [of(HUGE) + 1, piece - 1, piece, piece + 1, 2 * piece + 1] {
        let object = made(count, item);
        let block = to_bytes(&object).unwrap();
        same(&from_bytes(&block).unwrap(), &object, "block");
        drop(block);
        let segment = to_shared(&object).unwrap();
        same(&Segment::open(segment.id()).unwrap().get().unwrap(), &object, "segment");
        drop(segment);
        to_npz(&plain, &object).unwrap();
        same(&from_npz(&plain).unwrap(), &object, "npz");
        same(&Npz::open(&plain).unwrap().get().unwrap(), &object, "opened npz");
        // SAFETY: nobody else knows the folder.
        #[allow(unsafe_code)]
        let mapped = unsafe { Npz::map(&plain) }.unwrap();
        same(&mapped.get().unwrap(), &object, "mapped npz");
        let bytes = std::fs::read(&plain).unwrap();
        same(&Npz::from_bytes(bytes).unwrap().get().unwrap(), &object, "npz in memory");
    }
    // To compress takes long, so it is done at one length.
    let object = made(piece + 1, item);
    NpzOptions::new()
        .compression(Compression::Deflate(1))
        .fsync(false)
        .save(&packed, &object)
        .unwrap();
    same(&from_npz(&packed).unwrap(), &object, "compressed npz");
}

#[test]
fn bytes_come_back() {
    check(|number| number as u8);
}

#[test]
fn bools_come_back() {
    check(|number| number & 4 != 0);
}

#[test]
fn numbers_come_back() {
    check(|number| f64::from(number) / 3.0);
}

#[test]
fn structs_come_back() {
    check(|number| Point { x: number as f32, y: -1.5, z: number });
}

/// They are converted block by block, into memory that is filled piece by piece.
#[test]
fn numbers_of_the_other_byte_order_come_back() {
    let dtype: DType = ">f4".parse().unwrap();
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("swapped.npz");
    for count in [PIECE / 4 - 1, PIECE / 4, 2 * PIECE / 4 + 1] {
        let object = made(count, |number| number as f32);
        let bytes: Vec<u8> = object.items.iter().flat_map(|item| item.to_be_bytes()).collect();
        let items = UntypedView::new(dtype.clone(), &[count], Order::C, &bytes).unwrap();
        let written = Swapped { before: 7, items, after: "end" };
        same(&from_bytes(&to_bytes(&written).unwrap()).unwrap(), &object, "block");
        to_npz(&path, &written).unwrap();
        same(&from_npz(&path).unwrap(), &object, "npz");
    }
}
