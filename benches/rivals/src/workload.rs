//! What is written and read: made from a fixed seed, so that every run has the same.

use std::borrow::Cow;
use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};
use std::marker::PhantomData;

/// A number as a peer shows it: a plain one, or one with a byte order of its own.
pub(crate) trait Number: Copy {
    fn sum(items: &[Self]) -> f64;
    fn bits(self) -> u64;
}

macro_rules! numbers {
    ($($of:ty, $plain:ty, $to:expr, $wide:expr, $bits:expr;)*) => {
        $(impl Number for $of {
            fn sum(items: &[Self]) -> f64 {
                // Independent lanes, so that the sum takes what the memory takes.
                let mut lanes = [<$plain>::default(); 32];
                let chunks = items.chunks_exact(32);
                let rest = chunks.remainder();
                for chunk in chunks {
                    for (lane, item) in lanes.iter_mut().zip(chunk) {
                        *lane += $to(*item);
                    }
                }
                for (lane, item) in lanes.iter_mut().zip(rest) {
                    *lane += $to(*item);
                }
                lanes.iter().map($wide).sum()
            }

            fn bits(self) -> u64 {
                $bits($to(self))
            }
        })*
    };
}

numbers! {
    f32, f32, |item| item, |lane| f64::from(*lane), |item: f32| u64::from(item.to_bits());
    f64, f64, |item| item, |lane| *lane, f64::to_bits;
    u64, u64, |item| item, |lane| *lane as f64, |item| item;
    rkyv::rend::f32_le, f32, |item: Self| item.to_native(), |lane| f64::from(*lane), |item: f32| u64::from(item.to_bits());
    rkyv::rend::f64_le, f64, |item: Self| item.to_native(), |lane| *lane, f64::to_bits;
    rkyv::rend::u64_le, u64, |item: Self| item.to_native(), |lane| *lane as f64, |item| item;
}

/// What goes over all of an object, in the order in which [`Visit::visit`] has it.
pub(crate) trait Visitor {
    fn numbers<N: Number>(&mut self, items: &[N]);
    fn text(&mut self, text: &str);

    fn number<N: Number>(&mut self, item: N) {
        self.numbers(&[item]);
    }
}

/// An object in any form: as it was made, as views, as a peer's own types.
pub(crate) trait Visit {
    fn visit<V: Visitor>(&self, visitor: &mut V);
}

/// The same, for a caller that does not know the form.
pub(crate) trait Content {
    /// The first pass over all numbers and the lengths of all texts.
    fn sum(&self) -> f64;

    /// Differs where anything differs.
    fn digest(&self) -> u64;
}

#[derive(Default)]
struct Sum(f64);

impl Visitor for Sum {
    fn numbers<N: Number>(&mut self, items: &[N]) {
        self.0 += N::sum(items);
    }

    fn text(&mut self, text: &str) {
        self.0 += text.len() as f64;
    }

    fn number<N: Number>(&mut self, item: N) {
        self.0 += item.bits() as f64;
    }
}

#[derive(Default)]
struct Digest(DefaultHasher);

impl Visitor for Digest {
    fn numbers<N: Number>(&mut self, items: &[N]) {
        for item in items {
            self.0.write_u64(item.bits());
        }
    }

    fn text(&mut self, text: &str) {
        self.0.write(text.as_bytes());
        self.0.write_u8(0xff);
    }
}

impl<T: Visit> Content for T {
    fn sum(&self) -> f64 {
        let mut sum = Sum::default();
        self.visit(&mut sum);
        sum.0
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        self.visit(&mut digest);
        digest.0.finish()
    }
}

/// A type with the derives of all peers that take a type as it is.
macro_rules! object {
    ($(#[$doc:meta])* $name:ident { $($field:ident: $of:ty,)* }) => {
        $(#[$doc])*
        #[derive(Clone)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
        #[derive(bitcode::Encode, bitcode::Decode)]
        #[derive(wincode::SchemaWrite, wincode::SchemaRead)]
        pub(crate) struct $name {
            $(pub(crate) $field: $of,)*
        }
    };
}

object! {
    /// Arrays of `f32` with names, as of a model, and a map of texts.
    #[allow(clippy::struct_field_names)]
    Layers { name: String, layers: Vec<Layer>, tags: BTreeMap<String, String>, }
}
object! {
    Layer { name: String, data: Vec<f32>, }
}
object! {
    /// Many arrays of 16 `f64`, and as many texts.
    Small { arrays: Vec<Vec<f64>>, texts: Vec<String>, }
}
object! {
    /// Many small structs.
    Structs { rows: Vec<Row>, }
}
object! {
    Row { id: u64, label: String, score: f64, }
}
object! {
    /// Lines of a web server's log.
    Log { lines: Vec<Line>, }
}
object! {
    Line { address: [u8; 4], user: String, date: String, request: String, code: u16, size: u64, }
}
object! {
    /// Triangles, each of three corners and a normal.
    Mesh { triangles: Vec<Triangle>, }
}
object! {
    Triangle { corners: [Point; 3], normal: Point, }
}
object! {
    #[derive(Copy)]
    Point { x: f32, y: f32, z: f32, }
}

/// The same numbers on every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn float(&mut self) -> f32 {
        self.next(1 << 20) as f32 / 1024.0
    }

    fn point(&mut self) -> Point {
        Point { x: self.float(), y: self.float(), z: self.float() }
    }
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

impl Visit for Structs {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for row in &self.rows {
            visitor.number(row.id);
            visitor.text(&row.label);
            visitor.number(row.score);
        }
    }
}

