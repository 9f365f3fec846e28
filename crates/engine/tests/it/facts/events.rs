//! Events: each durable fact once, in order, at the same position for ever.

use engine::{
    AccountRole, Country, DocumentChange, DocumentKind, Engine, Event, EventKind, Expected,
    OfferTag, Options, PayerClass, Put, Refund, ReleaseReason, Tags, fsck, system_account,
};
use money::{OfferId, RefundId};

use super::events;
use crate::channels::parts::Channel;
use crate::world::{Buy, FUNDS, Granted, World, furnish, node, options, payee, payer, units, usd};

fn tags() -> Tags {
    Tags {
        offer: OfferTag::of(OfferId::new(5).unwrap()),
        country: Some(Country::new("KR").unwrap()),
        class: PayerClass::Agent,
    }
}

/// So few rows a chunk that most events are on the disk.
fn small(world: &World) -> Options {
    let mut options = options(world.dir.path(), &world.clock);
    options.index.chunk_rows = 16;
    options.index.fan_out = 2;
    options
}

async fn small_world() -> World {
    let mut world = World::new().await;
    world.engine.shutdown().await;
    std::fs::remove_dir_all(world.dir.path()).unwrap();
    std::fs::create_dir(world.dir.path()).unwrap();
    world.engine = Engine::start(small(&world)).unwrap().engine;
    furnish(&world.engine).await;
    world
}

/// One of each kind.
async fn live(world: &World) {
    let mut charged = Buy::new(1, 1000).split();
    charged.tags = tags();
    world.charge(&charged).await;
    let mut held = Buy::new(2, 500).held();
    held.tags = tags();
    let (payment, _) = world.proceed(&held).await;
    world.engine.settle(payment, Some(300), None, false).await.unwrap();
    let (released, claim) = world.proceed(&Buy::new(3, 700).split().held()).await;
    world.engine.release(released, claim, None).await.unwrap();
    let refund = Refund {
        id: RefundId::new(1).unwrap(),
        payment: charged.id(),
        from: None,
        units: Some(101),
        reason: "late".to_owned(),
    };
    world.engine.refund(refund).await.unwrap();
    let granted = Granted::new(1, 1, 500, 500);
    world.grant(&granted).await;
    world.revoke(&granted).await.unwrap();
    let channel = Channel::new(1).split().opened(world).await;
    channel.buy(world, 1, 300, 100).await;
    world.engine.settle_channel(channel.id()).await.unwrap();
    channel.buy(world, 2, 400, 50).await;
    channel.close_by_payee(world).await.unwrap();
    for (body, expected) in
        [(Some("{}"), Expected::Absent), (Some("[]"), Expected::Any), (None, Expected::Any)]
    {
        let (kind, body) = (DocumentKind::Offer, body.map(|body| body.as_bytes().to_vec()));
        world.engine.put(Put { kind, id: "off".to_owned(), body, expected }).await.unwrap();
    }
}

#[tokio::test]
async fn every_fact_is_an_event_that_says_by_itself_what_happened() {
    let world = World::new().await;
    live(&world).await;
    let events = events(&world.engine, 10).await;
    let kinds: Vec<&EventKind> = events.iter().map(|event| &event.kind).collect();
    assert!(
        events.is_sorted_by(|one, next| one.position < next.position && one.at_ns <= next.at_ns)
    );

    let EventKind::AccountOpened(treasury) = kinds[0] else { panic!("{:?}", kinds[0]) };
    assert_eq!(
        (treasury.account, treasury.role),
        (system_account("treasury", usd()), AccountRole::Operator)
    );
    let entered: Vec<_> = kinds
        .iter()
        .filter_map(|kind| match kind {
            EventKind::Funded(funded) => Some((funded.account, funded.amount)),
            _ => None,
        })
        .collect();
    assert_eq!(entered, [1, 2, 3].map(|number| (payer(number), units(FUNDS))));

    let first = kinds.iter().position(|kind| matches!(kind, EventKind::PaymentSettled(_))).unwrap();
    let [charged, held, settled, held_again, released, refunded, granted, revoked, rest @ ..] =
        &kinds[first..]
    else {
        panic!("{kinds:?}")
    };
    let EventKind::PaymentSettled(charged) = charged else { panic!("{charged:?}") };
    assert_eq!((charged.payer, charged.payee, charged.amount), (payer(1), payee(1), units(1000)));
    assert_eq!(charged.legs, [(payee(1), 800), (payee(2), 150), (payee(3), 50)]);
    assert_eq!((charged.tags, &*charged.description), (tags(), "an article"));
    let EventKind::PaymentHeld(held) = held else { panic!("{held:?}") };
    assert_eq!(
        (held.amount, &held.legs[..], held.tags),
        (units(500), &[(payee(1), 500)][..], tags())
    );
    let EventKind::PaymentSettled(settled) = settled else { panic!("{settled:?}") };
    assert_eq!((settled.authorized, settled.amount), (units(500), units(300)));
    assert_eq!((settled.payment, &settled.legs[..]), (held.payment, &[(payee(1), 300)][..]));
    assert_eq!((settled.tags, settled.authorized_at_ns), (tags(), held.authorized_at_ns));
    let EventKind::PaymentHeld(split) = held_again else { panic!("{held_again:?}") };
    assert_eq!(split.legs, [(payee(1), 560), (payee(2), 105), (payee(3), 35)]);
    let EventKind::PaymentReleased(gone, ReleaseReason::NotDelivered) = released else {
        panic!("{released:?}")
    };
    assert_eq!((gone.payment, gone.amount, gone.legs.len()), (split.payment, units(0), 0));
    let EventKind::RefundSettled(refund) = refunded else { panic!("{refunded:?}") };
    assert_eq!(
        (refund.payment, refund.amount, refund.payer),
        (charged.payment, units(101), payer(1))
    );
    assert_eq!(refund.legs, [(payee(1), 81), (payee(2), 15), (payee(3), 5)]);
    assert_eq!((refund.tags, &*refund.reason), (tags(), "late"));
    assert!(matches!(granted, EventKind::MandateGranted(event) if event.payer == payer(1)));
    assert!(matches!(revoked, EventKind::MandateRevoked(event) if event.payer == payer(1)));

    assert_rest(rest);
}

