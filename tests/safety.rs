//! docs/SAFETY.md names every file with `unsafe` in it, and how often the word stands there: who adds one says there what it
//! relies on.
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

const DOCUMENT: &str = include_str!("../docs/SAFETY.md");

/// How often the word stands in a file's code, comments left out.
fn count(text: &str) -> usize {
    let code = text.lines().map(|line| line.split("//").next().unwrap_or(line));
    let is_part = |char: char| char.is_ascii_alphanumeric() || char == '_';
    code.flat_map(|code| code.split(|char| !is_part(char))).filter(|word| *word == "unsafe").count()
}

/// All files of the crate and of its derives that have the word.
fn found() -> BTreeMap<String, usize> {
    let root = Path::new(env!("CARGO_MANIFEST_DIR"));
    let mut folders = vec![root.join("src"), root.join("derive/src")];
    let mut found = BTreeMap::new();
    while let Some(folder) = folders.pop() {
        let entries = std::fs::read_dir(folder).unwrap();
        for path in entries.map(|entry| entry.unwrap().path()).collect::<Vec<PathBuf>>() {
            if path.is_dir() {
                folders.push(path);
            } else if path.extension().is_some_and(|extension| extension == "rs") {
                let count = count(&std::fs::read_to_string(&path).unwrap());
                let name = path.strip_prefix(root).unwrap().to_str().unwrap().replace('\\', "/");
                if count > 0 {
                    found.insert(name, count);
                }
            }
        }
    }
    found
}

/// The rows of the document's tables that begin with a file and a number.
fn listed() -> BTreeMap<String, usize> {
    let row = |line: &str| {
        let mut cells = line.strip_prefix("| `")?.split('|');
        let file = cells.next()?.trim().strip_suffix('`')?;
        std::path::Path::new(file)
            .extension()
            .is_some_and(|extension| extension == "rs")
            .then(|| (file.to_owned(), cells.next().unwrap().trim().parse().unwrap()))
    };
    DOCUMENT.lines().filter_map(row).collect()
}

#[test]
fn every_unsafe_is_accounted_for() {
    assert_eq!(found(), listed(), "what is there, and what docs/SAFETY.md lists");
}

#[test]
fn words_are_counted_in_code_alone() {
    let text = "#![allow(unsafe_code)]\n// unsafe\nunsafe { a } // unsafe\nunsafe impl X for unsafe_y {}\n";
    assert_eq!(count(text), 2);
    assert!(found().len() > 8, "{:?}", found());
}
