//! What is written and read: made from a fixed seed, so that every run has the same.

mod arrays;
mod columns;
mod events;
mod game;
mod records;
mod saves;
mod trees;
mod visit;

pub(crate) use arrays::{Layers, Row, Small, Structs};
pub(crate) use columns::{Column, Columns, Read};
pub(crate) use events::Events;
pub(crate) use game::Game;
pub(crate) use records::{Log, Mesh};
pub(crate) use saves::Saves;
pub(crate) use trees::Trees;
pub(crate) use visit::{Content, Number, Visit, Visitor};

use serde_shm_benches::Random;

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

/// The same, with a [`Visit`] that has all fields in their order. What a tuple variant holds has names here, for the visit alone.
macro_rules! record {
    ($(#[$of:meta])* struct $name:ident { $($field:ident: $type:ty,)* }) => {
        $crate::workload::object! { $(#[$of])* struct $name { $($field: $type,)* } }
        $crate::workload::visit_fields! { $name { $($field)* } }
    };
    ($(#[$of:meta])* enum $name:ident {
        $($variant:ident $(($($item:ident: $item_type:ty),*))? $({ $($field:ident: $type:ty),* })?,)*
    }) => {
        $crate::workload::object! {
            @item $(#[$of])* pub(crate) enum $name {
                $($variant $(($($item_type),*))? $({ $($field: $type),* })?,)*
            }
        }
        $crate::workload::visit_variants! {
            $name { $($variant $(($($item)*))? $({ $($field)* })?,)* }
        }
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

/// Of an enum, and of what rkyv derives from it.
macro_rules! visit_variants {
    ($name:ident $variants:tt) => {
        $crate::workload::visit_variants! { @of $name $variants }
        $crate::workload::visit_variants! { @of rkyv::Archived<$name> $variants }
    };
    (@of $of:ty {
        $($variant:ident $(($($item:ident)*))? $({ $($field:ident)* })?,)*
    }) => {
        impl $crate::workload::Visit for $of {
            fn visit<V: $crate::workload::Visitor>(&self, visitor: &mut V) {
                match self {
                    $(Self::$variant $(($($item),*))? $({ $($field),* })? => {
                        visitor.text(stringify!($variant));
                        $($($crate::workload::Visit::visit($item, visitor);)*)?
                        $($($crate::workload::Visit::visit($field, visitor);)*)?
                    })*
                }
            }
        }
    };
}
use visit_variants;
