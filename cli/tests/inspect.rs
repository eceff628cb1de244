//! `inspect`, and what a target is.

use std::io::Read;
use std::process::Stdio;

use ndarray::Array1;
use serde_shm::{LockedArray, ShmArray1};

use crate::support::{Folder, Running, json, model, ok, publish, python, run, tool, trouble};

/// A container of each kind says the same of the object.
#[test]
fn a_tree_is_the_same_in_each_container() {
    let folder = Folder::new();
    let (name, _segment) = publish("tree", &model());
    serde_shm::to_npz(folder.path("m.npz"), &model()).unwrap();
    std::fs::write(folder.path("m.block"), serde_shm::to_bytes(&model()).unwrap()).unwrap();
    let of = |target: &str| json(&ok(["inspect", target, "--json"]));
    let (segment, npz, block) = (of(&name), of(&folder.text("m.npz")), of(&folder.text("m.block")));
    assert_eq!(segment["kind"], "segment");
    assert_eq!((&npz["kind"], &block["kind"]), (&"npz".into(), &"block".into()));
    assert_eq!(segment["object"]["epoch"], 7);
    assert_eq!(segment["object"]["layers"][1]["weight"]["$array"], "layers.1.weight");
    assert_eq!(segment["object"]["steps"].as_array().unwrap().len(), 100);
    for other in [&npz, &block] {
        assert_eq!(other["arrays"], segment["arrays"]);
        assert_eq!(other["object"], segment["object"]);
    }
    // People see the names of structs and variants in each, too.
    let tree = |target: &str| {
        let text = ok(["inspect", target, "--no-stats"]);
        text.split_once('\n').unwrap().1.to_owned()
    };
    let text = tree(&name);
    assert!(text.starts_with("Model\n") && text.contains("state  Trained\n"), "{text}");
    for other in ["m.npz", "m.block"] {
        assert_eq!(tree(&folder.text(other)), text, "{other}");
    }
}

#[test]
fn statistics_are_those_of_numpy() {
    let folder = Folder::new();
    let script = "
x = np.random.default_rng(1).normal(size=(50, 70)).astype('f4')
x[3, 4] = np.nan; x[5, 6] = np.inf; x[7, 8] = -np.inf
n = np.arange(1000, dtype='>i2').reshape(10, 100, order='F')
b = np.array([True, False, True])
t = np.array(['2024-01-01', 'NaT'], dtype='M8[D]')
c = np.array([3+4j, 0])
s = np.array(['a', 'bc'])
np.savez(sys.argv[1], x=x, n=n, b=b, t=t, c=c, s=s, h=np.array([1, 2.5], 'f2'))
np.savez_compressed(sys.argv[2], x=x, n=n, b=b, t=t, c=c, s=s, h=np.array([1, 2.5], 'f2'))
f = x[np.isfinite(x)]
print(f.min(), f.max(), f.mean(dtype='f8'))
";
    let Some(out) = python(script, &[&folder.path("a.npz"), &folder.path("c.npz")]) else {
        return;
    };
    let expected: Vec<f64> = out.split_whitespace().map(|text| text.parse().unwrap()).collect();
    for file in ["a.npz", "c.npz"] {
        let report = json(&ok(["inspect", &folder.text(file), "--json"]));
        assert_eq!(report["kind"], "npz of another program");
        let stats = |path: &str| {
            let arrays = report["arrays"].as_array().unwrap();
            arrays.iter().find(|array| array["path"] == path).unwrap()["stats"].clone()
        };
        let x = stats("x");
        assert_eq!((&x["nan"], &x["infinite"]), (&1.into(), &2.into()));
        for (key, expected) in ["min", "max", "mean"].iter().zip(&expected) {
            let found = x[key].as_f64().unwrap();
            assert!((found - expected).abs() < 1e-6, "{key}: {found} {expected}");
        }
        let bins: Vec<u64> =
            x["histogram"].as_array().unwrap().iter().map(|bin| bin.as_u64().unwrap()).collect();
        assert_eq!(bins.iter().sum::<u64>(), 50 * 70 - 3);
        assert_eq!((&stats("n")["max"], &stats("n")["mean"]), (&999.into(), &499.5.into()));
        assert_eq!(stats("b")["max"], true);
        assert_eq!(stats("t")["nan"], 1);
        assert_eq!(stats("c")["max"], 5.0);
        assert_eq!(stats("h")["mean"], 1.75);
        assert!(stats("s").is_null());
    }
}

