//! A short life of channels: opened, topped up, paid from by vouchers and ticks, settled, closed.

use std::error::Error;

use engine::{
    Begun, Closing, Engine, ManualClock, OpenChannel, Outcome, Present, PresentMode, Proof, Spend,
};
use instrument::channel::{ChannelTerms, Close, Tick, TickLink, TopUp, Voucher};
use instrument::{KeyPair, PurchaseDigest, Signed};
use money::{AccountId, Amount, Asset, NodeId, Shares};
use sha2::{Digest, Sha256};

type Fallible<T> = Result<T, Box<dyn Error>>;

const TICKS: u32 = 8;
const CLOSE_DELAY_SECONDS: u32 = 1;

/// Who takes part.
pub struct Parties {
    pub node: NodeId,
    pub asset: Asset,
    pub payer: AccountId,
    pub key: KeyPair,
    pub payees: [AccountId; 2],
    pub now_ms: u64,
    pub outcome: Outcome,
}

/// Leaves one channel open; the others are closed in each way there is.
pub async fn live(engine: &Engine, clock: &ManualClock, parties: &Parties) -> Fallible<()> {
    let whole = open(engine, parties, 1, None).await?;
    let id = whole.channel();
    engine.accept(voucher(parties, &whole, 1, 100)).await?;
    let lease =
        begin(engine, &whole, None, voucher(parties, &whole, 2, 300), PresentMode::Lease).await?;
    engine.spend(spend(&whole, lease, 20, false, None)).await?;
    engine.spend(spend(&whole, lease, 15, true, None)).await?;
    engine.settle_channel(id).await?;
    engine.top_up(Signed::sign(TopUp { channel: id, deposit: 2_000 }, &parties.key)).await?;
    let tick = Tick { index: 3, link: link(whole.salt, 3) };
    engine.accept(Proof::Tick { channel: id, tick }).await?;

    let shares = Shares::new(vec![666_667, 333_333])?;
    let split = Some((parties.payees.to_vec(), shares));
    let shared = open(engine, parties, 2, split.clone()).await?;
    let proof = voucher(parties, &shared, 1, 300);
    let lease = begin(engine, &shared, split.clone(), proof, PresentMode::Reserve).await?;
    let outcome = Some(parties.outcome.clone());
    engine.spend(spend(&shared, lease, 99, true, outcome)).await?;
    let proof = voucher(parties, &shared, 2, 300);
    let lease = begin(engine, &shared, split.clone(), proof, PresentMode::Reserve).await?;
    engine.give_up(shared.channel(), lease, None).await?;
    engine.claim(voucher(parties, &shared, 3, 500)).await?;
    engine.close_channel(Closing::Agreed(close(parties, &shared))).await?;

    let lapsing = open(engine, parties, 3, None).await?;
    begin(engine, &lapsing, None, voucher(parties, &lapsing, 1, 300), PresentMode::Reserve).await?;
    clock.advance_ms(2_000);
    engine.accept(voucher(parties, &lapsing, 2, 400)).await?;
    engine.close_channel(Closing::ByPayee(lapsing.channel())).await?;

    let closing = open(engine, parties, 4, None).await?;
    engine.close_channel(Closing::ByPayer(close(parties, &closing))).await?;
    clock.advance_ms(2_000);
    engine.settle_channel(closing.channel()).await.map_or_else(|_| Ok(()), |_| Err("open".into()))
}

async fn open(
    engine: &Engine,
    parties: &Parties,
    salt: u8,
    split: Option<(Vec<AccountId>, Shares)>,
) -> Fallible<ChannelTerms> {
    let salt = [salt; 16];
    let terms = ChannelTerms {
        node: parties.node,
        salt,
        payer: parties.payer,
        signer: parties.key.public(),
        voucher_key: parties.key.public(),
        payee: parties.payees[0],
        deposit: Amount::new(1_000, parties.asset),
        tick_root: link(salt, 0),
        tick_units: 50,
        tick_count: TICKS,
        close_delay_seconds: CLOSE_DELAY_SECONDS,
        expires_at_ms: parties.now_ms + 3_600_000,
        mandate: None,
    };
    let open = OpenChannel {
        tags: engine::Tags::default(),
        terms: Signed::sign(terms, &parties.key).verify()?,
        split,
        description: "a stream".to_owned(),
        origin: None,
    };
    engine.open_channel(open).await?;
    Ok(terms)
}

async fn begin(
    engine: &Engine,
    terms: &ChannelTerms,
    split: Option<(Vec<AccountId>, Shares)>,
    proof: Proof,
    mode: PresentMode,
) -> Fallible<engine::ClaimToken> {
    let present = Present {
        proof,
        purchase: PurchaseDigest([7; 32]),
        pay_to: terms.payee,
        split,
        start: Amount::new(10, terms.deposit.asset()),
        unit_price: None,
        mode,
        lease_seconds: 1,
        origin: None,
    };
    match engine.present(present).await? {
        Begun::Proceed { lease, .. } => Ok(lease),
        other @ Begun::Replay { .. } => Err(format!("{other:?}").into()),
    }
}

fn spend(
    terms: &ChannelTerms,
    lease: engine::ClaimToken,
    spent: u128,
    end: bool,
    outcome: Option<Outcome>,
) -> Spend {
    let durable_outcome = outcome.is_some();
    Spend { channel: terms.channel(), lease, spent, end, outcome, durable_outcome }
}

fn voucher(parties: &Parties, terms: &ChannelTerms, sequence: u64, cumulative: u128) -> Proof {
    let voucher = Voucher { channel: terms.channel(), sequence, cumulative };
    Proof::Voucher(Signed::sign(voucher, &parties.key))
}

fn close(parties: &Parties, terms: &ChannelTerms) -> Signed<Close> {
    Signed::sign(Close { channel: terms.channel(), cumulative: 0 }, &parties.key)
}

fn link(salt: [u8; 16], index: u32) -> TickLink {
    let mut link = [9; 16];
    for above in (index + 1..=TICKS).rev() {
        let digest = Sha256::new()
            .chain_update(b"fthtick1")
            .chain_update(salt)
            .chain_update(above.to_be_bytes())
            .chain_update(link)
            .finalize();
        link.copy_from_slice(&digest[..16]);
    }
    TickLink(link)
}
