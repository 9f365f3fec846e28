//! `farthing serve`: configuration, the data folder's lock, a clean end, a damaged journal.

use std::fs::{File, read, read_dir, write};
use std::path::PathBuf;
use std::process::Command;

use crate::buyer::{Wanted, present};
use crate::process::{run, until};
use crate::shop::{ARTICLE_UNITS, JOB_UNITS, Shop};

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn an_unknown_key_is_named_with_file_and_line() {
    let shop = Shop::new().await;
    let text = std::fs::read_to_string(shop.path("shop.toml")).unwrap();
    let line = text.lines().position(|line| line.starts_with("price")).unwrap() + 1;
    shop.write("shop.toml", &text.replacen("price", "prise", 1));
    run(&mut shop.serve_command())
        .failed(1)
        .says(&format!("shop.toml:{line}:1"))
        .says("unknown field `prise`");
    shop.write("shop.toml", &text.replacen("0.002", "2 mills", 1));
    run(&mut shop.serve_command()).failed(1).says("gateway[1].offer[1].price").says("hint:");
    run(&mut shop.farthing(&["serve"])).failed(1).says("farthing.toml").says("hint:");
    assert!(!shop.data().exists(), "nothing is made before the settings are right");
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn the_printed_settings_are_those_that_would_be_used() {
    let shop = Shop::new().await;
    let args = ["serve", "--config", "shop.toml", "--print-config", "--data", "by-flag"];
    let print = |listen: &str| {
        let mut command = shop.farthing(&args);
        run(command.env("FARTHING_LISTEN", listen).env("FARTHING_DATA", "by-environment"))
    };
    let printed = print("127.0.0.1:4").succeeded().out;
    for line in
        ["listen = \"127.0.0.1:4\"", "data = \"by-flag\"", "hold_seconds = 600", "faucet = \"1\""]
    {
        assert!(printed.lines().any(|found| found == line), "`{line}` is missing in\n{printed}");
    }
    shop.write("shop.toml", &printed);
    assert_eq!(print("127.0.0.1:4").succeeded().out, printed);
    print("somewhere").failed(2);
    assert!(!shop.path("by-flag").exists());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_second_node_on_a_folder_or_an_address_is_refused() {
    let shop = Shop::new().await;
    let _node = shop.start();
    let buyer = shop.buyer(1).await;
    let text = std::fs::read_to_string(shop.path("shop.toml")).unwrap();
    let moved = text.replace(&shop.node_port.to_string(), "0");
    shop.write("second.toml", &moved.replace(&shop.site_port.to_string(), "0"));
    run(&mut shop.farthing(&["serve", "--config", "second.toml"]))
        .failed(1)
        .says("is open elsewhere; stop that process first")
        .says("hint: for a second node, name another folder with --data");
    run(&mut shop.farthing(&["serve", "--config", "shop.toml", "--data", "other"]))
        .failed(1)
        .says("cannot listen on")
        .says("hint: choose another address or port");
    let paid = buyer.sign(shop.site_port, &Wanted::get("/articles/1")).await.unwrap();
    present(shop.site_port, &paid).await.unwrap().assert_delivers(&paid);
    run(&mut shop.farthing(&["accounts", "--data", "data"])).succeeded();
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn asked_to_stop_it_finishes_what_is_under_way_and_leaves_a_snapshot() {
    let shop = Shop::new().await;
    let node = shop.start();
    let buyer = shop.buyer(1).await;
    let before = files(&shop, "snapshots");
    let paid = buyer.sign(shop.site_port, &Wanted::post("/jobs/gate/1")).await.unwrap();
    let (copy, port) = (paid.clone(), shop.site_port);
    let asked = tokio::spawn(async move { present(port, &copy).await.unwrap() });
    let began = || async { (shop.upstream.executions(Some(paid.payment)) > 0).then_some(()) };
    until("the job has begun", began).await;
    node.terminate();
    let refused = || async {
        let connected = tokio::net::TcpStream::connect(("127.0.0.1", port)).await;
        connected.is_err().then_some(())
    };
    until("no more connections are taken", refused).await;
    shop.upstream.open_gate(1);
    asked.await.unwrap().assert_delivers(&paid);
    assert!(node.errors().starts_with("stopping: "), "{}", node.errors());
    assert!(node.ended().success());
    let after = files(&shop, "snapshots");
    assert!(after.iter().any(|path| !before.contains(path)), "{before:?} {after:?}");
    assert!(!shop.data().join("node.json").exists());

    // The snapshot is a cache: with it and without it the books are the same.
    let node = shop.start();
    shop.assert_spent(&buyer, JOB_UNITS).await;
    node.terminate();
    assert!(node.ended().success());
    std::fs::remove_dir_all(shop.data().join("snapshots")).unwrap();
    let _node = shop.start();
    shop.assert_spent(&buyer, JOB_UNITS).await;
    let copy = present(shop.site_port, &paid).await.unwrap();
    copy.assert_delivers(&paid);
    assert!(copy.is_replay());
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn a_damaged_journal_is_refused_and_left_as_it_is() {
    let shop = Shop::new().await;
    let node = shop.start();
    let buyer = shop.buyer(1).await;
    for number in 0..5 {
        let wanted = Wanted::get(format!("/articles/{number}"));
        let paid = buyer.sign(shop.site_port, &wanted).await.unwrap();
        present(shop.site_port, &paid).await.unwrap().assert_delivers(&paid);
    }
    node.kill();
    let segment = files(&shop, "journal").into_iter().find(|path| path.extension().is_some());
    let segment = segment.unwrap();
    let good = read(&segment).unwrap();
    let written = good.iter().rposition(|byte| *byte != 0).unwrap();
    for at in [written / 4, written / 2, written * 3 / 4] {
        let mut bad = good.clone();
        bad[at] ^= 1;
        write(&segment, &bad).unwrap();
        run(&mut shop.serve_command())
            .failed(5)
            .says("the journal is damaged: batch ")
            .says("restore it from a backup")
            .says("hint: nothing was changed");
        assert!(read(&segment).unwrap() == bad, "the damaged segment was changed");
    }
    write(&segment, &good).unwrap();
    let _node = shop.start();
    shop.assert_spent(&buyer, 5 * ARTICLE_UNITS).await;
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn colour_is_for_terminals_and_gives_way_to_no_color() {
    let shop = Shop::new().await;
    let node = shop.start();
    let listing = format!("{} accounts --data data", env!("CARGO_BIN_EXE_farthing"));
    let failing = format!("{} pay nothing", env!("CARGO_BIN_EXE_farthing"));
    for line in [&listing, &failing] {
        assert!(on_a_terminal(&shop, line, None).contains('\u{1b}'), "{line}");
        assert!(on_a_terminal(&shop, line, Some("")).contains('\u{1b}'), "{line}");
        let plain = on_a_terminal(&shop, line, Some("1"));
        assert!(!plain.contains('\u{1b}'), "{plain:?}");
    }
    let piped = run(&mut shop.farthing(&["accounts", "--data", "data"])).succeeded();
    assert!(!piped.out.contains('\u{1b}') && !piped.err.contains('\u{1b}'), "{piped:?}");
    assert!(!node.errors().contains('\u{1b}'));
}

/// Output of a command line on a terminal of its own, which `script` provides.
fn on_a_terminal(shop: &Shop, line: &str, no_color: Option<&str>) -> String {
    let mut command = Command::new("script");
    command.args(["-qec", line, "/dev/null"]).current_dir(shop.folder.path());
    command.env("HOME", shop.folder.path()).env("TERM", "xterm").env_remove("NO_COLOR");
    command.envs(no_color.map(|value| ("NO_COLOR", value)));
    command.stdin(File::open("/dev/null").unwrap());
    let output = command.output().unwrap();
    assert!(!output.stdout.is_empty(), "{output:?}");
    String::from_utf8(output.stdout).unwrap()
}

fn files(shop: &Shop, folder: &str) -> Vec<PathBuf> {
    let entries = read_dir(shop.data().join(folder)).unwrap();
    entries.map(|entry| entry.unwrap().path()).collect()
}
