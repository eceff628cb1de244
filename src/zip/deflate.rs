//! Deflate: what is decompressed whole, and what part by part.
//!
//! With the feature `libdeflate` whole buffers go through that library, which is written in C and two to three times as
//! fast; without it, and part by part, through `flate2`'s backend in Rust.

use flate2::{Decompress, FlushDecompress, Status};

/// Why compressed bytes do not give what they should.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Misfit {
    Broken,
    /// They end after so many bytes.
    Short(u64),
    Long,
}

/// Decompresses a whole stream into exactly the bytes of `into`.
#[cfg(feature = "libdeflate")]
pub(super) fn inflate(packed: &[u8], into: &mut [u8]) -> Result<(), Misfit> {
    use libdeflater::{DecompressionError, Decompressor};
    match Decompressor::new().deflate_decompress(packed, into) {
        Ok(len) if len == into.len() => Ok(()),
        Ok(len) => Err(Misfit::Short(len as u64)),
        Err(DecompressionError::InsufficientSpace) => Err(Misfit::Long),
        Err(DecompressionError::BadData) => Err(Misfit::Broken),
    }
}

/// Decompresses a whole stream into exactly the bytes of `into`.
#[cfg(not(feature = "libdeflate"))]
pub(super) fn inflate(packed: &[u8], into: &mut [u8]) -> Result<(), Misfit> {
    let mut inflater = Inflater::new();
    let (used, made, more) = inflater.step(packed, into).map_err(|()| Misfit::Broken)?;
    match more {
        More::End if made == into.len() => Ok(()),
        More::End => Err(Misfit::Short(made as u64)),
        More::Input => Err(Misfit::Broken),
        // Full; the end of the stream must be all that is left.
        More::Output => match inflater.step(&packed[used..], &mut [0]) {
            Ok((_, 0, More::End)) => Ok(()),
            Ok((_, 0, _)) | Err(()) => Err(Misfit::Broken),
            Ok(_) => Err(Misfit::Long),
        },
    }
}

/// Decompresses part by part.
pub(super) struct Inflater(Decompress);

/// What a step stopped for.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum More {
    Input,
    Output,
    /// The stream has ended.
    End,
}

impl Inflater {
    pub(super) fn new() -> Self {
        Inflater(Decompress::new(false))
    }

    /// Decompresses until one of both ends; says how many bytes were used and made. `into` is not empty.
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
