//! A progress bar on standard error, for what takes long.

use std::sync::OnceLock;

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

/// What is shown of a walk over many bytes, and nothing where standard error is no terminal.
pub(crate) struct Bar {
    total: u64,
    hint: &'static str,
    drawn: OnceLock<ProgressBar>,
}

/// What takes less than a blink has no bar.
const BAR_FROM: u64 = 256 << 20;

impl Bar {
    /// A bar for passes over this many bytes.
    pub(crate) fn new(total: u64) -> Self {
        Bar { total, hint: "", drawn: OnceLock::new() }
    }

    /// A bar for a command that Ctrl-C ends with what it has.
    pub(crate) fn stoppable(total: u64) -> Self {
        Bar { hint: "(Ctrl-C: end with what there is)", ..Bar::new(total) }
    }

    fn shown(&self) -> Option<&ProgressBar> {
        let make = || {
            let style = ProgressStyle::with_template(
                "{bar:30} {binary_bytes}/{binary_total_bytes} {binary_bytes_per_sec} {eta} {msg}",
            );
            let bar = ProgressBar::with_draw_target(Some(self.total), ProgressDrawTarget::stderr());
            bar.set_style(style.unwrap_or_else(|_| ProgressStyle::default_bar()));
            bar.set_message(self.hint);
            bar
        };
        (self.total >= BAR_FROM).then(|| self.drawn.get_or_init(make))
    }

    /// So many bytes more are done.
    pub(crate) fn advance(&self, bytes: usize) {
        if let Some(bar) = self.shown() {
            bar.inc(bytes as u64);
        }
    }

    /// So many bytes are done in all.
    pub(crate) fn reach(&self, bytes: u64) {
        if let Some(bar) = self.shown() {
            bar.set_position(bytes);
        }
    }

    /// Takes the bar from the terminal, before something else is written there.
    pub(crate) fn hide<T>(&self, write: impl FnOnce() -> T) -> T {
        match self.drawn.get() {
            Some(bar) => bar.suspend(write),
            None => write(),
        }
    }

    pub(crate) fn finish(&self) {
        if let Some(bar) = self.drawn.get() {
            bar.finish_and_clear();
        }
    }
}
