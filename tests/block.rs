//! A block as a handle: whoever owns the memory, what is read from it lies there, and keeps it.
#![cfg(feature = "ndarray")]
#![allow(missing_docs)]

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicBool, AtomicUsize, Ordering};
use std::sync::{Arc, LazyLock, Mutex};

use ndarray::{Array1, Array2, Ix1, Ix2};
use proptest::collection::vec;
use proptest::prelude::{any, prop_assert_eq, proptest};
use serde::{Deserialize, Serialize};
use serde_shm::{AlignedBytes, Block, ErrorKind, ShmArray1, ShmArray2, to_bytes};

#[derive(Serialize, Deserialize, PartialEq, Debug)]
struct Model {
    name: String,
    weights: ShmArray2<f32>,
    counts: Vec<ShmArray1<u16>>,
}

fn model() -> Model {
    let counts = (0..3).map(|n| ShmArray1::from(vec![n; 100])).collect();
    Model { name: "m".into(), weights: Array2::ones((30, 40)).into(), counts }
}

/// The bytes at a place of their own: some bytes behind a multiple of 64.
struct Shifted {
    memory: AlignedBytes,
    by: usize,
}

impl Shifted {
    fn new(bytes: &[u8], by: usize) -> Self {
        Shifted { memory: AlignedBytes::from([&vec![0; by][..], bytes].concat()), by }
    }
}

impl AsRef<[u8]> for Shifted {
    fn as_ref(&self) -> &[u8] {
        &self.memory[self.by..]
    }
}

fn lies_in<T>(bytes: &[u8], items: *const T) -> bool {
    bytes.as_ptr_range().contains(&items.cast())
}

#[test]
fn any_owner_will_do() {
    let bytes = to_bytes(&model()).unwrap();
    let shared: Arc<[u8]> = bytes[..].into();
    static FOREVER: LazyLock<AlignedBytes> = LazyLock::new(|| to_bytes(&model()).unwrap());
    let forever: &'static [u8] = &FOREVER;
    let blocks = [
        Block::new(bytes.clone()).unwrap(),
        Block::new(bytes.to_vec()).unwrap(),
        Block::new(shared).unwrap(),
        Block::new(forever).unwrap(),
        Block::new(Box::<[u8]>::from(&bytes[..])).unwrap(),
        Block::new(Shifted::new(&bytes, 0)).unwrap(),
        Block::new(Block::new(bytes.clone()).unwrap()).unwrap(),
    ];
    for block in blocks {
        assert_eq!(block.as_ref(), &bytes[..]);
        assert_eq!(block.get::<Model>().unwrap(), model());
        assert_eq!(block.clone().get::<Model>().unwrap(), model());
        let found: Vec<String> =
            block.arrays().unwrap().iter().map(|info| info.path().to_owned()).collect();
        assert_eq!(found, ["weights", "counts.0", "counts.1", "counts.2"]);
        assert_eq!(block.array_as::<f64, Ix2>("weights").unwrap(), Array2::<f64>::ones((30, 40)));
        assert_eq!(block.array_dyn("counts.2").unwrap().view::<u16>().unwrap()[7], 2);
        let error = block.array_dyn("counts.3").unwrap_err();
        assert_eq!(error.kind(), ErrorKind::NotFound);
        assert!(error.to_string().contains("`counts.2`"), "{error}");
    }
}

#[test]
fn nothing_is_copied_and_the_memory_is_kept() {
    struct Told(AlignedBytes, Arc<AtomicBool>);
    impl AsRef<[u8]> for Told {
        fn as_ref(&self) -> &[u8] {
            &self.0
        }
    }
    impl Drop for Told {
        fn drop(&mut self) {
            self.1.store(true, Ordering::Relaxed);
        }
    }
    let is_dropped = Arc::new(AtomicBool::new(false));
    let block = Block::new(Told(to_bytes(&model()).unwrap(), is_dropped.clone())).unwrap();
    let model = block.get::<Model>().unwrap();
    assert!(lies_in(block.as_ref(), model.weights.as_ptr()));
    assert!(model.counts.iter().all(|counts| lies_in(block.as_ref(), counts.as_ptr())));
    let view = block.array::<u16, Ix1>("counts.1").unwrap();
    assert!(lies_in(block.as_ref(), view.as_ptr()));
    let borrowed: BTreeMap<&str, serde::de::IgnoredAny> = block.get().unwrap();
    assert!(borrowed.contains_key("name"));
    let one = model.counts[2].clone();
    drop((block, model));
    assert!(!is_dropped.load(Ordering::Relaxed), "an array keeps the memory");
    assert_eq!(one.sum(), 200);
    std::thread::spawn(move || drop(one)).join().unwrap();
    assert!(is_dropped.load(Ordering::Relaxed));
}

