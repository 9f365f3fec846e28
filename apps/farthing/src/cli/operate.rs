//! What the operator's tools around a node take: health, manual, completions.

use std::path::PathBuf;

use clap::Args;
use clap_complete::Shell;

const HEALTH_EXAMPLES: &str = "\
Examples:
  farthing health --data /var/lib/farthing
  farthing health --node http://127.0.0.1:4021

Exit codes: 0 ready, 1 away or not ready, 2 wrong usage.";

#[derive(Debug, Args)]
#[command(after_help = HEALTH_EXAMPLES)]
pub(crate) struct HealthArgs {
    /// Data folder of the node, with its address.
    #[arg(long, value_name = "FOLDER", env = "FARTHING_DATA", default_value = "farthing-data")]
    pub(crate) data: PathBuf,
    /// The node, if it is not the one of the data folder.
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
}

const COMPLETIONS_EXAMPLES: &str = "\
Examples:
  farthing completions bash > /usr/share/bash-completion/completions/farthing
  farthing completions zsh > ~/.zfunc/_farthing
  farthing completions fish > ~/.config/fish/completions/farthing.fish";

#[derive(Debug, Args)]
#[command(after_help = COMPLETIONS_EXAMPLES)]
pub(crate) struct CompletionsArgs {
    /// The shell.
    pub(crate) shell: Shell,
}

const MAN_EXAMPLES: &str = "\
Examples:
  farthing man | man -l -
  farthing man --to /usr/share/man/man1";

#[derive(Debug, Args)]
#[command(after_help = MAN_EXAMPLES)]
pub(crate) struct ManArgs {
    /// Write one page for each command into this folder; else the first page to standard output.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) to: Option<PathBuf>,
}
