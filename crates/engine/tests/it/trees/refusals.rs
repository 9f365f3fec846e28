//! Why a mandate does not pay, in its order, for orders and channels alike.

use engine::{AuthorizeError, ChannelError, OpenChannelError};
use instrument::{Audience, Payees, UnitPrice};
use money::{Amount, Asset};

use super::{DAY_MS, Link, wide};
use crate::channels::parts::Channel;
use crate::world::{Buy, START_MS, World, key, payee, payer};

/// The amount that is asked for.
const AMOUNT: u128 = 100;

fn price(price: u128, per: u64) -> UnitPrice {
    UnitPrice { price, per: per.try_into().unwrap() }
}

/// Number of faults that [`faulty`] knows.
const FAULTS: usize = 8;

/// A root with the fault of this number and all those after it: payees, expiry, audience, unit
/// price, limit of a payment, a day, a month, all.
fn faulty(from: usize) -> Link {
    let mut limits = wide();
    if from <= 7 {
        limits.total = 99;
    }
    if from <= 6 {
        limits.per_month = 99;
    }
    if from <= 5 {
        limits.per_day = 99;
    }
    if from <= 4 {
        limits.per_payment = 99;
    }
    if from <= 3 {
        limits.unit_price = Some(price(3, 1001));
    }
    if from <= 2 {
        limits.audience = Some(Audience::of_origin("https://other.example"));
    }
    if from <= 1 {
        limits.expires_at_ms = START_MS + 1;
    }
    if from == 0 {
        limits.payees = Payees::new(&[payee(2)]).unwrap();
    }
    Link::root(u8::try_from(from).unwrap(), 1, limits)
}

#[tokio::test]
async fn orders_are_refused_by_the_first_fault() {
    use AuthorizeError as E;
    let world = World::new().await;
    for from in 0..=FAULTS {
        world.chain(&[faulty(from)]).await.unwrap();
    }
    let paused = Link::root(50, 1, faulty(1).terms.limits);
    let revoked = Link::root(51, 1, faulty(1).terms.limits);
    for link in [paused, revoked] {
        world.chain(&[link]).await.unwrap();
        world.pause(&link, 1, 1, true).await.unwrap();
    }
    world.end(&revoked, 1).await.unwrap();
    world.clock.advance_ms(10);
    let buy = |link: &Link| {
        let mut buy = link.buy(1, AMOUNT);
        buy.terms.unit_price = Some(price(3, 1000));
        buy
    };
    let expected = [
        (faulty(0), E::MandatePayee),
        (revoked, E::MandateRevoked),
        (paused, E::MandatePaused),
        (faulty(1), E::MandateExpired),
        (faulty(2), E::MandateAudience),
        (faulty(3), E::MandateUnitPrice),
        (faulty(4), E::MandatePerPayment),
        (faulty(5), E::MandatePerDay),
        (faulty(6), E::MandatePerMonth),
        (faulty(7), E::MandateExceeded),
    ];
    let before = world.everything().await;
    for (link, error) in expected {
        assert_eq!(world.refused(&buy(&link)).await, error);
    }
    // What is not paid by the unit has no price by the unit.
    let mut whole = buy(&faulty(3));
    whole.terms.unit_price = None;
    assert_eq!(world.refused(&whole).await, E::MandatePerPayment);
    assert_eq!(world.everything().await, before);
    world.charge(&buy(&faulty(FAULTS))).await;
}

fn channel(link: &Link, salt: u8) -> Channel {
    let mut channel = Channel::new(salt).deposit(AMOUNT);
    channel.signer = link.delegate;
    channel.terms.signer = link.terms.delegate;
    channel.terms.payer = link.terms.payer;
    channel.terms.mandate = Some(link.id());
    channel.terms.expires_at_ms = START_MS + 30 * DAY_MS;
    channel
}

