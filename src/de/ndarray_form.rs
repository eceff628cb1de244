//! The ndarray form, `{v, dim, data}`. An array of the container is given in it. So is a list that was written as a list; its
//! lengths are known once its elements are counted. The other way round, an array may have been written inline in this form,
//! because it has no elements or its elements are not numbers. It can be read as nested sequences.

use serde::de::value::{
    BorrowedStrDeserializer, SeqAccessDeserializer, SeqDeserializer, U8Deserializer,
};
use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, Expected, MapAccess, SeqAccess, Visitor,
};
use serde::forward_to_deserialize_any;

use crate::error::{Error, Result};
use crate::layout::{self, MAX_NDIM, Order};
use crate::store::Placed;
use crate::wire::{Schema, SchemaKind, Tag};

use super::array::{check, whole};
use super::bounds::Bounds;
use super::decoder::{ANY, Decoder};
use super::elements::visit_elements;
use super::items::{self, Items};
use super::part::Part;
use super::transparent::Transparent;
use super::value::EncodedValue;

/// The fields of the ndarray form, in the order in which ndarray asks for them.
pub(super) const NDARRAY_FIELDS: [&str; 3] = ["v", "dim", "data"];

/// Calls the visitor with an array in this form.
pub(super) fn visit_ndarray_form<'de, V: Visitor<'de>>(
    placed: &Placed<'de>,
    bounds: &Bounds,
    visitor: V,
) -> Result<V::Value> {
    check(placed, bounds)?;
    let strides = strides(placed);
    let part = whole(placed, &strides, bounds);
    visitor.visit_map(PlacedForm { part, field: Field::V, is_named: false })
}

/// None for elements that lie in the order of their rows.
fn strides(placed: &Placed<'_>) -> Vec<usize> {
    let in_rows = placed.order == Order::C || placed.shape.iter().filter(|n| **n > 1).count() < 2;
    if in_rows { Vec::new() } else { layout::strides(&placed.shape, placed.order) }
}

/// `{v, dim, data}`.
struct PlacedForm<'p, 'de> {
    part: Part<'p, 'de>,
    field: Field,
    /// Whether the field's name was given, so that its value comes next.
    is_named: bool,
}

#[derive(Clone, Copy)]
enum Field {
    V,
    Dim,
    Data,
    End,
}

impl<'de> MapAccess<'de> for PlacedForm<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        let name = match self.field {
            _ if self.is_named => return Err(items::untaken()),
            Field::V => "v",
            Field::Dim => "dim",
            Field::Data => "data",
            Field::End => return Ok(None),
        };
        self.is_named = true;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if !std::mem::take(&mut self.is_named) {
            return Err(items::unnamed());
        }
        let field = self.field;
        self.field = match field {
            Field::V => Field::Dim,
            Field::Dim => Field::Data,
            Field::Data | Field::End => Field::End,
        };
        match field {
            Field::V => seed.deserialize(U8Deserializer::new(1)),
            Field::Dim => {
                let axes = self.part.shape.iter().map(|axis| *axis as u64);
                seed.deserialize(SeqDeserializer::new(axes))
            }
            Field::Data | Field::End => seed.deserialize(Data(self.part)),
        }
    }
}

/// All elements in row-major order, as one sequence.
struct Data<'p, 'de>(Part<'p, 'de>);

impl<'de> Deserializer<'de> for Data<'_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visit_elements(self.0, visitor)
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier
    }
}

/// Calls the visitor with the sequence that comes next, in the ndarray form. The sequence has elements, or is nested by axis.
pub(super) fn visit_list<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    visitor: V,
) -> Result<V::Value> {
    let list = Nested { decoder, runs: vec![OpenRun::START], lens: vec![None], leaf: None };
    visitor.visit_map(ListForm { list, field: 0 })
}

/// `{v, data, dim}`. The lengths come last, because they are known only then.
struct ListForm<'d, 's, 'de> {
    list: Nested<'d, 's, 'de>,
    field: u8,
}

