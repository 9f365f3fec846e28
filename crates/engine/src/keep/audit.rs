//! What a check says of the log.
//!
//! The log follows from the journal and its secrets, so all of it is made again and compared. A node
//! with a log that contradicts itself still takes payments.

use std::path::Path;
use std::sync::Arc;

use disk::{Disk, Local};

use super::fold::Fold;
use super::report::Finding;
use crate::log::{Audit, LOG, LogFault};

/// Begins to follow the log, if there is one and the journal has all that it is made of.
pub(super) fn begin(fold: &mut Fold<'_>, folder: &Path, is_cut: bool) {
    let disk: Arc<dyn Disk> = Arc::new(Local);
    let log = Audit::open(&disk, &folder.join(LOG));
    if log.is_some() && is_cut {
        let what = "the journal has not all rows of the log, so it was not compared".to_owned();
        let advice = "for a full check put the older segments back";
        let finding = Finding::notice("log_not_compared", what, advice);
        return fold.findings.push(finding.in_file(folder.join(LOG)));
    }
    fold.follow_log(log);
}

/// What was found.
pub(super) fn findings(fold: &mut Fold<'_>) -> Vec<Finding> {
    let Some(log) = fold.log.take() else { return Vec::new() };
    if fold.broken {
        return Vec::new();
    }
    let faults = log.finish(fold.state.log.vkey.as_deref());
    faults.into_iter().map(finding).collect()
}

fn finding(fault: LogFault) -> Finding {
    match fault {
        LogFault::Secrets(path, what) => {
            let advice = "restore this file from the newest backup; without it the log's leaves cannot be \
                          made again, and a node with `[log]` enabled does not start";
            Finding::damage("log_secrets_damaged", what, advice).in_file(path)
        }
        LogFault::Checkpoint(path, what) => {
            let advice = "the log signs nothing with this folder; find out which of journal and checkpoint \
                          is older, and put the right folder back";
            Finding::damage("log_checkpoint_differs", what, advice).in_file(path)
        }
        LogFault::Ahead(path, what) => {
            let advice = "in a backup of a running node: nothing. In a data folder the journal was set \
                          back, and the log signs nothing until the right one is put back";
            Finding::notice("log_checkpoint_ahead", what, advice).in_file(path)
        }
        LogFault::Files(path, what) => {
            let advice = "stop the node and remove `progress`, `leaves` and `tiles.*` in this folder; the \
                          next start makes them again";
            Finding::notice("log_files_damaged", what, advice).in_file(path)
        }
    }
}
