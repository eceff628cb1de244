//! `#[derive(Element)]` describes the struct that the compiler sees, whatever other macros and the user's names do.

#![allow(dead_code, non_upper_case_globals, non_camel_case_types)]

use std::mem::offset_of;

use serde_shm::{DType, Element, ErrorKind, ShmArray1, from_bytes, to_bytes};
use serde_shm_rewriting::{alternating, replace};

/// A block with an array of `bytes.len()` structs of one `u8` named `x`.
fn block(bytes: &[u8]) -> serde_shm::AlignedBytes {
    #[derive(Clone, Copy, Element)]
    #[repr(C)]
    struct Byte {
        x: u8,
    }
    let items: Vec<Byte> = bytes.iter().map(|&x| Byte { x }).collect();
    to_bytes(&ShmArray1::from(items)).unwrap()
}

/// An attribute below the derive once changed a field's type after the derive had written down the old one, and a `bool`
/// of 7 came out of a file. (With a reference for a number, tests/ui has it, for that does not compile.)
#[test]
fn a_field_whose_type_an_attribute_changes_has_the_type_that_it_then_has() {
    #[derive(Clone, Copy, Debug, Element)]
    #[replace(u8 => bool)]
    #[repr(C)]
    struct Flag {
        x: u8,
    }
    assert_eq!(Flag::DTYPE.to_string(), "[('x', '|b1')]");
    let error = from_bytes::<ShmArray1<Flag>>(&block(&[7])).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    let flags: ShmArray1<Flag> =
        from_bytes(&to_bytes(&ShmArray1::from(vec![Flag { x: true }])).unwrap()).unwrap();
    assert!(flags[0].x);

    #[derive(Clone, Copy, Element)]
    #[replace([u16; 2] => [[u8; 2]; 3])]
    #[repr(C)]
    struct Rows {
        x: [u16; 2],
        y: u32,
    }
    assert_eq!(Rows::DTYPE.to_string(), "[('x', '|u1', (3, 2)), ('', '|V2'), ('y', '<u4')]");
}

/// Attributes that change what the struct is called by the compiler, and nothing that the dtype says.
#[test]
fn a_struct_with_other_attributes_still_has_its_own_layout() {
    #[derive(Clone, Copy, Element)]
    #[replace(repr(C) => repr(C, align(32)))]
    #[repr(C)]
    struct Wide {
        x: u32,
    }
    assert_eq!((Wide::DTYPE.item_size(), Wide::DTYPE.alignment()), (32, 32));

    // Packed to what its fields need anyway.
    #[derive(Clone, Copy, Element)]
    #[replace(repr(C) => repr(C, packed(2)))]
    #[repr(C)]
    struct Packed {
        x: u16,
        y: u8,
    }
    assert_eq!(Packed::DTYPE.to_string(), "[('x', '<u2'), ('y', '|u1'), ('', '|V1')]");

    #[derive(Clone, Copy, Element)]
    #[replace(Generic => Generic<T = u8>)]
    #[replace(x: u8 => x: T)]
    #[repr(C)]
    struct Generic {
        x: u8,
    }
    assert_eq!(Generic::<u8>::DTYPE.to_string(), "[('x', '|u1')]");
}

/// A macro in a field's type was refused, for it may expand to another type each time. Now the derive expands none.
#[test]
fn a_type_that_a_macro_makes_is_the_one_that_the_field_has() {
    macro_rules! number {
        () => {
            f32
        };
    }
    #[derive(Clone, Copy, Element)]
    #[repr(C)]
    struct Made {
        x: number!(),
        y: [number!(); 2],
    }
    assert_eq!(Made::DTYPE.to_string(), "[('x', '<f4'), ('y', '<f4', (2,))]");

    macro_rules! moody {
        ($($name:ident)*) => {$(
            #[derive(Clone, Copy, Element)]
            #[repr(C)]
            struct $name {
                x: alternating!(u8, bool, i8),
                y: [alternating!(u16, u32, bool); 3],
            }
            let fields = $name::DTYPE.fields().to_vec();
            assert_eq!(*fields[0].dtype(), dtype_of(|own: &$name| &own.x));
            assert_eq!(*fields[1].dtype(), dtype_of(|own: &$name| &own.y[0]));
            assert_eq!((fields[1].shape(), fields[1].offset()), (&[3][..], offset_of!($name, y)));
        )*};
    }
    moody!(A B C D E F G);
}

fn dtype_of<S, A: Element>(_: fn(&S) -> &A) -> DType {
    A::DTYPE
}

/// The derive had a constant of this name, which hid the user's in the types of fields: an array of `bool`s was one long
/// for the dtype and sixteen in the struct, and fifteen bytes were not looked at.
mod a_constant_named_fields {
    use super::*;

    const FIELDS: u8 = 0;

