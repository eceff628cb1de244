//! The peers, one file for each group of rivals.
//!
//! Not here: candle, whose way to a file is the crate safetensors; ciborium, which `docs/COMPARE.md` has no claim about; and
//! iceoryx2, Arrow IPC and Vineyard, which carry no object of nested structs. bitcode is no peer for trees: its derive takes no
//! type that contains itself.

mod bare;
mod compact;
mod epserde;
mod mmap_sync;
mod numpy;
mod ours;
mod rkyv;
mod safetensors;

use std::fs::File;
use std::path::{Path, PathBuf};

use memmap2::Mmap;

pub(crate) use ours::Ours;

use crate::harness::Peer;
use crate::workload::{Events, Game, Layers, Log, Mesh, Saves, Small, Structs, Trees};

/// A peer's file.
struct Place(PathBuf);

impl Place {
    fn new(folder: &Path, name: &str) -> Self {
        Place(folder.join(name))
    }

    fn clear(&self) {
        let _ = std::fs::remove_file(&self.0);
    }

    fn bytes(&self) -> u64 {
        std::fs::metadata(&self.0).unwrap().len()
    }

    fn create(&self) -> File {
        File::create(&self.0).unwrap()
    }

    fn map(&self) -> Mmap {
        map(&self.0)
    }
}

/// A file in a folder of this program, mapped.
pub(crate) fn map(path: &Path) -> Mmap {
    let file = File::open(path).unwrap();
    // SAFETY: this program alone knows the folder, and writes a file anew only when nobody has it mapped.
    #[allow(unsafe_code)]
    unsafe { Mmap::map(&file) }.unwrap()
}

/// All that take an object of arrays.
macro_rules! with_arrays {
    ($name:ident, $of:ty, $own:ident) => {
        pub(crate) fn $name(source: &'static $of, folder: &Path) -> Vec<Box<dyn Peer>> {
            let mut peers: Vec<Box<dyn Peer>> = vec![
                Box::new(bare::Bare::new(source, folder)),
                Box::new(bare::Memory::new(source)),
            ];
            peers.extend(ours::all(source, folder));
            peers.extend(rkyv::all(source, folder));
            peers.push(epserde::$own(source, folder));
            peers.push(Box::new(safetensors::SafeTensors::new(source, folder)));
            peers.push(mmap_sync::$own(source, folder));
            peers.extend(numpy::all(source, folder));
            peers.extend(compact::all(source, folder));
            peers
        }
    };
}

with_arrays!(of_layers, Layers, layers);
with_arrays!(of_small, Small, small);
with_arrays!(of_structs, Structs, structs);

/// All that need no arrays.
macro_rules! without_arrays {
    ($name:ident, $of:ty, $compact:ident) => {
        pub(crate) fn $name(source: &'static $of, folder: &Path) -> Vec<Box<dyn Peer>> {
            let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(bare::Encoded::new(source, folder))];
            peers.extend(ours::all(source, folder));
            peers.extend(rkyv::all(source, folder));
            peers.extend(compact::$compact(source, folder));
            peers
        }
    };
}

without_arrays!(of_log, Log, all);
without_arrays!(of_mesh, Mesh, all);
without_arrays!(of_saves, Saves, all);
without_arrays!(of_game, Game, all);
without_arrays!(of_events, Events, all);
without_arrays!(of_trees, Trees, all_but_bitcode);

/// Those whose cost of attaching may grow with the object.
pub(crate) fn that_view(source: &'static Layers, folder: &Path) -> Vec<Box<dyn Peer>> {
    let mut peers: Vec<Box<dyn Peer>> = vec![Box::new(bare::Bare::new(source, folder))];
    peers.extend(ours::all(source, folder).into_iter().take(3));
    peers.extend(rkyv::all(source, folder));
    peers.push(Box::new(safetensors::SafeTensors::new(source, folder)));
    peers
}
