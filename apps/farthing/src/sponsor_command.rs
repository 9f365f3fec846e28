//! `farthing sponsor`: who pays for the visitors of sites, from the terminal.
//!
//! Invariant: what goes to standard output is a key, a mandate, a table or JSON.

use http::Method;
use serde_json::{Value, json};

use crate::call;
use crate::cli::{OperatorArgs, SponsorArgs, SponsorCommand, SponsorNewArgs};
use crate::failure::Failure;
use crate::operator::connect;
use crate::term;

/// Members of the API and what stands for them on the command line.
const FLAGS: [(&str, &str); 4] = [
    ("mandate", "MANDATE"),
    ("title", "--title"),
    ("offers", "--offer"),
    ("uses", "--uses and --every"),
];

/// Carries out `farthing sponsor`.
pub(crate) async fn run(args: SponsorArgs) -> Result<(), Failure> {
    match args.command {
        SponsorCommand::Key { operator } => {
            let (node, token) = connect(&operator)?;
            let facts: Value = node.ask(&token, "/v1/node").await?;
            term::line(&call::text(&facts["sponsored_key"]));
            Ok(())
        }
        SponsorCommand::New(args) => make(args).await,
        SponsorCommand::List { operator, json } => list(&operator, json).await,
        SponsorCommand::Delete { mandate, operator } => {
            let (node, token) = connect(&operator)?;
            let call = (Method::DELETE, format!("/v1/sponsors/{mandate}"));
            call::json(&node, &token, call, None, &FLAGS).await?;
            term::note("the sponsor pays no longer; its granter can revoke the mandate");
            Ok(())
        }
    }
}

async fn make(args: SponsorNewArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let mut body = json!({
        "mandate": args.mandate,
        "title": args.title,
        "uses": {"count": args.uses, "seconds": args.every / 1000},
    });
    if !args.offers.is_empty() {
        body["offers"] = json!(args.offers);
    }
    let call = (Method::POST, "/v1/sponsors".to_owned());
    let made = call::json(&node, &token, call, Some(&body), &FLAGS).await?;
    if args.json {
        term::line(&made.to_string());
        return Ok(());
    }
    term::note(&format!("{} pays for visitors", term::plain(&args.title)));
    term::line(&call::text(&made["mandate"]));
    Ok(())
}

async fn list(operator: &OperatorArgs, as_json: bool) -> Result<(), Failure> {
    let (node, token) = connect(operator)?;
    let sponsors = call::all(&node, &token, "/v1/sponsors").await?;
    if as_json {
        term::line(&json!({ "sponsors": sponsors }).to_string());
        return Ok(());
    }
    let head = ["MANDATE", "TITLE", "PAYER", "OFFERS", "USES", "EVERY"];
    let mut rows = vec![head.map(str::to_owned).to_vec()];
    for sponsor in &sponsors {
        let offers = sponsor["offers"].as_array().map(Vec::len);
        rows.push(vec![
            call::text(&sponsor["mandate"]),
            term::plain(&call::text(&sponsor["title"])),
            call::text(&sponsor["payer"]),
            offers.map_or_else(|| "all".to_owned(), |count| count.to_string()),
            call::text(&sponsor["uses"]["count"]),
            format!("{} s", call::text(&sponsor["uses"]["seconds"])),
        ]);
    }
    term::table(&rows, 3);
    Ok(())
}