/// Where the block does not lie at a multiple of 64, what fits its elements is seen in place, and the rest copied or refused.
#[test]
fn a_block_at_any_address() {
    let bytes = to_bytes(&model()).unwrap();
    for by in 0..65 {
        let block = Block::new(Shifted::new(&bytes, by)).unwrap();
        let found = block.get::<Model>().unwrap();
        assert_eq!(found, model(), "{by}");
        assert_eq!(lies_in(block.as_ref(), found.weights.as_ptr()), by % 4 == 0, "{by}");
        assert_eq!(lies_in(block.as_ref(), found.counts[0].as_ptr()), by % 2 == 0, "{by}");
        for info in block.arrays().unwrap() {
            let size = info.dtype().item_size();
            let range = info.range().unwrap();
            let any = block.array_untyped(info.path()).unwrap();
            let bytes = &block.as_ref()[range.start as usize..range.end as usize];
            assert_eq!(any.as_bytes(), Some(bytes));
            assert_eq!(info.is_zero_copy(), by % size == 0, "{} at {by}", info.path());
        }
        let view = block.array::<f32, Ix2>("weights");
        match by % 4 {
            0 => assert_eq!(view.unwrap(), Array2::<f32>::ones((30, 40))),
            _ => assert_eq!(view.unwrap_err().kind(), ErrorKind::Mismatch, "{by}"),
        }
        assert_eq!(block.array_as::<f32, Ix2>("weights").unwrap().sum(), 1200.0);
        assert_eq!(block.array_dyn("counts.1").unwrap().view::<u16>().unwrap().sum(), 100);
    }
}

/// `AsRef` is safe to implement: one that tells of other bytes each time gets errors, and nobody bytes that are not there.
#[test]
fn an_owner_that_changes_its_mind() {
    struct Fickle {
        first: AlignedBytes,
        other: AlignedBytes,
        asked: AtomicUsize,
        steady: usize,
    }
    impl AsRef<[u8]> for Fickle {
        fn as_ref(&self) -> &[u8] {
            let asked = self.asked.fetch_add(1, Ordering::Relaxed);
            if asked < self.steady { &self.first } else { &self.other }
        }
    }
    let bytes = to_bytes(&model()).unwrap();
    for other in [AlignedBytes::new(), AlignedBytes::from(&bytes[..64]), bytes.clone()] {
        for steady in 1..12 {
            let (first, other) = (bytes.clone(), other.clone());
            let fickle = Fickle { first, other, asked: AtomicUsize::new(0), steady };
            let Ok(block) = Block::new(fickle) else { continue };
            match block.get::<Model>() {
                Ok(found) => assert_eq!(found, model()),
                Err(error) => assert_eq!(error.kind(), ErrorKind::Corrupt, "{error}"),
            }
            let _ = block.array::<f32, Ix2>("weights").map(|weights| weights.sum());
            let _ = block.array_dyn("weights").map(drop);
            for _ in 0..steady {
                let _ = block.as_ref();
            }
            assert!(block.as_ref().is_empty());
        }
    }
}

#[test]
fn what_is_no_block_is_refused_when_it_is_taken_over() {
    let bytes = to_bytes(&model()).unwrap();
    for len in [0, 1, 63, 64, 100, bytes.len() - 1] {
        let error = Block::new(bytes[..len].to_vec()).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}: {error}");
    }
    let error = Block::new(b"PK\x03\x04".repeat(50)).unwrap_err();
    assert!(error.to_string().contains("zip"), "{error}");
    let block = Block::new(to_bytes("text").unwrap()).unwrap();
    assert_eq!(block.get::<u8>().unwrap_err().kind(), ErrorKind::Mismatch);
    assert_eq!(block.get::<&str>().unwrap(), "text");
    assert!(block.arrays().unwrap().is_empty());
}

