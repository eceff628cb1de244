//! What every handle, option and error can be used for: sent, shared, kept, caught with a panic.
#![cfg(all(feature = "ndarray", feature = "npz", target_os = "linux"))]
#![allow(missing_docs)]

use std::error::Error as _;
use std::fmt::{Debug, Display};
use std::hash::Hash;
use std::panic::{RefUnwindSafe, UnwindSafe};

use ndarray::{Ix1, Ix2, IxDyn};
#[cfg(feature = "safetensors")]
use serde_shm::SafetensorsOptions;
use serde_shm::element::{Datetime64, FixedBytes, FixedStr, Seconds, Timedelta64};
use serde_shm::segments::SegmentInfo;
use serde_shm::value::{
    Blob, Map, Name, Names, Number, Numbers, PlacedArray, Record, RecordKind, Seq,
};
use serde_shm::{
    AlignedBytes, Arena, ArenaArray, ArrayInfo, AtomicArray, Block, BlockOptions, Compression,
    DType, DTypeField, DTypeKind, DynArray, Error, ErrorKind, FlatAtomic, LiveKind, LockedArray,
    LockedReadGuard, LockedWriteGuard, Npz, NpzOptions, OpenOptions, Order, OtherMember, RawArray,
    Segment, SegmentOptions, ShmArray, TimeBase, TimeUnit, UntypedArray, UntypedAtomic,
    UntypedLive, UntypedReadGuard, UntypedView, UntypedWriteGuard, Value,
};

fn is_free<T: Send + Sync + UnwindSafe + RefUnwindSafe + Debug + 'static>() {}

#[test]
fn handles_are_free_to_go_anywhere() {
    is_free::<Block>();
    is_free::<Segment>();
    is_free::<SegmentOptions>();
    is_free::<Arena>();
    is_free::<ArenaArray<f32, Ix2>>();
    is_free::<OpenOptions>();
    is_free::<BlockOptions<'static>>();
    #[cfg(feature = "safetensors")]
    is_free::<SafetensorsOptions<'static>>();
    is_free::<NpzOptions<'static>>();
    is_free::<SegmentInfo>();
    is_free::<Npz>();
    is_free::<OtherMember>();
    is_free::<ShmArray<f32, Ix2>>();
    is_free::<ShmArray<u8, IxDyn>>();
    is_free::<DynArray>();
    is_free::<RawArray>();
    is_free::<UntypedArray>();
    is_free::<UntypedLive>();
    is_free::<UntypedView<'static>>();
    is_free::<UntypedAtomic<'static>>();
    is_free::<FlatAtomic<'static, u32>>();
    is_free::<LockedArray<f32, Ix1>>();
    is_free::<AtomicArray<u32, Ix1>>();
    is_free::<AlignedBytes>();
    is_free::<ArrayInfo>();
    is_free::<DType>();
    is_free::<DTypeField>();
    is_free::<TimeUnit>();
    is_free::<Error>();
    is_free::<ErrorKind>();
    is_free::<serde_shm::de::Deserializer<'static>>();
}

#[test]
fn values_are_free_to_go_anywhere() {
    is_free::<Value>();
    is_free::<Seq>();
    is_free::<Map>();
    is_free::<Record>();
    is_free::<Name>();
    is_free::<Names>();
    is_free::<serde_shm::ser::NamedNewtypes<u8>>();
    is_free::<RecordKind>();
    is_free::<Number>();
    is_free::<Numbers<'static>>();
    is_free::<Blob>();
    is_free::<PlacedArray>();
    is_free::<Datetime64<Seconds>>();
    is_free::<Timedelta64<Seconds>>();
    is_free::<FixedBytes<3>>();
    is_free::<FixedStr<3>>();
}

#[cfg(feature = "workers")]
#[test]
fn what_works_is_free_to_go_anywhere() {
    use serde_shm::workers::{Death, Fold, Task};
    is_free::<Task<u32, u32, u32>>();
    is_free::<Fold<u32, u32, u32>>();
    is_free::<Death>();
}

/// What stands for a while: the threads are those of the locks and of serde.
#[test]
fn guards_and_serializers_are_shown() {
    fn is_shown<T: Debug>() {}
    is_shown::<LockedReadGuard<'static, f32, Ix1>>();
    is_shown::<LockedWriteGuard<'static, f32, Ix1>>();
    is_shown::<UntypedReadGuard>();
    is_shown::<UntypedWriteGuard>();
    is_shown::<serde_shm::ser::Serializer<'static, 'static>>();
    is_shown::<serde_shm::ser::Compound<'static, 'static>>();
}

