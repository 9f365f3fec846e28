//! Every kind of entry comes back from its bytes as it went in, and no bytes make decoding panic.

use instrument::channel::{ChannelTerms, Close, Tick, TickLink, TopUp};
use instrument::{KeyPair, Limits, PurchaseDigest};
use money::{NodeId, OrderId, RefundId};
use proptest::prelude::*;

use super::*;
use crate::state::State;
use crate::tags::{Country, OfferTag, PayerClass};

fn asset() -> Asset {
    Asset::new("USD", 9).unwrap()
}

fn order(mandate: Option<MandateId>) -> SignedOrder {
    let key = KeyPair::from_seed(&[1; 32]);
    let order = Order {
        node: NodeId::new(1).unwrap(),
        id: OrderId::new(2).unwrap(),
        payer: AccountId::new(3).unwrap(),
        signer: key.public(),
        payee: AccountId::new(4).unwrap(),
        amount: Amount::new(u128::MAX, asset()),
        purchase: mandate.map(|_| PurchaseDigest([9; 32])),
        expires_at_ms: u64::MAX,
        mandate,
    };
    Signed::sign(order, &key)
}

fn new_payment(legs: usize, named: bool) -> NewPayment {
    let account = |index| AccountId::new(10 + index as u128).unwrap();
    let order = order(named.then(|| MandateId::new(5).unwrap()));
    NewPayment {
        id: order.unverified().payment_id(),
        order,
        request: None,
        legs: (0..legs).map(|index| (account(index), u128::MAX - 1)).collect(),
        description: "Ünïcode, 1 page".to_owned(),
        idempotency: named.then_some(([6; 32], [7; 32])),
        tags: Tags::default(),
    }
}

fn by_request() -> NewPayment {
    NewPayment { request: Some(RequestDigest([8; 32])), ..new_payment(1, true) }
}

fn tagged(payment: NewPayment) -> NewPayment {
    NewPayment { tags: tags(), ..payment }
}

fn tags() -> Tags {
    Tags {
        offer: OfferTag(7),
        country: Some(Country::new("KR").unwrap()),
        class: PayerClass::Person,
    }
}

fn outcome() -> Outcome {
    Outcome {
        status: 599,
        headers: vec![("a".to_owned(), String::new()), ("a".to_owned(), "b".to_owned())],
        body: vec![0, 255, 1].into(),
        range: "bytes=0-".to_owned(),
    }
}

fn mandate() -> Signed<Mandate> {
    let key = KeyPair::from_seed(&[1; 32]);
    let mandate = Mandate {
        node: NodeId::new(1).unwrap(),
        id: MandateId::new(5).unwrap(),
        payer: AccountId::new(3).unwrap(),
        payer_key: key.public(),
        delegate: KeyPair::from_seed(&[2; 32]).public(),
        asset: asset(),
        per_payment: 1,
        total: u128::MAX,
        expires_at_ms: 3,
        audience: None,
    };
    Signed::sign(mandate, &key)
}

/// Whether it has tags, whether it was made from a request.
fn place(payment: &NewPayment) -> [usize; 2] {
    [usize::from(!payment.tags.is_empty()), usize::from(payment.request.is_some())]
}

fn tree_mandate() -> Signed<TreeMandate> {
    let key = KeyPair::from_seed(&[1; 32]);
    let limits = Limits { depth: 7, ..mandate().unverified().permission().limits };
    let mandate = TreeMandate {
        node: NodeId::new(1).unwrap(),
        salt: [6; 16],
        parent: Some(MandateId::new(5).unwrap()),
        payer: AccountId::new(3).unwrap(),
        granter: key.public(),
        delegate: KeyPair::from_seed(&[2; 32]).public(),
        asset: asset(),
        limits,
    };
    Signed::sign(mandate, &key)
}

