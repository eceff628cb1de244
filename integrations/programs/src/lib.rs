//! Programs in `examples/` that use serde_shm with a thread pool, with an async runtime and with libraries of models, each run by a test.
