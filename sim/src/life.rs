//! One life of a node: work, faults, ends and new beginnings, each step compared with the oracle.
//!
//! Only faults that one copy of the data can survive happen here; `damage` has the others. So every
//! start without a fault must succeed, nothing that was acknowledged may be missing, and what was
//! not acknowledged is there as a whole or not at all.

mod start;

use std::collections::BTreeMap;

use disk::{Fault, Simulated, When};
use engine::{ManualClock, State};
use money::{ChannelId, MandateId};

use crate::check::{self, Wrong};
use crate::log::{self, Watch};
use crate::node::Node;
use crate::oracle::{Exchange, Model, SeenMandate, explain};
use crate::plan::Plan;
use crate::random::Random;
use crate::request::{Answer, Request, Seen, short};
use crate::summary::Summary;
use crate::trace::Trace;
use crate::workload::Workload;

/// Where every clock starts, Unix nanoseconds.
const START_NS: u64 = 1_800_000_000_000_000_000;

/// The farthest that the clock leaps: over midnight, and with some leaps into the next month.
const LEAP_MS_MAX: u64 = 20 * 24 * 60 * 60 * 1_000;

/// Tries to start a node; the last ones are without faults.
const STARTS_MAX: usize = 8;

/// Bytes of room that a full disk has left at most.
const ROOM_BYTES_MAX: u64 = 65_536;

/// Bytes of the journal that an event takes at most.
const EVENT_BYTES_MAX: usize = 512;

/// What an order is refused with that a budget does not reach for.
const OVER_BUDGET: [&str; 3] = ["mandate_per_day", "mandate_per_month", "mandate_exceeded"];

/// How the system says that it does not write to a disk any more.
const READ_ONLY: &str = "os error 30";

/// A node's life so far.
pub struct Life<'a> {
    pub random: Random,
    pub plan: Plan,
    pub disk: Simulated,
    pub clock: ManualClock,
    pub now_ns: u64,
    pub node: Option<Node>,
    /// What the node may be: more than one only while it is unknown what a cut left.
    pub models: Vec<Model>,
    pub workload: Workload,
    pub trace: &'a mut Trace,
    pub summary: Summary,
    pub watch: Watch,
    /// Something may go wrong, or has, that a node cannot go on with.
    pub is_faulty: bool,
    /// Starts that the last end took.
    starts_in_a_row: u64,
    number: u64,
}

/// Lives the life of a seed.
pub fn live(seed: u64, trace: &mut Trace) -> Result<Summary, String> {
    let mut life = Life::new(seed, trace);
    life.begin()?;
    for _ in 0..life.plan.turns {
        life.pass_time();
        life.arm();
        life.turn()?;
    }
    life.disk.disarm();
    life.disk.set_capacity_bytes(None);
    life.end_by_shutdown()?;
    life.verify_log(true)?;
    Ok(life.finish())
}

impl<'a> Life<'a> {
    pub fn new(seed: u64, trace: &'a mut Trace) -> Self {
        let mut random = Random::new(seed);
        let plan = Plan::draw(&mut random);
        let watch = Watch::new(seed);
        trace.event(format!("{:?}", watch.plan()));
        trace.event(format!("{plan:?}"));
        Self {
            workload: Workload::new(random.fork(), &plan),
            disk: Simulated::new(random.next()),
            clock: ManualClock::new(START_NS),
            now_ns: START_NS,
            node: None,
            models: vec![Model::default()],
            trace,
            summary: Summary::default(),
            watch,
            is_faulty: false,
            starts_in_a_row: 0,
            number: 0,
            random,
            plan,
        }
    }

    /// The first start, and the requests that everything else needs.
    pub fn begin(&mut self) -> Result<(), String> {
        self.watch.prepare(&self.disk)?;
        self.start(false)?;
        let requests = self.workload.opening();
        self.exchange(requests)?;
        self.log_is_opened();
        Ok(())
    }

    pub fn finish(self) -> Summary {
        let fingerprint = self.trace.fingerprint() ^ self.disk.fingerprint();
        let delegated = self.model().delegated_count();
        Summary { requests: self.number, delegated, fingerprint, ..self.summary }
    }

