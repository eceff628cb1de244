//! Numbers in the other byte order, made by hand byte for byte: read in every way as what they say, seen in place never,
//! and written in this machine's order. The same tests hold on a machine of the other order.
#![allow(clippy::big_endian_bytes)]

use std::fmt::Debug;

use half::{bf16, f16};
use ndarray::{Array2, Ix1, Ix2};
use num_complex::{Complex32, Complex64};
use serde::de::DeserializeOwned;
use serde_shm::element::{
    Datetime64, Days, FixedBytes, FixedStr, Generic, Nanoseconds, Seconds, Timedelta64,
};
use serde_shm::{
    AlignedBytes, DynArray, Element, ErrorKind, Npz, ShmArray1, from_bytes, from_npz, to_bytes,
};

use crate::corrupt::forge::{Parts, RECORD, seal};
use crate::structs::{Point, point};

const NATIVE_IS_BIG: bool = cfg!(target_endian = "big");

#[derive(serde::Serialize, serde::Deserialize, Debug)]
#[serde(
    transparent,
    bound(
        serialize = "T: serde_shm::array::SerializeArray",
        deserialize = "T: serde_shm::array::DeserializeArray<'de>"
    )
)]
struct Routed<T>(#[serde(with = "serde_shm::array")] T);

/// A `.npy` file of version 1.0.
fn npy(descriptor: &str, fortran: bool, shape: &str, data: &[u8]) -> Vec<u8> {
    let order = if fortran { "True" } else { "False" };
    let mut header =
        format!("{{'descr': {descriptor}, 'fortran_order': {order}, 'shape': {shape}, }}");
    let len = (10 + header.len() + 1).next_multiple_of(64) - 10;
    header.push_str(&" ".repeat(len - header.len() - 1));
    header.push('\n');
    let mut file = b"\x93NUMPY\x01\x00".to_vec();
    file.extend_from_slice(&u16::try_from(len).unwrap().to_le_bytes());
    file.extend_from_slice(header.as_bytes());
    file.extend_from_slice(data);
    file
}

/// A number as its bytes.
trait Bytes {
    fn bytes(&self, big: bool) -> Vec<u8>;
}

macro_rules! numbers {
    ($($ty:ty)*) => {$(
        impl Bytes for $ty {
            fn bytes(&self, big: bool) -> Vec<u8> {
                if big { self.to_be_bytes().to_vec() } else { self.to_le_bytes().to_vec() }
            }
        }
    )*};
}

numbers! { i8 i16 i32 i64 u8 u16 u32 u64 f32 f64 f16 bf16 }

impl Bytes for bool {
    fn bytes(&self, _: bool) -> Vec<u8> {
        vec![u8::from(*self)]
    }
}

impl Bytes for Complex32 {
    fn bytes(&self, big: bool) -> Vec<u8> {
        [self.re.bytes(big), self.im.bytes(big)].concat()
    }
}

impl Bytes for Complex64 {
    fn bytes(&self, big: bool) -> Vec<u8> {
        [self.re.bytes(big), self.im.bytes(big)].concat()
    }
}

impl<U: serde_shm::element::Unit> Bytes for Datetime64<U> {
    fn bytes(&self, big: bool) -> Vec<u8> {
        self.value().bytes(big)
    }
}

impl<U: serde_shm::element::Unit> Bytes for Timedelta64<U> {
    fn bytes(&self, big: bool) -> Vec<u8> {
        self.value().bytes(big)
    }
}

impl<const N: usize> Bytes for FixedStr<N> {
    fn bytes(&self, big: bool) -> Vec<u8> {
        let mut chars: Vec<u32> = self.to_string().chars().map(u32::from).collect();
        chars.resize(N, 0);
        chars.iter().flat_map(|char| char.bytes(big)).collect()
    }
}

impl<const N: usize> Bytes for FixedBytes<N> {
    fn bytes(&self, _: bool) -> Vec<u8> {
        let mut bytes = self.as_bytes().to_vec();
        bytes.resize(N, 0);
        bytes
    }
}

/// A `Point` as this machine lays it out, padding included.
impl Bytes for Point {
    fn bytes(&self, big: bool) -> Vec<u8> {
        let (x, y) = (self.x.bytes(big), self.y.bytes(big));
        [x, vec![0; 4], y, vec![u8::from(self.ok)], vec![0; 7]].concat()
    }
}

/// The descriptor as it stands in a header, in an order.
fn in_order(descriptor: &str, big: bool) -> String {
    descriptor.replace('<', if big { ">" } else { "<" })
}

fn all_bytes<A: Bytes>(values: &[A], big: bool) -> Vec<u8> {
    values.iter().flat_map(|value| value.bytes(big)).collect()
}

/// The block of these values, turned into what a machine of that order writes.
fn block<A: Element + Bytes>(values: &[A], big: bool) -> AlignedBytes
where
    Routed<Vec<A>>: serde::Serialize,
{
    let mut block = to_bytes(&Routed(values.to_vec())).unwrap().to_vec();
    let parts = Parts::of(&block);
    assert_eq!(parts.arrays.len(), 1);
    // What this machine wrote is its own order, byte for byte.
    assert_eq!(block[parts.arrays[0].clone()], all_bytes(values, NATIVE_IS_BIG));
    block[parts.arrays[0].clone()].copy_from_slice(&all_bytes(values, big));
    let (record, heap) = (parts.record(), parts.record() + RECORD);
    if block[record + 40] == 255 {
        for byte in &mut block[heap..parts.directory.end] {
            if matches!(*byte, b'<' | b'>') {
                *byte = if big { b'>' } else { b'<' };
            }
        }
    } else {
        let flag = if big && size_of::<A>() > 1 { 2 } else { 0 };
        block[record + 41] = block[record + 41] & !2 | flag;
    }
    seal(&mut block);
    AlignedBytes::copy_from(&block)
}

/// Values in either order, from a `.npy` file and from a block, in every way that elements are read.
fn check<A>(descriptor: &str, values: &[A])
where
    A: Element + Bytes + PartialEq + Debug,
    Routed<Vec<A>>: serde::Serialize + DeserializeOwned,
    Routed<Box<[A]>>: DeserializeOwned,
    ShmArray1<A>: DeserializeOwned,
    for<'a> &'a [A]: serde_shm::array::DeserializeArray<'a>,
{
    let shape = format!("({},)", values.len());
    let native = all_bytes(values, NATIVE_IS_BIG);
    for big in [false, true] {
        let context = in_order(descriptor, big);
        let data = all_bytes(values, big);
        let is_foreign = data != native;
        let file = npy(&context, false, &shape, &data);
        let npz = Npz::from_bytes(file.clone()).unwrap();
        assert_eq!(npz.get::<Routed<Vec<A>>>().unwrap().0, values, "{context}");
        assert_eq!(&*npz.get::<Routed<Box<[A]>>>().unwrap().0, values, "{context}");
        let handle = npz.get::<ShmArray1<A>>().unwrap();
        assert_eq!(handle.as_slice().unwrap(), values, "{context}");
        let name = npz.arrays().unwrap()[0].path().to_owned();
        assert_eq!(npz.array_as::<A, Ix1>(&name).unwrap().to_vec(), values, "{context}");
        let view = npz.array::<A, Ix1>(&name);
        if is_foreign {
            let error = view.unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Mismatch, "{context}: {error}");
            assert!(error.to_string().contains("byte order"), "{context}: {error}");
        } else {
            assert_eq!(view.unwrap().to_vec(), values, "{context}");
        }
        // What is of no known type comes back as the same bytes in this machine's order.
        let any = npz.array_dyn(&name).unwrap();
        assert_eq!(from_bytes::<Routed<Vec<A>>>(&to_bytes(&any).unwrap()).unwrap().0, values);

        let block = block(values, big);
        assert_eq!(from_bytes::<Routed<Vec<A>>>(&block).unwrap().0, values, "{context}");
        assert_eq!(from_bytes::<ShmArray1<A>>(&block).unwrap().as_slice().unwrap(), values);
        let any: DynArray = from_bytes(&block).unwrap();
        assert_eq!(from_bytes::<Routed<Vec<A>>>(&to_bytes(&any).unwrap()).unwrap().0, values);
        if is_foreign {
            let error = from_bytes::<Routed<&[A]>>(&block).unwrap_err().to_string();
            assert!(error.contains("byte order"), "{context}: {error}");
        }

        // A file of ours: numbers in this machine's order, and structs, which stay what they were, in theirs.
        let folder = tempfile::tempdir().unwrap();
        let path = folder.path().join("a.npz");
        serde_shm::to_npz(&path, &any).unwrap();
        let saved = std::fs::read(&path).unwrap();
        let contains = |part: &[u8]| saved.windows(part.len()).any(|window| window == part);
        let order = if matches!(any, DynArray::Raw(_)) { big } else { NATIVE_IS_BIG };
        assert!(contains(&all_bytes(values, order)), "{context}");
        let said = format!("'descr': {}", in_order(descriptor, order));
        assert!(contains(said.as_bytes()), "{context}: {said}");
        assert_eq!(from_npz::<Routed<Vec<A>>>(&path).unwrap().0, values, "{context}");
    }
}

