//! The live page's numbers: balances, open channels, latest payments and the books of a sandbox.
//!
//! Invariant: served only by a sandbox, because it shows who paid whom.

use std::collections::BTreeMap;
use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::{AccountRole, AccountView, BooksView, ChannelView, PaymentView};
use money::{AccountId, Asset};
use serde_json::{Value, json};
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::body::ok;
use crate::node::Shared;
use crate::payer::amount_of;
use crate::refused::Refused;
use crate::schema::Refusals;

/// Accounts that the live page shows.
const SANDBOX_ACCOUNTS_COUNT_MAX: usize = 60;
/// Payments that the live page shows.
const SANDBOX_PAYMENTS_COUNT_MAX: usize = 50;
/// Open channels that the live page shows.
const SANDBOX_CHANNELS_COUNT_MAX: usize = 20;
/// Characters of an id that tell nameless payers apart on a page.
const SHORT_ID_CHARS: usize = 6;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(state))
}

/// Balances and latest payments of a sandbox, for the live page
#[utoipa::path(get, path = "/v1/sandbox/state", tag = "node",
    responses((status = 200, description = "The state", body = Object), Refusals))]
async fn state(State(shared): State<Arc<Shared>>) -> Result<Response, Refused> {
    if !shared.node.sandbox {
        return Err(Refused::not_found("not_sandbox", "this node is not a sandbox"));
    }
    let engine = shared.engine();
    let read = engine.read(|state| {
        let asset = sandbox_asset(state)?;
        let books = engine::books(state).into_iter().find(|sums| sums.asset == asset)?;
        let accounts = state.accounts();
        let payments = state.latest_payments(SANDBOX_PAYMENTS_COUNT_MAX);
        let channels = open_channels(state, &accounts);
        Some((asset, books, accounts, payments, channels))
    });
    let Some((asset, books, accounts, payments, channels)) = read.await? else {
        return Err(Refused::not_found("not_sandbox", "this node carries no play money"));
    };
    let labels = Labels::new(&accounts, &shared.node.labels);
    let now_ms = engine.clock().now_ms();
    let payments = payments
        .iter()
        .filter(|view| view.authorized.asset() == asset)
        .map(|view| payment_json(view, &labels));
    let channels = channels.iter().filter(|view| view.asset == asset);
    let channels = channels.map(|view| channel_json(view, &labels));
    let mut answer = json!({
        "now_ms": now_ms,
        "asset": asset.code,
        "scale": asset.scale,
        "accounts": accounts_json(accounts.iter().filter(|view| view.asset == asset), &labels),
        "payments": payments.collect::<Vec<_>>(),
        "channels": channels.collect::<Vec<_>>(),
        "totals": totals_json(&books),
    });
    if let Some(site) = &shared.node.site {
        answer["site"] = site.as_str().into();
    }
    Ok(ok(&answer))
}

/// Of every payee the newest, so that nobody hides the others.
fn open_channels(state: &engine::State, accounts: &[AccountView]) -> Vec<ChannelView> {
    let payees = accounts.iter().filter(|view| view.role == AccountRole::Payee);
    let mut open: Vec<_> =
        payees.map(|view| state.channels_of_payee(view.account).into_iter()).collect();
    let mut shown = Vec::new();
    while shown.len() < SANDBOX_CHANNELS_COUNT_MAX {
        let before = shown.len();
        shown.extend(open.iter_mut().filter_map(Iterator::next));
        if shown.len() == before {
            break;
        }
    }
    shown.truncate(SANDBOX_CHANNELS_COUNT_MAX);
    shown
}

fn sandbox_asset(state: &engine::State) -> Option<Asset> {
    let views = state.asset_views();
    views.iter().find(|view| view.sandbox).map(|view| view.asset)
}

/// Names of accounts for people.
struct Labels(BTreeMap<AccountId, String>);

impl Labels {
    fn new(accounts: &[AccountView], given: &BTreeMap<AccountId, String>) -> Self {
        let own = accounts.iter().filter(|view| !view.label.is_empty());
        let own = own.map(|view| (view.account, view.label.clone()));
        let given = given.iter().map(|(id, label)| (*id, label.clone()));
        Self(own.chain(given).collect())
    }

    fn of(&self, account: AccountId) -> String {
        self.0.get(&account).cloned().unwrap_or_else(|| {
            let id = account.to_string();
            let short = id.split_at(id.len().saturating_sub(SHORT_ID_CHARS)).1;
            format!("payer {short}")
        })
    }

    fn has(&self, account: AccountId) -> bool {
        self.0.contains_key(&account)
    }
}

/// Named accounts first, payees before payers before the operator's, then the latest nameless.
fn accounts_json<'a>(
    accounts: impl Iterator<Item = &'a AccountView>,
    labels: &Labels,
) -> Vec<Value> {
    let mut accounts: Vec<&AccountView> = accounts.collect();
    accounts.reverse();
    accounts.sort_by_key(|view| {
        let role = match view.role {
            AccountRole::Payee => 0,
            AccountRole::Payer => 1,
            AccountRole::Operator => 2,
        };
        (!labels.has(view.account), role)
    });
    let shown = accounts.into_iter().take(SANDBOX_ACCOUNTS_COUNT_MAX);
    let entry = |view: &AccountView| {
        json!({
            "label": labels.of(view.account),
            "account": view.account,
            "role": view.role,
            "available": view.available.units().to_string(),
            "posted": view.posted.units().to_string(),
        })
    };
    shown.map(entry).collect()
}

fn payment_json(view: &PaymentView, labels: &Labels) -> Value {
    json!({
        "payment": view.payment,
        "payer_label": labels.of(view.payer),
        "payee_label": labels.of(view.payee),
        "amount": amount_of(view).to_string(),
        "description": view.description,
        "state": view.state,
        "at_ms": view.at_ns / 1_000_000,
    })
}

fn channel_json(view: &ChannelView, labels: &Labels) -> Value {
    json!({
        "channel": view.channel,
        "payer_label": labels.of(view.payer),
        "payee_label": labels.of(view.payee),
        "deposit": view.deposit.to_string(),
        "spent": view.spent.to_string(),
        "description": view.description,
        "state": view.state,
    })
}

fn totals_json(books: &BooksView) -> Value {
    json!({
        "debits": books.debits.units().to_string(),
        "credits": books.credits.units().to_string(),
        "balanced": books.balanced,
    })
}
