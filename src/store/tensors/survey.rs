//! Surveys a safetensors file. Its header stands before its tensors and says where each ends, so an object is written twice: to this
//! sink, which looks at no element, and then to the file.

use std::cmp::Reverse;
use std::collections::BTreeMap;

use ::safetensors::tensor::{Dtype, TensorInfo};
use serde::ser::{Serialize, SerializeMap, Serializer};

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{ARRAY_ALIGN, Order};
use crate::memory::live::Kind;

use super::super::external::ExternalBlock;
use super::super::names::ArrayNames;
use super::super::{ArrayHead, Finish, Nonce, Sink};
use super::base64;
use super::header::{FORMAT, KEY, LEN, MAX_HEADER, METADATA, dtype_of, tensor_dtype};

/// A tensor that is written.
#[derive(PartialEq, Eq)]
pub(super) struct Outgoing {
    pub(super) name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    pub(super) bytes: usize,
}

impl Outgoing {
    pub(super) fn shape(&self) -> &[usize] {
        &self.shape
    }

    pub(super) fn item_size(&self) -> usize {
        self.dtype.bitsize() / 8
    }
}

/// The tensors of an object as they come: what a survey is made of, and what must be the same again when they are written.
pub(super) struct Gathered {
    names: ArrayNames,
    block: ExternalBlock,
}

impl Gathered {
    pub(super) fn new() -> Self {
        Gathered { names: ArrayNames::new(METADATA), block: ExternalBlock::default() }
    }

    /// The tensor that an array will be.
    ///
    /// # Errors
    ///
    /// `Unsupported` if no tensor can have elements of this dtype.
    pub(super) fn begin(&mut self, head: &ArrayHead<'_>) -> Result<Outgoing> {
        let Some(dtype) = tensor_dtype(head.dtype) else {
            return Err(Error::new(
                ErrorKind::Unsupported,
                format!(
                    "array `{}`: a safetensors file has no dtype for {}; save the object by `to_npz`, or leave the array out",
                    head.path, head.dtype
                ),
            ));
        };
        let name = self.names.take(head.path);
        Ok(Outgoing { name, dtype, shape: head.shape.to_vec(), bytes: head.bytes })
    }

    pub(super) fn end(&mut self, tensor: &Outgoing) -> Result<u64> {
        let Outgoing { name, dtype, shape, bytes } = tensor;
        let dtype = dtype_of(*dtype).unwrap_or(DType::U8);
        let (order, kind) = (Order::C, Kind::Plain);
        self.block.push(&ArrayHead {
            path: name,
            follows: false,
            dtype: &dtype,
            shape,
            order,
            kind,
            bytes: *bytes,
        })
    }

    pub(super) fn abandon(&mut self, tensor: &Outgoing) {
        self.names.give_back(&tensor.name);
    }

    /// The block of the object.
    pub(super) fn finish(self, inline: &[u8], tables: &[u8]) -> Result<Vec<u8>> {
        self.block.finish(&[], inline, tables, Nonce::default())
    }
}

/// Where everything lies in a file that is not written yet.
pub(crate) struct Survey {
    /// The bytes before the tensors.
    pub(super) head: Vec<u8>,
    /// The tensors in the order of their numbers, each with its place in the file.
    pub(super) tensors: Vec<(Outgoing, u64)>,
    pub(super) block: Vec<u8>,
    /// The length of the file.
    pub(super) len: u64,
}

impl Survey {
    fn new(tensors: Vec<Outgoing>, block: Vec<u8>) -> Result<Self> {
        let mut sorted: Vec<(usize, &Outgoing)> = tensors.iter().enumerate().collect();
        // As the crate `safetensors` does it. Its dtypes are ordered by their alignment.
        sorted.sort_by_key(|(_, tensor)| (Reverse(tensor.dtype), tensor.name.as_str()));
        let mut starts = vec![0; tensors.len()];
        let mut at = 0_usize;
        let mut infos = Vec::with_capacity(tensors.len());
        for (number, tensor) in sorted {
            let end = at.checked_add(tensor.bytes).ok_or_else(|| {
                Error::new(ErrorKind::Limit, "the arrays take more bytes than a file can have")
            })?;
            let info = TensorInfo {
                dtype: tensor.dtype,
                shape: tensor.shape.clone(),
                data_offsets: (at, end),
            };
            infos.push((tensor.name.as_str(), info));
            starts[number] = at as u64;
            at = end;
        }
        let head = head(&HeaderText { object: base64::encode(&block), infos })?;
        let start = head.len() as u64;
        let places = starts.into_iter().map(|place| start + place);
        let tensors = tensors.into_iter().zip(places).collect();
        Ok(Survey { len: start + at as u64, head, tensors, block })
    }

    /// The bytes of all tensors.
    pub(crate) fn bytes(&self) -> u64 {
        self.len - self.head.len() as u64
    }
}

/// What a header says. The crate's own type has the texts in another order each time.
struct HeaderText<'a> {
    object: String,
    infos: Vec<(&'a str, TensorInfo)>,
}

impl Serialize for HeaderText<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> std::result::Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(Some(self.infos.len() + 1))?;
        map.serialize_entry(METADATA, &BTreeMap::from([FORMAT, (KEY, &self.object)]))?;
        for (name, info) in &self.infos {
            map.serialize_entry(name, info)?;
        }
        map.end()
    }
}

/// The header with its length, padded so that the first tensor is aligned.
fn head(text: &HeaderText<'_>) -> Result<Vec<u8>> {
    let mut head = vec![0; LEN as usize];
    serde_json::to_writer(&mut head, text).map_err(|error| {
        Error::new(ErrorKind::Message, format!("cannot write the safetensors header: {error}"))
    })?;
    head.resize(head.len().next_multiple_of(ARRAY_ALIGN), b' ');
    let len = head.len() as u64 - LEN;
    if len > MAX_HEADER {
        return Err(Error::new(
            ErrorKind::Limit,
            format!(
                "a safetensors header has at most {MAX_HEADER} bytes, and this one has {len}: it holds all that is no array, as text; \
                 mark long lists as arrays, or save the object by `to_npz`"
            ),
        ));
    }
    head[..LEN as usize].copy_from_slice(&len.to_le_bytes());
    Ok(head)
}

/// Takes an object without its elements.
pub(crate) struct SurveySink {
    gathered: Gathered,
    tensors: Vec<Outgoing>,
    open: Option<Outgoing>,
}

impl SurveySink {
    pub(crate) fn new() -> Self {
        SurveySink { gathered: Gathered::new(), tensors: Vec::new(), open: None }
    }
}

impl Sink for SurveySink {
    fn begin(&mut self, head: &ArrayHead<'_>) -> Result<()> {
        self.open = Some(self.gathered.begin(head)?);
        Ok(())
    }

    fn write(&mut self, _: &[u8]) -> Result<()> {
        Ok(())
    }

    fn end(&mut self) -> Result<u64> {
        let tensor = self.open.take().ok_or_else(not_begun)?;
        let number = self.gathered.end(&tensor)?;
        self.tensors.push(tensor);
        Ok(number)
    }

    fn abandon(&mut self) -> Result<()> {
        if let Some(tensor) = self.open.take() {
            self.gathered.abandon(&tensor);
        }
        Ok(())
    }
}

impl Finish for SurveySink {
    type Output = Survey;

    fn finish(self, inline: Vec<u8>, tables: &[u8]) -> Result<Survey> {
        Survey::new(self.tensors, self.gathered.finish(&inline, tables)?)
    }
}

pub(super) fn not_begun() -> Error {
    Error::new(ErrorKind::Message, "an array was ended that was not begun")
}
