//! Reads values from an archive that has no inline block: fields by the names of its arrays, sequences by number.

use std::borrow::Cow;
#[cfg(feature = "ndarray")]
use std::cell::Cell;

use serde::de::value::MapAccessDeserializer;
use serde::de::{DeserializeSeed, Deserializer, MapAccess, SeqAccess, Visitor};

use crate::array::TOKEN;
#[cfg(feature = "ndarray")]
use crate::array::UntypedArray;
#[cfg(feature = "ndarray")]
use crate::context::Forms;
use crate::context::{self, ContainerInfo, Form};
use crate::error::{Error, Result};
use crate::memory::Region;
use crate::stack;
use crate::store::{Node, Tree};
#[cfg(feature = "ndarray")]
use crate::value::{Builder, PlacedArray, VALUE, Walk};

use super::array::Array;
use super::bounds::Bounds;
use super::buffer::is_buffer;
use super::items;
use super::key::TextKey;
use super::ndarray_form::NDARRAY_FIELDS;
use super::object::{read_all, read_once};
#[cfg(feature = "ndarray")]
use super::value::visit_unknown;
#[cfg(feature = "ndarray")]
use super::walk::{Lists, Told};

/// The start of the names that NumPy gives to arrays that are saved without one. A number follows.
const UNNAMED: &str = "arr_";

/// How many steps a name may have, and how many options a type may ask for around a value.
const MAX_STEPS: u32 = 64;

/// Reads a value from an archive's arrays. Handles keep `region` alive, if arrays lie in it, or what they were loaded to.
///
/// # Errors
///
/// `Mismatch` if the arrays are not what the seed asks for; those of loading them.
pub(super) fn seed_from_tree<'de, S: DeserializeSeed<'de> + Clone>(
    seed: &S,
    tree: &Tree<'de>,
    region: Option<&Region>,
) -> Result<S::Value> {
    read_all(ContainerInfo { region, ..ContainerInfo::default() }, |_, short| {
        read(seed.clone(), tree, short)
    })
}

/// The same by a seed that is used up by one read.
pub(super) fn once_from_tree<'de, S: DeserializeSeed<'de>>(
    seed: S,
    tree: &Tree<'de>,
    region: Option<&Region>,
    keeps: bool,
) -> Result<S::Value> {
    read_once(ContainerInfo { region, ..ContainerInfo::default() }, 0, keeps, |_, short| {
        read(seed, tree, short)
    })
}

fn read<'de, S: DeserializeSeed<'de>>(
    seed: S,
    tree: &Tree<'de>,
    short: &mut Option<usize>,
) -> Result<S::Value> {
    let bounds = Bounds::new();
    let root = ByName { node: tree.root(), bounds: &bounds, depth: 0 };
    let result = seed.deserialize(root);
    *short = bounds.wants_stack();
    result
}

/// Walks over an archive's arrays. The parts of their names make maps, or lists if the parts are numbers.
///
/// # Errors
///
/// Those of the walk, and of loading the arrays.
#[cfg(feature = "ndarray")]
pub(super) fn walk_tree<'de, W: Walk<'de>, L: Lists<W>>(
    tree: &Tree<'de>,
    region: Option<&Region>,
    walk: &mut W,
) -> Result<()> {
    let container = ContainerInfo { region, ..ContainerInfo::default() };
    context::reading(container, &Forms::default(), &Cell::default(), || {
        let bounds = Bounds::new();
        ByName { node: tree.root(), bounds: &bounds, depth: 0 }.walk::<W, L>(walk)
    })
    .map_err(Error::out_of_serde)
}

/// A value of which only the arrays are known.
#[derive(Clone, Copy)]
struct ByName<'t, 'de> {
    node: Node<'t, 'de>,
    bounds: &'t Bounds,
    depth: u32,
}

