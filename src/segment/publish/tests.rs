use super::*;
use std::os::unix::fs::{PermissionsExt, symlink};
use std::path::PathBuf;

use crate::segment::id::SegmentId;
use crate::segment::lookup::{Target, follow};

/// An entry of another PID namespace than this one, so that only locks count.
const ID: Entry = Entry {
    id: SegmentId { process: 7, descriptor: 8, nonce: [9; 16], live: None },
    bytes: 10,
    namespace: 1,
    started: 2,
    live: 0,
};
const OTHER: Entry =
    Entry { id: SegmentId { process: 70, descriptor: 80, nonce: [90; 16], live: None }, ..ID };

struct Lab {
    _base: tempfile::TempDir,
    folder: Folder,
    name: SegmentName,
}

impl Lab {
    fn new() -> Self {
        let base = tempfile::tempdir().unwrap();
        let folder = Folder::in_base(Some(base.path().as_os_str().to_owned())).unwrap();
        Lab { _base: base, folder, name: SegmentName::parse("n").unwrap() }
    }

    fn publish(&self, entry: &Entry, replace: bool) -> Result<Published> {
        publish(&self.folder, &self.name, entry, replace).map(|(published, _)| published)
    }

    fn read(&self) -> Result<Entry> {
        let opened = follow(&self.folder, &self.name, &self.path(), |target| match target {
            Target::Memory(entry) => Ok(entry),
            Target::File(..) => Err(Error::corrupt("a file")),
        });
        opened.map(|(entry, _)| entry)
    }

    fn path(&self) -> PathBuf {
        self.folder.path().join("n")
    }
}

#[test]
fn a_name_belongs_to_its_newest_entry() {
    let lab = Lab::new();
    let first = lab.publish(&ID, false).unwrap();
    assert_eq!(lab.read().unwrap(), ID);
    let in_use = lab.publish(&OTHER, false).err().unwrap();
    assert_eq!(in_use.kind(), ErrorKind::AlreadyExists);
    assert!(in_use.to_string().contains("in use by process 7"), "{in_use}");
    let second = lab.publish(&OTHER, true).unwrap();
    drop(first);
    assert_eq!(lab.read().unwrap(), OTHER);
    drop(second);
    assert_eq!(lab.read().unwrap_err().kind(), ErrorKind::NotFound);
    assert!(!lab.folder.path().exists());
}

#[test]
fn without_its_lock_an_entry_is_anybodys() {
    let lab = Lab::new();
    let mut dead = lab.publish(&ID, false).unwrap();
    dead.maker = 0; // its drop does what a death does: the lock goes, the entry stays
    drop(dead);
    assert_eq!(lab.read().unwrap(), ID);
    ensure_free(&lab.folder, &lab.name).unwrap();
    let taken = lab.publish(&OTHER, false).unwrap();
    assert_eq!(lab.read().unwrap(), OTHER);
    assert_eq!(std::fs::read_dir(lab.folder.path()).unwrap().count(), 1);
    drop(taken);
}

#[test]
fn it_works_where_files_must_have_names_and_after_a_death_before_the_rename() {
    let lab = Lab::new();
    let dir = lab.folder.make_and_lock().unwrap();
    std::fs::write(lab.folder.path().join(DRAFT), "half").unwrap();
    for linked in [true, false] {
        let draft = write(&dir, &ID, Draft::create_named).unwrap();
        let done = if linked { draft.link_to("n") } else { draft.rename_to("n") };
        done.unwrap();
        assert!(draft.link_to("n").is_err());
        let file = draft.into_file();
        assert_eq!(lab.read().unwrap(), ID);
        assert!(not_in_use(&dir, &lab.name).is_err());
        drop(file);
        assert_eq!(std::fs::read_dir(lab.folder.path()).unwrap().count(), 1);
    }
    std::fs::write(lab.folder.path().join(DRAFT), "half").unwrap();
    drop(dir);
    let held = lab.publish(&OTHER, true).unwrap();
    assert_eq!(lab.read().unwrap(), OTHER);
    drop(held);
    assert!(!lab.folder.path().exists());
}

