//! What is in a container, read by no type: as a tree and part by part, which must tell the same, and written again.

use serde::de::DeserializeOwned;
use serde_shm::value::{Names, Number, Numbers, PlacedArray, Value, Walk};
use serde_shm::{Block, ErrorKind, Npz, Result, Segment, UntypedLive, from_bytes, to_bytes};

use crate::anything::{Anything, Arrays, Rich, say};

/// Any container of which the object may be asked without its type.
pub trait Container {
    fn tree(&self) -> Result<Value>;
    fn go(&self, walk: &mut Parts) -> Result<()>;
    fn typed<T: DeserializeOwned>(&self) -> Result<T>;
}

macro_rules! containers {
    ($($ty:ty),*) => {$(
        impl Container for $ty {
            fn tree(&self) -> Result<Value> {
                self.value()
            }

            fn go(&self, walk: &mut Parts) -> Result<()> {
                self.walk(walk)
            }

            fn typed<T: DeserializeOwned>(&self) -> Result<T> {
                self.get()
            }
        }
    )*};
}

containers!(Block, Segment, Npz);

/// Counts what it is told and holds it to the rules: each part in its place, as many as were announced.
#[derive(Default)]
pub struct Parts {
    open: Vec<Open>,
    roots: usize,
    calls: u64,
    /// The call that is an error, from 1 on.
    fails: Option<u64>,
    failed: bool,
    arrays: usize,
    pub live: usize,
}

struct Open {
    parts: usize,
    wanted: Option<usize>,
    is_map: bool,
    /// Only a field may be absent, only a list or map may not know its length.
    is_record: bool,
    is_list: bool,
}

impl Parts {
    fn call(&mut self) -> Result<()> {
        assert!(!self.failed, "called after an error");
        self.calls += 1;
        self.failed = self.fails == Some(self.calls);
        if self.failed { Err(serde::de::Error::custom("enough")) } else { Ok(()) }
    }

    fn parts(&mut self, count: usize) -> Result<()> {
        match self.open.last_mut() {
            Some(open) => open.parts += count,
            None => self.roots += count,
        }
        self.call()
    }

    fn begin(
        &mut self,
        wanted: Option<usize>,
        [is_list, is_map, is_record]: [bool; 3],
    ) -> Result<()> {
        self.parts(1)?;
        self.open.push(Open { parts: 0, wanted, is_map, is_record, is_list });
        Ok(())
    }
}

impl<'a> Walk<'a> for Parts {
    fn unit(&mut self) -> Result<()> {
        self.parts(1)
    }

    fn bool(&mut self, _: bool) -> Result<()> {
        self.parts(1)
    }

    fn number(&mut self, _: Number) -> Result<()> {
        self.parts(1)
    }

    fn numbers(&mut self, values: Numbers<'_>) -> Result<()> {
        assert!(!values.is_empty() && self.open.last().is_some_and(|open| open.is_list));
        self.parts(values.len())
    }

    fn char(&mut self, _: char) -> Result<()> {
        self.parts(1)
    }

    fn text(&mut self, _: &'a str) -> Result<()> {
        self.parts(1)
    }

    fn bytes(&mut self, _: &'a [u8]) -> Result<()> {
        self.parts(1)
    }

    fn none(&mut self) -> Result<()> {
        self.parts(1)
    }

    fn some(&mut self) -> Result<()> {
        self.call()
    }

    fn readable(&mut self) -> Result<()> {
        self.call()
    }

    fn named(&mut self, name: &'a str) -> Result<()> {
        assert!(!name.is_empty());
        self.call()
    }

    fn seq(&mut self, len: Option<usize>) -> Result<()> {
        self.begin(len, [true, false, false])
    }

    fn tuple(&mut self, len: usize) -> Result<()> {
        self.begin(Some(len), [false; 3])
    }

    fn map(&mut self, len: Option<usize>) -> Result<()> {
        self.begin(len.and_then(|len| len.checked_mul(2)), [false, true, false])
    }

