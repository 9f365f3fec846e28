//! `kill -9` at any moment under load: what was acknowledged stays, once, and nothing else is taken.
//!
//! This proves the order of journal, books and answer through the whole binary. It proves nothing
//! about power loss: the system keeps the pages of a killed process.

use std::collections::BTreeSet;
use std::sync::Arc;
use std::sync::atomic::{AtomicUsize, Ordering};
use std::time::Duration;

use crate::buyer::{Buyer, Got, Presented, Wanted, present};
use crate::process::{start_and_kill, until};
use crate::shop::{START_UNITS, Shop};

const KILLS: u64 = 50;
const BUYERS: u8 = 4;

/// Every so many kills the node is killed while it starts.
const KILL_AT_START_EVERY: u64 = 5;

/// A payment and its first answer, if one came.
struct Known {
    buyer: usize,
    presented: Presented,
    first: Option<Got>,
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn every_payment_is_made_once_or_not_at_all_through_50_kills() {
    let shop = Arc::new(Shop::new().await);
    let mut random = 0x9e37_79b9_7f4a_7c15_u64;
    let mut known: Vec<Known> = Vec::new();
    let mut buyers = Vec::new();
    for round in 0..KILLS {
        random ^= random << 13;
        random ^= random >> 7;
        random ^= random << 17;
        if round % KILL_AT_START_EVERY == KILL_AT_START_EVERY - 1 {
            let after = Duration::from_micros(random % 40_000);
            start_and_kill(&mut shop.serve_command(), &shop.path("errors"), after);
            continue;
        }
        let node = shop.start();
        if buyers.is_empty() {
            for seed in 1..=BUYERS {
                buyers.push(Arc::new(shop.buyer(seed).await));
            }
        }
        assert_last_round_repeats(&shop, &known, round).await;
        shop.assert_books_balance().await;

        let acknowledged = Arc::new(AtomicUsize::new(0));
        let load: Vec<_> = (0..buyers.len())
            .map(|number| {
                let buyer = Arc::clone(&buyers[number]);
                let load = Load { shop: Arc::clone(&shop), number, round };
                tokio::spawn(load.pay_until_nobody_answers(buyer, Arc::clone(&acknowledged)))
            })
            .collect();
        let wanted = usize::try_from(random % 25).unwrap();
        let enough = || async { (acknowledged.load(Ordering::SeqCst) >= wanted).then_some(()) };
        until("the load is acknowledged", enough).await;
        tokio::time::sleep(Duration::from_micros(random >> 32 & 0x1fff)).await;
        node.kill();
        for task in load {
            known.extend(task.await.unwrap());
        }
    }
    let _node = shop.start();
    conclude(&shop, &buyers, known).await;
}

/// What one buyer does in one round.
struct Load {
    shop: Arc<Shop>,
    number: usize,
    round: u64,
}

impl Load {
    async fn pay_until_nobody_answers(
        self,
        buyer: Arc<Buyer>,
        acknowledged: Arc<AtomicUsize>,
    ) -> Vec<Known> {
        let (port, mut known) = (self.shop.site_port, Vec::new());
        for step in self.number.. {
            let name = format!("{}-{}-{step}", self.round, self.number);
            let wanted = if step % 2 == 0 {
                Wanted::get(format!("/articles/{name}"))
            } else {
                Wanted::post(format!("/jobs/{name}"))
            };
            let Some(presented) = buyer.sign(port, &wanted).await else { break };
            let first = present(port, &presented).await;
            let goes_on = first.is_some();
            if let Some(got) = &first {
                got.assert_delivers(&presented);
                assert!(!got.is_replay());
                acknowledged.fetch_add(1, Ordering::SeqCst);
            }
            known.push(Known { buyer: self.number, presented, first });
            if !goes_on {
                break;
            }
        }
        known
    }
}

/// After a restart, what was acknowledged before it is still there.
async fn assert_last_round_repeats(shop: &Shop, known: &[Known], round: u64) {
    let part = format!("/{}-", round.saturating_sub(1));
    for Known { presented, first, .. } in known {
        if let Some(first) = first
            && presented.wanted.path.contains(&part)
        {
            let again = present(shop.site_port, presented).await.unwrap();
            again.assert_repeats(first, presented);
        }
    }
}

/// Everything is presented once more; then the books must say exactly what the answers said.
async fn conclude(shop: &Shop, buyers: &[Arc<Buyer>], known: Vec<Known>) {
    shop.until_nothing_is_held().await;
    let (mut spent, mut released, mut unknown) = (vec![0; buyers.len()], 0, 0);
    let mut payments = BTreeSet::new();
    let (acknowledged, count) =
        (known.iter().filter(|known| known.first.is_some()).count(), known.len());
    for Known { buyer, presented, first } in known {
        let again = present(shop.site_port, &presented).await.unwrap();
        if let Some(first) = first {
            again.assert_repeats(&first, &presented);
        } else {
            unknown += 1;
        }
        let job = presented.wanted.is_job();
        let receipt = shop.receipt(presented.payment).await.unwrap();
        if again.status == 200 {
            again.assert_delivers(&presented);
            spent[buyer] += presented.wanted.price();
            assert_eq!(receipt.state, "settled");
            assert_eq!(receipt.amount, presented.wanted.price().to_string());
        } else {
            // The node was killed between hold and settlement.
            assert!(job, "{presented:?}");
            again.assert_refuses(&presented, "payment_released");
            assert_eq!(receipt.state, "released");
            released += 1;
        }
        let executions = shop.upstream.executions(Some(presented.payment));
        if job && again.status == 200 {
            assert_eq!(executions, 1, "{presented:?}");
        }
        assert!(!job || executions <= 1, "{presented:?} was executed {executions} times");
        assert!(payments.insert(presented.payment), "{presented:?} is there twice");
    }
    assert_eq!(payments.len(), count);
    assert_eq!(shop.upstream.executions(None), 0, "something was executed unpaid");
    for (buyer, spent) in buyers.iter().zip(&spent) {
        let account = shop.account(buyer).await;
        assert_eq!(START_UNITS - account.available().unwrap().units(), *spent);
        assert_eq!(account.held().unwrap().units(), 0);
    }
    assert_eq!(shop.income().await, spent.iter().sum());
    shop.assert_books_balance().await;
    // Else the kills met nothing.
    assert!(acknowledged > 200 && unknown > 20, "{acknowledged} {unknown}");
    assert!(released > 0, "no kill met a hold");
}
