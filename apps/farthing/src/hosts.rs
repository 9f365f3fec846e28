//! Which service of a listener a request is for, by the host that it names.
//!
//! A request names its host in `Host`, in an absolute target, or both (RFC 9112, 3.2). Names are
//! compared without regard to case, to a dot at the end and to the port.
//!
//! Invariants: a request that names no host, two hosts, or something that is none reaches no service,
//! so nobody in front can have read it as one for another; what is served under one name is never
//! served under another unless the listener has a service for all names.

use std::collections::HashMap;
use std::convert::Infallible;
use std::fmt;
use std::net::{IpAddr, Ipv6Addr};
use std::pin::Pin;
use std::sync::Arc;
use std::task::{Context, Poll};

use axum::body::Body;
use http::header::{CONNECTION, HOST};
use http::{HeaderValue, Request, Response, Version};
use http402::Problem;
use tower::Service;
use tower::util::BoxCloneSyncService;

/// Longest name of a host (RFC 1035, 2.3.4).
const HOST_BYTES_MAX: usize = 253;

type Served = BoxCloneSyncService<Request<Body>, Response<Body>, Infallible>;

/// The services of one listener.
#[derive(Clone, Default)]
pub(crate) struct Hosts {
    named: Arc<HashMap<String, Served>>,
    /// For names that are not among those.
    other: Option<(Others, Served)>,
}

/// Which of the other names a service has.
#[derive(Debug, Clone, Copy, PartialEq, Eq)]
pub(crate) enum Others {
    /// All.
    All,
    /// Addresses and `localhost`: programs on this machine ask so.
    Local,
}

impl fmt::Debug for Hosts {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Hosts").field("named", &self.named.keys()).finish_non_exhaustive()
    }
}

impl Hosts {
    /// Names as [`host_name`] gives them have this service.
    pub(crate) fn name<S>(&mut self, names: &[String], service: S)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        let service = Served::new(service);
        let named = names.iter().map(|name| (name.clone(), service.clone()));
        Arc::make_mut(&mut self.named).extend(named);
    }

    /// Other names have this service.
    pub(crate) fn others<S>(&mut self, which: Others, service: S)
    where
        S: Service<Request<Body>, Response = Response<Body>, Error = Infallible>,
        S: Clone + Send + Sync + 'static,
        S::Future: Send + 'static,
    {
        self.other = Some((which, Served::new(service)));
    }

    fn find(&self, request: &Request<Body>) -> Result<Served, Box<Problem>> {
        let name = asked(request)?;
        let named = name.as_ref().and_then(|name| self.named.get(name));
        let other = self
            .other
            .as_ref()
            .filter(|(which, _)| *which == Others::All || name.as_deref().is_some_and(is_local));
        let found = named.or(other.map(|(_, service)| service));
        found.cloned().ok_or_else(|| {
            let detail = "nothing is served here under this name";
            let problem = Problem::new(421, "host_unknown", "The host is not served", detail);
            Box::new(problem.with_param("Host"))
        })
    }
}

/// The host that a request is for; `None` if it is of HTTP/1.0 and names none.
fn asked(request: &Request<Body>) -> Result<Option<String>, Box<Problem>> {
    let refused = |code, detail: &str| {
        Box::new(Problem::new(400, code, "The host cannot be told", detail).with_param("Host"))
    };
    let read = |text: &str| {
        let detail = "a host is a name or an address, with a port or without";
        host_name(text).ok_or_else(|| refused("host_invalid", detail))
    };
    let target = request.uri().authority().map(|authority| read(authority.as_str())).transpose()?;
    let mut headers = request.headers().get_all(HOST).iter();
    let header =
        headers.next().map(|value| read(value.to_str().unwrap_or_default())).transpose()?;
    if headers.next().is_some() {
        return Err(refused("host_ambiguous", "the header stands twice"));
    }
    match (target, header) {
        (Some(target), Some(header)) if target != header => {
            Err(refused("host_ambiguous", "the header and the target name two hosts"))
        }
        (None, None) if request.version() == Version::HTTP_11 => {
            Err(refused("host_invalid", "the header is missing"))
        }
        (target, header) => Ok(target.or(header)),
    }
}

