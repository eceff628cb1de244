//! Methods of serializers that keep some values and hand all others on to the real serializer, which `real` gives. The methods
//! for values that they never keep are written once, here.

macro_rules! forward {
    ($($method:ident($($arg:ident: $ty:ty),*))*) => {$(
        fn $method(self, $($arg: $ty),*) -> Result<Written> {
            self.real()?.$method($($arg),*)
        }
    )*};
}

/// The types of a serializer that keeps no list.
macro_rules! forward_types {
    ($real:lifetime $arena:lifetime) => {
        type Ok = Written;
        type Error = Error;
        type SerializeSeq = SeqWriter<$real, $arena>;
        type SerializeTuple = TupleOrSeq<$real, $arena>;
        type SerializeTupleStruct = TupleStruct<$real, $arena>;
        type SerializeTupleVariant = RecordWriter<$real, $arena>;
        type SerializeMap = MapWriter<$real, $arena>;
        type SerializeStruct = StructOrArray<$real, $arena>;
        type SerializeStructVariant = RecordWriter<$real, $arena>;
    };
}

/// The types that are neither lists nor integers or floats of NumPy's.
macro_rules! forward_rest {
    () => {
        forward! {
            serialize_i128(value: i128)
            serialize_u128(value: u128)
            serialize_char(value: char)
            serialize_str(value: &str)
            serialize_bytes(value: &[u8])
            serialize_none()
            serialize_unit()
            serialize_unit_struct(name: &'static str)
            serialize_unit_variant(name: &'static str, index: u32, variant: &'static str)
        }

        fn serialize_some<T: Serialize + ?Sized>(self, value: &T) -> Result<Written> {
            self.real()?.serialize_some(value)
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            name: &'static str,
            index: u32,
            variant: &'static str,
            value: &T,
        ) -> Result<Written> {
            self.real()?.serialize_newtype_variant(name, index, variant, value)
        }

        fn serialize_tuple_variant(
            self,
            name: &'static str,
            index: u32,
            variant: &'static str,
            len: usize,
        ) -> Result<Self::SerializeTupleVariant> {
            self.real()?.serialize_tuple_variant(name, index, variant, len)
        }

        fn serialize_map(self, len: Option<usize>) -> Result<Self::SerializeMap> {
            self.real()?.serialize_map(len)
        }

        fn serialize_struct(self, name: &'static str, len: usize) -> Result<Self::SerializeStruct> {
            self.real()?.serialize_struct(name, len)
        }

        fn serialize_struct_variant(
            self,
            name: &'static str,
            index: u32,
            variant: &'static str,
            len: usize,
        ) -> Result<Self::SerializeStructVariant> {
            self.real()?.serialize_struct_variant(name, index, variant, len)
        }
    };
}

/// Numbers other than the unsigned ones by which sizes are given.
macro_rules! forward_numbers {
    () => {
        forward! {
            serialize_bool(value: bool)
            serialize_i8(value: i8)
            serialize_i16(value: i16)
            serialize_i32(value: i32)
            serialize_i64(value: i64)
            serialize_u16(value: u16)
            serialize_f32(value: f32)
            serialize_f64(value: f64)
        }
    };
}

/// Lists, where none is kept.
macro_rules! forward_lists {
    () => {
        fn serialize_seq(self, len: Option<usize>) -> Result<Self::SerializeSeq> {
            self.real()?.serialize_seq(len)
        }
        forward_tuples!();
    };
}

macro_rules! forward_tuples {
    () => {
        fn serialize_tuple(self, len: usize) -> Result<Self::SerializeTuple> {
            self.real()?.serialize_tuple(len)
        }

        fn serialize_tuple_struct(
            self,
            name: &'static str,
            len: usize,
        ) -> Result<Self::SerializeTupleStruct> {
            self.real()?.serialize_tuple_struct(name, len)
        }
    };
}

pub(super) use {
    forward, forward_lists, forward_numbers, forward_rest, forward_tuples, forward_types,
};
