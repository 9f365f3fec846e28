//! `farthing offer`: what is for sale, made, priced and taken back from the terminal.
//!
//! Invariant: people read and write decimals, JSON carries base units; an error names the flag that is
//! wrong and not the member of the API behind it.

use client::NodeClient;
use http::Method;
use money::{AccountId, Amount, Asset, OfferId};
use serde_json::{Value, json};

use crate::call;
use crate::cli::{
    OfferArgs, OfferChangeArgs, OfferCommand, OfferListArgs, OfferNewArgs, OfferOneArgs,
    OfferTermsArgs,
};
use crate::failure::Failure;
use crate::operator::{self, connect};
use crate::term;

/// Takes a list or a rule away.
const NONE: &str = "none";
/// Percent with four decimals are parts per million, so shares are read as exactly as money.
const PERCENT_SCALE: u8 = 4;

/// Members of the API and what stands for them on the command line.
const FLAGS: [(&str, &str); 13] = [
    ("path", "PATH"),
    ("price", "the price"),
    ("payee", "--payee"),
    ("asset", "--asset"),
    ("site", "--site"),
    ("methods", "--method"),
    ("tool", "--tool"),
    ("description", "--description"),
    ("mime_type", "--mime-type"),
    ("split", "--split"),
    ("prices", "--price-for"),
    ("pay_what_you_want", "--min and --suggest"),
    ("access_seconds", "--access-seconds"),
];

/// Carries out `farthing offer`.
pub(crate) async fn run(args: OfferArgs) -> Result<(), Failure> {
    match args.command {
        OfferCommand::New(args) => make(args).await,
        OfferCommand::List(args) => list(&args).await,
        OfferCommand::Show(OfferOneArgs { offer, json, operator }) => {
            let (node, token) = connect(&operator)?;
            show(&find(&node, &token, offer).await?, json)
        }
        OfferCommand::Change(args) => change(args).await,
        OfferCommand::Delete(args) => {
            let (node, token) = connect(&args.operator)?;
            let call = (Method::DELETE, format!("/v1/offers/{}", args.offer));
            call::json(&node, &token, call, None, &FLAGS).await?;
            term::note("the offer is taken back");
            Ok(())
        }
    }
}

async fn make(args: OfferNewArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let code = args.asset.as_ref().map(money::AssetCode::as_str);
    let asset = operator::asset(&node, code).await?;
    let mut body = terms(&args.terms, asset)?;
    body["path"] = args.path.into();
    body["price"] = units("PRICE", &args.price, asset)?;
    body["payee"] = args.payee.to_string().into();
    body["asset"] = asset.code.as_str().into();
    body["site"] = args.site.into();
    body["methods"] = args.methods.into();
    body["tool"] = args.tool.into();
    let call = (Method::POST, "/v1/offers".to_owned());
    show(&call::json(&node, &token, call, Some(&body), &FLAGS).await?, args.json)
}

async fn change(args: OfferChangeArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let asset = asset_of(&find(&node, &token, args.offer).await?)?;
    let mut body = terms(&args.terms, asset)?;
    if let Some(price) = &args.price {
        body["price"] = units("--price", price, asset)?;
    }
    if body.as_object().is_some_and(serde_json::Map::is_empty) {
        return Err(Failure::usage("nothing is named that could change")
            .with_hint("`farthing offer change --help` lists what can"));
    }
    let call = (Method::PATCH, format!("/v1/offers/{}", args.offer));
    show(&call::json(&node, &token, call, Some(&body), &FLAGS).await?, args.json)
}

pub(crate) async fn find(node: &NodeClient, token: &str, offer: OfferId) -> Result<Value, Failure> {
    let call = (Method::GET, format!("/v1/offers/{offer}"));
    call::json(node, token, call, None, &FLAGS).await
}

