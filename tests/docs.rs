//! What the documents name is there: each file, each word of code, and each part of a type.
#![allow(missing_docs)]

use std::collections::{BTreeMap, BTreeSet};
use std::path::{Path, PathBuf};

/// Words that others have made: system calls, crates, programs and their settings.
const OTHERS: &[&str] = &[
    "CHANGELOG",
    "DynamicUser",
    "F_GET_SEALS",
    "F_SEAL_FUTURE_WRITE",
    "F_SETLK",
    "LimitAS",
    "LimitFSIZE",
    "LimitMEMLOCK",
    "LimitNOFILE",
    "MemoryMax",
    "O_CLOEXEC",
    "O_NOCTTY",
    "O_NONBLOCK",
    "O_RDONLY",
    "O_RDWR",
    "O_TMPFILE",
    "PR_SET_PDEATHSIG",
    "PrivatePIDs",
    "PrivateTmp",
    "ProtectProc",
    "RemoveIPC",
    "TRIPLE",
    "conf",
    "emptyDir",
    "interprocess",
    "ipc",
    "linkme",
    "logind",
    "map_if_safe",
    "max_map_count",
    "minimize_crash",
    "multiprocessing",
    "pidfd",
    "pidfd_getfd",
    "pread",
    "procspawn",
    "psm",
    "ptrace",
    "pwrite",
    "semver",
    "serde_core",
    "shareProcessNamespace",
    "shared_memory_wrapper",
    "sudo",
    "vm",
];

/// Types that others have made, of which a document names a part.
const OTHER_TYPES: &[&str] = &["Arc", "File", "Mmap", "MmapOptions"];

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

/// What is left of an item without its visibility.
fn past_visibility(item: &str) -> &str {
    match item.strip_prefix("pub") {
        Some(rest) if rest.starts_with('(') => rest.split_once(") ").map_or("", |(_, rest)| rest),
        Some(rest) if rest.starts_with(' ') => rest.trim_start(),
        _ => item,
    }
}

/// The name of the type that an item defines or extends. `header` is what stands before its brace.
fn type_of(header: &str) -> Option<&str> {
    let rest = past_visibility(header);
    let rest = rest.strip_prefix("unsafe ").unwrap_or(rest);
    let after = |word: &str| {
        rest.strip_prefix(word).filter(|rest| rest.starts_with([' ', '<'])).map(str::trim_start)
    };
    let path = if let Some(rest) = after("impl") {
        // Parameters and bounds name other types.
        let rest = if rest.starts_with('<') { past_angles(rest) } else { rest };
        let rest = rest.split(" where ").next().unwrap_or_default();
        rest.rsplit(" for ").next().unwrap_or_default()
    } else {
        ["struct", "enum", "trait"].into_iter().find_map(after)?
    };
    let path = path.trim_start().trim_start_matches(['&', '(']);
    let path = path.split(|char| !is_part(char) && char != ':').next().unwrap_or_default();
    let name = path.trim_end_matches(':').rsplit("::").next().unwrap_or_default();
    (!name.is_empty()).then_some(name)
}

/// What follows the angle brackets that the text starts with.
fn past_angles(text: &str) -> &str {
    let mut depth = 0_usize;
    let arrows = text.replace("->", "  ");
    let end = arrows.char_indices().find(|(_, char)| {
        depth += usize::from(*char == '<');
        depth -= usize::from(*char == '>');
        depth == 0
    });
    end.map_or("", |(at, _)| &text[at + 1..])
}

/// The name of the method, constant, field or variant that begins on this line of an item.
fn part_of(line: &str) -> Option<&str> {
    let mut rest = past_visibility(line);
    for word in ["const ", "unsafe ", "fn ", "type "] {
        rest = rest.strip_prefix(word).unwrap_or(rest);
    }
    let end = rest.find(|char| !is_part(char)).unwrap_or(rest.len());
    (end > 0).then_some(&rest[..end])
}

/// All types of the crate with the names of their parts. What is indented as rustfmt does it needs no parser.
fn parts_of_types(text: &str, parts: &mut BTreeMap<String, BTreeSet<String>>) {
    // The items that this line lies in: their indentation, and the type.
    let mut open: Vec<(usize, String)> = Vec::new();
    let mut lines = text.lines().peekable();
    while let Some(line) = lines.next() {
        let code = line.trim_start();
        let indent = line.len() - code.len();
        if code.starts_with('}') && open.last().is_some_and(|(at, _)| *at == indent) {
            open.pop();
        } else if let Some((at, name)) = open.last()
            && indent == at + 4
            && let Some(part) = part_of(code)
        {
            parts.entry(name.clone()).or_default().insert(part.to_owned());
        }
        if code.starts_with("//") || type_of(code).is_none() {
            continue;
        }
        let mut header = code.to_owned();
        while !header.ends_with(['{', ';', '}'])
            && let Some(more) = lines.next()
        {
            header = format!("{header} {}", more.trim_start());
        }
        if let Some(name) = type_of(&header) {
            parts.entry(name.to_owned()).or_default();
            open.extend(header.ends_with('{').then(|| (indent, name.to_owned())));
        }
    }
}

