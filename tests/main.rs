//! The tests that need no process to themselves, in three programs: what they are generic over is compiled and linked few times.
//! One program would be one less, but a compiler that has all of it at once needs more memory than small machines have. Here is
//! what goes in and comes out of containers; `values.rs` has objects of any type, good and bad, and `forms.rs` what serde can say.
//! Tests that fork, start themselves again by the dozen or count descriptors are programs beside these, and those that take long
//! are a package, `tests/sweeps`. `README.md` here says which promise is held where.
#![allow(missing_docs)]

mod arrays;
mod block;
mod codec;
mod derive;
mod docs;
mod format;
mod kmer_count_example;
mod npz;
mod safety;
mod shapes;
mod share_example;
mod sharing;
mod support;
mod traits;
mod untyped;
