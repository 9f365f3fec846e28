//! Requests as they are counted: by route of the node and by site of the gateways.
//!
//! A handle is made once for each route and site; a request finds it by name and then only adds. Names
//! of routes are patterns of the router, never what a request said, so their number is bounded.

use std::collections::BTreeMap;
use std::sync::atomic::{AtomicU64, Ordering};
use std::sync::{Arc, PoisonError, RwLock};
use std::time::Duration;

use gateway::Outcome;

use super::exposition::Exposition;
use super::families::{HTTP_REQUESTS, HTTP_SECONDS, SITE_REQUESTS, SITE_SECONDS};
use engine::{Histogram, Reading};

/// Kinds of status that are told apart.
const STATUSES: [&str; 5] = ["1xx", "2xx", "3xx", "4xx", "5xx"];

/// All requests of a process.
#[derive(Debug, Clone, Default)]
pub struct Traffic {
    routes: Arc<RwLock<BTreeMap<String, Arc<Route>>>>,
    sites: Arc<RwLock<BTreeMap<String, Arc<SiteTraffic>>>>,
}

/// Requests of one route.
#[derive(Debug, Default)]
pub(crate) struct Route {
    by_status: [AtomicU64; STATUSES.len()],
    seconds: Histogram,
}

/// Requests of one site.
#[derive(Debug, Default)]
pub struct SiteTraffic {
    by_outcome: [AtomicU64; Outcome::ALL.len()],
    seconds: Histogram,
}

impl Traffic {
    /// The figures of a site; the same name, the same figures.
    pub fn site(&self, name: &str) -> Arc<SiteTraffic> {
        handle(&self.sites, name)
    }

    pub(crate) fn route(&self, pattern: &str) -> Arc<Route> {
        handle(&self.routes, pattern)
    }

    /// All requests to sites together.
    pub(crate) fn sites_reading(&self) -> Reading {
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner);
        sites.values().fold(Reading::default(), |sum, site| sum.plus(&site.seconds.read()))
    }

    pub(crate) fn write(&self, to: &mut Exposition) {
        let routes = self.routes.read().unwrap_or_else(PoisonError::into_inner).clone();
        let sites = self.sites.read().unwrap_or_else(PoisonError::into_inner).clone();
        to.family(&HTTP_REQUESTS);
        for (name, route) in &routes {
            for (status, count) in STATUSES.iter().zip(&route.by_status) {
                let count = count.load(Ordering::Relaxed);
                // Most routes give two or three kinds of answers; the others would be noise.
                if count > 0 {
                    to.sample(&HTTP_REQUESTS, &[("route", name), ("status", status)], count);
                }
            }
        }
        to.family(&HTTP_SECONDS);
        for (name, route) in &routes {
            to.histogram(&HTTP_SECONDS, &[("route", name)], &route.seconds.read());
        }
        to.family(&SITE_REQUESTS);
        for (name, site) in &sites {
            for (outcome, count) in Outcome::ALL.iter().zip(&site.by_outcome) {
                let labels = [("site", name.as_str()), ("outcome", outcome.code())];
                to.sample(&SITE_REQUESTS, &labels, count.load(Ordering::Relaxed));
            }
        }
        to.family(&SITE_SECONDS);
        for (name, site) in &sites {
            to.histogram(&SITE_SECONDS, &[("site", name)], &site.seconds.read());
        }
    }
}

impl Route {
    pub(crate) fn note(&self, status: u16, took: Duration) {
        let kind = usize::from(status / 100).clamp(1, STATUSES.len()) - 1;
        self.by_status[kind].fetch_add(1, Ordering::Relaxed);
        self.seconds.note(took);
    }
}

impl SiteTraffic {
    /// A request was answered.
    pub fn note(&self, outcome: Outcome, took: Duration) {
        let index = Outcome::ALL.iter().position(|known| *known == outcome).unwrap_or_default();
        self.by_outcome[index].fetch_add(1, Ordering::Relaxed);
        self.seconds.note(took);
    }
}

fn handle<T: Default>(all: &RwLock<BTreeMap<String, Arc<T>>>, name: &str) -> Arc<T> {
    let known = all.read().unwrap_or_else(PoisonError::into_inner).get(name).cloned();
    known.unwrap_or_else(|| {
        let mut all = all.write().unwrap_or_else(PoisonError::into_inner);
        Arc::clone(all.entry(name.to_owned()).or_default())
    })
}

#[cfg(test)]
mod tests {
    use super::*;

    #[test]
    fn requests_are_counted_where_they_belong() {
        let traffic = Traffic::default();
        let took = Duration::from_millis(3);
        for status in [200, 200, 404, 503, 999, 0] {
            traffic.route("/v1/{id}").note(status, took);
        }
        traffic.site("shop").note(Outcome::Paid, took);
        let mut page = Exposition::default();
        traffic.write(&mut page);
        let page = page.finish();
        for line in [
            r#"farthing_http_requests_total{route="/v1/{id}",status="2xx"} 2"#,
            r#"farthing_http_requests_total{route="/v1/{id}",status="4xx"} 1"#,
            r#"farthing_http_requests_total{route="/v1/{id}",status="5xx"} 2"#,
            r#"farthing_http_request_seconds_count{route="/v1/{id}"} 6"#,
            r#"farthing_gateway_requests_total{site="shop",outcome="paid"} 1"#,
            r#"farthing_gateway_requests_total{site="shop",outcome="failed"} 0"#,
        ] {
            assert!(page.lines().any(|found| found == line), "{line} is missing in\n{page}");
        }
        assert_eq!(traffic.sites_reading().count(), 1);
    }
}
