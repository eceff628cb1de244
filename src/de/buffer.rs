//! Arrays in serde's buffer behind `flatten`, `untagged` and tagged enums.
//!
//! The buffer takes a value before it is known which type will ask for it, and answers each request by what it holds. No form of
//! an array answers all requests: the readers of arrays want its bytes, a `Vec` wants a sequence, and an ndarray under serde's own
//! derive wants the ndarray form. So an array first goes in as the readers of arrays take it. If a visitor refuses that, the
//! object is read again with the array in another form, until all visitors have what they can read.

use std::collections::BTreeSet;
use std::sync::Arc;

use serde::de::value::{BorrowedBytesDeserializer, SeqAccessDeserializer, U64Deserializer};
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::context::{self, Buffered, Form, Forms, Seen, Which};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, Order};
use crate::store::{Placed, PlacedHead, Standing};

use super::array::visit_nested;
use super::bounds::Bounds;
use super::elements::lend_bytes;
use super::ndarray_form::visit_ndarray_form;

/// How many elements may go into serde's buffer one by one, in one read. Each takes 32 bytes there.
const MAX_ELEMENTS: usize = 1 << 24;

/// How many times an object is read at most, while all arrays of a name are read in the same form.
const MAX_TRIES: usize = 64;

/// Arrays of one name may be read in different forms only if an object's buffers have at most so many arrays.
const MAX_PLACES: usize = 64;

/// How many times an object is read at most for each such array: once in each form that an array of bytes has.
const TRIES_PER_PLACE: usize = 4;

/// Whether the visitor fills serde's buffer, which keeps newtypes, and with them arrays as they are. The type's name is the only
/// way that serde leaves to find out. If a buffer is not recognised, it gets numbers, from which owned arrays can still be read.
/// If a visitor is wrongly recognised, it refuses a newtype.
pub(super) fn is_buffer<V>() -> bool {
    let name = std::any::type_name::<V>();
    name.starts_with("serde") && name.contains("ContentVisitor")
}

/// Calls the visitor of serde's buffer with an array, in the form in which arrays of this name go into it.
pub(super) fn visit<'de, V: Visitor<'de>>(
    placed: &Placed<'de>,
    path: &str,
    bounds: &Bounds,
    usual: Form,
    visitor: V,
) -> Result<V::Value> {
    let (form, ticket) = keep(placed, path, usual)?;
    let bytes = placed.bytes;
    match form {
        Form::Token => {
            let ticket = Ticket { number: ticket, bytes, part: 0 };
            visitor.visit_newtype_struct(SeqAccessDeserializer::new(ticket))
        }
        Form::Elements => context::with_half_bits(|| visit_nested(placed, bounds, visitor)),
        Form::Floats => visit_nested(placed, bounds, visitor),
        Form::Ndarray => context::with_half_bits(|| visit_ndarray_form(placed, bounds, visitor)),
        Form::Bytes => lend_bytes(bytes, visitor),
    }
}

/// The form in which the array goes into the buffer, and its ticket.
fn keep(placed: &Placed<'_>, path: &str, usual: Form) -> Result<(Form, u64)> {
    let name = group(path);
    let mut form = match placed.standing {
        Standing::Live(..) => Form::Token,
        _ => context::form_of(name, usual),
    };
    let each = elements_in(&placed.dtype);
    let count = layout::count(&placed.shape).unwrap_or(0).saturating_mul(each);
    let is_list = matches!(form, Form::Elements | Form::Floats | Form::Ndarray);
    if is_list && form != usual {
        let what = || format!("`{path}` has {count} numbers");
        if !context::take_elements(count, MAX_ELEMENTS, what) {
            form = Form::Token;
        }
    }
    let ticket = context::keep(Buffered {
        name: name.to_owned(),
        head: Arc::clone(&placed.head),
        form,
        usual,
        is_taken: false,
    });
    if form != Form::Token {
        context::count_copy(placed.bytes.len())?;
    }
    Ok((form, ticket))
}

/// The form in which an inline array in ndarray form goes into the buffer: in that form, or as elements.
pub(super) fn form_in_place(name: &str) -> Form {
    let form = context::form_of(name, Form::Ndarray);
    context::keep(Buffered {
        name: name.to_owned(),
        head: PlacedHead::free(DType::BOOL, Vec::new(), Order::C),
        form,
        usual: Form::Ndarray,
        is_taken: false,
    });
    form
}

/// The error of a number that the buffer cannot hold.
#[cold]
pub(super) fn no_room() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "serde's buffer behind `flatten`, `untagged` and tagged enums has no 128-bit integers",
    )
}

/// The name under which arrays are handled alike: the field's, without the positions in its lists.
fn group(path: &str) -> &str {
    let is_name = |part: &&str| part.bytes().any(|byte| !byte.is_ascii_digit());
    path.rsplit('.').find(is_name).unwrap_or(path)
}

