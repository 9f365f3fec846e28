//! Sessions of the pages: who has logged in, for a while, in memory.
//!
//! Invariants: the cookie is a secret of 32 random bytes, kept as its digest and out of reach of
//! scripts; a request that changes something has to show a second secret in a header, which no other
//! site can; a session ends with the key or password that it began with.

use std::collections::HashMap;
use std::sync::{Mutex, PoisonError};

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use engine::{DocumentKind, Engine};
use http::header::COOKIE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use money::KeyId;
use sha2::{Digest as _, Sha256};
use subtle::ConstantTimeEq as _;

use super::password::PASSWORD_ID;
use super::{BEARER, Fault};
use crate::refused::Refused;

/// How long a session lasts.
pub(crate) const SESSION_SECONDS_MAX: u64 = 12 * 60 * 60;
/// Sessions at a time; the one that ends first gives way.
const SESSIONS_COUNT_MAX: usize = 1024;
const SECRET_BYTES: usize = 32;

const CSRF: HeaderName = HeaderName::from_static("farthing-csrf");
const FETCH_SITE: HeaderName = HeaderName::from_static("sec-fetch-site");
/// A browser takes it over TLS alone, for this host alone.
const COOKIE_NAME: &str = "__Host-farthing-session";
/// Without TLS, on loopback.
const PLAIN_COOKIE_NAME: &str = "farthing-session";

/// Who has logged in.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Holder {
    /// The operator, by the password of this revision.
    Operator {
        /// Revision of the password's document.
        password: u64,
    },
    /// The holder of an API key.
    Key(KeyId),
}

/// One session.
#[derive(Debug, Clone)]
pub(crate) struct Session {
    pub(crate) holder: Holder,
    /// What a request that changes something must show.
    pub(crate) csrf: String,
    /// Unix milliseconds.
    pub(crate) expires_at_ms: u64,
    digest: [u8; 32],
}

/// All sessions, by the digest of their cookie's secret.
#[derive(Debug, Default)]
pub(crate) struct Sessions(Mutex<HashMap<[u8; 32], Session>>);

impl Sessions {
    /// Begins a session; also the secret for its cookie.
    pub(crate) fn begin(&self, holder: Holder, now_ms: u64) -> Result<(Session, String), Refused> {
        let (secret, csrf) = (random()?, random()?);
        let session = Session {
            holder,
            csrf,
            expires_at_ms: now_ms.saturating_add(SESSION_SECONDS_MAX * 1000),
            digest: Sha256::digest(&secret).into(),
        };
        let mut sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.retain(|_, session| session.expires_at_ms > now_ms);
        if sessions.len() >= SESSIONS_COUNT_MAX {
            let first = sessions.values().min_by_key(|session| session.expires_at_ms);
            if let Some(digest) = first.map(|session| session.digest) {
                sessions.remove(&digest);
            }
        }
        sessions.insert(session.digest, session.clone());
        Ok((session, secret))
    }

    /// The session of a cookie's secret.
    fn find(&self, secret: &str, now_ms: u64) -> Option<Session> {
        let digest: [u8; 32] = Sha256::digest(secret).into();
        let sessions = self.0.lock().unwrap_or_else(PoisonError::into_inner);
        sessions.get(&digest).filter(|session| session.expires_at_ms > now_ms).cloned()
    }

    /// Ends a session.
    pub(crate) fn end(&self, session: &Session) {
        self.0.lock().unwrap_or_else(PoisonError::into_inner).remove(&session.digest);
    }
}

/// The session of a request, if it shows one. One that changes something has to show the second
/// secret too.
pub(super) fn of_request(
    sessions: &Sessions,
    engine: &Engine,
    method: &Method,
    headers: &HeaderMap,
) -> Option<Result<Session, Fault>> {
    let secret = cookie(headers)?;
    let session = sessions.find(secret, engine.clock().now_ms())?;
    if let Holder::Operator { password } = session.holder {
        let known = engine.document(DocumentKind::Setting, PASSWORD_ID);
        if known.is_none_or(|document| document.revision != password) {
            return None;
        }
    }
    let is_safe = matches!(*method, Method::GET | Method::HEAD | Method::OPTIONS);
    if !is_safe && is_from_elsewhere(headers) {
        let detail = "a page of another site cannot change anything with this session";
        return Some(Err(Fault::forbidden("other_origin", BEARER, detail)));
    }
    let shown = headers.get(CSRF).map(HeaderValue::as_bytes).unwrap_or_default();
    if !is_safe && !bool::from(shown.ct_eq(session.csrf.as_bytes())) {
        let detail = "send the header `Farthing-CSRF` with the token that `GET /v1/session` gives";
        return Some(Err(Fault::forbidden("csrf_required", BEARER, detail)));
    }
    Some(Ok(session))
}

/// Whether the browser says that a page of another origin makes this request. Browsers that say nothing
/// are held by the second secret.
fn is_from_elsewhere(headers: &HeaderMap) -> bool {
    let site = headers.get_all(FETCH_SITE).iter();
    site.into_iter().any(|site| !matches!(site.as_bytes(), b"same-origin" | b"none"))
}

/// The secret that a request's cookie holds.
fn cookie(headers: &HeaderMap) -> Option<&str> {
    let values = headers.get_all(COOKIE).iter().filter_map(|value| value.to_str().ok());
    let pairs = values.flat_map(|value| value.split(';')).filter_map(|pair| pair.split_once('='));
    let mut found = pairs
        .filter(|(name, _)| [COOKIE_NAME, PLAIN_COOKIE_NAME].contains(&name.trim()))
        .map(|(_, secret)| secret.trim());
    // Two are one too many: the wrong one could win.
    found.next().filter(|_| found.next().is_none())
}

/// What sets or, without a secret, removes the cookie.
pub(crate) fn set_cookie(secret: Option<&str>, is_secure: bool) -> HeaderValue {
    let name = if is_secure { COOKIE_NAME } else { PLAIN_COOKIE_NAME };
    let seconds = if secret.is_some() { SESSION_SECONDS_MAX } else { 0 };
    let secret = secret.unwrap_or_default();
    let secure = if is_secure { "; Secure" } else { "" };
    let text =
        format!("{name}={secret}; Path=/; Max-Age={seconds}; HttpOnly; SameSite=Strict{secure}");
    HeaderValue::try_from(text).unwrap_or(HeaderValue::from_static(""))
}

fn random() -> Result<String, Refused> {
    let mut bytes = [0; SECRET_BYTES];
    getrandom::fill(&mut bytes).map_err(|_| Refused::no_randomness())?;
    Ok(URL_SAFE_NO_PAD.encode(bytes))
}
