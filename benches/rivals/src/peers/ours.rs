//! This crate: a segment, a block in a file that is mapped, and an archive that is mapped or opened.

use std::collections::BTreeMap;
use std::path::Path;

use serde::de::{Deserialize, DeserializeOwned};
use serde::ser::Serialize;
use serde_shm::{Npz, NpzOptions, Segment};

use super::Place;
use crate::harness::{Look, Peer, Step};
use crate::workload::{
    Events, Game, Layers, Log, Mesh, Saves, Small, Structs, Trees, Visit, Visitor,
};

/// An object in this crate's forms: as it is written, as views, and owned.
pub(crate) trait Ours: Visit + 'static {
    type Written<'a>: Serialize;
    type View<'a>: Deserialize<'a> + Visit;
    type Owned: DeserializeOwned + Visit;

    fn written(&self) -> Self::Written<'_>;
}

pub(super) fn all<W: Ours>(source: &'static W, folder: &Path) -> Vec<Box<dyn Peer>> {
    let archive = |name, is_mapped| Archive {
        source,
        name,
        place: Place::new(folder, if is_mapped { "mapped.npz" } else { "opened.npz" }),
        is_mapped,
    };
    vec![
        Box::new(InMemory { source, segment: None }),
        Box::new(InFile { source, place: Place::new(folder, "block") }),
        Box::new(archive("serde_shm, .npz mapped", true)),
        Box::new(archive("serde_shm, .npz opened", false)),
    ]
}

struct InMemory<W: 'static> {
    source: &'static W,
    segment: Option<Segment>,
}

impl<W> InMemory<W> {
    fn id(&self) -> &str {
        self.segment.as_ref().unwrap().id()
    }
}

impl<W: Ours> Peer for InMemory<W> {
    fn name(&self) -> &'static str {
        "serde_shm, segment"
    }

    fn write(&mut self) {
        self.segment = Some(serde_shm::to_shared(&self.source.written()).unwrap());
    }

    fn clear(&mut self) {
        self.segment = None;
    }

    fn bytes(&self) -> u64 {
        self.segment.as_ref().unwrap().len() as u64
    }

    fn attach(&self, look: Look<'_>) {
        let segment = Segment::open(self.id()).unwrap();
        let view: W::View<'_> = segment.get().unwrap();
        look(&view);
    }

    fn owned(&self, look: Look<'_>) -> bool {
        let owned: W::Owned = serde_shm::from_shared(self.id()).unwrap();
        look(&owned);
        true
    }
}

struct InFile<W: 'static> {
    source: &'static W,
    place: Place,
}

impl<W: Ours> Peer for InFile<W> {
    fn name(&self) -> &'static str {
        "serde_shm, block"
    }

    fn write(&mut self) {
        serde_shm::to_writer(self.place.create(), &self.source.written()).unwrap();
    }

    fn clear(&mut self) {
        self.place.clear();
    }

    fn bytes(&self) -> u64 {
        self.place.bytes()
    }

    fn attach(&self, look: Look<'_>) {
        let map = self.place.map();
        let view: W::View<'_> = serde_shm::from_bytes(&map).unwrap();
        look(&view);
    }

    fn owned(&self, look: Look<'_>) -> bool {
        let map = self.place.map();
        let owned: W::Owned = serde_shm::from_bytes(&map).unwrap();
        look(&owned);
        true
    }
}

struct Archive<W: 'static> {
    source: &'static W,
    name: &'static str,
    place: Place,
    is_mapped: bool,
}

impl<W> Archive<W> {
    fn open(&self) -> Npz {
        if self.is_mapped {
            // SAFETY: the file is in a folder of this process, which writes it anew only when nobody has it mapped.
            #[allow(unsafe_code)]
            unsafe { Npz::map(&self.place.0) }.unwrap()
        } else {
            Npz::open(&self.place.0).unwrap()
        }
    }
}

impl<W: Ours> Peer for Archive<W> {
    fn name(&self) -> &'static str {
        self.name
    }

    fn write(&mut self) {
        let options = NpzOptions::new().fsync(false);
        options.save(&self.place.0, &self.source.written()).unwrap();
    }

    fn clear(&mut self) {
        self.place.clear();
    }

    fn bytes(&self) -> u64 {
        self.place.bytes()
    }

    fn attach(&self, look: Look<'_>) {
        let file = self.open();
        let view: W::View<'_> = file.get().unwrap();
        look(&view);
    }

    fn owned(&self, look: Look<'_>) -> bool {
        let owned: W::Owned = serde_shm::from_npz(&self.place.0).unwrap();
        look(&owned);
        true
    }

    /// One archive is as good as the other: it is written once, and read as owned once.
    fn skips(&self, step: Step) -> bool {
        !self.is_mapped && [Step::Write, Step::Owned].contains(&step)
    }
}

