//! `farthing mcp`: names, defaults, help.

use std::net::SocketAddr;
use std::path::PathBuf;

use clap::Args;

use super::WalletFile;

const EXAMPLES: &str = "\
Examples:
  farthing mcp --max 0.01 --max-in-all 1
  farthing mcp --mandate shopper.mandate
  farthing mcp --http 127.0.0.1:4025 --token-file mcp.token
  {\"mcpServers\": {\"farthing\": {\"command\": \"farthing\", \"args\": [\"mcp\", \"--max\", \"0.01\"]}}}

Without --http it speaks over standard input and output, as agents on the same machine start it.
Purchases are remembered beside the wallet, so a purchase key counts after a restart too. Give an agent a
wallet or mandate of its own: its budget at the node holds even if this program's limits are changed.";

#[derive(Debug, Args)]
#[command(after_help = EXAMPLES)]
pub(crate) struct McpArgs {
    #[command(flatten)]
    pub(crate) wallet: WalletFile,
    /// Pay under this file's chain of mandates, from the account of who granted it.
    #[arg(long, value_name = "FILE")]
    pub(crate) mandate: Option<PathBuf>,
    /// Reach the wallet's node at another URL.
    #[arg(long, value_name = "URL")]
    pub(crate) node: Option<String>,
    /// The most for one purchase.
    #[arg(long, value_name = "AMOUNT", default_value = "0.01")]
    pub(crate) max: String,
    /// The most in all, until it is started again.
    #[arg(long, value_name = "AMOUNT", default_value = "1")]
    pub(crate) max_in_all: String,
    /// The asset to pay in.
    #[arg(long, value_name = "CODE", default_value = "USD")]
    pub(crate) asset: String,
    /// Where content goes that is long or no text; by default beside the wallet.
    #[arg(long, value_name = "FOLDER")]
    pub(crate) downloads: Option<PathBuf>,
    /// Serve over HTTP at `/mcp` instead.
    #[arg(long, value_name = "ADDRESS:PORT")]
    pub(crate) http: Option<SocketAddr>,
    /// File with the bearer token that callers over HTTP must show; made if it does not exist.
    #[arg(long, value_name = "FILE", requires = "http", default_value = "mcp.token")]
    pub(crate) token_file: PathBuf,
    /// A host that requests over HTTP may name besides loopback; may be repeated.
    #[arg(long = "host", value_name = "NAME", requires = "http")]
    pub(crate) hosts: Vec<String>,
}
