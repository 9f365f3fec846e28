//! One connection of the load generator: bytes out, one answer in, as little work as can be.
//!
//! On a small machine the generator shares the processors with what it measures, so requests are
//! written as bytes before the clock starts and of an answer only the status and the length are read.
//! It must not serve anything but a bench: an answer that does not say its length is an error.

use std::io::Write as _;

use anyhow::{Context, Result, bail};
use bytes::Bytes;
use http::{Request, StatusCode};
use tokio::io::{AsyncReadExt as _, AsyncWriteExt as _};
use tokio::net::TcpStream;

use crate::chunked::Chunks;

/// Room for the head of an answer; a larger one is an error.
const HEAD_BYTES_MAX: usize = 32 * 1024;
const END_OF_HEAD: &[u8] = b"\r\n\r\n";

/// A request as it goes over the wire.
pub(crate) fn encode(call: &Request<Bytes>) -> Result<Vec<u8>> {
    let authority = call.uri().authority().context("a request without host")?;
    let path = call.uri().path_and_query().map_or("/", http::uri::PathAndQuery::as_str);
    let mut bytes = Vec::new();
    write!(bytes, "{} {path} HTTP/1.1\r\nhost: {authority}\r\n", call.method())?;
    for (name, value) in call.headers() {
        write!(bytes, "{name}: {}\r\n", value.to_str()?)?;
    }
    if !call.body().is_empty() {
        write!(bytes, "content-length: {}\r\n", call.body().len())?;
    }
    bytes.extend_from_slice(b"\r\n");
    bytes.extend_from_slice(call.body());
    Ok(bytes)
}

/// An open connection on which one request at a time is answered.
pub(crate) struct Connection {
    stream: TcpStream,
    buffer: Vec<u8>,
}

impl Connection {
    pub(crate) async fn open(authority: &str) -> Result<Self> {
        let stream = TcpStream::connect(authority)
            .await
            .with_context(|| format!("cannot connect to {authority}"))?;
        stream.set_nodelay(true)?;
        Ok(Self { stream, buffer: Vec::with_capacity(HEAD_BYTES_MAX) })
    }

    /// Sends a request and reads its whole answer.
    pub(crate) async fn exchange(&mut self, request: &[u8]) -> Result<StatusCode> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let mut searched = 0;
        let (head, length) = loop {
            self.read_more().await?;
            if let Some(found) = find(&self.buffer[searched..], END_OF_HEAD) {
                let end = searched + found + END_OF_HEAD.len();
                break (Head::parse(&self.buffer[..end])?, end);
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                bail!("the head of the answer is too large");
            }
            searched = self.buffer.len().saturating_sub(END_OF_HEAD.len());
        };
        let whole = length + head.body_bytes;
        while self.buffer.len() < whole {
            self.read_more().await?;
        }
        if self.buffer.len() > whole {
            bail!("more came than one answer");
        }
        Ok(head.status)
    }

    /// Sends a request and reads its answer in chunks to the end; bytes of the body.
    pub(crate) async fn stream(&mut self, request: &[u8]) -> Result<(StatusCode, u64)> {
        self.stream.write_all(request).await?;
        self.buffer.clear();
        let (status, end) = loop {
            self.read_more().await?;
            if let Ok(head) = head(&self.buffer) {
                break (Head::status(head)?, head.len());
            }
            if self.buffer.len() > HEAD_BYTES_MAX {
                bail!("the head of the answer is too large");
            }
        };
        let mut chunks = Chunks::new();
        chunks.read(&self.buffer[end..])?;
        while !chunks.is_at_end() {
            self.buffer.clear();
            self.read_more().await?;
            chunks.read(&self.buffer)?;
        }
        Ok((status, chunks.body_bytes()))
    }

    /// The answer that was read last, from its first byte on.
    pub(crate) fn answer(&self) -> &[u8] {
        &self.buffer
    }

    async fn read_more(&mut self) -> Result<()> {
        if self.stream.read_buf(&mut self.buffer).await? == 0 {
            bail!("the answer broke off");
        }
        Ok(())
    }
}