/// Pairs of a type and a part of it: `Type::part`, and each of `Type::{part, other}`.
fn pairs(span: &str) -> Vec<(&str, &str)> {
    let mut found = Vec::new();
    for (at, _) in span.match_indices("::") {
        let before = &span[..at];
        let start = before.rfind(|char| !is_part(char)).map_or(0, |at| at + 1);
        let name = &before[start..];
        if !name.starts_with(|char: char| char.is_ascii_uppercase()) {
            continue;
        }
        let rest = &span[at + 2..];
        let list = match rest.strip_prefix('{') {
            Some(rest) => rest.split('}').next().unwrap_or_default(),
            None => rest.split(|char| !is_part(char)).next().unwrap_or_default(),
        };
        found.extend(words(list).map(|part| (name, part)));
    }
    found
}

#[test]
fn every_part_of_a_type_is_in_the_type() {
    let mut parts = BTreeMap::new();
    for path in files() {
        let is_code = path.starts_with("src/") || path.starts_with("derive/src/");
        if is_code && Path::new(&path).extension().is_some_and(|end| end == "rs") {
            parts_of_types(&std::fs::read_to_string(root().join(path)).unwrap(), &mut parts);
        }
    }
    let is_there = |name: &str, part: &str| {
        OTHER_TYPES.contains(&name) || parts.get(name).is_some_and(|parts| parts.contains(part))
    };
    let mut missing = Vec::new();
    for (document, text) in documents() {
        for (name, part) in spans(&text).into_iter().flat_map(pairs) {
            if !is_there(name, part) {
                missing.push(format!("{document}: {name}::{part}"));
            }
        }
    }
    assert!(missing.is_empty(), "{missing:#?}");
}

#[test]
fn the_guide_says_what_to_do_about_every_kind_of_error() {
    let mut parts = BTreeMap::new();
    parts_of_types(&std::fs::read_to_string(root().join("src/error.rs")).unwrap(), &mut parts);
    let kinds = parts["ErrorKind"].iter().filter(|part| part.starts_with(char::is_uppercase));
    let guide = std::fs::read_to_string(root().join("docs/GUIDE.md")).unwrap();
    let (_, table) = guide.split_once("| kind | the error says |").unwrap();
    let listed = table.lines().filter_map(|line| line.strip_prefix("| `")?.split('`').next());
    let listed: BTreeSet<&str> = listed.collect();
    assert_eq!(listed, kinds.map(String::as_str).collect());
}

#[test]
fn every_decision_says_what_would_change_it() {
    let text = std::fs::read_to_string(root().join("docs/DECISIONS.md")).unwrap();
    let (mut open, mut lacking) = (None, Vec::new());
    for line in text.lines() {
        if line.starts_with("*Would change it:* ") {
            assert!(open.take().is_some(), "no decision before: {line}");
        } else if line.starts_with("**") || line.starts_with('#') || line.starts_with('[') {
            lacking.extend(open.take());
            open = line.starts_with("**").then(|| line.to_owned());
        }
    }
    assert!(lacking.is_empty(), "{lacking:#?}");
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

#[test]
fn parts_of_types_are_found_in_code() {
    let text = "\
pub(crate) struct Place<'a> {
    pub(super) next: usize,
}

impl<F: Fn(u8) -> u8, T> From<Vec<T>>
    for wire::Place<'_>
where
    T: Copy,
{
    #[inline]
    pub(in crate::ser) const fn of(part: T, other: T) -> Self {
        let inner = 1;
    }

    pub fn is_it(&self) -> bool {
        true
    }
}

enum Way {
    Up,
    Down(u8),
}

impl Way {}
struct Bare;
";
    let mut parts = BTreeMap::new();
    parts_of_types(text, &mut parts);
    let names = |name| parts[name].iter().map(String::as_str).collect::<Vec<_>>();
    assert_eq!(names("Place"), ["is_it", "next", "of"]);
    assert_eq!(names("Way"), ["Down", "Up"]);
    assert_eq!((parts.len(), names("Bare").len()), (3, 0));

    assert_eq!(pairs("a::Pool::new(1)"), [("Pool", "new")]);
    assert_eq!(pairs("unsafe Pool::{map, for_each}"), [("Pool", "map"), ("Pool", "for_each")]);
    assert_eq!(pairs("workers::serve"), []);
}
