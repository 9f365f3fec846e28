//! Tick chains: the payer's pebbles against the plain chain, the payee's checks against every fault.

use instrument::channel::{
    ChannelTerms, TICK_COUNT_MAX, TICK_JUMP_STEPS_MAX, Tick, TickChain, TickChainError, TickCursor,
    TickError, TickLink, verify_tick,
};
use proptest::prelude::*;
use sha2::{Digest, Sha256};

use crate::channels::terms;

const SALT: [u8; 16] = *b"0123456789abcdef";
const SEED: [u8; 32] = [7; 32];

/// `link[index - 1]` as the format document has it.
fn below(index: u32, link: TickLink) -> TickLink {
    let input = [&b"fthtick1"[..], &SALT, &index.to_be_bytes(), &link.0].concat();
    TickLink(Sha256::digest(input)[..16].try_into().unwrap())
}

/// Every link from 0 to `length`, computed from the last.
fn plain(length: u32) -> Vec<TickLink> {
    let mut tag = [0; 24];
    tag[..20].copy_from_slice(b"farthing/tick-seed/1");
    let input = [&tag[..], &SEED, &SALT, &length.to_be_bytes()].concat();
    let mut links = vec![TickLink(Sha256::digest(input)[..16].try_into().unwrap())];
    for index in (1..=length).rev() {
        links.push(below(index, *links.last().unwrap()));
    }
    links.reverse();
    links
}

fn tick(links: &[TickLink], index: u32) -> Tick {
    Tick { index, link: links[usize::try_from(index).unwrap()] }
}

fn revealed(mut chain: TickChain) -> Vec<Tick> {
    std::iter::from_fn(|| chain.reveal()).collect()
}

#[test]
fn pebbles_reveal_the_plain_chain() {
    for count in (1_u32..=70).chain([127, 128, 129, 1000, 4096, 5000]) {
        let links = plain(count.next_power_of_two().max(2));
        let chain = TickChain::new(&SEED, &SALT, count).unwrap();
        assert_eq!(chain.newest(), tick(&links, 0), "the root of {count}");
        let expected: Vec<Tick> = (1..=count).map(|index| tick(&links, index)).collect();
        assert_eq!(revealed(chain), expected, "{count}");
    }
}

#[test]
fn a_chain_goes_on_where_it_was_left() {
    for count in [1, 2, 3, 31, 32, 33, 64] {
        let all = revealed(TickChain::new(&SEED, &SALT, count).unwrap());
        for index in 0..=count {
            let chain = TickChain::resume(&SEED, &SALT, count, index).unwrap();
            assert_eq!(chain.newest().index, index);
            let rest = &all[usize::try_from(index).unwrap()..];
            assert_eq!(revealed(chain), rest, "{count} from {index}");
        }
    }
}

#[test]
fn a_long_chain_needs_little_memory() {
    assert!(size_of::<TickChain>() < 1000, "{}", size_of::<TickChain>());
    let near_the_end = TICK_COUNT_MAX - 3;
    let mut chain = TickChain::resume(&SEED, &SALT, TICK_COUNT_MAX, near_the_end).unwrap();
    assert_eq!(chain.count(), TICK_COUNT_MAX);
    let mut newest = chain.newest();
    while let Some(next) = chain.reveal() {
        assert_eq!(below(next.index, next.link), newest.link);
        newest = next;
    }
    assert_eq!(newest.index, TICK_COUNT_MAX);
}

#[test]
fn chains_that_cannot_be() {
    let refused = |count, index| TickChain::resume(&SEED, &SALT, count, index).unwrap_err();
    assert_eq!(refused(0, 0), TickChainError::Count);
    assert_eq!(refused(TICK_COUNT_MAX + 1, 0), TickChainError::Count);
    assert_eq!(refused(5, 6), TickChainError::Index);
    assert_ne!(TickChainError::Count.code(), TickChainError::Index.code());
}

#[test]
fn no_secret_link_is_shown() {
    let mut chain = TickChain::new(&SEED, &SALT, 4).unwrap();
    chain.reveal();
    let shown = format!("{chain:?}");
    for secret in revealed(chain) {
        assert!(!shown.contains(&format!("{:?}", secret.link)), "{shown}");
    }
}

/// Terms over the first `count` ticks of these links.
fn anchored(links: &[TickLink], count: u32) -> ChannelTerms {
    ChannelTerms { salt: SALT, tick_root: links[0], tick_count: count, tick_units: 10, ..terms() }
}

#[test]
fn a_cursor_follows_steps_and_jumps() {
    let links = plain(64);
    let terms = anchored(&links, 60);
    let mut cursor = TickCursor::new(&terms);
    assert_eq!(cursor.newest(), terms.root());
    for (index, steps) in [(1, 1), (2, 1), (2, 0), (10, 8), (60, 50)] {
        let from = cursor.newest();
        let advance = cursor.advance(tick(&links, index)).unwrap();
        assert_eq!((advance.from(), advance.to()), (from, tick(&links, index)));
        assert_eq!((advance.steps(), *advance.salt()), (steps, SALT));
        assert_eq!(cursor, TickCursor::at(&terms, tick(&links, index)));
    }
}

