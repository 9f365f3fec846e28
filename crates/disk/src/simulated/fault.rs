//! What can go wrong on a simulated disk, and when.

use std::path::Path;

use super::random::Random;

/// One way to fail.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum Fault {
    /// The power goes at an operation that changes something: it fails, what it wrote may or may
    /// not be there afterwards, and every later operation fails until
    /// [`super::Simulated::crash`].
    PowerLoss,
    /// A write fails with `EIO`; its first sectors may be written.
    WriteError,
    /// A sync fails with `EIO`. As on Linux the file then counts as clean: reads give what was
    /// written, later syncs succeed, and what really reached the disk is left to the seed. When
    /// it strikes the sync of a folder, names are lost or kept, and as journalling file systems do
    /// the disk refuses all changes from then on with `EROFS`, until the power goes.
    SyncError,
    /// A sync succeeds and makes nothing durable.
    LyingSync,
    /// A read fails with `EIO`.
    ReadError,
    /// A read gives less than was asked for, but at least one byte.
    ShortRead,
    /// A write succeeds and never reaches the disk: reads give it until the power goes, no sync
    /// makes it durable.
    StaleWrite,
    /// A write succeeds and reaches another sector of the same file; reads show it where it
    /// should be until the power goes.
    MisdirectedWrite,
}

/// When an armed fault strikes.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub enum When {
    /// Once, at the nth operation that it applies to, counted from arming; 1 is the next.
    Nth(u64),
    /// At each operation that it applies to, with this chance in a million.
    PerMillion(u32),
}

/// What is asked of the disk.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(super) enum Operation {
    CreateFolder,
    List,
    Open,
    Create,
    Rename,
    Remove,
    SyncFolder,
    Lock,
    Read,
    Write,
    Len,
    SetLen,
    Sync,
}

impl Operation {
    pub(super) fn is_change(self) -> bool {
        !matches!(self, Self::List | Self::Open | Self::Lock | Self::Read | Self::Len)
    }
}

impl Fault {
    fn applies_to(self, operation: Operation) -> bool {
        match self {
            Self::PowerLoss => operation.is_change(),
            Self::WriteError => matches!(operation, Operation::Write | Operation::SetLen),
            Self::SyncError | Self::LyingSync => {
                matches!(operation, Operation::Sync | Operation::SyncFolder)
            }
            Self::ReadError | Self::ShortRead => operation == Operation::Read,
            Self::StaleWrite | Self::MisdirectedWrite => operation == Operation::Write,
        }
    }
}

/// The faults that wait to strike.
#[derive(Debug, Clone, Default)]
pub(super) struct Armed(Vec<Trigger>);

#[derive(Debug, Clone)]
struct Trigger {
    fault: Fault,
    when: When,
    /// Only on paths that contain this text.
    within: String,
}

impl Armed {
    pub(super) fn add(&mut self, fault: Fault, when: When, within: &str) {
        self.0.push(Trigger { fault, when, within: within.to_owned() });
    }

    pub(super) fn clear(&mut self) {
        self.0.clear();
    }

    /// The fault that strikes now: of several the one that was armed first.
    pub(super) fn strike(
        &mut self,
        operation: Operation,
        path: &Path,
        random: &mut Random,
    ) -> Option<Fault> {
        let mut struck = None;
        self.0.retain_mut(|trigger| {
            let here = path.to_string_lossy().contains(&trigger.within);
            if !here || !trigger.fault.applies_to(operation) {
                return true;
            }
            let (strikes, stays) = match &mut trigger.when {
                When::Nth(left) => {
                    *left = left.saturating_sub(1);
                    (*left == 0, *left > 0)
                }
                When::PerMillion(chance) => (random.below(1_000_000) < u64::from(*chance), true),
            };
            if strikes && struck.is_none() {
                struck = Some(trigger.fault);
            }
            stays
        });
        struck
    }
}
