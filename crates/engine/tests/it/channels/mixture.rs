//! Channels against books kept by hand: random calls in any order, by several callers, with restarts
//! in between. Money is where the sums say, no refused call changes anything, and the state after a
//! restart is the one before.

use std::collections::BTreeMap;

use engine::{Begun, ChannelPhase, ClaimToken, Closing, PresentMode};
use proptest::prelude::*;

use super::parts::{Channel, DEPOSIT, HOUR_MS};
use crate::keep::check;
use crate::world::{FUNDS, World, payer};

const CHANNELS: u8 = 3;

#[derive(Debug, Clone, Copy)]
enum Act {
    Open(u8),
    TopUp(u8, u128),
    Present { channel: u8, sequence: u64, cumulative: u128, start: u128, reserve: bool },
    PresentTick { channel: u8, index: u32, start: u128 },
    Accept { channel: u8, sequence: u64, cumulative: u128 },
    AcceptTick(u8, u32),
    Claim { channel: u8, sequence: u64, cumulative: u128 },
    Spend { channel: u8, total: u128, end: bool },
    GiveUp(u8),
    Settle(u8),
    Close(u8, u8),
    Wait(u64),
    Restart,
}

fn act() -> impl Strategy<Value = Act> {
    let channel = || 0..CHANNELS;
    let units = || prop_oneof![0..120_u128, 0..1_200_u128];
    let sequence = || 1..12_u64;
    prop_oneof![
        2 => channel().prop_map(Act::Open),
        1 => (channel(), 900..2_000_u128).prop_map(|(channel, to)| Act::TopUp(channel, to)),
        6 => (channel(), sequence(), units(), 0..40_u128, any::<bool>()).prop_map(
            |(channel, sequence, cumulative, start, reserve)| {
                Act::Present { channel, sequence, cumulative, start, reserve }
            }
        ),
        2 => (channel(), 1..17_u32, 0..40_u128)
            .prop_map(|(channel, index, start)| Act::PresentTick { channel, index, start }),
        3 => (channel(), sequence(), units()).prop_map(
            |(channel, sequence, cumulative)| Act::Accept { channel, sequence, cumulative }
        ),
        2 => (channel(), 1..18_u32).prop_map(|(channel, index)| Act::AcceptTick(channel, index)),
        1 => (channel(), sequence(), units()).prop_map(
            |(channel, sequence, cumulative)| Act::Claim { channel, sequence, cumulative }
        ),
        8 => (channel(), units(), any::<bool>())
            .prop_map(|(channel, total, end)| Act::Spend { channel, total, end }),
        1 => channel().prop_map(Act::GiveUp),
        2 => channel().prop_map(Act::Settle),
        1 => (channel(), 0..3_u8).prop_map(|(channel, how)| Act::Close(channel, how)),
        2 => prop_oneof![1..40_000_u64, Just(HOUR_MS / 3)].prop_map(Act::Wait),
        1 => Just(Act::Restart),
    ]
}

/// Every third channel of a payer has a split.
fn channel(number: u8) -> Channel {
    let channel = Channel::new(number + 1).by(number % 2 + 1);
    if number % 3 == 2 { channel.split() } else { channel }
}

/// What a caller believes: its leases, and for each channel the most that was ever signed for.
#[derive(Default)]
struct Hand {
    leases: BTreeMap<u8, ClaimToken>,
    signed: BTreeMap<u8, u128>,
}

impl Hand {
    fn sign(&mut self, channel: u8, cumulative: u128) {
        let most = self.signed.entry(channel).or_default();
        *most = (*most).max(cumulative);
    }
}

/// Whether anything was done; a refusal leaves everything as it was.
async fn act_on(world: &mut World, hand: &mut Hand, act: Act) -> bool {
    let engine = world.engine.clone();
    match act {
        Act::Open(number) => engine.open_channel(channel(number).command()).await.is_ok(),
        Act::TopUp(number, to) => engine.top_up(channel(number).top_up(to)).await.is_ok(),
        Act::Present { channel: number, sequence, cumulative, start, reserve } => {
            let own = channel(number);
            let mut command = own.present(own.voucher(sequence, cumulative), start);
            if reserve {
                command.mode = PresentMode::Reserve;
            }
            hand.sign(number, cumulative);
            present(world, hand, number, command).await
        }
        Act::PresentTick { channel: number, index, start } => {
            let own = channel(number);
            hand.sign(number, u128::from(index) * 10);
            let command = own.present(own.tick(index), start);
            present(world, hand, number, command).await
        }
        Act::Accept { channel: number, sequence, cumulative } => {
            hand.sign(number, cumulative);
            engine.accept(channel(number).voucher(sequence, cumulative)).await.is_ok()
        }
        Act::AcceptTick(number, index) => {
            hand.sign(number, u128::from(index) * 10);
            engine.accept(channel(number).tick(index.min(16))).await.is_ok()
        }
        Act::Claim { channel: number, sequence, cumulative } => {
            hand.sign(number, cumulative);
            engine.claim(channel(number).voucher(sequence, cumulative)).await.is_ok()
        }
        Act::Spend { channel: number, total, end } => {
            let Some(lease) = hand.leases.get(&number) else { return false };
            let spend = engine::Spend { end, ..channel(number).spend(*lease, total) };
            let spent = engine.spend(spend).await;
            if let Ok(view) = &spent {
                assert_eq!(view.spent, total);
            }
            spent.is_ok()
        }
        Act::GiveUp(number) => {
            let Some(lease) = hand.leases.remove(&number) else { return false };
            engine.give_up(channel(number).id(), lease, None).await.is_ok()
        }
        Act::Settle(number) => engine.settle_channel(channel(number).id()).await.is_ok(),
        Act::Close(number, how) => {
            let own = channel(number);
            let closing = match how {
                0 => Closing::Agreed(own.close(0)),
                1 => Closing::ByPayer(own.close(0)),
                _ => Closing::ByPayee(own.id()),
            };
            engine.close_channel(closing).await.is_ok()
        }
        Act::Wait(ms) => {
            world.clock.advance_ms(ms);
            true
        }
        Act::Restart => {
            world.engine.read(|_| ()).await.unwrap();
            let before = seen(world).await;
            world.restart().await;
            assert_eq!(seen(world).await, before);
            true
        }
    }
}

