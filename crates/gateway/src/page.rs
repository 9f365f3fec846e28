//! The 402 page for a person in a browser, and the files it loads from the site's own origin.
//!
//! Invariant: nothing that a request or offer says reaches the page unescaped; the page runs only
//! the embedded scripts (no inline script, strict content security policy).

use axum::body::Body;
use http::header::{self, HeaderValue};
use http::request::Parts;
use http::{Method, Response, StatusCode};
use http402::{Metered, x402};
use money::{Amount, Asset};
use serde_json::{Value, json};

use crate::answer::Refusal;
use crate::assets;
use crate::case::Case;
use crate::code::CodeRefusal;

/// Where pages load their files.
const ASSET_PREFIX: &str = "/.well-known/farthing/";

/// The answer to a request for one of our own files; `None` if it is for something else.
pub(crate) fn asset_answer(parts: &Parts) -> Option<Response<Body>> {
    let name = parts.uri.path().strip_prefix(ASSET_PREFIX)?;
    let found = assets::asset(name).filter(|_| parts.method == Method::GET);
    let mut response = Response::new(Body::empty());
    let headers = response.headers_mut();
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    let Some((kind, bytes)) = found else {
        *response.status_mut() = StatusCode::NOT_FOUND;
        return Some(response);
    };
    headers.insert(header::CONTENT_TYPE, HeaderValue::from_static(kind));
    headers.insert(header::CACHE_CONTROL, HeaderValue::from_static("public, max-age=300"));
    *response.body_mut() = Body::from(bytes);
    Some(response)
}

/// The page; `None` if it was not built in. What is sold by the unit has a page that plays it.
pub(crate) fn paywall(case: &Case, refusal: Option<&Refusal>) -> Option<String> {
    let (name, price, terms) = match case.offer.metered() {
        None => ("paywall", readable(case.offer.price), order_terms(case)),
        Some(metered) => ("player", rate(&metered), channel_terms(case)?),
    };
    let node = &case.options.facts.url;
    let mut challenge = json!({
        "resource": case.challenge.resource.url,
        "wallet": format!("{node}/wallet/grant"),
        "node_origin": node,
        "error_code": refusal.map(|refusal| refusal.code),
        "now_ms": case.options.node.now_ms(),
        "title": case.offer.description,
        "price": price,
        "mime_type": case.offer.mime_type,
    });
    challenge["requirements"] = terms;
    if let Some(own) = &case.offer.own_amount {
        let suggested: Vec<String> = own.suggested.iter().map(u128::to_string).collect();
        challenge["own_amount"] = json!({"min": own.min.to_string(), "suggested": suggested});
    }
    if case.options.shelf.codes().has_for(&case.offer) || case.code_refused.is_some() {
        let refused = case.code_refused.map(CodeRefusal::code);
        challenge["code"] = json!({"counts": case.code.is_some(), "refused": refused});
    }
    let seller = case.options.service_name.as_ref().unwrap_or(&case.offer.payees.name);
    let splits = case.offer.payees.split_text.as_deref().unwrap_or_default();
    let error = refusal.map(|refusal| refusal.detail.as_str()).unwrap_or_default();
    Some(fill(
        assets::page(name)?,
        &[
            ("title", &case.offer.description),
            ("price", &price),
            ("payee", seller),
            ("splits", splits),
            ("error", error),
            ("challenge", &challenge.to_string()),
        ],
    ))
}

fn order_terms(case: &Case) -> Value {
    json!(x402::requirements(&case.challenge))
}

fn channel_terms(case: &Case) -> Option<Value> {
    let all = x402::accepts(&case.challenge);
    let terms = all.into_iter().find(|terms| terms.scheme == x402::Scheme::BatchSettlement)?;
    Some(json!(terms))
}

/// A price by the unit, for people.
fn rate(metered: &Metered) -> String {
    let (price, unit) = (readable(metered.price), &metered.unit);
    match metered.per {
        1 => {
            let article = if unit.starts_with(['a', 'e', 'i', 'o', 'u']) { "an" } else { "a" };
            format!("{price} {article} {unit}")
        }
        per => format!("{price} for {per} {unit}s"),
    }
}

