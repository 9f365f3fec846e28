//! Every answer of the protocol, byte for byte, over HTTP.

use std::sync::Arc;

use axum::body::Body;
use futures_util::FutureExt as _;
use http::{Method, Request, header};
use http_body_util::BodyExt as _;
use tlog::witness::{Answer, WITNESS_REQUEST_BYTES_MAX};
use tlog::{Hash, LogSigner, Note, TreeHead};
use tower::ServiceExt as _;
use witness::{Witness, server};

use crate::world::{
    FORK, History, LOG, OTHER_LOG, TIME, clock, cosigner, fresh, log, log_named, name, open,
    request, signed,
};

/// Status, content type, body.
type Said = (u16, String, String);

async fn ask(witness: &Arc<Witness>, method: Method, path: &str, body: impl Into<Body>) -> Said {
    let router = server::router(Arc::clone(witness), clock(), "/w1").unwrap();
    let request = Request::builder().method(method).uri(path).body(body.into()).unwrap();
    let answer = router.oneshot(request).await.unwrap();
    let status = answer.status().as_u16();
    let value = answer.headers().get(header::CONTENT_TYPE).cloned();
    let content_type = value.map_or_else(String::new, |it| it.to_str().unwrap().to_owned());
    let bytes = answer.into_body().collect().await.unwrap().to_bytes();
    (status, content_type, String::from_utf8(bytes.to_vec()).unwrap())
}

async fn add(witness: &Arc<Witness>, body: String) -> Said {
    ask(witness, Method::POST, "/add-checkpoint", body).await
}

/// That the answer is a cosignature of the note.
#[track_caller]
fn cosigned(said: &Said, note: &Note) {
    let (status, content_type, body) = said;
    let Ok(Answer::Cosigned(lines)) = Answer::parse(*status, content_type, body.as_bytes()) else {
        panic!("{said:?}");
    };
    assert_eq!(lines.len(), 1);
    let witness = cosigner();
    let all = note.with_verified(&lines, [witness.verifier()]).unwrap();
    let signed = all.verify([witness.verifier()]).unwrap();
    assert_eq!(signed[0].time, Some(TIME));
}

#[tokio::test]
async fn what_has_grown_is_cosigned_and_the_same_again_as_well() {
    let (_folder, witness) = fresh();
    for (old, new) in [(0, 0), (0, 0), (0, 3), (3, 3), (3, 4), (4, 9), (9, 9), (9, 300)] {
        let said = add(&witness, History::First.request(old, new)).await;
        cosigned(&said, &History::First.note(new));
        assert_eq!(witness.head(LOG), Some(History::First.head(new)), "{old} to {new}");
    }
}

/// Wrong requests against a witness that has cosigned seven leaves.
fn refusals() -> Vec<(&'static str, String, u16, &'static str)> {
    let first = History::First;
    let note = |history: History, size| history.note(size);
    let bad = || vec![Hash([1; 32])];
    let stranger = signed(&log_named(OTHER_LOG), first.head(8));
    let other_key = LogSigner::from_seed(name(LOG), &[8; 32]);
    let unsigned = signed(&other_key, first.head(8));
    // A line of the log's name and key id, with another's signature.
    let spoilt = first.note(8).to_string().replace(
        &first.note(8).text().lines().nth(2).unwrap().to_owned(),
        "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=",
    );
    let wrong = signed(&log(), TreeHead { size: 0, root: Hash([5; 32]) });
    vec![
        ("unknown origin", request(7, first.proof(7, 8), stranger), 404, "witness_unknown_origin"),
        ("no trusted key", request(7, first.proof(7, 8), unsigned), 403, "note_unsigned"),
        ("a failing line", format!("old 7\n\n{spoilt}"), 403, "note_signature_mismatch"),
        ("old above size", request(9, vec![], note(first, 8)), 400, "witness_old_above_checkpoint"),
        (
            "old above size 0",
            request(7, vec![], wrong.clone()),
            400,
            "witness_old_above_checkpoint",
        ),
        ("no old line", format!("{}", note(first, 8)), 400, "witness_request_old_size"),
        (
            "old with zeros",
            first.request(7, 8).replace("old 7", "old 07"),
            400,
            "witness_request_old_size",
        ),
        ("no note", "old 7\n\n".to_owned(), 400, "note_no_signature"),
        ("no checkpoint", "old 7\n".to_owned(), 400, "witness_request_no_checkpoint"),
        ("nothing", String::new(), 400, "witness_request_no_checkpoint"),
        ("no hash", format!("old 7\nAAAA\n\n{}", note(first, 8)), 400, "witness_request_hash"),
        (
            "too many hashes",
            format!(
                "old 7\n{}\n{}",
                "AAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAAA=\n".repeat(64),
                note(first, 8)
            ),
            400,
            "witness_request_too_many_hashes",
        ),
        ("no proof", request(7, vec![], note(first, 8)), 422, "witness_inconsistent"),
        ("bad proof", request(7, bad(), note(first, 8)), 422, "witness_inconsistent"),
        (
            "another history",
            request(7, History::Second.proof(7, 8), note(History::Second, 8)),
            422,
            "witness_inconsistent",
        ),
        ("another root", request(7, vec![], note(History::Second, 7)), 422, "witness_other_root"),
        ("needless proof", request(7, bad(), note(first, 7)), 422, "witness_needless_proof"),
        ("old 0", first.request(0, 8), 409, ""),
        ("old below", first.request(6, 8), 409, ""),
        ("old above", first.request(8, 8), 409, ""),
        ("smaller", first.request(3, 5), 409, ""),
        ("size 0 with a wrong root", request(0, vec![], wrong), 409, ""),
    ]
}

