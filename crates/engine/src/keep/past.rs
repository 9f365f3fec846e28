//! The indexes of a data folder, checked against what the journal says and named for a copy.
//!
//! Reads only. An index can be built again from the journal, so a fault here loses nothing but time.

use std::path::{Path, PathBuf};
use std::sync::Arc;

use disk::{Disk, Local};
use index::{Manifest, Schema};

use super::KeepError;
use crate::past::{Changes, Records, Rows};
use crate::state::{Manifests, State};
use crate::writer::loading::{CHANGES, INDEX, RECORDS};

/// The two indexes with their folders and what they hold.
fn indexes(manifests: &Manifests) -> [(&'static str, Schema, &Manifest); 2] {
    [(CHANGES, Changes::SCHEMA, &manifests.changes), (RECORDS, Records::SCHEMA, &manifests.records)]
}

/// What is wrong with the files of a snapshot, or differs from the rows that the journal made.
pub(super) fn verify(dir: &Path, manifests: &Manifests, made: [&Rows; 2]) -> Vec<String> {
    let disk: Arc<dyn Disk> = Arc::new(Local);
    let mut faults = Vec::new();
    for ((name, schema, manifest), made) in indexes(manifests).into_iter().zip(made) {
        match index::verify(&disk, &dir.join(name), &schema, manifest) {
            Ok(found) if !found.faults.is_empty() => faults.extend(found.faults),
            Ok(found) if Some(found.fingerprint) != made.fingerprint() => {
                faults.push(format!("the index `{name}` has other rows than the journal makes"));
            }
            Ok(_) => {}
            Err(error) => faults.push(error.to_string()),
        }
    }
    faults
}

/// The state of a snapshot over rows that are only counted, as the files of the index have them.
pub(super) fn counted(dir: &Path, snapshot: &[u8]) -> Result<State, String> {
    let disk: Arc<dyn Disk> = Arc::new(Local);
    let manifests = State::stored(snapshot).map_err(|why| why.to_string())?.manifests;
    let mut rows = Vec::new();
    for (name, schema, manifest) in indexes(&manifests) {
        let found = index::verify(&disk, &dir.join(name), &schema, manifest);
        let found = found.map_err(|error| error.to_string())?;
        if let Some(fault) = found.faults.first() {
            return Err(fault.clone());
        }
        rows.push(Rows::counted_from(schema, found.fingerprint));
    }
    let rows = <[Rows; 2]>::try_from(rows).map_err(|_| "an index is missing".to_owned())?;
    let state = State::restore::<crate::codec::Malformed>(snapshot, |_| Ok(rows));
    state.map_err(|why| why.to_string())
}

/// The files of the index that a snapshot needs, as paths within the data folder.
pub(super) fn files(snapshot: &[u8]) -> Result<Vec<PathBuf>, KeepError> {
    let stored = State::stored(snapshot).map_err(|why| KeepError::Unsound(why.to_string()))?;
    let named = indexes(&stored.manifests).into_iter().flat_map(|(name, _, manifest)| {
        let dir = Path::new(INDEX).join(name);
        manifest.files().map(move |file| dir.join(file.name)).collect::<Vec<_>>()
    });
    Ok(named.collect())
}
