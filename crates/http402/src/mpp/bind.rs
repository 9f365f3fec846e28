//! What ties a challenge to its terms: a keyed digest over seven slots.
//!
//! Format: `base64url(HMAC-SHA256(secret, realm|method|intent|request|expires|digest|opaque))`, with
//! the empty text for what is absent, and the name of the credential's header before `opaque` if the
//! challenge names one.
//!
//! Invariant: the digest is compared in constant time; the secret is never shown.

use core::fmt;

use base64::Engine;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use hmac::{Hmac, KeyInit, Mac};
use sha2::{Digest, Sha256};

use super::{ALTERNATE_HEADER, METHOD};

/// Opening of the text that the secret is derived from.
const SECRET_CONTEXT: &[u8] = b"farthing/challenge-secret/1";

/// The key of the challenges' digests. All gateways of a node derive the same one, so that a
/// challenge of one is good at the others.
#[derive(Clone, PartialEq, Eq)]
pub struct ChallengeSecret(Vec<u8>);

impl fmt::Debug for ChallengeSecret {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("ChallengeSecret")
    }
}

impl ChallengeSecret {
    /// A secret of these bytes.
    pub fn from_bytes(bytes: &[u8]) -> Self {
        Self(bytes.to_vec())
    }

    /// The secret of a node, from the token that its gateways share.
    pub fn of_gateway(token: &str) -> Self {
        let digest = Sha256::new_with_prefix(SECRET_CONTEXT).chain_update(token).finalize();
        Self(digest.to_vec())
    }
}

/// A challenge as a payer echoes it: every parameter as it stood on the wire.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct EchoedChallenge {
    /// The digest over the rest.
    pub id: String,
    /// Host that asks for the payment.
    pub realm: String,
    /// The intent's name.
    pub intent: String,
    /// The terms: base64url of canonical JSON.
    pub request: String,
    /// When the challenge ends, RFC 3339.
    pub expires: Option<String>,
    /// Digest of the request body.
    pub digest: Option<String>,
    /// What is for sale: base64url of canonical JSON.
    pub opaque: Option<String>,
    /// Whether the credential goes into `Payment-Authorization`.
    pub alternate_header: bool,
    /// For people; not bound.
    pub description: Option<String>,
}

impl EchoedChallenge {
    fn mac(&self, secret: &ChallengeSecret) -> Option<Hmac<Sha256>> {
        let slot = |text: &Option<String>| text.clone().unwrap_or_default();
        let (expires, digest, opaque) =
            (slot(&self.expires), slot(&self.digest), slot(&self.opaque));
        let bound = [&*self.realm, METHOD, &*self.intent, &*self.request, &*expires, &*digest];
        let header = self.alternate_header.then_some(ALTERNATE_HEADER);
        mac(secret, bound.into_iter().chain(header).chain([&*opaque]))
    }

    /// Sets the id to the digest of the rest.
    #[must_use]
    pub(super) fn bound(mut self, secret: &ChallengeSecret) -> Self {
        if let Some(mac) = self.mac(secret) {
            self.id = URL_SAFE_NO_PAD.encode(mac.finalize().into_bytes());
        }
        self
    }

    /// Whether the id is the digest of the rest. Takes the same time whatever differs.
    pub(super) fn is_bound(&self, secret: &ChallengeSecret) -> bool {
        let Ok(id) = URL_SAFE_NO_PAD.decode(&self.id) else { return false };
        self.mac(secret).is_some_and(|mac| mac.verify_slice(&id).is_ok())
    }
}

/// The keyed digest of slots with a bar between each two.
fn mac<'a>(secret: &ChallengeSecret, slots: impl Iterator<Item = &'a str>) -> Option<Hmac<Sha256>> {
    let mut mac = Hmac::<Sha256>::new_from_slice(&secret.0).ok()?;
    for (index, slot) in slots.enumerate() {
        if index > 0 {
            mac.update(b"|");
        }
        mac.update(slot.as_bytes());
    }
    Some(mac)
}

#[cfg(test)]
mod tests {
    use super::*;

    const REQUEST: &str =
        "eyJhbW91bnQiOiIxMDAwMCIsImN1cnJlbmN5IjoidXNkIiwicmVjaXBpZW50IjoiYWNjX2JvYiJ9";

    fn echo() -> EchoedChallenge {
        EchoedChallenge {
            realm: "127.0.0.1".to_owned(),
            intent: "charge".to_owned(),
            request: REQUEST.to_owned(),
            expires: Some("2027-01-01T00:00:00Z".to_owned()),
            ..EchoedChallenge::default()
        }
    }

    /// The vector that other implementations of the scheme agree on.
    #[test]
    fn the_digest_is_that_of_the_scheme() {
        let request = "eyJhbW91bnQiOiIxMCIsImN1cnJlbmN5IjoibXVzZCIsInJlY2lwaWVudCI6ImJvYiJ9";
        let slots = ["127.0.0.1", "mypay", "charge", request, "2027-01-01T00:00:00Z", "", ""];
        let digest = mac(&ChallengeSecret::from_bytes(&[b'x'; 40]), slots.into_iter()).unwrap();
        let text = URL_SAFE_NO_PAD.encode(digest.finalize().into_bytes());
        assert_eq!(text, "01c53EbQnXTCk1Dy-wMXWKFUGLDl7BL7247xTSaOAT4");
    }

    #[test]
    fn another_secret_or_another_slot_is_another_challenge() {
        let secret = ChallengeSecret::from_bytes(&[b'x'; 40]);
        let good = echo().bound(&secret);
        assert!(good.is_bound(&secret));
        assert!(!good.is_bound(&ChallengeSecret::from_bytes(&[b'y'; 40])));
        let moved = |change: fn(&mut EchoedChallenge)| {
            let mut echo = good.clone();
            change(&mut echo);
            echo.is_bound(&secret)
        };
        assert!(!moved(|echo| echo.id.clear()));
        assert!(!moved(|echo| echo.id.push('A')));
        assert!(!moved(|echo| echo.realm.push('x')));
        assert!(!moved(|echo| echo.intent = "session".to_owned()));
        assert!(!moved(|echo| echo.request.push('x')));
        assert!(!moved(|echo| echo.expires = None));
        assert!(!moved(|echo| echo.digest = echo.expires.take()));
        assert!(!moved(|echo| echo.opaque = Some("e30".to_owned())));
        assert!(!moved(|echo| echo.alternate_header = true));
        assert!(moved(|echo| echo.description = Some("not bound".to_owned())));
    }

    #[test]
    fn the_secret_is_not_shown() {
        let secret = ChallengeSecret::of_gateway("gw_token");
        assert_eq!(format!("{secret:?}"), "ChallengeSecret");
        assert_ne!(secret, ChallengeSecret::of_gateway("gw_other"));
    }
}
