//! An object as a tree that can be shown: of a container's value, or of the names of arrays alone.

use std::fmt::Write;

use serde::ser::{Serialize, SerializeMap, SerializeSeq, Serializer};
use serde_shm::value::{Names, RecordKind, Value};
use serde_shm::{ArrayInfo, DType, LiveKind, Order, UntypedArray, UntypedLive};

use crate::fault::Result;
use crate::nest::{self, Nest};
use crate::stats::JsonNumber;
use crate::target::Target;

/// A part of an object.
pub(crate) enum Node {
    Leaf(Leaf),
    Array(Box<Head>),
    Parts(Parts),
}

#[derive(Debug)]
pub(crate) enum Leaf {
    Nothing,
    Bool(bool),
    Int(i128),
    /// It is beyond an `i128`.
    Large(u128),
    Float(f64, String),
    /// The beginning of a text, and how many bytes more it has.
    Text(String, usize),
    Bytes(Vec<u8>, usize),
    /// An enum's variant without fields.
    Variant(String),
    /// What lies deeper than was asked for.
    Deeper,
}

#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Form {
    List,
    Map,
    Record,
}

pub(crate) struct Parts {
    pub(crate) form: Form,
    /// The name of a struct or variant, if it is known.
    pub(crate) title: String,
    /// Each part with what it is called.
    pub(crate) children: Vec<(String, Node)>,
    /// How many parts are left out.
    pub(crate) more: usize,
    /// The step that an enum's variant adds to the paths of its parts.
    pub(crate) variant: Option<String>,
    /// Whether the one part has no step of its own.
    pub(crate) is_newtype: bool,
}

impl Parts {
    pub(crate) fn new(form: Form, children: Vec<(String, Node)>, more: usize) -> Self {
        Parts { form, title: String::new(), children, more, variant: None, is_newtype: false }
    }
}

/// What is said of an array, and where its elements are.
pub(crate) struct Head {
    pub(crate) path: String,
    pub(crate) dtype: DType,
    pub(crate) shape: Vec<usize>,
    pub(crate) order: Option<Order>,
    pub(crate) bytes: u64,
    pub(crate) live: Option<LiveKind>,
    source: ElementSource,
}

/// Where the elements of an array are.
enum ElementSource {
    Here(UntypedArray),
    Live(Box<UntypedLive>),
    /// In an archive: to be read by the path.
    Away,
}

impl Head {
    fn of_array(path: &str, array: &UntypedArray) -> Self {
        Head {
            path: named(path),
            dtype: array.dtype().clone(),
            shape: array.shape().to_vec(),
            order: array.order(),
            bytes: (array.len() * array.dtype().item_size()) as u64,
            live: None,
            source: ElementSource::Here(array.clone()),
        }
    }

    fn of_live(path: &str, array: &UntypedLive) -> Self {
        let count: usize = array.shape().iter().product();
        Head {
            path: named(path),
            dtype: array.dtype().clone(),
            shape: array.shape().to_vec(),
            order: None,
            bytes: (count * array.dtype().item_size()) as u64,
            live: Some(array.kind()),
            source: ElementSource::Live(Box::new(array.clone())),
        }
    }

    pub(crate) fn of_info(info: &ArrayInfo) -> Self {
        Head {
            path: info.path().to_owned(),
            dtype: info.dtype().clone(),
            shape: info.shape().to_vec(),
            order: Some(info.order()),
            bytes: info.byte_len() as u64,
            live: None,
            source: ElementSource::Away,
        }
    }

    /// The elements; of a live array, those that it has now.
    pub(crate) fn load(&self, target: &Target) -> Result<UntypedArray> {
        match &self.source {
            ElementSource::Here(array) => Ok(array.clone()),
            ElementSource::Live(array) => Ok(array.snapshot()?),
            ElementSource::Away => target.array(&self.path),
        }
    }

    /// The order of the elements, where the shape makes a difference.
    pub(crate) fn order_text(&self) -> &'static str {
        let axes = self.shape.iter().filter(|len| **len > 1).count();
        match self.order {
            Some(Order::F) => "F",
            Some(Order::C) if axes > 1 => "C",
            _ => "",
        }
    }

    pub(crate) fn live_text(&self) -> Option<&'static str> {
        self.live.map(|kind| match kind {
            LiveKind::Atomic => "atomic",
            LiveKind::Locked => "locked",
        })
    }
}

