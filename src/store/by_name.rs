//! The places in an object that the names of a file's arrays stand for, if the file says nothing else of its object:
//! `layers.0.weight` and `layers/0/weight` are both the weight of the first of the layers.

use crate::error::{Error, Result};

use super::Placed;

const SEPARATORS: [char; 2] = ['.', '/'];

/// A file that has arrays, by their numbers in it.
pub(crate) trait NamedArrays<'a> {
    /// One of many arrays that are asked for in the order of the file, loaded.
    fn array_at(&self, index: usize) -> Result<Placed<'a>>;
}

/// The arrays of a file, by name.
pub(crate) struct Tree<'a> {
    arrays: Box<dyn NamedArrays<'a> + 'a>,
    /// Sorted by the parts of their names, so that those of one place are neighbours.
    leaves: Vec<Leaf<'a>>,
}

struct Leaf<'a> {
    name: &'a str,
    index: usize,
}

/// The parts of an array's name. A name that is not a path, such as `/group/data` or `../up`, is a single part.
fn parts(name: &str) -> impl Iterator<Item = &str> {
    let separators: &[char] = if is_path(name) { &SEPARATORS } else { &[] };
    name.split(separators)
}

/// Whether the name is a path, that is, has no empty part.
pub(super) fn is_path(name: &str) -> bool {
    name.split(SEPARATORS).all(|part| !part.is_empty())
}

impl<'a> Tree<'a> {
    /// `names` gives each array's number and name.
    pub(crate) fn new(
        arrays: impl NamedArrays<'a> + 'a,
        names: impl Iterator<Item = (usize, &'a str)>,
    ) -> Self {
        let mut leaves: Vec<Leaf<'a>> = names.map(|(index, name)| Leaf { name, index }).collect();
        leaves.sort_by(|a, b| parts(a.name).cmp(parts(b.name)));
        Tree { arrays: Box::new(arrays), leaves }
    }

    pub(crate) fn root(&self) -> Node<'_, 'a> {
        Node { arrays: &*self.arrays, leaves: &self.leaves, at: 0 }
    }
}

/// A place in the tree: an array, or what further names lead to, or both.
#[derive(Clone, Copy)]
pub(crate) struct Node<'t, 'a> {
    arrays: &'t (dyn NamedArrays<'a> + 'a),
    leaves: &'t [Leaf<'a>],
    /// How many bytes of each name lead here, with the separator behind them.
    at: usize,
}

impl<'t, 'a> Node<'t, 'a> {
    /// Separates the arrays that stand here from those further in.
    fn parts(&self) -> (&'t [Leaf<'a>], &'t [Leaf<'a>]) {
        let here = self.leaves.iter().take_while(|leaf| leaf.name.len() < self.at).count();
        self.leaves.split_at(here)
    }

    pub(crate) fn has_array(&self) -> bool {
        !self.parts().0.is_empty()
    }

    pub(crate) fn has_children(&self) -> bool {
        !self.parts().1.is_empty()
    }

    /// This place without what stands further in.
    pub(crate) fn alone(&self) -> Self {
        Node { leaves: self.parts().0, ..*self }
    }

    /// How many steps the longest name has from here on.
    pub(crate) fn steps(&self) -> usize {
        let steps = |leaf: &Leaf<'a>| match self.at {
            0 => parts(leaf.name).count(),
            at => leaf.name.get(at..).map_or(0, |name| name.split(SEPARATORS).count()),
        };
        self.leaves.iter().map(steps).max().unwrap_or(0)
    }

    /// The array that stands here, loaded.
    ///
    /// # Errors
    ///
    /// `NotFound` if no array stands here, `Corrupt` if two do or the array cannot be read.
    pub(crate) fn array(&self) -> Result<Placed<'a>> {
        match self.parts() {
            ([leaf], _) => self.arrays.array_at(leaf.index).map_err(Error::into_serde),
            ([], further) => Err(Error::mismatch(format!(
                "expected an array, found {} arrays further in, the first of them `{}`",
                further.len(),
                further.first().map_or("", |leaf| leaf.name)
            ))),
            ([one, other, ..], _) => Err(Error::corrupt(format!(
                "the arrays `{}` and `{}` have one place",
                one.name, other.name
            ))),
        }
    }

    /// The name of the array that stands here.
    pub(crate) fn name(&self) -> &'a str {
        self.parts().0.first().map_or("", |leaf| leaf.name)
    }

    /// The places to which further names lead, in the order of the file.
    pub(crate) fn children(&self) -> Vec<(&'a str, Node<'t, 'a>)> {
        let (_, further) = self.parts();
        let part = |leaf: &Leaf<'a>| match self.at {
            0 => parts(leaf.name).next().unwrap_or(""),
            at => leaf.name[at..].split(SEPARATORS).next().unwrap_or(""),
        };
        let mut children: Vec<(&'a str, Node<'t, 'a>)> = further
            .chunk_by(|a, b| part(a) == part(b))
            .map(|leaves| {
                let name = part(&leaves[0]);
                (name, Node { arrays: self.arrays, leaves, at: self.at + name.len() + 1 })
            })
            .collect();
        let first = |node: &Node<'t, 'a>| node.leaves.iter().map(|leaf| leaf.index).min();
        children.sort_by_cached_key(|(_, node)| first(node));
        children
    }
}
