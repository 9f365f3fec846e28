//! Payment requirements: the terms as both versions of x402 word them.
//!
//! Invariants: a value is typed and complete, whatever it was read from; members of `extra` that
//! this crate does not know are kept and compared, so an echo with one more or one less differs.
//! Only where a channel stands is not compared: it changes from answer to answer.

use std::borrow::Cow;
use std::collections::BTreeMap;

use instrument::PurchaseDigest;
use money::{AccountId, Amount, Asset, NodeId, parse_base_units};
use serde::de::{Deserializer, Error as _, MapAccess, Visitor};
use serde::ser::{SerializeMap, SerializeStruct};
use serde::{Deserialize, Serialize, Serializer};
use serde_json::{Map, Value};

use super::channel::{CHANNEL_STATE, ChannelStateJson, VOUCHER_STATE, VoucherJson, read_state};
use super::{Scheme, network_name, parse_network};
use crate::challenge::{Challenge, ChannelOffer, ChannelState, Metered, Resource};
use crate::error::{DecodeError, Part, Place};
use crate::json::{Object, Shown, Text};

/// Terms of a payment. Serializes in the form of version 2.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct PaymentRequirements {
    /// How the payment relates to the price.
    pub scheme: Scheme,
    /// The node that takes the payment.
    pub network: NodeId,
    /// The price: `amount` (version 1: `maxAmountRequired`), `asset` and `extra.scale`.
    pub amount: Amount,
    /// The payee.
    pub pay_to: AccountId,
    /// How long an order may live after it is signed, above zero.
    pub max_timeout_seconds: u32,
    /// The purchase that is paid, which an order must name: `extra.purchase`.
    pub purchase: Option<PurchaseDigest>,
    /// Further members of `extra`.
    pub extra: BTreeMap<String, Value>,
}

/// All terms of a challenge, each of which is enough: `exact` unless the price is by the unit,
/// `upto` if it is and has a maximum, `batch-settlement` if channels pay.
pub fn accepts(challenge: &Challenge) -> Vec<PaymentRequirements> {
    Scheme::ALL.into_iter().filter_map(|scheme| terms(challenge, scheme)).collect()
}

/// The terms of a challenge for one order of exactly the price.
pub fn requirements(challenge: &Challenge) -> PaymentRequirements {
    let splits = challenge.splits.as_ref().map(|text| ("splits".to_owned(), text.as_str().into()));
    let passes = pass_members(challenge);
    PaymentRequirements {
        scheme: Scheme::Exact,
        network: challenge.network,
        amount: challenge.amount,
        pay_to: challenge.pay_to,
        max_timeout_seconds: challenge.max_timeout_seconds,
        purchase: challenge.purchase,
        extra: splits.into_iter().chain(passes).collect(),
    }
}

/// The member that names the passes, in `extra` and in the problem document; none without passes.
pub fn pass_members(challenge: &Challenge) -> Option<(String, Value)> {
    let passes = Some(&challenge.passes).filter(|passes| !passes.is_empty())?;
    Some(("passes".to_owned(), serde_json::to_value(passes).ok()?))
}

fn terms(challenge: &Challenge, scheme: Scheme) -> Option<PaymentRequirements> {
    let mut terms = PaymentRequirements { scheme, ..requirements(challenge) };
    match (scheme, &challenge.metered, &challenge.channel) {
        (Scheme::Exact, None, _) => {}
        (Scheme::Upto, Some(metered), _) if metered.units_max.is_some() => {
            terms.extra.extend(metered_members(metered));
        }
        (Scheme::BatchSettlement, metered, Some(channel)) => {
            if metered.as_ref().is_some_and(|metered| metered.units_max.is_none()) {
                // Without a maximum a request costs what it takes: what is asked is the beginning.
                terms.amount = channel.start;
            }
            terms.extra.extend(metered.iter().flat_map(metered_members));
            terms.extra.extend(channel_members(channel));
        }
        _ => return None,
    }
    Some(terms)
}

type Members = Vec<(String, Value)>;

fn metered_members(metered: &Metered) -> Members {
    let mut members = vec![
        ("unit".to_owned(), metered.unit.as_str().into()),
        ("price".to_owned(), metered.price.units().to_string().into()),
        ("per".to_owned(), metered.per.into()),
    ];
    if metered.free_units > 0 {
        members.push(("freeUnits".to_owned(), metered.free_units.into()));
    }
    members.extend(metered.units_max.map(|units| ("unitsMax".to_owned(), units.into())));
    members.extend(metered.tiers.as_ref().map(|text| ("tiers".to_owned(), text.as_str().into())));
    members
}

