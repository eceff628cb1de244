//! `cp` and `verify`.

use std::path::Path;

use ndarray::array;
use serde_shm::{Block, LockedArray, Npz, Segment, ShmArray1};

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
    assert!(said.err.contains("1 live arrays are copied as they are now"), "{}", said.err);
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
