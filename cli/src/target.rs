//! What a target is: a segment or a file, and of which kind.

use std::ffi::OsStr;
use std::fs::File;
use std::io::{self, Read};
use std::os::unix::fs::FileTypeExt;
use std::path::{Path, PathBuf};

use serde_shm::segments::{self, SegmentInfo};
use serde_shm::value::Value;
use serde_shm::{
    AlignedBytes, ArrayInfo, Block, ErrorKind, Npz, OpenOptions, OtherMember, Segment, UntypedArray,
};

use crate::bar::Progress;
use crate::fault::{Fault, Result};
use crate::term;

/// The array in which this crate's archives keep all that is inline (`docs/FORMAT.md`).
const INLINE_MEMBER: &str = "__serde_shm__";

const BLOCK_MAGIC: &[u8] = b"\x89SHM\r\n\x1a\n";
const NPY_MAGIC: &[u8] = b"\x93NUMPY";

const OPENS: &str =
    "the tool opens segments, .npz, .npy and block files, and `convert` reads safetensors files";

/// An open container.
pub(crate) enum Target {
    Segment(Box<Segment>),
    Npz { file: Box<Npz>, path: PathBuf, is_ours: bool, progress: Progress },
    Npy { file: Box<Npz>, path: PathBuf, progress: Progress },
    BlockFile(Block, u64),
}

impl Target {
    /// Opens what a text names, for a command that has a bar of its own. A text with a slash is a file. Another text is the name or
    /// id of a segment, or else a file.
    pub(crate) fn open(text: &OsStr) -> Result<Self> {
        Target::open_telling(text, &Progress::silent())
    }

    /// The same. The progress is told of what is read, now and later.
    pub(crate) fn open_telling(text: &OsStr, progress: &Progress) -> Result<Self> {
        let path = Path::new(text);
        let Some(name) = text.to_str().filter(|name| !name.contains('/')) else {
            return Target::open_file(path, progress);
        };
        let options = OpenOptions::new().read_only(true).progress(progress.report());
        match options.open(name) {
            Ok(segment) => Ok(Target::Segment(Box::new(segment))),
            Err(error) if error.kind() == ErrorKind::Cancelled => Err(error.into()),
            Err(_) if path.symlink_metadata().is_ok() => Target::open_file(path, progress),
            Err(error) if matches!(error.kind(), ErrorKind::NotFound | ErrorKind::InvalidInput) => {
                Err(not_there(path))
            }
            Err(error) => Err(error.into()),
        }
    }

    fn open_file(path: &Path, progress: &Progress) -> Result<Self> {
        let (head, len) = head(path)?;
        let name = term::shown(path);
        if head.starts_with(BLOCK_MAGIC) {
            let block = Block::new(read(path, len, progress)?)
                .map_err(|error| Fault::of_library(&error, format_args!("{name}: {error:#}")))?;
            return Ok(Target::BlockFile(block, len));
        }
        if is_safetensors(&head) {
            return Err(Fault::new(format_args!(
                "{name}: a safetensors file; `serde-shm convert` makes an .npz file, a block or a segment of it"
            )));
        }
        let file = Npz::open(path).map_err(|error| match error.kind() {
            ErrorKind::Corrupt if !is_ours_by_magic(&head) => foreign(path, &head, &error),
            _ => error.into(),
        })?;
        let (file, path) = (Box::new(file.progress(progress.report())), path.to_owned());
        let progress = progress.clone();
        if head.starts_with(NPY_MAGIC) {
            return Ok(Target::Npy { file, path, progress });
        }
        // Of a zip archive without any array, this says what it is.
        if file.arrays()?.is_empty()
            && let Some(other) = file.others()?.first()
        {
            let what = match file.value() {
                Err(error) if other.name().strip_suffix(".npy").is_none() => found(&error),
                _ => format!("an archive without arrays: `{}`: {}", other.name(), why(other)),
            };
            return Err(Fault::new(format_args!("{name}: {what}; {OPENS}")));
        }
        let is_ours = file.array_untyped(INLINE_MEMBER).is_ok();
        Ok(Target::Npz { file, path, is_ours, progress })
    }

