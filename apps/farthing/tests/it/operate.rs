//! The tools around a node: health, completions, manual.

use crate::process::run;
use crate::shop::Shop;

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn health_is_the_exit_code() {
    let shop = Shop::new().await;
    run(&mut shop.farthing(&["health", "--data", "data"])).failed(1).says("hint:");
    let node = shop.start();
    let url = shop.node_url();
    for args in [["health", "--data", "data"], ["health", "--node", url.as_str()]] {
        assert_eq!(run(&mut shop.farthing(&args)).succeeded().out, "ready\n");
    }
    node.kill();
    run(&mut shop.farthing(&["health", "--data", "data"])).failed(1);
}

#[tokio::test(flavor = "multi_thread", worker_threads = 2)]
async fn completions_and_manual_are_printed() {
    let shop = Shop::new().await;
    for (shell, opens) in
        [("bash", "_farthing()"), ("zsh", "#compdef farthing"), ("fish", "complete")]
    {
        let script = run(&mut shop.farthing(&["completions", shell])).succeeded().out;
        assert!(script.contains(opens) && script.contains("restore"), "{shell}");
    }
    run(&mut shop.farthing(&["completions", "abacus"])).failed(2);
    let page = run(&mut shop.farthing(&["man"])).succeeded().out;
    assert!(page.contains(".TH farthing 1"), "{page}");
    run(&mut shop.farthing(&["man", "--to", "man1"])).succeeded();
    assert!(shop.path("man1/farthing-serve.1").exists());
}
