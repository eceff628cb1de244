//! Arrays that are changed in place and seen by every process that has them: `LockedArray` under a lock, `AtomicArray`
//! element by element.

mod atomic;
mod flat;
mod guards;
mod locked;
mod untyped;

use std::time::{Duration, Instant};

use crate::error::{Error, Result};
use crate::memory::live::{Kind, LiveArrays, Patience};
use ndarray::{Dimension, IxDyn};

pub use atomic::AtomicArray;
pub use flat::FlatAtomic;
pub use guards::{UntypedReadGuard, UntypedWriteGuard};
pub use locked::{LockedArray, LockedReadGuard, LockedWriteGuard};
pub(crate) use untyped::BufferedArray;
pub use untyped::{LiveKind, UntypedAtomic, UntypedLive};

use crate::context;

/// The live arrays of the segment that is being read.
fn live_arrays(kind: Kind) -> Result<std::sync::Arc<LiveArrays>> {
    context::live().ok_or_else(|| not_here(kind))
}

#[cold]
fn not_here(kind: Kind) -> Error {
    Error::mismatch(format!(
        "found {}, whose elements are not here: it is read from its segment, by `from_shared` or `Segment::get`",
        kind.describe()
    ))
}

/// The shape as a `D`.
fn dimension<D: Dimension>(shape: &[usize]) -> Result<D> {
    D::from_dimension(&IxDyn(shape)).ok_or_else(|| {
        Error::mismatch(format!(
            "expected an array of {} axes, found shape {shape:?}",
            D::NDIM.unwrap_or_default()
        ))
    })
}

/// An error of this crate as one of a format's, made by its `custom`. Where the format is this crate's, the error's kind is kept.
fn into_format<E>(error: &Error, custom: impl FnOnce(String) -> E) -> E {
    context::with_kind(error.kind(), || custom(format!("{error:#}")))
}

/// How long to wait. A time beyond the end of the clock means waiting for ever.
fn patience(timeout: Duration) -> Patience {
    match Instant::now().checked_add(timeout) {
        Some(_) => Patience::of(timeout),
        None => Patience::endless(),
    }
}
