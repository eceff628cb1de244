//! The derives of `serde_shm`: serde's own, with arrays routed.
//!
//! A field is *routed* if this crate, and not serde's trait, chooses how it is written and read.
//!
//! Each derive makes a copy of the user's type, the *shadow*, and hands it to serde's derive with `#[serde(remote)]`. So
//! every attribute of serde's works as it does there. On the shadow, routed fields get `serialize_with` or
//! `deserialize_with`. For
//!
//! ```text
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
//! ```text
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
//!     fn __serialize_0<__S: Serializer>(__value: &Vec<f32>, __serializer: __S) -> Result<__S::Ok, __S::Error> {
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
//! Data flows one way. `parse` reads the input into the `model`. `route` chooses which fields are routed. `check` refuses
//! what cannot work. `bound` finds the bounds that the impl needs on the type parameters. `generate` writes the code: the
//! `shadow`, each `helper` that the shadow names, and the impl (`remote` writes the impls of remote types). At the bottom,
//! `attr` and `types` answer questions about the user's attributes and field types. `element` is `derive(Element)`, which
//! takes none of these steps.

#![forbid(unsafe_code)]

mod attr;
mod bound;
mod check;
mod direction;
mod element;
mod errors;
mod generate;
mod helper;
mod model;
mod parse;
mod remote;
mod route;
mod shadow;
mod types;

use crate::direction::Direction;
use crate::errors::Errors;
use proc_macro::TokenStream;

/// Implements serde's `Serialize`, so that arrays are written as arrays and not value by value.
///
/// It takes every `#[serde(..)]` attribute that serde's own derive takes, and two more:
/// - `#[shm_array]` on a field that is an array (`Vec<f32>`, `[u8; 4]`, ..). The array's bytes are placed in the container as
///   they are in memory, and not encoded element by element. A field whose type names an ndarray needs no such mark.
/// - `#[serde_shm(crate = "path")]` on the type, if `serde_shm` has another path than `::serde_shm`.
#[proc_macro_derive(Serialize, attributes(serde, shm_array, serde_shm))]
pub fn derive_serialize(input: TokenStream) -> TokenStream {
    derive(input, Direction::Serialize)
}

/// Implements serde's `Deserialize`, so that arrays are read as arrays and not value by value.
///
/// It takes the same attributes as `Serialize`. An array field with a lifetime borrows from the input even without
/// `#[serde(borrow)]`.
#[proc_macro_derive(Deserialize, attributes(serde, shm_array, serde_shm))]
pub fn derive_deserialize(input: TokenStream) -> TokenStream {
    derive(input, Direction::Deserialize)
}

/// Makes a `#[repr(C)]` struct an array element, which NumPy sees as a structured dtype.
///
/// A field may be a bool, a number of up to 64 bits, a type of `serde_shm::element`, a struct with this derive, or a fixed
/// array of any of these. `#[element(rename = "name")]` on a field gives it another name in the dtype.
/// `#[serde_shm(crate = "path")]` on the struct says where the crate is found.
///
/// The derive takes only the fields' names from the source. Their types come from the compiler, so another attribute or a macro
/// may change a field's type. An attribute that adds, removes or reorders fields must stand above the derive, otherwise the
/// struct does not compile.
#[proc_macro_derive(Element, attributes(element, serde_shm))]
pub fn derive_element(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    element::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn derive(input: TokenStream, direction: Direction) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand(&input, direction).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// Runs the steps in their order, and reports the errors of all of them together.
fn expand(input: &syn::DeriveInput, direction: Direction) -> syn::Result<proc_macro2::TokenStream> {
    let mut errors = Errors::default();
    let mut container = parse::container(input, direction, &mut errors);
    route::choose(&mut container);
    check::container(&container, &mut errors);
    container.predicates = bound::predicates(&container, &mut errors);
    errors.finish()?;
    Ok(generate::expand(&container))
}
