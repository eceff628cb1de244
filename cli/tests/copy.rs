//! `cp` and `verify`.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::array;
use serde::{Deserialize, Serialize};
use serde_shm::{Block, LockedArray, Npz, Order, Segment, ShmArray1, UntypedArray};

use crate::support::{
    Folder, Model, Removed, Running, model, name, ok, publish, python, run, trouble,
};

/// Reads a target as its type.
fn read(target: &str) -> Model {
    if target.contains(".npz") {
        serde_shm::from_npz(target).unwrap()
    } else if target.contains('/') {
        serde_shm::from_bytes(&std::fs::read(target).unwrap()).unwrap()
    } else {
        serde_shm::from_shared(target).unwrap()
    }
}

#[test]
fn a_typed_reader_sees_no_copy() {
    let folder = Folder::new();
    let (made, _segment) = publish("origin", &model());
    let (npz, block) = (folder.text("m.npz"), folder.text("m.block"));
    let segment = Removed(name("copy"));
    // There and back, once around.
    for (from, to) in [(&made, &npz), (&npz, &block), (&block, &segment.0)] {
        assert_eq!(ok(["cp", from, to]), "");
        assert_eq!(read(to), model(), "{from} to {to}");
    }
    // And every way from each to each.
    for from in [&segment.0, &npz, &block] {
        let (npz, block, copy) =
            (folder.text("c.npz"), folder.text("c.block"), Removed(name("pair")));
        for to in [&npz, &block, &copy.0] {
            assert_eq!(ok(["cp", from, to]), "");
            assert_eq!(read(to), model(), "{from} to {to}");
            assert_eq!(run(["diff", &made, to]).code, Some(0), "{from} to {to}");
        }
        assert_eq!(std::fs::read(&block).unwrap(), *serde_shm::to_bytes(&model()).unwrap());
    }
}

/// A block goes into a segment and out of it without being decoded.
#[test]
fn a_cut_block_makes_no_segment() {
    let folder = Folder::new();
    let file = folder.path("c.block");
    let bytes = serde_shm::to_bytes(&model()).unwrap();
    std::fs::write(&file, &bytes[..bytes.len() - 9]).unwrap();
    let copy = Removed(name("cut"));
    assert_eq!(run(["cp", file.to_str().unwrap(), &copy.0]).code, Some(2));
    assert!(Segment::open(&copy.0).is_err());
}

#[test]
fn an_npy_file_comes_and_goes() {
    let folder = Folder::new();
    let (a, b) = (folder.path("a.npy"), folder.path("b.npy"));
    let Some(_) =
        python("np.save(sys.argv[1], np.asfortranarray(np.arange(6).reshape(2, 3)))", &[&a])
    else {
        return;
    };
    let copy = Removed(name("npy"));
    let [text_a, text_b] = [&a, &b].map(|path| path.to_str().unwrap().to_owned());
    let (npz, block) = (folder.text("x.npz"), folder.text("x.block"));
    for (from, to) in [(&text_a, &copy.0), (&copy.0, &npz), (&npz, &block), (&block, &text_b)] {
        assert_eq!(ok(["cp", from, to]), "");
    }
    let script = "a, b = (np.load(path) for path in sys.argv[1:])
print(np.array_equal(a, b), a.dtype == b.dtype, b.flags.f_contiguous)";
    assert_eq!(python(script, &[&a, &b]).unwrap().trim(), "True True True");
    let array: ShmArray1<f64> = vec![0.5].into();
    let (one, _segment) = publish("one", &[array]);
    assert_eq!(ok(["cp", &one, &text_b]), "");
    assert_eq!(python("print(np.load(sys.argv[1]))", &[&b]).unwrap().trim(), "[0.5]");
    let (many, _segment) = publish("many", &model());
    assert!(trouble(["cp", &many, &text_b]).contains("name one by `--only`"));
    assert_eq!(ok(["cp", &many, &text_b, "--only", "layers.1.bias"]), "");
    assert_eq!(python("print(np.load(sys.argv[1]).shape)", &[&b]).unwrap().trim(), "(4,)");
}

#[test]
fn compressed_archives_are_smaller_and_the_same() {
    let folder = Folder::new();
    let (zeros, _segment) = publish("zeros", &[ndarray::Array1::<f64>::zeros(10_000)]);
    let (plain, small) = (folder.text("p.npz"), folder.text("s.npz"));
    ok(["cp", &zeros, &plain]);
    ok(["cp", &zeros, &small, "--compress"]);
    let size = |path: &str| std::fs::metadata(path).unwrap().len();
    assert!(size(&small) * 10 < size(&plain));
    assert_eq!(run(["diff", &plain, &small]).code, Some(0));
    ok(["cp", &zeros, &small, "--compress=1"]);
    assert!(trouble(["cp", &zeros, &small, "--compress=0"]).contains("level"));
    assert!(trouble(["cp", &zeros, "some-name", "--compress"]).contains("is for .npz files"));
}

