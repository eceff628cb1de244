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
//! const _: () = {
//!     ::serde_shm::__private::element! {
//!         Point [x: "x", ok: "ok"] [(f32): ElementField, (bool): ElementField]
//!     }
//! };
//! ```
//!
//! The expansion contains no `unsafe`. The runtime crate's macro writes the `unsafe impl`. The macro has the compiler say
//! which type each field has and where it lies, after all other attributes have changed the struct. The types that the derive
//! sees serve for errors only: if a `where` of the impl does not hold, the error is reported at the type in the user's code.

use crate::attr;
use crate::errors::Errors;
use crate::{generate, types};
use proc_macro2::{Delimiter, Group, Span, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use std::collections::BTreeSet;
use std::iter;
use syn::ext::IdentExt;
use syn::spanned::Spanned;
use syn::visit::{self, Visit};
use syn::{Data, DeriveInput, Fields, LitStr, Path, Type};

const HELP: &str = "`element` takes one entry: `#[element(rename = \"name\")]`";

struct NamedField<'a> {
    field: &'a syn::Field,
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
        // If the attribute is not a list, the compiler reports that.
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

fn members<'a>(input: &'a DeriveInput, errors: &mut Errors) -> Vec<NamedField<'a>> {
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
    let mut names = BTreeSet::new();
    let mut members = Vec::new();
    for field in fields {
        let name = name(field, errors);
        if !names.insert(name.value()) {
            errors.push(&name, format!("two fields have the name `{}`: rename one", name.value()));
        }
        members.push(NamedField { field, name });
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

/// Whether the type contains a macro call. A macro may give another type each time that it is expanded.
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

fn generate(input: &DeriveInput, krate: &Path, members: &[NamedField<'_>]) -> TokenStream {
    let ident = &input.ident;
    let lints = generate::lints(&input.attrs, members.iter().map(|member| &member.field.attrs[..]));
    let names = members.iter().map(|NamedField { field, name }| {
        let own = &field.ident;
        quote!(#own: #name)
    });
    let types = members.iter().map(|member| &member.field.ty).filter(|ty| !has_macro(ty));
    let fields = types.map(|ty| is_field(ty, ident, krate));
    quote! {
        #[doc(hidden)]
        #lints
        const _: () = {
            #krate::__private::element! {
                #ident [#(#names),*] [#(#fields),*]
            }
        };
    }
}

/// The predicate that the type may be a field. All its tokens get the type's span, so that the compiler reports errors there.
fn is_field(ty: &Type, this: &syn::Ident, krate: &Path) -> TokenStream {
    let at = |span: Span| Span::call_site().located_at(span);
    let tokens: Vec<TokenTree> = ty.to_token_stream().into_iter().collect();
    let first = tokens.first().map_or_else(Span::call_site, TokenTree::span);
    let last = tokens.last().map_or_else(Span::call_site, TokenTree::span);
    let ty = types::replace_self(tokens.into_iter().collect(), &this.to_token_stream());
    let mut ty = Group::new(Delimiter::Parenthesis, ty);
    ty.set_span(at(first));
    let bound = quote!(: #krate::__private::ElementField).into_iter().map(|mut token| {
        token.set_span(at(last));
        token
    });
    iter::once(TokenTree::Group(ty)).chain(bound).collect()
}
