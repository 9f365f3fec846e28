//! What callers read from the state: plain data, ready for JSON.

use std::collections::BTreeMap;

use instrument::hex::Hex;
use ledger::Standing;
use money::{AccountId, Amount, Asset, PaymentId};
use serde::{Deserialize, Serialize};

use crate::channel::{ChannelView, text};
use crate::entry::{AccountRole, ReleaseReason};
use crate::past::Opened;
use crate::state::{Holder, Payment, Progress, State, system_account};
use crate::tags::Tags;

mod mandate;

pub use mandate::MandateView;
use mandate::mandate_views;

/// Where a payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum PaymentState {
    /// The money is held.
    Held,
    /// The money was paid.
    Settled,
    /// Nothing was paid.
    Released,
}

/// One payment.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PaymentView {
    /// The payment.
    pub payment: PaymentId,
    /// Who pays.
    pub payer: AccountId,
    /// Who is paid; a split is paid out among the offer's payees.
    pub payee: AccountId,
    /// What was authorized.
    pub authorized: Amount,
    /// What was really paid; zero while held or when released.
    pub settled: Amount,
    /// Where it stands.
    pub state: PaymentState,
    /// Set when released.
    pub reason: Option<ReleaseReason>,
    /// What was bought, in words.
    pub description: String,
    /// SHA-256 of the order, 64 hex digits.
    pub order_digest: String,
    /// When it was authorized or settled, Unix nanoseconds.
    pub at_ns: u64,
    /// What was paid back of it, base units as a text.
    #[serde(default, with = "text")]
    pub refunded: u128,
    /// What it is counted by.
    #[serde(default)]
    pub tags: Tags,
}

/// One account.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct AccountView {
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// Who holds it.
    pub role: AccountRole,
    /// Name for people.
    pub label: String,
    /// Money received minus money given, holds included as given; zero for the treasury.
    pub available: Amount,
    /// Money received minus money given.
    pub posted: Amount,
    /// Held for payments under way.
    pub held: Amount,
    /// All that was given.
    pub debits: Amount,
    /// All that was received.
    pub credits: Amount,
}

/// One asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
pub struct AssetView {
    /// Code and scale.
    #[serde(flatten)]
    pub asset: Asset,
    /// Play money.
    pub sandbox: bool,
}

/// What one payer sees.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct PayerView {
    /// The account.
    pub account: AccountId,
    /// What can be spent.
    pub available: Amount,
    /// The balance, holds included.
    pub posted: Amount,
    /// Held for payments under way.
    pub held: Amount,
    /// Mandates, newest first.
    pub mandates: Vec<MandateView>,
    /// Payments, newest first.
    pub payments: Vec<PaymentView>,
    /// Open channels, newest first.
    pub channels: Vec<ChannelView>,
}

/// Sums of one asset's books.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct BooksView {
    /// The asset.
    pub asset: Asset,
    /// Sum of all posted debits.
    pub debits: Amount,
    /// Sum of all posted credits.
    pub credits: Amount,
    /// Sum of all held debits.
    pub held: Amount,
    /// Debits equal credits, posted and held, and every account is within its limit.
    pub balanced: bool,
}

/// What the writer knows without looking at single accounts: cheap enough to ask for every few seconds.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Vitals {
    /// When the last entry was stamped, Unix nanoseconds; 0 before the first.
    pub last_entry_ns: u64,
    /// Payments since the beginning, released ones included.
    pub payments: u64,
    /// Payments whose money is held.
    pub holds_open: usize,
    /// Channels that are open or closing.
    pub channels_open: usize,
    /// Each asset that the node carries.
    pub assets: Vec<AssetSums>,
}

/// Sums of one asset.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct AssetSums {
    /// Code, scale, and whether it is play money.
    pub asset: AssetView,
    /// Held for payments and channels under way.
    pub held: Amount,
    /// What came in through the treasury and did not leave: owed to payers and payees, the residue
    /// included.
    pub liabilities: Amount,
    /// Spent on channels and not settled yet.
    pub exposure: Amount,
}

