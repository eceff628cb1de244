//! The crate's one error type: what went wrong, in which container, and at which place in the object.

use std::borrow::Cow;
use std::fmt::{self, Write};
use std::io;

use crate::context;

/// A `Result` whose error is [`Error`] unless another is named.
///
/// ```
/// fn sum(block: &[u8]) -> serde_shm::Result<u64> {
///     Ok(serde_shm::from_bytes::<Vec<u64>>(block)?.iter().sum())
/// }
/// assert_eq!(sum(&serde_shm::to_bytes(&[1_u64, 2])?)?, 3);
/// # Ok::<(), serde_shm::Error>(())
/// ```
pub type Result<T, E = Error> = std::result::Result<T, E>;

/// What kind of thing went wrong; see [`Error::kind`].
///
/// ```
/// use serde_shm::ErrorKind;
/// let error = serde_shm::from_bytes::<u32>(b"no block").unwrap_err();
/// match error.kind() {
///     ErrorKind::Corrupt => println!("damaged, or of another program: {error}"),
///     other => unreachable!("{other:?}"),
/// }
/// ```
#[derive(Clone, Copy, Debug, PartialEq, Eq, Hash)]
#[non_exhaustive]
pub enum ErrorKind {
    /// A system call failed, for example for want of memory, descriptors or room on a file system.
    /// [`std::error::Error::source`] gives the system's error.
    Io,
    /// There is no such segment, name, file or array, or the process that made the segment has gone.
    NotFound,
    /// The name is in use.
    AlreadyExists,
    /// A name, an id or an option is not valid.
    InvalidInput,
    /// The bytes are not a container of this crate, or somebody cut or altered them.
    Corrupt,
    /// The container has a version that this build does not know.
    Version,
    /// The object is whole, but does not fit the type that the caller asked for: another type, dtype or shape, or a
    /// missing field.
    Mismatch,
    /// The object cannot be written or read within the documented limits (depth, sizes).
    Limit,
    /// This platform or this container does not support the request.
    Unsupported,
    /// A process that was changing a locked array ended before the change was complete; see
    /// [`LockedArray::clear_poison`](crate::LockedArray::clear_poison).
    Poisoned,
    /// This thread already holds the lock that it asks for, and would wait for itself.
    Deadlock,
    /// The caller tried to change a live array that it opened for reading only.
    ReadOnly,
    /// A worker process ended before it finished its job, or before it began to serve; see `workers`.
    WorkerDied,
    /// A job's function returned an error or panicked in a worker process; see `workers`.
    JobFailed,
    /// Another process or thread was making the object, and failed; see
    /// [`Segment::open_or_create`](crate::Segment::open_or_create).
    MakerFailed,
    /// The progress function of a call answered that the work shall stop; see
    /// [`ProgressAnswer`](crate::ProgressAnswer).
    Cancelled,
    /// A `Serialize` or `Deserialize` implementation, or a function that makes an object, reported an error of its own.
    Message,
}

/// The kind in a few words: `not found`, `invalid input`.
impl fmt::Display for ErrorKind {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(match self {
            ErrorKind::Io => "failed system call",
            ErrorKind::NotFound => "not found",
            ErrorKind::AlreadyExists => "already exists",
            ErrorKind::InvalidInput => "invalid input",
            ErrorKind::Corrupt => "corrupt container",
            ErrorKind::Version => "unknown version",
            ErrorKind::Mismatch => "another type",
            ErrorKind::Limit => "limit exceeded",
            ErrorKind::Unsupported => "unsupported",
            ErrorKind::Poisoned => "poisoned lock",
            ErrorKind::Deadlock => "deadlock",
            ErrorKind::ReadOnly => "opened for reading only",
            ErrorKind::WorkerDied => "worker died",
            ErrorKind::JobFailed => "job failed",
            ErrorKind::MakerFailed => "its maker failed",
            ErrorKind::Cancelled => "cancelled",
            ErrorKind::Message => "error of a type's own",
        })
    }
}

