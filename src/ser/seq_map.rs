//! Sequences and maps: runs of items that share their tags.
//!
//! A run is a header (how many items, whether another run follows, the tags) and the items without tags. A sequence of
//! one type is one run. At the first item of another type the run is closed and the rest follows in a run whose items
//! carry their own tags. A sequence whose length is not known beforehand is written in short runs of a fixed width.

use serde::ser::{Serialize, SerializeMap, SerializeSeq};

use crate::error::Result;
use crate::wire::{RUN, Tag, put_padded, put_varint, varint_len};

use super::frames::{Depth, Here};
use super::room::LONGEST;
use super::{ANY, LEARN, Note, Place, Writer, Written, may_nest};

/// The run that is being written. `N` is 1 for a sequence's items, 2 for a map's keys and values. Cold functions take it by value,
/// as they do a record's state.
#[derive(Clone, Copy)]
struct Run<const N: usize> {
    /// The position of its tags in the inline block, behind the count.
    tags_at: usize,
    announced: u64,
    /// How many of the announced items are still to come.
    left: u64,
    /// How many of these are hidden because the stack is low. They are not expected, so that the next one checks the stack.
    hidden: u64,
    tags: [u8; N],
    /// How many items the earlier runs have. With it, an item's number follows from `left`, so that one word less changes from item
    /// to item.
    before: u64,
}

impl<const N: usize> Run<N> {
    /// Begins a sequence or map.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn begin(place: Place<'_, '_>, tag: Tag, len: Option<usize>) -> Result<(Self, usize, Note)> {
        let Place { writer, next, here, depth } = place;
        let here = here.get();
        let (mut next, note) = writer.put_tag(next, here.slot(), tag as u8, LONGEST + N);
        let mut hidden = 0;
        // The lowest bit says that another run follows; a count of more than 63 bits is no count.
        let announced = len.map_or(RUN, |len| (len as u64).min(u64::MAX >> 1));
        let mut left = announced;
        if !writer.has_room(depth) {
            writer.flush(next);
            next = 0;
            writer.make_room(depth)?;
            if writer.low {
                (left, hidden) = (0, announced);
            }
        }
        writer.enter(here, depth);
        next = writer.put_varint(next, announced << 1);
        let tags_at = writer.position(next);
        if announced > 0 {
            next = writer.put(next, [LEARN; N]);
        }
        Ok((Run { tags_at, announced, left, hidden, tags: [LEARN; N], before: 0 }, next, note))
    }

    /// Hides the items that are left, so that the next one checks the stack.
    fn hide(&mut self) {
        self.hidden += std::mem::take(&mut self.left);
    }

    /// How many bytes the run's count takes.
    fn width(&self) -> usize {
        varint_len(self.announced << 1)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn count(&self) -> u64 {
        self.announced - self.left - self.hidden
    }

    /// How many items all runs have so far.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn total(&self) -> u64 {
        self.before + self.count()
    }

    /// Starts a run at the end of the inline block.
    fn header(&mut self, out: &mut Vec<u8>, announced: u64) {
        self.before = self.total();
        put_varint(out, announced << 1);
        self.tags_at = out.len();
        (self.announced, self.left, self.hidden) = (announced, announced, 0);
        if announced > 0 {
            out.extend_from_slice(&self.tags);
        }
    }

    fn close(&self, out: &mut [u8], more: bool) {
        let count = self.count() << 1 | u64::from(more);
        if let Some(place) = out.get_mut(self.tags_at - self.width()..self.tags_at) {
            put_padded(place, count);
        }
    }

    /// After a run's first item, writes the tag that the run's items have.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn learn(&mut self, writer: &mut Writer<'_>, which: usize, tag: u8) {
        self.tags[which] = tag;
        writer.set_byte(self.tags_at + which, tag);
    }
}

impl Writer<'_> {
    /// Handles an item, key or value that is not what its slot says, has asked whether it is written for a human reader, or has
    /// failed. The room is empty then. Gives the length of the header that was put in before it, if there was one.
    #[cold]
    #[inline(never)]
    fn settle_item<T: Serialize + ?Sized, const N: usize>(
        &mut self,
        value: &T,
        next: usize,
        mut run: Run<N>,
        depth: Depth,
        part: RunPart,
        written: Result<Written>,
    ) -> Result<(Run<N>, usize)> {
        self.flush(written.as_ref().map_or(next, |written| written.next()));
        let RunPart { which, start } = part;
        let here = match which {
            0 => Here::item(run.total(), run.tags[0]),
            _ => Here::entry(run.total(), run.tags[which]),
        };
        let settled = written
            .and_then(|written| self.settle(value, here, depth, Written::noted(0, written.note())));
        let written = match settled {
            Ok(written) => written,
            Err(error) => return Err(self.fail_at(here, depth, error)),
        };
        self.flush(written.next());
        let mut inserted = 0;
        if let Some(tag) = written.note().tag() {
            if run.tags[which] == LEARN {
                run.learn(self, which, tag);
            } else {
                (run, inserted) = self.split(run, which, start);
            }
        }
        Ok((run, inserted))
    }
}

