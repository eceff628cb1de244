//! Objects of arrays and texts, or of rows that may as well be columns.

use std::collections::BTreeMap;

use super::columns::{Column, Columns, text_columns, texts_of};
use super::visit::{Visit, Visitor};
use super::{Random, object, record};

object! {
    /// Arrays of `f32` with names, as of a model, and a map of texts.
    #[allow(clippy::struct_field_names)]
    struct Layers { name: String, layers: Vec<Layer>, tags: BTreeMap<String, String>, }
}
object! {
    struct Layer { name: String, data: Vec<f32>, }
}
object! {
    /// Many arrays of 16 `f64`, and as many texts.
    struct Small { arrays: Vec<Vec<f64>>, texts: Vec<String>, }
}
object! {
    /// Many small structs.
    struct Structs { rows: Vec<Row>, }
}
record! {
    struct Row { id: u64, label: String, score: f64, }
}

impl Layers {
    pub(crate) fn new(bytes: usize, arrays: usize) -> Self {
        let mut random = Random(1);
        let layer = |at| Layer {
            name: format!("layer {at}"),
            data: (0..bytes / 4 / arrays).map(|_| random.float()).collect(),
        };
        Layers {
            name: "model".to_owned(),
            layers: (0..arrays).map(layer).collect(),
            tags: (0..32).map(|at| (format!("tag {at:02}"), format!("value {at}"))).collect(),
        }
    }

    /// Its own name, those of its layers, and its tags.
    pub(crate) fn texts(&self) -> Vec<&str> {
        let names = self.layers.iter().map(|layer| layer.name.as_str());
        let tags = self.tags.iter().flat_map(|(key, value)| [key.as_str(), value]);
        std::iter::once(self.name.as_str()).chain(names).chain(tags).collect()
    }
}

impl Visit for Layers {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for layer in &self.layers {
            visitor.numbers(&layer.data);
        }
        for text in self.texts() {
            visitor.text(text);
        }
    }
}

impl Visit for ArchivedLayers {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for layer in self.layers.iter() {
            visitor.numbers(&layer.data);
        }
        visitor.text(&self.name);
        for layer in self.layers.iter() {
            visitor.text(&layer.name);
        }
        for (key, value) in self.tags.iter() {
            visitor.text(key);
            visitor.text(value);
        }
    }
}

impl Small {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(2);
        let array = |_| (0..16).map(|_| random.float().into()).collect();
        Small {
            arrays: (0..count).map(array).collect(),
            texts: (0..count).map(|at| format!("text {at}")).collect(),
        }
    }
}

impl Visit for Small {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for array in &self.arrays {
            visitor.numbers(array);
        }
        for text in &self.texts {
            visitor.text(text);
        }
    }
}

impl Visit for ArchivedSmall {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for array in self.arrays.iter() {
            visitor.numbers(array);
        }
        for text in self.texts.iter() {
            visitor.text(text);
        }
    }
}

impl Structs {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(3);
        let row = |at| Row {
            id: at,
            label: format!("label {}", random.next(100_000)),
            score: random.float().into(),
        };
        Structs { rows: (0..count as u64).map(row).collect() }
    }
}

/// All but the count of rows, which columns do not have either.
macro_rules! visit_rows {
    ($($of:ty),*) => {
        $(impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                for row in self.rows.iter() {
                    row.visit(visitor);
                }
            }
        })*
    };
}

visit_rows!(Structs, ArchivedStructs);

/// Arrays first, then texts.
fn visit_arrays_and_texts<V: Visitor>(columns: &[Column<'_>], visitor: &mut V) {
    let (arrays, texts) = columns.split_at(columns.len() - 2);
    for array in arrays {
        match array {
            Column::F32(items) => visitor.numbers(items),
            Column::F64(items) => visitor.numbers(items),
            _ => unreachable!(),
        }
    }
    for text in texts_of(&texts[0], &texts[1]) {
        visitor.text(text);
    }
}

impl Columns for Layers {
    fn named(&'static self) -> Vec<(String, Column<'static>)> {
        let array = |layer: &'static Layer| {
            (layer.name.replace(' ', "_"), Column::F32(layer.data.as_slice().into()))
        };
        let texts = text_columns(self.texts().into_iter());
        self.layers.iter().map(array).chain(texts).collect()
    }

    fn visit_columns<V: Visitor>(columns: &[Column<'_>], visitor: &mut V) {
        visit_arrays_and_texts(columns, visitor);
    }
}

impl Columns for Small {
    fn named(&'static self) -> Vec<(String, Column<'static>)> {
        let arrays = self.arrays.iter().enumerate();
        let arrays =
            arrays.map(|(at, array)| (format!("a{at}"), Column::F64(array.as_slice().into())));
        arrays.chain(text_columns(self.texts.iter().map(String::as_str))).collect()
    }

    fn joined(&'static self) -> Vec<(String, Column<'static>)> {
        let all: Vec<f64> = self.arrays.iter().flatten().copied().collect();
        let arrays = ("arrays".to_owned(), Column::F64(all.into()));
        let texts = text_columns(self.texts.iter().map(String::as_str));
        std::iter::once(arrays).chain(texts).collect()
    }

    fn visit_columns<V: Visitor>(columns: &[Column<'_>], visitor: &mut V) {
        visit_arrays_and_texts(columns, visitor);
    }
}

impl Columns for Structs {
    fn named(&'static self) -> Vec<(String, Column<'static>)> {
        let ids: Vec<u64> = self.rows.iter().map(|row| row.id).collect();
        let scores: Vec<f64> = self.rows.iter().map(|row| row.score).collect();
        let texts = text_columns(self.rows.iter().map(|row| row.label.as_str()));
        let numbers = [
            ("ids".to_owned(), Column::U64(ids.into())),
            ("scores".to_owned(), Column::F64(scores.into())),
        ];
        numbers.into_iter().chain(texts).collect()
    }

    fn visit_columns<V: Visitor>(columns: &[Column<'_>], visitor: &mut V) {
        let [Column::U64(ids), Column::F64(scores), ends, bytes] = columns else { unreachable!() };
        for ((id, score), label) in ids.iter().zip(scores.iter()).zip(texts_of(ends, bytes)) {
            visitor.number(*id);
            visitor.text(label);
            visitor.number(*score);
        }
    }
}
