//! How long a thread waits for a lock or an update.

use std::time::{Duration, Instant};

use super::lock::Wait;

/// How often a thread looks at a held lock before it sleeps. Most locks are held for less time than a system call takes.
const SPINS: u32 = 100;

/// A waiter that has waited for this long goes first.
const STARVED: Duration = Duration::from_millis(4);

/// The longest sleep of a waiter for a lock. After each sleep it checks whether the holder is alive.
const LONGEST: Duration = Duration::from_millis(8);

/// The longest sleep of a waiter for an update. An update is noticed this late only if its maker ends before it wakes anybody.
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

    /// Looks once, and does not wait.
    pub(crate) fn none() -> Self {
        Patience { starving: true, ..Patience::new(Limit::Now, 0) }
    }

    pub(crate) fn of(time: Duration) -> Self {
        Patience::new(Limit::After(time), SPINS)
    }

    /// Waits for an update, and not for a lock.
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