    pub(crate) fn kind(&self) -> &'static str {
        match self {
            Target::Segment(_) => "segment",
            Target::Npz { is_ours: true, .. } => "npz",
            Target::Npz { .. } => "npz of another program",
            Target::Npy { .. } => "npy",
            Target::BlockFile(..) => "block",
        }
    }

    /// How many bytes the container has.
    pub(crate) fn byte_len(&self) -> u64 {
        match self {
            Target::Segment(segment) => segment.len() as u64,
            Target::Npz { path, .. } | Target::Npy { path, .. } => {
                std::fs::metadata(path).map_or(0, |data| data.len())
            }
            Target::BlockFile(_, len) => *len,
        }
    }

    /// What the container says of its arrays. No element is read.
    pub(crate) fn arrays(&self) -> Result<Vec<ArrayInfo>> {
        let arrays = match self {
            Target::Segment(segment) => segment.arrays()?,
            Target::Npz { file, .. } | Target::Npy { file, .. } => file.arrays()?,
            Target::BlockFile(block, _) => block.arrays()?,
        };
        Ok(arrays.into_iter().filter(|info| info.path() != INLINE_MEMBER).collect())
    }

    /// The members of an archive that are no arrays, or none that can be read.
    pub(crate) fn others(&self) -> Result<Vec<OtherMember>> {
        match self {
            Target::Npz { file, .. } => Ok(file.others()?),
            _ => Ok(Vec::new()),
        }
    }

    /// The whole object. An archive is read whole for it.
    pub(crate) fn value(&self) -> Result<Value> {
        Ok(match self {
            Target::Segment(segment) => segment.value()?,
            Target::Npz { file, .. } => file.value()?,
            Target::Npy { path, progress, .. } => {
                Npz::open(path)?.progress(progress.report()).array_untyped("arr_0")?.into()
            }
            Target::BlockFile(block, _) => block.value()?,
        })
    }

    /// One array; of a live one, the elements that it has now. Of an archive nothing else is read, and the archive does not
    /// keep the array.
    pub(crate) fn array(&self, path: &str) -> Result<UntypedArray> {
        match self {
            Target::Segment(segment) => {
                let found = segment.array_untyped(path);
                match found {
                    Err(error) if error.kind() == ErrorKind::Mismatch => {
                        Ok(segment.live_untyped(path)?.snapshot()?)
                    }
                    found => Ok(found?),
                }
            }
            Target::Npz { path: file, progress, .. } | Target::Npy { path: file, progress, .. } => {
                Ok(Npz::open(file)?.progress(progress.report()).array_untyped(path)?)
            }
            Target::BlockFile(block, _) => Ok(block.array_untyped(path)?),
        }
    }
}

/// The path and length of a block file, if the text names one.
pub(crate) fn block_file(text: &OsStr) -> Option<(PathBuf, u64)> {
    let path = Path::new(text);
    let is_segment = |name: &str| !path.exists() || Segment::open_read_only(name).is_ok();
    if text.to_str().is_some_and(|name| !name.contains('/') && is_segment(name)) {
        return None;
    }
    let (head, len) = head(path).ok()?;
    head.starts_with(BLOCK_MAGIC).then(|| (path.to_owned(), len))
}

fn is_ours_by_magic(head: &[u8]) -> bool {
    head.starts_with(NPY_MAGIC) || head.starts_with(b"PK")
}

/// The format of safetensors files allows no more.
pub(crate) const LONGEST_HEADER: usize = 100_000_000;

/// Whether a file begins as safetensors files do: with the length of a header, and the header's brace.
pub(crate) fn is_safetensors(head: &[u8]) -> bool {
    match head.split_first_chunk() {
        Some((len, rest)) => {
            u64::from_le_bytes(*len) <= LONGEST_HEADER as u64 && rest.starts_with(b"{")
        }
        None => false,
    }
}

/// What a file is that is none of ours, as the library's error has it.
fn found(error: &serde_shm::Error) -> String {
    let text = error.to_string();
    text.split_once(" found ").map_or(text.clone(), |(_, found)| format!("found {found}"))
}

/// The error for a file of another kind.
pub(crate) fn foreign(path: &Path, head: &[u8], error: &serde_shm::Error) -> Fault {
    let name = term::shown(path);
    let is_begun = |magic: &&[u8]| !head.is_empty() && magic.starts_with(head);
    if [NPY_MAGIC, BLOCK_MAGIC, b"PK\x03\x04"].iter().any(is_begun) {
        let len = head.len();
        return Fault::new(format_args!(
            "{name}: it was cut after {len} of its first bytes, which do not say what it was; {OPENS}"
        ));
    }
    Fault::new(format_args!("{name}: {}; {OPENS}", found(error)))
}

/// Why a member is no array that can be read.
pub(crate) fn why(other: &OtherMember) -> String {
    let prefix = format!("member `{}`: ", other.name());
    other.why().strip_prefix(&prefix).unwrap_or(other.why()).to_owned()
}

/// The first bytes of a file, and its length.
pub(crate) fn head(path: &Path) -> Result<(Vec<u8>, u64)> {
    let fault = |error: io::Error| match error.kind() {
        io::ErrorKind::NotFound => not_there(path),
        io::ErrorKind::PermissionDenied => Fault::new(format_args!(
            "{}: no permission to read it; have its owner allow it: `chmod +r`",
            term::shown(path)
        )),
        _ => Fault::of_file(path, "read the file", &error),
    };
    // A pipe that nobody writes to would not even be opened.
    let kind = path.metadata().map_err(fault)?.file_type();
    if kind.is_dir() {
        return Err(Fault::new(format_args!("{}: a folder; name a file in it", term::shown(path))));
    }
    if !kind.is_file() {
        let what = match kind {
            _ if kind.is_fifo() => "a pipe",
            _ if kind.is_socket() => "a socket",
            _ => "a device",
        };
        return Err(Fault::new(format_args!(
            "{}: {what}, and containers are read here and there; write it to a file first",
            term::shown(path)
        )));
    }
    let mut file = File::open(path).map_err(fault)?;
    let len = file.metadata().map_err(fault)?.len();
    let mut head = Vec::new();
    (&mut file).take(64).read_to_end(&mut head).map_err(fault)?;
    Ok((head, len))
}

