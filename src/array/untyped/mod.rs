//! Arrays whose element type is not known when a program is compiled: views and handles of their bytes.

mod handle;
mod layout;
mod read;
mod view;

pub use handle::UntypedArray;
pub(super) use layout::{Layout, checked_len};
pub(super) use read::FoundArray;
pub use view::UntypedView;
