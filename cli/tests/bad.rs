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
            let mend = match said {
                "a safetensors file" => "`serde-shm convert`",
                _ => "the tool opens segments",
            };
            assert!(text.contains(said) && text.contains(mend), "{args:?}: {text}");
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
    assert!(said.contains("z.zip: found a zip archive of other files: `notes.txt`"), "{said}");
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

/// A pipe that nobody writes to is not opened: that would wait for ever.
#[test]
fn what_is_no_file_is_said_at_once() {
    let folder = Folder::new();
    let (pipe, link) = (folder.text("p.npz"), folder.text("l.npz"));
    assert!(std::process::Command::new("mkfifo").arg(&pipe).status().unwrap().success());
    std::os::unix::fs::symlink("nowhere", &link).unwrap();
    for (target, said) in [
        (pipe.as_str(), "a pipe"),
        ("/dev/null", "a device"),
        (&folder.text(""), "a folder"),
        (&link, "a link to `nowhere`, which is not there"),
    ] {
        for args in [
            &["inspect", target][..],
            &["show", target],
            &["cp", target, "x.npz"],
            &["cp", target, "some-name"],
            &["verify", target],
            &["diff", target, target],
            &["convert", target, "x.npz"],
            &["convert", target, "x.safetensors"],
        ] {
            let text = trouble(args);
            assert!(text.contains(said), "{args:?}: {text}");
        }
    }
}

/// A name of a file need not be UTF-8, and may have what a terminal obeys.
#[test]
fn every_command_takes_any_name_of_a_file() {
    use std::ffi::{OsStr, OsString};
    use std::os::unix::ffi::OsStrExt;
    let folder = Folder::new();
    let name = |text: &[u8]| folder.path("").join(OsStr::from_bytes(text));
    let file = name(b"a\xff\x1b[31m.npz");
    let (copy, block) = (name(b"b\xff.npz"), name(b"\xff.block"));
    let tensors = name(b"\xff\n.safetensors");
    serde_shm::to_npz(&file, &[serde_shm::ShmArray1::from(vec![0.5])]).unwrap();
    let picture = name(b"\xff.png");
    let commands: [&[&OsStr]; 9] = [
        &["inspect".as_ref(), file.as_ref()],
        &["inspect".as_ref(), "--json".as_ref(), file.as_ref()],
        &["show".as_ref(), file.as_ref()],
        &["show".as_ref(), file.as_ref(), "--png".as_ref(), picture.as_ref()],
        &["verify".as_ref(), file.as_ref()],
        &["cp".as_ref(), file.as_ref(), copy.as_ref()],
        &["cp".as_ref(), file.as_ref(), block.as_ref()],
        &["diff".as_ref(), copy.as_ref(), block.as_ref()],
        &["convert".as_ref(), block.as_ref(), tensors.as_ref()],
    ];
    for args in commands {
        let said = ok(args);
        assert!(said.chars().all(|char| char == '\n' || !char.is_control()), "{args:?}: {said:?}");
    }
    assert!(copy.exists() && block.exists() && tensors.exists() && picture.exists());
    let gone = name(b"no\xff\x1b.npz");
    for command in ["inspect", "show", "verify", "convert"] {
        let mut args: Vec<OsString> = vec![command.into(), gone.clone().into()];
        if command == "convert" {
            args.push("x.npz".into());
        }
        let said = trouble(args);
        assert!(said.contains("no\u{fffd}\\u{1b}.npz: there is no such file"), "{said}");
    }
    for command in ["rm", "watch"] {
        let said = trouble([OsStr::new(command), OsStr::from_bytes(b"a\xff")]);
        assert!(said.contains("a\u{fffd}: a segment's name is text"), "{said}");
    }
    assert!(
        trouble([OsStr::new("cp"), file.as_ref(), OsStr::from_bytes(b"a\xff")]).contains("UTF-8")
    );
}

#[test]
fn a_file_of_the_folder_is_near_its_name() {
    let folder = Folder::new();
    std::fs::write(folder.path("weights.npz"), "").unwrap();
    let output =
        tool().args(["show", "wieghts.npz"]).current_dir(folder.path("")).output().unwrap();
    let said = String::from_utf8(output.stderr).unwrap();
    assert!(said.contains("no segment or file of this name; the nearest: `weights.npz`"), "{said}");
}

