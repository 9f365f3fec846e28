//! API keys: secrets with limits, kept as digests in the registry.
//!
//! A key's id follows from its secret, so a request finds its key without an index. Invariants: the
//! secret itself is kept nowhere; a key counts as long as its document is there, and for what it says at
//! that moment; a key that is made by another one can do no more than that one.

use std::collections::BTreeSet;
use std::net::IpAddr;

use admission::AddressRange;
use engine::{Document, DocumentKind, Engine};
use instrument::hex::Hex;
use money::{AccountId, AssetCode, KeyId};
use serde::{Deserialize, Serialize};
use sha2::{Digest as _, Sha256};

use super::scope::{Reach, Scope};
use super::{BEARER, Fault};
use crate::node::Token;

/// What every secret of a key begins with.
pub(crate) const SECRET_PREFIX: &str = "fk_";
const ID_TAG: &str = "farthing/key/1";

/// A key as the registry has it.
#[derive(Debug, Clone, Serialize, Deserialize)]
pub(crate) struct KeyDocument {
    /// What its owner calls it.
    pub(crate) name: String,
    /// SHA-256 of the secret, 64 hex digits.
    hash: String,
    #[serde(flatten)]
    pub(crate) power: Power,
    /// Unix milliseconds.
    pub(crate) created_at_ms: u64,
}

/// What a key can do. `None` limits nothing.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub(crate) struct Power {
    pub(crate) scopes: BTreeSet<Scope>,
    pub(crate) accounts: Option<BTreeSet<AccountId>>,
    pub(crate) assets: Option<BTreeSet<AssetCode>>,
    /// Paths, or beginnings of paths with `*` at the end.
    pub(crate) routes: Option<BTreeSet<String>>,
    /// Ranges of addresses.
    pub(crate) addresses: Option<BTreeSet<String>>,
    /// Unix milliseconds.
    pub(crate) expires_at_ms: Option<u64>,
}

/// A key that was shown.
#[derive(Debug, Clone)]
pub(crate) struct ApiKey {
    pub(crate) id: KeyId,
    pub(crate) power: Power,
}

/// What a request is, as far as a key limits it.
#[derive(Debug, Clone, Copy)]
pub(super) struct Asked<'a> {
    pub(super) path: &'a str,
    pub(super) address: IpAddr,
    pub(super) now_ms: u64,
}

impl KeyDocument {
    /// A key for a secret, and its id.
    pub(crate) fn new(
        secret: &str,
        name: String,
        power: Power,
        created_at_ms: u64,
    ) -> (KeyId, Self) {
        let hash = Hex(&Sha256::digest(secret)).to_string();
        (id_of(secret), Self { name, hash, power, created_at_ms })
    }

    /// Reads a document of the registry; `None` if it is not one of this program.
    pub(crate) fn read(document: &Document) -> Option<Self> {
        serde_json::from_slice(&document.body).ok()
    }
}

fn id_of(secret: &str) -> KeyId {
    KeyId::from_digest(&Sha256::new_with_prefix(ID_TAG).chain_update(secret).finalize().into())
}

/// The key of a secret, if it may ask this.
pub(super) fn find(engine: &Engine, secret: &str, asked: Asked<'_>) -> Result<ApiKey, Fault> {
    let unknown = || {
        let detail = "the node knows no such token or key; perhaps it was deleted";
        Fault::unproven("token_wrong", BEARER, detail)
    };
    if !secret.starts_with(SECRET_PREFIX) {
        return Err(unknown());
    }
    let id = id_of(secret);
    let (key, hash) = known(engine, id).ok_or_else(unknown)?;
    if !Token::of_digest(&hash).is_some_and(|token| token.is(secret)) {
        return Err(unknown());
    }
    key.check(asked)?;
    Ok(key)
}

/// A key of the registry by its id, for sessions.
pub(super) fn of_session(engine: &Engine, id: KeyId, asked: Asked<'_>) -> Result<ApiKey, Fault> {
    let (key, _) = known(engine, id).ok_or_else(|| {
        Fault::unproven("session_over", BEARER, "the key of this session was deleted")
    })?;
    key.check(asked)?;
    Ok(key)
}

fn known(engine: &Engine, id: KeyId) -> Option<(ApiKey, String)> {
    let document = engine.document(DocumentKind::Key, &id.to_string())?;
    let KeyDocument { power, hash, .. } = KeyDocument::read(&document)?;
    Some((ApiKey { id, power }, hash))
}

