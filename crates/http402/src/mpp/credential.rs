//! A credential on the wire: `Authorization: Payment <base64url of JSON>`, or the same in
//! `Payment-Authorization`.
//!
//! Invariant: a request carries one credential. Other schemes in `Authorization` are no payment and
//! stay untouched.

use http::header::AUTHORIZATION;
use http::{HeaderMap, HeaderValue};
use serde::{Deserialize, Serialize};

use super::payload::WirePayload;
use super::{
    ALTERNATE_HEADER, CREDENTIAL_BYTES_MAX, EchoedChallenge, Intent, METHOD, PAYMENT_AUTHORIZATION,
    SCHEME,
};
use crate::error::{DecodeError, EncodeError, Part, Place};
use crate::json;
use crate::mpp::Terms;
use crate::presented::{Carrier, Dialect, Instrument, Presented};

/// Reads the credential that a request presents; `None` if there is none.
pub fn decode_payment(headers: &HeaderMap) -> Result<Option<Presented>, DecodeError> {
    let place = Place::of(Part::Authorization);
    let mut found: Option<&[u8]> = None;
    for name in [AUTHORIZATION, PAYMENT_AUTHORIZATION] {
        for text in headers.get_all(name).iter().flat_map(credentials) {
            if found.replace(text).is_some_and(|earlier| earlier != text) {
                return Err(DecodeError::Repeated { place });
            }
        }
    }
    let Some(text) = found else { return Ok(None) };
    if text.len() > CREDENTIAL_BYTES_MAX {
        return Err(DecodeError::TooLarge { place, limit_bytes: CREDENTIAL_BYTES_MAX });
    }
    decode(&json::from_base64_url(text, place)?, place).map(Some)
}

/// Takes the credential out of a request's headers and leaves every other authentication.
pub fn strip_credential(headers: &mut HeaderMap) {
    headers.remove(PAYMENT_AUTHORIZATION);
    if !headers.get_all(AUTHORIZATION).iter().any(|line| credentials(line).next().is_some()) {
        return;
    }
    let lines: Vec<HeaderValue> = headers.get_all(AUTHORIZATION).iter().cloned().collect();
    headers.remove(AUTHORIZATION);
    for line in lines {
        let kept: Vec<&[u8]> = pieces(&line)
            .filter(|piece| credential(piece).is_none() && !piece.is_empty())
            .collect();
        if let Ok(value) = HeaderValue::from_bytes(&kept.join(&b", "[..]))
            && !value.is_empty()
        {
            headers.append(AUTHORIZATION, value);
        }
    }
}

fn pieces(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    line.as_bytes().split(|&byte| byte == b',').map(<[u8]>::trim_ascii)
}

/// The credentials of this scheme in a line; clients may list several schemes with commas.
fn credentials(line: &HeaderValue) -> impl Iterator<Item = &[u8]> {
    pieces(line).filter_map(credential)
}

fn credential(piece: &[u8]) -> Option<&[u8]> {
    let (scheme, rest) = piece.split_at_checked(SCHEME.len())?;
    let is_ours = scheme.eq_ignore_ascii_case(SCHEME.as_bytes())
        && rest.first().is_none_or(u8::is_ascii_whitespace);
    is_ours.then(|| rest.trim_ascii())
}

#[derive(Deserialize)]
struct WireCredential {
    challenge: Option<json::Object<WireChallenge>>,
    payload: Option<json::Object<WirePayload>>,
}

/// The parameters of a challenge as a credential echoes them.
#[derive(Deserialize, Serialize)]
struct WireChallenge {
    id: Option<String>,
    realm: Option<String>,
    method: Option<String>,
    intent: Option<String>,
    request: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    expires: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    digest: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    header: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    opaque: Option<String>,
    #[serde(skip_serializing_if = "Option::is_none")]
    description: Option<String>,
}

fn decode(bytes: &[u8], at: Place) -> Result<Presented, DecodeError> {
    let wire: WireCredential = json::read(bytes, at)?;
    let place = at.object("challenge");
    let json::Object(challenge) = wire.challenge.ok_or(DecodeError::Missing { place })?;
    let (intent, echo) = challenge.check(place)?;
    let terms = Terms::decode(&echo.request, intent, place.field("request"))?;
    let place = at.object("payload");
    let json::Object(payload) = wire.payload.ok_or(DecodeError::Missing { place })?;
    Ok(Presented {
        dialect: Dialect::Mpp,
        carrier: Carrier::Header,
        network: terms.network(),
        instrument: payload.check(intent, place)?,
        accepted: None,
        resource_url: None,
        payment_identifier: None,
        mpp: Some(echo),
    })
}

impl WireChallenge {
    /// The method first, so that a payer of another method learns that and nothing else.
    fn check(self, at: Place) -> Result<(Intent, EchoedChallenge), DecodeError> {
        let need = |text: Option<String>, field| {
            text.ok_or(DecodeError::Missing { place: at.field(field) })
        };
        if need(self.method, "method")? != METHOD {
            return Err(DecodeError::Method { place: at.field("method") });
        }
        let name = need(self.intent, "intent")?;
        let place = at.field("intent");
        let intent = Intent::from_name(&name).ok_or(DecodeError::Intent { place })?;
        let header = self.header.as_deref();
        let alternate_header =
            header.is_some_and(|name| name.eq_ignore_ascii_case(PAYMENT_AUTHORIZATION.as_str()));
        let echo = EchoedChallenge {
            id: need(self.id, "id")?,
            realm: need(self.realm, "realm")?,
            intent: name,
            request: need(self.request, "request")?,
            expires: self.expires,
            digest: self.digest,
            opaque: self.opaque,
            alternate_header,
            description: self.description,
        };
        Ok((intent, echo))
    }
}

/// Writes a credential: the challenge as it was read, and what pays.
pub(super) fn encode(
    echo: &EchoedChallenge,
    instrument: &Instrument,
) -> Result<HeaderValue, EncodeError> {
    #[derive(Serialize)]
    struct Credential {
        challenge: WireChallenge,
        payload: WirePayload,
    }
    let challenge = WireChallenge {
        id: Some(echo.id.clone()),
        realm: Some(echo.realm.clone()),
        method: Some(METHOD.to_owned()),
        intent: Some(echo.intent.clone()),
        request: Some(echo.request.clone()),
        expires: echo.expires.clone(),
        digest: echo.digest.clone(),
        header: echo.alternate_header.then(|| ALTERNATE_HEADER.to_owned()),
        opaque: echo.opaque.clone(),
        description: echo.description.clone(),
    };
    let json = json::write(&Credential { challenge, payload: instrument.into() })?;
    let text = format!("{SCHEME} {}", json::to_base64_url(&json));
    HeaderValue::try_from(text).map_err(|_| EncodeError)
}
