//! Everything that a node shows, compared with what it must be.

mod events;

use std::collections::BTreeMap;

use engine::{PaymentState, State};
use ledger::{AccountState, Change, PAGE_ROWS_MAX, Standing, Totals, TransferState};
use money::{Asset, PaymentId, TransferId};

use crate::node::Node;
use crate::oracle::{Books, Model};
use crate::question::{Found, Question, ask};
use crate::request::{Answer, Request};

/// What a comparison came to, if not to the same.
#[derive(Debug)]
pub enum Wrong {
    /// The node says that it cannot read its past, and names what is broken.
    Unreadable(String),
    /// It says something that is not so.
    Different(String),
}

impl From<Wrong> for String {
    fn from(wrong: Wrong) -> Self {
        match wrong {
            Wrong::Unreadable(why) => format!("the past cannot be read: {why}"),
            Wrong::Different(why) => why,
        }
    }
}

impl From<String> for Wrong {
    fn from(why: String) -> Self {
        Self::Different(why)
    }
}

impl From<&str> for Wrong {
    fn from(why: &str) -> Self {
        Self::Different(why.to_owned())
    }
}

fn unreadable(error: impl std::fmt::Debug) -> Wrong {
    Wrong::Unreadable(format!("{error:?}"))
}

/// The feed from a position to its end.
pub fn changes(state: &State, mut from: u64) -> Result<Vec<Change>, Wrong> {
    let mut all = Vec::new();
    loop {
        let page = state.ledger().changes(from, PAGE_ROWS_MAX);
        let page = page.map_err(unreadable)?;
        if page.changes.is_empty() {
            return Ok(all);
        }
        from = page.next;
        all.extend(page.changes);
    }
}

/// A writer that has stopped takes nothing any more.
pub fn stopped(node: &mut Node) -> Result<(), String> {
    let answer = node.send(u64::MAX, &Request::Transfers(Vec::new()));
    let (answers, _) = node.turn();
    match answer.or_else(|| answers.get(&u64::MAX).cloned()) {
        Some(Answer::Unavailable("node_stopped")) => Ok(()),
        other => Err(format!("a node that has stopped answered {other:?}")),
    }
}

/// Asks and compares.
pub fn questions(node: &mut Node, books: &Books, questions: &[Question]) -> Result<(), Wrong> {
    let asked = questions.to_vec();
    let found = node.look(move |state| {
        asked.iter().map(|question| ask(state.ledger(), question)).collect::<Vec<_>>()
    });
    let found = found.ok_or("the node stopped while it was asked")?;
    for (question, found) in questions.iter().zip(found) {
        if let Found::Unreadable(why) = found {
            return Err(Wrong::Unreadable(why));
        }
        let right = books.answer(question);
        if found != right {
            return Err(Wrong::Different(format!(
                "{question:?}\n    found {found:?}\n    right {right:?}"
            )));
        }
    }
    Ok(())
}

/// What a look at the whole state gives.
struct All {
    accounts: Vec<(Standing, AccountState)>,
    transfers: Vec<Option<TransferState>>,
    burned: Vec<bool>,
    feed: Vec<Change>,
    totals: Vec<(Asset, Totals)>,
    broken: Option<String>,
}

/// Everything that the model knows: the books and every payment.
pub fn everything(node: &mut Node, model: &Model, is_certain: bool) -> Result<(), Wrong> {
    let found = node.look(payments).ok_or("the node stopped while it was verified")?;
    books(node, &model.books, is_certain)?;
    model.check_payments()?;
    model.check_channels()?;
    model.check_refunds()?;
    model.check_mandates()?;
    events::check(node, model)?;
    let payments = model.payments.iter();
    let right: BTreeMap<_, _> =
        payments.map(|(id, payment)| (*id, (payment.state, payment.units))).collect();
    Ok(same("payment", found.iter(), right.iter())?)
}

