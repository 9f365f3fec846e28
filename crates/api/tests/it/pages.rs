//! The pages and their files.

use crate::world::World;

#[tokio::test]
async fn pages_run_nothing_from_elsewhere() {
    let world = World::new().await;
    for (path, title) in [
        ("/", "Farthing"),
        ("/wallet", "Wallet"),
        ("/wallet/grant", "budget"),
        ("/live", "Live"),
        ("/verify", "receipt"),
        ("/app", "Farthing"),
        ("/app/offers/off_1", "Farthing"),
        ("/pay/pay_1", "Receipt"),
    ] {
        let page = world.get(path).await;
        assert_eq!(page.status, 200, "{path}");
        assert_eq!(page.header("content-type"), "text/html; charset=utf-8");
        let text = String::from_utf8(page.bytes.clone()).unwrap();
        assert!(text.contains(title), "{path}");
        let policy = page.header("content-security-policy");
        for part in ["default-src 'none'", "script-src 'self'", "frame-ancestors 'none'"] {
            assert!(policy.contains(part), "{path}: {policy}");
        }
        assert!(!policy.contains("unsafe"));
        assert!(!text.contains("<style") && !text.contains(" onclick") && !text.contains("style="));
        assert_eq!(page.header("referrer-policy"), "no-referrer");
    }
}

/// The pop-up has to answer the window that opened it; no other page has a use for an opener.
#[tokio::test]
async fn only_the_popup_keeps_its_opener() {
    let world = World::new().await;
    let policy = |page: &crate::world::Answer| page.header("cross-origin-opener-policy").to_owned();
    assert_eq!(policy(&world.get("/wallet/grant").await), "");
    for path in ["/", "/wallet", "/live", "/verify", "/app", "/pay/pay_1"] {
        assert_eq!(policy(&world.get(path).await), "same-origin", "{path}");
    }
}

#[tokio::test]
async fn every_file_that_a_page_names_is_served() {
    let world = World::new().await;
    let mut waiting: Vec<String> =
        ["/", "/wallet", "/wallet/grant", "/live", "/verify", "/app", "/pay/pay_1"]
            .map(Into::into)
            .into();
    let mut seen = Vec::new();
    while let Some(path) = waiting.pop() {
        let answer = world.get(&path).await;
        assert_eq!(answer.status, 200, "{path}");
        let text = String::from_utf8(answer.bytes).unwrap();
        let named = text.split(['"', '\'']).filter_map(|part| {
            let is_file = [".js", ".css", ".svg"].iter().any(|ending| part.ends_with(ending));
            let bundled = part.starts_with("/app/files/").then(|| part.to_owned());
            let name = part.strip_prefix("/.well-known/farthing/").or(part.strip_prefix("./"));
            let module = name.map(|name| format!("/.well-known/farthing/{name}"));
            bundled.or(module).filter(|_| is_file)
        });
        for file in named {
            if !seen.contains(&file) {
                seen.push(file.clone());
                waiting.push(file);
            }
        }
    }
    assert!(seen.len() > 8, "{seen:?}");
}

#[tokio::test]
async fn files_are_typed_and_revalidated() {
    let world = World::new().await;
    let script = world.get("/.well-known/farthing/grant.js").await;
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), "no-cache");
    let tag = script.header("etag").to_owned();
    let again = world.get_with("/.well-known/farthing/grant.js", &[("if-none-match", &tag)]).await;
    assert_eq!((again.status, again.bytes.len()), (304, 0));
    let style = world.get("/.well-known/farthing/farthing.css").await;
    assert_eq!(style.header("content-type"), "text/css; charset=utf-8");
    for missing in ["nothing.js", "paywall.html", "..%2findex.html", "%FF"] {
        let answer = world.get(&format!("/.well-known/farthing/{missing}")).await;
        answer.is_problem(404, "not_found", None);
    }
}

#[tokio::test]
async fn files_of_the_application_are_compressed_for_those_who_take_it() {
    let world = World::new().await;
    let plain = world.get("/app/files/app.js").await;
    assert_eq!(plain.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!((plain.header("content-encoding"), plain.header("vary")), ("", "accept-encoding"));
    let gzip = world.get_with("/app/files/app.js", &[("accept-encoding", "br, gzip")]).await;
    assert_eq!(gzip.header("content-encoding"), "gzip");
    assert!(gzip.bytes.starts_with(&[0x1f, 0x8b]) && gzip.bytes.len() < plain.bytes.len() / 2);
    assert_ne!(gzip.header("etag"), plain.header("etag"));
    for missing in ["nothing.js", "app.html", "%FF"] {
        let answer = world.get(&format!("/app/files/{missing}")).await;
        answer.is_problem(404, "not_found", None);
    }
}

/// It has to stand beside the page that it serves, and must load no more than a page may.
#[tokio::test]
async fn the_script_for_use_without_a_network_is_beside_its_page() {
    let world = World::new().await;
    let script = world.get("/verify-offline.js").await;
    assert_eq!(script.status, 200);
    assert_eq!(script.header("content-type"), "text/javascript; charset=utf-8");
    assert_eq!(script.header("cache-control"), "no-cache");
    assert!(script.header("content-security-policy").contains("default-src 'none'"));
    assert!(String::from_utf8(script.bytes).unwrap().contains("addEventListener('fetch'"));
}
