//! mmap-sync: rkyv 0.7 in two files that are mapped, with a third that says which of them counts. It has rkyv's types of its own version,
//! so the objects have types of their own here.
// What the derives of rkyv 0.7 generate is of an edition in which the body of an unsafe function needs no block.
#![allow(unsafe_op_in_unsafe_fn)]

use std::path::{Path, PathBuf};
use std::time::Duration;

use mmap_sync::synchronizer::Synchronizer;
use rkyv07::{Archive, Deserialize, Serialize};

use crate::harness::{Look, Peer};
use crate::workload::{Layers, Small, Structs, Visit, Visitor};

macro_rules! arrays_and_texts {
    ($name:ident, $archived:ident, $of:ty) => {
        #[derive(Archive, Serialize, Deserialize)]
        #[archive(crate = "rkyv07", check_bytes)]
        struct $name {
            arrays: Vec<Vec<$of>>,
            texts: Vec<String>,
        }

        impl Visit for $archived {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                for array in self.arrays.iter() {
                    visitor.numbers(array);
                }
                for text in self.texts.iter() {
                    visitor.text(text);
                }
            }
        }
    };
}

arrays_and_texts!(Floats, ArchivedFloats, f32);
arrays_and_texts!(Doubles, ArchivedDoubles, f64);

#[derive(Archive, Serialize, Deserialize)]
#[archive(crate = "rkyv07", check_bytes)]
struct Rows {
    rows: Vec<Row>,
}

#[derive(Archive, Serialize, Deserialize)]
#[archive(crate = "rkyv07", check_bytes)]
struct Row {
    id: u64,
    label: String,
    score: f64,
}

impl Visit for ArchivedRows {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for row in self.rows.iter() {
            visitor.number(row.id);
            visitor.text(&row.label);
            visitor.number(row.score);
        }
    }
}

struct Synced<F> {
    form: F,
    prefix: PathBuf,
}

impl<F> Synced<F> {
    fn new(form: F, folder: &Path) -> Self {
        Synced { form, prefix: folder.join("mmap_sync") }
    }

    fn files(&self) -> impl Iterator<Item = PathBuf> {
        ["_state", "_data_0", "_data_1"].into_iter().map(|end| {
            let mut path = self.prefix.clone().into_os_string();
            path.push(end);
            path.into()
        })
    }
}

macro_rules! peer {
    ($name:ident, $of:ty, $form:ty, $make:expr) => {
        pub(super) fn $name(source: &'static $of, folder: &Path) -> Box<dyn Peer> {
            let make: fn(&$of) -> $form = $make;
            Box::new(Synced::new(make(source), folder))
        }

        impl Peer for Synced<$form> {
            fn name(&self) -> &'static str {
                "mmap-sync"
            }

            fn write(&mut self) {
                let mut writer = Synchronizer::new(self.prefix.as_os_str());
                writer.write(&self.form, Duration::ZERO).unwrap();
            }

            fn clear(&mut self) {
                for file in self.files() {
                    let _ = std::fs::remove_file(file);
                }
            }

            fn bytes(&self) -> u64 {
                let files = self.files().filter_map(|file| std::fs::metadata(file).ok());
                files.map(|file| file.len()).sum()
            }

            fn attach(&self, look: Look<'_>) {
                let mut reader = Synchronizer::new(self.prefix.as_os_str());
                // SAFETY: this process has written the files, from this type, and does not write while this reads.
                #[allow(unsafe_code)]
                let read = unsafe { reader.read::<$form>(false) }.unwrap();
                look(&*read);
            }
        }
    };
}

peer!(layers, Layers, Floats, |source| {
    let arrays = source.layers.iter().map(|layer| layer.data.clone()).collect();
    let texts = source.texts().into_iter().map(str::to_owned).collect();
    Floats { arrays, texts }
});
peer!(small, Small, Doubles, |source| {
    Doubles { arrays: source.arrays.clone(), texts: source.texts.clone() }
});
peer!(structs, Structs, Rows, |source| {
    let row =
        |row: &crate::workload::Row| Row { id: row.id, label: row.label.clone(), score: row.score };
    Rows { rows: source.rows.iter().map(row).collect() }
});
