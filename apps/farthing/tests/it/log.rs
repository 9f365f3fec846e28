//! The verifiable log of a serving node: name and key for life, proofs at once, witnesses that are
//! asked and may be away, and a log that was set back.

use std::path::Path;
use std::process::Command;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use serde_json::Value;
use tlog::policy::Policy;
use tlog::{Note, Receipt};

use crate::buyer::{Got, Wanted, ask_unpaid, present};
use crate::process::{Running, farthing, free_port, run, until};
use crate::shop::Shop;

const WITNESS: &str = "witness.example/w1";

impl Shop {
    /// Puts settings of the log before the others, or other ones in their place.
    fn set_log(&self, keys: &str) {
        let text = std::fs::read_to_string(self.path("shop.toml")).unwrap();
        let rest = text.split_once("#\n").map_or(text.as_str(), |(_, rest)| rest);
        self.write("shop.toml", &format!("[log]\n{keys}\n#\n{rest}"));
    }

    async fn get(&self, path: &str) -> Got {
        ask_unpaid(self.node_port, &Wanted::get(path)).await.unwrap()
    }

    async fn about_log(&self) -> Value {
        serde_json::from_slice(&self.get("/v1/log").await.body).unwrap()
    }

    /// Waits until `/v1/log` says something.
    async fn until_log(&self, what: &str, says: impl Fn(&Value) -> bool) -> Value {
        until(what, || async { Some(self.about_log().await).filter(|about| says(about)) }).await
    }

    async fn policy(&self) -> Policy {
        Policy::parse(&self.get("/log/policy").await.body).unwrap()
    }

    /// Buys an article, and waits until a published checkpoint covers the payment.
    async fn buy(&self, seed: u8, article: u32) -> Receipt {
        let buyer = self.buyer(seed).await;
        let wanted = Wanted::get(format!("/articles/{article}"));
        let paid = buyer.sign(self.site_port, &wanted).await.unwrap();
        present(self.site_port, &paid).await.unwrap().assert_delivers(&paid);
        let path = format!("/v1/receipts/{}/proof", paid.payment);
        let proof = || async { Receipt::parse(&self.get(&path).await.body).ok() };
        let receipt = until("the log has the payment", proof).await;
        let index = receipt.index();
        self.until_log("the payment is published", |about| {
            about["published"]["size"].as_u64().is_some_and(|size| size > index)
        })
        .await;
        Receipt::parse(&self.get(&path).await.body).unwrap()
    }
}

/// A witness beside the shop.
struct Witness<'a> {
    shop: &'a Shop,
    port: u16,
}

impl Witness<'_> {
    fn command(&self) -> Command {
        let mut command = farthing(self.shop.folder.path());
        command.args(["witness", "--data", "w", "--name", WITNESS]);
        command.args(["--listen", &format!("127.0.0.1:{}", self.port)]);
        command
    }

    fn start(&self, log: &str) -> Running {
        Running::start(self.command().args(["--log", log]), self.shop.path("w-errors"), "data")
    }

    fn settings(&self) -> String {
        let key = run(self.command().arg("--print-key")).succeeded().out;
        let (key, port) = (key.trim(), self.port);
        format!("witnesses = [{{ vkey = \"{key}\", url = \"http://127.0.0.1:{port}\" }}]")
    }
}

fn head(about: &Value) -> (&Value, &Value) {
    (&about["size"], &about["root"])
}

