//! Reading a 402: from all that is offered, the one offer that this wallet can pay.
//!
//! Invariants: version 2, in the header, goes before version 1, in the body; an offer is taken
//! only on the wallet's network, for exactly the request that was made, and within the limits; of
//! several of one kind the cheapest of an asset is taken, never simply the first.

use base64::Engine as _;
use base64::engine::general_purpose::STANDARD;
use http::HeaderValue;
use http402::x402::{PAYMENT_REQUIRED, PaymentRequired, PaymentRequirements, Scheme, network_name};
use http402::{Dialect, Resource};
use instrument::PurchaseDigest;
use money::NodeId;
use serde_json::{Map, Value, json};

use crate::error::{Error, Kind};
use crate::limits::Limits;
use crate::request::Request;
use crate::transport::Answer;

/// Largest body of a 402 that is read for version 1.
const CHALLENGE_BODY_BYTES_MAX: usize = 256 * 1024;

/// One offer that can be paid.
#[derive(Debug, Clone)]
pub(crate) struct Offer {
    pub(crate) dialect: Dialect,
    pub(crate) terms: PaymentRequirements,
    pub(crate) resource: Resource,
    pub(crate) extensions: Map<String, Value>,
}

/// Reads the 402 in whichever version it speaks.
pub(crate) async fn read(answer: Answer) -> Result<(Dialect, PaymentRequired), Error> {
    if let Some(header) = answer.headers().get(PAYMENT_REQUIRED) {
        let read = PaymentRequired::decode_header(header).map_err(|why| not_payable(&why))?;
        return Ok((Dialect::X402V2, read));
    }
    let body = answer.into_bytes(CHALLENGE_BODY_BYTES_MAX).await?;
    read_v1(&body).map(|read| (Dialect::X402V1, read))
}

fn not_payable(why: &dyn std::fmt::Display) -> Error {
    Error::new(Kind::NoOffer(format!("the 402 cannot be read: {why}")))
}

/// Version 1 says the same as version 2 in other words: it is reworded, then read as strictly.
fn read_v1(body: &[u8]) -> Result<PaymentRequired, Error> {
    let message: Value = serde_json::from_slice(body)
        .map_err(|_| not_payable(&"it has neither a PAYMENT-REQUIRED header nor a JSON body"))?;
    if message["x402Version"] != 1 {
        return Err(not_payable(&"its body is no challenge of x402"));
    }
    let offered = message["accepts"].as_array().cloned().unwrap_or_default();
    let first = offered.first().cloned().unwrap_or_default();
    let reword = |mut terms: Value| {
        if let Some(members) = terms.as_object_mut() {
            let amount = members.remove("maxAmountRequired");
            members.remove("amount");
            members.extend(amount.map(|amount| ("amount".to_owned(), amount)));
        }
        terms
    };
    let reworded = json!({
        "x402Version": 2,
        "error": message["error"],
        "resource": {"url": first["resource"], "description": first["description"]},
        "accepts": offered.into_iter().map(reword).collect::<Vec<_>>(),
    });
    let header = HeaderValue::try_from(STANDARD.encode(reworded.to_string()))
        .map_err(|why| not_payable(&why))?;
    PaymentRequired::decode_header(&header).map_err(|why| not_payable(&why))
}

/// The offers on one network for one request, cheapest first within an asset.
pub(crate) fn payable(
    (dialect, required): (Dialect, PaymentRequired),
    network: NodeId,
    request: &Request,
) -> Result<Vec<Offer>, Error> {
    let offered = required.accepts.len() + required.foreign;
    let digest: PurchaseDigest = request.purchase();
    let on_network = required.accepts.into_iter().filter(|terms| terms.network == network);
    let (mut bound, other): (Vec<_>, Vec<_>) =
        on_network.partition(|terms| terms.purchase.is_none_or(|named| named == digest));
    if bound.is_empty() {
        if other.is_empty() {
            let text = format!(
                "none of the {offered} offers is on the network of the wallet, {}",
                network_name(network)
            );
            return Err(Error::new(Kind::NoOffer(text)));
        }
        let text = format!(
            "the offer is for another request than this one; it names {}",
            required.resource.url
        );
        let hint =
            "ask for the address that the seller names: another host name is another request";
        return Err(Error::new(Kind::NoOffer(text)).with_hint(hint));
    }
    // One order for a fixed price is the least to sign. By the unit a channel goes before an order
    // for the most that it can cost: it needs to hold only a little.
    bound.sort_by_key(|terms| {
        let kind = match terms.scheme {
            Scheme::Exact => 0,
            Scheme::BatchSettlement => 1,
            Scheme::Upto => 2,
        };
        (kind, terms.amount.asset().code, terms.amount.units())
    });
    let offer = |terms| Offer {
        dialect,
        terms,
        resource: required.resource.clone(),
        extensions: required.extensions.clone(),
    };
    Ok(bound.into_iter().map(offer).collect())
}

/// The first offer within the limits; the first refusal if there is none. What a channel may cost
/// is limited when it is opened, for it need not run to its end.
pub(crate) fn choose(offers: Vec<Offer>, limits: &Limits) -> Result<Offer, Error> {
    let mut refusal = None;
    for offer in offers {
        if offer.terms.scheme == Scheme::BatchSettlement {
            return Ok(offer);
        }
        match limits.check(offer.terms.amount) {
            Ok(()) => return Ok(offer),
            Err(error) => {
                refusal.get_or_insert(error);
            }
        }
    }
    Err(refusal.unwrap_or_else(|| Error::new(Kind::NoOffer("nothing is offered".to_owned()))))
}
