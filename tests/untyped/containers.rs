//! Every dtype and layout into every container, out of it by type and by path, and what NumPy sees of it.

use std::collections::BTreeMap;
use std::io::Write;

use ndarray::{Array1, Ix1, array};
use serde_json::json;
use serde_shm::{
    AlignedBytes, Block, Compression, DType, DTypeKind, Deserialize, ErrorKind, LockedArray, Npz,
    NpzOptions, Order, Segment, Serialize, ShmArray1, UntypedArray, UntypedView,
};

use crate::npz::support::{WAYS, folder, opened, python};
use crate::untyped::{LAYOUTS, Laid, dtype, zoo};

type Arrays = BTreeMap<String, UntypedArray>;

fn arrays(zoo: &[(String, Laid)]) -> Arrays {
    zoo.iter().map(|(name, laid)| (name.clone(), laid.array())).collect()
}

/// The same arrays; those that lay without gaps in the same order.
fn assert_same(found: &Arrays, expected: &Arrays) {
    assert_eq!(found.len(), expected.len());
    for (name, array) in expected {
        let found = &found[name];
        assert!(found == array, "{name}: {found:?} {array:?}");
        assert_eq!(found.order(), Some(array.order().unwrap_or(Order::C)), "{name}");
    }
}

fn start(array: &UntypedArray) -> *const u8 {
    array.as_bytes().unwrap().as_ptr()
}

#[test]
fn blocks_and_segments_give_them_back_without_a_copy() {
    let zoo = zoo();
    let expected = arrays(&zoo);
    let views: BTreeMap<&str, UntypedView<'_>> =
        zoo.iter().map(|(name, laid)| (name.as_str(), laid.view())).collect();
    let bytes = serde_shm::to_bytes(&views).unwrap();
    assert_eq!(bytes, serde_shm::to_bytes(&expected).unwrap());
    assert_same(&serde_shm::from_bytes(&bytes).unwrap(), &expected);
    assert_same(&serde_shm::from_reader(&bytes[..]).unwrap(), &expected);

    let block = Block::new(bytes).unwrap();
    let found: Arrays = block.get().unwrap();
    let lent: BTreeMap<String, UntypedView<'_>> = block.get().unwrap();
    let here = block.as_ref().as_ptr_range();
    assert_same(&found, &expected);
    for (name, array) in &found {
        let by_path = block.array_untyped(name).unwrap();
        assert!(here.contains(&start(array)), "{name}");
        assert_eq!((&by_path, start(&by_path)), (array, start(array)), "{name}");
        assert_eq!(lent[name].as_bytes().unwrap().as_ptr(), start(array), "{name}");
    }

    let segment = serde_shm::to_shared(&expected).unwrap();
    let other = Segment::open(segment.id()).unwrap();
    let found: Arrays = other.get().unwrap();
    let mut kept = Arrays::new();
    for name in expected.keys() {
        let by_path = other.array_untyped(name).unwrap();
        assert_eq!(start(&by_path), start(&found[name]), "{name}");
        kept.insert(name.clone(), by_path);
    }
    // The handles keep the mapping.
    drop((segment, other, found));
    assert_same(&kept, &expected);
    assert_same(&serde_shm::from_bytes(&serde_shm::to_bytes(&kept).unwrap()).unwrap(), &expected);
}

