//! Blocks whose directory says of many arrays that they lie at one place: what is copied is bounded, what is not is no matter.

use ndarray::{ArcArray1, Array1, ArrayView1};
use serde::Deserialize;
use serde::de::IgnoredAny;
use serde_shm::value::Value;
use serde_shm::{AlignedBytes, Block, DynArray, ErrorKind, ShmArray1, UntypedArray};

use crate::support::Routed;
use crate::support::memory;

const LEN: usize = 1 << 18;
const BYTES: usize = LEN * 4;

/// One array of 1 MiB that stands in an object so many times.
fn many(count: usize) -> AlignedBytes {
    serde_shm::to_bytes(&vec![ShmArray1::from(vec![1.0_f32; LEN]); count]).unwrap()
}

/// An error, before more than the limit is there.
fn refused<'a, T: Deserialize<'a>>(block: &'a Block, limit: usize) -> serde_shm::Error {
    let what = std::any::type_name::<T>();
    let (result, peak) = memory::peak(|| block.get::<T>());
    let Err(error) = result else { panic!("{what} was read") };
    assert_eq!(error.kind(), ErrorKind::Limit, "{what}: {error}");
    assert!(peak < limit + limit / 2 + 5_000_000, "{what}: {peak} bytes at once");
    error
}

#[test]
fn a_hundred_thousand_references_are_no_copies() {
    let bytes = many(100_000);
    assert!(bytes.len() < BYTES + 8_000_000);
    let limit = 20 << 20;
    let block = Block::new(bytes).unwrap().copy_limit(limit as u64);
    let handles: Vec<ShmArray1<f32>> = block.get().unwrap();
    assert!(
        handles.len() == 100_000 && handles.iter().all(|one| one.as_ptr() == handles[0].as_ptr())
    );
    assert_eq!(block.get::<Vec<UntypedArray>>().unwrap().len(), 100_000);
    assert_eq!(block.get::<Vec<Routed<ArrayView1<'_, f32>>>>().unwrap().len(), 100_000);
    assert_eq!(block.get::<Vec<Routed<&[f32]>>>().unwrap().len(), 100_000);
    assert_eq!(block.get::<Vec<IgnoredAny>>().unwrap().len(), 100_000);
    block.value().unwrap();

    let error = refused::<Vec<Array1<f32>>>(&block, limit);
    let text = error.to_string();
    for part in ["1048576 bytes", "20971520 bytes", "`ShmArray`", "`Block::copy_limit`", "[20]"] {
        assert!(text.contains(part), "`{part}` is missing: {text}");
    }
    refused::<Vec<Routed<ArcArray1<f32>>>>(&block, limit);
    refused::<Vec<Routed<Vec<f32>>>>(&block, limit);
    refused::<Vec<Routed<std::sync::Arc<[f32]>>>>(&block, limit);
    refused::<Vec<Routed<std::rc::Rc<[f32]>>>>(&block, limit);
    refused::<Vec<Routed<Box<[f32]>>>>(&block, limit);
    refused::<Vec<DynArray>>(&block, limit);
    // Whoever asks for numbers gets them one by one.
    refused::<Vec<Vec<f32>>>(&block, limit);
    // Without what keeps the bytes, handles share a copy.
    assert_eq!(
        serde_shm::from_bytes::<Vec<ShmArray1<f32>>>(block.as_ref()).unwrap().len(),
        100_000
    );
    assert!(serde_shm::from_bytes::<Value>(block.as_ref()).is_ok());
}

#[test]
fn by_default_sixteen_times_the_block_are_copied_and_some() {
    let bytes = many(16);
    let (read, peak) = memory::peak(|| serde_shm::from_bytes::<Vec<Array1<f32>>>(&bytes).unwrap());
    assert!(read.len() == 16 && peak < 17 * BYTES);
    let bytes = many(400);
    let (result, peak) = memory::peak(|| serde_shm::from_bytes::<Vec<Array1<f32>>>(&bytes));
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Limit);
    assert!(peak < 300 * BYTES, "{peak} bytes at once");
    assert_eq!(
        Block::new(bytes).unwrap().copy_limit(1 << 30).get::<Vec<Array1<f32>>>().unwrap().len(),
        400
    );
    // Small arrays may stand in it very often.
    let small = serde_shm::to_bytes(&vec![ShmArray1::from(vec![1.0_f32; 256]); 10_000]).unwrap();
    assert_eq!(serde_shm::from_bytes::<Vec<Array1<f32>>>(&small).unwrap().len(), 10_000);
}

