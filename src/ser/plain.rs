//! ndarray's own serde form, `struct Array { v: 1, dim: [2, 3], data: [..] }`, as people's plain derives emit it: the
//! elements are packed as they come and placed like any other array.
//!
//! Nothing is written until the data has been placed. If any part is not what ndarray would emit, or an element is of
//! another type than the first, the struct is encoded inline as every other struct.

use serde::ser::{Serialize, SerializeStruct, SerializeTuple};

use crate::dtype::{DType, Scalar};
use crate::error::{Error, Result};
use crate::layout::{self, Order};
use crate::memory::live::Kind;
use crate::store::Sink;
use crate::wire::Tag;

use super::Serializer;
use super::capture::Begun;
use super::numbers::{Block, Elements, Number, NumberSink, Numbers};
use super::record::Record;
use super::shapes::Key;

const NAME: &str = "Array";
const FIELDS: [&str; 3] = ["v", "dim", "data"];

/// Elements are gathered to blocks of this size before they go to the sink.
const BLOCK: usize = 32 << 10;

#[cfg_attr(not(debug_assertions), inline(always))]
pub(super) fn may_be_array(name: &'static str, len: usize) -> bool {
    len == FIELDS.len() && name == NAME
}

/// A struct, or one that may turn out to be an ndarray.
pub(super) enum StructOrArray<'a, S> {
    Struct(Record<'a, S>),
    /// Boxed, since every struct is moved in this enum and few are named `Array`.
    Array(Box<PlainArray<'a, S>>),
}

impl<S: Sink> SerializeStruct for StructOrArray<'_, S> {
    type Ok = ();
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

    fn skip_field(&mut self, key: &'static str) -> Result<()> {
        match self {
            StructOrArray::Struct(record) => record.skip(key),
            StructOrArray::Array(array) => array.as_struct()?.skip(key),
        }
        Ok(())
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(self) -> Result<()> {
        match self {
            StructOrArray::Struct(record) => {
                record.finish();
                Ok(())
            }
            StructOrArray::Array(array) => array.finish(),
        }
    }
}

/// A struct that has been an ndarray so far.
pub(super) struct PlainArray<'a, S> {
    state: State<'a, S>,
}

enum State<'a, S> {
    /// Nothing of it is written; these parts were seen.
    Seen {
        ser: &'a mut Serializer<S>,
        slot: u8,
        version: Option<Number>,
        dim: Option<Dim>,
    },
    Placed,
    /// It is a struct like any other.
    Struct(Record<'a, S>),
    Failed,
}

/// The `dim` field, kept so that it can be written as it would have been.
#[derive(Clone, Debug)]
struct Dim {
    axes: Vec<Number>,
    tuple: bool,
}

impl Serialize for Dim {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        if !self.tuple {
            return serializer.collect_seq(&self.axes);
        }
        let mut tuple = serializer.serialize_tuple(self.axes.len())?;
        for axis in &self.axes {
            tuple.serialize_element(axis)?;
        }
        tuple.end()
    }
}

impl<'a, S: Sink> PlainArray<'a, S> {
    pub(super) fn new(ser: &'a mut Serializer<S>) -> Self {
        let slot = ser.slot;
        PlainArray { state: State::Seen { ser, slot, version: None, dim: None } }
    }

    #[inline(never)]
    fn field<T: Serialize + ?Sized>(&mut self, key: &'static str, value: &T) -> Result<()> {
        if let State::Seen { ser, slot, version, dim } = &mut self.state {
            match (&*version, &*dim, key) {
                (None, None, "v") => {
                    let mut seen = Numbers::default();
                    if value.serialize(&mut seen).is_ok() && seen.single() == Some(Number::U8(1)) {
                        *version = seen.single();
                        return Ok(());
                    }
                }
                (Some(_), None, "dim") => {
                    let mut seen = Numbers::default();
                    if value.serialize(&mut seen).is_ok() && seen.single().is_none() {
                        let tuple = seen.is_tuple();
                        *dim = Some(Dim { axes: seen.into_list(), tuple });
                        return Ok(());
                    }
                }
                (Some(_), Some(dim), "data") => {
                    let shape: Option<Vec<usize>> = dim.axes.iter().map(Number::as_usize).collect();
                    if let Some(shape) = shape
                        && place(ser, *slot, &shape, value)?
                    {
                        self.state = State::Placed;
                        return Ok(());
                    }
                }
                _ => {}
            }
        }
        self.as_struct()?.field(key, value)
    }

