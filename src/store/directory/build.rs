//! A directory that is being written: which arrays are put in one series.

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{MAX_NDIM, Order};
use crate::memory::live::Kind;

use super::super::ArrayHead;
use super::series::SeriesWriter;
use super::set::{Hole, SetBuilder, WINDOW, hole};

/// An array, owned.
#[derive(Debug)]
pub(in crate::store) struct Head {
    pub(super) path: String,
    pub(super) dtype: DType,
    pub(super) shape: Vec<usize>,
    pub(super) order: Order,
    pub(super) kind: Kind,
    pub(super) offset: u64,
}

impl Head {
    pub(in crate::store) fn of(head: &ArrayHead<'_>, offset: u64) -> Self {
        let &ArrayHead { path, dtype, shape, order, kind, .. } = head;
        let (path, dtype, shape) = (path.to_owned(), dtype.clone(), shape.to_vec());
        Head { path, dtype, shape, order, kind, offset }
    }

    /// The same, in the memory of an array that is no longer needed.
    fn set(&mut self, head: &ArrayHead<'_>, offset: u64) {
        self.path.clear();
        self.path.push_str(head.path);
        self.shape.clear();
        self.shape.extend_from_slice(head.shape);
        if self.dtype != *head.dtype {
            self.dtype = head.dtype.clone();
        }
        (self.order, self.kind, self.offset) = (head.order, head.kind, offset);
    }

    /// The same in the form in which it was pushed, except for its length.
    pub(in crate::store) fn view(&self) -> ArrayHead<'_> {
        let &Head { ref path, ref dtype, ref shape, order, kind, .. } = self;
        ArrayHead { path, follows: false, dtype, shape, order, kind, bytes: 0 }
    }

    /// Whether the two may stand in one series.
    #[inline]
    pub(super) fn is_like(&self, other: &ArrayHead<'_>) -> bool {
        self.shape.len() == other.shape.len()
            && self.order == other.order
            && self.kind == other.kind
            && self.dtype == *other.dtype
    }
}

/// Where the last array is.
#[derive(Default)]
enum Last {
    /// It is in its place for good, or was taken back.
    #[default]
    Settled,
    /// It has no place yet.
    Open(Head),
    /// It is in the run.
    InRun,
}

/// A directory that is being written.
#[derive(Default)]
pub(crate) struct DirectoryBuilder {
    series: SeriesWriter,
    /// How many arrays there are.
    count: u64,
    /// The arrays that are in no series yet. While there is a run, there are no such arrays.
    open: Vec<Head>,
    run: Option<SetBuilder>,
    /// The last array, which may be taken back.
    last: Last,
    /// The last array was taken back, so that what follows it follows no array that is here.
    is_broken: bool,
    /// Arrays that are no longer needed, kept so that their memory is used again.
    spare: Vec<Head>,
}

impl DirectoryBuilder {
    /// Adds an array whose bytes start at `offset` of the container, and returns its number.
    ///
    /// # Errors
    ///
    /// `Limit` if the array has too many axes, if there are too many arrays, or if the paths before it are too long.
    #[inline]
    pub(crate) fn push(&mut self, head: &ArrayHead<'_>, offset: u64) -> Result<u64> {
        if head.shape.len() > MAX_NDIM {
            return Err(Error::new(
                ErrorKind::Limit,
                format!("an array has {} axes, more than {MAX_NDIM}", head.shape.len()),
            ));
        }
        if self.count >= u32::MAX.into() {
            return Err(Error::new(ErrorKind::Limit, "an object has more than 2^32 - 1 arrays"));
        }
        let follows = head.follows && !std::mem::take(&mut self.is_broken);
        self.settle()?;
        // The array before is the last of the run, if there is one.
        let run = self.run.as_mut();
        if !run.is_some_and(|run| run.takes_directly(head, offset, follows)) {
            self.open_last(head, offset);
        } else if !matches!(self.last, Last::InRun) {
            self.last = Last::InRun;
        }
        self.count += 1;
        Ok(self.count - 1)
    }

    /// The same, as an array of this kind.
    #[inline]
    pub(crate) fn push_as(&mut self, kind: Kind, head: &ArrayHead<'_>, offset: u64) -> Result<u64> {
        if head.kind == kind {
            self.push(head, offset)
        } else {
            self.push(&ArrayHead { kind, ..*head }, offset)
        }
    }

    /// Adds an array of this shape that has all else in common with the last one but its place and the last step of its path, which
    /// is the number after that of the last one. `false` if it must be [pushed](Self::push).
    #[inline]
    pub(crate) fn next(&mut self, shape: &[usize], offset: u64) -> bool {
        let is_last_of_run = matches!(self.last, Last::InRun) && self.count < u32::MAX.into();
        let run = self.run.as_mut().filter(|_| is_last_of_run);
        let is_taken = run.is_some_and(|run| run.takes_next(shape, offset));
        self.count += u64::from(is_taken);
        is_taken
    }

