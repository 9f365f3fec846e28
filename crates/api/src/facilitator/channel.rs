//! `batch-settlement`: channels, paid from voucher by voucher.
//!
//! | payload | `/settle` does |
//! | --- | --- |
//! | deposit with terms | opens the channel, then charges its first voucher |
//! | deposit with a top-up | raises the deposit, then charges the voucher if there is one |
//! | voucher | charges it |
//! | refund | closes: at once for a gateway, whose token says that the payee agrees; for anybody else after the delay that the terms name |
//!
//! Invariants: what a voucher allows goes to the channel's payee and to nobody else, whoever calls;
//! a call charges the amount of its terms, never more; a voucher's number charges once.

use engine::{
    Begun, ChannelError, ChannelPhase, ChannelView, Closing, Engine, OpenChannel, OpenChannelError,
    Present, PresentMode, Proof, Spend, Tags,
};
use http402::Instrument;
use http402::x402::{ChannelSettlement, PaymentState, SettleResponse};
use instrument::channel::{ChannelTerms, Close, SignedVoucher, TopUp, VerifiedTerms, VoucherKey};
use instrument::{PublicKey, PurchaseDigest, Signed};
use money::{AccountId, Amount, ChannelId, parse_base_units};
use sha2::{Digest, Sha256};

use super::{Invalid, Terms};
use crate::authority::Caller;
use crate::node::Node;

/// How long a charge may take between its two steps, which are one call.
const LEASE_SECONDS: u32 = 30;

pub(super) async fn check(
    engine: &Engine,
    terms: Terms,
    instrument: &Instrument,
) -> Result<AccountId, Invalid> {
    match instrument {
        Instrument::Open { terms: signed, voucher } => {
            let opened = opening(&terms, signed, voucher)?;
            match find(engine, opened.channel()).await? {
                Some(view) => check_voucher(&terms, &view, voucher, view.deposit),
                None => check_opening(engine, &terms, &opened, voucher).await,
            }
        }
        Instrument::Voucher(voucher) => {
            let view = known(engine, voucher.unverified().channel).await?;
            check_voucher(&terms, &view, voucher, view.deposit)
        }
        Instrument::TopUp { top_up, voucher } => {
            let top_up = top_up.unverified();
            let view = known(engine, top_up.channel).await?;
            check_top_up(engine, &terms, &view, top_up, voucher.as_ref()).await
        }
        Instrument::Close(close) => {
            let view = known(engine, close.unverified().channel).await?;
            check_payee(&terms, &view)?;
            Ok(view.payer)
        }
        Instrument::Order { .. } | Instrument::Tick { .. } => Err(unsupported()),
    }
}

pub(super) async fn take(
    node: &Node,
    caller: &Caller,
    key: Option<&str>,
    terms: Terms,
    instrument: Instrument,
) -> Result<SettleResponse, Invalid> {
    let engine = &node.engine;
    match instrument {
        Instrument::Open { terms: signed, voucher } => {
            let opened = opening(&terms, &signed, &voucher)?;
            let payer = opened.get().payer;
            let command = OpenChannel {
                terms: opened,
                split: None,
                description: terms.description.clone(),
                origin: None,
                tags: Tags::default(),
            };
            engine.open_channel(command).await.map_err(|error| unopened(error).by(payer))?;
            charge(engine, key, &terms, voucher).await
        }
        Instrument::Voucher(voucher) => charge(engine, key, &terms, voucher).await,
        Instrument::TopUp { top_up, voucher } => {
            let channel = top_up.unverified().channel;
            if let Some(voucher) = &voucher {
                same_channel(channel, voucher)?;
            }
            check_payee(&terms, &known(engine, channel).await?)?;
            let view = match engine.top_up(top_up).await {
                Ok(view) => view,
                Err(error) => return Err(refused(engine, channel, error).await),
            };
            match voucher {
                Some(voucher) => charge(engine, key, &terms, voucher).await,
                None => Ok(settled(engine, &view, 0, None)),
            }
        }
        Instrument::Close(close) => {
            let agreed = caller.is_gateway();
            refund(engine, &terms, close, agreed).await
        }
        Instrument::Order { .. } | Instrument::Tick { .. } => Err(unsupported()),
    }
}

fn unsupported() -> Invalid {
    Invalid::new("unsupported_scheme", "this scheme takes channels, opened and paid by vouchers")
}

