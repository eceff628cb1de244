//! The `dim` field of the ndarray form. A list of sizes is kept. Anything else is written.

use std::cell::Cell;

use serde::Serializer as _;
use serde::ser::{Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct};

use crate::array::TOKEN;
use crate::error::{Error, Result};

use super::forward::{
    forward, forward_lists, forward_numbers, forward_rest, forward_tuples, forward_types,
};
use super::ndarray_form::{NdarrayForm, StructOrArray};
use super::numbers::{FoundNumber, FoundNumbers, other};
use super::record::{RecordWriter, TupleOrSeq, TupleStruct};
use super::seq_map::{MapWriter, SeqWriter};
use super::{Place, Written};

/// The `dim` field, kept so that it can be written as it would have been.
#[derive(Debug)]
pub(super) struct Dim {
    axes: Vec<FoundNumber>,
    tuple: bool,
}

impl Dim {
    pub(super) fn shape(&self) -> Option<Vec<usize>> {
        self.axes.iter().map(FoundNumber::as_usize).collect()
    }
}

impl Serialize for Dim {
    fn serialize<S: serde::Serializer>(&self, place: S) -> std::result::Result<S::Ok, S::Error> {
        if !self.tuple {
            return place.collect_seq(&self.axes);
        }
        let mut tuple = place.serialize_tuple(self.axes.len())?;
        for axis in &self.axes {
            tuple.serialize_element(axis)?;
        }
        tuple.end()
    }
}

/// Keeps a list of sizes.
pub(super) struct DimTaker<'x, 'q, 'a> {
    array: &'x mut NdarrayForm<'q, 'a>,
    asked: Cell<bool>,
}

impl<'x, 'q, 'a> DimTaker<'x, 'q, 'a> {
    pub(super) fn new(array: &'x mut NdarrayForm<'q, 'a>) -> Self {
        DimTaker { array, asked: Cell::new(false) }
    }

    fn real(self) -> Result<Place<'x, 'a>> {
        let place = self.array.real("dim")?;
        if self.asked.get() {
            place.is_human_readable();
        }
        Ok(place)
    }

    fn list(self, list: List, len: usize) -> Axes<'x, 'q, 'a> {
        Axes::Kept { taker: self, list, axes: Vec::with_capacity(len.min(8)) }
    }
}

impl<'x, 'q, 'a> serde::Serializer for DimTaker<'x, 'q, 'a> {
    type Ok = Written;
    type Error = Error;
    type SerializeSeq = Axes<'x, 'q, 'a>;
    type SerializeTuple = Axes<'x, 'q, 'a>;
    type SerializeTupleStruct = Axes<'x, 'q, 'a>;
    type SerializeTupleVariant = RecordWriter<'x, 'a>;
    type SerializeMap = MapWriter<'x, 'a>;
    type SerializeStruct = StructOrArray<'x, 'a>;
    type SerializeStructVariant = RecordWriter<'x, 'a>;

