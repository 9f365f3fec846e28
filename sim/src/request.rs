//! What clients send to the node, and what it answers, in a form that can be kept and compared.

use engine::{
    AccountSpec, Authorize, ChannelPhase, ChannelView, ClaimToken, Closing, Fund, OpenChannel,
    PaymentState, Present, Proof, Refund,
};
use instrument::channel::TopUp;
use instrument::{Pause, PublicKey, Revocation, Signed, TreeMandate, Verified};
use ledger::{Account, CreateAccountStatus, CreateTransferStatus, Transfer};
use money::{Asset, ChannelId, PaymentId};

/// One request.
#[derive(Debug, Clone)]
pub enum Request {
    Accounts(Vec<Account>),
    Transfers(Vec<Transfer>),
    /// Opens a play asset with its treasury and residue accounts.
    OpenAsset(Asset),
    OpenAccount(AccountSpec),
    Fund(Fund),
    Authorize(Box<Authorize>),
    /// Turns a claim into a hold.
    Hold(PaymentId, ClaimToken, u32),
    /// Charges a claim.
    Charge(PaymentId, ClaimToken),
    Settle(PaymentId, Option<u128>),
    Release(PaymentId, ClaimToken),
    Refund(Refund),
    Channel(Step),
    Mandate(MandateStep),
}

/// A request about mandates, with the key that signed it.
#[derive(Debug, Clone)]
pub enum MandateStep {
    /// Root first.
    Grant(Vec<Verified<TreeMandate>>),
    Pause(Verified<Pause>, PublicKey),
    Revoke(Verified<Revocation>, PublicKey),
}

/// A request about a channel.
#[derive(Debug, Clone)]
pub enum Step {
    Open(Box<OpenChannel>),
    TopUp(Signed<TopUp>),
    Present(Box<Present>),
    Accept(Proof),
    Claim(Proof),
    /// The total that is spent, and whether that ends the request.
    Spend(ChannelId, ClaimToken, u128, bool),
    GiveUp(ChannelId, ClaimToken),
    /// The total above which the wait ends, and its milliseconds.
    Await(ChannelId, ClaimToken, u128, u32),
    Settle(ChannelId),
    Close(Closing),
}

/// One answer.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum Answer {
    Accounts(Vec<CreateAccountStatus>),
    Transfers(Vec<CreateTransferStatus>),
    /// Done, or done before.
    Done,
    /// The caller alone may go on.
    Proceed(PaymentId, ClaimToken),
    /// A payment as it stands: what was paid of it, in base units.
    Paid {
        payment: PaymentId,
        state: PaymentState,
        units: u128,
        is_new: bool,
    },
    /// So much was paid back, and so much of the payment in all up to then.
    PaidBack(u128, u128),
    /// A channel as it stands.
    Channel(Seen),
    /// The caller alone may serve from the channel.
    Begun(ChannelId, ClaimToken, Seen),
    /// The request was served before and cost so much.
    Served(Seen, u128),
    /// Refused for good, with the stable code.
    Refused(&'static str),
    /// The node does not say: it has stopped, or its queue was full.
    Unavailable(&'static str),
}

/// What is looked at of a channel: its numbers.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct Seen {
    pub phase: ChannelPhase,
    pub deposit: u128,
    pub accepted: u128,
    pub spent: u128,
    pub reserved: u128,
    pub settled: u128,
    pub sequence: u64,
    pub cumulative: u128,
    pub tick: u32,
}

impl From<ChannelView> for Seen {
    fn from(view: ChannelView) -> Self {
        Self {
            phase: view.state,
            deposit: view.deposit,
            accepted: view.accepted,
            spent: view.spent,
            reserved: view.reserved,
            settled: view.settled,
            sequence: view.sequence,
            cumulative: view.voucher.map_or(0, |voucher| voucher.cumulative),
            tick: view.tick_index,
        }
    }
}

/// A request in a line.
pub fn short(request: &Request) -> String {
    match request {
        Request::Accounts(events) => format!("{} accounts", events.len()),
        Request::Transfers(events) => format!("{} transfers", events.len()),
        Request::Authorize(command) => {
            format!("authorize {} {:?}", command.order.payment_id(), command.mode)
        }
        Request::Channel(Step::Open(command)) => {
            let terms = command.terms.get();
            format!("open {} {} {}", command.terms.channel(), terms.payer, terms.deposit)
        }
        Request::Channel(Step::Present(command)) => {
            format!("present {:?} {:?} {}", command.proof, command.mode, command.start)
        }
        Request::Channel(step) => format!("{step:?}"),
        Request::Mandate(MandateStep::Grant(chain)) => {
            let ids: Vec<String> = chain.iter().map(|link| link.get().id().to_string()).collect();
            format!("grant {}", ids.join(" "))
        }
        Request::Mandate(MandateStep::Pause(pause, _)) => format!("{:?}", pause.get()),
        Request::Mandate(MandateStep::Revoke(revocation, _)) => format!("{:?}", revocation.get()),
        other => format!("{other:?}"),
    }
}
