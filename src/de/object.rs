//! Reads one object: once, or again if a part of it can be had in another form, and on a stack that is large enough for its
//! levels.

use std::cell::Cell;
use std::marker::PhantomData;

use serde::Deserializer as _;
use serde::de::{Deserialize, DeserializeSeed};

use crate::context::{self, ContainerInfo, Form, Forms, Seen};
use crate::error::{Error, Found, Result};
use crate::memory::Region;
use crate::stack;
use crate::store::Source;
#[cfg(feature = "ndarray")]
use crate::value::Walk;

use super::buffer;
use super::decoder::{ANY, Decoder};
use super::value::EncodedValue;
#[cfg(feature = "ndarray")]
use super::walk::{self, Lists};

/// Reads a value from a source. Handles keep `region` alive, if the source's bytes lie in it.
///
/// # Errors
///
/// `Corrupt` if the container contradicts itself, `Mismatch` if the object is not what `T` asks for.
pub(crate) fn from_source<'de, T: Deserialize<'de>>(
    source: &dyn Source<'de>,
    region: Option<&Region>,
) -> Result<T> {
    seed_from_source(&PhantomData, source, region)
}

/// The same by a seed. Each read uses up a copy of it.
pub(super) fn seed_from_source<'de, S: DeserializeSeed<'de> + Clone>(
    seed: &S,
    source: &dyn Source<'de>,
    region: Option<&Region>,
) -> Result<S::Value> {
    read_all(container(source, region), |limit, short| read(seed.clone(), source, limit, short))
}

/// The same by a seed that is used up by one read. `keeps` says that the seed fills serde's buffer, which is read out after this
/// function has returned.
pub(super) fn once_from_source<'de, S: DeserializeSeed<'de>>(
    seed: S,
    source: &dyn Source<'de>,
    region: Option<&Region>,
    keeps: bool,
) -> Result<S::Value> {
    let size = source.inline().len();
    let read = |limit, short: &mut _| read(seed, source, limit, short);
    read_once(container(source, region), size, keeps, read)
}

/// What the readers of arrays must know of the container.
fn container<'c, 'de: 'c>(
    source: &'c dyn Source<'de>,
    region: Option<&'c Region>,
) -> ContainerInfo<'c> {
    ContainerInfo { region, live: source.live(), copy_limit: source.copy_limit() }
}

/// Walks over the object.
///
/// # Errors
///
/// Those of the walk; `Corrupt` if the container contradicts itself.
#[cfg(feature = "ndarray")]
pub(super) fn walk_source<'de, W: Walk<'de>, L: Lists<W>>(
    source: &dyn Source<'de>,
    region: Option<&Region>,
    walk: &mut W,
) -> Result<()> {
    context::reading(container(source, region), &Forms::default(), &Cell::default(), || {
        let mut decoder = Decoder::new(source, stack::SHALLOW)?;
        walk::value::<_, L>(&mut decoder, ANY, walk)?;
        check_end(&decoder)
    })
    .map_err(Error::out_of_serde)
}

/// Whether the object was written in the form that it has for human readers.
pub(super) fn is_human_readable(source: &dyn Source<'_>) -> bool {
    Decoder::new(source, 0).is_ok_and(|mut decoder| {
        EncodedValue { decoder: &mut decoder, slot: ANY }.is_human_readable()
    })
}

/// Reads an object, and reads it again while a visitor has refused a value that it could take in another form. Most objects are
/// read once.
pub(super) fn read_all<T>(
    container: ContainerInfo<'_>,
    read: impl Fn(u32, &mut Option<usize>) -> Result<T>,
) -> Result<T> {
    buffer::search(|forms, seen| {
        let start = context::lessons();
        let mut first = None;
        loop {
            let before = context::lessons();
            let now = Cell::new(Seen::default());
            let result = on_a_stack(|limit, short| {
                context::reading(container, forms, &now, || read(limit, short))
            });
            *seen = now.take();
            match seen.within_limit(result) {
                result if context::lessons() != before => first = first.or(result.err()),
                result @ Ok(_) => return result,
                Err(error) => {
                    context::forget_since(start);
                    // If the visitor takes no map either, its first error says better what it did not find.
                    let is_map = error.is_refusal_at_any_place_of(Found::Map);
                    return Err(first.filter(|_| is_map).unwrap_or(error).out_of_serde());
                }
            }
        }
    })
}

