//! What a thread must know while an object is written or read, beyond what serde hands from one side to the other.
//!
//! Serde stands between a format and a type, and carries values but no facts about them. This crate has two sides: `ser`, `de` and
//! the errors on one, `array` on the other. They tell each other such facts here, past serde. Each thread has one struct for
//! this. A guard restores its former state after an error, after a panic, and after a call of this crate inside another.

mod learned;
mod shared;

use std::any::Any;
use std::cell::{Cell, RefCell};
use std::collections::BTreeMap;
use std::sync::Arc;

use serde::de::Unexpected;

use crate::error::ErrorKind;
use crate::memory::Region;
use crate::memory::live::LiveArrays;
use crate::store::PlacedHead;

use learned::Learned;
pub(crate) use learned::{
    forget_since, hand_over_by_name, is_by_name, is_text_key, is_without_bytes, learn_by_name,
    learn_no_bytes, learn_text_key, lessons,
};
pub(crate) use shared::Over;
#[cfg(feature = "ndarray")]
pub(crate) use shared::copy_once;
use shared::{Copies, Offer};
pub(crate) use shared::{count_copy, note_there, offering, take_share};

/// What one side tells the other until the next call.
#[allow(clippy::struct_excessive_bools)] // Each is said by itself.
#[derive(Clone, Copy, Default)]
struct Flags {
    /// This crate's serializer is about to serialize a payload.
    announced: bool,
    /// The object that the serializer writes has many arrays.
    many: bool,
    /// The reader of the next token copies its elements.
    copies: bool,
    /// The kind of the error that is being made by the `custom` of a format's own error type.
    kind: Option<ErrorKind>,
    /// Floats of two bytes are put into serde's buffer as the crate `half` writes them.
    half_bits: bool,
    /// All fields are handed over by name.
    by_name: bool,
    /// The owner of an array that is being handed over offers a share of it.
    offers: bool,
}

impl Flags {
    const NONE: Self = Flags {
        announced: false,
        many: false,
        copies: false,
        kind: None,
        half_bits: false,
        by_name: false,
        offers: false,
    };
}

/// The form in which an array goes into serde's buffer behind `flatten`, `untagged` and tagged enums. Each form answers other
/// requests.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Form {
    /// As the readers of arrays take it, with borrowed bytes.
    Token,
    /// As nested sequences; floats of two bytes as the crate `half` writes them.
    Elements,
    /// As nested sequences, with floats of two bytes as wider ones.
    Floats,
    /// In ndarray form.
    Ndarray,
    /// As bytes.
    Bytes,
}

/// Which arrays in serde's buffer are meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Which {
    /// All arrays of one name.
    Named(String),
    /// The array that is put there after so many others.
    Nth(usize),
}

/// The arrays that are to go into serde's buffer in another form than the usual one.
#[derive(Clone, Default)]
pub(crate) struct Forms {
    by_name: BTreeMap<String, Form>,
    by_place: BTreeMap<usize, Form>,
    /// The form of all other arrays.
    pub(crate) rest: Option<Form>,
}

impl Forms {
    const USUAL: Self = Forms { by_name: BTreeMap::new(), by_place: BTreeMap::new(), rest: None };

    pub(crate) fn insert(&mut self, which: Which, form: Form) {
        match which {
            Which::Named(name) => self.by_name.insert(name, form),
            Which::Nth(place) => self.by_place.insert(place, form),
        };
    }

    pub(crate) fn remove(&mut self, which: &Which) {
        match which {
            Which::Named(name) => self.by_name.remove(name),
            Which::Nth(place) => self.by_place.remove(place),
        };
    }
}

/// An array that was put into serde's buffer.
pub(crate) struct Buffered {
    pub(crate) name: String,
    /// The array without its bytes.
    pub(crate) head: Arc<PlacedHead>,
    pub(crate) form: Form,
    pub(crate) usual: Form,
    /// Whether a reader of arrays has taken it out.
    pub(crate) is_taken: bool,
}

/// The forms in which visitors have refused arrays. A refusal of elements looks like any other error.
#[derive(Clone, Copy, Default)]
pub(crate) struct Refused {
    pub(crate) token: bool,
    pub(crate) ndarray: bool,
    pub(crate) bytes: bool,
}

