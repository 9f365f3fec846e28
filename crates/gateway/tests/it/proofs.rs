//! `Want-Proof`: a paid answer carries what proves its payment.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use engine::LogOptions;
use evidence::record::Opening;
use tlog::policy::Policy;
use tlog::{KeyName, LogSigner, Receipt, leaf_hash};

use crate::books::author;
use crate::client::{Got, Wanted};
use crate::shop::{CHEAP, JOB, Shop};

fn log() -> LogOptions {
    let name = KeyName::new("pay.example/log").unwrap();
    LogOptions::new(LogSigner::from_seed(name, &[3; 32]))
}

/// Checks the proof of an answer with the log's key alone, and gives who is named in it.
fn proven(shop: &Shop, got: &Got) -> Opening {
    let vkey = shop.books.engine.log().unwrap().vkey();
    let policy = Policy::parse(format!("log {vkey}\nquorum none\n").as_bytes()).unwrap();
    let bytes = STANDARD.decode(got.header("payment-proof")).unwrap();
    let receipt = Receipt::parse(&bytes).unwrap();
    let opening = Opening::decode(receipt.extra().unwrap()).unwrap();
    receipt.verify(&leaf_hash(&opening.entry()), &policy).unwrap();
    assert_eq!(opening.facts().user_data, got.settlement().unwrap().payment.get());
    opening
}

#[tokio::test]
async fn a_paid_answer_proves_its_payment_if_that_is_wanted() {
    let shop = Shop::logged(log()).await;
    for (wanted, units) in [(Wanted::get("/cheap/1"), CHEAP), (Wanted::post("/job/1", "x"), JOB)] {
        let paid = shop.paid(&wanted.with("want-proof", "1")).await;
        let got = shop.send(&paid).await;
        assert_eq!(got.status, 200);
        let opening = proven(&shop, &got);
        assert_eq!(opening.facts().amount, units);
        assert_eq!(opening.credit().account(), Some(author()));
        assert_eq!(opening.debit().account(), None);
        assert!(got.header("access-control-expose-headers").contains("payment-proof"));
        // A copy gets it again.
        assert_eq!(proven(&shop, &shop.send(&paid).await).facts(), opening.facts());
    }
}

#[tokio::test]
async fn nobody_gets_a_proof_who_did_not_ask_or_pay() {
    let shop = Shop::logged(log()).await;
    let wanted = Wanted::get("/cheap/1");
    assert_eq!(shop.buy(&wanted).await.header("payment-proof"), "");
    for (name, value) in [("want-proof", "0"), ("want-proof", "yes"), ("want-proof", "")] {
        let got = shop.buy(&wanted.clone().with(name, value)).await;
        assert_eq!((got.status, got.header("payment-proof")), (200, ""), "{value}");
    }
    let asked = wanted.clone().with("want-proof", "1");
    assert_eq!(shop.send(&asked).await.header("payment-proof"), "", "402");
    shop.upstream.says("/cheap/2", 404, &[], b"no");
    let failed = shop.buy(&Wanted::get("/cheap/2").with("want-proof", "1")).await;
    assert_eq!((failed.status, failed.header("payment-proof")), (404, ""));
}

#[tokio::test]
async fn without_a_log_the_answer_goes_out_as_ever() {
    let shop = Shop::open().await;
    let got = shop.buy(&Wanted::get("/cheap/1").with("want-proof", "1")).await;
    assert_eq!((got.status, got.header("payment-proof")), (200, ""));
    let shop = Shop::logged(log()).await;
    shop.books.engine.log().unwrap().halt("a witness has seen more".to_owned());
    let got = shop.buy(&Wanted::get("/cheap/1").with("want-proof", "1")).await;
    assert_eq!((got.status, got.header("payment-proof")), (200, ""));
    assert!(got.settlement().is_some(), "it is paid all the same");
}