/// Why an object could not be written or read.
///
/// The text names the container, the place in the object (`layers[3].weight`), what was expected and what was found. The
/// whole crate has this one error type, so that `?` composes; [`Error::kind`] tells the cases apart. An `Error` is one
/// pointer wide, so that a `Result` stays small where nothing goes wrong.
///
/// ```
/// let bytes = serde_shm::to_bytes(&("a", 1_u32)).unwrap();
/// let error = serde_shm::from_bytes::<(String, bool)>(&bytes).unwrap_err();
/// assert_eq!(error.kind(), serde_shm::ErrorKind::Mismatch);
/// assert_eq!(error.path().as_deref(), Some("[1]"));
/// ```
///
/// If a system call failed, the text does not contain the system's error. That is the error's
/// [`source`](std::error::Error::source), for reports that walk sources. The alternate form, `{:#}`, and `Debug`, which
/// `unwrap` shows, add it to the text:
///
/// ```
/// # #[cfg(all(target_os = "linux", feature = "npz"))] {
/// let error = serde_shm::Npz::open("/no/such.npz").unwrap_err();
/// assert_eq!(error.to_string(), "/no/such.npz: cannot open the file");
/// assert_eq!(
///     format!("{error:#}"),
///     "/no/such.npz: cannot open the file: No such file or directory (os error 2)"
/// );
/// # }
/// ```
///
/// While an error passes through serde, its text contains the causes and it has no source, because other formats and
/// wrappers pass on nothing but the text.
pub struct Error(Box<Inner>);

struct Inner {
    kind: ErrorKind,
    /// The value that a visitor was given and refuses.
    found: Found,
    message: Cow<'static, str>,
    /// The path, innermost step first: each level appends its own step on the way out.
    path: Vec<Step>,
    container: Option<String>,
    source: Option<Box<dyn std::error::Error + Send + Sync>>,
    /// Whether other formats or wrappers may take the error over. Its text then contains the causes, and it has no
    /// source.
    in_serde: bool,
}

/// The kind of value that a visitor refused, where the deserializer could have given it another kind.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Found {
    Bytes,
    Map,
    /// A bool, number or char.
    Scalar,
    Other,
}

impl Found {
    fn of(found: &serde::de::Unexpected<'_>) -> Self {
        use serde::de::Unexpected as U;
        match found {
            U::Bytes(_) => Found::Bytes,
            U::Map => Found::Map,
            U::Bool(_) | U::Unsigned(_) | U::Signed(_) | U::Float(_) | U::Char(_) => Found::Scalar,
            _ => Found::Other,
        }
    }
}

/// One step of the way from the root of an object to a value in it.
#[derive(Clone, Debug, PartialEq, Eq)]
pub(crate) enum Step {
    Field(String),
    Variant(String),
    Index(usize),
    /// A map's entry: its key, if the key is a text, and the entry's number.
    Key(Option<String>, usize),
}

impl Step {
    /// The same step with a long name cut short. A path has one name for each level, and each name may come from
    /// untrusted bytes.
    fn clipped(mut self) -> Self {
        if let Step::Field(text) | Step::Variant(text) | Step::Key(Some(text), _) = &mut self {
            clip(text, 200);
        }
        self
    }
}

/// Cuts a text at the end of a character, and frees the memory of the rest.
fn clip(text: &mut String, most: usize) {
    if text.len() > most {
        let end = (0..=most).rev().find(|at| text.is_char_boundary(*at));
        text.truncate(end.unwrap_or(0));
        text.push('…');
        text.shrink_to_fit();
    }
}

/// How many steps [`Error::path`] shows at each end of a long path.
const ENDS: usize = 24;

impl Error {
    /// Makes an error of this kind with this text. It is for code that wraps this crate, goes over objects
    /// ([`Walk`](crate::value::Walk)) or makes objects. Only the first 2,000 bytes of the text are kept.
    ///
    /// ```
    /// use serde_shm::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::Limit, "expected 100 layers at most, found 250");
    /// assert_eq!((error.kind(), error.path()), (ErrorKind::Limit, None));
    /// ```
    ///
    /// An implementation of `Serialize` or `Deserialize` does not know its error type; it makes an error with `custom` of
    /// serde's error traits.
    pub fn new(kind: ErrorKind, message: impl Into<Cow<'static, str>>) -> Self {
        let mut message = message.into();
        if let Cow::Owned(text) = &mut message {
            // A message may quote what was found, which may be of any length.
            clip(text, 2000);
        }
        Error(Box::new(Inner {
            kind,
            found: Found::Other,
            message,
            path: Vec::new(),
            container: None,
            source: None,
            in_serde: false,
        }))
    }

    #[cold]
    pub(crate) fn corrupt(message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(ErrorKind::Corrupt, message)
    }

    #[cold]
    pub(crate) fn mismatch(message: impl Into<Cow<'static, str>>) -> Self {
        Error::new(ErrorKind::Mismatch, message)
    }

