//! The command line.

use std::ffi::OsString;
use std::path::PathBuf;

use clap::{Args, Parser, Subcommand, ValueEnum, ValueHint};

const EXIT_CODES: &str = "\
Targets:
  NAME or an id        a segment in shared memory (`serde-shm ls` lists the names)
  FILE                 an .npz, an .npy or a block file; `./FILE` is never a segment
  PATH                 a part of the object: `layers.0.weight`; `inspect` shows the paths

Exit status:
  0    done; for `diff`: the same; for `verify`: whole
  1    for `diff`: they differ; for `verify`: damaged
  2    trouble: a wrong argument, a target that is not there, an error of the system
  130  Ctrl-C came before the end: `inspect` said what it had, others left nothing half-made
";

/// Shows, copies, compares and checks the segments, .npz files and blocks of serde_shm, and .npy files.
#[derive(Debug, Parser)]
#[command(name = "serde-shm", version, after_help = EXIT_CODES, max_term_width = 100)]
pub(crate) struct Cli {
    #[command(flatten)]
    pub(crate) look: Look,
    #[command(subcommand)]
    pub(crate) command: Command,
}

/// How the output looks.
#[derive(Debug, Args)]
pub(crate) struct Look {
    /// When to write in colour; `auto` heeds NO_COLOR and writes plain text to files and pipes
    #[arg(long, global = true, value_name = "WHEN", default_value = "auto")]
    pub(crate) color: When,
    /// How many columns the output may take; otherwise those of the environment variable COLUMNS, of the terminal, or 80
    #[arg(long, global = true, value_name = "COLUMNS")]
    pub(crate) width: Option<usize>,
}

#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum When {
    Auto,
    Always,
    Never,
}

#[derive(Debug, Subcommand)]
pub(crate) enum Command {
    /// Lists the segments that this user has published
    Ls(Ls),
    /// Removes the names of segments; processes that have them open keep them
    Rm(Rm),
    /// Removes names whose maker has died
    Gc(Gc),
    /// Says how much shared memory is used and how much is left
    Free(Free),
    /// Shows an object as a tree, with statistics of its arrays
    Inspect(Inspect),
    /// Shows an array, or a part of it, as numbers, as an image or as a table
    Show(Show),
    /// Copies an object to another kind of container, or a part of it
    Cp(Cp),
    /// Says what differs between two objects
    Diff(Diff),
    /// Checks that a container is whole
    Verify(Verify),
    /// Converts a safetensors file, or an object to one
    Convert(Convert),
    /// Says of each new version of a segment
    Watch(Watch),
    /// Writes a script that completes the arguments in a shell
    Completions(Completions),
    /// Writes the manual page
    Man(Man),
}

#[derive(Debug, Args)]
pub(crate) struct Ls {
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
    /// List again and again, until Ctrl-C
    #[arg(long)]
    pub(crate) watch: bool,
    #[command(flatten)]
    pub(crate) interval: Interval,
}

#[derive(Debug, Args)]
pub(crate) struct Interval {
    /// Seconds between two looks
    #[arg(long, value_name = "SECONDS", default_value_t = 1.0, value_parser = seconds)]
    pub(crate) interval: f64,
}

impl Interval {
    pub(crate) fn duration(&self) -> std::time::Duration {
        std::time::Duration::from_secs_f64(self.interval)
    }
}

fn seconds(text: &str) -> Result<f64, String> {
    let number: f64 = text.parse().map_err(|_| "expected a number of seconds".to_owned())?;
    if (0.01..=86400.0).contains(&number) {
        Ok(number)
    } else {
        Err("expected 0.01 to 86400 seconds".to_owned())
    }
}

#[derive(Debug, Args)]
pub(crate) struct Rm {
    /// Names of segments
    #[arg(required = true, value_name = "NAME")]
    pub(crate) names: Vec<OsString>,
}

#[derive(Debug, Args)]
pub(crate) struct Gc {
    /// Say which names would go, and keep them
    #[arg(long)]
    pub(crate) dry_run: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Free {
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Inspect {
    /// A segment's name or id, an .npz, .npy or block file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) target: OsString,
    /// Show this array alone; may be given several times
    #[arg(long = "array", value_name = "PATH")]
    pub(crate) arrays: Vec<String>,
    /// How many levels of the tree to show
    #[arg(long, value_name = "LEVELS")]
    pub(crate) depth: Option<usize>,
    /// How many parts of a list, and how many bytes of a text, to show
    #[arg(long, value_name = "PARTS", default_value_t = 8)]
    pub(crate) fold: usize,
    /// Read no array
    #[arg(long)]
    pub(crate) no_stats: bool,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Show {
    /// A segment's name or id, an .npz, .npy or block file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) target: OsString,
    /// An array's path, with a slice as in NumPy: `layers.0.weight[3, ::2]`; may be left out where there is one array
    #[arg(value_name = "PATH[SLICE]")]
    pub(crate) part: Option<String>,
    /// Fold nothing
    #[arg(long)]
    pub(crate) full: bool,
    /// Draw a heat map in the terminal
    #[arg(long)]
    pub(crate) heat: bool,
    /// Draw a histogram and not a map or line, with --png and --svg
    #[arg(long)]
    pub(crate) histogram: bool,
    /// Write an image: a map of two axes, a line of one; `-` is standard output
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) png: Option<PathBuf>,
    /// Write an image that has no pixels
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) svg: Option<PathBuf>,
    /// Write a table
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) csv: Option<PathBuf>,
    /// Write an .npy file
    #[arg(long, value_name = "FILE", value_hint = ValueHint::FilePath)]
    pub(crate) npy: Option<PathBuf>,
}

