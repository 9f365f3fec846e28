//! Lists of payments, newest first.
//!
//! A list is a walk down one of four orders, the one with the fewest payments that do not fit: what is
//! held or released, what an offer sold, what an account had, or all. Invariant: a page looks at
//! no more than [`EXAMINED_COUNT_MAX`] payments; where that does not fill it, its cursor leads on.

use engine::PayerClass;
use money::{AccountId, Amount, Asset, MandateId, PaymentId};
use rusqlite::{Connection, OptionalExtension, Row};

use super::income::{class_of, country_of};
use super::{QueryError, number_of};
use crate::store::{Reader, StoreError, from_bytes};

/// Payments that one page looks at. A selective filter gives short pages instead of a long wait.
const EXAMINED_COUNT_MAX: usize = 5_000;

const NANOSECONDS_PER_MILLISECOND: u64 = 1_000_000;

/// Where a listed payment stands.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
#[repr(u8)]
pub enum ListedState {
    /// The money is held.
    Held,
    /// The money was paid.
    Settled,
    /// Nothing was paid.
    Released,
}

/// Which payments.
#[derive(Debug, Clone, Copy, Default)]
pub struct PaymentsQuery {
    /// That this account pays or gets a part of; held and released ones of its payer and its first
    /// payee only.
    pub account: Option<AccountId>,
    /// Of the offer with this tag.
    pub offer: Option<u64>,
    /// In this state.
    pub state: Option<ListedState>,
    /// Authorized at this time or later, Unix milliseconds.
    pub from_ms: Option<u64>,
    /// Authorized before this time, Unix milliseconds.
    pub to_ms: Option<u64>,
    /// Before this place of the list: `next` of the page before.
    pub before: Option<u64>,
    /// Most payments.
    pub limit: usize,
}

/// A page of payments.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentsPage {
    /// Newest first. There may be fewer than asked for, although there are more to come.
    pub payments: Vec<Listed>,
    /// Leads to the rest; `None` at the end.
    pub next: Option<u64>,
}

/// A payment of a list.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Listed {
    /// Position of its first event.
    pub position: u64,
    /// The payment.
    pub payment: PaymentId,
    /// Who pays.
    pub payer: AccountId,
    /// Who is paid; of a split, the first.
    pub payee: AccountId,
    /// What was authorized.
    pub amount: Amount,
    /// What was paid; zero unless settled.
    pub settled: Amount,
    /// What the account that was asked about got or would get of it, if that is a part.
    pub share: Option<u128>,
    /// What went back, base units.
    pub refunded: u128,
    /// Where it stands.
    pub state: ListedState,
    /// Tag of the offer, 0 without.
    pub offer: u64,
    /// Id and title of the offer, if ever heard.
    pub offer_named: Option<(String, String)>,
    /// The payer's country.
    pub country: Option<String>,
    /// Kind of payer.
    pub class: PayerClass,
    /// When it was authorized, Unix nanoseconds.
    pub at_ns: u64,
    /// When it was settled or released, Unix nanoseconds.
    pub ended_ns: Option<u64>,
    /// The mandate under which it was made.
    pub mandate: Option<MandateId>,
    /// What was bought.
    pub description: String,
}

/// Money that went back.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct RefundRow {
    /// The refund, 128 bits.
    pub id: u128,
    /// Of this payment.
    pub payment: PaymentId,
    /// Base units.
    pub units: u128,
    /// Unix nanoseconds.
    pub at_ns: u64,
    /// Why.
    pub reason: String,
}

impl Reader {
    /// A page of payments.
    pub fn payments(&self, query: &PaymentsQuery) -> Result<PaymentsPage, QueryError> {
        self.ask(|connection| {
            let empty = PaymentsPage { payments: Vec::new(), next: None };
            let Some(account) = number_of(connection, query.account)? else {
                return Ok(empty);
            };
            let first = first_since(connection, query.from_ms)?;
            let mut end = query.before.map_or(i64::MAX, u64::cast_signed);
            if query.to_ms.is_some() {
                end = end.min(first_since(connection, query.to_ms)?);
            }
            if first >= end || query.limit == 0 {
                return Ok(empty);
            }
            walk(connection, query, account, first, end)
        })
    }

