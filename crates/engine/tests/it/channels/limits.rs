//! Bounds: of a payee, of a payer's balance, of a mandate, of what one account may have open.

use engine::{ChannelError, ChannelLimits, Engine, OpenChannelError};
use instrument::Audience;
use money::MandateId;

use super::parts::{Channel, DEPOSIT, amounts, proceed};
use crate::world::{FUNDS, Granted, START_MS, World, options, payee, payer};

async fn limited(limits: ChannelLimits) -> World {
    let mut world = World::new().await;
    world.engine.shutdown().await;
    let mut options = options(world.dir.path(), &world.clock);
    options.channel_limits.insert(payee(1), limits);
    world.engine = Engine::start(options).unwrap().engine;
    world
}

#[tokio::test]
async fn what_is_unsettled_stays_within_its_limit() {
    let limits = ChannelLimits { unsettled_max: 100, ..ChannelLimits::default() };
    let world = limited(limits).await;
    let channel = Channel::new(1).opened(&world).await;
    channel.buy(&world, 1, 1000, 100).await;
    assert_eq!(channel.seen(&world).await.settled, 0);
    channel.buy(&world, 2, 1000, 1).await;
    assert_eq!(channel.seen(&world).await.settled, 101);
    // The last step of a stream may come back, so it is not settled with the others.
    let (lease, _) = proceed(&world, channel.present(channel.voucher(3, 1000), 10)).await;
    world.engine.spend(channel.spend(lease, 301)).await.unwrap();
    assert_eq!(channel.seen(&world).await.settled, 101);
    let view = world.engine.spend(channel.spend(lease, 302)).await.unwrap();
    assert_eq!((view.spent, view.settled), (302, 301));
    let refused = world.engine.spend(channel.spend(lease, 300)).await;
    assert_eq!(refused, Err(ChannelError::SpendBelowStart));
    let view = world.engine.spend(channel.last_spend(lease, 301, None)).await.unwrap();
    assert_eq!((view.spent, view.settled), (301, 301));
    world.engine.claim(channel.voucher(4, 1000)).await.unwrap();
    assert_eq!(channel.seen(&world).await.settled, 1000);
    assert_eq!(world.available(payee(1)).await, 1000);
}

#[tokio::test]
async fn a_payees_exposure_is_settled_down_or_holds_up_what_is_new() {
    let limits = ChannelLimits { exposure_max: 100, ..ChannelLimits::default() };
    let world = limited(limits).await;
    let (one, two) =
        (Channel::new(1).opened(&world).await, Channel::new(2).by(2).opened(&world).await);
    one.buy(&world, 1, 500, 60).await;
    // Makes room by settling the other.
    two.buy(&world, 1, 500, 60).await;
    assert_eq!([one.seen(&world).await.settled, two.seen(&world).await.settled], [60, 0]);
    let too_much = one.present(one.voucher(2, 500), 101);
    assert_eq!(world.engine.present(too_much).await, Err(ChannelError::PayeeExposure));
    let (lease, _) = proceed(&world, one.present(one.voucher(2, 500), 10)).await;
    let refused = world.engine.spend(one.spend(lease, 60 + 101)).await;
    assert_eq!(refused, Err(ChannelError::PayeeExposure));
    world.engine.spend(one.spend(lease, 60 + 100)).await.unwrap();
    // Another payee is not limited.
    let other = Channel::new(3).to(2).opened(&world).await;
    other.buy(&world, 1, 500, 500).await;
    world.assert_balanced().await;
}

#[tokio::test]
async fn deposits_stay_within_the_payees_limit() {
    let limits = ChannelLimits { deposit_max: DEPOSIT, ..ChannelLimits::default() };
    let world = limited(limits).await;
    let over = Channel::new(1).deposit(DEPOSIT + 1);
    let refused = world.engine.open_channel(over.command()).await;
    assert_eq!(refused, Err(OpenChannelError::DepositAboveLimit));
    let channel = Channel::new(1).opened(&world).await;
    let refused = world.engine.top_up(channel.top_up(DEPOSIT + 1)).await;
    assert_eq!(refused, Err(ChannelError::DepositAboveLimit));
}

