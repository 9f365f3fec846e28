//! Offers that are made at run time: documents of the node's registry, in JSON.
//!
//! Format: `docs/reference/http-api.md`, "Offers". Invariant: a document that was read makes an offer, or
//! names the field that is wrong; amounts are base units in texts.

use engine::{Country, PayerClass};
use http::Method;
use http402::Identifier;
use money::{AccountId, Amount, Asset, AssetCode, OfferId, Shares, parse_base_units};
use serde::{Deserialize, Serialize};
use serde_json::Value;

use crate::free::FreeUses;
use crate::offer::{ChannelSettings, Offer, OfferError, Payees};
use crate::pass::Pass;
use crate::path::PathPattern;
use crate::price::{OwnAmount, PRICE_RULES_COUNT_MAX, PriceRule, SUGGESTED_COUNT_MAX};
use crate::tools::{Tool, ToolName};

/// Longest description of an offer that is made at run time.
pub const OFFER_DESCRIPTION_BYTES_MAX: usize = 500;
const USUAL_ACCESS_SECONDS: u32 = 24 * 60 * 60;
const USUAL_HOLD_SECONDS: u32 = 600;
const USUAL_ORDER_SECONDS: u32 = 300;

/// The body of a document of the kind `offer`.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedOffer {
    /// Its id.
    pub offer: OfferId,
    /// Name of the gateway that sells it.
    #[serde(default = "usual_site")]
    pub site: String,
    /// Pattern of the paths that it covers.
    pub path: String,
    /// Prices this tool of the MCP server at `path` instead of the path.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub tool: Option<String>,
    /// Methods that it covers; GET if there are none, POST for a tool.
    #[serde(default)]
    pub methods: Vec<String>,
    /// Base units.
    pub price: String,
    /// Asset of all amounts.
    pub asset: AssetCode,
    /// Its scale.
    pub scale: u8,
    /// The account that orders name.
    pub payee: AccountId,
    /// Name of the payee for people.
    #[serde(default)]
    pub payee_name: String,
    /// Who shares; `payee` receives all if nobody does.
    #[serde(default)]
    pub split: Vec<PublishedShare>,
    /// One line for people.
    #[serde(default)]
    pub description: String,
    /// Media type of the answer.
    #[serde(default)]
    pub mime_type: Option<String>,
    /// Whether it is in force.
    #[serde(default = "yes")]
    pub active: bool,
    /// For how long a payment opens the same resource again.
    #[serde(default = "usual_access")]
    pub access_seconds: u32,
    /// Named in catalogues.
    #[serde(default = "yes")]
    pub listed: bool,
    /// Prices for some payers; the first that fits counts.
    #[serde(default)]
    pub prices: Vec<PublishedPrice>,
    /// The payer says how much to give.
    #[serde(default)]
    pub pay_what_you_want: Option<PublishedAmount>,
    /// Uses that cost a payer nothing.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub free: Option<PublishedFree>,
    /// What opens all its paths with one payment.
    #[serde(default, skip_serializing_if = "Vec::is_empty")]
    pub passes: Vec<PublishedPass>,
    /// When it was made, Unix milliseconds.
    #[serde(default)]
    pub created_at_ms: u64,
}

/// One share of a payment.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedShare {
    /// Who receives it.
    pub account: AccountId,
    /// Parts per million.
    pub share_ppm: u32,
}

/// A price for some payers.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedPrice {
    /// Two capital letters.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub country: Option<Country>,
    /// Class of the payer.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    pub class: Option<PayerClass>,
    /// Base units.
    pub price: String,
}

/// So many uses are free for each payer, in each window of so many seconds.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedFree {
    /// Uses.
    pub count: u32,
    /// Length of the window.
    pub seconds: u32,
}

/// What opens all paths of an offer with one payment, for a time or so many times.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedPass {
    /// Its name.
    pub pass: String,
    /// For people.
    #[serde(default)]
    pub title: String,
    /// Base units.
    pub price: String,
    /// For how long it is good.
    #[serde(default)]
    pub seconds: Option<u32>,
    /// How many requests it opens.
    #[serde(default)]
    pub uses: Option<u32>,
}

impl From<&Pass> for PublishedPass {
    fn from(pass: &Pass) -> Self {
        Self {
            pass: pass.name.clone(),
            title: pass.title.clone(),
            price: pass.price.to_string(),
            seconds: pass.seconds,
            uses: pass.uses,
        }
    }
}

