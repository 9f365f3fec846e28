//! The naive answers to questions: every row looked at, from one end to the other.

use ledger::{
    Account, Balances, BalancesAt, Change, ChangeKind, Filter, Order, PAGE_ROWS_MAX, QueryError,
    Sides, Transfer,
};
use money::AccountId;

use super::books::Books;
use crate::question::{Found, PAGES_MAX, Question, Span};

impl Books {
    /// The right answer.
    pub fn answer(&self, question: &Question) -> Found {
        let found = match *question {
            Question::TransfersOf { account, sides, filter, span } => {
                self.transfers_of(account, sides, &filter, span)
            }
            Question::TransfersBy { filter, span } => {
                self.transfers(span, |transfer| fits_transfer(&filter, transfer))
            }
            Question::AccountsBy { filter, span } => self.accounts_by(&filter, span),
            Question::HistoryOf { account, span } => self.history_of(account, span),
            Question::BalancesAt { account, timestamp_ns } => {
                self.balances_at(account, timestamp_ns)
            }
            Question::Changes { position, limit } => self.changes(position, limit),
        };
        found.unwrap_or_else(Found::Refused)
    }

    fn transfers_of(
        &self,
        account: AccountId,
        sides: Sides,
        filter: &Filter,
        span: Span,
    ) -> Result<Found, QueryError> {
        check(span)?;
        if sides == Sides::NONE {
            return Err(QueryError::SidesMustNotBeEmpty);
        }
        if !self.accounts.contains_key(&account) {
            return Err(QueryError::AccountNotFound);
        }
        self.transfers(span, |transfer| {
            let is_on = (sides.debit && transfer.debit_account == account)
                || (sides.credit && transfer.credit_account == account);
            is_on && fits_transfer(filter, transfer)
        })
    }

    fn transfers(&self, span: Span, fits: impl Fn(&Transfer) -> bool) -> Result<Found, QueryError> {
        check(span)?;
        let rows = self.past.iter().filter_map(|past| match past.kind {
            ChangeKind::TransferCreated(transfer) if fits(&transfer) => {
                let state = self.transfers.get(&transfer.id)?;
                Some((past.timestamp_ns, *state))
            }
            _ => None,
        });
        Ok(Found::Transfers(cut(span, rows.collect())))
    }

    fn accounts_by(&self, filter: &Filter, span: Span) -> Result<Found, QueryError> {
        check(span)?;
        let rows = self.past.iter().filter_map(|past| match past.kind {
            ChangeKind::AccountCreated(account) if fits_account(filter, &account) => {
                let state = self.accounts.get(&account.id)?;
                Some((past.timestamp_ns, *state))
            }
            _ => None,
        });
        Ok(Found::Accounts(cut(span, rows.collect())))
    }

    fn history_of(&self, account: AccountId, span: Span) -> Result<Found, QueryError> {
        check(span)?;
        Ok(Found::History(cut(span, self.history(account)?)))
    }

    fn history(&self, account: AccountId) -> Result<Vec<(u64, BalancesAt)>, QueryError> {
        let state = self.accounts.get(&account).ok_or(QueryError::AccountNotFound)?;
        if !state.account.history {
            return Err(QueryError::AccountHasNoHistory);
        }
        let rows = self.past.iter().filter_map(|past| {
            let ChangeKind::TransferCreated(transfer) = past.kind else {
                return None;
            };
            let [debit, credit] = past.after;
            let balances = if transfer.debit_account == account {
                debit
            } else if transfer.credit_account == account {
                credit
            } else {
                return None;
            };
            let timestamp_ns = past.timestamp_ns;
            Some((timestamp_ns, BalancesAt { timestamp_ns, balances }))
        });
        Ok(rows.collect())
    }

    fn balances_at(&self, account: AccountId, at_ns: u64) -> Result<Found, QueryError> {
        let history = self.history(account)?;
        let created_ns = self.accounts.get(&account).map_or(0, |state| state.timestamp_ns);
        if at_ns < created_ns {
            return Err(QueryError::AccountNotFound);
        }
        let mut last = BalancesAt { timestamp_ns: created_ns, balances: Balances::default() };
        for (timestamp_ns, moment) in history {
            if timestamp_ns <= at_ns {
                last = moment;
            }
        }
        Ok(Found::Balances(last))
    }

    fn changes(&self, from: u64, limit: usize) -> Result<Found, QueryError> {
        check_limit(limit)?;
        if from > self.past.len() as u64 {
            return Err(QueryError::PositionNotReached);
        }
        let all = (0_u64..).zip(&self.past);
        let rest = all.filter(|(position, _)| *position >= from).take(limit * PAGES_MAX);
        let change = |(position, past): (u64, &super::books::Happened)| Change {
            position,
            timestamp_ns: past.timestamp_ns,
            kind: past.kind,
        };
        Ok(Found::Changes(rest.map(change).collect()))
    }
}

fn check_limit(limit: usize) -> Result<(), QueryError> {
    if limit == 0 {
        Err(QueryError::LimitMustNotBeZero)
    } else if limit > PAGE_ROWS_MAX {
        Err(QueryError::LimitTooLarge)
    } else {
        Ok(())
    }
}

fn check(span: Span) -> Result<(), QueryError> {
    check_limit(span.limit)?;
    if span.since_ns > span.until_ns { Err(QueryError::TimeEndsBeforeItBegins) } else { Ok(()) }
}

/// The rows of a span, in its order, as far as the pages of a question reach.
fn cut<R>(span: Span, mut rows: Vec<(u64, R)>) -> Vec<R> {
    rows.retain(|(timestamp_ns, _)| (span.since_ns..=span.until_ns).contains(timestamp_ns));
    if span.order == Order::NewestFirst {
        rows.reverse();
    }
    rows.into_iter().map(|(_, row)| row).take(span.limit * PAGES_MAX).collect()
}

fn fits_transfer(filter: &Filter, transfer: &Transfer) -> bool {
    filter.asset.is_none_or(|asset| asset == transfer.asset)
        && filter.code.is_none_or(|code| code == transfer.code)
        && filter.user_data.is_none_or(|data| data == transfer.user_data)
        && filter.user_data_64.is_none_or(|data| data == transfer.user_data_64)
        && filter.user_data_32.is_none_or(|data| data == transfer.user_data_32)
}

fn fits_account(filter: &Filter, account: &Account) -> bool {
    filter.asset.is_none_or(|asset| asset == account.asset)
        && filter.code.is_none_or(|code| code == account.code)
        && filter.user_data.is_none_or(|data| data == account.user_data)
        && filter.user_data_64.is_none_or(|data| data == account.user_data_64)
        && filter.user_data_32.is_none_or(|data| data == account.user_data_32)
}