/// An item (0), a key (0) or a value (1), and where it, or the key before it, starts.
#[derive(Clone, Copy)]
struct RunPart {
    which: usize,
    start: usize,
}

/// All of these functions empty the room first, or find it empty.
impl Writer<'_> {
    /// No item is expected: there were more than announced, or the stack was low.
    #[cold]
    #[inline(never)]
    fn next_run<const N: usize>(&mut self, next: usize, mut run: Run<N>) -> Run<N> {
        self.flush(next);
        if run.hidden > 0 {
            (run.left, run.hidden) = (run.hidden, 0);
            return run;
        }
        if run.count() == 0 {
            self.out.truncate(run.tags_at - run.width());
        } else {
            run.close(&mut self.out, true);
        }
        run.header(&mut self.out, RUN);
        run
    }

    /// Splits the run before the item at `start`, which carries its own tag. The rest of the announced items follows in a run whose
    /// tag `which` is `Any`. Gives the length of the header that was put in.
    fn split<const N: usize>(
        &mut self,
        mut run: Run<N>,
        which: usize,
        start: usize,
    ) -> (Run<N>, usize) {
        run.tags[which] = ANY;
        if run.count() == 0 {
            // Nothing was written under the old tags; they were only carried over from the run before.
            self.set_byte(run.tags_at + which, ANY);
            return (run, 0);
        }
        run.close(&mut self.out, true);
        let tail = self.out.split_off(start.min(self.out.len()));
        let before = self.out.len();
        run.header(&mut self.out, run.left);
        let inserted = self.out.len() - before;
        self.out.extend_from_slice(&tail);
        (run, inserted)
    }

    /// Ends a run that has fewer items than announced.
    #[cold]
    #[inline(never)]
    fn end_run<const N: usize>(&mut self, next: usize, run: Run<N>) {
        self.flush(next);
        if run.count() == 0 {
            // A run of nothing has no tags.
            self.out.truncate(run.tags_at);
        }
        run.close(&mut self.out, false);
    }
}

pub(super) struct SeqWriter<'q, 'a> {
    writer: &'q mut Writer<'a>,
    next: usize,
    run: Run<1>,
    depth: Depth,
    /// The note that the code around the sequence gets in the end.
    note: Note,
    /// Where the current item starts.
    start: usize,
}

impl<'q, 'a> SeqWriter<'q, 'a> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn begin(place: Place<'q, 'a>, len: Option<usize>) -> Result<Self> {
        let Place { writer, next, here, depth } = place;
        let (run, next, note) = Run::begin(writer.at(next, here.get(), depth), Tag::Seq, len)?;
        Ok(SeqWriter { writer, next, run, depth: depth.level(), note, start: 0 })
    }

    pub(super) fn is_readable(&self) -> bool {
        self.writer.readable
    }

    pub(super) fn writer(&mut self) -> &mut Writer<'a> {
        self.writer
    }

    /// The place for the next item.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn place(&mut self) -> Place<'_, 'a> {
        if self.run.left == 0 {
            self.run = self.writer.next_run(self.next, self.run);
            self.next = 0;
        }
        self.start = self.writer.position(self.next);
        let here = Here::item(self.run.total(), self.run.tags[0]);
        self.writer.at(self.next, here, self.depth)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        if self.run.left == 0 {
            return self.unexpected(value);
        }
        let written = value.serialize(self.place());
        self.wrote(value, written)
    }

    /// Writes an item that is not expected: the first of a run, or one that comes while the stack is low. If the stack is low and the
    /// item may have parts, it is written on another stack. The items that follow are hidden again, so that they come here, too.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn unexpected<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let Place { writer, next, here, depth } = self.place();
        let here = here.get();
        let written = if writer.low && may_nest(here.slot()) {
            writer.write_elsewhere(value, next, here, depth)
        } else {
            value.serialize(writer.at(next, here, depth))
        };
        self.wrote(value, written)?;
        if self.writer.low {
            self.run.hide();
        }
        Ok(())
    }

    /// An item was written, or failed.
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn wrote<T: Serialize + ?Sized>(
        &mut self,
        value: &T,
        written: Result<Written>,
    ) -> Result<()> {
        match written {
            Ok(written) if !written.is_noted() => self.next = written.next(),
            Ok(written) if self.run.tags[0] == LEARN && !written.note().has_asked() => {
                self.next = written.next();
                self.run.learn(self.writer, 0, written.note().0);
            }
            written => {
                // The bytes that a failed item has left do not matter, because a sequence has no keys that a path could need.
                let part = RunPart { which: 0, start: self.start };
                let settled =
                    self.writer.settle_item(value, 0, self.run, self.depth, part, written);
                (self.run, _) = settled?;
                self.next = 0;
            }
        }
        self.run.left -= 1;
        Ok(())
    }

    /// The tag of the next item, if it is not written.
    pub(super) fn slot(&self) -> u8 {
        self.run.tags[0]
    }

    /// Whether so many items of one of these tags are expected, so that they are written without their tag.
    pub(super) fn expects(&self, tags: [Tag; 2], items: usize) -> bool {
        let is_known = tags.iter().any(|tag| *tag as u8 == self.slot());
        is_known && self.run.left >= items as u64
    }

    /// Takes so many items of the run at once. `write` puts their bytes.
    pub(super) fn take_run(&mut self, items: usize, write: impl FnOnce(&mut Vec<u8>)) {
        self.writer.flush(self.next);
        self.next = 0;
        write(&mut self.writer.out);
        self.run.left -= items as u64;
    }

    pub(super) fn fail(self, error: crate::Error) -> crate::Error {
        self.writer.fail(error)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn finish(&mut self) -> Written {
        if self.run.left + self.run.hidden != 0 {
            self.writer.end_run(self.next, self.run);
            return Written::noted(0, self.note);
        }
        Written::noted(self.next, self.note)
    }
}

