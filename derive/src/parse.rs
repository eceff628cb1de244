//! From the syntax tree to the model.

use crate::attr::{self, SerdeAttrs};
use crate::direction::Direction;
use crate::errors::Errors;
use crate::model::{Field, Route, UserType, Variant};
use crate::types;
use proc_macro2::TokenStream;
use quote::quote;
use syn::{Attribute, Data, DeriveInput, Fields, GenericParam, Generics, Ident, Path};

/// Reads the input. A part that cannot be read is reported and left out, so that the checks still find other errors.
pub(crate) fn container<'a>(
    input: &'a DeriveInput,
    direction: Direction,
    errors: &mut Errors,
) -> UserType<'a> {
    let krate = krate(input, errors);
    let serde = SerdeAttrs::new(&input.attrs);
    let remote =
        serde.get(attr::REMOTE).and_then(attr::Setting::string).and_then(|path| path.parse().ok());
    let this = this(input);
    let generics = generics(&input.generics, &this);

    let variants = match &input.data {
        Data::Struct(data) => vec![variant(None, &[], &data.fields, &this)],
        Data::Enum(data) => data
            .variants
            .iter()
            .map(|own| variant(Some(&own.ident), &own.attrs, &own.fields, &this))
            .collect(),
        Data::Union(data) => {
            errors.push(
                data.union_token,
                "a union cannot be serialized, as nothing says which field holds: use a struct or an enum",
            );
            Vec::new()
        }
    };
    let predicates = Vec::new();
    UserType { direction, input, krate, serde, remote, generics, this, variants, predicates }
}

fn variant<'a>(
    ident: Option<&'a Ident>,
    attrs: &'a [Attribute],
    style: &'a Fields,
    this: &TokenStream,
) -> Variant<'a> {
    let fields = style.iter().map(|original| Field {
        original,
        ty: types::reparse(&original.ty, this),
        serde: SerdeAttrs::new(&original.attrs),
        marks: attr::marks(&original.attrs).collect(),
        route: Route::Serde,
        implied_borrow: Vec::new(),
    });
    Variant { ident, attrs, serde: SerdeAttrs::new(attrs), style, fields: fields.collect() }
}

fn krate(input: &DeriveInput, errors: &mut Errors) -> Path {
    let mut krate = None;
    for attr in attr::own_attrs(&input.attrs) {
        match attr::crate_path(attr) {
            Ok(_) if krate.is_some() => {
                errors.push(attr, "`#[serde_shm(crate = ..)]` stands here twice: remove one");
            }
            Ok(path) => krate = Some(path),
            Err(error) => errors.add(error),
        }
    }
    krate.unwrap_or_else(|| syn::parse_quote!(::serde_shm))
}

fn this(input: &DeriveInput) -> TokenStream {
    let ident = &input.ident;
    let (_, ty_generics, _) = input.generics.split_for_impl();
    let turbofish = ty_generics.as_turbofish();
    quote!(#ident #turbofish)
}

/// The generics without defaults and attributes. Impls and the shadow may have no defaults, and the user's attributes on
/// parameters are meant for the type itself.
fn generics(original: &Generics, this: &TokenStream) -> Generics {
    let mut generics = original.clone();
    for param in &mut generics.params {
        match param {
            GenericParam::Type(param) => {
                param.attrs.clear();
                param.default = None;
            }
            GenericParam::Const(param) => {
                param.attrs.clear();
                param.default = None;
            }
            GenericParam::Lifetime(param) => param.attrs.clear(),
        }
        *param = types::reparse(param, this);
    }
    if let Some(clause) = &mut generics.where_clause {
        *clause = types::reparse(clause, this);
    }
    generics
}
