//! The expansion, drawn at the head of the crate.

use crate::attr;
use crate::parse::{Container, Direction, Field, Variant};
use crate::route::Route;
use crate::{bound, remote, types};
use proc_macro2::{Ident, Span, TokenStream};
use quote::{ToTokens, format_ident, quote};
use std::collections::BTreeSet;
use syn::spanned::Spanned;
use syn::{Attribute, Fields, Lifetime, LitStr};

pub(crate) fn expand(container: &Container<'_>) -> TokenStream {
    let shadow = shadow(container);
    let helpers = helpers(container);
    let face = if container.remote.is_some() {
        remote::inherent_impl(container)
    } else {
        trait_impl(container)
    };
    let lints = lints(container);
    quote! {
        #[doc(hidden)]
        #lints
        const _: () = {
            #shadow
            #helpers
            #face
        };
    }
}

/// What must be allowed in generated code. Lints of the compiler's own hold in it without that, so that a user may forbid
/// them: `allow` under `forbid` is an error.
fn lints(container: &Container<'_>) -> TokenStream {
    let users = attr::allowed_lints(&container.input.attrs);
    let is_deprecated =
        |attrs: &[Attribute]| attrs.iter().any(|attr| attr.path().is_ident("deprecated"));
    let deprecated = is_deprecated(&container.input.attrs)
        || container.variants.iter().any(|variant| is_deprecated(variant.attrs))
        || container.fields().any(|(_, field)| is_deprecated(&field.original.attrs));
    let deprecated = deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #users
        #deprecated
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
    }
}

/// The copy of the type that is handed to serde's derive.
fn shadow(container: &Container<'_>) -> TokenStream {
    let krate = &container.krate;
    let direction = container.direction;
    let derive = match direction {
        Direction::Serialize => quote!(Serialize),
        Direction::Deserialize => quote!(Deserialize),
    };
    let attrs = container_attrs(container);
    let packed = container.is_packed().then(|| quote!(#[repr(packed)]));
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
                let fields = fields(container, variant, first);
                first += variant.fields.len();
                quote!(#serde #lints #ident #fields)
            });
            quote!(#head enum __Shadow #params #where_clause { #(#variants,)* })
        }
    }
}

