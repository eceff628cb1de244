//! The crash: an allocator that has nothing left for one large request, any one of them, while something is read whose size
//! comes from outside. It must be an error that says so, or no matter; never an abort.
//!
//! Small requests are the language's own matter (a `String`, a node of a map): there a Rust program ends when memory does. So
//! each case runs in a process of its own: this test program, started anew.
#![cfg(target_os = "linux")]
#![allow(missing_docs)]

use std::borrow::Cow;
use std::collections::BTreeMap;

use ndarray::{Array1, Array2, ArrayView1, Ix1, Ix2};
use serde::de::DeserializeOwned;
use serde_shm::element::FixedStr;
use serde_shm::{
    AtomicArray, Compression, Deserialize, DynArray, Element, LockedArray, Npz, NpzOptions,
    Segment, SegmentOptions, Serialize, ShmArray1, from_bytes, from_npz, from_reader, from_shared,
    to_bytes, to_npz, to_shared,
};

#[path = "support/child.rs"]
mod child;
#[path = "support/scarce.rs"]
mod scarce;

use child::{Child, say};

/// What cannot be made with an error, in this Rust: memory for it is looked for just before, and only that is failed here.
const COUNTED: &str = "block into slices that are counted";
const LIVE: &str = "block into live arrays";

#[derive(Clone, Copy, Element, PartialEq, Debug)]
#[repr(C)]
struct Point {
    x: f32,
    ok: bool,
}

/// The same fields, elsewhere.
#[derive(Clone, Copy, Element, PartialEq, Debug)]
#[repr(C)]
struct Moved {
    ok: bool,
    x: f32,
}

#[derive(Serialize)]
struct Object {
    grid: Array2<f64>,
    #[shm_array]
    flags: Vec<bool>,
    #[shm_array]
    points: Vec<Point>,
    #[shm_array]
    names: Vec<FixedStr<8>>,
    shared: ShmArray1<u32>,
    small: Array1<u16>,
}

const LONG: usize = 40_000;

