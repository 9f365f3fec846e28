//! The same kind of transfers on Debian's `PostgreSQL`, in the same run on the same disk.
//!
//! Two ways: a stored procedure for each transfer, called by 2 and by 16 clients, and sets of 1,000
//! transfers in one call, which write no entries and so are an upper bound. It keeps less than ours:
//! no user data, and no index but those of its keys. After each load the books must balance and hold
//! every transfer that was reported.

mod cluster;

use anyhow::{Context, Result, bail};
use benches::report::{Report, float};

use cluster::Cluster;

const SCHEMA: &str = include_str!("schema.sql");
const ACCOUNTS: u64 = 10_000;
/// Each account's first credits: more than any run takes from it.
const INITIAL_UNITS: u64 = 1_000_000_000_000;
/// Transfers of one call of `pay_many`.
const SET: u64 = 1_000;
/// As many as the machine has cores: the load generator is to be cheap.
const THREADS: u64 = 2;

/// Which accounts the transfers touch.
#[derive(Clone, Copy, PartialEq, Eq)]
enum Sides {
    Uniform,
    HotCredit,
}

/// One load: sides, clients, transfers of one call.
const LOADS: &[(Sides, u64, u64)] = &[
    (Sides::Uniform, 2, 1),
    (Sides::Uniform, 16, 1),
    (Sides::Uniform, 1, SET),
    (Sides::HotCredit, 2, 1),
    (Sides::HotCredit, 16, 1),
    (Sides::HotCredit, 1, SET),
];

/// Measures all loads, each for `seconds`.
pub(crate) fn measure(report: &Report, seconds: u64) -> Result<()> {
    let cluster = Cluster::start()?;
    report.note(&format!("postgres: PostgreSQL {}", cluster.version()?))?;
    cluster.query(SCHEMA)?;
    cluster.query(&format!(
        "INSERT INTO account (id, credits) SELECT id, {INITIAL_UNITS} FROM generate_series(1, {ACCOUNTS}) AS id"
    ))?;
    let mut transfers = 0;
    for &(sides, clients, set) in LOADS {
        // Work that was put off must not fall into the next load.
        cluster.query("VACUUM ANALYZE account")?;
        cluster.query("CHECKPOINT")?;
        let printed = cluster
            .load(&script(sides, set), &words(clients, seconds).each_ref().map(String::as_str))?;
        let name = name(sides, clients, set);
        let per_s = after(&printed, "tps = ")? * float(set);
        report.value(&name, "transfers_per_s", per_s, "1/s")?;
        report.value(&name, "call_mean_ms", after(&printed, "latency average = ")?, "ms")?;
        transfers += processed(&printed)? * set;
        check(&cluster, transfers)?;
    }
    Ok(())
}

fn words(clients: u64, seconds: u64) -> [String; 3] {
    [format!("-c{clients}"), format!("-j{}", THREADS.min(clients)), format!("-T{seconds}")]
}

fn name(sides: Sides, clients: u64, set: u64) -> String {
    let sides = match sides {
        Sides::Uniform => "uniform",
        Sides::HotCredit => "hot_credit",
    };
    if set > 1 {
        return format!("postgres_{sides}_sets_of_{set}");
    }
    format!("postgres_{sides}_{clients}_clients")
}

/// One transfer, or one set, for `pgbench`.
fn script(sides: Sides, set: u64) -> String {
    if set > 1 {
        let is_hot = sides == Sides::HotCredit;
        return format!("SELECT pay_many({set}, {ACCOUNTS}, {is_hot});\n");
    }
    let draw = match sides {
        // The second is some steps after the first, around the end: never the same.
        Sides::Uniform => format!(
            "\\set giver random(1, {ACCOUNTS})\n\\set steps random(0, {ACCOUNTS} - 2)\n\
             \\set taker 1 + mod(:giver + :steps, {ACCOUNTS})\n"
        ),
        Sides::HotCredit => format!("\\set giver random(2, {ACCOUNTS})\n\\set taker 1\n"),
    };
    format!("{draw}SELECT pay(gen_random_uuid(), :giver, :taker, 5);\n")
}

/// The number behind `label` in what `pgbench` printed.
fn after(printed: &str, label: &str) -> Result<f64> {
    let rest = printed.lines().find_map(|line| line.strip_prefix(label));
    let number = rest.and_then(|rest| rest.split_whitespace().next());
    let number = number.with_context(|| format!("pgbench printed no `{label}`"))?;
    number.parse().with_context(|| format!("pgbench printed `{label}{number}`"))
}

/// Calls that succeeded; one that failed makes the load void.
fn processed(printed: &str) -> Result<u64> {
    let label = "number of transactions actually processed: ";
    let count = printed.lines().find_map(|line| line.strip_prefix(label));
    let count = count.context("pgbench printed no number of transactions")?;
    if after(printed, "number of failed transactions: ").is_ok_and(|failed| failed > 0.0) {
        bail!("some of pgbench's transactions failed");
    }
    // With a limit of transactions it prints `done/planned`.
    Ok(count.split('/').next().unwrap_or_default().trim().parse()?)
}

fn check(cluster: &Cluster, transfers: u64) -> Result<()> {
    let initial = INITIAL_UNITS * ACCOUNTS;
    let difference =
        cluster.query(&format!("SELECT sum(credits) - sum(debits) - {initial} FROM account"))?;
    let rows: u64 = cluster.query("SELECT count(*) FROM transfer")?.parse()?;
    if difference != "0" || rows < transfers {
        bail!("PostgreSQL: {rows} transfers of {transfers}, credits less debits {difference}");
    }
    Ok(())
}

#[cfg(test)]
mod tests {
    use super::*;

    const PRINTED: &str = "pgbench (15.1)\nnumber of clients: 2\n\
        number of transactions actually processed: 4821\n\
        number of failed transactions: 0 (0.000%)\n\
        latency average = 0.414 ms\ninitial connection time = 5.1 ms\n\
        tps = 4827.250000 (without initial connection time)\n";

    #[test]
    fn what_pgbench_prints_is_read() {
        assert!((after(PRINTED, "tps = ").unwrap() - 4827.25).abs() < 1e-9);
        assert!((after(PRINTED, "latency average = ").unwrap() - 0.414).abs() < 1e-9);
        assert_eq!(processed(PRINTED).unwrap(), 4821);
        assert_eq!(processed(&PRINTED.replace("4821", "10/10")).unwrap(), 10);
        assert!(processed(&PRINTED.replace("transactions: 0", "transactions: 3")).is_err());
        assert!(after("", "tps = ").is_err());
    }

    #[test]
    fn each_load_has_a_name_and_a_script_of_its_own() {
        let names: std::collections::BTreeSet<String> =
            LOADS.iter().map(|&(sides, clients, set)| name(sides, clients, set)).collect();
        assert_eq!(names.len(), LOADS.len());
        assert!(names.contains("postgres_uniform_16_clients"));
        assert!(script(Sides::Uniform, 1).contains("mod(:giver + :steps, 10000)"));
        assert!(script(Sides::HotCredit, 1).contains("taker 1\n"));
        assert!(script(Sides::HotCredit, SET).contains("true"));
    }
}
