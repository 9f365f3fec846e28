//! The fold: one entry, one step of the state.
//!
//! Every entry was decided before; one that does not fit is damage and is reported as [`Broken`].

use ledger::{
    AMOUNT_MAX, Account, CreateAccountStatus, CreateTransferStatus, Kind, Limit, ROW_BYTES,
    ReplayError, Row, Transfer,
};
use money::{AccountId, Amount, Asset, MandateId, PaymentId, TransferId};

use super::mandates::{GrantedMandate, SignedMandate, Switch};
use super::payment::{Payment, Phase, Progress, fund_transfer, leg_transfer};
use super::{Holder, OpenedAsset, PAYEES_COUNT_MAX, State, system_account};
use crate::entry::{AccountRole, Entry, NewPayment, PauseSwitched, ReleaseReason, Stamped};
use crate::outcome::Outcome;
use crate::past::{Ended, Funding, LegsAt, MandateChange, MandateStep, Opened, Record};

/// Why the ledger's transfer was made; stored with each transfer.
pub(super) mod code {
    pub(in crate::state) const FUND: u16 = 1;
    pub(in crate::state) const PAYMENT: u16 = 2;
    pub(in crate::state) const CHANNEL: u16 = 3;
    pub(in crate::state) const REFUND: u16 = 4;
}

/// Distance between the timestamps of two entries: room for the ledger's events, which count down
/// from the timestamp of their entry.
pub(crate) const TIMESTAMP_STEP_NS: u64 = 2048;

/// Most holds that one entry releases; further ones follow in the next entry.
const EXPIRY_COUNT_MAX: usize = 1024;

/// Why an entry was not folded, and no later one can be.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum Broken {
    /// It does not fit the state: journal or program are damaged.
    #[error("the entry `{entry}` does not fit the state: {why}")]
    Misfit {
        /// Kind of the entry.
        entry: &'static str,
        /// What does not fit.
        why: String,
    },
    /// The index did not take or give what the fold needs. The journal may well be whole.
    #[error("the index failed: {why}")]
    Index {
        /// What it said.
        why: String,
    },
}

impl From<index::Error> for Broken {
    fn from(error: index::Error) -> Self {
        Self::Index { why: error.to_string() }
    }
}

pub(super) fn broken(entry: &'static str, why: impl Into<String>) -> Broken {
    Broken::Misfit { entry, why: why.into() }
}

impl State {
    /// Folds one entry.
    pub(crate) fn apply(&mut self, stamped: &Stamped) -> Result<(), Broken> {
        let at_ns = stamped.timestamp_ns;
        let earliest_ns = self.last_timestamp_ns.checked_add(stamped.entry.step_ns());
        if earliest_ns.is_none_or(|earliest_ns| at_ns < earliest_ns) {
            return Err(broken("any", "its timestamp does not advance"));
        }
        self.last_timestamp_ns = at_ns;
        self.counters.forget_ended(at_ns / 1_000_000);
        match &stamped.entry {
            Entry::AssetOpened { asset, sandbox } => self.open_asset(*asset, *sandbox, at_ns),
            Entry::AccountOpened { id, asset, role, label } => {
                self.open_account(*id, *asset, *role, label.clone(), at_ns)
            }
            Entry::Funded { id, account, amount, reference } => {
                self.fund(*id, *account, *amount, reference, at_ns)
            }
            Entry::PaymentHeld { payment, hold_seconds } => {
                let kind = Kind::pending(*hold_seconds);
                self.open_payment(payment, kind, Progress::Held, at_ns)
            }
            Entry::PaymentCharged { payment } => {
                let units = payment.order.unverified().amount.units();
                let progress = Progress::Settled { units, at_ns };
                self.open_payment(payment, Kind::SINGLE, progress, at_ns)
            }
            Entry::PaymentSettled { payment, legs, outcome } => {
                self.settle(*payment, legs, outcome.as_ref(), at_ns)
            }
            Entry::PaymentReleased { payment, reason, outcome } => {
                self.release(*payment, *reason, outcome.as_ref(), at_ns)
            }
            Entry::HoldsExpired => self.expire(at_ns),
            Entry::MandateGranted { mandate, label } => {
                self.grant(SignedMandate::Single(Box::new(*mandate)), label, at_ns)
            }
            Entry::TreeMandateGranted { mandate, label } => {
                self.grant(SignedMandate::Tree(mandate.clone()), label, at_ns)
            }
            Entry::MandateRevoked { mandate } => {
                let known = self.mandates.revoke(*mandate);
                self.note_mandate(known, *mandate, MandateChange::Revoked, at_ns)
            }
            Entry::MandatePaused(PauseSwitched { mandate, above, sequence, paused }) => {
                let turned = Switch { above: *above, sequence: *sequence, paused: *paused };
                let known = self.mandates.switch(*mandate, turned);
                let change = if *paused { MandateChange::Paused } else { MandateChange::Resumed };
                self.note_mandate(known, *mandate, change, at_ns)
            }
            Entry::Channel(entry) => self.apply_channel(entry, at_ns),
            Entry::LogOpened { vkey } => self.open_log(vkey),
            Entry::EpochRecorded { entry } => self.record_epoch(entry),
            Entry::DocumentPut { kind, id, revision, body } => {
                self.put_document(*kind, id, *revision, body.as_deref(), at_ns)
            }
            Entry::Refunded(refund) => self.refund(refund, at_ns),
            Entry::Counted { by, counters } => self.count(*by, counters, at_ns),
            Entry::EventsBegun => self.begin_events(),
            Entry::Ledger { rows, burned } => {
                self.ledger.replay(rows, burned).map_err(|why| match why {
                    ReplayError::Past(error) => error.into(),
                    why => broken("ledger", why.to_string()),
                })
            }
        }
    }

