//! Passes over an object in any form, so that what peers read can be summed and compared.

use std::collections::BTreeMap;
use std::hash::{DefaultHasher, Hasher};

use rkyv::collections::btree_map::ArchivedBTreeMap;
use rkyv::option::ArchivedOption;
use rkyv::rend::{f32_le, f64_le, i16_le, i32_le, i64_le, u16_le, u32_le, u64_le};
use rkyv::string::ArchivedString;
use rkyv::tuple::{ArchivedTuple2, ArchivedTuple3};
use rkyv::vec::ArchivedVec;

/// A number as a peer shows it: a plain one, or one with a byte order of its own.
pub(crate) trait Number: Copy {
    fn sum(items: &[Self]) -> f64;
    fn bits(self) -> u64;
}

macro_rules! numbers {
    ($($of:ty, $plain:ty, $to:expr, $wide:expr, $bits:expr;)*) => {
        $(impl Number for $of {
            fn sum(items: &[Self]) -> f64 {
                // Independent lanes, so that the sum takes what the memory takes.
                let mut lanes = [<$plain>::default(); 32];
                let chunks = items.chunks_exact(32);
                let rest = chunks.remainder();
                for chunk in chunks {
                    for (lane, item) in lanes.iter_mut().zip(chunk) {
                        *lane += $to(*item);
                    }
                }
                for (lane, item) in lanes.iter_mut().zip(rest) {
                    *lane += $to(*item);
                }
                lanes.iter().map($wide).sum()
            }

            fn bits(self) -> u64 {
                $bits($to(self))
            }
        })*
    };
}

numbers! {
    f32, f32, |item| item, |lane| f64::from(*lane), |item: f32| u64::from(item.to_bits());
    f64, f64, |item| item, |lane| *lane, f64::to_bits;
    u64, u64, |item| item, |lane| *lane as f64, |item| item;
    f32_le, f32, |item: Self| item.to_native(), |lane| f64::from(*lane), |item: f32| u64::from(item.to_bits());
    f64_le, f64, |item: Self| item.to_native(), |lane| *lane, f64::to_bits;
    u64_le, u64, |item: Self| item.to_native(), |lane| *lane as f64, |item| item;
}

/// What goes over all of an object, in the order in which [`Visit::visit`] has it.
pub(crate) trait Visitor {
    fn numbers<N: Number>(&mut self, items: &[N]);
    fn text(&mut self, text: &str);

    fn number<N: Number>(&mut self, item: N) {
        self.numbers(&[item]);
    }
}

/// An object in any form: as it was made, as views, as a peer's own types.
pub(crate) trait Visit {
    fn visit<V: Visitor>(&self, visitor: &mut V);
}

/// The same, for a caller that does not know the form.
pub(crate) trait Content {
    /// The first pass over all numbers and the lengths of all texts.
    fn sum(&self) -> f64;

    /// Differs where anything differs.
    fn digest(&self) -> u64;
}

#[derive(Default)]
struct Sum(f64);

impl Visitor for Sum {
    fn numbers<N: Number>(&mut self, items: &[N]) {
        self.0 += N::sum(items);
    }

    fn text(&mut self, text: &str) {
        self.0 += text.len() as f64;
    }

    fn number<N: Number>(&mut self, item: N) {
        self.0 += item.bits() as f64;
    }
}

#[derive(Default)]
struct Digest(DefaultHasher);

impl Visitor for Digest {
    fn numbers<N: Number>(&mut self, items: &[N]) {
        for item in items {
            self.0.write_u64(item.bits());
        }
    }

    fn text(&mut self, text: &str) {
        self.0.write(text.as_bytes());
        self.0.write_u8(0xff);
    }
}

impl<T: Visit> Content for T {
    fn sum(&self) -> f64 {
        let mut sum = Sum::default();
        self.visit(&mut sum);
        sum.0
    }

    fn digest(&self) -> u64 {
        let mut digest = Digest::default();
        self.visit(&mut digest);
        digest.0.finish()
    }
}

macro_rules! visit_numbers {
    ($($of:ty, $to:expr;)*) => {
        $(impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                visitor.number($to(*self));
            }
        })*
    };
}

visit_numbers! {
    bool, u64::from;
    u8, u64::from;
    u16, u64::from;
    u32, u64::from;
    u64, |item| item;
    i8, |item| i64::from(item).cast_unsigned();
    i16, |item| i64::from(item).cast_unsigned();
    i32, |item| i64::from(item).cast_unsigned();
    i64, i64::cast_unsigned;
    f32, |item| item;
    f64, |item| item;
}

/// What rkyv has for numbers of more than a byte.
macro_rules! visit_archived_numbers {
    ($($of:ty),*) => {
        $(impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                self.to_native().visit(visitor);
            }
        })*
    };
}

visit_archived_numbers!(u16_le, u32_le, u64_le, i16_le, i32_le, i64_le, f32_le, f64_le);

macro_rules! visit_texts {
    ($($of:ty),*) => {
        $(impl Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                visitor.text(self);
            }
        })*
    };
}

visit_texts!(String, ArchivedString);

macro_rules! visit_lists {
    ($($of:ident),*) => {
        $(impl<T: Visit> Visit for $of<T> {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                visitor.number(self.len() as u64);
                for item in self.iter() {
                    item.visit(visitor);
                }
            }
        })*
    };
}

visit_lists!(Vec, ArchivedVec);

macro_rules! visit_maps {
    ($($of:ident),*) => {
        $(impl<K: Visit, T: Visit> Visit for $of<K, T> {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                visitor.number(self.len() as u64);
                for (key, value) in self.iter() {
                    key.visit(visitor);
                    value.visit(visitor);
                }
            }
        })*
    };
}

visit_maps!(BTreeMap, ArchivedBTreeMap);

macro_rules! visit_options {
    ($($of:ident),*) => {
        $(impl<T: Visit> Visit for $of<T> {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                visitor.number(u64::from(self.is_some()));
                if let $of::Some(item) = self {
                    item.visit(visitor);
                }
            }
        })*
    };
}

visit_options!(Option, ArchivedOption);

macro_rules! visit_tuples {
    ($($of:ty { $($of_item:ident $at:tt)* })*) => {
        $(impl<$($of_item: Visit),*> Visit for $of {
            fn visit<V: Visitor>(&self, visitor: &mut V) {
                $(self.$at.visit(visitor);)*
            }
        })*
    };
}

visit_tuples! {
    (A, B) { A 0 B 1 }
    (A, B, C) { A 0 B 1 C 2 }
    ArchivedTuple2<A, B> { A 0 B 1 }
    ArchivedTuple3<A, B, C> { A 0 B 1 C 2 }
}

impl<T: Visit, const N: usize> Visit for [T; N] {
    fn visit<V: Visitor>(&self, visitor: &mut V) {
        for item in self {
            item.visit(visitor);
        }
    }
}