impl<'t, 'de> ByName<'t, 'de> {
    /// Goes one step further in. Counts the step, because a name may have thousands of steps, and a type may ask for itself in options
    /// for ever.
    fn deeper(self, node: Node<'t, 'de>) -> Result<Self> {
        if self.depth >= MAX_STEPS {
            return Err(stack::too_deep(MAX_STEPS));
        }
        if self.bounds.is_due::<()>() {
            self.bounds.look(0, self.depth)?;
        }
        Ok(ByName { node, depth: self.depth + 1, ..self })
    }

    /// The array that stands here. At the root, this is the only array if it has no name.
    fn array(&self) -> Result<Array<'t, 'de>> {
        let node = self.unnamed().unwrap_or(self.node);
        let placed = node.array()?;
        if let Some(region) = &placed.region {
            context::add_region(region);
        }
        self.bounds.add_array(placed.bytes.len());
        let usual = if placed.shape.is_empty() { Form::Elements } else { Form::Token };
        Ok(Array::new(placed, Cow::Borrowed(node.name()), usual, self.bounds))
    }

    fn unnamed(&self) -> Option<Node<'t, 'de>> {
        if self.depth > 0 {
            return None;
        }
        match &self.node.children()[..] {
            [(name, node)] if name.strip_prefix(UNNAMED) == Some("0") => Some(*node),
            _ => None,
        }
    }

    fn is_array(&self) -> bool {
        self.node.has_array() || self.unnamed().is_some()
    }

    /// Walks over a place. If it has an array and others further in, it is a map, in which the array has an empty name.
    #[cfg(feature = "ndarray")]
    fn walk<W: Walk<'de>, L: Lists<W>>(self, walk: &mut W) -> Result<()> {
        let node = self.unnamed().unwrap_or(self.node);
        if !node.has_children() && node.has_array() {
            return self.walk_array::<W, L>(walk);
        }
        if !node.has_array()
            && node.has_children()
            && let Ok(items) = self.items()
        {
            walk.seq(Some(items.len()))?;
            for (place, item) in items.into_iter().enumerate() {
                self.deeper(item)?.walk::<W, L>(walk).map_err(|error| error.at_index(place))?;
            }
            return walk.end();
        }
        let children = self.node.children();
        walk.map(Some(children.len() + usize::from(node.has_array())))?;
        if node.has_array() {
            walk.text("")?;
            self.walk_array::<W, L>(walk)?;
        }
        for (name, node) in children {
            walk.text(name)?;
            self.deeper(node)?.walk::<W, L>(walk).map_err(|error| error.at_field(name))?;
        }
        walk.end()
    }

    #[cfg(feature = "ndarray")]
    fn walk_array<W: Walk<'de>, L: Lists<W>>(&self, walk: &mut W) -> Result<()> {
        let node = self.unnamed().unwrap_or(self.node);
        if let Some(array) = L::stand_in(walk, || Ok(node.name()))? {
            return walk.array(PlacedArray::new(array, false));
        }
        let placed = node.array()?;
        if let Some(region) = &placed.region {
            context::add_region(region);
        }
        walk.array(PlacedArray::new(UntypedArray::of_read(placed)?, false))
    }

    /// The items of a sequence: children named by number, or as NumPy names arrays without a name.
    fn items(&self) -> Result<Vec<Node<'t, 'de>>> {
        let mut items = Vec::new();
        for (name, node) in self.node.children() {
            let digits = if self.depth == 0 { name.strip_prefix(UNNAMED) } else { None };
            let number = digits.unwrap_or(name).parse::<usize>().map_err(|_| {
                Error::mismatch(format!(
                    "expected a sequence of arrays named by number, found `{name}`"
                ))
            })?;
            items.push((number, node));
        }
        items.sort_by_key(|(number, _)| *number);
        match items.iter().enumerate().find(|(place, (number, _))| place != number) {
            None => Ok(items.into_iter().map(|(_, node)| node).collect()),
            Some((place, (number, _))) => Err(Error::mismatch(format!(
                "expected arrays numbered from 0 without gaps: there is no {place}, or two of it, before {number}"
            ))),
        }
    }

    /// What stands here, as an error says it.
    fn summary(&self) -> String {
        const SHOWN: usize = 8;
        let children = self.node.children();
        let names: Vec<String> =
            children.iter().take(SHOWN).map(|(name, _)| format!("`{name}`")).collect();
        match children.len() {
            0 => "there are no arrays".to_owned(),
            count if count > SHOWN => {
                format!("there are {} and {} more", names.join(", "), count - SHOWN)
            }
            _ => format!("there are {}", names.join(", ")),
        }
    }

    fn children(self) -> Children<'t, 'de> {
        Children { parent: self, left: self.node.children().into_iter(), value: None }
    }

    /// Everything here as a map: an array that stands beside others further in has an empty name.
    fn map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if !self.node.has_array() {
            return self.fields(visitor);
        }
        let mut entries = vec![("", self.node.alone())];
        entries.extend(self.node.children());
        self.fields_of(Children { parent: self, left: entries.into_iter(), value: None }, visitor)
    }

    /// What stands further in, for a type that says the names. An array that stands here is not asked for.
    fn fields<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        self.fields_of(self.children(), visitor)
    }

    fn fields_of<V: Visitor<'de>>(
        self,
        mut children: Children<'t, 'de>,
        visitor: V,
    ) -> Result<V::Value> {
        match visitor.visit_map(&mut children) {
            Ok(value) => match children.left.next() {
                None => Ok(value),
                Some((name, _)) => {
                    Err(Error::mismatch(format!("the array or group `{name}` was not asked for")))
                }
            },
            // A field is missing. It may have another name in this archive.
            Err(error) if error.path().is_none() => Err(error.with_note(self.summary())),
            Err(error) => Err(error),
        }
    }
}

