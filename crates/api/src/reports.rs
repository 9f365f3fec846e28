//! Income over time and by kind, from the read model.
//!
//! Invariants: a key that is limited to accounts names one of them; steps without income are there;
//! the rows of a report sum to its totals. An answer says how far the read model is.

use std::sync::Arc;

use axum::extract::State;
use axum::response::Response;
use engine::{DocumentKind, OfferTag, PayerClass};
use gateway::PublishedOffer;
use http402::Problem;
use money::{AccountId, Asset, AssetCode};
use report::{Dimension, Edges, IncomeQuery, IncomeValue, QueryError, Step, Totals};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Reach, Scope};
use crate::body::ok;
use crate::node::{Node, Shared};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};

const TITLE: &str = "There is no such report";
const DAY_MS: u64 = 24 * 60 * 60 * 1000;
/// The time of a report that names none.
const DAYS: u64 = 30;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(income))
}

/// What income is asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Whose income; without it that of the whole node.
    #[param(value_type = Option<schema::Account>)]
    account: Option<AccountId>,
    /// In which asset; may be left out where there is one only.
    #[param(value_type = Option<schema::AssetCode>)]
    asset: Option<AssetCode>,
    /// Begin, Unix milliseconds; 30 days before the end by default.
    from_ms: Option<u64>,
    /// End, Unix milliseconds; now by default.
    to_ms: Option<u64>,
    /// Length of a step, where income is told by time; a day by default.
    #[param(inline)]
    step: Option<AskedStep>,
    /// By what income is told apart; by time by default.
    #[param(inline)]
    by: Option<AskedBy>,
    /// Name of a time zone, in which days and months begin; UTC by default.
    #[param(max_length = 64, example = "Asia/Seoul")]
    time_zone: Option<String>,
}

/// Length of a step.
#[derive(Debug, Clone, Copy, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AskedStep {
    Hour,
    Day,
    Month,
}

/// By what income is told apart.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Deserialize, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
enum AskedBy {
    Time,
    Offer,
    Country,
    Class,
}

/// Income.
#[derive(Debug, Serialize, ToSchema)]
struct Income {
    /// Whose; null for the whole node.
    #[schema(value_type = Option<schema::Account>)]
    account: Option<AccountId>,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    /// Begin, Unix milliseconds: that of the step in which the time begins.
    from_ms: u64,
    /// End, Unix milliseconds: that of the step in which the time ends.
    to_ms: u64,
    time_zone: String,
    by: AskedBy,
    /// Null unless by time.
    step: Option<AskedStep>,
    totals: Sums,
    /// By time in its order, else the highest first.
    rows: Vec<Row>,
    /// Events that the read model has taken.
    read_to: u64,
    /// Events that there are. More than it has taken: the latest income is not here yet.
    of: u64,
}

/// What came in and went back.
#[derive(Debug, Serialize, ToSchema)]
struct Sums {
    /// How often money came in: payments, and settlements of channels.
    payments: u64,
    #[schema(value_type = schema::Units)]
    gross: String,
    /// How often money went back.
    refunds: u64,
    #[schema(value_type = schema::Units)]
    refunded: String,
    /// The difference; may be negative.
    #[schema(pattern = "^-?(0|[1-9][0-9]{0,38})$")]
    net: String,
}

/// Income of one step, or of one value.
#[derive(Debug, Default, Serialize, ToSchema)]
struct Of {
    /// Begin of the step, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    from_ms: Option<u64>,
    /// End of the step, Unix milliseconds.
    #[serde(skip_serializing_if = "Option::is_none")]
    to_ms: Option<u64>,
    /// Id of the offer, or its 16 digits of tag if the id was never heard; null without offer.
    offer: Option<String>,
    /// What people call the offer: its description, or else its path.
    title: Option<String>,
    /// Two letters; null if the country is not known.
    country: Option<String>,
    /// Kind of payer.
    #[schema(value_type = Option<schema::PayerClass>)]
    class: Option<PayerClass>,
}

/// One row.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = IncomeRow)]
struct Row {
    #[serde(flatten)]
    of: Of,
    #[serde(flatten)]
    sums: Sums,
}

/// Income over time, by offer, by country or by kind of payer
#[utoipa::path(get, path = "/v1/reports/income", tag = "reports", security(("bearer" = ["read"])),
    params(Asked),
    responses((status = 200, description = "The income", body = Income), Refusals))]
async fn income(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let Query(asked) = asked?;
    let asset = asset_of(&shared, &reach, &asked).await?;
    let edges = edges(&shared, &asked)?;
    let time = edges.to_ms();
    let query = IncomeQuery { account: asked.account, asset, edges };
    let by = asked.by.unwrap_or(AskedBy::Time);
    let (totals, rows) = rows(&shared, query, by).await?;
    let progress = shared.report()?.progress();
    Ok(ok(&Income {
        account: asked.account,
        asset: asset.code,
        scale: asset.scale,
        from_ms: time.first().copied().unwrap_or_default(),
        to_ms: time.last().copied().unwrap_or_default(),
        time_zone: asked.time_zone.unwrap_or_else(|| "UTC".to_owned()),
        by,
        step: (by == AskedBy::Time).then(|| asked.step.unwrap_or(AskedStep::Day)),
        totals: Sums::from(&totals),
        rows,
        read_to: progress.position,
        of: progress.end,
    }))
}

