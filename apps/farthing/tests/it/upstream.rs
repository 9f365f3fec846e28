//! The service behind the gateways, in the test's own process: it survives kills and remembers what
//! it executed for which payment.

use std::collections::BTreeMap;
use std::net::SocketAddr;
use std::sync::{Arc, Mutex};
use std::time::Duration;

use axum::Router;
use axum::extract::State;
use axum::http::{HeaderMap, Method, Uri};
use money::PaymentId;
use tokio::net::TcpListener;
use tokio::sync::Semaphore;

/// How long a job takes, so that kills meet jobs under way.
const JOB_TIME: Duration = Duration::from_millis(3);

/// A service that counts.
#[derive(Clone)]
pub struct Upstream {
    executions: Arc<Mutex<BTreeMap<Option<PaymentId>, usize>>>,
    /// Requests below `/jobs/gate/` wait for a permit each.
    gate: Arc<Semaphore>,
}

impl Upstream {
    pub async fn serve() -> (Self, SocketAddr) {
        let upstream = Self { executions: Arc::default(), gate: Arc::new(Semaphore::new(0)) };
        let listener = TcpListener::bind("127.0.0.1:0").await.unwrap();
        let address = listener.local_addr().unwrap();
        let app = Router::new().fallback(execute).with_state(upstream.clone());
        tokio::spawn(async move { axum::serve(listener, app).await });
        (upstream, address)
    }

    /// How often it was asked for a payment; for `None` without one.
    pub fn executions(&self, payment: Option<PaymentId>) -> usize {
        self.executions.lock().unwrap().get(&payment).copied().unwrap_or(0)
    }

    /// Lets so many waiting requests go on.
    pub fn open_gate(&self, requests: usize) {
        self.gate.add_permits(requests);
    }

    /// Counts, and tells the number of this execution among all.
    fn count(&self, payment: Option<PaymentId>) -> usize {
        let mut executions = self.executions.lock().unwrap();
        *executions.entry(payment).or_default() += 1;
        executions.values().sum()
    }
}

/// An article is the same for everyone; each job says which execution it was.
async fn execute(
    State(upstream): State<Upstream>,
    method: Method,
    uri: Uri,
    headers: HeaderMap,
) -> String {
    let payment = headers.get("farthing-payment");
    let payment = payment.map(|id| id.to_str().unwrap().parse().unwrap());
    let number = upstream.count(payment);
    if uri.path().starts_with("/jobs/gate/") {
        upstream.gate.acquire().await.unwrap().forget();
    }
    if method == Method::POST {
        tokio::time::sleep(JOB_TIME).await;
        return format!("execution {number}");
    }
    format!("article {}", uri.path())
}
