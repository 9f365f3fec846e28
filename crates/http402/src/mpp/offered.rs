//! The payer's side: challenges read from `WWW-Authenticate`, and the header that answers one.
//!
//! Invariants: what cannot be read exactly is refused, never guessed; challenges of other methods
//! are counted and skipped, so that an offer in several methods stays payable; a credential echoes
//! each parameter as it was read.

use http::header::{AUTHORIZATION, WWW_AUTHENTICATE};
use http::{HeaderMap, HeaderName, HeaderValue};

use super::credential::encode;
use super::quoted::unquote;
use super::request::Terms;
use super::{CHALLENGE_BYTES_MAX, EchoedChallenge, Intent, METHOD, PAYMENT_AUTHORIZATION, SCHEME};
use crate::error::{DecodeError, EncodeError, Part, Place};
use crate::presented::Instrument;
use crate::utc::parse_utc;

/// Challenges that a payer reads from one answer; those beyond count as foreign.
pub const CHALLENGES_COUNT_MAX: usize = 32;

/// A challenge of this method, as a payer reads it.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Offered {
    /// The parameters, to be echoed.
    pub echo: EchoedChallenge,
    /// The terms.
    pub terms: Terms,
    /// When the challenge ends, Unix milliseconds; `None` if it does not say.
    pub expires_at_ms: Option<u64>,
}

/// All challenges of one answer.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct OfferedList {
    /// Those that can be paid here, in the order in which they were offered.
    pub offered: Vec<Offered>,
    /// How many others there were.
    pub foreign: usize,
}

impl OfferedList {
    /// Reads the challenges of a 402 answer; an answer without any gives an empty list.
    pub fn from_headers(headers: &HeaderMap) -> Result<Self, DecodeError> {
        let place = Place::of(Part::WwwAuthenticate);
        let mut list = Self::default();
        for line in headers.get_all(WWW_AUTHENTICATE) {
            if line.len() > CHALLENGE_BYTES_MAX {
                return Err(DecodeError::TooLarge { place, limit_bytes: CHALLENGE_BYTES_MAX });
            }
            // A line in other than ASCII holds no challenge of this method.
            let Ok(line) = line.to_str() else { continue };
            for parameters in challenges_in(line) {
                if list.offered.len() + list.foreign >= CHALLENGES_COUNT_MAX {
                    list.foreign += 1;
                    continue;
                }
                match read(&Parameters::parse(parameters, place)?, place)? {
                    Some(offered) => list.offered.push(offered),
                    None => list.foreign += 1,
                }
            }
        }
        Ok(list)
    }
}

/// The header that pays a challenge with an instrument.
pub fn credential_header(
    offered: &Offered,
    instrument: &Instrument,
) -> Result<(HeaderName, HeaderValue), EncodeError> {
    let name = if offered.echo.alternate_header { PAYMENT_AUTHORIZATION } else { AUTHORIZATION };
    Ok((name, encode(&offered.echo, instrument)?))
}

/// `None` for a challenge of another method, intent or network.
fn read(parameters: &Parameters<'_>, at: Place) -> Result<Option<Offered>, DecodeError> {
    if parameters.get("method").as_deref() != Some(METHOD) {
        return Ok(None);
    }
    let need = |name| parameters.get(name).ok_or(DecodeError::Missing { place: at.field(name) });
    let name = need("intent")?;
    let Some(intent) = Intent::from_name(&name) else { return Ok(None) };
    let header = parameters.get("header");
    let alternate_header = match header.as_deref() {
        None => false,
        Some(name) if name.eq_ignore_ascii_case(AUTHORIZATION.as_str()) => false,
        Some(name) if name.eq_ignore_ascii_case(PAYMENT_AUTHORIZATION.as_str()) => true,
        Some(_) => return Ok(None),
    };
    let request = need("request")?;
    let terms = Terms::decode(&request, intent, at.field("request"))?;
    let expires = parameters.get("expires");
    let place = at.field("expires");
    let expires_at_ms = match expires.as_deref() {
        None => None,
        Some(text) => {
            let seconds = parse_utc(text).and_then(|seconds| seconds.checked_mul(1000));
            Some(seconds.ok_or(DecodeError::Time { place })?)
        }
    };
    let echo = EchoedChallenge {
        id: need("id")?,
        realm: need("realm")?,
        intent: name,
        request,
        expires,
        digest: parameters.get("digest"),
        opaque: parameters.get("opaque"),
        alternate_header,
        description: parameters.get("description"),
    };
    Ok(Some(Offered { echo, terms, expires_at_ms }))
}

