//! The one error of the tool: a line that says the cause and what to do about it.

use std::fmt;
use std::io;
use std::path::Path;

use serde_shm::ErrorKind;

use crate::term;

/// Why a command did not do what it was asked.
#[derive(Debug)]
pub(crate) enum Fault {
    /// The reader of the output closed it. The tool ends without a word.
    ClosedPipe,
    /// A line for the user.
    Said(String),
    /// A line that says how a container is damaged.
    Damaged(String),
    /// Ctrl-C came before the end. A line that says what became of the work.
    Stopped(String),
}

pub(crate) type Result<T, E = Fault> = std::result::Result<T, E>;

impl Fault {
    pub(crate) fn new(text: impl fmt::Display) -> Self {
        Fault::Said(in_one_line(&text))
    }

    /// An error of the library, with more text around it.
    pub(crate) fn of_library(error: &serde_shm::Error, text: impl fmt::Display) -> Self {
        match error.kind() {
            ErrorKind::Corrupt | ErrorKind::Poisoned => Fault::Damaged(in_one_line(&text)),
            // It is the tool's own function that cancels.
            ErrorKind::Cancelled => {
                Fault::stopped(text.to_string().replace(" by its progress function", ""))
            }
            _ => Fault::new(text),
        }
    }

    pub(crate) fn stopped(text: impl fmt::Display) -> Self {
        Fault::Stopped(in_one_line(&format_args!("stopped by Ctrl-C: {text}")))
    }

    /// The error of reading or writing a file.
    pub(crate) fn of_file(path: impl AsRef<Path>, doing: &str, error: &io::Error) -> Self {
        if error.kind() == io::ErrorKind::BrokenPipe {
            return Fault::ClosedPipe;
        }
        Fault::new(format_args!("{}: cannot {doing}: {error}", term::shown(path.as_ref())))
    }
}

impl fmt::Display for Fault {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        match self {
            Fault::ClosedPipe => f.write_str("the output was closed"),
            Fault::Said(text) | Fault::Damaged(text) | Fault::Stopped(text) => f.write_str(text),
        }
    }
}

/// An error of writing to standard output.
impl From<io::Error> for Fault {
    fn from(error: io::Error) -> Self {
        match error.kind() {
            io::ErrorKind::BrokenPipe => Fault::ClosedPipe,
            _ => Fault::new(format_args!("cannot write to standard output: {error}")),
        }
    }
}

impl From<serde_shm::Error> for Fault {
    fn from(error: serde_shm::Error) -> Self {
        Fault::of_library(&error, format_args!("{error:#}"))
    }
}

/// A name or a text of a file may have line breaks, and what a terminal takes for a command.
fn in_one_line(text: &impl fmt::Display) -> String {
    term::visible(&text.to_string())
}

impl From<serde_json::Error> for Fault {
    fn from(error: serde_json::Error) -> Self {
        if error.io_error_kind() == Some(io::ErrorKind::BrokenPipe) {
            return Fault::ClosedPipe;
        }
        Fault::new(error)
    }
}