    fn begin_events(&mut self) -> Result<(), Broken> {
        if self.has_events {
            return Err(broken("events begun", "they have begun before"));
        }
        self.has_events = true;
        Ok(())
    }

    fn grant(&mut self, signed: SignedMandate, label: &str, at_ns: u64) -> Result<(), Broken> {
        let granted = GrantedMandate::new(signed, label.to_owned());
        let id = granted.permission.id;
        if granted.permission.node != self.node || !self.mandates.insert(granted) {
            return Err(broken("mandate granted", "it is another node's, known, or an orphan"));
        }
        self.note_mandate(true, id, MandateChange::Granted, at_ns)
    }

    /// What happened to a mandate is an event, and nothing else remembers it.
    fn note_mandate(
        &mut self,
        is_known: bool,
        id: MandateId,
        change: MandateChange,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let payer = self.mandates.get(id).map(|granted| granted.permission.payer);
        let payer = payer.filter(|_| is_known);
        let payer = payer.ok_or_else(|| broken("mandate changed", "unknown mandate"))?;
        if !self.has_events {
            return Ok(());
        }
        self.put(&Record::Mandate(MandateStep { id, payer, change, at_ns }))
    }

    fn open_asset(&mut self, asset: Asset, sandbox: bool, at_ns: u64) -> Result<(), Broken> {
        self.assets.insert(asset.code, OpenedAsset { asset, sandbox });
        // The ledger numbers the events of a call backwards from its timestamp, so two accounts
        // take two nanoseconds.
        for (offset, name) in ["treasury", "residue"].into_iter().enumerate() {
            let role = AccountRole::Operator;
            let id = system_account(name, asset);
            let at_ns = at_ns.saturating_add(offset as u64);
            self.open_account(id, asset, role, format!("{name} {asset}"), at_ns)?;
            self.last_timestamp_ns = at_ns;
        }
        Ok(())
    }

    fn open_account(
        &mut self,
        id: AccountId,
        asset: Asset,
        role: AccountRole,
        label: String,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let limit = if id == system_account("treasury", asset) {
            Limit::CreditsMustNotExceedDebits
        } else {
            Limit::DebitsMustNotExceedCredits
        };
        let code = role as u16 + 1;
        let account = Account {
            id,
            asset,
            code,
            user_data: 0,
            user_data_64: 0,
            user_data_32: 0,
            limit,
            history: false,
            closed: false,
            linked: false,
        };
        let created = self.ledger.create_accounts(&[account], at_ns);
        for status in created? {
            if status != CreateAccountStatus::Created {
                return Err(broken("account opened", status.code()));
            }
        }
        let opened = self.of_event(|| (asset, at_ns));
        self.put(&Record::Holder { account: id, holder: Holder { role, label }, opened })
    }

