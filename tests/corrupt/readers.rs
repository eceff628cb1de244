//! Readers that never end, or give more than they should.

use std::io::{self, Read};

use serde::de::IgnoredAny;
use serde_shm::{Error, ErrorKind, from_reader, from_reader_limited, to_bytes};

/// Counts what is read.
struct Counted<R>(R, usize);

impl<R: Read> Read for Counted<R> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        let read = self.0.read(into)?;
        self.1 += read;
        Ok(read)
    }
}

fn refused<R: Read>(reader: R, limit: Option<u64>) -> (Error, usize) {
    let mut reader = Counted(reader, 0);
    let result = match limit {
        Some(limit) => from_reader_limited::<_, IgnoredAny>(&mut reader, limit),
        None => from_reader::<_, IgnoredAny>(&mut reader),
    };
    (result.unwrap_err(), reader.1)
}

/// `from_reader(io::repeat(0))` read until memory ended.
#[test]
fn what_does_not_begin_as_a_block_is_not_read_on() {
    for limit in [None, Some(u64::MAX), Some(100)] {
        for byte in [0, b'\x89', b'P', 0xff] {
            let (error, read) = refused(io::repeat(byte), limit);
            assert_eq!(error.kind(), ErrorKind::Corrupt);
            assert!(error.to_string().contains("wrong magic"), "{error}");
            assert!(read <= 64, "{read} bytes were read");
        }
        let block = to_bytes(&1_u8).unwrap();
        let mut later = block.to_vec();
        later[8] = 9;
        let (error, read) = refused(later.chain(io::repeat(0)), limit);
        assert_eq!((error.kind(), read), (ErrorKind::Version, 64), "{error}");
        let mut flags = block.to_vec();
        flags[10] = 8;
        let (error, read) = refused(flags.chain(io::repeat(0)), limit);
        assert_eq!((error.kind(), read), (ErrorKind::Corrupt, 64), "{error}");
    }
}

trait ThenForEver {
    fn chain<R: Read>(&self, rest: R) -> io::Chain<&[u8], R>;
}

impl ThenForEver for Vec<u8> {
    fn chain<R: Read>(&self, rest: R) -> io::Chain<&[u8], R> {
        Read::chain(&self[..], rest)
    }
}

#[test]
fn a_limit_ends_what_begins_well() {
    let block = to_bytes(&vec!["text"; 1000]).unwrap().to_vec();
    let len = block.len() as u64;
    for limit in [0, 1, 63, 64, 65, 1000, len - 1] {
        let (error, read) = refused(&block[..], Some(limit));
        assert_eq!(error.kind(), ErrorKind::Limit, "{limit}: {error}");
        assert!(error.to_string().contains(&format!("more than {limit} bytes")), "{error}");
        assert_eq!(read as u64, limit + 1);
    }
    let (error, read) = refused(block.chain(io::repeat(0)), Some(5 << 20));
    assert_eq!((error.kind(), read), (ErrorKind::Limit, (5 << 20) + 1));
    for limit in [len, len + 1, u64::MAX] {
        let back: Vec<String> = from_reader_limited(&block[..], limit).unwrap();
        assert_eq!(back.len(), 1000);
    }
    for cut in [0, 1, 7, 8, 63, 64, 100, block.len() - 1] {
        let (error, _) = refused(&block[..cut], None);
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{cut}: {error}");
    }
}

/// Gives a byte at a time, and is interrupted before each.
struct Slow<'a>(&'a [u8], bool);

impl Read for Slow<'_> {
    fn read(&mut self, into: &mut [u8]) -> io::Result<usize> {
        self.1 = !self.1;
        if self.1 {
            return Err(io::ErrorKind::Interrupted.into());
        }
        let len = into.len().min(1);
        self.0.read(&mut into[..len])
    }
}

#[test]
fn slow_and_failing_readers() {
    let block = to_bytes(&("text", ndarray::arr1(&[1.0, 2.0]))).unwrap();
    let (text, array): (String, ndarray::Array1<f64>) = from_reader(Slow(&block, false)).unwrap();
    assert_eq!((&*text, array[1]), ("text", 2.0));
    struct Fails;
    impl Read for Fails {
        fn read(&mut self, _: &mut [u8]) -> io::Result<usize> {
            Err(io::Error::other("the line is cut"))
        }
    }
    for start in [0, 10, 64, 70] {
        let (error, _) = refused(Read::chain(&block[..start], Fails), None);
        assert_eq!(error.kind(), ErrorKind::Io);
        assert!(format!("{error:#}").contains("the line is cut"), "{error:#}");
    }
}