/// The host of a `Host` field, without port, in small letters, without a dot at the end; addresses in
/// their usual form. `None` if it is none.
pub(crate) fn host_name(text: &str) -> Option<String> {
    let (name, port) = if let Some(rest) = text.strip_prefix('[') {
        let (address, port) = rest.split_once(']')?;
        let address: Ipv6Addr = address.parse().ok()?;
        (format!("[{address}]"), port)
    } else {
        let end = text.find(':').unwrap_or(text.len());
        let (name, port) = text.split_at_checked(end)?;
        (plain_name(name)?, port)
    };
    let port = if port.is_empty() { port } else { port.strip_prefix(':')? };
    let is_port = port.bytes().all(|byte| byte.is_ascii_digit());
    let fits = is_port && (port.is_empty() || port.parse::<u16>().is_ok());
    fits.then_some(name)
}

fn plain_name(text: &str) -> Option<String> {
    let name = text.strip_suffix('.').unwrap_or(text).to_ascii_lowercase();
    let is_plain =
        |byte: u8| byte.is_ascii_lowercase() || byte.is_ascii_digit() || b"-_".contains(&byte);
    let mut labels = name.split('.');
    let is_name = labels.all(|label| !label.is_empty() && label.bytes().all(is_plain));
    (is_name && name.len() <= HOST_BYTES_MAX).then_some(name)
}

/// The origin of a name at a port, which stands in it unless it is the usual one.
pub(crate) fn origin_at(scheme: &str, host: &str, port: u16) -> String {
    match (scheme, port) {
        ("http", 80) | ("https", 443) => format!("{scheme}://{host}"),
        _ => format!("{scheme}://{host}:{port}"),
    }
}

/// The host of an origin.
pub(crate) fn host_of(origin: &str) -> Option<String> {
    origin.split_once("://").and_then(|(_, authority)| host_name(authority))
}

/// Whether a name as [`host_name`] gives it is of this machine or of no name at all.
pub(crate) fn is_local(name: &str) -> bool {
    let address = name.trim_matches(['[', ']']);
    name == "localhost" || address.parse::<IpAddr>().is_ok()
}

impl Service<Request<Body>> for Hosts {
    type Response = Response<Body>;
    type Error = Infallible;
    type Future = Pin<Box<dyn Future<Output = Result<Response<Body>, Infallible>> + Send>>;

    fn poll_ready(&mut self, _: &mut Context<'_>) -> Poll<Result<(), Infallible>> {
        // The services are ready at any time: each request has a clone of its own.
        Poll::Ready(Ok(()))
    }

    fn call(&mut self, request: Request<Body>) -> Self::Future {
        match self.find(&request) {
            Ok(mut service) => service.call(request),
            Err(problem) => {
                let mut response = gateway::problem_answer(&problem);
                // Whoever sent this may have more to come that is read in two ways.
                response.headers_mut().insert(CONNECTION, HeaderValue::from_static("close"));
                Box::pin(async move { Ok(response) })
            }
        }
    }
}

#[cfg(test)]
mod tests {
    use axum::Router;
    use axum::routing::any;
    use tower::ServiceExt as _;

    use super::*;

    #[test]
    fn hosts_are_compared_by_what_they_mean() {
        for (text, name) in [
            ("news.example", "news.example"),
            ("NEWS.Example:443", "news.example"),
            ("news.example.", "news.example"),
            ("news.example.:8080", "news.example"),
            ("news.example:", "news.example"),
            ("a_b-c.example", "a_b-c.example"),
            ("127.0.0.1:80", "127.0.0.1"),
            ("[::1]", "[::1]"),
            ("[0:0::0:1]:80", "[::1]"),
        ] {
            assert_eq!(host_name(text).as_deref(), Some(name), "{text}");
        }
        let long = format!("{}.example", "a".repeat(250));
        for text in [
            "",
            ".",
            ":80",
            ".example",
            "a..example",
            "a.example..",
            "a.example:99999",
            "a.example:8o",
            "a.example:80:80",
            "a.example:-1",
            "a.example:+1",
            "a.example, b.example",
            "a.example b.example",
            " a.example",
            "a.example\t",
            "user@a.example",
            "a.example/b",
            "a.example?",
            "a.example#",
            "a.example\\b",
            "a%2eexample",
            "[::1",
            "[::1]80",
            "[1.2.3.4]",
            "[fe80::1%25eth0]",
            "::1",
            "ä.example",
            &long,
        ] {
            assert_eq!(host_name(text), None, "{text}");
        }
    }

