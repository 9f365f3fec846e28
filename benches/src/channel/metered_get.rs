//! A resource of fixed size, sold by the request and paid by voucher over HTTP: ours beside the usual
//! stack for TypeScript, under the same load generator, in turn.
//!
//! Each connection pays from a channel of its own; vouchers are signed before the clock starts.

use std::time::Duration;

use anyhow::{Context, Result};
use benches::disk::scratch;
use benches::load::{self, Call};
use benches::report::{Report, float};
use http::HeaderValue;

use super::wallet::Wallet;
use crate::gateway::processes::{Server, peer_payments};
use crate::gateway::rates::{closed, middle, paced};
use crate::gateway::{CONNECTIONS, sale};

/// How many requests are sent.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    pub(crate) warm_up: usize,
    /// In a round to us.
    pub(crate) ours: usize,
    /// In a round to the other stack.
    pub(crate) theirs: usize,
    /// At half load.
    pub(crate) paced: usize,
}

const PEER: &str = "x402_batch_settlement_paid_get";

/// Measures and prints.
pub(crate) fn measure(report: &Report, plan: &Plan) -> Result<()> {
    let upstream = Server::upstream()?;
    let data = scratch()?;
    let ours = Server::ours(&upstream, data.path())?;
    let theirs = Server::channel_seller()?;
    let mut wallet = Wallet::new(&ours.origin(), sale::PAID_PATH, 0, CONNECTIONS)?;
    let price = wallet.price();
    let mut payments = their_calls(&theirs, plan)?.into_iter();
    let mut take = |count| payments.by_ref().take(count).collect::<Vec<Call>>();
    closed(wallet.pay(whole(plan.warm_up), price)?)?;
    closed(take(whole(plan.warm_up)))?;
    let (mut paid, mut free) = (Vec::new(), Vec::new());
    let (mut peer, mut peer_free) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        paid.push(closed(wallet.pay(whole(plan.ours), price)?)?.requests_per_s());
        free.push(closed(free_calls(&ours, plan.ours)?)?.requests_per_s());
        peer.push(closed(take(whole(plan.theirs)))?.requests_per_s());
        peer_free.push(closed(free_calls(&theirs, plan.theirs)?)?.requests_per_s());
    }
    let (rate, peer) = (middle(paid)?, middle(peer)?);
    report.value("metered_get", "requests_per_s", rate, "1/s")?;
    report.value("metered_get", "unmetered_requests_per_s", middle(free)?, "1/s")?;
    report.value(PEER, "requests_per_s", peer, "1/s")?;
    report.value(PEER, "unmetered_requests_per_s", middle(peer_free)?, "1/s")?;
    report.value("metered_get", "ratio_to_peer", rate / peer, "ratio")?;
    half_load(report, &ours, &mut wallet, plan, rate)?;
    wire(report, "metered_get", &wallet.pay(1, price)?, &free_calls(&ours, 1)?)?;
    wire(report, PEER, &take(1), &free_calls(&theirs, 1)?)
}

/// Every connection must begin with its own channel, so rounds are multiples of their number.
fn whole(count: usize) -> usize {
    count.div_ceil(CONNECTIONS) * CONNECTIONS
}

fn free_calls(server: &Server, count: usize) -> Result<Vec<Call>> {
    Ok(vec![load::get(&server.origin(), sale::FREE_PATH)?; count])
}

/// All requests to the other stack: signing takes its client about a millisecond each.
fn their_calls(seller: &Server, plan: &Plan) -> Result<Vec<Call>> {
    let unpaid = load::get(&seller.origin(), sale::PAID_PATH)?;
    let count = whole(plan.warm_up) + plan.rounds * whole(plan.theirs) + 1;
    let headers = peer_payments(&unpaid.uri().to_string(), CONNECTIONS, count)?;
    let call = |header: String| {
        let mut call = unpaid.clone();
        call.headers_mut().insert("payment-signature", HeaderValue::try_from(header)?);
        Ok(call)
    };
    headers.into_iter().map(call).collect()
}

/// Latency of both routes at half the rate that the paid one reaches.
fn half_load(
    report: &Report,
    server: &Server,
    wallet: &mut Wallet,
    plan: &Plan,
    rate: f64,
) -> Result<()> {
    let interval = Duration::from_secs_f64(2.0 / rate);
    let unpaid = paced(free_calls(server, plan.paced)?, interval)?;
    let price = wallet.price();
    let paid = paced(wallet.pay(whole(plan.paced), price)?, interval)?;
    report.value("metered_get_half_load", "offered_per_s", rate / 2.0, "1/s")?;
    report.load("metered_get_half_load", &paid)?;
    report.load("unmetered_get_half_load", &unpaid)?;
    for (metric, percent) in [("p50_added_ms", 50), ("p99_added_ms", 99)] {
        let added = paid.latency_ms(percent) - unpaid.latency_ms(percent);
        report.value("metered_get", metric, added, "ms")?;
    }
    Ok(())
}

/// Bytes of one exchange, and how many of them the voucher adds.
fn wire(report: &Report, workload: &str, paid: &[Call], free: &[Call]) -> Result<()> {
    let ask = |calls: &[Call]| load::ask(calls.first().context("no request")?);
    let (paid, free) = (ask(paid)?, ask(free)?);
    anyhow::ensure!(paid.status == 200, "the last payment got {}", paid.status);
    for (part, paid, free) in [
        ("request", paid.request_bytes, free.request_bytes),
        ("answer_head", paid.head_bytes, free.head_bytes),
    ] {
        let (paid, free) = (paid as u64, free as u64);
        report.value(workload, &format!("{part}_bytes"), float(paid), "bytes")?;
        report.value(workload, &format!("{part}_bytes_added"), float(paid - free), "bytes")?;
    }
    Ok(())
}