    /// Goes on as a plain struct, with what was seen so far written first.
    fn as_struct(&mut self) -> Result<&mut Record<'a, S>> {
        self.state = match std::mem::replace(&mut self.state, State::Failed) {
            State::Seen { ser, slot, version, dim } => {
                ser.slot = slot;
                let mut record = Record::begin(ser, Key::of_struct(NAME, FIELDS.len()))?;
                if let Some(version) = version {
                    record.field("v", &version)?;
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
            _ => Err(serde::ser::Error::custom("a field follows the data of an ndarray")),
        }
    }

    fn finish(mut self) -> Result<()> {
        if matches!(self.state, State::Placed) {
            return Ok(());
        }
        self.as_struct()?;
        match self.state {
            State::Struct(record) => {
                record.finish();
                Ok(())
            }
            _ => Err(serde::ser::Error::custom("an ndarray ends that failed before")),
        }
    }
}

/// Places the elements of `data`, if they are as many as the shape says and all of one type. If they are not, nothing
/// refers to what was written of them.
fn place<S: Sink, T: Serialize + ?Sized>(
    ser: &mut Serializer<S>,
    slot: u8,
    shape: &[usize],
    data: &T,
) -> Result<bool> {
    let Some(count @ 1..) = layout::count(shape) else { return Ok(false) };
    let mut packer = Packer {
        target: Target::Waiting(&mut *ser),
        shape,
        left: count,
        scalar: None,
        whole: false,
        error: None,
    };
    let fits = data.serialize(Elements(&mut packer)).is_ok();
    let Packer { target, left, error, .. } = packer;
    if let Some(error) = error {
        return Err(error);
    }
    let Target::Begun(mut begun) = target else { return Ok(false) };
    if fits && left == 0 {
        begun.set_slot(slot);
        begun.end(Tag::Ndarray)?;
        return Ok(true);
    }
    begun.abandon()?;
    Ok(false)
}

/// Gathers elements of one type to blocks.
struct Packer<'s, 'p, S> {
    target: Target<'s, S>,
    shape: &'p [usize],
    /// How many elements have not been handed over.
    left: usize,
    scalar: Option<Scalar>,
    /// As many were announced as the shape says: room may be made for all.
    whole: bool,
    /// The sink's own error, as against an element that does not fit.
    error: Option<Error>,
}

enum Target<'s, S> {
    Waiting(&'s mut Serializer<S>),
    Begun(Begun<'s, S>),
    None,
}

impl<S: Sink> NumberSink for Packer<'_, '_, S> {
    fn announce(&mut self, len: Option<usize>) {
        self.whole = len == Some(self.left);
    }

    #[cold]
    fn next_block(&mut self, block: Block, scalar: Scalar) -> Option<Block> {
        let begun = match self.scalar {
            None => self.begin(scalar),
            Some(known) => known == scalar,
        };
        if !begun || !self.last_block(&block) || self.left == 0 {
            return None;
        }
        let item = DType::little_endian(scalar).item_size();
        Some(block.cleared(scalar, self.left.min(BLOCK / item)))
    }

    fn last_block(&mut self, block: &Block) -> bool {
        let (Target::Begun(begun), Some(scalar)) = (&mut self.target, self.scalar) else {
            return false;
        };
        let filled = block.filled(scalar);
        if let Err(error) = begun.write(filled) {
            self.error = Some(error);
            return false;
        }
        self.left -= filled.len() / DType::little_endian(scalar).item_size();
        true
    }
}

impl<S: Sink> Packer<'_, '_, S> {
    fn begin(&mut self, scalar: Scalar) -> bool {
        let Target::Waiting(ser) = std::mem::replace(&mut self.target, Target::None) else {
            return false;
        };
        match Begun::begin(ser, &DType::little_endian(scalar), self.shape, Order::C, Kind::Plain) {
            Ok(mut begun) => {
                if self.whole {
                    begun.expect();
                }
                self.target = Target::Begun(begun);
                self.scalar = Some(scalar);
                true
            }
            Err(error) => {
                self.error = Some(error);
                false
            }
        }
    }
}
