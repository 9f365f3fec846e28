//! One round of the outbox.

use std::cell::OnceCell;
use std::collections::BTreeMap;
use std::sync::Arc;
use std::time::Duration;

use money::EndpointId;
use tokio::sync::oneshot;

use super::{
    EVENTS_COUNT_MAX, Fault, Input, Memory, Outbox, PENDING_COUNT_MAX, PRUNE_MS, REFRESH_MS, Report,
};
use crate::endpoint::Disabled;
use crate::lane::{Done, Lane, Outcome};
use crate::notice::{Audience, Notice, PING};
use crate::schedule::{FAILING_MS_MAX, TRYING_MS_MAX, next_attempt_ms};
use crate::source::{Page, Registered, Source};
use crate::store::{KEPT_COUNT_MAX, NewDelivery, Writing};

/// Who asked is answered after the commit.
type Reply = Box<dyn FnOnce()>;

/// What follows from a round once it is durable.
#[derive(Default)]
struct After {
    replies: Vec<Reply>,
    disabled: Vec<(EndpointId, u64, Disabled)>,
    delivered: u64,
    failed: u64,
    dead: u64,
}

impl After {
    fn reply<T: 'static>(&mut self, asker: oneshot::Sender<T>, answer: T) {
        // Who asked may have gone.
        self.replies.push(Box::new(move || drop(asker.send(answer))));
    }
}

/// Events of a page with their bodies, each written at most once for the operator.
struct Bodies {
    from: u64,
    page: Page,
    whole: Vec<OnceCell<Vec<u8>>>,
}

fn source_fault(error: impl std::fmt::Display) -> Fault {
    Fault::Source(error.to_string())
}

impl<S: Source> Outbox<S> {
    /// Commits what came, follows the events, hands out what is due. How long there is nothing to do.
    pub(super) fn round(&self, memory: &mut Memory, inputs: Vec<Input>) -> Result<Duration, Fault> {
        let now_ms = self.post.clock.now_ms();
        let asked = inputs.iter().any(|input| matches!(input, Input::Refresh));
        let stale = memory.refreshed_at_ms.is_none_or(|at| now_ms.abs_diff(at) >= REFRESH_MS);
        let fresh = if asked || stale { self.refresh(memory, now_ms)? } else { Vec::new() };

        let mut after = After::default();
        let Memory { store, lanes, pruned_at_ms, .. } = memory;
        let writing = store.begin()?;
        for id in &fresh {
            if let Some(lane) = lanes.get_mut(id) {
                self.place(&writing, lane, now_ms)?;
            }
        }
        if asked || stale {
            let all: Vec<EndpointId> = lanes.keys().copied().collect();
            writing.keep_only(&all)?;
        }
        for input in inputs {
            self.take(&writing, lanes, input, now_ms, &mut after)?;
        }
        let more = self.follow(&writing, lanes, now_ms)?;
        if now_ms.abs_diff(*pruned_at_ms) >= PRUNE_MS {
            writing.prune(KEPT_COUNT_MAX)?;
            *pruned_at_ms = now_ms;
        }
        writing.commit()?;

        self.finish(memory, after);
        hand_out(memory, now_ms)?;
        idle(memory, now_ms, more)
    }

    /// Looks the endpoints up; which are new or changed.
    fn refresh(&self, memory: &mut Memory, now_ms: u64) -> Result<Vec<EndpointId>, Fault> {
        let all = self.source.endpoints().map_err(source_fault)?;
        memory.refreshed_at_ms = Some(now_ms);
        memory.lanes.retain(|id, _| all.iter().any(|found| found.id == *id));
        let mut fresh = Vec::new();
        for registered in all {
            let id = registered.id;
            let known = memory.lanes.get(&id);
            if known.is_some_and(|lane| lane.registered.revision == registered.revision) {
                continue;
            }
            let pending = memory.store.pending_count(id)?;
            let mut lane = Lane::new(registered, &self.post);
            lane.pending = pending;
            memory.lanes.insert(id, lane);
            fresh.push(id);
        }
        Ok(fresh)
    }

