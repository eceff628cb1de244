//! How long somebody waits for a lock or an update.

use std::time::{Duration, Instant};

use super::lock::Wait;

/// How often one looks at a lock that is held before one sleeps: most are held for less than a system call.
const SPINS: u32 = 100;

/// Who has waited for so long goes first.
const STARVED: Duration = Duration::from_millis(4);

/// The longest sleep. After each, one looks whether the holder is alive.
const LONGEST: Duration = Duration::from_millis(8);

/// The longest sleep of who waits for an update. It is only an update whose maker ends before it wakes anybody that is
/// found so late.
const LONGEST_WATCH: Duration = Duration::from_millis(250);

pub(crate) struct Patience {
    limit: Limit,
    started: Option<Instant>,
    spins: u32,
    sleep: Duration,
    longest: Duration,
    starving: bool,
}

enum Limit {
    None,
    Now,
    After(Duration),
}

impl Patience {
    pub(crate) fn endless() -> Self {
        Patience::new(Limit::None, SPINS)
    }

    /// To look, and not to wait.
    pub(crate) fn none() -> Self {
        Patience { starving: true, ..Patience::new(Limit::Now, 0) }
    }

    pub(crate) fn of(time: Duration) -> Self {
        Patience::new(Limit::After(time), SPINS)
    }

    /// For an update, and not for a lock.
    pub(crate) fn watching(self) -> Self {
        Patience { sleep: LONGEST_WATCH, longest: LONGEST_WATCH, ..self }
    }

    fn new(limit: Limit, spins: u32) -> Self {
        let sleep = Duration::from_millis(1);
        Patience { limit, started: None, spins, sleep, longest: LONGEST, starving: false }
    }
}

impl Wait for Patience {
    fn next(&mut self) -> Option<Duration> {
        if matches!(self.limit, Limit::Now) {
            return None;
        }
        let waited = self.started.get_or_insert_with(Instant::now).elapsed();
        self.starving = waited >= STARVED;
        let sleep = self.sleep;
        self.sleep = (2 * sleep).min(self.longest);
        match self.limit {
            Limit::After(most) => {
                most.checked_sub(waited).filter(|left| !left.is_zero()).map(|left| sleep.min(left))
            }
            _ => Some(sleep),
        }
    }

    #[inline]
    fn spins(&mut self) -> bool {
        let left = self.spins > 0;
        self.spins = self.spins.saturating_sub(1);
        left
    }

    #[inline]
    fn is_starving(&self) -> bool {
        self.starving
    }
}
