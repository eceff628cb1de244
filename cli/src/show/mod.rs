//! `show`: an array or a part of one, as numbers, as an image, as a file.

mod chart;
mod colour;
mod csv;
mod float;
mod grid;
mod heat;
pub(crate) mod index;
mod numbers;
mod png;
mod svg;

use std::io::Write;
use std::path::Path;

use serde_shm::UntypedArray;

use crate::args::Show;
use crate::draft::in_place;
use crate::fault::{Fault, Result};
use crate::slice::Selection;
use crate::target::{self, Target};
use crate::term::{self, Screen};
use crate::tree::{Fold, Node};
use crate::{inspect, npy, stop};

pub(crate) fn run(args: &Show, screen: &mut Screen) -> Result<()> {
    let target = Target::open(&args.target)?;
    let selection = select(args, &target)?;
    let infos = target.arrays()?;
    let array = if infos.iter().any(|info| info.path() == selection.path) {
        target.array(&selection.path)?
    } else {
        // A part that is no array, or an array by the place that its member's name stands for.
        let tree = whole_tree(args, &target)?;
        match part(args, &tree, &selection)? {
            Node::Array(head) => head.load(&target)?,
            node => return inline(args, node, &selection, screen),
        }
    };
    let array = selection.of(&array)?;
    let name = selection.to_string();
    if writes_files(args) {
        stop::listen()?;
    }
    if let Some(path) = &args.png {
        to_file(path, screen, |out| png::write(&array, args.histogram, out))?;
    }
    if let Some(path) = &args.svg {
        to_file(path, screen, |out| svg::write(&array, args.histogram, &name, out))?;
    }
    if let Some(path) = &args.csv {
        let is_file = path != Path::new("-") || !screen.is_terminal;
        to_file(path, screen, |out| csv::write(&array, is_file, out))?;
    }
    if let Some(path) = &args.npy {
        to_file(path, screen, |out| Ok(npy::write(&array, out)?))?;
    }
    if args.heat {
        heat::write(&array, screen)?;
    } else if !writes_files(args) {
        let text = numbers::text(&array, args.full, screen.width);
        writeln!(screen, "{text}")?;
    }
    Ok(())
}

fn writes_files(args: &Show) -> bool {
    [&args.png, &args.svg, &args.csv, &args.npy].into_iter().any(Option::is_some)
}

/// What of which array is meant. Where a container has one array, its path may be left out.
fn select(args: &Show, target: &Target) -> Result<Selection> {
    let infos = target.arrays()?;
    let text = args.part.as_deref().unwrap_or_default();
    if infos.iter().any(|info| info.path() == text) {
        return Ok(Selection::of_path(text));
    }
    let mut selection = Selection::parse(text)?;
    if selection.path.is_empty() {
        let name = term::shown(&args.target);
        if infos.is_empty() {
            return Err(Fault::new(format_args!(
                "{name}: it has no array; `serde-shm inspect {name}` shows what it has"
            )));
        }
        let [only] = &infos[..] else {
            let paths = infos.iter().take(5).map(|info| info.path().to_owned());
            return Err(Fault::new(format_args!(
                "{name}: it has {} arrays; name one, such as {}",
                infos.len(),
                target::quoted(&paths.collect::<Vec<_>>())
            )));
        };
        only.path().clone_into(&mut selection.path);
    }
    Ok(selection)
}

fn whole_tree(args: &Show, target: &Target) -> Result<Node> {
    let bytes = if args.full { usize::MAX } else { 4096 };
    inspect::tree_of(target, Fold { parts: usize::MAX, bytes, depth: usize::MAX })
}

fn part<'a>(args: &Show, tree: &'a Node, selection: &Selection) -> Result<&'a Node> {
    tree.find(&selection.path).ok_or_else(|| {
        let name = term::shown(&args.target);
        let paths = tree.paths();
        let near = target::nearest(&selection.path, paths.iter().map(String::as_str));
        let hint = match near.as_slice() {
            [] => format!("`serde-shm inspect {name}` shows what it has"),
            near => format!("the nearest: {}", target::quoted(near)),
        };
        Fault::new(format_args!("{name}: there is no `{}`; {hint}", selection.path))
    })
}

/// Shows a part that is no array.
fn inline(args: &Show, node: &Node, selection: &Selection, screen: &mut Screen) -> Result<()> {
    let asks_for_array = args.heat || writes_files(args) || selection.to_string() != selection.path;
    if asks_for_array {
        return Err(Fault::new(format_args!(
            "{}: `{}` is no array; slices, images and tables are of arrays",
            term::shown(&args.target),
            selection.path
        )));
    }
    inspect::write_node(node, screen)
}

/// Writes a file, or standard output for `-`.
pub(crate) fn to_file(
    path: &Path,
    screen: &mut Screen,
    write: impl FnOnce(&mut dyn Write) -> Result<()>,
) -> Result<()> {
    if path == Path::new("-") {
        return write(screen);
    }
    in_place(path, write)
}

/// The error for an image of an array that has no numbers.
fn no_numbers(array: &UntypedArray) -> Fault {
    Fault::new(format_args!(
        "an image needs numbers, and the dtype is {}; of a struct, name a field: `points['x']`",
        array.dtype()
    ))
}
