//! Takes an array over: from its payload under the token, or from other code that has its elements.

use serde::ser::{Impossible, Serialize};

use crate::array::Descriptor;
use crate::context;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Order};
use crate::memory::live::Kind;
use crate::store::{ArrayHead, Sink};
use crate::wire::Tag;

use super::room::LONGEST;
use super::shared::New;
use super::unsupported::{refuse, refuse_compounds, refuse_tuples};
use super::{Place, Writer, Written};

/// An array that the sink has begun.
pub(super) struct Begun<'q, 'a, S> {
    place: Place<'q, 'a, S>,
    left: usize,
}

impl<'q, 'a, S: Sink> Begun<'q, 'a, S> {
    /// Begins an array at the place where the serializer stands.
    pub(super) fn begin(
        mut place: Place<'q, 'a, S>,
        dtype: &DType,
        shape: &[usize],
        order: Order,
        kind: Kind,
    ) -> Result<Self> {
        let left = place.begin_array(dtype, shape, order, kind)?;
        Ok(Begun { place, left })
    }

    /// An array that was begun at this place, with so many bytes still to come.
    pub(super) fn of(place: Place<'q, 'a, S>, left: usize) -> Self {
        Begun { place, left }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            return Err(self.place.writer.fail(wrong_length()));
        };
        self.left = left;
        self.place.writer.hand_over(bytes)
    }

    /// Ends the array and encodes the reference to it.
    pub(super) fn end(self, tag: Tag) -> Result<Written> {
        let (place, number) = self.ended()?;
        Ok(place.refer(tag, number))
    }

    /// The same for an array that may be met again.
    fn end_of_new(self, new: New, bytes: usize, tag: Tag) -> Result<Written> {
        let (place, number) = self.ended()?;
        if let Some(at) = place.writer.sink.last_place() {
            place.writer.shared.remember(new, at, bytes as u64);
        }
        Ok(place.refer(tag, number))
    }

    fn ended(self) -> Result<(Place<'q, 'a, S>, u64)> {
        let writer = &mut *self.place.writer;
        if self.left != 0 {
            return Err(writer.fail(wrong_length()));
        }
        let number = writer.sink.end().map_err(|error| writer.fail(error.into_serde()))?;
        Ok((self.place, number))
    }
}

impl<S: Sink> Place<'_, '_, S> {
    /// Encodes the reference to an array.
    fn refer(mut self, tag: Tag, number: u64) -> Written {
        let note = self.tag(tag, LONGEST);
        let Place { writer, next, .. } = self;
        Written::noted(writer.put_varint(next, number), note)
    }

    /// Adds an array that lies at the place of another one. `None` if the container cannot have two arrays at one place.
    #[cold]
    #[inline(never)]
    fn repeat(&mut self, found: &Descriptor, bytes: usize, at: u64) -> Result<Option<u64>> {
        let writer = &mut *self.writer;
        writer.flush(self.next);
        self.next = 0;
        let name = writer.place_name(self.here.get(), self.depth);
        let path = name.text();
        let Descriptor { dtype, shape, order, kind, .. } = found;
        let head = ArrayHead { path, dtype, shape, order: *order, kind: *kind, bytes };
        let number = writer.sink.repeat(&head, at);
        writer.keep_name(name);
        let number = number.map_err(|error| writer.fail(error.into_serde()))?;
        writer.arrays += u64::from(number.is_some());
        Ok(number)
    }
}

impl<S: Sink> Place<'_, '_, S> {
    /// Begins an array at the place where the serializer stands, and gives its length in bytes.
    #[inline(never)]
    pub(super) fn begin_array(
        &mut self,
        dtype: &DType,
        shape: &[usize],
        order: Order,
        kind: Kind,
    ) -> Result<usize> {
        let writer = &mut *self.writer;
        writer.flush(self.next);
        self.next = 0;
        let Some(bytes) = layout::byte_len(shape, dtype.item_size()) else {
            return Err(writer.fail(Error::new(
                ErrorKind::Limit,
                format!("an array of shape {shape:?} of {dtype} exceeds this machine's memory"),
            )));
        };
        writer.arrays += 1;
        let name = writer.place_name(self.here.get(), self.depth);
        let path = name.text();
        let head = ArrayHead { path, dtype, shape, order, kind, bytes };
        let begun = writer.sink.begin(&head);
        writer.keep_name(name);
        begun.map_err(|error| writer.fail(error.into_serde()))?;
        Ok(bytes)
    }
}