struct Head {
    status: StatusCode,
    body_bytes: usize,
}

impl Head {
    fn parse(head: &[u8]) -> Result<Self> {
        let text = std::str::from_utf8(head).context("the head of the answer is not text")?;
        let length = text
            .split("\r\n")
            .filter_map(|line| line.split_once(':'))
            .find(|(name, _)| name.eq_ignore_ascii_case("content-length"))
            .context("the answer does not say its length")?;
        Ok(Self { status: Self::status(head)?, body_bytes: length.1.trim().parse()? })
    }

    fn status(head: &[u8]) -> Result<StatusCode> {
        let status = head.strip_prefix(b"HTTP/1.1 ").and_then(|rest| rest.get(..3));
        Ok(StatusCode::from_bytes(status.context("not an HTTP/1.1 answer")?)?)
    }
}

/// The head of an answer, with the empty line that ends it.
pub(crate) fn head(answer: &[u8]) -> Result<&[u8]> {
    let end = find(answer, END_OF_HEAD).context("the answer has no head")?;
    Ok(&answer[..end + END_OF_HEAD.len()])
}

fn find(bytes: &[u8], wanted: &[u8]) -> Option<usize> {
    bytes.windows(wanted.len()).position(|window| window == wanted)
}

#[cfg(test)]
mod tests {
    use tokio::net::TcpListener;

    use super::*;

    #[test]
    fn a_request_is_written_with_its_host_and_length() {
        let call = Request::post("http://127.0.0.1:1/a?b=c")
            .header("x-one", "1")
            .body(Bytes::from_static(b"body"))
            .unwrap();
        let text = String::from_utf8(encode(&call).unwrap()).unwrap();
        let expected = "POST /a?b=c HTTP/1.1\r\nhost: 127.0.0.1:1\r\nx-one: 1\r\n\
                        content-length: 4\r\n\r\nbody";
        assert_eq!(text, expected);
        assert!(encode(&Request::get("/a").body(Bytes::new()).unwrap()).is_err());
    }

    /// Answers each read with the next of `pieces`, then hangs up.
    async fn answered(pieces: &'static [&'static str]) -> Result<StatusCode> {
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap().to_string();
        let server = tokio::spawn(async move {
            let (mut stream, _) = listener.accept().await.unwrap();
            stream.read_u8().await.unwrap();
            for piece in pieces {
                stream.write_all(piece.as_bytes()).await.unwrap();
                stream.flush().await.unwrap();
                tokio::task::yield_now().await;
            }
        });
        let mut connection = Connection::open(&address).await.unwrap();
        let status = connection.exchange(b"G").await;
        server.await.unwrap();
        status
    }

    #[tokio::test]
    async fn an_answer_is_read_to_its_end_however_it_is_cut() {
        let whole = ["HTTP/1.1 402 Pay\r\nContent-Length: 4\r\n\r\nbody"].as_slice();
        assert_eq!(answered(whole).await.unwrap(), 402);
        let cut = ["HTTP/1.1 200 OK\r\ncontent-le", "ngth: 4\r\n\r", "\nbo", "dy"].as_slice();
        assert_eq!(answered(cut).await.unwrap(), 200);
    }

    #[tokio::test]
    async fn an_answer_that_is_not_whole_is_an_error() {
        for broken in [
            ["HTTP/1.1 200 OK\r\ncontent-length: 5\r\n\r\nbody"].as_slice(),
            ["HTTP/1.1 200 OK\r\ncontent-length: 3\r\n\r\nbody"].as_slice(),
            ["HTTP/1.1 200 OK\r\n\r\nbody"].as_slice(),
            ["HTTP/1.1 200 OK\r\n"].as_slice(),
            ["ICY 200 OK\r\ncontent-length: 0\r\n\r\n"].as_slice(),
        ] {
            assert!(answered(broken).await.is_err(), "{broken:?}");
        }
    }
}
