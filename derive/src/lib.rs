//! The derives of `serde_shm`: serde's own, with arrays routed.
//!
//! Each derive hands a copy of the user's type, the *shadow*, to serde's derive with `#[serde(remote)]`, so that every
//! attribute of serde's works as it does there. Fields that are routed get `serialize_with` or `deserialize_with` on
//! the copy. For
//!
//! ```ignore
//! #[derive(Serialize)]
//! #[serde(rename_all = "camelCase")]
//! struct Model<'a> {
//!     name: &'a str,
//!     #[shm_array]
//!     bias: Vec<f32>,
//! }
//! ```
//!
//! `Serialize` expands to
//!
//! ```ignore
//! const _: () = {
//!     #[derive(::serde_shm::__private::serde::Serialize)]
//!     #[serde(remote = "Model", rename(serialize = "Model"), crate = "..", bound(serialize = ".."))]
//!     #[serde(rename_all = "camelCase")]
//!     struct __Shadow<'a> {
//!         name: &'a str,
//!         #[serde(serialize_with = "__serialize_0")]
//!         bias: Vec<f32>,
//!     }
//!
//!     fn __serialize_0<__S: Serializer>(value: &Vec<f32>, serializer: __S) -> Result<__S::Ok, __S::Error> {
//!         // Chosen by method lookup: the bulk path, or serde's for an array of something that is no element.
//!     }
//!
//!     impl<'a> Serialize for Model<'a> {
//!         fn serialize<__S: Serializer>(&self, serializer: __S) -> Result<__S::Ok, __S::Error> {
//!             <__Shadow<'a>>::serialize(self, serializer)
//!         }
//!     }
//! };
//! ```
//!
//! The flow is `parse` -> `check` -> `generate`. `route` says which fields are routed, `bound` what the impl asks of the
//! type parameters, `types` answers questions about field types.

#![forbid(unsafe_code)]

mod attr;
mod bound;
mod check;
mod generate;
mod parse;
mod remote;
mod route;
mod types;

use crate::parse::Direction;
use proc_macro::TokenStream;

/// Implements serde's `Serialize`, with arrays routed.
///
/// It takes every `#[serde(..)]` attribute that serde's own derive takes, and in addition
/// - `#[shm_array]` on a field that is an array (`Vec<f32>`, `[u8; 4]`, ..): the array is placed and not encoded. A field
///   in whose type an ndarray stands needs no mark;
/// - `#[serde_shm(crate = "path")]` on the type, where `serde_shm` goes by another path than `::serde_shm`.
#[proc_macro_derive(Serialize, attributes(serde, shm_array, serde_shm))]
pub fn derive_serialize(input: TokenStream) -> TokenStream {
    derive(input, Direction::Serialize)
}

/// Implements serde's `Deserialize`, with arrays routed.
///
/// It takes the same attributes as `Serialize`. `#[serde(borrow)]` is implied on a routed field.
#[proc_macro_derive(Deserialize, attributes(serde, shm_array, serde_shm))]
pub fn derive_deserialize(input: TokenStream) -> TokenStream {
    derive(input, Direction::Deserialize)
}

fn derive(input: TokenStream, direction: Direction) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    parse::container(&input, direction)
        .map_or_else(syn::Error::into_compile_error, |container| generate::expand(&container))
        .into()
}