fn channel_members(channel: &ChannelOffer) -> Members {
    let units = |amount: Amount| Value::from(amount.units().to_string());
    let mut members = vec![
        ("start".to_owned(), units(channel.start)),
        ("depositMin".to_owned(), units(channel.deposit_min)),
        ("depositSuggested".to_owned(), units(channel.deposit_suggested)),
        ("closeDelaySeconds".to_owned(), channel.close_delay_seconds.into()),
    ];
    members.extend(channel.state.iter().flat_map(state_members));
    members
}

/// The members of `extra` that tell where a channel stands, `channelState` and `voucherState`.
pub fn state_members(state: &ChannelState) -> Map<String, Value> {
    let json = serde_json::to_value(ChannelStateJson::from(state)).ok();
    let voucher = state.voucher.as_ref().map(VoucherJson::from);
    let voucher = voucher.and_then(|voucher| serde_json::to_value(voucher).ok());
    let state = json.map(|json| (CHANNEL_STATE.to_owned(), json));
    state.into_iter().chain(voucher.map(|json| (VOUCHER_STATE.to_owned(), json))).collect()
}

impl PaymentRequirements {
    /// Where the payer's channel stands, if a corrective 402 tells it. A payer believes it only as
    /// far as the voucher in it bears the payer's own signature.
    pub fn channel_state(&self) -> Result<Option<ChannelState>, DecodeError> {
        read_state(&self.extra, Place::of(Part::PaymentRequired).object("accepts.extra"))
    }
}

/// The terms that a payer accepted are not the terms of the offer.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}` of the accepted requirements is not that of the offer")]
pub struct Mismatch {
    /// First member that differs, such as `amount` or `extra.purchase`.
    pub field: Cow<'static, str>,
}

impl Mismatch {
    /// Stable code for programs.
    pub fn code(&self) -> &'static str {
        if self.field == "network" { "invalid_network" } else { "invalid_payment_requirements" }
    }

    /// HTTP status: payment is still required, on the terms that come with the answer.
    pub const fn http_status(&self) -> u16 {
        402
    }
}

/// Compares the echoed terms with those of the challenge for the same scheme.
pub fn check_echo(accepted: &PaymentRequirements, challenge: &Challenge) -> Result<(), Mismatch> {
    match terms(challenge, accepted.scheme) {
        Some(expected) => check_accepted(accepted, &expected),
        None => Err(Mismatch { field: "scheme".into() }),
    }
}

/// Compares the echoed terms with those of the offer, member by member.
pub fn check_accepted(
    accepted: &PaymentRequirements,
    expected: &PaymentRequirements,
) -> Result<(), Mismatch> {
    let (asset, expected_asset) = (accepted.amount.asset(), expected.amount.asset());
    let checks = [
        ("network", accepted.network == expected.network),
        ("scheme", accepted.scheme == expected.scheme),
        ("amount", accepted.amount.units() == expected.amount.units()),
        ("asset", asset.code == expected_asset.code),
        ("payTo", accepted.pay_to == expected.pay_to),
        ("maxTimeoutSeconds", accepted.max_timeout_seconds == expected.max_timeout_seconds),
        ("extra.scale", asset.scale == expected_asset.scale),
        ("extra.purchase", accepted.purchase == expected.purchase),
    ];
    if let Some((field, _)) = checks.into_iter().find(|(_, same)| !same) {
        return Err(Mismatch { field: field.into() });
    }
    match difference(&accepted.extra, &expected.extra) {
        Some(name) => Err(Mismatch { field: format!("extra.{name}").into() }),
        None => Ok(()),
    }
}

/// The first member that is not in both with the same value.
fn difference<'e>(
    accepted: &'e BTreeMap<String, Value>,
    expected: &'e BTreeMap<String, Value>,
) -> Option<&'e str> {
    let lasting = |name: &&String| *name != CHANNEL_STATE && *name != VOUCHER_STATE;
    let names = accepted.keys().chain(expected.keys()).filter(lasting);
    names.map(String::as_str).find(|name| accepted.get(*name) != expected.get(*name))
}