/// The parameters of each challenge of this scheme in a line that may hold several, of other
/// schemes too.
fn challenges_in(line: &str) -> impl Iterator<Item = &str> {
    let mut starts = Vec::new();
    let (mut in_text, mut escaped, mut at_start) = (false, false, true);
    for (index, byte) in line.bytes().enumerate() {
        match byte {
            _ if escaped => escaped = false,
            b'\\' if in_text => escaped = true,
            b'"' => in_text = !in_text,
            _ if in_text => {}
            b' ' | b'\t' => continue,
            b',' => {
                at_start = true;
                continue;
            }
            // A token before a space opens a challenge; one before `=` is a parameter.
            _ if at_start => starts.extend(scheme_at(line, index).map(|scheme| (index, scheme))),
            _ => {}
        }
        at_start = false;
    }
    let ends: Vec<usize> =
        starts.iter().skip(1).map(|(index, _)| *index).chain([line.len()]).collect();
    starts.into_iter().zip(ends).filter_map(move |((start, scheme), end)| {
        let rest = line.get(start + scheme.len()..end)?;
        scheme.eq_ignore_ascii_case(SCHEME).then_some(rest)
    })
}

/// The scheme that a challenge at this place opens with, if it is one.
fn scheme_at(line: &str, index: usize) -> Option<&str> {
    let rest = line.get(index..)?;
    let end = rest.find([' ', '\t', '=', ',', '"'])?;
    let (token, after) = rest.split_at_checked(end)?;
    let opens = after.starts_with([' ', '\t']) && !after.trim_start().starts_with('=');
    opens.then_some(token)
}

/// The parameters of one challenge.
struct Parameters<'a>(Vec<(&'a str, &'a str)>);

impl<'a> Parameters<'a> {
    fn parse(text: &'a str, place: Place) -> Result<Self, DecodeError> {
        let mut found: Vec<(&str, &str)> = Vec::new();
        let mut rest = text.trim_matches([' ', '\t', ',']);
        let broken = || DecodeError::Parameters { place };
        while !rest.is_empty() {
            let (name, value) = rest.split_once('=').ok_or_else(broken)?;
            let name = name.trim();
            let value = value.trim_start();
            let (value, after) = match value.strip_prefix('"') {
                Some(inside) => {
                    let end = closing_quote(inside).ok_or_else(broken)?;
                    (&inside[..end], &inside[end + 1..])
                }
                None => value.split_at(value.find(',').unwrap_or(value.len())),
            };
            let is_repeated = found.iter().any(|(known, _)| known.eq_ignore_ascii_case(name));
            let after = after.trim_start();
            if name.is_empty() || is_repeated || !(after.is_empty() || after.starts_with(',')) {
                return Err(broken());
            }
            found.push((name, value.trim_end()));
            rest = after.trim_start_matches([' ', '\t', ',']);
        }
        Ok(Self(found))
    }

    fn get(&self, name: &str) -> Option<String> {
        let known = self.0.iter().find(|(known, _)| known.eq_ignore_ascii_case(name));
        known.map(|(_, value)| unquote(value))
    }
}

fn closing_quote(inside: &str) -> Option<usize> {
    let mut escaped = false;
    inside.bytes().position(|byte| {
        let closes = !escaped && byte == b'"';
        escaped = !escaped && byte == b'\\';
        closes
    })
}
