//! What an operator is told about a wrong file, and what a right one becomes.

use http402::Identifier;

use super::*;

const GOOD: &str = r#"
[node]
listen = "127.0.0.1:4100"

[[asset]]
code = "USD"
sandbox = true

[[payee]]
name = "author"

[[payee]]
name = "editor"

[[gateway]]
listen = "127.0.0.1:4101"
upstream = "http://127.0.0.1:4102"

[[gateway.offer]]
path = "/articles/{id}"
price = "0.002"
pay_to = "author"
split = { editor = "17.5%", author = "82.5%" }
"#;

fn error(text: &str) -> ConfigError {
    Config::parse(text, "f.toml")
        .and_then(|config| config.check())
        .expect_err("the file must be refused")
}

/// The good file with one piece replaced.
fn spoiled(from: &str, to: &str) -> ConfigError {
    assert!(GOOD.contains(from), "{from}");
    error(&GOOD.replacen(from, to, 1))
}

#[test]
fn a_good_file_becomes_settings() {
    let settings = Config::parse(GOOD, "f.toml").unwrap().check().unwrap();
    assert_eq!(settings.node.faucet.unwrap().to_string(), "1 USD");
    let offer = &settings.gateways[0].routes.offers()[0];
    assert_eq!(offer.price.units(), 2_000_000);
    assert_eq!(offer.identifier, Identifier::Optional);
    assert_eq!(offer.payees.pay_to, settings.payees[0].account);
    let (accounts, shares) = offer.payees.split.clone().unwrap();
    assert_eq!(accounts, [settings.payees[0].account, settings.payees[1].account]);
    assert_eq!(shares.parts_per_million(), [825_000, 175_000]);
    assert_eq!(offer.payees.split_text.as_deref(), Some("author 82.5 %, editor 17.5 %"));
}

#[test]
fn unknown_keys_and_wrong_types_name_file_and_line() {
    for (from, to, place, word) in [
        ("[node]", "[node]\nlisen = 1", "f.toml:3:1", "lisen"),
        ("sandbox = true", "sandbox = 1", "f.toml:7:11", "boolean"),
        ("127.0.0.1:4100", "localhost", "f.toml:3:10", "socket address"),
        ("path =", "paths =", "f.toml:20:1", "paths"),
        ("price = \"0.002\"", "price = 0.002", "f.toml:21:9", "string"),
    ] {
        let error = spoiled(from, to);
        assert_eq!(error.place, place, "{error}");
        assert!(error.what.contains(word), "{error}");
    }
}

#[test]
fn what_makes_no_sense_names_file_key_and_fix() {
    for (from, to, place, fix) in [
        ("code = \"USD\"", "code = \"usd\"", "f.toml: asset[1]", "USD"),
        ("\"editor\"\n", "\"author\"\n", "f.toml: payee[2].name", "a name of its own"),
        ("\"0.002\"", "\"0.0000000001\"", "f.toml: gateway[1].offer[1].price", "0.002"),
        ("\"0.002\"", "\"0\"", "f.toml: gateway[1].offer[1]", "correct"),
        ("\"0.002\"", "\"-1\"", "f.toml: gateway[1].offer[1].price", "0.002"),
        (
            "pay_to = \"author\"",
            "pay_to = \"nobody\"",
            "f.toml: gateway[1].offer[1].pay_to",
            "nobody",
        ),
        ("\"17.5%\"", "\"17%\"", "f.toml: gateway[1].offer[1].split", "100%"),
        ("\"17.5%\"", "\"17.5\"", "f.toml: gateway[1].offer[1].split.editor", "80%"),
        ("\"/articles/{id}\"", "\"articles\"", "f.toml: gateway[1].offer[1].path", "/articles"),
        ("http://127.0.0.1:4102", "http://a/b", "f.toml: gateway[1].upstream", "host and port"),
        ("127.0.0.1:4101", "0.0.0.0:4101", "f.toml: gateway[1].public_url", "public_url"),
    ] {
        let error = spoiled(from, to);
        assert_eq!(error.place, place, "{error}");
        let hint = error.hint.unwrap();
        assert!(hint.contains(fix), "{place}: {hint}");
    }
}

#[test]
fn a_printed_configuration_says_the_same() {
    let config = Config::parse(GOOD, "f.toml").unwrap();
    let printed = config.print().unwrap();
    let again = Config::parse(&printed, "f.toml").unwrap();
    assert_eq!(again.print().unwrap(), printed);
    assert!(printed.contains("hold_seconds = 600"), "defaults are shown: {printed}");
    again.check().unwrap();
}
