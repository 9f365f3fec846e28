//! Every refusal of a payment, alone and in pairs: of two faults the one that stands first in
//! [`AuthorizeError`] is named, and a refused command leaves no trace.

use engine::{AuthorizeError, Coded, Counter, Idempotency, Mode};
use instrument::Audience;
use ledger::{Account, Limit};
use money::{AccountId, Amount, Asset, MandateId, NodeId, OrderId, Shares};

use crate::batches::{account, create};
use crate::world::{Buy, Granted, START_MS, World, key, payee, payer, units, usd};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const HUGE: u128 = 1 << 80;

fn asset(code: &str) -> Asset {
    Asset::new(code, 9).unwrap()
}

/// Two orders of payer 1 that the node knows: one of now, one whose access is over.
fn taken() -> Buy {
    Buy::new(900, 10).named(1, 1)
}

fn used() -> Buy {
    let mut buy = Buy::new(901, 11);
    buy.terms.access_seconds = 0;
    buy
}

/// Each has its own fault and all those that stand after it, which proves their order.
struct Mandates {
    revoked: Granted,
    expired: Granted,
    elsewhere: Granted,
    small: Granted,
    spent: Granted,
}

fn mandates() -> Mandates {
    let spent = Granted::new(5, 1, u128::MAX, 1);
    let small = Granted::new(4, 1, 2, 1);
    let mut elsewhere = small;
    elsewhere.terms.id = MandateId::new(3).unwrap();
    elsewhere.terms.audience = Some(Audience::of_origin("https://elsewhere.example"));
    let mut expired = elsewhere;
    expired.terms.id = MandateId::new(2).unwrap();
    expired.terms.expires_at_ms = START_MS + 1;
    let mut revoked = expired;
    revoked.terms.id = MandateId::new(1).unwrap();
    Mandates { revoked, expired, elsewhere, small, spent }
}

async fn prepared() -> World {
    let world = World::new().await;
    let granted = mandates();
    for mandate in
        [granted.revoked, granted.expired, granted.elsewhere, granted.small, granted.spent]
    {
        world.grant(&mandate).await;
    }
    world.revoke(&granted.revoked).await.unwrap();
    world.engine.open_asset(asset("EUR"), true).await.unwrap();
    let closed = Account { closed: true, ..account(payee(50), usd(), Limit::None) };
    create(&world.engine, vec![closed]).await;
    world.charge(&taken()).await;
    world.charge(&used()).await;
    world.clock.advance_ms(10);
    world
}

/// Faults of one kind change the same field, so they cannot stand side by side.
fn kind(error: AuthorizeError) -> &'static str {
    use AuthorizeError as E;
    match error {
        E::Expired | E::ExpiryTooFar => "expiry",
        E::NotPayersKey
        | E::MandateUnknown
        | E::MandateMismatch
        | E::MandateRevoked
        | E::MandateExpired
        | E::MandateAudience
        | E::MandatePerPayment
        | E::MandateExceeded => "signer",
        E::UnknownPayee | E::PayerIsPayee | E::AccountClosed => "payees",
        // Those of mandates are in `trees`, for version 1 cannot have them.
        E::TooManyCopies
        | E::ClaimLost
        | E::Unavailable(_)
        | E::MandatePayee
        | E::MandatePaused
        | E::MandateUnitPrice
        | E::MandatePerDay
        | E::MandatePerMonth => "not in the command",
        E::CounterExhausted | E::TooManyCounters => "counters",
        other => other.code(),
    }
}

