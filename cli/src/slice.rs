//! NumPy's slices: `w[3, ::2]`, `points['x'][-1]`.

use std::fmt;
use std::ops::Range;

use serde_shm::{DType, UntypedArray};

use crate::fault::{Fault, Result};

/// An array's path, and what of the array is meant.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) struct Selection {
    pub(crate) path: String,
    groups: Vec<Group>,
}

/// What stands in one pair of brackets.
#[derive(Clone, Debug, PartialEq, Eq)]
enum Group {
    Field(String),
    Items(Vec<Item>),
}

#[derive(Clone, Debug, PartialEq, Eq)]
enum Item {
    Index(isize),
    Range { start: Option<isize>, stop: Option<isize>, step: Option<isize> },
    Ellipsis,
    NewAxis,
}

impl Selection {
    /// A path alone, without a slice.
    pub(crate) fn of_path(path: &str) -> Self {
        Selection { path: path.to_owned(), groups: Vec::new() }
    }

    pub(crate) fn parse(text: &str) -> Result<Self> {
        let fault = |why: &str| {
            Fault::new(format_args!(
                "`{text}`: {why}; a slice is written as in NumPy: `w[3, ::2]`, `w[..., -1]`, `points['x']`"
            ))
        };
        let Some(start) = text.find('[') else { return Ok(Selection::of_path(text)) };
        let (path, mut rest) = text.split_at(start);
        let mut groups = Vec::new();
        while !rest.is_empty() {
            let inner = rest.strip_prefix('[').ok_or_else(|| fault("expected `[`"))?;
            let end = end_of_group(inner).ok_or_else(|| fault("the closing `]` is missing"))?;
            groups.push(group(&inner[..end]).map_err(|why| fault(&why))?);
            rest = inner[end + 1..].trim_start();
        }
        Ok(Selection { path: path.to_owned(), groups })
    }

    /// The elements that are meant, where they lie.
    pub(crate) fn of(&self, array: &UntypedArray) -> Result<UntypedArray> {
        if self.groups.is_empty() {
            return Ok(array.clone());
        }
        let Some(_) = array.as_bytes() else {
            return Err(Fault::new(format_args!(
                "{}: its elements do not lie together",
                self.path
            )));
        };
        let mut part = Strided {
            dtype: array.dtype().clone(),
            shape: array.shape().to_vec(),
            strides: array.strides().to_vec(),
            offset: 0,
        };
        for group in &self.groups {
            part = part.of(group).map_err(|why| Fault::new(format_args!("{self}: {why}")))?;
        }
        let owner = Owner(array.clone());
        let Strided { dtype, shape, strides, offset } = part;
        let strides: Vec<isize> = shape
            .iter()
            .zip(strides)
            .map(|(len, stride)| if *len < 2 { 0 } else { stride })
            .collect();
        Ok(UntypedArray::from_owner_with_strides(dtype, &shape, &strides, offset, owner)?)
    }
}

/// Places of the first axis, where they lie.
pub(crate) fn rows(array: &UntypedArray, places: Range<usize>) -> Result<UntypedArray> {
    let place = |place: usize| Some(place.cast_signed());
    let range = Item::Range { start: place(places.start), stop: place(places.end), step: None };
    Selection { path: String::new(), groups: vec![Group::Items(vec![range])] }.of(array)
}

/// Keeps the array of which a slice is.
struct Owner(UntypedArray);

impl AsRef<[u8]> for Owner {
    fn as_ref(&self) -> &[u8] {
        // Whoever makes an owner has looked that the elements lie together.
        self.0.as_bytes().unwrap_or_default()
    }
}

/// Where the bracket ends that has begun before this text.
fn end_of_group(text: &str) -> Option<usize> {
    let mut quote = None;
    text.char_indices().find_map(|(at, char)| {
        match (quote, char) {
            (None, ']') => return Some(at),
            (None, '\'' | '"') => quote = Some(char),
            (Some(open), _) if open == char => quote = None,
            _ => {}
        }
        None
    })
}

fn group(text: &str) -> Result<Group, String> {
    let text = text.trim();
    for quote in ['\'', '"'] {
        let name = text.strip_prefix(quote).and_then(|text| text.strip_suffix(quote));
        if let Some(name) = name {
            return Ok(Group::Field(name.to_owned()));
        }
    }
    if text.is_empty() {
        return Err("the brackets are empty".to_owned());
    }
    let items: Result<Vec<_>, _> =
        text.strip_suffix(',').unwrap_or(text).split(',').map(|text| item(text.trim())).collect();
    let items = items?;
    if items.iter().filter(|item| **item == Item::Ellipsis).count() > 1 {
        return Err("`...` may stand once".to_owned());
    }
    Ok(Group::Items(items))
}