impl PaymentView {
    pub(crate) fn of(id: PaymentId, payment: &Payment) -> Self {
        let asset = payment.amount.asset();
        let (state, settled, reason, at_ns) = match payment.progress {
            Progress::Held => (PaymentState::Held, 0, None, payment.authorized_at_ns),
            Progress::Settled { units, at_ns } => (PaymentState::Settled, units, None, at_ns),
            Progress::Released { reason } => {
                (PaymentState::Released, 0, Some(reason), payment.authorized_at_ns)
            }
        };
        Self {
            payment: id,
            payer: payment.payer,
            payee: payment.payee,
            authorized: payment.amount,
            settled: Amount::new(settled, asset),
            state,
            reason,
            description: payment.description.clone(),
            order_digest: Hex(&payment.order_digest).to_string(),
            at_ns,
            refunded: 0,
            tags: payment.tags,
        }
    }
}

impl State {
    /// One account.
    pub fn account(&self, id: AccountId) -> Option<AccountView> {
        let found = self.ledger.account(id)?;
        let holder = self.holder(id)?;
        Some(Self::view_of(&found, holder))
    }

    fn view_of(found: &Standing, holder: Holder) -> AccountView {
        let (asset, balances) = (found.asset, &found.balances);
        let amount = |units| Amount::new(units, asset);
        AccountView {
            account: found.id,
            asset,
            role: holder.role,
            label: holder.label,
            available: amount(balances.available()),
            posted: amount(balances.credits_posted.saturating_sub(balances.debits_posted)),
            held: amount(balances.debits_pending),
            debits: amount(balances.debits_posted),
            credits: amount(balances.credits_posted),
        }
    }

    /// Every account with a holder, in the order in which they were opened.
    pub fn accounts(&self) -> Vec<AccountView> {
        let holders = self.answer(self.records.holders());
        let view = |(id, holder)| Some(Self::view_of(&self.ledger.account(id)?, holder));
        holders.into_iter().filter_map(view).collect()
    }

    /// Every asset.
    pub fn asset_views(&self) -> Vec<AssetView> {
        let view = |opened: &crate::state::OpenedAsset| AssetView {
            asset: opened.asset,
            sandbox: opened.sandbox,
        };
        self.assets.values().map(view).collect()
    }

    /// One payment.
    pub fn payment(&self, id: PaymentId) -> Option<PaymentView> {
        let view = self.payment_before_refunds(id)?;
        Some(self.with_refunds(view))
    }

    /// As [`State::payment`] for one that was paid this moment: nobody has paid it back yet, and to
    /// look for that would cost every payment.
    pub(crate) fn payment_before_refunds(&self, id: PaymentId) -> Option<PaymentView> {
        if let Some(held) = self.held.get(&id) {
            return Some(PaymentView::of(id, held));
        }
        let opened = self.answer(self.records.opened(id))?;
        Some(PaymentView::of(id, &self.as_it_stands(opened)))
    }

    fn with_refunds(&self, mut view: PaymentView) -> PaymentView {
        if view.state == PaymentState::Settled {
            view.refunded = self.refunded(view.payment);
        }
        view
    }

    fn payment_view(&self, opened: Opened) -> PaymentView {
        let id = opened.id;
        self.with_refunds(PaymentView::of(id, &self.as_it_stands(opened)))
    }

    /// The latest payments of all payers, newest first.
    pub fn latest_payments(&self, limit: usize) -> Vec<PaymentView> {
        let opened = self.answer(self.records.latest(limit));
        opened.into_iter().map(|opened| self.payment_view(opened)).collect()
    }

    /// How many payments there are.
    pub fn payment_count(&self) -> usize {
        usize::try_from(self.payment_count).unwrap_or(usize::MAX)
    }
}