/// Every account, every id, every balance counted again, the feed, the sums of every asset.
pub fn books(node: &mut Node, books: &Books, is_certain: bool) -> Result<(), Wrong> {
    let ids: Vec<TransferId> = books.transfers.keys().copied().collect();
    let burned: Vec<TransferId> = books.burned.iter().copied().collect();
    let look = move |state: &State| all(state, &ids, &burned);
    let all = node.look(look).ok_or("the node stopped while it was verified")??;
    if let Some(broken) = all.broken {
        return Err(format!("the ledger's own check: {broken}").into());
    }
    let mut accounts: Vec<&AccountState> = books.accounts.values().collect();
    accounts.sort_by_key(|state| state.timestamp_ns);
    same("account", all.accounts.iter().map(|(_, state)| state), accounts.into_iter())?;
    same("transfer", all.transfers.iter().flatten(), books.transfers.values())?;
    if is_certain && all.burned.contains(&false) {
        return Err("a burned id is free again".into());
    }
    same(
        "change",
        all.feed.iter().map(|change| (change.timestamp_ns, change.kind)),
        books.past.iter().map(|past| (past.timestamp_ns, past.kind)),
    )?;
    let recount = books.recount();
    for (standing, state) in &all.accounts {
        let counted = recount.get(&state.account.id).copied().unwrap_or_default();
        if counted != state.balances || *standing != standing_of(state) {
            return Err(format!("{state:?}, but its transfers come to {counted:?}").into());
        }
    }
    for (asset, totals) in all.totals {
        let (held, posted) = books.moved(asset);
        if (totals.debits_pending, totals.debits_posted) != (held, posted)
            || (totals.credits_pending, totals.credits_posted) != (held, posted)
        {
            return Err(
                format!("{asset}: {totals:?}, right is {held} held, {posted} posted").into()
            );
        }
    }
    Ok(())
}

fn payments(state: &State) -> BTreeMap<PaymentId, (PaymentState, u128)> {
    let payments = state.latest_payments(usize::MAX).into_iter();
    payments.map(|view| (view.payment, (view.state, view.settled.units()))).collect()
}

fn all(state: &State, ids: &[TransferId], burned: &[TransferId]) -> Result<All, Wrong> {
    let ledger = state.ledger();
    let mut accounts = Vec::new();
    for standing in ledger.accounts() {
        let found = ledger.account_state(standing.id).map_err(unreadable)?;
        accounts.push((standing, found.ok_or("an account has no beginning")?));
    }
    let transfers = ids.iter().map(|id| ledger.transfer(*id));
    let burned = burned.iter().map(|id| ledger.is_failed(*id));
    Ok(All {
        accounts,
        transfers: transfers.collect::<Result<_, _>>().map_err(unreadable)?,
        burned: burned.collect::<Result<_, _>>().map_err(unreadable)?,
        feed: changes(state, 0)?,
        totals: ledger.totals(),
        broken: ledger.check().err().map(|broken| broken.to_string()),
    })
}

/// What stays in memory of an account.
fn standing_of(state: &AccountState) -> Standing {
    let AccountState { account, balances, closed, .. } = *state;
    Standing {
        id: account.id,
        asset: account.asset,
        code: account.code,
        limit: account.limit,
        history: account.history,
        closed,
        balances,
    }
}

fn same<T: PartialEq + std::fmt::Debug>(
    what: &str,
    found: impl Iterator<Item = T>,
    right: impl Iterator<Item = T>,
) -> Result<(), String> {
    let (found, right): (Vec<T>, Vec<T>) = (found.collect(), right.collect());
    if let Some((found, right)) = found.iter().zip(&right).find(|(found, right)| found != right) {
        return Err(format!("{what}\n    found {found:?}\n    right {right:?}"));
    }
    if found.len() != right.len() {
        return Err(format!("{} of {} {what}s are there", found.len(), right.len()));
    }
    Ok(())
}
