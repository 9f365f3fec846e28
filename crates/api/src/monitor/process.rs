//! What the machine says about this process and the disk of its data folder.
//!
//! Format: `/proc/self/statm`, `/proc/self/stat` and `/proc/self/fd` of Linux. Where there is none of
//! them the figure is left out.

use std::fs;
use std::path::Path;

use rustix::param::{clock_ticks_per_second, page_size};
use rustix::process::{Resource, getrlimit};

/// Figures of the process.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq)]
pub(crate) struct Process {
    pub resident_bytes: Option<u64>,
    pub cpu_ms: Option<u64>,
    pub open_files: Option<u64>,
    pub open_files_max: Option<u64>,
}

/// Room on a file system.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) struct Room {
    pub free_bytes: u64,
    pub size_bytes: u64,
}

pub(crate) fn process() -> Process {
    let statm = fs::read_to_string("/proc/self/statm").unwrap_or_default();
    let stat = fs::read_to_string("/proc/self/stat").unwrap_or_default();
    let files = fs::read_dir("/proc/self/fd").map(Iterator::count).ok();
    Process {
        resident_bytes: resident_pages(&statm).map(|pages| pages * page_size() as u64),
        cpu_ms: cpu_ticks(&stat).map(|ticks| ticks * 1000 / clock_ticks_per_second().max(1)),
        open_files: files.and_then(|count| u64::try_from(count).ok()),
        open_files_max: getrlimit(Resource::Nofile).current,
    }
}

/// Room for the folder, as an ordinary user has it; `None` if the system does not say.
pub(crate) fn room(folder: &Path) -> Option<Room> {
    let found = rustix::fs::statvfs(folder).ok()?;
    Some(Room {
        free_bytes: found.f_bavail.saturating_mul(found.f_frsize),
        size_bytes: found.f_blocks.saturating_mul(found.f_frsize),
    })
}

/// The second field: pages in memory.
fn resident_pages(statm: &str) -> Option<u64> {
    statm.split(' ').nth(1)?.parse().ok()
}

/// Fields 14 and 15, in user mode and in the kernel. The second field, the name, may hold spaces and
/// parentheses.
fn cpu_ticks(stat: &str) -> Option<u64> {
    let (_, after) = stat.rsplit_once(')')?;
    let mut fields = after.split_whitespace().skip(11);
    let mut next = || fields.next()?.parse::<u64>().ok();
    Some(next()? + next()?)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_files_are_read_as_they_are_written() {
        assert_eq!(resident_pages("4096 812 500 1 0 900 0\n"), Some(812));
        let stat = "7 (a) b (c) S 1 7 7 0 -1 4194560 5 0 0 0 31 12 0 0 20 0 4 0 100 1 2";
        assert_eq!(cpu_ticks(stat), Some(43));
        assert_eq!((resident_pages(""), cpu_ticks("7 (a")), (None, None));
    }

    #[test]
    fn this_process_has_figures() {
        let found = process();
        assert!(found.resident_bytes.unwrap() > 1_000_000, "{found:?}");
        assert!(found.open_files.unwrap() > 2 && found.cpu_ms.is_some(), "{found:?}");
        let room = room(Path::new("/")).unwrap();
        assert!(room.size_bytes >= room.free_bytes && room.size_bytes > 0, "{room:?}");
        assert_eq!(super::room(Path::new("/no/such/folder")), None);
    }
}