/// What stands at the place of each kind in the byte form.
fn kind(entry: &Entry) -> u8 {
    match entry {
        Entry::AssetOpened { .. } => 1,
        Entry::AccountOpened { .. } => 2,
        Entry::Funded { .. } => 3,
        Entry::PaymentHeld { payment, .. } => {
            [[4, 24], [26, 28]][place(payment)[0]][place(payment)[1]]
        }
        Entry::PaymentCharged { payment } => {
            [[5, 25], [27, 29]][place(payment)[0]][place(payment)[1]]
        }
        Entry::PaymentSettled { .. } => 6,
        Entry::PaymentReleased { .. } => 7,
        Entry::HoldsExpired => 8,
        Entry::MandateGranted { .. } => 9,
        Entry::MandateRevoked { .. } => 10,
        Entry::Ledger { .. } => 11,
        Entry::Channel(ChannelEntry::Opened { channel, .. }) if !channel.tags.is_empty() => 23,
        Entry::Channel(ChannelEntry::Opened { .. }) => 12,
        Entry::Channel(ChannelEntry::ToppedUp { .. }) => 13,
        Entry::Channel(ChannelEntry::Paid { .. }) => 14,
        Entry::Channel(ChannelEntry::Settled { .. }) => 15,
        Entry::Channel(ChannelEntry::Closing { .. }) => 16,
        Entry::Channel(ChannelEntry::Closed { .. }) => 17,
        Entry::LogOpened { .. } => 18,
        Entry::EpochRecorded { .. } => 19,
        Entry::DocumentPut { .. } => 20,
        Entry::Refunded(_) => 21,
        Entry::EventsBegun => 22,
        Entry::TreeMandateGranted { .. } => 30,
        Entry::MandatePaused(_) => 31,
        Entry::Counted { .. } => 40,
    }
}

fn known_kinds() -> impl Iterator<Item = u8> {
    (1..=31).chain([40])
}

fn accounts() -> Vec<Entry> {
    let roles = [AccountRole::Payer, AccountRole::Payee, AccountRole::Operator];
    let account = |role| Entry::AccountOpened {
        id: AccountId::new(3).unwrap(),
        asset: asset(),
        role,
        label: "label".to_owned(),
    };
    roles.into_iter().map(account).collect()
}

fn closings() -> Vec<Entry> {
    let payment = PaymentId::new(8).unwrap();
    vec![
        Entry::PaymentSettled { payment, legs: vec![0, u128::MAX], outcome: Some(outcome()) },
        Entry::PaymentSettled { payment, legs: vec![], outcome: None },
        Entry::PaymentReleased { payment, reason: ReleaseReason::Expired, outcome: None },
        Entry::PaymentReleased {
            payment,
            reason: ReleaseReason::NotDelivered,
            outcome: Some(outcome()),
        },
    ]
}

fn terms() -> ChannelTerms {
    let key = KeyPair::from_seed(&[1; 32]).public();
    ChannelTerms {
        node: NodeId::new(1).unwrap(),
        salt: [4; 16],
        payer: AccountId::new(3).unwrap(),
        signer: key,
        voucher_key: key,
        payee: AccountId::new(4).unwrap(),
        deposit: Amount::new(u128::MAX, asset()),
        tick_root: TickLink([5; 16]),
        tick_units: 1,
        tick_count: u32::MAX,
        close_delay_seconds: 6,
        expires_at_ms: 7,
        mandate: Some(MandateId::new(5).unwrap()),
    }
}

fn channels() -> Vec<Entry> {
    let key = KeyPair::from_seed(&[1; 32]);
    let id = terms().channel();
    let opened = |split: Vec<(AccountId, u32)>, hold| ChannelEntry::Opened {
        channel: Box::new(NewChannel {
            id,
            terms: Signed::sign(terms(), &key),
            split,
            description: "a stream".to_owned(),
            tags: if hold == 0 { Tags::default() } else { tags() },
        }),
        hold,
    };
    let voucher = PaidProof::Voucher {
        sequence: 1,
        cumulative: u128::MAX,
        signature: *Signed::sign(terms(), &key).signature(),
    };
    let tick = PaidProof::Tick(Tick { index: 9, link: TickLink([8; 16]) });
    let begun = |proof| BegunRequest { proof, purchase: PurchaseDigest([3; 32]) };
    let paid = |begun, act| ChannelEntry::Paid { channel: id, begun, act };
    let close = Signed::sign(Close { channel: id, cumulative: 3 }, &key);
    let closed = |cause, close| ChannelEntry::Closed { channel: id, cause, close };
    let entries = vec![
        opened(vec![], 0),
        opened(
            vec![(AccountId::new(4).unwrap(), 600_000), (AccountId::new(5).unwrap(), 400_000)],
            3,
        ),
        ChannelEntry::ToppedUp {
            top_up: Signed::sign(TopUp { channel: id, deposit: 5 }, &key),
            hold: u64::MAX,
        },
        paid(Some(begun(voucher)), Act::Begin),
        paid(Some(begun(tick)), Act::Reserve { units: 4, ends_at_ms: 5 }),
        paid(None, Act::Spend { total: 6, end: true, outcome: Some(outcome()) }),
        paid(Some(begun(voucher)), Act::Spend { total: 6, end: false, outcome: None }),
        paid(None, Act::GiveUp { outcome: Some(outcome()) }),
        paid(None, Act::GiveUp { outcome: None }),
        paid(None, Act::Accept(voucher)),
        paid(None, Act::Claim(tick)),
        paid(None, Act::Lapse),
        ChannelEntry::Settled { channel: id, hold: 7 },
        ChannelEntry::Closing { close },
        closed(CloseCause::Agreed, Some(close)),
        closed(CloseCause::ByPayee, None),
        closed(CloseCause::Time, None),
    ];
    entries.into_iter().map(Entry::Channel).collect()
}

