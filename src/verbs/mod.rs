//! What users call: for each container a pair of functions that write an object into it and read it back.

mod block;
mod block_options;
mod bytes;
#[cfg(feature = "npz")]
mod file;
mod handle;
#[cfg(feature = "ndarray")]
mod lookup;
#[cfg(feature = "npz")]
mod npz;
pub mod segments;
mod shared;
#[cfg(feature = "safetensors")]
mod tensors;

pub use block::Block;
pub use block_options::BlockOptions;
pub use bytes::{from_bytes, from_reader, from_reader_limited, to_bytes, to_writer};
#[cfg(feature = "npz")]
pub use npz::{Compression, Npz, NpzOptions, OtherMember, from_npz, to_npz};
#[cfg(feature = "ndarray")]
pub use shared::Arena;
#[cfg(feature = "workers")]
pub(crate) use shared::Handed;
pub use shared::{MemoryWriter, OpenOptions, Segment, SegmentOptions, from_shared, to_shared};
#[cfg(feature = "safetensors")]
pub use tensors::{Safetensors, SafetensorsOptions, from_safetensors, to_safetensors};
