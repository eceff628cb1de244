//! What the elements of an array are, and NumPy's name for it.

mod float;
mod literal;
mod parse;
mod scalar;
mod spelling;
mod structure;
mod time;

use std::fmt;
use std::str::FromStr;

use crate::error::Result;

use scalar::{SCALARS, size_of_scalar};

pub(crate) use float::{bf16_to_f32, f16_to_f32};
#[cfg(feature = "npz")]
pub(crate) use literal::{Literal, parse as parse_literal};
#[cfg(feature = "npz")]
pub(crate) use parse::read as read_descriptor;
pub(crate) use scalar::{Scalar, match_number};
#[cfg(feature = "npz")]
pub(crate) use spelling::length;
pub use structure::Field;
pub(crate) use structure::Structure;
pub use time::{TimeBase, TimeUnit};

/// The type of an array's elements, with its byte order. It covers all types that NumPy has and can save without a pickle.
///
/// `Display` gives NumPy's descriptor as an `.npy` file has it, without the quotes around a descriptor that is one string:
///
/// ```
/// use serde_shm::{DType, Element};
/// assert_eq!(f32::DTYPE, DType::F32);
/// assert_eq!(u8::DTYPE.to_string(), "|u1");
/// assert_eq!(DType::F64.item_size(), 8);
/// ```
///
/// A program that reads arrays whose element type it does not know can use [`kind`](DType::kind),
/// [`item_size`](DType::item_size), [`fields`](DType::fields) and [`unit`](DType::unit). A clone costs a reference count at
/// most.
#[derive(Clone, PartialEq, Eq, Hash)]
pub struct DType {
    kind: DTypeRepr,
    big_endian: bool,
}

#[derive(Clone, PartialEq, Eq, Hash)]
pub(crate) enum DTypeRepr {
    Scalar(Scalar),
    Datetime(TimeUnit),
    Timedelta(TimeUnit),
    /// Bytes, padded with NUL.
    Bytes(usize),
    /// Characters of four bytes each, padded with NUL.
    Text(usize),
    Raw(usize),
    Struct(Structure),
}

/// The kind of an array's elements; see [`DType::kind`].
///
/// ```
/// use serde_shm::{DType, DTypeKind};
///
/// let dtype: DType = ">f2".parse()?;
/// let text = match dtype.kind() {
///     DTypeKind::Int | DTypeKind::UInt | DTypeKind::Float => "a number",
///     _ => "something else",
/// };
/// assert_eq!(text, "a number");
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum DTypeKind {
    /// `bool`
    Bool,
    /// Signed integers.
    Int,
    /// Unsigned integers.
    UInt,
    /// f16, bf16, f32, f64.
    Float,
    /// Two floats: real and imaginary part.
    Complex,
    /// A point in time: an `i64` that counts [`DType::unit`]s from 1970.
    Datetime,
    /// A span of time: an `i64` that counts [`DType::unit`]s.
    Timedelta,
    /// `U`: characters of four bytes each, padded with NUL.
    Text,
    /// `S`: bytes, padded with NUL.
    Bytes,
    /// `V`: bytes without a known meaning.
    Raw,
    /// Structs: named [`DType::fields`].
    Struct,
}

impl DType {
    const fn native(kind: DTypeRepr, ordered: bool) -> Self {
        DType { kind, big_endian: cfg!(target_endian = "big") && ordered }
    }

    pub(crate) const fn datetime(unit: TimeUnit) -> Self {
        DType::native(DTypeRepr::Datetime(unit), true)
    }

    pub(crate) const fn timedelta(unit: TimeUnit) -> Self {
        DType::native(DTypeRepr::Timedelta(unit), true)
    }

    pub(crate) const fn bytes(width: usize) -> Self {
        DType::native(DTypeRepr::Bytes(width), false)
    }

    pub(crate) const fn text(width: usize) -> Self {
        DType::native(DTypeRepr::Text(width), true)
    }

    #[cfg(feature = "bytemuck")]
    pub(crate) const fn raw(width: usize) -> Self {
        DType::native(DTypeRepr::Raw(width), false)
    }

