//! Systems other than Linux: they have no sealed memfds, so there are no segments. Every function that makes or opens a
//! segment calls [`check_segments`](super::check_segments) first. The functions behind it are here with their signatures
//! alone, so that code which would use them compiles with any feature.
#![allow(dead_code)]

use std::fs::File;
use std::io::{self, IoSlice};
use std::ops::{Deref, DerefMut};
use std::path::{Path, PathBuf};
use std::process::{Child, Command, Stdio};
use std::sync::atomic::{AtomicU32, Ordering};
use std::time::Duration;

#[cfg(feature = "workers")]
use super::Waiting;
use super::{FileKind, Lack, Space, Stamp, Status, Unchanging, Unsealed, no_segments};

fn unsupported<T>() -> io::Result<T> {
    Err(no_segments())
}

/// Functions that return `Unsupported`, or, if they cannot fail, a fixed answer.
macro_rules! functions {
    ($(fn $name:ident($($given:ty),*) -> $result:ty $(= $answer:expr)?;)*) => {
        $(functions! { @ $name($($given),*) -> $result $(= $answer)? })*
    };
    (@ $name:ident($($given:ty),*) -> $result:ty) => {
        pub(crate) fn $name($(_: $given),*) -> io::Result<$result> { unsupported() }
    };
    (@ $name:ident($($given:ty),*) -> $result:ty = $answer:expr) => {
        pub(crate) fn $name($(_: $given),*) -> $result { $answer }
    };
}

/// Types without values: making one returns `Unsupported`, so their methods are never called.
macro_rules! types {
    ($(enum $type:ident {
        $(new $made_by:ident($($from:ty),*) -> $made:ty $(= $none:expr)?;)*
        $(fn $name:ident($($given:ty),*) -> $result:ty;)*
    })*) => {$(
        pub(crate) enum $type {}

        impl $type {
            functions! { $(fn $made_by($($from),*) -> $made $(= $none)?;)* }
            $(pub(crate) fn $name(&self $(, _: $given)*) -> $result { match *self {} })*
        }
    )*};
}

mod plain;
pub(crate) use plain::*;

