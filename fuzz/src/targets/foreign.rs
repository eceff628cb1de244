//! Any value through JSON and MessagePack and back.

use std::rc::Rc;

use crate::array::Form;
use crate::expect::by_worth;
use crate::value::{BytesAs, Make, Value, any, walk};
use crate::wrap::{Run, Wrapper};
use arbitrary::{Result, Unstructured};
use serde::de::DeserializeOwned;
use serde::ser::Serialize;
use serde_json::Value as Json;
use serde_shm::{from_bytes, to_bytes};

/// Whether nothing in it is `null` inside an option, which other formats do not tell from none, and bytes are asked for as
/// bytes.
fn is_told(value: &Value) -> bool {
    fn null(value: &Value) -> bool {
        match value {
            Value::Unit | Value::UnitStruct(_) | Value::None => true,
            Value::Newtype(_, inner) | Value::Some(inner) => null(inner),
            _ => false,
        }
    }
    !any(value, |value| match value {
        Value::Some(inner) => null(inner),
        Value::Bytes(_, read) => *read != BytesAs::Bytes,
        _ => false,
    })
}

/// Whether JSON can hold it, and serde read it back: no number that is none, no array whose dtype only JSON would have to
/// say, and no keys but text in a buffer, which keeps them as text.
fn json_holds(value: &Value, wrapper: Wrapper) -> bool {
    let is_text = |(key, _): &(Value, Value)| matches!(key, Value::Str(_));
    !any(value, |value| match value {
        Value::F32(bits) => !f32::from_bits(*bits).is_finite(),
        Value::F64(bits) => !f64::from_bits(*bits).is_finite(),
        Value::Array(array) => array.read == Form::Dyn || !array.is_finite(),
        Value::Map(entries, _) => wrapper.is_buffered() && !entries.iter().all(is_text),
        _ => false,
    })
}

/// Whether serde reads it back from MessagePack. A float of two bytes is a wider one there, and which NaN comes back is the
/// processor's matter. Its buffers say of themselves that they are for human readers: to these an
/// array does not say its dtype, and what is written has no unit structs, which are empty lists there.
fn rmp_holds(value: &Value, wrapper: Wrapper) -> bool {
    let mut holds = true;
    walk(value, &mut |value, in_variant| match value {
        Value::Address(_) | Value::UnitStruct(_) => holds &= !wrapper.is_buffered(),
        Value::Array(array) if array.has_small_nan() => holds = false,
        Value::Array(array) if array.read == Form::Dyn => {
            holds &= !(in_variant && wrapper.is_buffered_in_writing());
        }
        _ => {}
    });
    holds
}

/// Through the text of JSON and back, then through us as JSON's own value.
struct ThroughJson;

impl Run for ThroughJson {
    type Out = std::result::Result<(), String>;

    fn run<T: Serialize + DeserializeOwned>(self, value: &T) -> Self::Out {
        let Ok(text) = serde_json::to_string(value) else { return Ok(()) };
        if let Ok(tree) = serde_json::from_str::<Json>(&text) {
            through_us(&tree);
        }
        by_worth(|| serde_json::from_str::<T>(&text))
            .map(drop)
            .map_err(|e| format!("{e} in {text}"))
    }
}

/// What another format reads is an object like any other.
fn through_us(tree: &Json) {
    let block = to_bytes(tree).expect("JSON's values can be written");
    assert_eq!(from_bytes::<Json>(&block).unwrap(), *tree);
}

/// Through MessagePack with names and without, and back.
struct ThroughRmp {
    named: bool,
}

impl Run for ThroughRmp {
    type Out = std::result::Result<(), String>;

    fn run<T: Serialize + DeserializeOwned>(self, value: &T) -> Self::Out {
        let written =
            if self.named { rmp_serde::to_vec_named(value) } else { rmp_serde::to_vec(value) };
        let Ok(bytes) = written else { return Ok(()) };
        by_worth(|| rmp_serde::from_slice::<T>(&bytes))
            .map(drop)
            .map_err(|e| format!("{e} in {bytes:?}"))
    }
}

/// What we give to whom another format's value is.
struct AsJson;

impl Run for AsJson {
    type Out = Option<(Json, std::result::Result<Json, String>)>;

    fn run<T: Serialize + DeserializeOwned>(self, value: &T) -> Self::Out {
        let theirs = serde_json::to_value(value).ok()?;
        let block = to_bytes(value).ok()?;
        Some((theirs, from_bytes::<Json>(&block).map_err(|error| error.to_string())))
    }
}

/// Whether two trees are the same but for what JSON does not tell apart.
fn alike(theirs: &Json, ours: &Json) -> bool {
    match (theirs, ours) {
        (Json::Number(a), Json::Number(b)) => {
            a == b || a.as_f64().is_some_and(|a| b.as_f64().is_some_and(|b| a as f32 == b as f32))
        }
        (Json::Array(a), Json::Array(b)) => {
            a.len() == b.len() && a.iter().zip(b).all(|(a, b)| alike(a, b))
        }
        (Json::Object(a), Json::Object(b)) => {
            a.len() == b.len() && a.iter().all(|(key, a)| b.get(key).is_some_and(|b| alike(a, b)))
        }
        (a, b) => a == b,
    }
}

struct Input {
    wrapper: Wrapper,
    value: Rc<Value>,
}

fn input(u: &mut Unstructured<'_>) -> Result<Input> {
    let wrapper = Wrapper::arbitrary(u)?;
    let make = Make { lies: false, depth: u.int_in_range(1..=4)? };
    Ok(Input { wrapper, value: Rc::new(wrapper.value(make, u)?) })
}

/// The same value through JSON and MessagePack, and what they read back through us.
pub fn run(data: &[u8]) {
    let Ok(Input { wrapper, value }) = input(&mut Unstructured::new(data)) else { return };
    if wrapper.is_buffered()
        && any(&value, |value| matches!(value, Value::I128(_) | Value::U128(_)))
    {
        return;
    }
    if !is_told(&value) {
        return;
    }
    if json_holds(&value, wrapper) {
        if let Err(error) = wrapper.with(&value, ThroughJson) {
            panic!("{wrapper:?} through JSON: {error}\nof {value:?}");
        }
        if !any(&value, is_told_apart)
            && let Some((theirs, ours)) = wrapper.with(&value, AsJson)
        {
            let ours =
                ours.unwrap_or_else(|error| panic!("{wrapper:?} as JSON: {error}\nof {value:?}"));
            assert!(alike(&theirs, &ours), "{wrapper:?}: {theirs} and {ours}\nof {value:?}");
        }
    }
    for named in [false, true] {
        if rmp_holds(&value, wrapper)
            && let Err(error) = wrapper.with(&value, ThroughRmp { named })
        {
            panic!("{wrapper:?} through MessagePack (named: {named}): {error}\nof {value:?}");
        }
    }
}

/// What a value of JSON does not hold, or holds otherwise than its text does.
fn is_told_apart(value: &Value) -> bool {
    match value {
        Value::I128(_) | Value::U128(_) | Value::Bytes(..) => true,
        // The text has ndarray's form where lists cannot say how long each axis is.
        Value::Array(array) => {
            array.written == Form::Nd || array.shape.len() > 1 && array.shape.contains(&0)
        }
        // Two fields may have one name, and keys that are no text become text.
        Value::Map(..) => true,
        _ => false,
    }
}
