//! Discount codes: made, listed and taken back while the node runs.
//!
//! Invariants: a text is one code, whatever its capitals; a code that is kept counts at the gateways, for
//! they read it by the same code; a key that is limited to accounts makes codes for offers of those alone.

use std::sync::Arc;

use axum::body::Body;
use axum::extract::State;
use axum::response::{IntoResponse, Response};
use engine::{Document, DocumentKind, Expected, Put, PutError};
use gateway::{CODE_CHARS_MAX, PublishedCode, PublishedError, PublishedOffer, code_id};
use http::{HeaderMap, StatusCode};
use http402::Problem;
use money::{AssetCode, CodeId, OfferId};
use serde::{Deserialize, Serialize};
use utoipa::ToSchema;
use utoipa_axum::router::OpenApiRouter;
use utoipa_axum::routes;

use crate::authority::{Caller, Reach, Scope};
use crate::body::{self, json, ok};
use crate::etag::ListTag;
use crate::node::Shared;
use crate::page::{Page, PageQuery};
use crate::query::Query;
use crate::refused::Refused;
use crate::schema::{self, Refusals};
use crate::segment::Segment;

const LIST: &str = "codes";
const NOT_KEPT: &str = "The code was not kept";
/// Longest time that a code counts, from when it is made. Uses are remembered as long.
const CODE_LIFE_MS_MAX: u64 = 366 * 24 * 60 * 60 * 1000;
/// Letters of a code that the node makes up: none that is taken for another.
const LETTERS: &[u8; 32] = b"23456789ABCDEFGHJKLMNPQRSTUVWXYZ";
const LETTERS_COUNT: usize = 12;

pub(crate) fn routes() -> OpenApiRouter<Arc<Shared>> {
    OpenApiRouter::new().routes(routes!(list, create)).routes(routes!(delete))
}

/// A code to be made: with `percent_ppm` or with `price`.
#[derive(Debug, Deserialize, ToSchema)]
#[serde(deny_unknown_fields)]
struct NewCode {
    /// What payers name; capitals count as small letters. Made up if left out.
    #[schema(min_length = 4, max_length = 40, pattern = "^[A-Za-z0-9_-]*$", example = "SPRING")]
    code: Option<String>,
    /// Offers that it is for; all if left out.
    #[schema(value_type = Option<Vec<schema::Offer>>, min_items = 1, max_items = 100)]
    offers: Option<Vec<OfferId>>,
    /// Parts per million that it takes off the price.
    #[schema(minimum = 1, maximum = 999_999)]
    percent_ppm: Option<u32>,
    /// The price that it sets, in base units; needs `offers` of one asset.
    #[schema(value_type = Option<schema::Units>)]
    price: Option<String>,
    /// How often it counts in all.
    #[schema(minimum = 1)]
    max_uses: Option<u32>,
    /// How often it counts for one payer.
    #[schema(minimum = 1)]
    per_payer: Option<u32>,
    /// When it ends, Unix milliseconds; 366 days from now at most, and by default.
    expires_at_ms: Option<u64>,
}

/// A code as it stands.
#[derive(Debug, Serialize, ToSchema)]
#[schema(as = CodeShown)]
struct Shown {
    #[schema(value_type = schema::Code)]
    code_id: CodeId,
    code: String,
    #[schema(value_type = Option<Vec<schema::Offer>>)]
    offers: Option<Vec<OfferId>>,
    percent_ppm: Option<u32>,
    #[schema(value_type = Option<schema::Units>)]
    price: Option<String>,
    max_uses: Option<u32>,
    per_payer: Option<u32>,
    /// Unix milliseconds.
    expires_at_ms: u64,
    active: bool,
    /// Unix milliseconds.
    created_at_ms: u64,
}

/// Discount codes
///
/// Those for offers of the accounts that the caller may see, in the order of their ids. The `ETag` is that
/// of the whole list. A gateway apart from the node asks with its token.
#[utoipa::path(get, path = "/v1/codes", tag = "codes",
    security(("bearer" = ["read"]), ("gateway" = [])), params(PageQuery),
    responses((status = 200, description = "The codes", body = Page<Shown>),
        (status = 304, description = "The list is the one that `If-None-Match` names"), Refusals))]
