//! The names of structs and variants that are known at run time only.

use std::cell::Cell;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use serde::ser::{
    Error as _, Serialize, SerializeMap, SerializeSeq, SerializeTupleStruct, Serializer,
};

use crate::array::{Bytes, RECORD, SPARSE, TOKEN, is_bound_for_ours};
use crate::context::take_announced;
use crate::wire::{self, Schema, put_schema};

/// What a record is: a struct, or a variant of an enum.
///
/// ```
/// use serde_shm::value::{Names, RecordKind};
///
/// let names = Names::newtype_variant("Shape", 1, "Circle");
/// assert!(matches!(names.kind(), RecordKind::NewtypeVariant));
/// assert_eq!(Names::of_struct("Point", ["x", "y"]).kind(), RecordKind::Struct);
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum RecordKind {
    /// A struct with fields that have names.
    Struct,
    /// A variant that holds nothing.
    UnitVariant,
    /// A variant that holds one value.
    NewtypeVariant,
    /// A variant that holds several values without names.
    TupleVariant,
    /// A variant whose fields have names.
    StructVariant,
}

/// The names of a struct or of an enum's variant, and of its fields, known at run time. A program has such names if it reads an
/// object without its Rust type, or makes an object for readers that have the type.
///
/// ```
/// use serde_shm::value::Names;
///
/// #[derive(serde::Deserialize)]
/// struct Point { x: f32, y: f32 }
///
/// let point = Names::of_struct("Point", ["x", "y"]);
/// let block = serde_shm::to_bytes(&point.record(&[0.5_f32, 2.0]))?;
/// let read: Point = serde_shm::from_bytes(&block)?;
/// assert_eq!((read.x, read.y), (0.5, 2.0));
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// A clone costs a reference count. Using the same `Names` again is faster than making equal ones anew.
#[derive(Clone)]
pub struct Names(Arc<Inner>);

struct Inner {
    kind: RecordKind,
    name: Box<str>,
    variant: Box<str>,
    variant_index: u32,
    len: usize,
    fields: Box<[Box<str>]>,
    /// All names, in the form that a block's tables have.
    bytes: Box<[u8]>,
}

impl Names {
    /// The names of a struct.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// assert_eq!((names.name(), names.len()), ("Point", 2));
    /// ```
    pub fn of_struct<F: AsRef<str>>(name: &str, fields: impl IntoIterator<Item = F>) -> Self {
        Names::new(RecordKind::Struct, name, 0, "", named(fields))
    }

