//! `farthing key` and `farthing operator`: API keys, and the password of the operator's pages.
//!
//! Invariant: a secret goes to standard output alone, a password comes from standard input alone, so
//! neither stands in a list of processes.

use std::io::{BufRead as _, IsTerminal as _, Read as _};

use engine::{Clock as _, SystemClock};
use serde_json::{Value, json};

use crate::cli::OperatorCommand;
use crate::cli::{KeyArgs, KeyCommand, NewKeyArgs, OperatorArgs, OperatorCommandArgs};
use crate::failure::Failure;
use crate::operator::connect;
use crate::term;

/// Longest line that is read as a password.
const PASSWORD_LINE_BYTES_MAX: u64 = 4096;
const DAY_MS: u64 = 24 * 60 * 60 * 1000;

/// Makes, lists or deletes keys.
pub(crate) async fn run(args: KeyArgs) -> Result<(), Failure> {
    match args.command {
        KeyCommand::New(args) => make(args).await,
        KeyCommand::List { operator, json } => list(&operator, json).await,
        KeyCommand::Delete { id, operator } => {
            let (node, token) = connect(&operator)?;
            node.delete_key(&token, &id).await?;
            term::note("the key counts no longer");
            Ok(())
        }
    }
}

async fn make(args: NewKeyArgs) -> Result<(), Failure> {
    let (node, token) = connect(&args.operator)?;
    let limit = |values: Vec<String>| if values.is_empty() { Value::Null } else { json!(values) };
    let key = json!({
        "name": args.name,
        "scopes": args.scopes,
        "accounts": limit(args.accounts),
        "assets": limit(args.assets),
        "routes": limit(args.routes),
        "addresses": limit(args.addresses),
        "expires_at_ms": args.days.map(|days| SystemClock.now_ms() + u64::from(days) * DAY_MS),
    });
    let made = node.make_key(&token, &key).await?;
    term::note(&format!("{} is made; its secret is shown this once", made.key_id));
    term::line(&made.secret.unwrap_or_default());
    Ok(())
}

async fn list(operator: &OperatorArgs, as_json: bool) -> Result<(), Failure> {
    let (node, token) = connect(operator)?;
    let keys = node.keys(&token).await?;
    if as_json {
        let keys: Vec<Value> = keys
            .iter()
            .map(|key| {
                json!({"key_id": key.key_id, "name": key.name, "scopes": key.scopes,
                    "accounts": key.accounts, "expires_at_ms": key.expires_at_ms})
            })
            .collect();
        term::line(&json!({ "keys": keys }).to_string());
        return Ok(());
    }
    let mut rows = vec![["KEY", "NAME", "SCOPES", "ACCOUNTS"].map(str::to_owned).to_vec()];
    for key in keys {
        let accounts = key.accounts.map_or_else(|| "all".to_owned(), |all| all.join(" "));
        rows.push(vec![key.key_id, key.name, key.scopes.join(" "), accounts]);
    }
    term::table(&rows, 4);
    Ok(())
}

/// What only the operator does.
pub(crate) async fn operator(args: OperatorCommandArgs) -> Result<(), Failure> {
    let OperatorCommand::Password(args) = args.command;
    let (node, token) = connect(&args)?;
    let input = std::io::stdin();
    if input.is_terminal() {
        term::note("the password, in one line; it is shown as you type:");
    }
    let mut line = String::new();
    let read = input.lock().take(PASSWORD_LINE_BYTES_MAX).read_line(&mut line);
    read.map_err(|error| Failure::new(format!("no password can be read: {error}")))?;
    node.set_password(&token, line.trim_end_matches(['\r', '\n'])).await?;
    term::note("the password counts from now on");
    Ok(())
}
