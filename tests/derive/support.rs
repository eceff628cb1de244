//! What the other files share: round trips, and a serializer that notes what is routed.

use serde::ser::{self, Impossible, Serialize, Serializer};
use serde_shm::Deserialize;
use std::fmt::{self, Debug, Display};

/// Writes a value, compares the JSON, reads it back from there and from a container.
#[track_caller]
pub(crate) fn round_trip<T: serde::Serialize + serde::de::DeserializeOwned + PartialEq + Debug>(
    value: &T,
    json: &str,
) {
    assert_eq!(serde_json::to_string(value).unwrap(), json);
    assert_eq!(&serde_json::from_str::<T>(json).unwrap(), value);
    let bytes = serde_shm::to_bytes(value).unwrap();
    assert_eq!(&serde_shm::from_bytes::<T>(&bytes).unwrap(), value);
}

/// The error of reading JSON as `T`.
#[track_caller]
pub(crate) fn refused<'de, T: Deserialize<'de> + Debug>(json: &'de str) -> String {
    serde_json::from_str::<T>(json).unwrap_err().to_string()
}

/// How many arrays of a value are routed: handed over under the token, and not looked into.
pub(crate) fn routed(value: &(impl serde::Serialize + ?Sized)) -> usize {
    value.serialize(Counter).unwrap()
}

/// The name that a value gives to the serializer.
pub(crate) fn name_of(value: &(impl serde::Serialize + ?Sized)) -> String {
    value.serialize(Name).unwrap_err().0
}

#[derive(Debug)]
pub(crate) struct Failed(String);

impl Display for Failed {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.0)
    }
}

impl std::error::Error for Failed {}

impl ser::Error for Failed {
    fn custom<T: Display>(message: T) -> Self {
        Failed(message.to_string())
    }
}

/// Counts tokens.
#[derive(Clone, Copy)]
struct Counter;

/// The sum over the parts of a compound.
struct Sum(usize);

macro_rules! counts_nothing {
    ($($method:ident($($ty:ty),*))*) => {
        $(fn $method(self $(, _: $ty)*) -> Result<usize, Failed> { Ok(0) })*
    };
}

impl Serializer for Counter {
    type Ok = usize;
    type Error = Failed;
    type SerializeSeq = Sum;
    type SerializeTuple = Sum;
    type SerializeTupleStruct = Sum;
    type SerializeTupleVariant = Sum;
    type SerializeMap = Sum;
    type SerializeStruct = Sum;
    type SerializeStructVariant = Sum;

    counts_nothing! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32) serialize_f64(f64)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]) serialize_none() serialize_unit()
        serialize_unit_struct(&'static str) serialize_unit_variant(&'static str, u32, &'static str)
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<usize, Failed> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<usize, Failed> {
        if name.starts_with("$serde_shm") { Ok(1) } else { value.serialize(self) }
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        value: &T,
    ) -> Result<usize, Failed> {
        value.serialize(self)
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Sum, Failed> {
        Ok(Sum(0))
    }

    fn serialize_tuple(self, _: usize) -> Result<Sum, Failed> {
        Ok(Sum(0))
    }

    fn serialize_tuple_struct(self, _: &'static str, _: usize) -> Result<Sum, Failed> {
        Ok(Sum(0))
    }

    fn serialize_tuple_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Sum, Failed> {
        Ok(Sum(0))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Sum, Failed> {
        Ok(Sum(0))
    }

    fn serialize_struct(self, _: &'static str, _: usize) -> Result<Sum, Failed> {
        Ok(Sum(0))
    }

    fn serialize_struct_variant(
        self,
        _: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Sum, Failed> {
        Ok(Sum(0))
    }
}

macro_rules! sums {
    ($($compound:ident $method:ident($($ty:ty)?);)*) => {
        $(impl ser::$compound for Sum {
            type Ok = usize;
            type Error = Failed;

            fn $method<T: Serialize + ?Sized>(&mut self, $(_: $ty,)? value: &T) -> Result<(), Failed> {
                self.0 += value.serialize(Counter)?;
                Ok(())
            }

            fn end(self) -> Result<usize, Failed> {
                Ok(self.0)
            }
        })*
    };
}

sums! {
    SerializeSeq serialize_element();
    SerializeTuple serialize_element();
    SerializeTupleStruct serialize_field();
    SerializeTupleVariant serialize_field();
    SerializeStruct serialize_field(&'static str);
    SerializeStructVariant serialize_field(&'static str);
}

impl ser::SerializeMap for Sum {
    type Ok = usize;
    type Error = Failed;

    fn serialize_key<T: Serialize + ?Sized>(&mut self, _: &T) -> Result<(), Failed> {
        Ok(())
    }

    fn serialize_value<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), Failed> {
        self.0 += value.serialize(Counter)?;
        Ok(())
    }

    fn end(self) -> Result<usize, Failed> {
        Ok(self.0)
    }
}

/// Fails with the name of the first thing that has one.
struct Name;

macro_rules! unnamed {
    ($($method:ident($($ty:ty),*))*) => {
        $(fn $method(self $(, _: $ty)*) -> Result<(), Failed> { Err(Failed(String::new())) })*
    };
}

impl Serializer for Name {
    type Ok = ();
    type Error = Failed;
    type SerializeSeq = Impossible<(), Failed>;
    type SerializeTuple = Impossible<(), Failed>;
    type SerializeTupleStruct = Impossible<(), Failed>;
    type SerializeTupleVariant = Impossible<(), Failed>;
    type SerializeMap = Impossible<(), Failed>;
    type SerializeStruct = Impossible<(), Failed>;
    type SerializeStructVariant = Impossible<(), Failed>;

    unnamed! {
        serialize_bool(bool) serialize_i8(i8) serialize_i16(i16) serialize_i32(i32) serialize_i64(i64)
        serialize_u8(u8) serialize_u16(u16) serialize_u32(u32) serialize_u64(u64) serialize_f32(f32) serialize_f64(f64)
        serialize_char(char) serialize_str(&str) serialize_bytes(&[u8]) serialize_none() serialize_unit()
    }

    fn serialize_unit_struct(self, name: &'static str) -> Result<(), Failed> {
        Err(Failed(name.into()))
    }

    fn serialize_unit_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
    ) -> Result<(), Failed> {
        Err(Failed(name.into()))
    }

    fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<(), Failed> {
        value.serialize(self)
    }

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: &T,
    ) -> Result<(), Failed> {
        Err(Failed(name.into()))
    }

    fn serialize_newtype_variant<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: &T,
    ) -> Result<(), Failed> {
        Err(Failed(name.into()))
    }

    fn serialize_seq(self, _: Option<usize>) -> Result<Self::SerializeSeq, Failed> {
        Err(Failed(String::new()))
    }

    fn serialize_tuple(self, _: usize) -> Result<Self::SerializeTuple, Failed> {
        Err(Failed(String::new()))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleStruct, Failed> {
        Err(Failed(name.into()))
    }

    fn serialize_tuple_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeTupleVariant, Failed> {
        Err(Failed(name.into()))
    }

    fn serialize_map(self, _: Option<usize>) -> Result<Self::SerializeMap, Failed> {
        Err(Failed(String::new()))
    }

    fn serialize_struct(
        self,
        name: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStruct, Failed> {
        Err(Failed(name.into()))
    }

    fn serialize_struct_variant(
        self,
        name: &'static str,
        _: u32,
        _: &'static str,
        _: usize,
    ) -> Result<Self::SerializeStructVariant, Failed> {
        Err(Failed(name.into()))
    }
}
