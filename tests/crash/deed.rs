//! What a child process does while somebody kills it, or fails its system calls.

use std::collections::BTreeMap;
use std::path::{Path, PathBuf};
use std::time::Duration;

use ndarray::{Array2, ArrayView, Ix1, Ix2};
use serde_shm::workers::{self, Pool, Task};
use serde_shm::{
    Arena, ArenaArray, Compression, Deserialize, Error, LockedArray, MemoryWriter, Npz, NpzOptions,
    Segment, SegmentOptions, Serialize, from_npz, from_shared, segments, to_bytes, to_npz,
    to_shared, to_writer,
};

use crate::child::say;
use crate::strace::{BEGIN, END, ready};

const DEED: &str = "SERDE_SHM_CRASH_DEED";
const DIR: &str = "SERDE_SHM_CRASH_DIR";
const ID: &str = "SERDE_SHM_CRASH_ID";

/// Set where what gives something back is not done at all: then something is left, and that is no fault of the deed's.
pub(crate) const KEEPS: &str = "SERDE_SHM_CRASH_KEEPS";
pub(crate) const NAME: &str = "object";

/// A child that has not come to its end by then hangs.
const PATIENCE: Duration = Duration::from_secs(100);

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

/// An object whose arrays lie in an arena.
#[derive(Serialize)]
struct Built<'a> {
    number: u32,
    text: &'a str,
    grid: ArenaArray<f64, Ix2>,
    list: ArenaArray<u32, Ix1>,
    sum: u64,
}

/// An array that is changed in place: all its numbers are 1, or all are 2.
#[derive(Serialize, Deserialize)]
pub(crate) struct Live {
    pub(crate) array: LockedArray<u32, Ix1>,
}

/// What the child does.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Deed {
    ToShared,
    Build,
    Seal,
    Create,
    Replace,
    Persist,
    PersistReplace,
    PersistElsewhere,
    ToNpz,
    ToNpzDeflated,
    OpenOrCreate,
    Offer,
    FromReader,
    Retract,
    Attach,
    AttachByName,
    List,
    OpenStored,
    Load,
    LoadDeflated,
    LookInto,
    Lock,
    Pool,
}

/// Those that make something, or put it in the place of something.
pub(crate) const WRITES: [Deed; 13] = [
    Deed::ToShared,
    Deed::Build,
    Deed::Seal,
    Deed::Create,
    Deed::Replace,
    Deed::Persist,
    Deed::PersistReplace,
    Deed::PersistElsewhere,
    Deed::ToNpz,
    Deed::ToNpzDeflated,
    Deed::OpenOrCreate,
    Deed::Offer,
    Deed::FromReader,
];

/// Those that use what is there, and one that takes back what it has made.
const OTHERS: [Deed; 10] = [
    Deed::Retract,
    Deed::Attach,
    Deed::AttachByName,
    Deed::List,
    Deed::OpenStored,
    Deed::Load,
    Deed::LoadDeflated,
    Deed::LookInto,
    Deed::Lock,
    Deed::Pool,
];

const SUM: Task<Object, u32, u64> = Task::new("sum", |object, job| {
    Ok(object.list.iter().map(|n| u64::from(*n)).sum::<u64>() + u64::from(job))
});

/// What a deed has at hand: the scene's directory, and the id of what the parent made.
pub(crate) struct Place {
    pub(crate) dir: PathBuf,
    pub(crate) id: String,
}

impl Place {
    pub(crate) fn archive(&self) -> PathBuf {
        self.dir.join("files/object.npz")
    }
}

impl Deed {
    /// How many numbers more its object has: so many where pieces of a member are worked on by several threads, or
    /// memory for an array comes from the system.
    pub(crate) fn extra(self) -> usize {
        match self {
            Deed::ToNpzDeflated | Deed::LoadDeflated => 200_000,
            Deed::Load => 1 << 20,
            // So many that they have a mapping of their own.
            Deed::Build => 300_000,
            Deed::Attach | Deed::AttachByName | Deed::OpenStored | Deed::LookInto => 50_000,
            _ => 0,
        }
    }

    pub(crate) fn is_of_files(self) -> bool {
        matches!(
            self,
            Deed::ToNpz | Deed::ToNpzDeflated | Deed::Load | Deed::LoadDeflated | Deed::LookInto
        )
    }

    pub(crate) fn is_write(self) -> bool {
        WRITES.contains(&self)
    }

