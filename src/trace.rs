//! Spans of the crate `tracing`, with the feature of that name. Without it they are no code, and what they would say is not computed.

/// A span from here to the end of the block: its name, then fields as `tracing` writes them.
#[cfg(feature = "tracing")]
macro_rules! span {
    ($($parts:tt)*) => {
        let _span = tracing::debug_span!(target: "serde_shm", $($parts)*).entered();
    };
}

#[cfg(not(feature = "tracing"))]
macro_rules! span {
    ($($parts:tt)*) => {};
}
