//! Challenges of the scheme `Payment`: written for an offer, and compared with what a payer echoes.
//!
//! Invariant: a credential counts only for the offer, the realm and the resource that its challenge
//! was written for, at the terms of today. When a challenge ends is not judged here: an order must
//! not outlive its challenge and carries its own end, and vouchers of one challenge may follow each
//! other for as long as the channel lives.

use base64::Engine;
use base64::engine::general_purpose::STANDARD;
use http::{HeaderValue, Method};
use instrument::BodyDigest;
use serde::Serialize;

use super::bind::{ChallengeSecret, EchoedChallenge};
use super::quoted::quote;
use super::request::Terms;
use super::{ALTERNATE_HEADER, AcceptPayment, Intent, METHOD, SCHEME};
use crate::challenge::Challenge;
use crate::error::EncodeError;
use crate::json;
use crate::presented::{Instrument, Presented};
use crate::utc::{parse_utc, utc};

/// What a challenge depends on besides the offer.
#[derive(Debug, Clone, Copy)]
pub struct ChallengeContext<'a> {
    /// Host that asks, without its port.
    pub realm: &'a str,
    /// Key of the digests.
    pub secret: &'a ChallengeSecret,
    /// When the challenges end, Unix milliseconds; cut to whole seconds.
    pub expires_at_ms: u64,
    /// Method of the request. `HEAD` asks for the terms of `GET`.
    pub method: &'a Method,
    /// SHA-256 of the request's body; `None` if it has none.
    pub body_digest: Option<BodyDigest>,
    /// What the payer takes.
    pub accept: &'a AcceptPayment,
    /// The request's `Authorization` is in use for something else.
    pub authorization_taken: bool,
}

/// The resource of a challenge, in canonical order.
#[derive(Serialize)]
struct Scope<'a> {
    method: &'a str,
    resource: &'a str,
}

/// The lines of `WWW-Authenticate` for an offer, the payer's favourite first.
pub fn challenges(
    challenge: &Challenge,
    context: &ChallengeContext<'_>,
) -> Result<Vec<HeaderValue>, EncodeError> {
    let offered = [Intent::Charge, Intent::Session];
    let offered: Vec<Terms> =
        offered.into_iter().filter_map(|intent| Terms::of(challenge, intent)).collect();
    let ranked = context.accept.rank(offered, |terms| terms.intent().name());
    ranked.iter().map(|terms| line(challenge, terms, context)).collect()
}

fn line(
    challenge: &Challenge,
    terms: &Terms,
    context: &ChallengeContext<'_>,
) -> Result<HeaderValue, EncodeError> {
    let echo = EchoedChallenge {
        id: String::new(),
        realm: context.realm.to_owned(),
        intent: terms.intent().name().to_owned(),
        request: terms.encode()?,
        expires: Some(utc(context.expires_at_ms / 1000)),
        digest: context.body_digest.map(digest_text),
        opaque: Some(scope(challenge, scope_method(context.method))?),
        alternate_header: context.authorization_taken,
        description: challenge.resource.description.clone(),
    }
    .bound(context.secret);
    echo.to_line()
}

fn scope_method(method: &Method) -> &str {
    if method == Method::HEAD { Method::GET.as_str() } else { method.as_str() }
}

fn scope(challenge: &Challenge, method: &str) -> Result<String, EncodeError> {
    let scope = json::write(&Scope { method, resource: &challenge.resource.url })?;
    Ok(json::to_base64_url(&scope))
}

/// A digest as RFC 9530 spells it.
fn digest_text(digest: BodyDigest) -> String {
    format!("sha-256=:{}:", STANDARD.encode(digest))
}

impl EchoedChallenge {
    fn to_line(&self) -> Result<HeaderValue, EncodeError> {
        let header = self.alternate_header.then_some(ALTERNATE_HEADER);
        let parameters = [
            ("id", Some(&*self.id)),
            ("realm", Some(&*self.realm)),
            ("method", Some(METHOD)),
            ("intent", Some(&*self.intent)),
            ("request", Some(&*self.request)),
            ("expires", self.expires.as_deref()),
            ("digest", self.digest.as_deref()),
            ("header", header),
            ("opaque", self.opaque.as_deref()),
            ("description", self.description.as_deref()),
        ];
        let mut text = SCHEME.to_owned();
        let mut separator = " ";
        for (name, value) in parameters {
            let Some(value) = value else { continue };
            text.push_str(separator);
            text.push_str(name);
            text.push_str("=\"");
            quote(value, &mut text);
            text.push('"');
            separator = ", ";
        }
        HeaderValue::try_from(text).map_err(|_| EncodeError)
    }
}

