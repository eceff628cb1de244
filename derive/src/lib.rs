//! The derives of `serde_shm`: serde's own, with arrays routed.
//!
//! Each derive hands a copy of the user's type, the *shadow*, to serde's derive with `#[serde(remote)]`, so that every
//! attribute of serde's works as it does there. Fields that are routed get `serialize_with` or `deserialize_with` on
//! the copy. For
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
//! Data flows one way. `parse` reads the input into the `model`, `route` says which fields are routed, `check` refuses
//! what cannot work, `bound` says what the impl asks of the type parameters, and `generate` writes the code: the
//! `shadow`, each `helper` that it names, and the impl (`remote` has those of remote types). At the bottom, `attr` and
//! `types` answer questions about the user's attributes and field types. `element` is the derive of that name, by itself.

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

/// Makes a `#[repr(C)]` struct an array element, which NumPy sees as a structured dtype.
///
/// Fields are bool, numbers up to 64 bits, the types of `serde_shm::element`, structs with this derive, and fixed arrays
/// of these. `#[element(rename = "name")]` on a field gives it another name in the dtype.
/// `#[serde_shm(crate = "path")]` says where the crate is found.
///
/// The derive lists the fields' names and the compiler says what they are, so that another attribute or a macro may have
/// changed a type. An attribute that adds, removes or reorders fields stands above the derive, else it is a compile error.
#[proc_macro_derive(Element, attributes(element, serde_shm))]
pub fn derive_element(input: TokenStream) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    element::expand(&input).unwrap_or_else(syn::Error::into_compile_error).into()
}

fn derive(input: TokenStream, direction: Direction) -> TokenStream {
    let input = syn::parse_macro_input!(input as syn::DeriveInput);
    expand(&input, direction).unwrap_or_else(syn::Error::into_compile_error).into()
}

/// The steps in their order. The errors of all of them are reported together.
fn expand(input: &syn::DeriveInput, direction: Direction) -> syn::Result<proc_macro2::TokenStream> {
    let mut errors = Errors::default();
    let mut container = parse::container(input, direction, &mut errors);
    route::choose(&mut container);
    check::container(&container, &mut errors);
    container.predicates = bound::predicates(&container, &mut errors);
    errors.finish()?;
    Ok(generate::expand(&container))
}
