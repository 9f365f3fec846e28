//! Crawlers' requests: what is read from them, and how each fault is named.

use http::HeaderMap;
use http402::Problem;
use http402::crawler::{
    Bid, CrawlerError, DIRECTORY_BYTES_MAX, DirectoryError, Permit, Request, SignedRequest,
    directory, is_signed, price_value, read, thumbprint,
};
use instrument::{KeyPair, PublicKey};
use money::{Amount, Asset};

const NOW_MS: u64 = 1_800_000_000_000;
const COVERED: &str = r#""@authority" "@path" "crawler-exact-price" "signature-agent""#;

fn key() -> KeyPair {
    KeyPair::from_seed(&[5; 32])
}

fn params() -> String {
    let keyid = thumbprint(&key().public());
    format!(
        r#";created=1800000000;expires=1800000060;keyid="{keyid}";alg="ed25519";nonce="n";tag="web-bot-auth""#
    )
}

fn input(covered: &str, params: &str) -> String {
    format!("sig1=({covered}){params}")
}

/// A good request, with headers replaced; an empty value removes one.
fn headers(changes: &[(&'static str, &str)]) -> HeaderMap {
    let good = input(COVERED, &params());
    let signature = format!("sig1=:{}:", "A".repeat(86) + "==");
    let mut headers = HeaderMap::new();
    for (name, value) in [
        ("crawler-exact-price", "USD 0.002"),
        ("signature-agent", "\"https://bot.example\""),
        ("signature-input", good.as_str()),
        ("signature", signature.as_str()),
    ] {
        headers.insert(name, value.parse().unwrap());
    }
    for (name, value) in changes {
        headers.remove(*name);
        if !value.is_empty() {
            headers.append(*name, value.parse().unwrap());
        }
    }
    headers
}

fn read_at(headers: &HeaderMap, now_ms: u64) -> Result<Option<SignedRequest>, CrawlerError> {
    let origin = "https://shop.example";
    read(&Request { method: "GET", origin, path: "/a", query: None, headers }, now_ms)
}

fn refused(changes: &[(&'static str, &str)]) -> CrawlerError {
    read_at(&headers(changes), NOW_MS).unwrap_err()
}

fn usd(units: u128) -> Amount {
    Amount::new(units, Asset::new("USD", 9).unwrap())
}

#[test]
fn a_signed_request_says_what_it_permits() {
    let found = read_at(&headers(&[]), NOW_MS).unwrap().unwrap();
    assert_eq!(found.agent.as_deref(), Some("https://bot.example"));
    assert_eq!(found.permit.keyid, thumbprint(&key().public()));
    assert_eq!(found.permit.expires_at_ms(), 1_800_000_060_000);
    assert_eq!(found.permit.bid, Bid::parse(true, "USD 0.002").unwrap());
    found.permit.check(&key().public(), usd(2_000_000)).unwrap();
    let lines: Vec<&str> = found.base.lines().collect();
    assert_eq!(
        lines[..4],
        [
            r#""@authority": shop.example"#,
            r#""@path": /a"#,
            r#""crawler-exact-price": USD 0.002"#,
            r#""signature-agent": "https://bot.example""#,
        ]
    );
    assert_eq!(Permit::of_base(&found.base), Ok(found.permit));
}

#[test]
fn requests_without_a_price_do_not_pay() {
    let without = headers(&[("crawler-exact-price", "")]);
    assert_eq!(read_at(&without, NOW_MS), Ok(None));
    assert!(is_signed(&without));
    assert!(!is_signed(&headers(&[("signature-input", "")])));
    assert!(!is_signed(&headers(&[("signature-input", "s=();tag=\"another\"")])));
}

#[test]
fn agents_are_strings_or_members_of_dictionaries() {
    let member = r#""@authority" "crawler-exact-price" "signature-agent";key="b""#;
    let input = input(member, &params());
    let agent = "a=\"https://a.example\", b=\"https://b.example\"";
    let found = headers(&[("signature-agent", agent), ("signature-input", &input)]);
    let found = read_at(&found, NOW_MS).unwrap().unwrap();
    assert_eq!(found.agent.as_deref(), Some("https://b.example"));
    assert!(found.base.contains("\n\"signature-agent\";key=\"b\": \"https://b.example\"\n"));
    let one = headers(&[("signature-agent", "a=\"https://a.example\"")]);
    let one = read_at(&one, NOW_MS).unwrap().unwrap();
    assert_eq!(one.agent.as_deref(), Some("https://a.example"));
    let none = headers(&[
        ("signature-agent", ""),
        ("signature-input", &format!("s=(\"@authority\" \"crawler-exact-price\"){}", params())),
        ("signature", &format!("s=:{}==:", "A".repeat(86))),
    ]);
    assert_eq!(read_at(&none, NOW_MS).unwrap().unwrap().agent, None);
}

#[test]
fn prices_are_a_currency_and_a_decimal() {
    for text in [
        "USD",
        "USD  1",
        "USD 1 ",
        "usd 1",
        "USD,1",
        "USD 1e3",
        "USD -1",
        "USD 01",
        "USD .5",
        "USD 1.",
        "$1",
        "1 USD",
        "USD 1,5",
        "",
        " USD 1",
        "TOOLONGCODE 1",
        "USD 0.0000000000000000000000000000001",
    ] {
        let expected = CrawlerError::PriceValue { header: "crawler-max-price" };
        assert_eq!(Bid::parse(false, text), Err(expected), "{text:?}");
    }
    let long = format!("USD {}", "9".repeat(70));
    assert!(Bid::parse(true, &long).is_err());
    assert_eq!(price_value(usd(2_000_000)).unwrap(), "USD 0.002");
    assert_eq!(price_value(usd(3_000_000_000)).unwrap(), "USD 3");
}

#[test]
fn a_bid_meets_the_price_or_not() {
    let table = [
        (true, "USD 0.002", true),
        (true, "USD 0.002000000000", true),
        (true, "USD 0.0020000000001", false),
        (true, "USD 0.003", false),
        (true, "USD 0.001", false),
        (true, "USD 0", false),
        (true, "EUR 0.002", false),
        (false, "USD 0.002", true),
        (false, "USD 0.0020000000001", true),
        (false, "USD 0.0019999999999", false),
        (false, "USD 1", true),
        (false, "USD 340282366920938463463374607431768211456", true),
        (false, "EUR 1", false),
        (false, "USD 0", false),
    ];
    for (exact, text, fits) in table {
        let checked = Bid::parse(exact, text).unwrap().check(usd(2_000_000));
        let price = "USD 0.002".to_owned();
        let error = if exact {
            CrawlerError::ExactPrice { price }
        } else {
            CrawlerError::MaxPrice { price }
        };
        assert_eq!(checked, if fits { Ok(()) } else { Err(error) }, "{exact} {text}");
    }
}

#[test]
fn price_headers_conflict() {
    assert_eq!(refused(&[("crawler-max-price", "USD 1")]), CrawlerError::ConflictingPrices);
    let mut twice = headers(&[]);
    twice.append("crawler-exact-price", "USD 0.002".parse().unwrap());
    assert_eq!(read_at(&twice, NOW_MS), Err(CrawlerError::ConflictingPrices));
    let wrong = CrawlerError::PriceValue { header: "crawler-exact-price" };
    assert_eq!(refused(&[("crawler-exact-price", "0.002")]), wrong);
}

#[test]
fn malformed_signatures_are_refused_by_name() {
    let good = input(COVERED, &params());
    let twice = format!("{good}, sig2=({COVERED}){}", params());
    let long = format!("{good};x=\"{}\"", "x".repeat(5000));
    let table: [(&'static str, &str, &str); 14] = [
        ("signature-input", "", "crawler_signature_missing"),
        ("signature", "", "crawler_signature_missing"),
        ("signature-input", "sig1=(", "crawler_signature_malformed"),
        ("signature-input", &long, "crawler_signature_too_large"),
        ("signature-input", "sig1=1;tag=\"web-bot-auth\"", "crawler_signature_tag"),
        ("signature-input", "sig1=(\"@authority\");tag=\"else\"", "crawler_signature_tag"),
        ("signature-input", &twice, "crawler_signature_tag"),
        ("signature", "sig1=:?:", "crawler_signature_malformed"),
        ("signature", "sig1=:AAAA:", "crawler_signature_malformed"),
        ("signature", "sig2=:AAAA:", "crawler_signature_malformed"),
        ("signature", "sig1=\"AAAA\"", "crawler_signature_malformed"),
        ("signature", "sig1=(:AAAA:)", "crawler_signature_malformed"),
        ("signature-agent", "https://bot.example", "crawler_signature_malformed"),
        ("signature-agent", "a=1", "crawler_signature_malformed"),
    ];
    for (name, value, code) in table {
        assert_eq!(refused(&[(name, value)]).code(), code, "{name}: {value:.60}");
    }
    let mut opaque = headers(&[]);
    opaque.insert("signature-agent", http::HeaderValue::from_bytes(b"\"\xff\"").unwrap());
    let error = read_at(&opaque, NOW_MS).unwrap_err();
    assert_eq!(error.code(), "crawler_signature_malformed");
}

#[test]
fn components_that_must_be_signed_are_and_others_are_understood() {
    let many: Vec<String> = (0..17).map(|number| format!("\"x{number}\"")).collect();
    let many = format!("{COVERED} {}", many.join(" "));
    let with = |more: &str| format!("{COVERED} {more}");
    let table = [
        (r#""@path" "crawler-exact-price" "signature-agent""#.to_owned(), "uncovered"),
        (r#""@authority" "signature-agent""#.to_owned(), "uncovered"),
        (r#""@authority" "crawler-max-price" "signature-agent""#.to_owned(), "uncovered"),
        (r#""@authority" "crawler-exact-price""#.to_owned(), "uncovered"),
        (r#""@authority";req "crawler-exact-price" "signature-agent""#.to_owned(), "uncovered"),
        (with(r#""@status""#), "unsupported"),
        (with(r#""@query-param";name="a""#), "unsupported"),
        (with(r#""@method";req"#), "unsupported"),
        (with(r#""signature-agent";sf"#), "unsupported"),
        (with(r#""signature-agent";bs"#), "unsupported"),
        (with(r#""signature-agent";key="a";tr"#), "unsupported"),
        (with(r#""Crawler-Exact-Price""#), "unsupported"),
        (with(r#""not a name""#), "unsupported"),
        (with("1"), "unsupported"),
        (with(r#""@path""#), "unsupported"),
        (with(r#""x-absent""#), "absent"),
        (with(r#""signature-agent";key="a""#), "absent"),
        (many, "too_many"),
    ];
    for (covered, end) in table {
        let code = refused(&[("signature-input", &input(&covered, &params()))]).code();
        assert!(code.ends_with(end), "{covered}: {code}");
    }
    let mut wide = headers(&[]);
    for number in 0..5 {
        wide.insert(
            http::HeaderName::try_from(format!("x{number}")).unwrap(),
            "x".repeat(4000).parse().unwrap(),
        );
    }
    let covered = format!(r#"{COVERED} "x0" "x1" "x2" "x3" "x4""#);
    wide.insert("signature-input", input(&covered, &params()).parse().unwrap());
    assert_eq!(read_at(&wide, NOW_MS).unwrap_err().code(), "crawler_signature_too_large");
}

#[test]
fn parameters_are_complete_and_in_time() {
    let table = [
        ("created=1800000000;", "", "parameter"),
        ("expires=1800000060;", "", "parameter"),
        ("expires=1800000060;", "expires=\"1800000060\";", "parameter"),
        ("created=1800000000;", "created=-5;", "parameter"),
        ("created=1800000000;", "created=1.5;", "parameter"),
        ("alg=\"ed25519\"", "alg=\"rsa-pss-sha512\"", "parameter"),
        ("alg=\"ed25519\"", "alg=ed25519", "parameter"),
        ("keyid=", "other=", "parameter"),
        ("expires=1800000060", "expires=1800000000", "time"),
        ("expires=1800000060", "expires=1800086401", "time"),
    ];
    for (from, to, end) in table {
        assert!(params().contains(from));
        let input = input(COVERED, &params().replacen(from, to, 1));
        let code = refused(&[("signature-input", &input)]).code();
        assert!(code.ends_with(end), "{from} {to}: {code}");
    }
    let longest = params().replacen("1800000060", "1800086400", 1);
    let longest = headers(&[("signature-input", &input(COVERED, &longest))]);
    assert!(read_at(&longest, NOW_MS).is_ok());
    let plain = params().replacen(";alg=\"ed25519\"", "", 1);
    assert!(read_at(&headers(&[("signature-input", &input(COVERED, &plain))]), NOW_MS).is_ok());
    // Clocks differ; what ran out is for whoever knows whether it was paid before.
    assert!(read_at(&headers(&[]), NOW_MS - 60_000).is_ok());
    let early = read_at(&headers(&[]), NOW_MS - 60_001).unwrap_err();
    assert_eq!(early.code(), "crawler_signature_time");
    assert!(read_at(&headers(&[]), NOW_MS + 3_600_000).is_ok());
}

#[test]
fn a_permit_is_for_one_key_and_its_price() {
    let permit = read_at(&headers(&[]), NOW_MS).unwrap().unwrap().permit;
    let other = KeyPair::from_seed(&[6; 32]).public();
    assert_eq!(permit.check(&other, usd(2_000_000)), Err(CrawlerError::Unknown));
    let price = "USD 0.002000001".to_owned();
    let dearer = permit.check(&key().public(), usd(2_000_001));
    assert_eq!(dearer, Err(CrawlerError::ExactPrice { price }));
}

#[test]
fn bases_that_do_not_hold_together_permit_nothing() {
    let base = read_at(&headers(&[]), NOW_MS).unwrap().unwrap().base;
    let (lines, last) = base.rsplit_once('\n').unwrap();
    let cases = [
        String::new(),
        lines.to_owned(),
        last.to_owned(),
        format!("{base}\n"),
        format!("\"x\": y\n{base}"),
        base.replacen("\"@authority\": shop.example\n", "", 1),
        base.replacen("\"@path\": /a", "\"@query\": ?", 1),
        base.replacen("exact", "max", 1),
        base.replacen("tag=\"web-bot-auth\"", "tag=\"x\"", 1),
        base.replacen("USD 0.002", "0.002", 1),
    ];
    for case in cases {
        assert!(Permit::of_base(&case).is_err(), "{case}");
    }
    let both = format!(
        "\"@authority\": a\n\"crawler-exact-price\": USD 1\n\"crawler-max-price\": USD 2\n\
         \"@signature-params\": (\"@authority\" \"crawler-exact-price\" \"crawler-max-price\"){}",
        params()
    );
    assert_eq!(Permit::of_base(&both), Err(CrawlerError::ConflictingPrices));
}

#[test]
fn errors_have_the_status_of_their_name() {
    let cases = [
        (CrawlerError::ConflictingPrices, "ConflictingPriceHeaders", 400),
        (CrawlerError::ConflictingPayments, "ConflictingPriceHeaders", 400),
        (CrawlerError::PriceValue { header: "x" }, "InvalidCrawlerPriceValue", 400),
        (CrawlerError::Mismatch, "InvalidSignature", 400),
        (CrawlerError::Unknown, "CrawlerForbidden", 403),
        (CrawlerError::Agent, "CrawlerForbidden", 403),
        (CrawlerError::ExactPrice { price: String::new() }, "InvalidCrawlerExactPrice", 402),
        (CrawlerError::MaxPrice { price: String::new() }, "InvalidCrawlerMaxPrice", 402),
    ];
    for (error, name, status) in cases {
        assert_eq!((error.name().as_str(), error.http_status()), (name, status));
        let problem = Problem::from(&error);
        assert_eq!((problem.status, problem.code), (status, error.code()));
    }
}

/// RFC 8037, A.3, and the key of the Web Bot Auth vectors.
#[test]
fn thumbprints_are_those_of_the_rfc() {
    let rfc = "d75a980182b10ab7d54bfed3c964073a0ee172f3daa62325af021a68f707511a";
    let rfc = PublicKey::from_hex(rfc).unwrap();
    assert_eq!(thumbprint(&rfc), "kPrK_qmxVWaYVA9wwBF6Iuo3vVzz7TxHCTwXBygrS4k");
    let bot = "26b40b8f93fff3d897112f7ebc582b232dbd72517d082fe83cfb30ddce43d1bb";
    let bot = PublicKey::from_hex(bot).unwrap();
    assert_eq!(thumbprint(&bot), "poqkLGiymh_W0uP6PZFw-dvez3QJT5SolqXBCW38r0U");
}

#[test]
fn directories_give_the_keys_that_are_valid_now() {
    let x = "11qYAYKxCrfVS_7TyWQHOg7hcvPapiMlrwIaaPcHURo";
    let ed = |more: &str| format!(r#"{{"kty":"OKP","crv":"Ed25519","x":"{x}"{more}}}"#);
    let set = |keys: &[String]| format!(r#"{{"keys":[{}],"purpose":"x"}}"#, keys.join(","));
    let read = |json: &str| directory(json.as_bytes(), NOW_MS);
    let rsa = r#"{"kty":"RSA","n":"AQAB","e":"AQAB"}"#.to_owned();
    assert_eq!(read(&set(&[rsa.clone(), ed(""), "7".to_owned()])).unwrap().len(), 1);
    for good in
        [r#","nbf":1800000000,"exp":1800000001"#, r#","nbf":1800000000000"#, r#","kid":"k""#]
    {
        assert_eq!(read(&set(&[ed(good)])).unwrap().len(), 1, "{good}");
    }
    for bad in [r#","exp":1800000000"#, r#","nbf":1800000001"#, r#","exp":-1"#] {
        assert_eq!(read(&set(&[ed(bad)])), Err(DirectoryError::NoKey), "{bad}");
    }
    let short = ed("").replace(x, "AAAA");
    assert_eq!(read(&set(&[short, rsa])), Err(DirectoryError::NoKey));
    assert_eq!(read("[]"), Err(DirectoryError::Shape));
    assert_eq!(read("{}"), Err(DirectoryError::Shape));
    assert_eq!(read(&" ".repeat(DIRECTORY_BYTES_MAX + 1)), Err(DirectoryError::TooLarge));
    assert_eq!(read(&set(&vec![ed(""); 65])).unwrap().len(), 64);
    let codes = [DirectoryError::TooLarge, DirectoryError::Shape, DirectoryError::NoKey];
    let expected = ["directory_too_large", "directory_malformed", "directory_without_key"];
    assert_eq!(codes.map(|error| error.code()), expected);
}
