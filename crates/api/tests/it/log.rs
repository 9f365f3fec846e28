//! The log over HTTP: what anyone can read, as far as it is published.

use http::Method;
use serde_json::json;
use tlog::policy::Policy;
use tlog::{Checkpoint, Cosigner, KeyName, Note, Tile, TileReader, TreeHead, root};

use crate::world::{Answer, LOG, World, request};

const FOREVER: &str = "public, max-age=31536000, immutable";

/// Publishes what the log has now, with these cosignatures of a witness.
pub fn publish(world: &World, cosigners: &[&Cosigner]) -> TreeHead {
    let log = world.engine.log().unwrap();
    let (head, note) = log.prepare().unwrap();
    let signed = cosigners.iter().map(|cosigner| cosigner.cosign(&note, 1_795_401_600).unwrap());
    log.publish(head, &note, &signed.collect::<Vec<_>>()).unwrap();
    head
}

/// A witness, and the policy that requires it.
pub fn watched() -> (Cosigner, String) {
    let witness = Cosigner::from_seed(KeyName::new("witness.example/w").unwrap(), &[9; 32]);
    let vkey = witness.verifier();
    let lines = format!("witness w {vkey} https://witness.example\nquorum w\n");
    (witness, lines)
}

/// What no log of a payment reaches: any page may read, and nothing is sniffed.
#[track_caller]
fn is_open(answer: &Answer, content_type: &str, cache: &str) {
    assert_eq!(answer.status, 200, "{answer:?}");
    assert_eq!(answer.header("content-type"), content_type);
    assert_eq!(answer.header("cache-control"), cache);
    assert_eq!(answer.header("access-control-allow-origin"), "*");
}

#[tokio::test]
async fn the_published_checkpoint_is_served_as_it_was_signed() {
    let world = World::logged("quorum none\n").await;
    let none = world.get("/log/checkpoint").await;
    none.is_problem(503, "log_unpublished", None);
    assert_eq!(none.header("retry-after"), "1");
    let head = publish(&world, &[]);
    let answer = world.get("/log/checkpoint").await;
    is_open(&answer, "text/plain; charset=utf-8", "public, max-age=1");
    let policy = Policy::parse(&world.get("/log/policy").await.bytes).unwrap();
    let judged = policy.judge(&Note::parse(&answer.bytes).unwrap()).unwrap().checkpoint;
    assert_eq!((judged.origin(), judged.head()), (LOG, head));
    // What was paid meanwhile is not published.
    world.settled(1).await;
    assert_eq!(world.get("/log/checkpoint").await.bytes, answer.bytes);
    let only_head = world.send(request(Method::HEAD, "/log/checkpoint", &[], "")).await;
    assert_eq!((only_head.status, only_head.bytes.len()), (200, 0));
    assert_eq!(only_head.header("content-length"), answer.bytes.len().to_string());
    world.post("/log/checkpoint", &json!({})).await.is_problem(405, "method_not_allowed", None);
}

#[tokio::test]
async fn tiles_make_the_root_of_the_checkpoint() {
    let world = World::logged("quorum none\n").await;
    for number in 1..5 {
        world.settled(number).await;
    }
    let head = publish(&world, &[]);
    let mut tiles = Vec::new();
    for tile in Tile::all(head.size) {
        let answer = world.get(&format!("/log/{tile}")).await;
        is_open(&answer, "application/octet-stream", FOREVER);
        tiles.push((tile, answer.bytes));
    }
    let find = |tile: Tile| tiles.iter().find(|(known, _)| *known == tile).map(|(_, bytes)| bytes);
    let read = |tile: Tile| tile.decode_hashes(find(tile).unwrap());
    let made = root(&mut TileReader::new(head.size, read), head.size).unwrap();
    assert_eq!(made, head.root);
    let bundle = format!("/log/tile/entries/000.p/{}", head.size);
    let entries = world.get(&bundle).await.bytes;
    let entries = tlog::decode_entries(&entries, usize::try_from(head.size).unwrap()).unwrap();
    let hashes = world.get(&format!("/log/tile/0/000.p/{}", head.size)).await.bytes;
    for (entry, hash) in entries.iter().zip(hashes.chunks(32)) {
        assert_eq!(tlog::leaf_hash(entry).0, hash);
    }
    // A narrower tile of the past is the beginning of the wider one.
    let narrow = world.get("/log/tile/0/000.p/2").await;
    assert_eq!(narrow.bytes, hashes[..64]);
}

#[tokio::test]
async fn nothing_is_served_beyond_the_published_checkpoint() {
    let world = World::logged("quorum none\n").await;
    world.get("/log/tile/0/000.p/1").await.is_problem(404, "log_tile_unknown", None);
    let head = publish(&world, &[]);
    world.settled(1).await;
    world.engine.log().unwrap().reaches(head.size).await.unwrap();
    let beyond = head.size + 1;
    for path in [
        format!("tile/0/000.p/{beyond}"),
        format!("tile/entries/000.p/{beyond}"),
        "tile/0/000".to_owned(),
        "tile/0/001".to_owned(),
        "tile/1/000.p/1".to_owned(),
        "tile/63/000".to_owned(),
        "tile/0/x018/x446/x744/x073/x709/x551/615".to_owned(),
    ] {
        let answer = world.get(&format!("/log/{path}")).await;
        answer.is_problem(404, "log_tile_unknown", None);
        assert_eq!(answer.header("access-control-allow-origin"), "*");
        assert_eq!(answer.header("cache-control"), "no-store");
    }
}

