//! Lists that hold only numbers of one type, and exactly as many as they say. They are known by the identity of their type, which
//! no other type has.

use std::any::TypeId;
use std::collections::HashSet;
use std::sync::LazyLock;

/// Whether a list of type `list` holds elements of type `element`, which are numbers.
pub(super) fn is_known(list: TypeId, element: TypeId) -> bool {
    static KNOWN: LazyLock<HashSet<(TypeId, TypeId)>> = LazyLock::new(|| {
        let mut known = HashSet::new();
        macro_rules! numbers {
            ($($number:ty)*) => {$(
                let element = TypeId::of::<$number>();
                known.insert((TypeId::of::<Vec<$number>>(), element));
                #[cfg(feature = "ndarray")]
                known.extend(of_ndarray::lists::<$number>().map(|list| (list, element)));
            )*};
        }
        numbers! { bool i8 i16 i32 i64 isize u8 u16 u32 u64 usize f32 f64 }
        known
    });
    KNOWN.contains(&(list, element))
}

#[cfg(feature = "ndarray")]
mod of_ndarray {
    use std::any::TypeId;

    use ndarray::{Array, Dimension, Ix1, Ix2, Ix3, Ix4, IxDyn};
    use serde::ser::{Impossible, Serialize, SerializeStruct, Serializer};

    use crate::error::{Error, ErrorKind, Result};

    /// The types in which ndarray gives an array's elements to serde. They are private types of ndarray's, so this function
    /// serializes arrays to learn them. It leaves out those of other versions of ndarray, and of dimensions that few arrays have.
    pub(super) fn lists<E: Serialize + Clone + Default>() -> impl Iterator<Item = TypeId> {
        [of::<E, Ix1>(), of::<E, Ix2>(), of::<E, Ix3>(), of::<E, Ix4>(), of::<E, IxDyn>()]
            .into_iter()
            .flatten()
    }

    fn of<E: Serialize + Clone + Default, D: Dimension + Serialize>() -> Option<TypeId> {
        let axes = D::NDIM.unwrap_or(1);
        let empty = Array::<E, D>::default(D::zeros(axes));
        empty.serialize(TypeOfData(None)).ok().flatten()
    }

    fn other() -> Error {
        Error::new(ErrorKind::Message, "not what ndarray gives to serde")
    }

    /// Takes a struct, and notes the type of its field `data`.
    struct TypeOfData(Option<TypeId>);

    impl SerializeStruct for TypeOfData {
        type Ok = Option<TypeId>;
        type Error = Error;

        fn serialize_field<T: Serialize + ?Sized>(
            &mut self,
            key: &'static str,
            _: &T,
        ) -> Result<()> {
            if key == "data" {
                self.0 = Some(typeid::of::<T>());
            }
            Ok(())
        }

        fn end(self) -> Result<Option<TypeId>> {
            Ok(self.0)
        }
    }

    macro_rules! refuse {
        ($($method:ident($($ty:ty),*) -> $ok:ty;)*) => {$(
            fn $method(self, $(_: $ty),*) -> Result<$ok> {
                Err(other())
            }
        )*};
    }

    type Refused = Impossible<Option<TypeId>, Error>;

    impl Serializer for TypeOfData {
        type Ok = Option<TypeId>;
        type Error = Error;
        type SerializeSeq = Refused;
        type SerializeTuple = Refused;
        type SerializeTupleStruct = Refused;
        type SerializeTupleVariant = Refused;
        type SerializeMap = Refused;
        type SerializeStruct = Self;
        type SerializeStructVariant = Refused;

        fn serialize_struct(self, _: &'static str, _: usize) -> Result<Self> {
            Ok(self)
        }

        refuse! {
            serialize_bool(bool) -> Option<TypeId>;
            serialize_i8(i8) -> Option<TypeId>;
            serialize_i16(i16) -> Option<TypeId>;
            serialize_i32(i32) -> Option<TypeId>;
            serialize_i64(i64) -> Option<TypeId>;
            serialize_u8(u8) -> Option<TypeId>;
            serialize_u16(u16) -> Option<TypeId>;
            serialize_u32(u32) -> Option<TypeId>;
            serialize_u64(u64) -> Option<TypeId>;
            serialize_f32(f32) -> Option<TypeId>;
            serialize_f64(f64) -> Option<TypeId>;
            serialize_char(char) -> Option<TypeId>;
            serialize_str(&str) -> Option<TypeId>;
            serialize_bytes(&[u8]) -> Option<TypeId>;
            serialize_none() -> Option<TypeId>;
            serialize_unit() -> Option<TypeId>;
            serialize_unit_struct(&'static str) -> Option<TypeId>;
            serialize_unit_variant(&'static str, u32, &'static str) -> Option<TypeId>;
            serialize_seq(Option<usize>) -> Refused;
            serialize_tuple(usize) -> Refused;
            serialize_tuple_struct(&'static str, usize) -> Refused;
            serialize_tuple_variant(&'static str, u32, &'static str, usize) -> Refused;
            serialize_map(Option<usize>) -> Refused;
            serialize_struct_variant(&'static str, u32, &'static str, usize) -> Refused;
        }

        fn serialize_some<T: Serialize + ?Sized>(self, _: &T) -> Result<Option<TypeId>> {
            Err(other())
        }

        fn serialize_newtype_struct<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: &T,
        ) -> Result<Option<TypeId>> {
            Err(other())
        }

        fn serialize_newtype_variant<T: Serialize + ?Sized>(
            self,
            _: &'static str,
            _: u32,
            _: &'static str,
            _: &T,
        ) -> Result<Option<TypeId>> {
            Err(other())
        }
    }
}

#[cfg(all(test, feature = "ndarray"))]
mod tests {
    use super::*;

    #[test]
    fn ndarrays_own_lists_are_known() {
        let element = TypeId::of::<f32>();
        let lists: HashSet<TypeId> = of_ndarray::lists::<f32>().collect();
        assert_eq!(lists.len(), 5, "ndarray gives its elements in another way");
        assert!(lists.iter().all(|list| is_known(*list, element)));
        assert!(!lists.iter().any(|list| is_known(*list, TypeId::of::<u32>())));
        assert!(is_known(TypeId::of::<Vec<f32>>(), element));
        assert!(!is_known(TypeId::of::<Vec<Vec<f32>>>(), TypeId::of::<Vec<f32>>()));
    }
}
