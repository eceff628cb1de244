//! The base of `#[derive(Element)]`.
//!
//! The derive sees tokens and not types. Another macro may change the struct after it, and a name may mean something else than it
//! seems to. So the derive only lists the names of the fields, in a call of the macro here, and takes no part in the proof. The
//! compiler determines the type of each field and where it lies, and rejects a list that is not that of the struct.
//!
//! The proof refers to everything through this crate (`$crate`), whatever path the derive was given and whatever is in the user's
//! scope. The one `unsafe` of a derived struct stands here.
#![allow(unsafe_code)]

use crate::dtype::{DType, Field};
use crate::layout::ARRAY_ALIGN;

use super::Element;

/// What a struct's field may be: an element, or fixed arrays of one.
///
/// # Safety
///
/// The type is an array of the lengths `AXES`, in row-major order and without gaps, of elements that `DTYPE` describes
/// as [`Element`] asks.
#[doc(hidden)]
#[diagnostic::on_unimplemented(
    message = "`{Self}` cannot be a field of an array element",
    label = "not an `Element`, nor a fixed array of one",
    note = "fields are bool, numbers up to 64 bits, the types of `serde_shm::element`, other structs with `#[derive(Element)]`, and fixed arrays `[T; N]` of these"
)]
pub unsafe trait ElementField: Copy + Send + Sync + 'static {
    const DTYPE: DType;
    const AXES: &'static ShapeBuf;
}

// SAFETY: one element by itself, whose dtype `Element` promises.
unsafe impl<A: Element> ElementField for A {
    const DTYPE: DType = A::DTYPE;
    const AXES: &'static ShapeBuf = &ShapeBuf { lens: [0; MAX_AXES], count: 0 };
}

// SAFETY: an array is its items one after the other, and their own impl promises what they are.
unsafe impl<T: ElementField, const N: usize> ElementField for [T; N] {
    const DTYPE: DType = T::DTYPE;
    const AXES: &'static ShapeBuf = &T::AXES.under(N);
}

const MAX_AXES: usize = 16;

/// The axes of a sub-array, outermost first.
#[doc(hidden)]
#[derive(Clone, Copy, Debug)]
pub struct ShapeBuf {
    lens: [usize; MAX_AXES],
    count: usize,
}

impl ShapeBuf {
    const fn under(&self, outer: usize) -> Self {
        assert!(self.count < MAX_AXES, "a field has more than 16 axes");
        let mut lens = [0; MAX_AXES];
        lens[0] = outer;
        let mut axis = 0;
        while axis < self.count {
            lens[axis + 1] = self.lens[axis];
            axis += 1;
        }
        ShapeBuf { lens, count: self.count + 1 }
    }

    const fn lens(&self) -> &[usize] {
        self.lens.split_at(self.count).0
    }
}

/// A field of the struct `S`. The field's type is that of the place that `get` returns; `get` is never called.
#[doc(hidden)]
pub const fn field<S, T: ElementField>(
    name: &'static str,
    _get: fn(&S) -> &T,
    offset: usize,
) -> Field {
    Field::fixed(name, T::DTYPE, T::AXES.lens(), offset)
}

/// The dtype of the struct `S`. `_take_apart` names every field of the struct, and is never called.
///
/// # Panics
///
/// At compile time, if the struct is not an element or its fields are not in order.
#[doc(hidden)]
pub const fn structure<S>(_take_apart: fn(&S), fields: &'static [Field]) -> DType {
    assert!(size_of::<S>() > 0, "an array element of no bytes cannot be counted");
    assert!(
        align_of::<S>() <= ARRAY_ALIGN,
        "an array element is aligned to 64 bytes at most: lower `repr(align(..))`"
    );
    let (mut end, mut index) = (0, 0);
    while index < fields.len() {
        assert!(
            fields[index].offset() >= end,
            "the fields do not lie in memory as `derive(Element)` saw them: put the derive below the attribute that \
             changes their order or takes `repr(C)` away"
        );
        assert!(
            fields[index].offset() <= size_of::<S>()
                && fields[index].bytes() <= size_of::<S>() - fields[index].offset(),
            "a field lies outside of its struct"
        );
        end = fields[index].offset() + fields[index].bytes();
        index += 1;
    }
    DType::fixed(fields, size_of::<S>(), align_of::<S>())
}

