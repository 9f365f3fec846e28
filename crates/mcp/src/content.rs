//! What was bought, as an agent can take it: short text in the answer, everything else in a file.
//!
//! Invariant: what was paid for is never thrown away because it is long or not text.

use std::path::{Path, PathBuf};

use bytes::Bytes;
use client::{Answer, Error};
use http::header::CONTENT_TYPE;

use crate::refusal::Refusal;

/// Longest text that stands in an answer.
const CONTENT_TEXT_BYTES_MAX: usize = 128 * 1024;
/// Longest content that is fetched.
const CONTENT_BYTES_MAX: usize = 64 * 1024 * 1024;

/// Content that has arrived.
#[derive(Debug)]
pub(crate) struct Content {
    pub mime_type: Option<String>,
    pub bytes: u64,
    pub text: Option<String>,
    pub file: Option<String>,
}

impl Content {
    /// Reads an answer to its end. `name` is that of the file, should one be needed.
    pub(crate) async fn read(answer: Answer, folder: &Path, name: &str) -> Result<Self, Refusal> {
        let mime_type = answer.headers().get(CONTENT_TYPE);
        let mime_type = mime_type.and_then(|value| value.to_str().ok()).map(str::to_owned);
        let body = answer.into_bytes(CONTENT_BYTES_MAX).await?;
        let bytes = body.len() as u64;
        if let Some(text) = short_text(&body, mime_type.as_deref()) {
            return Ok(Self { mime_type, bytes, text: Some(text), file: None });
        }
        let path = store(folder, name, &body).await?;
        let file = Some(path.display().to_string());
        Ok(Self { mime_type, bytes, text: None, file })
    }
}

/// A picture of letters is text too, so the media type decides as far as it is told.
fn short_text(body: &Bytes, mime_type: Option<&str>) -> Option<String> {
    let kind = mime_type.unwrap_or("text/plain").to_ascii_lowercase();
    let is_text = kind.starts_with("text/")
        || ["json", "xml", "javascript", "yaml", "csv"].iter().any(|word| kind.contains(word));
    if !is_text || body.len() > CONTENT_TEXT_BYTES_MAX {
        return None;
    }
    String::from_utf8(body.to_vec()).ok()
}

async fn store(folder: &Path, name: &str, body: &Bytes) -> Result<PathBuf, Refusal> {
    let path = folder.join(name);
    let stored = async {
        tokio::fs::create_dir_all(folder).await?;
        tokio::fs::write(&path, body).await
    };
    stored.await.map_err(|error| {
        let why = format!("the content cannot be stored at {}: {error}", path.display());
        Refusal::from(Error::not_stored(why))
    })?;
    Ok(path)
}
