//! Refusals: a problem document on its way out.
//!
//! Invariant: the document is written once, by the envelope, which knows the request's id; so no
//! handler can send a problem without one.

use axum::response::{IntoResponse, Response};
use engine::{Coded, Unavailable};
use http::header::{RETRY_AFTER, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderValue, StatusCode};
use http402::{Problem, problem};

/// A refusal and the headers that belong to it.
#[derive(Debug)]
pub(crate) struct Refused {
    problem: Box<Problem>,
    headers: HeaderMap,
}

impl Refused {
    pub(crate) fn new(problem: Problem) -> Self {
        let mut headers = HeaderMap::new();
        if let problem::Retry::AfterSeconds(seconds) = problem.retry {
            headers.insert(RETRY_AFTER, seconds.into());
        }
        Self { problem: Box::new(problem), headers }
    }

    /// A fault of the request.
    pub(crate) fn bad_request(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Problem::new(400, code, "The request is not valid", detail))
    }

    /// Something that is not there.
    pub(crate) fn not_found(code: &'static str, detail: impl Into<String>) -> Self {
        Self::new(Problem::new(404, code, "Not found", detail))
    }

    /// The caller did not prove who it is; `scheme` is what it has to use.
    pub(crate) fn unauthorized(
        code: &'static str,
        scheme: &'static str,
        detail: impl Into<String>,
    ) -> Self {
        let problem = Problem::new(401, code, "Who asks is not proven", detail);
        let mut refused = Self::new(problem);
        let scheme = HeaderValue::from_static(scheme);
        refused.headers.insert(WWW_AUTHENTICATE, scheme);
        refused
    }

    /// The machine gives no randomness, without which there are no secrets.
    pub(crate) fn no_randomness() -> Self {
        let detail = "the operating system gives no randomness";
        Self::new(Problem::new(503, "no_randomness", "The node cannot answer now", detail))
    }

    /// A refusal of the engine; `title` names the operation.
    pub(crate) fn of(title: &'static str, error: &dyn Coded) -> Self {
        Self::new(gateway::problem_of(title, error))
    }

    /// Names the field or header at fault.
    pub(crate) fn with_param(mut self, param: impl Into<String>) -> Self {
        *self.problem = self.problem.with_param(param);
        self
    }
}

impl From<Unavailable> for Refused {
    fn from(error: Unavailable) -> Self {
        Self::of("The node cannot answer now", &error)
    }
}

impl IntoResponse for Refused {
    fn into_response(self) -> Response {
        let status =
            StatusCode::from_u16(self.problem.status).unwrap_or(StatusCode::INTERNAL_SERVER_ERROR);
        let mut response = status.into_response();
        response.headers_mut().extend(self.headers);
        response.extensions_mut().insert(self.problem);
        response
    }
}
