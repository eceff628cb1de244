//! safetensors: named tensors, read as views of a mapped file. Texts are two tensors, since there is nothing else for them but the
//! metadata of the file.

use std::borrow::Cow;
use std::path::Path;

use safetensors::tensor::{Dtype, View, serialize_to_file};

use super::Place;
use crate::harness::{Look, Peer};
use crate::workload::{Column, Columns, Read};

pub(super) struct SafeTensors<W> {
    columns: Vec<(String, Column<'static>)>,
    place: Place,
    of: std::marker::PhantomData<W>,
}

impl<W: Columns> SafeTensors<W> {
    pub(super) fn new(source: &'static W, folder: &Path) -> Self {
        let place = Place::new(folder, "safetensors");
        SafeTensors { columns: source.named(), place, of: std::marker::PhantomData }
    }

    fn read<'a>(&self, bytes: &'a [u8]) -> Read<'a, W> {
        let file = safetensors::SafeTensors::deserialize(bytes).unwrap();
        let columns = self.columns.iter();
        let columns = columns.map(|(name, column)| {
            let data: &'a [u8] = file.tensor(name).unwrap().data();
            column.of(data)
        });
        Read::new(columns.collect())
    }
}

struct Tensor<'a> {
    column: &'a Column<'static>,
    shape: [usize; 1],
}

impl<'a> Tensor<'a> {
    fn new(column: &'a Column<'static>) -> Self {
        let len = match column {
            Column::F32(items) => items.len(),
            Column::F64(items) => items.len(),
            Column::U64(items) => items.len(),
            Column::U32(items) => items.len(),
            Column::U8(items) => items.len(),
        };
        Tensor { column, shape: [len] }
    }
}

impl View for Tensor<'_> {
    fn dtype(&self) -> Dtype {
        match self.column {
            Column::F32(_) => Dtype::F32,
            Column::F64(_) => Dtype::F64,
            Column::U64(_) => Dtype::U64,
            Column::U32(_) => Dtype::U32,
            Column::U8(_) => Dtype::U8,
        }
    }

    fn shape(&self) -> &[usize] {
        &self.shape
    }

    fn data(&self) -> Cow<'_, [u8]> {
        self.column.bytes().into()
    }

    fn data_len(&self) -> usize {
        self.column.bytes().len()
    }
}

impl<W: Columns> Peer for SafeTensors<W> {
    fn name(&self) -> &'static str {
        "safetensors"
    }

    fn write(&mut self) {
        let tensors = self.columns.iter().map(|(name, column)| (name, Tensor::new(column)));
        serialize_to_file(tensors, None, &self.place.0).unwrap();
    }

    fn clear(&mut self) {
        self.place.clear();
    }

    fn bytes(&self) -> u64 {
        self.place.bytes()
    }

    fn attach(&self, look: Look<'_>) {
        let map = self.place.map();
        look(&self.read(&map));
    }

    /// The crate's own way is to read the file into memory, and to view that.
    fn owned(&self, look: Look<'_>) -> bool {
        let bytes = std::fs::read(&self.place.0).unwrap();
        look(&self.read(&bytes));
        true
    }
}
