//! A payment's proof: that it is in the log, in a file that is verified without the node.
//!
//! Format: C2SP tlog-proof with the opening of `docs/reference/formats.md`. Invariant: the payer is
//! named only to the payer and the operator.

use std::sync::Arc;

use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{Opened, PaymentState, PaymentView};
use http::HeaderValue;
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http402::{Problem, problem};
use instrument::payer_account;
use serde::Deserialize;
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Scope};
use crate::log::refused;
use crate::node::Shared;
use crate::query::Query;
use crate::receipt;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

/// With enough cosignatures it does not become better.
const COSIGNED_CACHE: HeaderValue = HeaderValue::from_static("private, max-age=86400");
const CACHE: HeaderValue = HeaderValue::from_static("no-store");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show))
}

/// What is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Which share of a split, in the order of the offer's payees.
    #[serde(default)]
    #[param(default = 0, value_type = u64)]
    leg: usize,
    /// Whose side of the payment is shown.
    #[serde(default)]
    open: Side,
}

/// Sides of a payment.
#[derive(Debug, Clone, Copy, Default, PartialEq, Eq, Deserialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum Side {
    /// Who was paid is shown, and who paid stays closed.
    #[default]
    Payee,
    /// Both are shown, to the payer and the operator.
    Both,
}

/// Proof that a payment is in the log, for any verifier
#[utoipa::path(get, path = "/v1/receipts/{pay_id}/proof", tag = "receipts",
    security((), ("payer" = []), ("bearer" = ["read"])),
    params(("pay_id" = schema::Payment, Path), Asked),
    responses((status = 200, description = "A `.tlog-proof` of C2SP", body = String,
        content_type = "text/plain"), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    Query(asked): Query<Asked>,
    caller: Caller,
) -> Result<Response, Refused> {
    shared.log()?;
    let view = receipt::view(&shared, &path).await?;
    let opened = match asked.open {
        Side::Payee => Opened::PAYEE,
        Side::Both => Opened::BOTH,
    };
    if opened == Opened::BOTH {
        allowed(&caller, &view)?;
    }
    let payment = view.payment;
    let found = shared.engine().payment_receipt(payment, asked.leg, opened).await;
    let Some(found) = found.map_err(|why| refused(&why))? else {
        return Err(nothing_paid(&view));
    };
    let cosigned = shared.node.log.as_ref().is_some_and(|known| {
        !known.policy.needs_no_witness() && known.policy.judge(found.note()).is_ok()
    });
    let cache = if cosigned && opened != Opened::BOTH { COSIGNED_CACHE } else { CACHE };
    let headers = [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, cache)];
    Ok((headers, found.to_string()).into_response())
}

/// Whether who asks may see the payer: the payer and the operator may.
fn allowed(caller: &Caller, view: &PaymentView) -> Result<(), Refused> {
    if caller.shows_token() {
        return caller.may(Scope::Read)?.account(view.payer);
    }
    let key = caller.payer()?;
    if payer_account(&key, view.authorized.asset()) == view.payer {
        return Ok(());
    }
    let detail = "only who paid and the operator may see the payer's side";
    Err(Refused::new(Problem::new(403, "not_the_payer", "The payer is not shown", detail)))
}

fn nothing_paid(view: &PaymentView) -> Refused {
    if view.state == PaymentState::Settled {
        let detail = "the payment has no such leg; the first is 0";
        return Refused::not_found("leg_unknown", detail).with_param("leg");
    }
    let mut problem = Problem::new(
        409,
        "payment_not_settled",
        "There is nothing to prove",
        "no money has moved for this payment",
    );
    if view.state == PaymentState::Held {
        problem.retry = problem::Retry::AfterSeconds(1);
    }
    Refused::new(problem)
}
