//! Purchases that must fail, each for its own reason, and cost nothing.

use anyhow::Result;
use axum::http::{HeaderName, HeaderValue, Method};
use http402::x402::{PAYMENT_SIGNATURE, Payment};
use http402::{Dialect, Instrument};
use instrument::{Order, SignedOrder, Statement};
use money::Amount;

use super::shop::{Ask, Shop};
use super::{Case, Expected, Places, json_post};

pub(super) async fn cases(places: &Places, shop: &Shop) -> Result<Vec<Case>> {
    let mut cases = orders(places, shop).await?;
    cases.extend(requests(places, shop).await?);
    cases.extend(deliveries(places, shop).await?);
    Ok(cases)
}

/// Orders that say something wrong.
async fn orders(places: &Places, shop: &Shop) -> Result<Vec<Case>> {
    let article = Ask::get(format!("{}/articles/2", places.site));
    let keep = |_: &mut Order| {};
    let mut cases = Vec::new();
    let mut case = |name, expected, answer| cases.push(Case { name, expected, answer });

    case("no payment", Expected::Refused(402, "payment_required"), shop.ask(&article).await);
    let poor = Shop::new()?;
    let refused = poor.buy(&article, &keep).await;
    case("no money", Expected::Refused(402, "insufficient_funds"), refused);
    let cheap = |order: &mut Order| order.amount = Amount::new(1, order.amount.asset());
    let refused = shop.buy(&article, &cheap).await;
    case("wrong price", Expected::Refused(402, "amount_mismatch"), refused);
    let late = |order: &mut Order| order.expires_at_ms -= 86_400_000;
    case("expired order", Expected::Refused(402, "order_expired"), shop.buy(&article, &late).await);
    let early = |order: &mut Order| order.expires_at_ms += 2 * 86_400_000;
    let refused = shop.buy(&article, &early).await;
    case("payer's clock two days ahead", Expected::Refused(402, "order_expiry_too_far"), refused);
    let treasury = engine::system_account("treasury", places.asset);
    let stolen = move |order: &mut Order| order.payer = treasury;
    let refused = shop.buy(&article, &stolen).await;
    case("somebody else's account", Expected::Refused(402, "signer_is_not_payer"), refused);
    let other = |order: &mut Order| order.payee = money::AccountId::from_digest(&[7; 32]);
    case(
        "another payee",
        Expected::Refused(402, "payee_mismatch"),
        shop.buy(&article, &other).await,
    );
    Ok(cases)
}

/// Good orders with another request, and requests that are broken.
async fn requests(places: &Places, shop: &Shop) -> Result<Vec<Case>> {
    let site = &places.site;
    let article = Ask::get(format!("{site}/articles/2"));
    let call = Ask::get(format!("{site}/api/quote?topic=bread"));
    let keep = |_: &mut Order| {};
    let mut cases = Vec::new();
    let mut case = |name, expected, answer| cases.push(Case { name, expected, answer });

    let for_call = shop.payment(&call, Dialect::X402V2, &keep).await?;
    let code = "invalid_payment_requirements";
    let refused = shop.ask(&article.clone().with(for_call.clone())).await;
    case("a payment for another route", Expected::Refused(402, code), refused);
    let query = Ask::get(format!("{site}/api/quote?topic=time"));
    let refused = shop.ask(&query.with(for_call.clone())).await;
    case("a payment for another query", Expected::Refused(402, code), refused);
    let post = json_post(format!("{site}/api/quote"), r#"{"topic":"time"}"#.to_owned());
    let refused = shop.ask(&post.clone().with(for_call)).await;
    case("a payment for another method", Expected::Refused(402, code), refused);
    let for_body = shop.payment(&post, Dialect::X402V2, &keep).await?;
    let changed = json_post(format!("{site}/api/quote"), r#"{"topic":"bread"}"#.to_owned());
    let refused = shop.ask(&changed.with(for_body)).await;
    case("a payment for another body", Expected::Refused(402, code), refused);

    let forged = forge(shop, &article).await?;
    let refused = shop.ask(&article.clone().with(forged)).await;
    case("a forged signature", Expected::Refused(402, "invalid_signature"), refused);
    let garbage = (PAYMENT_SIGNATURE, HeaderValue::from_static("not base64!"));
    let refused = shop.ask(&article.clone().with(garbage)).await;
    case("a broken header", Expected::Refused(400, "invalid_base64"), refused);
    let dots = Ask::get(format!("{site}/articles/%2e%2e/articles/2"));
    case("dots in the path", Expected::Refused(400, "ambiguous_path"), shop.ask(&dots).await);

    let head = Ask { method: Method::HEAD, ..article.clone() };
    case("HEAD shows the price", Expected::Unpaid(402), shop.ask(&head).await);
    let long =
        (HeaderName::from_static("idempotency-key"), HeaderValue::from_str(&"k".repeat(300))?);
    let paid = call.clone().with(shop.payment(&call, Dialect::X402V2, &keep).await?).with(long);
    let code = "invalid_idempotency_key";
    case("an idempotency key too long", Expected::Refused(400, code), shop.ask(&paid).await);
    Ok(cases)
}

/// Good payments for what cannot be delivered.
async fn deliveries(places: &Places, shop: &Shop) -> Result<Vec<Case>> {
    let keep = |_: &mut Order| {};
    let mut cases = Vec::new();
    let mut case = |name, expected, answer| cases.push(Case { name, expected, answer });

    let broken = Ask::get(format!("{}/broken", places.site));
    case("upstream fails", Expected::Unpaid(500), shop.buy(&broken, &keep).await);
    let broken = Ask::post(format!("{}/broken", places.site), "");
    let paid = broken.clone().with(shop.payment(&broken, Dialect::X402V2, &keep).await?);
    case("upstream fails on POST", Expected::Unpaid(500), shop.ask(&paid).await);
    case("the failed POST again", Expected::Unpaid(500), shop.ask(&paid).await);
    let down = Ask::get(format!("{}/articles/1", places.down));
    let code = "upstream_unreachable";
    case("upstream down", Expected::Refused(502, code), shop.buy(&down, &keep).await);
    Ok(cases)
}

/// A payment whose signature belongs to another order.
async fn forge(shop: &Shop, ask: &Ask) -> Result<(HeaderName, HeaderValue)> {
    let (required, terms) = shop.terms(ask).await?;
    let honest = shop.order(&terms, &|_| {})?;
    let other = shop.order(&terms, &|_| {})?;
    let forged = SignedOrder::from_parts(&honest.unverified().to_bytes(), &other.signature().0)?;
    let payment = Payment {
        dialect: Dialect::X402V2,
        accepted: &terms,
        instrument: &Instrument::exact(forged),
        resource_url: Some(&required.resource.url),
        extensions: None,
    };
    Ok(payment.encode_header()?)
}
