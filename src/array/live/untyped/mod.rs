//! `UntypedLive`: a live array whose element type is not known.

mod form;

use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use ndarray::Dimension;

use crate::dtype::DType;
use crate::element::{self, Element};
use crate::error::{Error, Result};
use crate::layout::Order;
use crate::memory::live::{
    self, AtomicElement, Cells, Kind, LiveArrays, Lockable, Patience, other_kind,
};
use crate::store::{PlacedHead, Standing};

use super::super::lossless::misfit;
use super::super::token::Elements;
use super::super::untyped::{Layout, UntypedArray};
use super::atomic::{self, AtomicArray};
use super::flat::FlatAtomic;
use super::guards::{ByteGuardView, UntypedReadGuard, UntypedWriteGuard};
use super::locked::{self, LockedArray};

pub(crate) use form::BufferedArray;

/// An array of any dtype that lies in a segment and is changed in place: a [`LockedArray`] or an [`AtomicArray`], for a program
/// that does not know which.
///
/// A program gets it from [`Segment::live_untyped`](crate::Segment::live_untyped), or as a field of an object that it reads
/// from a segment. It is another handle of the same array: it shares the lock and the elements with typed handles, here and in
/// other processes.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use ndarray::{Ix1, array};
/// use serde_shm::{LiveKind, LockedArray, UntypedLive, UntypedView};
///
/// let segment = serde_shm::to_shared(&[LockedArray::from(array![1.0_f32, 2.0])])?;
/// let any: UntypedLive = segment.live_untyped("0")?;
/// assert_eq!((any.kind(), any.dtype(), any.shape()), (LiveKind::Locked, &"<f4".parse()?, &[2][..]));
///
/// let mut guard = any.write()?;
/// guard.set(&[1], &7.0_f32.to_le_bytes())?;
/// drop(guard);
/// let [typed]: [LockedArray<f32, Ix1>; 1] = segment.get()?;
/// assert_eq!(*typed.read()?, array![1.0, 7.0]);
///
/// let guard = any.read()?; // owned: it keeps the array
/// drop((any, segment, typed));
/// assert_eq!(guard.view().view::<f32, Ix1>()?, array![1.0, 7.0]);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
///
/// Where it is written to a segment, it becomes a live array of the same kind, with the elements that it has at that moment:
/// copied under a read lock, or each loaded by itself. It can be read from segments only, as there are no live arrays
/// elsewhere. An [`UntypedArray`] can be read from any container.
#[derive(Clone)]
pub struct UntypedLive {
    layout: Arc<Layout>,
    arrays: Arc<LiveArrays>,
    number: u64,
    elements: Inner,
}

/// How a live array is changed.
///
/// ```
/// # #[cfg(target_os = "linux")] {
/// use serde_shm::{AtomicArray, LiveKind, LockedArray};
///
/// let arrays = (LockedArray::from(vec![0.5]), AtomicArray::from(vec![1]));
/// let segment = serde_shm::to_shared(&arrays)?;
/// assert_eq!(segment.live_untyped("0")?.kind(), LiveKind::Locked);
/// assert_eq!(segment.live_untyped("1")?.kind(), LiveKind::Atomic);
/// # }
/// # Ok::<(), serde_shm::Error>(())
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
pub enum LiveKind {
    /// Under a lock, as a [`LockedArray`].
    Locked,
    /// Each element by itself, as an [`AtomicArray`].
    Atomic,
}

#[derive(Clone)]
enum Inner {
    Locked(Lockable<u8>),
    Atomic(AnyCells),
}

