//! Segments of a block's bytes or of a reader, and blocks of segments: nothing is decoded, and everything is checked.

use std::fs::File;
use std::io::{Read, Write};
use std::os::fd::AsFd;
use std::path::Path;

use serde_shm::{
    Block, Error, ErrorKind, LockedArray, Segment, SegmentOptions, ShmArray1, from_bytes, to_bytes,
    to_npz, to_shared,
};

use crate::child::{Child, say};
use crate::model::{Model, unique};

/// Gives a few bytes at a time, and a signal in between.
struct Trickle<'a>(&'a [u8], bool);

impl Read for Trickle<'_> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(std::io::ErrorKind::Interrupted.into());
        }
        let most = buffer.len().min(11);
        self.0.read(&mut buffer[..most])
    }
}

type Way = fn(&SegmentOptions, &[u8]) -> Result<Segment, Error>;

/// The ways in which bytes become a segment.
const WAYS: [(&str, Way); 3] = [
    ("bytes", |options, bytes| options.create_from_bytes(bytes)),
    ("reader", |options, bytes| options.create_from_reader(bytes)),
    ("trickle", |options, bytes| options.create_from_reader(Trickle(bytes, false))),
];

/// The kinds of segments.
fn kinds(name: &str, dir: &Path) -> [(&'static str, SegmentOptions); 4] {
    let named = SegmentOptions::new().name(name);
    [
        ("memory", SegmentOptions::new()),
        ("named", named.clone()),
        ("persistent", named.clone().persist(true).fsync(false)),
        ("elsewhere", named.persist(true).fsync(false).dir(dir)),
    ]
}

/// Where a segment of these options is found by others.
fn place(segment: &Segment, kind: &str, name: &str) -> String {
    if matches!(kind, "memory" | "elsewhere") { segment.id().to_owned() } else { name.to_owned() }
}

fn is_left(name: &str, dir: &Path) -> bool {
    std::fs::read_dir(dir).unwrap().count() != 0 || Segment::open(name).is_ok()
}

#[test]
fn every_way_makes_every_kind_of_segment_and_gives_the_bytes_back() {
    let name = unique("copied");
    let folder = tempfile::tempdir().unwrap();
    let large = (Model::new(1), ShmArray1::from((0..700_000_u64).collect::<Vec<_>>()));
    let blocks = [to_bytes(&large).unwrap(), to_bytes(&(Model::new(1), "small")).unwrap()];
    for bytes in &blocks {
        for (kind, options) in kinds(&name, folder.path()) {
            for (way, make) in WAYS {
                let context = format!("{kind} by {way}, {} bytes", bytes.len());
                let segment = make(&options, bytes).unwrap_or_else(|e| panic!("{context}: {e:#}"));
                let seen = Segment::open(&place(&segment, kind, &name)).unwrap();
                assert_eq!(segment.get::<(Model, serde_shm::Value)>().unwrap().0, Model::new(1));
                assert_eq!(
                    seen.get::<(Model, serde_shm::Value)>().unwrap().0,
                    Model::new(1),
                    "{context}"
                );
                // The nonce is the segment's own, and goes when the block is written.
                assert_ne!(seen.block().unwrap().as_ref(), &bytes[..], "{context}");
                let mut written = Vec::new();
                seen.write_block(&mut written).unwrap();
                assert!(written == bytes[..], "{context}");
                // A block of a segment, nonce and all, makes another.
                let again = SegmentOptions::new().create_from_bytes(seen.block().unwrap().as_ref());
                let mut written = Vec::new();
                again.unwrap().write_block(&mut written).unwrap();
                assert!(written == bytes[..], "{context}");
                segment.unlink().unwrap();
            }
        }
    }
    assert!(!is_left(&name, folder.path()));
}

#[test]
fn two_segments_of_one_block_are_two() {
    let bytes = to_bytes(&1_u8).unwrap();
    let made: Vec<Segment> =
        (0..2).map(|_| SegmentOptions::new().create_from_bytes(&bytes).unwrap()).collect();
    let nonce = |segment: &Segment| segment.id().rsplit(':').next().unwrap().to_owned();
    assert_ne!(nonce(&made[0]), nonce(&made[1]));
    assert_ne!(nonce(&made[0]), "0".repeat(32));
    assert_eq!(Block::new(made[0].block().unwrap()).unwrap().get::<u8>().unwrap(), 1);
}

#[test]
fn older_versions_are_taken_as_they_are() {
    for file in ["version1", "version2", "version2-dtypes", "evolution1"] {
        let bytes = std::fs::read(format!("tests/data/{file}.block")).unwrap();
        for (way, make) in WAYS {
            let segment = make(&SegmentOptions::new(), &bytes).unwrap();
            let mut written = Vec::new();
            segment.write_block(&mut written).unwrap();
            assert!(written == bytes, "{file} by {way}");
        }
    }
}

/// A block that was cut or changed anywhere outside its arrays is refused by every way, and nothing is left of it.
#[test]
fn damaged_blocks_are_refused_and_leave_nothing() {
    let name = unique("damaged");
    let folder = tempfile::tempdir().unwrap();
    let whole = to_bytes(&("text", ShmArray1::from(vec![1_u8; 64]))).unwrap();
    let arrays = 64..128;
    let refused = |bytes: &[u8], context: &str| {
        for (kind, options) in kinds(&name, folder.path()) {
            for (way, make) in WAYS {
                let error =
                    make(&options, bytes).expect_err(&format!("{kind} by {way}: {context}"));
                let kind_of = error.kind();
                assert!(
                    matches!(kind_of, ErrorKind::Corrupt | ErrorKind::Version),
                    "{kind} by {way}: {context}: {error}"
                );
            }
        }
        assert!(!is_left(&name, folder.path()), "{context}");
    };
    for len in (0..whole.len()).step_by(3).chain([63, 64, 65, 127, 128, 129, whole.len() - 1]) {
        refused(&whole[..len], &format!("cut at {len}"));
    }
    for at in (0..whole.len()).filter(|at| !arrays.contains(at)).step_by(2) {
        let mut bytes = whole.to_vec();
        bytes[at] ^= 0x11;
        // How many arrays are live is compared with the directory, and no part of the checksum.
        let is_live_count = (whole.len() - 64 + 52..whole.len() - 64 + 56).contains(&at);
        if !is_live_count {
            refused(&bytes, &format!("changed at {at}"));
        }
    }
    let mut longer = whole.to_vec();
    longer.push(0);
    refused(&longer, "a byte too long");
    refused(b"\x93NUMPY\x01\x00", "a file of another kind");
}

#[test]
fn the_index_of_an_archive_is_no_object() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    to_npz(&path, &Model::new(1)).unwrap();
    let bytes = std::fs::read(&path).unwrap();
    let find = |what: &[u8]| bytes.windows(what.len()).position(|window| window == what).unwrap();
    let block = &bytes[find(b"\x89SHM\r\n")..find(b"SHMEND\r\n") + 8];
    let kept = tempfile::tempdir().unwrap();
    for (kind, options) in kinds(&unique("index"), kept.path()) {
        for (way, make) in WAYS {
            let error = make(&options, block).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{kind} by {way}");
            assert!(error.to_string().contains("the index of an .npz file"), "{error}");
        }
    }
}

