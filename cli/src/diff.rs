//! `diff`: what differs between two objects, whatever containers they are in.

use std::collections::HashSet;
use std::io::Write;

use serde::{Serialize, Serializer};
use serde_shm::{DType, DTypeField, DTypeKind, UntypedArray};

use crate::args::Diff;
use crate::bar::Bar;
use crate::element::Number;
use crate::fault::{Fault, Result};
use crate::show::index::each_element;
use crate::target::{self, Target};
use crate::term::{self, ALARM, Colours, FAINT, GOOD, Line, NAME, NUMBER, Screen};
use crate::tree::{Fold, Head, Leaf, Node};
use crate::{Ended, inspect, stop, text};

/// How many bytes are compared between two looks at Ctrl-C.
const CHUNK: usize = 4 << 20;

pub(crate) fn run(args: &Diff, screen: &mut Screen) -> Result<Ended> {
    if args.json {
        screen.colours = Colours::Absent;
    }
    let (first, second) = (Target::open(&args.first)?, Target::open(&args.second)?);
    let fold = Fold { parts: usize::MAX, bytes: usize::MAX, depth: usize::MAX };
    let trees = [inspect::tree_of(&first, fold)?, inspect::tree_of(&second, fold)?];
    let [ours, theirs] = [flat(&trees[0]), flat(&trees[1])];
    stop::listen()?;
    let bytes = ours.iter().filter_map(|(_, node)| array(node)).map(|head| head.bytes).sum();
    let pair = Pair { args, targets: [&first, &second], bar: Bar::new(bytes) };
    let mut report = Report { args, screen, found: Vec::new(), count: 0 };
    let there: std::collections::HashMap<&str, &Node> =
        theirs.iter().map(|(path, node)| (path.as_str(), *node)).collect();
    for (path, node) in &ours {
        if stop::is_asked() {
            break;
        }
        let change = match there.get(path.as_str()) {
            None => Some(Change::Removed { value: said(node) }),
            Some(other) => pair.compare(node, other)?,
        };
        if let Some(change) = change {
            pair.bar.hide(|| report.say(path, change))?;
        }
    }
    let here: HashSet<&str> = ours.iter().map(|(path, _)| path.as_str()).collect();
    for (path, node) in theirs.iter().filter(|(path, _)| !here.contains(path.as_str())) {
        report.say(path, Change::Added { value: said(node) })?;
    }
    pair.bar.finish();
    report.end([&first, &second])
}

/// What has no parts, with its path. A list without items counts.
fn flat(tree: &Node) -> Vec<(String, &Node)> {
    let mut found = Vec::new();
    tree.each("", &mut |path, node| match node {
        Node::Parts(parts) if !parts.children.is_empty() => {}
        _ => found.push((path.to_owned(), node)),
    });
    found
}

fn array(node: &Node) -> Option<&Head> {
    match node {
        Node::Array(head) => Some(head),
        _ => None,
    }
}

/// What is said of a part: as a line on the screen, as a text in JSON.
struct Said(Line);

fn said(node: &Node) -> Said {
    Said(inspect::describe(node, Line::default(), usize::MAX))
}

impl Serialize for Said {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        serializer.serialize_str(&self.0.text())
    }
}

/// Two long texts from shortly before the place where they begin to differ.
fn where_they_differ(first: &Leaf, second: &Leaf) -> Option<[Said; 2]> {
    const BEFORE: usize = 8;
    let (Leaf::Text(first, _), Leaf::Text(second, _)) = (first, second) else { return None };
    let alike = first.chars().zip(second.chars()).take_while(|(one, other)| one == other).count();
    let skipped = alike.checked_sub(BEFORE).filter(|skipped| *skipped > BEFORE)?;
    let rest = |text: &str| {
        let rest: String = text.chars().skip(skipped).collect();
        let node = Node::Leaf(Leaf::Text(rest, 0));
        Said(inspect::describe(&node, Line::of(FAINT, "…"), usize::MAX))
    };
    Some([rest(first), rest(second)])
}

/// How a part differs.
#[derive(Serialize)]
#[serde(tag = "change", rename_all = "lowercase")]
enum Change {
    Removed { value: Said },
    Added { value: Said },
    Value { first: Said, second: Said },
    Elements(Distance),
}