#[tokio::test]
async fn many_channels_are_bounded_by_the_balance() {
    let world = World::new().await;
    let deposit = FUNDS / 10;
    let mut channels = Vec::new();
    for salt in 1..=10 {
        let to = u128::from(salt) % 4 + 1;
        channels.push(Channel::new(salt).to(to).deposit(deposit).opened(&world).await);
    }
    assert_eq!(world.available(payer(1)).await, 0);
    let refused = world.engine.open_channel(Channel::new(11).deposit(1).command()).await;
    assert_eq!(refused, Err(OpenChannelError::InsufficientFunds));
    let refused = world.engine.top_up(channels[0].top_up(deposit + 1)).await;
    assert_eq!(refused, Err(ChannelError::InsufficientFunds));
    for channel in &channels {
        channel.buy(&world, 1, deposit, deposit / 4).await;
    }
    let listed = world.engine.read(|state| state.channels_of_payer(payer(1))).await.unwrap();
    let ids: Vec<_> = listed.iter().map(|view| view.channel).collect();
    assert_eq!(ids, channels.iter().rev().map(Channel::id).collect::<Vec<_>>());
    let of_payee = world.engine.read(|state| state.channels_of_payee(payee(2))).await.unwrap();
    let ids: Vec<_> = of_payee.iter().map(|view| view.channel).collect();
    assert_eq!(ids, [channels[8].id(), channels[4].id(), channels[0].id()]);
    let read = |state: &engine::State| engine::payer(state, payer(1), 10);
    let view = world.engine.read(read).await.unwrap().unwrap();
    assert_eq!(view.channels, listed);
    for channel in &channels {
        channel.close_by_payee(&world).await.unwrap();
    }
    assert_eq!(world.available(payer(1)).await, FUNDS - 10 * (deposit / 4));
    let read = |state: &engine::State| engine::payer(state, payer(1), 10);
    assert!(world.engine.read(read).await.unwrap().unwrap().channels.is_empty());
    world.assert_balanced().await;
}

/// Copies of two top-ups at once: the greater one counts, whatever comes first.
#[tokio::test]
async fn top_ups_race() {
    for first in [0_usize, 1] {
        let world = World::new().await;
        let channel = Channel::new(1).opened(&world).await;
        let mut totals = [2 * DEPOSIT, 3 * DEPOSIT];
        totals.rotate_left(first);
        let calls: Vec<_> = totals
            .into_iter()
            .cycle()
            .take(6)
            .map(|total| {
                let (engine, top_up) = (world.engine.clone(), channel.top_up(total));
                tokio::spawn(async move { engine.top_up(top_up).await })
            })
            .collect();
        for call in calls {
            match call.await.unwrap() {
                Ok(view) => assert!(view.deposit >= 2 * DEPOSIT),
                Err(refused) => assert_eq!(refused, ChannelError::TopUpLower),
            }
        }
        assert_eq!(amounts(&channel.seen(&world).await), [3 * DEPOSIT, 0, 0, 0, 0]);
        assert_eq!(world.held(payer(1)).await, 3 * DEPOSIT);
    }
}

async fn spent(world: &World) -> u128 {
    let read = |state: &engine::State| engine::payer(state, payer(1), 10);
    let view = world.engine.read(read).await.unwrap().unwrap();
    view.mandates[0].spent.units()
}