/// Requests that only an array can answer.
macro_rules! arrays {
    ($($method:ident)*) => {$(
        fn $method<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
            self.array()?.$method(visitor)
        }
    )*};
}

impl<'de> Deserializer<'de> for ByName<'_, 'de> {
    type Error = Error;

    fn is_human_readable(&self) -> bool {
        false
    }

    arrays! {
        deserialize_bool deserialize_i8 deserialize_i16 deserialize_i32 deserialize_i64 deserialize_i128
        deserialize_u8 deserialize_u16 deserialize_u32 deserialize_u64 deserialize_u128 deserialize_f32
        deserialize_f64 deserialize_char deserialize_str deserialize_string deserialize_identifier
        deserialize_bytes deserialize_byte_buf
    }

    fn deserialize_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        let is_both = self.node.has_array() && self.node.has_children();
        if self.is_array() && !is_both {
            return self.array()?.deserialize_any(visitor);
        }
        if is_buffer::<V>() {
            // The visitor fills serde's buffer. When that is read out, nothing checks the stack. Names have few steps.
            self.bounds.check_levels(self.node.steps() + self.depth as usize)?;
        }
        if self.node.has_children() && !is_both && self.items().is_ok() {
            return self.deserialize_seq(visitor);
        }
        self.map(visitor)
    }

    fn deserialize_option<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_some(self.deeper(self.node)?)
    }

    fn deserialize_unit<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_unit_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        visitor.visit_unit()
    }

    fn deserialize_newtype_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        visitor: V,
    ) -> Result<V::Value> {
        #[cfg(feature = "ndarray")]
        if name == VALUE {
            let mut builder = Builder::default();
            self.walk::<_, Told>(&mut builder)?;
            return visit_unknown(builder, visitor);
        }
        if name == TOKEN || self.is_array() {
            return self.array()?.deserialize_newtype_struct(name, visitor);
        }
        visitor.visit_newtype_struct(self.deeper(self.node)?)
    }

    fn deserialize_seq<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.is_array() {
            return self.array()?.deserialize_seq(visitor);
        }
        let items = self.items()?;
        let len = items.len();
        let mut items = Numbered { parent: self, left: items.into_iter(), done: 0 };
        let value = visitor.visit_seq(&mut items)?;
        match items.left.len() {
            0 => Ok(value),
            left => Err(Error::mismatch(format!("expected {} elements, found {len}", len - left))),
        }
    }

    fn deserialize_tuple<V: Visitor<'de>>(self, _: usize, visitor: V) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_tuple_struct<V: Visitor<'de>>(
        self,
        _: &'static str,
        _: usize,
        visitor: V,
    ) -> Result<V::Value> {
        self.deserialize_seq(visitor)
    }

    fn deserialize_map<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        if self.node.has_array() && !self.node.has_children() {
            return self.array()?.deserialize_map(visitor);
        }
        self.map(visitor)
    }

    fn deserialize_struct<V: Visitor<'de>>(
        self,
        name: &'static str,
        fields: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        // The array that ndarray asks for may have no name.
        let is_ndarray = name == "Array" && fields == NDARRAY_FIELDS;
        if self.is_array() && (is_ndarray || !self.node.has_children()) {
            return self.array()?.deserialize_struct(name, fields, visitor);
        }
        self.fields(visitor)
    }

    fn deserialize_enum<V: Visitor<'de>>(
        self,
        name: &'static str,
        variants: &'static [&'static str],
        visitor: V,
    ) -> Result<V::Value> {
        if self.node.has_children() && self.unnamed().is_none() {
            // Serde would take the first and say nothing of the others.
            if let [(one, _), (other, _), ..] = &self.node.children()[..] {
                return Err(Error::mismatch(format!(
                    "expected one variant of `{name}`, found `{one}` and `{other}`"
                )));
            }
            let fields = MapAccessDeserializer::new(self.children());
            return fields.deserialize_enum(name, variants, visitor);
        }
        self.array()?.deserialize_enum(name, variants, visitor)
    }

    /// An array that the type ignores is not loaded.
    fn deserialize_ignored_any<V: Visitor<'de>>(self, visitor: V) -> Result<V::Value> {
        visitor.visit_unit()
    }
}

