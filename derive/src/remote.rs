//! `#[serde(remote = "Other")]` that the user wrote.
//!
//! Serde gives the type that stands in for `Other` two inherent functions and no impl of the traits, and so does this crate.
//! The shadow has the same `remote`, and the functions call the shadow's.

use crate::attr;
use crate::direction::Direction;
use crate::model::UserType;
use crate::{bound, shadow};
use proc_macro2::TokenStream;
use quote::{format_ident, quote};
use syn::Member;

pub(crate) fn inherent_impl(container: &UserType<'_>) -> TokenStream {
    let krate = &container.krate;
    let core = quote!(#krate::__private::core);
    let serde = quote!(#krate::__private::serde);
    let ident = &container.input.ident;
    let vis = &container.input.vis;
    let remote = &container.remote;
    let (params, args, _) = container.generics.split_for_impl();
    let where_clause = bound::where_clause(container);
    let used = pretend_used(container);
    let call = shadow::call(container);
    match container.direction {
        Direction::Serialize => quote! {
            #[automatically_derived]
            impl #params #ident #args #where_clause {
                #vis fn serialize<__S>(
                    __self: &#remote #args,
                    __serializer: __S,
                ) -> #core::result::Result<__S::Ok, __S::Error>
                where
                    __S: #serde::Serializer,
                {
                    #used
                    #call
                }
            }
        },
        Direction::Deserialize => {
            let (de, params) = bound::deserializer(container);
            let conversion = conversion(container);
            quote! {
                #[automatically_derived]
                impl #params #ident #args #where_clause {
                    #vis fn deserialize<__D>(__deserializer: __D) -> #core::result::Result<#remote #args, __D::Error>
                    where
                        __D: #serde::Deserializer<#de>,
                    {
                        #used
                        #call
                    }
                }
                #conversion
            }
        }
    }
}

/// With a `getter`, serde reads the stand-in and converts it to the remote type by the user's `From`. Here serde reads the
/// shadow. So the shadow is converted to the user's type first:
///
/// ```text
/// impl From<__Shadow> for Other {
///     fn from(__shadow: __Shadow) -> Self {
///         <Self as From<OtherDef>>::from(OtherDef { a: __shadow.a })
///     }
/// }
/// ```
fn conversion(container: &UserType<'_>) -> Option<TokenStream> {
    let [variant] = &container.variants[..] else {
        return None;
    };
    if !variant.fields.iter().any(|field| field.serde.has(attr::GETTER)) {
        return None;
    }
    let krate = &container.krate;
    let convert = quote!(#krate::__private::core::convert);
    let ident = &container.input.ident;
    let remote = &container.remote;
    let (params, args, where_clause) = container.generics.split_for_impl();
    let members: Vec<Member> = variant.style.members().collect();
    let shadow = quote!(__Shadow #args);
    let user_type = quote!(#ident #args);
    Some(quote! {
        #[automatically_derived]
        impl #params #convert::From<#shadow> for #remote #args
        #where_clause
        {
            fn from(__shadow: #shadow) -> Self {
                <Self as #convert::From<#user_type>>::from(#ident { #(#members: __shadow.#members),* })
            }
        }
    })
}

/// Nothing reads the fields of the stand-in or makes its variants. This code does both and never runs, so that the compiler
/// does not warn of unused fields and variants:
///
/// ```text
/// if let Some(OtherDef { a: __v0 }) = None::<OtherDef> {}
/// if let Some((__v0,)) = None {
///     let _ = OtherDef { a: __v0 };
/// }
/// ```
fn pretend_used(container: &UserType<'_>) -> TokenStream {
    let krate = &container.krate;
    let option = quote!(#krate::__private::core::option::Option);
    let ident = &container.input.ident;
    let (_, args, _) = container.generics.split_for_impl();
    let turbofish = args.as_turbofish();
    let uses = container.variants.iter().map(|variant| {
        let of_variant = variant.ident.map(|ident| quote!(::#ident));
        let members: Vec<Member> = variant.style.members().collect();
        let values: Vec<_> = (0..members.len()).map(|index| format_ident!("__v{index}")).collect();
        let whole = quote!(#ident #turbofish #of_variant { #(#members: #values),* });
        quote! {
            if let #option::Some(#whole) = #option::None::<#ident #args> {}
            if let #option::Some((#(#values,)*)) = #option::None {
                let _ = #whole;
            }
        }
    });
    quote!(#(#uses)*)
}