impl Serialize for PaymentRequirements {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut object = serializer.serialize_struct("PaymentRequirements", 7)?;
        object.serialize_field("scheme", self.scheme.name())?;
        object.serialize_field("network", &network_name(self.network))?;
        object.serialize_field("amount", &Shown(self.amount.units()))?;
        object.serialize_field("asset", &self.amount.asset().code)?;
        object.serialize_field("payTo", &self.pay_to)?;
        object.serialize_field("maxTimeoutSeconds", &self.max_timeout_seconds)?;
        object.serialize_field("extra", &Extra(self))?;
        object.end()
    }
}

/// The same terms in the form of version 1, which repeats the resource in each.
pub(super) struct RequirementsV1<'a> {
    pub(super) terms: &'a PaymentRequirements,
    pub(super) resource: &'a Resource,
}

impl Serialize for RequirementsV1<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let Self { terms, resource } = self;
        let mut object = serializer.serialize_struct("PaymentRequirementsV1", 10)?;
        object.serialize_field("scheme", terms.scheme.name())?;
        object.serialize_field("network", &network_name(terms.network))?;
        object.serialize_field("maxAmountRequired", &Shown(terms.amount.units()))?;
        object.serialize_field("resource", &resource.url)?;
        object.serialize_field("description", resource.description.as_deref().unwrap_or(""))?;
        object.serialize_field("mimeType", resource.mime_type.as_deref().unwrap_or(""))?;
        object.serialize_field("payTo", &terms.pay_to)?;
        object.serialize_field("maxTimeoutSeconds", &terms.max_timeout_seconds)?;
        object.serialize_field("asset", &terms.amount.asset().code)?;
        object.serialize_field("extra", &Extra(terms))?;
        object.end()
    }
}

struct Extra<'a>(&'a PaymentRequirements);

impl Serialize for Extra<'_> {
    fn serialize<S: Serializer>(&self, serializer: S) -> Result<S::Ok, S::Error> {
        let mut map = serializer.serialize_map(None)?;
        map.serialize_entry("scale", &self.0.amount.asset().scale)?;
        if let Some(purchase) = self.0.purchase {
            map.serialize_entry("purchase", &Shown(purchase))?;
        }
        for (name, value) in &self.0.extra {
            map.serialize_entry(name, value)?;
        }
        map.end()
    }
}

/// Terms as they stand in JSON, of either version, not yet checked.
#[derive(Deserialize)]
#[serde(rename_all = "camelCase")]
pub(super) struct WireRequirements<'a> {
    #[serde(borrow)]
    scheme: Option<Text<'a>>,
    #[serde(borrow)]
    network: Option<Text<'a>>,
    #[serde(borrow)]
    amount: Option<Text<'a>>,
    #[serde(borrow)]
    max_amount_required: Option<Text<'a>>,
    #[serde(borrow)]
    asset: Option<Text<'a>>,
    #[serde(borrow)]
    pay_to: Option<Text<'a>>,
    max_timeout_seconds: Option<u64>,
    #[serde(borrow)]
    extra: Option<WireExtra<'a>>,
}

/// How the price is called, which depends on the version.
#[derive(Clone, Copy)]
pub(super) enum AmountField {
    /// Version 2.
    Amount,
    /// Version 1.
    MaxAmountRequired,
}

impl WireRequirements<'_> {
    /// Checks every member, scheme and network first.
    pub(super) fn check(
        self,
        amount_field: AmountField,
        at: Place,
    ) -> Result<PaymentRequirements, DecodeError> {
        let (amount_name, amount_text) = match amount_field {
            AmountField::Amount => ("amount", self.amount),
            AmountField::MaxAmountRequired => ("maxAmountRequired", self.max_amount_required),
        };
        let schemes: &[Scheme] = match amount_field {
            AmountField::Amount => &Scheme::ALL,
            AmountField::MaxAmountRequired => &[Scheme::Exact],
        };
        let (scheme, network) = check_network(self.scheme, self.network, schemes, at)?;
        let units = parse_base_units(&need(amount_text, at.field(amount_name))?)
            .map_err(|reason| DecodeError::Amount { place: at.field(amount_name), reason })?;
        let extra = self.extra.unwrap_or_default();
        let scale_place = at.field("extra.scale");
        let scale = extra.scale.ok_or(DecodeError::Missing { place: scale_place })?;
        let asset_place = at.field("asset");
        let asset = Asset::new(&need(self.asset, asset_place)?, scale).map_err(|reason| {
            let place = if reason == money::AssetError::Scale { scale_place } else { asset_place };
            DecodeError::Asset { place, reason }
        })?;
        let pay_to = need(self.pay_to, at.field("payTo"))?
            .parse()
            .map_err(|reason| DecodeError::Id { place: at.field("payTo"), reason })?;
        let timeout_place = at.field("maxTimeoutSeconds");
        let seconds =
            self.max_timeout_seconds.ok_or(DecodeError::Missing { place: timeout_place })?;
        let max_timeout_seconds = u32::try_from(seconds)
            .ok()
            .filter(|&seconds| seconds > 0)
            .ok_or(DecodeError::Timeout { place: timeout_place })?;
        let purchase_place = at.field("extra.purchase");
        let purchase = match extra.purchase {
            None => None,
            Some(Text(text)) => Some(
                PurchaseDigest::from_hex(&text)
                    .ok_or(DecodeError::Purchase { place: purchase_place })?,
            ),
        };
        Ok(PaymentRequirements {
            scheme,
            network,
            amount: Amount::new(units, asset),
            pay_to,
            max_timeout_seconds,
            purchase,
            extra: extra.other,
        })
    }
}

