//! A program in the manner of a binding for a language whose values have no Rust type: dynamic objects in, views out. It uses the
//! public interface only.

use std::collections::HashMap;
use std::fmt::Debug;
use std::process::Command;
use std::sync::Arc;

use serde::ser::{SerializeMap, SerializeSeq, SerializeTuple};
use serde::{Deserialize, Serialize, Serializer};
use serde_shm::value::{Names, Number, Numbers, PlacedArray, RecordKind, Value, Walk};
use serde_shm::{
    DType, Error, Order, Segment, ShmArray2, UntypedArray, UntypedLive, UntypedView, to_shared,
};

use crate::child::{Child, command_by};

/// An object of the other language.
#[derive(Clone, Debug, PartialEq)]
enum Object {
    None,
    Bool(bool),
    Int(i64),
    Float(f64),
    Str(String),
    Bytes(Vec<u8>),
    List(Vec<Object>),
    Tuple(Vec<Object>),
    Dict(Vec<(Object, Object)>),
    /// With the class, which is made once.
    Instance(Class, Vec<Object>),
    /// The buffer of an array of its own.
    Buffer(Buffer),
    /// A view of an array that lies in a segment.
    View(UntypedArray),
}

/// A class of the other language, with what its instances are called here.
#[derive(Clone, Debug)]
struct Class(Arc<Names>);

impl PartialEq for Class {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

/// As the buffer protocol says it: elements anywhere in some memory.
#[derive(Clone, Debug, PartialEq)]
struct Buffer {
    format: &'static str,
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
    memory: Vec<u8>,
}

impl Buffer {
    fn view(&self) -> serde_shm::Result<UntypedView<'_>> {
        let Buffer { format, shape, strides, offset, memory } = self;
        UntypedView::with_strides(format.parse()?, shape, strides, *offset, memory)
    }
}

/// All of one kind, so that they go in one call.
fn all<T>(items: &[Object], one: impl Fn(&Object) -> Option<T>) -> Option<Vec<T>> {
    if items.len() < 8 { None } else { items.iter().map(one).collect() }
}

impl Serialize for Object {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        match self {
            Object::None => serializer.serialize_none(),
            Object::Bool(value) => serializer.serialize_bool(*value),
            Object::Int(value) => serializer.serialize_i64(*value),
            Object::Float(value) => serializer.serialize_f64(*value),
            Object::Str(text) => serializer.serialize_str(text),
            Object::Bytes(bytes) => serializer.serialize_bytes(bytes),
            Object::List(items) => {
                let int = |item: &Object| if let Object::Int(n) = item { Some(*n) } else { None };
                let float =
                    |item: &Object| if let Object::Float(n) = item { Some(*n) } else { None };
                if let Some(numbers) = all(items, int) {
                    return Numbers::from(&numbers[..]).serialize(serializer);
                }
                if let Some(numbers) = all(items, float) {
                    return Numbers::from(&numbers[..]).serialize(serializer);
                }
                let mut list = serializer.serialize_seq(Some(items.len()))?;
                items.iter().try_for_each(|item| list.serialize_element(item))?;
                list.end()
            }
            Object::Tuple(items) => {
                let mut tuple = serializer.serialize_tuple(items.len())?;
                items.iter().try_for_each(|item| tuple.serialize_element(item))?;
                tuple.end()
            }
            Object::Dict(entries) => {
                let mut map = serializer.serialize_map(Some(entries.len()))?;
                entries.iter().try_for_each(|(key, value)| map.serialize_entry(key, value))?;
                map.end()
            }
            Object::Instance(class, fields) => class.0.serialize(serializer, fields),
            Object::Buffer(buffer) => {
                buffer.view().map_err(serde::ser::Error::custom)?.serialize(serializer)
            }
            Object::View(array) => array.serialize(serializer),
        }
    }
}

/// Makes objects of what a walk tells. Classes are made once for all instances of a name.
#[derive(Default)]
struct Maker {
    open: Vec<(Open, Vec<Object>)>,
    classes: HashMap<Names, Class>,
    root: Option<Object>,
}

enum Open {
    List,
    Tuple,
    Dict,
    Instance(Class),
}

impl Maker {
    #[allow(clippy::unnecessary_wraps)] // As the walk wants it.
    fn put(&mut self, object: Object) -> serde_shm::Result<()> {
        match self.open.last_mut() {
            Some((_, parts)) => parts.push(object),
            None => self.root = Some(object),
        }
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps)]
    fn open(&mut self, open: Open, len: Option<usize>) -> serde_shm::Result<()> {
        self.open.push((open, Vec::with_capacity(len.unwrap_or(0).min(1024))));
        Ok(())
    }
}

