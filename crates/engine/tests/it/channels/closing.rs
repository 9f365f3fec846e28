//! The end of a channel: by agreement, by either side, by time; what each side can still do; and that
//! a closed channel stays as it ended.

use engine::{AccountView, Begun, ChannelError, ChannelPhase, Closing};
use instrument::Signed;
use instrument::channel::Close;

use super::parts::{Channel, DEPOSIT, HOUR_MS, amounts, proceed};
use crate::batches::{self, close, make};
use crate::world::{FUNDS, Granted, START_MS, World, key, payee, payer};

#[tokio::test]
async fn the_payer_alone_gets_its_money_back_after_the_delay() {
    let mut world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    channel.buy(&world, 1, 300, 100).await;
    let view = world.engine.close_channel(Closing::ByPayer(channel.close(0))).await.unwrap();
    assert_eq!(view.state, ChannelPhase::Closing);
    assert_eq!(view.closes_at_ms, Some(START_MS + 60_000));
    // Asking again does not put it off.
    world.clock.advance_ms(30_000);
    let again = world.engine.close_channel(Closing::ByPayer(channel.close(0))).await.unwrap();
    assert_eq!(again, view);
    world.restart().await;
    world.clock.advance_ms(29_999);
    assert_eq!(channel.seen(&world).await.state, ChannelPhase::Closing);
    world.clock.advance_ms(1);
    wait_until_closed(&world, &channel).await;
    assert_eq!(world.available(payee(1)).await, 100);
    assert_eq!(world.available(payer(1)).await, FUNDS - 100);
    world.assert_balanced().await;
}

/// Nobody calls: the sweep of the writer closes it.
async fn wait_until_closed(world: &World, channel: &Channel) {
    while channel.seen(world).await.state != ChannelPhase::Closed {
        tokio::task::yield_now().await;
    }
}

#[tokio::test]
async fn while_it_closes_the_payee_claims_and_nothing_new_begins() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let running = channel.present(channel.voucher(1, 300), 10);
    let (lease, _) = proceed(&world, running).await;
    world.engine.close_channel(Closing::ByPayer(channel.close(0))).await.unwrap();
    // What has begun may end, and is paid for.
    world.engine.spend(channel.last_spend(lease, 10, None)).await.unwrap();
    let next = channel.present(channel.voucher(2, 300), 10);
    assert_eq!(world.engine.present(next).await, Err(ChannelError::Closing));
    let top_up = world.engine.top_up(channel.top_up(2 * DEPOSIT)).await;
    assert_eq!(top_up, Err(ChannelError::Closing));
    let view = world.engine.claim(channel.voucher(3, 400)).await.unwrap();
    assert_eq!(amounts(&view), [DEPOSIT, 400, 400, 0, 0]);
    world.clock.advance_ms(60_000);
    let late = world.engine.claim(channel.voucher(4, 500)).await;
    assert_eq!(late, Err(ChannelError::Closed));
    assert_eq!(amounts(&channel.seen(&world).await), [DEPOSIT, 400, 400, 0, 400]);
    assert_eq!(world.available(payee(1)).await, 400);
}

#[tokio::test]
async fn a_channel_does_not_outlive_its_terms() {
    let mut world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    channel.buy(&world, 1, 300, 100).await;
    let (lease, _) = proceed(&world, channel.present(channel.voucher(2, 300), 10)).await;
    world.clock.advance_ms(HOUR_MS - 1);
    world.engine.read(|_| ()).await.unwrap();
    assert_eq!(channel.seen(&world).await.state, ChannelPhase::Open);
    world.clock.advance_ms(1);
    let late = world.engine.spend(channel.spend(lease, 110)).await;
    assert_eq!(late, Err(ChannelError::Closed));
    let view = channel.seen(&world).await;
    assert_eq!(amounts(&view), [DEPOSIT, 300, 100, 0, 100]);
    assert_eq!(view.closes_at_ms, Some(START_MS + HOUR_MS));
    // The terms open no second channel.
    assert_eq!(world.engine.open_channel(channel.command()).await.unwrap(), view);
    world.restart().await;
    assert_eq!(world.engine.open_channel(channel.command()).await.unwrap(), view);
    assert_eq!(world.available(payer(1)).await, FUNDS - 100);
}

