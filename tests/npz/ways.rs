//! The ways to read a file: what each borrows, what each touches, and what stays when the file goes.

use std::collections::BTreeMap;
use std::fs::{self, File};
use std::path::{Path, PathBuf};

use ndarray::{Array1, Array2, ArrayView1, ArrayView2, Ix1, Ix2, IxDyn};
use serde::{Deserialize, Serialize};
use serde_shm::{ArrayInfo, ErrorKind, Npz, NpzOptions, ShmArray1, ShmArray2, from_npz, to_npz};

use crate::npz::support::{WAYS, folder, opened, python, read};

#[derive(serde_shm::Serialize, serde_shm::Deserialize, PartialEq, Debug, Clone)]
struct Model {
    weight: Array2<f32>,
    bias: ShmArray1<f64>,
    columns: Array2<i16>,
    #[shm_array]
    flags: Vec<bool>,
    empty: ShmArray1<u64>,
    scalar: f64,
}

#[derive(serde_shm::Deserialize)]
struct ModelView<'a> {
    weight: ArrayView2<'a, f32>,
    bias: ArrayView1<'a, f64>,
    columns: ArrayView2<'a, i16>,
    #[shm_array]
    flags: &'a [bool],
}

fn model() -> Model {
    let columns = Array2::from_shape_fn((5, 3), |(row, column)| {
        i16::try_from(row).unwrap() - 10 * i16::try_from(column).unwrap()
    });
    Model {
        weight: Array2::from_shape_fn((7, 4), |(row, column)| (row * 4 + column) as f32 / 8.0),
        bias: (0..100).map(f64::from).collect::<Vec<_>>().into(),
        columns: columns.reversed_axes(),
        flags: (0..33).map(|item| item % 3 == 0).collect(),
        empty: Vec::new().into(),
        scalar: 0.1,
    }
}

/// The bytes of the regions that files are mapped to, by path.
fn mapping(path: &Path) -> Vec<std::ops::Range<usize>> {
    let path = path.canonicalize().unwrap();
    let maps = fs::read_to_string("/proc/self/maps").unwrap();
    let lines = maps.lines().filter(|line| line.ends_with(path.to_str().unwrap()));
    lines
        .map(|line| {
            let (range, _) = line.split_once(' ').unwrap();
            let (start, end) = range.split_once('-').unwrap();
            let number = |text: &str| usize::from_str_radix(text, 16).unwrap();
            number(start)..number(end)
        })
        .collect()
}

#[test]
fn every_way_gives_the_same_and_views_lie_in_the_mapping() {
    let folder = folder();
    let path = folder.path().join("model.npz");
    let model = model();
    to_npz(&path, &model).unwrap();
    assert_eq!(read::<Model>(&path).unwrap(), model);
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        let view: ModelView<'_> = file.get().unwrap();
        assert_eq!(view.weight, model.weight);
        assert_eq!(view.bias, model.bias.view());
        assert_eq!(view.columns, model.columns);
        assert_eq!(*view.flags, *model.flags);
        // The same place each time: nothing was copied for the call.
        assert_eq!(file.array::<f32, Ix2>("weight").unwrap().as_ptr(), view.weight.as_ptr());
        let owned: Model = file.get().unwrap();
        assert_eq!(owned.bias.as_ptr(), view.bias.as_ptr(), "a handle was copied");
        assert_ne!(owned.weight.as_ptr(), view.weight.as_ptr());
        if way == "map" {
            let maps = mapping(&path);
            for at in [view.weight.as_ptr().addr(), view.flags.as_ptr().addr()] {
                assert!(maps.iter().any(|map| map.contains(&at)), "{at:#x} is not in {maps:?}");
            }
        }
        assert!(file.arrays().unwrap().iter().all(serde_shm::ArrayInfo::is_zero_copy), "{way}");
    }
}

