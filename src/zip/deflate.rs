//! Deflate, of whole buffers and part by part.
//!
//! With the feature `libdeflate`, whole buffers go through that library. It is written in C and two to three times as fast.
//! Without the feature, and part by part, `flate2`'s backend in Rust does the work.

use std::io;
use std::panic::AssertUnwindSafe;

use flate2::{Compress, Compression, Decompress, FlushCompress, FlushDecompress, Status};

use crate::error::explained;

#[cfg(feature = "libdeflate")]
use super::splice;

/// Why compressed bytes do not give the content that they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    Broken,
    /// The stream ends after this many bytes of content.
    Short(u64),
    Long,
    /// There is no memory for the decompressor.
    Memory,
}

/// Calls code that allocates this much memory and panics or aborts if it cannot. So this function first tries whether the
/// memory can be had. If another thread takes the memory in between, a panic of that code is caught here.
fn in_memory<T>(bytes: usize, make: impl FnOnce() -> T) -> io::Result<T> {
    let none = || {
        explained(io::ErrorKind::OutOfMemory.into(), format!("there is no memory of {bytes} bytes"))
    };
    let mut room = Vec::<u8>::new();
    room.try_reserve_exact(bytes).map_err(|_| none())?;
    // The compiler may leave out an allocation whose address nothing reads.
    drop(std::hint::black_box(room));
    std::panic::catch_unwind(AssertUnwindSafe(make)).map_err(|_| none())
}

// What the libraries take, rounded up: libdeflate 1.26 has 11,568 bytes to decompress, and 202,720, 668,256 or 9,011,712 to
// compress; miniz_oxide 0.9 some 43,000 and 320,000.
#[cfg(feature = "libdeflate")]
const DECOMPRESSOR: usize = 16 << 10;
const INFLATER: usize = 64 << 10;
const DEFLATER: usize = 512 << 10;

#[cfg(feature = "libdeflate")]
fn compressor(level: u8) -> usize {
    match level {
        0..=1 => 256 << 10,
        2..=9 => 1 << 20,
        _ => 10 << 20,
    }
}

/// Decompresses a whole stream into exactly the bytes of `into`.
#[cfg(feature = "libdeflate")]
pub(super) fn inflate(packed: &[u8], into: &mut [u8]) -> Result<(), Misfit> {
    use libdeflater::{DecompressionError, Decompressor};
    let decompressor = in_memory(DECOMPRESSOR, Decompressor::new).map_err(|_| Misfit::Memory);
    match decompressor?.deflate_decompress(packed, into) {
        Ok(len) if len == into.len() => Ok(()),
        Ok(len) => Err(Misfit::Short(len as u64)),
        Err(DecompressionError::InsufficientSpace) => Err(Misfit::Long),
        Err(DecompressionError::BadData) => Err(Misfit::Broken),
    }
}

/// Decompresses a whole stream into exactly the bytes of `into`.
#[cfg(not(feature = "libdeflate"))]
pub(super) fn inflate(packed: &[u8], into: &mut [u8]) -> Result<(), Misfit> {
    let mut inflater = Inflater::new().map_err(|_| Misfit::Memory)?;
    let (used, made, more) = if into.is_empty() {
        (0, 0, More::Output)
    } else {
        inflater.step(packed, into).map_err(|()| Misfit::Broken)?
    };
    match more {
        More::End if made == into.len() => Ok(()),
        More::End => Err(Misfit::Short(made as u64)),
        More::Input => Err(Misfit::Broken),
        // `into` is full. Nothing but the end of the stream may follow.
        More::Output => match inflater.step(&packed[used..], &mut [0]) {
            Ok((_, 0, More::End)) => Ok(()),
            Ok((_, 0, _)) | Err(()) => Err(Misfit::Broken),
            Ok(_) => Err(Misfit::Long),
        },
    }
}

