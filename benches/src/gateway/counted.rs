//! Instructions of one request through node and gateway, in user space, by part.
//!
//! Two runs of different length each, paid and unpaid; the difference is the requests alone. The
//! program is the one that the load is measured on, with the same number of connections.

use std::path::Path;

use anyhow::{Context, Result};
use benches::callgrind::{Counted, Profile};
use benches::disk::scratch;
use benches::load::{self, Call, Load};
use benches::report::float;
use http::StatusCode;

use super::payments::{Payer, Shop};
use super::processes::{Server, free_address, serve_words, wait_for};
use super::{CONNECTIONS, sale};

/// Parts of a paid request, each with the function that does it and everything below it.
const PARTS: &[(&str, &str)] = &[
    ("decode", "http402::x402::carrier::decode_payment"),
    ("verify", "instrument::signed::Signed<instrument::order::Order>>::verify"),
    ("ledger", "engine::writer::core::Core::process"),
    ("journal", "journal::files::Files as journal::Journal>::append"),
];

/// SHA-256 in software. Callgrind has no SHA instructions, so programs under it fall back to this; on
/// a processor that has them hashing costs about a tenth.
const SOFT_SHA256: &str = "sha2::sha256::soft::unroll::compress";

/// What one request costs, in instructions.
pub(crate) struct Costs {
    pub(crate) unpaid: f64,
    pub(crate) paid: f64,
    /// By part of the paid request, in the order of a payment.
    pub(crate) parts: Vec<(&'static str, f64)>,
    /// Hashing in software, spread over the parts of the paid request.
    pub(crate) soft_sha256: f64,
}

impl Costs {
    /// One signature verification.
    pub(crate) fn verify(&self) -> Result<f64> {
        let part = self.parts.iter().find(|(name, _)| *name == "verify");
        Ok(part.context("no part is named verify")?.1)
    }
}

/// Counts with runs of `few` and `many` requests.
pub(crate) fn count(few: usize, many: usize) -> Result<Costs> {
    let unpaid = Difference::of(few, many, |origin, count| {
        Ok(vec![load::get(origin, sale::FREE_PATH)?; count])
    })?;
    let paid = Difference::of(few, many, |origin, count| Payer::new().pay(&shop(origin), count))?;
    let parts = PARTS
        .iter()
        .map(|(name, function)| Ok((*name, paid.part(function)?)))
        .collect::<Result<_>>()?;
    let soft_sha256 = paid.part(SOFT_SHA256)?;
    Ok(Costs { unpaid: unpaid.total(), paid: paid.total(), parts, soft_sha256 })
}

fn shop(origin: &str) -> Shop {
    Shop {
        origin: origin.to_owned(),
        path: sale::PAID_PATH,
        bound: true,
        extra: std::collections::BTreeMap::new(),
    }
}

/// A short and a long run of the same work.
pub(crate) struct Difference {
    short: Profile,
    long: Profile,
    requests: usize,
}

impl Difference {
    /// Runs of `few` and of `many` requests, made by `calls`.
    pub(crate) fn of(
        few: usize,
        many: usize,
        calls: impl Fn(&str, usize) -> Result<Vec<Call>>,
    ) -> Result<Self> {
        Ok(Self { short: run(few, &calls)?, long: run(many, &calls)?, requests: many - few })
    }

    /// All instructions of one request.
    pub(crate) fn total(&self) -> f64 {
        self.per_request(self.short.total, self.long.total)
    }

    /// A function that is not found was renamed or merged into its caller: no figure is better than
    /// a wrong one.
    fn part(&self, function: &str) -> Result<f64> {
        let missing = || format!("`{function}` is not among the counted functions");
        let short = self.short.inclusive(function).with_context(missing)?;
        let long = self.long.inclusive(function).with_context(missing)?;
        Ok(self.per_request(short, long))
    }

    fn per_request(&self, short: u64, long: u64) -> f64 {
        float(long.saturating_sub(short)) / float(self.requests as u64)
    }
}

fn run(count: usize, calls: impl Fn(&str, usize) -> Result<Vec<Call>>) -> Result<Profile> {
    let upstream = Server::upstream()?;
    let data = scratch()?;
    let address = free_address()?;
    let counted = start(address, &upstream, data.path())?;
    let load = Load::new(CONNECTIONS, calls(&format!("http://{address}"), count)?);
    load::run(&load)?.expect_only(StatusCode::OK)?;
    counted.interrupt()
}

fn start(address: std::net::SocketAddr, upstream: &Server, data: &Path) -> Result<Counted> {
    let words = serve_words(address, upstream, data);
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let counted = Counted::start(&std::env::current_exe()?, &words)?;
    wait_for(address, || Ok(()))?;
    Ok(counted)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn what_both_runs_share_cancels_out() {
        let profile =
            |total, part: u64| Profile { total, functions: vec![("a::append".to_owned(), part)] };
        let difference =
            Difference { short: profile(1_000, 100), long: profile(3_000, 500), requests: 20 };
        assert!((difference.total() - 100.0).abs() < 1e-9);
        assert!((difference.part("append").unwrap() - 20.0).abs() < 1e-9);
        assert!(difference.part("absent").is_err());
    }
}