    /// The names of a variant that holds nothing. `index` is its place among the variants of the enum.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// #[derive(serde::Deserialize, PartialEq, Debug)]
    /// enum Shape { Point, Circle(f32), Line(f32, f32) }
    ///
    /// let point = Names::unit_variant("Shape", 0, "Point");
    /// let block = serde_shm::to_bytes(&point.record::<()>(&[]))?;
    /// assert_eq!(serde_shm::from_bytes::<Shape>(&block)?, Shape::Point);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn unit_variant(name: &str, index: u32, variant: &str) -> Self {
        Names::new(RecordKind::UnitVariant, name, index, variant, (0, Vec::new()))
    }

    /// The names of a variant that holds one value.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// #[derive(serde::Deserialize, PartialEq, Debug)]
    /// enum Shape { Point, Circle(f32), Line(f32, f32) }
    ///
    /// let circle = Names::newtype_variant("Shape", 1, "Circle");
    /// let block = serde_shm::to_bytes(&circle.record(&[2.5_f32]))?;
    /// assert_eq!(serde_shm::from_bytes::<Shape>(&block)?, Shape::Circle(2.5));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn newtype_variant(name: &str, index: u32, variant: &str) -> Self {
        Names::new(RecordKind::NewtypeVariant, name, index, variant, (1, Vec::new()))
    }

    /// The names of a variant that holds `len` values without names.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// #[derive(serde::Deserialize, PartialEq, Debug)]
    /// enum Shape { Point, Circle(f32), Line(f32, f32) }
    ///
    /// let line = Names::tuple_variant("Shape", 2, "Line", 2);
    /// let block = serde_shm::to_bytes(&line.record(&[0.0_f32, 1.5]))?;
    /// assert_eq!(serde_shm::from_bytes::<Shape>(&block)?, Shape::Line(0.0, 1.5));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn tuple_variant(name: &str, index: u32, variant: &str, len: usize) -> Self {
        Names::new(RecordKind::TupleVariant, name, index, variant, (len, Vec::new()))
    }

    /// The names of a variant whose fields have names.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// let names = Names::struct_variant("Shape", 2, "Rectangle", ["w", "h"]);
    /// assert_eq!((names.name(), names.variant(), names.len()), ("Shape", Some("Rectangle"), 2));
    /// assert_eq!(names.fields().collect::<Vec<_>>(), ["w", "h"]);
    /// assert_eq!(names.to_string(), "Shape::Rectangle");
    /// ```
    pub fn struct_variant<F: AsRef<str>>(
        name: &str,
        index: u32,
        variant: &str,
        fields: impl IntoIterator<Item = F>,
    ) -> Self {
        Names::new(RecordKind::StructVariant, name, index, variant, named(fields))
    }

    fn new(
        kind: RecordKind,
        name: &str,
        variant_index: u32,
        variant: &str,
        (len, fields): (usize, Vec<Box<str>>),
    ) -> Self {
        let fields = fields.into_boxed_slice();
        let mut bytes = Vec::new();
        let schema = Schema {
            kind: match kind {
                RecordKind::Struct => wire::SchemaKind::Struct,
                RecordKind::UnitVariant => wire::SchemaKind::UnitVariant,
                RecordKind::NewtypeVariant => wire::SchemaKind::NewtypeVariant,
                RecordKind::TupleVariant => wire::SchemaKind::TupleVariant,
                RecordKind::StructVariant => wire::SchemaKind::StructVariant,
            },
            name,
            variant,
            variant_index,
            len,
            fields: fields.iter().map(|field| &**field).collect(),
        };
        put_schema(&mut bytes, &schema);
        let (name, variant, bytes) = (name.into(), variant.into(), bytes.into());
        Names(Arc::new(Inner { kind, name, variant, variant_index, len, fields, bytes }))
    }

    /// The names in a schema; `None` if it is a tuple's.
    #[cfg(feature = "ndarray")]
    pub(crate) fn of_schema(schema: &Schema<'_>) -> Option<Self> {
        let kind = match schema.kind {
            wire::SchemaKind::Struct => RecordKind::Struct,
            wire::SchemaKind::UnitVariant => RecordKind::UnitVariant,
            wire::SchemaKind::NewtypeVariant => RecordKind::NewtypeVariant,
            wire::SchemaKind::TupleVariant => RecordKind::TupleVariant,
            wire::SchemaKind::StructVariant => RecordKind::StructVariant,
            wire::SchemaKind::Tuple => return None,
        };
        let fields = schema.fields.iter().map(|field| Box::from(*field)).collect();
        let Schema { name, variant, variant_index, len, .. } = schema;
        Some(Names::new(kind, name, *variant_index, variant, (*len, fields)))
    }

    /// Whether this is a struct, or which sort of variant.
    ///
    /// ```
    /// use serde_shm::value::{Names, RecordKind};
    ///
    /// assert_eq!(Names::unit_variant("Shape", 0, "Point").kind(), RecordKind::UnitVariant);
    /// ```
    pub fn kind(&self) -> RecordKind {
        self.0.kind
    }

    /// The struct's or the enum's name.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// assert_eq!(Names::of_struct("Point", ["x", "y"]).name(), "Point");
    /// assert_eq!(Names::unit_variant("Shape", 0, "Point").name(), "Shape"); // of the enum
    /// ```
    pub fn name(&self) -> &str {
        &self.0.name
    }

    /// The variant's name; `None` for a struct.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// assert_eq!(Names::unit_variant("Shape", 0, "Point").variant(), Some("Point"));
    /// assert_eq!(Names::of_struct("Point", ["x", "y"]).variant(), None);
    /// ```
    pub fn variant(&self) -> Option<&str> {
        (self.0.kind != RecordKind::Struct).then_some(&self.0.variant)
    }

    /// The variant's place among those of its enum; 0 for a struct.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// assert_eq!(Names::newtype_variant("Shape", 1, "Circle").variant_index(), 1);
    /// ```
    pub fn variant_index(&self) -> u32 {
        self.0.variant_index
    }

    /// How many fields such a record has.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// let names = Names::tuple_variant("Shape", 2, "Line", 2);
    /// assert_eq!((names.len(), names.fields().len()), (2, 0)); // without names
    /// ```
    pub fn len(&self) -> usize {
        self.0.len
    }

    /// Whether such a record has no fields.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// assert!(Names::unit_variant("Shape", 0, "Point").is_empty());
    /// assert!(!Names::of_struct("Point", ["x", "y"]).is_empty());
    /// ```
    pub fn is_empty(&self) -> bool {
        self.0.len == 0
    }

    /// The names of the fields, in their order. It is empty for a newtype or tuple variant, whose fields have no names.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// assert_eq!(names.fields().collect::<Vec<_>>(), ["x", "y"]);
    /// ```
    pub fn fields(&self) -> impl ExactSizeIterator<Item = &str> {
        self.0.fields.iter().map(|field| &**field)
    }

    /// The name of the field at this place, if it has one.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// assert_eq!((names.field(1), names.field(2)), (Some("y"), None));
    /// assert_eq!(Names::newtype_variant("Shape", 1, "Circle").field(0), None);
    /// ```
    pub fn field(&self, place: usize) -> Option<&str> {
        self.0.fields.get(place).map(|field| &**field)
    }

    /// The place of the field with this name.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// let names = Names::of_struct("Point", ["x", "y"]);
    /// assert_eq!((names.place_of("y"), names.place_of("z")), (Some(1), None));
    /// ```
    ///
    /// It compares one name after the other.
    pub fn place_of(&self, field: &str) -> Option<usize> {
        self.0.fields.iter().position(|name| **name == *field)
    }

    /// A record with these names, to be serialized: a value for each field, in their order.
    ///
    /// Written by this crate, it is to every reader what a `#[derive(Serialize)]` struct or enum with these names is. In other
    /// formats, a struct is written as a map. A variant is written as in formats without enums: as its name, or as a map of
    /// one entry.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// let circle = Names::newtype_variant("Shape", 1, "Circle");
    /// assert_eq!(serde_json::to_string(&circle.record(&[2.5])).unwrap(), r#"{"Circle":2.5}"#);
    /// ```
    ///
    /// Serializing it gives an error if there are more or fewer values than fields.
    pub fn record<'v, T: Serialize>(&'v self, values: &'v [T]) -> impl Serialize + 'v {
        Values { names: self, written: &[], each: move || values.iter().map(Some) }
    }

    /// Serializes a record with these names, of values that are made while they are written. A type can use it in its own
    /// `Serialize`, for example.
    ///
    /// ```
    /// use serde_shm::value::Names;
    ///
    /// struct Powers { names: Names, base: u32 }
    ///
    /// impl serde::Serialize for Powers {
    ///     fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
    ///         self.names.serialize(serializer, (1..).map(|power| self.base.pow(power)).take(self.names.len()))
    ///     }
    /// }
    /// let powers = Powers { names: Names::of_struct("Powers", ["one", "two"]), base: 3 };
    /// assert_eq!(serde_json::to_string(&powers).unwrap(), r#"{"one":3,"two":9}"#);
    /// ```
    ///
    /// # Errors
    ///
    /// The errors of the serializer and of the values; also an error if there are more or fewer values than fields.
    pub fn serialize<S: Serializer, T: Serialize>(
        &self,
        serializer: S,
        values: impl IntoIterator<Item = T>,
    ) -> Result<S::Ok, S::Error> {
        let values = Cell::new(Some(values.into_iter().map(Some)));
        let values = || values.take().into_iter().flatten();
        Values { names: self, written: &[], each: values }.serialize(serializer)
    }

    /// Serializes a record of which some fields are not written, as with `skip_serializing_if`.
    #[cfg(feature = "ndarray")]
    pub(super) fn serialize_sparse<S: Serializer, T: Serialize>(
        &self,
        serializer: S,
        values: &[Option<T>],
    ) -> Result<S::Ok, S::Error> {
        let mask: Vec<u8> = if values.iter().all(Option::is_some) {
            Vec::new()
        } else {
            values.iter().map(|value| u8::from(value.is_some())).collect()
        };
        let values = || values.iter().map(Option::as_ref);
        Values { names: self, written: &mask, each: values }.serialize(serializer)
    }
}