/// How the elements of two arrays of one shape differ.
#[derive(Default, Serialize)]
struct Distance {
    /// The dtypes, if they are not the same.
    dtypes: Option<[String; 2]>,
    differing: u64,
    total: u64,
    /// The largest |a - b|, and where it is.
    largest: Option<f64>,
    at: Option<Vec<usize>>,
    /// The largest |a - b| / |b|.
    relative: Option<f64>,
    /// Whether somebody stopped the comparison.
    partial: bool,
}

struct Pair<'a> {
    args: &'a Diff,
    targets: [&'a Target; 2],
    bar: Bar,
}

impl Pair<'_> {
    fn compare(&self, first: &Node, second: &Node) -> Result<Option<Change>> {
        let values = || {
            let differ = match (first, second) {
                (Node::Leaf(first), Node::Leaf(second)) if !self.args.json => {
                    where_they_differ(first, second)
                }
                _ => None,
            };
            let [first, second] = differ.unwrap_or_else(|| [first, second].map(said));
            Some(Change::Value { first, second })
        };
        Ok(match (first, second) {
            (Node::Array(first), Node::Array(second)) if first.shape == second.shape => {
                let elements = self.elements(first, second)?;
                let is_same = elements.dtypes.is_none() && elements.differing == 0;
                (!is_same).then_some(Change::Elements(elements))
            }
            (Node::Leaf(first), Node::Leaf(second)) if self.is_same(first, second) => None,
            // Both are lists or maps without parts.
            (Node::Parts(_), Node::Parts(_)) => None,
            _ => values(),
        })
    }

    fn is_same(&self, first: &Leaf, second: &Leaf) -> bool {
        match (first, second) {
            (Leaf::Float(one, text), Leaf::Float(other, other_text)) => {
                text == other_text || self.is_close(*one, *other)
            }
            (Leaf::Variant(one), Leaf::Variant(other))
            | (Leaf::Text(one, _), Leaf::Text(other, _)) => one == other,
            (Leaf::Bytes(one, _), Leaf::Bytes(other, _)) => one == other,
            (Leaf::Int(one), Leaf::Int(other)) => {
                let distance = one.abs_diff(*other) as f64;
                one == other || self.is_within(distance, *other as f64)
            }
            (Leaf::Large(one), Leaf::Large(other)) => one == other,
            (Leaf::Bool(one), Leaf::Bool(other)) => one == other,
            (Leaf::Nothing, Leaf::Nothing) => true,
            _ => false,
        }
    }

    /// Whether the tolerance lets two numbers pass. A NaN is the same as another.
    fn is_close(&self, one: f64, other: f64) -> bool {
        let is_within = self.is_within((one - other).abs(), other);
        one == other || (one.is_nan() && other.is_nan()) || is_within
    }

    fn is_within(&self, distance: f64, other: f64) -> bool {
        other.is_finite() && distance <= self.args.atol + self.args.rtol * other.abs()
    }

    fn elements(&self, first: &Head, second: &Head) -> Result<Distance> {
        let (one, other) = (first.load(self.targets[0])?, second.load(self.targets[1])?);
        let dtypes = [one.dtype(), other.dtype()];
        let mut found = Distance { total: one.len() as u64, ..Distance::default() };
        if dtypes[0] != dtypes[1] {
            found.dtypes = Some(dtypes.map(DType::to_string));
        }
        let is_alike =
            found.dtypes.is_none() && one.order().is_some() && one.order() == other.order();
        match (one.as_bytes(), other.as_bytes()) {
            (Some(left), Some(right)) if is_alike => self.in_place(&one, left, right, &mut found),
            _ => {
                let mut seen = 0;
                // An error ends the walk; there is none but Ctrl-C.
                let ended = each_element(&one, |index, bytes| {
                    let other_bytes = other.element_bytes(index).unwrap_or_default();
                    self.see(&mut found, dtypes, [bytes, other_bytes], || index.to_vec());
                    seen += bytes.len();
                    if seen >= CHUNK {
                        self.bar.advance(seen);
                        seen = 0;
                    }
                    if stop::is_asked() { Err(()) } else { Ok(()) }
                });
                found.partial = ended.is_err();
                self.bar.advance(seen);
            }
        }
        Ok(found)
    }

    /// Compares elements that lie in the same order: chunks that are the same need no closer look.
    fn in_place(&self, array: &UntypedArray, left: &[u8], right: &[u8], found: &mut Distance) {
        let size = array.dtype().item_size();
        if size == 0 {
            return;
        }
        let chunk = (CHUNK / size).max(1) * size;
        let dtypes = [array.dtype(); 2];
        for (number, (left, right)) in left.chunks(chunk).zip(right.chunks(chunk)).enumerate() {
            if stop::is_asked() {
                found.partial = true;
                return;
            }
            if left != right {
                let pairs = left.chunks_exact(size).zip(right.chunks_exact(size)).enumerate();
                for (place, (left, right)) in pairs.filter(|(_, (left, right))| left != right) {
                    let place = number * (chunk / size) + place;
                    self.see(found, dtypes, [left, right], || index_of(array, place));
                }
            }
            self.bar.advance(left.len());
        }
    }

    fn see(
        &self,
        found: &mut Distance,
        dtypes: [&DType; 2],
        bytes: [&[u8]; 2],
        index: impl FnOnce() -> Vec<usize>,
    ) {
        let mut apart = Vec::new();
        if self.is_alike(dtypes, bytes, &mut apart) {
            return;
        }
        found.differing += 1;
        let mut index = Some(index);
        for (distance, other) in apart.into_iter().filter(|(distance, _)| distance.is_finite()) {
            if found.largest.is_none_or(|largest| distance > largest) {
                found.largest = Some(distance);
                // Of the fields of a struct, one may be farther apart than another.
                if let Some(index) = index.take() {
                    found.at = Some(index());
                }
            }
            let relative = distance / other;
            if relative.is_finite() {
                found.relative = Some(found.relative.map_or(relative, |most| most.max(relative)));
            }
        }
    }

    /// Whether two elements are the same, or the tolerance lets them pass. Of numbers that it does not let pass, `apart` gets the
    /// distance, and the size of the second.
    fn is_alike(
        &self,
        dtypes: [&DType; 2],
        bytes: [&[u8]; 2],
        apart: &mut Vec<(f64, f64)>,
    ) -> bool {
        if dtypes.iter().all(|dtype| dtype.kind() == DTypeKind::Struct) {
            return self.are_fields_alike(dtypes, bytes, apart);
        }
        let numbers = [0, 1].map(|side| text::raw_number(dtypes[side], bytes[side]));
        let [Some(one), Some(other)] = numbers else {
            return text::text(dtypes[0], bytes[0]) == text::text(dtypes[1], bytes[1]);
        };
        // Integers may be too large for floats to tell them apart, and complex numbers have another part.
        let is_same = match (text::exact(dtypes[0], bytes[0]), text::exact(dtypes[1], bytes[1])) {
            (Some(one), Some(other)) => one == other,
            _ => bytes[0] == bytes[1],
        };
        let distance = text::distance(dtypes, bytes);
        let (one, other) = (one.to_f64(), other.to_f64());
        let both_nan = one.is_nan() && other.is_nan();
        let is_alike = is_same
            || both_nan
            || self.is_within(distance, other)
            || (distance == 0.0 && one == other);
        if !is_alike {
            apart.push((distance, other.abs()));
        }
        is_alike
    }

    fn are_fields_alike(
        &self,
        dtypes: [&DType; 2],
        bytes: [&[u8]; 2],
        apart: &mut Vec<(f64, f64)>,
    ) -> bool {
        let [ours, theirs] = dtypes.map(DType::fields);
        let mut is_alike = ours.len() == theirs.len();
        for (one, other) in ours.iter().zip(theirs) {
            let inner = [one.dtype(), other.dtype()];
            is_alike &= one.name() == other.name() && one.shape() == other.shape();
            for item in 0..one.shape().iter().product() {
                let part = |side: usize, field: &DTypeField| {
                    let size = inner[side].item_size();
                    let start = field.offset() + item * size;
                    bytes[side].get(start..start + size).unwrap_or_default()
                };
                let parts = [part(0, one), part(1, other)];
                is_alike &=
                    parts.iter().zip(inner).all(|(part, dtype)| part.len() == dtype.item_size())
                        && self.is_alike(inner, parts, apart);
            }
        }
        is_alike
    }
}

