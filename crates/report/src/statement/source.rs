//! A statement from the ledger: found, walked through once to know its balances, written as it is
//! read.
//!
//! The account's balance and its newest transfer are read in one moment. From there a walk back to the
//! begin of the period gives the closing and the opening balance; a second walk, forward, writes the
//! entries. Pages are small, because each is read on the writer between two batches of payments.

use engine::{AskError, Coded, Engine, Retry, Unavailable};
use ledger::{Filter, Order, Page, Sides, TransferState};
use money::AccountId;

use super::{Head, Line, StatementFormat, Sums, Writer, difference};
use crate::money_text::is_currency;

/// Transfers that are read at once: about a millisecond of the writer.
const PAGE_TRANSFERS_COUNT_MAX: usize = 256;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// Why there is no statement, or no more of it.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum StatementError {
    /// The time ends before it begins.
    #[error("the time must end after it begins")]
    TimeEmpty,
    /// No such account.
    #[error("there is no such account")]
    AccountUnknown,
    /// A bank's file names a currency.
    #[error("camt.053 states currencies of three letters only; take csv or jsonl")]
    NoCurrency,
    /// More batches than a bank's file should have.
    #[error("the period is too long for camt.053; take a shorter one, or csv or jsonl")]
    PeriodTooLong,
    /// A sum does not fit.
    #[error("a sum is too large for this format")]
    TooLarge,
    /// The entries do not lead from the opening to the closing balance.
    #[error("the entries do not sum to the balance; run `farthing fsck`")]
    DoesNotSum,
    /// The engine cannot answer now.
    #[error(transparent)]
    Unavailable(#[from] Unavailable),
}

impl Coded for StatementError {
    fn code(&self) -> &'static str {
        match self {
            Self::TimeEmpty => "time_empty",
            Self::AccountUnknown => "account_unknown",
            Self::NoCurrency => "no_currency",
            Self::PeriodTooLong => "period_too_long",
            Self::TooLarge => "sum_too_large",
            Self::DoesNotSum => "statement_does_not_sum",
            Self::Unavailable(inner) => inner.code(),
        }
    }

    fn http_status(&self) -> u16 {
        match self {
            Self::TimeEmpty => 400,
            Self::AccountUnknown => 404,
            Self::NoCurrency | Self::PeriodTooLong | Self::TooLarge => 422,
            Self::DoesNotSum => 500,
            Self::Unavailable(inner) => inner.http_status(),
        }
    }

    fn retry(&self) -> Retry {
        match self {
            Self::Unavailable(inner) => inner.retry(),
            _ => Retry::Never,
        }
    }
}

impl From<AskError> for StatementError {
    fn from(error: AskError) -> Self {
        match error {
            AskError::Refused(_) => Self::AccountUnknown,
            AskError::Unavailable(inner) => Self::Unavailable(inner),
        }
    }
}

/// A statement that is being read.
#[derive(Debug)]
pub struct Statement {
    engine: Engine,
    writer: Writer,
    page: Option<Page>,
    is_begun: bool,
}

impl Statement {
    /// Finds the balances of an account at both ends of a period, Unix milliseconds; the end is not
    /// part of it. Transfers of this very moment on are left out, whatever the end.
    pub async fn of(
        engine: &Engine,
        account: AccountId,
        (from_ms, to_ms): (u64, u64),
        format: StatementFormat,
    ) -> Result<Self, StatementError> {
        if from_ms >= to_ms {
            return Err(StatementError::TimeEmpty);
        }
        let now = Now::read(engine, account).await?;
        let since_ns = from_ms.saturating_mul(NANOSECONDS_PER_MILLISECOND);
        let until_ns = to_ms.saturating_mul(NANOSECONDS_PER_MILLISECOND).saturating_sub(1);
        let since = Page { since_ns, until_ns: now.last_ns, ..newest() };
        let (mut after, mut within) = (Sums::default(), Sums::default());
        let mut page = (since_ns <= now.last_ns).then_some(since);
        while let Some(asked) = page {
            let (lines, next) = read(engine, account, asked, false).await?;
            for line in lines {
                let sums = if line.at_ns > until_ns { &mut after } else { &mut within };
                if !sums.add(&line) {
                    return Err(StatementError::TooLarge);
                }
            }
            page = next;
        }
        let closing = now.balance.checked_sub(net(&after)?).ok_or(StatementError::TooLarge)?;
        let opening = closing.checked_sub(net(&within)?).ok_or(StatementError::TooLarge)?;
        let made_at_ms = engine.clock().now_ms();
        // What is to come is not part of a statement, whatever period was asked for.
        let to_ms = to_ms.min(made_at_ms.max(from_ms).saturating_add(1));
        let (node, asset, label) = (engine.node(), now.asset, now.label);
        if format == StatementFormat::Camt053 && !is_currency(asset) {
            return Err(StatementError::NoCurrency);
        }
        let head =
            Head { node, account, asset, label, from_ms, to_ms, made_at_ms, opening, closing };
        let until_ns = until_ns.min(now.last_ns);
        let first = Page { since_ns, until_ns, order: Order::OldestFirst, ..newest() };
        Ok(Self {
            engine: engine.clone(),
            writer: Writer::new(head, format),
            page: (since_ns <= until_ns).then_some(first),
            is_begun: false,
        })
    }

