//! The `data` field of the ndarray form. Elements of one type are packed as they come. Anything else is written inline.
//!
//! The packed elements are handed to the sink in the end. If it turns out that they are not an array, they are written one by one.
//! For a large array, this would be one copy more. So an array of ndarray's, whose type is known to have only numbers, is handed
//! over batch by batch.

use std::any::TypeId;
use std::cell::Cell;

use serde::Serializer as _;
use serde::ser::{Serialize, SerializeSeq};

use crate::array::TOKEN;
use crate::dtype::DType;
use crate::dtype::Scalar::{self, F32, F64, I8, I16, I32, I64, U8, U16, U32, U64};
use crate::error::{Error, Result};
use crate::layout::Order;
use crate::memory::live::Kind;

use super::forward::{forward, forward_lists, forward_rest, forward_tuples, forward_types};
use super::ndarray_form::{NdarrayForm, StructOrArray};
use super::number_lists::is_known;
use super::numbers::other;
use super::record::{RecordWriter, TupleOrSeq, TupleStruct};
use super::seq_map::{MapWriter, SeqWriter};
use super::{Place, Written};

/// Elements are gathered to batches of this size.
const BATCH: usize = 32 << 10;

/// Elements of one type that wait to be written. A batch is handed over by value and never by reference, so that the loop
/// over the elements, which is the caller's, can keep it in registers.
#[derive(Default)]
pub(super) struct Batch {
    bytes: Vec<u8>,
    /// How many elements were put there, counted from the first place of their type. Elements of another type have no place.
    next: usize,
}

/// How many places each type has. A batch has fewer.
const PLACES: usize = 1 << 20;

impl Batch {
    /// The batch, emptied, with room for so many elements.
    pub(super) fn cleared(mut self, scalar: Scalar, count: usize) -> Self {
        self.bytes.resize(count * DType::little_endian(scalar).item_size(), 0);
        Batch { next: scalar as usize * PLACES, ..self }
    }

    /// The elements.
    pub(super) fn filled(&self, scalar: Scalar) -> &[u8] {
        let count = self.next.wrapping_sub(scalar as usize * PLACES);
        count
            .checked_mul(DType::little_endian(scalar).item_size())
            .and_then(|bytes| self.bytes.get(..bytes))
            .unwrap_or_default()
    }

    /// Puts one more element, with a single comparison. `false` if there is no room for it.
    #[cfg_attr(not(debug_assertions), inline(always))]
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

/// The elements of an array, as far as they have come.
pub(super) struct GatheredElements<'x, 'q, 'a> {
    state: State<'x, 'q, 'a>,
    shape: Vec<usize>,
    count: usize,
    /// The list's type.
    list: TypeId,
    /// How many elements have not been taken over.
    left: usize,
    /// How many elements the list says that it has.
    announced: Option<usize>,
    /// The type of all elements, once one has come. The array is then begun.
    scalar: Option<Scalar>,
    /// Blocks that were not handed over.
    kept: Vec<u8>,
    /// Whether blocks go to the sink as they come. Some may have gone already.
    streams: bool,
    /// Whether it is an array of this crate. If such an array turns out not to be a list of numbers, it is asked again, and not
    /// written from here.
    own: bool,
    /// Whether the list has asked whether it is written for a human reader.
    asked: bool,
    /// A number that was written and not kept. This field and the empty batch say so, and not the result. So the loop over the
    /// numbers that are kept has nothing to compare.
    apart: Option<Written>,
}

enum State<'x, 'q, 'a> {
    Packing(&'x mut NdarrayForm<'q, 'a>),
    /// A list like any other.
    List(SeqWriter<'x, 'a>),
    /// The array is placed, or the value is not a list.
    Done,
    /// The sink's own error, as against an element that does not fit.
    Failed(Error),
    /// The list is not an array, and a part of it was already handed over.
    Lost,
}

