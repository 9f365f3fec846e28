//! What a node consists of, as far as its API shows or needs it.

use std::collections::BTreeMap;
use std::fmt;
use std::sync::Arc;
use std::time::Duration;

use admission::{Admission, Limiter};
use engine::Engine;
use gateway::PublishedOffer;
use http402::Problem;
use http402::llms::Entry;
use instrument::hex::parse_32;
use instrument::{KeyPair, PublicKey};
use money::{AccountId, PaymentId};
use sha2::{Digest, Sha256};
use subtle::ConstantTimeEq;
use tokio::sync::{Semaphore, watch};
use utoipa::openapi::OpenApi;

use crate::authority::Sessions;
use crate::catalogue::{Catalogue, Ready};
use crate::clock::TestClock;
use crate::events::EVENT_STREAMS_COUNT_MAX;
use crate::idempotency::Flights;
use crate::log::NodeLog;
use crate::monitor::Monitor;
use crate::payer::PAYER_STREAMS_COUNT_MAX;
use crate::refused::Refused;
use crate::reports;

/// How long a question waits for a read model that is behind the books.
const CATCH_UP: Duration = Duration::from_secs(1);
/// How often it looks.
const CATCH_UP_LOOK: Duration = Duration::from_millis(5);

/// A secret that a caller must show, kept as its digest. Never printed; compared in constant time.
#[derive(Clone)]
pub struct Token([u8; 32]);

impl Token {
    /// Keeps the digest of a secret.
    pub fn new(secret: impl AsRef<str>) -> Self {
        Self(Sha256::digest(secret.as_ref()).into())
    }

    /// A digest in 64 hex digits.
    pub(crate) fn of_digest(hex: &str) -> Option<Self> {
        parse_32(hex).map(Self)
    }

    /// Whether a caller showed the secret. Digests are compared, so the time taken tells neither
    /// content nor length.
    pub fn is(&self, shown: &str) -> bool {
        self.0.ct_eq(Sha256::digest(shown).as_slice()).into()
    }
}

impl fmt::Debug for Token {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.write_str("Token(..)")
    }
}

/// A node, ready to be served.
pub struct Node {
    /// The engine.
    pub engine: Engine,
    /// The node's key, which signs receipts.
    pub key: Arc<KeyPair>,
    /// Origin at which the node is reached, without a slash at the end.
    pub public_url: String,
    /// What is for sale at the moment: the resource of each entry is the absolute URL, with the
    /// placeholders of its route if it has any; its purchase digest is left out, because only a concrete
    /// request has one.
    pub offers: watch::Receiver<Vec<Entry>>,
    /// Offers of the configuration, which the API shows and does not change.
    pub file_offers: Vec<PublishedOffer>,
    /// Secret of the operator.
    pub operator_token: Token,
    /// Secret of gateways apart from the node.
    pub gateway_token: Token,
    /// Key of the sites of all gateways, to which sponsors grant mandates.
    pub sponsored_key: PublicKey,
    /// Whether the faucet and the live page's state are served.
    pub sandbox: bool,
    /// Base units that one call of the faucet gives.
    pub faucet_units: u128,
    /// Names for the live page, for accounts that have none of their own.
    pub labels: BTreeMap<AccountId, String>,
    /// Where the sandbox's site is, for the live page.
    pub site: Option<String>,
    /// What is told of the log; `None` if the node keeps none.
    pub log: Option<NodeLog>,
    /// Watches the node.
    pub monitor: Monitor,
    /// The clock of a sandbox; `None` if the node carries real money.
    pub clock: Option<Arc<dyn TestClock>>,
    /// The read model; `None` if the node keeps none.
    pub report: Option<report::Handle>,
    /// Limits on who asks.
    pub admission: Admission,
    /// The outbox of webhooks; `None` if the node sends none.
    pub webhooks: Option<webhook::Handle>,
}

impl fmt::Debug for Node {
    fn fmt(&self, f: &mut fmt::Formatter<'_>) -> fmt::Result {
        f.debug_struct("Node")
            .field("node", &self.engine.node())
            .field("public_url", &self.public_url)
            .finish_non_exhaustive()
    }
}

impl Node {
    /// Where a code of a problem is explained.
    pub(crate) fn doc_url(&self, code: &str) -> String {
        format!("{}/docs/errors#{code}", self.public_url)
    }

    /// URL of a payment's signed receipt.
    pub(crate) fn receipt_url(&self, payment: PaymentId) -> String {
        format!("{}/v1/receipts/{payment}", self.public_url)
    }
}

/// What all handlers share: the node, and what was derived from it once.
#[derive(Debug)]
pub(crate) struct Shared {
    pub node: Node,
    pub catalogue: Catalogue,
    pub limiter: Limiter,
    pub flights: Arc<Flights>,
    pub sessions: Sessions,
    /// Streams of events that may still be opened.
    pub streams: Arc<Semaphore>,
    /// Streams of payers that may still be opened.
    pub payer_streams: Arc<Semaphore>,
}

impl Shared {
    pub(crate) fn new(mut node: Node, calls: OpenApi) -> Self {
        let origin = node.public_url.trim_end_matches('/').len();
        node.public_url.truncate(origin);
        Self {
            catalogue: Catalogue::new(node.offers.clone(), calls),
            limiter: Limiter::new(node.admission.rates),
            flights: Arc::default(),
            sessions: Sessions::default(),
            streams: Arc::new(Semaphore::new(EVENT_STREAMS_COUNT_MAX)),
            payer_streams: Arc::new(Semaphore::new(PAYER_STREAMS_COUNT_MAX)),
            node,
        }
    }

    /// What is for sale at the moment.
    pub(crate) fn for_sale(&self) -> Arc<Ready> {
        self.catalogue.of(&self.node)
    }

    /// Whether browsers reach the node over TLS.
    pub(crate) fn is_secure(&self) -> bool {
        self.node.public_url.starts_with("https:")
    }

    /// The read model.
    pub(crate) fn report(&self) -> Result<&report::Handle, Refused> {
        self.node.report.as_ref().ok_or_else(|| {
            let detail = "this node keeps no read model";
            Refused::new(Problem::new(503, "report_unavailable", "There are no reports", detail))
        })
    }

    /// Asks the read model, off the threads that serve. Who changed something before sees it in the
    /// answer, unless the read model is more than [`CATCH_UP`] behind.
    pub(crate) async fn ask_report<T: Send + 'static>(
        &self,
        question: impl FnOnce(&report::Reader) -> Result<T, report::QueryError> + Send + 'static,
    ) -> Result<T, Refused> {
        let handle = self.report()?.clone();
        let end = *self.engine().events_end().borrow();
        let has_all = async {
            while handle.progress().position < end {
                tokio::time::sleep(CATCH_UP_LOOK).await;
            }
        };
        // A read model that is far behind answers with what it has.
        let _ = tokio::time::timeout(CATCH_UP, has_all).await;
        let answer = tokio::task::spawn_blocking(move || question(handle.reader())).await;
        match answer {
            Ok(answer) => answer.map_err(|why| reports::refused(&why)),
            Err(error) => {
                tracing::error!(%error, "a question of the read model broke off");
                let detail = "the question broke off";
                let title = "There are no reports";
                Err(Refused::new(Problem::new(503, "report_unavailable", title, detail)))
            }
        }
    }

    pub(crate) fn engine(&self) -> &Engine {
        &self.node.engine
    }
}
