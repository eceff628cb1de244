//! Source text of random types under this crate's derives, each with values that must come back.

use std::fmt::Write;

use crate::random::Random;

/// A type of a field, as source text, and how a value of it is written.
#[derive(Clone)]
struct Field {
    ty: String,
    /// Whether `#[shm_array]` stands before it.
    marked: bool,
    make: Make,
}

#[derive(Clone)]
enum Make {
    Number(&'static str),
    Float,
    Bool,
    Char,
    Text,
    Unit,
    Option(Box<Make>),
    Vec(Box<Make>),
    Box(Box<Make>),
    Fixed(Box<Make>, usize),
    Tuple(Vec<Make>),
    Map(Box<Make>, Box<Make>),
    /// `ndarray::Array1` and the like: what is called on a vector of elements.
    Array {
        element: Box<Make>,
        axes: usize,
        wrap: &'static str,
    },
    /// A type made before, by its number.
    Type(usize),
    Element(usize),
}

const NUMBERS: [&str; 8] = ["u8", "u16", "u32", "u64", "i8", "i16", "i32", "i64"];
/// Names that a derive might use itself, or that are no plain words.
const NAMES: [&str; 18] = [
    "a",
    "b",
    "value",
    "r#type",
    "r#match",
    "FIELDS",
    "serializer",
    "deserializer",
    "state",
    "map",
    "__field",
    "D",
    "größe",
    "result",
    "error",
    "r#fn",
    "visitor",
    "de",
];
const RENAMES: [&str; 6] = ["x.y", "", "struct", "a b", "~", "é"];

/// Writes the types of one batch, and the value of each.
pub struct Batch {
    random: Random,
    source: String,
    /// The name of each type made so far, and how its value is made: a function of that number.
    types: Vec<String>,
    elements: usize,
}

impl Batch {
    /// The source of a program that makes so many types, and a value of each come back.
    pub fn source(seed: u32, count: usize) -> String {
        let mut batch = Batch {
            random: Random::new(seed),
            source: String::new(),
            types: Vec::new(),
            elements: 0,
        };
        let no_coverage = include_str!("../fuzz_targets/no_coverage.rs");
        let _ = writeln!(
            batch.source,
            "{PRELUDE}#[cfg(fuzzing)]\nmod no_coverage {{\n{no_coverage}}}\n"
        );
        for _ in 0..3 {
            batch.element();
        }
        for number in 0..count {
            batch.ty(number);
        }
        batch.source.push_str("fn main() {\n");
        for number in 0..count {
            for seed in 0..3 {
                let name = &batch.types[number];
                let _ = writeln!(
                    batch.source,
                    "    check::<{name}>(\"{name}\", make_{number}({seed}));"
                );
            }
            if number % 4 == 0 {
                let name = &batch.types[number];
                let _ = writeln!(
                    batch.source,
                    "    check_file::<{name}>(\"{name}\", make_{number}(0));"
                );
            }
        }
        let _ = writeln!(batch.source, "    println!(\"{count} types came back\");\n}}");
        batch.source
    }

    /// A struct that is an element of arrays.
    fn element(&mut self) {
        let number = self.elements;
        let count = 1 + self.random.below(4);
        let mut fields = String::new();
        let mut values = String::new();
        for at in 0..count {
            let scalar = self.random.pick(&["bool", "u8", "i16", "u32", "f64", "f32", "i64"]);
            let value = match scalar {
                "bool" => "n % 2 == 0".to_owned(),
                scalar => format!("n as {scalar}"),
            };
            let (ty, value) = match self.random.below(4) {
                0 => (format!("[{scalar}; 2]"), format!("[{value}, {value}]")),
                1 if number > 0 => {
                    let inner = self.random.below(number);
                    (format!("E{inner}"), format!("element_{inner}(n)"))
                }
                _ => (scalar.to_owned(), value),
            };
            let _ = writeln!(fields, "    f{at}: {ty},");
            let _ = write!(values, "f{at}: {value}, ");
        }
        let _ = write!(
            self.source,
            "#[derive(Clone, Copy, PartialEq, Debug, serde_shm::Element)]\n#[repr(C)]\nstruct E{number} {{\n{fields}}}\n\
             fn element_{number}(n: u64) -> E{number} {{ let n = n % 100; E{number} {{ {values}}} }}\n\n"
        );
        self.elements += 1;
    }

