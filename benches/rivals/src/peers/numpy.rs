//! `.npz` files by ndarray-npy and npyz: arrays and nothing else, so that texts are two arrays. Neither has views of an archive; the file
//! is mapped for them, since their many small reads would each be a system call. npyz writes into entries of the crate zip, as
//! its own feature does, with a newer version.

use std::io::{BufWriter, Cursor, Write};
use std::marker::PhantomData;
use std::path::Path;

use ndarray::{Array1, ArrayView1};
use ndarray_npy::{NpzReader, NpzWriter};
use npyz::WriterBuilder;
use zip::write::SimpleFileOptions;

use super::Place;
use crate::harness::{Look, Peer};
use crate::workload::{Column, Columns, Read};

pub(super) fn all<W: Columns>(source: &'static W, folder: &Path) -> Vec<Box<dyn Peer>> {
    let (of_ndarray, of_npyz) = (Place::new(folder, "ndarray.npz"), Place::new(folder, "npyz.npz"));
    vec![
        Box::new(NdarrayNpy::<W> { columns: source.named(), place: of_ndarray, of: PhantomData }),
        Box::new(Npyz::<W> { columns: source.named(), place: of_npyz, of: PhantomData }),
    ]
}

/// The same for each dtype.
macro_rules! each {
    ($column:expr, $items:ident => $do:expr) => {
        match $column {
            Column::F32($items) => $do,
            Column::F64($items) => $do,
            Column::U64($items) => $do,
            Column::U32($items) => $do,
            Column::U8($items) => $do,
        }
    };
}

/// A column of the dtype of another one, of what is read as that dtype.
macro_rules! alike {
    ($column:expr, $of:ident => $read:expr) => {
        match $column {
            Column::F32(_) => Column::F32(
                {
                    type $of = f32;
                    $read
                }
                .into(),
            ),
            Column::F64(_) => Column::F64(
                {
                    type $of = f64;
                    $read
                }
                .into(),
            ),
            Column::U64(_) => Column::U64(
                {
                    type $of = u64;
                    $read
                }
                .into(),
            ),
            Column::U32(_) => Column::U32(
                {
                    type $of = u32;
                    $read
                }
                .into(),
            ),
            Column::U8(_) => Column::U8(
                {
                    type $of = u8;
                    $read
                }
                .into(),
            ),
        }
    };
}

struct NdarrayNpy<W> {
    columns: Vec<(String, Column<'static>)>,
    place: Place,
    of: PhantomData<W>,
}

impl<W: Columns> Peer for NdarrayNpy<W> {
    fn name(&self) -> &'static str {
        "ndarray-npy, .npz"
    }

    fn write(&mut self) {
        let mut file = NpzWriter::new(BufWriter::new(self.place.create()));
        for (name, column) in &self.columns {
            each!(column, items => file.add_array(name, &ArrayView1::from(&items[..])).unwrap());
        }
        file.finish().unwrap().flush().unwrap();
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
        let mut file = NpzReader::new(Cursor::new(&map[..])).unwrap();
        let columns = self.columns.iter().map(|(name, column)| {
            alike!(column, A => {
                let array: Array1<A> = file.by_name(name).unwrap();
                array.into_raw_vec_and_offset().0
            })
        });
        let columns = columns.collect();
        look(&Read::<W>::new(columns));
    }
}

struct Npyz<W> {
    columns: Vec<(String, Column<'static>)>,
    place: Place,
    of: PhantomData<W>,
}

impl<W: Columns> Peer for Npyz<W> {
    fn name(&self) -> &'static str {
        "npyz, .npz"
    }

    fn write(&mut self) {
        let mut file = zip::ZipWriter::new(BufWriter::new(self.place.create()));
        let stored = zip::CompressionMethod::Stored;
        let options = SimpleFileOptions::default().compression_method(stored).large_file(true);
        for (name, column) in &self.columns {
            file.start_file(format!("{name}.npy"), options).unwrap();
            each!(column, items => {
                let shape = [items.len() as u64];
                let builder = npyz::WriteOptions::new().default_dtype().shape(&shape);
                let mut writer = builder.writer(&mut file).begin_nd().unwrap();
                writer.extend(items.iter()).unwrap();
                writer.finish().unwrap();
            });
        }
        file.finish().unwrap().flush().unwrap();
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
        let mut file = zip::ZipArchive::new(Cursor::new(&map[..])).unwrap();
        let columns = self.columns.iter().map(|(name, column)| {
            let entry = file.by_name(&format!("{name}.npy")).unwrap();
            let array = npyz::NpyFile::new(entry).unwrap();
            alike!(column, A => array.into_vec::<A>().unwrap())
        });
        let columns = columns.collect();
        look(&Read::<W>::new(columns));
    }
}
