//! The writer without its disk: commands in, a batch of bytes and answers out.

use std::collections::BTreeMap;
use std::sync::Arc;

use money::{AccountId, PaymentId};
use tokio::sync::oneshot;

use super::BATCH_FILL_BYTES_MAX;
use super::committer::{Answer, Batch};
use crate::board::News;
use crate::channel::{ChannelLimits, Leases};
use crate::claims::{Claims, Waiter};
use crate::clock::{CLOCK_NS_MAX, Clock, behind_seconds};
use crate::codec::Encoder;
use crate::command::{Authorize, Authorized, ClaimToken, Mode};
use crate::decide::{self, At, Decision, Known};
use crate::document::Document;
use crate::entry::{Entry, Stamped};
use crate::error::{AuthorizeError, Unavailable};
use crate::handle::{Command, Reply};
use crate::keys::Keys;
use crate::log::{Cursor, EpochCapture, LogError};
use crate::outcome::Outcomes;
use crate::state::{Broken, Progress, State, TIMESTAMP_STEP_NS};
use crate::view::PaymentView;

pub(crate) struct Core {
    pub(super) state: State,
    pub(super) claims: Claims,
    pub(super) leases: Leases,
    pub(super) channel_limits: BTreeMap<AccountId, ChannelLimits>,
    /// Outcomes of safe methods: lost with the process, then fetched again.
    pub(super) fleeting: Outcomes,
    /// Keys of the open channels, for those who check signatures before the writer.
    pub(super) keys: Keys,
    clock: Arc<dyn Clock>,
    /// Time of the command at hand: read once, so that all its checks agree.
    pub(super) now_ns: u64,
    /// The latest time that was seen; a clock that falls far behind it is not trusted.
    seen_ns: u64,
    accept_earlier_clock: bool,
    /// Some copies of released payments found the batch full and wait for the next.
    unwoken: bool,
    pub(super) batch: Encoder,
    pub(super) answers: Vec<Answer>,
    pub(super) broken: Option<Broken>,
    /// Documents that the open batch has changed.
    pub(super) documents: Vec<Arc<Document>>,
    /// How much of the state the log was given; `None` if there is none.
    pub(super) log: Option<Cursor>,
    /// Who wants the accounts as they are behind the open batch.
    pub(super) epochs: Vec<oneshot::Sender<Result<EpochCapture, LogError>>>,
}

impl Core {
    pub(crate) fn new(
        state: State,
        keys: Keys,
        clock: Arc<dyn Clock>,
        accept_earlier_clock: bool,
        channel_limits: BTreeMap<AccountId, ChannelLimits>,
        log: Option<Cursor>,
    ) -> Self {
        // Tokens of an earlier run may still be out there; microseconds are ahead of them.
        let claims = Claims::new(clock.now_ns() / 1000);
        let core = Self {
            seen_ns: state.last_timestamp_ns,
            accept_earlier_clock,
            state,
            claims,
            leases: Leases::default(),
            channel_limits,
            fleeting: Outcomes::default(),
            keys,
            clock,
            now_ns: 0,
            unwoken: false,
            batch: Encoder::default(),
            answers: Vec::new(),
            broken: None,
            documents: Vec::new(),
            log,
            epochs: Vec::new(),
        };
        core.share_all_keys();
        core
    }

    pub(super) fn batch_len(&self) -> usize {
        self.batch.bytes.len()
    }

    /// Whether what is not pressing waits for the next batch.
    pub(super) fn is_batch_filled(&self) -> bool {
        self.batch_len() >= BATCH_FILL_BYTES_MAX
    }

    /// Everything since the last batch; a new one begins.
    pub(super) fn finish_batch(&mut self) -> Batch {
        Batch {
            bytes: std::mem::take(&mut self.batch.bytes),
            answers: std::mem::take(&mut self.answers),
            broken: self.broken(),
            capture: None,
            fed: self.feed(),
            news: News {
                documents: std::mem::take(&mut self.documents),
                events_end: self.state.records.0.len(),
            },
        }
    }