fn overflow(number: impl Debug) -> Error {
    serde::de::Error::custom(format_args!("{number:?} is no int of 64 bits"))
}

impl<'a> Walk<'a> for Maker {
    fn unit(&mut self) -> serde_shm::Result<()> {
        self.put(Object::None)
    }

    fn none(&mut self) -> serde_shm::Result<()> {
        self.put(Object::None)
    }

    fn bool(&mut self, value: bool) -> serde_shm::Result<()> {
        self.put(Object::Bool(value))
    }

    fn number(&mut self, value: Number) -> serde_shm::Result<()> {
        self.put(match value {
            Number::I8(number) => Object::Int(number.into()),
            Number::I16(number) => Object::Int(number.into()),
            Number::I32(number) => Object::Int(number.into()),
            Number::I64(number) => Object::Int(number),
            Number::U8(number) => Object::Int(number.into()),
            Number::U16(number) => Object::Int(number.into()),
            Number::U32(number) => Object::Int(number.into()),
            Number::U64(number) => Object::Int(number.try_into().map_err(|_| overflow(number))?),
            Number::F32(number) => Object::Float(number.into()),
            Number::F64(number) => Object::Float(number),
            number => return Err(overflow(number)),
        })
    }

    fn numbers(&mut self, values: Numbers<'_>) -> serde_shm::Result<()> {
        let Some((_, parts)) = self.open.last_mut() else { return Err(overflow(values)) };
        match values {
            Numbers::I64(numbers) => parts.extend(numbers.iter().copied().map(Object::Int)),
            Numbers::F64(numbers) => parts.extend(numbers.iter().copied().map(Object::Float)),
            Numbers::Bool(values) => parts.extend(values.iter().copied().map(Object::Bool)),
            numbers => {
                let number = |value: Value| match (value.as_i64(), value.as_f64()) {
                    (Some(number), _) => Ok(Object::Int(number)),
                    (None, Some(number)) => Ok(Object::Float(number)),
                    _ => Err(overflow(value)),
                };
                for value in numbers.values() {
                    parts.push(number(value)?);
                }
            }
        }
        Ok(())
    }

    fn char(&mut self, value: char) -> serde_shm::Result<()> {
        self.put(Object::Str(value.into()))
    }

    fn text(&mut self, text: &'a str) -> serde_shm::Result<()> {
        self.put(Object::Str(text.into()))
    }

    fn bytes(&mut self, bytes: &'a [u8]) -> serde_shm::Result<()> {
        self.put(Object::Bytes(bytes.into()))
    }

    fn seq(&mut self, len: Option<usize>) -> serde_shm::Result<()> {
        self.open(Open::List, len)
    }

    fn tuple(&mut self, len: usize) -> serde_shm::Result<()> {
        self.open(Open::Tuple, Some(len))
    }

    fn map(&mut self, len: Option<usize>) -> serde_shm::Result<()> {
        self.open(Open::Dict, len.and_then(|len| len.checked_mul(2)))
    }

    fn record(&mut self, names: &Names) -> serde_shm::Result<()> {
        let class = self.classes.entry(names.clone());
        let class = class.or_insert_with(|| Class(Arc::new(names.clone()))).clone();
        self.open(Open::Instance(class), Some(names.len()))
    }

    fn absent(&mut self) -> serde_shm::Result<()> {
        self.put(Object::None)
    }

    fn end(&mut self) -> serde_shm::Result<()> {
        let Some((open, parts)) = self.open.pop() else { return Err(overflow(())) };
        self.put(match open {
            Open::List => Object::List(parts),
            Open::Tuple => Object::Tuple(parts),
            Open::Instance(class) => Object::Instance(class, parts),
            Open::Dict => {
                let mut parts = parts.into_iter();
                let entry = || Some((parts.next()?, parts.next()?));
                Object::Dict(std::iter::from_fn(entry).collect())
            }
        })
    }

    fn array(&mut self, array: PlacedArray) -> serde_shm::Result<()> {
        self.put(Object::View(array.into_array()))
    }

    fn live(&mut self, array: UntypedLive) -> serde_shm::Result<()> {
        Err(overflow(array.shape()))
    }
}

/// Opens an object; its arrays keep the memory, and no handle of the segment is left.
fn load(id: &str) -> serde_shm::Result<Object> {
    let segment = Segment::open(id)?;
    let mut maker = Maker::default();
    segment.walk(&mut maker)?;
    Ok(maker.root.expect("a walk that succeeds is over one object"))
}

fn text(text: &str) -> Object {
    Object::Str(text.into())
}

fn int(number: usize) -> Object {
    Object::Int(number as i64)
}