#[tokio::test]
async fn agreement_waits_for_the_request_and_the_payee_does_not() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let command = channel.present(channel.voucher(1, 300), 10);
    let (lease, _) = proceed(&world, command.clone()).await;
    let agreed = world.engine.close_channel(Closing::Agreed(channel.close(0))).await;
    assert_eq!(agreed, Err(ChannelError::Busy));
    world.engine.spend(channel.spend(lease, 10)).await.unwrap();
    let (engine, copied) = (world.engine.clone(), command);
    let copy = tokio::spawn(async move { engine.present(copied).await });
    let (engine, id) = (world.engine.clone(), channel.id());
    let waiting = tokio::spawn(async move { engine.await_accepted(id, lease, 400, 60_000).await });
    for _ in 0..8 {
        tokio::task::yield_now().await;
        world.engine.read(|_| ()).await.unwrap();
    }
    let view = channel.close_by_payee(&world).await.unwrap();
    assert_eq!((view.state, view.settled), (ChannelPhase::Closed, 10));
    assert_eq!(waiting.await.unwrap().unwrap(), view);
    assert_eq!(copy.await.unwrap(), Err(ChannelError::Closed));
    let late = world.engine.spend(channel.spend(lease, 20)).await;
    assert_eq!(late, Err(ChannelError::Closed));
}

#[tokio::test]
async fn nobody_closes_over_a_request_that_executes_once() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let (lease, _) = proceed(&world, channel.reserve(channel.voucher(1, 300), 10)).await;
    let closings = [Closing::Agreed(channel.close(0)), Closing::ByPayee(channel.id())];
    for closing in closings {
        assert_eq!(world.engine.close_channel(closing).await, Err(ChannelError::Busy));
    }
    let busy = world.engine.claim(channel.voucher(2, 300)).await;
    assert_eq!(busy, Err(ChannelError::Busy));
    world.engine.spend(channel.last_spend(lease, 10, None)).await.unwrap();
    for closing in closings {
        // The second one finds it closed, and is told so with the same answer.
        let view = world.engine.close_channel(closing).await.unwrap();
        assert_eq!((view.state, view.settled), (ChannelPhase::Closed, 10));
    }
}

/// A request that executes once is paid for, however soon its payer lets the channel end.
#[tokio::test]
async fn time_closes_no_channel_over_a_request_that_executes_once() {
    for asks in [true, false] {
        let mut world = World::new().await;
        let mut channel = Channel::new(1);
        if asks {
            channel.terms.close_delay_seconds = 1;
        } else {
            channel.terms.expires_at_ms = START_MS + 1_000;
        }
        let channel = channel.opened(&world).await;
        let (lease, _) = proceed(&world, channel.reserve(channel.voucher(1, 300), 100)).await;
        if asks {
            world.engine.close_channel(Closing::ByPayer(channel.close(0))).await.unwrap();
        }
        world.clock.advance_ms(2_000);
        world.restart().await;
        assert_eq!(amounts(&channel.seen(&world).await), [DEPOSIT, 300, 0, 100, 0]);
        let late = world.engine.present(channel.present(channel.voucher(2, 300), 0)).await;
        let expected = if asks { ChannelError::Closing } else { ChannelError::Busy };
        assert_eq!(late, Err(expected));
        world.engine.spend(channel.last_spend(lease, 100, None)).await.unwrap();
        wait_until_closed(&world, &channel).await;
        assert_eq!(world.available(payee(1)).await, 100);
        assert_eq!(world.available(payer(1)).await, FUNDS - 100);
        world.assert_balanced().await;
    }
}

