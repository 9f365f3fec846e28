//! The flow on its own: what is handed over never exceeds what was paid before, whatever the
//! upstream, the payer and the vouchers do. Time is simulated.

use std::sync::Arc;
use std::sync::atomic::{AtomicBool, AtomicU64, Ordering};
use std::time::Duration;

use axum::body::Body;
use bytes::Bytes;
use http_body_util::BodyExt;
use money::{Amount, Asset, ChannelId};
use tokio::sync::{mpsc, watch};
use tokio::task::JoinHandle;
use tokio::time::{Instant, sleep, sleep_until};

use super::flow::{End, Flow, Rules};
use super::funds::{Funds, Over, Standing};
use super::outlet::outlet;
use super::pieces::Pieces;
use crate::meter::{Meter, MeterTerms, Tier, Unit};

const BASE: u128 = 5_000;

/// What tests see and change of the money.
#[derive(Clone)]
struct Purse {
    allowed: watch::Sender<u128>,
    spent: Arc<AtomicU64>,
    spends: Arc<AtomicU64>,
    closed: Arc<AtomicBool>,
    /// How long a payment takes to become durable.
    latency: Duration,
    renew_every: Option<Duration>,
}

struct TestFunds {
    purse: Purse,
    renewed: Instant,
}

impl Purse {
    fn new(allowed: u128) -> Self {
        Self {
            allowed: watch::Sender::new(allowed),
            spent: Arc::default(),
            spends: Arc::default(),
            closed: Arc::default(),
            latency: Duration::from_millis(2),
            renew_every: None,
        }
    }

    fn spent(&self) -> u64 {
        self.spent.load(Ordering::SeqCst)
    }
}

impl Funds for TestFunds {
    fn allowed(&self) -> u128 {
        *self.purse.allowed.borrow()
    }

    async fn spend(&mut self, cost: u128) -> Result<(), Over> {
        sleep(self.purse.latency).await;
        if self.purse.closed.load(Ordering::SeqCst) {
            return Err(Over);
        }
        assert!(cost <= self.allowed(), "{cost} is spent, and only {} allowed", self.allowed());
        self.purse.spent.store(u64::try_from(cost).unwrap(), Ordering::SeqCst);
        self.purse.spends.fetch_add(1, Ordering::SeqCst);
        self.renewed = Instant::now();
        Ok(())
    }

    async fn wait(&mut self, above: u128, wait_ms: u32) -> Result<(), Over> {
        let mut allowed = self.purse.allowed.subscribe();
        let wait = Duration::from_millis(wait_ms.into());
        // The end of the time is an answer too.
        let _ = tokio::time::timeout(wait, allowed.wait_for(|allowed| *allowed > above)).await;
        if self.purse.closed.load(Ordering::SeqCst) { Err(Over) } else { Ok(()) }
    }

    fn standing(&self) -> Option<Standing> {
        let channel = ChannelId::new(1).unwrap();
        let accepted = BASE + self.allowed();
        Some(Standing { channel, base: BASE, accepted, deposit: 100_000 })
    }

    fn renew_by(&self) -> Option<Instant> {
        self.purse.renew_every.map(|time| self.renewed + time)
    }

    fn deadline(&self) -> Option<Instant> {
        None
    }
}

fn usd(units: u128) -> Amount {
    Amount::new(units, Asset::new("USD", 9).unwrap())
}

fn terms(unit: Unit, price: u128) -> MeterTerms {
    let price = usd(price);
    MeterTerms { unit, price, per: 1, free_units: 0, units_max: None, tiers: Vec::new() }
}

fn rules(terms: MeterTerms, step_units: u64) -> Rules {
    let meter = Meter::new(terms).unwrap();
    let voucher_wait_ms = 60_000;
    let known_units = None;
    Rules {
        meter,
        step_units,
        known_units,
        voucher_wait_ms,
        is_event_stream: false,
        capture_limit: 1024,
    }
}

/// A flow under way.
struct World {
    upstream: Option<mpsc::Sender<Result<Bytes, std::io::Error>>>,
    body: Body,
    purse: Purse,
    flow: JoinHandle<(End, u64, Option<Bytes>)>,
}

impl World {
    fn start(rules: Rules, purse: &Purse) -> Self {
        let (upstream, receiver) = mpsc::channel(64);
        let pieces = futures_util::stream::unfold(receiver, |mut receiver| async move {
            receiver.recv().await.map(|piece| (piece, receiver))
        });
        let upstream_body = Body::from_stream(pieces);
        let (body, outlet) = outlet();
        let is_event_stream = rules.is_event_stream;
        let pieces = Pieces::new(Bytes::new(), upstream_body, rules.meter.unit(), is_event_stream);
        let funds = TestFunds { purse: purse.clone(), renewed: Instant::now() };
        let flow = tokio::spawn(async move {
            let mut flow = Flow::new(rules, funds, pieces, outlet);
            let end = flow.run().await;
            let delivered = flow.delivered(end);
            let captured = flow.captured();
            if end == End::Broken {
                flow.outlet.break_off().await;
            } else {
                flow.outlet.finish(None).await;
            }
            (end, delivered, captured)
        });
        Self { upstream: Some(upstream), body, purse: purse.clone(), flow }
    }