impl SerializeSeq for SeqWriter<'_, '_> {
    type Ok = Written;
    type Error = crate::Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn end(mut self) -> Result<Written> {
        Ok(self.finish())
    }
}

pub(super) struct MapWriter<'q, 'a> {
    writer: &'q mut Writer<'a>,
    next: usize,
    run: Run<2>,
    depth: Depth,
    /// The note that the code around the map gets in the end.
    note: Note,
    /// Where the current entry's key starts.
    start: usize,
    /// Whether a key was written whose value has not come yet.
    open: bool,
    /// Whether the current entry was not expected, because it is the first of a run or the stack is low.
    unexpected: bool,
}

impl<'q, 'a> MapWriter<'q, 'a> {
    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn begin(place: Place<'q, 'a>, len: Option<usize>) -> Result<Self> {
        let Place { writer, next, here, depth } = place;
        let (run, next, note) = Run::begin(writer.at(next, here.get(), depth), Tag::Map, len)?;
        Ok(MapWriter {
            writer,
            next,
            run,
            depth: depth.level(),
            note,
            start: 0,
            open: false,
            unexpected: false,
        })
    }

    /// Writes a key (0) or a value (1).
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn write<T: Serialize + ?Sized>(&mut self, which: usize, here: Here, value: &T) -> Result<()> {
        let written = if self.unexpected && self.writer.low && may_nest(here.slot()) {
            self.writer.write_elsewhere(value, self.next, here, self.depth)
        } else {
            value.serialize(self.writer.at(self.next, here, self.depth))
        };
        match written {
            Ok(written) if !written.is_noted() => self.next = written.next(),
            Ok(written) if self.run.tags[which] == LEARN && !written.note().has_asked() => {
                self.next = written.next();
                self.run.learn(self.writer, which, written.note().0);
            }
            written => {
                let part = RunPart { which, start: self.start };
                let (run, inserted) = self
                    .writer
                    .settle_item(value, self.next, self.run, self.depth, part, written)?;
                (self.run, self.next) = (run, 0);
                self.start += inserted;
            }
        }
        Ok(())
    }
}

impl SerializeMap for MapWriter<'_, '_> {
    type Ok = Written;
    type Error = crate::Error;

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        if self.open {
            let error = serde::ser::Error::custom("a map's key follows a key");
            return Err(self.writer.fail(error));
        }
        self.open = true;
        self.unexpected = self.run.left == 0;
        if self.unexpected {
            self.run = self.writer.next_run(self.next, self.run);
            self.next = 0;
        }
        self.start = self.writer.position(self.next);
        self.write(0, Here::item(self.run.total(), self.run.tags[0]), key)
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        if !self.open {
            let error = serde::ser::Error::custom("a map's value comes without its key");
            return Err(self.writer.fail(error));
        }
        self.open = false;
        if let Some(level) = self.writer.frames.get_mut(self.depth.levels()) {
            (level.key, level.key_tag) = (self.start, self.run.tags[0]);
        }
        self.write(1, Here::entry(self.run.total(), self.run.tags[1]), value)?;
        self.run.left -= 1;
        if self.unexpected && self.writer.low {
            self.run.hide();
        }
        Ok(())
    }

    fn end(self) -> Result<Written> {
        let MapWriter { writer, next, run, note, open, .. } = self;
        if open {
            let error = serde::ser::Error::custom("a map's last key has no value");
            return Err(writer.fail(error));
        }
        if run.left + run.hidden != 0 {
            writer.end_run(next, run);
            return Ok(Written::noted(0, note));
        }
        Ok(Written::noted(next, note))
    }
}