fn named(path: &str) -> String {
    if path.is_empty() { "arr_0".to_owned() } else { path.to_owned() }
}

/// How much of an object is shown.
#[derive(Clone, Copy)]
pub(crate) struct Fold {
    /// Parts of a list or map.
    pub(crate) parts: usize,
    /// Bytes of a text or byte string.
    pub(crate) bytes: usize,
    pub(crate) depth: usize,
}

impl Fold {
    pub(crate) fn deeper(self) -> Option<Self> {
        Some(Fold { depth: self.depth.checked_sub(1)?, ..self })
    }

    pub(crate) fn text(self, text: &str) -> Leaf {
        let is_fit = |end: &usize| text.is_char_boundary(*end);
        let end = (0..=text.len().min(self.bytes)).rev().find(is_fit).unwrap_or(0);
        Leaf::Text(text[..end].to_owned(), text.len() - end)
    }

    pub(crate) fn byte_string(self, bytes: &[u8]) -> Leaf {
        let end = bytes.len().min(self.bytes);
        Leaf::Bytes(bytes[..end].to_vec(), bytes.len() - end)
    }
}

/// A path and one more step, which is escaped as in the paths of arrays.
pub(crate) fn join(path: &str, step: &str) -> String {
    let mut joined = path.to_owned();
    if !joined.is_empty() {
        joined.push('.');
    }
    if step.is_empty() {
        joined.push('%');
    }
    for char in step.chars() {
        if char.is_control() || "./\\%#~:".contains(char) {
            for byte in char.encode_utf8(&mut [0; 4]).bytes() {
                // Writing to a string does not fail.
                let _ = write!(joined, "%{byte:02X}");
            }
        } else {
            joined.push(char);
        }
    }
    joined
}

/// The path of a map's entry whose key has no text.
pub(crate) fn join_number(path: &str, entry: usize) -> String {
    if path.is_empty() { format!("#{entry}") } else { format!("{path}.#{entry}") }
}

/// The tree of a value.
pub(crate) fn of_value(value: &Value, path: &str, fold: Fold) -> Node {
    let leaf = |leaf| Node::Leaf(leaf);
    match value {
        Value::Unit | Value::Optional(None) => leaf(Leaf::Nothing),
        Value::Bool(value) => leaf(Leaf::Bool(*value)),
        Value::F32(value) => leaf(Leaf::Float((*value).into(), format!("{value:?}"))),
        Value::F64(value) => leaf(Leaf::Float(*value, format!("{value:?}"))),
        Value::Char(value) => leaf(fold.text(value.encode_utf8(&mut [0; 4]))),
        Value::Text(text) => leaf(fold.text(text)),
        Value::Bytes(bytes) => leaf(fold.byte_string(bytes)),
        Value::Optional(Some(value)) | Value::Readable(value) => of_value(value, path, fold),
        Value::Named(name, value) => match of_value(value, path, fold) {
            Node::Parts(parts) if parts.title.is_empty() => {
                Node::Parts(Parts { title: name.to_string(), ..parts })
            }
            node => node,
        },
        Value::Array(array) => Node::Array(Box::new(Head::of_array(path, array))),
        Value::Live(array) => Node::Array(Box::new(Head::of_live(path, array))),
        Value::Record(record) if record.names().kind() == RecordKind::UnitVariant => {
            leaf(Leaf::Variant(record.names().variant().unwrap_or_default().to_owned()))
        }
        _ => {
            if let Some(number) = value.as_i128() {
                return leaf(Leaf::Int(number));
            }
            if let Some(number) = value.as_u128() {
                return leaf(Leaf::Large(number));
            }
            match fold.deeper() {
                Some(deeper) => Node::Parts(parts_of(value, path, deeper)),
                None => leaf(Leaf::Deeper),
            }
        }
    }
}