async fn list(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    headers: HeaderMap,
    asked: Result<Query<PageQuery>, Refused>,
) -> Result<Response, Refused> {
    let reach = if caller.is_gateway() { Reach::default() } else { caller.may(Scope::Read)? };
    let Query(asked) = asked?;
    let (limit, after) = (asked.limit()?, asked.after_as::<CodeId>(LIST)?);
    let (mut tag, mut all) = (ListTag::default(), Vec::new());
    for document in shared.engine().documents(DocumentKind::Code) {
        let Ok(code) = PublishedCode::read(&document.body) else { continue };
        if is_within(&shared, &reach, code.offers.as_deref()) {
            // An id that is used again begins with revision 1 again.
            tag.add(format!("{} {}", document.id, code.created_at_ms), document.revision);
            all.push(Shown::from(code));
        }
    }
    all.sort_by_key(|code| code.code_id);
    all.retain(|code| after.is_none_or(|after| code.code_id > after));
    all.truncate(limit + 1);
    let page = Page::of(all, limit, LIST, |code| code.code_id.to_string());
    Ok(tag.answer(&headers, || ok(&page)))
}

/// Make a discount code
///
/// It counts with the next request. Its uses are counted with the payments, and come back with those
/// that are released.
#[utoipa::path(post, path = "/v1/codes", tag = "codes",
    security(("bearer" = ["offers:write"])), request_body = NewCode,
    responses((status = 201, description = "The code", body = Shown), Refusals))]
async fn create(
    State(shared): State<Arc<Shared>>,
    caller: Caller,
    body: Body,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::OffersWrite)?;
    let asked: NewCode = body::object(body).await?;
    let code = published(asked, shared.engine().clock().now_ms())?;
    code.to_code().map_err(|why| invalid(&why))?;
    check_offers(&shared, &reach, &code)?;
    let put = Put {
        kind: DocumentKind::Code,
        id: code.code_id.to_string(),
        body: Some(code.to_bytes().map_err(|why| invalid(&why))?),
        expected: Expected::Absent,
    };
    match shared.engine().put(put).await {
        Ok(_) => Ok(json(StatusCode::CREATED, &Shown::from(code))),
        Err(PutError::RevisionConflict { .. }) => {
            let detail = "there is such a code already; take it back first, or choose another";
            let problem = Problem::new(409, "code_taken", NOT_KEPT, detail);
            Err(Refused::new(problem).with_param("code"))
        }
        Err(error) => Err(Refused::of(NOT_KEPT, &error)),
    }
}

/// Take a code back
///
/// It counts no longer from the next request on.
#[utoipa::path(delete, path = "/v1/codes/{code_id}", tag = "codes",
    security(("bearer" = ["offers:write"])), params(("code_id" = schema::Code, Path)),
    responses((status = 204, description = "It is gone"), Refusals))]
async fn delete(
    State(shared): State<Arc<Shared>>,
    path: Segment,
    caller: Caller,
) -> Result<Response, Refused> {
    let reach = caller.may(Scope::OffersWrite)?;
    let id: CodeId = path.read("code_unknown", "code_id")?;
    let document = shared.engine().document(DocumentKind::Code, &id.to_string());
    let read = |document: Arc<Document>| PublishedCode::read(&document.body).ok();
    let found =
        document.and_then(read).filter(|code| is_within(&shared, &reach, code.offers.as_deref()));
    found.ok_or_else(|| Refused::not_found("code_unknown", "the node knows no such code"))?;
    let id = id.to_string();
    let put = Put { kind: DocumentKind::Code, id, body: None, expected: Expected::Any };
    let deleted = shared.engine().put(put).await;
    deleted.map_err(|error| Refused::of("The code was not taken back", &error))?;
    Ok(StatusCode::NO_CONTENT.into_response())
}

