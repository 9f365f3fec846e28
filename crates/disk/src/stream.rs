//! Files read and written from one end to the other.

use std::io::{self, Read, Seek, SeekFrom, Write};
use std::path::Path;

use crate::{Access, Disk, DiskFile};

static ZEROS: [u8; 64 * 1024] = [0; 64 * 1024];

/// Reads a file from an offset on; put a [`io::BufReader`] around it.
#[derive(Debug)]
pub struct Reader<F> {
    file: F,
    offset: u64,
}

impl<F: AsRef<dyn DiskFile>> Reader<F> {
    /// Reads `file` from its start.
    pub fn new(file: F) -> Self {
        Self { file, offset: 0 }
    }

    /// The file.
    pub fn file(&self) -> &dyn DiskFile {
        self.file.as_ref()
    }
}

impl<F: AsRef<dyn DiskFile>> Read for Reader<F> {
    fn read(&mut self, buffer: &mut [u8]) -> io::Result<usize> {
        let bytes = self.file().read_at(buffer, self.offset)?;
        self.offset += bytes as u64;
        Ok(bytes)
    }
}

impl<F: AsRef<dyn DiskFile>> Seek for Reader<F> {
    fn seek(&mut self, to: SeekFrom) -> io::Result<u64> {
        let (from, by) = match to {
            SeekFrom::Start(offset) => (offset, 0),
            SeekFrom::Current(by) => (self.offset, by),
            SeekFrom::End(by) => (self.file().len()?, by),
        };
        self.offset = from.checked_add_signed(by).ok_or(io::ErrorKind::InvalidInput)?;
        Ok(self.offset)
    }
}

/// Writes a file from its start on; put a [`io::BufWriter`] around it, and flush that.
#[derive(Debug)]
pub struct Writer<'a> {
    file: &'a dyn DiskFile,
    offset: u64,
}

impl<'a> Writer<'a> {
    /// Writes `file` from its start.
    pub fn new(file: &'a dyn DiskFile) -> Self {
        Self { file, offset: 0 }
    }
}

impl Write for Writer<'_> {
    fn write(&mut self, bytes: &[u8]) -> io::Result<usize> {
        self.file.write_at(bytes, self.offset)?;
        self.offset += bytes.len() as u64;
        Ok(bytes.len())
    }

    /// Does nothing: only a sync makes bytes durable.
    fn flush(&mut self) -> io::Result<()> {
        Ok(())
    }
}

/// All bytes of a file.
pub fn read_whole(disk: &dyn Disk, path: &Path) -> io::Result<Vec<u8>> {
    let file = disk.open(path, Access::Read)?;
    let mut bytes = vec![0; usize::try_from(file.len()?).map_err(io::Error::other)?];
    file.read_exact_at(&mut bytes, 0)?;
    Ok(bytes)
}

/// Writes zeros over `from..to`, growing the file if it is shorter.
pub fn write_zeros(file: &dyn DiskFile, mut from: u64, to: u64) -> io::Result<()> {
    while from < to {
        let left = usize::try_from(to - from).unwrap_or(usize::MAX);
        let part = &ZEROS[..left.min(ZEROS.len())];
        file.write_at(part, from)?;
        from += part.len() as u64;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use std::io::BufReader;

    use super::*;
    use crate::Local;

    #[test]
    fn a_file_is_read_from_any_offset_and_written_in_order() {
        let dir = tempfile::tempdir().unwrap();
        let path = dir.path().join("file");
        let file = Local.open(&path, Access::Create).unwrap();
        let mut writer = Writer::new(&*file);
        writer.write_all(b"abc").unwrap();
        writer.write_all(b"defgh").unwrap();
        write_zeros(&*file, 2, 4).unwrap();
        write_zeros(&*file, 8, 100_000).unwrap();
        assert_eq!(file.len().unwrap(), 100_000);

        let file = Local.open(&path, Access::Read).unwrap();
        let mut reader = BufReader::new(Reader::new(file));
        let mut bytes = [0; 4];
        for (to, expected) in [
            (SeekFrom::Start(0), *b"ab\0\0"),
            (SeekFrom::Current(0), *b"efgh"),
            (SeekFrom::Current(-5), *b"\0efg"),
            (SeekFrom::End(-4), [0; 4]),
        ] {
            reader.seek(to).unwrap();
            reader.read_exact(&mut bytes).unwrap();
            assert_eq!(bytes, expected, "{to:?}");
        }
        assert_eq!(reader.read(&mut bytes).unwrap(), 0);
        assert!(reader.seek(SeekFrom::Current(i64::MIN)).is_err());
    }
}
