//! Arrays in serde's buffer behind `flatten`, `untagged` and tagged enums.
//!
//! The buffer holds a value before it is known who will ask for it, and answers each request by what it holds. No form of an
//! array answers all: the readers of arrays want its bytes, a `Vec` wants a sequence, an ndarray of another crate's field its
//! own form. So an array goes in as what the readers of arrays take. Where a visitor refuses that, the object is read again with
//! the array in another form, until all visitors have what they can read.

use serde::de::value::{BorrowedBytesDeserializer, SeqAccessDeserializer, U64Deserializer};
use serde::de::{DeserializeSeed, Deserializer, SeqAccess, Visitor};
use serde::forward_to_deserialize_any;

use crate::context::{self, Buffered, Form, Forms, Seen};
use crate::dtype::{DType, Scalar};
use crate::error::{Error, ErrorKind, Result};
use crate::layout;
use crate::store::{Placed, Standing};

use super::array::visit_nested;
use super::bounds::Bounds;
use super::elements::lend_bytes;
use super::ndarray_form::visit_ndarray_form;

/// How many elements may go into serde's buffer one by one, in one read: each takes 32 bytes there.
const MAX_ELEMENTS: usize = 1 << 24;

/// The name for byte strings that are no arrays, and so have none.
pub(super) const SHORT_BYTES: &str = "bytes in place";

/// How often an object is read in other forms at most.
const MAX_TRIES: usize = 64;

/// Whether the visitor fills serde's buffer: it keeps newtypes, and with them arrays as they are. Serde gives no other way to
/// ask. A buffer that is not recognised has numbers in it, from which owned arrays still come back; a visitor that is wrongly
/// recognised refuses a newtype.
pub(super) fn is_buffer<V>() -> bool {
    let name = std::any::type_name::<V>();
    name.starts_with("serde") && name.contains("ContentVisitor")
}

/// Calls the visitor of serde's buffer with an array, in the form in which arrays of this name go there.
pub(super) fn visit<'de, V: Visitor<'de>>(
    placed: Placed<'de>,
    path: &str,
    bounds: &Bounds,
    usual: Form,
    visitor: V,
) -> Result<V::Value> {
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
    let Placed { bytes, region, dtype, shape, order, standing } = placed;
    let head = Placed { bytes: &[], region: None, dtype, shape, order, standing };
    let ticket = context::keep(Buffered {
        name: name.to_owned(),
        head: head.clone(),
        form,
        usual,
        is_taken: false,
    });
    let placed = Placed { bytes, region, ..head };
    match form {
        Form::Token => {
            let ticket = Ticket { number: ticket, bytes, part: 0 };
            visitor.visit_newtype_struct(SeqAccessDeserializer::new(ticket))
        }
        Form::Elements => context::with_half_bits(|| visit_nested(&placed, bounds, visitor)),
        Form::Floats => visit_nested(&placed, bounds, visitor),
        Form::Ndarray => context::with_half_bits(|| visit_ndarray_form(&placed, bounds, visitor)),
        Form::Bytes => lend_bytes(bytes, visitor),
    }
}

/// The error of a number that the buffer cannot hold.
#[cold]
pub(super) fn no_room() -> Error {
    Error::new(
        ErrorKind::Unsupported,
        "serde's buffer behind `flatten`, `untagged` and tagged enums has no 128-bit integers",
    )
}

/// The name under which arrays are handled alike: that of the field, without the places of its lists.
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

/// An array as the buffer keeps it: a newtype, of its ticket and its bytes. The ticket stands in two newtypes more. A visitor that
/// is no reader of arrays refuses one of them, also if it is inside newtypes of its own.
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
    let mut best = read(&Forms::new(), &mut seen);
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

/// Whether there is no reason to read in other forms. What was read, and has all arrays as arrays that were kept as such, is
/// right even if some visitor before has refused one, such as that of another variant.
fn is_right(is_ok: bool, seen: &Seen) -> bool {
    if seen.is_met {
        return false;
    }
    let is_left = |array: &Buffered| array.form == Form::Token && !array.is_taken;
    if is_ok {
        !seen.token_refused || !seen.arrays.iter().any(is_left)
    } else {
        !seen.token_refused && !seen.other_refused
    }
}

