//! The life of a channel: its money at every step, on both sides.

use engine::{ChannelPhase, Closing};

use super::parts::{Channel, DEPOSIT, amounts, proceed, replayed};
use crate::world::{FUNDS, World, outcome, payee, payer};

#[tokio::test]
async fn what_is_spent_is_paid_and_the_rest_comes_back() {
    let mut world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    assert_eq!(world.available(payer(1)).await, FUNDS - DEPOSIT);
    assert_eq!(world.held(payer(1)).await, DEPOSIT);
    assert_eq!(amounts(&channel.seen(&world).await), [DEPOSIT, 0, 0, 0, 0]);
    channel.buy(&world, 1, 300, 100).await;
    channel.buy(&world, 2, 300, 150).await;
    assert_eq!(amounts(&channel.seen(&world).await), [DEPOSIT, 300, 250, 0, 0]);
    assert_eq!(world.available(payee(1)).await, 0);
    let view = world.engine.settle_channel(channel.id()).await.unwrap();
    assert_eq!(amounts(&view), [DEPOSIT, 300, 250, 0, 250]);
    assert_eq!(world.available(payee(1)).await, 250);
    assert_eq!(world.held(payer(1)).await, DEPOSIT - 250);
    let view = world.engine.top_up(channel.top_up(2 * DEPOSIT)).await.unwrap();
    assert_eq!(amounts(&view), [2 * DEPOSIT, 300, 250, 0, 250]);
    assert_eq!(world.held(payer(1)).await, 2 * DEPOSIT - 250);
    world.restart().await;
    channel.buy(&world, 3, 1500, 1000).await;
    let view = world.engine.close_channel(Closing::Agreed(channel.close(1250))).await.unwrap();
    assert_eq!(view.state, ChannelPhase::Closed);
    assert_eq!(amounts(&view), [2 * DEPOSIT, 1500, 1250, 0, 1250]);
    assert_eq!(world.available(payee(1)).await, 1250);
    assert_eq!(world.available(payer(1)).await, FUNDS - 1250);
    assert_eq!(world.held(payer(1)).await, 0);
    world.assert_balanced().await;
    world.restart().await;
    assert_eq!(channel.seen(&world).await, view);
    world.assert_balanced().await;
}

#[tokio::test]
async fn a_request_is_answered_again_and_not_charged_again() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let command = channel.present(channel.voucher(1, 100), 100);
    let (lease, view) = proceed(&world, command.clone()).await;
    assert_eq!(amounts(&view), [DEPOSIT, 100, 0, 0, 0]);
    let spend = channel.last_spend(lease, 100, Some(outcome("first")));
    world.engine.spend(spend.clone()).await.unwrap();
    // The answer was lost, so the report is repeated.
    assert_eq!(world.engine.spend(spend).await.unwrap().spent, 100);
    let again = replayed(&world, command).await;
    assert_eq!(again, (100, Some("first".to_owned())));
    assert_eq!(channel.seen(&world).await.spent, 100);
}
