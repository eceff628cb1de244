//! A segment inherited by a program that is started: its descriptor becomes the program's standard input.
//!
//! `Command` puts it there after the fork and before the exec; all other descriptors of this crate are closed by the exec.
//! `cargo run --example inherit`

#[cfg(target_os = "linux")]
fn main() -> Result<(), Box<dyn std::error::Error>> {
    use std::os::fd::AsFd;
    use std::process::Command;

    use serde_shm::{Segment, ShmArray1};

    if std::env::args().nth(1).is_some() {
        let segment = Segment::from_fd(std::io::stdin().as_fd().try_clone_to_owned()?)?;
        let numbers: ShmArray1<u64> = segment.get()?; // no copy
        println!("{} numbers: sum {}", numbers.len(), numbers.sum());
        return Ok(());
    }
    let segment = serde_shm::to_shared(&ShmArray1::from((0..1_000_000_u64).collect::<Vec<_>>()))?;
    let descriptor = segment.as_fd().try_clone_to_owned()?;
    drop(segment);
    let status = Command::new(std::env::current_exe()?).arg("child").stdin(descriptor).status()?;
    assert!(status.success());
    Ok(())
}

#[cfg(not(target_os = "linux"))]
fn main() {
    println!("segments exist on Linux alone");
}
