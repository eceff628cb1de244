//! The ndarray form, `struct Array { v: 1, dim: [2, 3], data: [..] }`, which an ndarray under serde's own derive gives. The elements
//! are packed as they come, and placed like those of any other array.
//!
//! The parts that were seen are kept until the data has been placed. A part may not be what ndarray would give, or an element may
//! be of another type than the first. Then the kept parts are written inline, and so is the rest of the struct. So each part
//! is asked once.

use std::cell::Cell;

use serde::Serializer as _;
use serde::ser::{Serialize, SerializeStruct};

use crate::array::TOKEN;
use crate::error::{Error, Result};
use crate::layout;
use crate::wire::Tag;

use super::array::Begun;
use super::axes::{Dim, DimTaker};
use super::elements::{End, GatheredElements};
use super::forward::{
    forward, forward_lists, forward_numbers, forward_rest, forward_tuples, forward_types,
};
use super::numbers::{FoundNumber, FoundNumbers};
use super::record::{RecordWriter, TupleOrSeq, TupleStruct};
use super::schema::SchemaKey;
use super::seq_map::{MapWriter, SeqWriter};
use super::{Place, Written};

const NAME: &str = "Array";
const FIELDS: [&str; 3] = ["v", "dim", "data"];

#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn may_be_array(name: &'static str, len: usize) -> bool {
    len == FIELDS.len() && name == NAME
}

/// A struct, or one that may turn out to be an ndarray.
#[repr(u8)]
pub(super) enum StructOrArray<'q, 'a> {
    Struct(RecordWriter<'q, 'a>),
    /// Boxed, since every struct is moved in this enum and few are named `Array`.
    Array(Box<NdarrayForm<'q, 'a>>),
}

impl SerializeStruct for StructOrArray<'_, '_> {
    type Ok = Written;
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_field<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
    ) -> Result<()> {
        match self {
            StructOrArray::Struct(record) => record.field(key, value),
            StructOrArray::Array(array) => array.field(key, value),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn skip_field(&mut self, key: &'static str) -> Result<()> {
        match self {
            StructOrArray::Struct(record) => {
                record.skip(key);
                Ok(())
            }
            StructOrArray::Array(array) => array.skip(key),
        }
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(mut self) -> Result<Written> {
        match self {
            StructOrArray::Struct(ref mut record) => Ok(record.finish()),
            StructOrArray::Array(array) => array.finish(),
        }
    }
}

/// A struct that has been an ndarray so far.
pub(super) struct NdarrayForm<'q, 'a> {
    state: State<'q, 'a>,
}

enum State<'q, 'a> {
    Seen(FormFields<'q, 'a>),
    Placed(Written),
    /// The value is a struct like any other.
    Struct(RecordWriter<'q, 'a>),
    Failed,
}

/// The parts that were seen of a struct of which nothing is written yet.
pub(super) struct FormFields<'q, 'a> {
    pub(super) place: Place<'q, 'a>,
    version: bool,
    pub(super) dim: Option<Dim>,
}

impl<'q, 'a> NdarrayForm<'q, 'a> {
    pub(super) fn new(place: Place<'q, 'a>) -> Self {
        let seen = FormFields { place, version: false, dim: None };
        NdarrayForm { state: State::Seen(seen) }
    }

    pub(super) fn is_readable(&self) -> bool {
        match &self.state {
            State::Seen(seen) => seen.place.writer.readable,
            State::Struct(record) => record.is_readable(),
            _ => false,
        }
    }

    /// Whether a newtype struct of this name is written in another way than the value that it holds.
    pub(super) fn notes(&self, name: &str) -> bool {
        match &self.state {
            State::Seen(seen) => seen.place.writer.notes(name),
            _ => false,
        }
    }

    /// The parts that were seen, while the value can still be an ndarray.
    pub(super) fn seen(&mut self) -> Option<&mut FormFields<'q, 'a>> {
        match &mut self.state {
            State::Seen(seen) => Some(seen),
            _ => None,
        }
    }

    #[inline(never)]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        let State::Seen(FormFields { version, dim, .. }) = &self.state else {
            return self.as_struct()?.field(key, value);
        };
        match (*version, dim, key) {
            (false, None, "v") => {
                let taker = VersionTaker { array: self, asked: Cell::new(false) };
                let written = value.serialize(taker);
                self.took(key, value, written)
            }
            (true, None, "dim") => {
                let written = value.serialize(DimTaker::new(self));
                self.took(key, value, written)
            }
            (true, Some(dim), "data") => {
                if let Some(shape) = dim.shape()
                    && let Some(count @ 1..) = layout::count(&shape)
                {
                    return self.data(shape, count, value);
                }
                self.as_struct()?.field(key, value)
            }
            _ => self.as_struct()?.field(key, value),
        }
    }

    #[inline(never)]
    fn skip(&mut self, key: &'static str) -> Result<()> {
        self.as_struct()?.skip(key);
        Ok(())
    }

    fn data<T: Serialize + ?Sized>(
        &mut self,
        shape: Vec<usize>,
        count: usize,
        value: &T,
    ) -> Result<()> {
        let mut elements = GatheredElements::new(self, shape, count, typeid::of::<T>());
        let written = value.serialize(elements.taker());
        let end = elements.end();
        if let End::Lost | End::Open = end
            && let Some(seen) = self.seen()
        {
            seen.place.writer.abandon()?;
        }
        match end {
            End::Failed(error) => Err(error),
            // The data is not what its type's name has promised.
            End::Lost => self.as_struct()?.field("data", value),
            End::Open | End::Seen => self.took("data", value, written),
        }
    }

    /// A field was kept, written, or failed.
    fn took<T: Serialize + ?Sized>(
        &mut self,
        key: &'static str,
        value: &T,
        written: Result<Written>,
    ) -> Result<()> {
        if written.as_ref().is_ok_and(|written| written.is_kept()) {
            return Ok(());
        }
        match written {
            // The sink failed, which says more than that nothing can follow.
            Err(error) if matches!(self.state, State::Failed) => return Err(error),
            _ if !matches!(self.state, State::Struct(_)) => {
                self.real(key)?;
            }
            _ => {}
        }
        self.as_struct()?.wrote(value, written)
    }

    /// The place for a field that is not one of ndarray's.
    pub(super) fn real(&mut self, key: &'static str) -> Result<Place<'_, 'a>> {
        Ok(self.as_struct()?.place(key))
    }

    /// Writes the reference to the array, whose elements the sink has.
    pub(super) fn place(&mut self) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Seen(seen) => {
                let written = Begun::of(seen.place, 0).end(Tag::Ndarray, None)?;
                self.state = State::Placed(written);
                Ok(())
            }
            _ => Err(behind()),
        }
    }

    /// Goes on as a plain struct. The parts that were seen so far are written first.
    fn as_struct(&mut self) -> Result<&mut RecordWriter<'q, 'a>> {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Seen(FormFields { place, version, dim }) => {
                let mut record =
                    RecordWriter::begin(place, SchemaKey::of_struct(NAME, FIELDS.len()))?;
                if version {
                    record.field("v", &1_u8)?;
                }
                if let Some(dim) = dim {
                    record.field("dim", &dim)?;
                }
                State::Struct(record)
            }
            other => other,
        };
        match &mut self.state {
            State::Struct(record) => Ok(record),
            _ => Err(behind()),
        }
    }

    fn finish(mut self) -> Result<Written> {
        if let State::Placed(written) = self.state {
            return Ok(written);
        }
        Ok(self.as_struct()?.finish())
    }
}

