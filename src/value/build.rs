//! A tree of values, made from what a walk tells.

use std::fmt::Display;

use crate::array::{UntypedArray, UntypedLive};
use crate::error::{Error, Result};

use super::number::NumberList;
use super::parts::{Map, Record};
use super::seq::{EncodedList, Seq};
use super::{Blob, Name, Names, Number, Numbers, PlacedArray, Value, Walk};

/// A list's length is a claim, so room is made beforehand for at most this many items. Deep inside an object room is made for
/// hardly any, as thousands of levels may each claim much, and many records may refer to names that are there once.
const MAX_ROOM: usize = 1 << 12;
const FAR_IN: usize = 32;
const ROOM_FAR_IN: usize = 16;

/// Gives the array that is to stand at this path of an object, if it is not to be the container's.
pub(crate) type StandIn<'f> = &'f mut dyn FnMut(&str) -> Result<Option<UntypedArray>>;

/// Makes a [`Value`] of what a walk tells.
#[derive(Default)]
pub(crate) struct Builder<'f> {
    /// The walk bounds how deep this gets.
    open: Vec<Open>,
    done: Option<Value>,
    /// The last name. It is kept because values with a name often come in a row with the same one.
    name: Option<Name>,
    stand_in: Option<StandIn<'f>>,
}

/// A value that is not complete yet.
enum Open {
    Option,
    Readable,
    Named(Name),
    Seq(Vec<Value>, bool),
    /// A list that has had only numbers so far.
    Numbers(NumberList, bool),
    Tuple(Vec<Value>),
    Map(Vec<(Value, Value)>, Option<Value>, bool),
    Record(Names, Vec<Option<Value>>),
}

impl Open {
    /// Turns the numbers of one width so far into values, because an item of another sort follows.
    #[cold]
    fn mix(&mut self) {
        if let Open::Numbers(list, unannounced) = self {
            *self = Open::Seq(list.as_numbers().values().collect(), *unannounced);
        }
    }
}

impl<'f> Builder<'f> {
    /// A builder that asks for each array first whether another is to stand in its place.
    #[cfg(feature = "npz")]
    pub(crate) fn with(stand_in: StandIn<'f>) -> Self {
        Builder { stand_in: Some(stand_in), ..Builder::default() }
    }

    /// The array that is to stand at this path in place of the container's.
    pub(crate) fn stand_in<P: Display>(
        &mut self,
        path: impl FnOnce() -> Result<P>,
    ) -> Result<Option<UntypedArray>> {
        match &mut self.stand_in {
            Some(stand_in) => stand_in(&path()?.to_string()),
            None => Ok(None),
        }
    }

    /// The value that the walk told.
    ///
    /// # Errors
    ///
    /// An error if the walk did not tell exactly one whole value.
    pub(crate) fn finish(mut self) -> Result<Value> {
        self.take()
    }

    /// The value that the walk told. The builder can then take the next one.
    ///
    /// # Errors
    ///
    /// Those of [`finish`](Self::finish).
    pub(crate) fn take(&mut self) -> Result<Value> {
        match self.done.take() {
            Some(value) if self.open.is_empty() => Ok(value),
            _ => Err(Error::corrupt("an object ends before its last value does")),
        }
    }

    /// The number of parts that room is made for beforehand.
    #[inline]
    fn room(&self, len: usize) -> usize {
        len.min(if self.open.len() < FAR_IN { MAX_ROOM } else { ROOM_FAR_IN })
    }

    /// Adds a list that is kept as it is encoded.
    pub(crate) fn list(&mut self, list: EncodedList) -> Result<()> {
        self.put(Value::Seq(Seq::encoded(list)))
    }

    #[inline]
    fn put(&mut self, mut value: Value) -> Result<()> {
        loop {
            match self.open.last_mut() {
                Some(Open::Seq(items, _) | Open::Tuple(items)) => items.push(value),
                Some(open @ Open::Numbers(..)) => {
                    open.mix();
                    continue;
                }
                Some(Open::Record(_, values)) => values.push(Some(value)),
                Some(Open::Map(entries, key, _)) => match key.take() {
                    Some(key) => entries.push((key, value)),
                    None => *key = Some(value),
                },
                Some(Open::Option) => {
                    self.open.pop();
                    value = Value::Optional(Some(Box::new(value)));
                    continue;
                }
                Some(Open::Readable) => {
                    self.open.pop();
                    value = Value::Readable(Box::new(value));
                    continue;
                }
                Some(Open::Named(_)) => {
                    if let Some(Open::Named(name)) = self.open.pop() {
                        value = Value::Named(name, Box::new(value));
                    }
                    continue;
                }
                None => self.done = Some(value),
            }
            return Ok(());
        }
    }
}

