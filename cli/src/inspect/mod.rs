//! `inspect`: an object as a tree, and statistics of its arrays.

mod json;
mod text;

use serde_shm::ErrorKind;

use crate::args::Inspect;
use crate::bar::Bar;
use crate::fault::{Fault, Result};
use crate::stats::{self, Stats};
use crate::stop;
use crate::target::{self, Target};
use crate::term::{self, Screen};
use crate::tree::{self, Fold, Head, Node};
use crate::{Ended, outline};

pub(crate) fn run(args: &Inspect, screen: &mut Screen) -> Result<Ended> {
    let target = Target::open(&args.target)?;
    let fold = if args.json {
        Fold { parts: usize::MAX, bytes: usize::MAX, depth: args.depth.unwrap_or(usize::MAX) }
    } else {
        let depth = args.depth.unwrap_or(usize::MAX);
        Fold { parts: args.fold, bytes: args.fold.saturating_mul(8), depth }
    };
    let shown = Shown { tree: tree_of(&target, fold)?, target, args };
    stop::listen()?;
    if args.json { json::write(&shown, screen) } else { text::write(&shown, screen) }?;
    Ok(if stop::is_asked() { Ended::Stopped } else { Ended::Done })
}

struct Shown<'a> {
    args: &'a Inspect,
    target: Target,
    tree: Node,
}

impl Shown<'_> {
    /// The arrays that were asked for, or all of the tree.
    fn heads(&self) -> Result<Vec<&Head>> {
        let all = self.tree.arrays();
        if self.args.arrays.is_empty() {
            return Ok(all);
        }
        let name = term::shown(&self.args.target);
        let find = |path: &String| {
            // By its name, or by the place that its member's name stands for.
            let named = all.iter().find(|head| head.path == *path).copied();
            let placed = || match self.tree.find(path) {
                Some(Node::Array(head)) => Some(&**head),
                _ => None,
            };
            named.or_else(placed).ok_or_else(|| {
                let near = target::nearest(path, all.iter().map(|head| head.path.as_str()));
                let hint = match near.as_slice() {
                    [] => format!("`serde-shm inspect {name}` lists them"),
                    near => format!("the nearest: {}", target::quoted(near)),
                };
                Fault::new(format_args!("{name}: there is no array `{path}`; {hint}"))
            })
        };
        self.args.arrays.iter().map(find).collect()
    }

    /// A bar for the statistics of these arrays, of which each is passed over twice.
    fn bar(heads: &[&Head]) -> Bar {
        let counted = heads.iter().filter(|head| stats::has_stats(&head.dtype));
        Bar::stoppable(counted.map(|head| head.bytes.saturating_mul(2)).sum())
    }

    /// The statistics of an array, unless there are none to be had or somebody stopped the command.
    fn stats(&self, head: &Head, bar: &Bar) -> Result<Option<Stats>> {
        if self.args.no_stats || stop::is_asked() || !stats::has_stats(&head.dtype) {
            return Ok(None);
        }
        match head.load(&self.target) {
            Err(Fault::Stopped(_)) => Ok(None),
            array => stats::of(&array?, bar),
        }
    }
}

pub(crate) use text::{describe, short, write_node};

pub(crate) fn tree_of(target: &Target, fold: Fold) -> Result<Node> {
    Ok(match target {
        Target::Npz { file, is_ours: true, .. } => outline::of_npz(file, &target.arrays()?, fold)?,
        Target::Npz { .. } => tree::of_names(&target.arrays()?, fold),
        Target::Npy { .. } => match target.arrays()?.first() {
            Some(info) => Node::Array(Box::new(Head::of_info(info))),
            None => Err(serde_shm::Error::new(ErrorKind::Unsupported, "it holds no array"))?,
        },
        Target::Segment(_) | Target::BlockFile(..) => tree::of_value(&target.value()?, "", fold),
    })
}