impl Refused {
    pub(crate) fn is_any(self) -> bool {
        self.token || self.ndarray || self.bytes
    }

    /// Whether a visitor has refused an array in another form than this.
    pub(crate) fn is_other_than(mut self, form: Form) -> bool {
        match form {
            Form::Token => self.token = false,
            Form::Ndarray => self.ndarray = false,
            Form::Bytes => self.bytes = false,
            Form::Elements | Form::Floats => {}
        }
        self.is_any()
    }
}

/// What happened to the arrays that were put into serde's buffer.
#[derive(Default)]
pub(crate) struct Seen {
    pub(crate) arrays: Vec<Buffered>,
    pub(crate) refused: Refused,
    /// A reader of arrays has met what may be an array in another form.
    pub(crate) is_met: bool,
    /// An array had too many elements to be put there one by one.
    pub(crate) too_large: Option<String>,
    /// How many elements were put there one by one.
    pub(crate) elements: usize,
    /// How many errors visitors have made, including errors that were dropped.
    pub(crate) errors: usize,
    /// The first copy that exceeded the limit.
    pub(crate) over: Option<Over>,
}

impl Seen {
    const NOTHING: Self = Seen {
        arrays: Vec::new(),
        refused: Refused { token: false, ndarray: false, bytes: false },
        is_met: false,
        too_large: None,
        elements: 0,
        errors: 0,
        over: None,
    };

    fn has(&self, is: impl Fn(Form) -> bool) -> bool {
        self.arrays.iter().any(|array| is(array.form))
    }
}

/// What stands under a token that this crate's deserializer has read.
pub(crate) enum Handed {
    /// The bytes of this array.
    Bytes(Arc<PlacedHead>),
    /// The same, as a sequence of blocks.
    Blocks(Arc<PlacedHead>),
    /// A value in the inline block, which itself says what it is.
    Inline,
}

/// The state of an object that is being read.
#[derive(Default)]
struct Reading {
    /// The regions, by their start addresses. A segment is one region. An archive has one for each member that was loaded.
    regions: BTreeMap<usize, Region>,
    #[cfg_attr(not(feature = "ndarray"), expect(dead_code))]
    live: Option<Arc<LiveArrays>>,
    /// The value that a reader of values of unknown type is about to get.
    #[cfg_attr(not(feature = "ndarray"), expect(dead_code))]
    value: Option<Box<dyn Any>>,
    forms: Forms,
    seen: Seen,
    /// The ticket of the first array in serde's buffer.
    first_ticket: u64,
    copies: Option<Copies>,
}

impl Reading {
    const NOTHING: Self = Reading {
        copies: None,
        regions: BTreeMap::new(),
        live: None,
        value: None,
        forms: Forms::USUAL,
        seen: Seen::NOTHING,
        first_ticket: 0,
    };
}

struct Context {
    offer: RefCell<Option<Offer>>,
    reading: RefCell<Reading>,
    learned: RefCell<Learned>,
    /// The ticket of the next array in serde's buffer. No ticket is given out twice.
    next_ticket: Cell<u64>,
}

thread_local! {
    /// They need no destructor, so that to look at them is one load: they are looked at for each array.
    static FLAGS: Cell<Flags> = const { Cell::new(Flags::NONE) };

    /// What the reader of the current token is about to get. It changes twice for each array.
    static HANDED: Cell<Option<Handed>> = const { Cell::new(None) };

    static CONTEXT: Context = const {
        Context {
            offer: const { RefCell::new(None) },
            reading: RefCell::new(Reading::NOTHING),
            learned: RefCell::new(Learned::NOTHING),
            next_ticket: Cell::new(0),
        }
    };
}

/// Restores the flags that were there before. A guard is made for each array.
struct FlagsGuard(Flags);

impl FlagsGuard {
    #[inline]
    fn set(change: impl FnOnce(&mut Flags)) -> Self {
        let before = FLAGS.get();
        let mut flags = before;
        change(&mut flags);
        FLAGS.set(flags);
        FlagsGuard(before)
    }

    // These are functions and not closures: a closure in a function with a type parameter would be compiled for each type.

    #[inline]
    fn announced(many: bool) -> Self {
        FlagsGuard::set(|flags| (flags.announced, flags.many) = (true, many))
    }

