//! What this process has cost so far, from Linux's `/proc/self`: processor time, memory, bytes sent to
//! the disk.
//!
//! Figures are of the whole process with all its threads. Nothing here may cost anything by itself
//! between the moments at which it is asked.

use std::io::ErrorKind;
use std::os::unix::fs::MetadataExt as _;
use std::path::Path;

use anyhow::{Context, Result};

/// Linux shows times to programs in hundredths of a second, whatever it counts in.
const US_PER_TICK: u64 = 10_000;
/// Unit of [`std::fs::Metadata`]'s block count.
const BLOCK_BYTES: u64 = 512;

/// Processor time of user and system together, microseconds; grows in steps of 10 ms.
pub fn cpu_us() -> Result<u64> {
    ticks(&read("/proc/self/stat")?).map(|ticks| ticks * US_PER_TICK)
}

/// Processor time of the calling thread alone, nanoseconds; may lag by a few milliseconds.
pub fn thread_cpu_ns() -> Result<u64> {
    let text = read("/proc/thread-self/schedstat")?;
    let first = text.split_whitespace().next().context("the thread's times are empty")?;
    first.parse().with_context(|| format!("the thread's times begin with `{first}`"))
}

/// The most memory that was ever resident at once (`VmHWM`), in units of 10^6 bytes.
pub fn peak_rss_mb() -> Result<f64> {
    let kib = field(&read("/proc/self/status")?, "VmHWM:")?;
    Ok(crate::report::float(kib) * 1024.0 / 1e6)
}

/// Bytes that this process caused to be sent to the disk (`write_bytes`).
pub fn written_bytes() -> Result<u64> {
    field(&read("/proc/self/io")?, "write_bytes:")
}

/// Bytes that the files below `folder` take up on the disk.
pub fn folder_bytes(folder: &Path) -> Result<u64> {
    let mut bytes = 0;
    for entry in std::fs::read_dir(folder).context("cannot list the data folder")? {
        let entry = entry?;
        match entry.metadata() {
            Ok(meta) if meta.is_dir() => bytes += folder_bytes(&entry.path())?,
            Ok(meta) => bytes += meta.blocks() * BLOCK_BYTES,
            // The measured program removes files of its own while it runs.
            Err(error) if error.kind() == ErrorKind::NotFound => {}
            Err(error) => return Err(error).context("cannot look at a data file"),
        }
    }
    Ok(bytes)
}

fn read(path: &str) -> Result<String> {
    std::fs::read_to_string(path).with_context(|| format!("cannot read {path}"))
}

/// User and system time are fields 14 and 15; the second, the program's name in parentheses, may hold
/// anything.
fn ticks(stat: &str) -> Result<u64> {
    let (_, after) = stat.rsplit_once(')').context("no name in the process's state")?;
    let mut fields = after.split_whitespace().skip(11);
    let mut next = || -> Result<u64> {
        Ok(fields.next().context("the process's state is too short")?.parse()?)
    };
    Ok(next()? + next()?)
}

fn field(text: &str, name: &str) -> Result<u64> {
    let rest = text.lines().find_map(|line| line.strip_prefix(name));
    let value = rest.and_then(|rest| rest.split_whitespace().next());
    let value = value.with_context(|| format!("there is no `{name}`"))?;
    value.parse().with_context(|| format!("`{name}` is `{value}`"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_tables_of_linux_are_read() {
        let stat = "7 (a) b) S 1 7 7 0 -1 4194304 100 0 0 0 12 30 0 0 20 0 1 0";
        assert_eq!(ticks(stat).unwrap(), 42);
        assert!(ticks("7 (a) S 1").is_err());
        assert_eq!(field("VmPeak:\t  9 kB\nVmHWM:\t   512 kB\n", "VmHWM:").unwrap(), 512);
        assert!(field("VmPeak: 9 kB", "VmHWM:").is_err());
        assert!(peak_rss_mb().unwrap() > 1.0);
        cpu_us().unwrap();
        // Busy, so that its time must grow.
        let before_ns = thread_cpu_ns().unwrap();
        while thread_cpu_ns().unwrap() == before_ns {}
        written_bytes().unwrap();
    }

    #[test]
    fn a_folder_takes_up_what_its_files_do() {
        let folder = tempfile::tempdir_in(".").unwrap();
        std::fs::create_dir(folder.path().join("below")).unwrap();
        let file = std::fs::File::create(folder.path().join("below/file")).unwrap();
        std::io::Write::write_all(&mut &file, &vec![1; 100_000]).unwrap();
        file.sync_all().unwrap();
        let bytes = folder_bytes(folder.path()).unwrap();
        assert!((100_000..200_000).contains(&bytes), "{bytes}");
    }
}
