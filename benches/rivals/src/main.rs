//! `serde_shm` and its rivals, in turns, in one process, beside what the kernel takes.
//!
//! ```sh
//! cargo run --profile bench -p serde_shm_rivals                  # all tables and plots, into docs/benchmarks
//! cargo run --profile bench -p serde_shm_rivals -- --quick       # small sizes, to see that it runs; writes nothing
//! cargo run --profile bench -p serde_shm_rivals -- --only small  # one table
//! cargo run --profile bench -p serde_shm_rivals -- --large       # the model of 1 GiB as well
//! cargo run --profile bench -p serde_shm_rivals -- growth        # how cost grows
//! cargo run --profile bench -p serde_shm_rivals -- many          # readers, names and publishers at once
//! ```
//!
//! The profile is that of benchmarks, since `release` compiles this crate's dependency on `serde_shm` with little optimisation
//! (the root's manifest says why). `--rounds N` sets how often each peer has its turn, `--out FOLDER` where results go.

#[cfg(target_os = "linux")]
mod growth;
#[cfg(target_os = "linux")]
mod harness;
#[cfg(target_os = "linux")]
mod many;
#[cfg(target_os = "linux")]
mod peers;
#[cfg(target_os = "linux")]
mod plot;
#[cfg(target_os = "linux")]
mod python;
#[cfg(target_os = "linux")]
mod report;
#[cfg(test)]
#[cfg(target_os = "linux")]
mod smoke;
#[cfg(target_os = "linux")]
mod workload;

#[cfg(target_os = "linux")]
pub(crate) use linux::Plan;

#[cfg(target_os = "linux")]
mod linux {
    use std::path::{Path, PathBuf};

    use crate::harness::{self, Peer};
    use crate::workload::{
        Column, Columns, Events, Game, Layers, Log, Mesh, Saves, Small, Structs, Trees,
    };
    use crate::{growth, many, peers, plot, python, report};

    const MIB: usize = 1 << 20;

    /// The bytes of an object's content, and the peers.
    type Made = (u64, Vec<Box<dyn Peer>>);

    /// What runs, and where its results go.
    pub(crate) struct Plan {
        pub(crate) is_quick: bool,
        pub(crate) rounds: Option<usize>,
        pub(crate) out: Option<PathBuf>,
        only: Option<String>,
        is_large: bool,
    }

    impl Plan {
        fn new(args: &mut dyn Iterator<Item = String>) -> (Self, Option<fn(&Plan)>) {
            let folder = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/benchmarks");
            let (mut only, mut is_large, mut other) = (None, false, None::<fn(&Plan)>);
            let (mut is_quick, mut rounds, mut out) = (false, None, None);
            let value = |args: &mut dyn Iterator<Item = String>| {
                args.next().expect("a value follows this argument")
            };
            while let Some(arg) = args.next() {
                match arg.as_str() {
                    "growth" => other = Some(growth::run),
                    "many" => other = Some(many::run),
                    "--quick" => is_quick = true,
                    "--large" => is_large = true,
                    "--only" => only = Some(value(args)),
                    "--rounds" => rounds = Some(value(args).parse().expect("a number of rounds")),
                    "--out" => out = Some(PathBuf::from(value(args))),
                    other => panic!("{other}: see src/main.rs for the arguments"),
                }
            }
            let out = out.or_else(|| (!is_quick).then_some(folder));
            if let Some(out) = &out {
                std::fs::create_dir_all(out).unwrap();
            }
            (Plan { is_quick, rounds, out, only, is_large }, other)
        }

        /// Shows a section, and puts it into the results.
        pub(crate) fn put(&self, id: &str, section: &str) {
            println!("{section}");
            if let Some(out) = &self.out {
                report::put(&out.join("RESULTS.md"), id, section);
            }
        }

        fn wants(&self, id: &str) -> bool {
            self.only.as_ref().is_none_or(|only| only == id)
        }

        /// Runs one table, whose peers are made only then.
        fn table(
            &self,
            id: &'static str,
            title: &str,
            (rounds, base): (usize, &Path),
            make: &dyn Fn(&Path) -> Made,
        ) {
            if !self.wants(id) {
                return;
            }
            let folder = tempfile::tempdir_in(base).unwrap();
            let (content, peers) = make(folder.path());
            let rounds = self.rounds.unwrap_or(if self.is_quick { 1 } else { rounds });
            let cut = if self.is_quick { " (fewer of them: --quick)" } else { "" };
            let table = harness::run(id, format!("{title}{cut}"), content, rounds, peers);
            if let Some(out) = &self.out {
                plot::bars(out, &table);
            }
            self.put(id, &report::of_table(&table));
        }
    }