    pub fn pass_time(&mut self) {
        let time = self.plan.time.clone();
        if self.random.chance(time.forward) {
            let ms = self.random.between(0, time.forward_ms);
            self.clock.advance_ms(ms);
            self.now_ns += ms * 1_000_000;
        }
        if self.random.chance(time.leap) {
            let ms = self.random.between(0, LEAP_MS_MAX);
            self.clock.advance_ms(ms);
            self.now_ns += ms * 1_000_000;
        }
        if self.random.chance(time.back) {
            let ms = self.random.between(0, time.back_ms);
            self.clock.go_back_ms(ms);
            self.now_ns -= ms * 1_000_000;
        }
        self.pass_edges();
    }

    /// Entries carry times of their own, a little ahead of the clock's. So nothing about a channel may
    /// be due within a second of the clock, nor may it hang on that whether the clock is trusted.
    fn pass_edges(&mut self) {
        let is_on_edge = |model: &Model, now_ns| {
            model.is_about_due(now_ns)
                || model.is_about_to_be_trusted(now_ns)
                || model.is_about_midnight(now_ns)
        };
        while self.models.iter().any(|model| is_on_edge(model, self.now_ns)) {
            self.clock.advance_ms(3_000);
            self.now_ns += 3_000_000_000;
        }
    }

    /// Lets things go wrong in the turn to come.
    fn arm(&mut self) {
        let faults = self.plan.faults.clone();
        self.disk.disarm();
        if self.random.chance(faults.short_reads) {
            self.disk.arm(Fault::ShortRead, When::PerMillion(300_000));
        }
        let cases = [
            (faults.crash_at_write, Fault::PowerLoss, 12),
            (faults.sync_error, Fault::SyncError, 4),
            (faults.write_error, Fault::WriteError, 4),
        ];
        for (rate, fault, most) in cases {
            if self.random.chance(rate) {
                let nth = self.random.between(1, most);
                self.trace.event(format!("{fault:?} at {nth}"));
                self.disk.arm(fault, When::Nth(nth));
                self.is_faulty = true;
            }
        }
        if self.random.chance(faults.full) {
            self.is_faulty = true;
            let used: u64 = self.disk.files().iter().map(|(_, bytes)| bytes).sum();
            let room = self.random.below(ROOM_BYTES_MAX);
            self.trace.event(format!("the disk has room for {room} bytes"));
            self.disk.set_capacity_bytes(Some(used + room));
        }
        if let Some((fault, when)) = self.watch.fault() {
            self.trace.event(format!("{fault:?} in the log, {when:?}"));
            self.disk.arm_within(log::FILES, fault, when);
        }
        if self.random.chance(faults.snapshot)
            && let Some(node) = &mut self.node
        {
            self.trace.event("a snapshot is asked for".to_owned());
            node.request_snapshot();
        }
    }

    /// A turn in which no fault is armed.
    pub fn quiet_turn(&mut self) -> Result<(), String> {
        self.pass_time();
        if self.random.chance(self.plan.faults.snapshot)
            && let Some(node) = &mut self.node
        {
            node.request_snapshot();
        }
        self.turn()
    }

    /// Some requests and their answers, and then perhaps an end.
    pub fn turn(&mut self) -> Result<(), String> {
        let count = self.random.between(1, self.plan.requests);
        let mut requests = Vec::new();
        for _ in 0..count {
            let request = match self.models.first() {
                Some(model) => self.workload.request(model, self.now_ns),
                None => break,
            };
            requests.push(request);
        }
        self.exchange(requests)?;
        if self.random.chance(self.plan.faults.questions) {
            self.ask()?;
        }
        self.follow_log()?;
        if self.random.chance(self.plan.faults.intruder) {
            self.intrude()?;
        }
        if self.random.chance(self.plan.faults.crash) {
            self.trace.event("power loss".to_owned());
            return self.end_by_power_loss();
        }
        if self.random.chance(self.plan.faults.shutdown) {
            return self.end_by_shutdown();
        }
        Ok(())
    }

