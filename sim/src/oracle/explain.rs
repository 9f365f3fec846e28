//! Comparing: do the node's answers and changes follow from the requests?
//!
//! Requests are applied to the model in their order. Each answer must be the one the model gives, and
//! the changes of the node's feed must be those of the model, one after the other. When a hold runs
//! out is the node's to say; the model checks that it was neither early nor late.

use std::collections::BTreeMap;

use engine::ClaimToken;
use ledger::Change;
use money::{ChannelId, MandateId};

use super::mandates::SeenMandate;
use super::model::{Given, Model};
use super::payments::expired;
use crate::request::{Answer, Request, Seen, short};

/// What went back and forth since the last comparison.
#[derive(Debug, Clone, Default)]
pub struct Exchange {
    /// The clock's time, Unix nanoseconds.
    pub now_ns: u64,
    /// In the order in which the node took them; numbers ascend.
    pub requests: Vec<(u64, Request)>,
    /// By the number of the request, which may be one of an earlier exchange that waited.
    pub answers: BTreeMap<u64, Answer>,
    /// Everything new in the node's feed.
    pub changes: Vec<Change>,
    /// Every channel that anybody tried to open, as it stands after all that.
    pub channels: BTreeMap<ChannelId, Option<Seen>>,
    /// Every mandate that anybody tried to register, as it stood at this moment after all that.
    pub mandates: (u64, BTreeMap<MandateId, Option<SeenMandate>>),
    /// Epoch records that are in the log.
    pub epochs: u64,
    /// The process ended before it answered everything.
    pub is_cut: bool,
}

/// Every model that explains the exchange, or why there is none.
///
/// More than one can be left only after a cut: whether a request without a trace was taken shows
/// later, when it is sent again.
pub fn explain(model: Model, exchange: &Exchange) -> Result<Vec<Model>, String> {
    let mut walk = Walk { exchange, consumed: 0, given: BTreeMap::new() };
    let mut model = model;
    model.read_clock(exchange.now_ns);
    let mut ends = Vec::new();
    for (number, request) in &exchange.requests {
        let is_open = !exchange.answers.contains_key(number);
        if exchange.is_cut && is_open {
            ends.extend(walk.end(&model));
        }
        match walk.step(model, |model, walk| Ok(model.apply(*number, request, &walk.claimed()))) {
            Ok(next) => model = next,
            Err(wrong) if ends.is_empty() => {
                return Err(format!("request {number} {}: {wrong}", short(request)));
            }
            Err(_) => return Ok(ends),
        }
    }
    if exchange.is_cut {
        ends.extend(walk.end(&model));
    }
    let swept = walk.step(model, |model, walk| {
        let mut given = Given::new();
        model.sweep(&walk.claimed(), &mut given);
        Ok(given)
    });
    match swept.and_then(|model| walk.finish(model)) {
        Ok(model) => ends.push(model),
        Err(wrong) if ends.is_empty() => return Err(wrong),
        Err(_) => {}
    }
    Ok(ends)
}

#[derive(Clone)]
struct Walk<'a> {
    exchange: &'a Exchange,
    /// Changes that the model has made too.
    consumed: usize,
    /// Answers that the model has given.
    given: BTreeMap<u64, Answer>,
}