fn parts_of(value: &Value, path: &str, fold: Fold) -> Parts {
    let of_index = |(index, item): (usize, &Value)| {
        let name = index.to_string();
        let node = of_value(item, &join(path, &name), fold);
        (name, node)
    };
    let list = |len: usize, parts: Vec<(String, Node)>| {
        let more = len - parts.len();
        Parts::new(Form::List, parts, more)
    };
    match value {
        Value::Seq(seq) => {
            let items = seq.each().take(fold.parts).enumerate();
            list(seq.len(), items.map(|(index, item)| of_index((index, &item))).collect())
        }
        Value::Tuple(elements) => list(
            elements.len(),
            elements.iter().take(fold.parts).enumerate().map(of_index).collect(),
        ),
        Value::Map(map) => {
            let entry = |(index, (key, value)): (usize, &(Value, Value))| match key_text(key) {
                Some(text) => {
                    let node = of_value(value, &join(path, &text), fold);
                    (text, node)
                }
                None => (key.to_string(), of_value(value, &join_number(path, index), fold)),
            };
            let parts: Vec<_> = map.iter().take(fold.parts).enumerate().map(entry).collect();
            let more = map.len() - parts.len();
            Parts::new(Form::Map, parts, more)
        }
        Value::Record(record) => {
            let names = record.names();
            let path = match names.variant() {
                Some(variant) => join(path, variant),
                None => path.to_owned(),
            };
            let field = |(place, (name, value)): (usize, (Option<&str>, &Value))| {
                let is_newtype = names.kind() == RecordKind::NewtypeVariant;
                let name = name.map_or_else(|| place.to_string(), str::to_owned);
                let path = if is_newtype { path.clone() } else { join(&path, &name) };
                (name, of_value(value, &path, fold))
            };
            let parts = record.fields().enumerate().map(field).collect();
            Parts {
                title: title(names),
                variant: names.variant().map(str::to_owned),
                is_newtype: names.kind() == RecordKind::NewtypeVariant,
                ..Parts::new(Form::Record, parts, 0)
            }
        }
        // A kind of value that a later version adds.
        other => Parts { title: other.to_string(), ..Parts::new(Form::List, Vec::new(), 0) },
    }
}

fn title(names: &Names) -> String {
    names.variant().unwrap_or(names.name()).to_owned()
}

/// A key's text, if it stands in a path by its text.
pub(crate) fn key_text(key: &Value) -> Option<String> {
    match key {
        Value::Text(text) => Some(text.to_string()),
        Value::Bool(value) => Some(value.to_string()),
        Value::Char(value) => Some(value.to_string()),
        Value::Named(_, value) => key_text(value),
        Value::Readable(value) => match &**value {
            Value::F32(value) => Some(value.to_string()),
            Value::F64(value) => Some(value.to_string()),
            value => key_text(value),
        },
        Value::Optional(_) => None,
        value => {
            let large = || value.as_u128().map(|number| number.to_string());
            value.as_i128().map(|number| number.to_string()).or_else(large)
        }
    }
}

/// The tree of an archive of another program: its arrays, which are all it has, by the steps of their names.
pub(crate) fn of_names(arrays: &[ArrayInfo], fold: Fold) -> Node {
    let named = arrays.iter().map(|info| (info.path().to_owned(), info)).collect();
    of_nest(&Nest::new(named, nest::member_steps), fold)
}

fn of_nest(nest: &Nest<&ArrayInfo>, fold: Fold) -> Node {
    if let Nest::Leaf(info) = nest {
        return Node::Array(Box::new(Head::of_info(info)));
    }
    let Some(deeper) = fold.deeper() else { return Node::Leaf(Leaf::Deeper) };
    match nest {
        Nest::Leaf(info) => Node::Array(Box::new(Head::of_info(info))),
        Nest::List(items) => {
            let item = |(place, item): (usize, &Nest<&ArrayInfo>)| {
                (place.to_string(), of_nest(item, deeper))
            };
            let parts: Vec<_> = items.iter().take(fold.parts).enumerate().map(item).collect();
            let more = items.len() - parts.len();
            Node::Parts(Parts::new(Form::List, parts, more))
        }
        Nest::Map(entries) => {
            let entry =
                |(name, part): &(String, Nest<&ArrayInfo>)| (name.clone(), of_nest(part, deeper));
            let parts = entries.iter().map(entry).collect();
            Node::Parts(Parts::new(Form::Map, parts, 0))
        }
    }
}

impl Node {
    /// The part at this path.
    pub(crate) fn find(&self, path: &str) -> Option<&Node> {
        let mut found = None;
        self.each("", &mut |at, node| {
            if at == path {
                found = Some(node);
            }
        });
        found
    }

    /// The paths of all parts.
    pub(crate) fn paths(&self) -> Vec<String> {
        let mut paths = Vec::new();
        self.each("", &mut |at, _| paths.push(at.to_owned()));
        paths
    }