/// Terms that fit what the seller asks of a channel, their signature checked.
fn opening(
    asked: &Terms,
    signed: &Signed<ChannelTerms>,
    voucher: &SignedVoucher,
) -> Result<VerifiedTerms, Invalid> {
    let (terms, requirements) = (signed.unverified(), &asked.requirements);
    let refuse = |code, text: &str| Err(Invalid::new(code, text).by(terms.payer));
    if terms.node != requirements.network {
        return refuse("channel_wrong_node", "field `node`: the terms are for another node");
    }
    if terms.payee != requirements.pay_to {
        return refuse("channel_wrong_payee", "field `payee`: the terms are for another payee");
    }
    if terms.deposit.asset() != requirements.amount.asset() {
        return refuse("channel_wrong_asset", "field `deposit`: it is in another asset");
    }
    let least = requirements.extra.get("depositMin").and_then(|text| text.as_str());
    if least.and_then(|text| parse_base_units(text).ok()) > Some(terms.deposit.units()) {
        return refuse("deposit_below_minimum", "field `deposit`: the offer asks for more");
    }
    let delay = requirements.extra.get("closeDelaySeconds").and_then(serde_json::Value::as_u64);
    if delay > Some(terms.close_delay_seconds.into()) {
        return refuse("channel_terms", "field `close_delay_seconds`: the offer asks for more");
    }
    same_channel(terms.channel(), voucher).map_err(|invalid| invalid.by(terms.payer))?;
    signed.verify().map_err(|why| {
        Invalid::new("terms_signature", format!("the channel's terms: {why}")).by(terms.payer)
    })
}

fn same_channel(channel: ChannelId, voucher: &SignedVoucher) -> Result<(), Invalid> {
    if voucher.unverified().channel == channel {
        return Ok(());
    }
    let text = format!("field `channelId`: the voucher is for another channel than {channel}");
    Err(Invalid::new("voucher_wrong_channel", text))
}

async fn find(engine: &Engine, channel: ChannelId) -> Result<Option<ChannelView>, Invalid> {
    Ok(engine.read(move |state| state.channel(channel)).await?)
}

async fn known(engine: &Engine, channel: ChannelId) -> Result<ChannelView, Invalid> {
    let unknown = || Invalid::of(&ChannelError::Unknown, false);
    find(engine, channel).await?.ok_or_else(unknown)
}

/// What the engine would refuse about terms that it has not seen.
async fn check_opening(
    engine: &Engine,
    asked: &Terms,
    opened: &VerifiedTerms,
    voucher: &SignedVoucher,
) -> Result<AccountId, Invalid> {
    let terms = *opened.get();
    let refuse = |error: ChannelError| Err(Invalid::of(&error, false).by(terms.payer));
    let key = terms
        .check(engine.clock().now_ms())
        .map_err(|why| Invalid::new("channel_terms", why.to_string()).by(terms.payer))?;
    if voucher.verify(&key).is_err() {
        return refuse(ChannelError::VoucherSignature);
    }
    let cumulative = voucher.unverified().cumulative;
    if cumulative > terms.deposit.units() {
        return refuse(ChannelError::VoucherAboveDeposit);
    }
    if cumulative < asked.requirements.amount.units() {
        return refuse(ChannelError::Exhausted);
    }
    check_balance(engine, terms.payer, terms.deposit.units()).await
}

async fn check_balance(
    engine: &Engine,
    payer: AccountId,
    units: u128,
) -> Result<AccountId, Invalid> {
    let account = engine.read(move |state| state.account(payer)).await?;
    if account.is_none_or(|account| account.available.units() < units) {
        return Err(Invalid::of(&ChannelError::InsufficientFunds, false).by(payer));
    }
    Ok(payer)
}

fn check_payee(asked: &Terms, view: &ChannelView) -> Result<(), Invalid> {
    let refuse = |error| Err(about(Invalid::of(&error, false), view));
    if view.payee != asked.requirements.pay_to {
        return refuse(ChannelError::WrongPayee);
    }
    if view.asset != asked.requirements.amount.asset() {
        return refuse(ChannelError::WrongAsset);
    }
    Ok(())
}

fn check_voucher(
    asked: &Terms,
    view: &ChannelView,
    voucher: &SignedVoucher,
    deposit: u128,
) -> Result<AccountId, Invalid> {
    check_payee(asked, view)?;
    let refuse = |error| Err(about(Invalid::of(&error, false), view));
    match view.state {
        ChannelPhase::Open => {}
        ChannelPhase::Closing => return refuse(ChannelError::Closing),
        ChannelPhase::Closed => return refuse(ChannelError::Closed),
    }
    let key = PublicKey::from_hex(&view.voucher_key).and_then(|key| VoucherKey::new(key).ok());
    if key.is_none_or(|key| voucher.verify(&key).is_err()) {
        return refuse(ChannelError::VoucherSignature);
    }
    let voucher = voucher.unverified();
    if voucher.sequence == view.sequence {
        return Err(about(used(), view));
    }
    if voucher.sequence < view.sequence {
        return refuse(ChannelError::VoucherStale);
    }
    if voucher.cumulative < view.accepted {
        return refuse(ChannelError::VoucherLower);
    }
    if voucher.cumulative > deposit {
        return refuse(ChannelError::VoucherAboveDeposit);
    }
    let taken = view.spent.saturating_add(view.reserved);
    if voucher.cumulative.saturating_sub(taken) < asked.requirements.amount.units() {
        return refuse(ChannelError::Exhausted);
    }
    Ok(view.payer)
}