    /// Whether every byte belongs to a field and may have any value: there are no bools and no padding. Only for a dtype of a
    /// Rust type.
    #[cfg(feature = "bytemuck")]
    pub(crate) const fn takes_any_bytes(&self) -> bool {
        match &self.kind {
            DTypeRepr::Scalar(scalar) => !matches!(scalar, Scalar::Bool),
            DTypeRepr::Struct(structure) => structure.takes_any_bytes(),
            _ => true,
        }
    }

    /// The fields of a Rust struct, its size and alignment.
    pub(crate) const fn fixed(fields: &'static [Field], size: usize, align: usize) -> Self {
        DType::native(DTypeRepr::Struct(Structure::fixed(fields, size, align)), false)
    }

    pub(crate) const fn little_endian(scalar: Scalar) -> Self {
        DType { kind: DTypeRepr::Scalar(scalar), big_endian: false }
    }

    /// A type of single bytes has no byte order, so both spellings become one dtype.
    fn normal(self) -> Self {
        let big_endian = self.big_endian && self.unit_size() > 1;
        DType { big_endian, ..self }
    }

    /// This dtype in the byte order of another dtype.
    #[cfg(feature = "ndarray")]
    pub(crate) fn in_order_of(self, other: &DType) -> Self {
        DType { big_endian: other.big_endian, ..self }.normal()
    }

    pub(crate) fn inner(&self) -> &DTypeRepr {
        &self.kind
    }

