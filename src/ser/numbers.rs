//! A small serializer that finds out what an array of this crate is in another format: a number or a list of numbers. It fails on
//! anything else, and the array is then placed. Only arrays of this crate are asked twice in this way.

use serde::ser::{Impossible, Serialize, SerializeSeq, SerializeTuple, SerializeTupleStruct};

use crate::error::{Error, ErrorKind, Result};

use super::unsupported::{refuse, refuse_compounds};

#[cold]
pub(super) fn other() -> Error {
    Error::new(ErrorKind::Message, "not a number or a list of such")
}

/// An unsigned number as it was serialized.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(super) enum FoundNumber {
    U8(u8),
    U32(u32),
    U64(u64),
}

impl FoundNumber {
    pub(super) fn as_usize(&self) -> Option<usize> {
        match *self {
            FoundNumber::U8(number) => Some(number.into()),
            FoundNumber::U32(number) => usize::try_from(number).ok(),
            FoundNumber::U64(number) => usize::try_from(number).ok(),
        }
    }
}

impl Serialize for FoundNumber {
    fn serialize<S: serde::Serializer>(
        &self,
        serializer: S,
    ) -> std::result::Result<S::Ok, S::Error> {
        match *self {
            FoundNumber::U8(number) => serializer.serialize_u8(number),
            FoundNumber::U32(number) => serializer.serialize_u32(number),
            FoundNumber::U64(number) => serializer.serialize_u64(number),
        }
    }
}

/// One number, or a list of them.
#[derive(Default)]
pub(super) struct FoundNumbers {
    found: Vec<FoundNumber>,
    list: Option<ListKind>,
}

#[derive(Clone, Copy, PartialEq, Eq)]
enum ListKind {
    Seq,
    Tuple,
}

impl FoundNumbers {
    /// The number or the list of numbers that this array is in another format, if it is one of these.
    pub(super) fn of<T: Serialize + ?Sized>(array: &T) -> Option<Self> {
        let mut seen = FoundNumbers::default();
        array.serialize(&mut seen).is_ok().then_some(seen)
    }

    pub(super) fn single(&self) -> Option<FoundNumber> {
        match (&self.found[..], self.list) {
            ([one], None) => Some(*one),
            _ => None,
        }
    }

    pub(super) fn is_tuple(&self) -> bool {
        self.list == Some(ListKind::Tuple)
    }

    pub(super) fn into_list(self) -> Vec<FoundNumber> {
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

impl<'a> serde::Serializer for &'a mut FoundNumbers {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = &'a mut FoundNumbers;
    type SerializeTuple = &'a mut FoundNumbers;
    type SerializeTupleStruct = &'a mut FoundNumbers;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn is_human_readable(&self) -> bool {
        false
    }

    fn serialize_u8(self, number: u8) -> Result<()> {
        self.found.push(FoundNumber::U8(number));
        Ok(())
    }

    fn serialize_u32(self, number: u32) -> Result<()> {
        self.found.push(FoundNumber::U32(number));
        Ok(())
    }

    fn serialize_u64(self, number: u64) -> Result<()> {
        self.found.push(FoundNumber::U64(number));
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

    fn serialize_seq(self, _: Option<usize>) -> Result<&'a mut FoundNumbers> {
        self.start(ListKind::Seq)
    }

    fn serialize_tuple(self, _: usize) -> Result<&'a mut FoundNumbers> {
        self.start(ListKind::Tuple)
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<&'a mut FoundNumbers> {
        self.start(ListKind::Tuple)
    }
}

/// Takes one item of a list. It must be a number, and not another list.
fn list_item<T: Serialize + ?Sized>(numbers: &mut FoundNumbers, value: &T) -> Result<()> {
    let before = numbers.found.len();
    value.serialize(&mut *numbers)?;
    if numbers.found.len() == before + 1 { Ok(()) } else { Err(other()) }
}

impl SerializeSeq for &mut FoundNumbers {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        list_item(self, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl SerializeTuple for &mut FoundNumbers {
    type Ok = ();
    type Error = Error;

    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        list_item(self, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}

impl SerializeTupleStruct for &mut FoundNumbers {
    type Ok = ();
    type Error = Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        list_item(self, value)
    }

    fn end(self) -> Result<()> {
        Ok(())
    }
}
