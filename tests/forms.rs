//! What serde can say.
#![allow(missing_docs)]

mod serde;
mod support;
