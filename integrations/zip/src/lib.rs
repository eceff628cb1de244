//! Objects of `serde_shm` in an archive that a [`ZipWriter`] or a [`ZipArchive`] of the crate `zip` holds, beside other files.
//!
//! There are two ways:
//!
//! - [`write()`] makes a folder with a `.npy` file for each array, which NumPy opens: `np.load("a.zip")["model/weights"]`.
//!   [`open`] and [`read`] take it back.
//! - [`write_block`] makes one file, a block, which is written as it is made and read into memory once. [`block`] takes it back.
//!
//! ```
//! use std::io::{Cursor, Write};
//! use serde_shm::{Deserialize, NpzOptions, Serialize, ShmArray1};
//! use zip::{ZipArchive, ZipWriter, write::SimpleFileOptions};
//!
//! #[derive(Serialize, Deserialize)]
//! struct Model { name: String, weights: ShmArray1<f32> }
//!
//! let model = Model { name: "m".into(), weights: vec![0.5; 1000].into() };
//! let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
//! zip.start_file("README.txt", SimpleFileOptions::default())?;
//! zip.write_all(b"what the model is for")?;
//! serde_shm_zip::write(&mut zip, "model", &model, &NpzOptions::new())?;
//! serde_shm_zip::write_block(&mut zip, "model.block", &model)?;
//!
//! let mut zip = ZipArchive::new(zip.finish()?)?;
//! let again: Model = serde_shm_zip::read(&mut zip, "model")?;
//! let block = serde_shm_zip::block(&mut zip, "model.block")?;
//! assert_eq!(block.get::<Model>()?.weights, again.weights);
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! An archive that is a file by itself needs nothing of this: `serde_shm::Npz::open` reads the arrays of any zip file, and its `others`
//! lists the rest.

#![deny(unsafe_code)]

use std::fs::File;
use std::io::{Cursor, Read, Seek, Write};

use serde_shm::{AlignedBytes, Block, Error, ErrorKind, Npz, NpzOptions, Result, Serialize};
use zip::result::ZipError;
use zip::write::SimpleFileOptions;
use zip::{CompressionMethod, ZipArchive, ZipWriter};

/// Where stored files start: at a multiple of what an array needs.
const ALIGN: u16 = 64;

/// Writes an object as the files of a folder of the archive: one `.npy` file for each array, and one for everything else.
///
/// ```
/// use std::io::Cursor;
/// use serde_shm::{Compression, NpzOptions};
/// use zip::ZipWriter;
///
/// let mut zip = ZipWriter::new(Cursor::new(Vec::new()));
/// let counts = std::collections::BTreeMap::from([("counts", ndarray::array![1, 2, 3])]);
/// let small = NpzOptions::new().compression(Compression::Deflate(6));
/// serde_shm_zip::write(&mut zip, "run-7", &counts, &small)?;
/// let archive = zip.finish_into_readable()?;
/// assert!(archive.index_for_name("run-7/counts.npy").is_some());
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// An empty name of the folder means the root of the archive. The object is written to a temporary file first, from which the files are
/// copied. Files that are stored start at a multiple of 64, so that their arrays can be seen in a mapped file.
///
/// # Errors
///
/// Those of [`NpzOptions::save`]; `InvalidInput` if the name of the folder is no path within the archive or the archive has a file
/// of that name already; those of the writer. Where it fails, the files before stay in the archive.
pub fn write<W: Write + Seek, T: Serialize + ?Sized>(
    zip: &mut ZipWriter<W>,
    folder: &str,
    value: &T,
    options: &NpzOptions<'_>,
) -> Result<()> {
    let prefix = prefix(folder)?;
    let failed = |error| Error::io("cannot make a temporary file for the arrays", error);
    let place = tempfile::tempdir().map_err(failed)?;
    let path = place.path().join("object.npz");
    options.save(&path, value)?;
    let mut from = opened(ZipArchive::new(File::open(&path).map_err(failed)?))?;
    for index in 0..from.len() {
        let name = name_of(&from, index)?;
        copy(&mut from, index, zip, format!("{prefix}{name}"))?;
    }
    Ok(())
}

