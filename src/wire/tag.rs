//! The byte that says what a value is.

macro_rules! tags {
    ($($(#[$doc:meta])* $name:ident = $byte:literal,)*) => {
        /// What a value is. Zero is no tag: in an option's payload it stands for `None`.
        #[derive(Clone, Copy, Debug, PartialEq, Eq)]
        #[repr(u8)]
        pub(crate) enum Tag {
            $($(#[$doc])* $name = $byte,)*
        }

        impl Tag {
            pub(crate) fn from_byte(byte: u8) -> Option<Self> {
                match byte {
                    $($byte => Some(Tag::$name),)*
                    _ => None,
                }
            }
        }
    };
}

tags! {
    Unit = 0x01,
    Bool = 0x02,
    I8 = 0x03,
    I16 = 0x04,
    I32 = 0x05,
    I64 = 0x06,
    I128 = 0x07,
    U8 = 0x08,
    U16 = 0x09,
    U32 = 0x0a,
    U64 = 0x0b,
    U128 = 0x0c,
    F32 = 0x0d,
    F64 = 0x0e,
    Char = 0x0f,
    /// An `i64` in eight bytes, for runs of large numbers.
    I64Fixed = 0x10,
    /// A `u64` in eight bytes: hashes, packed k-mers, addresses.
    U64Fixed = 0x11,
    Str = 0x12,
    Bytes = 0x13,
    Option = 0x14,
    Seq = 0x15,
    Map = 0x16,
    /// A struct, a short tuple or an enum variant: the number of its field tags, then the fields.
    Record = 0x17,
    /// An array of the container, written by an array type or a marked field.
    Array = 0x18,
    /// The same, recognised in ndarray's own serde form.
    Ndarray = 0x19,
    /// A long byte string, placed as an array of `u8`.
    Blob = 0x1a,
    /// A field that this struct did not write (`skip_serializing_if`).
    Absent = 0x1b,
    /// In field tags or a run only: the value carries its own tag.
    Any = 0x1c,
    /// A value in the form that it has for human readers, which carries its own tag.
    Readable = 0x1d,
    /// A value under a name, which comes first; the value carries its own tag.
    Named = 0x1e,
}

impl Tag {
    /// The last tag that blocks of this version have.
    pub(crate) fn last_of(version: u16) -> Self {
        match version {
            0 | 1 => Tag::Any,
            2 => Tag::Readable,
            _ => Tag::Named,
        }
    }

    /// For messages: what the value is in Rust's terms.
    pub(crate) fn name(self) -> &'static str {
        match self {
            Tag::Unit => "unit",
            Tag::Bool => "bool",
            Tag::I8 => "i8",
            Tag::I16 => "i16",
            Tag::I32 => "i32",
            Tag::I64 | Tag::I64Fixed => "i64",
            Tag::I128 => "i128",
            Tag::U8 => "u8",
            Tag::U16 => "u16",
            Tag::U32 => "u32",
            Tag::U64 | Tag::U64Fixed => "u64",
            Tag::U128 => "u128",
            Tag::F32 => "f32",
            Tag::F64 => "f64",
            Tag::Char => "char",
            Tag::Str => "string",
            Tag::Bytes | Tag::Blob => "bytes",
            Tag::Option => "option",
            Tag::Seq => "sequence",
            Tag::Map => "map",
            Tag::Record => "struct, tuple or enum variant",
            Tag::Array | Tag::Ndarray => "array",
            Tag::Absent => "absent field",
            Tag::Any => "tagged value",
            Tag::Readable => "value in readable form",
            Tag::Named => "value under a name",
        }
    }
}
