//! The demo's upstream: a small magazine that knows nothing about payment.
//!
//! It serves articles, a tune with range requests, a plate, and a JSON API. The gateway in front of
//! it does the selling.

use std::sync::Arc;

use axum::Router;
use axum::body::{Body, Bytes};
use axum::extract::{Path, Query, State};
use axum::http::{HeaderMap, HeaderValue, Response, StatusCode, header};
use axum::response::{Html, IntoResponse};
use axum::routing::get;
use serde::Deserialize;
use serde_json::{Value, json};

use super::articles::{Article, articles};
use super::{streams, tune};

/// Prices as the front page shows them; the offers in `site` are what counts.
pub(super) const PRICES: [(&str, &str); 6] = [
    ("article", "0.2 ¢"),
    ("tune", "0.1 ¢"),
    ("second", "0.01 ¢ a second"),
    ("plate", "0.05 ¢"),
    ("call", "0.001 ¢"),
    ("word", "0.0001 ¢"),
];

const TOPICS: [(&str, &str); 4] = [
    ("thrift", "Take care of the farthings, and the pounds will find company."),
    ("time", "A minute sold honestly is worth an hour given away."),
    ("trust", "The slate that all can read needs no lock."),
    ("bread", "Nobody buys a month of bread because the till has no small coins."),
];

struct Magazine {
    articles: Vec<Article>,
    tune: Bytes,
    /// The tune's sound alone.
    samples: Arc<[u8]>,
}

/// The magazine's routes.
pub(super) fn router() -> Router {
    let magazine = Magazine {
        articles: articles(),
        tune: tune::wav().into(),
        samples: tune::samples().into(),
    };
    Router::new()
        .route("/", get(front))
        .route("/magazine.css", get(style))
        .route("/articles/{number}", get(article))
        .route("/tune.wav", get(play))
        .route("/listen.wav", get(listen))
        .route("/plate.svg", get(plate))
        .route("/api/story", get(story))
        .route("/api/quote", get(quote).post(post_quote))
        .route("/broken", get(broken).post(broken))
        .with_state(Arc::new(magazine))
}

fn sheet(title: &str, inner: &str) -> Html<String> {
    Html(format!(
        "<!doctype html><html lang=\"en\"><head><meta charset=\"utf-8\">\
         <meta name=\"viewport\" content=\"width=device-width, initial-scale=1\">\
         <title>{title}</title><link rel=\"stylesheet\" href=\"/magazine.css\"></head><body>\
         <div class=\"sheet\"><header class=\"masthead\">\
         <div class=\"title\"><a href=\"/\">The Wren</a></div>\
         <p>A small magazine at small prices</p></header>{inner}</div></body></html>"
    ))
}

fn price(kind: &str) -> &'static str {
    PRICES.iter().find(|(known, _)| *known == kind).map_or("", |(_, price)| price)
}

async fn front(State(magazine): State<Arc<Magazine>>) -> Html<String> {
    let entry = |(index, article): (usize, &Article)| {
        let opening = article.paragraphs[0].split_once(". ").map_or("", |(first, _)| first);
        [
            "<li><div><a href=\"/articles/",
            &(index + 1).to_string(),
            "\">",
            &article.title,
            "</a><p>",
            opening,
            ".</p></div><span class=\"price\">",
            price("article"),
            "</span></li>",
        ]
        .concat()
    };
    let shelf: String = magazine.articles.iter().enumerate().map(entry).collect();
    let inner = format!(
        "<main><h1>This week</h1><ul class=\"shelf\">{shelf}\
         <li><div><a href=\"/tune.wav\">A tune for the till</a><p>Twelve seconds of an old round, to \
         listen to in the browser.</p></div><span class=\"price\">{}</span></li>\
         <li><div><a href=\"/listen.wav\">The same, without an end</a><p>Paid by the second, for as \
         long as you listen.</p></div><span class=\"price\">{}</span></li>\
         <li><div><a href=\"/plate.svg\">Plate I: the wren</a><p>A drawing, to keep.</p></div>\
         <span class=\"price\">{}</span></li></ul>\
         <h2>For programs</h2><p>Quotations by topic, {} a call, and a story, {} a word:</p>\
         <pre>farthing pay \"http://…/api/quote?topic=thrift\"\nfarthing pay http://…/api/story</pre>\
         </main>\
         <footer>Pages are paid one at a time. What does not arrive is not charged.</footer>",
        price("tune"),
        price("second"),
        price("plate"),
        price("call"),
        price("word"),
    );
    sheet("The Wren", &inner)
}

async fn style() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "text/css; charset=utf-8")], include_str!("../../demo/magazine.css"))
}