    fn scalar(&mut self) -> (String, Make) {
        match self.random.below(8) {
            0 => ("bool".to_owned(), Make::Bool),
            1 | 2 => {
                let float = self.random.pick(&["f32", "f64"]);
                (float.to_owned(), Make::Float)
            }
            _ => {
                let number = self.random.pick(&NUMBERS);
                (number.to_owned(), Make::Number(number))
            }
        }
    }

    fn array_element(&mut self) -> (String, Make) {
        if self.random.below(4) == 0 {
            let number = self.random.below(self.elements);
            return (format!("E{number}"), Make::Element(number));
        }
        self.scalar()
    }

    fn array(&mut self) -> Field {
        let (element, make) = self.array_element();
        let plain = |ty: String, make| Field { ty, marked: false, make };
        let marked = |ty: String, make| Field { ty, marked: true, make };
        let array = |wrap, axes| Make::Array { element: Box::new(make.clone()), axes, wrap };
        let vec = || Make::Vec(Box::new(make.clone()));
        match self.random.below(9) {
            0 => plain(format!("ndarray::Array1<{element}>"), array("", 1)),
            1 => plain(format!("ndarray::Array2<{element}>"), array("", 2)),
            2 => plain(format!("ndarray::ArrayD<{element}>"), array(".into_dyn()", 2)),
            3 => plain(format!("serde_shm::ShmArray1<{element}>"), array(".into()", 1)),
            4 => plain(format!("serde_shm::ShmArrayD<{element}>"), array(".into_dyn().into()", 2)),
            5 => marked(format!("Vec<{element}>"), vec()),
            6 => marked(format!("Option<Vec<{element}>>"), Make::Option(Box::new(vec()))),
            7 => marked(format!("[{element}; 3]"), Make::Fixed(Box::new(make.clone()), 3)),
            _ => marked(format!("Vec<Vec<{element}>>"), Make::Vec(Box::new(vec()))),
        }
    }

    fn field(&mut self, depth: u32) -> Field {
        let plain = |ty: String, make| Field { ty, marked: false, make };
        if self.random.below(4) == 0 {
            return self.array();
        }
        if depth == 0 || self.random.below(3) == 0 {
            let (ty, make) = match self.random.below(6) {
                0 => ("char".to_owned(), Make::Char),
                1 => ("String".to_owned(), Make::Text),
                2 => ("()".to_owned(), Make::Unit),
                _ => self.scalar(),
            };
            return plain(ty, make);
        }
        let inner = |batch: &mut Batch| loop {
            // A mark stands before a field, not within a type, and ndarrays within others are serde's, which knows no `Element`.
            let field = batch.field(depth - 1);
            let is_serdes = field.ty.contains("ndarray::") && field.ty.contains("<E");
            if !(field.marked || is_serdes) {
                return (field.ty, Box::new(field.make));
            }
        };
        match self.random.below(9) {
            0 => {
                let (ty, make) = inner(self);
                plain(format!("Option<{ty}>"), Make::Option(make))
            }
            1 | 2 => {
                let (ty, make) = inner(self);
                plain(format!("Vec<{ty}>"), Make::Vec(make))
            }
            3 => {
                let (ty, make) = inner(self);
                plain(format!("Box<{ty}>"), Make::Box(make))
            }
            4 => {
                let (ty, make) = inner(self);
                plain(format!("[{ty}; 2]"), Make::Fixed(make, 2))
            }
            5 => {
                let (first, a) = inner(self);
                let (second, b) = inner(self);
                plain(format!("({first}, {second})"), Make::Tuple(vec![*a, *b]))
            }
            6 => {
                let (value, make) = inner(self);
                let (key, key_make) = match self.random.below(3) {
                    0 => ("String", Make::Text),
                    1 => ("u32", Make::Number("u32")),
                    _ => ("(bool, char)", Make::Tuple(vec![Make::Bool, Make::Char])),
                };
                let ty = format!("std::collections::BTreeMap<{key}, {value}>");
                plain(ty, Make::Map(Box::new(key_make), make))
            }
            _ if !self.types.is_empty() => {
                let number = self.random.below(self.types.len());
                plain(self.types[number].clone(), Make::Type(number))
            }
            _ => plain("u8".to_owned(), Make::Number("u8")),
        }
    }

