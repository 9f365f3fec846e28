//! What is for sale behind this gateway, for programs in `OpenAPI` and for language models in `llms.txt`,
//! each with its prices.
//!
//! Invariants: the service behind comes first, and the gateway answers for it only where it has no such
//! document; the documents tell the offers of the moment, and only those that may be listed.

use axum::body::Body;
use http::header::{CONTENT_TYPE, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http402::llms::{self, About, Asked, Entry};
use http402::openapi::{self, Operation, Service};

use crate::offer::Offer;
use crate::paywall::Paywall;

/// A document that crawlers of paid services look for.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Document {
    OpenApi,
    Llms,
}

/// The document that a request asks for.
pub(crate) fn asked_for(parts: &Parts) -> Option<Document> {
    let reads = [Method::GET, Method::HEAD].contains(&parts.method);
    match parts.uri.path() {
        "/openapi.json" if reads => Some(Document::OpenApi),
        "/llms.txt" if reads => Some(Document::Llms),
        _ => None,
    }
}

/// The answer of the service behind, or the document if it has none.
pub(crate) fn or_document(
    paywall: &Paywall,
    asked: Document,
    origin: &str,
    head: bool,
    behind: Response<Body>,
) -> Response<Body> {
    if ![StatusCode::NOT_FOUND, StatusCode::METHOD_NOT_ALLOWED].contains(&behind.status()) {
        return behind;
    }
    let (kind, text) = match asked {
        Document::OpenApi => ("application/json", openapi(paywall, origin)),
        Document::Llms => ("text/plain; charset=utf-8", llms(paywall, origin)),
    };
    let mut response = Response::new(if head { Body::empty() } else { Body::from(text) });
    response.headers_mut().insert(CONTENT_TYPE, HeaderValue::from_static(kind));
    response
}

fn openapi(paywall: &Paywall, origin: &str) -> String {
    let routes = paywall.routes();
    let requests = routes.offers().iter().filter(|offer| offer.listed && offer.tool.is_none());
    let operations: Vec<Operation> = requests
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
        llms: Some(format!("{origin}/llms.txt")),
        ..Service::default()
    };
    openapi::document(&service, &operations).to_string()
}

fn llms(paywall: &Paywall, origin: &str) -> String {
    let routes = paywall.routes();
    let listed = routes.offers().iter().filter(|offer| offer.listed);
    let entries: Vec<Entry> = listed.flat_map(|offer| paywall.entries(offer, origin)).collect();
    let node = &paywall.options.facts.url;
    let about = About {
        title: paywall.service_name().unwrap_or(origin).to_owned(),
        summary: "Some requests here cost a little and are paid by the program that sends them. \
                  Everything that has no price below is free."
            .to_owned(),
        links: vec![
            ("OpenAPI document with prices", format!("{origin}/openapi.json")),
            ("The node that takes the payments", format!("{node}/llms.txt")),
            ("What error codes mean", format!("{node}/docs/errors")),
        ],
    };
    llms::document(&about, &entries)
}

impl Paywall {
    /// How an offer of this gateway is asked for, and what it costs: once for each method.
    pub fn entries(&self, offer: &Offer, origin: &str) -> Vec<Entry> {
        let challenge = self.listing(offer, origin);
        let asked = match &offer.tool {
            Some(tool) => vec![Asked::Tool {
                server: format!("{origin}{}", tool.endpoint),
                name: tool.name.as_str().to_owned(),
            }],
            None => offer.methods.iter().cloned().map(Asked::Request).collect(),
        };
        asked.into_iter().map(|asked| Entry { asked, challenge: challenge.clone() }).collect()
    }
}
