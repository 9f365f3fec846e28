//! Income: over time, and by offer, country or kind of payer.
//!
//! Invariant: rows of a dimension sum to the total of the same time; steps without income are there,
//! with zeros. Whole days of UTC are taken from cells of a day, the rest from quarters of an hour.

use std::collections::HashMap;
use std::ops::Range;

use engine::PayerClass;
use money::{AccountId, Asset};
use rusqlite::Connection;

use super::{QueryError, asset_number, number_of};
use crate::store::{DAY_QUARTERS, QUARTER_MS, Reader, Span, StoreError, from_bytes};

/// Most steps of one answer: more are not told apart on a screen.
pub const STEPS_COUNT_MAX: usize = 1_000;

/// Steps up to this length are added up in one go through the quarters.
const SHORT_STEP_QUARTERS: u64 = 2 * DAY_QUARTERS;

/// By what income is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum Dimension {
    /// By nothing but time.
    Time,
    /// By the tag of the offer.
    Offer,
    /// By the payer's country.
    Country,
    /// By the kind of payer.
    Class,
}

/// Times that steps begin and end at, in quarters of an hour since 1970.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Edges(Vec<u64>);

impl Edges {
    /// Unix milliseconds, rising. They are cut to whole quarters of an hour.
    pub fn new(edges_ms: &[u64]) -> Result<Self, QueryError> {
        let edges: Vec<u64> = edges_ms.iter().map(|ms| ms / QUARTER_MS).collect();
        if edges.len() < 2 || edges.windows(2).any(|pair| pair[0] >= pair[1]) {
            return Err(QueryError::TimeEmpty);
        }
        if edges.len() > STEPS_COUNT_MAX + 1 {
            return Err(QueryError::TooManySteps { max: STEPS_COUNT_MAX });
        }
        Ok(Self(edges))
    }

    /// Unix milliseconds.
    pub fn to_ms(&self) -> Vec<u64> {
        self.0.iter().map(|edge| edge * QUARTER_MS).collect()
    }

    fn whole(&self) -> Range<u64> {
        let (first, last) = (self.0.first(), self.0.last());
        first.copied().unwrap_or_default()..last.copied().unwrap_or_default()
    }
}

/// Whose income, and when.
#[derive(Debug, Clone)]
pub struct IncomeQuery {
    /// Of this account, or of the whole node.
    pub account: Option<AccountId>,
    /// In this asset; sums of several make no sense.
    pub asset: Asset,
    /// The steps.
    pub edges: Edges,
}

/// Sums.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Default)]
pub struct Totals {
    /// How often money came in: payments, and settlements of channels.
    pub payments: u64,
    /// What came in, base units.
    pub gross: u128,
    /// How often money went back.
    pub refunds: u64,
    /// What went back, base units.
    pub refunded: u128,
}

/// Income of one step.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct IncomeBucket {
    /// Begin, Unix milliseconds.
    pub from_ms: u64,
    /// End, Unix milliseconds; not part of it.
    pub to_ms: u64,
    /// What came and went.
    pub totals: Totals,
}

/// Income of one value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct IncomeRow {
    /// The value.
    pub value: IncomeValue,
    /// What came and went.
    pub totals: Totals,
}

/// One value of a dimension.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum IncomeValue {
    /// Everything.
    All,
    /// An offer by its tag; id and title if its name was ever heard.
    Offer {
        /// Tag of the id; 0 for payments without offer.
        tag: u64,
        /// Id and title.
        named: Option<(String, String)>,
    },
    /// Two capitals; `None` if the country is not known.
    Country(Option<String>),
    /// Kind of payer.
    Class(PayerClass),
}

impl Totals {
    /// All of them together.
    pub fn sum<'a>(all: impl Iterator<Item = &'a Self>) -> Self {
        all.fold(Self::default(), |mut sum, each| {
            sum.add(each);
            sum
        })
    }

    fn add(&mut self, other: &Self) {
        self.payments += other.payments;
        self.gross = self.gross.saturating_add(other.gross);
        self.refunds += other.refunds;
        self.refunded = self.refunded.saturating_add(other.refunded);
    }
}

impl Reader {
    /// Income of each step.
    pub fn income_over_time(&self, query: &IncomeQuery) -> Result<Vec<IncomeBucket>, QueryError> {
        let edges = &query.edges.0;
        let mut buckets: Vec<IncomeBucket> = edges
            .windows(2)
            .map(|pair| IncomeBucket {
                from_ms: pair[0] * QUARTER_MS,
                to_ms: pair[1] * QUARTER_MS,
                totals: Totals::default(),
            })
            .collect();
        self.ask(|connection| {
            let Some(cells) = Cells::of(connection, query, Dimension::Time)? else {
                return Ok(buckets);
            };
            if edges.windows(2).all(|pair| pair[1] - pair[0] <= SHORT_STEP_QUARTERS) {
                let is_days = edges.iter().all(|edge| edge % DAY_QUARTERS == 0);
                let (span, length) =
                    if is_days { (Span::Day, DAY_QUARTERS) } else { (Span::Quarter, 1) };
                let whole = query.edges.whole();
                cells.each(
                    span,
                    whole.start / length..whole.end / length,
                    |start, _, totals| {
                        let step = edges.partition_point(|edge| *edge <= start * length);
                        if let Some(bucket) = buckets.get_mut(step.saturating_sub(1)) {
                            bucket.totals.add(totals);
                        }
                    },
                )?;
            } else {
                for (bucket, pair) in buckets.iter_mut().zip(edges.windows(2)) {
                    cells.within(pair[0]..pair[1], |_, totals| bucket.totals.add(totals))?;
                }
            }
            Ok(buckets)
        })
    }

