//! Remembers what was last found out about files, by their stamps, so that a process which opens the same file again and
//! again need not look again.

use std::sync::Mutex;

use crate::os::Stamp;

/// The last `N` things that were found out, each about the file of a stamp. A file's content never changes without its
/// stamp.
///
/// No function waits for the list. If a process was forked while another thread held the list, the child remembers
/// nothing.
pub(crate) struct Recent<T, const N: usize>(Mutex<[Option<(Stamp, T)>; N]>);

impl<T, const N: usize> Recent<T, N> {
    pub(crate) const fn new() -> Self {
        Recent(Mutex::new([const { None }; N]))
    }

    /// Calls `look` with what is known of this file, if anything is.
    pub(crate) fn find<R>(&self, stamp: Stamp, look: impl FnOnce(&mut T) -> R) -> Option<R> {
        let mut list = self.0.try_lock().ok()?;
        let (_, found) = list.iter_mut().flatten().find(|(of, _)| *of == stamp)?;
        Some(look(found))
    }

    /// Adds a thing, and drops the oldest one if the list is full.
    pub(crate) fn put(&self, stamp: Stamp, thing: T) {
        if let Ok(mut list) = self.0.try_lock() {
            let is_it =
                |known: &Option<(Stamp, T)>| known.as_ref().is_some_and(|(of, _)| *of == stamp);
            let at = list.iter().position(is_it).unwrap_or(N - 1);
            list[..=at].rotate_right(1);
            list[0] = Some((stamp, thing));
        }
    }
}

#[cfg(all(test, target_os = "linux"))]
mod tests {
    use super::*;
    use crate::os;

    #[test]
    fn the_last_ones_are_known_and_each_once() {
        let files: Vec<_> = (0..4).map(|_| os::create_memory().unwrap()).collect();
        let stamp = |at: usize| os::file_status(&files[at]).unwrap().stamp();
        let recent = Recent::<usize, 3>::new();
        let known = |at| recent.find(stamp(at), |thing| *thing);
        assert_eq!(known(0), None);
        for at in [0, 1, 2, 0] {
            recent.put(stamp(at), at);
        }
        recent.put(stamp(1), 10);
        assert_eq!([known(0), known(1), known(2)], [Some(0), Some(10), Some(2)]);
        recent.put(stamp(3), 3);
        assert_eq!([known(0), known(1), known(2), known(3)], [Some(0), Some(10), None, Some(3)]);
    }
}