    fn fund(
        &mut self,
        id: TransferId,
        account: AccountId,
        amount: Amount,
        reference: &str,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let transfer = Transfer {
            id: fund_transfer(id),
            kind: Kind::SINGLE,
            debit_account: system_account("treasury", amount.asset()),
            credit_account: account,
            asset: amount.asset(),
            amount: amount.units(),
            code: code::FUND,
            user_data: 0,
            user_data_64: 0,
            user_data_32: 0,
            linked: false,
        };
        self.transfer("funded", &[transfer], at_ns)?;
        let entered = self.of_event(|| (account, amount, at_ns));
        self.put(&Record::Funded(Funding { id, reference: reference.to_owned(), entered }))
    }

    pub(super) fn transfer(
        &mut self,
        entry: &'static str,
        batch: &[Transfer],
        at_ns: u64,
    ) -> Result<(), Broken> {
        let created = self.ledger.create_transfers(batch, at_ns);
        for status in created? {
            if status != CreateTransferStatus::Created {
                return Err(broken(entry, status.code()));
            }
        }
        Ok(())
    }

    fn open_payment(
        &mut self,
        new: &NewPayment,
        kind: Kind,
        progress: Progress,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let order = new.order.unverified();
        let id = new.id;
        if order.node != self.node || self.held.contains_key(&id) {
            return Err(broken("payment opened", "it is another node's or known"));
        }
        if new.request.is_some_and(|request| request.order_id() != order.id) {
            return Err(broken("payment opened", "its order does not follow from its request"));
        }
        if new.legs.len() > PAYEES_COUNT_MAX + 1 {
            return Err(broken("payment opened", "it has too many legs"));
        }
        let last = new.legs.len().saturating_sub(1);
        let transfers: Vec<Transfer> = new
            .legs
            .iter()
            .enumerate()
            .map(|(index, (account, units))| Transfer {
                id: leg_transfer(id, index, Phase::Open),
                kind,
                debit_account: order.payer,
                credit_account: *account,
                asset: order.amount.asset(),
                amount: *units,
                code: code::PAYMENT,
                user_data: id.get(),
                user_data_64: 0,
                user_data_32: 0,
                linked: index < last,
            })
            .collect();
        let first_row = self.next_row();
        self.transfer("payment opened", &transfers, at_ns)?;
        self.spend("payment opened", order.mandate, order.amount.units(), at_ns)?;
        let payment = Payment::new(new, progress, at_ns);
        if progress == Progress::Held {
            self.held.insert(id, payment.clone());
            self.reserved.add(id, payment.legs.len());
        }
        self.payment_count += 1;
        let legs = u32::try_from(new.legs.len()).unwrap_or(u32::MAX);
        let legs_at = self.of_event(|| LegsAt::of(order.payee, &new.legs, first_row));
        let payment = Payment { legs: Vec::new(), ..payment };
        let opened = Opened { id, payment, legs, name: new.idempotency, legs_at };
        self.put(&Record::Opened(Box::new(opened)))
    }

    fn settle(
        &mut self,
        id: PaymentId,
        legs: &[u128],
        outcome: Option<&Outcome>,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let payment = self.held(id, "payment settled")?;
        if legs.len() != payment.legs.len() {
            return Err(broken("payment settled", "wrong number of legs"));
        }
        let amount = payment.amount.units();
        let (mandate, spent_at_ns) = (payment.mandate, payment.authorized_at_ns);
        let posts = self.close(id, legs.iter().copied().map(Some))?;
        let first_row = self.next_row();
        self.transfer("payment settled", &posts, at_ns)?;
        let units = legs.iter().fold(0_u128, |sum, units| sum.saturating_add(*units));
        self.finish(id, Progress::Settled { units, at_ns }, outcome, (first_row, at_ns))?;
        self.give_back(mandate, amount.saturating_sub(units), spent_at_ns);
        Ok(())
    }

