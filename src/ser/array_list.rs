//! A list of arrays that a type hands over as one: they have all in common but their shapes, and nothing stands between them.

use serde::ser::Serialize;

use crate::error::{Error, Result};

use super::array::{BytesTo, Known, Take, foreign, wrong_length};
use super::seq_map::SeqWriter;
use super::{Place, Writer, Written};

/// Takes the descriptor of the first array, and then the bytes of each. Before the bytes of an array that has another shape than the one
/// before it come its axes.
pub(super) struct ArrayListWriter<'q, 'a> {
    seq: SeqWriter<'q, 'a>,
    /// What all arrays have in common, with the shape of the last one. `None` before the descriptor has come.
    known: Option<Box<Known>>,
    /// How many arrays have come.
    count: usize,
    /// How many axes of the next array's shape have come.
    axes: usize,
    /// Why the list failed. Between the type and here, code of others may wrap errors.
    failure: Option<Error>,
}

impl<'q, 'a> ArrayListWriter<'q, 'a> {
    pub(super) fn begin(place: Place<'q, 'a>, len: usize) -> Result<Self> {
        let seq = SeqWriter::begin(place, Some(len))?;
        Ok(ArrayListWriter { seq, known: None, count: 0, axes: 0, failure: None })
    }

    #[inline]
    pub(super) fn part<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let given = value.serialize(BytesTo(OfList(self)));
        match &self.failure {
            None if given.is_ok() => Ok(()),
            _ => self.fail(given),
        }
    }

    #[cold]
    #[inline(never)]
    fn fail(&mut self, given: Result<()>) -> Result<()> {
        let failure = self.failure.take();
        let error = failure.or(given.err()).unwrap_or_else(foreign);
        Err(self.seq.writer().fail(error))
    }

    fn take(&mut self, bytes: &[u8]) -> Result<()> {
        let Some(known) = &mut self.known else {
            let last = self.seq.writer().known.take();
            self.known = Known::decode(bytes, last);
            return if self.known.is_some() { Ok(()) } else { Err(foreign()) };
        };
        if self.axes > 0 && !known.settle_axes(std::mem::take(&mut self.axes)) {
            return Err(foreign());
        }
        if known.bytes() != Some(bytes.len()) {
            return Err(wrong_length());
        }
        let place = self.seq.place();
        let written = place.array_of_list(known, self.count > 0, bytes);
        self.count += 1;
        self.seq.wrote(&(), written)
    }

    fn take_axis(&mut self, axis: u64) -> Result<()> {
        let known = self.known.as_mut().ok_or_else(foreign)?;
        if !known.set_axis(self.axes, axis) {
            return Err(foreign());
        }
        self.axes += 1;
        Ok(())
    }

    pub(super) fn finish(mut self) -> Result<Written> {
        let writer: &mut Writer<'_> = self.seq.writer();
        writer.known = self.known;
        if self.axes > 0 {
            return Err(writer.fail(foreign()));
        }
        Ok(self.seq.finish())
    }
}

impl Place<'_, '_> {
    /// Writes an array of a list, which is not the first one if it `follows`.
    #[inline]
    fn array_of_list(mut self, known: &Known, follows: bool, bytes: &[u8]) -> Result<Written> {
        let (shape, tag) = (known.shape(), known.tag());
        let writer = &mut *self.writer;
        let next = if follows { writer.sink.next(shape, bytes) } else { Ok(None) };
        let number = match next.map_err(|error| writer.fail(error.into_serde()))? {
            Some(number) => {
                writer.arrays += 1;
                writer.name.pass_over(self.here.get());
                number
            }
            None => self.whole_array(known, bytes)?,
        };
        Ok(self.refer(tag, number))
    }
}

/// What the list is given: byte strings and axes. Code of others may wrap the errors that it returns, so it notes them.
struct OfList<'l, 'q, 'a>(&'l mut ArrayListWriter<'q, 'a>);

impl OfList<'_, '_, '_> {
    #[inline]
    fn note(&mut self, taken: Result<()>) {
        if let Err(error) = taken {
            self.0.failure = Some(error);
        }
    }
}

impl Take for OfList<'_, '_, '_> {
    #[inline]
    fn bytes(&mut self, bytes: &[u8]) -> Result<()> {
        let taken = self.0.take(bytes);
        self.note(taken);
        Ok(())
    }

    fn number(&mut self, number: u64) -> Result<()> {
        let taken = self.0.take_axis(number);
        self.note(taken);
        Ok(())
    }
}
