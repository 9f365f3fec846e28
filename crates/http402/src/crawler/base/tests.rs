//! Signature bases against the vectors of RFC 9421 and of Web Bot Auth.

use instrument::{PublicKey, Signature};

use super::*;
use crate::crawler::thumbprint;

/// `test-key-ed25519` of RFC 9421, B.1.4.
fn test_key() -> PublicKey {
    let hex = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb";
    PublicKey::from_hex(hex).unwrap()
}

fn headers(lines: &[(&'static str, &str)]) -> HeaderMap {
    let mut headers = HeaderMap::new();
    for (name, value) in lines {
        headers.append(*name, value.parse().unwrap());
    }
    headers
}

fn covered(input: &str) -> InnerList {
    match Parser::new(input).parse::<Dictionary>().unwrap().into_values().next().unwrap() {
        ListEntry::InnerList(list) => list,
        ListEntry::Item(item) => panic!("{item:?}"),
    }
}

fn is_signed_by_test_key(base: &str, signature: &str) -> bool {
    let entry = Parser::new(signature).parse::<Item>().unwrap();
    let signature = Signature::from_slice(entry.bare_item.as_byte_sequence().unwrap()).unwrap();
    test_key().verify(base.as_bytes(), &signature).is_ok()
}

/// RFC 9421, B.2.6.
#[test]
fn the_ed25519_vector_of_the_rfc_verifies() {
    let headers = headers(&[
        ("host", "example.com"),
        ("date", "Tue, 20 Apr 2021 02:07:55 GMT"),
        ("content-type", "application/json"),
        ("content-length", "18"),
    ]);
    let request = Request {
        method: "POST",
        origin: "https://example.com",
        path: "/foo",
        query: Some("param=Value&Pet=dog"),
        headers: &headers,
    };
    let input = r#"sig-b26=("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    let base = base(&request, covered(input)).unwrap();
    let expected = r#""date": Tue, 20 Apr 2021 02:07:55 GMT
"@method": POST
"@path": /foo
"@authority": example.com
"content-type": application/json
"content-length": 18
"@signature-params": ("date" "@method" "@path" "@authority" "content-type" "content-length");created=1618884473;keyid="test-key-ed25519""#;
    assert_eq!(base, expected);
    let signature = ":wqcAqbmYJ2ji2glfAMaRy4gruYYnx2nEFN2HN6jrnDnQCK1u02Gb04v9EDgwUPiu4A0w6vuQv5lIp5WPpBKRCw==:";
    assert!(is_signed_by_test_key(&base, signature));
    assert!(!is_signed_by_test_key(&base.replace("18", "19"), signature));
}

/// The Ed25519 vectors of the Web Bot Auth architecture, without and with an agent.
#[test]
fn the_vectors_of_web_bot_auth_verify() {
    let agent = headers(&[("signature-agent", r#"agent2="https://signature-agent.test""#)]);
    let vectors = [
        (
            r#"sig1=("@authority")"#,
            "zIW8+cdmA3vdYagbxojpONwa/l0EKJ/O3/wD486VvsQjO/RxPaSt6ZxvQaMcQzNnqKN/mQ6hpGiFro2L2qkz5A==",
            ":QKN4fTdIYfh82fvoZCQiQA1weuozfCS/Led2zTMbewMMqH8PI2Wsy/5c4ao6B6D09nraNQdBNOADg8aM1MqfCg==:",
        ),
        (
            r#"sig2=("@authority" "signature-agent";key="agent2")"#,
            "n9p433xm+NJ3ph3upfBIGmsuwHw387YV7Q/F+6BSpGCVjYCqQw6rznNA8PVVLySrAWsv0hQtFioQb6E1YsauiA==",
            ":RdNFx5Bj6au3YgAMQL/RzmUlZE8QZLIaXGRpw985hWnwPfMxT228NMk6ehRS1PSl4e8PhbNZACSanGdhEwYCCg==:",
        ),
    ];
    for (components, nonce, signature) in vectors {
        let input = format!(
            "{components};created=1735689600;keyid=\"{}\";alg=\"ed25519\";expires=4889289600;\
             nonce=\"{nonce}\";tag=\"web-bot-auth\"",
            thumbprint(&test_key())
        );
        let request = Request {
            method: "GET",
            origin: "https://example.com",
            path: "/path/to/resource",
            query: None,
            headers: &agent,
        };
        let base = base(&request, covered(&input)).unwrap();
        assert!(is_signed_by_test_key(&base, signature), "{base}");
    }
}

#[test]
fn components_follow_the_rfc() {
    let headers = headers(&[("x", " a "), ("x", "b"), ("empty", ""), ("d", "a=1, b=(2 3);c")]);
    let table = [
        ("https://Example.COM:443", "/", None, r#""@authority""#, "example.com"),
        ("http://example.com:80", "/", None, r#""@authority""#, "example.com"),
        ("http://example.com:443", "/", None, r#""@authority""#, "example.com:443"),
        ("http://127.0.0.1:8080", "/", None, r#""@authority""#, "127.0.0.1:8080"),
        ("HTTPS://e", "/a", Some("b=c"), r#""@target-uri""#, "https://e/a?b=c"),
        ("https://e", "/a", None, r#""@target-uri""#, "https://e/a"),
        ("https://e", "/a", Some(""), r#""@request-target""#, "/a?"),
        ("https://e", "/a%2Fb", None, r#""@path""#, "/a%2Fb"),
        ("https://e", "/", None, r#""@query""#, "?"),
        ("https://e", "/", Some("x=%20"), r#""@query""#, "?x=%20"),
        ("https://e", "/", None, r#""@scheme""#, "https"),
        ("https://e", "/", None, r#""@method""#, "GET"),
        ("https://e", "/", None, r#""x""#, "a, b"),
        ("https://e", "/", None, r#""empty""#, ""),
        ("https://e", "/", None, r#""d";key="b""#, "(2 3);c"),
    ];
    for (origin, path, query, name, expected) in table {
        let request = Request { method: "GET", origin, path, query, headers: &headers };
        let base = base(&request, covered(&format!("s=({name})"))).unwrap();
        let line = format!("{name}: {expected}\n\"@signature-params\": ({name})");
        assert_eq!(base, line, "{origin}");
    }
}
