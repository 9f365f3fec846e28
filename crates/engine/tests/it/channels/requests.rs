//! Requests that are paid from a channel: one at a time, each charged and executed once, whatever is
//! repeated, lost or given up.

use engine::{Begun, ChannelError, Present, PresentMode, Spend};
use instrument::PurchaseDigest;
use tokio::task::JoinHandle;

use super::parts::{Channel, DEPOSIT, LEASE_SECONDS, amounts, proceed, replayed};
use crate::world::{World, outcome};

const LEASE_MS: u64 = LEASE_SECONDS as u64 * 1000;

type Answer = Result<Begun, ChannelError>;

/// A copy that waits for the outcome of the request that is being served.
async fn waiting(world: &World, command: Present) -> JoinHandle<Answer> {
    let engine = world.engine.clone();
    let copy = tokio::spawn(async move { engine.present(command).await });
    for _ in 0..8 {
        tokio::task::yield_now().await;
        world.engine.read(|_| ()).await.unwrap();
    }
    assert!(!copy.is_finished());
    copy
}

fn charged(answer: Answer) -> (u128, Option<String>) {
    match answer {
        Ok(Begun::Replay { charged, outcome, .. }) => {
            let body = outcome.map(|outcome| String::from_utf8(outcome.body.to_vec()).unwrap());
            (charged.units(), body)
        }
        other => panic!("{other:?}"),
    }
}

async fn refused(world: &World, command: Present) -> ChannelError {
    world.engine.present(command).await.unwrap_err()
}

#[tokio::test]
async fn copies_wait_and_get_the_outcome() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    for (sequence, mode) in [(1, PresentMode::Lease), (2, PresentMode::Reserve)] {
        let proof = channel.voucher(sequence, 500);
        let command = Present { mode, ..channel.present(proof, 100) };
        let (lease, view) = proceed(&world, command.clone()).await;
        let mut copies = Vec::new();
        for _ in 0..3 {
            copies.push(waiting(&world, command.clone()).await);
        }
        let mut other = command.clone();
        other.purchase = PurchaseDigest([8; 32]);
        assert_eq!(refused(&world, other).await, ChannelError::VoucherReused);
        let next = channel.present(channel.voucher(sequence + 1, 500), 100);
        assert_eq!(refused(&world, next).await, ChannelError::Busy);
        let spend = channel.last_spend(lease, view.spent + 100, Some(outcome("one")));
        world.engine.spend(Spend { durable_outcome: true, ..spend }).await.unwrap();
        for copy in copies {
            let answer = copy.await.unwrap();
            assert_eq!(charged(answer), (100, Some("one".to_owned())));
        }
    }
    assert_eq!(channel.seen(&world).await.spent, 200);
}

#[tokio::test]
async fn a_lease_that_is_given_up_leaves_no_trace_and_goes_to_the_next_copy() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let before = channel.seen(&world).await;
    let command = channel.present(channel.voucher(1, 300), 100);
    let (lease, _) = proceed(&world, command.clone()).await;
    let copy = waiting(&world, command.clone()).await;
    let view = world.engine.give_up(channel.id(), lease, Some(outcome("failed"))).await.unwrap();
    assert_eq!(view, before);
    // Repeating it is harmless, also when the next one is at work.
    let Ok(Begun::Proceed { lease: next, .. }) = copy.await.unwrap() else {
        panic!("the copy must proceed");
    };
    assert_ne!(next, lease);
    assert_eq!(world.engine.give_up(channel.id(), lease, None).await.unwrap(), before);
    let late = world.engine.spend(channel.spend(lease, 100)).await;
    assert_eq!(late, Err(ChannelError::LeaseLost));
    world.engine.spend(channel.last_spend(next, 100, None)).await.unwrap();
    assert_eq!(replayed(&world, command).await, (100, None));
}

