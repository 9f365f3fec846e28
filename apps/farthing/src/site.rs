//! One gateway, as `serve` and `gateway` run it: paywall, upstream, listener.
//!
//! Invariant: orders are bound to the origin that the configuration names, or to the address that
//! was really bound; never to what a request claims.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use api::{AddressRange, SiteTraffic, Traffic, client_address};
use axum::body::Body;
use engine::{Clock as _, SystemClock};
use gateway::{ClientAddress, Offer, Outcome, PaywallService, Shelf};
use gateway::{Forward, ForwardOptions, Node, NodeFacts, Origin, Paywall, PaywallOptions};
use http::{Request, Response};
use http402::mpp::ChallengeSecret;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::Service;

use crate::config::GatewaySettings;
use crate::listener::{BindError, Listener};
use crate::offers::Stall;

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

    /// What offers need of it.
    pub(crate) fn stall(&self, paywall: &Paywall) -> Stall {
        let (name, url) = (self.settings.name.clone(), self.url.clone());
        Stall { name, url, paywall: paywall.clone() }
    }

    /// Its name in offers.
    pub(crate) fn name(&self) -> &str {
        &self.settings.name
    }

    /// What the configuration lets it sell.
    pub(crate) fn offers(&self) -> &[Offer] {
        self.settings.routes.offers()
    }

    /// The paywall in front of it.
    pub(crate) fn paywall(&self, node: Node, facts: NodeFacts, gateway_token: &str) -> Paywall {
        Paywall::new(PaywallOptions {
            node,
            facts,
            origin: Origin::Fixed(self.url.clone()),
            shelf: Shelf::new(self.settings.routes.clone()),
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
        traffic: &Traffic,
        stop: watch::Receiver<bool>,
    ) -> Option<JoinHandle<()>> {
        let forward = Forward::new(&self.settings.upstream, ForwardOptions::default())?;
        let name = self.settings.service_name.clone().unwrap_or_else(|| self.url.clone());
        let service = PaywallService::new(paywall, forward);
        let proxies = self.settings.proxies.clone().into();
        let service = Counted { service, traffic: traffic.site(&name), proxies };
        let keys = self.settings.crawlers.keep_fresh(|| SystemClock.now_ms());
        let keys = tokio::spawn(keys);
        Some(tokio::spawn(async move {
            self.listener.serve(service, stop).await;
            keys.abort();
        }))
    }
}

/// Says where each request comes from, and counts what becomes of it.
#[derive(Clone)]
struct Counted<S> {
    service: S,
    traffic: Arc<SiteTraffic>,
    proxies: Arc<[AddressRange]>,
}

impl<S> Service<Request<Body>> for Counted<S>
where
    S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
    S::Future: Send + 'static,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, context: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        self.service.poll_ready(context)
    }

    fn call(&mut self, mut request: Request<Body>) -> Self::Future {
        let began = Instant::now();
        let peer = request.extensions().get().copied();
        let address = client_address(peer, request.headers(), &self.proxies);
        request.extensions_mut().insert(ClientAddress(address));
        let (answer, traffic) = (self.service.call(request), Arc::clone(&self.traffic));
        Box::pin(async move {
            let response = answer.await?;
            traffic.note(Outcome::of(&response), began.elapsed());
            Ok(response)
        })
    }
}
