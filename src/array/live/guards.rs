//! Guards of a locked array whose element type is not known. They keep the array alive.

use std::fmt;
use std::sync::Arc;

use crate::element;
use crate::error::{Error, ErrorKind, Result};
use crate::memory::live::{GuardView, OwnedHeld, OwnedHeldMut};

use super::super::untyped::{Layout, UntypedView};

/// Bytes under a guard.
pub(super) struct ByteGuardView;

impl GuardView<u8> for ByteGuardView {
    type Seen = [u8];
    type Shared<'a> = &'a [u8];
    type Exclusive<'a> = &'a mut [u8];

    fn shared<'s>(view: &'s &[u8]) -> &'s [u8] {
        view
    }

    fn exclusive<'s>(view: &'s &mut [u8]) -> &'s [u8] {
        view
    }

    fn exclusive_mut<'s>(view: &'s mut Self::Exclusive<'_>) -> &'s mut [u8] {
        view
    }
}

/// A read guard of a locked array, which keeps the array alive. Dropping it gives the lock back; the thread that took it must
/// do so:
///
/// ```compile_fail,E0277
/// fn send<T: Send>() {}
/// send::<serde_shm::UntypedReadGuard>();
/// ```
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct UntypedReadGuard {
    pub(super) layout: Arc<Layout>,
    pub(super) held: OwnedHeld<u8, ByteGuardView>,
}

/// A write guard of a locked array, which keeps the array alive. Dropping it counts an update and gives the lock back.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1.0_f32, 2.0])])?;
/// let any = segment.live_untyped("0")?;
/// let mut guard = any.write()?;
/// guard.set(&[0], &8.0_f32.to_ne_bytes())?;
/// assert_eq!(guard.view().view::<f32, ndarray::Ix1>()?[0], 8.0);
/// drop(guard);
/// assert_eq!(any.version(), 1); // an update
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[must_use = "the lock is given back at once if the guard is not kept"]
pub struct UntypedWriteGuard {
    pub(super) layout: Arc<Layout>,
    pub(super) held: OwnedHeldMut<u8, ByteGuardView>,
}

impl UntypedReadGuard {
    /// The elements, for as long as the guard is borrowed.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1.0_f32, 2.0])])?;
    /// let any = segment.live_untyped("0")?;
    /// let guard = any.read()?;
    /// assert_eq!(guard.view().view::<f32, ndarray::Ix1>()?.sum(), 3.0);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// In a forked child that inherited the guard, as the guards of a [`LockedArray`](crate::LockedArray) do.
    pub fn view(&self) -> UntypedView<'_> {
        UntypedView::over(&self.layout, self.held.seen())
    }
}

impl UntypedWriteGuard {
    /// The elements, for as long as the guard is borrowed.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let mut guard = any.write()?;
    /// guard.set(&[1], &[9])?;
    /// assert_eq!(guard.view().as_bytes(), Some(&[1, 9][..])); // its own change, while others wait
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Panics
    ///
    /// Under the conditions of [`UntypedReadGuard::view`]; the methods below panic under the same conditions.
    pub fn view(&self) -> UntypedView<'_> {
        UntypedView::over(&self.layout, self.held.seen())
    }

    /// Sets one element to these bytes.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(ndarray::array![[1_i16, 2], [3, 4]])])?;
    /// let any = segment.live_untyped("0")?;
    /// let mut guard = any.write()?;
    /// guard.set(&[1, 0], &7_i16.to_ne_bytes())?;
    /// assert_eq!(guard.view().element_bytes(&[1, 0]), Some(&7_i16.to_ne_bytes()[..]));
    /// assert!(guard.set(&[0, 0], &[1]).is_err()); // half an element
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `InvalidInput` if no element has this index, if there are more or fewer bytes than an element has, or if the byte of a
    /// bool is neither 0 nor 1.
    pub fn set(&mut self, index: &[usize], element: &[u8]) -> Result<()> {
        let refused = |text| Err(Error::new(ErrorKind::InvalidInput, text));
        let (dtype, shape) = (&self.layout.dtype, &self.layout.shape);
        let Some(start) = self.layout.place(index) else {
            return refused(format!(
                "index {index:?} is out of range for an array of shape {shape:?}"
            ));
        };
        if element.len() != dtype.item_size() {
            return refused(format!(
                "expected the {} bytes of an element of {dtype}, found {}",
                dtype.item_size(),
                element.len()
            ));
        }
        if let Err(misfit) = element::check_values(dtype, element) {
            return refused(misfit.to_string());
        }
        if let Some(place) = self.held.seen_mut().get_mut(start..start + element.len()) {
            place.copy_from_slice(element);
        }
        Ok(())
    }

    /// Copies all elements of an array of the same dtype and shape, with any strides.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{DType, LockedArray, UntypedView};
    ///
    /// let segment = serde_shm::to_shared(&[LockedArray::from(vec![0_u8; 3])])?;
    /// let any = segment.live_untyped("0")?;
    /// let backwards = UntypedView::with_strides(DType::U8, &[3], &[-1], 2, b"abc")?;
    /// any.write()?.copy_from(&backwards)?;
    /// assert_eq!(any.read()?.view().as_bytes(), Some(&b"cba"[..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if the dtype or the shape differs; `InvalidInput` if a bool is neither 0 nor 1. In both cases nothing is
    /// copied.
    pub fn copy_from(&mut self, other: &UntypedView<'_>) -> Result<()> {
        let Layout { dtype, shape, .. } = &*self.layout;
        if other.dtype() != dtype || other.shape() != shape {
            return Err(Error::mismatch(format!(
                "expected an array of {dtype} of shape {shape:?} to copy, found {} of shape {:?}",
                other.dtype(),
                other.shape()
            )));
        }
        other.check_values()?;
        let mut left = self.held.seen_mut();
        other.row_major_blocks(|bytes| {
            // The pieces together are as long as the array.
            if let Some((here, rest)) = std::mem::take(&mut left).split_at_mut_checked(bytes.len())
            {
                here.copy_from_slice(bytes);
                left = rest;
            }
            Ok(())
        })
    }

    /// The bytes of all elements, in row-major order, to be changed.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// any.write()?.bytes_mut()?.fill(5);
    /// assert_eq!(any.read()?.view().as_bytes(), Some(&[5, 5][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if there are bools among the elements, because not every byte is a valid bool: use [`set`](Self::set) or
    /// [`copy_from`](Self::copy_from).
    pub fn bytes_mut(&mut self) -> Result<&mut [u8]> {
        if element::has_bools(&self.layout.dtype) {
            return Err(Error::mismatch(format!(
                "elements of {} have bools, which not all bytes are; use `set` or `copy_from`, or a typed array",
                self.layout.dtype
            )));
        }
        Ok(self.held.seen_mut())
    }
}

impl fmt::Debug for UntypedReadGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.fmt_as("UntypedReadGuard", f)
    }
}

impl fmt::Debug for UntypedWriteGuard {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        self.layout.fmt_as("UntypedWriteGuard", f)
    }
}