fn published(asked: NewCode, now_ms: u64) -> Result<PublishedCode, Refused> {
    let expires_max_ms = now_ms.saturating_add(CODE_LIFE_MS_MAX);
    let expires_at_ms = asked.expires_at_ms.unwrap_or(expires_max_ms);
    if expires_at_ms <= now_ms || expires_at_ms > expires_max_ms {
        let detail = "from now to 366 days ahead, in Unix milliseconds";
        return Err(Refused::bad_request("invalid_time", detail).with_param("expires_at_ms"));
    }
    let code = match asked.code {
        // Longer ones are refused; their digest is not worth the while.
        Some(mut code) => {
            code.truncate(code.floor_char_boundary(CODE_CHARS_MAX + 1));
            code
        }
        None => made_up()?,
    };
    Ok(PublishedCode {
        code_id: code_id(&code),
        code,
        offers: asked.offers,
        percent_ppm: asked.percent_ppm,
        price: asked.price,
        max_uses: asked.max_uses,
        per_payer: asked.per_payer,
        expires_at_ms,
        active: true,
        created_at_ms: now_ms,
    })
}

/// 60 bits, which nobody guesses.
fn made_up() -> Result<String, Refused> {
    let mut bytes = [0; LETTERS_COUNT];
    getrandom::fill(&mut bytes).map_err(|_| Refused::no_randomness())?;
    let letter = |byte: u8| char::from(*LETTERS.get(usize::from(byte % 32)).unwrap_or(&b'2'));
    Ok(bytes.into_iter().map(letter).collect())
}

/// The offers are there, within reach, and of one asset if the code sets a price.
fn check_offers(shared: &Shared, reach: &Reach, code: &PublishedCode) -> Result<(), Refused> {
    let mut assets = offers_within(shared, reach, code.offers.as_deref())?;
    assets.dedup();
    if code.price.is_some() && assets.len() > 1 {
        let detail = "a code that sets a price is for offers of one asset";
        return Err(Refused::bad_request("invalid_code", detail).with_param("offers"));
    }
    Ok(())
}

/// The assets of offers that are named, if they are there and within reach. All of them, which is none
/// named, needs a reach without limits.
pub(crate) fn offers_within(
    shared: &Shared,
    reach: &Reach,
    offers: Option<&[OfferId]>,
) -> Result<Vec<AssetCode>, Refused> {
    let Some(ids) = offers else {
        reach.all().map_err(|refused| refused.with_param("offers"))?;
        return Ok(Vec::new());
    };
    let asset = |id: &OfferId| {
        let offer = offer(shared, *id).filter(|offer| reach.has_account(offer.payee));
        let unknown = || Refused::not_found("offer_unknown", "the node knows no such offer");
        Ok(offer.ok_or_else(|| unknown().with_param("offers"))?.asset)
    };
    ids.iter().map(asset).collect()
}

/// Whether what is for these offers concerns only accounts that the caller reaches; of offers that are gone
/// nobody knows.
pub(crate) fn is_within(shared: &Shared, reach: &Reach, offers: Option<&[OfferId]>) -> bool {
    if reach.is_all() {
        return true;
    }
    let ids = offers.into_iter().flatten();
    let mut payees = ids.filter_map(|id| offer(shared, *id)).map(|offer| offer.payee).peekable();
    payees.peek().is_some() && payees.all(|payee| reach.has_account(payee))
}

fn offer(shared: &Shared, id: OfferId) -> Option<PublishedOffer> {
    let document = shared.engine().document(DocumentKind::Offer, &id.to_string());
    let made = document.and_then(|document| PublishedOffer::read(&document.body).ok());
    made.or_else(|| shared.node.file_offers.iter().find(|offer| offer.offer == id).cloned())
}

fn invalid(why: &PublishedError) -> Refused {
    Refused::bad_request("invalid_code", why.why.clone()).with_param(why.field)
}

impl From<PublishedCode> for Shown {
    fn from(code: PublishedCode) -> Self {
        let PublishedCode {
            code_id,
            code,
            offers,
            percent_ppm,
            price,
            max_uses,
            per_payer,
            expires_at_ms,
            active,
            created_at_ms,
        } = code;
        Self {
            code_id,
            code,
            offers,
            percent_ppm,
            price,
            max_uses,
            per_payer,
            expires_at_ms,
            active,
            created_at_ms,
        }
    }
}
