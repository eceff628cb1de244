//! A crate that lies about fields and hands on the real trait, and one that lies about everything.
#![forbid(unsafe_code)]

mod fake {
    pub mod __private {
        use serde_shm::{DType, DTypeField};
        pub use serde_shm::__private::*;

        pub trait ElementField {
            const DTYPE: DType = DType::U64;
        }

        impl<T> ElementField for T {}

        pub const fn field<S, T>(_: &'static str, _: fn(&S) -> &T, _: usize) -> DTypeField {
            panic!()
        }

        pub const fn structure<S>(_: fn(&S), _: &'static [DTypeField]) -> DType {
            DType::U64
        }
    }
}

#[derive(Clone, Copy, serde_shm::Element)]
#[serde_shm(crate = "fake")]
#[repr(C)]
struct Reference {
    x: &'static u64,
}

mod liar {
    pub trait Element {
        const DTYPE: serde_shm::DType;
    }

    pub mod __private {
        macro_rules! lie {
            ($ident:ident $($ignored:tt)*) => {
                impl crate::liar::Element for $ident {
                    const DTYPE: serde_shm::DType = serde_shm::DType::U64;
                }
            };
        }
        pub(crate) use lie as element;
    }
}

#[derive(Clone, Copy, serde_shm::Element)]
#[serde_shm(crate = "liar")]
#[repr(C)]
struct Other {
    x: &'static u64,
}

fn is_element<A: serde_shm::Element>() {}

fn main() {
    is_element::<Other>();
}
