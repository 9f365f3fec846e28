//! Events: every durable fact that the world may hear of, in one order for ever.
//!
//! An event is a record of the past, and its position that of the record: it follows from the journal
//! alone, so an index that is built again gives the same events at the same positions. Not every
//! position has one. Journals from before there were events tell of what came since.

mod read;

use money::TransferId;
use money::{AccountId, Amount, Asset, ChannelId, EventId, MandateId, NodeId, PaymentId, RefundId};
use serde::{Deserialize, Serialize};
use sha2::{Digest, Sha256};

use crate::document::DocumentKind;
use crate::entry::{AccountRole, ReleaseReason};
use crate::tags::Tags;

pub(crate) use read::{Sealed, page};

/// Most events of one page.
pub const EVENTS_PER_PAGE_COUNT_MAX: usize = 10_000;

/// A page of events.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct EventPage {
    /// In the order of their positions.
    pub events: Vec<Event>,
    /// Where to go on, now or later.
    pub next: u64,
    /// Where the durable ones ended at that moment.
    pub end: u64,
}

/// Something that happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Event {
    /// Where it stands.
    pub position: u64,
    /// When it happened, Unix nanoseconds.
    pub at_ns: u64,
    /// What.
    pub kind: EventKind,
}

/// What happened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum EventKind {
    /// An account was opened.
    AccountOpened(AccountEvent),
    /// Money entered.
    Funded(FundedEvent),
    /// A payment's money is held.
    PaymentHeld(PaymentEvent),
    /// A payment was paid.
    PaymentSettled(PaymentEvent),
    /// A payment's money is free again.
    PaymentReleased(PaymentEvent, ReleaseReason),
    /// A payment was paid back, all of it or a part.
    RefundSettled(RefundEvent),
    /// A channel was opened; the amount is its deposit.
    ChannelOpened(ChannelEvent),
    /// A channel paid out; the amount is what was paid this time.
    ChannelSettled(ChannelEvent),
    /// A channel was closed; the amount is all that was ever paid from it.
    ChannelClosed(ChannelEvent),
    /// A mandate was granted.
    MandateGranted(MandateEvent),
    /// Nothing is paid under a mandate for now.
    MandatePaused(MandateEvent),
    /// A paused mandate is good again.
    MandateResumed(MandateEvent),
    /// A mandate was ended.
    MandateRevoked(MandateEvent),
    /// A document was created, changed or deleted.
    DocumentPut(DocumentEvent),
}

/// An account that was opened.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct AccountEvent {
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// Who holds it.
    pub role: AccountRole,
    /// Name for people.
    pub label: String,
}

/// Money that entered.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct FundedEvent {
    /// Names the outside event.
    pub fund: TransferId,
    /// Who received.
    pub account: AccountId,
    /// How much.
    pub amount: Amount,
    /// The outside event in words.
    pub reference: String,
}

/// A payment.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentEvent {
    /// The payment.
    pub payment: PaymentId,
    /// Who pays.
    pub payer: AccountId,
    /// Whom the order names.
    pub payee: AccountId,
    /// What was authorized.
    pub authorized: Amount,
    /// What is held, or was paid; zero when released.
    pub amount: Amount,
    /// Who receives how much of it, base units; the residue account is one of them.
    pub legs: Vec<(AccountId, u128)>,
    /// What it is counted by.
    pub tags: Tags,
    /// The mandate that it was paid under.
    pub mandate: Option<MandateId>,
    /// When it was authorized, Unix nanoseconds.
    pub authorized_at_ns: u64,
    /// What was bought, in words.
    pub description: String,
}

/// A refund.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundEvent {
    /// The refund.
    pub refund: RefundId,
    /// What was paid back.
    pub payment: PaymentId,
    /// Who got the money back.
    pub payer: AccountId,
    /// Whom the payment's order names.
    pub payee: AccountId,
    /// How much came back.
    pub amount: Amount,
    /// All that was paid back of the payment up to here.
    pub refunded: Amount,
    /// Who gave how much of it back, base units.
    pub legs: Vec<(AccountId, u128)>,
    /// The payment's.
    pub tags: Tags,
    /// Why.
    pub reason: String,
}

/// A channel.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct ChannelEvent {
    /// The channel.
    pub channel: ChannelId,
    /// Who pays.
    pub payer: AccountId,
    /// Whom the terms name.
    pub payee: AccountId,
    /// See the kind of the event.
    pub amount: Amount,
    /// Who received how much, base units; only of a settlement.
    pub legs: Vec<(AccountId, u128)>,
    /// What it is counted by.
    pub tags: Tags,
    /// The mandate that it was opened under.
    pub mandate: Option<MandateId>,
    /// What is bought, in words; empty when it is closed.
    pub description: String,
}

/// A mandate.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct MandateEvent {
    /// The mandate.
    pub mandate: MandateId,
    /// Whose money is spent under it.
    pub payer: AccountId,
}

/// A document; its body is asked for by kind and id.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct DocumentEvent {
    /// What it is about.
    pub kind: DocumentKind,
    /// Its name among those of its kind.
    pub id: String,
    /// Its revision by this change.
    pub revision: u64,
    /// What was done.
    pub change: DocumentChange,
}

/// What was done to a document.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum DocumentChange {
    /// It was not there before.
    Created,
    /// It says something else.
    Changed,
    /// It is gone.
    Deleted,
}

impl Event {
    /// The id under which the world knows the event: the same for the same event, always.
    pub fn id(&self, node: NodeId) -> EventId {
        let digest = Sha256::new()
            .chain_update(b"farthing/event/1")
            .chain_update(node.to_be_bytes())
            .chain_update(self.position.to_be_bytes())
            .finalize();
        EventId::from_digest(&digest.into())
    }
}
