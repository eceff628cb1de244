//! The yardsticks: one `pwrite` for each column and a mapping of the file; and a copy from memory to memory.

use std::marker::PhantomData;
use std::os::unix::fs::FileExt;
use std::path::Path;

use super::Place;
use crate::harness::{Look, Peer, Step};
use crate::workload::{Column, Columns, Read, Visit};

const LINE: usize = 64;

/// A header with the length of each column, then each at a multiple of 64 bytes. What the columns are, the reader knows.
pub(super) struct Bare<W> {
    columns: Vec<Column<'static>>,
    place: Place,
    of: PhantomData<W>,
}

impl<W: Columns> Bare<W> {
    pub(super) fn new(source: &'static W, folder: &Path) -> Self {
        let columns = source.joined().into_iter().map(|(_, column)| column).collect();
        Bare { columns, place: Place::new(folder, "bare"), of: PhantomData }
    }

    /// The columns of a file whose bytes these are.
    fn read<'a>(&self, bytes: &'a [u8]) -> Vec<Column<'a>> {
        let mut at = (self.columns.len() * 8).next_multiple_of(LINE);
        let lens = bytes[..self.columns.len() * 8].chunks_exact(8);
        let column = |(column, len): (&Column<'_>, &[u8])| {
            let len = u64::from_le_bytes(len.try_into().unwrap()) as usize;
            let found = column.of(&bytes[at..at + len]);
            at = (at + len).next_multiple_of(LINE);
            found
        };
        self.columns.iter().zip(lens).map(column).collect()
    }
}

impl<W: Columns> Peer for Bare<W> {
    fn name(&self) -> &'static str {
        "pwrite, mmap"
    }

    fn write(&mut self) {
        let file = self.place.create();
        let lens =
            self.columns.iter().flat_map(|column| (column.bytes().len() as u64).to_le_bytes());
        let header: Vec<u8> = lens.collect();
        file.write_all_at(&header, 0).unwrap();
        let mut at = header.len().next_multiple_of(LINE);
        for column in &self.columns {
            file.write_all_at(column.bytes(), at as u64).unwrap();
            at = (at + column.bytes().len()).next_multiple_of(LINE);
        }
    }

    fn clear(&mut self) {
        self.place.clear();
    }

    fn bytes(&self) -> u64 {
        self.place.bytes()
    }

    fn attach(&self, look: Look<'_>) {
        let map = self.place.map();
        look(&Read::<W>::new(self.read(&map)));
    }

    fn owned(&self, look: Look<'_>) -> bool {
        let bytes = std::fs::read(&self.place.0).unwrap();
        look(&Read::<W>::new(self.read(&bytes)));
        true
    }
}

/// A copy of all bytes into memory that has its pages, and a sum over what lies in memory.
pub(super) struct Memory<W: 'static> {
    source: &'static W,
    columns: Vec<Column<'static>>,
    copy: Vec<u8>,
}

impl<W: Columns> Memory<W> {
    pub(super) fn new(source: &'static W) -> Self {
        let columns: Vec<_> = source.joined().into_iter().map(|(_, column)| column).collect();
        let len = columns.iter().map(|column| column.bytes().len()).sum();
        Memory { source, columns, copy: vec![1; len] }
    }
}

impl<W: Columns> Peer for Memory<W> {
    fn name(&self) -> &'static str {
        "memcpy, memory"
    }

    fn write(&mut self) {
        let mut rest = &mut self.copy[..];
        for column in &self.columns {
            let (part, others) = rest.split_at_mut(column.bytes().len());
            part.copy_from_slice(column.bytes());
            rest = others;
        }
        std::hint::black_box(&mut self.copy);
    }

    fn clear(&mut self) {}

    fn bytes(&self) -> u64 {
        self.copy.len() as u64
    }

    fn attach(&self, look: Look<'_>) {
        look(self.source);
    }

    fn skips(&self, step: Step) -> bool {
        [Step::Attach, Step::Owned].contains(&step)
    }
}

/// For objects without columns: the bytes that postcard makes of them, which are made beforehand and read back as bytes.
pub(super) struct Encoded<W: 'static> {
    source: &'static W,
    bytes: Vec<u8>,
    place: Place,
}

impl<W: serde::Serialize> Encoded<W> {
    pub(super) fn new(source: &'static W, folder: &Path) -> Self {
        let bytes = postcard::to_stdvec(source).unwrap();
        Encoded { source, bytes, place: Place::new(folder, "encoded") }
    }
}

impl<W: Visit> Peer for Encoded<W> {
    fn name(&self) -> &'static str {
        "pwrite, read"
    }

    fn write(&mut self) {
        self.place.create().write_all_at(&self.bytes, 0).unwrap();
    }

    fn clear(&mut self) {
        self.place.clear();
    }

    fn bytes(&self) -> u64 {
        self.place.bytes()
    }

    fn has_views(&self) -> bool {
        false
    }

    /// What is looked at is what was made.
    fn attach(&self, look: Look<'_>) {
        let bytes = std::fs::read(&self.place.0).unwrap();
        assert_eq!(bytes.len(), self.bytes.len());
        look(self.source);
    }
}
