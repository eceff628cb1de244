//! Recognises a file of another kind by its first bytes, and says what to do with it: for errors.

use std::fmt;
#[cfg(feature = "npz")]
use std::fmt::Write as _;

/// How many of a file's first bytes all checks here need.
pub(crate) const HEAD: usize = 512;

/// A kind of file.
struct Signature {
    /// Where the telling bytes stand, and these bytes.
    at: usize,
    magic: &'static [u8],
    /// "found …"
    what: &'static str,
    mend: &'static str,
}

const fn kind(
    at: usize,
    magic: &'static [u8],
    what: &'static str,
    mend: &'static str,
) -> Signature {
    Signature { at, magic, what, mend }
}

const DECOMPRESS: &str = "decompress it first";
const UNPACK: &str = "unpack it first";
const CONVERT: &str =
    "read it with its own library, and save its arrays by `to_npz`, or by `np.savez` in Python";
const PICKLE: &str = "pickles run any code when they are loaded and are never read: load it where it comes from, and save its arrays \
     with a number dtype, by `np.save` or `np.savez`";
const TORCH: &str =
    "load it with `torch.load`, and save its tensors as arrays by `np.savez`, or by `safetensors`";

/// Of two signatures that start alike, the longer one stands first.
const KINDS: &[Signature] = &[
    // Files of this crate and of NumPy, given to a function for another kind.
    kind(
        0,
        b"\x89SHM\r\n\x1a\n",
        "a block of this crate",
        "read it with `from_bytes`, or a file of it with `Segment::open`",
    ),
    kind(0, b"serde_shm-entry ", "the entry of a named segment", "open the segment by its name"),
    kind(0, b"\x93NUMPY", "a .npy file", "read it with `from_npz` or `Npz`"),
    kind(
        0,
        b"PK\x03\x04",
        "a zip archive",
        "if it is an .npz file, read it with `from_npz` or `Npz`",
    ),
    kind(
        0,
        b"PK\x05\x06",
        "an empty zip archive",
        "if it is an .npz file, read it with `from_npz` or `Npz`",
    ),
    // Compressed files.
    kind(0, b"\x1f\x8b", "a gzip file", DECOMPRESS),
    kind(0, b"\x28\xb5\x2f\xfd", "a zstd file", DECOMPRESS),
    kind(0, b"\xfd7zXZ\0", "an xz file", DECOMPRESS),
    kind(0, b"BZh", "a bzip2 file", DECOMPRESS),
    kind(0, b"\x04\x22\x4d\x18", "an lz4 file", DECOMPRESS),
    kind(0, b"\xff\x06\0\0sNaPpY", "a snappy file", DECOMPRESS),
    kind(0, b"LZIP", "an lzip file", DECOMPRESS),
    kind(0, b"\x1f\x9d", "a file of `compress`", DECOMPRESS),
    // Archives.
    kind(0, b"7z\xbc\xaf\x27\x1c", "a 7z archive", UNPACK),
    kind(0, b"Rar!\x1a\x07", "a RAR archive", UNPACK),
    kind(257, b"ustar", "a tar archive", UNPACK),
    // Arrays and tables of other formats.
    kind(0, b"\x89HDF\r\n\x1a\n", "an HDF5 file", CONVERT),
    kind(0, b"CDF\x01", "a NetCDF file", CONVERT),
    kind(0, b"CDF\x02", "a NetCDF file", CONVERT),
    kind(0, b"CDF\x05", "a NetCDF file", CONVERT),
    kind(0, b"MATLAB 5.0 MAT-file", "a MATLAB file", CONVERT),
    kind(0, b"PAR1", "a Parquet file", CONVERT),
    kind(0, b"ARROW1", "an Arrow file", CONVERT),
    kind(0, b"FEA1", "a Feather file", CONVERT),
    kind(0, b"Obj\x01", "an Avro file", CONVERT),
    kind(0, b"ORC", "an ORC file", CONVERT),
    kind(0, b"SQLite format 3\0", "an SQLite database", CONVERT),
    kind(0, b"GGUF", "a GGUF file", CONVERT),
    kind(0, b"SIMPLE  =", "a FITS file", CONVERT),
    // Pickles of protocol 2 and later. PyTorch's pickles start with a number that PyTorch chose.
    kind(0, b"\x80\x02\x8a\x0a\x6c\xfc\x9c\x46\xf9\x20\x6a\xa8\x50\x19", "a PyTorch file", TORCH),
    kind(0, b"\x80\x02", "a pickle", PICKLE),
    kind(0, b"\x80\x03", "a pickle", PICKLE),
    kind(0, b"\x80\x04", "a pickle", PICKLE),
    kind(0, b"\x80\x05", "a pickle", PICKLE),
    // Texts that were stored in place of a file.
    kind(
        0,
        b"version https://git-lfs.github.com/spec/",
        "a Git LFS pointer and not its file",
        "fetch the file: `git lfs pull`",
    ),
    kind(
        0,
        b"version https://hawser.github.com/spec/",
        "a Git LFS pointer and not its file",
        "fetch the file: `git lfs pull`",
    ),
    kind(
        0,
        b"/annex/objects/",
        "a git-annex pointer and not its file",
        "fetch the file: `git annex get`",
    ),
    // Pictures, sound, documents, programs.
    kind(0, b"\x89PNG\r\n\x1a\n", "a PNG picture", CONVERT),
    kind(0, b"\xff\xd8\xff", "a JPEG picture", CONVERT),
    kind(0, b"GIF8", "a GIF picture", CONVERT),
    kind(0, b"II*\0", "a TIFF picture", CONVERT),
    kind(0, b"MM\0*", "a TIFF picture", CONVERT),
    kind(8, b"WEBP", "a WebP picture", CONVERT),
    kind(8, b"WAVE", "a WAV file", CONVERT),
    kind(0, b"\0\x05\x16\x07", "a macOS resource fork", "it holds no array, and can be ignored"),
    kind(0, b"%PDF-", "a PDF document", "it holds no array"),
    kind(0, b"\x7fELF", "a program", "it holds no array"),
];

