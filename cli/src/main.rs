//! `serde-shm`: shows, copies, compares and checks the containers of `serde_shm`.

// Start, stop and step, axis and axes: they are NumPy's words.
#![allow(clippy::similar_names)]

mod args;
mod bar;
mod convert;
mod copy;
mod diff;
mod draft;
mod element;
mod fault;
mod inspect;
mod list;
mod nest;
mod npy;
mod outline;
mod shell;
mod show;
mod slice;
mod stats;
mod stop;
mod target;
mod term;
mod text;
mod tree;
mod verify;
mod watch;

use std::io::Write;
use std::process::ExitCode;

use clap::error::ErrorKind;
use clap::{CommandFactory, Parser};

use crate::args::{Cli, Command};
use crate::fault::{Fault, Result};
use crate::term::Screen;

/// How a command ended that met no trouble.
#[derive(Clone, Copy, Debug, PartialEq, Eq)]
pub(crate) enum Ended {
    Done,
    /// `diff` found a difference.
    Differ,
    /// `verify` found damage.
    Damaged,
    /// Ctrl-C came before the end.
    Stopped,
}

const TROUBLE: u8 = 2;
const STOPPED: u8 = 130;

/// Objects nest 2,048 levels deep, and the tool walks over them by functions that call themselves. Memory that no level comes to is
/// not taken. On a thread with more than some 300 MiB of stack, the crate reads no more than 256 levels.
const STACK: usize = 128 << 20;

fn main() -> ExitCode {
    let cli = match Cli::try_parse() {
        Ok(cli) => cli,
        Err(error) => return say_usage(&error),
    };
    let worker = std::thread::Builder::new().stack_size(STACK).spawn(move || run_to_end(&cli));
    match worker.map(std::thread::JoinHandle::join) {
        Ok(Ok(code)) => code,
        Ok(Err(panic)) => std::panic::resume_unwind(panic),
        Err(error) => {
            let _ = writeln!(anstream::stderr(), "serde-shm: cannot start a thread: {error}");
            ExitCode::from(TROUBLE)
        }
    }
}

/// Help goes to standard output as it is. What is wrong with the arguments is one line, as every error.
fn say_usage(error: &clap::Error) -> ExitCode {
    let is_help = error.kind() == ErrorKind::DisplayHelpOnMissingArgumentOrSubcommand;
    if is_help || !error.use_stderr() {
        let _ = error.print();
        return ExitCode::from(if is_help { TROUBLE } else { 0 });
    }
    let text = error.render().to_string();
    let is_said = |line: &&str| {
        !line.is_empty() && !line.starts_with("Usage:") && !line.starts_with("For more")
    };
    let lines: Vec<&str> = text.lines().map(str::trim).filter(is_said).collect();
    let said = lines.join("; ").replace(":; ", ": ");
    let said = said.strip_prefix("error: ").unwrap_or(&said);
    let help = match std::env::args_os().nth(1).and_then(|name| name.into_string().ok()) {
        Some(name) if Cli::command().find_subcommand(&name).is_some() => {
            format!("serde-shm help {name}")
        }
        _ => "serde-shm --help".to_owned(),
    };
    let _ = writeln!(
        anstream::stderr(),
        "serde-shm: {}; `{help}` lists the arguments",
        term::visible(said)
    );
    ExitCode::from(TROUBLE)
}

fn run_to_end(cli: &Cli) -> ExitCode {
    let mut screen = Screen::new(&cli.look);
    let ended = run(&cli.command, &mut screen);
    // What was found before the trouble is written in any case.
    let flushed = screen.flush().map_err(Fault::from);
    match ended.and_then(|ended| flushed.map(|()| ended)) {
        Ok(Ended::Done) | Err(Fault::ClosedPipe) => ExitCode::SUCCESS,
        Ok(Ended::Differ | Ended::Damaged) => ExitCode::FAILURE,
        Ok(Ended::Stopped) => ExitCode::from(STOPPED),
        Err(fault) => {
            // Where standard error is closed, too, the status says it.
            let _ = writeln!(anstream::stderr(), "serde-shm: {fault}");
            ExitCode::from(if matches!(fault, Fault::Stopped(_)) { STOPPED } else { TROUBLE })
        }
    }
}

fn run(command: &Command, screen: &mut Screen) -> Result<Ended> {
    match command {
        Command::Ls(args) => list::ls(args, screen)?,
        Command::Rm(args) => list::rm(args, screen)?,
        Command::Gc(args) => list::gc(args, screen)?,
        Command::Free(args) => list::free(args, screen)?,
        Command::Cp(args) => copy::run(args, screen)?,
        Command::Diff(args) => return diff::run(args, screen),
        Command::Verify(args) => return verify::run(args, screen),
        Command::Convert(args) => convert::run(args)?,
        Command::Watch(args) => watch::run(args, screen)?,
        Command::Completions(args) => shell::completions(args, screen)?,
        Command::Man(args) => shell::man(args, screen)?,
        Command::Show(args) => show::run(args, screen)?,
        Command::Inspect(args) => return inspect::run(args, screen),
    }
    Ok(Ended::Done)
}
