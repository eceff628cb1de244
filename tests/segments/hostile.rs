//! Ids that name nothing, or something else, or something made to deceive.

use std::fs::File;
use std::io::Write;
use std::os::fd::{AsRawFd, OwnedFd};

use rustix::fs::{MemfdFlags, SealFlags};
use serde_shm::{Error, ErrorKind, Segment, to_bytes, to_shared};

use crate::model::Model;

const NO_NONCE: &str = "00000000000000000000000000000000";

fn refused(id: &str) -> Error {
    let error = Segment::open(id).unwrap_err();
    assert_eq!(error.container(), Some(id));
    error
}

fn id_of(descriptor: &impl AsRawFd) -> String {
    format!("{}:{}:{NO_NONCE}", std::process::id(), descriptor.as_raw_fd())
}

fn memory(content: &[u8], seals: SealFlags) -> File {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let mut file = File::from(rustix::fs::memfd_create("hostile", flags).unwrap());
    file.write_all(content).unwrap();
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    file
}

fn sealed(content: &[u8]) -> File {
    memory(content, SealFlags::SHRINK | SealFlags::GROW | SealFlags::WRITE | SealFlags::SEAL)
}

#[test]
fn ids_of_nobody() {
    let error = refused(&format!("2147483647:3:{NO_NONCE}"));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("process 2147483647, has gone"), "{error}");
    assert!(error.to_string().contains("PID namespace"), "{error}");
    let error = refused(&format!("{}:1000000:{NO_NONCE}", std::process::id()));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("has dropped it"), "{error}");
    for bad in ["1:2", "1:2:3", ":::", "a:b:c", &format!("1:2:{}", "x".repeat(1 << 20))] {
        let error = Segment::open(bad).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::InvalidInput);
        assert!(error.to_string().contains("expected `PID:FD:NONCE`"), "{error}");
    }
}

#[test]
fn a_segment_with_another_nonce_is_another_segment() {
    // What a recycled process or descriptor number leads to.
    let (gone, there) = (to_shared(&Model::new(1)).unwrap(), to_shared(&Model::new(2)).unwrap());
    let nonce = gone.id().rsplit(':').next().unwrap();
    let place = there.id().rsplit_once(':').unwrap().0;
    let error = refused(&format!("{place}:{nonce}"));
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("another nonce"), "{error}");
    assert!(error.to_string().contains("now belongs to something else"), "{error}");
}

#[test]
fn a_descriptor_of_another_kind_neither_blocks_nor_opens() {
    let (pipe, _writer) = std::io::pipe().unwrap();
    let device = File::open("/dev/null").unwrap();
    let directory = File::open("/").unwrap();
    let file = tempfile::tempfile().unwrap();
    let socket = std::net::UdpSocket::bind("127.0.0.1:0").unwrap();
    let socket: OwnedFd = socket.into();
    for (id, found) in [
        (id_of(&pipe), "a pipe"),
        (id_of(&device), "a device"),
        (id_of(&directory), "a directory"),
        (id_of(&socket), "a socket"),
        (id_of(&file), "not a sealed memfd"),
    ] {
        let error = refused(&id);
        assert_eq!(error.kind(), ErrorKind::NotFound, "{error}");
        assert!(error.to_string().contains(found), "{error}");
    }
}

#[test]
fn memory_that_can_still_change_is_refused() {
    let block = to_bytes(&Model::new(1)).unwrap();
    let (shrink, write) = (SealFlags::SHRINK, SealFlags::WRITE);
    for seals in
        [SealFlags::empty(), shrink, write, SealFlags::FUTURE_WRITE | shrink | SealFlags::GROW]
    {
        let file = memory(&block, seals);
        let error = refused(&id_of(&file));
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains("not a sealed memfd"), "{error}");
    }
    let file = memory(&block, shrink | write);
    assert_eq!(Segment::open(&id_of(&file)).unwrap().get::<Model>().unwrap(), Model::new(1));
}

#[test]
fn sealed_memory_that_is_no_whole_block_is_refused() {
    let block = to_bytes(&("text", ndarray::arr1(&[1.0_f32, 2.0, 3.0]))).unwrap();
    let error_of = |content: &[u8]| {
        let file = sealed(content);
        refused(&id_of(&file))
    };
    for len in 0..block.len() {
        assert_eq!(error_of(&block[..len]).kind(), ErrorKind::Corrupt);
    }
    assert_eq!(error_of(&[&block[..], b"x"].concat()).kind(), ErrorKind::Corrupt);
    assert!(error_of(b"not a segment at all").to_string().contains("wrong magic"));
    assert!(error_of(&block[..block.len() - 1]).to_string().contains("truncated"));

    let array = 64..76;
    for at in (0..block.len()).filter(|at| !array.contains(at)) {
        for bit in 0..8 {
            let mut altered = block.to_vec();
            altered[at] ^= 1 << bit;
            let file = sealed(&altered);
            let Err(error) = Segment::open(&id_of(&file)) else {
                // Padding between the arrays and what follows them is not part of the checksum.
                assert_eq!(
                    altered[at],
                    1 << bit,
                    "byte {at} is no padding, but its change is not noticed"
                );
                continue;
            };
            let version_or_nonce = (8..10).contains(&at) || (16..32).contains(&at);
            assert!(error.kind() == ErrorKind::Corrupt || version_or_nonce, "byte {at}: {error}");
        }
    }
}

#[test]
fn a_length_that_lies_reserves_nothing() {
    // 4 TiB that weigh nothing: mapping them is free, and the block in them is none.
    let file = memory(b"", SealFlags::empty());
    file.set_len(4 << 40).unwrap();
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::WRITE).unwrap();
    assert_eq!(refused(&id_of(&file)).kind(), ErrorKind::Corrupt);
    // More than a process can address, and the same in it.
    let file = memory(b"", SealFlags::empty());
    file.set_len(1 << 62).unwrap();
    rustix::fs::fcntl_add_seals(&file, SealFlags::SHRINK | SealFlags::WRITE).unwrap();
    assert_eq!(refused(&id_of(&file)).kind(), ErrorKind::Corrupt);
}