impl PublishedPass {
    fn open(&self) -> Result<Pass, PublishedError> {
        Ok(Pass {
            name: self.pass.clone(),
            title: self.title.clone(),
            price: units("passes", &self.price)?,
            seconds: self.seconds,
            uses: self.uses,
        })
    }
}

/// What a payer may give.
#[derive(Debug, Clone, PartialEq, Eq, Serialize, Deserialize)]
#[serde(deny_unknown_fields)]
pub struct PublishedAmount {
    /// The least, base units.
    pub min: String,
    /// What a page suggests, base units.
    #[serde(default)]
    pub suggested: Vec<String>,
}

fn usual_site() -> String {
    "default".to_owned()
}

fn yes() -> bool {
    true
}

fn usual_access() -> u32 {
    USUAL_ACCESS_SECONDS
}

/// Which field of a document is wrong, and why.
#[derive(Debug, Clone, PartialEq, Eq, thiserror::Error)]
#[error("`{field}`: {why}")]
pub struct PublishedError {
    /// The field.
    pub field: &'static str,
    /// What is wrong with it, for people.
    pub why: String,
}

pub(crate) fn wrong(field: &'static str, why: impl Into<String>) -> PublishedError {
    PublishedError { field, why: why.into() }
}

impl PublishedOffer {
    /// A document of an offer that stands elsewhere.
    pub fn of(offer: &Offer, site: &str) -> Self {
        let asset = offer.price.asset();
        let (path, tool) = match &offer.tool {
            Some(tool) => (tool.endpoint.clone(), Some(tool.name.as_str().to_owned())),
            None => (offer.path.as_str().to_owned(), None),
        };
        let price = |rule: &PriceRule| PublishedPrice {
            country: rule.country,
            class: rule.class,
            price: rule.price.to_string(),
        };
        let own = |own: &OwnAmount| PublishedAmount {
            min: own.min.to_string(),
            suggested: own.suggested.iter().map(u128::to_string).collect(),
        };
        Self {
            offer: offer.id,
            site: site.to_owned(),
            path,
            tool,
            methods: offer.methods.iter().map(Method::to_string).collect(),
            price: offer.price.units().to_string(),
            asset: asset.code,
            scale: asset.scale,
            payee: offer.payees.pay_to,
            payee_name: offer.payees.name.clone(),
            split: split_of(offer),
            description: offer.description.clone(),
            mime_type: offer.mime_type.clone(),
            active: true,
            access_seconds: offer.access_seconds,
            listed: offer.listed,
            prices: offer.prices.iter().map(price).collect(),
            pay_what_you_want: offer.own_amount.as_ref().map(own),
            free: offer.free.map(|FreeUses { count, seconds }| PublishedFree { count, seconds }),
            passes: offer.passes.iter().map(PublishedPass::from).collect(),
            created_at_ms: 0,
        }
    }

    /// What people call it: its description, or else what it covers.
    pub fn title(&self) -> &str {
        let named = [Some(&self.description), self.tool.as_ref()].into_iter().flatten();
        named.map(String::as_str).find(|name| !name.is_empty()).unwrap_or(&self.path)
    }

    /// Reads an entry of `GET /v1/offers`; `None` if it stands in the node's configuration file.
    pub fn of_listed(mut entry: Value) -> Result<Option<Self>, PublishedError> {
        let of_registry = entry["source"] == "registry";
        if let Some(members) = entry.as_object_mut() {
            // What the list adds to the document.
            for added in ["source", "revision", "changed_at_ms"] {
                members.remove(added);
            }
        }
        let read = serde_json::from_value(entry).map_err(|why| wrong("body", why.to_string()));
        Ok(Some(read?).filter(|_| of_registry))
    }

    /// Reads a document.
    pub fn read(body: &[u8]) -> Result<Self, PublishedError> {
        serde_json::from_slice(body).map_err(|why| wrong("body", why.to_string()))
    }

    /// The bytes of the document.
    pub fn to_bytes(&self) -> Result<Vec<u8>, PublishedError> {
        serde_json::to_vec(self).map_err(|why| wrong("body", why.to_string()))
    }

