//! `farthing seal`: the key file that seals the secrets of a data folder.
//!
//! Invariants: a key file is never written over; a rotation that was cut off is finished by the same
//! command; a secret is printed only where it was asked for by name.

use std::path::Path;

use crate::cli::{SealCommand, SealCommandArgs};
use crate::failure::Failure;
use crate::secrets;
use crate::term;
use crate::vault::Vault;

/// Runs one of the commands.
pub(crate) fn run(args: SealCommandArgs) -> Result<(), Failure> {
    match args.command {
        SealCommand::New { file } => new(&file),
        SealCommand::Rotate { data, seal, new } => rotate(&data, seal.seal_key.as_deref(), &new),
        SealCommand::Open { name, data, seal } => {
            let vault = Vault::open(&data, seal.seal_key.as_deref())?;
            term::line(&vault.read(&name)?);
            Ok(())
        }
    }
}

fn new(file: &Path) -> Result<(), Failure> {
    if !secrets::write_new(file, &secrets::random()?)? {
        return Err(Failure::new(format!("{} is there already", file.display()))
            .with_hint("name a new file; a key that was lost with its file opens nothing again"));
    }
    term::note(&format!("{} is made; keep a copy apart from the data folder", file.display()));
    Ok(())
}

fn rotate(folder: &Path, old: Option<&Path>, new: &Path) -> Result<(), Failure> {
    if engine::is_running(folder)? {
        return Err(Failure::new(format!("a node runs on {}", folder.display()))
            .with_hint("stop it, rotate, name the new file in its configuration, start it"));
    }
    let count = Vault::open(folder, old)?.rotate(&Vault::open(folder, Some(new))?)?;
    term::note(&format!(
        "{count} secrets are sealed with {}; backups made before still need the key file of then",
        new.display()
    ));
    Ok(())
}
