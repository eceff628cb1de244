//! Sequences and maps: runs of items that share their tags.
//!
//! A run is a header (how many items, whether another run follows, the tags) and the items without tags. A sequence of
//! one type is one run. At the first item of another type the run is closed and the rest follows in a run whose items
//! carry their own tags. A sequence whose length is not known beforehand is written in short runs of a fixed width.

use serde::ser::{Serialize, SerializeMap, SerializeSeq};

use crate::error::{Error, Result};
use crate::store::Sink;
use crate::wire::{RUN, put_padded, put_varint};

use super::levels::What;
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
    fn begin<S: Sink>(ser: &mut Serializer<S>, len: Option<usize>) -> Self {
        let mut run = Run {
            at: 0,
            width: 0,
            announced: 0,
            count: 0,
            tags: [LEARN; N],
            total: 0,
            base: ser.noted.len(),
        };
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
            self.set_tag(&mut ser.out, which, *tag);
        }
        ser.noted.truncate(self.base);
    }

    fn set_tag(&mut self, out: &mut [u8], which: usize, tag: u8) {
        self.tags[which] = tag;
        out[self.at + self.width + which] = tag;
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
    /// Whether the next item is tried quickly. If not, nothing of this sequence waits.
    quick: bool,
}

impl<'a, S: Sink> Seq<'a, S> {
    pub(super) fn begin(ser: &'a mut Serializer<S>, len: Option<usize>) -> Result<Self> {
        let index = ser.descend(What::Item)?;
        let run = Run::begin(ser, len);
        let quick = ser.may_be_quick();
        Ok(Seq { ser, index, run, quick })
    }

    #[cfg_attr(not(debug_assertions), inline(always))]
    pub(super) fn element<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let tag = self.run.tags[0];
        if self.quick {
            self.ser.make_way();
        }
        if self.quick
            && !self.run.is_full()
            && let Some(found) = self.ser.quick(tag, value)
        {
            if tag == LEARN {
                self.run.set_tag(&mut self.ser.out, 0, found);
            }
        } else {
            self.one(value)?;
        }
        self.run.count += 1;
        self.run.total += 1;
        Ok(())
    }

    /// Writes an item with its place known.
    #[inline]
    fn one<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let run = &mut self.run;
        if self.quick {
            self.ser.flush();
        }
        if run.is_full() {
            run.next_run(&mut self.ser.out);
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
        self.quick = self.ser.may_be_quick_after(run.total);
        Ok(())
    }

    #[inline]
    pub(super) fn finish(self) {
        if self.quick {
            self.ser.flush();
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
    /// Whether the next key or value is tried quickly. If not, nothing of this map waits.
    quick: bool,
}

impl<'a, S: Sink> Map<'a, S> {
    pub(super) fn begin(ser: &'a mut Serializer<S>, len: Option<usize>) -> Result<Self> {
        let index = ser.descend(What::Item)?;
        let run = Run::begin(ser, len);
        let quick = ser.may_be_quick();
        Ok(Map { ser, index, run, start: 0, open: false, quick })
    }

    /// Writes a key or value quickly, or not at all.
    #[inline]
    fn quick<T: Serialize + ?Sized>(&mut self, which: usize, value: &T) -> bool {
        let tag = self.run.tags[which];
        let Some(found) = self.ser.quick(tag, value) else { return false };
        if tag == LEARN {
            self.run.set_tag(&mut self.ser.out, which, found);
        }
        true
    }

    fn key_slowly<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        let run = &mut self.run;
        if self.quick {
            self.ser.flush();
        }
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

    fn value_slowly<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        let run = &mut self.run;
        if self.quick {
            self.ser.flush();
        }
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
        self.quick = self.ser.may_be_quick_after(run.total);
        Ok(())
    }
}

impl<S: Sink> SerializeMap for Map<'_, S> {
    type Ok = ();
    type Error = Error;

    #[inline]
    fn serialize_key<T: Serialize + ?Sized>(&mut self, key: &T) -> Result<()> {
        if self.open {
            let error = serde::ser::Error::custom("a map's key follows a key");
            return Err(self.ser.fail(error));
        }
        self.open = true;
        if self.quick && !self.run.is_full() {
            self.ser.make_way();
            self.start = self.ser.position();
            if self.quick(0, key) {
                return Ok(());
            }
        }
        self.key_slowly(key)
    }

    #[inline]
    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<()> {
        if !self.open {
            let error = serde::ser::Error::custom("a map's value comes without its key");
            return Err(self.ser.fail(error));
        }
        self.open = false;
        if !(self.quick && self.quick(1, value)) {
            self.value_slowly(value)?;
        }
        self.run.count += 1;
        self.run.total += 1;
        Ok(())
    }

    fn end(self) -> Result<()> {
        if self.open {
            let error = serde::ser::Error::custom("a map's last key has no value");
            return Err(self.ser.fail(error));
        }
        if self.quick {
            self.ser.flush();
        }
        self.run.end(&mut self.ser.out);
        self.ser.leave(self.index);
        Ok(())
    }
}
