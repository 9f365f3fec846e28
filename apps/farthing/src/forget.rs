//! `farthing forget`: makes an account's entries of the log unreadable for good.

use money::AccountId;
use serde_json::json;

use crate::cli::ForgetArgs;
use crate::failure::Failure;
use crate::{operator, term};

/// Asks the node to forget, if the operator has said that it is meant.
pub(crate) async fn run(args: ForgetArgs) -> Result<(), Failure> {
    let account: AccountId = args.account.parse().map_err(|why: money::IdError| {
        Failure::usage(format!("`{}` is not an account: {why}", args.account))
            .with_hint("`farthing accounts` lists accounts")
    })?;
    if !args.yes {
        return Err(Failure::usage(format!(
            "{account} would be forgotten for good: no receipt and no statement could open its \
             entries of the log any more"
        ))
        .with_hint("say --yes if this is meant"));
    }
    let (node, token) = operator::connect(&args.operator)?;
    let forgotten = node.forget(&token, account).await?;
    let answer = json!({"account": forgotten.account, "leaves": forgotten.leaves});
    term::line(&answer.to_string());
    Ok(())
}
