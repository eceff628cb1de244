//! Takes an array over: from its payload under the token, or from other code that has its elements.

use serde::ser::{Impossible, Serialize};

use crate::array::Descriptor;
use crate::context;
use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Order};
use crate::memory::live::Kind;
use crate::store::ArrayHead;
use crate::wire::Tag;

use super::room::LONGEST;
use super::shared::New;
use super::unsupported::{refuse, refuse_compounds, refuse_tuples};
use super::{Place, Writer, Written};

/// An array that the sink has begun.
pub(super) struct Begun<'q, 'a> {
    place: Place<'q, 'a>,
    left: usize,
}

impl<'q, 'a> Begun<'q, 'a> {
    /// Begins an array at the place where the serializer stands.
    pub(super) fn begin(
        mut place: Place<'q, 'a>,
        dtype: &DType,
        shape: &[usize],
        order: Order,
        kind: Kind,
    ) -> Result<Self> {
        let left = place.begin_array(dtype, shape, order, kind)?;
        Ok(Begun { place, left })
    }

    /// An array that was begun at this place, with so many bytes still to come.
    pub(super) fn of(place: Place<'q, 'a>, left: usize) -> Self {
        Begun { place, left }
    }

    pub(super) fn write(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(left) = self.left.checked_sub(bytes.len()) else {
            return Err(self.place.writer.fail(wrong_length()));
        };
        self.left = left;
        self.place.writer.hand_over(bytes)
    }

    /// Ends the array and encodes the reference to it. If it is `new`, it may be met again.
    #[inline]
    pub(super) fn end(self, tag: Tag, new: Option<Box<New>>) -> Result<Written> {
        let writer = &mut *self.place.writer;
        if self.left != 0 {
            return Err(writer.fail(wrong_length()));
        }
        let number = writer.end_array()?;
        if let (Some(new), Some(at)) = (new, writer.sink.last_place()) {
            writer.shared.remember(*new, at);
        }
        Ok(self.place.refer(tag, number))
    }
}

impl Place<'_, '_> {
    /// Encodes the reference to an array.
    pub(super) fn refer(mut self, tag: Tag, number: u64) -> Written {
        let note = self.tag(tag, LONGEST);
        let Place { writer, next, .. } = self;
        Written::noted(writer.put_varint(next, number), note)
    }

    /// Adds an array that lies at the place of another one. `None` if the container cannot have two arrays at one place.
    #[cold]
    #[inline(never)]
    fn repeat(&mut self, found: &Descriptor, bytes: usize, at: u64) -> Result<Option<u64>> {
        let writer = &mut *self.writer;
        let follows = writer.place_name(self.here.get(), self.depth, &mut self.next);
        let Descriptor { dtype, shape, order, kind, .. } = found;
        let (path, order, kind) = (writer.name.text(), *order, *kind);
        let head = ArrayHead { path, follows, dtype, shape, order, kind, bytes };
        let number = writer.sink.repeat(&head, at);
        let number = number.map_err(|error| writer.fail(error.into_serde()))?;
        writer.arrays += u64::from(number.is_some());
        Ok(number)
    }
}

impl Place<'_, '_> {
    /// Begins an array at the place where the serializer stands, and gives its length in bytes.
    pub(super) fn begin_array(
        &mut self,
        dtype: &DType,
        shape: &[usize],
        order: Order,
        kind: Kind,
    ) -> Result<usize> {
        let bytes = layout::byte_len(shape, dtype.item_size());
        self.begin_sized(dtype, shape, order, kind, bytes)?;
        Ok(bytes.unwrap_or_default())
    }

    /// The same for an array of so many bytes; of none if they are too many for this machine.
    #[inline(never)]
    fn begin_sized(
        &mut self,
        dtype: &DType,
        shape: &[usize],
        order: Order,
        kind: Kind,
        bytes: Option<usize>,
    ) -> Result<()> {
        let writer = &mut *self.writer;
        let Some(bytes) = bytes else {
            return Err(writer.fail(Error::new(
                ErrorKind::Limit,
                format!("an array of shape {shape:?} of {dtype} exceeds this machine's memory"),
            )));
        };
        writer.arrays += 1;
        let follows = writer.place_name(self.here.get(), self.depth, &mut self.next);
        let path = writer.name.text();
        let head = ArrayHead { path, follows, dtype, shape, order, kind, bytes };
        writer.sink.begin(&head).map_err(|error| writer.fail(error.into_serde()))
    }
}

