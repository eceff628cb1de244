//! From the derive input to the few facts that the later steps need.

use crate::attr::{self, SerdeAttrs};
use crate::route::{self, Route};
use crate::{bound, check, types};
use proc_macro2::TokenStream;
use quote::{ToTokens, quote};
use syn::{
    Attribute, Data, DeriveInput, Fields, GenericParam, Generics, Ident, Lifetime, Path, Type,
};

/// Which of the two traits is derived.
#[derive(Clone, Copy, PartialEq, Eq)]
pub(crate) enum Direction {
    Serialize,
    Deserialize,
}

impl Direction {
    /// The word that stands for this direction in serde's attributes.
    pub(crate) fn key(self) -> &'static str {
        match self {
            Direction::Serialize => "serialize",
            Direction::Deserialize => "deserialize",
        }
    }
}

/// The struct or enum that a derive stands on.
pub(crate) struct Container<'a> {
    pub(crate) direction: Direction,
    pub(crate) input: &'a DeriveInput,
    /// Where generated code finds `serde_shm`.
    pub(crate) krate: Path,
    pub(crate) serde: SerdeAttrs,
    /// The user's `#[serde(remote = "..")]`.
    pub(crate) remote: Option<Path>,
    /// The generics without defaults and attributes, and without `Self`.
    pub(crate) generics: Generics,
    /// The type in a form that is right in types and expressions: `Model::<'a, T>`.
    pub(crate) this: TokenStream,
    /// A struct has one, without a name.
    pub(crate) variants: Vec<Variant<'a>>,
    /// What the impl asks for beyond what the type itself does.
    pub(crate) predicates: Vec<TokenStream>,
}

impl Container<'_> {
    pub(crate) fn fields(&self) -> impl Iterator<Item = (&Variant<'_>, &Field<'_>)> {
        self.variants
            .iter()
            .flat_map(|variant| variant.fields.iter().map(move |field| (variant, field)))
    }

    pub(crate) fn is_packed(&self) -> bool {
        let mut packed = false;
        for attr in self.input.attrs.iter().filter(|attr| attr.path().is_ident("repr")) {
            let list = attr.meta.require_list().map(|list| list.tokens.clone()).unwrap_or_default();
            packed |= list.into_iter().any(|token| token.to_string() == "packed");
        }
        packed
    }
}

/// A variant of an enum, or the whole of a struct.
pub(crate) struct Variant<'a> {
    pub(crate) ident: Option<&'a Ident>,
    pub(crate) attrs: &'a [Attribute],
    pub(crate) serde: SerdeAttrs,
    pub(crate) style: &'a Fields,
    pub(crate) fields: Vec<Field<'a>>,
}

/// A field.
pub(crate) struct Field<'a> {
    pub(crate) original: &'a syn::Field,
    /// The type, without `Self`.
    pub(crate) ty: Type,
    pub(crate) serde: SerdeAttrs,
    /// The `#[shm_array]` attributes.
    pub(crate) marks: Vec<&'a Attribute>,
    pub(crate) route: Route,
    /// What the field borrows from the deserializer because it is routed: a `borrow` that the user need not write.
    pub(crate) implied_borrow: Vec<Lifetime>,
}

/// Reads and checks the input. Every error that is found is in the result.
pub(crate) fn container(input: &DeriveInput, direction: Direction) -> syn::Result<Container<'_>> {
    let mut errors = Errors::default();

    let krate = krate(input, &mut errors);
    let serde = SerdeAttrs::new(&input.attrs);
    let remote =
        serde.get(attr::REMOTE).and_then(attr::Entry::string).and_then(|path| path.parse().ok());
    let this = this(input);
    let generics = generics(&input.generics, &this);

    let mut variants = match &input.data {
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
    for variant in &mut variants {
        route::choose(variant, &serde, &generics);
    }

    let predicates = Vec::new();
    let mut container =
        Container { direction, input, krate, serde, remote, generics, this, variants, predicates };
    check::container(&container, &mut errors);
    container.predicates = bound::predicates(&container, &mut errors);
    errors.finish().map(|()| container)
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
        marks: marks(&original.attrs).collect(),
        route: Route::Serde,
        implied_borrow: Vec::new(),
    });
    Variant { ident, attrs, serde: SerdeAttrs::new(attrs), style, fields: fields.collect() }
}

/// The `#[shm_array]` attributes among these.
pub(crate) fn marks(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("shm_array"))
}

/// The `#[serde_shm(..)]` attributes among these.
pub(crate) fn own_attrs(attrs: &[Attribute]) -> impl Iterator<Item = &Attribute> {
    attrs.iter().filter(|attr| attr.path().is_ident("serde_shm"))
}

fn krate(input: &DeriveInput, errors: &mut Errors) -> Path {
    let mut krate = None;
    for attr in own_attrs(&input.attrs) {
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

/// Impls and the shadow take no defaults, and attributes on parameters were meant for the type itself.
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

/// All errors of one derive, to be reported at once.
#[derive(Default)]
pub(crate) struct Errors(Option<syn::Error>);

impl Errors {
    pub(crate) fn push(&mut self, place: impl ToTokens, message: impl std::fmt::Display) {
        self.add(syn::Error::new_spanned(place, message));
    }

    pub(crate) fn add(&mut self, error: syn::Error) {
        match &mut self.0 {
            Some(errors) => errors.combine(error),
            none => *none = Some(error),
        }
    }

    fn finish(self) -> syn::Result<()> {
        self.0.map_or(Ok(()), Err)
    }
}
