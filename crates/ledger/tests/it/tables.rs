//! Runs the table files and demands a line for every status.

use std::collections::BTreeSet;

use ledger::{CreateAccountStatus, CreateTransferStatus};

use crate::script::{self, Shown};

const TABLES: [(&str, &str); 5] = [
    ("create_accounts.txt", include_str!("../tables/create_accounts.txt")),
    ("create_transfers.txt", include_str!("../tables/create_transfers.txt")),
    ("precedence.txt", include_str!("../tables/precedence.txt")),
    ("holds.txt", include_str!("../tables/holds.txt")),
    ("chains.txt", include_str!("../tables/chains.txt")),
];

fn run_all() -> Shown {
    let mut shown = Shown::default();
    for (name, text) in TABLES {
        script::run(name, text, &mut shown);
    }
    shown
}

#[test]
fn tables_hold() {
    let shown = run_all();
    assert!(shown.transfers.contains("created"));
}

#[test]
fn every_status_has_a_line() {
    let shown = run_all();
    let accounts: BTreeSet<String> =
        CreateAccountStatus::ALL.iter().map(|status| status.code().into()).collect();
    assert_eq!(shown.accounts, accounts);
    let transfers: BTreeSet<String> =
        CreateTransferStatus::ALL.iter().map(|status| status.code().into()).collect();
    assert_eq!(shown.transfers, transfers);
}

#[test]
fn status_properties() {
    let transient: Vec<&str> = CreateTransferStatus::ALL
        .iter()
        .filter(|status| status.is_transient())
        .map(|status| status.code())
        .collect();
    assert_eq!(
        transient,
        [
            "debit_account_not_found",
            "credit_account_not_found",
            "pending_transfer_not_found",
            "exceeds_credits",
            "exceeds_debits",
        ]
    );
    for status in CreateTransferStatus::ALL {
        let is_there = ["created", "exists"].contains(&status.code());
        assert_eq!(status.is_created_or_exists(), is_there, "{status:?}");
    }
    assert!(CreateTransferStatus::ALL.is_sorted(), "in order of precedence");
}