pub(super) enum End {
    /// The sink has failed.
    Failed(Error),
    /// The list is not an array, and the elements that were handed over cannot be got back.
    Lost,
    /// The list itself has failed, and the array was begun.
    Open,
    Seen,
}

impl<'x, 'q, 'a> GatheredElements<'x, 'q, 'a> {
    pub(super) fn new(
        array: &'x mut NdarrayForm<'q, 'a>,
        shape: Vec<usize>,
        count: usize,
        list: TypeId,
    ) -> Self {
        GatheredElements {
            state: State::Packing(array),
            shape,
            count,
            list,
            left: count,
            announced: None,
            scalar: None,
            kept: Vec::new(),
            streams: false,
            own: false,
            asked: false,
            apart: None,
        }
    }

    pub(super) fn taker(&mut self) -> DataTaker<'_, 'x, 'q, 'a> {
        DataTaker { elements: self, asked: Cell::new(false) }
    }

    /// How the list has ended, where its result does not show that.
    pub(super) fn end(self) -> End {
        match self.state {
            State::Failed(error) => End::Failed(error),
            State::Lost => End::Lost,
            State::Packing(_) if self.scalar.is_some() => End::Open,
            _ => End::Seen,
        }
    }

    /// Takes the elements of the batch, and gives one that has room for elements of this type. `None` if the elements differ in type
    /// from earlier ones, or are too many.
    fn next_batch(
        &mut self,
        batch: Batch,
        scalar: Scalar,
        element: fn() -> TypeId,
    ) -> Option<Batch> {
        match self.scalar {
            None => {
                if !self.begin(scalar) {
                    return None;
                }
            }
            Some(known) if known == scalar => {
                if self.left == self.count {
                    let honest = self.announced == Some(self.count);
                    self.streams = honest && (self.own || is_known(self.list, element()));
                }
                self.take_over(&batch, known);
                if self.left == 0 {
                    self.give_up();
                    return None;
                }
            }
            Some(_) => {
                self.keep(&batch);
                return None;
            }
        }
        if !matches!(self.state, State::Packing(_)) {
            return None;
        }
        let item = DType::little_endian(scalar).item_size();
        Some(batch.cleared(scalar, self.left.min(BATCH / item)))
    }

    /// Puts an element for which the batch has no room. It comes by value, as the batch does.
    #[cold]
    #[inline(never)]
    fn put(
        &mut self,
        batch: Batch,
        scalar: Scalar,
        bytes: [u8; 8],
        element: fn() -> TypeId,
        asked: bool,
    ) -> (Batch, Result<()>) {
        let Some(mut next) = self.next_batch(batch, scalar, element) else {
            let written = self.write(scalar, bytes, asked);
            return (Batch::default(), written.map(|written| self.apart = Some(written)));
        };
        let [a, b, c, d, ..] = bytes;
        let is_put = match DType::little_endian(scalar).item_size() {
            1 => next.put(scalar, [a]),
            2 => next.put(scalar, [a, b]),
            4 => next.put(scalar, [a, b, c, d]),
            _ => next.put(scalar, bytes),
        };
        (next, if is_put { Ok(()) } else { Err(other()) })
    }

    /// Begins the array at its first element.
    fn begin(&mut self, scalar: Scalar) -> bool {
        let State::Packing(array) = &mut self.state else { return false };
        let Some(seen) = array.seen() else { return false };
        let dtype = DType::little_endian(scalar);
        match seen.place.begin_array(&dtype, &self.shape, Order::C, Kind::Plain) {
            Ok(bytes) => {
                if self.announced == Some(self.count) {
                    seen.place.writer.sink.expect(bytes);
                }
                self.scalar = Some(scalar);
                true
            }
            Err(error) => {
                self.state = State::Failed(error);
                false
            }
        }
    }

    fn take_over(&mut self, batch: &Batch, scalar: Scalar) {
        let filled = batch.filled(scalar);
        self.left -= (filled.len() / DType::little_endian(scalar).item_size()).min(self.left);
        if self.streams {
            self.hand_over(filled);
        } else {
            self.kept.extend_from_slice(filled);
        }
    }