#[test]
fn parts_are_copied_alone() {
    let folder = Folder::new();
    let (made, _segment) = publish("only", &model());
    let (npz, block) = (folder.text("o.npz"), folder.text("o.block"));
    ok(["cp", &made, &npz, "--only", "layers.0.weight", "--only", "epoch"]);
    let value = Npz::open(&npz).unwrap().value().unwrap();
    assert_eq!(value.to_string(), "Model { epoch: 7, layers: [Layer { weight: <f4 [3, 4] }] }");
    // A field's own variant, and all that is below a path.
    ok(["cp", &made, &block, "--only", "state", "--only", "layers.1"]);
    let value = Block::new(std::fs::read(&block).unwrap()).unwrap().value().unwrap();
    assert_eq!(
        value.to_string(),
        "Model { state: Trained { loss: 0.25 }, layers: [Layer { weight: <f4 [3, 4], bias: <f8 [4] }] }"
    );
    assert!(trouble(["cp", &made, &block, "--only", "layers.1.bia"]).contains("`layers.1.bias`"));
}

/// Of an archive only what is asked for is read: another member may be damaged.
#[test]
fn an_array_of_an_archive_is_read_alone() {
    let folder = Folder::new();
    let file = folder.path("d.npz");
    let Some(_) =
        python("np.savez(sys.argv[1], **{'a/0': np.arange(3), 'a/1': np.ones(1000)})", &[&file])
    else {
        return;
    };
    let text = file.to_str().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    let middle = bytes.len() / 2;
    bytes[middle] ^= 1;
    std::fs::write(&file, bytes).unwrap();
    let copy = folder.text("c.block");
    ok(["cp", text, &copy, "--only", "a/0"]);
    let back: std::collections::BTreeMap<String, Vec<ShmArray1<i64>>> =
        serde_shm::from_bytes(&std::fs::read(&copy).unwrap()).unwrap();
    assert_eq!(back["a"][0], array![0, 1, 2]);
    assert_eq!(ok(["show", text, "a/0"]), "[0 1 2]\n");
    let said = run(["verify", text]);
    assert_eq!(said.code, Some(1));
    assert!(said.out.contains("damaged") && said.out.contains("a/1"), "{}", said.out);
}

#[test]
fn a_name_in_use_is_taken_only_if_asked() {
    let (made, _segment) = publish("used", &1_u8);
    let other = Removed(name("other"));
    ok(["cp", &made, "--name", &other.0]);
    assert!(trouble(["cp", &made, &other.0]).contains("`--replace` takes the name"));
    ok(["cp", &made, &other.0, "--replace"]);
    assert!(trouble(["cp", &made, "x.tar"]).contains("which kind of container"));
    assert!(trouble(["cp", &made, "x.safetensors"]).contains("convert"));
}

#[test]
fn a_held_segment_lives_until_ctrl_c() {
    let folder = Folder::new();
    let block = folder.path("h.block");
    std::fs::write(&block, serde_shm::to_bytes(&model()).unwrap()).unwrap();
    let held = name("held");
    let mut tool = Running::new(["cp", block.to_str().unwrap(), &held, "--hold"]);
    let line = tool.line();
    assert!(line.starts_with(&format!("holding {held}")), "{line}");
    let model_seen: Model = Segment::open(&held).unwrap().get().unwrap();
    assert_eq!(model_seen, model());
    tool.interrupt();
    assert_eq!(tool.end().1, Some(0));
    assert!(Segment::open(&held).is_err());
}

#[test]
fn live_arrays_are_frozen_where_they_cannot_live() {
    let folder = Folder::new();
    let (made, _segment) = publish("freeze", &("a", LockedArray::from(vec![1_u8, 2])));
    let file = folder.text("f.npz");
    let said = run(["cp", &made, &file]);
    assert_eq!(said.code, Some(0));
    assert!(said.err.contains("1 live array is copied as it is now"), "{}", said.err);
    let (text, array): (String, ShmArray1<u8>) = serde_shm::from_npz(&file).unwrap();
    assert_eq!((text.as_str(), array), ("a", vec![1, 2].into()));
}

