//! Every hostile zip and npy that the field knows: an error that names the member, in little memory, in every way.

use std::collections::BTreeMap;
use std::fs;
use std::path::Path;
use std::time::{Duration, Instant};

use ndarray::IxDyn;
use serde_shm::{Compression, ErrorKind, Npz, NpzOptions, ShmArray1, from_npz, to_npz};

use crate::npz::foreign::{npy, write_zip};
use crate::npz::support::{Pair, WAYS, folder, opened, pair, python};
use crate::support::memory;

/// What a small file may cost: its own bytes some times over, and room for buffers.
fn allowed(path: &Path) -> usize {
    8 * fs::metadata(path).unwrap().len() as usize + (3 << 20)
}

/// Does all that can be done with a file: no panic, nothing outsized, nothing that takes long.
fn use_all(file: &Npz) {
    let _ = file.verify();
    for info in file.arrays().unwrap_or_default() {
        assert!(info.byte_len() as u64 <= 1 << 62);
        let _ = file.array::<i32, IxDyn>(info.path());
        let _ = file.array::<u8, IxDyn>(info.path());
    }
    let _ = file.get::<serde::de::IgnoredAny>();
    let _ = file.get::<BTreeMap<String, Vec<f64>>>();
}

#[test]
fn hostile_archives_are_refused_with_a_reason() {
    let folder = folder();
    let good = folder.path().join("good.npz");
    to_npz(&good, &pair()).unwrap();
    if !python("hostile.py", &[&good, &folder.path()]) {
        return;
    }
    let expected = fs::read(folder.path().join("expected.json")).unwrap();
    let expected: BTreeMap<String, String> = serde_json::from_slice(&expected).unwrap();
    assert!(expected.len() > 100, "{}", expected.len());
    for (name, said) in expected {
        let path = folder.path().join(&name);
        let check = |way: &str, value: Result<Pair, serde_shm::Error>| match value {
            Ok(value) => panic!("{name} was read by {way}: {value:?}"),
            Err(error) => {
                let text = error.to_string();
                assert!(text.contains(&said), "{name}, {way}: expected `{said}`, found: {text}");
                assert!(text.len() < 10_000);
                text
            }
        };
        let started = Instant::now();
        let (value, peak) = memory::peak(|| from_npz::<Pair>(&path));
        assert!(peak < allowed(&path), "{name}: {peak} bytes");
        let text = check("from_npz", value);
        assert!(text.contains(path.to_str().unwrap()), "{text}");
        for way in WAYS {
            // A mapping's checksums are seen by `verify`, and so are headers that its reader does without.
            if way == "map" && (said.contains("checksum") || said.contains("its own header")) {
                let file = opened(way, &path).unwrap();
                if let Ok(value) = file.get::<Pair>() {
                    assert!(said.contains("checksum") || value == pair(), "{name}");
                }
                assert!(file.verify().unwrap_err().to_string().contains(&said), "{name}");
                continue;
            }
            let ((), peak) = memory::peak(|| {
                let file = opened(way, &path);
                if let Ok(file) = &file {
                    use_all(file);
                }
                check(way, file.and_then(|file| file.get()));
            });
            assert!(peak < allowed(&path), "{name}, {way}: {peak} bytes");
        }
        assert!(started.elapsed() < Duration::from_secs(20), "{name} took long");
    }
    // What is odd but means one thing is read.
    let odd = fs::read(folder.path().join("odd.json")).unwrap();
    let odd: Vec<String> = serde_json::from_slice(&odd).unwrap();
    assert!(odd.len() > 5);
    for name in odd {
        let path = folder.path().join(&name);
        match crate::npz::support::read::<Pair>(&path) {
            Ok(value) => assert_eq!(value, pair(), "{name}"),
            Err(error) => panic!("{name}: {error}"),
        }
        opened("open", &path).unwrap().verify().unwrap();
    }
}

