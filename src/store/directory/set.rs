//! A set of series that is being written: arrays that come again and again, each time at the next step of their paths.

use std::ops::Range;

use super::super::ArrayHead;
use super::build::Head;
use super::path::parse_number;

/// Where an array's path differs from that of one before it.
pub(super) struct Hole {
    /// How many bytes of the path stand before the step and behind it.
    before: usize,
    after: usize,
    /// The step of the array before, if this one's is the next number.
    number: Option<u64>,
}

/// Where the paths differ, if that is in one step alone.
pub(super) fn hole(one: &str, next: &str) -> Option<Hole> {
    let same = one.bytes().zip(next.bytes()).take_while(|(a, b)| a == b).count();
    let start =
        one.as_bytes()[..same].iter().rposition(|byte| *byte == b'.').map_or(0, |dot| dot + 1);
    let step = |path: &'_ str| {
        let len = path.as_bytes()[start..].iter().position(|byte| *byte == b'.');
        len.unwrap_or(path.len() - start)
    };
    let (its, others) = (step(one), step(next));
    let is_same_behind = one.as_bytes()[start + its..] == next.as_bytes()[start + others..];
    if !is_same_behind || one == next {
        return None;
    }
    let number = |path: &str, len: usize| path.get(start..start + len).and_then(parse_number);
    let first = number(one, its);
    let following = first.and_then(|number| number.checked_add(1));
    let counts_up = following.is_some() && following == number(next, others);
    Some(Hole {
        before: start,
        after: one.len() - start - its,
        number: first.filter(|_| counts_up),
    })
}

impl Hole {
    pub(super) fn counts_up(&self) -> bool {
        self.number.is_some()
    }
}

/// What of the arrays' places and shapes differs from item to item.
struct OpenSeries {
    /// The first array.
    head: Head,
    /// How many bytes of its path stand before the step and behind it.
    before: usize,
    after: usize,
    pitch: u64,
    /// The offsets, once they do not keep to the pitch.
    offsets: Option<Vec<u64>>,
    /// The shapes, once they differ.
    shapes: Option<Vec<usize>>,
}

/// The step of the paths.
pub(super) enum Steps {
    None,
    /// The steps are numbers that count up from this one.
    Numbers(u64),
    /// The steps are names: where each ends, and the names themselves.
    Names(Vec<u32>, String),
}

/// Several arrays that take turns, and how often they came.
pub(super) struct SetBuilder {
    members: Vec<OpenSeries>,
    steps: Steps,
    /// How often each came.
    items: usize,
    /// The arrays of the next item that have come so far.
    turn: Vec<Head>,
    /// The arrays of all other items, as long as they are few.
    kept: Option<Vec<Head>>,
}

/// A series that is complete.
pub(super) struct Series<'a> {
    pub(super) head: &'a Head,
    pub(super) before: &'a str,
    pub(super) after: &'a str,
    pub(super) items: usize,
    pub(super) stride: usize,
    pub(super) place: usize,
    pub(super) pitch: u64,
    pub(super) offsets: Option<&'a [u64]>,
    pub(super) shapes: Option<&'a [usize]>,
    pub(super) steps: &'a Steps,
}

/// How many arrays are kept to compare the next ones with. So at most this many arrays take turns in a set.
pub(super) const WINDOW: usize = 16;

/// A series whose places were regular for this many items ends at the first irregular place. It gets no column of offsets.
const REGULAR: usize = 16;

impl SetBuilder {
    /// Of the first item, with the place where the paths of the next one differ.
    pub(super) fn begin(first: Vec<Head>, hole: &Hole) -> Self {
        let leader = &first[0].path;
        let step = &leader[hole.before..leader.len() - hole.after];
        let steps = match hole.number {
            Some(number) => Steps::Numbers(number),
            None => Steps::Names(vec![step.len() as u32], step.to_owned()),
        };
        let width = step.len();
        let place = |head: Head| {
            let after = head.path.len() - hole.before - width;
            let before = hole.before;
            OpenSeries { head, before, after, pitch: 0, offsets: None, shapes: None }
        };
        let members = first.into_iter().map(place).collect();
        SetBuilder { members, steps, items: 1, turn: Vec::new(), kept: Some(Vec::new()) }
    }

