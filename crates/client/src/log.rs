//! The files of a verifiable log: checkpoint, policy, tiles.
//!
//! Invariant: what comes back is what was there, at most as long as the caller said; whether it is to
//! be believed is for the caller to check. A file that is not there is an answer, not a failure.

use std::time::Duration;

use bytes::Bytes;
use http::{HeaderMap, StatusCode};

use crate::error::Error;
use crate::node::problem;
use crate::request::Request;
use crate::transport::{Timeouts, Transport};

/// Waits before a file is asked for again.
const RETRY_DELAYS_MS: [u64; 3] = [100, 400, 1_600];

/// One log, below the URL that its paths begin with.
#[derive(Debug, Clone)]
pub struct LogClient {
    transport: Transport,
    prefix: String,
}

impl LogClient {
    /// The log whose checkpoint is at `<prefix>/checkpoint`.
    pub fn new(prefix: &str, timeouts: Timeouts) -> Result<Self, Error> {
        let prefix = prefix.trim_end_matches('/').to_owned();
        Request::get(&prefix)?;
        Ok(Self { transport: Transport::new(timeouts), prefix })
    }

    /// The URL that its paths begin with, without a slash at the end.
    pub fn prefix(&self) -> &str {
        &self.prefix
    }

    /// Reads the file at a path below the prefix; `None` if it is not there. Whatever may pass is
    /// tried again a few times.
    pub async fn read(&self, path: &str, limit_bytes: usize) -> Result<Option<Bytes>, Error> {
        for delay_ms in RETRY_DELAYS_MS {
            match self.read_once(path, limit_bytes).await {
                Err(error) if error.is_retryable() => {
                    tokio::time::sleep(Duration::from_millis(delay_ms)).await;
                }
                read => return read,
            }
        }
        self.read_once(path, limit_bytes).await
    }

    async fn read_once(&self, path: &str, limit_bytes: usize) -> Result<Option<Bytes>, Error> {
        let request = Request::get(&format!("{}/{path}", self.prefix))?;
        let answer = self.transport.send(&request, &HeaderMap::new()).await?;
        let status = answer.status();
        let body = answer.into_bytes(limit_bytes).await?;
        match status {
            StatusCode::OK => Ok(Some(body)),
            StatusCode::NOT_FOUND | StatusCode::GONE => Ok(None),
            _ => Err(problem(status.as_u16(), &body)),
        }
    }
}
