//! Files that are there whole or not at all.
//!
//! A file is written beside its name, synced, renamed, and the folder synced. What a crash leaves
//! behind has an ending of its own and holds nothing of worth.

use std::io::{self, BufWriter, Write};
use std::path::{Path, PathBuf};

use crate::error::{DiskError, During};
use crate::stream::Writer;
use crate::{Access, Disk};

/// The ending of a file that is not whole yet.
const UNFINISHED: &str = "new";

const BUFFER_BYTES: usize = 256 * 1024;

/// Creates or replaces `dir/name` with the joined `parts`, whole or not at all.
pub fn create_whole(
    disk: &dyn Disk,
    dir: &Path,
    name: &str,
    parts: &[&[u8]],
) -> Result<PathBuf, DiskError> {
    create_whole_with(disk, dir, name, &mut |file| {
        parts.iter().try_for_each(|part| file.write_all(part))
    })
}

/// Creates or replaces `dir/name` with what `write` writes, whole or not at all. It is buffered;
/// an error of `write` comes back, and leaves the file that had the name as it was.
pub fn create_whole_with(
    disk: &dyn Disk,
    dir: &Path,
    name: &str,
    write: &mut dyn FnMut(&mut dyn Write) -> io::Result<()>,
) -> Result<PathBuf, DiskError> {
    let path = dir.join(name);
    let unfinished = dir.join(format!("{name}.{UNFINISHED}"));
    disk.open(&unfinished, Access::Create)
        .and_then(|file| {
            let mut writer = BufWriter::with_capacity(BUFFER_BYTES, Writer::new(&*file));
            let written = write(&mut writer).and_then(|()| writer.flush());
            // Dropped whole, the buffer would try once more what has just failed.
            drop(writer.into_parts());
            written?;
            file.sync_all()
        })
        .during("write", &unfinished)?;
    disk.rename(&unfinished, &path).during("rename into place", &path)?;
    disk.sync_folder(dir).during("sync folder", dir)?;
    Ok(path)
}

/// Removes what [`create_whole`] left behind in a crash.
pub fn remove_unfinished(disk: &dyn Disk, dir: &Path) -> Result<(), DiskError> {
    for path in unfinished(disk, dir)? {
        disk.remove(&path).during("remove", &path)?;
    }
    Ok(())
}

/// The files of [`create_whole`] that are not finished, by name.
pub fn unfinished(disk: &dyn Disk, dir: &Path) -> Result<Vec<PathBuf>, DiskError> {
    let mut found = disk.list(dir).during("list folder", dir)?;
    found.retain(|path| path.extension().is_some_and(|ending| ending == UNFINISHED));
    found.sort();
    Ok(found)
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::{Local, read_whole};

    #[test]
    fn a_file_is_replaced_whole_or_stays_as_it_was() {
        let dir = tempfile::tempdir().unwrap();
        let long = vec![7; 3 * BUFFER_BYTES + 1];
        let path = create_whole(&Local, dir.path(), "state", &[b"one", &long, b""]).unwrap();
        let whole = [b"one", &*long].concat();
        assert_eq!(read_whole(&Local, &path).unwrap(), whole);

        let failed = create_whole_with(&Local, dir.path(), "state", &mut |file| {
            file.write_all(b"half")?;
            Err(io::ErrorKind::InvalidData.into())
        });
        assert_eq!(failed.unwrap_err().action, "write");
        assert_eq!(read_whole(&Local, &path).unwrap(), whole);
        let left = unfinished(&Local, dir.path()).unwrap();
        assert_eq!(left, [dir.path().join("state.new")]);
        // What was in the buffer when it failed is not written after all.
        assert_eq!(read_whole(&Local, &left[0]).unwrap(), b"");

        remove_unfinished(&Local, dir.path()).unwrap();
        assert_eq!(Local.list(dir.path()).unwrap(), std::slice::from_ref(&path));
        create_whole(&Local, dir.path(), "state", &[b"two"]).unwrap();
        assert_eq!(read_whole(&Local, &path).unwrap(), b"two");
    }
}
