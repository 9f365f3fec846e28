//! Crawlers of the file become crawlers of the gateway.

use gateway::{Crawler, CrawlerKeys, Crawlers, DirectoryUrl};
use instrument::PublicKey;

use super::check::Key;
use super::{ConfigError, CrawlerSection};

/// The crawlers of one gateway.
pub(super) fn crawlers(
    sections: &[CrawlerSection],
    gateway: &Key<'_>,
) -> Result<Crawlers, ConfigError> {
    let mut crawlers = Vec::new();
    for (index, section) in sections.iter().enumerate() {
        crawlers.push(crawler(section, &gateway.nth("crawler", index))?);
    }
    Ok(Crawlers::new(crawlers))
}

fn crawler(section: &CrawlerSection, key: &Key<'_>) -> Result<Crawler, ConfigError> {
    let agent = section.agent.clone();
    if !agent.starts_with("https://") && !agent.starts_with("http://") {
        let hint = "write what it sends in Signature-Agent, for example \"https://bot.example\"";
        return Err(key.join("agent").error(format!("`{agent}` is not an address"), hint));
    }
    let keys = match (&section.key, &section.directory) {
        (Some(hex), None) => {
            let parsed = PublicKey::from_hex(hex).ok_or_else(|| {
                let hint = "write the 64 lowercase hex digits of its Ed25519 public key";
                key.join("key").error("this is not a key", hint)
            });
            CrawlerKeys::Key(parsed?)
        }
        (None, Some(url)) => {
            let parsed = DirectoryUrl::parse(url).map_err(|why| {
                let hint = "write the https address of its key directory";
                key.join("directory").error(why.to_string(), hint)
            });
            CrawlerKeys::Directory(parsed?)
        }
        _ => {
            let hint = "write key = \"64 hex digits\", or directory = \"https://...\"";
            return Err(key.error("a crawler has either a key or a directory", hint));
        }
    };
    Ok(Crawler { agent, keys })
}
