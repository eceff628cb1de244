//! Nothing: the crate exists for its tests, which take long.
