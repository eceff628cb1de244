//! The ndarray form, `{v, dim, data}`. An array of the container is given in it. So is a list that was written as a list; its
//! lengths are known once its elements are counted. The other way round, an array may have been written inline in this form,
//! because it has no elements or its elements are not numbers. It can be read as nested sequences.

use serde::de::value::{BorrowedStrDeserializer, SeqDeserializer};
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
    let origin = FormOrigin::Placed(whole(placed, &strides, bounds));
    visitor.visit_map(FormFields { origin, given: 0, is_named: false })
}

/// None for elements that lie in the order of their rows.
fn strides(placed: &Placed<'_>) -> Vec<usize> {
    let in_rows = placed.order == Order::C || placed.shape.iter().filter(|n| **n > 1).count() < 2;
    if in_rows { Vec::new() } else { layout::strides(&placed.shape, placed.order) }
}

/// Calls the visitor with the sequence that comes next, in the ndarray form. The sequence has elements, or is nested by axis.
pub(super) fn visit_list<'de, V: Visitor<'de>>(
    decoder: &mut Decoder<'_, 'de>,
    visitor: V,
) -> Result<V::Value> {
    let list = Nested { decoder, runs: vec![OpenRun::START], lens: vec![None], leaf: None };
    visitor.visit_map(FormFields { origin: FormOrigin::List(list), given: 0, is_named: false })
}

/// `{v, dim, data}`, or `{v, data, dim}` of a list, whose lengths are known only when it has been read. There is one type for both, and
/// one for their values, because the compiler makes a reader of every field of every struct for each.
struct FormFields<'f, 'd, 's, 'de> {
    origin: FormOrigin<'f, 'd, 's, 'de>,
    /// How many names were given.
    given: u8,
    /// Whether a name was given whose value was not taken.
    is_named: bool,
}

enum FormOrigin<'f, 'd, 's, 'de> {
    Placed(Part<'f, 'de>),
    List(Nested<'d, 's, 'de>),
}

impl<'de> MapAccess<'de> for FormFields<'_, '_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.is_named {
            return Err(items::untaken());
        }
        let is_list = matches!(self.origin, FormOrigin::List(_));
        let name = match (self.given, is_list) {
            (0, _) => "v",
            (1, false) | (2, true) => "dim",
            (1, true) | (2, false) => "data",
            _ => return Ok(None),
        };
        self.given += 1;
        self.is_named = true;
        seed.deserialize(BorrowedStrDeserializer::new(name)).map(Some)
    }

    #[inline]
    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        if !std::mem::take(&mut self.is_named) {
            return Err(items::unnamed());
        }
        seed.deserialize(match (&mut self.origin, self.given) {
            (_, 1) => FormValue::Version,
            (FormOrigin::Placed(part), 2) => FormValue::Dim(Axes::Known(part.shape.iter())),
            (FormOrigin::Placed(part), _) => FormValue::Data(*part),
            (FormOrigin::List(list), 2) => FormValue::List(list),
            (FormOrigin::List(list), _) => FormValue::Dim(list.axes()?),
        })
    }
}

/// The value of a field of the form.
enum FormValue<'f, 'd, 's, 'de> {
    Version,
    Dim(Axes<'f>),
    /// All elements in row-major order, as one sequence.
    Data(Part<'f, 'de>),
    /// The same, of a list.
    List(&'f mut Nested<'d, 's, 'de>),
}

/// The lengths of axes.
enum Axes<'f> {
    Known(std::slice::Iter<'f, usize>),
    /// If no sequence along an axis has ended, the axis has no elements.
    Counted(std::slice::Iter<'f, Option<usize>>),
    /// So many, without elements.
    Empty(usize),
}

impl Iterator for Axes<'_> {
    type Item = u64;

    fn next(&mut self) -> Option<u64> {
        match self {
            Axes::Known(lens) => lens.next().map(|len| *len as u64),
            Axes::Counted(lens) => lens.next().map(|len| len.unwrap_or(0) as u64),
            Axes::Empty(left) => {
                *left = left.checked_sub(1)?;
                Some(0)
            }
        }
    }
}

impl<'de> Deserializer<'de> for FormValue<'_, '_, '_, 'de> {
    type Error = Error;

    #[inline]
    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            FormValue::Version => visitor.visit_u8(1),
            FormValue::Dim(axes) => SeqDeserializer::new(axes).deserialize_any(visitor),
            FormValue::Data(part) => visit_elements(part, visitor),
            FormValue::List(list) => visitor.visit_seq(list),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, len: usize, visitor: V) -> Result<V::Value> {
        match self {
            // An empty list fits any number of axes.
            FormValue::Dim(Axes::Counted(lens)) if lens.as_slice() == [Some(0)] => {
                FormValue::Dim(Axes::Empty(len)).deserialize_any(visitor)
            }
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        match self {
            FormValue::Dim(_) => visitor.visit_newtype_struct(self),
            value => value.deserialize_any(visitor),
        }
    }

    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self {
            FormValue::Data(_) => visitor.visit_unit(),
            value => value.deserialize_any(visitor),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        seq tuple_struct map struct enum identifier
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
    /// The lengths of the axes of the list, which must have been read.
    fn axes(&self) -> Result<Axes<'_>> {
        if self.runs.is_empty() {
            Ok(Axes::Counted(self.lens.iter()))
        } else {
            Err(Error::custom("a list was not read to its end"))
        }
    }

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
    let mut level = decoder.descend::<V::Value>()?;
    let header = level.run_header()?;
    let mut items = Items::new(&mut level, header);
    items.begin()?;
    let mut result = Row { items: &mut items, lens: &lens }.deserialize_seq(visitor);
    if let Some(error) = items.rest(&result) {
        result = Err(error);
    }
    result
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
