//! The wallet file: which node, which key.
//!
//! JSON with `kind`, `node` (URL), `network`, `public_key` and `seed` (64 hex digits each). The
//! plug-ins for other languages read the same file as a key file.
//!
//! Invariants: created with permissions 0600 and never written over; refused when group or others
//! may read it, or when its public key is not that of its seed; the seed leaves this module only
//! into that file.

use std::fmt;
use std::fs::{DirBuilder, File, OpenOptions};
use std::io::{ErrorKind, Read as _, Write as _};
use std::os::unix::fs::{DirBuilderExt as _, MetadataExt as _, OpenOptionsExt as _};
use std::path::{Path, PathBuf};

use http402::x402::{network_name, parse_network};
use instrument::hex::{Hex, parse_32};
use instrument::{KeyPair, PublicKey};
use money::NodeId;
use serde::{Deserialize, Serialize};

use crate::error::{Error, Kind};

/// Largest wallet file that is read.
const WALLET_FILE_BYTES_MAX: u64 = 16 * 1024;
const KIND: &str = "farthing-key/1";
const FILE_MODE: u32 = 0o600;
const FOLDER_MODE: u32 = 0o700;
const GROUP_AND_OTHERS: u32 = 0o077;

/// A payer's key and the node at which it pays.
#[derive(Clone)]
pub struct Wallet {
    node_url: String,
    network: NodeId,
    key: KeyPair,
}

#[derive(Serialize, Deserialize)]
struct FileContent {
    kind: String,
    node: String,
    network: String,
    public_key: String,
    seed: String,
}

impl fmt::Debug for Wallet {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Wallet")
            .field("node_url", &self.node_url)
            .field("network", &self.network)
            .field("public_key", &self.key.public())
            .finish_non_exhaustive()
    }
}

/// `$XDG_CONFIG_HOME/farthing/wallet.json`, or below `~/.config`; `None` without a home.
pub fn default_path() -> Option<PathBuf> {
    let named = |name| std::env::var_os(name).map(PathBuf::from).filter(|path| path.is_absolute());
    let folder =
        named("XDG_CONFIG_HOME").or_else(|| named("HOME").map(|home| home.join(".config")));
    folder.map(|folder| folder.join("farthing").join("wallet.json"))
}

impl Wallet {
    /// A wallet with a new random key, in memory only.
    pub fn generate(node_url: impl Into<String>, network: NodeId) -> Result<Self, Error> {
        let mut seed = [0; 32];
        getrandom::fill(&mut seed).map_err(|_| Error::new(Kind::Random))?;
        Ok(Self::from_key(node_url, network, KeyPair::from_seed(&seed)))
    }

    /// A wallet around a key.
    pub fn from_key(node_url: impl Into<String>, network: NodeId, key: KeyPair) -> Self {
        Self { node_url: node_url.into(), network, key }
    }

    /// Writes the wallet to a file that does not exist yet, with permissions 0600.
    pub fn save(&self, path: &Path) -> Result<(), Error> {
        let shown = path.display();
        let failed = |error: std::io::Error| match error.kind() {
            ErrorKind::AlreadyExists => Error::file(format!("the wallet {shown} exists already"))
                .with_hint("a wallet is never written over: choose another file with --wallet"),
            _ => Error::file(format!("the wallet {shown} cannot be written: {error}")),
        };
        if let Some(folder) = path.parent().filter(|folder| !folder.as_os_str().is_empty()) {
            let mut builder = DirBuilder::new();
            builder.recursive(true).mode(FOLDER_MODE);
            builder.create(folder).map_err(failed)?;
        }
        let content = FileContent {
            kind: KIND.to_owned(),
            node: self.node_url.clone(),
            network: network_name(self.network),
            public_key: self.key.public().to_string(),
            seed: Hex(self.key.seed()).to_string(),
        };
        let mut json = serde_json::to_vec_pretty(&content)
            .map_err(|_| Error::file("the wallet cannot be written as JSON"))?;
        json.push(b'\n');
        let mut options = OpenOptions::new();
        options.write(true).create_new(true).mode(FILE_MODE);
        let mut file = options.open(path).map_err(failed)?;
        file.write_all(&json).map_err(failed)?;
        file.sync_all().map_err(failed)
    }

    /// Reads a wallet file.
    pub fn load(path: &Path) -> Result<Self, Error> {
        let shown = path.display();
        let failed = |error: std::io::Error| {
            let text = format!("the wallet {shown} cannot be read: {error}");
            match error.kind() {
                ErrorKind::NotFound => {
                    Error::file(text).with_hint("make one with `farthing wallet new --node URL`")
                }
                _ => Error::file(text),
            }
        };
        let file = File::open(path).map_err(failed)?;
        // Asked of the open file, so the answer belongs to what is read.
        let mode = file.metadata().map_err(failed)?.mode();
        if mode & GROUP_AND_OTHERS != 0 {
            let text =
                format!("the wallet {shown} is open to others (permissions {:04o})", mode & 0o7777);
            return Err(Error::file(text).with_hint(format!("close it with `chmod 600 {shown}`")));
        }
        let mut json = Vec::new();
        let mut limited = file.take(WALLET_FILE_BYTES_MAX + 1);
        limited.read_to_end(&mut json).map_err(failed)?;
        if json.len() as u64 > WALLET_FILE_BYTES_MAX {
            let text = format!("{shown} is larger than a wallet file may be");
            return Err(Error::file(text));
        }
        Self::read(&json).map_err(|why| Error::file(format!("{shown} is not a wallet: {why}")))
    }

    /// The reader's own explanations are not passed on: they may quote the seed.
    fn read(json: &[u8]) -> Result<Self, &'static str> {
        let content: FileContent =
            serde_json::from_slice(json).map_err(|_| "not JSON of the expected shape")?;
        if content.kind != KIND {
            return Err("`kind` is not `farthing-key/1`");
        }
        let network =
            parse_network(&content.network).ok_or("`network` is not a Farthing network")?;
        let seed = parse_32(&content.seed).ok_or("`seed` is not 64 lowercase hex digits")?;
        let key = KeyPair::from_seed(&seed);
        if content.public_key != key.public().to_string() {
            return Err("`public_key` does not belong to `seed`");
        }
        Ok(Self::from_key(content.node, network, key))
    }

    /// URL of the node.
    pub fn node_url(&self) -> &str {
        &self.node_url
    }

    /// The node, that is, the network on which this wallet pays.
    pub fn network(&self) -> NodeId {
        self.network
    }

    /// The public half of the key.
    pub fn public_key(&self) -> PublicKey {
        self.key.public()
    }

    /// The key, for signing.
    pub fn key(&self) -> &KeyPair {
        &self.key
    }
}
