//! A value under each of serde's wrappers, and as the value behind every kind of key.

use std::cell::{Cell, RefCell};
use std::fmt;
use std::marker::PhantomData;
use std::rc::Rc;

use arbitrary::{Result, Unstructured};
use serde::de::{
    Deserialize, DeserializeOwned, DeserializeSeed, Deserializer, Error, MapAccess, Visitor,
};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::expect::Same;
use crate::value::{Make, Value};

thread_local! {
    /// What the next `Probe` on this thread asks for.
    static WANTED: RefCell<Option<Rc<Value>>> = const { RefCell::new(None) };
    /// The keys of the next `Keyed` on this thread.
    static KEY: Cell<Key> = const { Cell::new(Key::Bool) };
}

fn ask<'de, D: Deserializer<'de>>(d: D) -> std::result::Result<(), D::Error> {
    let wanted = WANTED.with_borrow(Clone::clone).expect("a value is set while something is read");
    Same(&wanted).deserialize(d)
}

/// A field of any type: writes the value that is set, and asks for it as what it was.
pub struct Probe;

impl Serialize for Probe {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        WANTED.with_borrow(Clone::clone).expect("a value is set").serialize(s)
    }
}

impl<'de> Deserialize<'de> for Probe {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        ask(d).map(|()| Probe)
    }
}

/// Writes the value that is set, and asks for it.
trait Field: Serialize + DeserializeOwned {
    const FIELD: Self;
}

impl Field for Probe {
    const FIELD: Self = Probe;
}

impl Field for my_toml::Probe {
    const FIELD: Self = my_toml::PROBE;
}

/// The same in a module whose name says the name of a format.
pub mod my_toml {
    use serde::{Deserialize, Deserializer, Serialize};

    #[derive(Serialize)]
    #[serde(transparent)]
    pub struct Probe(super::Probe);

    pub const PROBE: Probe = Probe(super::Probe);

    impl<'de> Deserialize<'de> for Probe {
        fn deserialize<D: Deserializer<'de>>(d: D) -> Result<Self, D::Error> {
            super::ask(d).map(|()| PROBE)
        }
    }
}

macro_rules! derived {
    ($($item:item)*) => {$(
        #[derive(serde::Serialize, serde::Deserialize)]
        $item
    )*};
}

derived! {
    struct Plain { before: u8, inner: Probe, behind: u16 }

    struct Flat {
        before: u8,
        #[serde(flatten)]
        inner: Probe,
        behind: u16,
    }

    #[serde(untagged)]
    enum Untagged { Only(Probe) }

    struct HoldsUntagged { inner: Untagged, behind: u16 }

    #[serde(tag = "$tag")]
    enum Internal { Only(Probe) }

    #[serde(tag = "$tag", content = "$content")]
    enum Adjacent { Only(Probe) }

    struct FlatUntagged {
        #[serde(flatten)]
        inner: Untagged,
        behind: u16,
    }

    #[serde(tag = "$kind")]
    enum InternalFlat { Only(Flat) }

    #[derive(Debug, PartialEq)]
    enum KeyEnum { A, B(u8) }

    #[derive(Debug, PartialEq)]
    struct KeyNewtype(u32);
}

/// An adjacently tagged enum whose content stands before its tag, so that serde buffers it.
struct ContentFirst;

impl Serialize for ContentFirst {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = s.serialize_map(Some(2))?;
        map.serialize_entry("$content", &Probe)?;
        map.serialize_entry("$tag", "Only")?;
        map.end()
    }
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Wrapper {
    Bare,
    Plain,
    Option,
    Flat,
    Untagged,
    Internal,
    Adjacent,
    ContentFirst,
    FlatUntagged,
    InternalFlat,
    Key(Key),
    /// Behind a key of that kind, where the type of the value has the name of a format in its own.
    NamedKey(Key),
}

#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub enum Key {
    Bool,
    I8,
    I128,
    U32,
    U64,
    Char,
    Text,
    Option,
    Tuple,
    Enum,
    Newtype,
}

const WRAPPERS: [Wrapper; 10] = [
    Wrapper::Bare,
    Wrapper::Plain,
    Wrapper::Option,
    Wrapper::Flat,
    Wrapper::Untagged,
    Wrapper::Internal,
    Wrapper::Adjacent,
    Wrapper::ContentFirst,
    Wrapper::FlatUntagged,
    Wrapper::InternalFlat,
];

const KEYS: [Key; 11] = [
    Key::Bool,
    Key::I8,
    Key::I128,
    Key::U32,
    Key::U64,
    Key::Char,
    Key::Text,
    Key::Option,
    Key::Tuple,
    Key::Enum,
    Key::Newtype,
];

/// What is done with a value in a wrapper: its type is not known before.
pub trait Run {
    type Out;
    fn run<T: Serialize + DeserializeOwned>(self, value: &T) -> Self::Out;
}

impl Wrapper {
    pub fn arbitrary(u: &mut Unstructured<'_>) -> Result<Wrapper> {
        Ok(match u.int_in_range(0..=15)? {
            at @ 0..=9 => WRAPPERS[at],
            10..=12 => Wrapper::Key(*u.choose(&KEYS)?),
            _ => Wrapper::NamedKey(*u.choose(&KEYS)?),
        })
    }

    /// A value that this wrapper takes.
    pub fn value(self, make: Make, u: &mut Unstructured<'_>) -> Result<Value> {
        if self.wants_names() { make.named(u) } else { make.value(u) }
    }

    fn wants_names(self) -> bool {
        use Wrapper::{Flat, FlatUntagged, Internal, InternalFlat};
        matches!(self, Flat | FlatUntagged | Internal | InternalFlat)
    }

