//! A payment's proof: that it is in the log, in a file that is verified without the node.
//!
//! Format: C2SP tlog-proof with the opening of `docs/reference/formats.md`. Invariant: the payer is
//! named only to the payer and the operator.

use std::sync::Arc;

use axum::extract::rejection::{PathRejection, QueryRejection};
use axum::extract::{Path, Query, State};
use axum::response::{IntoResponse, Response};
use engine::{Opened, PaymentState, PaymentView};
use http::header::{CACHE_CONTROL, CONTENT_TYPE};
use http::{HeaderMap, HeaderValue};
use http402::{Problem, problem};
use instrument::payer_account;

use crate::authority;
use crate::log::refused;
use crate::node::Shared;
use crate::receipt;
use crate::refused::Refused;

/// With enough cosignatures it does not become better.
const COSIGNED_CACHE: HeaderValue = HeaderValue::from_static("private, max-age=86400");
const CACHE: HeaderValue = HeaderValue::from_static("no-store");
const TEXT: HeaderValue = HeaderValue::from_static("text/plain; charset=utf-8");

type Parameters = Result<Query<Vec<(String, String)>>, QueryRejection>;

/// `GET /v1/receipts/{pay_id}/proof`
pub(crate) async fn show(
    State(shared): State<Arc<Shared>>,
    path: Result<Path<String>, PathRejection>,
    parameters: Parameters,
    headers: HeaderMap,
) -> Result<Response, Refused> {
    shared.log()?;
    let asked = Asked::read(parameters)?;
    let view = receipt::view(&shared, path).await?;
    if asked.opened == Opened::BOTH {
        allowed(&shared, &headers, &view)?;
    }
    let payment = view.payment;
    let found = shared.engine().payment_receipt(payment, asked.leg, asked.opened).await;
    let Some(found) = found.map_err(|why| refused(&why))? else {
        return Err(nothing_paid(&view));
    };
    let cosigned = shared.node.log.as_ref().is_some_and(|known| {
        !known.policy.needs_no_witness() && known.policy.judge(found.note()).is_ok()
    });
    let cache = if cosigned && asked.opened != Opened::BOTH { COSIGNED_CACHE } else { CACHE };
    let headers = [(CONTENT_TYPE, TEXT), (CACHE_CONTROL, cache)];
    Ok((headers, found.to_string()).into_response())
}

/// Whether who asks may see the payer: the payer and the operator may.
fn allowed(shared: &Shared, headers: &HeaderMap, view: &PaymentView) -> Result<(), Refused> {
    if authority::has_scheme(headers, "Bearer") {
        return authority::bearer(headers, &shared.node.operator_token, "operator");
    }
    let key = authority::payer(headers, shared.engine())?;
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

/// What is asked for.
struct Asked {
    leg: usize,
    opened: Opened,
}

impl Asked {
    fn read(parameters: Parameters) -> Result<Self, Refused> {
        let bad = |detail: String, param: &str| {
            Refused::bad_request("invalid_query", detail).with_param(param.to_owned())
        };
        let Query(pairs) =
            parameters.map_err(|why| Refused::bad_request("invalid_query", why.body_text()))?;
        let mut asked = Self { leg: 0, opened: Opened::PAYEE };
        let mut seen = Vec::new();
        for (name, value) in pairs {
            if seen.contains(&name) {
                return Err(bad("the parameter stands twice".to_owned(), &name));
            }
            match (name.as_str(), value.as_str()) {
                ("leg", text) => {
                    let leg = text.parse();
                    let detail = "expected a whole number, the first leg is 0".to_owned();
                    asked.leg = leg.map_err(|_| bad(detail, "leg"))?;
                }
                ("open", "payee") => asked.opened = Opened::PAYEE,
                ("open", "both") => asked.opened = Opened::BOTH,
                ("open", _) => return Err(bad("expected `payee` or `both`".to_owned(), "open")),
                _ => return Err(bad("there is no such parameter".to_owned(), &name)),
            }
            seen.push(name);
        }
        Ok(asked)
    }
}
