//! Any value in any of serde's wrappers, through any container and back.

use std::fs;
use std::rc::Rc;

use crate::scratch::folder;
use crate::value::{Content, Make, Told, Value, any, walk};
use crate::wrap::{Run, Wrapper};
use arbitrary::{Result, Unstructured};
use serde::de::{DeserializeOwned, IgnoredAny};
use serde::ser::Serialize;
use serde_shm::ser::NamedNewtypes;
use serde_shm::{
    AlignedBytes, Block, Compression, Npz, NpzOptions, SegmentOptions, Value as Unknown,
    from_bytes, from_reader, to_bytes, to_shared, to_writer,
};

#[derive(Clone, Copy)]
enum Container {
    Bytes,
    Stream,
    Stored,
    Deflated,
    Segment,
    Persistent,
}

/// The quick one more often.
const CONTAINERS: [Container; 9] = [
    Container::Bytes,
    Container::Bytes,
    Container::Bytes,
    Container::Bytes,
    Container::Stream,
    Container::Stored,
    Container::Deflated,
    Container::Segment,
    Container::Persistent,
];

/// Writes into a container and reads back; the error of either.
struct Through {
    container: Container,
    /// By way of a value of no type.
    unknown: bool,
    /// With the names of newtype structs.
    named: bool,
    /// Written as it is, such a value is the same bytes.
    is_plain: bool,
}

/// What happened.
enum Outcome {
    Same,
    /// It was refused when it was written: by serde's wrapper, which does not take everything.
    Refused,
    Lost(String),
}

impl Run for Through {
    type Out = Outcome;

    fn run<T: Serialize + DeserializeOwned>(self, value: &T) -> Outcome {
        if self.named {
            return self.through::<T>(&NamedNewtypes(value));
        }
        self.through::<T>(value)
    }
}

impl Through {
    /// Writes this, and reads it as a value of its type.
    fn through<T: DeserializeOwned>(&self, value: &impl Serialize) -> Outcome {
        let Some(block) = written(value) else { return Outcome::Refused };
        if self.unknown {
            return unknown::<T>(self, value, &block);
        }
        let read = match self.container {
            Container::Bytes => from_bytes::<T>(&block),
            Container::Stream => {
                let mut written = Vec::new();
                to_writer(&mut written, value).expect("it was written before");
                assert_eq!(written, *block, "a writer gets the same bytes");
                from_reader::<_, T>(&written[..])
            }
            Container::Stored => archive::<T>(value, Compression::None),
            Container::Deflated => archive(value, Compression::Deflate(1)),
            Container::Segment => to_shared(value).expect("it was written before").get::<T>(),
            Container::Persistent => {
                let options =
                    SegmentOptions::new().name("a").dir(folder()).replace(true).fsync(false);
                let segment = options.persist(true).create(value).expect("it was written before");
                let read = segment.get();
                segment.unlink().expect("it was just made");
                read
            }
        };
        outcome(read)
    }
}

/// The value as a block, which can be passed over; `None` if it was refused.
fn written(value: &impl Serialize) -> Option<AlignedBytes> {
    match to_bytes(value) {
        Ok(block) => {
            from_bytes::<IgnoredAny>(&block).expect("everything can be passed over");
            Some(block)
        }
        Err(error) => {
            assert!(!error.to_string().is_empty());
            None
        }
    }
}

/// The value as one of no type, out of any container: as a block it is the same to its own type.
fn unknown<T: DeserializeOwned>(
    through: &Through,
    value: &impl Serialize,
    block: &[u8],
) -> Outcome {
    let found = match through.container {
        Container::Bytes | Container::Stream => from_bytes::<Unknown>(block),
        Container::Stored => {
            let path = folder().join("a.npz");
            NpzOptions::new().fsync(false).save(&path, value).expect("it was written before");
            Npz::open(&path).and_then(|file| file.value())
        }
        Container::Deflated => archive(value, Compression::Deflate(1)),
        Container::Segment | Container::Persistent => {
            to_shared(value).expect("it was written before").value()
        }
    };
    let found = found.expect("whatever was written is a value");
    let again = to_bytes(&found).expect("what was read can be written");
    let same: Unknown = from_bytes(&again).expect("it was just written");
    assert!(*to_bytes(&same).expect("it was written before") == *again, "{found}");
    if through.is_plain {
        assert!(*again == *block, "{found}");
    }
    crate::unknown::read(&Block::new(again.clone()).expect("it was just written"), true);
    outcome(from_bytes::<T>(&again))
}

fn outcome<T>(read: serde_shm::Result<T>) -> Outcome {
    read.map_or_else(|error| Outcome::Lost(error.to_string()), |_| Outcome::Same)
}

fn archive<R: DeserializeOwned>(value: &impl Serialize, how: Compression) -> serde_shm::Result<R> {
    let path = folder().join("a.npz");
    let options = NpzOptions::new().compression(how).fsync(false);
    options.save(&path, value).expect("it was written before");
    let bytes = fs::read(&path).unwrap();
    let file = Npz::from_bytes(&AlignedBytes::copy_from(&bytes)[..])?;
    file.verify().expect("it was just saved");
    file.get::<R>()?;
    options.load(&path)
}

struct Input {
    wrapper: Wrapper,
    container: Container,
    unknown: bool,
    named: bool,
    value: Rc<Value>,
}

fn input(u: &mut Unstructured<'_>) -> Result<Input> {
    let wrapper = Wrapper::arbitrary(u)?;
    let container = *u.choose(&CONTAINERS)?;
    // Beside the depth, so that inputs of old are what they were.
    let depth = u.int_in_range(1..=16)? - 1;
    let (named, unknown, depth) = (depth >= 8, depth % 8 >= 4, depth % 4 + 1);
    let make = Make { lies: true, depth };
    Ok(Input { wrapper, container, unknown, named, value: Rc::new(wrapper.value(make, u)?) })
}

/// So many arrays of one name may be asked for in different ways where serde's buffer holds them.
const MIXED: usize = 64;

/// Whether its tables have more than what is in it, or its runs follow from what was announced: schemas of forms that were not
/// taken, of structs that say of themselves what they are not, and of what looks like an array at first.
fn is_told_wrong(value: &Value) -> bool {
    match value {
        Value::Address(_) => true,
        Value::Seq(_, told) | Value::Map(_, told) => *told != Told::Right,
        Value::Struct(name, _) => *name == "Array",
        Value::Variant(_, _, _, Content::Struct(fields)) => {
            fields.iter().any(|field| field.1.is_none())
        }
        _ => false,
    }
}

/// A value of any shape, in any wrapper, through any container: it comes back. Only serde's buffer has no room for numbers of
/// 128 bits, which is an error that says so, and may hold more arrays than are read each in its own form.
pub fn run(data: &[u8]) {
    let Ok(Input { wrapper, container, unknown, named, value }) =
        input(&mut Unstructured::new(data))
    else {
        return;
    };
    let is_plain = !any(&value, is_told_wrong);
    let through = Through { container, unknown, named, is_plain };
    let Outcome::Lost(error) = wrapper.with(&value, through) else { return };
    let has_no_room = wrapper.is_buffered()
        && any(&value, |value| matches!(value, Value::I128(_) | Value::U128(_)))
        && error.contains("128");
    let mut arrays = 0;
    walk(&value, &mut |value, _| {
        arrays += usize::from(matches!(value, Value::Bytes(..) | Value::Array(_)));
    });
    let is_mixed = wrapper.is_buffered() && arrays > MIXED;
    assert!(has_no_room || is_mixed, "{wrapper:?}: {error}\nof {value:?}");
}
