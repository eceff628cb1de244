//! The members that an archive has beside its arrays.

use crate::error::ErrorKind;
use crate::store::Other;

/// A member of an `.npz` file that is not an array, or is one that this crate cannot read; see
/// [`Npz::others`](crate::Npz::others).
///
/// ```
/// # let folder = tempfile::tempdir().unwrap();
/// # let path = folder.path().join("zeros.npz");
/// use std::io::Write;
/// let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
/// zip.start_file("README.txt", zip::write::SimpleFileOptions::default()).unwrap();
/// zip.write_all(b"measured in May").unwrap();
/// zip.finish().unwrap();
///
/// let others = serde_shm::Npz::open(&path)?.others()?;
/// assert_eq!((others[0].name(), others[0].byte_len()), ("README.txt", 15));
/// println!("{}: {}", others[0].name(), others[0].why());
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Debug, PartialEq, Eq)]
pub struct OtherMember {
    name: String,
    byte_len: u64,
    kind: ErrorKind,
    why: String,
}

impl OtherMember {
    pub(super) fn new(other: Other) -> Self {
        let Other { name, bytes, error } = other;
        OtherMember { name, byte_len: bytes, kind: error.kind(), why: format!("{error:#}") }
    }

    /// The member's name in the archive, with its `.npy` if it has that ending: `__MACOSX/._weights.npy`, `README.txt`.
    ///
    /// ```
    /// # use std::io::Write;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// # let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    /// # zip.start_file("README.txt", zip::write::SimpleFileOptions::default()).unwrap();
    /// # zip.write_all(b"measured in May").unwrap();
    /// # zip.finish().unwrap();
    /// // Another program put `README.txt` into the archive.
    /// let others = serde_shm::Npz::open(&path)?.others()?;
    /// assert_eq!(others[0].name(), "README.txt");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The length of the member's content after decompression.
    ///
    /// ```
    /// # use std::io::Write;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// # let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    /// # zip.start_file("README.txt", zip::write::SimpleFileOptions::default()).unwrap();
    /// # zip.write_all(b"measured in May").unwrap();
    /// # zip.finish().unwrap();
    /// // Another program put a `README.txt` into the archive: "measured in May".
    /// let others = serde_shm::Npz::open(&path)?.others()?;
    /// assert_eq!(others[0].byte_len(), 15);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn byte_len(&self) -> u64 {
        self.byte_len
    }

    /// The kind of the error that reading the member as an array would give: `Unsupported` for a pickle, a long double or
    /// an encrypted member, `Corrupt` for a member that is not a `.npy` file or is a damaged one.
    ///
    /// ```
    /// # use std::io::Write;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// # let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    /// # zip.start_file("objects.npy", zip::write::SimpleFileOptions::default()).unwrap();
    /// # zip.write_all(b"\x93NUMPY\x01\0\x39\0{'descr': '|O', 'fortran_order': False, 'shape': (1,), } \n").unwrap();
    /// # zip.finish().unwrap();
    /// // `objects.npy` is an array of Python objects, which are pickled.
    /// let others = serde_shm::Npz::open(&path)?.others()?;
    /// assert_eq!(others[0].kind(), serde_shm::ErrorKind::Unsupported);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.kind
    }

    /// Why the member cannot be read as an array, in a sentence.
    ///
    /// ```
    /// # use std::io::Write;
    /// # let folder = tempfile::tempdir().unwrap();
    /// # let path = folder.path().join("x.npz");
    /// # let mut zip = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    /// # zip.start_file("README.txt", zip::write::SimpleFileOptions::default()).unwrap();
    /// # zip.write_all(b"measured in May").unwrap();
    /// # zip.finish().unwrap();
    /// // Another program put `README.txt` into the archive.
    /// let others = serde_shm::Npz::open(&path)?.others()?;
    /// assert!(others[0].why().contains("found text"));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn why(&self) -> &str {
        &self.why
    }
}
