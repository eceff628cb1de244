//! What is done while somebody is killed, and what must hold afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_shm::{
    Deserialize, Error, ErrorKind, Segment, SegmentOptions, Serialize, from_npz, from_shared,
    segments, to_npz, to_shared,
};

use crate::strace::{BEGIN, END, ready};

const SCENE: &str = "SERDE_SHM_CRASH_SCENE";
const DIR: &str = "SERDE_SHM_CRASH_DIR";
pub(crate) const NAME: &str = "object";

/// A whole one has a sum that fits.
#[derive(Serialize, Deserialize, PartialEq, Debug)]
pub(crate) struct Object {
    number: u32,
    text: String,
    grid: Array2<f64>,
    #[shm_array]
    list: Vec<u32>,
    sum: u64,
}

impl Object {
    /// `extra` sets the size of its list, in numbers.
    pub(crate) fn new(number: u32, extra: usize) -> Self {
        let list = vec![number; 100 + number as usize * 10 + extra];
        let sum = list.iter().map(|n| u64::from(*n)).sum();
        let grid = Array2::from_elem((5, 7), f64::from(number));
        Object { number, text: format!("object {number}"), grid, list, sum }
    }

    /// Which one it is, having looked at every number in it.
    pub(crate) fn whole(&self) -> u32 {
        let sum: u64 = self.list.iter().map(|n| u64::from(*n)).sum();
        assert_eq!(sum, self.sum, "torn");
        assert_eq!(sum, u64::from(self.number) * self.list.len() as u64, "torn");
        assert!(self.grid.iter().all(|n| *n == f64::from(self.number)), "torn");
        assert_eq!(self.text, format!("object {}", self.number), "torn");
        self.number
    }
}

/// What the child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    ToShared,
    Create,
    Replace,
    Persist,
    PersistReplace,
    PersistElsewhere,
    ToNpz,
}

pub(crate) const DEEDS: [Deed; 7] = [
    Deed::ToShared,
    Deed::Create,
    Deed::Replace,
    Deed::Persist,
    Deed::PersistReplace,
    Deed::PersistElsewhere,
    Deed::ToNpz,
];

impl Deed {
    /// Does it in this process; the error is what it says.
    fn run(self, dir: &Path, object: &Object) -> Result<Option<Segment>, Error> {
        let named = SegmentOptions::new().name(NAME);
        match self {
            Deed::ToShared => to_shared(object).map(Some),
            Deed::Create => named.create(object).map(Some),
            Deed::Replace => named.replace(true).create(object).map(Some),
            Deed::Persist => named.persist(true).create(object).map(Some),
            Deed::PersistReplace => named.replace(true).persist(true).create(object).map(Some),
            Deed::PersistElsewhere => {
                named.replace(true).persist(true).dir(dir.join("files")).create(object).map(Some)
            }
            Deed::ToNpz => to_npz(dir.join("files/object.npz"), object).map(|()| None),
        }
    }
}

/// In the child: does the deed between the two marks, and says how it went.
pub(crate) fn once() {
    let (deed, dir) = from_environment();
    let object = Object::new(2, 0);
    ready();
    let _ = std::fs::metadata(BEGIN);
    let done = deed.run(&dir, &object);
    let said = match &done {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("error {:?}: {error}", error.kind()),
    };
    drop(done);
    let _ = std::fs::metadata(END);
    println!("\n> {said}");
}

pub(crate) fn from_environment() -> (Deed, PathBuf) {
    let deed = std::env::var(SCENE).unwrap();
    let deed = DEEDS.into_iter().find(|other| format!("{other:?}") == deed).unwrap();
    (deed, PathBuf::from(std::env::var_os(DIR).unwrap()))
}

pub(crate) fn act(deed: Deed, dir: &Path, object: &Object) -> Option<Segment> {
    deed.run(dir, object).unwrap()
}

/// A place of its own for a deed: a folder of names with things in it that are nobody's business, and a directory.
pub(crate) struct Scene {
    deed: Deed,
    base: tempfile::TempDir,
    foreign: BTreeMap<PathBuf, String>,
}

impl Scene {
    pub(crate) fn new(deed: Deed) -> Self {
        let base = tempfile::tempdir_in("/dev/shm").unwrap();
        std::fs::create_dir(base.path().join("files")).unwrap();
        let scene = Scene { deed, base, foreign: BTreeMap::new() };
        std::fs::create_dir(scene.folder()).unwrap();
        use std::os::unix::fs::PermissionsExt;
        let private = std::fs::Permissions::from_mode(0o700);
        std::fs::set_permissions(scene.folder(), private).unwrap();
        let foreign = [
            scene.folder().join("somebody"),
            scene.folder().join(".hidden"),
            scene.folder().join("object.txt"),
            scene.base.path().join("files/object"),
            scene.base.path().join("files/.object.npz.backup"),
        ];
        let foreign = foreign
            .into_iter()
            .filter(|path| deed != Deed::PersistElsewhere || !path.ends_with("files/object"));
        let foreign = foreign.map(|path| (path, "not an entry\n".to_owned())).collect();
        let scene = Scene { foreign, ..scene };
        for (path, text) in &scene.foreign {
            std::fs::write(path, text).unwrap();
        }
        scene
    }

