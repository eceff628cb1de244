//! Finds one array of a container by its path. If there is no such array, the error names those whose paths are most
//! similar.

use crate::error::{Error, ErrorKind, Result};
use crate::store::{BlockSource, Placed, Source as _};

/// The array of this path in a block, if it is not a live one.
pub(super) fn placed<'a>(block: &BlockSource<'a>, path: &str) -> Result<Placed<'a>> {
    let placed = of_any_kind(block, path)?;
    placed.check_plain().map_err(|error| error.at_field(path))?;
    Ok(placed)
}

/// The array of this path in a block. The elements of a live array are not in the block.
pub(super) fn of_any_kind<'a>(block: &BlockSource<'a>, path: &str) -> Result<Placed<'a>> {
    let Some(number) = block.find(path) else {
        let directory = block.directory();
        return Err(no_array(path, directory.len(), directory.paths()));
    };
    block.array(number)
}

/// How many names the error's search compares at most.
const LOOKED_AT: usize = 1000;
const SHOWN: usize = 3;

/// The error for an array that does not exist. The container has `count` arrays with these names.
pub(super) fn no_array(
    path: &str,
    count: u64,
    names: impl Iterator<Item = impl ToString>,
) -> Error {
    let likeness = |other: &str| {
        let same = |(a, b): &(char, char)| a == b;
        let head = path.chars().zip(other.chars()).take_while(same).count();
        let tail = path.chars().rev().zip(other.chars().rev()).take_while(same).count();
        head + tail
    };
    let mut names: Vec<_> = names.take(LOOKED_AT).map(|name| name.to_string()).collect();
    names.sort_by_key(|other| std::cmp::Reverse(likeness(other)));
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let found = match count {
        0 => "it has no arrays".to_owned(),
        _ if count > SHOWN as u64 => {
            format!("it has {count} arrays, the nearest {}", shown.join(", "))
        }
        _ => format!("it has {}", shown.join(", ")),
    };
    Error::new(ErrorKind::NotFound, format!("there is no array `{path}`: {found}"))
}
