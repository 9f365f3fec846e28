//! The log's part of a life: when it is followed and compared, and what its faults may come to.

use super::steps::Step;
use crate::check;
use crate::life::Life;
use crate::oracle::Exchange;

impl Life<'_> {
    /// The first turn with a log writes an entry of its own.
    pub fn log_is_opened(&mut self) {
        let has_log = self.node.as_ref().is_some_and(|node| node.log().is_some());
        if has_log && !std::mem::replace(&mut self.watch.is_opened, true) {
            let now_ns = self.now_ns;
            self.models.iter_mut().for_each(|model| model.note_entry(now_ns));
        }
    }

    /// What outsiders and the operator do with the log.
    pub fn follow_log(&mut self) -> Result<(), String> {
        self.with_log(None)
    }

    /// The whole log, compared.
    pub fn verify_log(&mut self, all: bool) -> Result<(), String> {
        self.with_log(Some(all))
    }

    /// Follows the log, or compares it: all of it, or what is new.
    fn with_log(&mut self, compare: Option<bool>) -> Result<(), String> {
        let Some(mut node) = self.node.take() else { return Ok(()) };
        let Some(model) = self.models.first() else { return Ok(()) };
        let mut step = Step {
            watch: &mut self.watch,
            books: &model.books,
            now_ns: self.now_ns,
            is_faulty: self.is_faulty,
            has_closed: false,
        };
        match compare {
            None => step.follow(&mut node)?,
            Some(all) => step.verify(&mut node, all)?,
        }
        if step.has_closed {
            let now_ns = self.now_ns;
            self.models.iter_mut().for_each(|model| model.note_entry(now_ns));
        }
        if !node.has_ended() {
            self.node = Some(node);
            return Ok(());
        }
        if !self.is_faulty {
            return Err("the node has stopped although nothing went wrong".to_owned());
        }
        check::stopped(&mut node)?;
        self.watch.last_word(&node)?;
        drop(node);
        self.recover(Exchange { now_ns: self.now_ns, ..Exchange::default() })
    }
}
