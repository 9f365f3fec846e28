//! Every refusal of every call about a channel. The matches are exhaustive: a new variant does not
//! compile before it has a case here. Of two faults the one that stands first is named.

use std::collections::BTreeSet;

use engine::{ChannelError, ClaimToken, Closing, Coded, OpenChannelError, Present, Proof, Retry};
use instrument::channel::{Close, SignedVoucher, Tick, TickLink, TopUp, Voucher};
use instrument::{Audience, PublicKey, PurchaseDigest, Signed};
use ledger::{Account, Limit};
use money::{Amount, Asset, MandateId, NodeId, Shares};

use super::parts::{Channel, DEPOSIT, HOUR_MS, TICKS, proceed, voucher_key};
use crate::batches::{account, create};
use crate::world::{FUNDS, Granted, START_MS, World, key, options, payee, units, usd};

const DAY_MS: u64 = 24 * HOUR_MS;

#[test]
fn codes_are_stable_names() {
    fn check<E: Coded>(all: &[E], shared: &str) {
        let codes: Vec<_> = all.iter().map(Coded::code).collect();
        let own: BTreeSet<_> = codes.iter().filter(|code| **code != shared).collect();
        assert_eq!(own.len(), codes.iter().filter(|code| **code != shared).count());
        let texts: BTreeSet<_> = all.iter().map(ToString::to_string).collect();
        assert_eq!(texts.len(), all.len());
        for error in all {
            let code = error.code();
            assert!(code.bytes().all(|byte| byte.is_ascii_lowercase() || byte == b'_'), "{code}");
            assert!((400..=503).contains(&error.http_status()), "{code}");
            let again = error.retry() != Retry::Never;
            assert_eq!(again, error.http_status() == 503, "{code}");
        }
    }
    check(OpenChannelError::ALL, "channel_terms");
    check(ChannelError::ALL, "");
}

fn asset(code: &str) -> Asset {
    Asset::new(code, 9).unwrap()
}

/// Each mandate has its own fault and all those that stand after it.
struct Mandates {
    revoked: Granted,
    expired: Granted,
    elsewhere: Granted,
    small: Granted,
    spent: Granted,
}

fn mandates() -> Mandates {
    let spent = Granted::new(5, 1, u128::MAX, 1);
    let small = Granted::new(4, 1, 2, 1);
    let mut elsewhere = small;
    elsewhere.terms.id = MandateId::new(3).unwrap();
    elsewhere.terms.audience = Some(Audience::of_origin("https://elsewhere.example"));
    let mut expired = elsewhere;
    expired.terms.id = MandateId::new(2).unwrap();
    expired.terms.expires_at_ms = START_MS + 1;
    let mut revoked = expired;
    revoked.terms.id = MandateId::new(1).unwrap();
    Mandates { revoked, expired, elsewhere, small, spent }
}

/// Payee 4 takes deposits up to 5,000; payee 50 is closed.
async fn prepared() -> World {
    let mut world = World::new().await;
    let granted = mandates();
    for mandate in
        [granted.revoked, granted.expired, granted.elsewhere, granted.small, granted.spent]
    {
        world.grant(&mandate).await;
    }
    world.revoke(&granted.revoked).await.unwrap();
    world.engine.open_asset(asset("EUR"), true).await.unwrap();
    let closed = Account { closed: true, ..account(payee(50), usd(), Limit::None) };
    create(&world.engine, vec![closed]).await;
    world.engine.shutdown().await;
    let mut options = options(world.dir.path(), &world.clock);
    let limits = engine::ChannelLimits { deposit_max: 5_000, ..Default::default() };
    options.channel_limits.insert(payee(4), limits);
    world.engine = engine::Engine::start(options).unwrap().engine;
    world.clock.advance_ms(10);
    world
}

/// Faults of one kind change the same field, so they cannot stand side by side.
fn kind(error: OpenChannelError) -> &'static str {
    use OpenChannelError as E;
    match error {
        E::NotPayersKey
        | E::MandateUnknown
        | E::MandateMismatch
        | E::MandateRevoked
        | E::MandateExpired
        | E::MandateAudience
        | E::MandatePerPayment
        | E::MandateExceeded => "signer",
        E::UnknownPayee | E::PayerIsPayee | E::AccountClosed | E::DepositAboveLimit => "payee",
        // Those of mandates are in `trees`, for version 1 cannot have them.
        E::TooMany
        | E::MandatePayee
        | E::MandatePaused
        | E::MandatePerDay
        | E::MandatePerMonth
        | E::Unavailable(_) => "not in the command",
        E::WrongNode => "node",
        E::TermsDeposit => "deposit",
        E::TermsTicks => "ticks",
        E::TermsCloseDelay => "delay",
        E::TermsExpiry => "expiry",
        E::TermsVoucherKey => "voucher key",
        E::UnknownAsset => "asset",
        E::InsufficientFunds => "amount",
    }
}

