//! The documents that come with the crate: how it works inside, and why. Only the documentation has this module.
//!
//! They are the files of `docs/`. A document names another one by a link whose target stands at its foot; here the target that
//! is given first counts, which is the module.

/// The examples of the README are tried as those of the documentation are.
#[cfg(all(doctest, feature = "derive", feature = "ndarray", feature = "npz", feature = "workers"))]
#[doc = include_str!("../README.md")]
pub mod readme {}

/// The rooms of the crate, and how a field goes through them.
///
/// [DECISIONS.md]: crate::_docs::decisions
/// [DEPENDENCIES.md]: crate::_docs::dependencies
/// [FORMAT.md]: crate::_docs::format
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [LIVE.md]: crate::_docs::live
/// [SAFETY.md]: crate::_docs::safety
/// [WORKERS.md]: crate::_docs::workers
///
#[doc = include_str!("../docs/ARCHITECTURE.md")]
pub mod architecture {}

/// What was decided, and what else there was.
///
/// [ARCHITECTURE.md]: crate::_docs::architecture
/// [DEPENDENCIES.md]: crate::_docs::dependencies
/// [FORMAT.md]: crate::_docs::format
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [LIVE.md]: crate::_docs::live
/// [SAFETY.md]: crate::_docs::safety
/// [WORKERS.md]: crate::_docs::workers
///
#[doc = include_str!("../docs/DECISIONS.md")]
pub mod decisions {}

/// Which crates it uses, and why.
///
/// [ARCHITECTURE.md]: crate::_docs::architecture
/// [DECISIONS.md]: crate::_docs::decisions
/// [FORMAT.md]: crate::_docs::format
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [LIVE.md]: crate::_docs::live
/// [SAFETY.md]: crate::_docs::safety
/// [WORKERS.md]: crate::_docs::workers
///
#[doc = include_str!("../docs/DEPENDENCIES.md")]
pub mod dependencies {}

/// Every byte of a block, a segment and an archive.
///
/// [ARCHITECTURE.md]: crate::_docs::architecture
/// [DECISIONS.md]: crate::_docs::decisions
/// [DEPENDENCIES.md]: crate::_docs::dependencies
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [LIVE.md]: crate::_docs::live
/// [SAFETY.md]: crate::_docs::safety
/// [WORKERS.md]: crate::_docs::workers
///
#[doc = include_str!("../docs/FORMAT.md")]
pub mod format {}

/// What becomes of a segment, and when.
///
/// [ARCHITECTURE.md]: crate::_docs::architecture
/// [DECISIONS.md]: crate::_docs::decisions
/// [DEPENDENCIES.md]: crate::_docs::dependencies
/// [FORMAT.md]: crate::_docs::format
/// [LIVE.md]: crate::_docs::live
/// [SAFETY.md]: crate::_docs::safety
/// [WORKERS.md]: crate::_docs::workers
///
#[doc = include_str!("../docs/LIFECYCLE.md")]
pub mod lifecycle {}

/// How arrays are changed in place, and why that is sound.
///
/// [ARCHITECTURE.md]: crate::_docs::architecture
/// [DECISIONS.md]: crate::_docs::decisions
/// [DEPENDENCIES.md]: crate::_docs::dependencies
/// [FORMAT.md]: crate::_docs::format
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [SAFETY.md]: crate::_docs::safety
/// [WORKERS.md]: crate::_docs::workers
///
#[doc = include_str!("../docs/LIVE.md")]
pub mod live {}

/// What is trusted, each `unsafe`, and all limits.
///
/// [ARCHITECTURE.md]: crate::_docs::architecture
/// [DECISIONS.md]: crate::_docs::decisions
/// [DEPENDENCIES.md]: crate::_docs::dependencies
/// [FORMAT.md]: crate::_docs::format
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [LIVE.md]: crate::_docs::live
/// [WORKERS.md]: crate::_docs::workers
///
#[doc = include_str!("../docs/SAFETY.md")]
pub mod safety {}

/// What a pool and its processes say to each other.
///
/// [ARCHITECTURE.md]: crate::_docs::architecture
/// [DECISIONS.md]: crate::_docs::decisions
/// [DEPENDENCIES.md]: crate::_docs::dependencies
/// [FORMAT.md]: crate::_docs::format
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [LIVE.md]: crate::_docs::live
/// [SAFETY.md]: crate::_docs::safety
///
#[doc = include_str!("../docs/WORKERS.md")]
pub mod workers {}