    /// The last array has no place yet.
    #[inline(never)]
    fn open_last(&mut self, head: &ArrayHead<'_>, offset: u64) {
        self.last = Last::Open(match self.spare.pop() {
            Some(mut spare) => {
                spare.set(head, offset);
                spare
            }
            None => Head::of(head, offset),
        });
    }

    /// Takes the last array back.
    pub(crate) fn pop(&mut self) {
        self.is_broken = true;
        match (std::mem::take(&mut self.last), &mut self.run) {
            (Last::Open(head), _) => self.spare.push(head),
            (Last::InRun, Some(run)) => run.give_back(),
            _ => return,
        }
        self.count -= 1;
    }

    pub(crate) fn count(&self) -> u64 {
        self.count
    }

    /// Puts all arrays in series, and returns the directory in parts.
    ///
    /// # Errors
    ///
    /// `Limit` if paths and axes are too long.
    pub(crate) fn complete(&mut self) -> Result<[&[u8]; 3]> {
        self.settle()?;
        self.end_run(false)?;
        while !self.open.is_empty() {
            self.close()?;
        }
        Ok(self.series.parts())
    }

    /// Puts the last array in its place.
    #[inline]
    fn settle(&mut self) -> Result<()> {
        if matches!(self.last, Last::Open(_)) { self.settle_last() } else { Ok(()) }
    }

    #[inline(never)]
    fn settle_last(&mut self) -> Result<()> {
        match std::mem::take(&mut self.last) {
            Last::Open(head) => self.settle_open(head),
            Last::Settled | Last::InRun => Ok(()),
        }
    }

    fn settle_open(&mut self, head: Head) -> Result<()> {
        if let Some(run) = &mut self.run {
            if run.is_next(&head.view(), head.offset) {
                run.take(head, &mut self.spare);
                return Ok(());
            }
            self.end_run(true)?;
        }
        let Some((turns, hole)) = self.turns(&head) else {
            if self.open.len() == WINDOW {
                self.close()?;
            }
            self.open.push(head);
            return Ok(());
        };
        while self.open.len() > turns {
            self.close_most(self.open.len() - turns)?;
        }
        let mut run = SetBuilder::begin(self.open.drain(..).collect(), &hole);
        run.take(head, &mut self.spare);
        self.run = Some(run);
        Ok(())
    }

    /// How many arrays take turns, if this array is like the one that many places before it, and stands at the next step of
    /// the path. A step that is a number and counts up is preferred to a name.
    fn turns(&self, head: &Head) -> Option<(usize, Hole)> {
        let mut named = None;
        for turns in 1..=self.open.len() {
            let first = &self.open[self.open.len() - turns..];
            if !first[0].is_like(&head.view()) {
                continue;
            }
            let Some(hole) = hole(&first[0].path, &head.path) else { continue };
            if !SetBuilder::is_possible(first, &hole) {
                continue;
            }
            if hole.counts_up() {
                return Some((turns, hole));
            }
            named = named.or(Some((turns, hole)));
        }
        named
    }

    /// Ends the run. If `more` arrays come, a short run is taken apart, because its arrays may take turns with those.
    fn end_run(&mut self, more: bool) -> Result<()> {
        let Some(mut run) = self.run.take() else { return Ok(()) };
        if let Some(heads) = run.take_apart(more) {
            self.open = heads;
            return Ok(());
        }
        self.open = run.take_turn();
        self.series.push(&run)
    }

    /// Puts the first of the open arrays in a series, together with the arrays behind it that continue the series.
    fn close(&mut self) -> Result<()> {
        self.close_most(self.open.len())
    }

    /// The same, with only the first `most` of the open arrays.
    fn close_most(&mut self, most: usize) -> Result<()> {
        let mut open = self.open.drain(..most).peekable();
        let Some(first) = open.next() else { return Ok(()) };
        let next = open.peek().filter(|next| first.is_like(&next.view()));
        if let Some(hole) = next.and_then(|next| hole(&first.path, &next.path)) {
            let mut run = SetBuilder::begin(vec![first], &hole);
            while let Some(next) = open.next_if(|next| run.is_next(&next.view(), next.offset)) {
                run.take(next, &mut self.spare);
            }
            self.series.push(&run)?;
        } else {
            self.series.push_one(&first)?;
            self.spare.push(first);
        }
        let left: Vec<Head> = open.collect();
        self.open.splice(..0, left);
        Ok(())
    }
}