    /// Why no answer may leave any more: an entry did not fit, or the past could not be read.
    pub(super) fn broken(&self) -> Option<String> {
        let fault = || self.state.fault().map(|fault| format!("the past is unreadable: {fault}"));
        self.broken.as_ref().map(ToString::to_string).or_else(fault)
    }

    /// Hands full chunks of the past on to be written.
    pub(super) fn seal_if_full(&mut self) {
        if let Err(error) = self.state.seal_if_full()
            && self.broken.is_none()
        {
            self.broken = Some(error.into());
        }
    }

    pub(super) fn state_mut(&mut self) -> &mut State {
        &mut self.state
    }

    /// Stamps, folds and appends an entry. The first one of a journal, and of one from before there
    /// were events, says that they begin.
    pub(super) fn write(&mut self, entry: Entry) {
        if !self.state.has_events {
            // So early that the entry has the time at which it was decided.
            let at_ns = self.next_timestamp_ns(TIMESTAMP_STEP_NS) - TIMESTAMP_STEP_NS;
            self.append(at_ns, Entry::EventsBegun);
        }
        self.append(self.next_timestamp_ns(entry.step_ns()), entry);
    }

    fn append(&mut self, timestamp_ns: u64, entry: Entry) {
        if self.broken.is_some() {
            return;
        }
        let stamped = Stamped { timestamp_ns, entry };
        match self.state.apply(&stamped) {
            Ok(()) => stamped.encode(&mut self.batch),
            Err(broken) => self.broken = Some(broken),
        }
    }

    /// With room for the entry that says that events begin, as long as that is to come.
    pub(super) fn next_timestamp_ns(&self, step_ns: u64) -> u64 {
        let before_ns = if self.state.has_events { 0 } else { TIMESTAMP_STEP_NS };
        let last_ns = self.state.last_timestamp_ns.saturating_add(before_ns);
        self.now_ns.max(last_ns.saturating_add(step_ns))
    }

    fn read_clock(&mut self) {
        self.now_ns = self.clock.now_ns().min(CLOCK_NS_MAX);
        self.seen_ns = self.seen_ns.max(self.now_ns);
    }

    /// Whether order and mandate expiries can be judged.
    pub(super) fn trust_clock(&self) -> Result<(), Unavailable> {
        let behind = behind_seconds(self.now_ns, self.seen_ns).is_some();
        if behind && !self.accept_earlier_clock { Err(Unavailable::ClockBehind) } else { Ok(()) }
    }

    /// The moment that the next entry will have.
    pub(super) fn entry_ns(&self) -> u64 {
        self.next_timestamp_ns(TIMESTAMP_STEP_NS)
    }

    pub(super) fn now_ms(&self) -> u64 {
        self.now_ns / 1_000_000
    }

    pub(super) fn answer<T, E>(&mut self, reply: Reply<T, E>, result: Result<T, E>)
    where
        T: Send + 'static,
        E: From<Unavailable> + Send + 'static,
    {
        self.answers.push(Answer::Reply(Box::new(move |durable| {
            let result = match durable {
                Ok(()) => result,
                Err(unavailable) => Err(unavailable.into()),
            };
            // The caller may be gone: a client that hung up. Its payment stands all the same.
            let _ = reply.send(result);
        })));
    }

