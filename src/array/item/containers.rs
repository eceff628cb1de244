//! Arrays inside options, maps and tuples.

use std::collections::{BTreeMap, HashMap};
use std::fmt;
use std::hash::{BuildHasher, Hash};
use std::marker::PhantomData;

use serde::de::{Deserialize, Deserializer, Error, MapAccess, SeqAccess, Visitor};
use serde::ser::{Serialize, SerializeMap, SerializeTuple, Serializer};

use super::nested::{Item, ItemSeed};
use super::{DeserializeArray, DeserializeItem, SerializeArray, SerializeItem};

impl<T: SerializeArray> SerializeArray for Option<T> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Some(value) => serializer.serialize_some(&Item(value)),
            None => serializer.serialize_none(),
        }
    }
}

struct OptionVisitor<T>(PhantomData<T>);

impl<'de, T: DeserializeArray<'de>> Visitor<'de> for OptionVisitor<T> {
    type Value = Option<T>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("an optional array")
    }

    fn visit_none<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_unit<E: Error>(self) -> Result<Self::Value, E> {
        Ok(None)
    }

    fn visit_some<D: Deserializer<'de>>(self, d: D) -> Result<Self::Value, D::Error> {
        T::deserialize_array(d).map(Some)
    }
}

impl<'de, T: DeserializeArray<'de>> DeserializeArray<'de> for Option<T> {
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_option(OptionVisitor(PhantomData))
    }
}

fn serialize_map<'a, K: Serialize + 'a, V: SerializeArray + 'a, S: Serializer>(
    len: usize,
    entries: impl Iterator<Item = (&'a K, &'a V)>,
    serializer: S,
) -> Result<S::Ok, S::Error> {
    let mut map = serializer.serialize_map(Some(len))?;
    for (key, value) in entries {
        map.serialize_entry(key, &Item(value))?;
    }
    map.end()
}

struct MapVisitor<M, K, V>(PhantomData<(M, K, V)>);

impl<'de, M, K, V> Visitor<'de> for MapVisitor<M, K, V>
where
    M: Default + Extend<(K, V)>,
    K: Deserialize<'de>,
    V: DeserializeArray<'de>,
{
    type Value = M;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a map of arrays")
    }

    fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<M, A::Error> {
        let mut entries = M::default();
        while let Some(key) = map.next_key()? {
            entries.extend([(key, map.next_value_seed(ItemSeed(PhantomData))?)]);
        }
        Ok(entries)
    }
}

impl<K: Serialize, V: SerializeArray, H> SerializeArray for HashMap<K, V, H> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_map(self.len(), self.iter(), serializer)
    }
}

impl<'de, K, V, H> DeserializeArray<'de> for HashMap<K, V, H>
where
    K: Deserialize<'de> + Eq + Hash,
    V: DeserializeArray<'de>,
    H: BuildHasher + Default,
{
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(MapVisitor::<Self, K, V>(PhantomData))
    }
}

impl<K: Serialize, V: SerializeArray> SerializeArray for BTreeMap<K, V> {
    fn serialize_array<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serialize_map(self.len(), self.iter(), serializer)
    }
}

impl<'de, K, V> DeserializeArray<'de> for BTreeMap<K, V>
where
    K: Deserialize<'de> + Ord,
    V: DeserializeArray<'de>,
{
    fn deserialize_array<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
        d.deserialize_map(MapVisitor::<Self, K, V>(PhantomData))
    }
}

macro_rules! tuples {
    ($($len:literal: $($name:ident $index:tt)*;)*) => {$(
        impl<$($name: SerializeItem),*> SerializeArray for ($($name,)*) {
            fn serialize_array<Z: Serializer>(&self, serializer: Z) -> Result<Z::Ok, Z::Error> {
                let mut tuple = serializer.serialize_tuple($len)?;
                $(tuple.serialize_element(&Item(&self.$index))?;)*
                tuple.end()
            }
        }

        impl<'de, $($name: DeserializeItem<'de>),*> DeserializeArray<'de> for ($($name,)*) {
            fn deserialize_array<Z: Deserializer<'de>>(d: Z) -> Result<Self, Z::Error> {
                struct TupleVisitor<T>(PhantomData<T>);

                impl<'de, $($name: DeserializeItem<'de>),*> Visitor<'de> for TupleVisitor<($($name,)*)> {
                    type Value = ($($name,)*);

                    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
                        write!(f, "a tuple of {} elements", $len)
                    }

                    fn visit_seq<Z: SeqAccess<'de>>(self, mut seq: Z) -> Result<Self::Value, Z::Error> {
                        Ok(($(
                            match seq.next_element_seed(ItemSeed::<$name>(PhantomData))? {
                                Some(item) => item,
                                None => return Err(Z::Error::invalid_length($index, &self)),
                            },
                        )*))
                    }
                }

                d.deserialize_tuple($len, TupleVisitor(PhantomData))
            }
        }
    )*};
}

tuples! {
    1: A 0;
    2: A 0 B 1;
    3: A 0 B 1 C 2;
    4: A 0 B 1 C 2 D 3;
    5: A 0 B 1 C 2 D 3 E 4;
    6: A 0 B 1 C 2 D 3 E 4 F 5;
}
