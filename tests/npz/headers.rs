//! Headers of `.npy` files in thousands of spellings: what NumPy reads is read, and what it refuses is refused.

use std::fs;

use serde::Deserialize;
use serde_shm::{Npz, Order};

use crate::npz::support::{folder, python};

#[derive(Deserialize)]
struct Cases {
    data: Vec<u8>,
    cases: Vec<Case>,
}

#[derive(Deserialize)]
struct Case {
    header: String,
    version: u8,
    /// Why this crate reads it not, though NumPy does, and the other way round.
    less: Option<String>,
    more: Option<String>,
    error: Option<String>,
    dtype: Option<String>,
    shape: Option<Vec<usize>>,
    fortran: Option<bool>,
    bytes: Option<Vec<u8>>,
    /// The file up to its elements.
    file: Vec<u8>,
}

impl Case {
    /// What this crate does otherwise, if it does.
    fn differs(&self, data: &[u8]) -> Option<String> {
        let file = [&self.file[..], data].concat();
        let read = Npz::from_bytes(&file[..]).and_then(|file| {
            let info = file.arrays()?.remove(0);
            // The elements are there.
            let bytes = match *info.dtype() {
                serde_shm::DType::U8 => {
                    let array = file.array::<u8, ndarray::IxDyn>(info.path())?;
                    Some(
                        array
                            .as_slice_memory_order()
                            .unwrap()
                            .iter()
                            .copied()
                            .take(64)
                            .collect::<Vec<u8>>(),
                    )
                }
                _ => None,
            };
            Ok((info, bytes))
        });
        match (&self.dtype, read) {
            (None, Err(_)) => None,
            (None, Ok(_)) if self.more.is_some() => None,
            (None, Ok((info, _))) => Some(format!(
                "is read as {} {:?}, and not by NumPy: {}",
                info.dtype(),
                info.shape(),
                self.error.as_deref().unwrap_or_default()
            )),
            (Some(_), Ok(_)) if self.less.is_some() => {
                Some("is read: it is no exception".to_owned())
            }
            (Some(_), Err(_)) if self.less.is_some() => None,
            (Some(dtype), Err(error)) => {
                Some(format!("NumPy reads {dtype} {:?}: {error}", self.shape))
            }
            (Some(dtype), Ok((info, bytes))) => {
                // What libraries of bfloat16 save their elements as.
                let found = info.dtype().to_string().replace("<V2", "|V2").replace(">V2", "|V2");
                let has_order = info.shape().len() > 1 && info.shape().iter().all(|axis| *axis > 1);
                let order = if self.fortran == Some(true) { Order::F } else { Order::C };
                let same = found == *dtype
                    && Some(info.shape()) == self.shape.as_deref()
                    && (info.order() == order || !has_order)
                    && (bytes.is_none() || bytes == self.bytes);
                (!same).then(|| {
                    format!(
                        "is read as {found} {:?} {:?}, and by NumPy as {dtype} {:?} {order:?}",
                        info.shape(),
                        info.order(),
                        self.shape
                    )
                })
            }
        }
    }
}

/// `f4`, `float32` and `<f`, which NumPy reads, were refused, as were shapes in hexadecimal; `b'<f4'`, which it refuses, was read.
#[test]
fn headers_are_read_and_refused_as_numpy_does() {
    let folder = folder();
    let path = folder.path().join("cases.json");
    if !python("headers.py", &[&path]) {
        return;
    }
    let cases: Cases = serde_json::from_slice(&fs::read(path).unwrap()).unwrap();
    assert!(cases.cases.len() > 2500);
    assert!(cases.cases.iter().filter(|case| case.dtype.is_some()).count() > 600);
    let wrong: Vec<String> = cases
        .cases
        .iter()
        .filter_map(|case| {
            let what = case.differs(&cases.data)?;
            let header: String = case.header.chars().take(150).collect();
            Some(format!("version {}, {header:?}: {what}", case.version))
        })
        .collect();
    assert!(wrong.is_empty(), "{} of {}:\n{}", wrong.len(), cases.cases.len(), wrong.join("\n"));
}
