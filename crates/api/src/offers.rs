//! Offers: made, priced, changed and taken back while the node runs.
//!
//! Invariants: an offer that is kept can be sold, for the gateway reads it by the same code; a key that
//! is limited to accounts prices for those alone, and no share goes to any other; offers of the
//! configuration are shown and cannot be changed here.

mod terms;

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{AccountRole, Document, DocumentKind, Expected, Put};
use gateway::{PublishedError, PublishedOffer};
use http::{HeaderMap, StatusCode};
use http402::Problem;
use money::{AccountId, AssetCode, OfferId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use self::terms::{Free, OwnAmount, Pass, PriceFor, Share};
use crate::authority::{Caller, Reach, Scope};
use crate::body::{self, Given, json, ok};
use crate::etag::ListTag;
use crate::node::Shared;
use crate::page::{Page, PageQuery};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const LIST: &str = "offers";
const NOT_KEPT: &str = "The offer was not kept";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(show, change, delete))
}

/// An offer to be made. Amounts are base units of `asset`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewOffer {
    /// Name of the gateway that sells it.
    #[serde(default = "usual_site")]
    #[schema(default = "default", max_length = 100)]
    site: String,
    /// Paths that it covers.
    #[schema(example = "/articles/{id}", max_length = 1000)]
    path: String,
    /// Prices this tool of the MCP server at `path` instead of the path.
    tool: Option<String>,
    /// GET if there are none, POST for a tool.
    #[serde(default)]
    #[schema(max_items = 8)]
    methods: Vec<String>,
    #[schema(value_type = schema::Units)]
    price: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    /// The account that is paid.
    #[schema(value_type = schema::Account)]
    payee: AccountId,
    /// Who shares; all goes to `payee` if nobody does.
    #[serde(default)]
    #[schema(max_items = 16)]
    split: Vec<Share>,
    /// One line for people.
    #[serde(default)]
    #[schema(max_length = 500)]
    description: String,
    mime_type: Option<String>,
    #[serde(default = "yes")]
    #[schema(default = true)]
    active: bool,
    /// For how long a payment opens the same resource again.
    #[serde(default = "usual_access")]
    #[schema(default = 86400)]
    access_seconds: u32,
    /// Shown in catalogues.
    #[serde(default = "yes")]
    #[schema(default = true)]
    listed: bool,
    /// Prices for some payers; the first that fits counts.
    #[serde(default)]
    #[schema(max_items = 64)]
    prices: Vec<PriceFor>,
    pay_what_you_want: Option<OwnAmount>,
    free: Option<Free>,
    /// What opens all paths with one payment.
    #[serde(default)]
    #[schema(max_items = 8)]
    passes: Vec<Pass>,
}

/// Changes of an offer; what is left out stays as it is.
#[derive(Debug, Default, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct OfferChange {
    #[schema(value_type = Option<schema::Units>)]
    price: Option<String>,
    #[schema(max_items = 16)]
    split: Option<Vec<Share>>,
    #[schema(max_length = 500)]
    description: Option<String>,
    mime_type: Option<String>,
    active: Option<bool>,
    access_seconds: Option<u32>,
    listed: Option<bool>,
    #[schema(max_items = 64)]
    prices: Option<Vec<PriceFor>>,
    /// Null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<OwnAmount>)]
    pay_what_you_want: Given<OwnAmount>,
    /// Null takes it away.
    #[serde(default)]
    #[schema(value_type = Option<Free>)]
    free: Given<Free>,
    #[schema(max_items = 8)]
    passes: Option<Vec<Pass>>,
}

/// An offer as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = OfferShown)]
struct Shown {
    #[schema(value_type = schema::Offer)]
    offer: OfferId,
    source: Source,
    /// Counts its changes from 1; 0 for an offer of the configuration.
    revision: u64,
    site: String,
    path: String,
    tool: Option<String>,
    methods: Vec<String>,
    #[schema(value_type = schema::Units)]
    price: String,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    #[schema(value_type = schema::Account)]
    payee: AccountId,
    payee_name: String,
    split: Vec<Share>,
    description: String,
    mime_type: Option<String>,
    active: bool,
    access_seconds: u32,
    listed: bool,
    prices: Vec<PriceFor>,
    pay_what_you_want: Option<OwnAmount>,
    free: Option<Free>,
    passes: Vec<Pass>,
    /// Unix milliseconds.
    created_at_ms: u64,
    /// Unix milliseconds.
    changed_at_ms: u64,
}