/// How many values an element takes in the buffer.
fn elements_in(dtype: &DType) -> usize {
    if let Some(Scalar::C64 | Scalar::C128) = dtype.scalar() {
        return 2;
    }
    let fields = dtype.fields().iter();
    fields.map(|field| field.count() * elements_in(field.dtype())).sum::<usize>().max(1)
}

/// An array as the buffer keeps it: a newtype of its ticket and its bytes. The ticket is in two more newtypes. A visitor that
/// does not read arrays refuses one of them, even if it is inside newtypes of its own.
struct Ticket<'de> {
    number: u64,
    bytes: &'de [u8],
    part: u8,
}

impl<'de> SeqAccess<'de> for Ticket<'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        self.part += 1;
        match self.part {
            1 => seed.deserialize(Newtypes { left: 2, number: self.number }),
            2 => seed.deserialize(BorrowedBytesDeserializer::new(self.bytes)),
            _ => return Ok(None),
        }
        .map(Some)
    }

    fn size_hint(&self) -> Option<usize> {
        Some(2_usize.saturating_sub(self.part.into()))
    }
}

/// A number inside so many newtypes.
struct Newtypes {
    left: u8,
    number: u64,
}

impl<'de> Deserializer<'de> for Newtypes {
    type Error = Error;

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        match self.left {
            0 => U64Deserializer::new(self.number).deserialize_any(visitor),
            left => visitor.visit_newtype_struct(Newtypes { left: left - 1, ..self }),
        }
    }

    forward_to_deserialize_any! {
        bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
        newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
    }
}

/// Reads an object with its arrays in the usual forms, and again in other forms if they were refused.
pub(super) fn search<T>(mut read: impl FnMut(&Forms, &mut Seen) -> Result<T>) -> Result<T> {
    let mut seen = Seen::default();
    let mut best = read(&Forms::default(), &mut seen);
    if is_right(best.is_ok(), &seen) {
        return best;
    }
    let told = search_on(best.is_ok(), &seen, &mut |forms, seen, errors| {
        let value = read(forms, seen)?;
        let is_better = !seen.is_met && seen.errors < errors;
        if is_better {
            best = Ok(value);
        }
        Ok(is_better)
    });
    best.map_err(|error| told.unwrap_or(error))
}

/// Whether there is no reason to read in other forms. If the object was read and all arrays that were kept as arrays were read as
/// arrays, it is right, even if an earlier visitor has refused one, such as that of another variant.
pub(super) fn is_right(is_ok: bool, seen: &Seen) -> bool {
    // To read the object again would need as many copies.
    if seen.over.is_some() {
        return true;
    }
    if seen.is_met {
        return false;
    }
    let is_left = |array: &Buffered| array.form == Form::Token && !array.is_taken;
    if is_ok {
        !seen.refused.token || !seen.arrays.iter().any(is_left)
    } else {
        !seen.refused.is_any()
    }
}

/// The same for an object that was read in other forms: no visitor has refused anything.
fn is_settled(seen: &Seen) -> bool {
    !seen.is_met && !seen.refused.is_any()
}

/// Arrays that may have been refused, and the forms to try.
type Target = (Which, Vec<Form>);

/// Tries the other forms. `read` keeps a result if that had fewer errors than the given number, and says whether it did. Gives the
/// error to report if nothing could be read.
#[cold]
#[inline(never)]
fn search_on(
    was_read: bool,
    first: &Seen,
    read: &mut dyn FnMut(&Forms, &mut Seen, usize) -> Result<bool>,
) -> Option<Error> {
    // Variants are tried in their order, so a variant that comes earlier is read with fewer errors. A result that met an array in
    // another form counts one error more.
    let met = usize::from(first.is_met);
    let errors = if was_read { first.errors.saturating_add(met) } else { usize::MAX };
    let (told, too_large) = (None, None);
    let mut search = Search { read, errors, tries: MAX_TRIES, share_names: false, told, too_large };
    search.share_names = share_names(first);
    search.in_all_rounds(was_read, first);
    match search.too_large {
        None => search.told,
        Some(what) => search.told.map(|error| {
            error.with_note(format_args!(
                "{what}, and serde's buffer behind `flatten`, `untagged` and tagged enums takes {MAX_ELEMENTS} one by one: \
                 read it as an array (`#[shm_array]`, `ShmArray`)"
            ))
        }),
    }
}

struct Search<'r> {
    read: &'r mut dyn FnMut(&Forms, &mut Seen, usize) -> Result<bool>,
    /// A result is kept if it has fewer errors than this.
    errors: usize,
    /// How many times the object may still be read.
    tries: usize,
    /// Whether several arrays had one name.
    share_names: bool,
    told: Option<Error>,
    too_large: Option<String>,
}

