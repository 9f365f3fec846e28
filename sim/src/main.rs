//! `sim`: whole lives of a node from a seed, with everything that can go wrong in them.
//!
//! It runs the real engine, journal and ledger on a simulated disk and clock, in one thread, and
//! compares all that they answer with an oracle in naive code. A seed gives the same run, byte for
//! byte, on every machine: each is run twice to see that.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod check;
mod curiosity;
mod damage;
mod life;
mod node;
mod oracle;
mod plan;
mod purchases;
mod question;
mod random;
mod request;
mod trace;
mod workload;

use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::life::Summary;
use crate::trace::Trace;

const DAMAGE_EVERY: u64 = 4;

const HELP: &str = "\
Usage: sim [--seeds N] [--from S] [--verbose]

  --seeds N   How many seeds, one after the other; 100 unless given.
  --from S    The first seed; 1 unless given.
  --verbose   Print what happens in each run.";

/// What the command line asked for.
#[derive(Debug, PartialEq, Eq)]
struct Options {
    seeds: u64,
    from: u64,
    is_verbose: bool,
}

fn main() -> ExitCode {
    let words: Vec<String> = std::env::args().skip(1).collect();
    if words.iter().any(|word| word == "--help") {
        println!("{HELP}");
        return ExitCode::SUCCESS;
    }
    match parse(&words) {
        Ok(options) => {
            if options.is_verbose {
                tracing_subscriber::fmt().without_time().init();
            }
            run(&options)
        }
        Err(error) => {
            println!("error: {error:#}\n\n{HELP}");
            ExitCode::FAILURE
        }
    }
}

fn parse(words: &[String]) -> Result<Options> {
    let mut options = Options { seeds: 100, from: 1, is_verbose: false };
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let number = |word: Option<&String>| -> Result<u64> {
            let word = word.context("a number is missing")?;
            word.parse().with_context(|| format!("`{word}` is no number"))
        };
        match word.as_str() {
            "--seeds" => options.seeds = number(words.next())?,
            "--from" => options.from = number(words.next())?,
            "--verbose" => options.is_verbose = true,
            other => bail!("unknown option `{other}`"),
        }
    }
    Ok(options)
}

fn run(options: &Options) -> ExitCode {
    let started = Instant::now();
    let mut failed = 0_u64;
    let mut total = Summary::default();
    for seed in options.from..options.from.saturating_add(options.seeds) {
        match twice(seed, options.is_verbose) {
            Ok(summary) => {
                total.requests += summary.requests;
                total.changes += summary.changes;
                total.starts += summary.starts;
                total.refused += summary.refused;
            }
            Err(why) => {
                failed += 1;
                println!("{why}");
                println!("  repeat: cargo xtask sim --seeds 1 --from {seed} --verbose");
            }
        }
    }
    let Summary { requests, changes, starts, refused, .. } = total;
    println!(
        "{} seeds, {failed} failed: {requests} requests, {changes} changes, {starts} starts, \
         {refused} refused for damage, {:.1} s",
        options.seeds,
        started.elapsed().as_secs_f64()
    );
    if failed == 0 && options.seeds > 0 { ExitCode::SUCCESS } else { ExitCode::FAILURE }
}

/// Runs a seed twice: the two must be equal to the last byte.
fn twice(seed: u64, is_verbose: bool) -> Result<Summary, String> {
    let first = once(seed, is_verbose)?;
    let second = once(seed, false)?;
    if first == second {
        Ok(first)
    } else {
        Err(format!("seed {seed} FAILED: it ran twice and differed: {first:?}, {second:?}"))
    }
}

/// One seed in [`DAMAGE_EVERY`] is about damage that one copy of the data cannot survive.
fn live(seed: u64, trace: &mut Trace) -> Result<Summary, String> {
    if seed.is_multiple_of(DAMAGE_EVERY) {
        damage::live(seed, trace)
    } else {
        life::live(seed, trace)
    }
}

fn once(seed: u64, is_verbose: bool) -> Result<Summary, String> {
    let mut trace = Trace::new(is_verbose);
    let lived = catch_unwind(AssertUnwindSafe(|| live(seed, &mut trace)));
    let why = match lived {
        Ok(Ok(summary)) => return Ok(summary),
        Ok(Err(why)) => why,
        Err(panic) => {
            let text = panic.downcast_ref::<String>().cloned();
            let text = text.or_else(|| panic.downcast_ref::<&str>().map(|text| (*text).to_owned()));
            format!("panic: {}", text.unwrap_or_default())
        }
    };
    let mut lines = vec![format!("seed {seed} FAILED: {why}"), "  the last events:".to_owned()];
    lines.extend(trace.last().map(|event| format!("    {event}")));
    Err(lines.join("\n"))
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn options_are_strict() {
        let words = |line: &str| line.split_whitespace().map(String::from).collect::<Vec<_>>();
        let parsed = parse(&words("--seeds 7 --from 3 --verbose")).unwrap();
        assert_eq!(parsed, Options { seeds: 7, from: 3, is_verbose: true });
        for line in ["--seeds", "--seeds x", "--from -1", "7"] {
            assert!(parse(&words(line)).is_err(), "{line}");
        }
    }

    #[test]
    fn a_few_lives_are_lived() {
        for seed in 1..4 {
            twice(seed, false).unwrap();
        }
    }
}
