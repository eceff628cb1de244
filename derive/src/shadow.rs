//! The shadow: the copy of the user's type that is handed to serde's derive.

use crate::attr;
use crate::direction::Direction;
use crate::helper;
use crate::model::{Field, Route, UserType, Variant};
use crate::types;
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use syn::spanned::Spanned;
use syn::{Fields, LitStr};

/// The struct or enum `__Shadow`, with serde's derive on it.
pub(crate) fn definition(container: &UserType<'_>) -> TokenStream {
    let krate = &container.krate;
    let direction = container.direction;
    let derive = match direction {
        Direction::Serialize => quote!(Serialize),
        Direction::Deserialize => quote!(Deserialize),
    };
    let attrs = container_attrs(container);
    let packed = is_packed(container).then(|| quote!(#[repr(packed)]));
    let (params, _, _) = container.generics.split_for_impl();
    let where_clause = &container.generics.where_clause;
    let head = quote! {
        #[derive(#krate::__private::serde::#derive)]
        #attrs
        #packed
    };
    match &container.variants[..] {
        [variant] if variant.ident.is_none() => {
            let fields = fields(container, variant, 0);
            match variant.style {
                Fields::Named(_) => quote!(#head struct __Shadow #params #where_clause #fields),
                Fields::Unnamed(_) | Fields::Unit => {
                    quote!(#head struct __Shadow #params #fields #where_clause;)
                }
            }
        }
        variants => {
            let mut first = 0;
            let variants = variants.iter().map(|variant| {
                let ident = variant.ident;
                let serde = variant.serde.without(&[attr::BOUND]);
                let lints = attr::allowed_lints(variant.attrs);
                let whole = whole_route(container, variant, first);
                let fields = fields(container, variant, first);
                first += variant.fields.len();
                quote!(#serde #whole #lints #ident #fields)
            });
            quote!(#head enum __Shadow #params #where_clause { #(#variants,)* })
        }
    }
}

fn is_packed(container: &UserType<'_>) -> bool {
    let mut packed = false;
    for attr in container.input.attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
        let list = attr.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
        packed |= list.into_iter().any(|token| token.to_string() == "packed");
    }
    packed
}

/// The user's attributes on the type. Those that would mean something else on the shadow are replaced.
fn container_attrs(container: &UserType<'_>) -> TokenStream {
    let direction = container.direction;
    let key = Ident::new(direction.key(), Span::call_site());
    let users = container.serde.without(&[attr::BOUND, attr::CRATE, attr::REMOTE]);
    let remote = if let Some(entry) = container.serde.get(attr::REMOTE) {
        entry.to_token_stream()
    } else {
        let remote = string(&container.input.ident);
        quote!(remote = #remote)
    };
    let serde = {
        let krate = &container.krate;
        string(quote!(#krate::__private::serde))
    };
    let rename = container.serde.strings_for(attr::RENAME, direction).is_empty().then(|| {
        let name = syn::ext::IdentExt::unraw(&container.input.ident).to_string();
        quote!(#[serde(rename(#key = #name))])
    });
    let predicates = &container.predicates;
    let bound = string(quote!(#(#predicates),*));
    quote! {
        #[serde(#remote)]
        #[serde(crate = #serde, bound(#key = #bound))]
        #rename
        #users
    }
}

/// The only field of a variant, if the field's route goes on the variant and not on the field.
///
/// In an enum with `tag` and `content`, the content may be missing. For that case, serde's derive demands that a newtype
/// variant's field can be read by serde's trait, whatever route the field has. A route on the variant avoids that. For an
/// `Option` a missing content is `None`, so there the route stays on the field.
fn whole_field<'c>(container: &UserType<'_>, variant: &'c Variant<'_>) -> Option<&'c Field<'c>> {
    match (variant.style, &variant.fields[..]) {
        (Fields::Unnamed(_), [field])
            if container.direction == Direction::Deserialize
                && container.serde.has(attr::CONTENT)
                && field.route != Route::Serde
                && !types::is_option(&field.ty) =>
        {
            Some(field)
        }
        _ => None,
    }
}

/// The attributes that a variant gets if its only field is routed on the variant.
fn whole_route(container: &UserType<'_>, variant: &Variant<'_>, number: usize) -> TokenStream {
    whole_field(container, variant)
        .map_or_else(TokenStream::new, |field| route_attrs(container, field, number))
}

/// The fields of a variant, in its brackets. `first` is the number of its first field in the whole type.
fn fields(container: &UserType<'_>, variant: &Variant<'_>, first: usize) -> TokenStream {
    let is_whole = whole_field(container, variant).is_some();
    let fields = variant.fields.iter().enumerate().map(|(index, field)| {
        let serde = field.serde.without(&[attr::BOUND]);
        let lints = attr::allowed_lints(&field.original.attrs);
        let route = (!is_whole).then(|| route_attrs(container, field, first + index));
        let name = field.original.ident.as_ref().map(|ident| quote!(#ident:));
        let ty = &field.ty;
        quote!(#serde #route #lints #name #ty)
    });
    match variant.style {
        Fields::Named(_) => quote!({ #(#fields),* }),
        Fields::Unnamed(_) => quote!(( #(#fields),* )),
        Fields::Unit => TokenStream::new(),
    }
}

/// The attributes that a routed field gets on the shadow.
fn route_attrs(container: &UserType<'_>, field: &Field<'_>, number: usize) -> TokenStream {
    let direction = container.direction;
    let krate = &container.krate;
    let path = match field.route {
        Route::Serde => return TokenStream::new(),
        Route::Bound => {
            let function = format_ident!("{}_array", direction.key());
            quote!(#krate::__private::#function)
        }
        Route::Marked | Route::Unmarked => helper::name(direction, number).into_token_stream(),
    };
    let mut path = string(path);
    path.set_span(path.span().located_at(field.ty.span()));
    match direction {
        Direction::Serialize => quote!(#[serde(serialize_with = #path)]),
        Direction::Deserialize => {
            let borrow = (!field.implied_borrow.is_empty()).then(|| {
                let lifetimes = &field.implied_borrow;
                let lifetimes = string(quote!(#(#lifetimes)+*));
                quote!(#[serde(borrow = #lifetimes)])
            });
            let default = is_none_when_missing(container, field).then(|| quote!(#[serde(default)]));
            quote!(#[serde(deserialize_with = #path)] #borrow #default)
        }
    }
}

/// Whether the field needs a `default`, so that a missing `Option` is `None`. Serde does this by itself only for a field without
/// `deserialize_with`.
fn is_none_when_missing(container: &UserType<'_>, field: &Field<'_>) -> bool {
    field.original.ident.is_some()
        && types::is_option(&field.ty)
        && !field.serde.has(attr::DEFAULT)
        && container.serde.any(&[attr::DEFAULT, attr::TRANSPARENT]).is_none()
}

/// `__Shadow::serialize(__self, __serializer)` or `__Shadow::deserialize(__deserializer)`.
///
/// If serde's derive fails, it reports why, and the shadow lacks the function. A trait then provides the function, so that no
/// second error follows. The call also uses a constant of that trait, so that the trait's import is used in any case.
pub(crate) fn call(container: &UserType<'_>) -> TokenStream {
    let krate = &container.krate;
    let (_, args, _) = container.generics.split_for_impl();
    let call = match container.direction {
        Direction::Serialize => quote!(serialize(__self, __serializer)),
        Direction::Deserialize => quote!(deserialize(__deserializer)),
    };
    quote! {
        use #krate::__private::autoref::failed::*;
        let () = <__Shadow #args>::IS_SHADOW;
        <__Shadow #args>::#call
    }
}

fn string(tokens: impl ToTokens) -> LitStr {
    LitStr::new(&tokens.to_token_stream().to_string(), Span::call_site())
}
