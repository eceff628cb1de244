//! What an archive has beside its arrays.

use crate::error::ErrorKind;
use crate::store::Other;

/// A member of an `.npz` file that is no array, or none that can be read; see [`Npz::others`](crate::Npz::others).
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

    /// Its name in the archive, with `.npy` where it has that: `__MACOSX/._weights.npy`, `README.txt`.
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

    /// The length of its content, decompressed.
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

    /// What it would fail with if it were asked for: `Unsupported` for a pickle, a long double or an encrypted member,
    /// `Corrupt` for what is no `.npy` file, or a damaged one.
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

    /// Why it is no array that can be read, in a sentence.
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
