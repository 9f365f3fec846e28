//! Documents: revisions, expectations, limits, and that they outlive restarts.

use engine::{
    Coded, DOCUMENT_BYTES_MAX, DOCUMENT_ID_BYTES_MAX, DocumentKind, Expected, Put, PutError, fsck,
};

use crate::world::{World, node};

fn put(id: &str, body: Option<&str>, expected: Expected) -> Put {
    let body = body.map(|body| body.as_bytes().to_vec());
    Put { kind: DocumentKind::Offer, id: id.to_owned(), body, expected }
}

fn bodies(world: &World) -> Vec<(String, u64, String)> {
    let documents = world.engine.documents(DocumentKind::Offer);
    let text = |body: &[u8]| String::from_utf8(body.to_vec()).unwrap();
    documents.iter().map(|one| (one.id.clone(), one.revision, text(&one.body))).collect()
}

#[tokio::test]
async fn a_document_is_created_changed_and_deleted() {
    let mut world = World::new().await;
    let mut version = world.engine.documents_version();
    let first = world.engine.put(put("b", Some("1"), Expected::Absent)).await.unwrap();
    assert_eq!((first.revision, first.deleted, &first.body[..]), (1, false, &b"1"[..]));
    assert!(version.has_changed().unwrap());
    version.mark_unchanged();
    world.engine.put(put("a", Some("x"), Expected::Any)).await.unwrap();
    let second = world.engine.put(put("b", Some("2"), Expected::Revision(1))).await.unwrap();
    assert_eq!(second.revision, 2);
    // Who has the answer sees it on the board.
    let seen = world.engine.document(DocumentKind::Offer, "b").unwrap();
    assert_eq!(*seen, second);
    assert!(world.engine.document(DocumentKind::Key, "b").is_none());
    let expected = [("a".to_owned(), 1, "x".to_owned()), ("b".to_owned(), 2, "2".to_owned())];
    assert_eq!(bodies(&world), expected);

    world.restart().await;
    assert_eq!(bodies(&world), expected);
    assert_eq!(*world.engine.document(DocumentKind::Offer, "b").unwrap(), second);
    let gone = world.engine.put(put("a", None, Expected::Revision(1))).await.unwrap();
    assert_eq!((gone.revision, gone.deleted, gone.body.len()), (2, true, 0));
    assert!(world.engine.document(DocumentKind::Offer, "a").is_none());
    // The same id again begins anew.
    let again = world.engine.put(put("a", Some("y"), Expected::Absent)).await.unwrap();
    assert_eq!(again.revision, 1);

    world.engine.shutdown().await;
    let report = fsck(world.dir.path(), Some(node()), &mut |_| {}).unwrap();
    assert!(report.sound && report.findings.is_empty(), "{:?}", report.findings);
}

#[tokio::test]
async fn what_was_not_expected_changes_nothing() {
    let world = World::new().await;
    world.engine.put(put("a", Some("1"), Expected::Any)).await.unwrap();
    world.engine.put(put("a", Some("2"), Expected::Any)).await.unwrap();
    for (id, body, expected, current) in [
        ("a", Some("3"), Expected::Absent, 2),
        ("a", Some("3"), Expected::Revision(1), 2),
        ("a", Some("3"), Expected::Revision(3), 2),
        ("a", None, Expected::Absent, 2),
        ("b", None, Expected::Any, 0),
        ("b", None, Expected::Absent, 0),
        ("b", Some("3"), Expected::Revision(0), 0),
        ("b", Some("3"), Expected::Revision(1), 0),
    ] {
        let refused = world.engine.put(put(id, body, expected)).await.unwrap_err();
        assert_eq!(refused, PutError::RevisionConflict { current }, "{id} {expected:?}");
        assert_eq!(refused.http_status(), 409);
    }
    let long = "x".repeat(DOCUMENT_ID_BYTES_MAX + 1);
    for id in ["", "a b", "ä", "a\n", &long] {
        let refused = world.engine.put(put(id, Some("1"), Expected::Any)).await.unwrap_err();
        assert_eq!(refused, PutError::IdInvalid, "{id}");
    }
    let large = "x".repeat(DOCUMENT_BYTES_MAX + 1);
    let refused = world.engine.put(put("c", Some(&large), Expected::Any)).await.unwrap_err();
    assert_eq!(refused, PutError::TooLarge);
    world.engine.put(put(&long[1..], Some(&large[1..]), Expected::Absent)).await.unwrap();
    assert_eq!(bodies(&world)[0], ("a".to_owned(), 2, "2".to_owned()));
    assert_eq!(bodies(&world).len(), 2);
}