    #[inline]
    fn copies() -> Self {
        FlagsGuard::set(|flags| flags.copies = true)
    }

    #[inline]
    fn half_bits() -> Self {
        FlagsGuard::set(|flags| flags.half_bits = true)
    }

    #[inline]
    fn offers() -> Self {
        FlagsGuard::set(|flags| flags.offers = true)
    }

    #[inline]
    fn kind(kind: ErrorKind) -> Self {
        FlagsGuard::set(|flags| flags.kind = Some(kind))
    }

    #[inline]
    fn put_back(&self) {
        FLAGS.set(self.0);
    }
}

impl Drop for FlagsGuard {
    #[inline]
    fn drop(&mut self) {
        self.put_back();
    }
}

/// Restores the flags and the object that was being read before.
struct ReadingGuard {
    flags: FlagsGuard,
    handed: Option<Handed>,
    before: Option<Reading>,
}

impl ReadingGuard {
    fn set(ContainerInfo { region, live, copy_limit }: ContainerInfo<'_>, forms: &Forms) -> Self {
        let first_ticket = CONTEXT.with(|context| context.next_ticket.get());
        let forms = forms.clone();
        let copies = copy_limit.map(Copies::up_to);
        let new = Reading { live: live.cloned(), forms, first_ticket, copies, ..Reading::NOTHING };
        let flags = FlagsGuard::set(|flags| *flags = Flags::NONE);
        let before = Some(CONTEXT.with(|context| context.reading.replace(new)));
        if let Some(region) = region {
            add_region(region);
        }
        ReadingGuard { flags, handed: HANDED.take(), before }
    }
}

impl Drop for ReadingGuard {
    fn drop(&mut self) {
        self.flags.put_back();
        HANDED.replace(self.handed.take());
        if let Some(before) = self.before.take() {
            let ended = CONTEXT.with(|context| context.reading.replace(before));
            // To drop the state of the read may free memory, so it is dropped outside of the borrow.
            drop(ended);
        }
    }
}

/// Runs `serialize` on the payload of a token, and announces this crate's serializer to the payload.
///
/// A payload first takes the announcement, so that no other code on this thread can see it. If the value under the token is not a
/// payload, it leaves the announcement, and this function takes it back.
///
/// `many` says that the object has many arrays already.
pub(crate) fn announce<R>(many: bool, serialize: impl FnOnce() -> R) -> R {
    let _guard = FlagsGuard::announced(many);
    serialize()
}

/// Takes the announcement, and says whether there was one.
#[inline]
pub(crate) fn take_announced() -> bool {
    let flags = FLAGS.get();
    if flags.announced {
        FLAGS.set(Flags { announced: false, ..flags });
    }
    flags.announced
}

/// Whether the object that this crate's serializer writes has many arrays, so that it is not worth the time to find out whether a
/// small one is shared.
pub(crate) fn has_many_arrays() -> bool {
    FLAGS.get().many
}

/// Runs `read`, which reads a token and copies the elements under it, and announces the copy to this crate's deserializer.
pub(crate) fn copying<R>(read: impl FnOnce() -> R) -> R {
    let _guard = FlagsGuard::copies();
    read()
}

/// Whether the reader of this token copies its elements.
#[inline]
pub(crate) fn take_copies() -> bool {
    let flags = FLAGS.get();
    if flags.copies {
        FLAGS.set(Flags { copies: false, ..flags });
    }
    flags.copies
}

/// Makes an error of a format's own type, which has no kinds, from an error of this crate. If the format is this crate's, its
/// `custom` takes the kind over.
pub(crate) fn with_kind<E>(kind: ErrorKind, custom: impl FnOnce() -> E) -> E {
    let _guard = FlagsGuard::kind(kind);
    custom()
}

/// The kind of the error for which `custom` is called, if this crate has set one.
pub(crate) fn take_kind() -> Option<ErrorKind> {
    let flags = FLAGS.get();
    FLAGS.set(Flags { kind: None, ..flags });
    flags.kind
}

/// What the readers of arrays must know of the container.
#[derive(Clone, Copy, Default)]
pub(crate) struct ContainerInfo<'c> {
    /// The memory in which it lies. Array handles keep it alive.
    pub(crate) region: Option<&'c Region>,
    pub(crate) live: Option<&'c Arc<LiveArrays>>,
    /// How many bytes may be copied out of it, if arrays may share their bytes.
    pub(crate) copy_limit: Option<u64>,
}

