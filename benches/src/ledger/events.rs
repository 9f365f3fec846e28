//! The events that a workload sends, made as cheaply as possible because whoever makes them shares the
//! cores with what is measured.
//!
//! As in the benchmark of the best-known financial database: accounts without limits, every field of
//! user data and the code random, amounts exponential with a mean of about 10,000, both accounts
//! drawn evenly and never equal, ids in order of time. The same seed gives the same events but for
//! the beginning of the ids.

use anyhow::{Context, Result};
use benches::random::Random;
use ledger::{Account, Kind, Limit, Transfer};
use money::{AccountId, Asset, TransferId};

/// The account on one side of every transfer of a hot workload.
const HOT_ACCOUNT: u64 = 1;
const AMOUNT_MEAN: f64 = 10_000.0;
const AMOUNTS: u32 = 4096;
const SEED: u64 = 42;
/// Bits below the time in an id.
const ID_COUNTER_BITS: u32 = 80;
/// Holds outlive every run, so that each is ended by its post; the exact second differs.
const TIMEOUT_SECONDS: u32 = 3_600;

/// Which accounts the transfers touch.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Sides {
    /// Both drawn from all.
    Uniform,
    /// One account gives in every transfer.
    HotDebit,
    /// One account receives in every transfer.
    HotCredit,
}

/// How ids follow each other.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Ids {
    /// Time of the start, then counted up.
    Ascending,
    /// 128 random bits.
    Random,
}

/// What is drawn from.
#[derive(Debug, Clone, Copy)]
pub(crate) struct Mix {
    pub(crate) accounts: u64,
    pub(crate) sides: Sides,
    pub(crate) ids: Ids,
    /// Past balances of every account are kept.
    pub(crate) history: bool,
}

/// Makes events, one batch after another.
pub(crate) struct Events {
    mix: Mix,
    random: Random,
    next_id: u128,
    asset: Asset,
    amounts: Vec<u128>,
}

impl Events {
    /// `start_ms` is the Unix time that ascending ids begin with.
    pub(crate) fn new(mix: Mix, start_ms: u64) -> Result<Self> {
        Ok(Self {
            mix,
            random: Random::new(SEED),
            next_id: (u128::from(start_ms) << ID_COUNTER_BITS) | 1,
            asset: Asset::new("USD", 9).context("not an asset")?,
            amounts: (0..AMOUNTS).map(amount).collect(),
        })
    }

    /// Creates accounts `first..first + count`, numbered from 1.
    pub(crate) fn accounts(&mut self, first: u64, count: u64) -> Result<Vec<Account>> {
        (first..first + count).map(|number| self.account(number)).collect()
    }

    fn account(&mut self, number: u64) -> Result<Account> {
        let small = self.random.draw();
        Ok(Account {
            id: AccountId::new(u128::from(number))?,
            asset: self.asset,
            code: 1,
            user_data: self.random.draw_wide(),
            user_data_64: self.random.draw(),
            user_data_32: low_32(small),
            limit: Limit::None,
            history: self.mix.history,
            closed: false,
            linked: false,
        })
    }

    /// Moves money at once. A function of its own in the program, so that its instructions can be told
    /// from those of the ledger.
    #[inline(never)]
    pub(crate) fn transfers(&mut self, count: usize) -> Result<Vec<Transfer>> {
        (0..count).map(|_| self.transfer(Kind::SINGLE)).collect()
    }

    /// Holds money.
    pub(crate) fn pendings(&mut self, count: usize) -> Result<Vec<Transfer>> {
        (0..count)
            .map(|_| {
                let more = low_32(self.random.below(u64::from(TIMEOUT_SECONDS)));
                self.transfer(Kind::pending(TIMEOUT_SECONDS + more))
            })
            .collect()
    }

    /// Posts all of each hold.
    pub(crate) fn posts(&mut self, pendings: &[Transfer]) -> Result<Vec<Transfer>> {
        pendings
            .iter()
            .map(|pending| {
                let id = self.id()?;
                Ok(Transfer { amount: pending.amount, ..pending.post(id, pending.amount) })
            })
            .collect()
    }

    fn transfer(&mut self, kind: Kind) -> Result<Transfer> {
        let (debit, credit) = self.pair();
        let small = self.random.draw();
        let amount = usize::try_from((small >> 48) % u64::from(AMOUNTS))?;
        Ok(Transfer {
            id: self.id()?,
            kind,
            debit_account: AccountId::new(u128::from(debit))?,
            credit_account: AccountId::new(u128::from(credit))?,
            asset: self.asset,
            amount: self.amounts[amount],
            code: u16::try_from((small >> 32) & 0xffff)?.max(1),
            user_data: self.random.draw_wide(),
            user_data_64: self.random.draw(),
            user_data_32: low_32(small),
            linked: false,
        })
    }

