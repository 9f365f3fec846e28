//! The paywall as a tower layer, for Rust services that sell their own routes.
//!
//! ```
//! use axum::{Router, routing::get};
//! use gateway::{Paywall, PaywallLayer};
//!
//! fn magazine(paywall: Paywall) -> Router {
//!     Router::new()
//!         .route("/articles/{id}", get(|| async { "Once upon a time" }))
//!         .layer(PaywallLayer::new(paywall))
//! }
//! ```

use std::convert::Infallible;
use std::future::Future;
use std::pin::Pin;
use std::task::{Context, Poll};

use axum::body::Body;
use http::{Request, Response};
use tower::{Layer, Service};

use crate::forward::UpstreamError;
use crate::paywall::Paywall;

/// Puts a [`Paywall`] in front of a service.
#[derive(Debug, Clone)]
pub struct PaywallLayer {
    paywall: Paywall,
}

impl PaywallLayer {
    /// A layer.
    pub fn new(paywall: Paywall) -> Self {
        Self { paywall }
    }
}

impl<S> Layer<S> for PaywallLayer {
    type Service = PaywallService<S>;

    fn layer(&self, inner: S) -> Self::Service {
        PaywallService { paywall: self.paywall.clone(), inner }
    }
}

/// A service behind a [`Paywall`].
#[derive(Debug, Clone)]
pub struct PaywallService<S> {
    paywall: Paywall,
    inner: S,
}

impl<S> PaywallService<S> {
    /// Puts `paywall` in front of `inner`.
    pub fn new(paywall: Paywall, inner: S) -> Self {
        Self { paywall, inner }
    }
}

impl<S> Service<Request<Body>> for PaywallService<S>
where
    S: Service<Request<Body>, Response = Response<Body>> + Clone + Send + 'static,
    S::Error: Into<UpstreamError> + Send,
    S::Future: Send,
{
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // Readiness of the inner service is awaited when it is called, after payment.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        let paywall = self.paywall.clone();
        let inner = self.inner.clone();
        Box::pin(async move { Ok(paywall.handle(request, inner).await) })
    }
}
