//! The bank's file of payouts, and the account that pays them.
//!
//! Invariants: making a file marks what is in it, so no payout gets into a second file; a file can be
//! fetched again, with the same payouts, by the time it was made.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{DocumentKind, Expected, Put};
use http::header::{CACHE_CONTROL, CONTENT_DISPOSITION, CONTENT_TYPE};
use http402::Problem;
use report::{BankFileError, CreditTransfer, Party, pain001};
use serde::Deserialize;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use super::book::{self, Known, asset_of};
use super::life::{State as Life, Step};
use super::{BankParty, refused};
use crate::authority::{Caller, Scope};
use crate::body::{self, ok};
use crate::node::Shared;
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::Refusals;

/// The setting that holds the paying account.
const DEBTOR: &str = "payout_debtor";
const TITLE: &str = "There is no file for the bank";

pub(super) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(fetch, make)).routes(routes!(debtor, put_debtor))
}

/// The bank account that payouts are paid from
#[utoipa::path(get, path = "/v1/payouts/debtor", tag = "payouts",
    security(("bearer" = ["operator"])),
    responses((status = 200, description = "The account", body = BankParty), Refusals))]
async fn debtor(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    caller.operator()?;
    Ok(ok(&BankParty::from(paying(&shared)?)))
}

/// Set the bank account that payouts are paid from
#[utoipa::path(put, path = "/v1/payouts/debtor", tag = "payouts",
    security(("bearer" = ["settings:write"])), request_body(content = BankParty),
    responses((status = 200, description = "The account", body = BankParty), Refusals))]
async fn put_debtor(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    caller.may(Scope::SettingsWrite)?.all()?;
    let party: BankParty = body::object(body).await?;
    let party = party.checked("debtor")?;
    let text = serde_json::to_vec(&party).unwrap_or_default();
    let put = Put {
        kind: DocumentKind::Setting,
        id: DEBTOR.to_owned(),
        body: Some(text),
        expected: Expected::Any,
    };
    shared.engine().put(put).await.map_err(|error| Refused::of("Nothing was set", &error))?;
    Ok(ok(&BankParty::from(party)))
}

fn paying(shared: &Shared) -> Result<Party, Refused> {
    let found = shared.engine().document(DocumentKind::Setting, DEBTOR);
    found.and_then(|document| serde_json::from_slice(&document.body).ok()).ok_or_else(|| {
        let detail = "say from which account payouts are paid: `PUT /v1/payouts/debtor`";
        Refused::new(Problem::new(409, "payout_debtor_missing", TITLE, detail))
    })
}

/// Put all released payouts into a file for the bank
///
/// The answer is a pain.001.001.09. What is in it is exported from now on; when the bank has paid, say so
/// for each payout with `paid`.
#[utoipa::path(post, path = "/v1/payouts/export", tag = "payouts",
    security(("bearer" = ["operator"])),
    responses(
        (status = 200, description = "The file", body = String, content_type = "application/xml"),
        Refusals))]
async fn make(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    caller.operator()?;
    let debtor = paying(&shared)?;
    let now_ms = shared.engine().clock().now_ms();
    let all = book::all(shared.engine()).map_err(|error| refused(&error))?;
    let is_next = |known: &Known| {
        known.payout.state == Life::Released
            && asset_of(&known.payout).is_ok_and(report::money_text::is_currency)
    };
    let released: Vec<Known> = all.into_iter().filter(is_next).collect();
    // What cannot be written is not marked.
    written(&debtor, &released, now_ms)?;
    let mut exported = Vec::with_capacity(released.len());
    for known in released {
        let step = book::step(shared.engine(), known, Step::Export, now_ms).await;
        exported.push(step.map_err(|error| refused(&error))?);
    }
    file(&debtor, &exported, now_ms)
}

/// Which file is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// `exported_at_ms` of the payouts in it. Without it: what a new file would hold, as it is now.
    exported_at_ms: Option<u64>,
}

/// A file for the bank that was made before, or what the next one would hold
#[utoipa::path(get, path = "/v1/payouts/export", tag = "payouts",
    security(("bearer" = ["operator"])), params(Asked),
    responses(
        (status = 200, description = "The file", body = String, content_type = "application/xml"),
        Refusals))]
async fn fetch(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    caller.operator()?;
    let Query(Asked { exported_at_ms }) = asked?;
    let debtor = paying(&shared)?;
    let all = book::all(shared.engine()).map_err(|error| refused(&error))?;
    let is_asked = |known: &Known| match exported_at_ms {
        Some(_) => known.payout.exported_at_ms == exported_at_ms,
        None => {
            known.payout.state == Life::Released
                && asset_of(&known.payout).is_ok_and(report::money_text::is_currency)
        }
    };
    let chosen: Vec<Known> = all.into_iter().filter(is_asked).collect();
    let at_ms = exported_at_ms.unwrap_or_else(|| shared.engine().clock().now_ms());
    file(&debtor, &chosen, at_ms)
}

fn file(debtor: &Party, payouts: &[Known], at_ms: u64) -> Result<Response, Refused> {
    let text = written(debtor, payouts, at_ms)?;
    let headers = [
        (CONTENT_TYPE, "application/xml".to_owned()),
        (CONTENT_DISPOSITION, format!("attachment; filename=\"payouts-{at_ms}.xml\"")),
        (CACHE_CONTROL, "no-store".to_owned()),
    ];
    Ok((headers, text).into_response())
}

fn written(debtor: &Party, payouts: &[Known], at_ms: u64) -> Result<String, Refused> {
    let transfer = |known: &Known| {
        let payout = &known.payout;
        Some(CreditTransfer {
            payout: known.id,
            creditor: payout.creditor.clone(),
            asset: asset_of(payout).ok()?,
            units: payout.amount.parse().ok()?,
        })
    };
    let transfers: Vec<CreditTransfer> = payouts.iter().filter_map(transfer).collect();
    pain001(debtor, &transfers, at_ms).map_err(|why| {
        let status = if why == BankFileError::Empty { 409 } else { 422 };
        Refused::new(Problem::new(status, why.code(), TITLE, why.to_string()))
    })
}