    /// Who answers, or status and code.
    async fn answer(hosts: &Hosts, request: Request<Body>) -> String {
        let response = hosts.clone().oneshot(request).await.unwrap();
        let (head, body) = response.into_parts();
        let bytes = axum::body::to_bytes(body, 64 * 1024).await.unwrap();
        if head.status == 200 {
            return String::from_utf8(bytes.to_vec()).unwrap();
        }
        assert_eq!(head.headers["connection"], "close");
        let problem: serde_json::Value = serde_json::from_slice(&bytes).unwrap();
        format!("{} {}", head.status.as_u16(), problem["code"].as_str().unwrap())
    }

    fn router(name: &'static str) -> Router {
        Router::new().fallback(any(move || async move { name }))
    }

    fn request(target: &str, hosts: &[&str], version: Version) -> Request<Body> {
        let mut request = Request::builder().uri(target).version(version);
        for host in hosts {
            request = request.header(HOST, *host);
        }
        request.body(Body::empty()).unwrap()
    }

    #[tokio::test]
    async fn each_name_has_its_service_and_no_other() {
        let mut hosts = Hosts::default();
        hosts.name(&["news.example".to_owned(), "www.news.example".to_owned()], router("news"));
        hosts.others(Others::All, router("node"));
        let mut closed = hosts.clone();
        closed.name(&["pay.example".to_owned()], router("node"));
        closed.others(Others::Local, router("node"));
        let only = {
            let mut only = Hosts::default();
            only.name(&["news.example".to_owned()], router("news"));
            only
        };
        for (host, by_default, with_names, alone) in [
            ("news.example", "news", "news", "news"),
            ("WWW.news.example.:80", "news", "news", "421 host_unknown"),
            ("pay.example", "node", "node", "421 host_unknown"),
            ("127.0.0.1:4021", "node", "node", "421 host_unknown"),
            ("[::1]", "node", "node", "421 host_unknown"),
            ("localhost", "node", "node", "421 host_unknown"),
            ("evil.example", "node", "421 host_unknown", "421 host_unknown"),
            ("news.example.evil.example", "node", "421 host_unknown", "421 host_unknown"),
        ] {
            for (hosts, expected) in [(&hosts, by_default), (&closed, with_names), (&only, alone)] {
                let asked = request("/", &[host], Version::HTTP_11);
                assert_eq!(answer(hosts, asked).await, expected, "{host}");
                let absolute = request(&format!("http://{host}/"), &[], Version::HTTP_2);
                assert_eq!(answer(hosts, absolute).await, expected, "{host}");
            }
        }
    }

    #[tokio::test]
    async fn what_could_be_read_in_two_ways_reaches_nobody() {
        let mut hosts = Hosts::default();
        hosts.name(&["news.example".to_owned()], router("news"));
        hosts.others(Others::All, router("node"));
        let absolute = "http://news.example/";
        for (target, names, version, expected) in [
            ("/", &[][..], Version::HTTP_11, "400 host_invalid"),
            ("/", &[], Version::HTTP_10, "node"),
            ("/", &[""], Version::HTTP_11, "400 host_invalid"),
            ("/", &["news.example", "pay.example"], Version::HTTP_11, "400 host_ambiguous"),
            ("/", &["news.example", "news.example"], Version::HTTP_11, "400 host_ambiguous"),
            ("/", &["news.example, pay.example"], Version::HTTP_11, "400 host_invalid"),
            ("/", &["user@news.example"], Version::HTTP_11, "400 host_invalid"),
            (absolute, &["pay.example"], Version::HTTP_11, "400 host_ambiguous"),
            (absolute, &["pay.example"], Version::HTTP_2, "400 host_ambiguous"),
            (absolute, &["news.example:80"], Version::HTTP_11, "news"),
            (absolute, &[], Version::HTTP_11, "news"),
            ("http://user@news.example/", &["news.example"], Version::HTTP_11, "400 host_invalid"),
        ] {
            let asked = request(target, names, version);
            assert_eq!(answer(&hosts, asked).await, expected, "{target} {names:?}");
        }
    }
}
