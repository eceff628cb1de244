//! The tree of an archive that this crate wrote. `Npz::value` would read every array; this reads none: it goes over the object by
//! serde, knows from the directory which parts are arrays, and skips those.

use std::collections::HashMap;
use std::fmt;

use serde::de::{
    Deserialize, DeserializeSeed, Deserializer, EnumAccess, Error, IgnoredAny, MapAccess,
    SeqAccess, VariantAccess, Visitor,
};
use serde_shm::{ArrayInfo, Npz};

use crate::fault::Result;
use crate::tree::{Fold, Form, Head, Leaf, Node, Parts, join, join_number};

pub(crate) fn of_npz(file: &Npz, arrays: &[ArrayInfo], fold: Fold) -> Result<Node> {
    let known: HashMap<&str, &ArrayInfo> = arrays.iter().map(|info| (info.path(), info)).collect();
    let root = Outline { known: &known, path: String::new(), fold };
    Ok(root.deserialize(file.deserializer())?)
}

/// A part of the object that is to be shown.
struct Outline<'a> {
    known: &'a HashMap<&'a str, &'a ArrayInfo>,
    path: String,
    fold: Fold,
}

impl Outline<'_> {
    fn part(&self, path: String, fold: Fold) -> Self {
        Outline { known: self.known, path, fold }
    }

    fn parts(form: Form, parts: Vec<(String, Node)>, more: usize) -> Node {
        Node::Parts(Parts::new(form, parts, more))
    }
}

impl<'de> DeserializeSeed<'de> for Outline<'_> {
    type Value = Node;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        let name = if self.path.is_empty() { "arr_0" } else { &self.path };
        if let Some(info) = self.known.get(name) {
            IgnoredAny::deserialize(deserializer)?;
            return Ok(Node::Array(Box::new(Head::of_info(info))));
        }
        deserializer.deserialize_any(self)
    }
}

macro_rules! leaves {
    ($($method:ident $ty:ty, |$value:ident| $leaf:expr;)*) => {$(
        fn $method<E: Error>(self, $value: $ty) -> Result<Node, E> {
            Ok(Node::Leaf($leaf))
        }
    )*};
}

impl<'de> Visitor<'de> for Outline<'_> {
    type Value = Node;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("any value")
    }

    leaves! {
        visit_bool bool, |value| Leaf::Bool(value);
        visit_i64 i64, |value| Leaf::Int(value.into());
        visit_u64 u64, |value| Leaf::Int(value.into());
        visit_i128 i128, |value| Leaf::Int(value);
        visit_u128 u128, |value| i128::try_from(value).map_or(Leaf::Large(value), Leaf::Int);
        visit_f32 f32, |value| Leaf::Float(value.into(), format!("{value:?}"));
        visit_f64 f64, |value| Leaf::Float(value, format!("{value:?}"));
    }

    fn visit_str<E: Error>(self, text: &str) -> Result<Node, E> {
        Ok(Node::Leaf(self.fold.text(text)))
    }

    fn visit_bytes<E: Error>(self, bytes: &[u8]) -> Result<Node, E> {
        Ok(Node::Leaf(self.fold.byte_string(bytes)))
    }

    fn visit_unit<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Leaf::Nothing))
    }

    fn visit_none<E: Error>(self) -> Result<Node, E> {
        Ok(Node::Leaf(Leaf::Nothing))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Node, D::Error> {
        self.deserialize(deserializer)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Node, A::Error> {
        let Some(fold) = self.fold.deeper() else {
            while items.next_element::<IgnoredAny>()?.is_some() {}
            return Ok(Node::Leaf(Leaf::Deeper));
        };
        let (mut parts, mut more) = (Vec::new(), 0);
        while parts.len() < fold.parts {
            let name = parts.len().to_string();
            match items.next_element_seed(self.part(join(&self.path, &name), fold))? {
                Some(node) => parts.push((name, node)),
                None => return Ok(Outline::parts(Form::List, parts, 0)),
            }
        }
        while items.next_element::<IgnoredAny>()?.is_some() {
            more += 1;
        }
        Ok(Outline::parts(Form::List, parts, more))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Node, A::Error> {
        let Some(fold) = self.fold.deeper() else {
            while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
            return Ok(Node::Leaf(Leaf::Deeper));
        };
        let (mut parts, mut more) = (Vec::new(), 0);
        while let Some(Key(key)) = entries.next_key()? {
            if parts.len() >= fold.parts.max(FIELDS) {
                entries.next_value::<IgnoredAny>()?;
                more += 1;
                continue;
            }
            let path = match &key {
                Some(text) => join(&self.path, text),
                None => join_number(&self.path, parts.len()),
            };
            let name = key.unwrap_or_else(|| format!("#{}", parts.len()));
            parts.push((name, entries.next_value_seed(self.part(path, fold))?));
        }
        Ok(Outline::parts(Form::Map, parts, more))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Node, A::Error> {
        let (Key(name), content) = data.variant()?;
        let name = name.unwrap_or_default();
        let part = self.part(join(&self.path, &name), self.fold);
        let node = content.newtype_variant_seed(part)?;
        Ok(Outline::parts(Form::Map, vec![(name, node)], 0))
    }
}

/// A map cannot be told from a struct here, whose fields are not folded.
const FIELDS: usize = 64;

/// A key's text, or `None` for a key that is no text, number or bool.
struct Key(Option<String>);

impl<'de> Deserialize<'de> for Key {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        deserializer.deserialize_any(KeyVisitor)
    }
}

struct KeyVisitor;

macro_rules! key_texts {
    ($($method:ident $ty:ty;)*) => {$(
        fn $method<E: Error>(self, value: $ty) -> Result<Key, E> {
            Ok(Key(Some(value.to_string())))
        }
    )*};
}

impl<'de> Visitor<'de> for KeyVisitor {
    type Value = Key;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("a key")
    }

    key_texts! {
        visit_bool bool;
        visit_i64 i64;
        visit_u64 u64;
        visit_i128 i128;
        visit_u128 u128;
        visit_f32 f32;
        visit_f64 f64;
        visit_str &str;
    }

    fn visit_unit<E: Error>(self) -> Result<Key, E> {
        Ok(Key(None))
    }

    fn visit_none<E: Error>(self) -> Result<Key, E> {
        Ok(Key(None))
    }

    fn visit_bytes<E: Error>(self, _: &[u8]) -> Result<Key, E> {
        Ok(Key(None))
    }

    fn visit_some<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        IgnoredAny::deserialize(deserializer).map(|_| Key(None))
    }

    fn visit_newtype_struct<D: Deserializer<'de>>(self, deserializer: D) -> Result<Key, D::Error> {
        deserializer.deserialize_any(self)
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Key, A::Error> {
        while items.next_element::<IgnoredAny>()?.is_some() {}
        Ok(Key(None))
    }

    fn visit_map<A: MapAccess<'de>>(self, mut entries: A) -> Result<Key, A::Error> {
        while entries.next_entry::<IgnoredAny, IgnoredAny>()?.is_some() {}
        Ok(Key(None))
    }

    fn visit_enum<A: EnumAccess<'de>>(self, data: A) -> Result<Key, A::Error> {
        let (_, content) = data.variant::<IgnoredAny>()?;
        content.newtype_variant::<IgnoredAny>().map(|_| Key(None))
    }
}