impl Visit for ArchivedStructs {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for row in self.rows.iter() {
            visitor.number(row.id);
            visitor.text(&row.label);
            visitor.number(row.score);
        }
    }
}

impl Log {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(4);
        let line = |_| Line {
            address: [(); 4].map(|()| random.next(256) as u8),
            user: format!("user{}", random.next(1000)),
            date: format!("{:02}/Oct/2024:13:{:02}:00", random.next(28), random.next(60)),
            request: format!("GET /{}/page{}.html HTTP/1.1", random.next(99), random.next(9999)),
            code: [200, 301, 404][random.next(3) as usize],
            size: random.next(100_000_000),
        };
        Log { lines: (0..count).map(line).collect() }
    }
}

macro_rules! visit_lines {
    ($of:ty, $to:expr, $wide:expr) => {
        impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                for line in self.lines.iter() {
                    visitor.number(line.address.iter().map(|part| u64::from(*part)).sum::<u64>());
                    for text in [&line.user, &line.date, &line.request] {
                        visitor.text(text);
                    }
                    visitor.number(u64::from($to(line.code)));
                    visitor.number::<u64>($wide(line.size));
                }
            }
        }
    };
}

visit_lines!(Log, |code: u16| code, |size| size);
visit_lines!(ArchivedLog, rkyv::rend::u16_le::to_native, rkyv::rend::u64_le::to_native);

impl Mesh {
    pub(crate) fn new(count: usize) -> Self {
        let mut random = Random(5);
        let triangle =
            |_| Triangle { corners: [(); 3].map(|()| random.point()), normal: random.point() };
        Mesh { triangles: (0..count).map(triangle).collect() }
    }
}

macro_rules! visit_triangles {
    ($($of:ty),*) => {
        $(impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                for triangle in self.triangles.iter() {
                    for point in triangle.corners.iter().chain([&triangle.normal]) {
                        visitor.numbers(&[point.x, point.y, point.z]);
                    }
                }
            }
        })*
    };
}

visit_triangles!(Mesh, ArchivedMesh);

/// An object of columns alone, for peers that have arrays and nothing else. Texts are two columns: where each ends, and the bytes of
/// all.
pub(crate) trait Columns: Visit + Sized + 'static {
    /// Each array with its name.
    fn named(&'static self) -> Vec<(String, Column<'static>)>;

    /// The same with as few columns as there can be.
    fn joined(&'static self) -> Vec<(String, Column<'static>)> {
        self.named()
    }

    fn visit_columns<V: Visitor>(columns: &[Column<'_>], visitor: &mut V);
}

#[derive(Clone)]
pub(crate) enum Column<'a> {
    F32(Cow<'a, [f32]>),
    F64(Cow<'a, [f64]>),
    U64(Cow<'a, [u64]>),
    U32(Cow<'a, [u32]>),
    U8(Cow<'a, [u8]>),
}

impl Column<'_> {
    pub(crate) fn bytes(&self) -> &[u8] {
        match self {
            Column::F32(items) => bytemuck::cast_slice(items),
            Column::F64(items) => bytemuck::cast_slice(items),
            Column::U64(items) => bytemuck::cast_slice(items),
            Column::U32(items) => bytemuck::cast_slice(items),
            Column::U8(items) => items,
        }
    }

    /// A column of the same dtype over other bytes: a view, or a copy if they are not aligned.
    pub(crate) fn of<'b>(&self, bytes: &'b [u8]) -> Column<'b> {
        fn cast<T: bytemuck::Pod>(bytes: &[u8]) -> Cow<'_, [T]> {
            bytemuck::try_cast_slice(bytes)
                .map_or_else(|_| bytemuck::pod_collect_to_vec(bytes).into(), Cow::Borrowed)
        }
        match self {
            Column::F32(_) => Column::F32(cast(bytes)),
            Column::F64(_) => Column::F64(cast(bytes)),
            Column::U64(_) => Column::U64(cast(bytes)),
            Column::U32(_) => Column::U32(cast(bytes)),
            Column::U8(_) => Column::U8(cast(bytes)),
        }
    }
}

/// Columns that were read.
pub(crate) struct Read<'a, W> {
    pub(crate) columns: Vec<Column<'a>>,
    pub(crate) of: PhantomData<W>,
}

impl<'a, W> Read<'a, W> {
    pub(crate) fn new(columns: Vec<Column<'a>>) -> Self {
        Read { columns, of: PhantomData }
    }
}

impl<W: Columns> Visit for Read<'_, W> {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        W::visit_columns(&self.columns, visitor);
    }
}

fn text_columns<'a>(texts: impl Iterator<Item = &'a str>) -> [(String, Column<'static>); 2] {
    let (mut ends, mut bytes) = (Vec::new(), Vec::new());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len() as u32);
    }
    let [ends, bytes] = [Column::U32(ends.into()), Column::U8(bytes.into())];
    [("text_ends".to_owned(), ends), ("text_bytes".to_owned(), bytes)]
}

fn texts_of<'a>(ends: &'a Column<'_>, bytes: &'a Column<'_>) -> impl Iterator<Item = &'a str> {
    let (Column::U32(ends), Column::U8(bytes)) = (ends, bytes) else { unreachable!() };
    let mut start = 0;
    ends.iter().map(move |end| {
        let text = &bytes[start..*end as usize];
        start = *end as usize;
        std::str::from_utf8(text).unwrap()
    })
}

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