#[test]
fn bytes_and_bools_have_no_order() {
    check("'|b1'", &[true, false, true]);
    check("'|i1'", &[1_i8, -1, i8::MIN]);
    check("'|u1'", &[1_u8, 0x80, 0xff]);
    check(
        "'|S3'",
        &[FixedBytes::<3>::try_from("abc").unwrap(), FixedBytes::from_array([0xff, 1, 0])],
    );
}

#[test]
fn integers() {
    check("'<i2'", &[1_i16, -2, i16::MIN, 0x1234]);
    check("'<i4'", &[1_i32, -2, i32::MIN, 0x1234_5678]);
    check("'<i8'", &[1_i64, -2, i64::MIN, 0x1234_5678_9abc_def0]);
    check("'<u2'", &[1_u16, 0xff00, 0x1234]);
    check("'<u4'", &[1_u32, 0xff00_0000, 0x1234_5678]);
    check("'<u8'", &[1_u64, 0xff << 56, 0x1234_5678_9abc_def0]);
}

#[test]
fn floats_and_complex_numbers() {
    check("'<f2'", &[f16::from_f32(1.5), f16::from_f32(-0.25), f16::INFINITY]);
    check("'<V2'", &[bf16::from_f32(1.5), bf16::from_f32(-0.25), bf16::INFINITY]);
    check("'<f4'", &[1.5_f32, -0.25, f32::MIN_POSITIVE, f32::INFINITY]);
    check("'<f8'", &[1.5_f64, -0.25, f64::MIN_POSITIVE, f64::INFINITY]);
    check("'<c8'", &[Complex32::new(1.5, -2.0), Complex32::new(0.0, 1e-30)]);
    check("'<c16'", &[Complex64::new(1.5, -2.0), Complex64::new(0.0, 1e-300)]);
}

