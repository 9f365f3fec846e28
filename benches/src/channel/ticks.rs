//! Ticks accepted by an engine: read from their wire form, hashed once each, and the newest of each
//! call journaled and synced before the answer, as the node's call for ticks does it.
//!
//! `tick` hands them in by the thousand, `tick_single` each in a call of its own: then every single
//! one is durable. Chains are revealed before the clock starts.

use std::time::Duration;

use anyhow::{Context, Result, ensure};
use benches::disk::scratch;
use benches::report::Report;
use bytes::Bytes;
use engine::Engine;
use gateway::node::wire::channel::ticks;
use instrument::channel::{Tick, TickChain};
use money::ChannelId;
use tokio::runtime::Runtime;

use super::books::{self, Channel};
use super::cost::{Meter, cores, settle};
use super::raw::{self, Rate};
use crate::gateway::rates::middle;

/// How ticks are handed in.
struct Case {
    name: &'static str,
    channels: usize,
    /// Ticks of one call.
    together: usize,
    /// So many times fewer ticks than the first case.
    fraction: usize,
}

const CASES: [Case; 3] = [
    Case { name: "tick", channels: 64, together: 1_024, fraction: 1 },
    Case { name: "tick_by_64", channels: 64, together: 64, fraction: 8 },
    Case { name: "tick_single", channels: 1_024, together: 1, fraction: 64 },
];

/// A channel's calls in their order, each with its ticks as they come over the wire.
type Calls = (ChannelId, Vec<Bytes>);

/// Measures and prints: `count` ticks a round.
pub(crate) fn measure(report: &Report, rounds: usize, count: usize, raw: Duration) -> Result<()> {
    let runtime = tokio::runtime::Builder::new_multi_thread().enable_all().build()?;
    for case in &CASES {
        let mut steps = vec![raw::hash_steps(raw)?];
        let mut rates = Vec::new();
        for _ in 0..rounds {
            rates.push(case.round(&runtime, count)?);
            steps.push(raw::hash_steps(raw)?);
        }
        let each = |figure: fn(&Rate) -> f64| middle(rates.iter().map(figure).collect());
        report.value(case.name, "ticks_per_s", each(|rate| rate.per_s)?, "1/s")?;
        report.value(case.name, "ticks_per_cpu_s", each(|rate| rate.per_cpu_s)?, "1/s")?;
        let step = |figure: fn(&Rate) -> f64| middle(steps.iter().map(figure).collect());
        let step_cpu = step(|rate| rate.per_cpu_s)?;
        report.value(case.name, "sha256_steps_per_cpu_s", step_cpu, "1/s")?;
        let share = each(|rate| rate.per_cpu_s)? / step_cpu;
        report.value(case.name, "share_of_hash_rate", share, "ratio")?;
        let walled = each(|rate| rate.per_s)? / step(|rate| rate.per_s)? / cores()?;
        report.value(case.name, "share_of_hash_rate_per_s_and_core", walled, "ratio")?;
    }
    Ok(())
}

impl Case {
    fn round(&self, runtime: &Runtime, count: usize) -> Result<Rate> {
        let calls = (count / self.fraction / self.channels / self.together).max(1);
        let each = calls * self.together;
        let data = scratch()?;
        let (engine, work) = runtime.block_on(self.prepare(data.path(), each))?;
        let ids: Vec<ChannelId> = work.iter().map(|(id, _)| *id).collect();
        settle()?;
        let meter = Meter::start()?;
        runtime.block_on(async {
            let tasks: Vec<_> = work
                .into_iter()
                .map(|calls| tokio::spawn(hand_in(engine.clone(), calls)))
                .collect();
            for task in tasks {
                task.await.context("a payer's task ended early")??;
            }
            anyhow::Ok(())
        })?;
        let rate = meter.rate(each * self.channels)?;
        for id in ids {
            let view = runtime.block_on(engine.read(move |state| state.channel(id)))?;
            let newest = view.context("a channel is gone")?.tick_index;
            ensure!(newest as usize == each, "{newest} of {each} ticks were accepted");
        }
        runtime.block_on(engine.shutdown());
        Ok(rate)
    }

    /// An engine with fresh channels, and all that is handed in.
    async fn prepare(&self, data: &std::path::Path, each: usize) -> Result<(Engine, Vec<Calls>)> {
        let engine = books::start(data).await?;
        let mut work = Vec::new();
        for number in 0..self.channels as u64 {
            let mut chain = TickChain::new(&[9; 32], &books::salt(number), u32::try_from(each)?)?;
            let channel = Channel::new(number, Some(&chain))?;
            books::open(&engine, &channel).await?;
            let ticks: Vec<Tick> = std::iter::from_fn(|| chain.reveal()).collect();
            let bytes = |ticks: &[Tick]| ticks.iter().flat_map(Tick::to_bytes).collect();
            work.push((channel.id(), ticks.chunks(self.together).map(bytes).collect()));
        }
        Ok((engine, work))
    }
}

async fn hand_in(engine: Engine, (channel, calls): Calls) -> Result<()> {
    for call in calls {
        let ticks = ticks(&call).context("not ticks")?;
        engine.accept_ticks(channel, ticks).await?;
    }
    Ok(())
}