/// For each array: whether a view of it lies within the bytes that were opened, and whether `ArrayInfo` says so.
fn check_zero_copy(path: &Path) {
    let bytes = fs::read(path).unwrap();
    let within = bytes.as_ptr_range();
    let within = within.start.addr()..within.end.addr();
    let from_bytes = Npz::from_bytes(bytes).unwrap();
    let mapped = opened("map", path).unwrap();
    let map = mapping(path);
    let ranges =
        |file: &Npz| file.arrays().unwrap().iter().map(ArrayInfo::range).collect::<Vec<_>>();
    let by_file = ranges(&Npz::open(path).unwrap());
    let is_known = by_file.iter().any(Option::is_some);
    assert_eq!(is_known, !path.ends_with("deflated.npz"), "{by_file:?}");
    for (file, places) in [(&from_bytes, vec![within]), (&mapped, map)] {
        let before = file.arrays().unwrap();
        assert_eq!(ranges(file), by_file);
        for info in &before {
            let path = info.path();
            let view = match info.dtype().to_string().trim_start_matches(['<', '>']) {
                "u4" => file.array::<u32, IxDyn>(path).map(|view| view.as_ptr().addr()),
                "u8" => file.array::<u64, IxDyn>(path).map(|view| view.as_ptr().addr()),
                "f8" => file.array::<f64, IxDyn>(path).map(|view| view.as_ptr().addr()),
                other => panic!("{other}"),
            };
            if !info.dtype().is_native() {
                assert!(!info.is_zero_copy(), "{info:?}");
                assert_eq!(view.unwrap_err().kind(), ErrorKind::Mismatch);
                continue;
            }
            let at = view.unwrap();
            let in_place = places.iter().any(|place| place.contains(&at));
            assert_eq!(info.is_zero_copy(), in_place, "{info:?} at {at:#x} of {places:x?}");
            if in_place {
                let start = info.range().unwrap().start as usize;
                assert!(places.iter().any(|place| place.start + start == at), "{info:?}");
            }
        }
        // To have used them changes nothing.
        assert_eq!(file.arrays().unwrap(), before);
    }
}

#[test]
fn zero_copy_is_said_where_it_is_so() {
    let folder = folder();
    let path = folder.path().join("ours.npz");
    let arrays: BTreeMap<&str, ShmArray1<u32>> =
        BTreeMap::from([("a", vec![1, 2].into()), ("b", vec![3; 1000].into())]);
    to_npz(&path, &arrays).unwrap();
    check_zero_copy(&path);
    for way in ["stored", "deflated", "mixed"] {
        let path = folder.path().join(format!("{way}.npz"));
        if python("ways.py", &[&path, &way]) {
            check_zero_copy(&path);
        }
    }
}

#[derive(Deserialize, PartialEq, Debug)]
struct Foreign {
    little: Array1<u32>,
    big: Array1<u32>,
    c: Array2<f64>,
    fortran: Array2<f64>,
    big_fortran: Array2<f64>,
    odd: ShmArray2<u64>,
}

#[test]
fn files_of_numpy_give_the_same_in_every_way() {
    let folder = folder();
    for way in ["stored", "deflated", "mixed"] {
        let path = folder.path().join(format!("{way}.npz"));
        if !python("ways.py", &[&path, &way]) {
            return;
        }
        let value = read::<Foreign>(&path).unwrap();
        let numbers = Array2::from_shape_fn((4, 5), |(row, column)| (row * 5 + column) as f64);
        assert_eq!((&value.c, &value.fortran, &value.big_fortran), (&numbers, &numbers, &numbers));
        assert_eq!(value.little, Array1::from_iter(0..1000));
        assert_eq!(value.little, value.big);
        assert_eq!(value.odd.dim(), (3, 7));
        let file = opened("map", &path).unwrap();
        assert_eq!(file.array::<f64, Ix2>("fortran").unwrap(), numbers);
        file.verify().unwrap();
    }
}

#[test]
fn handles_outlive_the_opened_file_and_the_file() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    for way in WAYS {
        for compress in [false, true] {
            let mut options = NpzOptions::new().fsync(false);
            if compress {
                options = options.compression(serde_shm::Compression::Deflate(6));
            }
            let first: BTreeMap<&str, ShmArray1<u64>> = BTreeMap::from([
                ("a", vec![7; 10_000].into()),
                ("b", (0..5000).collect::<Vec<u64>>().into()),
            ]);
            options.save(&path, &first).unwrap();
            let file = opened(way, &path).unwrap();
            let kept: BTreeMap<String, ShmArray1<u64>> = file.get().unwrap();
            // Saving over the file that is mapped, with values that were read from it.
            to_npz(&path, &BTreeMap::from([("a", ShmArray1::from(vec![1_u64; 10_000]))])).unwrap();
            to_npz(&path, &kept).unwrap();
            // A handle that is open stays with the file that it opened.
            assert_eq!(file.array::<u64, Ix1>("a").unwrap(), kept["a"].view());
            fs::remove_file(&path).unwrap();
            drop(file);
            assert!(kept["a"].iter().all(|&item| item == 7), "{way}");
            assert_eq!(kept["b"][4999], 4999);
        }
    }
}

