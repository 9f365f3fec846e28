//! `farthing completions` and `farthing man`: what a package installs beside the program, made from
//! the same description of the command line as its help.

use std::fs;
use std::io;
use std::path::Path;

use clap::CommandFactory as _;

use crate::cli::{Cli, CompletionsArgs, ManArgs};
use crate::failure::Failure;

/// Writes a shell's completions to standard output.
pub(crate) fn completions(args: &CompletionsArgs) {
    clap_complete::generate(args.shell, &mut Cli::command(), "farthing", &mut io::stdout());
}

/// Writes the manual page to standard output, or one page for each command into a folder.
pub(crate) fn pages(args: &ManArgs) -> Result<(), Failure> {
    let written = match &args.to {
        Some(folder) => fs::create_dir_all(folder).and_then(|()| all(folder)),
        None => clap_mangen::Man::new(Cli::command()).render(&mut io::stdout()),
    };
    written.map_err(|error| Failure::new(format!("the manual cannot be written: {error}")))
}

fn all(folder: &Path) -> io::Result<()> {
    clap_mangen::generate_to(Cli::command().disable_help_subcommand(true), folder)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn each_command_has_a_page() {
        let folder = tempfile::tempdir().unwrap();
        pages(&ManArgs { to: Some(folder.path().to_owned()) }).unwrap();
        for command in Cli::command().get_subcommands() {
            let page = folder.path().join(format!("farthing-{}.1", command.get_name()));
            let text = fs::read_to_string(&page).unwrap();
            assert!(text.contains(".SH SYNOPSIS"), "{}", page.display());
        }
        assert!(folder.path().join("farthing.1").exists());
    }
}