/// Decompresses a whole stream into exactly the bytes of `into`, in parts of up to `cut` bytes, until `made` does not want more.
pub(super) fn inflate_cut(
    packed: &[u8],
    into: &mut [u8],
    cut: usize,
    mut made: impl FnMut(usize) -> bool,
) -> Result<(), Misfit> {
    let mut inflater = Inflater::new().map_err(|_| Misfit::Memory)?;
    let (mut used, mut at) = (0, 0);
    loop {
        let end = into.len().min(at + cut);
        // Behind the last byte nothing but the end of the stream may come.
        let mut none_left = [0];
        let part = if at < end { &mut into[at..end] } else { &mut none_left[..] };
        let (taken, given, more) =
            inflater.step(&packed[used..], part).map_err(|()| Misfit::Broken)?;
        used += taken;
        if at == end && given > 0 {
            return Err(Misfit::Long);
        }
        at += given;
        if given > 0 && !made(given) {
            return Ok(());
        }
        match more {
            More::End if at == into.len() => return Ok(()),
            More::End => return Err(Misfit::Short(at as u64)),
            More::Input => return Err(Misfit::Broken),
            More::Output if given == 0 => return Err(Misfit::Broken),
            More::Output => {}
        }
    }
}

/// Decompresses part by part.
pub(super) struct Inflater(Decompress);

/// Why a step stopped.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Input,
    Output,
    /// The stream has ended.
    End,
}

impl Inflater {
    /// # Errors
    ///
    /// `OutOfMemory`.
    pub(super) fn new() -> io::Result<Self> {
        in_memory(INFLATER, || Inflater(Decompress::new(false)))
    }

    /// Decompresses until the input or `into` is used up. Returns how many bytes were used and made. `into` is not empty.
    pub(super) fn step(
        &mut self,
        packed: &[u8],
        into: &mut [u8],
    ) -> Result<(usize, usize, More), ()> {
        let before = (self.0.total_in(), self.0.total_out());
        loop {
            let used = (self.0.total_in() - before.0) as usize;
            let made = (self.0.total_out() - before.1) as usize;
            if made == into.len() && made > 0 {
                return Ok((used, made, More::Output));
            }
            let status =
                self.0.decompress(&packed[used..], &mut into[made..], FlushDecompress::None);
            let used_now = (self.0.total_in() - before.0) as usize;
            let made_now = (self.0.total_out() - before.1) as usize;
            match status.map_err(|_| ())? {
                Status::StreamEnd => return Ok((used_now, made_now, More::End)),
                _ if (used_now, made_now) == (used, made) => {
                    let more = if used == packed.len() { More::Input } else { More::Output };
                    return Ok((used, made, more));
                }
                _ => {}
            }
        }
    }
}

/// Compresses at one level.
pub(super) struct Deflater {
    level: u8,
    #[cfg(feature = "libdeflate")]
    whole: libdeflater::Compressor,
}

impl Deflater {
    /// A level beyond the library's highest is taken as the highest.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`. Another library would need less memory, but would write other bytes.
    #[allow(clippy::unnecessary_wraps)] // The other coder may find no memory.
    pub(super) fn new(level: u8) -> io::Result<Self> {
        #[cfg(feature = "libdeflate")]
        let whole = in_memory(compressor(level), || {
            let level = libdeflater::CompressionLvl::new(level.min(12).into());
            libdeflater::Compressor::new(level.unwrap_or_default())
        })?;
        Ok(Deflater {
            level,
            #[cfg(feature = "libdeflate")]
            whole,
        })
    }

    pub(super) fn level(&self) -> u8 {
        self.level
    }

    /// Compresses `data` and appends it: as a whole stream if it is the `last`, else as one that another can follow.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    #[cfg(feature = "libdeflate")]
    pub(super) fn deflate(&mut self, data: &[u8], last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let start = out.len();
        let bound = self.whole.deflate_compress_bound(data.len());
        out.try_reserve(bound)?;
        out.resize(start + bound, 0);
        let len = self.whole.deflate_compress(data, &mut out[start..]).unwrap_or(0);
        out.truncate(start + len);
        // The output fits in the library's bound and is a stream. If it were not, the other way would do.
        if len == 0 || !last && !splice::open_end(out, start, data.len() as u64) {
            out.truncate(start);
            return self.deflate_in_parts(data, last, out);
        }
        Ok(())
    }

    /// Compresses `data` and appends it: as a whole stream if it is the `last`, else as one that another can follow.
    ///
    /// # Errors
    ///
    /// `OutOfMemory`.
    #[cfg(not(feature = "libdeflate"))]
    pub(super) fn deflate(&mut self, data: &[u8], last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        self.deflate_in_parts(data, last, out)
    }