/// Where an offer comes from.
#[derive(Debug, Clone, Copy, PartialEq, Eq, Serialize, ToSchema)]
#[serde(rename_all = "snake_case")]
#[schema(as = OfferSource)]
enum Source {
    /// Made at run time.
    Registry,
    /// Of the configuration file; changed there.
    File,
}

fn usual_site() -> String {
    "default".to_owned()
}

const fn yes() -> bool {
    true
}

const fn usual_access() -> u32 {
    24 * 60 * 60
}

/// Which offers are asked for.
#[derive(Debug, Deserialize, utoipa::IntoParams)]
#[serde(deny_unknown_fields)]
#[into_params(parameter_in = Query)]
struct Asked {
    /// Of this site only.
    site: Option<String>,
    /// Rows of the page.
    #[param(minimum = 1, maximum = 100, default = 20, value_type = Option<u64>)]
    limit: Option<usize>,
    /// `next_cursor` of the page before.
    #[param(max_length = 200)]
    cursor: Option<String>,
}

/// Offers
///
/// Those of the accounts that the caller may see, in the order of their ids: what was made at run time,
/// and what the configuration sells. The `ETag` is that of the whole list: while it stays, no page of it
/// has changed. A gateway apart from the node asks with its token.
#[utoipa::path(get, path = "/v1/offers", tag = "offers",
    security(("bearer" = ["read"]), ("gateway" = [])), params(Asked),
    responses((status = 200, description = "The offers", body = Page<Shown>),
        (status = 304, description = "The list is the one that `If-None-Match` names"), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    asked: Result<Query<Asked>, Refused>,
) -> Result<Response, Refused> {
    let reach = if caller.is_gateway() { Reach::default() } else { caller.may(Scope::Read)? };
    let Query(Asked { site, limit, cursor }) = asked?;
    let page = PageQuery { limit, cursor };
    let (limit, after) = (page.limit()?, page.after_as::<OfferId>(LIST)?);
    let documents = shared.engine().documents(DocumentKind::Offer);
    let made = documents.iter().filter_map(|document| of_document(document));
    let mut all: Vec<Shown> = made.chain(shared.node.file_offers.iter().map(of_file)).collect();
    all.retain(|offer| {
        reach.has_account(offer.payee) && site.as_ref().is_none_or(|site| *site == offer.site)
    });
    all.sort_by_key(|offer| offer.offer);
    let mut tag = ListTag::default();
    for offer in &all {
        match offer.source {
            Source::Registry => tag.add(offer.offer.to_string(), offer.revision),
            // Its id stays when the file changes.
            Source::File => tag.add(serde_json::to_vec(offer).unwrap_or_default(), 0),
        }
    }
    all.retain(|offer| after.is_none_or(|after| offer.offer > after));
    all.truncate(limit + 1);
    let page = Page::of(all, limit, LIST, |offer| offer.offer.to_string());
    Ok(tag.answer(&headers, || ok(&page)))
}

/// Make an offer
///
/// It is in force with the next request to its site.
#[utoipa::path(post, path = "/v1/offers", tag = "offers",
    security(("bearer" = ["offers:write"])), request_body = NewOffer,
    responses((status = 201, description = "The offer", body = Shown), Refusals))]
async fn create(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::OffersWrite)?;
    let asked: NewOffer = body::object(body).await?;
    let engine = shared.engine();
    let mut bytes = [0; 16];
    getrandom::fill(&mut bytes).map_err(|_| Refused::no_randomness())?;
    let offer = OfferId::from_be_bytes(bytes).map_err(|_| Refused::no_randomness())?;
    let assets = engine.read(engine::State::asset_views).await?;
    let asset = assets.iter().find(|view| view.asset.code == asked.asset);
    let asset = asset.ok_or_else(|| {
        Refused::of(NOT_KEPT, &engine::FundError::UnknownAsset).with_param("asset")
    })?;
    let (created_at_ms, scale) = (engine.clock().now_ms(), asset.asset.scale);
    let published = published(offer, scale, created_at_ms, asked);
    let document = keep(&shared, &reach, published, Expected::Absent).await?;
    Ok(json(StatusCode::CREATED, &made(&document)?))
}

