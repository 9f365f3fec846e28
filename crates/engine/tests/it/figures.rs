//! What a watcher reads: figures that follow the books.

use engine::vitals;

use crate::channels::parts::{Channel, DEPOSIT};
use crate::world::{Buy, World, usd};

#[tokio::test]
async fn vitals_follow_the_books() {
    let mut world = World::new().await;
    let before = world.engine.read(vitals).await.unwrap();
    let owed = before.assets[0].liabilities.units();
    assert!(owed > 0 && before.assets[0].asset.asset == usd(), "{before:?}");
    assert_eq!((before.holds_open, before.channels_open), (0, 0));

    world.charge(&Buy::new(1, 300)).await;
    world.proceed(&Buy::new(2, 200).held()).await;
    let channel = Channel::new(1).opened(&world).await;
    channel.buy(&world, 1, 300, 100).await;
    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        let found = world.engine.read(vitals).await.unwrap();
        let sums = found.assets[0];
        assert_eq!((found.payments, found.holds_open, found.channels_open), (2, 1, 1));
        // Money that moves inside stays owed.
        assert_eq!(sums.liabilities.units(), owed);
        assert_eq!((sums.held.units(), sums.exposure.units()), (200 + DEPOSIT, 100));
        assert!(found.last_entry_ns >= before.last_entry_ns);
    }
    world.engine.settle_channel(channel.id()).await.unwrap();
    let sums = world.engine.read(vitals).await.unwrap().assets[0];
    assert_eq!((sums.held.units(), sums.exposure.units()), (200 + DEPOSIT - 100, 0));
}

#[tokio::test]
async fn each_durable_batch_is_counted_and_the_number_outlives_a_restart() {
    let mut world = World::new().await;
    let before = world.engine.figures();
    assert!(!before.has_stopped && before.waiting == 0, "{before:?}");
    assert_eq!(before.syncs.count(), before.batch);
    world.charge(&Buy::new(1, 300)).await;
    let after = world.engine.figures();
    assert_eq!(after.batch, before.batch + 1);
    assert_eq!(after.syncs.since(&before.syncs).count(), 1);
    world.engine.read(|_| ()).await.unwrap();
    assert_eq!(world.engine.figures().batch, after.batch, "a look is no batch");
    world.restart().await;
    let again = world.engine.figures();
    assert_eq!((again.batch, again.syncs.count()), (after.batch, 0));
    world.engine.shutdown().await;
    assert!(world.engine.figures().has_stopped);
}
