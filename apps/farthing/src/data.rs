//! The data folder of a node: made for its owner alone, and where a running node is found.

use std::fs::DirBuilder;
use std::io;
use std::os::unix::fs::DirBuilderExt as _;
use std::path::Path;

use serde::{Deserialize, Serialize};

const FOLDER_MODE: u32 = 0o700;
const NODE_FILE: &str = "node.json";

/// The read model; a cache.
pub(crate) const REPORT: &str = "report.sqlite";
/// Name of the operator's token.
pub(crate) const OPERATOR_TOKEN: &str = "operator.token";
/// Name of the token of gateways apart from the node.
pub(crate) const GATEWAY_TOKEN: &str = "gateway.token";

/// Name of the node's key.
pub(crate) const NODE_KEY: &str = "node.key";
/// Name of the log's key.
pub(crate) const LOG_KEY: &str = "log.key";
/// Name of the file of the log's name.
pub(crate) const LOG_ORIGIN: &str = "log.origin";
/// Name of the file that says by how many milliseconds the clock of a sandbox is ahead.
pub(crate) const CLOCK_SHIFT: &str = "clock.shift";
/// Name of the key that seals other secrets, such as those of webhooks.
pub(crate) const SEAL_KEY: &str = "seal.key";
/// The files of the folder that a backup holds besides journal, snapshot and index. With the log's
/// newest checkpoint a restored log notices that it was ahead, and signs nothing.
pub(crate) const SECRETS: [&str; 7] =
    [NODE_KEY, OPERATOR_TOKEN, GATEWAY_TOKEN, LOG_KEY, LOG_ORIGIN, CLOCK_SHIFT, SEAL_KEY];

/// Content of `node.json`: where the running node listens.
#[derive(Serialize, Deserialize)]
struct RunningNode {
    url: String,
}

/// Makes the folder if it does not exist. What is in it is closed on its own: the folder may have been
/// made before, open to others, and journal and index hold who paid whom.
pub(crate) fn make(folder: &Path) -> io::Result<()> {
    make_closed(folder)?;
    make_closed(&folder.join("journal"))?;
    make_closed(&folder.join("snapshots"))?;
    make_closed(&folder.join("index"))?;
    make_closed(&folder.join("log"))
}

/// Makes a folder for its owner alone if it does not exist.
pub(crate) fn make_closed(folder: &Path) -> io::Result<()> {
    DirBuilder::new().recursive(true).mode(FOLDER_MODE).create(folder)
}

/// Writes where the node is, in one step.
pub(crate) fn publish(folder: &Path, url: &str) -> io::Result<()> {
    let json = serde_json::to_vec(&RunningNode { url: url.to_owned() })?;
    let part = folder.join("node.json.part");
    std::fs::write(&part, json)?;
    std::fs::rename(part, folder.join(NODE_FILE))
}

/// Takes back what [`publish`] wrote.
pub(crate) fn withdraw(folder: &Path) {
    // A file that stays behind names an address at which nobody answers, which is told as such.
    let _ = std::fs::remove_file(folder.join(NODE_FILE));
}

/// Where the node of a folder runs.
pub(crate) fn running(folder: &Path) -> io::Result<String> {
    let json = std::fs::read(folder.join(NODE_FILE))?;
    let node: RunningNode = serde_json::from_slice(&json)?;
    Ok(node.url)
}