fn named<F: AsRef<str>>(fields: impl IntoIterator<Item = F>) -> (usize, Vec<Box<str>>) {
    let fields: Vec<Box<str>> = fields.into_iter().map(|field| field.as_ref().into()).collect();
    (fields.len(), fields)
}

/// What is written of a record: its names, and a function that gives its values.
struct Values<'n, F> {
    names: &'n Names,
    /// One byte for each field, which says whether the field is written; empty if all are.
    written: &'n [u8],
    each: F,
}

impl<I: Iterator<Item = Option<T>>, T: Serialize, F: Fn() -> I> Serialize for Values<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_newtype_struct(TOKEN, &RecordPayload(self))
    }
}

struct RecordPayload<'p, 'n, F>(&'p Values<'n, F>);

impl<I: Iterator<Item = Option<T>>, T: Serialize, F: Fn() -> I> Serialize
    for RecordPayload<'_, '_, F>
{
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Values { names, written, each } = self.0;
        if take_announced() || is_bound_for_ours::<S>() {
            let (token, parts) = if written.is_empty() { (RECORD, 1) } else { (SPARSE, 2) };
            let mut record = serializer.serialize_tuple_struct(token, parts + names.len())?;
            record.serialize_field(&Bytes(&names.0.bytes))?;
            if !written.is_empty() {
                record.serialize_field(&Bytes(written))?;
            }
            for value in each().flatten() {
                record.serialize_field(&value)?;
            }
            return record.end();
        }
        let len = match written {
            [] => names.len(),
            written => written.iter().filter(|written| **written != 0).count(),
        };
        let content = BareRecord { names, len, each };
        let variant = &*names.0.variant;
        match names.kind() {
            RecordKind::Struct => content.serialize(serializer),
            RecordKind::UnitVariant => serializer.serialize_str(variant),
            _ => {
                let mut map = serializer.serialize_map(Some(1))?;
                map.serialize_entry(variant, &content)?;
                map.end()
            }
        }
    }
}

