//! A server of tokio's that shares a table: `cargo run -p serde_shm_programs --example tokio`.
//!
//! What opens, publishes or saves makes system calls, some of which wait for a disk, so it runs in `spawn_blocking`. Handles are `Send`,
//! `Sync` and `'static`, so tasks have clones of them without a lock. Reading an array waits for nobody, and needs no `spawn_blocking`
//! unless it computes for long. A `watch` channel tells the tasks of a newer table; those under way keep the old one.

use std::error::Error;
use std::path::{Path, PathBuf};

use ndarray::Array2;
use serde_shm::{Deserialize, Segment, Serialize, ShmArray2};
use tokio::sync::{mpsc, watch};
use tokio::task::{JoinSet, spawn_blocking};

type Outcome<T> = Result<T, Box<dyn Error + Send + Sync>>;

#[derive(Clone, Serialize, Deserialize)]
struct Table {
    version: u32,
    flowers: ShmArray2<f64>,
}

/// Publishes a table in shared memory, and gives the table that lies there, with the segment that others open by its id.
async fn publish(table: Table) -> Outcome<(Segment, Table)> {
    spawn_blocking(move || {
        let segment = serde_shm::to_shared(&table)?;
        let shared = segment.get()?;
        Ok((segment, shared))
    })
    .await?
}

/// Opens what another process published, as this one would by the id that it was told.
async fn attach(id: String) -> Outcome<Table> {
    Ok(spawn_blocking(move || Segment::open(&id)?.get()).await??)
}

/// Saves a table while the tasks go on: it is a handle, so nothing is copied for that.
async fn save(path: PathBuf, table: Table) -> Outcome<()> {
    Ok(spawn_blocking(move || serde_shm::to_npz(path, &table)).await??)
}

/// Answers requests for the mean of a column from the newest table.
async fn serve(
    mut requests: mpsc::Receiver<usize>,
    newest: watch::Receiver<Table>,
    answers: mpsc::Sender<(u32, f64)>,
) -> Outcome<()> {
    while let Some(column) = requests.recv().await {
        let table = newest.borrow().clone(); // a reference count
        let mean = table.flowers.column(column).mean().ok_or("an empty table")?;
        answers.send((table.version, mean)).await?;
    }
    Ok(())
}

async fn run() -> Outcome<()> {
    let (first, table) = publish(Table { version: 1, flowers: iris()?.into() }).await?;
    let seen = attach(first.id().to_owned()).await?;
    if seen.flowers != table.flowers {
        return Err("what was attached is another table".into());
    }

    let (tell, newest) = watch::channel(table.clone());
    let (answer, mut answers) = mpsc::channel(64);
    let (mut servers, mut doors) = (JoinSet::new(), Vec::new());
    for _ in 0..4 {
        let (door, requests) = mpsc::channel(16);
        servers.spawn(serve(requests, newest.clone(), answer.clone()));
        doors.push(door);
    }
    drop((answer, newest));

    for number in 0..100 {
        doors[number % 4].send(number % 5).await?;
    }
    for _ in 0..100 {
        answers.recv().await.ok_or("a server has ended")?;
    }

    let folder = tempfile::tempdir()?;
    let file = folder.path().join("table.npz");
    let saving = tokio::spawn(save(file.clone(), table.clone()));
    let newer = Table { version: 2, flowers: (&*table.flowers * 10.0).into() };
    let (second, newer) = publish(newer).await?;
    tell.send(newer)?;
    drop(first); // tasks that still have the old table keep its memory
    saving.await??;

    for door in &doors {
        door.send(0).await?;
    }
    drop(doors);
    let mut last = Vec::new();
    while let Some(answer) = answers.recv().await {
        last.push(answer);
    }
    while let Some(server) = servers.join_next().await {
        server??;
    }
    let saved: Table = spawn_blocking(move || serde_shm::from_npz(file)).await??;
    println!(
        "100 answers from version {}, then {last:.3?} from version {}",
        saved.version,
        attach(second.id().to_owned()).await?.version
    );
    Ok(())
}

fn main() -> Outcome<()> {
    tokio::runtime::Builder::new_multi_thread().worker_threads(2).build()?.block_on(run())
}

/// The table of `examples/data/iris.csv`.
fn iris() -> Outcome<Array2<f64>> {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../examples/data/iris.csv");
    let text = std::fs::read_to_string(path)?;
    let lines = text.lines().filter(|line| !line.starts_with('#')).skip(1);
    let numbers: Vec<f64> =
        lines.flat_map(|line| line.split(',')).map(str::parse).collect::<Result<_, _>>()?;
    Ok(Array2::from_shape_vec((numbers.len() / 5, 5), numbers)?)
}
