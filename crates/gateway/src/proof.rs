//! The proof of a payment, with the paid answer itself.
//!
//! A payer that sends `Want-Proof: 1` gets `Payment-Proof`: the base64 of the file that proves the
//! payment's place in the node's log, payee opened and payer closed. Invariants: the money has moved
//! by then; an answer waits for its proof no longer than [`PROOF_WAIT_MS_MAX`], and goes out without
//! it rather than not at all.

use std::time::Duration;

use axum::body::Body;
use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderMap, HeaderName, HeaderValue, Response};
use money::PaymentId;
use tracing::warn;

use crate::case::Case;
use crate::deliver::{Paid, Reference};

/// The payer's wish.
pub(crate) const WANT_PROOF: HeaderName = HeaderName::from_static("want-proof");
/// The proof.
pub(crate) const PAYMENT_PROOF: HeaderName = HeaderName::from_static("payment-proof");

/// Longest wait of a paid answer for its proof.
const PROOF_WAIT_MS_MAX: u64 = 2_000;
/// Longest proof in a header, before base64: clients refuse answers with larger heads.
const PROOF_BYTES_MAX: usize = 9 * 1024;

/// An answer whose payment is settled and whose payer wants the proof.
#[derive(Debug, Clone, Copy)]
struct Proven(PaymentId);

/// Whether the payer wants the proof with the answer.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum ProofWish {
    Wanted,
    Unwanted,
}

impl ProofWish {
    pub(crate) fn of(headers: &HeaderMap) -> Self {
        let is_wanted = headers.get(WANT_PROOF).is_some_and(|value| value == "1");
        if is_wanted { Self::Wanted } else { Self::Unwanted }
    }
}

/// Remembers that the payment behind an answer is settled. A channel has no leaf of one request, and
/// what is held yet has none either.
pub(crate) fn mark(case: &Case, response: &mut Response<Body>, paid: &Paid) {
    if let Reference::Payment(payment) = paid.reference
        && case.proof == ProofWish::Wanted
        && !paid.held
    {
        response.extensions_mut().insert(Proven(payment));
    }
}

/// Adds the proof to an answer that is to carry one.
pub(crate) async fn add(case: &Case, response: &mut Response<Body>) {
    let Some(Proven(payment)) = response.extensions_mut().remove() else { return };
    let wait = Duration::from_millis(PROOF_WAIT_MS_MAX);
    let proof = match tokio::time::timeout(wait, case.options.node.proof(payment)).await {
        Ok(Ok(proof)) => proof,
        Ok(Err(why)) => return warn!(%payment, %why, "a payment goes without its proof"),
        Err(_) => return warn!(%payment, "a payment goes without its proof: the log is late"),
    };
    if proof.len() > PROOF_BYTES_MAX {
        return warn!(%payment, "the proof of a payment is too long for a header");
    }
    // Base64 is fit for a header.
    if let Ok(value) = HeaderValue::try_from(STANDARD.encode(proof)) {
        response.headers_mut().insert(PAYMENT_PROOF, value);
    }
}
