//! Numbers of any width, one by one and in lists.

use serde::ser::{Serialize, SerializeTupleStruct, Serializer};

use crate::array::{Bytes, NUMBERS, TOKEN, is_bound_for_ours};
use crate::context::take_announced;
use crate::element;
use crate::wire::Tag;

#[cfg(feature = "ndarray")]
use super::Value;

/// A number, with its width.
///
/// ```
/// # #[cfg(feature = "ndarray")] {
/// use serde_shm::value::{Number, Value};
///
/// assert_eq!(Value::from(Number::U8(7)), Value::U8(7));
/// assert_ne!(Number::U8(7), Number::U16(7)); // the width counts
/// # }
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)] // A variant is called as its type.
pub enum Number {
    I8(i8),
    I16(i16),
    I32(i32),
    I64(i64),
    I128(i128),
    U8(u8),
    U16(u16),
    U32(u32),
    U64(u64),
    U128(u128),
    F32(f32),
    F64(f64),
}

/// Items of a list that are numbers of one width, or bools.
///
/// Serialized, it is a list, and the same to every reader as a `Vec` of these numbers. This crate writes it in one call
/// instead of one call for each item.
///
/// ```
/// use serde_shm::value::Numbers;
///
/// let numbers: Vec<i64> = (0..1_000_000).collect();
/// let block = serde_shm::to_bytes(&Numbers::from(&numbers[..]))?;
/// assert_eq!(block, serde_shm::to_bytes(&numbers)?);
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq)]
#[non_exhaustive]
#[allow(missing_docs)] // A variant is called as its type.
pub enum Numbers<'a> {
    Bool(&'a [bool]),
    I8(&'a [i8]),
    I16(&'a [i16]),
    I32(&'a [i32]),
    I64(&'a [i64]),
    U8(&'a [u8]),
    U16(&'a [u16]),
    U32(&'a [u32]),
    U64(&'a [u64]),
    F32(&'a [f32]),
    F64(&'a [f64]),
}

macro_rules! numbers {
    ($($name:ident $ty:ty, $tag:ident;)*) => {
        /// Owned [`Numbers`].
        #[cfg(feature = "ndarray")]
        #[derive(Clone)]
        pub(super) enum NumberList {
            $($name(Vec<$ty>),)*
        }

        #[cfg(feature = "ndarray")]
        impl NumberList {
            pub(super) fn as_numbers(&self) -> Numbers<'_> {
                match self {
                    $(NumberList::$name(items) => Numbers::$name(items),)*
                }
            }

            /// Adds these numbers if they have the same width, and says whether it did.
            pub(super) fn extend(&mut self, numbers: Numbers<'_>) -> bool {
                match (self, numbers) {
                    $((NumberList::$name(items), Numbers::$name(more)) => {
                        items.extend_from_slice(more);
                        true
                    })*
                    _ => false,
                }
            }
        }

        $(            impl<'a> From<&'a [$ty]> for Numbers<'a> {
                fn from(items: &'a [$ty]) -> Self {
                    Numbers::$name(items)
                }
            }
        )*

        impl Numbers<'_> {
            /// How many numbers there are.
            ///
            /// ```
            /// use serde_shm::value::Numbers;
            ///
            /// assert_eq!(Numbers::from(&[1_u16, 2, 3][..]).len(), 3);
            /// ```
            pub fn len(&self) -> usize {
                match self {
                    $(Numbers::$name(items) => items.len(),)*
                }
            }

            /// Whether there are no numbers.
            ///
            /// ```
            /// use serde_shm::value::Numbers;
            ///
            /// assert!(Numbers::F32(&[]).is_empty());
            /// ```
            pub fn is_empty(&self) -> bool {
                self.len() == 0
            }

            /// The number at this place.
            #[cfg(feature = "ndarray")]
            pub(super) fn value(&self, place: usize) -> Option<Value> {
                match self {
                    $(Numbers::$name(items) => items.get(place).map(|item| Value::$name(*item)),)*
                }
            }

            /// Each number as a value.
            ///
            /// ```
            /// use serde_shm::value::{Numbers, Value};
            ///
            /// let values: Vec<Value> = Numbers::from(&[1_u16, 2][..]).values().collect();
            /// assert_eq!(values, [Value::U16(1), Value::U16(2)]);
            /// ```
            #[cfg(feature = "ndarray")]
            pub fn values(&self) -> Box<dyn ExactSizeIterator<Item = Value> + '_> {
                match self {
                    $(Numbers::$name(items) => Box::new(items.iter().map(|item| Value::$name(*item))),)*
                }
            }

            #[cfg(feature = "ndarray")]
            fn to_list(self) -> NumberList {
                match self {
                    $(Numbers::$name(items) => NumberList::$name(items.to_vec()),)*
                }
            }

            fn hand_over<S: SerializeTupleStruct>(&self, to: &mut S) -> Result<(), S::Error> {
                match self {
                    $(Numbers::$name(items) => {
                        let mut head = [Tag::$tag as u8; 9];
                        head[1..].copy_from_slice(&(items.len() as u64).to_le_bytes());
                        to.serialize_field(&Bytes(&head))?;
                        element::blocks(items, |bytes| to.serialize_field(&Bytes(bytes)))
                    })*
                }
            }

            fn one_by_one<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
                match self {
                    $(Numbers::$name(items) => items.serialize(serializer),)*
                }
            }
        }
    };
}

numbers! {
    Bool bool, Bool;
    I8 i8, I8;
    I16 i16, I16;
    I32 i32, I32;
    I64 i64, I64;
    U8 u8, U8;
    U16 u16, U16;
    U32 u32, U32;
    U64 u64, U64;
    F32 f32, F32;
    F64 f64, F64;
}

#[cfg(feature = "ndarray")]
impl From<Numbers<'_>> for NumberList {
    fn from(numbers: Numbers<'_>) -> Self {
        numbers.to_list()
    }
}

impl Serialize for Numbers<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TOKEN, &NumbersPayload(*self))
    }
}

struct NumbersPayload<'a>(Numbers<'a>);

impl Serialize for NumbersPayload<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let is_ours = take_announced() || is_bound_for_ours::<S>();
        // The bytes are handed over as they lie in memory.
        if is_ours && cfg!(target_endian = "little") {
            let mut list = serializer.serialize_tuple_struct(NUMBERS, 2)?;
            self.0.hand_over(&mut list)?;
            return list.end();
        }
        self.0.one_by_one(serializer)
    }
}

#[cfg(feature = "ndarray")]
impl From<Number> for Value {
    fn from(number: Number) -> Self {
        match number {
            Number::I8(number) => Value::I8(number),
            Number::I16(number) => Value::I16(number),
            Number::I32(number) => Value::I32(number),
            Number::I64(number) => Value::I64(number),
            Number::I128(number) => Value::I128(number),
            Number::U8(number) => Value::U8(number),
            Number::U16(number) => Value::U16(number),
            Number::U32(number) => Value::U32(number),
            Number::U64(number) => Value::U64(number),
            Number::U128(number) => Value::U128(number),
            Number::F32(number) => Value::F32(number),
            Number::F64(number) => Value::F64(number),
        }
    }
}
