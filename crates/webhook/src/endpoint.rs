//! An endpoint: where somebody wants to hear of which events, as its document in the registry says.
//!
//! Invariant: secrets stand in it sealed, each for the id of its endpoint.

use http::Uri;
use money::{AccountId, EndpointId};
use seal::{NoRandomness, Seal, SealError};
use serde::{Deserialize, Serialize};

use crate::address::is_public;
use crate::notice::{Audience, Notice, event_name};
use crate::sign::{Scheme, Secret};

/// Longest URL.
pub const URL_BYTES_MAX: usize = 2_048;
/// Longest description.
pub const DESCRIPTION_BYTES_MAX: usize = 256;
/// Most accounts that an endpoint is limited to.
pub const ACCOUNTS_COUNT_MAX: usize = 64;
/// Stands for every event.
pub const EVERY_EVENT: &str = "*";
/// A replaced secret signs for so long beside the new one.
pub const REPLACED_SECRET_MS: u64 = 24 * 60 * 60 * 1000;

/// The document of an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Endpoint {
    /// Where it is.
    pub url: String,
    /// Names of events, or `*`.
    pub events: Vec<String>,
    /// Accounts to which it is limited; `None`: it is the operator's and hears everything.
    pub accounts: Option<Vec<AccountId>>,
    /// For people.
    pub description: String,
    /// Whether it is sent anything.
    pub active: bool,
    /// Why the node switched it off; `None` if it did not.
    pub disabled: Option<Disabled>,
    /// How its messages are signed.
    pub signature: Scheme,
    /// Sealed.
    pub secret: String,
    /// The secret before, while it signs too.
    pub replaced: Option<Replaced>,
    /// The version of the bodies.
    pub api_version: String,
    /// Unix milliseconds.
    pub created_at_ms: u64,
    /// Position of the first event that it may be told of.
    pub from: u64,
}

/// A secret that was replaced.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
pub struct Replaced {
    /// Sealed.
    pub secret: String,
    /// It signs no more from then on, Unix milliseconds.
    pub until_ms: u64,
}

/// Why the node switched an endpoint off.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(rename_all = "snake_case")]
pub enum Disabled {
    /// It answered 410: it wants nothing more.
    Gone,
    /// It took nothing for days.
    Failing,
}

/// What is wrong with an endpoint.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
pub enum EndpointError {
    /// The URL is not one that can be called.
    #[error(
        "write an absolute URL with https:// (http:// in development) without user or fragment"
    )]
    Url,
    /// The URL names a private address.
    #[error("the URL names an address that is not public; a node calls public addresses only")]
    PrivateAddress,
    /// No event is named.
    #[error("name events, or `*` for all")]
    NoEvent,
    /// There is no such event.
    #[error("there is no event `{0}`")]
    UnknownEvent(String),
    /// It is limited to no account, or to too many.
    #[error("name 1 to {ACCOUNTS_COUNT_MAX} accounts, or leave them out")]
    Accounts,
    /// The description is too long.
    #[error("a description has at most {DESCRIPTION_BYTES_MAX} bytes")]
    Description,
}

impl EndpointError {
    /// Stable code for programs.
    pub const fn code(&self) -> &'static str {
        match self {
            Self::Url => "invalid_url",
            Self::PrivateAddress => "private_address",
            Self::NoEvent => "missing_field",
            Self::UnknownEvent(_) => "unknown_event",
            Self::Accounts => "invalid_account",
            Self::Description => "invalid_description",
        }
    }

    /// The field that is wrong.
    pub const fn param(&self) -> &'static str {
        match self {
            Self::Url | Self::PrivateAddress => "url",
            Self::NoEvent | Self::UnknownEvent(_) => "events",
            Self::Accounts => "accounts",
            Self::Description => "description",
        }
    }
}

impl Endpoint {
    /// Checks what a person wrote. `allow_private`: for development, http and private addresses too.
    pub fn check(&self, allow_private: bool) -> Result<(), EndpointError> {
        check_url(&self.url, allow_private)?;
        if self.events.is_empty() {
            return Err(EndpointError::NoEvent);
        }
        let known = |name: &&String| *name == EVERY_EVENT || event_name(name).is_some();
        if let Some(name) = self.events.iter().find(|name| !known(name)) {
            return Err(EndpointError::UnknownEvent(name.clone()));
        }
        let fits = |accounts: &Vec<_>| (1..=ACCOUNTS_COUNT_MAX).contains(&accounts.len());
        if !self.accounts.as_ref().is_none_or(fits) {
            return Err(EndpointError::Accounts);
        }
        if self.description.len() > DESCRIPTION_BYTES_MAX {
            return Err(EndpointError::Description);
        }
        Ok(())
    }