    /// Makes an error of a failed system call; `doing` says what failed. The system's error becomes the
    /// [`source`](std::error::Error::source) of the new one and decides its [`kind`](Self::kind):
    /// [`NotFound`](ErrorKind::NotFound), [`AlreadyExists`](ErrorKind::AlreadyExists),
    /// [`Unsupported`](ErrorKind::Unsupported) or [`Io`](ErrorKind::Io).
    ///
    /// ```
    /// use serde_shm::{Error, ErrorKind};
    /// # #[cfg(target_os = "linux")] {
    /// let cannot = |error| Error::io("cannot read the list of models", error);
    /// let error = std::fs::read("/no/such/list").map_err(cannot).unwrap_err();
    /// assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::NotFound, Some(2)));
    /// assert_eq!(error.to_string(), "cannot read the list of models");
    /// # }
    /// ```
    #[cold]
    pub fn io(doing: impl fmt::Display, source: impl Into<io::Error>) -> Self {
        let mut source = source.into();
        let mut text = doing.to_string();
        match source.downcast::<Explained>() {
            Ok(Explained { said, source: inner }) => {
                text = format!("{text}: {said}");
                source = inner;
            }
            Err(other) => source = other,
        }
        let kind = match source.kind() {
            io::ErrorKind::NotFound => ErrorKind::NotFound,
            io::ErrorKind::AlreadyExists => ErrorKind::AlreadyExists,
            io::ErrorKind::Unsupported => ErrorKind::Unsupported,
            _ => ErrorKind::Io,
        };
        Error::new(kind, text).with_source(source)
    }

    pub(crate) fn with_source(
        mut self,
        source: impl Into<Box<dyn std::error::Error + Send + Sync>>,
    ) -> Self {
        self.0.source = Some(source.into());
        self
    }

    /// The same error for foreign code that may pass on nothing but its text: another crate's type or format.
    #[cold]
    pub(crate) fn into_serde(mut self) -> Self {
        self.0.in_serde = true;
        self
    }

    /// The same error after foreign code has returned it.
    #[cold]
    pub(crate) fn out_of_serde(mut self) -> Self {
        self.0.in_serde = false;
        self
    }

    /// The same error with the kind `Corrupt`: the container's bytes caused it.
    #[cold]
    pub(crate) fn into_corrupt(mut self) -> Self {
        self.0.kind = ErrorKind::Corrupt;
        self
    }

    /// The same error with the kind `Limit`: a request beyond a limit caused it.
    #[cold]
    pub(crate) fn into_limit(mut self) -> Self {
        self.0.kind = ErrorKind::Limit;
        self
    }

    /// Whether a visitor refused a value of this kind, and did so at the current place in the object.
    pub(crate) fn is_refusal_of(&self, found: Found) -> bool {
        self.0.found == found && self.0.path.is_empty()
    }

    /// The same for a value at any place within the current one.
    pub(crate) fn is_refusal_at_any_place_of(&self, found: Found) -> bool {
        self.0.found == found
    }

    /// Adds the container's name: a segment's id or name, or a file's path. An error that already has a name keeps it.
    pub(crate) fn in_container(mut self, name: impl fmt::Display) -> Self {
        if self.0.container.is_none() {
            self.0.container = Some(name.to_string());
        }
        self
    }

    /// Appends advice to the text.
    #[cold]
    pub(crate) fn with_note(mut self, note: impl fmt::Display) -> Self {
        let message = format!("{}; {note}", self.0.message);
        self.0.message = message.into();
        self
    }

    #[cold]
    pub(crate) fn at(mut self, step: Step) -> Self {
        self.0.path.push(step.clipped());
        self
    }

    /// Adds to the error's path that it happened in a field of this name. Code adds steps on its way out, from the
    /// innermost part of the object to its root: each call puts its step before those that are already there.
    ///
    /// ```
    /// use serde_shm::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::Mismatch, "expected 3 weights, found 4");
    /// let error = error.at_field("weights").at_index(7).at_field("layers");
    /// assert_eq!(error.path().as_deref(), Some("layers[7].weights"));
    /// assert_eq!(error.to_string(), "layers[7].weights: expected 3 weights, found 4");
    /// ```
    #[cold]
    pub fn at_field(self, name: &str) -> Self {
        self.at(Step::Field(name.to_owned()))
    }

