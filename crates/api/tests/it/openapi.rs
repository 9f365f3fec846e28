//! The OpenAPI document: its committed copy, and that it says what is there.

use std::path::Path;

use crate::world::World;

/// `UPDATE_SNAPSHOTS=1 cargo test -p api openapi` writes the copy anew.
#[test]
fn the_committed_document_is_that_of_the_code() {
    let path = Path::new(env!("CARGO_MANIFEST_DIR")).join("../../docs/reference/openapi.json");
    let document = api::openapi_json().unwrap();
    if std::env::var_os("UPDATE_SNAPSHOTS").is_some() {
        std::fs::write(&path, &document).unwrap();
    }
    let committed = std::fs::read_to_string(&path).unwrap_or_default();
    assert!(
        committed == document,
        "docs/reference/openapi.json is old; write it anew: UPDATE_SNAPSHOTS=1 cargo test -p api"
    );
}

#[test]
fn each_operation_has_a_name_of_its_own() {
    let document: serde_json::Value = serde_json::from_str(&api::openapi_json().unwrap()).unwrap();
    let mut names = std::collections::BTreeSet::new();
    for (path, item) in document["paths"].as_object().unwrap() {
        for (method, operation) in item.as_object().unwrap() {
            let name = operation["operationId"].as_str().unwrap();
            assert!(name.starts_with(&format!("{method}_")), "{method} {path}: {name}");
            assert!(names.insert(name.to_owned()), "{method} {path}: {name} is another's");
        }
    }
}

#[tokio::test]
async fn the_served_document_has_the_calls_and_where_they_are() {
    let served = World::new().await.get("/openapi.json").await.json;
    let calls: serde_json::Value = serde_json::from_str(&api::openapi_json().unwrap()).unwrap();
    for part in ["paths", "components", "info"] {
        assert_eq!(served[part], calls[part], "{part}");
    }
    assert_eq!(served["servers"][0]["url"], "http://127.0.0.1:4021");
}
