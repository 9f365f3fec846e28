//! The variable part of a path.

use std::convert::Infallible;
use std::str::FromStr;
use std::sync::Arc;

use axum::extract::{FromRequestParts, RawPathParams};
use http::request::Parts;

use crate::node::Shared;
use crate::refused::Refused;

/// Extracts the only variable segment of a path; [`Segment::read`] makes an id of it.
#[derive(Debug)]
pub(crate) struct Segment(Option<String>);

impl Segment {
    /// The id that the segment is; anything else names nothing, so it is refused with 404 and `code`.
    pub(crate) fn read<T>(&self, code: &'static str, name: &'static str) -> Result<T, Refused>
    where
        T: FromStr<Err: ToString>,
    {
        let Some(text) = &self.0 else {
            return Err(Refused::not_found(code, "the path cannot be read"));
        };
        let read = text.parse();
        read.map_err(|why: T::Err| Refused::not_found(code, why.to_string()).with_param(name))
    }
}

impl FromRequestParts<Arc<Shared>> for Segment {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        shared: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        let params = RawPathParams::from_request_parts(parts, shared).await.ok();
        let only = params.as_ref().and_then(|params| params.iter().next());
        Ok(Self(only.map(|(_, value)| value.to_owned())))
    }
}
