//! Offers, discount codes and sponsors of the registry, put on the shelves of the gateways of this process:
//! those of a node beside them, or of one that is apart.
//!
//! Invariants: an offer that was changed is in force with the next request after the change is durable and
//! this task has heard of it; a document that makes no offer is left out and told, and takes no other with
//! it. A gateway that cannot hear its node, or does not understand it, goes on with the offers that it had:
//! what no offer covers is free.

use std::time::Duration;

use engine::{DocumentKind, Engine};
use gateway::node::{RemoteError, RemoteNode};
use gateway::{Code, Offer, OfferError, Paywall, Sponsor};
use gateway::{PublishedCode, PublishedError, PublishedOffer, PublishedSponsor};
use http::HeaderValue;
use http402::llms::Entry;
use tokio::sync::watch;

/// Time between two questions for the offers of a node that is apart.
const OFFERS_POLL_MS: u64 = 2_000;
/// The same, after failures.
const OFFERS_POLL_MS_MAX: u64 = 30_000;

/// A gateway of this process, as offers see it.
#[derive(Debug, Clone)]
pub(crate) struct Stall {
    /// Name of its site.
    pub(crate) name: String,
    /// Its origin, as payers see it.
    pub(crate) url: String,
    /// Has the shelf.
    pub(crate) paywall: Paywall,
}

impl Stall {
    /// Puts its site's offers on the shelf.
    fn stock(&self, offers: &[(PublishedOffer, Offer)]) -> Result<(), OfferError> {
        let is_sold = |published: &PublishedOffer| published.active && published.site == self.name;
        let mut sold: Vec<_> = offers.iter().filter(|(published, _)| is_sold(published)).collect();
        // The newest first: of two for one path it is the one that its maker has in mind.
        sold.sort_by_key(|(published, _)| std::cmp::Reverse(published.created_at_ms));
        self.paywall.shelf().replace(sold.into_iter().map(|(_, offer)| offer.clone()).collect())
    }

    /// What it offers at the moment to those that look for it.
    fn listed(&self) -> Vec<Entry> {
        let routes = self.paywall.routes();
        let listed = routes.offers().iter().filter(|offer| offer.listed);
        listed.flat_map(|offer| self.paywall.entries(offer, &self.url)).collect()
    }
}

/// Stocks the stalls beside a node, and again whenever the offers change, until `stop`; the catalogue
/// follows.
pub(crate) async fn follow(
    engine: Engine,
    stalls: Vec<Stall>,
    catalogue: watch::Sender<Vec<Entry>>,
    mut stop: watch::Receiver<bool>,
) {
    let mut version = engine.documents_version();
    loop {
        // Marked as seen before the documents are read, so no change between the two is missed.
        version.mark_unchanged();
        catalogue.send_replace(stock(&engine, &stalls));
        tokio::select! {
            changed = version.changed() => if changed.is_err() { return },
            stopped = stop.changed() => if stopped.is_err() || *stop.borrow() { return },
        }
    }
}

/// Stocks the stalls beside a node with the offers as they are now; gives what is listed of all.
pub(crate) fn stock(engine: &Engine, stalls: &[Stall]) -> Vec<Entry> {
    let mut offers = Vec::new();
    for document in engine.documents(DocumentKind::Offer) {
        match PublishedOffer::read(&document.body).and_then(with_offer) {
            Ok(offer) => offers.push(offer),
            Err(error) => tracing::warn!(offer = %document.id, %error, "an offer is not one"),
        }
    }
    let (codes, sponsors) = (codes(engine), sponsors(engine));
    for stall in stalls {
        stall.paywall.shelf().sponsors().replace(sponsors.clone());
        stall.paywall.shelf().codes().replace(codes.clone());
        if let Err(error) = stall.stock(&offers) {
            tracing::warn!(site = %stall.name, %error, "the offers are left as they were");
        }
    }
    stalls.iter().flat_map(Stall::listed).collect()
}

fn codes(engine: &Engine) -> Vec<Code> {
    let mut codes = Vec::new();
    for document in engine.documents(DocumentKind::Code) {
        match PublishedCode::read(&document.body).and_then(|code| with_code(&code)) {
            Ok(code) => codes.extend(code),
            Err(error) => tracing::warn!(code = %document.id, %error, "a code is not one"),
        }
    }
    codes
}

/// `None` if it does not count at present.
fn with_code(published: &PublishedCode) -> Result<Option<Code>, PublishedError> {
    published.to_code().map(|code| Some(code).filter(|_| published.active))
}

fn sponsors(engine: &Engine) -> Vec<Sponsor> {
    let mut sponsors = Vec::new();
    for document in engine.documents(DocumentKind::Sponsor) {
        match PublishedSponsor::read(&document.body).and_then(|sponsor| with_sponsor(&sponsor)) {
            Ok(sponsor) => sponsors.extend(sponsor),
            Err(error) => tracing::warn!(sponsor = %document.id, %error, "a sponsor is not one"),
        }
    }
    sponsors
}

