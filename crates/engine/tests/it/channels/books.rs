//! The ledger behind channels: who gets what of a split, and that nobody else's transfers come in
//! between; then the state as a whole, restarted, snapshotted and checked.

use engine::{BatchError, ChannelPhase, Closing, system_account};
use ledger::CreateTransferStatus;
use money::{ChannelId, TransferId};
use sha2::{Digest, Sha256};

use super::parts::{Channel, DEPOSIT, amounts, proceed};
use crate::batches::{self, alone, assert_sound, statuses, transfer};
use crate::world::{FUNDS, Granted, World, outcome, payee, payer, usd};

/// Id of a transfer of the channel's hold of this number: part 0 holds, 1 ends the hold, from 2 on
/// are the legs of a split.
fn own(channel: ChannelId, hold: u64, part: u64) -> TransferId {
    let digest = Sha256::new()
        .chain_update(b"farthing/channel-transfer/1")
        .chain_update(channel.to_be_bytes())
        .chain_update(hold.to_be_bytes())
        .chain_update(part.to_be_bytes())
        .finalize();
    TransferId::from_digest(&digest.into())
}

#[tokio::test]
async fn a_split_is_shared_out_at_every_settlement() {
    let mut world = World::new().await;
    let channel = Channel::new(1).split().opened(&world).await;
    let residue = system_account("residue", usd());
    channel.buy(&world, 1, 1000, 100).await;
    world.engine.settle_channel(channel.id()).await.unwrap();
    // 66.6667 and 33.3333 of 100, each rounded down.
    assert_eq!(world.available(payee(1)).await, 66);
    assert_eq!(world.available(payee(2)).await, 33);
    assert_eq!(world.available(residue).await, 1);
    assert_eq!(world.held(payer(1)).await, DEPOSIT - 100);
    world.restart().await;
    channel.buy(&world, 2, 1000, 1).await;
    let view = world.engine.close_channel(Closing::Agreed(channel.close(101))).await.unwrap();
    assert_eq!((view.state, view.settled), (ChannelPhase::Closed, 101));
    assert_eq!(world.available(payee(1)).await, 66);
    assert_eq!(world.available(payee(2)).await, 33);
    assert_eq!(world.available(residue).await, 2);
    assert_eq!(world.available(payer(1)).await, FUNDS - 101);
    assert_sound(&mut world).await;
}

/// All that is held can be spent and settled, and the channel lives on.
#[tokio::test]
async fn a_channel_that_is_settled_to_the_end_can_be_topped_up() {
    for channel in [Channel::new(1), Channel::new(2).split()] {
        let mut world = World::new().await;
        let channel = channel.opened(&world).await;
        channel.buy(&world, 1, DEPOSIT, DEPOSIT).await;
        let view = world.engine.settle_channel(channel.id()).await.unwrap();
        assert_eq!(amounts(&view), [DEPOSIT, DEPOSIT, DEPOSIT, 0, DEPOSIT]);
        assert_eq!(world.held(payer(1)).await, 0);
        // Nothing is left to settle, which is fine.
        assert_eq!(world.engine.settle_channel(channel.id()).await.unwrap(), view);
        world.engine.top_up(channel.top_up(DEPOSIT + 5)).await.unwrap();
        assert_eq!(world.held(payer(1)).await, 5);
        channel.buy(&world, 2, DEPOSIT + 5, 5).await;
        channel.close_by_payee(&world).await.unwrap();
        assert_eq!(world.available(payer(1)).await, FUNDS - DEPOSIT - 5);
        assert_sound(&mut world).await;
    }
}

#[tokio::test]
async fn batches_keep_off_the_transfers_of_an_open_channel() {
    let mut world = batches::world().await;
    let channel = Channel::new(1).split().opened(&world).await;
    let id = channel.id();
    let hold = world.engine.lookup_transfers(vec![own(id, 0, 0)]).await.unwrap()[0];
    let hold = hold.expect("the hold is a transfer of the ledger").transfer;
    assert_eq!((hold.amount, hold.user_data, hold.code), (DEPOSIT, id.get(), 3));
    let spare = |number: u64| own(id, 77, number);
    let mut attempts = vec![hold.post(spare(0), 1), hold.void(spare(1))];
    for part in 1..5 {
        attempts
            .push(ledger::Transfer { id: own(id, 0, part), ..transfer(1, alone(1), alone(2), 1) });
    }
    for attempt in attempts {
        let harmless = transfer(900, alone(1), alone(2), 1);
        let refused = world.engine.create_transfers(vec![harmless, attempt]).await;
        assert_eq!(refused, Err(BatchError::PaymentHold { index: 1 }));
    }
    channel.buy(&world, 1, 300, 100).await;
    channel.close_by_payee(&world).await.unwrap();
    assert_eq!(world.available(payee(1)).await, 66);
    assert_sound(&mut world).await;
}

