//! What is written and read: made from a fixed seed, so that every run has the same.

mod arrays;
mod columns;
mod records;
mod visit;

pub(crate) use arrays::{Layers, Row, Small, Structs};
pub(crate) use columns::{Column, Columns, Read};
pub(crate) use records::{Log, Mesh};
pub(crate) use visit::{Content, Number, Visit, Visitor};

/// A type with the derives of all peers that take a type as it is.
macro_rules! object {
    ($(#[$of:meta])* struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $crate::workload::object! {
            @item $(#[$of])* pub(crate) struct $name { $(pub(crate) $field: $type,)* }
        }
    };
    (@item $item:item) => {
        #[derive(Clone)]
        #[derive(serde::Serialize, serde::Deserialize)]
        #[derive(rkyv::Archive, rkyv::Serialize, rkyv::Deserialize)]
        #[derive(bitcode::Encode, bitcode::Decode)]
        #[derive(wincode::SchemaWrite, wincode::SchemaRead)]
        $item
    };
}
use object;

/// The same, with a [`Visit`] that has all fields in their order.
macro_rules! record {
    ($(#[$of:meta])* struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $crate::workload::object! { $(#[$of])* struct $name { $($field: $type,)* } }
        $crate::workload::visit_fields! { $name { $($field)* } }
    };
}
use record;

/// Of a struct, and of what rkyv derives from it.
macro_rules! visit_fields {
    ($name:ident { $($field:ident)* }) => {
        $crate::workload::visit_fields! { @of $name { $($field)* } }
        $crate::workload::visit_fields! { @of rkyv::Archived<$name> { $($field)* } }
    };
    (@of $of:ty { $($field:ident)* }) => {
        impl $crate::workload::Visit for $of {
            fn visit<V: $crate::workload::Visitor>(&self, visitor: &mut V) {
                $($crate::workload::Visit::visit(&self.$field, visitor);)*
            }
        }
    };
}
use visit_fields;

/// The same numbers on every run.
struct Random(u64);

impl Random {
    fn next(&mut self, below: u64) -> u64 {
        self.0 =
            self.0.wrapping_mul(6_364_136_223_846_793_005).wrapping_add(1_442_695_040_888_963_407);
        (self.0 >> 33) % below
    }

    fn float(&mut self) -> f32 {
        self.next(1 << 20) as f32 / 1024.0
    }
}