/// The user's attributes on the type, and ours in place of those that mean something else on the shadow.
fn container_attrs(container: &Container<'_>) -> TokenStream {
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

/// The fields of a variant, in its brackets. `first` is the number of its first field in the whole type.
fn fields(container: &Container<'_>, variant: &Variant<'_>, first: usize) -> TokenStream {
    let fields = variant.fields.iter().enumerate().map(|(index, field)| {
        let serde = field.serde.without(&[attr::BOUND]);
        let lints = attr::allowed_lints(&field.original.attrs);
        let route = route_attrs(container, field, first + index);
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

/// What a routed field gets on the shadow.
fn route_attrs(container: &Container<'_>, field: &Field<'_>, number: usize) -> TokenStream {
    let direction = container.direction;
    let krate = &container.krate;
    let path = match field.route {
        Route::Serde => return TokenStream::new(),
        Route::Bound => {
            let function = format_ident!("{}_array", direction.key());
            quote!(#krate::__private::#function)
        }
        Route::Marked | Route::Unmarked => helper_name(direction, number).into_token_stream(),
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

/// Serde takes a missing `Option` for `None`, but not where there is a `deserialize_with`: there it must be told to.
fn is_none_when_missing(container: &Container<'_>, field: &Field<'_>) -> bool {
    field.original.ident.is_some()
        && types::is_option(&field.ty)
        && !field.serde.has(attr::DEFAULT)
        && container.serde.any(&[attr::DEFAULT, attr::TRANSPARENT]).is_none()
}

fn helper_name(direction: Direction, number: usize) -> Ident {
    format_ident!("__{}_{}", direction.key(), number)
}

/// One function per field whose route the compiler finds by method lookup.
///
/// The type is written out in the call once more, so that an error of the lookup points at the whole of it.
fn helpers(container: &Container<'_>) -> TokenStream {
    let krate = &container.krate;
    let private = quote!(#krate::__private);
    let helpers = container.fields().enumerate().filter_map(|(number, (_, field))| {
        let probes = match field.route {
            Route::Serde | Route::Bound => return None,
            Route::Marked => quote!(marked),
            Route::Unmarked => quote!(unmarked),
        };
        let name = helper_name(container.direction, number);
        let ty = &field.ty;
        let lifetimes = own_lifetimes(container, field);
        Some(match container.direction {
            Direction::Serialize => quote! {
                fn #name<#(#lifetimes,)* __S>(
                    value: &#ty,
                    serializer: __S,
                ) -> ::core::result::Result<__S::Ok, __S::Error>
                where
                    __S: #private::serde::Serializer,
                {
                    use #private::probe::#probes::*;
                    (&&&#private::probe::Probe::<#ty>::new()).serialize_field::<#ty, __S>(value, serializer)
                }
            },
            Direction::Deserialize => {
                let borrowed = borrowed_by_field(field, &lifetimes);
                quote! {
                    fn #name<'de: #(#borrowed)+*, #(#lifetimes,)* __D>(
                        deserializer: __D,
                    ) -> ::core::result::Result<#ty, __D::Error>
                    where
                        __D: #private::serde::Deserializer<'de>,
                    {
                        use #private::probe::#probes::*;
                        (&&&#private::probe::Probe::<#ty>::new()).deserialize_field::<#ty, __D>(deserializer)
                    }
                }
            }
        })
    });
    quote!(#(#helpers)*)
}

/// The type's lifetime parameters that stand in the field.
fn own_lifetimes(container: &Container<'_>, field: &Field<'_>) -> BTreeSet<Lifetime> {
    let used = types::lifetimes(&field.ty);
    let params = container.generics.lifetimes().map(|param| param.lifetime.clone());
    params.filter(|own| used.contains(own)).collect()
}

/// What the deserializer must outlive for this field: all lifetimes, but for those that a `borrow` of the user's omits.
fn borrowed_by_field(field: &Field<'_>, lifetimes: &BTreeSet<Lifetime>) -> BTreeSet<Lifetime> {
    match field.serde.get(attr::BORROW).and_then(attr::Entry::string) {
        Some(string) => {
            attr::lifetimes(&string).into_iter().filter(|own| lifetimes.contains(own)).collect()
        }
        None => lifetimes.clone(),
    }
}

/// The impl on the user's type, which calls the shadow.
fn trait_impl(container: &Container<'_>) -> TokenStream {
    let krate = &container.krate;
    let ident = &container.input.ident;
    let (params, args, _) = container.generics.split_for_impl();
    let where_clause = where_clause(container);
    let call = call_shadow(container);
    match container.direction {
        Direction::Serialize => quote! {
            #[automatically_derived]
            impl #params #krate::__private::serde::Serialize for #ident #args #where_clause {
                fn serialize<__S>(&self, __serializer: __S) -> ::core::result::Result<__S::Ok, __S::Error>
                where
                    __S: #krate::__private::serde::Serializer,
                {
                    let __self = self;
                    #call
                }
            }
        },
        Direction::Deserialize => {
            let (de, params) = deserializer(container);
            quote! {
                #[automatically_derived]
                impl #params #krate::__private::serde::Deserialize<#de> for #ident #args #where_clause {
                    fn deserialize<__D>(__deserializer: __D) -> ::core::result::Result<Self, __D::Error>
                    where
                        __D: #krate::__private::serde::Deserializer<#de>,
                    {
                        #call
                    }
                }
            }
        }
    }
}

/// `__Shadow::serialize(__self, __serializer)` or `__Shadow::deserialize(__deserializer)`.
///
/// Where serde's derive has failed, it has said why. The shadow then lacks the function, and a trait gives one, so that
/// no second error follows. The constant is the trait's as well: with it, the import is used in any case.
pub(crate) fn call_shadow(container: &Container<'_>) -> TokenStream {
    let krate = &container.krate;
    let (_, args, _) = container.generics.split_for_impl();
    let call = match container.direction {
        Direction::Serialize => quote!(serialize(__self, __serializer)),
        Direction::Deserialize => quote!(deserialize(__deserializer)),
    };
    quote! {
        use #krate::__private::probe::failed::*;
        let () = <__Shadow #args>::IS_SHADOW;
        <__Shadow #args>::#call
    }
}

/// The deserializer's lifetime, and the impl's parameters with it.
pub(crate) fn deserializer(container: &Container<'_>) -> (Lifetime, TokenStream) {
    let (de, borrowed) = bound::deserializer(container);
    let mut generics = container.generics.clone();
    if de.ident == "de" {
        let borrowed = borrowed.iter();
        generics.params.insert(0, syn::parse_quote!(#de: #(#borrowed)+*));
    }
    let (params, _, _) = generics.split_for_impl();
    (de, params.into_token_stream())
}

/// The type's own predicates and ours.
pub(crate) fn where_clause(container: &Container<'_>) -> TokenStream {
    let own = container.generics.where_clause.iter().flat_map(|clause| clause.predicates.iter());
    let predicates = &container.predicates;
    quote!(where #(#own,)* #(#predicates,)*)
}

fn string(tokens: impl ToTokens) -> LitStr {
    LitStr::new(&tokens.to_token_stream().to_string(), Span::call_site())
}
