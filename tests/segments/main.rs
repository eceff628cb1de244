//! Segments among real processes: this test program starts itself again, see `child`.
#![cfg(all(target_os = "linux", feature = "derive", feature = "ndarray"))]
#![allow(missing_docs)]

mod anonymous;
mod arena;
#[path = "../support/child.rs"]
mod child;
mod copies;
mod descriptors;
mod ends;
mod held;
mod hostile;
mod housekeeping;
mod limits;
mod model;
mod named;
mod offers;
mod persistent;
mod places;
mod republish;
mod sandbox;
mod turns;

/// What a child process runs.
fn play(role: &str, args: &[&str]) {
    match (role, args) {
        ("sandbox", [what]) => crate::sandbox::run(what),
        ("housekeeping", [what]) => crate::housekeeping::run(what),
        ("persistent", [what]) => crate::persistent::run(what),
        ("place", [what, argument]) => crate::places::run(what, argument),
        ("squatted", [found]) => crate::places::squatted(found),
        ("reap-far", []) => crate::places::reap_far(),
        ("end", [how, name]) => crate::ends::end(how, name),
        ("parent", [name]) => crate::ends::parent(name),
        ("inherited", []) => crate::descriptors::inherited(),
        ("copies", ["cost"]) => crate::copies::cost(),
        ("make-many", [name]) => crate::held::make_many(name),
        ("hold-many", [name]) => crate::held::hold_many(name),
        ("offer", [what]) => crate::offers::run(what),
        ("offer-live", [name]) => crate::offers::change_live(name),
        ("turns", []) => crate::turns::take(),
        ("turns-live", [name]) => crate::turns::take_live(name),
        ("orphan", [name]) => crate::turns::orphan(name),
        ("arena", [what]) => crate::arena::run(what),
        ("arena-sum", [id]) => crate::arena::sum(id),
        ("cycles", []) => crate::limits::cycles(),
        ("attach", [id]) => crate::anonymous::attach(id),
        ("cost", [id]) => crate::anonymous::cost(id),
        ("hold", [name, replace]) => crate::named::hold(name, *replace == "true"),
        ("fork", [name]) => crate::named::fork_and_drop(name),
        ("watch-end", [name, _]) => crate::named::watch_end(name),
        ("leak", []) => crate::limits::leak(),
        ("limits", []) => crate::limits::limits(),
        ("write", [name]) => crate::republish::write(name),
        ("read", [name]) => crate::republish::read(name),
        other => panic!("no such role: {other:?}"),
    }
}