    /// Keeps the last batch of a list that turns out not to be an array.
    fn keep(&mut self, batch: &Batch) {
        self.give_up();
        if let Some(scalar) = self.scalar {
            self.take_over(batch, scalar);
        }
    }

    /// Gives up the array, because the list is not one. Full blocks that went to the sink are dead space in the container.
    fn give_up(&mut self) {
        if self.left == self.count {
            self.streams = false;
        }
        if !self.streams {
            let kept = std::mem::take(&mut self.kept);
            self.hand_over(&kept);
            self.kept = kept;
        }
    }

    fn hand_over(&mut self, bytes: &[u8]) {
        if bytes.is_empty() {
            // There may be no array yet.
            return;
        }
        let State::Packing(array) = &mut self.state else { return };
        let Some(seen) = array.seen() else { return };
        if let Err(error) = seen.place.writer.hand_over(bytes) {
            self.state = State::Failed(error);
        }
    }

    /// Goes on as a list like any other. The packed elements are written first.
    #[cold]
    #[inline(never)]
    fn become_list(&mut self) -> Result<()> {
        if let State::Packing(_) = self.state
            && self.own
        {
            return Err(other());
        }
        if let State::Packing(_) = self.state
            && self.streams
            && self.left < self.count
        {
            self.state = State::Lost;
        }
        let array = match std::mem::replace(&mut self.state, State::Done) {
            State::Packing(array) => array,
            state => {
                self.state = state;
                return if let State::List(_) = self.state { Ok(()) } else { Err(other()) };
            }
        };
        if self.scalar.is_some()
            && let Some(seen) = array.seen()
        {
            seen.place.writer.abandon()?;
        }
        let place = array.real("data")?;
        if self.asked {
            place.is_human_readable();
        }
        let mut seq = SeqWriter::begin(place, self.announced)?;
        let packed = std::mem::take(&mut self.kept);
        if let Some(scalar) = self.scalar {
            for bytes in packed.chunks_exact(DType::little_endian(scalar).item_size()) {
                seq.element(&Packed { scalar, bytes })?;
            }
        }
        self.state = State::List(seq);
        Ok(())
    }

    /// The place for an item that does not fit.
    fn place(&mut self) -> Result<Place<'_, 'a>> {
        self.become_list()?;
        match &mut self.state {
            State::List(seq) => Ok(seq.place()),
            _ => Err(other()),
        }
    }

    /// Writes a number that does not fit.
    fn write(&mut self, scalar: Scalar, bytes: [u8; 8], asked: bool) -> Result<Written> {
        let place = self.place()?;
        if asked {
            place.is_human_readable();
        }
        Packed { scalar, bytes: &bytes }.serialize(place)
    }

    /// Handles an item that was not kept.
    #[cold]
    #[inline(never)]
    fn wrote<T: Serialize + ?Sized>(
        &mut self,
        batch: &Batch,
        value: &T,
        written: Result<Written>,
    ) -> Result<()> {
        if let State::Packing(_) = self.state
            && !self.own
        {
            // The value itself has failed. As an item, its error has its place.
            self.keep(batch);
            self.place()?;
        }
        match &mut self.state {
            State::List(seq) => seq.wrote(value, written),
            _ => written.map(drop),
        }
    }

    #[inline(never)]
    fn finish(&mut self, batch: &Batch) -> Result<Written> {
        if let (State::Packing(_), Some(scalar)) = (&self.state, self.scalar) {
            let filled = batch.filled(scalar).len() / DType::little_endian(scalar).item_size();
            // All of it is in one batch.
            self.streams |= filled == self.count;
            self.take_over(batch, scalar);
            if self.left > 0 {
                self.give_up();
            } else if !self.streams {
                let kept = std::mem::take(&mut self.kept);
                self.hand_over(&kept);
            }
            if self.left == 0
                && let State::Packing(array) = &mut self.state
            {
                array.place()?;
                self.state = State::Done;
                return Ok(Written::KEPT);
            }
        }
        self.become_list()?;
        match std::mem::replace(&mut self.state, State::Done) {
            State::List(mut seq) => Ok(seq.finish()),
            _ => Err(other()),
        }
    }
}