#[test]
fn what_is_there_may_be_copied_whatever_the_limit() {
    let each: Vec<Array1<f32>> = (0..10).map(|n| Array1::from_elem(LEN, n as f32)).collect();
    let block = Block::new(serde_shm::to_bytes(&each).unwrap()).unwrap().copy_limit(0);
    assert_eq!(block.get::<Vec<Array1<f32>>>().unwrap(), each);
}

/// Through serde's buffer, where it is seen later who asks.
#[derive(Deserialize, Debug)]
#[serde(untagged)]
enum Buffered<T> {
    #[allow(dead_code)]
    Text(String),
    Array(T),
}

#[test]
fn serdes_buffer_is_bounded_as_well() {
    let limit = 20 << 20;
    let block = Block::new(many(100)).unwrap().copy_limit(limit as u64);
    let handles: Vec<Buffered<ShmArray1<f32>>> = block.get().unwrap();
    assert!(handles.len() == 100 && matches!(handles[99], Buffered::Array(_)));
    refused::<Vec<Buffered<Routed<Array1<f32>>>>>(&block, limit);
    refused::<Vec<Buffered<Routed<Vec<f32>>>>>(&block, limit);
    // What is over the limit is no reason to take another variant.
    let error = refused::<Vec<Other<Routed<Vec<f32>>>>>(&block, limit);
    assert!(error.to_string().contains("1048576 bytes"), "{error}");
    let once = Vec::<Buffered<Routed<Vec<f32>>>>::deserialize(block.deserializer()).unwrap_err();
    assert_eq!(once.kind(), ErrorKind::Limit, "{once}");
}

#[derive(Deserialize, Debug)]
#[serde(untagged)]
#[allow(dead_code)]
enum Other<T> {
    Array(T),
    Anything(IgnoredAny),
}

#[test]
fn what_is_converted_is_a_copy_as_well() {
    let dtype: serde_shm::DType = ">i4".parse().unwrap();
    let owner = vec![0_u8; BYTES];
    let array = UntypedArray::from_owner(dtype, &[LEN], serde_shm::Order::C, owner).unwrap();
    let bytes = serde_shm::to_bytes(&vec![array; 1_000]).unwrap();
    let limit = 20 << 20;
    let block = Block::new(bytes).unwrap().copy_limit(limit as u64);
    assert_eq!(block.get::<Vec<UntypedArray>>().unwrap().len(), 1_000);
    refused::<Vec<Routed<Vec<i32>>>>(&block, limit);
    refused::<Vec<ShmArray1<i32>>>(&block, limit);
    refused::<Vec<DynArray>>(&block, limit);
}

/// A block with entries of the caller's own, of so many bytes from there on, and an inline block that refers to them.
fn forged(entries: &[(u64, u64)], data: usize, references: &[u64]) -> AlignedBytes {
    forged_in(3, entries, data, references)
}