/// Puts one fault into a command that is right otherwise.
fn spoil(buy: &mut Buy, error: AuthorizeError) {
    use AuthorizeError as E;
    match error {
        E::WrongNode => buy.order.node = NodeId::new(1).unwrap(),
        E::WrongPurchase => buy.purchase.digest = None,
        E::OrderIdTaken => buy.order.id = OrderId::new(900).unwrap(),
        E::IdempotencyConflict => {
            buy.idempotency = Some(Idempotency { key: [1; 32], fingerprint: [2; 32] });
        }
        E::AlreadyUsed => *buy = Buy { idempotency: buy.idempotency.clone(), ..used() },
        E::WrongPayee => buy.terms.pay_to = payee(4),
        E::WrongAsset => buy.terms.amount = Amount::new(buy.terms.amount.units(), asset("EUR")),
        E::WrongAmount => {
            buy.terms.amount = Amount::new(buy.order.amount.units() + 1, buy.terms.amount.asset());
        }
        E::Expired => buy.order.expires_at_ms = START_MS + 10,
        E::ExpiryTooFar => buy.order.expires_at_ms = START_MS + 10 + DAY_MS + 1,
        E::UnknownAsset => {
            buy.order.amount = Amount::new(buy.order.amount.units(), asset("XYZ"));
            buy.terms.amount = buy.order.amount;
        }
        E::NotPayersKey => sign_by(buy, 66),
        E::MandateUnknown => {
            sign_by(buy, 100);
            buy.order.mandate = Some(MandateId::new(99).unwrap());
        }
        E::MandateMismatch => {
            *buy = buy.clone().under(&mandates().revoked);
            sign_by(buy, 66);
        }
        E::MandateRevoked => *buy = buy.clone().under(&mandates().revoked),
        E::MandateExpired => *buy = buy.clone().under(&mandates().expired),
        E::MandateAudience => *buy = buy.clone().under(&mandates().elsewhere),
        E::MandatePerPayment => *buy = buy.clone().under(&mandates().small),
        E::MandateExceeded => *buy = buy.clone().under(&mandates().spent),
        E::UnknownPayee => buy.terms.split = Some(whole(payee(99))),
        E::PayerIsPayee => buy.terms.split = Some(whole(payer(1))),
        E::AccountClosed => buy.terms.split = Some(whole(payee(50))),
        E::InsufficientFunds => {
            buy.order.amount = units(HUGE);
            buy.terms.amount = units(HUGE);
        }
        E::CounterExhausted => buy.counters = vec![counter(1, 0)],
        E::TooManyCounters => {
            buy.counters = (1..=5).map(|number| counter(number, 1)).collect();
        }
        other => panic!("{other:?} is not in the command"),
    }
}

fn counter(number: u8, max: u32) -> Counter {
    Counter { id: [number; 16], max, ends_at_ms: u64::MAX }
}

fn sign_by(buy: &mut Buy, number: u8) {
    buy.signer = number;
    buy.order.signer = key(number).public();
}

fn whole(account: AccountId) -> (Vec<AccountId>, Shares) {
    (vec![account], Shares::new(vec![1_000_000]).unwrap())
}

fn in_the_command() -> impl Iterator<Item = AuthorizeError> {
    let all = AuthorizeError::ALL.iter().copied();
    all.filter(|error| kind(*error) != "not in the command")
}

fn sound() -> Buy {
    Buy::new(1, 100).mode(Mode::Charge)
}

#[tokio::test]
async fn every_fault_is_named_and_leaves_no_trace() {
    let world = prepared().await;
    let before = world.everything().await;
    for error in in_the_command() {
        for mode in [Mode::Check, Mode::Claim, Mode::Hold { seconds: 9 }, Mode::Charge] {
            let mut buy = sound();
            spoil(&mut buy, error);
            buy.mode = mode;
            assert_eq!(world.refused(&buy).await, error, "{mode:?}");
        }
    }
    assert_eq!(world.everything().await, before);
    world.charge(&sound()).await;
}

#[tokio::test]
async fn of_two_faults_the_first_is_named() {
    let world = prepared().await;
    let before = world.everything().await;
    let mut pairs = 0;
    for first in in_the_command() {
        let after = in_the_command().skip_while(|error| *error != first).skip(1);
        for second in after.filter(|second| kind(*second) != kind(first)) {
            // A key is the payer's: in a stranger's order, or another account's, it means nothing.
            let is_strange = kind(second) == "signer" || second == AuthorizeError::UnknownAsset;
            if first == AuthorizeError::IdempotencyConflict && is_strange {
                continue;
            }
            let mut buy = sound();
            spoil(&mut buy, second);
            spoil(&mut buy, first);
            assert_eq!(world.refused(&buy).await, first, "before {second:?}");
            pairs += 1;
        }
    }
    assert!(pairs > 100, "{pairs}");
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn an_unknown_payee_comes_before_the_payer_itself() {
    let world = prepared().await;
    let mut buy = sound();
    let shares = Shares::new(vec![500_000, 500_000]).unwrap();
    buy.terms.split = Some((vec![payer(1), payee(99)], shares));
    assert_eq!(world.refused(&buy).await, AuthorizeError::UnknownPayee);
    let shares = Shares::new(vec![500_000, 500_000]).unwrap();
    buy.terms.split = Some((vec![payee(50), payer(1)], shares));
    assert_eq!(world.refused(&buy).await, AuthorizeError::PayerIsPayee);
}