#[test]
fn a_voucher_that_is_accepted_costs_little() {
    let cost = |entry| encode(Entry::Channel(entry)).1.len();
    let accepted = channels().into_iter().find_map(|entry| match entry {
        Entry::Channel(entry @ ChannelEntry::Paid { act: Act::Accept(_), .. }) => Some(entry),
        _ => None,
    });
    assert_eq!(cost(accepted.unwrap()), 116);
}

fn batches() -> Vec<Entry> {
    let rows = (0..=255).cycle().take(3 * ROW_BYTES).collect();
    vec![
        Entry::Ledger { rows, burned: vec![TransferId::new(5).unwrap()] },
        Entry::Ledger { rows: vec![], burned: vec![] },
    ]
}

fn documents() -> Vec<Entry> {
    let put = |kind, body| Entry::DocumentPut { kind, id: "off_1".to_owned(), revision: 2, body };
    let bodies = [None, Some(Vec::new()), Some(b"{}".to_vec())];
    let kinds = DocumentKind::ALL.iter().copied();
    kinds.flat_map(|kind| bodies.clone().map(|body| put(kind, body))).collect()
}

fn refunds() -> Vec<Entry> {
    let account = |id| AccountId::new(id).unwrap();
    let refund = |from, tags, legs: u32| NewRefund {
        id: RefundId::new(1).unwrap(),
        payment: PaymentId::new(8).unwrap(),
        payer: account(3),
        payee: account(4),
        asset: asset(),
        paid: u128::MAX,
        before: 7,
        from,
        is_rest: from.is_some(),
        legs: (0..legs).map(|index| RefundedLeg { index, account: account(4), units: 9 }).collect(),
        reason: "not delivered".to_owned(),
        tags,
    };
    let both = [refund(None, tags(), 65), refund(Some(account(4)), Tags::default(), 0)];
    both.into_iter().map(|refund| Entry::Refunded(Box::new(refund))).collect()
}

fn counted() -> Vec<Entry> {
    let counter = |id, max| Counter { id: [id; 16], max, ends_at_ms: u64::MAX };
    let by_payment = CountedBy::Payment(PaymentId::new(8).unwrap());
    vec![
        Entry::Counted { by: by_payment, counters: vec![counter(1, u32::MAX), counter(2, 1)] },
        Entry::Counted { by: CountedBy::Use([7; 16]), counters: vec![counter(3, 5)] },
    ]
}

