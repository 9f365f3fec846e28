//! Folders whose names are durable, and the numbered files in them.

use std::io;
use std::path::{Path, PathBuf};

use crate::Disk;
use crate::error::{DiskError, During};

const DIGITS: usize = 20;

/// Creates the folder `dir`, with those above it, if it is not there, and makes its name durable:
/// also one that is there, because the process that created it may have ended before that.
pub fn create_folder(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    if disk.is_folder(dir) {
        return match sync_name(disk, dir) {
            // Whoever may not look into the folder above has not created this one there.
            Err(error) if error.cause.kind() == io::ErrorKind::PermissionDenied => Ok(()),
            other => other,
        };
    }
    // One after the other, so that a folder with something in it has a durable name.
    if let Some(above) = dir.parent().filter(|above| above.parent().is_some()) {
        create_folder(disk, above)?;
    }
    disk.create_folder(dir).during("create folder", dir)?;
    sync_name(disk, dir)
}

fn sync_name(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    let above = match dir.parent() {
        Some(above) if !above.as_os_str().is_empty() => above,
        Some(_) => Path::new("."),
        None => return Ok(()),
    };
    disk.sync_folder(above).during("sync folder", above)
}

/// The numbered files `dir/<20 digits>.<ending>`, lowest number first.
pub fn numbered(
    disk: &dyn Disk,
    dir: &Path,
    ending: &str,
) -> Result<Vec<(u64, PathBuf)>, DiskError> {
    let mut found: Vec<(u64, PathBuf)> = disk
        .list(dir)
        .during("list folder", dir)?
        .into_iter()
        .filter_map(|path| {
            let digits = path.file_name()?.to_str()?.strip_suffix(ending)?.strip_suffix('.')?;
            let plain = digits.len() == DIGITS && digits.bytes().all(|byte| byte.is_ascii_digit());
            plain.then(|| digits.parse().ok()).flatten().map(|number| (number, path))
        })
        .collect();
    found.sort();
    Ok(found)
}

/// The name under which [`numbered`] finds a file.
pub fn number_name(number: u64, ending: &str) -> String {
    format!("{number:0DIGITS$}.{ending}")
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Access, Local};

    #[test]
    fn numbered_files_come_in_order_and_others_not_at_all() {
        let dir = tempfile::tempdir().unwrap();
        let folder = dir.path().join("a/b");
        create_folder(&Local, &folder).unwrap();
        create_folder(&Local, &folder).unwrap();
        for name in [
            number_name(11, "seg").as_str(),
            &number_name(u64::MAX, "seg"),
            &number_name(2, "seg"),
            &number_name(3, "other"),
            "99999999999999999999.seg",
            "0000000000000000004.seg",
            "+0000000000000000005.seg",
            "00000000000000000006.seg.new",
        ] {
            Local.open(&folder.join(name), Access::Create).unwrap();
        }
        let found = numbered(&Local, &folder, "seg").unwrap();
        let numbers: Vec<u64> = found.iter().map(|(number, _)| *number).collect();
        assert_eq!(numbers, [2, 11, u64::MAX]);
        assert_eq!(found[0].1, folder.join("00000000000000000002.seg"));
        let error = numbered(&Local, &dir.path().join("nowhere"), "seg").unwrap_err();
        assert_eq!(error.action, "list folder");
    }
}