const NO_FILE: &str = "a download that failed may give it: fetch the file again";

/// Shows what a file is, by its first bytes `head`: `a gzip file (decompress it first)`, or the bytes themselves. If `head` has
/// fewer bytes than [`HEAD`], it is the whole file.
pub(crate) struct FoundFile<'a>(pub(crate) &'a [u8]);

impl fmt::Display for FoundFile<'_> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        // A block may be given whole, and may be a sparse file of terabytes.
        let head = &self.0[..self.0.len().min(HEAD)];
        if let Some(Signature { what, mend, .. }) = KINDS.iter().find(|kind| kind.is(head)) {
            return write!(f, "{what} ({mend})");
        }
        if head.is_empty() {
            return f.write_str("an empty file (its writer did not finish, or a download failed)");
        }
        if head.len() >= 16 && head.iter().all(|byte| *byte == 0) {
            return f.write_str(
                "zeros (the file was cut by a crash, or its blocks are missing: write or fetch it again)",
            );
        }
        if is_safetensors(head) {
            return f.write_str(
                "a safetensors file (read it with `from_safetensors`, of the feature `safetensors`)",
            );
        }
        if let Some(text) = text(head) {
            let what = match kind_of_text(text) {
                Some((what, mend)) => return write!(f, "{what} ({mend})"),
                None => "text",
            };
            let line = text.trim_start().lines().next().unwrap_or("");
            return write!(
                f,
                "{what}: `{}`",
                line.chars().take(40).collect::<String>().escape_debug()
            );
        }
        // Few bytes are enough, as these are not text.
        write!(f, "{}", head[..head.len().min(8)].escape_ascii())
    }
}

impl Signature {
    fn is(&self, head: &[u8]) -> bool {
        head.get(self.at..).is_some_and(|bytes| bytes.starts_with(self.magic))
    }
}

/// Whether the file starts with the length of a JSON header and then the header.
pub(crate) fn is_safetensors(head: &[u8]) -> bool {
    let Some((len, json)) = head.split_first_chunk() else { return false };
    let len = u64::from_le_bytes(*len);
    (2..=100_000_000).contains(&len) && json.starts_with(b"{\"")
}

/// The bytes as text, if they are text. A character that is cut off at the end is left out.
fn text(head: &[u8]) -> Option<&str> {
    let text = match str::from_utf8(head) {
        Ok(text) => text,
        Err(error) if error.error_len().is_none() => {
            str::from_utf8(&head[..error.valid_up_to()]).ok()?
        }
        Err(_) => return None,
    };
    // A few bytes may be letters by chance.
    let is_text = |char: char| !char.is_control() || matches!(char, '\n' | '\r' | '\t');
    (text.len() >= 6 && text.chars().all(is_text)).then_some(text)
}