    /// The kind of the elements.
    ///
    /// ```
    /// use serde_shm::{DType, DTypeKind};
    ///
    /// assert_eq!(DType::I8.kind(), DTypeKind::Int);
    /// assert_eq!("<M8[ns]".parse::<DType>()?.kind(), DTypeKind::Datetime);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn kind(&self) -> DTypeKind {
        match self.kind {
            DTypeRepr::Scalar(scalar) => SCALARS[scalar as usize - 1].kind,
            DTypeRepr::Datetime(_) => DTypeKind::Datetime,
            DTypeRepr::Timedelta(_) => DTypeKind::Timedelta,
            DTypeRepr::Bytes(_) => DTypeKind::Bytes,
            DTypeRepr::Text(_) => DTypeKind::Text,
            DTypeRepr::Raw(_) => DTypeKind::Raw,
            DTypeRepr::Struct(_) => DTypeKind::Struct,
        }
    }

    /// The number of bytes of one element. It may be zero: for `|S0`, or for a struct without fields.
    ///
    /// ```
    /// use serde_shm::DType;
    ///
    /// assert_eq!(DType::COMPLEX64.item_size(), 8);
    /// assert_eq!("<U5".parse::<DType>()?.item_size(), 20); // four bytes a character
    /// assert_eq!("[('id', '|u1'), ('at', '<f8')]".parse::<DType>()?.item_size(), 9);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub const fn item_size(&self) -> usize {
        match &self.kind {
            DTypeRepr::Scalar(scalar) => size_of_scalar(*scalar),
            DTypeRepr::Datetime(_) | DTypeRepr::Timedelta(_) => 8,
            DTypeRepr::Bytes(width) | DTypeRepr::Raw(width) => *width,
            DTypeRepr::Text(width) => *width * 4,
            DTypeRepr::Struct(structure) => structure.size(),
        }
    }

    /// How many bytes a change of byte order reverses together; 1 for bytes and structs.
    pub(crate) fn unit_size(&self) -> usize {
        match &self.kind {
            DTypeRepr::Scalar(Scalar::C64 | Scalar::C128) => self.item_size() / 2,
            DTypeRepr::Scalar(_) | DTypeRepr::Datetime(_) | DTypeRepr::Timedelta(_) => {
                self.item_size()
            }
            DTypeRepr::Text(_) => 4,
            DTypeRepr::Bytes(_) | DTypeRepr::Raw(_) | DTypeRepr::Struct(_) => 1,
        }
    }

    /// The alignment in bytes that a view needs. It is 1 for a struct with unaligned fields, which is NumPy's default for
    /// structs.
    ///
    /// ```
    /// use serde_shm::DType;
    ///
    /// assert_eq!(DType::F64.alignment(), 8);
    /// assert_eq!(DType::COMPLEX64.alignment(), 4); // that of its two floats
    /// assert_eq!("[('id', '|u1'), ('at', '<f8')]".parse::<DType>()?.alignment(), 1);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn alignment(&self) -> usize {
        match &self.kind {
            DTypeRepr::Struct(structure) => structure.align(),
            _ => self.item_size().min(self.unit_size()).max(1),
        }
    }

    /// Whether these bytes are aligned so that their elements can be seen in place.
    pub(crate) fn is_aligned(&self, bytes: &[u8]) -> bool {
        bytes.is_empty() || bytes.as_ptr().addr().is_multiple_of(self.alignment())
    }

    /// Whether the elements are in this machine's byte order. For a struct, whether all fields are.
    ///
    /// ```
    /// use serde_shm::DType;
    ///
    /// assert!(DType::F32.is_native() && "|S4".parse::<DType>()?.is_native());
    /// assert_eq!(">f4".parse::<DType>()?.is_native(), cfg!(target_endian = "big"));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_native(&self) -> bool {
        match &self.kind {
            DTypeRepr::Struct(structure) => {
                structure.fields().iter().all(|field| field.dtype().is_native())
            }
            _ => self.unit_size() == 1 || self.big_endian == cfg!(target_endian = "big"),
        }
    }

    /// The fields of a structured dtype in the order of their offsets; empty for other dtypes.
    ///
    /// ```
    /// use serde_shm::DType;
    ///
    /// let dtype: DType = "[('id', '|u1'), ('at', '<f8', (3,))]".parse()?;
    /// let names: Vec<&str> = dtype.fields().iter().map(|field| field.name()).collect();
    /// assert_eq!(names, ["id", "at"]);
    /// assert!(DType::F64.fields().is_empty());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn fields(&self) -> &[Field] {
        match &self.kind {
            DTypeRepr::Struct(structure) => structure.fields(),
            _ => &[],
        }
    }

    /// How deep structs and their sub-arrays nest.
    pub(crate) fn levels(&self) -> usize {
        let of = |field: &Field| 1 + field.shape().len() + field.dtype().levels();
        self.fields().iter().map(of).max().unwrap_or(0)
    }

    /// The unit of a `datetime64` or `timedelta64`; `None` for other dtypes.
    ///
    /// ```
    /// use serde_shm::{DType, TimeBase};
    ///
    /// let unit = "<m8[25s]".parse::<DType>()?.unit().unwrap();
    /// assert_eq!((unit.base(), unit.count()), (TimeBase::Second, 25));
    /// assert_eq!(DType::I64.unit(), None);
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn unit(&self) -> Option<TimeUnit> {
        match self.kind {
            DTypeRepr::Datetime(unit) | DTypeRepr::Timedelta(unit) => Some(unit),
            _ => None,
        }
    }

    /// Rust's name for the element type, such as `f32`, if it has one, else NumPy's. The name says the byte order if that is
    /// not this machine's.
    pub(crate) fn rust_name(&self) -> String {
        let DTypeRepr::Scalar(scalar) = self.kind else { return self.to_string() };
        let name = SCALARS[scalar as usize - 1].rust;
        match (self.is_native(), self.big_endian) {
            (true, _) => name.to_owned(),
            (false, true) => format!("{name} (big-endian)"),
            (false, false) => format!("{name} (little-endian)"),
        }
    }

    /// The kind of number, if the dtype is a number.
    pub(crate) fn scalar(&self) -> Option<Scalar> {
        match self.kind {
            DTypeRepr::Scalar(scalar) => Some(scalar),
            _ => None,
        }
    }

    pub(crate) fn is_big_endian(&self) -> bool {
        self.big_endian
    }

    pub(crate) fn from_code(code: u8, big_endian: bool) -> Option<Self> {
        let row = SCALARS.get(usize::from(code).checked_sub(1)?)?;
        Some(DType { kind: DTypeRepr::Scalar(row.scalar), big_endian }.normal())
    }

    /// Reads NumPy's descriptor: `<f4`, `>i8`, `|b1`, `=u2`, `<M8[ns]`, `[('x', '<f4')]`.
    ///
    /// # Errors
    ///
    /// `Unsupported` for a dtype that this crate does not have, or that only a pickle can hold; `Corrupt` for a text that is
    /// no descriptor.
    pub(crate) fn from_descriptor(text: &str) -> Result<Self> {
        parse::descriptor(text)
    }

    /// Whether an `.npy` file whose header says `found` can hold elements of this dtype. NumPy writes bf16 as a void, so a header
    /// does not tell the two apart.
    #[cfg(feature = "npz")]
    pub(crate) fn agrees_with(&self, found: &DType) -> bool {
        if self == found {
            return true;
        }
        match (&self.kind, &found.kind) {
            (DTypeRepr::Scalar(Scalar::BF16), DTypeRepr::Raw(2)) => true,
            (DTypeRepr::Struct(own), DTypeRepr::Struct(found)) => {
                own.size() == found.size()
                    && own.fields().len() == found.fields().len()
                    && own.fields().iter().zip(found.fields()).all(|(own, found)| {
                        own.name() == found.name()
                            && own.shape() == found.shape()
                            && own.offset() == found.offset()
                            && own.dtype().agrees_with(found.dtype())
                    })
            }
            _ => false,
        }
    }
}

