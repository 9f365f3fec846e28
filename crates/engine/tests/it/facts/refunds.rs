//! Refunds: the money goes back from those who have it, never more than was paid, once.

use engine::{
    Coded, PaymentView, REFUNDS_PER_PAYMENT_COUNT_MAX, Refund, RefundError, RefundView, fsck,
    system_account,
};
use ledger::{Kind, Sides, Transfer};
use money::{AccountId, PaymentId, RefundId, TransferId};

use crate::world::{Buy, FUNDS, Granted, World, node, payee, payer, units, usd};

fn refund(id: u128, payment: PaymentId, asked: Option<u128>) -> Refund {
    let id = RefundId::new(id).unwrap();
    Refund { id, payment, from: None, units: asked, reason: "broken".to_owned() }
}

async fn paid_back(world: &World, refund: Refund) -> RefundView {
    world.engine.refund(refund).await.unwrap()
}

async fn refused(world: &World, refund: Refund) -> RefundError {
    world.engine.refund(refund).await.unwrap_err()
}

async fn seen(world: &World, id: PaymentId) -> PaymentView {
    world.payment(id).await.unwrap()
}

#[tokio::test]
async fn a_payment_comes_back_in_parts_and_then_whole() {
    let mut world = World::new().await;
    let buy = Buy::new(1, 1000).split();
    world.charge(&buy).await;
    let first = paid_back(&world, refund(1, buy.id(), Some(100))).await;
    assert_eq!((first.amount, first.refunded, first.payer), (units(100), units(100), payer(1)));
    assert_eq!(seen(&world, buy.id()).await.refunded, 100);
    let of = [payee(1), payee(2), payee(3)];
    let mut left = [720, 135, 45];
    for (account, left) in of.into_iter().zip(left) {
        assert_eq!(world.available(account).await, left);
    }
    // Each rounded down, and what that leaves over from the first.
    paid_back(&world, refund(2, buy.id(), Some(7))).await;
    left = [714, 134, 45];
    for (account, left) in of.into_iter().zip(left) {
        assert_eq!(world.available(account).await, left);
    }
    world.restart().await;
    let too_much = refused(&world, refund(3, buy.id(), Some(894))).await;
    assert_eq!(too_much, RefundError::TooMuch { left: 893 });
    let rest = paid_back(&world, refund(3, buy.id(), None)).await;
    assert_eq!((rest.amount, rest.refunded), (units(893), units(1000)));
    assert_eq!(refused(&world, refund(4, buy.id(), None)).await, RefundError::NothingLeft);
    assert_eq!(refused(&world, refund(4, buy.id(), Some(1))).await, RefundError::NothingLeft);
    assert_eq!(world.available(payer(1)).await, FUNDS);
    for account in of {
        assert_eq!(world.available(account).await, 0);
    }
    let all = world.engine.refunds_of(buy.id()).await.unwrap();
    assert_eq!(all.iter().map(|one| one.amount.units()).collect::<Vec<_>>(), [100, 7, 893]);
    assert_eq!(world.engine.refund_view(rest.refund).await.unwrap(), Some(rest));
    world.assert_balanced().await;
    world.engine.shutdown().await;
    let report = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound && report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn the_same_refund_again_moves_nothing() {
    let world = World::new().await;
    let (one, other) = (Buy::new(1, 1000), Buy::new(2, 1000));
    world.charge(&one).await;
    world.charge(&other).await;
    let whole = refund(1, one.id(), None);
    let first = paid_back(&world, whole.clone()).await;
    assert_eq!(paid_back(&world, whole.clone()).await, first);
    let part = refund(2, other.id(), Some(10));
    paid_back(&world, part.clone()).await;
    paid_back(&world, part.clone()).await;
    assert_eq!(world.available(payee(1)).await, 990);
    for changed in [
        Refund { payment: other.id(), ..whole.clone() },
        Refund { units: Some(1000), ..whole.clone() },
        Refund { reason: "late".to_owned(), ..whole.clone() },
        Refund { from: Some(payee(1)), ..whole },
        Refund { units: Some(11), ..part.clone() },
        Refund { units: None, ..part },
    ] {
        let refused = refused(&world, changed.clone()).await;
        assert_eq!(refused, RefundError::IdTaken, "{changed:?}");
        assert_eq!(refused.code(), "refund_id_taken");
    }
    assert_eq!(world.available(payee(1)).await, 990);
}

#[tokio::test]
async fn one_payee_gives_back_its_share_alone() {
    let world = World::new().await;
    let buy = Buy::new(1, 1000).split();
    world.charge(&buy).await;
    let of = |id, account, asked| Refund { from: Some(account), ..refund(id, buy.id(), asked) };
    assert_eq!(refused(&world, of(1, payee(4), None)).await, RefundError::NotPayee);
    assert_eq!(
        refused(&world, of(1, payee(2), Some(151))).await,
        RefundError::TooMuch { left: 150 }
    );
    paid_back(&world, of(1, payee(2), None)).await;
    assert_eq!(refused(&world, of(2, payee(2), Some(1))).await, RefundError::NothingLeft);
    let balances = [world.available(payee(1)).await, world.available(payee(2)).await];
    assert_eq!(balances, [800, 0]);
    // The others give back the rest.
    assert_eq!(paid_back(&world, refund(2, buy.id(), None)).await.amount, units(850));
    assert_eq!(world.available(payer(1)).await, FUNDS);
}

#[tokio::test]
async fn what_is_not_settled_is_not_paid_back() {
    let world = World::new().await;
    let unknown = refused(&world, refund(1, PaymentId::new(9).unwrap(), None)).await;
    assert_eq!((unknown, unknown.http_status()), (RefundError::UnknownPayment, 404));
    let (held, claim) = world.proceed(&Buy::new(1, 1000).split().held()).await;
    assert_eq!(refused(&world, refund(1, held, None)).await, RefundError::NotSettled);
    world.engine.release(held, claim, None).await.unwrap();
    assert_eq!(refused(&world, refund(1, held, None)).await, RefundError::NotSettled);
    // Settled in part: only that part comes back.
    let (held, _) = world.proceed(&Buy::new(2, 1000).split().held()).await;
    world.engine.settle(held, Some(333), None, false).await.unwrap();
    let settled = seen(&world, held).await.settled.units();
    assert_eq!(refused(&world, refund(1, held, Some(0))).await, RefundError::Zero);
    assert_eq!(
        refused(&world, refund(1, held, Some(334))).await,
        RefundError::TooMuch { left: settled }
    );
    assert_eq!(paid_back(&world, refund(1, held, None)).await.amount, units(settled));
    assert_eq!(world.available(payer(1)).await, FUNDS);
    let (held, _) = world.proceed(&Buy::new(3, 1000).held()).await;
    world.engine.settle(held, Some(0), None, false).await.unwrap();
    assert_eq!(refused(&world, refund(2, held, None)).await, RefundError::NothingLeft);
}

fn transfer(id: u128, from: AccountId, to: AccountId, amount: u128, kind: Kind) -> Transfer {
    Transfer {
        id: TransferId::new(id).unwrap(),
        kind,
        debit_account: from,
        credit_account: to,
        asset: usd(),
        amount,
        code: 77,
        user_data: 0,
        user_data_64: 0,
        user_data_32: 0,
        linked: false,
    }
}

#[tokio::test]
async fn a_payee_who_has_spent_it_cannot_pay_it_back() {
    let world = World::new().await;
    let buy = Buy::new(1, 1000).split();
    world.charge(&buy).await;
    let out = transfer(5, payee(2), system_account("treasury", usd()), 100, Kind::SINGLE);
    world.engine.create_transfers(vec![out]).await.unwrap();
    let short = refused(&world, refund(1, buy.id(), None)).await;
    assert_eq!(short, RefundError::PayeeShort { account: payee(2) });
    assert_eq!(world.available(payee(1)).await, 800);
    // A part that it can pay is taken.
    paid_back(&world, refund(1, buy.id(), Some(300))).await;
    assert_eq!(world.available(payee(2)).await, 5);
    // Nobody gives back with a closed account.
    let close = Transfer { id: TransferId::new(6).unwrap(), ..out };
    let (balancing, closing) = (Sides::NONE, Sides::DEBIT);
    let kind = Kind::Pending { timeout_seconds: 0, balancing, closing };
    let close = Transfer { kind, debit_account: payee(3), amount: 0, ..close };
    let created = world.engine.create_transfers(vec![close]).await.unwrap();
    assert_eq!(created, [ledger::CreateTransferStatus::Created]);
    let closed = refused(&world, refund(2, buy.id(), Some(100))).await;
    assert_eq!(closed, RefundError::AccountClosed { account: payee(3) });
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_refund_gives_nothing_back_to_the_mandate() {
    let world = World::new().await;
    let granted = Granted::new(1, 1, 500, 500);
    world.grant(&granted).await;
    let buy = Buy::new(1, 500).under(&granted);
    world.charge(&buy).await;
    paid_back(&world, refund(1, buy.id(), None)).await;
    assert_eq!(world.available(payer(1)).await, FUNDS);
    let refused = world.refused(&Buy::new(2, 1).under(&granted)).await;
    assert_eq!(refused.code(), "mandate_exceeded");
}

#[tokio::test]
async fn a_payment_has_so_many_refunds_and_no_more() {
    let world = World::new().await;
    let buy = Buy::new(1, 1000).split();
    world.charge(&buy).await;
    for number in 1..=REFUNDS_PER_PAYMENT_COUNT_MAX {
        paid_back(&world, refund(number as u128, buy.id(), Some(2))).await;
    }
    assert_eq!(refused(&world, refund(999, buy.id(), None)).await, RefundError::TooMany);
    assert_eq!(seen(&world, buy.id()).await.refunded, 200);
}