impl Place<'_, '_> {
    /// Writes an array whose bytes are all here, and gives its number.
    #[inline(never)]
    pub(super) fn whole_array(&mut self, known: &Known, bytes: &[u8]) -> Result<u64> {
        let Descriptor { dtype, shape, order, kind, .. } = &known.descriptor;
        self.begin_sized(dtype, shape, *order, *kind, known.bytes)?;
        self.writer.hand_over(bytes)?;
        self.writer.end_array()
    }
}

impl Writer<'_> {
    /// Ends the array that was begun, and gives its number.
    fn end_array(&mut self) -> Result<u64> {
        self.sink.end().map_err(|error| self.fail(error.into_serde()))
    }

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
pub(super) fn wrong_length() -> Error {
    Error::new(ErrorKind::Message, "an array gave more or fewer bytes than its shape says")
}

/// The descriptor that came last, as bytes and decoded, and how many bytes such an array has. Arrays that follow one another are often
/// alike; and if not, the next one uses the memory again.
pub(super) struct Known {
    encoded: Vec<u8>,
    descriptor: Descriptor,
    bytes: Option<usize>,
}

impl Known {
    pub(super) fn decode(encoded: &[u8], last: Option<Box<Known>>) -> Option<Box<Self>> {
        let Some(mut known) = last else {
            let descriptor = Descriptor::decode(encoded, Vec::new())?;
            let bytes = layout::byte_len(&descriptor.shape, descriptor.dtype.item_size());
            return Some(Box::new(Known { encoded: encoded.to_vec(), descriptor, bytes }));
        };
        let shape = std::mem::take(&mut known.descriptor.shape);
        known.descriptor = Descriptor::decode(encoded, shape)?;
        known.encoded.clear();
        known.encoded.extend_from_slice(encoded);
        let Descriptor { dtype, shape, .. } = &known.descriptor;
        known.bytes = layout::byte_len(shape, dtype.item_size());
        Some(known)
    }

    pub(super) fn tag(&self) -> Tag {
        if self.descriptor.is_ndarray_form { Tag::Ndarray } else { Tag::Array }
    }

    pub(super) fn shape(&self) -> &[usize] {
        &self.descriptor.shape
    }

    /// How many bytes such an array has. `None` if they are too many for this machine.
    pub(super) fn bytes(&self) -> Option<usize> {
        self.bytes
    }

    /// Changes an axis. `false` if there is no such axis, or if it is too long for this machine.
    pub(super) fn set_axis(&mut self, number: usize, len: u64) -> bool {
        let (encoded, _) = self.encoded.as_chunks_mut();
        let places = (self.descriptor.shape.get_mut(number), encoded.get_mut(1 + number));
        match (places, usize::try_from(len)) {
            ((Some(axis), Some(bytes)), Ok(len)) => {
                (*axis, *bytes) = (len, (len as u64).to_le_bytes());
                true
            }
            _ => false,
        }
    }

    /// Notes that so many axes were changed. `false` if these are not all that the array has.
    pub(super) fn settle_axes(&mut self, count: usize) -> bool {
        let Descriptor { dtype, shape, .. } = &self.descriptor;
        self.bytes = layout::byte_len(shape, dtype.item_size());
        count == shape.len()
    }
}

/// Takes what a payload hands over: its descriptor, then its elements' bytes.
pub(super) struct Capture<'q, 'a> {
    /// The array, or the place for it.
    array: Begun<'q, 'a>,
    stage: Stage,
    tag: Tag,
    /// The array that has a shared owner and is written for the first time.
    new: Option<Box<New>>,
    /// Why the array failed. Between the payload and here, code of others may wrap errors.
    failure: Option<Error>,
}

#[derive(Clone, Copy)]
enum Stage {
    /// No descriptor has come yet.
    Waiting,
    Begun,
    /// The container already has the array. It was added as another array, with this number.
    There(u64),
    Failed,
}

impl<'q, 'a> Capture<'q, 'a> {
    #[inline]
    pub(super) fn new(place: Place<'q, 'a>) -> Self {
        Capture {
            array: Begun::of(place, 0),
            stage: Stage::Waiting,
            tag: Tag::Array,
            new: None,
            failure: None,
        }
    }

