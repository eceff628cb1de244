//! Arrays that share their bytes: the shares that an array's owner passes to the serializer, and the count of bytes that are copied
//! out of a container in which several arrays lie at one place.

#[cfg(feature = "ndarray")]
use std::collections::BTreeMap;
use std::fmt;

use crate::array::Shared;
use crate::error::{Error, ErrorKind, Result};
#[cfg(feature = "ndarray")]
use crate::memory::Region;

use super::{CONTEXT, FLAGS, FlagsGuard, Seen, with_reading};

/// A share of the array whose descriptor is being handed over.
pub(super) struct Offer {
    /// The address of the descriptor, which says to which array the share belongs.
    head: usize,
    share: Option<Shared>,
    /// Whether the container has the array already, so that the serializer does not ask for its bytes.
    is_there: bool,
}

/// Runs `hand_over`, which hands over this descriptor of an array that has a shared owner. Beside the result, says whether the
/// container has the array already.
///
/// The serializer shows the descriptor when it takes the offer. A wrapper may write another array in between, whose descriptor is
/// not taken for this one.
pub(crate) fn offering<R>(head: &[u8], share: Shared, hand_over: impl FnOnce() -> R) -> (R, bool) {
    struct Restore(Option<Offer>);

    impl Restore {
        fn swap(&mut self) {
            // To drop the offer may free memory, so it is dropped outside of the borrow.
            self.0 = CONTEXT.with(|context| context.offer.replace(self.0.take()));
        }
    }

    impl Drop for Restore {
        fn drop(&mut self) {
            self.swap();
        }
    }

    let offer = Offer { head: head.as_ptr().addr(), share: Some(share), is_there: false };
    let mut restore = Restore(Some(offer));
    restore.swap();
    let _guard = FlagsGuard::offers();
    let result = hand_over();
    (result, is_there())
}

#[inline]
fn is_there() -> bool {
    CONTEXT.with(|context| context.offer.borrow().as_ref().is_some_and(|offer| offer.is_there))
}

fn with_offer<R>(head: &[u8], run: impl FnOnce(&mut Offer) -> Option<R>) -> Option<R> {
    CONTEXT.with(|context| {
        let mut offer = context.offer.borrow_mut();
        run(offer.as_mut().filter(|offer| offer.head == head.as_ptr().addr())?)
    })
}

/// The share that was offered with this descriptor.
#[inline]
pub(crate) fn take_share(head: &[u8]) -> Option<Shared> {
    // Most arrays have no shared owner.
    if FLAGS.get().offers { with_offer(head, |offer| offer.share.take()) } else { None }
}

/// Notes that the container has the array of this descriptor already.
pub(crate) fn note_there(head: &[u8]) {
    with_offer(head, |offer| {
        offer.is_there = true;
        Some(())
    });
}

/// How much may be copied out of a container in which several arrays may lie at one place.
#[derive(Clone, Debug)]
pub(super) struct Copies {
    limit: u64,
    left: u64,
    /// The copies that were made for handles, by their places in the container and their lengths. Handles on one place share a copy.
    #[cfg(feature = "ndarray")]
    made: BTreeMap<(usize, usize), Region>,
}

impl Copies {
    pub(super) fn up_to(limit: u64) -> Self {
        Copies {
            limit,
            left: limit,
            #[cfg(feature = "ndarray")]
            made: BTreeMap::new(),
        }
    }
}

/// A copy that would have exceeded the limit: how many bytes it has, and how many may be copied.
#[derive(Clone, Copy, Debug)]
pub(crate) struct Over {
    bytes: usize,
    limit: u64,
}

impl Over {
    #[cold]
    fn into_error(self) -> Error {
        Error::new(ErrorKind::Limit, self.to_string())
    }
}

impl fmt::Display for Over {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        let Over { bytes, limit } = self;
        write!(
            f,
            "a copy of this array's {bytes} bytes would be one too many: arrays share their bytes here, and readers copy at most \
             {limit} bytes in one reading; read them as `ShmArray`, `UntypedArray` or views, which share memory too, or allow \
             more by `Block::copy_limit` or `Segment::copy_limit`"
        )
    }
}

impl Seen {
    /// The result, unless a copy exceeded the limit. That is an error even if a visitor has dropped it and taken another value, as
    /// `untagged` does.
    pub(crate) fn within_limit<T>(&self, result: Result<T>) -> Result<T> {
        match (self.over, result) {
            (None, result) => result,
            (Some(_), Err(error)) if error.kind() == ErrorKind::Limit => Err(error),
            (Some(over), Err(error)) => Err(error.with_note(over).into_limit()),
            (Some(over), Ok(_)) => Err(over.into_error()),
        }
    }
}

/// Counts bytes that are copied out of the container, if its arrays may share their bytes.
///
/// # Errors
///
/// `Limit` if more bytes are copied than the limit allows.
pub(crate) fn count_copy(bytes: usize) -> Result<()> {
    with_reading(|reading| {
        let Some(Copies { limit, left, .. }) = &mut reading.copies else { return Ok(()) };
        let Some(less) = left.checked_sub(bytes as u64) else {
            let over = Over { bytes, limit: *limit };
            reading.seen.over.get_or_insert(over);
            return Err(over.into_error());
        };
        *left = less;
        Ok(())
    })
}

/// A copy of these bytes of the container, for a handle. If there is no such copy yet, `copy` makes one, and its bytes are counted.
///
/// # Errors
///
/// Those of `count_copy` and of `copy`.
#[cfg(feature = "ndarray")]
pub(crate) fn copy_once<E>(
    start: usize,
    len: usize,
    into_error: impl FnOnce(Error) -> E,
    copy: impl FnOnce() -> Result<Region, E>,
) -> Result<Region, E> {
    let made = with_reading(|reading| {
        reading.copies.as_ref().and_then(|copies| copies.made.get(&(start, len)).cloned())
    });
    if let Some(made) = made {
        return Ok(made);
    }
    count_copy(len).map_err(into_error)?;
    let made = copy()?;
    if len > 0 {
        with_reading(|reading| {
            let copies = reading.copies.as_mut();
            copies.map(|copies| copies.made.insert((start, len), made.clone()))
        });
    }
    Ok(made)
}