#[test]
fn archives_give_them_back_and_numpy_sees_them() {
    let zoo = zoo();
    let expected = arrays(&zoo);
    let folder = folder();
    let path = folder.path().join("zoo.npz");
    serde_shm::to_npz(&path, &expected).unwrap();
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        assert_same(&file.get().unwrap(), &expected);
        for (name, array) in &expected {
            let by_path = file.array_untyped(name).unwrap();
            assert!(by_path == *array, "{way} {name}");
            let again = file.array_untyped(name).unwrap();
            assert_eq!(start(&again), start(&by_path), "{way} {name}");
        }
        let lent: BTreeMap<String, UntypedView<'_>> = file.get().unwrap();
        assert!(lent["4gaps"] == expected["4gaps"]);
    }
    let packed = folder.path().join("packed.npz");
    NpzOptions::new().compression(Compression::Deflate(1)).save(&packed, &expected).unwrap();
    let file = Npz::open(&packed).unwrap();
    assert_same(&file.get().unwrap(), &expected);
    for (name, array) in &expected {
        assert!(file.array_untyped(name).unwrap() == *array, "{name}");
    }

    let manifest: serde_json::Map<String, serde_json::Value> = zoo
        .iter()
        .map(|(name, laid)| {
            let fortran = name.ends_with('F');
            let bytes = match laid.view().as_bytes() {
                Some(bytes) => bytes.to_vec(),
                None => laid.rows.clone(),
            };
            let dtype = match laid.dtype.kind() {
                DTypeKind::Struct => format!("|V{}", laid.dtype.item_size()),
                _ => laid.dtype.to_string(),
            };
            let shape = laid.view().shape().to_vec();
            let entry = json!({"dtype": dtype, "shape": shape, "fortran": fortran, "bytes": bytes});
            (name.clone(), entry)
        })
        .collect();
    let list = folder.path().join("zoo.json");
    std::fs::write(&list, serde_json::to_vec(&manifest).unwrap()).unwrap();
    python("check.py", &[&path, &list]);
}

/// An archive of another program, whose array does not start at a multiple of anything.
#[test]
fn a_mapped_array_that_lies_unaligned_is_seen_where_it_lies() {
    let folder = folder();
    let path = folder.path().join("odd.npz");
    let mut archive = zip::ZipWriter::new(std::fs::File::create(&path).unwrap());
    for (name, text) in [("a.npy", "<u4"), ("bc.npy", ">f8"), ("d.npy", "|u1")] {
        archive.start_file(name, plain()).unwrap();
        let header = format!("{{'descr': '{text}', 'fortran_order': False, 'shape': (3,), }}");
        archive.write_all(b"\x93NUMPY\x01\0").unwrap();
        archive.write_all(&(header.len() as u16).to_le_bytes()).unwrap();
        archive.write_all(header.as_bytes()).unwrap();
        let size = dtype(text).item_size() as u8;
        archive.write_all(&(0..3 * size).collect::<Vec<u8>>()).unwrap();
    }
    archive.finish().unwrap();
    for way in WAYS {
        let file = opened(way, &path).unwrap();
        let (mut aligned, mut same) = (0, 0);
        for (name, text) in [("a", "<u4"), ("bc", ">f8"), ("d", "|u1")] {
            let array = file.array_untyped(name).unwrap();
            let size = dtype(text).item_size();
            assert_eq!((array.dtype(), array.shape()), (&dtype(text), &[3][..]));
            let bytes: Vec<u8> = (0..3 * size as u8).collect();
            assert_eq!(array.as_bytes(), Some(&bytes[..]));
            aligned += usize::from(start(&array).addr().is_multiple_of(size));
            same += usize::from(start(&array) == start(&file.array_untyped(name).unwrap()));
            assert_eq!(array.to_dyn().unwrap().shape(), [3]);
        }
        assert_eq!(same, 3, "{way}");
        assert_eq!(aligned == 3, way != "map", "{way}: nothing lies unaligned in this file");
        assert_eq!(file.array::<u32, Ix1>("a").unwrap()[0], 0x0302_0100);
    }
}

fn plain() -> zip::write::SimpleFileOptions {
    zip::write::SimpleFileOptions::default().compression_method(zip::CompressionMethod::Stored)
}

/// Bytes of a block at an odd address.
struct Odd(AlignedBytes);

impl AsRef<[u8]> for Odd {
    fn as_ref(&self) -> &[u8] {
        &self.0[1..]
    }
}

#[test]
fn a_block_at_an_odd_address_is_seen_where_it_lies() {
    let bytes = serde_shm::to_bytes(&BTreeMap::from([("x", array![1.5_f64, 2.5])])).unwrap();
    let odd = Odd(AlignedBytes::copy_from(&[&[0][..], &bytes].concat()));
    let block = Block::new(odd).unwrap();
    let array = block.array_untyped("x").unwrap();
    assert!(block.as_ref().as_ptr_range().contains(&start(&array)));
    assert_eq!(array.to_shm::<f64, Ix1>().unwrap_err().kind(), ErrorKind::Mismatch);
    let shared = array.view().to_array().unwrap().to_shm::<f64, Ix1>().unwrap();
    assert_eq!(shared, array![1.5, 2.5]);
}

