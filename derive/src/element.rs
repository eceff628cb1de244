//! `#[derive(Element)]`: a struct with one fixed layout becomes a structured dtype.
//!
//! For
//!
//! ```text
//! #[derive(Clone, Copy, Element)]
//! #[repr(C)]
//! struct Point {
//!     x: f32,
//!     ok: bool,
//! }
//! ```
//!
//! it expands to
//!
//! ```text
//! unsafe impl Element for Point {
//!     const DTYPE: DType = {
//!         check_struct::<Point>();
//!         const FIELDS: &[Field] = &[
//!             Field::fixed("x", <f32 as ElementField>::DTYPE, <f32 as ElementField>::AXES.lens(), offset_of!(Point, x)),
//!             Field::fixed("ok", <bool as ElementField>::DTYPE, .., offset_of!(Point, ok)),
//!         ];
//!         DType::fixed(FIELDS, size_of::<Point>(), align_of::<Point>())
//!     };
//! }
//! ```
//!
//! and the impls by which `Vec<Point>` is an array. The promise of the `unsafe` holds by construction: names, types and
//! offsets are those that the compiler sees, and each field's own dtype was promised in the same way.

use crate::attr;
use crate::errors::Errors;
use crate::types;
use proc_macro2::TokenStream;
use quote::{ToTokens, quote, quote_spanned};
use std::collections::BTreeSet;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Data, DeriveInput, Fields, LitStr, Path, Type};

const HELP: &str = "`element` takes one entry: `#[element(rename = \"name\")]`";

struct Member<'a> {
    field: &'a syn::Field,
    ty: Type,
    name: LitStr,
}

pub(crate) fn expand(input: &DeriveInput) -> syn::Result<TokenStream> {
    let mut errors = Errors::default();
    let krate = krate(input, &mut errors);
    check_type(input, &mut errors);
    let members = members(input, &mut errors);
    errors.finish()?;
    Ok(generate(input, &krate, &members))
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

fn check_type(input: &DeriveInput, errors: &mut Errors) {
    for attr in attr::element_attrs(&input.attrs) {
        errors.push(attr, "`#[element(..)]` belongs on a field");
    }
    if !input.generics.params.is_empty() {
        errors.push(
            &input.generics.params,
            "an array element has one fixed layout, so it cannot be generic: write a struct for each",
        );
    }
    if !matches!(input.data, Data::Struct(_)) {
        return;
    }
    let mut is_c = false;
    for attr in input.attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
        // What is no list, the compiler reports.
        let list = attr.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        for token in list {
            match token.to_string().as_str() {
                "C" => is_c = true,
                "packed" => errors.push(
                    &token,
                    "the fields of a packed struct lie unaligned and cannot be viewed: remove `packed`",
                ),
                _ => {}
            }
        }
    }
    if !is_c {
        errors.push(
            &input.ident,
            "an array element needs `#[repr(C)]`, which fixes where its fields lie",
        );
    }
}

fn members<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Vec<Member<'a>> {
    let data = match &input.data {
        Data::Struct(data) => data,
        Data::Enum(data) => {
            errors.push(
                data.enum_token,
                "an enum is no array element, as not every value of its bytes is a variant: use a struct of numbers",
            );
            return Vec::new();
        }
        Data::Union(data) => {
            errors.push(
                data.union_token,
                "a union is no array element, as nothing says which field holds: use a struct",
            );
            return Vec::new();
        }
    };
    let fields = match &data.fields {
        Fields::Named(fields) if !fields.named.is_empty() => &fields.named,
        Fields::Unnamed(fields) => {
            errors.push(
                fields,
                "the fields of a tuple struct have no names, which a dtype needs: name them",
            );
            return Vec::new();
        }
        Fields::Named(_) | Fields::Unit => {
            errors.push(&input.ident, "an array element needs a field: this struct has none");
            return Vec::new();
        }
    };
    let ident = &input.ident;
    let mut names = BTreeSet::new();
    let mut members = Vec::new();
    for field in fields {
        let name = name(field, errors);
        if !names.insert(name.value()) {
            errors.push(&name, format!("two fields have the name `{}`: rename one", name.value()));
        }
        if has_macro(&field.ty) {
            errors.push(
                &field.ty,
                "the type of an element's field must be written out, not made by a macro",
            );
        }
        let ty = types::reparse(&field.ty, &ident.to_token_stream());
        members.push(Member { field, ty, name });
    }
    members
}