    async fn send(&self, text: &[u8]) {
        let piece = Ok(Bytes::copy_from_slice(text));
        self.upstream.as_ref().unwrap().send(piece).await.unwrap();
    }

    fn end(&mut self) {
        self.upstream = None;
    }

    /// The next piece; `None` at the end.
    async fn piece(&mut self) -> Option<Bytes> {
        Some(self.body.frame().await?.unwrap().into_data().unwrap())
    }

    async fn text(&mut self) -> String {
        String::from_utf8(self.piece().await.unwrap().to_vec()).unwrap()
    }

    /// Whether nothing comes for this long.
    async fn is_silent(&mut self, time: Duration) -> bool {
        tokio::time::timeout(time, self.body.frame()).await.is_err()
    }

    /// How it ended, and how many units were delivered.
    async fn ended(self) -> (End, u64) {
        drop(self.body);
        let (end, units, _) = self.flow.await.unwrap();
        (end, units)
    }
}

#[tokio::test(start_paused = true)]
async fn every_byte_is_paid_before_it_comes() {
    let purse = Purse::new(1_000_000);
    let mut world = World::start(rules(terms(Unit::Byte, 3), 100), &purse);
    let mut received = 0;
    for size in [1_usize, 99, 100, 101, 250] {
        world.send(&vec![b'x'; size]).await;
        let mut came = 0;
        while came < size {
            came += world.piece().await.unwrap().len();
            let (paid, got) = (world.purse.spent() / 3, (received + came) as u64);
            assert!(got <= paid, "{got} bytes came and {paid} were paid");
            assert!(paid <= got + 250, "{paid} bytes are paid and {got} came");
        }
        assert_eq!(came, size);
        received += came;
    }
    world.end();
    assert_eq!(world.piece().await, None);
    assert_eq!(world.ended().await, (End::Whole, 551));
    assert!(purse.spends.load(Ordering::SeqCst) <= 7, "one payment covers a step");
}

#[tokio::test(start_paused = true)]
async fn bytes_end_at_the_last_paid_one_and_go_on_with_a_voucher() {
    let purse = Purse::new(10);
    let mut world = World::start(rules(terms(Unit::Byte, 1), 64), &purse);
    world.send(b"0123456789abcdefghij").await;
    assert_eq!(world.text().await, "0123456789");
    assert!(world.is_silent(Duration::from_secs(59)).await);
    purse.allowed.send_replace(15);
    assert_eq!(world.text().await, "abcde");
    assert!(world.is_silent(Duration::from_secs(59)).await);
    assert_eq!(world.piece().await, None, "it ends cleanly after a minute");
    assert_eq!(world.ended().await, (End::Unpaid, 15));
    assert_eq!(purse.spent(), 15);
}

#[tokio::test(start_paused = true)]
async fn events_pause_ask_for_a_voucher_and_resume() {
    let purse = Purse::new(7);
    let rules = Rules { is_event_stream: true, ..rules(terms(Unit::Event, 3), 16) };
    let mut world = World::start(rules, &purse);
    world.send(b"data: 1\n\n: free\n\ndata: 2\n\nda").await;
    world.send(b"ta: 3\n\n: free too\n\n").await;
    assert_eq!(world.text().await, "data: 1\n\n");
    assert_eq!(world.text().await, ": free\n\n");
    assert_eq!(world.text().await, "data: 2\n\n");
    assert_eq!(purse.spent(), 6);
    let asked = world.text().await;
    let data = asked.strip_prefix("event: payment-need-voucher\ndata: ").unwrap();
    let data: serde_json::Value = serde_json::from_str(data.trim_end()).unwrap();
    assert_eq!(data["requiredCumulative"], (BASE + 9).to_string());
    assert_eq!(data["acceptedCumulative"], (BASE + 7).to_string());
    assert_eq!(data["deposit"], "100000");
    assert!(world.is_silent(Duration::from_secs(30)).await);
    purse.allowed.send_replace(8);
    assert!(world.is_silent(Duration::from_secs(20)).await, "that is not enough yet");
    purse.allowed.send_replace(9);
    assert_eq!(world.text().await, "data: 3\n\n");
    assert_eq!(world.text().await, ": free too\n\n");
    world.end();
    assert_eq!(world.piece().await, None);
    assert_eq!(world.ended().await, (End::Whole, 3));
}