#[test]
fn paths_that_are_not_there_and_arrays_that_change() {
    let object = (BTreeMap::from([("weight", vec![1_u8])]), LockedArray::from(vec![1_u8]));
    let object = (
        object.0.into_iter().map(|(k, v)| (k, ShmArray1::from(v))).collect::<BTreeMap<_, _>>(),
        object.1,
    );
    let segment = serde_shm::to_shared(&object).unwrap();
    let error = segment.array_untyped("0.weihgt").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::NotFound);
    assert!(error.to_string().contains("`0.weight`"), "{error}");
    assert_eq!(segment.array_untyped("0.weight").unwrap().as_bytes(), Some(&[1][..]));
    let error = segment.array_untyped("1").unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    type Plain = (BTreeMap<String, UntypedArray>, UntypedArray);
    let error = segment.get::<Plain>().unwrap_err();
    assert_eq!(error.kind(), ErrorKind::Mismatch, "{error}");
    let block = Block::new(serde_shm::to_bytes(&object).unwrap()).unwrap();
    assert_eq!(block.array_untyped("x").unwrap_err().kind(), ErrorKind::NotFound);
    // Elsewhere an array that changes is an ordinary one.
    assert_eq!(block.array_untyped("1").unwrap().as_bytes(), Some(&[1][..]));
    let folder = folder();
    let path = folder.path().join("x.npz");
    serde_shm::to_npz(&path, &object).unwrap();
    let file = Npz::open(&path).unwrap();
    assert_eq!(file.array_untyped("x").unwrap_err().kind(), ErrorKind::NotFound);
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Fields {
    name: String,
    #[shm_array]
    marked: UntypedArray,
    plain: UntypedArray,
    maybe: Option<UntypedArray>,
    list: Vec<UntypedArray>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
struct Borrowing<'a> {
    name: &'a str,
    #[shm_array]
    marked: UntypedView<'a>,
    #[serde(borrow)]
    plain: UntypedView<'a>,
}

#[derive(Serialize, Deserialize, Debug, PartialEq)]
#[serde(tag = "kind")]
enum Tagged {
    Inner { array: UntypedArray },
}

#[test]
fn fields_of_every_sort() {
    let laid = Laid::new(">f4", "gaps");
    let small = UntypedArray::from(ShmArray1::from(vec![1_u8, 2, 3]));
    let fields = Fields {
        name: "x".to_owned(),
        marked: laid.array(),
        plain: small.clone(),
        maybe: Some(small.clone()),
        list: LAYOUTS.iter().map(|layout| Laid::new("<U2", layout).array()).collect(),
    };
    let segment = serde_shm::to_shared(&fields).unwrap();
    assert_eq!(segment.get::<Fields>().unwrap(), fields);
    assert_eq!(segment.array_untyped("list.3").unwrap(), fields.list[3]);
    let borrowing = Borrowing { name: "x", marked: laid.view(), plain: small.view() };
    let bytes = serde_shm::to_bytes(&borrowing).unwrap();
    assert_eq!(serde_shm::from_bytes::<Borrowing<'_>>(&bytes).unwrap(), borrowing);
    let tagged = Tagged::Inner { array: laid.array() };
    let bytes = serde_shm::to_bytes(&tagged).unwrap();
    assert_eq!(serde_shm::from_bytes::<Tagged>(&bytes).unwrap(), tagged);

    // Types and places may change: what was written typed is read untyped, and the other way round.
    let typed = serde_shm::to_bytes(&array![[1_i16, 2], [3, 4]]).unwrap();
    let any: UntypedArray = serde_shm::from_bytes(&typed).unwrap();
    assert_eq!((any.dtype(), any.shape()), (&DType::I16, &[2, 2][..]));
    let bytes = serde_shm::to_bytes(&laid.view().to_array().unwrap()).unwrap();
    assert_eq!(serde_shm::from_bytes::<ndarray::Array3<f32>>(&bytes).unwrap().shape(), [3, 4, 2]);
    let plain: Vec<u8> = serde_shm::from_bytes(&serde_shm::to_bytes(&small).unwrap()).unwrap();
    assert_eq!(plain, [1, 2, 3]);
    assert_eq!(
        serde_shm::from_bytes::<Array1<u8>>(&serde_shm::to_bytes(&small).unwrap()).unwrap(),
        array![1, 2, 3]
    );
}
