//! `verify`: whether a container is whole.

use std::ffi::OsStr;
use std::io::Write;

use ndarray::IxDyn;
use serde_shm::value::Walk;
use serde_shm::{ArrayInfo, DTypeKind};

use crate::Ended;
use crate::args::Verify;
use crate::bar::Progress;
use crate::fault::{Fault, Result};
use crate::stop;
use crate::target::Target;
use crate::term::{self, ALARM, GOOD, Screen};

pub(crate) fn run(args: &Verify, screen: &mut Screen) -> Result<Ended> {
    let name = term::shown(&args.target);
    match check(&args.target) {
        Ok(said) => {
            let whole = screen.paint(GOOD, "whole");
            writeln!(screen, "{name}: {whole}: {said}")?;
            Ok(Ended::Done)
        }
        Err(Fault::Damaged(said)) => {
            let damaged = screen.paint(ALARM, "damaged");
            let said = said.strip_prefix(&format!("{name}: ")).unwrap_or(&said);
            writeln!(screen, "{name}: {damaged}: {said}")?;
            Ok(Ended::Damaged)
        }
        Err(other) => Err(other),
    }
}

/// Goes over the object, which checks that it does not contradict itself, and says what else was checked.
fn check(text: &OsStr) -> Result<String> {
    /// Wants to know of nothing.
    struct Deaf;
    impl Walk<'_> for Deaf {}

    stop::listen()?;
    let target = Target::open_telling(text, &Progress::drawn())?;
    let infos = target.arrays()?;
    let bytes: u64 = infos.iter().map(|info| info.byte_len() as u64).sum();
    let of = format!("{} of {}", term::count(infos.len() as u64, "array"), term::bytes(bytes));
    match &target {
        Target::Npz { file, .. } | Target::Npy { file, .. } => {
            // Every member is read and let go of; a walk would keep all of them.
            file.verify()?;
            let sums = if matches!(target, Target::Npy { .. }) {
                "an .npy file has no checksum"
            } else {
                "the checksum of every member holds"
            };
            Ok(format!("{of}; {sums}"))
        }
        Target::Segment(segment) => {
            segment.walk(&mut Deaf)?;
            check_values(&target, &infos)?;
            Ok(format!("{of}; the checksum of all but the arrays' elements holds; those have none"))
        }
        Target::BlockFile(block, _) => {
            block.walk(&mut Deaf)?;
            check_values(&target, &infos)?;
            Ok(format!("{of}; the checksum of all but the arrays' elements holds; those have none"))
        }
    }
}

/// Not every byte is a bool, and not every number a character.
fn check_values(target: &Target, infos: &[ArrayInfo]) -> Result<()> {
    for info in infos {
        match info.dtype().kind() {
            DTypeKind::Bool => drop(target.array(info.path())?.view().view::<bool, IxDyn>()?),
            DTypeKind::Text => drop(target.array(info.path())?.to_dyn()?),
            _ => {}
        }
    }
    Ok(())
}
