//! Questions about the user's types. They are answered from the types' tokens, because a derive macro sees nothing else.

use proc_macro2::{Group, Ident, TokenStream, TokenTree};
use quote::ToTokens;
use std::collections::BTreeSet;
use syn::visit::{self, Visit};
use syn::{GenericArgument, Generics, Lifetime, PathArguments, PathSegment, Type, TypePath};

/// Replaces `Self` by the user's type. On the shadow, `Self` would mean the shadow.
///
/// The function works on tokens, so that it covers array lengths and macro arguments as well. `this` has a turbofish, which is
/// valid in types and in expressions.
pub(crate) fn replace_self(tokens: TokenStream, this: &TokenStream) -> TokenStream {
    let mut replaced = TokenStream::new();
    for token in tokens {
        match token {
            TokenTree::Ident(ident) if ident == "Self" => replaced.extend(this.clone()),
            TokenTree::Group(group) => {
                let mut inner = Group::new(group.delimiter(), replace_self(group.stream(), this));
                inner.set_span(group.span());
                replaced.extend([TokenTree::Group(inner)]);
            }
            token => replaced.extend([token]),
        }
    }
    replaced
}

/// Whether a type or const parameter is named anywhere in the tokens.
pub(crate) fn mentions_param(tokens: TokenStream, generics: &Generics) -> bool {
    tokens.into_iter().any(|token| match token {
        TokenTree::Ident(ident) => {
            generics.type_params().any(|param| param.ident == ident)
                || generics.const_params().any(|param| param.ident == ident)
        }
        TokenTree::Group(group) => mentions_param(group.stream(), generics),
        _ => false,
    })
}

