//! Who asks, and what they may do: the tokens of operator and gateways, API keys, sessions of the
//! pages, access statements of payers.
//!
//! Who asks is found out once, before a handler runs ([`admit`]); a handler takes [`Caller`] and asks
//! it for what the call needs. Invariants: secrets are compared by their digests; a refusal never
//! repeats what was shown; what proves nothing is told only where a proof is needed, so calls that are
//! open to anyone stay so.

mod admit;
mod key;
mod password;
mod scope;
mod session;
mod statement;

use std::collections::BTreeSet;
use std::convert::Infallible;
use std::net::{IpAddr, Ipv4Addr};
use std::sync::Arc;

use axum::extract::FromRequestParts;
use engine::Engine;
use http::request::Parts;
use instrument::PublicKey;

use crate::node::Shared;
use crate::refused::Refused;

pub(crate) use admit::admit;
use key::{ApiKey, Asked};
pub(crate) use key::{KeyDocument, Power, SECRET_PREFIX};
pub(crate) use password::set as set_password;
pub(crate) use password::{PASSWORD_BYTES_MAX, PASSWORD_CHARS_MIN, check as check_password};
pub(crate) use scope::{Reach, Scope, forbidden};
pub(crate) use session::{Holder, Session, Sessions, set_cookie};

/// Who sent a request.
#[derive(Debug, Clone)]
pub(crate) struct Caller {
    who: Who,
    /// Where it comes from, behind trusted proxies.
    address: IpAddr,
    /// By which it asks, if it is a page that somebody has logged in to.
    session: Option<Arc<Session>>,
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
    Key(Arc<ApiKey>),
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

    /// It proves who asks, and that is not enough here.
    fn forbidden(code: &'static str, scheme: &'static str, detail: impl Into<String>) -> Self {
        Self { status: 403, ..Self::unproven(code, scheme, detail) }
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
            Who::Key(key) if key.power.has(scope) => Ok(key.power.reach()),
            Who::Key(_) => {
                let detail = format!("the key has no scope `{}`", scope.name());
                Err(forbidden("scope_missing", detail))
            }
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
            Who::Operator | Who::Key(_) => Err(wrong_token("gateway")),
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
            Who::Operator | Who::Gateway | Who::Key(_) => true,
            Who::Unproven(fault) => fault.scheme == BEARER,
            Who::Anyone | Who::Payer(_) => false,
        }
    }

    /// Whether it is a gateway apart from the node, which speaks for its payees.
    pub(crate) const fn is_gateway(&self) -> bool {
        matches!(self.who, Who::Gateway)
    }

    /// What it can do at all; asked after [`Caller::may`].
    pub(crate) fn power(&self) -> Power {
        match &self.who {
            Who::Operator => Power::all(),
            Who::Key(key) => key.power.clone(),
            _ => Power { scopes: BTreeSet::new(), ..Power::all() },
        }
    }

    /// The key of a secret, if a request to this path may come with it from where this one comes.
    pub(crate) fn key_of(&self, engine: &Engine, secret: &str, path: &str) -> Option<ApiKey> {
        let now_ms = engine.clock().now_ms();
        key::find(engine, secret, Asked { path, address: self.address, now_ms }).ok()
    }

    /// Requires that what it shows, if anything, proves who it is.
    pub(crate) fn proven(&self) -> Result<(), Refused> {
        match &self.who {
            Who::Unproven(fault) => Err(fault.clone().into()),
            _ => Ok(()),
        }
    }

    /// Where it comes from, behind trusted proxies.
    pub(crate) const fn address(&self) -> IpAddr {
        self.address
    }

    /// By which it asks, if it is a page that somebody has logged in to.
    pub(crate) fn session(&self) -> Option<&Session> {
        self.session.as_deref()
    }

    /// Tells callers apart whose idempotency keys may be the same. Empty for the operator.
    pub(crate) fn name(&self) -> String {
        match &self.who {
            Who::Operator | Who::Anyone | Who::Unproven(_) => String::new(),
            Who::Gateway => "gateway".to_owned(),
            Who::Key(key) => key.id.to_string(),
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
        let nobody =
            || Self { who: Who::Anyone, address: Ipv4Addr::UNSPECIFIED.into(), session: None };
        Ok(parts.extensions.get().cloned().unwrap_or_else(nobody))
    }
}
