//! What the processes of these tests do.

use std::ops::Range;
use std::sync::atomic::Ordering::{Relaxed, SeqCst};
use std::time::Duration;

use ndarray::{Array1, ArrayView1, Ix1};
use serde::de::IgnoredAny;
use serde_shm::workers::{self, Fold, Jobs, Outcome, Task};
use serde_shm::{AtomicArray, Deserialize, LockedArray, Segment, Serialize, ShmArray1};

/// The object that all share.
#[derive(Serialize, Deserialize)]
pub(crate) struct Index {
    pub(crate) name: String,
    pub(crate) numbers: ShmArray1<u64>,
    pub(crate) counts: AtomicArray<u32, Ix1>,
    pub(crate) locked: LockedArray<f64, Ix1>,
}

#[derive(Deserialize)]
struct IndexView<'a> {
    name: &'a str,
    numbers: ArrayView1<'a, u64>,
}

pub(crate) fn index(numbers: u64) -> Index {
    Index {
        name: "index".to_owned(),
        numbers: (0..numbers).map(|number| number * number % 1009).collect::<Vec<_>>().into(),
        counts: vec![0; 1009].into(),
        locked: vec![0.0; 1000].into(),
    }
}

pub(crate) const SUM: Task<Index, Range<usize>, u64> = Task::new("sum", |index, part| {
    let part = index.numbers.as_slice().unwrap().get(part).ok_or("out of range")?;
    Ok(part.iter().sum())
});

/// The same, by a view that borrows from the segment.
pub(crate) const SUM_VIEW: Task<Segment, Range<usize>, (u64, usize)> =
    Task::new("sum by view", |segment, part| {
        let view: IndexView<'_> = segment.get()?;
        let part = view.numbers.to_slice().unwrap().get(part).ok_or("out of range")?;
        Ok((part.iter().sum(), view.name.len()))
    });

pub(crate) const COUNT: Task<Index, Range<usize>, ()> = Task::new("count", |index, part| {
    for number in &index.numbers.as_slice().unwrap()[part] {
        index.counts.fetch_add(*number as usize, 1, Relaxed)?;
    }
    Ok(())
});

pub(crate) const LOCKED: Task<Index, u32, ()> = Task::new("locked", |index, times| {
    for _ in 0..times {
        *index.locked.write()? += 1.0;
    }
    Ok(())
});

pub(crate) const HISTOGRAM: Fold<Index, Range<usize>, Array1<u32>> =
    Fold::new("histogram", histogram);

fn histogram(index: &Index, jobs: &mut Jobs<'_, Range<usize>>) -> Outcome<Array1<u32>> {
    let mut counts = Array1::zeros(1009);
    for part in jobs {
        for number in
            index.numbers.as_slice().ok_or("not contiguous")?.get(part).ok_or("out of range")?
        {
            counts[*number as usize] += 1;
        }
    }
    Ok(counts)
}

/// The same, added to what all share.
pub(crate) const HISTOGRAM_SHARED: Fold<Index, Range<usize>, ()> =
    Fold::new("histogram shared", |index, jobs| {
        Ok(index.counts.add_from(&histogram(index, jobs)?)?)
    });

/// What a job is to do, whatever the object is.
#[derive(Serialize, Deserialize, Clone, Debug)]
pub(crate) enum Deed {
    Return(u64),
    Fail(String),
    Panic(String),
    Exit(i32),
    Kill(u32),
    /// Dies unless the file is there, which it makes.
    KillOnce(String),
    Abort,
    Sleep(u64),
    CloseLine,
    WriteToLine,
    Print,
    Process,
    Stdin,
    Descriptors,
    Stop,
    /// Makes this file when the process exits.
    AtExit(String),
    /// Counts and returns when so many have come.
    Meet(u32),
    StartPool,
    Grandchild,
}

