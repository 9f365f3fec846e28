//! Who asks, and what they may do: the tokens of operator and gateways, API keys, sessions of the
//! pages, access statements of payers.
//!
//! Who asks is found out once, before a handler runs ([`admit`]); a handler takes [`Caller`] and asks
//! it for what the call needs. Invariants: secrets are compared by their digests; a refusal never
//! repeats what was shown; what proves nothing is told only where a proof is needed, so calls that are
//! open to anyone stay so.

mod admit;
mod scope;
mod statement;

use std::convert::Infallible;
use std::sync::Arc;

use axum::extract::FromRequestParts;
use http::request::Parts;
use instrument::PublicKey;

use crate::node::Shared;
use crate::refused::Refused;

pub(crate) use admit::admit;
pub(crate) use scope::{Reach, Scope, forbidden};

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    who: Who,
}

/// What a request proves.
#[derive(Debug, Clone)]
enum Who {
    /// It shows nothing.
    Anyone,
    /// What it shows proves nothing.
    Unproven(Fault),
    Operator,
    Gateway,
    Payer(PublicKey),
}

/// Why what was shown proves nothing.
#[derive(Debug, Clone)]
struct Fault {
    status: u16,
    code: &'static str,
    scheme: &'static str,
    detail: String,
}

impl Fault {
    /// It does not prove who asks.
    fn unproven(code: &'static str, scheme: &'static str, detail: impl Into<String>) -> Self {
        Self { status: 401, code, scheme, detail: detail.into() }
    }
}

impl From<Fault> for Refused {
    fn from(fault: Fault) -> Self {
        match fault.status {
            401 => Self::unauthorized(fault.code, fault.scheme, fault.detail),
            _ => forbidden(fault.code, fault.detail),
        }
    }
}

impl Caller {
    /// Requires a scope, and says whose money it is for.
    pub(crate) fn may(&self, scope: Scope) -> Result<Reach, Refused> {
        match &self.who {
            Who::Operator => Ok(Reach::default()),
            Who::Unproven(fault) if fault.scheme == BEARER => Err(fault.clone().into()),
            Who::Gateway => Err(wrong_token("operator")),
            Who::Anyone | Who::Unproven(_) | Who::Payer(_) => {
                let scope = scope.name();
                let detail = format!(
                    "send `Authorization: Bearer` with the operator's token or an API key of scope \
                     `{scope}`"
                );
                Err(Refused::unauthorized("token_required", BEARER, detail))
            }
        }
    }

    /// Requires what only the operator may do.
    pub(crate) fn operator(&self) -> Result<(), Refused> {
        self.may(Scope::Operator)?.all()
    }

    /// Requires the token of gateways apart from the node.
    pub(crate) fn gateway(&self) -> Result<(), Refused> {
        match &self.who {
            Who::Gateway => Ok(()),
            Who::Unproven(fault) if fault.scheme == BEARER => Err(fault.clone().into()),
            Who::Operator => Err(wrong_token("gateway")),
            Who::Anyone | Who::Unproven(_) | Who::Payer(_) => {
                let detail = "send `Authorization: Bearer` with the gateway's token";
                Err(Refused::unauthorized("token_required", BEARER, detail))
            }
        }
    }

    /// Requires an access statement; the key that it proves.
    pub(crate) fn payer(&self) -> Result<PublicKey, Refused> {
        match &self.who {
            Who::Payer(key) => Ok(*key),
            Who::Unproven(fault) if fault.scheme == FARTHING => Err(fault.clone().into()),
            _ => {
                let detail = "send `Authorization: Farthing` with a signed access statement";
                Err(Refused::unauthorized("access_required", FARTHING, detail))
            }
        }
    }

    /// Whether it shows a bearer token, of whatever kind, rather than an access statement.
    pub(crate) fn shows_token(&self) -> bool {
        match &self.who {
            Who::Operator | Who::Gateway => true,
            Who::Unproven(fault) => fault.scheme == BEARER,
            Who::Anyone | Who::Payer(_) => false,
        }
    }

    /// Whether it is a gateway apart from the node, which speaks for its payees.
    pub(crate) const fn is_gateway(&self) -> bool {
        matches!(self.who, Who::Gateway)
    }

    /// Tells callers apart whose idempotency keys may be the same. Empty for the operator.
    pub(crate) fn name(&self) -> String {
        match &self.who {
            Who::Operator | Who::Anyone | Who::Unproven(_) => String::new(),
            Who::Gateway => "gateway".to_owned(),
            Who::Payer(key) => key.to_string(),
        }
    }
}

const BEARER: &str = "Bearer";
const FARTHING: &str = "Farthing";

fn wrong_token(whose: &str) -> Refused {
    Refused::unauthorized("token_wrong", BEARER, format!("the token is not the {whose}'s"))
}

impl FromRequestParts<Arc<Shared>> for Caller {
    type Rejection = Infallible;

    async fn from_request_parts(
        parts: &mut Parts,
        _: &Arc<Shared>,
    ) -> Result<Self, Self::Rejection> {
        let nobody = || Self { who: Who::Anyone };
        Ok(parts.extensions.get().cloned().unwrap_or_else(nobody))
    }
}