impl<'de> MapAccess<'de> for ListForm<'_, '_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        self.field += 1;
        let name = match self.field {
            1 => "v",
            2 => "data",
            3 => "dim",
            _ => return Ok(None),
        };
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        match self.field {
            1 => seed.deserialize(U8Deserializer::new(1)),
            2 => {
                let data = seed.deserialize(SeqAccessDeserializer::new(&mut self.list))?;
                match self.list.runs.last() {
                    None => Ok(data),
                    Some(_) => Err(Error::custom("a list was not read to its end")),
                }
            }
            _ => seed.deserialize(Lens(&self.list.lens)),
        }
    }
}

/// How far a sequence along one axis has been read.
struct OpenRun {
    left: u64,
    more: bool,
    slot: u8,
    done: usize,
}

impl OpenRun {
    const START: Self = OpenRun { left: 0, more: true, slot: ANY, done: 0 };
}

/// Nested sequences, element by element.
struct Nested<'d, 's, 'de> {
    decoder: &'d mut Decoder<'s, 'de>,
    /// The sequences that are open, outermost first.
    runs: Vec<OpenRun>,
    /// The length of each axis. It is known once a sequence along the axis has ended.
    lens: Vec<Option<usize>>,
    /// How many axes there are. It is known once an element has come.
    leaf: Option<usize>,
}

impl Nested<'_, '_, '_> {
    /// Goes to the next element, and gives its tag.
    fn next_tag(&mut self) -> Result<Option<Tag>> {
        loop {
            let axis = self.runs.len();
            let Some(run) = self.runs.last_mut() else { return Ok(None) };
            if run.left == 0 && run.more {
                let (left, more, [slot]) = self.decoder.run_header()?;
                *run = OpenRun { left, more, slot, done: run.done };
                continue;
            }
            if run.left == 0 {
                let (len, known) = (run.done, &mut self.lens[axis - 1]);
                if *known.get_or_insert(len) != len {
                    return Err(Error::mismatch(format!(
                        "expected rows of one length, found {len} elements after {}",
                        known.unwrap_or(0)
                    )));
                }
                self.runs.pop();
                continue;
            }
            run.left -= 1;
            run.done += 1;
            let tag = self.decoder.tag(run.slot)?;
            if tag != Tag::Seq {
                return match self.leaf.replace(axis) {
                    Some(other) if other != axis => Err(ragged()),
                    _ if self.lens.len() != axis => Err(ragged()),
                    _ => Ok(Some(tag)),
                };
            }
            if self.leaf == Some(axis) {
                return Err(ragged());
            }
            if axis >= MAX_NDIM {
                return Err(Error::custom(format_args!("more than {MAX_NDIM} axes")));
            }
            if self.lens.len() == axis {
                self.lens.push(None);
            }
            self.runs.push(OpenRun::START);
        }
    }
}

fn ragged() -> Error {
    Error::mismatch("expected rows of one shape, found an element beside a sequence")
}

impl<'de> SeqAccess<'de> for &mut Nested<'_, '_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(tag) = self.next_tag()? else { return Ok(None) };
        let value = EncodedValue { decoder: &mut *self.decoder, slot: tag as u8 };
        seed.deserialize(value).map(Some).map_err(|error| {
            self.runs.iter().rev().fold(error, |error, run| error.at_index(run.done - 1))
        })
    }
}

/// The lengths of the axes. An empty list fits any number of axes.
struct Lens<'n>(&'n [Option<usize>]);

impl<'de> Deserializer<'de> for Lens<'_> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        // If no sequence along an axis has ended, the axis has no elements.
        let lens = self.0.iter().map(|len| len.unwrap_or(0) as u64);
        visitor.visit_seq(SeqDeserializer::new(lens))
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        if self.0 == [Some(0)] {
            return visitor.visit_seq(SeqDeserializer::new(std::iter::repeat_n(0_u64, len)));
        }
        self.deserialize_any(visitor)
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_newtype_struct(self)
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple_struct map struct enum identifier ignored_any
    }
}

/// Whether a record of this schema is an array in ndarray's form.
pub(super) fn is_ndarray_form(schema: &Schema<'_>) -> bool {
    schema.kind == SchemaKind::Struct && schema.name == "Array" && schema.fields == NDARRAY_FIELDS
}

