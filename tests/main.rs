//! The tests that need no process to themselves, in few programs: what they are generic over is compiled and linked a few times, and
//! no compiler has so much of it at once that it needs the memory of a large machine. Here is what goes in and comes out of
//! containers; `archives.rs` has files, `derives.rs` the derives and what wraps the codec, `forms.rs` what serde can say, `values.rs`
//! objects of any type, and `hostile.rs` bytes that somebody changed. Tests that fork, start themselves again by the dozen or count
//! descriptors are programs beside these, and those that take long are a package, `tests/sweeps`. `README.md` here says which promise
//! is held where.
#![allow(missing_docs)]

mod block;
mod docs;
mod format;
mod guide;
mod kmer_count_example;
mod safety;
mod share_example;
mod sharing;
mod support;
mod traits;