#[test]
fn an_npy_file_is_one_array() {
    let folder = Folder::new();
    if python("np.save(sys.argv[1], np.arange(6.0).reshape(2, 3))", &[&folder.path("a.npy")])
        .is_none()
    {
        return;
    }
    let text = ok(["inspect", &folder.text("a.npy")]);
    assert!(text.contains("npy,") && text.contains("<f8 [2, 3] C"), "{text}");
    assert!(text.lines().last().unwrap().contains("2.5"), "{text}");
}

#[test]
fn the_text_has_the_tree_and_a_line_for_each_array() {
    let (name, _segment) = publish("text", &model());
    let text = ok(["inspect", &name]);
    for part in [
        "Model",
        "├─ name  \"tiny\"",
        "├─ note  \"first\"",
        "├─ state  Trained",
        "├─ layers  list of 2",
        "│  ├─ 0  Layer",
        "│  │  ├─ weight  <f4 [3, 4] C",
        "… 92 more",
        "└─ columns  <i2 [3, 2] F",
        "layers.1.bias",
    ] {
        assert!(text.contains(part), "{part}: {text}");
    }
    let folded = ok(["inspect", &name, "--depth", "1", "--no-stats"]);
    assert!(folded.contains("layers  …") && !folded.contains("weight"), "{folded}");
    assert!(!folded.contains("HISTOGRAM"));
    let one = ok(["inspect", &name, "--array", "layers.0.bias"]);
    assert!(
        one.contains("layers.0.bias") && !one.contains("layers.1") && one.contains("HISTOGRAM"),
        "{one}"
    );
    let said = trouble(["inspect", &name, "--array", "layers.0.bia"]);
    assert!(said.contains("`layers.0.bias`"), "{said}");
}

#[test]
fn lines_fit_the_width() {
    let long = "a-rather-long-name-of-a-field-that-nobody-would-like-to-read-in-a-table-of-numbers";
    let object =
        std::collections::BTreeMap::from([(long, Array1::<f64>::linspace(-1.0, 1.0, 1000))]);
    let (name, _segment) = publish("width", &object);
    for (columns, is_cut) in [("80", true), ("200", false)] {
        let output = tool().args(["inspect", &name]).env("COLUMNS", columns).output().unwrap();
        let text = String::from_utf8(output.stdout).unwrap();
        let statistics = text.lines().last().unwrap();
        assert!(statistics.chars().count() <= columns.parse().unwrap(), "{text}");
        assert_eq!(statistics.contains('…'), is_cut, "{text}");
        assert_eq!(ok(["inspect", &name, "--width", columns]), text);
    }
    for odd in ["", "wide", "0"] {
        let output = tool().args(["inspect", &name]).env("COLUMNS", odd).output().unwrap();
        assert_eq!(String::from_utf8(output.stdout).unwrap(), ok(["inspect", &name]));
    }
}

/// Neither long texts and shapes nor wide letters break the lines.
#[test]
fn trees_fit_the_width() {
    use serde_shm::value::Value;
    let array = |axes: usize| {
        let shape = vec![1; axes];
        let dtype = serde_shm::DType::U8;
        let array =
            serde_shm::UntypedArray::from_owner(dtype, &shape, serde_shm::Order::C, vec![7]);
        Value::from(array.unwrap())
    };
    let entries = [
        (
            "text",
            Value::from(
                "words and words and words and words and words and words and words and words",
            ),
        ),
        ("日本語のとても長い名前", Value::from("日本語".repeat(30).as_str())),
        ("axes", array(32)),
        ("日本", array(1)),
        ("", array(1)),
    ];
    let map: serde_shm::value::Map =
        entries.into_iter().map(|(name, value)| (Value::from(name), value)).collect();
    let (name, _segment) = publish("fits", &Value::Map(map));
    let columns = |line: &str| -> usize {
        line.chars().map(|char| if ('\u{3000}'..'\u{a000}').contains(&char) { 2 } else { 1 }).sum()
    };
    for width in [40, 80, 200] {
        let text = ok(["inspect", &name, "--width", &width.to_string(), "--fold", "30"]);
        // A line of statistics has numbers that are not cut.
        for line in text.lines().take_while(|line| !line.is_empty()) {
            assert!(columns(line) <= width, "{width}: {line}");
        }
        assert!(text.contains("├─ \"\"  |u1") || text.contains("└─ \"\"  |u1"), "{text}");
    }
    let text = ok(["inspect", &name, "--width", "80"]);
    assert!(text.contains("words\" … 15 bytes more") || text.contains(" bytes more"), "{text}");
    // The columns stand one under another.
    let rows: Vec<&str> = text.lines().skip_while(|line| !line.starts_with("ARRAY")).collect();
    let place = |row: &str| columns(&row[..row.rfind('█').unwrap()]);
    assert_eq!(rows.len(), 4, "{text}");
    assert!(rows[1..].windows(2).all(|pair| place(pair[0]) == place(pair[1])), "{text}");
}

