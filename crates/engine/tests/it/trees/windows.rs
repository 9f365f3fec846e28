//! What comes back, and to which day and month. The clock starts on a 15th of January at 8:00.

use engine::AuthorizeError;

use super::{DAY_MS, Link, wide};
use crate::channels::parts::Channel;
use crate::world::{Buy, START_MS, World};

const HOUR_MS: u64 = 3_600_000;

/// A root with 100 for a day, 150 for a month and 1,000 in all; and a child with all of it.
fn links() -> [Link; 2] {
    let mut limits = wide();
    (limits.per_day, limits.per_month, limits.total) = (100, 150, 1_000);
    let root = Link::root(1, 1, limits);
    limits.depth = 6;
    [root, root.child(1, 10, limits)]
}

async fn prepared() -> (World, Link) {
    let world = World::new().await;
    let [root, leaf] = links();
    world.chain(&[root, leaf]).await.unwrap();
    (world, leaf)
}

fn now(world: &World, buy: Buy) -> Buy {
    let mut buy = buy;
    buy.order.expires_at_ms = engine::Clock::now_ns(&world.clock) / 1_000_000 + 60_000;
    buy
}

async fn spent(world: &World, link: &Link) -> [u128; 3] {
    let view = world.mandate(link).await.unwrap();
    [view.spent_today, view.spent_this_month, view.spent].map(money::Amount::units)
}

#[tokio::test]
async fn a_day_begins_at_midnight_utc_and_a_month_with_its_first() {
    let (mut world, leaf) = prepared().await;
    world.charge(&leaf.buy(1, 100)).await;
    world.clock.advance_ms(16 * HOUR_MS - 10);
    let refused = world.refused(&now(&world, leaf.buy(2, 1))).await;
    assert_eq!(refused, AuthorizeError::MandatePerDay);
    world.clock.advance_ms(10);
    world.charge(&now(&world, leaf.buy(2, 50))).await;
    let refused = world.refused(&now(&world, leaf.buy(3, 1))).await;
    assert_eq!(refused, AuthorizeError::MandatePerMonth);
    // 31 January, 23:59:59.990.
    world.clock.advance_ms(16 * DAY_MS - 10);
    let refused = world.refused(&now(&world, leaf.buy(3, 1))).await;
    assert_eq!(refused, AuthorizeError::MandatePerMonth);
    world.restart().await;
    world.clock.advance_ms(10);
    world.charge(&now(&world, leaf.buy(3, 100))).await;
    assert_eq!(spent(&world, &leaf).await, [100, 100, 250]);
}

#[tokio::test]
async fn a_release_gives_back_to_the_day_of_the_hold() {
    let (world, leaf) = prepared().await;
    let (today, claim) = world.proceed(&leaf.buy(1, 60).held()).await;
    world.engine.release(today, claim, None).await.unwrap();
    assert_eq!(spent(&world, &leaf).await, [0, 0, 0]);
    // Held before midnight, settled for a part after it.
    world.clock.advance_ms(16 * HOUR_MS - 10_000);
    let (late, _) = world.proceed(&now(&world, leaf.buy(2, 60)).held()).await;
    world.clock.advance_ms(10_000);
    world.charge(&now(&world, leaf.buy(3, 30))).await;
    assert_eq!(spent(&world, &leaf).await, [30, 90, 90]);
    world.engine.settle(late, Some(20), None, false).await.unwrap();
    assert_eq!(spent(&world, &leaf).await, [30, 50, 50]);
    // One that nobody settles ends by itself.
    world.proceed(&now(&world, leaf.buy(4, 70)).held()).await;
    assert_eq!(spent(&world, &leaf).await, [100, 120, 120]);
    world.clock.advance_ms(31_000);
    assert_eq!(spent(&world, &leaf).await, [30, 50, 50]);
}

#[tokio::test]
async fn a_channel_gives_back_to_the_day_of_its_opening_only() {
    let (world, leaf) = prepared().await;
    let open = |salt, deposit| {
        let mut channel = Channel::new(salt).deposit(deposit);
        channel.signer = leaf.delegate;
        channel.terms.signer = leaf.terms.delegate;
        channel.terms.payer = leaf.terms.payer;
        channel.terms.mandate = Some(leaf.id());
        channel.terms.expires_at_ms = START_MS + 30 * DAY_MS;
        channel
    };
    let first = open(1, 40).opened(&world).await;
    let second = open(2, 40).opened(&world).await;
    assert_eq!(spent(&world, &leaf).await, [80, 80, 80]);
    first.buy(&world, 1, 10, 10).await;
    first.close_by_payee(&world).await.unwrap();
    assert_eq!(spent(&world, &leaf).await, [50, 50, 50]);
    world.clock.advance_ms(16 * HOUR_MS);
    world.engine.top_up(second.top_up(60)).await.unwrap();
    assert_eq!(spent(&world, &leaf).await, [20, 70, 70]);
    second.close_by_payee(&world).await.unwrap();
    // The whole deposit comes back: to the total and the month, and not to today.
    assert_eq!(spent(&world, &leaf).await, [20, 10, 10]);
}