/// An element as it was packed.
struct Packed<'b> {
    scalar: Scalar,
    bytes: &'b [u8],
}

impl Serialize for Packed<'_> {
    fn serialize<S: serde::Serializer>(&self, place: S) -> std::result::Result<S::Ok, S::Error> {
        fn array<const N: usize>(bytes: &[u8]) -> [u8; N] {
            bytes.first_chunk().copied().unwrap_or([0; N])
        }
        let bytes = self.bytes;
        match self.scalar {
            Scalar::Bool => place.serialize_bool(bytes.first() == Some(&1)),
            I8 => place.serialize_i8(i8::from_le_bytes(array(bytes))),
            I16 => place.serialize_i16(i16::from_le_bytes(array(bytes))),
            I32 => place.serialize_i32(i32::from_le_bytes(array(bytes))),
            I64 => place.serialize_i64(i64::from_le_bytes(array(bytes))),
            U8 => place.serialize_u8(u8::from_le_bytes(array(bytes))),
            U16 => place.serialize_u16(u16::from_le_bytes(array(bytes))),
            U32 => place.serialize_u32(u32::from_le_bytes(array(bytes))),
            U64 => place.serialize_u64(u64::from_le_bytes(array(bytes))),
            F32 => place.serialize_f32(f32::from_le_bytes(array(bytes))),
            F64 => place.serialize_f64(f64::from_le_bytes(array(bytes))),
            // This cannot happen: each element is packed as its own type.
            _ => Err(serde::ser::Error::custom("an element of another type")),
        }
    }
}

/// Takes a list of elements.
pub(super) struct DataTaker<'y, 'x, 'q, 'a> {
    elements: &'y mut GatheredElements<'x, 'q, 'a>,
    asked: Cell<bool>,
}

impl<'x, 'a> DataTaker<'_, 'x, '_, 'a> {
    fn real(self) -> Result<Place<'x, 'a>> {
        if self.elements.own {
            return Err(other());
        }
        let State::Packing(array) = std::mem::replace(&mut self.elements.state, State::Done) else {
            return Err(other());
        };
        let place = array.real("data")?;
        if self.asked.get() {
            place.is_human_readable();
        }
        Ok(place)
    }
}

impl<'y, 'x, 'q, 'a> serde::Serializer for DataTaker<'y, 'x, 'q, 'a> {
    type Ok = Written;
    type Error = Error;
    type SerializeSeq = Sequence<'y, 'x, 'q, 'a>;
    type SerializeTuple = TupleOrSeq<'x, 'a>;
    type SerializeTupleStruct = TupleStruct<'x, 'a>;
    type SerializeTupleVariant = RecordWriter<'x, 'a>;
    type SerializeMap = MapWriter<'x, 'a>;
    type SerializeStruct = StructOrArray<'x, 'a>;
    type SerializeStructVariant = RecordWriter<'x, 'a>;

