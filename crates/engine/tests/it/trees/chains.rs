//! What may be registered, and who may stop it.

use engine::{AuthorizeError, GrantError, PauseError, RevokeError};
use instrument::{Audience, Limits, Payees, UNLIMITED, UnitPrice};
use money::{Asset, NodeId};

use super::{Link, wide};
use crate::world::{START_MS, World, key, payee, payer};

fn narrow(depth: u8) -> Limits {
    Limits {
        per_payment: 50,
        per_day: 100,
        per_month: 200,
        total: 300,
        unit_price: Some(price(3, 1000)),
        expires_at_ms: START_MS + 1000,
        depth,
        payees: Payees::new(&[payee(1), payee(2)]).unwrap(),
        audience: Some(Audience::of_origin("https://shop.example")),
    }
}

fn price(price: u128, per: u64) -> UnitPrice {
    UnitPrice { price, per: per.try_into().unwrap() }
}

/// A root and three below it.
fn chain() -> [Link; 4] {
    let root = Link::root(1, 1, wide());
    let first = root.child(1, 10, narrow(3));
    let second = first.child(1, 11, narrow(2));
    [root, first, second, second.child(1, 12, narrow(1))]
}

#[tokio::test]
async fn a_chain_is_registered_at_once_and_its_end_pays() {
    let mut world = World::new().await;
    let links = chain();
    let buy = links[3].buy(1, 20);
    assert_eq!(world.refused(&buy).await, AuthorizeError::MandateUnknown);
    world.chain(&links).await.unwrap();
    world.charge(&buy).await;
    // Again, a part of it, and one more below what is known: nothing is lost or counted twice.
    let fifth = links[3].child(1, 13, narrow(0));
    for part in [&links[..], &links[2..], &[links[3], fifth], &[fifth]] {
        world.chain(part).await.unwrap();
    }
    world.restart().await;
    for link in &links {
        let view = world.mandate(link).await.unwrap();
        assert_eq!((view.spent.units(), view.spent_today.units()), (20, 20));
        assert_eq!(view.parent, link.terms.parent);
    }
    assert_eq!(world.mandate(&links[3]).await.unwrap().remaining.units(), 80);
    assert_eq!(world.mandate(&fifth).await.unwrap().remaining.units(), 80);
    assert_eq!(world.mandate(&links[0]).await.unwrap().per_day, None);
}

type Widen = fn(&mut Limits);

#[tokio::test]
async fn a_child_is_narrower_in_every_limit() {
    let world = World::new().await;
    let root = Link::root(1, 1, narrow(3));
    world.chain(&[root]).await.unwrap();
    let before = world.everything().await;
    let cases: [(GrantError, &[Widen]); 9] = [
        (GrantError::WiderPerPayment, &[|it| it.per_payment = 51]),
        (GrantError::WiderPerDay, &[|it| it.per_day = 101, |it| it.per_day = UNLIMITED]),
        (GrantError::WiderPerMonth, &[|it| it.per_month = 201]),
        (GrantError::WiderTotal, &[|it| it.total = 301]),
        (
            GrantError::WiderUnitPrice,
            &[
                |it| it.unit_price = None,
                |it| it.unit_price = Some(price(4, 1000)),
                |it| it.unit_price = Some(price(3, 999)),
                |it| it.unit_price = Some(price(u128::MAX, u64::MAX)),
            ],
        ),
        (GrantError::WiderExpiry, &[|it| it.expires_at_ms = START_MS + 1001]),
        (GrantError::WiderDepth, &[|it| it.depth = 3, |it| it.depth = 7]),
        (
            GrantError::WiderPayees,
            &[
                |it| it.payees = Payees::ANY,
                |it| it.payees = Payees::new(&[payee(1), payee(3)]).unwrap(),
            ],
        ),
        (
            GrantError::WiderAudience,
            &[
                |it| it.audience = None,
                |it| it.audience = Some(Audience::of_origin("https://other.example")),
            ],
        ),
    ];
    // Each with all faults that come after it, too, which proves their order.
    for (at, (error, widens)) in cases.iter().enumerate() {
        for widen in *widens {
            let mut limits = narrow(2);
            widen(&mut limits);
            let result = world.chain(&[root.child(2, 10, limits)]).await;
            assert_eq!(result, Err(*error));
            cases[at + 1..].iter().for_each(|(_, later)| later[0](&mut limits));
            assert_eq!(world.chain(&[root.child(2, 10, limits)]).await, Err(*error));
        }
    }
    assert_eq!(world.everything().await, before);
    let mut equal = narrow(2);
    equal.unit_price = Some(price(6, 2000));
    equal.payees = Payees::new(&[payee(2)]).unwrap();
    world.chain(&[root.child(2, 10, equal)]).await.unwrap();
}