#[tokio::test]
async fn a_tile_has_one_path() {
    let world = World::logged("quorum none\n").await;
    publish(&world, &[]);
    for (path, code) in [
        ("0/0", "tlog_tile_index"),
        ("0/000.p/0", "tlog_tile_width"),
        ("0/000.p/256", "tlog_tile_width"),
        ("0/000.p/01", "tlog_tile_width"),
        ("00/000.p/1", "tlog_tile_level"),
        ("64/000.p/1", "tlog_tile_level"),
        ("-1/000.p/1", "tlog_tile_level"),
        ("entries/x000/000.p/1", "tlog_tile_index"),
        ("0/%30%30%30.p/1", "tlog_tile_index"),
        ("0/..%2f000.p/1", "tlog_tile_index"),
        ("0/000.p/1/", "tlog_tile_width"),
        ("0//000.p/1", "tlog_tile_index"),
        ("0", "tlog_tile_path"),
        ("data/000", "tlog_tile_level"),
    ] {
        let answer = world.get(&format!("/log/tile/{path}")).await;
        answer.is_problem(400, code, Some("path"));
    }
    for path in ["/log", "/log/", "/log/tile", "/log/tile/", "/log/secrets"] {
        world.get(path).await.is_problem(404, "not_found", None);
    }
}

#[tokio::test]
async fn the_log_says_how_it_fares() {
    let (witness, lines) = watched();
    let world = World::logged(&lines).await;
    let fresh = world.get("/v1/log").await.json;
    assert_eq!((&fresh["published"], &fresh["quorum_met"]), (&json!(null), &json!(null)));
    let head = publish(&world, &[]);
    let about = world.get("/v1/log").await;
    assert_eq!(about.header("access-control-allow-origin"), "*");
    let log = world.engine.log().unwrap();
    assert_eq!(about.json["origin"], LOG);
    assert_eq!(about.json["vkey"], log.vkey());
    assert_eq!(about.json["url"], "http://127.0.0.1:4021/log");
    assert_eq!(about.json["size"], head.size);
    assert_eq!(about.json["published"], json!({"size": head.size, "root": about.json["root"]}));
    assert_eq!(about.json["quorum_met"], false);
    assert_eq!(about.json["halted"], json!(null));
    assert_eq!(about.json["epoch"], json!(null));
    assert_eq!(about.json["publishing"]["checkpoints"], 0);
    publish(&world, &[&witness]);
    assert_eq!(world.get("/v1/log").await.json["quorum_met"], true);

    let closed = world.engine.close_epoch().await.unwrap();
    let epoch = &world.get("/v1/log").await.json["epoch"];
    assert_eq!((&epoch["number"], &epoch["leaf"]), (&json!(1), &json!(closed.leaf)));
    assert_eq!(epoch["size"], head.size);
    assert_eq!(epoch["assets"][0]["asset"], "USD");
    // The treasury gave what the payer has.
    assert_eq!(epoch["assets"][0]["liabilities"], crate::world::FUNDED.to_string());
}

#[tokio::test]
async fn a_halted_log_shows_what_it_published_and_says_why() {
    let world = World::logged("quorum none\n").await;
    let log = world.engine.log().unwrap();
    let before = publish(&world, &[]);
    log.halt("a witness has seen more".to_owned());
    let payment = world.settled(1).await;
    let shown = world.get("/log/checkpoint").await;
    assert_eq!(shown.header("cache-control"), "no-cache");
    let note = Note::parse(&shown.bytes).unwrap();
    assert_eq!(Checkpoint::parse(note.text()).unwrap().head(), before);
    assert_eq!(world.get("/v1/log").await.json["halted"], "a witness has seen more");
    let proof = world.get(&format!("/v1/receipts/{payment}/proof")).await;
    proof.is_problem(503, "log_halted", None);

    let fresh = World::logged("quorum none\n").await;
    fresh.engine.log().unwrap().halt("no".to_owned());
    fresh.get("/log/checkpoint").await.is_problem(503, "log_halted", None);
}

#[tokio::test]
async fn without_a_log_there_is_nothing_to_read() {
    let world = World::new().await;
    let payment = world.settled(1).await;
    let paths = ["/log/checkpoint", "/log/tile/0/000.p/1", "/log/policy", "/v1/log"];
    for path in paths.map(str::to_owned).iter().chain([&format!("/v1/receipts/{payment}/proof")]) {
        world.get(path).await.is_problem(404, "log_off", None);
    }
    let receipt = world.get(&format!("/v1/receipts/{payment}")).await;
    assert_eq!(receipt.json.get("proof"), None);
}