    fn release(
        &mut self,
        id: PaymentId,
        reason: ReleaseReason,
        outcome: Option<&Outcome>,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let payment = self.held(id, "payment released")?;
        let (amount, mandate, legs) = (payment.amount.units(), payment.mandate, payment.legs.len());
        let spent_at_ns = payment.authorized_at_ns;
        let voids = self.close(id, std::iter::repeat_n(None, legs))?;
        self.transfer("payment released", &voids, at_ns)?;
        self.finish(id, Progress::Released { reason }, outcome, (0, at_ns))?;
        self.give_back(mandate, amount, spent_at_ns);
        Ok(())
    }

    /// Transfers that post (`Some`) or void (`None`) the legs of a held payment, all or none.
    fn close(
        &self,
        id: PaymentId,
        units: impl Iterator<Item = Option<u128>>,
    ) -> Result<Vec<Transfer>, Broken> {
        let mut transfers = Vec::new();
        for (index, units) in units.enumerate() {
            let pending = self.ledger.open_hold(leg_transfer(id, index, Phase::Open));
            let pending = pending.ok_or_else(|| broken("payment closed", "a leg is missing"))?;
            let closing = leg_transfer(id, index, Phase::Close);
            let mut transfer = match units {
                Some(units) if units == pending.amount => pending.post(closing, AMOUNT_MAX),
                Some(units) => pending.post(closing, units),
                None => pending.void(closing),
            };
            transfer.linked = true;
            transfers.push(transfer);
        }
        if let Some(last) = transfers.last_mut() {
            last.linked = false;
        }
        Ok(transfers)
    }

    fn expire(&mut self, at_ns: u64) -> Result<(), Broken> {
        self.ledger.expire(at_ns, EXPIRY_COUNT_MAX)?;
        let (rows, _) = self.ledger.fresh().rows().as_chunks::<ROW_BYTES>();
        let released: Vec<Row> = rows.iter().map(|row| Row::from_bytes(*row)).collect();
        for hold in released {
            // A payment's legs expire together; the first one releases the payment. Other holds
            // are not those of payments.
            let Ok(id) = PaymentId::new(hold.user_data()) else { continue };
            let is_leg =
                hold.code() == code::PAYMENT && hold.id() == leg_transfer(id, 0, Phase::Open).get();
            if is_leg && let Ok(payment) = self.held(id, "holds expired") {
                let (amount, mandate) = (payment.amount.units(), payment.mandate);
                let spent_at_ns = payment.authorized_at_ns;
                let progress = Progress::Released { reason: ReleaseReason::Expired };
                self.finish(id, progress, None, (0, at_ns))?;
                self.give_back(mandate, amount, spent_at_ns);
            }
        }
        Ok(())
    }

    fn held(&self, id: PaymentId, entry: &'static str) -> Result<&Payment, Broken> {
        self.held.get(&id).ok_or_else(|| broken(entry, "the payment is not held"))
    }

    /// The payment is held no more. Its legs, if it was settled, begin at a row of the ledger.
    fn finish(
        &mut self,
        id: PaymentId,
        progress: Progress,
        outcome: Option<&Outcome>,
        (first_row, at_ns): (u64, u64),
    ) -> Result<(), Broken> {
        let mut ended = None;
        if let Some(payment) = self.held.remove(&id) {
            self.reserved.remove(id, payment.legs.len());
            if matches!(progress, Progress::Released { .. }) {
                self.counters.give_back(id);
            } else {
                self.counters.keep(id);
            }
            ended = self.of_event(|| Box::new(Ended::of(payment, first_row, at_ns)));
        }
        if let Some(outcome) = outcome {
            self.outcomes.keep(id, outcome.clone());
        }
        self.put(&Record::Finished { id, progress, ended })
    }

    pub(super) fn put(&mut self, record: &Record) -> Result<(), Broken> {
        Ok(self.records.put(record)?)
    }

    pub(super) fn spend(
        &mut self,
        entry: &'static str,
        mandate: Option<MandateId>,
        units: u128,
        at_ns: u64,
    ) -> Result<(), Broken> {
        let allowed = mandate.is_none_or(|id| self.mandates.spend(id, units, at_ns));
        allowed.then_some(()).ok_or_else(|| broken(entry, "no mandate allows it"))
    }

    /// `at_ns` is when it was spent.
    pub(super) fn give_back(&mut self, mandate: Option<MandateId>, units: u128, at_ns: u64) {
        if let Some(id) = mandate {
            self.mandates.give_back(id, units, at_ns);
        }
    }
}
