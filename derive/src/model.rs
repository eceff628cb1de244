//! What the derives know of the user's type.
//!
//! `parse` fills it in from the syntax, `route` and `bound` add what they find, the later steps only read it.

use crate::attr::SerdeAttrs;
use crate::direction::Direction;
use proc_macro2::TokenStream;
use syn::{Attribute, DeriveInput, Fields, Generics, Ident, Lifetime, Path, Type};

/// The struct or enum that a derive stands on.
pub(crate) struct UserType<'a> {
    pub(crate) direction: Direction,
    pub(crate) input: &'a DeriveInput,
    /// Where generated code finds `serde_shm`.
    pub(crate) krate: Path,
    pub(crate) serde: SerdeAttrs,
    /// The user's `#[serde(remote = "..")]`.
    pub(crate) remote: Option<Path>,
    /// The generics without defaults and attributes, and without `Self`.
    pub(crate) generics: Generics,
    /// The type in a form that is right in types and expressions: `Model::<'a, T>`.
    pub(crate) this: TokenStream,
    /// A struct has one, without a name.
    pub(crate) variants: Vec<Variant<'a>>,
    /// What the impl asks for beyond what the type itself does. `bound` finds it.
    pub(crate) predicates: Vec<TokenStream>,
}

impl UserType<'_> {
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&Variant<'_>, &Field<'_>)> {
        self.variants
            .iter()
            .flat_map(|variant| variant.fields.iter().map(move |field| (variant, field)))
    }
}

/// A variant of an enum, or the whole of a struct.
pub(crate) struct Variant<'a> {
    pub(crate) ident: Option<&'a Ident>,
    pub(crate) attrs: &'a [Attribute],
    pub(crate) serde: SerdeAttrs,
    pub(crate) style: &'a Fields,
    pub(crate) fields: Vec<Field<'a>>,
}

/// A field.
pub(crate) struct Field<'a> {
    pub(crate) original: &'a syn::Field,
    /// The type, without `Self`.
    pub(crate) ty: Type,
    pub(crate) serde: SerdeAttrs,
    /// The `#[shm_array]` attributes.
    pub(crate) marks: Vec<&'a Attribute>,
    /// `route` chooses it.
    pub(crate) route: Route,
    /// What the field borrows from the deserializer because it is routed: a `borrow` that the user need not write.
    pub(crate) implied_borrow: Vec<Lifetime>,
}

/// How a field is written and read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// As serde does it, with what the user's attributes say.
    Serde,
    /// The type depends on a parameter: the bulk path, with a bound that says so.
    Bound,
    /// The type is marked and known here: the compiler looks up whether the bulk path takes it, or serde's for an array
    /// of something that is no element. Anything else is an error.
    Marked,
    /// The type names an ndarray and is known here: the bulk path if it takes it, else serde's.
    Unmarked,
}