/// Rows of 3 float32, of which every second one of the memory is one, and from the last to the first.
fn matrix(rows: usize, first: usize) -> Buffer {
    let numbers = (0..6 * rows).map(|n| (first + n) as f32);
    Buffer {
        format: "<f4",
        shape: vec![rows, 3],
        strides: vec![-24, 4],
        offset: 24 * (rows - 1),
        memory: numbers.flat_map(f32::to_le_bytes).collect(),
    }
}

fn batch(number: usize) -> Object {
    let layer = Class(Arc::new(Names::of_struct("Layer", ["name", "weight"])));
    let instance = |at: usize| {
        Object::Instance(
            layer.clone(),
            vec![Object::Str(format!("layer{at}")), Object::Buffer(matrix(4 + at, number))],
        )
    };
    Object::Dict(vec![
        (text("number"), int(number)),
        (text("layers"), Object::List((0..3).map(instance).collect())),
        (text("ids"), Object::List((0..100).map(|at| int(at * number)).collect())),
        (
            text("losses"),
            Object::List((0..20).map(|at| Object::Float(f64::from(at) / 8.0)).collect()),
        ),
        (text("mixed"), Object::Tuple(vec![Object::None, Object::Bool(true), text("é")])),
        (text("blob"), Object::Bytes(vec![number as u8; 300])),
        (int(7), Object::List(vec![])),
        (Object::Tuple(vec![int(1), text("a")]), Object::Float(0.5)),
        (
            text("kind"),
            Object::Instance(
                Class(Arc::new(Names::newtype_variant("Kind", 1, "Train"))),
                vec![int(number)],
            ),
        ),
    ])
}

/// The same object, arrays by their elements wherever they lie.
fn is_same(one: &Object, other: &Object) -> bool {
    let all = |one: &[Object], other: &[Object]| {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| is_same(one, other))
    };
    match (one, other) {
        (Object::Buffer(one), Object::View(other)) => one.view().unwrap() == other.view(),
        (Object::List(one), Object::List(other)) | (Object::Tuple(one), Object::Tuple(other)) => {
            all(one, other)
        }
        (Object::Instance(class, one), Object::Instance(other_class, other)) => {
            class == other_class && all(one, other)
        }
        (Object::Dict(one), Object::Dict(other)) => {
            let mut pairs = one.iter().zip(other);
            one.len() == other.len()
                && pairs.all(|(one, other)| is_same(&one.0, &other.0) && is_same(&one.1, &other.1))
        }
        (one, other) => one == other,
    }
}

fn views(object: &Object) -> Vec<&UntypedArray> {
    match object {
        Object::View(array) => vec![array],
        Object::List(parts) | Object::Tuple(parts) | Object::Instance(_, parts) => {
            parts.iter().flat_map(views).collect()
        }
        Object::Dict(entries) => entries.iter().flat_map(|(_, value)| views(value)).collect(),
        _ => Vec::new(),
    }
}

