//! `Idempotency-Key`: a call that moves money is made once, however often it is sent.
//!
//! What is made has an id derived from caller, call and key, so the node knows a repeated call from its
//! books alone, after any restart. Invariants: a key of one caller means nothing to another; while a call
//! is under way, a second one of the same key is told to wait; the same key with other content is
//! refused.

use std::collections::HashSet;
use std::sync::{Arc, Mutex, PoisonError};

use axum::response::Response;
use http::{HeaderMap, HeaderName, HeaderValue};
use http402::{Problem, problem::Retry};
use sha2::{Digest as _, Sha256};

use crate::authority::Caller;
use crate::node::Shared;
use crate::refused::Refused;

const IDEMPOTENT_REPLAYED: HeaderName = HeaderName::from_static("idempotent-replayed");
const PARAM: &str = "Idempotency-Key";

/// The header, for the OpenAPI document.
#[derive(utoipa::IntoParams)]
#[into_params(parameter_in = Header)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Header {
    /// A text of the caller's own, for example a random one. The same key with the same content again
    /// is answered the same and changes nothing.
    #[param(rename = "Idempotency-Key", min_length = 1, max_length = 255, pattern = "^[!-~]+$")]
    key: String,
}

/// Calls under way.
#[derive(Debug, Default)]
pub(crate) struct Flights(Mutex<HashSet<[u8; 32]>>);

/// A call with its key. As long as it lives, another one of the same key is refused.
#[derive(Debug)]
pub(crate) struct Idempotent {
    digest: [u8; 32],
    flights: Arc<Flights>,
}

impl Idempotent {
    /// Begins a call. `tag` names what is made, and stays the same for ever.
    pub(crate) fn begin(
        shared: &Shared,
        caller: &Caller,
        tag: &'static str,
        headers: &HeaderMap,
    ) -> Result<Self, Refused> {
        let key = gateway::idempotency_key(headers);
        let Some(key) = key.map_err(|error| Refused::new(error.into()))? else {
            let detail =
                "send `Idempotency-Key` with a text of your own; the same key again is safe";
            let code = "idempotency_key_required";
            return Err(Refused::bad_request(code, detail).with_param(PARAM));
        };
        let digest = digest(tag, &caller.name(), key);
        let flights = Arc::clone(&shared.flights);
        // A set cannot be left half changed.
        let is_first = flights.0.lock().unwrap_or_else(PoisonError::into_inner).insert(digest);
        if is_first { Ok(Self { digest, flights }) } else { Err(in_flight()) }
    }

    /// What ids of things made by this call are derived from.
    pub(crate) const fn digest(&self) -> &[u8; 32] {
        &self.digest
    }

    /// The key was used for something else.
    pub(crate) fn conflict() -> Refused {
        let detail = "this key was used before with other content; take a new key for a new call";
        let problem =
            Problem::new(422, "idempotency_conflict", "The key stands for another call", detail);
        Refused::new(problem.with_param(PARAM))
    }
}

impl Drop for Idempotent {
    fn drop(&mut self) {
        let mut flights = self.flights.0.lock().unwrap_or_else(PoisonError::into_inner);
        flights.remove(&self.digest);
    }
}

/// Marks the answer of a call that was made before.
pub(crate) fn mark(mut response: Response, replayed: bool) -> Response {
    if replayed {
        let yes = HeaderValue::from_static("true");
        response.headers_mut().insert(IDEMPOTENT_REPLAYED, yes);
    }
    response
}

/// Keys and names have no zero bytes. The operator's calls are digested without a name.
fn digest(tag: &'static str, caller: &str, key: &str) -> [u8; 32] {
    let mut digest = Sha256::new_with_prefix(tag);
    if !caller.is_empty() {
        digest.update([0]);
        digest.update(caller);
        digest.update([0]);
    }
    digest.update(key);
    digest.finalize().into()
}

fn in_flight() -> Refused {
    let detail = "a call with this key is under way; ask again with the same key";
    let problem =
        Problem::new(409, "idempotency_in_flight", "The call is under way already", detail);
    Refused::new(problem.with_retry(Retry::AfterSeconds(1)).with_param(PARAM))
}
