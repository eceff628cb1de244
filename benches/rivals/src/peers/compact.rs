//! Formats that encode everything: postcard, bincode, bitcode, wincode and MessagePack. What they read is owned; the file is mapped
//! for them, so that they copy nothing twice.

use std::fs::File;
use std::io::{BufWriter, Write};
use std::path::Path;

use serde::Serialize;
use serde::de::DeserializeOwned;
use wincode::config::Configuration;

use super::Place;
use crate::harness::{Look, Peer};
use crate::workload::{Events, Game, Layers, Log, Mesh, Saves, Small, Structs, Trees, Visit};

struct Compact<W: 'static> {
    name: &'static str,
    source: &'static W,
    place: Place,
    write: fn(&W, &mut BufWriter<File>),
    read: fn(&[u8]) -> W,
}

impl<W: Visit> Peer for Compact<W> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&mut self) {
        let mut writer = BufWriter::with_capacity(1 << 16, self.place.create());
        (self.write)(self.source, &mut writer);
        writer.flush().unwrap();
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

    fn attach(&self, look: Look<'_>) {
        let map = self.place.map();
        look(&(self.read)(&map));
    }
}

fn peer<W: Visit>(
    (name, source, folder): (&'static str, &'static W, &Path),
    write: fn(&W, &mut BufWriter<File>),
    read: fn(&[u8]) -> W,
) -> Box<dyn Peer> {
    Box::new(Compact { name, source, place: Place::new(folder, name), write, read })
}

pub(super) fn all<W>(source: &'static W, folder: &Path) -> Vec<Box<dyn Peer>>
where
    W: Visit + Serialize + DeserializeOwned + bitcode::Encode + bitcode::DecodeOwned + Wincode,
{
    let bitcode = peer(
        ("bitcode", source, folder),
        |object, writer| writer.write_all(&bitcode::encode(object)).unwrap(),
        |bytes| bitcode::decode(bytes).unwrap(),
    );
    let mut peers = all_but_bitcode(source, folder);
    peers.insert(2, bitcode);
    peers
}

pub(super) fn all_but_bitcode<W>(source: &'static W, folder: &Path) -> Vec<Box<dyn Peer>>
where
    W: Visit + Serialize + DeserializeOwned + Wincode,
{
    vec![
        peer(
            ("postcard", source, folder),
            |object, writer| {
                postcard::to_io(object, writer).unwrap();
            },
            |bytes| postcard::from_bytes(bytes).unwrap(),
        ),
        peer(
            ("bincode", source, folder),
            |object, writer| {
                let config = bincode::config::standard();
                bincode::serde::encode_into_std_write(object, writer, config).unwrap();
            },
            |bytes| {
                let config = bincode::config::standard();
                bincode::serde::decode_from_slice(bytes, config).unwrap().0
            },
        ),
        peer(("wincode", source, folder), W::write, W::read),
        peer(
            ("rmp-serde", source, folder),
            |object, writer| rmp_serde::encode::write(writer, object).unwrap(),
            |bytes| rmp_serde::from_slice(bytes).unwrap(),
        ),
    ]
}

/// What wincode makes of a type, whose traits have its configuration as a parameter.
pub(crate) trait Wincode: Sized {
    fn write(&self, writer: &mut BufWriter<File>);
    fn read(bytes: &[u8]) -> Self;
}

macro_rules! wincode {
    ($($of:ty),*) => {
        $(impl Wincode for $of {
            fn write(&self, writer: &mut BufWriter<File>) {
                // Without it, no list may be longer than 4 MiB.
                let config = Configuration::default().disable_preallocation_size_limit();
                wincode::config::serialize_into(writer, self, config).unwrap();
            }

            fn read(bytes: &[u8]) -> Self {
                let config = Configuration::default().disable_preallocation_size_limit();
                wincode::config::deserialize(bytes, config).unwrap()
            }
        })*
    };
}

wincode!(Layers, Small, Structs, Log, Mesh, Saves, Game, Events, Trees);