    /// The offer that it makes.
    pub fn to_offer(&self) -> Result<Offer, PublishedError> {
        let asset = Asset::new(self.asset.as_str(), self.scale);
        let asset = asset.map_err(|why| wrong("scale", why.to_string()))?;
        let price = units("price", &self.price)?;
        if self.description.len() > OFFER_DESCRIPTION_BYTES_MAX {
            let why = format!("at most {OFFER_DESCRIPTION_BYTES_MAX} bytes");
            return Err(wrong("description", why));
        }
        let tool = self.tool()?;
        let path = tool.as_ref().map_or_else(|| self.path.clone(), Tool::path);
        let price = Amount::new(price, asset);
        let offer = Offer {
            id: self.offer,
            path: PathPattern::parse(&path).map_err(|why| wrong("path", why.to_string()))?,
            methods: self.methods(tool.is_some())?,
            tool,
            free_methods: Vec::new(),
            price,
            prices: self.rules()?,
            own_amount: self.own_amount()?,
            free: self.free.map(|PublishedFree { count, seconds }| FreeUses { count, seconds }),
            passes: self.passes.iter().map(PublishedPass::open).collect::<Result<_, _>>()?,
            meter: None,
            channel: ChannelSettings::usual(price, None),
            payees: self.payees()?,
            description: self.description.clone(),
            mime_type: self.mime_type.clone(),
            access_seconds: self.access_seconds,
            hold_seconds: USUAL_HOLD_SECONDS,
            order_seconds: USUAL_ORDER_SECONDS,
            identifier: Identifier::Optional,
            listed: self.listed,
            crawl: false,
        };
        offer.check().map_err(|why| {
            let field = match why {
                OfferError::Free => "free",
                OfferError::Passes => "passes",
                _ => "price",
            };
            wrong(field, why.to_string())
        })?;
        Ok(offer)
    }

    fn tool(&self) -> Result<Option<Tool>, PublishedError> {
        let Some(name) = &self.tool else { return Ok(None) };
        let name = ToolName::new(name).map_err(|why| wrong("tool", why.to_string()))?;
        Ok(Some(Tool { endpoint: self.path.clone(), name }))
    }

    fn methods(&self, is_tool: bool) -> Result<Vec<Method>, PublishedError> {
        if self.methods.is_empty() {
            return Ok(vec![if is_tool { Method::POST } else { Method::GET }]);
        }
        let method = |text: &String| {
            let upper = text.bytes().all(|byte| byte.is_ascii_uppercase());
            let method = Method::from_bytes(text.as_bytes()).ok().filter(|_| upper);
            method.ok_or_else(|| wrong("methods", format!("`{text}` is not a method")))
        };
        self.methods.iter().map(method).collect()
    }

    fn rules(&self) -> Result<Vec<PriceRule>, PublishedError> {
        if self.prices.len() > PRICE_RULES_COUNT_MAX {
            return Err(wrong("prices", format!("at most {PRICE_RULES_COUNT_MAX} rules")));
        }
        let rule = |rule: &PublishedPrice| {
            let price = units("prices", &rule.price)?;
            Ok(PriceRule { country: rule.country, class: rule.class, price })
        };
        self.prices.iter().map(rule).collect()
    }

    fn own_amount(&self) -> Result<Option<OwnAmount>, PublishedError> {
        let field = "pay_what_you_want";
        let Some(own) = &self.pay_what_you_want else { return Ok(None) };
        if own.suggested.len() > SUGGESTED_COUNT_MAX {
            return Err(wrong(field, format!("at most {SUGGESTED_COUNT_MAX} suggestions")));
        }
        let suggested = own.suggested.iter().map(|text| units(field, text));
        let suggested = suggested.collect::<Result<Vec<_>, _>>()?;
        Ok(Some(OwnAmount { min: units(field, &own.min)?, suggested }))
    }

    fn payees(&self) -> Result<Payees, PublishedError> {
        let mut payees = Payees {
            pay_to: self.payee,
            split: None,
            name: self.payee_name.clone(),
            split_text: None,
        };
        if self.split.is_empty() {
            return Ok(payees);
        }
        let parts = self.split.iter().map(|share| share.share_ppm).collect();
        let shares = Shares::new(parts).map_err(|why| wrong("split", why.to_string()))?;
        payees.split = Some((self.split.iter().map(|share| share.account).collect(), shares));
        Ok(payees)
    }
}

fn split_of(offer: &Offer) -> Vec<PublishedShare> {
    let Some((accounts, shares)) = &offer.payees.split else { return Vec::new() };
    let parts = accounts.iter().zip(shares.parts_per_million());
    parts.map(|(account, ppm)| PublishedShare { account: *account, share_ppm: *ppm }).collect()
}

fn units(field: &'static str, text: &str) -> Result<u128, PublishedError> {
    parse_base_units(text).map_err(|why| wrong(field, why.to_string()))
}
