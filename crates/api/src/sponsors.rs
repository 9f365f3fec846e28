//! Sponsors: who pays for the visitors of sites, made, listed and taken back while the node runs.
//!
//! Invariants: a mandate is one sponsor at most, and is granted to the key of this node's sites; whose money it
//! is, the mandate says and nobody else; a key that is limited to accounts makes sponsors for offers of those
//! alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{Document, DocumentKind, Expected, MandateView, Put, PutError};
use gateway::{PublishedError, PublishedFree, PublishedSponsor};
use http::{HeaderMap, StatusCode};
use http402::Problem;
use money::{AccountId, AssetCode, MandateId, OfferId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Reach, Scope};
use crate::body::{self, json, ok};
use crate::codes;
use crate::etag::ListTag;
use crate::node::Shared;
use crate::page::{Page, PageQuery};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const LIST: &str = "sponsors";
const NOT_KEPT: &str = "The sponsor was not kept";

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete))
}

/// How often a sponsor pays for each visitor, in each window.
#[derive(Debug, Clone, Copy, Serialize, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
#[schema(as = SponsorUses)]
struct Uses {
    #[schema(minimum = 1, maximum = 1_000_000)]
    count: u32,
    /// Length of the window; windows follow one another from the beginning of 1970, UTC.
    #[schema(minimum = 1, maximum = 31_622_400)]
    seconds: u32,
}

/// A sponsor to be made.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewSponsor {
    /// Granted to the `sponsored_key` of `GET /v1/node`, and registered. It says who pays, and how much at
    /// most.
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
    /// What visitors are told of who has paid.
    #[schema(min_length = 1, max_length = 80, example = "Town library")]
    title: String,
    /// Offers that it pays for; all in the mandate's asset if left out.
    #[schema(value_type = Option<Vec<schema::Offer>>, min_items = 1, max_items = 100)]
    offers: Option<Vec<OfferId>>,
    uses: Uses,
}

/// A sponsor as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = SponsorShown)]
struct Shown {
    #[schema(value_type = schema::Mandate)]
    mandate: MandateId,
    /// The account that pays.
    #[schema(value_type = schema::Account)]
    payer: AccountId,
    #[schema(value_type = schema::AssetCode)]
    asset: AssetCode,
    scale: u8,
    title: String,
    #[schema(value_type = Option<Vec<schema::Offer>>)]
    offers: Option<Vec<OfferId>>,
    uses: Uses,
    active: bool,
    /// Unix milliseconds.
    created_at_ms: u64,
}

/// Sponsors
///
/// Those for offers of the accounts that the caller may see, in the order of their mandates. The `ETag` is
/// that of the whole list. A gateway apart from the node asks with its token.
#[utoipa::path(get, path = "/v1/sponsors", tag = "sponsors",
    security(("bearer" = ["read"]), ("gateway" = [])), params(PageQuery),
    responses((status = 200, description = "The sponsors", body = Page<Shown>),
        (status = 304, description = "The list is the one that `If-None-Match` names"), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    asked: Result<Query<PageQuery>, Refused>,
) -> Result<Response, Refused> {
    let reach = if caller.is_gateway() { Reach::default() } else { caller.may(Scope::Read)? };
    let Query(asked) = asked?;
    let (limit, after) = (asked.limit()?, asked.after_as::<MandateId>(LIST)?);
    let (mut tag, mut all) = (ListTag::default(), Vec::new());
    for document in shared.engine().documents(DocumentKind::Sponsor) {
        let Ok(sponsor) = PublishedSponsor::read(&document.body) else { continue };
        if codes::is_within(&shared, &reach, sponsor.offers.as_deref()) {
            // An id that is used again begins with revision 1 again.
            tag.add(format!("{} {}", document.id, sponsor.created_at_ms), document.revision);
            all.push(Shown::from(sponsor));
        }
    }
    all.sort_by_key(|sponsor| sponsor.mandate);
    all.retain(|sponsor| after.is_none_or(|after| sponsor.mandate > after));
    all.truncate(limit + 1);
    let page = Page::of(all, limit, LIST, |sponsor| sponsor.mandate.to_string());
    Ok(tag.answer(&headers, || ok(&page)))
}

/// Let somebody pay for visitors
///
/// The sites pay under the mandate for visitors that present no payment, from the next request on. What the
/// mandate does not allow, visitors pay themselves.
#[utoipa::path(post, path = "/v1/sponsors", tag = "sponsors",
    security(("bearer" = ["offers:write"])), request_body = NewSponsor,
    responses((status = 201, description = "The sponsor", body = Shown), Refusals))]