fn object() -> Object {
    Object {
        grid: Array2::from_shape_fn((LONG / 100, 100), |(i, j)| (i * j) as f64),
        flags: (0..LONG).map(|n| n.is_multiple_of(3)).collect(),
        points: vec![Point { x: 0.5, ok: true }; LONG],
        names: vec![FixedStr::try_from("a").unwrap(); LONG / 10],
        shared: (0..LONG as u32).collect::<Vec<_>>().into(),
        small: Array1::from(vec![1; 3]),
    }
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Owned {
    grid: Array2<f64>,
    #[shm_array]
    flags: Vec<bool>,
    #[shm_array]
    points: Vec<Point>,
    #[shm_array]
    names: Vec<FixedStr<8>>,
    #[shm_array]
    shared: Box<[u32]>,
    small: Array1<u16>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Kept {
    shared: ShmArray1<u32>,
    grid: serde_shm::ShmArray2<f64>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Counted {
    #[shm_array]
    points: std::rc::Rc<[Point]>,
    #[shm_array]
    flags: std::sync::Arc<[bool]>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Changed {
    #[shm_array]
    points: Vec<Moved>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Lent<'a> {
    #[shm_array]
    points: Cow<'a, [Point]>,
    shared: ndarray::CowArray<'a, u32, Ix1>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Views<'a> {
    shared: ArrayView1<'a, u32>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Live {
    shared: LockedArray<u32, Ix1>,
    grid: AtomicArray<f64, Ix2>,
}

#[derive(Deserialize)]
#[allow(dead_code)]
struct Any {
    grid: DynArray,
    flags: DynArray,
    points: DynArray,
    names: DynArray,
}

/// What was made beforehand, while there was memory.
struct Made {
    folder: tempfile::TempDir,
}

impl Made {
    fn new() -> Self {
        Made { folder: tempfile::tempdir_in("/dev/shm").unwrap() }
    }

    fn path(&self, name: &str) -> String {
        self.folder.path().join(name).to_str().unwrap().to_owned()
    }

    fn stored(&self) -> String {
        let path = self.path("stored.npz");
        to_npz(&path, &object()).unwrap();
        path
    }

    fn deflated(&self) -> String {
        let path = self.path("deflated.npz");
        NpzOptions::new().compression(Compression::Deflate(6)).save(&path, &object()).unwrap();
        path
    }

    /// A `.npy` file of the other byte order.
    fn turned(&self) -> String {
        let path = self.path("turned.npy");
        let order = if cfg!(target_endian = "big") { '<' } else { '>' };
        let mut header =
            format!("{{'descr': '{order}f8', 'fortran_order': False, 'shape': ({LONG},), }}");
        header.push_str(&" ".repeat(117 - header.len()));
        header.push('\n');
        let mut file = b"\x93NUMPY\x01\x00\x76\x00".to_vec();
        file.extend_from_slice(header.as_bytes());
        file.resize(file.len() + 8 * LONG, 1);
        std::fs::write(&path, file).unwrap();
        path
    }
}

type Run = Box<dyn FnOnce() -> serde_shm::Result<()>>;

fn read_block<T: DeserializeOwned>() -> Run {
    let block = to_bytes(&object()).unwrap();
    Box::new(move || from_bytes::<T>(&block).map(drop))
}

fn load<T: DeserializeOwned>(path: String) -> Run {
    Box::new(move || from_npz::<T>(path).map(drop))
}

fn look(path: String, what: fn(&Npz) -> serde_shm::Result<()>) -> Run {
    Box::new(move || what(&Npz::open(path)?))
}

fn of_segment(what: fn(&Segment) -> serde_shm::Result<()>) -> Run {
    let segment = to_shared(&object()).unwrap();
    Box::new(move || what(&segment))
}

fn cases() -> BTreeMap<&'static str, fn(&Made) -> Run> {
    BTreeMap::from([
        ("block into owned types", (|_| read_block::<Owned>()) as fn(&Made) -> Run),
        ("block into handles", |_| read_block::<Kept>()),
        ("block into structs that lie otherwise", |_| read_block::<Changed>()),
        ("block into arrays of any type", |_| read_block::<Any>()),
        (COUNTED, |_| read_block::<Counted>()),
        (LIVE, |_| read_block::<Live>()),
        ("block that lies unaligned", |_| {
            let block = [&[0][..], &to_bytes(&object()).unwrap()].concat();
            Box::new(move || from_bytes::<Lent<'_>>(&block[1..]).map(drop))
        }),
        ("reader", |_| {
            let block = to_bytes(&object()).unwrap();
            Box::new(move || from_reader::<_, Owned>(&block[..]).map(drop))
        }),
        ("segment into owned types", |_| of_segment(|segment| segment.get::<Owned>().map(drop))),
        ("segment by id", |_| {
            let segment = to_shared(&object()).unwrap();
            Box::new(move || from_shared::<Owned>(segment.id()).map(drop))
        }),
        ("array of a segment as a wider type", |_| {
            of_segment(|segment| segment.array_as::<f64, Ix1>("shared").map(drop))
        }),
        ("array of a segment of any type", |_| {
            of_segment(|segment| segment.array_dyn("points").map(drop))
        }),
        ("segment in a file", |made| {
            let options = SegmentOptions::new().name("kept").persist(true).dir(made.folder.path());
            let id = options.create(&object()).unwrap().id().to_owned();
            Box::new(move || Segment::open(&id)?.get::<Owned>().map(drop))
        }),
        ("file into owned types", |made| load::<Owned>(made.stored())),
        ("file into handles", |made| load::<Kept>(made.stored())),
        ("file into structs that lie otherwise", |made| load::<Changed>(made.stored())),
        ("file into arrays of any type", |made| load::<Any>(made.stored())),
        ("file of the other byte order", |made| load::<ShmArray1<f64>>(made.turned())),
        ("compressed file into owned types", |made| load::<Owned>(made.deflated())),
        ("compressed file into handles", |made| load::<Kept>(made.deflated())),
        ("file in memory", |made| {
            let bytes = std::fs::read(made.stored()).unwrap();
            Box::new(move || Npz::from_bytes(bytes)?.get::<Owned>().map(drop))
        }),
        ("views of a file", |made| look(made.stored(), |file| file.get::<Views<'_>>().map(drop))),
        ("array of a file", |made| {
            look(made.deflated(), |file| file.array::<f64, Ix2>("grid").map(drop))
        }),
        ("array of a file as a wider type", |made| {
            look(made.stored(), |file| file.array_as::<f64, Ix1>("shared").map(drop))
        }),
        ("array of a file of any type", |made| {
            look(made.deflated(), |file| file.array_dyn("names").map(drop))
        }),
        ("checksums of a file", |made| look(made.deflated(), Npz::verify)),
    ])
}

/// In the child: one case, of whose large requests one fails.
fn play(case: &str, args: &[&str]) {
    let (Some(made_for), [fails]) = (cases().remove(case), args) else {
        panic!("no such role: {:?}", (case, args))
    };
    let fails = fails.parse().unwrap();
    let made = Made::new();
    let run = made_for(&made);
    let (result, requests) = scarce::failing(fails, run);
    say(requests);
    match result {
        Ok(()) => say("ok"),
        Err(error) => say(format_args!("{:?}: {error:#}", error.kind())),
    }
}

/// How many large requests there were, and what came of it.
fn failing(case: &str, fails: usize) -> (usize, String) {
    let output = Child::start(case, &[&fails.to_string()]).end();
    if !output.status.success() {
        return (0, format!("{}: {}", output.status, String::from_utf8_lossy(&output.stderr)));
    }
    let said = String::from_utf8_lossy(&output.stdout);
    let mut said = said.lines().filter_map(|line| line.strip_prefix("> "));
    (said.next().unwrap().parse().unwrap(), said.next().unwrap().to_owned())
}

#[test]
fn every_large_request_may_fail() {
    let (mut failed, mut done, mut wrong) = (0, 0, Vec::new());
    for case in cases().into_keys() {
        let (requests, said) = failing(case, 0);
        assert_eq!(said, "ok", "{case}");
        assert!(requests > 0, "{case} makes no large request");
        let step = if matches!(case, COUNTED | LIVE) { 2 } else { 1 };
        for number in (1..=requests).step_by(step) {
            let (_, said) = failing(case, number);
            let is_error = ["Io: ", "Message: "].iter().any(|kind| said.starts_with(kind));
            if said == "ok" {
                done += 1;
            } else if is_error && said.contains("memory") {
                failed += 1;
            } else {
                wrong.push(format!("{case}, large request {number} of {requests}: {said}"));
            }
        }
    }
    println!("{failed} errors, {done} times no matter");
    assert!(wrong.is_empty(), "{wrong:#?}");
    assert!(failed > 40, "{failed}");
}