/// What a number that is none carries beside that is kept, bit by bit, whatever way it goes.
#[test]
fn payloads_of_what_is_no_number() {
    for big in [false, true] {
        let (single, double) = (0x7fa1_2345_u32, 0xfff1_2345_6789_abcd_u64);
        let file = npy(&in_order("'<f4'", big), false, "(1,)", &single.bytes(big));
        let read = Npz::from_bytes(file).unwrap().get::<Routed<Vec<f32>>>().unwrap();
        assert_eq!(read.0[0].to_bits(), single);
        let file = npy(&in_order("'<f8'", big), false, "(1,)", &double.bytes(big));
        let read = Npz::from_bytes(file).unwrap().get::<ShmArray1<f64>>().unwrap();
        assert_eq!(read[0].to_bits(), double);
    }
}

#[test]
fn times_and_text() {
    check("'<M8[ns]'", &[Datetime64::<Nanoseconds>::new(0x0102_0304_0506), Datetime64::NAT]);
    check("'<M8[D]'", &[Datetime64::<Days>::new(-1), Datetime64::new(20_000)]);
    check("'<M8'", &[Datetime64::<Generic>::new(258)]);
    check("'<m8[s]'", &[Timedelta64::<Seconds>::new(258), Timedelta64::NAT]);
    let text = |text: &str| FixedStr::<5>::try_from(text).unwrap();
    check("'<U5'", &[text("größe"), text("😀"), text(""), text("a\u{10ffff}")]);
}