    pub(super) fn process(&mut self, command: Command) {
        self.read_clock();
        self.expire_holds();
        match command {
            Command::Authorize(command, reply) => self.authorize(command, reply),
            Command::Hold(payment, claim, seconds, reply) => {
                let result = self.hold(payment, claim, seconds);
                self.answer(reply, result);
                self.wake(payment);
            }
            Command::Charge(payment, claim, outcome, reply) => {
                let result = self.charge(payment, claim, outcome);
                self.answer(reply, result);
                self.wake(payment);
            }
            Command::Settle(payment, units, outcome, durable, reply) => {
                let result = self.settle(payment, units, outcome, durable);
                self.answer(reply, result);
                self.wake(payment);
            }
            Command::Release(payment, claim, outcome, reply) => {
                let result = self.release(payment, claim, outcome);
                self.answer(reply, result);
                self.wake(payment);
            }
            Command::OpenAsset(asset, sandbox, reply) => {
                let decision = decide::open_asset(&self.state, asset, sandbox);
                let result = decision.map(|decision| self.carry_out(decision));
                self.answer(reply, result);
            }
            Command::OpenAccount(spec, reply) => {
                let decision = decide::open_account(&self.state, &spec);
                let result = decision.map(|decision| self.carry_out(decision));
                self.answer(reply, result);
            }
            Command::Fund(fund, reply) => {
                let decision = decide::fund(&self.state, &fund);
                let result = decision.map(|decision| self.carry_out_all(decision));
                self.answer(reply, result);
            }
            Command::Fact(command) => self.fact(command),
            Command::Mandate(command) => self.mandate(command),
            Command::CreateAccounts(accounts, reply) => {
                let result = self.create_accounts(&accounts);
                self.answer(reply, result);
            }
            Command::CreateTransfers(transfers, reply) => {
                let result = self.create_transfers(&transfers);
                self.answer(reply, result);
            }
            Command::Channel(command) => self.channel(command),
            Command::Channels(commands) => self.channels(commands),
            Command::Log(command) => self.log_command(command),
            Command::Read(read) => self.answers.push(Answer::Reply(read(&self.state))),
            Command::BackupPoint(reply) => self.answers.push(Answer::Point(reply)),
            // The writer takes it out before it comes here.
            Command::Shutdown(_) => {}
        }
    }

    pub(super) fn carry_out(&mut self, decision: Decision<Entry>) {
        if let Decision::Entry(entry) = decision {
            self.write(entry);
        }
    }

    pub(super) fn carry_out_all(&mut self, decision: Decision<Vec<Entry>>) {
        if let Decision::Entry(entries) = decision {
            for entry in entries {
                self.write(entry);
            }
        }
    }

    fn authorize(&mut self, command: Box<Authorize>, reply: Reply<Authorized, AuthorizeError>) {
        // Who has hung up would leave a claim or hold behind that keeps all copies waiting.
        if reply.is_closed() {
            return;
        }
        match self.authorize_now(&command) {
            Ok(Step::Done(authorized)) => self.answer(reply, Ok(*authorized)),
            Ok(Step::Held(payment, claim)) => {
                self.answers.push(Answer::Proceed(payment, claim, reply));
            }
            // It would not wait for the batch that tells of the stop.
            Ok(Step::Claim) if self.broken().is_some() => {
                self.answer(reply, Err(Unavailable::Stopped.into()));
            }
            Ok(Step::Claim) => {
                let payment = command.order.payment_id();
                let claim = self.claims.insert(command, self.now_ns);
                // A claim moves nothing, so it need not wait for the batch: if that fails, so will
                // the charge.
                if reply.send(Ok(Authorized::Proceed { payment, claim })).is_err() {
                    self.claims.remove(payment);
                    self.wake(payment);
                }
            }
            Ok(Step::Wait(payment)) => self.claims.wait(payment, Waiter { command, reply }),
            Err(refused) => self.answer(reply, Err(refused)),
        }
    }