/// Runs `read` with this container current. Arrays go into serde's buffer in these forms. What happened to them is then in `seen`.
pub(crate) fn reading<R>(
    container: ContainerInfo<'_>,
    forms: &Forms,
    seen: &Cell<Seen>,
    read: impl FnOnce() -> R,
) -> R {
    let _guard = ReadingGuard::set(container, forms);
    let result = read();
    seen.set(take_seen());
    result
}

fn take_seen() -> Seen {
    with_reading(|reading| std::mem::take(&mut reading.seen))
}

fn with_reading<R>(run: impl FnOnce(&mut Reading) -> R) -> R {
    CONTEXT.with(|context| run(&mut context.reading.borrow_mut()))
}

/// Runs `visit`, which calls the visitor of a token. `handed` is what the visitor must know beside the value.
pub(crate) fn handing<R>(handed: Handed, visit: impl FnOnce() -> R) -> R {
    HANDED.replace(Some(handed));
    let result = visit();
    // A visitor that does not read arrays has left it.
    drop(HANDED.take());
    result
}

/// What the reader of the current token gets.
#[inline]
pub(crate) fn take_handed() -> Option<Handed> {
    HANDED.take()
}

/// Runs `visit`, which calls the visitor of a value of unknown type. The value was made for this visitor.
#[cfg(feature = "ndarray")]
pub(crate) fn handing_value<R>(value: Box<dyn Any>, visit: impl FnOnce() -> R) -> R {
    with_reading(|reading| reading.value = Some(value));
    let result = visit();
    // A visitor that does not read such values has left it. It may be large, so it is dropped outside of the borrow.
    drop(take_value());
    result
}

/// The value that was made for this visitor.
#[cfg(feature = "ndarray")]
pub(crate) fn take_value() -> Option<Box<dyn Any>> {
    with_reading(|reading| reading.value.take())
}

/// The form in which the next array, which has this name, goes into serde's buffer. `usual` is the form if no other was set.
pub(crate) fn form_of(name: &str, usual: Form) -> Form {
    with_reading(|reading| {
        let Forms { by_name, by_place, rest } = &reading.forms;
        let place = reading.seen.arrays.len();
        by_place.get(&place).or_else(|| by_name.get(name)).copied().or(*rest).unwrap_or(usual)
    })
}

/// Keeps the head of an array in serde's buffer, and gives the ticket for it.
pub(crate) fn keep(array: Buffered) -> u64 {
    with_reading(|reading| reading.seen.arrays.push(array));
    CONTEXT.with(|context| context.next_ticket.replace(context.next_ticket.get() + 1))
}

/// The head that was kept for a ticket. `None` outside of the read in which it was kept.
pub(crate) fn take_out(ticket: u64) -> Option<Arc<PlacedHead>> {
    with_reading(|reading| {
        let at = usize::try_from(ticket.checked_sub(reading.first_ticket)?).ok()?;
        let array = reading.seen.arrays.get_mut(at)?;
        array.is_taken = true;
        Some(Arc::clone(&array.head))
    })
}

/// Counts elements that are to be put into serde's buffer one by one, and says whether the limit allows them.
pub(crate) fn take_elements(count: usize, most: usize, what: impl FnOnce() -> String) -> bool {
    with_reading(|reading| {
        let all = reading.seen.elements.saturating_add(count);
        if all > most {
            reading.seen.too_large.get_or_insert_with(what);
            return false;
        }
        reading.seen.elements = all;
        true
    })
}

/// Counts an error that a visitor has made.
#[cold]
pub(crate) fn note_error() {
    with_reading(|reading| reading.seen.errors += 1);
}

/// Whether serde's buffer has an array of so many bytes in the form of bytes. A reader of arrays takes such bytes for an array.
pub(crate) fn is_buffered_bytes(len: usize) -> bool {
    with_reading(|reading| {
        let is = |array: &Buffered| array.form == Form::Bytes && array.head.shape == [len];
        reading.seen.arrays.iter().any(is)
    })
}

