//! `farthing health`: whether a node is ready, for containers and scripts that have no other client.

use client::{NodeClient, Timeouts};

use crate::cli::HealthArgs;
use crate::data;
use crate::failure::Failure;
use crate::term;

/// Ends well if the node takes payments.
pub(crate) async fn run(args: HealthArgs) -> Result<(), Failure> {
    let url = match args.node {
        Some(url) => url,
        None => data::running(&args.data).map_err(|error| {
            let folder = args.data.display();
            Failure::new(format!("no running node is found in {folder}: {error}"))
                .with_hint("name its data folder with --data, or its URL with --node")
        })?,
    };
    NodeClient::new(&url, Timeouts::default())?.ready().await?;
    term::line("ready");
    Ok(())
}
