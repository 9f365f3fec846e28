//! The secrets of a data folder: keys of node, log and webhooks, and the two tokens; in plain, or sealed
//! with a key file that lies elsewhere.
//!
//! Format: `docs/reference/formats.md`. Invariants: with a key file nothing secret is written in plain,
//! and what lay there in plain is sealed at the start, the node's key last; once that one is sealed, a
//! plain secret is refused. A sealed file opens under its own name alone. A file is replaced in one
//! step, so a cut-off start or rotation leaves each secret whole.

use std::fs;
use std::path::{Path, PathBuf};

use instrument::KeyPair;
use seal::{Seal, is_sealed};

use crate::data::{GATEWAY_TOKEN, LOG_KEY, NODE_KEY, OPERATOR_TOKEN, SEAL_KEY};
use crate::secrets::{self, SECRET_BYTES, SecretError};
use crate::term;

/// A data folder and what opens its secrets.
#[derive(Debug)]
pub(crate) struct Vault {
    folder: PathBuf,
    seal: Option<Seal>,
}

impl Vault {
    /// Of a folder, with its key file if its secrets are sealed. Changes nothing.
    pub(crate) fn open(folder: &Path, key_file: Option<&Path>) -> Result<Self, SecretError> {
        let seal = key_file.map(|path| read_seal(folder, path)).transpose()?;
        Ok(Self { folder: folder.to_owned(), seal })
    }

    /// As [`Vault::open`], with everything sealed from now on if there is a key file.
    pub(crate) fn open_sealed(folder: &Path, key_file: Option<&Path>) -> Result<Self, SecretError> {
        let vault = Self::open(folder, key_file)?;
        let sealed_count = vault.seal_all()?;
        if sealed_count > 0 {
            term::note(&format!(
                "{sealed_count} secrets that lay in plain are sealed now; older backups still have \
                 them"
            ));
        }
        Ok(vault)
    }

    /// The data folder.
    pub(crate) fn folder(&self) -> &Path {
        &self.folder
    }

    /// Seals what lies in the folder in plain; without a key nothing. Returns how many files it were.
    pub(crate) fn seal_all(&self) -> Result<usize, SecretError> {
        let Some(seal) = &self.seal else { return Ok(0) };
        let mut sealed_count = 0;
        for name in self.names()? {
            let path = self.folder.join(&name);
            let text = secrets::read_text(&path)?;
            if !is_sealed(&text) {
                if self.must_be_sealed(&name) {
                    return Err(SecretError::Plain(path));
                }
                secrets::replace(&path, &sealed(seal, &name, &text)?)?;
                sealed_count += 1;
            }
        }
        Ok(sealed_count)
    }

    /// Seals all secrets anew with another key. What a rotation before this one came to stays.
    pub(crate) fn rotate(&self, new: &Self) -> Result<usize, SecretError> {
        let Some(seal) = &new.seal else { return Ok(0) };
        let names = self.names()?;
        for name in &names {
            if matches!(new.read(name), Err(SecretError::DoesNotOpen(_))) {
                let text = self.read(name)?;
                secrets::replace(&self.folder.join(name), &sealed(seal, name, &text)?)?;
            }
        }
        new.seal_all()?;
        Ok(names.len())
    }

    /// The node's key, made if it does not exist.
    pub(crate) fn node_key(&self) -> Result<KeyPair, SecretError> {
        self.seed(NODE_KEY).map(|seed| KeyPair::from_seed(&seed))
    }

    /// The node's key, if there is one; nothing is made.
    pub(crate) fn known_node_key(&self) -> Result<Option<KeyPair>, SecretError> {
        match self.read(NODE_KEY) {
            Err(error) if error.is_missing() => Ok(None),
            text => {
                let seed = secrets::seed_of(&self.folder.join(NODE_KEY), &text?)?;
                Ok(Some(KeyPair::from_seed(&seed)))
            }
        }
    }

    /// The seed of a key, made if it does not exist.
    pub(crate) fn seed(&self, name: &str) -> Result<[u8; SECRET_BYTES], SecretError> {
        secrets::seed_of(&self.folder.join(name), &self.token(name)?)
    }

    /// A token, made if it does not exist.
    pub(crate) fn token(&self, name: &str) -> Result<String, SecretError> {
        match self.read(name) {
            Err(error) if error.is_missing() => {
                let mut text = secrets::random()?;
                if let Some(seal) = &self.seal {
                    text = sealed(seal, name, &text)?;
                }
                secrets::write_new(&self.folder.join(name), &text)?;
                self.read(name)
            }
            found => found,
        }
    }

    /// A secret that exists.
    pub(crate) fn read(&self, name: &str) -> Result<String, SecretError> {
        let path = self.folder.join(name);
        let text = secrets::read_text(&path)?;
        match &self.seal {
            Some(seal) if is_sealed(&text) => {
                seal.open(place(name), &text).map_err(|_| SecretError::DoesNotOpen(path))
            }
            None if is_sealed(&text) => Err(SecretError::Sealed(path)),
            _ if self.must_be_sealed(name) => Err(SecretError::Plain(path)),
            _ => Ok(text),
        }
    }

    fn must_be_sealed(&self, name: &str) -> bool {
        let of_node = || secrets::read_text(&self.folder.join(NODE_KEY));
        name != NODE_KEY && of_node().is_ok_and(|text| is_sealed(&text))
    }

    /// The secrets that are there, the node's key last.
    fn names(&self) -> Result<Vec<String>, SecretError> {
        let failed = |cause| SecretError::File { path: self.folder.clone(), cause };
        let mut names = Vec::new();
        for entry in fs::read_dir(&self.folder).map_err(failed)? {
            let name = entry.map_err(failed)?.file_name();
            if let Some(name) = name.to_str().filter(|name| is_secret(name)) {
                names.push(name.to_owned());
            }
        }
        names.sort_by_key(|name| (name == NODE_KEY, name.clone()));
        Ok(names)
    }
}

fn is_secret(name: &str) -> bool {
    [NODE_KEY, OPERATOR_TOKEN, GATEWAY_TOKEN, SEAL_KEY, LOG_KEY].contains(&place(name))
}

/// What a file's secret is sealed for. The key of a log keeps its place when a new log makes it an old
/// one: whose key it is, the books know.
fn place(name: &str) -> &str {
    let is_of_log = name.strip_prefix(LOG_KEY).is_some_and(|rest| rest.starts_with('.'));
    if is_of_log { LOG_KEY } else { name }
}

fn sealed(seal: &Seal, name: &str, text: &str) -> Result<String, SecretError> {
    seal.seal(place(name), text).map_err(|_| SecretError::Random)
}

/// The key file is never made on the way: a new key would open nothing.
fn read_seal(folder: &Path, path: &Path) -> Result<Seal, SecretError> {
    let failed = |cause| SecretError::File { path: path.to_owned(), cause };
    let found = path.canonicalize().map_err(failed)?;
    if folder.canonicalize().is_ok_and(|folder| found.starts_with(folder)) {
        return Err(SecretError::KeyInside(path.to_owned()));
    }
    Ok(Seal::new(&secrets::seed_of(path, &secrets::read(path)?)?))
}

#[cfg(test)]
mod tests;
