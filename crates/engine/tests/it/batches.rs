//! Batches of the ledger's own events beside payments: whatever they close, occupy, open or fill, the
//! node answers, goes on and stays sound.

use engine::{
    AccountRole, AccountSpec, AuthorizeError, Authorized, BatchError, Coded, Engine, FundError,
    Mode, OpenError, SettleError, system_account,
};
use ledger::{
    Account, CreateAccountStatus, CreateTransferStatus as Status, Kind, Limit, Sides, Transfer,
};
use money::{AccountId, Amount, Asset, PaymentId, TransferId};
use sha2::{Digest, Sha256};

use crate::keep::check;
use crate::world::{Buy, FUNDS, World, fund, open, payee, payer, usd};

pub fn tr(id: u128) -> TransferId {
    TransferId::new(id).unwrap()
}

/// An account of the ledger alone, in dollars.
pub fn alone(number: u128) -> AccountId {
    AccountId::new(5000 + number).unwrap()
}

pub fn account(id: AccountId, asset: Asset, limit: Limit) -> Account {
    Account {
        id,
        asset,
        code: 7,
        user_data: 0,
        user_data_64: 0,
        user_data_32: 0,
        limit,
        history: false,
        closed: false,
        linked: false,
    }
}

pub fn transfer(id: u128, from: AccountId, to: AccountId, amount: u128) -> Transfer {
    Transfer {
        id: tr(id),
        kind: Kind::SINGLE,
        debit_account: from,
        credit_account: to,
        asset: usd(),
        amount,
        code: 9,
        user_data: 0,
        user_data_64: 0,
        user_data_32: 0,
        linked: false,
    }
}

/// Transfer of a payment's leg; phase 0 opens and phase 1 closes it.
pub fn leg(payment: PaymentId, index: u64, phase: u8) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/leg/1")
        .chain_update(payment.to_be_bytes())
        .chain_update([phase])
        .chain_update(index.to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}

/// Transfer by which money enters.
pub fn fund_transfer(fund: u128) -> TransferId {
    let id = tr(fund).to_be_bytes();
    let digest = Sha256::new().chain_update(b"farthing/fund/1").chain_update(id).finalize();
    TransferId::from_digest(&digest.into())
}

pub async fn create(engine: &Engine, accounts: Vec<Account>) {
    let statuses = engine.create_accounts(accounts).await.unwrap();
    assert!(statuses.iter().all(|status| *status == CreateAccountStatus::Created), "{statuses:?}");
}

pub async fn statuses(engine: &Engine, transfers: &[Transfer]) -> Vec<Status> {
    engine.create_transfers(transfers.to_vec()).await.unwrap()
}

pub async fn make(engine: &Engine, transfers: &[Transfer]) {
    let statuses = statuses(engine, transfers).await;
    assert!(statuses.iter().all(|status| *status == Status::Created), "{statuses:?}");
}

/// Closes an account by a hold of nothing, which is returned.
pub async fn close(engine: &Engine, id: u128, account: AccountId) -> Transfer {
    let closing = Sides::DEBIT;
    let kind = Kind::Pending { timeout_seconds: 0, balancing: Sides::NONE, closing };
    let hold = Transfer { kind, ..transfer(id, account, alone(1), 0) };
    make(engine, &[hold]).await;
    hold
}

/// A world with two accounts of the ledger alone, which may go below zero.
pub async fn world() -> World {
    let world = World::new().await;
    create(&world.engine, [1, 2].map(|n| account(alone(n), usd(), Limit::None)).to_vec()).await;
    world
}

const MODES: [Mode; 4] = [Mode::Check, Mode::Claim, Mode::Hold { seconds: 9 }, Mode::Charge];

pub async fn refused(world: &World, buy: &Buy, error: AuthorizeError) {
    for mode in MODES {
        assert_eq!(world.refused(&buy.clone().mode(mode)).await, error, "{mode:?}");
    }
}

/// The books balance, a restart finds the same, and a check of the folder finds it sound.
pub async fn assert_sound(world: &mut World) {
    world.assert_balanced().await;
    let before = (world.everything().await, feed(&world.engine).await);
    world.restart().await;
    assert_eq!((world.everything().await, feed(&world.engine).await), before);
    world.engine.shutdown().await;
    let report = check(world.dir.path());
    assert!(report.sound && report.findings.is_empty(), "{:?}", report.findings);
    assert!(!report.snapshots_equal.is_empty());
    world.engine = open(world.dir.path(), &world.clock).engine;
}

pub async fn feed(engine: &Engine) -> Vec<ledger::Change> {
    let mut all = Vec::new();
    loop {
        let page = engine.changes(all.len() as u64, 8192).await.unwrap();
        if page.changes.is_empty() {
            return all;
        }
        all.extend(page.changes);
    }
}

