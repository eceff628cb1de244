//! `completions` and `man`: what a package of the tool installs beside it.

use std::io::Write;

use clap::CommandFactory;

use crate::args::{Cli, Completions, Man};
use crate::fault::{Fault, Result};
use crate::term::Screen;

pub(crate) fn completions(args: &Completions, screen: &mut Screen) -> Result<()> {
    // The generator panics where it cannot write, as to a closed pipe.
    let mut script = Vec::new();
    clap_complete::generate(args.shell, &mut Cli::command(), "serde-shm", &mut script);
    Ok(screen.write_all(&script)?)
}

pub(crate) fn man(args: &Man, screen: &mut Screen) -> Result<()> {
    match &args.dir {
        Some(dir) => clap_mangen::generate_to(Cli::command(), dir)
            .map_err(|error| Fault::of_file(dir, "write the pages", &error)),
        None => Ok(clap_mangen::Man::new(Cli::command()).render(screen)?),
    }
}
