//! Nothing: the crate exists for its tests, which take a compiler long.
