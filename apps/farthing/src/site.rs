//! One gateway, as `serve` and `gateway` run it: paywall, upstream, listener.
//!
//! Invariant: orders are bound to the origin that the configuration names, or to the address that
//! was really bound; never to what a request claims.

use engine::{Clock as _, SystemClock};
use gateway::{Forward, ForwardOptions, Node, NodeFacts, Origin, Paywall, PaywallOptions};
use gateway::{Offer, PaywallService};
use http402::mpp::ChallengeSecret;
use tokio::sync::watch;
use tokio::task::JoinHandle;

use crate::config::GatewaySettings;
use crate::listener::{BindError, Listener};

/// A gateway that is bound but does not serve yet.
#[derive(Debug)]
pub(crate) struct Site {
    listener: Listener,
    settings: GatewaySettings,
    url: String,
}

impl Site {
    /// Takes the address.
    pub(crate) async fn bind(settings: GatewaySettings) -> Result<Self, BindError> {
        let listener = Listener::bind(settings.listen).await?;
        let url = settings.public_url.clone().unwrap_or_else(|| listener.url());
        Ok(Self { listener, settings, url })
    }

    /// The origin as payers see it.
    pub(crate) fn url(&self) -> &str {
        &self.url
    }

    /// The service behind it.
    pub(crate) fn upstream(&self) -> String {
        self.settings.upstream.to_string()
    }

    /// What it sells.
    pub(crate) fn offers(&self) -> &[Offer] {
        self.settings.routes.offers()
    }

    /// The paywall in front of it.
    pub(crate) fn paywall(&self, node: Node, facts: NodeFacts, gateway_token: &str) -> Paywall {
        Paywall::new(PaywallOptions {
            node,
            facts,
            origin: Origin::Fixed(self.url.clone()),
            routes: self.settings.routes.clone(),
            service_name: self.settings.service_name.clone(),
            crawlers: self.settings.crawlers.clone(),
            challenge_secret: ChallengeSecret::of_gateway(gateway_token),
            country_header: self.settings.country_header.clone(),
        })
    }

    /// Serves until `stop`; `None` if the upstream is not one, which the configuration's check rules
    /// out.
    pub(crate) fn serve(
        self,
        paywall: Paywall,
        stop: watch::Receiver<bool>,
    ) -> Option<JoinHandle<()>> {
        let forward = Forward::new(&self.settings.upstream, ForwardOptions::default())?;
        let service = PaywallService::new(paywall, forward);
        let keys = self.settings.crawlers.keep_fresh(|| SystemClock.now_ms());
        let keys = tokio::spawn(keys);
        Some(tokio::spawn(async move {
            self.listener.serve(service, stop).await;
            keys.abort();
        }))
    }
}
