//! Purchases that must succeed, each for its exact price.

use anyhow::{Context, Result};
use axum::http::{HeaderName, HeaderValue};
use http402::Dialect;
use http402::x402::COOKIE_NAME;
use instrument::{Audience, Mandate, Signed, Statement};
use money::{Amount, MandateId};
use serde_json::json;

use super::shop::{Ask, Shop, random};
use super::{Case, Expected, Places, json_post};

/// Prices in base units of a billionth of a dollar, as `demo/farthing.toml` sets them.
pub(super) const ARTICLE: u128 = 2_000_000;
pub(super) const TUNE: u128 = 1_000_000;
pub(super) const PLATE: u128 = 500_000;
pub(super) const CALL: u128 = 10_000;
pub(super) const WORD: u128 = 1_000;

/// Words that are read of the story.
const WORDS: u128 = 40;

/// What each payee receives from these purchases: three articles shared 80/15/5, a plate, a tune,
/// three calls, and the beginning of a story.
pub(super) const INCOME: [(&str, u128); 6] = [
    ("author", 3 * ARTICLE * 80 / 100 + PLATE + WORDS * WORD),
    ("editor", 3 * ARTICLE * 15 / 100),
    ("grid", 0),
    ("lab", 3 * CALL),
    ("musician", TUNE),
    ("platform", 3 * ARTICLE * 5 / 100),
];

pub(super) async fn cases(places: &Places, shop: &Shop) -> Result<Vec<Case>> {
    let site = &places.site;
    let article = Ask::get(format!("{site}/articles/1"));
    let tune = Ask::get(format!("{site}/tune.wav"));
    let keep = |_: &mut _| {};
    let mut cases = Vec::new();
    let mut case = |name, expected, answer| cases.push(Case { name, expected, answer });

    case("free front page", Expected::Unpaid(200), shop.ask(&Ask::get(site)).await);

    let first = shop.payment(&article, Dialect::X402V2, &keep).await?;
    let paid = article.clone().with(first);
    case("article, split 80/15/5", Expected::Paid(200, ARTICLE), shop.ask(&paid).await);
    case("the same payment again", Expected::Paid(200, 0), shop.ask(&paid).await);

    let heard = tune.clone().with(shop.payment(&tune, Dialect::X402V2, &keep).await?);
    case("tune, streamed", Expected::Paid(200, TUNE), shop.ask(&heard).await);
    let range = (HeaderName::from_static("range"), HeaderValue::from_static("bytes=1000-1999"));
    case("a range of the paid tune", Expected::Paid(206, 0), shop.ask(&heard.with(range)).await);

    let plate = Ask::get(format!("{site}/plate.svg"));
    case("image", Expected::Paid(200, PLATE), shop.buy(&plate, &keep).await);
    let call = Ask::get(format!("{site}/api/quote?topic=time"));
    case("API call by GET", Expected::Paid(200, CALL), shop.buy(&call, &keep).await);
    let post = json_post(format!("{site}/api/quote"), r#"{"topic":"trust"}"#.to_owned());
    let posted = post.clone().with(shop.payment(&post, Dialect::X402V2, &keep).await?);
    case("API call by POST", Expected::Paid(200, CALL), shop.ask(&posted).await);
    case("the same POST again", Expected::Paid(200, 0), shop.ask(&posted).await);

    let story = format!("{site}/api/story");
    let words = Amount::new(WORDS * WORD, places.asset);
    let read = shop.read_on(&places.node, &story, words).await;
    case("a story by the word, from a channel", Expected::Paid(200, WORDS * WORD), read);

    let old = call.clone().with(shop.payment(&call, Dialect::X402V1, &keep).await?);
    case("API call by an x402 v1 client", Expected::Paid(200, CALL), shop.ask(&old).await);
    let (_, value) = shop.payment(&article, Dialect::X402V2, &keep).await?;
    let cookie = HeaderValue::from_str(&format!("{COOKIE_NAME}={}", value.to_str()?))?;
    let page = article.clone().with((HeaderName::from_static("cookie"), cookie));
    case("article by a page's cookie", Expected::Paid(200, ARTICLE), shop.ask(&page).await);

    let delegate = Shop::new()?;
    let mandate = grant(places, shop, &delegate).await?;
    let payer = instrument::payer_account(&shop.key.public(), places.asset);
    let under = move |order: &mut instrument::Order| {
        order.payer = payer;
        order.mandate = Some(mandate);
    };
    let bought = delegate.buy(&article, &under).await;
    case("article by a key under a mandate", Expected::Paid(200, ARTICLE), bought);
    let again = delegate.buy(&article, &under).await;
    case("the mandate is used up", Expected::Refused(402, "mandate_exceeded"), again);
    Ok(cases)
}

/// A mandate for one article and a half at this site.
async fn grant(places: &Places, shop: &Shop, delegate: &Shop) -> Result<MandateId> {
    let (_, terms) = shop.terms(&Ask::get(format!("{}/articles/1", places.site))).await?;
    let id = MandateId::from_digest(&random()?);
    let mandate = Mandate {
        node: terms.network,
        id,
        payer: instrument::payer_account(&shop.key.public(), places.asset),
        payer_key: shop.key.public(),
        delegate: delegate.key.public(),
        asset: places.asset,
        per_payment: ARTICLE,
        total: ARTICLE + ARTICLE / 2,
        expires_at_ms: engine::Clock::now_ms(&engine::SystemClock) + 60_000,
        audience: Some(Audience::of_origin(&places.site)),
    };
    let signed = Signed::sign(mandate, &shop.key);
    let encode = |bytes: &[u8]| base64::Engine::encode(&base64::prelude::BASE64_STANDARD, bytes);
    let body = json!({
        "mandate": encode(&signed.unverified().to_bytes()),
        "signature": encode(&signed.signature().0),
        "label": places.site,
    });
    let answer =
        shop.ask(&json_post(format!("{}/v1/mandates", places.node), body.to_string())).await?;
    let limit = Amount::new(mandate.total, places.asset);
    (answer.status == 201)
        .then_some(id)
        .with_context(|| format!("a mandate over {limit} was refused: {}", answer.code()))
}
