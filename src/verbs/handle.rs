//! What every handle on a container does, written once. [`Block`](crate::Block), [`Segment`](crate::Segment) and `Npz`
//! implement how their container is opened.

use std::panic::RefUnwindSafe;

use serde::de::DeserializeSeed;

use crate::array::ArrayInfo;
use crate::de::{Handle, Opened};
use crate::error::{Error, Result};
#[cfg(feature = "ndarray")]
use crate::{DynArray, Element, UntypedArray, array, memory::Region, store::Placed};

/// A container that this handle holds.
pub(super) trait Container {
    /// Calls `read` with the container's content.
    fn open<'de, R>(&'de self, read: impl FnOnce(Opened<'_, 'de>) -> Result<R>) -> Result<R>;

    /// What the container says of its arrays.
    fn infos(&self) -> Result<Vec<ArrayInfo>>;

    /// The array of this path, if it is not a live one, and the region that has its bytes if the array does not have a
    /// region of its own. With `may_lie` the array may lie at any address; otherwise a container that can move arrays
    /// moves it to an address that suits its elements.
    #[cfg(feature = "ndarray")]
    fn placed(&self, path: &str, may_lie: bool) -> Result<(Placed<'_>, Option<&Region>)>;

    /// The same error with the container's name.
    fn named(&self, error: Error) -> Error {
        error
    }

    fn seed<'de, S: DeserializeSeed<'de> + Clone>(&'de self, seed: &S) -> Result<S::Value> {
        // The type's name is for who reads the spans; nothing depends on it.
        span!("get", value = std::any::type_name::<S::Value>());
        self.open(|opened| opened.read(seed)).map_err(|error| self.named(error))
    }

    fn all(&self) -> Result<Vec<ArrayInfo>> {
        self.infos().map_err(|error| self.named(error))
    }

    #[cfg(feature = "ndarray")]
    fn view<A: Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::ArrayView<'_, A, D>> {
        self.placed(path, false)
            .and_then(|(placed, _)| array::view(path, &placed))
            .map_err(|error| self.named(error))
    }

    #[cfg(feature = "ndarray")]
    fn lossless<A: Element, D: ndarray::Dimension>(
        &self,
        path: &str,
    ) -> Result<ndarray::Array<A, D>> {
        self.placed(path, false)
            .and_then(|(placed, _)| array::read_lossless(path, &placed))
            .map_err(|error| self.named(error))
    }

    #[cfg(feature = "ndarray")]
    fn copy(&self, path: &str) -> Result<DynArray> {
        self.placed(path, false)
            .and_then(|(placed, _)| DynArray::from_placed(&placed).map_err(|e| e.at_field(path)))
            .map_err(|error| self.named(error))
    }

    #[cfg(feature = "ndarray")]
    fn untyped(&self, path: &str) -> Result<UntypedArray> {
        self.placed(path, true)
            .and_then(|(placed, region)| {
                UntypedArray::from_placed(placed, region).map_err(|error| error.at_field(path))
            })
            .map_err(|error| self.named(error))
    }
}

impl<C: Container + Sync + RefUnwindSafe> Handle for C {
    fn with_opened<'de>(&'de self, read: &mut dyn FnMut(Opened<'_, 'de>)) -> Result<()> {
        self.open(|opened| {
            read(opened);
            Ok(())
        })
    }

    fn named(&self, error: Error) -> Error {
        Container::named(self, error)
    }
}
