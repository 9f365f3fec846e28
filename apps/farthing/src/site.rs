//! One gateway, as `serve` and `gateway` run it: paywall, upstream, listener.
//!
//! Invariant: orders are bound to the origin that the configuration names, or to the address that
//! was really bound; never to what a request claims.

use std::convert::Infallible;
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};
use std::time::Instant;

use api::{SiteTraffic, Traffic};
use axum::body::Body;
use engine::{Clock as _, SystemClock};
use gateway::{Forward, ForwardOptions, Node, NodeFacts, Origin, Paywall, PaywallOptions};
use gateway::{Offer, Outcome, PaywallService, Shelf, SiteKey};
use http::{Request, Response};
use http402::mpp::ChallengeSecret;
use tokio::sync::watch;
use tokio::task::JoinHandle;
use tower::Service;

use crate::config::GatewaySettings;
use crate::hosts::{Hosts, Others};
use crate::listener::{BindError, Listener};
use crate::offers::Stall;
use crate::tls::{Certificates, TlsError};

/// Why a listener cannot be had.
#[derive(Debug, thiserror::Error)]
pub(crate) enum SiteError {
    /// The address is taken.
    #[error(transparent)]
    Bind(#[from] BindError),
    /// There is no certificate for it.
    #[error(transparent)]
    Tls(#[from] TlsError),
    /// Only the node's process has the node's listener.
    #[error("a site without `listen` is served by its node alone")]
    Nowhere,
}

/// A gateway that is bound but does not serve yet.
#[derive(Debug)]
pub(crate) struct Site {
    /// `None` at the node's listener.
    listener: Option<Listener>,
    settings: GatewaySettings,
    url: String,
}

impl Site {
    /// Takes the address of its own, if it has one; else it is reached at the node's listener.
    pub(crate) async fn bind(
        settings: GatewaySettings,
        node: Option<&Listener>,
        certificates: &mut Certificates,
    ) -> Result<Self, SiteError> {
        let own = match settings.listen {
            None => None,
            Some(address) => {
                let tls = certificates.handshakes(settings.tls.as_ref())?;
                Some(Listener::bind(address).await?.with_tls(tls))
            }
        };
        let listener = own.as_ref().or(node).ok_or(SiteError::Nowhere)?;
        let usual = settings.hosts.first().map(|host| listener.url_of(host));
        let public_url = settings.public_url.clone().or(usual);
        let url = public_url.unwrap_or_else(|| listener.url());
        Ok(Self { listener: own, settings, url })
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
            site_key: SiteKey::of_gateway(gateway_token),
            country_header: self.settings.country_header.clone(),
        })
        .guarded(self.settings.admission.clone())
    }

    /// Serves until `stop`: at the listener of its own, or as one of the node's `hosts`. Nothing is
    /// served if the upstream is not one, which the configuration's check rules out.
    pub(crate) fn serve(
        self,
        paywall: Paywall,
        traffic: &Traffic,
        hosts: &mut Hosts,
        stop: &watch::Receiver<bool>,
    ) -> Vec<JoinHandle<()>> {
        let Self { listener, settings, url, .. } = self;
        let forward = Forward::new(&settings.upstream, ForwardOptions::default());
        let Some(forward) = forward else { return Vec::new() };
        let name = settings.service_name.as_ref().unwrap_or(&url);
        let service = PaywallService::new(paywall, forward);
        let (traffic, site) = (traffic.site(name), name.as_str().into());
        let service = Counted { service, traffic, site };
        let (crawlers, mut stopped) = (settings.crawlers, stop.clone());
        let mut tasks = vec![tokio::spawn(async move {
            tokio::select! {
                () = crawlers.keep_fresh(|| SystemClock.now_ms()) => {}
                _ = stopped.wait_for(|stop| *stop) => {}
            }
        })];
        let mut own = Hosts::default();
        let hosts = if listener.is_some() { &mut own } else { hosts };
        if settings.hosts.is_empty() {
            hosts.others(Others::All, service);
        } else {
            hosts.name(&settings.hosts, service);
        }
        if let Some(listener) = listener {
            tasks.push(tokio::spawn(listener.serve(own, stop.clone())));
        }
        tasks
    }
}

/// Counts what becomes of each request, and tells the log if it wants to know: of what a caller chose
/// only the method.
#[derive(Clone)]
struct Counted<S> {
    service: S,
    traffic: Arc<SiteTraffic>,
    site: Arc<str>,
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

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let (began, method) = (Instant::now(), request.method().clone());
        let (answer, traffic) = (self.service.call(request), Arc::clone(&self.traffic));
        let site = Arc::clone(&self.site);
        Box::pin(async move {
            let response = answer.await?;
            let (outcome, took) = (Outcome::of(&response), began.elapsed());
            traffic.note(outcome, took);
            let id = response.headers().get("request-id").and_then(|id| id.to_str().ok());
            tracing::info!(
                target: "request",
                id = id.unwrap_or_default(),
                method = method.as_str(),
                site = &*site,
                outcome = outcome.code(),
                status = response.status().as_u16(),
                duration_us = u64::try_from(took.as_micros()).unwrap_or(u64::MAX),
            );
            Ok(response)
        })
    }
}