/// A channel's life, and a document's.
fn assert_rest(rest: &[&EventKind]) {
    let [opened, paid, paid_last, closed, created, changed, deleted] = rest else {
        panic!("{rest:?}")
    };
    let EventKind::ChannelOpened(opened) = opened else { panic!("{opened:?}") };
    let EventKind::ChannelSettled(paid) = paid else { panic!("{paid:?}") };
    assert_eq!((paid.channel, paid.amount), (opened.channel, units(100)));
    let residue = system_account("residue", usd());
    assert_eq!(paid.legs, [(payee(1), 66), (payee(2), 33), (residue, 1)]);
    assert!(matches!(paid_last, EventKind::ChannelSettled(paid) if paid.amount == units(50)));
    assert!(matches!(closed, EventKind::ChannelClosed(closed) if closed.amount == units(150)));
    for (kind, revision, change) in [
        (created, 1, DocumentChange::Created),
        (changed, 2, DocumentChange::Changed),
        (deleted, 3, DocumentChange::Deleted),
    ] {
        let EventKind::DocumentPut(document) = kind else { panic!("{kind:?}") };
        assert_eq!((&*document.id, document.revision, document.change), ("off", revision, change));
    }
}

/// The legs of every payment and settlement sum to its amount, whichever way it is read.
fn assert_sums(events: &[Event]) {
    for event in events {
        let (legs, amount) = match &event.kind {
            EventKind::PaymentHeld(payment) | EventKind::PaymentSettled(payment) => {
                (&payment.legs, payment.amount)
            }
            EventKind::ChannelSettled(channel) => (&channel.legs, channel.amount),
            EventKind::RefundSettled(refund) => (&refund.legs, refund.amount),
            _ => continue,
        };
        let sum: u128 = legs.iter().map(|(_, units)| units).sum();
        assert_eq!(sum, amount.units(), "{event:?}");
    }
}

#[tokio::test]
async fn the_same_events_come_from_disk_from_memory_and_from_an_index_built_again() {
    let mut world = small_world().await;
    live(&world).await;
    for order in 100..150 {
        let buy = Buy::new(order, 100).by(2);
        world.charge(&if order % 3 == 0 { buy.split() } else { buy }).await;
    }
    let before = events(&world.engine, 7).await;
    assert!(before.len() > 60);
    assert_sums(&before);
    assert_eq!(events(&world.engine, usize::MAX).await, before);
    let ids: std::collections::BTreeSet<_> = before.iter().map(|event| event.id(node())).collect();
    assert_eq!(ids.len(), before.len());

    world.engine.shutdown().await;
    world.engine = Engine::start(small(&world)).unwrap().engine;
    assert_eq!(events(&world.engine, 10).await, before);
    world.engine.shutdown().await;
    for folder in ["index", "snapshots"] {
        std::fs::remove_dir_all(world.dir.path().join(folder)).unwrap();
    }
    world.engine = Engine::start(small(&world)).unwrap().engine;
    assert_eq!(events(&world.engine, 10).await, before);
    world.engine.shutdown().await;
    let report = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound && report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn who_waits_for_the_end_is_told_and_a_page_behind_it_is_empty() {
    let world = World::new().await;
    let mut end = world.engine.events_end();
    let before = *end.borrow_and_update();
    world.charge(&Buy::new(1, 10)).await;
    end.changed().await.unwrap();
    let after = *end.borrow_and_update();
    assert_eq!(after, before + 1);
    let page = world.engine.events(before, 100).await.unwrap();
    assert_eq!((page.events.len(), page.next, page.end), (1, after, after));
    for from in [after, after + 1, u64::MAX] {
        let page = world.engine.events(from, 100).await.unwrap();
        assert_eq!((page.events.len(), page.next), (0, after));
    }
    assert_eq!(world.engine.events(0, 0).await.unwrap().next, 0);
}
