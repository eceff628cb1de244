//! Chooses which fields are routed, and how.

use crate::attr::{self, SerdeAttrs};
use crate::direction::Direction;
use crate::model::{Field, Route, UserType, Variant};
use crate::types;
use quote::ToTokens;
use syn::Generics;

/// Chooses the route of each field.
pub(crate) fn choose(container: &mut UserType<'_>) {
    for variant in &mut container.variants {
        choose_in(variant, &container.serde, &container.generics);
    }
}

fn choose_in(variant: &mut Variant<'_>, container: &SerdeAttrs, generics: &Generics) {
    if is_written_whole(variant) {
        return;
    }
    let borrows = variant.serde.has(attr::BORROW);
    for field in &mut variant.fields {
        field.route = route(field, &[container, &variant.serde, &field.serde], generics);
        if field.route != Route::Serde && !borrows && !field.serde.has(attr::BORROW) {
            // `'static` cannot be borrowed from the input. A lifetime of another item is not this type's to borrow.
            let own = types::lifetimes(&field.ty).into_iter();
            field.implied_borrow = own
                .filter(|own| generics.lifetimes().any(|param| param.lifetime == *own))
                .collect();
        }
    }
}

/// Whether a variant is skipped, or written and read as a whole, so that no derive looks at its fields.
pub(crate) fn is_written_whole(variant: &Variant<'_>) -> bool {
    [Direction::Serialize, Direction::Deserialize]
        .iter()
        .any(|&direction| variant.serde.has_with(direction) || variant.serde.is_skipped(direction))
}

fn route(field: &Field<'_>, attrs: &[&SerdeAttrs], generics: &Generics) -> Route {
    let depends = types::mentions_param(field.ty.to_token_stream(), generics);
    if !field.marks.is_empty() {
        return if depends { Route::Bound } else { Route::Marked };
    }
    // An attribute of the user on a field decides the route for both directions, so that one reads what the other has written.
    let is_users = field.serde.any(CONFLICTS).is_some();
    if is_users || !types::names_ndarray(&field.ty) {
        return Route::Serde;
    }
    if !depends {
        return Route::Unmarked;
    }
    // A bound cannot fall back on serde. So the impl has one only where it will hold, and where the user has written no
    // `bound`.
    let has_bound = attrs.iter().any(|attrs| attrs.has(attr::BOUND));
    if types::is_all_ndarray(&field.ty) && !has_bound { Route::Bound } else { Route::Serde }
}

/// The entries of `#[serde(..)]` by which the user already says how a field is written or read.
pub(crate) const CONFLICTS: &[&str] = &[
    attr::WITH,
    attr::SERIALIZE_WITH,
    attr::DESERIALIZE_WITH,
    attr::SKIP,
    attr::SKIP_SERIALIZING,
    attr::SKIP_DESERIALIZING,
    attr::FLATTEN,
    attr::GETTER,
];