fn item(text: &str) -> Result<Item, String> {
    let number =
        |text: &str| text.trim().parse::<isize>().map_err(|_| format!("`{text}` is no integer"));
    let bound = |text: &str| if text.trim().is_empty() { Ok(None) } else { number(text).map(Some) };
    match text {
        "..." => Ok(Item::Ellipsis),
        "None" | "newaxis" | "np.newaxis" => Ok(Item::NewAxis),
        _ if !text.contains(':') => Ok(Item::Index(number(text)?)),
        _ => {
            let parts: Vec<&str> = text.split(':').collect();
            let (start, stop, step) = match parts[..] {
                [start, stop] => (start, stop, ""),
                [start, stop, step] => (start, stop, step),
                _ => return Err(format!("`{text}` has more than two colons")),
            };
            let step = bound(step)?;
            if step == Some(0) {
                return Err("a step cannot be 0".to_owned());
            }
            Ok(Item::Range { start: bound(start)?, stop: bound(stop)?, step })
        }
    }
}

impl fmt::Display for Selection {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.path)?;
        self.groups.iter().try_for_each(|group| match group {
            Group::Field(name) => write!(f, "['{name}']"),
            Group::Items(items) => {
                let items: Vec<String> = items.iter().map(Item::to_string).collect();
                write!(f, "[{}]", items.join(", "))
            }
        })
    }
}

impl fmt::Display for Item {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let text =
            |bound: &Option<isize>| bound.map_or_else(String::new, |bound| bound.to_string());
        match self {
            Item::Index(index) => write!(f, "{index}"),
            Item::Ellipsis => f.write_str("..."),
            Item::NewAxis => f.write_str("None"),
            Item::Range { start, stop, step: None } => write!(f, "{}:{}", text(start), text(stop)),
            Item::Range { start, stop, step } => {
                write!(f, "{}:{}:{}", text(start), text(stop), text(step))
            }
        }
    }
}

/// A part of an array's elements: where they lie in its bytes.
struct Strided {
    dtype: DType,
    shape: Vec<usize>,
    strides: Vec<isize>,
    offset: usize,
}

impl Strided {
    fn of(self, group: &Group) -> Result<Strided, String> {
        match group {
            Group::Field(name) => self.field(name),
            Group::Items(items) => self.slice(items),
        }
    }

    fn field(mut self, name: &str) -> Result<Strided, String> {
        let fields = self.dtype.fields();
        let Some(field) = fields.iter().find(|field| field.name() == name) else {
            let names: Vec<String> =
                fields.iter().map(|field| format!("'{}'", field.name())).collect();
            return Err(match names.len() {
                0 => format!("its dtype {} has no fields", self.dtype),
                _ => format!("there is no field '{name}'; it has {}", names.join(", ")),
            });
        };
        let dtype = field.dtype().clone();
        let mut stride = dtype.item_size().cast_signed();
        let mut strides = Vec::new();
        for len in field.shape().iter().rev() {
            strides.insert(0, stride);
            stride *= len.cast_signed();
        }
        self.offset += field.offset();
        self.shape.extend(field.shape());
        self.strides.extend(strides);
        Ok(Strided { dtype, ..self })
    }

    fn slice(self, items: &[Item]) -> Result<Strided, String> {
        let axes = self.shape.len();
        let is_used = |item: &&Item| matches!(item, Item::Index(_) | Item::Range { .. });
        let used = items.iter().filter(is_used).count();
        if used > axes {
            return Err(format!(
                "the slice has {used} axes, and the array {axes} (shape {:?})",
                self.shape
            ));
        }
        let mut part = Strided {
            dtype: self.dtype,
            shape: Vec::new(),
            strides: Vec::new(),
            offset: self.offset,
        };
        let mut offset = part.offset.cast_signed();
        let mut axis = 0;
        let rest = [Item::Ellipsis];
        let is_open = !items.contains(&Item::Ellipsis);
        for item in items.iter().chain(rest.iter().filter(|_| is_open)) {
            let len = self.shape.get(axis).copied().unwrap_or(0);
            let stride = self.strides.get(axis).copied().unwrap_or(0);
            match item {
                Item::NewAxis => {
                    part.shape.push(1);
                    part.strides.push(0);
                }
                Item::Ellipsis => {
                    for _ in used..axes {
                        part.shape.push(self.shape[axis]);
                        part.strides.push(self.strides[axis]);
                        axis += 1;
                    }
                }
                Item::Index(index) => {
                    let place = if *index < 0 { index + len.cast_signed() } else { *index };
                    if !(0..len.cast_signed()).contains(&place) {
                        return Err(format!(
                            "index {index} is out of range: axis {axis} has {len} elements (shape {:?})",
                            self.shape
                        ));
                    }
                    offset += place * stride;
                    axis += 1;
                }
                Item::Range { start, stop, step } => {
                    let step = step.unwrap_or(1);
                    let (first, count) = range(len, *start, *stop, step);
                    if count > 0 {
                        offset += first * stride;
                    }
                    part.shape.push(count);
                    part.strides.push(stride.saturating_mul(step));
                    axis += 1;
                }
            }
        }
        part.offset = offset.cast_unsigned();
        Ok(part)
    }
}