/// Calls the visitor of a sequence with the record of this form that comes next, as sequences nested by axis.
pub(super) fn visit_rows<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    number: usize,
    visitor: V,
) -> Result<V::Value> {
    let lens = lens_of_rows(decoder, number, &visitor)?;
    decoder.descend(|decoder| {
        let header = decoder.run_header()?;
        Items::new(decoder, header)
            .visit(|items| Row { items, lens: &lens }.deserialize_seq(visitor))
    })
}

/// The lengths of the axes of the record of this form that comes next. Moves to its elements.
fn lens_of_rows(
    decoder: &mut Decoder<'_, '_>,
    number: usize,
    expected: &dyn Expected,
) -> Result<Vec<u64>> {
    let &[v, dim, data] = decoder.tags(number) else {
        return Err(Error::corrupt("a struct of three fields has another number of tags"));
    };
    let version =
        u64::deserialize(EncodedValue { decoder, slot: v }).map_err(|e| e.at_field("v"))?;
    if version != 1 {
        return Err(Error::mismatch(format!(
            "expected version 1 of ndarray's form, found {version}"
        )));
    }
    let lens = Vec::<u64>::deserialize(EncodedValue { decoder, slot: dim });
    let lens = lens.map_err(|e| e.at_field("dim"))?;
    if lens.is_empty() {
        return Err(Error::mismatch(format!("expected {expected}, found an array without axes")));
    }
    if lens.len() > MAX_NDIM {
        return Err(Error::mismatch(format!("more than {MAX_NDIM} axes")));
    }
    decoder.bounds.check_levels(lens.len())?;
    let products = lens.iter().scan(1_u64, |rows, len| {
        *rows = rows.saturating_mul(*len);
        Some(*rows)
    });
    if lens.contains(&0) {
        // The rows take no bytes, so that nothing else limits their number.
        let rows = products.fold(0, u64::saturating_add);
        decoder.bounds.take_rows(usize::try_from(rows).unwrap_or(usize::MAX))?;
    }
    let tag = decoder.tag(data)?;
    if tag != Tag::Seq {
        return Err(
            Error::mismatch(format!("expected a sequence, found {}", tag.name())).at_field("data")
        );
    }
    Ok(lens)
}

/// One row, or an element if no axis is left.
struct Row<'r, 'd, 's, 'de> {
    items: &'r mut Items<'d, 's, 'de, 1>,
    lens: &'r [u64],
}

impl<'de> Deserializer<'de> for Row<'_, '_, '_, 'de> {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let Row { items, lens } = self;
        let (len, inner) = lens.split_first().map_or((0, lens), |(len, inner)| (*len, inner));
        let mut rows = Rows { items, inner, len, done: 0 };
        let value = visitor.visit_seq(&mut rows)?;
        if rows.done == len {
            return Ok(value);
        }
        let (done, len) = (rows.done, rows.len);
        Err(Error::mismatch(format!("expected {done} elements, found {len}")))
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// The rows or elements along an axis.
struct Rows<'r, 'd, 's, 'de> {
    items: &'r mut Items<'d, 's, 'de, 1>,
    inner: &'r [u64],
    len: u64,
    done: u64,
}

impl<'de> SeqAccess<'de> for &mut Rows<'_, '_, '_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        if self.done == self.len {
            return Ok(None);
        }
        let at = self.done as usize;
        self.done += 1;
        if self.inner.is_empty() {
            return match (&mut *self.items).next_element_seed(seed)? {
                Some(element) => Ok(Some(element)),
                None => Err(Error::mismatch("fewer elements than ndarray's form says")),
            };
        }
        let row = Row { items: &mut *self.items, lens: self.inner };
        seed.deserialize(Transparent::new(row)).map(Some).map_err(|error| error.at_index(at))
    }

    fn size_hint(&self) -> Option<usize> {
        let left = usize::try_from(self.len - self.done).ok()?;
        let elements = self.items.hint();
        Some(if self.inner.contains(&0) { left } else { left.min(elements.unwrap_or(0)) })
    }
}