/// The elements of live arrays are not in the block.
#[test]
fn blocks_with_live_arrays_are_refused_with_the_mend() {
    let name = unique("alive");
    let made = to_shared(&("a", LockedArray::from(vec![1_u32, 2]))).unwrap();
    let mut bytes = Vec::new();
    let mut file = File::from(made.as_fd().try_clone_to_owned().unwrap());
    file.read_to_end(&mut bytes).unwrap();
    let folder = tempfile::tempdir().unwrap();
    for (kind, options) in kinds(&name, folder.path()) {
        for (way, make) in WAYS {
            let error = make(&options, &bytes).unwrap_err();
            assert_eq!(error.kind(), ErrorKind::Unsupported, "{kind} by {way}: {error}");
            assert!(error.to_string().contains("`SegmentOptions::create`"), "{error}");
        }
    }
    assert!(!is_left(&name, folder.path()));
    let error = made.write_block(std::io::sink()).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
}

/// Counts what was asked for.
struct Counted<R>(R, u64);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, buffer: &mut [u8]) -> std::io::Result<usize> {
        let read = self.0.read(buffer)?;
        self.1 += read as u64;
        Ok(read)
    }
}

#[test]
fn readers_are_limited_and_their_errors_passed_on() {
    let name = unique("reader");
    let options = SegmentOptions::new().name(&name);
    let bytes = to_bytes(&vec![7_u64; 1000]).unwrap();
    let len = bytes.len() as u64;
    for limit in [0, 10, 64, 100, len - 1] {
        let error = options.create_from_reader_limited(&bytes[..], limit).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit, "{limit}: {error}");
        assert!(error.to_string().contains(&format!("more than {limit} bytes")), "{error}");
    }
    drop(options.create_from_reader_limited(&bytes[..], len).unwrap());
    // Without an end: what is no block is known by its first bytes, what looks like one by the limit.
    let mut zeros = Counted(std::io::repeat(0), 0);
    assert_eq!(options.create_from_reader(&mut zeros).unwrap_err().kind(), ErrorKind::Corrupt);
    assert!(zeros.1 <= 64, "{}", zeros.1);
    let mut endless = Counted((&bytes[..]).chain(std::io::repeat(0)), 0);
    let error = options.create_from_reader_limited(&mut endless, 8 << 20).unwrap_err();
    assert_eq!((error.kind(), endless.1), (ErrorKind::Limit, (8 << 20) + 1));

    struct Broken;
    impl Read for Broken {
        fn read(&mut self, _: &mut [u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(5))
        }
    }
    impl Write for Broken {
        fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
            Err(std::io::Error::from_raw_os_error(5))
        }
        fn flush(&mut self) -> std::io::Result<()> {
            Ok(())
        }
    }
    for at in [0, 10, 64, 200] {
        let error = options.create_from_reader((&bytes[..at]).chain(Broken)).unwrap_err();
        assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Io, Some(5)), "{at}");
        assert_eq!(error.container(), Some(&*name));
    }
    let made = options.create_from_reader(&bytes[..]).unwrap();
    let error = made.write_block(Broken).unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Io, Some(5)));
    // A name in use is told before anything is read.
    let mut unread = Counted(&bytes[..], 0);
    let error = options.create_from_reader(&mut unread).unwrap_err();
    assert_eq!((error.kind(), unread.1), (ErrorKind::AlreadyExists, 0));
    assert_eq!(options.create_from_bytes(&bytes).unwrap_err().kind(), ErrorKind::AlreadyExists);
    drop(options.clone().replace(true).create_from_bytes(&bytes).unwrap());
}

