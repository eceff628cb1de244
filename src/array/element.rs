//! One element as a value of serde's. In formats that take no arrays in bulk, the dtype decides how an element passes.
//!
//! Numbers are numbers, times are integers, and `U` is text. `S` and `V` are bytes, or the characters of the same numbers.
//! Complex numbers are pairs. Structs are maps, with sub-arrays as sequences.

use std::borrow::Cow;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, Error as _, MapAccess, SeqAccess, Visitor,
};
use serde::ser::{Error as _, Serialize, SerializeMap, SerializeSeq, Serializer};

use crate::dtype::{DType, DTypeRepr, Field, Scalar, bf16_to_f32, f16_to_f32, match_number};
use crate::element::{self, FillBytes, Latin};
use crate::error::{Error as OwnError, ErrorKind, Result as OwnResult};
use crate::layout::{FREE_ROWS, ROWS_PER_BYTE};

use super::nested::{self, TakeItem};

/// An element in any byte order, to be written.
#[derive(Clone, Copy)]
pub(crate) struct ElementRef<'a> {
    pub(crate) dtype: &'a DType,
    /// The bytes of one element of the dtype.
    pub(crate) bytes: &'a [u8],
}

impl ElementRef<'_> {
    fn number<const N: usize>(&self, start: usize) -> [u8; N] {
        let mut bytes = [0; N];
        bytes.copy_from_slice(&self.bytes[start..start + N]);
        if self.dtype.is_big_endian() {
            bytes.reverse();
        }
        bytes
    }

    pub(crate) fn time(&self) -> i64 {
        i64::from_le_bytes(self.number(0))
    }

    fn scalar<S: Serializer>(&self, scalar: Scalar, serializer: S) -> Result<S::Ok, S::Error> {
        match_number! { scalar, Number => {
                Number::from_le_bytes(self.number(0)).serialize(serializer)
            },
            Scalar::Bool => match self.bytes[0] {
                0 | 1 => serializer.serialize_bool(self.bytes[0] == 1),
                byte => Err(S::Error::custom(format_args!(
                    "invalid bool: expected a byte 0 or 1, found {byte}"
                ))),
            },
            Scalar::F16 => serializer.serialize_f32(f16_to_f32(u16::from_le_bytes(self.number(0)))),
            Scalar::BF16 => {
                serializer.serialize_f32(bf16_to_f32(u16::from_le_bytes(self.number(0))))
            }
            Scalar::C64 => {
                [0, 4].map(|at| f32::from_le_bytes(self.number(at))).serialize(serializer)
            }
            Scalar::C128 => {
                [0, 8].map(|at| f64::from_le_bytes(self.number(at))).serialize(serializer)
            }
        }
    }

    fn fields<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let fields = self.dtype.fields();
        let mut map = serializer.serialize_map(Some(fields.len()))?;
        for field in fields {
            let bytes = &self.bytes[field.offset()..field.offset() + field.bytes()];
            let rows = Rows { dtype: field.dtype(), shape: field.shape(), bytes };
            map.serialize_entry(field.name(), &rows)?;
        }
        map.end()
    }
}

impl Serialize for ElementRef<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self.dtype.inner() {
            DTypeRepr::Scalar(scalar) => self.scalar(*scalar, serializer),
            DTypeRepr::Datetime(_) | DTypeRepr::Timedelta(_) => {
                serializer.serialize_i64(self.time())
            }
            DTypeRepr::Bytes(_) if !serializer.is_human_readable() => {
                serializer.serialize_bytes(unpadded(self.bytes))
            }
            DTypeRepr::Bytes(_) => serializer.collect_str(&Latin(unpadded(self.bytes))),
            DTypeRepr::Raw(_) if !serializer.is_human_readable() => {
                serializer.serialize_bytes(self.bytes)
            }
            DTypeRepr::Raw(_) => serializer.collect_str(&Latin(self.bytes)),
            DTypeRepr::Text(_) => match text(self.dtype, self.bytes) {
                Ok(Some(text)) => serializer.serialize_str(&text),
                Ok(None) => serializer.serialize_str(""),
                Err(error) => Err(S::Error::custom(error)),
            },
            DTypeRepr::Struct(_) => self.fields(serializer),
        }
    }
}

