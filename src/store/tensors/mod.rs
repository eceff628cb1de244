//! The safetensors file: a tensor for each array, named by its path in the object, and a text of the metadata with the rest. A file
//! of another program has no such text, and its tensors' names are all there is.

mod base64;
mod header;
mod sink;
mod source;
mod survey;
mod tensor;

pub(crate) use sink::TensorSink;
pub(crate) use source::{ObjectText, TensorSource};
pub(crate) use survey::SurveySink;
pub(crate) use tensor::{TensorInput, Tensors, WatchedTensors};