/// One offer
#[utoipa::path(get, path = "/v1/offers/{offer_id}", tag = "offers",
    security(("bearer" = ["read"])), params(("offer_id" = schema::Offer, Path)),
    responses((status = 200, description = "The offer", body = Shown), Refusals))]
async fn show(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::Read)?;
    let id: OfferId = path.read("offer_unknown", "offer_id")?;
    let document = shared.engine().document(DocumentKind::Offer, &id.to_string());
    let found = document.and_then(|document| of_document(&document));
    let in_file = || shared.node.file_offers.iter().find(|offer| offer.offer == id).map(of_file);
    let found = found.or_else(in_file).filter(|offer| reach.has_account(offer.payee));
    Ok(ok(&found.ok_or_else(unknown)?))
}

/// Change an offer
///
/// A new price is in force with the next request. A payment that was signed for the old one is refused,
/// and nothing is charged for it.
#[utoipa::path(patch, path = "/v1/offers/{offer_id}", tag = "offers",
    security(("bearer" = ["offers:write"])), params(("offer_id" = schema::Offer, Path)),
    request_body = OfferChange,
    responses((status = 200, description = "The offer", body = Shown), Refusals))]
async fn change(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::OffersWrite)?;
    let (document, mut offer) = find(&shared, &reach, &path)?;
    let asked: OfferChange = body::object(body).await?;
    apply(&mut offer, asked);
    let document = keep(&shared, &reach, offer, Expected::Revision(document.revision)).await?;
    Ok(ok(&made(&document)?))
}

/// Take an offer back
///
/// Its paths cost nothing from the next request on, unless another offer covers them.
#[utoipa::path(delete, path = "/v1/offers/{offer_id}", tag = "offers",
    security(("bearer" = ["offers:write"])), params(("offer_id" = schema::Offer, Path)),
    responses((status = 204, description = "It is gone"), Refusals))]