macro_rules! atomics {
    ($($name:ident $ty:ident $text:literal;)*) => {
        /// The elements of an atomic array, by their dtype: [`UntypedLive::atomic`].
        ///
        /// ```
        /// # #[cfg(target_os = "linux")] {
        /// use std::sync::atomic::Ordering::Relaxed;
        /// use serde_shm::{AtomicArray, UntypedAtomic};
        ///
        /// let segment = serde_shm::to_shared(&[AtomicArray::from(vec![1_u64, 2])])?;
        /// let any = segment.live_untyped("0")?;
        /// match any.atomic()? {
        ///     UntypedAtomic::U64(counts) => assert_eq!(counts.fetch_add(1, 10, Relaxed)?, 2),
        ///     other => panic!("{other:?}"),
        /// }
        /// # }
        /// # Ok::<(), serde_shm::Error>(())
        /// ```
        #[derive(Clone, Copy, Debug)]
        pub enum UntypedAtomic<'a> {
            $(
                #[doc = $text]
                $name(FlatAtomic<'a, $ty>),
            )*
        }

        #[derive(Clone)]
        enum AnyCells {
            $($name(Cells<$ty>),)*
        }

        /// Calls `$body` with the elements.
        macro_rules! with_cells {
            ($cells:expr, $one:ident => $body:expr) => {
                match $cells {
                    $(AnyCells::$name($one) => $body,)*
                }
            };
        }

        impl AnyCells {
            fn placed(arrays: &LiveArrays, number: u64, dtype: &DType) -> Result<Self> {
                $(
                    if *dtype == $ty::DTYPE {
                        return arrays.atomic::<$ty>(number).map(|(_, cells)| AnyCells::$name(cells));
                    }
                )*
                Err(Error::mismatch(format!(
                    "expected an atomic array of bools, integers, f32 or f64, found one of {}",
                    dtype.rust_name()
                )))
            }

            fn flat(&self) -> UntypedAtomic<'_> {
                match self {
                    $(AnyCells::$name(cells) => UntypedAtomic::$name(FlatAtomic { cells }),)*
                }
            }
        }
    };
}

atomics! {
    Bool bool "`|b1`";
    I8 i8 "`|i1`";
    I16 i16 "`<i2`";
    I32 i32 "`<i4`";
    I64 i64 "`<i8`";
    U8 u8 "`|u1`";
    U16 u16 "`<u2`";
    U32 u32 "`<u4`";
    U64 u64 "`<u8`";
    F32 f32 "`<f4`";
    F64 f64 "`<f8`";
}
use with_cells;

/// An error if other programs have put bytes there that are no elements.
fn check(dtype: &DType, bytes: &[u8]) -> Result<()> {
    if !element::has_bools(dtype) {
        return Ok(());
    }
    element::check_values(dtype, bytes).map_err(|misfit| Error::corrupt(misfit.to_string()))
}

impl UntypedLive {
    /// The live array of a segment that was found there.
    ///
    /// # Errors
    ///
    /// `Mismatch` if the array is not a live one; the errors of mapping its memory.
    pub(crate) fn new(head: Arc<PlacedHead>, arrays: Option<&Arc<LiveArrays>>) -> Result<Self> {
        let Standing::Live(kind, number) = head.standing else { return Err(no_live()) };
        let arrays = arrays.ok_or_else(|| super::not_here(kind))?;
        let PlacedHead { dtype, shape, .. } = Arc::unwrap_or_clone(head);
        let elements = match kind {
            Kind::Atomic => Inner::Atomic(AnyCells::placed(arrays, number, &dtype)?),
            _ => Inner::Locked(arrays.locked_bytes(number)?),
        };
        let layout = Arc::new(Layout::whole(dtype, shape)?);
        Ok(UntypedLive { layout, arrays: Arc::clone(arrays), number, elements })
    }

    /// Whether it is the same array of the same memory.
    pub(crate) fn is_same(&self, other: &Self) -> bool {
        Arc::ptr_eq(&self.arrays, &other.arrays) && self.number == other.number
    }

