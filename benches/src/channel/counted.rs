//! Instructions of an accepted voucher and of a metered GET, in user space under callgrind.
//!
//! Two runs of different length each; the difference is the payments alone. Vouchers are signed
//! before, in numbers that differ between the runs too, so the signing is taken off by its function.

use std::path::Path;

use anyhow::{Context, Result, bail};
use benches::callgrind::{Counted, Profile};
use benches::disk::scratch;
use benches::report::{Report, float};
use engine::Proof;
use futures_util::{StreamExt as _, TryStreamExt as _, stream};

use super::books::{self, Channel};
use super::wallet::Wallet;
use crate::gateway::counted::Difference;
use crate::gateway::{CONNECTIONS, sale};

/// How this program is told to be one run.
pub(crate) const WORD: &str = "channel-counted";

const CHANNELS: usize = 64;
/// The function that signs the vouchers.
const SIGNING: &str = "benches::channel::books::Channel::pay";

/// Counts with runs of `few` and `many` payments and prints.
pub(crate) fn measure(report: &Report, few: usize, many: usize) -> Result<()> {
    let (short, long) = (count(few)?, count(many)?);
    let payments = float((many - few) as u64) * float(CHANNELS as u64);
    let voucher = float(long.saturating_sub(short)) / payments;
    report.value("voucher", "instructions_per_voucher", voucher, "instructions")?;
    let (few, many) = (few * CONNECTIONS, many * CONNECTIONS);
    let get = Difference::of(few, many, |origin, count| {
        let mut wallet = Wallet::new(origin, sale::PAID_PATH, 0, CONNECTIONS)?;
        let price = wallet.price();
        wallet.pay(count, price)
    })?;
    report.value("metered_get", "instructions_per_request", get.total(), "instructions")
}

fn count(each: usize) -> Result<u64> {
    let folder = scratch()?;
    let folder = folder.path().to_str().context("the folder's name is not text")?;
    let words = [WORD, &each.to_string(), folder];
    without_signing(&Counted::start(&std::env::current_exe()?, &words)?.finish()?)
}

/// A function that is not found was renamed or merged into its caller: no figure is better than a
/// wrong one.
fn without_signing(profile: &Profile) -> Result<u64> {
    let signing = profile.inclusive(SIGNING);
    let signing = signing.with_context(|| format!("`{SIGNING}` was not counted"))?;
    Ok(profile.total.saturating_sub(signing))
}

/// One run, in the process that is counted: some vouchers of each channel, then a clean shutdown.
pub(crate) fn run(words: &[String]) -> Result<()> {
    let [each, folder] = words else {
        bail!("usage: {WORD} VOUCHERS FOLDER");
    };
    let each: usize = each.parse()?;
    let runtime = tokio::runtime::Builder::new_current_thread().enable_all().build()?;
    runtime.block_on(async {
        let engine = books::start(Path::new(folder)).await?;
        let mut vouchers = Vec::new();
        for number in 0..CHANNELS as u64 {
            let mut channel = Channel::new(number, None)?;
            books::open(&engine, &channel).await?;
            for sequence in 0..each {
                vouchers.push((sequence, channel.pay(1)));
            }
        }
        // One voucher of each channel after the other, all channels on their way together.
        vouchers.sort_by_key(|(sequence, _)| *sequence);
        let accept = |(_, voucher)| engine.accept(Proof::Voucher(voucher));
        let mut answers = stream::iter(vouchers).map(accept).buffered(CHANNELS);
        while answers.try_next().await?.is_some() {}
        drop(answers);
        engine.shutdown().await;
        Ok(())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn signing_does_not_count() {
        let functions = vec![(format!("x:{SIGNING} [y]"), 400)];
        assert_eq!(without_signing(&Profile { total: 1_000, functions }).unwrap(), 600);
        assert!(without_signing(&Profile { total: 1_000, functions: Vec::new() }).is_err());
    }
}