#[cold]
fn behind() -> Error {
    serde::ser::Error::custom("a field follows the data of an ndarray, or it failed before")
}

/// Keeps the version that ndarray writes.
struct VersionTaker<'x, 'q, 'a> {
    array: &'x mut NdarrayForm<'q, 'a>,
    asked: Cell<bool>,
}

impl<'x, 'a> VersionTaker<'x, '_, 'a> {
    fn is_kept(&mut self, number: FoundNumber) -> bool {
        match self.array.seen() {
            Some(seen) if number == FoundNumber::U8(1) => {
                seen.version = true;
                true
            }
            _ => false,
        }
    }

    fn real(self) -> Result<Place<'x, 'a>> {
        let place = self.array.real("v")?;
        if self.asked.get() {
            place.is_human_readable();
        }
        Ok(place)
    }
}

impl<'x, 'a> serde::Serializer for VersionTaker<'x, '_, 'a> {
    forward_types!('x 'a);

    fn is_human_readable(&self) -> bool {
        self.asked.set(true);
        self.array.is_readable()
    }

    fn serialize_u8(mut self, number: u8) -> Result<Written> {
        if self.is_kept(FoundNumber::U8(number)) {
            return Ok(Written::KEPT);
        }
        self.real()?.serialize_u8(number)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        mut self,
        name: &'static str,
        value: &T,
    ) -> Result<Written> {
        if self.array.notes(name) {
            return self.real()?.serialize_newtype_struct(name, value);
        }
        if name != TOKEN {
            return value.serialize(self);
        }
        if FoundNumbers::of(value)
            .and_then(|seen| seen.single())
            .is_some_and(|one| self.is_kept(one))
        {
            return Ok(Written::KEPT);
        }
        self.real()?.serialize_newtype_struct(name, value)
    }

    forward! { serialize_u32(value: u32) serialize_u64(value: u64) }
    forward_numbers!();
    forward_rest!();
    forward_lists!();
}
