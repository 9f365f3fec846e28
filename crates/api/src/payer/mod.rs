//! What a payer sees: its account, its mandates, its open channels.
//!
//! Invariant: an account is shown to the holder of its key only.

mod stream;

pub(crate) use stream::PAYER_STREAMS_COUNT_MAX;

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::{PayerView, PaymentState, PaymentView};
use instrument::{PublicKey, payer_account};
use money::{AccountId, AssetCode, PaymentId};
use serde::Serialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::Caller;
use crate::body::ok;
use crate::channels::ChannelSchema;
use crate::mandates;
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

/// Payments that a payer is shown.
const PAYER_PAYMENTS_COUNT_MAX: usize = 100;

/// Open channels that a payer is shown.
const PAYER_CHANNELS_COUNT_MAX: usize = 100;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show)).routes(routes!(stream::open))
}

/// What a payer has, and what it decided.
#[derive(Debug, Serialize, ToSchema)]
struct Payer {
    #[schema(value_type = schema::Account)]
    account: AccountId,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    /// What can be spent.
    #[schema(value_type = schema::Units)]
    available: String,
    /// The balance, holds included.
    #[schema(value_type = schema::Units)]
    posted: String,
    /// Held for payments under way.
    #[schema(value_type = schema::Units)]
    held: String,
    /// Newest first.
    mandates: Vec<mandates::Shown>,
    /// The latest, newest first.
    payments: Vec<PayerPayment>,
    /// The latest that are open, newest first.
    #[schema(value_type = Vec<ChannelSchema>)]
    channels: Vec<engine::ChannelView>,
}

/// A payment as its payer sees it.
#[derive(Debug, Serialize, ToSchema)]
struct PayerPayment {
    #[schema(value_type = schema::Payment)]
    payment: PaymentId,
    #[schema(value_type = schema::Account)]
    payee: AccountId,
    /// What was paid if it is settled, else what was authorized.
    #[schema(value_type = schema::Units)]
    amount: String,
    #[schema(value_type = schema::PaymentState)]
    state: PaymentState,
    description: String,
    /// Unix milliseconds.
    at_ms: u64,
}

/// What a payer has
///
/// Balance, mandates, payments and open channels, in the first asset in which the key has an account.
#[utoipa::path(get, path = "/v1/payer", tag = "payers", security(("payer" = [])),
    responses((status = 200, description = "The payer", body = Payer), Refusals))]
async fn show(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    let key = caller.payer()?;
    Ok(ok(&found(&shared, key).await?))
}

async fn found(shared: &Shared, key: PublicKey) -> Result<Payer, Refused> {
    let view = shared.engine().read(move |state| view_of(state, &key)).await?;
    view.map(payer_answer).ok_or_else(|| {
        let detail = "this key has no account yet; an account opens when money enters";
        Refused::not_found("account_unknown", detail)
    })
}

/// The first asset in which the key has an account.
fn view_of(state: &engine::State, key: &PublicKey) -> Option<PayerView> {
    state.asset_views().iter().find_map(|opened| {
        let account = payer_account(key, opened.asset);
        engine::payer(state, account, PAYER_PAYMENTS_COUNT_MAX)
    })
}

fn payer_answer(view: PayerView) -> Payer {
    let asset = view.available.asset();
    let mut channels = view.channels;
    channels.truncate(PAYER_CHANNELS_COUNT_MAX);
    Payer {
        account: view.account,
        asset: asset.code,
        scale: asset.scale,
        available: view.available.units().to_string(),
        posted: view.posted.units().to_string(),
        held: view.held.units().to_string(),
        mandates: view.mandates.into_iter().map(mandates::Shown::from).collect(),
        payments: view.payments.into_iter().map(PayerPayment::from).collect(),
        channels,
    }
}

impl From<PaymentView> for PayerPayment {
    fn from(view: PaymentView) -> Self {
        Self {
            payment: view.payment,
            payee: view.payee,
            amount: amount_of(&view).to_string(),
            state: view.state,
            description: view.description,
            at_ms: view.at_ns / 1_000_000,
        }
    }
}

/// What was paid if it is settled, what was authorized if not.
pub(crate) fn amount_of(view: &PaymentView) -> u128 {
    match view.state {
        PaymentState::Settled => view.settled.units(),
        PaymentState::Held | PaymentState::Released => view.authorized.units(),
    }
}