fn kind_of_text(text: &str) -> Option<(&'static str, &'static str)> {
    let start = text.trim_start_matches(['\u{feff}', ' ', '\n', '\r', '\t']);
    let is = |tag: &str| start.get(..tag.len()).is_some_and(|head| head.eq_ignore_ascii_case(tag));
    if is("<!doctype html") || is("<html") || is("<head") {
        Some(("an HTML page", NO_FILE))
    } else if is("<?xml") || is("<error>") {
        Some(("XML", NO_FILE))
    } else if is("{\"") || is("[{") {
        Some(("JSON", "read it with `serde_json`"))
    } else {
        None
    }
}

/// What an archive without arrays is, judged by the names of its members.
#[cfg(feature = "npz")]
pub(crate) fn archive<'a>(names: impl Iterator<Item = &'a str> + Clone) -> String {
    const MARKS: [(&str, &str, &str); 6] = [
        ("data.pkl", "a PyTorch file", TORCH),
        ("constants.pkl", "a PyTorch file", TORCH),
        (
            "model.weights.h5",
            "a Keras model",
            "load it with Keras, and save its weights by `np.savez`",
        ),
        ("[Content_Types].xml", "an office document", "export its tables"),
        ("MANIFEST.MF", "a Java archive", "it holds no array"),
        ("AndroidManifest.xml", "an Android program", "it holds no array"),
    ];
    let file = |name: &'a str| name.rsplit('/').next().unwrap_or(name);
    let found = MARKS.iter().find(|(mark, ..)| names.clone().any(|name| file(name) == *mark));
    if let Some((_, what, mend)) = found {
        return format!("{what} ({mend})");
    }
    let mut text = "a zip archive of other files".to_owned();
    for (number, name) in names.take(3).enumerate() {
        let comma = if number == 0 { ": " } else { ", " };
        let name: String = name.chars().take(60).collect();
        let _ = write!(text, "{comma}`{}`", name.escape_debug());
    }
    text
}

#[cfg(test)]
mod tests {
    use super::*;

    fn found(head: &[u8]) -> String {
        FoundFile(head).to_string()
    }

    #[test]
    fn every_kind_is_found_by_its_bytes() {
        for kind in KINDS {
            let mut head = vec![b'R'; kind.at];
            head.extend_from_slice(kind.magic);
            assert_eq!(found(&head), format!("{} ({})", kind.what, kind.mend));
            head.extend_from_slice(&[0xfe; 40]);
            assert_eq!(found(&head), format!("{} ({})", kind.what, kind.mend));
        }
    }

    #[test]
    fn what_has_no_magic_is_told_too() {
        for (head, said) in [
            (&b""[..], "an empty file ("),
            (&[0; 64], "zeros ("),
            (b"\x40\0\0\0\0\0\0\0{\"weight\":{\"dtype\":\"F32\"", "a safetensors file ("),
            (b"\n <!DOCTYPE HTML PUBLIC>", "an HTML page ("),
            (b"<html lang=\"en\">", "an HTML page ("),
            (b"\xef\xbb\xbf<?xml version=\"1.0\"?>", "XML ("),
            (b"{\"a\": [1, 2]}", "JSON ("),
            (b"x,y\n1,2\n3,4\n", "text: `x,y`"),
            ("größe der Länge ü".as_bytes(), "text: `größe der Länge ü`"),
            (&"größe der Länge ü".as_bytes()[..18], "text: `größe der Länge`"),
            (b"xxx", "xxx"),
            (b"\x01\x02\x03", "\\x01\\x02\\x03"),
            (&[0; 4], "\\x00\\x00\\x00\\x00"),
        ] {
            assert!(found(head).starts_with(said), "{}", found(head));
        }
        assert!(found(&"é".repeat(300).into_bytes()).len() < 200);
    }

    #[cfg(feature = "npz")]
    #[test]
    fn archives_are_told_by_their_members() {
        let torch = ["archive/data.pkl", "archive/version", "archive/data/0"];
        assert!(archive(torch.into_iter()).starts_with("a PyTorch file ("));
        let others = ["a/b.txt", "c\n"];
        assert_eq!(archive(others.into_iter()), "a zip archive of other files: `a/b.txt`, `c\\n`");
    }
}