#[test]
fn whole_containers_are_whole() {
    let folder = Folder::new();
    let (made, _segment) = publish("whole", &model());
    let (npz, block, npy) = (folder.text("w.npz"), folder.text("w.block"), folder.text("w.npy"));
    ok(["cp", &made, &npz, "--compress"]);
    ok(["cp", &made, &block]);
    ok(["cp", &made, &npy, "--only", "columns"]);
    for target in [&made, &npz, &block, &npy] {
        let said = ok(["verify", target]);
        assert!(said.contains(": whole: "), "{said}");
    }
    for file in [&npz, &block] {
        let mut bytes = std::fs::read(file).unwrap();
        // In the middle of an archive are its members; in a block only what is behind the arrays has a checksum.
        let place = if file == &npz { bytes.len() / 2 } else { bytes.len() - 1 };
        bytes[place] ^= 0x55;
        std::fs::write(file, bytes).unwrap();
        assert_eq!(run(["verify", file]).code, Some(1), "{file}");
    }
    std::fs::write(&npy, &std::fs::read(&npy).unwrap()[..130]).unwrap();
    let said = run(["verify", &npy]);
    assert_eq!(said.code, Some(1), "{}{}", said.out, said.err);
    assert_eq!(run(["verify", "/no/such/file"]).code, Some(2));
    assert!(Path::new(&npy).exists());
}

/// An object of everything that a container can have.
#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Rich {
    unit: (),
    marker: Marker,
    #[expect(clippy::option_option, reason = "a container tells all three cases")]
    nested: [Option<Option<u8>>; 3],
    variants: Vec<Variant>,
    tuple: (i8, u128, i128, char, f32, bool, String),
    celsius: Celsius,
    by_pair: BTreeMap<(u8, String), Vec<ShmArray1<u8>>>,
    by_bool: BTreeMap<bool, ShmArray1<f32>>,
    by_char: BTreeMap<char, Option<ShmArray1<i64>>>,
    by_option: BTreeMap<Option<i16>, Variant>,
    odd_names: BTreeMap<String, ShmArray1<u16>>,
    address: std::net::Ipv6Addr,
    #[serde(skip_serializing_if = "Option::is_none")]
    absent: Option<u8>,
    #[serde(with = "serde_bytes")]
    short: Vec<u8>,
    #[serde(with = "serde_bytes")]
    long: Vec<u8>,
    numbers: Vec<u32>,
    mixed: Vec<(f64, Option<String>)>,
    plain: ndarray::Array2<f64>,
    arrays: BTreeMap<String, UntypedArray>,
}

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Marker;

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
struct Celsius(f32);

#[derive(Clone, Debug, PartialEq, Serialize, Deserialize)]
enum Variant {
    Unit,
    Newtype(ShmArray1<f64>),
    Tuple(u8, Box<Variant>),
    Struct { weight: Option<ShmArray1<f32>>, name: String },
}

fn rich() -> Rich {
    let newtype = || Variant::Newtype(vec![0.5].into());
    let array = |dtype: &str, shape: &[usize], order| {
        let dtype: serde_shm::DType = dtype.parse().unwrap();
        let len = shape.iter().product::<usize>() * dtype.item_size();
        // Zeros and ones are bools, characters and all else.
        let bytes: Vec<u8> = match dtype.kind() {
            serde_shm::DTypeKind::Text => (0..len).map(|at| b'a' * u8::from(at % 4 == 0)).collect(),
            _ => (0..len).map(|at| (at % 2) as u8).collect(),
        };
        UntypedArray::from_owner(dtype, shape, order, bytes).unwrap()
    };
    let mut arrays = BTreeMap::new();
    for dtype in [
        "|b1",
        "|i1",
        "<i2",
        "<i4",
        "<i8",
        "|u1",
        "<u2",
        "<u4",
        "<u8",
        "<f2",
        "<V2",
        "<f4",
        "<f8",
        "<c8",
        "<c16",
        ">f4",
        ">i8",
        "<U3",
        "|S5",
        "|V7",
        "<M8[ns]",
        "<m8[3D]",
        "[('a', '<f4', (2,)), ('b', [('c', '|u1'), ('d', '>i2')])]",
    ] {
        for (shape, order) in [
            (&[][..], Order::C),
            (&[0], Order::C),
            (&[3, 0, 2], Order::F),
            (&[5], Order::C),
            (&[2, 3], Order::C),
            (&[2, 3], Order::F),
            (&[2, 1, 3], Order::F),
        ] {
            let name = format!("{dtype} {shape:?} {order:?}");
            arrays.insert(name, array(dtype, shape, order));
        }
    }
    Rich {
        unit: (),
        marker: Marker,
        nested: [None, Some(None), Some(Some(3))],
        variants: vec![
            Variant::Unit,
            newtype(),
            Variant::Tuple(1, Box::new(Variant::Tuple(2, Box::new(newtype())))),
            Variant::Struct { weight: Some(vec![1.5].into()), name: "n".into() },
            Variant::Struct { weight: None, name: String::new() },
        ],
        tuple: (-1, u128::MAX, i128::MIN, 'ß', f32::MIN_POSITIVE, true, "t\u{1b}\0".into()),
        celsius: Celsius(21.5),
        by_pair: [((1, "a".into()), vec![vec![1].into(), vec![].into()])].into(),
        by_bool: [(false, vec![].into()), (true, vec![2.5].into())].into(),
        by_char: [('.', Some(vec![-1].into())), ('%', None)].into(),
        by_option: [(None, Variant::Unit), (Some(-7), newtype())].into(),
        odd_names: ["", ".", "a.b", "/x/y", "../up", "日本", "a\nb", "#0", "%41", "x.npy", " "]
            .map(|name| (name.to_owned(), vec![name.len() as u16].into()))
            .into(),
        address: std::net::Ipv6Addr::LOCALHOST,
        absent: None,
        short: vec![1; 10],
        long: vec![2; 1000],
        numbers: (0..1000).collect(),
        mixed: (0..40).map(|at| (f64::from(at), (at % 3 == 0).then(|| at.to_string()))).collect(),
        plain: array![[1.0, 2.0], [3.0, f64::NEG_INFINITY]],
        arrays,
    }
}

