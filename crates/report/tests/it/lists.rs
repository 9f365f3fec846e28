//! Pages of payments hold what the facts say, each payment once, whatever is asked for.

use std::collections::BTreeMap;

use money::AccountId;
use report::{Fact, Listed, ListedState, Payment, PaymentsQuery, Reader};

use crate::world::{self, At, account};

#[derive(Debug, Clone)]
struct Known {
    position: u64,
    at_ns: u64,
    payment: Payment,
    legs: Vec<(AccountId, u128)>,
    settled: u128,
    refunded: u128,
    state: ListedState,
}

fn naive(facts: &[At]) -> Vec<Known> {
    let mut known: BTreeMap<u128, Known> = BTreeMap::new();
    for (position, at_ns, fact) in facts {
        match fact {
            Fact::Held(payment) | Fact::Settled(payment) => {
                let new = Known {
                    position: *position,
                    at_ns: *at_ns,
                    payment: payment.clone(),
                    legs: Vec::new(),
                    settled: 0,
                    refunded: 0,
                    state: ListedState::Held,
                };
                let known = known.entry(payment.id.get()).or_insert(new);
                known.legs.clone_from(&payment.legs);
                if matches!(fact, Fact::Settled(_)) {
                    known.state = ListedState::Settled;
                    known.settled = payment.amount.units();
                }
            }
            Fact::Released(payment) => {
                known.get_mut(&payment.get()).unwrap().state = ListedState::Released;
            }
            Fact::Refunded(refund) => {
                known.get_mut(&refund.payment.get()).unwrap().refunded += refund.amount.units();
            }
            _ => {}
        }
    }
    known.into_values().collect()
}

fn all_pages(reader: &Reader, query: PaymentsQuery) -> Vec<Listed> {
    let (mut found, mut before) = (Vec::new(), None);
    loop {
        let page = reader.payments(&PaymentsQuery { before, limit: 7, ..query }).unwrap();
        assert!(page.payments.len() <= 7);
        found.extend(page.payments);
        before = page.next;
        if before.is_none() {
            return found;
        }
    }
}

#[test]
fn every_filter_gives_each_payment_once_newest_first() {
    let folder = tempfile::tempdir().unwrap();
    let facts = world::history(11, 1_200);
    let reader = Reader::of(&world::store(&folder, &facts, 61));
    let known = naive(&facts);
    let middle = facts[facts.len() / 2].1 / 1_000_000;
    let whos = [None, Some(account(100)), Some(account(103)), Some(account(202)), Some(account(9))];
    let states =
        [None, Some(ListedState::Held), Some(ListedState::Settled), Some(ListedState::Released)];
    for account in whos {
        for offer in [None, Some(11), Some(u64::MAX), Some(12)] {
            for state in states {
                for (from_ms, to_ms) in [(None, None), (Some(middle), None), (None, Some(middle))] {
                    let query = PaymentsQuery {
                        account,
                        offer,
                        state,
                        from_ms,
                        to_ms,
                        ..Default::default()
                    };
                    check(&reader, &known, query);
                }
            }
        }
    }
}

fn check(reader: &Reader, known: &[Known], query: PaymentsQuery) {
    let fits = |known: &&Known| {
        let is_unsettled = known.state != ListedState::Settled && query.state.is_some();
        let is_on = query.account.is_none_or(|who| {
            let gets = known.legs.iter().any(|leg| leg.0 == who) && !is_unsettled;
            known.payment.payer == who || known.payment.payee == who || gets
        });
        let ms = |ms: u64| ms * 1_000_000;
        is_on
            && query.offer.is_none_or(|tag| known.payment.tags.offer.0 == tag)
            && query.state.is_none_or(|state| known.state == state)
            && query.from_ms.is_none_or(|from| known.at_ns >= ms(from))
            && query.to_ms.is_none_or(|to| known.at_ns < ms(to))
    };
    let mut expected: Vec<&Known> = known.iter().filter(fits).collect();
    expected.sort_by_key(|known| std::cmp::Reverse(known.position));
    let found = all_pages(reader, query);
    assert_eq!(found.len(), expected.len(), "{query:?}");
    for (found, expected) in found.iter().zip(expected) {
        assert_eq!(found.payment, expected.payment.id);
        assert_eq!(found.position, expected.position);
        assert_eq!((found.at_ns, found.state), (expected.at_ns, expected.state));
        assert_eq!(found.settled.units(), expected.settled);
        assert_eq!(found.refunded, expected.refunded);
        assert_eq!(found.description, expected.payment.description);
        let part = expected.legs.iter().find(|leg| Some(leg.0) == query.account).map(|leg| leg.1);
        let whole = if expected.state == ListedState::Settled {
            expected.settled
        } else {
            expected.payment.amount.units()
        };
        assert_eq!(found.share, part.filter(|part| *part != whole), "{query:?}");
    }
}

#[test]
fn refunds_of_a_payment_are_listed() {
    let folder = tempfile::tempdir().unwrap();
    let facts = world::history(2, 800);
    let reader = Reader::of(&world::store(&folder, &facts, 800));
    let refunded = naive(&facts).into_iter().filter(|known| known.refunded > 0);
    let mut count = 0;
    for known in refunded {
        let refunds = reader.refunds_of(known.payment.id).unwrap();
        assert_eq!(refunds.iter().map(|refund| refund.units).sum::<u128>(), known.refunded);
        count += 1;
    }
    assert!(count > 10);
}
