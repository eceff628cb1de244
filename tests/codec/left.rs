//! What fails, panics or is not whole makes no object, and leaves nothing behind.

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::path::Path;

use serde::ser::{Error as _, SerializeMap, SerializeSeq, SerializeStruct, SerializeTuple};
use serde::{Serialize, Serializer as _};
use serde_shm::ser::Serializer;
use serde_shm::{Error, ErrorKind, Npz, NpzOptions, Result, Segment, SegmentOptions, ShmArray1};

/// All that serializers can be handed to, each of which fails for the same reason; and nothing is there after it.
#[track_caller]
fn check(write: impl Fn(Serializer<'_, '_>) -> Result<()>, expected: &str) {
    let folder = tempfile::tempdir().unwrap();
    let (dir, npz) = (folder.path(), folder.path().join("object.npz"));
    let name = format!("codec-{:?}-{}", std::thread::current().id(), std::process::id());
    let name = &name.replace(['(', ')'], "-");
    let named = SegmentOptions::new().name(name);
    let persist = SegmentOptions::new().name("object").persist(true).dir(dir);
    let same = |result: Result<()>| {
        let error = result.unwrap_err();
        assert!(error.to_string().contains(expected), "{error}");
    };
    let gone = || {
        assert_eq!(Segment::open(name).unwrap_err().kind(), ErrorKind::NotFound);
        assert_eq!(names(dir), [""; 0]);
    };
    same(serde_shm::ser::to_bytes_with(&write).map(drop));
    same(serde_shm::ser::to_writer_with(Vec::new(), &write));
    same(SegmentOptions::new().create_with(&write).map(drop));
    same(named.create_with(&write).map(drop));
    same(persist.create_with(&write).map(drop));
    same(NpzOptions::new().save_with(&npz, &write));
    gone();

    // What was there before stays.
    let before = named.create(&1_u8).unwrap();
    persist.create(&1_u8).unwrap();
    serde_shm::to_npz(&npz, &1_u8).unwrap();
    same(named.clone().replace(true).create_with(&write).map(drop));
    same(persist.clone().replace(true).create_with(&write).map(drop));
    same(NpzOptions::new().save_with(&npz, &write));
    assert_eq!(Segment::open(name).unwrap().get::<u8>().unwrap(), 1);
    let path = dir.join("object");
    assert_eq!(Segment::open(path.to_str().unwrap()).unwrap().get::<u8>().unwrap(), 1);
    assert_eq!(Npz::open(&npz).unwrap().get::<u8>().unwrap(), 1);
    assert_eq!(names(dir), ["object", "object.npz"]);
    drop(before);
    std::fs::remove_file(path).unwrap();
    std::fs::remove_file(&npz).unwrap();

    // The same where it panics in the end.
    let panics = |serializer: Serializer<'_, '_>| {
        let _ = write(serializer);
        panic!("in the closure")
    };
    let caught = |run: &dyn Fn()| {
        let panic = catch_unwind(AssertUnwindSafe(run)).unwrap_err();
        assert_eq!(panic.downcast_ref(), Some(&"in the closure"));
    };
    caught(&|| drop(serde_shm::ser::to_bytes_with(panics)));
    caught(&|| drop(serde_shm::ser::to_writer_with(Vec::new(), panics)));
    caught(&|| drop(SegmentOptions::new().create_with(panics)));
    caught(&|| drop(named.create_with(panics)));
    caught(&|| drop(persist.create_with(panics)));
    caught(&|| drop(NpzOptions::new().save_with(&npz, panics)));
    gone();
}

fn names(dir: &Path) -> Vec<String> {
    let mut names: Vec<String> = std::fs::read_dir(dir)
        .unwrap()
        .map(|entry| entry.unwrap().file_name().into_string().unwrap())
        .collect();
    names.sort();
    names
}

const NOT_WHOLE: &str = "expected one whole value to be written to the serializer";
const DROPPED: &str = "its error was dropped";

