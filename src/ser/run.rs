//! Sequences and maps: runs of items that share their tags.
//!
//! A run is a header (how many items, whether another run follows, the tags) and the items without tags. A sequence of
//! one type is one run. At the first item of another type the run is closed and the rest follows in a run whose items
//! carry their own tags. A sequence whose length is not known beforehand is written in short runs of a fixed width.

use std::rc::Rc;

use serde::ser::{Serialize, SerializeMap, SerializeSeq};

use crate::error::{Error, Result};
use crate::store::Sink;
use crate::wire::{RUN, Tag, put_padded, put_varint};

use super::levels::What;
use super::repeat::{Script, Stage};
use super::{ANY, LEARN, Serializer};

/// The run that is being written. `N` is 1 for a sequence's items, 2 for a map's keys and values.
struct Run<const N: usize> {
    /// Where its header stands, and how many bytes its count takes.
    at: usize,
    width: usize,
    announced: u64,
    count: u64,
    tags: [u8; N],
    /// All runs' items so far.
    total: usize,
    /// The length of `Serializer::noted` at the start.
    base: usize,
}

impl<const N: usize> Run<N> {
    fn begin<S: Sink>(ser: &mut Serializer<S>, len: Option<usize>, tags: [u8; N]) -> Self {
        let mut run =
            Run { at: 0, width: 0, announced: 0, count: 0, tags, total: 0, base: ser.noted.len() };
        run.header(&mut ser.out, len.map_or(RUN, |len| len as u64));
        run
    }

    /// Starts a run at the end of what is written.
    fn header(&mut self, out: &mut Vec<u8>, announced: u64) {
        // The lowest bit says that another run follows; a count of more than 63 bits is no count.
        let announced = announced.min(u64::MAX >> 1);
        self.at = out.len();
        put_varint(out, announced << 1);
        self.width = out.len() - self.at;
        self.announced = announced;
        self.count = 0;
        if announced > 0 {
            out.extend_from_slice(&self.tags);
        }
    }

    fn close(&self, out: &mut [u8], more: bool) {
        let count = self.count << 1 | u64::from(more);
        put_padded(&mut out[self.at..self.at + self.width], count);
    }

    /// Whether [`next_run`](Self::next_run) is to be called before the next item.
    #[inline]
    fn is_full(&self) -> bool {
        self.count == self.announced
    }

    #[cold]
    fn next_run(&mut self, out: &mut Vec<u8>) {
        if self.count == 0 {
            out.truncate(self.at);
        } else {
            self.close(out, true);
        }
        self.header(out, RUN);
    }

    /// After the first item: writes down which tag the items of this run have.
    fn learn<S: Sink>(&mut self, ser: &mut Serializer<S>, which: usize) {
        if let Some(tag) = ser.noted.get(self.base) {
            self.tags[which] = *tag;
            ser.out[self.at + self.width + which] = *tag;
        }
        ser.noted.truncate(self.base);
    }

    /// An item that starts at `start` carries its own tag: the run ends before it, and the rest of what was announced
    /// follows in a run whose `which` is `Any`. Gives the length of the header that was put in.
    #[cold]
    fn split<S: Sink>(&mut self, ser: &mut Serializer<S>, which: usize, start: usize) -> usize {
        ser.noted.truncate(self.base);
        self.tags[which] = ANY;
        let announced = self.announced - self.count;
        if self.count == 0 {
            // Nothing was written under the old tags; they were only carried over from the run before.
            ser.out[self.at + self.width + which] = ANY;
            return 0;
        }
        self.close(&mut ser.out, true);
        let tail = ser.out.split_off(start);
        self.header(&mut ser.out, announced);
        let inserted = ser.out.len() - start;
        ser.out.extend_from_slice(&tail);
        inserted
    }

    fn end(&self, out: &mut Vec<u8>) {
        if self.count == self.announced {
            return;
        }
        if self.count == 0 {
            // A run of nothing has no tags.
            out.truncate(self.at + self.width);
        }
        self.close(out, false);
    }
}

pub(super) struct Seq<'a, S> {
    ser: &'a mut Serializer<S>,
    /// The number of its level.
    index: usize,
    run: Run<1>,
    /// What the items do, if they are records that are alike.
    script: Option<Rc<Script>>,
    /// The first item that it was meant for.
    since: usize,
    /// The field in which the sequence is.
    field: Option<usize>,
}

impl<'a, S: Sink> Seq<'a, S> {
    pub(super) fn begin(ser: &'a mut Serializer<S>, len: Option<usize>) -> Result<Self> {
        let field = ser.field();
        let script = field.and_then(|field| ser.shapes.items(field)).cloned();
        let index = ser.descend(What::Item)?;
        let tag = if script.is_some() { Tag::Record as u8 } else { LEARN };
        let run = Run::begin(ser, len, [tag]);
        Ok(Seq { ser, index, run, script, since: 0, field })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let repeated = match (&self.script, &mut self.ser.stage) {
            (Some(script), Some(stage)) if !self.run.is_full() => {
                if stage.is_full() {
                    stage.flush(&mut self.ser.out);
                }
                stage.write(script, value)
            }
            _ => false,
        };
        if !repeated {
            self.one(value)?;
        }
        self.run.count += 1;
        self.run.total += 1;
        Ok(())
    }