#[tokio::test]
async fn a_mandate_is_charged_for_the_deposit_and_gets_back_what_is_left() {
    let mut world = World::new().await;
    let granted = Granted::new(1, 1, 1_500, 2_500);
    world.grant(&granted).await;
    let channel = Channel::new(1).under(&granted).opened(&world).await;
    assert_eq!(spent(&world).await, DEPOSIT);
    let refused = world.engine.top_up(channel.top_up(1_501)).await;
    assert_eq!(refused, Err(ChannelError::MandatePerPayment));
    world.engine.top_up(channel.top_up(1_500)).await.unwrap();
    assert_eq!(spent(&world).await, 1_500);
    let other = Channel::new(2).under(&granted).opened(&world).await;
    assert_eq!(spent(&world).await, 2_500);
    let refused = world.engine.top_up(other.top_up(1_001)).await;
    assert_eq!(refused, Err(ChannelError::MandateExceeded));
    channel.buy(&world, 1, 300, 200).await;
    world.engine.settle_channel(channel.id()).await.unwrap();
    assert_eq!(spent(&world).await, 2_500);
    world.restart().await;
    channel.close_by_payee(&world).await.unwrap();
    assert_eq!(spent(&world).await, 1_200);
    world.revoke(&granted).await.unwrap();
    let refused = world.engine.present(other.present(other.voucher(1, 9), 9)).await;
    assert_eq!(refused, Err(ChannelError::MandateRevoked));
    let refused = world.engine.accept(other.voucher(1, 9)).await;
    assert_eq!(refused, Err(ChannelError::MandateRevoked));
    let refused = world.engine.top_up(other.top_up(1_002)).await;
    assert_eq!(refused, Err(ChannelError::MandateRevoked));
    // What was signed before can still be claimed: the payee may hold it.
    world.engine.claim(other.voucher(1, 9)).await.unwrap();
    other.close_by_payee(&world).await.unwrap();
    assert_eq!(spent(&world).await, 209);
}

#[tokio::test]
async fn a_mandate_holds_at_every_request() {
    let world = World::new().await;
    let mut granted = Granted::new(1, 1, DEPOSIT, DEPOSIT);
    granted.terms.audience = Some(Audience::of_origin("https://shop.example"));
    granted.terms.id = MandateId::new(7).unwrap();
    granted.terms.expires_at_ms = START_MS + 1_000;
    world.grant(&granted).await;
    let channel = Channel::new(1).under(&granted).opened(&world).await;
    let mut elsewhere = channel.present(channel.voucher(1, 9), 9);
    for origin in [None, Some("https://elsewhere.example".to_owned())] {
        elsewhere.origin = origin;
        let refused = world.engine.present(elsewhere.clone()).await;
        assert_eq!(refused, Err(ChannelError::MandateAudience));
    }
    channel.buy(&world, 1, 9, 9).await;
    world.engine.accept(channel.voucher(2, 10)).await.unwrap();
    world.clock.advance_ms(1_000);
    let refused = world.engine.present(channel.present(channel.voucher(3, 20), 9)).await;
    assert_eq!(refused, Err(ChannelError::MandateExpired));
}

#[tokio::test]
async fn one_account_opens_so_many_channels_and_no_more() {
    let world = World::new().await;
    let numbered = |number: u16| {
        let mut channel = Channel::new(1).deposit(1);
        channel.terms.salt[..2].copy_from_slice(&number.to_be_bytes());
        channel
    };
    let mut calls = tokio::task::JoinSet::new();
    for number in 0..4_096 {
        let (engine, command) = (world.engine.clone(), numbered(number).command());
        calls.spawn(async move { engine.open_channel(command).await.unwrap() });
        if number % 512 == 0 {
            while calls.join_next().await.is_some() {}
        }
    }
    while calls.join_next().await.is_some() {}
    let refused = world.engine.open_channel(numbered(4_096).command()).await;
    assert_eq!(refused, Err(OpenChannelError::TooMany));
    numbered(7).close_by_payee(&world).await.unwrap();
    world.engine.open_channel(numbered(4_096).command()).await.unwrap();
    // Another payer has its own.
    Channel::new(1).by(2).deposit(1).opened(&world).await;
}
