//! The clock of a sandbox node, whose operator puts it ahead to see what time would bring: holds,
//! mandates and channels that expire, days that begin.
//!
//! Invariants: it exists only where every asset is play money, and a folder whose clock was put ahead
//! takes no real money. How far it is ahead is durable before it is told, because entries that carry
//! its time may follow at once. It never goes back.

use std::fs;
use std::io::{self, ErrorKind};
use std::path::{Path, PathBuf};
use std::sync::{Mutex, PoisonError};

use api::TestClock;
use disk::{Local, create_whole};
use engine::{CLOCK_SHIFT_MS_MAX, ShiftedClock};

use crate::data;

/// Why a folder's clock does not fit.
#[derive(Debug, thiserror::Error)]
pub(crate) enum ClockError {
    /// The file cannot be read.
    #[error("{path}: {cause}")]
    File {
        /// The file.
        path: PathBuf,
        /// What the system says, or what is wrong in it.
        cause: io::Error,
    },
    /// Real money under a clock that lies.
    #[error(
        "the clock of this data folder was put ahead, and {asset} is not play money: such a folder \
         takes no real money"
    )]
    RealMoney {
        /// An asset.
        asset: String,
    },
}

/// A clock and the file that remembers how far it is ahead.
#[derive(Debug)]
pub(crate) struct SandboxClock {
    clock: ShiftedClock,
    folder: PathBuf,
    /// One change at a time.
    changing: Mutex<()>,
}

impl SandboxClock {
    /// The clock of a folder: as the file says, or the machine's.
    pub(crate) fn of(folder: &Path) -> Result<Self, ClockError> {
        let path = folder.join(data::CLOCK_SHIFT);
        let shift_ms = match fs::read_to_string(&path) {
            Ok(text) => read(&text).map_err(|cause| ClockError::File { path: path.clone(), cause }),
            Err(cause) if cause.kind() == ErrorKind::NotFound => Ok(0),
            Err(cause) => Err(ClockError::File { path: path.clone(), cause }),
        }?;
        let clock = ShiftedClock::new(shift_ms);
        Ok(Self { clock, folder: folder.to_owned(), changing: Mutex::new(()) })
    }

    /// The clock itself.
    pub(crate) fn clock(&self) -> ShiftedClock {
        self.clock.clone()
    }
}

impl TestClock for SandboxClock {
    fn shift_ms(&self) -> u64 {
        self.clock.shift_ms()
    }

    fn advance(&self, milliseconds: u64) -> io::Result<u64> {
        let _one = self.changing.lock().unwrap_or_else(PoisonError::into_inner);
        let shift_ms = self.clock.shift_ms().saturating_add(milliseconds);
        if shift_ms > CLOCK_SHIFT_MS_MAX {
            return Err(ErrorKind::InvalidInput.into());
        }
        let text = format!("{shift_ms}\n");
        create_whole(&Local, &self.folder, data::CLOCK_SHIFT, &[text.as_bytes()])
            .map_err(io::Error::other)?;
        self.clock.shift_to(shift_ms);
        Ok(shift_ms)
    }
}

/// One line: milliseconds.
fn read(text: &str) -> io::Result<u64> {
    let shift_ms = text.trim_end().parse().ok().filter(|shift_ms| *shift_ms <= CLOCK_SHIFT_MS_MAX);
    shift_ms.ok_or_else(|| {
        io::Error::new(ErrorKind::InvalidData, "expected one line with milliseconds")
    })
}

/// Refuses real money in a folder whose clock was put ahead. `assets` are codes, and whether each is
/// play money.
pub(crate) fn check<'a>(
    clock: &ShiftedClock,
    assets: impl IntoIterator<Item = (&'a str, bool)>,
) -> Result<(), ClockError> {
    let real = assets.into_iter().find(|(_, sandbox)| !sandbox);
    match real {
        Some((asset, _)) if clock.shift_ms() > 0 => {
            Err(ClockError::RealMoney { asset: asset.to_owned() })
        }
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use engine::{Clock as _, SystemClock};

    use super::*;

    const DAY_MS: u64 = 24 * 60 * 60 * 1000;

    #[test]
    fn a_clock_is_put_ahead_and_stays_so() {
        let folder = tempfile::tempdir().unwrap();
        let clock = SandboxClock::of(folder.path()).unwrap();
        assert_eq!(clock.shift_ms(), 0);
        assert_eq!(clock.advance(30 * DAY_MS).unwrap(), 30 * DAY_MS);
        assert_eq!(clock.advance(DAY_MS).unwrap(), 31 * DAY_MS);
        let ahead_ms = clock.clock().now_ms() - SystemClock.now_ms();
        assert!(ahead_ms.abs_diff(31 * DAY_MS) < 60_000, "{ahead_ms}");
        let again = SandboxClock::of(folder.path()).unwrap();
        assert_eq!(again.shift_ms(), 31 * DAY_MS);
        assert!(again.advance(CLOCK_SHIFT_MS_MAX).is_err());
        assert!(again.advance(u64::MAX).is_err());
        assert_eq!(SandboxClock::of(folder.path()).unwrap().shift_ms(), 31 * DAY_MS);
    }

    #[test]
    fn what_is_no_number_of_milliseconds_is_refused() {
        let folder = tempfile::tempdir().unwrap();
        for text in ["", "soon\n", "-5\n", "1.5\n", "99999999999999999\n"] {
            fs::write(folder.path().join(data::CLOCK_SHIFT), text).unwrap();
            let refused = SandboxClock::of(folder.path());
            assert!(matches!(refused, Err(ClockError::File { .. })), "{text:?}");
        }
    }

    #[test]
    fn real_money_and_a_clock_that_was_put_ahead_exclude_each_other() {
        let (honest, ahead) = (ShiftedClock::default(), ShiftedClock::new(1));
        let (real, play) = (("USD", false), ("TST", true));
        assert!(check(&honest, [real, play]).is_ok());
        assert!(check(&ahead, [play]).is_ok());
        let refused = check(&ahead, [play, real]).unwrap_err();
        assert!(matches!(&refused, ClockError::RealMoney { asset } if asset == "USD"), "{refused}");
    }
}
