//! Structured dtypes: fields with names and offsets.

use std::borrow::Cow;
use std::hash::{Hash, Hasher};
use std::sync::Arc;

use super::DType;

/// A field of a structured [`DType`].
///
/// ```
/// # #[cfg(feature = "derive")] {
/// use serde_shm::Element;
///
/// #[derive(Clone, Copy, Element)]
/// #[repr(C)]
/// struct Atom {
///     id: u32,
///     position: [f64; 3],
/// }
/// let fields = Atom::DTYPE.fields().to_vec();
/// assert_eq!((fields[1].name(), fields[1].shape(), fields[1].offset()), ("position", &[3][..], 8));
/// # }
/// ```
#[derive(Clone, Debug, PartialEq, Eq, Hash)]
pub struct Field {
    name: Cow<'static, str>,
    dtype: DType,
    shape: Cow<'static, [usize]>,
    offset: usize,
}

impl Field {
    /// A field of a Rust struct.
    pub(crate) const fn fixed(
        name: &'static str,
        dtype: DType,
        shape: &'static [usize],
        offset: usize,
    ) -> Self {
        Field { name: Cow::Borrowed(name), dtype, shape: Cow::Borrowed(shape), offset }
    }

    pub(super) fn owned(name: String, dtype: DType, shape: Vec<usize>, offset: usize) -> Self {
        Field { name: Cow::Owned(name), dtype, shape: Cow::Owned(shape), offset }
    }

    /// The field's name.
    ///
    /// ```
    /// let dtype: serde_shm::DType = "[('id', '|u1'), ('at', '<f8', (3,))]".parse()?;
    /// assert_eq!(dtype.fields()[1].name(), "at");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn name(&self) -> &str {
        &self.name
    }

    /// The dtype of the field's elements; the field has one element if it is no sub-array.
    ///
    /// ```
    /// let dtype: serde_shm::DType = "[('id', '|u1'), ('at', '<f8', (3,))]".parse()?;
    /// assert_eq!(dtype.fields()[1].dtype().to_string(), "<f8");
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn dtype(&self) -> &DType {
        &self.dtype
    }

    /// The axes of a sub-array; empty for a single element.
    ///
    /// ```
    /// let dtype: serde_shm::DType = "[('id', '|u1'), ('at', '<f8', (3,))]".parse()?;
    /// assert_eq!(dtype.fields()[1].shape(), [3]);
    /// assert!(dtype.fields()[0].shape().is_empty());
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.shape
    }

    /// Where the field starts in the struct, in bytes.
    ///
    /// ```
    /// let dtype: serde_shm::DType = "[('id', '|u1'), ('at', '<f8', (3,))]".parse()?;
    /// assert_eq!(dtype.fields()[1].offset(), 1); // behind the one byte of `id`
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub const fn offset(&self) -> usize {
        self.offset
    }

    /// How many elements the field has.
    pub(crate) const fn count(&self) -> usize {
        let shape = match &self.shape {
            Cow::Borrowed(shape) => *shape,
            Cow::Owned(shape) => shape.as_slice(),
        };
        let (mut count, mut axis) = (1, 0);
        while axis < shape.len() {
            // The product fits: the parser has checked it, and a Rust type's does by itself.
            count *= shape[axis];
            axis += 1;
        }
        count
    }

    pub(crate) const fn bytes(&self) -> usize {
        self.count() * self.dtype.item_size()
    }
}

/// Fields in the order of their offsets. They do not overlap.
#[derive(Clone, Debug)]
pub(crate) struct Structure(Held);

#[derive(Clone, Debug)]
enum Held {
    Fixed(&'static [Field], SizeAlign),
    Shared(Arc<[Field]>, SizeAlign),
}

#[derive(Clone, Copy, Debug)]
struct SizeAlign {
    size: usize,
    align: usize,
}

impl Structure {
    pub(super) const fn fixed(fields: &'static [Field], size: usize, align: usize) -> Self {
        Structure(Held::Fixed(fields, SizeAlign { size, align }))
    }

    /// The alignment is that of a `repr(C)` struct if the fields lie as in such a struct, else 1.
    pub(super) fn shared(fields: Vec<Field>, size: usize) -> Self {
        let most = fields.iter().map(|field| field.dtype.alignment()).max().unwrap_or(1);
        let natural = size.is_multiple_of(most)
            && fields.iter().all(|f| f.offset.is_multiple_of(f.dtype.alignment()));
        let align = if natural { most } else { 1 };
        Structure(Held::Shared(fields.into(), SizeAlign { size, align }))
    }

    pub(crate) fn fields(&self) -> &[Field] {
        match &self.0 {
            Held::Fixed(fields, _) => fields,
            Held::Shared(fields, _) => fields,
        }
    }

    /// See [`DType::takes_any_bytes`].
    #[cfg(feature = "bytemuck")]
    pub(super) const fn takes_any_bytes(&self) -> bool {
        let Held::Fixed(fields, SizeAlign { size, .. }) = &self.0 else { return false };
        let (mut index, mut end) = (0, 0);
        while index < fields.len() {
            if fields[index].offset != end || !fields[index].dtype.takes_any_bytes() {
                return false;
            }
            end += fields[index].bytes();
            index += 1;
        }
        end == *size
    }

    const fn layout(&self) -> SizeAlign {
        match self.0 {
            Held::Fixed(_, layout) | Held::Shared(_, layout) => layout,
        }
    }

    pub(super) const fn size(&self) -> usize {
        self.layout().size
    }

    pub(super) fn align(&self) -> usize {
        self.layout().align
    }
}

impl PartialEq for Structure {
    fn eq(&self, other: &Self) -> bool {
        self.size() == other.size()
            && (std::ptr::eq(self.fields(), other.fields()) || self.fields() == other.fields())
    }
}

impl Eq for Structure {}

impl Hash for Structure {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.size().hash(state);
        self.fields().hash(state);
    }
}
