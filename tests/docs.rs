//! What the documents name is there: each file, and each word of code.
#![allow(missing_docs)]

use std::collections::BTreeSet;
use std::path::{Path, PathBuf};

/// Words that others have made: system calls, crates, programs.
const OTHERS: &[&str] = &[
    "CHANGELOG",
    "F_GET_SEALS",
    "F_SEAL_FUTURE_WRITE",
    "F_SETLK",
    "O_CLOEXEC",
    "O_NOCTTY",
    "O_NONBLOCK",
    "O_RDONLY",
    "O_RDWR",
    "O_TMPFILE",
    "PR_SET_PDEATHSIG",
    "TRIPLE",
    "interprocess",
    "ipc",
    "linkme",
    "max_map_count",
    "minimize_crash",
    "multiprocessing",
    "pidfd",
    "pidfd_getfd",
    "pread",
    "procspawn",
    "psm",
    "ptrace",
    "semver",
    "serde_core",
    "sudo",
    "vm",
];

fn root() -> PathBuf {
    PathBuf::from(env!("CARGO_MANIFEST_DIR"))
}

/// All files of the repository that somebody wrote, from its root.
fn files() -> BTreeSet<String> {
    let made = ["target", ".git", ".venv", "corpus", "artifacts", "seeds"];
    let (mut folders, mut found) = (vec![root()], BTreeSet::new());
    while let Some(folder) = folders.pop() {
        for entry in std::fs::read_dir(folder).unwrap() {
            let path = entry.unwrap().path();
            let name = path.file_name().unwrap().to_str().unwrap();
            if path.is_dir() {
                folders.extend((!made.contains(&name)).then_some(path));
            } else {
                let path = path.strip_prefix(root()).unwrap();
                found.insert(path.to_str().unwrap().replace('\\', "/"));
            }
        }
    }
    found
}

fn is_part(char: char) -> bool {
    char.is_ascii_alphanumeric() || char == '_'
}

fn words(text: &str) -> impl Iterator<Item = &str> {
    text.split(|char| !is_part(char))
        .filter(|word| word.starts_with(|char: char| char.is_ascii_alphabetic() || char == '_'))
}

/// What stands between backticks, in lines that are no block of code.
fn spans(text: &str) -> Vec<&str> {
    let mut in_block = false;
    let is_prose = |line: &&str| {
        let is_fence = line.trim_start().starts_with("```");
        in_block ^= is_fence;
        !in_block && !is_fence
    };
    text.lines().filter(is_prose).flat_map(|line| line.split('`').skip(1).step_by(2)).collect()
}

/// Whether it is one path whose first part is a folder of the root or of `src`.
fn is_path(span: &str) -> bool {
    let is_name = |char: char| is_part(char) || "./-".contains(char);
    let first = span.split('/').next().unwrap_or_default();
    let is_folder = || [root(), root().join("src")].iter().any(|base| base.join(first).is_dir());
    // What is made and not kept, and paths with a part to be filled in.
    let is_made = span.starts_with("fuzz/corpus") || span.starts_with("fuzz/artifacts");
    let is_made = is_made || span.starts_with("fuzz/target");
    span.contains('/')
        && !["", "..", "."].contains(&first)
        && span.chars().all(is_name)
        && is_folder()
        && !is_made
}

fn documents() -> Vec<(String, String)> {
    let is_document = |path: &String| {
        path.strip_suffix(".md").is_some_and(|path| {
            path.starts_with("docs/") || ["README", "CONTRIBUTING"].contains(&path)
        })
    };
    let read = |path: String| {
        let text = std::fs::read_to_string(root().join(&path)).unwrap();
        (path, text)
    };
    files().into_iter().filter(is_document).map(read).collect()
}

#[test]
fn every_file_that_is_named_is_there() {
    let files = files();
    let is_there = |named: &str| {
        files.iter().any(|file| file == named || file.ends_with(&format!("/{named}")))
    };
    let mut missing = Vec::new();
    for (document, text) in documents() {
        let named = spans(&text).into_iter().flat_map(|span| span.split_whitespace());
        let is_file =
            |word: &&str| Path::new(word).extension().is_some_and(|e| e == "rs" || e == "md");
        for name in named.filter(is_file) {
            // Another repository's, or a pattern.
            if !name.contains(['*', ':']) && !is_there(name) {
                missing.push(format!("{document}: {name}"));
            }
        }
        // A folder, or a file of another kind: what begins as something in the root or in `src` does.
        for name in spans(&text).into_iter().filter(|span| is_path(span)) {
            let name = name.trim_end_matches('/');
            if ![root(), root().join("src")].iter().any(|base| base.join(name).exists())
                && !is_there(name)
                && !is_there(&format!("{name}.rs"))
            {
                missing.push(format!("{document}: {name}"));
            }
        }
        let folder = Path::new(&document).parent().unwrap();
        let inline = text.split("](").skip(1).filter_map(|rest| rest.split(')').next());
        let at_foot = text.lines().filter(|line| line.starts_with('['));
        let at_foot = at_foot.filter_map(|line| line.split_once("]: ")).map(|(_, link)| link);
        for link in inline.chain(at_foot) {
            let link = link.split('#').next().unwrap();
            if !link.is_empty() && !link.contains(':') && !root().join(folder).join(link).exists() {
                missing.push(format!("{document}: {link}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn every_word_of_code_is_in_the_code() {
    let mut known: BTreeSet<String> = OTHERS.iter().map(ToString::to_string).collect();
    for path in files() {
        // A file is named by its stem, too.
        known.extend(words(&path).map(str::to_owned));
        let is_code = [".rs", ".py", ".toml", ".lock"].iter().any(|end| path.ends_with(end));
        if (is_code || path.starts_with(".ci/")) && !path.ends_with("tests/docs.rs") {
            let text = std::fs::read_to_string(root().join(&path)).unwrap_or_default();
            known.extend(words(&text).map(str::to_owned));
        }
    }
    let mut unknown = Vec::new();
    for (document, text) in documents() {
        for span in spans(&text) {
            let strange = words(span).filter(|word| !known.contains(*word));
            unknown.extend(strange.map(|word| format!("{document}: `{word}` in `{span}`")));
        }
    }
    assert!(unknown.is_empty(), "{unknown:#?}");
}

#[test]
fn code_is_found_in_prose_and_not_in_blocks() {
    let text = "a `b::c()` and `d`\n```rust\n`e`\n```\n`f_1`";
    assert_eq!(spans(text), ["b::c()", "d", "f_1"]);
    assert!(is_path("src/files") && is_path("memory/live") && is_path(".ci/run"));
    assert!(!is_path("/group/data") && !is_path("README") && !is_path("fuzz/corpus"));
    assert_eq!(words("b::c1(2, _d)").collect::<Vec<_>>(), ["b", "c1", "_d"]);
}
