//! Small serializers that look at a value: a number or a list of numbers, and the elements of an array. They fail on
//! anything else, so that the caller can do something else with the value.

use serde::ser::{Impossible, Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct};

use crate::dtype::DType;
use crate::dtype::Scalar::{self, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
use crate::error::{Error, ErrorKind, Result};

use super::refuse::{refuse, refuse_compounds, refuse_tuples};

#[cold]
fn other() -> Error {
    Error::new(ErrorKind::Message, "not a number or a list of such")
}

/// An unsigned number as it was serialized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum Number {
    U8(u8),
    U32(u32),
    U64(u64),
}

impl Number {
    pub(super) fn as_usize(&self) -> Option<usize> {
        match *self {
            Number::U8(number) => Some(number.into()),
            Number::U32(number) => usize::try_from(number).ok(),
            Number::U64(number) => usize::try_from(number).ok(),
        }
    }
}

impl Serialize for Number {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        match *self {
            Number::U8(number) => serializer.serialize_u8(number),
            Number::U32(number) => serializer.serialize_u32(number),
            Number::U64(number) => serializer.serialize_u64(number),
        }
    }
}

/// One number, or a list of them.
#[derive(Default)]
pub(super) struct Numbers {
    found: Vec<Number>,
    list: Option<ListKind>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ListKind {
    Seq,
    Tuple,
}

impl Numbers {
    pub(super) fn single(&self) -> Option<Number> {
        match (&self.found[..], self.list) {
            ([one], None) => Some(*one),
            _ => None,
        }
    }

    pub(super) fn is_tuple(&self) -> bool {
        self.list == Some(ListKind::Tuple)
    }

    pub(super) fn into_list(self) -> Vec<Number> {
        self.found
    }

    fn start(&mut self, kind: ListKind) -> Result<&mut Self> {
        if self.list.is_some() {
            return Err(other());
        }
        self.list = Some(kind);
        Ok(self)
    }
}

impl<'a> serde::Serializer for &'a mut Numbers {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = &'a mut Numbers;
    type SerializeTuple = &'a mut Numbers;
    type SerializeTupleStruct = &'a mut Numbers;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_u8(self, number: u8) -> Result<()> {
        self.found.push(Number::U8(number));
        Ok(())
    }

    fn serialize_u32(self, number: u32) -> Result<()> {
        self.found.push(Number::U32(number));
        Ok(())
    }

    fn serialize_u64(self, number: u64) -> Result<()> {
        self.found.push(Number::U64(number));
        Ok(())
    }

    refuse! { other:
        serialize_bool(bool)
        serialize_i8(i8)
        serialize_i16(i16)
        serialize_i32(i32)
        serialize_i64(i64)
        serialize_u16(u16)
        serialize_f32(f32)
        serialize_f64(f64)
    }
    refuse! { other: serialize_bytes(&[u8]) }
    refuse_compounds!(other);

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<&'a mut Numbers> {
        self.start(ListKind::Seq)
    }

    fn serialize_tuple(self, _: usize) -> Result<&'a mut Numbers> {
        self.start(ListKind::Tuple)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<&'a mut Numbers> {
        self.start(ListKind::Tuple)
    }
}

/// One item of a list: a number and no further list.
fn list_item<T: Serialize + ?Sized>(numbers: &mut Numbers, value: &T) -> Result<()> {
    let before = numbers.found.len();
    value.serialize(&mut *numbers)?;
    if numbers.found.len() == before + 1 { Ok(()) } else { Err(other()) }
}

