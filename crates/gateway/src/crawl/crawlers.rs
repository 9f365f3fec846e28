//! The crawlers that are let in, and the keys by which they are known.
//!
//! Invariants: a key is found by the thumbprint that follows from it; keys of a directory replace
//! those of the same directory as a whole, and stay when it cannot be read.

use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use http402::crawler::{CrawlerError, thumbprint};
use instrument::PublicKey;
use tracing::{info, warn};

use super::fetch::{DirectoryUrl, Fetcher};

/// Time between two looks at a directory.
const REFRESH_SECONDS: u64 = 60 * 60;
/// The same after a look that failed.
const RETRY_SECONDS: u64 = 60;

/// A crawler of the configuration.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Crawler {
    /// Address that the crawler names in `Signature-Agent`.
    pub agent: String,
    /// Its keys.
    pub keys: CrawlerKeys,
}

/// Where the keys of a crawler come from.
#[derive(Debug, Clone, PartialEq, Eq)]
pub enum CrawlerKeys {
    /// From the configuration.
    Key(PublicKey),
    /// From a key directory.
    Directory(DirectoryUrl),
}

/// The crawlers that are let in; clones share the keys.
#[derive(Debug, Clone, Default)]
pub struct Crawlers {
    known: Arc<[Known]>,
}

#[derive(Debug)]
struct Known {
    agent: String,
    directory: Option<DirectoryUrl>,
    /// Thumbprint and key. Written by [`Crawlers::keep_fresh`] alone.
    keys: RwLock<Vec<(String, PublicKey)>>,
}

impl Crawlers {
    /// The crawlers of a configuration; directories are empty until they are read.
    pub fn new(crawlers: Vec<Crawler>) -> Self {
        let known = crawlers.into_iter().map(|crawler| {
            let (directory, keys) = match crawler.keys {
                CrawlerKeys::Key(key) => (None, vec![(thumbprint(&key), key)]),
                CrawlerKeys::Directory(url) => (Some(url), Vec::new()),
            };
            let agent = crawler.agent.trim_end_matches('/').to_owned();
            Known { agent, directory, keys: RwLock::new(keys) }
        });
        Self { known: known.collect() }
    }

    /// The key of this thumbprint, of the crawler that `agent` names if it names one.
    pub(super) fn key(&self, keyid: &str, agent: Option<&str>) -> Result<PublicKey, CrawlerError> {
        let agent = agent.map(|agent| agent.trim_end_matches('/'));
        let mut of_another = false;
        for known in self.known.iter() {
            let keys = known.keys.read().unwrap_or_else(PoisonError::into_inner);
            let Some((_, key)) = keys.iter().find(|(print, _)| print == keyid) else { continue };
            if agent.is_none_or(|agent| agent == known.agent) {
                return Ok(*key);
            }
            of_another = true;
        }
        Err(if of_another { CrawlerError::Agent } else { CrawlerError::Unknown })
    }

    /// Reads every directory once, `now_ms` for keys with an end. True if all could be read.
    pub async fn refresh(&self, now_ms: u64) -> bool {
        let fetcher = Fetcher::new();
        let mut all = true;
        for known in self.known.iter() {
            let Some(url) = &known.directory else { continue };
            match fetcher.keys(url, now_ms).await {
                Ok(keys) => {
                    info!(agent = %known.agent, keys = keys.len(), "read a crawler's key directory");
                    let keys = keys.into_iter().map(|key| (thumbprint(&key), key)).collect();
                    *known.keys.write().unwrap_or_else(PoisonError::into_inner) = keys;
                }
                Err(error) => {
                    warn!(agent = %known.agent, %url, %error, "a key directory could not be read");
                    all = false;
                }
            }
        }
        all
    }

    /// Reads the directories now and from time to time; ends at once if there are none.
    pub async fn keep_fresh(self, now_ms: impl Fn() -> u64) {
        while self.known.iter().any(|known| known.directory.is_some()) {
            let all = self.refresh(now_ms()).await;
            let seconds = if all { REFRESH_SECONDS } else { RETRY_SECONDS };
            tokio::time::sleep(Duration::from_secs(seconds)).await;
        }
    }
}
