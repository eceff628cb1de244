//! One object: read once, and again where what it holds may be had in another form, on a stack that does for its levels.

use std::cell::Cell;
use std::sync::Arc;

use serde::de::Deserialize;

use crate::context::{self, Seen};
use crate::error::{Error, Found, Result};
use crate::memory::Region;
use crate::memory::live::LiveArrays;
use crate::stack;
use crate::store::Source;

use super::buffer;
use super::decoder::{ANY, Decoder};
use super::value::Value;

/// Reads a value from a source. Handles keep `region` alive, if the source's bytes lie in it.
///
/// # Errors
///
/// `Corrupt` if the container contradicts itself, `Mismatch` if the object is not what `T` asks for.
pub(crate) fn from_source<'de, T: Deserialize<'de>>(
    source: &dyn Source<'de>,
    region: Option<&Region>,
) -> Result<T> {
    read_all(region, source.live(), |limit, short| read(source, limit, short))
}

/// Reads until nothing is left that could be read in another way: once for most objects, and once more where a visitor has
/// refused what it could have had in another form.
pub(super) fn read_all<T>(
    region: Option<&Region>,
    live: Option<&Arc<LiveArrays>>,
    read: impl Fn(u32, &mut Option<usize>) -> Result<T>,
) -> Result<T> {
    buffer::search(|forms, seen| {
        let start = context::lessons();
        let mut first = None;
        loop {
            let before = context::lessons();
            let now = Cell::new(Seen::default());
            let result = on_a_stack(|limit, short| {
                context::reading(region, live, forms, &now, || read(limit, short))
            });
            *seen = now.take();
            match result {
                _ if context::lessons() != before => first = first.or(result.err()),
                Ok(_) => return result,
                Err(error) => {
                    context::forget_since(start);
                    // A visitor that takes no map either has said better before what it does not find.
                    let is_map = error.is_refusal_at_any_place_of(Found::Map);
                    return Err(first.filter(|_| is_map).unwrap_or(error));
                }
            }
        }
    })
}

/// Reads on a stack that does: `read` is told how many levels it may go down, and notes where it wants a larger stack, for
/// levels of so many bytes.
fn on_a_stack<T>(read: impl Fn(u32, &mut Option<usize>) -> Result<T>) -> Result<T> {
    let mut short = None;
    if stack::is_begun::<T>() {
        let result = read(stack::SHALLOW, &mut short);
        if short.is_none() || cfg!(not(feature = "deep")) {
            return result;
        }
    }
    // Its levels may go through code that cannot stop to look at the stack, such as serde's buffer behind `untagged`. So the
    // whole is read once more, on a stack that is large enough from the start.
    read_on_large(&read, short.unwrap_or(0))
}

/// What is read comes in a box: on the caller's stack there may be no room for another copy of it.
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
            // Its levels turned out to be larger, and a larger stack may do.
            (Some(more), _) if more > each && made > size => (each, size) = (more, made),
            (_, Some(result)) => return result.map(|value| *value),
            (_, None) => return Err(stack::too_low()),
        }
    }
}

fn read<'de, T: Deserialize<'de>>(
    source: &dyn Source<'de>,
    limit: u32,
    short: &mut Option<usize>,
) -> Result<T> {
    let mut decoder = Decoder::new(source, limit)?;
    let result = T::deserialize(Value { decoder: &mut decoder, slot: ANY });
    *short = decoder.bounds.wants_stack();
    if let Some(error) = decoder.error_of_left(result.is_err()) {
        return Err(error);
    }
    let value = result?;
    match decoder.reader.left() {
        0 => Ok(value),
        left => Err(Error::corrupt(format!("{left} bytes follow the object"))),
    }
}
