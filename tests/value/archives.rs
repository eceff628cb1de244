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
