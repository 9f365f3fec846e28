//! Starts of a node: on whatever is there, and again until it runs.

use disk::{Fault, When};

use super::{Life, READ_ONLY, STARTS_MAX};
use crate::node::{Node, Start};

impl Life<'_> {
    /// Starts the node on what is there.
    pub fn start(&mut self, keeps_faults: bool) -> Result<(), String> {
        self.node = Some(self.start_again(keeps_faults)?);
        Ok(())
    }

    /// Starts the node on what is there, and again if faults keep it from starting.
    pub(super) fn start_again(&mut self, keeps_faults: bool) -> Result<Node, String> {
        let mut refusal = String::new();
        for attempt in 0..STARTS_MAX {
            if self.disk.is_down() || (attempt > 0 && self.random.chance(300)) {
                self.disk = self.disk.crash();
            }
            let is_faulty = keeps_faults && attempt + 2 < STARTS_MAX;
            if is_faulty {
                let nth = self.random.between(1, 30);
                self.disk.arm(Fault::PowerLoss, When::Nth(nth));
            } else {
                self.disk.disarm();
                self.disk.set_capacity_bytes(None);
            }
            self.summary.starts += 1;
            self.starts_in_a_row = attempt as u64 + 1;
            let start = Start {
                plan: &self.plan,
                disk: &self.disk,
                clock: &self.clock,
                accept_earlier_clock: false,
                log: self.watch.options(),
            };
            let started = Node::start(start);
            match started {
                Ok(node) => {
                    self.trace.event("started".to_owned());
                    self.disk.disarm();
                    self.disk.set_capacity_bytes(None);
                    self.is_faulty = false;
                    return Ok(node);
                }
                Err(engine::StartError::ClockBehind { behind_seconds }) => {
                    self.trace.event(format!("the clock is {behind_seconds} s behind"));
                    self.clock.advance_ms(behind_seconds * 1_000);
                    self.now_ns += behind_seconds * 1_000_000_000;
                }
                Err(error) => {
                    refusal = error.to_string();
                    self.trace.event(format!("not started: {refusal}"));
                    if refusal.contains(READ_ONLY) {
                        // The system gave the disk up; a new start of the machine ends that.
                        self.disk = self.disk.crash();
                    } else if !is_faulty {
                        break;
                    }
                }
            }
        }
        Err(format!("a start without faults was refused: {refusal}"))
    }

    /// Another node on the same folder is kept out.
    pub(super) fn intrude(&mut self) -> Result<(), String> {
        if self.disk.is_down() {
            // The node has not noticed yet.
            return Ok(());
        }
        self.disk.disarm();
        let before = self.disk.files();
        let start = Start {
            plan: &self.plan,
            disk: &self.disk,
            clock: &self.clock,
            accept_earlier_clock: true,
            log: self.watch.options(),
        };
        match Node::start(start) {
            Err(engine::StartError::Journal(journal::OpenError::Locked { .. })) => {
                let is_untouched = self.disk.files() == before;
                if is_untouched { Ok(()) } else { Err("an intruder changed files".to_owned()) }
            }
            // The system gave the disk up; the node has not noticed yet.
            Err(other) if self.is_faulty && other.to_string().contains(READ_ONLY) => Ok(()),
            Err(other) => Err(format!("an intruder was refused for another reason: {other}")),
            Ok(_) => Err("two nodes run on one folder".to_owned()),
        }
    }
}
