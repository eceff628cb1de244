//! Where a deed is done, and what must hold afterwards.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};

use serde_shm::{Error, ErrorKind, Segment, from_npz, from_shared, segments, to_shared};

use crate::deed::{self, Deed, Live, NAME, Object, Place};

/// What is there before the child comes, and stays whatever becomes of it.
pub(crate) enum Before {
    Nothing,
    Object(Segment),
    Live(Segment),
}

impl Before {
    fn id(&self) -> &str {
        match self {
            Before::Nothing => "",
            Before::Object(segment) | Before::Live(segment) => segment.id(),
        }
    }

    /// Who has it keeps it, and nobody is in the way.
    pub(crate) fn check(&self, context: &str) {
        match self {
            Before::Nothing => {}
            Before::Object(segment) => {
                assert_eq!(segment.get::<Object>().unwrap().whole(), 1, "{context}");
            }
            Before::Live(segment) => {
                let live: Live = segment.get().unwrap();
                let guard = live.array.try_write().unwrap();
                let guard = guard.unwrap_or_else(|| panic!("the lock is held: {context}"));
                assert!(matches!(guard[0], 1 | 2), "{context}");
                assert!(guard.iter().all(|n| *n == guard[0]), "torn: {context}");
            }
        }
    }
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

    pub(crate) fn variables(&self, before: &Before) -> [(&'static str, String); 4] {
        deed::variables(self.deed, self.base.path(), before.id())
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

    fn act(&self, deed: Deed, object: &Object) -> Option<Segment> {
        let place = Place { dir: self.base.path().to_owned(), id: String::new() };
        deed.run(&place, object).unwrap()
    }

    /// Makes what the deed is to replace or to use: the object number 1.
    pub(crate) fn before(&self) -> Before {
        let object = Object::new(1, self.deed.extra());
        let maker = match self.deed {
            Deed::ToShared | Deed::Create | Deed::Persist | Deed::Retract => {
                return Before::Nothing;
            }
            Deed::Seal | Deed::OpenOrCreate | Deed::FromReader => return Before::Nothing,
            Deed::Lock => {
                let live = Live { array: vec![1; 100].into() };
                return Before::Live(to_shared(&live).unwrap());
            }
            Deed::Attach | Deed::Pool | Deed::Offer => Deed::ToShared,
            Deed::AttachByName | Deed::List => Deed::Create,
            Deed::OpenStored => Deed::Persist,
            Deed::Load | Deed::LookInto => Deed::ToNpz,
            Deed::LoadDeflated => Deed::ToNpzDeflated,
            writes => writes,
        };
        self.act(maker, &object).map_or(Before::Nothing, Before::Object)
    }

    /// Which object a reader gets.
    fn seen(&self) -> Option<u32> {
        let object: Result<Object, Error> = match self.deed {
            Deed::ToShared | Deed::Seal | Deed::Attach | Deed::Lock | Deed::Pool => return None,
            Deed::PersistElsewhere => from_shared(self.path().to_str().unwrap()),
            deed if deed.is_of_files() => from_npz(self.path()),
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
        let is_kept = self.deed.is_of_files()
            || matches!(self.deed, Deed::PersistReplace | Deed::PersistElsewhere)
            || matches!(self.deed, Deed::AttachByName | Deed::List | Deed::OpenStored);
        assert!(seen.is_some() || !is_kept, "{:?}: the old object has gone: {context}", self.deed);
        self.check_foreign(context);
    }

    /// After an error the name is what it was, or the error says that the new object has it. Names that are taken back
    /// when the last look at the file fails took the object with them that they had replaced.
    pub(crate) fn check_kept(&self, said: &str, context: &str) {
        if !self.deed.is_write() {
            return;
        }
        let before = match self.deed {
            Deed::Build | Deed::Replace | Deed::PersistReplace | Deed::PersistElsewhere => Some(1),
            deed if deed.is_of_files() => Some(1),
            _ => None,
        };
        let expected = if said.contains("is in place") { Some(2) } else { before };
        assert_eq!(self.seen(), expected, "{:?}: {said}: {context}", self.deed);
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
        let in_files = self.deed.is_of_files() || self.deed == Deed::PersistElsewhere;
        if in_files && self.deed.is_write() {
            drop(self.act(self.deed, &Object::new(3, 0)));
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
        let meant = match self.seen() {
            _ if in_files => vec![self.path()],
            Some(_) => vec![self.folder().join(NAME)],
            None => Vec::new(),
        };
        assert_eq!(left, meant, "{:?}: {context}", self.deed);
        self.check_foreign(context);
        let expected =
            usize::from(meant.first().is_some_and(|path| path.starts_with(self.folder())));
        assert_eq!(segments::free_memory().unwrap(), expected, "{context}");
        self.check_foreign(context);
    }
}

/// A scene with what was there before, held as long as `what` takes.
pub(crate) fn in_scene<T>(deed: Deed, what: impl FnOnce(&[(&str, &str)], &Scene) -> T) -> T {
    let scene = Scene::new(deed);
    with_folder(scene.base(), || {
        let before = scene.before();
        let variables = scene.variables(&before);
        let set: Vec<(&str, &str)> =
            variables.iter().map(|(key, value)| (*key, &**value)).collect();
        let result = what(&set, &scene);
        before.check(&format!("{deed:?}"));
        result
    })
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