/// The asset of the account, or the one that was named, or the only one.
async fn asset_of(shared: &Shared, reach: &Reach, asked: &Asked) -> Result<Asset, Refused> {
    if let Some(account) = asked.account {
        reach.account(account)?;
        let view = shared.engine().read(move |state| state.account(account)).await?;
        let detail = "there is no such account";
        let unknown = || Refused::not_found("account_unknown", detail).with_param("account");
        let asset = view.ok_or_else(unknown)?.asset;
        reach.asset(asset.code)?;
        if asked.asset.is_none_or(|code| code == asset.code) {
            return Ok(asset);
        }
        let detail = format!("the account holds {}", asset.code);
        return Err(Refused::bad_request("invalid_query", detail).with_param("asset"));
    }
    reach.all()?;
    let assets = shared.engine().read(engine::State::asset_views).await?;
    let mut fitting =
        assets.iter().filter(|view| asked.asset.is_none_or(|code| view.asset.code == code));
    match (fitting.next(), fitting.next()) {
        (Some(only), None) => Ok(only.asset),
        (Some(first), Some(_)) if asked.asset.is_some() => Ok(first.asset),
        (Some(_), Some(_)) => {
            let detail = "there are several assets, which have no sum; name one";
            Err(Refused::bad_request("missing_field", detail).with_param("asset"))
        }
        (None, _) => {
            let detail = "the node has no such asset";
            Err(Refused::not_found("asset_unknown", detail).with_param("asset"))
        }
    }
}

fn edges(shared: &Shared, asked: &Asked) -> Result<Edges, Refused> {
    let name = asked.time_zone.as_deref().unwrap_or("UTC");
    let zone = report::time_zone(name).ok_or_else(|| {
        let detail = "there is no time zone of this name; take one such as `Europe/Berlin`";
        Refused::bad_request("invalid_time_zone", detail).with_param("time_zone")
    })?;
    let to_ms = asked.to_ms.unwrap_or_else(|| shared.engine().clock().now_ms() + 1);
    let from_ms = asked.from_ms.unwrap_or_else(|| to_ms.saturating_sub(DAYS * DAY_MS));
    if from_ms >= to_ms {
        return Err(refused(&QueryError::TimeEmpty).with_param("from_ms"));
    }
    let step = match asked.step.unwrap_or(AskedStep::Day) {
        AskedStep::Hour => Step::Hour,
        AskedStep::Day => Step::Day,
        AskedStep::Month => Step::Month,
    };
    report::steps(from_ms, to_ms, step, &zone).map_err(|why| refused(&why))
}

async fn rows(
    shared: &Arc<Shared>,
    query: IncomeQuery,
    by: AskedBy,
) -> Result<(Totals, Vec<Row>), Refused> {
    let known = Arc::clone(shared);
    shared
        .ask_report(move |reader| {
            let dimension = match by {
                AskedBy::Time => {
                    let buckets = reader.income_over_time(&query)?;
                    let totals = Totals::sum(buckets.iter().map(|bucket| &bucket.totals));
                    let row = |bucket: &report::IncomeBucket| Row {
                        of: Of {
                            from_ms: Some(bucket.from_ms),
                            to_ms: Some(bucket.to_ms),
                            ..Of::default()
                        },
                        sums: Sums::from(&bucket.totals),
                    };
                    return Ok((totals, buckets.iter().map(row).collect()));
                }
                AskedBy::Offer => Dimension::Offer,
                AskedBy::Country => Dimension::Country,
                AskedBy::Class => Dimension::Class,
            };
            let values = reader.income_by(&query, dimension)?;
            let totals = Totals::sum(values.iter().map(|row| &row.totals));
            let row = |row: report::IncomeRow| Row {
                sums: Sums::from(&row.totals),
                of: Of::new(&known.node, row.value),
            };
            Ok((totals, values.into_iter().map(row).collect()))
        })
        .await
}

/// A refusal of the read model.
pub(crate) fn refused(why: &QueryError) -> Refused {
    let status = match why {
        QueryError::TimeEmpty => 400,
        QueryError::TooManySteps { .. } => 422,
        QueryError::Store(_) => 503,
    };
    Refused::new(Problem::new(status, why.code(), TITLE, why.to_string()))
}

/// Id and title of an offer, as it is or as it was last heard of; the digits of its tag if no more is
/// known of it.
pub(crate) fn offer_named(
    node: &Node,
    tag: u64,
    heard: Option<(String, String)>,
) -> (Option<String>, Option<String>) {
    let named = if let Some((id, title)) = heard {
        let document = node.engine.document(DocumentKind::Offer, &id);
        let now = document.and_then(|document| PublishedOffer::read(&document.body).ok());
        Some((id, now.map_or(title, |offer| offer.title().to_owned())))
    } else {
        let in_file = |offer: &&PublishedOffer| OfferTag::of(offer.offer).0 == tag;
        let found = node.file_offers.iter().find(in_file);
        found.map(|offer| (offer.offer.to_string(), offer.title().to_owned()))
    };
    match named {
        Some((id, title)) => (Some(id), Some(title)),
        None => ((tag != 0).then(|| format!("{tag:016x}")), None),
    }
}

impl Of {
    fn new(node: &Node, value: IncomeValue) -> Self {
        match value {
            IncomeValue::All => Self::default(),
            IncomeValue::Offer { tag, named } => {
                let (offer, title) = offer_named(node, tag, named);
                Self { offer, title, ..Self::default() }
            }
            IncomeValue::Country(country) => Self { country, ..Self::default() },
            IncomeValue::Class(class) => Self { class: Some(class), ..Self::default() },
        }
    }
}

impl From<&Totals> for Sums {
    fn from(totals: &Totals) -> Self {
        let Totals { payments, gross, refunds, refunded } = *totals;
        let sign = if refunded > gross { "-" } else { "" };
        Self {
            payments,
            gross: gross.to_string(),
            refunds,
            refunded: refunded.to_string(),
            net: format!("{sign}{}", gross.abs_diff(refunded)),
        }
    }
}
