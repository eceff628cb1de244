//! How a file gets to the disk.

use std::fs::File;
use std::io;

use crate::error::explained;

/// Puts what was written on the disk, if it is one.
///
/// # Errors
///
/// Those of `fsync`; where it is forbidden or unknown, with what to do.
pub(crate) fn sync(file: &File) -> io::Result<()> {
    file.sync_all().map_err(explain)
}

#[cold]
fn explain(error: io::Error) -> io::Error {
    match error.kind() {
        // What a sandbox answers (EPERM, EACCES, ENOSYS, EINVAL), or a file system that has no such call.
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