    /// Calls `see` with each part and its path.
    pub(crate) fn each<'a>(&'a self, path: &str, see: &mut impl FnMut(&str, &'a Node)) {
        see(path, self);
        if let Node::Parts(parts) = self {
            let path = match &parts.variant {
                Some(variant) => join(path, variant),
                None => path.to_owned(),
            };
            for (name, node) in &parts.children {
                let at = if parts.is_newtype { path.clone() } else { join(&path, name) };
                node.each(&at, see);
            }
        }
    }

    /// Calls `see` with each array, to change what is said of it.
    pub(crate) fn each_array<E>(
        &mut self,
        see: &mut impl FnMut(&mut Head) -> Result<(), E>,
    ) -> Result<(), E> {
        match self {
            Node::Leaf(_) => Ok(()),
            Node::Array(head) => see(head),
            Node::Parts(parts) => {
                parts.children.iter_mut().try_for_each(|(_, node)| node.each_array(see))
            }
        }
    }

    /// The arrays of the tree, in its order.
    pub(crate) fn arrays(&self) -> Vec<&Head> {
        match self {
            Node::Leaf(_) => Vec::new(),
            Node::Array(head) => vec![head],
            Node::Parts(parts) => {
                parts.children.iter().flat_map(|(_, node)| node.arrays()).collect()
            }
        }
    }
}

/// As JSON an array is the object `{"$array": PATH}`.
impl Serialize for Node {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Node::Leaf(leaf) => leaf.serialize(serializer),
            Node::Array(head) => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry("$array", &head.path)?;
                map.end()
            }
            Node::Parts(parts) if parts.form == Form::List => {
                let mut seq = serializer.serialize_seq(None)?;
                parts.children.iter().try_for_each(|(_, node)| seq.serialize_element(node))?;
                seq.end()
            }
            Node::Parts(parts) => {
                let mut map = serializer.serialize_map(None)?;
                parts
                    .children
                    .iter()
                    .try_for_each(|(name, node)| map.serialize_entry(name, node))?;
                map.end()
            }
        }
    }
}

impl Serialize for Leaf {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Leaf::Nothing => serializer.serialize_unit(),
            Leaf::Bool(value) => serializer.serialize_bool(*value),
            Leaf::Int(value) => {
                JsonNumber::from(crate::element::Number::Int(*value)).serialize(serializer)
            }
            Leaf::Large(value) => serializer.collect_str(value),
            // The shortest text of a narrower float is not that of the wider one.
            Leaf::Float(value, text) if value.is_finite() => {
                serializer.serialize_f64(text.parse().unwrap_or(*value))
            }
            Leaf::Float(_, text) | Leaf::Text(text, _) => serializer.serialize_str(text),
            Leaf::Bytes(bytes, _) => bytes.serialize(serializer),
            Leaf::Variant(name) => serializer.serialize_str(name),
            Leaf::Deeper => serializer.serialize_str("…"),
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn steps_are_escaped_as_in_the_paths_of_arrays() {
        assert_eq!(join("a", "b"), "a.b");
        assert_eq!(join("", "b.c"), "b%2Ec");
        assert_eq!(join("a", ""), "a.%");
        assert_eq!(join_number("", 3), "#3");
        let object = std::collections::BTreeMap::from([("x.y/z~", [ndarray::array![1_u8]])]);
        let block = serde_shm::Block::new(serde_shm::to_bytes(&object).unwrap()).unwrap();
        let fold = Fold { parts: 8, bytes: 8, depth: 8 };
        let tree = of_value(&block.value().unwrap(), "", fold);
        assert_eq!(tree.arrays()[0].path, block.arrays().unwrap()[0].path());
    }

    #[test]
    fn what_is_folded_is_counted() {
        let value: Value = serde_json::from_str(r#"{"a": [1, 2, 3, [4]], "b": "text"}"#).unwrap();
        let Node::Parts(root) = of_value(&value, "", Fold { parts: 2, bytes: 2, depth: 2 }) else {
            panic!()
        };
        let (Node::Parts(list), Node::Leaf(Leaf::Text(text, more))) =
            (&root.children[0].1, &root.children[1].1)
        else {
            panic!()
        };
        assert_eq!((list.children.len(), list.more, text.as_str(), *more), (2, 2, "te", 2));
    }
}
