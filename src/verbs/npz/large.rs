//! Tests archives that need 64-bit numbers from end to end. The writer leaves out runs of zeros, so that five GiB take
//! some kilobytes of the disk and no memory.

use std::fs::File;
use std::io::{self, Seek, SeekFrom, Write};
use std::path::Path;

use serde::Serialize;

use super::Npz;
use crate::ser::to_sink;
use crate::store::NpzSink;
use crate::zip::Settings;

/// A writer that skips blocks of zeros, which become holes in the file.
struct Sparse(File);

impl Write for Sparse {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        static ZEROS: [u8; 128 << 10] = [0; 128 << 10];
        if bytes.len() == ZEROS.len() && bytes == ZEROS {
            self.0.seek(SeekFrom::Current(bytes.len().cast_signed() as i64))?;
            return Ok(bytes.len());
        }
        self.0.write(&bytes[..bytes.len().min(ZEROS.len())])
    }

    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

impl Seek for Sparse {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        self.0.seek(to)
    }
}

fn save<T: Serialize>(path: &Path, value: &T) {
    let file = File::create(path).unwrap();
    let sink = NpzSink::new(Sparse(file.try_clone().unwrap()), Settings::default(), None);
    let (_, len) = to_sink(value, sink).unwrap();
    file.set_len(len).unwrap();
}

/// A member of more than 4 GiB, and members that start behind it.
#[allow(unsafe_code)]
#[test]
fn a_member_and_offsets_beyond_4_gib() {
    const LARGE: usize = (1 << 32) + (64 << 20) + 7;
    #[derive(Serialize)]
    struct Object {
        first: crate::ShmArray1<u32>,
        large: crate::ShmArray1<u8>,
        last: crate::ShmArray1<u32>,
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("large.npz");
    let object = Object {
        first: vec![1, 2].into(),
        // The kernel has one page of zeros for all of it.
        large: vec![0; LARGE].into(),
        last: vec![3, 4, 5].into(),
    };
    save(&path, &object);
    drop(object);
    // SAFETY: nobody writes into the test's own file.
    let mapped = unsafe { Npz::map(&path).unwrap() };
    for file in [&Npz::open(&path).unwrap(), &mapped] {
        let arrays = file.arrays().unwrap();
        assert_eq!(arrays[1].shape(), [LARGE]);
        let last = file.array::<u32, ndarray::Ix1>("last").unwrap();
        assert_eq!(last.as_slice(), Some(&[3, 4, 5][..]));
        assert_eq!(file.array::<u32, ndarray::Ix1>("first").unwrap()[1], 2);
    }
    let large = mapped.array::<u8, ndarray::Ix1>("large").unwrap();
    assert_eq!((large.len(), large[1 << 32], large[LARGE - 1]), (LARGE, 0, 0));
    let Some(python) = std::env::var_os("SERDE_SHM_PYTHON") else { return };
    let script = "import sys, zipfile, numpy\n\
        sizes = [info.file_size for info in zipfile.ZipFile(sys.argv[1]).infolist()]\n\
        assert sizes[1] == 128 + int(sys.argv[2]), sizes\n\
        assert numpy.load(sys.argv[1])['last'].tolist() == [3, 4, 5]";
    let status = std::process::Command::new(python)
        .args(["-c", script])
        .arg(&path)
        .arg(LARGE.to_string())
        .status();
    assert!(status.unwrap().success());
}
