//! rkyv 0.8: written by its `IoWriter`, the fastest way that it has to a file, and read where it lies with the check and without.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use rkyv::api::high::{HighDeserializer, HighSerializer, HighValidator};
use rkyv::bytecheck::CheckBytes;
use rkyv::rancor::Error;
use rkyv::ser::allocator::ArenaHandle;
use rkyv::ser::writer::IoWriter;
use rkyv::{Deserialize, Serialize};

use super::Place;
use crate::harness::{Look, Peer, Step};
use crate::workload::Visit;

type Writer = IoWriter<BufWriter<File>>;

pub(super) fn all<W>(source: &'static W, folder: &Path) -> Vec<Box<dyn Peer>>
where
    W: Visit + for<'a> Serialize<HighSerializer<Writer, ArenaHandle<'a>, Error>>,
    W::Archived: Visit
        + for<'a> CheckBytes<HighValidator<'a, Error>>
        + Deserialize<W, HighDeserializer<Error>>,
{
    let peer = |is_checked| Rkyv {
        source,
        place: Place::new(folder, if is_checked { "checked.rkyv" } else { "rkyv" }),
        is_checked,
    };
    vec![Box::new(peer(false)), Box::new(peer(true))]
}

struct Rkyv<W: 'static> {
    source: &'static W,
    place: Place,
    is_checked: bool,
}

impl<W> Peer for Rkyv<W>
where
    W: Visit + for<'a> Serialize<HighSerializer<Writer, ArenaHandle<'a>, Error>>,
    W::Archived: Visit
        + for<'a> CheckBytes<HighValidator<'a, Error>>
        + Deserialize<W, HighDeserializer<Error>>,
{
    fn name(&self) -> &'static str {
        if self.is_checked { "rkyv, checked" } else { "rkyv, unchecked" }
    }

    fn write(&mut self) {
        let writer = IoWriter::new(BufWriter::new(self.place.create()));
        let writer = rkyv::api::high::to_bytes_in::<_, Error>(self.source, writer).unwrap();
        writer.into_inner().flush().unwrap();
    }

    fn clear(&mut self) {
        self.place.clear();
    }

    fn bytes(&self) -> u64 {
        self.place.bytes()
    }

    fn attach(&self, look: Look<'_>) {
        let map = self.place.map();
        if self.is_checked {
            look(rkyv::access::<W::Archived, Error>(&map).unwrap());
        } else {
            // SAFETY: this process has written the file, from this type.
            #[allow(unsafe_code)]
            look(unsafe { rkyv::access_unchecked::<W::Archived>(&map) });
        }
    }

    fn owned(&self, look: Look<'_>) -> bool {
        let map = self.place.map();
        let archived = if self.is_checked {
            rkyv::access::<W::Archived, Error>(&map).unwrap()
        } else {
            // SAFETY: this process has written the file, from this type.
            #[allow(unsafe_code)]
            unsafe {
                rkyv::access_unchecked::<W::Archived>(&map)
            }
        };
        let owned: W = rkyv::deserialize::<W, Error>(archived).unwrap();
        look(&owned);
        true
    }

    /// A file is written in one way.
    fn skips(&self, step: Step) -> bool {
        self.is_checked && step == Step::Write
    }
}
