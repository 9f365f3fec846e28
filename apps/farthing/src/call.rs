//! Calls of the node's API whose answers are shown: JSON as it comes, lists to their end, and refusals in
//! the words of the command line.

use client::NodeClient;
use http::Method;
use serde_json::Value;

use crate::failure::Failure;

/// Largest answer that is read.
const ANSWER_BYTES_MAX: usize = 1024 * 1024;

/// Members of the API and what stands for them on the command line.
pub(crate) type Flags = [(&'static str, &'static str)];

/// Calls; null if the answer has no content.
pub(crate) async fn json(
    node: &NodeClient,
    token: &str,
    (method, path): (Method, String),
    body: Option<&Value>,
    flags: &Flags,
) -> Result<Value, Failure> {
    let answer = node.call(token, (method, &path), None, body).await;
    let bytes = match answer {
        Ok(answer) => answer.into_bytes(ANSWER_BYTES_MAX).await?,
        Err(error) => return Err(refused(error, flags)),
    };
    if bytes.is_empty() {
        return Ok(Value::Null);
    }
    serde_json::from_slice(&bytes)
        .map_err(|why| Failure::new(format!("the node's answer is not JSON: {why}")))
}

/// All entries of a list.
pub(crate) async fn all(node: &NodeClient, token: &str, path: &str) -> Result<Vec<Value>, Failure> {
    let (mut entries, mut cursor) = (Vec::new(), String::new());
    loop {
        let mut page: Value = node.ask(token, &format!("{path}?limit=100{cursor}")).await?;
        if let Some(data) = page["data"].as_array_mut() {
            entries.append(data);
        }
        let Some(next) = page["next_cursor"].as_str() else { return Ok(entries) };
        cursor = format!("&cursor={next}");
    }
}

/// A value in a line for people.
pub(crate) fn text(value: &Value) -> String {
    match value {
        Value::Null => "-".to_owned(),
        Value::String(text) => text.clone(),
        other => other.to_string(),
    }
}

/// A refusal for a member that has a flag is wrong usage, and names the flag.
fn refused(error: client::Error, flags: &Flags) -> Failure {
    let member = error.param().and_then(|param| param.split(['.', '[']).next());
    let flag = flags.iter().find(|(name, _)| Some(*name) == member);
    match flag {
        Some((_, flag)) => Failure::usage(error.to_string()).with_hint(format!("correct {flag}")),
        None => error.into(),
    }
}
