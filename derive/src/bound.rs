//! The bounds of an impl: the predicates that serde would infer, and those that routed fields need.
//!
//! Serde infers bounds for the shadow only, and the impl on the real type needs the same ones. So this module finds them by
//! serde's rules, and the shadow gives them to serde as an explicit `bound`. It finds the deserializer's lifetime for the same
//! reason.

use crate::attr;
use crate::direction::Direction;
use crate::errors::Errors;
use crate::model::{Field, Route, UserType, Variant};
use crate::types;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, quote};
use std::collections::BTreeSet;
use syn::visit::{self, Visit};
use syn::{Lifetime, Path, Type, TypePath};

/// The predicates that the impl needs beyond those of the type itself.
pub(crate) fn predicates(container: &UserType<'_>, errors: &mut Errors) -> Vec<TokenStream> {
    let direction = container.direction;
    let krate = &container.krate;
    let (de, _) = deserializer_lifetime(container);
    let (serde_trait, array_trait) = match direction {
        Direction::Serialize => {
            (quote!(#krate::__private::serde::Serialize), quote!(#krate::__private::SerializeArray))
        }
        Direction::Deserialize => (
            quote!(#krate::__private::serde::Deserialize<#de>),
            quote!(#krate::__private::DeserializeArray<#de>),
        ),
    };

    let mut predicates = Predicates { found: Vec::new(), errors };
    for variant in &container.variants {
        predicates.add_users(&variant.serde, container);
        for field in &variant.fields {
            predicates.add_users(&field.serde, container);
        }
    }
    for (_, field) in container.fields().filter(|(_, field)| field.route == Route::Bound) {
        predicates.add(&field.ty, &array_trait);
    }

    if container.serde.strings_for(attr::BOUND, direction).is_empty() {
        predicates.add_inferred(container, &serde_trait, needs_serde);
        if direction == Direction::Deserialize {
            let default = quote!(#krate::__private::core::default::Default);
            if is_default(container) && !container.generics.params.is_empty() {
                predicates.add(&container.this, &default);
            }
            predicates.add_inferred(container, &default, needs_default);
        }
    } else {
        predicates.add_users(&container.serde, container);
    }
    predicates.found
}

/// The type's own predicates, and those that this module found.
pub(crate) fn where_clause(container: &UserType<'_>) -> TokenStream {
    let own = container.generics.where_clause.iter().flat_map(|clause| clause.predicates.iter());
    let predicates = &container.predicates;
    quote!(where #(#own,)* #(#predicates,)*)
}

/// The deserializer's lifetime, and the impl's parameters with it.
pub(crate) fn deserializer(container: &UserType<'_>) -> (Lifetime, TokenStream) {
    let (de, borrowed) = deserializer_lifetime(container);
    let mut generics = container.generics.clone();
    if de.ident == "de" {
        let borrowed = borrowed.iter();
        generics.params.insert(0, syn::parse_quote!(#de: #(#borrowed)+*));
    }
    let (params, _, _) = generics.split_for_impl();
    (de, params.into_token_stream())
}

/// The deserializer's lifetime, and the lifetimes of the type that it must outlive, by serde's rules.
///
/// It is `'static` if a field borrows `'static`, otherwise `'de`.
fn deserializer_lifetime(container: &UserType<'_>) -> (Lifetime, BTreeSet<Lifetime>) {
    let mut borrowed = BTreeSet::new();
    for (variant, field) in container.fields() {
        if field.serde.is_skipped(Direction::Deserialize) {
            continue;
        }
        borrowed.extend(field.implied_borrow.iter().cloned());
        // On a variant, `borrow` means the variant's only field.
        if let Some(entry) =
            field.serde.get(attr::BORROW).or_else(|| variant.serde.get(attr::BORROW))
        {
            match entry.string() {
                Some(string) => borrowed.extend(attr::lifetimes(&string)),
                None => borrowed.extend(types::lifetimes(&field.ty)),
            }
        } else if types::is_borrowed_by_serde(&field.ty) {
            borrowed.extend(types::lifetimes(&field.ty));
        }
    }
    let name = if borrowed.iter().any(|own| own.ident == "static") { "'static" } else { "'de" };
    (Lifetime::new(name, Span::call_site()), borrowed)
}

/// Whether serde's trait writes or reads the field, so that the type parameters in it must have that trait.
fn needs_serde(container: &UserType<'_>, variant: &Variant<'_>, field: &Field<'_>) -> bool {
    let direction = container.direction;
    let is_users = |serde: &attr::SerdeAttrs| {
        serde.is_skipped(direction)
            || serde.has_with(direction)
            || !serde.strings_for(attr::BOUND, direction).is_empty()
    };
    field.route == Route::Serde && !is_users(&field.serde) && !is_users(&variant.serde)
}

/// Whether the field may be filled by `Default`.
fn needs_default(container: &UserType<'_>, _: &Variant<'_>, field: &Field<'_>) -> bool {
    match field.serde.get(attr::DEFAULT) {
        Some(default) => default.is_flag(),
        None => {
            field.serde.is_skipped(Direction::Deserialize) && !container.serde.has(attr::DEFAULT)
        }
    }
}

fn is_default(container: &UserType<'_>) -> bool {
    container.serde.get(attr::DEFAULT).is_some_and(attr::Setting::is_flag)
}

struct Predicates<'a> {
    found: Vec<TokenStream>,
    errors: &'a mut Errors,
}

impl Predicates<'_> {
    fn add(&mut self, ty: impl ToTokens, bound: &TokenStream) {
        self.found.push(quote!(#ty: #bound));
    }

    /// Adds the predicates that the user wrote in `bound`.
    fn add_users(&mut self, serde: &attr::SerdeAttrs, container: &UserType<'_>) {
        for string in serde.strings_for(attr::BOUND, container.direction) {
            match attr::predicates(&string) {
                Ok(own) => self.found.extend(own.iter().map(|predicate| {
                    types::replace_self(predicate.to_token_stream(), &container.this)
                })),
                Err(error) => self.errors.add(error),
            }
        }
    }

    /// Adds `T: Bound` for each type parameter `T` that a field of this kind uses.
    fn add_inferred(
        &mut self,
        container: &UserType<'_>,
        bound: &TokenStream,
        is_wanted: fn(&UserType<'_>, &Variant<'_>, &Field<'_>) -> bool,
    ) {
        let mut usage = Usage {
            params: container.generics.type_params().map(|param| &param.ident).collect(),
            used: BTreeSet::new(),
            associated: Vec::new(),
        };
        for (_, field) in
            container.fields().filter(|(variant, field)| is_wanted(container, variant, field))
        {
            usage.field(&field.ty);
        }
        for param in usage.params.iter().filter(|param| usage.used.contains(*param)) {
            self.add(param, bound);
        }
        for ty in usage.associated {
            self.add(ty, bound);
        }
    }
}

/// Which type parameters fields use, and which associated types of them.
struct Usage<'a> {
    params: Vec<&'a Ident>,
    used: BTreeSet<&'a Ident>,
    /// A field's type that is `T::Assoc` needs the bound itself. A bound on `T` would say nothing about `T::Assoc`.
    associated: Vec<&'a TypePath>,
}

impl<'a> Usage<'a> {
    fn field(&mut self, ty: &'a Type) {
        if let Type::Path(path) = types::ungroup(ty) {
            let segments = &path.path.segments;
            if segments.len() > 1 && self.params.contains(&&segments[0].ident) {
                self.associated.push(path);
            }
        }
        self.visit_type(ty);
    }
}

impl<'a> Visit<'a> for Usage<'a> {
    fn visit_path(&mut self, path: &'a Path) {
        // `PhantomData<T>` has both traits whatever `T` is.
        if path.segments.last().is_some_and(|last| last.ident == "PhantomData") {
            return;
        }
        if let Some(param) = path.get_ident().filter(|ident| self.params.contains(ident)) {
            self.used.insert(param);
        }
        visit::visit_path(self, path);
    }

    /// Does nothing, because the derive cannot know what a macro makes of its input.
    fn visit_macro(&mut self, _: &'a syn::Macro) {}
}
