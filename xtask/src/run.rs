//! `cargo xtask test`: the chosen steps, in order, with their durations and a summary.
//!
//! Invariant: the last line is `N passed, N failed`, and the exit status is a failure if a step
//! failed or did not run because an earlier one failed.

use std::time::Instant;

use anyhow::{Context, Result, bail};

use crate::Workspace;
use crate::process::seconds;
use crate::steps::{STEPS, Step};

/// What the command line asked for.
#[derive(Default)]
struct Options {
    list: bool,
    keep_going: bool,
    only: Vec<String>,
    skip: Vec<String>,
}

/// Runs the steps; answers whether all of them passed.
pub(crate) fn test(workspace: &Workspace, words: &[String]) -> Result<bool> {
    let options = parse(words, workspace.ci)?;
    if options.list {
        for step in STEPS {
            println!("{:<16} {}", step.name, step.what);
        }
        return Ok(true);
    }
    let (chosen, left_out): (Vec<&Step>, Vec<&Step>) =
        STEPS.iter().partition(|step| is_chosen(step, &options));
    let started = Instant::now();
    let tally = work_through(workspace, &chosen, options.keep_going);
    println!("\n== summary, {}", seconds(started.elapsed()));
    tally.lines.iter().for_each(|line| println!("{line}"));
    for (step, why) in chosen
        .iter()
        .skip(tally.passed + tally.failed)
        .map(|step| (*step, "not run: an earlier step failed"))
        .chain(left_out.iter().map(|step| (*step, "left out on request")))
    {
        println!("{:<16} {why}", step.name);
    }
    println!("{} passed, {} failed", tally.passed, tally.failed);
    Ok(tally.failed == 0)
}

#[derive(Default)]
struct Tally {
    passed: usize,
    failed: usize,
    lines: Vec<String>,
}

fn work_through(workspace: &Workspace, chosen: &[&Step], keep_going: bool) -> Tally {
    let mut tally = Tally::default();
    for step in chosen {
        println!("\n== {}: {}", step.name, step.what);
        let started = Instant::now();
        let result = step.run(workspace);
        let took = seconds(started.elapsed());
        let verdict = if result.is_ok() { "passed" } else { "FAILED" };
        if let Err(error) = &result {
            println!("error: {error:#}");
            tally.failed += 1;
        } else {
            tally.passed += 1;
        }
        println!("-- {} {verdict} in {took}", step.name);
        tally.lines.push(format!("{:<16} {verdict} {took:>9}", step.name));
        if result.is_err() && !keep_going {
            break;
        }
    }
    tally
}

fn is_chosen(step: &Step, options: &Options) -> bool {
    let named = |names: &[String]| names.iter().any(|name| name == step.name);
    (options.only.is_empty() || named(&options.only)) && !named(&options.skip)
}

fn parse(words: &[String], ci: bool) -> Result<Options> {
    let mut options = Options::default();
    let mut words = words.iter();
    while let Some(word) = words.next() {
        match word.as_str() {
            "--list" => options.list = true,
            "--keep-going" => options.keep_going = true,
            "--only" => options.only.push(step_name(words.next())?),
            "--skip" if ci => bail!("--skip is refused when CI=true: everything must run"),
            "--skip" => options.skip.push(step_name(words.next())?),
            other => bail!("unknown option `{other}`; see `cargo xtask help`"),
        }
    }
    Ok(options)
}

fn step_name(word: Option<&String>) -> Result<String> {
    let name = word.context("--only and --skip want the name of a step")?;
    if !STEPS.iter().any(|step| step.name == name) {
        bail!("there is no step `{name}`; see `cargo xtask test --list`");
    }
    Ok(name.clone())
}

#[cfg(test)]
mod tests {
    use super::*;
    use crate::steps::{Task, command};

    fn words(line: &str) -> Vec<String> {
        line.split_whitespace().map(String::from).collect()
    }

    #[test]
    fn options_are_strict_and_ci_leaves_nothing_out() {
        let options = parse(&words("--only fmt --only tidy --keep-going"), false).unwrap();
        let chosen: Vec<_> =
            STEPS.iter().filter(|step| is_chosen(step, &options)).map(|step| step.name).collect();
        assert_eq!(chosen, ["fmt", "tidy"]);
        assert!(options.keep_going);
        assert_eq!(parse(&words("--skip tidy"), false).unwrap().skip, ["tidy"]);
        for (line, ci) in
            [("--skip tidy", true), ("--only nothing", false), ("--only", false), ("-k", false)]
        {
            assert!(parse(&words(line), ci).is_err(), "{line}");
        }
    }

    #[test]
    fn a_failure_stops_unless_asked_to_keep_going() {
        const GOOD: &[Task] = &[command("true")];
        const BAD: &[Task] = &[command("false"), command("true")];
        let steps = [
            Step { name: "one", what: "", tasks: GOOD },
            Step { name: "two", what: "", tasks: BAD },
            Step { name: "three", what: "", tasks: GOOD },
        ];
        let chosen: Vec<&Step> = steps.iter().collect();
        let workspace = Workspace { root: "/".into(), ci: false };
        let tally = work_through(&workspace, &chosen, false);
        assert_eq!((tally.passed, tally.failed), (1, 1));
        let tally = work_through(&workspace, &chosen, true);
        assert_eq!((tally.passed, tally.failed), (2, 1));
    }
}
