//! What an array is called in a file: its path, or the nearest name that is free and fit.

use std::borrow::Cow;
use std::collections::HashMap;

use crate::zip;

/// A longer name is cut: zip's own limit is 65,535 bytes for a member's name and some more for all that describes it.
const MAX_NAME: usize = 32 << 10;

/// The names in use, each with the last number that was appended to it to make another name.
///
/// A path has no `~` of its own (`ser/path.rs` escapes it), so that a name tells which path it was made of.
pub(super) struct ArrayNames(HashMap<String, u64>);

impl ArrayNames {
    /// No array gets the name that is reserved.
    pub(super) fn new(reserved: &str) -> Self {
        ArrayNames(HashMap::from([(reserved.to_owned(), 0)]))
    }

    /// The array's path if no other array has this name and the name is fit for one; else the nearest name for which both hold.
    pub(super) fn take(&mut self, path: &str) -> String {
        let path = fit(path);
        let mut name = path.into_owned();
        if self.0.contains_key(&name) {
            let path = name.clone();
            while let Some(last) = self.0.get(&name) {
                // The count is kept with the plain path, so that a thousand equal paths are not tried one after the other.
                let next = self.0.get(&path).unwrap_or(last) + 1;
                self.0.insert(path.clone(), next);
                name = format!("{path}~{next}");
            }
        }
        self.0.insert(name.clone(), 0);
        name
    }

    pub(super) fn give_back(&mut self, name: &str) {
        self.0.remove(name);
    }
}

/// The serializer's paths are fit as they are. This check is the last guard against a file that a reader would refuse.
fn fit(path: &str) -> Cow<'_, str> {
    let end = (0..=path.len().min(MAX_NAME)).rev().find(|at| path.is_char_boundary(*at));
    let name = &path[..end.unwrap_or(0)];
    if zip::name_fault(name).is_none() {
        return Cow::Borrowed(name);
    }
    let mut name = name.replace(['\0', '\\'], "_").replace("..", "__");
    if name.is_empty() || name.starts_with('/') {
        name.insert(0, '_');
    }
    Cow::Owned(name)
}