impl SerializeSeq for &mut Numbers {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        list_item(self, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl SerializeTuple for &mut Numbers {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        list_item(self, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl SerializeTupleStruct for &mut Numbers {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        list_item(self, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

/// Where blocks of elements go, in little-endian bytes.
pub(super) trait NumberSink {
    /// How many elements the sequence says that it has.
    fn announce(&mut self, len: Option<usize>);

    /// Takes what the block has been filled with, and gives one that has room for elements of this type; `None` if they
    /// do not belong to those before.
    fn next_block(&mut self, block: Block, scalar: Scalar) -> Option<Block>;

    /// Takes the last one.
    fn last_block(&mut self, block: &Block) -> bool;
}

/// Elements of one type that wait to be written. A block is handed over by value and never by reference, so that the loop
/// over the elements, which is the caller's, can keep it in registers.
#[derive(Default)]
pub(super) struct Block {
    bytes: Vec<u8>,
    /// How many elements were put there, behind the first place of their type: of another type no element has a place.
    next: usize,
}

/// So many places each type has; a block has fewer.
const PLACES: usize = 1 << 20;

impl Block {
    /// Empty, with room for so many elements.
    pub(super) fn cleared(mut self, scalar: Scalar, count: usize) -> Self {
        self.bytes.resize(count * DType::little_endian(scalar).item_size(), 0);
        Block { next: scalar as usize * PLACES, ..self }
    }

    /// The elements.
    pub(super) fn filled(&self, scalar: Scalar) -> &[u8] {
        let count = self.next.wrapping_sub(scalar as usize * PLACES);
        count
            .checked_mul(DType::little_endian(scalar).item_size())
            .and_then(|bytes| self.bytes.get(..bytes))
            .unwrap_or_default()
    }

    /// One more element, in a single comparison. False if there is no room for it.
    #[inline]
    fn put<const N: usize>(&mut self, scalar: Scalar, bytes: [u8; N]) -> bool {
        let place = self.next.wrapping_sub(scalar as usize * PLACES);
        match self.bytes.as_chunks_mut::<N>().0.get_mut(place) {
            Some(room) => {
                *room = bytes;
                self.next += 1;
                true
            }
            None => false,
        }
    }
}

/// A flat sequence of elements.
pub(super) struct Elements<'a, P>(pub(super) &'a mut P);

impl<'a, P: NumberSink> serde::Serializer for Elements<'a, P> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Sequence<'a, P>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn is_human_readable(&self) -> bool {
        false
    }

    refuse! { other:
        serialize_bool(bool)
        serialize_i8(i8)
        serialize_i16(i16)
        serialize_i32(i32)
        serialize_i64(i64)
        serialize_u8(u8)
        serialize_u16(u16)
        serialize_u32(u32)
        serialize_u64(u64)
        serialize_f32(f32)
        serialize_f64(f64)
    }
    refuse! { other: serialize_bytes(&[u8]) }
    refuse_compounds!(other);
    refuse_tuples!(other);

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        value: &T,
    ) -> Result<()> {
        value.serialize(self)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Sequence<'a, P>> {
        self.0.announce(len);
        Ok(Sequence { sink: self.0, block: Block::default() })
    }
}

pub(super) struct Sequence<'a, P> {
    sink: &'a mut P,
    block: Block,
}

impl<P: NumberSink> Sequence<'_, P> {
    #[inline]
    fn put<const N: usize>(&mut self, scalar: Scalar, bytes: [u8; N]) -> Result<()> {
        if self.block.put(scalar, bytes) {
            return Ok(());
        }
        let full = std::mem::take(&mut self.block);
        match self.sink.next_block(full, scalar) {
            Some(block) => self.block = block,
            None => return Err(other()),
        }
        if self.block.put(scalar, bytes) { Ok(()) } else { Err(other()) }
    }
}

impl<P: NumberSink> SerializeSeq for Sequence<'_, P> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        value.serialize(Element(self))
    }

    fn end(self) -> Result<()> {
        if self.sink.last_block(&self.block) { Ok(()) } else { Err(other()) }
    }
}

/// One element of the sequence.
struct Element<'s, 'a, P>(&'s mut Sequence<'a, P>);

macro_rules! take {
    ($($method:ident $ty:ty, $dtype:ident;)*) => {$(
        #[inline]
        fn $method(self, value: $ty) -> Result<()> {
            self.0.put($dtype, value.to_le_bytes())
        }
    )*};
}

impl<P: NumberSink> serde::Serializer for Element<'_, '_, P> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn is_human_readable(&self) -> bool {
        false
    }

    take! {
        serialize_i8 i8, I8;
        serialize_i16 i16, I16;
        serialize_i32 i32, I32;
        serialize_i64 i64, I64;
        serialize_u8 u8, U8;
        serialize_u16 u16, U16;
        serialize_u32 u32, U32;
        serialize_u64 u64, U64;
        serialize_f32 f32, F32;
        serialize_f64 f64, F64;
    }

    #[inline]
    fn serialize_bool(self, value: bool) -> Result<()> {
        self.0.put(Scalar::Bool, [u8::from(value)])
    }

    refuse! { other: serialize_bytes(&[u8]) }
    refuse_compounds!(other);
    refuse_tuples!(other);

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<()> {
        Err(other())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Impossible<(), Error>> {
        Err(other())
    }
}