#[tokio::test(start_paused = true)]
async fn a_voucher_that_came_meanwhile_is_seen_without_asking() {
    let purse = Purse::new(3);
    let rules = Rules { is_event_stream: true, ..rules(terms(Unit::Event, 3), 1) };
    let mut world = World::start(rules, &purse);
    world.send(b"data: 1\n\n").await;
    assert_eq!(world.text().await, "data: 1\n\n");
    purse.allowed.send_replace(6);
    world.send(b"data: 2\n\n").await;
    assert_eq!(world.text().await, "data: 2\n\n");
    world.end();
    assert_eq!(world.piece().await, None);
    assert_eq!(world.ended().await, (End::Whole, 2));
}

#[tokio::test(start_paused = true)]
async fn seconds_run_from_the_first_byte_on_and_end_with_the_money() {
    let purse = Purse::new(30);
    let mut world = World::start(rules(terms(Unit::Second, 10), 1), &purse);
    sleep(Duration::from_secs(20)).await;
    assert_eq!(purse.spent(), 0, "nothing came yet");
    let started = Instant::now();
    world.send(b"first").await;
    assert_eq!(world.text().await, "first");
    for (at_ms, spent) in [(500, 10), (1_500, 20), (2_500, 30)] {
        sleep_until(started + Duration::from_millis(at_ms)).await;
        assert_eq!(purse.spent(), spent, "after {at_ms} ms");
        world.send(b"more").await;
        assert_eq!(world.text().await, "more");
    }
    sleep_until(started + Duration::from_millis(3_500)).await;
    world.send(b"unpaid").await;
    assert!(world.is_silent(Duration::from_secs(40)).await);
    // The seconds of the pause are not charged.
    purse.allowed.send_replace(45);
    assert_eq!(world.text().await, "unpaid");
    assert_eq!(purse.spent(), 40);
    world.end();
    assert_eq!(world.piece().await, None);
    assert_eq!(world.ended().await, (End::Whole, 4));
}

#[tokio::test(start_paused = true)]
async fn nothing_comes_in_an_unpaid_second() {
    let purse = Purse::new(20);
    let mut world = World::start(rules(terms(Unit::Second, 10), 1), &purse);
    let mut last = Duration::ZERO;
    world.send(b"x").await;
    world.piece().await.unwrap();
    let started = Instant::now();
    for _ in 0..400 {
        sleep(Duration::from_millis(10)).await;
        world.send(b"x").await;
        if !world.is_silent(Duration::from_millis(1)).await {
            last = started.elapsed();
        }
        if last + Duration::from_millis(300) < started.elapsed() {
            break;
        }
    }
    assert!(last > Duration::from_millis(1_900) && last < Duration::from_millis(2_010), "{last:?}");
}

#[tokio::test(start_paused = true)]
async fn a_flow_by_the_second_ends_at_its_most_units() {
    let purse = Purse::new(1_000);
    let terms = MeterTerms { units_max: Some(3), free_units: 1, ..terms(Unit::Second, 10) };
    let mut world = World::start(rules(terms, 2), &purse);
    world.send(b"x").await;
    assert_eq!(world.text().await, "x");
    let started = Instant::now();
    assert_eq!(world.piece().await, None);
    assert!(started.elapsed() >= Duration::from_millis(2_990), "{:?}", started.elapsed());
    assert!(started.elapsed() <= Duration::from_millis(3_010), "{:?}", started.elapsed());
    assert_eq!(world.ended().await, (End::UnitsMax, 3));
    assert_eq!(purse.spent(), 20);
}

#[tokio::test(start_paused = true)]
async fn bytes_end_at_the_most_units_of_a_request() {
    let purse = Purse::new(1_000);
    let tiers = vec![Tier { from: 4, price: usd(1) }];
    let terms = MeterTerms { units_max: Some(6), tiers, ..terms(Unit::Byte, 10) };
    let mut world = World::start(rules(terms, 5), &purse);
    world.send(b"01234567").await;
    let got = format!("{}{}", world.text().await, world.text().await);
    assert_eq!(got, "012345");
    assert_eq!(world.piece().await, None);
    assert_eq!(world.ended().await, (End::UnitsMax, 6));
    assert_eq!(purse.spent(), 42);
}

