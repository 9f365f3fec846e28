//! Texts of the API as the OpenAPI document describes them: ids, amounts, assets, and the problem that
//! every refusal is.
//!
//! Members of requests and answers name these with `#[schema(value_type = ...)]`, because the crates
//! below know nothing of HTTP. Names of schemas are one space for the whole document: of two with the same
//! name one is lost, so a type whose name is short says `#[schema(as = ...)]`. Invariant: what stands here is what is sent; the tests compare every
//! answer with the document.

use std::collections::BTreeMap;

use utoipa::openapi::{RefOr, Response};
use utoipa::{IntoResponses, ToSchema};

macro_rules! texts {
    ($($(#[$doc:meta])* $name:ident as $component:ident = $pattern:literal, $example:expr;)*) => {$(
        $(#[$doc])*
        #[derive(ToSchema)]
        #[schema(as = $component, value_type = String, pattern = $pattern, example = $example)]
        pub(crate) struct $name(#[expect(dead_code, reason = "only its schema is used")] String);
    )*};
}

texts! {
    /// An account.
    Account as AccountId = "^acc_[0-9a-hjkmnp-tv-z]{26}$", "acc_0000000000000000000000002d";
    /// An API key's id.
    Key as KeyId = "^key_[0-9a-hjkmnp-tv-z]{26}$", "key_0000000000000000000000002d";
    /// A payment.
    Payment as PaymentId = "^pay_[0-9a-hjkmnp-tv-z]{26}$", "pay_0000000000000000000000002d";
    /// A transfer of the ledger.
    Transfer as TransferId = "^tr_[0-9a-hjkmnp-tv-z]{26}$", "tr_0000000000000000000000002d";
    /// A channel.
    Channel as ChannelId = "^ch_[0-9a-hjkmnp-tv-z]{26}$", "ch_0000000000000000000000002d";
    /// A mandate.
    Mandate as MandateId = "^man_[0-9a-hjkmnp-tv-z]{26}$", "man_0000000000000000000000002d";
    /// A refund.
    Refund as RefundId = "^ref_[0-9a-hjkmnp-tv-z]{26}$", "ref_0000000000000000000000002d";
    /// A payout.
    Payout as PayoutId = "^po_[0-9a-hjkmnp-tv-z]{26}$", "po_0000000000000000000000002d";
    /// An offer.
    Offer as OfferId = "^off_[0-9a-hjkmnp-tv-z]{26}$", "off_0000000000000000000000002d";
    /// A discount code's id.
    Code as CodeId = "^code_[0-9a-hjkmnp-tv-z]{26}$", "code_0000000000000000000000002d";
    /// An event.
    Event as EventId = "^evt_[0-9a-hjkmnp-tv-z]{26}$", "evt_0000000000000000000000002d";
    /// An endpoint of webhooks.
    Endpoint as EndpointId = "^we_[0-9a-hjkmnp-tv-z]{26}$", "we_0000000000000000000000002d";
    /// A delivery of a webhook.
    Delivery as DeliveryId = "^dlv_[0-9a-hjkmnp-tv-z]{26}$", "dlv_0000000000000000000000002d";
    /// Base units, a whole number of decimal digits.
    Units as BaseUnits = "^(0|[1-9][0-9]{0,38})$", "2000000";
    /// Code of an asset.
    AssetCode as AssetCode = "^[A-Z0-9]{1,8}$", "USD";
    /// Bytes as they are.
    Bytes as Bytes = "", "";
    /// 32 bytes in hex digits.
    Hex32 as Hex32 = "^[0-9a-f]{64}$", "3b6a27bcceb6a42d62a3a8d02a6f0d73653215771de243a63ac048a18b59da29";
    /// Bytes in standard base64 with padding.
    Base64 as Base64 = "^[A-Za-z0-9+/]*={0,2}$", "AAAA";
}

/// A refusal, as RFC 9457 words it. Programs read `code`.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Problem {
    /// `urn:farthing:problem:` and the code, or the type of a dialect.
    r#type: String,
    /// What went wrong in general.
    title: String,
    /// The HTTP status again.
    #[schema(minimum = 400, maximum = 599)]
    status: u16,
    /// What went wrong this time, and what to do about it.
    detail: String,
    /// Stable code.
    #[schema(pattern = "^[a-z0-9_]+$")]
    code: String,
    /// The field or header at fault.
    param: Option<String>,
    retry: Retry,
    /// Where the code is explained.
    doc_url: Option<String>,
    /// As in the header `Request-Id`.
    request_id: String,
    /// Whether the payer was charged for this request.
    charged: bool,
}

/// A step of a delivery, as gateways word it. Only gateways of the node's own version send it.
#[derive(ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct GatewayMessage(String);

/// What came of a step.
#[derive(ToSchema)]
#[schema(value_type = Object)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct GatewayAnswer(String);

/// Why a payment was released.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum ReleaseReason {
    NotDelivered,
    Expired,
}

/// Who holds an account.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum AccountRole {
    Payer,
    Payee,
    Operator,
}

/// An asset: its code and scale.
#[derive(ToSchema)]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) struct Asset {
    code: AssetCode,
    /// One base unit is 10^-scale of the asset.
    scale: u8,
}

/// Kind of payer, as far as a request shows.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum PayerClass {
    Unknown,
    Person,
    Program,
    Agent,
    Crawler,
    Device,
}

/// Where a payment stands.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum PaymentState {
    /// The money is held.
    Held,
    /// The money was paid.
    Settled,
    /// Nothing was paid.
    Released,
}

/// What a client may do after a refusal.
#[derive(ToSchema)]
#[schema(rename_all = "snake_case")]
#[expect(dead_code, reason = "only its schema is used")]
pub(crate) enum Retry {
    /// The same request fails again.
    Never,
    /// Send it again with the same payment or idempotency key.
    SameKey,
    /// Send it again after the seconds of `Retry-After`.
    AfterDelay,
}

/// Every status that an operation does not name: a problem.
pub(crate) struct Refusals;

impl IntoResponses for Refusals {
    fn responses() -> BTreeMap<String, RefOr<Response>> {
        use utoipa::openapi::{ContentBuilder, Ref, ResponseBuilder};
        let content =
            ContentBuilder::new().schema(Some(Ref::from_schema_name(Problem::name()))).build();
        let response = ResponseBuilder::new()
            .description("Refused")
            .content(http402::problem::CONTENT_TYPE, content)
            .build();
        BTreeMap::from([("default".to_owned(), response.into())])
    }
}
