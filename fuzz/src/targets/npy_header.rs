//! The text of a `.npy` header: before a first zero the text, behind it the elements.

use std::collections::BTreeMap;

use crate::anything::{Anything, Arrays, say};
use crate::arrays::read_arrays;
use crate::zip::{Member, build, npy};
use serde::de::IgnoredAny;
use serde_shm::{DynArray, Npz};

pub fn run(data: &[u8]) {
    let split = data.iter().position(|byte| *byte == 0).unwrap_or(data.len());
    let (header, rest) = data.split_at(split);
    let content = npy(header, rest.get(1..).unwrap_or_default());
    let member = |name: &str| Member {
        name: name.as_bytes().to_vec(),
        deflated: false,
        extra: Vec::new(),
        content: content.clone(),
    };
    let file = match Npz::from_bytes(build(&[member("x.npy"), member("points.npy")])) {
        Ok(file) => file,
        Err(error) => return say::<()>(Err(error)),
    };
    read_arrays(&file);
    say(file.get::<BTreeMap<String, DynArray>>().map(drop));
    say(file.get::<BTreeMap<String, Vec<Vec<f64>>>>().map(drop));
    say(file.get::<Anything>().map(drop));
    say(file.get::<IgnoredAny>().map(drop));
    say(file.get::<serde_json::Value>().map(drop));
    say(file.get::<Arrays>().map(drop));
}