/// The index of the element at a place in memory.
fn index_of(array: &UntypedArray, mut place: usize) -> Vec<usize> {
    let shape = array.shape();
    let mut index = vec![0; shape.len()];
    let mut axes: Vec<usize> = (0..shape.len()).collect();
    if array.order() != Some(serde_shm::Order::F) {
        axes.reverse();
    }
    for axis in axes {
        index[axis] = place % shape[axis];
        place /= shape[axis];
    }
    index
}

#[derive(Serialize)]
struct Found {
    path: String,
    #[serde(flatten)]
    change: Change,
}

struct Report<'a> {
    args: &'a Diff,
    screen: &'a mut Screen,
    found: Vec<Found>,
    count: usize,
}

impl Report<'_> {
    fn say(&mut self, path: &str, change: Change) -> Result<()> {
        self.count += 1;
        if self.args.quiet {
            return Ok(());
        }
        let path = if path.is_empty() { "." } else { path };
        if self.args.json {
            self.found.push(Found { path: path.to_owned(), change });
            return Ok(());
        }
        let screen = &mut *self.screen;
        let path = term::visible(path);
        let name = screen.paint(NAME, &path);
        // The path stands whole, and the values have what is left of the line.
        let room = screen.width.saturating_sub(term::width(&path) + 4).max(24);
        let line = match change {
            Change::Removed { value: Said(value) } => {
                format!("{} {name}  {}", screen.paint(ALARM, "-"), value.paint(room, screen))
            }
            Change::Added { value: Said(value) } => {
                format!("{} {name}  {}", screen.paint(GOOD, "+"), value.paint(room, screen))
            }
            Change::Value { first: Said(first), second: Said(second) } => {
                let room = room.saturating_sub(3);
                let first = first.paint(room.saturating_sub(second.width().min(room / 2)), screen);
                let second = second.paint(room.saturating_sub(term::width(&first)).max(12), screen);
                format!("{} {name}  {first} → {second}", screen.paint(NUMBER, "~"))
            }
            Change::Elements(elements) => {
                format!("{} {name}  {}", screen.paint(NUMBER, "~"), describe(&elements, screen))
            }
        };
        writeln!(screen, "{line}")?;
        Ok(screen.flush()?)
    }

    fn end(self, targets: [&Target; 2]) -> Result<Ended> {
        if self.args.json {
            serde_json::to_writer(&mut *self.screen, &self.found)?;
            writeln!(self.screen)?;
        }
        if stop::is_asked() {
            return Err(Fault::stopped("not all was compared"));
        }
        // What cannot be read cannot be found to be the same.
        for (target, name) in targets.iter().zip([&self.args.first, &self.args.second]) {
            if let Some(other) = target.others()?.first() {
                return Err(Fault::new(format_args!(
                    "{}: member `{}` was not compared: {}",
                    term::shown(name),
                    other.name(),
                    target::why(other)
                )));
            }
        }
        Ok(if self.count == 0 { Ended::Done } else { Ended::Differ })
    }
}

fn describe(elements: &Distance, screen: &Screen) -> String {
    let mut parts = Vec::new();
    if let Some([first, second]) = &elements.dtypes {
        parts.push(format!("{first} → {second}"));
    }
    if elements.differing > 0 {
        parts.push(format!("{} of {} elements differ", elements.differing, elements.total));
    }
    if let (Some(largest), Some(at)) = (elements.largest, &elements.at) {
        parts.push(format!("largest {} at {at:?}", inspect::short(Number::F64(largest))));
    }
    if let Some(relative) = elements.relative {
        parts.push(format!("relative {}", inspect::short(Number::F64(relative))));
    }
    if elements.partial {
        parts.push(screen.paint(FAINT, "stopped"));
    }
    parts.join(", ")
}