/// Reads NumPy's descriptor, as `Display` writes it or in another of NumPy's spellings. A descriptor without a byte order means
/// this machine's.
///
/// ```
/// use serde_shm::DType;
///
/// assert_eq!("<f4".parse::<DType>()?, DType::F32);
/// assert_eq!("float32".parse::<DType>()?, DType::F32);
/// let point: DType = "[('x', '<f4'), ('pos', '<i2', (3,))]".parse()?;
/// assert_eq!(point.item_size(), 10);
/// assert_eq!(point.to_string().parse::<DType>()?, point);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// # Errors
///
/// `Unsupported` for a dtype that only a pickle can hold, or that this crate does not have; `Corrupt` for a text that is no
/// descriptor; `Limit` for a descriptor that nests too deep or has too many fields.
impl FromStr for DType {
    type Err = crate::Error;

    fn from_str(descriptor: &str) -> Result<Self> {
        parse::numpys(descriptor)
    }
}

impl fmt::Display for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let order = match (self.unit_size(), self.big_endian) {
            (1, _) => '|',
            (_, false) => '<',
            (_, true) => '>',
        };
        match &self.kind {
            DTypeRepr::Scalar(scalar) => {
                write!(f, "{order}{}", SCALARS[*scalar as usize - 1].numpy)
            }
            DTypeRepr::Datetime(unit) => write!(f, "{order}M8{}", Brackets(*unit)),
            DTypeRepr::Timedelta(unit) => write!(f, "{order}m8{}", Brackets(*unit)),
            DTypeRepr::Bytes(width) => write!(f, "{order}S{width}"),
            DTypeRepr::Text(width) => write!(f, "{order}U{width}"),
            DTypeRepr::Raw(width) => write!(f, "{order}V{width}"),
            DTypeRepr::Struct(structure) => parse::write_fields(structure, f),
        }
    }
}

struct Brackets(TimeUnit);

impl fmt::Display for Brackets {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if self.0 == TimeUnit::GENERIC { Ok(()) } else { write!(f, "[{}]", self.0) }
    }
}