    /// Sends requests, lets the node work, and compares.
    pub fn exchange(&mut self, requests: Vec<Request>) -> Result<(), String> {
        let Some(mut node) = self.node.take() else {
            return Err("there is no node".to_owned());
        };
        let mut exchange = Exchange { now_ns: self.now_ns, ..Exchange::default() };
        for request in requests {
            self.number += 1;
            let answer = node.send(self.number, &request);
            self.trace.event(format!("{} {}", self.number, short(&request)));
            match answer {
                Some(Answer::Unavailable(_)) => self.workload.unknown.push(request),
                Some(answer) => return Err(format!("{answer:?} came before the node worked")),
                None => exchange.requests.push((self.number, request)),
            }
        }
        let (answers, rests) = node.turn();
        if !rests {
            return Err("the node never rests".to_owned());
        }
        exchange.answers = answers;
        self.note(&exchange.answers);
        let changes = self.look(&mut node, &mut exchange);
        if let Some(Err(Wrong::Unreadable(why))) = &changes
            && self.is_faulty
        {
            self.trace.event(format!("unreadable: {why}"));
            drop(node);
            return self.recover(exchange);
        }
        if let (Some(changes), false) = (changes, node.has_ended()) {
            exchange.changes = changes?;
            let waiting: Vec<u64> = node.waiting().collect();
            self.node = Some(node);
            self.explain(&exchange)?;
            return self.check_waiting(&waiting);
        }
        if !self.is_faulty && self.fits(&exchange.requests) {
            return Err("the node has stopped although nothing went wrong".to_owned());
        }
        check::stopped(&mut node)?;
        self.watch.last_word(&node)?;
        drop(node);
        self.recover(exchange)
    }

    /// Whether the journal can take all of it in one batch, however long the entries are.
    fn fits(&self, requests: &[(u64, Request)]) -> bool {
        let events = requests.iter().map(|(_, request)| match request {
            Request::Accounts(events) => events.len(),
            Request::Transfers(events) => events.len(),
            _ => 4,
        });
        let bytes = events.sum::<usize>() * EVENT_BYTES_MAX;
        u32::try_from(bytes).is_ok_and(|bytes| bytes < self.plan.sizes.batch_bytes)
    }

    fn check_waiting(&self, waiting: &[u64]) -> Result<(), String> {
        let wrong = waiting.iter().find(|number| !self.model().is_waiting(**number));
        wrong.map_or(Ok(()), |number| Err(format!("request {number} waits for nothing")))
    }

    /// What is new in the feed, and how the channels stand; `None` if the node has stopped.
    fn look(
        &mut self,
        node: &mut Node,
        exchange: &mut Exchange,
    ) -> Option<Result<Vec<ledger::Change>, Wrong>> {
        let from = self.model().books.past.len() as u64;
        let (channels, mandates) = (self.workload.streams.ids(), self.workload.trees.ids());
        let at_ns = self.now_ns.max(self.model().entry_ns());
        let look = move |state: &State| {
            let channel = |id: &ChannelId| (*id, state.channel(*id).map(Seen::from));
            let mandate = |id: &MandateId| (*id, state.mandate(*id, at_ns).map(SeenMandate::from));
            (
                check::changes(state, from),
                (channels.iter().map(channel).collect(), mandates.iter().map(mandate).collect()),
                state.epochs(),
            )
        };
        let (changes, (channels, mandates), epochs) = node.look(look)?;
        exchange.epochs = epochs;
        exchange.channels = channels;
        exchange.mandates = (at_ns, mandates);
        Some(changes)
    }

    /// The process has ended. Starts it again and compares what is there with what was said.
    pub fn recover(&mut self, mut exchange: Exchange) -> Result<(), String> {
        exchange.is_cut = true;
        // What only lived in memory, and what says nothing about the request.
        exchange.answers.retain(|_, answer| {
            !matches!(answer, Answer::Proceed(..) | Answer::Unavailable("node_stopped"))
        });
        let answered = |number: &u64| exchange.answers.contains_key(number);
        let lost = exchange.requests.iter().filter(|(number, _)| !answered(number));
        self.workload.unknown.extend(lost.map(|(_, request)| request.clone()));
        let keeps_faults = self.random.chance(200);
        let mut node = self.start_again(keeps_faults)?;
        self.pass_edges();
        // The look is taken before the new process does anything by itself.
        let changes = self.look(&mut node, &mut exchange);
        self.node = Some(node);
        exchange.changes = changes.ok_or("the node stopped while it was read")??;
        if let Some(at_ns) = self.watch.started(exchange.epochs)? {
            self.models.iter_mut().for_each(|model| model.note_entry(at_ns));
        }
        self.explain(&exchange)?;
        self.models.iter_mut().for_each(Model::restart);
        // What became due in the meantime happens now.
        self.exchange(Vec::new())?;
        self.log_is_opened();
        self.verify()?;
        let all = self.watch.looks_at_all();
        self.verify_log(all)
    }