#[test]
fn colours_are_for_those_who_want_them() {
    let (name, _segment) = publish("colours", &model());
    let is_coloured = |args: &[&str], variable: Option<(&str, &str)>| {
        let output = tool().args(["inspect", &name]).args(args).envs(variable).output().unwrap();
        String::from_utf8(output.stdout).unwrap().contains('\x1b')
    };
    assert!(!is_coloured(&[], None));
    assert!(is_coloured(&["--color=always"], None));
    assert!(is_coloured(&[], Some(("CLICOLOR_FORCE", "1"))));
    assert!(!is_coloured(&[], Some(("NO_COLOR", "1"))));
    assert!(!is_coloured(&["--color=never"], Some(("CLICOLOR_FORCE", "1"))));
}

#[test]
fn a_closed_pipe_is_no_trouble() {
    let object: Vec<ShmArray1<u8>> = (0..5000_u16).map(|place| vec![place as u8].into()).collect();
    let (name, _segment) = publish("pipe", &object);
    let child = tool()
        .args(["inspect", &name, "--fold", "100000"])
        .stdout(Stdio::piped())
        .stderr(Stdio::piped())
        .spawn();
    let mut child = child.unwrap();
    let mut byte = [0];
    child.stdout.take().unwrap().read_exact(&mut byte).unwrap(); // and closes it
    let output = child.wait_with_output().unwrap();
    assert_eq!((output.status.code(), output.stderr.as_slice()), (Some(0), &b""[..]));
}

#[test]
fn live_arrays_show_what_they_have_now() {
    let (name, segment) = publish("live", &[LockedArray::from(vec![1_i32, 2, 3])]);
    let [array]: [LockedArray<i32, ndarray::Ix1>; 1] = segment.get().unwrap();
    array.write().unwrap()[2] = 30;
    let text = ok(["inspect", &name]);
    assert!(text.contains("live, locked") && text.contains("30"), "{text}");
    let report = json(&ok(["inspect", &name, "--json"]));
    assert_eq!(
        (&report["arrays"][0]["live"], &report["arrays"][0]["stats"]["max"]),
        (&"locked".into(), &30.into())
    );
}

/// Of a large segment the tree comes at once. Ctrl-C ends the statistics.
#[test]
fn a_stopped_inspection_says_so() {
    // One page of zeros stands for all of it until it is written; the segment needs the memory.
    let large = Array1::<f64>::zeros(1 << 25);
    let (name, _segment) = publish("large", &[large]);
    let began = std::time::Instant::now();
    ok(["inspect", &name, "--no-stats"]);
    assert!(began.elapsed() < std::time::Duration::from_secs(2));

    let mut tool = Running::new(["inspect", &name]);
    tool.line();
    tool.interrupt();
    let (text, code) = tool.end();
    assert_eq!(code, Some(130), "{text}");
    assert!(text.contains("not complete"), "{text}");
}

#[test]
fn an_id_is_a_target() {
    let (_name, segment) = publish("id", &model());
    assert!(ok(["inspect", segment.id(), "--no-stats"]).contains("Model"));
    assert_eq!(run(["inspect", "1:2"]).code, Some(2));
}
