//! Chains that fail leave nothing behind, byte for byte; balances that outgrow 64 bits; many
//! accounts beside a map.

use std::collections::BTreeMap;

use ledger::{
    AMOUNT_MAX, Account, CreateTransferStatus, Kind, Ledger, Limit, ROW_BYTES, Sides, Transfer,
};
use money::AccountId;

use crate::sample::{account, account_id, asset, back, bytes, replay, transfer, transfer_id};

/// Accounts 1 to 3, the third with a history; 100 on account 2; open holds 20 to 22, of which the
/// last closes account 3.
fn before() -> Ledger {
    let mut ledger = Ledger::new();
    let third = Account { history: true, ..account(3, Limit::None) };
    let accounts = [account(1, Limit::None), account(2, Limit::DebitsMustNotExceedCredits), third];
    ledger.create_accounts(&accounts, 10).unwrap();
    let closing =
        Kind::Pending { timeout_seconds: 7, balancing: Sides::NONE, closing: Sides::CREDIT };
    let events = [
        transfer(1, Kind::SINGLE, 100),
        transfer(20, Kind::pending(5), 30),
        transfer(21, Kind::pending(0), 40),
        Transfer { credit_account: account_id(3), ..transfer(22, closing, 50) },
    ];
    let statuses = ledger.create_transfers(&events, 20).unwrap();
    assert!(statuses.iter().all(|status| status.code() == "created"));
    ledger
}

#[test]
fn a_failed_chain_leaves_no_trace() {
    let clean = before();
    let [first, second] = [transfer(20, Kind::pending(5), 30), transfer(21, Kind::pending(0), 40)];
    let void = clean.transfer(transfer_id(22)).unwrap().unwrap().transfer.void(transfer_id(33));
    let closing =
        Kind::Pending { timeout_seconds: 9, balancing: Sides::NONE, closing: Sides::BOTH };
    let chains: [Vec<Transfer>; 5] = [
        vec![transfer(30, Kind::SINGLE, 1 << 90), back(31, Kind::SINGLE, 1 << 80)],
        vec![first.post(transfer_id(31), 10), second.void(transfer_id(32)), void],
        vec![
            transfer(30, Kind::pending(3), 1),
            transfer(30, Kind::pending(3), 1).post(transfer_id(31), 1),
        ],
        vec![void, Transfer { credit_account: account_id(3), ..transfer(34, Kind::SINGLE, 3) }],
        vec![void, transfer(35, closing, 3)],
    ];
    for chain in chains {
        let mut ledger = clean.clone();
        let mut events: Vec<Transfer> =
            chain.iter().map(|event| Transfer { linked: true, ..*event }).collect();
        // What breaks the chain burns its id and nothing else.
        events.push(back(40, Kind::SINGLE, AMOUNT_MAX / 2));
        let now_ns = ledger.last_timestamp_ns() + 10;
        let statuses = ledger.create_transfers(&events, now_ns).unwrap();
        assert!(statuses.last().unwrap().is_transient(), "{statuses:?}");
        assert!(
            statuses[..chain.len()].iter().all(|status| status.code() == "linked_event_failed")
        );
        assert!(ledger.fresh().rows().is_empty() && ledger.fresh().pairs().is_empty());
        assert_eq!(ledger.fresh().burned(), [transfer_id(40)]);
        assert_eq!(bytes(&ledger), bytes(&clean));
        assert_eq!(ledger.next_expiry_ns(), clean.next_expiry_ns());
        assert_eq!(ledger.check(), Ok(()));
        // Without what broke it, the chain is created, and what it resolved was still open.
        events.pop();
        events.last_mut().unwrap().linked = false;
        let statuses = ledger.create_transfers(&events, now_ns + 10).unwrap();
        assert!(statuses.iter().all(|status| status.code() == "created"), "{statuses:?}");
        assert_eq!(ledger.check(), Ok(()));
    }
}

#[test]
fn a_failed_chain_of_accounts_leaves_no_trace() {
    let clean = before();
    let mut ledger = clean.clone();
    let new = |id| Account { linked: true, ..account(id, Limit::None) };
    let euro = Account { asset: asset("EUR"), ..new(11) };
    let mut events = vec![new(10), euro];
    events.extend((100..400).map(new));
    events.push(Account { code: 0, linked: false, ..new(12) });
    let statuses = ledger.create_accounts(&events, 1_000).unwrap();
    assert_eq!(statuses.last().unwrap().code(), "code_must_not_be_zero");
    assert!(ledger.fresh().is_empty());
    assert_eq!(bytes(&ledger), bytes(&clean));
    assert_eq!((ledger.account(account_id(10)), ledger.check()), (None, Ok(())));
    let again: Vec<Account> =
        events[..5].iter().map(|event| Account { linked: false, ..*event }).collect();
    let statuses = ledger.create_accounts(&again, 2_000).unwrap();
    assert!(statuses.iter().all(|status| status.code() == "created"));
    assert_eq!(ledger.check(), Ok(()));
}