    /// What the statement says of itself.
    pub fn head(&self) -> &Head {
        &self.writer.head
    }

    /// The next piece of the statement; `None` behind the last. An error ends it.
    pub async fn next(&mut self) -> Result<Option<String>, StatementError> {
        if !self.is_begun {
            self.is_begun = true;
            return self.writer_begin();
        }
        let Some(page) = self.page else {
            return Ok(None);
        };
        let (lines, next) = read(&self.engine, self.writer.head.account, page, true).await?;
        self.page = next;
        let mut out = String::new();
        for line in &lines {
            self.writer.line(line, &mut out)?;
        }
        if self.page.is_none() {
            out.push_str(&self.writer.end()?);
        }
        Ok(Some(out))
    }

    fn writer_begin(&self) -> Result<Option<String>, StatementError> {
        let mut out = self.writer.begin();
        if self.page.is_none() {
            out.push_str(&self.writer.end()?);
        }
        Ok(Some(out))
    }
}

const fn newest() -> Page {
    Page::newest(PAGE_TRANSFERS_COUNT_MAX)
}

fn net(sums: &Sums) -> Result<i128, StatementError> {
    sums.net().ok_or(StatementError::TooLarge)
}

/// An account at one moment.
struct Now {
    asset: money::Asset,
    label: String,
    balance: i128,
    /// Time of its newest transfer; 0 if there is none.
    last_ns: u64,
}

impl Now {
    async fn read(engine: &Engine, account: AccountId) -> Result<Self, StatementError> {
        let read = engine.read(move |state| {
            let standing = state.lookup_accounts(&[account])?.into_iter().next().flatten();
            let Some(standing) = standing else {
                return Ok(None);
            };
            let last = state.transfers_of(account, Sides::BOTH, &Filter::ANY, &Page::newest(1))?;
            let label = state.account(account).map(|view| view.label);
            Ok::<_, AskError>(Some((standing, last, label.unwrap_or_default())))
        });
        let (standing, last, label) = read.await??.ok_or(StatementError::AccountUnknown)?;
        let balances = standing.balances;
        let balance = difference(balances.credits_posted, balances.debits_posted);
        Ok(Self {
            asset: standing.account.asset,
            label,
            balance: balance.ok_or(StatementError::TooLarge)?,
            last_ns: last.rows.first().map_or(0, |last| last.timestamp_ns),
        })
    }
}

/// A page of entries, with the words of their payments if they are wanted, and the page behind it.
async fn read(
    engine: &Engine,
    account: AccountId,
    page: Page,
    with_words: bool,
) -> Result<(Vec<Line>, Option<Page>), StatementError> {
    let read = engine.read(move |state| {
        let found = state.transfers_of(account, Sides::BOTH, &Filter::ANY, &page)?;
        let line = |transfer: &TransferState| {
            let mut line = Line::of(transfer, account)?;
            if let Some(payment) = line.payment().filter(|_| with_words) {
                line.description =
                    state.payment(payment).map(|view| view.description).unwrap_or_default();
            }
            Some(line)
        };
        let lines: Vec<Line> = found.rows.iter().filter_map(line).collect();
        let next = found.next.map(|cursor| Page { cursor: Some(cursor), ..page });
        Ok::<_, AskError>((lines, next))
    });
    Ok(read.await??)
}