#[tokio::test]
async fn what_is_closed_takes_part_in_no_payment_and_gives_back_what_it_holds() {
    let mut world = world().await;
    // 333 leaves a rest for the residue.
    let closings = [payer(1), payee(1), payee(3), system_account("residue", usd())];
    for (number, closed) in (1..).zip(closings) {
        let (settled, claim) = world.proceed(&Buy::new(number * 10, 333).split().held()).await;
        let (claimed, token) = world.proceed(&Buy::new(number * 10 + 1, 333).split()).await;
        let hold = close(&world.engine, number, closed).await;
        refused(&world, &Buy::new(number * 10 + 2, 333).split(), AuthorizeError::AccountClosed)
            .await;
        let charged = world.engine.charge(claimed, token, None).await;
        assert_eq!(charged, Err(AuthorizeError::AccountClosed));
        for part in [None, Some(7), Some(0)] {
            let settled = world.engine.settle(settled, part, None, false).await;
            assert_eq!(settled, Err(SettleError::AccountClosed), "{part:?}");
        }
        let received = world.engine.fund(fund(number * 100, closed, 1)).await;
        assert_eq!(received, Err(FundError::AccountClosed));
        world.engine.release(settled, claim, None).await.unwrap();
        make(&world.engine, &[hold.void(tr(number * 1000))]).await;
        world.charge(&Buy::new(number * 10 + 2, 333).split()).await;
    }
    assert_eq!(world.available(payer(1)).await, FUNDS - 4 * 333);
    close(&world.engine, 9, system_account("treasury", usd())).await;
    let received = world.engine.fund(fund(900, payer(1), 1)).await;
    assert_eq!(received, Err(FundError::AccountClosed));
    world.charge(&Buy::new(99, 333).split()).await;
    assert_sound(&mut world).await;
}

#[tokio::test]
async fn a_hold_on_what_was_closed_expires() {
    let mut world = world().await;
    let (payment, _) = world.proceed(&Buy::new(1, 300).split().held()).await;
    close(&world.engine, 1, payer(1)).await;
    world.clock.advance_ms(31_000);
    world.assert_balanced().await;
    assert_eq!(world.state_of(payment).await, engine::PaymentState::Released);
    assert_eq!(world.held(payer(1)).await, 0);
    assert_sound(&mut world).await;
}

#[tokio::test]
async fn an_order_whose_transfers_are_taken_is_refused() {
    let mut world = world().await;
    let (engine, split) = (world.engine.clone(), |order| Buy::new(order, 333).split());
    let named = |id| Transfer { id, ..transfer(1, alone(1), alone(2), 1) };
    let burning = |id| Transfer { debit_account: alone(99), ..named(id) };
    let taken = [
        (1, named(leg(split(1).id(), 0, 0))),
        (2, named(leg(split(2).id(), 3, 0))),
        (3, named(leg(split(3).id(), 2, 1))),
        (4, burning(leg(split(4).id(), 1, 0))),
        (5, burning(leg(split(5).id(), 0, 1))),
    ];
    let claims = [world.proceed(&split(2)).await, world.proceed(&split(5)).await];
    for (_, event) in &taken {
        let burns = event.debit_account == alone(99);
        let expected = if burns { Status::DebitAccountNotFound } else { Status::Created };
        assert_eq!(statuses(&engine, &[*event]).await, [expected]);
    }
    let (charged, held) = (claims[0], claims[1]);
    let charged = engine.charge(charged.0, charged.1, None).await.map(|_| ());
    assert_eq!(charged, Err(AuthorizeError::OrderIdTaken));
    let held = engine.hold(held.0, held.1, 9).await;
    assert_eq!(held, Err(AuthorizeError::OrderIdTaken));
    for (order, _) in taken {
        refused(&world, &split(order), AuthorizeError::OrderIdTaken).await;
    }
    let funding = [named(fund_transfer(500)), burning(fund_transfer(501))];
    assert_eq!(statuses(&engine, &funding).await, [Status::Created, Status::DebitAccountNotFound]);
    let before = world.everything().await;
    for id in [500, 501] {
        let funded = engine.fund(fund(id, payer(1), 1)).await;
        assert_eq!(funded, Err(FundError::IdTaken));
    }
    assert_eq!(world.everything().await, before);
    world.charge(&split(6)).await;
    assert_sound(&mut world).await;
}

