//! Denial of service: no command that a client, gateway or operator can word stops the writer.
//!
//! An accepted command that does not fit the books stops the node for good, so each test asks for
//! one more payment at its end.

use engine::{
    AccountRole, AccountSpec, AuthorizeError, Authorized, Engine, ManualClock, Mode, OpenError,
    Unavailable, system_account,
};
use instrument::payer_account;
use money::{Amount, Asset, Shares, TransferId};
use sha2::{Digest, Sha256};

use crate::world::{Buy, FUNDS, START_MS, World, fund, key, options, outcome, payee, payer, usd};

async fn assert_alive(world: &World) {
    world.charge(&Buy::new(999_999, 1).by(3)).await;
    world.assert_balanced().await;
}

fn euro() -> Asset {
    Asset::new("EUR", 9).unwrap()
}

#[tokio::test]
async fn a_payer_account_opened_in_another_asset_has_nothing() {
    let world = World::new().await;
    world.engine.open_asset(euro(), true).await.unwrap();
    let account = payer_account(&key(1).public(), euro());
    world.engine.fund(fund(50, account, 1000)).await.unwrap();
    let payee_id = money::AccountId::new(5000).unwrap();
    let role = AccountRole::Payee;
    let spec = AccountSpec { id: payee_id, asset: euro(), role, label: String::new() };
    world.engine.open_account(spec).await.unwrap();
    let mut buy = Buy::new(1, 10).mode(Mode::Charge);
    buy.order.payer = account;
    buy.order.payee = payee_id;
    buy.terms.pay_to = payee_id;
    buy.order.amount = Amount::new(10, euro());
    buy.terms.amount = buy.order.amount;
    assert_eq!(world.refused(&buy).await, AuthorizeError::InsufficientFunds);
    assert_alive(&world).await;
}

#[tokio::test]
async fn an_asset_whose_system_accounts_are_taken_is_not_opened() {
    for name in ["treasury", "residue"] {
        let world = World::new().await;
        world.engine.fund(fund(50, system_account(name, euro()), 1000)).await.unwrap();
        let opened = world.engine.open_asset(euro(), true).await;
        assert_eq!(opened, Err(OpenError::AccountDiffers));
        assert_alive(&world).await;
    }
}

#[tokio::test]
async fn funding_cannot_occupy_the_transfer_of_a_payment() {
    let world = World::new().await;
    let buy = Buy::new(1, 10);
    // The id of the first leg's transfer, as anybody can compute it beforehand.
    let digest = Sha256::new()
        .chain_update(b"farthing/leg/1")
        .chain_update(buy.id().to_be_bytes())
        .chain_update([0])
        .chain_update(0_u64.to_be_bytes())
        .finalize();
    let mut occupying = fund(50, payer(2), 1);
    occupying.id = TransferId::from_digest(&digest.into());
    world.engine.fund(occupying).await.unwrap();
    world.charge(&buy).await;
    assert_alive(&world).await;
}

#[tokio::test]
async fn a_split_must_name_one_account_for_each_share_and_not_too_many() {
    let world = World::new().await;
    for (accounts, shares) in [(1, 2), (3, 2), (0, 1), (65, 65), (3000, 3000)] {
        let mut parts = vec![1; shares];
        parts[0] = 1_000_000 - u32::try_from(shares - 1).unwrap();
        let mut buy = Buy::new(1, 1_000_000).mode(Mode::Charge);
        buy.terms.split = Some((vec![payee(1); accounts], Shares::new(parts).unwrap()));
        assert_eq!(world.refused(&buy).await, AuthorizeError::UnknownPayee, "{accounts}/{shares}");
    }
    // One account may stand several times.
    let mut parts = vec![10_000; 64];
    parts[0] = 370_000;
    let mut buy = Buy::new(1, 1003).mode(Mode::Hold { seconds: 1 });
    buy.terms.split = Some((vec![payee(1); 64], Shares::new(parts).unwrap()));
    let (payment, _) = world.proceed(&buy).await;
    world.engine.settle(payment, Some(1002), None, false).await.unwrap();
    assert_alive(&world).await;
}

#[tokio::test]
async fn nobody_pays_the_treasury() {
    let world = World::new().await;
    let treasury = system_account("treasury", usd());
    let mut buy = Buy::new(1, 10).mode(Mode::Charge);
    buy.order.payee = treasury;
    buy.terms.pay_to = treasury;
    assert_eq!(world.refused(&buy).await, AuthorizeError::UnknownPayee);
    assert_alive(&world).await;
}

