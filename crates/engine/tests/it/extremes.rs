//! Batches of the ledger's own events at the ends of what there is: assets, sums, time and size.

use std::fmt::Debug;

use engine::{
    AuthorizeError, BATCH_EVENTS_COUNT_MAX, BatchError, Coded, Engine, FundError, ManualClock,
    Mode, OpenError, Unavailable,
};
use ledger::{CreateTransferStatus as Status, Kind, Limit, Transfer};
use money::Asset;

use crate::batches::{
    account, alone, assert_sound, create, feed, make, refused, statuses, tr, transfer, world,
};
use crate::world::{Buy, World, fund, furnish, open, options, payer, units, usd};

#[tokio::test]
async fn a_ledger_that_is_full_of_assets_opens_no_more() {
    let world = World::new().await;
    let asset = |number: usize| {
        let code = format!("A{}", number / 30);
        Asset::new(&code, u8::try_from(number % 30).unwrap()).unwrap()
    };
    // One place is taken by the world's dollars.
    let accounts: Vec<_> = (0..ledger::ASSETS_MAX - 2)
        .map(|number| account(alone(number as u128), asset(number), Limit::None))
        .collect();
    for batch in accounts.chunks(BATCH_EVENTS_COUNT_MAX) {
        create(&world.engine, batch.to_vec()).await;
    }
    let [last, none] = ["LAST", "NONE"].map(|code| Asset::new(code, 0).unwrap());
    world.engine.open_asset(last, true).await.unwrap();
    let refused = world.engine.open_asset(none, true).await.unwrap_err();
    assert_eq!((refused, refused.code()), (OpenError::LedgerFull, "ledger_is_full"));
    world.charge(&Buy::new(1, 5)).await;
}

#[tokio::test]
async fn sums_that_are_full_take_no_payment_and_let_holds_go() {
    let mut world = world().await;
    let engine = world.engine.clone();
    let (settled, _) = world.proceed(&Buy::new(1, 333).split().held()).await;
    let (released, claim) = world.proceed(&Buy::new(2, 333).split().held()).await;
    let books = engine.read(engine::books).await.unwrap();
    let moved = books[0].debits.units() + books[0].held.units();
    make(&engine, &[transfer(1, alone(1), alone(2), u128::MAX - moved)]).await;
    let full = [transfer(2, alone(1), alone(2), 1)];
    assert_eq!(statuses(&engine, &full).await, [Status::OverflowsAssetTotals]);
    refused(&world, &Buy::new(3, 1), Unavailable::Stopped.into()).await;
    assert_eq!(engine.fund(fund(100, payer(1), 1)).await, Err(FundError::Overflow));
    engine.settle(settled, Some(100), None, false).await.unwrap();
    engine.release(released, claim, None).await.unwrap();
    // What was given back makes room again.
    world.charge(&Buy::new(4, 333)).await;
    assert_sound(&mut world).await;
}

#[tokio::test]
async fn the_greatest_hold_settles_in_part() {
    let mut world = world().await;
    let books = world.engine.read(engine::books).await.unwrap();
    let greatest = (u128::MAX - books[0].debits.units()) / 2;
    make(&world.engine, &[transfer(1, alone(1), payer(1), greatest)]).await;
    let (payment, _) = world.proceed(&Buy::new(1, greatest).split().held()).await;
    let view = world.engine.settle(payment, Some(greatest - 1), None, false).await.unwrap();
    // Each of the four legs may lose less than a unit to rounding.
    assert!((greatest - 5..greatest).contains(&view.settled.units()));
    assert_sound(&mut world).await;
}

async fn busy_clock(world: &World, from: u128) {
    let engine = &world.engine;
    let many = |from: u128| -> Vec<Transfer> {
        let ids = from..from + BATCH_EVENTS_COUNT_MAX as u128;
        let kind = Kind::pending(u32::MAX);
        ids.map(|id| Transfer { kind, ..transfer(id, alone(1), alone(2), 1) }).collect()
    };
    for batch in 0..3 {
        make(engine, &many(from + batch * 10_000)).await;
    }
    engine.fund(fund(from, payer(1), 1)).await.unwrap();
    let (settled, _) = world.proceed(&Buy::new(from, 5).held()).await;
    make(engine, &[transfer(from + 40_000, alone(1), alone(2), 1)]).await;
    engine.settle(settled, None, None, false).await.unwrap();
}

