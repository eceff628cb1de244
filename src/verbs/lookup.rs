//! The error for an array that is not there: with some that are most like what was asked for.

use crate::error::{Error, ErrorKind};

/// More names than these are not compared.
const LOOKED_AT: usize = 1000;
const SHOWN: usize = 3;

pub(super) fn no_array<'a>(path: &str, names: impl ExactSizeIterator<Item = &'a str>) -> Error {
    let count = names.len();
    let likeness = |other: &str| {
        let same = |(a, b): &(char, char)| a == b;
        let head = path.chars().zip(other.chars()).take_while(same).count();
        let tail = path.chars().rev().zip(other.chars().rev()).take_while(same).count();
        head + tail
    };
    let mut names: Vec<&str> = names.take(LOOKED_AT).collect();
    names.sort_by_key(|other| std::cmp::Reverse(likeness(other)));
    let shown: Vec<String> = names.iter().take(SHOWN).map(|name| format!("`{name}`")).collect();
    let found = match count {
        0 => "it has no arrays".to_owned(),
        _ if count > SHOWN => format!("it has {count} arrays, the nearest {}", shown.join(", ")),
        _ => format!("it has {}", shown.join(", ")),
    };
    Error::new(ErrorKind::NotFound, format!("there is no array `{path}`: {found}"))
}