/// The same of what was read in other forms: nobody has refused anything.
fn is_settled(seen: &Seen) -> bool {
    !seen.is_met && !seen.token_refused && !seen.other_refused
}

/// Tries the other forms. `read` keeps what it has read if it has fewer errors than so many, and says whether it has. Gives the
/// error to report if nothing could be read.
#[cold]
#[inline(never)]
fn search_on(
    was_read: bool,
    first: &Seen,
    read: &mut dyn FnMut(&Forms, &mut Seen, usize) -> Result<bool>,
) -> Option<Error> {
    let (mut told, mut too_large) = (None, None);
    let mut tries = 0..MAX_TRIES;
    // Variants are tried in their order: where one comes before another that was read, there are fewer errors. What has met an
    // array in another form is no better than what has as many errors and has met none.
    let met = usize::from(first.is_met);
    let mut errors = if was_read { first.errors.saturating_add(met) } else { usize::MAX };
    // Whether what was read is right, and whether it is better than what was read before.
    let mut try_forms = |forms: &Forms, seen: &mut Seen| {
        let is_better = read(forms, seen, errors).unwrap_or_else(|error| {
            told.get_or_insert(error);
            false
        });
        too_large = too_large.take().or_else(|| seen.too_large.clone());
        if is_better {
            errors = seen.errors;
        }
        (is_better && is_settled(seen), is_better)
    };
    // First without those that a reader of arrays has taken out, and then, if nothing helps, with them.
    let has_taken = first.arrays.iter().any(|array| array.is_taken);
    let rounds: &[bool] = if !was_read && has_taken { &[false, true] } else { &[false] };
    for all in rounds {
        let targets = targets(first, !was_read, *all);
        if targets.len() > 1 {
            let forms = targets.iter().map(|(name, forms)| (name.clone(), forms[0])).collect();
            if try_forms(&forms, &mut Seen::default()).0 {
                return None;
            }
        }
        let mut forms = Forms::new();
        for (name, others) in targets {
            for form in others {
                if tries.next().is_none() {
                    return told;
                }
                forms.insert(name.clone(), form);
                let mut seen = Seen::default();
                let (is_right, is_better) = try_forms(&forms, &mut seen);
                if is_right {
                    return None;
                }
                // Whether another form is refused now, of another array.
                let is_other = !seen.is_met
                    && match form {
                        Form::Elements | Form::Floats => seen.token_refused || seen.other_refused,
                        Form::Ndarray | Form::Bytes => seen.token_refused,
                        Form::Token => seen.other_refused,
                    };
                if is_better || is_other {
                    break;
                }
                forms.remove(&name);
            }
        }
    }
    match too_large {
        None => told,
        Some(what) => told.map(|error| {
            error.with_note(format_args!(
                "{what}, and serde's buffer behind `flatten`, `untagged` and tagged enums takes {MAX_ELEMENTS} one by one: \
                 read it as an array (`#[shm_array]`, `ShmArray`)"
            ))
        }),
    }
}

/// The names of the arrays that may have been refused, in their order, and the forms to try.
fn targets(seen: &Seen, has_failed: bool, all: bool) -> Vec<(String, Vec<Form>)> {
    let mut targets: Vec<(String, Vec<Form>)> = Vec::new();
    for array in &seen.arrays {
        let is_suspect = match array.usual {
            Form::Token => all || !array.is_taken,
            // What was written as bytes is best read as bytes, as long as it can be.
            Form::Bytes => has_failed,
            _ => has_failed || seen.is_met,
        };
        if !is_suspect
            || matches!(array.head.standing, Standing::Live(..))
            || targets.iter().any(|(name, _)| *name == array.name)
        {
            continue;
        }
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
            // Nobody has asked for it as an array.
            forms.rotate_left(1);
        }
        forms.retain(|form| *form != array.usual);
        targets.push((array.name.clone(), forms));
    }
    targets
}
