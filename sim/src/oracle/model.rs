//! A node as the oracle sees it: books, payments, and what only lives as long as the process.
//!
//! Invariant: a request is applied as a whole or not at all, and everything that was answered stays.

use std::collections::BTreeMap;

use engine::{AccountRole, AccountSpec, Authorize, ClaimToken, Fund, Refund, system_account};
use ledger::{Account, Kind, Limit, Transfer};
use money::{AccountId, Asset, ChannelId, MandateId, PaymentId, RefundId, TransferId};
use sha2::{Digest, Sha256};

use super::books::Books;
use super::channel::Channel;
use super::mandates::Mandate;
use super::payments::{CLOCK_BEHIND_NS, Claim, Payment};
use crate::request::{Answer, Request};

/// Code of a transfer through which money enters.
const FUND_CODE: u16 = 1;

/// What the node should be.
#[derive(Debug, Clone, Default)]
pub struct Model {
    pub books: Books,
    pub payments: BTreeMap<PaymentId, Payment>,
    pub channels: BTreeMap<ChannelId, Channel>,
    pub mandates: BTreeMap<MandateId, Mandate>,
    pub(super) funds: BTreeMap<TransferId, Fund>,
    /// With what came back by each, and of its payment in all up to then.
    pub refunds: BTreeMap<RefundId, (Refund, u128, u128)>,
    /// Who may execute now; gone with the process.
    pub(super) claims: BTreeMap<PaymentId, Claim>,
    /// Under which claim a hold was made; gone with the process.
    pub(super) holds: BTreeMap<PaymentId, ClaimToken>,
    /// Copies that wait, by the number of their request; gone with the process.
    pub(super) waiters: BTreeMap<PaymentId, Vec<(u64, Box<Authorize>)>>,
    pub(super) now_ns: u64,
    /// When the last entry was written that left no trace in the books.
    pub(super) last_ns: u64,
    /// The latest time that the process has seen.
    pub(super) seen_ns: u64,
}

/// Answers that applying a request gives, by the number of the request that gets them.
pub type Given = Vec<(u64, Answer)>;

impl Model {
    /// The process ended and another one begins: what it only kept in memory is gone.
    pub fn restart(&mut self) {
        self.claims.clear();
        self.holds.clear();
        self.waiters.clear();
        self.channels.values_mut().for_each(Channel::restart);
        self.seen_ns = self.newest_ns();
    }

    /// The time of the newest entry.
    pub(super) fn newest_ns(&self) -> u64 {
        let past_ns = self.books.past.last().map_or(0, |past| past.timestamp_ns);
        past_ns.max(self.last_ns)
    }

    /// An entry was written that nobody asked for: the log's.
    pub fn note_entry(&mut self, at_ns: u64) {
        self.last_ns = self.last_ns.max(at_ns);
    }

    /// Whether nobody could tell the two apart by what they keep.
    pub fn is_like(&self, other: &Self) -> bool {
        let kept = self.channels.iter().map(|(id, channel)| (*id, channel.kept()));
        let others = other.channels.iter().map(|(id, channel)| (*id, channel.kept()));
        let times = |model: &Self| (model.newest_ns(), model.seen_ns);
        let is_same = self.books.burned == other.books.burned && self.mandates == other.mandates;
        is_same && times(self) == times(other) && kept.eq(others)
    }

    /// Whether a clock that shows this time is within seconds of being trusted.
    pub fn is_about_to_be_trusted(&self, now_ns: u64) -> bool {
        let behind_ns = self.seen_ns.saturating_sub(now_ns);
        behind_ns.abs_diff(CLOCK_BEHIND_NS) < 10_000_000_000
    }

    /// The clock shows this time.
    pub fn read_clock(&mut self, now_ns: u64) {
        self.now_ns = now_ns;
        self.seen_ns = self.seen_ns.max(now_ns);
    }