#[test]
fn a_closure_that_fails() {
    check(|_| Err(Error::custom("its own")), "its own");
    check(
        |serializer| {
            vec![1, 2, 3].serialize(serializer)?;
            Err(Error::custom("after all was written"))
        },
        "after all was written",
    );
    check(
        |serializer| {
            let mut seq = serializer.serialize_seq(None)?;
            SerializeSeq::serialize_element(&mut seq, &ShmArray1::from(vec![1.5_f32; 10_000]))?;
            Err(Error::custom("after an array"))
        },
        "after an array",
    );
}

#[test]
fn a_closure_that_writes_nothing() {
    check(|_| Ok(()), NOT_WHOLE);
    // The end of another object is no end of this one.
    check(|_| serde_shm::ser::to_bytes_with(|other| 1_u8.serialize(other)).map(drop), NOT_WHOLE);
}

#[test]
fn a_value_that_is_not_ended() {
    check(|serializer| serializer.serialize_seq(Some(2)).map(drop), NOT_WHOLE);
    check(
        |serializer| {
            let mut seq = serializer.serialize_seq(Some(2))?;
            SerializeSeq::serialize_element(&mut seq, &1)?;
            std::mem::forget(seq);
            Ok(())
        },
        NOT_WHOLE,
    );
    check(
        |serializer| {
            let mut fields = serializer.serialize_struct("S", 2)?;
            SerializeStruct::serialize_field(&mut fields, "a", &1)
        },
        NOT_WHOLE,
    );
    check(
        |serializer| {
            let mut map = serializer.serialize_map(None)?;
            SerializeMap::serialize_key(&mut map, "a")?;
            SerializeMap::end(map)
        },
        "a map's last key has no value",
    );
}

/// Fails behind an array.
struct Fails;

impl Serialize for Fails {
    fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut seq = serializer.serialize_seq(None)?;
        SerializeSeq::serialize_element(&mut seq, &ShmArray1::from(vec![1_u8; 1000]))?;
        Err(S::Error::custom("in the midst"))
    }
}

#[test]
fn an_error_that_was_dropped() {
    check(
        |serializer| {
            let _ = Fails.serialize(serializer);
            Ok(())
        },
        NOT_WHOLE,
    );
    check(
        |serializer| {
            let mut seq = serializer.serialize_seq(Some(2))?;
            SerializeSeq::serialize_element(&mut seq, &1)?;
            let _ = SerializeSeq::serialize_element(&mut seq, &Fails);
            SerializeSeq::end(seq)
        },
        DROPPED,
    );
    check(
        |serializer| {
            let mut tuple = serializer.serialize_tuple(2)?;
            SerializeTuple::serialize_element(&mut tuple, &1)?;
            let _ = SerializeTuple::serialize_element(&mut tuple, &Some(Fails));
            SerializeTuple::end(tuple)
        },
        DROPPED,
    );
}

#[test]
fn a_panic_of_a_value() {
    struct Panics;
    impl Serialize for Panics {
        fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
            panic!("in a value")
        }
    }
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let panic = catch_unwind(|| {
        NpzOptions::new().save_with(&path, |s| (vec![1; 100], Panics).serialize(s))
    });
    assert!(panic.is_err() && names(folder.path()).is_empty());
    // The thread goes on as before.
    let bytes = serde_shm::ser::to_bytes_with(|s| ShmArray1::from(vec![1_u8]).serialize(s));
    assert_eq!(serde_shm::from_bytes::<ShmArray1<u8>>(&bytes.unwrap()).unwrap().sum(), 1);
}

/// A full disk.
struct Full;

impl std::io::Write for Full {
    fn write(&mut self, _: &[u8]) -> std::io::Result<usize> {
        Err(std::io::Error::from_raw_os_error(28))
    }

    fn flush(&mut self) -> std::io::Result<()> {
        Ok(())
    }
}