#[test]
fn a_file_that_is_replaced_while_it_is_open_is_still_the_old_one() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let of = |number: u32| vec![ShmArray1::from(vec![number; 50_000]); 3];
    for way in WAYS {
        to_npz(&path, &of(1)).unwrap();
        let file = opened(way, &path).unwrap();
        assert_eq!(file.array::<u32, Ix1>("0").unwrap()[0], 1);
        to_npz(&path, &of(2)).unwrap();
        assert_eq!(file.array::<u32, Ix1>("1").unwrap()[49_999], 1, "{way}");
        assert_eq!(file.get::<Vec<ShmArray1<u32>>>().unwrap(), of(1));
        file.verify().unwrap();
        assert_eq!(read::<Vec<ShmArray1<u32>>>(&path).unwrap(), of(2));
    }
}

/// Where each member's elements lie in a file of stored members, by the directory: what is given is name and range.
fn data_of(bytes: &[u8]) -> BTreeMap<String, std::ops::Range<usize>> {
    let file = Npz::from_bytes(bytes.to_vec()).unwrap();
    let arrays = file.arrays().unwrap();
    let u16_at = |at: usize| usize::from(u16::from_le_bytes([bytes[at], bytes[at + 1]]));
    let mut places = BTreeMap::new();
    for at in 0..bytes.len() - 30 {
        if !bytes[at..].starts_with(b"PK\x03\x04") {
            continue;
        }
        let name = String::from_utf8_lossy(&bytes[at + 30..at + 30 + u16_at(at + 26)]).into_owned();
        let Some(info) = arrays.iter().find(|info| format!("{}.npy", info.path()) == name) else {
            continue;
        };
        let start = at + 30 + u16_at(at + 26) + u16_at(at + 28);
        let data = start + 10 + u16_at(start + 8);
        let place = data..data + info.byte_len();
        assert_eq!(info.range(), Some(place.start as u64..place.end as u64));
        places.insert(info.path().to_owned(), place);
    }
    assert_eq!(places.len(), arrays.len());
    places
}

#[test]
fn one_array_is_read_where_all_others_are_corrupt() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let arrays: BTreeMap<String, ShmArray1<u32>> =
        (0..8_u32).map(|number| (format!("n{number}"), vec![number; 1000].into())).collect();
    to_npz(&path, &arrays).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    for (name, place) in data_of(&bytes) {
        if name != "n5" {
            bytes[place.start + 7] ^= 0x10;
        }
    }
    fs::write(&path, &bytes).unwrap();
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        assert_eq!(file.arrays().unwrap().len(), 8);
        assert_eq!(file.array::<u32, Ix1>("n5").unwrap(), arrays["n5"].view());
        #[derive(Deserialize)]
        struct One {
            n5: ShmArray1<u32>,
        }
        assert_eq!(file.get::<One>().unwrap().n5, arrays["n5"]);
        let error = file.verify().unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt);
        assert!(error.to_string().contains("member `n0.npy`: wrong checksum"), "{error}");
        if way != "map" {
            let error = file.array::<u32, Ix1>("n3").unwrap_err().to_string();
            assert!(error.contains("member `n3.npy`: wrong checksum"), "{error}");
            assert!(file.get::<BTreeMap<String, ShmArray1<u32>>>().is_err());
        }
    }
}

#[test]
fn the_arrays_of_a_file_are_listed_where_all_data_is_corrupt() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    to_npz(&path, &model()).unwrap();
    let mut bytes = fs::read(&path).unwrap();
    let whole = Npz::from_bytes(bytes.clone()).unwrap().arrays().unwrap();
    for place in data_of(&bytes).into_values() {
        bytes[place].fill(0xee);
    }
    fs::write(&path, &bytes).unwrap();
    for way in WAYS {
        assert_eq!(opened(way, &path).unwrap().arrays().unwrap(), whole, "{way}");
    }
}