#[derive(Debug, Args)]
pub(crate) struct Cp {
    /// A segment's name or id, an .npz, .npy or block file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) source: OsString,
    /// A file that ends in .npz, .npy or .block, or the name of a segment
    #[arg(value_hint = ValueHint::FilePath, required_unless_present = "name")]
    pub(crate) destination: Option<OsString>,
    /// Publish a segment of this name
    #[arg(long, value_name = "NAME", conflicts_with_all = ["destination", "to"])]
    pub(crate) name: Option<OsString>,
    /// Which kind of container to write, where the destination's name does not say it
    #[arg(long, value_name = "KIND")]
    pub(crate) to: Option<ContainerKind>,
    /// Copy this part alone; may be given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) only: Vec<String>,
    /// Compress the arrays of an .npz file, at a level from 1 to 12
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "6")]
    pub(crate) compress: Option<u8>,
    /// Take the name from a segment that has it
    #[arg(long)]
    pub(crate) replace: bool,
    /// Keep the segment in memory that is freed with its last user, and hold it until Ctrl-C; without this it is a file in
    /// shared memory that stays until `rm`
    #[arg(long)]
    pub(crate) hold: bool,
}

/// A kind of container.
#[derive(Clone, Copy, Debug, PartialEq, Eq, ValueEnum)]
pub(crate) enum ContainerKind {
    Segment,
    Npz,
    Npy,
    Block,
}

#[derive(Debug, Args)]
pub(crate) struct Diff {
    /// A segment's name or id, an .npz, .npy or block file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) first: OsString,
    /// What it is compared with
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) second: OsString,
    /// Let numbers a and b pass where |a - b| is at most ATOL + RTOL * |b|
    #[arg(long, value_name = "RTOL", default_value_t = 0.0)]
    pub(crate) rtol: f64,
    /// The part of the tolerance that does not grow with the numbers
    #[arg(long, value_name = "ATOL", default_value_t = 0.0)]
    pub(crate) atol: f64,
    /// Say nothing: the exit status has the answer
    #[arg(long, short)]
    pub(crate) quiet: bool,
    /// Write JSON
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Verify {
    /// A segment's name or id, an .npz, .npy or block file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) target: OsString,
}

#[derive(Debug, Args)]
pub(crate) struct Convert {
    /// A safetensors file; or a segment's name or id, an .npz, .npy or block file, which becomes a safetensors file
    #[arg(value_hint = ValueHint::FilePath)]
    pub(crate) source: OsString,
    /// A file that ends in .safetensors, .npz or .block, or the name of a segment
    #[arg(value_hint = ValueHint::FilePath, required_unless_present = "name")]
    pub(crate) destination: Option<OsString>,
    /// Publish a segment of this name
    #[arg(long, value_name = "NAME", conflicts_with = "destination")]
    pub(crate) name: Option<OsString>,
    /// Keep names such as `layers.0.weight` as keys; without this their parts nest
    #[arg(long)]
    pub(crate) flat: bool,
    /// Convert this part alone to a safetensors file; may be given several times
    #[arg(long, value_name = "PATH")]
    pub(crate) only: Vec<String>,
    /// Compress the arrays of an .npz file, at a level from 1 to 12
    #[arg(long, value_name = "LEVEL", num_args = 0..=1, require_equals = true, default_missing_value = "6")]
    pub(crate) compress: Option<u8>,
    /// Take the name from a segment that has it
    #[arg(long)]
    pub(crate) replace: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Watch {
    /// The name of a segment
    pub(crate) name: OsString,
    #[command(flatten)]
    pub(crate) interval: Interval,
    /// End after this many versions
    #[arg(long, value_name = "VERSIONS")]
    pub(crate) count: Option<u64>,
    /// Write a line of JSON for each version
    #[arg(long)]
    pub(crate) json: bool,
}

#[derive(Debug, Args)]
pub(crate) struct Completions {
    pub(crate) shell: clap_complete::Shell,
}

#[derive(Debug, Args)]
pub(crate) struct Man {
    /// Write the page of each command into this folder
    #[arg(long, value_name = "FOLDER", value_hint = ValueHint::DirPath)]
    pub(crate) dir: Option<PathBuf>,
}
