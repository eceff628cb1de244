//! The works that are counted. Each is done once before it is counted, so that what a thread and an allocator make once is there.

use std::collections::BTreeMap;
use std::hint::black_box;

use ndarray::{Array1, ArrayView1};
use serde_shm::{Deserialize, Serialize, from_bytes, to_bytes};

#[derive(Serialize)]
struct Small {
    #[shm_array]
    arrays: Vec<Vec<f64>>,
    texts: Vec<String>,
}

#[derive(Deserialize)]
struct SmallView<'a> {
    #[serde(borrow)]
    arrays: Vec<ArrayView1<'a, f64>>,
    #[serde(borrow)]
    texts: Vec<&'a str>,
}

#[derive(Serialize, Deserialize)]
struct Entry {
    number: u64,
    label: String,
    score: f32,
    place: Option<(i32, i32)>,
}

#[derive(Serialize)]
struct Layer {
    weight: Array1<f32>,
    bias: Array1<f32>,
    name: String,
}

#[derive(Deserialize)]
struct LayerView<'a> {
    #[serde(borrow)]
    weight: ArrayView1<'a, f32>,
    #[serde(borrow)]
    bias: ArrayView1<'a, f32>,
    name: &'a str,
}

fn small() -> Small {
    Small {
        arrays: (0..1_000).map(|at| vec![f64::from(at); 16]).collect(),
        texts: (0..1_000).map(|at| format!("text {at}")).collect(),
    }
}

fn entries() -> Vec<Entry> {
    let entry = |at: i32| Entry {
        number: at.unsigned_abs().into(),
        label: format!("entry {at}"),
        score: 0.5,
        place: (at % 3 > 0).then_some((at, -at)),
    };
    (0..1_000).map(entry).collect()
}

fn layers(count: u16, len: usize) -> BTreeMap<String, Layer> {
    let layer = |at: u16| {
        let weight = Array1::from_elem(len, f32::from(at));
        let bias = Array1::from_elem(len / 4, f32::from(at));
        (format!("layer{at:04}"), Layer { weight, bias, name: format!("the layer {at}") })
    };
    (0..count).map(layer).collect()
}

/// Callgrind counts what is done in here.
#[inline(never)]
fn measured(work: &mut dyn FnMut()) {
    work();
}

fn counted(mut work: impl FnMut()) {
    work();
    measured(&mut work);
}

const NAMES: &[&str] = &[
    "write small arrays and texts",
    "read small arrays and texts",
    "write structs",
    "read structs",
    "write a map of layers",
    "read a map of layers",
    "save small arrays and texts",
    #[cfg(target_os = "linux")]
    "publish 16 arrays",
    #[cfg(target_os = "linux")]
    "attach to 16 arrays",
    #[cfg(target_os = "linux")]
    "map an archive of small arrays and texts",
];

pub(crate) fn names() -> &'static [&'static str] {
    NAMES
}

pub(crate) fn run(work: &str) {
    match work {
        "write small arrays and texts" => {
            let object = small();
            counted(|| drop(black_box(to_bytes(&object).unwrap())));
        }
        "read small arrays and texts" => {
            let block = to_bytes(&small()).unwrap();
            counted(|| {
                let view: SmallView<'_> = from_bytes(&block).unwrap();
                black_box((view.arrays.len(), view.texts.len()));
            });
        }
        "write structs" => {
            let object = entries();
            counted(|| drop(black_box(to_bytes(&object).unwrap())));
        }
        "read structs" => {
            let block = to_bytes(&entries()).unwrap();
            counted(|| drop(black_box(from_bytes::<Vec<Entry>>(&block).unwrap())));
        }
        "write a map of layers" => {
            let object = layers(200, 64);
            counted(|| drop(black_box(to_bytes(&object).unwrap())));
        }
        "read a map of layers" => {
            let block = to_bytes(&layers(200, 64)).unwrap();
            counted(|| {
                let view: BTreeMap<&str, LayerView<'_>> = from_bytes(&block).unwrap();
                black_box(
                    view.values()
                        .map(|layer| layer.weight.len() + layer.bias.len() + layer.name.len())
                        .sum::<usize>(),
                );
            });
        }
        "save small arrays and texts" => {
            let folder = tempfile::tempdir().unwrap();
            let (object, path) = (small(), folder.path().join("small.npz"));
            counted(|| serde_shm::to_npz(&path, &object).unwrap());
        }
        #[cfg(target_os = "linux")]
        other => linux::run(other),
        #[cfg(not(target_os = "linux"))]
        other => panic!("there is no work `{other}`"),
    }
}

#[cfg(target_os = "linux")]
mod linux {
    use std::hint::black_box;

    use serde_shm::{Npz, Segment, ShmArray1, to_shared};

    use super::{SmallView, counted, small};

    fn sixteen() -> Vec<ShmArray1<f32>> {
        (0..16).map(|_| ShmArray1::from(vec![0.5_f32; 1 << 12])).collect()
    }

    pub(super) fn run(work: &str) {
        match work {
            "publish 16 arrays" => {
                let object = sixteen();
                counted(|| drop(black_box(to_shared(&object).unwrap())));
            }
            "attach to 16 arrays" => {
                let segment = to_shared(&sixteen()).unwrap();
                counted(|| {
                    let segment = Segment::open(segment.id()).unwrap();
                    drop(black_box(segment.get::<Vec<ShmArray1<f32>>>().unwrap()));
                });
            }
            "map an archive of small arrays and texts" => {
                let folder = tempfile::tempdir().unwrap();
                let path = folder.path().join("small.npz");
                serde_shm::to_npz(&path, &small()).unwrap();
                counted(|| {
                    // SAFETY: nobody else knows the file.
                    #[allow(unsafe_code)]
                    let file = unsafe { Npz::map(&path) }.unwrap();
                    let view: SmallView<'_> = file.get().unwrap();
                    black_box((view.arrays.len(), view.texts.len()));
                });
            }
            other => panic!("there is no work `{other}`"),
        }
    }
}