/// `None` if it does not count at present.
fn with_sponsor(published: &PublishedSponsor) -> Result<Option<Sponsor>, PublishedError> {
    published.to_sponsor().map(|sponsor| Some(sponsor).filter(|_| published.active))
}

fn with_offer(published: PublishedOffer) -> Result<(PublishedOffer, Offer), PublishedError> {
    let offer = published.to_offer()?;
    Ok((published, offer))
}

/// Why the offers of a node that is apart are not in force.
#[derive(Debug, thiserror::Error)]
pub(crate) enum FollowError {
    /// The node does not tell them.
    #[error(transparent)]
    Node(#[from] RemoteError),
    /// This gateway does not understand one.
    #[error("an offer of the node is not understood, is this gateway older than it? {0}")]
    Published(#[from] PublishedError),
    /// They cannot be sold.
    #[error(transparent)]
    Offer(#[from] OfferError),
}

/// A stall whose node is apart.
#[derive(Debug)]
pub(crate) struct FarStall {
    stall: Stall,
    node: RemoteNode,
    /// Of the offers that are in force.
    offers: Option<HeaderValue>,
    /// Of the codes.
    codes: Option<HeaderValue>,
    /// Of the sponsors.
    sponsors: Option<HeaderValue>,
}

impl FarStall {
    pub(crate) const fn new(stall: Stall, node: RemoteNode) -> Self {
        Self { stall, node, offers: None, codes: None, sponsors: None }
    }

    /// Asks for the offers of the site, the codes and the sponsors, and puts in force what has changed.
    pub(crate) async fn stock(&mut self) -> Result<(), FollowError> {
        self.stock_offers().await?;
        self.stock_codes().await?;
        self.stock_sponsors().await
    }

    async fn stock_sponsors(&mut self) -> Result<(), FollowError> {
        let Some(list) = self.node.list("/v1/sponsors", self.sponsors.as_ref()).await? else {
            return Ok(());
        };
        let mut sponsors = Vec::new();
        for entry in list.entries {
            sponsors.extend(with_sponsor(&PublishedSponsor::of_listed(entry)?)?);
        }
        self.stall.paywall.shelf().sponsors().replace(sponsors);
        self.sponsors = Some(list.tag);
        Ok(())
    }

    async fn stock_codes(&mut self) -> Result<(), FollowError> {
        let Some(list) = self.node.list("/v1/codes", self.codes.as_ref()).await? else {
            return Ok(());
        };
        let mut codes = Vec::new();
        for entry in list.entries {
            codes.extend(with_code(&PublishedCode::of_listed(entry)?)?);
        }
        self.stall.paywall.shelf().codes().replace(codes);
        self.codes = Some(list.tag);
        Ok(())
    }

    async fn stock_offers(&mut self) -> Result<(), FollowError> {
        let site: String = form_urlencoded::byte_serialize(self.stall.name.as_bytes()).collect();
        let path = format!("/v1/offers?site={site}");
        let Some(list) = self.node.list(&path, self.offers.as_ref()).await? else { return Ok(()) };
        let mut offers = Vec::new();
        for entry in list.entries {
            if let Some(published) = PublishedOffer::of_listed(entry)? {
                offers.push(with_offer(published)?);
            }
        }
        self.stall.stock(&offers)?;
        tracing::info!(site = %self.stall.name, count = offers.len(), "the offers are in force");
        self.offers = Some(list.tag);
        Ok(())
    }

    /// Asks again and again until `stop`.
    pub(crate) async fn follow(mut self, mut stop: watch::Receiver<bool>) {
        let mut wait_ms = OFFERS_POLL_MS;
        loop {
            tokio::select! {
                () = tokio::time::sleep(jittered(wait_ms)) => {}
                stopped = stop.changed() => if stopped.is_err() || *stop.borrow() { return },
            }
            match self.stock().await {
                Ok(()) => wait_ms = OFFERS_POLL_MS,
                Err(error) => {
                    let site = &self.stall.name;
                    tracing::warn!(%site, %error, "the offers stay as they were");
                    wait_ms = (wait_ms * 2).min(OFFERS_POLL_MS_MAX);
                }
            }
        }
    }
}

/// Three quarters of a time to all of it, so that gateways do not ask all at once.
fn jittered(wait_ms: u64) -> Duration {
    let mut random = [0; 2];
    // Without randomness they ask at once, which is no harm.
    let _ = getrandom::fill(&mut random);
    let part = u64::from(u16::from_be_bytes(random)) * wait_ms / 4 / u64::from(u16::MAX);
    Duration::from_millis(wait_ms - part)
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn waits_are_scattered_and_bounded() {
        for _ in 0..100 {
            let waited = jittered(2_000).as_millis();
            assert!((1_500..=2_000).contains(&waited), "{waited}");
        }
    }
}