#[tokio::test]
async fn sums_at_the_end_of_their_range_refuse_and_do_not_stop() {
    let world = World::new().await;
    let most = u128::MAX / 2 - 3 * FUNDS;
    world.engine.fund(fund(50, payer(1), most)).await.unwrap();
    let send = |order, from: u8, to: u8| {
        let mut buy = Buy::new(order, most).by(from).held();
        buy.order.payee = payer(to);
        buy.terms.pay_to = payer(to);
        buy
    };
    let (there, _) = world.proceed(&send(1, 1, 2)).await;
    world.engine.settle(there, None, None, false).await.unwrap();
    let stopped = AuthorizeError::Unavailable(Unavailable::Stopped);
    assert_eq!(world.refused(&send(2, 2, 1)).await, stopped);
    assert_eq!(world.refused(&send(2, 2, 1).mode(Mode::Charge)).await, stopped);
    let full = world.engine.fund(fund(51, payer(1), 1)).await;
    assert!(full.is_err());
    assert_alive(&world).await;
}

#[tokio::test]
async fn texts_and_outcomes_are_cut_to_what_a_batch_holds() {
    let mut world = World::new().await;
    let long = "é".repeat(4 << 20);
    let mut large = fund(50, payer(1), 1);
    large.reference.clone_from(&long);
    world.engine.fund(large.clone()).await.unwrap();
    world.engine.fund(large).await.unwrap();
    let spec =
        AccountSpec { id: payee(77), asset: usd(), role: AccountRole::Payee, label: long.clone() };
    world.engine.open_account(spec).await.unwrap();
    let granted = crate::world::Granted::new(1, 1, 1, 1);
    world.engine.grant(granted.verified(), long.clone()).await.unwrap();
    let mut buy = Buy::new(1, 10).held();
    buy.purchase.description.clone_from(&long);
    let (settled, _) = world.proceed(&buy).await;
    world.engine.settle(settled, None, Some(outcome(&long)), true).await.unwrap();
    let (released, claim) = world.proceed(&Buy::new(2, 10).held()).await;
    let mut wide = outcome("small");
    wide.headers = vec![(String::new(), String::new()); 1 << 20];
    world.engine.release(released, claim, Some(wide)).await.unwrap();
    let view = world.payment(settled).await.unwrap();
    assert_eq!(view.description.len(), 120);
    assert_alive(&world).await;
    world.restart().await;
}

#[tokio::test]
async fn many_holds_end_in_one_moment() {
    let world = World::new().await;
    let mut copies = Vec::new();
    for order in 1..=1500 {
        world.proceed(&Buy::new(order, 100).split().mode(Mode::Hold { seconds: 1 })).await;
        let (engine, buy) = (world.engine.clone(), Buy::new(order, 100).split().held());
        copies.push(tokio::spawn(async move { engine.authorize(buy.command()).await }));
    }
    assert_eq!(world.held(payer(1)).await, 150_000);
    world.clock.advance_ms(1001);
    for copy in copies {
        assert!(matches!(copy.await.unwrap(), Ok(Authorized::Replay { .. })));
    }
    assert_eq!(world.held(payer(1)).await, 0);
    assert_alive(&world).await;
}

#[tokio::test]
async fn many_claims_end_in_one_moment_and_their_copies_fill_more_than_one_batch() {
    let world = World::new().await;
    let mut copies = Vec::new();
    // Each copy makes an entry of more than 2 KiB; all together are more than a batch may hold.
    for order in 1..=2000 {
        let mut buy = Buy::new(order, 64).held();
        buy.terms.split = Some((vec![payee(1); 64], Shares::new(vec![15_625; 64]).unwrap()));
        buy.order.expires_at_ms += 600_000;
        world.proceed(&buy.clone().mode(Mode::Claim)).await;
        let engine = world.engine.clone();
        copies.push(tokio::spawn(async move { engine.authorize(buy.command()).await }));
    }
    world.engine.read(|_| ()).await.unwrap();
    world.clock.advance_ms(120_001);
    for copy in copies {
        assert!(matches!(copy.await.unwrap(), Ok(Authorized::Proceed { .. })));
    }
    assert_eq!(world.held(payer(1)).await, 2000 * 64);
    world.clock.advance_ms(31_000);
    assert_eq!(world.available(payer(1)).await, FUNDS);
}

#[tokio::test]
async fn an_earlier_clock_that_the_operator_accepts_stops_nothing() {
    let mut world = World::new().await;
    let (held, _) = world.proceed(&Buy::new(1, 10).held()).await;
    world.engine.shutdown().await;
    let earlier = ManualClock::new((START_MS - 3_600_000) * 1_000_000);
    let mut options = options(world.dir.path(), &earlier);
    options.accept_earlier_clock = true;
    world.engine = Engine::start(options).unwrap().engine;
    world.engine.settle(held, None, None, false).await.unwrap();
    assert_eq!(world.available(payer(1)).await, FUNDS - 10);
    assert_alive(&world).await;
}