#[test]
fn a_rich_object_comes_through_every_chain_of_copies() {
    let folder = Folder::new();
    let object = rich();
    let block = serde_shm::to_bytes(&object).unwrap();
    // Of an address, which has two forms, the tables of what a program writes name the form that it does not have, too.
    let value = Block::new(block.clone()).unwrap().value().unwrap();
    let copied = serde_shm::to_bytes(&value).unwrap();
    let kinds = ["segment", "npz", "packed.npz", "block"];
    let place = |step: &str, kind: &str| match kind {
        "segment" => name(&format!("chain-{step}")),
        _ => folder.text(&format!("{step}.{kind}")),
    };
    let read = |target: &str| -> Rich {
        match target {
            _ if target.contains(".npz") => serde_shm::from_npz(target).unwrap(),
            _ if target.contains('/') => {
                serde_shm::from_bytes(&std::fs::read(target).unwrap()).unwrap()
            }
            _ => serde_shm::from_shared(target).unwrap(),
        }
    };
    let copy = |from: &str, to: &str| {
        let options: &[&str] = if to.ends_with("packed.npz") { &["--compress"] } else { &[] };
        assert_eq!(ok([&["cp", from, to], options].concat()), "", "{from} {to}");
    };
    for first in kinds {
        // Written by a program, and copied twice by the tool.
        let origin = place("origin", first);
        let _segment = match first {
            "segment" => {
                Some(serde_shm::SegmentOptions::new().name(&origin).create(&object).unwrap())
            }
            "block" => std::fs::write(&origin, &*block).map(|()| None).unwrap(),
            _ => serde_shm::to_npz(&origin, &object).map(|()| None).unwrap(),
        };
        for second in kinds {
            let middle = Removed(place("middle", second));
            copy(&origin, &middle.0);
            assert_eq!(read(&middle.0), object, "{first} {second}");
            for third in kinds {
                let last = Removed(place("last", third));
                copy(&middle.0, &last.0);
                assert_eq!(read(&last.0), object, "{first} {second} {third}");
                if third == "block" {
                    let bytes = std::fs::read(&last.0).unwrap();
                    // A block goes into a segment and out of it as it is.
                    let is_same = first == "block" && second == "segment";
                    assert!(bytes == *block || !is_same && bytes == *copied, "{first} {second}");
                }
            }
        }
        let said = run(["diff", &origin, &place("last", "block")]);
        assert_eq!((said.code, said.out.as_str(), said.err.as_str()), (Some(0), "", ""), "{first}");
    }
}

/// Of an archive's object no array is read but those that are asked for, and its names stay.
#[test]
fn a_part_of_an_archive_keeps_the_names_of_structs() {
    let folder = Folder::new();
    let (npz, copy) = (folder.text("o.npz"), folder.text("p.block"));
    serde_shm::to_npz(&npz, &model()).unwrap();
    let infos = Npz::open(&npz).unwrap().arrays().unwrap();
    let damaged = infos.iter().find(|info| info.path() == "layers.1.weight").unwrap();
    let mut bytes = std::fs::read(&npz).unwrap();
    bytes[damaged.range().unwrap().start as usize] ^= 1;
    std::fs::write(&npz, bytes).unwrap();
    ok(["cp", &npz, &copy, "--only", "layers.0", "--only", "columns"]);
    let value = Block::new(std::fs::read(&copy).unwrap()).unwrap().value().unwrap();
    assert_eq!(
        value.to_string(),
        "Model { layers: [Layer { weight: <f4 [3, 4], bias: <f8 [4] }], columns: <i2 [3, 2] }"
    );
    assert!(trouble(["cp", &npz, &copy]).contains("wrong checksum"));
}