    /// Takes a request. `claimed` says which claim its real answer named.
    pub fn apply(&mut self, number: u64, request: &Request, claimed: &Claimed<'_>) -> Given {
        match request {
            Request::Accounts(events) => {
                self.wrote();
                vec![(number, Answer::Accounts(self.books.create_accounts(events)))]
            }
            Request::Transfers(events) if self.touches_a_hold(events) => {
                vec![(number, Answer::Refused("payment_hold"))]
            }
            Request::Transfers(events) => {
                self.wrote();
                vec![(number, Answer::Transfers(self.books.create_transfers(events)))]
            }
            Request::OpenAsset(asset) => vec![(number, self.open_asset(*asset))],
            Request::OpenAccount(spec) => vec![(number, self.open_account(spec))],
            Request::Fund(fund) => vec![(number, self.fund(fund))],
            Request::Refund(refund) => vec![(number, self.refund(refund))],
            Request::Authorize(command) => {
                let mut given = Vec::new();
                self.authorize(number, command.clone(), claimed, &mut given);
                given
            }
            Request::Hold(payment, claim, seconds) => {
                let answer = self.hold(*payment, *claim, *seconds);
                self.after(number, *payment, answer, claimed)
            }
            Request::Charge(payment, claim) => {
                let answer = self.charge(*payment, *claim);
                self.after(number, *payment, answer, claimed)
            }
            Request::Settle(payment, units) => {
                let answer = self.settle(*payment, *units);
                self.after(number, *payment, answer, claimed)
            }
            Request::Channel(step) => self.channel_step(number, step, claimed),
            Request::Mandate(step) => vec![(number, self.mandate(step))],
            Request::Release(payment, claim) => {
                let answer = self.release(*payment, *claim);
                self.after(number, *payment, answer, claimed)
            }
        }
    }

    /// The answer, and then those of the copies that waited for it.
    fn after(
        &mut self,
        number: u64,
        payment: PaymentId,
        answer: Answer,
        claimed: &Claimed<'_>,
    ) -> Given {
        let mut given = vec![(number, answer)];
        self.wake(payment, claimed, &mut given);
        given
    }

    fn open_asset(&mut self, asset: Asset) -> Answer {
        for name in ["treasury", "residue"] {
            let id = system_account(name, asset);
            self.books.create_accounts(&[held_by(id, asset, AccountRole::Operator)]);
        }
        Answer::Done
    }

    pub(super) fn carries(&self, asset: Asset) -> bool {
        self.books.accounts.contains_key(&system_account("treasury", asset))
    }

    fn open_account(&mut self, spec: &AccountSpec) -> Answer {
        let account = held_by(spec.id, spec.asset, spec.role);
        match self.books.accounts.get(&spec.id) {
            Some(old) if old.account == account => Answer::Done,
            Some(_) => Answer::Refused("account_exists_with_different_terms"),
            None => {
                self.books.create_accounts(&[account]);
                Answer::Done
            }
        }
    }

    fn fund(&mut self, fund: &Fund) -> Answer {
        let (asset, account) = (fund.amount.asset(), fund.account);
        if let Some(old) = self.funds.get(&fund.id) {
            let same = old.account == account && old.amount == fund.amount;
            return if same && old.reference == fund.reference {
                Answer::Done
            } else {
                Answer::Refused("fund_id_taken")
            };
        }
        if fund.amount.units() == 0 {
            return Answer::Refused("amount_zero");
        }
        if !self.books.accounts.contains_key(&account) {
            self.books.create_accounts(&[held_by(account, asset, AccountRole::Payer)]);
        }
        let transfer = Transfer {
            id: fund_transfer(fund.id),
            kind: Kind::SINGLE,
            debit_account: system_account("treasury", asset),
            credit_account: account,
            asset,
            amount: fund.amount.units(),
            code: FUND_CODE,
            user_data: 0,
            user_data_64: 0,
            user_data_32: 0,
            linked: false,
        };
        self.books.create_transfers(&[transfer]);
        self.funds.insert(fund.id, fund.clone());
        Answer::Done
    }
}

/// Which claim the real answer to a request named, so that the model can go on with its number.
pub type Claimed<'a> = dyn Fn(u64) -> Option<ClaimToken> + 'a;

/// An account as the node opens it for a holder.
fn held_by(id: AccountId, asset: Asset, role: AccountRole) -> Account {
    let is_treasury = id == system_account("treasury", asset);
    let code = match role {
        AccountRole::Payer => 1,
        AccountRole::Payee => 2,
        AccountRole::Operator => 3,
    };
    Account {
        id,
        asset,
        code,
        user_data: 0,
        user_data_64: 0,
        user_data_32: 0,
        limit: if is_treasury {
            Limit::CreditsMustNotExceedDebits
        } else {
            Limit::DebitsMustNotExceedCredits
        },
        history: false,
        closed: false,
        linked: false,
    }
}

fn fund_transfer(fund: TransferId) -> TransferId {
    let digest =
        Sha256::new().chain_update(b"farthing/fund/1").chain_update(fund.to_be_bytes()).finalize();
    TransferId::from_digest(&digest.into())
}
