//! The tensors of a file, each brought to memory at its first use and kept.

use std::borrow::Cow;
use std::collections::{BTreeMap, HashMap};
use std::fs::File;
use std::io;
use std::ops::Range;
use std::sync::{Arc, OnceLock};

use ::safetensors::tensor::Dtype;

use crate::dtype::DType;
use crate::error::{Error, ErrorKind, Result};
use crate::layout::{self, MAX_NDIM, Order};
use crate::memory::{AlignedBytes, Region};
use crate::progress::Meter;
use crate::signature;
use crate::zip::ReadAt;

use super::super::{
    ArrayStream, ByteStream, Info, NamedArrays, Placed, STREAMED, Seat, read_whole,
};
use super::header::{self, KEY, LEN, dtype_of};

/// Where the bytes of a safetensors file are.
pub(crate) enum TensorInput {
    /// In a file: each tensor is read into memory of its own.
    File(File),
    /// In memory or in a mapping. A tensor that is aligned is used where it lies.
    Memory(Region),
}

impl TensorInput {
    fn bytes(&self) -> &dyn ReadAt {
        match self {
            TensorInput::File(file) => file,
            TensorInput::Memory(region) => region,
        }
    }

    /// These bytes where they lie, or a copy.
    fn part(&self, range: Range<u64>) -> Result<Cow<'_, [u8]>> {
        if let Some(part) = self.bytes().slice(range.clone()) {
            return Ok(Cow::Borrowed(part));
        }
        let mut part = Vec::new();
        let len = usize::try_from(range.end - range.start).unwrap_or(usize::MAX);
        part.try_reserve_exact(len)
            .map_err(|error| read_error(io::Error::new(io::ErrorKind::OutOfMemory, error)))?;
        part.resize(len, 0);
        self.bytes().read_exact_at(range.start, &mut part).map_err(read_error)?;
        Ok(Cow::Owned(part))
    }
}

fn read_error(error: io::Error) -> Error {
    Error::io("cannot read the file", error)
}

/// What the header says of a tensor, and the tensor once it was loaded.
struct Tensor {
    name: String,
    dtype: Dtype,
    shape: Vec<usize>,
    /// Where its elements lie in the file.
    place: Range<u64>,
    loaded: OnceLock<Region>,
}

/// The tensors of a file, in the order in which they lie there.
pub(crate) struct Tensors {
    input: TensorInput,
    listed: Vec<Tensor>,
    numbers: HashMap<String, usize>,
    texts: BTreeMap<String, String>,
    /// How many bytes all tensors have.
    bytes: u64,
}

impl Tensors {
    /// Reads the header.
    ///
    /// # Errors
    ///
    /// `Corrupt` if the header is refused, or the file has not the length that it says.
    pub(crate) fn open(input: TensorInput) -> Result<Self> {
        let size = input.bytes().size().map_err(read_error)?;
        let head = input.part(0..size.min(signature::HEAD as u64))?;
        let start = header::end(&head, size)?;
        let metadata = header::parse(&input.part(LEN..start)?, start, size)?;
        let mut listed = Vec::new();
        for name in metadata.offset_keys() {
            let Some(info) = metadata.info(&name) else { continue };
            let place = start + info.data_offsets.0 as u64..start + info.data_offsets.1 as u64;
            let (dtype, shape, loaded) = (info.dtype, info.shape.clone(), OnceLock::new());
            listed.push(Tensor { name, dtype, shape, place, loaded });
        }
        let numbers = listed.iter().enumerate().map(|(n, tensor)| (tensor.name.clone(), n));
        let numbers = numbers.collect();
        let texts = metadata.metadata().iter().flatten();
        let texts = texts.map(|(key, text)| (key.clone(), text.clone())).collect();
        Ok(Tensors { input, listed, numbers, texts, bytes: size - start })
    }

    /// The memory in which tensors are used where they lie.
    pub(crate) fn region(&self) -> Option<&Region> {
        match &self.input {
            TensorInput::File(_) => None,
            TensorInput::Memory(region) => Some(region),
        }
    }

    pub(crate) fn len(&self) -> usize {
        self.listed.len()
    }

    pub(crate) fn total_size(&self) -> u64 {
        self.bytes
    }

    pub(crate) fn find(&self, name: &str) -> Option<usize> {
        self.numbers.get(name).copied()
    }

    pub(crate) fn names(&self) -> impl Iterator<Item = (usize, &str)> {
        self.listed.iter().enumerate().map(|(number, tensor)| (number, tensor.name.as_str()))
    }

    /// The texts of the metadata but for the object's, by their keys.
    pub(crate) fn texts(&self) -> impl Iterator<Item = (&str, &str)> {
        let texts = self.texts.iter().filter(|(key, _)| *key != KEY);
        texts.map(|(key, text)| (key.as_str(), text.as_str()))
    }

    pub(super) fn object_text(&self) -> Option<&str> {
        self.texts.get(KEY).map(String::as_str)
    }