    /// Whether every member's path has the leader's step, where the paths differ.
    pub(super) fn is_possible(first: &[Head], hole: &Hole) -> bool {
        let leader = &first[0].path;
        let end = leader.len() - hole.after;
        first.iter().all(|head| {
            head.path.get(..end) == Some(&leader[..end])
                && matches!(head.path.as_bytes().get(end), None | Some(b'.'))
        })
    }

    /// Whether the array continues the run.
    pub(super) fn is_next(&self, head: &ArrayHead<'_>, offset: u64) -> bool {
        let member = &self.members[self.turn.len()];
        if !member.head.is_like(head) {
            return false;
        }
        let first = &member.head.path;
        let (before, after) = (&first[..member.before], &first[first.len() - member.after..]);
        let step = head.path.strip_prefix(before).and_then(|path| path.strip_suffix(after));
        let Some(step) = step else { return false };
        let is_next_step = match (&self.steps, self.turn.first()) {
            (Steps::None, _) => false,
            (Steps::Numbers(first), _) => {
                let next = self.number_after(*first);
                next.is_some() && next == parse_number(step)
            }
            (Steps::Names(_, names), None) => {
                // They have ends in 32 bits, and are no more than their bytes.
                let is_short = u32::try_from(names.len() + step.len()).is_ok();
                !step.is_empty() && !step.contains('.') && is_short
            }
            (Steps::Names(..), Some(turn)) => {
                let leader = &self.members[0];
                step == &turn.path[leader.before..turn.path.len() - leader.after]
            }
        };
        is_next_step && (!self.turn.is_empty() || !self.leaves_its_pitch(offset))
    }

    /// The number of the next item, if this is that of the first. A reader counts in 64 bits.
    fn number_after(&self, first: u64) -> Option<u64> {
        first.checked_add(self.items as u64)
    }

    #[inline]
    fn leaves_its_pitch(&self, offset: u64) -> bool {
        let leader = &self.members[0];
        self.items >= REGULAR
            && leader.offsets.is_none()
            && leader.expected(self.items) != Some(offset)
    }

    /// Takes the next array, if it is that and the run is a long one whose arrays take no turns. `follows` is what the serializer says of
    /// the array (`ArrayHead::follows`), if the array before is the last of the run.
    #[inline]
    pub(super) fn takes_directly(
        &mut self,
        head: &ArrayHead<'_>,
        offset: u64,
        follows: bool,
    ) -> bool {
        let ([member], None) = (&self.members[..], &self.kept) else { return false };
        let step = member.before..head.path.len().saturating_sub(member.after);
        let counts_up = matches!(&self.steps, Steps::Numbers(first)
            if member.after == 0 && self.number_after(*first).is_some());
        let is_next = if follows && counts_up {
            // The number is the last step of the paths, and all in which they differ: they need no look.
            member.head.is_like(head) && !self.leaves_its_pitch(offset)
        } else {
            self.is_next(head, offset)
        };
        if is_next {
            self.steps.push(head.path, step);
            self.members[0].take(head.shape, offset, self.items);
            self.items += 1;
        }
        is_next
    }

    /// Takes an array that has all in common with the last one but its shape, its place and its number, which is the next, if such
    /// arrays make the run.
    #[inline]
    pub(super) fn takes_next(&mut self, shape: &[usize], offset: u64) -> bool {
        let counts_up =
            matches!(self.steps, Steps::Numbers(first) if self.number_after(first).is_some());
        let leaves = self.leaves_its_pitch(offset);
        let ([member], None) = (&mut self.members[..], &self.kept) else { return false };
        if !counts_up || leaves || member.after > 0 || shape.len() != member.head.shape.len() {
            return false;
        }
        member.take(shape, offset, self.items);
        self.items += 1;
        true
    }

    /// Gives the last array back that was [taken directly](Self::takes_directly).
    pub(super) fn give_back(&mut self) {
        self.items -= 1;
        self.steps.pop();
        for member in &mut self.members {
            member.give_back();
        }
    }