    /// Adds to the error's path that it happened in the item with this index: see [`at_field`](Self::at_field).
    ///
    /// ```
    /// use serde_shm::{Error, ErrorKind};
    /// let error = Error::new(ErrorKind::Limit, "too long").at_index(7);
    /// assert_eq!(error.path().as_deref(), Some("[7]"));
    /// ```
    #[cold]
    pub fn at_index(self, index: usize) -> Self {
        self.at(Step::Index(index))
    }

    /// What kind of thing went wrong.
    ///
    /// ```
    /// let error = serde_shm::from_bytes::<u32>(b"no block").unwrap_err();
    /// assert_eq!(error.kind(), serde_shm::ErrorKind::Corrupt);
    /// ```
    pub fn kind(&self) -> ErrorKind {
        self.0.kind
    }

    /// The place in the object where it went wrong, such as `layers[3].weight`; `None` at the object's root, or if the
    /// error does not concern an object.
    ///
    /// ```
    /// let block = serde_shm::to_bytes(&[("a", 1), ("b", -1)])?;
    /// let error = serde_shm::from_bytes::<Vec<(String, u8)>>(&block).unwrap_err();
    /// assert_eq!(error.path().as_deref(), Some("[1][1]"));
    /// # Ok::<(), serde_shm::Error>(())
    /// ```
    pub fn path(&self) -> Option<String> {
        if self.0.path.is_empty() {
            return None;
        }
        let mut text = String::new();
        let steps = self.0.path.len();
        for (number, step) in self.0.path.iter().rev().enumerate() {
            // Only the two ends of a path that is too long to read.
            if steps > 2 * ENDS && (ENDS..steps - ENDS).contains(&number) {
                if number == ENDS {
                    let _ = write!(text, "…({} more)…", steps - 2 * ENDS);
                }
                continue;
            }
            // Writing to a string does not fail.
            let _ = match step {
                Step::Field(name) | Step::Variant(name) => {
                    let dot = if text.is_empty() { "" } else { "." };
                    write!(text, "{dot}{name}")
                }
                Step::Index(index) => write!(text, "[{index}]"),
                Step::Key(Some(key), _) => write!(text, "[{key:?}]"),
                Step::Key(None, entry) => write!(text, "[entry {entry}]"),
            };
        }
        Some(text)
    }

    /// The system's error number (`errno`), if a system call failed: 28 is `ENOSPC`, a full file system.
    ///
    /// ```
    /// # #[cfg(all(target_os = "linux", feature = "npz"))] {
    /// let error = serde_shm::to_npz("/dev/null/a.npz", &1).unwrap_err();
    /// assert_eq!(error.raw_os_error(), Some(20), "{error}");
    /// # }
    /// ```
    pub fn raw_os_error(&self) -> Option<i32> {
        // The system's error may be wrapped in another that adds a path or advice.
        self.causes().find_map(|cause| cause.downcast_ref().and_then(io::Error::raw_os_error))
    }

    fn causes(&self) -> impl Iterator<Item = &(dyn std::error::Error + 'static)> {
        let first = self.0.source.as_deref().map(|source| source as _);
        std::iter::successors(first, |cause: &&(dyn std::error::Error + 'static)| cause.source())
    }

    /// The container's name: a segment's id or name, or a file's path; `None` for a block of bytes.
    ///
    /// ```
    /// let error = serde_shm::Segment::open("there-is-no-such-name").unwrap_err();
    /// # if cfg!(target_os = "linux") {
    /// assert_eq!(error.container(), Some("there-is-no-such-name"));
    /// # }
    /// ```
    pub fn container(&self) -> Option<&str> {
        self.0.container.as_deref()
    }
}

impl fmt::Display for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        if let Some(container) = &self.0.container {
            write!(f, "{container}: ")?;
        }
        if let Some(path) = self.path() {
            write!(f, "{path}: ")?;
        }
        f.write_str(&self.0.message)?;
        if f.alternate() || self.0.in_serde {
            self.causes().try_for_each(|cause| write!(f, ": {cause}"))?;
        }
        Ok(())
    }
}

impl fmt::Debug for Error {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        write!(f, "Error({:?}, {:?})", self.0.kind, format!("{self:#}"))
    }
}

/// Nothing changes an error's content once it is made, whatever type its source is.
impl std::panic::UnwindSafe for Error {}
impl std::panic::RefUnwindSafe for Error {}

impl std::error::Error for Error {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        self.causes().next().filter(|_| !self.0.in_serde)
    }
}