/// At least one entry of every kind, with every option taken and not.
fn samples() -> Vec<Entry> {
    let mut samples = vec![
        Entry::AssetOpened { asset: asset(), sandbox: true },
        Entry::Funded {
            id: TransferId::new(1).unwrap(),
            account: AccountId::new(3).unwrap(),
            amount: Amount::new(u128::MAX, asset()),
            reference: String::new(),
        },
        Entry::PaymentHeld { payment: new_payment(0, false), hold_seconds: u32::MAX },
        Entry::PaymentHeld { payment: new_payment(65, true), hold_seconds: 0 },
        Entry::PaymentCharged { payment: new_payment(3, true) },
        Entry::PaymentHeld { payment: by_request(), hold_seconds: 1 },
        Entry::PaymentCharged { payment: by_request() },
        Entry::PaymentHeld { payment: tagged(new_payment(2, true)), hold_seconds: 1 },
        Entry::PaymentCharged { payment: tagged(new_payment(1, false)) },
        Entry::PaymentHeld { payment: tagged(by_request()), hold_seconds: 1 },
        Entry::PaymentCharged { payment: tagged(by_request()) },
        Entry::HoldsExpired,
        Entry::MandateGranted { mandate: mandate(), label: "agent".to_owned() },
        Entry::MandateRevoked { mandate: MandateId::new(5).unwrap() },
        Entry::TreeMandateGranted {
            mandate: Box::new(tree_mandate()),
            label: "sub-agent".to_owned(),
        },
        Entry::MandatePaused(PauseSwitched {
            mandate: MandateId::new(5).unwrap(),
            above: 7,
            sequence: u64::MAX,
            paused: true,
        }),
    ];
    samples.extend(accounts());
    samples.extend(closings());
    samples.extend(batches());
    samples.extend(channels());
    samples.push(Entry::LogOpened { vkey: "pay.example/log+00000000+AQ==".to_owned() });
    samples.push(Entry::EpochRecorded { entry: [2, 0, 7].into() });
    samples.extend(documents());
    samples.extend(refunds());
    samples.extend(counted());
    samples.push(Entry::EventsBegun);
    samples
}

fn encode(entry: Entry) -> (Stamped, Vec<u8>) {
    let stamped = Stamped { timestamp_ns: 0x0102_0304_0506_0708, entry };
    let mut out = Encoder::default();
    stamped.encode(&mut out);
    (stamped, out.bytes)
}

#[test]
fn every_kind_round_trips() {
    let mut kinds: Vec<u8> = samples().iter().map(kind).collect();
    kinds.sort_unstable();
    kinds.dedup();
    assert!(kinds.iter().copied().eq(known_kinds()), "{kinds:?}");
    for sample in samples() {
        let (stamped, bytes) = encode(sample);
        assert_eq!(bytes[8], kind(&stamped.entry));
        let mut from = Decoder::new(&bytes);
        assert_eq!(Stamped::decode(&mut from).unwrap(), stamped);
        from.finish().unwrap();
    }
}

#[test]
fn entries_follow_one_another() {
    let all: Vec<_> = samples().into_iter().map(encode).collect();
    let bytes: Vec<u8> = all.iter().flat_map(|(_, bytes)| bytes.clone()).collect();
    let mut from = Decoder::new(&bytes);
    for (stamped, _) in &all {
        assert_eq!(Stamped::decode(&mut from).as_ref(), Ok(stamped));
    }
    assert!(from.is_empty());
}

#[test]
fn a_cut_entry_is_refused_at_every_length() {
    for sample in samples() {
        let (_, bytes) = encode(sample);
        for length in 0..bytes.len() {
            let cut = Stamped::decode(&mut Decoder::new(&bytes[..length]));
            assert!(cut.is_err(), "{length} of {}", bytes.len());
        }
    }
}

#[test]
fn unknown_kinds_are_refused() {
    for kind in (0..=255_u8).filter(|kind| !known_kinds().any(|known| known == *kind)) {
        let mut bytes = vec![0; 600];
        bytes[8] = kind;
        let decoded = Stamped::decode(&mut Decoder::new(&bytes));
        assert_eq!(decoded, Err(Malformed("unknown entry kind")));
    }
}

proptest! {
    #[test]
    fn whatever_decodes_encodes_to_the_same_bytes(
        pick in 0..samples().len(),
        changes in prop::collection::vec((any::<prop::sample::Index>(), any::<u8>()), 0..6),
    ) {
        let (_, mut bytes) = encode(samples().swap_remove(pick));
        for (place, value) in changes {
            let place = place.index(bytes.len());
            bytes[place] = value;
        }
        let mut from = Decoder::new(&bytes);
        if let Ok(stamped) = Stamped::decode(&mut from) && from.is_empty() {
            prop_assert_eq!(encode(stamped.entry).1[8..].to_vec(), bytes[8..].to_vec());
        }
    }

    #[test]
    fn garbage_never_panics(kind in 1_u8..=40, garbage: Vec<u8>) {
        let mut bytes = vec![0; 8];
        bytes.push(kind);
        bytes.extend(garbage);
        let _ = Stamped::decode(&mut Decoder::new(&bytes));
        let _ = State::stored(&bytes);
    }
}