    /// Takes the array if it [`is_next`](Self::is_next). The memory of arrays that are no longer needed goes to `spare`.
    pub(super) fn take(&mut self, head: Head, spare: &mut Vec<Head>) {
        self.turn.push(head);
        if self.turn.len() < self.members.len() {
            return;
        }
        let (leader, head) = (&self.members[0], &self.turn[0]);
        self.steps.push(&head.path, leader.before..head.path.len() - leader.after);
        for (member, head) in self.members.iter_mut().zip(&self.turn) {
            member.take(&head.shape, head.offset, self.items);
        }
        self.items += 1;
        match &mut self.kept {
            Some(kept) if self.items * self.members.len() <= WINDOW => kept.append(&mut self.turn),
            _ => spare.append(&mut self.turn),
        }
        if self.items * self.members.len() > WINDOW {
            spare.extend(self.kept.take().into_iter().flatten());
        }
    }

    /// All arrays of the run, if they may belong to a larger set: they are few, take no turns yet, and `more` arrays come.
    pub(super) fn take_apart(&mut self, more: bool) -> Option<Vec<Head>> {
        let is_open = more && self.members.len() == 1;
        if !is_open && self.items > 1 {
            return None;
        }
        let kept = self.kept.take()?;
        let first = self.members.drain(..).map(|member| member.head);
        let heads = first.chain(kept).chain(self.turn.drain(..)).collect();
        Some(heads)
    }

    /// The arrays of the item that is not complete.
    pub(super) fn take_turn(&mut self) -> Vec<Head> {
        std::mem::take(&mut self.turn)
    }

    pub(super) fn series(&self) -> impl Iterator<Item = Series<'_>> {
        let stride = self.members.len();
        self.members.iter().enumerate().map(move |(place, member)| {
            let path = &member.head.path;
            Series {
                head: &member.head,
                before: &path[..member.before],
                after: &path[path.len() - member.after..],
                items: self.items,
                stride,
                place,
                pitch: member.pitch,
                offsets: member.offsets.as_deref(),
                shapes: member.shapes.as_deref(),
                steps: &self.steps,
            }
        })
    }
}

impl OpenSeries {
    /// Where the array of this item lies, if it keeps to the pitch.
    #[inline]
    fn expected(&self, item: usize) -> Option<u64> {
        (item as u64).checked_mul(self.pitch)?.checked_add(self.head.offset)
    }

    /// One more array, of which there were so many.
    #[inline]
    fn take(&mut self, shape: &[usize], offset: u64, items: usize) {
        if items == 1 {
            self.pitch = offset.saturating_sub(self.head.offset);
        }
        if self.offsets.is_some() || self.expected(items) != Some(offset) {
            self.take_offset(offset, items);
        }
        // Not `==`, which would call a function for a number or two.
        let is_same = shape.iter().eq(&self.head.shape);
        if self.shapes.is_some() || !is_same {
            self.shapes
                .get_or_insert_with(|| self.head.shape.repeat(items))
                .extend_from_slice(shape);
        }
    }

    fn take_offset(&mut self, offset: u64, items: usize) {
        let mut offsets = self
            .offsets
            .take()
            .unwrap_or_else(|| (0..items).filter_map(|item| self.expected(item)).collect());
        offsets.push(offset);
        self.offsets = Some(offsets);
    }

    /// Without the last array.
    fn give_back(&mut self) {
        if let Some(offsets) = &mut self.offsets {
            offsets.pop();
        }
        if let Some(shapes) = &mut self.shapes {
            shapes.truncate(shapes.len() - self.head.shape.len());
        }
    }
}

impl Steps {
    /// One more, which is that part of the path; of numbers the next.
    #[inline]
    fn push(&mut self, path: &str, step: Range<usize>) {
        if let Steps::Names(ends, names) = self {
            names.push_str(&path[step]);
            ends.push(names.len() as u32);
        }
    }

    /// Without the last.
    fn pop(&mut self) {
        if let Steps::Names(ends, names) = self {
            ends.pop();
            names.truncate(ends.last().map_or(0, |end| *end as usize));
        }
    }
}