/// The user's own mapping of a file, from any place in it: here of a genome's lines and where they start.
#[test]
#[cfg(target_os = "linux")]
#[allow(unsafe_code)]
fn a_file_that_the_user_mapped() {
    #[derive(Serialize, Deserialize, PartialEq, Debug)]
    struct Genome {
        name: String,
        bases: ShmArray1<u8>,
        starts: ShmArray1<u64>,
    }
    let root = std::path::Path::new(env!("CARGO_MANIFEST_DIR"));
    let text = std::fs::read_to_string(root.join("examples/data/lambda.fa")).unwrap();
    let (name, lines) = text.split_once('\n').unwrap();
    let starts = lines.match_indices('\n').map(|(at, _)| at as u64 + 1).collect::<Vec<_>>();
    let bases = ShmArray1::from(lines.as_bytes().to_vec());
    let genome = Genome { name: name.into(), bases, starts: starts.into() };
    let map = |by: usize, bytes: &[u8]| {
        let mut file = tempfile::tempfile().unwrap();
        std::io::Write::write_all(&mut file, &[&vec![7; by][..], bytes].concat()).unwrap();
        // SAFETY: the file has no name, and nobody else has it.
        unsafe { memmap2::MmapOptions::new().offset(by as u64).map(&file).unwrap() }
    };
    let bytes = to_bytes(&genome).unwrap();
    for by in [0, 1, 4, 8, 64, 4096, 5000] {
        let block = Block::new(map(by, &bytes)).unwrap();
        let found: Genome = block.get().unwrap();
        assert_eq!(found, genome, "{by}");
        assert!(lies_in(block.as_ref(), found.bases.as_ptr()));
        assert_eq!(lies_in(block.as_ref(), found.starts.as_ptr()), by % 8 == 0, "{by}");
        drop(block);
        assert_eq!(found, genome, "the handles keep the mapping");
    }
    for len in [0, 1, 64, bytes.len() - 1] {
        let error = Block::new(map(0, &bytes[..len])).unwrap_err();
        assert_eq!(error.kind(), ErrorKind::Corrupt, "{len}: {error}");
    }
}

/// Views that are borrowed, on several threads at once.
#[test]
fn threads_share_a_block() {
    let arrays = (0..8).map(|n| ShmArray1::from(vec![n; 1000])).collect::<Vec<ShmArray1<u64>>>();
    let block = Block::new(to_bytes(&arrays).unwrap()).unwrap();
    let sums = Mutex::new(0);
    std::thread::scope(|scope| {
        for _ in 0..4 {
            scope.spawn(|| {
                let arrays: Vec<ShmArray1<u64>> = block.get().unwrap();
                *sums.lock().unwrap() += arrays.iter().map(|array| array.sum()).sum::<u64>();
            });
        }
    });
    assert_eq!(sums.into_inner().unwrap(), 4 * 28_000);
    assert_eq!(block.get::<Vec<ShmArray1<u64>>>().unwrap()[1], Array1::from_elem(1000, 1));
}

/// A tree whose arrays hold their own paths.
#[derive(Serialize, Debug)]
enum Node {
    Leaf(ShmArray1<u8>),
    Pair { left: Box<Node>, right: Box<Node> },
    List(Vec<Node>),
    Named(BTreeMap<String, Node>),
    Numbered(BTreeMap<u8, Node>),
    Both(Box<Node>, Box<Node>),
    Perhaps(Option<Box<Node>>),
}

impl Node {
    /// Out of choices: each leaf is told where it stands.
    fn grow(choices: &mut impl Iterator<Item = u8>, path: &str, depth: u32) -> Self {
        let next = |choices: &mut _, step: String| {
            let path = if path.is_empty() { step } else { format!("{path}.{step}") };
            Node::grow(choices, &path, depth + 1)
        };
        let choice = if depth > 6 { 0 } else { choices.next().unwrap_or(0) };
        let count = choice / 7 % 4;
        match choice % 7 {
            0 => {
                let dot = if path.is_empty() { "" } else { "." };
                Node::Leaf(format!("{path}{dot}Leaf").into_bytes().into())
            }
            1 => Node::Pair {
                left: next(choices, "Pair.left".into()).into(),
                right: next(choices, "Pair.right".into()).into(),
            },
            2 => Node::List((0..count).map(|at| next(choices, format!("List.{at}"))).collect()),
            3 => {
                let entry = |at| {
                    let key = ["a", "b", "left", "0"][usize::from(at)];
                    (key.to_owned(), next(choices, format!("Named.{key}")))
                };
                Node::Named((0..count).map(entry).collect())
            }
            4 => {
                let entry = |at| (at, next(choices, format!("Numbered.{at}")));
                Node::Numbered((0..count).map(entry).collect())
            }
            5 => Node::Both(
                next(choices, "Both.0".into()).into(),
                next(choices, "Both.1".into()).into(),
            ),
            _ => Node::Perhaps((count > 0).then(|| next(choices, "Perhaps".into()).into())),
        }
    }
}

