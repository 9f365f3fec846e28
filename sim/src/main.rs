//! `sim`: whole lives of a node from a seed, with everything that can go wrong in them.
//!
//! It runs the real engine, journal and ledger on a simulated disk and clock, in one thread, and
//! compares all that they answer with an oracle in naive code. A seed gives the same run, byte for
//! byte, on every machine: each is run twice to see that.
#![expect(clippy::print_stdout, reason = "a command line tool talks on standard output")]

mod check;
mod curiosity;
mod damage;
mod kill;
mod life;
mod log;
mod mandates;
mod node;
mod oracle;
mod plan;
mod purchases;
mod question;
mod random;
mod request;
mod streams;
mod summary;
mod trace;
mod workload;

use std::num::NonZero;
use std::panic::{AssertUnwindSafe, catch_unwind};
use std::process::ExitCode;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Mutex, PoisonError};
use std::thread;
use std::time::Instant;

use anyhow::{Context, Result};

use crate::summary::Summary;
use crate::trace::Trace;

const DAMAGE_EVERY: u64 = 4;

const HELP: &str = "\
Usage: sim [--seeds N] [--from S] [--verbose]
       sim kill [--rounds N] [--seed S]

  --seeds N   How many seeds, one after the other; 100 unless given.
  --from S    The first seed; 1 unless given.
  --verbose   Print what happens in each run.
  kill        Kill a real process under load, again and again, and check what it acknowledged.
  --rounds N  How many times; 200 unless given.
  --seed S    Decides when; 1 unless given.";

/// What the command line asked for.
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
    let words: Vec<&str> = words.iter().map(String::as_str).collect();
    let done = match words.split_first() {
        Some((&"kill", rest)) => kill_again_and_again(rest),
        Some((&kill::CHILD, [dir, round])) => work(dir, round),
        _ => live_seeds(&words),
    };
    match done {
        Ok(code) => code,
        Err(error) => {
            println!("error: {error:#}");
            ExitCode::FAILURE
        }
    }
}

fn kill_again_and_again(words: &[&str]) -> Result<ExitCode> {
    let numbers = numbers(words, &["--rounds", "--seed"])?;
    let [rounds, seed] = [numbers[0].unwrap_or(200), numbers[1].unwrap_or(1)];
    let started = Instant::now();
    let kill::Killed { batches, transfers, unsaid, silent, .. } = kill::rounds(rounds, seed)?;
    println!(
        "{rounds} kills, {silent} of them before the first word: {batches} batches acknowledged, all \
         there; {unsaid} more there as a whole; {transfers} transfers checked, {:.1} s",
        started.elapsed().as_secs_f64()
    );
    Ok(ExitCode::SUCCESS)
}

/// The child's part of a kill.
fn work(dir: &str, round: &str) -> Result<ExitCode> {
    kill::work(dir.as_ref(), round.parse()?)?;
    Ok(ExitCode::SUCCESS)
}

fn live_seeds(words: &[&str]) -> Result<ExitCode> {
    let (verbose, rest): (Vec<&str>, Vec<&str>) =
        words.iter().partition(|word| **word == "--verbose");
    let numbers = numbers(&rest, &["--seeds", "--from"])?;
    let options = Options {
        seeds: numbers[0].unwrap_or(100),
        from: numbers[1].unwrap_or(1),
        is_verbose: !verbose.is_empty(),
    };
    if options.is_verbose {
        tracing_subscriber::fmt().without_time().init();
    }
    Ok(run(&options))
}

/// The numbers that follow two options, each if it is there.
fn numbers(words: &[&str], names: &[&str; 2]) -> Result<[Option<u64>; 2]> {
    let mut numbers = [None; 2];
    let mut words = words.iter();
    while let Some(word) = words.next() {
        let index = names.iter().position(|name| name == word);
        let index = index.with_context(|| format!("unknown option `{word}`\n\n{HELP}"))?;
        let number = words.next().with_context(|| format!("{word} wants a number"))?;
        numbers[index] = Some(number.parse().with_context(|| format!("`{number}` is no number"))?);
    }
    Ok(numbers)
}

fn run(options: &Options) -> ExitCode {
    let started = Instant::now();
    let next = AtomicU64::new(options.from);
    let end = options.from.saturating_add(options.seeds);
    let total = Mutex::new((Summary::default(), 0_u64));
    let work = || {
        loop {
            let seed = next.fetch_add(1, Ordering::Relaxed);
            if seed >= end {
                break;
            }
            let lived = twice(seed, options.is_verbose);
            let mut total = total.lock().unwrap_or_else(PoisonError::into_inner);
            match lived {
                Ok(summary) => total.0.add(&summary),
                Err(why) => {
                    total.1 += 1;
                    println!("{why}\n  repeat: cargo xtask sim --seeds 1 --from {seed} --verbose");
                }
            }
        }
    };
    let workers = thread::available_parallelism().map_or(1, NonZero::get);
    thread::scope(|scope| (0..workers).for_each(|_| drop(scope.spawn(work))));
    let (summary, failed) = total.into_inner().unwrap_or_else(PoisonError::into_inner);
    let Summary { requests, changes, delegated, over_budget, starts, refused, .. } = summary;
    println!(
        "{} seeds, {failed} failed: {requests} requests, {changes} changes, \
         {delegated} payments under mandates and {over_budget} over budget, {starts} starts, \
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
        let parse = |line: &str| {
            let words: Vec<&str> = line.split_whitespace().collect();
            numbers(&words, &["--seeds", "--from"])
        };
        assert_eq!(parse("--from 3 --seeds 7").unwrap(), [Some(7), Some(3)]);
        assert_eq!(parse("").unwrap(), [None, None]);
        for line in ["--seeds", "--seeds x", "--from -1", "7", "--rounds 1"] {
            assert!(parse(line).is_err(), "{line}");
        }
    }

    #[test]
    fn a_few_lives_are_lived() {
        for seed in 1..4 {
            twice(seed, false).unwrap();
        }
    }
}
