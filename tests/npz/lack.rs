//! Too little memory for the compressor: libdeflate's binding panicked where it got none.

use std::path::Path;

use rustix::process::{Resource, Rlimit};
use serde_shm::{Compression, ErrorKind, Npz, NpzOptions, ShmArray1};

use crate::child::{Child, command};
use crate::npz::support::{file, folder, names};

fn set_limit(most: Option<u64>) {
    let maximum = rustix::process::getrlimit(Resource::As).maximum;
    rustix::process::setrlimit(Resource::As, Rlimit { current: most, maximum }).unwrap();
}

/// What this process may still have is set from nothing to more than enough. Each call gives an error or does its work.
pub(crate) fn save_and_load_in_little(path: &Path) {
    let numbers: Vec<u32> = (0..100_000).map(|number| number / 7).collect();
    let numbers = ShmArray1::from(numbers);
    let (mut refused, mut done) = (0, 0);
    for level in [12, 6, 1] {
        let options = || NpzOptions::new().compression(Compression::Deflate(level)).fsync(false);
        options().save(path, &numbers).unwrap();
        for more in (1..20).step_by(2).map(|mib| mib << 20) {
            let status = std::fs::read_to_string("/proc/self/status").unwrap();
            let size = status.lines().find_map(|line| line.strip_prefix("VmSize:")).unwrap();
            let kib: u64 = size.trim().trim_end_matches(" kB").parse().unwrap();
            set_limit(Some((kib << 10) + more));
            let saved = options().save(path, &numbers).map_err(|error| error.kind());
            let loaded = Npz::open(path).and_then(|file| file.get::<ShmArray1<u32>>());
            let loaded = loaded.map(|array| array.len()).map_err(|error| error.kind());
            set_limit(None);
            match saved {
                Ok(()) => done += 1,
                Err(ErrorKind::Io) => refused += 1,
                Err(other) => panic!("{more} bytes, level {level}: {other:?}"),
            }
            assert!(matches!(loaded, Ok(100_000) | Err(ErrorKind::Io)), "{more}: {loaded:?}");
        }
    }
    assert!(
        done > 0 && (refused > 0 || cfg!(not(target_env = "gnu"))),
        "{refused} were refused, {done} done"
    );
}

#[test]
fn without_memory_to_compress_saving_is_an_error() {
    let folder = folder();
    let mut command = command("little-memory", &[&file(&folder)]);
    // What an allocator keeps, or has reserved for its threads, would not come under the limit.
    for (name, value) in [
        ("MALLOC_ARENA_MAX", "1"),
        ("MALLOC_MMAP_THRESHOLD_", "131072"),
        ("MALLOC_TRIM_THRESHOLD_", "131072"),
    ] {
        command.env(name, value);
    }
    let output = Child::spawn(command).end();
    let said = String::from_utf8_lossy(&output.stderr);
    assert!(output.status.success(), "{said}");
    assert!(!said.contains("panicked"), "{said}");
    assert_eq!(names(&folder), ["a.npz"], "litter");
}