    /// Refunds of a payment, oldest first.
    pub fn refunds_of(&self, payment: PaymentId) -> Result<Vec<RefundRow>, QueryError> {
        self.ask(|connection| {
            let mut find = connection.prepare_cached(
                "SELECT id, units, at_ns, reason FROM refund WHERE payment = ?1 ORDER BY seq",
            )?;
            let mut rows = find.query((payment.to_be_bytes(),))?;
            let mut found = Vec::new();
            while let Some(row) = rows.next()? {
                found.push(RefundRow {
                    id: u128::from_be_bytes(row.get(0)?),
                    payment,
                    units: units(row, 1)?,
                    at_ns: row.get::<_, i64>(2)?.cast_unsigned(),
                    reason: row.get(3)?,
                });
            }
            Ok(found)
        })
    }
}

/// Goes down the order with the fewest that do not fit.
fn walk(
    connection: &Connection,
    query: &PaymentsQuery,
    account: i64,
    first: i64,
    end: i64,
) -> Result<PaymentsPage, QueryError> {
    let offer = query.offer.map(u64::cast_signed);
    let unsettled = query.state.filter(|state| *state != ListedState::Settled);
    let (order, key): (&str, (i64, i64)) = match (unsettled, offer) {
        (Some(state), _) => {
            ("SELECT seq FROM unsettled WHERE account = ?1 AND state = ?2", (account, state as i64))
        }
        (None, Some(offer)) if is_sold_by(connection, offer, account)? => {
            ("SELECT seq FROM of_offer WHERE offer = ?1 AND ?2 = 0", (offer, 0))
        }
        _ if account != 0 => ("SELECT seq FROM entry WHERE account = ?1 AND ?2 = 0", (account, 0)),
        _ => ("SELECT seq FROM payment WHERE ?1 = 0 AND ?2 = 0", (0, 0)),
    };
    let order = format!("{order} AND seq >= ?3 AND seq < ?4 ORDER BY seq DESC");
    let mut find = connection.prepare_cached(&order)?;
    let mut rows = find.query((key.0, key.1, first, end))?;
    let mut page = PaymentsPage { payments: Vec::new(), next: None };
    let mut examined = 0;
    while let Some(row) = rows.next()? {
        let seq: i64 = row.get(0)?;
        if page.payments.len() == query.limit || examined == EXAMINED_COUNT_MAX {
            page.next = Some((seq + 1).cast_unsigned());
            break;
        }
        examined += 1;
        page.payments.extend(fitting(connection, query, account, seq)?);
    }
    Ok(page)
}

/// The offer's list is a good way to find the account's payments: its newest is the account's.
fn is_sold_by(connection: &Connection, offer: i64, account: i64) -> Result<bool, QueryError> {
    if account == 0 {
        return Ok(true);
    }
    let mut find = connection.prepare_cached(
        "SELECT EXISTS (SELECT 1 FROM entry WHERE account = ?2 AND seq = \
         (SELECT max(seq) FROM of_offer WHERE offer = ?1))",
    )?;
    Ok(find.query_row((offer, account), |row| row.get(0))?)
}

/// The payment, if it is one of those asked for. What it is told by is read last: of many that are
/// looked at few may fit.
fn fitting(
    connection: &Connection,
    query: &PaymentsQuery,
    account: i64,
    seq: i64,
) -> Result<Option<Listed>, QueryError> {
    let mut share = None;
    if account != 0 {
        let mut find =
            connection.prepare_cached("SELECT share FROM entry WHERE account = ?1 AND seq = ?2")?;
        let found: Option<Option<Vec<u8>>> =
            find.query_row((account, seq), |row| row.get(0)).optional()?;
        let Some(found) = found else {
            return Ok(None);
        };
        share = found.map(|bytes| from_bytes(&bytes)).transpose()?;
    }
    if (query.state.is_some() || query.offer.is_some()) && !is_asked_for(connection, query, seq)? {
        return Ok(None);
    }
    let mut find = connection.prepare_cached(
        "SELECT payment.id, payer.id, payee.id, asset.code, asset.scale, amount, settled, state,
                payment.offer, country, class, at_ns, ended_ns, mandate, description, named.id,
                named.title
         FROM payment
         JOIN account AS payer ON payer.number = payer JOIN account AS payee ON payee.number = payee
         JOIN asset ON asset.number = asset LEFT JOIN offer AS named ON named.tag = payment.offer
         WHERE seq = ?1",
    )?;
    let mut rows = find.query((seq,))?;
    let Some(row) = rows.next()? else {
        return Ok(None);
    };
    let mut listed = listed(row, seq)?;
    listed.share = share;
    listed.refunded = refunded(connection, listed.payment)?;
    Ok(Some(listed))
}

