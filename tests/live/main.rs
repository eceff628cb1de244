//! Arrays that are changed in place, among threads and real processes: this test binary starts itself again, see `child`.
#![cfg(all(target_os = "linux", feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

mod atomics;
mod attach;
mod bytes;
mod child;
mod fields;
mod forks;
mod hostile;
mod invariant;
mod kills;
mod kinds;
mod locks;
mod namespaces;
mod owners;
mod updates;
