//! Payouts: a payee asks for its money, the operator looks, releases, and tells the bank.
//!
//! Invariants: what is asked for is held at once, so it cannot be spent twice; a bank moves whole minor
//! units, so those are held and the rest stays with the payee; a payout is paid or cancelled once,
//! whoever asks and however often.

mod book;
mod file;
mod life;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use http::HeaderMap;
use money::{AccountId, AssetCode, PayoutId, parse_base_units};
use report::Party;
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::book::{Known, PayoutError, Request};
use self::life::Step;
use crate::authority::{Caller, Scope};
use crate::body::{self, ok};
use crate::idempotency::{self, Idempotent};
use crate::node::Shared;
use crate::page::{Page, PageQuery};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const TITLE: &str = "The payout was not changed";
const LIST: &str = "payouts";
/// Ids of payouts are derived under this name.
const PAYOUT_TAG: &str = "farthing/api-payout/1";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new()
        .routes(routes!(list, request))
        .merge(file::routes())
        .routes(routes!(show))
        .routes(routes!(hold))
        .routes(routes!(release))
        .routes(routes!(paid))
        .routes(routes!(cancel))
}

/// Makes the transfers of payouts that a crash left out; to be called once, at the start.
pub async fn settle_payouts(engine: &engine::Engine) -> Result<(), String> {
    book::settle_all(engine).await.map_err(|error| error.to_string())
}

fn refused(error: &PayoutError) -> Refused {
    match error {
        PayoutError::Conflict => Idempotent::conflict(),
        error => Refused::of(TITLE, error),
    }
}

/// Who is paid, by which bank account.
#[derive(Debug, Clone, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct BankParty {
    /// As the bank knows it.
    #[schema(min_length = 1, max_length = 70)]
    name: String,
    /// International bank account number.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(max_length = 42, example = "DE89370400440532013000")]
    iban: Option<String>,
    /// Account number where there is no IBAN.
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 1, max_length = 34)]
    account: Option<String>,
    /// The bank (ISO 9362).
    #[serde(default, skip_serializing_if = "Option::is_none")]
    #[schema(min_length = 8, max_length = 11)]
    bic: Option<String>,
}

impl BankParty {
    /// Checks every field; `field` is the name of the party.
    fn checked(self, field: &str) -> Result<Party, Refused> {
        let Self { name, iban, account, bic } = self;
        Party { name, iban, account, bic }.checked().map_err(|why| {
            let param = format!("{field}.{}", why.field());
            Refused::bad_request(why.code(), why.to_string()).with_param(param)
        })
    }
}

impl From<Party> for BankParty {
    fn from(party: Party) -> Self {
        let Party { name, iban, account, bic } = party;
        Self { name, iban, account, bic }
    }
}

/// A payout that is asked for.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewPayout {
    /// Whose money is paid out.
    #[schema(value_type = schema::Account)]
    account: AccountId,
    /// Base units; all that is available by default. What a bank cannot move is left out.
    #[schema(value_type = Option<schema::Units>)]
    amount: Option<String>,
    /// Who is paid.
    creditor: BankParty,
}

/// A payout.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = Payout)]
struct Shown {
    #[schema(value_type = schema::Payout)]
    payout: PayoutId,
    #[schema(value_type = schema::Account)]
    account: AccountId,
    state: life::State,
    /// What is held or paid: whole minor units of the currency.
    #[schema(value_type = schema::Units)]
    amount: String,
    /// What was asked for; null for all that there was.
    #[schema(value_type = Option<schema::Units>)]
    asked: Option<String>,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    creditor: BankParty,
    requested_at_ms: u64,
    changed_at_ms: u64,
    /// The file that it is in, for `GET /v1/payouts/export`.
    exported_at_ms: Option<u64>,
}

impl From<Known> for Shown {
    fn from(known: Known) -> Self {
        let Known { id, payout, .. } = known;
        Self {
            payout: id,
            account: payout.account,
            state: payout.state,
            amount: payout.amount,
            asked: payout.asked,
            asset: payout.asset,
            scale: payout.scale,
            creditor: payout.creditor.into(),
            requested_at_ms: payout.requested_at_ms,
            changed_at_ms: payout.changed_at_ms,
            exported_at_ms: payout.exported_at_ms,
        }
    }
}

/// Ask for a payout; its money is held
#[utoipa::path(post, path = "/v1/payouts", tag = "payouts",
    security(("bearer" = ["payouts:write"])), params(idempotency::Header),
    request_body(content = NewPayout),
    responses((status = 200, description = "The money is held", body = Shown), Refusals))]
