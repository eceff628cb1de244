//! What `inspect --json` writes.

use std::io::Write;

use serde::Serialize;

use super::Shown;
use crate::fault::Result;
use crate::stats::{JsonNumber, Stats};
use crate::target;
use crate::term::Screen;
use crate::tree::{Head, Node};

#[derive(Serialize)]
struct Report<'a> {
    target: String,
    kind: &'a str,
    bytes: u64,
    object: &'a Node,
    arrays: Vec<ArrayReport<'a>>,
    /// The members of an archive that are no arrays.
    others: Vec<OtherReport>,
}

#[derive(Serialize)]
struct ArrayReport<'a> {
    path: &'a str,
    dtype: String,
    shape: &'a [usize],
    order: Option<&'static str>,
    bytes: u64,
    live: Option<&'static str>,
    stats: Option<StatsReport>,
}

#[derive(Serialize)]
struct OtherReport {
    member: String,
    bytes: u64,
    why: String,
}

#[derive(Serialize)]
struct StatsReport {
    min: Option<JsonNumber>,
    mean: Option<f64>,
    max: Option<JsonNumber>,
    nan: u64,
    infinite: u64,
    seen: u64,
    partial: bool,
    histogram: Option<Vec<u64>>,
}

impl From<Stats> for StatsReport {
    fn from(stats: Stats) -> Self {
        let finite = stats.finite;
        StatsReport {
            min: finite.as_ref().map(|finite| finite.min.into()),
            mean: finite.as_ref().map(|finite| finite.mean),
            max: finite.as_ref().map(|finite| finite.max.into()),
            nan: stats.nan,
            infinite: stats.infinite,
            seen: stats.seen,
            partial: stats.is_partial,
            histogram: finite.map(|finite| finite.bins.to_vec()),
        }
    }
}

pub(super) fn write(shown: &Shown<'_>, screen: &mut Screen) -> Result<()> {
    let heads = shown.heads()?;
    let bar = Shown::bar(&heads);
    let report = |head: &&'_ Head| -> Result<_> { Ok(shown.stats(head, &bar)?.map(Into::into)) };
    let stats = heads.iter().map(report).collect::<Result<Vec<Option<StatsReport>>>>()?;
    bar.finish();
    let arrays = heads.iter().zip(stats).map(|(head, stats)| ArrayReport {
        path: &head.path,
        dtype: head.dtype.to_string(),
        shape: &head.shape,
        order: head.order.map(|order| if order == serde_shm::Order::F { "F" } else { "C" }),
        bytes: head.bytes,
        live: head.live_text(),
        stats,
    });
    let other = |other: serde_shm::OtherMember| OtherReport {
        member: other.name().to_owned(),
        bytes: other.byte_len(),
        why: target::why(&other),
    };
    let report = Report {
        target: shown.args.target.to_string_lossy().into_owned(),
        kind: shown.target.kind(),
        bytes: shown.target.byte_len(),
        object: &shown.tree,
        arrays: arrays.collect(),
        others: shown.target.others()?.into_iter().map(other).collect(),
    };
    serde_json::to_writer(&mut *screen, &report)?;
    Ok(writeln!(screen)?)
}