#[test]
fn a_file_that_is_cut_or_written_into_while_it_is_open_is_an_error() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let arrays: Vec<ShmArray1<u32>> =
        (0..6_u32).map(|number| vec![number; 40_000].into()).collect();
    to_npz(&path, &arrays).unwrap();
    let bytes = fs::read(&path).unwrap();
    let places = data_of(&bytes);
    // Overwritten in place.
    let file = Npz::open(&path).unwrap();
    let handle = File::options().write(true).open(&path).unwrap();
    let write = |at: usize, new: &[u8]| {
        std::os::unix::fs::FileExt::write_all_at(&handle, new, at as u64).unwrap();
    };
    assert_eq!(file.array::<u32, Ix1>("0").unwrap()[0], 0);
    for place in places.values() {
        write(place.start + 100, &[0xaa; 64]);
    }
    assert!(file.array::<u32, Ix1>("0").unwrap().iter().all(|&item| item == 0), "it was read");
    let error = file.array::<u32, Ix1>("1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Corrupt);
    assert!(error.to_string().contains("member `1.npy`: wrong checksum"), "{error}");
    assert_eq!(file.verify().unwrap_err().kind(), ErrorKind::Corrupt);
    // Cut, to each length that matters.
    for len in [places["2"].end - 1, places["2"].start + 1, places["1"].start - 50, 100, 1, 0] {
        handle.set_len(bytes.len() as u64).unwrap();
        write(0, &bytes);
        let file = Npz::open(&path).unwrap();
        handle.set_len(len as u64).unwrap();
        let error = file.array::<u32, Ix1>("2").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}");
        assert!(error.to_string().contains("cut"), "{error}");
        assert_eq!(file.verify().unwrap_err().kind(), ErrorKind::Corrupt);
        assert!(file.get::<Vec<ShmArray1<u32>>>().is_err());
        assert_eq!(Npz::open(&path).unwrap_err().kind(), ErrorKind::Corrupt);
    }
}

#[test]
fn many_threads_use_one_handle() {
    fn is_shared<T: Send + Sync + 'static>() {}
    is_shared::<Npz>();
    let folder = folder();
    let path = folder.path().join("a.npz");
    let arrays: BTreeMap<String, ShmArray1<u32>> =
        (0..200_u32).map(|number| (format!("n{number}"), vec![number; 3000].into())).collect();
    for compression in [serde_shm::Compression::None, serde_shm::Compression::Deflate(1)] {
        NpzOptions::new().compression(compression).fsync(false).save(&path, &arrays).unwrap();
        for way in WAYS {
            let file = opened(way, &path).unwrap();
            std::thread::scope(|scope| {
                for thread in 0..8_u32 {
                    let (file, arrays) = (&file, &arrays);
                    scope.spawn(move || {
                        for step in 0..200 {
                            let name = format!("n{}", (step * 7 + thread * 31) % 200);
                            let array = file.array::<u32, Ix1>(&name).unwrap();
                            assert_eq!(array, arrays[&name].view());
                        }
                        let all: BTreeMap<String, ShmArray1<u32>> = file.get().unwrap();
                        assert_eq!(all, *arrays);
                        file.verify().unwrap();
                    });
                }
            });
        }
    }
}