#[tokio::test]
async fn a_closed_channel_stays_as_it_ended() {
    let mut world = World::new().await;
    let channel = Channel::new(1).split().opened(&world).await;
    channel.buy(&world, 7, 300, 100).await;
    world.engine.accept(channel.tick(2)).await.unwrap();
    let view = channel.close_by_payee(&world).await.unwrap();
    let voucher = view.voucher.clone().unwrap();
    assert_eq!((view.sequence, voucher.sequence, voucher.cumulative), (7, 7, 300));
    assert_eq!((view.tick_index, view.description.as_str()), (2, "a stream"));
    for restarted in [false, true] {
        if restarted {
            world.restart().await;
        }
        let engine = &world.engine;
        let mine = Closing::ByPayer(channel.close(0));
        for closing in [mine, Closing::Agreed(channel.close(9)), Closing::ByPayee(channel.id())] {
            assert_eq!(engine.close_channel(closing).await.unwrap(), view);
        }
        let strange = Close { channel: channel.id(), cumulative: 0 };
        let strange = Closing::ByPayer(Signed::sign(strange, &key(77)));
        let refused = engine.close_channel(strange).await;
        assert_eq!(refused, Err(ChannelError::CloseSignature));
        let present = channel.present(channel.voucher(8, 400), 1);
        assert_eq!(engine.present(present).await, Err(ChannelError::Closed));
        assert_eq!(engine.accept(channel.voucher(8, 400)).await, Err(ChannelError::Closed));
        assert_eq!(engine.claim(channel.voucher(8, 400)).await, Err(ChannelError::Closed));
        assert_eq!(engine.settle_channel(channel.id()).await, Err(ChannelError::Closed));
        assert_eq!(engine.top_up(channel.top_up(9999)).await, Err(ChannelError::Closed));
        assert_eq!(engine.open_channel(channel.command()).await.unwrap(), view);
        assert_eq!(channel.seen(&world).await, view);
    }
    assert_eq!(world.held(payer(1)).await, 0);
}

#[tokio::test]
async fn every_key_that_may_close_may_and_no_other() {
    let world = World::new().await;
    let granted = Granted::new(1, 1, DEPOSIT, 10 * DEPOSIT);
    world.grant(&granted).await;
    // The voucher key, the delegate that signed the terms, and the payer behind the mandate.
    for (salt, signer) in [(1, 50), (2, granted.delegate), (3, 1)] {
        let channel = Channel::new(salt).under(&granted).opened(&world).await;
        let close = Close { channel: channel.id(), cumulative: 0 };
        let strange = Closing::Agreed(Signed::sign(close, &key(2)));
        let refused = world.engine.close_channel(strange).await;
        assert_eq!(refused, Err(ChannelError::CloseSignature));
        let closing = Closing::Agreed(Signed::sign(close, &key(signer)));
        let view = world.engine.close_channel(closing).await.unwrap();
        assert_eq!(view.state, ChannelPhase::Closed);
    }
}

/// The operator's programs have closed the payee's account: nothing can be paid there. What is not
/// spent comes back, what is spent waits.
#[tokio::test]
async fn a_closed_account_holds_up_what_is_owed_and_nothing_else() {
    let world = batches::world().await;
    let (spent, unspent) =
        (Channel::new(1).opened(&world).await, Channel::new(2).opened(&world).await);
    spent.buy(&world, 1, 300, 100).await;
    let closing = close(&world.engine, 1, payee(1)).await;
    let refused = world.engine.settle_channel(spent.id()).await;
    assert_eq!(refused, Err(ChannelError::AccountClosed));
    let refused = spent.close_by_payee(&world).await;
    assert_eq!(refused, Err(ChannelError::AccountClosed));
    assert_eq!(unspent.close_by_payee(&world).await.unwrap().state, ChannelPhase::Closed);
    world.clock.advance_ms(HOUR_MS);
    let refused = world.engine.settle_channel(spent.id()).await;
    assert_eq!(refused, Err(ChannelError::AccountClosed));
    assert_eq!(spent.seen(&world).await.state, ChannelPhase::Open);
    let read = |state: &engine::State| state.account(payer(1));
    let AccountView { held, .. } = world.engine.read(read).await.unwrap().unwrap();
    assert_eq!(held.units(), DEPOSIT);
    make(&world.engine, &[closing.void(batches::tr(2))]).await;
    wait_until_closed(&world, &spent).await;
    assert_eq!(world.available(payee(1)).await, 100);
    assert_eq!(world.available(payer(1)).await, FUNDS - 100);
}

#[tokio::test]
async fn the_payees_wish_comes_before_a_request_that_was_only_begun() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let command = channel.present(channel.voucher(1, 300), 10);
    assert!(matches!(world.engine.present(command).await, Ok(Begun::Proceed { .. })));
    let view = channel.close_by_payee(&world).await.unwrap();
    assert_eq!(amounts(&view), [DEPOSIT, 0, 0, 0, 0]);
}
