//! Objects of unknown type: what was read as a value and is written again is the same object, in the same bytes.
#![cfg(all(feature = "ndarray", feature = "derive", feature = "npz", target_os = "linux"))]
#![allow(missing_docs)]
// Numbers of every width are made of one another on purpose.
#![allow(clippy::cast_sign_loss, clippy::cast_lossless)]

mod deep;
mod kept;
