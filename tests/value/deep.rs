//! Values that nest as deep as what is written may.

use serde_shm::{Value, to_bytes};

fn nested(levels: usize, wrap: impl Fn(Value) -> Value) -> Value {
    (0..levels).fold(Value::from(1_u8), |value, _| wrap(value))
}

/// On a thread of the usual size, with frames that are not optimised.
#[test]
fn what_nests_deep_is_read_compared_cloned_shown_and_dropped() {
    let run = || {
        let kinds: [fn(Value) -> Value; 4] = [
            |value| Value::from(vec![value]),
            |value| Value::Tuple([value].into()),
            |value| Value::from(Some(Value::from(vec![Value::Unit, value]))),
            |value| {
                let names = serde_shm::value::Names::newtype_variant("Tree", 0, "Node");
                let map = serde_shm::value::Map::from(vec![(value, Value::Unit)]);
                Value::from(serde_shm::value::Record::new(names, [Value::Map(map)]).unwrap())
            },
        ];
        for (kind, levels) in kinds.into_iter().zip([2047, 2047, 2047, 1023]) {
            let value = nested(levels, kind);
            let bytes = to_bytes(&value).unwrap();
            let back: Value = serde_shm::from_bytes(&bytes).unwrap();
            assert!(back == value);
            assert!(back.clone() == value);
            assert!(back.to_string().len() < 10_000);
            assert!(format!("{back:#?}").len() < 10_000);
        }
    };
    std::thread::Builder::new().stack_size(2 << 20).spawn(run).unwrap().join().unwrap();
}