impl ApiKey {
    fn check(&self, asked: Asked<'_>) -> Result<(), Fault> {
        if self.power.expires_at_ms.is_some_and(|end| end <= asked.now_ms) {
            return Err(Fault::unproven("key_expired", BEARER, "the time of this key is over"));
        }
        if !self.power.reaches_address(asked.address) {
            let detail = "the key is not made for the address that this request comes from";
            return Err(Fault::forbidden("key_address", BEARER, detail));
        }
        if !self.power.reaches_path(asked.path) {
            let detail = "the key is not made for this path";
            return Err(Fault::forbidden("key_route", BEARER, detail));
        }
        Ok(())
    }
}

impl Power {
    /// Everything, as the operator can.
    pub(crate) fn all() -> Self {
        Self {
            scopes: BTreeSet::from([Scope::Operator]),
            accounts: None,
            assets: None,
            routes: None,
            addresses: None,
            expires_at_ms: None,
        }
    }

    pub(crate) fn has(&self, scope: Scope) -> bool {
        self.scopes.contains(&scope) || self.scopes.contains(&Scope::Operator)
    }

    pub(crate) fn reach(&self) -> Reach {
        Reach::new(self.accounts.clone(), self.assets.clone())
    }

    fn reaches_address(&self, address: IpAddr) -> bool {
        let contains =
            |text: &String| text.parse().is_ok_and(|range: AddressRange| range.contains(address));
        self.addresses.as_ref().is_none_or(|ranges| ranges.iter().any(contains))
    }

    fn reaches_path(&self, path: &str) -> bool {
        let fits = |route: &String| match route.strip_suffix('*') {
            Some(opening) => path.starts_with(opening),
            None => path == route,
        };
        self.routes.as_ref().is_none_or(|routes| routes.iter().any(fits))
    }

    /// Whether a key of this power may make and delete one of the other.
    pub(crate) fn covers(&self, other: &Self) -> bool {
        let ends = |end: Option<u64>| end.unwrap_or(u64::MAX);
        other.scopes.iter().all(|scope| self.has(*scope))
            && within(self.accounts.as_ref(), other.accounts.as_ref())
            && within(self.assets.as_ref(), other.assets.as_ref())
            && within(self.routes.as_ref(), other.routes.as_ref())
            && within(self.addresses.as_ref(), other.addresses.as_ref())
            && ends(other.expires_at_ms) <= ends(self.expires_at_ms)
    }
}

/// Whether one limit is as narrow as another; `None` is no limit.
fn within<T: Ord>(own: Option<&BTreeSet<T>>, other: Option<&BTreeSet<T>>) -> bool {
    own.is_none_or(|own| other.is_some_and(|other| other.is_subset(own)))
}

#[cfg(test)]
mod tests {
    use super::*;

    fn routes(routes: &[&str]) -> Power {
        let routes = routes.iter().map(|&route| route.to_owned()).collect();
        Power { routes: Some(routes), ..Power::all() }
    }

    #[test]
    fn routes_are_paths_or_beginnings() {
        let power = routes(&["/v1/refunds", "/v1/payments*"]);
        for (path, reached) in [
            ("/v1/refunds", true),
            ("/v1/refunds/ref_1", false),
            ("/v1/payments", true),
            ("/v1/payments/pay_1", true),
            ("/v1/keys", false),
        ] {
            assert_eq!(power.reaches_path(path), reached, "{path}");
        }
        assert!(!routes(&[]).reaches_path("/v1/node"));
        assert!(Power::all().reaches_path("/anything"));
    }

    #[test]
    fn no_key_makes_one_that_can_more() {
        let account = |number| Some(BTreeSet::from([AccountId::new(number).unwrap()]));
        let scopes = |scopes: &[Scope]| scopes.iter().copied().collect::<BTreeSet<_>>();
        let own = Power {
            scopes: scopes(&[Scope::KeysWrite, Scope::Read]),
            accounts: account(5),
            expires_at_ms: Some(1000),
            ..routes(&["/v1/keys"])
        };
        assert!(own.covers(&own) && Power::all().covers(&own) && !own.covers(&Power::all()));
        for (more, what) in [
            (Power { scopes: scopes(&[Scope::MoneyWrite]), ..own.clone() }, "scope"),
            (Power { scopes: scopes(&[Scope::Operator]), ..own.clone() }, "operator"),
            (Power { accounts: None, ..own.clone() }, "all accounts"),
            (Power { accounts: account(6), ..own.clone() }, "another account"),
            (Power { routes: None, ..own.clone() }, "all routes"),
            (Power { expires_at_ms: None, ..own.clone() }, "for ever"),
            (Power { expires_at_ms: Some(1001), ..own.clone() }, "longer"),
        ] {
            assert!(!own.covers(&more), "{what}");
        }
        let less = Power { scopes: scopes(&[Scope::Read]), expires_at_ms: Some(1), ..own.clone() };
        assert!(own.covers(&less));
    }
}
