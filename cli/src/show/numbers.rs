//! An array as text, folded and set as NumPy does it.

use std::fmt::Write;

use serde_shm::{DType, DTypeField, DTypeKind, UntypedArray};

use super::float::FloatFormat;
use crate::element::{Complex64, Complex128, Number, Scalar, is_bf16, is_swapped};
use crate::{term, text};

/// An array of more elements is folded, to this many at each end of each axis.
const FOLD_FROM: usize = 1000;
const EDGE: usize = 3;

/// NumPy's own width, which no terminal makes wider, so that a text is the same in both.
const WIDTH: usize = 75;

pub(super) fn text(array: &UntypedArray, is_full: bool, width: usize) -> String {
    let is_folded = array.len() > FOLD_FROM && !is_full;
    let edge = if is_folded { EDGE } else { usize::MAX };
    let mut page = Page { array, edge, words: Words::new(array, edge), next: 0 };
    if array.ndim() == 0 {
        let bytes = array.element_bytes(&[]).unwrap_or_default();
        return match array.dtype().kind() {
            DTypeKind::Struct | DTypeKind::Raw => page.word(),
            _ => term::visible(&text::text(array.dtype(), bytes)),
        };
    }
    if array.is_empty() {
        return "[]".to_owned();
    }
    page.axis(0, " ", width.min(WIDTH))
}

/// The places of an axis that are shown: those at the start, and those at the end behind a fold.
fn places(len: usize, edge: usize) -> (std::ops::Range<usize>, std::ops::Range<usize>) {
    if len / 2 < edge || len == 2 * edge { (0..0, 0..len) } else { (0..edge, len - edge..len) }
}

/// The elements that are shown, as text of one width, in the order in which they are shown.
struct Words(Vec<String>);

impl Words {
    fn new(array: &UntypedArray, edge: usize) -> Self {
        let mut elements = Vec::new();
        if !array.is_empty() {
            gather(array, edge, &mut Vec::new(), &mut elements);
        }
        Words(words(array.dtype(), &elements))
    }
}

fn words(dtype: &DType, elements: &[&[u8]]) -> Vec<String> {
    let swapped = is_swapped(dtype);
    let texts = || elements.iter().map(|bytes| text::text(dtype, bytes));
    match dtype.kind() {
        DTypeKind::Float => {
            let numbers: Vec<Number> =
                elements.iter().filter_map(|bytes| text::raw_number(dtype, bytes)).collect();
            floats(&numbers, false)
        }
        DTypeKind::Complex => {
            let part = |bytes: &[u8]| {
                if dtype.item_size() == 8 {
                    let Complex64 { re, im } = Scalar::read(bytes, swapped);
                    (Number::F32(re), Number::F32(im))
                } else {
                    let Complex128 { re, im } = Scalar::read(bytes, swapped);
                    (Number::F64(re), Number::F64(im))
                }
            };
            let (re, im): (Vec<_>, Vec<_>) = elements.iter().map(|bytes| part(bytes)).unzip();
            let pairs = floats(&re, false).into_iter().zip(floats(&im, true));
            pairs.map(|(re, im)| re + &with_unit(&im)).collect()
        }
        DTypeKind::Text => texts().map(|text| quoted(&text)).collect(),
        DTypeKind::Bytes => texts().map(|text| bytes_text(&text)).collect(),
        DTypeKind::Datetime => aligned(texts().map(|text| format!("'{text}'")).collect()),
        DTypeKind::Timedelta => {
            let quoted = |text: String| if text == "NaT" { format!("'{text}'") } else { text };
            aligned(texts().map(quoted).collect())
        }
        DTypeKind::Bool => texts().map(|text| format!("{text:>5}")).collect(),
        DTypeKind::Struct => structs(dtype, elements),
        DTypeKind::Raw if !is_bf16(dtype) => elements.iter().map(|bytes| void(bytes)).collect(),
        _ => aligned(texts().collect()),
    }
}

/// Structs as NumPy sets them: each field is as wide in all of them.
fn structs(dtype: &DType, elements: &[&[u8]]) -> Vec<String> {
    let column = |field: &DTypeField| -> Vec<String> {
        let (inner, size) = (field.dtype(), field.dtype().item_size());
        let count: usize = field.shape().iter().product();
        let starts = || (0..count).map(|item| field.offset() + item * size);
        let mut parts: Vec<&[u8]> = Vec::with_capacity(elements.len() * count);
        for bytes in elements {
            parts.extend(starts().map(|start| bytes.get(start..start + size).unwrap_or_default()));
        }
        let mut words = words(inner, &parts).into_iter();
        elements.iter().map(|_| nested(field.shape(), &mut words)).collect()
    };
    let columns: Vec<Vec<String>> = dtype.fields().iter().map(column).collect();
    let row = |place: usize| {
        let fields: Vec<&str> = columns.iter().map(|column| column[place].as_str()).collect();
        // Python writes a tuple of one with a comma.
        let comma = if fields.len() == 1 { "," } else { "" };
        format!("({}{comma})", fields.join(", "))
    };
    (0..elements.len()).map(row).collect()
}