/// Why an echoed challenge does not count here, in order of precedence.
#[derive(Debug, Clone, Copy, PartialEq, Eq, thiserror::Error)]
pub enum EchoError {
    /// The credential echoes nothing, or the digest does not fit.
    #[error("`challenge` was not issued here; ask for a new one and pay that")]
    Forged,
    /// The challenge of another host.
    #[error("`challenge.realm` is another host; ask this one for a challenge")]
    Realm,
    /// The challenge of another resource.
    #[error("`challenge` was issued for another resource; ask this one for a challenge")]
    Scope,
    /// The request has another body than the one that was asked for.
    #[error("`challenge.digest` is not that of the request's body")]
    Digest,
    /// Price, payee or other terms have changed since.
    #[error("`challenge.request` is not the offer of today; pay the new challenge")]
    Terms,
    /// The order lives longer than its challenge.
    #[error("`payload.order` expires after `challenge.expires`; sign one that does not")]
    Outlives,
}

impl EchoError {
    /// Stable code for programs.
    pub const fn code(self) -> &'static str {
        match self {
            Self::Forged => "challenge_unknown",
            Self::Realm => "challenge_realm",
            Self::Scope => "challenge_scope",
            Self::Digest => "challenge_digest",
            Self::Terms => "challenge_terms",
            Self::Outlives => "order_outlives_challenge",
        }
    }

    /// HTTP status: a new challenge comes with the answer. Repeating the request is useless.
    pub const fn http_status(self) -> u16 {
        402
    }
}

/// Compares what a payer echoes with the offer of this request.
///
/// `HEAD` moves a channel that pays for any method of the resource and has no body: its scope and
/// its digest are those of the request that it belongs to.
pub fn check_echo(
    presented: &Presented,
    challenge: &Challenge,
    context: &ChallengeContext<'_>,
) -> Result<(), EchoError> {
    let echo = presented.mpp.as_ref().ok_or(EchoError::Forged)?;
    if !echo.is_bound(context.secret) {
        return Err(EchoError::Forged);
    }
    if echo.realm != context.realm {
        return Err(EchoError::Realm);
    }
    let fits = |method: &str| {
        scope(challenge, method).is_ok_and(|scope| echo.opaque.as_deref() == Some(&*scope))
    };
    if context.method == Method::HEAD {
        const SOLD: [Method; 5] =
            [Method::GET, Method::POST, Method::PUT, Method::PATCH, Method::DELETE];
        if !SOLD.iter().any(|method| fits(method.as_str())) {
            return Err(EchoError::Scope);
        }
    } else if !fits(context.method.as_str()) {
        return Err(EchoError::Scope);
    } else if echo.digest != context.body_digest.map(digest_text) {
        return Err(EchoError::Digest);
    }
    check_terms(presented, challenge, echo)
}

fn check_terms(
    presented: &Presented,
    challenge: &Challenge,
    echo: &EchoedChallenge,
) -> Result<(), EchoError> {
    let place = crate::Place::of(crate::Part::Authorization);
    let echoed = Intent::from_name(&echo.intent)
        .and_then(|intent| Terms::decode(&echo.request, intent, place).ok())
        .map(Terms::without_state);
    let offered = echoed.as_ref().and_then(|terms| Terms::of(challenge, terms.intent()));
    if echoed.is_none() || echoed != offered.map(Terms::without_state) {
        return Err(EchoError::Terms);
    }
    if let Instrument::Order { order, .. } = &presented.instrument {
        let end = echo.expires.as_deref().and_then(parse_utc);
        let end_ms = end.and_then(|seconds| seconds.checked_mul(1000));
        if end_ms.is_none_or(|end| order.unverified().expires_at_ms > end) {
            return Err(EchoError::Outlives);
        }
    }
    Ok(())
}