    /// Reads where an endpoint is. One whose document says so anew begins later: what it missed while
    /// it was switched off is not sent. Where nothing is known, nothing older is sent than what would
    /// still be tried.
    fn place(&self, writing: &Writing<'_>, lane: &mut Lane, now_ms: u64) -> Result<(), Fault> {
        let from = lane.registered.endpoint.from;
        let end = self.source.end();
        let known = writing.cursor(lane.id())?;
        let next = match known {
            Some(cursor) if cursor.begun_from == from => cursor.next,
            Some(cursor) => cursor.next.max(from),
            None if from < end => {
                let since_ms = now_ms.saturating_sub(TRYING_MS_MAX);
                from.max(self.source.position_at(since_ms).map_err(source_fault)?)
            }
            None => from,
        };
        if next > end {
            tracing::warn!(endpoint = %lane.id(), next, end, "webhooks were ahead of the events");
        }
        lane.next = next.min(end);
        lane.failing_since_ms = known.and_then(|cursor| cursor.failing_since_ms);
        writing.place_cursor(lane.id(), lane.next, from)?;
        Ok(())
    }

    fn take(
        &self,
        writing: &Writing<'_>,
        lanes: &mut BTreeMap<EndpointId, Lane>,
        input: Input,
        now_ms: u64,
        after: &mut After,
    ) -> Result<(), Fault> {
        match input {
            Input::Wake | Input::Refresh | Input::Stop => {}
            Input::Done(done) => {
                if let Some(lane) = lanes.get_mut(&done.endpoint) {
                    settle(writing, lane, &done, now_ms, after)?;
                }
            }
            Input::Redeliver(number, asker) => {
                let found = writing.redeliver(number, now_ms)?;
                if let Some((endpoint, true)) = &found
                    && let Some(lane) = lanes.get_mut(endpoint)
                {
                    lane.pending += 1;
                }
                after.reply(asker, found.is_some());
            }
            Input::Replay(endpoint, since_ms, asker) => {
                let mut position = None;
                if let Some(lane) = lanes.get_mut(&endpoint) {
                    let found = self.source.position_at(since_ms).map_err(source_fault)?;
                    lane.next = lane.next.min(found);
                    writing.move_cursor(endpoint, lane.next)?;
                    position = Some(lane.next);
                }
                after.reply(asker, position);
            }
            Input::Test(notice, only, asker) => {
                let mut count = 0;
                for lane in lanes.values_mut().filter(|lane| only.is_none_or(|id| id == lane.id()))
                {
                    let endpoint = &lane.registered.endpoint;
                    let wanted = endpoint.active
                        && (endpoint.wants(&notice) || (only.is_some() && notice.name == PING));
                    if wanted {
                        let body = notice.body(lane.registered.endpoint.audience());
                        put(writing, lane, &notice, &body, now_ms)?;
                        count += 1;
                    }
                }
                after.reply(asker, count);
            }
        }
        Ok(())
    }

    /// Looks at new events for each endpoint that has room. Whether there are more.
    fn follow(
        &self,
        writing: &Writing<'_>,
        lanes: &mut BTreeMap<EndpointId, Lane>,
        now_ms: u64,
    ) -> Result<bool, Fault> {
        let end = self.source.end();
        let mut read: Option<Bodies> = None;
        let mut more = false;
        for lane in lanes.values_mut() {
            if !lane.is_active() || lane.next >= end || lane.pending >= PENDING_COUNT_MAX {
                continue;
            }
            let bodies = match read.take() {
                Some(bodies) if bodies.from == lane.next => bodies,
                _ => self.read(lane.next)?,
            };
            let registered = Arc::clone(&lane.registered);
            for (notice, whole) in bodies.page.notices.iter().zip(&bodies.whole) {
                if !registered.endpoint.wants(notice) {
                    continue;
                }
                match registered.endpoint.audience() {
                    Audience::Operator => {
                        let body = whole.get_or_init(|| notice.body(Audience::Operator));
                        put(writing, lane, notice, body, now_ms)?;
                    }
                    audience @ Audience::Payees(_) => {
                        put(writing, lane, notice, &notice.body(audience), now_ms)?;
                    }
                }
            }
            lane.next = bodies.page.next;
            writing.move_cursor(lane.id(), lane.next)?;
            more |= lane.next < end && lane.pending < PENDING_COUNT_MAX;
            read = Some(bodies);
        }
        Ok(more)
    }

    fn read(&self, from: u64) -> Result<Bodies, Fault> {
        let page = self.source.page(from, EVENTS_COUNT_MAX).map_err(source_fault)?;
        let whole = vec![OnceCell::new(); page.notices.len()];
        Ok(Bodies { from, page, whole })
    }

