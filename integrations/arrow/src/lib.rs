//! Arrow's columns as arrays of `serde_shm`, and arrays of `serde_shm` as columns.
//!
//! Memory is handed over: the other side keeps its owner, and no element is copied. A table can be published in shared memory
//! from where it lies, and another process gets columns whose buffers are that memory.
//!
//! ```
//! # #[cfg(target_os = "linux")] {
//! use std::sync::Arc;
//! use arrow_array::{ArrayRef, Float64Array, RecordBatch, UInt32Array};
//! use serde_shm::Segment;
//! use serde_shm_arrow::Columns;
//!
//! let ids: ArrayRef = Arc::new(UInt32Array::from(vec![1, 2, 3]));
//! let prices: ArrayRef = Arc::new(Float64Array::from(vec![0.5, 1.5, 2.5]));
//! let batch = RecordBatch::try_from_iter([("id", ids), ("price", prices)])?;
//!
//! // A map of arrays under the names of the columns: other programs read it without Arrow.
//! let segment = serde_shm::to_shared(&Columns::of(&batch)?)?;
//! assert_eq!(segment.array::<f64, ndarray::Ix1>("price")?.sum(), 4.5);
//!
//! // In another process: the columns lie in the segment, and keep it.
//! let columns: Columns = Segment::open(segment.id())?.get()?;
//! assert_eq!(columns.batch()?, batch);
//! # }
//! # Ok::<(), Box<dyn std::error::Error>>(())
//! ```
//!
//! | Arrow | array | copied |
//! |---|---|---|
//! | `Int8` to `Int64`, `UInt8` to `UInt64`, `Float16` to `Float64` | the same numbers | no |
//! | `Timestamp` without a time zone, `Duration` | `datetime64`, `timedelta64` of that unit | no |
//! | `FixedSizeBinary` | voids, `V` | no |
//! | `FixedSizeList` of these, nested or not | one more axis for each list | no |
//! | `Boolean` | `bool` | once, since Arrow's are bits |
//!
//! An array becomes a column of the same row. One that lies in Fortran order, with gaps or not aligned is copied once. `S` becomes
//! `FixedSizeBinary`, too. NumPy's "not a time" is a number like others to Arrow, the smallest one.
//!
//! Everything else is refused, with what to do instead: strings and lists of many lengths are no arrays, a dtype has no time zone, and
//! an array has no place for nulls. [`with_validity`] takes a column with nulls apart.

#![deny(unsafe_code)]

mod columns;
mod from_arrow;
mod to_arrow;

pub use columns::Columns;
pub use from_arrow::{array, with_validity};
pub use to_arrow::{column, primitive};
