//! Arrays by their paths.

use std::hash::{BuildHasher, Hasher, RandomState};
use std::sync::OnceLock;

use super::Directory;

/// Among up to this many arrays, a search looks at one after the other.
const FEW: u64 = 16;

/// Finds arrays of one directory by their paths: among many by a table, which is made at the first search.
#[derive(Default)]
pub(crate) struct PathIndex(OnceLock<Option<Table>>);

struct Table {
    hashing: RandomState,
    /// Each array's number plus one, with a part of its path's hash. It stands at the first free place from the one that the
    /// hash names.
    places: Vec<(u32, u32)>,
}

impl PathIndex {
    /// The number of the first array of this path. Every call must pass the same directory.
    pub(crate) fn find(&self, directory: Directory<'_>, path: &str) -> Option<u64> {
        let is_large = directory.len() > FEW;
        match is_large.then(|| self.0.get_or_init(|| Table::new(directory))) {
            Some(Some(table)) => {
                table.find(table.hash(path), |number| has_path(directory, number, path))
            }
            // There are few, or there is no memory for a table.
            None | Some(None) => look_through(directory, path),
        }
    }
}

/// The same without a table, for callers that search once.
pub(crate) fn look_through(directory: Directory<'_>, path: &str) -> Option<u64> {
    (0..directory.len()).find(|number| has_path(directory, *number, path))
}

impl std::fmt::Debug for PathIndex {
    fn fmt(&self, f: &mut std::fmt::Formatter<'_>) -> std::fmt::Result {
        f.debug_struct("PathIndex").finish_non_exhaustive()
    }
}

fn has_path(directory: Directory<'_>, number: u64, path: &str) -> bool {
    directory.path(number).is_ok_and(|found| found == *path)
}

impl Table {
    /// `None` if there is no memory for the table.
    fn new(directory: Directory<'_>) -> Option<Self> {
        let count = usize::try_from(directory.len()).ok()?;
        let room = count.checked_mul(2)?.checked_next_power_of_two()?;
        let mut places = Vec::new();
        places.try_reserve_exact(room).ok()?;
        places.resize(room, (0, 0));
        let mut table = Table { hashing: RandomState::new(), places };
        let mut text = String::new();
        directory.each_path(|number, path| {
            text.clear();
            path.push_to(&mut text);
            table.insert(directory, number, &text);
        });
        Some(table)
    }

    fn hash(&self, path: &str) -> u64 {
        let mut hasher = self.hashing.build_hasher();
        hasher.write(path.as_bytes());
        hasher.finish()
    }

    fn insert(&mut self, directory: Directory<'_>, number: u64, path: &str) {
        let hash = self.hash(path);
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (found, part) = self.places[at];
            if found == 0 {
                self.places[at] = (number as u32 + 1, (hash >> 32) as u32);
                return;
            }
            // A forged directory may have one path for all.
            let is_same = part == (hash >> 32) as u32;
            if is_same && has_path(directory, u64::from(found) - 1, path) {
                return;
            }
            at = (at + 1) & mask;
        }
    }

    fn find(&self, hash: u64, is: impl Fn(u64) -> bool) -> Option<u64> {
        let mask = self.places.len() - 1;
        let mut at = hash as usize & mask;
        loop {
            let (found, part) = self.places[at];
            let number = u64::from(found.checked_sub(1)?);
            if part == (hash >> 32) as u32 && is(number) {
                return Some(number);
            }
            at = (at + 1) & mask;
        }
    }
}

#[cfg(test)]
mod tests {
    use super::super::DirectoryBuilder;
    use super::super::tests::whole;
    use super::*;
    use crate::dtype::DType;
    use crate::layout::Order;
    use crate::memory::live::Kind;
    use crate::store::ArrayHead;

    #[test]
    fn each_array_is_found_by_its_path_and_of_several_the_first() {
        for count in [1_u64, FEW, FEW + 1, 1000] {
            let mut builder = DirectoryBuilder::default();
            for number in 0..count {
                // Every third array has the path of the one before it.
                let path = format!("a.{}.b", number - u64::from(number % 3 == 2));
                let head = ArrayHead {
                    path: &path,
                    follows: false,
                    dtype: &DType::F32,
                    shape: &[2],
                    order: Order::C,
                    kind: Kind::Plain,
                    bytes: 8,
                };
                builder.push(&head, 64).unwrap();
            }
            let bytes = whole(&mut builder);
            let directory = Directory::parse(&bytes, count, 3).unwrap();
            let index = PathIndex::default();
            for number in 0..count {
                let path = format!("a.{number}.b");
                let expected = (number % 3 != 2).then_some(number);
                assert_eq!(index.find(directory, &path), expected, "{path} of {count}");
            }
            for path in ["", "a", "a.0", "a.00.b", "a..b", "b"] {
                assert_eq!(index.find(directory, path), None);
            }
        }
    }
}