#[test]
fn what_is_cloned_compared_hashed_and_made_of_nothing() {
    fn is_cloned<T: Clone>() {}
    fn is_compared<T: Clone + PartialEq>() {}
    fn is_key<T: Clone + Eq + Hash>() {}
    fn has_default<T: Default>() {}
    is_cloned::<Block>();
    is_cloned::<NpzOptions<'static>>();
    is_cloned::<UntypedLive>();
    is_cloned::<LockedArray<f32, Ix1>>();
    is_cloned::<AtomicArray<u32, Ix1>>();
    is_cloned::<serde_shm::de::Deserializer<'static>>();
    is_compared::<SegmentOptions>();
    is_compared::<OpenOptions>();
    is_compared::<BlockOptions<'static>>();
    #[cfg(feature = "safetensors")]
    is_compared::<SafetensorsOptions<'static>>();
    is_compared::<SegmentInfo>();
    is_compared::<ArrayInfo>();
    is_compared::<OtherMember>();
    is_compared::<ShmArray<f32, Ix2>>();
    is_compared::<DynArray>();
    is_compared::<RawArray>();
    is_compared::<UntypedArray>();
    is_compared::<UntypedView<'static>>();
    is_compared::<AlignedBytes>();
    is_compared::<Value>();
    is_compared::<Seq>();
    is_compared::<Map>();
    is_compared::<Record>();
    is_compared::<Number>();
    is_compared::<Numbers<'static>>();
    is_compared::<Blob>();
    is_compared::<PlacedArray>();
    is_key::<DType>();
    is_key::<DTypeKind>();
    is_key::<DTypeField>();
    is_key::<TimeUnit>();
    is_key::<TimeBase>();
    is_key::<Order>();
    is_key::<LiveKind>();
    is_key::<Compression>();
    is_key::<ErrorKind>();
    is_key::<Name>();
    is_key::<Names>();
    is_key::<serde_shm::ser::NamedNewtypes<u8>>();
    is_key::<RecordKind>();
    is_key::<Datetime64<Seconds>>();
    has_default::<SegmentOptions>();
    has_default::<OpenOptions>();
    has_default::<BlockOptions<'static>>();
    #[cfg(feature = "safetensors")]
    has_default::<SafetensorsOptions<'static>>();
    has_default::<NpzOptions<'static>>();
    has_default::<Compression>();
    has_default::<AlignedBytes>();
    has_default::<ShmArray<f32, Ix2>>();
    has_default::<Seq>();
    has_default::<Map>();
}

/// The kinds of errors that a small program meets, each of which says something else.
#[test]
fn kinds_of_errors_have_words() {
    fn words<T: Display>(value: T) -> String {
        value.to_string()
    }
    let kinds = [
        ErrorKind::Io,
        ErrorKind::NotFound,
        ErrorKind::AlreadyExists,
        ErrorKind::InvalidInput,
        ErrorKind::Corrupt,
        ErrorKind::Version,
        ErrorKind::Mismatch,
        ErrorKind::Limit,
        ErrorKind::Unsupported,
        ErrorKind::Poisoned,
        ErrorKind::Deadlock,
        ErrorKind::ReadOnly,
        ErrorKind::WorkerDied,
        ErrorKind::JobFailed,
        ErrorKind::Message,
    ];
    let said = std::collections::BTreeSet::from(kinds.map(words));
    assert_eq!(said.len(), kinds.len());
    assert!(said.iter().all(|words| !words.is_empty() && words.is_ascii()), "{said:?}");
}

#[test]
fn an_error_of_the_system_has_its_number() {
    let folder = tempfile::tempdir().unwrap();
    let error = Npz::open(folder.path().join("none.npz")).unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::NotFound, Some(2)), "{error}");
    assert!(error.source().is_some());
    let error = serde_shm::to_npz(folder.path().join("no/a.npz"), &1).unwrap_err();
    assert_eq!(error.raw_os_error(), Some(2), "{error}");
    let error = serde_shm::from_bytes::<u8>(&[]).unwrap_err();
    assert_eq!((error.kind(), error.raw_os_error()), (ErrorKind::Corrupt, None), "{error}");
}

/// What NumPy takes for a dtype is one here, and what `Display` writes is read again.
#[test]
fn dtypes_are_read_from_numpys_descriptors() {
    let same = [
        ("<f4", "float32"),
        ("<f4", "f4"),
        ("<f4", "<f"),
        ("|b1", "?"),
        ("|u1", "uint8"),
        (">i8", ">q"),
        ("<M8[ns]", "datetime64[ns]"),
        ("|S5", "S5"),
        ("<U3", "U3"),
        ("[('x', '<f4'), ('y', '>i2')]", "[('x', 'f4'), ('y', '>i2')]"),
    ];
    for (written, spelled) in same {
        let dtype: DType = written.parse().unwrap();
        assert_eq!(spelled.parse::<DType>().unwrap(), dtype, "{spelled}");
        assert_eq!(dtype.to_string(), written);
    }
    let nested = "[('a', [('b', '<f8', (2, 3))], (4,)), ('c', '|V7')]".parse::<DType>().unwrap();
    assert_eq!(nested.to_string().parse::<DType>().unwrap(), nested);
    assert_eq!(nested.item_size(), 4 * 48 + 7);
    for (wrong, kind) in [
        ("|O", ErrorKind::Unsupported),
        ("3f4", ErrorKind::Unsupported),
        ("", ErrorKind::Unsupported),
        ("f3", ErrorKind::Unsupported),
        ("[('x', ", ErrorKind::Corrupt),
    ] {
        let error = wrong.parse::<DType>().unwrap_err();
        assert_eq!(error.kind(), kind, "{wrong:?}: {error}");
    }
}