    /// The dtype of a tensor, whose shape this crate can have, too.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a dtype or so many axes as this crate does not have; `Corrupt` for a shape that no machine has.
    pub(super) fn dtype(&self, number: usize) -> Result<DType> {
        let Tensor { name, dtype, shape, place, .. } = &self.listed[number];
        let unsupported =
            |what: String| Error::new(ErrorKind::Unsupported, format!("tensor `{name}`: {what}"));
        let Some(own) = dtype_of(*dtype) else {
            return Err(unsupported(format!(
                "its dtype {dtype} is none of this crate's; read its bytes by the crate `safetensors`"
            )));
        };
        if shape.len() > MAX_NDIM {
            return Err(unsupported(format!("it has {} axes, more than {MAX_NDIM}", shape.len())));
        }
        match layout::byte_len(shape, own.item_size()) {
            Some(len) if len as u64 == place.end - place.start => Ok(own),
            _ => Err(Error::corrupt(format!("tensor `{name}`: shape {shape:?} is too large"))),
        }
    }

    pub(super) fn shape(&self, number: usize) -> &[usize] {
        &self.listed[number].shape
    }

    /// A tensor as an array, loaded if it does not lie in memory. With `may_lie` it may lie at any address.
    ///
    /// # Errors
    ///
    /// `Io` if it cannot be read; `Unsupported` or `Corrupt` if this crate has no such array.
    pub(crate) fn array(
        &self,
        number: usize,
        may_lie: bool,
        meter: Option<&Meter<'_>>,
    ) -> Result<Placed<'_>> {
        let Tensor { place, loaded, .. } = &self.listed[number];
        let dtype = self.dtype(number)?;
        let placed =
            |bytes| Placed::free(dtype.clone(), self.shape(number).to_vec(), Order::C, bytes);
        if let Some(bytes) = self.lying(place)
            && (may_lie || dtype.is_aligned(bytes))
        {
            return Ok(placed(bytes));
        }
        let region = if let Some(region) = loaded.get() {
            region
        } else {
            if let Some(meter) = meter {
                meter.begin(place.end - place.start, false);
            }
            let region = self.load(place, meter)?;
            // Of two threads, one keeps what it loaded.
            loaded.get_or_init(|| region)
        };
        Ok(Placed { region: Some(region.clone()), ..placed(region.bytes()) })
    }

    /// The bytes where they lie in memory.
    fn lying(&self, place: &Range<u64>) -> Option<&[u8]> {
        self.region()?.bytes().get(place.start as usize..place.end as usize)
    }

    fn load(&self, place: &Range<u64>, meter: Option<&Meter<'_>>) -> Result<Region> {
        if let Some(bytes) = self.lying(place) {
            let mut copy = AlignedBytes::new();
            copy.try_reserve(bytes.len()).map_err(read_error)?;
            copy.extend_from_slice(bytes);
            return Ok(Region::from_block(copy));
        }
        read_whole(self.input.bytes(), place.clone(), meter)
    }

    /// A tensor as a stream from a file, for a caller that copies it anyway. `None` unless it is large and was not loaded before.
    ///
    /// # Errors
    ///
    /// `Unsupported` or `Corrupt` if this crate has no such array.
    pub(super) fn array_to_copy<'a>(
        &'a self,
        number: usize,
        meter: Option<Arc<Meter<'a>>>,
    ) -> Result<Option<ArrayStream<'a>>> {
        let Tensor { place, loaded, shape, .. } = &self.listed[number];
        let TensorInput::File(file) = &self.input else { return Ok(None) };
        if loaded.get().is_some() || place.end - place.start < STREAMED {
            return Ok(None);
        }
        let placed = Placed::free(self.dtype(number)?, shape.clone(), Order::C, &[]);
        let len = (place.end - place.start) as usize;
        if let Some(meter) = &meter {
            meter.begin(len as u64, false);
        }
        let bytes = FileStream { file, left: place.clone(), room: Vec::new() };
        Ok(Some(ArrayStream::new(placed, len, bytes, meter)))
    }

    /// What the header says of a tensor, and whether it can be seen where it lies.
    ///
    /// # Errors
    ///
    /// `Unsupported` or `Corrupt` if this crate has no such array.
    pub(crate) fn info(&self, number: usize) -> Result<Info> {
        let Tensor { name, shape, place, .. } = &self.listed[number];
        let dtype = self.dtype(number)?;
        // In a file it can be read without conversion.
        let in_place = self.lying(place).is_none_or(|bytes| dtype.is_aligned(bytes));
        let seat = Seat { range: Some(place.clone()), in_place };
        Ok(Info { path: name.clone(), dtype, shape: shape.clone(), order: Order::C, seat })
    }
}

/// The tensors of a file, and what counts the bytes of those that are loaded.
#[derive(Clone)]
pub(crate) struct WatchedTensors<'a> {
    pub(crate) tensors: &'a Tensors,
    pub(crate) meter: Option<Arc<Meter<'a>>>,
}

impl<'a> NamedArrays<'a> for WatchedTensors<'a> {
    fn array_at(&self, index: usize) -> Result<Placed<'a>> {
        self.tensors.array(index, false, self.meter.as_deref())
    }
}

/// The bytes of a tensor that are left.
struct FileStream<'a> {
    file: &'a File,
    left: Range<u64>,
    room: Vec<u8>,
}

impl ByteStream for FileStream<'_> {
    fn next(&mut self, most: usize) -> Result<&[u8]> {
        let end = self.left.end.min(self.left.start.saturating_add(most as u64));
        self.room.resize((end - self.left.start) as usize, 0);
        ReadAt::read_exact_at(self.file, self.left.start, &mut self.room).map_err(read_error)?;
        self.left.start = end;
        Ok(&self.room)
    }
}