#[test]
fn a_chain_of_a_whole_batch_fails_on_its_last_event() {
    let clean = before();
    let mut ledger = clean.clone();
    let mut events: Vec<Transfer> = (0..8_190)
        .map(|number| Transfer { linked: true, ..transfer(1_000 + number, Kind::pending(60), 1) })
        .collect();
    events[8_189] = back(5, Kind::SINGLE, 1_000_000);
    let statuses = ledger.create_transfers(&events, 1_000_000).unwrap();
    assert_eq!(statuses[8_189], CreateTransferStatus::ExceedsCredits);
    assert!(statuses[..8_189].iter().all(|status| status.code() == "linked_event_failed"));
    assert_eq!(bytes(&ledger), bytes(&clean));
    events[8_189] = back(6, Kind::SINGLE, 100);
    let statuses = ledger.create_transfers(&events, 2_000_000).unwrap();
    assert!(statuses.iter().all(|status| status.code() == "created"));
    assert_eq!(ledger.fresh().rows().len(), 8_190 * ROW_BYTES);
    assert_eq!(ledger.check(), Ok(()));
    let replayed = replay(ledger.past().rows()).unwrap();
    assert!(bytes(&replayed) == bytes(&ledger));
}

/// Pending balances come and go beyond 2^64, posted ones only go.
#[test]
fn balances_cross_64_bits_both_ways() {
    let mut ledger = before();
    let edge = u128::from(u64::MAX);
    let mut now_ns = 1_000;
    let mut do_one = |ledger: &mut Ledger, event: Transfer| {
        now_ns += 10;
        let status = ledger.create_transfers(&[event], now_ns).unwrap()[0];
        assert_eq!(status, CreateTransferStatus::Created);
        assert_eq!(ledger.check(), Ok(()));
        let replayed = replay(ledger.past().rows()).unwrap();
        assert_eq!(bytes(&replayed), bytes(ledger));
        ledger.account(account_id(1)).unwrap().balances.debits_pending
    };
    let held = before().account(account_id(1)).unwrap().balances.debits_pending;
    let hold = transfer(50, Kind::pending(0), edge - held);
    assert_eq!(do_one(&mut ledger, hold), edge, "the last that fits");
    assert_eq!(do_one(&mut ledger, transfer(51, Kind::pending(0), 1)), edge + 1);
    assert_eq!(do_one(&mut ledger, hold.void(transfer_id(52))), held + 1);
    assert_eq!(
        do_one(&mut ledger, transfer(53, Kind::pending(0), AMOUNT_MAX / 4)),
        held + 1 + AMOUNT_MAX / 4
    );
    let last = transfer(53, Kind::pending(0), AMOUNT_MAX / 4).post(transfer_id(54), 3);
    assert_eq!(do_one(&mut ledger, last), held + 1);
    assert_eq!(do_one(&mut ledger, transfer(55, Kind::SINGLE, edge)), held + 1);
    let posted = ledger.account(account_id(1)).unwrap().balances.debits_posted;
    assert_eq!(posted, edge + 103);
}

/// Ids of all shapes, so that the table is filled, grown and searched for what is not there.
#[test]
fn accounts_are_found_as_in_a_map() {
    let (mut ledger, mut map) = (Ledger::new(), BTreeMap::<AccountId, Account>::new());
    let id = |number: u128| match number % 3 {
        0 => number + 1,
        1 => (number + 1) << 64,
        _ => (number + 1).wrapping_mul(0x9e37_79b9_7f4a_7c15_f39c_c060_5ced_c835),
    };
    for number in 0..40 {
        let events: Vec<Account> = (0..500)
            .map(|offset| Account { code: 7, ..account(id(number * 450 + offset), Limit::None) })
            .collect();
        let statuses =
            ledger.create_accounts(&events, u64::try_from(number + 1).unwrap() << 20).unwrap();
        for (event, status) in events.iter().zip(statuses) {
            let is_new = map.insert(event.id, *event).is_none();
            assert_eq!(status.code(), if is_new { "created" } else { "exists" });
        }
    }
    assert_eq!(ledger.accounts().len(), map.len());
    for number in 0..20_000 {
        let id = account_id(id(number));
        assert_eq!(ledger.account(id).map(|found| found.id), map.get(&id).map(|event| event.id));
    }
    assert_eq!(ledger.check(), Ok(()));
}