/// For the derive: makes a struct an [`Element`](trait@crate::Element), from the names of its fields and their names in the
/// dtype. The predicates in the last brackets, `(type): path::to::Trait`, become the impl's `where`. They prove nothing: they
/// are there so that the compiler reports a predicate that does not hold at the type that the user has written. Nothing else
/// may stand in those brackets, above all no braces, which would be another body of the `unsafe impl`.
///
/// The macro defines no item with a name, so that no name of the user's gets another meaning in it, and it refers to
/// primitives by path. The names that it binds, in patterns, start with `__`.
///
/// The other impls are those that make `Vec<Struct>` an array. A blanket impl for all elements cannot coexist with the one for
/// arrays of arrays.
#[doc(hidden)]
#[macro_export]
macro_rules! __element {
    (@where $(($($ty:tt)*): $(::)? $($segment:ident)::+),*) => {};
    ($ident:ident [$($field:ident: $name:literal),+] [$($predicates:tt)*]) => {
        $crate::__element! { @where $($predicates)* }

        // SAFETY: `Self` is a struct whose fields are those of the list: the pattern is exhaustive, and safe code reads no
        // union. `field` finds each field's dtype by the type of the place itself, which `ElementField` promises, and
        // `offset_of!` gives where that place is. So bytes that no field has are padding. `structure` checks that the fields
        // ascend and do not overlap, and takes size and alignment from the type. A value of valid fields is valid.
        #[automatically_derived]
        unsafe impl $crate::Element for $ident where $($predicates)* {
            const DTYPE: $crate::DType = $crate::__private::structure::<Self>(
                |__serde_shm_struct| {
                    let Self { $($field: _),+ } = __serde_shm_struct;
                },
                const {
                    &[$($crate::__private::field::<Self, _>(
                        $name,
                        |__serde_shm_struct| &__serde_shm_struct.$field,
                        $crate::__private::offset_of!(Self, $field),
                    )),+]
                },
            );
        }

        #[automatically_derived]
        impl $crate::__private::SerializeItem for $ident where $($predicates)* {
            const SEAL: $crate::__private::Seal = $crate::__private::Seal;

            fn serialize_item<__S: $crate::__private::serde::Serializer>(
                &self,
                __serializer: __S,
            ) -> $crate::__private::Result<__S::Ok, __S::Error> {
                $crate::__private::serialize_element(self, __serializer)
            }

            fn serialize_items<__S: $crate::__private::serde::Serializer>(
                __items: &[Self],
                __shape: &mut $crate::__private::ShapeBuf,
                __serializer: __S,
            ) -> $crate::__private::Result<__S::Ok, __S::Error> {
                $crate::__private::serialize_elements(__items, __shape, __serializer)
            }

            fn serialize_owned_items<__F: $crate::__private::Family, __S: $crate::__private::serde::Serializer>(
                __items: &[Self],
                __shape: &mut $crate::__private::ShapeBuf,
                __owner: &__F::Of<Self>,
                __serializer: __S,
            ) -> $crate::__private::Result<__S::Ok, __S::Error> {
                $crate::__private::serialize_owned_elements::<__F, _, __S>(
                    __items,
                    __shape,
                    __owner,
                    __serializer,
                )
            }

            #[inline]
            fn plain_items(
                __items: &[Self],
            ) -> $crate::__private::Option<$crate::__private::PlainArray<'_>> {
                $crate::__private::plain_elements(__items)
            }
        }

        #[automatically_derived]
        impl<'de> $crate::__private::DeserializeItem<'de> for $ident where $($predicates)* {
            const SEAL: $crate::__private::Seal = $crate::__private::Seal;

            fn deserialize_item<__D: $crate::__private::serde::Deserializer<'de>>(
                __deserializer: __D,
            ) -> $crate::__private::Result<Self, __D::Error> {
                $crate::__private::deserialize_element(__deserializer)
            }

            fn deserialize_items<__D: $crate::__private::serde::Deserializer<'de>>(
                __inner: &mut $crate::__private::Vec<$crate::__private::usize>,
                __deserializer: __D,
            ) -> $crate::__private::Result<$crate::__private::Vec<Self>, __D::Error> {
                $crate::__private::deserialize_owned(__inner, __deserializer)
            }

            fn deserialize_lent<__D: $crate::__private::serde::Deserializer<'de>>(
                __inner: &mut $crate::__private::Vec<$crate::__private::usize>,
                __deserializer: __D,
            ) -> $crate::__private::Result<$crate::__private::Lent<'de, Self>, __D::Error>
            where
                Self: 'de,
            {
                $crate::__private::deserialize_elements(__inner, __deserializer)
            }
        }

        #[automatically_derived]
        impl<'de> $crate::__private::BorrowItem<'de> for $ident where $($predicates)* {
            const SEAL: $crate::__private::Seal = $crate::__private::Seal;

            fn deserialize_slice<__D: $crate::__private::serde::Deserializer<'de>>(
                __inner: &mut $crate::__private::Vec<$crate::__private::usize>,
                __deserializer: __D,
            ) -> $crate::__private::Result<&'de [Self], __D::Error> {
                $crate::__private::deserialize_slice(__inner, __deserializer)
            }
        }
    };
}