fn copy(from: &Path, to: &Path) {
    std::fs::create_dir_all(to).unwrap();
    for entry in std::fs::read_dir(from).unwrap() {
        let (entry, name) = entry.map(|entry| (entry.path(), entry.file_name())).unwrap();
        if entry.is_dir() {
            copy(&entry, &to.join(name));
        } else {
            std::fs::copy(&entry, to.join(name)).unwrap();
        }
    }
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_node_keeps_one_log_for_life() {
    let shop = Shop::new().await;
    let node = shop.start();
    let receipt = shop.buy(1, 1).await;
    let first = shop.about_log().await;
    let id = shop.node().facts().await.unwrap().node;
    assert_eq!(first["origin"], format!("{id}/log"));
    assert_eq!(first["url"], format!("{}/log", shop.node_url()));
    assert_eq!(first["epoch"]["number"], 1, "a start closes an epoch");
    shop.policy().await.judge(receipt.note()).unwrap();
    node.terminate();
    assert!(node.ended().success());

    // Another address is no other log, and the log goes on from where it was.
    let text = std::fs::read_to_string(shop.path("shop.toml")).unwrap();
    let moved = text.replacen("[node]\n", "[node]\npublic_url = \"https://pay.example\"\n", 1);
    shop.write("shop.toml", &moved);
    let node = shop.start();
    let second = shop.about_log().await;
    assert_eq!(second["vkey"], first["vkey"]);
    assert_eq!(second["url"], "https://pay.example/log");
    assert!(second["size"].as_u64() >= first["size"].as_u64());
    drop(node);

    shop.set_log("origin = \"pay.example/log\"");
    run(&mut shop.serve_command())
        .failed(1)
        .says("the log of these books is")
        .says("hint: name and key of a log stay for life");
    shop.set_log("");
    let key = shop.data().join("log.key");
    let kept = std::fs::read(&key).unwrap();
    std::fs::write(&key, URL_SAFE_NO_PAD.encode([7; 32])).unwrap();
    run(&mut shop.serve_command()).failed(1).says("put `log.origin` and `log.key` back");
    std::fs::write(&key, kept).unwrap();
    let secrets = shop.data().join("log/secrets");
    std::fs::rename(&secrets, shop.path("secrets")).unwrap();
    run(&mut shop.serve_command()).failed(5).says("the log's secrets are missing").says("restore");

    // Payments do not need the log; it makes up for what happened without it.
    shop.set_log("enabled = false");
    let node = shop.start();
    assert_eq!(shop.get("/v1/log").await.status, 404);
    shop.buyer(2).await;
    drop(node);
    std::fs::rename(shop.path("secrets"), &secrets).unwrap();
    shop.set_log("");
    let _node = shop.start();
    let third = shop.about_log().await;
    assert!(third["size"].as_u64() > second["size"].as_u64());
    let copied = Receipt::parse(receipt.to_string().as_bytes()).unwrap();
    shop.policy().await.judge(copied.note()).unwrap();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn witnesses_cosign_and_nobody_waits_for_one_that_is_away() {
    let shop = Shop::new().await;
    let witness = Witness { shop: &shop, port: free_port() };
    shop.set_log(&witness.settings());
    let node = shop.start();
    let receipt = shop.buy(1, 1).await;
    let away = shop.until_log("the witness was asked", |about| {
        !about["publishing"]["witnesses"].as_array().unwrap().is_empty()
    });
    let away = away.await;
    assert_eq!(away["quorum_met"], false);
    assert_eq!(away["publishing"]["witnesses"][0]["name"], WITNESS);
    assert_eq!(away["publishing"]["witnesses"][0]["state"], "witness_unreachable");
    assert!(away["publishing"]["without_quorum"].as_u64() > Some(0));
    let policy = shop.policy().await;
    let unmet = policy.judge(receipt.note()).unwrap_err();
    assert_eq!(unmet.code(), "quorum_unmet");
    drop(node);

    let watching = witness.start(away["vkey"].as_str().unwrap());
    let node = shop.start();
    shop.until_log("the witness has cosigned", |about| about["quorum_met"] == true).await;
    let receipt = shop.buy(2, 2).await;
    let about = shop.until_log("it cosigns what follows", |about| about["quorum_met"] == true);
    let about = about.await;
    assert_eq!(about["publishing"]["witnesses"][0]["state"], "cosigned");
    let note = Note::parse(&shop.get("/log/checkpoint").await.body).unwrap();
    let judged = policy.judge(&note).unwrap();
    assert_eq!(judged.cosigned.len(), 1);
    assert!(judged.checkpoint.head().size > receipt.index());

    watching.kill();
    shop.buy(3, 3).await;
    shop.until_log("it goes on without", |about| about["quorum_met"] == false).await;
    drop(node);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_log_that_was_set_back_signs_nothing_and_payments_go_on() {
    let shop = Shop::new().await;
    let witness = Witness { shop: &shop, port: free_port() };
    let node = shop.start();
    shop.buy(1, 1).await;
    let vkey = shop.about_log().await["vkey"].as_str().unwrap().to_owned();
    let _watching = witness.start(&vkey);
    drop(node);
    copy(&shop.data(), &shop.path("old"));

    // It goes on, seen by a witness and by a guard that has to be made.
    let guard = shop.path("guard");
    let guarded = format!("guard = \"{}\"", guard.display());
    shop.set_log(&format!("{guarded}\n{}", witness.settings()));
    let command = format!("farthing log guard --create {}", guard.display());
    run(&mut shop.serve_command()).failed(1).says("is not there").says(&command);
    run(&mut shop.farthing(&["log", "guard", "--create", "guard"])).succeeded();
    let node = shop.start();
    shop.buy(2, 2).await;
    let before = shop.until_log("it is watched", |about| about["quorum_met"] == true).await;
    drop(node);
    std::fs::rename(shop.data(), shop.path("new")).unwrap();

    for keys in [guarded, witness.settings()] {
        let data = shop.data();
        if data.exists() {
            std::fs::remove_dir_all(&data).unwrap();
        }
        copy(&shop.path("old"), &data);
        shop.set_log(&keys);
        let node = shop.start();
        let halted = shop.until_log("it has halted", |about| about["halted"].is_string()).await;
        assert_ne!(head(&halted), head(&before));
        let buyer = shop.buyer(9).await;
        let paid = buyer.sign(shop.site_port, &Wanted::get("/articles/9")).await.unwrap();
        present(shop.site_port, &paid).await.unwrap().assert_delivers(&paid);
        let proof = shop.get(&format!("/v1/receipts/{}/proof", paid.payment)).await;
        assert_eq!((proof.status, proof.code().as_str()), (503, "log_halted"));
        node.terminate();
        assert!(node.ended().success());
    }

    // The folder that was not set back goes on.
    std::fs::remove_dir_all(shop.data()).unwrap();
    std::fs::rename(shop.path("new"), shop.data()).unwrap();
    shop.set_log(&witness.settings());
    let _node = shop.start();
    let going_on = shop.until_log("it is watched", |about| about["quorum_met"] == true).await;
    assert_eq!(going_on["halted"], Value::Null);
    let size = |about: &Value| about["size"].as_u64().unwrap();
    assert!(size(&going_on) >= size(&before));
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_new_log_takes_the_place_of_the_old_one() {
    let shop = Shop::new().await;
    let node = shop.start();
    let receipt = shop.buy(1, 1).await;
    let first = shop.about_log().await;
    drop(node);
    let key = std::fs::read(shop.data().join("log.key")).unwrap();
    shop.set_log("origin = \"other.example/log\"");
    let refused = run(shop.serve_command().args(["--new-log", "new.example/log"]));
    refused.failed(1).says("change the settings");
    shop.set_log("");
    // Given again it does nothing, and then it is not needed.
    for args in [&["--new-log", "new.example/log"][..], &["--new-log", "new.example/log"], &[]] {
        let node = shop.start_with(args);
        let about = shop.about_log().await;
        assert_eq!(about["origin"], "new.example/log");
        assert_ne!(about["vkey"], first["vkey"]);
        assert!(about["halted"].is_null());
        drop(node);
        assert_eq!(std::fs::read(shop.data().join("log.key.1.old")).unwrap(), key);
        assert!(!shop.data().join("log.key.2.old").exists());
        assert!(!shop.data().join("log.key.new").exists());
    }
    let _node = shop.start();
    assert!(shop.policy().await.judge(receipt.note()).is_err(), "it is of the old log");
    let again = shop.buy(2, 2).await;
    shop.policy().await.judge(again.note()).unwrap();
    assert!(again.index() > receipt.index());
}