/// Lists whose arrays hold their own paths, or nothing.
#[derive(Serialize, Debug)]
struct Lists {
    gaps: Vec<Option<ShmArray1<u8>>>,
    nested: Vec<Vec<ShmArray1<u8>>>,
    named: BTreeMap<String, Vec<ShmArray1<u8>>>,
    pairs: Vec<(u8, ShmArray1<u8>)>,
    plain: Vec<Plain>,
}

/// A plain ndarray, or what looks like one until its last element comes: the array that was begun is taken back.
#[derive(Serialize, Debug)]
#[serde(untagged)]
enum Plain {
    Real(Array1<u8>),
    Fake(Fake),
}

#[derive(Serialize, Debug)]
#[serde(rename = "Array")]
struct Fake {
    v: u8,
    dim: [usize; 1],
    data: Vec<Odd>,
}

#[derive(Clone, Serialize, Debug)]
#[serde(untagged)]
enum Odd {
    Number(u8),
    Text(&'static str),
}

impl Lists {
    fn grow(lens: &[usize], is_odd: impl Fn(usize) -> bool) -> Self {
        let own = |path: String| ShmArray1::from(path.into_bytes());
        let len = |list: usize| lens.get(list).copied().unwrap_or(0);
        let list = |at: usize, path: String| {
            (0..len(at)).map(|item| own(format!("{path}.{item}"))).collect::<Vec<_>>()
        };
        let plain = |item: usize| {
            if is_odd(item) {
                // So many that they were begun to be placed.
                let mut data = vec![Odd::Number(7); 70_000];
                data.push(Odd::Text("no number"));
                return Plain::Fake(Fake { v: 1, dim: [data.len()], data });
            }
            Plain::Real(Array1::from(format!("plain.{item}").into_bytes()))
        };
        Lists {
            gaps: (0..len(0))
                .map(|item| (!is_odd(item)).then(|| own(format!("gaps.{item}"))))
                .collect(),
            nested: (0..lens.len()).map(|at| list(at, format!("nested.{at}"))).collect(),
            named: (0..lens.len())
                .map(|at| (format!("k{at}"), list(at, format!("named.k{at}"))))
                .collect(),
            pairs: (0..len(1)).map(|item| (item as u8, own(format!("pairs.{item}.1")))).collect(),
            plain: (0..len(2)).map(plain).collect(),
        }
    }
}

proptest! {
    /// The name of a list's next item is that of the item before, counted up. Lists that end and begin anew, items without an array and
    /// arrays that are taken back come between.
    #[test]
    fn every_item_of_a_list_has_its_own_path(lens in vec(0..130_usize, 0..5), odd in 1..60_usize) {
        let lists = Lists::grow(&lens, |item| item % odd == odd - 1);
        let block = Block::new(to_bytes(&lists).unwrap()).unwrap();
        let infos = block.arrays().unwrap();
        for array in &infos {
            let path = block.array::<u8, Ix1>(array.path()).unwrap().to_vec();
            prop_assert_eq!(String::from_utf8(path).unwrap(), array.path());
        }
        let kept = |len: usize| (0..len).filter(|item| item % odd != odd - 1).count();
        let len = |list: usize| lens.get(list).copied().unwrap_or(0);
        let count = kept(len(0)) + 2 * lens.iter().sum::<usize>() + len(1) + kept(len(2));
        prop_assert_eq!(infos.len(), count);
    }

    /// What one array's path has in common with that of the one before is not written again: levels, fields of the same number and
    /// keys that change under it must not be taken for the same.
    #[test]
    fn every_array_has_its_own_path(choices in vec(any::<u8>(), 0..200)) {
        let tree = Node::grow(&mut choices.into_iter(), "", 0);
        let block = Block::new(to_bytes(&tree).unwrap()).unwrap();
        for array in block.arrays().unwrap() {
            let path = block.array::<u8, Ix1>(array.path()).unwrap().to_vec();
            prop_assert_eq!(String::from_utf8(path).unwrap(), array.path());
        }
    }
}
