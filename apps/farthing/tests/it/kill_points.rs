//! `kill -9` at the two points where a payment is half-way: between hold and settlement, and between
//! settlement and answer.

use std::time::{Duration, Instant};

use crate::buyer::{Presented, Wanted, present, present_unread};
use crate::process::until;
use crate::shop::{ARTICLE_UNITS, HOLD_SECONDS, JOB_UNITS, START_UNITS, Shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_hold_and_settlement_nothing_is_charged_or_executed_again() {
    let shop = Shop::new().await;
    let node = shop.start();
    let buyer = shop.buyer(1).await;
    let paid = buyer.sign(shop.site_port, &Wanted::post("/jobs/gate/1")).await.unwrap();
    let unread = present_unread(shop.site_port, &paid).await;
    until("the job has begun", || async { executed(&shop, &paid).then_some(()) }).await;
    let held_before = Instant::now();
    assert_eq!(shop.receipt(paid.payment).await.unwrap().state, "held");
    node.kill();
    drop(unread);

    let node = shop.start();
    let account = shop.account(&buyer).await;
    let (available, held) = (account.available().unwrap(), account.held().unwrap());
    assert_eq!((available.units(), held.units()), (START_UNITS - JOB_UNITS, JOB_UNITS));
    // The copy waits until it is known that nothing will come of the first presentation.
    let copy = present(shop.site_port, &paid).await.unwrap();
    copy.assert_refuses(&paid, "payment_released");
    let limit = Duration::from_secs(u64::from(HOLD_SECONDS) + 3);
    assert!(held_before.elapsed() < limit, "the hold took {:?}", held_before.elapsed());
    shop.assert_spent(&buyer, 0).await;
    assert_eq!(shop.receipt(paid.payment).await.unwrap().state, "released");

    // The job ends, too late; the release stays, also through another kill.
    shop.upstream.open_gate(1);
    node.kill();
    let _node = shop.start();
    present(shop.site_port, &paid).await.unwrap().assert_refuses(&paid, "payment_released");
    assert_eq!(shop.upstream.executions(Some(paid.payment)), 1);
    shop.assert_spent(&buyer, 0).await;

    // A new order is a new payment.
    shop.upstream.open_gate(1);
    let next = buyer.sign(shop.site_port, &paid.wanted).await.unwrap();
    present(shop.site_port, &next).await.unwrap().assert_delivers(&next);
    shop.assert_spent(&buyer, JOB_UNITS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn killed_between_settlement_and_answer_the_first_answer_is_given() {
    let shop = Shop::new().await;
    let mut node = shop.start();
    let buyer = shop.buyer(1).await;
    let mut spent = 0;
    for turn in 0..5 {
        let job = Wanted::post(format!("/jobs/{turn}"));
        let article = Wanted::get(format!("/articles/{turn}"));
        for (wanted, units) in [(job, JOB_UNITS), (article, ARTICLE_UNITS)] {
            let paid = buyer.sign(shop.site_port, &wanted).await.unwrap();
            let unread = present_unread(shop.site_port, &paid).await;
            until("it is settled", || async {
                let receipt = shop.receipt(paid.payment).await?;
                (receipt.state == "settled").then_some(())
            })
            .await;
            node.kill();
            drop(unread);
            spent += units;

            node = shop.start();
            let executions = shop.upstream.executions(Some(paid.payment));
            let first = present(shop.site_port, &paid).await.unwrap();
            first.assert_delivers(&paid);
            assert!(first.is_replay(), "{first:?}");
            let again = present(shop.site_port, &paid).await.unwrap();
            again.assert_repeats(&first, &paid);
            if wanted.is_job() {
                assert_eq!((executions, shop.upstream.executions(Some(paid.payment))), (1, 1));
                assert!(first.body.starts_with(b"execution "), "{first:?}");
            } else {
                assert_eq!(first.body, format!("article {}", wanted.path));
            }
            shop.assert_spent(&buyer, spent).await;
        }
    }
}

fn executed(shop: &Shop, presented: &Presented) -> bool {
    shop.upstream.executions(Some(presented.payment)) > 0
}