    fn record(&mut self, names: &Names) -> Result<()> {
        assert!(names.fields().len() == names.len() || names.fields().len() == 0);
        self.begin(Some(names.len()), [false, false, true])
    }

    fn absent(&mut self) -> Result<()> {
        assert!(self.open.last().is_some_and(|open| open.is_record));
        self.parts(1)
    }

    fn unannounced(&mut self) -> Result<()> {
        let open = self.open.last().expect("something is open");
        assert!(open.is_list && open.parts > 63 || open.is_map && open.parts > 126);
        assert_eq!(open.wanted, None);
        self.call()
    }

    fn end(&mut self) -> Result<()> {
        let open = self.open.pop().expect("something is open");
        assert!(open.wanted.is_none_or(|wanted| wanted == open.parts), "as many as announced");
        assert!(!open.is_map || open.parts % 2 == 0);
        self.call()
    }

    fn array(&mut self, array: PlacedArray) -> Result<()> {
        self.arrays += 1;
        assert_eq!(array.shape().len(), array.strides().len());
        self.parts(1)
    }

    fn live(&mut self, _: UntypedLive) -> Result<()> {
        self.live += 1;
        self.parts(1)
    }
}

/// Reads what may be anything as a value; tree and walk agree, with one another and with who takes anything by its type. What
/// was read can be written, and is the same then. `is_described`: typed readers see no difference either.
pub fn read(container: &impl Container, is_described: bool) {
    let (tree, mut parts) = (container.tree(), Parts::default());
    let walked = container.go(&mut parts);
    match (&tree, &walked) {
        (Ok(_), Ok(())) => {
            assert!(parts.open.is_empty() && parts.roots == 1, "one whole value");
            let mut some = Parts { fails: Some(parts.calls / 2 + 1), ..Parts::default() };
            let error = container.go(&mut some).expect_err("a walk that fails");
            assert!(some.failed && error.to_string().contains("enough"), "{error}");
        }
        (Ok(_), Err(error)) => panic!("a tree, but no walk: {error}"),
        // A tree nests no deeper than what is written may; what is walked over may do so in options.
        (Err(error), Ok(())) => assert_eq!(error.kind(), ErrorKind::Limit, "{error}"),
        (Err(one), Err(other)) => assert_eq!(one.kind(), other.kind(), "{one}; {other}"),
    }
    let anything = container.typed::<Anything>();
    match &tree {
        Err(error) if error.kind() == ErrorKind::Corrupt => {
            assert!(anything.is_err(), "only a value is {error}");
        }
        Ok(value) => {
            if let Err(error) = &anything {
                // Bools of an array are looked at where they are asked for.
                let is_other = error.kind() != ErrorKind::Corrupt || parts.arrays > 0;
                assert!(is_other || !is_described, "only a value is not {error}");
            }
            let _ = (value.to_string(), value.clone());
            if parts.live == 0 {
                again(container, value, is_described);
            }
        }
        Err(_) => {}
    }
    say(tree.map(drop));
    say(walked);
}

fn again(container: &impl Container, value: &Value, is_described: bool) {
    let written = match to_bytes(value) {
        Ok(written) => written,
        Err(error) => return assert_eq!(error.kind(), ErrorKind::Limit, "{error}"),
    };
    let same: Value = from_bytes(&written).expect("it was just written");
    assert!(*to_bytes(&same).expect("it was written before") == *written, "{value}\n{same}");
    if is_described {
        as_typed::<Rich>(container, &written);
        as_typed::<Arrays>(container, &written);
        as_typed::<Vec<(u8, String)>>(container, &written);
    }
}

fn as_typed<T: serde::Serialize + DeserializeOwned>(container: &impl Container, written: &[u8]) {
    if let Ok(one) = container.typed::<T>() {
        let other: T = from_bytes(written).expect("it was read before");
        let (one, other) = (to_bytes(&one), to_bytes(&other));
        assert!(*one.expect("what was read") == *other.expect("what was read again"));
    }
}