#[tokio::test]
async fn channels_are_refused_by_the_first_fault() {
    use OpenChannelError as E;
    let world = World::new().await;
    for from in 0..=FAULTS {
        world.chain(&[faulty(from)]).await.unwrap();
    }
    let paused = Link::root(50, 1, faulty(1).terms.limits);
    world.chain(&[paused]).await.unwrap();
    world.pause(&paused, 1, 1, true).await.unwrap();
    world.clock.advance_ms(10);
    let expected = [
        (faulty(0), E::MandatePayee),
        (paused, E::MandatePaused),
        (faulty(1), E::MandateExpired),
        (faulty(2), E::MandateAudience),
        // A deposit buys nothing yet, so its unit price is that of the requests.
        (faulty(4), E::MandatePerPayment),
        (faulty(5), E::MandatePerDay),
        (faulty(6), E::MandatePerMonth),
        (faulty(7), E::MandateExceeded),
    ];
    let before = world.everything().await;
    for (link, error) in expected {
        let refused = world.engine.open_channel(channel(&link, 1).command()).await;
        assert_eq!(refused, Err(error));
    }
    assert_eq!(world.everything().await, before);
    channel(&faulty(FAULTS), 1).opened(&world).await;
}

#[tokio::test]
async fn a_mandate_speaks_for_its_own_payer_and_asset_by_its_own_delegate() {
    let world = World::new().await;
    let silver = Asset::new("XAG", 9).unwrap();
    world.engine.open_asset(silver, true).await.unwrap();
    let link = Link::root(1, 1, wide());
    world.chain(&[link]).await.unwrap();
    let before = world.everything().await;
    let spoil: [fn(&mut Buy, Amount); 3] = [
        |buy, _| buy.order.payer = payer(2),
        |buy, amount| (buy.order.amount, buy.terms.amount) = (amount, amount),
        |buy, _| (buy.signer, buy.order.signer) = (77, key(77).public()),
    ];
    for spoil in spoil {
        let mut buy = link.buy(1, AMOUNT);
        spoil(&mut buy, Amount::new(AMOUNT, silver));
        assert_eq!(world.refused(&buy).await, AuthorizeError::MandateMismatch);
    }
    let mut elsewhere = channel(&link, 1);
    elsewhere.terms.payer = payer(2);
    let refused = world.engine.open_channel(elsewhere.command()).await;
    assert_eq!(refused, Err(OpenChannelError::MandateMismatch));
    assert_eq!(world.everything().await, before);
    world.charge(&link.buy(1, AMOUNT)).await;
}

#[tokio::test]
async fn an_open_channel_is_bound_to_its_tree() {
    use ChannelError as E;
    let world = World::new().await;
    let mut limits = wide();
    (limits.per_day, limits.per_month) = (150, 180);
    let root = Link::root(1, 1, limits);
    limits.depth = 1;
    limits.unit_price = Some(price(3, 1000));
    let leaf = root.child(1, 10, limits);
    world.chain(&[root, leaf]).await.unwrap();
    let channel = channel(&leaf, 1).opened(&world).await;
    let top_up = |deposit| world.engine.top_up(channel.top_up(deposit));
    assert_eq!(top_up(AMOUNT + 51).await, Err(E::MandatePerDay));
    top_up(AMOUNT + 50).await.unwrap();
    assert_eq!(world.mandate(&root).await.unwrap().remaining.units(), 0);
    world.clock.advance_ms(16 * 3_600_000);
    assert_eq!(top_up(AMOUNT + 81).await, Err(E::MandatePerMonth));
    let mut dear = channel.present(channel.voucher(1, 10), 10);
    dear.unit_price = Some(price(4, 1000));
    assert_eq!(world.engine.present(dear.clone()).await, Err(E::MandateUnitPrice));
    world.pause(&root, 1, 1, true).await.unwrap();
    let fair = engine::Present { unit_price: Some(price(3, 1000)), ..dear };
    assert_eq!(world.engine.present(fair.clone()).await, Err(E::MandatePaused));
    assert_eq!(top_up(AMOUNT + 51).await, Err(E::MandatePaused));
    world.pause(&root, 1, 2, false).await.unwrap();
    world.engine.present(fair).await.unwrap();
}
