//! Seeds: what is read is told more than its type.

use std::fmt;

use serde::Deserializer;
use serde::de::{DeserializeSeed, Error, SeqAccess, Visitor};

use super::Made;

/// Fills memory that is there.
struct Fill<'a>(&'a mut Vec<f64>);

impl<'de> DeserializeSeed<'de> for Fill<'_> {
    type Value = ();

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<(), D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Fill<'_> {
    type Value = ();

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("numbers")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<(), A::Error> {
        while let Some(item) = items.next_element()? {
            if self.0.len() == self.0.capacity() {
                return Err(A::Error::custom("more numbers than there is room for"));
            }
            self.0.push(item);
        }
        Ok(())
    }
}

#[test]
fn memory_that_is_there_is_filled() {
    let numbers: Vec<f64> = (0..1000).map(f64::from).collect();
    for made in [Made::of(&numbers), Made::of(&ndarray::Array1::from(numbers.clone()))] {
        for deserializer in made.deserializers() {
            let mut room = Vec::with_capacity(1000);
            let place = room.as_ptr();
            Fill(&mut room).deserialize(deserializer).unwrap();
            assert_eq!((&room, room.as_ptr()), (&numbers, place));
            let error = Fill(&mut room).deserialize(deserializer).unwrap_err();
            assert!(error.to_string().contains("than there is room for"), "{error}");
        }
    }
}

/// Numbers that each text is given, in the order in which they are first met.
#[derive(Clone)]
struct Interned<'n>(&'n std::cell::RefCell<Vec<String>>);

impl<'de> DeserializeSeed<'de> for Interned<'_> {
    type Value = Vec<usize>;

    fn deserialize<D: Deserializer<'de>>(self, deserializer: D) -> Result<Vec<usize>, D::Error> {
        deserializer.deserialize_seq(self)
    }
}

impl<'de> Visitor<'de> for Interned<'_> {
    type Value = Vec<usize>;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("texts")
    }

    fn visit_seq<A: SeqAccess<'de>>(self, mut items: A) -> Result<Vec<usize>, A::Error> {
        let mut found = Vec::new();
        while let Some(text) = items.next_element::<&str>()? {
            let mut names = self.0.borrow_mut();
            let known = names.iter().position(|name| name == text);
            found.push(known.unwrap_or_else(|| {
                names.push(text.to_owned());
                names.len() - 1
            }));
        }
        Ok(found)
    }
}

#[test]
fn a_seed_has_a_state() {
    let made = Made::of(&["b", "a", "b", "c"]);
    for deserializer in made.deserializers() {
        let names = std::cell::RefCell::new(vec!["c".to_owned()]);
        assert_eq!(Interned(&names).deserialize(deserializer).unwrap(), [1, 2, 1, 0]);
        assert_eq!(*names.borrow(), ["c", "b", "a"]);
    }
    let names = std::cell::RefCell::default();
    let seed = Interned(&names);
    assert_eq!(made.block.get_seed(seed.clone()).unwrap(), [0, 1, 0, 2]);
    assert_eq!(made.segment.get_seed(seed.clone()).unwrap(), [0, 1, 0, 2]);
    assert_eq!(made.file.get_seed(seed.clone()).unwrap(), [0, 1, 0, 2]);
    assert_eq!(made.npz.get_seed(seed).unwrap(), [0, 1, 0, 2]);
}
