//! A progress bar on standard error, for what takes long.

use std::ops::ControlFlow;
use std::sync::{Arc, Mutex, OnceLock, PoisonError};

use indicatif::{ProgressBar, ProgressDrawTarget, ProgressStyle};

use crate::stop;

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
        Bar { total, hint: "(Ctrl-C: end with what there is)", drawn: OnceLock::new() }
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

impl Drop for Bar {
    fn drop(&mut self) {
        self.finish();
    }
}

/// What the library is given to tell of its long work: a bar shows it, and Ctrl-C cancels it.
#[derive(Clone)]
pub(crate) struct Progress {
    hint: &'static str,
    /// The bar of the work that goes on; `None` for a command that has a bar of its own.
    bar: Option<Arc<Mutex<Option<Bar>>>>,
}

impl Progress {
    pub(crate) fn drawn() -> Self {
        Progress { hint: "(Ctrl-C: stop)", bar: Some(Arc::default()) }
    }

    pub(crate) fn silent() -> Self {
        Progress { hint: "", bar: None }
    }

    /// So many bytes of a piece of work are done, of so many.
    pub(crate) fn tell(&self, done: u64, all: u64) -> ControlFlow<()> {
        let is_stopped = stop::is_asked();
        if let Some(bar) = &self.bar {
            let mut bar = bar.lock().unwrap_or_else(PoisonError::into_inner);
            let new = || Bar { total: all, hint: self.hint, drawn: OnceLock::new() };
            bar.get_or_insert_with(new).reach(done);
            if done >= all || is_stopped {
                // It is taken from the terminal, and the next piece of work has another.
                *bar = None;
            }
        }
        if is_stopped { ControlFlow::Break(()) } else { ControlFlow::Continue(()) }
    }

    /// The function for the library.
    pub(crate) fn report(&self) -> impl Fn(u64, u64) -> ControlFlow<()> + Send + Sync + 'static {
        let progress = self.clone();
        move |done, all| progress.tell(done, all)
    }

    /// The same for work of so many bytes, which the library does not know beforehand.
    pub(crate) fn report_of(
        &self,
        all: u64,
    ) -> impl Fn(u64, u64) -> ControlFlow<()> + Send + Sync + 'static {
        let progress = self.clone();
        move |done, _| progress.tell(done, all)
    }
}