/// What the owner of an account sees; `None` if the account was never funded.
pub fn payer(state: &State, account: AccountId, limit: usize) -> Option<PayerView> {
    let view = state.account(account)?;
    let payments = state.answer(state.records.of_payer(account, limit));
    Some(PayerView {
        account,
        available: view.available,
        posted: view.posted,
        held: view.held,
        mandates: mandate_views(state, account),
        payments: payments.into_iter().map(|opened| state.payment_view(opened)).collect(),
        channels: state.channels.of_payer(account).take(limit).map(ChannelView::of).collect(),
    })
}

/// Sums for each asset, taken from the accounts and compared with what the ledger counted as it went.
/// The whole history is checked when a node starts; this is for asking often.
pub fn books(state: &State) -> Vec<BooksView> {
    // Batches of the ledger may use a code at several scales, and those are several assets.
    let key = |asset: Asset| (asset.code, asset.scale);
    let mut sums: BTreeMap<_, Sums> = BTreeMap::new();
    for account in state.ledger.accounts() {
        sums.entry(key(account.asset)).or_default().add(&account.balances);
    }
    let view = |(asset, totals): (Asset, ledger::Totals)| {
        let sums = sums.get(&key(asset)).copied().unwrap_or_default();
        BooksView {
            asset,
            debits: Amount::new(sums.debits_posted, asset),
            credits: Amount::new(sums.credits_posted, asset),
            held: Amount::new(sums.debits_pending, asset),
            balanced: sums.is_balanced()
                && sums.debits_posted == totals.debits_posted
                && sums.debits_pending == totals.debits_pending,
        }
    };
    state.ledger.totals().into_iter().map(view).collect()
}

/// Figures of the whole node.
pub fn vitals(state: &State) -> Vitals {
    let assets = state.asset_views().into_iter().map(|view| {
        let amount = |units| Amount::new(units, view.asset);
        let held = state.ledger.totals_of(view.asset).map_or(0, |totals| totals.debits_pending);
        let treasury = state.ledger.account(system_account("treasury", view.asset));
        let came_in = treasury.map_or(0, |found| {
            found.balances.debits_posted.saturating_sub(found.balances.credits_posted)
        });
        AssetSums {
            asset: view,
            held: amount(held),
            liabilities: amount(came_in),
            exposure: amount(exposed(state, view.asset)),
        }
    });
    Vitals {
        last_entry_ns: state.last_timestamp_ns,
        payments: state.payment_count,
        holds_open: state.held.len(),
        channels_open: state.channels.len(),
        assets: assets.collect(),
    }
}

fn exposed(state: &State, asset: Asset) -> u128 {
    let in_asset = |payee| state.ledger.account(payee).is_some_and(|found| found.asset == asset);
    let of_asset = state.channels.exposures().filter(|(payee, _)| in_asset(*payee));
    // Together at most what the ledger holds, whose sums were checked.
    of_asset.fold(0, |sum: u128, (_, units)| sum.saturating_add(units))
}

/// What the accounts of one asset hold together. A sum that does not fit never balances.
#[derive(Debug, Clone, Copy, Default)]
struct Sums {
    debits_posted: u128,
    debits_pending: u128,
    credits_posted: u128,
    credits_pending: u128,
    overflowed: bool,
}

impl Sums {
    fn add(&mut self, account: &ledger::Balances) {
        let mut add = |sum: &mut u128, units: u128| match sum.checked_add(units) {
            Some(total) => *sum = total,
            None => self.overflowed = true,
        };
        add(&mut self.debits_posted, account.debits_posted);
        add(&mut self.debits_pending, account.debits_pending);
        add(&mut self.credits_posted, account.credits_posted);
        add(&mut self.credits_pending, account.credits_pending);
    }

    fn is_balanced(&self) -> bool {
        !self.overflowed
            && self.debits_posted == self.credits_posted
            && self.debits_pending == self.credits_pending
    }
}