/// A system error on its way to [`Error::io`], with an explanation: how much room there was, or what the user can do.
#[derive(Debug)]
struct Explained {
    said: String,
    source: io::Error,
}

impl fmt::Display for Explained {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str(&self.said)
    }
}

impl std::error::Error for Explained {
    fn source(&self) -> Option<&(dyn std::error::Error + 'static)> {
        Some(&self.source)
    }
}

/// The same error with an explanation, which [`Error::io`] puts into its text.
#[cold]
pub(crate) fn explained(source: io::Error, said: String) -> io::Error {
    io::Error::new(source.kind(), Explained { said, source })
}

/// An error that a type's own code reports. Where this crate's implementation for a type reports it, the context has its
/// kind.
fn custom(message: &dyn fmt::Display) -> Error {
    let kind = context::take_kind().unwrap_or(ErrorKind::Message);
    Error::new(kind, message.to_string())
}

impl serde::ser::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        custom(&message)
    }
}

/// Notes an error that a visitor made, because the visitor's caller may drop it.
fn visitors(error: Error) -> Error {
    context::note_error();
    error
}

impl serde::de::Error for Error {
    #[cold]
    fn custom<T: fmt::Display>(message: T) -> Self {
        visitors(custom(&message))
    }

    #[cold]
    fn invalid_type(found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        let mut error = Error::mismatch(format!("expected {expected}, found {found}"));
        error.0.found = Found::of(&found);
        context::note_refusal(&found);
        visitors(error)
    }

    #[cold]
    fn invalid_value(found: serde::de::Unexpected<'_>, expected: &dyn serde::de::Expected) -> Self {
        visitors(Error::mismatch(format!("expected {expected}, found {found}")))
    }

    #[cold]
    fn invalid_length(found: usize, expected: &dyn serde::de::Expected) -> Self {
        visitors(Error::mismatch(format!("expected {expected}, found {found} elements")))
    }

    #[cold]
    fn unknown_variant(found: &str, expected: &'static [&'static str]) -> Self {
        visitors(Error::mismatch(format!(
            "unknown variant `{found}`, expected {}",
            one_of(expected, "there are no variants")
        )))
    }

    #[cold]
    fn unknown_field(found: &str, expected: &'static [&'static str]) -> Self {
        visitors(Error::mismatch(format!(
            "unknown field `{found}`, expected {}",
            one_of(expected, "there are no fields")
        )))
    }

    #[cold]
    fn missing_field(field: &'static str) -> Self {
        visitors(Error::mismatch(format!("missing field `{field}`")))
    }

    #[cold]
    fn duplicate_field(field: &'static str) -> Self {
        visitors(Error::mismatch(format!("duplicate field `{field}`")))
    }
}

fn one_of(names: &[&str], none: &str) -> String {
    match names {
        [] => none.to_owned(),
        [one] => format!("`{one}`"),
        _ => {
            let quoted: Vec<String> = names.iter().map(|name| format!("`{name}`")).collect();
            format!("one of {}", quoted.join(", "))
        }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn text_has_container_path_and_message() {
        let error = Error::mismatch("expected f32, found f64 (shape [4, 4])")
            .at_field("weight")
            .at_index(3)
            .at_field("layers")
            .in_container("model.npz")
            .in_container("outer");
        assert_eq!(
            error.to_string(),
            "model.npz: layers[3].weight: expected f32, found f64 (shape [4, 4])"
        );
        assert_eq!(error.kind(), ErrorKind::Mismatch);
        assert_eq!(size_of::<Result<()>>(), size_of::<usize>());
    }

    #[test]
    fn a_cause_is_said_once() {
        use std::error::Error as _;
        let number = |error: &Error| (error.raw_os_error(), error.kind());
        let error = Error::io("cannot write", io::Error::from_raw_os_error(28)).in_container("a");
        let (short, cause) = (error.to_string(), error.source().unwrap().to_string());
        assert_eq!(
            (short.as_str(), number(&error)),
            ("a: cannot write", (Some(28), ErrorKind::Io))
        );
        assert_eq!(format!("{error:#}"), format!("{short}: {cause}"));
        let inside = error.into_serde();
        assert_eq!(inside.to_string(), format!("{short}: {cause}"));
        assert!(inside.source().is_none() && number(&inside).0 == Some(28));
        let outside = inside.out_of_serde();
        assert_eq!((outside.to_string(), outside.source().is_some()), (short, true));
        assert!(format!("{outside:?}").contains(&cause), "{outside:?}");
    }
}