/// Puts values into `{{name}}` places, escaped. Values are never read as templates.
fn fill(template: &str, values: &[(&str, &str)]) -> String {
    let mut page = String::with_capacity(template.len() * 2);
    let mut rest = template;
    while let Some((before, after)) = rest.split_once("{{") {
        page.push_str(before);
        let Some((name, after)) = after.split_once("}}") else {
            page.push_str("{{");
            rest = after;
            continue;
        };
        let value = values.iter().find(|(known, _)| *known == name).map_or("", |(_, value)| value);
        escape(value, &mut page);
        rest = after;
    }
    page.push_str(rest);
    page
}

fn escape(text: &str, into: &mut String) {
    for letter in text.chars() {
        match letter {
            '&' => into.push_str("&amp;"),
            '<' => into.push_str("&lt;"),
            '>' => into.push_str("&gt;"),
            '"' => into.push_str("&quot;"),
            '\'' => into.push_str("&#39;"),
            other => into.push(other),
        }
    }
}

/// Headers that confine the page.
pub(crate) fn secure(case: &Case, response: &mut Response<Body>) {
    let policy = format!(
        "default-src 'none'; script-src 'self'; style-src 'self'; img-src 'self'; \
         connect-src 'self' {}; base-uri 'none'; form-action 'none'; frame-ancestors 'none'",
        case.options.facts.url
    );
    let headers = response.headers_mut();
    if let Ok(policy) = HeaderValue::from_str(&policy) {
        headers.insert(header::CONTENT_SECURITY_POLICY, policy);
    }
    headers.insert(header::X_CONTENT_TYPE_OPTIONS, HeaderValue::from_static("nosniff"));
    headers.insert(header::REFERRER_POLICY, HeaderValue::from_static("same-origin"));
    // No page that opened this one may hold on to it; the wallet that it opens may answer.
    let alone = HeaderValue::from_static("same-origin-allow-popups");
    headers.insert("cross-origin-opener-policy", alone);
}

fn symbol(asset: Asset) -> Option<&'static str> {
    match asset.code.as_str() {
        "USD" => Some("$"),
        "EUR" => Some("€"),
        "GBP" => Some("£"),
        _ => None,
    }
}

/// An amount as people write it: cents below one unit of a currency that has them.
pub(crate) fn readable(amount: Amount) -> String {
    let asset = amount.asset();
    let Some(symbol) = symbol(asset) else { return amount.to_string() };
    let exact = amount.to_string();
    let number = exact.split(' ').next().unwrap_or_default();
    let cents = asset
        .scale
        .checked_sub(2)
        .map(|scale| Amount::new(amount.units(), Asset { scale, ..asset }));
    match cents {
        Some(cents) if number.starts_with("0.") => {
            let cents = cents.to_string();
            let cents = cents.split(' ').next().unwrap_or_default();
            match symbol {
                "£" => format!("{cents} p"),
                _ => format!("{cents} ¢"),
            }
        }
        _ => match number.split_once('.') {
            Some((whole, fraction)) => format!("{symbol}{whole}.{fraction:0<2}"),
            None => format!("{symbol}{number}"),
        },
    }
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn prices_read_well() {
        let usd = Asset::new("USD", 9).unwrap();
        for (units, expected) in [
            (2_000_000, "0.2 ¢"),
            (10_000, "0.001 ¢"),
            (500_000, "0.05 ¢"),
            (50_000_000, "5 ¢"),
            (1_250_000_000, "$1.25"),
            (1_500_000_000, "$1.50"),
            (3_000_000_000, "$3"),
        ] {
            assert_eq!(readable(Amount::new(units, usd)), expected);
        }
        assert_eq!(readable(Amount::new(5, Asset::new("XTS", 3).unwrap())), "0.005 XTS");
    }

    #[test]
    fn prices_by_the_unit_read_well() {
        let usd = Asset::new("USD", 9).unwrap();
        for (units, unit, per, expected) in [
            (100_000, "second", 1, "0.01 ¢ a second"),
            (1_000, "event", 1, "0.0001 ¢ an event"),
            (50_000_000, "byte", 1_000_000, "5 ¢ for 1000000 bytes"),
        ] {
            let price = Amount::new(units, usd);
            let unit = unit.to_owned();
            let metered = Metered { unit, price, per, free_units: 0, units_max: None, tiers: None };
            assert_eq!(rate(&metered), expected);
        }
    }

    #[test]
    fn values_are_escaped_and_never_templates() {
        let page = fill("<b>{{a}}</b>{{b}}{{c", &[("a", "<i>{{b}}&\"'"), ("b", "x")]);
        assert_eq!(page, "<b>&lt;i&gt;{{b}}&amp;&quot;&#39;</b>x{{c");
    }
}