/// The lifetimes in a type for which a deserializer could lend data, in a stable order.
///
/// The lifetimes of `fn` pointers and trait objects are not among them.
pub(crate) fn lifetimes(ty: &Type) -> BTreeSet<Lifetime> {
    struct Finder(BTreeSet<Lifetime>);

    impl<'ast> Visit<'ast> for Finder {
        fn visit_lifetime(&mut self, lifetime: &'ast Lifetime) {
            self.0.insert(lifetime.clone());
        }

        fn visit_macro(&mut self, mac: &'ast syn::Macro) {
            self.visit_tokens(mac.tokens.clone());
        }

        fn visit_type_fn_ptr(&mut self, _: &'ast syn::TypeFnPtr) {}

        fn visit_type_trait_object(&mut self, _: &'ast syn::TypeTraitObject) {}
    }

    impl Finder {
        fn visit_tokens(&mut self, tokens: TokenStream) {
            let mut tokens = tokens.into_iter();
            while let Some(token) = tokens.next() {
                match token {
                    TokenTree::Punct(punct) if punct.as_char() == '\'' => {
                        if let Some(TokenTree::Ident(ident)) = tokens.next() {
                            self.0.insert(Lifetime { apostrophe: punct.span(), ident });
                        }
                    }
                    TokenTree::Group(group) => self.visit_tokens(group.stream()),
                    _ => {}
                }
            }
        }
    }

    let mut finder = Finder(BTreeSet::new());
    finder.visit_type(ty);
    finder.0
}

/// Whether the type contains the name of an ndarray type anywhere.
pub(crate) fn names_ndarray(ty: &Type) -> bool {
    struct Finder(bool);

    impl<'ast> Visit<'ast> for Finder {
        fn visit_type_path(&mut self, ty: &'ast TypePath) {
            self.0 |= last_segment(ty).is_some_and(|segment| is_ndarray(&segment.ident));
            visit::visit_type_path(self, ty);
        }
    }

    let mut finder = Finder(false);
    finder.visit_type(ty);
    finder.0
}

/// Whether the type consists of ndarrays only: it is an ndarray, or a collection of nothing else.
///
/// `HashMap<String, Array1<T>>` does, `(Array1<T>, T)` does not.
pub(crate) fn is_all_ndarray(ty: &Type) -> bool {
    match ungroup(ty) {
        Type::Tuple(tuple) => !tuple.elems.is_empty() && tuple.elems.iter().all(is_all_ndarray),
        Type::Path(path) => {
            let Some(segment) = last_segment(path) else {
                return false;
            };
            let args = type_arguments(segment);
            match segment.ident.to_string().as_str() {
                "Option" | "Vec" | "Box" => args.first().is_some_and(|arg| is_all_ndarray(arg)),
                "HashMap" | "BTreeMap" => args.get(1).is_some_and(|arg| is_all_ndarray(arg)),
                _ => is_ndarray(&segment.ident),
            }
        }
        _ => false,
    }
}

fn is_ndarray(name: &Ident) -> bool {
    let name = name.to_string();
    let of_rank = |stem: &str| {
        let rank = name.strip_prefix(stem);
        rank.is_some_and(|rank| matches!(rank, "" | "0" | "1" | "2" | "3" | "4" | "5" | "6" | "D"))
    };
    matches!(name.as_str(), "ArrayBase" | "ArcArray" | "ArcArray1" | "ArcArray2" | "CowArray")
        || of_rank("Array")
        || of_rank("ArrayView")
        || of_rank("ArrayViewMut")
}

/// Whether the type is written `Option<..>`.
pub(crate) fn is_option(ty: &Type) -> bool {
    option_argument(ty).is_some()
}

/// Whether the type is `&str`, `&[u8]` or an `Option` of one of them. Serde borrows these without a `borrow`.
pub(crate) fn is_borrowed_by_serde(ty: &Type) -> bool {
    fn is_reference(ty: &Type) -> bool {
        match ungroup(ty) {
            Type::Reference(reference) if reference.mutability.is_none() => {
                match ungroup(&reference.elem) {
                    Type::Slice(slice) => is_primitive(&slice.elem, "u8"),
                    elem => is_primitive(elem, "str"),
                }
            }
            _ => false,
        }
    }
    is_reference(ty) || option_argument(ty).is_some_and(is_reference)
}

/// The `A` of a `Cow<'static, [A]>`.
pub(crate) fn static_cow(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ungroup(ty) else { return None };
    let segment = last_segment(path).filter(|segment| segment.ident == "Cow")?;
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else { return None };
    let mut arguments = arguments.args.iter();
    match (arguments.next(), arguments.next(), arguments.next()) {
        (Some(GenericArgument::Lifetime(lifetime)), Some(GenericArgument::Type(target)), None)
            if lifetime.ident == "static" =>
        {
            match ungroup(target) {
                Type::Slice(slice) => Some(&slice.elem),
                _ => None,
            }
        }
        _ => None,
    }
}

fn is_primitive(ty: &Type, name: &str) -> bool {
    matches!(ungroup(ty), Type::Path(path) if path.qself.is_none() && path.path.is_ident(name))
}

/// The `T` of an `Option<T>`.
pub(crate) fn option_argument(ty: &Type) -> Option<&Type> {
    let Type::Path(path) = ungroup(ty) else {
        return None;
    };
    let segment = last_segment(path)?;
    match type_arguments(segment)[..] {
        [argument] if segment.ident == "Option" => Some(argument),
        _ => None,
    }
}

/// The type without the invisible brackets around a `macro_rules!` argument, and without parentheses.
pub(crate) fn ungroup(ty: &Type) -> &Type {
    match ty {
        Type::Group(group) => ungroup(&group.elem),
        Type::Paren(paren) => ungroup(&paren.elem),
        ty => ty,
    }
}

fn last_segment(ty: &TypePath) -> Option<&PathSegment> {
    ty.path.segments.last()
}

fn type_arguments(segment: &PathSegment) -> Vec<&Type> {
    let PathArguments::AngleBracketed(arguments) = &segment.arguments else {
        return Vec::new();
    };
    let types = arguments.args.iter().filter_map(|argument| match argument {
        GenericArgument::Type(ty) => Some(ty),
        _ => None,
    });
    types.collect()
}

/// Replaces `Self` in a syntax tree, and parses the tokens as a tree of the same kind again.
pub(crate) fn reparse<T: ToTokens + Clone + syn::parse::Parse>(tree: &T, this: &TokenStream) -> T {
    syn::parse2(replace_self(tree.to_token_stream(), this)).unwrap_or_else(|_| tree.clone())
}