#[test]
fn the_limit_counts_what_is_loaded_once() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let arrays: Vec<ShmArray1<u8>> = (0..40).map(|number| vec![number; 10_000].into()).collect();
    for compression in [serde_shm::Compression::None, serde_shm::Compression::Deflate(6)] {
        NpzOptions::new().compression(compression).save(&path, &arrays).unwrap();
        let within = |limit: u64| NpzOptions::new().limit(limit).open(&path);
        // Room for three arrays and the rest.
        let limit = 3 * 10_128 + 9000;
        let file = within(limit).unwrap();
        for _ in 0..50 {
            for name in ["0", "39", "17"] {
                assert_eq!(file.array::<u8, Ix1>(name).unwrap().len(), 10_000);
            }
        }
        let error = file.array::<u8, Ix1>("5").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Limit);
        let text = error.to_string();
        assert!(text.contains("member `5.npy`") && text.contains(&limit.to_string()), "{text}");
        assert_eq!(file.get::<Vec<ShmArray1<u8>>>().unwrap_err().kind(), ErrorKind::Limit);
        // What an object has that fits is loaded, wherever in the file it lies: no room goes to what is not asked for.
        let named: BTreeMap<String, &ShmArray1<u8>> = arrays
            .iter()
            .enumerate()
            .map(|(number, array)| (format!("n{number}"), array))
            .collect();
        let other = folder.path().join("named.npz");
        NpzOptions::new().compression(compression).save(&other, &named).unwrap();
        #[derive(Deserialize)]
        struct Named {
            n0: ShmArray1<u8>,
            n20: ShmArray1<u8>,
            n39: ShmArray1<u8>,
        }
        let file = NpzOptions::new().limit(limit).open(&other).unwrap();
        let few: Named = file.get().unwrap();
        assert_eq!((few.n0[0], few.n20[0], few.n39[0]), (0, 20, 39));
        assert!(file.array::<u8, Ix1>("n1").is_err());
        // Two threads that load the same array pay once.
        for _ in 0..20 {
            let file = within(limit).unwrap();
            std::thread::scope(|scope| {
                for _ in 0..4 {
                    scope.spawn(|| {
                        for name in ["1", "2", "3"] {
                            assert!(
                                file.array::<u8, Ix1>(name).is_ok_and(|view| view.len() == 10_000),
                                "{name}"
                            );
                        }
                    });
                }
            });
        }
    }
}

#[test]
fn what_is_no_file_is_an_error_and_nothing_waits() {
    let folder = folder();
    let at = |name: &str| folder.path().join(name);
    for path in [PathBuf::from("/"), folder.path().to_owned(), PathBuf::from("/dev/null")] {
        for way in ["open", "map"] {
            let error = opened(way, &path).unwrap_err();
            assert!(error.to_string().contains(path.to_str().unwrap()), "{error}");
        }
    }
    for way in ["open", "map"] {
        assert_eq!(opened(way, &at("none")).unwrap_err().kind(), ErrorKind::NotFound);
    }
    fs::write(at("empty"), b"").unwrap();
    for way in WAYS {
        assert_eq!(opened(way, &at("empty")).unwrap_err().kind(), ErrorKind::Corrupt);
    }
    #[cfg(target_os = "linux")]
    {
        rustix::fs::mknodat(
            rustix::fs::CWD,
            at("pipe"),
            rustix::fs::FileType::Fifo,
            rustix::fs::Mode::RUSR | rustix::fs::Mode::WUSR,
            0,
        )
        .unwrap();
        let (send, received) = std::sync::mpsc::channel();
        let pipe = at("pipe");
        std::thread::spawn(move || {
            let errors = ["open", "map"].map(|way| opened(way, &pipe).unwrap_err().to_string());
            let _ = send.send(errors);
        });
        let errors = received
            .recv_timeout(std::time::Duration::from_secs(20))
            .expect("a pipe without a writer is waited for");
        for error in errors {
            assert!(error.contains("pipe"), "{error}");
        }
    }
}

/// The memory of a plain `.npy` file, in every way.
#[test]
fn a_plain_npy_file_is_its_array() {
    let folder = folder();
    let path = folder.path().join("plain.npy");
    if !python("plain.py", &[&path]) {
        return;
    }
    let expected = Array2::from_shape_fn((3, 4), |(row, column)| (row * 4 + column) as f32);
    assert_eq!(read::<Array2<f32>>(&path).unwrap(), expected);
    assert_eq!(read::<ShmArray2<f32>>(&path).unwrap().view(), expected);
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        assert_eq!(file.array::<f32, Ix2>("arr_0").unwrap(), expected);
        let view: serde_shm::ShmArray2<f32> = file.get().unwrap();
        assert_eq!(view.view(), expected);
        assert_eq!(file.arrays().unwrap()[0].shape(), [3, 4]);
        file.verify().unwrap();
        let error = file.array::<f32, Ix2>("weights").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
    }
    let kept = from_npz::<ShmArray2<f32>>(&path).unwrap();
    fs::remove_file(&path).unwrap();
    assert_eq!(kept.view(), expected);
}

