//! Segments that are handed over as descriptors.

use std::fs::File;
use std::io::{IoSlice, IoSliceMut, Write};
use std::mem::MaybeUninit;
use std::os::fd::{AsFd, OwnedFd};
use std::os::unix::net::UnixStream;

use rustix::fs::{MemfdFlags, SealFlags};
use rustix::net::{
    RecvAncillaryBuffer, RecvAncillaryMessage, RecvFlags, SendAncillaryBuffer,
    SendAncillaryMessage, SendFlags, recvmsg, sendmsg,
};
use serde_shm::{ErrorKind, MemoryWriter, Segment, to_bytes, to_shared, to_writer};

use crate::child::{self, Child};
use crate::model::{Model, ModelView};

#[test]
fn a_descriptor_goes_through_a_socket() {
    let model = Model::new(4);
    let made = to_shared(&model).unwrap();
    let (here, there) = UnixStream::pair().unwrap();
    let descriptors = [made.as_fd()];
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = SendAncillaryBuffer::new(&mut space);
    assert!(control.push(SendAncillaryMessage::ScmRights(&descriptors)));
    sendmsg(&here, &[IoSlice::new(b"x")], &mut control, SendFlags::empty()).unwrap();
    let nonce = made.id().rsplit(':').next().unwrap().to_owned();
    drop(made);
    let mut space = [MaybeUninit::uninit(); rustix::cmsg_space!(ScmRights(1))];
    let mut control = RecvAncillaryBuffer::new(&mut space);
    let mut byte = [0];
    recvmsg(&there, &mut [IoSliceMut::new(&mut byte)], &mut control, RecvFlags::CMSG_CLOEXEC)
        .unwrap();
    let mut received = control.drain().filter_map(|message| match message {
        RecvAncillaryMessage::ScmRights(descriptors) => Some(descriptors),
        _ => None,
    });
    let descriptor = received.next().unwrap().next().unwrap();
    let segment = Segment::from_fd(descriptor).unwrap();
    assert_eq!(segment.get::<Model>().unwrap(), model);
    // It can be opened by id from now on, and has no name to follow.
    assert_eq!(segment.id().rsplit(':').next(), Some(&*nonce));
    assert_eq!(
        Segment::open(segment.id()).unwrap().get::<ModelView<'_>>().unwrap().name,
        "model-4"
    );
    let mut segment = segment;
    assert_eq!(segment.refresh().unwrap_err().kind(), ErrorKind::InvalidInput);
    assert!(!segment.unlink().unwrap());
}

#[test]
fn a_descriptor_is_inherited() {
    let made = to_shared(&Model::new(6)).unwrap();
    let mut command = child::command("inherited", &[]);
    command.stdin(made.as_fd().try_clone_to_owned().unwrap());
    Child::run(command);
}

pub(crate) fn inherited() {
    let descriptor = std::io::stdin().as_fd().try_clone_to_owned().unwrap();
    assert_eq!(Segment::from_fd(descriptor).unwrap().get::<Model>().unwrap(), Model::new(6));
}

fn memory(content: &[u8], seals: SealFlags) -> OwnedFd {
    let flags = MemfdFlags::CLOEXEC | MemfdFlags::ALLOW_SEALING;
    let file = rustix::fs::memfd_create("foreign", flags).unwrap();
    std::io::Write::write_all(&mut &File::from(file.try_clone().unwrap()), content).unwrap();
    rustix::fs::fcntl_add_seals(&file, seals).unwrap();
    file
}

#[test]
fn what_is_not_sealed_or_not_ours_is_refused() {
    let block = to_bytes(&Model::new(1)).unwrap();
    let sealed = SealFlags::SHRINK | SealFlags::WRITE;
    let file = tempfile::NamedTempFile::new().unwrap();
    std::fs::write(file.path(), &block).unwrap();
    let on_tmpfs = tempfile::NamedTempFile::new_in("/dev/shm").unwrap();
    std::fs::write(on_tmpfs.path(), &block).unwrap();
    let (pipe, _writer) = std::io::pipe().unwrap();
    for (descriptor, found) in [
        (memory(&block, SealFlags::empty()), "is not a sealed memfd"),
        (memory(&block, SealFlags::SHRINK), "is not a sealed memfd"),
        (File::open(file.path()).unwrap().into(), "found a regular file"),
        (File::open(on_tmpfs.path()).unwrap().into(), "found a regular file"),
        (File::open("/dev/zero").unwrap().into(), "found a device"),
        (File::open("/").unwrap().into(), "found a directory"),
        (pipe.into(), "found a pipe"),
        (memory(b"", sealed), "wrong magic"),
        (memory(&block[..block.len() - 1], sealed), "truncated"),
        (memory(&[&block[..], b"\0"].concat(), sealed), "truncated"),
    ] {
        let error = Segment::from_fd(descriptor).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains(found), "{error}");
    }
    assert!(Segment::from_fd(memory(&block, sealed)).is_ok());
}

#[test]
fn memory_that_is_written_in_pieces_is_handed_over() {
    let model = Model::new(4);
    let block = to_bytes(&model).unwrap();
    let mut memory = MemoryWriter::new().unwrap();
    to_writer(&mut memory, &model).unwrap();
    let mut pieces = MemoryWriter::new().unwrap();
    block.chunks(100).for_each(|piece| pieces.write_all(piece).unwrap());
    for memory in [memory, pieces] {
        let file = memory.seal().unwrap();
        // Nobody changes it any more, its maker included.
        assert!((&file).write_all(b"x").is_err() && file.set_len(0).is_err());
        let segment = Segment::from_fd(file.into()).unwrap();
        assert_eq!(segment.get::<Model>().unwrap(), model);
        assert_eq!(segment.block().unwrap().as_ref(), &block[..]);
        assert_eq!(Segment::open(segment.id()).unwrap().get::<Model>().unwrap(), model);
    }
    let mut other = MemoryWriter::new().unwrap();
    other.write_all(b"no block").unwrap();
    let error = Segment::from_fd(other.seal().unwrap().into()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
}

#[test]
fn read_only_is_an_open_like_any_other_where_nothing_can_be_written() {
    let made = to_shared(&Model::new(1)).unwrap();
    let seen = Segment::open_read_only(made.id()).unwrap();
    assert_eq!(seen.get::<Model>().unwrap(), Model::new(1));
    assert_eq!(Segment::open_read_only("a/b").unwrap_err().kind(), ErrorKind::InvalidInput);
}