    pub(crate) fn variables(&self) -> [(&'static str, String); 3] {
        let base = self.base.path().to_str().unwrap().to_owned();
        [("SERDE_SHM_DIR", base.clone()), (DIR, base), (SCENE, format!("{:?}", self.deed))]
    }

    pub(crate) fn base(&self) -> &Path {
        self.base.path()
    }

    fn folder(&self) -> PathBuf {
        self.base.path().join(format!("serde_shm-{}", rustix::process::geteuid().as_raw()))
    }

    fn path(&self) -> PathBuf {
        match self.deed {
            Deed::PersistElsewhere => self.base.path().join("files").join(NAME),
            _ => self.base.path().join("files/object.npz"),
        }
    }

    /// What is there before the child comes: the object number 1, where the deed is to replace it.
    pub(crate) fn before(&self) -> Option<Segment> {
        match self.deed {
            Deed::ToShared | Deed::Create | Deed::Persist => None,
            deed => act(deed, self.base(), &Object::new(1, 0)),
        }
    }

    /// Which object a reader gets.
    pub(crate) fn seen(&self) -> Option<u32> {
        let object: Result<Object, Error> = match self.deed {
            Deed::ToShared => return None,
            Deed::PersistElsewhere => from_shared(self.path().to_str().unwrap()),
            Deed::ToNpz => from_npz(self.path()),
            _ => from_shared(NAME),
        };
        match object {
            Ok(object) => Some(object.whole()),
            Err(error) => {
                assert_eq!(error.kind(), ErrorKind::NotFound, "{:?}: {error}", self.deed);
                None
            }
        }
    }

    /// A reader gets the old object, a new one or, if nothing was there or its maker died, none; never less than all
    /// of one. What is not of this crate is as it was.
    pub(crate) fn check(&self, context: &str) {
        let seen = self.seen();
        let replaces = self.deed != Deed::Create && self.deed != Deed::Persist;
        let kept_in_file = !matches!(self.deed, Deed::ToShared | Deed::Create | Deed::Replace);
        assert!(
            seen.is_some() || !(kept_in_file && replaces),
            "{:?}: the old object has gone: {context}",
            self.deed
        );
        self.check_foreign(context);
    }

    fn check_foreign(&self, context: &str) {
        for (path, text) in &self.foreign {
            let found = std::fs::read_to_string(path);
            assert_eq!(found.as_ref().ok(), Some(text), "{}: {context}", path.display());
        }
    }

    /// After one reaping, and one more such deed where a reaping does not look, nothing is left but what is meant.
    pub(crate) fn check_after_housekeeping(&self, context: &str) {
        segments::reap().unwrap();
        if matches!(self.deed, Deed::PersistElsewhere | Deed::ToNpz) {
            drop(act(self.deed, self.base(), &Object::new(3, 0)));
            assert_eq!(self.seen(), Some(3));
        }
        let mut left = Vec::new();
        for dir in [self.folder(), self.base.path().join("files")] {
            for entry in std::fs::read_dir(dir).unwrap() {
                let path = entry.unwrap().path();
                if !self.foreign.contains_key(&path) {
                    left.push(path);
                }
            }
        }
        let meant = match self.deed {
            Deed::PersistElsewhere | Deed::ToNpz => vec![self.path()],
            _ if self.seen().is_some() => vec![self.folder().join(NAME)],
            _ => Vec::new(),
        };
        assert_eq!(left, meant, "{:?}: {context}", self.deed);
        self.check_foreign(context);
        let expected =
            usize::from(meant.first().is_some_and(|path| path.starts_with(self.folder())));
        assert_eq!(segments::free_memory().unwrap(), expected, "{context}");
        self.check_foreign(context);
    }
}

/// Runs `what` with the scene's folder of names as this process's: one at a time.
pub(crate) fn with_folder<T>(base: &Path, what: impl FnOnce() -> T) -> T {
    static ONE: std::sync::Mutex<()> = std::sync::Mutex::new(());
    let _one = ONE.lock().unwrap_or_else(std::sync::PoisonError::into_inner);
    set_folder(Some(base));
    let result = what();
    set_folder(None);
    result
}

#[allow(unsafe_code)]
fn set_folder(base: Option<&Path>) {
    // An empty variable counts for none.
    let base = base.map_or("".as_ref(), Path::as_os_str);
    // SAFETY: all tests of this binary that read or set the environment hold the lock of `with_folder`, and the
    // harness reads it before the first test starts. Child processes are started under the lock, too.
    unsafe { std::env::set_var("SERDE_SHM_DIR", base) };
}
