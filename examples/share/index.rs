//! The index of a genome: which k-mers it has, and where. A k-mer and its reverse complement are one entry.

use std::collections::BTreeMap;
use std::error::Error;

use ndarray::{Array1, ArrayView1};
use serde_shm::{Deserialize, Serialize};
use serde_shm_examples::Record;

/// Odd, so that no k-mer is its own reverse complement; 31 bases of 2 bits fit in a `u64`.
pub(crate) const K: usize = 31;
const MASK: u64 = (1 << (2 * K)) - 1;

const CREATED_BY: &str = concat!("example share of serde_shm ", env!("CARGO_PKG_VERSION"));

/// The first bases of a k-mer choose its bucket.
const PREFIX: usize = 8;
const BUCKETS: usize = 1 << (2 * PREFIX);

/// What is published: five arrays, placed as they lie, and metadata of the ordinary kind.
#[derive(Serialize)]
pub(crate) struct Index<'a> {
    about: About<'a>,
    /// Where each bucket begins in the four arrays below, and where the last one ends. An ndarray needs no mark.
    starts: Array1<u32>,
    /// Sorted; a k-mer that stands in several places is there several times.
    #[shm_array]
    kmers: Vec<u64>,
    #[shm_array]
    record_of: Vec<u16>,
    #[shm_array]
    positions: Vec<u32>,
    /// Whether the k-mer stands there as it is; else its reverse complement does.
    #[shm_array]
    forward: Vec<bool>,
}

/// The same object as a worker sees it: nothing is copied but the list of records and the map.
#[derive(Deserialize)]
pub(crate) struct IndexView<'a> {
    #[serde(borrow)]
    pub(crate) about: About<'a>,
    starts: ArrayView1<'a, u32>,
    #[shm_array]
    pub(crate) kmers: &'a [u64],
    #[shm_array]
    record_of: &'a [u16],
    #[shm_array]
    positions: &'a [u32],
    #[shm_array]
    forward: &'a [bool],
}

/// Serves both: where it is made the names are the records', in a worker they lie in the segment.
#[derive(Serialize, Deserialize, Clone, Default)]
pub(crate) struct About<'a> {
    pub(crate) created_by: &'a str,
    k: usize,
    #[serde(borrow)]
    pub(crate) records: Vec<Sequence<'a>>,
    /// How often each letter stands in the genome.
    pub(crate) counts: BTreeMap<char, u64>,
}

#[derive(Serialize, Deserialize, Clone)]
pub(crate) struct Sequence<'a> {
    pub(crate) name: &'a str,
    pub(crate) length: u32,
}

/// A place in the genome and the strand that is read there.
#[derive(Clone, Copy, Debug, PartialEq, Eq, PartialOrd, Ord)]
pub(crate) struct Place {
    pub(crate) record: u16,
    pub(crate) position: u32,
    pub(crate) forward: bool,
}

impl<'a> Index<'a> {
    pub(crate) fn build(records: &'a [Record]) -> Result<Self, Box<dyn Error>> {
        let mut about = About { created_by: CREATED_BY, k: K, ..About::default() };
        let mut entries = Vec::new();
        for (number, Record { name, bases }) in records.iter().enumerate() {
            let of = u16::try_from(number).map_err(|_| "more than 65536 records")?;
            let length = u32::try_from(bases.len()).map_err(|_| format!("{name} is too long"))?;
            about.records.push(Sequence { name, length });
            for base in bases {
                *about.counts.entry(char::from(*base)).or_default() += 1;
            }
            let entry = |kmer: Kmer| (kmer.bits, of, kmer.offset as u32, kmer.forward);
            entries.extend(kmers(bases.iter().copied()).map(entry));
        }
        u32::try_from(entries.len()).map_err(|_| "more k-mers than 32 bits count")?;
        entries.sort_unstable();

        let mut starts = Array1::zeros(BUCKETS + 1);
        for (kmer, ..) in &entries {
            starts[bucket(*kmer) + 1] += 1;
        }
        for bucket in 0..BUCKETS {
            starts[bucket + 1] += starts[bucket];
        }
        Ok(Index {
            about,
            starts,
            kmers: entries.iter().map(|entry| entry.0).collect(),
            record_of: entries.iter().map(|entry| entry.1).collect(),
            positions: entries.iter().map(|entry| entry.2).collect(),
            forward: entries.iter().map(|entry| entry.3).collect(),
        })
    }

