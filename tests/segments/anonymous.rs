//! Segments without a name: by id, in one process and across two.

use std::os::fd::AsFd;
use std::time::Instant;

use ndarray::{Ix1, Ix2};
use serde_shm::{ErrorKind, Segment, ShmArray1, from_shared, to_shared};

use crate::child::{Child, say};
use crate::model::{Model, ModelView, mapping_of};

#[test]
fn a_segment_can_be_sent_and_shared() {
    fn is<T: Send + Sync>() {}
    is::<Segment>();
}

#[test]
fn an_object_comes_back_owned_and_borrowed() {
    let model = Model::new(3);
    let made = to_shared(&model).unwrap();
    assert_eq!(from_shared::<Model>(made.id()).unwrap(), model);
    let seen = Segment::open(made.id()).unwrap();
    assert_eq!((seen.len(), seen.name()), (made.len(), None));
    let view: ModelView<'_> = seen.get().unwrap();
    assert_eq!(
        (view.name, view.weights, view.bias),
        ("model-3", model.weights.view(), &model.bias[..])
    );
    for address in [view.weights.as_ptr().addr(), view.bias.as_ptr().addr()] {
        let mapping = mapping_of(address);
        assert!(mapping.contains("r--s") && mapping.contains("/memfd:serde_shm"), "{mapping}");
        assert_eq!(address % 64, 0);
    }
}

#[test]
fn one_array_alone_and_what_is_known_of_all() {
    let model = Model::new(1);
    let segment = to_shared(&model).unwrap();
    let arrays = segment.arrays().unwrap();
    let paths: Vec<&str> = arrays.iter().map(serde_shm::ArrayInfo::path).collect();
    assert_eq!(paths, ["weights", "bias", "layers.a"]);
    assert_eq!((arrays[0].shape(), arrays[0].dtype().to_string().as_str()), (&[40, 30][..], "<f4"));
    assert!(arrays.iter().all(serde_shm::ArrayInfo::is_zero_copy));
    let weights = segment.array::<f32, Ix2>("weights").unwrap();
    assert_eq!(weights, model.weights);
    assert_eq!(weights.as_ptr().addr() % 64, 0);

    let error = segment.array::<u16, Ix1>("layers.b").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    let text = error.to_string();
    assert!(text.starts_with(segment.id()) && text.contains("no array `layers.b`"), "{text}");
    assert!(text.contains("it has `layers.a`, `"), "{text}");
    let error = segment.array::<f64, Ix2>("weights").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
    assert!(error.to_string().contains("expected f64, found f32"), "{error}");
    let error = segment.array::<f32, Ix1>("weights").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch);
}

#[test]
fn another_process_attaches_by_id() {
    let model = Model::new(9);
    let segment = to_shared(&model).unwrap();
    let mut child = Child::start("attach", &[segment.id()]);
    assert_eq!(child.line(), "model-9 9 499500");
    child.finish();
}

pub(crate) fn attach(id: &str) {
    let segment = Segment::open(id).unwrap();
    let view: ModelView<'_> = segment.get().unwrap();
    let model: Model = from_shared(id).unwrap();
    let sum: f64 = view.bias.iter().sum();
    say(format_args!("{} {} {sum}", view.name, model.epoch));
    // What was opened is sealed for the one who opened it, too.
    let file = std::fs::File::from(segment.as_fd().try_clone_to_owned().unwrap());
    assert!(file.set_len(0).is_err());
    let path = format!("/proc/self/fd/{}", std::os::fd::AsRawFd::as_raw_fd(&segment.as_fd()));
    let file = std::fs::File::options().write(true).open(path).unwrap();
    assert!(file.set_len(0).is_err() && file.set_len(1 << 30).is_err());
    assert!(std::io::Write::write(&mut &file, b"x").is_err());
}

#[test]
fn the_id_of_an_opened_segment_outlives_its_maker() {
    let made = to_shared("text").unwrap();
    let (old, opened) = (made.id().to_owned(), Segment::open(made.id()).unwrap());
    assert_ne!(old, opened.id());
    assert_eq!(old.rsplit(':').next(), opened.id().rsplit(':').next());
    drop(made);
    assert_eq!(from_shared::<String>(opened.id()).unwrap(), "text");
    assert_eq!(opened.get::<&str>().unwrap(), "text");
}

#[test]
fn a_handle_keeps_the_memory_but_no_descriptor() {
    let segment = to_shared(&ShmArray1::from(vec![5_u64; 10_000])).unwrap();
    let id = segment.id().to_owned();
    let array: ShmArray1<u64> = from_shared(&id).unwrap();
    drop(segment);
    // Of what kind depends on what another test has put under that number by now.
    assert!(Segment::open(&id).is_err());
    assert!(mapping_of(array.as_ptr().addr()).contains("/memfd:serde_shm"));
    assert_eq!(array.sum(), 50_000);
}

#[test]
fn attaching_does_not_touch_arrays() {
    let segment = to_shared(&(ShmArray1::from(vec![1_u8; 256 << 20]), "end")).unwrap();
    let mut child = Child::start("cost", &[segment.id()]);
    let resident: usize = child.line().parse().unwrap();
    println!("resident after attaching 256 MiB: {resident} KiB; {}", child.line());
    // The kernel maps 16 pages around each of the few that are read.
    assert!(resident <= 512, "{resident} KiB");
    child.finish();
}

pub(crate) fn cost(id: &str) {
    let started = Instant::now();
    let (array, end): (ShmArray1<u8>, String) = from_shared(id).unwrap();
    let took = started.elapsed();
    assert_eq!(end, "end");
    let start = mapping_of(array.as_ptr().addr());
    let maps = std::fs::read_to_string("/proc/self/smaps").unwrap();
    let mut lines = maps.lines().skip_while(|line| *line != start);
    let resident = lines.find_map(|line| line.strip_prefix("Rss:")).unwrap();
    say(resident.trim().trim_end_matches(" kB"));
    say(format_args!("first attach {took:?}"));
    assert_eq!(array[(256 << 20) - 1], 1);
}

#[test]
fn an_object_of_another_type_names_the_field() {
    #[derive(serde_shm::Deserialize, Debug)]
    struct Wrong {
        #[allow(dead_code)]
        epoch: String,
    }
    let segment = to_shared(&Model::new(1)).unwrap();
    let error = segment.get::<Wrong>().unwrap_err();
    assert_eq!((error.kind(), error.path().as_deref()), (ErrorKind::Mismatch, Some("epoch")));
    assert_eq!(error.container(), Some(segment.id()));
}
