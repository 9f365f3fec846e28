//! The `OpenAPI` 3.1 document of what is for sale, with the price of each operation.
//!
//! The price stands in `x-payment-info`, as crawlers of paid services read it: one offer for each
//! intent of MPP, amounts in base units of the currency, the price in words in `description`. The
//! challenge of a request always wins over this document.

use std::collections::BTreeMap;

use http::Method;
use serde_json::{Map, Value, json};

use crate::challenge::Challenge;
use crate::mpp::{self, Intent, Terms};

/// The service that the document describes.
#[derive(Debug, Clone, Default, PartialEq, Eq)]
pub struct Service {
    /// Name.
    pub title: String,
    /// Version of the service, not of the format.
    pub version: String,
    /// One paragraph for people.
    pub description: String,
    /// Origin under which the paths are found.
    pub origin: String,
    /// Categories for catalogues.
    pub categories: Vec<String>,
    /// URL of the home page.
    pub homepage: Option<String>,
    /// URL of the reference.
    pub api_reference: Option<String>,
    /// URL of the text for language models.
    pub llms: Option<String>,
}

/// One priced operation.
#[derive(Debug, Clone, PartialEq, Eq)]
pub struct Operation {
    /// Method.
    pub method: Method,
    /// Path pattern; `{name}`, `{*name}` and `*` stand for parts of the path.
    pub path: String,
    /// One line for people.
    pub description: String,
    /// Media type of the paid answer.
    pub mime_type: Option<String>,
    /// The terms; the purchase is left out, because only a concrete request has one.
    pub challenge: Challenge,
}

/// Builds the document. Methods that `OpenAPI` has no word for are left out.
pub fn document(service: &Service, operations: &[Operation]) -> Value {
    let mut paths: BTreeMap<String, Map<String, Value>> = BTreeMap::new();
    for operation in operations {
        let Some(method) = method_word(&operation.method) else {
            continue;
        };
        let (path, parameters) = path_template(&operation.path);
        let item = describe(operation, &path, &parameters);
        paths.entry(path).or_default().insert(method.to_owned(), item);
    }
    let mut docs = Map::new();
    for (name, url) in [
        ("homepage", &service.homepage),
        ("apiReference", &service.api_reference),
        ("llms", &service.llms),
    ] {
        docs.extend(url.as_ref().map(|url| (name.to_owned(), Value::from(url.as_str()))));
    }
    json!({
        "openapi": "3.1.0",
        "info": {
            "title": service.title,
            "version": service.version,
            "description": service.description,
        },
        "servers": [{"url": service.origin}],
        "x-service-info": {"categories": service.categories, "docs": docs},
        "paths": paths,
        "components": {"schemas": {"Problem": problem_schema()}},
    })
}

fn method_word(method: &Method) -> Option<&'static str> {
    const WORDS: [(Method, &str); 8] = [
        (Method::GET, "get"),
        (Method::PUT, "put"),
        (Method::POST, "post"),
        (Method::DELETE, "delete"),
        (Method::OPTIONS, "options"),
        (Method::HEAD, "head"),
        (Method::PATCH, "patch"),
        (Method::TRACE, "trace"),
    ];
    WORDS.iter().find(|(known, _)| known == method).map(|(_, word)| *word)
}

/// The path in `OpenAPI`'s spelling, and the names of its parameters.
fn path_template(pattern: &str) -> (String, Vec<String>) {
    let mut parameters: Vec<String> = Vec::new();
    let segments: Vec<String> = pattern
        .split('/')
        .map(|segment| {
            let braced = segment.strip_prefix('{').and_then(|rest| rest.strip_suffix('}'));
            let name = match (braced, segment) {
                (Some(name), _) => name.trim_start_matches('*').to_owned(),
                (None, "*" | "**") => format!("part{}", parameters.len() + 1),
                (None, text) => return text.to_owned(),
            };
            let text = format!("{{{name}}}");
            parameters.push(name);
            text
        })
        .collect();
    (segments.join("/"), parameters)
}

