//! Types of other crates as elements, by the promise that they made to `bytemuck`.

use std::cmp::Ordering;
use std::fmt;
use std::hash::{Hash, Hasher};
use std::marker::PhantomData;
use std::ops::{Deref, DerefMut};

use bytemuck::Pod;

use crate::dtype::DType;
use crate::layout::ARRAY_ALIGN;

use super::Element;

/// A value of a [`bytemuck::Pod`] type as an element of arrays, for types that cannot have `#[derive(Element)]` because they are of
/// another crate.
///
/// With one parameter, an array of them is one of voids (`|V12` for three floats), which NumPy shows as bytes. The second
/// parameter names another dtype of the same size, by an element that has it.
///
/// ```
/// use bytemuck::TransparentWrapper;
/// use serde_shm::element::AsElement;
/// use serde_shm::{Block, Element, ShmArray1};
///
/// // In another crate: a type that knows nothing of this one.
/// #[derive(Clone, Copy, PartialEq, Debug, bytemuck::Pod, bytemuck::Zeroable)]
/// #[repr(C)]
/// struct Vec3([f32; 3]);
///
/// // The dtype that NumPy is to see.
/// #[derive(Clone, Copy, Element)]
/// #[repr(C)]
/// struct Xyz { x: f32, y: f32, z: f32 }
///
/// #[derive(serde_shm::Serialize)]
/// struct Mesh<'a> {
///     #[shm_array]
///     points: &'a [AsElement<Vec3>],
///     #[shm_array]
///     normals: &'a [AsElement<Vec3, Xyz>],
/// }
/// let points = vec![Vec3([1.0, 2.0, 3.0]); 100];
/// // bytemuck wraps and unwraps slices and vectors without a copy.
/// let mesh = Mesh { points: AsElement::wrap_slice(&points), normals: AsElement::wrap_slice(&points) };
/// let block = Block::new(serde_shm::to_bytes(&mesh)?)?;
/// let dtypes: Vec<String> = block.arrays()?.iter().map(|array| array.dtype().to_string()).collect();
/// assert_eq!(dtypes, ["|V12", "[('x', '<f4'), ('y', '<f4'), ('z', '<f4')]"]);
///
/// let normals = block.array::<AsElement<Vec3, Xyz>, ndarray::Ix1>("normals")?; // where they lie
/// assert_eq!(*normals[99], points[99]);
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// [`array::pod`](mod@crate::array::pod) marks a field `Vec<T>` as such an array, without the wrapper.
///
/// A void is read as a type of the same size, whatever it was. Where that matters, name a dtype: fields are compared by name and
/// type, and moved or swapped if the file has them otherwise.
///
/// It fails to compile if the dtype has another size than the type, bytes that no field has, or bools (a `Pod` may have any byte
/// there); if the type has no bytes; or if it is aligned to more than 64 bytes.
///
/// ```compile_fail
/// # use serde_shm::{Element, element::AsElement};
/// let dtype = <AsElement<[f32; 3], f64> as Element>::DTYPE; // 12 bytes are no f64
/// ```
#[repr(transparent)]
pub struct AsElement<T, D = Void>(
    /// The value.
    pub T,
    PhantomData<fn() -> D>,
);

/// The dtype of [`AsElement`] that names none: bytes without a known meaning, NumPy's `V`.
///
/// ```
/// use serde_shm::element::{AsElement, Void};
/// use serde_shm::Element;
///
/// assert_eq!(AsElement::<[u16; 3], Void>::DTYPE.to_string(), "|V6");
/// ```
#[derive(Clone, Copy, Debug)]
pub struct Void;

/// What names the dtype of an [`AsElement`]: [`Void`], or any [`Element`] of the same size.
///
/// ```
/// use serde_shm::element::{AsElement, Datetime64, Seconds};
/// use serde_shm::Element;
///
/// // A count of seconds that another crate made, `chrono`'s or one's own.
/// assert_eq!(AsElement::<i64, Datetime64<Seconds>>::DTYPE.to_string(), "<M8[s]");
/// ```
pub trait NamesDType<T>: Sealed<T> + 'static {}

impl<T> NamesDType<T> for Void {}
impl<T, D: Element> NamesDType<T> for D {}

mod sealed {
    use crate::dtype::DType;

    pub trait Sealed<T> {
        const DTYPE: DType;
    }
}
pub(super) use sealed::Sealed;

impl<T> Sealed<T> for Void {
    const DTYPE: DType = DType::raw(size_of::<T>());
}

impl<T, D: Element> Sealed<T> for D {
    const DTYPE: DType = D::DTYPE;
}

/// The dtype of `AsElement<T, D>`.
pub(super) const fn dtype<T: Pod, D: NamesDType<T>>() -> DType {
    let dtype = <D as Sealed<T>>::DTYPE;
    assert!(size_of::<T>() > 0, "an array element of no bytes cannot be counted");
    assert!(align_of::<T>() <= ARRAY_ALIGN, "an array element is aligned to 64 bytes at most");
    assert!(
        dtype.item_size() == size_of::<T>(),
        "the dtype that `AsElement` names has another size than its type: name one of the same size, or none"
    );
    assert!(
        dtype.takes_any_bytes(),
        "the dtype that `AsElement` names has bools, or bytes that no field has: a `Pod` may have any byte there"
    );
    dtype
}

impl<T, D> AsElement<T, D> {
    /// Wraps a value. [`bytemuck::TransparentWrapper`] wraps slices and vectors.
    ///
    /// ```
    /// use serde_shm::element::AsElement;
    ///
    /// let element: AsElement<[u8; 3]> = AsElement::new([1, 2, 3]);
    /// assert_eq!(element.0, [1, 2, 3]);
    /// ```
    pub const fn new(value: T) -> Self {
        AsElement(value, PhantomData)
    }
}

impl<T, D> From<T> for AsElement<T, D> {
    fn from(value: T) -> Self {
        AsElement::new(value)
    }
}

impl<T, D> Deref for AsElement<T, D> {
    type Target = T;

    fn deref(&self) -> &T {
        &self.0
    }
}

impl<T, D> DerefMut for AsElement<T, D> {
    fn deref_mut(&mut self) -> &mut T {
        &mut self.0
    }
}

// The derives would ask the same of `D`, which is only a name.
impl<T: Clone, D> Clone for AsElement<T, D> {
    fn clone(&self) -> Self {
        AsElement::new(self.0.clone())
    }
}

impl<T: Copy, D> Copy for AsElement<T, D> {}

impl<T: Default, D> Default for AsElement<T, D> {
    fn default() -> Self {
        AsElement::new(T::default())
    }
}

impl<T: fmt::Debug, D> fmt::Debug for AsElement<T, D> {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.0.fmt(f)
    }
}

impl<T: PartialEq, D> PartialEq for AsElement<T, D> {
    fn eq(&self, other: &Self) -> bool {
        self.0 == other.0
    }
}

impl<T: Eq, D> Eq for AsElement<T, D> {}

impl<T: PartialOrd, D> PartialOrd for AsElement<T, D> {
    fn partial_cmp(&self, other: &Self) -> Option<Ordering> {
        self.0.partial_cmp(&other.0)
    }
}

impl<T: Ord, D> Ord for AsElement<T, D> {
    fn cmp(&self, other: &Self) -> Ordering {
        self.0.cmp(&other.0)
    }
}

impl<T: Hash, D> Hash for AsElement<T, D> {
    fn hash<H: Hasher>(&self, state: &mut H) {
        self.0.hash(state);
    }
}