/// A value that reads another file while it is read: handles of both find their memory.
#[test]
fn a_file_may_be_read_inside_another_reading() {
    #[derive(Serialize)]
    struct Outer {
        before: ShmArray1<u8>,
        file: PathBuf,
        after: ShmArray1<u8>,
    }
    #[derive(Deserialize)]
    struct Read {
        before: ShmArray1<u8>,
        #[serde(rename = "file", deserialize_with = "load")]
        inner: ShmArray1<u8>,
        after: ShmArray1<u8>,
    }
    fn load<'de, D: serde::Deserializer<'de>>(deserializer: D) -> Result<ShmArray1<u8>, D::Error> {
        let path = PathBuf::deserialize(deserializer)?;
        from_npz(path).map_err(serde::de::Error::custom)
    }
    let folder = folder();
    let (outer, inner) = (folder.path().join("outer.npz"), folder.path().join("inner.npz"));
    to_npz(&inner, &ShmArray1::from(vec![2_u8; 10])).unwrap();
    let value = Outer { before: vec![1; 10].into(), file: inner, after: vec![3; 10].into() };
    to_npz(&outer, &value).unwrap();
    let read: Read = from_npz(&outer).unwrap();
    assert_eq!((read.before[9], read.inner[9], read.after[9]), (1, 2, 3));
}

/// Another program may move the members and leave gaps between them: where the elements lie is then not told by where the
/// next header starts, though the rest of the directory is the same.
#[test]
fn members_that_were_moved_are_found_by_their_own_headers() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let arrays: BTreeMap<&str, ShmArray1<u16>> =
        BTreeMap::from([("a", (0..500).collect::<Vec<u16>>().into()), ("b", vec![7; 300].into())]);
    to_npz(&path, &arrays).unwrap();
    let good = fs::read(&path).unwrap();
    let u32_at = |at: usize| u32::from_le_bytes(good[at..at + 4].try_into().unwrap()) as usize;
    let end = good.len() - 22;
    let (count, directory) =
        (u16::from_le_bytes([good[end + 10], good[end + 11]]), u32_at(end + 16));
    let mut entries = vec![directory];
    for _ in 1..count {
        let at = entries[entries.len() - 1];
        let lengths = (0..3).map(|field| u32_at(at + 28 + 2 * field) & 0xffff);
        entries.push(at + 46 + lengths.sum::<usize>());
    }
    for gap in [64, 2, 4096] {
        // Before the second member, and before the directory.
        for from in [u32_at(entries[1] + 42), directory] {
            let mut bytes = good.clone();
            for at in entries.iter().map(|entry| entry + 42).chain([end + 16]) {
                if u32_at(at) >= from {
                    bytes[at..at + 4].copy_from_slice(&((u32_at(at) + gap) as u32).to_le_bytes());
                }
            }
            bytes.splice(from..from, std::iter::repeat_n(0xee, gap));
            fs::write(&path, &bytes).unwrap();
            let value: BTreeMap<String, ShmArray1<u16>> = read(&path).unwrap();
            assert!(
                value
                    .iter()
                    .map(|(key, array)| (&**key, array))
                    .eq(arrays.iter().map(|(key, array)| (*key, array)))
            );
        }
    }
}

/// A large compressed array is decompressed in pieces beside each other, each way.
#[test]
fn large_compressed_arrays_come_back_in_every_way() {
    let folder = folder();
    let path = folder.path().join("a.npz");
    let noise = |item: u32| item.wrapping_mul(0x9e37_79b9) >> 13;
    let value: BTreeMap<String, ShmArray1<u32>> = [1_500_000, 65_536 * 20 - 32, 65_536 * 20]
        .map(|len| (format!("{len}"), (0..len).map(noise).collect::<Vec<u32>>().into()))
        .into();
    NpzOptions::new().compression(serde_shm::Compression::Deflate(6)).save(&path, &value).unwrap();
    assert!(fs::metadata(&path).unwrap().len() < 15_000_000);
    assert_eq!(read::<BTreeMap<String, ShmArray1<u32>>>(&path).unwrap(), value);
    opened("open", &path).unwrap().verify().unwrap();
}
