//! Flushes files to the disk.

use std::fs::File;
use std::io;

use crate::error::explained;

/// Flushes what was written to the disk, if the file is on one.
///
/// # Errors
///
/// Those of `fsync`. If the call is forbidden or unknown, the error says what to do.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    file.sync_all().map_err(explain)
}

#[cold]
fn explain(error: io::Error) -> io::Error {
    match error.kind() {
        // The errors of a sandbox (EPERM, EACCES, ENOSYS, EINVAL), or of a file system that does not have the call.
        io::ErrorKind::PermissionDenied
        | io::ErrorKind::Unsupported
        | io::ErrorKind::InvalidInput => {
            let said = "`fsync` is forbidden here, as some sandboxes do, or unknown to this file system: \
                        `.fsync(false)` does without it, and a power failure may then take or cut the file";
            explained(error, said.to_owned())
        }
        _ => error,
    }
}
