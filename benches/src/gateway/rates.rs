//! Requests per second and latency: ours and the other stack under the same load generator.
//!
//! Rates on a shared machine swing, so both stacks are measured in turn, some rounds of each, and the
//! middle round counts. All programs run throughout; only one is asked at a time.

use std::collections::BTreeMap;
use std::time::Duration;

use anyhow::{Context, Result};
use benches::disk::scratch;
use benches::load::{self, Call, Load, Outcome};
use benches::report::Report;
use http::StatusCode;

use super::payments::{Payer, Shop};
use super::processes::Server;
use super::{CONNECTIONS, Plan, sale};

/// Everything that runs, and who pays.
struct Field {
    _upstream: Server,
    _data: tempfile::TempDir,
    _facilitator: Server,
    ours: Server,
    theirs: Server,
    payer: Payer,
}

/// The same requests to one stack.
struct Stack {
    unpaid: Vec<f64>,
    paid: Vec<f64>,
    with_402: Vec<f64>,
}

/// Measures and prints.
pub(crate) fn measure(report: &Report, plan: &Plan) -> Result<()> {
    let mut field = Field::start()?;
    field.warm_up(plan)?;
    let (mut ours, mut theirs, mut upfront) = (Stack::new(), Stack::new(), Vec::new());
    for _ in 0..plan.rounds {
        let shop = field.our_shop();
        ours.round(&mut field.payer, &shop, plan.ours)?;
        let shop = field.their_shop();
        theirs.round(&mut field.payer, &shop, plan.theirs)?;
        let shop = field.their_upfront_shop();
        upfront.push(closed(field.payer.pay(&shop, plan.theirs)?)?.requests_per_s());
    }
    let rate = middle(ours.paid.clone())?;
    let peer = middle(theirs.paid.clone())?;
    let peer_upfront = middle(upfront)?;
    report.value("paid_get", "requests_per_s", rate, "1/s")?;
    report.value("paid_get", "ratio_to_x402_express", rate / peer, "ratio")?;
    report.value("paid_get", "ratio_to_x402_express_upfront", rate / peer_upfront, "ratio")?;
    let rate_with_402 = middle(ours.with_402)?;
    let peer_with_402 = middle(theirs.with_402)?;
    report.value("paid_get_with_402", "purchases_per_s", rate_with_402, "1/s")?;
    let ratio = rate_with_402 / peer_with_402;
    report.value("paid_get_with_402", "ratio_to_x402_express", ratio, "ratio")?;
    report.value("unpaid_get", "requests_per_s", middle(ours.unpaid)?, "1/s")?;
    let unpaid = middle(theirs.unpaid)?;
    report.value("x402_express_unpaid_get", "requests_per_s", unpaid, "1/s")?;
    report.value("x402_express_paid_get", "requests_per_s", peer, "1/s")?;
    report.value("x402_express_paid_get_upfront", "requests_per_s", peer_upfront, "1/s")?;
    report.value("x402_express_paid_get_with_402", "purchases_per_s", peer_with_402, "1/s")?;
    half_load(report, &mut field, plan, rate)
}

/// Latency of paid and unpaid requests at half the rate that paid ones reach.
fn half_load(report: &Report, field: &mut Field, plan: &Plan, rate: f64) -> Result<()> {
    let interval = Duration::from_secs_f64(2.0 / rate);
    let shop = field.our_shop();
    let unpaid = vec![load::get(&shop.origin, sale::FREE_PATH)?; plan.paced];
    let unpaid = paced(unpaid, interval)?;
    let paid = paced(field.payer.pay(&shop, plan.paced)?, interval)?;
    report.value("paid_get_half_load", "offered_per_s", rate / 2.0, "1/s")?;
    report.load("paid_get_half_load", &paid)?;
    report.load("unpaid_get_half_load", &unpaid)?;
    for (metric, percent) in [("p50_added_ms", 50), ("p99_added_ms", 99)] {
        let added = paid.latency_ms(percent) - unpaid.latency_ms(percent);
        report.value("paid_get", metric, added, "ms")?;
    }
    Ok(())
}

pub(crate) fn closed(calls: Vec<Call>) -> Result<Outcome> {
    let outcome = load::run(&Load::new(CONNECTIONS, calls))?;
    outcome.expect_only(StatusCode::OK)?;
    Ok(outcome)
}

pub(crate) fn paced(calls: Vec<Call>, interval: Duration) -> Result<Outcome> {
    let outcome = load::run(&Load::new(CONNECTIONS, calls).paced(interval))?;
    outcome.expect_only(StatusCode::OK)?;
    Ok(outcome)
}

/// The middle of some figures.
pub(crate) fn middle(mut figures: Vec<f64>) -> Result<f64> {
    figures.sort_by(f64::total_cmp);
    figures.get(figures.len() / 2).copied().context("no rounds were measured")
}

impl Stack {
    fn new() -> Self {
        Self { unpaid: Vec::new(), paid: Vec::new(), with_402: Vec::new() }
    }

    fn round(&mut self, payer: &mut Payer, shop: &Shop, count: usize) -> Result<()> {
        let unpaid = vec![load::get(&shop.origin, sale::FREE_PATH)?; count];
        self.unpaid.push(closed(unpaid)?.requests_per_s());
        self.paid.push(closed(payer.pay(shop, count)?)?.requests_per_s());
        let calls = payer.ask_and_pay(shop, count, CONNECTIONS)?;
        let outcome = load::run(&Load::new(CONNECTIONS, calls))?;
        outcome.expect_halves(StatusCode::PAYMENT_REQUIRED, StatusCode::OK)?;
        self.with_402.push(outcome.requests_per_s() / 2.0);
        Ok(())
    }
}

impl Field {
    fn start() -> Result<Self> {
        let upstream = Server::upstream()?;
        let data = scratch()?;
        let ours = Server::ours(&upstream, data.path())?;
        let facilitator = Server::facilitator()?;
        let theirs = Server::seller(&facilitator)?;
        Ok(Self {
            _upstream: upstream,
            _data: data,
            _facilitator: facilitator,
            ours,
            theirs,
            payer: Payer::new(),
        })
    }

    /// Compiled just in time, the other stack needs some requests before it is fast.
    fn warm_up(&mut self, plan: &Plan) -> Result<()> {
        for shop in [self.our_shop(), self.their_shop(), self.their_upfront_shop()] {
            closed(self.payer.pay(&shop, plan.warm_up)?)?;
        }
        Ok(())
    }

    fn our_shop(&self) -> Shop {
        let origin = self.ours.origin();
        Shop { origin, path: sale::PAID_PATH, bound: true, extra: BTreeMap::new() }
    }

    fn their_shop(&self) -> Shop {
        let origin = self.theirs.origin();
        Shop { origin, path: sale::PAID_PATH, bound: false, extra: BTreeMap::new() }
    }

    fn their_upfront_shop(&self) -> Shop {
        let extra = BTreeMap::from([("paymentFlow".to_owned(), "upfront".into())]);
        Shop { path: "/upfront/1", extra, ..self.their_shop() }
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn the_middle_round_counts() {
        assert!((middle(vec![9.0, 1.0, 5.0]).unwrap() - 5.0).abs() < 1e-9);
        assert!(middle(Vec::new()).is_err());
    }
}
