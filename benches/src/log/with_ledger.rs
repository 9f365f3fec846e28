//! The ledger with the log against the ledger without it: the same workload, in turn.
//!
//! Rounds alternate, so that a machine that changes its mind meets both. The best run of each counts:
//! a disturbance makes a run slower and never faster.

use anyhow::{Context, Result};
use benches::report::Report;

use super::LEDGER_WITH_LOG;
use crate::ledger::batches::{self, WITH_LOG, WITHOUT_LOG};
use crate::ledger::figures::Figures;
use crate::ledger::workloads::Workload;

/// The workload that both run.
const WORKLOAD: &str = "uniform_10k";
const PER_S: &str = "transfers_per_s";

/// How much is measured.
pub(super) struct Plan {
    pub(super) rounds: usize,
    /// Of each run.
    pub(super) transfers: u64,
}

/// One run.
struct Run {
    in_flight: usize,
    figures: Figures,
}

/// Prints the shares and the figures of the best runs.
pub(super) fn measure(report: &Report, plan: &Plan) -> Result<()> {
    let workload = Workload::named(WORKLOAD).context("no such workload")?;
    let (mut with, mut without) = (Vec::new(), Vec::new());
    for _ in 0..plan.rounds {
        for &in_flight in workload.in_flight {
            for (runs, log) in [(&mut without, WITHOUT_LOG), (&mut with, WITH_LOG)] {
                let figures = batches::measure(workload, in_flight, plan.transfers, log)?;
                let per_s = figures.get(PER_S)?;
                report.note(&format!("{in_flight} in flight, {log}: {per_s:.0} transfers/s"))?;
                runs.push(Run { in_flight, figures });
            }
        }
    }
    for in_flight in workload.in_flight {
        let of = |run: &&Run| run.in_flight == *in_flight;
        let (with, without) = (best(with.iter().filter(of))?, best(without.iter().filter(of))?);
        let name = |metric: &str| format!("{metric}_in_flight_{in_flight}");
        print(report, with, without, name)?;
    }
    print(report, best(with.iter())?, best(without.iter())?, str::to_owned)
}

fn best<'a>(runs: impl Iterator<Item = &'a Run>) -> Result<&'a Figures> {
    let mut best: Option<(f64, &Figures)> = None;
    for run in runs {
        let per_s = run.figures.get(PER_S)?;
        if best.is_none_or(|(most, _)| per_s > most) {
            best = Some((per_s, &run.figures));
        }
    }
    Ok(best.context("no run")?.1)
}

fn print(
    report: &Report,
    with: &Figures,
    without: &Figures,
    name: impl Fn(&str) -> String,
) -> Result<()> {
    let value =
        |metric: &str, value, unit| report.value(LEDGER_WITH_LOG, &name(metric), value, unit);
    value("share_of_without", with.get(PER_S)? / without.get(PER_S)?, "ratio")?;
    for figure in &with.0 {
        let metric = match figure.metric.as_str() {
            "log_bytes_per_transfer" => "bytes_per_payment",
            other => other,
        };
        value(metric, figure.value, &figure.unit)?;
    }
    for figure in &without.0 {
        value(&format!("{}_without", figure.metric), figure.value, &figure.unit)?;
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::ledger::figures::Figure;

    fn run(in_flight: usize, per_s: f64) -> Run {
        let metric = PER_S.to_owned();
        let figures = Figures(vec![Figure { metric, value: per_s, unit: "1/s".to_owned() }]);
        Run { in_flight, figures }
    }

    #[test]
    fn the_run_with_the_most_transfers_counts() {
        let runs = [run(1, 3.0), run(2, 5.0), run(1, 4.0)];
        let most = |found: Result<&Figures>| found.unwrap().get(PER_S).unwrap();
        assert!((most(best(runs.iter())) - 5.0).abs() < 1e-9);
        assert!((most(best(runs.iter().filter(|run| run.in_flight == 1))) - 4.0).abs() < 1e-9);
        assert!(best([].iter()).is_err());
    }
}