fn describe(operation: &Operation, path: &str, parameters: &[String]) -> Value {
    let mut paid = json!({
        "description": "The resource; Payment-Receipt or PAYMENT-RESPONSE carries the receipt",
    });
    if let Some(mime_type) = &operation.mime_type {
        paid["content"] = json!({mime_type: {}});
    }
    let problem = json!({
        "application/problem+json": {"schema": {"$ref": "#/components/schemas/Problem"}},
    });
    let mut item = json!({
        "operationId": operation_id(&operation.method, path),
        "summary": operation.description,
        "x-payment-info": payment_info(&operation.challenge, &operation.description),
        "responses": {
            "200": paid,
            "400": {"description": "The payment could not be read", "content": problem.clone()},
            "402": {
                "description": "Payment required",
                "headers": {
                    "PAYMENT-REQUIRED": {
                        "description": "Terms: base64 of JSON, x402 version 2",
                        "schema": {"type": "string"},
                    },
                    "WWW-Authenticate": {
                        "description": "Terms: challenges of the scheme Payment",
                        "schema": {"type": "string"},
                    },
                },
                "content": problem,
            },
        },
    });
    if [Method::POST, Method::PUT, Method::PATCH].contains(&operation.method) {
        item["requestBody"] = json!({"required": false, "content": {"*/*": {}}});
    }
    if !parameters.is_empty() {
        item["parameters"] = parameters.iter().map(|name| path_parameter(name)).collect();
    }
    item
}

/// The ways to pay and what each costs, as MPP names them.
pub fn payment_info(challenge: &Challenge, description: &str) -> Value {
    let offers = terms(challenge).zip(prices(challenge)).map(|(terms, price)| {
        let amount = terms.price();
        json!({
            "intent": terms.intent().name(),
            "method": mpp::METHOD,
            "amount": amount.units().to_string(),
            "currency": mpp::currency(amount.asset()),
            "description": format!("{description}: {price}"),
        })
    });
    json!({"offers": offers.collect::<Vec<_>>()})
}

/// What each of the ways to pay costs, in words.
pub(crate) fn prices(challenge: &Challenge) -> Vec<String> {
    let price = |terms: Terms| match &terms {
        Terms::Charge(charge) => charge.amount.to_string(),
        Terms::Session(session) if session.per == 1 => {
            format!("{} for each {}", session.price, session.unit)
        }
        Terms::Session(session) => {
            format!("{} for each {} of {}", session.price, session.per, session.unit)
        }
    };
    terms(challenge).map(price).collect()
}

fn terms(challenge: &Challenge) -> impl Iterator<Item = Terms> {
    [Intent::Charge, Intent::Session].into_iter().filter_map(|it| Terms::of(challenge, it))
}

fn path_parameter(name: &str) -> Value {
    json!({"name": name, "in": "path", "required": true, "schema": {"type": "string"}})
}

/// Method and path with everything but letters and digits as underscores.
fn operation_id(method: &Method, path: &str) -> String {
    let word = method.as_str().to_ascii_lowercase();
    let mut id = String::with_capacity(word.len() + path.len());
    id.push_str(&word);
    for part in path.split(|c: char| !c.is_ascii_alphanumeric()).filter(|part| !part.is_empty()) {
        id.push('_');
        id.push_str(part);
    }
    id
}

fn problem_schema() -> Value {
    json!({
        "type": "object",
        "required": ["type", "title", "status", "detail", "code", "retry", "charged"],
        "properties": {
            "type": {"type": "string"},
            "title": {"type": "string"},
            "status": {"type": "integer"},
            "detail": {"type": "string"},
            "code": {"type": "string"},
            "param": {"type": "string"},
            "retry": {"type": "string"},
            "request_id": {"type": "string"},
            "charged": {"type": "boolean"},
        },
    })
}