/// Fields with gaps, as this machine lays a struct out, each in its order.
#[test]
fn structs() {
    let descriptor = "[('x', '<f4'), ('', '|V4'), ('y', '<f8'), ('ok', '|b1'), ('', '|V7')]";
    check(descriptor, &[point(1), point(2), point(3)]);
}

/// Each field says its own order, in packed structs, sub-arrays and structs within.
#[test]
fn fields_of_both_orders() {
    #[derive(Clone, Copy, Debug, PartialEq, Element)]
    #[repr(C)]
    struct Inner {
        deep: [u16; 2],
    }
    #[derive(Clone, Copy, Debug, PartialEq, Element)]
    #[repr(C)]
    struct Mixed {
        a: i32,
        b: [Inner; 3],
        t: Datetime64<Seconds>,
        c: Complex32,
        name: FixedStr<2>,
    }
    let mixed = |n: u16| Mixed {
        a: -i32::from(n),
        b: [0, 1, 2].map(|m| Inner { deep: [n + m, 0x1200 + m] }),
        t: Datetime64::new(i64::from(n) << 40),
        c: Complex32::new(n.into(), -1.5),
        name: FixedStr::try_from("é").unwrap(),
    };
    let values: Vec<Mixed> = (1..2000).map(mixed).collect();
    for orders in 0..32_u8 {
        let big = |field: u8| orders >> field & 1 == 1;
        let char = |field| if big(field) { '>' } else { '<' };
        let descriptor = format!(
            "[('name', '{}U2'), ('a', '{}i4'), ('b', [('deep', '{}u2', (2,))], (3,)), ('c', '{}c8'), ('t', '{}M8[s]')]",
            char(0),
            char(1),
            char(2),
            char(3),
            char(4),
        );
        let bytes = |v: &Mixed| {
            let deep =
                v.b.iter().flat_map(|inner| inner.deep).flat_map(|n| n.bytes(big(2))).collect();
            [v.name.bytes(big(0)), v.a.bytes(big(1)), deep, v.c.bytes(big(3)), v.t.bytes(big(4))]
                .concat()
        };
        let data: Vec<u8> = values.iter().flat_map(bytes).collect();
        let file = npy(&descriptor, false, "(1999,)", &data);
        let read = Npz::from_bytes(file).unwrap().get::<Routed<Vec<Mixed>>>().unwrap();
        assert_eq!(read.0, values, "{descriptor}");
    }
}

