//! What the tools do, apart from the protocol.

use std::path::PathBuf;

use base64::Engine as _;
use base64::engine::general_purpose::URL_SAFE_NO_PAD;
use bytes::Bytes;
use client::{Limits, Mandate, Payer, PurchaseName, Purchases, Request};
use http::header::CONTENT_TYPE;
use http::{HeaderMap, HeaderName, HeaderValue, Method};
use money::{Amount, Asset, AssetCode, PaymentId, parse_base_units};
use serde_json::Value;
use sha2::{Digest as _, Sha256};

use crate::budget::Budget;
use crate::content::Content;
use crate::refusal::Refusal;
use crate::shapes;

/// Payments that one call lists by default and at most.
const PAYMENTS_LISTED: usize = 20;
const PAYMENTS_LISTED_MAX: usize = 100;

/// How an agent pays.
#[derive(Debug)]
pub struct AgentOptions {
    /// Where purchases are remembered: whoever shares the folder shares the keys of purchases.
    pub purchases: Purchases,
    /// Where content is stored that is long or no text.
    pub downloads: PathBuf,
    /// The most for one purchase, a decimal.
    pub max_per_purchase: String,
    /// The most in all since the start, a decimal.
    pub max_in_all: String,
    /// The asset of both.
    pub asset: AssetCode,
}

/// Pays for an agent from one wallet.
#[derive(Debug)]
pub struct Agent {
    payer: Payer,
    purchases: Purchases,
    downloads: PathBuf,
    max_per_purchase: String,
    asset: AssetCode,
    budget: Budget,
}

impl Agent {
    /// An agent that pays from the payer's wallet.
    pub fn new(payer: Payer, options: AgentOptions) -> Self {
        let AgentOptions { purchases, downloads, max_per_purchase, max_in_all, asset } = options;
        let budget = Budget::new(max_in_all, asset);
        Self { payer, purchases, downloads, max_per_purchase, asset, budget }
    }

    pub(crate) async fn find(
        &self,
        asked: shapes::FindOffers,
    ) -> Result<shapes::FoundOffers, Refusal> {
        let found = self.payer.node().search(&asked.query, asked.cursor.as_deref()).await?;
        let entry = |entry: client::Listing| {
            let price = entry.price.map(|price| price.to_string());
            shapes::FoundOffer {
                url: entry.url,
                method: entry.method,
                price,
                description: entry.description,
                service: entry.service_name,
                mime_type: entry.mime_type,
            }
        };
        let offers = found.listings.into_iter().map(entry).collect();
        Ok(shapes::FoundOffers { offers, next_cursor: found.cursor })
    }

    pub(crate) async fn price(
        &self,
        wanted: &shapes::Wanted,
    ) -> Result<shapes::PriceTold, Refusal> {
        let quote = self.payer.quote(&request(wanted)?).await?;
        Ok(match quote {
            None => shapes::PriceTold {
                free: true,
                price: None,
                asset: None,
                payee: None,
                description: None,
                service: None,
            },
            Some(quote) => shapes::PriceTold {
                free: false,
                price: Some(decimal(quote.price)),
                asset: Some(quote.price.asset().code.to_string()),
                payee: Some(quote.payee.to_string()),
                description: quote.description,
                service: quote.service_name,
            },
        })
    }

    pub(crate) async fn pay(&self, asked: shapes::Pay) -> Result<shapes::Bought, Refusal> {
        let request = request(&asked.wanted)?;
        let asset = AssetCode::new(&asked.asset).map_err(|why| Refusal::argument("asset", why))?;
        if asset != self.asset {
            let why = format!("this server pays in {} alone", self.asset);
            return Err(Refusal::argument("asset", why));
        }
        let name = PurchaseName::new(&asked.purchase_key)
            .map_err(|why| Refusal::argument("purchase_key", why))?;
        let most = self.smaller(&asked.max_amount)?;
        let reservation = self.budget.reservation();
        let limits = Limits::at_most(most, asset).with_approval(reservation.clone());
        let paid = self.payer.pay_once(&request, &limits, &self.purchases, &name).await;
        let paid = paid.inspect_err(|error| {
            if error.outcome_unknown() || error.code() == "paid_not_delivered" {
                reservation.keep();
            }
        })?;
        if paid.settled.is_some() {
            reservation.keep();
        }
        let file: [u8; 32] = Sha256::digest(asked.purchase_key.as_bytes()).into();
        let file = URL_SAFE_NO_PAD.encode(&file[..16]);
        let content = Content::read(paid.answer, &self.downloads, &file).await?;
        let settled = paid.settled;
        Ok(shapes::Bought {
            free: settled.is_none(),
            payment: settled.as_ref().map(|settled| settled.payment.to_string()),
            paid: settled.as_ref().map(|settled| settled.price.to_string()),
            payee: settled.as_ref().map(|settled| settled.payee.to_string()),
            mime_type: content.mime_type,
            bytes: content.bytes,
            content: content.text,
            file: content.file,
        })
    }

