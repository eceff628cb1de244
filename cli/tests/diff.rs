//! `diff`.

use std::collections::BTreeMap;

use ndarray::{Array1, array};
use serde_shm::UntypedArray;

use crate::support::{Folder, Layer, State, json, model, ok, publish, run, trouble};

#[test]
fn the_same_is_the_same_in_every_container() {
    let folder = Folder::new();
    let (made, _segment) = publish("same", &model());
    let (npz, block) = (folder.text("s.npz"), folder.text("s.block"));
    serde_shm::to_npz(&npz, &model()).unwrap();
    std::fs::write(&block, serde_shm::to_bytes(&model()).unwrap()).unwrap();
    for (first, second) in [(&made, &npz), (&npz, &block), (&block, &made)] {
        assert_eq!(ok(["diff", first, second]), "");
    }
}

#[test]
fn every_difference_has_a_line() {
    let mut other = model();
    other.epoch = 8;
    other.note = None;
    other.state = State::Fresh;
    other.steps.truncate(99);
    let mut weight = other.layers[0].weight.view().to_owned();
    weight[[1, 2]] += 0.5;
    weight[[2, 3]] += 0.25;
    other.layers[0] = Layer { weight: weight.into(), bias: vec![0.0; 3].into() };
    let (one, _segment) = publish("one", &model());
    let (two, _segment) = publish("two", &other);
    let said = run(["diff", &one, &two]);
    assert_eq!((said.code, said.err.as_str()), (Some(1), ""));
    for line in [
        "~ epoch  7 → 8",
        "~ note  \"first\" → none",
        "- state.Trained.loss  0.25",
        "+ state  Fresh",
        "- steps.99  9801",
        "~ layers.0.weight  2 of 12 elements differ, largest 0.5 at [1, 2], relative ",
        "~ layers.0.bias  <f8 [4]  32 B → <f8 [3]  24 B",
    ] {
        assert!(said.out.contains(line), "{line}: {}", said.out);
    }
    assert_eq!(said.out.lines().count(), 7, "{}", said.out);
    let report = json(&run(["diff", &one, &two, "--json"]).out);
    let weight =
        report.as_array().unwrap().iter().find(|found| found["path"] == "layers.0.weight").unwrap();
    assert_eq!((&weight["change"], &weight["largest"]), (&"elements".into(), &0.5.into()));
    let quiet = run(["diff", &one, &two, "-q"]);
    assert_eq!((quiet.code, quiet.out.as_str()), (Some(1), ""));
}

#[test]
fn tolerances_let_near_numbers_pass() {
    let (one, _segment) = publish("near", &[array![1.0, 100.0, f64::NAN, f64::INFINITY]]);
    let (two, _segment) = publish("nearer", &[array![1.001, 100.1, f64::NAN, f64::INFINITY]]);
    let code = |more: &[&str]| run([&["diff", &one, &two], more].concat()).code;
    assert_eq!(code(&[]), Some(1));
    assert_eq!(code(&["--rtol", "0.002"]), Some(0));
    assert_eq!(code(&["--atol", "0.01"]), Some(1));
    assert_eq!(code(&["--atol", "0.2"]), Some(0));
    let (three, _segment) = publish("farther", &[array![1.0, 100.0, f64::NAN, 5.0]]);
    assert_eq!(run(["diff", &one, &three, "--rtol=9", "--atol=9"]).code, Some(1));
    assert!(trouble(["diff", &one, "no-such-segment"]).contains("no-such-segment"));
}