/// What the parser of arguments says is one line, too.
#[test]
fn wrong_arguments_are_said_in_one_line() {
    for (args, said) in [
        (&["inpsect", "x"][..], "`serde-shm --help`"),
        (&["inspect"], "not provided: <TARGET>; `serde-shm help inspect` lists the arguments"),
        (&["show", "x", "--fold", "1"], "`serde-shm help show`"),
        (&["ls", "--interval", "0"], "expected 0.01 to 86400 seconds"),
        (&["cp", "a", "b", "--name", "c"], "cannot be used with"),
    ] {
        let text = trouble(args);
        assert!(text.contains(said), "{args:?}: {text}");
    }
    // Who says nothing is told everything.
    let said = run::<&str>([]);
    assert_eq!(said.code, Some(2));
    assert!(said.err.contains("Commands:") && said.err.contains("Exit status:"), "{}", said.err);
}

#[test]
fn a_damaged_array_hides_no_other() {
    let folder = Folder::new();
    let file = folder.text("d.npz");
    serde_shm::to_npz(&file, &model()).unwrap();
    let infos = serde_shm::Npz::open(&file).unwrap().arrays().unwrap();
    let mut bytes = std::fs::read(&file).unwrap();
    for info in infos.iter().filter(|info| info.path().starts_with("layers.0")) {
        bytes[info.range().unwrap().start as usize] ^= 1;
    }
    std::fs::write(&file, bytes).unwrap();
    let said = run(["inspect", &file]);
    assert_eq!((said.code, said.err.lines().count()), (Some(2), 1), "{}", said.err);
    assert_eq!(said.out.matches("cannot be read").count(), 2, "{}", said.out);
    assert!(
        said.out.contains("\nlayers.1.weight ") && said.out.contains("\ncolumns "),
        "{}",
        said.out
    );
    assert!(
        said.err.contains("wrong checksum") && said.err.contains("1 other array"),
        "{}",
        said.err
    );
    let said = run(["verify", &file]);
    assert_eq!(said.out.matches("d.npz").count(), 1, "{}", said.out);
}

/// A picture or table that cannot be made takes nothing away.
#[test]
fn a_file_that_cannot_be_made_is_left_as_it_was() {
    let folder = Folder::new();
    let (made, _segment) = publish("kept", &[ndarray::Array3::<f64>::zeros((2, 2, 2))]);
    for option in ["--csv", "--png", "--svg"] {
        let old = folder.text("old");
        std::fs::write(&old, "old").unwrap();
        assert!(trouble(["show", &made, "0", option, &old]).contains("[2, 2, 2]"));
        assert_eq!(std::fs::read_to_string(&old).unwrap(), "old");
    }
    // The source may be the destination. A device is written to, and no file takes its place.
    let file = folder.text("a.npy");
    ok(["show", &made, "0[0]", "--npy", &file]);
    ok(["show", &file, "[0]", "--npy", &file]);
    assert_eq!(ok(["show", &file]), "[0. 0.]\n");
    ok(["show", &file, "--npy", "/dev/null"]);
    for stdout in ["/dev/stdout", "/dev/fd/1", "/proc/self/fd/1"] {
        let out = folder.path("out");
        let to = std::fs::File::create(&out).unwrap();
        let status = tool().args(["show", &file, "--csv", stdout]).stdout(to).status();
        assert!(status.unwrap().success(), "{stdout}");
        assert_eq!(std::fs::read_to_string(&out).unwrap(), "0.0\n0.0\n", "{stdout}");
        std::fs::remove_file(out).unwrap();
    }
    assert!(std::path::Path::new("/dev/stdout").is_symlink());
    ok(["cp", &file, "/dev/null", "--to", "block"]);
    assert!(!std::path::Path::new("/dev/null").metadata().unwrap().is_file());
    let names: Vec<_> = std::fs::read_dir(folder.path("")).unwrap().collect();
    assert_eq!(names.len(), 2);
}