fn forged_in(version: u8, entries: &[(u64, u64)], data: usize, references: &[u64]) -> AlignedBytes {
    let mut block = serde_shm::to_bytes(&()).unwrap()[..64].to_vec();
    block[8] = version;
    block.resize(64 + data.next_multiple_of(8), 7);
    let start = block.len();
    let mut inline = vec![0x15];
    leb(&mut inline, 2 * references.len() as u64);
    inline.push(0x18);
    for number in references {
        leb(&mut inline, *number);
    }
    block.extend_from_slice(&inline);
    block.extend_from_slice(&[0, 0]);
    let (mut records, mut heap) = (Vec::new(), Vec::<u8>::new());
    if version == 3 {
        records.extend_from_slice(&(entries.len() as u64).to_le_bytes());
    }
    for (number, (offset, len)) in entries.iter().enumerate() {
        let at = (heap.len() as u32).to_le_bytes();
        records.extend_from_slice(&offset.to_le_bytes());
        if version == 3 {
            // A series of one item, with a path of one byte and an axis of eight.
            records.extend_from_slice(&[0; 8]);
            records.extend_from_slice(&(number as u32).to_le_bytes());
            records.extend_from_slice(&[1, 0, 0, 0]);
            records.extend_from_slice(&at);
            records.extend_from_slice(&[1, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0, 0]);
            records.extend_from_slice(&[6, 0, 1, 0, 1, 0, 0, 3]);
        } else {
            records.extend_from_slice(&len.to_le_bytes());
            records.extend_from_slice(&at);
            records.extend_from_slice(&[1, 0, 0, 0, 6, 0, 1, 0, 0, 0, 0, 0]);
        }
        heap.extend_from_slice(&len.to_le_bytes());
        heap.push(b'a');
    }
    let directory = records.len() + heap.len();
    block.extend(records);
    block.extend(heap);
    let total = block.len() + 64;
    for number in [total, start, inline.len(), 2, directory, entries.len()] {
        block.extend_from_slice(&(number as u64).to_le_bytes());
    }
    let trailer = total - 64;
    let mut crc = crc32fast::Hasher::new();
    for part in [&block[..64], &block[start..trailer], &block[trailer..]] {
        crc.update(part);
    }
    block.extend_from_slice(&crc.finalize().to_le_bytes());
    block.extend_from_slice(&[0; 4]);
    block.extend_from_slice(b"SHMEND\r\n");
    AlignedBytes::copy_from(&block)
}

fn leb(out: &mut Vec<u8>, mut number: u64) {
    while number >= 0x80 {
        out.push(number as u8 | 0x80);
        number >>= 7;
    }
    out.push(number as u8);
}

#[test]
fn arrays_that_overlap_in_part_are_counted_alike() {
    let data = 1 << 20;
    let entries: Vec<(u64, u64)> = (0..1_000).map(|n| (64 + n, data - 1_000)).collect();
    let references: Vec<u64> = (0..1_000).collect();
    let limit = 20 << 20;
    let block = Block::new(forged(&entries, data as usize, &references)).unwrap();
    let block = block.copy_limit(limit as u64);
    let views: Vec<Routed<&[u8]>> = block.get().unwrap();
    assert!(views.len() == 1_000 && views.iter().all(|view| view.0.iter().all(|byte| *byte == 7)));
    refused::<Vec<Routed<Vec<u8>>>>(&block, limit);
    refused::<Vec<serde_bytes::ByteBuf>>(&block, limit);
    // Handles of what nobody keeps copy each place once, and these are many.
    let result = serde_shm::from_bytes::<Vec<ShmArray1<u8>>>(block.as_ref());
    assert_eq!(result.unwrap_err().kind(), ErrorKind::Limit);
}

#[test]
fn each_entry_is_referred_to_once_and_in_order() {
    let entries = [(64, 8), (64, 8), (64, 8)];
    let good = forged(&entries, 8, &[0, 1, 2]);
    assert_eq!(serde_shm::from_bytes::<Vec<Vec<u8>>>(&good).unwrap(), vec![vec![7; 8]; 3]);
    // One may be left out.
    assert_eq!(
        serde_shm::from_bytes::<Vec<Vec<u8>>>(&forged(&entries, 8, &[0, 2])).unwrap().len(),
        2
    );
    for references in [&[0, 0][..], &[1, 0], &[2, 1], &[0, 1, 1], &[0, 3]] {
        let block = forged(&entries, 8, references);
        let error = serde_shm::from_bytes::<Vec<ShmArray1<u8>>>(&block).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{references:?}: {error}");
        assert!(serde_shm::from_bytes::<Value>(&block).is_err(), "{references:?}");
    }
    for outside in [(0, 8), (63, 8), (65, 8), (64, 9), (u64::MAX, 8), (64, u64::MAX)] {
        let block = forged(&[(64, 8), outside], 8, &[0, 1]);
        assert!(serde_shm::from_bytes::<Vec<Vec<u8>>>(&block).is_err(), "{outside:?}");
    }
}

/// Blocks of older versions have no arrays that share their bytes.
#[test]
fn an_older_block_is_refused_that_says_so() {
    for version in [1, 2] {
        let block = forged_in(version, &[(64, 8), (64, 8)], 8, &[0, 1]);
        let error = serde_shm::from_bytes::<Vec<ShmArray1<u8>>>(&block).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("some overlap"), "{error}");
    }
}
