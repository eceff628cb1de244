//! By which names the arrays of an archive are found.

use crate::error::{Error, Result};

use super::super::by_name::is_path;
use super::members::Members;
use super::names::file_name;

/// The name of an array whose member is called so.
fn stem(member: &str) -> Option<&str> {
    member.strip_suffix(".npy")
}

/// Whether a member's name does not end in `.npy`, or does so twice: only then an array's name may be the whole name of another.
pub(super) fn is_odd(member: &str) -> bool {
    stem(member).is_none_or(|name| stem(name).is_some())
}

impl Members {
    /// The array of this name, as NumPy finds it: a member whose whole name this is comes before `NAME.npy`.
    #[cfg(feature = "ndarray")]
    pub(crate) fn find_array(&self, name: &str) -> Option<usize> {
        let whole = self.find(name);
        whole
            .filter(|member| self.is_npy(*member))
            .or_else(|| self.find(&file_name(name)))
            .or(whole)
    }

    /// The names by which NumPy finds the arrays: without `.npy`, unless another member is the array of that name; and the whole name
    /// of a member that is an array by its first bytes alone.
    pub(crate) fn array_names(&self) -> impl Iterator<Item = (usize, &str)> {
        (0..self.len()).filter_map(|index| Some((index, self.array_name(index)?)))
    }

    /// The names that stand for places in an object. Members that are no arrays have no place. That is not looked up where a name is a
    /// path and says so: it is an error when it is asked for. What other programs leave in an archive, as `__MACOSX/._a.npy`, has
    /// other names.
    pub(crate) fn places(&self) -> impl Iterator<Item = (usize, &str)> {
        self.array_names().filter(|(index, name)| is_path(name) || self.is_npy(*index))
    }

    pub(super) fn array_name(&self, index: usize) -> Option<&str> {
        let name = self.name(index);
        let array = match stem(name) {
            None if !self.is_npy(index) => return None,
            Some(array) if !self.is_taken(array) => array,
            _ => name,
        };
        (!self.is_shadowed(index)).then_some(array)
    }

    /// Whether the whole name of a member that is an array is this one.
    fn is_taken(&self, array: &str) -> bool {
        self.has_odd_names && self.find(array).is_some_and(|member| self.is_npy(member))
    }

    /// # Errors
    ///
    /// `Corrupt` if two members have one name, or two arrays do but for `.npy`.
    pub(super) fn check_names(&self) -> Result<()> {
        self.check_member_names()?;
        if !self.has_odd_names {
            return Ok(());
        }
        let names = (0..self.len()).filter_map(|index| stem(self.name(index)));
        match names.into_iter().find(|name| stem(name).is_none() && self.is_taken(name)) {
            Some(name) => Err(Error::corrupt(format!(
                "the members `{name}` and `{}` are both the array `{name}`: a duplicate",
                file_name(name)
            ))),
            None => Ok(()),
        }
    }
}