/// Large arrays are turned around block by block, as they are read from a file, in either order of axes, stored and
/// compressed, and as wider numbers.
#[test]
fn large_arrays_from_files() {
    let folder = tempfile::tempdir().unwrap();
    let shape = (321, 1234);
    let number = |i: usize, j: usize| (i * 65_599 + j) as u32;
    let expected = Array2::from_shape_fn(shape, |(i, j)| number(i, j));
    for (big, fortran) in [(false, false), (false, true), (true, false), (true, true)] {
        let places: Vec<(usize, usize)> = if fortran {
            (0..shape.1).flat_map(|j| (0..shape.0).map(move |i| (i, j))).collect()
        } else {
            (0..shape.0).flat_map(|i| (0..shape.1).map(move |j| (i, j))).collect()
        };
        let data: Vec<u8> = places.iter().flat_map(|(i, j)| number(*i, *j).bytes(big)).collect();
        let file = npy(&in_order("'<u4'", big), fortran, "(321, 1234)", &data);
        let plain = folder.path().join("a.npy");
        std::fs::write(&plain, &file).unwrap();
        let mut paths = vec![plain];
        for (name, method) in [
            ("stored.npz", zip::CompressionMethod::Stored),
            ("deflated.npz", zip::CompressionMethod::Deflated),
        ] {
            let path = folder.path().join(name);
            let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
            let options = zip::write::SimpleFileOptions::default().compression_method(method);
            archive.start_file("arr_0.npy", options).unwrap();
            std::io::Write::write_all(&mut archive, &file).unwrap();
            archive.finish().unwrap();
            paths.push(path);
        }
        for path in paths {
            let context = format!("{} big: {big} fortran: {fortran}", path.display());
            let read = from_npz::<Routed<Array2<u32>>>(&path).unwrap().0;
            assert_eq!(read, expected, "{context}");
            let npz = Npz::open(&path).unwrap();
            let name = npz.arrays().unwrap()[0].path().to_owned();
            assert_eq!(npz.array_as::<u32, Ix2>(&name).unwrap(), expected, "{context}");
            let wide = npz.array_as::<f64, Ix2>(&name).unwrap();
            assert_eq!(wide, expected.mapv(f64::from), "{context}");
            let rows: Vec<Vec<u64>> = npz.get().unwrap();
            assert!(rows.iter().flatten().eq(expected.mapv(u64::from).iter()), "{context}");
            assert_eq!(npz.array::<u32, Ix2>(&name).is_ok(), big == NATIVE_IS_BIG, "{context}");
        }
    }
}

/// Everything of a block but elements is little-endian, whatever machine writes it. One of the other order is no block, and
/// says so; its lengths are not believed.
#[test]
fn a_block_whose_own_numbers_are_turned_around_is_refused() {
    let good = to_bytes(&Routed(vec![1_u32, 2, 3])).unwrap();
    let turned = |place: std::ops::Range<usize>| {
        let mut bad = good.to_vec();
        bad[place].reverse();
        seal(&mut bad);
        from_bytes::<Routed<Vec<u32>>>(&AlignedBytes::copy_from(&bad)).unwrap_err()
    };
    let trailer = good.len() - 64;
    assert_eq!(turned(8..10).kind(), ErrorKind::Version);
    for number in 0..6 {
        let at = trailer + 8 * number;
        assert_eq!(turned(at..at + 8).kind(), ErrorKind::Corrupt, "number {number} of the trailer");
    }
    let mut bad = good.to_vec();
    let crc = trailer + 48..trailer + 52;
    bad[crc].reverse();
    let error = from_bytes::<Routed<Vec<u32>>>(&AlignedBytes::copy_from(&bad)).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    // Numbers of the directory, and a flag for the order where the descriptor has said it.
    let record = Parts::of(&good).record();
    for place in [record - 8..record, record..record + 8, record + 20..record + 24] {
        assert_eq!(turned(place).kind(), ErrorKind::Corrupt);
    }
    let mut bad = to_bytes(&Routed(vec![Datetime64::<Days>::new(1)])).unwrap().to_vec();
    let record = Parts::of(&bad).record();
    bad[record + 41] |= 2;
    seal(&mut bad);
    let bad = AlignedBytes::copy_from(&bad);
    let error = from_bytes::<Routed<Vec<Datetime64<Days>>>>(&bad).unwrap_err();
    assert!(error.to_string().contains("already says the byte order"), "{error}");
}
