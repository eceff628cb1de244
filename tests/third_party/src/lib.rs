//! Nothing: the crate exists for its tests, whose dependencies are heavy.