    /// Fields with names, and the attributes of each.
    fn named(&mut self) -> Vec<(&'static str, String, Field)> {
        let count = self.random.below(6);
        let mut fields: Vec<(&'static str, String, Field)> = Vec::new();
        for at in 0..count {
            let name = NAMES[(self.random.below(NAMES.len() / 6) + at * 3) % NAMES.len()];
            let field = self.field(3);
            let mut attributes = String::new();
            if field.marked {
                attributes.push_str("#[shm_array] ");
            }
            if self.random.below(6) == 0 && at < RENAMES.len() {
                let _ = write!(attributes, "#[serde(rename = {:?})] ", RENAMES[at]);
            }
            if let Make::Option(_) = field.make
                && self.random.below(2) == 0
            {
                attributes
                    .push_str("#[serde(default, skip_serializing_if = \"Option::is_none\")] ");
            }
            fields.push((name, attributes, field));
        }
        fields
    }

    fn ty(&mut self, number: usize) {
        let name = format!("T{number}");
        let derives = "#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug, Clone)]\n\
                       #[allow(non_snake_case, non_camel_case_types)]\n";
        let mut source = String::from(derives);
        let value = match self.random.below(4) {
            0 => self.enumeration(&name, &mut source),
            1 => {
                let fields: Vec<Field> =
                    (0..1 + self.random.below(3)).map(|_| self.field(3)).collect();
                let mut types = Vec::new();
                for field in &fields {
                    let mark = if field.marked { "#[shm_array] " } else { "" };
                    types.push(format!("{mark}{}", field.ty));
                }
                let _ = writeln!(source, "struct {name}({});", types.join(", "));
                let values = fields.iter().map(|field| self.value(&field.make)).collect::<Vec<_>>();
                format!("{name}({})", values.join(", "))
            }
            _ => {
                let fields = self.named();
                let generic = self.random.below(4) == 0;
                let (parameter, extra) = if generic { ("<T>", "    last: T,\n") } else { ("", "") };
                let _ = writeln!(source, "struct {name}{parameter} {{");
                for (field, attributes, Field { ty, .. }) in &fields {
                    let _ = writeln!(source, "    {attributes}{field}: {ty},");
                }
                let _ = writeln!(source, "{extra}}}");
                let mut values: Vec<String> = Vec::new();
                for (field, _, Field { make, .. }) in &fields {
                    values.push(format!("{field}: {}", self.value(make)));
                }
                if generic {
                    values.push("last: vec![n]".to_owned());
                    self.finish(number, format!("{name}::<Vec<u64>>"), source, &name, &values);
                    return;
                }
                format!("{name} {{ {} }}", values.join(", "))
            }
        };
        let _ = writeln!(source, "fn make_{number}(n: u64) -> {name} {{ let _ = n; {value} }}\n");
        self.source.push_str(&source);
        self.types.push(name);
    }

    /// A struct with a parameter, of which one instance is used.
    fn finish(
        &mut self,
        number: usize,
        ty: String,
        mut source: String,
        name: &str,
        values: &[String],
    ) {
        let ty = ty.replace("::<", "<");
        let _ = writeln!(
            source,
            "fn make_{number}(n: u64) -> {ty} {{ {name} {{ {} }} }}\n",
            values.join(", ")
        );
        self.source.push_str(&source);
        self.types.push(ty);
    }

    fn enumeration(&mut self, name: &str, source: &mut String) -> String {
        let tagging = self.random.below(4);
        let attribute = match tagging {
            1 => "#[serde(tag = \"$tag\")]\n",
            2 => "#[serde(tag = \"$tag\", content = \"$content\")]\n",
            _ => "",
        };
        source.push_str(attribute);
        let _ = writeln!(source, "enum {name} {{");
        let mut values = Vec::new();
        for at in 0..1 + self.random.below(4) {
            let variant = format!("V{at}");
            match self.random.below(4) {
                0 => {
                    let _ = writeln!(source, "    {variant},");
                    values.push(format!("{name}::{variant}"));
                }
                // serde's tag within the content needs names there.
                1 | 2 if tagging != 1 => {
                    let fields: Vec<Field> =
                        (0..1 + self.random.below(2)).map(|_| self.field(2)).collect();
                    let mut types = Vec::new();
                    for field in &fields {
                        let mark = if field.marked { "#[shm_array] " } else { "" };
                        types.push(format!("{mark}{}", field.ty));
                    }
                    let _ = writeln!(source, "    {variant}({}),", types.join(", "));
                    let made: Vec<String> =
                        fields.iter().map(|field| self.value(&field.make)).collect();
                    values.push(format!("{name}::{variant}({})", made.join(", ")));
                }
                _ => {
                    let fields = self.named();
                    let _ = writeln!(source, "    {variant} {{");
                    for (field, attributes, Field { ty, .. }) in &fields {
                        let _ = writeln!(source, "        {attributes}{field}: {ty},");
                    }
                    let _ = writeln!(source, "    }},");
                    let mut made = Vec::new();
                    for (field, _, Field { make, .. }) in &fields {
                        made.push(format!("{field}: {}", self.value(make)));
                    }
                    values.push(format!("{name}::{variant} {{ {} }}", made.join(", ")));
                }
            }
        }
        let _ = writeln!(source, "}}");
        let arms: Vec<String> =
            values.iter().enumerate().map(|(at, value)| format!("{at} => {value}")).collect();
        format!("match n % {} {{ {}, _ => unreachable!() }}", values.len(), arms.join(", "))
    }

    /// An expression of a value that depends on `n`.
    fn value(&mut self, make: &Make) -> String {
        match make {
            Make::Number(ty) => {
                let number =
                    self.random.pick(&["0", "1", "n", "200 + n", "u64::MAX - n", "n << 40"]);
                format!("(({number}) as {ty})")
            }
            Make::Float => self.random.pick(&["0.5", "-1.25e10", "3.0"]).to_owned(),
            Make::Bool => "(n % 2 == 0)".to_owned(),
            Make::Char => self.random.pick(&["'a'", "'é'", "'\\u{10ffff}'"]).to_owned(),
            Make::Text => self
                .random
                .pick(&["String::new()", "format!(\"t{n}\")", "\"å.\".to_owned()"])
                .to_owned(),
            Make::Unit => "()".to_owned(),
            Make::Option(inner) => match self.random.below(3) {
                0 => "None".to_owned(),
                _ => format!("Some({})", self.value(inner)),
            },
            Make::Vec(inner) => {
                let value = self.value(inner);
                let len = self.random.pick(&["0", "1", "2 + n as usize", "5", "70"]);
                format!("{{ let mut all = Vec::new(); all.resize_with({len}, || {value}); all }}")
            }
            Make::Box(inner) => format!("Box::new({})", self.value(inner)),
            Make::Fixed(inner, len) => {
                let values: Vec<String> = (0..*len).map(|_| self.value(inner)).collect();
                format!("[{}]", values.join(", "))
            }
            Make::Tuple(all) => {
                let values: Vec<String> = all.iter().map(|make| self.value(make)).collect();
                format!("({})", values.join(", "))
            }
            Make::Map(key, value) => {
                let (key, value) = (self.value(key), self.value(value));
                let entries = if self.random.below(3) == 0 {
                    String::new()
                } else {
                    format!("({key}, {value})")
                };
                format!("std::collections::BTreeMap::from([{entries}])")
            }
            Make::Array { element, axes, wrap } => {
                let value = self.value(element);
                let shape = match axes {
                    1 => self.random.pick(&["0", "3", "1 + n as usize"]),
                    _ => self.random.pick(&["(2, 3)", "(1, 1)", "(0, 2)", "(2, 0)"]),
                };
                let plain = format!("ndarray::Array::from_shape_simple_fn({shape}, || {value})");
                let turned = *axes == 2 && self.random.below(3) == 0;
                format!("{plain}{}{wrap}", if turned { ".reversed_axes()" } else { "" })
            }
            Make::Type(number) => format!("make_{number}(n)"),
            Make::Element(number) => format!("element_{number}(n)"),
        }
    }
}

const PRELUDE: &str = r#"//! Made by the fuzz target `derive`.
#![allow(dead_code, unused_parens, unreachable_patterns, clippy::all)]

use serde::{Serialize, de::DeserializeOwned};

fn check<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: T) {
    let block = serde_shm::to_bytes(&value).unwrap_or_else(|e| panic!("{name}: {e}\n{value:?}"));
    let back: T = serde_shm::from_bytes(&block).unwrap_or_else(|e| panic!("{name}: {e}\n{value:?}"));
    assert_eq!(back, value, "{name} through bytes");
    serde_shm::from_bytes::<serde::de::IgnoredAny>(&block).unwrap();
}

/// Each container is code of its own for each type, so that not all types go through all.
fn check_file<T: Serialize + DeserializeOwned + PartialEq + std::fmt::Debug>(name: &str, value: T) {
    let path = std::env::temp_dir().join(format!("serde_shm-derived-{}.npz", std::process::id()));
    serde_shm::NpzOptions::new().fsync(false).save(&path, &value).unwrap();
    let back: serde_shm::Result<T> = serde_shm::from_npz(&path);
    let _ = std::fs::remove_file(&path);
    assert_eq!(back.unwrap_or_else(|e| panic!("{name}: {e}")), value, "{name} through a file");
}

"#;
