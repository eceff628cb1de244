//! Shared owners of arrays: what they hand over with an array, so that a container places the array once.

use std::marker::PhantomData;
use std::ops::Deref;
use std::rc::Rc;
use std::sync::Arc;

use crate::memory::{Keep, Keeper};

/// Where the elements of an array with a shared owner lie, and a share of them.
pub(crate) struct Shared {
    /// The address of the first element.
    pub(crate) address: usize,
    /// The bytes between neighbours, if there are gaps between the elements in the order in which the array is written.
    pub(crate) strides: Vec<isize>,
    /// While this lives, nothing else lies at that address, and nobody changes the elements.
    pub(crate) keeper: Keeper,
}

/// The owner of an array's elements.
pub(super) trait Owner {
    const IS_SHARED: bool;

    /// A share of the elements; `None` if the owner is not shared.
    fn share(&self) -> Option<Shared>;
}

/// An owner that may change the elements once they are written.
pub(super) struct Unshared;

impl Owner for Unshared {
    const IS_SHARED: bool = false;

    fn share(&self) -> Option<Shared> {
        None
    }
}

impl<F: Fn() -> Option<Shared>> Owner for F {
    const IS_SHARED: bool = true;

    fn share(&self) -> Option<Shared> {
        self()
    }
}

/// The pointers that count how many owners there are of what they point to.
pub trait Pointer {
    /// Such a pointer to a `T`.
    type To<T: ?Sized>: Deref<Target = T>;

    #[doc(hidden)]
    fn share<T: ?Sized + 'static>(pointer: &Self::To<T>) -> Share;
}

/// A share of what a pointer points to.
#[derive(Debug)]
pub struct Share(pub(super) Keeper);

/// `Arc`.
#[derive(Debug)]
pub(super) struct ArcPointer;

/// `Rc`.
#[derive(Debug)]
pub(super) struct RcPointer;

impl Pointer for ArcPointer {
    type To<T: ?Sized> = Arc<T>;

    fn share<T: ?Sized + 'static>(pointer: &Arc<T>) -> Share {
        Share::of(Arc::clone(pointer))
    }
}

impl Pointer for RcPointer {
    type To<T: ?Sized> = Rc<T>;

    fn share<T: ?Sized + 'static>(pointer: &Rc<T>) -> Share {
        Share::of(Rc::clone(pointer))
    }
}

impl Share {
    fn of(share: impl Keep + 'static) -> Self {
        Share(Keeper::new(share))
    }
}

/// Shared owners of items of any type. A share outlives the borrow, so it needs an item type that is `'static`. That is known
/// only where the item's type is known. So an owner is handed on as it is, down to the elements.
pub trait Family {
    /// The owner of items of type `T`.
    type Of<T>;

    #[doc(hidden)]
    fn share<T: 'static>(owner: &Self::Of<T>) -> Share;
}

/// A pointer to a slice.
#[derive(Debug)]
pub(super) struct ToSlice<P>(PhantomData<P>);

/// A pointer to a vector.
#[derive(Debug)]
pub(super) struct ToVec<P>(PhantomData<P>);

/// A pointer to a fixed array.
#[derive(Debug)]
pub(super) struct ToArray<P, const N: usize>(PhantomData<P>);

impl<P: Pointer> Family for ToSlice<P> {
    type Of<T> = P::To<[T]>;

    fn share<T: 'static>(owner: &P::To<[T]>) -> Share {
        P::share::<[T]>(owner)
    }
}

impl<P: Pointer> Family for ToVec<P> {
    type Of<T> = P::To<Vec<T>>;

    fn share<T: 'static>(owner: &P::To<Vec<T>>) -> Share {
        P::share::<Vec<T>>(owner)
    }
}

impl<P: Pointer, const N: usize> Family for ToArray<P, N> {
    type Of<T> = P::To<[T; N]>;

    fn share<T: 'static>(owner: &P::To<[T; N]>) -> Share {
        P::share::<[T; N]>(owner)
    }
}

/// Treats the owner of rows of `N` items as an owner of items.
#[derive(Debug)]
pub(super) struct Rows<F, const N: usize>(PhantomData<F>);

impl<F: Family, const N: usize> Family for Rows<F, N> {
    type Of<T> = F::Of<[T; N]>;

    fn share<T: 'static>(owner: &F::Of<[T; N]>) -> Share {
        F::share::<[T; N]>(owner)
    }
}