    /// Who listens there.
    pub fn audience(&self) -> Audience<'_> {
        self.accounts.as_deref().map_or(Audience::Operator, Audience::Payees)
    }

    /// Whether it is told of an event.
    pub fn wants(&self, notice: &Notice) -> bool {
        let named = self.events.iter().any(|name| name == EVERY_EVENT || name == notice.name);
        named && notice.concerns(self.audience())
    }

    /// What signs for it at a time, the newest first.
    pub(crate) fn secrets(
        &self,
        id: EndpointId,
        seal: &Seal,
        now_ms: u64,
    ) -> Result<Vec<Secret>, SealError> {
        let replaced = self.replaced.iter().filter(|replaced| now_ms < replaced.until_ms);
        let sealed = std::iter::once(&self.secret).chain(replaced.map(|replaced| &replaced.secret));
        let open = |sealed: &String| {
            let text = seal.open(&id.to_string(), sealed)?;
            Secret::parse(&text).map_err(|_| SealError)
        };
        sealed.map(open).collect()
    }

    /// What receivers verify an Ed25519 signature with, `whpk_…`; `None` for a shared secret.
    pub fn public_key(&self, id: EndpointId, seal: &Seal) -> Option<String> {
        let text = seal.open(&id.to_string(), &self.secret).ok()?;
        let secret = Secret::parse(&text).ok()?;
        (secret.scheme() == Scheme::Ed25519).then(|| secret.verifier_text())
    }

    /// Takes a new secret; the one before signs on for a day.
    pub fn rotate(
        &mut self,
        id: EndpointId,
        seal: &Seal,
        now_ms: u64,
    ) -> Result<Secret, NoRandomness> {
        let secret = Secret::generate(self.signature)?;
        let sealed = seal.seal(&id.to_string(), &secret.text())?;
        let before = std::mem::replace(&mut self.secret, sealed);
        let until_ms = now_ms.saturating_add(REPLACED_SECRET_MS);
        self.replaced = Some(Replaced { secret: before, until_ms });
        Ok(secret)
    }
}

fn check_url(text: &str, allow_private: bool) -> Result<(), EndpointError> {
    let url: Uri = text.parse().map_err(|_| EndpointError::Url)?;
    let authority = url.authority().ok_or(EndpointError::Url)?;
    let scheme_fits = match url.scheme_str() {
        Some("https") => true,
        Some("http") => allow_private,
        _ => false,
    };
    let plain = !authority.as_str().contains('@') && !text.contains('#');
    if text.len() > URL_BYTES_MAX || !scheme_fits || !plain || authority.host().is_empty() {
        return Err(EndpointError::Url);
    }
    // A name is looked up and judged at each call.
    match authority.host().trim_matches(['[', ']']).parse() {
        Ok(address) if !allow_private && !is_public(address) => Err(EndpointError::PrivateAddress),
        _ => Ok(()),
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    fn endpoint() -> Endpoint {
        Endpoint {
            url: "https://shop.example/hooks?a=b".to_owned(),
            events: vec!["payment.settled".to_owned()],
            accounts: None,
            description: String::new(),
            active: true,
            disabled: None,
            signature: Scheme::Hmac,
            secret: String::new(),
            replaced: None,
            api_version: crate::notice::API_VERSION.to_owned(),
            created_at_ms: 0,
            from: 0,
        }
    }

    fn with_url(url: &str) -> Endpoint {
        Endpoint { url: url.to_owned(), ..endpoint() }
    }

    #[test]
    fn a_url_is_public_and_plain() {
        assert_eq!(endpoint().check(false), Ok(()));
        for url in [
            "",
            "/hooks",
            "ftp://a.example/",
            "http://a.example/",
            "https://user@a.example/",
            "https://a.example/#x",
            "https://a b/",
        ] {
            assert_eq!(with_url(url).check(false), Err(EndpointError::Url), "{url}");
        }
        for url in ["https://10.0.0.1/", "https://[::1]/", "https://[::ffff:10.0.0.1]:8443/x"] {
            assert_eq!(with_url(url).check(false), Err(EndpointError::PrivateAddress), "{url}");
        }
        assert_eq!(with_url("http://127.0.0.1:4000/").check(true), Ok(()));
        let long = format!("https://a.example/{}", "x".repeat(URL_BYTES_MAX));
        assert_eq!(with_url(&long).check(false), Err(EndpointError::Url));
    }

    #[test]
    fn events_accounts_and_description_have_limits() {
        let refused = |change: fn(&mut Endpoint)| {
            let mut changed = endpoint();
            change(&mut changed);
            changed.check(false).unwrap_err().code()
        };
        assert_eq!(refused(|it| it.events.clear()), "missing_field");
        assert_eq!(refused(|it| it.events.push("payment.lost".into())), "unknown_event");
        assert_eq!(refused(|it| it.accounts = Some(Vec::new())), "invalid_account");
        let many = |it: &mut Endpoint| {
            it.accounts = Some(vec![AccountId::new(1).unwrap(); ACCOUNTS_COUNT_MAX + 1]);
        };
        assert_eq!(refused(many), "invalid_account");
        let long = |it: &mut Endpoint| it.description = "x".repeat(DESCRIPTION_BYTES_MAX + 1);
        assert_eq!(refused(long), "invalid_description");
    }

    #[test]
    fn a_replaced_secret_signs_for_a_day_more() {
        let (seal, id) = (Seal::new(&[1; 32]), EndpointId::new(1).unwrap());
        let mut endpoint = endpoint();
        let first = Secret::generate(Scheme::Hmac).unwrap();
        endpoint.secret = seal.seal(&id.to_string(), &first.text()).unwrap();
        let second = endpoint.rotate(id, &seal, 1000).unwrap();
        let texts = |now_ms| {
            let secrets = endpoint.secrets(id, &seal, now_ms).unwrap();
            secrets.iter().map(Secret::text).collect::<Vec<_>>()
        };
        assert_eq!(texts(1000 + REPLACED_SECRET_MS - 1), [second.text(), first.text()]);
        assert_eq!(texts(1000 + REPLACED_SECRET_MS), [second.text()]);
    }
}