    /// What follows once the round is durable.
    fn finish(&self, memory: &Memory, after: After) {
        for (id, revision, why) in after.disabled {
            tracing::warn!(endpoint = %id, ?why, "an endpoint of webhooks is switched off");
            if let Err(error) = self.source.disable(id, revision, why) {
                tracing::error!(endpoint = %id, %error, "an endpoint could not be switched off");
            }
        }
        self.tell(|report| {
            report.delivered += after.delivered;
            report.failed += after.failed;
            report.dead += after.dead;
            self.count(memory, report);
        });
        for reply in after.replies {
            reply();
        }
    }

    fn count(&self, memory: &Memory, report: &mut Report) {
        let lanes = || memory.lanes.values();
        let end = self.source.end();
        report.pending = lanes().map(|lane| lane.pending).sum();
        let active = lanes().filter(|lane| lane.is_active());
        report.behind = active.map(|lane| end.saturating_sub(lane.next)).max().unwrap_or(0);
        report.failing =
            lanes().filter_map(|lane| Some((lane.id(), lane.failing_since_ms?))).collect();
    }
}

/// Hands out what is due.
fn hand_out(memory: &mut Memory, now_ms: u64) -> Result<(), Fault> {
    let Memory { store, lanes, .. } = memory;
    for lane in lanes.values_mut().filter(|lane| lane.is_active() && lane.pending > 0) {
        let room = lane.room();
        if room == 0 {
            continue;
        }
        // Those that are handed out are still pending, and may all come first.
        let numbers = store.due_numbers(lane.id(), now_ms, room + lane.handed.len())?;
        let fresh: Vec<i64> =
            numbers.into_iter().filter(|number| !lane.handed.contains(number)).collect();
        for number in fresh.into_iter().take(room) {
            lane.hand(store.due(number)?);
        }
    }
    Ok(())
}

/// How long there is nothing to do.
fn idle(memory: &Memory, now_ms: u64, more: bool) -> Result<Duration, Fault> {
    if more {
        return Ok(Duration::ZERO);
    }
    let mut wait_ms = REFRESH_MS;
    for lane in memory.lanes.values().filter(|lane| lane.is_active() && lane.pending > 0) {
        if let Some(due_ms) = memory.store.next_due_ms(lane.id(), now_ms)? {
            wait_ms = wait_ms.min(due_ms - now_ms);
        }
    }
    Ok(Duration::from_millis(wait_ms))
}

fn put(
    writing: &Writing<'_>,
    lane: &mut Lane,
    notice: &Notice,
    body: &[u8],
    now_ms: u64,
) -> Result<(), Fault> {
    let new = NewDelivery {
        endpoint: lane.id(),
        message: &notice.id.to_string(),
        name: notice.name,
        position: notice.position,
        body,
    };
    if writing.put(&new, now_ms)? {
        lane.pending += 1;
    }
    Ok(())
}

/// Notes what came of an attempt.
fn settle(
    writing: &Writing<'_>,
    lane: &mut Lane,
    done: &Done,
    now_ms: u64,
    after: &mut After,
) -> Result<(), Fault> {
    let number = done.due.number;
    lane.handed.remove(&number);
    let asked_ms = match done.outcome {
        Outcome::Delivered => {
            after.delivered += 1;
            if writing.delivered(number, &done.attempt)? {
                lane.pending = lane.pending.saturating_sub(1);
            }
            if lane.failing_since_ms.take().is_some() {
                writing.set_failing(lane.id(), None)?;
            }
            return Ok(());
        }
        Outcome::Failed { asked_ms } => asked_ms,
        Outcome::Gone => None,
    };
    after.failed += 1;
    let since_ms = *lane.failing_since_ms.get_or_insert(now_ms);
    writing.set_failing(lane.id(), Some(since_ms))?;
    let failures = done.due.failures.saturating_add(1);
    let next_ms = next_attempt_ms(done.due.since_ms, now_ms, failures, asked_ms, chance());
    if let Some(due_ms) = next_ms {
        writing.again(number, &done.attempt, due_ms)?;
    } else {
        after.dead += 1;
        if writing.dead(number, &done.attempt)? {
            lane.pending = lane.pending.saturating_sub(1);
        }
    }
    let Registered { id, revision, .. } = *lane.registered;
    if done.outcome == Outcome::Gone {
        after.disabled.push((id, revision, Disabled::Gone));
    } else if now_ms.saturating_sub(since_ms) >= FAILING_MS_MAX {
        after.disabled.push((id, revision, Disabled::Failing));
    }
    Ok(())
}

/// Jitter; without randomness there is none.
fn chance() -> u64 {
    getrandom::u64().unwrap_or(0)
}
