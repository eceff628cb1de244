//! What serde can say, and every way to ask for it.
#![allow(missing_docs)]

mod requests;
mod serde;
mod support;