/// A record without the name of its variant, for other formats, some of which write a value twice.
struct BareRecord<'n, F> {
    names: &'n Names,
    /// The number of its fields that are written.
    len: usize,
    each: &'n F,
}

impl<I: Iterator<Item = Option<T>>, T: Serialize, F: Fn() -> I> Serialize for BareRecord<'_, F> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let wrong = || {
            S::Error::custom(format_args!("expected {} values of {}", self.names.len(), self.names))
        };
        let mut values = (self.each)();
        match self.names.kind() {
            RecordKind::Struct | RecordKind::StructVariant => {
                let mut map = serializer.serialize_map(Some(self.len))?;
                for name in self.names.fields() {
                    if let Some(value) = values.next().ok_or_else(wrong)? {
                        map.serialize_entry(name, &value)?;
                    }
                }
                if values.next().is_some() {
                    return Err(wrong());
                }
                map.end()
            }
            RecordKind::NewtypeVariant => match (values.next().flatten(), values.next()) {
                (Some(value), None) => value.serialize(serializer),
                _ => Err(wrong()),
            },
            _ => {
                let mut seq = serializer.serialize_seq(Some(self.names.len()))?;
                let mut count = 0;
                for value in values.flatten() {
                    seq.serialize_element(&value)?;
                    count += 1;
                }
                if count == self.names.len() { seq.end() } else { Err(wrong()) }
            }
        }
    }
}

impl PartialEq for Names {
    fn eq(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.0, &other.0) || self.0.bytes == other.0.bytes
    }
}

impl Eq for Names {}

impl Hash for Names {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.bytes.hash(state);
    }
}

/// `Point`, or `Shape::Circle`.
impl fmt::Display for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(self.name())?;
        match self.variant() {
            Some(variant) => write!(f, "::{variant}"),
            None => Ok(()),
        }
    }
}

impl fmt::Debug for Names {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Names({self}")?;
        for (place, field) in self.fields().enumerate() {
            f.write_str(if place == 0 { ": " } else { ", " })?;
            f.write_str(field)?;
        }
        f.write_str(")")
    }
}
