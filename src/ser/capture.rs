//! Taking an array over: from its payload under the token, or begun by whoever has its elements.

use serde::ser::{Impossible, Serialize};

use crate::array::Descriptor;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Order};
use crate::memory::live::Kind;
use crate::store::{ArrayHead, Sink};
use crate::wire::{Tag, put_varint};

use super::Serializer;
use super::refuse::{refuse, refuse_compounds, refuse_tuples};

/// An array that the sink has begun.
pub(super) struct Begun<'s, S> {
    ser: &'s mut Serializer<S>,
    left: usize,
}

impl<'s, S: Sink> Begun<'s, S> {
    /// Begins an array at the place where the serializer stands.
    pub(super) fn begin(
        ser: &'s mut Serializer<S>,
        dtype: &DType,
        shape: &[usize],
        order: Order,
        kind: Kind,
    ) -> Result<Self> {
        let Some(bytes) = layout::byte_len(shape, dtype.item_size()) else {
            return Err(ser.fail(Error::new(
                ErrorKind::Limit,
                format!("an array of shape {shape:?} of {dtype} exceeds this machine's memory"),
            )));
        };
        ser.arrays += 1;
        let path = ser.place_name();
        let head = ArrayHead { path: &path, dtype, shape, order, kind, bytes };
        ser.sink.begin(&head).inspect_err(|_| ser.failed = true)?;
        Ok(Begun { ser, left: bytes })
    }

    /// All bytes will come, in parts.
    pub(super) fn expect(&mut self) {
        self.ser.sink.expect(self.left);
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            return Err(self.ser.fail(wrong_length()));
        };
        self.left = left;
        self.ser.sink.write(bytes).inspect_err(|_| self.ser.failed = true)
    }

    /// Ends the array and encodes the reference to it.
    pub(super) fn end(self, tag: Tag) -> Result<()> {
        if self.left != 0 {
            return Err(self.ser.fail(wrong_length()));
        }
        let number = self.ser.sink.end().inspect_err(|_| self.ser.failed = true)?;
        self.ser.tag(tag);
        put_varint(&mut self.ser.out, number);
        Ok(())
    }

    /// The slot under which the reference is encoded, if something was serialized since it was set.
    pub(super) fn set_slot(&mut self, slot: u8) {
        self.ser.slot = slot;
    }

    /// Takes everything back.
    pub(super) fn abandon(self) -> Result<()> {
        self.ser.sink.abandon().inspect_err(|_| self.ser.failed = true)
    }
}

#[cold]
fn wrong_length() -> Error {
    Error::new(ErrorKind::Message, "an array gave more or fewer bytes than its shape says")
}

/// What a payload hands over: its descriptor, then its elements' bytes.
pub(super) struct Capture<'a, S> {
    state: State<'a, S>,
}

enum State<'a, S> {
    Waiting(&'a mut Serializer<S>),
    Begun(Begun<'a, S>),
    Failed,
}

impl<'a, S: Sink> Capture<'a, S> {
    pub(super) fn new(ser: &'a mut Serializer<S>) -> Self {
        Capture { state: State::Waiting(ser) }
    }

    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Waiting(ser) => {
                let mut descriptor = None;
                value.serialize(Bytes(|bytes: &[u8]| {
                    descriptor = Descriptor::decode(bytes);
                    Ok(())
                }))?;
                let Some(found) = descriptor else {
                    return Err(ser.fail(foreign()));
                };
                let begun = Begun::begin(ser, &found.dtype, &found.shape, found.order, found.kind)?;
                self.state = State::Begun(begun);
            }
            State::Begun(mut begun) => {
                value.serialize(Bytes(|bytes: &[u8]| begun.write(bytes)))?;
                self.state = State::Begun(begun);
            }
            State::Failed => return Err(foreign()),
        }
        Ok(())
    }

    pub(super) fn finish(self) -> Result<()> {
        match self.state {
            State::Begun(begun) => begun.end(Tag::Array),
            State::Waiting(ser) => Err(ser.fail(foreign())),
            State::Failed => Err(foreign()),
        }
    }
}

#[cold]
fn foreign() -> Error {
    Error::new(
        ErrorKind::Message,
        "the name of serde_shm's array token is used by something that is no array of it",
    )
}

/// A serializer that takes bytes and nothing else.
struct Bytes<F>(F);

impl<F: FnMut(&[u8]) -> Result<()>> serde::Serializer for Bytes<F> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    fn serialize_bytes(mut self, bytes: &[u8]) -> Result<()> {
        (self.0)(bytes)
    }

    refuse! { foreign:
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
    refuse_compounds!(foreign);
    refuse_tuples!(foreign);

    fn serialize_newtype_struct<T: Serialize + ?Sized>(self, _: &'static str, _: &T) -> Result<()> {
        Err(foreign())
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq> {
        Err(foreign())
    }
}
