//! The oracle against the real ledger, without a node between them: the two must agree on
//! everything, and the oracle must notice when one of them is changed by hand.

use std::collections::BTreeMap;

use ledger::{Ledger, PAGE_ROWS_MAX};

use super::{Exchange, Model, explain};
use crate::curiosity::question;
use crate::plan::Plan;
use crate::question::ask;
use crate::random::Random;
use crate::request::{Answer, Request};
use crate::workload::Workload;

const START_NS: u64 = 1_800_000_000_000_000_000;

/// A ledger that is asked directly.
struct Direct {
    ledger: Ledger,
    now_ns: u64,
    read: u64,
}

impl Direct {
    fn exchange(&mut self, number: u64, request: &Request) -> Exchange {
        self.now_ns = self.now_ns.max(self.ledger.last_timestamp_ns() + 10_000);
        while self.ledger.next_expiry_ns().is_some_and(|due| due <= self.now_ns) {
            self.ledger.expire(self.now_ns, 3).unwrap();
        }
        self.now_ns += 10_000;
        let answer = match request {
            Request::Accounts(events) => {
                Answer::Accounts(self.ledger.create_accounts(events, self.now_ns).unwrap())
            }
            Request::Transfers(events) => {
                Answer::Transfers(self.ledger.create_transfers(events, self.now_ns).unwrap())
            }
            other => panic!("{other:?}"),
        };
        let mut changes = Vec::new();
        loop {
            let page = self.ledger.changes(self.read, PAGE_ROWS_MAX).unwrap();
            self.read = page.next;
            if page.changes.is_empty() {
                break;
            }
            changes.extend(page.changes);
        }
        Exchange {
            now_ns: self.now_ns,
            requests: vec![(number, request.clone())],
            answers: BTreeMap::from([(number, answer)]),
            changes,
            channels: BTreeMap::new(),
            mandates: (0, BTreeMap::new()),
            epochs: 0,
            is_cut: false,
        }
    }
}

/// Runs a seed and gives what went back and forth, and the model after it.
fn run(seed: u64) -> (Vec<Exchange>, Model, Direct) {
    let mut random = Random::new(seed);
    let mut plan = Plan::draw(&mut random);
    (plan.mix.payments, plan.mix.channels, plan.mix.mandates) = (0, 0, 0);
    plan.events = plan.events.min(60);
    let mut workload = Workload::new(random.fork(), &plan);
    let mut direct = Direct { ledger: Ledger::new(), now_ns: START_NS, read: 0 };
    let mut model = Model::default();
    let mut exchanges = Vec::new();
    for number in 0..plan.turns {
        let request = workload.request(&model, direct.now_ns);
        let exchange = direct.exchange(number, &request);
        let models = explain(model, &exchange);
        model = models.unwrap_or_else(|wrong| panic!("seed {seed}: {wrong}")).remove(0);
        if random.chance(plan.time.forward) {
            direct.now_ns += plan.time.forward_ms * 1_000_000;
        }
        let asked = question(&mut random, &model.books);
        assert_eq!(ask(&direct.ledger, &asked), model.books.answer(&asked), "{seed}: {asked:?}");
        exchanges.push(exchange);
    }
    (exchanges, model, direct)
}

#[test]
fn the_oracle_agrees_with_the_ledger_on_every_status() {
    let mut statuses = std::collections::BTreeSet::new();
    for seed in 0..150 {
        let (exchanges, model, direct) = run(seed);
        for (id, balances) in model.books.recount() {
            assert_eq!(direct.ledger.account(id).unwrap().balances, balances);
            assert_eq!(model.books.accounts[&id].balances, balances);
        }
        for answer in exchanges.iter().flat_map(|exchange| exchange.answers.values()) {
            if let Answer::Transfers(all) = answer {
                statuses.extend(all.iter().map(|status| status.code()));
            }
        }
    }
    // What the workload cannot bring about is tested at the ledger.
    let rare = ["overflows_timeout", "overflows_credits_pending"];
    let missing: Vec<_> = ledger::CreateTransferStatus::ALL
        .iter()
        .map(|status| status.code())
        .filter(|code| !statuses.contains(code) && !rare.contains(code))
        .collect();
    assert_eq!(missing, [""; 0]);
}

#[test]
fn every_kind_of_lie_is_noticed() {
    let runs: Vec<_> = (0..10).map(|seed| run(seed).0).collect();
    // In each run up to the first exchange where it can be told: how often it was.
    let told = |lie: &dyn Fn(&mut Exchange) -> bool| {
        let mut told = 0;
        for exchanges in &runs {
            let mut model = Model::default();
            for exchange in exchanges {
                let mut exchange = exchange.clone();
                let lied = lie(&mut exchange);
                let explained = explain(model, &exchange);
                assert_eq!(explained.is_err(), lied, "a lie was believed, or a truth was not");
                let Ok(mut models) = explained else {
                    told += 1;
                    break;
                };
                model = models.remove(0);
            }
        }
        told > 3
    };
    // A change that never happened is left out, doubled, or told with another time.
    assert!(told(&|exchange| exchange.changes.pop().is_some()));
    assert!(told(&|exchange| {
        let last = exchange.changes.last().copied();
        exchange.changes.extend(last);
        last.is_some()
    }));
    assert!(told(&|exchange| {
        exchange.changes.get_mut(1).is_some_and(|change| {
            change.timestamp_ns = 1;
            true
        })
    }));
    // An answer says "created" where it was refused, or is not given.
    assert!(told(&|exchange| {
        let mut lied = false;
        for answer in exchange.answers.values_mut() {
            if let Answer::Transfers(statuses) = answer {
                for status in statuses {
                    lied |= *status != ledger::CreateTransferStatus::Created;
                    *status = ledger::CreateTransferStatus::Created;
                }
            }
        }
        lied
    }));
    assert!(told(&|exchange| exchange.answers.pop_first().is_some()));
}

#[test]
fn after_a_cut_a_request_is_there_as_a_whole_or_not_at_all() {
    let (exchanges, _, _) = run(5);
    let mut model = Model::default();
    for exchange in exchanges {
        let mut cut = exchange.clone();
        cut.is_cut = true;
        cut.answers.clear();
        // Taken, or not: both are fine.
        assert!(!explain(model.clone(), &cut).unwrap().is_empty());
        let created = cut.changes.len();
        cut.changes.clear();
        assert!(!explain(model.clone(), &cut).unwrap().is_empty());
        // A part of it is not.
        if created > 1 {
            cut.changes.extend(exchange.changes.first());
            let is_release = super::payments::expired(&exchange.changes[0].kind).is_some();
            assert!(is_release || explain(model.clone(), &cut).is_err());
        }
        model = explain(model, &exchange).unwrap().remove(0);
    }
}