#[tokio::test]
async fn the_transfers_of_a_held_payment_are_its_own() {
    let mut world = world().await;
    let buy = Buy::new(1, 333).split().held();
    let (payment, _) = world.proceed(&buy).await;
    let own = Transfer { kind: Kind::pending(0), ..transfer(1, alone(1), alone(2), 5) };
    make(&world.engine, &[own]).await;
    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        let engine = &world.engine;
        let hold = engine.lookup_transfers(vec![leg(payment, 2, 0)]).await.unwrap()[0].unwrap();
        let hold = hold.transfer;
        let before = feed(engine).await;
        let harmless = transfer(2, alone(1), alone(2), 1);
        for event in [
            hold.post(tr(3), 1),
            hold.void(tr(3)),
            Transfer { id: leg(payment, 3, 1), ..harmless },
            Transfer { id: leg(payment, 0, 0), ..harmless },
        ] {
            let batch = vec![harmless, own.post(tr(4), 5), event];
            let refused = engine.create_transfers(batch).await.unwrap_err();
            assert_eq!(refused, BatchError::PaymentHold { index: 2 });
            assert_eq!((refused.code(), refused.http_status()), ("payment_hold", 409));
        }
        assert_eq!(feed(engine).await, before);
    }
    let view = world.engine.settle(payment, Some(100), None, false).await.unwrap();
    assert_eq!(view.state, engine::PaymentState::Settled);
    // What is settled is the past: the ledger says so, event by event.
    let hold = world.engine.lookup_transfers(vec![leg(payment, 2, 0)]).await.unwrap()[0].unwrap();
    let late = [hold.transfer.void(tr(5)), own.post(tr(4), 5)];
    let expected = [Status::PendingTransferAlreadyPosted, Status::Created];
    assert_eq!(statuses(&world.engine, &late).await, expected);
    assert_sound(&mut world).await;
}

#[tokio::test]
async fn accounts_that_stand_in_the_way_are_named_or_used_as_they_are() {
    let mut world = world().await;
    let engine = world.engine.clone();
    let eur = Asset::new("EUR", 2).unwrap();
    let cents = Asset::new("USD", 2).unwrap();
    let gives = Limit::CreditsMustNotExceedDebits;
    let closed = Account { closed: true, ..account(payer(12), usd(), Limit::None) };
    create(
        &engine,
        vec![
            account(system_account("residue", eur), eur, Limit::None),
            account(payee(20), usd(), Limit::None),
            account(payer(10), usd(), Limit::None),
            account(payer(11), usd(), gives),
            closed,
            account(payer(13), cents, Limit::None),
            account(alone(3), cents, Limit::None),
        ],
    )
    .await;
    // Dollars at another scale are another asset, with sums of their own.
    let other = Transfer { asset: cents, ..transfer(1, alone(3), payer(13), 500) };
    make(&engine, &[other]).await;
    world.assert_balanced().await;

    assert_eq!(engine.open_asset(eur, true).await, Err(OpenError::AccountDiffers));
    let spec =
        |id| AccountSpec { id, asset: usd(), role: AccountRole::Payee, label: String::new() };
    for id in [payee(20), payer(12), payer(13)] {
        assert_eq!(engine.open_account(spec(id)).await, Err(OpenError::AccountDiffers));
    }
    engine.fund(fund(100, payer(10), 50)).await.unwrap();
    for (id, error) in [
        (payer(11), FundError::Treasury),
        (payer(12), FundError::AccountClosed),
        (payer(13), FundError::WrongAsset),
    ] {
        assert_eq!(engine.fund(fund(101, id, 50)).await, Err(error));
    }
    let mut to_raw = Buy::new(1, 30).by(10);
    to_raw.order.payee = payee(20);
    to_raw.terms.pay_to = payee(20);
    world.charge(&to_raw).await;
    // Nobody pays what they do not have, limit or not.
    refused(&world, &Buy::new(2, 30).by(10), AuthorizeError::InsufficientFunds).await;
    refused(&world, &Buy::new(3, 30).by(11), AuthorizeError::InsufficientFunds).await;
    refused(&world, &Buy::new(4, 30).by(12), AuthorizeError::AccountClosed).await;
    refused(&world, &Buy::new(5, 30).by(13), AuthorizeError::InsufficientFunds).await;
    let mut to_giver = Buy::new(6, 30);
    to_giver.order.payee = payer(11);
    to_giver.terms.pay_to = payer(11);
    refused(&world, &to_giver, AuthorizeError::UnknownPayee).await;
    assert_sound(&mut world).await;
}

/// A node that was closed for one account still serves the rest.
#[tokio::test]
async fn a_copy_of_a_payment_is_answered_whatever_was_closed_since() {
    let world = world().await;
    let buy = Buy::new(1, 10).mode(Mode::Charge);
    let view = world.charge(&buy).await;
    close(&world.engine, 1, payer(1)).await;
    match world.engine.authorize(buy.command()).await.unwrap() {
        Authorized::Replay { payment, .. } => assert_eq!(payment, view),
        other => panic!("{other:?}"),
    }
    assert_eq!(Amount::new(10, usd()), view.settled);
    world.charge(&Buy::new(2, 10).by(2)).await;
}