/// Puts one fault into terms that are right otherwise.
fn spoil(channel: &mut Channel, error: OpenChannelError) {
    use OpenChannelError as E;
    let granted = mandates();
    let units_now = channel.terms.deposit.units();
    let terms = &mut channel.terms;
    match error {
        E::WrongNode => terms.node = NodeId::new(9).unwrap(),
        E::PayerIsPayee => terms.payee = terms.payer,
        E::TermsDeposit => terms.deposit = Amount::new(0, terms.deposit.asset()),
        E::TermsTicks => terms.tick_units = 0,
        E::TermsCloseDelay => terms.close_delay_seconds = 0,
        E::TermsExpiry => terms.expires_at_ms = START_MS + 10,
        E::TermsVoucherKey => terms.voucher_key = PublicKey([0; 32]),
        E::UnknownAsset => terms.deposit = Amount::new(units_now, asset("XAU")),
        E::NotPayersKey => {
            channel.signer = 77;
            terms.signer = key(77).public();
        }
        E::MandateUnknown => terms.mandate = MandateId::new(99).ok(),
        E::MandateMismatch => terms.mandate = Some(granted.small.terms.id),
        E::MandateRevoked => *channel = channel.clone().under(&granted.revoked),
        E::MandateExpired => *channel = channel.clone().under(&granted.expired),
        E::MandateAudience => *channel = channel.clone().under(&granted.elsewhere),
        E::MandatePerPayment => *channel = channel.clone().under(&granted.small),
        E::MandateExceeded => *channel = channel.clone().under(&granted.spent),
        E::UnknownPayee => terms.payee = payee(404),
        E::AccountClosed => terms.payee = payee(50),
        E::DepositAboveLimit => {
            terms.payee = payee(4);
            terms.deposit = Amount::new(units_now.max(5_001), terms.deposit.asset());
        }
        E::InsufficientFunds => {
            terms.deposit = Amount::new(FUNDS + 1, terms.deposit.asset());
        }
        E::TooMany
        | E::MandatePayee
        | E::MandatePaused
        | E::MandatePerDay
        | E::MandatePerMonth
        | E::Unavailable(_) => {}
    }
}

fn wrong_asset_is_an_unknown_payee(first: OpenChannelError, second: OpenChannelError) -> bool {
    // The mandates are in dollars, so another asset is another mandate's.
    first == OpenChannelError::UnknownAsset && kind(second) == "signer"
}

#[tokio::test]
async fn open_refusals_alone_and_in_pairs() {
    let world = prepared().await;
    let before = world.everything().await;
    let faults = OpenChannelError::ALL.iter().copied();
    let faults: Vec<_> = faults.filter(|fault| kind(*fault) != "not in the command").collect();
    for (place, first) in faults.iter().enumerate() {
        let mut channel = Channel::new(1);
        spoil(&mut channel, *first);
        let refused = world.engine.open_channel(channel.command()).await;
        assert_eq!(refused, Err(*first));
        for second in &faults[place + 1..] {
            let overlap = kind(*first) == kind(*second)
                || wrong_asset_is_an_unknown_payee(*first, *second)
                || (kind(*first) == "deposit" && kind(*second) == "amount")
                || *second == OpenChannelError::DepositAboveLimit;
            if overlap {
                continue;
            }
            let mut channel = Channel::new(1);
            // The later fault first: some change what the earlier one spoils.
            spoil(&mut channel, *second);
            spoil(&mut channel, *first);
            let refused = world.engine.open_channel(channel.command()).await;
            assert_eq!(refused, Err(*first), "{first:?} before {second:?}");
        }
    }
    assert_eq!(world.everything().await, before);
}

#[tokio::test]
async fn a_split_must_be_paid_out_whole() {
    let world = World::new().await;
    let shares = Shares::new(vec![500_000, 500_000]).unwrap();
    for accounts in [vec![], vec![payee(1)], vec![payee(1), payee(404)], vec![payee(1); 3]] {
        let mut channel = Channel::new(1);
        channel.split = Some((accounts, shares.clone()));
        let refused = world.engine.open_channel(channel.command()).await;
        assert_eq!(refused, Err(OpenChannelError::UnknownPayee));
    }
    let mut channel = Channel::new(1);
    channel.split = Some((vec![payee(1), channel.terms.payer], shares));
    let refused = world.engine.open_channel(channel.command()).await;
    assert_eq!(refused, Err(OpenChannelError::PayerIsPayee));
}

fn strange(statement: Voucher) -> SignedVoucher {
    Signed::sign(statement, &key(77))
}