pub(crate) const DO: Task<Index, Deed, u64> = Task::new("do", |index, deed| match deed {
    Deed::Return(value) => Ok(value),
    Deed::Fail(text) => Err(text.into()),
    Deed::Panic(text) => panic!("{text}"),
    Deed::Exit(code) => std::process::exit(code),
    Deed::Kill(signal) => {
        crate::support::signal(std::process::id(), signal);
        std::thread::sleep(Duration::from_secs(60));
        Ok(0)
    }
    Deed::KillOnce(path) => {
        if std::fs::File::create_new(path).is_ok() {
            crate::support::signal(std::process::id(), 9);
            std::thread::sleep(Duration::from_secs(60));
        }
        Ok(7)
    }
    Deed::Abort => std::process::abort(),
    Deed::Sleep(millis) => {
        std::thread::sleep(Duration::from_millis(millis));
        Ok(millis)
    }
    Deed::CloseLine => {
        crate::support::shut_sockets();
        std::thread::sleep(Duration::from_secs(60));
        Ok(0)
    }
    Deed::WriteToLine => {
        crate::support::write_to_sockets(b"this is no frame but a sentence");
        std::thread::sleep(Duration::from_secs(60));
        Ok(0)
    }
    Deed::Print => {
        println!("{}", "noise ".repeat(20_000));
        eprint!("");
        Ok(1)
    }
    Deed::Process => Ok(std::process::id().into()),
    Deed::Stdin => Ok(std::io::copy(&mut std::io::stdin(), &mut std::io::sink())?),
    Deed::Descriptors => Ok(crate::support::descriptors(std::process::id()).len() as u64),
    Deed::Stop => {
        crate::support::signal(std::process::id(), 19);
        // Another thread may have taken the signal.
        std::thread::sleep(Duration::from_secs(60));
        Ok(5)
    }
    Deed::AtExit(path) => {
        crate::support::make_at_exit(path);
        Ok(0)
    }
    Deed::Meet(all) => {
        index.counts.fetch_add(0, 1, SeqCst)?;
        while index.counts.load(0, SeqCst)? < all {
            std::thread::sleep(Duration::from_millis(1));
        }
        Ok(all.into())
    }
    Deed::StartPool => {
        let segment = serde_shm::to_shared(&crate::tasks::index(10))?;
        let mut pool = crate::support::pool(&segment).processes(1);
        Ok(pool.map_reduce(&SUM, [0..10], 0, |sum, part| sum + part)?)
    }
    Deed::Grandchild => {
        // It inherits the variable that tells a worker, and not the connection.
        let mut command = workers::test_command("tasks::serve")?;
        Ok(command.status()?.code().ok_or("killed")?.unsigned_abs().into())
    }
});

/// So many bytes.
pub(crate) const LARGE: Task<IgnoredAny, usize, ShmArray1<f64>> = Task::new("large", |_, bytes| {
    let pattern: Vec<f64> = (0..1009).map(f64::from).collect();
    let mut words = pattern.repeat(bytes / 8 / 1009 + 1);
    words.truncate(bytes / 8);
    Ok(words.into())
});

/// Gives back what it is sent, as it is.
pub(crate) const ECHO: Task<IgnoredAny, ShmArray1<u8>, ShmArray1<u8>> =
    Task::new("echo", |_, job| Ok(job));

pub(crate) const NO_RESULT: Task<IgnoredAny, u8, Unspeakable> =
    Task::new("no result", |_, _| Ok(Unspeakable));

pub(crate) struct Unspeakable;
impl serde::Serialize for Unspeakable {
    fn serialize<S: serde::Serializer>(&self, _: S) -> Result<S::Ok, S::Error> {
        Err(serde::ser::Error::custom("this cannot be said"))
    }
}
impl<'de> serde::Deserialize<'de> for Unspeakable {
    fn deserialize<D: serde::Deserializer<'de>>(_: D) -> Result<Self, D::Error> {
        Ok(Unspeakable)
    }
}

pub(crate) const FOLD_DO: Fold<Index, Deed, u64> = Fold::new("fold do", |index, jobs| {
    let mut sum = 0;
    for deed in jobs {
        sum += match deed {
            Deed::Return(value) => value,
            Deed::Fail(text) => return Err(text.into()),
            Deed::Panic(text) => panic!("{text}"),
            Deed::Exit(_) => return Ok(sum),
            Deed::KillOnce(path) => {
                if std::fs::File::create_new(path).is_ok() {
                    crate::support::signal(std::process::id(), 9);
                    std::thread::sleep(Duration::from_secs(60));
                }
                7
            }
            Deed::Kill(signal) => {
                crate::support::signal(std::process::id(), signal);
                std::thread::sleep(Duration::from_secs(60));
                0
            }
            Deed::Meet(all) => {
                index.counts.fetch_add(0, 1, SeqCst)?;
                while index.counts.load(0, SeqCst)? < all {
                    std::thread::sleep(Duration::from_millis(1));
                }
                0
            }
            _ => 0,
        };
    }
    Ok(sum)
});

/// Serves in the processes that pools start. On its own it is the test that nothing happens where nobody did.
#[test]
fn serve() {
    workers::serve(&[
        &SUM,
        &SUM_VIEW,
        &COUNT,
        &LOCKED,
        &HISTOGRAM,
        &HISTOGRAM_SHARED,
        &DO,
        &LARGE,
        &ECHO,
        &NO_RESULT,
        &FOLD_DO,
    ]);
    // What a worker starts has the variable as well.
    workers::serve(&[]);
}
