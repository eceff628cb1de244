//! Values of archives that other programs wrote: all that there is to go by are the names of arrays.

use std::io::Write;
use std::path::Path;

use ndarray::{Ix1, arr0, arr2, array};
use ndarray_npy::NpzWriter;
use serde::Deserialize;
use serde_shm::{Npz, Value, to_bytes};

fn archive(path: &Path) {
    let mut file = NpzWriter::new(std::fs::File::create(path).unwrap());
    file.add_array("layers.0.weight", &arr2(&[[1.0_f32, 2.0], [3.0, 4.0]])).unwrap();
    file.add_array("layers.0.bias", &array![0.5_f32]).unwrap();
    file.add_array("layers.1.weight", &arr2(&[[5.0_f32]])).unwrap();
    file.add_array("group/x", &array![1_i64, 2]).unwrap();
    file.add_array("epoch", &arr0(7_u32)).unwrap();
    file.finish().unwrap();
}

#[test]
fn names_are_maps_and_numbers_are_lists() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    archive(&path);
    let content = std::fs::read(&path).unwrap();
    for file in [Npz::open(&path).unwrap(), Npz::from_bytes(content).unwrap()] {
        let value = file.value().unwrap();
        assert_eq!(value["layers"].as_slice().unwrap().len(), 2);
        for info in file.arrays().unwrap() {
            let found = value.get(&info.path().replace('/', ".")).and_then(Value::as_array);
            let found = found.unwrap_or_else(|| panic!("{} leads nowhere in {value}", info.path()));
            assert_eq!((found.dtype(), found.shape()), (info.dtype(), info.shape()));
        }
        let weight = value["layers.0.weight"].as_array().unwrap();
        assert_eq!(weight.to_shm::<f32, ndarray::Ix2>().unwrap()[[1, 0]], 3.0);

        // A copy of our own has the same arrays, by the same names.
        let copy = folder.path().join("copy.npz");
        serde_shm::to_npz(&copy, &value).unwrap();
        let copy = Npz::open(&copy).unwrap();
        assert_eq!(copy.array::<i64, Ix1>("group.x").unwrap(), array![1, 2]);
        assert_eq!(copy.value().unwrap(), value);
        let again: Value = serde_shm::from_bytes(&to_bytes(&value).unwrap()).unwrap();
        assert_eq!(again, value);

        // A part of it that is a value of a type that is known otherwise.
        #[derive(Deserialize)]
        struct Known {
            epoch: u32,
            layers: Vec<Value>,
        }
        let known: Known = file.get().unwrap();
        assert_eq!((known.epoch, &known.layers[1]), (7, &value["layers.1"]));
    }
}

#[test]
fn one_array_is_an_array_and_a_place_may_be_both() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("one.npy");
    ndarray_npy::write_npy(&path, &array![1_u16, 2]).unwrap();
    let value = Npz::open(&path).unwrap().value().unwrap();
    assert_eq!(value.as_array().unwrap().shape(), [2]);

    // `a` is an array, and there are others further in.
    let path = folder.path().join("both.npz");
    let mut file = NpzWriter::new(std::fs::File::create(&path).unwrap());
    file.add_array("a", &array![1_u8]).unwrap();
    file.add_array("a.b", &array![2_u8]).unwrap();
    file.finish().unwrap();
    let value = Npz::open(&path).unwrap().value().unwrap();
    assert_eq!(value["a.b"].as_array().unwrap().as_bytes(), Some(&[2][..]));
    assert_eq!(value["a.%"].as_array().unwrap().as_bytes(), Some(&[1][..]));

    let empty = folder.path().join("empty.npz");
    NpzWriter::new(std::fs::File::create(&empty).unwrap()).finish().unwrap();
    assert_eq!(Npz::open(&empty).unwrap().value().unwrap().to_string(), "{}");
}

#[test]
fn a_damaged_array_is_an_error_that_names_it() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("a.npz");
    archive(&path);
    let mut content = std::fs::read(&path).unwrap();
    let name = b"layers.1.weight";
    let at = content.windows(name.len()).position(|bytes| bytes == name).unwrap();
    let data = at
        + content[at..].windows(2).position(|bytes| bytes == b"}\n" || bytes == b" \n").unwrap()
        + 2;
    content[data + 1] ^= 1;
    std::fs::File::create(&path).unwrap().write_all(&content).unwrap();
    let error = Npz::open(&path).unwrap().value().unwrap_err();
    assert_eq!(error.kind(), serde_shm::ErrorKind::Corrupt, "{error}");
    assert!(error.to_string().contains("layers.1.weight"), "{error}");
}

/// A tool that shows objects needs the names of structs and variants, and not a byte of the arrays: they may be larger than memory.
#[test]
fn other_arrays_stand_in_the_places_of_the_files() {
    use serde_shm::{ArrayInfo, ErrorKind, ShmArray1, UntypedArray};

    #[derive(serde::Serialize)]
    struct Model {
        name: &'static str,
        state: State,
        layers: Vec<ShmArray1<f32>>,
    }
    #[derive(serde::Serialize)]
    enum State {
        Trained { loss: ndarray::Array2<f64> },
    }
    let zeros = |info: &ArrayInfo| {
        let (dtype, strides) = (info.dtype().clone(), vec![0; info.shape().len()]);
        let zero = vec![0; dtype.item_size()];
        UntypedArray::from_owner_with_strides(dtype, info.shape(), &strides, 0, zero)
    };
    let folder = tempfile::tempdir().unwrap();
    let (ours, theirs) = (folder.path().join("ours.npz"), folder.path().join("theirs.npz"));
    let model = Model {
        name: "m",
        state: State::Trained { loss: arr2(&[[1.5, 2.5]]) },
        layers: vec![vec![1.0; 1000].into(), vec![2.0; 3].into()],
    };
    serde_shm::to_npz(&ours, &model).unwrap();
    archive(&theirs);
    for path in [&ours, &theirs] {
        // Every array is damaged, so that none can be read.
        let whole = Npz::open(path).unwrap().value().unwrap();
        let mut bytes = std::fs::read(path).unwrap();
        let infos = Npz::open(path).unwrap().arrays().unwrap();
        for info in &infos {
            bytes[info.range().unwrap().start as usize] ^= 0x55;
        }
        let file = Npz::from_bytes(bytes).unwrap();
        assert_eq!(file.value().unwrap_err().kind(), ErrorKind::Corrupt);
        let mut asked = Vec::new();
        let value = file.value_with(|path| {
            asked.push(path.to_owned());
            infos.iter().find(|info| info.path() == path).map(zeros).transpose()
        });
        assert_eq!(value.unwrap().to_string(), whole.to_string());
        asked.sort();
        let mut paths: Vec<&str> = infos.iter().map(ArrayInfo::path).collect();
        paths.sort_unstable();
        assert_eq!(asked, paths);
    }
    // What is not given is read, and an error has its place.
    let file = Npz::open(&ours).unwrap();
    let value = file.value_with(|path| {
        if path == "layers.1" { zeros(&file.arrays()?[2]).map(Some) } else { Ok(None) }
    });
    assert_eq!(
        value.unwrap()["state.Trained.loss"].as_array().unwrap().as_bytes().unwrap()[7],
        0x3f
    );
    let refused = |_: &str| Err(serde_shm::Error::new(ErrorKind::Unsupported, "not today"));
    let error = file.value_with(refused).unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Unsupported);
    assert!(error.to_string().contains("state.Trained.loss: not today"), "{error}");
}