    /// Whether serde keeps what it reads in a buffer of its own before it asks what it was.
    pub fn is_buffered(self) -> bool {
        use Wrapper::{ContentFirst, Flat, FlatUntagged, Internal, InternalFlat, Untagged};
        matches!(self, Flat | FlatUntagged | Internal | InternalFlat | Untagged | ContentFirst)
    }

    /// Whether serde keeps what it writes of a tuple or struct variant.
    pub fn is_buffered_in_writing(self) -> bool {
        use Wrapper::{Flat, FlatUntagged, Internal, InternalFlat};
        matches!(self, Flat | FlatUntagged | Internal | InternalFlat)
    }

    /// Runs this on the value in its wrapper.
    pub fn with<R: Run>(self, value: &Rc<Value>, run: R) -> R::Out {
        struct Guard;
        impl Drop for Guard {
            fn drop(&mut self) {
                WANTED.set(None);
            }
        }
        WANTED.set(Some(value.clone()));
        let _guard = Guard;
        match self {
            Wrapper::Bare => run.run(&Probe),
            Wrapper::Plain => run.run(&Plain { before: 1, inner: Probe, behind: 2 }),
            Wrapper::Option => run.run(&(Some(Probe), 7_u8)),
            Wrapper::Flat => run.run(&Flat { before: 1, inner: Probe, behind: 2 }),
            Wrapper::Untagged => {
                run.run(&HoldsUntagged { inner: Untagged::Only(Probe), behind: 2 })
            }
            Wrapper::Internal => run.run(&Internal::Only(Probe)),
            Wrapper::Adjacent => run.run(&Adjacent::Only(Probe)),
            Wrapper::ContentFirst => run.run(&Late(ContentFirst)),
            Wrapper::FlatUntagged => {
                run.run(&FlatUntagged { inner: Untagged::Only(Probe), behind: 2 })
            }
            Wrapper::InternalFlat => {
                run.run(&InternalFlat::Only(Flat { before: 1, inner: Probe, behind: 2 }))
            }
            Wrapper::Key(key) => {
                KEY.set(key);
                run.run(&Keyed::<Probe>(PhantomData))
            }
            Wrapper::NamedKey(key) => {
                KEY.set(key);
                run.run(&Keyed::<my_toml::Probe>(PhantomData))
            }
        }
    }
}

/// Written content first, read as the derived enum.
struct Late(ContentFirst);

impl Serialize for Late {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        self.0.serialize(s)
    }
}

impl<'de> Deserialize<'de> for Late {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        Adjacent::deserialize(d).map(|Adjacent::Only(Probe)| Late(ContentFirst))
    }
}

/// A map whose keys are of the kind that is set, with the value behind each. It is one type for all kinds: what a container
/// does with a map is then compiled once.
struct Keyed<F>(PhantomData<F>);

/// Calls `$entries!` with the keys of a kind.
macro_rules! with_keys {
    ($entries:ident) => {
        match KEY.get() {
            Key::Bool => $entries!([false, true]),
            Key::I8 => $entries!([-1_i8, 5]),
            Key::I128 => $entries!([i128::MIN, 1]),
            Key::U32 => $entries!([3_u32]),
            Key::U64 => $entries!([0, u64::MAX]),
            Key::Char => $entries!(['ä']),
            Key::Text => $entries!([String::new(), "a.b".to_owned()]),
            Key::Option => $entries!([None, Some(1_u8)]),
            Key::Tuple => $entries!([(1_u8, 2_u8)]),
            Key::Enum => $entries!([KeyEnum::A, KeyEnum::B(1)]),
            Key::Newtype => $entries!([KeyNewtype(4)]),
        }
    };
}

impl<F: Field> Serialize for Keyed<F> {
    fn serialize<S: Serializer>(&self, s: S) -> std::result::Result<S::Ok, S::Error> {
        macro_rules! write {
            ($keys:expr) => {{
                let keys = $keys;
                let mut map = s.serialize_map(Some(keys.len()))?;
                for key in &keys {
                    map.serialize_entry(key, &F::FIELD)?;
                }
                map.end()
            }};
        }
        with_keys!(write)
    }
}

impl<'de, F: Field> Deserialize<'de> for Keyed<F> {
    fn deserialize<D: Deserializer<'de>>(d: D) -> std::result::Result<Self, D::Error> {
        d.deserialize_map(Keyed(PhantomData))
    }
}

impl<'de, F: Field> Visitor<'de> for Keyed<F> {
    type Value = Self;

    fn expecting(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "a map of {:?} keys", KEY.get())
    }

    fn visit_map<M: MapAccess<'de>>(self, mut map: M) -> std::result::Result<Self, M::Error> {
        fn same_keys<'de, K, F, M>(map: &mut M, keys: &[K]) -> std::result::Result<(), M::Error>
        where
            K: Deserialize<'de> + PartialEq + fmt::Debug,
            F: Deserialize<'de>,
            M: MapAccess<'de>,
        {
            for key in keys {
                let found = map.next_entry::<K, F>()?.map(|(found, _)| found);
                if found.as_ref() != Some(key) {
                    return Err(M::Error::custom(format_args!("the key {key:?} became {found:?}")));
                }
            }
            match map.next_key::<K>()? {
                None => Ok(()),
                Some(key) => Err(M::Error::custom(format_args!("there is a key {key:?} too many"))),
            }
        }
        macro_rules! read {
            ($keys:expr) => {
                same_keys::<_, F, M>(&mut map, &$keys)?
            };
        }
        with_keys!(read);
        Ok(self)
    }
}