impl Search<'_> {
    /// Reads all arrays of a name alike, so that few reads are enough for any number of arrays. The first round leaves out arrays that
    /// a reader of arrays has taken out of the buffer. If nothing helps, the next round includes them. In the last round, if there
    /// are few arrays, each is read in a form of its own, as the arrays of a tuple may need.
    fn in_all_rounds(&mut self, was_read: bool, first: &Seen) {
        if self.round(first, &|seen| by_name(seen, !was_read, false)) {
            return;
        }
        let has_taken = first.arrays.iter().any(|array| array.is_taken);
        if !was_read && has_taken && self.round(first, &|seen| by_name(seen, true, true)) {
            return;
        }
        // If each array has a name of its own, the earlier rounds have tried this.
        if self.share_names {
            self.tries = TRIES_PER_PLACE * MAX_PLACES;
            self.round(first, &|seen| by_place(seen, !was_read));
        }
    }

    /// Changes the form of one target after another, and keeps changes that help. Gives whether the search has ended.
    fn round(&mut self, first: &Seen, targets: &dyn Fn(&Seen) -> Vec<Target>) -> bool {
        let mut left = targets(first);
        if left.len() > 1 {
            let mut forms = Forms::default();
            for (which, others) in &left {
                forms.insert(which.clone(), others[0]);
            }
            if self.read(&forms, &mut Seen::default()).0 {
                return true;
            }
        }
        let mut forms = Forms::default();
        let (mut next, mut known) = (0, left.len());
        while let Some((which, others)) = left.get(next).cloned() {
            next += 1;
            for form in others {
                if self.tries == 0 {
                    return false;
                }
                self.tries -= 1;
                forms.insert(which.clone(), form);
                let mut seen = Seen::default();
                let (is_right, is_better) = self.read(&forms, &mut seen);
                if is_right {
                    return true;
                }
                // Whether a visitor now refuses another array, in another form.
                let is_other = !seen.is_met && seen.refused.is_other_than(form);
                if !is_better && !is_other {
                    forms.remove(&which);
                    continue;
                }
                // Arrays behind the one that was refused are seen only now.
                for target in targets(&seen) {
                    if left.iter().all(|(which, _)| *which != target.0) {
                        left.push(target);
                    }
                }
                if left.len() > known {
                    // There may be too many of them to try one after another.
                    forms.rest = Some(form);
                    if self.read(&forms, &mut Seen::default()).0 {
                        return true;
                    }
                    forms.rest = None;
                    known = usize::MAX;
                }
                break;
            }
        }
        false
    }

    /// Gives whether what was read is right, and whether it is better than what was read before.
    fn read(&mut self, forms: &Forms, seen: &mut Seen) -> (bool, bool) {
        let is_better = (self.read)(forms, seen, self.errors).unwrap_or_else(|error| {
            self.told.get_or_insert(error);
            false
        });
        self.share_names |= share_names(seen);
        self.too_large = self.too_large.take().or_else(|| seen.too_large.clone());
        if is_better {
            self.errors = seen.errors;
        }
        (is_better && is_settled(seen), is_better)
    }
}

/// The names of the arrays that may have been refused, in their order, and the forms to try.
fn by_name(seen: &Seen, has_failed: bool, all: bool) -> Vec<Target> {
    let mut names: Vec<Target> = Vec::new();
    for array in &seen.arrays {
        let is_this =
            |(which, _): &Target| matches!(which, Which::Named(name) if *name == array.name);
        if is_suspect(array, seen, has_failed, all) && !names.iter().any(is_this) {
            names.push((Which::Named(array.name.clone()), other_forms(array, seen)));
        }
    }
    names
}

/// Whether several arrays have one name.
fn share_names(seen: &Seen) -> bool {
    let names: BTreeSet<&str> = seen.arrays.iter().map(|array| &*array.name).collect();
    names.len() < seen.arrays.len()
}

/// The same, each array by itself. The list is empty if there are many.
fn by_place(seen: &Seen, has_failed: bool) -> Vec<Target> {
    if seen.arrays.len() > MAX_PLACES {
        return Vec::new();
    }
    let arrays = seen.arrays.iter().enumerate();
    arrays
        .filter(|(_, array)| is_suspect(array, seen, has_failed, true))
        .map(|(place, array)| (Which::Nth(place), other_forms(array, seen)))
        .collect()
}

fn is_suspect(array: &Buffered, seen: &Seen, has_failed: bool, all: bool) -> bool {
    !matches!(array.head.standing, Standing::Live(..))
        && match array.usual {
            Form::Token => all || !array.is_taken,
            // An array that was written as bytes is best read as bytes, as long as that works.
            Form::Bytes => has_failed,
            _ => has_failed || seen.is_met,
        }
}

fn other_forms(array: &Buffered, seen: &Seen) -> Vec<Form> {
    let dtype = array.head.dtype.scalar();
    let mut forms = vec![Form::Token, Form::Elements];
    if matches!(dtype, Some(Scalar::F16 | Scalar::BF16)) {
        forms.push(Form::Floats);
    }
    forms.push(Form::Ndarray);
    if dtype == Some(Scalar::U8) {
        forms.push(Form::Bytes);
    }
    if !seen.is_met && array.usual != Form::Token {
        // No visitor has asked for it as an array.
        forms.rotate_left(1);
    }
    forms.retain(|form| *form != array.usual);
    forms
}
