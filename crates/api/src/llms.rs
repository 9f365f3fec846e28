//! `GET /llms.txt`: what the node and its sites sell, how to pay and how to repeat, for language models.
//!
//! Invariant: it tells the offers of the moment, as the gateways beside the node have them.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse as _, Response};
use axum::routing::get;
use http::HeaderValue;
use http::header::CONTENT_TYPE;
use http402::llms::{self, About};
use utoipa_axum::router::OpenApiRouter;

use crate::node::Shared;

const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().route("/llms.txt", get(show))
}

/// `GET /llms.txt`
async fn show(State(shared): State<Arc<Shared>>) -> Response {
    let node = &shared.node;
    let url = &node.public_url;
    let about = About {
        title: "A Farthing node".to_owned(),
        summary:
            "A node that holds accounts and takes payments below a cent. What the sites beside it \
                  sell stands below; a program pays with a signed order, and needs no form."
                .to_owned(),
        links: vec![
            ("OpenAPI document of the node, with prices", format!("{url}/openapi.json")),
            ("Search what is for sale", format!("{url}/discovery/search?query=")),
            ("What error codes mean", format!("{url}/docs/errors")),
        ],
    };
    ([(CONTENT_TYPE, TEXT)], llms::document(&about, &node.offers.borrow())).into_response()
}
