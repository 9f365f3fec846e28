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
fn free_uses_and_passes_are_read() {
    let more = "free = { count = 3, seconds = 60 }\n[[gateway.offer.pass]]\nname = \"ten\"\n\
                price = \"0.015\"\nuses = 10\n";
    let settings = Config::parse(&format!("{GOOD}{more}"), "f.toml").unwrap().check().unwrap();
    let offer = &settings.gateways[0].routes.offers()[0];
    assert_eq!(offer.free.map(|free| (free.count, free.seconds)), Some((3, 60)));
    let pass = &offer.passes[0];
    assert_eq!((pass.title.as_str(), pass.price, pass.uses), ("ten", 15_000_000, Some(10)));
    let why = error(&format!("{GOOD}{}", more.replace("uses = 10", "uses = 0")));
    assert!(why.to_string().contains("passes"), "{why}");
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

/// The good file, its offer open to crawlers, with a crawler of these keys.
fn crawled(keys: &str) -> String {
    format!("{GOOD}crawl = true\n\n[[gateway.crawler]]\n{keys}\n")
}

#[test]
fn crawlers_have_a_key_or_a_directory() {
    let key = format!("agent = \"https://bot.example\"\nkey = \"{}\"", "ab".repeat(32));
    let directory = "agent = \"https://b.example\"\ndirectory = \"https://b.example/keys\"";
    for keys in [key.as_str(), directory] {
        let config = Config::parse(&crawled(keys), "f.toml").unwrap();
        assert!(config.check().unwrap().gateways[0].routes.offers()[0].crawl);
        let printed = config.print().unwrap();
        let again = Config::parse(&printed, "f.toml").unwrap();
        assert_eq!(again.print().unwrap(), printed);
        assert!(printed.contains("[[gateway.crawler]]") && printed.contains("crawl = true"));
    }
    let both = format!("{key}\ndirectory = \"https://b.example/keys\"");
    for (keys, place) in [
        ("agent = \"bot.example\"", "gateway[1].crawler[1].agent"),
        ("agent = \"https://b.example\"", "gateway[1].crawler[1]"),
        (both.as_str(), "gateway[1].crawler[1]"),
        ("agent = \"https://b.example\"\nkey = \"ab\"", "gateway[1].crawler[1].key"),
        (
            "agent = \"https://b.example\"\ndirectory = \"http://b.example/keys\"",
            "gateway[1].crawler[1].directory",
        ),
    ] {
        let error = error(&crawled(keys));
        assert_eq!(error.place, format!("f.toml: {place}"), "{keys}");
        assert!(error.hint.is_some());
    }
    let posted = crawled(&key).replacen("price =", "methods = [\"POST\"]\nprice =", 1);
    assert!(error(&posted).what.contains("crawl = true"));
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

/// The good file with more keys of its offer.
fn metered(keys: &str) -> String {
    let offer = GOOD.replace("split = { editor = \"17.5%\", author = \"82.5%\" }\n", "");
    format!("{offer}{keys}\n")
}

#[test]
fn an_offer_by_the_unit_is_read() {
    let text = metered(
        "meter = { unit = \"token\", reported = \"Farthing-Units\", per = 1000, free_units = 10, \
         units_max = 5000, tiers = [{ from = 2000, price = \"0.001\" }] }\n\
         channel = { deposit_min = \"0.05\", close_delay_seconds = 60 }",
    );
    let config = Config::parse(&text, "f.toml").unwrap();
    let settings = config.check().unwrap();
    let offer = &settings.gateways[0].routes.offers()[0];
    let meter = offer.meter.as_ref().unwrap();
    // 1990 at 2,000,000 and 3000 at 1,000,000 for a thousand.
    assert_eq!(meter.cost_max(), Some(3_980_000 + 3_000_000));
    assert_eq!(offer.price_max().unwrap().units(), 6_980_000);
    assert_eq!(offer.start().units(), 6_980_000, "nobody knows the cost before the end");
    assert_eq!(offer.channel.deposit_min.units(), 50_000_000);
    assert_eq!(offer.channel.deposit_suggested.units(), 698_000_000);
    assert_eq!(offer.channel.close_delay_seconds, 60);
    let shown = offer.metered().unwrap();
    assert_eq!((shown.unit.as_str(), shown.per, shown.free_units), ("token", 1000, 10));
    assert_eq!(shown.tiers.as_deref(), Some("0.001 USD beyond 2000"));
    let printed = config.print().unwrap();
    let again = Config::parse(&printed, "f.toml").unwrap().check().unwrap();
    assert_eq!(again.gateways[0].routes.offers(), settings.gateways[0].routes.offers());
}

#[test]
fn a_mistake_in_a_meter_or_channel_names_key_and_fix() {
    let offer = "f.toml: gateway[1].offer[1]";
    for (keys, place, fix) in [
        ("meter = { unit = \"hour\" }", ".meter.unit", "Farthing-Units"),
        ("meter = { unit = \"token\", reported = \"a b\" }", ".meter.reported", "Farthing-Units"),
        ("meter = { unit = \"byte\", reported = \"x\" }", ".meter.reported", "leave"),
        ("meter = { unit = \"token\", reported = \"x\" }", ".meter", "units_max"),
        ("meter = { unit = \"byte\", per = 0 }", ".meter", "per = 1"),
        (
            "meter = { unit = \"byte\", tiers = [{ from = 1, price = \"x\" }] }",
            ".meter.tiers[1].price",
            "decimal",
        ),
        ("channel = { deposit_min = \"x\" }", ".channel.deposit_min", "decimal"),
        ("channel = { deposit_suggested = \"x\" }", ".channel.deposit_suggested", "decimal"),
        ("channel = { step_units = 5 }", ".channel.step_units", "meter"),
        ("channel = { deposit_min = \"0.0001\" }", "", "correct"),
        ("channel = { deposit_suggested = \"0.001\" }", "", "correct"),
        ("channel = { close_delay_seconds = 0 }", "", "correct"),
        ("channel = { voucher_wait_seconds = 61 }", "", "correct"),
        ("crawl = true\nmeter = { unit = \"byte\" }", "", "correct"),
    ] {
        let error = error(&metered(keys));
        assert_eq!(error.place, format!("{offer}{place}"), "{keys}: {error}");
        let hint = error.hint.unwrap();
        assert!(hint.contains(fix), "{keys}: {hint}");
    }
}

#[test]
fn a_payee_bounds_the_deposits_of_its_offers() {
    let limited = |limit: &str| {
        let named = format!("name = \"author\"\nchannel_deposit_max = \"{limit}\"");
        GOOD.replacen("name = \"author\"", &named, 1)
    };
    let settings = Config::parse(&limited("0.05"), "f.toml").unwrap().check().unwrap();
    assert_eq!(settings.payees[0].channels.deposit_max, 50_000_000);
    assert_eq!(settings.payees[0].channels.exposure_max, u128::MAX);
    let offer = &settings.gateways[0].routes.offers()[0];
    assert_eq!(offer.channel.deposit_suggested.units(), 50_000_000);
    let error = error(&limited("0.001"));
    assert_eq!(error.place, "f.toml: gateway[1].offer[1].channel.deposit_min", "{error}");
}

#[test]
fn a_channel_limit_of_a_payee_is_a_decimal_above_zero() {
    for key in ["channel_deposit_max", "channel_unsettled_max", "channel_exposure_max"] {
        for value in ["0", "x"] {
            let named = format!("name = \"author\"\n{key} = \"{value}\"");
            let error = spoiled("name = \"author\"", &named);
            assert_eq!(error.place, format!("f.toml: payee[1].{key}"), "{error}");
            assert!(error.hint.unwrap().contains("decimal"));
        }
    }
}

/// The good file with settings of the log.
fn logged(keys: &str) -> String {
    format!("[log]\n{keys}\n{GOOD}")
}

fn witness(name: &str, seed: u8) -> String {
    let name = tlog::KeyName::new(name).unwrap();
    tlog::Cosigner::from_seed(name, &[seed; 32]).verifier().to_string()
}

fn witnesses(count: u8) -> String {
    let one = |n| {
        format!("{{ vkey = \"{}\", url = \"https://w.example/\" }}", witness(&format!("w{n}"), n))
    };
    let all: Vec<String> = (1..=count).map(one).collect();
    format!("witnesses = [{}]", all.join(", "))
}

#[test]
fn a_log_is_kept_unless_it_is_switched_off() {
    let check = |text: &str| Config::parse(text, "f.toml").unwrap().check().unwrap().log;
    let usual = check(GOOD).unwrap();
    assert_eq!((usual.checkpoint.as_secs(), usual.epoch.as_secs()), (1, 3600));
    assert_eq!((usual.quorum, usual.origin, usual.guard), (0, None, None));
    assert!(check(&logged("enabled = false")).is_none());
    let full = logged(&format!(
        "origin = \"pay.example/log\"\nguard = \"/mnt/other/guard\"\ncheckpoint_seconds = 5\n\
         epoch_seconds = 60\nquorum = 1\n{}",
        witnesses(3)
    ));
    let log = check(&full).unwrap();
    assert_eq!(log.origin.unwrap().as_str(), "pay.example/log");
    assert_eq!(log.guard.unwrap(), Path::new("/mnt/other/guard"));
    assert_eq!((log.checkpoint.as_secs(), log.epoch.as_secs(), log.quorum), (5, 60, 1));
    assert_eq!(log.witnesses[0].1, "https://w.example");
    let printed = Config::parse(&full, "f.toml").unwrap().print().unwrap();
    assert_eq!(Config::parse(&printed, "f.toml").unwrap().print().unwrap(), printed);
    assert!(printed.contains("[[log.witnesses]]"), "{printed}");
}

#[test]
fn more_than_half_of_the_witnesses_make_a_quorum() {
    let log_key = tlog::LogSigner::from_seed(tlog::KeyName::new("l").unwrap(), &[99; 32]);
    let vkey = log_key.verifier().to_string();
    for (count, quorum) in [(0, 0), (1, 1), (2, 2), (3, 2), (4, 3), (5, 3)] {
        let settings =
            Config::parse(&logged(&witnesses(count)), "f.toml").unwrap().check().unwrap();
        let log = settings.log.unwrap();
        assert_eq!(log.quorum, quorum, "{count}");
        let policy = log.policy(&vkey, "https://pay.example/log").unwrap();
        assert_eq!(policy.witnesses().len(), usize::from(count));
        assert_eq!(policy.needs_no_witness(), count == 0);
        let seen_by =
            |seen: usize| policy.quorum_is_met(|of| policy.witnesses()[..seen].contains(of));
        assert!(seen_by(quorum) && (quorum == 0 || !seen_by(quorum - 1)));
    }
}

#[test]
fn a_mistake_about_the_log_names_key_and_fix() {
    let one = witness("w", 1);
    let log_key = tlog::LogSigner::from_seed(tlog::KeyName::new("l").unwrap(), &[99; 32]);
    let url = |url: &str| format!("witnesses = [{{ vkey = \"{one}\", url = \"{url}\" }}]");
    let vkey = |vkey: &str| format!("witnesses = [{{ vkey = \"{vkey}\", url = \"http://w\" }}]");
    let twice =
        format!("witnesses = [{0}, {0}]", format!("{{ vkey = \"{one}\", url = \"http://w\" }}"));
    let (first, url_of) = ("log.witnesses[1].vkey", "log.witnesses[1].url");
    for (keys, place, fix) in [
        ("origin = \"https://pay.example/log\"".to_owned(), "log.origin", "without scheme"),
        ("origin = \"pay.example/\"".to_owned(), "log.origin", "without scheme"),
        ("origin = \"a b\"".to_owned(), "log.origin", "without scheme"),
        ("guard = \"farthing-data/guard\"".to_owned(), "log.guard", "another disk"),
        ("guard = \"/\"".to_owned(), "log.guard", "another disk"),
        ("checkpoint_seconds = 0".to_owned(), "log.checkpoint_seconds", "1 to 3600"),
        ("epoch_seconds = 604801".to_owned(), "log.epoch_seconds", "1 to 604800"),
        ("quorum = 1".to_owned(), "log.quorum", "at most 0"),
        (format!("quorum = 3\n{}", witnesses(2)), "log.quorum", "at most 2"),
        (witnesses(17), "log.witnesses", "at most 16"),
        (vkey("w"), first, "name+id+key"),
        (vkey(&log_key.verifier().to_string()), first, "name+id+key"),
        (twice, "log.witnesses[2].vkey", "once"),
        (url("w.example"), url_of, "/add-checkpoint"),
        (url("ftp://w.example"), url_of, "/add-checkpoint"),
        (url("http://u@w.example"), url_of, "/add-checkpoint"),
        (url("http://w.example?a"), url_of, "/add-checkpoint"),
    ] {
        let error = error(&logged(&keys));
        assert_eq!(error.place, format!("f.toml: {place}"), "{keys}: {error}");
        let hint = error.hint.unwrap();
        assert!(hint.contains(fix), "{keys}: {hint}");
    }
    let unknown = error(&logged("gard = \"x\""));
    assert!(unknown.what.contains("gard") && unknown.place == "f.toml:2:1", "{unknown}");
}

#[test]
fn a_faucet_over_real_money_is_refused() {
    let node = |assets: &str| format!("[node]\nfaucet = \"5\"\n{assets}");
    let play = "[[asset]]\ncode = \"TST\"\nsandbox = true\n";
    let real = "[[asset]]\ncode = \"USD\"\n";
    for refused in [node(real), node("")] {
        let found = error(&refused);
        assert_eq!(found.place, "f.toml: node.faucet");
        assert!(found.what.contains("every asset here is real"), "{found}");
    }
    // Beside real money the faucet gives what is play money, and nothing else.
    let config = Config::parse(&node(&format!("{real}{play}")), "f.toml").unwrap();
    assert_eq!(config.check().unwrap().node.faucet.unwrap().to_string(), "5 TST");
    let none = Config::parse(real, "f.toml").unwrap();
    assert_eq!(none.check().unwrap().node.faucet, None);
    assert!(!none.print().unwrap().contains("faucet"), "{}", none.print().unwrap());
}

#[test]
fn limits_of_the_api_are_read_and_checked() {
    let text = "[api]\ntrusted_proxies = [\"127.0.0.1\", \"10.0.0.0/8\"]\n\
                [api.address]\nrequests = 100\nseconds = 10\n";
    let config = Config::parse(text, "f.toml").unwrap();
    let admission = config.check().unwrap().admission;
    assert_eq!((admission.rates.address.requests, admission.rates.address.seconds), (100, 10));
    assert_eq!(admission.rates.key, ::api::Rates::default().key, "the usual one");
    assert_eq!(admission.proxies.len(), 2);
    assert_eq!(Config::parse(&config.print().unwrap(), "f.toml").unwrap().api, config.api);
    for (text, place) in [
        ("[api.login]\nrequests = 1\nseconds = 0\n", "api.login.seconds"),
        ("[api.key]\nrequests = 1\nseconds = 86401\n", "api.key.seconds"),
        ("[api]\ntrusted_proxies = [\"::1\", \"proxy\"]\n", "api.trusted_proxies[2]"),
    ] {
        assert_eq!(error(text).place, format!("f.toml: {place}"));
    }
}