#[derive(serde_shm::Serialize)]
pub(crate) struct WrittenLayers<'a> {
    name: &'a str,
    layers: Vec<WrittenLayer<'a>>,
    tags: &'a BTreeMap<String, String>,
}

#[derive(serde_shm::Serialize)]
struct WrittenLayer<'a> {
    name: &'a str,
    #[shm_array]
    data: &'a [f32],
}

#[derive(serde_shm::Deserialize)]
pub(crate) struct LayersView<'a> {
    name: &'a str,
    #[serde(borrow)]
    layers: Vec<LayerView<'a>>,
    #[serde(borrow)]
    tags: BTreeMap<&'a str, &'a str>,
}

#[derive(serde_shm::Deserialize)]
struct LayerView<'a> {
    name: &'a str,
    #[shm_array]
    data: &'a [f32],
}

#[derive(serde_shm::Deserialize)]
pub(crate) struct OwnedLayers {
    name: String,
    layers: Vec<OwnedLayer>,
    tags: BTreeMap<String, String>,
}

#[derive(serde_shm::Deserialize)]
struct OwnedLayer {
    name: String,
    #[shm_array]
    data: Vec<f32>,
}

macro_rules! visit_layers {
    ($($of:ty),*) => {
        $(impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                for layer in &self.layers {
                    visitor.numbers(&layer.data);
                }
                visitor.text(&self.name);
                for layer in &self.layers {
                    visitor.text(&layer.name);
                }
                for (key, value) in &self.tags {
                    visitor.text(key);
                    visitor.text(value);
                }
            }
        })*
    };
}

visit_layers!(LayersView<'_>, OwnedLayers);

impl Ours for Layers {
    type Written<'a> = WrittenLayers<'a>;
    type View<'a> = LayersView<'a>;
    type Owned = OwnedLayers;

    fn written(&self) -> WrittenLayers<'_> {
        let layers = self.layers.iter();
        let layers = layers.map(|layer| WrittenLayer { name: &layer.name, data: &layer.data });
        WrittenLayers { name: &self.name, layers: layers.collect(), tags: &self.tags }
    }
}

#[derive(serde_shm::Serialize)]
pub(crate) struct WrittenSmall<'a> {
    #[shm_array]
    arrays: Vec<&'a [f64]>,
    texts: &'a [String],
}

#[derive(serde_shm::Deserialize)]
pub(crate) struct SmallView<'a> {
    #[shm_array]
    #[serde(borrow)]
    arrays: Vec<&'a [f64]>,
    #[serde(borrow)]
    texts: Vec<&'a str>,
}

#[derive(serde_shm::Deserialize)]
pub(crate) struct OwnedSmall {
    #[shm_array]
    arrays: Vec<Vec<f64>>,
    texts: Vec<String>,
}

macro_rules! visit_small {
    ($($of:ty),*) => {
        $(impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                for array in &self.arrays {
                    visitor.numbers(array);
                }
                for text in &self.texts {
                    visitor.text(text);
                }
            }
        })*
    };
}

visit_small!(SmallView<'_>, OwnedSmall);

impl Ours for Small {
    type Written<'a> = WrittenSmall<'a>;
    type View<'a> = SmallView<'a>;
    type Owned = OwnedSmall;

    fn written(&self) -> WrittenSmall<'_> {
        let arrays = self.arrays.iter().map(Vec::as_slice).collect();
        WrittenSmall { arrays, texts: &self.texts }
    }
}

#[derive(serde::Deserialize)]
pub(crate) struct StructsView<'a> {
    #[serde(borrow)]
    rows: Vec<RowView<'a>>,
}

#[derive(serde::Deserialize)]
struct RowView<'a> {
    id: u64,
    label: &'a str,
    score: f64,
}

impl Visit for StructsView<'_> {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for row in &self.rows {
            visitor.number(row.id);
            visitor.text(row.label);
            visitor.number(row.score);
        }
    }
}

impl Ours for Structs {
    type Written<'a> = &'a Structs;
    type View<'a> = StructsView<'a>;
    type Owned = Structs;

    fn written(&self) -> &Structs {
        self
    }
}

/// Objects without arrays, of which there is nothing to view but texts.
macro_rules! as_they_are {
    ($($of:ty),*) => {
        $(impl Ours for $of {
            type Written<'a> = &'a $of;
            type View<'a> = $of;
            type Owned = $of;

            fn written(&self) -> &$of {
                self
            }
        })*
    };
}

as_they_are!(Log, Mesh, Saves, Game, Events, Trees);