/// Row-major elements as nested sequences, one level for each axis.
#[derive(Clone, Copy)]
pub(crate) struct Rows<'a> {
    pub(crate) dtype: &'a DType,
    pub(crate) shape: &'a [usize],
    pub(crate) bytes: &'a [u8],
}

impl Serialize for Rows<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Some((&first, shape)) = self.shape.split_first() else {
            return ElementRef { dtype: self.dtype, bytes: self.bytes }.serialize(serializer);
        };
        let each = shape.iter().product::<usize>() * self.dtype.item_size();
        let mut seq = serializer.serialize_seq(Some(first))?;
        for index in 0..first {
            let bytes = &self.bytes[index * each..(index + 1) * each];
            seq.serialize_element(&Rows { dtype: self.dtype, shape, bytes })?;
        }
        seq.end()
    }
}

impl Rows<'_> {
    /// An error if more rows and elements without bytes would be written one by one than are allowed: a fixed number, and some
    /// for each byte that there is.
    pub(crate) fn check_hollow<E: serde::ser::Error>(&self) -> Result<(), E> {
        let most = self.bytes.len().saturating_mul(ROWS_PER_BYTE).saturating_add(FREE_ROWS);
        if hollow(self.dtype, self.shape) <= most {
            return Ok(());
        }
        Err(E::custom(format_args!(
            "an array of {} of shape {:?} has more than {most} rows or elements without bytes, too many to be written \
             one by one",
            self.dtype, self.shape
        )))
    }
}

/// How many rows, fields and elements without bytes a walk over an array visits.
fn hollow(dtype: &DType, shape: &[usize]) -> usize {
    let is_empty = dtype.item_size() == 0 || shape.contains(&0);
    let mut count = 1_usize;
    let mut all = usize::from(is_empty);
    for axis in shape {
        count = count.saturating_mul(*axis);
        if is_empty {
            all = all.saturating_add(count);
        }
    }
    let each = dtype.fields().iter().map(|field| hollow(field.dtype(), field.shape()));
    all.saturating_add(count.saturating_mul(each.fold(0, usize::saturating_add)))
}

/// The text of a `U` or `S` element without its padding: borrowed for `S`, made for `U`. `None` for bytes that are no text,
/// and for other dtypes.
pub(crate) fn text<'a>(dtype: &DType, bytes: &'a [u8]) -> OwnResult<Option<Cow<'a, str>>> {
    match dtype.inner() {
        DTypeRepr::Bytes(_) => Ok(std::str::from_utf8(unpadded(bytes)).ok().map(Cow::Borrowed)),
        DTypeRepr::Text(_) => {
            // Most characters take one byte. If the element is large, the memory for the worst case is reserved first.
            let most = if bytes.len() < LARGE { bytes.len() / 4 } else { bytes.len() };
            let mut text = String::new();
            text.try_reserve(most).map_err(|_| no_memory(most))?;
            let mut end = 0;
            for unit in bytes.as_chunks::<4>().0 {
                let element = ElementRef { dtype, bytes: unit };
                let code = u32::from_le_bytes(element.number(0));
                text.push(char::from_u32(code).ok_or_else(|| {
                    OwnError::corrupt(format!("invalid text: {code:#x} is no Unicode scalar value"))
                })?);
                if code != 0 {
                    end = text.len();
                }
            }
            text.truncate(end);
            Ok(Some(Cow::Owned(text)))
        }
        _ => Ok(None),
    }
}

/// From this size on, memory may be short.
const LARGE: usize = 1 << 20;

fn no_memory(bytes: usize) -> OwnError {
    OwnError::new(ErrorKind::Io, format!("no memory for a text of {bytes} bytes"))
}