async fn article(
    State(magazine): State<Arc<Magazine>>,
    Path(number): Path<usize>,
) -> Response<Body> {
    let Some(article) = number.checked_sub(1).and_then(|index| magazine.articles.get(index)) else {
        return (StatusCode::NOT_FOUND, sheet("Not here", "<main><h1>No such article</h1></main>"))
            .into_response();
    };
    let text: String =
        article.paragraphs.iter().map(|text| ["<p>", text, "</p>"].concat()).collect();
    let inner = format!(
        "<main><article><h1>{}</h1><div class=\"by\">{}</div>{text}</article></main>\
         <footer><a href=\"/\">Back to the front page</a></footer>",
        article.title, article.author
    );
    sheet(&article.title, &inner).into_response()
}

/// The tune, with single byte ranges (RFC 9110, 14).
async fn play(State(magazine): State<Arc<Magazine>>, headers: HeaderMap) -> Response<Body> {
    let all = magazine.tune.len();
    let asked = headers.get(header::RANGE).and_then(|value| value.to_str().ok());
    let range = asked.and_then(|text| byte_range(text, all));
    let mut response = match (asked, range) {
        (Some(_), None) => {
            let mut response = StatusCode::RANGE_NOT_SATISFIABLE.into_response();
            insert(&mut response, header::CONTENT_RANGE, &format!("bytes */{all}"));
            return response;
        }
        (_, Some((from, to))) => {
            let part = magazine.tune.slice(from..=to);
            let mut response = (StatusCode::PARTIAL_CONTENT, part).into_response();
            insert(&mut response, header::CONTENT_RANGE, &format!("bytes {from}-{to}/{all}"));
            response
        }
        (None, None) => magazine.tune.clone().into_response(),
    };
    insert(&mut response, header::CONTENT_TYPE, "audio/wav");
    insert(&mut response, header::ACCEPT_RANGES, "bytes");
    response
}

fn byte_range(text: &str, all: usize) -> Option<(usize, usize)> {
    let (from, to) = text.strip_prefix("bytes=")?.split_once('-')?;
    let last = all.checked_sub(1)?;
    let (from, to) = match (from, to) {
        ("", suffix) => (all.saturating_sub(suffix.parse().ok()?), last),
        (from, "") => (from.parse().ok()?, last),
        (from, to) => (from.parse().ok()?, to.parse::<usize>().ok()?.min(last)),
    };
    (from <= to && from < all).then_some((from, to))
}

fn insert(response: &mut Response<Body>, name: header::HeaderName, value: &str) {
    if let Ok(value) = HeaderValue::from_str(value) {
        response.headers_mut().insert(name, value);
    }
}

async fn listen(State(magazine): State<Arc<Magazine>>) -> Response<Body> {
    streams::listen(Arc::clone(&magazine.samples))
}

async fn story(State(magazine): State<Arc<Magazine>>) -> Response<Body> {
    let text: String =
        magazine.articles.first().map_or(String::new(), |article| article.paragraphs.join(" "));
    streams::tell(&text)
}

async fn plate() -> impl IntoResponse {
    ([(header::CONTENT_TYPE, "image/svg+xml")], include_str!("../../demo/plate.svg"))
}

#[derive(Deserialize)]
struct Topic {
    topic: Option<String>,
}

async fn quote(Query(topic): Query<Topic>) -> axum::Json<Value> {
    answer(topic.topic.as_deref().unwrap_or("thrift"))
}

async fn post_quote(body: Bytes) -> Response<Body> {
    let Ok(topic) = serde_json::from_slice::<Topic>(&body) else {
        let error = json!({"error": "send JSON such as {\"topic\": \"thrift\"}"});
        return (StatusCode::UNPROCESSABLE_ENTITY, axum::Json(error)).into_response();
    };
    answer(topic.topic.as_deref().unwrap_or("thrift")).into_response()
}

fn answer(topic: &str) -> axum::Json<Value> {
    let known = TOPICS.iter().find(|(known, _)| *known == topic);
    let (topic, quote) = known.unwrap_or(&TOPICS[0]);
    let topics: Vec<&str> = TOPICS.iter().map(|(topic, _)| *topic).collect();
    axum::Json(json!({"topic": topic, "quote": quote, "topics": topics}))
}

/// Fails, to show that a failure costs nothing.
async fn broken() -> impl IntoResponse {
    (StatusCode::INTERNAL_SERVER_ERROR, "the press is jammed\n")
}

#[cfg(test)]
mod tests {
    use super::byte_range;

    #[test]
    fn byte_ranges_follow_the_rules() {
        for (text, expected) in [
            ("bytes=0-9", Some((0, 9))),
            ("bytes=90-", Some((90, 99))),
            ("bytes=-10", Some((90, 99))),
            ("bytes=0-1000", Some((0, 99))),
            ("bytes=100-", None),
            ("bytes=9-3", None),
            ("items=0-1", None),
            ("bytes=a-b", None),
        ] {
            assert_eq!(byte_range(text, 100), expected, "{text}");
        }
    }
}
