//! A file that this crate wrote: its object, and where the object's arrays are.

use std::sync::Arc;

use crate::dtype::Scalar;
use crate::error::{Error, Result};
use crate::layout::Order;
use crate::npy::has_order;
use crate::progress::Meter;

use super::super::block::{BlockParts, BlockSource};
#[cfg(feature = "ndarray")]
use super::super::directory::Directory;
use super::super::{ArrayPath, ArrayStream, Info, ListedArray, Placed, PlacedHead, Source};
use super::base64;
use super::header::KEY;
use super::tensor::{Tensors, WatchedTensors};

/// The text that holds everything but the arrays, checked.
#[derive(Debug)]
pub(crate) struct ObjectText {
    bytes: Vec<u8>,
    parts: BlockParts,
}

impl ObjectText {
    /// Finds this text. `None` if the file has none, because another program wrote it.
    ///
    /// # Errors
    ///
    /// `Corrupt` or `Version` if the file has such a text that cannot be read.
    pub(crate) fn find(tensors: &Tensors) -> Result<Option<Self>> {
        let Some(text) = tensors.object_text() else { return Ok(None) };
        let named =
            |error: Error| Error::new(error.kind(), format!("the metadata `{KEY}`: {error:#}"));
        let bytes =
            base64::decode(text).ok_or_else(|| named(Error::corrupt("it is not Base64")))?;
        let parts = BlockParts::check(&bytes).map_err(named)?;
        if !parts.is_external() {
            return Err(named(Error::corrupt("it is a block with arrays of its own")));
        }
        // Of two arrays that were one tensor, each would be copied, and a few bytes could stand for thousands.
        let directory = BlockSource::with_parts(&bytes, &parts)?.directory();
        let mut is_taken = vec![false; tensors.len()];
        for number in 0..directory.len() {
            let name = directory.path(number).map_err(named)?.to_string();
            let Some(tensor) = tensors.find(&name) else { return Err(missing(&name)) };
            if std::mem::replace(&mut is_taken[tensor], true) {
                return Err(named(Error::corrupt(format!("two arrays are the tensor `{name}`"))));
            }
        }
        Ok(Some(ObjectText { bytes, parts }))
    }
}

/// An object whose arrays are tensors of a file.
pub(crate) struct TensorSource<'a> {
    tensors: &'a Tensors,
    block: BlockSource<'a>,
    /// Counts the bytes of tensors that are loaded.
    meter: Option<Arc<Meter<'a>>>,
}

impl<'a> TensorSource<'a> {
    pub(crate) fn new(watched: WatchedTensors<'a>, text: &'a ObjectText) -> Result<Self> {
        let WatchedTensors { tensors, meter } = watched;
        let block = BlockSource::with_parts(&text.bytes, &text.parts)?;
        Ok(TensorSource { tensors, block, meter })
    }

    /// What the object says of its arrays.
    #[cfg(feature = "ndarray")]
    pub(crate) fn directory(&self) -> Directory<'a> {
        self.block.directory()
    }

    /// The array of this path. `None` if the object has no array of that path.
    #[cfg(feature = "ndarray")]
    pub(crate) fn find(&self, path: &str, may_lie: bool) -> Result<Option<Placed<'a>>> {
        let Some(number) = self.block.find(path) else { return Ok(None) };
        self.load(number, may_lie).map(Some)
    }

    /// What is known of the object's arrays, in their order; then of the tensors beside them.
    pub(crate) fn infos(&self) -> Result<Vec<Info>> {
        let mut beside = vec![true; self.tensors.len()];
        let info = |number| {
            let (_, tensor) = self.entry(number)?;
            beside[tensor] = false;
            self.tensors.info(tensor)
        };
        let mut infos = (0..self.block.directory().len()).map(info).collect::<Result<Vec<_>>>()?;
        let more = (0..beside.len()).filter(|number| beside[*number]);
        infos.extend(more.filter_map(|number| self.tensors.info(number).ok()));
        Ok(infos)
    }

    /// What the object says of an array, and the tensor that it is, whose dtype and shape are the same.
    fn entry(&self, number: u64) -> Result<(ListedArray, usize)> {
        let (entry, path) = (self.block.directory().entry(number)?, self.block.path(number)?);
        let name = path.to_string();
        let tensor = self.tensors.find(&name).ok_or_else(|| missing(&name))?;
        let (dtype, shape) = (self.tensors.dtype(tensor)?, self.tensors.shape(tensor));
        let ListedArray { dtype: expected, shape: axes, order, .. } = &entry;
        if dtype == *expected && shape == axes && (*order == Order::C || !has_order(shape)) {
            return Ok((entry, tensor));
        }
        Err(Error::corrupt(format!(
            "tensor `{name}`: expected {expected} {axes:?} in order {order:?}, as the object was saved, found {dtype} {shape:?} in \
             order C"
        )))
    }

    fn load(&self, number: u64, may_lie: bool) -> Result<Placed<'a>> {
        let (entry, tensor) = self.entry(number)?;
        Ok(headed(entry, self.tensors.array(tensor, may_lie, self.meter.as_deref())?))
    }
}

fn missing(name: &str) -> Error {
    Error::corrupt(format!("tensor `{name}` is missing: the object was saved with it"))
}

/// The same array with the order that the object has, which may be F where both are the same.
fn headed(entry: ListedArray, placed: Placed<'_>) -> Placed<'_> {
    Placed { head: PlacedHead::free(entry.dtype, entry.shape, entry.order), ..placed }
}

impl<'a> Source<'a> for TensorSource<'a> {
    fn version(&self) -> u16 {
        self.block.version()
    }

    fn inline(&self) -> &'a [u8] {
        self.block.inline()
    }

    fn tables(&self) -> &'a [u8] {
        self.block.tables()
    }

    fn array_bytes(&self) -> u64 {
        self.tensors.total_size()
    }

    fn path(&self, number: u64) -> Result<ArrayPath<'a>> {
        self.block.path(number)
    }

    fn array(&self, number: u64) -> Result<Placed<'a>> {
        self.load(number, false)
    }

    fn array_to_copy(&self, number: u64) -> Result<Option<ArrayStream<'a>>> {
        let (entry, tensor) = self.entry(number)?;
        // A byte that is not a bool is an error with its place. The loaded array reports that place.
        if entry.dtype.scalar() == Some(Scalar::Bool) {
            return Ok(None);
        }
        let stream = self.tensors.array_to_copy(tensor, self.meter.clone())?;
        Ok(stream.map(|stream| ArrayStream { placed: headed(entry, stream.placed), ..stream }))
    }
}
