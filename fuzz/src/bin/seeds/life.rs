//! A short life of a node: at least one entry of every kind in its journal, and its last state.

use std::error::Error;
use std::path::Path;
use std::sync::Arc;

use engine::{
    AccountRole, AccountSpec, Authorize, Authorized, Engine, Fund, Idempotency, ManualClock, Mode,
    Options, Outcome, Purchase, Terms,
};
use instrument::{
    KeyPair, Mandate, Order, PurchaseDigest, Revocation, Signed, Verified, payer_account,
};
use journal::{Journal, Memory, Snapshots};
use money::{AccountId, Amount, Asset, MandateId, NodeId, OrderId, Shares, TransferId};

use super::{channels, crawlers};

type Fallible<T> = Result<T, Box<dyn Error>>;

const START_MS: u64 = 1_800_000_000_000;
const HOLD_SECONDS: u32 = 30;

/// What a life leaves behind.
pub struct Remains {
    /// The bodies of the batches in order.
    pub batches: Vec<Vec<u8>>,
    /// The state as a snapshot.
    pub snapshot: Vec<u8>,
}

/// Lives in an empty folder.
pub fn live(folder: &Path) -> Fallible<Remains> {
    let clock = ManualClock::new(START_MS * 1_000_000);
    let mut options = Options::new(folder, node()?);
    options.clock = Arc::new(clock.clone());
    let journal = Memory::new();
    let engine = Engine::start_with(options, Box::new(journal.reopen()))?;
    let runtime = tokio::runtime::Builder::new_current_thread().build()?;
    runtime.block_on(async {
        furnish(&engine).await?;
        buy(&engine, &clock).await?;
        delegate(&engine).await?;
        channels::live(&engine, &clock, &parties()?).await?;
        engine.shutdown().await;
        Fallible::Ok(())
    })?;
    let batches: Result<Vec<_>, _> =
        journal.read(1)?.map(|batch| batch.map(|batch| batch.body)).collect();
    let snapshot = Snapshots::open(&folder.join("snapshots"))?.latest()?.snapshot;
    Ok(Remains { batches: batches?, snapshot: snapshot.ok_or("no snapshot was written")?.state })
}

async fn furnish(engine: &Engine) -> Fallible<()> {
    engine.open_asset(usd()?, true).await?;
    for (number, name) in [(1, "author"), (2, "editor")] {
        let (role, label) = (AccountRole::Payee, name.to_owned());
        engine.open_account(AccountSpec { id: payee(number)?, asset: usd()?, role, label }).await?;
    }
    let fund = Fund {
        id: TransferId::new(0x71)?,
        account: payer()?,
        amount: Amount::new(1_000_000, usd()?),
        reference: "bank 71".to_owned(),
        sandbox_only: false,
    };
    Ok(engine.fund(fund).await?)
}

/// A charge, a settled hold, a released one, one that runs out, and signed requests.
async fn buy(engine: &Engine, clock: &ManualClock) -> Fallible<()> {
    let hold = Mode::Hold { seconds: HOLD_SECONDS };
    let (payment, claim) = proceed(engine, command(0x5d01, Mode::Claim)?).await?;
    engine.charge(payment, claim, Some(outcome())).await?;
    let mut shared = command(0x5d02, hold)?;
    let shares = Shares::new(vec![800_000, 200_000])?;
    shared.terms.split = Some((vec![payee(1)?, payee(2)?], shares));
    shared.idempotency = Some(Idempotency { key: [5; 32], fingerprint: [6; 32] });
    let (payment, _) = proceed(engine, shared).await?;
    engine.settle(payment, Some(700), Some(outcome()), true).await?;
    let (payment, claim) = proceed(engine, command(0x5d03, hold)?).await?;
    engine.release(payment, claim, None).await?;
    proceed(engine, command(0x5d04, hold)?).await?;
    clock.advance_ms(u64::from(HOLD_SECONDS) * 1_000 + 1);
    engine.authorize(command(0x5d05, Mode::Charge)?).await?;
    for (price, mode) in [("USD 0.01", Mode::Charge), ("USD 0.02", hold)] {
        let (command, _) = crawlers::command(command(1, mode)?, price)?;
        engine.authorize(command).await?;
    }
    Ok(())
}

