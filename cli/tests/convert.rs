//! `convert`, `watch`, `completions`, `man`.

use std::collections::{BTreeMap, HashMap};
use std::path::Path;

use safetensors::tensor::{Dtype, SafeTensors, TensorView};
use serde_shm::{Npz, SegmentOptions};

use crate::support::{Folder, Removed, Running, json, model, name, ok, publish, run, trouble};

type NamedTensor = (String, Dtype, Vec<usize>, Vec<u8>);

/// A file as a training program writes it.
fn tensors() -> (Vec<NamedTensor>, HashMap<String, String>) {
    let floats: Vec<u8> = (0..6_u8).flat_map(|number| f32::from(number).to_le_bytes()).collect();
    let tensor = |name: &str, dtype, shape: &[usize], bytes: &[u8]| {
        (name.to_owned(), dtype, shape.to_vec(), bytes.to_vec())
    };
    let tensors = vec![
        tensor("model.layers.0.weight", Dtype::F32, &[2, 3], &floats),
        tensor("model.layers.1.weight", Dtype::BF16, &[2], &[0x80, 0x3f, 0, 0x40]),
        tensor("model.layers.10.bias", Dtype::F16, &[1], &[0, 0x3c]),
        tensor("ids", Dtype::I64, &[], &7_i64.to_le_bytes()),
        tensor("mask", Dtype::BOOL, &[3], &[1, 0, 1]),
        tensor("empty", Dtype::U8, &[0, 4], &[]),
    ];
    let texts = [("format".to_owned(), "pt".to_owned()), ("a.b".to_owned(), "c".to_owned())];
    (tensors, texts.into())
}

fn write(path: &Path) {
    let (tensors, texts) = tensors();
    let views = tensors.iter().map(|(name, dtype, shape, bytes)| {
        (name, TensorView::new(*dtype, shape.clone(), bytes).unwrap())
    });
    safetensors::serialize_to_file(views, Some(texts), path).unwrap();
}

type Contents = (BTreeMap<String, (Dtype, Vec<usize>, Vec<u8>)>, BTreeMap<String, String>);

fn read(path: &Path) -> Contents {
    let bytes = std::fs::read(path).unwrap();
    let file = SafeTensors::deserialize(&bytes).unwrap();
    let tensor = |(name, view): (String, TensorView<'_>)| {
        (name, (view.dtype(), view.shape().to_vec(), view.data().to_vec()))
    };
    let (_, metadata) = SafeTensors::read_metadata(&bytes).unwrap();
    let texts = metadata.metadata().clone().unwrap_or_default().into_iter().collect();
    (file.tensors().into_iter().map(tensor).collect(), texts)
}

#[test]
fn tensors_go_to_each_container_and_back() {
    let folder = Folder::new();
    let file = folder.path("m.safetensors");
    write(&file);
    let (source, back) = (file.to_str().unwrap(), folder.path("back.safetensors"));
    let segment = Removed(name("tensors"));
    for to in [&folder.text("m.npz"), &folder.text("m.block"), &segment.0] {
        for flat in [&[][..], &["--flat"]] {
            let replace: &[&str] = if *to == segment.0 { &["--replace"] } else { &[] };
            assert_eq!(ok([&["convert", source, to], flat, replace].concat()), "");
            assert_eq!(ok(["convert", to, back.to_str().unwrap()]), "");
            assert_eq!(read(&back), read(&file), "{to} {flat:?}");
        }
    }
}

#[test]
fn names_nest_at_their_dots() {
    let folder = Folder::new();
    let file = folder.path("n.safetensors");
    write(&file);
    let npz = folder.text("n.npz");
    ok(["convert", file.to_str().unwrap(), &npz, "--compress"]);
    let arrays = Npz::open(&npz).unwrap().arrays().unwrap();
    assert!(arrays.iter().any(|info| info.path() == "model.layers.0.weight"));
    assert_eq!(ok(["show", &npz, "model.layers.0.weight[1]"]), "[3. 4. 5.]\n");
    assert_eq!(ok(["show", &npz, "model.layers.1.weight"]), "[1. 2.]\n");
    assert_eq!(ok(["show", &npz, "__metadata__.format"]), "\"pt\"\n");
    ok(["convert", file.to_str().unwrap(), &npz, "--flat"]);
    let arrays = Npz::open(&npz).unwrap().arrays().unwrap();
    assert!(arrays.iter().any(|info| info.path() == "model%2Elayers%2E0%2Eweight"));
}