/// Checks the two members that say whether terms or a payment are ours at all.
pub(super) fn check_network(
    scheme: Option<Text<'_>>,
    network: Option<Text<'_>>,
    schemes: &[Scheme],
    at: Place,
) -> Result<(Scheme, NodeId), DecodeError> {
    let place = at.field("scheme");
    let expected = match schemes {
        [_] => "`exact`",
        _ => "`exact`, `upto` or `batch-settlement`",
    };
    let scheme = Scheme::from_name(&need(scheme, place)?)
        .filter(|scheme| schemes.contains(scheme))
        .ok_or(DecodeError::Scheme { place, expected })?;
    let place = at.field("network");
    let network = parse_network(&need(network, place)?).ok_or(DecodeError::Network { place })?;
    Ok((scheme, network))
}

/// A text that must be there.
pub(super) fn need(text: Option<Text<'_>>, place: Place) -> Result<Cow<'_, str>, DecodeError> {
    text.map(|Text(text)| text).ok_or(DecodeError::Missing { place })
}

/// The object `extra`. Read by hand because a derived reader of open objects takes a second
/// member of the same name without a word.
#[derive(Default)]
struct WireExtra<'a> {
    scale: Option<u8>,
    purchase: Option<Text<'a>>,
    other: BTreeMap<String, Value>,
}

impl<'de: 'a, 'a> Deserialize<'de> for WireExtra<'a> {
    fn deserialize<D: Deserializer<'de>>(deserializer: D) -> Result<Self, D::Error> {
        struct Members;

        impl<'de> Visitor<'de> for Members {
            type Value = WireExtra<'de>;

            fn expecting(&self, f: &mut core::fmt::Formatter<'_>) -> core::fmt::Result {
                f.write_str("an object")
            }

            fn visit_map<A: MapAccess<'de>>(self, mut map: A) -> Result<Self::Value, A::Error> {
                let mut extra = WireExtra::default();
                while let Some(Text(name)) = map.next_key::<Text<'de>>()? {
                    let earlier = match &*name {
                        "scale" => extra.scale.replace(map.next_value()?).is_some(),
                        "purchase" => extra.purchase.replace(map.next_value()?).is_some(),
                        _ => extra.other.insert(name.clone().into(), map.next_value()?).is_some(),
                    };
                    if earlier {
                        return Err(A::Error::custom(format_args!("duplicate field `{name}`")));
                    }
                }
                Ok(extra)
            }
        }

        deserializer.deserialize_map(Members)
    }
}

/// Reads terms that may be those of another scheme or network; `None` if they are.
pub(super) fn read_foreign_or_own(
    value: &Value,
    amount_field: AmountField,
    at: Place,
) -> Result<Option<PaymentRequirements>, DecodeError> {
    let shape = |error| DecodeError::Shape { place: at, detail: crate::error::detail(&error) };
    let own = value["scheme"].as_str().is_some_and(|name| Scheme::from_name(name).is_some())
        && value["network"].as_str().is_some_and(|name| parse_network(name).is_some());
    if !own {
        return Ok(None);
    }
    let Object(wire) = Object::<WireRequirements<'_>>::deserialize(value).map_err(shape)?;
    wire.check(amount_field, at).map(Some)
}