/// Notes that a visitor has refused a value. If the value came out of serde's buffer, it may have been an array in a form that
/// this visitor does not take. The error itself may be dropped, as `untagged` does.
#[cold]
pub(crate) fn note_refusal(found: &Unexpected<'_>) {
    with_reading(|reading| {
        let seen = &mut reading.seen;
        match found {
            Unexpected::NewtypeStruct => seen.refused.token |= seen.has(|form| form == Form::Token),
            Unexpected::Map => seen.refused.ndarray |= seen.has(|form| form == Form::Ndarray),
            Unexpected::Bytes(_) => seen.refused.bytes |= seen.has(|form| form == Form::Bytes),
            _ => {}
        }
    });
}

/// Notes that a reader of arrays has met a sequence, or another value that may be an array which serde's buffer has in another
/// form.
#[cold]
pub(crate) fn note_meeting() {
    with_reading(|reading| {
        let seen = &mut reading.seen;
        seen.is_met |= seen.has(|form| !matches!(form, Form::Token | Form::Bytes));
    });
}

/// Runs `visit` with floats of two bytes put into serde's buffer as the crate `half` writes them.
pub(crate) fn with_half_bits<R>(visit: impl FnOnce() -> R) -> R {
    let _guard = FlagsGuard::half_bits();
    visit()
}

/// Whether floats of two bytes are put there in that way.
pub(crate) fn is_half_bits() -> bool {
    FLAGS.get().half_bits
}

/// Adds a region to the current ones, until the current read ends.
pub(crate) fn add_region(region: &Region) {
    let start = region.bytes().as_ptr().addr();
    with_reading(|reading| {
        // Many arrays may lie in one.
        if reading.regions.last_key_value().is_none_or(|(last, _)| *last != start) {
            reading.regions.entry(start).or_insert_with(|| region.clone());
        }
    });
}

/// The current region in which these items lie and their offset in bytes, if there is one.
#[cfg(feature = "ndarray")]
pub(crate) fn locate<A>(items: &[A]) -> Option<(Region, usize)> {
    CONTEXT.with(|context| {
        let reading = context.reading.borrow();
        let (_, region) = reading.regions.range(..=items.as_ptr().addr()).next_back()?;
        Some((region.clone(), region.offset_of(items)?))
    })
}

/// The live arrays of the object that is being read.
#[cfg(feature = "ndarray")]
pub(crate) fn live() -> Option<Arc<LiveArrays>> {
    CONTEXT.with(|context| context.reading.borrow().live.clone())
}

#[cfg(all(test, feature = "ndarray"))]
mod tests {
    use super::*;

    fn with_region<R>(region: Option<&Region>, read: impl FnOnce() -> R) -> R {
        let container = ContainerInfo { region, ..ContainerInfo::default() };
        reading(container, &Forms::default(), &Cell::default(), read)
    }

    #[test]
    fn nested_reads_and_panics_restore_what_was_current() {
        let outer = Region::from_vec(vec![1_u8, 2, 3]);
        let inner = Region::from_vec(vec![4_u8]);
        with_region(Some(&outer), || {
            with_region(Some(&inner), || assert!(locate(outer.bytes()).is_none()));
            with_region(None, || assert!(locate(inner.bytes()).is_none()));
            let _ = std::panic::catch_unwind(|| with_region(None, || panic!("inside a read")));
            assert_eq!(locate(&outer.bytes()[1..]).map(|(_, offset)| offset), Some(1));
            add_region(&inner);
            assert_eq!(locate(inner.bytes()).map(|(_, offset)| offset), Some(0));
            assert_eq!(locate(&outer.bytes()[2..]).map(|(_, offset)| offset), Some(2));
        });
        assert!(locate(outer.bytes()).is_none());
        assert!(locate(inner.bytes()).is_none());
    }

    #[test]
    fn flags_are_taken_once_and_hidden_from_a_read_inside() {
        announce(false, || {
            assert!(with_region(None, || !take_announced()));
            let _ = std::panic::catch_unwind(|| copying(|| panic!("inside")));
            assert!(!take_copies());
            assert!(take_announced());
            assert!(!take_announced());
        });
        announce(false, || ());
        assert!(!take_announced());
        assert_eq!(with_kind(ErrorKind::Poisoned, take_kind), Some(ErrorKind::Poisoned));
        assert_eq!(take_kind(), None);
    }
}