/// Reads once, by a `read` that cannot be called again. An object of `size` bytes has at most as many levels.
///
/// # Errors
///
/// Those of `read`, with a note if the object could be read in another way. It is also an error if `read` succeeded, but may have
/// read something else than [`read_all`] would: visitors that refused a value may have taken a wrong variant. Or they may take
/// one later, if what was read is serde's buffer with arrays in it: nothing tells how that buffer is read out.
pub(super) fn read_once<T>(
    container: ContainerInfo<'_>,
    size: usize,
    keeps: bool,
    read: impl FnOnce(u32, &mut Option<usize>) -> Result<T>,
) -> Result<T> {
    let (before, seen) = (context::lessons(), Cell::new(Seen::default()));
    let result = on_one_stack(size, |limit, short| {
        context::reading(container, &Forms::default(), &seen, || {
            context::hand_over_by_name();
            read(limit, short)
        })
    });
    if context::lessons() != before {
        return Err(read_again(result.err(), "ask this once more, or use"));
    }
    let seen = seen.take();
    if seen.over.is_some() {
        return seen.within_limit(result);
    }
    let is_kept = keeps && seen.arrays.iter().any(|array| array.form != Form::Bytes);
    if is_kept || !buffer::is_right(result.is_ok(), &seen) {
        return Err(read_again(result.err(), "use"));
    }
    result
}

#[cold]
fn read_again(error: Option<Error>, mend: &str) -> Error {
    let error = error.unwrap_or_else(|| {
        Error::mismatch("something in the object was given in a form that may not be the right one")
    });
    error.with_note(format_args!(
        "a `Deserializer` reads once, and it can be had in another form: {mend} `get` or `get_seed`, which read again"
    ))
}

/// Reads on a stack that is large enough in any case, because there is only one try.
fn on_one_stack<T>(
    size: usize,
    read: impl FnOnce(u32, &mut Option<usize>) -> Result<T>,
) -> Result<T> {
    let mut short = None;
    let is_shallow = size <= stack::SHALLOW as usize && stack::is_begun::<T>();
    if is_shallow || cfg!(not(feature = "deep")) {
        return read(stack::SHALLOW, &mut short);
    }
    let (mut read, mut result) = (Some(read), None);
    stack::large(stack::frames::<T>(), &mut |limit| {
        result = read.take().map(|read| read(limit, &mut short).map(Box::new));
    })?;
    result.unwrap_or_else(|| Err(stack::too_low())).map(|value| *value)
}

/// Reads on a stack that is large enough. `read` is told how many levels it may go down. If it needs a larger stack, it notes how
/// many bytes a level takes.
fn on_a_stack<T>(read: impl Fn(u32, &mut Option<usize>) -> Result<T>) -> Result<T> {
    let mut short = None;
    if stack::is_begun::<T>() {
        let result = read(stack::SHALLOW, &mut short);
        if short.is_none() || cfg!(not(feature = "deep")) {
            return result;
        }
    }
    // The levels may go through code that cannot check the stack, such as serde's buffer behind `untagged`. So the whole object is
    // read once more, on a stack that is large enough from the start.
    read_on_large(&read, short.unwrap_or(0))
}

/// Reads on a large stack. The value comes in a box, because the caller's stack may have no room for another copy of it.
#[cold]
#[inline(never)]
fn read_on_large<T>(
    read: &impl Fn(u32, &mut Option<usize>) -> Result<T>,
    each: usize,
) -> Result<T> {
    let (mut each, mut size) = (each, 0);
    loop {
        let (mut result, mut short) = (None, None);
        let made = stack::large(each, &mut |limit| {
            result = Some(read(limit, &mut short).map(Box::new));
        })?;
        match (short, result) {
            // The levels turned out to be larger, and a larger stack may be enough.
            (Some(more), _) if more > each && made > size => (each, size) = (more, made),
            (_, Some(result)) => return result.map(|value| *value),
            (_, None) => return Err(stack::too_low()),
        }
    }
}

fn read<'de, S: DeserializeSeed<'de>>(
    seed: S,
    source: &dyn Source<'de>,
    limit: u32,
    short: &mut Option<usize>,
) -> Result<S::Value> {
    let mut decoder = Decoder::new(source, limit)?;
    let result = seed.deserialize(EncodedValue { decoder: &mut decoder, slot: ANY });
    *short = decoder.bounds.wants_stack();
    if let Some(error) = decoder.error_of_left(result.is_err()) {
        return Err(error);
    }
    let value = result?;
    check_end(&decoder)?;
    Ok(value)
}

fn check_end(decoder: &Decoder<'_, '_>) -> Result<()> {
    match decoder.reader.left() {
        0 => Ok(()),
        left => Err(Error::corrupt(format!("{left} bytes follow the object"))),
    }
}
