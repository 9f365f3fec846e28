//! The command line of the key file that seals a data folder's secrets.

use std::path::PathBuf;

use clap::{Args, Subcommand};

/// What opens the secrets of a data folder.
#[derive(Debug, Args)]
pub(crate) struct SealArgs {
    /// The key file that opens the data folder's secrets, if they are sealed.
    #[arg(long, value_name = "FILE", env = "FARTHING_SEAL_KEY_FILE")]
    pub(crate) seal_key: Option<PathBuf>,
}

const SEAL_EXAMPLES: &str = "\
Examples:
  farthing seal new /etc/farthing/seal.key
  farthing seal rotate --data /var/lib/farthing --seal-key /etc/farthing/seal.key --new new.key
  farthing seal open gateway.token --data /var/lib/farthing --seal-key /etc/farthing/seal.key

Name the file with `seal_key_file` in [node]: the next start seals what lies in the data folder in plain.
Keep a copy of it apart from folder and backups: without it nobody can be this node. Backups that were
made before a rotation open with the key file of then.";

#[derive(Debug, Args)]
#[command(after_help = SEAL_EXAMPLES)]
pub(crate) struct SealCommandArgs {
    #[command(subcommand)]
    pub(crate) command: SealCommand,
}

#[derive(Debug, Subcommand)]
pub(crate) enum SealCommand {
    /// Make a key file.
    New {
        /// Where; nothing may be there.
        file: PathBuf,
    },
    /// Seal the secrets of a stopped node with another key file. Cut off, it is run again.
    Rotate {
        /// The data folder.
        #[arg(long, value_name = "FOLDER", env = "FARTHING_DATA", default_value = "farthing-data")]
        data: PathBuf,
        #[command(flatten)]
        seal: SealArgs,
        /// The new key file.
        #[arg(long, value_name = "FILE")]
        new: PathBuf,
    },
    /// Print a secret, for example for a gateway on another machine.
    Open {
        /// Name of the file in the data folder.
        name: String,
        /// The data folder.
        #[arg(long, value_name = "FOLDER", env = "FARTHING_DATA", default_value = "farthing-data")]
        data: PathBuf,
        #[command(flatten)]
        seal: SealArgs,
    },
}
