//! Nothing: the crate exists for its benchmarks, and for what they compare with.
