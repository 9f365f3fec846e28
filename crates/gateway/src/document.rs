//! The `OpenAPI` document of what is for sale behind this gateway, with the price of each operation.
//!
//! Invariant: the service behind comes first. The gateway answers for it only where it has no such
//! document, and names only offers that may be listed.

use axum::body::Body;
use http::request::Parts;
use http::{Method, Response, StatusCode, header};
use http402::openapi::{self, Operation, Service};

use crate::paywall::Paywall;

/// Where crawlers of paid services look.
const PATH: &str = "/openapi.json";

/// Whether a request asks for the document.
pub(crate) fn is_asked_for(parts: &Parts) -> bool {
    [Method::GET, Method::HEAD].contains(&parts.method) && parts.uri.path() == PATH
}

/// The answer of the service behind, or the document if it has none.
pub(crate) fn or_document(
    paywall: &Paywall,
    origin: &str,
    head: bool,
    behind: Response<Body>,
) -> Response<Body> {
    if ![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&behind.status()) {
        return behind;
    }
    let routes = paywall.routes();
    let listed = routes.offers().iter().filter(|offer| offer.listed);
    let operations: Vec<Operation> = listed
        .flat_map(|offer| {
            offer.methods.iter().map(|method| Operation {
                method: method.clone(),
                path: offer.path.as_str().to_owned(),
                description: offer.description.clone(),
                mime_type: offer.mime_type.clone(),
                challenge: paywall.listing(offer, origin),
            })
        })
        .collect();
    let service = Service {
        title: paywall.service_name().unwrap_or(origin).to_owned(),
        version: "1".to_owned(),
        description: "What is for sale here. The 402 answer of a request names its exact terms."
            .to_owned(),
        origin: origin.to_owned(),
        ..Service::default()
    };
    let text = openapi::document(&service, &operations).to_string();
    let mut response = Response::new(if head { Body::empty() } else { Body::from(text) });
    let json = header::HeaderValue::from_static("application/json");
    response.headers_mut().insert(header::CONTENT_TYPE, json);
    response
}