async fn check_top_up(
    engine: &Engine,
    asked: &Terms,
    view: &ChannelView,
    top_up: &TopUp,
    voucher: Option<&SignedVoucher>,
) -> Result<AccountId, Invalid> {
    check_payee(asked, view)?;
    if let Some(voucher) = voucher {
        same_channel(view.channel, voucher)?;
        check_voucher(asked, view, voucher, top_up.deposit.max(view.deposit))?;
    }
    if top_up.deposit < view.deposit {
        return Err(about(Invalid::of(&ChannelError::TopUpLower, false), view));
    }
    check_balance(engine, view.payer, top_up.deposit.saturating_sub(view.deposit)).await
}

/// Takes the amount of the terms from what the voucher allows.
async fn charge(
    engine: &Engine,
    key: Option<&str>,
    terms: &Terms,
    voucher: SignedVoucher,
) -> Result<SettleResponse, Invalid> {
    let channel = voucher.unverified().channel;
    let amount = terms.requirements.amount;
    let present = Present {
        proof: Proof::Voucher(voucher),
        purchase: purchase(terms, key)?,
        pay_to: terms.requirements.pay_to,
        split: None,
        start: amount,
        unit_price: None,
        mode: PresentMode::Lease,
        lease_seconds: LEASE_SECONDS,
        origin: None,
    };
    let (lease, view) = match engine.present(present).await {
        Ok(Begun::Proceed { lease, channel }) => (lease, channel),
        // Under a name a copy is the same call again, unless that ended before it charged.
        Ok(Begun::Replay { channel, charged, .. }) if key.is_some() && charged == amount => {
            return Ok(settled(engine, &channel, charged.units(), None));
        }
        Ok(Begun::Replay { channel, .. }) => return Err(about(used(), &channel)),
        Err(error) => return Err(refused(engine, channel, error).await),
    };
    let spend = Spend {
        channel,
        lease,
        spent: view.spent.saturating_add(amount.units()),
        end: true,
        outcome: None,
        durable_outcome: false,
    };
    match engine.spend(spend).await {
        Ok(view) => Ok(settled(engine, &view, amount.units(), None)),
        Err(error) => {
            // Or the channel would be busy until the lease ends.
            let _ = engine.give_up(channel, lease, None).await;
            Err(refused(engine, channel, error).await)
        }
    }
}

/// What the voucher's number stands for: the purchase under these terms, and the caller's name for
/// the call. The same number for anything else is refused by the engine.
fn purchase(terms: &Terms, key: Option<&str>) -> Result<PurchaseDigest, Invalid> {
    let requirements = serde_json::to_vec(&terms.requirements)
        .map_err(|_| Invalid::new("invalid_payment_requirements", "the terms cannot be kept"))?;
    let digest = Sha256::new()
        .chain_update(b"farthing/facilitator/channel/1")
        .chain_update(Sha256::digest(requirements))
        .chain_update(key.unwrap_or_default())
        .finalize();
    Ok(PurchaseDigest(digest.into()))
}

async fn refund(
    engine: &Engine,
    terms: &Terms,
    close: Signed<Close>,
    agreed: bool,
) -> Result<SettleResponse, Invalid> {
    let channel = close.unverified().channel;
    check_payee(terms, &known(engine, channel).await?)?;
    let closing = if agreed { Closing::Agreed(close) } else { Closing::ByPayer(close) };
    match engine.close_channel(closing).await {
        Ok(view) => {
            let back = view.deposit.saturating_sub(view.spent);
            let refunded = (view.state == ChannelPhase::Closed).then_some(back);
            Ok(settled(engine, &view, 0, refunded))
        }
        Err(error) => Err(refused(engine, channel, error).await),
    }
}

fn settled(
    engine: &Engine,
    view: &ChannelView,
    charged: u128,
    refunded: Option<u128>,
) -> SettleResponse {
    SettleResponse::Channel(Box::new(ChannelSettlement {
        payer: view.payer,
        network: engine.node(),
        charged: Amount::new(charged, view.asset),
        state: PaymentState::Settled,
        channel: gateway::channel_state(view),
        refunded: refunded.map(|units| Amount::new(units, view.asset)),
    }))
}

fn used() -> Invalid {
    let text = "the voucher was used already; a copy pays for nothing";
    Invalid::new("duplicate_settlement", text)
}

fn about(invalid: Invalid, view: &ChannelView) -> Invalid {
    let channel = Some(Box::new(gateway::channel_state(view)));
    Invalid { channel, ..invalid }.by(view.payer)
}

/// A refusal of the engine, with the channel as it is.
async fn refused(engine: &Engine, channel: ChannelId, error: ChannelError) -> Invalid {
    let invalid = Invalid::of(&error, matches!(error, ChannelError::Unavailable(_)));
    match find(engine, channel).await {
        Ok(Some(view)) => about(invalid, &view),
        _ => invalid,
    }
}

fn unopened(error: OpenChannelError) -> Invalid {
    Invalid::of(&error, matches!(error, OpenChannelError::Unavailable(_)))
}