impl<'a> Walk<'a> {
    fn claimed(&self) -> impl Fn(u64) -> Option<ClaimToken> + use<'a> {
        let answers = &self.exchange.answers;
        |number| match answers.get(&number) {
            Some(Answer::Proceed(_, claim) | Answer::Begun(_, claim, _)) => Some(*claim),
            _ => None,
        }
    }

    /// One step of the model, after as many of the releases that come next as fit: all of them,
    /// unless the step came first.
    fn step(
        &mut self,
        model: Model,
        act: impl Fn(&mut Model, &Self) -> Result<Given, String>,
    ) -> Result<Model, String> {
        let due = self.exchange.changes.get(self.consumed..).unwrap_or_default();
        let due = due.iter().take_while(|change| expired(&change.kind).is_some()).count();
        if due == 0 {
            return self.try_step(model, 0, &act);
        }
        let mut wrong = None;
        for released in (0..=due).rev() {
            let mut walk = self.clone();
            match walk.try_step(model.clone(), released, &act) {
                Ok(model) => {
                    *self = walk;
                    return Ok(model);
                }
                Err(why) => wrong = wrong.or(Some(why)),
            }
        }
        Err(wrong.unwrap_or_default())
    }

    fn try_step(
        &mut self,
        mut model: Model,
        released: usize,
        act: &impl Fn(&mut Model, &Self) -> Result<Given, String>,
    ) -> Result<Model, String> {
        self.release(&mut model, released)?;
        let given = act(&mut model, self)?;
        self.take(&mut model, given)?;
        Ok(model)
    }

    fn release(&mut self, model: &mut Model, count: usize) -> Result<(), String> {
        if count == 0 {
            return Ok(());
        }
        let next = self.exchange.changes.iter().skip(self.consumed).take(count);
        let holds: Vec<_> = next.filter_map(|change| expired(&change.kind)).collect();
        let mut given = Given::new();
        model.expire(&holds, &self.claimed(), &mut given)?;
        self.take(model, given)
    }

    /// Compares what the model gave and did with the real answers and changes.
    fn take(&mut self, model: &mut Model, given: Given) -> Result<(), String> {
        for (number, answer) in given {
            match self.exchange.answers.get(&number) {
                Some(real) if !is_same(real, &answer) => {
                    return Err(format!("request {number} got {real:?}, right is {answer:?}"));
                }
                None if !self.exchange.is_cut => {
                    return Err(format!("request {number} got no answer, right is {answer:?}"));
                }
                _ => {}
            }
            self.given.insert(number, answer);
        }
        let unstamped = model.books.past.iter().rev().take_while(|past| past.timestamp_ns == 0);
        let first = model.books.past.len() - unstamped.count();
        for position in first..model.books.past.len() {
            let Some(real) = self.exchange.changes.get(self.consumed) else {
                let kind = model.books.past.get(position).map(|past| past.kind);
                return Err(format!("the feed ends before {kind:?}"));
            };
            let right = model.books.past.get(position).map(|past| past.kind);
            if Some(real.kind) != right || real.position != position as u64 {
                return Err(format!("the feed has {real:?}, right is {right:?} at {position}"));
            }
            model.books.stamp(position, real.timestamp_ns)?;
            if let Some(hold) = model.books.overdue_by(position) {
                return Err(format!("{hold} should have been released before {real:?}"));
            }
            self.consumed += 1;
        }
        Ok(())
    }

    /// The model, if nothing was taken from here on.
    fn end(&self, model: &Model) -> Option<Model> {
        self.clone().finish(model.clone()).ok()
    }

    /// Nothing may be left: no answer that the model did not give, no change that it did not make.
    fn finish(mut self, mut model: Model) -> Result<Model, String> {
        let rest = self.exchange.changes.get(self.consumed..).unwrap_or_default();
        let due = rest.iter().take_while(|change| expired(&change.kind).is_some()).count();
        self.release(&mut model, due)?;
        if let Some(change) = self.exchange.changes.get(self.consumed) {
            return Err(format!("nobody asked for {change:?}"));
        }
        for (id, real) in &self.exchange.channels {
            let right = model.channels.get(id).map(|channel| channel.stream.seen());
            if *real != right {
                return Err(format!("{id} is {real:?}, right is {right:?}"));
            }
        }
        let (at_ns, mandates) = &self.exchange.mandates;
        for (id, real) in mandates {
            let right = model.seen_mandate(*id, *at_ns);
            if *real != right {
                return Err(format!("{id} is {real:?}, right is {right:?}"));
            }
        }
        let mut unasked = self.exchange.answers.iter();
        if let Some((number, answer)) = unasked.find(|(number, _)| !self.given.contains_key(number))
        {
            return Err(format!("request {number} got {answer:?}, but must wait"));
        }
        Ok(model)
    }
}

/// The numbers of claims are the node's to choose.
fn is_same(real: &Answer, right: &Answer) -> bool {
    match (real, right) {
        (Answer::Proceed(real, _), Answer::Proceed(right, _)) => real == right,
        (Answer::Begun(real, _, seen), Answer::Begun(right, _, should_be)) => {
            (real, seen) == (right, should_be)
        }
        _ => real == right,
    }
}
