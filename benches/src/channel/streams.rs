//! Bodies that are paid as they are delivered: by the byte, and by the event of an event stream.
//!
//! The same upstream sends the same body through the same gateway, metered and not. Every step is
//! durable before it is delivered; the voucher that comes with a request allows all of it, so that no
//! stream ever waits for its payer.

use anyhow::{Result, ensure};
use benches::disk::scratch;
use benches::load::{self, Call, Streamed};
use benches::report::{Report, float};

use super::wallet::Wallet;
use crate::gateway::processes::Server;
use crate::gateway::rates::middle;
use crate::gateway::serve;
use crate::gateway::upstream::{EVENT_BYTES, FREE_PREFIX};

/// Streams at once.
const STREAMS: [usize; 2] = [1, 8];

/// How much is streamed.
pub(crate) struct Plan {
    pub(crate) rounds: usize,
    /// Bytes of a round over all streams together.
    pub(crate) bytes: u64,
    /// Events of a round over all streams together.
    pub(crate) events: u64,
}

/// What is streamed, in units of its meter.
struct Kind {
    name: &'static str,
    path: &'static str,
    unit: &'static str,
    units: u64,
    bytes_per_unit: u64,
    /// A price that is at least the meter's.
    price_units: u128,
}

/// Measures and prints.
pub(crate) fn measure(report: &Report, plan: &Plan) -> Result<()> {
    let upstream = Server::upstream()?;
    let data = scratch()?;
    let server = Server::ours(&upstream, data.path())?;
    let kinds = [
        Kind {
            name: "stream_bytes",
            path: "bytes",
            unit: "bytes",
            units: plan.bytes,
            bytes_per_unit: 1,
            price_units: serve::KILOBYTE_UNITS,
        },
        Kind {
            name: "stream_events",
            path: "events",
            unit: "events",
            units: plan.events,
            bytes_per_unit: EVENT_BYTES,
            price_units: serve::EVENT_UNITS,
        },
    ];
    let mut first = 0;
    for kind in &kinds {
        for streams in STREAMS {
            kind.measure(report, &server, plan.rounds, (first, streams))?;
            first += streams as u64;
        }
    }
    Ok(())
}

impl Kind {
    /// `channels` are the number of the first and how many.
    fn measure(
        &self,
        report: &Report,
        server: &Server,
        rounds: usize,
        (first, streams): (u64, usize),
    ) -> Result<()> {
        let units = self.units / streams as u64;
        let path = format!("/{}/{units}", self.path);
        let mut wallet = Wallet::new(&server.origin(), &path, first, streams)?;
        let free = load::get(&server.origin(), &format!("{FREE_PREFIX}{path}"))?;
        let cost = u128::from(units) * self.price_units;
        let (mut metered, mut unmetered) = (Vec::new(), Vec::new());
        for round in 0..=rounds {
            let free = self.rate(&vec![free.clone(); streams], units)?;
            let paid = self.rate(&wallet.pay(streams, cost)?, units)?;
            // The first round opens the channels and warms up.
            if round > 0 {
                metered.push(paid);
                unmetered.push(free);
            }
        }
        let name = format!("{}_{streams}", self.name);
        let (metered, unmetered) = (middle(metered)?, middle(unmetered)?);
        report.value(&name, &format!("{}_per_s", self.unit), metered, "1/s")?;
        report.value(&name, &format!("unmetered_{}_per_s", self.unit), unmetered, "1/s")?;
        report.value(&name, "ratio_to_unmetered", metered / unmetered, "ratio")
    }

    /// Units a second over all streams; a stream that ended early is an error.
    fn rate(&self, calls: &[Call], units: u64) -> Result<f64> {
        let streams = calls.len() as u64;
        let Streamed { elapsed, least_bytes } = load::read_streams(calls)?;
        let whole = units * self.bytes_per_unit;
        ensure!(least_bytes >= whole, "{least_bytes} of {whole} bytes of a stream came");
        Ok(float(units * streams) / elapsed.as_secs_f64())
    }
}