/// The object that [`write()`] put into a folder of the archive, or the arrays that another program put there, as an owned type.
///
/// ```
/// # use std::io::Cursor;
/// # let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
/// # serde_shm_zip::write(&mut zip, "run-7", &(1, "a"), &Default::default())?;
/// # let mut archive = zip.finish_into_readable()?;
/// let pair: (u8, String) = serde_shm_zip::read(&mut archive, "run-7")?;
/// assert_eq!(pair, (1, "a".into()));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// # Errors
///
/// Those of [`open`] and [`Npz::get`].
pub fn read<R: Read + Seek, T: for<'de> serde_shm::Deserialize<'de>>(
    zip: &mut ZipArchive<R>,
    folder: &str,
) -> Result<T> {
    open(zip, folder)?.get()
}

/// A folder of the archive as a handle, from which objects and arrays are read and borrowed.
///
/// ```
/// # use std::io::Cursor;
/// # let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
/// # let counts = std::collections::BTreeMap::from([("counts", ndarray::array![1, 2, 3])]);
/// # serde_shm_zip::write(&mut zip, "run-7", &counts, &Default::default())?;
/// # let mut archive = zip.finish_into_readable()?;
/// let run = serde_shm_zip::open(&mut archive, "run-7")?;
/// assert_eq!(run.array::<i32, ndarray::Ix1>("counts")?.sum(), 6);
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// The folder's files are copied into memory, each as it is: one that is compressed is decompressed when its array is used.
///
/// # Errors
///
/// `NotFound` if the archive has no file in that folder (the text names folders that it has); those of [`Npz::from_bytes`] and of the
/// reader.
pub fn open<R: Read + Seek>(zip: &mut ZipArchive<R>, folder: &str) -> Result<Npz> {
    let prefix = prefix(folder)?;
    let mut to = ZipWriter::new(Cursor::new(Vec::new()));
    let mut is_empty = true;
    for index in 0..zip.len() {
        let name = name_of(zip, index)?;
        if let Some(name) = name.strip_prefix(&prefix)
            && !name.is_empty()
            && !name.ends_with('/')
        {
            is_empty = false;
            copy(zip, index, &mut to, name.to_owned())?;
        }
    }
    if is_empty {
        return Err(not_found(zip, &format!("folder `{folder}` with files")));
    }
    let bytes =
        to.finish().map_err(|error| from_zip("cannot gather the files of a folder", error))?;
    Npz::from_bytes(bytes.into_inner())
}

/// Writes an object as one file of the archive: a block, stored, which starts at a multiple of 64.
///
/// ```
/// use std::io::Cursor;
///
/// let mut zip = zip::ZipWriter::new(Cursor::new(Vec::new()));
/// serde_shm_zip::write_block(&mut zip, "pair.block", &(1, "a"))?;
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// It is written as it is made: nothing is gathered. In an archive that is mapped, a [`Block`] over that part of the mapping is the
/// object without a copy (`ZipFile::data_start` says where it starts).
///
/// # Errors
///
/// Those of [`to_writer`](serde_shm::to_writer); `InvalidInput` if the archive has a file of that name already.
pub fn write_block<W: Write + Seek, T: Serialize + ?Sized>(
    zip: &mut ZipWriter<W>,
    name: &str,
    value: &T,
) -> Result<()> {
    // How long it will be is known at its end.
    start(zip, name, true)?;
    serde_shm::to_writer(zip, value)
}