    /// Income of the whole time by the values of a dimension, the highest first.
    pub fn income_by(
        &self,
        query: &IncomeQuery,
        dimension: Dimension,
    ) -> Result<Vec<IncomeRow>, QueryError> {
        self.ask(|connection| {
            let Some(cells) = Cells::of(connection, query, dimension)? else {
                return Ok(Vec::new());
            };
            let mut sums: HashMap<i64, Totals> = HashMap::new();
            cells.within(query.edges.whole(), |value, totals| {
                sums.entry(value).or_default().add(totals);
            })?;
            let mut sums: Vec<(i64, Totals)> = sums.into_iter().collect();
            sums.sort_unstable_by_key(|(value, totals)| (u128::MAX - totals.gross, *value));
            sums.into_iter()
                .map(|(value, totals)| {
                    Ok(IncomeRow { value: value_of(connection, dimension, value)?, totals })
                })
                .collect()
        })
    }

    /// Assets in which anything ever came in.
    pub fn assets(&self) -> Result<Vec<Asset>, QueryError> {
        self.ask(|connection| {
            let mut find = connection.prepare_cached("SELECT code, scale FROM asset")?;
            let mut rows = find.query([])?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                let (code, scale): (String, u8) = (row.get(0)?, row.get(1)?);
                let asset = Asset::new(&code, scale).map_err(|_| StoreError::Damaged("asset"))?;
                found.push(asset);
            }
            Ok(found)
        })
    }
}

/// Cells of one account, asset and dimension.
struct Cells<'a> {
    connection: &'a Connection,
    account: i64,
    asset: i64,
    dimension: Dimension,
}

impl<'a> Cells<'a> {
    /// `None` if nothing can have come in.
    fn of(
        connection: &'a Connection,
        query: &IncomeQuery,
        dimension: Dimension,
    ) -> Result<Option<Self>, QueryError> {
        let account = number_of(connection, query.account)?;
        let asset = asset_number(connection, query.asset)?;
        let cells = account.zip(asset);
        Ok(cells.map(|(account, asset)| Self { connection, account, asset, dimension }))
    }

    /// Every cell of quarters `range`, each instant in one cell only.
    fn within(
        &self,
        range: Range<u64>,
        mut add: impl FnMut(i64, &Totals),
    ) -> Result<(), QueryError> {
        let days = range.start.div_ceil(DAY_QUARTERS)..range.end / DAY_QUARTERS;
        if days.is_empty() {
            return self.each(Span::Quarter, range, |_, value, totals| add(value, totals));
        }
        let inner = days.start * DAY_QUARTERS..days.end * DAY_QUARTERS;
        self.each(Span::Quarter, range.start..inner.start, |_, value, totals| add(value, totals))?;
        self.each(Span::Day, days, |_, value, totals| add(value, totals))?;
        self.each(Span::Quarter, inner.end..range.end, |_, value, totals| add(value, totals))
    }

    fn each(
        &self,
        span: Span,
        starts: Range<u64>,
        mut add: impl FnMut(u64, i64, &Totals),
    ) -> Result<(), QueryError> {
        if starts.is_empty() {
            return Ok(());
        }
        let mut find = self.connection.prepare_cached(
            "SELECT start, value, payments, gross, refunds, refunded FROM cell WHERE account = ?1 \
             AND asset = ?2 AND dimension = ?3 AND span = ?4 AND start >= ?5 AND start < ?6",
        )?;
        let (start, end) = (starts.start.cast_signed(), starts.end.cast_signed());
        let what = (self.account, self.asset, self.dimension as u8, span as u8, start, end);
        let mut rows = find.query(what)?;
        while let Some(row) = rows.next()? {
            let start: i64 = row.get(0)?;
            let (payments, refunds): (i64, i64) = (row.get(2)?, row.get(4)?);
            let totals = Totals {
                payments: payments.cast_unsigned(),
                gross: from_bytes(row.get_ref(3)?.as_bytes().unwrap_or_default())?,
                refunds: refunds.cast_unsigned(),
                refunded: from_bytes(row.get_ref(5)?.as_bytes().unwrap_or_default())?,
            };
            add(start.cast_unsigned(), row.get(1)?, &totals);
        }
        Ok(())
    }
}

fn value_of(
    connection: &Connection,
    dimension: Dimension,
    value: i64,
) -> Result<IncomeValue, QueryError> {
    Ok(match dimension {
        Dimension::Time => IncomeValue::All,
        Dimension::Offer => {
            let mut find =
                connection.prepare_cached("SELECT id, title FROM offer WHERE tag = ?1")?;
            let mut rows = find.query((value,))?;
            let named =
                rows.next()?.map(|row| Ok::<_, rusqlite::Error>((row.get(0)?, row.get(1)?)));
            IncomeValue::Offer { tag: value.cast_unsigned(), named: named.transpose()? }
        }
        Dimension::Country => IncomeValue::Country(country_of(value)),
        Dimension::Class => IncomeValue::Class(class_of(value)),
    })
}

/// Two letters of a number; `None` for 0 and for what is no two capitals.
pub(super) fn country_of(value: i64) -> Option<String> {
    let letters = u16::try_from(value).ok()?.to_be_bytes();
    letters.iter().all(u8::is_ascii_uppercase).then(|| letters.map(char::from).iter().collect())
}

pub(super) fn class_of(value: i64) -> PayerClass {
    PayerClass::ALL.into_iter().find(|class| i64::from(*class as u8) == value).unwrap_or_default()
}