/// How many bytes of a file are read between two looks at Ctrl-C.
const PIECE: u64 = 8 << 20;

/// A whole file in aligned memory, so that its arrays can be seen where they lie.
pub(crate) fn read(path: &Path, len: u64, progress: &Progress) -> Result<AlignedBytes> {
    let fault = |error: io::Error| Fault::of_file(path, "read the file", &error);
    let mut bytes = AlignedBytes::new();
    let room = usize::try_from(len).unwrap_or(usize::MAX).saturating_add(1);
    bytes.try_reserve(room).map_err(fault)?;
    let mut file = File::open(path).map_err(fault)?;
    while bytes.extend_from_reader((&mut file).take(PIECE)).map_err(fault)? > 0 {
        if progress.tell(bytes.len() as u64, len).is_break() {
            return Err(Fault::stopped(format_args!("{} was being read", term::shown(path))));
        }
    }
    Ok(bytes)
}

/// The error for a path or name of which there is neither a segment nor a file.
fn not_there(path: &Path) -> Fault {
    let name = term::shown(path);
    if let Ok(target) = path.read_link() {
        let target = term::shown(target);
        return Fault::new(format_args!(
            "{name}: a link to `{target}`, which is not there; link it anew"
        ));
    }
    let folder = path.parent().filter(|folder| *folder != Path::new(""));
    let file = path.file_name().unwrap_or_default().to_string_lossy();
    let files = names_in(folder.unwrap_or(Path::new(".")));
    if path.to_str().is_some_and(|text| !text.contains('/')) {
        return Fault::new(no_target(&name, &files));
    }
    let hint = match nearest(&file, files.iter().map(String::as_str)).as_slice() {
        [] if folder.is_some_and(|folder| !folder.exists()) => {
            "its folder does not exist".to_owned()
        }
        [] => "check the path".to_owned(),
        near => format!("the nearest in that folder: {}", quoted(near)),
    };
    Fault::new(format_args!("{name}: there is no such file; {hint}"))
}

fn names_in(folder: &Path) -> Vec<String> {
    let name = |entry: std::fs::DirEntry| entry.file_name().to_string_lossy().into_owned();
    std::fs::read_dir(folder)
        .map(|entries| entries.flatten().map(name).collect())
        .unwrap_or_default()
}

/// The name of a segment, which is text.
pub(crate) fn segment_name(text: &OsStr) -> Result<&str> {
    text.to_str().ok_or_else(|| {
        Fault::new(format_args!("{}: a segment's name is text in UTF-8", term::shown(text)))
    })
}

/// What to say of a name that no segment has.
pub(crate) fn no_segment(name: &str) -> String {
    no_target(name, &[])
}

/// The same where it might have been one of these files.
fn no_target(name: &str, files: &[String]) -> String {
    let infos = segments::list().unwrap_or_default();
    let dead = infos.iter().find(|info| info.name() == name && !info.is_alive());
    if let Some(pid) = dead.and_then(SegmentInfo::pid) {
        return format!(
            "{name}: its maker, process {pid}, has died, and the memory with it; `serde-shm gc` removes the name"
        );
    }
    let all = infos.iter().map(SegmentInfo::name).chain(files.iter().map(String::as_str));
    let hint = match nearest(name, all).as_slice() {
        [] => "`serde-shm ls` lists the segments".to_owned(),
        near => format!("the nearest: {}", quoted(near)),
    };
    let what = if files.is_empty() { "segment" } else { "segment or file" };
    format!("{name}: there is no {what} of this name; {hint}")
}

pub(crate) fn quoted(names: &[String]) -> String {
    let names: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
    names.join(", ")
}

/// The names that are most like this one.
pub(crate) fn nearest<'a>(name: &str, others: impl Iterator<Item = &'a str>) -> Vec<String> {
    let mut like: Vec<(f64, &str)> = others
        .map(|other| (strsim::jaro_winkler(name, other), other))
        .filter(|(likeness, _)| *likeness > 0.7)
        .collect();
    like.sort_by(|one, other| other.0.total_cmp(&one.0));
    like.into_iter().take(3).map(|(_, name)| name.to_owned()).collect()
}

#[cfg(test)]
mod tests {
    use super::nearest;

    #[test]
    fn the_nearest_name_comes_first() {
        let names = ["weights", "index", "weight-2", "weigth"];
        assert_eq!(nearest("weight", names.into_iter())[0], "weights");
        assert!(nearest("zzz", names.into_iter()).is_empty());
    }
}