/// One wrong call for each refusal.
async fn case(world: &World, channel: &Channel, error: ChannelError) -> Option<ChannelError> {
    use ChannelError as E;
    let engine = &world.engine;
    let id = channel.id();
    let present = |change: &dyn Fn(&mut Present)| {
        let mut command = channel.present(channel.voucher(9, 500), 10);
        change(&mut command);
        engine.present(command)
    };
    match error {
        E::Unknown => engine.accept(Channel::new(99).voucher(1, 1)).await.err(),
        E::Closed => {
            let closed = Channel::new(98).opened(world).await;
            closed.close_by_payee(world).await.unwrap();
            engine.accept(closed.voucher(1, 1)).await.err()
        }
        E::WrongPayee => present(&|command| command.pay_to = payee(2)).await.err(),
        E::WrongAsset => {
            present(&|command| command.start = Amount::new(1, asset("EUR"))).await.err()
        }
        E::VoucherSignature
        | E::TickBeyondEnd
        | E::TickStale
        | E::TickInvalid
        | E::TickJump
        | E::TickAboveDeposit
        | E::VoucherReused
        | E::VoucherStale
        | E::VoucherLower
        | E::VoucherAboveDeposit => proof_case(world, channel, error).await,
        E::TopUpSignature => {
            let top_up = TopUp { channel: id, deposit: 1 };
            engine.top_up(Signed::sign(top_up, &voucher_key())).await.err()
        }
        E::CloseSignature => {
            let close = Signed::sign(Close { channel: id, cumulative: 0 }, &key(77));
            engine.close_channel(Closing::ByPayer(close)).await.err()
        }
        E::TopUpLower => engine.top_up(channel.top_up(DEPOSIT - 1)).await.err(),
        E::Closing => {
            let closing = Channel::new(95).opened(world).await;
            engine.close_channel(Closing::ByPayer(closing.close(0))).await.unwrap();
            engine.present(closing.present(closing.voucher(1, 9), 9)).await.err()
        }
        E::Busy => {
            let busy = Channel::new(94).opened(world).await;
            proceed(world, busy.present(busy.voucher(1, 9), 9)).await;
            engine.present(busy.present(busy.voucher(2, 9), 9)).await.err()
        }
        E::LeaseLost => engine.spend(channel.spend(ClaimToken(0), u128::MAX)).await.err(),
        E::Exhausted => present(&|command| command.start = units(DEPOSIT)).await.err(),
        E::SpendAboveAccepted => spend_case(world, 91).await,
        E::SpendBelowStart => spend_case(world, 49).await,
        E::MandateRevoked
        | E::MandatePaused
        | E::MandateUnitPrice
        | E::MandatePerDay
        | E::MandatePerMonth
        | E::MandateExpired
        | E::MandateAudience
        | E::MandatePerPayment
        | E::MandateExceeded
        | E::DepositAboveLimit
        | E::PayeeExposure
        | E::AccountClosed
        | E::InsufficientFunds
        | E::TooManyCopies
        | E::Unavailable(_) => None,
    }
}

/// A report of this total in a request that began at 50 and may spend up to 90.
async fn spend_case(world: &World, total: u128) -> Option<ChannelError> {
    let salt = u8::try_from(total).unwrap();
    let spent = Channel::new(salt).opened(world).await;
    spent.buy(world, 1, 50, 50).await;
    let (lease, _) = proceed(world, spent.present(spent.voucher(2, 90), 9)).await;
    world.engine.spend(spent.spend(lease, total)).await.err()
}

/// One wrong proof for each refusal of one.
async fn proof_case(world: &World, channel: &Channel, error: ChannelError) -> Option<ChannelError> {
    use ChannelError as E;
    let engine = &world.engine;
    let id = channel.id();
    let accept = |proof: Proof| engine.accept(proof);
    let tick = |index, link| Proof::Tick { channel: id, tick: Tick { index, link } };
    match error {
        E::VoucherSignature => {
            let voucher = Voucher { channel: id, sequence: 9, cumulative: 1 };
            accept(Proof::Voucher(strange(voucher))).await.err()
        }
        E::TickBeyondEnd => accept(tick(TICKS + 1, TickLink([0; 16]))).await.err(),
        E::TickStale => accept(channel.tick(1)).await.err(),
        E::TickInvalid => accept(tick(5, TickLink([1; 16]))).await.err(),
        E::TickJump => {
            let mut long = Channel::new(97);
            long.terms.tick_count = 5000;
            let long = long.opened(world).await;
            let far = Tick { index: 4097, link: TickLink([0; 16]) };
            accept(Proof::Tick { channel: long.id(), tick: far }).await.err()
        }
        E::VoucherReused => accept(channel.voucher(3, 101)).await.err(),
        E::VoucherStale => accept(channel.voucher(2, 500)).await.err(),
        E::VoucherLower => accept(channel.voucher(4, 99)).await.err(),
        E::VoucherAboveDeposit => accept(channel.voucher(4, DEPOSIT + 1)).await.err(),
        E::TickAboveDeposit => {
            let small = Channel::new(96).deposit(9).opened(world).await;
            accept(small.tick(1)).await.err()
        }
        _ => None,
    }
}

