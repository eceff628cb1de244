//! A serializer of another crate may write something else whenever it is handed a part: what passes beside it is not mixed up.

use serde::ser::{Error as _, Impossible, SerializeTupleStruct};
use serde::{Serialize, Serializer};
use serde_shm::ShmArray1;

/// An array that is written through the wrapper.
struct Wrapped<'a>(&'a ShmArray1<f32>);

impl Serialize for Wrapped<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Busy(serializer))
    }
}

struct Busy<S>(S);

/// The content of a newtype, which is written through the wrapper, too.
struct Content<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Content<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        self.0.serialize(Busy(serializer))
    }
}

struct Parts<S>(S);

/// A part, before which an object with shared arrays is written.
struct Part<'a, T: ?Sized>(&'a T);

impl<T: Serialize + ?Sized> Serialize for Part<'_, T> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let other = ShmArray1::from(vec![9.0_f32; 1_000]);
        let block = serde_shm::to_bytes(&[&other, &other]).unwrap();
        assert!(block.len() < 5_000, "the inner object shares its own");
        self.0.serialize(serializer)
    }
}

impl<S: SerializeTupleStruct> SerializeTupleStruct for Parts<S> {
    type Ok = S::Ok;
    type Error = S::Error;

    fn serialize_field<T: Serialize + ?Sized>(&mut self, value: &T) -> Result<(), S::Error> {
        self.0.serialize_field(&Part(value))
    }

    fn end(self) -> Result<S::Ok, S::Error> {
        self.0.end()
    }
}

macro_rules! refuse {
    ($($method:ident($($ty:ty),*) $(<$t:ident>)? -> $ok:ty;)*) => {$(
        fn $method$(<$t: Serialize + ?Sized>)?(self, $(_: $ty),*) -> Result<$ok, S::Error> {
            Err(S::Error::custom("an array writes nothing of the kind"))
        }
    )*};
}

type Never<S> = Impossible<<S as Serializer>::Ok, <S as Serializer>::Error>;

impl<S: Serializer> Serializer for Busy<S> {
    type Ok = S::Ok;
    type Error = S::Error;
    type SerializeSeq = Never<S>;
    type SerializeTuple = Never<S>;
    type SerializeTupleStruct = Parts<S::SerializeTupleStruct>;
    type SerializeTupleVariant = Never<S>;
    type SerializeMap = Never<S>;
    type SerializeStruct = Never<S>;
    type SerializeStructVariant = Never<S>;

    fn serialize_newtype_struct<T: Serialize + ?Sized>(
        self,
        name: &'static str,
        value: &T,
    ) -> Result<S::Ok, S::Error> {
        self.0.serialize_newtype_struct(name, &Content(value))
    }

    fn serialize_tuple_struct(
        self,
        name: &'static str,
        len: usize,
    ) -> Result<Self::SerializeTupleStruct, S::Error> {
        self.0.serialize_tuple_struct(name, len).map(Parts)
    }

    refuse! {
        serialize_bool(bool) -> S::Ok;
        serialize_i8(i8) -> S::Ok;
        serialize_i16(i16) -> S::Ok;
        serialize_i32(i32) -> S::Ok;
        serialize_i64(i64) -> S::Ok;
        serialize_u8(u8) -> S::Ok;
        serialize_u16(u16) -> S::Ok;
        serialize_u32(u32) -> S::Ok;
        serialize_u64(u64) -> S::Ok;
        serialize_f32(f32) -> S::Ok;
        serialize_f64(f64) -> S::Ok;
        serialize_char(char) -> S::Ok;
        serialize_str(&str) -> S::Ok;
        serialize_bytes(&[u8]) -> S::Ok;
        serialize_none() -> S::Ok;
        serialize_some(&T) <T> -> S::Ok;
        serialize_unit() -> S::Ok;
        serialize_unit_struct(&'static str) -> S::Ok;
        serialize_unit_variant(&'static str, u32, &'static str) -> S::Ok;
        serialize_newtype_variant(&'static str, u32, &'static str, &T) <T> -> S::Ok;
        serialize_seq(Option<usize>) -> Never<S>;
        serialize_tuple(usize) -> Never<S>;
        serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Never<S>;
        serialize_map(Option<usize>) -> Never<S>;
        serialize_struct(&'static str, usize) -> Never<S>;
        serialize_struct_variant(&'static str, u32, &'static str, usize) -> Never<S>;
    }
}

#[test]
fn what_a_wrapper_writes_in_between_is_another_object() {
    let (a, b) = (ShmArray1::from(vec![1.0_f32; 1_000]), ShmArray1::from(vec![2.0_f32; 1_000]));
    let block = serde_shm::to_bytes(&[&a, &b, &a, &b].map(Wrapped)).unwrap();
    assert_eq!(block, serde_shm::to_bytes(&[&a, &b, &a, &b]).unwrap());
    assert!(block.len() < 9_000);
    let read: Vec<ShmArray1<f32>> = serde_shm::from_bytes(&block).unwrap();
    for (read, written) in read.iter().zip([&a, &b, &a, &b]) {
        assert_eq!(read, written);
    }
}