/// The words of a small array within a struct, in brackets.
fn nested(shape: &[usize], words: &mut impl Iterator<Item = String>) -> String {
    let Some((len, inner)) = shape.split_first() else { return words.next().unwrap_or_default() };
    let items: Vec<String> = (0..*len).map(|_| nested(inner, words)).collect();
    format!("[{}]", items.join(", "))
}

/// Bytes of no type, as NumPy writes them.
fn void(bytes: &[u8]) -> String {
    let mut text = "b'".to_owned();
    for byte in bytes {
        // Writing to a string does not fail.
        let _ = write!(text, "\\x{byte:02X}");
    }
    text.push('\'');
    text
}

/// The bytes of the elements that are shown.
fn gather<'a>(
    array: &'a UntypedArray,
    edge: usize,
    index: &mut Vec<usize>,
    elements: &mut Vec<&'a [u8]>,
) {
    let Some(len) = array.shape().get(index.len()) else {
        elements.extend(array.element_bytes(index));
        return;
    };
    let (leading, trailing) = places(*len, edge);
    for place in leading.chain(trailing) {
        index.push(place);
        gather(array, edge, index, elements);
        index.pop();
    }
}

fn floats(numbers: &[Number], has_plus: bool) -> Vec<String> {
    let format = FloatFormat::new(numbers, has_plus);
    let exponent = format.exponent_width(numbers);
    numbers.iter().map(|number| format.text(*number, exponent)).collect()
}

fn with_unit(im: &str) -> String {
    let digits = im.trim_end();
    format!("{digits}j{}", &im[digits.len()..])
}

/// Texts of one width, at the right.
fn aligned(texts: Vec<String>) -> Vec<String> {
    let width = texts.iter().map(|text| text.chars().count()).max().unwrap_or(0);
    texts.into_iter().map(|text| format!("{text:>width$}")).collect()
}

/// Bytes as Python writes them; they are escaped already.
fn bytes_text(text: &str) -> String {
    if text.contains("\\'") && !text.contains("\\\"") {
        format!("b\"{}\"", text.replace("\\'", "'"))
    } else {
        format!("b'{}'", text.replace("\\\"", "\""))
    }
}

/// A text as Python writes it.
fn quoted(text: &str) -> String {
    let quote = if text.contains('\'') && !text.contains('"') { '"' } else { '\'' };
    let shown = |char: char| match char {
        '\n' => "\\n".to_owned(),
        '\r' => "\\r".to_owned(),
        '\t' => "\\t".to_owned(),
        '\\' => "\\\\".to_owned(),
        _ if char == quote => format!("\\{char}"),
        '\0'..='\x1f' | '\x7f'..='\u{a0}' | '\u{ad}' => format!("\\x{:02x}", u32::from(char)),
        _ if term::is_visible(char) => char.to_string(),
        '\0'..='\u{ffff}' => format!("\\u{:04x}", u32::from(char)),
        _ => format!("\\U{:08x}", u32::from(char)),
    };
    format!("{quote}{}{quote}", text.chars().map(shown).collect::<String>())
}

struct Page<'a> {
    array: &'a UntypedArray,
    edge: usize,
    words: Words,
    next: usize,
}

impl Page<'_> {
    fn word(&mut self) -> String {
        let word = self.words.0.get_mut(self.next).map(std::mem::take).unwrap_or_default();
        self.next += 1;
        word
    }

    /// The elements from this axis on, in brackets. Lines after the first begin with `indent`.
    fn axis(&mut self, axis: usize, indent: &str, width: usize) -> String {
        let len = self.array.shape()[axis];
        let left = self.array.ndim() - axis;
        let (leading, trailing) = places(len, self.edge);
        let is_folded = !leading.is_empty();
        let mut text = String::new();
        if left > 1 {
            let deeper = format!("{indent} ");
            let end = "\n".repeat(left - 1);
            let count = leading.len() + trailing.len();
            for place in 0..count {
                if is_folded && place == leading.len() {
                    text.extend([indent, "...", &end]);
                }
                let nested = self.axis(axis + 1, &deeper, width - 1);
                text.extend([indent, &nested]);
                if place + 1 < count {
                    text += &end;
                }
            }
        } else {
            let mut line = indent.to_owned();
            let mut put = |line: &mut String, word: &str| {
                let is_long = line.chars().count() + word.chars().count() > width - 1;
                if is_long && line.len() > indent.len() {
                    text += line.trim_end();
                    text.push('\n');
                    indent.clone_into(line);
                }
                *line += word;
            };
            for _ in leading.clone() {
                put(&mut line, &self.word());
                line.push(' ');
            }
            if is_folded {
                put(&mut line, "...");
                line.push(' ');
            }
            for place in trailing.clone() {
                put(&mut line, &self.word());
                if place + 1 < trailing.end {
                    line.push(' ');
                }
            }
            text += &line;
        }
        format!("[{}]", text.get(indent.len()..).unwrap_or_default())
    }
}