    fn is_human_readable(&self) -> bool {
        self.asked.set(true);
        self.array.is_readable()
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Written> {
        if self.array.notes(name) {
            return self.real()?.serialize_newtype_struct(name, value);
        }
        if name != TOKEN {
            return value.serialize(self);
        }
        let seen = FoundNumbers::of(value).filter(|seen| seen.single().is_none());
        match (seen, self.array.seen()) {
            (Some(seen), Some(array)) => {
                let tuple = seen.is_tuple();
                array.dim = Some(Dim { axes: seen.into_list(), tuple });
                Ok(Written::KEPT)
            }
            _ => self.real()?.serialize_newtype_struct(name, value),
        }
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq> {
        Ok(self.list(List::Seq(len), len.unwrap_or_default()))
    }

    fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple> {
        Ok(self.list(List::Tuple(len), len))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct> {
        if name == TOKEN {
            return Ok(Axes::Array(self.real()?.serialize_tuple_struct(name, len)?));
        }
        Ok(self.list(List::Tuple(len), len))
    }

    forward! { serialize_u8(value: u8) serialize_u32(value: u32) serialize_u64(value: u64) }
    forward_numbers!();
    forward_rest!();
}

/// The kind of list that was begun.
#[derive(Clone, Copy)]
pub(super) enum List {
    Seq(Option<usize>),
    Tuple(usize),
}

/// A list that has only had sizes so far, or a list that is being written.
pub(super) enum Axes<'x, 'q, 'a> {
    Kept {
        taker: DimTaker<'x, 'q, 'a>,
        list: List,
        axes: Vec<FoundNumber>,
    },
    Real(RealList<'x, 'a>),
    /// An array of this crate's own.
    Array(TupleStruct<'x, 'a>),
    Failed,
}

/// A list that is written.
pub(super) enum RealList<'x, 'a> {
    Seq(SeqWriter<'x, 'a>),
    Tuple(TupleOrSeq<'x, 'a>),
}

impl<'a> Axes<'_, '_, 'a> {
    fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        if let Axes::Array(array) = self {
            return array.serialize_field(value);
        }
        let written = value.serialize(AxisTaker { axes: self, asked: Cell::new(false) });
        if written.as_ref().is_ok_and(|written| written.is_kept()) {
            return Ok(());
        }
        if let Axes::Kept { .. } = self {
            // The value itself has failed. As an item, its error has its place.
            self.place()?;
        }
        match self {
            Axes::Real(RealList::Seq(seq)) => seq.wrote(value, written),
            Axes::Real(RealList::Tuple(tuple)) => tuple.wrote(value, written),
            _ => Err(other()),
        }
    }

    /// The place for an item that is not a size. The sizes that were kept are written before it.
    fn place(&mut self) -> Result<Place<'_, 'a>> {
        if let Axes::Kept { .. } = self
            && let Axes::Kept { taker, list, axes } = std::mem::replace(self, Axes::Failed)
        {
            let place = taker.real()?;
            let mut real = match list {
                List::Seq(len) => RealList::Seq(SeqWriter::begin(place, len)?),
                List::Tuple(len) => RealList::Tuple(place.serialize_tuple(len)?),
            };
            for axis in &axes {
                match &mut real {
                    RealList::Seq(seq) => seq.element(axis)?,
                    RealList::Tuple(tuple) => tuple.serialize_element(axis)?,
                }
            }
            *self = Axes::Real(real);
        }
        match self {
            Axes::Real(RealList::Seq(seq)) => Ok(seq.place()),
            Axes::Real(RealList::Tuple(tuple)) => Ok(tuple.place()),
            _ => Err(other()),
        }
    }

    fn finish(self) -> Result<Written> {
        match self {
            Axes::Kept { taker, list, axes } => {
                let tuple = matches!(list, List::Tuple(_));
                match taker.array.seen() {
                    Some(seen) => seen.dim = Some(Dim { axes, tuple }),
                    None => return Err(other()),
                }
                Ok(Written::KEPT)
            }
            Axes::Real(RealList::Seq(mut seq)) => Ok(seq.finish()),
            Axes::Real(RealList::Tuple(tuple)) => SerializeTuple::end(tuple),
            Axes::Array(array) => SerializeTupleStruct::end(array),
            Axes::Failed => Err(other()),
        }
    }
}

macro_rules! list {
    ($($tr:ident $method:ident)*) => {$(
        impl $tr for Axes<'_, '_, '_> {
            type Ok = Written;
            type Error = Error;

            fn $method<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
                self.element(value)
            }

            fn end(self) -> Result<Written> {
                self.finish()
            }
        }
    )*};
}

list! { SerializeSeq serialize_element SerializeTuple serialize_element SerializeTupleStruct serialize_field }

/// Keeps one size.
struct AxisTaker<'y, 'x, 'q, 'a> {
    axes: &'y mut Axes<'x, 'q, 'a>,
    asked: Cell<bool>,
}

impl<'y, 'a> AxisTaker<'y, '_, '_, 'a> {
    fn number(self, number: FoundNumber) -> Result<Written> {
        if let Axes::Kept { axes, .. } = &mut *self.axes {
            axes.push(number);
            return Ok(Written::KEPT);
        }
        number.serialize(self.real()?)
    }

    fn real(self) -> Result<Place<'y, 'a>> {
        let place = self.axes.place()?;
        if self.asked.get() {
            place.is_human_readable();
        }
        Ok(place)
    }
}

impl<'y, 'a> serde::Serializer for AxisTaker<'y, '_, '_, 'a> {
    forward_types!('y 'a);

    fn is_human_readable(&self) -> bool {
        self.asked.set(true);
        match &*self.axes {
            Axes::Kept { taker, .. } => taker.array.is_readable(),
            Axes::Real(RealList::Seq(seq)) => seq.is_readable(),
            Axes::Real(RealList::Tuple(tuple)) => tuple.is_readable(),
            _ => false,
        }
    }

    fn serialize_u8(self, number: u8) -> Result<Written> {
        self.number(FoundNumber::U8(number))
    }

    fn serialize_u32(self, number: u32) -> Result<Written> {
        self.number(FoundNumber::U32(number))
    }

    fn serialize_u64(self, number: u64) -> Result<Written> {
        self.number(FoundNumber::U64(number))
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Written> {
        if let Axes::Kept { taker, .. } = &*self.axes
            && taker.array.notes(name)
        {
            return self.real()?.serialize_newtype_struct(name, value);
        }
        if name != TOKEN {
            return match self.axes {
                Axes::Kept { .. } => value.serialize(self),
                _ => self.real()?.serialize_newtype_struct(name, value),
            };
        }
        match FoundNumbers::of(value).and_then(|seen| seen.single()) {
            Some(number) if matches!(self.axes, Axes::Kept { .. }) => self.number(number),
            _ => self.real()?.serialize_newtype_struct(name, value),
        }
    }

    forward_numbers!();
    forward_rest!();
    forward_lists!();
}