/// Text is all that a format passes on. Who has this crate's own error has the cause by itself, and once.
#[test]
fn what_the_system_said_goes_through_other_formats() {
    use std::error::Error as _;
    let value = ShmArray1::from(vec![1_u8; 1 << 20]);
    for error in [
        serde_shm::to_writer(Full, &value).unwrap_err(),
        serde_shm::ser::to_writer_with(Full, |s| value.serialize(s)).unwrap_err(),
    ] {
        let cause = error.source().unwrap().to_string();
        assert!(!error.to_string().contains(&cause), "{error}");
        assert_eq!(format!("{error:#}").matches(&cause).count(), 1, "{error:#}");
        assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Io, Some(28)));
    }
    /// It makes of an error what a wrapper with an error type of its own makes of it.
    struct Retold<T>(T);
    impl<T: Serialize> Serialize for Retold<T> {
        fn serialize<S: serde::Serializer>(&self, s: S) -> Result<S::Ok, S::Error> {
            self.0.serialize(s).map_err(|error| S::Error::custom(error.to_string()))
        }
    }
    let error = serde_shm::to_writer(Full, &Retold(&value)).unwrap_err();
    assert!(error.to_string().contains("(os error 28)") && error.source().is_none(), "{error}");
}

#[test]
fn what_is_written_once_is_counted_as_it_comes() {
    let folder = tempfile::tempdir().unwrap();
    let path = folder.path().join("x.npz");
    let calls = std::sync::Mutex::new(Vec::new());
    let options = NpzOptions::new().progress(|done, all| calls.lock().unwrap().push((done, all)));
    options.save_with(&path, |s| 1.serialize(s)).unwrap();
    assert_eq!(std::mem::take(&mut *calls.lock().unwrap()), [(0, 0)]);
    let two = [ShmArray1::from(vec![0_u8; 9 << 20]), ShmArray1::from(vec![1_u8; 100])];
    options.save_with(&path, |s| two.serialize(s)).unwrap();
    let calls = std::mem::take(&mut *calls.lock().unwrap());
    assert!(calls.iter().all(|(done, all)| done <= all), "{calls:?}");
    assert_eq!(calls[0].1, 9 << 20, "{calls:?}");
    assert_eq!(calls.last(), Some(&((9 << 20) + 100, (9 << 20) + 100)), "{calls:?}");
}

#[test]
fn one_serializer_is_used_inside_another() {
    struct Bytes;
    impl Serialize for Bytes {
        fn serialize<S: serde::Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
            let array = ShmArray1::from(vec![1_u16, 2]);
            let inner = serde_shm::ser::to_bytes_with(|s| array.serialize(s));
            serializer.serialize_bytes(&inner.map_err(S::Error::custom)?)
        }
    }
    let bytes = serde_shm::ser::to_bytes_with(|s| (Bytes, Bytes).serialize(s)).unwrap();
    let (first, _): (&[u8], &[u8]) = serde_shm::from_bytes(&bytes).unwrap();
    assert_eq!(serde_shm::from_bytes::<Vec<u16>>(first).unwrap(), [1, 2]);
}

/// The serializer is handed over on a stack that has room for it.
#[cfg(feature = "deep")]
#[test]
fn a_stack_that_is_low_does() {
    fn below(levels: usize) -> Vec<u8> {
        let room = std::hint::black_box([0_u8; 1024]);
        if stacker::remaining_stack().is_none_or(|left| left < 30 << 10) || levels == 0 {
            let bytes = serde_shm::ser::to_bytes_with(|s| vec![Some("text"); 3].serialize(s));
            return bytes.unwrap().to_vec();
        }
        let bytes = below(levels - 1);
        assert_eq!(room[7], 0);
        bytes
    }
    let thread = std::thread::Builder::new().stack_size(256 << 10).spawn(|| below(1000));
    let bytes = thread.unwrap().join().unwrap();
    assert_eq!(serde_shm::from_bytes::<Vec<Option<&str>>>(&bytes).unwrap(), [Some("text"); 3]);
}