    #[inline]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let given = value.serialize(BytesTo(|bytes: &[u8]| self.take(bytes)));
        match &self.failure {
            None if given.is_ok() && !matches!(self.stage, Stage::Waiting) => Ok(()),
            _ => self.fail(given),
        }
    }

    #[cold]
    #[inline(never)]
    fn fail(&mut self, given: Result<()>) -> Result<()> {
        self.stage = Stage::Failed;
        given.and_then(|()| Err(foreign())).map_err(|error| match self.failure.take() {
            Some(failure) => failure,
            None => self.array.place.writer.fail(error),
        })
    }

    /// Takes the descriptor, or bytes of the elements.
    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        match self.stage {
            Stage::Begun => self.array.write(bytes),
            Stage::There(_) => Ok(()),
            Stage::Waiting => {
                match self.begin(bytes) {
                    Ok(stage) => self.stage = stage,
                    Err(error) => self.failure = Some(error),
                }
                Ok(())
            }
            Stage::Failed => Err(foreign()),
        }
    }

    /// Begins the array of this descriptor, or finds that the container already has it.
    fn begin(&mut self, encoded: &[u8]) -> Result<Stage> {
        let place = &mut self.array.place;
        let last = place.writer.known.take();
        let known = match last {
            Some(known) if known.encoded == encoded => Some(known),
            last => Known::decode(encoded, last),
        };
        let Some(known) = known else { return Err(place.writer.fail(foreign())) };
        let Descriptor { dtype, shape, order, kind, .. } = &known.descriptor;
        self.tag = known.tag();
        // An array without bytes has nothing to share.
        let bytes = known.bytes.unwrap_or_default();
        let new = context::take_share(encoded)
            .filter(|_| *kind == Kind::Plain && bytes > 0)
            .map(|owner| Box::new(New::of(owner, &known.descriptor, bytes)));
        let stage = if let Some(new) = &new
            && let Some(at) = place.writer.shared.place_of(new)
            && let Some(number) = place.repeat(&known.descriptor, bytes, at)?
        {
            context::note_there(encoded);
            Stage::There(number)
        } else {
            place.begin_sized(dtype, shape, *order, *kind, known.bytes)?;
            self.array.left = bytes;
            self.new = new;
            Stage::Begun
        };
        self.array.place.writer.known = Some(known);
        Ok(stage)
    }

    pub(super) fn finish(self) -> Result<Written> {
        let Capture { array, stage, tag, new, .. } = self;
        match stage {
            Stage::Begun => array.end(tag, new),
            Stage::There(number) => Ok(array.place.refer(tag, number)),
            Stage::Waiting => Err(array.place.writer.fail(foreign())),
            Stage::Failed => Err(foreign()),
        }
    }
}

#[cold]
pub(super) fn foreign() -> Error {
    Error::new(
        ErrorKind::Message,
        "the name of serde_shm's array token is used by something that is no array of it",
    )
}

/// What a [`BytesTo`] gives its value to.
pub(super) trait Take {
    fn bytes(&mut self, bytes: &[u8]) -> Result<()>;

    /// Most expect no number.
    fn number(&mut self, _: u64) -> Result<()> {
        Err(foreign())
    }
}

impl<F: FnMut(&[u8]) -> Result<()>> Take for F {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        self(bytes)
    }
}

/// A serializer that takes bytes, or a number where one is expected, and nothing else.
pub(super) struct BytesTo<K>(pub(super) K);

impl<K: Take> serde::Serializer for BytesTo<K> {
    type Ok = ();
    type Error = Error;
    type SerializeSeq = Impossible<(), Error>;
    type SerializeTuple = Impossible<(), Error>;
    type SerializeTupleStruct = Impossible<(), Error>;
    type SerializeTupleVariant = Impossible<(), Error>;
    type SerializeMap = Impossible<(), Error>;
    type SerializeStruct = Impossible<(), Error>;
    type SerializeStructVariant = Impossible<(), Error>;

    #[inline]
    fn serialize_bytes(mut self, bytes: &[u8]) -> Result<()> {
        self.0.bytes(bytes)
    }

    fn serialize_u64(mut self, number: u64) -> Result<()> {
        self.0.number(number)
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
