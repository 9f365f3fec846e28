//! Query parameters of a call, by its type.

use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use serde::de::DeserializeOwned;

use crate::body::named_fault;
use crate::node::Shared;
use crate::refused::Refused;

/// Extracts the query; a type that denies unknown fields refuses them by their name.
pub(crate) struct Query<T>(pub(crate) T);

impl<T: DeserializeOwned> FromRequestParts<Arc<Shared>> for Query<T> {
    type Rejection = Refused;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        let query = parts.uri.query().unwrap_or_default();
        let pairs = form_urlencoded::parse(query.as_bytes());
        let read = serde_path_to_error::deserialize(serde_urlencoded::Deserializer::new(pairs));
        read.map(Self).map_err(|error| {
            let path = error.path().to_string();
            let text = error.into_inner().to_string();
            match named_fault(&path, &text) {
                Some((_, detail, param)) => {
                    let detail = detail.replace("field", "parameter");
                    Refused::bad_request("invalid_query", detail).with_param(param)
                }
                None => Refused::bad_request("invalid_query", text),
            }
        })
    }
}