#[tokio::test]
async fn channel_refusals() {
    let world = prepared().await;
    let channel = Channel::new(1).opened(&world).await;
    world.engine.accept(channel.voucher(3, 100)).await.unwrap();
    world.engine.accept(channel.tick(2)).await.unwrap();
    let before = channel.seen(&world).await;
    let mut told = 0;
    for error in ChannelError::ALL {
        if let Some(refused) = case(&world, &channel, *error).await {
            assert_eq!(refused, *error);
            told += 1;
        }
    }
    assert_eq!(told, 23);
    assert_eq!(channel.seen(&world).await, before);
    world.assert_balanced().await;
}

/// Nothing is said about numbers to whoever cannot sign.
#[tokio::test]
async fn a_signature_is_judged_before_the_numbers() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    world.engine.accept(channel.voucher(3, 100)).await.unwrap();
    let numbers = [(2, 500), (3, 100), (3, 101), (4, 99), (4, DEPOSIT + 1)];
    for (sequence, cumulative) in numbers {
        let voucher = Voucher { channel: channel.id(), sequence, cumulative };
        let proof = Proof::Voucher(strange(voucher));
        let refused = [
            world.engine.accept(proof).await.map(drop),
            world.engine.claim(proof).await.map(drop),
            world.engine.present(channel.present(proof, 1)).await.map(drop),
        ];
        assert_eq!(refused, [Err(ChannelError::VoucherSignature); 3]);
    }
    let lower = Signed::sign(TopUp { channel: channel.id(), deposit: 1 }, &key(77));
    let refused = world.engine.top_up(lower).await;
    assert_eq!(refused, Err(ChannelError::TopUpSignature));
}

/// The outcome of a request is not for whoever guesses its number.
#[tokio::test]
async fn only_the_payer_gets_an_answer_again() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    for (proof, forged) in [
        (channel.voucher(1, 50), {
            let voucher = Voucher { channel: channel.id(), sequence: 1, cumulative: 50 };
            Proof::Voucher(strange(voucher))
        }),
        (channel.tick(6), {
            let tick = Tick { index: 6, link: TickLink([0; 16]) };
            Proof::Tick { channel: channel.id(), tick }
        }),
    ] {
        let (lease, view) = proceed(&world, channel.present(proof, 1)).await;
        let refused = world.engine.present(channel.present(forged, 1)).await;
        assert!(refused.is_err(), "while it is served: {refused:?}");
        let spend = channel.last_spend(lease, view.spent + 1, Some(crate::world::outcome("mine")));
        world.engine.spend(spend).await.unwrap();
        let refused = world.engine.present(channel.present(forged, 1)).await;
        let expected = match proof {
            Proof::Voucher(_) => ChannelError::VoucherSignature,
            Proof::Tick { .. } => ChannelError::TickStale,
        };
        assert_eq!(refused, Err(expected));
        let mut other = channel.present(proof, 1);
        other.purchase = PurchaseDigest([8; 32]);
        assert_eq!(world.engine.present(other).await, Err(ChannelError::VoucherReused));
    }
}

#[tokio::test]
async fn terms_live_for_a_year_at_most() {
    let world = World::new().await;
    let mut channel = Channel::new(1);
    channel.terms.expires_at_ms = START_MS + 366 * DAY_MS + 1;
    let refused = world.engine.open_channel(channel.command()).await;
    assert_eq!(refused, Err(OpenChannelError::TermsExpiry));
    channel.terms.expires_at_ms -= 1;
    world.engine.open_channel(channel.command()).await.unwrap();
}

#[tokio::test]
async fn a_clock_that_went_back_lets_nothing_new_begin() {
    let world = World::new().await;
    let channel = Channel::new(1).opened(&world).await;
    let (lease, _) = proceed(&world, channel.present(channel.voucher(1, 300), 10)).await;
    world.clock.go_back_ms(301_000);
    let behind = engine::Unavailable::ClockBehind;
    let opened = world.engine.open_channel(Channel::new(2).command()).await;
    assert_eq!(opened, Err(behind.into()));
    let top_up = world.engine.top_up(channel.top_up(2 * DEPOSIT)).await;
    assert_eq!(top_up, Err(behind.into()));
    // What has begun goes on.
    world.engine.spend(channel.last_spend(lease, 10, None)).await.unwrap();
    let next = world.engine.present(channel.present(channel.voucher(2, 300), 10)).await;
    assert_eq!(next, Err(behind.into()));
    world.engine.settle_channel(channel.id()).await.unwrap();
}