#[test]
fn a_deflate_bomb_takes_no_more_than_the_limit() {
    let folder = folder();
    let path = folder.path().join("bomb.npz");
    let zeros = npy("|u1", "(67108864,)", &vec![0; 64 << 20]);
    write_zip(&path, &[("bomb.npy", &zeros), ("small.npy", &npy("<i4", "()", &[7, 0, 0, 0]))]);
    drop(zeros);
    assert!(fs::metadata(&path).unwrap().len() < 200_000);
    let limited = || NpzOptions::new().limit(1 << 20).open(&path).unwrap();
    #[derive(serde::Deserialize)]
    struct Small {
        small: i32,
    }
    #[derive(serde::Deserialize, Debug)]
    #[allow(dead_code)]
    struct Bomb {
        bomb: ShmArray1<u8>,
    }
    // What is asked for is taken, what is not costs nothing.
    let (small, peak) = memory::peak(|| limited().get::<Small>().unwrap().small);
    assert!(small == 7 && peak < 1 << 20, "{peak}");
    let (error, peak) = memory::peak(|| limited().get::<Bomb>().unwrap_err());
    assert_eq!(error.kind(), ErrorKind::Limit);
    assert!(error.to_string().contains("member `bomb.npy`") && peak < 1 << 20, "{error} {peak}");
    // To list it and to verify it needs no room either.
    let ((), peak) = memory::peak(|| {
        assert_eq!(limited().arrays().unwrap()[0].shape(), [64 << 20]);
        limited().verify().unwrap();
    });
    assert!(peak < 2 << 20, "{peak}");
    let whole: Bomb = from_npz(&path).unwrap();
    assert_eq!(whole.bomb.len(), 64 << 20);
}

/// Sizes that a directory claims, of a stream that is not as long or longer.
#[test]
fn a_forged_size_is_an_error_before_there_is_memory_for_it() {
    let folder = folder();
    let path = folder.path().join("forged.npz");
    let real = npy("<i4", "(1000,)", &[1; 4000]);
    write_zip(&path, &[("a.npy", &real)]);
    let good = fs::read(&path).unwrap();
    let entry = good.windows(4).position(|at| at == b"PK\x01\x02").unwrap();
    let stored = u32::from_le_bytes(good[entry + 20..entry + 24].try_into().unwrap());
    let size = real.len() as u32;
    for claimed in [0, 1, size - 1, size + 1, stored * 1000, stored * 1040, 1 << 30, u32::MAX - 1] {
        let mut bad = good.clone();
        bad[entry + 24..entry + 28].copy_from_slice(&claimed.to_le_bytes());
        // The crate `zip` goes back to its header, which says the same then.
        bad[22..26].copy_from_slice(&claimed.to_le_bytes());
        fs::write(&path, &bad).unwrap();
        for way in WAYS {
            let file = opened(way, &path).unwrap();
            for limit in [u64::MAX, 1 << 16] {
                let _ = NpzOptions::new().limit(limit).load::<Vec<i32>>(&path).unwrap_err();
            }
            let (error, peak) =
                memory::peak(|| file.get::<BTreeMap<String, Vec<i32>>>().unwrap_err());
            assert_eq!(error.kind(), ErrorKind::Corrupt, "{claimed}: {error}");
            assert!(error.to_string().contains("member `a.npy`"), "{error}");
            // Never more than deflate can make of what is there.
            assert!(peak < (stored as usize * 1040).max(1 << 20), "{claimed}: {peak}");
            let error = file.verify().unwrap_err();
            assert!(error.to_string().contains("member `a.npy`"), "{error}");
        }
    }
}

/// The same attacks on a member that we compressed ourselves.
#[test]
fn a_compressed_file_of_ours_that_is_altered_is_noticed() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let value = BTreeMap::from([("a", ShmArray1::from(vec![5_i32; 5000]))]);
    NpzOptions::new().compression(Compression::Deflate(6)).save(&path, &value).unwrap();
    let good = fs::read(&path).unwrap();
    assert!(good.len() < 5000, "{}", good.len());
    let read = |bytes: &[u8]| {
        Npz::from_bytes(bytes).and_then(|file| file.get::<BTreeMap<String, ShmArray1<i32>>>())
    };
    for at in 0..good.len() {
        for mask in [1, 0x80, 0xff] {
            let mut bad = good.clone();
            bad[at] ^= mask;
            if let Ok(back) = read(&bad) {
                assert_eq!(back["a"], value["a"], "byte {at} with {mask:#04x}");
            }
        }
        assert!(read(&good[..at]).is_err(), "cut to {at}");
    }
}
