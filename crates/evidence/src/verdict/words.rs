//! A row in plain words.

use money::{AccountId, PaymentId, TransferId};

use super::time::utc_of_ns;
use crate::record::{Action, Facts};

/// What the row says, with the accounts that are opened.
pub fn row(facts: &Facts, debit: Option<AccountId>, credit: Option<AccountId>) -> String {
    let time = utc_of_ns(facts.timestamp_ns);
    let asset = facts.asset.code;
    if facts.action() == Action::Create {
        return match AccountId::new(facts.id) {
            Ok(account) => format!("the creation of {account} for {asset} at {time}"),
            Err(_) => format!("the creation of an account for {asset} at {time}"),
        };
    }
    let (id, pending) = (transfer(facts.id), transfer(facts.pending_id));
    let what = match facts.action() {
        Action::Create | Action::Move => format!("transfer {id} of {}", facts.amount()),
        Action::Hold => format!("the hold {id} of {}", facts.amount()),
        Action::Post => format!("transfer {id} of {}, out of the hold {pending},", facts.amount()),
        Action::Void => format!("{id}, the release of the hold {pending},"),
        Action::Expire => format!("the expiry of the hold {id} of {}", facts.amount()),
    };
    let from = debit.map_or(String::new(), |account| format!(" from {account}"));
    let to = credit.map_or(String::new(), |account| format!(" to {account}"));
    let payment = facts.payment().map_or(String::new(), |id: PaymentId| format!(" for {id}"));
    format!("{what}{from}{to}{payment} at {time}")
}

/// The id as text; a reserved one, which openings never have, as a number.
fn transfer(id: u128) -> String {
    TransferId::new(id).map_or_else(|_| id.to_string(), |id| id.to_string())
}