impl fmt::Debug for DType {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "DType({self})")
    }
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::error::ErrorKind;

    fn round_trip(text: &str) -> DType {
        let dtype = DType::from_descriptor(text).unwrap_or_else(|error| panic!("{text}: {error}"));
        assert_eq!(dtype.to_string(), text);
        assert_eq!(DType::from_descriptor(&dtype.to_string()).unwrap(), dtype);
        dtype
    }

    #[test]
    fn descriptors_and_codes_round_trip() {
        for (index, row) in SCALARS.iter().enumerate() {
            assert_eq!(row.scalar as usize, index + 1);
            for order in ["<", ">"] {
                let dtype = DType::from_descriptor(&format!("{order}{}", row.numpy)).unwrap();
                assert_eq!(DType::from_descriptor(&dtype.to_string()).unwrap(), dtype);
                assert_eq!(DType::from_code(row.scalar as u8, dtype.is_big_endian()), Some(dtype));
            }
        }
        assert_eq!(DType::from_descriptor("|i1").unwrap(), DType::from_descriptor(">i1").unwrap());
    }

    #[test]
    fn times_strings_and_voids_round_trip() {
        for (text, kind, size, align) in [
            ("<M8[ns]", DTypeKind::Datetime, 8, 8),
            (">m8[25s]", DTypeKind::Timedelta, 8, 8),
            ("<M8", DTypeKind::Datetime, 8, 8),
            ("<U5", DTypeKind::Text, 20, 4),
            (">U1", DTypeKind::Text, 4, 4),
            ("<U0", DTypeKind::Text, 0, 1),
            ("|S5", DTypeKind::Bytes, 5, 1),
            ("|S0", DTypeKind::Bytes, 0, 1),
            ("|V10", DTypeKind::Raw, 10, 1),
            ("|V2", DTypeKind::Raw, 2, 1),
            ("<V2", DTypeKind::Float, 2, 2),
            ("<c8", DTypeKind::Complex, 8, 4),
            (">c16", DTypeKind::Complex, 16, 8),
        ] {
            let dtype = round_trip(text);
            assert_eq!(
                (dtype.kind(), dtype.item_size(), dtype.alignment()),
                (kind, size, align),
                "{text}"
            );
            assert_eq!(dtype.is_native(), !text.starts_with('>'), "{text}");
        }
        assert_eq!(DType::from_descriptor("|a5").unwrap().to_string(), "|S5");
        assert_eq!(DType::from_descriptor("<M8[25s]").unwrap().unit().unwrap().count(), 25);
    }

    #[test]
    fn structs_round_trip() {
        for (text, size, align, fields) in [
            ("[('x', '<f4'), ('y', '<f8'), ('ok', '|b1')]", 13, 1, 3),
            ("[('x', '<f4'), ('', '|V4'), ('y', '<f8'), ('ok', '|b1'), ('', '|V7')]", 24, 8, 3),
            ("[('pos', '<f4', (3,)), ('m', '>i2', (2, 2))]", 20, 4, 2),
            (
                "[('a', [('b', '<i4'), ('', '|V4'), ('c', '<i8')], (2,)), ('t', '<M8[ns]')]",
                40,
                8,
                2,
            ),
            (r#"[("it's", '|S3'), ('größe', '<U2')]"#, 11, 1, 2),
            ("[]", 0, 1, 0),
            ("[('', '|V8')]", 8, 1, 0),
            ("[('x', '<V2'), ('y', '|V2')]", 4, 2, 2),
        ] {
            let dtype = round_trip(text);
            assert_eq!((dtype.item_size(), dtype.alignment()), (size, align), "{text}");
            assert_eq!(dtype.fields().len(), fields, "{text}");
        }
        let titled =
            DType::from_descriptor("[(('a title', 'x'), '<f4',), ('y', ('<i2', 3))]").unwrap();
        assert_eq!(titled.to_string(), "[('x', '<f4'), ('y', '<i2', (3,))]");
        let scalar = DType::from_descriptor("[('x', '<f4', 2), ('y', '<i2', ())]").unwrap();
        assert_eq!(scalar.to_string(), "[('x', '<f4', (2,)), ('y', '<i2')]");
    }

    #[test]
    fn what_is_no_descriptor_is_an_error_that_names_it() {
        for text in
            ["", "<", "f4", "<f3", "é", "<f44", "<U5x", "|S-1", "<M8[", "<M8[fortnight]", "<é"]
        {
            let error = DType::from_descriptor(text).unwrap_err();
            assert!(error.to_string().contains(&format!("{text:?}")), "{error}");
        }
        assert_eq!(DType::from_code(0, false), None);
        assert_eq!(DType::from_code(16, false), None);
        for (text, kind, said) in [
            ("|O", ErrorKind::Unsupported, "pickle"),
            ("<O8", ErrorKind::Unsupported, "pickle"),
            (
                "[('x', '<f4'), ('y', '|O')]",
                ErrorKind::Unsupported,
                "field `y`: an array of Python objects",
            ),
            ("<f16", ErrorKind::Unsupported, "\"<f16\" is a long double"),
            ("<c32", ErrorKind::Unsupported, "\"<c32\" is a long double"),
            ("[('x', '<f4'), ('x', '<f4')]", ErrorKind::Corrupt, "`x` is twice"),
            ("[('x', '<f4')", ErrorKind::Corrupt, "expected a comma at byte 13, found its end"),
            ("[('x', '<f4')]]", ErrorKind::Corrupt, "expected the end"),
            ("[('x',)]", ErrorKind::Corrupt, "a field of two or three parts, found 1"),
            ("['<f4']", ErrorKind::Corrupt, "expected a field, ('name', dtype)"),
            ("('<f4', (2,))", ErrorKind::Unsupported, "sub-array"),
            ("[('x', '<f4', (9223372036854775807, 9))]", ErrorKind::Corrupt, "overflows"),
            (
                "[('x', '<f4', (1152921504606846976,)), ('y', '<f4', (1152921504606846976,))]",
                ErrorKind::Corrupt,
                "field `y`: shape",
            ),
            (
                "[('x', [('y', '|S0', (9223372036854775807,))], (9223372036854775807, 2))]",
                ErrorKind::Corrupt,
                "field `x`: shape",
            ),
            (
                &format!("[('x', ('|u1', ({})), ({}))]", "1, ".repeat(40), "1, ".repeat(40)),
                ErrorKind::Limit,
                "field `x`: a sub-array of more than 64 axes",
            ),
            ("|S99999999999999999999", ErrorKind::Unsupported, "is not one of"),
        ] {
            let error = DType::from_descriptor(text).unwrap_err();
            assert_eq!(error.kind(), kind, "{text}: {error}");
            assert!(error.to_string().contains(said), "{text}: {error}");
        }
        let deep = format!("{}'<f4'{}", "[('x', ".repeat(10_000), ")]".repeat(10_000));
        assert_eq!(DType::from_descriptor(&deep).unwrap_err().kind(), ErrorKind::Limit);
        let deep = format!("[('x', {}'<f4'{})]", "(".repeat(10_000), ", 1)".repeat(10_000));
        assert_eq!(DType::from_descriptor(&deep).unwrap_err().kind(), ErrorKind::Limit);
    }

    /// Pieces of descriptors, to be put together in any order.
    const PIECES: [&str; 30] = [
        "[",
        "]",
        "(",
        ")",
        ", ",
        ",",
        "'",
        "\"",
        "'x'",
        "'y'",
        "''",
        "'<f4'",
        "'>i8'",
        "'|b1'",
        "'|V4'",
        "'<M8[ns]'",
        "'<U5'",
        "'|S0'",
        "'|O'",
        "3",
        "0",
        "(3,)",
        "(2, 2)",
        "18446744073709551615",
        "('x', '<f4')",
        "('y', '<f8', (2,))",
        "\\",
        "\\x41",
        "é",
        " ",
    ];

    proptest::proptest! {
        #[test]
        fn no_descriptor_panics_and_what_is_one_comes_back(
            pieces in proptest::collection::vec(0..PIECES.len(), 0..24),
            brackets in proptest::bool::ANY,
        ) {
            let text: String = pieces.into_iter().map(|piece| PIECES[piece]).collect();
            let text = if brackets { format!("[{text}]") } else { text };
            if let Ok(dtype) = DType::from_descriptor(&text) {
                let again = DType::from_descriptor(&dtype.to_string()).unwrap();
                proptest::prop_assert_eq!(&again, &dtype);
                proptest::prop_assert_eq!(again.to_string(), dtype.to_string());
                proptest::prop_assert!(dtype.alignment() <= 16);
            }
        }

        #[test]
        fn structs_come_back(
            fields in proptest::collection::vec((0..8_usize, 0..4_usize, 0..5_usize), 1..12),
        ) {
            let simple = ["<f4", ">i8", "|b1", "<U2", "|S3", "<M8[us]", "<V2", "[('z', '>u2'), ('', '|V1')]"];
            let mut parts = Vec::new();
            for (index, (kind, axes, gap)) in fields.into_iter().enumerate() {
                let shape = ["", ", (2,)", ", (2, 3)", ", (0,)"][axes];
                let quote = if kind == 7 { "" } else { "'" };
                parts.push(format!("('f{index}', {quote}{}{quote}{shape})", simple[kind]));
                if gap > 0 {
                    parts.push(format!("('', '|V{gap}')"));
                }
            }
            let text = format!("[{}]", parts.join(", "));
            let dtype = DType::from_descriptor(&text).unwrap();
            proptest::prop_assert_eq!(dtype.to_string(), text);
        }
    }
}