/// The field's name in the dtype.
fn name(field: &syn::Field, errors: &mut Errors) -> LitStr {
    let own = field.ident.as_ref().map(|ident| ident.unraw().to_string()).unwrap_or_default();
    let mut name = None;
    for attr in attr::element_attrs(&field.attrs) {
        match attr::element_rename(attr, HELP) {
            Ok(_) if name.is_some() => {
                errors.push(attr, "`#[element(rename = ..)]` stands here twice: remove one");
            }
            Ok(renamed) if renamed.value().is_empty() => {
                errors.push(&renamed, "a field without a name is a gap: give it a name");
            }
            Ok(renamed) => name = Some(renamed),
            Err(error) => errors.add(error),
        }
    }
    name.unwrap_or_else(|| LitStr::new(&own, field.ident.span()))
}

/// A macro may give another type each time that it is expanded.
fn has_macro(ty: &Type) -> bool {
    struct Finder(bool);

    impl<'ast> Visit<'ast> for Finder {
        fn visit_macro(&mut self, mac: &'ast syn::Macro) {
            self.0 = true;
            visit::visit_macro(self, mac);
        }
    }

    let mut finder = Finder(false);
    finder.visit_type(ty);
    finder.0
}

fn generate(input: &DeriveInput, krate: &Path, members: &[Member<'_>]) -> TokenStream {
    let ident = &input.ident;
    let lints = attr::allowed_lints(&input.attrs);
    let where_clause = &input.generics.where_clause;
    let fields = members.iter().map(|Member { field, ty, name }| {
        let own = &field.ident;
        let as_field = quote_spanned!(ty.span()=> <#ty as #krate::__private::ElementField>);
        quote! {
            #krate::DTypeField::fixed(
                #name,
                #as_field::DTYPE,
                #as_field::AXES.lens(),
                ::core::mem::offset_of!(#ident, #own),
            )
        }
    });
    let items = items(ident, krate, where_clause.as_ref());
    quote! {
        #[doc(hidden)]
        #lints
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
        const _: () = {
            #[automatically_derived]
            unsafe impl #krate::Element for #ident #where_clause {
                const DTYPE: #krate::DType = {
                    #krate::__private::check_struct::<#ident>();
                    const FIELDS: &[#krate::DTypeField] = &[#(#fields),*];
                    #krate::DType::fixed(
                        FIELDS,
                        ::core::mem::size_of::<#ident>(),
                        ::core::mem::align_of::<#ident>(),
                    )
                };
            }

            #items
        };
    }
}

/// What makes slices of the struct arrays. A blanket impl cannot stand beside that for arrays of arrays.
fn items(ident: &syn::Ident, krate: &Path, where_clause: Option<&syn::WhereClause>) -> TokenStream {
    let private = quote!(#krate::__private);
    let result = quote!(::core::result::Result);
    let vec = quote!(#private::Vec);
    let inner = quote!(&mut #vec<usize>);
    quote! {
        #[automatically_derived]
        impl #private::SerializeItem for #ident #where_clause {
            fn serialize_item<__S: #private::serde::Serializer>(
                &self,
                serializer: __S,
            ) -> #result<__S::Ok, __S::Error> {
                #private::serialize_element(self, serializer)
            }

            fn serialize_items<__S: #private::serde::Serializer>(
                items: &[Self],
                shape: #inner,
                serializer: __S,
            ) -> #result<__S::Ok, __S::Error> {
                #private::serialize_elements(items, shape, serializer)
            }
        }

        #[automatically_derived]
        impl<'de> #private::DeserializeItem<'de> for #ident #where_clause {
            fn deserialize_item<__D: #private::serde::Deserializer<'de>>(
                deserializer: __D,
            ) -> #result<Self, __D::Error> {
                #private::deserialize_element(deserializer)
            }

            fn deserialize_items<__D: #private::serde::Deserializer<'de>>(
                inner: #inner,
                deserializer: __D,
            ) -> #result<#vec<Self>, __D::Error> {
                #private::deserialize_owned(inner, deserializer)
            }

            fn deserialize_lent<__D: #private::serde::Deserializer<'de>>(
                inner: #inner,
                deserializer: __D,
            ) -> #result<#private::Lent<'de, Self>, __D::Error>
            where
                Self: 'de,
            {
                #private::deserialize_elements(inner, deserializer)
            }
        }

        #[automatically_derived]
        impl<'de> #private::BorrowItem<'de> for #ident #where_clause {
            fn deserialize_slice<__D: #private::serde::Deserializer<'de>>(
                inner: #inner,
                deserializer: __D,
            ) -> #result<&'de [Self], __D::Error> {
                #private::deserialize_slice(inner, deserializer)
            }
        }
    }
}
