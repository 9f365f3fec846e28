//! Money that enters through the treasury.
//!
//! Invariant: the same idempotency key lets money enter once.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{Fund, FundError};
use http::HeaderMap;
use http402::Problem;
use instrument::payer_account;
use money::{AccountId, Amount, Asset, AssetCode, TransferId, parse_base_units};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Scope};
use crate::body::{self, ok};
use crate::faucet::{available, key_field};
use crate::idempotency::{self, Idempotent};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

/// Longest reference to an outside event.
const FUND_REFERENCE_BYTES_MAX: usize = 200;
/// Ids of transfers that enter are derived under this name.
const FUND_TAG: &str = "farthing/fund/1";
const TITLE: &str = "No money entered";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(fund))
}

/// Money that enters.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Entering {
    /// Who receives: an account that exists. Or else `key`.
    #[schema(value_type = Option<schema::Account>)]
    account: Option<String>,
    /// Who receives: the public key of a payer, whose account is opened if it is new.
    #[schema(value_type = Option<schema::Hex32>)]
    key: Option<String>,
    #[schema(value_type = schema::Units)]
    amount: String,
    #[schema(value_type = schema::AssetCode)]
    asset: String,
    /// Names the outside event, for example a bank transfer.
    #[schema(min_length = 1, max_length = 200)]
    reference: String,
}

/// Money that has entered.
#[derive(Debug, Serialize, ToSchema)]
struct Entered {
    #[schema(value_type = schema::Transfer)]
    transfer: TransferId,
    #[schema(value_type = schema::Account)]
    account: AccountId,
    #[schema(value_type = schema::Units)]
    amount: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    /// What the account can spend then.
    #[schema(value_type = schema::Units)]
    balance: String,
}

/// Let money enter through the treasury
#[utoipa::path(post, path = "/v1/fund", tag = "accounts", security(("bearer" = ["money:write"])),
    params(idempotency::Header), request_body = Entering,
    responses((status = 200, description = "It has entered", body = Entered), Refusals))]
async fn fund(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::MoneyWrite)?;
    let call = Idempotent::begin(&shared, &caller, FUND_TAG, &headers)?;
    let fields: Entering = body::object(body).await?;
    let asset = asset_field(&shared, &fields.asset).await?;
    let account = account_field(&fields, asset)?;
    let amount = amount_field(&fields.amount, asset)?;
    check_reference(&fields.reference)?;
    reach.asset(asset.code)?;
    reach.account(account)?;
    let id = TransferId::from_digest(call.digest());
    let engine = shared.engine();
    let (known, exists) =
        engine.read(move |state| (state.is_funded(id), state.account(account).is_some())).await?;
    // An account id has no check digits: money for a mistyped one would be out of everyone's reach.
    if !exists && fields.account.is_some() {
        let detail = "no such account; name a payer without account by its `key`";
        return Err(Refused::not_found("account_unknown", detail).with_param("account"));
    }
    let reference = fields.reference;
    let entering = Fund { id, account, amount, reference, sandbox_only: false };
    engine.fund(entering).await.map_err(|error| match error {
        FundError::IdTaken => Idempotent::conflict(),
        error => Refused::of(TITLE, &error),
    })?;
    let balance = engine.read(move |state| available(state, account)).await?;
    let entered = Entered {
        transfer: id,
        account,
        amount: amount.units().to_string(),
        asset: asset.code,
        scale: asset.scale,
        balance: balance.to_string(),
    };
    Ok(idempotency::mark(ok(&entered), known))
}

/// An asset that the node carries, by its code.
pub(crate) async fn asset_field(shared: &Shared, text: &str) -> Result<Asset, Refused> {
    let code = AssetCode::new(text).map_err(|why| {
        Refused::bad_request("invalid_asset", why.to_string()).with_param("asset")
    })?;
    let views = shared.engine().read(engine::State::asset_views).await?;
    let found = views.iter().find(|view| view.asset.code == code);
    found
        .map(|view| view.asset)
        .ok_or_else(|| Refused::of(TITLE, &FundError::UnknownAsset).with_param("asset"))
}

fn account_field(fields: &Entering, asset: Asset) -> Result<AccountId, Refused> {
    match (&fields.account, &fields.key) {
        (Some(text), None) => text.parse().map_err(|why: money::IdError| {
            Refused::bad_request("invalid_account", why.to_string()).with_param("account")
        }),
        (None, Some(text)) => Ok(payer_account(&key_field(text)?, asset)),
        (None, None) => {
            let detail = "name the receiver: `account`, or the `key` of a payer";
            Err(Refused::bad_request("missing_field", detail).with_param("account"))
        }
        (Some(_), Some(_)) => {
            let detail = "name the receiver once: `account` or `key`, not both";
            Err(Refused::bad_request("ambiguous_account", detail).with_param("key"))
        }
    }
}

fn amount_field(text: &str, asset: Asset) -> Result<Amount, Refused> {
    let units = parse_base_units(text).map_err(|why| {
        Refused::bad_request("invalid_amount", why.to_string()).with_param("amount")
    })?;
    Ok(Amount::new(units, asset))
}

fn check_reference(text: &str) -> Result<(), Refused> {
    if text.is_empty() || text.len() > FUND_REFERENCE_BYTES_MAX {
        let detail = format!("a reference has 1 to {FUND_REFERENCE_BYTES_MAX} bytes");
        let problem = Problem::new(422, "invalid_reference", TITLE, detail);
        return Err(Refused::new(problem.with_param("reference")));
    }
    Ok(())
}
