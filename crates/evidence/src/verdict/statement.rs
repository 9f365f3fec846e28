//! Statements of accounts.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use money::{AccountId, Amount, Asset};

use super::time::utc;
use super::vouched::Vouched;
use super::{Sentences, words};
use crate::epoch::{Balances, Label};
use crate::record::Facts;
use crate::statement::Side;

/// What a statement proves.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct StatementVerdict {
    /// The account.
    pub account: AccountId,
    /// Its asset.
    pub asset: Asset,
    /// Its sums after the last entry.
    pub balances: Balances,
    /// How many holds are open.
    pub holds_count: usize,
    /// What happened, oldest first.
    pub lines: Vec<StatementLine>,
    /// The epoch that counts the account, if the statement has one.
    pub epoch: Option<CountedInEpoch>,
    /// On whose word.
    pub vouched: Vouched,
}

/// One entry of a statement.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct StatementLine {
    /// Which entry of the log it is, the first is 0.
    pub index: u64,
    /// What happened.
    pub facts: Facts,
    /// Whether the account gave or received.
    pub side: Side,
    /// The other account, if it is named.
    pub other: Option<AccountId>,
    /// The account's sums after it.
    pub balances: Balances,
}

/// An epoch that counts an account.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub struct CountedInEpoch {
    /// Which entry of the log the epoch record is.
    pub index: u64,
    /// Its number.
    pub number: u64,
    /// It covers the entries below this index.
    pub size: u64,
    /// When it was made, Unix milliseconds, as the node says.
    pub time_ms: u64,
    /// The account's label: the same in all epochs.
    pub label: Label,
    /// The account's sums that it counts.
    pub balances: Balances,
    /// What the operator owes in all, base units of the asset.
    pub liabilities: u128,
    /// How many entries of the statement are not covered yet.
    pub later_count: usize,
}

impl StatementLine {
    /// The entry in plain words.
    pub fn words(&self, account: AccountId) -> String {
        let (debit, credit) = match self.side {
            Side::Debit => (Some(account), self.other),
            Side::Credit => (self.other, Some(account)),
        };
        words::row(&self.facts, debit, credit)
    }
}

impl StatementVerdict {
    /// What is proven and what is not, in plain words.
    pub fn sentences(&self) -> Sentences {
        let mut said = Sentences::default();
        let Self { account, vouched, lines, .. } = self;
        let (log, of) = (&vouched.log, vouched.size_words());
        let first = lines.first().map_or(0, |line| line.index);
        let last = lines.last().map_or(0, |line| line.index);
        let text = match lines.len() {
            1 => format!(
                "The operator of {log} signed entry {last} {of} as all that happened to {account} \
                 so far: its creation."
            ),
            count => format!(
                "The operator of {log} signed {count} entries {of}, {first} to {last}, as all that \
                 happened to {account} from its creation up to the last of them."
            ),
        };
        said.proven("chain", text);
        said.proven("balance", self.balance_words());
        vouched.say(&mut said);
        match &self.epoch {
            Some(epoch) => self.say_epoch(epoch, &mut said),
            None => said.not_proven(
                "not_in_epoch",
                "That no newer entry was left out, and that what is owed to the account is counted \
                 among what the operator says it owes: the statement has no epoch.",
            ),
        }
        said.not_proven("owner", format!("That {account} belongs to a certain person."));
        said.not_proven("reserves", "That the operator has what it owes.");
        said.not_proven("time", "That it happened at those times: the operator's clock says so.");
        said
    }

    fn balance_words(&self) -> String {
        let amount = |units| Amount::new(units, self.asset);
        let balances = &self.balances;
        let (received, given) = (amount(balances.credits_posted), amount(balances.debits_posted));
        let owed = amount(balances.owed());
        let held = if balances.debits_pending == 0 && balances.credits_pending == 0 {
            String::new()
        } else {
            let (out, back) = (amount(balances.debits_pending), amount(balances.credits_pending));
            format!(", and {out} is held to be given, {back} to be received")
        };
        format!("They add up to {received} received and {given} given: {owed} is owed to it{held}.")
    }

    fn say_epoch(&self, epoch: &CountedInEpoch, said: &mut Sentences) {
        let CountedInEpoch { index, number, size, later_count, .. } = epoch;
        let time = utc(epoch.time_ms / 1000);
        let owed = Amount::new(epoch.balances.owed(), self.asset);
        let all = Amount::new(epoch.liabilities, self.asset);
        let text = format!(
            "Epoch {number} of {time}, entry {index} of the log, counts {owed} owed to the account \
             among the {all} that the operator says it owes in all, and no entry of the account \
             below {size} was left out."
        );
        said.proven("epoch", text);
        let behind = match later_count {
            0 => String::new(),
            1 => " One entry here is not yet covered by an epoch.".to_owned(),
            count => format!(" {count} entries here are not yet covered by an epoch."),
        };
        let text = format!("That no entry from {size} on was left out.{behind}");
        said.not_proven("after_epoch", text);
        let label = STANDARD.encode(epoch.label);
        let text = format!("That the epochs before had the same label: compare, it is {label}.");
        said.not_proven("label", text);
    }
}