/// The block that [`write_block`] put into the archive, read into memory. What is read of it lies there.
///
/// ```
/// # let mut zip = zip::ZipWriter::new(std::io::Cursor::new(Vec::new()));
/// # serde_shm_zip::write_block(&mut zip, "pair.block", &(1, "a"))?;
/// # let mut archive = zip.finish_into_readable()?;
/// let block = serde_shm_zip::block(&mut archive, "pair.block")?;
/// assert_eq!(block.get::<(u8, &str)>()?, (1, "a"));
/// # Ok::<(), Box<dyn std::error::Error>>(())
/// ```
///
/// A file that another program compressed may take a thousand times its size. Where the archive is a stranger's, compare
/// `ZipFile::size` first: no more bytes than that are read.
///
/// # Errors
///
/// `NotFound` if the archive has no file of that name (the text names files that it has); `Io` if it cannot be read or its checksum is
/// wrong; those of [`Block::new`].
pub fn block<R: Read + Seek>(zip: &mut ZipArchive<R>, name: &str) -> Result<Block> {
    if zip.index_for_name(name).is_none() {
        return Err(not_found(zip, &format!("file `{name}`")));
    }
    let doing = format!("cannot read `{name}` of the archive");
    let file = zip.by_name(name).map_err(|error| from_zip(&doing, error))?;
    let (mut bytes, stated) = (AlignedBytes::new(), file.size());
    // The reader compares the checksum when it comes to the end, which one byte more makes it do.
    bytes
        .extend_from_reader(file.take(stated.saturating_add(1)))
        .map_err(|error| Error::io(doing, error))?;
    Block::new(bytes)
}

/// The name of the folder as the names of its files begin.
fn prefix(folder: &str) -> Result<String> {
    let folder = folder.trim_end_matches('/');
    if folder.is_empty() {
        return Ok(String::new());
    }
    if folder.split('/').any(|part| ["", ".", ".."].contains(&part))
        || folder.contains(['\\', '\0'])
    {
        let message = format!("expected the name of a folder, like `models/7`, found {folder:?}");
        return Err(Error::new(ErrorKind::InvalidInput, message));
    }
    Ok(format!("{folder}/"))
}

fn name_of<R: Read + Seek>(zip: &ZipArchive<R>, index: usize) -> Result<String> {
    let name = zip.name_for_index(index).unwrap_or(Err(ZipError::FileNotFound));
    name.map(std::borrow::Cow::into_owned)
        .map_err(|error| from_zip("cannot read a name of the archive", error))
}

fn start<W: Write + Seek>(zip: &mut ZipWriter<W>, name: &str, large: bool) -> Result<()> {
    let options = SimpleFileOptions::default()
        .compression_method(CompressionMethod::Stored)
        .with_alignment(ALIGN)
        .large_file(large);
    zip.start_file(name, options)
        .map_err(|error| from_zip(&format!("cannot begin `{name}`"), error))
}

/// Copies a file from one archive to another. What is compressed stays so.
fn copy<R: Read + Seek, W: Write + Seek>(
    from: &mut ZipArchive<R>,
    index: usize,
    to: &mut ZipWriter<W>,
    name: String,
) -> Result<()> {
    let doing = format!("cannot copy `{name}`");
    let file = from.by_index_raw(index).map_err(|error| from_zip(&doing, error))?;
    if file.compression() != CompressionMethod::Stored {
        return to.raw_copy_file_rename(file, name).map_err(|error| from_zip(&doing, error));
    }
    start(to, &name, file.size() >= u64::from(u32::MAX))?;
    drop(file);
    let mut file = from.by_index(index).map_err(|error| from_zip(&doing, error))?;
    std::io::copy(&mut file, to).map(drop).map_err(|error| Error::io(doing, error))
}

fn opened<R>(archive: std::result::Result<R, ZipError>) -> Result<R> {
    archive.map_err(|error| from_zip("cannot open the temporary file", error))
}

fn from_zip(doing: &str, error: ZipError) -> Error {
    match error {
        ZipError::InvalidArchive(why) => {
            Error::new(ErrorKind::InvalidInput, format!("{doing}: {why}"))
        }
        other => Error::io(doing, std::io::Error::from(other)),
    }
}

fn not_found<R: Read + Seek>(zip: &ZipArchive<R>, wanted: &str) -> Error {
    const SHOWN: usize = 8;
    let names: Vec<String> =
        zip.file_names().take(SHOWN).filter_map(|name| Some(format!("`{}`", name.ok()?))).collect();
    let more = if zip.len() > SHOWN { ", ..." } else { "" };
    let message = format!("the archive has no {wanted}: it has {}{more}", names.join(", "));
    Error::new(ErrorKind::NotFound, message)
}
