//! The documents that come with the crate: how it works inside, and why. Only the documentation has this module.
//!
//! They are the files of `docs/`. A document links to another one by a label whose target is defined at the document's
//! foot. Of two definitions of a label the first counts: the comments here define each label first, with the module as
//! its target.

/// Includes the README, so that its examples are tested like those of the documentation.
#[cfg(all(doctest, feature = "derive", feature = "ndarray", feature = "npz", feature = "workers"))]
#[doc = include_str!("../README.md")]
pub mod readme {}

/// The modules of the crate, and the way of a field through them.
///
/// [DECISIONS.md]: crate::_docs::decisions
/// [DEPENDENCIES.md]: crate::_docs::dependencies
/// [FORMAT.md]: crate::_docs::format
/// [GUIDE.md]: crate::_docs::guide
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [LIVE.md]: crate::_docs::live
/// [SAFETY.md]: crate::_docs::safety
/// [WORKERS.md]: crate::_docs::workers
///
#[doc = include_str!("../docs/ARCHITECTURE.md")]
pub mod architecture {}

/// How this crate compares with others that share, save or view data, and when to take which.
///
/// [FORMAT.md]: crate::_docs::format
/// [GUIDE.md]: crate::_docs::guide
/// [LIFECYCLE.md]: crate::_docs::lifecycle
/// [SAFETY.md]: crate::_docs::safety
///
#[doc = include_str!("../docs/COMPARE.md")]
pub mod compare {}

/// What was decided, and what the alternatives were.
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

/// Which crates this crate depends on, and why.
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

/// The format: every byte of a block, a segment and an archive.
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

/// Ten tasks, each with a program, its cost, and what can go wrong.
///
/// [LIVE.md]: crate::_docs::live
///
// Its programs need these features, and segments, which exist on Linux only. Elsewhere they are not tested.
#[cfg_attr(
    any(
        not(doctest),
        all(
            target_os = "linux",
            feature = "derive",
            feature = "ndarray",
            feature = "npz",
            feature = "serde_with",
            feature = "workers"
        )
    ),
    doc = include_str!("../docs/GUIDE.md")
)]
pub mod guide {}

/// When a segment appears, and when it goes away.
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

/// How processes change arrays in place, and why that is sound.
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

/// What the crate trusts, each use of `unsafe`, and all limits.
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

/// The messages between a pool and its processes.
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