types! {
    enum SealedMemory {
        new seal(File) -> Self;
        new check(File) -> Result<Self, Unsealed>;
        fn len() -> u64;
        fn stamp() -> Stamp;
        fn file() -> &File;
        fn into_file() -> File;
        fn map() -> io::Result<ReadOnlyMap>;
    }

    enum ReadOnlyMap {}

    enum Pages {
        // `None`: the caller then takes memory of the allocator.
        new new(usize) -> io::Result<Option<Self>> = Ok(None);
    }

    enum LiveMap {
        new new(&File, u64, usize, bool) -> Self;
        new new_own(&File, u64, usize, bool) -> Self;
        fn start() -> *mut u8;
        fn len() -> usize;
    }

    enum WritableMap {
        new new(&File, u64, usize) -> Self;
        fn start() -> *mut u8;
        fn len() -> usize;
        fn populate(&File, u64, usize, usize) -> io::Result<()>;
        fn wish_huge_pages() -> ();
        fn fill(usize, &[u8]) -> ();
        fn give_up(usize, usize) -> ();
        fn make_private(&File, u64) -> io::Result<()>;
    }

    enum Line {
        new pair() -> (Self, Self);
        new is_stdin(u64) -> bool = false;
        new take_stdin() -> Self;
        fn identity() -> io::Result<u64>;
        fn into_stdin() -> Stdio;
        fn again() -> io::Result<Self>;
        fn send(&[IoSlice<'_>], &[File]) -> io::Result<usize>;
        fn receive(&mut [u8], &mut Vec<File>) -> io::Result<usize>;
        fn receive_to(&mut Vec<u8>, u64) -> io::Result<usize>;
        fn wait_for_end() -> io::Result<()>;
    }

    enum Watch {
        new of(&Child) -> Option<Self> = None;
    }
}

functions! {
    fn create_memory() -> File;
    fn read_only(&File) -> File;
    fn map_file(&File, usize, Unchanging) -> ReadOnlyMap;
    fn read_at(&File, &mut [u8], u64) -> ();
    fn read_some_at(&File, &mut [u8], u64) -> usize;
    fn write_at(&File, &[u8], u64) -> ();
    fn descriptor(&File) -> u32 = 0;
    fn open_descriptor(u32, u32) -> File;
    fn descriptor_kind(u32, u32) -> FileKind;
    fn random() -> [u8; 16];
    fn user() -> u32 = 0;

    fn default_base() -> PathBuf = std::env::temp_dir();
    fn make_dir(&Path) -> ();
    fn mend_directory(&Path) -> bool;
    fn open_file(&Path) -> File;
    fn path_status(&Path) -> Status;
    fn file_status(&File) -> Status;
    fn set_mode(&File, u32) -> ();

    fn process_is_shown(u32) -> bool = false;
    fn process_exists(u32) -> bool = false;
    fn has_ended(u32, Option<u64>) -> bool = false;
    fn proc_is_own() -> bool = false;
    fn process_namespace() -> u64;
    fn time_namespace() -> u64;
    fn started(u32) -> u64;
    fn thread_number() -> u32 = 0;
    fn process_stamp() -> u64 = std::process::id().into();

    fn create_live() -> File;
    fn open_live(u32, u32) -> File;
    fn reopen_live(&File) -> File;
    fn seal_live(&File, &[u8], u64) -> ();
    fn check_live(&File) -> Option<Status>;
    fn reserve(&File, u64, u64) -> ();
    fn try_lock_byte(&File, u64) -> bool;
    fn unlock_byte(&File, u64) -> () = ();
    fn is_byte_locked(&File, u64) -> bool;
    fn wake_all(&AtomicU32) -> () = ();

    // On these systems the error itself says what a call lacked.
    fn is_forbidden(&io::Error) -> bool = false;
    fn lack(&io::Error) -> Option<Lack> = None;
    fn file_size_limit() -> Option<u64> = None;
    fn descriptor_limit() -> Option<u64> = None;
    fn address_limit() -> Option<u64> = None;
    fn available_memory() -> Option<u64> = None;
    fn total_memory() -> Option<u64> = None;
    fn page_size() -> usize = 4096;
    fn has_huge_pages() -> bool = false;
    fn can_map(usize) -> bool = true;

    fn die_with(u32) -> bool = false;
    fn end_now() -> () = std::process::abort();
    fn this_program() -> Command;
}

#[cfg(feature = "workers")]
functions! {
    fn wait_any(&mut [Waiting<'_>], Option<Duration>) -> ();
}

pub(crate) fn space<T>(_: T) -> io::Result<Space> {
    unsupported()
}

/// These systems have no futex, so a waiting thread of this process looks again after at most a millisecond.
pub(crate) fn sleep_on(word: &AtomicU32, value: u32, most: Duration) -> bool {
    if word.load(Ordering::Acquire) == value {
        std::thread::sleep(most.min(Duration::from_millis(1)));
    }
    false
}

impl Deref for ReadOnlyMap {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match *self {}
    }
}

impl Deref for Pages {
    type Target = [u8];
    fn deref(&self) -> &[u8] {
        match *self {}
    }
}

impl DerefMut for Pages {
    fn deref_mut(&mut self) -> &mut [u8] {
        match *self {}
    }
}

/// How many bytes a caller of [`populate`] fills at a time.
pub(crate) const PIECE: usize = 4 << 20;

/// These systems do not have such a request.
pub(crate) fn wish_huge_pages<T>(_: &mut [std::mem::MaybeUninit<T>]) {}

/// The pages come as they are touched.
pub(crate) fn populate<T>(_: &mut [T]) {}