#[tokio::test]
async fn every_refusal_has_its_status_and_changes_nothing() {
    const { assert!(FORK < 7) };
    let (_folder, witness) = fresh();
    cosigned(&add(&witness, History::First.request(0, 7)).await, &History::First.note(7));
    for (what, body, status, code) in refusals() {
        let (found, content_type, text) = add(&witness, body).await;
        assert_eq!(found, status, "{what}: {text}");
        if status == 409 {
            assert_eq!(
                (content_type.as_str(), text.as_str()),
                ("text/x.tlog.size", "7\n"),
                "{what}"
            );
        } else {
            assert_eq!(content_type, "text/plain; charset=utf-8", "{what}");
            assert!(
                text.starts_with(&format!("{code}: ")) && text.ends_with('\n'),
                "{what}: {text}"
            );
        }
        assert_eq!(witness.head(LOG), Some(History::First.head(7)), "{what}");
    }
    cosigned(&add(&witness, History::First.request(7, 8)).await, &History::First.note(8));
}

#[tokio::test]
async fn before_the_first_time_the_old_size_is_zero() {
    let (_folder, witness) = fresh();
    let conflict = (409, "text/x.tlog.size".to_owned(), "0\n".to_owned());
    assert_eq!(add(&witness, History::First.request(3, 7)).await, conflict);
    let bad = request(0, vec![Hash([1; 32])], History::First.note(7));
    let (status, _, text) = add(&witness, bad).await;
    assert!(status == 422 && text.starts_with("witness_needless_proof"), "{status} {text}");
    let wrong = signed(&log(), TreeHead { size: 0, root: Hash([5; 32]) });
    let (status, _, text) = add(&witness, request(0, vec![], wrong)).await;
    assert!(status == 422 && text.starts_with("witness_empty_root"), "{status} {text}");
    assert_eq!(witness.head(LOG), None);
}

#[tokio::test]
async fn a_body_above_the_limit_is_refused() {
    let (_folder, witness) = fresh();
    let body = vec![b'a'; WITNESS_REQUEST_BYTES_MAX + 1];
    let (status, _, text) = ask(&witness, Method::POST, "/add-checkpoint", body).await;
    assert!(status == 400 && text.starts_with("witness_request_too_large"), "{status} {text}");
    let body = vec![b'a'; WITNESS_REQUEST_BYTES_MAX];
    let (status, _, text) = ask(&witness, Method::POST, "/add-checkpoint", body).await;
    assert!(status == 400 && text.starts_with("witness_request_no_checkpoint"), "{status} {text}");
}