    fn leak<T>(object: T) -> &'static T {
        Box::leak(Box::new(object))
    }

    fn bytes_of(columns: &[(String, Column<'_>)]) -> u64 {
        columns.iter().map(|(_, column)| column.bytes().len() as u64).sum()
    }

    fn layers(bytes: usize, arrays: usize, folder: &Path) -> Made {
        let source = leak(Layers::new(bytes, arrays));
        (bytes_of(&source.joined()), peers::of_layers(source, folder))
    }

    /// Of an object that is no arrays: its bytes are those that postcard makes of it.
    fn records<W: serde::Serialize>(
        source: W,
        peers: fn(&'static W, &Path) -> Vec<Box<dyn Peer>>,
        folder: &Path,
    ) -> Made {
        let source = leak(source);
        (postcard::to_stdvec(source).unwrap().len() as u64, peers(source, folder))
    }

    pub(super) fn main() {
        let mut args = std::env::args().skip(1);
        if std::env::args().nth(1).as_deref() == Some("reader") {
            let args: Vec<String> = args.skip(1).collect();
            return growth::reader(&args[0], &args[1]);
        }
        if std::env::args().nth(1).as_deref() == Some("follower") {
            let args: Vec<String> = args.skip(1).collect();
            return many::follower(&args[0], &args[1]);
        }
        let (plan, other) = Plan::new(&mut args);
        if cfg!(debug_assertions) {
            println!("not optimised: these figures say nothing");
        }
        if let Some(other) = other {
            return other(&plan);
        }
        if plan.only.is_none() {
            plan.put("machine", &report::machine());
        }
        let quick = |quick, full| if plan.is_quick { quick } else { full };
        let (shm, disk) = (Path::new("/dev/shm"), std::env::temp_dir());
        let m = quick(MIB, 64 * MIB);
        plan.table("layers-s", "A model of 256 KB in 32 arrays", (9, shm), &|folder| {
            layers(256 << 10, 32, folder)
        });
        plan.table("layers-m", "A model of 64 MB in 16 arrays", (7, shm), &|folder| {
            layers(m, 16, folder)
        });
        let title = "A model of 64 MB in 16 arrays, on a disk, without fsync";
        plan.table("layers-m-disk", title, (7, &disk), &|folder| {
            let (content, mut peers) = layers(m, 16, folder);
            peers.retain(|peer| peer.name() != "serde_shm, segment");
            (content, peers)
        });
        if plan.is_large || plan.only.as_deref() == Some("layers-l") {
            let l = quick(2 * MIB, 1024 * MIB);
            plan.table("layers-l", "A model of 1 GiB in 16 arrays", (3, shm), &|folder| {
                layers(l, 16, folder)
            });
        }
        let count = quick(100, 10_000);
        let title = "10,000 arrays of 16 f64 and 10,000 strings";
        plan.table("small", title, (9, shm), &|folder| {
            let source = leak(Small::new(count));
            (bytes_of(&source.joined()), peers::of_small(source, folder))
        });
        let count = quick(1000, 1_000_000);
        let title = "A million structs of a number, a label and a score";
        plan.table("structs", title, (5, shm), &|folder| {
            let source = leak(Structs::new(count));
            (bytes_of(&source.joined()), peers::of_structs(source, folder))
        });
        let count = quick(100, 100_000);
        plan.table("log", "100,000 lines of a web server's log", (7, shm), &|folder| {
            records(Log::new(count), peers::of_log, folder)
        });
        plan.table("mesh", "A mesh of 100,000 triangles", (7, shm), &|folder| {
            records(Mesh::new(count), peers::of_mesh, folder)
        });
        plan.table("saves", "The saved games of 500 players", (9, shm), &|folder| {
            records(Saves::new(quick(20, 500)), peers::of_saves, folder)
        });
        plan.table("game", "1000 updates of a game", (9, shm), &|folder| {
            records(Game::new(quick(20, 1000)), peers::of_game, folder)
        });
        plan.table("events", "100,000 events of eight kinds", (7, shm), &|folder| {
            records(Events::new(count), peers::of_events, folder)
        });
        plan.table("trees", "Trees of 100,000 nodes in all", (7, shm), &|folder| {
            records(Trees::new(count), peers::of_trees, folder)
        });
        if plan.wants("python") {
            let rounds = plan.rounds.unwrap_or(quick(1, 5));
            plan.put("python", &python::run(m, rounds));
        }
    }
}

fn main() {
    #[cfg(target_os = "linux")]
    linux::main();
    #[cfg(not(target_os = "linux"))]
    println!("segments exist on Linux alone");
}
