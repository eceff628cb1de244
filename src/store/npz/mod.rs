//! The .npz file: one `.npy` member for each array, named by its path in the object, and a member with the rest. A
//! file of another program has no such member, and its arrays' names are all there is.

mod array_names;
mod mapped;
mod members;
mod names;
mod pieces;
mod sink;
mod source;
#[cfg(test)]
mod tests;
mod watched;
mod window;

pub(crate) use mapped::MappedFile;
pub(crate) use members::{Input, Members, Other};
pub(crate) use sink::NpzSink;
pub(crate) use source::{NpzSource, Rest};
pub(crate) use watched::WatchedMembers;
