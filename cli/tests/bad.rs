//! Bad input: every file that is nothing of ours says what it is, and no input makes the tool panic.

use std::io::Read;
use std::process::Stdio;

use crate::support::{Folder, json, model, ok, publish, python, run, tool, trouble};

#[test]
fn a_file_of_another_kind_says_what_it_is() {
    let folder = Folder::new();
    let padded = |magic: &[u8]| [magic, &[1; 600]].concat();
    for (bytes, said) in [
        (padded(b"\x1f\x8b\x08"), "a gzip file"),
        (padded(b"\x89PNG\r\n\x1a\n"), "a PNG picture"),
        (padded(b"\x89HDF\r\n\x1a\n"), "an HDF5 file"),
        (padded(b"PAR1"), "a Parquet file"),
        (padded(b"\x80\x04\x95"), "a pickle"),
        (padded(b"\x7fELF\x02"), "a program"),
        (b"x,y\n1,2\n3,4\n".to_vec(), "text: `x,y`"),
        (b"{\"a\": [1, 2]}".to_vec(), "JSON"),
        (padded(b"\x40\0\0\0\0\0\0\0{\"weight\":{\"dtype\""), "a safetensors file"),
        (Vec::new(), "an empty file"),
        (vec![0; 100], "zeros"),
    ] {
        let file = folder.path("f");
        std::fs::write(&file, bytes).unwrap();
        let file = file.to_str().unwrap();
        for args in [
            &["inspect", file][..],
            &["show", file],
            &["cp", file, "x.npz"],
            &["verify", file],
            &["diff", file, file],
        ] {
            let text = trouble(args);
            assert!(
                text.contains(said) && text.contains("the tool opens segments"),
                "{args:?}: {text}"
            );
        }
    }
    assert!(trouble(["inspect", &folder.text("")]).contains("a folder"));
    assert!(trouble(["inspect", &folder.text("no/such")]).contains("its folder does not exist"));
    std::fs::write(folder.path("weights.npz"), "").unwrap();
    assert!(trouble(["inspect", &folder.text("weight.npz")]).contains("`weights.npz`"));
}

#[test]
fn an_archive_says_which_members_are_no_arrays() {
    let folder = Folder::new();
    let (zip, mixed) = (folder.path("z.zip"), folder.path("m.npz"));
    let script = "
import zipfile
zipfile.ZipFile(sys.argv[1], 'w').writestr('notes.txt', 'measured in May')
np.savez(sys.argv[2], x=np.arange(3), o=np.array([{}], dtype=object))";
    let Some(_) = python(script, &[&zip, &mixed]) else { return };
    let (zip, mixed) = (zip.to_str().unwrap(), mixed.to_str().unwrap());
    let said = trouble(["inspect", zip]);
    assert!(
        said.contains("without arrays")
            && said.contains("notes.txt")
            && said.contains("found text"),
        "{said}"
    );
    let text = ok(["inspect", mixed]);
    assert!(text.contains("no array: o") && text.contains("pickle"), "{text}");
    assert_eq!(json(&ok(["inspect", mixed, "--json"]))["others"].as_array().unwrap().len(), 1);
    assert!(trouble(["cp", mixed, &folder.text("c.npz")]).contains("`--only`"));
    assert_eq!(ok(["cp", mixed, &folder.text("c.npz"), "--only", "x"]), "");
}

#[test]
fn names_with_slashes_are_the_same_as_with_dots() {
    let folder = Folder::new();
    let file = folder.path("s.npz");
    let script = "np.savez(sys.argv[1], **{'layers/0/w': np.arange(3), 'layers/1/w': np.ones(2), '/odd/name': np.zeros(1)})";
    let Some(_) = python(script, &[&file]) else { return };
    let (file, copy) = (file.to_str().unwrap(), folder.text("s.block"));
    for path in ["layers/0/w[1:]", "layers.0.w[1:]"] {
        assert_eq!(ok(["show", file, path]), "[1 2]\n");
    }
    assert!(ok(["inspect", file]).contains("layers  list of 2"));
    assert!(ok(["inspect", file, "--array", "layers.1.w"]).starts_with("layers/1/w"));
    assert_eq!(ok(["cp", file, &copy]), "");
    assert_eq!(ok(["diff", file, &copy]), "");
}

/// A container that is cut anywhere is an error in one line; none of the commands panics.
#[test]
fn cut_containers_say_where() {
    let folder = Folder::new();
    let (made, _segment) = publish("cut", &model());
    for kind in ["npz", "block", "npy"] {
        let whole = folder.text(&format!("w.{kind}"));
        let only: &[&str] = if kind == "npy" { &["--only", "columns"] } else { &[] };
        ok([&["cp", &made, &whole], only].concat());
        let bytes = std::fs::read(&whole).unwrap();
        let cut = folder.text(&format!("cut.{kind}"));
        for share in [1, 3, 10, 19] {
            std::fs::write(&cut, &bytes[..bytes.len() * share / 20]).unwrap();
            for command in ["inspect", "verify"] {
                let said = run([command, &cut]);
                assert_ne!(said.code, Some(0), "{kind} {share}: {}", said.out);
                assert!(said.code.is_some_and(|code| code < 3), "{kind} {share}: {}", said.err);
            }
        }
    }
}

