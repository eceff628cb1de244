//! A tree made by a walk that is written by hand, and comparisons by bits.

use serde_shm::value::{Map, Name, Names, Number, Numbers, PlacedArray, Record, Value, Walk};
use serde_shm::{Result, UntypedArray, UntypedLive};

/// Makes a value of what it is told, by what is public only. It holds the walk to its rules.
#[derive(Default)]
pub(crate) struct Rebuilt {
    open: Vec<Open>,
    root: Option<Value>,
}

enum Open {
    Some,
    Readable,
    Named(Name),
    Seq(Option<usize>, Vec<Value>),
    Tuple(usize, Vec<Value>),
    Map(Option<usize>, Vec<Value>),
    Record(Names, Vec<Option<Value>>),
}

impl Rebuilt {
    pub(crate) fn of(walk: impl FnOnce(&mut Rebuilt) -> Result<()>) -> Value {
        let mut made = Rebuilt::default();
        walk(&mut made).unwrap();
        assert!(made.open.is_empty());
        made.root.unwrap()
    }

    fn put(&mut self, mut value: Value) {
        loop {
            match self.open.last_mut() {
                Some(Open::Seq(_, items) | Open::Tuple(_, items) | Open::Map(_, items)) => {
                    items.push(value);
                }
                Some(Open::Record(_, fields)) => fields.push(Some(value)),
                Some(Open::Some) => {
                    self.open.pop();
                    value = Value::from(Some(value));
                    continue;
                }
                Some(Open::Readable) => {
                    self.open.pop();
                    value = Value::Readable(Box::new(value));
                    continue;
                }
                Some(Open::Named(_)) => {
                    let Some(Open::Named(name)) = self.open.pop() else { panic!("it is open") };
                    value = Value::Named(name, Box::new(value));
                    continue;
                }
                None => assert!(self.root.replace(value).is_none(), "one object"),
            }
            return;
        }
    }

    #[allow(clippy::unnecessary_wraps)] // As the walk wants it.
    fn leaf(&mut self, value: impl Into<Value>) -> Result<()> {
        self.put(value.into());
        Ok(())
    }

    #[allow(clippy::unnecessary_wraps)]
    fn open(&mut self, open: Open) -> Result<()> {
        self.open.push(open);
        Ok(())
    }
}

impl<'a> Walk<'a> for Rebuilt {
    fn unit(&mut self) -> Result<()> {
        self.leaf(Value::Unit)
    }

    fn bool(&mut self, value: bool) -> Result<()> {
        self.leaf(value)
    }

    fn number(&mut self, value: Number) -> Result<()> {
        self.leaf(value)
    }

    fn numbers(&mut self, values: Numbers<'_>) -> Result<()> {
        assert!(!values.is_empty());
        let Some(Open::Seq(_, items)) = self.open.last_mut() else { panic!("no list is open") };
        items.extend(values.values());
        Ok(())
    }

    fn char(&mut self, value: char) -> Result<()> {
        self.leaf(value)
    }

    fn text(&mut self, text: &'a str) -> Result<()> {
        self.leaf(text)
    }

    fn bytes(&mut self, bytes: &'a [u8]) -> Result<()> {
        self.leaf(Value::Bytes(bytes.into()))
    }

    fn none(&mut self) -> Result<()> {
        self.leaf(Value::Optional(None))
    }

    fn some(&mut self) -> Result<()> {
        self.open(Open::Some)
    }

    fn readable(&mut self) -> Result<()> {
        self.open(Open::Readable)
    }

    fn named(&mut self, name: &'a str) -> Result<()> {
        self.open(Open::Named(Name::new(name)?))
    }

    fn seq(&mut self, len: Option<usize>) -> Result<()> {
        self.open(Open::Seq(len, Vec::new()))
    }

    fn tuple(&mut self, len: usize) -> Result<()> {
        self.open(Open::Tuple(len, Vec::new()))
    }

    fn map(&mut self, len: Option<usize>) -> Result<()> {
        self.open(Open::Map(len, Vec::new()))
    }

    fn record(&mut self, names: &Names) -> Result<()> {
        self.open(Open::Record(names.clone(), Vec::new()))
    }

    fn absent(&mut self) -> Result<()> {
        let Some(Open::Record(_, fields)) = self.open.last_mut() else { panic!("no record") };
        fields.push(None);
        Ok(())
    }

    fn unannounced(&mut self) -> Result<()> {
        match self.open.last() {
            Some(Open::Seq(None, items)) => assert!(items.len() > 63),
            Some(Open::Map(None, items)) => assert!(items.len() > 126),
            _ => panic!("no list of unknown length"),
        }
        Ok(())
    }

    fn end(&mut self) -> Result<()> {
        let value = match self.open.pop() {
            Some(Open::Seq(len, items)) => {
                assert!(len.is_none_or(|len| len == items.len()));
                Value::from(items)
            }
            Some(Open::Tuple(len, items)) => {
                assert_eq!(len, items.len());
                Value::Tuple(items.into())
            }
            Some(Open::Map(len, items)) => {
                assert!(items.len().is_multiple_of(2));
                assert!(len.is_none_or(|len| len == items.len() / 2));
                let mut items = items.into_iter();
                let entry = || Some((items.next()?, items.next()?));
                Value::Map(std::iter::from_fn(entry).collect::<Map>())
            }
            Some(Open::Record(names, fields)) => Record::with_absent(names, fields)?.into(),
            Some(Open::Some | Open::Readable | Open::Named(_)) | None => panic!("nothing to end"),
        };
        self.put(value);
        Ok(())
    }

    fn array(&mut self, array: PlacedArray) -> Result<()> {
        self.leaf(array)
    }

    fn live(&mut self, array: UntypedLive) -> Result<()> {
        self.leaf(array)
    }
}

/// Whether both are the same in every bit; a NaN is what it was.
pub(crate) fn same(one: &Value, other: &Value) -> bool {
    let all = |one: &[Value], other: &[Value]| {
        one.len() == other.len() && one.iter().zip(other).all(|(one, other)| same(one, other))
    };
    match (one, other) {
        (Value::F32(one), Value::F32(other)) => one.to_bits() == other.to_bits(),
        (Value::F64(one), Value::F64(other)) => one.to_bits() == other.to_bits(),
        (Value::Optional(Some(one)), Value::Optional(Some(other)))
        | (Value::Readable(one), Value::Readable(other)) => same(one, other),
        (Value::Seq(one), Value::Seq(other)) => all(one, other),
        (Value::Named(name, one), Value::Named(other_name, other)) => {
            name == other_name && same(one, other)
        }
        (Value::Tuple(one), Value::Tuple(other)) => all(one, other),
        (Value::Map(one), Value::Map(other)) => {
            let mut pairs = one.iter().zip(&other[..]);
            one.len() == other.len()
                && pairs.all(|(one, other)| same(&one.0, &other.0) && same(&one.1, &other.1))
        }
        (Value::Record(one), Value::Record(other)) => {
            one.names() == other.names()
                && (0..one.names().len()).all(|place| {
                    match (one.value(place), other.value(place)) {
                        (Some(one), Some(other)) => same(one, other),
                        (one, other) => one.is_none() && other.is_none(),
                    }
                })
        }
        (Value::Array(one), Value::Array(other)) => {
            one.is_ndarray_form() == other.is_ndarray_form() && same_array(one, other)
        }
        (one, other) => one == other,
    }
}

pub(crate) fn same_array(one: &UntypedArray, other: &UntypedArray) -> bool {
    one.dtype() == other.dtype()
        && one.shape() == other.shape()
        && one.to_bytes().unwrap() == other.to_bytes().unwrap()
}
