//! Writes the functions that the shadow names in `serialize_with` and `deserialize_with`.

use crate::attr;
use crate::direction::Direction;
use crate::model::{Field, Route, UserType};
use crate::types;
use proc_macro2::{Ident, TokenStream};
use quote::{ToTokens, format_ident, quote};
use std::collections::BTreeSet;
use syn::{Lifetime, Type};

pub(crate) fn name(direction: Direction, number: usize) -> Ident {
    format_ident!("__{}_{}", direction.key(), number)
}

/// One function per field whose route the compiler finds by method lookup.
///
/// The call writes the field's type out once more, so that an error of the lookup points at the whole type.
pub(crate) fn definitions(container: &UserType<'_>) -> TokenStream {
    let krate = &container.krate;
    let private = quote!(#krate::__private);
    let helpers = container.fields().enumerate().filter_map(|(number, (_, field))| {
        let probes = match field.route {
            Route::Serde | Route::Bound => return None,
            Route::Marked => quote!(marked),
            Route::Unmarked => quote!(unmarked),
        };
        let name = name(container.direction, number);
        let ty = &field.ty;
        let lifetimes = own_lifetimes(container, field);
        Some(match container.direction {
            Direction::Serialize => quote! {
                fn #name<#(#lifetimes,)* __S>(
                    __value: &#ty,
                    __serializer: __S,
                ) -> #private::core::result::Result<__S::Ok, __S::Error>
                where
                    __S: #private::serde::Serializer,
                {
                    use #private::autoref::#probes::*;
                    (&&&#private::autoref::Probe::<#ty>::new()).serialize_field::<#ty, __S>(__value, __serializer)
                }
            },
            Direction::Deserialize => {
                let borrowed = borrowed_by_field(field, &lifetimes);
                let (read, into) = read_as(ty, &private);
                quote! {
                    fn #name<'de: #(#borrowed)+*, #(#lifetimes,)* __D>(
                        __deserializer: __D,
                    ) -> #private::core::result::Result<#ty, __D::Error>
                    where
                        __D: #private::serde::Deserializer<'de>,
                    {
                        use #private::autoref::#probes::*;
                        (&&&#private::autoref::Probe::<#read>::new())
                            .deserialize_field::<#read, __D>(__deserializer)
                            #into
                    }
                }
            }
        })
    });
    quote!(#(#helpers)*)
}

/// The type as which a field is read, and the function that converts it to the field's type. Nothing can be borrowed as a
/// `Cow<'static, [A]>`, so such a field is read as a `Vec<A>`, which the `Cow` then owns.
fn read_as(ty: &Type, private: &TokenStream) -> (TokenStream, TokenStream) {
    let owned = quote!(#private::Cow::Owned);
    if let Some(elem) = types::static_cow(ty) {
        (quote!(#private::Vec<#elem>), quote!(.map(#owned)))
    } else if let Some(elem) = types::option_argument(ty).and_then(types::static_cow) {
        let read = quote!(#private::core::option::Option<#private::Vec<#elem>>);
        (read, quote!(.map(|read| read.map(#owned))))
    } else {
        (ty.to_token_stream(), TokenStream::new())
    }
}

/// The lifetime parameters of the user's type that the field's type uses.
fn own_lifetimes(container: &UserType<'_>, field: &Field<'_>) -> BTreeSet<Lifetime> {
    let used = types::lifetimes(&field.ty);
    let params = container.generics.lifetimes().map(|param| param.lifetime.clone());
    params.filter(|own| used.contains(own)).collect()
}

/// The lifetimes that the deserializer must outlive for this field. If the user wrote `borrow = ".."`, these are only the ones
/// that it lists, otherwise all.
fn borrowed_by_field(field: &Field<'_>, lifetimes: &BTreeSet<Lifetime>) -> BTreeSet<Lifetime> {
    match field.serde.get(attr::BORROW).and_then(attr::Setting::string) {
        Some(string) => {
            attr::lifetimes(&string).into_iter().filter(|own| lifetimes.contains(own)).collect()
        }
        None => lifetimes.clone(),
    }
}