async fn request(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::PayoutsWrite)?;
    let call = Idempotent::begin(&shared, &caller, PAYOUT_TAG, &headers)?;
    let NewPayout { account, amount, creditor } = body::object(body).await?;
    reach.account(account)?;
    let units = amount.as_deref().map(parse_base_units).transpose().map_err(|why| {
        Refused::bad_request("invalid_amount", why.to_string()).with_param("amount")
    })?;
    let creditor = creditor.checked("creditor")?;
    let id = PayoutId::from_digest(call.digest());
    let request = Request { id, account, units, creditor };
    let made = book::request(shared.engine(), request).await;
    let (known, replayed) = made.map_err(|error| refused(&error))?;
    Ok(idempotency::mark(ok(&Shown::from(known)), replayed))
}

/// Which payouts are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Of {
    /// Of this account; a key that is limited to accounts has to name one.
    #[param(value_type = Option<schema::Account>)]
    account: Option<AccountId>,
    /// In this state.
    #[param(inline)]
    state: Option<life::State>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u64>)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    cursor: Option<String>,
}

/// Payouts, newest first
#[utoipa::path(get, path = "/v1/payouts", tag = "payouts", security(("bearer" = ["read"])),
    params(Of),
    responses((status = 200, description = "The payouts", body = Page<Shown>), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Of>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(Of { account, state, limit, cursor }) = asked?;
    match account {
        Some(account) => reach.account(account)?,
        None => reach.all()?,
    }
    let page = PageQuery { limit, cursor };
    let limit = page.limit()?;
    let after: Option<PayoutId> = page.after_as(LIST)?;
    let all = book::all(shared.engine()).map_err(|error| refused(&error))?;
    let begin = match after {
        None => 0,
        Some(id) => all.iter().position(|known| known.id == id).map_or(all.len(), |at| at + 1),
    };
    let is_asked = |known: &Known| {
        account.is_none_or(|account| known.payout.account == account)
            && state.is_none_or(|state| known.payout.state == state)
            && reach.has_asset(known.payout.asset)
    };
    let rest = all.into_iter().skip(begin).filter(is_asked);
    let rows: Vec<Shown> = rest.take(limit + 1).map(Shown::from).collect();
    Ok(ok(&Page::of(rows, limit, LIST, |row| row.payout.to_string())))
}

/// One payout
#[utoipa::path(get, path = "/v1/payouts/{payout_id}", tag = "payouts",
    security(("bearer" = ["read"])), params(("payout_id" = schema::Payout, Path)),
    responses((status = 200, description = "The payout", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let known = named(&shared, &path)?;
    reach.account(known.payout.account)?;
    Ok(ok(&Shown::from(known)))
}

fn named(shared: &Shared, path: &Segment) -> Result<Known, Refused> {
    let id: PayoutId = path.read("payout_unknown", "payout_id")?;
    let found = book::find(shared.engine(), id).map_err(|error| refused(&error))?;
    found.ok_or_else(|| refused(&PayoutError::Unknown))
}

async fn step(shared: &Shared, known: Known, step: Step) -> Result<Response, Refused> {
    let now_ms = shared.engine().clock().now_ms();
    let known = book::step(shared.engine(), known, step, now_ms).await;
    Ok(ok(&Shown::from(known.map_err(|error| refused(&error))?)))
}

/// Stop a payout for now; the money stays held
#[utoipa::path(post, path = "/v1/payouts/{payout_id}/hold", tag = "payouts",
    security(("bearer" = ["operator"])), params(("payout_id" = schema::Payout, Path)),
    responses((status = 200, description = "It is stopped", body = Shown), Refusals))]
async fn hold(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    caller.operator()?;
    step(&shared, named(&shared, &path)?, Step::Hold).await
}

/// Let a payout be paid
#[utoipa::path(post, path = "/v1/payouts/{payout_id}/release", tag = "payouts",
    security(("bearer" = ["operator"])), params(("payout_id" = schema::Payout, Path)),
    responses((status = 200, description = "It may be paid", body = Shown), Refusals))]
async fn release(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    caller.operator()?;
    step(&shared, named(&shared, &path)?, Step::Release).await
}

/// Say that the bank has paid; the money leaves through the treasury
#[utoipa::path(post, path = "/v1/payouts/{payout_id}/paid", tag = "payouts",
    security(("bearer" = ["operator"])), params(("payout_id" = schema::Payout, Path)),
    responses((status = 200, description = "It is paid", body = Shown), Refusals))]
async fn paid(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    caller.operator()?;
    step(&shared, named(&shared, &path)?, Step::Pay).await
}

/// Call a payout off; the payee has the money again
///
/// The payee can do that until it is released, after that the operator alone.
#[utoipa::path(post, path = "/v1/payouts/{payout_id}/cancel", tag = "payouts",
    security(("bearer" = ["payouts:write"])), params(("payout_id" = schema::Payout, Path)),
    responses((status = 200, description = "It is off", body = Shown), Refusals))]
async fn cancel(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::PayoutsWrite)?;
    let known = named(&shared, &path)?;
    reach.account(known.payout.account)?;
    let is_early = matches!(known.payout.state, life::State::Requested | life::State::Cancelled);
    if !is_early {
        caller.operator()?;
    }
    step(&shared, known, Step::Cancel).await
}