/// How many times this process has called `write`, and what memory it had at most, in KiB.
fn costs() -> (u64, u64) {
    let number = |path: &str, of: &str| -> u64 {
        let text = std::fs::read_to_string(path).unwrap();
        let line = text.lines().find_map(|line| line.strip_prefix(of)).unwrap();
        line.trim().trim_end_matches(" kB").parse().unwrap()
    };
    (number("/proc/self/io", "syscw:"), number("/proc/self/status", "VmHWM:"))
}

/// In a child: large blocks in few writes, and never in memory twice.
pub(crate) fn cost() {
    const MIB: u64 = 1 << 20;
    let numbers: Vec<u64> = (0..8 * MIB).collect();
    let bytes = to_bytes(&ShmArray1::from(numbers)).unwrap();
    let mut file = tempfile::tempfile_in("/dev/shm").unwrap();
    let (before, _) = costs();
    let segment = SegmentOptions::new().create_from_bytes(&bytes).unwrap();
    let (after, _) = costs();
    assert!(after - before <= 4, "{} writes", after - before);
    drop(bytes);
    let (before, _) = costs();
    segment.write_block(&mut file).unwrap();
    let (after, _) = costs();
    assert!(after - before <= 4, "{} writes", after - before);
    drop(segment);
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let persistent = SegmentOptions::new().name("large").persist(true).dir(folder.path());
    for options in [SegmentOptions::new(), persistent] {
        std::io::Seek::rewind(&mut file).unwrap();
        // The peak is what is resident now.
        std::fs::write("/proc/self/clear_refs", "5").unwrap();
        let (before, resident) = costs();
        let made = options.create_from_reader(&file).unwrap();
        let (after, peak) = costs();
        assert!(after - before <= 64 + 6, "{} writes", after - before);
        assert!(peak - resident < 8 << 10, "{} KiB more", peak - resident);
        assert_eq!(made.len() as u64, file.metadata().unwrap().len());
    }
    say("measured");
}

#[test]
fn large_blocks_take_few_writes_and_are_never_held_twice() {
    let mut child = Child::start("copies", &["cost"]);
    assert_eq!(child.line(), "measured");
    child.finish();
}

/// Two processes with nothing in common but a pipe.
#[test]
fn a_segment_goes_through_a_pipe_into_another_process() {
    let model = Model::new(9);
    let (mut reader, writer) = std::io::pipe().unwrap();
    let made = to_shared(&model).unwrap();
    let sent = std::thread::spawn(move || made.write_block(writer));
    let segment = SegmentOptions::new().create_from_reader(&mut reader).unwrap();
    sent.join().unwrap().unwrap();
    assert_eq!(segment.get::<Model>().unwrap(), model);
    assert_eq!(from_bytes::<Model>(segment.block().unwrap().as_ref()).unwrap(), model);
}
