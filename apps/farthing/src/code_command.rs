//! `farthing code`: discount codes from the terminal.
//!
//! Invariant: what goes to standard output is the code, for who hands it on, or JSON.

use http::Method;
use serde_json::{Map, Value, json};

use crate::call;
use crate::cli::{CodeArgs, CodeCommand, CodeNewArgs, OperatorArgs};
use crate::failure::Failure;
use crate::offer_command::{asset_of, find, percent_of, ppm, units};
use crate::operator::connect;
use crate::term;

const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Members of the API and what stands for them on the command line.
const FLAGS: [(&str, &str); 7] = [
    ("code", "CODE"),
    ("percent_ppm", "--percent"),
    ("price", "--price"),
    ("offers", "--offer"),
    ("max_uses", "--max-uses"),
    ("per_payer", "--per-payer"),
    ("expires_at_ms", "--days"),
];

/// Carries out `farthing code`.
pub(crate) async fn run(args: CodeArgs) -> Result<(), Failure> {
    match args.command {
        CodeCommand::New(args) => make(args).await,
        CodeCommand::List { operator, json } => list(&operator, json).await,
        CodeCommand::Delete { id, operator } => {
            let (node, token) = connect(&operator)?;
            let call = (Method::DELETE, format!("/v1/codes/{id}"));
            call::json(&node, &token, call, None, &FLAGS).await?;
            term::note("the code counts no longer");
            Ok(())
        }
    }
}

async fn make(args: CodeNewArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let mut body = Map::new();
    if let Some(code) = args.code {
        body.insert("code".to_owned(), code.into());
    }
    if let Some(percent) = &args.percent {
        let wrong = || {
            Failure::usage(format!("--percent: `{percent}` is not a percentage"))
                .with_hint("write for example 25 or 12.5")
        };
        body.insert("percent_ppm".to_owned(), ppm(percent).ok_or_else(wrong)?.into());
    }
    if let (Some(price), Some(offer)) = (&args.price, args.offers.first()) {
        let asset = asset_of(&find(&node, &token, *offer).await?)?;
        body.insert("price".to_owned(), units("--price", price, asset)?);
    }
    if !args.offers.is_empty() {
        body.insert("offers".to_owned(), json!(args.offers));
    }
    if let Some(days) = args.days {
        // The node's clock counts, which a sandbox can put ahead.
        let now_ms = node.facts().await?.now_ms;
        let ends_at_ms = now_ms.saturating_add(u64::from(days) * DAY_MS);
        body.insert("expires_at_ms".to_owned(), ends_at_ms.into());
    }
    for (name, count) in [("max_uses", args.max_uses), ("per_payer", args.per_payer)] {
        if let Some(count) = count {
            body.insert(name.to_owned(), count.into());
        }
    }
    let call = (Method::POST, "/v1/codes".to_owned());
    let made = call::json(&node, &token, call, Some(&Value::Object(body)), &FLAGS).await?;
    if args.json {
        term::line(&made.to_string());
        return Ok(());
    }
    term::note(&format!("{} is made", call::text(&made["code_id"])));
    term::line(&call::text(&made["code"]));
    Ok(())
}

async fn list(operator: &OperatorArgs, as_json: bool) -> Result<(), Failure> {
    let (node, token) = connect(operator)?;
    let codes = call::all(&node, &token, "/v1/codes").await?;
    if as_json {
        term::line(&json!({ "codes": codes }).to_string());
        return Ok(());
    }
    let head = ["ID", "CODE", "DISCOUNT", "OFFERS", "USES", "PER PAYER"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for code in &codes {
        let discount = match code["percent_ppm"].as_u64() {
            Some(ppm) => format!("{} %", percent_of(ppm)),
            None => format!("to {} base units", call::text(&code["price"])),
        };
        let offers = code["offers"].as_array().map(Vec::len);
        let count = |name: &str| match &code[name] {
            Value::Null => "any".to_owned(),
            count => count.to_string(),
        };
        rows.push(vec![
            call::text(&code["code_id"]),
            call::text(&code["code"]),
            discount,
            offers.map_or_else(|| "all".to_owned(), |count| count.to_string()),
            count("max_uses"),
            count("per_payer"),
        ]);
    }
    term::table(&rows, 3);
    Ok(())
}