    fn id(&mut self) -> Result<TransferId> {
        let id = match self.mix.ids {
            Ids::Ascending => self.next_id,
            Ids::Random => self.random.draw_wide(),
        };
        self.next_id += 1;
        TransferId::new(id).context("a reserved id was drawn")
    }

    /// Two different accounts: the second is some steps after the first, around the end.
    fn pair(&mut self) -> (u64, u64) {
        let accounts = self.mix.accounts;
        let first = match self.mix.sides {
            Sides::Uniform => self.random.below(accounts) + 1,
            Sides::HotDebit | Sides::HotCredit => HOT_ACCOUNT,
        };
        let steps = self.random.below(accounts - 1) + 1;
        let sum = first + steps;
        let second = if sum > accounts { sum - accounts } else { sum };
        if self.mix.sides == Sides::HotCredit { (second, first) } else { (first, second) }
    }
}

/// Amounts of an exponential distribution at evenly spaced probabilities, at least one unit.
fn amount(index: u32) -> u128 {
    let probability = (f64::from(index) + 0.5) / f64::from(AMOUNTS);
    let units = -(1.0 - probability).ln() * AMOUNT_MEAN;
    #[expect(clippy::cast_possible_truncation, clippy::cast_sign_loss, reason = "0 to 100,000")]
    let units = units as u128;
    units + 1
}

fn low_32(value: u64) -> u32 {
    u32::try_from(value & u64::from(u32::MAX)).unwrap_or(u32::MAX)
}

#[cfg(test)]
mod tests {
    use std::collections::BTreeSet;

    use super::*;

    fn events(sides: Sides, ids: Ids) -> Events {
        Events::new(Mix { accounts: 10, sides, ids, history: true }, 1_700_000_000_000).unwrap()
    }

    #[test]
    fn both_sides_are_drawn_evenly_and_never_equal() {
        let transfers = events(Sides::Uniform, Ids::Ascending).transfers(10_000).unwrap();
        let mut counts = [[0_u32; 11]; 2];
        for transfer in &transfers {
            assert_ne!(transfer.debit_account, transfer.credit_account);
            for (side, id) in [transfer.debit_account, transfer.credit_account].iter().enumerate() {
                counts[side][usize::try_from(id.get()).unwrap()] += 1;
            }
        }
        for side in counts {
            assert_eq!(side[0], 0);
            assert!(side[1..].iter().all(|count| (850..1_150).contains(count)), "{side:?}");
        }
        let sum: u128 = transfers.iter().map(|transfer| transfer.amount).sum();
        assert!((9_000..11_000).contains(&(sum / 10_000)), "{sum}");
    }

    #[test]
    fn a_hot_account_is_on_its_side_of_every_transfer() {
        let hot = AccountId::new(u128::from(HOT_ACCOUNT)).unwrap();
        let debits = events(Sides::HotDebit, Ids::Ascending).transfers(500).unwrap();
        assert!(debits.iter().all(|made| made.debit_account == hot && made.credit_account != hot));
        let credits = events(Sides::HotCredit, Ids::Ascending).transfers(500).unwrap();
        assert!(credits.iter().all(|made| made.credit_account == hot && made.debit_account != hot));
    }

    #[test]
    fn ids_ascend_or_are_spread_and_never_come_twice() {
        let ascending = events(Sides::Uniform, Ids::Ascending).transfers(1_000).unwrap();
        assert!(ascending.is_sorted_by(|left, right| left.id < right.id));
        let random = events(Sides::Uniform, Ids::Random).transfers(1_000).unwrap();
        assert!(!random.is_sorted_by(|left, right| left.id < right.id));
        let distinct: BTreeSet<_> = random.iter().map(|made| made.id).collect();
        assert_eq!(distinct.len(), 1_000);
    }

    #[test]
    fn the_ledger_takes_every_event() {
        let mut events = events(Sides::Uniform, Ids::Ascending);
        let mut ledger = ledger::Ledger::new();
        let accounts = events.accounts(1, 10).unwrap();
        let Ok(made) = ledger.create_accounts(&accounts, 1_000);
        assert!(made.iter().all(|status| *status == ledger::CreateAccountStatus::Created));
        let pendings = events.pendings(100).unwrap();
        let posts = events.posts(&pendings).unwrap();
        let singles = events.transfers(100).unwrap();
        for (batch, at_ns) in [(&pendings, 2_000), (&posts, 3_000), (&singles, 4_000)] {
            let Ok(made) = ledger.create_transfers(batch, at_ns);
            assert!(made.iter().all(|status| *status == ledger::CreateTransferStatus::Created));
        }
    }
}