    /// Brings what was repeated to where the rest is.
    #[cfg_attr(not(debug_assertions), inline(always))]
    fn flush(&mut self) {
        if self.script.is_some()
            && let Some(stage) = &mut self.ser.stage
        {
            stage.flush(&mut self.ser.out);
        }
    }

    /// Writes an item that is not known to be like the one before.
    #[inline]
    fn one<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.flush();
        if self.run.is_full() {
            self.run.next_run(&mut self.ser.out);
        }
        let run = &mut self.run;
        if run.total == 0 {
            // What was expected of the items does not hold.
            run.tags[0] = LEARN;
        }
        let start = self.ser.out.len();
        self.ser.slot = run.tags[0];
        self.ser.here = run.total;
        if let Err(error) = self.ser.put(value) {
            return Err(self.ser.fail_here(self.index, run.total, error));
        }
        if self.ser.noted.len() != run.base {
            if run.tags[0] == LEARN {
                run.learn(self.ser, 0);
            } else {
                run.split(self.ser, 0, start);
            }
        }
        let followed = self.script.take().map(|_| run.total - self.since);
        if run.tags[0] == Tag::Record as u8 {
            self.script = self.ser.shapes.script(&self.ser.out[start..], followed);
            if self.script.is_some() && self.ser.stage.is_none() {
                self.ser.stage = Some(Stage::new());
            }
            self.since = run.total + 1;
        }
        Ok(())
    }

    #[inline]
    pub(super) fn finish(mut self) {
        self.flush();
        if let (Some(script), Some(field)) = (&self.script, self.field)
            && !self.ser.shapes.items(field).is_some_and(|known| Rc::ptr_eq(known, script))
        {
            self.ser.shapes.set_items(field, script.clone());
        }
        self.run.end(&mut self.ser.out);
        self.ser.leave(self.index);
    }
}

impl<S: Sink> SerializeSeq for Seq<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        self.element(value)
    }

    #[inline]
    fn end(self) -> Result<()> {
        self.finish();
        Ok(())
    }
}

pub(super) struct Map<'a, S> {
    ser: &'a mut Serializer<S>,
    /// The number of its level.
    index: usize,
    run: Run<2>,
    /// Where the current entry's key starts.
    start: usize,
    /// A key was written whose value has not come yet.
    open: bool,
}

impl<'a, S: Sink> Map<'a, S> {
    pub(super) fn begin(ser: &'a mut Serializer<S>, len: Option<usize>) -> Result<Self> {
        let index = ser.descend(What::Item)?;
        let run = Run::begin(ser, len, [LEARN; 2]);
        Ok(Map { ser, index, run, start: 0, open: false })
    }
}

impl<S: Sink> SerializeMap for Map<'_, S> {
    type Ok = ();
    type Error = Error;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        let run = &mut self.run;
        if self.open {
            let error = serde::ser::Error::custom("a map's key follows a key");
            return Err(self.ser.fail(error));
        }
        self.open = true;
        if run.is_full() {
            run.next_run(&mut self.ser.out);
        }
        self.start = self.ser.out.len();
        self.ser.slot = run.tags[0];
        self.ser.levels[self.index].what = What::Item;
        self.ser.here = run.total;
        if let Err(error) = self.ser.put(key) {
            return Err(self.ser.fail_here(self.index, run.total, error));
        }
        if self.ser.noted.len() != run.base {
            if run.tags[0] == LEARN {
                run.learn(self.ser, 0);
            } else {
                self.start += run.split(self.ser, 0, self.start);
            }
        }
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let run = &mut self.run;
        if !self.open {
            let error = serde::ser::Error::custom("a map's value comes without its key");
            return Err(self.ser.fail(error));
        }
        self.open = false;
        self.ser.slot = run.tags[1];
        let level = &mut self.ser.levels[self.index];
        level.what = What::Entry(run.tags[0]);
        level.start = self.start;
        self.ser.here = run.total;
        if let Err(error) = self.ser.put(value) {
            return Err(self.ser.fail_here(self.index, run.total, error));
        }
        if self.ser.noted.len() != run.base {
            if run.tags[1] == LEARN {
                run.learn(self.ser, 1);
            } else {
                run.split(self.ser, 1, self.start);
            }
        }
        run.count += 1;
        run.total += 1;
        Ok(())
    }

    fn end(self) -> Result<()> {
        if self.open {
            let error = serde::ser::Error::custom("a map's last key has no value");
            return Err(self.ser.fail(error));
        }
        self.run.end(&mut self.ser.out);
        self.ser.leave(self.index);
        Ok(())
    }
}