/// The bytes without the NULs that pad them.
pub(crate) fn unpadded(bytes: &[u8]) -> &[u8] {
    let len = bytes.iter().rposition(|byte| *byte != 0).map_or(0, |last| last + 1);
    &bytes[..len]
}

/// Reads one element into bytes that are zero, in this machine's byte order.
pub(crate) struct Fill<'o> {
    pub(crate) dtype: &'o DType,
    pub(crate) out: &'o mut [u8],
    /// Integers stand for the bits of floats of two bytes, as in the serde form of the crate `half`.
    pub(crate) bits: bool,
}

impl<'de> DeserializeSeed<'de> for Fill<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, d: D) -> Result<(), D::Error> {
        macro_rules! pair {
            ($ty:ty) => {{
                let (re, im) = <($ty, $ty)>::deserialize(d)?;
                let (left, right) = self.out.split_at_mut(size_of::<$ty>());
                element::put(re, left);
                element::put(im, right);
            }};
        }
        match self.dtype.inner() {
            DTypeRepr::Scalar(scalar) => match_number! { *scalar, Number => {
                    element::put(Number::deserialize(d)?, self.out);
                },
                Scalar::Bool => self.out[0] = bool::deserialize(d)?.into(),
                Scalar::F16 | Scalar::BF16 => {
                    let brain = *scalar == Scalar::BF16;
                    let visitor = Short { brain, bits: self.bits };
                    let bits = if self.bits {
                        let name = if brain { "bf16" } else { "f16" };
                        d.deserialize_newtype_struct(name, visitor)?
                    } else {
                        d.deserialize_f32(visitor)?
                    };
                    element::put(bits, self.out);
                }
                Scalar::C64 => pair!(f32),
                Scalar::C128 => pair!(f64),
            },
            DTypeRepr::Datetime(_) | DTypeRepr::Timedelta(_) => {
                element::put(i64::deserialize(d)?, self.out);
            }
            DTypeRepr::Bytes(_) | DTypeRepr::Raw(_) => {
                let visitor = FillBytes(self.out);
                return if d.is_human_readable() {
                    d.deserialize_any(visitor)
                } else {
                    d.deserialize_bytes(visitor)
                };
            }
            DTypeRepr::Text(_) => return d.deserialize_str(FillText(self.out)),
            DTypeRepr::Struct(_) => {
                return d.deserialize_map(FillStruct { dtype: self.dtype, out: self.out });
            }
        }
        Ok(())
    }
}

/// A float of two bytes, read as its bits.
struct Short {
    brain: bool,
    bits: bool,
}

impl<'de> Visitor<'de> for Short {
    type Value = u16;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(if self.brain { "bf16" } else { "f16" })
    }

    fn visit_f64<E: serde::de::Error>(self, value: f64) -> Result<u16, E> {
        #[cfg(feature = "half")]
        return Ok(if self.brain {
            half::bf16::from_f64(value).to_bits()
        } else {
            half::f16::from_f64(value).to_bits()
        });
        #[cfg(not(feature = "half"))]
        Err(E::custom(format_args!(
            "{value} cannot be rounded: serde_shm was built without the feature `half`"
        )))
    }

    // In this crate's format, an integer of this type is what the crate `half` writes by itself.
    fn visit_u16<E: serde::de::Error>(self, bits: u16) -> Result<u16, E> {
        Ok(bits)
    }

    fn visit_u64<E: serde::de::Error>(self, value: u64) -> Result<u16, E> {
        if !self.bits {
            return self.visit_f64(value as f64);
        }
        u16::try_from(value)
            .map_err(|_| E::invalid_value(serde::de::Unexpected::Unsigned(value), &self))
    }

    fn visit_i64<E: serde::de::Error>(self, value: i64) -> Result<u16, E> {
        match u64::try_from(value) {
            Ok(value) => self.visit_u64(value),
            Err(_) if self.bits => {
                Err(E::invalid_value(serde::de::Unexpected::Signed(value), &self))
            }
            Err(_) => self.visit_f64(value as f64),
        }
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, d: D) -> Result<u16, D::Error> {
        d.deserialize_u16(self)
    }
}