fn is_asked_for(
    connection: &Connection,
    query: &PaymentsQuery,
    seq: i64,
) -> Result<bool, QueryError> {
    let mut find = connection.prepare_cached("SELECT state, offer FROM payment WHERE seq = ?1")?;
    let (state, offer): (u8, i64) = find.query_row((seq,), |row| Ok((row.get(0)?, row.get(1)?)))?;
    let is_state = query.state.is_none_or(|asked| asked as u8 == state);
    Ok(is_state && query.offer.is_none_or(|asked| asked == offer.cast_unsigned()))
}

fn listed(row: &Row<'_>, seq: i64) -> Result<Listed, QueryError> {
    let damaged = |what| StoreError::Damaged(what);
    let (code, scale): (String, u8) = (row.get(3)?, row.get(4)?);
    let asset = Asset::new(&code, scale).map_err(|_| damaged("asset"))?;
    let account = |bytes| AccountId::from_be_bytes(bytes).map_err(|_| damaged("account"));
    let mandate: Option<[u8; 16]> = row.get(13)?;
    let mandate = mandate.map(MandateId::from_be_bytes).transpose();
    let named: Option<String> = row.get(15)?;
    let title: Option<String> = row.get(16)?;
    Ok(Listed {
        position: seq.cast_unsigned(),
        payment: PaymentId::from_be_bytes(row.get(0)?).map_err(|_| damaged("payment"))?,
        payer: account(row.get(1)?)?,
        payee: account(row.get(2)?)?,
        amount: Amount::new(units(row, 5)?, asset),
        settled: Amount::new(units(row, 6)?, asset),
        share: None,
        refunded: 0,
        state: match row.get(7)? {
            0_u8 => ListedState::Held,
            1 => ListedState::Settled,
            2 => ListedState::Released,
            _ => return Err(damaged("state of a payment").into()),
        },
        offer: row.get::<_, i64>(8)?.cast_unsigned(),
        offer_named: named.zip(title),
        country: country_of(row.get(9)?),
        class: class_of(row.get(10)?),
        at_ns: row.get::<_, i64>(11)?.cast_unsigned(),
        ended_ns: row.get::<_, Option<i64>>(12)?.map(i64::cast_unsigned),
        mandate: mandate.map_err(|_| damaged("mandate"))?,
        description: row.get(14)?,
    })
}

/// Base units of a column; none are zero.
fn units(row: &Row<'_>, column: usize) -> Result<u128, QueryError> {
    Ok(from_bytes(row.get_ref(column)?.as_bytes_or_null().ok().flatten().unwrap_or_default())?)
}

fn refunded(connection: &Connection, payment: PaymentId) -> Result<u128, QueryError> {
    let mut find = connection.prepare_cached("SELECT units FROM refund WHERE payment = ?1")?;
    let mut rows = find.query((payment.to_be_bytes(),))?;
    let mut sum = 0_u128;
    while let Some(row) = rows.next()? {
        sum = sum.saturating_add(units(row, 0)?);
    }
    Ok(sum)
}

/// Place of the first payment of this time or later. Places and times rise together.
fn first_since(connection: &Connection, since_ms: Option<u64>) -> Result<i64, QueryError> {
    let Some(since_ms) = since_ms else {
        return Ok(0);
    };
    let since_ns = since_ms.saturating_mul(NANOSECONDS_PER_MILLISECOND);
    let since_ns = i64::try_from(since_ns).unwrap_or(i64::MAX);
    let mut after = connection
        .prepare_cached("SELECT seq, at_ns FROM payment WHERE seq >= ?1 ORDER BY seq LIMIT 1")?;
    let mut last = connection.prepare_cached("SELECT max(seq) FROM payment")?;
    let last: Option<i64> = last.query_row([], |row| row.get(0))?;
    // All places below `low` are earlier, all from `high` on are not.
    let (mut low, mut high) = (0, last.map_or(0, |last| last + 1));
    while low < high {
        let middle = low + (high - low) / 2;
        let (seq, at_ns): (i64, i64) =
            after.query_row((middle,), |row| Ok((row.get(0)?, row.get(1)?)))?;
        if at_ns < since_ns {
            low = seq + 1;
        } else {
            high = middle;
        }
    }
    Ok(low)
}
