//! Writes the expansion, which the documentation at the head of the crate shows.

use crate::direction::Direction;
use crate::model::UserType;
use crate::{attr, bound, helper, remote, shadow};
use proc_macro2::TokenStream;
use quote::quote;
use syn::Attribute;

pub(crate) fn expand(container: &UserType<'_>) -> TokenStream {
    let shadow = shadow::definition(container);
    let helpers = helper::definitions(container);
    let face = if container.remote.is_some() {
        remote::inherent_impl(container)
    } else {
        trait_impl(container)
    };
    let variants = container.variants.iter().map(|variant| variant.attrs);
    let fields = container.fields().map(|(_, field)| &field.original.attrs[..]);
    let lints = lints(&container.input.attrs, variants.chain(fields));
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

/// The lints that generated code must allow, by the attributes of the type, its variants and its fields. Generated code is
/// written so that it needs no other `allow` of the compiler's own lints: a user may forbid such a lint, and `allow` under
/// `forbid` is an error.
pub(crate) fn lints<'a>(
    container: &[Attribute],
    mut inner: impl Iterator<Item = &'a [Attribute]>,
) -> TokenStream {
    let users = attr::allowed_lints(container);
    let is_deprecated =
        |attrs: &[Attribute]| attrs.iter().any(|attr| attr.path().is_ident("deprecated"));
    let deprecated = is_deprecated(container) || inner.any(is_deprecated);
    let deprecated = deprecated.then(|| quote!(#[allow(deprecated)]));
    quote! {
        #users
        #deprecated
        #[allow(clippy::all, clippy::pedantic, clippy::nursery)]
    }
}

/// The impl on the user's type, which calls the shadow.
fn trait_impl(container: &UserType<'_>) -> TokenStream {
    let krate = &container.krate;
    let ident = &container.input.ident;
    let (params, args, _) = container.generics.split_for_impl();
    let where_clause = bound::where_clause(container);
    let call = shadow::call(container);
    match container.direction {
        Direction::Serialize => quote! {
            #[automatically_derived]
            impl #params #krate::__private::serde::Serialize for #ident #args #where_clause {
                fn serialize<__S>(&self, __serializer: __S) -> #krate::__private::core::result::Result<__S::Ok, __S::Error>
                where
                    __S: #krate::__private::serde::Serializer,
                {
                    let __self = self;
                    #call
                }
            }
        },
        Direction::Deserialize => {
            let (de, params) = bound::deserializer(container);
            quote! {
                #[automatically_derived]
                impl #params #krate::__private::serde::Deserialize<#de> for #ident #args #where_clause {
                    fn deserialize<__D>(__deserializer: __D) -> #krate::__private::core::result::Result<Self, __D::Error>
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