/// Reads characters of four bytes each into zeros.
struct FillText<'o>(&'o mut [u8]);

impl Visitor<'_> for FillText<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "at most {} characters", self.0.len() / 4)
    }

    fn visit_str<E: serde::de::Error>(self, text: &str) -> Result<(), E> {
        let count = text.chars().count();
        if count > self.0.len() / 4 {
            return Err(E::invalid_length(count, &self));
        }
        for (unit, char) in self.0.as_chunks_mut::<4>().0.iter_mut().zip(text.chars()) {
            element::put(u32::from(char), unit);
        }
        Ok(())
    }
}

/// Reads the fields of a struct, by name or in their order.
pub(crate) struct FillStruct<'o> {
    pub(crate) dtype: &'o DType,
    pub(crate) out: &'o mut [u8],
}

impl FillStruct<'_> {
    fn field(&mut self, field: &Field) -> &mut [u8] {
        &mut self.out[field.offset()..field.offset() + field.bytes()]
    }

    /// Reads a struct whose first key has been read already.
    pub(crate) fn read_map<'de, M: MapAccess<'de>>(
        mut self,
        first: Option<Cow<'_, str>>,
        mut map: M,
    ) -> Result<(), M::Error> {
        let fields = self.dtype.fields();
        let mut seen = vec![false; fields.len()];
        let mut key = match first {
            Some(key) => Some(Cow::Owned(key.into_owned())),
            None => map.next_key::<Cow<'_, str>>()?,
        };
        while let Some(name) = key {
            let found = fields.iter().position(|field| field.name() == name);
            let Some(index) = found else {
                return Err(M::Error::custom(format_args!(
                    "unknown field `{}`, expected {}",
                    name.escape_debug(),
                    names(fields.iter())
                )));
            };
            if std::mem::replace(&mut seen[index], true) {
                return Err(M::Error::custom(format_args!("duplicate field `{name}`")));
            }
            let field = &fields[index];
            let out = self.field(field);
            let mut items = FillItems { dtype: field.dtype(), out };
            map.next_value_seed(nested::Rows::new(field.shape(), &mut items))?;
            key = map.next_key()?;
        }
        if seen.contains(&false) {
            let missing = fields.iter().zip(&seen).filter(|(_, seen)| !**seen).map(|(f, _)| f);
            return Err(M::Error::custom(format_args!("missing field {}", names(missing))));
        }
        Ok(())
    }
}

fn names<'a>(fields: impl Iterator<Item = &'a Field>) -> String {
    fields.map(|field| format!("`{}`", field.name())).collect::<Vec<_>>().join(", ")
}

impl<'de> Visitor<'de> for FillStruct<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a struct of {}", names(self.dtype.fields().iter()))
    }

    fn visit_map<M: MapAccess<'de>>(self, map: M) -> Result<(), M::Error> {
        self.read_map(None, map)
    }

    fn visit_seq<S: SeqAccess<'de>>(mut self, mut seq: S) -> Result<(), S::Error> {
        for (index, field) in self.dtype.fields().iter().enumerate() {
            let out = self.field(field);
            let mut items = FillItems { dtype: field.dtype(), out };
            if seq.next_element_seed(nested::Rows::new(field.shape(), &mut items))?.is_none() {
                return Err(S::Error::invalid_length(index, &self));
            }
        }
        Ok(())
    }
}

/// Reads the elements of a sub-array, one after the other.
struct FillItems<'o> {
    dtype: &'o DType,
    /// The bytes that are still to be filled.
    out: &'o mut [u8],
}

impl<'de> TakeItem<'de> for FillItems<'_> {
    fn take<D: Deserializer<'de>>(&mut self, d: D) -> Result<(), D::Error> {
        let (out, rest) = std::mem::take(&mut self.out).split_at_mut(self.dtype.item_size());
        self.out = rest;
        Fill { dtype: self.dtype, out, bits: false }.deserialize(d)
    }
}
