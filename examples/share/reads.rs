//! Reads as a sequencing machine gives them: pieces of both strands, with errors. They are made here, so that it is
//! known where each was taken from.

use std::error::Error;

use ndarray::{Array2, ArrayView2, aview1, s};
use serde_shm::{Deserialize, Serialize};
use serde_shm_examples::Record;

use crate::index::Place;

const SAMPLED: usize = 20_000;
/// Reads of something else, which hit nothing.
const FOREIGN: usize = 1_000;
const LENGTH: usize = 100;
/// Bases that are drawn anew, so that 15 in 1000 are wrong.
const DRAWN_PER_MILLE: usize = 20;

#[derive(Serialize)]
pub(crate) struct Reads {
    /// A read a row. First those that were sampled, then the foreign ones.
    bases: Array2<u8>,
    #[shm_array]
    record_of: Vec<u16>,
    #[shm_array]
    positions: Vec<u32>,
    #[shm_array]
    forward: Vec<bool>,
}

/// Workers get the bases and do not ask for the truth.
#[derive(Deserialize)]
pub(crate) struct ReadsView<'a> {
    pub(crate) bases: ArrayView2<'a, u8>,
}

impl Reads {
    pub(crate) fn sample(records: &[Record]) -> Result<Self, Box<dyn Error>> {
        let long_enough = |of: &usize| records[*of].bases.len() >= LENGTH;
        let sources: Vec<usize> = (0..records.len()).filter(long_enough).collect();
        if sources.is_empty() {
            return Err(format!("no record is as long as a read, which has {LENGTH} bases").into());
        }
        let mut random = Random(0);
        let mut bases = Array2::zeros((SAMPLED + FOREIGN, LENGTH));
        let (mut record_of, mut positions, mut forward) = (Vec::new(), Vec::new(), Vec::new());
        for (number, mut read) in bases.rows_mut().into_iter().enumerate() {
            if number >= SAMPLED {
                read.map_inplace(|base| *base = random.base());
                continue;
            }
            let of = sources[random.below(sources.len())];
            let genome = &records[of].bases;
            let position = random.below(genome.len() - LENGTH + 1);
            let strand = random.below(2) == 0;
            let piece = aview1(&genome[position..position + LENGTH]);
            if strand {
                read.assign(&piece);
            } else {
                read.assign(&piece.slice(s![..;-1]).mapv(complement));
            }
            for base in read {
                // One time in four that is the base that was there.
                if random.below(1000) < DRAWN_PER_MILLE {
                    *base = random.base();
                }
            }
            record_of.push(u16::try_from(of)?);
            positions.push(u32::try_from(position)?);
            forward.push(strand);
        }
        Ok(Reads { bases, record_of, positions, forward })
    }

    /// What a worker sees, without a segment.
    pub(crate) fn view(&self) -> ReadsView<'_> {
        ReadsView { bases: self.bases.view() }
    }

    pub(crate) fn sampled(&self) -> usize {
        self.positions.len()
    }

    /// Where the read was taken from; `None` for a foreign one.
    pub(crate) fn origin(&self, number: usize) -> Option<Place> {
        Some(Place {
            record: *self.record_of.get(number)?,
            position: *self.positions.get(number)?,
            forward: *self.forward.get(number)?,
        })
    }
}

fn complement(base: u8) -> u8 {
    match base {
        b'A' => b'T',
        b'C' => b'G',
        b'G' => b'C',
        b'T' => b'A',
        _ => b'N',
    }
}

/// SplitMix64: small, and the same reads in every run.
struct Random(u64);

impl Random {
    fn next(&mut self) -> u64 {
        self.0 = self.0.wrapping_add(0x9e37_79b9_7f4a_7c15);
        mix(self.0)
    }

    fn below(&mut self, end: usize) -> usize {
        (self.next() % end as u64) as usize
    }

    fn base(&mut self) -> u8 {
        b"ACGT"[self.below(4)]
    }
}

/// A number in which each bit hangs on every bit of the one given.
pub(crate) fn mix(number: u64) -> u64 {
    let number = (number ^ (number >> 30)).wrapping_mul(0xbf58_476d_1ce4_e5b9);
    let number = (number ^ (number >> 27)).wrapping_mul(0x94d0_49bb_1331_11eb);
    number ^ (number >> 31)
}