/// Timestamps count on from the last one, wherever the clock stands.
#[tokio::test]
async fn a_clock_at_its_end_stops_nothing() {
    let dir = tempfile::tempdir().unwrap();
    let clock = ManualClock::new(u64::MAX);
    let engine = open(dir.path(), &clock).engine;
    furnish(&engine).await;
    create(&engine, [1, 2].map(|n| account(alone(n), usd(), Limit::None)).to_vec()).await;
    let mut world = World { dir, clock, engine };
    let buy = Buy::new(1, 5);
    // Every order is long over at that time; what the operator's programs do is not.
    refused(&world, &buy, AuthorizeError::Expired).await;
    let holds: Vec<_> = (0..3)
        .map(|id| Transfer {
            kind: Kind::pending(u32::MAX),
            ..transfer(10 + id, alone(1), alone(2), 1)
        })
        .collect();
    make(&world.engine, &holds).await;
    for batch in 0..4 {
        let ids = 0..BATCH_EVENTS_COUNT_MAX as u128;
        let events: Vec<_> =
            ids.map(|id| transfer(1000 + batch * 10_000 + id, alone(1), alone(2), 1)).collect();
        make(&world.engine, &events).await;
    }
    world.engine.fund(fund(100, payer(1), 5)).await.unwrap();
    assert_sound(&mut world).await;
    // The clock is set right: the operator accepts it, and time goes on from where it was.
    world.engine.shutdown().await;
    world.clock = ManualClock::new(crate::world::START_MS * 1_000_000);
    let mut accepting = options(world.dir.path(), &world.clock);
    accepting.accept_earlier_clock = true;
    world.engine = Engine::start(accepting).unwrap().engine;
    busy_clock(&world, 200_000).await;
    world.charge(&buy).await;
    world.assert_balanced().await;
    world.engine.shutdown().await;
}

#[tokio::test]
async fn great_batches_outrun_the_clock_and_it_may_go_back() {
    let mut world = world().await;
    busy_clock(&world, 100_000).await;
    world.clock.go_back_ms(200_000);
    busy_clock(&world, 200_000).await;
    world.clock.advance_ms(200_000);
    assert_sound(&mut world).await;
}

#[tokio::test]
async fn holds_of_both_kinds_expire_together() {
    let mut world = world().await;
    let kind = Kind::pending(1);
    let holds: Vec<_> =
        (1..=3000).map(|id| Transfer { kind, ..transfer(id, alone(1), alone(2), 1) }).collect();
    let mut payments = Vec::new();
    for (order, batch) in (1..).zip(holds.chunks(1000)) {
        make(&world.engine, batch).await;
        let buy = Buy::new(order, 100).split().mode(Mode::Hold { seconds: 1 });
        payments.push(world.proceed(&buy).await.0);
    }
    let (kept, _) = world.proceed(&Buy::new(9, 100).split().held()).await;
    world.clock.advance_ms(1001);
    // Post one and take another id's place in the very call that finds them due.
    let late = [holds[0].post(tr(9001), 1), holds[2999].void(tr(9002))];
    assert_eq!(statuses(&world.engine, &late).await, [Status::PendingTransferExpired; 2]);
    for payment in payments {
        assert_eq!(world.state_of(payment).await, engine::PaymentState::Released);
    }
    let books = world.engine.read(engine::books).await.unwrap();
    assert_eq!(books[0].held, units(100));
    world.engine.settle(kept, None, None, false).await.unwrap();
    assert_sound(&mut world).await;
}

fn all<T: PartialEq + Debug>(found: &[T], expected: &T, count: usize) {
    assert_eq!(found.len(), count);
    assert!(found.iter().all(|one| one == expected), "{expected:?}");
}

#[tokio::test]
async fn a_batch_has_a_greatest_size_and_a_chain_may_fill_it() {
    let mut world = world().await;
    let engine = world.engine.clone();
    let ids = 1..=BATCH_EVENTS_COUNT_MAX as u128 + 1;
    let chain: Vec<_> =
        ids.map(|id| Transfer { linked: true, ..transfer(id, alone(1), alone(2), 1) }).collect();
    let before = feed(&engine).await;
    assert_eq!(engine.create_transfers(chain.clone()).await, Err(BatchError::TooLarge));
    let many = vec![account(alone(9), usd(), Limit::None); chain.len()];
    let refused = engine.create_accounts(many).await.unwrap_err();
    assert_eq!((refused, refused.code()), (BatchError::TooLarge, "batch_too_large"));
    assert_eq!(engine.create_transfers(Vec::new()).await, Ok(Vec::new()));
    assert_eq!(engine.create_accounts(Vec::new()).await, Ok(Vec::new()));

    let mut chain = chain[..BATCH_EVENTS_COUNT_MAX].to_vec();
    let last = chain.len() - 1;
    let found = statuses(&engine, &chain).await;
    all(&found[..last], &Status::LinkedEventFailed, last);
    assert_eq!(found[last], Status::LinkedEventChainOpen);
    chain[last].linked = false;
    chain[last].amount = u128::MAX;
    let found = statuses(&engine, &chain).await;
    all(&found[..last], &Status::LinkedEventFailed, last);
    assert_eq!(found[last], Status::OverflowsDebitsPosted);
    assert_eq!(feed(&engine).await, before);
    chain[last].amount = 1;
    make(&engine, &chain).await;
    assert_eq!(feed(&engine).await.len(), before.len() + chain.len());
    assert_sound(&mut world).await;
}
