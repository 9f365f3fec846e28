//! A batch that the journal does not take: the log shows nothing of it, and nobody waits for it.

use std::fs;
use std::time::Duration;

use engine::{Engine, LogError, ManualClock, Opened};
use journal::{Fault, Memory};

use super::{options_of, verified};
use crate::world::{FUNDS, START_MS, fund, furnish, payer};

/// Rows of [`furnish`]: treasury and residue, payees, payers and what they are given.
const FURNISHED: u64 = 2 + 4 + 3 * 2;

#[tokio::test]
async fn what_the_journal_loses_is_never_shown() {
    for fault in [Fault::Lost, Fault::Kept] {
        let dir = tempfile::tempdir().unwrap();
        let clock = ManualClock::new(START_MS * 1_000_000);
        let mut memory = Memory::new();
        memory.fail_at(12, fault);
        let batches = memory.reopen();
        let mut options = options_of(dir.path(), &clock, 1);
        options.log.as_mut().unwrap().save_every_leaves = 1;
        let engine = Engine::start_with(options, Box::new(memory)).unwrap();
        furnish(&engine).await;
        let log = engine.log().unwrap();
        // Each is a batch of its own, until one fails.
        let mut durable = FURNISHED;
        while engine.fund(fund(1000 + u128::from(durable), payer(1), 1)).await.is_ok() {
            durable += 1;
        }
        assert!(durable > FURNISHED);
        assert!(matches!(engine.close_epoch().await, Err(LogError::Stopped(_))));
        let waiting = tokio::time::timeout(Duration::from_secs(10), log.reaches(durable));
        assert!(matches!(waiting.await.unwrap(), Err(LogError::Stopped(_))), "nobody waits for it");
        assert!(matches!(log.sign(), Err(LogError::Stopped(_))));
        assert_eq!(log.head().size, durable, "{fault:?}");
        let progress = fs::read(dir.path().join("log/progress")).unwrap();

        // Without a log for a while there are as many rows again, and others.
        let options = options_of(dir.path(), &clock, 1);
        let without = engine::Options { log: None, ..options_of(dir.path(), &clock, 1) };
        let again = Engine::start_with(without, Box::new(batches.reopen())).unwrap();
        for id in 200..203 {
            again.fund(fund(id, payer(2), FUNDS)).await.unwrap();
        }
        again.shutdown().await;
        assert_eq!(fs::read(dir.path().join("log/progress")).unwrap(), progress);
        let last = Engine::start_with(options, Box::new(batches.reopen())).unwrap();
        for leaf in 0..last.log().unwrap().head().size {
            verified(&last, &last.leaf_receipt(leaf, Opened::BOTH).await.unwrap());
        }
        last.shutdown().await;
    }
}
