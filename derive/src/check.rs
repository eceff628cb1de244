//! What the derives refuse. Serde itself reports errors in its own attributes.

use crate::attr::{self, SerdeAttrs};
use crate::direction::Direction;
use crate::errors::Errors;
use crate::model::{Field, UserType, Variant};
use crate::route;
use syn::Attribute;

pub(crate) fn container(container: &UserType<'_>, errors: &mut Errors) {
    for mark in attr::marks(&container.input.attrs) {
        errors.push(mark, "`#[shm_array]` marks a field: put it on each field that is an array");
    }
    lifetime_de(container, errors);
    for variant in &container.variants {
        // The code above has already looked at a struct's own attributes.
        for mark in attr::marks(variant.attrs) {
            errors.push(
                mark,
                "`#[shm_array]` marks a field: put it on the array inside this variant's brackets",
            );
        }
        only_on_container(variant.attrs, errors);
        for own in &variant.fields {
            only_on_container(&own.original.attrs, errors);
            field(container, variant, own, errors);
        }
    }
}

/// Refuses a lifetime parameter `'de`. Serde refuses it too, but the impl of this crate would declare `'de` twice.
fn lifetime_de(container: &UserType<'_>, errors: &mut Errors) {
    if container.direction == Direction::Deserialize {
        for param in container.generics.lifetimes().filter(|param| param.lifetime.ident == "de") {
            errors.push(
                &param.lifetime,
                "`'de` is the lifetime of the deserializer: give this one another name",
            );
        }
    }
}

fn only_on_container(attrs: &[Attribute], errors: &mut Errors) {
    for attr in attr::own_attrs(attrs) {
        errors.push(attr, "`#[serde_shm(..)]` belongs on the struct or enum");
    }
}

fn field(container: &UserType<'_>, variant: &Variant<'_>, field: &Field<'_>, errors: &mut Errors) {
    // The shadow has a `remote` in any case, so serde would not notice that the user's type has none.
    if let (Some(getter), None) = (field.serde.get(attr::GETTER), &container.remote) {
        errors.push(getter, "`getter` reads a field of a remote type: it needs `#[serde(remote = \"..\")]` on the struct");
    }

    let [mark, again @ ..] = &field.marks[..] else {
        return;
    };
    for mark in again {
        errors.push(mark, "`#[shm_array]` stands here twice: remove one");
    }
    for mark in &field.marks {
        if mark.meta.require_path_only().is_err() {
            errors.push(mark, "`#[shm_array]` takes no arguments: write it bare");
        }
    }
    conflict(&field.serde, errors);
    if route::is_written_whole(variant) {
        errors.push(
            mark,
            "`#[shm_array]` has no effect here, as the variant is skipped or written by a function of yours: remove it",
        );
    }
    if container.serde.has(attr::INTO)
        && container.serde.any(&[attr::FROM, attr::TRY_FROM]).is_some()
    {
        errors.push(
            mark,
            "`#[shm_array]` has no effect here, as this type is written and read through another one \
             (`into` and `from`): put it on the field of that type",
        );
    }
}

/// Refuses entries that cannot stand beside `#[shm_array]`.
fn conflict(serde: &SerdeAttrs, errors: &mut Errors) {
    for &key in route::CONFLICTS {
        let Some(entry) = serde.get(key) else {
            continue;
        };
        let why = match key {
            attr::FLATTEN => {
                "a flattened field has no place of its own, so it cannot be a routed array"
            }
            attr::SKIP | attr::SKIP_SERIALIZING | attr::SKIP_DESERIALIZING => {
                "a field that is skipped is not routed"
            }
            attr::GETTER => "a field that is read by a getter is not routed",
            _ => "a field that is written or read by a function of yours is not routed",
        };
        errors.push(entry, format!("{why}: remove either `{key}` or `#[shm_array]`"));
    }
}
