//! Ticks as callers follow them: several at once, good and bad ones, and what one call may cost.

use instrument::KeyPair;
use instrument::channel::TickLink;
use money::{AccountId, Amount, Asset, NodeId};
use sha2::{Digest, Sha256};

use super::*;

const SALT: [u8; 16] = [3; 16];
const COUNT: u32 = 10_000;

/// The links of a chain, from its root on.
fn links() -> Vec<TickLink> {
    let mut links = vec![TickLink([1; 16])];
    for index in (1..=COUNT).rev() {
        let digest = Sha256::new()
            .chain_update(b"fthtick1")
            .chain_update(SALT)
            .chain_update(index.to_be_bytes())
            .chain_update(links.last().unwrap().0)
            .finalize();
        links.push(TickLink(digest[..16].try_into().unwrap()));
    }
    links.reverse();
    links
}

struct Chain {
    keys: ChannelKeys,
    links: Vec<TickLink>,
}

impl Chain {
    fn new() -> Self {
        let links = links();
        let public = KeyPair::from_seed(&[1; 32]).public();
        let terms = ChannelTerms {
            node: NodeId::new(1).unwrap(),
            salt: SALT,
            payer: AccountId::new(1).unwrap(),
            signer: public,
            voucher_key: public,
            payee: AccountId::new(2).unwrap(),
            deposit: Amount::new(1_000, Asset::new("USD", 9).unwrap()),
            tick_root: links[0],
            tick_units: 1,
            tick_count: COUNT,
            close_delay_seconds: 60,
            expires_at_ms: u64::MAX,
            mandate: None,
        };
        Self { keys: ChannelKeys::new(terms, Vec::new(), terms.root()), links }
    }

    fn tick(&self, index: u32) -> Tick {
        Tick { index, link: self.links[usize::try_from(index).unwrap()] }
    }

    /// Follows ticks: from where to where that leads, and the code of the refusal.
    fn follow(&self, ticks: &[Tick]) -> (Option<(u32, u32)>, Option<&'static str>) {
        self.keys.follow(ticks, |advance, refused| {
            let span = advance.map(|advance| (advance.from().index, advance.to().index));
            (span, refused.map(|(_, why)| why.code()))
        })
    }
}

fn wrong(index: u32) -> Tick {
    Tick { index, link: TickLink([0; 16]) }
}

#[test]
fn good_ticks_lead_to_the_highest_of_them() {
    let chain = Chain::new();
    let tick = |index| chain.tick(index);
    assert_eq!(chain.follow(&[tick(1), tick(2), tick(3)]), (Some((0, 3)), None));
    assert_eq!(chain.follow(&[tick(3)]), (Some((3, 3)), None), "a copy");
    assert_eq!(chain.follow(&[tick(9), tick(8)]), (Some((3, 9)), None), "out of order");
    assert_eq!(chain.follow(&[tick(4_105)]), (Some((9, 4_105)), None), "the longest jump");
    assert_eq!(chain.follow(&[]), (None, None));
}

#[test]
fn ticks_before_a_bad_one_count() {
    let chain = Chain::new();
    let tick = |index| chain.tick(index);
    let invalid = Some("tick_invalid");
    assert_eq!(chain.follow(&[tick(1), tick(2), wrong(3), tick(2)]), (Some((0, 2)), invalid));
    assert_eq!(chain.follow(&[wrong(3), tick(4), wrong(5)]), (None, invalid));
    assert_eq!(chain.follow(&[tick(1)]), (None, Some("tick_stale")));
    assert_eq!(chain.follow(&[wrong(2)]), (None, Some("tick_stale")));
    let beyond = Some("tick_beyond_end");
    assert_eq!(chain.follow(&[tick(3), wrong(COUNT + 1)]), (Some((2, 3)), beyond));
}

/// A call with many ticks may not lead on further than one tick may.
#[test]
fn a_call_is_bounded_by_the_longest_jump() {
    let chain = Chain::new();
    let jump = Some("tick_jump");
    assert_eq!(chain.follow(&[chain.tick(4_097)]), (None, jump));
    let steps: Vec<Tick> = (1..=9).map(|part| chain.tick(part * 1_000)).collect();
    assert_eq!(chain.follow(&steps), (Some((0, 4_000)), jump));
}

#[test]
fn a_tick_that_the_writer_refused_can_come_again() {
    let chain = Chain::new();
    assert_eq!(chain.follow(&[chain.tick(50)]), (Some((0, 50)), None));
    chain.keys.go_back_to(chain.tick(10));
    assert_eq!(chain.follow(&[chain.tick(20)]), (Some((10, 20)), None));
}

#[test]
fn channels_are_found_while_they_are_open() {
    let keys = Keys::default();
    let id = ChannelId::new(5).unwrap();
    assert!(keys.get(id).is_none());
    keys.insert(id, Chain::new().keys);
    assert!(keys.clone().get(id).is_some(), "a clone sees the same channels");
    keys.remove(id);
    assert!(keys.get(id).is_none());
}

/// Following takes thousands of hashes for whoever asks, also with ticks that are wrong.
#[test]
fn the_writer_does_not_wait_for_those_who_follow() {
    use std::sync::mpsc::channel;
    use std::time::Duration;

    let chain = Chain::new();
    let (done, gone_back) = channel();
    std::thread::scope(|scope| {
        chain.keys.follow(&[chain.tick(5)], |advance, _| {
            assert!(advance.is_some());
            scope.spawn(|| {
                chain.keys.go_back_to(chain.tick(2));
                let _ = done.send(());
            });
            assert_eq!(gone_back.recv_timeout(Duration::from_secs(10)), Ok(()), "it waits");
        });
    });
    assert_eq!(chain.keys.cursor().newest(), chain.tick(2));
}