async fn delete(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::OffersWrite)?;
    let (document, _) = find(&shared, &reach, &path)?;
    let id = document.id.clone();
    let put = Put { kind: DocumentKind::Offer, id, body: None, expected: Expected::Any };
    let deleted = shared.engine().put(put).await;
    deleted.map_err(|error| Refused::of("The offer was not taken back", &error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn unknown() -> Refused {
    Refused::not_found("offer_unknown", "the node knows no such offer")
}

/// An offer that can be changed here.
fn find(
    shared: &Shared,
    reach: &Reach,
    path: &Segment,
) -> Result<(Arc<Document>, PublishedOffer), Refused> {
    let id: OfferId = path.read("offer_unknown", "offer_id")?;
    let is_fixed = |offer: &&PublishedOffer| offer.offer == id && reach.has_account(offer.payee);
    if shared.node.file_offers.iter().any(|offer| is_fixed(&offer)) {
        let detail = "the offer stands in the configuration file; change it there";
        return Err(Refused::new(Problem::new(409, "offer_in_file", NOT_KEPT, detail)));
    }
    let document = shared.engine().document(DocumentKind::Offer, &id.to_string());
    let document = document.ok_or_else(unknown)?;
    let offer = PublishedOffer::read(&document.body).map_err(|_| unknown())?;
    if !reach.has_account(offer.payee) {
        return Err(unknown());
    }
    Ok((document, offer))
}

/// Checks an offer and keeps it.
async fn keep(
    shared: &Shared,
    reach: &Reach,
    mut offer: PublishedOffer,
    expected: Expected,
) -> Result<Document, Refused> {
    let accounts: Vec<AccountId> =
        std::iter::once(offer.payee).chain(offer.split.iter().map(|share| share.account)).collect();
    for account in &accounts {
        reach.account(*account)?;
    }
    reach.asset(offer.asset)?;
    let engine = shared.engine();
    let views = engine
        .read(move |state| accounts.iter().map(|id| state.account(*id)).collect::<Vec<_>>())
        .await?;
    for (index, view) in views.iter().enumerate() {
        let param = if index == 0 { "payee" } else { "split" };
        let fits = view
            .as_ref()
            .is_some_and(|view| view.role == AccountRole::Payee && view.asset.code == offer.asset);
        if !fits {
            let detail = "no account of a payee in this asset";
            return Err(Refused::bad_request("invalid_account", detail).with_param(param));
        }
    }
    if let Some(Some(payee)) = views.first() {
        offer.payee_name.clone_from(&payee.label);
    }
    offer.to_offer().map_err(|why| invalid(&why))?;
    let put = Put {
        kind: DocumentKind::Offer,
        id: offer.offer.to_string(),
        body: Some(offer.to_bytes().map_err(|why| invalid(&why))?),
        expected,
    };
    engine.put(put).await.map_err(|error| Refused::of(NOT_KEPT, &error))
}

fn invalid(why: &PublishedError) -> Refused {
    Refused::bad_request("invalid_offer", why.why.clone()).with_param(why.field)
}

fn published(offer: OfferId, scale: u8, created_at_ms: u64, asked: NewOffer) -> PublishedOffer {
    PublishedOffer {
        offer,
        site: asked.site,
        path: asked.path,
        tool: asked.tool,
        methods: asked.methods,
        price: asked.price,
        asset: asked.asset,
        scale,
        payee: asked.payee,
        payee_name: String::new(),
        split: asked.split.into_iter().map(Into::into).collect(),
        description: asked.description,
        mime_type: asked.mime_type,
        active: asked.active,
        access_seconds: asked.access_seconds,
        listed: asked.listed,
        prices: asked.prices.into_iter().map(Into::into).collect(),
        pay_what_you_want: asked.pay_what_you_want.map(Into::into),
        free: asked.free.map(Into::into),
        passes: asked.passes.into_iter().map(Into::into).collect(),
        created_at_ms,
    }
}

fn apply(offer: &mut PublishedOffer, asked: OfferChange) {
    fn take<T>(place: &mut T, given: Option<T>) {
        if let Some(given) = given {
            *place = given;
        }
    }
    take(&mut offer.price, asked.price);
    take(&mut offer.description, asked.description);
    take(&mut offer.active, asked.active);
    take(&mut offer.access_seconds, asked.access_seconds);
    take(&mut offer.listed, asked.listed);
    take(&mut offer.mime_type, asked.mime_type.map(Some));
    take(&mut offer.split, asked.split.map(|all| all.into_iter().map(Into::into).collect()));
    take(&mut offer.prices, asked.prices.map(|all| all.into_iter().map(Into::into).collect()));
    take(&mut offer.passes, asked.passes.map(|all| all.into_iter().map(Into::into).collect()));
    give(&mut offer.pay_what_you_want, asked.pay_what_you_want);
    give(&mut offer.free, asked.free);
}

fn give<T, G: Into<T>>(place: &mut Option<T>, given: Given<G>) {
    match given {
        Given::Nothing => {}
        Given::Null => *place = None,
        Given::Value(value) => *place = Some(value.into()),
    }
}

fn made(document: &Document) -> Result<Shown, Refused> {
    of_document(document).ok_or_else(unknown)
}

fn of_document(document: &Document) -> Option<Shown> {
    let offer = PublishedOffer::read(&document.body).ok()?;
    let mut shown = of_file(&offer);
    shown.source = Source::Registry;
    shown.revision = document.revision;
    shown.changed_at_ms = document.at_ms;
    Some(shown)
}

fn of_file(offer: &PublishedOffer) -> Shown {
    let offer = offer.clone();
    Shown {
        offer: offer.offer,
        source: Source::File,
        revision: 0,
        site: offer.site,
        path: offer.path,
        tool: offer.tool,
        methods: offer.methods,
        price: offer.price,
        asset: offer.asset,
        scale: offer.scale,
        payee: offer.payee,
        payee_name: offer.payee_name,
        split: offer.split.into_iter().map(Into::into).collect(),
        description: offer.description,
        mime_type: offer.mime_type,
        active: offer.active,
        access_seconds: offer.access_seconds,
        listed: offer.listed,
        prices: offer.prices.into_iter().map(Into::into).collect(),
        pay_what_you_want: offer.pay_what_you_want.map(Into::into),
        free: offer.free.map(Into::into),
        passes: offer.passes.into_iter().map(Into::into).collect(),
        created_at_ms: offer.created_at_ms,
        changed_at_ms: offer.created_at_ms,
    }
}