impl<S: Sink> Writer<'_, S> {
    /// Hands more bytes of the array that was begun to the sink.
    pub(super) fn hand_over(&mut self, bytes: &[u8]) -> Result<()> {
        self.sink.write(bytes).map_err(|error| self.fail(error.into_serde()))
    }

    /// Takes back the array that was begun.
    pub(super) fn abandon(&mut self) -> Result<()> {
        self.sink.abandon().map_err(|error| self.fail(error.into_serde()))
    }
}

#[cold]
fn wrong_length() -> Error {
    Error::new(ErrorKind::Message, "an array gave more or fewer bytes than its shape says")
}

/// Takes what a payload hands over: its descriptor, then its elements' bytes.
pub(super) struct Capture<'q, 'a, S> {
    state: State<'q, 'a, S>,
    is_ndarray_form: bool,
}

enum State<'q, 'a, S> {
    Waiting(Place<'q, 'a, S>),
    Begun(Begun<'q, 'a, S>),
    /// An array with a shared owner, of so many bytes.
    New(Begun<'q, 'a, S>, Box<New>, usize),
    /// An array that the container already has. It was added as another array, with this number.
    There(Place<'q, 'a, S>, u64),
    Failed,
}

impl<'q, 'a, S: Sink> Capture<'q, 'a, S> {
    pub(super) fn new(place: Place<'q, 'a, S>) -> Self {
        Capture { state: State::Waiting(place), is_ndarray_form: false }
    }

    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match std::mem::replace(&mut self.state, State::Failed) {
            State::Waiting(place) => {
                let mut place = Some(place);
                let mut state = Ok(State::Failed);
                value.serialize(BytesTo(|head: &[u8]| {
                    if let Some(place) = place.take() {
                        state = self.begin(place, head);
                    }
                    Ok(())
                }))?;
                if let Some(place) = place {
                    return Err(place.writer.fail(foreign()));
                }
                self.state = state?;
            }
            State::Begun(mut begun) => {
                value.serialize(BytesTo(|bytes: &[u8]| begun.write(bytes)))?;
                self.state = State::Begun(begun);
            }
            State::New(mut begun, new, all) => {
                value.serialize(BytesTo(|bytes: &[u8]| begun.write(bytes)))?;
                self.state = State::New(begun, new, all);
            }
            there @ State::There(..) => self.state = there,
            State::Failed => return Err(foreign()),
        }
        Ok(())
    }

    /// Begins the array of this descriptor, or finds that the container already has it.
    fn begin(&mut self, mut place: Place<'q, 'a, S>, head: &[u8]) -> Result<State<'q, 'a, S>> {
        let shape = std::mem::take(&mut place.writer.shape);
        let Some(found) = Descriptor::decode(head, shape) else {
            return Err(place.writer.fail(foreign()));
        };
        let Descriptor { dtype, shape, order, kind, is_ndarray_form } = &found;
        self.is_ndarray_form = *is_ndarray_form;
        let new = context::take_share(head)
            .filter(|_| *kind == Kind::Plain)
            .map(|owner| New::of(owner, dtype, shape, *order));
        if let Some(new) = &new
            && let Some(at) = place.writer.shared.place_of(new)
            && let Some(bytes) = layout::byte_len(shape, dtype.item_size())
            && let Some(number) = place.repeat(&found, bytes, at)?
        {
            context::note_there(head);
            return Ok(State::There(place, number));
        }
        let begun = Begun::begin(place, dtype, shape, *order, *kind)?;
        begun.place.writer.shape = found.shape;
        let bytes = begun.left;
        // An array without bytes has nothing to share.
        Ok(match new.filter(|_| bytes > 0) {
            Some(new) => State::New(begun, Box::new(new), bytes),
            None => State::Begun(begun),
        })
    }

    pub(super) fn finish(self) -> Result<Written> {
        let tag = if self.is_ndarray_form { Tag::Ndarray } else { Tag::Array };
        match self.state {
            State::Begun(begun) => begun.end(tag),
            State::New(begun, new, bytes) => begun.end_of_new(*new, bytes, tag),
            State::There(place, number) => Ok(place.refer(tag, number)),
            State::Waiting(place) => Err(place.writer.fail(foreign())),
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
pub(super) struct BytesTo<F>(pub(super) F);

impl<F: FnMut(&[u8]) -> Result<()>> serde::Serializer for BytesTo<F> {
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
