//! How many times a second the disk makes something durable: the bound of every single commit.

use std::fs::OpenOptions;
use std::io::{Seek as _, SeekFrom, Write as _};
use std::path::Path;
use std::time::{Duration, Instant};

use anyhow::{Context, Result};

/// As much as a small batch of a journal writes.
const WRITE_BYTES: usize = 4096;
/// Written over and over, so that no sync has to grow the file.
const FILE_BYTES: u64 = 1024 * 1024;

/// One write of 4 KiB and one `fdatasync` after another in `folder`, for about `duration`.
pub fn syncs_per_s(folder: &Path, duration: Duration) -> Result<f64> {
    let path = folder.join("sync-rate");
    let mut file = OpenOptions::new()
        .create(true)
        .truncate(true)
        .write(true)
        .open(&path)
        .with_context(|| format!("cannot open {}", path.display()))?;
    file.write_all(&vec![0; usize::try_from(FILE_BYTES)?])?;
    file.sync_all()?;
    let piece = [1_u8; WRITE_BYTES];
    let mut at = 0;
    let mut count = 0_u32;
    let started = Instant::now();
    while started.elapsed() < duration {
        file.seek(SeekFrom::Start(at))?;
        file.write_all(&piece)?;
        file.sync_data()?;
        at = (at + WRITE_BYTES as u64) % FILE_BYTES;
        count += 1;
    }
    let rate = f64::from(count) / started.elapsed().as_secs_f64();
    std::fs::remove_file(&path)?;
    Ok(rate)
}