#[test]
fn order_makes_no_difference_and_dtype_does() {
    let rows = array![[1_i64, 2], [3, i64::MAX]];
    let of = |array: UntypedArray| BTreeMap::from([("x", array)]);
    let placed =
        |array: ndarray::Array2<i64>| UntypedArray::from(serde_shm::ShmArray2::from(array));
    let columns =
        ndarray::Array2::from_shape_fn((2, 2), |(row, column)| rows[[column, row]]).reversed_axes();
    let (by_rows, _segment) = publish("c", &of(placed(rows.clone())));
    let (by_columns, _segment) = publish("f", &of(placed(columns)));
    assert_eq!(ok(["diff", &by_rows, &by_columns]), "");
    // Floats could not tell these.
    let mut near = rows.clone();
    near[[1, 1]] -= 1;
    let (other, _segment) = publish("n", &of(placed(near)));
    assert!(
        run(["diff", &by_rows, &other])
            .out
            .contains("1 of 4 elements differ, largest 1.0 at [1, 1]")
    );
    let small = UntypedArray::from(serde_shm::ShmArray1::from(Array1::from(vec![1_i32])));
    let large = UntypedArray::from(serde_shm::ShmArray1::from(Array1::from(vec![1_i64])));
    let (narrow, _segment) = publish("s", &of(small));
    let (wide, _segment) = publish("l", &of(large));
    assert_eq!(run(["diff", &narrow, &wide]).out, "~ x  <i4 → <i8\n");
}

#[test]
fn complex_numbers_and_texts_are_compared() {
    let folder = Folder::new();
    let (a, b) = (folder.path("a.npz"), folder.path("b.npz"));
    let script = "
np.savez(sys.argv[1], c=np.array([3+4j, 5]), s=np.array(['a', 'b']))
np.savez(sys.argv[2], c=np.array([4+3j, 5]), s=np.array(['a', 'c']))";
    let Some(_) = crate::support::python(script, &[&a, &b]) else { return };
    let said = run(["diff", a.to_str().unwrap(), b.to_str().unwrap()]);
    assert!(said.out.contains("~ c  1 of 2 elements differ, largest 1.414"), "{}", said.out);
    assert!(said.out.contains("~ s  1 of 2 elements differ\n"), "{}", said.out);
}

/// Numbers within structs and those that are no arrays pass by the same tolerance.
#[test]
fn tolerances_reach_into_structs() {
    let dtype: serde_shm::DType =
        "[('x', '<f4'), ('n', '<i2', (2,)), ('s', '|S1')]".parse().unwrap();
    let array = |x: f32, n: i16, s: u8| {
        let bytes = [&x.to_le_bytes()[..], &[1, 0], &n.to_le_bytes(), &[s]].concat();
        UntypedArray::from_owner(dtype.clone(), &[1], serde_shm::Order::C, bytes).unwrap()
    };
    let (one, _segment) = publish("fields", &(array(1.0, 5, b'a'), 100_i32));
    let (two, _segment) = publish("field", &(array(1.5, 7, b'a'), 101_i32));
    let (three, _segment) = publish("letter", &(array(1.0, 5, b'b'), 100_i32));
    let said = run(["diff", &one, &two]);
    assert!(said.out.contains("~ 0  1 of 1 elements differ, largest 2.0 at [0]"), "{}", said.out);
    assert!(said.out.contains("~ 1  100 → 101"), "{}", said.out);
    assert_eq!(run(["diff", &one, &two, "--atol", "1.9"]).out.lines().count(), 1);
    assert_eq!(ok(["diff", &one, &two, "--atol", "2"]), "");
    assert_eq!(run(["diff", &one, &three, "--atol", "1e9"]).code, Some(1));
}

/// What cannot be read is not the same.
#[test]
fn members_that_are_no_arrays_are_said() {
    let folder = Folder::new();
    let file = folder.path("o.npz");
    let script = "np.savez(sys.argv[1], x=np.arange(3), o=np.array([{}], dtype=object))";
    let Some(_) = crate::support::python(script, &[&file]) else { return };
    let text = file.to_str().unwrap();
    let said = trouble(["diff", text, text]);
    assert!(said.contains("member `o.npy` was not compared") && said.contains("pickle"), "{said}");
}

#[test]
fn long_texts_are_shown_where_they_differ() {
    let text = |end: &str| format!("{}{end}", "the same ".repeat(1000));
    let (one, _segment) = publish("long", &[text("one")]);
    let (two, _segment) = publish("longer", &[text("other")]);
    let said = run(["diff", &one, &two]);
    assert_eq!(said.out, "~ 0  …\"e same one\" → …\"e same other\"\n");
    assert!(
        json(&run(["diff", &one, &two, "--json"]).out)[0]["first"].as_str().unwrap().len() > 9000
    );
}