/// The other process, which is this program again, with so many descriptors at most.
fn other_process(role: &str, segments: &[Segment]) {
    let mut shell = Command::new("sh");
    shell.args(["-c", r#"ulimit -n 256 && exec "$@""#, "sh"]);
    let ids: Vec<&str> = segments.iter().map(Segment::id).collect();
    Child::run(command_by(shell, role, &ids));
}

fn descriptors() -> usize {
    std::fs::read_dir("/proc/self/fd").unwrap().count()
}

/// What a child process runs.
pub(crate) fn play(role: &str, args: &[&str]) {
    match (role, args) {
        ("walk", ids) => walk(ids),
        ("hold", ids) => hold(ids),
        other => panic!("no such role: {other:?}"),
    }
}

fn has_few_descriptors() {
    let limit = rustix::process::getrlimit(rustix::process::Resource::Nofile);
    assert_eq!(limit.current, Some(256));
}

fn walk(ids: &[&str]) {
    has_few_descriptors();
    for (number, id) in ids.iter().enumerate() {
        let found = load(id).unwrap();
        assert!(is_same(&batch(number), &found), "{found:?}");
    }
}

fn hold(ids: &[&str]) {
    has_few_descriptors();
    let before = descriptors();
    // One after the other, and all of them held: by the arrays of the objects alone.
    let mut held = Vec::new();
    for at in 0..1000 {
        held.push(load(ids[at % ids.len()]).unwrap());
    }
    for (at, object) in held.iter().enumerate() {
        assert!(is_same(&batch(at % ids.len()), object), "{at}");
        assert_eq!(views(object).len(), 3);
    }
    // As values, and objects that were made here.
    let values: Vec<Value> =
        ids.iter().map(|id| Segment::open(id).unwrap().value().unwrap()).collect();
    let made: Vec<Object> = (0..1000)
        .map(|number| {
            let segment = to_shared(&batch(number)).unwrap();
            load(segment.id()).unwrap()
        })
        .collect();
    for (number, object) in made.iter().enumerate() {
        assert!(is_same(&batch(number), object), "{number}");
    }
    assert_eq!(values.len(), ids.len());
    for value in &values {
        let array = value.get("layers.1.weight").and_then(Value::as_array).unwrap();
        assert_eq!(array.shape(), [5, 3]);
    }
    let now = descriptors();
    assert!(now <= before + 2, "{now} descriptors, {before} before");
}

#[test]
fn objects_go_to_another_process_and_back() {
    let segments: Vec<Segment> = (0..20).map(|number| to_shared(&batch(number)).unwrap()).collect();
    other_process("walk", &segments);
}

#[test]
fn a_thousand_objects_are_held_with_few_descriptors() {
    let segments: Vec<Segment> =
        (0..100).map(|number| to_shared(&batch(number)).unwrap()).collect();
    other_process("hold", &segments);
}

/// Views outlive the handle, lie in the memory where they were, and are published again.
#[test]
fn views_outlive_the_segment() {
    let segment = to_shared(&batch(3)).unwrap();
    let id = segment.id().to_owned();
    let found = load(&id).unwrap();
    let again = load(&id).unwrap();
    drop(segment);
    assert!(Segment::open(&id).is_err());
    assert!(is_same(&batch(3), &found));
    for view in views(&found) {
        assert_eq!(view.order(), Some(Order::C));
    }
    // What is cloned is one memory.
    let same = found.clone();
    for (one, other) in views(&found).into_iter().zip(views(&same)) {
        assert_eq!(one.as_bytes().unwrap().as_ptr(), other.as_bytes().unwrap().as_ptr());
    }
    let copy = to_shared(&found).unwrap();
    drop((found, again, same));
    assert!(is_same(&batch(3), &load(copy.id()).unwrap()));
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Layer {
    name: String,
    weight: ShmArray2<f32>,
}

#[derive(Serialize, Deserialize, PartialEq, Debug)]
enum Kind {
    Rest,
    Train(u32),
}

/// What typed programs write is an object there, and what is made there is read by typed programs.
#[test]
fn typed_programs_take_part() {
    #[derive(Deserialize)]
    struct Batch {
        number: u32,
        layers: Vec<Layer>,
        ids: Vec<u16>,
        losses: Vec<f32>,
        mixed: (Option<u8>, bool, String),
        kind: Kind,
    }
    let Object::Dict(entries) = batch(2) else { panic!() };
    let named = entries.into_iter().filter(|(key, _)| matches!(key, Object::Str(_))).collect();
    let segment = to_shared(&Object::Dict(named)).unwrap();
    let typed: Batch = segment.get().unwrap();
    assert_eq!((typed.number, typed.ids[99], typed.losses[19]), (2, 198, 2.375));
    assert_eq!(typed.mixed, (None, true, "é".to_owned()));
    assert_eq!(typed.kind, Kind::Train(2));
    assert_eq!(typed.layers[1].name, "layer1");
    assert_eq!(typed.layers[1].weight.row(4).to_vec(), [2.0, 3.0, 4.0]);

    let written = to_shared(&(typed.layers, vec![Kind::Rest, Kind::Train(1)])).unwrap();
    let Object::Tuple(parts) = load(written.id()).unwrap() else { panic!() };
    let Object::List(layers) = &parts[0] else { panic!() };
    let Object::Instance(class, fields) = &layers[2] else { panic!() };
    assert_eq!((class.0.kind(), class.0.name()), (RecordKind::Struct, "Layer"));
    assert_eq!(fields[0], text("layer2"));
    let Object::View(weight) = &fields[1] else { panic!() };
    assert_eq!((weight.dtype(), weight.shape()), (&DType::F32, &[6, 3][..]));
    // Instances of one class have one name, which is made once.
    let Object::Instance(other, _) = &layers[0] else { panic!() };
    assert!(Arc::ptr_eq(&class.0, &other.0));
    let back: (Vec<Layer>, Vec<Kind>) = to_shared(&Object::Tuple(parts)).unwrap().get().unwrap();
    assert_eq!(back.1, [Kind::Rest, Kind::Train(1)]);
}

/// A serializer's user that says nothing wrong of a buffer, and a buffer that is none: an error, and no object.
#[test]
fn buffers_that_are_none_are_errors() {
    let reaches_out = Buffer { offset: 1 << 40, ..matrix(4, 0) };
    let error = to_shared(&Object::List(vec![Object::Buffer(reaches_out)])).unwrap_err();
    assert!(error.to_string().contains("[0]"), "{error}");
    let unknown = Buffer { format: "?9", ..matrix(4, 0) };
    assert!(to_shared(&Object::Buffer(unknown)).is_err());
}