#[tokio::test]
async fn requests_beyond_the_limit_are_told_to_come_back() {
    let (_folder, witness) = fresh();
    let router = server::router(Arc::clone(&witness), clock(), "").unwrap();
    let post = |body: Body| {
        let request = Request::builder().method(Method::POST).uri("/add-checkpoint");
        router.clone().oneshot(request.body(body).unwrap())
    };
    let open = || Body::from_stream(futures_util::stream::pending::<Result<Vec<u8>, String>>());
    let mut waiting: Vec<_> =
        (0..server::REQUESTS_COUNT_MAX).map(|_| Box::pin(post(open()))).collect();
    for request in &mut waiting {
        assert!(request.now_or_never().is_none());
    }
    let good = || Body::from(History::First.request(0, 3));
    let answer = post(good()).await.unwrap();
    assert_eq!(
        (answer.status().as_u16(), &answer.headers()[header::RETRY_AFTER]),
        (503, &"1".parse().unwrap())
    );
    waiting.pop();
    assert_eq!(post(good()).await.unwrap().status().as_u16(), 200);
}

#[tokio::test]
async fn a_witness_whose_disk_failed_says_so() {
    let disk = disk::Simulated::new(1);
    let folder = std::path::Path::new("w");
    let witness = Arc::new(open(Arc::new(disk.clone()), folder, witness::Start::First));
    disk.arm(disk::Fault::WriteError, disk::When::Nth(1));
    for (method, path) in [(Method::POST, "/add-checkpoint"), (Method::GET, "/healthz")] {
        let body = History::First.request(0, 3);
        let (status, _, text) = ask(&witness, method, path, body).await;
        assert!(status == 503 && text.starts_with("witness_stopped"), "{status} {text}");
    }
}

#[tokio::test]
async fn monitors_get_the_newest_cosigned_checkpoint() {
    let (_folder, witness) = fresh();
    // sha256("ledger.example/log1"), computed elsewhere.
    let hash = "5be92bef3f42d5bcd9e2649883a59da25fe073e6e9f4e75607dd36f54d6f94d5";
    for path in [format!("/{hash}/checkpoint"), format!("/w1/{hash}/checkpoint")] {
        let (status, _, text) = ask(&witness, Method::GET, &path, "").await;
        assert!(status == 404 && text.starts_with("witness_no_checkpoint"), "{status} {text}");
    }
    for (old, new) in [(0, 3), (3, 8)] {
        let body = History::First.request(old, new);
        let (status, ..) = ask(&witness, Method::POST, "/w1/add-checkpoint", body).await;
        assert_eq!(status, 200);
        for path in [format!("/{hash}/checkpoint"), format!("/w1/{hash}/checkpoint")] {
            let (status, content_type, text) = ask(&witness, Method::GET, &path, "").await;
            assert_eq!((status, content_type.as_str()), (200, "text/plain; charset=utf-8"));
            let note = Note::parse(text.as_bytes()).unwrap();
            assert_eq!(note.text(), History::First.note(new).text());
            let (log, witness) = (log(), cosigner());
            assert_eq!(note.verify([log.verifier(), witness.verifier()]).unwrap().len(), 2);
        }
    }
    let upper = hash.to_uppercase();
    for path in [format!("/{upper}/checkpoint"), "/checkpoint".into(), format!("/{hash}/other")] {
        assert_eq!(ask(&witness, Method::GET, &path, "").await.0, 404, "{path}");
    }
    assert_eq!(ask(&witness, Method::GET, "/add-checkpoint", "").await.0, 405);
    assert_eq!(ask(&witness, Method::GET, "/healthz", "").await.2, "ok\n");
}

#[tokio::test]
async fn what_strangers_wrote_below_a_checkpoint_is_not_kept() {
    let (_folder, witness) = fresh();
    let note = History::First.note(3);
    let stranger = LogSigner::from_seed(name("stranger.example"), &[1; 32]);
    let more = stranger.sign(note.text().to_owned()).unwrap();
    let note = note.with_signatures(more.signatures()).unwrap();
    cosigned(&add(&witness, request(0, vec![], note.clone())).await, &note);
    let kept = witness
        .checkpoint("5be92bef3f42d5bcd9e2649883a59da25fe073e6e9f4e75607dd36f54d6f94d5")
        .unwrap();
    let names: Vec<&str> = kept.signatures().iter().map(|line| line.name().as_str()).collect();
    assert_eq!(names, [LOG, "witness.example/w1"]);
}