    /// How the array is changed.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::AtomicArray::from(vec![1_u8])])?;
    /// let any = segment.live_untyped("0")?;
    /// assert_eq!(any.kind(), serde_shm::LiveKind::Atomic);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn kind(&self) -> LiveKind {
        match self.elements {
            Inner::Locked(_) => LiveKind::Locked,
            Inner::Atomic(_) => LiveKind::Atomic,
        }
    }

    /// The type of the elements.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::AtomicArray::from(vec![1_u8])])?;
    /// let any = segment.live_untyped("0")?;
    /// assert_eq!(any.dtype(), &serde_shm::DType::U8);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn dtype(&self) -> &DType {
        &self.layout.dtype
    }

    /// The length of each axis.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(ndarray::array![[1, 2, 3]])])?;
    /// let any = segment.live_untyped("0")?;
    /// assert_eq!(any.shape(), [1, 3]);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn shape(&self) -> &[usize] {
        &self.layout.shape
    }

    /// Whether the array belongs to a segment that was opened for reading only.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use serde_shm::{ErrorKind, LockedArray, Segment};
    ///
    /// let segment = serde_shm::to_shared(&[LockedArray::from(vec![1_u8, 2])])?;
    /// let seen = Segment::open_read_only(segment.id())?.live_untyped("0")?;
    /// assert!(seen.is_read_only() && !segment.live_untyped("0")?.is_read_only());
    /// assert_eq!(seen.write().unwrap_err().kind(), ErrorKind::ReadOnly);
    /// assert_eq!(seen.read()?.view().as_bytes(), Some(&[1, 2][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_read_only(&self) -> bool {
        let region = match &self.elements {
            Inner::Locked(items) => items.region(),
            Inner::Atomic(cells) => with_cells!(cells, cells => cells.region()),
        };
        !region.is_writable()
    }

    fn line(&self) -> &live::LockWords {
        match &self.elements {
            Inner::Locked(items) => items.line(),
            Inner::Atomic(cells) => with_cells!(cells, cells => cells.line()),
        }
    }

    fn locked(&self) -> Result<&Lockable<u8>> {
        match &self.elements {
            Inner::Locked(items) => Ok(items),
            Inner::Atomic(_) => Err(other_kind(Kind::Locked, Kind::Atomic)),
        }
    }

    fn cells(&self) -> Result<&AnyCells> {
        match &self.elements {
            Inner::Atomic(cells) => Ok(cells),
            Inner::Locked(_) => Err(other_kind(Kind::Atomic, Kind::Locked)),
        }
    }

    fn read_within(&self, wait: &mut Patience) -> Result<Option<UntypedReadGuard>> {
        let dtype = &self.layout.dtype;
        let held = self
            .locked()?
            .read_owned::<ByteGuardView>(wait, |bytes| check(dtype, bytes).map(|()| bytes))?;
        Ok(held.map(|held| UntypedReadGuard { layout: Arc::clone(&self.layout), held }))
    }

    fn write_within(&self, wait: &mut Patience, mend: bool) -> Result<Option<UntypedWriteGuard>> {
        let dtype = &self.layout.dtype;
        let held = self.locked()?.write_owned::<ByteGuardView>(wait, mend, |bytes| {
            // Elements that are to be mended may have any bytes.
            if mend { Ok(bytes) } else { check(dtype, bytes).map(|()| bytes) }
        })?;
        Ok(held.map(|held| UntypedWriteGuard { layout: Arc::clone(&self.layout), held }))
    }

    /// Takes a locked array's lock for reading, and waits while a writer has it, as [`LockedArray::read`] does.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let guard = segment.live_untyped("0")?.read()?;
    /// assert_eq!(guard.view().as_bytes(), Some(&[1, 2][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// It takes some 50 ns more than taking a typed guard, which borrows the array.
    ///
    /// # Errors
    ///
    /// Those of [`LockedArray::read`]; `Mismatch` if the array is atomic.
    pub fn read(&self) -> Result<UntypedReadGuard> {
        self.read_within(&mut Patience::endless())?.ok_or_else(locked::gave_up)
    }

    /// Takes the lock for reading without waiting: `None` if a writer has it.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let guard = any.write()?;
    /// assert!(any.try_read()?.is_none());
    /// drop(guard);
    /// assert!(any.try_read()?.is_some());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read), except `Deadlock`.
    pub fn try_read(&self) -> Result<Option<UntypedReadGuard>> {
        self.read_within(&mut Patience::none())
    }

    /// Takes the lock for reading, and waits no longer than `timeout`: `None` if a writer did not give it back in time.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::time::Duration;
    ///
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let guard = any.read_timeout(Duration::from_millis(10))?.unwrap();
    /// assert_eq!(guard.view().as_bytes(), Some(&[1, 2][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read).
    pub fn read_timeout(&self, timeout: Duration) -> Result<Option<UntypedReadGuard>> {
        self.read_within(&mut super::patience(timeout))
    }

    /// Takes a locked array's lock for writing, and waits while readers or a writer have it, as [`LockedArray::write`] does.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// any.write()?.set(&[0], &[7])?;
    /// assert_eq!((any.read()?.view().as_bytes(), any.version()), (Some(&[7, 2][..]), 1));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`LockedArray::write`]; `Mismatch` if the array is atomic.
    pub fn write(&self) -> Result<UntypedWriteGuard> {
        self.write_within(&mut Patience::endless(), false)?.ok_or_else(locked::gave_up)
    }

    /// Takes the lock for writing without waiting: `None` if anybody has it.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let guard = any.read()?;
    /// assert!(any.try_write()?.is_none());
    /// drop(guard);
    /// assert!(any.try_write()?.is_some());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), except `Deadlock`.
    pub fn try_write(&self) -> Result<Option<UntypedWriteGuard>> {
        self.write_within(&mut Patience::none(), false)
    }

    /// Takes the lock for writing, and waits no longer than `timeout`: `None` if others did not give it back in time.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::time::Duration;
    ///
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// if let Some(mut guard) = any.write_timeout(Duration::from_millis(10))? {
    ///     guard.set(&[1], &[5])?;
    /// }
    /// assert_eq!(any.read()?.view().as_bytes(), Some(&[1, 5][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write).
    pub fn write_timeout(&self, timeout: Duration) -> Result<Option<UntypedWriteGuard>> {
        self.write_within(&mut super::patience(timeout), false)
    }

    /// Takes the lock for writing to mend the elements, also if the array is poisoned, as [`LockedArray::mend`] does. It also
    /// works if the byte of a bool is neither 0 nor 1.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// any.mend()?.bytes_mut()?.fill(0);
    /// assert!(!any.is_poisoned());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`write`](Self::write), except for poison and for such bytes.
    pub fn mend(&self) -> Result<UntypedWriteGuard> {
        self.write_within(&mut Patience::endless(), true)?.ok_or_else(locked::gave_up)
    }

    /// Whether a writer ended in the midst of a change. An atomic array is never poisoned.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let _ = catch_unwind(AssertUnwindSafe(|| {
    ///     let _guard = any.write().unwrap();
    ///     panic!("in the midst of a change");
    /// }));
    /// assert!(any.is_poisoned());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn is_poisoned(&self) -> bool {
        live::is_poisoned(self.line())
    }

    /// Ends the poisoning, as [`LockedArray::clear_poison`] does.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::panic::{AssertUnwindSafe, catch_unwind};
    ///
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let _ = catch_unwind(AssertUnwindSafe(|| {
    ///     let _guard = any.write().unwrap();
    ///     panic!("in the midst of a change");
    /// }));
    /// assert!(any.read().is_err());
    /// any.clear_poison()?;
    /// assert!(any.read().is_ok());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `ReadOnly` if the segment was opened for reading only; `Mismatch` if the array is atomic.
    pub fn clear_poison(&self) -> Result<()> {
        self.locked()?;
        if self.is_read_only() {
            return Err(live::read_only());
        }
        live::clear_poison(self.line());
        Ok(())
    }

    /// How often the array was updated: how many write guards were dropped, or how often `notify` was called.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let before = any.version();
    /// drop(any.write()?);
    /// assert_eq!(any.version(), before + 1);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn version(&self) -> u64 {
        live::version(self.line())
    }

    /// Counts an update of an atomic array, and wakes those that wait for one, as [`AtomicArray::notify`] does.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::AtomicArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// any.notify()?;
    /// assert_eq!(any.version(), 1);
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `ReadOnly` if the segment was opened for reading only; `Mismatch` if the array is locked, as its write guards count the
    /// updates.
    pub fn notify(&self) -> Result<()> {
        self.cells()?;
        if self.is_read_only() {
            return Err(live::read_only());
        }
        live::notify(self.line());
        Ok(())
    }

    /// Waits until the version is another than `seen`. Returns the new version, or `None` if the time ran out first.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::time::Duration;
    ///
    /// let segment = serde_shm::to_shared(&[serde_shm::AtomicArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let seen = any.version();
    /// assert_eq!(any.wait_for_update(seen, Duration::from_millis(1))?, None);
    /// let other = any.clone();
    /// let writer = std::thread::spawn(move || other.notify());
    /// assert_eq!(any.wait_for_update(seen, Duration::from_secs(60))?, Some(seen + 1));
    /// # writer.join().unwrap()?;
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// It gives no error today; the result leaves room for errors.
    pub fn wait_for_update(&self, seen: u64, timeout: Duration) -> Result<Option<u64>> {
        let mut wait = super::patience(timeout).watching();
        Ok(live::wait_for_update(self.line(), seen, &mut wait))
    }

    /// The elements of an atomic array, typed by the array's dtype, by one index in row-major order.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use serde_shm::UntypedAtomic;
    ///
    /// let segment = serde_shm::to_shared(&[serde_shm::AtomicArray::from(vec![1_u8, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let UntypedAtomic::U8(bytes) = any.atomic()? else { panic!() };
    /// bytes.store(0, 7, Relaxed)?;
    /// assert_eq!(any.snapshot()?.as_bytes(), Some(&[7, 2][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if the array is locked.
    pub fn atomic(&self) -> Result<UntypedAtomic<'_>> {
        self.cells().map(AnyCells::flat)
    }

    /// A handle of the same array as a typed locked array.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use ndarray::Ix1;
    ///
    /// let segment = serde_shm::to_shared(&[serde_shm::LockedArray::from(vec![true, false])])?;
    /// let any = segment.live_untyped("0")?;
    /// any.to_locked::<bool, Ix1>()?.write()?.fill(true);
    /// assert_eq!(any.read()?.view().as_bytes(), Some(&[1, 1][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if the array is atomic, or has another dtype or number of axes.
    pub fn to_locked<A: Element, D: Dimension>(&self) -> Result<LockedArray<A, D>> {
        locked::attached(&self.arrays, self.number)
    }

    /// A handle of the same array as a typed atomic array.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// use std::sync::atomic::Ordering::Relaxed;
    /// use ndarray::Ix1;
    ///
    /// let segment = serde_shm::to_shared(&[serde_shm::AtomicArray::from(vec![1_u64, 2])])?;
    /// let any = segment.live_untyped("0")?;
    /// let typed = any.to_atomic::<u64, Ix1>()?;
    /// assert_eq!(typed.fetch_add(1, 10, Relaxed)?, 2);
    /// assert_eq!(segment.live_untyped("0")?.to_atomic::<u64, Ix1>()?.load(1, Relaxed)?, 12);
    /// assert!(any.to_atomic::<i64, Ix1>().is_err());
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// `Mismatch` if the array is locked, or has another dtype or number of axes.
    pub fn to_atomic<A: AtomicElement, D: Dimension>(&self) -> Result<AtomicArray<A, D>> {
        atomic::attached(&self.arrays, self.number)
    }

    /// The elements, copied to an array of this process: under a read lock, or each loaded by itself.
    ///
    /// ```
    /// # #[cfg(target_os = "linux")] {
    /// let segment = serde_shm::to_shared(&[serde_shm::AtomicArray::from(vec![1_u8, 2])])?;
    /// let now = segment.live_untyped("0")?.snapshot()?;
    /// assert_eq!(now.as_bytes(), Some(&[1, 2][..]));
    /// # }
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    ///
    /// # Errors
    ///
    /// Those of [`read`](Self::read) if the array is locked; `Io` if there is no memory for the copy.
    pub fn snapshot(&self) -> Result<UntypedArray> {
        let cells = match &self.elements {
            Inner::Locked(_) => return self.read()?.view().to_array(),
            Inner::Atomic(cells) => cells,
        };
        let mut bytes = element::room(self.layout.byte_len()).map_err(misfit)?;
        let put = |block: &[u8]| {
            bytes.extend_from_slice(block);
            Ok::<_, Error>(())
        };
        with_cells!(cells, cells => FlatAtomic { cells }.blocks(put))?;
        let Layout { dtype, shape, .. } = &*self.layout;
        UntypedArray::from_vec(dtype.clone(), shape.clone(), Order::C, bytes)
    }
}

#[cold]
fn no_live() -> Error {
    Error::mismatch(format!(
        "expected {} or {} of a segment, found {}",
        Kind::Locked.describe(),
        Kind::Atomic.describe(),
        Kind::Plain.describe()
    ))
}

impl fmt::Debug for UntypedLive {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("UntypedLive")
            .field("kind", &self.kind())
            .field("dtype", self.dtype())
            .field("shape", &self.shape())
            .field("version", &self.version())
            .finish_non_exhaustive()
    }
}
