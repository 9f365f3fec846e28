//! How many times a second the disk makes something durable: the bound of every commit.
//!
//! Invariant: nothing is measured in memory that calls itself a disk; [`scratch`] refuses that.

use std::fs::{File, OpenOptions};
use std::os::unix::fs::FileExt as _;
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result, bail};

/// As much as a small batch of a journal writes.
pub const SMALL_WRITE_BYTES: usize = 4096;
/// Written over and over, so that no sync has to grow the file; a multiple of every measured size.
const REGION_BYTES: u64 = 128 * 1024 * 1024;
/// Where a growing file starts again.
const GROWN_BYTES: u64 = 8 * REGION_BYTES;

/// Where the bytes go that are made durable.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Place {
    /// Behind the end of the file: each sync has to write the file's new length as well.
    Growing,
    /// Over zeros that are on the disk already, as a preallocated journal does.
    Prewritten,
}

/// A fresh folder beside the program, where builds are written.
pub fn scratch() -> Result<tempfile::TempDir> {
    let program = std::env::current_exe()?;
    let folder = program.parent().context("the program has no folder")?;
    let mounts = std::fs::read_to_string("/proc/self/mounts")?;
    if let Some(kind @ ("tmpfs" | "ramfs")) = file_system(&mounts, folder) {
        bail!("{} is in memory ({kind}), which is no disk to measure on", folder.display());
    }
    tempfile::tempdir_in(folder).context("cannot make a folder for data")
}

/// One write of `bytes` and one `fdatasync` after another in `folder`, for about `duration`; how many
/// of them in a second.
pub fn syncs_per_s(folder: &Path, bytes: usize, place: Place, duration: Duration) -> Result<f64> {
    let path = folder.join("sync-rate");
    let file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    let end = match place {
        Place::Growing => GROWN_BYTES,
        Place::Prewritten => prewrite(&file)?,
    };
    let piece = vec![1_u8; bytes];
    let mut at = 0;
    let mut count = 0_u32;
    let mut elapsed = Duration::ZERO;
    while elapsed < duration {
        if at + bytes as u64 > end {
            at = 0;
            if place == Place::Growing {
                file.set_len(0)?;
                file.sync_all()?;
            }
        }
        let started = Instant::now();
        file.write_all_at(&piece, at)?;
        file.sync_data()?;
        elapsed += started.elapsed();
        at += bytes as u64;
        count += 1;
    }
    std::fs::remove_file(&path)?;
    Ok(f64::from(count) / elapsed.as_secs_f64())
}

fn prewrite(file: &File) -> Result<u64> {
    const PIECE_BYTES: usize = 1024 * 1024;
    let zeros = vec![0; PIECE_BYTES];
    for at in (0..REGION_BYTES).step_by(PIECE_BYTES) {
        file.write_all_at(&zeros, at)?;
    }
    file.sync_all()?;
    Ok(REGION_BYTES)
}

/// Kind of the file system that holds `path`, from Linux's table of mounts: device, folder, kind.
fn file_system<'a>(mounts: &'a str, path: &Path) -> Option<&'a str> {
    let rows = mounts.lines().filter_map(|line| {
        let mut words = line.split_whitespace().skip(1);
        Some((Path::new(words.next()?), words.next()?))
    });
    // A later mount covers an earlier one at the same folder; `max_by_key` takes the last.
    rows.filter(|(folder, _)| path.starts_with(folder))
        .max_by_key(|(folder, _)| folder.components().count())
        .map(|(_, kind)| kind)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_nearest_mount_decides() {
        let mounts =
            "/dev/a / ext4 rw 0 0\ntmpfs /build tmpfs rw 0 0\n/dev/b /build/disk xfs rw 0 0\n";
        let kind = |path| file_system(mounts, Path::new(path));
        assert_eq!(kind("/srv/x"), Some("ext4"));
        assert_eq!(kind("/build/x"), Some("tmpfs"));
        assert_eq!(kind("/builder"), Some("ext4"));
        assert_eq!(kind("/build/disk/x"), Some("xfs"));
        assert_eq!(file_system("", Path::new("/")), None);
    }

    #[test]
    fn syncs_leave_nothing_behind() {
        let folder = scratch().unwrap();
        for place in [Place::Growing, Place::Prewritten] {
            let short = Duration::from_millis(5);
            assert!(syncs_per_s(folder.path(), 4096, place, short).unwrap() > 1.0);
        }
        assert_eq!(std::fs::read_dir(folder.path()).unwrap().count(), 0);
    }
}
