//! What a dashboard asks.

use std::time::Instant;

use anyhow::{Context, Result, ensure};
use benches::percentile::percentile;
use benches::random::Random;
use benches::report::Report;
use money::AccountId;
use report::{Dimension, IncomeQuery, ListedState, PaymentsQuery, Reader, Step, steps, time_zone};

use super::payments::{PAYEES, Payments, START_MS, YEAR_MS, offer, payee, payer, usd};

const DAY_MS: u64 = 24 * 60 * 60 * 1000;
const END_MS: u64 = START_MS + YEAR_MS;
const ZONES: [&str; 4] = ["UTC", "Asia/Seoul", "America/New_York", "Asia/Kathmandu"];
const PAGE: usize = 50;

/// What the questions are chosen by.
struct Asker<'a> {
    reader: &'a Reader,
    random: Random,
    /// Payments of the store, about its positions.
    payments: u64,
}

/// Asks one question; how many rows the answer had.
type Ask = fn(&mut Asker<'_>) -> Result<usize>;

const QUESTIONS: &[(&str, Ask)] = &[
    ("year_by_day", |asker| asker.over_time(START_MS, END_MS, Step::Day)),
    ("year_by_month", |asker| asker.over_time(START_MS, END_MS, Step::Month)),
    ("month_by_hour", |asker| asker.over_time(END_MS - 30 * DAY_MS, END_MS, Step::Hour)),
    ("year_by_offer", |asker| asker.by(Dimension::Offer, START_MS, END_MS)),
    ("year_by_country", |asker| asker.by(Dimension::Country, START_MS, END_MS)),
    ("year_by_class", |asker| asker.by(Dimension::Class, START_MS, END_MS)),
    ("month_by_country", |asker| asker.by(Dimension::Country, END_MS - 30 * DAY_MS, END_MS)),
    ("newest_payments", |asker| {
        let account = asker.someone()?;
        asker.list(&PaymentsQuery { account, ..Default::default() })
    }),
    ("deep_page", |asker| {
        let account = asker.someone()?;
        let before = Some(asker.payments / 2 + asker.random.below(asker.payments / 2));
        asker.list(&PaymentsQuery { account, before, ..Default::default() })
    }),
    ("payments_of_a_day", |asker| {
        let account = asker.someone()?;
        let from_ms = START_MS + asker.random.below(300) * DAY_MS;
        let to_ms = Some(from_ms + DAY_MS);
        let from_ms = Some(from_ms);
        asker.list(&PaymentsQuery { account, from_ms, to_ms, ..Default::default() })
    }),
    ("payments_of_an_offer", |asker| {
        let number = asker.random.below(20);
        let account = Some(payee(number % PAYEES)?);
        let offer = Some(offer(number));
        asker.list(&PaymentsQuery { account, offer, ..Default::default() })
    }),
    ("released_payments", |asker| {
        let account = asker.someone()?;
        let state = Some(ListedState::Released);
        asker.list(&PaymentsQuery { account, state, ..Default::default() })
    }),
    ("payments_of_a_payer", |asker| {
        let account = Some(payer(asker.random.below(100))?);
        asker.list(&PaymentsQuery { account, ..Default::default() })
    }),
    ("payer_and_offer", |asker| {
        let account = Some(payer(asker.random.below(100))?);
        let offer = Some(offer(asker.random.below(3)));
        asker.list(&PaymentsQuery { account, offer, ..Default::default() })
    }),
];

/// Prints percentiles of every question.
pub(super) fn measure(
    report: &Report,
    workload: &str,
    reader: &Reader,
    payments: u64,
    rounds: usize,
) -> Result<()> {
    let mut asker = Asker { reader, random: Random::new(3), payments };
    for (name, ask) in QUESTIONS {
        let mut taken_ms = Vec::with_capacity(rounds);
        for _ in 0..rounds {
            let begun = Instant::now();
            let rows = ask(&mut asker)?;
            taken_ms.push(begun.elapsed().as_secs_f64() * 1e3);
            ensure!(rows > 0, "{name} found nothing");
        }
        taken_ms.sort_unstable_by(f64::total_cmp);
        for (metric, percent) in [("p50", 50), ("p99", 99)] {
            let value = percentile(&taken_ms, percent).context("nothing was timed")?;
            report.value(workload, &format!("{name}_{metric}"), value, "ms")?;
        }
    }
    Ok(())
}

/// Income of all time is what was paid.
pub(super) fn check(reader: &Reader, payments: &Payments) -> Result<()> {
    let edges = steps(START_MS, END_MS + 30 * DAY_MS, Step::Month, &zone("UTC")?)?;
    let buckets = reader.income_over_time(&IncomeQuery { account: None, asset: usd()?, edges })?;
    let gross: u128 = buckets.iter().map(|bucket| bucket.totals.gross).sum();
    ensure!(gross == payments.paid, "the store has {gross}, {} was paid", payments.paid);
    Ok(())
}

fn zone(name: &str) -> Result<report::TimeZone> {
    time_zone(name).with_context(|| format!("there is no time zone {name}"))
}

impl Asker<'_> {
    /// A payee, or the whole node.
    fn someone(&mut self) -> Result<Option<AccountId>> {
        let number = self.random.below(PAYEES + 1);
        if number == PAYEES { Ok(None) } else { payee(number).map(Some) }
    }

    fn query(&mut self, from_ms: u64, to_ms: u64, step: Step) -> Result<IncomeQuery> {
        let name = ZONES[usize::try_from(self.random.below(4))?];
        let edges = steps(from_ms, to_ms, step, &zone(name)?)?;
        Ok(IncomeQuery { account: self.someone()?, asset: usd()?, edges })
    }

    fn over_time(&mut self, from_ms: u64, to_ms: u64, step: Step) -> Result<usize> {
        let query = self.query(from_ms, to_ms, step)?;
        let buckets = self.reader.income_over_time(&query)?;
        Ok(buckets.iter().filter(|bucket| bucket.totals.payments > 0).count())
    }

    fn by(&mut self, dimension: Dimension, from_ms: u64, to_ms: u64) -> Result<usize> {
        let query = self.query(from_ms, to_ms, Step::Day)?;
        Ok(self.reader.income_by(&query, dimension)?.len())
    }

    fn list(&mut self, query: &PaymentsQuery) -> Result<usize> {
        let page = self.reader.payments(&PaymentsQuery { limit: PAGE, ..*query })?;
        // A page may be short with a cursor; that is an answer too.
        Ok(page.payments.len() + usize::from(page.next.is_some()))
    }
}