#[tokio::test(start_paused = true)]
async fn free_units_need_no_payment() {
    let purse = Purse::new(0);
    let terms = MeterTerms { free_units: 2, ..terms(Unit::Event, 10) };
    let mut world = World::start(Rules { is_event_stream: true, ..rules(terms, 4) }, &purse);
    world.send(b"data: 1\n\ndata: 2\n\ndata: 3\n\n").await;
    assert_eq!(world.text().await, "data: 1\n\n");
    assert_eq!(world.text().await, "data: 2\n\n");
    assert!(world.text().await.starts_with("event: payment-need-voucher"));
    assert_eq!(world.piece().await, None);
    assert_eq!((world.ended().await, purse.spent()), ((End::Unpaid, 2), 0));
}

#[tokio::test(start_paused = true)]
async fn what_a_payer_that_is_gone_did_not_take_is_not_delivered() {
    let purse = Purse::new(1_000);
    let rules = Rules { is_event_stream: true, ..rules(terms(Unit::Event, 10), 16) };
    let mut world = World::start(rules, &purse);
    for _ in 0..6 {
        world.send(b"data: 1\n\n").await;
    }
    world.piece().await.unwrap();
    world.piece().await.unwrap();
    sleep(Duration::from_secs(1)).await;
    assert_eq!(world.ended().await, (End::PayerGone, 2));
}

#[tokio::test(start_paused = true)]
async fn an_upstream_that_breaks_off_breaks_the_payers_body_off() {
    let purse = Purse::new(1_000);
    let mut world = World::start(rules(terms(Unit::Byte, 1), 100), &purse);
    world.send(b"01234").await;
    let broken = Err(std::io::Error::other("broken on purpose"));
    world.upstream.as_ref().unwrap().send(broken).await.unwrap();
    assert_eq!(world.text().await, "01234");
    assert!(world.body.frame().await.unwrap().is_err());
    assert_eq!(world.ended().await, (End::Broken, 5));
}

#[tokio::test(start_paused = true)]
async fn a_silent_upstream_is_broken_though_seconds_pass() {
    let purse = Purse::new(10_000);
    let mut world = World::start(rules(terms(Unit::Second, 10), 1), &purse);
    world.send(b"x").await;
    assert_eq!(world.text().await, "x");
    let started = Instant::now();
    assert!(world.body.frame().await.unwrap().is_err());
    let silence_ms = started.elapsed().as_millis();
    assert!((29_900..=30_100).contains(&silence_ms), "{silence_ms}");
    let (end, seconds) = world.ended().await;
    assert!(end == End::Broken && (30..=31).contains(&seconds), "{seconds}");
}

#[tokio::test(start_paused = true)]
async fn a_channel_that_ends_in_the_middle_ends_the_flow_at_the_last_paid_unit() {
    let purse = Purse::new(1_000);
    let mut world = World::start(rules(terms(Unit::Byte, 1), 4), &purse);
    world.send(b"0123").await;
    assert_eq!(world.text().await, "0123");
    purse.closed.store(true, Ordering::SeqCst);
    world.send(b"4567").await;
    assert_eq!(world.piece().await, None);
    assert_eq!(world.ended().await, (End::Unpaid, 4));
}

#[tokio::test(start_paused = true)]
async fn a_quiet_flow_keeps_its_lease_with_the_same_total() {
    let renew_every = Some(Duration::from_secs(10));
    let purse = Purse { renew_every, ..Purse::new(1_000) };
    let mut world = World::start(rules(terms(Unit::Byte, 1), 4), &purse);
    world.send(b"01").await;
    assert_eq!(world.text().await, "01");
    let before = purse.spends.load(Ordering::SeqCst);
    sleep(Duration::from_secs(25)).await;
    assert_eq!(purse.spends.load(Ordering::SeqCst), before + 2);
    assert_eq!(purse.spent(), 4);
}

#[tokio::test(start_paused = true)]
async fn a_slow_reader_lets_the_upstream_wait_and_pays_no_more_than_a_step_ahead() {
    let purse = Purse::new(1_000_000_000);
    let world = World::start(rules(terms(Unit::Byte, 1), 1_000), &purse);
    for _ in 0..64 {
        world.send(&vec![b'x'; 100_000]).await;
    }
    sleep(Duration::from_secs(10)).await;
    // Four pieces of a step wait at the outlet, and one before it.
    assert!(purse.spent() <= 6_000, "{} were paid unread", purse.spent());
}

#[tokio::test(start_paused = true)]
async fn what_was_handed_over_is_kept_up_to_a_limit() {
    for (size, kept) in [(1024, true), (1025, false)] {
        let purse = Purse::new(1_000_000);
        let mut world = World::start(rules(terms(Unit::Byte, 1), 10_000), &purse);
        world.send(&vec![b'x'; size]).await;
        world.end();
        assert_eq!(world.piece().await.unwrap().len(), size);
        assert_eq!(world.piece().await, None);
        let (_, _, captured) = world.flow.await.unwrap();
        assert_eq!(captured.is_some(), kept);
    }
}