    fn explain(&mut self, exchange: &Exchange) -> Result<(), String> {
        let mut wrong = None;
        let mut models = Vec::new();
        for model in std::mem::take(&mut self.models) {
            match explain(model, exchange) {
                Ok(found) => models.extend(found),
                Err(why) => wrong = Some(why),
            }
        }
        // Feed and channels are the same for all of them, so they differ in burned ids and in what a
        // channel does not show.
        let mut seen: Vec<Model> = Vec::new();
        for model in models {
            if !seen.iter().any(|other| other.is_like(&model)) {
                seen.push(model);
            }
        }
        let models = seen;
        self.summary.changes += exchange.changes.len() as u64;
        self.models = models;
        if self.models.is_empty() { Err(wrong.unwrap_or_default()) } else { Ok(()) }
    }

    pub fn model(&self) -> &Model {
        self.models.first().unwrap_or_else(|| unreachable!("a life without model has ended"))
    }

    fn note(&mut self, answers: &BTreeMap<u64, Answer>) {
        for (number, answer) in answers {
            match answer {
                Answer::Proceed(payment, claim) => {
                    self.workload.purchases.begun.insert(*payment, *claim);
                }
                Answer::Refused(code) if OVER_BUDGET.contains(code) => {
                    self.summary.over_budget += 1;
                }
                Answer::Begun(channel, lease, _) => {
                    self.workload.streams.begun.insert(*channel, *lease);
                }
                _ => {}
            }
            self.trace.digest(format!("{number} {answer:?}").as_bytes());
        }
    }

    pub fn end_by_power_loss(&mut self) -> Result<(), String> {
        self.node = None;
        self.disk = self.disk.crash();
        self.recover(Exchange { now_ns: self.now_ns, ..Exchange::default() })
    }

    /// A shutdown leaves a snapshot, so the next start has nothing to fold.
    pub fn end_by_shutdown(&mut self) -> Result<(), String> {
        self.trace.event("shutdown".to_owned());
        let is_whole = !self.is_faulty;
        if let Some(mut node) = self.node.take() {
            node.shut_down();
            node.turn();
            if !node.has_ended() {
                return Err("the node did not shut down".to_owned());
            }
        }
        self.recover(Exchange { now_ns: self.now_ns, ..Exchange::default() })?;
        let folded = self.node.as_ref().map_or(0, Node::replayed_batches);
        if is_whole && folded > 0 && self.starts_in_a_row == 1 {
            return Err(format!("{folded} batches were folded although a snapshot was written"));
        }
        Ok(())
    }

    /// A node that met a fault may say that it cannot read its past. A new start ends that.
    fn bear(&mut self, checked: Result<(), Wrong>) -> Result<(), String> {
        match checked {
            Err(Wrong::Unreadable(why)) if self.is_faulty => {
                self.trace.event(format!("unreadable: {why}"));
                self.node = None;
                self.recover(Exchange { now_ns: self.now_ns, ..Exchange::default() })
            }
            checked => Ok(checked?),
        }
    }

    /// Some questions, by anybody.
    pub fn ask(&mut self) -> Result<(), String> {
        let count = self.random.between(1, 8);
        let questions = (0..count).map(|_| {
            let books = &self.models.first()?.books;
            Some(crate::curiosity::question(&mut self.random, books))
        });
        let questions: Vec<_> = questions.flatten().collect();
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let books = self.models.first().map(|model| &model.books);
        let checked = books.map_or(Ok(()), |books| check::questions(node, books, &questions));
        self.bear(checked)
    }

    /// Everything, compared.
    pub fn verify(&mut self) -> Result<(), String> {
        self.ask()?;
        let models = &self.models;
        let Some(node) = &mut self.node else {
            return Ok(());
        };
        let Some(model) = models.first() else {
            return Ok(());
        };
        let checked = check::everything(node, model, models.len() == 1);
        self.bear(checked)
    }
}