/// The first place of a slice and how many places it has, as Python's `slice.indices`.
fn range(len: usize, start: Option<isize>, stop: Option<isize>, step: isize) -> (isize, usize) {
    let len = len.cast_signed();
    let (lowest, highest) = if step > 0 { (0, len) } else { (-1, len - 1) };
    let clamp = |bound: isize| {
        let bound = if bound < 0 { bound.saturating_add(len) } else { bound };
        bound.clamp(lowest, highest)
    };
    let (from, to) = if step > 0 { (lowest, highest) } else { (highest, lowest) };
    let (start, stop) = (start.map_or(from, clamp), stop.map_or(to, clamp));
    let span = if step > 0 { stop - start } else { start - stop };
    let count = if span > 0 { (span.cast_unsigned() - 1) / step.unsigned_abs() + 1 } else { 0 };
    (start, count)
}

#[cfg(test)]
mod tests {
    use super::*;
    use serde_shm::Order;

    /// The numbers from 0 in this shape.
    fn numbers(shape: &[usize]) -> UntypedArray {
        let count: u8 = shape.iter().product::<usize>() as u8;
        UntypedArray::from_owner(DType::U8, shape, Order::C, (0..count).collect::<Vec<_>>())
            .unwrap()
    }

    fn sliced(shape: &[usize], text: &str) -> (Vec<usize>, Vec<u8>) {
        let part = Selection::parse(text).unwrap().of(&numbers(shape)).unwrap();
        (part.shape().to_vec(), part.to_bytes().unwrap().into_owned())
    }

    fn fault(shape: &[usize], text: &str) -> String {
        let part = Selection::parse(text).and_then(|selection| selection.of(&numbers(shape)));
        part.unwrap_err().to_string()
    }

    #[test]
    fn slices_are_numpys() {
        for (text, shape, elements) in [
            ("w", &[2, 3][..], &[0, 1, 2, 3, 4, 5][..]),
            ("w[1]", &[3], &[3, 4, 5]),
            ("w[-1, -1]", &[], &[5]),
            ("w[:, ::2]", &[2, 2], &[0, 2, 3, 5]),
            ("w[::-1, 1]", &[2], &[4, 1]),
            ("w[..., 0]", &[2], &[0, 3]),
            ("w[0, ...]", &[3], &[0, 1, 2]),
            ("w[None, 0, 1:]", &[1, 2], &[1, 2]),
            ("w[5:, 0]", &[0], &[]),
            ("w[:, -100:2]", &[2, 2], &[0, 1, 3, 4]),
            ("w[:, 2:0:-1]", &[2, 2], &[2, 1, 5, 4]),
            ("w[1][1:][0]", &[], &[4]),
            ("w[1,]", &[3], &[3, 4, 5]),
        ] {
            assert_eq!(sliced(&[2, 3], text), (shape.to_vec(), elements.to_vec()), "{text}");
        }
    }

    #[test]
    fn a_slice_that_does_not_fit_says_the_shape() {
        for (text, said) in [
            ("w[2]", "w[2]: index 2 is out of range: axis 0 has 2 elements (shape [2, 3])"),
            ("w[0, -4]", "axis 1 has 3 elements"),
            ("w[0, 0, 0]", "the slice has 3 axes, and the array 2 (shape [2, 3])"),
            ("w['x']", "its dtype |u1 has no fields"),
        ] {
            assert!(fault(&[2, 3], text).contains(said), "{}", fault(&[2, 3], text));
        }
    }

    #[test]
    fn what_is_no_slice_is_said() {
        for (text, said) in [
            ("w[", "closing `]` is missing"),
            ("w[]", "empty"),
            ("w[a]", "`a` is no integer"),
            ("w[1:2:3:4]", "more than two colons"),
            ("w[::0]", "a step cannot be 0"),
            ("w[..., ...]", "once"),
            ("w[1]x", "expected `[`"),
        ] {
            assert!(Selection::parse(text).unwrap_err().to_string().contains(said), "{text}");
        }
    }

    #[test]
    fn fields_of_structs_are_axes_of_their_own() {
        let dtype = "[('id', '|u1'), ('at', '|u1', (2,))]".parse().unwrap();
        let array = UntypedArray::from_owner(dtype, &[2], Order::C, b"abcdef").unwrap();
        let part = |text| Selection::parse(text).unwrap().of(&array).unwrap();
        assert_eq!(&*part("p['id']").to_bytes().unwrap(), b"ad");
        assert_eq!(part("p['at']").shape(), [2, 2]);
        assert_eq!(&*part("p[\"at\"][:, 1]").to_bytes().unwrap(), b"cf");
        let said = Selection::parse("p['z']").unwrap().of(&array).unwrap_err().to_string();
        assert!(said.contains("it has 'id', 'at'"), "{said}");
    }

    #[test]
    fn python_counts_the_same() {
        assert_eq!(range(10, None, None, 3), (0, 4));
        assert_eq!(range(10, None, None, -3), (9, 4));
        assert_eq!(range(10, Some(-3), None, 1), (7, 3));
        assert_eq!(range(10, Some(20), Some(2), -4), (9, 2));
        assert_eq!(range(0, None, None, -1), (-1, 0));
        assert_eq!(range(3, Some(isize::MIN), Some(isize::MAX), isize::MAX), (0, 1));
    }
}
