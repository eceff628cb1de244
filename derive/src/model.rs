//! What the derives know of the user's type.
//!
//! `parse` fills the model in from the syntax. `route` and `bound` add what they find. The later steps only read it.

use crate::attr::SerdeAttrs;
use crate::direction::Direction;
use proc_macro2::TokenStream;
use syn::{Attribute, DeriveInput, Fields, Generics, Ident, Lifetime, Path, Type};

/// The struct or enum that the user derives a trait for.
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
    /// The type in a form that is valid in types and in expressions: `Model::<'a, T>`.
    pub(crate) this: TokenStream,
    /// The variants of an enum. A struct has one variant, without a name.
    pub(crate) variants: Vec<Variant<'a>>,
    /// The predicates that the impl needs beyond those of the type itself. `bound` finds them.
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
    /// How the field is written and read. `route` chooses it.
    pub(crate) route: Route,
    /// The lifetimes that the field borrows from the deserializer because it is routed, so that the user need not write `borrow`.
    pub(crate) implied_borrow: Vec<Lifetime>,
}

/// How a field is written and read.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Route {
    /// Serde writes and reads the field, as the user's attributes say.
    Serde,
    /// The type depends on a type parameter. The field takes the bulk path, and the impl has a bound that demands it.
    Bound,
    /// The field is marked, and its type is known here. The compiler looks up whether the bulk path takes the type. If the type
    /// is an array of something that is not an element, serde's path takes it. Any other type is an error.
    Marked,
    /// The field has no mark, its type names an ndarray, and is known here. The bulk path takes it if it can, otherwise serde's.
    Unmarked,
}