fn parties() -> Fallible<channels::Parties> {
    Ok(channels::Parties {
        node: node()?,
        asset: usd()?,
        payer: payer()?,
        key: payer_key(),
        payees: [payee(1)?, payee(2)?],
        now_ms: START_MS,
        outcome: outcome(),
    })
}

/// A mandate, a payment under it, and its end.
async fn delegate(engine: &Engine) -> Fallible<()> {
    let (owner, agent) = (payer_key(), KeyPair::from_seed(&[2; 32]));
    let mandate = Mandate {
        node: node()?,
        id: MandateId::new(0xa9e7)?,
        payer: payer()?,
        payer_key: owner.public(),
        delegate: agent.public(),
        asset: usd()?,
        per_payment: 1_000,
        total: 5_000,
        expires_at_ms: START_MS + 3_600_000,
        audience: None,
    };
    let granted: Verified<Mandate> = Signed::sign(mandate, &owner).verify_with(&owner.public())?;
    engine.grant(granted, "agent".to_owned()).await?;
    let under = Order { signer: agent.public(), mandate: Some(mandate.id), ..order(0x5d06)? };
    let mut command = command(0x5d06, Mode::Charge)?;
    command.order = signed(under, &agent)?;
    engine.authorize(command).await?;
    let end = Revocation { node: node()?, mandate: mandate.id };
    let end = Signed::sign(end, &owner).verify_with(&owner.public())?;
    Ok(engine.revoke(end, owner.public()).await?)
}

async fn proceed(
    engine: &Engine,
    command: Authorize,
) -> Fallible<(money::PaymentId, engine::ClaimToken)> {
    match engine.authorize(command).await? {
        Authorized::Proceed { payment, claim } => Ok((payment, claim)),
        other => Err(format!("{other:?}").into()),
    }
}

/// The payer's order for 1000 base units, asked for in a mode.
pub fn command(id: u128, mode: Mode) -> Fallible<Authorize> {
    let order = order(id)?;
    Ok(Authorize {
        tags: engine::Tags::default(),
        counters: Vec::new(),
        order: signed(order, &payer_key())?,
        purchase: Purchase {
            digest: order.purchase,
            origin: Some("https://shop.example".to_owned()),
            description: "an article".to_owned(),
        },
        terms: Terms {
            pay_to: order.payee,
            amount: order.amount,
            split: None,
            unit_price: None,
            access_seconds: 600,
        },
        idempotency: None,
        mode,
    })
}

fn order(id: u128) -> Fallible<Order> {
    Ok(Order {
        node: node()?,
        id: OrderId::new(id)?,
        payer: payer()?,
        signer: payer_key().public(),
        payee: payee(1)?,
        amount: Amount::new(1_000, usd()?),
        purchase: Some(PurchaseDigest([7; 32])),
        expires_at_ms: START_MS + 60_000,
        mandate: None,
    })
}

fn signed(order: Order, key: &KeyPair) -> Fallible<instrument::VerifiedOrder> {
    Ok(Signed::sign(order, key).verify()?)
}

/// An answer that is kept.
pub fn outcome() -> Outcome {
    Outcome {
        status: 200,
        headers: vec![("content-type".to_owned(), "text/plain".to_owned())],
        body: "text".into(),
        range: String::new(),
    }
}

fn node() -> Fallible<NodeId> {
    Ok(NodeId::new(4711)?)
}

fn usd() -> Fallible<Asset> {
    Ok(Asset::new("USD", 9)?)
}

pub fn payer_key() -> KeyPair {
    KeyPair::from_seed(&[1; 32])
}

fn payer() -> Fallible<AccountId> {
    Ok(payer_account(&payer_key().public(), usd()?))
}

fn payee(number: u128) -> Fallible<AccountId> {
    Ok(AccountId::new(1000 + number)?)
}