    fn deflate_in_parts(&mut self, data: &[u8], last: bool, out: &mut Vec<u8>) -> io::Result<()> {
        let level = Compression::new(self.level.min(9).into());
        let mut deflater = in_memory(DEFLATER, || Compress::new(level, false))?;
        let flush = if last { FlushCompress::Finish } else { FlushCompress::Sync };
        loop {
            // The flush is complete when it leaves room. Otherwise the output grows by a part of the input's length.
            out.try_reserve((data.len() / 8).max(1 << 10))?;
            let used = deflater.total_in() as usize;
            let status = deflater.compress_vec(&data[used..], out, flush);
            let done = match status {
                Ok(Status::StreamEnd) => true,
                _ => {
                    !last && out.len() < out.capacity() && deflater.total_in() == data.len() as u64
                }
            };
            if done {
                return Ok(());
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_there_is_no_memory_for_is_an_error() {
        assert_eq!(in_memory(1, || 7).unwrap(), 7);
        let error = in_memory(usize::MAX / 4, || panic!("it was made")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
        let error = in_memory(1, || panic!("out of memory")).unwrap_err();
        assert_eq!(error.kind(), io::ErrorKind::OutOfMemory);
    }

    /// Bytes that compress: runs and noise.
    fn sample(len: usize) -> Vec<u8> {
        let mut state = 1_u32;
        let mut next = || {
            state = state.wrapping_mul(1_664_525).wrapping_add(1_013_904_223);
            (state >> 24) as u8
        };
        (0..len).map(|at| if at % 5000 < 3000 { next() & 31 } else { (at / 100) as u8 }).collect()
    }

    #[test]
    fn pieces_are_one_stream_by_either_library() {
        for len in [0, 1, 100, 5000, 70_000, 400_000] {
            let data = sample(len);
            for piece in [7000, 33_000, 150_000, 500_000] {
                for level in [0, 1, 6, 12] {
                    let mut deflater = Deflater::new(level).unwrap();
                    let (mut whole, mut parts) = (Vec::new(), Vec::new());
                    let mut at = 0;
                    loop {
                        let next = (at + piece).min(len);
                        deflater.deflate(&data[at..next], next == len, &mut whole).unwrap();
                        deflater
                            .deflate_in_parts(&data[at..next], next == len, &mut parts)
                            .unwrap();
                        at = next;
                        if at == len {
                            break;
                        }
                    }
                    for stream in [whole, parts] {
                        let mut out = vec![0; len];
                        assert_eq!(inflate(&stream, &mut out), Ok(()));
                        assert!(out == data);
                        let (mut cut, mut made) = (vec![0; len], 0);
                        let count = |part| {
                            made += part;
                            true
                        };
                        assert_eq!(inflate_cut(&stream, &mut cut, 9_000, count), Ok(()));
                        assert!(cut == data && made == len);
                    }
                }
            }
        }
    }

    #[test]
    fn streams_that_misfit_are_told() {
        let data = sample(10_000);
        let mut stream = Vec::new();
        Deflater::new(6).unwrap().deflate(&data, true, &mut stream).unwrap();
        assert_eq!(inflate(&stream, &mut vec![0; 9_999]), Err(Misfit::Long));
        assert_eq!(inflate(&stream, &mut []), Err(Misfit::Long));
        assert_eq!(inflate(&stream, &mut vec![0; 10_001]), Err(Misfit::Short(10_000)));
        assert_eq!(inflate(&stream[..100], &mut vec![0; 10_000]), Err(Misfit::Broken));
        assert_eq!(inflate(&[], &mut vec![0; 10_000]), Err(Misfit::Broken));
        assert_eq!(inflate(&[], &mut []), Err(Misfit::Broken));
        assert_eq!(inflate(&[7; 100], &mut [0; 100]), Err(Misfit::Broken));
        assert_eq!(inflate(&[3, 0], &mut []), Ok(()));
        let cut = |stream: &[u8], len| inflate_cut(stream, &mut vec![0; len], 999, |_| true);
        assert_eq!(cut(&stream, 9_999), Err(Misfit::Long));
        assert_eq!(cut(&stream, 0), Err(Misfit::Long));
        assert_eq!(cut(&stream, 10_001), Err(Misfit::Short(10_000)));
        assert_eq!(cut(&stream[..100], 10_000), Err(Misfit::Broken));
        assert_eq!(cut(&[], 10_000), Err(Misfit::Broken));
        assert_eq!(cut(&[], 0), Err(Misfit::Broken));
        assert_eq!(cut(&[3, 0], 0), Ok(()));
    }
}