    fn is_human_readable(&self) -> bool {
        self.asked.set(true);
        match &self.elements.state {
            State::Packing(array) => array.is_readable(),
            _ => false,
        }
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Written> {
        if let State::Packing(array) = &self.elements.state
            && !self.elements.own
            && array.notes(name)
        {
            return self.real()?.serialize_newtype_struct(name, value);
        }
        if name != TOKEN {
            return value.serialize(self);
        }
        // The array gives what another format would get.
        self.elements.own = true;
        let written = value.serialize(self.elements.taker());
        let elements = &mut *self.elements;
        let State::Packing(array) = &mut elements.state else { return written };
        if elements.scalar.take().is_some()
            && let Some(seen) = array.seen()
        {
            seen.place.writer.abandon()?;
        }
        elements.own = false;
        self.real()?.serialize_newtype_struct(name, value)
    }

    fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq> {
        self.elements.announced = len;
        self.elements.asked = self.asked.get();
        Ok(Sequence { elements: self.elements, batch: Batch::default() })
    }

    forward! {
        serialize_bool(value: bool)
        serialize_i8(value: i8)
        serialize_i16(value: i16)
        serialize_i32(value: i32)
        serialize_i64(value: i64)
        serialize_u8(value: u8)
        serialize_u16(value: u16)
        serialize_u32(value: u32)
        serialize_u64(value: u64)
        serialize_f32(value: f32)
        serialize_f64(value: f64)
    }
    forward_rest!();
    forward_tuples!();
}

pub(super) struct Sequence<'y, 'x, 'q, 'a> {
    elements: &'y mut GatheredElements<'x, 'q, 'a>,
    batch: Batch,
}

impl SerializeSeq for Sequence<'_, '_, '_, '_> {
    type Ok = Written;
    type Error = Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        match value.serialize(ElementWriter {
            sequence: self,
            type_of: typeid::of::<T>,
            asked: Cell::new(false),
        }) {
            // One that was kept is in the batch.
            Ok(written) if written.is_kept() && !self.batch.bytes.is_empty() => Ok(()),
            written => {
                let written = match self.elements.apart.take() {
                    Some(apart) => written.map(|_| apart),
                    None => written,
                };
                let batch = std::mem::take(&mut self.batch);
                self.elements.wrote(&batch, value, written)
            }
        }
    }

    fn end(self) -> Result<Written> {
        self.elements.finish(&self.batch)
    }
}

/// Takes one element of the list.
struct ElementWriter<'z, 'y, 'x, 'q, 'a> {
    sequence: &'z mut Sequence<'y, 'x, 'q, 'a>,
    /// Gives the type of the element. It is called only when a batch is full.
    type_of: fn() -> TypeId,
    asked: Cell<bool>,
}

impl<'z, 'a> ElementWriter<'z, '_, '_, '_, 'a> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn number<const N: usize>(self, scalar: Scalar, bytes: [u8; N]) -> Result<Written> {
        let Sequence { elements, batch } = self.sequence;
        if batch.put(scalar, bytes) {
            return Ok(Written::KEPT);
        }
        let mut wide = [0; 8];
        wide[..N].copy_from_slice(&bytes);
        let (full, asked) = (std::mem::take(batch), self.asked.get());
        let put;
        (*batch, put) = elements.put(full, scalar, wide, self.type_of, asked);
        put.map(|()| Written::KEPT)
    }

    fn real(self) -> Result<Place<'z, 'a>> {
        let Sequence { elements, batch } = self.sequence;
        elements.keep(&std::mem::take(batch));
        let place = elements.place()?;
        if self.asked.get() {
            place.is_human_readable();
        }
        Ok(place)
    }
}

macro_rules! take {
    ($($method:ident $ty:ty, $scalar:ident;)*) => {$(
        #[cfg_attr(not(debug_assertions), inline(always))]
        fn $method(self, value: $ty) -> Result<Written> {
            self.number($scalar, value.to_le_bytes())
        }
    )*};
}

impl<'z, 'a> serde::Serializer for ElementWriter<'z, '_, '_, '_, 'a> {
    forward_types!('z 'a);

    fn is_human_readable(&self) -> bool {
        self.asked.set(true);
        match &self.sequence.elements.state {
            State::Packing(array) => array.is_readable(),
            State::List(seq) => seq.is_readable(),
            _ => false,
        }
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

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_bool(self, value: bool) -> Result<Written> {
        self.number(Scalar::Bool, [u8::from(value)])
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<Written> {
        self.real()?.serialize_newtype_struct(name, value)
    }

    forward_rest!();
    forward_lists!();
}
