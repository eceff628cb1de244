//! Objects of unknown type: what was read as a value and is written again is the same object, in the same bytes.

mod deep;
mod kept;
