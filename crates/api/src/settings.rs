//! Settings of the node that change at run time. What the configuration file says stays there.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::Response;
use engine::{DocumentKind, Engine, Expected, Put};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Scope};
use crate::body::{self, Given, ok};
use crate::node::Shared;
use crate::refused::Refused;
use crate::schema::Refusals;

/// The document, among the settings.
const SETTINGS_ID: &str = "node";
const SETTING_BYTES_MAX: usize = 200;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(show, change))
}

/// Settings of the node.
#[derive(Debug, Default, Serialize, Deserialize, ToSchema)]
#[serde(default)]
struct Settings {
    /// Who runs the node, for statements and pages.
    name: Option<String>,
    /// Where payers and payees find help: an address of mail or of a page.
    contact: Option<String>,
}

/// What is to change. What is left out stays; null takes a setting back.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct Change {
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    name: Given<String>,
    #[serde(default)]
    #[schema(value_type = Option<String>, max_length = 200)]
    contact: Given<String>,
}

/// Settings of the node
#[utoipa::path(get, path = "/v1/settings", tag = "settings", security(("bearer" = ["read"])),
    responses((status = 200, description = "The settings", body = Settings), Refusals))]
async fn show(State(shared): State<Arc<Shared>>, caller: Caller) -> Result<Response, Refused> {
    caller.may(Scope::Read)?;
    Ok(ok(&read(shared.engine()).0))
}

/// Change settings of the node
#[utoipa::path(patch, path = "/v1/settings", tag = "settings",
    security(("bearer" = ["settings:write"])), request_body = Change,
    responses((status = 200, description = "The settings", body = Settings), Refusals))]
async fn change(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    caller.may(Scope::SettingsWrite)?.all()?;
    let asked: Change = body::object(body).await?;
    let (mut settings, expected) = read(shared.engine());
    for (param, setting, asked) in [
        ("name", &mut settings.name, asked.name),
        ("contact", &mut settings.contact, asked.contact),
    ] {
        match asked {
            Given::Nothing => {}
            Given::Null => *setting = None,
            Given::Value(text) if text.len() <= SETTING_BYTES_MAX => *setting = Some(text),
            Given::Value(_) => {
                let detail = format!("a setting has at most {SETTING_BYTES_MAX} bytes");
                return Err(Refused::bad_request("invalid_field", detail).with_param(param));
            }
        }
    }
    let body = serde_json::to_vec(&settings).ok();
    let put = Put { kind: DocumentKind::Setting, id: SETTINGS_ID.to_owned(), body, expected };
    let changed = shared.engine().put(put).await;
    changed.map_err(|error| Refused::of("The settings were not changed", &error))?;
    Ok(ok(&settings))
}

/// The settings, and what has to be there still when they are changed.
fn read(engine: &Engine) -> (Settings, Expected) {
    match engine.document(DocumentKind::Setting, SETTINGS_ID) {
        None => (Settings::default(), Expected::Absent),
        Some(document) => {
            let settings = serde_json::from_slice(&document.body).unwrap_or_default();
            (settings, Expected::Revision(document.revision))
        }
    }
}