    /// The smaller of what the call and the server allow.
    fn smaller(&self, asked: &str) -> Result<String, Refusal> {
        // Any scale will do to compare two decimals, as long as it holds both.
        let fine = Asset::new(self.asset.as_str(), COMPARED_SCALE);
        let fine = fine.map_err(|why| Refusal::argument("asset", why))?;
        let units = |text: &str| Amount::parse_decimal(text, fine).map(Amount::units);
        let wanted = units(asked).map_err(|why| Refusal::argument("max_amount", why))?;
        let allowed = units(&self.max_per_purchase).unwrap_or(0);
        let smaller = if wanted <= allowed { asked } else { &self.max_per_purchase };
        Ok(smaller.to_owned())
    }

    pub(crate) async fn budget(&self) -> Result<shapes::Budget, Refusal> {
        let account = self.payer.account().await?;
        let mandate = self.payer.mandate().await?;
        let amount =
            |amount: Result<Amount, client::Error>| amount.map(|amount| amount.to_string());
        Ok(shapes::Budget {
            account: account.as_ref().map(|account| account.account.to_string()),
            available: account.as_ref().map(|account| amount(account.available())).transpose()?,
            held: account.as_ref().map(|account| amount(account.held())).transpose()?,
            mandate: mandate.as_ref().map(|mandate| mandate.mandate.clone()),
            mandate_left: mandate.as_ref().and_then(Mandate::left).map(|left| left.to_string()),
            mandate_state: mandate.map(|mandate| mandate.state().to_owned()),
            max_per_purchase: format!("{} {}", self.max_per_purchase, self.asset),
            left_for_this_server: self.budget.left(),
        })
    }

    pub(crate) async fn payments(
        &self,
        asked: shapes::ListPayments,
    ) -> Result<shapes::Payments, Refusal> {
        let limit = asked.limit.unwrap_or(PAYMENTS_LISTED);
        if !(1..=PAYMENTS_LISTED_MAX).contains(&limit) {
            let why = format!("between 1 and {PAYMENTS_LISTED_MAX}");
            return Err(Refusal::argument("limit", why));
        }
        let mut payments = Vec::new();
        if let Some(account) = self.payer.account().await? {
            for payment in account.payments.iter().take(limit) {
                payments.push(shapes::PaymentLine {
                    payment: payment.payment.to_string(),
                    state: payment.state.clone(),
                    amount: account.amount_of(payment)?.to_string(),
                    payee: payment.payee.to_string(),
                    description: payment.description.clone(),
                    at_ms: payment.at_ms,
                });
            }
        }
        Ok(shapes::Payments { payments })
    }

    pub(crate) async fn receipt(
        &self,
        asked: &shapes::GetReceipt,
    ) -> Result<shapes::ReceiptTold, Refusal> {
        let payment: PaymentId =
            asked.payment.parse().map_err(|why| Refusal::argument("payment", why))?;
        let Some(document) = self.payer.node().receipt(payment).await? else {
            return Ok(shapes::ReceiptTold {
                state: "unknown".to_owned(),
                paid: None,
                signature_checked: false,
                receipt: None,
                signature: None,
                public_key: None,
            });
        };
        let asset = Asset::new(&document.asset, document.scale).ok();
        let units = parse_base_units(&document.amount).ok();
        let amount = asset.zip(units).map(|(asset, units)| Amount::new(units, asset));
        let is_settled = document.state == "settled";
        Ok(shapes::ReceiptTold {
            paid: amount.filter(|_| is_settled).map(|amount| amount.to_string()),
            signature_checked: document.prove(self.payer.network()).is_some(),
            state: document.state,
            receipt: document.receipt,
            signature: document.signature,
            public_key: document.public_key,
        })
    }
}

/// Without the asset's code.
fn decimal(amount: Amount) -> String {
    let text = amount.to_string();
    text.split(' ').next().unwrap_or_default().to_owned()
}

/// A scale that holds every amount which a limit names.
const COMPARED_SCALE: u8 = 18;

fn request(wanted: &shapes::Wanted) -> Result<Request, Refusal> {
    let (body, is_json) = match &wanted.body {
        None | Some(Value::Null) => (Bytes::new(), false),
        Some(Value::String(text)) => (Bytes::from(text.clone()), false),
        Some(value) => (Bytes::from(value.to_string()), true),
    };
    let method = match &wanted.method {
        Some(text) => Method::from_bytes(text.to_ascii_uppercase().as_bytes())
            .map_err(|_| Refusal::argument("method", "not a method of HTTP"))?,
        None if wanted.body.is_some() => Method::POST,
        None => Method::GET,
    };
    let mut headers = HeaderMap::new();
    if is_json {
        headers.insert(CONTENT_TYPE, HeaderValue::from_static("application/json"));
    }
    for (name, value) in wanted.headers.iter().flatten() {
        let wrong = |why: &str| Refusal::argument("headers", format!("`{name}`: {why}"));
        let text = value.as_str().ok_or_else(|| wrong("a header is a text"))?;
        let value = HeaderValue::from_str(text).map_err(|_| wrong("the value cannot be sent"))?;
        let name = HeaderName::try_from(name).map_err(|_| wrong("not the name of a header"))?;
        headers.insert(name, value);
    }
    Request::new(method, &wanted.url, headers, body).map_err(|why| Refusal::argument("url", why))
}