/// Ids of holds to come are free for anybody; whoever takes one is passed by.
#[tokio::test]
async fn an_id_that_was_taken_before_is_passed_by() {
    let mut world = batches::world().await;
    let channel = Channel::new(1).split();
    let id = channel.id();
    let used = |at, id| ledger::Transfer { id, ..transfer(at, alone(1), alone(2), 1) };
    // Before it opens: the first hold, and a leg of the second. Later ones: one that was only tried.
    let taken = [used(1, own(id, 0, 0)), used(2, own(id, 1, 4))];
    batches::make(&world.engine, &taken).await;
    let burned = ledger::Transfer { id: own(id, 3, 1), ..transfer(3, alone(99), alone(2), 1) };
    let refused = statuses(&world.engine, &[burned]).await;
    assert_eq!(refused, [CreateTransferStatus::DebitAccountNotFound]);
    let channel = channel.opened(&world).await;
    let holds = vec![own(id, 0, 0), own(id, 1, 0), own(id, 2, 0)];
    let found = world.engine.lookup_transfers(holds).await.unwrap();
    assert_eq!(
        found.iter().map(|found| found.map(|found| found.transfer.amount)).collect::<Vec<_>>(),
        [Some(1), None, Some(DEPOSIT)]
    );
    channel.buy(&world, 1, 300, 100).await;
    world.engine.settle_channel(id).await.unwrap();
    let next = world.engine.lookup_transfers(vec![own(id, 3, 0), own(id, 4, 0)]).await.unwrap();
    assert!(next[0].is_none() && next[1].is_some(), "{next:?}");
    channel.close_by_payee(&world).await.unwrap();
    assert_sound(&mut world).await;
}

/// Channels in every state that a snapshot can meet.
#[tokio::test]
async fn a_snapshot_tells_of_every_channel() {
    let mut world = World::new().await;
    let granted = Granted::new(1, 2, 5_000, 50_000);
    world.grant(&granted).await;
    let fresh = Channel::new(1).opened(&world).await;
    let ticking = Channel::new(2).by(2).opened(&world).await;
    world.engine.accept(ticking.tick(4)).await.unwrap();
    let reserved = Channel::new(3).under(&granted).split().opened(&world).await;
    proceed(&world, reserved.reserve(reserved.voucher(1, 50), 20)).await;
    let closing = Channel::new(4).opened(&world).await;
    closing.buy(&world, 1, 90, 70).await;
    world.engine.close_channel(Closing::ByPayer(closing.close(70))).await.unwrap();
    let settled = Channel::new(5).split().opened(&world).await;
    settled.buy(&world, 1, 90, 70).await;
    world.engine.settle_channel(settled.id()).await.unwrap();
    let streaming = Channel::new(6).opened(&world).await;
    let (lease, _) = proceed(&world, streaming.present(streaming.voucher(1, 90), 5)).await;
    world.engine.spend(streaming.spend(lease, 5)).await.unwrap();
    world.engine.spend(streaming.spend(lease, 10)).await.unwrap();
    let kept = Channel::new(7).opened(&world).await;
    let command = kept.reserve(kept.voucher(1, 50), 20);
    let (lease, _) = proceed(&world, command.clone()).await;
    let spend = kept.last_spend(lease, 20, Some(outcome("kept")));
    world.engine.spend(engine::Spend { durable_outcome: true, ..spend }).await.unwrap();
    let closed = Channel::new(8).opened(&world).await;
    closed.buy(&world, 1, 90, 70).await;
    closed.close_by_payee(&world).await.unwrap();
    let all = [fresh, ticking, reserved, closing, settled, streaming, kept.clone(), closed];
    let mut before = Vec::new();
    for channel in &all {
        before.push(channel.seen(&world).await);
    }
    assert_sound(&mut world).await;
    let started = world.restart().await;
    assert_eq!(started.replayed_batches, 0, "the snapshot was not used");
    for (channel, before) in all.iter().zip(&before) {
        assert_eq!(channel.seen(&world).await, *before);
    }
    let again = super::parts::replayed(&world, command).await;
    assert_eq!(again, (20, Some("kept".to_owned())));
    // Each goes on from there.
    all[1].buy(&world, 1, 60, 60).await;
    world.engine.accept(all[1].tick(7)).await.unwrap();
    assert_eq!(all[1].seen(&world).await.accepted, 70);
    world.clock.advance_ms(60_000);
    for channel in &all[..7] {
        // Time has closed one of them meanwhile.
        channel.close_by_payee(&world).await.unwrap();
    }
    for number in 1..=3 {
        assert_eq!(world.held(payer(number)).await, 0);
    }
    assert_sound(&mut world).await;
}