    /// Does it in this process; the error is what it says.
    pub(crate) fn run(self, place: &Place, object: &Object) -> Result<Option<Segment>, Error> {
        let named = SegmentOptions::new().name(NAME);
        match self {
            Deed::ToShared => to_shared(object).map(Some),
            Deed::Build => {
                let &Object { number, ref text, ref grid, ref list, sum } = object;
                let arena = Arena::new(named.replace(true))?;
                drop(arena.copy_of(grid)?);
                let (grid, mut other) = (arena.copy_of(grid)?, arena.zeros(list.len())?);
                other.assign(&ArrayView::from(list));
                let copy = arena.copy_of(&ArrayView::from(list))?;
                assert_eq!(copy, other);
                arena.publish(&Built { number, text, grid, list: copy, sum }).map(Some)
            }
            Deed::Seal => {
                let mut memory = MemoryWriter::new()?;
                to_writer(&mut memory, object)?;
                let segment = Segment::from_fd(memory.seal()?.into())?;
                assert_eq!(segment.get::<Object>()?.whole(), object.number);
                Ok(Some(segment))
            }
            Deed::Create => named.create(object).map(Some),
            Deed::Replace => named.replace(true).create(object).map(Some),
            Deed::Persist => named.persist(true).create(object).map(Some),
            Deed::PersistReplace => named.replace(true).persist(true).create(object).map(Some),
            Deed::PersistElsewhere => {
                let dir = place.dir.join("files");
                named.replace(true).persist(true).dir(dir).create(object).map(Some)
            }
            Deed::OpenOrCreate => named.open_or_create(|| Ok(object)).map(Some),
            Deed::Offer => {
                let mut segment = Segment::open(&place.id)?;
                segment.offer(NAME)?;
                Ok(Some(segment))
            }
            Deed::FromReader => {
                let block = to_bytes(object)?;
                named.persist(true).create_from_reader(&block[..]).map(Some)
            }
            Deed::ToNpz => to_npz(place.archive(), object).map(|()| None),
            Deed::ToNpzDeflated => {
                let options = NpzOptions::new().compression(Compression::Deflate(6));
                options.save(place.archive(), object).map(|()| None)
            }
            Deed::Retract => {
                let made = named.persist(true).create(object);
                let is_there = |error: &Error| error.to_string().contains("is in place");
                let is_there = made.as_ref().err().is_none_or(is_there);
                assert_eq!(segments::remove_session()?, usize::from(is_there));
                made.map(Some)
            }
            Deed::Attach => from_shared::<Object>(&place.id).map(same),
            Deed::AttachByName | Deed::OpenStored => from_shared::<Object>(NAME).map(same),
            Deed::List => {
                let listed = segments::list()?;
                assert_eq!(listed.len(), 1, "a name is missing, and no error says so");
                Ok(None)
            }
            Deed::Load | Deed::LoadDeflated => from_npz::<Object>(place.archive()).map(same),
            Deed::LookInto => {
                let file = Npz::open(place.archive())?;
                let list = file.array::<u32, Ix1>("list")?;
                assert!(list.iter().all(|n| *n == 1), "torn");
                assert_eq!(file.arrays()?.len(), 2);
                file.verify().map(|()| None)
            }
            Deed::Lock => {
                let live: Live = from_shared(&place.id)?;
                live.array.write()?.fill(2);
                assert!(live.array.read()?.iter().all(|n| *n == 2));
                Ok(None)
            }
            Deed::Pool => {
                let segment = Segment::open(&place.id)?;
                let mut pool = Pool::new(&segment)?
                    .processes(1)
                    .start_limit(Duration::from_secs(3))
                    .command(workers::test_command("deed::serve")?);
                let sum = pool.map_reduce(&SUM, 0..3, 0, |sum, part| sum + part)?;
                assert_eq!(sum, 3 * 110 + 3);
                Ok(None)
            }
        }
    }
}

#[allow(clippy::needless_pass_by_value)] // The object ends here, as the others do.
fn same(object: Object) -> Option<Segment> {
    assert_eq!(object.whole(), 1);
    None
}

/// The processes of a pool come here.
#[test]
fn serve() {
    workers::serve(&[&SUM]);
}

/// In the child: does the deed between the two marks, says how it went, and sees that nothing of it is left here.
pub(crate) fn once() {
    std::thread::spawn(|| {
        std::thread::sleep(PATIENCE);
        eprintln!("the child hangs");
        std::process::abort();
    });
    let (deed, place) = from_environment();
    let object = Object::new(2, deed.extra());
    let before = holdings();
    ready();
    let _ = std::fs::metadata(BEGIN);
    let done = deed.run(&place, &object);
    let said = match &done {
        Ok(_) => "ok".to_owned(),
        Err(error) => format!("error {:?}: {error}", error.kind()),
    };
    drop(done);
    let _ = std::fs::metadata(END);
    say(&said);
    if std::env::var_os(KEEPS).is_some() {
        return;
    }
    assert_eq!(holdings(), before, "left after: {said}");
    let child = rustix::process::wait(rustix::process::WaitOptions::NOHANG);
    assert_eq!(child.err(), Some(rustix::io::Errno::CHILD), "a process is left after: {said}");
}

/// What this process has open and mapped, other than programs and their memory.
fn holdings() -> Holdings {
    // Whoever fails a call of another thread's may hit one here.
    let mut looks = std::iter::repeat_with(look_at_holdings).take(5);
    looks.find_map(Result::ok).unwrap()
}

/// Descriptors by number, and lines of the map.
type Holdings = (BTreeMap<String, String>, Vec<String>);

fn look_at_holdings() -> std::io::Result<Holdings> {
    let link = |path: PathBuf| {
        let number = path.file_name()?.to_str()?.to_owned();
        let there = std::fs::read_link(&path).ok()?.display().to_string();
        // The listing's own descriptor.
        (!there.ends_with("/fd")).then_some((number, there))
    };
    let listed = std::fs::read_dir("/proc/self/fd")?.collect::<Result<Vec<_>, _>>()?;
    let open = listed.into_iter().filter_map(|entry| link(entry.path())).collect();
    let maps = std::fs::read_to_string("/proc/self/maps")?;
    let ours = |line: &&str| {
        line.contains("serde_shm") && line.contains("/memfd") || line.contains("/dev/shm")
    };
    Ok((open, maps.lines().filter(ours).map(str::to_owned).collect()))
}

pub(crate) fn variables(deed: Deed, dir: &Path, id: &str) -> [(&'static str, String); 4] {
    let dir = dir.to_str().unwrap().to_owned();
    [("SERDE_SHM_DIR", dir.clone()), (DIR, dir), (DEED, format!("{deed:?}")), (ID, id.to_owned())]
}

pub(crate) fn from_environment() -> (Deed, Place) {
    let deed = std::env::var(DEED).unwrap();
    let deed = WRITES.into_iter().chain(OTHERS).find(|other| format!("{other:?}") == deed).unwrap();
    let dir = PathBuf::from(std::env::var_os(DIR).unwrap());
    (deed, Place { dir, id: std::env::var(ID).unwrap() })
}