    /// 16 for the `FIELDS` above, 1 for a constant of another size.
    const fn pick<T>(_: fn() -> T) -> usize {
        if size_of::<T>() == 1 { 16 } else { 1 }
    }

    #[derive(Clone, Copy, Debug, Element)]
    #[repr(C)]
    struct Flags {
        x: [bool; pick(|| FIELDS)],
    }

    #[derive(serde_shm::Serialize, serde_shm::Deserialize, Debug)]
    struct Object {
        #[shm_array]
        items: Vec<Flags>,
    }

    #[test]
    fn is_the_users() {
        assert_eq!(Flags::DTYPE.to_string(), "[('x', '|b1', (16,))]");
        let block = to_bytes(&Object { items: vec![Flags { x: [true; 16] }] }).unwrap();
        for at in 64..80 {
            let mut block = block.to_vec();
            assert_eq!(block[at], 1);
            block[at] = 7;
            let error = from_bytes::<Object>(&block).unwrap_err();
            assert!(error.to_string().contains("found 7"), "{error}");
        }
    }

    /// Honest code of the same name did not compile.
    mod honest {
        use serde_shm::Element;

        const FIELDS: usize = 3;
        const DTYPE: usize = 2;

        #[derive(Clone, Copy, Element)]
        #[repr(C)]
        struct Counts {
            counts: [[u16; FIELDS]; DTYPE],
        }

        #[test]
        fn compiles() {
            assert_eq!(Counts::DTYPE.to_string(), "[('counts', '<u2', (2, 3))]");
        }
    }
}

/// Everything that the expansion might name means something else here.
mod hostile_names {
    use ::serde_shm::Element as TheTrait;

    mod core {}
    mod std {}
    mod alloc {}
    mod serde {}
    mod serde_shm {}
    struct usize;
    struct bool;
    struct str;
    struct u8;
    struct Option;
    struct Result;
    struct Vec;
    struct Ok;
    struct Some;
    struct DType;
    struct DTypeField;
    struct ElementField;
    struct Element;
    struct __D;
    const items: () = ();
    const shape: () = ();
    const inner: () = ();
    const serializer: () = ();
    const deserializer: () = ();
    #[allow(unused_macros)]
    macro_rules! offset_of {
        () => {};
    }
    #[allow(unused_macros)]
    macro_rules! assert {
        () => {};
    }
    #[allow(unused_macros)]
    macro_rules! element {
        () => {};
    }

    /// In scope, with methods of every name that is called.
    trait Methods: Sized {
        fn serialize_item(self) {}
        fn deserialize_item(self) {}
        fn field(self) {}
        fn structure(self) {}
        fn lens(self) {}
        fn map(self) {}
        const DTYPE: () = ();
        const AXES: () = ();
    }

    impl<T> Methods for T {}

    const fn field() {}
    const fn structure() {}
    const fn size_of() {}
    const fn align_of() {}

    #[derive(Clone, Copy, TheTrait)]
    #[repr(C)]
    struct __S {
        field: f32,
        structure: f64,
        r#fn: u16,
        offset: i16,
        __serde_shm_struct: i32,
        name: [i32; 2],
    }

    #[test]
    fn change_nothing() {
        assert_eq!(
            <__S as TheTrait>::DTYPE.to_string(),
            "[('field', '<f4'), ('', '|V4'), ('structure', '<f8'), ('fn', '<u2'), ('offset', '<i2'), \
             ('__serde_shm_struct', '<i4'), ('name', '<i4', (2,))]"
        );
    }
}

/// A name in a field's type means what it means where the struct stands.
#[test]
fn types_are_those_of_the_scope() {
    type u32 = u8;
    type Alias = [elsewhere::Row; 2];
    #[derive(Clone, Copy, Element)]
    #[repr(C)]
    struct Local {
        x: u32,
        y: Alias,
        #[cfg(not(feature = "derive"))]
        gone: &'static str,
        #[cfg_attr(feature = "derive", element(rename = "kept"))]
        #[cfg(feature = "derive")]
        z: <Local as Named>::Number,
    }
    trait Named {
        type Number;
    }
    impl Named for Local {
        type Number = i16;
    }
    assert_eq!(
        Local::DTYPE.to_string(),
        "[('x', '|u1'), ('', '|V3'), ('y', '<f4', (2, 3)), ('kept', '<i2'), ('', '|V2')]"
    );
}

mod elsewhere {
    pub(super) type Row = [f32; 3];
}

/// The derive's code names them, in the user's crate.
#[test]
fn deprecated_fields_and_structs_warn_of_nothing() {
    #![deny(warnings)]
    #[deprecated]
    #[derive(Clone, Copy, Element)]
    #[repr(C)]
    struct Old {
        #[deprecated]
        x: u8,
    }
    #[allow(deprecated)]
    let text = Old::DTYPE.to_string();
    assert_eq!(text, "[('x', '|u1')]");
}
