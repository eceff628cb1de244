//! What a visitor is, guessed by the name of its type.
//!
//! Serde gives a format no way to ask. Every guess here only chooses between ways that are both right for the object;
//! a visitor that is not recognised gets what every visitor must take.

use std::any::type_name;

/// Whether serde's derive wrote the visitor of a struct: it takes fields by position.
pub(super) fn is_derived(visitor: &'static str) -> bool {
    visitor.contains("::__Visitor")
}

/// Whether the visitor fills serde's buffer behind `flatten`, `untagged` and tagged enums (or one of this crate that is
/// called the same): it keeps newtypes, and with them arrays as they are.
pub(super) fn keeps_newtypes<V>() -> bool {
    let name = type_name::<V>();
    name.starts_with("serde") && name.contains("ContentVisitor")
}

/// Whether the visitor builds a value of a text format, which knows neither bytes nor keys that are no text.
pub(super) fn is_text_value<V>() -> bool {
    let name = type_name::<V>();
    name.contains("serde_json::") || name.contains("toml::") || name.contains("serde_yaml")
}

/// Whether the visitor makes a value of memory of its own, of as many elements as there are: `Vec<T>` and what is like it. It
/// cannot fail where there is no memory.
pub(super) fn is_collected<T>() -> bool {
    let name = type_name::<T>();
    ["alloc::", "std::collections::", "serde_bytes::bytebuf::"].iter().any(|s| name.starts_with(s))
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde::de::{Deserializer, Visitor};

    /// Fails with the name of the visitor's type.
    struct Names;

    impl<'de> Deserializer<'de> for Names {
        type Error = serde::de::value::Error;

        fn deserialize_any<V: Visitor<'de>>(self, _: V) -> Result<V::Value, Self::Error> {
            let found = (is_derived(type_name::<V>()), keeps_newtypes::<V>(), is_text_value::<V>());
            Err(serde::de::Error::custom(format_args!("{found:?}")))
        }

        serde::forward_to_deserialize_any! {
            bool i8 i16 i32 i64 i128 u8 u16 u32 u64 u128 f32 f64 char str string bytes byte_buf option unit unit_struct
            newtype_struct seq tuple tuple_struct map struct enum identifier ignored_any
        }
    }

    fn guess<T: for<'de> serde::Deserialize<'de>>() -> String {
        match T::deserialize(Names) {
            Ok(_) => String::new(),
            Err(error) => error.to_string(),
        }
    }

    #[derive(serde::Deserialize)]
    struct Derived<T> {
        #[allow(dead_code)]
        field: T,
    }

    #[derive(serde::Deserialize)]
    #[serde(untagged)]
    enum Untagged {
        #[allow(dead_code)]
        A(u8),
    }

    #[test]
    fn names_are_what_they_were_when_this_was_written() {
        assert_eq!(guess::<Derived<u8>>(), "(true, false, false)");
        assert_eq!(guess::<Untagged>(), "(false, true, false)");
        assert_eq!(guess::<serde_json::Value>(), "(false, false, true)");
        assert_eq!(guess::<String>(), "(false, false, false)");
    }
}