    fn authorize_now(&mut self, command: &Authorize) -> Result<Step, AuthorizeError> {
        let named = decide::own_key(&self.state, command);
        if let Known::Payment(payment) = decide::known(&self.state, command, named)? {
            return self.replay(payment, command);
        }
        if command.mode != Mode::Check
            && let Some(claimed) = self.claims.find(&command.order, named)?
        {
            return Ok(Step::Wait(claimed));
        }
        self.trust_clock()?;
        let at = At { now_ms: self.now_ms(), entry_ns: self.entry_ns() };
        let payment = decide::check_terms(&self.state, command, at)?;
        let id = command.order.payment_id();
        match command.mode {
            Mode::Claim => return Ok(Step::Claim),
            Mode::Hold { seconds } => {
                self.write_held(payment, seconds, &command.counters);
                let claim = self.claims.hold(id);
                return Ok(Step::Held(id, claim));
            }
            Mode::Charge => self.write_charged(payment, &command.counters),
            Mode::Check => {
                let would_be = crate::state::Payment::new(&payment, Progress::Held, 0);
                let view = PaymentView::of(id, &would_be);
                return Ok(Step::Done(Box::new(Authorized::Charged(view))));
            }
        }
        let view = self.view(id).ok_or(Unavailable::Stopped)?;
        Ok(Step::Done(Box::new(Authorized::Charged(view))))
    }

    /// The answer to a copy of a payment that is known to the state.
    fn replay(&self, id: PaymentId, command: &Authorize) -> Result<Step, AuthorizeError> {
        let payment = self.state.find_payment(id).ok_or(Unavailable::Stopped)?;
        let waits = matches!(command.mode, Mode::Claim | Mode::Hold { .. });
        if payment.progress == Progress::Held && waits {
            return Ok(Step::Wait(id));
        }
        let access = command.terms.access_seconds;
        decide::check_access(payment.progress, access, self.now_ms())?;
        decide::check_same_offer(&payment, command)?;
        let outcome = self.state.outcomes.get(id).or_else(|| self.fleeting.get(id)).cloned();
        let payment = PaymentView::of(id, &payment);
        Ok(Step::Done(Box::new(Authorized::Replay { payment, outcome })))
    }

    pub(super) fn view(&self, id: PaymentId) -> Option<PaymentView> {
        self.state.payment_before_refunds(id)
    }

    /// Takes back a turn whose owner had gone when the answer came.
    pub(super) fn abandon(&mut self, payment: PaymentId, claim: ClaimToken) {
        // One release after the other moves time on, and one that is due must not be released twice.
        self.expire_holds();
        // Refused only if the hold has run out by now, which is as good.
        let _ = self.release(payment, claim, None);
        self.wake(payment);
    }

    /// Answers the copies that waited: with the outcome, or the first of them may try again.
    fn wake(&mut self, id: PaymentId) {
        for waiter in self.claims.take_waiters(id) {
            self.authorize(waiter.command, waiter.reply);
        }
    }

    /// Releases what has run out.
    pub(super) fn sweep(&mut self) {
        self.read_clock();
        for id in self.claims.expired(self.now_ns) {
            if self.is_batch_filled() {
                break;
            }
            self.claims.remove(id);
            self.wake(id);
        }
        self.expire_holds();
        self.sweep_channels();
        if self.unwoken {
            self.wake_left();
        }
    }

    /// Releases every hold that is due at the timestamp of the next entry: the ledger refuses to
    /// post an expired hold, so no later entry of this command may meet one. The copies that are
    /// woken write entries too, which brings the next timestamp closer to the next hold.
    fn expire_holds(&mut self) {
        while self.broken.is_none()
            && self
                .state
                .ledger
                .next_expiry_ns()
                .is_some_and(|due| due <= self.next_timestamp_ns(TIMESTAMP_STEP_NS))
        {
            self.write(Entry::HoldsExpired);
            self.wake_left();
        }
    }

    /// Wakes the copies of payments that nobody works on any more, as far as the batch takes it.
    fn wake_left(&mut self) {
        let state = &self.state;
        let is_held = |id: PaymentId| state.is_held(id);
        self.claims.forget_holds_but(is_held);
        let mut left = self.claims.waited_for();
        left.retain(|id| !is_held(*id));
        self.unwoken = false;
        for id in left {
            if self.is_batch_filled() {
                self.unwoken = true;
                break;
            }
            self.wake(id);
        }
    }
}

enum Step {
    Done(Box<Authorized>),
    Claim,
    Held(PaymentId, ClaimToken),
    Wait(PaymentId),
}
