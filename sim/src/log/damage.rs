//! The log after damage that one copy of the data cannot survive: named, or healed, never silent.

use engine::{Log, LogError, Opened};

use super::Watch;
use super::steps::Refused;
use crate::node::Node;
use crate::oracle::Books;

impl Watch {
    /// What the log says now must agree with what was published, or it says that it is damaged.
    /// `is_at_rest`: no write was lost, so it may not have halted.
    pub fn bear_damage(
        &mut self,
        node: &mut Node,
        books: &Books,
        is_at_rest: bool,
    ) -> Result<(), String> {
        let Some(log) = node.log().cloned() else { return Ok(()) };
        if let Some(why) = log.halted() {
            return if is_at_rest { Err(format!("the log has halted: {why}")) } else { Ok(()) };
        }
        if is_at_rest {
            self.heads.retain(|_, (_, is_published)| *is_published);
            let sizes: Vec<u64> = self.heads.keys().copied().collect();
            for size in sizes {
                self.continues(&log, size).or_else(|wrong| match wrong {
                    Refused::Log(error) => named(&error),
                    Refused::Wrong(why) => Err(why),
                })?;
            }
        } else {
            // What was signed may be gone with its secrets, and nothing is left that knows of it.
            self.heads.clear();
            self.epochs.clear();
            self.forgotten.clear();
        }
        self.entries.clear();
        let opened = Opened { debit: is_at_rest, credit: is_at_rest };
        self.receipts(node, &log, books, opened)
    }

    /// Every receipt that the log gives out verifies.
    fn receipts(
        &mut self,
        node: &mut Node,
        log: &Log,
        books: &Books,
        opened: Opened,
    ) -> Result<(), String> {
        let mut rows = books.past.iter();
        for leaf in 0..log.head().size {
            match node.run(|engine| async move { engine.leaf_receipt(leaf, opened).await }) {
                // An epoch has none.
                Some(Err(LogError::NoLeaf(_))) => {}
                None => return Err("the node stopped while it was read".to_owned()),
                Some(Err(error)) => {
                    rows.next();
                    named(&error)?;
                }
                Some(Ok(receipt)) => {
                    let row = rows.next().ok_or("there are more leaves than rows")?;
                    self.look_at(leaf, &receipt, row, Some(opened))?;
                }
            }
        }
        Ok(())
    }
}

/// The log says what is wrong with it.
fn named(error: &LogError) -> Result<(), String> {
    match error.code() {
        "log_files_damaged" | "log_forgotten_lost" | "disk" => Ok(()),
        _ => Err(format!("the log does not say what is damaged: {error}")),
    }
}