#[tokio::test]
async fn what_is_no_chain_is_not_registered() {
    let world = World::new().await;
    let links = chain();
    world.chain(&links[..2]).await.unwrap();
    world.end(&links[1], 1).await.unwrap();
    let other = Link::root(9, 2, wide());
    world.chain(&[other]).await.unwrap();
    let before = world.everything().await;
    let spoil = |spoil: fn(&mut Link)| {
        let mut link = other.child(3, 20, narrow(1));
        spoil(&mut link);
        vec![link]
    };
    let silver = Asset::new("XAG", 9).unwrap();
    let mut unfunded = Link::root(1, 99, wide());
    unfunded.terms.asset = silver;
    unfunded.terms.payer = instrument::payer_account(&key(99).public(), silver);
    let cases = [
        (GrantError::WrongNode, spoil(|link| link.terms.node = NodeId::new(1).unwrap())),
        (GrantError::NotPayersKey, vec![Link { granter: 3, ..spoiled_root(2) }]),
        (GrantError::Parent, vec![other, other]),
        (GrantError::Parent, vec![links[0], links[2]]),
        (GrantError::ParentUnknown, vec![links[3]]),
        (
            GrantError::NotDelegate,
            spoil(|link| {
                link.granter = 2;
                link.terms.granter = key(2).public();
            }),
        ),
        (GrantError::Subject, spoil(|link| link.terms.payer = payer(1))),
        (GrantError::Subject, spoil(|link| link.terms.asset = Asset::new("XAG", 9).unwrap())),
        (GrantError::ParentRevoked, vec![links[0], links[1], links[2]]),
        (GrantError::ParentRevoked, vec![links[2], links[3]]),
        (GrantError::UnknownAsset, vec![unfunded]),
        (GrantError::Expired, spoil(|link| link.terms.limits.expires_at_ms = START_MS)),
        (GrantError::WiderDepth, {
            let last = other.child(4, 20, narrow(0));
            vec![last, last.child(4, 21, narrow(0))]
        }),
    ];
    for (error, chain) in cases {
        assert_eq!(world.chain(&chain).await, Err(error), "{chain:?}");
    }
    assert_eq!(world.everything().await, before);
}

fn spoiled_root(owner: u8) -> Link {
    let mut link = Link::root(7, owner, wide());
    link.terms.granter = key(3).public();
    link
}

#[tokio::test]
async fn a_tree_has_an_end_and_so_has_the_number_of_roots() {
    let world = World::new().await;
    let root = Link::root(1, 1, wide());
    world.chain(&[root]).await.unwrap();
    let mut narrowest = wide();
    narrowest.depth = 0;
    for total in 0..255 {
        let limits = Limits { total, ..narrowest };
        world.chain(&[root.child(2, 10, limits)]).await.unwrap();
    }
    let full = [root, root.child(3, 10, narrowest)];
    assert_eq!(world.chain(&full).await, Err(GrantError::TreeFull));
    // A tree that is full is no matter of another one's.
    let others = (0..999).map(|total| Link::root(2, 1, Limits { total, ..wide() }));
    for other in others {
        world.chain(&[other]).await.unwrap();
    }
    assert_eq!(world.chain(&[Link::root(3, 1, wide())]).await, Err(GrantError::TooMany));
}

#[tokio::test]
async fn each_granter_above_has_its_own_switch() {
    let mut world = World::new().await;
    let links = chain();
    world.chain(&links).await.unwrap();
    let buy = |order| links[3].buy(order, 1);
    // Payer 1 granted the root, key 101 the second, key 10 the third.
    world.pause(&links[2], 1, 5, true).await.unwrap();
    world.pause(&links[2], 10, 5, true).await.unwrap();
    assert_eq!(world.refused(&buy(1)).await, AuthorizeError::MandatePaused);
    world.pause(&links[2], 10, 6, false).await.unwrap();
    world.restart().await;
    assert_eq!(world.refused(&buy(1)).await, AuthorizeError::MandatePaused);
    assert!(world.mandate(&links[3]).await.unwrap().paused);
    assert!(!world.mandate(&links[1]).await.unwrap().paused);
    world.charge(&links[1].buy(2, 1)).await;
    // A statement counts once, and an older one never again.
    world.pause(&links[2], 1, 5, true).await.unwrap();
    for (sequence, paused) in [(5, false), (4, true), (0, false)] {
        let result = world.pause(&links[2], 1, sequence, paused).await;
        assert_eq!(result, Err(PauseError::Stale));
    }
    world.pause(&links[2], 1, 6, false).await.unwrap();
    world.charge(&buy(1)).await;
    // Its own delegate, a sibling's key and a stranger have no switch.
    for by in [11, 12, 2, 77] {
        assert_eq!(world.pause(&links[2], by, 9, true).await, Err(PauseError::Unknown));
    }
    world.end(&links[2], 101).await.unwrap();
    assert_eq!(world.pause(&links[2], 1, 9, true).await, Err(PauseError::Revoked));
}

#[tokio::test]
async fn revoking_one_stops_all_below_and_none_above() {
    let world = World::new().await;
    let links = chain();
    world.chain(&links).await.unwrap();
    for by in [11, 12, 2] {
        assert_eq!(world.end(&links[2], by).await, Err(RevokeError::Unknown));
    }
    // By the granter of the one above it.
    world.end(&links[2], 101).await.unwrap();
    world.end(&links[2], 1).await.unwrap();
    for link in &links[2..] {
        assert_eq!(world.refused(&link.buy(1, 1)).await, AuthorizeError::MandateRevoked);
        assert!(world.mandate(link).await.unwrap().revoked);
    }
    for (order, link) in (1..).zip(&links[..2]) {
        world.charge(&link.buy(order, 1)).await;
    }
}