#[tokio::test]
async fn a_reserve_that_is_given_up_is_answered_and_never_executed_again() {
    let mut world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let command = channel.reserve(channel.voucher(1, 300), 100);
    let (lease, view) = proceed(&world, command.clone()).await;
    assert_eq!(amounts(&view), [DEPOSIT, 300, 0, 100, 0]);
    let copy = waiting(&world, command.clone()).await;
    let view = world.engine.give_up(channel.id(), lease, Some(outcome("failed"))).await.unwrap();
    assert_eq!(amounts(&view), [DEPOSIT, 300, 0, 0, 0]);
    assert_eq!(charged(copy.await.unwrap()), (0, Some("failed".to_owned())));
    world.restart().await;
    assert_eq!(replayed(&world, command).await, (0, Some("failed".to_owned())));
}

#[tokio::test]
async fn a_reserve_outlives_a_restart_and_ends_by_itself() {
    for reported in [true, false] {
        let mut world = World::new().await;
        let channel = Channel::new(1).opened(&world).await;
        let command = channel.reserve(channel.voucher(1, 300), 100);
        let (lease, _) = proceed(&world, command.clone()).await;
        world.restart().await;
        assert_eq!(amounts(&channel.seen(&world).await), [DEPOSIT, 300, 0, 100, 0]);
        let next = channel.present(channel.voucher(2, 400), 1);
        assert_eq!(refused(&world, next.clone()).await, ChannelError::Busy);
        let copy = waiting(&world, command.clone()).await;
        let cost = if reported {
            // Nobody knows whose the reserve was; who executed the request still reports it.
            world.engine.spend(channel.last_spend(lease, 70, None)).await.unwrap();
            70
        } else {
            world.clock.advance_ms(LEASE_MS + 1);
            0
        };
        assert_eq!(charged(copy.await.unwrap()), (cost, None));
        assert_eq!(amounts(&channel.seen(&world).await), [DEPOSIT, 300, cost, 0, 0]);
        assert_eq!(replayed(&world, command).await, (cost, None));
        proceed(&world, next).await;
    }
}

#[tokio::test]
async fn a_lease_that_was_not_charged_is_forgotten_at_a_restart() {
    let mut world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let before = channel.seen(&world).await;
    let command = channel.present(channel.voucher(1, 300), 100);
    let (old, _) = proceed(&world, command.clone()).await;
    world.restart().await;
    assert_eq!(channel.seen(&world).await, before);
    let late = world.engine.spend(channel.spend(old, 100)).await;
    assert_eq!(late, Err(ChannelError::LeaseLost));
    let (lease, _) = proceed(&world, command).await;
    world.engine.spend(channel.last_spend(lease, 100, None)).await.unwrap();
}

#[tokio::test]
async fn a_stream_is_paid_step_by_step_and_the_last_step_can_come_back() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let command = channel.present(channel.voucher(1, 30), 10);
    let (lease, _) = proceed(&world, command.clone()).await;
    for total in [10, 20, 30, 30] {
        let view = world.engine.spend(channel.spend(lease, total)).await.unwrap();
        assert_eq!((view.spent, view.accepted), (total, 30));
    }
    let over = world.engine.spend(channel.spend(lease, 40)).await;
    assert_eq!(over, Err(ChannelError::SpendAboveAccepted));
    world.engine.accept(channel.voucher(2, 100)).await.unwrap();
    world.engine.spend(channel.spend(lease, 40)).await.unwrap();
    let view = world.engine.spend(channel.last_spend(lease, 33, Some(outcome("")))).await.unwrap();
    assert_eq!(amounts(&view), [DEPOSIT, 100, 33, 0, 0]);
    // The request is known by the voucher that it began with, though there is a newer one.
    assert_eq!(replayed(&world, command).await, (33, Some(String::new())));
}

