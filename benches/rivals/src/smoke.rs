//! Every peer on little data: what comes back is what went in, whatever was written before it.

use std::path::Path;

use crate::harness::{self, Peer};
use crate::peers;
use crate::workload::{Content, Events, Game, Layers, Log, Mesh, Saves, Small, Structs, Trees};

fn check<W: Content>(source: &'static W, make: fn(&'static W, &Path) -> Vec<Box<dyn Peer>>) {
    let folder = tempfile::tempdir_in("/dev/shm").unwrap();
    let expected = (source.sum().to_bits(), source.digest());
    for mut peer in make(source, folder.path()) {
        let name = peer.name();
        for _ in 0..2 {
            peer.write();
            let mut seen = 0;
            let mut look = |content: &dyn Content| {
                assert_eq!((content.sum().to_bits(), content.digest()), expected, "{name}");
                seen += 1;
            };
            peer.attach(&mut look);
            let has_owned = peer.owned(&mut look);
            assert_eq!(seen, 1 + usize::from(has_owned), "{name}");
            assert!(peer.bytes() > 0, "{name}");
            peer.clear();
        }
    }
    let left: Vec<_> = std::fs::read_dir(folder.path()).unwrap().collect();
    assert!(left.is_empty(), "{left:?}");
    let table = harness::run("smoke", "smoke", 1000, 2, make(source, folder.path()));
    let yardstick = table.rows[0].figures[0].unwrap();
    assert_eq!(yardstick.ratio, 1.0);
}

fn leak<T>(object: T) -> &'static T {
    Box::leak(Box::new(object))
}

#[test]
fn layers_come_back() {
    check(leak(Layers::new(8192, 4)), peers::of_layers);
    check(leak(Layers::new(8192, 4)), peers::that_view);
}

#[test]
fn small_arrays_come_back() {
    check(leak(Small::new(20)), peers::of_small);
}

#[test]
fn structs_come_back() {
    check(leak(Structs::new(50)), peers::of_structs);
}

#[test]
fn logs_and_meshes_come_back() {
    check(leak(Log::new(20)), peers::of_log);
    check(leak(Mesh::new(20)), peers::of_mesh);
}

#[test]
fn saved_games_come_back() {
    check(leak(Saves::new(10)), peers::of_saves);
}

#[test]
fn updates_of_a_game_come_back() {
    check(leak(Game::new(10)), peers::of_game);
}

#[test]
fn events_come_back() {
    check(leak(Events::new(50)), peers::of_events);
}

#[test]
fn trees_come_back() {
    check(leak(Trees::new(100)), peers::of_trees);
}
