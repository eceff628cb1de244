//! The user's attributes: serde's, our own, and lints.
//!
//! This crate keeps `#[serde(..)]` as it was written and hands it on to serde's derive. Serde's derive reads it and reports
//! what is wrong with it, on the user's span. This crate looks only at the few entries that it must know of.

use crate::direction::Direction;
use proc_macro2::{Delimiter, Ident, TokenStream, TokenTree};
use quote::{ToTokens, quote};
use syn::{Attribute, LitStr};

pub(crate) const BORROW: &str = "borrow";
pub(crate) const BOUND: &str = "bound";
pub(crate) const CRATE: &str = "crate";
pub(crate) const DEFAULT: &str = "default";
pub(crate) const CONTENT: &str = "content";
pub(crate) const DESERIALIZE_WITH: &str = "deserialize_with";
pub(crate) const FLATTEN: &str = "flatten";
pub(crate) const FROM: &str = "from";
pub(crate) const GETTER: &str = "getter";
pub(crate) const INTO: &str = "into";
pub(crate) const REMOTE: &str = "remote";
pub(crate) const RENAME: &str = "rename";
pub(crate) const SERIALIZE_WITH: &str = "serialize_with";
pub(crate) const SKIP: &str = "skip";
pub(crate) const SKIP_DESERIALIZING: &str = "skip_deserializing";
pub(crate) const SKIP_SERIALIZING: &str = "skip_serializing";
pub(crate) const TRANSPARENT: &str = "transparent";
pub(crate) const TRY_FROM: &str = "try_from";
pub(crate) const WITH: &str = "with";

/// One entry of a `#[serde(..)]` list: `key`, `key = value` or `key(..)`.
pub(crate) struct Setting {
    key: Option<Ident>,
    /// What follows the key.
    value: TokenStream,
    /// The whole entry.
    tokens: TokenStream,
}

impl Setting {
    fn new(tokens: TokenStream) -> Self {
        let mut rest = tokens.clone().into_iter();
        let key = match rest.next() {
            Some(TokenTree::Ident(key)) => Some(key),
            _ => None,
        };
        Setting { key, value: rest.collect(), tokens }
    }

    pub(crate) fn is(&self, key: &str) -> bool {
        self.key.as_ref().is_some_and(|own| own == key)
    }

    pub(crate) fn is_flag(&self) -> bool {
        self.value.is_empty()
    }

    /// The string of `key = "string"`.
    pub(crate) fn string(&self) -> Option<LitStr> {
        let mut rest = self.value.clone().into_iter();
        match rest.next()? {
            TokenTree::Punct(punct) if punct.as_char() == '=' => syn::parse2(rest.collect()).ok(),
            _ => None,
        }
    }

    /// The strings that hold for one direction: `key = "string"` or `key(serialize = "string")`.
    pub(crate) fn strings_for(&self, direction: Direction) -> Vec<LitStr> {
        if let Some(string) = self.string() {
            return vec![string];
        }
        match self.value.clone().into_iter().next() {
            Some(TokenTree::Group(group)) if group.delimiter() == Delimiter::Parenthesis => {
                split(group.stream())
                    .iter()
                    .filter(|entry| entry.is(direction.key()))
                    .filter_map(Setting::string)
                    .collect()
            }
            _ => Vec::new(),
        }
    }
}

impl ToTokens for Setting {
    fn to_tokens(&self, tokens: &mut TokenStream) {
        self.tokens.to_tokens(tokens);
    }
}

/// All `#[serde(..)]` attributes of one container, variant or field.
pub(crate) struct SerdeAttrs {
    entries: Vec<Setting>,
    /// `#[serde]` attributes that are not lists. They are kept so that serde reports them.
    other: Vec<Attribute>,
}

impl SerdeAttrs {
    pub(crate) fn new(attrs: &[Attribute]) -> Self {
        let mut found = SerdeAttrs { entries: Vec::new(), other: Vec::new() };
        for attr in attrs.iter().filter(|attr| attr.path().is_ident("serde")) {
            match &attr.meta {
                syn::Meta::List(list) => found.entries.extend(split(list.tokens.clone())),
                _ => found.other.push(attr.clone()),
            }
        }
        found
    }

    pub(crate) fn get(&self, key: &str) -> Option<&Setting> {
        self.entries.iter().find(|entry| entry.is(key))
    }

    /// The first entry under one of several keys.
    pub(crate) fn any(&self, keys: &[&str]) -> Option<&Setting> {
        keys.iter().find_map(|key| self.get(key))
    }

    pub(crate) fn has(&self, key: &str) -> bool {
        self.get(key).is_some()
    }

    /// The strings given for one direction under a key.
    pub(crate) fn strings_for(&self, key: &str, direction: Direction) -> Vec<LitStr> {
        let own = self.entries.iter().filter(|entry| entry.is(key));
        own.flat_map(|entry| entry.strings_for(direction)).collect()
    }