#[tokio::test]
async fn a_stream_after_a_restart_has_paid_for_what_was_durable() {
    let mut world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    channel.buy(&world, 1, 50, 50).await;
    let command = channel.present(channel.voucher(2, 200), 10);
    let (lease, _) = proceed(&world, command.clone()).await;
    world.engine.spend(channel.spend(lease, 60)).await.unwrap();
    world.engine.spend(channel.spend(lease, 70)).await.unwrap();
    world.restart().await;
    assert_eq!(replayed(&world, command).await, (20, None));
    let late = world.engine.spend(channel.spend(lease, 80)).await;
    assert_eq!(late, Err(ChannelError::LeaseLost));
    channel.buy(&world, 3, 200, 5).await;
    let view = world.engine.settle_channel(channel.id()).await.unwrap();
    assert_eq!(amounts(&view), [DEPOSIT, 200, 75, 0, 75]);
}

#[tokio::test]
async fn a_lease_without_a_sign_of_life_ends_and_a_spend_is_one() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let (lease, _) = proceed(&world, channel.present(channel.voucher(1, 300), 10)).await;
    world.clock.advance_ms(LEASE_MS - 1);
    world.engine.spend(channel.spend(lease, 10)).await.unwrap();
    world.clock.advance_ms(LEASE_MS - 1);
    world.engine.spend(channel.spend(lease, 20)).await.unwrap();
    world.clock.advance_ms(LEASE_MS + 1);
    // What was charged stays charged, and the channel is free.
    let next = channel.present(channel.voucher(2, 300), 10);
    let begun = loop {
        match world.engine.present(next.clone()).await {
            Err(ChannelError::Busy) => tokio::task::yield_now().await,
            other => break other.unwrap(),
        }
    };
    assert!(matches!(begun, Begun::Proceed { .. }));
    assert_eq!(channel.seen(&world).await.spent, 20);
    let late = world.engine.spend(channel.spend(lease, 30)).await;
    assert_eq!(late, Err(ChannelError::LeaseLost));
}

#[tokio::test]
async fn ticks_pay_for_requests_as_vouchers_do() {
    let mut world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let command = channel.present(channel.tick(3), 25);
    let (lease, view) = proceed(&world, command.clone()).await;
    assert_eq!((view.accepted, view.tick_index), (30, 3));
    world.engine.give_up(channel.id(), lease, None).await.unwrap();
    let (lease, _) = proceed(&world, command.clone()).await;
    world.engine.spend(channel.spend(lease, 25)).await.unwrap();
    world.engine.accept(channel.tick(5)).await.unwrap();
    let copy = waiting(&world, command.clone()).await;
    world.engine.spend(channel.last_spend(lease, 45, Some(outcome("tune")))).await.unwrap();
    assert_eq!(charged(copy.await.unwrap()), (45, Some("tune".to_owned())));
    let mut other = command.clone();
    other.purchase = PurchaseDigest([8; 32]);
    assert_eq!(refused(&world, other).await, ChannelError::VoucherReused);
    world.restart().await;
    assert_eq!(replayed(&world, command).await, (45, None));
    // Voucher and tick raise one total.
    world.engine.accept(channel.voucher(1, 49)).await.unwrap();
    let view = world.engine.accept(channel.tick(6)).await.unwrap();
    assert_eq!((view.accepted, view.sequence, view.tick_index), (60, 1, 6));
}

