//! Vouchers accepted by an engine: checked by the verifier, written to the journal, synced, answered.
//!
//! They are signed before the clock starts. Every round is framed by the yardstick, the library's own
//! batch check on one thread, so that both see the machine in the same state.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use benches::disk::scratch;
use benches::report::Report;
use engine::{Engine, Proof};
use futures_util::{StreamExt as _, TryStreamExt as _, stream};
use instrument::channel::SignedVoucher;
use tokio::runtime::Runtime;

use super::books::{self, Channel};
use super::cost::{Meter, cores, settle};
use super::raw::{self, Rate};
use crate::gateway::rates::middle;

/// So many channels, with so many vouchers of each on their way.
struct Case {
    name: &'static str,
    channels: usize,
    in_flight: usize,
}

const CASES: [Case; 3] = [
    Case { name: "voucher", channels: 1_000, in_flight: 1 },
    Case { name: "voucher_100_channels", channels: 100, in_flight: 10 },
    Case { name: "voucher_4_channels", channels: 4, in_flight: 250 },
];

/// Measures and prints: `vouchers` a round.
pub(crate) fn measure(
    report: &Report,
    rounds: usize,
    vouchers: usize,
    raw: Duration,
) -> Result<()> {
    raw::our_checks(report, raw)?;
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for case in &CASES {
        let each = vouchers / case.channels;
        let (mut rates, mut checks) = (Vec::new(), Vec::new());
        let mut paying = Paying::start(&runtime, case.channels)?;
        let warm_up = paying.purses(each / 5 + 1);
        paying.hand_in(&runtime, warm_up, case.in_flight)?;
        for _ in 0..rounds {
            checks.push(raw::yardstick(raw)?);
            rates.push(paying.round(&runtime, each, case.in_flight)?);
        }
        checks.push(raw::yardstick(raw)?);
        runtime.block_on(paying.engine.shutdown());
        print(report, case.name, &rates, &checks)?;
    }
    Ok(())
}

/// Each round is compared with the yardstick before and after it; the middle round counts.
fn print(report: &Report, name: &str, rates: &[Rate], checks: &[Rate]) -> Result<()> {
    let each = |figure: fn(&Rate) -> f64| middle(rates.iter().map(figure).collect());
    report.value(name, "vouchers_per_s", each(|rate| rate.per_s)?, "1/s")?;
    report.value(name, "vouchers_per_cpu_s", each(|rate| rate.per_cpu_s)?, "1/s")?;
    let check = |figure: fn(&Rate) -> f64| middle(checks.iter().map(figure).collect());
    let check_cpu = check(|rate| rate.per_cpu_s)?;
    report.value(name, "dalek_verify_batch_64_per_cpu_s", check_cpu, "1/s")?;
    report.value(name, "dalek_verify_batch_64_per_s", check(|rate| rate.per_s)?, "1/s")?;
    let share = |figure: fn(&Rate) -> f64| {
        let framed = checks.windows(2).zip(rates);
        let shares = framed
            .map(|(frame, rate)| figure(rate) / (frame.iter().map(figure).sum::<f64>() / 2.0));
        middle(shares.collect())
    };
    let shared = share(|rate| rate.per_cpu_s)?;
    report.value(name, "share_of_batch_verify", shared, "ratio")?;
    let walled = share(|rate| rate.per_s)? / cores()?;
    report.value(name, "share_of_batch_verify_per_s_and_core", walled, "ratio")
}

/// An engine with open channels.
struct Paying {
    engine: Engine,
    channels: Vec<Channel>,
    _data: tempfile::TempDir,
}

impl Paying {
    fn start(runtime: &Runtime, count: usize) -> Result<Self> {
        let data = scratch()?;
        runtime.block_on(async {
            let engine = books::start(data.path()).await?;
            let mut channels = Vec::new();
            for number in 0..count {
                let channel = Channel::new(number as u64, None)?;
                books::open(&engine, &channel).await?;
                channels.push(channel);
            }
            Ok(Self { engine, channels, _data: data })
        })
    }

    /// The rate of `each` vouchers of every channel.
    fn round(&mut self, runtime: &Runtime, each: usize, in_flight: usize) -> Result<Rate> {
        let purses = self.purses(each);
        settle()?;
        let meter = Meter::start()?;
        let count = self.hand_in(runtime, purses, in_flight)?;
        let rate = meter.rate(count)?;
        self.check(runtime)?;
        Ok(rate)
    }

    /// `each` vouchers of every channel.
    fn purses(&mut self, each: usize) -> Vec<Vec<SignedVoucher>> {
        let pay = |channel: &mut Channel| (0..each).map(|_| channel.pay(1)).collect();
        self.channels.iter_mut().map(pay).collect()
    }

    fn hand_in(
        &self,
        runtime: &Runtime,
        purses: Vec<Vec<SignedVoucher>>,
        in_flight: usize,
    ) -> Result<usize> {
        let count = purses.iter().map(Vec::len).sum();
        runtime.block_on(async {
            let pay = |purse| tokio::spawn(hand_in(self.engine.clone(), purse, in_flight));
            let tasks: Vec<_> = purses.into_iter().map(pay).collect();
            for task in tasks {
                task.await.context("a payer's task ended early")??;
            }
            Ok(count)
        })
    }

    /// Every voucher counted.
    fn check(&self, runtime: &Runtime) -> Result<()> {
        for channel in &self.channels {
            let id = channel.id();
            let view = runtime.block_on(self.engine.read(move |state| state.channel(id)))?;
            let accepted = view.context("a channel is gone")?.accepted;
            let signed = channel.cumulative();
            ensure!(accepted == signed, "{accepted} of {signed} base units were accepted");
        }
        Ok(())
    }
}

async fn hand_in(engine: Engine, vouchers: Vec<SignedVoucher>, in_flight: usize) -> Result<()> {
    let accept = |voucher| engine.accept(Proof::Voucher(voucher));
    if in_flight == 1 {
        for voucher in vouchers {
            accept(voucher).await?;
        }
        return Ok(());
    }
    let mut answers = stream::iter(vouchers).map(accept).buffered(in_flight);
    while answers.try_next().await?.is_some() {}
    Ok(())
}