async fn create(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::OffersWrite)?;
    let asked: NewSponsor = body::object(body).await?;
    let assets = codes::offers_within(&shared, &reach, asked.offers.as_deref())?;
    let granted = granted(&shared, asked.mandate).await?;
    let asset = granted.total.asset();
    reach.asset(asset.code)?;
    let sponsor = PublishedSponsor {
        mandate: asked.mandate,
        payer: granted.payer,
        asset: asset.code,
        scale: asset.scale,
        title: asked.title,
        offers: asked.offers,
        uses: PublishedFree { count: asked.uses.count, seconds: asked.uses.seconds },
        active: true,
        created_at_ms: shared.engine().clock().now_ms(),
    };
    sponsor.to_sponsor().map_err(|why| invalid(&why))?;
    if assets.iter().any(|other| *other != asset.code) {
        let detail = format!("the mandate is in {asset}, and pays for offers in that alone");
        return Err(Refused::bad_request("invalid_sponsor", detail).with_param("offers"));
    }
    let put = Put {
        kind: DocumentKind::Sponsor,
        id: sponsor.mandate.to_string(),
        body: Some(sponsor.to_bytes().map_err(|why| invalid(&why))?),
        expected: Expected::Absent,
    };
    match shared.engine().put(put).await {
        Ok(_) => Ok(json(StatusCode::CREATED, &Shown::from(sponsor))),
        Err(PutError::RevisionConflict { .. }) => {
            let detail = "this mandate is a sponsor already; take it back first";
            let problem = Problem::new(409, "sponsor_taken", NOT_KEPT, detail);
            Err(Refused::new(problem).with_param("mandate"))
        }
        Err(error) => Err(Refused::of(NOT_KEPT, &error)),
    }
}

/// Take a sponsor back
///
/// It pays no longer from the next request on. Its mandate stays as it is; only its granter ends that.
#[utoipa::path(delete, path = "/v1/sponsors/{mandate_id}", tag = "sponsors",
    security(("bearer" = ["offers:write"])), params(("mandate_id" = schema::Mandate, Path)),
    responses((status = 204, description = "It is gone"), Refusals))]
async fn delete(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::OffersWrite)?;
    let id: MandateId = path.read("sponsor_unknown", "mandate_id")?;
    let document = shared.engine().document(DocumentKind::Sponsor, &id.to_string());
    let read = |document: Arc<Document>| PublishedSponsor::read(&document.body).ok();
    let found = document.and_then(read);
    found
        .filter(|sponsor| codes::is_within(&shared, &reach, sponsor.offers.as_deref()))
        .ok_or_else(|| Refused::not_found("sponsor_unknown", "no such mandate is a sponsor"))?;
    let id = id.to_string();
    let put = Put { kind: DocumentKind::Sponsor, id, body: None, expected: Expected::Any };
    let deleted = shared.engine().put(put).await;
    deleted.map_err(|error| Refused::of("The sponsor was not taken back", &error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

/// The mandate, if the sites can pay under it.
async fn granted(shared: &Shared, id: MandateId) -> Result<MandateView, Refused> {
    let now_ns = shared.engine().clock().now_ns();
    let view = shared.engine().read(move |state| state.mandate(id, now_ns)).await?;
    let unfit = |code, detail: String| {
        Refused::new(Problem::new(422, code, NOT_KEPT, detail)).with_param("mandate")
    };
    let unknown = || unfit("mandate_unknown", "no such mandate is registered here".to_owned());
    let view = view.ok_or_else(unknown)?;
    let sites = shared.node.sponsored_key.to_string();
    if view.delegate != sites {
        let detail =
            format!("the mandate is for another key; grant one to the sites' key, {sites}");
        return Err(unfit("mandate_not_for_sites", detail));
    }
    if view.revoked {
        return Err(unfit("mandate_revoked", "the mandate was revoked; grant another".to_owned()));
    }
    if view.expires_at_ms <= now_ns / 1_000_000 {
        return Err(unfit("mandate_expired", "the mandate has expired; grant another".to_owned()));
    }
    Ok(view)
}

fn invalid(why: &PublishedError) -> Refused {
    Refused::bad_request("invalid_sponsor", why.why.clone()).with_param(why.field)
}

impl From<PublishedSponsor> for Shown {
    fn from(sponsor: PublishedSponsor) -> Self {
        let PublishedSponsor {
            mandate,
            payer,
            asset,
            scale,
            title,
            offers,
            uses,
            active,
            created_at_ms,
        } = sponsor;
        let uses = Uses { count: uses.count, seconds: uses.seconds };
        Self { mandate, payer, asset, scale, title, offers, uses, active, created_at_ms }
    }
}