async fn list(args: &OfferListArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let mut offers = call::all(&node, &token, "/v1/offers").await?;
    offers.retain(|offer| args.site.as_ref().is_none_or(|site| offer["site"] == **site));
    if args.json {
        term::line(&json!({ "offers": offers }).to_string());
        return Ok(());
    }
    let head = ["OFFER", "SITE", "SELLS", "STATE", "PRICE"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for offer in &offers {
        let state = match (&offer["source"], &offer["active"]) {
            (Value::String(source), _) if source == "file" => "in the file",
            (_, Value::Bool(true)) => "active",
            _ => "off",
        };
        rows.push(vec![
            call::text(&offer["offer"]),
            call::text(&offer["site"]),
            sells(offer),
            state.to_owned(),
            amount(&offer["price"], asset_of(offer)?),
        ]);
    }
    term::table(&rows, 4);
    Ok(())
}

/// Writes one offer.
fn show(offer: &Value, as_json: bool) -> Result<(), Failure> {
    if as_json {
        term::line(&offer.to_string());
        return Ok(());
    }
    let asset = asset_of(offer)?;
    let mut rows = vec![
        ("offer", call::text(&offer["offer"])),
        ("sells", format!("{} at site {}", sells(offer), call::text(&offer["site"]))),
        ("price", amount(&offer["price"], asset)),
        ("payee", call::text(&offer["payee"])),
    ];
    for share in members(&offer["split"]) {
        let percent = percent_of(share["share_ppm"].as_u64().unwrap_or(0));
        rows.push(("share", format!("{percent} % to {}", call::text(&share["account"]))));
    }
    for rule in members(&offer["prices"]) {
        let who = ["country", "class"].map(|name| rule[name].as_str());
        let who: Vec<&str> = who.into_iter().flatten().collect();
        rows.push(("price for", format!("{}: {}", who.join("/"), amount(&rule["price"], asset))));
    }
    let own = &offer["pay_what_you_want"];
    if !own.is_null() {
        rows.push(("least", amount(&own["min"], asset)));
        rows.extend(members(&own["suggested"]).map(|units| ("suggested", amount(units, asset))));
    }
    let is_active = offer["active"] == true;
    rows.push(("state", if is_active { "active" } else { "off" }.to_owned()));
    rows.push(("description", call::text(&offer["description"])));
    for (name, text) in rows {
        term::line(&term::plain(&format!("{name:<12} {text}")));
    }
    Ok(())
}

/// What it covers, in one line.
fn sells(offer: &Value) -> String {
    let methods: Vec<&str> = members(&offer["methods"]).filter_map(Value::as_str).collect();
    let path = call::text(&offer["path"]);
    match (offer["tool"].as_str(), methods.as_slice()) {
        (Some(tool), _) => format!("tool {tool} of {path}"),
        (None, []) => format!("GET {path}"),
        (None, methods) => format!("{} {path}", methods.join(",")),
    }
}

fn members(list: &Value) -> impl Iterator<Item = &Value> {
    list.as_array().into_iter().flatten()
}

fn malformed() -> Failure {
    Failure::new("the node's offer is malformed")
}

pub(crate) fn asset_of(offer: &Value) -> Result<Asset, Failure> {
    let scale = offer["scale"].as_u64().and_then(|scale| u8::try_from(scale).ok());
    let code = offer["asset"].as_str().ok_or_else(malformed)?;
    Asset::new(code, scale.ok_or_else(malformed)?).map_err(|_| malformed())
}

fn amount(units: &Value, asset: Asset) -> String {
    let read = units.as_str().and_then(|units| money::parse_base_units(units).ok());
    read.map_or_else(|| call::text(units), |units| Amount::new(units, asset).to_string())
}

/// What the flags say, as the API takes it.
fn terms(args: &OfferTermsArgs, asset: Asset) -> Result<Value, Failure> {
    let mut body = json!({});
    let plain = [
        ("description", args.description.as_ref().map(|text| json!(text))),
        ("mime_type", args.mime_type.as_ref().map(|text| json!(text))),
        ("access_seconds", args.access_seconds.map(|seconds| json!(seconds))),
        ("active", args.active.map(|active| json!(active))),
        ("listed", args.listed.map(|listed| json!(listed))),
        ("split", each(&args.splits, share)?),
        ("prices", each(&args.prices, |rule| price_for(rule, asset))?),
        ("pay_what_you_want", own_amount(args, asset)?),
    ];
    for (name, value) in plain {
        if let Some(value) = value {
            body[name] = value;
        }
    }
    Ok(body)
}

/// `None` if the flag was not given; an empty list for `none`.
fn each(
    texts: &[String],
    read: impl Fn(&str) -> Result<Value, Failure>,
) -> Result<Option<Value>, Failure> {
    match texts {
        [] => Ok(None),
        [only] if only == NONE => Ok(Some(json!([]))),
        all => Ok(Some(all.iter().map(|text| read(text)).collect::<Result<_, _>>()?)),
    }
}

fn share(text: &str) -> Result<Value, Failure> {
    let wrong = || {
        Failure::usage(format!("--split: `{text}` is not an account and its percentage"))
            .with_hint("write for example acc_0000000000000000000000002d=80, or none")
    };
    let (account, percent) = text.split_once('=').ok_or_else(wrong)?;
    let account: AccountId = account.parse().map_err(|_| wrong())?;
    Ok(json!({"account": account, "share_ppm": ppm(percent).ok_or_else(wrong)?}))
}

/// A percentage with up to four decimals as parts per million.
pub(crate) fn ppm(percent: &str) -> Option<u32> {
    let scale = Asset::new("PERCENT", PERCENT_SCALE).ok()?;
    let percent = percent.trim_end_matches('%').trim_end();
    u32::try_from(Amount::parse_decimal(percent, scale).ok()?.units()).ok()
}

/// Parts per million as a percentage.
pub(crate) fn percent_of(ppm: u64) -> String {
    let Ok(scale) = Asset::new("PERCENT", PERCENT_SCALE) else { return String::new() };
    Amount::new(ppm.into(), scale).to_string().trim_end_matches(" PERCENT").to_owned()
}

fn price_for(text: &str, asset: Asset) -> Result<Value, Failure> {
    let (who, price) =
        text.split_once('=').filter(|(who, _)| !who.is_empty()).ok_or_else(|| {
            Failure::usage(format!("--price-for: `{text}` does not say for whom and how much"))
                .with_hint("write for example IN=0.0004, agent=0.01, IN/agent=0.02, or none")
        })?;
    let mut rule = json!({"price": units("--price-for", price, asset)?});
    for word in who.split('/') {
        // Countries are written with capitals, classes without; the node knows which there are.
        let is_country = word.bytes().all(|letter| letter.is_ascii_uppercase());
        rule[if is_country { "country" } else { "class" }] = word.into();
    }
    Ok(rule)
}

fn own_amount(args: &OfferTermsArgs, asset: Asset) -> Result<Option<Value>, Failure> {
    let Some(min) = &args.min else { return Ok(None) };
    if min == NONE {
        return Ok(Some(Value::Null));
    }
    let suggested = args.suggested.iter().map(|text| units("--suggest", text, asset));
    let suggested = suggested.collect::<Result<Vec<_>, _>>()?;
    Ok(Some(json!({"min": units("--min", min, asset)?, "suggested": suggested})))
}

/// A decimal as base units.
pub(crate) fn units(flag: &str, text: &str, asset: Asset) -> Result<Value, Failure> {
    let read = Amount::parse_decimal(text, asset).map_err(|why| {
        Failure::usage(format!("{flag}: `{text}` is not an amount: {why}"))
            .with_hint("write a decimal such as 0.002")
    })?;
    Ok(read.units().to_string().into())
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn flags_are_what_the_api_takes() {
        let usd = Asset::new("USD", 9).unwrap();
        let account = "acc_0000000000000000000000002d";
        let share = |text: &str| share(text).ok();
        let whole = json!({"account": account, "share_ppm": 333_333});
        assert_eq!(share(&format!("{account}=33.3333")), Some(whole.clone()));
        assert_eq!(share(&format!("{account}=33.3333 %")), Some(whole));
        for text in ["", account, "acc_x=50", &format!("{account}=33.33333")] {
            assert_eq!(share(text), None, "{text}");
        }
        let rule = |text: &str| price_for(text, usd).ok();
        let (india, agents) = (json!({"price": "400000", "country": "IN"}), "agent");
        assert_eq!(rule("IN=0.0004"), Some(india));
        let both = json!({"price": "1", "country": "IN", "class": agents});
        assert_eq!(rule("IN/agent=0.000000001"), Some(both));
        for text in ["", "IN", "=1", "IN=", "IN=-1"] {
            assert_eq!(rule(text), None, "{text}");
        }
    }
}