    /// Whether the value is left out of, or not read from, the data in this direction.
    pub(crate) fn is_skipped(&self, direction: Direction) -> bool {
        self.has(SKIP)
            || match direction {
                Direction::Serialize => self.has(SKIP_SERIALIZING),
                Direction::Deserialize => self.has(SKIP_DESERIALIZING),
            }
    }

    /// Whether the user gave a function that writes or reads the value in this direction.
    pub(crate) fn has_with(&self, direction: Direction) -> bool {
        self.has(WITH)
            || match direction {
                Direction::Serialize => self.has(SERIALIZE_WITH),
                Direction::Deserialize => self.has(DESERIALIZE_WITH),
            }
    }

    /// The attributes as written, without the entries under `keys`.
    pub(crate) fn without(&self, keys: &[&str]) -> TokenStream {
        let entries = self.entries.iter().filter(|entry| !keys.iter().any(|key| entry.is(key)));
        let other = &self.other;
        quote!(#(#other)* #(#[serde(#entries)])*)
    }
}

/// Splits a list at its commas. Commas within brackets of any kind do not count, since a bracketed group is one token tree.
fn split(tokens: TokenStream) -> Vec<Setting> {
    let mut entries = vec![TokenStream::new()];
    for token in tokens {
        match token {
            TokenTree::Punct(punct) if punct.as_char() == ',' => entries.push(TokenStream::new()),
            token => entries.last_mut().expect("one entry at least").extend([token]),
        }
    }
    entries.into_iter().filter(|entry| !entry.is_empty()).map(Setting::new).collect()
}

/// The `#[shm_array]` attributes among these.
pub(crate) fn marks(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("shm_array"))
}

/// The `#[serde_shm(..)]` attributes among these.
pub(crate) fn own_attrs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("serde_shm"))
}

/// The path in `#[serde_shm(crate = "path")]`, the only thing that this attribute takes.
pub(crate) fn crate_path(attr: &Attribute) -> syn::Result<syn::Path> {
    const HELP: &str =
        "`serde_shm` takes one entry: `#[serde_shm(crate = \"path::to::serde_shm\")]`";
    let list = attr.meta.require_list().map_err(|_| syn::Error::new_spanned(attr, HELP))?;
    let entries = split(list.tokens.clone());
    let [entry] = &entries[..] else {
        return Err(syn::Error::new_spanned(attr, HELP));
    };
    match entry.string() {
        Some(path) if entry.is(CRATE) => {
            path.parse_with(syn::Path::parse_mod_style).map_err(|_| {
                syn::Error::new_spanned(
                    &path,
                    format!("`{}` is no path: write it as in a `use` declaration", path.value()),
                )
            })
        }
        _ => Err(syn::Error::new_spanned(entry, HELP)),
    }
}

/// The `#[element(..)]` attributes among these.
pub(crate) fn element_attrs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("element"))
}

/// The name in `#[element(rename = "name")]`, the only thing that this attribute takes.
pub(crate) fn element_rename(attr: &Attribute, help: &str) -> syn::Result<LitStr> {
    let list = attr.meta.require_list().map_err(|_| syn::Error::new_spanned(attr, help))?;
    let entries = split(list.tokens.clone());
    match &entries[..] {
        [entry] if entry.is(RENAME) => {
            entry.string().ok_or_else(|| syn::Error::new_spanned(entry, help))
        }
        [entry, ..] => Err(syn::Error::new_spanned(entry, help)),
        [] => Err(syn::Error::new_spanned(attr, help)),
    }
}

/// The lint attributes that the shadow needs too: a lint that the user allows on the type is allowed on the shadow.
///
/// `expect` becomes `allow`, because the type itself meets the expectation or fails to.
pub(crate) fn allowed_lints(attrs: &[Attribute]) -> TokenStream {
    let lists = attrs
        .iter()
        .filter(|attr| attr.path().is_ident("allow") || attr.path().is_ident("expect"))
        .filter_map(|attr| attr.meta.require_list().ok())
        .map(|list| {
            let lints = split(list.tokens.clone()).into_iter().filter(|entry| !entry.is("reason"));
            quote!(#[allow(#(#lints),*)])
        });
    quote!(#(#lists)*)
}

/// Parses the predicates of a `bound`.
pub(crate) fn predicates(string: &LitStr) -> syn::Result<Vec<syn::WherePredicate>> {
    let parser =
        syn::punctuated::Punctuated::<syn::WherePredicate, syn::Token![,]>::parse_terminated;
    Ok(string.parse_with(parser)?.into_iter().collect())
}

/// Parses the lifetimes of `borrow = "'a + 'b"`. If they do not parse, serde reports that.
pub(crate) fn lifetimes(string: &LitStr) -> Vec<syn::Lifetime> {
    let parser =
        syn::punctuated::Punctuated::<syn::Lifetime, syn::Token![+]>::parse_separated_nonempty;
    string.parse_with(parser).map(|found| found.into_iter().collect()).unwrap_or_default()
}
