//! Questions that somebody may ask about the past, drawn from what the books hold.

use ledger::{Filter, Order, PAGE_ROWS_MAX, Sides};
use money::AccountId;

use crate::oracle::Books;
use crate::question::{Question, Span};
use crate::random::Random;

/// A question, most of the time one that has an answer.
pub fn question(random: &mut Random, books: &Books) -> Question {
    let accounts: Vec<AccountId> = books.accounts.keys().copied().collect();
    let account = random.pick(&accounts).copied();
    let account = account.filter(|_| !random.chance(30)).or(AccountId::new(9_999_999).ok());
    let span = span(random, books);
    let Some(account) = account else {
        return Question::TransfersBy { filter: Filter::ANY, span };
    };
    match random.below(6) {
        0 => {
            let sides = [Sides::DEBIT, Sides::CREDIT, Sides::BOTH, Sides::BOTH, Sides::NONE];
            let sides = random.pick(&sides).copied().unwrap_or(Sides::BOTH);
            Question::TransfersOf { account, sides, filter: filter(random, books), span }
        }
        1 => Question::TransfersBy { filter: filter(random, books), span },
        2 => Question::AccountsBy { filter: filter(random, books), span },
        3 => Question::HistoryOf { account, span },
        4 => Question::BalancesAt { account, timestamp_ns: time(random, books) },
        _ => {
            let end = books.past.len() as u64;
            Question::Changes { position: random.below(end + 2), limit: limit(random) }
        }
    }
}

fn filter(random: &mut Random, books: &Books) -> Filter {
    let mut filter = Filter::ANY;
    if random.chance(300) {
        let asset = books.accounts.values().map(|state| state.account.asset).collect::<Vec<_>>();
        filter.asset = random.pick(&asset).copied();
    }
    if random.chance(300) {
        filter.code = u16::try_from(random.below(5)).ok();
    }
    if random.chance(300) {
        filter.user_data = Some(u128::from(random.below(6)));
    }
    if random.chance(300) {
        filter.user_data_64 = Some(random.below(6));
    }
    if random.chance(300) {
        filter.user_data_32 = u32::try_from(random.below(6)).ok();
    }
    filter
}

fn limit(random: &mut Random) -> usize {
    match random.below(40) {
        0 => 0,
        1 => PAGE_ROWS_MAX + 1,
        2 => PAGE_ROWS_MAX,
        _ => 1 + random.index(64),
    }
}

/// A time near something that happened.
fn time(random: &mut Random, books: &Books) -> u64 {
    let near = random.pick(&books.past).map_or(0, |past| past.timestamp_ns);
    match random.below(4) {
        0 => near.saturating_sub(1),
        1 => near + 1,
        _ => near,
    }
}

fn span(random: &mut Random, books: &Books) -> Span {
    let (mut since_ns, mut until_ns) = (0, u64::MAX);
    if random.chance(400) {
        since_ns = time(random, books);
    }
    if random.chance(400) {
        until_ns = time(random, books);
    }
    if since_ns > until_ns && random.chance(900) {
        (since_ns, until_ns) = (until_ns, since_ns);
    }
    let order = if random.chance(600) { Order::NewestFirst } else { Order::OldestFirst };
    Span { since_ns, until_ns, order, limit: limit(random) }
}
