//! `show`: numbers, slices, images, tables.

use std::collections::BTreeMap;
use std::path::Path;

use ndarray::{Array1, Array2, array};

use crate::support::{Folder, model, ok, publish, python, run, tool, trouble};

/// Arrays with slices of them, and what NumPy prints of each.
const ARRAYS: &str = "
np.set_printoptions(linewidth=75)
rng = np.random.default_rng(7)
arrays = {
  'small': (np.array([0.1, 0.25, 1, -3.5]), ['', '[1]', '[::-1]']),
  'f4': (rng.normal(size=(6, 40)).astype('f4'), ['', '[2]', '[::2, 3:5]', '[-1, -1]']),
  'wide': (np.array([1e-9, 1.0, 12345.678]), ['']),
  'large': (np.array([1e8, 2.5e9, np.nan]), ['', '[1:]']),
  'odd': (np.array([np.nan, np.inf, -np.inf, 1.5, 1/3]), ['', '[:3]', '[3:]']),
  'folded': (np.arange(3000.0).reshape(3, 1000), ['', '[0]', '[:, :2]', '[1, 500]']),
  'deep': (np.arange(8*9*20).reshape(8, 9, 20), ['', '[1]', '[..., 0]', '[None, 0, 0]']),
  'ints': (np.array([[1, -200], [30, 4]], '>i4'), ['', '[:, 1]', '[1:1]']),
  'bools': (np.array([[True, False]]), ['', '[0]', '[0, 0]']),
  'half': (np.array([1/3, 0.1, 65504], 'f2'), ['']),
  'half2': (np.array([1/3, 0.1, 2], 'f2'), ['']),
  'words': (np.array(['cat', 'a', 'it\\'s']), ['']),
  'bytes': (np.array([b'ab', b'c']), ['']),
  'days': (np.array(['2024-02-29', 'NaT'], 'M8[D]'), ['']),
  'spans': (np.array([1, 200], 'm8[s]'), ['']),
  'no span': (np.array([1, 'NaT'], 'm8[s]'), ['']),
  'years': (np.array(['1970', '20000', '-0044'], 'M8[Y]'), ['']),
  'far': (np.array(['-4000-02-29', '12345-06-07'], 'M8[D]'), ['']),
  'fine': (np.array([-1, 10**18 + 7], 'M8[as]'), ['']),
  'void': (np.array([b'ab', b'\\xff'], 'V2'), ['']),
  'unseen': (np.array(['a\\u202eb', '\\u200b', '\\xad\\x80z', '日本']), ['']),
  'one': (np.array([(1,), (20,)], [('x', 'i4')]), ['']),
  'rows': (np.array([(1, 'it\\'s', [1/3, 20], (1, -2), True), (30, 'b', [1, 2], (3, 4), False)],
      [('n', 'u2'), ('t', 'U5'), ('xy', 'f8', 2), ('in', [('a', 'u1'), ('b', '>i2')]), ('b', '?')]), ['', '[1:]', '[\\'in\\']']),
  'many rows': (np.zeros(2000, [('a', 'f4'), ('m', 'i2', (2, 2))]), ['']),
  'complex': (np.array([1+2j, -0.5-1.25j], 'c8'), ['', '[0:1]']),
  'fortran': (np.asfortranarray(np.arange(12).reshape(3, 4)), ['', '[:, 1]', '[::2, ::-1]']),
  'zero': (np.array(7.5), ['']),
  'none': (np.zeros((0, 3)), ['']),
  'points': (np.array([(1, 2.5), (3, 4.5)], [('x', 'i4'), ('y', 'f8')]), ['[\\'x\\']', '[\\'y\\'][1]']),
}
np.savez(sys.argv[1], **{name: array for name, (array, _) in arrays.items()})
for name, (array, slices) in arrays.items():
    for text in slices:
        print('==', name + text)
        print(eval('array' + text))
";

#[test]
fn numbers_are_set_as_numpy_sets_them() {
    let folder = Folder::new();
    let file = folder.text("a.npz");
    let Some(printed) = python(ARRAYS, &[Path::new(&file)]) else { return };
    let mut seen = 0;
    for part in printed.split("== ").skip(1) {
        let (part, expected) = part.split_once('\n').unwrap();
        assert_eq!(ok(["show", &file, part]), expected, "{part}");
        seen += 1;
    }
    assert!(seen > 35);
}

#[test]
fn a_narrow_terminal_breaks_lines_and_full_folds_nothing() {
    let (name, _segment) = publish("narrow", &[Array1::<f64>::zeros(1001)]);
    let narrow = ok(["show", &name, "0[:100]", "--width", "30"]);
    assert!(narrow.lines().all(|line| line.len() <= 30) && narrow.lines().count() > 10, "{narrow}");
    assert_eq!(ok(["show", &name, "0"]), "[0. 0. 0. ... 0. 0. 0.]\n");
    assert_eq!(ok(["show", &name, "0", "--full"]).matches("0.").count(), 1001);
}

#[test]
fn a_path_may_be_left_out_where_there_is_one_array() {
    let (name, _segment) = publish("one", &[array![1, 2, 3]]);
    assert_eq!(ok(["show", &name, "[1:]"]), "[2 3]\n");
    let (name, _segment) = publish("many", &model());
    assert!(
        trouble(["show", &name]).contains("it has 5 arrays; name one, such as `layers.0.weight`")
    );
}

#[test]
fn parts_that_are_no_arrays_are_shown_too() {
    let folder = Folder::new();
    let (name, _segment) = publish("inline", &model());
    let file = folder.text("m.npz");
    serde_shm::to_npz(&file, &model()).unwrap();
    for target in [&name, &file] {
        assert_eq!(ok(["show", target, "name"]), "\"tiny\"\n");
        assert_eq!(ok(["show", target, "steps.99"]), "9801\n");
        assert!(ok(["show", target, "classes"]).contains("├─ 3  \"cat\""));
        assert!(trouble(["show", target, "nam"]).contains("`name`"));
        assert!(trouble(["show", target, "name[0]"]).contains("no array"));
        assert!(trouble(["show", target, "layers.0.weigth[0]"]).contains("`layers.0.weight`"));
    }
}

#[test]
fn a_slice_that_does_not_fit_says_the_shape() {
    let (name, _segment) = publish("misfit", &model());
    let said = trouble(["show", &name, "layers.0.weight[3]"]);
    assert!(said.contains("axis 0 has 3 elements (shape [3, 4])"), "{said}");
    assert!(trouble(["show", &name, "layers.0.weight[0, 0, 0]"]).contains("(shape [3, 4])"));
    assert!(trouble(["show", &name, "layers.0.weight[x]"]).contains("`x` is no integer"));
}

#[test]
fn files_of_arrays_are_those_of_numpy() {
    let folder = Folder::new();
    let file = folder.text("a.npz");
    let Some(_) = python(ARRAYS, &[Path::new(&file)]) else { return };
    for (part, check) in [
        ("f4[::2, 3:5]", "np.array_equal(a, b['f4'][::2, 3:5])"),
        (
            "fortran",
            "np.array_equal(a, b['fortran']) and a.flags.f_contiguous and not a.flags.c_contiguous",
        ),
        ("ints", "np.array_equal(a, b['ints']) and a.dtype == '>i4'"),
        ("points", "a.tolist() == b['points'].tolist() and a.dtype == b['points'].dtype"),
        ("zero", "a.shape == () and a == 7.5"),
        ("none", "a.shape == (0, 3)"),
        ("words", "a.tolist() == b['words'].tolist()"),
        ("days", "a[0] == b['days'][0]"),
        ("deep[None, 1, ::-1]", "np.array_equal(a, b['deep'][None, 1, ::-1])"),
    ] {
        let out = folder.path("out.npy");
        assert_eq!(ok(["show", &file, part, "--npy", out.to_str().unwrap()]), "");
        let script = format!("a = np.load(sys.argv[1]); b = np.load(sys.argv[2])\nprint({check})");
        assert_eq!(python(&script, &[&out, Path::new(&file)]).unwrap().trim(), "True", "{part}");
    }
    let output = tool().args(["show", &file, "f4", "--npy", "-"]).output().unwrap();
    std::fs::write(folder.path("pipe.npy"), &output.stdout).unwrap();
    let script = "print(np.array_equal(np.load(sys.argv[1]), np.load(sys.argv[2])['f4']))";
    assert_eq!(
        python(script, &[&folder.path("pipe.npy"), Path::new(&file)]).unwrap().trim(),
        "True"
    );
}

#[test]
fn tables_have_rows_and_columns() {
    let folder = Folder::new();
    let file = folder.text("a.npz");
    let (name, _segment) = publish("csv", &[array![[1.5, 2.0], [3.0, f64::NAN]]]);
    assert_eq!(ok(["show", &name, "0", "--csv", "-"]), "1.5,2.0\n3.0,nan\n");
    assert_eq!(ok(["show", &name, "0[0]", "--csv", "-"]), "1.5\n2.0\n");
    let Some(_) = python(ARRAYS, &[Path::new(&file)]) else { return };
    assert_eq!(ok(["show", &file, "points", "--csv", "-"]), "x,y\n1,2.5\n3,4.5\n");
    assert!(trouble(["show", &file, "deep", "--csv", "-"]).contains("one or two axes"));
}

#[test]
fn a_heat_map_has_as_many_colours_as_the_terminal() {
    let (name, _segment) = publish("heat", &[array![[0.0, 1.0], [2.0, f64::NAN]]]);
    let plain = ok(["show", &name, "--heat"]);
    assert_eq!(plain.lines().collect::<Vec<_>>()[..2], ["·▒", "█×"]);
    let map = |colours: &str| {
        let args = ["show", &name, "--heat", "--color=always"];
        let output = tool().args(args).env("COLORTERM", colours).output().unwrap();
        String::from_utf8(output.stdout).unwrap()
    };
    assert!(map("truecolor").contains("38;2;68;1;84"), "{}", map("truecolor"));
    assert!(map("").contains("38;5;") && !map("").contains("38;2;"));
}

#[test]
fn images_are_images() {
    let folder = Folder::new();
    let map = Array2::from_shape_fn((20, 30), |(row, column)| (row * column) as f64);
    let object =
        BTreeMap::from([("line", map.row(3).to_owned().into_dyn()), ("map", map.into_dyn())]);
    let (name, _segment) = publish("images", &object);
    let (png, svg) = (folder.text("i.png"), folder.text("i.svg"));
    let size = |part: &str, more: &[&str]| {
        let args = [&["show", &name, part, "--png", &png, "--svg", &svg], more].concat();
        assert_eq!(ok(args), "");
        let decoder =
            png::Decoder::new(std::io::BufReader::new(std::fs::File::open(&png).unwrap()));
        let reader = decoder.read_info().unwrap();
        let text = std::fs::read_to_string(&svg).unwrap();
        assert!(text.starts_with("<svg") && text.ends_with("</svg>\n"));
        ((reader.info().width, reader.info().height), text)
    };
    let (pixels, svg_map) = size("map", &[]);
    assert_eq!(pixels, (270, 180));
    assert_eq!(svg_map.matches("<rect").count(), 600);
    let svg_line = size("line", &[]).1;
    assert!(svg_line.contains("<polyline") && svg_line.contains(">29</text>"), "{svg_line}");
    assert!(size("map", &["--histogram"]).1.matches("<rect").count() > 10);
    assert!(trouble(["show", &name, "map[None]", "--png", &png]).contains("pick two"));
    assert_eq!(run(["show", &name, "map", "--png", "/no/such/folder/x.png"]).code, Some(2));
}
