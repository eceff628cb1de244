//! Arrays that are changed in place, among threads and real processes: this test program starts itself again, see `child`.
#![cfg(all(target_os = "linux", feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

mod atomics;
mod attach;
mod bytes;
#[path = "../support/child.rs"]
mod child;
mod fields;
mod forks;
mod hostile;
mod invariant;
mod kills;
mod kinds;
mod locks;
mod namespaces;
mod owners;
mod updates;

/// What a child process runs.
fn play(role: &str, args: &[&str]) {
    match (role, args) {
        ("count", [id, rounds]) => crate::atomics::count(id, rounds.parse().unwrap()),
        ("writer", [id, rounds]) => crate::invariant::writer(id, rounds.parse().unwrap()),
        ("reader", [id]) => crate::invariant::reader(id),
        ("victim", [id, seed]) => crate::kills::victim(id, seed.parse().unwrap()),
        ("hold", [id, how]) => crate::locks::hold(id, how),
        ("forked", [id, how]) => crate::forks::forked(id, how),
        ("inherited", [id, how]) => crate::forks::inherited(id, how),
        ("counts", [id]) => crate::forks::counts(id),
        ("nobodys", [how]) => crate::owners::make(how),
        ("by-name", [id]) => crate::owners::by_name(id),
        ("undumpable", []) => crate::owners::undumpable(),
        ("look", [id, what]) => crate::owners::look(id, what),
        ("namespace", [how]) => crate::namespaces::run(how),
        ("make", []) => crate::attach::make(),
        ("second", [id]) => crate::attach::second(id),
        ("leak", []) => crate::attach::leak(),
        ("notify", [id]) => crate::updates::notify(id),
        other => panic!("no such role: {other:?}"),
    }
}