#[test]
fn what_is_no_entry_is_refused() {
    let lab = Lab::new();
    let held = lab.publish(&ID, false).unwrap();
    let refused = |found: &str, kind: ErrorKind| {
        let error = lab.read().unwrap_err();
        assert!(error.to_string().contains(found), "{error}");
        assert_eq!(error.kind(), kind, "{error}");
    };
    let mode = |mode| {
        std::fs::set_permissions(lab.path(), std::fs::Permissions::from_mode(mode)).unwrap();
    };
    mode(0o620);
    refused("mode 0620", ErrorKind::Corrupt);
    mode(0o600);
    let id = ID.id;
    for (content, found, kind) in [
        (String::new(), "found \"\"", ErrorKind::Corrupt),
        ("x".repeat(10_000), "expected `serde_shm-entry 1 ID …`", ErrorKind::Corrupt),
        (format!("serde_shm-entry 2 {id}\n"), "version \"2\"", ErrorKind::Version),
        (format!("serde_shm-entry 1 {id}"), "expected `serde_shm-entry", ErrorKind::Corrupt),
        (format!("serde_shm-entry 1 {id} \n"), "expected `serde_shm-entry", ErrorKind::Corrupt),
        (format!("serde_shm-entry 1 {id} live=x\n"), "expected `serde", ErrorKind::Corrupt),
        ("serde_shm-entry 1 1:2:3\n".to_owned(), "not 32 hex digits", ErrorKind::Corrupt),
    ] {
        std::fs::write(lab.path(), content).unwrap();
        refused(found, kind);
    }
    std::fs::remove_file(lab.path()).unwrap();
    symlink("/etc/passwd", lab.path()).unwrap();
    refused("cannot open the entry `n`", ErrorKind::Io);
    std::fs::remove_file(lab.path()).unwrap();
    std::fs::create_dir(lab.path()).unwrap();
    refused("found a directory", ErrorKind::Corrupt);
    assert!(lab.publish(&OTHER, false).is_err());
    assert!(lab.publish(&OTHER, true).is_err());
    std::fs::remove_dir(lab.path()).unwrap();
    drop(held);
    assert!(!lab.folder.path().exists());
}

#[test]
fn an_error_counts_only_while_the_entry_is_the_same() {
    let lab = Lab::new();
    let mut held = lab.publish(&ID, false).unwrap();
    let mut tries = 0;
    let opened = follow(&lab.folder, &lab.name, &lab.path(), |target| {
        let Target::Memory(entry) = target else { panic!("it is an entry") };
        tries += 1;
        if tries < 5 {
            let id = SegmentId { descriptor: tries, ..ID.id };
            held = lab.publish(&Entry { id, ..ID }, true).unwrap();
            return Err(Error::new(ErrorKind::NotFound, "gone"));
        }
        Ok(entry.id)
    });
    assert_eq!(opened.unwrap().0.descriptor, 4);
    let mut tries = 0;
    let error = follow::<()>(&lab.folder, &lab.name, &lab.path(), |_| {
        tries += 1;
        Err(Error::new(ErrorKind::NotFound, "gone"))
    });
    // The first attempt uses the remembered entry, so its error does not count. The second attempt is the first that
    // counts.
    assert_eq!((error.err().unwrap().to_string().as_str(), tries), ("gone", 2));
    drop(held);
}

#[test]
fn what_an_entry_says_besides_its_id_may_grow() {
    let lab = Lab::new();
    let held = lab.publish(&ID, false).unwrap();
    let text = std::fs::read_to_string(lab.path()).unwrap();
    assert_eq!(text, format!("serde_shm-entry 1 {} bytes=10 ns=1 started=2 live=0\n", ID.id));
    let later = format!("serde_shm-entry 1 {} live=3 colour=red\n", ID.id);
    std::fs::write(lab.path(), later).unwrap();
    let entry = lab.read().unwrap();
    assert_eq!((entry.id, entry.live, entry.bytes), (ID.id, 3, 0));
    let long = format!("serde_shm-entry 1 {} bytes=1 more={}\n", ID.id, "x".repeat(1000));
    std::fs::write(lab.path(), long).unwrap();
    assert_eq!(lab.read().unwrap().bytes, 1);
    drop(held);
}