#[test]
fn an_object_becomes_tensors_and_metadata() {
    let folder = Folder::new();
    let (made, _segment) = publish("object", &model());
    let file = folder.path("o.safetensors");
    ok(["convert", &made, file.to_str().unwrap()]);
    let (tensors, texts) = read(&file);
    assert_eq!(tensors["columns"].1, [3, 2]);
    // The array is in column-major order there, and row by row here.
    let columns: Vec<u8> = [1_i16, 4, 2, 5, 3, 6].into_iter().flat_map(i16::to_le_bytes).collect();
    assert_eq!(tensors["columns"].2, columns);
    assert_eq!((texts["name"].as_str(), texts["epoch"].as_str()), ("tiny", "7"));
    assert!(texts["steps"].starts_with("[0,1,4,9"));
    let words = folder.path("w.npz");
    let Some(_) = crate::support::python(
        "np.savez(sys.argv[1], w=np.array(['a']), n=np.arange(3, dtype='>i4'))",
        &[&words],
    ) else {
        return;
    };
    let words = words.to_str().unwrap();
    let said = trouble(["convert", words, file.to_str().unwrap()]);
    assert!(said.contains("array `w`") && said.contains("--only"), "{said}");
    ok(["convert", words, file.to_str().unwrap(), "--only", "n"]);
    assert_eq!(read(&file).0["n"].2, [0, 0, 0, 0, 1, 0, 0, 0, 2, 0, 0, 0]);
}

#[test]
fn what_is_no_safetensors_file_is_said() {
    let folder = Folder::new();
    let file = folder.path("b.safetensors");
    write(&file);
    let text = file.to_str().unwrap();
    assert!(trouble(["inspect", text]).contains("safetensors file"));
    assert!(trouble(["convert", text, &folder.text("x.npy")]).contains("one array"));
    let bytes = std::fs::read(&file).unwrap();
    let header = 8 + u64::from_le_bytes(bytes[..8].try_into().unwrap()) as usize;
    let tensors = bytes.len() - header;
    for (len, said) in [
        (5, "cut after 5 bytes".to_owned()),
        (20, format!("cut in its header, of which 12 of {} bytes are there", header - 8)),
        (bytes.len() - 3, format!("of which {} of {tensors} bytes are there", tensors - 3)),
    ] {
        std::fs::write(&file, &bytes[..len]).unwrap();
        let text = trouble(["convert", text, &folder.text("x.npz")]);
        assert!(text.contains(&said), "{text}");
    }
    std::fs::write(&file, [&bytes[..], b"more"].concat()).unwrap();
    let said = trouble(["convert", text, &folder.text("x.npz")]);
    assert!(said.contains("4 bytes follow its last tensor"), "{said}");
    // Another kind of file is told by its first bytes.
    std::fs::write(&file, [b"\x1f\x8b\x08".as_slice(), &[1; 60]].concat()).unwrap();
    assert!(trouble(["convert", text, &folder.text("x.npz")]).contains("found a gzip file"));
    serde_shm::to_npz(&file, &[1]).unwrap();
    let said = trouble(["convert", text, &folder.text("x.npz")]);
    assert!(said.contains("found an .npz file") && said.contains("`serde-shm cp`"), "{said}");
    assert!(trouble(["convert", "/no/such.safetensors", "x.npz"]).contains("/no/such.safetensors"));
}

#[test]
fn each_version_of_a_segment_has_a_line() {
    let (watched, first) = publish("watch", &1_u8);
    let mut tool =
        Running::new(["watch", &watched, "--interval", "0.01", "--count", "3", "--json"]);
    let mut next = || json(&tool.line());
    assert_eq!(next()["bytes"], first.len());
    let options = || SegmentOptions::new().name(&watched).replace(true);
    let second = options().create(&model()).unwrap();
    let said = next();
    assert_eq!((&said["bytes"], &said["arrays"]), (&second.len().into(), &5.into()));
    let third = options().create(&3_u8).unwrap();
    let said = next();
    assert_eq!((&said["bytes"], &said["number"]), (&third.len().into(), &3.into()));
    assert_eq!(tool.end(), (String::new(), Some(0)));

    let mut tool = Running::new(["watch", &watched]);
    let line = tool.line();
    assert!(line.starts_with("#1 ") && line.ends_with("0 arrays  3"), "{line}");
    tool.interrupt();
    assert_eq!(tool.end().1, Some(0));
    assert!(trouble(["watch", "no-such-name"]).contains("no segment"));
    assert!(trouble(["watch", third.id()]).contains("expected a name"));
}

#[test]
fn packages_get_completions_and_pages() {
    for shell in ["bash", "zsh", "fish", "elvish", "powershell"] {
        assert!(ok(["completions", shell]).contains("inspect"), "{shell}");
    }
    let page = ok(["man"]);
    assert!(page.contains(".TH serde\\-shm") || page.contains(".TH serde-shm"), "{page}");
    let folder = Folder::new();
    ok(["man", "--dir", folder.path("").to_str().unwrap()]);
    assert!(folder.path("serde-shm-inspect.1").exists());
    assert_eq!(run(["completions", "cmd"]).code, Some(2));
}
