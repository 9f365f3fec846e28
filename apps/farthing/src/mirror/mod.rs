//! Copying a log into a folder, and checking one: everything against the checkpoint's root.
//!
//! Invariants: nothing is put into place that was not checked, and no checkpoint that does not
//! continue the one that is there; what is wrong is named. Memory does not grow with the log.

mod error;
mod folder;
mod source;
#[cfg(test)]
mod tests;
mod tiles;

use std::future::ready;
use std::path::Path;

use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use tlog::policy::Policy;
use tlog::{Layer, NoteSignature, Tile, encode_hashes};

pub(crate) use error::MirrorError;
use folder::{Folder, Writing};
pub(crate) use source::{Seen, Source};
use tiles::Tiles;

/// Bundles that are on their way at the same time.
const PARALLEL_BUNDLES: usize = 8;

/// What was copied or checked.
#[derive(Debug)]
pub(crate) struct Mirrored {
    /// The newest checkpoint, now that of the folder.
    pub(crate) seen: Seen,
    /// Leaves that the folder had before.
    pub(crate) old_size: u64,
    /// Files that were read.
    pub(crate) files: u64,
    /// Their bytes.
    pub(crate) bytes: u64,
}

/// Brings a folder up to the newest checkpoint of a log. `progress` hears of every full part of the
/// log: leaves that are done, and how many there are.
pub(crate) async fn export(
    source: &Source,
    policy: &Policy,
    to: &Path,
    progress: &dyn Fn(u64, u64),
) -> Result<Mirrored, MirrorError> {
    let folder = Folder::new(to);
    let kept = folder.checkpoint(policy).await?;
    let seen = source.checkpoint(policy).await?;
    let old_size = kept.as_ref().map_or(0, |kept| kept.head.size);
    if let Some(kept) = &kept {
        compare(kept, &seen)?;
        if kept.head == seen.head {
            return renew(&folder, kept, seen).await;
        }
    }
    let writing = folder.begin()?;
    let copied = copy(source, kept.as_ref(), &seen, &writing, progress).await;
    match copied {
        Ok((files, bytes)) => {
            writing.finish(old_size, seen.head.size, &seen.note).await?;
            Ok(Mirrored { seen, old_size, files, bytes })
        }
        Err(error) => {
            // What was collected of a sound log is of use to the next attempt.
            if error.is_of_the_log() {
                writing.give_up().await?;
            }
            Err(error)
        }
    }
}

/// Checks every file of a log.
pub(crate) async fn check(
    source: &Source,
    policy: &Policy,
    progress: &dyn Fn(u64, u64),
) -> Result<Mirrored, MirrorError> {
    let seen = source.checkpoint(policy).await?;
    let tiles = Tiles::open(source, seen.head, None).await?;
    walk(&tiles, 0, seen.head.size, None, progress).await?;
    let (files, bytes) = tiles.read_count();
    Ok(Mirrored { seen, old_size: 0, files, bytes })
}

/// What can be said of two checkpoints without any tile.
fn compare(kept: &Seen, seen: &Seen) -> Result<(), MirrorError> {
    if kept.origin != seen.origin {
        let (kept, found) = (kept.origin.clone(), seen.origin.clone());
        return Err(MirrorError::OtherLog { kept, found });
    }
    let (kept, seen) = (kept.head, seen.head);
    if seen.size < kept.size {
        return Err(MirrorError::Shrunk { kept: kept.size, found: seen.size });
    }
    if seen.size == kept.size && seen.root != kept.root {
        return Err(MirrorError::Forked { size: kept.size });
    }
    Ok(())
}

/// The same tree: only cosignatures may have come.
async fn renew(folder: &Folder, kept: &Seen, mut seen: Seen) -> Result<Mirrored, MirrorError> {
    if kept.note.text() == seen.note.text() {
        let is_known = |old: &NoteSignature| {
            let same = |new: &NoteSignature| (new.name(), new.id()) == (old.name(), old.id());
            seen.note.signatures().iter().any(same)
        };
        let old = kept.note.signatures().iter().filter(|old| !is_known(old));
        // Too many signatures for one note: the log's own choice counts.
        let old: Vec<_> = old.cloned().collect();
        seen.note = seen.note.with_signatures(&old).unwrap_or(seen.note);
    }
    if kept.note != seen.note || folder.has_leftovers() {
        let size = seen.head.size;
        folder.begin()?.finish(size, size, &seen.note).await?;
    }
    Ok(Mirrored { old_size: seen.head.size, seen, files: 0, bytes: 0 })
}

async fn copy(
    source: &Source,
    kept: Option<&Seen>,
    seen: &Seen,
    writing: &Writing,
    progress: &dyn Fn(u64, u64),
) -> Result<(u64, u64), MirrorError> {
    let tiles = Tiles::open(source, seen.head, Some(writing.incoming())).await?;
    let mut old_size = 0;
    if let Some(kept) = kept {
        old_size = kept.head.size;
        if tiles.root_at(old_size).await? != kept.head.root {
            return Err(MirrorError::Forked { size: old_size });
        }
    }
    walk(&tiles, old_size, seen.head.size, Some(writing), progress).await?;
    Ok(tiles.read_count())
}

/// Goes through every file that a tree needs which has grown from `old` to `new` leaves.
async fn walk(
    tiles: &Tiles<'_>,
    old: u64,
    new: u64,
    writing: Option<&Writing>,
    progress: &dyn Fn(u64, u64),
) -> Result<(), MirrorError> {
    for tile in Tile::grown(old, new) {
        let Layer::Hashes(level @ 1..) = tile.layer() else { continue };
        let hashes = tiles.hashes(level, tile.index()).await?;
        if let Some(writing) = writing {
            writing.collect(tile, encode_hashes(&hashes)).await?;
        }
    }
    let bundles = Tile::grown(old, new).take_while(|tile| tile.layer() == Layer::Entries);
    let mut done = old;
    stream::iter(bundles)
        .map(|bundle| leaves(tiles, bundle, writing))
        .buffer_unordered(PARALLEL_BUNDLES)
        .try_for_each(|count| {
            done = done.saturating_add(count);
            progress(done.min(new), new);
            ready(Ok(()))
        })
        .await
}

/// One bundle and the tile of its leaves.
async fn leaves(
    tiles: &Tiles<'_>,
    bundle: Tile,
    writing: Option<&Writing>,
) -> Result<u64, MirrorError> {
    let hashes = tiles.hashes(0, bundle.index()).await?;
    let bytes = tiles.bundle(bundle, &hashes).await?;
    let count = u64::try_from(hashes.len()).unwrap_or(0);
    if let (Some(writing), Ok(width)) = (writing, u16::try_from(hashes.len()))
        && let Ok(tile) = Tile::new(Layer::Hashes(0), bundle.index(), width)
    {
        writing.collect(tile, encode_hashes(&hashes)).await?;
        writing.collect(bundle, bytes).await?;
    }
    Ok(count)
}
