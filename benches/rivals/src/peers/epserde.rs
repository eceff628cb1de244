//! ε-serde: written by `store` and read by `mmap`. Only a field whose type is a parameter becomes a view, so the objects have types of
//! their own here. It has no maps: tags are texts in a list.

use std::path::Path;

use epserde::Epserde;
use epserde::deser::{Deserialize, Flags};
use epserde::ser::Serialize;

use super::Place;
use crate::harness::{Look, Peer};
use crate::workload::{Layers, Number, Small, Structs, Visit, Visitor};

#[derive(Epserde)]
struct ArraysAndTexts<A, T> {
    arrays: A,
    texts: T,
}

impl<N, A, T> Visit for ArraysAndTexts<Vec<A>, Vec<T>>
where
    N: Number,
    A: std::ops::Deref<Target = [N]>,
    T: AsRef<str>,
{
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for array in &self.arrays {
            visitor.numbers(array);
        }
        for text in &self.texts {
            visitor.text(text.as_ref());
        }
    }
}

#[derive(Epserde)]
struct Rows<R> {
    rows: R,
}

#[derive(Epserde)]
struct Row<L> {
    id: u64,
    label: L,
    score: f64,
}

impl<L: AsRef<str>> Visit for Rows<Vec<Row<L>>> {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for row in &self.rows {
            visitor.number(row.id);
            visitor.text(row.label.as_ref());
            visitor.number(row.score);
        }
    }
}

struct Stored<F> {
    form: F,
    place: Place,
}

macro_rules! peer {
    ($name:ident, $of:ty, $form:ty, $make:expr) => {
        pub(super) fn $name(source: &'static $of, folder: &Path) -> Box<dyn Peer> {
            let make: fn(&$of) -> $form = $make;
            Box::new(Stored { form: make(source), place: Place::new(folder, "epserde") })
        }

        impl Peer for Stored<$form> {
            fn name(&self) -> &'static str {
                "ε-serde"
            }

            fn write(&mut self) {
                // SAFETY: no padding is written: all elements are numbers and bytes.
                #[allow(unsafe_code)]
                unsafe { self.form.store(&self.place.0) }.unwrap();
            }

            fn clear(&mut self) {
                self.place.clear();
            }

            fn bytes(&self) -> u64 {
                self.place.bytes()
            }

            fn attach(&self, look: Look<'_>) {
                // SAFETY: this process has written the file, from this type.
                #[allow(unsafe_code)]
                let mapped = unsafe { <$form>::mmap(&self.place.0, Flags::empty()) }.unwrap();
                look(mapped.uncase());
            }

            fn owned(&self, look: Look<'_>) -> bool {
                // SAFETY: this process has written the file, from this type.
                #[allow(unsafe_code)]
                let owned = unsafe { <$form>::load_full(&self.place.0) }.unwrap();
                look(&owned);
                true
            }
        }
    };
}

peer!(layers, Layers, ArraysAndTexts<Vec<Vec<f32>>, Vec<String>>, |source| {
    let arrays = source.layers.iter().map(|layer| layer.data.clone()).collect();
    let texts = source.texts().into_iter().map(str::to_owned).collect();
    ArraysAndTexts { arrays, texts }
});
peer!(small, Small, ArraysAndTexts<Vec<Vec<f64>>, Vec<String>>, |source| {
    ArraysAndTexts { arrays: source.arrays.clone(), texts: source.texts.clone() }
});
peer!(structs, Structs, Rows<Vec<Row<String>>>, |source| {
    let rows = source.rows.iter();
    let row =
        |row: &crate::workload::Row| Row { id: row.id, label: row.label.clone(), score: row.score };
    Rows { rows: rows.map(row).collect() }
});