#[tokio::test]
async fn a_request_waits_for_the_next_voucher() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let (lease, _) = proceed(&world, channel.present(channel.voucher(1, 10), 10)).await;
    world.engine.spend(channel.spend(lease, 10)).await.unwrap();
    let wait = |above| {
        let (engine, id) = (world.engine.clone(), channel.id());
        tokio::spawn(async move { engine.await_accepted(id, lease, above, 60_000).await })
    };
    // More than that is there already.
    assert_eq!(wait(9).await.unwrap().unwrap().accepted, 10);
    let waiting = wait(15);
    tokio::task::yield_now().await;
    world.engine.accept(channel.voucher(2, 15)).await.unwrap();
    assert!(!waiting.is_finished());
    world.engine.accept(channel.voucher(3, 16)).await.unwrap();
    assert_eq!(waiting.await.unwrap().unwrap().accepted, 16);
    // Waiting is a sign of life: the lease lasts its seconds from the end of the wait.
    let waiting = wait(16);
    tokio::task::yield_now().await;
    world.engine.read(|_| ()).await.unwrap();
    world.clock.advance_ms(60_001);
    assert_eq!(waiting.await.unwrap().unwrap().accepted, 16);
    world.engine.spend(channel.spend(lease, 16)).await.unwrap();
    let lost = engine::ClaimToken(lease.0 + 1);
    let strange = world.engine.await_accepted(channel.id(), lost, 0, 1).await;
    assert_eq!(strange, Err(ChannelError::LeaseLost));
}

#[tokio::test]
async fn the_same_proof_again_changes_nothing() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    for proof in [channel.voucher(4, 30), channel.tick(4)] {
        let first = world.engine.accept(proof).await.unwrap();
        assert_eq!(world.engine.accept(proof).await.unwrap(), first);
    }
    let claimed = world.engine.claim(channel.voucher(5, 60)).await.unwrap();
    assert_eq!(amounts(&claimed), [DEPOSIT, 60, 60, 0, 0]);
    assert_eq!(world.engine.claim(channel.voucher(5, 60)).await.unwrap(), claimed);
    // A lower total takes nothing back.
    assert_eq!(world.engine.claim(channel.tick(5)).await.unwrap().spent, 60);
    assert_eq!(channel.seen(&world).await.voucher.unwrap().cumulative, 60);
}

#[tokio::test]
async fn a_caller_that_has_gone_keeps_nobody_out() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    for mode in [PresentMode::Lease, PresentMode::Reserve] {
        let sequence = if mode == PresentMode::Lease { 1 } else { 2 };
        let command = Present { mode, ..channel.present(channel.voucher(sequence, 50), 10) };
        // The call is made and its answer never taken.
        let mut gone = Box::pin(world.engine.present(command));
        let polled = futures_poll(gone.as_mut());
        assert!(polled.is_none());
        drop(gone);
        let next = channel.present(channel.voucher(sequence + 1, 50), 10);
        let begun = loop {
            match world.engine.present(next.clone()).await {
                Err(ChannelError::Busy) => tokio::task::yield_now().await,
                other => break other.unwrap(),
            }
        };
        let Begun::Proceed { lease, .. } = begun else { panic!("{begun:?}") };
        world.engine.give_up(channel.id(), lease, None).await.unwrap();
    }
    assert_eq!(channel.seen(&world).await.reserved, 0);
}

fn futures_poll<T>(call: std::pin::Pin<&mut impl Future<Output = T>>) -> Option<T> {
    match call.poll(&mut std::task::Context::from_waker(std::task::Waker::noop())) {
        std::task::Poll::Ready(answer) => Some(answer),
        std::task::Poll::Pending => None,
    }
}

#[tokio::test]
async fn one_copy_too_many_is_refused() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let command = channel.present(channel.voucher(1, 300), 100);
    let (lease, _) = proceed(&world, command.clone()).await;
    let copies: Vec<_> = (0..64)
        .map(|_| {
            let (engine, command) = (world.engine.clone(), command.clone());
            tokio::spawn(async move { engine.present(command).await })
        })
        .collect();
    for _ in 0..8 {
        tokio::task::yield_now().await;
        world.engine.read(|_| ()).await.unwrap();
    }
    assert_eq!(refused(&world, command).await, ChannelError::TooManyCopies);
    world.engine.spend(channel.last_spend(lease, 100, None)).await.unwrap();
    for copy in copies {
        assert_eq!(charged(copy.await.unwrap()), (100, None));
    }
    assert_eq!(channel.seen(&world).await.spent, 100);
}