async fn present(world: &World, hand: &mut Hand, number: u8, command: engine::Present) -> bool {
    let engine = world.engine.clone();
    // A copy of the running request waits, so the answer is not waited for long.
    let call = tokio::spawn(async move { engine.present(command).await });
    for _ in 0..6 {
        tokio::task::yield_now().await;
        world.engine.read(|_| ()).await.unwrap();
    }
    if !call.is_finished() {
        call.abort();
        return false;
    }
    match call.await.unwrap() {
        Ok(Begun::Proceed { lease, channel }) => {
            assert!(channel.spent + channel.reserved <= channel.accepted);
            hand.leases.insert(number, lease);
            true
        }
        Ok(Begun::Replay { .. }) | Err(_) => false,
    }
}

async fn seen(world: &World) -> String {
    let mut all = vec![world.everything().await];
    for number in 0..CHANNELS {
        let id = channel(number).id();
        let view = world.engine.read(move |state| state.channel(id)).await.unwrap();
        all.push(format!("{view:#?}"));
    }
    all.concat()
}

/// What every channel and account must add up to.
async fn assert_sums(world: &World, hand: &Hand) {
    // What is due is done by the end of a turn.
    world.engine.read(|_| ()).await.unwrap();
    let mut spent_by = [0; 2];
    let mut held_by = [0; 2];
    for number in 0..CHANNELS {
        let id = channel(number).id();
        let Some(view) = world.engine.read(move |state| state.channel(id)).await.unwrap() else {
            continue;
        };
        let order =
            [view.settled, view.spent, view.spent + view.reserved, view.accepted, view.deposit];
        assert!(order.is_sorted(), "{view:?}");
        assert!(view.accepted <= hand.signed.get(&number).copied().unwrap_or(0), "{view:?}");
        let own = usize::from(number % 2);
        spent_by[own] += view.settled;
        if view.state == ChannelPhase::Closed {
            assert_eq!(view.settled, view.spent);
        } else {
            held_by[own] += view.deposit - view.settled;
        }
    }
    for (number, (spent, held)) in (1..).zip(spent_by.into_iter().zip(held_by)) {
        assert_eq!(world.held(payer(number)).await, held);
        assert_eq!(world.available(payer(number)).await, FUNDS - spent - held);
    }
    world.assert_balanced().await;
}

proptest! {
    #![proptest_config(ProptestConfig { cases: 48, ..ProptestConfig::default() })]

    #[test]
    fn money_is_where_the_sums_say(acts in prop::collection::vec(act(), 1..90)) {
        let runtime = tokio::runtime::Builder::new_current_thread().enable_time().build().unwrap();
        runtime.block_on(async {
            let mut world = World::new().await;
            let mut hand = Hand::default();
            for number in 0..CHANNELS {
                channel(number).opened(&world).await;
            }
            for act in acts {
                let done = act_on(&mut world, &mut hand, act).await;
                if !done && !matches!(act, Act::Wait(_)) {
                    assert_sums(&world, &hand).await;
                }
            }
            assert_sums(&world, &hand).await;
            world.clock.advance_ms(2 * HOUR_MS);
            for number in 0..CHANNELS {
                let view = channel(number).close_by_payee(&world).await.unwrap();
                assert_eq!(view.state, ChannelPhase::Closed);
                assert!(view.deposit >= DEPOSIT);
            }
            for number in 1..=2 {
                assert_eq!(world.held(payer(number)).await, 0);
            }
            assert_sums(&world, &hand).await;
            world.engine.shutdown().await;
            let report = check(world.dir.path());
            assert!(report.sound && report.findings.is_empty(), "{:?}", report.findings);
        });
    }
}
