//! Objects as columns, for peers that have arrays and nothing else.

use std::borrow::Cow;
use std::marker::PhantomData;

use super::visit::{Visit, Visitor};

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

pub(super) fn text_columns<'a>(
    texts: impl Iterator<Item = &'a str>,
) -> [(String, Column<'static>); 2] {
    let (mut ends, mut bytes) = (Vec::new(), Vec::new());
    for text in texts {
        bytes.extend_from_slice(text.as_bytes());
        ends.push(bytes.len() as u32);
    }
    let [ends, bytes] = [Column::U32(ends.into()), Column::U8(bytes.into())];
    [("text_ends".to_owned(), ends), ("text_bytes".to_owned(), bytes)]
}

pub(super) fn texts_of<'a>(
    ends: &'a Column<'_>,
    bytes: &'a Column<'_>,
) -> impl Iterator<Item = &'a str> {
    let (Column::U32(ends), Column::U8(bytes)) = (ends, bytes) else { unreachable!() };
    let mut start = 0;
    ends.iter().map(move |end| {
        let text = &bytes[start..*end as usize];
        start = *end as usize;
        std::str::from_utf8(text).unwrap()
    })
}