/// The items of a sequence.
struct Numbered<'t, 'de> {
    parent: ByName<'t, 'de>,
    left: std::vec::IntoIter<Node<'t, 'de>>,
    done: usize,
}

impl<'de> SeqAccess<'de> for &mut Numbered<'_, 'de> {
    type Error = Error;

    fn next_element_seed<T: DeserializeSeed<'de>>(&mut self, seed: T) -> Result<Option<T::Value>> {
        let Some(node) = self.left.next() else { return Ok(None) };
        self.done += 1;
        let item = self.parent.deeper(node)?;
        seed.deserialize(item).map(Some).map_err(|error| error.at_index(self.done - 1))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}

/// The fields of a struct, or the entries of a map.
struct Children<'t, 'de> {
    parent: ByName<'t, 'de>,
    left: std::vec::IntoIter<(&'de str, Node<'t, 'de>)>,
    value: Option<(&'de str, Node<'t, 'de>)>,
}

impl<'de> MapAccess<'de> for Children<'_, 'de> {
    type Error = Error;

    fn next_key_seed<K: DeserializeSeed<'de>>(&mut self, seed: K) -> Result<Option<K::Value>> {
        if self.value.is_some() {
            return Err(items::untaken());
        }
        self.value = self.left.next();
        let Some((name, _)) = self.value else { return Ok(None) };
        seed.deserialize(TextKey(name)).map(Some)
    }

    fn next_value_seed<V: DeserializeSeed<'de>>(&mut self, seed: V) -> Result<V::Value> {
        let (name, node) = self.value.take().ok_or_else(items::unnamed)?;
        seed.deserialize(self.parent.deeper(node)?).map_err(|error| error.at_field(name))
    }

    fn size_hint(&self) -> Option<usize> {
        Some(self.left.len())
    }
}