#[test]
fn each_bad_tick_has_its_error_and_changes_nothing() {
    let links = plain(8192);
    let terms = anchored(&links, 8000);
    let mut cursor = TickCursor::at(&terms, tick(&links, 5));
    let other = TickLink([9; 16]);
    let steps_max = TICK_JUMP_STEPS_MAX;
    let furthest = 5 + steps_max;
    let cases = [
        (Tick { index: 8001, link: other }, TickError::BeyondEnd { index: 8001, count: 8000 }),
        (tick(&links, 8001), TickError::BeyondEnd { index: 8001, count: 8000 }),
        (tick(&links, 4), TickError::Stale { index: 4, newest: 5 }),
        (tick(&links, 0), TickError::Stale { index: 0, newest: 5 }),
        (Tick { index: 5, link: other }, TickError::Stale { index: 5, newest: 5 }),
        (tick(&links, furthest + 1), TickError::Jump { steps: steps_max + 1, steps_max }),
        (Tick { index: 6, link: other }, TickError::Invalid { index: 6 }),
        (Tick { index: 7, ..tick(&links, 6) }, TickError::Invalid { index: 7 }),
        (Tick { index: furthest, link: other }, TickError::Invalid { index: furthest }),
    ];
    for (to, error) in cases {
        assert_eq!(cursor.advance(to), Err(error), "{to:?}");
        assert_eq!(cursor.newest(), tick(&links, 5));
    }
    assert_eq!(cursor.advance(tick(&links, furthest)).unwrap().steps(), steps_max);
    let codes: std::collections::BTreeSet<_> = cases.iter().map(|(_, e)| e.code()).collect();
    assert_eq!(
        codes.into_iter().collect::<Vec<_>>(),
        ["tick_beyond_end", "tick_invalid", "tick_jump", "tick_stale"]
    );
}

/// Advances that were verified while others came in.
#[test]
fn an_advance_is_taken_from_here_or_the_root_and_followed_otherwise() {
    let links = plain(64);
    let terms = anchored(&links, 60);
    let at = |index| TickCursor::at(&terms, tick(&links, index));
    let here = at(20);
    let advance = |from: u32, to: u32| at(from).verify(tick(&links, to)).unwrap();
    let take = |advance| here.take(terms.root(), &advance);
    for from in [20, 0, 10] {
        assert_eq!(take(advance(from, 30)), Ok(tick(&links, 30)));
        assert_eq!(take(advance(from, 20)), Ok(tick(&links, 20)));
    }
    assert_eq!(take(advance(0, 19)), Err(TickError::Stale { index: 19, newest: 20 }));
    // Sound in itself, but of another chain: another salt, or a start that nobody vouched for.
    let foreign = |salt: &[u8; 16], from| verify_tick(salt, from, tick(&links, 64), 64).unwrap();
    let beyond = foreign(&SALT, tick(&links, 20));
    assert_eq!(take(beyond), Err(TickError::BeyondEnd { index: 64, count: 60 }));
    let chain = TickChain::new(&[8; 32], &SALT, 60).unwrap();
    let root = chain.newest();
    let to = *revealed(chain).last().unwrap();
    let other = verify_tick(&SALT, root, to, 60).unwrap();
    assert_eq!(take(other), Err(TickError::Invalid { index: 60 }));
    let mut salted = TickChain::new(&SEED, &[1; 16], 60).unwrap();
    let root = salted.newest();
    let first = salted.reveal().unwrap();
    let advance = verify_tick(&[1; 16], root, first, 1).unwrap();
    let cursor = TickCursor::at(&terms, root);
    assert_eq!(cursor.take(root, &advance), Err(TickError::Invalid { index: 1 }));
}

proptest! {
    #![proptest_config(ProptestConfig::with_cases(256))]

    /// Only links of the chain at their own index pass, and they always do.
    #[test]
    fn a_tick_is_good_if_and_only_if_it_is_of_the_chain(
        from in 0_u32..64,
        index in 0_u32..70,
        link_of in 0_u32..64,
        flip in prop::option::weighted(0.3, 0_usize..128),
    ) {
        let links = plain(64);
        let mut link = tick(&links, link_of).link;
        if let Some(bit) = flip {
            link.0[bit / 8] ^= 1 << (bit % 8);
        }
        let verified = verify_tick(&SALT, tick(&links, from), Tick { index, link }, 64);
        let is_of_chain = flip.is_none() && index == link_of;
        prop_assert_eq!(verified.is_ok(), is_of_chain && index >= from, "{:?}", verified);
    }
}
