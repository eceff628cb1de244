//! Whether there are threads to share work with.

use std::error::Error;
use std::sync::OnceLock;

/// False where the system gives no threads, as under a limit on processes or memory: rayon would panic at its first
/// use. Work is then done on the caller's thread.
pub(super) fn available() -> bool {
    static AVAILABLE: OnceLock<bool> = OnceLock::new();
    *AVAILABLE.get_or_init(|| match rayon::ThreadPoolBuilder::new().build_global() {
        Ok(()) => true,
        // Without a cause, the error is that somebody made the threads before.
        Err(error) => error.source().is_none(),
    })
}