    /// What a worker sees, without a segment.
    pub(crate) fn view(&self) -> IndexView<'_> {
        IndexView {
            about: self.about.clone(),
            starts: self.starts.view(),
            kmers: &self.kmers,
            record_of: &self.record_of,
            positions: &self.positions,
            forward: &self.forward,
        }
    }
}

impl IndexView<'_> {
    /// Types and lengths that lie are errors of `get`; what the fields say of each other is ours to check.
    pub(crate) fn check(&self) -> Result<(), Box<dyn Error>> {
        let entries = self.kmers.len();
        let lengths = [self.record_of.len(), self.positions.len(), self.forward.len()];
        let ascend = self.starts.iter().is_sorted();
        let end = self.starts.last().map(|end| *end as usize);
        if self.about.k != K || self.starts.len() != BUCKETS + 1 {
            return Err(format!("an index of {}-mers, not of {K}-mers", self.about.k).into());
        }
        if !ascend || end != Some(entries) || lengths != [entries; 3] {
            return Err("the arrays of the index do not belong together".into());
        }
        Ok(())
    }

    /// Where the read was taken from: each of its k-mers votes for each place where the read would have it. Also how
    /// many votes there were.
    pub(crate) fn find(&self, read: &ArrayView1<'_, u8>) -> (Option<Place>, usize) {
        let mut votes = Vec::new();
        for kmer in kmers(read.iter().copied()) {
            for entry in self.entries(kmer.bits) {
                let forward = self.forward[entry] == kmer.forward;
                // On the reverse strand the read's last base comes first.
                let before = if forward { kmer.offset } else { read.len() - K - kmer.offset };
                // None if the read would begin before its record does: a chance match.
                if let Some(position) = self.positions[entry].checked_sub(before as u32) {
                    votes.push(Place { record: self.record_of[entry], position, forward });
                }
            }
        }
        votes.sort_unstable();
        let most = votes.chunk_by(|a, b| a == b).max_by_key(|same| same.len());
        (most.map(|same| same[0]), votes.len())
    }

    /// The numbers of a k-mer's entries.
    fn entries(&self, kmer: u64) -> std::ops::Range<usize> {
        let bucket = bucket(kmer);
        let (start, end) = (self.starts[bucket] as usize, self.starts[bucket + 1] as usize);
        let kmers = &self.kmers[start..end];
        let first = kmers.partition_point(|other| *other < kmer);
        let count = kmers[first..].iter().take_while(|other| **other == kmer).count();
        start + first..start + first + count
    }
}

struct Kmer {
    /// The smaller one of the k-mer and its reverse complement.
    bits: u64,
    offset: usize,
    /// Whether the k-mer is the smaller one.
    forward: bool,
}

fn kmers(bases: impl IntoIterator<Item = u8>) -> impl Iterator<Item = Kmer> {
    let (mut forward, mut reverse, mut known) = (0, 0, 0);
    bases.into_iter().enumerate().filter_map(move |(at, base)| {
        let code = match base {
            b'A' => 0,
            b'C' => 1,
            b'G' => 2,
            b'T' => 3,
            // An N, or another letter for a base that is not known: no k-mer goes across it.
            _ => {
                known = 0;
                return None;
            }
        };
        forward = ((forward << 2) | code) & MASK;
        reverse = (reverse >> 2) | ((3 - code) << (2 * (K - 1)));
        known += 1;
        (known >= K).then(|| Kmer {
            bits: forward.min(reverse),
            offset: at + 1 - K,
            forward: forward < reverse,
        })
    })
}

fn bucket(kmer: u64) -> usize {
    (kmer >> (2 * (K - PREFIX))) as usize
}