impl<'a> Walk<'a> for Builder<'_> {
    fn unit(&mut self) -> Result<()> {
        self.put(Value::Unit)
    }

    fn bool(&mut self, value: bool) -> Result<()> {
        self.put(Value::Bool(value))
    }

    #[inline]
    fn number(&mut self, value: Number) -> Result<()> {
        self.put(value.into())
    }

    fn numbers(&mut self, values: Numbers<'_>) -> Result<()> {
        match self.open.last_mut() {
            Some(open @ Open::Numbers(..)) => {
                if let Open::Numbers(list, _) = open
                    && list.extend(values)
                {
                    return Ok(());
                }
                open.mix();
            }
            Some(open @ Open::Seq(..)) => {
                if let Open::Seq(items, _) = open
                    && items.is_empty()
                {
                    *open = Open::Numbers(values.into(), false);
                    return Ok(());
                }
            }
            _ => {}
        }
        values.values().try_for_each(|value| self.put(value))
    }

    fn char(&mut self, value: char) -> Result<()> {
        self.put(Value::Char(value))
    }

    #[inline]
    fn text(&mut self, text: &'a str) -> Result<()> {
        self.put(Value::Text(text.into()))
    }

    fn bytes(&mut self, bytes: &'a [u8]) -> Result<()> {
        self.put(Value::Bytes(Blob::of_read(bytes)?))
    }

    fn none(&mut self) -> Result<()> {
        self.put(Value::Optional(None))
    }

    fn some(&mut self) -> Result<()> {
        self.open.push(Open::Option);
        Ok(())
    }

    fn readable(&mut self) -> Result<()> {
        self.open.push(Open::Readable);
        Ok(())
    }

    fn named(&mut self, name: &'a str) -> Result<()> {
        let name = match &self.name {
            Some(last) if last.as_str() == name => last.clone(),
            _ => self.name.insert(Name::of_read(name)).clone(),
        };
        self.open.push(Open::Named(name));
        Ok(())
    }

    fn seq(&mut self, len: Option<usize>) -> Result<()> {
        let items = Vec::with_capacity(self.room(len.unwrap_or(0)));
        self.open.push(Open::Seq(items, false));
        Ok(())
    }

    fn tuple(&mut self, len: usize) -> Result<()> {
        let items = Vec::with_capacity(self.room(len));
        self.open.push(Open::Tuple(items));
        Ok(())
    }

    fn map(&mut self, len: Option<usize>) -> Result<()> {
        let entries = Vec::with_capacity(self.room(len.unwrap_or(0)));
        self.open.push(Open::Map(entries, None, false));
        Ok(())
    }

    #[inline]
    fn record(&mut self, names: &Names) -> Result<()> {
        let values = Vec::with_capacity(self.room(names.len()));
        self.open.push(Open::Record(names.clone(), values));
        Ok(())
    }

    fn absent(&mut self) -> Result<()> {
        if let Some(Open::Record(_, values)) = self.open.last_mut() {
            values.push(None);
        }
        Ok(())
    }

    fn unannounced(&mut self) -> Result<()> {
        if let Some(
            Open::Seq(_, unannounced) | Open::Numbers(_, unannounced) | Open::Map(.., unannounced),
        ) = self.open.last_mut()
        {
            *unannounced = true;
        }
        Ok(())
    }

    #[inline]
    fn end(&mut self) -> Result<()> {
        let value = match self.open.pop() {
            Some(Open::Record(names, values)) => {
                Value::Record(Record { names, values: values.into() })
            }
            Some(Open::Seq(items, unannounced)) => Value::Seq(Seq::of_items(items, unannounced)),
            Some(Open::Numbers(list, unannounced)) => {
                Value::Seq(Seq::of_numbers(list, unannounced))
            }
            Some(Open::Map(entries, _, unannounced)) => {
                Value::Map(Map { entries: entries.into(), unannounced })
            }
            Some(Open::Tuple(items)) => Value::Tuple(items.into()),
            Some(Open::Option | Open::Readable | Open::Named(_)) | None => {
                return Err(nothing_to_end());
            }
        };
        self.put(value)
    }

    fn array(&mut self, array: PlacedArray) -> Result<()> {
        self.put(Value::Array(array))
    }

    fn live(&mut self, array: UntypedLive) -> Result<()> {
        self.put(array.into())
    }
}

#[cold]
fn nothing_to_end() -> Error {
    Error::corrupt("a value ends that did not begin")
}