/// Single bytes are altered: whatever the tool answers, it does not panic.
#[test]
fn altered_containers_do_not_make_it_panic() {
    let folder = Folder::new();
    let (made, _segment) = publish("altered", &model());
    for kind in ["npz", "block"] {
        let whole = folder.text(&format!("w.{kind}"));
        ok(["cp", &made, &whole]);
        let bytes = std::fs::read(&whole).unwrap();
        let altered = folder.text(&format!("altered.{kind}"));
        for step in 0..16 {
            let mut bytes = bytes.clone();
            let place = (bytes.len() * step / 16 + 7).min(bytes.len() - 1);
            bytes[place] ^= 0xff;
            std::fs::write(&altered, bytes).unwrap();
            let said = run(["inspect", &altered]);
            assert!(said.code.is_some_and(|code| code < 3), "{kind} {step}: {}", said.err);
        }
    }
}

#[test]
fn wrong_arguments_are_trouble() {
    for args in [
        &["no-such-command"][..],
        &["inspect"],
        &["show", "x", "--interval", "1"],
        &["ls", "--interval", "0"],
        &["rm"],
        &["inspect", ""],
        &["cp", "a"],
    ] {
        assert_eq!(run(args).code, Some(2), "{args:?}");
    }
    let help = ok(["--help"]);
    assert!(help.contains("Exit status:") && help.contains("130"), "{help}");
}

#[test]
fn a_closed_pipe_ends_every_command_quietly() {
    let (made, _segment) = publish("closed", &vec![ndarray::Array2::<f64>::zeros((300, 300))]);
    for args in [
        &["show", &made, "0", "--full"][..],
        &["show", &made, "0", "--csv", "-"],
        &["show", &made, "0", "--npy", "-"],
        &["show", &made, "0", "--svg", "-"],
        &["completions", "bash"],
        &["man"],
    ] {
        let child = tool().args(args).stdout(Stdio::piped()).stderr(Stdio::piped()).spawn();
        let mut child = child.unwrap();
        let mut byte = [0];
        child.stdout.take().unwrap().read_exact(&mut byte).unwrap();
        let output = child.wait_with_output().unwrap();
        assert_eq!(
            (output.status.code(), output.stderr.as_slice()),
            (Some(0), &b""[..]),
            "{args:?}"
        );
    }
}

/// As deep as containers go: no command runs out of stack.
#[test]
fn deep_objects_are_shown_and_copied() {
    use serde_shm::value::Value;
    let folder = Folder::new();
    let array: serde_shm::UntypedArray = serde_shm::ShmArray1::from(vec![1.5]).into();
    let mut value = Value::from(array);
    for _ in 0..2040 {
        value = Value::from(vec![Value::from(Some(value))]);
    }
    let (made, _segment) = publish("deep", &value);
    let (npz, block) = (folder.text("d.npz"), folder.text("d.block"));
    for to in [&npz, &block] {
        assert_eq!(ok(["cp", &made, to]), "");
    }
    for target in [&made, &npz, &block] {
        assert_eq!(
            ok(["inspect", target, "--no-stats", "--width", "80"]).matches("list of 1").count(),
            2040
        );
        assert!(ok(["inspect", target, "--json"]).contains("1.5"));
        assert!(ok(["verify", target]).contains("whole"));
        assert_eq!(ok(["diff", target, &made]), "");
        assert_eq!(ok(["show", target]), "[1.5]\n");
        assert_eq!(ok(["convert", target, &folder.text("d.safetensors")]), "");
    }
}

/// Names and texts of a hostile file cannot command the terminal.
#[test]
fn no_control_character_comes_out() {
    use serde_shm::value::{Names, Record, Value};
    let array =
        || Value::from(serde_shm::UntypedArray::from(serde_shm::ShmArray1::from(vec![1.5])));
    let of = |text: &str| {
        let map = [(Value::from("k\u{1b}[2J"), array()), (Value::from("t"), Value::from(text))];
        let map = Value::Map(map.into_iter().collect());
        let unit = Names::unit_variant("E\u{1b}", 0, "V\u{1b}[31m");
        let unit = Value::from(Record::new(unit, []).unwrap());
        let names = Names::of_struct("S\u{1b}]0;x\u{7}", ["a\u{9b}", "b"]);
        Value::from(Record::new(names, [map, unit]).unwrap())
    };
    let (one, _segment) = publish("escape", &of("\u{1b}[31m\n"));
    let (two, _segment) = publish("escapes", &of("\u{1b}[32m\r"));
    let is_clean = |text: &str| text.chars().all(|char| char == '\n' || !char.is_control());
    for args in [
        &["inspect", &one][..],
        &["diff", &one, &two],
        &["show", &one, "b"],
        &["show", &one, "x"],
        &["inspect", &one, "--array", "x"],
    ] {
        let said = run(args);
        assert!(is_clean(&said.out) && is_clean(&said.err), "{args:?}: {:?}", said.out);
    }
    let folder = Folder::new();
    let file = folder.path("e.npz");
    let Some(printed) = python(
        "x = np.array(['\\x1b[31m', 'a\\n\\\\', 'it\\'s \"x\"']); b = np.array([b'\\x1b', b'it\\'s', b'\\'\"'])\nnp.savez(sys.argv[1], x=x, b=b)\nprint(x)\nprint(b)",
        &[&file],
    ) else {
        return;
    };
    let file = file.to_str().unwrap();
    assert_eq!(ok(["show", file, "x"]) + &ok(["show", file, "b"]), printed);
}
